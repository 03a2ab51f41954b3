/* SPDX-License-Identifier: BSD-3-Clause */
/* How an endpoint takes the answers to what it sent. */
#include <stdio.h>

#include "ua.h"

#define MSG_BYTES 8192u

/* An INVITE that got a provisional answer waits this long for a final one: longer than any of
 * limen's own limits. */
#define UA_FINAL_WAIT (400 * SECOND)

/* limen may leave a place while a reliable answer of it is still on its way: the next one's number
 * then follows on one that never came. */
static unsigned places_tried(const struct sim *sim, uint32_t call)
{
	unsigned n = 0;

	for (unsigned slot = 1; slot < SIM_SLOTS; slot++)
		for (unsigned i = 0; i < UA_SESSIONS; i++)
			n += sim->uas[call * SIM_SLOTS + slot].sess[i].state != SESS_FREE;
	return n;
}

/* PRACK, once for each RSeq of each early dialog. */
static void acknowledge(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
			const struct sip_msg *msg)
{
	uint64_t tag = hash_fast(1, sip_span(msg, msg->to_tag)), rseq;
	char rack[96];
	unsigned i = 0;

	if (sip_number_parse(sip_hdr_value(msg, SIP_HDR_RSEQ), UINT32_MAX, &rseq))
		return;
	while (i < UA_DIALOGS && sess->prack[i].tag && sess->prack[i].tag != tag)
		i++;
	if (i == UA_DIALOGS || rseq <= sess->prack[i].rseq)
		return;
	if (sess->prack[i].rseq && rseq != sess->prack[i].rseq + 1u &&
	    sim_is_strict(sim, ua->call) && places_tried(sim, ua->call) == 1)
		sim_violation(sim, ua->call, "RSeq %u after %u", (unsigned)rseq,
			      sess->prack[i].rseq);
	sess->prack[i].tag = tag;
	sess->prack[i].rseq = (uint32_t)rseq;
	snprintf(rack, sizeof(rack), "RAck: %u %u INVITE\r\n", (unsigned)rseq, txn->cseq);
	ua_send_request(sim, ua, sess, SIP_METHOD_PRACK, NULL, rack);
}

static void on_provisional(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
			   const struct sip_msg *msg)
{
	if (txn->state > US_PROCEEDING)
		return;
	txn->state = US_PROCEEDING;
	txn->retransmit_ns = NEVER;
	if (!txn->cancelled)
		txn->end_ns = sim->now_ns + UA_FINAL_WAIT;
	if (txn->initial && sess->state == SESS_EARLY && msg->status > 100 && msg->to_tag.len) {
		ua_copy(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->to_tag));
		ua_take_contact(sess, msg);
		if (msg->body.len)
			sess->answer_seen = true;
	}
	if (sess->cancel_wanted) {
		sess->cancel_wanted = false;
		ua_send_cancel(sim, ua, txn);
	} else if (ua->manner.cancel_on_ring && msg->status > 100 && !sess->gave_up) {
		ua_give_up(sim, ua, sess);
	}
	if (sip_hdr_has_token(msg, SIP_HDR_REQUIRE, SPAN("100rel")) && ua->manner.rel100 &&
	    !sess->gave_up)
		acknowledge(sim, ua, sess, txn, msg);
}

static void on_answered(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
			const struct sip_msg *msg)
{
	struct ua_body answer = {.sdp = msg->body.len && !txn->has_offer,
				 .nmedia = sess->nmedia ? sess->nmedia : 1};

	answer.direction = (uint8_t)ua_answer_direction(sip_span(msg, msg->body));
	answer.offer = txn->has_offer ? SPAN_NONE : sip_span(msg, msg->body);
	if (txn->state == US_ACCEPTED) {
		if (txn->initial &&
		    !span_eq(sip_span(msg, msg->to_tag), span_str(sess->remote_tag)) &&
		    sim_is_strict(sim, ua->call))
			sim_violation(sim, ua->call, "the caller was answered in two dialogs");
		else if (txn->ack)
			net_to_engine(sim, ua, &ua->limen, span_of(txn->ack, txn->ack_len));
		return;
	}
	if (txn->state > US_PROCEEDING)
		return;
	txn->state = US_ACCEPTED;
	txn->retransmit_ns = NEVER;
	txn->end_ns = sim->now_ns + UA_TIMEOUT;
	txn->status = msg->status;
	ua_take_contact(sess, msg);
	if (txn->initial) {
		ua_copy(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->to_tag));
		if (sess->state == SESS_EARLY)
			sess->state = SESS_UP;
		/* An answerer that has agreed to an offer keeps its number of sections. */
		if (!txn->has_offer)
			sess->nmedia = 1;
	}
	sess->described |= txn->has_offer && txn->direction != DIR_ZERO;
	sess->direction = txn->has_offer ? txn->direction : answer.direction;
	if (txn->has_offer)
		srtp_offer_answered(sess, txn->sdp_version, sip_span(msg, msg->body));
	else
		srtp_answers(ua, sess, answer.sdp ? answer.offer : SPAN_NONE);
	timer_on_2xx(sim, ua, sess, txn, msg);
	if (!ua->manner.never_ack)
		ua_send_ack(sim, ua, sess, txn, &answer);
	if (!txn->initial)
		return;
	refer_on_final(sim, ua, sess, msg->status);
	if (sess->state == SESS_UP && sess->gave_up)
		ua_send_bye(sim, ua, sess);
	else if (sess->state == SESS_UP && !ua->manner.never_ack)
		ua_set_up(sim, ua, sess);
}

static void on_refused(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		       const struct sip_msg *msg)
{
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));

	if (txn->state == US_COMPLETED) {
		net_to_engine(sim, ua, &txn->dst, span_of(txn->ack, txn->ack_len));
		return;
	}
	if (txn->state > US_PROCEEDING)
		return;
	txn->state = US_COMPLETED;
	txn->status = msg->status;
	txn->retransmit_ns = NEVER;
	txn->end_ns = sim->now_ns + UA_TIMEOUT; /* D */
	msg_ack_refusal(&out, ua, txn, msg);
	ua_keep(&txn->ack, &txn->ack_len, cursor_span(&out));
	net_to_engine(sim, ua, &txn->dst, cursor_span(&out));
	if (txn->initial && msg->status == 422 && !sess->gave_up &&
	    timer_on_422(sim, ua, sess, msg)) {
		ua_call_again(sim, ua, sess);
	} else if (txn->initial && (msg->status == 401 || msg->status == 407) && !sess->gave_up &&
		   alone_take_challenge(sim, ua, sess, msg)) {
		ua_call_again(sim, ua, sess);
	} else if (txn->initial && msg->status < 400 && ua->manner.follows && !sess->gave_up &&
		   sess->followed++ < 2 && ua_take_contact(sess, msg)) {
		sim->totals->followed++;
		ua_call_again(sim, ua, sess);
	} else if (txn->initial) {
		ua_end_session(ua, sess);
		refer_on_final(sim, ua, sess, msg->status);
	} else if (txn->refresh && msg->status != 408 && msg->status != 481) {
		timer_on_refusal(sim, ua, sess, txn, msg);
	} else if (msg->status == 491 && sess->state == SESS_UP && sess->retries++ < 3) {
		/* Section 14.1: whoever made the Call-ID waits longer. */
		ua_act_at(ua, sess,
			  sim->now_ns + (sess->caller ? 2100 + rng_below(&sim->ua_rng, 1900)
						      : rng_below(&sim->ua_rng, 2000)) *
						MS,
			  ACT_REINVITE);
	} else if ((msg->status == 408 || msg->status == 481) && sess->state == SESS_UP) {
		ua_send_bye(sim, ua, sess);
	}
}

void call_on_response(struct sim *sim, struct ua *ua, struct ua_txn *txn, const struct sip_msg *msg)
{
	struct sess *sess = ua_sess_of(ua, txn);

	if (txn->kind == UT_CLIENT_INVITE) {
		if (msg->status < 200)
			on_provisional(sim, ua, sess, txn, msg);
		else if (msg->status < 300)
			on_answered(sim, ua, sess, txn, msg);
		else
			on_refused(sim, ua, sess, txn, msg);
		return;
	}
	if (txn->state == US_COMPLETED)
		return;
	if (msg->status < 200) {
		txn->state = US_PROCEEDING;
		txn->interval_ns = UA_T2;
		return;
	}
	txn->state = US_COMPLETED;
	txn->status = msg->status;
	txn->retransmit_ns = NEVER;
	txn->end_ns = sim->now_ns + UA_T4; /* K */
	if (msg->status < 300 && txn->has_offer) {
		sess->direction = txn->direction;
		srtp_offer_answered(sess, txn->sdp_version, sip_span(msg, msg->body));
		sess->described |= txn->direction != DIR_ZERO;
	}
	if (msg->status < 300 && txn->method == SIP_METHOD_UPDATE)
		timer_on_2xx(sim, ua, sess, txn, msg);
	else if (txn->method == SIP_METHOD_UPDATE)
		timer_on_refusal(sim, ua, sess, txn, msg);
	if (txn->initial) /* a request of its own, without a dialog */
		alone_on_response(sim, ua, sess, msg);
	else if (txn->method == SIP_METHOD_REFER)
		refer_on_response(sim, ua, sess, msg->status);
	else if (txn->method == SIP_METHOD_SUBSCRIBE)
		event_on_subscribed(sim, ua, sess, msg);
	else if (sess->event)
		event_on_notified(sim, ua, sess, msg->status);
	else if ((msg->status == 481 || msg->status == 408) && txn->method != SIP_METHOD_CANCEL &&
		 sess->state == SESS_UP)
		ua_send_bye(
			sim, ua,
			sess); /* section 12.2.1.2: the other side knows nothing of the dialog */
}
