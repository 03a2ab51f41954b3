/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to dataplane/tx, but for tx_lane.h. */
#pragma once

#include "dataplane/io/csum.h"
#include "dataplane/io/neigh.h"
#include "dataplane/io/port.h"
#include "dataplane/tx/tx.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#define TX_QUEUE_PKTS 256u
#define TX_BURST_PKTS 32u
/* Turns in a row in which a port took nothing of a full queue before it is emptied: a peer that is
 * gone (memif) must not keep our packets for ever. */
#define TX_STALL_TURNS 10000u

#define TX_TTL 64
#define TX_MAC_MASK 0xffffffffffffull /* of a neighbour's word */

struct tx_port {
	/* read */
	uint16_t id; /* DPDK's */
	uint16_t mtu;
	uint8_t mac[6];
	bool ip4_csum, udp_csum;  /* the port fills them in */
	bool chains;		  /* takes chained packets */
	uint64_t frame4[2];	  /* the first 16 bytes of a frame of IPv4, but for the MAC of the
				     next hop and the DSCP */
	uint64_t lane_flags;	  /* of a lane's packets, for the port */
	uint32_t lane_room;	  /* of the queue, for those; 0 with a carrier */
	struct rte_ring *carrier; /* to the worker that sends for this one; NULL: it has a queue of
				     its own */
	/* written */
	uint32_t n;
	uint32_t stalled;
	struct tx_count count; /* main reads */
	struct rte_mbuf *queue[TX_QUEUE_PKTS];
} __attribute__((aligned(64)));

struct tx {
	struct tx_conf conf;
	unsigned nports;
	uint8_t port_of_realm[CONF_REALMS_MAX];
	uint64_t random;   /* xorshift state */
	uint16_t frag_id4; /* next identification of an IPv4 datagram that we fragment */
	struct tx_port ports[CONF_PORTS_MAX];
};

static inline uint64_t tx_random(struct tx *tx)
{
	uint64_t x = tx->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	tx->random = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* Where the frame goes and what to do with it. */
struct tx_hop {
	uint64_t word;	    /* of the neighbour table: MAC and use */
	struct net_addr ip; /* of the next hop; set unless word says NEIGH_SEND */
};

static inline unsigned tx_ip_bytes(uint8_t family)
{
	return family == NET_IP6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
}

/* Ethernet header, but for the destination. */
static inline uint8_t *tx_put_eth(const struct tx_port *port, uint8_t *at, uint8_t family)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)at;

	memcpy(eth->src_addr.addr_bytes, port->mac, 6);
	eth->ether_type = family == NET_IP6 ? rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6)
					    : rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	return at + sizeof(*eth);
}

static inline void tx_put_word(uint8_t *at, uint32_t word)
{
	memcpy(at, &word, sizeof(word));
}

static inline void tx_put_long(uint8_t *at, uint64_t word)
{
	memcpy(at, &word, sizeof(word));
}

/* IPv4 header with its checksum, or 0 there when the port fills it in. `fragment` is the field of
 * flags and offset, host order. Made in registers, word by word as on the wire: to add up what was
 * just stored in smaller pieces would wait for the stores. */
static inline void tx_put_ip4(uint8_t *at, const struct tx_flow *flow, uint16_t total_len,
			      uint16_t id, uint16_t fragment, bool port_sums)
{
	uint32_t first =
		0x45u | (uint32_t)flow->dscp << 10 | (uint32_t)rte_cpu_to_be_16(total_len) << 16;
	uint32_t second = id | (uint32_t)rte_cpu_to_be_16(fragment) << 16;
	uint32_t third = TX_TTL | (uint32_t)IPPROTO_UDP << 8;
	uint32_t src, dst;

	memcpy(&src, flow->src.addr.ip, 4);
	memcpy(&dst, flow->dst.addr.ip, 4);
	if (!port_sums)
		third |=
			(uint32_t)(uint16_t)~csum_fold((uint64_t)first + second + third + src + dst)
			<< 16;
	tx_put_word(at, first);
	tx_put_word(at + 4, second);
	tx_put_word(at + 8, third);
	tx_put_word(at + 12, src);
	tx_put_word(at + 16, dst);
}

static inline void tx_put_ip6(struct rte_ipv6_hdr *ip, const struct tx_flow *flow,
			      uint16_t payload_len, uint8_t proto)
{
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)flow->dscp << 22);
	ip->payload_len = rte_cpu_to_be_16(payload_len);
	ip->proto = proto;
	ip->hop_limits = TX_TTL;
	memcpy(ip->src_addr, flow->src.addr.ip, 16);
	memcpy(ip->dst_addr, flow->dst.addr.ip, 16);
}

/* What the port takes of its queue; how many. */
unsigned tx_flush_port(struct tx *tx, struct tx_port *port);

static inline void tx_put_in_queue(struct tx *tx, struct rte_mbuf *m, uint16_t index)
{
	struct tx_port *port = &tx->ports[index];

	if (unlikely(port->n == TX_QUEUE_PKTS)) {
		tx_flush_port(tx, port);
		if (port->n == TX_QUEUE_PKTS) {
			pkt_drop(tx->conf.drops, m, DROP_TX_FULL);
			return;
		}
	}
	if (unlikely(port->carrier != NULL)) {
		pkt_of(m)->stage = STAGE_TX;
		m->port = index;
	} else {
		port->count.bytes += rte_pktmbuf_pkt_len(m);
	}
	port->queue[port->n++] = m;
}

/* Send a frame that is whole but for its destination MAC. Takes m. */
void tx_to_hop(struct tx *tx, struct rte_mbuf *m, const struct tx_flow *flow,
	       const struct tx_hop *hop, uint8_t port);

/* Send a payload that does not fit the port's MTU, in fragments. Takes m. */
void tx_fragments(struct tx *tx, struct rte_mbuf *m, const struct tx_flow *flow,
		  const struct tx_hop *hop, uint8_t port, uint32_t payload_sum);
