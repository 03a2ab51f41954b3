/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit plans: written by the control plane, checked and followed by the dataplane. While a plan is
 * being built each rule lies behind the one before with its texts; finishing it sorts the rules
 * into an array that is found by number. */
#include "common/sip/edit_plan.h"
#include "common/sip/answer_map.h"
#include "common/sip/chars.h"
#include "common/sip/header_rules.h"

#include <assert.h>
#include <errno.h>

bool edit_plan_reserves(enum sip_hdr_id hdr)
{
	switch (hdr) {
	case SIP_HDR_VIA:
	case SIP_HDR_FROM:
	case SIP_HDR_TO:
	case SIP_HDR_CALL_ID:
	case SIP_HDR_CSEQ:
	case SIP_HDR_CONTACT:
	case SIP_HDR_MAX_FORWARDS:
	case SIP_HDR_ROUTE:
	case SIP_HDR_RECORD_ROUTE:
	case SIP_HDR_CONTENT_LENGTH:
	case SIP_HDR_RACK:
	case SIP_HDR_RSEQ:
	case SIP_HDR_PROXY_REQUIRE:
	case SIP_HDR_TIMESTAMP:
	case SIP_HDR_REPLACES:
	case SIP_HDR_SESSION_EXPIRES:
	case SIP_HDR_MIN_SE:
	case SIP_HDR_MAX_BREADTH:
	case SIP_HDR_REFER_TO:
	case SIP_HDR_TARGET_DIALOG:
		return true;
	default:
		return false;
	}
}

static bool value_ok(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0')
			return false;
	return true;
}

static bool token_ok(struct span name)
{
	const char *end = name.ptr + name.len;

	return name.len && skip_class(name.ptr, end, end, CHAR_TOKEN) == end;
}

static bool takes_value(unsigned action)
{
	return action == EDIT_REPLACE || action == EDIT_SET;
}

/* Plans lie in ring frames and arenas at any alignment. */
static struct edit_plan_head head_load(const char *plan)
{
	struct edit_plan_head head;

	memcpy(&head, plan, sizeof(head));
	return head;
}

static struct edit_rule rule_load(const char *plan, unsigned number)
{
	struct edit_rule rule;

	memcpy(&rule, plan + sizeof(struct edit_plan_head) + number * sizeof(rule), sizeof(rule));
	return rule;
}

static struct span rule_name(const char *plan, const struct edit_rule *rule)
{
	if (rule->hdr != SIP_HDR_OTHER)
		return span_str(sip_hdr_name((enum sip_hdr_id)rule->hdr));
	return span_of(plan + rule->text_off, rule->name_len);
}

static struct span rule_value(const char *plan, const struct edit_rule *rule)
{
	return span_of(plan + rule->text_off + rule->name_len, rule->value_len);
}

void edit_plan_start(struct cursor *out, enum edit_action other_to_b, enum edit_action other_to_a)
{
	struct edit_plan_head head = {.other = {(uint8_t)other_to_b, (uint8_t)other_to_a}};

	assert(out->len == 0);
	assert(other_to_b <= EDIT_PASS && other_to_a <= EDIT_PASS);
	put_bytes(out, &head, sizeof(head));
}

int edit_plan_rule(struct cursor *out, enum edit_direction direction, enum edit_action action,
		   enum sip_hdr_id hdr, struct span name, struct span value)
{
	struct edit_rule rule = {.direction = (uint8_t)direction, .action = (uint8_t)action};

	if (hdr == SIP_HDR_OTHER) {
		if (name.len > UINT8_MAX || !token_ok(name))
			return -EINVAL;
		hdr = sip_hdr_id_from(name);
	}
	if (hdr != SIP_HDR_OTHER)
		name = SPAN_NONE;
	if ((unsigned)direction >= EDIT_DIRECTIONS || (unsigned)action >= EDIT_ACTIONS ||
	    (unsigned)hdr >= SIP_HDR_IDS_END || edit_plan_reserves(hdr))
		return -EINVAL;
	if ((value.len && !takes_value(action)) || value.len > EDIT_BASE_BYTES_MAX ||
	    !value_ok(value))
		return -EINVAL;
	rule.hdr = (uint8_t)hdr;
	rule.name_len = (uint8_t)name.len;
	rule.value_len = (uint16_t)value.len;
	put_bytes(out, &rule, sizeof(rule));
	put_span(out, name);
	put_span(out, value);
	return 0;
}

/* A plan being finished. */
struct draft {
	uint16_t nrules;

	/* where each rule lies, as it was given */
	uint16_t at[EDIT_BASE_BYTES_MAX / sizeof(struct edit_rule)];
	/* number of the first rule that names it, or NOBODY */
	uint16_t first[EDIT_DIRECTIONS][SIP_HDR_IDS_END];
};
#define NOBODY UINT16_MAX

static void draft_read(struct draft *draft, const struct cursor *out)
{
	struct edit_rule rule;

	draft->nrules = 0;
	memset(draft->first, 0xff, sizeof(draft->first));
	for (uint32_t at = sizeof(struct edit_plan_head); at < out->len;) {
		memcpy(&rule, out->buf + at, sizeof(rule));
		if (rule.hdr != SIP_HDR_OTHER && draft->first[rule.direction][rule.hdr] == NOBODY)
			draft->first[rule.direction][rule.hdr] = draft->nrules;
		draft->at[draft->nrules++] = (uint16_t)at;
		at += (uint32_t)sizeof(rule) + rule.name_len + rule.value_len;
	}
}

/* Where the next rule and the next text go in the finished plan. */
struct fair_copy {
	char bytes[EDIT_BASE_BYTES_MAX];
	uint32_t rules_at;
	uint32_t texts_at;
};

static void fair_copy_rule(struct fair_copy *copy, const char *draft_rule)
{
	struct edit_rule rule;
	uint32_t text_len;

	memcpy(&rule, draft_rule, sizeof(rule));
	text_len = (uint32_t)rule.name_len + rule.value_len;
	rule.text_off = (uint16_t)copy->texts_at;
	memcpy(copy->bytes + copy->texts_at, draft_rule + sizeof(rule), text_len);
	memcpy(copy->bytes + copy->rules_at, &rule, sizeof(rule));
	copy->texts_at += text_len;
	copy->rules_at += (uint32_t)sizeof(rule);
}

int edit_plan_finish(struct cursor *out)
{
	struct edit_plan_head head;
	struct fair_copy copy;
	struct draft draft;

	if (out->full || out->len > EDIT_BASE_BYTES_MAX)
		return -ENOSPC;
	draft_read(&draft, out);
	head = head_load(out->buf);
	head.magic = EDIT_PLAN_MAGIC;
	head.bytes = (uint16_t)out->len;
	head.nrules = draft.nrules;
	copy.rules_at = sizeof(head);
	copy.texts_at = (uint32_t)sizeof(head) + draft.nrules * (uint32_t)sizeof(struct edit_rule);
	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++) {
		for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
			uint16_t number = draft.first[d][id];

			if (number == NOBODY)
				continue;
			fair_copy_rule(&copy, out->buf + draft.at[number]);
			draft.at[number] = 0;
			head.named[d][id / 64] |= UINT64_C(1) << id % 64;
			head.nindexed[d]++;
		}
	}
	for (unsigned i = 0; i < draft.nrules; i++)
		if (draft.at[i])
			fair_copy_rule(&copy, out->buf + draft.at[i]);
	memcpy(copy.bytes, &head, sizeof(head));
	memcpy(out->buf, copy.bytes, out->len);
	return 0;
}

/* ---- parts ---- */

static size_t parts_bytes(const struct edit_plan_head *head)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < EDIT_PARTS; i++)
		bytes += head->part_bytes[i];
	return bytes;
}

int edit_plan_attach(struct cursor *out, enum edit_part part, struct span bytes)
{
	struct edit_plan_head head = head_load(out->buf);

	for (unsigned i = part; i < EDIT_PARTS; i++)
		assert(head.part_bytes[i] == 0);
	if (bytes.len > EDIT_PLAN_BYTES_MAX - out->len)
		return -ENOSPC;
	put_span(out, bytes);
	if (out->full)
		return -ENOSPC;
	head.part_bytes[part] = (uint16_t)bytes.len;
	head.bytes = (uint16_t)out->len;
	memcpy(out->buf, &head, sizeof(head));
	return 0;
}

struct span edit_plan_part(struct span plan, enum edit_part part)
{
	struct edit_plan_head head;
	size_t behind = 0;

	if (plan.len < sizeof(head))
		return SPAN_NONE;
	head = head_load(plan.ptr);
	if (head.part_bytes[part] == 0)
		return SPAN_NONE;
	for (unsigned i = part; i < EDIT_PARTS; i++)
		behind += head.part_bytes[i];
	return span_of(plan.ptr + plan.len - behind, head.part_bytes[part]);
}

int edit_plan_with_headers(struct cursor *out, struct span plan, struct span headers)
{
	struct edit_plan_head head = head_load(plan.ptr);
	int err;

	put_bytes(out, plan.ptr, plan.len - parts_bytes(&head));
	if (out->full)
		return -ENOSPC;
	memset(head.part_bytes, 0, sizeof(head.part_bytes));
	memcpy(out->buf, &head, sizeof(head));
	err = edit_plan_attach(out, EDIT_PART_HEADERS, headers);
	for (unsigned part = EDIT_PART_ANSWERS; part < EDIT_PARTS && !err; part++)
		err = edit_plan_attach(out, part, edit_plan_part(plan, part));
	return err;
}

/* One rule by itself; its texts end before `end`. */
static int rule_check(const char *plan, const struct edit_plan_head *head, size_t end,
		      const struct edit_rule *rule)
{
	size_t texts = sizeof(*head) + head->nrules * sizeof(*rule);
	struct span name;

	if (rule->direction >= EDIT_DIRECTIONS || rule->action >= EDIT_ACTIONS ||
	    rule->hdr >= SIP_HDR_IDS_END)
		return -EINVAL;
	if (edit_plan_reserves(rule->hdr) || (rule->value_len && !takes_value(rule->action)))
		return -EINVAL;
	if (rule->text_off < texts ||
	    (size_t)rule->text_off + rule->name_len + rule->value_len > end)
		return -EINVAL;
	if (!value_ok(rule_value(plan, rule)))
		return -EINVAL;
	if (rule->hdr != SIP_HDR_OTHER)
		return rule->name_len ? -EINVAL : 0;
	name = rule_name(plan, rule);
	return token_ok(name) && sip_hdr_id_from(name) == SIP_HDR_OTHER ? 0 : -EINVAL;
}

static bool is_named(const struct edit_plan_head *head, unsigned direction, unsigned id)
{
	return head->named[direction][id / 64] >> id % 64 & 1;
}

static unsigned bits_set(const uint64_t set[2])
{
	return (unsigned)(__builtin_popcountll(set[0]) + __builtin_popcountll(set[1]));
}

/* The indexed rules are those the bit sets promise, in their order. */
static int index_check(const char *plan, const struct edit_plan_head *head)
{
	unsigned number = 0;

	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++) {
		if (is_named(head, d, SIP_HDR_OTHER) ||
		    bits_set(head->named[d]) != head->nindexed[d])
			return -EINVAL;
		for (unsigned id = 0; id < 128; id++) {
			struct edit_rule rule;

			if (!is_named(head, d, id))
				continue;
			if (number == head->nrules)
				return -EINVAL;
			rule = rule_load(plan, number++);
			if (rule.direction != d || rule.hdr != id)
				return -EINVAL;
		}
	}
	return 0;
}

int edit_plan_check(struct span plan)
{
	struct edit_plan_head head;
	size_t end;

	if (plan.len < sizeof(head) || plan.len > EDIT_PLAN_BYTES_MAX)
		return -EINVAL;
	head = head_load(plan.ptr);
	if (head.magic != EDIT_PLAN_MAGIC || head.bytes != plan.len || head.pad || head.pad2 ||
	    parts_bytes(&head) > plan.len - sizeof(head))
		return -EINVAL;
	end = plan.len - parts_bytes(&head);
	if (end > EDIT_BASE_BYTES_MAX ||
	    head.nrules > (end - sizeof(head)) / sizeof(struct edit_rule))
		return -EINVAL;
	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++)
		if (head.other[d] > EDIT_PASS)
			return -EINVAL;
	for (unsigned i = 0; i < head.nrules; i++) {
		struct edit_rule rule = rule_load(plan.ptr, i);

		if (rule_check(plan.ptr, &head, end, &rule))
			return -EINVAL;
		/* A known name outside the index would never be found. */
		if (rule.hdr != SIP_HDR_OTHER && !is_named(&head, rule.direction, rule.hdr))
			return -EINVAL;
	}
	if (header_rules_check(edit_plan_part(plan, EDIT_PART_HEADERS)) ||
	    answer_map_check(edit_plan_part(plan, EDIT_PART_ANSWERS)))
		return -EINVAL;
	return index_check(plan.ptr, &head);
}

/* The first rule of the direction that gives a header by this name, or -1. */
static int named_rule_find(const char *plan, const struct edit_plan_head *head,
			   enum edit_direction direction, struct span name)
{
	for (int i = head->nindexed[EDIT_TO_B] + head->nindexed[EDIT_TO_A]; i < head->nrules; i++) {
		struct edit_rule rule = rule_load(plan, (unsigned)i);

		if (rule.hdr == SIP_HDR_OTHER && rule.direction == direction &&
		    rule.name_len == name.len && span_ieq(rule_name(plan, &rule), name))
			return i;
	}
	return -1;
}

/* The number of the indexed rule: how many bits stand before its own. */
static int indexed_rule_find(const struct edit_plan_head *head, enum edit_direction direction,
			     unsigned id)
{
	const uint64_t *set = head->named[direction];
	uint64_t below = (UINT64_C(1) << id % 64) - 1;
	int number = direction == EDIT_TO_A ? head->nindexed[EDIT_TO_B] : 0;

	if (!is_named(head, direction, id))
		return -1;
	if (id >= 64)
		return number + __builtin_popcountll(set[0]) + __builtin_popcountll(set[1] & below);
	return number + __builtin_popcountll(set[0] & below);
}

enum edit_action edit_plan_action(struct span plan, enum edit_direction direction,
				  enum sip_hdr_id hdr, struct span name, struct span *value)
{
	struct edit_plan_head head;
	struct edit_rule rule;
	int number;

	*value = SPAN_NONE;
	if (plan.len < sizeof(head))
		return EDIT_DROP;
	head = head_load(plan.ptr);
	number = hdr == SIP_HDR_OTHER ? named_rule_find(plan.ptr, &head, direction, name)
				      : indexed_rule_find(&head, direction, hdr);
	if (number < 0)
		return (enum edit_action)head.other[direction];
	rule = rule_load(plan.ptr, (unsigned)number);
	*value = rule_value(plan.ptr, &rule);
	return (enum edit_action)rule.action;
}

bool edit_plan_next_set(struct span plan, enum edit_direction direction, uint32_t *at,
			struct span *name, struct span *value)
{
	struct edit_plan_head head;

	if (plan.len < sizeof(head))
		return false;
	head = head_load(plan.ptr);
	while (*at < head.nrules) {
		struct edit_rule rule = rule_load(plan.ptr, (*at)++);

		if (rule.direction != direction || rule.action != EDIT_SET)
			continue;
		*name = rule_name(plan.ptr, &rule);
		*value = rule_value(plan.ptr, &rule);
		return true;
	}
	return false;
}
