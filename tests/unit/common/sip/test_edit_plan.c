/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit plans: built, checked when they come from a hostile process, and asked. */
#include "common/sip/edit_plan.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"
#include "../../../rng.h"

static char buf[2 * EDIT_PLAN_BYTES_MAX];

static struct cursor start(enum edit_action other_to_b, enum edit_action other_to_a)
{
	struct cursor out = cursor_on(buf, sizeof(buf));

	edit_plan_start(&out, other_to_b, other_to_a);
	return out;
}

static void rule(struct cursor *out, enum edit_direction direction, enum edit_action action,
		 enum sip_hdr_id hdr, const char *name, const char *value)
{
	cr_assert_eq(edit_plan_rule(out, direction, action, hdr, span_str(name), span_str(value)),
		     0);
}

/* Against an unreadable page, at an odd address. */
static struct span finish(struct cursor *out)
{
	cr_assert_eq(edit_plan_finish(out), 0);
	cr_assert_eq(edit_plan_check(cursor_span(out)), 0);
	return span_of(guard_behind(out->buf, out->len), out->len);
}

static void expect(struct span plan, enum edit_direction direction, enum sip_hdr_id hdr,
		   const char *name, enum edit_action action, const char *value)
{
	struct span got = SPAN("untouched");

	cr_expect_eq(edit_plan_action(plan, direction, hdr, span_str(name), &got), action, "%u %s",
		     hdr, name);
	cr_expect(span_is(got, value), "%u %s: \"%.*s\"", hdr, name, SPAN_FMT(got));
}

Test(edit_plan, an_empty_plan_gives_the_default_of_each_direction)
{
	struct cursor out = start(EDIT_PASS, EDIT_DROP);
	struct span plan = finish(&out);

	expect(plan, EDIT_TO_B, SIP_HDR_ALLOW, NULL, EDIT_PASS, NULL);
	expect(plan, EDIT_TO_A, SIP_HDR_ALLOW, NULL, EDIT_DROP, NULL);
	expect(plan, EDIT_TO_B, SIP_HDR_OTHER, "X-Token", EDIT_PASS, NULL);
	expect(plan, EDIT_TO_A, SIP_HDR_OTHER, "X-Token", EDIT_DROP, NULL);
}

Test(edit_plan, the_first_rule_that_names_a_header_decides)
{
	struct cursor out = start(EDIT_DROP, EDIT_PASS);
	struct span plan;

	rule(&out, EDIT_TO_A, EDIT_DROP, SIP_HDR_SERVER, NULL, NULL);
	rule(&out, EDIT_TO_B, EDIT_REPLACE, SIP_HDR_WWW_AUTHENTICATE, NULL, "last id there is");
	rule(&out, EDIT_TO_B, EDIT_PASS, SIP_HDR_CONTENT_TYPE, NULL, NULL);
	rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_USER_AGENT, NULL, "limen");
	rule(&out, EDIT_TO_B, EDIT_DROP, SIP_HDR_USER_AGENT, NULL, NULL);
	rule(&out, EDIT_TO_B, EDIT_REPLACE, SIP_HDR_OTHER, "X-Token", "one");
	rule(&out, EDIT_TO_B, EDIT_PASS, SIP_HDR_OTHER, "x-tOKEN", NULL);
	rule(&out, EDIT_TO_A, EDIT_REPLACE, SIP_HDR_OTHER, "X-Token", "");
	rule(&out, EDIT_TO_B, EDIT_PASS, SIP_HDR_OTHER, "Accept", NULL);
	plan = finish(&out);

	expect(plan, EDIT_TO_A, SIP_HDR_SERVER, NULL, EDIT_DROP, NULL);
	expect(plan, EDIT_TO_B, SIP_HDR_SERVER, NULL, EDIT_DROP, NULL);
	expect(plan, EDIT_TO_B, SIP_HDR_WWW_AUTHENTICATE, NULL, EDIT_REPLACE, "last id there is");
	expect(plan, EDIT_TO_A, SIP_HDR_WWW_AUTHENTICATE, NULL, EDIT_PASS, NULL);
	expect(plan, EDIT_TO_B, SIP_HDR_CONTENT_TYPE, NULL, EDIT_PASS, NULL);
	expect(plan, EDIT_TO_B, SIP_HDR_USER_AGENT, NULL, EDIT_SET, "limen");
	expect(plan, EDIT_TO_B, SIP_HDR_OTHER, "X-TOKEN", EDIT_REPLACE, "one");
	expect(plan, EDIT_TO_A, SIP_HDR_OTHER, "X-Token", EDIT_REPLACE, NULL);
	expect(plan, EDIT_TO_A, SIP_HDR_OTHER, "X-Toke", EDIT_PASS, NULL);
	/* Named by its name, found by its number. */
	expect(plan, EDIT_TO_B, SIP_HDR_ACCEPT, NULL, EDIT_PASS, NULL);
	expect(plan, EDIT_TO_A, SIP_HDR_ACCEPT, NULL, EDIT_PASS, NULL);
}

Test(edit_plan, every_set_rule_of_a_direction_is_walked)
{
	struct cursor out = start(EDIT_DROP, EDIT_DROP);
	struct span plan, name, value;
	uint32_t at = 0;

	rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, "X-First", "1");
	rule(&out, EDIT_TO_A, EDIT_SET, SIP_HDR_SERVER, NULL, "other way");
	rule(&out, EDIT_TO_B, EDIT_PASS, SIP_HDR_ALLOW, NULL, NULL);
	rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_P_ASSERTED_IDENTITY, NULL, "<sip:a@h>");
	rule(&out, EDIT_TO_B, EDIT_REPLACE, SIP_HDR_SUBJECT, NULL, "x");
	rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_P_ASSERTED_IDENTITY, NULL, "<tel:+1>");
	plan = finish(&out);

	/* One name's in their order; known ones first. */
	cr_assert(edit_plan_next_set(plan, EDIT_TO_B, &at, &name, &value));
	cr_expect(span_is(name, "P-Asserted-Identity") && span_is(value, "<sip:a@h>"));
	cr_assert(edit_plan_next_set(plan, EDIT_TO_B, &at, &name, &value));
	cr_expect(span_is(name, "X-First") && span_is(value, "1"));
	cr_assert(edit_plan_next_set(plan, EDIT_TO_B, &at, &name, &value));
	cr_expect(span_is(name, "P-Asserted-Identity") && span_is(value, "<tel:+1>"));
	cr_expect_not(edit_plan_next_set(plan, EDIT_TO_B, &at, &name, &value));
	cr_expect_not(edit_plan_next_set(plan, EDIT_TO_B, &at, &name, &value));
	at = 0;
	cr_assert(edit_plan_next_set(plan, EDIT_TO_A, &at, &name, &value));
	cr_expect(span_is(name, "Server") && span_is(value, "other way"));
	cr_expect_not(edit_plan_next_set(plan, EDIT_TO_A, &at, &name, &value));
}

Test(edit_plan, all_headers_in_both_directions)
{
	struct cursor out = start(EDIT_DROP, EDIT_DROP);
	struct span plan;
	unsigned refused = 0;

	for (unsigned id = SIP_HDR_IDS_END - 1; id > 0; id--) {
		char value[8];

		snprintf(value, sizeof(value), "b%u", id);
		refused += edit_plan_rule(&out, EDIT_TO_B, EDIT_REPLACE, id, SPAN_NONE,
					  span_str(value)) != 0;
		value[0] = 'a';
		refused += edit_plan_rule(&out, EDIT_TO_A, EDIT_SET, id, SPAN_NONE,
					  span_str(value)) != 0;
	}
	cr_expect_eq(refused, 40, "the twenty that limen writes itself or keeps to one hop");
	plan = finish(&out);
	for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
		bool own = id == SIP_HDR_VIA || id == SIP_HDR_FROM || id == SIP_HDR_TO ||
			   id == SIP_HDR_CALL_ID || id == SIP_HDR_CSEQ || id == SIP_HDR_CONTACT ||
			   id == SIP_HDR_MAX_FORWARDS || id == SIP_HDR_ROUTE ||
			   id == SIP_HDR_RECORD_ROUTE || id == SIP_HDR_CONTENT_LENGTH ||
			   id == SIP_HDR_RACK || id == SIP_HDR_RSEQ ||
			   id == SIP_HDR_PROXY_REQUIRE || id == SIP_HDR_TIMESTAMP ||
			   id == SIP_HDR_REPLACES || id == SIP_HDR_SESSION_EXPIRES ||
			   id == SIP_HDR_MIN_SE || id == SIP_HDR_MAX_BREADTH ||
			   id == SIP_HDR_REFER_TO || id == SIP_HDR_TARGET_DIALOG;
		char value[8];

		snprintf(value, sizeof(value), "b%u", id);
		expect(plan, EDIT_TO_B, id, NULL, own ? EDIT_DROP : EDIT_REPLACE,
		       own ? NULL : value);
		value[0] = 'a';
		expect(plan, EDIT_TO_A, id, NULL, own ? EDIT_DROP : EDIT_SET, own ? NULL : value);
	}
}

Test(edit_plan, rules_that_must_not_be_are_refused)
{
	static const struct {
		int direction, action, hdr;
		struct span name, value;
	} cases[] = {
		{EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, {"", 0}, {"x", 1}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, {"a b", 3}, {"x", 1}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, {"a:b", 3}, {"x", 1}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, {"a\r\nb", 4}, {"x", 1}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, {"Via", 3}, {"x", 1}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, {"m", 1}, {"x", 1}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_OTHER, {"record-ROUTE", 12}, {"x", 1}},
		{EDIT_TO_B, EDIT_PASS, SIP_HDR_CONTENT_LENGTH, {NULL, 0}, {NULL, 0}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_SUBJECT, {NULL, 0}, {"a\rb", 3}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_SUBJECT, {NULL, 0}, {"a\nb", 3}},
		{EDIT_TO_B, EDIT_SET, SIP_HDR_SUBJECT, {NULL, 0}, {"a\0b", 3}},
		{EDIT_TO_B, EDIT_DROP, SIP_HDR_SUBJECT, {NULL, 0}, {"x", 1}},
		{EDIT_TO_B, EDIT_PASS, SIP_HDR_SUBJECT, {NULL, 0}, {"x", 1}},
		{EDIT_DIRECTIONS, EDIT_PASS, SIP_HDR_SUBJECT, {NULL, 0}, {NULL, 0}},
		{EDIT_TO_B, EDIT_ACTIONS, SIP_HDR_SUBJECT, {NULL, 0}, {NULL, 0}},
		{EDIT_TO_B, EDIT_PASS, SIP_HDR_IDS_END, {NULL, 0}, {NULL, 0}},
		{EDIT_TO_B, EDIT_PASS, -1, {NULL, 0}, {NULL, 0}},
	};
	struct cursor out = start(EDIT_DROP, EDIT_DROP);
	uint32_t len = out.len;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(edit_plan_rule(&out, (enum edit_direction)cases[i].direction,
					    (enum edit_action)cases[i].action,
					    (enum sip_hdr_id)cases[i].hdr, cases[i].name,
					    cases[i].value),
			     -EINVAL, "case %u", i);
		cr_expect_eq(out.len, len, "case %u", i);
	}
}

Test(edit_plan, a_plan_that_does_not_fit_is_not_finished)
{
	char value[1000];
	struct cursor out;

	memset(value, 'v', sizeof(value));
	out = start(EDIT_DROP, EDIT_DROP);
	for (unsigned i = 0; i < 5; i++)
		cr_expect_eq(edit_plan_rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_SUBJECT, SPAN_NONE,
					    span_of(value, sizeof(value))),
			     0);
	cr_expect_eq(edit_plan_finish(&out), -ENOSPC, "larger than a plan may be");

	out = cursor_on(buf, 100);
	edit_plan_start(&out, EDIT_DROP, EDIT_DROP);
	edit_plan_rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_SUBJECT, SPAN_NONE, span_of(value, 100));
	cr_expect_eq(edit_plan_finish(&out), -ENOSPC, "larger than its buffer");

	out = cursor_on(buf, 10);
	edit_plan_start(&out, EDIT_DROP, EDIT_DROP);
	cr_expect_eq(edit_plan_finish(&out), -ENOSPC);
}

Test(edit_plan, as_large_as_can_be)
{
	struct cursor out = start(EDIT_DROP, EDIT_DROP);
	struct span plan;
	unsigned n = 0;

	while (out.len + sizeof(struct edit_rule) <= EDIT_BASE_BYTES_MAX) {
		rule(&out, n % 2, EDIT_SET, SIP_HDR_SUBJECT, NULL, NULL);
		n++;
	}
	plan = finish(&out);
	cr_expect_eq(plan.len, EDIT_BASE_BYTES_MAX);
	expect(plan, EDIT_TO_B, SIP_HDR_SUBJECT, NULL, EDIT_SET, NULL);
}

/* A plan with some of everything, to be damaged. */
static size_t sample(char *plan)
{
	struct cursor out = start(EDIT_DROP, EDIT_PASS);

	rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_USER_AGENT, NULL, "limen");
	rule(&out, EDIT_TO_B, EDIT_PASS, SIP_HDR_ALLOW, NULL, NULL);
	rule(&out, EDIT_TO_A, EDIT_DROP, SIP_HDR_SERVER, NULL, NULL);
	rule(&out, EDIT_TO_A, EDIT_REPLACE, SIP_HDR_OTHER, "X-Token", "one");
	rule(&out, EDIT_TO_B, EDIT_SET, SIP_HDR_USER_AGENT, NULL, "again");
	cr_assert_eq(edit_plan_finish(&out), 0);
	memcpy(plan, out.buf, out.len);
	return out.len;
}

/* All there is to ask, of a plan that passed its check. */
static void ask_all(struct span plan)
{
	struct span name, value;

	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++) {
		uint32_t at = 0;

		for (unsigned id = 0; id < SIP_HDR_IDS_END; id++) {
			cr_assert_lt(edit_plan_action(plan, d, id, SPAN("X-Token"), &value),
				     EDIT_ACTIONS);
			cr_assert(value.len == 0 || (value.ptr >= plan.ptr &&
						     value.ptr + value.len <= plan.ptr + plan.len));
		}
		while (edit_plan_next_set(plan, d, &at, &name, &value))
			cr_assert(value.len == 0 || (value.ptr >= plan.ptr &&
						     value.ptr + value.len <= plan.ptr + plan.len));
	}
}

static unsigned check_damaged(const char *plan, size_t len)
{
	struct span at = span_of(guard_behind(plan, len), len);

	if (edit_plan_check(at))
		return 0;
	ask_all(at);
	return 1;
}

Test(edit_plan, a_plan_cut_short_or_longer_is_refused)
{
	char plan[EDIT_PLAN_BYTES_MAX + 8];
	size_t len = sample(plan);

	for (size_t cut = 0; cut < len; cut++)
		cr_expect_eq(edit_plan_check(span_of(guard_behind(plan, cut), cut)), -EINVAL,
			     "%zu bytes", cut);
	plan[len] = 0;
	cr_expect_eq(edit_plan_check(span_of(plan, len + 1)), -EINVAL);
	cr_expect_eq(edit_plan_check(SPAN_NONE), -EINVAL);
	cr_expect_eq(check_damaged(plan, len), 1);
}

Test(edit_plan, a_damaged_plan_is_refused_or_harmless)
{
	char plan[EDIT_PLAN_BYTES_MAX];
	size_t len = sample(plan);
	struct rng rng = {8};

	for (size_t at = 0; at < len; at++) {
		char kept = plan[at];

		for (unsigned c = 0; c < 256; c++) {
			plan[at] = (char)c;
			check_damaged(plan, len);
		}
		plan[at] = kept;
	}
	for (unsigned round = 0; round < 50000; round++) {
		sample(plan);
		for (uint64_t n = 1 + rng_below(&rng, 6); n; n--)
			plan[4 + rng_below(&rng, len - 4)] = (char)rng_next(&rng);
		check_damaged(plan, len);
	}
}

/* Where each lie of the head and the rules is told, and refused. */
Test(edit_plan, lies_are_refused)
{
	enum { RULE = sizeof(struct edit_plan_head), RULES = 5 };
	static const struct {
		size_t at;
		uint8_t byte;
		const char *what;
	} lies[] = {
		{0, 0, "magic"},
		{offsetof(struct edit_plan_head, bytes), 48, "length"},
		{offsetof(struct edit_plan_head, nrules), 255, "more rules than there is room for"},
		{offsetof(struct edit_plan_head, nrules), 1, "fewer rules than the index has"},
		{offsetof(struct edit_plan_head, other), EDIT_SET, "a default that needs a value"},
		{offsetof(struct edit_plan_head, nindexed), 1, "fewer bits than set"},
		{offsetof(struct edit_plan_head, nindexed), 3, "more bits than set"},
		{offsetof(struct edit_plan_head, pad), 1, "padding"},
		{offsetof(struct edit_plan_head, named), 1, "a bit for headers without a number"},
		{offsetof(struct edit_plan_head, named) + 15, 0x80, "a bit beyond the headers"},
		{RULE + offsetof(struct edit_rule, direction), EDIT_TO_A,
		 "a rule of the other direction in the index"},
		{RULE + offsetof(struct edit_rule, direction), 2, "no direction"},
		{RULE + offsetof(struct edit_rule, action), EDIT_ACTIONS, "no action"},
		{RULE + offsetof(struct edit_rule, hdr), SIP_HDR_IDS_END, "no header"},
		{RULE + offsetof(struct edit_rule, hdr), SIP_HDR_VIA, "a header of limen's own"},
		{RULE + offsetof(struct edit_rule, hdr), SIP_HDR_OTHER,
		 "a header without number in the index"},
		{RULE + offsetof(struct edit_rule, name_len), 1,
		 "a name for a header with a number"},
		{RULE + offsetof(struct edit_rule, value_len), 1, "a value for PASS"},
		{RULE + offsetof(struct edit_rule, text_off), 0, "a text in the head"},
		{RULE + offsetof(struct edit_rule, text_off) + 1, 0xff, "a text beyond the plan"},
		{RULE + 3 * sizeof(struct edit_rule) + offsetof(struct edit_rule, name_len), 0,
		 "no name"},
		{RULE + 3 * sizeof(struct edit_rule) + offsetof(struct edit_rule, name_len), 255,
		 "a name beyond the plan"},
		{RULE + 4 * sizeof(struct edit_rule) + offsetof(struct edit_rule, hdr),
		 SIP_HDR_SUBJECT, "a known name outside the index"},
		{RULE + RULES * sizeof(struct edit_rule) + 2, '\n', "a line end in a value"},
		{RULE + RULES * sizeof(struct edit_rule) + 2, '\0', "a NUL in a value"},
	};
	char plan[EDIT_PLAN_BYTES_MAX];

	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		size_t len = sample(plan);

		cr_assert_neq((uint8_t)plan[lies[i].at], lies[i].byte, "%s: no lie", lies[i].what);
		plan[lies[i].at] = (char)lies[i].byte;
		cr_expect_eq(edit_plan_check(span_of(plan, len)), -EINVAL, "%s", lies[i].what);
	}
}

Test(edit_plan, nothing_is_looked_up_in_nothing)
{
	struct span name, value;
	uint32_t at = 0;

	expect(SPAN_NONE, EDIT_TO_B, SIP_HDR_ALLOW, NULL, EDIT_DROP, NULL);
	cr_expect_not(edit_plan_next_set(SPAN_NONE, EDIT_TO_B, &at, &name, &value));
}
