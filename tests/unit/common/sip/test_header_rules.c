/* SPDX-License-Identifier: BSD-3-Clause */
/* Header rules: what they make of messages, what is refused of them, and that no value ends its
 * line. */
#include "common/sip/header_rules.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "common/sip/edit_plan.h"
#include "guarded.h"

static char buf[HEADER_RULES_BYTES_MAX + 64];
static struct sip_msg msg;

static void message(const char *lines)
{
	static char text[4096];
	int len = snprintf(text, sizeof(text),
			   "INVITE sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
			   "From: <sip:alice@a>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: 1\r\n"
			   "CSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
			   lines);

	cr_assert_eq(sip_parse(&msg, text, (size_t)len, SIP_DATAGRAM), SIP_PARSE_OK);
}

static struct header_rule_text rule(enum header_action action, const char *name, const char *value)
{
	return (struct header_rule_text){.action = action,
					 .scope = HEADER_SCOPES,
					 .name = span_str(name),
					 .value = span_str(value)};
}

static struct span part_of(const struct header_rule_text *rules, unsigned n)
{
	struct cursor out = cursor_on(buf, sizeof(buf));

	cr_assert_eq(header_rules_put(&out, rules, n), 0);
	return span_of(guard_behind(out.buf, out.len), out.len);
}

static const char *lines_of(struct span part)
{
	static char text[65536];
	struct cursor out = cursor_on(text, sizeof(text) - 1);

	header_rules_put_lines(&out, part, header_rules_active(part, EDIT_TO_B, HEADER_ON_INITIAL, &msg),
			       &msg);
	cr_assert_not(out.full);
	text[out.len] = 0;
	return text;
}

static bool taken(struct span part, const char *name)
{
	return header_rules_take(part,
				 header_rules_active(part, EDIT_TO_B, HEADER_ON_INITIAL, &msg),
				 sip_hdr_id_from(span_str(name)), span_str(name));
}

Test(header_rules, each_action)
{
	const struct header_rule_text rules[] = {
		rule(HEADER_ADD, "X-New", "1"), rule(HEADER_REMOVE, "Subject", NULL),
		rule(HEADER_REPLACE, "x-old", "2"), rule(HEADER_REPLACE, "X-Missing", "3"),
		rule(HEADER_SET, "Organization", "4")};
	struct span part = part_of(rules, 5);

	message("Subject: a\r\nX-Old: b\r\nX-New: c\r\n");
	cr_expect_str_eq(lines_of(part), "X-New: 1\r\nx-old: 2\r\nOrganization: 4\r\n");
	cr_expect(taken(part, "s") && taken(part, "X-OLD") && taken(part, "Organization"));
	cr_expect_not(taken(part, "X-New"));
	cr_expect(taken(part, "X-Missing"));
}

Test(header_rules, a_later_rule_takes_out_what_one_before_made)
{
	const struct header_rule_text rules[] = {
		rule(HEADER_ADD, "X-A", "1"), rule(HEADER_ADD, "X-B", "1"),
		rule(HEADER_REMOVE, "X-A", NULL), rule(HEADER_REPLACE, "X-B", "2"),
		rule(HEADER_REPLACE, "X-A", "3"), rule(HEADER_ADD, "X-B", "4")};

	message("");
	cr_expect_str_eq(lines_of(part_of(rules, 6)), "X-B: 2\r\nX-B: 4\r\n");
}

Test(header_rules, only_what_they_are_about)
{
	struct header_rule_text rules[] = {
		rule(HEADER_ADD, "X-A", "1"), rule(HEADER_ADD, "X-B", "1"),
		rule(HEADER_ADD, "X-C", "1"), rule(HEADER_ADD, "X-D", "1")};

	rules[0].direction = EDIT_TO_A;
	rules[1].scope = HEADER_ON_LATER | HEADER_ON_RESPONSE;
	rules[2].methods = 1u << SIP_METHOD_BYE;
	rules[3].methods = 1u << SIP_METHOD_BYE | 1u << SIP_METHOD_INVITE;
	message("");
	cr_expect_str_eq(lines_of(part_of(rules, 4)), "X-D: 1\r\n");
}

Test(header_rules, conditions_look_at_every_line_of_the_message)
{
	static const struct {
		enum header_test test;
		const char *name, *value;
		bool holds;
	} cases[] = {
		{HEADER_PRESENT, "Subject", NULL, true},  {HEADER_PRESENT, "s", NULL, true},
		{HEADER_PRESENT, "X-No", NULL, false},	  {HEADER_ABSENT, "X-No", NULL, true},
		{HEADER_ABSENT, "x-yes", NULL, false},	  {HEADER_EQUALS, "X-Yes", "TWO", true},
		{HEADER_EQUALS, "X-Yes", "tw", false},	  {HEADER_BEGINS, "X-Yes", "tw", true},
		{HEADER_BEGINS, "X-Yes", "twoo", false},  {HEADER_EQUALS, "Subject", "hello", true},
		{HEADER_BEGINS, "X-No", "", false},	  {HEADER_BEGINS, "X-Yes", "", true},
	};

	message("Subject: Hello\r\nX-Yes: one\r\nx-yes: two\r\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct header_cond_text cond = {cases[i].test, span_str(cases[i].name),
						span_str(cases[i].value)};
		struct header_rule_text one = rule(HEADER_ADD, "X-A", "1");

		one.conds = &cond;
		one.nconds = 1;
		cr_expect_str_eq(lines_of(part_of(&one, 1)), cases[i].holds ? "X-A: 1\r\n" : "",
				 "%zu", i);
	}
}

Test(header_rules, all_conditions_of_a_rule_must_hold)
{
	const struct header_cond_text conds[] = {{HEADER_PRESENT, SPAN("Subject"), SPAN_NONE},
						 {HEADER_ABSENT, SPAN("X-No"), SPAN_NONE},
						 {HEADER_PRESENT, SPAN("X-No"), SPAN_NONE}};
	struct header_rule_text rules[] = {rule(HEADER_ADD, "X-A", "1"), rule(HEADER_ADD, "X-B", "1"),
					   rule(HEADER_ADD, "X-C", "1")};

	rules[0].conds = conds;
	rules[0].nconds = 2;
	rules[1].conds = conds;
	rules[1].nconds = 3;
	message("Subject: Hello\r\n");
	cr_expect_str_eq(lines_of(part_of(rules, 3)), "X-A: 1\r\nX-C: 1\r\n");
}

Test(header_rules, a_slot_is_filled_from_the_message_and_ends_nothing)
{
	const struct header_rule_text rules[] = {
		rule(HEADER_ADD, "X-A", "a \x01Subject\x02 b \x01X-No\x02."),
		rule(HEADER_ADD, "X-B", "\"\x01X-Q\x02\" <sip:\x01X-Q\x02@x>;y=\x01X-Q\x02")};

	message("Subject: one\r\n two\r\nX-Q: a\"b\\c<d>e\r\n");
	cr_expect_str_eq(lines_of(part_of(rules, 2)),
			 "X-A: a one   two b .\r\n"
			 "X-B: \"a\\\"b\\\\c<d>e\" <sip:a%22b%5Cc%3Cd%3Ee@x>;y=a\"b\\c<d>e\r\n");
}

Test(header_rules, foreign_text_stays_one_line)
{
	char text[256];
	struct cursor out = cursor_on(text, sizeof(text));

	put_value_text(&out, VALUE_PLAIN, span_of("a\r\nVia: b\0c\x7f", 12));
	cr_expect(span_eq(cursor_span(&out), SPAN("a  Via: b c ")));
	out.len = 0;
	put_value_text(&out, VALUE_URI, span_of("a\r\n>b", 5));
	cr_expect(span_eq(cursor_span(&out), SPAN("a%0D%0A%3Eb")));
	cr_expect_eq(value_place_after(VALUE_PLAIN, SPAN("\"a\\\"<")), VALUE_QUOTED);
	cr_expect_eq(value_place_after(VALUE_PLAIN, SPAN("\"a\" <sip:")), VALUE_URI);
	cr_expect_eq(value_place_after(VALUE_URI, SPAN("a\">")), VALUE_PLAIN);
}

Test(header_rules, what_is_limens_own_is_refused)
{
	static const char *const names[] = {"Via",     "f",	   "Contact", "Content-Length", "c",
					    "Require", "Event", "Content-Type", "Replaces"};
	struct cursor out = cursor_on(buf, sizeof(buf));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct header_rule_text one = rule(HEADER_SET, names[i], "x");

		out.len = 0;
		cr_expect_eq(header_rules_put(&out, &one, 1), -EINVAL, "%s", names[i]);
	}
	for (unsigned action = 0; action < HEADER_ACTIONS; action++) {
		struct header_rule_text one = rule(action, "Supported", NULL);

		out.len = 0;
		cr_expect_eq(header_rules_put(&out, &one, 1), action == HEADER_REMOVE ? 0 : -EINVAL);
	}
}

Test(header_rules, bad_texts_are_refused)
{
	static const char *const values[] = {"a\r\nVia: x", "a\nb", "\x01X", "\x02", "\x01\x02",
					     "\x01X Y\x02", "\x01X:\x02", "\x01\x01X\x02\x02",
					     "\x7f", "\x03"};
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct header_rule_text one;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		one = rule(HEADER_ADD, "X-A", values[i]);
		out.len = 0;
		cr_expect_eq(header_rules_put(&out, &one, 1), -EINVAL, "%zu", i);
	}
	one = rule(HEADER_ADD, "X A", "b");
	out.len = 0;
	cr_expect_eq(header_rules_put(&out, &one, 1), -EINVAL);
	one = rule(HEADER_REMOVE, "X-A", "b");
	out.len = 0;
	cr_expect_eq(header_rules_put(&out, &one, 1), -EINVAL);
}

Test(header_rules, no_more_than_fit)
{
	static struct header_rule_text rules[HEADER_RULES_MAX + 1];
	static char value[HEADER_RULES_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));

	for (unsigned i = 0; i <= HEADER_RULES_MAX; i++)
		rules[i] = rule(HEADER_ADD, "X-A", "1");
	cr_expect_eq(header_rules_put(&out, rules, HEADER_RULES_MAX + 1), -ENOSPC);
	out.len = 0;
	cr_expect_eq(header_rules_put(&out, rules, HEADER_RULES_MAX), 0);
	memset(value, 'v', sizeof(value));
	rules[0].value = span_of(value, sizeof(value));
	out.len = 0;
	cr_expect_eq(header_rules_put(&out, rules, 1), -ENOSPC);
}

/* Every byte of a part changed to every value: refused, or good for all questions. */
Test(header_rules, changed_bytes_do_no_harm)
{
	const struct header_cond_text cond = {HEADER_BEGINS, SPAN("X-Yes"), SPAN("o")};
	struct header_rule_text rules[] = {rule(HEADER_ADD, "X-A", "a\x01X-Yes\x02"),
					   rule(HEADER_REPLACE, "Subject", "b")};
	struct span part;
	char whole[256];
	size_t len;

	rules[0].conds = &cond;
	rules[0].nconds = 1;
	message("Subject: Hello\r\nX-Yes: one\r\n");
	part = part_of(rules, 2);
	len = part.len;
	cr_assert(len <= sizeof(whole));
	memcpy(whole, part.ptr, len);
	for (size_t at = 0; at < len; at++) {
		char was = whole[at];

		for (unsigned value = 0; value < 256; value++) {
			whole[at] = (char)value;
			part = span_of(guard_behind(whole, len), len);
			if (header_rules_check(part) == 0)
				lines_of(part);
		}
		whole[at] = was;
	}
}

Test(header_rules, cut_parts_are_refused)
{
	const struct header_rule_text one = rule(HEADER_ADD, "X-A", "abc");
	struct span part = part_of(&one, 1);

	for (size_t len = 1; len < part.len; len++)
		cr_expect_eq(header_rules_check(span_of(part.ptr, len)), -EINVAL, "%zu", len);
	cr_expect_eq(header_rules_check(SPAN_NONE), 0);
}
