/* SPDX-License-Identifier: BSD-3-Clause */
/* What an endpoint does of its own accord, when its time comes. */
#include <stdio.h>

#include "ua.h"

/* ---- as a caller, and in the dialog ---- */

static void send_initial(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_body offer = {.sdp = true, .nmedia = ua->manner.two_media ? 2 : 1};
	uint8_t method = alone_method(ua);
	struct ua_txn *txn;

	if (method != SIP_METHOD_INVITE) {
		txn = alone_send(sim, ua, sess);
	} else if (!ua->manner.late_offer) {
		sess->offer_made = true;
		sess->nmedia = (uint8_t)offer.nmedia;
		txn = ua_send_request(sim, ua, sess, method, &offer, sess->extra);
	} else {
		txn = ua_send_request(sim, ua, sess, method, NULL, sess->extra);
	}
	if (!txn) {
		ua_end_session(ua, sess);
		return;
	}
	txn->initial = true;
	sess->invite = (uint8_t)(txn - ua->txn);
	if (method == SIP_METHOD_INVITE && ua->manner.cancel_ms != UINT32_MAX)
		ua_act_at(ua, sess, sim->now_ns + ua->manner.cancel_ms * MS, ACT_CANCEL);
}

/* The INVITE that was refused, as that asked for: a new request of the same session. */
void ua_call_again(struct sim *sim, struct ua *ua, struct sess *sess)
{
	ua_acts_clear(sess);
	sess->remote_tag[0] = 0;
	sess->answer_seen = false;
	memset(sess->prack, 0, sizeof(sess->prack));
	send_initial(sim, ua, sess);
}

static void send_reinvite(struct sim *sim, struct ua *ua, struct sess *sess, bool hold)
{
	struct ua_body offer = {.sdp = true,
				.direction = hold ? ua->manner.hold : DIR_SENDRECV,
				.nmedia = sess->nmedia ? sess->nmedia : 1};
	struct ua_txn *txn;

	if (ua_invite_is_open(ua, sess) || ua_offer_is_open(ua, sess))
		return;
	sess->sdp_version++;
	txn = ua_send_request(sim, ua, sess, SIP_METHOD_INVITE,
			      ua->manner.late_offer && !hold ? NULL : &offer, "");
	if (txn && ua->manner.cancel_reinvite)
		ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 500) * MS,
			  ACT_CANCEL_REINVITE);
}

static void cancel_reinvite(struct sim *sim, struct ua *ua, struct sess *sess)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if (txn->kind == UT_CLIENT_INVITE && !txn->initial && txn->state == US_PROCEEDING &&
		    txn->sess == ua_sess_number(ua, sess))
			ua_send_cancel(sim, ua, txn);
	}
}

static void send_mid(struct sim *sim, struct ua *ua, struct sess *sess, enum ua_act what)
{
	struct ua_body offer = {.sdp = true, .nmedia = sess->nmedia ? sess->nmedia : 1};
	struct ua_body dtmf = {.text = SPAN("Signal=5\r\nDuration=160\r\n"),
			       .type = "application/dtmf-relay"};
	struct ua_body text = {.text = SPAN("still there?"), .type = "text/plain"};

	if (sess->state != SESS_UP)
		return;
	sim->totals->mid_dialog++;
	switch (what) {
	case ACT_REINVITE:
	case ACT_HOLD:
		send_reinvite(sim, ua, sess, what == ACT_HOLD);
		break;
	case ACT_UPDATE:
		if (ua_invite_is_open(ua, sess) || ua_offer_is_open(ua, sess) ||
		    ua->manner.no_update)
			break;
		sess->sdp_version++;
		ua_send_request(sim, ua, sess, SIP_METHOD_UPDATE, &offer, "");
		break;
	case ACT_INFO:
		ua_send_request(sim, ua, sess, SIP_METHOD_INFO, &dtmf, "");
		break;
	case ACT_OPTIONS:
		ua_send_request(sim, ua, sess, SIP_METHOD_OPTIONS, NULL, "");
		break;
	default:
		ua_send_request(sim, ua, sess, SIP_METHOD_MESSAGE, &text, "");
		break;
	}
}

/* ---- as the one called ---- */

static void send_reliably(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn)
{
	ua_keep(&sess->rel_msg, &sess->rel_len, span_of(txn->msg, txn->msg_len));
	sess->rel_pending = true;
	sess->rel_interval_ns = UA_T1;
	sess->rel_ns = sim->now_ns + UA_T1;
	sess->rel_end_ns = sim->now_ns + UA_TIMEOUT;
}

static void ring(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = ua_open_invite(ua, sess);
	const struct manner *m = &ua->manner;
	unsigned i = sess->rings++;
	struct ua_body body;
	char extra[96] = "";
	bool reliably;

	if (!txn || i >= m->nrings)
		return;
	body = ua_answer_body(sess, txn);
	body.sdp = m->ring_sdp[i] && txn->has_offer;
	reliably = m->ring_rel && m->ring_status[i] > 100 && !sess->rel_pending;
	if (reliably) {
		sess->rseq =
			sess->rseq ? sess->rseq + 1 : 1 + (uint32_t)rng_below(&sim->ua_rng, 1000);
		snprintf(extra, sizeof(extra), "Require: 100rel\r\nRSeq: %u\r\n", sess->rseq);
		sess->answer_seen |= body.sdp;
	}
	ua_respond_as(sim, ua, txn, sess, m->ring_status[i], &body, extra);
	if (reliably)
		send_reliably(sim, ua, sess, txn);
	if (sess->rings < m->nrings)
		ua_act_at(ua, sess, sim->now_ns + m->ring_ms[sess->rings] * MS, ACT_RING);
}

void ua_answer_with(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn)
{
	struct ua_body body = ua_answer_body(sess, txn);

	body.sdp = !ua->manner.no_sdp && !sess->answer_seen;
	body.refuse_second = rng_below(&sim->ua_rng, 2) == 0 && txn->has_offer;
	if (ua->manner.bad_sdp) {
		body.sdp = false;
		body.text = SPAN("v=0\r\nthis is no description\r\n");
		body.type = "application/sdp";
	}
	if (!txn->has_offer)
		sess->offer_made = body.sdp;
	sess->state = SESS_UP;
	ua_respond_as(sim, ua, txn, sess, 200, &body, "");
	if (ua->manner.early_bye)
		ua_set_up(sim, ua, sess);
	if (ua->manner.fork_answers)
		ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 3000) * MS,
			  ACT_FORK_FINAL);
}

static void put_place(struct cursor *out, const struct ua *ua, double q)
{
	char text[64];

	snprintf(text, sizeof(text), "<sip:called%u@", ua->call);
	put_bytes(out, text, strlen(text));
	put_endpoint(out, &ua->self);
	snprintf(text, sizeof(text), ">;q=%.1f\r\n", q);
	put_bytes(out, text, strlen(text));
}

/* 3xx: to another place of this call, to itself, to all of them, or to where nobody is. */
static void redirect(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn)
{
	const struct ua *first = &sim->uas[ua->call * SIM_SLOTS];
	char text[512];
	struct cursor lines = cursor_on(text, sizeof(text) - 1);

	switch (ua->manner.moved) {
	case MOVED_NEXT:
	case MOVED_HERE:
		put_lit(&lines, "Contact: ");
		put_place(&lines,
			  ua->manner.moved == MOVED_HERE ? ua
							 : &first[1 + ua->slot % (SIM_SLOTS - 1)],
			  1.0);
		break;
	case MOVED_ALL:
		for (unsigned slot = 1; slot < SIM_SLOTS; slot++) {
			put_lit(&lines, "Contact: ");
			put_place(&lines, &first[slot], 1.0 / slot);
		}
		break;
	default:
		put_lit(&lines, "Contact: <sip:elsewhere@10.77.99.99>\r\n");
		break;
	}
	text[lines.len] = 0;
	ua_respond_as(sim, ua, txn, sess, ua->manner.final_status, NULL, text);
}

static void answer_finally(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = ua_open_invite(ua, sess);

	if (!txn || ua->manner.final_status == 0)
		return;
	/* RFC 3262 section 3: no 2xx while a reliable answer with a description waits for its
	 * PRACK. */
	if (sess->rel_pending) {
		ua_act_at(ua, sess, sim->now_ns + 200 * MS, ACT_FINAL);
		return;
	}
	if (ua->manner.final_status < 300) {
		ua_answer_with(sim, ua, sess, txn);
		return;
	}
	ua_end_session(ua, sess);
	if (ua->manner.final_status < 400)
		redirect(sim, ua, sess, txn);
	else
		ua_respond_as(sim, ua, txn, sess, ua->manner.final_status, NULL,
			      "Retry-After: 7\r\n");
}

/* A proxy behind limen's peer rings a second phone: same INVITE, another tag. */
static struct sess *fork_of(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct sess *fork;

	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		fork = &ua->sess[i];
		if (fork != sess && fork->state != SESS_FREE &&
		    strcmp(fork->call_id, sess->call_id) == 0)
			return fork;
	}
	fork = ua_sess_new(sim, ua);
	if (!fork)
		return NULL;
	memcpy(fork->call_id, sess->call_id, sizeof(fork->call_id));
	memcpy(fork->remote_tag, sess->remote_tag, sizeof(fork->remote_tag));
	memcpy(fork->local_uri, sess->local_uri, sizeof(fork->local_uri));
	memcpy(fork->remote_uri, sess->remote_uri, sizeof(fork->remote_uri));
	memcpy(fork->target, sess->target, sizeof(fork->target));
	fork->remote_cseq = sess->remote_cseq;
	fork->nmedia = sess->nmedia;
	fork->state = SESS_EARLY;
	sim->totals->forks++;
	return fork;
}

static void fork_ring(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = ua_open_invite(ua, sess);
	struct sess *fork = txn ? fork_of(sim, ua, sess) : NULL;

	if (fork)
		ua_respond_as(sim, ua, txn, fork, 180, NULL, "");
}

static void fork_answer(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL, *own;
	struct sess *fork = txn && txn->kind == UT_SERVER_INVITE && txn->state == US_ACCEPTED
				    ? fork_of(sim, ua, sess)
				    : NULL;
	struct ua_body body;

	own = fork && fork->state == SESS_EARLY
		      ? ua_txn_new(ua, UT_SERVER_INVITE, SIP_METHOD_INVITE)
		      : NULL;
	if (!own)
		return;
	own->sess = (uint8_t)ua_sess_number(ua, fork);
	own->dst = txn->dst;
	own->cseq = txn->cseq;
	own->has_offer = txn->has_offer;
	own->initial = true;
	ua_keep(&own->request, &own->request_len, span_of(txn->request, txn->request_len));
	fork->state = SESS_UP;
	fork->invite = (uint8_t)(own - ua->txn);
	body = ua_answer_body(fork, own);
	ua_respond_as(sim, ua, own, fork, 200, &body, "");
}

static void answer_reinvite(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = sess->reinvite < UA_TXNS ? &ua->txn[sess->reinvite] : NULL;
	struct ua_body body;

	sess->reinvite = UA_TXNS;
	if (!txn || txn->kind != UT_SERVER_INVITE || txn->state > US_PROCEEDING ||
	    sess->state != SESS_UP)
		return;
	body = ua_answer_body(sess, txn);
	/* Who refuses even what changes nothing cannot be kept alive. */
	sim->calls[ua->call].lazy |= ua->manner.reject_reinvite;
	if (ua->manner.reject_reinvite)
		ua_respond(sim, ua, txn, 488);
	else
		ua_respond_as(sim, ua, txn, sess, 200, &body, "");
}

/* A media packet, and when the next one will be. */
static void talk(struct sim *sim, struct ua *ua, struct sess *sess)
{
	if (sess->state != SESS_UP)
		return;
	rtp_send(sim, ua, sess);
	if (++sess->rtp_count < (ua->manner.talks ? 40 : 4))
		ua_act_at(ua, sess,
			  sim->now_ns +
				  (ua->manner.talks ? 1500 : rng_below(&sim->ua_rng, 4000)) * MS,
			  ACT_RTP);
}

/* ---- when ---- */

void call_act(struct sim *sim, struct ua *ua, struct sess *sess, enum ua_act what)
{
	switch (what) {
	case ACT_CALL:
		if (ua->manner.vanish_ms != UINT32_MAX && ua->vanish_ns == NEVER) {
			ua->vanish_ns = sim->now_ns + ua->manner.vanish_ms * MS;
			events_add(&sim->events, ua->vanish_ns, EVENT_UA_TIMER,
				   sim_ua_number(sim, ua), NULL);
		}
		send_initial(sim, ua, sess);
		break;
	case ACT_CANCEL:
		ua_give_up(sim, ua, sess);
		break;
	case ACT_RING:
		ring(sim, ua, sess);
		break;
	case ACT_FINAL:
		answer_finally(sim, ua, sess);
		break;
	case ACT_BYE:
		/* Whoever leaves it to limen to end the call does not hang up before. */
		if (sess->state == SESS_UP && timer_is_neglected(ua, sess) &&
		    sess->bye_put_off++ < 30)
			ua_act_at(ua, sess, sim->now_ns + 60 * SECOND, ACT_BYE);
		else if (sess->state == SESS_UP)
			ua_send_bye(sim, ua, sess);
		break;
	case ACT_FORK_RING:
		fork_ring(sim, ua, sess);
		break;
	case ACT_FORK_FINAL:
		fork_answer(sim, ua, sess);
		break;
	case ACT_ANSWER_REINVITE:
		answer_reinvite(sim, ua, sess);
		break;
	case ACT_SUBSCRIBE_AGAIN:
	case ACT_UNSUBSCRIBE:
	case ACT_EVENT_OVER:
	case ACT_ACCEPT_EVENT:
	case ACT_NOTIFY:
	case ACT_NOTIFY_LAST:
		event_act(sim, ua, sess, what);
		break;
	case ACT_REFER:
		refer_act(sim, ua, sess);
		break;
	case ACT_REFRESH:
		timer_refresh(sim, ua, sess);
		break;
	case ACT_EXPIRED:
		timer_expired(sim, ua, sess);
		break;
	case ACT_RTP:
		talk(sim, ua, sess);
		break;
	case ACT_CANCEL_REINVITE:
		cancel_reinvite(sim, ua, sess);
		break;
	default:
		send_mid(sim, ua, sess, what);
		break;
	}
}
