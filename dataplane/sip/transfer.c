/* SPDX-License-Identifier: BSD-3-Clause */
/* REFER that limen carries out itself: the transferee's user agent never hears of it. A new call
 * (the transfer's call) asks policy where the Refer-To leads and goes there; who refers is told by
 * NOTIFY (RFC 3515, 5589). The two calls point to each other by `transfer` until the new one takes
 * the transferee's leg over (transfer_join.c) or either ends. In the new call a leg of no dialog
 * stands for the transferee until then. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include "common/sip/sipfrag.h"

#define SUBSCRIPTION_S 300u /* of the NOTIFYs: longer than any target may ring */

/* ---- NOTIFY ---- */

/* Tell who refers. A leg that said BYE is told all the same: the subscription outlives the session
 * (RFC 5057). */
static void notify(struct engine *e, struct sip_call *call, uint16_t status, bool last)
{
	struct sip_leg *leg = leg_get(e, call->referrer);
	struct sip_call *first = leg ? call_get(e, leg->call) : NULL;
	char fragment_buf[128], lines_buf[256];
	struct cursor fragment = cursor_on(fragment_buf, sizeof(fragment_buf)),
		      lines = cursor_on(lines_buf, sizeof(lines_buf)), *out;
	struct build_request req = {
		.leg = leg, .method = SIP_METHOD_NOTIFY, .max_forwards = 70};
	struct sip_txn *txn;

	if (first == NULL || call->flags & CALL_UNTOLD || (call->told == status && !last))
		return;
	call->told = status;
	txn = txn_client_new(e, SIP_METHOD_NOTIFY, first, leg);
	if (txn == NULL)
		return;
	sipfrag_put(&fragment, status);
	refer_put_event(&lines, leg->refer_cseq);
	if (last) {
		put_lit(&lines, "Subscription-State: terminated;reason=noresource\r\n");
	} else {
		put_lit(&lines, "Subscription-State: active;expires=");
		put_u64(&lines, SUBSCRIPTION_S);
		put_lit(&lines, "\r\n");
	}
	put_lit(&lines, "Content-Type: message/sipfrag;version=2.0\r\n");
	txn->cseq = req.cseq = ++leg->local_cseq;
	txn->dst = leg_next_hop(e, leg);
	req.txn = txn->self;
	req.body.bytes = cursor_span(&fragment);
	req.extra = cursor_span(&lines);
	out = out_start(e);
	build_request(e, out, &req);
	txn_client_send(e, txn, out_finish(e));
}

void transfer_rings(struct engine *e, struct sip_call *call, uint16_t status)
{
	notify(e, call, status, false);
}

void transfer_is_done(struct engine *e, struct sip_call *call)
{
	notify(e, call, 200, true);
}

void transfer_before_bye(struct engine *e, const struct sip_leg *leg)
{
	struct sip_call *first = call_get(e, leg->call);
	struct sip_call *call = first ? call_get(e, first->transfer) : NULL;

	if (call == NULL || call->referrer != leg->self)
		return;
	notify(e, call, call->outcome >= 300 ? call->outcome : 487, true);
	call->flags |= CALL_UNTOLD;
}

void transfer_on_notified(struct engine *e, const struct sip_leg *leg)
{
	struct sip_call *first = call_get(e, leg->call);
	struct sip_call *call = first ? call_get(e, first->transfer) : NULL;

	if (call && call->referrer == leg->self)
		call->flags |= CALL_UNTOLD; /* RFC 6665 section 4.2.2: it is not subscribed */
}

/* ---- the request that the transferee would have sent ---- */

/* The description as if it were on hold nowhere: what it last said of its directions answered the
 * session that it leaves. */
static void put_description(struct cursor *out, struct span text)
{
	while (text.len) {
		const char *eol = memchr(text.ptr, '\n', text.len);
		size_t len = eol ? (size_t)(eol - text.ptr) + 1 : text.len;
		struct span line = span_trim(span_of(text.ptr, len));

		if (!span_eq(line, SPAN("a=sendonly")) && !span_eq(line, SPAN("a=recvonly")) &&
		    !span_eq(line, SPAN("a=inactive")))
			put_bytes(out, text.ptr, len);
		text = span_of(text.ptr + len, text.len - len);
	}
}

/* The place referred to, without what belongs to the REFER alone. */
static void put_target(struct cursor *out, const struct sip_uri *uri)
{
	struct span value;

	put_span(out, uri->scheme);
	put_char(out, ':');
	if (!uri->is_sip) {
		put_span(out, uri->opaque);
		return;
	}
	if (uri->user.len) {
		put_span(out, uri->user);
		put_char(out, '@');
	}
	put_span(out, uri->host);
	if (uri->port) {
		put_char(out, ':');
		put_u64(out, uri->port);
	}
	if (sip_param_find(uri->params, SPAN("user"), &value) && span_ieq(value, SPAN("phone")))
		put_lit(out, ";user=phone");
}

static void put_random(struct engine *e, struct cursor *out)
{
	cookie_put_random(out, engine_random(e), engine_random(e));
}

/* `msg` is the REFER that came on `leg`; `to` its Refer-To. */
static uint64_t make_request(struct engine *e, const struct sip_leg *leg,
			     const struct sip_leg *peer, const struct sip_msg *msg,
			     const struct refer_to *to)
{
	struct cursor *body = out_start(e); /* room for a moment: nothing of it goes out */
	struct cursor out = cursor_on(e->body, sizeof(e->body));
	uint16_t by = msg->first[SIP_HDR_REFERRED_BY];

	put_description(body, blob_span(&e->blobs, peer->description));
	put_lit(&out, "INVITE ");
	put_target(&out, &to->uri);
	put_lit(&out, " SIP/2.0\r\nVia: SIP/2.0/UDP ");
	put_endpoint(&out, &leg->next_hop);
	put_lit(&out, ";branch=" BRANCH_PREFIX);
	put_random(e, &out);
	put_lit(&out, "\r\nMax-Forwards: ");
	put_u64(&out, (uint64_t)(msg->max_forwards < 0 ? 70 : msg->max_forwards));
	put_lit(&out, "\r\nFrom: ");
	put_span(&out, leg_text(e, peer, LEG_REMOTE));
	put_lit(&out, ";tag=");
	put_random(e, &out);
	put_lit(&out, "\r\nTo: <");
	put_target(&out, &to->uri);
	put_lit(&out, ">\r\nCall-ID: ");
	put_random(e, &out);
	put_lit(&out, "\r\nCSeq: 1 INVITE\r\n");
	put_span(&out, build_allow());
	if (by != SIP_HDR_NONE)
		put_header(&out, SPAN("Referred-By"), sip_span(msg, msg->hdrs[by].value),
			   msg->hdrs[by].folded);
	if (to->has_replaces) {
		put_lit(&out, "Replaces: ");
		sip_replaces_put(&out, &to->replaces);
		put_lit(&out, "\r\n");
	}
	put_lit(&out, "Content-Type: application/sdp\r\nContent-Length: ");
	put_u64(&out, body->len);
	put_lit(&out, "\r\n\r\n");
	put_span(&out, cursor_span(body));
	return out.full || body->full ? HANDLE_NONE : blob_copy(&e->blobs, cursor_span(&out));
}

/* ---- begin ---- */

/* What stands for the transferee in the new call: addresses and descriptions are made for it as
 * for the transferee's own leg, no message is ever its. */
static struct sip_leg *make_stand_in(struct engine *e, struct sip_call *call,
				     const struct sip_leg *peer)
{
	struct sip_leg *leg = leg_twin(e, call, peer, SIDE_A);

	if (leg == NULL)
		return NULL;
	leg->tag = peer->tag;
	leg->sdp_version = peer->sdp_version;
	leg->sdp_hash = peer->sdp_hash;
	leg->state = LEG_OVER;
	call->leg[SIDE_A] = leg->self;
	return leg;
}

static struct sip_call *make_call(struct engine *e, struct sip_call *first, struct sip_leg *leg,
				  const struct sip_leg *peer, const struct sip_msg *msg,
				  const struct refer_to *to)
{
	struct sip_call *call = call_new(e, CALL_DIALOG | CALL_OWN_INVITE);

	if (call == NULL)
		return NULL;
	call->state = CALL_ASKING;
	call->request = make_request(e, leg, peer, msg, to);
	if (call->request == HANDLE_NONE || make_stand_in(e, call, peer) == NULL) {
		call_finish(e, call, 503, IPC_BY_LIMEN);
		return NULL;
	}
	call->referrer = leg->self;
	call->transfer = first->self;
	first->transfer = call->self;
	return call;
}

/* Whether the REFER wants to hear nothing (RFC 4488). */
static bool wants_silence(const struct sip_msg *msg)
{
	for (unsigned i = 0; i < msg->nhdrs; i++) {
		const struct sip_hdr *hdr = &msg->hdrs[i];
		struct span value = sip_span(msg, hdr->value);

		if (hdr->id == SIP_HDR_OTHER &&
		    span_ieq(sip_span(msg, hdr->name), SPAN("Refer-Sub")))
			return value.len >= 5 && strncasecmp(value.ptr, "false", 5) == 0;
	}
	return false;
}

uint16_t transfer_refuses(const struct engine *e, const struct sip_leg *leg,
			  const struct sip_msg *msg)
{
	const struct sip_call *call = call_get(e, leg->call);
	const struct sip_leg *peer = leg_get(e, leg->peer);
	struct refer_to to;
	uint16_t status = refer_read(msg, &to);
	uint64_t tag;

	if (status)
		return status;
	/* One at a time, and only what is a call already can be handed on. */
	if (call == NULL || peer == NULL || call->transfer != HANDLE_NONE ||
	    call->state != CALL_ANSWERED || peer->state != LEG_CONFIRMED)
		return 491;
	if (to.has_replaces && !replaces_is_ours(e, &to.replaces, &tag))
		return 481;
	return peer->description == HANDLE_NONE ? 488 : 0; /* nothing to offer in its name */
}

void transfer_start(struct engine *e, struct sip_call *first, struct sip_leg *leg,
		    struct sip_txn *server, const struct sip_msg *msg)
{
	const struct sip_leg *peer = leg_get(e, leg->peer);
	bool silent = wants_silence(msg);
	struct sip_call *call;
	struct span request;
	struct refer_to to;

	refer_read(msg, &to);
	call = make_call(e, first, leg, peer, msg, &to);
	if (call == NULL) {
		e->stats.overloads++;
		dialog_refuse(e, server, 500);
		return;
	}
	/* The first REFER's NOTIFYs need no id, later ones do (RFC 3515 section 2.4.6). */
	leg->refer_cseq = leg->flags & LEG_HAS_REFERRED ? msg->cseq : 0;
	leg->flags |= LEG_HAS_REFERRED;
	e->stats.transfers++;
	dialog_answer(e, server, 202, silent ? SPAN("Refer-Sub: false\r\n") : SPAN_NONE);
	if (silent)
		call->flags |= CALL_UNTOLD;
	notify(e, call, 100, false);
	call->ask_until_ns = e->now_ns + ASK_MAX_MS * NS_PER_MS;
	request = blob_span(&e->blobs, call->request);
	if (sip_parse(&e->again, request.ptr, request.len, SIP_DATAGRAM) != SIP_PARSE_OK) {
		b2bua_end(e, call, 400, IPC_BY_LIMEN); /* what the peers' texts make of it */
		return;
	}
	replaces_ask(e, call, &e->again);
	call_ask(e, call);
}

/* ---- end ---- */

void transfer_unlink(struct engine *e, struct sip_call *call)
{
	struct sip_call *other = call_get(e, call->transfer);

	call->transfer = HANDLE_NONE;
	if (other)
		other->transfer = HANDLE_NONE;
}

/* The new call came to nothing: the first goes on, unless there is nobody to go on with. */
static void on_new_ended(struct engine *e, struct sip_call *first, struct sip_call *call)
{
	struct sip_leg *leg = leg_get(e, call->referrer);
	uint16_t status = call->outcome ? call->outcome : call->status;
	bool moved = transfer_was_offered(e, call);

	transfer_unlink(e, call);
	notify(e, call, status < 300 ? 487 : status, true);
	if (leg == NULL || first->state == CALL_ENDED)
		return;
	/* A transferee that may have taken the new session up has left the first. */
	if (moved)
		b2bua_end(e, first, 480, IPC_BY_LIMEN);
	else if (leg->state == LEG_OVER)
		b2bua_end(e, first, 480, leg->side == SIDE_A ? IPC_BY_CALLER : IPC_BY_CALLEE);
	else
		b2bua_resume(e, first);
}

void transfer_settle(struct engine *e)
{
	for (unsigned i = 0; i < e->nsettle; i++) {
		struct sip_call *call = call_get(e, e->settle[i]);
		struct sip_call *other = call ? call_get(e, call->transfer) : NULL;

		if (other == NULL)
			continue; /* both ended, and the other was first */
		if (call->flags & CALL_OWN_INVITE) {
			on_new_ended(e, other, call);
			continue;
		}
		/* The transferee hung up, or limen ended its call. */
		other->outcome = 487;
		b2bua_end(e, other, 487, (enum ipc_ended_by)call->ended_by);
	}
	e->nsettle = 0;
}

bool transfer_keeps(struct engine *e, const struct sip_call *call, const struct sip_leg *leg)
{
	const struct sip_call *other = call_get(e, call->transfer);

	return other && other->referrer == leg->self;
}
