/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's inputs: a message, a frame of the control plane, the link's state, time. Each finds
 * what it belongs to by cookie or key and hands it on. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include "common/net/stun.h"

#include <stdlib.h>

enum engine_slab { SLAB_CALLS = 0, SLAB_LEGS, SLAB_TXNS, SLAB_PROBES, SLAB_BLOBS };

#define PROBES_MAX 256u /* open at once on a worker: a lost one takes 32 s */

/* Transactions linger 32 s where calls may be short: room for eight to a call, and some for few
 * calls. */
static uint32_t txn_capacity(uint32_t max_calls)
{
	return 8 * max_calls + 1024;
}

unsigned engine_slab_defs(struct arena_slab_def *defs, unsigned ndefs, uint32_t max_calls)
{
	/* A call in setup holds its request, two response heads, what was last sent on each side,
	 * and texts of two legs; an answered one only the texts and the verdict. */
	const uint32_t n = max_calls + 64;
	const uint32_t blobs[BLOB_CLASSES_END] = {
		[BLOB_120] = n / 2,
		[BLOB_248] = 2 * n,
		[BLOB_504] = 6 * n,
		[BLOB_760] = 4 * n,
		[BLOB_1016] = 3 * n,
		[BLOB_1528] = 2 * n,
		[BLOB_2040] = n,
		[BLOB_4088] = n / 4,
		[BLOB_8184] = n / 16,
		[BLOB_16376] = n / 64 + 16,
		[BLOB_65528] = n / 256 + 16,
	};

	defs[ndefs++] = (struct arena_slab_def){"call", sizeof(struct sip_call), max_calls, 1};
	defs[ndefs++] = (struct arena_slab_def){"leg", sizeof(struct sip_leg), 3 * max_calls, 1};
	defs[ndefs++] =
		(struct arena_slab_def){"txn", sizeof(struct sip_txn), txn_capacity(max_calls), 1};
	defs[ndefs++] =
		(struct arena_slab_def){"probe", sizeof(struct sip_probe), PROBES_MAX, 1};
	return blob_slab_defs(defs, ndefs, blobs);
}

/* All keys come from the one seed: two halves of a hash of a purpose. */
static void derive_key(struct hash_key *key, const uint64_t seed[2], unsigned purpose)
{
	struct hash_key root = {{seed[0], seed[1]}};

	for (unsigned half = 0; half < 2; half++) {
		uint32_t text[2] = {purpose, half};

		key->k[half] = hash_sip(&root, span_of(text, sizeof(text)));
	}
}

/* limen's own addresses: what a peer's text may not make it send to. */
static int collect_self(struct engine *e)
{
	e->self = calloc((size_t)e->conf.nrealms * 2 * NET_TRANSPORTS + 1, sizeof(*e->self));
	if (e->self == NULL)
		return -1;
	for (unsigned i = 0; i < e->conf.nrealms * 2 * NET_TRANSPORTS; i++) {
		const struct net_endpoint *own =
			engine_local(e, (uint8_t)(i / (2 * NET_TRANSPORTS)),
				     (uint8_t)(i / 2 % NET_TRANSPORTS), i & 1 ? NET_IP6 : NET_IP4);
		bool known = own == NULL;

		for (unsigned n = 0; n < e->nself && !known; n++)
			known = e->self[n].family == own->family &&
				net_addr_eq(&e->self[n].addr, &own->addr);
		if (!known)
			e->self[e->nself++] = *own;
	}
	return 0;
}

struct engine *engine_new(const struct engine_conf *conf, struct arena *arena, unsigned first,
			  struct media *media, uint64_t now_ns)
{
	struct engine *e = calloc(1, sizeof(*e));
	uint32_t txns = txn_capacity(conf->max_calls);

	if (e == NULL)
		return NULL;
	e->conf = *conf;
	e->now_ns = now_ns;
	e->media = media;
	overload_init(e);
	if (guard_init(&e->guard, conf->seed[0] ^ hash_rotl(conf->seed[1], 7)) || limits_init(e)) {
		engine_free(e);
		return NULL;
	}
	e->calls = &arena->slabs[first + SLAB_CALLS];
	e->legs = &arena->slabs[first + SLAB_LEGS];
	e->txns = &arena->slabs[first + SLAB_TXNS];
	e->probes = &arena->slabs[first + SLAB_PROBES];
	blobs_init(&e->blobs, arena, first + SLAB_BLOBS);
	derive_key(&e->keys.mac, conf->shared_seed, 1);
	derive_key(&e->keys.hide, conf->shared_seed, 2);
	e->keys.worker = conf->worker;
	derive_key(&e->index_key, conf->seed, 3);
	derive_key(&e->random_key, conf->seed, 4);
	memcpy(e->secret, conf->secret, sizeof(e->secret));
	explicit_bzero(e->conf.secret, sizeof(e->conf.secret));
	e->txn_timers = conf->max_calls;
	e->wheel = wheel_new(conf->max_calls + txns, now_ns);
	e->out.buf = malloc(ENGINE_OUT_BYTES);
	e->out.cap = ENGINE_OUT_BYTES;
	if (e->wheel == NULL || e->out.buf == NULL || collect_self(e) || hindex_init(&e->index, 2 * txns)) {
		engine_free(e);
		return NULL;
	}
	return e;
}

void engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	wheel_free(engine->wheel);
	hindex_fini(&engine->index);
	free(engine->out.buf);
	free(engine->self);
	guard_fini(&engine->guard);
	limits_fini(engine);
	explicit_bzero(engine, sizeof(*engine));
	free(engine);
}

static void input_start(struct engine *e, uint64_t now_ns)
{
	e->now_ns = now_ns;
	e->nactions = 0;
	e->reason[0] = e->reason[1] = e->agent_b = SPAN_NONE;
	if (e->holds_keys) {
		explicit_bzero(e->out.buf, e->out.len);
		explicit_bzero(e->body, e->body_used);
		e->holds_keys = false;
		e->body_used = 0;
	}
	e->out.len = 0;
}

/* What this input said to calls of this worker's own; each may answer, not more than there is room
 * for. */
static void input_end(struct engine *e)
{
	for (unsigned i = 0; i < e->nown; i++)
		owner_take(e, e->own[i]);
	e->nown = 0;
	transfer_settle(e);
	call_collect(e);
}

/* ---- responses ---- */

/* INVITEs inside a dialog are those that timer C bounds. */
static bool is_first_request(const struct sip_call *call, const struct sip_txn *txn)
{
	if (call->flags & CALL_OWN_INVITE)
		return txn->kind == TXN_CLIENT_INVITE && !(txn->flags & TXN_TIMER_C);
	return txn->peer == call->invite && txn->peer != HANDLE_NONE;
}

void engine_client_event(struct engine *e, struct sip_txn *txn, enum txn_event event,
			 const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, txn->call);

	/* The transaction that carries a call's first request is b2bua's; those inside its dialogs
	 * are dialog's. */
	if (probe_is(e, txn))
		probe_on_client(e, txn, event, msg);
	else if (call == NULL || is_first_request(call, txn))
		b2bua_on_client(e, txn, event, msg);
	else if (event == TXN_EVENT_STRAY)
		txn_resend_ack(e, txn);
	else if (call->flags & CALL_SUBSCRIPTION)
		subscription_on_client(e, txn, event, msg);
	else if (transfer_is_offer(e, txn))
		transfer_on_offer(e, txn, event, msg);
	else if (session_is_refresh(e, txn))
		session_on_client(e, txn, event, msg);
	else
		dialog_on_client(e, txn, event, msg);
	if (event == TXN_EVENT_TIMEOUT)
		txn_free(e, txn);
	else if (event == TXN_EVENT_SUCCESS || event == TXN_EVENT_FAILURE)
		txn_release(e, txn);
}

static void on_event(struct engine *e, struct sip_txn *txn, enum txn_event event,
		     const struct sip_msg *msg)
{
	if (event == TXN_EVENT_NONE)
		return; /* the transaction may be gone */
	if (event == TXN_EVENT_FAILURE && msg->status == 422 && session_retry(e, txn, msg)) {
		txn_release(e, txn);
		return;
	}
	if (event == TXN_EVENT_FAILURE && (msg->status == 401 || msg->status == 407)) {
		if (challenge_ask(e, txn, msg))
			return;
		txn_drop_msg(e, txn);
	}
	engine_client_event(e, txn, event, msg);
}

/* What goes to that peer next goes by the connection that it used now. */
static void leg_heard_by(const struct engine *e, struct sip_leg *leg)
{
	if (leg && e->source->flow && leg->transport == e->source->transport)
		leg->flow = e->source->flow;
}

/* A response repeats the request's Call-ID and From (section 8.2.6.2). */
static bool response_fits(const struct engine *e, const struct sip_txn *txn,
			  const struct sip_msg *msg)
{
	const struct sip_leg *leg = leg_get(e, txn->leg);
	uint64_t tag;

	if (leg == NULL)
		return true;
	return span_eq(leg_text(e, leg, LEG_CALL_ID), sip_span(msg, msg->call_id)) &&
	       cookie_read(&e->keys, COOKIE_LEG, sip_span(msg, msg->from_tag), &tag) ==
		       COOKIE_GOOD &&
	       tag == leg->tag;
}

static enum engine_fate on_response(struct engine *e, const struct sip_msg *msg)
{
	struct span branch = sip_span(msg, msg->via_branch);
	struct sip_txn *txn, *cancel;
	uint64_t handle;

	e->stats.responses_in++;
	if (branch.len <= 7 || strncasecmp(branch.ptr, BRANCH_PREFIX, 7) != 0)
		return FATE_NO_DIALOG;
	switch (cookie_read(&e->keys, COOKIE_TXN, span_of(branch.ptr + 7, branch.len - 7),
			    &handle)) {
	case COOKIE_FOREIGN:
		return FATE_NO_DIALOG;
	case COOKIE_FORGED:
		return FATE_FORGED;
	default:
		break;
	}
	txn = txn_get(e, handle);
	/* What comes by another network than it is for was not limen's to be told there. */
	if (txn && txn->realm != e->source->realm)
		return FATE_NO_DIALOG;
	/* One Via only: limen puts one, and whoever sends back more has mixed up its routes
	 * (section 18.1.2). */
	if (txn == NULL || msg->hdrs[msg->first[SIP_HDR_VIA]].next != SIP_HDR_NONE)
		return FATE_NO_DIALOG;
	if (msg->method == SIP_METHOD_CANCEL && txn->kind == TXN_CLIENT_INVITE) {
		cancel = txn_get(e, txn->cancel);
		txn = cancel;
	}
	if (txn == NULL || msg->method != txn->method || msg->cseq != txn->cseq ||
	    !response_fits(e, txn, msg))
		return FATE_NO_DIALOG;
	leg_heard_by(e, leg_get(e, txn->leg));
	on_event(e, txn, txn_on_response(e, txn, msg), msg);
	return FATE_TAKEN;
}

/* ---- requests ---- */

static void on_cancel(struct engine *e, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_find(e, txn_request_key(e, msg, SIP_METHOD_INVITE)), *server;
	struct sip_leg *leg;

	server = txn_find(e, txn_request_key(e, msg, SIP_METHOD_CANCEL));
	if (server) {
		e->stats.retransmits_in++;
		txn_resend(e, server);
		return;
	}
	if (invite == NULL || invite->kind != TXN_SERVER_INVITE) {
		build_stateless(e, msg, 481, SPAN_NONE, NULL);
		return;
	}
	/* A transaction of its own (section 9.2): it comes again after the INVITE's is over. */
	leg = leg_get(e, invite->leg);
	server = txn_server_new(e, msg, NULL, leg);
	if (server)
		dialog_answer(e, server, 200, SPAN_NONE);
	else
		build_stateless(e, msg, 200, SPAN_NONE, leg);
	b2bua_cancel(e, invite, msg);
}

/* The leg a request with a To tag is for: limen's own tag, the Call-ID, and the peer's tag
 * (section 12.2.2). */
static struct sip_leg *find_leg(struct engine *e, const struct sip_msg *msg,
				enum engine_fate *fate)
{
	struct sip_leg *leg;
	uint64_t handle;

	*fate = FATE_NO_DIALOG;
	switch (cookie_read(&e->keys, COOKIE_LEG, sip_span(msg, msg->to_tag), &handle)) {
	case COOKIE_FOREIGN:
		return NULL;
	case COOKIE_FORGED:
		if (cookie_read(&e->keys, COOKIE_STATELESS, sip_span(msg, msg->to_tag), &handle) !=
		    COOKIE_GOOD)
			*fate = FATE_FORGED;
		return NULL;
	default:
		break;
	}
	leg = leg_get(e, handle);
	if (leg == NULL || leg->realm != e->source->realm ||
	    !span_eq(leg_text(e, leg, LEG_CALL_ID), sip_span(msg, msg->call_id)))
		return NULL;
	/* Forks share limen's tag: the peer's tells them apart. */
	if (!span_ieq(leg_text(e, leg, LEG_REMOTE_TAG), sip_span(msg, msg->from_tag)) &&
	    !subscription_awaits(e, leg, msg))
		leg = fork_find(e, leg, sip_span(msg, msg->from_tag));
	if (leg) {
		*fate = FATE_TAKEN;
		leg_heard_by(e, leg);
		if (leg->state == LEG_CONFIRMED)
			guard_prove(&e->guard, e->now_ns, e->source->realm, &e->source->peer);
	}
	return leg;
}

static enum engine_fate on_ack(struct engine *e, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_find(e, txn_request_key(e, msg, SIP_METHOD_INVITE));
	enum engine_fate fate;
	struct sip_leg *leg;

	/* The ACK of a refusal has the INVITE's branch (section 17.1.1.3). */
	if (invite && invite->kind == TXN_SERVER_INVITE &&
	    (invite->state == TXN_COMPLETED || invite->state == TXN_CONFIRMED)) {
		if (invite->state == TXN_COMPLETED)
			txn_acked(e, invite);
		return FATE_TAKEN;
	}
	if (msg->to_tag.len == 0)
		return FATE_NO_DIALOG;
	leg = find_leg(e, msg, &fate);
	if (leg)
		dialog_ack(e, leg, msg);
	return fate;
}

static enum engine_fate on_request(struct engine *e, const struct sip_msg *msg)
{
	enum engine_fate fate;
	struct sip_txn *txn;
	struct sip_leg *leg = NULL;
	uint64_t key;

	e->stats.requests_in++;
	if (msg->method == SIP_METHOD_ACK)
		return on_ack(e, msg);
	if (msg->method == SIP_METHOD_CANCEL) {
		on_cancel(e, msg);
		return FATE_TAKEN;
	}
	/* A tag of limen's is proved before anything else is looked up: forgeries cost two
	 * hashes. */
	if (msg->to_tag.len) {
		leg = find_leg(e, msg, &fate);
		if (fate == FATE_FORGED)
			return fate;
	}
	key = txn_request_key(e, msg, msg->method);
	txn = txn_find(e, key);
	if (txn) {
		e->stats.retransmits_in++;
		txn_resend(e, txn);
	} else if (leg && (call_get(e, leg->call)->flags & CALL_SUBSCRIPTION)) {
		subscription_request(e, leg, msg);
	} else if (leg && msg->method == SIP_METHOD_BYE) {
		b2bua_bye(e, leg, msg);
	} else if (leg) {
		dialog_request(e, leg, msg);
	} else if (msg->to_tag.len) {
		build_stateless(e, msg, 481, SPAN_NONE, NULL);
	} else {
		return b2bua_start(e, msg, key);
	}
	return FATE_TAKEN;
}

/* RFC 5626 section 4.4.2: the user sees whether its address is still the one that it registered
 * from. An answer is longer than its question: strangers get none, whose address may be forged. */
static enum engine_fate on_stun(struct engine *e, struct span bytes)
{
	const struct engine_source *source = e->source;
	struct cursor *out;

	if (e->guard.has_table &&
	    guard_source(&e->guard, e->now_ns, source->realm, &source->peer)->class ==
		    IPC_CLASS_UNKNOWN)
		return FATE_KEEPALIVE;
	out = out_start(e);
	if (!put_stun_answer(out, bytes, &source->peer))
		return FATE_KEEPALIVE;
	e->stats.stun_answered++;
	out_send_bytes(e, source->realm, source->transport, &source->peer, 0, 0,
		       out_finish(e));
	return FATE_TAKEN;
}

enum engine_fate engine_message(struct engine *e, uint64_t now_ns,
				const struct engine_source *source, struct span bytes)
{
	struct sip_msg *msg = &e->msg;
	enum engine_fate fate;

	input_start(e, now_ns);
	e->source = source;
	if (source->transport == NET_UDP && stun_is_message(bytes))
		return on_stun(e, bytes);
	switch (sip_parse(msg, bytes.ptr, bytes.len, SIP_DATAGRAM)) {
	case SIP_PARSE_OK:
		break;
	case SIP_PARSE_KEEPALIVE:
		return FATE_KEEPALIVE;
	default:
		screen_note(e, IPC_DEED_MALFORMED);
		if (!msg->is_request || !msg->answerable || msg->method == SIP_METHOD_ACK)
			return FATE_PARSE;
		e->stats.requests_in++;
		build_stateless(e, msg, msg->status, SPAN_NONE, NULL);
		return FATE_TAKEN;
	}
	fate = msg->is_request ? on_request(e, msg) : on_response(e, msg);
	input_end(e);
	return fate;
}

/* ---- the control plane ---- */

static void on_calls_ask(struct engine *e, const struct ipc_list_ask *ask)
{
	struct ipc_list_end end = {.list_id = ask->list_id};
	uint64_t at = ask->cursor, bound = slab_bound(e->calls);
	struct cursor *out;

	for (; at < bound && end.rows < ask->max && out_has_room(e); at++) {
		const struct sip_call *call = call_get(e, slab_handle_at(e->calls, (uint32_t)at));

		if (call == NULL || !(call->flags & CALL_DIALOG) || call->state == CALL_ENDED)
			continue;
		call_row(e, call, ask->list_id);
		end.rows++;
	}
	end.cursor = at < bound ? at : 0;
	out = out_start(e);
	put_bytes(out, &end, sizeof(end));
	out_report(e, IPC_LIST_END, out_finish(e));
}

static void on_record_acked(struct engine *e, uint64_t handle)
{
	struct sip_call *call = call_get(e, handle);

	if (call && !(call->flags & CALL_TELLS_ANSWER))
		call_drop_report(e, call);
}

static void send_failed(struct engine *e, uint64_t token)
{
	struct sip_txn *txn = txn_get(e, token);

	e->stats.sends_failed++;
	if (txn)
		txn_unsent(e, txn);
}

void engine_send_blocked(struct engine *e, const struct engine_action *action)
{
	send_failed(e, action->token);
}

void engine_frame(struct engine *e, uint64_t now_ns, uint16_t type, const void *frame, uint32_t len)
{
	struct sip_call *call;

	input_start(e, now_ns);
	switch (type) {
	case IPC_VERDICT:
		call = call_get(e, ((const struct ipc_verdict *)frame)->ask_id);
		if (call && call_awaits_verdict(call))
			b2bua_verdict(e, call, span_of(frame, len));
		else
			e->stats.verdicts_stale++;
		break;
	case IPC_CALL_END_ACK:
		on_record_acked(e, ((const struct ipc_call_end_ack *)frame)->call);
		break;
	case IPC_HANGUP:
		call = call_get(e, ((const struct ipc_hangup *)frame)->call);
		/* Operators see calls; a subscription ends by itself. */
		if (call && !(call->flags & CALL_SUBSCRIPTION))
			b2bua_end(e, call, 480, IPC_BY_OPERATOR);
		break;
	case IPC_SETTINGS:
		overload_settings(e, frame);
		break;
	case IPC_PROBE:
		probe_start(e, frame);
		break;
	case IPC_SOURCES_ASK:
		screen_list(e, frame);
		break;
	case IPC_CREDENTIALS:
		challenge_take(e, frame);
		break;
	case IPC_SIP_FAIL:
		send_failed(e, ((const struct ipc_sip_fail *)frame)->token);
		break;
	case IPC_CALLS_ASK:
		on_calls_ask(e, frame);
		break;
	default:
		screen_frame(e, type, frame);
		break;
	}
	input_end(e);
}

void engine_owner_message(struct engine *e, uint64_t now_ns, struct span bytes)
{
	input_start(e, now_ns);
	owner_take(e, bytes);
	input_end(e);
}

/* A new control plane knows nothing: parked requests are asked again and unacknowledged records
 * sent again. By timers, so that many of them do not have to fit into one list of actions. */
void engine_link(struct engine *e, uint64_t now_ns, bool up)
{
	input_start(e, now_ns);
	e->link_up = up;
	probe_forget_all(e);
	for (uint32_t i = 0; up && i < slab_bound(e->calls); i++) {
		struct sip_call *call = call_get(e, slab_handle_at(e->calls, i));

		if (call == NULL)
			continue;
		if (call->state == CALL_ENDED && call->report != HANDLE_NONE) {
			call->flags |= CALL_REPORT_DUE;
			call_set_timer(e, call, now_ns);
		} else if (call_awaits_verdict(call)) {
			call->flags |= CALL_ASK_DUE;
			call_set_timer(e, call, now_ns);
		}
	}
}

void engine_report_blocked(struct engine *e, const struct engine_action *action)
{
	struct sip_call *call;
	struct sip_txn *txn;
	uint64_t handle;

	e->stats.reports_blocked++;
	/* All begin with a handle: the call's, or the transaction's. */
	if (action->bytes.len >= sizeof(handle) && action->type == IPC_CHALLENGE) {
		memcpy(&handle, action->bytes.ptr, sizeof(handle));
		txn = txn_get(e, handle);
		if (txn && txn->parked)
			txn_set_timeout(e, txn, e->now_ns);
		return;
	}
	if (action->bytes.len < sizeof(handle) ||
	    (action->type != IPC_ASK && action->type != IPC_CALL_END &&
	     action->type != IPC_ANSWER))
		return;
	memcpy(&handle, action->bytes.ptr, sizeof(handle));
	call = call_get(e, handle);
	if (call == NULL || (action->type == IPC_ANSWER && call->report == HANDLE_NONE)) {
		if (action->type == IPC_ANSWER)
			e->stats.answers_lost++; /* there was no memory to keep it */
		return;
	}
	call->flags |= action->type == IPC_ASK ? CALL_ASK_DUE : CALL_REPORT_DUE;
	call_set_timer(e, call, e->now_ns + REPORT_AGAIN_MS * NS_PER_MS);
}

/* ---- time ---- */

static void on_txn_timer(struct engine *e, uint32_t index)
{
	struct sip_txn *txn = txn_get(e, slab_handle_at(e->txns, index));
	enum txn_event event;

	if (txn == NULL)
		return;
	if (txn->parked && e->now_ns >= txn->timeout_ns) {
		challenge_give_up(e, txn);
		return;
	}
	event = txn_on_timer(e, txn);
	if (event == TXN_EVENT_TIMEOUT && txn->kind == TXN_CLIENT_INVITE &&
	    txn->state == TXN_PROCEEDING && txn->cancel == HANDLE_NONE && b2bua_give_up(e, txn))
		return; /* timer C: cancelled first, over when that is answered or not in time */
	if (event == TXN_EVENT_TRYING) {
		dialog_answer(e, txn, 100, SPAN_NONE);
	} else if (event == TXN_EVENT_NO_ACK) {
		b2bua_no_ack(e, txn);
		txn_free(e, txn);
	} else {
		on_event(e, txn, event, NULL);
	}
}

bool engine_tick(struct engine *e, uint64_t now_ns)
{
	uint32_t timer;

	input_start(e, now_ns);
	if (quality_has_news(e))
		quality_tell(e);
	while (out_has_room(e)) {
		if (wheel_expire(e->wheel, now_ns, &timer, 1) == 0)
			return false;
		if (timer >= e->txn_timers) {
			on_txn_timer(e, timer - e->txn_timers);
		} else {
			struct sip_call *call = call_get(e, slab_handle_at(e->calls, timer));

			if (call)
				b2bua_call_timer(e, call);
		}
		input_end(e);
	}
	return true;
}

uint64_t engine_next_ns(const struct engine *engine)
{
	return wheel_next_ns(engine->wheel);
}

bool engine_has_news(struct engine *engine, uint64_t now_ns)
{
	engine->now_ns = now_ns > engine->now_ns ? now_ns : engine->now_ns;
	return quality_has_news(engine);
}

/* ---- output ---- */

unsigned engine_actions(const struct engine *engine, const struct engine_action **actions)
{
	*actions = engine->actions;
	return engine->nactions;
}

void engine_stats(const struct engine *engine, struct engine_stats *stats)
{
	*stats = engine->stats;
	stats->calls = slab_used(engine->calls);
	stats->legs = slab_used(engine->legs);
	stats->txns = slab_used(engine->txns);
	stats->timers = wheel_armed(engine->wheel);
	stats->tables = engine->guard.stats.tables;
	stats->tables_bad = engine->guard.stats.tables_bad;
	stats->sources_set = engine->guard.stats.sources_set;
	stats->sources_unset = engine->guard.stats.sources_unset;
	stats->sources_full = engine->guard.stats.sources_full;
	stats->requests_unknown = engine->guard.stats.requests_unknown;
	stats->requests_known = engine->guard.stats.requests_known;
	stats->agents = engine->guard.stats.agents;
	stats->suspects = engine->guard.stats.suspects;
}
