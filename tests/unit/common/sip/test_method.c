/* SPDX-License-Identifier: BSD-3-Clause */
/* Methods: every name finds its number, and nothing else does. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>

#include "guarded.h"

Test(method, every_name_finds_its_number)
{
	static const char *const names[] = {
#define X(m) #m,
		SIP_METHODS(X)
#undef X
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_expect_eq(sip_method_from(guarded(names[i])), i + 1, "%s", names[i]);
		cr_expect_str_eq(sip_method_name(i + 1), names[i]);
	}
	cr_expect_eq(sizeof(names) / sizeof(names[0]), SIP_METHODS_END - 1);
}

Test(method, case_and_length_count)
{
	static const char *const others[] = {
		"",	 "invite",	 "Invite",    "INVIT", "INVITED",    "IN",
		"B",	 "BYf",		 "XYE",	      "ACKS",  "SUBSCRIBER", "NEW",
		"OTHER", "RE%47IST%45R", "PUBLISHED", "INFOS", "I\xc3\x84"};

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_eq(sip_method_from(guarded(others[i])), SIP_METHOD_OTHER, "%s",
			     others[i]);
	cr_expect_eq(sip_method_from(SPAN_NONE), SIP_METHOD_OTHER);
}

Test(method, a_stranger_has_a_name_too)
{
	cr_expect_str_eq(sip_method_name(SIP_METHOD_OTHER), "OTHER");
	cr_expect_str_eq(sip_method_name(SIP_METHODS_END), "OTHER");
}
