/* SPDX-License-Identifier: BSD-3-Clause */
/* Header rules as bytes: written, checked and followed. Both processes, any thread. */
#include "common/sip/header_rules.h"

#include <errno.h>

#include "common/sip/chars.h"
#include "common/sip/edit_plan.h"

#define NAME_MAX 64u

bool header_rule_may(enum sip_hdr_id hdr, enum header_action action)
{
	switch (hdr) {
	case SIP_HDR_CONTENT_TYPE:
	case SIP_HDR_CONTENT_ENCODING:
	case SIP_HDR_CONTENT_LANGUAGE:
	case SIP_HDR_CONTENT_DISPOSITION:
	case SIP_HDR_MIME_VERSION:
	case SIP_HDR_EVENT:
	case SIP_HDR_EXPIRES:
	case SIP_HDR_MIN_EXPIRES:
	case SIP_HDR_REQUIRE:
	case SIP_HDR_UNSUPPORTED:
	case SIP_HDR_SUBSCRIPTION_STATE:
	case SIP_HDR_SIP_ETAG:
	case SIP_HDR_SIP_IF_MATCH:
		return false;
	case SIP_HDR_SUPPORTED:
	case SIP_HDR_ALLOW:
		return action == HEADER_REMOVE;
	default:
		return !edit_plan_reserves(hdr);
	}
}

/* ---- texts ---- */

enum value_place value_place_after(enum value_place place, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (place == VALUE_QUOTED && c == '\\')
			i++;
		else if (place == VALUE_QUOTED && c == '"')
			place = VALUE_PLAIN;
		else if (place == VALUE_URI && c == '>')
			place = VALUE_PLAIN;
		else if (place == VALUE_PLAIN && c == '"')
			place = VALUE_QUOTED;
		else if (place == VALUE_PLAIN && c == '<')
			place = VALUE_URI;
	}
	return place;
}

static void put_escaped(struct cursor *out, uint8_t c)
{
	static const char hex[] = "0123456789ABCDEF";

	put_char(out, '%');
	put_char(out, hex[c >> 4]);
	put_char(out, hex[c & 15]);
}

void put_value_text(struct cursor *out, enum value_place place, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];
		bool control = (c < 0x20 && c != '\t') || c == 0x7f;

		if (place == VALUE_URI && (c <= 0x20 || c >= 0x7f || strchr("<>\"\\^`{|}", c)))
			put_escaped(out, c);
		else if (place == VALUE_QUOTED && (c == '"' || c == '\\'))
			put_char(out, '\\'), put_char(out, (char)c);
		else
			put_char(out, control ? ' ' : (char)c);
	}
}

static bool token_ok(struct span name)
{
	const char *end = name.ptr + name.len;

	return name.len && name.len <= NAME_MAX &&
	       skip_class(name.ptr, end, end, CHAR_TOKEN) == end;
}

/* The next slot of a value: `before` and `name` are set; false where there is none, and all of the
 * rest is `before`. */
static bool slot_next(struct span *rest, struct span *before, struct span *name)
{
	const char *open = rest->len ? memchr(rest->ptr, HEADER_SLOT_OPEN, rest->len) : NULL;
	const char *end = rest->ptr + rest->len, *close;

	close = open ? memchr(open, HEADER_SLOT_CLOSE, (size_t)(end - open)) : NULL;
	if (!close) {
		*before = *rest;
		*rest = SPAN_NONE;
		return false;
	}
	*before = span_of(rest->ptr, (size_t)(open - rest->ptr));
	*name = span_of(open + 1, (size_t)(close - open) - 1);
	*rest = span_of(close + 1, (size_t)(end - close) - 1);
	return true;
}

static bool text_ok(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool value_ok(struct span value)
{
	struct span before, name;

	while (slot_next(&value, &before, &name)) {
		if (!text_ok(before) || !token_ok(name))
			return false;
	}
	return text_ok(before);
}

/* ---- reading: parts lie at any alignment ---- */

static struct header_rules_head head_load(struct span part)
{
	struct header_rules_head head = {0, 0};

	if (part.len >= sizeof(head))
		memcpy(&head, part.ptr, sizeof(head));
	return head;
}

static struct header_rule rule_load(struct span part, unsigned number)
{
	struct header_rule rule;

	memcpy(&rule, part.ptr + sizeof(struct header_rules_head) + number * sizeof(rule),
	       sizeof(rule));
	return rule;
}

static struct header_cond cond_load(struct span part, unsigned nrules, unsigned number)
{
	struct header_cond cond;

	memcpy(&cond,
	       part.ptr + sizeof(struct header_rules_head) + nrules * sizeof(struct header_rule) +
		       number * sizeof(cond),
	       sizeof(cond));
	return cond;
}

static struct span name_at(struct span part, uint8_t hdr, uint16_t off, uint8_t len)
{
	return hdr == SIP_HDR_OTHER ? span_of(part.ptr + off, len)
				    : span_str(sip_hdr_name((enum sip_hdr_id)hdr));
}

/* ---- checked ---- */

/* A name and a value at `off`, behind what is no text. */
static int texts_check(struct span part, size_t texts, uint8_t hdr, uint16_t off, uint8_t name_len,
		       uint16_t value_len)
{
	struct span name;

	if (hdr >= SIP_HDR_IDS_END || off < texts || (size_t)off + name_len + value_len > part.len)
		return -EINVAL;
	if (hdr != SIP_HDR_OTHER)
		return name_len ? -EINVAL : 0;
	name = span_of(part.ptr + off, name_len);
	return token_ok(name) && sip_hdr_id_from(name) == SIP_HDR_OTHER ? 0 : -EINVAL;
}

static int rule_check(struct span part, size_t texts, const struct header_rule *rule)
{
	struct span value = span_of(part.ptr + rule->text_off + rule->name_len, rule->value_len);

	if (rule->direction >= EDIT_DIRECTIONS || rule->action >= HEADER_ACTIONS ||
	    rule->scope == 0 || (rule->scope & ~HEADER_SCOPES) ||
	    rule->methods >> SIP_METHODS_END ||
	    texts_check(part, texts, rule->hdr, rule->text_off, rule->name_len, rule->value_len))
		return -EINVAL;
	if (!header_rule_may(rule->hdr, rule->action) ||
	    (rule->action == HEADER_REMOVE && rule->value_len))
		return -EINVAL;
	return value_ok(value) ? 0 : -EINVAL;
}

static int cond_check(struct span part, size_t texts, const struct header_cond *cond)
{
	bool has_value = cond->test == HEADER_EQUALS || cond->test == HEADER_BEGINS;

	if (cond->test >= HEADER_TESTS || cond->pad || (cond->value_len && !has_value) ||
	    texts_check(part, texts, cond->hdr, cond->text_off, cond->name_len, cond->value_len))
		return -EINVAL;
	return text_ok(span_of(part.ptr + cond->text_off + cond->name_len, cond->value_len))
		       ? 0
		       : -EINVAL;
}

int header_rules_check(struct span part)
{
	struct header_rules_head head = head_load(part);
	unsigned conds = 0;
	size_t texts;

	if (part.len == 0)
		return 0;
	texts = sizeof(head) + head.nrules * sizeof(struct header_rule) +
		head.nconds * sizeof(struct header_cond);
	if (part.len > HEADER_RULES_BYTES_MAX || head.nrules == 0 ||
	    head.nrules > HEADER_RULES_MAX || head.nconds > HEADER_CONDS_MAX || texts > part.len)
		return -EINVAL;
	for (unsigned i = 0; i < head.nrules; i++) {
		struct header_rule rule = rule_load(part, i);

		if (rule_check(part, texts, &rule) || rule.first_cond != conds)
			return -EINVAL;
		conds += rule.nconds;
	}
	if (conds != head.nconds)
		return -EINVAL;
	for (unsigned i = 0; i < head.nconds; i++) {
		struct header_cond cond = cond_load(part, head.nrules, i);

		if (cond_check(part, texts, &cond))
			return -EINVAL;
	}
	return 0;
}

/* ---- written ---- */

static uint8_t known_id(struct span *name)
{
	enum sip_hdr_id id = sip_hdr_id_from(*name);

	if (id != SIP_HDR_OTHER)
		*name = SPAN_NONE;
	return (uint8_t)id;
}

static bool fits(const struct header_rule_text *rules, unsigned n, unsigned *nconds)
{
	*nconds = 0;
	for (unsigned i = 0; i < n; i++) {
		*nconds += rules[i].nconds;
		if (rules[i].value.len > HEADER_RULES_BYTES_MAX || rules[i].name.len > NAME_MAX ||
		    rules[i].nconds > HEADER_CONDS_MAX)
			return false;
	}
	return n <= HEADER_RULES_MAX && *nconds <= HEADER_CONDS_MAX;
}

static void put_rule_head(struct cursor *out, const struct header_rule_text *text, uint32_t *off,
			  unsigned *cond)
{
	struct span name = text->name;
	struct header_rule rule = {
		.direction = text->direction,
		.action = (uint8_t)text->action,
		.scope = (uint8_t)text->scope,
		.hdr = known_id(&name),
		.name_len = (uint8_t)name.len,
		.nconds = (uint8_t)text->nconds,
		.first_cond = (uint16_t)*cond,
		.value_len = (uint16_t)text->value.len,
		.text_off = (uint16_t)*off,
		.methods = text->methods,
	};

	put_bytes(out, &rule, sizeof(rule));
	*off += (uint32_t)(name.len + text->value.len);
	*cond += text->nconds;
}

static void put_cond_head(struct cursor *out, const struct header_cond_text *text, uint32_t *off)
{
	struct span name = text->name;
	struct header_cond cond = {
		.test = (uint8_t)text->test,
		.hdr = known_id(&name),
		.name_len = (uint8_t)name.len,
		.value_len = (uint16_t)text->value.len,
		.text_off = (uint16_t)*off,
	};

	put_bytes(out, &cond, sizeof(cond));
	*off += (uint32_t)(name.len + text->value.len);
}

static void put_texts(struct cursor *out, struct span name, struct span value)
{
	(void)known_id(&name);
	put_span(out, name);
	put_span(out, value);
}

int header_rules_put(struct cursor *out, const struct header_rule_text *rules, unsigned n)
{
	struct header_rules_head head = {.nrules = (uint16_t)n};
	uint32_t start = out->len, off;
	unsigned nconds, cond = 0;

	if (!fits(rules, n, &nconds))
		return -ENOSPC;
	head.nconds = (uint16_t)nconds;
	off = (uint32_t)(sizeof(head) + n * sizeof(struct header_rule) +
			 nconds * sizeof(struct header_cond));
	put_bytes(out, &head, sizeof(head));
	for (unsigned i = 0; i < n; i++)
		put_rule_head(out, &rules[i], &off, &cond);
	for (unsigned i = 0; i < n; i++)
		for (unsigned c = 0; c < rules[i].nconds; c++)
			put_cond_head(out, &rules[i].conds[c], &off);
	for (unsigned i = 0; i < n; i++)
		put_texts(out, rules[i].name, rules[i].value);
	for (unsigned i = 0; i < n; i++)
		for (unsigned c = 0; c < rules[i].nconds; c++)
			put_texts(out, rules[i].conds[c].name, rules[i].conds[c].value);
	if (out->full || out->len - start > HEADER_RULES_BYTES_MAX)
		return -ENOSPC;
	return header_rules_check(span_of(out->buf + start, out->len - start));
}

/* ---- followed ---- */

/* The next line of a name in a message from *at on; NULL at the end. */
static const struct sip_hdr *line_next(const struct sip_msg *msg, uint8_t id, struct span name,
				       unsigned *at)
{
	while (*at < msg->nhdrs) {
		const struct sip_hdr *hdr = &msg->hdrs[*at];

		if (id != SIP_HDR_OTHER) {
			*at = hdr->next;
			return hdr;
		}
		++*at;
		if (hdr->id == SIP_HDR_OTHER && span_ieq(sip_span(msg, hdr->name), name))
			return hdr;
	}
	return NULL;
}

static unsigned first_line(const struct sip_msg *msg, uint8_t id)
{
	return id == SIP_HDR_OTHER ? 0 : msg->first[id];
}

static bool has_line(const struct sip_msg *msg, uint8_t id, struct span name)
{
	unsigned at = first_line(msg, id);

	return line_next(msg, id, name, &at) != NULL;
}

static bool cond_holds(struct span part, const struct header_cond *cond, const struct sip_msg *msg)
{
	struct span name = name_at(part, cond->hdr, cond->text_off, cond->name_len);
	struct span wanted = span_of(part.ptr + cond->text_off + cond->name_len, cond->value_len);
	unsigned at = first_line(msg, cond->hdr);
	const struct sip_hdr *hdr;

	if (cond->test == HEADER_PRESENT || cond->test == HEADER_ABSENT)
		return has_line(msg, cond->hdr, name) == (cond->test == HEADER_PRESENT);
	while ((hdr = line_next(msg, cond->hdr, name, &at)) != NULL) {
		struct span value = sip_span(msg, hdr->value);

		if (cond->test == HEADER_BEGINS && value.len > wanted.len)
			value.len = wanted.len;
		if (span_ieq(value, wanted))
			return true;
	}
	return false;
}

static bool rule_holds(struct span part, const struct header_rules_head *head,
		       const struct header_rule *rule, const struct sip_msg *msg)
{
	if (rule->methods && !(rule->methods >> msg->method & 1))
		return false;
	for (unsigned i = 0; i < rule->nconds; i++) {
		struct header_cond cond = cond_load(part, head->nrules, rule->first_cond + i);

		if (!cond_holds(part, &cond, msg))
			return false;
	}
	return true;
}

uint64_t header_rules_active(struct span part, unsigned direction, unsigned scope,
			     const struct sip_msg *msg)
{
	struct header_rules_head head = head_load(part);
	uint64_t active = 0;

	for (unsigned i = 0; i < head.nrules; i++) {
		struct header_rule rule = rule_load(part, i);

		if (rule.direction == direction && (rule.scope & scope) &&
		    rule_holds(part, &head, &rule, msg))
			active |= UINT64_C(1) << i;
	}
	return active;
}

/* Whether a rule of `set` is of that name, and not ADD. */
static bool takes_out(struct span part, uint64_t set, uint8_t hdr, struct span name)
{
	for (; set; set &= set - 1) {
		struct header_rule rule = rule_load(part, (unsigned)__builtin_ctzll(set));

		if (rule.action != HEADER_ADD && rule.hdr == hdr &&
		    (hdr != SIP_HDR_OTHER ||
		     span_ieq(name_at(part, hdr, rule.text_off, rule.name_len), name)))
			return true;
	}
	return false;
}

bool header_rules_take(struct span part, uint64_t active, enum sip_hdr_id hdr, struct span name)
{
	return takes_out(part, active, (uint8_t)hdr, name);
}

/* Whether a rule before it makes a line of that name. */
static bool made_before(struct span part, uint64_t before, uint8_t hdr, struct span name)
{
	bool made = false;

	for (; before; before &= before - 1) {
		struct header_rule rule = rule_load(part, (unsigned)__builtin_ctzll(before));

		if (rule.hdr != hdr ||
		    (hdr == SIP_HDR_OTHER &&
		     !span_ieq(name_at(part, hdr, rule.text_off, rule.name_len), name)))
			continue;
		if (rule.action == HEADER_REMOVE)
			made = false;
		else if (rule.action != HEADER_REPLACE)
			made = true;
	}
	return made;
}

static void put_value(struct cursor *out, struct span value, const struct sip_msg *msg)
{
	enum value_place place = VALUE_PLAIN;
	struct span before, name;

	while (slot_next(&value, &before, &name)) {
		uint8_t id = (uint8_t)sip_hdr_id_from(name);
		unsigned at = first_line(msg, id);
		const struct sip_hdr *hdr = line_next(msg, id, name, &at);

		put_span(out, before);
		place = value_place_after(place, before);
		if (hdr)
			put_value_text(out, place, sip_span(msg, hdr->value));
	}
	put_span(out, before);
}

void header_rules_put_lines(struct cursor *out, struct span part, uint64_t active,
			    const struct sip_msg *msg)
{
	for (uint64_t left = active; left; left &= left - 1) {
		unsigned number = (unsigned)__builtin_ctzll(left);
		struct header_rule rule = rule_load(part, number);
		struct span name = name_at(part, rule.hdr, rule.text_off, rule.name_len);
		uint64_t before = active & ((UINT64_C(1) << number) - 1);

		if (rule.action == HEADER_REMOVE || takes_out(part, left & (left - 1), rule.hdr, name))
			continue;
		if (rule.action == HEADER_REPLACE && !has_line(msg, rule.hdr, name) &&
		    !made_before(part, before, rule.hdr, name))
			continue;
		put_span(out, name);
		put_lit(out, ": ");
		put_value(out,
			  span_of(part.ptr + rule.text_off + rule.name_len, rule.value_len), msg);
		put_lit(out, "\r\n");
	}
}
