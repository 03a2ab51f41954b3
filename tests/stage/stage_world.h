/* SPDX-License-Identifier: BSD-3-Clause */
/* A dataplane without a machine: EAL in plain memory, two ports made of rings that the test fills
 * and empties, two realms, frames made by hand. Port 0 is realm 0 (10.99.1.1/24, fd99:1::1/64, with
 * gateways), port 1 is realm 1 (10.99.2.1/24, fd99:2::1/64, without). */
#pragma once

#include "dataplane/classify/classify.h"
#include "dataplane/io/neigh.h"
#include "dataplane/io/port.h"
#include "dataplane/tx/tx.h"

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

enum {
	WORLD_PORTS = 2,
	WORLD_WORKERS = 2,
	WORLD_MBUFS = 2047,
	WORLD_PARK_MAX = 512,
	FRAME_MAX = 9600
};

struct world {
	struct conf conf;
	struct conf_port conf_ports[WORLD_PORTS];
	struct conf_realm conf_realms[WORLD_PORTS];
	struct realms realms;
	struct ports ports;
	struct rte_mempool *pools[WORLD_WORKERS];
	struct rte_mempool *main_pool;
	struct rte_ring *rx[WORLD_PORTS][WORLD_WORKERS]; /* what the port will receive */
	struct rte_ring *sent[WORLD_PORTS][WORLD_WORKERS];
	struct rte_rcu_qsbr *quiet;
	struct neigh_port neigh_ports[WORLD_PORTS];
	struct neigh *neigh;
	struct drops drops;	 /* of the stage under test */
	struct drops main_drops; /* of the neighbour table */
	struct classify classify;
	struct tx *tx;
	struct walk walk;
	uint64_t now_ns;
	unsigned nworkers;
};

/* `nworkers` with a queue each on both ports; the world's own tx is worker 0's. */
void world_open(struct world *w, unsigned nworkers, unsigned mtu);
/* Fails the test when a packet was lost sight of. */
void world_close(struct world *w);

extern const uint8_t limen_mac[WORLD_PORTS][6];
extern const uint8_t peer_mac[6];
extern const uint8_t other_mac[6];

struct net_endpoint endpoint(const char *text);
struct net_addr address(const char *text, uint8_t *family);

/* A frame under construction. */
struct frame {
	uint32_t len;
	uint8_t bytes[FRAME_MAX];
};

/* UDP from a to b ("10.99.1.2:5070"), addressed to port 0's MAC (port 1's where b is 10.99.2.x or
 * fd99:2::x), good in all. */
void frame_udp(struct frame *f, const char *a, const char *b, const void *payload, uint32_t len);
/* The IP packet's part [off, off + len) of what follows its header, as a fragment. `whole` is a
 * frame without options. */
void frame_fragment(struct frame *f, const struct frame *whole, uint32_t off, uint32_t len,
		    bool more, uint32_t id);
/* Another IP protocol with these bytes. */
void frame_ip(struct frame *f, const char *a, const char *b, uint8_t proto, const void *payload,
	      uint32_t len);
/* Put checksums right after bytes were changed: IPv4 header, and UDP, ICMP or ICMPv6. */
void frame_seal(struct frame *f);
void frame_arp(struct frame *f, uint16_t op, const uint8_t sha[6], const char *spa,
	       const uint8_t tha[6], const char *tpa);
/* Neighbour solicitation or advertisement with one option (0: none). */
void frame_nd(struct frame *f, uint8_t type, uint32_t flags, const char *src, const char *dst,
	      const char *target, uint8_t option, const uint8_t mac[6]);

static inline struct rte_ipv4_hdr *frame_ip4(struct frame *f)
{
	return (struct rte_ipv4_hdr *)(f->bytes + 14);
}

static inline struct rte_ipv6_hdr *frame_ip6(struct frame *f)
{
	return (struct rte_ipv6_hdr *)(f->bytes + 14);
}

/* The frame as a packet that came by that port. */
struct rte_mbuf *world_pkt(struct world *w, unsigned port, const struct frame *f);
/* Classify one frame; its stage, or -1 - drop reason. The packet is in *m or freed. */
int world_classify(struct world *w, unsigned port, const struct frame *f, struct rte_mbuf **m);
/* Put a frame where a port's queue will receive it. */
void world_receive(struct world *w, unsigned port, unsigned queue, const struct frame *f);
/* Next frame that the port's queue sent (after a flush); false: none. Checks that its checksums are
 * right. */
bool world_sent(struct world *w, unsigned port, unsigned queue, struct frame *f);
unsigned world_drops(const struct drops *drops); /* of all reasons */

/* A neighbour that main knows: asked for and answered. */
void world_meet(struct world *w, uint8_t realm, const char *ip, const uint8_t mac[6]);
/* Main's turn, then the frames it handed to the workers are sent by the world's tx. */
void world_main(struct world *w, uint64_t ns);
