/* SPDX-License-Identifier: BSD-3-Clause */
/* Multipart bodies (RFC 2046 section 5.1). */
#include "common/sip/mime.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "guarded.h"

#define PARTS_MAX 8

static struct mime_part part[PARTS_MAX];

/* The number of parts, or what is wrong. */
static int read_all(const char *type, const char *body)
{
	struct mime_parts parts;
	int n = 0, got;

	got = mime_parts_open(&parts, span_str(type), guarded(body));
	if (got)
		return got;
	while (n < PARTS_MAX && (got = mime_parts_next(&parts, &part[n])) > 0)
		n++;
	return got < 0 ? got : n;
}

Test(mime, parts_and_their_heads)
{
	cr_assert_eq(read_all("multipart/mixed; boundary=\"a:b\"",
			      "before\r\n--a:b \r\nContent-Type: text/plain;\r\n x=y\r\nC: "
			      "z\r\n\r\none\r\n\r\n"
			      "--a:b\r\n\r\n--a:bc\r\n--a:b\r\ncontent-id: "
			      "<i@d>\r\ncontent-disposition: render ; "
			      "handling=OPTIONAL\r\ncontent-transfer-encoding: "
			      "base64\r\n\r\n--a:b--\r\nbehind"),
		     3);
	cr_expect(span_is(part[0].type, "z"), "%.*s", SPAN_FMT(part[0].type));
	cr_expect(span_is(part[0].body, "one\r\n"));
	cr_expect(!part[0].encoded && part[1].type.len == 0);
	cr_expect(span_is(part[1].body, "--a:bc"));
	cr_expect(span_is(part[2].id, "i@d") && part[2].encoded && part[2].body.len == 0);
	cr_expect(mime_is_optional(part[2].disposition) && !mime_is_optional(part[0].disposition));
}

Test(mime, lines_that_end_in_lf_and_bodies_that_just_end)
{
	cr_assert_eq(read_all("multipart/mixed;boundary=x",
			      "--x\nContent-Type: a/b\n\nbody\n--x\n\nmore"),
		     2);
	cr_expect(span_is(part[0].type, "a/b") && span_is(part[0].body, "body"));
	cr_expect(span_is(part[1].body, "more"));
	cr_expect_eq(read_all("multipart/mixed;boundary=x", "--x--"), 0);
	cr_assert_eq(read_all("multipart/mixed;boundary=x", "--x\r\nContent-Type: a/b"), 1);
	cr_expect(span_is(part[0].type, "a/b") && part[0].body.len == 0);
}

Test(mime, what_is_none)
{
	static const char *const types[] = {
		"multipart/mixed",
		"multipart/mixed;boundary=",
		"multipart/mixed;boundary=\"\"",
		"multipart/mixed;bound=x",
		"multipart/mixed;boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		cr_expect_eq(read_all(types[i], "--x\r\n\r\n--x--"), -EINVAL, "%s", types[i]);
	cr_expect_eq(read_all("multipart/mixed;boundary=x", ""), -EINVAL);
	cr_expect_eq(read_all("multipart/mixed;boundary=x", "-x\r\n--xy\r\n"), -EINVAL);
	cr_expect_eq(read_all("multipart/mixed;boundary=x", "--x\r\nno head\r\n\r\n--x--"),
		     -EINVAL);
	cr_expect_eq(read_all("multipart/mixed;boundary=x", "--x\r\n: a\r\n\r\n--x--"), -EINVAL);
}

Test(mime, encodings)
{
	cr_expect(mime_is_encoded(SPAN("gzip")) && !mime_is_encoded(SPAN("Identity")) &&
		  !mime_is_encoded(SPAN_NONE));
	cr_expect(span_is(mime_type(SPAN("text/plain ; a=b")), "text/plain"));
	cr_expect(mime_type(SPAN_NONE).len == 0);
}
