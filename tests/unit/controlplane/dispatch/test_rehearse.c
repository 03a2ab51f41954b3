/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames as text, and questions that are none. */
#include <criterion/criterion.h>
#include <errno.h>

#include "controlplane/dispatch/rehearse.h"

Test(rehearse, hex)
{
	char text[16], bytes[4];
	struct cursor out = cursor_on(text, sizeof(text));

	put_hex_bytes(&out, span_of("\x00\x7f\xff", 3));
	cr_assert(span_eq(cursor_span(&out), SPAN("007fff")));
	cr_assert_eq(hex_read(cursor_span(&out), bytes, sizeof(bytes)), 3);
	cr_expect_arr_eq(bytes, "\x00\x7f\xff", 3);
	cr_expect_eq(hex_read(SPAN("0"), bytes, sizeof(bytes)), -1);
	cr_expect_eq(hex_read(SPAN("0g"), bytes, sizeof(bytes)), -1);
	cr_expect_eq(hex_read(SPAN("0011223344"), bytes, sizeof(bytes)), -1, "does not fit");
	cr_expect_eq(hex_read(SPAN_NONE, bytes, sizeof(bytes)), 0);
}

Test(rehearse, what_is_no_question)
{
	static struct rehearsed rehearsed;
	static char frame[4096] __attribute__((aligned(8)));

	cr_expect_eq(rehearse_ask(NULL, frame, 0, &rehearsed), -EPROTO);
	cr_expect_eq(rehearse_ask(NULL, frame, sizeof(frame), &rehearsed), -EPROTO);
	memset(frame, 0xff, sizeof(frame));
	cr_expect_eq(rehearse_ask(NULL, frame, sizeof(frame), &rehearsed), -EPROTO);
}
