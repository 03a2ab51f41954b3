/* SPDX-License-Identifier: BSD-3-Clause */
/* Last stage: headers, next hop, fragments, and the burst to the port. One for each worker. */
#pragma once

#include "dataplane/io/drop.h"

struct tx; /* one worker's queues towards the ports */

/* Where a UDP payload goes, and as whom. The next hop is remembered in `neigh`: keep the struct (or the field) for the next
 * packet of the same flow and the look-up is one compare. */
struct tx_flow {
	uint8_t realm;  /* leaves by this realm's port */
	uint8_t family; /* of both endpoints */
	uint8_t dscp;
	uint8_t pad;
	uint32_t neigh; /* 0: not looked up yet */
	struct net_endpoint src; /* limen's */
	struct net_endpoint dst;
};

/* Send a UDP payload: m's data is the payload alone, with room for headers before it (RTE_PKTMBUF_HEADROOM) or a chained mbuf is
 * put before it. Takes m. Fragments what is larger than the port's MTU. `payload_sum`: the ones' complement sum of the payload
 * where the caller knows it (TX_SUM_UNKNOWN otherwise): media does not add up each payload again. */
#define TX_SUM_UNKNOWN UINT32_MAX
void tx_udp(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint32_t payload_sum);

/* Send a whole Ethernet frame as it is. Takes m. */
void tx_frame(struct tx *tx, struct rte_mbuf *m, uint16_t port);

/* Hand what is queued to the ports; at the end of each turn. Returns how many packets went. */
unsigned tx_flush(struct tx *tx);

/* An empty packet of this worker's pool, or NULL (counted as no-mbuf). */
struct rte_mbuf *tx_alloc(struct tx *tx);
