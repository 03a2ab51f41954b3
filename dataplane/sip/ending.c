/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way in which a call ends: BYE, CANCEL, the operator, silence, time. Each leg is told as its
 * state asks for. One worker thread; libc only. */
#include "dataplane/sip/core.h"

/* Give up on a leg B that has not answered yet (section 9.1). */
void b2bua_cancel_leg(struct engine *e, struct sip_leg *leg, struct span reason)
{
	struct sip_txn *invite = txn_get(e, leg->invite_client), *cancel;
	struct span sent, bytes;
	struct cursor *out;

	if (invite == NULL || invite->kind != TXN_CLIENT_INVITE || invite->cancel != HANDLE_NONE)
		return;
	if (invite->state == TXN_TRYING && !(invite->flags & TXN_CANCEL_WANTED)) {
		invite->flags |= TXN_CANCEL_WANTED;
		blob_free(&e->blobs, invite->challenge); /* the same place */
		invite->rounds = 0;
		invite->reason = reason.len ? blob_copy(&e->blobs, reason) : HANDLE_NONE;
	}
	if (invite->state != TXN_PROCEEDING)
		return;
	sent = blob_span(&e->blobs, invite->msg);
	if (sip_parse(&e->again, sent.ptr, sent.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	txn_bound(e, invite);
	cancel = txn_client_new(e, SIP_METHOD_CANCEL, NULL, leg);
	if (cancel == NULL)
		return;
	cancel->dst = invite->dst;
	cancel->cseq = invite->cseq;
	invite->cancel = cancel->self;
	out = out_start(e);
	build_from_invite(out, SIP_METHOD_CANCEL, &e->again, sip_hdr_value(&e->again, SIP_HDR_TO),
			  reason);
	bytes = out_finish(e);
	if (!txn_client_send(e, cancel, bytes))
		invite->cancel = HANDLE_NONE;
}

bool b2bua_give_up(struct engine *e, struct sip_txn *invite)
{
	struct sip_leg *leg = leg_get(e, invite->leg);

	if (leg == NULL || leg->invite_client != invite->self)
		return false;
	invite->timeout_ns = NEVER_NS;
	b2bua_cancel_leg(e, leg, reason_of_end(IPC_BY_SIP_TIMEOUT));
	return invite->cancel != HANDLE_NONE;
}

static void give_up_leg_b(struct engine *e, struct sip_call *call, struct span reason)
{
	struct sip_leg *leg = leg_get(e, call->leg[SIDE_B]);

	if (leg == NULL)
		return;
	if (leg->state == LEG_CONFIRMED)
		dialog_bye_because(e, leg, reason);
	else
		b2bua_cancel_leg(e, leg, reason);
}

static void ask_gone(struct engine *e, struct sip_call *call)
{
	struct ipc_ask_gone gone = {.ask_id = call->self};
	struct cursor *out;

	if (!call_awaits_verdict(call) || !e->link_up)
		return;
	out = out_start(e);
	put_bytes(out, &gone, sizeof(gone));
	out_report(e, IPC_ASK_GONE, out_finish(e));
}

void b2bua_cancel(struct engine *e, struct sip_txn *invite, const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, invite->call);
	const struct sip_leg *from = leg_get(e, invite->leg),
			     *to = from ? leg_get(e, from->peer) : NULL;
	char buf[1024];
	struct cursor line = cursor_on(buf, sizeof(buf));
	struct span reason = SPAN_NONE;
	struct sip_txn *client = txn_get(e, invite->peer);
	struct sip_leg *leg;

	if (invite->status >= 200)
		return; /* section 9.2: a final answer was sent, CANCEL changes nothing */
	if (call && to)
		reason = reason_passed(&line, e, msg, call_plan(e, call), to);
	if (call == NULL || call->invite != invite->self) {
		/* A re-INVITE is answered as the far side answers it: who refused here what is
		 * accepted there would leave the two with different sessions. */
		leg = client ? leg_get(e, client->leg) : NULL;
		if (leg)
			b2bua_cancel_leg(e, leg, reason);
		else
			dialog_answer(e, invite, 487, SPAN_NONE);
		return;
	}
	call_note_reason(e, SIDE_A, msg);
	ask_gone(e, call);
	dialog_answer(e, invite, 487, SPAN_NONE);
	give_up_leg_b(e, call, reason);
	call_finish(e, call, 487, IPC_BY_CALLER);
}

void b2bua_end(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by)
{
	struct sip_txn *invite = txn_get(e, call->invite);
	struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);

	if (call->state == CALL_ENDED)
		return;
	call->ended_by = (uint8_t)by;
	ask_gone(e, call);
	if (invite && invite->status < 200)
		dialog_answer(e, invite, status, SPAN_NONE);
	else if (a && a->state == LEG_CONFIRMED)
		dialog_bye(e, a, NULL);
	give_up_leg_b(e, call, reason_of_end(by));
	dialog_end_pending(e, call);
	call_finish(e, call, status, by);
}

void b2bua_stop_asking(struct engine *e, struct sip_call *call, uint16_t status)
{
	ask_gone(e, call);
	b2bua_refuse(e, call, status, status == 503 ? SPAN("Retry-After: 5\r\n") : SPAN_NONE,
		     IPC_BY_LIMEN);
}

/* The peer never acknowledged a 2xx (section 13.3.1.4): the session is ended, on both sides. */
void b2bua_no_ack(struct engine *e, struct sip_txn *txn)
{
	struct sip_call *call = call_get(e, txn->call);
	struct sip_leg *leg = leg_get(e, txn->leg);

	txn_acked(e, txn); /* nothing holds its BYE back any more */
	if (call == NULL || leg == NULL)
		return;
	if (call->state == CALL_ENDED) {
		if (leg->flags & LEG_BYE_WAITS)
			dialog_bye(e, leg, NULL);
		return;
	}
	b2bua_end(e, call, 408, IPC_BY_SIP_TIMEOUT);
}

/* When the silence of both sides of an answered call has lasted too long; NEVER_NS without such a
 * limit, and while no section is one in which both may speak (hold). */
static uint64_t media_deadline(const struct engine *e, const struct sip_call *call,
			       const struct ipc_verdict *verdict)
{
	uint64_t latest = call->answered_ns;
	bool any = false;

	/* Whoever waits for another party hears and says nothing. */
	if (call->transfer != HANDLE_NONE)
		return NEVER_NS;

	for (unsigned i = 0; i < call->npairs; i++) {
		uint64_t seen;

		if (call->pair[i] == HANDLE_NONE)
			continue;
		any |= stream_pair_is_both_ways(e->media, call->pair[i]);
		seen = stream_pair_last_seen_ns(e->media, call->pair[i]);
		if (seen > latest)
			latest = seen;
	}
	return any && verdict->media_timeout_s ? latest + verdict->media_timeout_s * NS_PER_S
					       : NEVER_NS;
}

/* The same of one side alone, over the sections in which it should send: who mutes the video still
 * speaks. */
static uint64_t side_deadline(const struct engine *e, const struct sip_call *call,
			      const struct ipc_verdict *verdict, enum stream_side side)
{
	uint64_t latest = call->answered_ns;
	bool any = false;

	if (call->transfer != HANDLE_NONE || verdict->side_timeout_s == 0)
		return NEVER_NS;
	for (unsigned i = 0; i < call->npairs; i++) {
		uint64_t seen;

		if (call->pair[i] == HANDLE_NONE ||
		    !stream_pair_is_both_ways(e->media, call->pair[i]))
			continue;
		any = true;
		seen = stream_side_last_seen_ns(e->media, call->pair[i], side);
		if (seen > latest)
			latest = seen;
	}
	return any ? latest + verdict->side_timeout_s * NS_PER_S : NEVER_NS;
}

/* When the silence of both, or of one that should send, has lasted too long. */
static uint64_t silence_deadline(const struct engine *e, const struct sip_call *call,
				 const struct ipc_verdict *verdict)
{
	uint64_t first = media_deadline(e, call, verdict);

	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		uint64_t deadline = side_deadline(e, call, verdict, side);

		if (deadline < first)
			first = deadline;
	}
	return first;
}

static uint64_t longest_deadline(const struct sip_call *call, const struct ipc_verdict *verdict)
{
	return verdict->duration_max_s ? call->answered_ns + verdict->duration_max_s * NS_PER_S
				       : NEVER_NS;
}

void b2bua_arm(struct engine *e, struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	uint64_t next = silence_deadline(e, call, verdict), longest = longest_deadline(call, verdict);

	if (longest < next)
		next = longest;
	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		const struct sip_leg *leg = leg_get(e, call->leg[side]);

		if (leg && leg->session.due_ns < next)
			next = leg->session.due_ns;
	}
	call_set_timer(e, call, next);
}

static void answered_call_timer(struct engine *e, struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);

	if (e->now_ns >= silence_deadline(e, call, verdict)) {
		b2bua_end(e, call, 408, IPC_BY_MEDIA_TIMEOUT);
		return;
	}
	if (e->now_ns >= longest_deadline(call, verdict)) {
		b2bua_end(e, call, 408, IPC_BY_POLICY);
		return;
	}
	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		struct sip_leg *leg = leg_get(e, call->leg[side]);

		if (side == SIDE_A && leg && e->now_ns >= leg->session.due_ns &&
		    call->flags & CALL_OWN_INVITE && call->transfer != HANDLE_NONE) {
			if (!transfer_on_timer(e, call)) {
				b2bua_end(e, call, 408, IPC_BY_SIP_TIMEOUT);
				return;
			}
			continue;
		}
		if (leg && e->now_ns >= leg->session.due_ns && !session_on_timer(e, leg)) {
			b2bua_end(e, call, 408, IPC_BY_SESSION_TIMEOUT);
			return;
		}
	}
	b2bua_arm(e, call);
}

void b2bua_resume(struct engine *e, struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	uint64_t silence = e->now_ns + verdict->media_timeout_s * NS_PER_S;

	b2bua_arm(e, call);
	if (verdict->media_timeout_s && call->deadline_ns < silence &&
	    longest_deadline(call, verdict) > silence)
		call_set_timer(e, call, silence);
}

void b2bua_call_timer(struct engine *e, struct sip_call *call)
{
	struct sip_leg *leg = leg_get(e, call->leg[SIDE_B]);

	switch (call->state) {
	case CALL_ASKING:
		if (e->now_ns >= call->ask_until_ns) {
			b2bua_stop_asking(e, call, 503);
			break;
		}
		if (call->flags & CALL_ASK_DUE)
			call_ask(e, call);
		replaces_ask_again(e, call);
		call_set_timer(e, call, replaces_deadline(e, call));
		break;
	case CALL_TRYING:
	case CALL_EARLY:
		if (subscription_goes_on(e, call))
			break;
		/* Timer C: this target does not answer. */
		if (leg)
			b2bua_cancel_leg(e, leg, reason_of_end(IPC_BY_SIP_TIMEOUT));
		if (b2bua_may_try_another(e, call, 408)) {
			call_note_failed(call, 408);
			b2bua_try_next(e, call, 408, IPC_BY_SIP_TIMEOUT);
		} else {
				b2bua_refuse(e, call, 408, SPAN_NONE, IPC_BY_SIP_TIMEOUT);
		}
		break;
	case CALL_ANSWERED:
		if (call->flags & CALL_SUBSCRIPTION)
			subscription_on_timer(e, call);
		else
			answered_call_timer(e, call);
		break;
	default:
		if (call->flags & CALL_TELLS_ANSWER)
			standalone_told(e, call);
		else if (call->flags & CALL_REPORT_DUE)
			call_report(e, call);
		break;
	}
}

/* ---- BYE ---- */

/* Whether BYE on this leg ends the call: not on a fork or target that another one has replaced, nor
 * twice. */
static bool bye_ends_call(const struct sip_call *call, const struct sip_leg *leg)
{
	if (call->state == CALL_ENDED || leg->state == LEG_OVER)
		return false;
	return call->leg[leg->side] == leg->self ||
	       (leg->side == SIDE_A && leg->state == LEG_EARLY);
}

static void end_by_bye(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		       struct sip_txn *txn, const struct sip_msg *msg)
{
	struct sip_leg *peer = leg_get(e, leg->peer);
	struct sip_txn *invite = txn_get(e, leg->invite_server);
	/* Or not even that: limen's 18x has a tag where the one it relays had none. */
	bool was_early = leg->state <= LEG_EARLY;

	call_note_reason(e, leg->side, msg);
	dialog_answer(e, txn, 200, SPAN_NONE);
	if (was_early && leg->side == SIDE_A && invite && invite->status < 200) {
		/* Section 15: BYE on an early dialog gives up like CANCEL. */
		b2bua_cancel(e, invite, msg);
		return;
	}
	leg->state = LEG_OVER;
	if (was_early && leg->side == SIDE_B) {
		/* It has answered, and that was lost: who has not may not say BYE. */
		b2bua_end(e, call, 480, IPC_BY_CALLEE);
		return;
	}
	leg->flags &= (uint8_t)~LEG_BYE_WAITS;
	if (peer)
		dialog_bye(e, peer, msg);
	dialog_end_pending(e, call);
	call_finish(e, call, 200, leg->side == SIDE_A ? IPC_BY_CALLER : IPC_BY_CALLEE);
}

void b2bua_bye(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, leg->call);
	struct sip_txn *server = dialog_accept(e, leg, msg);

	if (server == NULL)
		return;
	if (bye_ends_call(call, leg) && transfer_keeps(e, call, leg)) {
		leg->state = LEG_OVER;
		leg->session.due_ns = NEVER_NS;
		leg->session.ends_ns = NEVER_NS;
		dialog_answer(e, server, 200, SPAN_NONE);
		dialog_end_pending(e, call);
		return;
	}
	if (bye_ends_call(call, leg)) {
		end_by_bye(e, call, leg, server, msg);
		return;
	}
	/* Both sides, or limen and this one, hung up at once; or a fork that lost says good-bye. */
	leg->state = LEG_OVER;
	dialog_answer(e, server, 200, SPAN_NONE);
}
