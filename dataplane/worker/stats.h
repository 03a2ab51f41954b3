/* SPDX-License-Identifier: BSD-3-Clause */
/* All counters and fill levels of the dataplane as rows, for whoever asks over the link. Main
 * thread; the workers' counters are read while they run, each by itself. */
#pragma once

struct link;
struct neigh;
struct privileges_state;
struct rte_mempool;

#include "dataplane/io/drop.h"
#include "dataplane/io/port.h"
#include "dataplane/punt/kernel.h"
#include "dataplane/worker/worker.h"

/* Where the figures come from. All borrowed. */
struct stats_source {
	unsigned nworkers;
	struct worker *const *workers;
	struct rte_mempool *const *pools; /* of the workers */
	struct rte_mempool *main_pool;
	const struct ports *ports;
	const struct handoff_mesh *mesh;
	struct neigh *neigh;
	struct link *link;
	const struct kernel *kernel; /* NULL: none */
	const struct drops *main_drops;
	struct counts *counts;
	const struct privileges_state *privileges; /* of this process */
};

struct stat_row {
	const char *group; /* static */
	const char *name;  /* static */
	char object[IPC_NAME_MAX + 1];
	uint64_t value;
};

struct stats {
	struct stat_row *rows; /* owner */
	unsigned n, room;
	bool is_cut; /* there was no memory for all */
};

/* Every counter as it is now, in an order that does not change. 0, or -ENOMEM. */
int stats_collect(struct stats *stats, const struct stats_source *source);
void stats_fini(struct stats *stats);

/* An answer to IPC_STATS_ASK under way: rows are sent as the ring takes them. */
struct stats_answer {
	struct stats stats;
	bool is_open;
	uint32_t list_id;
	uint32_t sent;
	unsigned at, end;
};

/* A question: forgets an answer that is under way. */
void stats_answer_ask(struct stats_answer *answer, const struct ipc_list_ask *ask,
		      const struct stats_source *source);
/* Each turn: send on. True while there is more to send. */
bool stats_answer_turn(struct stats_answer *answer, struct link *link);
