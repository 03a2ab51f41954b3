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
static inline bool rtp_marker(const uint8_t *pkt) { return pkt[1] & 0x80; }
/* Bytes in front of the payload: fixed header, CSRCs and extension, of a packet whose header is
 * valid; more than `len` where that is cut short. */
uint32_t rtp_header_bytes(const uint8_t *pkt, uint32_t len);

#define RTP_TYPE_STALE 0x80u

/* Reception state of one RTP source, what each of its packets touches: part of a stream's hot
 * record. A zeroed one is ready, with a clock of 8000 Hz. */
struct rtp_rx_stats {
	uint32_t ssrc;
	uint32_t seq_max;   /* extended: cycles << 16 | sequence number */
	uint32_t pkts;	    /* of this ssrc, duplicates not */
	uint32_t transit;   /* section A.8, in timestamp units */
	uint32_t jitter_q4; /* jitter in timestamp units, times 16 */
	uint32_t clock_hz;  /* of `payload_type`; 0: 8000 */
	uint8_t payload_type; /* of speech or video, not of what comes in between; with
				 RTP_TYPE_STALE no packet's is equal to it */
	uint8_t started;
	uint16_t pad;
};
_Static_assert(sizeof(struct rtp_rx_stats) == 28, "with 4 bytes beside it, half a cache line");

/* The rest of it, which only packets that are not the next one touch. A zeroed one is ready. */
struct rtp_rx_rare {
	uint64_t missing[2];	 /* bit n of both together: `missing_at` - n has not come */
	uint32_t missing_at;	 /* extended */
	uint32_t seq_first;	 /* extended; of this ssrc */
	uint32_t lost_before;	 /* of earlier ssrcs and restarts, as are the next two */
	uint32_t expected_before;
	uint32_t reordered_pkts; /* came behind a later one */
	uint32_t duplicate_pkts; /* came again */
	uint32_t loss_runs;	 /* gaps in the sequence, when they were seen */
	uint32_t jitter_max_q4;	 /* at the moments when it was looked at */
	uint32_t events;	 /* telephone-events (RFC 4733) */
	uint32_t event_timestamp; /* of the last one */
	uint16_t loss_run_max;	 /* the longest of them */
	uint16_t restarts;	 /* new ssrcs, and jumps that no loss explains; at most UINT16_MAX */
	uint16_t bad_seq;	 /* section A.1: what would follow such a jump */
	uint8_t jumped;		 /* bad_seq holds a value */
	uint8_t event_started : 1; /* event_timestamp holds a value */
	uint8_t event_goes_on : 1; /* the longest duration there is was reached, without the end */
	uint8_t pad : 6;
};
_Static_assert(sizeof(struct rtp_rx_rare) == 64, "two of them in each call");

/* RFC 3550 section A.1: a jump forwards up to here is loss, beyond it another beginning. */
#define RTP_SEQ_DROPOUT_MAX 3000u
/* A packet this much behind the newest may still be one that was overtaken. */
#define RTP_SEQ_MISORDER_MAX 100u
/* A step of the transit time this large is a sender that set its timestamps anew, not jitter. */
#define RTP_TRANSIT_STEP_MAX (1u << 24)

/* What the payload types of a stream mean: asked for a type that is not the last one. */
struct codec_format;
typedef struct codec_format rtp_type_of(const void *arg, uint8_t payload_type);

/* Account one valid RTP packet that came at now_ns. Duplicates and packets that belong to no
 * sequence yet (section A.1: the first one behind a jump) are counted as what they are and change
 * nothing else. `type_of` NULL: all types are static. `len`: bytes of the packet that can be read,
 * for telephone-events. */
void rtp_rx_account(struct rtp_rx_stats *stats, struct rtp_rx_rare *rare, const uint8_t *pkt,
		    uint32_t len, uint64_t now_ns, rtp_type_of *type_of, const void *arg);

/* The same, in a few instructions for the packet that nearly always comes: the next one, of the
 * same source and payload type. `arrival` is the time in units of the stats' clock. False: it is
 * another one, and nothing was done. */
static inline bool rtp_rx_account_next(struct rtp_rx_stats *stats, const uint8_t *pkt,
				       uint32_t arrival)
{
	uint16_t ahead = (uint16_t)(rtp_seq(pkt) - (uint16_t)stats->seq_max);
	uint32_t transit = arrival - rtp_timestamp(pkt), d;
	int32_t step = (int32_t)(transit - stats->transit);

	d = step < 0 ? 0u - (uint32_t)step : (uint32_t)step;
	if (!stats->started || rtp_ssrc(pkt) != stats->ssrc || ahead != 1 ||
	    rtp_payload_type(pkt) != stats->payload_type || d >= RTP_TRANSIT_STEP_MAX)
		return false;
	stats->seq_max++;
	stats->pkts++;
	stats->transit = transit;
	stats->jitter_q4 += d - ((stats->jitter_q4 + 8) >> 4);
	return true;
}

/* Packets expected and never seen, and packets expected, over all ssrcs. */
uint32_t rtp_rx_lost(const struct rtp_rx_stats *stats, const struct rtp_rx_rare *rare);
uint32_t rtp_rx_expected(const struct rtp_rx_stats *stats, const struct rtp_rx_rare *rare);
/* Jitter (section A.8) of now, in microseconds; of any value of that clock. */
uint32_t rtp_rx_jitter_us(uint32_t jitter_q4, uint32_t clock_hz);

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
