/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker: one thread on one CPU that polls its queues and owns its calls. Made and freed by main;
 * between worker_run's start and end it is its thread's. Fields say who writes and reads them. */
#pragma once

struct rte_mempool;
struct rte_rcu_qsbr;

#include "dataplane/classify/classify.h"
#include "dataplane/classify/reassembly.h"
#include "dataplane/io/neigh.h"
#include "dataplane/io/port.h"
#include "dataplane/io/tsc.h"
#include "dataplane/link/link.h"
#include "dataplane/local/local.h"
#include "dataplane/media/lane.h"
#include "dataplane/media/media.h"
#include "dataplane/punt/punt.h"
#include "dataplane/rx/rx.h"
#include "dataplane/sip/engine.h"
#include "dataplane/tx/tx.h"
#include "dataplane/worker/handoff.h"
#include "dataplane/worker/load.h"

#include <stdatomic.h>

struct secure_device;
struct sip_stage;

#define WORKER_PKTS_MAX (RX_BURSTS * RX_BURST * RX_QUEUES_MAX)
static_assert(WORKER_PKTS_MAX < VECTOR_MAX,
	      "a turn's packets fit, with room for what other workers send");

static_assert(RX_BURST <= LANE_PKTS_MAX, "a burst at a time");

struct worker_conf {
	unsigned index, nworkers;
	const struct conf *conf; /* borrowed, as all below */
	const struct realms *realms;
	const struct ports *ports;
	const struct handoff_mesh *mesh;
	const struct tsc_clock *clock;
	struct rte_mempool *pool;
	struct neigh_worker *neigh;
	struct worker_link *link;
	struct rte_ring *to_kernel; /* NULL: no realm has a kernel device */
	struct rte_rcu_qsbr *quiet;
	const struct secure_device *crypto; /* NULL: none */
	struct counts *counts; /* of all workers' limits; NULL: this one's alone (tests) */
	const char *arena_path; /* NULL: memory of its own (tests) */
	uint64_t seed[2];	/* of everything random */
	uint64_t shared_seed[2]; /* of cookies: the same for all workers */
	uint64_t boot_unix_ns;	/* UNIX time at time 0 */
};

#define WORKER_DELAYS 32u /* the last: a second and more */

/* The worker writes, main reads; each value by itself, in no order. */
struct worker_stats {
	uint64_t turns;
	uint64_t pkts; /* received, and taken from other workers */
	uint64_t sent_pkts;
	uint64_t busy_cycles; /* of turns that found something to do */
	uint64_t idle_cycles; /* of the others, sleep included */
	uint64_t sleeps;
	uint64_t delay_pkts[WORKER_DELAYS]; /* by the bits of the ns that they were in limen */
};

struct worker {
	/* main writes before the start, the worker reads */
	struct worker_conf conf;
	uint64_t idle_sleep_ns;
	struct handoff *handoff; /* NULL with one worker */
	struct reassembly *reassembly;
	struct tx *tx;
	struct media *media;
	struct secure_engine *srtp;
	struct engine *engine;
	struct sip_stage *sip;
	struct engine_conf engine_conf;
	struct engine_realm engine_realms[CONF_REALMS_MAX];
	struct arena arena;
	bool arena_is_open;
	unsigned nslabs;
	struct arena_slab_def slab_defs[ARENA_SLABS_MAX];
	const char *arena_start; /* how the arena began, for the log */

	/* the worker writes and reads */
	uint64_t now_ns __attribute__((aligned(64)));
	uint64_t turn_tsc;   /* when this turn began */
	uint64_t ns_per_cycle_q32; /* times 2^32 */
	unsigned turn_pkts;  /* that it found */
	unsigned idle_turns; /* in a row */
	bool turn_full;	     /* a queue gave as much as was asked of it */
	unsigned sent;	     /* in this turn, so far */
	struct load_meter load;
	struct rx rx;	     /* main reads its counters */
	struct classify classify;
	struct local local; /* main reads its counters */
	struct punt punt;
	struct rte_mbuf *pkts[RX_BURST];
	struct walk walk;

	/* the worker writes, main reads */
	struct drops drops __attribute__((aligned(64)));
	struct worker_stats stats __attribute__((aligned(64)));

	/* main writes, the worker reads */
	_Atomic bool stop __attribute__((aligned(64)));
};

/* NULL with the fault when something cannot be had. */
struct worker *worker_new(const struct worker_conf *conf, struct fault *fault);
void worker_free(struct worker *worker);

/* One turn: receive, run the stages, timers, commands, send. True when there was anything to do. */
bool worker_turn(struct worker *worker, uint64_t now_ns);

/* The loop, until `stop`. An lcore function: arg is the worker. */
int worker_run(void *arg);
