/* SPDX-License-Identifier: BSD-3-Clause */
/* First stage: a burst from each of this worker's queues. Each worker has its own. */
#pragma once

struct ports;

#include "dataplane/io/pkt.h"

#define RX_BURST      64u
#define RX_QUEUES_MAX 16u /* one for each port */

struct rx_queue {
	uint16_t id; /* DPDK's number of the port */
	uint16_t queue;
	uint8_t port; /* index */
};

struct rx_count {
	uint64_t pkts;
	uint64_t bytes; /* of frames, without FCS */
};

struct rx {
	unsigned n;
	struct rx_queue queues[RX_QUEUES_MAX];
	struct rx_count count[RX_QUEUES_MAX]; /* by port index; main reads */
};

/* The queues of worker w: queue w of each port that has so many. */
void rx_init(struct rx *rx, const struct ports *ports, unsigned worker);

/* Receive from the q-th of the queues; pkts has room for RX_BURST packets. The caller owns them;
 * each one's mbuf port is set to the port's index. */
unsigned rx_stage(struct rx *rx, unsigned q, struct rte_mbuf **pkts);
