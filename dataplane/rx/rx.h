/* SPDX-License-Identifier: BSD-3-Clause */
/* First stage: a burst from each of this worker's queues. Each worker has its own. */
#pragma once

struct ports;

#include "dataplane/io/pkt.h"

/* So many that they stay in the first cache with their streams until they are sent; and how often
 * in a turn a queue is asked that has more. */
#define RX_BURST      32u
#define RX_BURSTS     2u
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

/* Receive from the q-th of the queues; pkts has room for RX_BURST packets. The caller owns them,
 * adds their bytes to the port's count, and marks those that go the way of the stages. */
unsigned rx_stage(struct rx *rx, unsigned q, struct rte_mbuf **pkts);

/* Set each one's mbuf port to the port's index: some drivers set DPDK's number there, some
 * nothing. */
void rx_mark(const struct rx *rx, unsigned q, struct rte_mbuf **pkts, unsigned n);
