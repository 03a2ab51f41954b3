/* SPDX-License-Identifier: BSD-3-Clause */
/* Number rules: what each does to a number, and what none of them touches. */
#include "controlplane/policy/number_rules.h"

#include <stdio.h>

#include "../conf_text.h"
#include "controlplane/policy/explain.h"

#define CONF(keys, rules)                                                                          \
	CONF_HEAD                                                                                  \
	"realms:\n  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                           \
	"trunks:\n  - {name: a, realm: ra, peers: [10.99.1.2], called_in_rules: s" keys "}\n"      \
	"number_rules:\n" rules

struct ruled {
	struct conf *conf;
	struct number_rules *rules;
};

static struct ruled start(const char *text)
{
	struct ruled ruled = {.conf = conf_from_text(text)};

	ruled.rules = number_rules_new(ruled.conf);
	cr_assert_not_null(ruled.rules);
	return ruled;
}

static void stop(struct ruled *ruled)
{
	number_rules_free(ruled->rules);
	conf_free(ruled->conf);
}

static struct party party_of(const char *user)
{
	struct party party = {.len = (uint8_t)strlen(user)};

	memcpy(party.user, user, strlen(user));
	return party;
}

static void expect(const struct ruled *ruled, const char *number, const char *wanted)
{
	struct party party = party_of(number);
	bool changed = number_rules_apply(ruled->rules, &ruled->conf->trunks[0], CONF_CALLED_IN,
					  &party, NULL);

	cr_expect(span_eq(party_user(&party), span_str(wanted)), "%s: %.*s, not %s", number,
		  SPAN_FMT(party_user(&party)), wanted);
	cr_expect(changed || !strcmp(number, wanted), "%s", number);
}

Test(number_rules, to_e164)
{
	struct ruled ruled = start(CONF(", country_code: \"49\"", "  - {set: s, convert: e164}\n"));

	expect(&ruled, "030123", "+4930123");
	expect(&ruled, "0043112", "+43112");
	expect(&ruled, "+4930123", "+4930123");
	expect(&ruled, "123", "123");
	expect(&ruled, "0", "0");
	expect(&ruled, "00", "+490");
	expect(&ruled, "0a", "0a");
	expect(&ruled, "030123;npdi;rn=+4930", "+4930123;npdi;rn=+4930");
	stop(&ruled);
}

Test(number_rules, to_e164_where_nothing_stands_before_a_national_number)
{
	struct ruled ruled = start(CONF(", country_code: \"1\", national_prefix: none, "
					"international_prefix: \"011\"",
					"  - {set: s, convert: e164}\n"));

	expect(&ruled, "2125551212", "+12125551212");
	expect(&ruled, "011493012", "+493012");
	stop(&ruled);
}

Test(number_rules, from_e164)
{
	struct ruled ruled =
		start(CONF(", country_code: \"49\"", "  - {set: s, convert: national}\n"));

	expect(&ruled, "+4930123", "030123");
	expect(&ruled, "+43112", "0043112");
	expect(&ruled, "+49", "0049");
	expect(&ruled, "4930", "4930");
	expect(&ruled, "+49a", "+49a");
	stop(&ruled);
	ruled = start(CONF(", country_code: \"49\"", "  - {set: s, convert: international}\n"));
	expect(&ruled, "+4930123", "004930123");
	stop(&ruled);
}

Test(number_rules, strip_replace_convert_and_add_in_this_order)
{
	struct ruled ruled = start(CONF(", country_code: \"49\"",
					"  - {set: s, pattern: \"^9(\\\\d)\", replace: \"80$1\", strip: "
					"1, convert: e164, add: \"*7\"}\n"));

	expect(&ruled, "930123", "*7+4930123");
	expect(&ruled, "830123", "830123");
	stop(&ruled);
}

Test(number_rules, the_first_that_applies_unless_it_goes_on)
{
	struct ruled ruled = start(CONF("", "  - {set: other, add: \"9\"}\n"
					    "  - {set: s, prefix: \"1\", strip: 1, then: next}\n"
					    "  - {set: s, prefix: \"2\", strip: 1}\n"
					    "  - {set: s, add: \"7\"}\n"));

	expect(&ruled, "123", "3");
	expect(&ruled, "13", "73");
	expect(&ruled, "23", "3");
	expect(&ruled, "5", "75");
	stop(&ruled);
}

Test(number_rules, captures_dollars_and_the_middle)
{
	struct ruled ruled =
		start(CONF("", "  - {set: s, pattern: \"(\\\\d\\\\d)-(x)?(\\\\d)\", replace: "
			       "\"$3$2$$$1[$0]\"}\n"));

	expect(&ruled, "a12-3b", "a3$12[12-3]b");
	expect(&ruled, "12-x3", "3x$12[12-x3]");
	stop(&ruled);
}

/* Nothing of a number, or more than there is room for: the rule does not apply. */
Test(number_rules, what_would_be_no_number_stays)
{
	struct ruled ruled = start(CONF("", "  - {set: s, strip: 31}\n"));
	char longest[256];

	expect(&ruled, "1234", "1234");
	stop(&ruled);
	ruled = start(CONF("", "  - {set: s, add: \"0123456789\"}\n"));
	memset(longest, '1', 250);
	longest[250] = '\0';
	expect(&ruled, longest, longest);
	memcpy(longest + 240, ";rn=123456", 10);
	expect(&ruled, longest, longest);
	stop(&ruled);
}

Test(number_rules, what_is_no_number_stays)
{
	struct ruled ruled = start(CONF("", "  - {set: s, add: \"9\"}\n"));
	struct party service = party_of("urn:service:sos"), nobody = {0},
		     hidden = party_of("anonymous");

	service.service = hidden.anonymous = true;
	cr_expect_not(number_rules_apply(ruled.rules, ruled.conf->trunks, CONF_CALLED_IN, &service,
					 NULL));
	cr_expect_not(
		number_rules_apply(ruled.rules, ruled.conf->trunks, CONF_CALLED_IN, &nobody, NULL));
	cr_expect_not(
		number_rules_apply(ruled.rules, ruled.conf->trunks, CONF_CALLED_IN, &hidden, NULL));
	cr_expect_not(number_rules_apply(ruled.rules, ruled.conf->trunks, CONF_CALLED_OUT, &service,
					 NULL));
	stop(&ruled);
}

/* A pattern that tries all ways through a number gives up before that is felt. */
Test(number_rules, a_pattern_that_takes_for_ever_does_not)
{
	struct ruled ruled = start(
		CONF("", "  - {set: s, pattern: \"^(1+)+(1+)+(1+)+$\", replace: \"9\"}\n"));
	char number[200];

	memset(number, '1', sizeof(number));
	number[198] = 'x';
	number[199] = '\0';
	for (unsigned i = 0; i < 1000; i++)
		expect(&ruled, number, number);
	stop(&ruled);
}

Test(number_rules, rows_of_tables)
{
	static const struct {
		const char *was;
		unsigned strip;
		const char *add, *now;
	} cases[] = {
		{"+4930123", 0, "", "+4930123"}, {"+4930123", 2, "0", "030123"},
		{"4930123", 2, "0", "030123"},	 {"+4930;npdi", 2, "+", "+30;npdi"},
		{"49", 2, "", "49"},		 {"49", 9, "112", "112"},
		{"+49", 0, "0", "0+49"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct party party = party_of(cases[i].was);

		number_restart(&party, cases[i].strip, span_str(cases[i].add));
		cr_expect(span_eq(party_user(&party), span_str(cases[i].now)), "%s: %.*s",
			  cases[i].was, SPAN_FMT(party_user(&party)));
	}
}

Test(number_rules, are_explained)
{
	static struct explain explain;
	struct ruled ruled = start(CONF("", "  - {set: s, strip: 1}\n"));
	struct party party = party_of("123");

	explain_start(&explain);
	number_rules_apply(ruled.rules, ruled.conf->trunks, CONF_CALLED_IN, &party, &explain);
	cr_assert_eq(explain.n, 1);
	cr_expect_str_eq(explain_text(&explain, 0), "called, from a: number_rules[0] of \"s\" makes "
						    "\"23\" of \"123\"");
	stop(&ruled);
}
