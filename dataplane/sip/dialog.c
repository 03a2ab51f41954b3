/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside a dialog: requests of one leg are relayed to the other (RFC 3261 section 12.2), answers go
 * back. The worker does all of this alone, whether or not there is a control plane. One worker
 * thread; libc only. */
#include "dataplane/sip/core.h"

#include <errno.h>

/* The phrase that policy wants with a status of its own. */
static struct span policy_phrase(const struct engine *e, const struct sip_leg *leg, uint16_t status)
{
	const struct sip_call *call = leg ? call_get(e, leg->call) : NULL;
	const struct ipc_verdict *verdict = call ? call_verdict(e, call) : NULL;

	return verdict && verdict->status == status ? ipc_verdict_reason(verdict) : SPAN_NONE;
}

void dialog_answer(struct engine *e, struct sip_txn *txn, uint16_t status, struct span extra)
{
	struct sip_leg *leg = leg_get(e, txn->leg);
	struct answer told = answer_told(e, NULL, leg, status);
	struct build_response res = {.txn = txn,
				     .status = told.status,
				     .leg = leg,
				     .phrase = told.phrase.len ? told.phrase
							       : policy_phrase(e, leg, status),
				     .reason = told.reason,
				     .extra = extra};
	struct cursor *out = out_start(e);

	build_response(e, out, &res);
	txn_respond(e, txn, told.status, out_finish(e));
}

/* A time as section 20.38 writes it, without the delay of a hop before: 0 where it is none. */
static size_t timestamp_len(struct span value)
{
	size_t len = 0;
	bool dot = false;

	for (; len < value.len; len++) {
		if (value.ptr[len] == '.' && !dot && len)
			dot = true;
		else if (value.ptr[len] < '0' || value.ptr[len] > '9')
			break;
	}
	return len < 32 ? len : 0;
}

/* It goes out at once: there is no delay to add. */
void dialog_trying(struct engine *e, struct sip_txn *txn, const struct sip_msg *msg)
{
	struct span value = sip_hdr_value(msg, SIP_HDR_TIMESTAMP);
	char buf[64];
	struct cursor line = cursor_on(buf, sizeof(buf));
	size_t len = timestamp_len(value);

	if (len)
		put_header(&line, SPAN("Timestamp"), span_of(value.ptr, len), false);
	dialog_answer(e, txn, 100, cursor_span(&line));
}

static void answer_retry_after(struct engine *e, struct sip_txn *txn, uint16_t status)
{
	char buf[32];
	struct cursor line = cursor_on(buf, sizeof(buf));

	put_lit(&line, "Retry-After: ");
	put_u64(&line, engine_random(e) % 11); /* section 14.2: 0 to 10 s */
	put_lit(&line, "\r\n");
	dialog_answer(e, txn, status, cursor_span(&line));
}

/* ---- BYE and ACK ---- */

void dialog_send_ack(struct engine *e, struct sip_leg *leg, const struct sip_msg *src,
		     const struct body *body)
{
	struct sip_txn *invite = txn_get(e, leg->invite_client);
	struct sip_call *call = call_get(e, leg->call);
	char branch[COOKIE_CHARS];
	struct cursor text = cursor_on(branch, sizeof(branch));
	struct build_request req = {
		.leg = leg,
		.method = SIP_METHOD_ACK,
		.src = src,
		.body = body ? *body : (struct body){.bytes = SPAN_NONE},
		.max_forwards = 70,
	};
	struct cursor *out;

	if (invite == NULL || invite->state != TXN_ACCEPTED || (invite->flags & TXN_ACKED))
		return;
	cookie_put_random(&text, engine_random(e), engine_random(e));
	req.branch = cursor_span(&text);
	req.cseq = invite->cseq;
	req.extra = challenge_lines(e, invite); /* section 22.1 */
	req.plan = src && call ? call_plan(e, call) : SPAN_NONE;
	invite->dst = leg_next_hop(e, leg);
	out = out_start(e);
	build_request(e, out, &req);
	txn_keep_ack(e, invite, out_finish(e));
}

void dialog_ack_fork(struct engine *e, struct sip_leg *fork, struct sip_txn *invite)
{
	char branch[COOKIE_CHARS];
	struct cursor text = cursor_on(branch, sizeof(branch));
	struct build_request req = {
		.leg = fork, .method = SIP_METHOD_ACK, .cseq = invite->cseq, .max_forwards = 70};
	struct net_endpoint dst = leg_next_hop(e, fork);
	struct cursor *out;
	struct span bytes;

	cookie_put_random(&text, engine_random(e), engine_random(e));
	req.branch = cursor_span(&text);
	out = out_start(e);
	build_request(e, out, &req);
	bytes = out_finish(e);
	out_send_flow(e, fork->realm, fork->transport, &dst, fork->flow, 0, bytes);
	/* What fork_late_answer goes by, as long as nobody has won. */
	if (invite->ack == HANDLE_NONE && bytes.len)
		invite->ack = blob_copy(&e->blobs, bytes);
}

/* Whether limen still waits for the peer's ACK of a 2xx on this leg. */
static bool ack_is_missing(const struct engine *e, const struct sip_leg *leg)
{
	struct sip_txn *invite = txn_get(e, leg->invite_server);

	return invite && invite->state == TXN_ACCEPTED && !(invite->flags & TXN_ACKED);
}

static void send_bye(struct engine *e, struct sip_leg *leg, const struct sip_msg *src,
		     struct span reason)
{
	struct sip_call *call = call_get(e, leg->call);
	struct build_request req = {
		.leg = leg,
		.method = SIP_METHOD_BYE,
		.src = src,
		.plan = src && call ? call_plan(e, call) : SPAN_NONE,
		.extra = reason,
		.max_forwards = 70,
	};
	struct sip_txn *txn;
	struct cursor *out;

	if (leg->state == LEG_OVER || call == NULL)
		return;
	if (ack_is_missing(e, leg)) {
		leg->flags |= LEG_BYE_WAITS;
		return;
	}
	dialog_send_ack(e, leg, NULL, NULL); /* where a 2xx still waits for it */
	transfer_before_bye(e, leg);
	leg->state = LEG_OVER;
	leg->flags &= (uint8_t)~LEG_BYE_WAITS;
	txn = txn_client_new(e, SIP_METHOD_BYE, call, leg);
	if (txn == NULL)
		return;
	txn->cseq = req.cseq = ++leg->local_cseq;
	txn->dst = leg_next_hop(e, leg);
	req.txn = txn->self;
	out = out_start(e);
	build_request(e, out, &req);
	txn_client_send(e, txn, out_finish(e));
}

void dialog_bye_because(struct engine *e, struct sip_leg *leg, struct span reason)
{
	send_bye(e, leg, NULL, reason);
}

void dialog_bye(struct engine *e, struct sip_leg *leg, const struct sip_msg *src)
{
	const struct sip_call *call = call_get(e, leg->call);

	send_bye(e, leg, src, src || call == NULL ? SPAN_NONE : reason_of_end(call->ended_by));
}

void dialog_end_pending(struct engine *e, struct sip_call *call)
{
	struct sip_leg *leg;

	for (uint64_t at = call->first_leg; (leg = leg_get(e, at)) != NULL; at = leg->next) {
		struct sip_txn *server = txn_get(e, leg->invite_server),
			       *client = txn_get(e, leg->invite_client);

		if (server && server->self != call->invite && server->status < 200)
			dialog_answer(e, server, 487, SPAN_NONE);
		if (client && client->flags & TXN_TIMER_C)
			txn_bound(e, client);
	}
}

void dialog_ack(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, leg->invite_server);
	struct sip_leg *peer = leg_get(e, leg->peer);
	struct sip_call *call = call_get(e, leg->call);
	struct body body;
	const char *why;
	int error = 0;

	if (invite == NULL || call == NULL || invite->cseq != msg->cseq || !ack_is_missing(e, leg))
		return;
	txn_acked(e, invite);
	if (peer && call->state == CALL_ANSWERED) {
		/* An answer in the ACK belongs to an offer in the 2xx (RFC 3264, late offer). */
		error = body_relay(e, call, leg, peer, msg, !(invite->flags & TXN_HAS_OFFER), &body,
				   &why);
		dialog_send_ack(e, peer, msg, &body);
		/* An offer in the 2xx that got no answer here never will. */
		if (peer->flags & LEG_OFFER_RESPONDS)
			body_forget_offer(e, peer);
	}
	/* There is no answer to an ACK: keys that do not fit what was offered end the call. */
	if (error == -EPROTO) {
		b2bua_end(e, call, 488, IPC_BY_LIMEN);
		return;
	}
	if (leg->flags & LEG_BYE_WAITS)
		dialog_bye(e, leg, NULL);
}

/* ---- requests ---- */

/* Whether a re-INVITE to a leg is open: one that is relayed, a refresh, or where limen joins the
 * two of a transfer. */
static bool reinvite_is_open(const struct engine *e, const struct sip_leg *leg)
{
	const struct sip_txn *ours = txn_get(e, leg->invite_client);

	return leg->state == LEG_CONFIRMED && ours &&
	       (ours->state == TXN_TRYING || ours->state == TXN_PROCEEDING);
}

/* Whether the answer to an offer in a 2xx may still come, in its ACK. */
static bool late_answer_is_due(const struct engine *e, const struct sip_leg *leg)
{
	const struct sip_txn *invite = txn_get(e, leg->invite_server);

	return ack_is_missing(e, leg) && !(invite->flags & TXN_HAS_OFFER);
}

/* The status for an offer while another one is open (RFC 3261 section 14.2, RFC 3311 section 5.2),
 * or 0. */
static uint16_t refuse_offer(const struct engine *e, const struct sip_leg *leg,
			     const struct sip_leg *peer, const struct sip_msg *msg)
{
	bool update = msg->method == SIP_METHOD_UPDATE && body_kind(msg) == BODY_SDP;

	if (msg->method != SIP_METHOD_INVITE && !update)
		return 0;
	if (peer->offer != HANDLE_NONE)
		return 491;
	if (!update)
		return 0;
	if (leg->offer != HANDLE_NONE)
		return 500; /* its own, to be answered first: with Retry-After */
	/* Of this leg's own: the ACK with its answer was lost, and would undo what comes here. */
	if (reinvite_is_open(e, leg) || reinvite_is_open(e, peer) || late_answer_is_due(e, leg) ||
	    late_answer_is_due(e, peer))
		return 491;
	return 0;
}

/* A status that refuses the request where it stands, or 0. */
static uint16_t refuse_in_dialog(const struct engine *e, const struct sip_leg *leg,
				 const struct sip_leg *peer, const struct sip_call *call,
				 const struct sip_msg *msg)
{
	struct sip_txn *theirs, *ours, *far;

	/* Its partner is being replaced: the dialog lives, what is asked has to wait. */
	if (call->transfer != HANDLE_NONE && leg->state == LEG_CONFIRMED && peer &&
	    peer->state == LEG_OVER)
		return msg->method == SIP_METHOD_INVITE || msg->method == SIP_METHOD_UPDATE ? 491
											    : 500;
	if (call->state == CALL_ENDED || leg->state == LEG_OVER || peer == NULL ||
	    peer->state == LEG_OVER || peer->state == LEG_NEW)
		return 481;
	switch (msg->method) {
	case SIP_METHOD_INVITE:
	case SIP_METHOD_UPDATE:
	case SIP_METHOD_INFO:
	case SIP_METHOD_PRACK:
	case SIP_METHOD_MESSAGE:
	case SIP_METHOD_OPTIONS:
		break;
	case SIP_METHOD_REFER:
	case SIP_METHOD_NOTIFY:
		return refer_refuses(e, leg, msg);
	default:
		return 405;
	}
	if (body_kind(msg) == BODY_REFUSED)
		return 415;
	if (msg->max_forwards == 0)
		return 483;
	if (msg->method == SIP_METHOD_INVITE) {
		theirs = txn_get(e, leg->invite_server);
		ours = txn_get(e, leg->invite_client);
		if (theirs && theirs->status < 200)
			return 500; /* section 14.2: one at a time, with Retry-After */
		if (ours && (ours->state == TXN_TRYING || ours->state == TXN_PROCEEDING))
			return 491; /* glare */
		if (ack_is_missing(e, leg) || ack_is_missing(e, peer))
			return 491;
		/* One that was cancelled here may still be open there: section 14.1 allows one at a
		 * time. */
		far = txn_get(e, peer->invite_client);
		if (far && (far->state == TXN_TRYING || far->state == TXN_PROCEEDING))
			return 491;
	}
	return refuse_offer(e, leg, peer, msg);
}

static void put_unknown_options(struct cursor *out, const struct sip_msg *msg, enum sip_hdr_id id)
{
	struct sip_values it = sip_values(msg, id);
	struct span value;

	while (sip_values_next(&it, &value)) {
		if (option_is_known(value))
			continue;
		put_span(out, out->len ? SPAN(", ") : SPAN("Unsupported: "));
		put_span(out, value);
	}
}

bool dialog_unsupported(struct cursor *out, const struct sip_msg *msg)
{
	put_unknown_options(out, msg, SIP_HDR_REQUIRE);
	put_unknown_options(out, msg, SIP_HDR_PROXY_REQUIRE);
	if (out->len == 0 && !out->full)
		return false;
	put_lit(out, "\r\n");
	return true;
}

void dialog_refuse(struct engine *e, struct sip_txn *txn, uint16_t status)
{
	switch (status) {
	case 405:
		dialog_answer(e, txn, status, build_allow());
		break;
	case 415:
		dialog_answer(e, txn, status,
			      txn->method == SIP_METHOD_NOTIFY
				      ? SPAN("Accept: message/sipfrag\r\n")
				      : body_accept());
		break;
	case 489:
		dialog_answer(e, txn, status, SPAN("Allow-Events: refer\r\n"));
		break;
	case 500:
		answer_retry_after(e, txn, status);
		break;
	default:
		dialog_answer(e, txn, status, SPAN_NONE);
		break;
	}
}

/* Whether a description in this request answers an offer: in PRACK where the INVITE had none (RFC
 * 3262 section 5). */
static bool request_answers(const struct engine *e, const struct sip_leg *leg,
			    const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, leg->invite_server);

	return msg->method == SIP_METHOD_PRACK && invite && !(invite->flags & TXN_HAS_OFFER);
}

void dialog_relay_request(struct engine *e, struct sip_call *call, struct sip_leg *leg,
			  struct sip_leg *peer, struct sip_txn *server, const struct sip_msg *msg)
{
	struct build_request req = {
		.leg = peer,
		.method = msg->method,
		.src = msg,
		.plan = call_plan(e, call),
		.max_forwards = (msg->max_forwards < 0 ? 70 : msg->max_forwards) - 1,
	};
	struct sip_txn *client;
	struct cursor *out;
	const char *why = NULL;
	int error = 0;

	error = body_relay(e, call, leg, peer, msg, request_answers(e, leg, msg), &req.body, &why);
	if (error) {
		dialog_refuse(e, server, body_error_status(error));
		return;
	}
	client = txn_client_new(e, msg->method, call, peer);
	if (client == NULL) {
		body_forget_offer(e, leg);
		answer_retry_after(e, server, 500);
		return;
	}
	client->cseq = req.cseq = ++peer->local_cseq;
	client->dst = leg_next_hop(e, peer);
	client->peer = server->self;
	server->peer = client->self;
	req.txn = client->self;
	if (msg->method == SIP_METHOD_INVITE) {
		client->flags |= TXN_TIMER_C;
		peer->flags &= (uint8_t)~LEG_RSEQ;
		leg->rseq = 0;
		peer->invite_client = client->self;
		peer->invite_cseq = req.cseq;
	}
	out = out_start(e);
	build_request(e, out, &req);
	if (!txn_client_send(e, client, out_finish(e))) {
		body_forget_offer(e, leg);
		answer_retry_after(e, server, 500);
		return;
	}
	txn_await(e, server);
}

struct sip_txn *dialog_accept(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_txn *server = txn_server_new(e, msg, call_get(e, leg->call), leg);

	if (server == NULL) {
		build_stateless(e, msg, 503, SPAN("Retry-After: 5\r\n"), NULL);
		return NULL;
	}
	if ((leg->flags & LEG_REMOTE_CSEQ) && msg->cseq <= leg->remote_cseq) {
		dialog_refuse(e, server, 500); /* section 12.2.2: out of order */
		return NULL;
	}
	leg->remote_cseq = msg->cseq;
	leg->flags |= LEG_REMOTE_CSEQ;
	return server;
}

bool dialog_refuses_options(struct engine *e, struct sip_txn *server, const struct sip_msg *msg)
{
	char buf[1024];
	struct cursor line = cursor_on(buf, sizeof(buf));

	if (!dialog_unsupported(&line, msg))
		return false;
	dialog_answer(e, server, 420, line.full ? SPAN_NONE : cursor_span(&line));
	return true;
}

void dialog_request(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, leg->call);
	struct sip_leg *peer = leg_get(e, leg->peer);
	struct sip_txn *server = dialog_accept(e, leg, msg);
	char buf[1024];
	struct cursor line = cursor_on(buf, sizeof(buf));
	uint16_t status;

	if (server == NULL)
		return;
	status = refuse_in_dialog(e, leg, peer, call, msg);
	if (status) {
		dialog_refuse(e, server, status);
		return;
	}
	if (dialog_refuses_options(e, server, msg))
		return;
	if (msg->method == SIP_METHOD_INVITE || msg->method == SIP_METHOD_UPDATE) {
		session_learn_request(leg, msg);
		status = session_refusal(leg, &line);
		if (status) {
			dialog_answer(e, server, status, cursor_span(&line));
			return;
		}
	}
	if (msg->method == SIP_METHOD_INVITE) {
		leg->invite_server = server->self;
		dialog_trying(e, server, msg);
	}
	if (msg->method == SIP_METHOD_INVITE || msg->method == SIP_METHOD_UPDATE)
		leg_refresh_target(e, leg, msg);
	if (session_answer_update(e, leg, server, msg))
		return;
	if (msg->method == SIP_METHOD_REFER || msg->method == SIP_METHOD_NOTIFY)
		refer_request(e, call, leg, server, msg);
	else
		dialog_relay_request(e, call, leg, peer, server, msg);
}

/* ---- answers ---- */

/* RSeq rises by one for the asker, whichever target or fork rings (RFC 3262 section 3). 0 for a
 * response without. */
static uint32_t relay_rseq(struct sip_leg *from, struct sip_leg *to, const struct sip_msg *msg)
{
	uint64_t rseq;

	if (msg == NULL || msg->status >= 200 ||
	    sip_number_parse(sip_hdr_value(msg, SIP_HDR_RSEQ), UINT32_MAX, &rseq))
		return 0;
	if (!(from->flags & LEG_RSEQ)) {
		from->rseq = to->rseq ? to->rseq + 1 - (uint32_t)rseq : 0;
		from->flags |= LEG_RSEQ;
	}
	rseq = (uint32_t)rseq + from->rseq;
	if ((uint32_t)rseq > to->rseq)
		to->rseq = (uint32_t)rseq;
	return (uint32_t)rseq;
}

void dialog_no_answer(struct engine *e, struct sip_txn *server, uint16_t status)
{
	if (status == 503 && e->now_ns < server->timeout_ns)
		dialog_answer(e, server, 480, SPAN_NONE); /* the dialog goes on (RFC 5057) */
	else if (server->kind == TXN_SERVER_INVITE)
		dialog_answer(e, server, 408, SPAN_NONE);
	else if (e->now_ns < server->timeout_ns)
		dialog_answer(e, server, 480, SPAN_NONE); /* in time, but not 408 */
	else
		txn_abandon(e, server);
}

/* Whether the plan lets a challenge of this answer cross. */
static bool challenge_passes(struct span plan, enum edit_direction direction,
			     const struct sip_msg *msg)
{
	static const uint8_t challenges[] = {SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_PROXY_AUTHENTICATE};
	struct span value;

	for (size_t i = 0; i < sizeof(challenges); i++) {
		if (msg->first[challenges[i]] != SIP_HDR_NONE &&
		    edit_plan_action(plan, direction, challenges[i], SPAN_NONE, &value) !=
			    EDIT_DROP)
			return true;
	}
	return false;
}

uint16_t dialog_told_status(struct engine *e, const struct sip_call *call,
			    const struct sip_txn *server, const struct sip_leg *from,
			    const struct sip_msg *msg)
{
	enum edit_direction direction = from->side == SIDE_A ? EDIT_TO_B : EDIT_TO_A;

	if ((msg->status == 401 || msg->status == 407) &&
	    !challenge_passes(call_plan(e, call), direction, msg)) {
		e->stats.challenges_dropped++;
		return 403;
	}
	return msg->status == 408 && server->kind == TXN_SERVER ? 480 : msg->status;
}

/* Forget the offer that a request of the leg made; one of another request may still be answered. */
static void forget_own_offer(struct engine *e, struct sip_leg *leg, const struct sip_txn *server)
{
	if (!(leg->flags & LEG_OFFER_RESPONDS) && leg->offer_cseq == server->cseq)
		body_forget_offer(e, leg);
}

/* Whether a later request of the asker offers something: then the answer to this INVITE's own offer
 * was given before, and a description in a response to it only says so once more (RFC 3261 section
 * 13.2.1). It is no answer to the newer one. */
static bool newer_offer_is_open(const struct sip_leg *asker, const struct sip_txn *server)
{
	return server->method == SIP_METHOD_INVITE && asker->offer != HANDLE_NONE &&
	       !(asker->flags & LEG_OFFER_RESPONDS) && asker->offer_cseq > server->cseq;
}

uint16_t dialog_relay_failure(const struct engine *e)
{
	return e->relay_error == -EPROTO ? 488 : 500;
}

bool dialog_relay_response(struct engine *e, struct sip_call *call, struct sip_txn *server,
			   struct sip_leg *from, uint16_t status, const struct sip_msg *msg)
{
	return dialog_relay_with(e, call, server, from, status, msg, SPAN_NONE);
}

bool dialog_relay_with(struct engine *e, struct sip_call *call, struct sip_txn *server,
		       struct sip_leg *from, uint16_t status, const struct sip_msg *msg,
		       struct span extra)
{
	struct sip_leg *to = leg_get(e, from->peer);
	struct build_response res = {
		.txn = server, .leg = to, .src = msg, .plan = call_plan(e, call), .extra = extra};
	struct answer told;
	struct cursor *out;
	const char *why;

	e->relay_error = 0;
	if (to == NULL)
		return false;
	told = answer_told(e, msg && msg->status == status ? from : NULL, to, status);
	status = res.status = told.status;
	res.phrase = told.phrase;
	res.reason = told.reason;
	res.rseq = relay_rseq(from, to, msg);
	if (msg && !newer_offer_is_open(to, server))
		e->relay_error = body_relay(e, call, from, to, msg, server->flags & TXN_HAS_OFFER,
					    &res.body, &why);
	if (e->relay_error)
		return false;
	out = out_start(e);
	build_response(e, out, &res);
	if (!txn_respond(e, server, status, out_finish(e)))
		return false;
	if (msg && status >= 200 && status < 300 &&
	    (server->method == SIP_METHOD_INVITE || server->method == SIP_METHOD_UPDATE)) {
		forget_own_offer(e, to, server); /* where the answer did not come */
		session_got_2xx(e, from, msg);
		session_sent_2xx(e, to);
	}
	return true;
}

/* A request failed: the offer in it, or in a response to it, will not be answered. */
static void forget_offers(struct engine *e, const struct sip_txn *server, struct sip_leg *asker,
			  struct sip_leg *leg)
{
	if (asker)
		forget_own_offer(e, asker, server);
	if (server->method == SIP_METHOD_INVITE && leg->flags & LEG_OFFER_RESPONDS)
		body_forget_offer(e, leg);
}

void dialog_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		      const struct sip_msg *msg)
{
	struct sip_txn *server = txn_get(e, txn->peer);
	struct sip_leg *leg = leg_get(e, txn->leg), *peer;
	struct sip_call *call = call_get(e, txn->call);

	if (server == NULL || leg == NULL || call == NULL || server->status >= 200) {
		/* BYE, CANCEL, or one whose asker was answered already. */
		if (event == TXN_EVENT_SUCCESS && txn->kind == TXN_CLIENT_INVITE && leg)
			dialog_send_ack(e, leg, NULL, NULL);
		if (txn->method == SIP_METHOD_NOTIFY && event != TXN_EVENT_SUCCESS &&
		    event != TXN_EVENT_PROVISIONAL && leg)
			transfer_on_notified(e, leg);
		return;
	}
	peer = leg_get(e, server->leg);
	/* The leg went to another call meanwhile: its answer is not for who is there now. */
	if (event != TXN_EVENT_PROVISIONAL && leg->peer != server->leg) {
		dialog_answer(e, server, 500, SPAN_NONE);
		return;
	}
	switch (event) {
	case TXN_EVENT_PROVISIONAL:
		if (server->kind == TXN_SERVER_INVITE && msg->status > 100)
			dialog_relay_response(e, call, server, leg, msg->status, msg);
		return;
	case TXN_EVENT_SUCCESS:
		if (txn->method == SIP_METHOD_INVITE || txn->method == SIP_METHOD_UPDATE)
			leg_refresh_target(e, leg, msg);
		if (call->state == CALL_ENDED) {
			dialog_send_ack(e, leg, NULL, NULL);
			dialog_answer(e, server, 481, SPAN_NONE);
		} else if (!dialog_relay_response(e, call, server, leg, msg->status, msg)) {
			dialog_send_ack(e, leg, NULL, NULL);
			forget_offers(e, server, peer, leg);
			if (server->status < 200)
				dialog_answer(e, server, dialog_relay_failure(e), SPAN_NONE);
		}
		break;
	default:
		forget_offers(e, server, peer, leg);
		if (msg == NULL || (msg->status == 408 && server->kind == TXN_SERVER))
			dialog_no_answer(e, server, txn->status);
		else if (msg->status == 422) /* between limen and that side */
			dialog_answer(e, server, 500, SPAN_NONE);
		else if (!dialog_relay_response(e, call, server, leg,
						dialog_told_status(e, call, server, leg, msg),
						msg) &&
			 server->status < 200)
			dialog_answer(e, server, 500, SPAN_NONE);
		break;
	}
}
