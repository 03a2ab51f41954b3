/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to neigh*.c: the main thread's side of the neighbour table. */
#pragma once

#include "dataplane/io/neigh.h"

#include <rte_rcu_qsbr.h>

#define NEIGH_NONE UINT32_MAX

/* RFC 4861 section 10: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT, RETRANS_TIMER,
 * REACHABLE_TIME. */
#define NEIGH_TRIES	   3u
#define NEIGH_RETRANS_NS   1000000000ull
#define NEIGH_REACHABLE_NS 30000000000ull
/* Packets for a neighbour that failed are dropped at once for so long; then the next one asks
 * again. */
#define NEIGH_FAILED_NS 1000000000ull
/* Nobody sent to it for so long: forgotten. */
#define NEIGH_UNUSED_NS 600000000000ull
#define NEIGH_GONE_NS	30000000000ull
/* Packets parked for one neighbour: a 64 KiB message is 45 fragments. */
#define NEIGH_PARK_EACH 64u
/* Entries that nobody answers for: bounded, so that a flood of made-up destinations cannot fill the
 * table. */
#define NEIGH_PENDING_MAX 4096u

enum neigh_state {
	STATE_FREE = 0,
	STATE_INCOMPLETE, /* broadcast questions are out, packets are parked */
	STATE_REACHABLE,
	STATE_STALE,  /* not confirmed for a while; the next packet starts a probe */
	STATE_PROBE,  /* unicast questions are out, packets still go */
	STATE_VERIFY, /* another MAC is claimed: broadcast questions are out, the old one is used */
	STATE_FAILED,
	STATE_LIMBO, /* unlinked; free once every worker has passed a quiet point */
	STATES_END,
};

/* What only main knows of an entry. */
struct neigh_cold {
	uint8_t state; /* enum neigh_state */
	uint8_t tries;
	uint16_t parked;
	uint32_t prev, next;   /* in the list of the awaited, of the free or of those in limbo */
	uint64_t due_ns;       /* awaited: next try */
	uint64_t confirmed_ns; /* when the state began, or was confirmed */
	uint64_t used_ns;
	uint64_t token;		      /* limbo: what every worker must have passed */
	struct rte_mbuf *head, *tail; /* parked packets; the links lie in their private area */
};

struct neigh_list {
	uint32_t head, tail, n;
};

#define NEIGH_CONFLICTS 16u

struct neigh {
	struct neigh_conf conf;
	struct neigh_table *table;
	struct neigh_cold *cold;
	struct neigh_worker workers[CONF_WORKERS_MAX];
	struct neigh_list awaited, free, limbo;
	uint32_t bound;	  /* one past the highest entry ever used */
	uint32_t scan;	  /* where the ageing walk goes on */
	uint64_t scan_ns; /* when it last went */
	uint32_t parked;
	uint32_t pending; /* entries INCOMPLETE or FAILED */
	struct neigh_heard conflicts[NEIGH_CONFLICTS];
	unsigned nconflicts;
	struct neigh_stats stats;
};

/* A packet that waits: its private area is main's while it is here. */
struct neigh_parked {
	struct rte_mbuf *next;
	uint32_t worker; /* who sent it up, and sends it out */
};
static_assert(sizeof(struct neigh_parked) <= PKT_PRIV_BYTES, "lies in the private area");

/* Drop the packets that wait for an entry. */
void neigh_drop_parked(struct neigh *neigh, uint32_t index, enum drop_reason reason);

/* Send an empty packet of main's pool, filled in by neigh_frame_*, by worker 0. */
void neigh_send(struct neigh *neigh, struct rte_mbuf *m, uint8_t port);
