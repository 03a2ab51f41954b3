/* SPDX-License-Identifier: BSD-3-Clause */
/* Comma-separated values, over one piece of text and over the lines of a message. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>

#include "guarded.h"

enum { VALUES_MAX = 6 };

Test(values, of_one_text)
{
	static const struct {
		const char *text, *values[VALUES_MAX];
	} cases[] = {
		{"", {NULL}},
		{" , ,\t,", {NULL}},
		{"a", {"a"}},
		{" a , b,c ", {"a", "b", "c"}},
		{"a,,b,", {"a", "b"}},
		{"\"x, y\" <sip:a@h;p=1,2>;q=0.5, <sip:b@h>",
		 {"\"x, y\" <sip:a@h;p=1,2>;q=0.5", "<sip:b@h>"}},
		{"\"a\\\",b\",c", {"\"a\\\",b\"", "c"}},
		{"x (a, (b, c) \\), d), y", {"x (a, (b, c) \\), d)", "y"}},
		{"a <b \", c>, d", {"a <b \", c>", "d"}},
		{"a \"open, b", {"a \"open, b"}},
		{"a <open, b", {"a <open, b"}},
		{"a (open, b", {"a (open, b"}},
		{"a ), b", {"a )", "b"}},
		{"a >, b", {"a >", "b"}},
		{"a\r\n , b", {"a", "b"}},
		{"a, \"b\\", {"a", "\"b\\"}},
		{"0123456789abcdef0123456789,\"0123456789abcdef,0123456789\",<0123456789,abcdef>",
		 {"0123456789abcdef0123456789", "\"0123456789abcdef,0123456789\"",
		  "<0123456789,abcdef>"}},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span rest = guarded(cases[i].text), value;
		unsigned n = 0;

		while (sip_list_next(&rest, &value)) {
			cr_assert_lt(n, VALUES_MAX);
			cr_expect(span_is(value, cases[i].values[n] ? cases[i].values[n] : "?"),
				  "value %u of \"%s\": \"%.*s\"", n, cases[i].text,
				  SPAN_FMT(value));
			n++;
		}
		cr_expect(n == VALUES_MAX || !cases[i].values[n], "%u values of \"%s\"", n,
			  cases[i].text);
		cr_expect_not(sip_list_next(&rest, &value), "the end stays the end");
	}
}

static const char message[] = "OPTIONS sip:h SIP/2.0\r\n"
			      "Via: SIP/2.0/UDP one;branch=z9hG4bK1, SIP/2.0/UDP two\r\n"
			      "From: <sip:a@h>;tag=1\r\n"
			      "Supported: timer, 100rel\r\n"
			      "v: SIP/2.0/UDP three\r\n"
			      "To: <sip:b@h>\r\n"
			      "k: Path\r\n"
			      "Call-ID: 1\r\n"
			      "Route:\r\n"
			      "Route: <sip:p1;lr>,\r\n <sip:p2;lr>\r\n"
			      "CSeq: 1 OPTIONS\r\n"
			      "Route: <sip:p3;lr>\r\n"
			      "Supported: \r\n"
			      "Content-Length: 0\r\n"
			      "\r\n";

static const struct sip_msg *parsed(void)
{
	static struct sip_msg msg;

	cr_assert_eq(sip_parse(&msg, guard_behind(message, sizeof(message) - 1),
			       sizeof(message) - 1, SIP_DATAGRAM),
		     SIP_PARSE_OK, "%s", msg.why);
	return &msg;
}

static void expect_values(enum sip_hdr_id id, const char *const expected[])
{
	struct sip_values it = sip_values(parsed(), id);
	struct span value;
	unsigned n = 0;

	for (; sip_values_next(&it, &value); n++) {
		cr_assert_not_null(expected[n]);
		cr_expect(span_is(value, expected[n]), "\"%.*s\"", SPAN_FMT(value));
	}
	cr_expect_null(expected[n]);
	cr_expect_not(sip_values_next(&it, &value), "the end stays the end");
}

Test(values, of_all_lines_in_order)
{
	expect_values(SIP_HDR_VIA, (const char *[]){"SIP/2.0/UDP one;branch=z9hG4bK1",
						    "SIP/2.0/UDP two", "SIP/2.0/UDP three", NULL});
	expect_values(SIP_HDR_ROUTE,
		      (const char *[]){"<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3;lr>", NULL});
	expect_values(SIP_HDR_SUPPORTED, (const char *[]){"timer", "100rel", "Path", NULL});
	expect_values(SIP_HDR_REQUIRE, (const char *[]){NULL});
}

Test(values, tokens_on_any_line_in_any_case)
{
	const struct sip_msg *msg = parsed();

	cr_expect(sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("timer")));
	cr_expect(sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("100REL")));
	cr_expect(sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("path")));
	cr_expect_not(sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("100")));
	cr_expect_not(sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("")));
	cr_expect_not(sip_hdr_has_token(msg, SIP_HDR_REQUIRE, SPAN("timer")));
}

Test(values, the_first_line)
{
	const struct sip_msg *msg = parsed();

	cr_expect(span_is(sip_hdr_value(msg, SIP_HDR_SUPPORTED), "timer, 100rel"));
	cr_expect_eq(sip_hdr_value(msg, SIP_HDR_ROUTE).len, 0);
	cr_expect_null(sip_hdr_value(msg, SIP_HDR_REQUIRE).ptr);
}

/* Each of a text's many values is looked for once: nothing is scanned to its end again and
 * again. */
Test(values, many_openings_cost_no_more_than_their_length, .timeout = 20)
{
	static char text[60000];
	struct span rest = span_of(text, sizeof(text)), value;
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = ",(\"<"[i % 4];
	while (sip_list_next(&rest, &value))
		n++;
	cr_expect_gt(n, 0);
}
