/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that came to the wrong worker go to their owner: a ring from each worker to each other,
 * one writer and one reader each. The owner of a packet is a function of the packet alone. */
#pragma once

#include "dataplane/classify/classify.h"
#include "dataplane/io/realm.h"

#define HANDOFF_RING_PKTS 1024u
#define HANDOFF_BURST	  64u

/* The rings of all workers, and who owns which media port. Made by main; read by all workers. */
struct handoff_mesh {
	unsigned nworkers;
	struct rte_ring *rings[CONF_WORKERS_MAX][CONF_WORKERS_MAX]; /* [from][to] */
	uint8_t *media_owner[CONF_REALMS_MAX]; /* by pair of ports, from media_port_low on */
	uint16_t media_low[CONF_REALMS_MAX];
};

/* 0, or -ENOMEM. With one worker there is nothing to make. */
int handoff_mesh_init(struct handoff_mesh *mesh, const struct realms *realms, unsigned nworkers);
/* The workers have stopped: packets on their way are freed. */
void handoff_mesh_fini(struct handoff_mesh *mesh);

/* One worker's end. */
struct handoff {
	const struct handoff_mesh *mesh;
	unsigned worker;
	struct drops *drops;
	uint64_t sent, taken; /* counters, read by main */
	unsigned first;	      /* whose ring is looked at first, next time */
	char *linear; /* room for a chained datagram's payload while its Call-ID is sought */
	unsigned n[CONF_WORKERS_MAX];
	struct rte_mbuf *out[CONF_WORKERS_MAX][HANDOFF_BURST]; /* on their way into the rings */
};

/* NULL when there is no memory. */
struct handoff *handoff_new(const struct handoff_mesh *mesh, unsigned worker, struct drops *drops);
void handoff_free(struct handoff *handoff);

/* Leave in the vector what is this worker's own; the rest is on its way. */
void handoff_sort(struct handoff *handoff, struct vector *vector, enum pkt_stage stage);

/* One packet to a worker other than this one, its pkt's `stage` set. */
void handoff_send(struct handoff *handoff, unsigned to, struct rte_mbuf *m);

/* Push what handoff_sort put aside into the rings; once a turn at least. What does not fit is
 * dropped. */
void handoff_flush(struct handoff *handoff);

/* Take what others sent, by stage: not more than HANDOFF_BURST from each, nor than the vectors have
 * room for together. */
unsigned handoff_take(struct handoff *handoff, struct walk *walk);
