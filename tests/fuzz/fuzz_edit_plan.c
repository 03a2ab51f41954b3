/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit plans. The input is taken as a plan that came from a hostile process, and as instructions to
 * build one, whose answers are held against the list of its rules. */
#include "common/sip/edit_plan.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define RULES_MAX 600u

struct rule {
	enum edit_direction direction;
	enum edit_action action;
	enum sip_hdr_id hdr;
	struct span name;
	struct span value;
};

static void text_ok(struct span text, struct span plan)
{
	if (!text.len)
		return;
	CHECK(text.ptr >= plan.ptr && text.ptr + text.len <= plan.ptr + plan.len);
	for (size_t i = 0; i < text.len; i++)
		CHECK(text.ptr[i] != '\r' && text.ptr[i] != '\n' && text.ptr[i] != '\0');
}

/* Everything that can be asked of a plan that passed the check. */
static void plan_walk(struct span plan)
{
	static const struct span strangers[] = {
		{"X-Token", 7}, {"x", 1}, {"P-Nobody-Knows-This", 19}};
	struct span name, value;

	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++) {
		uint32_t at = 0;

		for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
			CHECK(edit_plan_action(plan, d, id, SPAN_NONE, &value) < EDIT_ACTIONS);
			text_ok(value, plan);
		}
		for (unsigned i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
			CHECK(edit_plan_action(plan, d, SIP_HDR_OTHER, strangers[i], &value) <
			      EDIT_ACTIONS);
			text_ok(value, plan);
		}
		while (edit_plan_next_set(plan, d, &at, &name, &value)) {
			CHECK(name.len);
			text_ok(value, plan);
		}
	}
}

/* Instructions: direction, action, header, length of the name, length of the value, then both. */
static unsigned rules_read(const uint8_t *data, size_t size, struct rule rules[RULES_MAX])
{
	unsigned n = 0;

	while (size >= 5 && n < RULES_MAX) {
		size_t name_len = data[3] % 32, value_len = data[4];

		if (size < 5 + name_len + value_len)
			break;
		rules[n++] = (struct rule){
			.direction = data[0] % EDIT_DIRECTIONS,
			.action = data[1] % EDIT_ACTIONS,
			.hdr = data[2] % SIP_HDR_IDS_END,
			.name = span_of(data + 5, name_len),
			.value = span_of(data + 5 + name_len, value_len),
		};
		data += 5 + name_len + value_len;
		size -= 5 + name_len + value_len;
	}
	return n;
}

/* What the first rule that names the header says. */
static enum edit_action expected(const struct rule *rules, unsigned n, const struct rule *asked,
				 struct span *value)
{
	*value = SPAN_NONE;
	for (unsigned i = 0; i < n; i++) {
		if (rules[i].direction != asked->direction || rules[i].hdr != asked->hdr)
			continue;
		if (asked->hdr == SIP_HDR_OTHER && !span_ieq(rules[i].name, asked->name))
			continue;
		*value = rules[i].value;
		return rules[i].action;
	}
	return asked->direction == EDIT_TO_B ? EDIT_DROP : EDIT_PASS;
}

static void plan_compare(struct span plan, const struct rule *rules, unsigned n)
{
	unsigned sets = 0, found = 0;
	struct span name, value, wanted;

	for (unsigned i = 0; i < n; i++) {
		enum edit_action action = expected(rules, n, &rules[i], &wanted);

		CHECK(edit_plan_action(plan, rules[i].direction, rules[i].hdr, rules[i].name,
				       &value) == action);
		CHECK(span_eq(value, wanted));
		sets += rules[i].action == EDIT_SET;
	}
	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++)
		for (uint32_t at = 0; edit_plan_next_set(plan, d, &at, &name, &value);)
			found++;
	CHECK(sets == found);
}

static void plan_build(const uint8_t *data, size_t size)
{
	static struct rule given[RULES_MAX], kept[RULES_MAX];
	static char buf[2 * EDIT_PLAN_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));
	unsigned n = rules_read(data, size, given), nkept = 0;

	edit_plan_start(&out, EDIT_DROP, EDIT_PASS);
	for (unsigned i = 0; i < n; i++) {
		const struct rule *r = &given[i];

		if (edit_plan_rule(&out, r->direction, r->action, r->hdr, r->name, r->value))
			continue;
		kept[nkept] = *r;
		if (r->hdr == SIP_HDR_OTHER)
			kept[nkept].hdr = sip_hdr_id_from(r->name);
		nkept++;
	}
	if (edit_plan_finish(&out)) {
		CHECK(out.full || out.len > EDIT_PLAN_BYTES_MAX);
		return;
	}
	CHECK(edit_plan_check(cursor_span(&out)) == 0);
	plan_walk(cursor_span(&out));
	plan_compare(cursor_span(&out), kept, nkept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (edit_plan_check(span_of(data, size)) == 0)
		plan_walk(span_of(data, size));
	plan_build(data, size);
	return 0;
}
