/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl explain for the config in force. Two requests: who is meant by a trunk or an address,
 * and what becomes of the question that limen-rehearse puts for it. limen-controlplane, loop
 * thread. */
#include <stdlib.h>

#include "common/log/json.h"
#include "controlplane/admin/json_read.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/dispatch/rehearse.h"

static struct span text_of(const struct json_node *request, struct span name, char *buf,
			   uint32_t bytes)
{
	const struct json_node *node = json_get(request, name);
	struct cursor out = cursor_on(buf, bytes);

	if (!node || node->kind != JSON_STRING)
		return SPAN_NONE;
	put_json_plain(&out, node);
	return out.full ? SPAN_NONE : cursor_span(&out);
}

static void tell_sender(struct dispatch *dispatch, uint64_t client,
			const struct json_node *request)
{
	const struct conf *conf = dispatch->generation->conf;
	char trunk[128], source[128], realm[128], why[256], row[1024];
	struct cursor out = cursor_on(row, sizeof(row));
	struct rehearsed_sender sender;

	if (!rehearse_sender(dispatch->generation,
			     text_of(request, SPAN("from"), trunk, sizeof(trunk)),
			     text_of(request, SPAN("source"), source, sizeof(source)),
			     text_of(request, SPAN("realm"), realm, sizeof(realm)), &sender, why,
			     sizeof(why))) {
		admin_fail(dispatch->admin, client, why);
		return;
	}
	put_char(&out, '{');
	put_json_text(&out, "config", span_str(conf->path));
	put_json_text(&out, "realm", span_str(conf->realms[sender.realm].name));
	put_json_endpoint(&out, "source", &sender.source);
	put_char(&out, '}');
	admin_row(dispatch->admin, client, cursor_span(&out));
	admin_done(dispatch->admin, client);
}

static void put_step(struct dispatch *dispatch, uint64_t client, const char *what,
		     const char *text)
{
	char row[8 * EXPLAIN_TEXT_MAX];
	struct cursor out = cursor_on(row, sizeof(row));

	put_char(&out, '{');
	put_json_text(&out, "step", span_str(what));
	put_json_text(&out, "text", span_str(text));
	put_char(&out, '}');
	if (!out.full)
		admin_row(dispatch->admin, client, cursor_span(&out));
}

static void tell_verdict(struct dispatch *dispatch, uint64_t client, const struct rehearsed *r)
{
	char *text = malloc(2 * sizeof(r->verdict) + 64);
	struct cursor out = cursor_on(text, text ? 2 * sizeof(r->verdict) + 64 : 0);

	for (unsigned i = 0; i < r->explain.n; i++)
		put_step(dispatch, client, r->explain.steps[i].what, explain_text(&r->explain, i));
	put_char(&out, '{');
	put_json_u64(&out, "left_out", r->explain.left_out);
	put_json_key(&out, "verdict");
	put_char(&out, '"');
	put_hex_bytes(&out, span_of(r->verdict, r->verdict_len));
	put_lit(&out, "\"}");
	if (text && !out.full) {
		admin_row(dispatch->admin, client, cursor_span(&out));
		admin_done(dispatch->admin, client);
	} else {
		admin_fail(dispatch->admin, client, "out of memory");
	}
	free(text);
}

void explaining_answer(struct dispatch *dispatch, uint64_t client,
		       const struct json_node *request)
{
	const struct json_node *ask = json_get(request, SPAN("ask"));
	struct rehearsed *r;
	char *frame;
	int len;

	if (!ask) {
		tell_sender(dispatch, client, request);
		return;
	}
	r = malloc(sizeof(*r));
	frame = aligned_alloc(8, IPC_FRAME_MAX);
	len = r && frame ? hex_read(ask->text, frame, IPC_FRAME_MAX) : -1;
	if (len < 0 || rehearse_ask(dispatch->generation, frame, (uint32_t)len, r))
		admin_fail(dispatch->admin, client, "that is no question of the engine's");
	else
		tell_verdict(dispatch, client, r);
	free(frame);
	free(r);
}
