/* SPDX-License-Identifier: BSD-3-Clause */
/* Quality from RTCP: with the two halves of a round seen as they pass (RFC 3550 section 6.4.1, LSR
 * and DLSR; RFC 3611 section 4.5), limen's own clock measures the way to each peer. One worker
 * thread. */
#include "dataplane/media/quality.h"

#include "common/rtp/rtcp.h"

#define ROUND_MAX_US 60000000u /* longer is an old report that came again */

struct codec_format quality_type_of(const void *arg, uint8_t payload_type)
{
	const struct quality_side *of = arg;
	const struct codec_format *type;

	type = sdp_formats_type(&of->cold->side[!of->side].formats, payload_type);
	if (!type)
		type = sdp_formats_type(&of->cold->side[of->side].formats, payload_type);
	return type ? *type : codec_format_static(payload_type);
}

void quality_account(struct media *media, uint64_t now_ns, struct stream_hot *in,
		     enum stream_side side, const uint8_t *pkt, uint32_t len)
{
	struct stream_pair_cold *cold = stream_cold(media, in);
	const struct quality_side of = {cold, side};

	rtp_rx_account(&in->rtp, &cold->side[side].rare, pkt, len, now_ns, quality_type_of, &of);
}

/* --- rounds --- */

static void mark_put(struct stream_reports *reports, uint64_t now_ns, uint32_t mark)
{
	if (mark)
		reports->marks[reports->next_mark++ % STREAM_MARKS] =
			(struct stream_mark){.at_us = (uint32_t)(now_ns / 1000), .mark = mark};
}

/* The answer to a mark that the other side sent: since it went by here, the way to the peer, the
 * time that the peer says it kept it, and the way back have passed. */
static void round_take(struct stream_reports *mine, const struct stream_reports *other,
		       uint64_t now_ns, const struct rtcp_item *item)
{
	uint64_t kept_us = (uint64_t)item->delay * 1000000u >> 16;

	for (unsigned i = 0; i < STREAM_MARKS && item->mark; i++) {
		uint32_t took_us = (uint32_t)(now_ns / 1000) - other->marks[i].at_us;

		if (other->marks[i].mark != item->mark)
			continue;
		/* Below 0: the peer's clock runs slow, or it tells tales. */
		if (took_us < kept_us || took_us - kept_us > ROUND_MAX_US)
			continue;
		mine->rtt_us = (uint32_t)(took_us - kept_us);
		mine->rtt_us += mine->rtt_us == 0;
		if (mine->rtt_us > mine->rtt_max_us)
			mine->rtt_max_us = mine->rtt_us;
		return;
	}
}

/* --- what the peer hears --- */

static void report_take(struct stream_reports *mine, const struct stream_hot *heard, uint32_t mask,
			const struct rtcp_item *item)
{
	uint32_t ssrc = item->ssrc ^ mask;

	/* Of what the other side sends now; a report on its last SSRC comes late. */
	if (!heard->rtp.started || ssrc != heard->rtp.ssrc)
		return;
	if (ssrc != mine->ssrc || mine->nreports == 0) {
		mine->lost_before += mine->lost_pkts;
		mine->lost_pkts = 0;
		mine->ssrc = ssrc;
	}
	mine->nreports++;
	mine->lost_pkts = item->lost > 0 ? (uint32_t)item->lost : 0;
	mine->jitter_us = rtp_rx_jitter_us(
		item->jitter < UINT32_MAX / 16 ? item->jitter * 16 : UINT32_MAX,
		heard->rtp.clock_hz);
	if (mine->jitter_us > mine->jitter_max_us)
		mine->jitter_max_us = mine->jitter_us;
}

static void opinion_take(struct stream_reports *mine, const struct rtcp_item *item)
{
	if (item->mos_lq_x10 >= 10 && item->mos_lq_x10 <= 50)
		mine->mos_lq_x10 = item->mos_lq_x10;
	if (item->mos_cq_x10 >= 10 && item->mos_cq_x10 <= 50)
		mine->mos_cq_x10 = item->mos_cq_x10;
}

void quality_rtcp(struct media *media, uint64_t now_ns, struct stream_pair *pair,
		  enum stream_side side, const uint8_t *pkt, uint32_t len)
{
	const struct stream_hot *heard = &pair->from[!side];
	struct stream_pair_cold *cold = stream_cold(media, heard);
	struct stream_side_cold *mine = &cold->side[side], *other = &cold->side[!side];
	struct rtcp_walk walk = {.pkt = pkt, .len = len};
	struct stream_hot *in = &pair->from[side];
	struct rtcp_item item;

	if (in->rtp.jitter_q4 > mine->rare.jitter_max_q4)
		mine->rare.jitter_max_q4 = in->rtp.jitter_q4;
	mine->delay_sum_ns += media->delay_ns;
	mine->rtcp_pkts++;
	if (!rtcp_is_compound(pkt, len))
		return;
	while (rtcp_next(&walk, &item)) {
		switch (item.kind) {
		case RTCP_ITEM_SENT:
		case RTCP_ITEM_ASKED:
			mark_put(&mine->reports, now_ns, item.mark);
			break;
		case RTCP_ITEM_REPORT:
			report_take(&mine->reports, heard, other->ssrc_mask, &item);
			round_take(&mine->reports, &other->reports, now_ns, &item);
			break;
		case RTCP_ITEM_ANSWERED:
			round_take(&mine->reports, &other->reports, now_ns, &item);
			break;
		default:
			opinion_take(&mine->reports, &item);
		}
	}
}
