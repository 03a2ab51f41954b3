/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage for what a stream transport carries (TCP, SCTP): to the main thread, which gives it to the
 * kernel by the realm's device, for the control plane's sockets. Limited by source here, so that a
 * flood costs the hot path no more than its look. Each worker. */
#pragma once

struct realms;
struct rte_ring;

#include "dataplane/io/drop.h"
#include "dataplane/punt/limit.h"

/* One worker's end. */
struct punt {
	const struct realms *realms; /* borrowed, as all below */
	struct rte_ring *to_main;    /* NULL: no realm has a kernel device */
	struct drops *drops;
	struct punt_limit limit;
};

/* Takes the packets. */
void punt_stage(struct punt *punt, struct rte_mbuf **pkts, unsigned n, uint64_t now_ns);
