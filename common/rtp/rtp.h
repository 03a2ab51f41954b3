/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP headers (RFC 3550) read from packets, and reception statistics (sections 6.4.1, A.1,
 * A.8). Both processes, any thread. */
#pragma once

#include "common/base/span.h"

/* RFC 3550 section 5.1: version 2 and room for the fixed header, CSRCs, extension and padding. */
bool rtp_is_valid(const uint8_t *pkt, uint32_t len);
/* The same but for the padding, whose length is not readable in SRTP: what a relay can ask of every
 * packet. */
bool rtp_header_is_valid(const uint8_t *pkt, uint32_t len);
/* RFC 3550 section A.2: version 2, packet type 192..223 (RFC 5761 section 4) and a length that
 * fits. */
bool rtcp_is_valid(const uint8_t *pkt, uint32_t len);

static inline uint16_t rtp_seq(const uint8_t *pkt) { return (uint16_t)(pkt[2] << 8 | pkt[3]); }
static inline uint32_t rtp_timestamp(const uint8_t *pkt)
{
	return (uint32_t)pkt[4] << 24 | (uint32_t)pkt[5] << 16 | (uint32_t)pkt[6] << 8 | pkt[7];
}
static inline uint32_t rtp_ssrc(const uint8_t *pkt)
{
	return (uint32_t)pkt[8] << 24 | (uint32_t)pkt[9] << 16 | (uint32_t)pkt[10] << 8 | pkt[11];
}
static inline uint8_t rtp_payload_type(const uint8_t *pkt) { return pkt[1] & 0x7f; }

/* Reception state of one RTP source: 32 bytes, part of a stream's hot record. A zeroed one is
 * ready. */
struct rtp_rx_stats {
	uint32_t ssrc;
	uint32_t seq_first;      /* extended: cycles << 16 | sequence number */
	uint32_t seq_max;        /* extended */
	uint32_t pkts;           /* of this ssrc */
	uint32_t transit;        /* section A.8, in timestamp units */
	uint32_t jitter_q4;      /* jitter in timestamp units, times 16 */
	uint16_t out_of_order;   /* saturates */
	uint8_t payload_type;
	uint8_t started;
	uint32_t lost_before;    /* lost by earlier ssrcs of this stream */
};
_Static_assert(sizeof(struct rtp_rx_stats) == 32, "half a cache line of the hot stream record");

/* RFC 3550 section A.1: a jump forwards up to here is loss, beyond it another beginning. */
#define RTP_SEQ_DROPOUT_MAX 3000u
/* A step of the transit time this large is a sender that set its timestamps anew, not jitter. */
#define RTP_TRANSIT_STEP_MAX (1u << 24)

/* Account one valid RTP packet. `arrival` is the arrival time in units of the payload's clock
 * (the caller converts); any start value will do. Duplicates count as received (section 6.4.1). */
void rtp_rx_account(struct rtp_rx_stats *stats, const uint8_t *pkt, uint32_t arrival);

/* The same, in a few instructions for the packet that nearly always comes: of the same source and
 * payload type, and not late. */
static inline void rtp_rx_account_inline(struct rtp_rx_stats *stats, const uint8_t *pkt,
					 uint32_t arrival)
{
	uint16_t ahead = (uint16_t)(rtp_seq(pkt) - (uint16_t)stats->seq_max);
	uint32_t transit = arrival - rtp_timestamp(pkt), d;
	int32_t step = (int32_t)(transit - stats->transit);

	d = step < 0 ? 0u - (uint32_t)step : (uint32_t)step;
	if (!stats->started || rtp_ssrc(pkt) != stats->ssrc || ahead >= RTP_SEQ_DROPOUT_MAX ||
	    rtp_payload_type(pkt) != stats->payload_type || d >= RTP_TRANSIT_STEP_MAX) {
		rtp_rx_account(stats, pkt, arrival);
		return;
	}
	stats->seq_max += ahead;
	stats->pkts++;
	stats->transit = transit;
	stats->jitter_q4 += d - ((stats->jitter_q4 + 8) >> 4);
}

/* Packets expected and not seen so far (never negative). */
uint32_t rtp_rx_lost(const struct rtp_rx_stats *stats);

/* A time as units of a clock, for rtp_rx_account: two multiplications instead of a division (slow
 * by less than 2^-34 of itself). */
static inline uint32_t rtp_arrival(uint64_t now_ns, uint32_t clock_hz)
{
	const uint64_t units_per_hz = UINT64_MAX / 1000000000u; /* 2^64 / 10^9, rounded down */
	const uint64_t factor = clock_hz * units_per_hz;
	__extension__ unsigned __int128 units = (unsigned __int128)now_ns * factor;

	return (uint32_t)(units >> 64);
}

/* Clock rate in Hz of a static payload type (RFC 3551 section 6); 8000 where it is dynamic or
 * unknown. */
uint32_t rtp_clock_hz(uint8_t payload_type);

/* Whether that is 8000, without a call: so it is for nearly every packet. */
static inline bool rtp_clock_is_8k(uint8_t payload_type)
{
	const uint64_t others = 1ull << 6 | 1ull << 10 | 1ull << 11 | 1ull << 14 | 1ull << 16 |
				1ull << 17 | 1ull << 25 | 1ull << 26 | 1ull << 28 | 1ull << 31 |
				1ull << 32 | 1ull << 33 | 1ull << 34;

	return payload_type >= 64 || !(others >> payload_type & 1);
}
