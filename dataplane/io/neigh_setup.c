/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbour table is made and freed, told of and announced. Main thread. */
#include "dataplane/io/neigh_frame.h"
#include "dataplane/io/neigh_state.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdlib.h>

bool neigh_is_busy(const struct neigh *neigh)
{
	return neigh->awaited.n != 0;
}

void neigh_announce(struct neigh *neigh)
{
	for (unsigned i = 0; i < neigh->conf.realms->n; i++) {
		const struct realm *realm = &neigh->conf.realms->realm[i];

		for (unsigned f = 0; f < 2; f++) {
			uint8_t family = f ? NET_IP6 : NET_IP4;
			struct rte_mbuf *m;

			if (!realm_addr_of(realm, family)->is_set)
				continue;
			m = rte_pktmbuf_alloc(neigh->conf.pool);
			if (!m) {
				drop_count(neigh->conf.drops, DROP_NO_MBUF);
				return;
			}
			neigh_frame_announce(m, neigh->conf.ports[realm->port].mac,
					     realm_addr_of(realm, family), family);
			neigh_send(neigh, m, realm->port);
		}
	}
}

bool neigh_next_conflict(struct neigh *neigh, struct neigh_heard *claim)
{
	if (!neigh->nconflicts)
		return false;
	*claim = neigh->conflicts[--neigh->nconflicts];
	return true;
}

void neigh_stats(const struct neigh *neigh, struct neigh_stats *stats)
{
	*stats = neigh->stats;
	stats->parked = neigh->parked;
	for (uint32_t i = 0; i < neigh->bound; i++) {
		uint8_t state = neigh->cold[i].state;

		stats->incomplete += state == STATE_INCOMPLETE;
		stats->reachable += state == STATE_REACHABLE;
		stats->stale += state == STATE_STALE;
		stats->probing += state == STATE_PROBE || state == STATE_VERIFY;
		stats->unreachable += state == STATE_FAILED;
	}
}

/* --- birth and death --- */

static struct rte_ring *make_ring(const char *what, unsigned worker, unsigned elem_bytes)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "%s-%u", what, worker);
	return rte_ring_create_elem(name, elem_bytes, NEIGH_RING_PKTS, SOCKET_ID_ANY,
				    RING_F_SP_ENQ | RING_F_SC_DEQ);
}

struct neigh *neigh_new(const struct neigh_conf *conf)
{
	struct neigh *neigh = calloc(1, sizeof(*neigh));

	if (!neigh)
		return NULL;
	neigh->conf = *conf;
	neigh->awaited = neigh->free = neigh->limbo =
		(struct neigh_list){.head = NEIGH_NONE, .tail = NEIGH_NONE};
	neigh->cold = calloc(NEIGH_MAX, sizeof(*neigh->cold));
	neigh->table = aligned_alloc(64, sizeof(*neigh->table));
	if (!neigh->cold || !neigh->table)
		goto failed;
	memset(neigh->table, 0, sizeof(*neigh->table));
	neigh->table->seed = conf->seed;
	/* References in call state that outlived an earlier process must not fit by chance. */
	for (uint32_t i = 0; i < NEIGH_MAX; i++)
		neigh->table->entries[i].word =
			neigh_word(0, conf->seed & NEIGH_GENERATIONS, NEIGH_FREE);
	for (unsigned w = 0; w < conf->nworkers; w++) {
		struct neigh_worker *worker = &neigh->workers[w];

		worker->table = neigh->table;
		worker->asks = make_ring("neigh-asks", w, sizeof(void *));
		worker->heard = make_ring("neigh-heard", w, sizeof(struct neigh_heard));
		worker->frames = make_ring("neigh-frames", w, sizeof(void *));
		if (!worker->asks || !worker->heard || !worker->frames)
			goto failed;
	}
	return neigh;
failed:
	neigh_free(neigh);
	return NULL;
}

static void free_ring_of_pkts(struct rte_ring *ring)
{
	struct rte_mbuf *m;

	while (ring && rte_ring_sc_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

void neigh_free(struct neigh *neigh)
{
	if (!neigh)
		return;
	for (uint32_t i = 0; i < neigh->bound; i++)
		neigh_drop_parked(neigh, i, DROP_NEIGH_FAILED);
	for (unsigned w = 0; w < neigh->conf.nworkers; w++) {
		free_ring_of_pkts(neigh->workers[w].asks);
		free_ring_of_pkts(neigh->workers[w].frames);
		rte_ring_free(neigh->workers[w].heard);
	}
	free(neigh->table);
	free(neigh->cold);
	free(neigh);
}

struct neigh_worker *neigh_worker(struct neigh *neigh, unsigned worker)
{
	return &neigh->workers[worker];
}
