/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer that asks limen itself who it is (RFC 3261 section 22): the request that it challenged is
 * parked while the control plane is asked for the account's credentials, and sent again with them.
 * One worker thread; libc only. */
#include "dataplane/sip/core.h"

#define ROUNDS_MAX 3u /* sendings with credentials: a proxy's, the server's, a stale nonce */
#define WAIT_MS	   4000u

static uint8_t kind_of(uint16_t status)
{
	return status == 401 ? IPC_ANSWERED_401 : IPC_ANSWERED_407;
}

static bool is_credentials(uint8_t id)
{
	return id == SIP_HDR_AUTHORIZATION || id == SIP_HDR_PROXY_AUTHORIZATION;
}

/* Whether its far side's own credentials are in it: then the challenge is for that one. */
static bool is_anothers(const struct sip_txn *txn, const struct sip_msg *sent)
{
	return txn->rounds == 0 && (sent->first[SIP_HDR_AUTHORIZATION] != SIP_HDR_NONE ||
				    sent->first[SIP_HDR_PROXY_AUTHORIZATION] != SIP_HDR_NONE);
}

/* Whether it is of use yet to somebody. */
static bool is_wanted(const struct engine *e, const struct sip_call *call,
		      const struct sip_leg *leg, const struct sip_txn *txn)
{
	return txn->method == SIP_METHOD_BYE || session_is_wanted(e, call, leg, txn) ||
	       (txn->method == SIP_METHOD_NOTIFY && call->state != CALL_ENDED &&
		leg->state != LEG_OVER);
}

static void ask(struct engine *e, const struct sip_txn *txn, const struct sip_leg *leg,
		const struct sip_msg *sent, const struct sip_msg *answer)
{
	struct span method = sip_span(sent, sent->method_name), uri = sip_span(sent, sent->ruri);
	struct cursor *out = out_start(e);
	struct ipc_challenge head = {.id = txn->self,
				     .trunk = leg->trunk,
				     .answer_len = (uint32_t)answer->len,
				     .method_len = (uint16_t)method.len,
				     .uri_len = (uint16_t)uri.len,
				     .answered = txn->answered};

	put_bytes(out, &head, sizeof(head));
	put_span(out, method);
	put_span(out, uri);
	put_bytes(out, answer->buf, answer->len);
	out_report(e, IPC_CHALLENGE, out_finish(e));
}

bool challenge_ask(struct engine *e, struct sip_txn *txn, const struct sip_msg *answer)
{
	struct sip_leg *leg = leg_get(e, txn->leg);
	struct sip_call *call = call_get(e, txn->call);
	struct span sent = blob_span(&e->blobs, txn->msg);
	uint64_t kept;

	if (!leg || !call || !e->link_up || !(leg->media_flags & IPC_POLICY_ACCOUNT) ||
	    sent.len == 0 || txn->rounds >= ROUNDS_MAX || txn->method == SIP_METHOD_REGISTER ||
	    txn->method == SIP_METHOD_CANCEL || !is_wanted(e, call, leg, txn))
		return false;
	if (sip_parse(&e->again, sent.ptr, sent.len, SIP_DATAGRAM) != SIP_PARSE_OK ||
	    is_anothers(txn, &e->again))
		return false;
	kept = blob_copy(&e->blobs, span_of(answer->buf, answer->len));
	if (kept == HANDLE_NONE)
		return false;
	if (leg->self == call->leg[SIDE_B])
		b2bua_heard(e, call, leg);
	blob_free(&e->blobs, txn->head);
	txn->challenge = kept;
	txn->parked = 1;
	txn_set_timeout(e, txn, e->now_ns + WAIT_MS * NS_PER_MS);
	ask(e, txn, leg, &e->again, answer);
	e->stats.challenges_asked++;
	return true;
}

/* Of a sending before: those of a kind that there are new ones of go, the others stay. */
static void put_old_credentials(struct cursor *out, const struct sip_msg *sent, struct span fresh)
{
	bool www = false, proxy = false;

	for (struct span rest = fresh; rest.len;) {
		const char *end = memchr(rest.ptr, '\n', rest.len);

		www |= rest.ptr[0] == 'A';
		proxy |= rest.ptr[0] == 'P';
		rest = end ? span_of(end + 1, (size_t)(rest.ptr + rest.len - end - 1)) : SPAN_NONE;
	}
	for (unsigned i = 0; i < sent->nhdrs; i++) {
		const struct sip_hdr *hdr = &sent->hdrs[i];

		if (is_credentials(hdr->id) && !(hdr->id == SIP_HDR_AUTHORIZATION ? www : proxy))
			put_header(out, span_str(sip_hdr_name(hdr->id)),
				   sip_span(sent, hdr->value), hdr->folded);
	}
}

/* The new one stands where the old one stood. */
static void take_place(struct engine *e, struct sip_leg *leg, const struct sip_txn *txn,
		       struct sip_txn *again)
{
	struct sip_txn *server = txn_get(e, txn->peer);

	if (server && server->peer == txn->self)
		server->peer = again->self;
	if (leg->session.refresh == txn->self)
		leg->session.refresh = again->self;
	if (leg->invite_client == txn->self) {
		leg->invite_client = again->self;
		leg->invite_cseq = again->cseq;
	}
}

static bool send_again(struct engine *e, struct sip_txn *txn, struct span fresh)
{
	struct sip_leg *leg = leg_get(e, txn->leg);
	struct sip_call *call = call_get(e, txn->call);
	struct span sent = blob_span(&e->blobs, txn->msg);
	char buf[2 * IPC_HEADERS_MAX];
	struct cursor lines = cursor_on(buf, sizeof(buf)), *out;
	struct sip_txn *again;
	uint8_t kind = kind_of(txn->status);

	if (!leg || !call || !is_wanted(e, call, leg, txn) ||
	    sip_parse(&e->again, sent.ptr, sent.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return false;
	put_span(&lines, fresh);
	put_old_credentials(&lines, &e->again, fresh);
	if (lines.full)
		return false;
	again = txn_client_new(e, (enum sip_method)txn->method, call, leg);
	if (again == NULL)
		return false;
	again->cseq = ++leg->local_cseq;
	again->dst = txn->dst;
	again->peer = txn->peer;
	again->flags |= txn->flags & TXN_TIMER_C;
	again->rounds = (txn->rounds + 1u) & 0xf;
	again->answered = txn->answered | kind;
	/* what an ACK has to repeat; without memory for it, it goes without */
	if (txn->method == SIP_METHOD_INVITE)
		again->challenge = blob_copy(&e->blobs, cursor_span(&lines));
	out = out_start(e);
	fresh = cursor_span(&lines);
	build_again(e, out, &e->again, leg, again, &fresh);
	if (!txn_client_send(e, again, out_finish(e)))
		return false;
	take_place(e, leg, txn, again);
	return true;
}

static void leave_parking(struct engine *e, struct sip_txn *txn)
{
	txn->parked = 0;
	txn_drop_msg(e, txn);
	txn_linger_on(e, txn);
}

void challenge_give_up(struct engine *e, struct sip_txn *txn)
{
	struct span answer = blob_span(&e->blobs, txn->challenge);
	bool good = sip_parse(&e->msg, answer.ptr, answer.len, SIP_DATAGRAM) == SIP_PARSE_OK;

	e->stats.challenges_unanswered++;
	leave_parking(e, txn);
	engine_client_event(e, txn, good ? TXN_EVENT_FAILURE : TXN_EVENT_TIMEOUT,
			    good ? &e->msg : NULL);
}

void challenge_take(struct engine *e, const struct ipc_credentials *credentials)
{
	struct sip_txn *txn = txn_get(e, credentials->id);
	struct span fresh = ipc_credentials_headers(credentials);

	if (txn == NULL || !txn->parked) {
		e->stats.verdicts_stale++;
		return;
	}
	if (fresh.len == 0 || !send_again(e, txn, fresh)) {
		challenge_give_up(e, txn);
		return;
	}
	e->stats.challenges_answered++;
	leave_parking(e, txn);
	txn_release(e, txn);
}

struct span challenge_lines(const struct engine *e, const struct sip_txn *invite)
{
	return invite->rounds && !(invite->flags & TXN_CANCEL_WANTED)
		       ? blob_span(&e->blobs, invite->challenge)
		       : SPAN_NONE;
}
