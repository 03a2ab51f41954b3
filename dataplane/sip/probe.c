/* SPDX-License-Identifier: BSD-3-Clause */
/* OPTIONS to a peer for the control plane (RFC 3261 section 11): is it there, and how far away? A
 * probe lives as long as its transaction. One worker thread; libc only. */
#include "dataplane/sip/core.h"

static struct sip_probe *probe_get(const struct engine *e, uint64_t handle)
{
	return slab_get(e->probes, handle);
}

static void tell(struct engine *e, uint64_t probe_id, uint16_t status, uint64_t rtt_ns)
{
	uint64_t rtt_us = rtt_ns / 1000;
	struct ipc_probe_end end = {
		.probe_id = probe_id,
		.status = status,
		.rtt_us = rtt_us > UINT32_MAX ? UINT32_MAX : (uint32_t)rtt_us,
	};
	struct cursor *out = out_start(e);

	if (rtt_ns && end.rtt_us == 0)
		end.rtt_us = 1;
	put_bytes(out, &end, sizeof(end));
	out_report(e, IPC_PROBE_END, out_finish(e));
}

/* One that brings the answer to this worker. */
static void put_call_id(struct cursor *out, struct engine *e)
{
	do {
		out->len = 0;
		cookie_put_random(out, engine_random(e), engine_random(e));
	} while (engine_owner(cursor_span(out), e->conf.nworkers) != e->conf.worker);
}

static void put_probe(struct engine *e, struct cursor *out, const struct ipc_probe *ask,
		      const struct sip_txn *txn)
{
	char buf[COOKIE_CHARS];
	struct cursor id = cursor_on(buf, sizeof(buf));

	put_lit(out, "OPTIONS ");
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
	put_call_id(&id, e);
	put_lit(out, "\r\nCall-ID: ");
	put_span(out, cursor_span(&id));
	put_lit(out, "\r\nCSeq: 1 OPTIONS\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n");
}

/* The transaction of a probe that is on its way, or NULL when there is no room. */
static struct sip_txn *probe_new(struct engine *e, const struct ipc_probe *ask)
{
	uint64_t handle;
	struct sip_probe *probe = slab_alloc(e->probes, &handle);
	struct sip_txn *txn;

	if (probe == NULL)
		return NULL;
	txn = txn_client_new(e, SIP_METHOD_OPTIONS, NULL, NULL);
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
	txn->cseq = 1;
	return txn;
}

void probe_start(struct engine *e, const struct ipc_probe *ask)
{
	struct sip_txn *txn;
	struct cursor *out;
	uint64_t handle;

	if (engine_local(e, ask->realm, ask->peer.family) == NULL) {
		tell(e, ask->probe_id, 503, 0);
		return;
	}
	txn = probe_new(e, ask);
	if (txn == NULL) {
		e->stats.probes_refused++;
		tell(e, ask->probe_id, 503, 0);
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
	tell(e, ask->probe_id, 503, 0);
}

bool probe_is(const struct engine *e, const struct sip_txn *txn)
{
	return txn->kind == TXN_CLIENT && txn->method == SIP_METHOD_OPTIONS &&
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
		tell(e, probe->probe_id, msg->status, e->now_ns - probe->sent_ns);
	else if (!probe->forgotten)
		tell(e, probe->probe_id, 408, 0);
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
