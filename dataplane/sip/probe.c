/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to a peer for the control plane: OPTIONS (RFC 3261 section 11), is it there and how far
 * away; REGISTER (section 10.2), whose answer goes back whole. A probe lives as long as its
 * transaction. One worker thread; libc only. */
#include "dataplane/sip/core.h"

static struct sip_probe *probe_get(const struct engine *e, uint64_t handle)
{
	return slab_get(e->probes, handle);
}

/* `msg`: the answer where the control plane wants it whole. */
static void tell(struct engine *e, uint64_t probe_id, uint16_t status, uint64_t rtt_ns,
		 const struct sip_msg *msg)
{
	uint64_t rtt_us = rtt_ns / 1000;
	struct ipc_probe_end end = {
		.probe_id = probe_id,
		.status = status,
		.rtt_us = rtt_us > UINT32_MAX ? UINT32_MAX : (uint32_t)rtt_us,
		.msg_len = msg ? msg->len : 0,
	};
	struct cursor *out = out_start(e);

	if (rtt_ns && end.rtt_us == 0)
		end.rtt_us = 1;
	put_bytes(out, &end, sizeof(end));
	if (msg)
		put_bytes(out, msg->buf, msg->len);
	out_report(e, IPC_PROBE_END, out_finish(e));
}

/* One that brings the answer to this worker: of a registration always the same (section 10.2). */
static void put_call_id(struct cursor *out, struct engine *e, const struct ipc_probe *ask)
{
	unsigned count = 0;

	do {
		uint64_t seed[2];

		for (unsigned i = 0; i < 2; i++) {
			struct hash_sip h = hash_sip_start(&e->random_key);

			hash_sip_add(&h, &ask->call_id_seed, sizeof(ask->call_id_seed));
			hash_sip_add(&h, &count, sizeof(count));
			count++;
			seed[i] = ask->kind == IPC_PROBE_REGISTER ? hash_sip_end(&h)
								  : engine_random(e);
		}
		out->len = 0;
		cookie_put_random(out, seed[0], seed[1]);
	} while (sip_owner(cursor_span(out), e->conf.nworkers) != e->conf.worker);
}

static struct span method_name(const struct ipc_probe *ask)
{
	return ask->kind == IPC_PROBE_REGISTER ? SPAN("REGISTER") : SPAN("OPTIONS");
}

static void put_probe(struct engine *e, struct cursor *out, const struct ipc_probe *ask,
		      const struct sip_txn *txn)
{
	char buf[COOKIE_CHARS];
	struct cursor id = cursor_on(buf, sizeof(buf));

	put_span(out, method_name(ask));
	put_char(out, ' ');
	put_span(out, ipc_probe_ruri(ask));
	put_lit(out, " SIP/2.0\r\n");
	put_via(out, e, txn->realm, txn->transport, txn->dst.family);
	put_lit(out, BRANCH_PREFIX);
	cookie_put(out, &e->keys, COOKIE_TXN, txn->self);
	put_lit(out, "\r\nMax-Forwards: 70\r\nFrom: ");
	put_span(out, ipc_probe_from(ask));
	put_lit(out, ";tag=");
	cookie_put_random(out, engine_random(e), engine_random(e));
	put_lit(out, "\r\nTo: ");
	put_span(out, ipc_probe_to(ask));
	put_call_id(&id, e, ask);
	put_lit(out, "\r\nCall-ID: ");
	put_span(out, cursor_span(&id));
	put_lit(out, "\r\nCSeq: ");
	put_u64(out, txn->cseq);
	put_char(out, ' ');
	put_span(out, method_name(ask));
	put_lit(out, "\r\n");
	if (ask->kind == IPC_PROBE_OPTIONS)
		put_lit(out, "Accept: application/sdp\r\n");
	put_span(out, ipc_probe_headers(ask));
	put_lit(out, "Content-Length: 0\r\n\r\n");
}

/* The transaction of a probe that is on its way, or NULL when there is no room. */
static struct sip_txn *probe_new(struct engine *e, const struct ipc_probe *ask)
{
	uint64_t handle;
	struct sip_probe *probe = slab_alloc(e->probes, &handle);
	struct sip_txn *txn;

	if (probe == NULL)
		return NULL;
	txn = txn_client_new(e, ask->kind == IPC_PROBE_REGISTER ? SIP_METHOD_REGISTER
							       : SIP_METHOD_OPTIONS,
			     NULL, NULL);
	if (txn == NULL) {
		slab_free(e->probes, handle);
		return NULL;
	}
	probe->probe_id = ask->probe_id;
	probe->sent_ns = e->now_ns;
	txn->probe = handle;
	txn->realm = ask->realm;
	txn->transport = ask->transport;
	txn->dst = ask->peer;
	txn->cseq = ask->cseq ? ask->cseq : 1;
	return txn;
}

void probe_start(struct engine *e, const struct ipc_probe *ask)
{
	struct sip_txn *txn;
	struct cursor *out;
	uint64_t handle;

	if (engine_local(e, ask->realm, ask->transport, ask->peer.family) == NULL) {
		tell(e, ask->probe_id, 503, 0, NULL);
		return;
	}
	txn = probe_new(e, ask);
	if (txn == NULL) {
		e->stats.probes_refused++;
		tell(e, ask->probe_id, 503, 0, NULL);
		return;
	}
	handle = txn->probe;
	out = out_start(e);
	put_probe(e, out, ask, txn);
	if (txn_client_send(e, txn, out_finish(e))) {
		e->stats.probes++;
		return;
	}
	slab_free(e->probes, handle);
	e->stats.probes_refused++;
	tell(e, ask->probe_id, 503, 0, NULL);
}

bool probe_is(const struct engine *e, const struct sip_txn *txn)
{
	return txn->kind == TXN_CLIENT &&
	       (txn->method == SIP_METHOD_OPTIONS || txn->method == SIP_METHOD_REGISTER) &&
	       txn->call == HANDLE_NONE && probe_get(e, txn->probe) != NULL;
}

void probe_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		     const struct sip_msg *msg)
{
	struct sip_probe *probe = probe_get(e, txn->probe);

	if (event == TXN_EVENT_PROVISIONAL)
		return;
	/* Who asked is gone: the next control plane asks by itself. */
	if (!probe->forgotten && msg)
		tell(e, probe->probe_id, msg->status, e->now_ns - probe->sent_ns,
		     txn->method == SIP_METHOD_REGISTER ? msg : NULL);
	else if (!probe->forgotten)
		tell(e, probe->probe_id, txn->status, 0, NULL);
	slab_free(e->probes, txn->probe);
	txn->probe = HANDLE_NONE;
}

void probe_forget_all(struct engine *e)
{
	for (uint32_t i = 0; i < slab_bound(e->probes); i++) {
		struct sip_probe *probe = probe_get(e, slab_handle_at(e->probes, i));

		if (probe)
			probe->forgotten = 1;
	}
}
