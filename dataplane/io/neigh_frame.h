/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP and neighbour discovery as frames: the layouts that rte_ headers lack, and the questions and
 * announcements that limen sends. Used by the main thread (neigh.c) and by workers (local/). */
#pragma once

#include "dataplane/io/pkt.h"
#include "dataplane/io/realm.h"

#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#define ND_SOLICIT 135
#define ND_ADVERT  136

#define ND_OPT_SOURCE_MAC 1
#define ND_OPT_TARGET_MAC 2

#define ND_ADVERT_SOLICITED 0x40000000u
#define ND_ADVERT_OVERRIDE  0x20000000u

/* RFC 4861 sections 4.3 and 4.4. */
struct nd_msg {
	uint8_t type;
	uint8_t code;
	rte_be16_t csum;
	rte_be32_t flags;
	uint8_t target[16];
} __attribute__((packed));

struct nd_mac_option {
	uint8_t type;
	uint8_t len; /* in units of 8 bytes */
	uint8_t mac[6];
} __attribute__((packed));

struct nd_frame {
	struct rte_ether_hdr eth;
	struct rte_ipv6_hdr ip;
	struct nd_msg nd;
	struct nd_mac_option option;
};
static_assert(sizeof(struct nd_frame) == 14 + 40 + 24 + 8, "as on the wire");

struct arp_frame {
	struct rte_ether_hdr eth;
	struct rte_arp_hdr arp;
};
static_assert(sizeof(struct arp_frame) == 14 + 28, "as on the wire");

/* Solicited-node multicast address (RFC 4291 section 2.7.1) and the MAC of any IPv6 multicast
 * address (RFC 2464). */
void nd_solicited_node(uint8_t group[16], const uint8_t target[16]);
void nd_multicast_mac(struct rte_ether_addr *mac, const uint8_t group[16]);

/* Fill in IP header, checksum and Ethernet type of a frame whose nd and option are set. The length
 * follows from `option`. */
void nd_frame_finish(struct nd_frame *frame, const uint8_t src[16], const uint8_t dst[16]);

/* Make the empty packet m a question for `target`: to `to` where it is not NULL (a probe), else to
 * all it may concern. */
void neigh_frame_solicit(struct rte_mbuf *m, const uint8_t our_mac[6], const struct realm_addr *own,
			 uint8_t family, const struct net_addr *target, const uint8_t to[6]);

/* Make the empty packet m say to everybody on the link that we have this address. */
void neigh_frame_announce(struct rte_mbuf *m, const uint8_t our_mac[6],
			  const struct realm_addr *own, uint8_t family);
