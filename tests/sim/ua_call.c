/* SPDX-License-Identifier: BSD-3-Clause */
/* How an endpoint takes the requests that come, and what does not come. */
#include <stdio.h>

#include "ua.h"

/* ---- requests ---- */

static void start_called(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct sess *sess = ua->slot ? ua_sess_new(sim, ua) : NULL;
	const struct manner *m = &ua->manner;
	struct ua_txn *txn;
	struct sess *replaced;
	uint16_t status;
	uint64_t at = sim->now_ns;

	status = refer_replaces(sim, ua, msg, &replaced);
	if (!sess || status) {
		ua_refuse(sim, ua, msg, NULL, sess ? status : 486);
		if (sess)
			sess->state = SESS_DOWN;
		return;
	}
	if (m->vanish_ms != UINT32_MAX && ua->vanish_ns == NEVER) {
		ua->vanish_ns = sim->now_ns + m->vanish_ms * MS;
		events_add(&sim->events, ua->vanish_ns, EVENT_UA_TIMER, sim_ua_number(sim, ua),
			   NULL);
	}
	ua_take_dialog(sess, msg);
	txn = ua_server_new(ua, msg, sess);
	if (!txn)
		return;
	txn->initial = true;
	sess->invite = (uint8_t)(txn - ua->txn);
	/* How many m= sections the answer must have; the endpoint's own offer has one. */
	for (size_t i = 0; txn->has_offer && i + 2 < msg->body.len; i++)
		sess->nmedia += memcmp(msg->buf + msg->body.off + i, "\nm=", 3) == 0;
	if (timer_is_too_short(ua, msg)) {
		ua_end_session(ua, sess);
		timer_refuse(sim, ua, sess, txn);
		return;
	}
	if (m->ring_rel && !sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("100rel")))
		ua->manner.ring_rel = false;
	if (replaced) {
		sess->replaces = (uint8_t)(1 + ua_sess_number(ua, replaced));
		ua_act_at(ua, sess, sim->now_ns + 20 * MS, ACT_FINAL);
		return;
	}
	for (unsigned i = 0; i < m->nrings; i++)
		at += m->ring_ms[i] * MS;
	if (!m->no_trying)
		ua_respond(sim, ua, txn, 100);
	if (m->nrings)
		ua_act_at(ua, sess, sim->now_ns + m->ring_ms[0] * MS, ACT_RING);
	if (m->fork_rings)
		ua_act_at(ua, sess, at + MS, ACT_FORK_RING);
	if (m->final_status)
		ua_act_at(ua, sess, at + m->final_ms * MS, ACT_FINAL);
}

/* CANCEL is answered whatever comes of it (section 9.2). */
static void on_cancel(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct ua_txn *invite = NULL;
	struct sess *sess;

	for (unsigned i = 0; i < UA_TXNS; i++)
		if (ua->txn[i].kind == UT_SERVER_INVITE && ua->txn[i].branch[0] &&
		    span_eq(span_str(ua->txn[i].branch), sip_span(msg, msg->via_branch)))
			invite = &ua->txn[i];
	sess = invite ? ua_sess_of(ua, invite) : NULL;
	ua_refuse(sim, ua, msg, sess, invite ? 200 : 481);
	if (!invite || !sess || invite->state > US_PROCEEDING)
		return;
	if (invite->initial && ua->manner.on_cancel == ON_CANCEL_IGNORE)
		return;
	if (invite->initial && ua->manner.on_cancel == ON_CANCEL_ANSWER) {
		ua_end_session(ua, sess);
		ua_answer_with(sim, ua, sess, invite);
		return;
	}
	if (invite->initial)
		ua_end_session(ua, sess);
	ua_respond(sim, ua, invite, 487);
}

/* A request from a place that a caller has not heard of yet. */
static bool is_forked(const struct ua *ua, const struct sip_msg *msg)
{
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		const struct sess *sess = &ua->sess[i];

		if (sess->state == SESS_EARLY && sess->caller &&
		    span_eq(sip_span(msg, msg->to_tag), span_str(sess->local_tag)))
			return true;
	}
	return false;
}

static struct sess *find_session(struct ua *ua, const struct sip_msg *msg)
{
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		struct sess *sess = &ua->sess[i];

		if (sess->state != SESS_FREE &&
		    span_eq(sip_span(msg, msg->to_tag), span_str(sess->local_tag)) &&
		    span_eq(sip_span(msg, msg->call_id), span_str(sess->call_id)) &&
		    (sess->remote_tag[0] == 0 ||
		     span_eq(sip_span(msg, msg->from_tag), span_str(sess->remote_tag))))
			return sess;
	}
	return NULL;
}

static void on_bye(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn)
{
	ua_end_session(ua, sess);
	ua_respond(sim, ua, txn, ua->manner.bye_status);
	ua_refuse_open(sim, ua, sess);
}

static void on_reinvite(struct sim *sim, struct ua *ua, struct sess *sess,
			const struct sip_msg *msg)
{
	struct ua_txn *txn;

	if (sess->state != SESS_UP) {
		ua_refuse(sim, ua, msg, sess, 481);
		return;
	}
	if (ua_invite_is_open(ua, sess) || ua_offer_is_open(ua, sess)) {
		ua_refuse(sim, ua, msg, sess, 491);
		return;
	}
	ua_take_contact(sess, msg);
	txn = ua_server_new(ua, msg, sess);
	if (!txn)
		return;
	if (timer_is_too_short(ua, msg)) {
		timer_refuse(sim, ua, sess, txn);
		return;
	}
	sess->reinvite = (uint8_t)(txn - ua->txn);
	if (rng_below(&sim->ua_rng, 2))
		ua_respond(sim, ua, txn, 100);
	ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 800) * MS, ACT_ANSWER_REINVITE);
}

static void on_prack(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		     const struct sip_msg *msg)
{
	struct span rack = sip_hdr_value(msg, SIP_HDR_RACK);
	char want[64], whole[64];
	size_t len = (size_t)snprintf(want, sizeof(want), "%u ", sess->rseq);

	if (sess->rel_pending && rack.len > len && memcmp(rack.ptr, want, len) == 0 &&
	    sim_is_strict(sim, ua->call)) {
		const struct ua_txn *invite = ua_open_invite(ua, sess);

		snprintf(whole, sizeof(whole), "%u %u INVITE", sess->rseq,
			 invite ? invite->cseq : 0);
		if (invite && !span_eq(rack, span_str(whole)))
			sim_violation(sim, ua->call, "a RAck of \"%.*s\", not \"%s\"",
				      SPAN_FMT(rack), whole);
	}
	if (!sess->rel_pending || rack.len < len || memcmp(rack.ptr, want, len) != 0) {
		ua_respond(sim, ua, txn, 481);
		return;
	}
	sim->totals->pracks++;
	sess->rel_pending = false;
	sess->rel_ns = NEVER;
	ua_respond(sim, ua, txn, 200);
}

/* Who put itself into the route stays there (section 12.2.1.1). */
static void check_route(struct sim *sim, const struct ua *ua, const struct sess *sess,
			const struct sip_msg *msg)
{
	struct span route = sip_hdr_value(msg, SIP_HDR_ROUTE);
	bool wanted = ua->manner.record_route && !sess->event, is = route.len != 0;
	char want[80];
	struct cursor out = cursor_on(want, sizeof(want));

	put_span(&out, ua->side == SIDE_A ? SPAN("zqA-proxy@") : SPAN("zqB-proxy@"));
	put_endpoint(&out, &ua->self);
	if (sim_is_strict(sim, ua->call) &&
	    (wanted != is || (is && !memmem(route.ptr, route.len, want, out.len))))
		sim_violation(sim, ua->call, "endpoint %u gets a %s %s its Route", ua->slot,
			      sip_method_name(msg->method), wanted ? "without" : "beside");
}

void call_on_request(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct ua_body answer;
	struct sess *sess;
	struct ua_txn *txn;

	if (msg->method == SIP_METHOD_CANCEL) {
		on_cancel(sim, ua, msg);
		return;
	}
	if (msg->to_tag.len == 0) {
		if (alone_challenges(sim, ua, NULL, msg))
			return;
		if (msg->method == SIP_METHOD_INVITE)
			start_called(sim, ua, msg);
		else if (msg->method == SIP_METHOD_SUBSCRIBE)
			event_on_request(sim, ua, NULL, msg);
		else
			alone_answer(sim, ua, msg);
		return;
	}
	sess = find_session(ua, msg);
	if (!sess) {
		/* A spoilt Contact may name another call's endpoint; a fork may begin to speak
		 * before its 2xx has come. */
		if (sim_is_strict(sim, ua->call) && !sim->profile.corrupt && !is_forked(ua, msg))
			sim_violation(sim, ua->call,
				      "endpoint %u gets a %s of a dialog not its own", ua->slot,
				      sip_method_name(msg->method));
		ua_refuse(sim, ua, msg, NULL, 481);
		return;
	}
	check_route(sim, ua, sess, msg);
	if (sess->remote_cseq && msg->cseq <= sess->remote_cseq) {
		ua_refuse(sim, ua, msg, sess, 500); /* section 12.2.2 */
		return;
	}
	sess->remote_cseq = msg->cseq;
	/* Not a BYE: whoever refuses that keeps a call that nobody else has. */
	if (ua->manner.challenges_dialogs && !sess->event && sess->state != SESS_DOWN &&
	    msg->method != SIP_METHOD_BYE &&
	    alone_challenges(sim, ua, sess, msg))
		return;
	if (sess->event) {
		event_on_request(sim, ua, sess, msg);
		return;
	}
	if (msg->method == SIP_METHOD_INVITE) {
		on_reinvite(sim, ua, sess, msg);
		return;
	}
	txn = ua_server_new(ua, msg, sess);
	if (!txn)
		return;
	if (msg->method == SIP_METHOD_BYE) {
		on_bye(sim, ua, sess, txn);
	} else if (sess->state == SESS_DOWN) {
		ua_respond(sim, ua, txn, 481);
	} else if (msg->method == SIP_METHOD_REFER) {
		refer_on_request(sim, ua, sess, txn, msg);
	} else if (msg->method == SIP_METHOD_NOTIFY) {
		refer_on_notify(sim, ua, sess, txn, msg);
	} else if (msg->method == SIP_METHOD_PRACK) {
		on_prack(sim, ua, sess, txn, msg);
	} else if (msg->method == SIP_METHOD_UPDATE && ua->manner.no_update) {
		/* Without a description there is nothing that a re-INVITE could repeat. */
		sim->calls[ua->call].lazy |= !sess->described || !sess->told;
		ua_respond_as(sim, ua, txn, sess, 405, NULL, "Allow: INVITE, ACK, BYE, CANCEL\r\n");
	} else if (msg->method == SIP_METHOD_UPDATE && timer_is_too_short(ua, msg)) {
		timer_refuse(sim, ua, sess, txn);
	} else if (msg->method == SIP_METHOD_UPDATE && txn->has_offer &&
		   ua_offer_is_open(ua, sess)) {
		ua_respond(sim, ua, txn, 491);
	} else if (msg->method == SIP_METHOD_UPDATE && txn->has_offer) {
		answer = ua_answer_body(sess, txn);
		ua_respond_as(sim, ua, txn, sess, 200, &answer, "");
	} else {
		ua_respond(sim, ua, txn, 200);
	}
}

void call_on_ack(struct sim *sim, struct ua *ua, struct ua_txn *txn)
{
	struct sess *sess = ua_sess_of(ua, txn);

	if (txn->initial && sess->state == SESS_UP && !ua->manner.early_bye)
		ua_set_up(sim, ua, sess);
	if (txn->initial && sess->replaces && ua->sess[sess->replaces - 1].state == SESS_UP)
		ua_send_bye(sim, ua, &ua->sess[sess->replaces - 1]);
}

/* ---- what never came ---- */

/* Requests that limen answers by itself, whatever became of the other side. */
static bool limen_answers(const struct ua_txn *txn)
{
	return txn->method == SIP_METHOD_INVITE || txn->method == SIP_METHOD_BYE ||
	       txn->method == SIP_METHOD_CANCEL;
}

void call_on_timeout(struct sim *sim, struct ua *ua, struct ua_txn *txn)
{
	struct sess *sess = ua_sess_of(ua, txn);
	const struct sim_call *call = &sim->calls[ua->call];
	bool strict = sim_is_strict(sim, ua->call);

	if (txn->kind == UT_SERVER_INVITE) {
		/* These answer after limen may have forgotten that it asked. */
		strict =
			strict && !ua->manner.no_trying && ua->manner.on_cancel != ON_CANCEL_IGNORE;
		if (strict && txn->status >= 300)
			sim_violation(
				sim, ua->call,
				"endpoint %u: its refusal of an INVITE was never acknowledged",
				ua->slot);
		else if (strict && !call->lame)
			sim_violation(sim, ua->call,
				      "endpoint %u: its answer to an INVITE was never acknowledged",
				      ua->slot);
		if (sess && txn->status < 300 && sess->state == SESS_UP)
			ua_send_bye(sim, ua, sess);
		return;
	}
	/* A re-INVITE that was cancelled waits for a far side that may have vanished. */
	if (txn->cancelled && !txn->initial && call->lame)
		strict = false;
	/* What was under way when limen joined the others of a transfer has nobody to answer it. */
	if (call->transferred && !limen_answers(txn))
		strict = false;
	if (strict && (limen_answers(txn) || (!call->lame && !call->deaf)))
		sim_violation(sim, ua->call, "endpoint %u: its %s was never answered", ua->slot,
			      sip_method_name(txn->method));
	if (!sess)
		return;
	if (txn->initial)
		sess->state = SESS_DOWN;
	else if (sess->event)
		event_on_notified(sim, ua, sess, 408);
	else if (sess->state == SESS_UP)
		ua_send_bye(sim, ua, sess);
}

/* RFC 3262 section 3: the INVITE is refused when a reliable provisional answer gets no PRACK. */
void call_on_rel_timeout(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = ua_open_invite(ua, sess);

	if (!txn)
		return;
	if (sim_is_strict(sim, ua->call) && !sim->calls[ua->call].lame && !ua->manner.no_trying &&
	    ua->manner.on_cancel != ON_CANCEL_IGNORE)
		sim_violation(sim, ua->call,
			      "endpoint %u: its reliable provisional answer got no PRACK",
			      ua->slot);
	ua_end_session(ua, sess);
	ua_respond(sim, ua, txn, 504);
}
