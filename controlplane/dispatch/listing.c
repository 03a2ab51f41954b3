/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of calls and of counters: asked of the dataplane piece by piece, as fast as the client
 * takes them. Calls come from one worker after the other. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>

#include "common/log/json.h"
#include "controlplane/cdr/quality.h"
#include "controlplane/dispatch/internal.h"

#define ROWS_AT_ONCE  64u
#define STATS_AT_ONCE 4096u
#define BACKLOG_BYTES (256u * 1024u)
#define ANSWER_S      5
#define ROW_BYTES_MAX CDR_RECORD_BYTES_MAX

static void finish(struct listing *listing, const char *why)
{
	struct dispatch *dispatch = listing->dispatch;
	uint64_t client = listing->client;

	listing->kind = LISTING_FREE;
	event_del(listing->deadline);
	if (why)
		admin_fail(dispatch->admin, client, why);
	else
		admin_done(dispatch->admin, client);
}

/* Ask the dataplane for the next piece. */
static void ask(struct listing *listing)
{
	const struct timeval limit = {.tv_sec = ANSWER_S};
	struct dispatch *dispatch = listing->dispatch;
	bool stats = listing->kind == LISTING_STATS;
	const struct ipc_list_ask frame = {
		.list_id = listing->list_id,
		.max = stats ? STATS_AT_ONCE : ROWS_AT_ONCE,
		.cursor = listing->cursor,
	};
	const struct span part = span_of(&frame, sizeof(frame));
	unsigned ring = stats ? CP_LINK_MAIN : cp_link_worker_ring(listing->worker);

	if (cp_link_send(dispatch->link, ring, stats ? IPC_STATS_ASK : IPC_CALLS_ASK, &part, 1)) {
		finish(listing, "the dataplane takes no questions now");
		return;
	}
	listing->asked = true;
	event_add(listing->deadline, &limit);
}

static void go_on(struct listing *listing)
{
	if (!listing->asked &&
	    admin_backlog(listing->dispatch->admin, listing->client) < BACKLOG_BYTES)
		ask(listing);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	finish(arg, "the dataplane does not answer");
}

int listings_start(struct dispatch *dispatch)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		struct listing *listing = &dispatch->listings[i];

		listing->dispatch = dispatch;
		listing->deadline = evtimer_new(dispatch->base, on_deadline, listing);
		if (!listing->deadline)
			return -ENOMEM;
	}
	return 0;
}

void listings_stop(struct dispatch *dispatch)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (dispatch->listings[i].deadline)
			event_free(dispatch->listings[i].deadline);
		dispatch->listings[i].deadline = NULL;
	}
}

void listings_link_down(struct dispatch *dispatch)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (dispatch->listings[i].kind != LISTING_FREE)
			finish(&dispatch->listings[i], "the dataplane went away");
	}
}

void listing_start(struct dispatch *dispatch, uint64_t client, enum listing_kind kind,
		   const char *group, const struct cdr_id *wanted)
{
	struct listing *listing = NULL;

	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX && !listing; i++) {
		if (dispatch->listings[i].kind == LISTING_FREE)
			listing = &dispatch->listings[i];
	}
	/* one for each client that can be connected, and each has one request open at most */
	listing->kind = (uint8_t)kind;
	listing->client = client;
	listing->list_id = ++dispatch->last_list_id;
	listing->asked = false;
	listing->worker = wanted ? (unsigned)wanted->worker : 0;
	listing->cursor = 0;
	listing->wanted = wanted ? *wanted : (struct cdr_id){0};
	strncpy(listing->group, group ? group : "", sizeof(listing->group) - 1);
	ask(listing);
}

static struct listing *of_client(struct dispatch *dispatch, uint64_t client)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (dispatch->listings[i].kind != LISTING_FREE &&
		    dispatch->listings[i].client == client)
			return &dispatch->listings[i];
	}
	return NULL;
}

static struct listing *of_id(struct dispatch *dispatch, uint32_t list_id)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (dispatch->listings[i].kind != LISTING_FREE &&
		    dispatch->listings[i].list_id == list_id)
			return &dispatch->listings[i];
	}
	return NULL;
}

void listing_drained(struct dispatch *dispatch, uint64_t client)
{
	struct listing *listing = of_client(dispatch, client);

	if (listing)
		go_on(listing);
}

void listing_gone(struct dispatch *dispatch, uint64_t client)
{
	struct listing *listing = of_client(dispatch, client);

	if (!listing)
		return;
	listing->kind = LISTING_FREE;
	event_del(listing->deadline);
}

static void put_side(struct cursor *out, const char *key, const struct ipc_call_row *row,
		     unsigned side)
{
	put_json_key(out, key);
	put_char(out, '{');
	put_json_endpoint(out, "peer", &row->peer[side]);
	put_json_text(out, "call_id", ipc_call_row_call_id(row, side));
	put_json_key(out, "media");
	put_media_quality(out, &row->media[side], &row->media[!side]);
	put_char(out, '}');
}

static void put_call(struct cursor *out, const struct ipc_call_row *row,
		     const struct cdr_far *far)
{
	const struct cdr_id id = {row->started_ns, row->call, row->worker};

	put_char(out, '{');
	put_json_key(out, "call");
	put_char(out, '"');
	put_cdr_id(out, &id);
	put_char(out, '"');
	put_json_text(out, "state", span_str(ipc_call_state_name(row->state)));
	put_json_time(out, "started", row->started_ns);
	put_json_time(out, "answered", row->answered_ns);
	put_context_members(out, ipc_call_row_context(row), far);
	put_side(out, "a", row, 0);
	put_side(out, "b", row, 1);
	put_media_streams(out, ipc_call_row_streams(row), row->nstreams);
	put_json_u64(out, "worker", row->worker);
	put_char(out, '}');
}

/* The call that was looked for: end it, and say which it was. */
static void hang_up(struct listing *listing, unsigned ring, const struct ipc_call_row *row,
		    struct span told)
{
	const struct ipc_hangup frame = {.call = row->call};
	const struct span part = span_of(&frame, sizeof(frame));
	struct dispatch *dispatch = listing->dispatch;

	if (cp_link_send(dispatch->link, ring, IPC_HANGUP, &part, 1)) {
		finish(listing, "the dataplane takes no orders now");
		return;
	}
	LOG(INFO, "admin", "call ended by the operator", LOG_HANDLE("handle", row->call),
	    LOG_U64("worker", row->worker));
	admin_row(dispatch->admin, listing->client, told);
	finish(listing, NULL);
}

void listing_call_row(struct dispatch *dispatch, unsigned ring, const struct ipc_call_row *row)
{
	struct listing *listing = of_id(dispatch, row->list_id);
	char text[ROW_BYTES_MAX];
	struct cursor out = cursor_on(text, sizeof(text));
	struct cdr_far far = trunk_ids_far(dispatch, row->trunk);

	if (!listing || listing->kind == LISTING_STATS ||
	    ring != cp_link_worker_ring(listing->worker))
		return;
	if (listing->kind != LISTING_CALLS &&
	    (row->call != listing->wanted.call ||
	     (listing->wanted.started_ns && row->started_ns != listing->wanted.started_ns)))
		return;
	put_call(&out, row, &far);
	if (out.full)
		return;
	if (listing->kind == LISTING_HANGUP)
		hang_up(listing, ring, row, cursor_span(&out));
	else
		admin_row(dispatch->admin, listing->client, cursor_span(&out));
	if (listing->kind == LISTING_CALL)
		finish(listing, NULL);
}

void listing_stat_row(struct dispatch *dispatch, const struct ipc_stat_row *row)
{
	struct listing *listing = of_id(dispatch, row->list_id);
	char text[4 * IPC_NAME_MAX * 6];
	struct cursor out = cursor_on(text, sizeof(text));

	if (!listing || listing->kind != LISTING_STATS)
		return;
	if (listing->group[0] && !span_eq(ipc_stat_group(row), span_str(listing->group)))
		return;
	put_char(&out, '{');
	put_json_text(&out, "group", ipc_stat_group(row));
	put_json_text(&out, "object", ipc_stat_object(row));
	put_json_text(&out, "name", ipc_stat_name(row));
	put_json_u64(&out, "value", row->value);
	put_char(&out, '}');
	if (!out.full)
		admin_row(dispatch->admin, listing->client, cursor_span(&out));
}

void listing_end(struct dispatch *dispatch, unsigned ring, const struct ipc_list_end *end)
{
	struct listing *listing = of_id(dispatch, end->list_id);
	const struct ipc_hello *hello = cp_link_hello(dispatch->link);

	if (!listing || !listing->asked || !hello)
		return;
	if (ring !=
	    (listing->kind == LISTING_STATS ? CP_LINK_MAIN : cp_link_worker_ring(listing->worker)))
		return;
	listing->asked = false;
	listing->cursor = end->cursor;
	event_del(listing->deadline);
	if (!end->cursor) {
		if (listing->kind == LISTING_HANGUP || listing->kind == LISTING_CALL) {
			finish(listing, "there is no such call");
			return;
		}
		if (listing->kind == LISTING_STATS || ++listing->worker >= hello->nworkers) {
			if (listing->kind == LISTING_STATS && !listing->group[0])
				own_stats(dispatch, listing->client);
			if (listing->kind == LISTING_STATS &&
			    strcmp(listing->group, "limits") == 0)
				screening_limits(dispatch, listing->client);
			finish(listing, NULL);
			return;
		}
	}
	go_on(listing);
}
