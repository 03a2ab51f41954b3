/* SPDX-License-Identifier: BSD-3-Clause */
/* Handoff between workers. Each worker calls it for itself. */
#include "dataplane/worker/handoff.h"

#include "dataplane/classify/reassembly.h"
#include "dataplane/media/media.h"
#include "dataplane/sip/engine.h"

#include <errno.h>
#include <rte_ring.h>
#include <stdlib.h>

#define DATAGRAM_MAX 65535u

/* --- who owns it --- */

static unsigned message_owner(struct handoff *handoff, const struct rte_mbuf *m)
{
	const struct pkt *pkt = pkt_of((struct rte_mbuf *)(uintptr_t)m);
	const char *bytes =
		rte_pktmbuf_read(m, pkt->payload_off, pkt->payload_len, handoff->linear);
	struct span call_id;

	/* Without a Call-ID it can only be refused, and whoever has it does that. */
	if (!bytes || !sip_find_call_id(bytes, pkt->payload_len, &call_id))
		return handoff->worker;
	return sip_owner(call_id, handoff->mesh->nworkers);
}

static unsigned owner_of(struct handoff *handoff, struct rte_mbuf *m, enum pkt_stage stage)
{
	const struct handoff_mesh *mesh = handoff->mesh;
	const struct pkt *pkt = pkt_of(m);

	switch (stage) {
	case STAGE_MEDIA:
		return mesh->media_owner[pkt->realm]
					[(pkt->dst_port - mesh->media_low[pkt->realm]) / 2];
	case STAGE_SIP:
		return message_owner(handoff, m);
	case STAGE_FRAG:
		return fragment_owner(fragment_of(m), mesh->nworkers);
	default:
		return handoff->worker;
	}
}

/* --- out and in --- */

static void push(struct handoff *handoff, unsigned to)
{
	unsigned n = handoff->n[to];
	unsigned sent = rte_ring_sp_enqueue_burst(handoff->mesh->rings[handoff->worker][to],
						  (void **)handoff->out[to], n, NULL);

	handoff->sent += sent;
	for (unsigned i = sent; i < n; i++)
		pkt_drop(handoff->drops, handoff->out[to][i], DROP_HANDOFF_FULL);
	handoff->n[to] = 0;
}

void handoff_send(struct handoff *handoff, unsigned to, struct rte_mbuf *m)
{
	handoff->out[to][handoff->n[to]++] = m;
	if (handoff->n[to] == HANDOFF_BURST)
		push(handoff, to);
}

void handoff_sort(struct handoff *handoff, struct vector *vector, enum pkt_stage stage)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < vector->n; i++) {
		struct rte_mbuf *m = vector->pkts[i];
		unsigned to = owner_of(handoff, m, stage);

		if (to == handoff->worker) {
			vector->pkts[kept++] = m;
			continue;
		}
		handoff_send(handoff, to, m);
	}
	vector->n = kept;
}

void handoff_flush(struct handoff *handoff)
{
	for (unsigned to = 0; to < handoff->mesh->nworkers; to++)
		if (handoff->n[to])
			push(handoff, to);
}

unsigned handoff_take(struct handoff *handoff, struct walk *walk)
{
	const struct handoff_mesh *mesh = handoff->mesh;
	struct rte_mbuf *pkts[HANDOFF_BURST];
	unsigned room = VECTOR_MAX, total = 0;

	/* A fragment moves to another stage's vector when its datagram is whole: it is the sum that
	 * has to fit. */
	for (unsigned s = 0; s < STAGES_END; s++)
		room -= walk->to[s].n;
	for (unsigned i = 0; i < mesh->nworkers; i++) {
		unsigned from = (handoff->first + i) % mesh->nworkers, n;

		if (from == handoff->worker)
			continue;
		n = rte_ring_sc_dequeue_burst(mesh->rings[from][handoff->worker], (void **)pkts,
					      RTE_MIN(room - total, HANDOFF_BURST), NULL);
		for (unsigned p = 0; p < n; p++)
			vector_add(walk, (enum pkt_stage)pkt_of(pkts[p])->stage, pkts[p]);
		total += n;
	}
	handoff->first++; /* each gets to be first */
	handoff->taken += total;
	return total;
}

/* --- birth and death --- */

static int make_media_owners(struct handoff_mesh *mesh, const struct realms *realms)
{
	for (unsigned r = 0; r < realms->n; r++) {
		uint16_t low = realms->realm[r].media_port_low,
			 high = realms->realm[r].media_port_high;
		unsigned npairs = ((unsigned)high - low + 1) / 2;

		mesh->media_low[r] = low;
		mesh->media_owner[r] = malloc(npairs);
		if (!mesh->media_owner[r])
			return -ENOMEM;
		for (unsigned pair = 0; pair < npairs; pair++)
			mesh->media_owner[r][pair] = (uint8_t)media_port_owner(
				low, high, mesh->nworkers, (uint16_t)(low + 2 * pair));
	}
	return 0;
}

int handoff_mesh_init(struct handoff_mesh *mesh, const struct realms *realms, unsigned nworkers)
{
	int err;

	memset(mesh, 0, sizeof(*mesh));
	mesh->nworkers = nworkers;
	if (nworkers < 2)
		return 0;
	err = make_media_owners(mesh, realms);
	for (unsigned from = 0; !err && from < nworkers; from++) {
		for (unsigned to = 0; !err && to < nworkers; to++) {
			char name[RTE_RING_NAMESIZE];

			if (from == to)
				continue;
			snprintf(name, sizeof(name), "hand-%u-%u", from, to);
			mesh->rings[from][to] =
				rte_ring_create(name, HANDOFF_RING_PKTS, SOCKET_ID_ANY,
						RING_F_SP_ENQ | RING_F_SC_DEQ);
			err = mesh->rings[from][to] ? 0 : -ENOMEM;
		}
	}
	if (err)
		handoff_mesh_fini(mesh);
	return err;
}

void handoff_mesh_fini(struct handoff_mesh *mesh)
{
	for (unsigned from = 0; from < mesh->nworkers; from++) {
		for (unsigned to = 0; to < mesh->nworkers; to++) {
			struct rte_ring *ring = mesh->rings[from][to];
			struct rte_mbuf *m;

			while (ring && rte_ring_sc_dequeue(ring, (void **)&m) == 0)
				rte_pktmbuf_free(m);
			rte_ring_free(ring);
		}
	}
	for (unsigned r = 0; r < CONF_REALMS_MAX; r++)
		free(mesh->media_owner[r]);
	memset(mesh, 0, sizeof(*mesh));
}

struct handoff *handoff_new(const struct handoff_mesh *mesh, unsigned worker, struct drops *drops)
{
	struct handoff *handoff = calloc(1, sizeof(*handoff));

	if (!handoff)
		return NULL;
	handoff->linear = malloc(DATAGRAM_MAX);
	if (!handoff->linear) {
		free(handoff);
		return NULL;
	}
	handoff->mesh = mesh;
	handoff->worker = worker;
	handoff->drops = drops;
	return handoff;
}

void handoff_free(struct handoff *handoff)
{
	if (!handoff)
		return;
	for (unsigned to = 0; to < handoff->mesh->nworkers; to++)
		for (unsigned i = 0; i < handoff->n[to]; i++)
			rte_pktmbuf_free(handoff->out[to][i]);
	free(handoff->linear);
	free(handoff);
}
