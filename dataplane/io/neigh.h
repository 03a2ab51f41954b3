/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours: who has which MAC address on the links, by ARP (RFC 826) and neighbour discovery (RFC
 * 4861). The main thread owns the table and runs the state machine; a worker reads the table and
 * talks with main by three rings of its own. */
#pragma once

struct rte_mempool;
struct rte_rcu_qsbr;
struct rte_ring;

#include "dataplane/io/drop.h"
#include "dataplane/io/neigh_table.h"
#include "dataplane/io/realm.h"

/* One worker's end. Made by main before the worker starts. */
struct neigh_worker {
	struct neigh_table *table;
	struct rte_ring *asks;	 /* worker to main: frames that wait for the neighbour in pkt */
	struct rte_ring *heard;	 /* worker to main: struct neigh_heard */
	struct rte_ring *frames; /* main to worker: whole frames to send, mbuf's port says where */
};

#define NEIGH_RING_PKTS 512u

enum neigh_heard_kind {
	NEIGH_HEARD_ANSWER = 0, /* ARP reply, neighbour advertisement */
	NEIGH_HEARD_ASK,	/* it asked for one of our addresses */
	NEIGH_HEARD_CONFLICT,	/* it claims one of our addresses */
};

/* What ARP or neighbour discovery said of a neighbour. */
struct neigh_heard {
	struct net_addr ip;
	uint8_t realm;
	uint8_t family;
	uint8_t kind; /* enum neigh_heard_kind */
	bool has_mac;
	bool keep; /* an advertisement without the override flag: changes no known MAC */
	uint8_t mac[6];
	uint8_t pad;
};
static_assert(sizeof(struct neigh_heard) % 4 == 0, "an element of an rte_ring");

struct neigh_port {
	uint8_t mac[6];
};

struct neigh_conf {
	const struct realms *realms;	/* borrowed */
	const struct neigh_port *ports; /* borrowed; by port index */
	unsigned nworkers;
	struct rte_mempool *pool; /* main's own packets */
	unsigned park_max;   /* packets that may wait for neighbours at a time, of all workers */
	struct drops *drops; /* main's own */
	struct rte_rcu_qsbr *quiet; /* workers report their quiet points here */
	uint64_t seed;
};

struct neigh;

/* NULL when there is no memory. */
struct neigh *neigh_new(const struct neigh_conf *conf);
/* The workers have stopped: parked packets and those in the rings are freed. */
void neigh_free(struct neigh *neigh);
struct neigh_worker *neigh_worker(struct neigh *neigh, unsigned worker);

/* Main thread, each turn: packets that wait for a neighbour, what was heard, timers. True when
 * there was something to do. */
bool neigh_turn(struct neigh *neigh, uint64_t now_ns);

/* Send a frame of main's own by worker 0: whole but for its destination MAC, which is the
 * neighbour's that struct pkt names (realm, family, dst); mbuf's port says where. Takes m. */
void neigh_forward(struct neigh *neigh, struct rte_mbuf *m, uint64_t now_ns);

/* Whether an answer is awaited: then main should not sleep long. */
bool neigh_is_busy(const struct neigh *neigh);

/* Tell the links who we are: gratuitous ARP (RFC 5227 section 3) and unsolicited advertisements
 * (RFC 4861 section 7.2.6). */
void neigh_announce(struct neigh *neigh);

/* An address of ours that another machine claims, since the last call; false: none. */
bool neigh_next_conflict(struct neigh *neigh, struct neigh_heard *claim);

#define NEIGH_COUNTERS(X)                                                                          \
	X(solicits) /* broadcast or multicast questions sent */                                    \
	X(probes)   /* unicast questions sent */                                                   \
	X(resolved)                                                                                \
	X(failed)    /* gave no answer */                                                          \
	X(unasked)   /* said by somebody who is not in the table: ignored */                       \
	X(moved)     /* MAC address changed */                                                     \
	X(conflicts) /* claims to one of our addresses */

struct neigh_stats {
#define X(name) uint64_t name;
	NEIGH_COUNTERS(X)
#undef X
	uint32_t incomplete, reachable, stale, probing, unreachable; /* entries by state */
	uint32_t parked;					     /* packets that wait */
};
void neigh_stats(const struct neigh *neigh, struct neigh_stats *stats);
