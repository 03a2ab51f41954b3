/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: what a line looks like, that nobody can forge one, levels, reopening, limits. */
#include "common/log/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOON UINT64_C(1709208000123000000)

static struct span line(struct cursor *c, enum log_format format, const struct log_field *fields,
			size_t nfields)
{
	log_put_line(c, format, "controlplane", NOON, LOG_LEVEL_WARN, "policy", "refused", fields,
		     nfields);
	cr_assert_not(c->full);
	return cursor_span(c);
}

static void expect_line(enum log_format format, const struct log_field *fields, size_t nfields,
			struct span wanted)
{
	char buf[2048];
	struct cursor c = cursor_on(buf, sizeof(buf));
	struct span got = line(&c, format, fields, nfields);

	cr_expect(span_eq(got, wanted), "\n%.*s%.*s", SPAN_FMT(got), SPAN_FMT(wanted));
}

Test(log, a_text_line)
{
	const struct net_endpoint peer = {.addr = {{10, 0, 0, 1}}, .family = NET_IP4, .port = 5060};
	const struct log_field fields[] = {LOG_STR("trunk", "acme"), LOG_U64("status", 403),
					   LOG_I64("route", -1),     LOG_ENDPOINT("source", &peer),
					   LOG_HANDLE("call", 0x1f), LOG_STR("none", "")};

	expect_line(LOG_FORMAT_TEXT, fields, 6,
		    SPAN("2024-02-29T12:00:00.123Z warn controlplane/policy: refused trunk=acme "
			 "status=403 route=-1 "
			 "source=10.0.0.1:5060 call=000000000000001f none=\"\"\n"));
}

Test(log, a_json_line)
{
	const struct log_field fields[] = {LOG_STR("trunk", "acme"), LOG_U64("status", 403),
					   LOG_ERR(-ENOENT)};

	expect_line(LOG_FORMAT_JSON, fields, 3,
		    SPAN("{\"time\":\"2024-02-29T12:00:00.123Z\",\"level\":\"warn\",\"process\":"
			 "\"controlplane\","
			 "\"component\":\"policy\",\"message\":\"refused\",\"trunk\":\"acme\","
			 "\"status\":403,"
			 "\"error\":\"No such file or directory\"}\n"));
}

/* A peer's bytes stay inside their value: one line, no terminal sequences, no other field. */
Test(log, values_cannot_forge_lines_or_fields)
{
	const struct log_field fields[] = {
		LOG_STR("called", "1\n2024-02-29T12:00:00.124Z error controlplane/core: "
				  "forged\x1b[2J status=200 \"x\\")};
	const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};

	for (unsigned i = 0; i < 2; i++) {
		char buf[2048];
		struct cursor c = cursor_on(buf, sizeof(buf));
		struct span got = line(&c, formats[i], fields, 1);

		for (size_t at = 0; at + 1 < got.len; at++)
			cr_expect((uint8_t)got.ptr[at] >= 0x20 && (uint8_t)got.ptr[at] < 0x7f);
		cr_expect_eq(got.ptr[got.len - 1], '\n');
	}
	expect_line(LOG_FORMAT_TEXT, fields, 1,
		    SPAN("2024-02-29T12:00:00.123Z warn controlplane/policy: refused "
			 "called=\"1\\x0a2024-02-29T12:00:00.124Z "
			 "error controlplane/core: forged\\x1b[2J status=200 \\\"x\\\\\"\n"));
}

Test(log, what_is_too_long_is_cut_and_said_so)
{
	char text[3 * LOG_VALUE_BYTES_MAX], buf[256];
	struct log_field fields[] = {LOG_SPAN("a", SPAN_NONE), LOG_STR("b", "y")};
	struct cursor c = cursor_on(buf, sizeof(buf));
	struct span got;

	memset(text, 'x', sizeof(text));
	fields[0].span = span_of(text, sizeof(text));
	got = line(&c, LOG_FORMAT_TEXT, fields, 2);
	cr_expect(span_eq(
		got,
		SPAN("2024-02-29T12:00:00.123Z warn controlplane/policy: refused cut=true\n")));
	c = cursor_on(buf, sizeof(buf));
	got = line(&c, LOG_FORMAT_JSON, fields, 2);
	cr_expect_eq(memcmp(got.ptr + got.len - 13, ",\"cut\":true}\n", 13), 0);
}

static char *path_of_test(void)
{
	char *path = strdup("/tmp/limen-log-XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
	return path;
}

static unsigned count_lines(const char *path, const char *holding)
{
	FILE *file = fopen(path, "r");
	char text[512];
	unsigned n = 0;

	cr_assert_not_null(file);
	while (fgets(text, sizeof(text), file))
		n += strstr(text, holding) != NULL;
	fclose(file);
	return n;
}

Test(log, levels_and_reopening)
{
	char *path = path_of_test(), moved[64];

	snprintf(moved, sizeof(moved), "%s.1", path);
	cr_assert_eq(log_open("test", LOG_LEVEL_INFO, LOG_FORMAT_TEXT, path), 0);
	LOG(DEBUG, "a", "not this");
	LOG(INFO, "a", "first");
	rename(path, moved);
	LOG(WARN, "a", "second");
	cr_assert_eq(log_reopen(), 0);
	LOG(ERROR, "a", "third");
	cr_expect_eq(count_lines(moved, ""), 2);
	cr_expect_eq(count_lines(moved, "second"), 1);
	cr_expect_eq(count_lines(path, "third"), 1);
	cr_expect_eq(log_open("test", LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, "/nonexistent/log"),
		     -ENOENT);
	LOG(DEBUG, "a", "still info, still there");
	LOG(INFO, "a", "fourth");
	cr_expect_eq(count_lines(path, ""), 2, "the old output stays");
	cr_expect_eq(log_lost(), 0);
	unlink(path);
	unlink(moved);
	free(path);
}

Test(log, lines_that_cannot_be_written_are_counted)
{
	cr_assert_eq(log_open("test", LOG_LEVEL_INFO, LOG_FORMAT_TEXT, "/dev/full"), 0);
	LOG(INFO, "a", "b");
	LOG(INFO, "a", "c");
	cr_expect_eq(log_lost(), 2);
}

Test(log, words_of_the_config)
{
	cr_expect_eq(log_level_from("debug"), LOG_LEVEL_DEBUG);
	cr_expect_eq(log_level_from("error"), LOG_LEVEL_ERROR);
	cr_expect_eq(log_level_from("fatal"), -EINVAL);
	cr_expect_eq(log_format_from("json"), LOG_FORMAT_JSON);
	cr_expect_eq(log_format_from(""), -EINVAL);
}

Test(log, a_limit_lets_a_burst_pass_in_each_window)
{
	struct log_limit limit = {.window_ns = 1000, .burst = 2};
	uint64_t held = 99;

	cr_expect(log_limit_pass(&limit, 5000, &held) && held == 0);
	cr_expect(log_limit_pass(&limit, 5001, &held) && held == 0);
	cr_expect_not(log_limit_pass(&limit, 5002, &held));
	cr_expect_not(log_limit_pass(&limit, 5999, &held));
	cr_expect(log_limit_pass(&limit, 6000, &held));
	cr_expect_eq(held, 2);
	cr_expect(log_limit_pass(&limit, 6001, &held) && held == 0);
}
