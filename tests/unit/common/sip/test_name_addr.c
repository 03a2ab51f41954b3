/* SPDX-License-Identifier: BSD-3-Clause */
/* name-addr and addr-spec with parameters (RFC 3261 section 20.10, RFC 4475). */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"

Test(name_addr, parts_of_good_ones)
{
	static const struct {
		const char *text, *display, *uri, *params;
	} cases[] = {
		{"<sip:a@h>", NULL, "sip:a@h", NULL},
		{"sip:a@h", NULL, "sip:a@h", NULL},
		{"  sip:a@h\t", NULL, "sip:a@h", NULL},
		{"sip:a@h;tag=1;x", NULL, "sip:a@h", ";tag=1;x"},
		{"sip:a@h ; tag = 1", NULL, "sip:a@h", "; tag = 1"},
		{"<sip:a@h;lr>", NULL, "sip:a@h;lr", NULL},
		{"<sip:a@h;lr?x=y,z>;tag=1", NULL, "sip:a@h;lr?x=y,z", ";tag=1"},
		{"Bob <sip:a@h>", "Bob", "sip:a@h", NULL},
		{"caller<sip:a@h>;tag=323", "caller", "sip:a@h", ";tag=323"},
		{"token1~` token2'+_ token3*%!.- <sip:a@h>", "token1~` token2'+_ token3*%!.-",
		 "sip:a@h", NULL},
		{"T. Watson (home) <sip:a@h>", "T. Watson (home)", "sip:a@h", NULL},
		{"\"\" <sip:a@h>", "\"\"", "sip:a@h", NULL},
		{"\"Bob\"<sip:a@h>", "\"Bob\"", "sip:a@h", NULL},
		{"\"Bell, Alexander <x>;y\" <sip:a@h>;tag=1", "\"Bell, Alexander <x>;y\"",
		 "sip:a@h", ";tag=1"},
		{"\"J \\\\\\\"\"       <sip:a@h>\r\n  ;\r\n  tag = 98", "\"J \\\\\\\"\"", "sip:a@h",
		 ";\r\n  tag = 98"},
		{"\"Zo\xc3\xab\" <sip:a@h>", "\"Zo\xc3\xab\"", "sip:a@h", NULL},
		{"Zo\xc3\xab \xe6\x9d\xb1\xe4\xba\xac <sip:a@h>",
		 "Zo\xc3\xab \xe6\x9d\xb1\xe4\xba\xac", "sip:a@h", NULL},
		{"<tel:+1234;x=y>;q=0.5", NULL, "tel:+1234;x=y", ";q=0.5"},
		{"<http://www.example.com>;tag=3", NULL, "http://www.example.com", ";tag=3"},
		{"isbn:2983792873", NULL, "isbn:2983792873", NULL},
		{"<sip:a@h>;p=\"q;z=,<>\";r=[2001:db8::1]", NULL, "sip:a@h",
		 ";p=\"q;z=,<>\";r=[2001:db8::1]"},
		{"sip:a@h;unknownparam", NULL, "sip:a@h", ";unknownparam"},
		{"<sip:a-long-user-name@a-long-host-name.example.org:5060>;a-long-parameter=with-a-"
		 "long-value;flag",
		 NULL, "sip:a-long-user-name@a-long-host-name.example.org:5060",
		 ";a-long-parameter=with-a-long-value;flag"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_name_addr addr;

		cr_assert_eq(sip_name_addr_parse(guarded(cases[i].text), &addr), 0, "%s",
			     cases[i].text);
		cr_expect_not(addr.star);
		cr_expect(span_is(addr.display, cases[i].display), "display of %s", cases[i].text);
		cr_expect(span_is(addr.uri, cases[i].uri), "uri of %s: \"%.*s\"", cases[i].text,
			  SPAN_FMT(addr.uri));
		cr_expect(span_is(addr.params, cases[i].params), "params of %s: \"%.*s\"",
			  cases[i].text, SPAN_FMT(addr.params));
	}
}

Test(name_addr, a_star_by_itself)
{
	struct sip_name_addr addr;

	cr_assert_eq(sip_name_addr_parse(guarded(" * "), &addr), 0);
	cr_expect(addr.star);
	cr_expect_eq(addr.uri.len, 0);
	cr_expect_eq(sip_name_addr_parse(guarded("*;expires=0"), &addr), -EINVAL);
	cr_expect_eq(sip_name_addr_parse(guarded("**"), &addr), -EINVAL);
}

Test(name_addr, bad_ones_are_refused)
{
	static const char *const cases[] = {
		"",
		"   ",
		"Bob",
		"a@h",
		"<>",
		"< >",
		"<a@h>",
		"<sip:a@h",
		"sip:a@h>",
		"<sip:>",
		"< sip:a@h>",
		"<sip:a@h >",
		"<sip:a @h>",
		"<sip:a@h> x",
		"<sip:a@h>x",
		"<sip:a@h>, <sip:b@h>",
		"<sip:a@h><sip:b@h>",
		"<<sip:a@h>>",
		"\"Bob <sip:a@h>",
		"\"Bob\\\" <sip:a@h>",
		"\"Bob\" sip:a@h",
		"\"Bob\" x <sip:a@h>",
		"\"Bob\"",
		"Bell, Alexander <sip:a@h>",
		"Bob;x <sip:a@h>",
		"Bob \"B\" <sip:a@h>",
		"sip:b@h <sip:a@h>",
		"sip:a@h?Route=%3Csip:x%3E",
		"sip:a@h,sip:b@h",
		"sip:a b@h",
		"sip:a@h x",
		"<sip:a@h>;",
		"<sip:a@h>;;tag=1",
		"<sip:a@h>;=x",
		"<sip:a@h>;tag=",
		"<sip:a@h>;tag=;x",
		"<sip:a@h>;tag=\"x",
		"<sip:a@h>;tag=a b",
		"<sip:a@h>;tag=a,b",
		"<sip:a@h>tag=1",
		"<sip:\xc3\xa9@h>",
		"<1sip:a@h>",
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sip_name_addr addr;

		cr_expect_eq(sip_name_addr_parse(guarded(cases[i]), &addr), -EINVAL, "\"%s\"",
			     cases[i]);
	}
}

Test(name_addr, a_text_cut_short_is_never_read_beyond)
{
	static const char text[] = "\"Quoted \\\" name of some length\" "
				   "<sips:user@[2001:db8::1]:5061;lr>;tag=abc;q=\"v;\";f";
	struct sip_name_addr addr;

	for (size_t len = 0; len < sizeof(text); len++)
		(void)sip_name_addr_parse(span_of(guard_behind(text, len), len), &addr);
	cr_expect_eq(sip_name_addr_parse(SPAN_NONE, &addr), -EINVAL);
}
