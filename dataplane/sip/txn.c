/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions: RFC 3261 section 17 with RFC 6026. They know messages, timers and states, and
 * nothing of calls but that one may need them. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include <assert.h>

/* Twice for the largest message's head: a response head that does not fit is refused
 * statelessly. */
#define HEAD_BYTES_MAX 16384u

struct sip_txn *txn_get(const struct engine *e, uint64_t handle)
{
	return slab_get(e->txns, handle);
}

static uint32_t txn_timer(const struct engine *e, const struct sip_txn *txn)
{
	return e->txn_timers + handle_index(txn->self);
}

static void txn_arm(struct engine *e, struct sip_txn *txn)
{
	uint64_t next = txn->retransmit_ns < txn->timeout_ns ? txn->retransmit_ns : txn->timeout_ns;

	if (next == NEVER_NS)
		wheel_cancel(e->wheel, txn_timer(e, txn));
	else
		wheel_set(e->wheel, txn_timer(e, txn), next);
}

static bool txn_is_reliable(const struct sip_txn *txn)
{
	return txn->transport != NET_UDP;
}

/* Enter a state that ends by itself; over a reliable transport at once (timers D, I, J, K are
 * 0). */
static void txn_linger(struct engine *e, struct sip_txn *txn, enum txn_state state, uint32_t ms)
{
	txn->state = (uint8_t)state;
	txn->retransmit_ns = NEVER_NS;
	txn->timeout_ns = e->now_ns + (txn_is_reliable(txn) ? 0 : ms * NS_PER_MS);
	txn_arm(e, txn);
}

/* A request of limen's: by the connection that its leg was heard by last. */
static void send_request(struct engine *e, const struct sip_txn *txn, uint64_t token,
			 struct span bytes)
{
	const struct sip_leg *leg = leg_get(e, txn->leg);

	out_send_flow(e, txn->realm, txn->transport, &txn->dst,
		      leg && leg->transport == txn->transport ? leg->flow : 0, token, bytes);
}

static void txn_start_retransmit(struct engine *e, struct sip_txn *txn)
{
	txn->interval_ms = T1_MS;
	txn->retransmit_ns = e->now_ns + T1_MS * NS_PER_MS;
}

static struct sip_txn *txn_new(struct engine *e, enum txn_kind kind, struct sip_call *call,
			       struct sip_leg *leg)
{
	uint64_t handle;
	struct sip_txn *txn = slab_alloc(e->txns, &handle);

	if (txn == NULL)
		return NULL;
	txn->self = handle;
	txn->kind = (uint8_t)kind;
	txn->retransmit_ns = NEVER_NS;
	txn->timeout_ns = NEVER_NS;
	if (leg)
		txn->leg = leg->self;
	if (call) {
		txn->call = call->self;
		txn->flags |= TXN_HOLDS_CALL;
		call->active++;
	}
	return txn;
}

void txn_release(struct engine *e, struct sip_txn *txn)
{
	struct sip_call *call;

	if (!(txn->flags & TXN_HOLDS_CALL))
		return;
	txn->flags &= (uint8_t)~TXN_HOLDS_CALL;
	call = call_get(e, txn->call);
	assert(call && call->active);
	call->active--;
	call_maybe_free(e, call);
}

void txn_free(struct engine *e, struct sip_txn *txn)
{
	bool server = txn->kind == TXN_SERVER_INVITE || txn->kind == TXN_SERVER;

	txn_release(e, txn);
	wheel_cancel(e->wheel, txn_timer(e, txn));
	if (server && (txn->flags & TXN_INDEXED))
		hindex_del(&e->index, txn->key, txn->self);
	if (txn->flags & TXN_MERGE_INDEXED)
		hindex_del(&e->index, txn->merge_key, txn->self);
	blob_free(&e->blobs, txn->head);
	blob_free(&e->blobs, txn->msg);
	blob_free(&e->blobs, txn->ack);
	slab_free(e->txns, txn->self);
}

void txn_drop_msg(struct engine *e, struct sip_txn *txn)
{
	blob_free(&e->blobs, txn->msg);
	txn->msg = HANDLE_NONE;
}

/* A refusal needs the request no more, unless it says what would have been taken (RFC 4028
 * section 7.4, RFC 3261 section 22). */
static void txn_refused(struct engine *e, struct sip_txn *txn, uint16_t status)
{
	if (status != 422 && status != 401 && status != 407)
		txn_drop_msg(e, txn);
}

static bool txn_keep(struct engine *e, uint64_t *blob, struct span bytes)
{
	uint64_t copy = blob_copy(&e->blobs, bytes);

	if (copy == HANDLE_NONE)
		return false;
	blob_free(&e->blobs, *blob);
	*blob = copy;
	return true;
}

/* ---- matching (section 17.2.3) ---- */

static void hash_part(struct hash_sip *h, struct span part)
{
	uint32_t len = (uint32_t)part.len;

	hash_sip_add(h, &len, sizeof(len));
	hash_sip_add(h, part.ptr, part.len);
}

uint64_t txn_request_key(const struct engine *e, const struct sip_msg *msg, enum sip_method method)
{
	struct hash_sip h = hash_sip_start(&e->index_key);
	struct span branch = sip_span(msg, msg->via_branch);
	uint32_t id = (uint32_t)method << 16 | msg->via_port;

	hash_sip_add(&h, &id, sizeof(id));
	hash_part(&h, sip_span(msg, msg->via_host));
	hash_part(&h, branch);
	/* Without RFC 3261's magic the branch may not be unique: RFC 2543's rule. */
	if (branch.len <= 7 || strncasecmp(branch.ptr, BRANCH_PREFIX, 7) != 0) {
		hash_part(&h, sip_span(msg, msg->call_id));
		hash_part(&h, sip_span(msg, msg->from_tag));
		hash_part(&h, sip_span(msg, msg->ruri));
		hash_sip_add(&h, &msg->cseq, sizeof(msg->cseq));
	}
	/* A method unknown by number is told apart by its name. */
	if (method == SIP_METHOD_OTHER)
		hash_part(&h, sip_span(msg, msg->method_name));
	return hash_sip_end(&h);
}

uint64_t txn_merge_key(const struct engine *e, const struct sip_msg *msg)
{
	struct hash_sip h = hash_sip_start(&e->index_key);

	hash_part(&h, SPAN("merged"));
	hash_part(&h, sip_span(msg, msg->from_tag));
	hash_part(&h, sip_span(msg, msg->call_id));
	hash_sip_add(&h, &msg->cseq, sizeof(msg->cseq));
	hash_part(&h, sip_span(msg, msg->cseq_method));
	return hash_sip_end(&h);
}

/* The hash is keyed and 64 bits wide: equal hashes are equal keys. */
struct sip_txn *txn_find(const struct engine *e, uint64_t key)
{
	uint32_t at = 0;
	uint64_t handle;

	while ((handle = hindex_next(&e->index, key, &at)) != HANDLE_NONE) {
		struct sip_txn *txn = txn_get(e, handle);

		if (txn && txn->key == key)
			return txn;
	}
	return NULL;
}

bool txn_is_merged(const struct engine *e, uint64_t merge_key)
{
	uint32_t at = 0;

	return hindex_next(&e->index, merge_key, &at) != HANDLE_NONE;
}

void txn_index_merge(struct engine *e, struct sip_txn *txn, uint64_t merge_key)
{
	txn->merge_key = merge_key;
	if (hindex_add(&e->index, merge_key, txn->self))
		txn->flags |= TXN_MERGE_INDEXED;
}

/* ---- server ---- */

struct sip_txn *txn_server_new(struct engine *e, const struct sip_msg *msg, struct sip_call *call,
			       struct sip_leg *leg)
{
	bool invite = msg->method == SIP_METHOD_INVITE;
	char buf[HEAD_BYTES_MAX];
	struct cursor head = cursor_on(buf, sizeof(buf));
	struct sip_txn *txn = txn_new(e, invite ? TXN_SERVER_INVITE : TXN_SERVER, call, leg);

	if (txn == NULL)
		return NULL;
	txn->method = msg->method;
	txn->cseq = msg->cseq;
	txn->realm = e->source->realm;
	txn->transport = e->source->transport;
	txn->dst = response_destination(msg, e->source);
	txn->key = txn_request_key(e, msg, msg->method);
	if (body_kind(msg) == BODY_SDP)
		txn->flags |= TXN_HAS_OFFER;
	build_response_head(&head, msg, e->source, &txn->head_tag);
	txn->head = head.full ? HANDLE_NONE : blob_copy(&e->blobs, cursor_span(&head));
	if (txn->head == HANDLE_NONE || !hindex_add(&e->index, txn->key, txn->self)) {
		txn_free(e, txn);
		return NULL;
	}
	txn->flags |= TXN_INDEXED;
	return txn;
}

bool txn_respond(struct engine *e, struct sip_txn *txn, uint16_t status, struct span bytes)
{
	bool kept = bytes.len && txn_keep(e, &txn->msg, bytes);

	txn->status = status;
	out_send(e, txn->realm, txn->transport, &txn->dst, bytes);
	if (status < 200) {
		txn->state = TXN_PROCEEDING;
		return kept;
	}
	if (!kept)
		txn_drop_msg(e, txn); /* a provisional response may not follow the final one */
	if (txn->kind == TXN_SERVER) {
		txn_linger(e, txn, TXN_COMPLETED, TIMEOUT_MS); /* J */
		txn_release(e, txn);
		return kept;
	}
	txn->timeout_ns = e->now_ns + TIMEOUT_MS * NS_PER_MS; /* H, L */
	if (status < 300) {
		/* RFC 6026: retransmitted by the user agent core until the ACK, over any transport
		 * (section 13.3.1.4). */
		txn->state = TXN_ACCEPTED;
		txn_start_retransmit(e, txn);
	} else {
		txn->state = TXN_COMPLETED;
		if (!txn_is_reliable(txn))
			txn_start_retransmit(e, txn); /* G */
	}
	txn_arm(e, txn);
	if (status >= 300)
		txn_release(e, txn);
	return kept;
}

void txn_await(struct engine *e, struct sip_txn *txn)
{
	if (txn->kind != TXN_SERVER || txn->status)
		return;
	txn->retransmit_ns = e->now_ns + TRYING_MS * NS_PER_MS;
	txn->timeout_ns = e->now_ns + TIMEOUT_MS * NS_PER_MS; /* the client's timer F */
	txn_arm(e, txn);
}

void txn_abandon(struct engine *e, struct sip_txn *txn)
{
	txn_drop_msg(e, txn);
	txn->status = 408;
	txn_linger(e, txn, TXN_COMPLETED, T4_MS);
	txn_release(e, txn);
}

void txn_forget(struct engine *e, struct sip_txn *txn)
{
	if (txn->kind == TXN_SERVER && txn->state == TXN_COMPLETED)
		txn_linger(e, txn, TXN_COMPLETED, 0);
}

void txn_acked(struct engine *e, struct sip_txn *txn)
{
	if (txn->state == TXN_COMPLETED) {
		blob_free(&e->blobs, txn->msg);
		txn->msg = HANDLE_NONE;
		txn_linger(e, txn, TXN_CONFIRMED, T4_MS); /* I */
	} else if (txn->state == TXN_ACCEPTED) {
		/* Retransmissions of the INVITE are absorbed until L; nothing more is ever sent. */
		txn->flags |= TXN_ACKED;
		txn->retransmit_ns = NEVER_NS;
		txn_arm(e, txn);
		blob_free(&e->blobs, txn->msg);
		blob_free(&e->blobs, txn->head);
		txn->msg = HANDLE_NONE;
		txn->head = HANDLE_NONE;
		txn_release(e, txn);
	}
}

/* ---- client ---- */

struct sip_txn *txn_client_new(struct engine *e, enum sip_method method, struct sip_call *call,
			       struct sip_leg *leg)
{
	struct sip_txn *txn =
		txn_new(e, method == SIP_METHOD_INVITE ? TXN_CLIENT_INVITE : TXN_CLIENT, call, leg);

	if (txn == NULL)
		return NULL;
	txn->method = (uint8_t)method;
	if (leg) {
		txn->realm = leg->realm;
		txn->transport = leg->transport;
	}
	return txn;
}

bool txn_client_send(struct engine *e, struct sip_txn *txn, struct span bytes)
{
	if (bytes.len == 0 || !txn_keep(e, &txn->msg, bytes)) {
		txn_free(e, txn);
		return false;
	}
	txn->state = TXN_TRYING;
	txn->timeout_ns = e->now_ns + TIMEOUT_MS * NS_PER_MS; /* B, F */
	if (!txn_is_reliable(txn))
		txn_start_retransmit(e, txn); /* A, E */
	txn_arm(e, txn);
	guard_prove(&e->guard, e->now_ns, txn->realm, &txn->dst); /* its answers are wanted */
	send_request(e, txn, txn->self, bytes);
	return true;
}

void txn_resend(struct engine *e, struct sip_txn *txn)
{
	struct span msg = blob_span(&e->blobs, txn->msg);

	if (msg.len == 0)
		return;
	e->stats.retransmits_out++;
	out_send(e, txn->realm, txn->transport, &txn->dst, msg);
}

void txn_keep_ack(struct engine *e, struct sip_txn *txn, struct span bytes)
{
	txn->flags |= TXN_ACKED;
	txn_keep(e, &txn->ack, bytes);
	send_request(e, txn, 0, bytes);
}

void txn_set_timeout(struct engine *e, struct sip_txn *txn, uint64_t timeout_ns)
{
	txn->timeout_ns = timeout_ns;
	txn_arm(e, txn);
}

void txn_linger_on(struct engine *e, struct sip_txn *txn)
{
	txn_linger(e, txn, TXN_COMPLETED, txn->kind == TXN_CLIENT_INVITE ? TIMEOUT_MS : T4_MS);
}

void txn_bound(struct engine *e, struct sip_txn *txn)
{
	uint64_t until = e->now_ns + TIMEOUT_MS * NS_PER_MS;

	if (txn->kind != TXN_CLIENT_INVITE || txn->state != TXN_PROCEEDING ||
	    txn->timeout_ns <= until)
		return;
	txn->timeout_ns = until;
	txn_arm(e, txn);
}

void txn_resend_ack(struct engine *e, struct sip_txn *txn)
{
	struct span ack = blob_span(&e->blobs, txn->ack);

	if (ack.len)
		e->stats.retransmits_out++;
	send_request(e, txn, 0, ack);
}

/* A refusal is acknowledged by the transaction itself (section 17.1.1.3). */
static void ack_refusal(struct engine *e, struct sip_txn *txn, const struct sip_msg *response)
{
	struct span invite = blob_span(&e->blobs, txn->msg), bytes;
	struct cursor *out;

	if (sip_parse(&e->again, invite.ptr, invite.len, SIP_DATAGRAM) != SIP_PARSE_OK)
		return;
	out = out_start(e);
	build_from_invite(out, SIP_METHOD_ACK, &e->again, sip_hdr_value(response, SIP_HDR_TO),
			  SPAN_NONE);
	bytes = out_finish(e);
	txn_keep_ack(e, txn, bytes);
}

static enum txn_event invite_on_response(struct engine *e, struct sip_txn *txn,
					 const struct sip_msg *msg)
{
	switch (txn->state) {
	case TXN_TRYING:
	case TXN_PROCEEDING:
		break;
	case TXN_COMPLETED:
		if (msg->status >= 300)
			txn_resend_ack(e, txn);
		return TXN_EVENT_NONE;
	default:
		return msg->status >= 200 && msg->status < 300 ? TXN_EVENT_STRAY : TXN_EVENT_NONE;
	}
	if (msg->status < 200) {
		if (txn->state == TXN_TRYING) {
			txn->state = TXN_PROCEEDING;
			txn->retransmit_ns = NEVER_NS;
			/* The first INVITE is bounded by the call's own timer. */
			txn->timeout_ns = txn->flags & TXN_TIMER_C
						  ? e->now_ns + TIMER_C_MS * NS_PER_MS
						  : NEVER_NS;
			txn_arm(e, txn);
		}
		return TXN_EVENT_PROVISIONAL;
	}
	txn->status = msg->status;
	if (msg->status < 300) {
		txn_drop_msg(e, txn);
		txn_linger(e, txn, TXN_ACCEPTED, TIMEOUT_MS); /* M */
		if (txn_is_reliable(txn)) {
			/* Timer M is 64*T1 over any transport (RFC 6026 section 7.2). */
			txn->timeout_ns = e->now_ns + TIMEOUT_MS * NS_PER_MS;
			txn_arm(e, txn);
		}
		return TXN_EVENT_SUCCESS;
	}
	ack_refusal(e, txn, msg);
	txn_refused(e, txn, msg->status);
	txn_linger(e, txn, TXN_COMPLETED, TIMEOUT_MS); /* D */
	return TXN_EVENT_FAILURE;
}

enum txn_event txn_on_response(struct engine *e, struct sip_txn *txn, const struct sip_msg *msg)
{
	if (txn->kind == TXN_CLIENT_INVITE)
		return invite_on_response(e, txn, msg);
	if (txn->state == TXN_COMPLETED)
		return TXN_EVENT_NONE;
	if (msg->status < 200) {
		/* Timer E goes on at T2 (section 17.1.2.2). */
		txn->state = TXN_PROCEEDING;
		txn->interval_ms = T2_MS;
		return TXN_EVENT_PROVISIONAL;
	}
	txn->status = msg->status;
	txn_refused(e, txn, msg->status);
	txn_linger(e, txn, TXN_COMPLETED, T4_MS); /* K */
	return msg->status < 300 ? TXN_EVENT_SUCCESS : TXN_EVENT_FAILURE;
}

void txn_unsent(struct engine *e, struct sip_txn *txn)
{
	if ((txn->kind != TXN_CLIENT_INVITE && txn->kind != TXN_CLIENT) ||
	    txn->state != TXN_TRYING)
		return;
	txn->status = 503;
	txn->retransmit_ns = NEVER_NS;
	txn->timeout_ns = e->now_ns;
	txn_arm(e, txn);
}

/* ---- timers ---- */

static void txn_on_retransmit(struct engine *e, struct sip_txn *txn)
{
	/* Timer A doubles without bound (section 17.1.1.2), the others up to T2. */
	bool capped = txn->kind != TXN_CLIENT_INVITE;

	txn_resend(e, txn);
	txn->interval_ms *= 2;
	if (capped && txn->interval_ms > T2_MS)
		txn->interval_ms = T2_MS;
	txn->retransmit_ns = e->now_ns + txn->interval_ms * NS_PER_MS;
	txn_arm(e, txn);
}

enum txn_event txn_on_timer(struct engine *e, struct sip_txn *txn)
{
	if (e->now_ns < txn->timeout_ns) {
		if (e->now_ns < txn->retransmit_ns) {
			txn_arm(e, txn);
		} else if (txn->kind == TXN_SERVER) {
			txn->retransmit_ns = NEVER_NS;
			txn_arm(e, txn);
			return TXN_EVENT_TRYING;
		} else {
			txn_on_retransmit(e, txn);
		}
		return TXN_EVENT_NONE;
	}
	switch (txn->kind) {
	case TXN_CLIENT_INVITE:
	case TXN_CLIENT:
		if (txn->state == TXN_TRYING || txn->state == TXN_PROCEEDING) {
			e->stats.txn_timeouts++;
			if (txn->status != 503)
				txn->status = 408;
			txn->retransmit_ns = NEVER_NS;
			txn->timeout_ns = NEVER_NS;
			return TXN_EVENT_TIMEOUT;
		}
		break;
	case TXN_SERVER_INVITE:
		if (txn->state == TXN_ACCEPTED && !(txn->flags & TXN_ACKED)) {
			e->stats.txn_timeouts++;
			return TXN_EVENT_NO_ACK;
		}
		break;
	default:
		if (txn->status < 200) {
			txn_abandon(e, txn);
			return TXN_EVENT_NONE;
		}
		break;
	}
	txn_free(e, txn);
	return TXN_EVENT_NONE;
}
