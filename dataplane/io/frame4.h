/* SPDX-License-Identifier: BSD-3-Clause */
/* The frame that nearly all packets are: Ethernet, IPv4 without options and in one piece, UDP;
 * where things lie in it, and all that is to be checked of it but the addresses, in one go. Any
 * thread. */
#pragma once

#include "dataplane/io/csum.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_udp.h>

#define FRAME4_IP      RTE_ETHER_HDR_LEN
#define FRAME4_SRC     (FRAME4_IP + 12) /* IPv4 addresses */
#define FRAME4_DST     (FRAME4_IP + 16)
#define FRAME4_UDP     (FRAME4_IP + sizeof(struct rte_ipv4_hdr))
#define FRAME4_PAYLOAD (FRAME4_UDP + sizeof(struct rte_udp_hdr))

static inline uint16_t load16(const uint8_t *at)
{
	uint16_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint32_t load32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* EtherType IPv4, version 4 and a header of 20 bytes; then no fragment, and UDP: as they lie in
 * memory behind one another. */
#define FRAME4_TYPE_MASK  0x00ffffffu
#define FRAME4_TYPE	  0x00450008u
#define FRAME4_PROTO_MASK 0xff00ff3fu
#define FRAME4_PROTO	  ((uint32_t)IPPROTO_UDP << 24)

/* IPv4's total length. */
static inline uint16_t frame4_total(const uint8_t *frame)
{
	return rte_be_to_cpu_16(load16(frame + FRAME4_IP + 2));
}

/* One segment that holds a sound IPv4 header without options, and a UDP header that agrees with it
 * about the length. May read FRAME4_PAYLOAD bytes of the buffer, whatever the packet's length. */
static inline bool frame4_is_plain(const struct rte_mbuf *m, const uint8_t *frame)
{
	uint64_t middle = load64(frame + 16), end = load64(frame + 24);
	uint64_t sum = (middle & UINT32_MAX) + (middle >> 32) + (end & UINT32_MAX) + (end >> 32) +
		       load16(frame + FRAME4_IP) + load16(frame + 32);
	uint16_t udp_len = rte_be_to_cpu_16(load16(frame + FRAME4_UDP + 4));
	uint16_t total = frame4_total(frame);

	return (load32(frame + 12) & FRAME4_TYPE_MASK) == FRAME4_TYPE &&
	       (middle >> 32 & FRAME4_PROTO_MASK) == FRAME4_PROTO && m->nb_segs == 1 &&
	       FRAME4_IP + total <= rte_pktmbuf_data_len(m) &&
	       total == udp_len + sizeof(struct rte_ipv4_hdr) &&
	       udp_len >= sizeof(struct rte_udp_hdr) && csum_fold(sum) == 0xffff &&
	       (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) != RTE_MBUF_F_RX_IP_CKSUM_BAD;
}
