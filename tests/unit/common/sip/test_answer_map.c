/* SPDX-License-Identifier: BSD-3-Clause */
/* Answer maps: which codes become others, and which never do. */
#include "common/sip/answer_map.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"

static char buf[ANSWER_MAP_BYTES_MAX + 64];

static struct answer_rule_text rule(unsigned way, unsigned side, unsigned low, unsigned high,
				    unsigned to)
{
	return (struct answer_rule_text){.head = {.low = (uint16_t)low,
						  .high = (uint16_t)high,
						  .to = (uint16_t)to,
						  .way = (uint8_t)way,
						  .side = (uint8_t)side}};
}

static struct span part_of(const struct answer_rule_text *rules, unsigned n)
{
	struct cursor out = cursor_on(buf, sizeof(buf));

	cr_assert_eq(answer_map_put(&out, rules, n), 0);
	return span_of(guard_behind(out.buf, out.len), out.len);
}

Test(answer_map, the_first_rule_of_the_way_and_side_decides)
{
	struct answer_rule_text rules[] = {
		rule(ANSWER_CAME, 1, 500, 599, 480), rule(ANSWER_CAME, 1, 503, 503, 600),
		rule(ANSWER_GOES, 0, 480, 480, 486), rule(ANSWER_CAME, 1, 183, 183, 180)};
	struct answer answer;
	struct span part;

	rules[0].phrase = SPAN("Not Now");
	rules[0].reason = SPAN("Q.850;cause=41");
	part = part_of(rules, 4);
	answer = answer_map_find(part, ANSWER_CAME, 1, 503);
	cr_expect_eq(answer.status, 480);
	cr_expect(span_is(answer.phrase, "Not Now") && span_is(answer.reason, "Q.850;cause=41"));
	answer = answer_map_find(part, ANSWER_GOES, 0, 480);
	cr_expect_eq(answer.status, 486);
	cr_expect(answer.phrase.len == 0 && answer.reason.len == 0);
	cr_expect_eq(answer_map_find(part, ANSWER_CAME, 1, 183).status, 180);
	cr_expect_eq(answer_map_find(part, ANSWER_CAME, 0, 503).status, 503);
	cr_expect_eq(answer_map_find(part, ANSWER_GOES, 1, 480).status, 480);
	cr_expect_eq(answer_map_find(SPAN_NONE, ANSWER_GOES, 1, 480).status, 480);
}

Test(answer_map, codes_that_sip_works_by_stay)
{
	static const uint16_t stay[] = {100, 199, 200, 202, 299, 300, 302, 401, 407,
					415, 420, 422, 423, 481, 487, 491};
	const struct answer_rule_text all[] = {rule(ANSWER_CAME, 0, 400, 699, 480),
					       rule(ANSWER_CAME, 0, 180, 189, 182)};
	struct span part = part_of(all, 2);

	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		cr_expect_eq(answer_map_find(part, ANSWER_CAME, 0, stay[i]).status, stay[i]);
	cr_expect_eq(answer_map_find(part, ANSWER_CAME, 0, 603).status, 480);
	cr_expect_eq(answer_map_find(part, ANSWER_CAME, 0, 180).status, 182);
}

Test(answer_map, wrong_rules_are_refused)
{
	static const struct answer_rule_text wrong[] = {
		{.head = {.low = 500, .high = 499, .to = 480}},
		{.head = {.low = 180, .high = 500, .to = 480}},
		{.head = {.low = 183, .high = 183, .to = 480}},
		{.head = {.low = 480, .high = 480, .to = 183}},
		{.head = {.low = 480, .high = 480, .to = 200}},
		{.head = {.low = 480, .high = 480, .to = 302}},
		{.head = {.low = 480, .high = 480, .to = 401}},
		{.head = {.low = 200, .high = 200, .to = 180}},
		{.head = {.low = 302, .high = 302, .to = 480}},
		{.head = {.low = 180, .high = 199, .to = 180}},
		{.head = {.low = 500, .high = 700, .to = 480}},
		{.head = {.low = 500, .high = 500, .to = 480, .way = ANSWER_WAYS}},
		{.head = {.low = 500, .high = 500, .to = 480, .side = 2}},
		{.head = {.low = 500, .high = 500, .to = 480}, .phrase = {"a\r\nb", 4}},
	};
	struct cursor out = cursor_on(buf, sizeof(buf));

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		out.len = 0;
		cr_expect_eq(answer_map_put(&out, &wrong[i], 1), -EINVAL, "%zu", i);
	}
}

Test(answer_map, changed_and_cut_parts_do_no_harm)
{
	struct answer_rule_text rules[] = {rule(ANSWER_CAME, 1, 500, 599, 480),
					   rule(ANSWER_GOES, 0, 480, 480, 486)};
	char copy[128], whole[128];
	struct span part;
	size_t len;

	rules[1].phrase = SPAN("Busy");
	part = part_of(rules, 2);
	len = part.len;
	memcpy(whole, part.ptr, len);
	for (size_t cut = 1; cut < len; cut++)
		cr_expect_eq(answer_map_check(span_of(guard_behind(whole, cut), cut)), -EINVAL);
	for (size_t at = 0; at < len; at++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(copy, whole, len);
			copy[at] = (char)value;
			part = span_of(guard_behind(copy, len), len);
			if (answer_map_check(part))
				continue;
			for (uint16_t status = 180; status < 700; status++)
				(void)answer_map_find(part, ANSWER_GOES, 0, status);
		}
	}
}
