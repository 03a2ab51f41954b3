/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON writing: what peers send cannot break out of a string, and times are RFC 3339. */
#include "common/log/json.h"

#include <criterion/criterion.h>

static struct span written(struct cursor *c)
{
	cr_assert_not(c->full);
	return cursor_span(c);
}

static void expect_str(struct span text, struct span json)
{
	char buf[512];
	struct cursor c = cursor_on(buf, sizeof(buf));

	put_json_str(&c, text);
	cr_expect(span_eq(written(&c), json), "%.*s, not %.*s", SPAN_FMT(cursor_span(&c)),
		  SPAN_FMT(json));
}

Test(json, strings_are_escaped)
{
	expect_str(SPAN(""), SPAN("\"\""));
	expect_str(SPAN("plain"), SPAN("\"plain\""));
	expect_str(SPAN("a\"b\\c"), SPAN("\"a\\\"b\\\\c\""));
	expect_str(SPAN("a\r\nb\0c\x1f\x7f"), SPAN("\"a\\u000d\\u000ab\\u0000c\\u001f\\u007f\""));
	expect_str(SPAN("\"},{\"evil\":\""), SPAN("\"\\\"},{\\\"evil\\\":\\\"\""));
}

Test(json, utf8_passes_and_what_is_none_is_replaced)
{
	expect_str(SPAN("gr\xc3\xbc\xc3\x9f"), SPAN("\"gr\xc3\xbc\xc3\x9f\""));
	expect_str(SPAN("\xe2\x82\xac\xf0\x9f\x98\x80"), SPAN("\"\xe2\x82\xac\xf0\x9f\x98\x80\""));
	expect_str(SPAN("\xff\xc3"), SPAN("\"\\ufffd\\ufffd\""));
	expect_str(SPAN("\xc0\xaf"), SPAN("\"\\ufffd\\ufffd\""));             /* overlong */
	expect_str(SPAN("\xe0\x80\xaf"), SPAN("\"\\ufffd\\ufffd\\ufffd\"")); /* overlong */
	expect_str(SPAN("\xed\xa0\x80"), SPAN("\"\\ufffd\\ufffd\\ufffd\"")); /* surrogate */
	expect_str(SPAN("\xf4\x90\x80\x80"), SPAN("\"\\ufffd\\ufffd\\ufffd\\ufffd\""));
	expect_str(SPAN("\xc2\x9b"), SPAN("\"\\u009b\"")); /* C1: CSI to a terminal */
	expect_str(SPAN("a\xe2\x82"), SPAN("\"a\\ufffd\\ufffd\""));
}

Test(json, members_and_their_commas)
{
	const struct net_endpoint none = {0},
				  peer = {.addr = {{10, 0, 0, 1}}, .family = NET_IP4, .port = 5060};
	char buf[512];
	struct cursor c = cursor_on(buf, sizeof(buf));

	put_char(&c, '{');
	put_json_text(&c, "a", SPAN("x"));
	put_json_u64(&c, "b", UINT64_MAX);
	put_json_bool(&c, "c", true);
	put_json_endpoint(&c, "d", &peer);
	put_json_endpoint(&c, "e", &none);
	put_json_key(&c, "f");
	put_char(&c, '[');
	put_char(&c, ']');
	put_json_time(&c, "g", 0);
	put_char(&c, '}');
	cr_expect(span_eq(written(&c), SPAN("{\"a\":\"x\",\"b\":18446744073709551615,\"c\":true,"
					    "\"d\":\"10.0.0.1:5060\","
					    "\"e\":null,\"f\":[],\"g\":null}")),
		  "%.*s", SPAN_FMT(cursor_span(&c)));
}

static void expect_time(uint64_t unix_ns, struct span text)
{
	char buf[64];
	struct cursor c = cursor_on(buf, sizeof(buf));

	put_time(&c, unix_ns);
	cr_expect(span_eq(written(&c), text), "%.*s", SPAN_FMT(cursor_span(&c)));
}

Test(json, times_are_utc_with_ms)
{
	expect_time(0, SPAN("1970-01-01T00:00:00.000Z"));
	expect_time(UINT64_C(1709210096789999999), SPAN("2024-02-29T12:34:56.789Z"));
	expect_time(UINT64_C(4102444799001000000), SPAN("2099-12-31T23:59:59.001Z"));
}

Test(json, what_does_not_fit_is_told)
{
	char buf[8];
	struct cursor c = cursor_on(buf, sizeof(buf));

	put_json_str(&c, SPAN("0123456789"));
	cr_expect(c.full);
}
