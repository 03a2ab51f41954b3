/* SPDX-License-Identifier: BSD-3-Clause */
/* The second half of a transfer (transfer.c): the target has answered; the transferee is offered
 * what it answered by re-INVITE, and when it takes it, its leg becomes side A of the new call and
 * the first call is over. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#define OFFER_AGAIN_MS 500u /* something else is open in the transferee's dialog */

/* The transferee's leg, still of the first call. */
static struct sip_leg *transferee(const struct engine *e, const struct sip_call *call)
{
	const struct sip_leg *referrer = leg_get(e, call->referrer);

	return referrer ? leg_get(e, referrer->peer) : NULL;
}

static struct sip_txn *offer_txn(const struct engine *e, const struct sip_call *call)
{
	const struct sip_leg *stand_in = leg_get(e, call->leg[SIDE_A]);

	return stand_in && call->flags & CALL_OWN_INVITE ? txn_get(e, stand_in->invite_client)
							 : NULL;
}

bool transfer_was_offered(const struct engine *e, const struct sip_call *call)
{
	return offer_txn(e, call) != NULL;
}

/* Something that stands between the peer and a new offer (RFC 3261 section 14.1, RFC 3311). */
static bool is_busy(const struct engine *e, const struct sip_leg *leg, const struct sip_leg *other)
{
	return session_invite_is_open(e, leg->invite_client) ||
	       session_invite_is_open(e, leg->invite_server) ||
	       txn_get(e, leg->session.refresh) != NULL || leg->offer != HANDLE_NONE ||
	       (other && other->offer != HANDLE_NONE);
}

static void try_again(struct engine *e, struct sip_call *call, uint64_t ms)
{
	struct sip_leg *stand_in = leg_get(e, call->leg[SIDE_A]);
	uint64_t at = e->now_ns + ms * NS_PER_MS;

	stand_in->session.due_ns =
		at < stand_in->session.ends_ns ? at : stand_in->session.ends_ns;
	b2bua_arm(e, call);
}

static void send_offer(struct engine *e, struct sip_call *call, struct sip_leg *leg)
{
	struct sip_leg *stand_in = leg_get(e, call->leg[SIDE_A]);
	struct build_request req = {.leg = leg,
				    .method = SIP_METHOD_INVITE,
				    .max_forwards = 70,
				    .body.bytes = blob_span(&e->blobs, stand_in->description)};
	struct sip_txn *txn =
		txn_client_new(e, SIP_METHOD_INVITE, call_get(e, leg->call), leg);
	char buf[256];
	struct cursor extra = cursor_on(buf, sizeof(buf)), *out;

	try_again(e, call, OFFER_AGAIN_MS); /* without memory */
	if (txn == NULL)
		return;
	put_span(&extra, build_allow());
	put_lit(&extra, "Content-Type: application/sdp\r\n");
	req.extra = cursor_span(&extra);
	txn->cseq = req.cseq = leg->invite_cseq = ++leg->local_cseq;
	txn->dst = leg_next_hop(e, leg);
	txn->flags |= TXN_TIMER_C;
	req.txn = txn->self;
	leg->flags &= (uint8_t)~LEG_RSEQ;
	leg->invite_client = txn->self;
	stand_in->invite_client = txn->self;
	out = out_start(e);
	build_request(e, out, &req);
	if (!txn_client_send(e, txn, out_finish(e)))
		return;
	stand_in->session.due_ns = stand_in->session.ends_ns;
	b2bua_arm(e, call);
}

bool transfer_on_timer(struct engine *e, struct sip_call *call)
{
	struct sip_leg *stand_in = leg_get(e, call->leg[SIDE_A]), *leg = transferee(e, call);

	if (stand_in == NULL || leg == NULL || e->now_ns >= stand_in->session.ends_ns) {
		call->outcome = 408;
		return false;
	}
	if (is_busy(e, leg, leg_get(e, call->referrer)))
		try_again(e, call, OFFER_AGAIN_MS);
	else
		send_offer(e, call, leg);
	return true;
}

bool transfer_answered(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		       const struct sip_msg *msg)
{
	struct sip_leg *stand_in = leg_get(e, call->leg[SIDE_A]);
	struct cursor offer = cursor_on(e->body, sizeof(e->body));
	struct span text = body_sdp(msg);
	const char *why;

	session_got_2xx(e, leg, msg);
	if (text.len == 0 ||
	    body_put_sdp(e, &offer, call, leg, stand_in, msg, text, true, &why) || offer.full) {
		call->outcome = 488;
		return false;
	}
	blob_free(&e->blobs, stand_in->description);
	stand_in->description = blob_copy(&e->blobs, cursor_span(&offer));
	if (stand_in->description == HANDLE_NONE)
		return false;
	stand_in->session.ends_ns = e->now_ns + TIMEOUT_MS * NS_PER_MS;
	return transfer_on_timer(e, call);
}

/* ---- the transferee's answer ---- */

/* All legs that go by the transferee's tag change over: forks are found through each other. */
static void move_legs(struct engine *e, struct sip_call *from, struct sip_call *to, uint64_t tag)
{
	uint64_t *link = &from->first_leg;
	struct sip_leg *leg;

	while ((leg = leg_get(e, *link)) != NULL) {
		if (leg->tag != tag) {
			link = &leg->next;
			continue;
		}
		*link = leg->next;
		leg->next = to->first_leg;
		to->first_leg = leg->self;
		leg->call = to->self;
		leg->side = SIDE_A;
	}
}

/* The stand-in has served. */
static void drop_leg(struct engine *e, struct sip_call *call, struct sip_leg *gone)
{
	uint64_t *link = &call->first_leg;
	struct sip_leg *leg;

	while ((leg = leg_get(e, *link)) != NULL && leg != gone)
		link = &leg->next;
	if (leg == NULL)
		return;
	*link = gone->next;
	leg_free(e, gone);
}

/* Its transaction goes where the leg goes. */
static void move_txn(struct engine *e, struct sip_txn *txn, const struct sip_call *to)
{
	txn_release(e, txn);
	txn->call = to->self;
}

static void take_over(struct engine *e, struct sip_call *first, struct sip_call *call,
		      struct sip_leg *leg, struct sip_txn *offer)
{
	struct sip_leg *stand_in = leg_get(e, call->leg[SIDE_A]),
		       *target = leg_get(e, call->leg[SIDE_B]);

	move_legs(e, first, call, leg->tag);
	move_txn(e, offer, call);
	leg->peer = target->self;
	leg->flags &= (uint8_t)~(LEG_REFERRED | LEG_MEDIA_SET);
	leg->sdp_version = stand_in->sdp_version;
	leg->sdp_hash = stand_in->sdp_hash;
	session_replace_sdp(e, leg, blob_span(&e->blobs, stand_in->description));
	keying_move(e, leg, stand_in);
	target->peer = leg->self;
	call->leg[SIDE_A] = leg->self;
	drop_leg(e, call, stand_in);
	if (target->refer != IPC_REFER_LOCAL) {
		blob_free(&e->blobs, leg->description);
		leg->description = HANDLE_NONE;
	}
}

/* The transferee may answer with the keys that it has, and goes on counting under them. */
static void go_on_counting(struct engine *e, const struct sip_call *first,
			   const struct sip_call *call, const struct sip_leg *leg)
{
	for (unsigned i = 0; i < first->npairs && i < call->npairs; i++)
		if (first->pair[i] != HANDLE_NONE && call->pair[i] != HANDLE_NONE)
			stream_pair_go_on(e->media, call->pair[i], SIDE_A, first->pair[i],
					  leg->side);
}

static void complete(struct engine *e, struct sip_call *first, struct sip_call *call,
		     struct sip_leg *leg, struct sip_txn *offer, const struct sip_msg *msg)
{
	struct sip_leg *referrer = leg_get(e, call->referrer);
	bool fits;

	transfer_is_done(e, call);
	transfer_unlink(e, call);
	first->ended_by = IPC_BY_TRANSFER;
	if (referrer && referrer->state == LEG_CONFIRMED)
		dialog_bye(e, referrer, NULL);
	dialog_end_pending(e, first);
	go_on_counting(e, first, call, leg);
	call_finish(e, first, 200, IPC_BY_TRANSFER);
	take_over(e, first, call, leg, offer);
	fits = body_take_answer(e, leg, body_sdp(msg));
	session_got_2xx(e, leg, msg);
	if (fits)
		b2bua_arm(e, call);
	else
		b2bua_end(e, call, 488, IPC_BY_LIMEN);
}

static struct sip_call *call_of_offer(const struct engine *e, const struct sip_txn *txn)
{
	const struct sip_call *first = call_get(e, txn->call);
	struct sip_call *call = first ? call_get(e, first->transfer) : NULL;

	return call && offer_txn(e, call) == txn ? call : NULL;
}

bool transfer_is_offer(const struct engine *e, const struct sip_txn *txn)
{
	return txn->kind == TXN_CLIENT_INVITE && call_of_offer(e, txn) != NULL;
}

static void on_refusal(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		       uint16_t status)
{
	struct sip_leg *stand_in = leg_get(e, call->leg[SIDE_A]);
	struct sip_call *first = call_get(e, leg->call);

	stand_in->invite_client = HANDLE_NONE; /* its session is as it was */
	if (status == 491) {
		try_again(e, call, session_glare_ms(e, leg));
	} else if (status == 408 || status == 481) {
		b2bua_end(e, first, status, IPC_BY_SIP_TIMEOUT); /* section 12.2.1.2: gone */
	} else {
		call->outcome = status < 300 ? 500 : status;
		b2bua_end(e, call, 500, IPC_BY_TRANSFER);
	}
}

void transfer_on_offer(struct engine *e, struct sip_txn *txn, enum txn_event event,
		       const struct sip_msg *msg)
{
	struct sip_call *call = call_of_offer(e, txn), *first = call_get(e, txn->call);
	struct sip_leg *leg = leg_get(e, txn->leg);

	if (event == TXN_EVENT_PROVISIONAL || leg == NULL)
		return;
	if (event != TXN_EVENT_SUCCESS) {
		on_refusal(e, call, leg, msg ? msg->status : txn->status);
		return;
	}
	leg_refresh_target(e, leg, msg);
	dialog_send_ack(e, leg, NULL, NULL);
	if (body_sdp(msg).len)
		complete(e, first, call, leg, txn, msg);
	else
		b2bua_end(e, first, 488, IPC_BY_LIMEN); /* an offer without an answer */
}
