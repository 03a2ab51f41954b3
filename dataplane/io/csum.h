/* SPDX-License-Identifier: BSD-3-Clause */
/* Internet checksum (RFC 1071) in parts: 64-bit sums of memory words, folded at the end. Sums are
 * in memory order, as rte_raw_cksum gives them, so a folded one can be stored. Any thread. */
#pragma once

#include "common/net/addr.h"

#include <rte_ip.h>
#include <rte_mbuf.h>

/* Down to 16 bits. A number plus itself with its halves exchanged has the folded sum of the halves,
 * end-around carry and all, in its upper half. */
static inline uint16_t csum_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);

	return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

/* Sum of `len` bytes, a multiple of 4: for headers. */
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

/* Sum of any number of bytes (up to 2^32); an odd last one counts as if a zero followed. */
static inline uint64_t csum_bytes(const void *bytes, uint32_t len)
{
	const uint8_t *p = bytes;
	uint64_t low = 0, high = 0, last = 0;

	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		low += word & 0xffffffff;
		high += word >> 32;
	}
	memcpy(&last, p, len);
	low += last & 0xffffffff;
	return csum_fold(low) + csum_fold(high + (last >> 32));
}

/* Sum of bytes [off, off + len) of a packet in one or more segments; the packet has them. Not by
 * rte_raw_cksum_mbuf, which in 22.11 loses carries where a segment begins at an odd offset. */
static inline uint64_t csum_pkt(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
	uint64_t sum = 0;
	bool odd = false;

	for (; m && off >= rte_pktmbuf_data_len(m); m = m->next)
		off -= rte_pktmbuf_data_len(m);
	for (; m && len; m = m->next) {
		uint32_t left = rte_pktmbuf_data_len(m) - off, part = len < left ? len : left;
		uint16_t of_part =
			csum_fold(csum_bytes(rte_pktmbuf_mtod_offset(m, const char *, off), part));

		sum += odd ? rte_bswap16(of_part) : of_part;
		odd ^= part & 1;
		len -= part;
		off = 0;
	}
	return sum;
}

/* Pseudo header of RFC 768 and RFC 8200 section 8.1, not folded. `len` is that of the upper layer's
 * packet. */
static inline uint64_t csum_pseudo(uint8_t family, const void *src, const void *dst, uint8_t proto,
				   uint32_t len)
{
	unsigned bytes = family == NET_IP6 ? 16 : 4;

	return csum_words(src, bytes) + csum_words(dst, bytes) + rte_cpu_to_be_16(proto) +
	       rte_cpu_to_be_32(len);
}

/* The checksum field of a UDP header: zero means "none" there, so a sum of zero is sent as all ones
 * (RFC 768). */
static inline uint16_t csum_udp_field(uint64_t sum)
{
	uint16_t csum = (uint16_t)~csum_fold(sum);

	return csum ? csum : 0xffff;
}

/* The same field once `step`, a folded sum that is not zero, has been added to what `csum` sums up
 * (RFC 1624). `csum` is not zero. */
static inline uint16_t csum_udp_step(uint16_t csum, uint16_t step)
{
	uint32_t sum = (uint16_t)~csum + (uint32_t)step;

	csum = (uint16_t)~(sum + (sum >> 16));
	return csum ? csum : 0xffff;
}

static inline uint16_t csum_ip4_header(const struct rte_ipv4_hdr *ip, unsigned len)
{
	return (uint16_t)~csum_fold(csum_words(ip, len));
}
