/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters by name. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>

#include "guarded.h"

Test(param, found_or_not)
{
	static const struct {
		const char *params, *name, *value; /* value NULL: not there */
	} cases[] = {
		{";tag=1", "tag", "1"},
		{";tag=1", "TAG", "1"},
		{";lr", "lr", ""},
		{";lr;x=1", "x", "1"},
		{"; x = 1 ; y = 2", "y", "2"},
		{";x=\"a;tag=2\";tag=3", "tag", "3"},
		{";x=\"a\\\";tag=2\";tag=3", "tag", "3"},
		{";q=\"v\"", "q", "\"v\""},
		{";transport=udp;lr;maddr=[2001:db8::1]", "maddr", "[2001:db8::1]"},
		{";a=1;a=2", "a", "1"},
		{";tagged=1", "tag", NULL},
		{";ta=1", "tag", NULL},
		{"", "tag", NULL},
		{"tag=1", "tag", NULL},
		{";;tag=1", "tag", NULL},
		{";x=\"open;tag=1", "tag", NULL},
		{";x=1,tag=2", "tag", NULL},
		{";tag", "tag", ""},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span value = SPAN("untouched");
		bool found =
			sip_param_find(guarded(cases[i].params), span_str(cases[i].name), &value);

		cr_expect_eq(found, cases[i].value != NULL, "%s in %s", cases[i].name,
			     cases[i].params);
		if (found)
			cr_expect(span_eq(value, span_str(cases[i].value)), "%s in %s",
				  cases[i].name, cases[i].params);
	}
}

Test(param, nothing_in_nothing)
{
	struct span value;

	cr_expect_not(sip_param_find(SPAN_NONE, SPAN("tag"), &value));
}
