/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the workers and the kernel: what punt let through goes into the realm's device, what the
 * kernel sends goes out by worker 0. Main thread. */
#pragma once

struct neigh;
struct neigh_port;
struct ports;
struct rte_mempool;
struct rte_ring;

#include "common/conf/conf.h"
#include "dataplane/io/drop.h"
#include "dataplane/io/fault.h"
#include "dataplane/io/realm.h"

struct kernel_conf {
	const struct conf *conf;	/* borrowed, as all below */
	const struct realms *realms;
	const struct neigh_port *ports; /* by port index */
	struct neigh *neigh;
	struct rte_mempool *pool; /* main's own */
	struct drops *drops;	  /* main's own */
	unsigned nworkers;
};

struct kernel;

/* Open the devices of all realms that have one. 0 with *kernel NULL where none has; -errno with the
 * fault. */
int kernel_open(struct kernel **kernel, const struct kernel_conf *conf, struct fault *fault);
/* The workers have stopped. */
void kernel_close(struct kernel *kernel);

/* A worker's ring to main; NULL without kernel. */
struct rte_ring *kernel_ring(const struct kernel *kernel, unsigned worker);

/* Main thread, each turn: both ways. True when there was something. */
bool kernel_turn(struct kernel *kernel, uint64_t now_ns);

/* Readable while the kernel has something to send; -1 without kernel. */
int kernel_fd(const struct kernel *kernel);

/* By realm. */
struct kernel_stats {
	uint64_t to_kernel_pkts;
	uint64_t from_kernel_pkts;
	uint64_t ignored_pkts; /* of the kernel's own accord: neither TCP nor SCTP */
};
/* False: the realm has no device. */
bool kernel_stats(const struct kernel *kernel, unsigned realm, struct kernel_stats *stats);
