/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP header checks and reception statistics. Both processes, any thread. */
#include "common/rtp/rtp.h"

#define RTP_FIXED_BYTES 12u
#define RTP_VERSION     2u

/* RFC 3550 section A.1. */
#define SEQ_MISORDER_MAX 100u
/* Extended numbers start one cycle up, so that a packet overtaken by the very first one does not
 * fall below zero. */
#define SEQ_CYCLE (1u << 16)

bool rtp_header_is_valid(const uint8_t *pkt, uint32_t len)
{
	uint32_t need;
	uint8_t pt;

	if (len < RTP_FIXED_BYTES || pkt[0] >> 6 != RTP_VERSION)
		return false;
	pt = rtp_payload_type(pkt);
	if (pt >= 72 && pt <= 76)
		return false;
	need = RTP_FIXED_BYTES + 4u * (pkt[0] & 0x0f);
	if (pkt[0] & 0x10) {
		if (len < need + 4)
			return false;
		need += 4u + 4u * (uint32_t)(pkt[need + 2] << 8 | pkt[need + 3]);
	}
	return len >= need;
}

bool rtp_is_valid(const uint8_t *pkt, uint32_t len)
{
	uint32_t head;

	if (!rtp_header_is_valid(pkt, len))
		return false;
	if (!(pkt[0] & 0x20))
		return true;
	head = RTP_FIXED_BYTES + 4u * (pkt[0] & 0x0f);
	if (pkt[0] & 0x10)
		head += 4u + 4u * (uint32_t)(pkt[head + 2] << 8 | pkt[head + 3]);
	return pkt[len - 1] != 0 && pkt[len - 1] <= len - head;
}

bool rtcp_is_valid(const uint8_t *pkt, uint32_t len)
{
	if (len < 8 || pkt[0] >> 6 != RTP_VERSION)
		return false;
	if (pkt[1] < 192 || pkt[1] > 223)
		return false;
	return 4u * ((uint32_t)(pkt[2] << 8 | pkt[3]) + 1) <= len;
}

/* Begin with a source: its first packet, a new ssrc, or a jump that no loss explains. */
static void rx_begin(struct rtp_rx_stats *stats, const uint8_t *pkt, uint32_t arrival)
{
	stats->lost_before = rtp_rx_lost(stats);
	stats->ssrc = rtp_ssrc(pkt);
	stats->seq_first = stats->seq_max = SEQ_CYCLE | rtp_seq(pkt);
	stats->pkts = 1;
	stats->transit = arrival - rtp_timestamp(pkt);
	stats->jitter_q4 = 0;
	stats->payload_type = rtp_payload_type(pkt);
	stats->started = 1;
}

/* Section A.8. Across payload types timestamps may run at different clocks and do not compare. */
static void rx_jitter(struct rtp_rx_stats *stats, const uint8_t *pkt, uint32_t arrival)
{
	uint32_t transit = arrival - rtp_timestamp(pkt);
	int32_t step = (int32_t)(transit - stats->transit);
	uint32_t d = step < 0 ? 0u - (uint32_t)step : (uint32_t)step;
	uint8_t pt = rtp_payload_type(pkt);

	stats->transit = transit;
	if (pt != stats->payload_type)
		stats->payload_type = pt;
	else if (d < RTP_TRANSIT_STEP_MAX)
		stats->jitter_q4 += d - ((stats->jitter_q4 + 8) >> 4);
}

void rtp_rx_account(struct rtp_rx_stats *stats, const uint8_t *pkt, uint32_t arrival)
{
	uint16_t ahead = (uint16_t)(rtp_seq(pkt) - (uint16_t)stats->seq_max);

	if (!stats->started || rtp_ssrc(pkt) != stats->ssrc) {
		rx_begin(stats, pkt, arrival);
		return;
	}
	if (ahead < RTP_SEQ_DROPOUT_MAX) {
		stats->seq_max += ahead;
	} else if (ahead < SEQ_CYCLE - SEQ_MISORDER_MAX) {
		rx_begin(stats, pkt, arrival);
		return;
	} else {
		uint32_t seq = stats->seq_max - (SEQ_CYCLE - ahead);

		if (stats->out_of_order < UINT16_MAX)
			stats->out_of_order++;
		if (seq < stats->seq_first)
			stats->seq_first = seq;
	}
	stats->pkts++;
	rx_jitter(stats, pkt, arrival);
}

uint32_t rtp_rx_lost(const struct rtp_rx_stats *stats)
{
	uint32_t expected = stats->seq_max - stats->seq_first + 1;

	if (!stats->started || stats->pkts >= expected)
		return stats->lost_before;
	return stats->lost_before + (expected - stats->pkts);
}

uint32_t rtp_clock_hz(uint8_t payload_type)
{
	switch (payload_type) {
	case 6: /* DVI4 */
		return 16000;
	case 10: /* L16, stereo */
	case 11: /* L16 */
		return 44100;
	case 14: /* MPA */
	case 25: /* CelB */
	case 26: /* JPEG */
	case 28: /* nv */
	case 31: /* H261 */
	case 32: /* MPV */
	case 33: /* MP2T */
	case 34: /* H263 */
		return 90000;
	case 16: /* DVI4 */
		return 11025;
	case 17: /* DVI4 */
		return 22050;
	default:
		return 8000;
	}
}
