/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksum (RFC 1071) in parts: 64-bit sums of memory words, folded at the end. Sums are in memory order, as
 * rte_raw_cksum gives them, so they can be stored as they are. Any thread. */
#pragma once

#include "common/net/addr.h"

#include <rte_ip.h>

/* Sum of `len` bytes, a multiple of 4. For headers; longer runs go by rte_raw_cksum. */
static inline uint64_t csum_words(const void *bytes, unsigned len)
{
	const uint8_t *p = bytes;
	uint64_t sum = 0;

	for (unsigned i = 0; i < len; i += 4) {
		uint32_t word;

		memcpy(&word, p + i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* Down to 16 bits. */
static inline uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Pseudo header of RFC 768 and RFC 8200 section 8.1, not folded. `len` is that of the upper layer's packet. */
static inline uint64_t csum_pseudo(uint8_t family, const void *src, const void *dst, uint8_t proto, uint32_t len)
{
	unsigned bytes = family == NET_IP6 ? 16 : 4;

	return csum_words(src, bytes) + csum_words(dst, bytes) + rte_cpu_to_be_16(proto) + rte_cpu_to_be_32(len);
}

/* The checksum field of a UDP header: zero means "none" there, so a sum of zero is sent as all ones (RFC 768). */
static inline uint16_t csum_udp_field(uint64_t sum)
{
	uint16_t csum = (uint16_t)~csum_fold(sum);

	return csum ? csum : 0xffff;
}

static inline uint16_t csum_ip4_header(const struct rte_ipv4_hdr *ip, unsigned len)
{
	return (uint16_t)~csum_fold(csum_words(ip, len));
}
