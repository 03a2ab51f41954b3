/* SPDX-License-Identifier: BSD-3-Clause */
/* What an endpoint says: requests, answers, and the end of a session. */
#include <stdio.h>

#include "ua.h"

#define MSG_BYTES 8192u

void ua_copy(char *to, size_t room, struct span text)
{
	snprintf(to, room, "%.*s", SPAN_FMT(text));
}

bool ua_take_contact(struct sess *sess, const struct sip_msg *msg)
{
	struct sip_name_addr contact;

	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_CONTACT), &contact))
		return false;
	ua_copy(sess->target, sizeof(sess->target), contact.uri);
	return true;
}

void ua_take_dialog(struct sess *sess, const struct sip_msg *msg)
{
	struct sip_name_addr name;

	ua_copy(sess->call_id, sizeof(sess->call_id), sip_span(msg, msg->call_id));
	ua_copy(sess->remote_tag, sizeof(sess->remote_tag), sip_span(msg, msg->from_tag));
	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_TO), &name) == 0)
		snprintf(sess->local_uri, sizeof(sess->local_uri), "<%.*s>", SPAN_FMT(name.uri));
	if (sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_FROM), &name) == 0)
		snprintf(sess->remote_uri, sizeof(sess->remote_uri), "<%.*s>", SPAN_FMT(name.uri));
	ua_take_contact(sess, msg);
	sess->remote_cseq = msg->cseq;
}

/* ---- requests ---- */

static struct ua_txn *client_new(struct sim *sim, struct ua *ua, struct sess *sess, uint8_t method)
{
	struct ua_txn *txn =
		ua_txn_new(ua, method == SIP_METHOD_INVITE ? UT_CLIENT_INVITE : UT_CLIENT, method);

	if (!txn)
		return NULL;
	txn->sess = (uint8_t)ua_sess_number(ua, sess);
	txn->dst = ua->limen;
	msg_branch(sim, ua, txn->branch, sizeof(txn->branch));
	return txn;
}

struct ua_txn *ua_send_request(struct sim *sim, struct ua *ua, struct sess *sess, uint8_t method,
			       const struct ua_body *body, const char *extra)
{
	struct ua_txn *txn = client_new(sim, ua, sess, method);
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));

	if (!txn)
		return NULL;
	txn->cseq = ++sess->local_cseq;
	txn->has_offer = body && body->sdp;
	txn->direction = body ? body->direction : DIR_SENDRECV;
	txn->sdp_version = sess->sdp_version;
	msg_request(&out, ua, sess, txn, sess->target, body, extra);
	ua_txn_send(sim, ua, txn, cursor_span(&out));
	return txn;
}

/* An INVITE that nobody will answer any more (section 15.1.2). */
void ua_refuse_open(struct sim *sim, struct ua *ua, struct sess *sess)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *open = &ua->txn[i];

		if (open->kind == UT_SERVER_INVITE && open->sess == ua_sess_number(ua, sess) &&
		    open->state <= US_PROCEEDING)
			ua_respond(sim, ua, open, 487);
	}
}

/* The session is over: no more acts, no more waiting for PRACK or for the ACK of a 2xx (who says
 * BYE has seen it). */
void ua_end_session(struct ua *ua, struct sess *sess)
{
	sess->state = SESS_DOWN;
	sess->rel_pending = false;
	sess->rel_ns = NEVER;
	ua_acts_clear(sess);
	for (unsigned i = 0; i < UA_TXNS; i++) {
		struct ua_txn *txn = &ua->txn[i];

		if (txn->kind == UT_SERVER_INVITE && txn->state == US_ACCEPTED &&
		    txn->sess == ua_sess_number(ua, sess)) {
			txn->acked = true;
			txn->retransmit_ns = NEVER;
		}
	}
}

void ua_send_bye(struct sim *sim, struct ua *ua, struct sess *sess)
{
	sim->calls[ua->call].hung_up = true;
	ua_end_session(ua, sess);
	ua_send_request(sim, ua, sess, SIP_METHOD_BYE, NULL, "");
	if (!ua->manner.rude)
		ua_refuse_open(sim, ua, sess);
}

void ua_send_cancel(struct sim *sim, struct ua *ua, struct ua_txn *invite)
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
void ua_send_ack(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *invite,
		 const struct ua_body *body)
{
	struct ua_txn ack = {.method = SIP_METHOD_ACK, .cseq = invite->cseq};
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));

	msg_branch(sim, ua, ack.branch, sizeof(ack.branch));
	sess->described |= body && body->sdp;
	msg_request(&out, ua, sess, &ack, sess->target, body, "");
	ua_keep(&invite->ack, &invite->ack_len, cursor_span(&out));
	net_to_engine(sim, ua, &ua->limen, cursor_span(&out));
}

void ua_give_up(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct ua_txn *invite = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL;

	if (sess->state != SESS_EARLY || !invite || invite->kind != UT_CLIENT_INVITE)
		return;
	sess->gave_up = true;
	if (ua->manner.bye_not_cancel && sess->remote_tag[0])
		ua_send_request(sim, ua, sess, SIP_METHOD_BYE, NULL, "");
	else if (invite->state == US_PROCEEDING)
		ua_send_cancel(sim, ua, invite);
	else
		sess->cancel_wanted = true; /* only after a provisional answer (section 9.1) */
}

/* Whether an INVITE of either side is still open in this dialog. */
bool ua_invite_is_open(const struct ua *ua, const struct sess *sess)
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

/* Whether an offer of this endpoint's waits for its answer. */
bool ua_offer_is_open(const struct ua *ua, const struct sess *sess)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		const struct ua_txn *txn = &ua->txn[i];

		if ((txn->kind == UT_CLIENT_INVITE || txn->kind == UT_CLIENT) && txn->has_offer &&
		    !txn->initial && txn->state <= US_PROCEEDING &&
		    txn->sess == ua_sess_number(ua, sess))
			return true;
	}
	return false;
}

void ua_set_up(struct sim *sim, struct ua *ua, struct sess *sess)
{
	const struct manner *m = &ua->manner;

	for (unsigned i = 0; i < 3; i++)
		if (m->mid[i] != ACT_NONE)
			ua_act_at(ua, sess, sim->now_ns + m->mid_ms[i] * MS, m->mid[i]);
	if (sim->calls[ua->call].rtp)
		ua_act_at(ua, sess, sim->now_ns + (100 + rng_below(&sim->ua_rng, 1500)) * MS,
			  ACT_RTP);
	if (m->refers && !sess->consults && !sim->calls[ua->call].transferred)
		ua_act_at(ua, sess, sim->now_ns + m->refer_ms * MS, ACT_REFER);
	refer_on_up(sim, ua, sess);
	/* Whoever began a call of its own sees to its end. */
	if (m->hangup_ms != UINT32_MAX)
		ua_act_at(ua, sess, sim->now_ns + m->hangup_ms * MS, ACT_BYE);
	else if (sess->caller && ua_sess_number(ua, sess))
		ua_act_at(ua, sess, sim->now_ns + 25 * SECOND, ACT_BYE);
}

/* ---- answers ---- */

/* RFC 3264 section 6.1. */
enum ua_direction ua_answer_direction(struct span offer)
{
	if (memmem(offer.ptr, offer.len, "a=sendonly", 10))
		return DIR_RECVONLY;
	if (memmem(offer.ptr, offer.len, "a=recvonly", 10))
		return DIR_SENDONLY;
	return memmem(offer.ptr, offer.len, "a=inactive", 10) ? DIR_INACTIVE : DIR_SENDRECV;
}

/* The answer to the offer that a request brought; an offer of its own where it brought none. */
struct ua_body ua_answer_body(const struct sess *sess, const struct ua_txn *txn)
{
	return (struct ua_body){
		.sdp = true,
		.nmedia = sess->nmedia ? sess->nmedia : 1,
		.direction = ua_answer_direction(span_of(txn->request, txn->request_len)),
		.offer = txn->has_offer ? span_of(txn->request, txn->request_len) : SPAN_NONE,
	};
}

struct ua_txn *ua_server_new(struct ua *ua, const struct sip_msg *msg, struct sess *sess)
{
	struct ua_txn *txn = ua_txn_new(
		ua, msg->method == SIP_METHOD_INVITE ? UT_SERVER_INVITE : UT_SERVER, msg->method);

	if (!txn)
		return NULL;
	txn->sess = sess ? (uint8_t)ua_sess_number(ua, sess) : UA_SESSIONS;
	txn->dst = ua->limen;
	txn->cseq = msg->cseq;
	txn->has_offer = msg->body.len != 0 && span_ieq(sip_hdr_value(msg, SIP_HDR_CONTENT_TYPE),
							SPAN("application/sdp"));
	ua_copy(txn->branch, sizeof(txn->branch), sip_span(msg, msg->via_branch));
	ua_keep(&txn->request, &txn->request_len, span_of(msg->buf, msg->len));
	return txn;
}

void ua_respond_as(struct sim *sim, struct ua *ua, struct ua_txn *txn, struct sess *sess,
		   uint16_t status, const struct ua_body *body, const char *extra)
{
	static struct sip_msg request;
	char buf[MSG_BYTES];
	struct cursor out = cursor_on(buf, sizeof(buf));
	static const struct sess stranger = {.local_tag = "stranger"};
	char text[1024];
	struct cursor lines = cursor_on(text, sizeof(text) - 1);
	const struct sess *as;

	if (sip_parse(&request, txn->request, txn->request_len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	as = sess ? sess : &stranger;
	put_bytes(&lines, extra, strlen(extra));
	if (sess && status >= 200 && status < 300 &&
	    (txn->method == SIP_METHOD_INVITE || txn->method == SIP_METHOD_UPDATE))
		timer_put_2xx(sim, &lines, ua, sess, &request);
	text[lines.len] = 0;
	msg_response(&out, ua, as, &request, status, as->local_tag, body, text);
	if (sess && body && body->sdp && status < 300) {
		sess->direction = body->direction;
		srtp_answers(ua, sess, body->offer);
		if (txn->has_offer)
			rtp_take_place(sim, ua, sess, sip_span(&request, request.body));
		sess->described |= status >= 200 || sess->answer_seen;
	}
	ua_txn_respond(sim, ua, txn, status, cursor_span(&out));
}

void ua_respond(struct sim *sim, struct ua *ua, struct ua_txn *txn, uint16_t status)
{
	ua_respond_as(sim, ua, txn, ua_sess_of(ua, txn), status, NULL, "");
}

void ua_refuse(struct sim *sim, struct ua *ua, const struct sip_msg *msg, struct sess *sess,
	       uint16_t status)
{
	struct ua_txn *txn = ua_server_new(ua, msg, sess);

	if (txn)
		ua_respond(sim, ua, txn, status);
}

struct ua_txn *ua_open_invite(struct ua *ua, const struct sess *sess)
{
	struct ua_txn *txn = sess->invite < UA_TXNS ? &ua->txn[sess->invite] : NULL;

	return txn && txn->kind == UT_SERVER_INVITE && txn->state <= US_PROCEEDING ? txn : NULL;
}
