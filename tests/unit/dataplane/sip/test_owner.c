/* SPDX-License-Identifier: BSD-3-Clause */
/* The owner of a message is found from its Call-ID alone, whatever its form. */
#include "dataplane/sip/engine.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(owner, every_form_names_the_same)
{
	static const char *const texts[] = {
		"BYE sip:a SIP/2.0\r\nCall-ID: x@y\r\nl: 0\r\n\r\n",
		"BYE sip:a SIP/2.0\r\nTo: q\r\ncall-id  :   x@y  \r\n\r\n",
		"BYE sip:a SIP/2.0\r\ni:x@y\r\n\r\n",
		"BYE sip:a SIP/2.0\r\nI\t: x@y\r\n\r\n",
		"BYE sip:a SIP/2.0\r\nCALL-ID:\r\n x@y\r\n\r\n",
		"BYE sip:a SIP/2.0\nCall-ID: x@y\n\n",
		"BYE sip:a SIP/2.0\r\nCall-ID: x@y",
	};
	struct span id;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_expect(sip_find_call_id(texts[i], strlen(texts[i]), &id), "text %u", i);
		cr_expect(span_eq(id, SPAN("x@y")), "text %u: %.*s", i, SPAN_FMT(id));
	}
}

Test(owner, none_in_body_or_other_names)
{
	static const char *const texts[] = {"",
					    "\r\n",
					    "BYE sip:a SIP/2.0\r\n\r\nCall-ID: x\r\n",
					    "BYE sip:a SIP/2.0\r\nX-Call-ID: x\r\n\r\n",
					    "BYE sip:a SIP/2.0\r\nCall-IDs: x\r\n\r\n",
					    "BYE sip:a SIP/2.0\r\nCall-ID:\r\n\r\n"};
	struct span id;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect(!sip_find_call_id(texts[i], strlen(texts[i]), &id), "text %u", i);
}

Test(owner, owners_spread)
{
	unsigned count[4] = {0};
	char text[32];

	for (int i = 0; i < 4000; i++) {
		int len = snprintf(text, sizeof(text), "call-%d", i);

		count[sip_owner(span_of(text, (size_t)len), 4)]++;
	}
	for (unsigned i = 0; i < 4; i++)
		cr_expect(count[i] > 800 && count[i] < 1200, "worker %u owns %u of 4000", i,
			  count[i]);
}
