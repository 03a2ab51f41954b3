/* SPDX-License-Identifier: BSD-3-Clause */
/* Answer maps as bytes: written, checked and followed. Both processes, any thread. */
#include "common/sip/answer_map.h"

#include <errno.h>

static bool is_ringing(uint16_t status)
{
	return status >= 180 && status <= 189;
}

bool answer_is_mapped(uint16_t status)
{
	switch (status) {
	case 401: /* challenges */
	case 407:
	case 412: /* RFC 3903 */
	case 415: /* what may be sent instead goes with these */
	case 416:
	case 420:
	case 421:
	case 422:
	case 423:
	case 481: /* the dialog, or the transaction, is over */
	case 487: /* the caller gave up himself */
	case 489:
	case 491: /* the requests crossed: to be sent again */
	case 494:
		return false;
	default:
		return is_ringing(status) || (status >= 400 && status <= 699);
	}
}

bool answer_may_become(uint16_t from, uint16_t to)
{
	return answer_is_mapped(from) && answer_is_mapped(to) && is_ringing(from) == is_ringing(to);
}

/* Parts lie at any alignment. The rules end where the first text begins. */
static struct answer_rule rule_load(struct span part, unsigned number)
{
	struct answer_rule rule;

	memcpy(&rule, part.ptr + number * sizeof(rule), sizeof(rule));
	return rule;
}

static unsigned rules_in(struct span part)
{
	return part.len < sizeof(struct answer_rule)
		       ? 0
		       : rule_load(part, 0).text_off / (unsigned)sizeof(struct answer_rule);
}

static bool text_ok(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static int rule_check(struct span part, size_t texts, const struct answer_rule *rule)
{
	size_t len = (size_t)rule->phrase_len + rule->reason_len;

	if (rule->low > rule->high || rule->low < 180 || rule->high > 699 ||
	    (rule->low < 400) != (rule->high < 400) || (rule->low < 400 && !is_ringing(rule->high)) ||
	    !answer_is_mapped(rule->to) || is_ringing(rule->low) != is_ringing(rule->to) ||
	    rule->way >= ANSWER_WAYS || rule->side > 1)
		return -EINVAL;
	if (rule->text_off < texts || rule->text_off + len > part.len ||
	    !text_ok(span_of(part.ptr + rule->text_off, len)))
		return -EINVAL;
	return 0;
}

int answer_map_check(struct span part)
{
	unsigned n = rules_in(part);

	if (part.len == 0)
		return 0;
	if (part.len > ANSWER_MAP_BYTES_MAX || n == 0 || n > ANSWER_RULES_MAX ||
	    n * sizeof(struct answer_rule) > part.len ||
	    rule_load(part, 0).text_off != n * sizeof(struct answer_rule))
		return -EINVAL;
	for (unsigned i = 0; i < n; i++) {
		struct answer_rule rule = rule_load(part, i);

		if (rule_check(part, n * sizeof(rule), &rule))
			return -EINVAL;
	}
	return 0;
}

int answer_map_put(struct cursor *out, const struct answer_rule_text *rules, unsigned n)
{
	uint32_t start = out->len, off = n * (uint32_t)sizeof(struct answer_rule);

	if (n > ANSWER_RULES_MAX)
		return -ENOSPC;
	for (unsigned i = 0; i < n; i++) {
		struct answer_rule rule = rules[i].head;

		if (rules[i].phrase.len > UINT8_MAX || rules[i].reason.len > UINT8_MAX)
			return -EINVAL;
		rule.phrase_len = (uint8_t)rules[i].phrase.len;
		rule.reason_len = (uint8_t)rules[i].reason.len;
		rule.text_off = (uint16_t)off;
		off += (uint32_t)rule.phrase_len + rule.reason_len;
		put_bytes(out, &rule, sizeof(rule));
	}
	for (unsigned i = 0; i < n; i++) {
		put_span(out, rules[i].phrase);
		put_span(out, rules[i].reason);
	}
	if (out->full || out->len - start > ANSWER_MAP_BYTES_MAX)
		return -ENOSPC;
	return answer_map_check(span_of(out->buf + start, out->len - start));
}

struct answer answer_map_find(struct span part, enum answer_way way, unsigned side, uint16_t status)
{
	struct answer answer = {.status = status};
	unsigned n = answer_is_mapped(status) ? rules_in(part) : 0;

	for (unsigned i = 0; i < n; i++) {
		struct answer_rule rule = rule_load(part, i);

		if (rule.way != way || rule.side != side || status < rule.low || status > rule.high)
			continue;
		answer.status = rule.to;
		answer.phrase = span_of(part.ptr + rule.text_off, rule.phrase_len);
		answer.reason = span_of(answer.phrase.ptr + rule.phrase_len, rule.reason_len);
		break;
	}
	return answer;
}
