/* SPDX-License-Identifier: BSD-3-Clause */
/* What an endpoint does in a call: what it sends of its own accord, and how it takes what it gets. */
#include <stdio.h>

#include "ua.h"

#define MSG_BYTES 8192u

/* An INVITE that got a provisional answer waits this long for a final one: longer than any of limen's own limits. */
#define UA_FINAL_WAIT (400 * SECOND)

static void copy_span(char *to, size_t room, struct span text)
{
	snprintf(to, room, "%.*s", SPAN_FMT(text));
}

static bool take_contact(struct sess *sess, const struct sip_msg *msg)
{
	struct sip_name_addr contact;

	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_CONTACT), &contact))
		return false;
	copy_span(sess->target, sizeof(sess->target), contact.uri);
	return true;
}

/* ---- sending ---- */

static struct ua_txn *client_new(struct sim *sim, struct ua *ua, struct sess *sess, uint8_t method)
{
	struct ua_txn *txn = ua_txn_new(ua, method == SIP_METHOD_INVITE ? UT_CLIENT_INVITE : UT_CLIENT, method);

	if (!txn)
		return NULL;
	txn->sess = (uint8_t)ua_sess_number(ua, sess);
	txn->dst = ua->limen;
	msg_branch(sim, ua, txn->branch, sizeof(txn->branch));
	return txn;
}

static struct ua_txn *send_request(struct sim *sim, struct ua *ua, struct sess *sess, uint8_t method, const struct ua_body *body,
				   const char *extra)
{
	struct ua_txn *txn = client_new(sim, ua, sess, method);
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));

	if (!txn)
		return NULL;
	txn->cseq = ++sess->local_cseq;
	txn->has_offer = body && body->sdp;
	msg_request(&out, ua, sess, txn, sess->target, body, extra);
	ua_txn_send(sim, ua, txn, cursor_span(&out));
	return txn;
}

/* The session is over: no more acts, no more waiting for PRACK or for the ACK of a 2xx (who says BYE has seen it). */
static void end_session(struct ua *ua, struct sess *sess)
{
	sess->state = SESS_DOWN;
	sess->rel_pending = false;
	sess->rel_ns = NEVER;
	ua_acts_clear(sess);
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if (txn->kind == UT_SERVER_INVITE && txn->state == US_ACCEPTED && txn->sess == ua_sess_number(ua, sess)) {
			txn->acked = true;
			txn->retransmit_ns = NEVER;
		}
	}
}

static void refuse_open(struct sim *sim, struct ua *ua, struct sess *sess);

static void send_bye(struct sim *sim, struct ua *ua, struct sess *sess)
{
	end_session(ua, sess);
	send_request(sim, ua, sess, SIP_METHOD_BYE, NULL, "");
	if (!ua->manner.rude)
		refuse_open(sim, ua, sess);
}

static void send_cancel(struct sim *sim, struct ua *ua, struct ua_txn *invite)
{
	struct ua_txn *txn = ua_txn_new(ua, UT_CLIENT, SIP_METHOD_CANCEL);
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));

	if (!txn || invite->cancelled)
		return;
	sim->totals->cancels++;
	invite->cancelled = true;
	invite->end_ns = sim->now_ns + UA_TIMEOUT;
	txn->sess = invite->sess;
	txn->dst = invite->dst;
	txn->cseq = invite->cseq;
	memcpy(txn->branch, invite->branch, sizeof(txn->branch));
	msg_cancel(&out, ua, invite);
	ua_txn_send(sim, ua, txn, cursor_span(&out));
}

/* The ACK of a 2xx is a request of its own in the dialog (section 13.2.2.4). */
static void send_ack(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *invite, const struct ua_body *body)
{
	struct ua_txn ack = {.method = SIP_METHOD_ACK, .cseq = invite->cseq};
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));

	msg_branch(sim, ua, ack.branch, sizeof(ack.branch));
	msg_request(&out, ua, sess, &ack, sess->target, body, "");
	ua_keep(&invite->ack, &invite->ack_len, cursor_span(&out));
	net_to_engine(sim, ua, &ua->limen, cursor_span(&out));
}

static void send_initial(struct sim *sim, struct ua *ua, struct sess *sess)
{
	static const uint8_t methods[] = {SIP_METHOD_INVITE, SIP_METHOD_MESSAGE, SIP_METHOD_OPTIONS, SIP_METHOD_OPTIONS};
	struct ua_body offer = {.sdp = true, .nmedia = ua->manner.two_media ? 2 : 1};
	struct ua_body text = {.text = SPAN("good day"), .type = "text/plain"};
	uint8_t method = methods[ua->manner.what];
	struct ua_txn *txn;

	if (method == SIP_METHOD_INVITE && !ua->manner.late_offer) {
		sess->offer_made = true;
		sess->nmedia = (uint8_t)offer.nmedia;
		txn = send_request(sim, ua, sess, method, &offer, "");
	} else {
		txn = send_request(sim, ua, sess, method, method == SIP_METHOD_MESSAGE ? &text : NULL, "");
	}
	txn->initial = true;
	sess->invite = (uint8_t)(txn - ua->txn);
	if (method == SIP_METHOD_INVITE && ua->manner.cancel_ms != UINT32_MAX)
		ua_act_at(ua, sess, sim->now_ns + ua->manner.cancel_ms * MS, ACT_CANCEL);
}

static void give_up(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *invite = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL;

	if (sess->state != SESS_EARLY || !invite || invite->kind != UT_CLIENT_INVITE)
		return;
	sess->gave_up = true;
	if (ua->manner.bye_not_cancel && sess->remote_tag[0])
		send_request(sim, ua, sess, SIP_METHOD_BYE, NULL, "");
	else if (invite->state == US_PROCEEDING)
		send_cancel(sim, ua, invite);
	else
		sess->cancel_wanted = true; /* only after a provisional answer (section 9.1) */
}

/* Whether an INVITE of either side is still open in this dialog. */
static bool invite_is_open(const struct ua *ua, const struct sess *sess)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		const struct ua_txn *txn = &ua->txn[i];

		if (txn->sess != ua_sess_number(ua, sess))
			continue;
		if (txn->kind == UT_CLIENT_INVITE && txn->state <= US_PROCEEDING)
			return true;
		if (txn->kind == UT_SERVER_INVITE &&
		    (txn->state <= US_PROCEEDING || (txn->state == US_ACCEPTED && !txn->acked)))
			return true;
	}
	return false;
}

static void send_reinvite(struct sim *sim, struct ua *ua, struct sess *sess, bool hold)
{
	struct ua_body offer = {.sdp = true, .hold = hold, .nmedia = sess->nmedia ? sess->nmedia : 1};
	struct ua_txn *txn;

	if (invite_is_open(ua, sess))
		return;
	sess->sdp_version++;
	txn = send_request(sim, ua, sess, SIP_METHOD_INVITE, ua->manner.late_offer && !hold ? NULL : &offer, "");
	if (txn && ua->manner.cancel_reinvite)
		ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 500) * MS, ACT_CANCEL_REINVITE);
}

static void cancel_reinvite(struct sim *sim, struct ua *ua, struct sess *sess)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if (txn->kind == UT_CLIENT_INVITE && !txn->initial && txn->state == US_PROCEEDING &&
		    txn->sess == ua_sess_number(ua, sess))
			send_cancel(sim, ua, txn);
	}
}

static void send_mid(struct sim *sim, struct ua *ua, struct sess *sess, enum ua_act what)
{
	struct ua_body offer = {.sdp = true, .nmedia = sess->nmedia ? sess->nmedia : 1};
	struct ua_body dtmf = {.text = SPAN("Signal=5\r\nDuration=160\r\n"), .type = "application/dtmf-relay"};
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
		if (invite_is_open(ua, sess))
			break;
		sess->sdp_version++;
		send_request(sim, ua, sess, SIP_METHOD_UPDATE, &offer, "");
		break;
	case ACT_INFO:
		send_request(sim, ua, sess, SIP_METHOD_INFO, &dtmf, "");
		break;
	case ACT_OPTIONS:
		send_request(sim, ua, sess, SIP_METHOD_OPTIONS, NULL, "");
		break;
	default:
		send_request(sim, ua, sess, SIP_METHOD_MESSAGE, &text, "");
		break;
	}
}

/* ---- answering ---- */

static struct ua_txn *server_new(struct ua *ua, const struct sip_msg *msg, struct sess *sess)
{
	struct ua_txn *txn =
		ua_txn_new(ua, msg->method == SIP_METHOD_INVITE ? UT_SERVER_INVITE : UT_SERVER, msg->method);

	if (!txn)
		return NULL;
	txn->sess = sess ? (uint8_t)ua_sess_number(ua, sess) : UA_SESSIONS;
	txn->dst = ua->limen;
	txn->cseq = msg->cseq;
	txn->has_offer = msg->body.len != 0 && span_ieq(sip_hdr_value(msg, SIP_HDR_CONTENT_TYPE), SPAN("application/sdp"));
	copy_span(txn->branch, sizeof(txn->branch), sip_span(msg, msg->via_branch));
	ua_keep(&txn->request, &txn->request_len, span_of(msg->buf, msg->len));
	return txn;
}

static void respond_as(struct sim *sim, struct ua *ua, struct ua_txn *txn, const struct sess *sess, uint16_t status,
		       const struct ua_body *body, const char *extra)
{
	static struct sip_msg request;
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));
	static const struct sess stranger = {.local_tag = "stranger"};
	const struct sess *as;

	if (sip_parse(&request, txn->request, txn->request_len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	as = sess ? sess : &stranger;
	msg_response(&out, ua, as, &request, status, as->local_tag, body, extra);
	ua_txn_respond(sim, ua, txn, status, cursor_span(&out));
}

static void respond(struct sim *sim, struct ua *ua, struct ua_txn *txn, uint16_t status)
{
	respond_as(sim, ua, txn, ua_sess_of(ua, txn), status, NULL, "");
}

static void refuse(struct sim *sim, struct ua *ua, const struct sip_msg *msg, struct sess *sess, uint16_t status)
{
	struct ua_txn *txn = server_new(ua, msg, sess);

	if (txn)
		respond(sim, ua, txn, status);
}

static struct ua_txn *open_invite(struct ua *ua, const struct sess *sess)
{
	struct ua_txn *txn = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL;

	return txn && txn->kind == UT_SERVER_INVITE && txn->state <= US_PROCEEDING ? txn : NULL;
}

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
	struct ua_txn *txn = open_invite(ua, sess);
	const struct manner *m = &ua->manner;
	unsigned i = sess->rings++;
	struct ua_body body = {.nmedia = sess->nmedia};
	char extra[96] = "";
	bool reliably;

	if (!txn || i >= m->nrings)
		return;
	body.sdp = m->ring_sdp[i] && txn->has_offer;
	reliably = m->ring_rel && m->ring_status[i] > 100 && !sess->rel_pending;
	if (reliably) {
		sess->rseq = sess->rseq ? sess->rseq + 1 : 1 + (uint32_t)rng_below(&sim->ua_rng, 1000);
		snprintf(extra, sizeof(extra), "Require: 100rel\r\nRSeq: %u\r\n", sess->rseq);
		sess->answer_seen |= body.sdp;
	}
	respond_as(sim, ua, txn, sess, m->ring_status[i], &body, extra);
	if (reliably)
		send_reliably(sim, ua, sess, txn);
	if (sess->rings < m->nrings)
		ua_act_at(ua, sess, sim->now_ns + m->ring_ms[sess->rings] * MS, ACT_RING);
}

static void set_up(struct sim *sim, struct ua *ua, struct sess *sess)
{
	const struct manner *m = &ua->manner;

	for (unsigned i = 0; i < 3; i++)
		if (m->mid[i] != ACT_NONE)
			ua_act_at(ua, sess, sim->now_ns + m->mid_ms[i] * MS, m->mid[i]);
	if (m->hangup_ms != UINT32_MAX)
		ua_act_at(ua, sess, sim->now_ns + m->hangup_ms * MS, ACT_BYE);
}

static void answer_with(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn)
{
	struct ua_body body = {.sdp = !ua->manner.no_sdp && !sess->answer_seen,
			       .nmedia = sess->nmedia ? sess->nmedia : 1,
			       .refuse_second = rng_below(&sim->ua_rng, 2) == 0 && txn->has_offer};

	if (ua->manner.bad_sdp) {
		body.sdp = false;
		body.text = SPAN("v=0\r\nthis is no description\r\n");
		body.type = "application/sdp";
	}
	if (!txn->has_offer)
		sess->offer_made = body.sdp;
	sess->state = SESS_UP;
	respond_as(sim, ua, txn, sess, 200, &body, "");
	if (ua->manner.early_bye)
		set_up(sim, ua, sess);
	if (ua->manner.fork_answers)
		ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 3000) * MS, ACT_FORK_FINAL);
}

static void answer_finally(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = open_invite(ua, sess);

	if (!txn || ua->manner.final_status == 0)
		return;
	/* RFC 3262 section 3: no 2xx while a reliable answer with a description waits for its PRACK. */
	if (sess->rel_pending) {
		ua_act_at(ua, sess, sim->now_ns + 200 * MS, ACT_FINAL);
		return;
	}
	if (ua->manner.final_status < 300) {
		answer_with(sim, ua, sess, txn);
		return;
	}
	end_session(ua, sess);
	respond_as(sim, ua, txn, sess, ua->manner.final_status, NULL,
		   ua->manner.final_status < 400 ? "Contact: <sip:zqB-elsewhere@10.77.99.99>\r\n" : "Retry-After: 7\r\n");
}

/* A proxy behind limen's peer rings a second phone: same INVITE, another tag. */
static struct sess *fork_of(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct sess *fork;

	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		fork = &ua->sess[i];
		if (fork != sess && fork->state != SESS_FREE && strcmp(fork->call_id, sess->call_id) == 0)
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
	struct ua_txn *txn = open_invite(ua, sess);
	struct sess *fork = txn ? fork_of(sim, ua, sess) : NULL;

	if (fork)
		respond_as(sim, ua, txn, fork, 180, NULL, "");
}

static void fork_answer(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL, *own;
	struct sess *fork = txn && txn->kind == UT_SERVER_INVITE && txn->state == US_ACCEPTED ? fork_of(sim, ua, sess) : NULL;
	struct ua_body body = {.sdp = true, .nmedia = sess->nmedia ? sess->nmedia : 1};

	own = fork && fork->state == SESS_EARLY ? ua_txn_new(ua, UT_SERVER_INVITE, SIP_METHOD_INVITE) : NULL;
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
	respond_as(sim, ua, own, fork, 200, &body, "");
}

static void answer_reinvite(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = sess->reinvite < UA_TXNS ? &ua->txn[sess->reinvite] : NULL;
	struct ua_body body = {.sdp = true, .nmedia = sess->nmedia ? sess->nmedia : 1};

	sess->reinvite = UA_TXNS;
	if (!txn || txn->kind != UT_SERVER_INVITE || txn->state > US_PROCEEDING || sess->state != SESS_UP)
		return;
	if (ua->manner.reject_reinvite)
		respond(sim, ua, txn, 488);
	else
		respond_as(sim, ua, txn, sess, 200, &body, "");
}

void call_act(struct sim *sim, struct ua *ua, struct sess *sess, enum ua_act what)
{
	switch (what) {
	case ACT_CALL:
		if (ua->manner.vanish_ms != UINT32_MAX) {
			ua->vanish_ns = sim->now_ns + ua->manner.vanish_ms * MS;
			events_add(&sim->events, ua->vanish_ns, EVENT_UA_TIMER, sim_ua_number(sim, ua), NULL);
		}
		send_initial(sim, ua, sess);
		break;
	case ACT_CANCEL:
		give_up(sim, ua, sess);
		break;
	case ACT_RING:
		ring(sim, ua, sess);
		break;
	case ACT_FINAL:
		answer_finally(sim, ua, sess);
		break;
	case ACT_BYE:
		if (sess->state == SESS_UP)
			send_bye(sim, ua, sess);
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
	case ACT_CANCEL_REINVITE:
		cancel_reinvite(sim, ua, sess);
		break;
	default:
		send_mid(sim, ua, sess, what);
		break;
	}
}

/* ---- requests that come in ---- */

static void start_called(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct sess *sess = ua->slot ? ua_sess_new(sim, ua) : NULL;
	const struct manner *m = &ua->manner;
	struct sip_name_addr name;
	struct ua_txn *txn;
	uint64_t at = sim->now_ns;

	if (!sess) {
		refuse(sim, ua, msg, NULL, 486);
		return;
	}
	if (m->vanish_ms != UINT32_MAX && ua->vanish_ns == NEVER) {
		ua->vanish_ns = sim->now_ns + m->vanish_ms * MS;
		events_add(&sim->events, ua->vanish_ns, EVENT_UA_TIMER, sim_ua_number(sim, ua), NULL);
	}
	copy_span(sess->call_id, sizeof(sess->call_id), sip_span(msg, msg->call_id));
	copy_span(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->from_tag));
	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_TO), &name) == 0)
		snprintf(sess->local_uri, sizeof(sess->local_uri), "<%.*s>", SPAN_FMT(name.uri));
	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_FROM), &name) == 0)
		snprintf(sess->remote_uri, sizeof(sess->remote_uri), "<%.*s>", SPAN_FMT(name.uri));
	take_contact(sess, msg);
	sess->remote_cseq = msg->cseq;
	txn = server_new(ua, msg, sess);
	if (!txn)
		return;
	txn->initial = true;
	sess->invite = (uint8_t)(txn - ua->txn);
	/* How many m= sections the answer must have; the endpoint's own offer has one. */
	for (size_t i = 0; txn->has_offer && i + 2 < msg->body.len; i++)
		sess->nmedia += memcmp(msg->buf + msg->body.off + i, "\nm=", 3) == 0;
	if (m->ring_rel && !sip_hdr_has_token(msg, SIP_HDR_SUPPORTED, SPAN("100rel")))
		ua->manner.ring_rel = false;
	for (unsigned i = 0; i < m->nrings; i++)
		at += m->ring_ms[i] * MS;
	if (!m->no_trying)
		respond(sim, ua, txn, 100);
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
	refuse(sim, ua, msg, sess, invite ? 200 : 481);
	if (!invite || !sess || invite->state > US_PROCEEDING)
		return;
	if (invite->initial && ua->manner.on_cancel == ON_CANCEL_IGNORE)
		return;
	if (invite->initial && ua->manner.on_cancel == ON_CANCEL_ANSWER) {
		end_session(ua, sess);
		answer_with(sim, ua, sess, invite);
		return;
	}
	if (invite->initial)
		end_session(ua, sess);
	respond(sim, ua, invite, 487);
}

static struct sess *find_session(struct ua *ua, const struct sip_msg *msg)
{
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		struct sess *sess = &ua->sess[i];

		if (sess->state != SESS_FREE && span_eq(sip_span(msg, msg->to_tag), span_str(sess->local_tag)) &&
		    span_eq(sip_span(msg, msg->call_id), span_str(sess->call_id)) &&
		    (sess->remote_tag[0] == 0 || span_eq(sip_span(msg, msg->from_tag), span_str(sess->remote_tag))))
			return sess;
	}
	return NULL;
}

/* An INVITE that nobody will answer any more (section 15.1.2). */
static void refuse_open(struct sim *sim, struct ua *ua, struct sess *sess)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *open = &ua->txn[i];

		if (open->kind == UT_SERVER_INVITE && open->sess == ua_sess_number(ua, sess) && open->state <= US_PROCEEDING)
			respond(sim, ua, open, 487);
	}
}

static void on_bye(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn)
{
	end_session(ua, sess);
	respond(sim, ua, txn, ua->manner.bye_status);
	refuse_open(sim, ua, sess);
}

static void on_reinvite(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg)
{
	struct ua_txn *txn;

	if (sess->state != SESS_UP) {
		refuse(sim, ua, msg, sess, 481);
		return;
	}
	if (invite_is_open(ua, sess)) {
		refuse(sim, ua, msg, sess, 491);
		return;
	}
	take_contact(sess, msg);
	txn = server_new(ua, msg, sess);
	if (!txn)
		return;
	sess->reinvite = (uint8_t)(txn - ua->txn);
	if (rng_below(&sim->ua_rng, 2))
		respond(sim, ua, txn, 100);
	ua_act_at(ua, sess, sim->now_ns + rng_below(&sim->ua_rng, 800) * MS, ACT_ANSWER_REINVITE);
}

static void on_prack(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn, const struct sip_msg *msg)
{
	struct span rack = sip_hdr_value(msg, SIP_HDR_RACK);
	char want[64];
	size_t len = (size_t)snprintf(want, sizeof(want), "%u ", sess->rseq);

	if (!sess->rel_pending || rack.len < len || memcmp(rack.ptr, want, len) != 0) {
		respond(sim, ua, txn, 481);
		return;
	}
	sim->totals->pracks++;
	sess->rel_pending = false;
	sess->rel_ns = NEVER;
	respond(sim, ua, txn, 200);
}

void call_on_request(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	struct ua_body answer = {.sdp = true};
	struct sess *sess;
	struct ua_txn *txn;

	if (msg->method == SIP_METHOD_CANCEL) {
		on_cancel(sim, ua, msg);
		return;
	}
	if (msg->to_tag.len == 0 && msg->method == SIP_METHOD_INVITE) {
		start_called(sim, ua, msg);
		return;
	}
	if (msg->to_tag.len == 0) {
		refuse(sim, ua, msg, NULL, ua->slot ? 200 : 404);
		return;
	}
	sess = find_session(ua, msg);
	if (!sess) {
		refuse(sim, ua, msg, NULL, 481);
		return;
	}
	if (sess->remote_cseq && msg->cseq <= sess->remote_cseq) {
		refuse(sim, ua, msg, sess, 500); /* section 12.2.2 */
		return;
	}
	sess->remote_cseq = msg->cseq;
	if (msg->method == SIP_METHOD_INVITE) {
		on_reinvite(sim, ua, sess, msg);
		return;
	}
	txn = server_new(ua, msg, sess);
	if (!txn)
		return;
	if (msg->method == SIP_METHOD_BYE) {
		on_bye(sim, ua, sess, txn);
	} else if (sess->state == SESS_DOWN) {
		respond(sim, ua, txn, 481);
	} else if (msg->method == SIP_METHOD_PRACK) {
		on_prack(sim, ua, sess, txn, msg);
	} else if (msg->method == SIP_METHOD_UPDATE && txn->has_offer) {
		answer.nmedia = sess->nmedia ? sess->nmedia : 1;
		respond_as(sim, ua, txn, sess, 200, &answer, "");
	} else {
		respond(sim, ua, txn, 200);
	}
}

/* ---- answers that come in ---- */

static void on_provisional(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn, const struct sip_msg *msg)
{
	uint64_t rseq;
	char rack[96];

	if (txn->state > US_PROCEEDING)
		return;
	txn->state = US_PROCEEDING;
	txn->retransmit_ns = NEVER;
	if (!txn->cancelled)
		txn->end_ns = sim->now_ns + UA_FINAL_WAIT;
	if (txn->initial && sess->state == SESS_EARLY && msg->status > 100 && msg->to_tag.len) {
		copy_span(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->to_tag));
		take_contact(sess, msg);
		if (msg->body.len)
			sess->answer_seen = true;
	}
	if (sess->cancel_wanted) {
		sess->cancel_wanted = false;
		send_cancel(sim, ua, txn);
	} else if (ua->manner.cancel_on_ring && msg->status > 100 && !sess->gave_up) {
		give_up(sim, ua, sess);
	}
	if (sip_hdr_has_token(msg, SIP_HDR_REQUIRE, SPAN("100rel")) && ua->manner.rel100 && !sess->gave_up &&
	    sip_number_parse(sip_hdr_value(msg, SIP_HDR_RSEQ), UINT32_MAX, &rseq) == 0 && rseq > sess->rseq_seen) {
		sess->rseq_seen = (uint32_t)rseq;
		snprintf(rack, sizeof(rack), "RAck: %u %u INVITE\r\n", (unsigned)rseq, txn->cseq);
		send_request(sim, ua, sess, SIP_METHOD_PRACK, NULL, rack);
	}
}

static void on_answered(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn, const struct sip_msg *msg)
{
	struct ua_body answer = {.sdp = msg->body.len && !txn->has_offer, .nmedia = sess->nmedia ? sess->nmedia : 1};

	if (txn->state == US_ACCEPTED) {
		if (txn->initial && !span_eq(sip_span(msg, msg->to_tag), span_str(sess->remote_tag)) &&
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
	take_contact(sess, msg);
	if (txn->initial) {
		copy_span(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->to_tag));
		if (sess->state == SESS_EARLY)
			sess->state = SESS_UP;
		/* An answerer that has agreed to an offer keeps its number of sections. */
		if (!txn->has_offer)
			sess->nmedia = 1;
	}
	if (!ua->manner.never_ack)
		send_ack(sim, ua, sess, txn, &answer);
	if (!txn->initial)
		return;
	if (sess->state == SESS_UP && sess->gave_up)
		send_bye(sim, ua, sess);
	else if (sess->state == SESS_UP && !ua->manner.never_ack)
		set_up(sim, ua, sess);
}

static void on_refused(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn, const struct sip_msg *msg)
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
	if (txn->initial) {
		end_session(ua, sess);
	} else if (msg->status == 491 && sess->state == SESS_UP && sess->retries++ < 3) {
		/* Section 14.1: whoever made the Call-ID waits longer. */
		ua_act_at(ua, sess,
			  sim->now_ns + (sess->caller ? 2100 + rng_below(&sim->ua_rng, 1900) : rng_below(&sim->ua_rng, 2000)) * MS,
			  ACT_REINVITE);
	} else if ((msg->status == 408 || msg->status == 481) && sess->state == SESS_UP) {
		send_bye(sim, ua, sess);
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
	if (txn->initial) /* a request of its own, without a dialog */
		sess->state = SESS_DOWN;
	else if ((msg->status == 481 || msg->status == 408) && txn->method != SIP_METHOD_CANCEL && sess->state == SESS_UP)
		send_bye(sim, ua, sess); /* section 12.2.1.2: the other side knows nothing of the dialog */
}

void call_on_ack(struct sim *sim, struct ua *ua, struct ua_txn *txn)
{
	struct sess *sess = ua_sess_of(ua, txn);

	if (txn->initial && sess->state == SESS_UP && !ua->manner.early_bye)
		set_up(sim, ua, sess);
}

/* ---- what never came ---- */

/* Requests that limen answers by itself, whatever became of the other side. */
static bool limen_answers(const struct ua_txn *txn)
{
	return txn->method == SIP_METHOD_INVITE || txn->method == SIP_METHOD_BYE || txn->method == SIP_METHOD_CANCEL;
}

void call_on_timeout(struct sim *sim, struct ua *ua, struct ua_txn *txn)
{
	struct sess *sess = ua_sess_of(ua, txn);
	const struct sim_call *call = &sim->calls[ua->call];
	bool strict = sim_is_strict(sim, ua->call);

	if (txn->kind == UT_SERVER_INVITE) {
		/* These answer after limen may have forgotten that it asked. */
		strict = strict && !ua->manner.no_trying && ua->manner.on_cancel != ON_CANCEL_IGNORE;
		if (strict && txn->status >= 300)
			sim_violation(sim, ua->call, "endpoint %u: its refusal of an INVITE was never acknowledged", ua->slot);
		else if (strict && !call->lame)
			sim_violation(sim, ua->call, "endpoint %u: its answer to an INVITE was never acknowledged", ua->slot);
		if (sess && txn->status < 300 && sess->state == SESS_UP)
			send_bye(sim, ua, sess);
		return;
	}
	if (strict && (limen_answers(txn) || (!call->lame && !call->deaf)))
		sim_violation(sim, ua->call, "endpoint %u: its %s was never answered", ua->slot, sip_method_name(txn->method));
	if (!sess)
		return;
	if (txn->initial)
		sess->state = SESS_DOWN;
	else if (sess->state == SESS_UP)
		send_bye(sim, ua, sess);
}

/* RFC 3262 section 3: the INVITE is refused when a reliable provisional answer gets no PRACK. */
void call_on_rel_timeout(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *txn = open_invite(ua, sess);

	if (!txn)
		return;
	if (sim_is_strict(sim, ua->call) && !sim->calls[ua->call].lame && !ua->manner.no_trying &&
	    ua->manner.on_cancel != ON_CANCEL_IGNORE)
		sim_violation(sim, ua->call, "endpoint %u: its reliable provisional answer got no PRACK", ua->slot);
	end_session(ua, sess);
	respond(sim, ua, txn, 504);
}
