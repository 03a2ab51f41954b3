/* SPDX-License-Identifier: BSD-3-Clause */
/* What the target answers to a request outside a dialog: joined to the leg that asked, or refused there as here. One worker thread;
 * libc only. */
#include "dataplane/sip/core.h"

/* The leg made for this 2xx's dialog before, or NULL. */
static struct sip_leg *find_fork(struct engine *e, struct sip_call *call, const struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_leg *fork;

	for (uint64_t at = call->first_leg; (fork = leg_get(e, at)) != NULL; at = fork->next) {
		if (fork != leg && fork->tag == leg->tag &&
		    span_eq(leg_text(e, fork, LEG_REMOTE_TAG), sip_span(msg, msg->to_tag)))
			return fork;
	}
	return NULL;
}

/* An answer that came too late, or from a fork that lost: acknowledge and end that dialog (section 13.2.2.4). */
static void refuse_answer(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct span tag = leg_text(e, leg, LEG_REMOTE_TAG);
	struct sip_call *call = call_get(e, leg->call);
	struct sip_txn *invite = txn_get(e, leg->invite_client);
	struct sip_leg *fork;
	struct span texts[LEG_TEXTS];

	if (leg->state != LEG_CONFIRMED && leg->state != LEG_OVER) {
		leg_learn_response(e, leg, msg);
		leg->state = LEG_CONFIRMED;
		dialog_bye(e, leg, NULL);
		return;
	}
	if (call == NULL || invite == NULL)
		return;
	if (span_eq(tag, sip_span(msg, msg->to_tag))) {
		txn_resend_ack(e, invite);
		return;
	}
	fork = find_fork(e, call, leg, msg);
	if (fork) {
		dialog_ack_fork(e, fork, invite->cseq);
		return;
	}
	fork = leg_new(e, call, SIDE_B);
	if (fork == NULL)
		return;
	for (unsigned i = 0; i < LEG_TEXTS; i++)
		texts[i] = leg_text(e, leg, i);
	fork->tag = leg->tag;
	fork->realm = leg->realm;
	fork->transport = leg->transport;
	fork->next_hop = leg->next_hop;
	fork->source_policy = leg->source_policy;
	fork->local_cseq = invite->cseq;
	fork->state = LEG_CONFIRMED;
	if (leg_set_texts(e, fork, texts) && leg_learn_response(e, fork, msg)) {
		dialog_ack_fork(e, fork, invite->cseq);
		dialog_bye(e, fork, NULL);
	}
}

static void on_provisional(struct engine *e, struct sip_call *call, struct sip_leg *leg, struct sip_txn *client,
			   const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);

	if (client->flags & TXN_CANCEL_WANTED) {
		client->flags &= (uint8_t)~TXN_CANCEL_WANTED;
		b2bua_cancel_leg(e, leg);
	}
	if (msg->status == 100 || call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] || invite == NULL ||
	    a == NULL || invite->kind != TXN_SERVER_INVITE)
		return;
	if (msg->to_tag.len && leg->state <= LEG_EARLY) {
		leg_learn_response(e, leg, msg);
		leg->state = LEG_EARLY;
		a->state = LEG_EARLY;
	}
	if (call->state == CALL_TRYING)
		call->state = CALL_EARLY;
	if (call->ringing_ns == 0 && msg->status > 100)
		call->ringing_ns = e->now_ns;
	dialog_relay_response(e, call, invite, leg, msg->status, msg);
}

static void call_answered(struct engine *e, struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	uint64_t next = NEVER_NS;

	call->state = CALL_ANSWERED;
	call->status = 200;
	call->answered_ns = e->now_ns;
	e->stats.calls_answered++;
	if (verdict->media_timeout_s)
		next = e->now_ns + verdict->media_timeout_s * NS_PER_S;
	if (verdict->duration_max_s && e->now_ns + verdict->duration_max_s * NS_PER_S < next)
		next = e->now_ns + verdict->duration_max_s * NS_PER_S;
	call_set_timer(e, call, next);
	/* Nothing will be asked again. */
	blob_free(&e->blobs, call->request);
	call->request = HANDLE_NONE;
}

static void on_success(struct engine *e, struct sip_call *call, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);

	if (call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] || invite == NULL || invite->status >= 200 ||
	    a == NULL) {
		if (call->flags & CALL_DIALOG)
			refuse_answer(e, leg, msg);
		return;
	}
	if (!(call->flags & CALL_DIALOG)) {
		dialog_relay_response(e, call, invite, leg, msg->status, msg);
		call_finish(e, call, msg->status, IPC_BY_CALLEE);
		return;
	}
	leg->state = LEG_CONFIRMED;
	/* A description that cannot be relayed ends the call on both sides. */
	if (!leg_learn_response(e, leg, msg) || !dialog_relay_response(e, call, invite, leg, msg->status, msg)) {
		dialog_bye(e, leg, NULL);
		b2bua_refuse(e, call, 500, SPAN_NONE, IPC_BY_LIMEN);
		return;
	}
	a->state = LEG_CONFIRMED;
	call_answered(e, call);
}

/* Whether another target may do better (RFC 3261 section 16.7: a 6xx or a refusal of the user may not). */
static bool may_try_another(uint16_t status)
{
	return status == 408 || status == 430 || (status >= 500 && status < 600 && status != 501);
}

static void on_failure(struct engine *e, struct sip_call *call, struct sip_leg *leg, uint16_t status, const struct sip_msg *msg)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	const struct ipc_verdict *verdict = call_verdict(e, call);
	enum ipc_ended_by by = msg ? IPC_BY_CALLEE : IPC_BY_SIP_TIMEOUT;

	if (leg->state == LEG_EARLY || leg->state == LEG_NEW)
		leg->state = LEG_OVER;
	if (call->state == CALL_ENDED || leg->self != call->leg[SIDE_B] || invite == NULL)
		return;
	if (verdict && may_try_another(status) && call->target < verdict->ntargets) {
		b2bua_try_next(e, call, status, by);
		return;
	}
	if (status < 400)
		status = 480; /* limen does not follow redirections that policy has not named, nor tell them */
	if (msg == NULL || msg->status != status || invite->status >= 200 ||
	    !dialog_relay_response(e, call, invite, leg, status, msg)) {
		b2bua_refuse(e, call, status, SPAN_NONE, by);
		return;
	}
	call_finish(e, call, status, by);
}

void b2bua_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event, const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, txn->call);
	struct sip_leg *leg = leg_get(e, txn->leg);

	if (call == NULL || leg == NULL) {
		if (event == TXN_EVENT_STRAY)
			txn_resend_ack(e, txn);
		return;
	}
	switch (event) {
	case TXN_EVENT_PROVISIONAL:
		on_provisional(e, call, leg, txn, msg);
		break;
	case TXN_EVENT_SUCCESS:
		on_success(e, call, leg, msg);
		break;
	case TXN_EVENT_STRAY:
		refuse_answer(e, leg, msg);
		break;
	case TXN_EVENT_FAILURE:
		on_failure(e, call, leg, msg->status, msg);
		break;
	case TXN_EVENT_TIMEOUT:
		on_failure(e, call, leg, 408, NULL);
		break;
	default:
		break;
	}
}
