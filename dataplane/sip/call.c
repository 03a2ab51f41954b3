/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls: life, end, and what the control plane is told of them. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include <assert.h>

struct sip_call *call_get(const struct engine *e, uint64_t handle)
{
	return slab_get(e->calls, handle);
}

struct sip_call *call_new(struct engine *e, uint16_t flags)
{
	uint64_t handle;
	struct sip_call *call = slab_alloc(e->calls, &handle);

	if (call == NULL)
		return NULL;
	call->self = handle;
	call->started_ns = e->now_ns;
	call->deadline_ns = NEVER_NS;
	call->flags = flags;
	if (flags & CALL_DIALOG)
		e->stats.calls_started++;
	else
		e->stats.standalone++;
	return call;
}

void call_set_timer(struct engine *e, struct sip_call *call, uint64_t deadline_ns)
{
	call->deadline_ns = deadline_ns;
	if (deadline_ns == NEVER_NS)
		wheel_cancel(e->wheel, handle_index(call->self));
	else
		wheel_set(e->wheel, handle_index(call->self), deadline_ns);
}

const struct ipc_verdict *call_verdict(const struct engine *e, const struct sip_call *call)
{
	return (const struct ipc_verdict *)blob_span(&e->blobs, call->verdict).ptr;
}

struct span call_plan(const struct engine *e, const struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct ipc_target_view target = call_target(e, call);

	if (target.head && target.plan.len)
		return target.plan;
	return verdict ? ipc_verdict_plan(verdict) : SPAN_NONE;
}

static struct span call_context(const struct engine *e, const struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);

	return verdict ? ipc_verdict_context(verdict) : SPAN_NONE;
}

struct sip_leg *call_asker(const struct engine *e, const struct sip_call *call)
{
	return leg_get(e, call->flags & CALL_OWN_INVITE ? call->referrer : call->leg[SIDE_A]);
}

bool call_awaits_verdict(const struct sip_call *call)
{
	return call->state == CALL_ASKING &&
	       (call->verdict == HANDLE_NONE || call->contacts != HANDLE_NONE);
}

struct ipc_target_view call_target(const struct engine *e, const struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct ipc_target_view target = {.head = NULL};
	uint32_t at = 0;

	for (unsigned i = 0; verdict && i < call->target; i++) {
		if (!ipc_verdict_next_target(verdict, &at, &target))
			return (struct ipc_target_view){.head = NULL};
	}
	return target;
}

static uint64_t unix_ns(const struct engine *e, uint64_t mono_ns)
{
	return mono_ns ? e->conf.boot_unix_ns + mono_ns : 0;
}

void call_ask(struct engine *e, struct sip_call *call)
{
	struct sip_leg *leg = call_asker(e, call);
	struct span request = blob_span(&e->blobs, call->request),
		    contacts = blob_span(&e->blobs, call->contacts),
		    context = call_context(e, call);
	const struct net_endpoint *local;
	struct cursor *out;
	struct ipc_ask ask = {.ask_id = call->self};

	/* Ask again when it did not get through, until the request has waited too long. */
	call_set_timer(e, call, replaces_deadline(e, call));
	call->flags &= (uint16_t)~CALL_ASK_DUE;
	if (!e->link_up || leg == NULL)
		return;
	ask.source = leg->next_hop;
	ask.flow = leg->flow;
	ask.realm = leg->realm;
	ask.transport = leg->transport;
	local = leg_local(e, leg);
	if (local)
		ask.local = *local;
	ask.msg_len = (uint32_t)request.len;
	ask.kind = call->flags & CALL_OWN_INVITE ? IPC_ASK_TRANSFER : IPC_ASK_NEW;
	if (contacts.len) {
		ask.kind = IPC_ASK_REDIRECT;
		ask.redirects = (uint8_t)(call->redirects - 1);
		ask.context_len = (uint16_t)context.len;
		ask.contacts_len = (uint16_t)contacts.len;
	}
	out = out_start(e);
	put_bytes(out, &ask, sizeof(ask));
	put_span(out, request);
	if (contacts.len) {
		put_span(out, context);
		put_span(out, contacts);
	}
	out_report(e, IPC_ASK, out_finish(e));
	e->stats.asks++;
}

/* ---- the record ---- */


static uint32_t far_trunk(const struct engine *e, const struct sip_call *call)
{
	const struct sip_leg *leg = leg_get(e, call->leg[SIDE_B]);

	return leg ? leg->trunk : 0;
}

static struct span side_call_id(const struct engine *e, const struct sip_call *call, unsigned side)
{
	struct sip_leg *leg = leg_get(e, call->leg[side]);

	return leg ? leg_text(e, leg, LEG_CALL_ID) : SPAN_NONE;
}

/* Call-IDs are text of peers: what is too long for the record is cut. */
static uint16_t cut_len(struct span text)
{
	return (uint16_t)(text.len > RECORD_CALL_ID_MAX ? RECORD_CALL_ID_MAX : text.len);
}

void call_note_reason(struct engine *e, unsigned side, const struct sip_msg *msg)
{
	if (msg)
		e->reason[side] = sip_hdr_value(msg, SIP_HDR_REASON);
}

void call_note_failed(struct sip_call *call, uint16_t status)
{
	if (call->nfailed < IPC_FAILED_MAX)
		call->failed[call->nfailed++] = status;
	call->far_status = 0;
}

/* A peer's text in one line; its length. */
static uint8_t put_text(struct cursor *out, struct span text)
{
	size_t len = text.len < RECORD_TEXT_MAX ? text.len : RECORD_TEXT_MAX;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)text.ptr[i];

		put_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
	}
	return (uint8_t)len;
}

/* What the record has of the two sides besides Call-IDs; their lengths go into the head. */
static void put_sides(const struct engine *e, const struct sip_call *call,
		      struct ipc_call_end *end, struct cursor *out)
{
	const struct sip_leg *legs[2] = {leg_get(e, call->leg[SIDE_A]),
					 leg_get(e, call->leg[SIDE_B])};
	char buf[COOKIE_CHARS];

	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		struct cursor tag = cursor_on(buf, sizeof(buf));

		if (!legs[side])
			continue;
		cookie_put(&tag, &e->keys, COOKIE_LEG, legs[side]->tag);
		end->tag_len[side][0] = put_text(out, cursor_span(&tag));
		end->tag_len[side][1] =
			put_text(out, leg_text(e, legs[side], LEG_REMOTE_TAG));
	}
	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		struct span agent = legs[side] ? leg_text(e, legs[side], LEG_AGENT) : SPAN_NONE;

		end->agent_len[side] =
			put_text(out, side == SIDE_B && e->agent_b.len ? e->agent_b : agent);
	}
	for (unsigned side = SIDE_A; side <= SIDE_B; side++)
		end->reason_len[side] = put_text(out, e->reason[side]);
}

static void call_make_report(struct engine *e, struct sip_call *call,
			     const struct call_quality *quality)
{
	struct span context = call_context(e, call);
	struct ipc_call_end end = {
		.call = call->self,
		.started_ns = unix_ns(e, call->started_ns),
		.ringing_ns = unix_ns(e, call->ringing_ns),
		.answered_ns = unix_ns(e, call->answered_ns),
		.ended_ns = unix_ns(e, call->ended_ns),
		.status = call->status,
		.ended_by = call->ended_by,
		.worker = (uint8_t)e->conf.worker,
		.context_len = (uint16_t)context.len,
		.far_status = call->far_status,
		.attempts = call->attempts,
	};
	struct cursor out = cursor_on(e->body, sizeof(e->body));
	char buf[8 * RECORD_TEXT_MAX];
	struct cursor texts = cursor_on(buf, sizeof(buf));

	memcpy(end.media, quality->sum, sizeof(end.media));
	end.nstreams = quality->nstreams;
	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		struct sip_leg *leg = leg_get(e, call->leg[side]);

		end.call_id_len[side] = cut_len(side_call_id(e, call, side));
		if (leg) {
			end.peer[side] = leg->next_hop;
			end.realm[side] = leg->realm;
		}
	}
	memcpy(end.failed, call->failed, sizeof(end.failed));
	end.trunk = far_trunk(e, call);
	put_sides(e, call, &end, &texts);
	put_bytes(&out, &end, sizeof(end));
	put_bytes(&out, quality->streams, quality->nstreams * sizeof(quality->streams[0]));
	for (unsigned side = SIDE_A; side <= SIDE_B; side++)
		put_bytes(&out, side_call_id(e, call, side).ptr, end.call_id_len[side]);
	put_span(&out, cursor_span(&texts));
	put_span(&out, context);
	call->report = out.full ? HANDLE_NONE : blob_copy(&e->blobs, cursor_span(&out));
	if (call->report == HANDLE_NONE)
		e->stats.records_lost++;
	else
		e->stats.records_unacked++;
}

void call_report(struct engine *e, struct sip_call *call)
{
	struct span report = blob_span(&e->blobs, call->report);

	call->flags &= (uint16_t)~CALL_REPORT_DUE;
	if (report.len == 0)
		return;
	if (e->link_up)
		out_report(e, call->flags & CALL_TELLS_ANSWER ? IPC_ANSWER : IPC_CALL_END,
			   report);
	/* Without a link it goes when engine_link says that there is one. */
}

/* Whether the call is one for the records: refusals of strangers come without context and are only
 * counted. */
static bool call_is_recorded(const struct engine *e, const struct sip_call *call)
{
	return (call->flags & CALL_DIALOG) && call_context(e, call).len != 0;
}

/* The record may wait long for its acknowledgement: keys do not. One leg of a transfer goes on in
 * another call. */
static void forget_media(struct engine *e, const struct sip_call *call)
{
	struct sip_leg *leg;

	for (uint64_t at = call->first_leg; (leg = leg_get(e, at)) != NULL; at = leg->next) {
		if (call->ended_by == IPC_BY_TRANSFER)
			keying_free(e, leg);
		else
			body_forget_all(e, leg);
	}
}

void call_finish(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by)
{
	struct call_quality quality;

	if (call->state == CALL_ENDED)
		return;
	call->state = CALL_ENDED;
	call->ended_ns = e->now_ns;
	call->status = call->answered_ns ? 200 : status;
	call->ended_by = (uint8_t)by;
	call_set_timer(e, call, NEVER_NS);
	limits_end(e, call);
	if (call->flags & CALL_SUBSCRIBED)
		e->stats.subscriptions--;
	if (!(call->flags & CALL_DIALOG)) {
		if (status >= 300)
			e->stats.standalone_failed++;
		standalone_tell(e, call, status, NULL);
	} else {
		if (call->answered_ns == 0)
			e->stats.calls_refused++;
		e->stats.calls_ended++;
	}
	call_quality(e, call, &quality);
	for (unsigned i = 0; i < call->npairs; i++) {
		if (call->pair[i] != HANDLE_NONE)
			stream_pair_close(e->media, e->now_ns, call->pair[i]);
		call->pair[i] = HANDLE_NONE;
	}
	if (call_is_recorded(e, call))
		call_make_report(e, call, &quality);
	call_drop_request(e, call);
	forget_media(e, call);
	if (call->transfer != HANDLE_NONE) {
		assert(e->nsettle < COLLECT_MAX);
		e->settle[e->nsettle++] = call->self;
	}
	if (call->flags & CALL_TELLS_ANSWER)
		call_set_timer(e, call, e->now_ns + REPORT_AGAIN_MS * NS_PER_MS);
	else if (call->report != HANDLE_NONE)
		call_report(e, call);
	call_maybe_free(e, call);
}

void call_drop_request(struct engine *e, struct sip_call *call)
{
	blob_free(&e->blobs, call->request);
	blob_free(&e->blobs, call->contacts);
	blob_free(&e->blobs, call->replaces);
	call->request = HANDLE_NONE;
	call->contacts = HANDLE_NONE;
	call->replaces = HANDLE_NONE;
}

void call_drop_report(struct engine *e, struct sip_call *call)
{
	if (call->report == HANDLE_NONE)
		return;
	blob_free(&e->blobs, call->report);
	call->report = HANDLE_NONE;
	if (!(call->flags & CALL_TELLS_ANSWER))
		e->stats.records_unacked--;
	call_maybe_free(e, call);
}

static void free_legs(struct engine *e, struct sip_call *call)
{
	uint64_t handle = call->first_leg;
	struct sip_leg *leg;

	while ((leg = leg_get(e, handle)) != NULL) {
		handle = leg->next;
		leg_free(e, leg);
	}
}

static bool call_is_over(const struct sip_call *call)
{
	return call->state == CALL_ENDED && call->active == 0 && call->report == HANDLE_NONE;
}

/* Only noted here: whoever works on the call still holds its pointer. */
void call_maybe_free(struct engine *e, struct sip_call *call)
{
	if (!call_is_over(call) || (call->flags & CALL_COLLECTED))
		return;
	assert(e->ncollect < COLLECT_MAX);
	call->flags |= CALL_COLLECTED;
	e->collect[e->ncollect++] = call->self;
}

void call_collect(struct engine *e)
{
	for (unsigned i = 0; i < e->ncollect; i++) {
		struct sip_call *call = call_get(e, e->collect[i]);

		call->flags &= (uint16_t)~CALL_COLLECTED;
		if (!call_is_over(call))
			continue;
		wheel_cancel(e->wheel, handle_index(call->self));
		free_legs(e, call);
		call_drop_request(e, call);
		blob_free(&e->blobs, call->verdict);
		slab_free(e->calls, call->self);
	}
	e->ncollect = 0;
}

/* ---- rows for the operator ---- */

static uint8_t row_state(const struct sip_call *call)
{
	switch (call->state) {
	case CALL_ASKING:
		return IPC_CALL_ASKING;
	case CALL_TRYING:
		return IPC_CALL_TRYING;
	case CALL_EARLY:
		return IPC_CALL_EARLY;
	case CALL_ANSWERED:
		return IPC_CALL_ANSWERED;
	default:
		return IPC_CALL_ENDING;
	}
}

void call_row(struct engine *e, const struct sip_call *call, uint32_t list_id)
{
	struct span context = call_context(e, call);
	struct ipc_call_row row = {
		.list_id = list_id,
		.state = row_state(call),
		.worker = (uint8_t)e->conf.worker,
		.call = call->self,
		.started_ns = unix_ns(e, call->started_ns),
		.answered_ns = unix_ns(e, call->answered_ns),
		.context_len = (uint16_t)context.len,
	};
	struct cursor *out = out_start(e);
	struct call_quality quality;

	call_quality(e, call, &quality);
	memcpy(row.media, quality.sum, sizeof(row.media));
	row.nstreams = quality.nstreams;
	row.trunk = far_trunk(e, call);
	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		struct sip_leg *leg = leg_get(e, call->leg[side]);

		row.call_id_len[side] = cut_len(side_call_id(e, call, side));
		if (leg) {
			row.peer[side] = leg->next_hop;
			row.realm[side] = leg->realm;
		}
	}
	put_bytes(out, &row, sizeof(row));
	put_bytes(out, quality.streams, quality.nstreams * sizeof(quality.streams[0]));
	for (unsigned side = SIDE_A; side <= SIDE_B; side++)
		put_bytes(out, side_call_id(e, call, side).ptr, row.call_id_len[side]);
	put_span(out, context);
	out_report(e, IPC_CALL_ROW, out_finish(e));
}
