/* SPDX-License-Identifier: BSD-3-Clause */
/* Reception statistics of RTP (RFC 3550 sections 6.4.1, A.1, A.3, A.8): what is not the next packet
 * in its sequence. Both processes, any thread. */
#include "common/rtp/codec.h"
#include "common/rtp/rtp.h"

/* Extended numbers start one cycle up, so that a packet overtaken by the very first one does not
 * fall below zero. */
#define SEQ_CYCLE (1u << 16)
#define WINDOW    128u

/* --- what is missing --- */

/* bits << by, of two words as one. */
static void window_shift(uint64_t bits[2], uint32_t by)
{
	if (by >= 64) {
		bits[1] = by >= WINDOW ? 0 : bits[0] << (by - 64);
		bits[0] = 0;
	} else if (by) {
		bits[1] = bits[1] << by | bits[0] >> (64 - by);
		bits[0] <<= by;
	}
}

static bool window_get(const uint64_t bits[2], uint32_t at)
{
	return at < WINDOW && (bits[at / 64] >> (at % 64) & 1);
}

static void window_set(uint64_t bits[2], uint32_t at)
{
	if (at < WINDOW)
		bits[at / 64] |= 1ull << (at % 64);
}

/* The packets since the window was touched last all came in their order. */
static void window_move(struct rtp_rx_rare *rare, uint32_t seq)
{
	window_shift(rare->missing, seq - rare->missing_at);
	rare->missing_at = seq;
}

static void note_gap(struct rtp_rx_rare *rare, uint32_t length)
{
	for (uint32_t n = 1; n <= length && n < WINDOW; n++)
		window_set(rare->missing, n);
	rare->loss_runs++;
	if (length > rare->loss_run_max)
		rare->loss_run_max = (uint16_t)length; /* below RTP_SEQ_DROPOUT_MAX */
}

/* A packet that lay `behind` the newest one; false: it was there before. */
static bool take_late(struct rtp_rx_stats *stats, struct rtp_rx_rare *rare, uint32_t behind)
{
	uint32_t seq = stats->seq_max - behind;
	bool older, newer;

	window_move(rare, stats->seq_max);
	if ((int32_t)(seq - rare->seq_first) < 0) {
		/* Overtaken by the very first one; so may those in between have been. */
		for (uint32_t n = stats->seq_max - rare->seq_first + 1; n < behind; n++)
			window_set(rare->missing, n);
		if (rare->seq_first - seq > 1)
			rare->loss_runs++;
		rare->seq_first = seq;
	} else if (window_get(rare->missing, behind)) {
		rare->missing[behind / 64] &= ~(1ull << (behind % 64));
		older = window_get(rare->missing, behind + 1);
		newer = window_get(rare->missing, behind - 1);
		if (!older && !newer)
			rare->loss_runs--;
		else if (older && newer)
			rare->loss_runs++;
	} else {
		rare->duplicate_pkts++;
		return false;
	}
	rare->reordered_pkts++;
	return true;
}

/* --- the sequence --- */

static uint32_t lost_of_ssrc(const struct rtp_rx_stats *stats, const struct rtp_rx_rare *rare)
{
	uint32_t expected = stats->seq_max - rare->seq_first + 1;

	return stats->started && stats->pkts < expected ? expected - stats->pkts : 0;
}

static void note_jitter(const struct rtp_rx_stats *stats, struct rtp_rx_rare *rare)
{
	if (stats->jitter_q4 > rare->jitter_max_q4)
		rare->jitter_max_q4 = stats->jitter_q4;
}

static void type_take(struct rtp_rx_stats *stats, struct rtp_rx_rare *rare,
		      const struct codec_format *type)
{
	uint32_t old_hz = stats->clock_hz;

	stats->payload_type = type->payload_type;
	stats->clock_hz = type->clock_hz;
	if (old_hz == 0 || old_hz == type->clock_hz)
		return;
	stats->jitter_q4 = (uint32_t)((uint64_t)stats->jitter_q4 * type->clock_hz / old_hz);
	rare->jitter_max_q4 = (uint32_t)((uint64_t)rare->jitter_max_q4 * type->clock_hz / old_hz);
}

/* Whether it comes between the packets of another type, whose clock and quality are what counts. */
static bool is_aside(const struct codec_format *type)
{
	uint8_t kind = codec_info(type->codec)->kind;

	return kind == CODEC_KIND_NOISE || kind == CODEC_KIND_EVENT || kind == CODEC_KIND_REPAIR;
}

/* Begin with a source: its first packet, a new ssrc, or a jump that no loss explains. */
static void rx_begin(struct rtp_rx_stats *stats, struct rtp_rx_rare *rare, const uint8_t *pkt,
		     uint64_t now_ns, const struct codec_format *type)
{
	if (stats->started) {
		rare->lost_before = rtp_rx_lost(stats, rare);
		rare->expected_before = rtp_rx_expected(stats, rare);
		rare->restarts += rare->restarts < UINT16_MAX;
	}
	stats->ssrc = rtp_ssrc(pkt);
	rare->seq_first = stats->seq_max = rare->missing_at = SEQ_CYCLE | rtp_seq(pkt);
	rare->missing[0] = rare->missing[1] = 0;
	rare->jumped = 0;
	stats->pkts = 1;
	if (is_aside(type)) {
		stats->payload_type = RTP_TYPE_STALE | rtp_payload_type(pkt);
		stats->clock_hz = stats->clock_hz ? stats->clock_hz : type->clock_hz;
	} else {
		type_take(stats, rare, type);
	}
	stats->transit = rtp_arrival(now_ns, stats->clock_hz) - rtp_timestamp(pkt);
	stats->jitter_q4 = 0;
	stats->started = 1;
}

/* Section A.8. Across payload types timestamps may run at different clocks and do not compare. */
static void rx_jitter(struct rtp_rx_stats *stats, struct rtp_rx_rare *rare, const uint8_t *pkt,
		      uint64_t now_ns, const struct codec_format *type)
{
	bool other = type->payload_type != stats->payload_type;
	uint32_t transit, d;
	int32_t step;

	if (other)
		type_take(stats, rare, type);
	transit = rtp_arrival(now_ns, stats->clock_hz) - rtp_timestamp(pkt);
	step = (int32_t)(transit - stats->transit);
	d = step < 0 ? 0u - (uint32_t)step : (uint32_t)step;
	stats->transit = transit;
	if (!other && d < RTP_TRANSIT_STEP_MAX)
		stats->jitter_q4 += d - ((stats->jitter_q4 + 8) >> 4);
}

/* Where it stands in the sequence; false: it counts for nothing else. */
static bool rx_sequence(struct rtp_rx_stats *stats, struct rtp_rx_rare *rare, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - (uint16_t)stats->seq_max);

	if (ahead == 0) {
		rare->duplicate_pkts++;
		return false;
	}
	if (ahead >= RTP_SEQ_DROPOUT_MAX)
		return take_late(stats, rare, SEQ_CYCLE - ahead);
	stats->seq_max += ahead;
	if (ahead > 1) {
		window_move(rare, stats->seq_max);
		note_gap(rare, ahead - 1u);
	}
	return true;
}

/* --- telephone-events --- */

/* One event is all packets of one timestamp; one that lasts longer than a duration can say goes on
 * under the next (RFC 4733 section 2.5.1.3). */
static void note_event(struct rtp_rx_rare *rare, const uint8_t *pkt, uint32_t len)
{
	uint32_t head = rtp_header_bytes(pkt, len), timestamp = rtp_timestamp(pkt);
	const uint8_t *event = pkt + head;

	if (!rare->event_started || timestamp != rare->event_timestamp) {
		if (!rare->event_started || !rare->event_goes_on || rtp_marker(pkt))
			rare->events++;
		rare->event_goes_on = 0;
	}
	rare->event_timestamp = timestamp;
	rare->event_started = 1;
	if (head + 4 <= len)
		rare->event_goes_on =
			!(event[1] & 0x80) && event[2] == 0xff && event[3] == 0xff;
}

/* --- all of it --- */

/* Section A.1: the first packet behind a jump waits for its successor. */
static bool jump_is_done(struct rtp_rx_rare *rare, uint16_t seq)
{
	if (rare->jumped && rare->bad_seq == seq)
		return true;
	rare->jumped = 1;
	rare->bad_seq = (uint16_t)(seq + 1);
	return false;
}

static bool is_jump(const struct rtp_rx_stats *stats, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - (uint16_t)stats->seq_max);

	return ahead >= RTP_SEQ_DROPOUT_MAX && ahead < SEQ_CYCLE - RTP_SEQ_MISORDER_MAX;
}

void rtp_rx_account(struct rtp_rx_stats *stats, struct rtp_rx_rare *rare, const uint8_t *pkt,
		    uint32_t len, uint64_t now_ns, rtp_type_of *type_of, const void *arg)
{
	uint8_t payload_type = rtp_payload_type(pkt);
	struct codec_format type = type_of ? type_of(arg, payload_type)
					 : codec_format_static(payload_type);
	bool aside = is_aside(&type);

	note_jitter(stats, rare);
	if (codec_info(type.codec)->kind == CODEC_KIND_EVENT)
		note_event(rare, pkt, len);
	if (!stats->started || rtp_ssrc(pkt) != stats->ssrc) {
		/* Repair in a sequence of its own is none of this stream's. */
		if (!stats->started || !aside)
			rx_begin(stats, rare, pkt, now_ns, &type);
		return;
	}
	if (is_jump(stats, rtp_seq(pkt))) {
		if (jump_is_done(rare, rtp_seq(pkt)))
			rx_begin(stats, rare, pkt, now_ns, &type);
		return;
	}
	rare->jumped = 0;
	if (!rx_sequence(stats, rare, rtp_seq(pkt)))
		return;
	stats->pkts++;
	if (!aside)
		rx_jitter(stats, rare, pkt, now_ns, &type);
}

uint32_t rtp_rx_lost(const struct rtp_rx_stats *stats, const struct rtp_rx_rare *rare)
{
	return rare->lost_before + lost_of_ssrc(stats, rare);
}

uint32_t rtp_rx_expected(const struct rtp_rx_stats *stats, const struct rtp_rx_rare *rare)
{
	return rare->expected_before +
	       (stats->started ? stats->seq_max - rare->seq_first + 1 : 0);
}

uint32_t rtp_rx_jitter_us(uint32_t jitter_q4, uint32_t clock_hz)
{
	uint64_t us = (uint64_t)jitter_q4 * 62500u / (clock_hz ? clock_hz : 8000);

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}
