/* SPDX-License-Identifier: BSD-3-Clause */
/* The torture messages of RFC 4475 and RFC 5118 with the verdicts of their tables, as far as a
 * parser alone decides them. They are not part of this tree: LIMEN_TORTURE names their directory,
 * else ../shared/torture beside the sources; where there is none, the test is skipped. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "guarded.h"
#include "../../../sip_check.h"

/* Refused above the parser: the bytes are good SIP. */
static const struct {
	const char *file, *why;
} decided_above[] = {
	{"rfc4475/unkscm.dat",
	 "416 is for whoever routes by the Request-URI's scheme (RFC 3261 section 8.2.2.1)"},
	{"rfc4475/novelsc.dat", "416, the same"},
	{"rfc4475/bext01.dat",
	 "420 is for whoever knows which extensions are supported (section 8.2.2.3)"},
};

struct row {
	char file[64];
	char send_over[8];
	char class[32];
	char answers[128];
};

static char text[70000];
static struct sip_msg msg;

static const char *directory(void)
{
	const char *path = getenv("LIMEN_TORTURE");

	return path && *path ? path : TORTURE_DEFAULT;
}

static FILE *table_open(const char *name)
{
	char path[1024];
	FILE *table;

	snprintf(path, sizeof(path), "%s/%s", directory(), name);
	table = fopen(path, "r");
	if (!table) {
		fprintf(stderr, "no torture messages in %s: skipped\n", directory());
		cr_skip("no torture messages");
	}
	return table;
}

static size_t file_read(const char *name)
{
	char path[1024];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", directory(), name);
	file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	return len;
}

static bool is_decided_above(const char *file)
{
	for (unsigned i = 0; i < sizeof(decided_above) / sizeof(decided_above[0]); i++)
		if (strcmp(decided_above[i].file, file) == 0)
			return true;
	return false;
}

/* Whether a code is among those the row names ("400 (UDP)", "501|400", "505"). */
static bool is_named(const char *answers, unsigned status)
{
	char code[8];

	snprintf(code, sizeof(code), "%u", status);
	return strstr(answers, code) != NULL;
}

static void expect_reject(const struct row *row, enum sip_parse_result result,
			  enum sip_framing framing)
{
	/* "wait then close": the stream still waits for the body that it was promised. */
	if (framing == SIP_STREAM && result == SIP_PARSE_INCOMPLETE &&
	    strstr(row->answers, "over TCP: wait"))
		return;
	cr_expect_eq(result, SIP_PARSE_INVALID, "%s: %d", row->file, result);
	if (result != SIP_PARSE_INVALID)
		return;
	cr_expect(is_named(row->answers, msg.status), "%s: %u %s", row->file, msg.status, msg.why);
	if (!strstr(row->answers, "silent drop tolerated"))
		cr_expect(msg.answerable, "%s: %s", row->file, msg.why);
}

/* Either way, but never a third one. */
static void expect_reject_or_repair(const struct row *row, enum sip_parse_result result,
				    enum sip_framing framing)
{
	if (result == SIP_PARSE_OK)
		return;
	if (framing == SIP_STREAM && result == SIP_PARSE_INCOMPLETE) {
		cr_expect_str_eq(row->file, "rfc4475/baddn.dat", "only this one has no end");
		return;
	}
	cr_expect_eq(result, SIP_PARSE_INVALID, "%s: %d", row->file, result);
	cr_expect(msg.answerable && is_named(row->answers, msg.status), "%s: %u %s", row->file,
		  msg.status, msg.why);
}

static void expect_verdict(const struct row *row, enum sip_parse_result result,
			   enum sip_framing framing)
{
	if (strcmp(row->class, "ACCEPT") == 0 || is_decided_above(row->file)) {
		cr_expect_eq(result, SIP_PARSE_OK, "%s: %d %s", row->file, result, msg.why);
	} else if (strcmp(row->class, "REJECT") == 0) {
		expect_reject(row, result, framing);
	} else if (strcmp(row->class, "REJECT-OR-REPAIR") == 0) {
		expect_reject_or_repair(row, result, framing);
	} else {
		cr_expect_str_eq(row->class, "NOREPLY", "%s: %s is a class this test does not know",
				 row->file, row->class);
		cr_expect(!msg.answerable && (result == SIP_PARSE_INVALID || !msg.is_request), "%s",
			  row->file);
	}
}

/* The message as it is, and cut at every byte; each time against an unreadable page. */
static void row_run(const struct row *row)
{
	enum sip_framing framing =
		strncmp(row->send_over, "UDP", 3) == 0 ? SIP_DATAGRAM : SIP_STREAM;
	size_t len = file_read(row->file);

	for (size_t cut = 0; cut <= len; cut++) {
		for (enum sip_framing f = SIP_DATAGRAM; f <= SIP_STREAM; f++) {
			enum sip_parse_result result =
				sip_parse(&msg, guard_behind(text, cut), cut, f);
			const char *wrong = sip_check(&msg, cut, f, result);

			cr_expect_null(wrong, "%s, %zu bytes: %s", row->file, cut, wrong);
			if (cut == len && f == framing)
				expect_verdict(row, result, f);
		}
	}
}

static void table_run(const char *name, unsigned rows_at_least)
{
	FILE *table = table_open(name);
	char line[1024];
	unsigned rows = 0;

	cr_assert_not_null(fgets(line, sizeof(line), table));
	while (fgets(line, sizeof(line), table)) {
		struct row row;

		cr_assert_eq(sscanf(line, "%63[^\t]\t%*[^\t]\t%7[^\t]\t%31[^\t]\t%127[^\t\n]",
				    row.file, row.send_over, row.class, row.answers),
			     4, "%s", line);
		row_run(&row);
		rows++;
	}
	fclose(table);
	cr_expect_geq(rows, rows_at_least);
}

Test(torture, rfc4475)
{
	table_run("rfc4475.tsv", 49);
}

Test(torture, rfc5118)
{
	table_run("rfc5118.tsv", 12);
}

/* The same with the line end that the RFC's archive lost. */
Test(torture, baddn_terminated)
{
	fclose(table_open("rfc4475.tsv"));
	cr_expect_eq(sip_parse(&msg, text, file_read("rfc4475/baddn-terminated.dat"), SIP_DATAGRAM),
		     SIP_PARSE_INVALID);
	cr_expect_eq(msg.status, 400);
	cr_expect(msg.answerable);
}
