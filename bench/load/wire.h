/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet, IP and UDP headers written and read, with their checksums (RFC 1071). limen-load's loop; libc only. */
#pragma once

#include "common/net/addr.h"

#define WIRE_ETH_BYTES 14u
#define WIRE_UDP_BYTES 8u
#define WIRE_HEAD_MAX  (WIRE_ETH_BYTES + 40u + WIRE_UDP_BYTES)

#define WIRE_ETH_IP4 0x0800u
#define WIRE_ETH_ARP 0x0806u
#define WIRE_ETH_IP6 0x86ddu

#define WIRE_DSCP_SIP   24u
#define WIRE_DSCP_MEDIA 46u

static inline void wire_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint16_t wire_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t wire_head_bytes(uint8_t family)
{
	return WIRE_ETH_BYTES + (family == NET_IP6 ? 40u : 20u) + WIRE_UDP_BYTES;
}

static inline uint16_t wire_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Sum of 16-bit words in memory order; an odd last byte counts as if a zero followed. Not folded. */
uint64_t wire_sum(const void *bytes, uint32_t len);

/* Sum of the UDP pseudo header. Not folded. */
uint64_t wire_pseudo(uint8_t family, const struct net_addr *src, const struct net_addr *dst, uint8_t proto, uint32_t len);

/* One datagram's way. */
struct wire_way {
	uint8_t src_mac[6], dst_mac[6];
	struct net_endpoint src, dst; /* of one family */
	uint8_t dscp;
};

/* All headers for a UDP payload of `len` bytes; the UDP checksum is 0. How many bytes (wire_head_bytes). */
uint32_t wire_put_udp(uint8_t *at, const struct wire_way *way, uint32_t len);

/* The UDP checksum of a frame whose headers wire_put_udp wrote. */
void wire_finish_udp(uint8_t *frame, const struct wire_way *way, uint32_t len);

/* One received UDP datagram. */
struct wire_udp {
	uint8_t src_mac[6];
	struct net_endpoint src, dst;
	const uint8_t *payload;
	uint32_t len;
};

/* False: not UDP over IPv4 or IPv6 in one piece, or cut short. Checksums are not looked at. */
bool wire_read_udp(const uint8_t *frame, uint32_t bytes, struct wire_udp *udp);
