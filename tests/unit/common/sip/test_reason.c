/* SPDX-License-Identifier: BSD-3-Clause */
/* Every code has a phrase that can stand in a status line. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>

Test(reason, phrases_of_rfc_3261)
{
	cr_expect_str_eq(sip_reason_phrase(100), "Trying");
	cr_expect_str_eq(sip_reason_phrase(180), "Ringing");
	cr_expect_str_eq(sip_reason_phrase(200), "OK");
	cr_expect_str_eq(sip_reason_phrase(404), "Not Found");
	cr_expect_str_eq(sip_reason_phrase(481), "Call/Transaction Does Not Exist");
	cr_expect_str_eq(sip_reason_phrase(487), "Request Terminated");
	cr_expect_str_eq(sip_reason_phrase(503), "Service Unavailable");
	cr_expect_str_eq(sip_reason_phrase(603), "Decline");
}

Test(reason, every_code_has_a_phrase_fit_for_the_wire)
{
	for (unsigned status = 0; status < 1000; status++) {
		const char *phrase = sip_reason_phrase((uint16_t)status);

		cr_assert_neq(phrase[0], '\0');
		for (const char *p = phrase; *p; p++)
			cr_assert(*p >= ' ' && *p < 0x7f, "%u", status);
	}
}

Test(reason, an_unknown_code_has_the_phrase_of_its_class)
{
	cr_expect_str_eq(sip_reason_phrase(299), "Success");
	cr_expect_str_eq(sip_reason_phrase(499), "Client Error");
	cr_expect_str_eq(sip_reason_phrase(699), "Global Failure");
	cr_expect_str_eq(sip_reason_phrase(999), "Unknown");
}
