/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments: of what a NOTIFY tells, the status alone goes on. */
#include "common/sip/sipfrag.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static bool hides_to(const char *fragment, const char *expected)
{
	char text[128];
	struct cursor out = cursor_on(text, sizeof(text));
	size_t len = strlen(fragment);
	char *copy = malloc(len + 1); /* so that a byte too many is found */
	bool good;

	memcpy(copy, fragment, len);
	good = sipfrag_hide(&out, span_of(copy, len));
	free(copy);
	return good ? expected && span_eq(cursor_span(&out), span_str(expected)) : !expected;
}

Test(sip_sipfrag, status_line_alone)
{
	cr_expect(hides_to("SIP/2.0 200 OK\r\n", "SIP/2.0 200 OK\r\n"));
	cr_expect(hides_to("SIP/2.0 486 Bob at 10.0.0.1 is busy\r\nTo: <sip:bob@secret>\r\n\r\n",
			   "SIP/2.0 486 Busy Here\r\n"));
	cr_expect(hides_to("sip/2.0 180", "SIP/2.0 180 Ringing\r\n"));
	cr_expect(hides_to("SIP/2.0 100\r\n", "SIP/2.0 100 Trying\r\n"));
}

Test(sip_sipfrag, no_status_line)
{
	static const char *const bad[] = {"",
					  "SIP/2.0 20",
					  "SIP/2.0 2000 OK",
					  "SIP/2.0 099 x",
					  "SIP/2.0 700 x",
					  "SIP/2.0 2x0 OK",
					  "INVITE sip:bob@secret SIP/2.0\r\n",
					  "Via: SIP/2.0/UDP secret\r\n",
					  "SIP/3.0 200 OK\r\n"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect(hides_to(bad[i], NULL), "%s", bad[i]);
}

Test(sip_sipfrag, no_room)
{
	char text[8];
	struct cursor out = cursor_on(text, sizeof(text));

	cr_expect_not(sipfrag_hide(&out, SPAN("SIP/2.0 200 OK\r\n")));
}
