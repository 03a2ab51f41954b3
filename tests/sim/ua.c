/* SPDX-License-Identifier: BSD-3-Clause */
/* An endpoint's transactions (RFC 3261 section 17, RFC 6026), its timers, and what it makes of a
 * datagram. */
#include "ua.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- transactions ---- */

void ua_keep(char **kept, uint32_t *len, struct span bytes)
{
	free(*kept);
	*kept = malloc(bytes.len ? bytes.len : 1);
	if (!*kept)
		abort();
	memcpy(*kept, bytes.ptr, bytes.len);
	*len = (uint32_t)bytes.len;
}

void ua_txn_free(struct ua_txn *txn)
{
	free(txn->msg);
	free(txn->ack);
	free(txn->request);
	*txn = (struct ua_txn){0};
}

struct ua_txn *ua_txn_new(struct ua *ua, uint8_t kind, uint8_t method)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if (txn->kind != UT_FREE)
			continue;
		*txn = (struct ua_txn){.kind = kind,
				       .method = method,
				       .sess = UA_SESSIONS,
				       .retransmit_ns = NEVER,
				       .end_ns = NEVER};
		return txn;
	}
	return NULL;
}

struct sess *ua_sess_of(struct ua *ua, const struct ua_txn *txn)
{
	return txn->sess < UA_SESSIONS ? &ua->sess[txn->sess] : NULL;
}

unsigned ua_sess_number(const struct ua *ua, const struct sess *sess)
{
	return (unsigned)(sess - ua->sess);
}

static bool is_client(const struct ua_txn *txn)
{
	return txn->kind == UT_CLIENT || txn->kind == UT_CLIENT_INVITE;
}

void ua_txn_send(struct sim *sim, struct ua *ua, struct ua_txn *txn, struct span bytes)
{
	ua_keep(&txn->msg, &txn->msg_len, bytes);
	txn->state = US_TRYING;
	txn->sent_ns = sim->now_ns;
	txn->interval_ns = UA_T1;
	txn->retransmit_ns = ua->tcp ? NEVER : sim->now_ns + UA_T1;
	txn->end_ns = sim->now_ns + UA_TIMEOUT;
	net_to_engine(sim, ua, &txn->dst, bytes);
}

void ua_txn_respond(struct sim *sim, struct ua *ua, struct ua_txn *txn, uint16_t status,
		    struct span bytes)
{
	ua_keep(&txn->msg, &txn->msg_len, bytes);
	txn->status = status;
	net_to_engine(sim, ua, &txn->dst, bytes);
	if (status < 200) {
		txn->state = US_PROCEEDING;
		return;
	}
	txn->end_ns = sim->now_ns + UA_TIMEOUT; /* H, J, L */
	if (txn->kind == UT_SERVER) {
		txn->state = US_COMPLETED;
		return;
	}
	txn->state = status < 300 ? US_ACCEPTED : US_COMPLETED;
	txn->interval_ns = UA_T1;
	/* A 2xx is repeated over any transport (section 13.3.1.4). */
	txn->retransmit_ns = ua->tcp && status >= 300 ? NEVER : sim->now_ns + UA_T1;
}

static void txn_retransmit(struct sim *sim, struct ua *ua, struct ua_txn *txn)
{
	bool capped = txn->kind != UT_CLIENT_INVITE;

	net_to_engine(sim, ua, &txn->dst, span_of(txn->msg, txn->msg_len));
	txn->interval_ns = capped && 2 * txn->interval_ns > UA_T2 ? UA_T2 : 2 * txn->interval_ns;
	txn->retransmit_ns = sim->now_ns + txn->interval_ns;
}

static void txn_end(struct sim *sim, struct ua *ua, struct ua_txn *txn)
{
	bool waits = is_client(txn)
			     ? txn->state <= US_PROCEEDING
			     : txn->kind == UT_SERVER_INVITE && !txn->acked && txn->status >= 200;

	txn->retransmit_ns = NEVER;
	txn->end_ns = NEVER;
	if (waits)
		call_on_timeout(sim, ua, txn);
	ua_txn_free(txn);
}

/* ---- sessions ---- */

struct sess *ua_sess_new(struct sim *sim, struct ua *ua)
{
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		struct sess *sess = &ua->sess[i];

		if (sess->state != SESS_FREE)
			continue;
		memset(sess, 0, sizeof(*sess));
		sess->state = SESS_EARLY;
		sess->invite = sess->reinvite = UA_TXNS;
		sess->rel_ns = sess->rel_end_ns = NEVER;
		sess->sdp_version = 1;
		sess->local_cseq = (uint32_t)rng_below(&sim->ua_rng, 1u << 30);
		snprintf(sess->local_tag, sizeof(sess->local_tag), "%s-%08x-%x",
			 ua->side == SIDE_A ? "zqA" : "zqB",
			 (unsigned)rng_below(&sim->ua_rng, UINT32_MAX), i);
		return sess;
	}
	return NULL;
}

void ua_act_at(struct ua *ua, struct sess *sess, uint64_t at_ns, enum ua_act what)
{
	(void)ua;
	for (unsigned i = 0; i < UA_ACTS; i++) {
		if (sess->acts[i].what != ACT_NONE)
			continue;
		sess->acts[i].what = (uint8_t)what;
		sess->acts[i].at_ns = at_ns;
		return;
	}
}

void ua_acts_clear(struct sess *sess)
{
	memset(sess->acts, 0, sizeof(sess->acts));
}

/* ---- timers ---- */

static uint64_t ua_next_ns(const struct ua *ua)
{
	uint64_t next = NEVER;

	for (unsigned i = 0; i < UA_TXNS; i++) {
		const struct ua_txn *txn = &ua->txn[i];

		if (txn->kind == UT_FREE)
			continue;
		next = txn->retransmit_ns < next ? txn->retransmit_ns : next;
		next = txn->end_ns < next ? txn->end_ns : next;
	}
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		const struct sess *sess = &ua->sess[i];

		if (sess->state == SESS_FREE)
			continue;
		next = sess->rel_ns < next ? sess->rel_ns : next;
		for (unsigned k = 0; k < UA_ACTS; k++)
			if (sess->acts[k].what != ACT_NONE && sess->acts[k].at_ns < next)
				next = sess->acts[k].at_ns;
	}
	return next;
}

void ua_arm(struct sim *sim, struct ua *ua)
{
	uint64_t next = ua->gone ? NEVER : ua_next_ns(ua);

	/* An earlier event that is under way will look again. */
	if (next == NEVER || next >= ua->timer_ns)
		return;
	ua->timer_ns = next;
	events_add(&sim->events, next, EVENT_UA_TIMER, sim_ua_number(sim, ua), NULL);
}

static void run_rel(struct sim *sim, struct ua *ua, struct sess *sess)
{
	if (sim->now_ns >= sess->rel_end_ns) {
		sess->rel_ns = NEVER;
		sess->rel_pending = false;
		call_on_rel_timeout(sim, ua, sess);
		return;
	}
	net_to_engine(sim, ua, &ua->limen, span_of(sess->rel_msg, sess->rel_len));
	sess->rel_interval_ns *= 2;
	sess->rel_ns = sim->now_ns + sess->rel_interval_ns;
}

static void run_acts(struct sim *sim, struct ua *ua, struct sess *sess)
{
	for (unsigned i = 0; i < UA_ACTS; i++) {
		enum ua_act what = sess->acts[i].what;

		if (what == ACT_NONE || sess->acts[i].at_ns > sim->now_ns)
			continue;
		sess->acts[i].what = ACT_NONE;
		call_act(sim, ua, sess, what);
	}
}

static bool ua_vanish(struct sim *sim, struct ua *ua)
{
	if (!ua->gone && sim->now_ns >= ua->vanish_ns) {
		sim_trace(sim, ua->call, "endpoint %u vanishes", ua->slot);
		ua_free(ua);
		ua->gone = true;
	}
	return ua->gone;
}

void ua_timer(struct sim *sim, struct ua *ua)
{
	ua->timer_ns = NEVER;
	if (ua_vanish(sim, ua))
		return;
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if (txn->kind == UT_FREE)
			continue;
		if (sim->now_ns >= txn->end_ns)
			txn_end(sim, ua, txn);
		else if (sim->now_ns >= txn->retransmit_ns)
			txn_retransmit(sim, ua, txn);
	}
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		struct sess *sess = &ua->sess[i];

		if (sess->state == SESS_FREE)
			continue;
		if (sim->now_ns >= sess->rel_ns)
			run_rel(sim, ua, sess);
		run_acts(sim, ua, sess);
	}
	ua_arm(sim, ua);
}

/* ---- reception ---- */

static struct ua_txn *find_server(struct ua *ua, const struct sip_msg *msg, uint8_t method)
{
	struct span branch = sip_span(msg, msg->via_branch);

	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if ((txn->kind == UT_SERVER || txn->kind == UT_SERVER_INVITE) &&
		    txn->method == method && span_eq(branch, span_str(txn->branch)))
			return txn;
	}
	return NULL;
}

static struct ua_txn *find_client(struct ua *ua, const struct sip_msg *msg)
{
	struct span branch = sip_span(msg, msg->via_branch);

	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if (is_client(txn) && txn->method == msg->method && txn->cseq == msg->cseq &&
		    span_eq(branch, span_str(txn->branch)))
			return txn;
	}
	return NULL;
}

/* The ACK of a refusal has the INVITE's branch; that of a 2xx is known by its dialog and CSeq
 * (section 13.3.1.4). */
static void on_ack(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct ua_txn *txn = find_server(ua, msg, SIP_METHOD_INVITE);

	if (txn && txn->state == US_COMPLETED) {
		txn->acked = true;
		txn->state = US_CONFIRMED;
		txn->retransmit_ns = NEVER;
		txn->end_ns = sim->now_ns + UA_T4;
		return;
	}
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct sess *sess = ua_sess_of(ua, &ua->txn[i]);

		txn = &ua->txn[i];
		if (txn->kind != UT_SERVER_INVITE || txn->state != US_ACCEPTED ||
		    txn->cseq != msg->cseq || !sess ||
		    !span_eq(sip_span(msg, msg->to_tag), span_str(sess->local_tag)) ||
		    !span_eq(sip_span(msg, msg->call_id), span_str(sess->call_id)))
			continue;
		if (txn->acked)
			return;
		txn->acked = true;
		txn->retransmit_ns = NEVER;
		if (msg->body.len && txn->has_offer && sim_is_strict(sim, ua->call))
			sim_violation(
				sim, ua->call,
				"an ACK carries a description though the INVITE had an offer");
		call_on_ack(sim, ua, txn);
		return;
	}
}

static void on_request(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct ua_txn *txn;

	if (ua->manner.silent)
		return;
	if (msg->method == SIP_METHOD_ACK) {
		on_ack(sim, ua, msg);
		return;
	}
	txn = find_server(ua, msg, msg->method);
	if (txn) {
		if (txn->msg)
			net_to_engine(sim, ua, &txn->dst, span_of(txn->msg, txn->msg_len));
		return;
	}
	call_on_request(sim, ua, msg);
}

static void on_response(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct ua_txn *txn = find_client(ua, msg);
	struct sess *sess;

	if (!txn)
		return;
	sess = ua_sess_of(ua, txn);
	if (sess && sim_is_strict(sim, ua->call) &&
	    (!span_eq(sip_span(msg, msg->call_id), span_str(sess->call_id)) ||
	     !span_eq(sip_span(msg, msg->from_tag), span_str(sess->local_tag)))) {
		sim_violation(sim, ua->call,
			      "a response has the Call-ID or From tag of another request");
		return;
	}
	call_on_response(sim, ua, txn, msg);
}

void ua_receive(struct sim *sim, struct ua *ua, struct span bytes)
{
	static struct sip_msg msg;

	if (ua_vanish(sim, ua))
		return;
	if (sip_parse(&msg, bytes.ptr, bytes.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	if (msg.is_request)
		on_request(sim, ua, &msg);
	else
		on_response(sim, ua, &msg);
	rtp_take_sdp(sim, ua, &msg);
	ua_arm(sim, ua);
}

void ua_free(struct ua *ua)
{
	for (unsigned i = 0; i < UA_TXNS; i++)
		ua_txn_free(&ua->txn[i]);
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		free(ua->sess[i].rel_msg);
		ua->sess[i].rel_msg = NULL;
		ua->sess[i].rel_ns = NEVER;
		ua_acts_clear(&ua->sess[i]);
	}
}

bool ua_is_quiet(const struct ua *ua)
{
	return ua->gone || ua_next_ns(ua) == NEVER;
}
