/* SPDX-License-Identifier: BSD-3-Clause */
/* Subscriptions: dialogs that a SUBSCRIBE (RFC 6665) or a REFER outside a dialog (RFC 3515) makes.
 * Side A subscribes, side B notifies. A subscription has no media and may end without a word: it
 * lives as long as it was granted and refreshed, and a grace. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#define DEFAULT_S 3600u	   /* where nobody says how long */
#define LONGEST_S 1209600u /* two weeks: IMS subscribes for one */

bool subscription_begins(const struct sip_msg *msg)
{
	return msg->method == SIP_METHOD_SUBSCRIBE || msg->method == SIP_METHOD_REFER;
}

bool subscription_awaits(const struct engine *e, const struct sip_leg *leg,
			 const struct sip_msg *msg)
{
	const struct sip_call *call = call_get(e, leg->call);

	return call && (call->flags & CALL_SUBSCRIPTION) && msg->method == SIP_METHOD_NOTIFY &&
	       leg->side == SIDE_B && leg->state == LEG_NEW && call->leg[SIDE_B] == leg->self &&
	       call->state != CALL_ENDED;
}

/* The answer that makes it waits for its own timer until it is there. */
static void arm(struct engine *e, struct sip_call *call)
{
	if (call->state == CALL_ANSWERED)
		call_set_timer(e, call, call->lives_until_ns);
}

/* What lasts `s` seconds is forgotten when the last messages about it cannot come any more. */
static void live_for(struct engine *e, struct sip_call *call, uint64_t s)
{
	if (s > LONGEST_S)
		s = LONGEST_S;
	call->lives_until_ns = e->now_ns + s * NS_PER_S + TIMEOUT_MS * NS_PER_MS;
	arm(e, call);
}

static bool read_expires(const struct sip_msg *msg, uint64_t *expires)
{
	return sip_number_parse(sip_hdr_value(msg, SIP_HDR_EXPIRES), UINT32_MAX, expires) == 0;
}

static void end(struct engine *e, struct sip_call *call, enum ipc_ended_by by)
{
	call_finish(e, call, 200, by);
}

/* The dialog is there: by a NOTIFY or by the answer, whichever comes first (RFC 6665
 * section 4.4.1). */
static void join(struct engine *e, struct sip_call *call, struct sip_leg *a, struct sip_leg *b)
{
	a->state = LEG_CONFIRMED;
	b->state = LEG_CONFIRMED;
	call->flags |= CALL_SUBSCRIBED;
	e->stats.subscriptions++;
}

/* How long the answer to the first request grants. */
static uint64_t granted(struct engine *e, const struct sip_call *call, const struct sip_msg *msg)
{
	struct span request = blob_span(&e->blobs, call->request);
	uint64_t expires;

	if (read_expires(msg, &expires))
		return expires;
	if (msg->method == SIP_METHOD_REFER)
		return 0; /* its NOTIFY comes at once, and says */
	if (sip_parse(&e->again, request.ptr, request.len, SIP_DATAGRAM) == SIP_PARSE_OK &&
	    read_expires(&e->again, &expires))
		return expires;
	return DEFAULT_S;
}

static bool is_answered(const struct engine *e, const struct sip_call *call)
{
	const struct sip_txn *first = txn_get(e, call->invite);

	return first == NULL || first->status >= 200;
}

void subscription_answered(struct engine *e, struct sip_call *call, struct sip_leg *leg,
			   struct sip_txn *server, const struct sip_msg *msg)
{
	struct sip_leg *a = leg_get(e, leg->peer);
	uint64_t until = call->lives_until_ns;

	if (a == NULL || (leg->state == LEG_NEW && !leg_learn_response(e, leg, msg))) {
		b2bua_refuse(e, call, 500, SPAN_NONE, IPC_BY_LIMEN);
		return;
	}
	if (leg->state == LEG_NEW)
		join(e, call, a, leg);
	call->state = CALL_ANSWERED;
	live_for(e, call, granted(e, call, msg));
	/* A NOTIFY that came before may know better. */
	if (call->flags & CALL_TERMINATED || call->lives_until_ns < until)
		call->lives_until_ns = until;
	arm(e, call);
	if (!dialog_relay_response(e, call, server, leg, msg->status, msg) &&
	    server->status < 200) {
		b2bua_refuse(e, call, 500, SPAN_NONE, IPC_BY_LIMEN);
		return;
	}
	call_drop_request(e, call);
}

bool subscription_goes_on(struct engine *e, struct sip_call *call)
{
	if (!(call->flags & CALL_SUBSCRIBED))
		return false;
	call->state = CALL_ANSWERED;
	arm(e, call);
	return true;
}

/* ---- requests inside it ---- */

/* Whether a refresh names a REFER by a number of its own leg (RFC 3515 section 2.4.6). */
static bool names_refer(const struct sip_leg *peer, const struct sip_msg *msg)
{
	struct span event = sip_hdr_value(msg, SIP_HDR_EVENT), id;
	const char *semi = event.len ? memchr(event.ptr, ';', event.len) : NULL;

	return peer->refer_sent && semi &&
	       sip_param_find(span_of(semi, event.len - (size_t)(semi - event.ptr)), SPAN("id"),
			      &id);
}

static uint16_t refusal(const struct engine *e, const struct sip_call *call,
			const struct sip_leg *leg, const struct sip_leg *peer,
			const struct sip_msg *msg)
{
	bool notify = msg->method == SIP_METHOD_NOTIFY;

	if (call->state == CALL_ENDED || (call->flags & CALL_TERMINATED) || peer == NULL ||
	    msg->method == SIP_METHOD_BYE)
		return 481;
	if (!notify && msg->method != SIP_METHOD_SUBSCRIBE)
		return 405;
	/* Who subscribed is notified, and not the other way round. */
	if (call->leg[leg->side] != leg->self || notify != (leg->side == SIDE_B))
		return 481;
	if (notify && leg->refer_sent)
		return refer_refuses(e, leg, msg);
	if (!notify && (peer->state != LEG_CONFIRMED || names_refer(peer, msg)))
		return 481;
	if (body_kind(msg) == BODY_REFUSED)
		return 415;
	return msg->max_forwards == 0 ? 483 : 0;
}

/* What a NOTIFY says of the subscription's life (RFC 6665 section 4.1.3). */
static void take_state(struct engine *e, struct sip_call *call, const struct sip_msg *msg)
{
	struct span value = sip_hdr_value(msg, SIP_HDR_SUBSCRIPTION_STATE), params = SPAN_NONE,
		    expires;
	size_t len = 0;
	uint64_t s;

	while (len < value.len && value.ptr[len] != ';')
		len++;
	if (len < value.len)
		params = span_of(value.ptr + len, value.len - len);
	if (span_ieq(span_trim(span_of(value.ptr, len)), SPAN("terminated"))) {
		call->flags |= CALL_TERMINATED;
		live_for(e, call, 0);
	} else if (sip_param_find(params, SPAN("expires"), &expires) &&
		   sip_number_parse(expires, UINT32_MAX, &s) == 0) {
		live_for(e, call, s);
	} else if (call->state != CALL_ANSWERED && call->lives_until_ns == 0) {
		live_for(e, call, DEFAULT_S);
	}
}

/* The leg learns its peer from the first NOTIFY. */
static bool learn(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		  struct sip_leg *peer, const struct sip_msg *msg)
{
	if (leg->state != LEG_NEW) {
		leg_refresh_target(e, leg, msg);
		return true;
	}
	if (!leg_learn_request(e, leg, msg))
		return false;
	join(e, call, peer, leg);
	return true;
}

void subscription_request(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, leg->call);
	struct sip_leg *peer = leg_get(e, leg->peer);
	struct sip_txn *server = dialog_accept(e, leg, msg);
	uint16_t status;

	if (server == NULL)
		return;
	status = refusal(e, call, leg, peer, msg);
	if (status) {
		dialog_refuse(e, server, status);
		return;
	}
	if (dialog_refuses_options(e, server, msg))
		return;
	if (!learn(e, call, leg, peer, msg)) {
		dialog_refuse(e, server, 500);
		return;
	}
	if (msg->method == SIP_METHOD_NOTIFY)
		take_state(e, call, msg);
	if (msg->method == SIP_METHOD_NOTIFY && leg->refer_sent)
		refer_request(e, call, leg, server, msg);
	else
		dialog_relay_request(e, call, leg, peer, server, msg);
}

/* ---- their answers ---- */

static bool is_challenge(const struct sip_msg *msg)
{
	return msg && (msg->status == 401 || msg->status == 407);
}

/* What an answer to a NOTIFY (of A) or to a refresh (of B) means for the subscription. */
static void take_answer(struct engine *e, struct sip_call *call, const struct sip_txn *txn,
			const struct sip_msg *msg)
{
	uint64_t expires;

	if (call->state == CALL_ENDED)
		return;
	if (msg && msg->status == 481) {
		end(e, call, txn->method == SIP_METHOD_NOTIFY ? IPC_BY_CALLER : IPC_BY_CALLEE);
		return;
	}
	if (txn->method == SIP_METHOD_NOTIFY) {
		/* Its last one, unless it has to come once more. */
		if ((call->flags & CALL_TERMINATED) && !is_challenge(msg) && is_answered(e, call))
			end(e, call, IPC_BY_CALLEE);
		return;
	}
	if (msg && msg->status < 300 && !(call->flags & CALL_TERMINATED) &&
	    read_expires(msg, &expires))
		live_for(e, call, expires);
}

void subscription_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
			    const struct sip_msg *msg)
{
	struct sip_txn *server = txn_get(e, txn->peer);
	struct sip_leg *leg = leg_get(e, txn->leg);
	struct sip_call *call = call_get(e, txn->call);

	if (leg == NULL || call == NULL || event == TXN_EVENT_PROVISIONAL)
		return;
	if (event == TXN_EVENT_SUCCESS)
		leg_refresh_target(e, leg, msg);
	if (server && server->status < 200) {
		if (msg == NULL || msg->status == 408)
			dialog_no_answer(e, server, txn->status);
		else if (!dialog_relay_response(e, call, server, leg,
						dialog_told_status(e, call, server, leg, msg),
						msg) &&
			 server->status < 200)
			dialog_answer(e, server, 500, SPAN_NONE);
	}
	take_answer(e, call, txn, msg);
}

void subscription_on_timer(struct engine *e, struct sip_call *call)
{
	e->stats.subscriptions_expired += !(call->flags & CALL_TERMINATED);
	end(e, call, IPC_BY_SIP_TIMEOUT);
}
