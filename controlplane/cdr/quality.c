/* SPDX-License-Identifier: BSD-3-Clause */
/* Media quality as JSON. What is not known is null. limen-controlplane, any thread. */
#include "controlplane/cdr/quality.h"

#include "common/log/json.h"
#include "common/rtp/codec.h"
#include "common/rtp/emodel.h"
#include "common/rtp/secure.h"
#include "common/sdp/sdp_formats.h"

#define PACKET_MS 20.0

/* 1234 us as 1.234 */
static void put_ms(struct cursor *out, const char *key, uint64_t us, bool known)
{
	put_json_key(out, key);
	if (!known) {
		put_lit(out, "null");
		return;
	}
	put_u64(out, us / 1000);
	put_char(out, '.');
	put_char(out, (char)('0' + us % 1000 / 100));
	put_char(out, (char)('0' + us % 100 / 10));
	put_char(out, (char)('0' + us % 10));
}

/* 4.41 */
static void put_score(struct cursor *out, const char *key, double score)
{
	unsigned hundredths = (unsigned)(score * 100 + 0.5);

	put_json_key(out, key);
	if (score <= 0) {
		put_lit(out, "null");
		return;
	}
	put_u64(out, hundredths / 100);
	put_char(out, '.');
	put_char(out, (char)('0' + hundredths / 10 % 10));
	put_char(out, (char)('0' + hundredths % 10));
}

double quality_mos(const struct ipc_media_quality *quality, const struct ipc_media_quality *back,
		   bool far)
{
	const struct codec_info *info = codec_info(quality->codec);
	uint32_t lost = far ? quality->far_lost_pkts : quality->lost_pkts;
	double jitter_ms = (far ? quality->far_jitter_us : quality->jitter_us) / 1000.0;
	struct emodel_in in = {.ie = info->ie, .bpl = info->bpl_x10 / 10.0, .burst = 1};

	if (info->kind != CODEC_KIND_SPEECH || info->bpl_x10 == 0 || !quality->expected_pkts ||
	    (far && !quality->far_reports))
		return 0;
	in.lost = lost < quality->expected_pkts ? (double)lost / quality->expected_pkts : 1;
	if (!far)
		in.burst = emodel_burst(lost, quality->loss_runs, quality->expected_pkts);
	in.delay_ms = PACKET_MS + info->frame_us / 1000.0 + 2 * jitter_ms +
		      ((double)quality->rtt_us + back->rtt_us) / 2000.0;
	return emodel_mos(emodel_rating(&in));
}

/* By RTP's own numbers. */
static void put_received(struct cursor *out, const struct ipc_media_quality *q)
{
	put_json_u64(out, "rx_pkts", q->rx_pkts);
	put_json_u64(out, "rx_bytes", q->rx_bytes);
	put_json_u64(out, "expected_pkts", q->expected_pkts);
	put_json_u64(out, "lost_pkts", q->lost_pkts);
	put_json_u64(out, "loss_runs", q->loss_runs);
	put_json_u64(out, "loss_run_max_pkts", q->loss_run_max);
	put_json_u64(out, "out_of_order_pkts", q->out_of_order_pkts);
	put_json_u64(out, "duplicate_pkts", q->duplicate_pkts);
	put_json_u64(out, "restarts", q->restarts);
	put_json_u64(out, "dropped_pkts", q->dropped_pkts);
	put_json_u64(out, "policed_pkts", q->policed_pkts);
	put_json_u64(out, "rtcp_pkts", q->rtcp_pkts);
	put_json_u64(out, "dtmf_events", q->dtmf_events);
	put_ms(out, "jitter_ms", q->jitter_us, q->is_rtp);
	put_ms(out, "jitter_max_ms", q->jitter_max_us, q->is_rtp);
}

/* By RTCP. */
static void put_reported(struct cursor *out, const struct ipc_media_quality *q)
{
	put_ms(out, "rtt_ms", q->rtt_us, q->rtt_us != 0);
	put_ms(out, "rtt_max_ms", q->rtt_max_us, q->rtt_us != 0);
	put_json_key(out, "far_lost_pkts");
	if (q->far_reports)
		put_u64(out, q->far_lost_pkts);
	else
		put_lit(out, "null");
	put_ms(out, "far_jitter_ms", q->far_jitter_us, q->far_reports != 0);
}

void put_media_quality(struct cursor *out, const struct ipc_media_quality *q,
		       const struct ipc_media_quality *back)
{
	put_char(out, '{');
	put_json_text(out, "kind", span_str(sdp_kind_name(q->kind)));
	put_json_text(out, "codec", span_str(codec_info(q->codec)->name));
	put_json_u64(out, "payload_type", q->payload_type);
	put_received(out, q);
	put_reported(out, q);
	put_score(out, "mos", quality_mos(q, back, false));
	put_score(out, "far_mos", quality_mos(q, back, true));
	put_score(out, "far_mos_reported", q->far_mos_x10 / 10.0);
	put_ms(out, "delay_ms", q->delay_us, q->delay_us != 0);
	put_ms(out, "idle_ms", (uint64_t)q->idle_ms * 1000, q->idle_ms != UINT32_MAX);
	put_json_endpoint(out, "source", &q->source);
	put_json_bool(out, "source_learned", q->learned != 0);
	put_json_key(out, "srtp");
	if (secure_suite_info(q->srtp_suite))
		put_json_str(out, span_str(secure_suite_info(q->srtp_suite)->name));
	else
		put_lit(out, "null");
	put_char(out, '}');
}

void put_media_pair(struct cursor *out, const struct ipc_media_quality media[2])
{
	put_char(out, '[');
	put_media_quality(out, &media[0], &media[1]);
	put_char(out, ',');
	put_media_quality(out, &media[1], &media[0]);
	put_char(out, ']');
}

void put_media_streams(struct cursor *out, const struct ipc_stream_quality *streams, unsigned n)
{
	if (n == 0)
		return;
	put_json_key(out, "streams");
	put_char(out, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			put_char(out, ',');
		put_media_pair(out, streams[i].from);
	}
	put_char(out, ']');
}
