/* SPDX-License-Identifier: BSD-3-Clause */
/* What the target answers to a request outside a dialog: joined to the leg that asked, or refused
 * there as here. One worker thread; libc only. */
#include "dataplane/sip/core.h"

/* The side B leg that a response is of: `leg` itself, or a fork of it that is found, or made now.
 * NULL for one fork too many. */
static struct sip_leg *answering_leg(struct engine *e, struct sip_leg *leg,
				     const struct sip_msg *msg)
{
	struct span tag = sip_span(msg, msg->to_tag);
	struct sip_leg *fork;

	if (tag.len == 0)
		return leg;
	/* The first tag that comes is the first leg's. */
	if (leg->state == LEG_NEW)
		return leg_learn_response(e, leg, msg) ? leg : NULL;
	fork = fork_find(e, leg, tag);
	if (fork == NULL)
		return fork_new(e, leg, msg);
	if (fork->state == LEG_EARLY)
		leg_learn_response(e, fork, msg);
	return fork;
}

/* A positive answer that came too late, or of a fork that lost: acknowledge and end that dialog
 * (section 13.2.2.4). */
static void refuse_answer(struct engine *e, struct sip_leg *leg, struct sip_txn *invite,
			  const struct sip_msg *msg)
{
	struct sip_leg *fork = answering_leg(e, leg, msg);
	const struct sip_call *call = call_get(e, leg->call);
	struct span reason;

	if (fork == NULL || call == NULL)
		return;
	reason = call->answered_ns ? reason_of_loser(call) : reason_of_end(call->ended_by);
	if (fork == leg && (invite->flags & TXN_ACKED)) {
		txn_resend_ack(e, invite); /* the answer that counts, once more */
		return;
	}
	if (fork == leg && fork->state < LEG_CONFIRMED) {
		leg->state = LEG_CONFIRMED;
		dialog_bye_because(e, leg, reason);
		return;
	}
	if (fork == leg && fork->state == LEG_CONFIRMED)
		return; /* its ACK is still to come from A */
	/* The transaction keeps one ACK, the winner's; a loser's is made again for each
	 * repetition. */
	dialog_ack_fork(e, fork, invite);
	if (fork->state == LEG_OVER)
		return;
	fork->state = LEG_CONFIRMED;
	fork->invite_client = HANDLE_NONE;
	invite->lost_fork = fork_tag_hash(e, msg);
	dialog_bye_because(e, fork, reason);
}

static void on_provisional(struct engine *e, struct sip_call *call, struct sip_leg *leg,
			   struct sip_txn *client, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	bool own = call->flags & CALL_OWN_INVITE;
	struct sip_leg *fork, *a;

	b2bua_heard(e, call, leg);
	if (client->flags & TXN_CANCEL_WANTED) {
		client->flags &= (uint8_t)~TXN_CANCEL_WANTED;
		b2bua_cancel_leg(e, leg, blob_span(&e->blobs, client->reason));
	}
	if (msg->status == 100 || call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] ||
	    (!own && (invite == NULL || invite->kind != TXN_SERVER_INVITE)))
		return;
	fork = answering_leg(e, leg, msg);
	a = fork ? leg_get(e, fork->peer) : NULL;
	if (a == NULL)
		return;
	if (msg->to_tag.len && fork->state <= LEG_EARLY) {
		fork->state = LEG_EARLY;
		if (!own)
			a->state = LEG_EARLY;
	}
	if (call->state == CALL_TRYING)
		call->state = CALL_EARLY;
	if (call->ringing_ns == 0)
		call->ringing_ns = e->now_ns;
	/* One that has to be acknowledged and cannot be relayed would hang for ever. */
	if (own)
		transfer_rings(e, call, msg->status);
	else if (!dialog_relay_response(e, call, invite, fork, msg->status, msg) &&
		 msg->first[SIP_HDR_RSEQ] != SIP_HDR_NONE)
		b2bua_end(e, call, dialog_relay_failure(e), IPC_BY_LIMEN);
}

static void call_answered(struct engine *e, struct sip_call *call)
{
	call->state = CALL_ANSWERED;
	call->status = call->far_status = 200;
	call->answered_ns = e->now_ns;
	e->stats.calls_answered++;
	b2bua_arm(e, call);
	call_drop_request(e, call);
}

/* This fork's two legs are the call's from here on; the others' early dialogs end with the final
 * answer. */
static void join(struct engine *e, struct sip_call *call, struct sip_txn *client, struct sip_leg *a,
		 struct sip_leg *b)
{
	struct sip_txn *server = txn_get(e, call->invite);
	struct sip_leg *leg;

	for (uint64_t at = call->first_leg; (leg = leg_get(e, at)) != NULL; at = leg->next) {
		if (leg->side == SIDE_A && leg != a)
			leg->state = LEG_OVER;
	}
	call->leg[SIDE_A] = a->self;
	call->leg[SIDE_B] = b->self;
	server->leg = a->self;
	client->leg = b->self;
	a->state = LEG_CONFIRMED;
	b->state = LEG_CONFIRMED;
}

/* The target of a transfer: acknowledged at once, for its answer is to an offer of limen's. */
static void on_transfer_answered(struct engine *e, struct sip_call *call, struct sip_leg *leg,
				 struct sip_txn *client, const struct sip_msg *msg)
{
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]), *fork = NULL;

	if (call->state != CALL_ENDED && call->answered_ns == 0 && leg->self == call->leg[SIDE_B])
		fork = answering_leg(e, leg, msg);
	if (fork == NULL || fork->state == LEG_OVER || a == NULL) {
		refuse_answer(e, leg, client, msg);
		return;
	}
	call->leg[SIDE_B] = fork->self;
	a->peer = fork->self;
	client->leg = fork->self;
	fork->state = LEG_CONFIRMED;
	dialog_send_ack(e, fork, NULL, NULL);
	call_answered(e, call);
	if (!transfer_answered(e, call, fork, msg))
		b2bua_end(e, call, 500, IPC_BY_LIMEN);
}

static void on_success(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		       struct sip_txn *client, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *fork, *a;

	if (call->flags & CALL_OWN_INVITE) {
		on_transfer_answered(e, call, leg, client, msg);
		return;
	}
	if (call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] || invite == NULL ||
	    invite->status >= 200) {
		if (call->flags & CALL_DIALOG)
			refuse_answer(e, leg, client, msg);
		return;
	}
	if (call->flags & CALL_SUBSCRIPTION) {
		subscription_answered(e, call, leg, invite, msg);
		return;
	}
	if (!(call->flags & CALL_DIALOG)) {
		standalone_tell(e, call, msg->status, msg);
		if (standalone_relay(e, call, invite, leg, msg) || invite->status >= 200)
			call_finish(e, call, msg->status, IPC_BY_CALLEE);
		else
			b2bua_refuse(e, call, 500, SPAN_NONE, IPC_BY_LIMEN);
		return;
	}
	fork = answering_leg(e, leg, msg);
	a = fork && fork->state != LEG_OVER ? leg_get(e, fork->peer) : NULL;
	if (a == NULL) {
		refuse_answer(e, leg, client, msg);
		b2bua_end(e, call, 500, IPC_BY_LIMEN);
		return;
	}
	join(e, call, client, a, fork);
	if (dialog_relay_response(e, call, invite, fork, msg->status, msg)) {
		call_answered(e, call);
		return;
	}
	/* A description that cannot be relayed, or no memory to repeat the answer from, ends the
	 * call on both sides. */
	if (invite->status < 200)
		a->state = LEG_OVER;
	b2bua_end(e, call, dialog_relay_failure(e), IPC_BY_LIMEN);
}

static void on_failure(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		       uint16_t status, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	const struct ipc_verdict *verdict = call_verdict(e, call);
	enum ipc_ended_by by = msg ? IPC_BY_CALLEE : IPC_BY_SIP_TIMEOUT;
	bool was_refused = call->flags & CALL_SRTP_REFUSED;

	if (leg->state == LEG_EARLY || leg->state == LEG_NEW)
		leg->state = LEG_OVER;
	if (call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] ||
	    (invite == NULL && !(call->flags & CALL_OWN_INVITE)))
		return;
	if (msg == NULL && subscription_goes_on(e, call))
		return;
	if (msg) {
		call->far_status = msg->status;
		call_note_reason(e, SIDE_B, msg);
		e->agent_b = leg_agent_of(msg);
	}
	call->flags &= (uint16_t)~CALL_SRTP_REFUSED;
	if (verdict && call->target && leg->state == LEG_OVER && !was_refused &&
	    keying_may_do_without(leg, status)) {
		call->flags |= CALL_SRTP_REFUSED;
		call->target--;
		call->attempts--; /* the same one again */
		b2bua_try_next(e, call, status, by);
		return;
	}
	if (b2bua_may_try_another(e, call, status)) {
		call_note_failed(call, status);
		b2bua_try_next(e, call, status, by);
		return;
	}
	if (status < 400) {
		if (!(call->flags & CALL_SUBSCRIBED) && redirect_take(e, call, leg, msg))
			return;
		status = 480; /* what policy neither follows nor passes is not told */
	}
	if (status == 422)
		status = 500; /* the interval is between limen and the target (RFC 4028) */
	if (msg) {
		standalone_tell(e, call, msg->status, msg);
		screen_refused(e, call, msg->status, screen_challenge(msg));
	}
	if (msg && status == msg->status && invite)
		status = dialog_told_status(e, call, invite, leg, msg);
	if (msg == NULL || msg->status != status || invite == NULL || invite->status >= 200 ||
	    !dialog_relay_response(e, call, invite, leg, status, msg)) {
		b2bua_refuse(e, call, status, SPAN_NONE, by);
		return;
	}
	call_finish(e, call, invite->status, by); /* as it was told */
}

void b2bua_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		     const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, txn->call);
	struct sip_leg *leg = leg_get(e, txn->leg);

	if (call == NULL || leg == NULL) {
		if (event == TXN_EVENT_STRAY)
			fork_late_answer(e, txn, msg);
		return;
	}
	switch (event) {
	case TXN_EVENT_PROVISIONAL:
		on_provisional(e, call, leg, txn, msg);
		break;
	case TXN_EVENT_SUCCESS:
		on_success(e, call, leg, txn, msg);
		break;
	case TXN_EVENT_STRAY:
		refuse_answer(e, leg, txn, msg);
		break;
	case TXN_EVENT_FAILURE:
		on_failure(e, call, leg, msg->status, msg);
		break;
	case TXN_EVENT_TIMEOUT:
		on_failure(e, call, leg, txn->status, NULL);
		break;
	default:
		break;
	}
}
