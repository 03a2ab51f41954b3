/* SPDX-License-Identifier: BSD-3-Clause */
/* limen's certificates, and how long they are good, on the screen. limenctl. */
#include "common/log/json.h"
#include "controlplane/ctl/show.h"
#include "controlplane/ctl/table.h"

#define CELL_BYTES_MAX 512u
#define NAMES_SHOWN    3u

static void cell(struct table *table, const struct json_node *string, size_t len_max)
{
	char buf[CELL_BYTES_MAX];
	struct cursor c = cursor_on(buf, sizeof(buf));
	struct span text;

	if (string && string->kind == JSON_STRING)
		put_json_plain(&c, string);
	text = cursor_span(&c);
	if (text.len > len_max)
		text.len = len_max;
	table_text(table, text);
}

/* "a.example.net b.example.net +4" */
static void list_cell(struct table *table, const struct json_node *list)
{
	const struct json_node *item = NULL;
	char buf[CELL_BYTES_MAX];
	struct cursor c = cursor_on(buf, sizeof(buf));
	unsigned n = 0;

	while ((item = json_next(list, item))) {
		if (n++ >= NAMES_SHOWN)
			continue;
		if (c.len)
			put_char(&c, ' ');
		put_json_plain(&c, item);
	}
	if (n > NAMES_SHOWN) {
		put_span(&c, SPAN(" +"));
		put_u64(&c, n - NAMES_SHOWN);
	}
	table_text(table, cursor_span(&c));
}

bool show_certificates(const struct answer *answer, const struct show_options *options, FILE *out)
{
	static const char *const heads[] = {"CERTIFICATE", "STATE", "KEY", ">BITS", "UNTIL",
					    ">DAYS",	   "OCSP",  "TLS", "NAMES"};
	struct table table = {0};
	bool good;

	if (options->json)
		return print_rows(answer, out);
	if (!answer->nrows) {
		fputs("no certificates\n", out);
		return true;
	}
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		table_head(&table, heads[i]);
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct json_node *row = answer->rows[i].nodes;

		cell(&table, json_get(row, SPAN("certificate")), CELL_BYTES_MAX);
		cell(&table, json_get(row, SPAN("state")), CELL_BYTES_MAX);
		cell(&table, json_get(row, SPAN("key")), CELL_BYTES_MAX);
		table_u64(&table, json_u64(json_get(row, SPAN("bits"))));
		cell(&table, json_get(row, SPAN("until")), 10);
		table_u64(&table, json_u64(json_get(row, SPAN("days"))));
		cell(&table, json_get(row, SPAN("ocsp")), CELL_BYTES_MAX);
		list_cell(&table, json_get(row, SPAN("tls")));
		list_cell(&table, json_get(row, SPAN("names")));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}
