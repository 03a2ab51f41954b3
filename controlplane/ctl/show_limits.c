/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of trunks with what each has of them, blocked sources, and connections, on the screen.
 * limenctl. */
#include <stdlib.h>

#include "common/log/json.h"
#include "controlplane/ctl/pivot.h"
#include "controlplane/ctl/show.h"
#include "controlplane/ctl/table.h"

/* A column, and the counter in it; a limit that is not set is shown as "-". */
static const struct {
	const char *head;
	struct span name;
	bool is_limit;
} columns[] = {
	{">IN", {"calls_in", 8}, false},
	{">MAX", {"calls_in_max", 12}, true},
	{">OUT", {"calls_out", 9}, false},
	{">MAX", {"calls_out_max", 13}, true},
	{">BOTH MAX", {"calls_max", 9}, true},
	{">IN/S", {"calls_in_per_s", 14}, true},
	{">OUT/S", {"calls_out_per_s", 15}, true},
	{">SUBSCR", {"subscriptions", 13}, false},
	{">MAX", {"subscriptions_max", 17}, true},
	{">REFUSED", {"refused_calls", 13}, false},
	{">BY RATE", {"refused_calls_rate", 18}, false},
	{">USERS", {"refused_users", 13}, false},
	{">MESSAGES", {"refused_messages", 16}, false},
	{">REGISTERS", {"refused_registrations", 21}, false},
	{">SUBSCR", {"refused_subscriptions", 21}, false},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

_Static_assert(COLUMNS < TABLE_COLUMNS_MAX, "they fit");

static uint64_t value_of(const struct pivot *pivot, unsigned object, struct span name)
{
	for (unsigned n = 0; n < pivot->names.n; n++)
		if (span_eq(pivot->names.words[n], name))
			return pivot_value(pivot, object, n);
	return 0;
}

static void print_limits_json(const struct pivot *pivot, FILE *out)
{
	fputc('[', out);
	for (unsigned o = 0; o < pivot->objects.n; o++) {
		fprintf(out, "%s\n{\"trunk\":\"%.*s\"", o ? "," : "",
			SPAN_FMT(pivot->objects.words[o]));
		for (unsigned n = 0; n < pivot->names.n; n++)
			fprintf(out, ",\"%.*s\":%llu", SPAN_FMT(pivot->names.words[n]),
				(unsigned long long)pivot_value(pivot, o, n));
		fputc('}', out);
	}
	fputs(pivot->objects.n ? "\n]\n" : "]\n", out);
}

bool show_limits(const struct answer *answer, const struct show_options *options, FILE *out)
{
	struct pivot pivot;
	struct table table = {0};
	bool good = pivot_init(&pivot, answer);

	if (good && options->json) {
		print_limits_json(&pivot, out);
	} else if (good && !pivot.objects.n) {
		fputs("no limits, and no calls\n", out);
	} else if (good) {
		table_head(&table, "TRUNK");
		for (size_t c = 0; c < COLUMNS; c++)
			table_head(&table, columns[c].head);
		for (unsigned o = 0; o < pivot.objects.n; o++) {
			table_text(&table, pivot.objects.words[o]);
			for (size_t c = 0; c < COLUMNS; c++) {
				uint64_t value = value_of(&pivot, o, columns[c].name);

				if (columns[c].is_limit && !value)
					table_text(&table, SPAN_NONE);
				else
					table_u64(&table, value);
			}
		}
		good = table_print(&table, out);
		table_free(&table);
	}
	pivot_free(&pivot);
	return good;
}

static void cell(struct table *table, const struct json_node *string)
{
	char buf[256];
	struct cursor c = cursor_on(buf, sizeof(buf));

	if (string && string->kind == JSON_STRING)
		put_json_plain(&c, string);
	table_text(table, cursor_span(&c));
}

bool show_blocks(const struct answer *answer, const struct show_options *options, FILE *out)
{
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no blocks\n", out);
		return true;
	}
	table_head(&table, "SOURCE");
	table_head(&table, "REALM");
	table_head(&table, "WHY");
	table_head(&table, ">COUNT");
	table_head(&table, "SINCE");
	table_head(&table, ">SECONDS LEFT");
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;

		cell(&table, json_get(row, SPAN("source")));
		cell(&table, json_get(row, SPAN("realm")));
		cell(&table, json_get(row, SPAN("why")));
		table_u64(&table, json_u64(json_get(row, SPAN("count"))));
		cell(&table, json_get(row, SPAN("since")));
		table_u64(&table, json_u64(json_get(row, SPAN("seconds_left"))));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

bool show_connections(const struct answer *answer, const struct show_options *options, FILE *out)
{
	static const char *const texts[] = {"realm", "transport", "peer", "local", "by", "state"};
	static const char *const numbers[] = {"age_s",	   "idle_s",	  "rx_messages",
					      "tx_messages", "rx_bytes", "tx_bytes"};
	static const char *const heads[] = {"REALM", "TRANSPORT", "PEER",   "LOCAL", "BY",    "STATE",
					    ">AGE S", ">IDLE S",  ">MSG IN", ">OUT",  ">BYTES IN",
					    ">OUT"};
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no connections\n", out);
		return true;
	}
	table_head(&table, "ID");
	for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_head(&table, heads[i]);
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;

		table_u64(&table, json_u64(json_get(row, SPAN("id"))));
		for (unsigned t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
			cell(&table, json_get(row, span_str(texts[t])));
		for (unsigned n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
			table_u64(&table, json_u64(json_get(row, span_str(numbers[n]))));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}
