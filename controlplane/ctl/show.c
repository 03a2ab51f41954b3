/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers of the control plane on the screen, or as JSON. limenctl. */
#include "controlplane/ctl/show.h"

#include <stdlib.h>
#include <time.h>

#include "controlplane/ctl/pivot.h"
#include "controlplane/ctl/table.h"
#include "drop_words.h"

#define TEXT_BYTES_MAX 512u

/* A string member's characters, in the caller's buffer. */
static struct span text_of(const struct json_node *string, char buf[TEXT_BYTES_MAX])
{
	struct cursor c = cursor_on(buf, TEXT_BYTES_MAX);

	if (!string || string->kind != JSON_STRING)
		return SPAN_NONE;
	put_json_plain(&c, string);
	return cursor_span(&c);
}

static void cell(struct table *table, const struct json_node *string)
{
	char buf[TEXT_BYTES_MAX];

	table_text(table, text_of(string, buf));
}

/* "2026-01-31T23:59:59.123Z" in ns; 0 for anything else. */
static uint64_t read_time(const struct json_node *string)
{
	char buf[TEXT_BYTES_MAX];
	struct span text = text_of(string, buf);
	struct tm tm = {0};
	const char *rest;

	if (text.len >= TEXT_BYTES_MAX)
		return 0;
	buf[text.len] = '\0';
	rest = text.len ? strptime(buf, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	return rest ? (uint64_t)timegm(&tm) * UINT64_C(1000000000) : 0;
}

static void put_duration(struct table *table, uint64_t from_ns, uint64_t now_ns)
{
	uint64_t s = from_ns && now_ns > from_ns ? (now_ns - from_ns) / UINT64_C(1000000000) : 0;
	char text[32];

	snprintf(text, sizeof(text), "%llu:%02llu:%02llu", (unsigned long long)(s / 3600),
		 (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
	table_text(table, span_str(text));
}

/* All objects as they came, as one array. */
bool print_rows(const struct answer *answer, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < answer->nrows; i++)
		fprintf(out, "%s\n%s", i ? "," : "", answer->rows[i].text);
	fputs(answer->nrows ? "\n]\n" : "]\n", out);
	return true;
}

/* Without its start time, which makes it unique in records but is not needed to name it today. */
static struct span short_name(struct span name)
{
	const char *dash = name.len ? memchr(name.ptr, '-', name.len) : NULL;

	return dash ? span_of(dash + 1, (size_t)(name.ptr + name.len - dash - 1)) : name;
}

static const struct json_node *item(const struct json_node *list, unsigned at)
{
	const struct json_node *node = json_next(list, NULL);

	while (node && at--)
		node = json_next(list, node);
	return node;
}

static uint64_t of_media(const struct json_node *call, struct span side, struct span name)
{
	return json_u64(json_get(json_get(json_get(call, side), SPAN("media")), name));
}

/* Which sides of a call are SRTP. */
static struct span srtp_sides(const struct json_node *call)
{
	bool is[2];

	for (unsigned side = 0; side < 2; side++) {
		const struct json_node *media =
			json_get(json_get(call, side ? SPAN("b") : SPAN("a")), SPAN("media"));
		const struct json_node *suite = json_get(media, SPAN("srtp"));

		is[side] = suite && suite->kind == JSON_STRING;
	}
	if (is[0])
		return is[1] ? SPAN("both") : SPAN("from");
	return is[1] ? SPAN("to") : SPAN("-");
}

static int by_start(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	const struct json_node *x = json_get(a->nodes, SPAN("started")),
			       *y = json_get(b->nodes, SPAN("started"));

	if (!x || !y || x->text.len != y->text.len)
		return 0;
	return memcmp(x->text.ptr, y->text.ptr, x->text.len);
}

static void add_call(struct table *table, const struct json_node *call, uint64_t now_ns)
{
	const struct json_node *trunks = json_get(call, SPAN("trunks"));
	uint64_t answered_ns = read_time(json_get(call, SPAN("answered")));
	char buf[TEXT_BYTES_MAX];

	table_text(table, short_name(text_of(json_get(call, SPAN("call")), buf)));
	cell(table, json_get(call, SPAN("state")));
	put_duration(table, answered_ns ? answered_ns : read_time(json_get(call, SPAN("started"))),
		     now_ns);
	cell(table, item(trunks, 0));
	cell(table, item(trunks, 1));
	cell(table, json_get(call, SPAN("caller")));
	cell(table, json_get(call, SPAN("called")));
	table_u64(table, of_media(call, SPAN("a"), SPAN("rx_pkts")));
	table_u64(table, of_media(call, SPAN("b"), SPAN("rx_pkts")));
	table_u64(table, of_media(call, SPAN("a"), SPAN("lost_pkts")) +
				 of_media(call, SPAN("b"), SPAN("lost_pkts")));
	table_text(table, srtp_sides(call));
}

bool show_calls(const struct answer *answer, const struct show_options *options, FILE *out)
{
	static const char *const heads[] = {"CALL",   "STATE",  ">TIME",      "FROM",       "TO",
					    "CALLER", "CALLED", ">PKTS FROM", ">PKTS TO", ">LOST",
					    "SRTP"};
	struct table table = {0};
	bool good;

	if (answer->nrows)
		qsort(answer->rows, answer->nrows, sizeof(*answer->rows), by_start);
	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no calls\n", out);
		return true;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_head(&table, heads[i]);
	for (size_t i = 0; i < answer->nrows; i++)
		add_call(&table, answer->rows[i].nodes, options->now_unix_ns);
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

bool show_trunks(const struct answer *answer, const struct show_options *options, FILE *out)
{
	static const char *const heads[] = {"TRUNK",   "REALM",   "PEER", "STATE",
					    ">STATUS", ">RTT MS", ">FOR"};
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_head(&table, heads[i]);
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;
		uint64_t since_ns = read_time(json_get(row, SPAN("since")));
		uint64_t rtt_us = json_u64(json_get(row, SPAN("rtt_us")));
		char rtt[32];

		snprintf(rtt, sizeof(rtt), "%llu.%llu", (unsigned long long)(rtt_us / 1000),
			 (unsigned long long)(rtt_us % 1000 / 100));
		cell(&table, json_get(row, SPAN("trunk")));
		cell(&table, json_get(row, SPAN("realm")));
		cell(&table, json_get(row, SPAN("peer")));
		cell(&table, json_get(row, SPAN("state")));
		table_u64(&table, json_u64(json_get(row, SPAN("status"))));
		table_text(&table, rtt_us ? span_str(rtt) : SPAN_NONE);
		if (since_ns)
			put_duration(&table, since_ns, options->now_unix_ns);
		else
			table_text(&table, SPAN_NONE);
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

static bool is_yes(const struct json_node *node)
{
	return node && node->kind == JSON_STRING && span_eq(node->text, SPAN("yes"));
}

bool show_users(const struct answer *answer, const struct show_options *options, FILE *out)
{
	static const char *const heads[] = {"USER", "TRUNK", "CONTACT", "SOURCE", ">FOR",
					    ">EXPIRES IN", "BY"};
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no users\n", out);
		return true;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_head(&table, heads[i]);
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;

		cell(&table, json_get(row, SPAN("user")));
		cell(&table, json_get(row, SPAN("trunk")));
		cell(&table, json_get(row, SPAN("contact")));
		cell(&table, json_get(row, SPAN("source")));
		put_duration(&table, read_time(json_get(row, SPAN("since"))), options->now_unix_ns);
		put_duration(&table, options->now_unix_ns,
			     read_time(json_get(row, SPAN("expires"))));
		/* who says that he is registered */
		table_text(&table, is_yes(json_get(row, SPAN("kept"))) ? SPAN("limen")
									: SPAN("registrar"));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

bool show_registrations(const struct answer *answer, const struct show_options *options, FILE *out)
{
	static const char *const heads[] = {"TRUNK", "USER", "PEER", "STATE", ">STATUS", ">FOR",
					    ">EXPIRES IN"};
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no registrations\n", out);
		return true;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_head(&table, heads[i]);
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;
		uint64_t since_ns = read_time(json_get(row, SPAN("since"))),
			 expires_ns = read_time(json_get(row, SPAN("expires")));

		cell(&table, json_get(row, SPAN("trunk")));
		cell(&table, json_get(row, SPAN("user")));
		cell(&table, json_get(row, SPAN("peer")));
		cell(&table, json_get(row, SPAN("state")));
		table_u64(&table, json_u64(json_get(row, SPAN("status"))));
		if (since_ns)
			put_duration(&table, since_ns, options->now_unix_ns);
		else
			table_text(&table, SPAN_NONE);
		if (expires_ns)
			put_duration(&table, options->now_unix_ns, expires_ns);
		else
			table_text(&table, SPAN_NONE);
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

bool show_alarms(const struct answer *answer, const struct show_options *options, FILE *out)
{
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no alarms\n", out);
		return true;
	}
	table_head(&table, "ALARM");
	table_head(&table, ">FOR");
	table_head(&table, "WHAT");
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;
		uint64_t since_ns = read_time(json_get(row, SPAN("since")));

		cell(&table, json_get(row, SPAN("alarm")));
		if (since_ns)
			put_duration(&table, since_ns, options->now_unix_ns);
		else
			table_text(&table, SPAN_NONE);
		cell(&table, json_get(row, SPAN("text")));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

bool show_dns(const struct answer *answer, const struct show_options *options, FILE *out)
{
	static const char *const heads[] = {"NAME", "TYPE", "STATE", ">TTL S", "RECORD"};
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no names\n", out);
		return true;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_head(&table, heads[i]);
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes,
				       *records = json_get(row, SPAN("records"));
		const struct json_node *record = json_next(records, NULL);

		do {
			cell(&table, json_get(row, SPAN("name")));
			cell(&table, json_get(row, SPAN("type")));
			cell(&table, json_get(row, SPAN("state")));
			table_u64(&table, json_u64(json_get(row, SPAN("ttl_s"))));
			cell(&table, record);
			record = record ? json_next(records, record) : NULL;
		} while (record);
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

bool show_stats(const struct answer *answer, const struct show_options *options, FILE *out)
{
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	table_head(&table, "GROUP");
	table_head(&table, "OBJECT");
	table_head(&table, "NAME");
	table_head(&table, ">VALUE");
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;

		cell(&table, json_get(row, SPAN("group")));
		cell(&table, json_get(row, SPAN("object")));
		cell(&table, json_get(row, SPAN("name")));
		table_u64(&table, json_u64(json_get(row, SPAN("value"))));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

static void print_ports_json(const struct pivot *pivot, FILE *out)
{
	fputc('[', out);
	for (unsigned o = 0; o < pivot->objects.n; o++) {
		fprintf(out, "%s\n{\"port\":\"%.*s\"", o ? "," : "",
			SPAN_FMT(pivot->objects.words[o]));
		for (unsigned n = 0; n < pivot->names.n; n++)
			fprintf(out, ",\"%.*s\":%llu", SPAN_FMT(pivot->names.words[n]),
				(unsigned long long)pivot_value(pivot, o, n));
		fputc('}', out);
	}
	fputs(pivot->objects.n ? "\n]\n" : "]\n", out);
}

/* Ports are few and counters many: a column for each port. */
bool show_ports(const struct answer *answer, const struct show_options *options, FILE *out)
{
	struct pivot pivot;
	struct table table = {0};
	bool good = pivot_init(&pivot, answer);

	if (good && options->json) {
		print_ports_json(&pivot, out);
	} else if (good) {
		table_head(&table, "COUNTER");
		for (unsigned o = 0; o < pivot.objects.n && o < TABLE_COLUMNS_MAX - 1; o++) {
			char head[80];

			snprintf(head, sizeof(head), ">%.*s", SPAN_FMT(pivot.objects.words[o]));
			table_head(&table, head);
		}
		for (unsigned n = 0; n < pivot.names.n; n++) {
			table_text(&table, pivot.names.words[n]);
			for (unsigned o = 0; o + 1 < table.ncolumns; o++)
				table_u64(&table, pivot_value(&pivot, o, n));
		}
		good = table_print(&table, out);
		table_free(&table);
	}
	pivot_free(&pivot);
	return good;
}

static const char *meaning_of(struct span reason)
{
	static const struct {
		const char *name, *meaning;
	} words[] = {DROP_WORDS};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_eq(span_str(words[i].name), reason))
			return words[i].meaning;
	}
	return "";
}

/* The reasons' numbers, those that happened most first. */
static unsigned *by_total(const struct pivot *pivot)
{
	unsigned n = pivot->objects.n, *order = malloc((n + 1) * sizeof(*order));

	for (unsigned o = 0; order && o < n; o++) {
		unsigned at = o;

		for (; at && pivot_total(pivot, order[at - 1]) < pivot_total(pivot, o); at--)
			order[at] = order[at - 1];
		order[at] = o;
	}
	return order;
}

static void print_drops_json(const struct pivot *pivot, const unsigned *order, unsigned n,
			     FILE *out)
{
	fputc('[', out);
	for (unsigned i = 0; i < n; i++) {
		struct span reason = pivot->objects.words[order[i]];

		fprintf(out, "%s\n{\"reason\":\"%.*s\",\"meaning\":\"%s\",\"pkts\":%llu}",
			i ? "," : "", SPAN_FMT(reason), meaning_of(reason),
			(unsigned long long)pivot_total(pivot, order[i]));
	}
	fputs(n ? "\n]\n" : "]\n", out);
}

static bool print_drops(const struct pivot *pivot, const unsigned *order, unsigned n, FILE *out)
{
	struct table table = {0};
	bool good;

	if (!n) {
		fputs("no drops\n", out);
		return true;
	}
	table_head(&table, "REASON");
	table_head(&table, ">PKTS");
	table_head(&table, "MEANING");
	for (unsigned i = 0; i < n; i++) {
		struct span reason = pivot->objects.words[order[i]];

		table_text(&table, reason);
		table_u64(&table, pivot_total(pivot, order[i]));
		table_text(&table, span_str(meaning_of(reason)));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

bool show_drops(const struct answer *answer, const struct show_options *options, FILE *out)
{
	struct pivot pivot;
	bool good = pivot_init(&pivot, answer);
	unsigned *order = good ? by_total(&pivot) : NULL, n = pivot.objects.n;

	while (order && !options->all && n && !pivot_total(&pivot, order[n - 1]))
		n--;
	if (!order)
		good = false;
	else if (options->json)
		print_drops_json(&pivot, order, n, out);
	else
		good = print_drops(&pivot, order, n, out);
	free(order);
	pivot_free(&pivot);
	return good;
}

bool show_hangup(const struct answer *answer, const struct show_options *options, FILE *out)
{
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	table_head(&table, "ENDED");
	table_head(&table, "FROM");
	table_head(&table, "TO");
	table_head(&table, "CALLER");
	table_head(&table, "CALLED");
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *call = answer->rows[i].nodes,
				       *trunks = json_get(call, SPAN("trunks"));
		char buf[TEXT_BYTES_MAX];

		table_text(&table, short_name(text_of(json_get(call, SPAN("call")), buf)));
		cell(&table, item(trunks, 0));
		cell(&table, item(trunks, 1));
		cell(&table, json_get(call, SPAN("caller")));
		cell(&table, json_get(call, SPAN("called")));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}
