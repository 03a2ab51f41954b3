/* SPDX-License-Identifier: BSD-3-Clause */
/* One call in full: who, and how its media fares, a column for each direction. limenctl. */
#include <stdio.h>

#include "controlplane/ctl/show.h"
#include "controlplane/ctl/table.h"

#define TEXT_BYTES_MAX 512u

/* Members of a side's media in the order in which they are shown. */
static const struct {
	const char *member, *label;
} media_rows[] = {
	{"codec", "codec"},
	{"payload_type", "payload type"},
	{"source", "source"},
	{"source_learned", "source learned"},
	{"srtp", "SRTP"},
	{"rx_pkts", "packets"},
	{"rx_bytes", "bytes"},
	{"lost_pkts", "lost"},
	{"loss_runs", "losses in a row"},
	{"loss_run_max_pkts", "longest loss"},
	{"out_of_order_pkts", "out of order"},
	{"duplicate_pkts", "duplicate"},
	{"restarts", "restarts"},
	{"jitter_ms", "jitter ms"},
	{"jitter_max_ms", "jitter max ms"},
	{"dropped_pkts", "dropped"},
	{"policed_pkts", "policed"},
	{"dtmf_events", "DTMF events"},
	{"rtcp_pkts", "RTCP packets"},
	{"rtt_ms", "round trip ms"},
	{"rtt_max_ms", "round trip max ms"},
	{"far_lost_pkts", "lost at far end"},
	{"far_jitter_ms", "jitter at far end ms"},
	{"mos", "MOS"},
	{"far_mos", "MOS at far end"},
	{"far_mos_reported", "MOS told by far end"},
	{"delay_ms", "limen's delay ms"},
	{"idle_ms", "silent for ms"},
};

static void cell(struct table *table, const struct json_node *node)
{
	char buf[TEXT_BYTES_MAX];
	struct cursor c = cursor_on(buf, sizeof(buf));

	if (!node || span_eq(node->text, SPAN("null"))) {
		table_text(table, SPAN("-"));
	} else if (node->kind == JSON_STRING) {
		put_json_plain(&c, node);
		table_text(table, cursor_span(&c));
	} else {
		table_text(table, node->text);
	}
}

static void line(const char *label, const struct json_node *node, FILE *out)
{
	char buf[TEXT_BYTES_MAX];
	struct cursor c = cursor_on(buf, sizeof(buf));

	if (!node || node->kind != JSON_STRING)
		return;
	put_json_plain(&c, node);
	fprintf(out, "%-10s %.*s\n", label, (int)c.len, buf);
}

static bool print_media(const struct json_node *a, const struct json_node *b, FILE *out)
{
	struct table table = {0};
	bool good;

	table_head(&table, "MEDIA");
	table_head(&table, ">FROM CALLER");
	table_head(&table, ">FROM CALLED");
	for (size_t i = 0; i < sizeof(media_rows) / sizeof(media_rows[0]); i++) {
		table_text(&table, span_str(media_rows[i].label));
		cell(&table, json_get(a, span_str(media_rows[i].member)));
		cell(&table, json_get(b, span_str(media_rows[i].member)));
	}
	good = table_print(&table, out);
	table_free(&table);
	return good;
}

static bool print_call(const struct json_node *call, FILE *out)
{
	const struct json_node *streams = json_get(call, SPAN("streams")), *pair = NULL;
	const struct json_node *a = json_get(call, SPAN("a")), *b = json_get(call, SPAN("b"));
	bool good;

	line("call", json_get(call, SPAN("call")), out);
	line("state", json_get(call, SPAN("state")), out);
	line("started", json_get(call, SPAN("started")), out);
	line("answered", json_get(call, SPAN("answered")), out);
	line("caller", json_get(call, SPAN("caller")), out);
	line("called", json_get(call, SPAN("called")), out);
	line("from", json_get(a, SPAN("peer")), out);
	line("to", json_get(b, SPAN("peer")), out);
	fputc('\n', out);
	if (!streams)
		return print_media(json_get(a, SPAN("media")), json_get(b, SPAN("media")), out);
	for (good = true; good && (pair = json_next(streams, pair)) != NULL;) {
		const struct json_node *from = json_next(pair, NULL);

		line("section", json_get(from, SPAN("kind")), out);
		good = print_media(from, json_next(pair, from), out);
		fputc('\n', out);
	}
	return good;
}

bool show_call(const struct answer *answer, const struct show_options *options, FILE *out)
{
	bool good = true;

	if (options->json)
		return show_calls(answer, options, out);
	for (size_t i = 0; i < answer->nrows && good; i++)
		good = print_call(answer->rows[i].nodes, out);
	return good;
}
