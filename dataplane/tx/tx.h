/* SPDX-License-Identifier: BSD-3-Clause */
/* Last stage: headers, next hop, fragments, and the burst to the port. One for each worker. */
#pragma once

struct neigh_worker;
struct ports;
struct realms;
struct rte_mempool;
struct rte_ring;

#include "dataplane/io/drop.h"
#include "dataplane/tx/lane.h"

struct tx; /* one worker's queues towards the ports */

struct tx_conf {
	unsigned worker;
	unsigned nworkers;
	const struct ports *ports; /* borrowed, as all below */
	const struct realms *realms;
	struct neigh_worker *neigh;
	struct rte_mempool *pool;
	struct drops *drops;
	/* By port: NULL, or the ring to a worker that has a queue there when this one has none.
	 * NULL as a whole: all have. */
	struct rte_ring *const *carriers; /* read by tx_new only */
	uint64_t seed;			  /* of IP identifications */
};

/* NULL when there is no memory. */
struct tx *tx_new(const struct tx_conf *conf);
/* The worker has stopped: what is still queued is freed. */
void tx_free(struct tx *tx);

/* Where a UDP payload goes, and as whom. The next hop is remembered in `neigh`: keep the struct (or
 * the field) for the next packet of the same flow and the look-up is one compare. Set it to 0 when
 * dst changes. */
struct tx_flow {
	uint8_t realm;	/* leaves by this realm's port */
	uint8_t family; /* of both endpoints */
	uint8_t dscp;
	uint8_t pad;
	uint32_t neigh;		 /* 0: not looked up yet */
	struct net_endpoint src; /* limen's */
	struct net_endpoint dst;
};

/* Send a UDP payload: m's data is the payload alone, with room for headers before it
 * (RTE_PKTMBUF_HEADROOM) or a chained mbuf is put before it. Takes m. Fragments what is larger than
 * the port's MTU. `payload_sum`: the ones' complement sum of the payload where the caller knows it
 * (TX_SUM_UNKNOWN otherwise): media does not add up each payload again. It is in memory order, as
 * rte_raw_cksum gives it: ~csum of a received packet less its pseudo header and UDP header. */
#define TX_SUM_UNKNOWN UINT32_MAX
void tx_udp(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint32_t payload_sum);

/* Pass on a frame of IPv4 without options and UDP, with `len` bytes of payload that stay as they
 * are: Ethernet, IPv4 and UDP headers are written over those that it came with. m's data begins
 * with them; it is one segment, direct and nobody else's; what lies behind the payload is cut off.
 * The flow is IPv4. `udp_csum`: the checksum that is to be sent. Takes m. */
void tx_relay4(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint16_t len,
	       uint16_t udp_csum);

/* The flow's lane, for tx_lane_send (tx_lane.h). False: its next hop is not known; ask again after
 * the next packet. The flow is IPv4. */
bool tx_lane_make(struct tx *tx, const struct tx_flow *flow, struct tx_lane *lane);

/* Send a whole Ethernet frame as it is, by the port of that index. Takes m. */
void tx_frame(struct tx *tx, struct rte_mbuf *m, uint16_t port);

/* Hand what is queued to the ports; at the end of each turn. Returns how many packets went. */
unsigned tx_flush(struct tx *tx);

/* The same for ports that have a good burst queued: between the ports' turns. */
unsigned tx_flush_bursts(struct tx *tx);

/* Take back packets that ports have sent but still hold, where their drivers do so only when the
 * next ones are sent. For a worker that has just run out of work; costs what the driver needs for
 * it. */
void tx_reap(struct tx *tx);

/* An empty packet of this worker's pool, or NULL (counted as no-mbuf). */
struct rte_mbuf *tx_alloc(struct tx *tx);

/* Sent by a port so far; any thread may read. */
struct tx_count {
	uint64_t pkts;
	uint64_t bytes; /* of frames, without FCS */
};
struct tx_count tx_count(const struct tx *tx, unsigned port);
/* Packets that a port has not taken yet. */
unsigned tx_queued(const struct tx *tx, unsigned port);
