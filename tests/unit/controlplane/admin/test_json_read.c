/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON taken apart: what is JSON and what is not, walking it, and bounds. */
#include "controlplane/admin/json_read.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

static int read_text(const char *text)
{
	/* flush against the end of an allocation: the sanitizer sees a byte too many */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	struct json_node nodes[64];
	int n;

	memcpy(copy, text, len);
	n = json_read(span_of(copy, len), nodes, 64);
	free(copy);
	return n;
}

Test(json_read, what_is_json)
{
	cr_expect_eq(read_text("null"), 1);
	cr_expect_eq(read_text(" true "), 1);
	cr_expect_eq(read_text("-12.5e+3"), 1);
	cr_expect_eq(read_text("\"a\\u00e4\\n\""), 1);
	cr_expect_eq(read_text("[]"), 1);
	cr_expect_eq(read_text("{}"), 1);
	cr_expect_eq(read_text("[1, 2,\t3]\r\n"), 4);
	cr_expect_eq(read_text("{\"a\":{\"b\":[{}]},\"c\":null}"), 8);
}

Test(json_read, what_is_not)
{
	static const char *const bad[] = {
		"", " ", "nul", "truex", "1 2", "-", "1.", "1e", "+1", "'a'",
		"\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"",
		"[", "[1", "[1,", "[1,]", "[,1]", "]", "{", "{\"a\"", "{\"a\":", "{\"a\":1",
		"{\"a\":1,", "{\"a\":1,}", "{a:1}", "{1:2}", "{\"a\" 1}", "[1}", "{\"a\":1]",
		"{}{}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(read_text(bad[i]), -EINVAL, "%s", bad[i]);
}

Test(json_read, is_bounded)
{
	char deep[128];
	struct json_node nodes[3];

	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	cr_expect_eq(json_read(span_of(deep, 128), nodes, 3), -E2BIG);
	struct json_node many[100];
	cr_expect_eq(json_read(span_of(deep, 128), many, 100), -E2BIG, "too deep");
	cr_expect_eq(json_read(span_of(deep + 64 - JSON_DEPTH_MAX, 2 * JSON_DEPTH_MAX), many, 100),
		     JSON_DEPTH_MAX);
	cr_expect_eq(json_read(SPAN("[1,2]"), nodes, 3), 3);
	cr_expect_eq(json_read(SPAN("[1,2,3]"), nodes, 3), -E2BIG);
}

Test(json_read, members_and_items)
{
	struct json_node nodes[32];
	const struct json_node *list, *item = NULL;
	uint64_t sum = 0;

	cr_assert_gt(
		json_read(SPAN("{\"a\":{\"x\":1},\"list\":[10,[20],30],\"b\":\"t\"}"), nodes, 32),
		0);
	cr_expect_eq(json_u64(json_get(json_get(nodes, SPAN("a")), SPAN("x"))), 1);
	cr_expect(span_eq(json_get(nodes, SPAN("b"))->text, SPAN("t")));
	cr_expect_null(json_get(nodes, SPAN("x")), "only the object's own");
	cr_expect_null(json_get(json_get(nodes, SPAN("b")), SPAN("b")), "not an object");
	cr_expect_null(json_get(NULL, SPAN("b")));
	list = json_get(nodes, SPAN("list"));
	while ((item = json_next(list, item)))
		sum += item->kind == JSON_NUMBER ? json_u64(item) : json_u64(json_next(item, NULL));
	cr_expect_eq(sum, 60);
	cr_expect_null(json_next(nodes, NULL), "not an array");
}

static void expect_plain(struct span json, struct span plain)
{
	char buf[64];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct json_node node;

	cr_assert_eq(json_read(json, &node, 1), 1);
	put_json_plain(&out, &node);
	cr_expect(span_eq(cursor_span(&out), plain), "%.*s", SPAN_FMT(cursor_span(&out)));
}

Test(json_read, strings_lose_their_escapes)
{
	expect_plain(SPAN("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\""), SPAN("a\"\\/\b\f\n\r\tz"));
	expect_plain(SPAN("\"\\u0041\\u00e4\\u20ac\""), SPAN("A\xc3\xa4\xe2\x82\xac"));
	expect_plain(SPAN("\"\\ud83d\\ude00\""), SPAN("\xf0\x9f\x98\x80"));
	expect_plain(SPAN("\"\\ud83d\""), SPAN("\xef\xbf\xbd"));
	expect_plain(SPAN("\"\\ude00\\u0041\""), SPAN("\xef\xbf\xbd""A"));
	expect_plain(SPAN("\"\\ud83d\\u0041\""), SPAN("\xef\xbf\xbd""A"));
}

Test(json_read, numbers_that_fit)
{
	struct json_node node;

	cr_assert_eq(json_read(SPAN("18446744073709551615"), &node, 1), 1);
	cr_expect_eq(json_u64(&node), UINT64_MAX);
	cr_assert_eq(json_read(SPAN("18446744073709551616"), &node, 1), 1);
	cr_expect_eq(json_u64(&node), 0);
	cr_assert_eq(json_read(SPAN("-1"), &node, 1), 1);
	cr_expect_eq(json_u64(&node), 0);
	cr_assert_eq(json_read(SPAN("\"1\""), &node, 1), 1);
	cr_expect_eq(json_u64(&node), 0);
	cr_expect_eq(json_u64(NULL), 0);
}
