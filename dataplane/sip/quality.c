/* SPDX-License-Identifier: BSD-3-Clause */
/* What a call's record and rows say of its media: each m= section, and both sides' sums. One worker
 * thread; libc only. */
#include "dataplane/sip/core.h"

_Static_assert(CALL_MEDIA_MAX <= IPC_STREAMS_MAX, "each section has its place");

static uint32_t idle_ms(const struct engine *e, uint64_t last_seen_ns)
{
	uint64_t ms = e->now_ns > last_seen_ns ? (e->now_ns - last_seen_ns) / NS_PER_MS : 0;

	if (last_seen_ns == 0)
		return UINT32_MAX;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX - 1;
}

static void one_side(const struct engine *e, const struct stream_stats *stats,
		     struct ipc_media_quality *out)
{
	*out = (struct ipc_media_quality){
		.rx_pkts = stats->rx_pkts,
		.rx_bytes = stats->rx_bytes,
		.dropped_pkts = stats->dropped_pkts,
		.rtcp_pkts = (uint32_t)stats->rtcp_pkts,
		.expected_pkts = stats->expected_pkts,
		.lost_pkts = stats->lost_pkts,
		.loss_runs = stats->loss_runs,
		.loss_run_max = stats->loss_run_max,
		.out_of_order_pkts = stats->out_of_order_pkts,
		.duplicate_pkts = stats->duplicate_pkts,
		.restarts = stats->restarts,
		.jitter_us = stats->jitter_us,
		.jitter_max_us = stats->jitter_max_us,
		.dtmf_events = stats->events,
		.policed_pkts = stats->policed_pkts,
		.delay_us = stats->delay_us,
		.far_reports = stats->far_reports,
		.far_lost_pkts = stats->far_lost_pkts,
		.far_jitter_us = stats->far_jitter_us,
		.rtt_us = stats->rtt_us,
		.rtt_max_us = stats->rtt_max_us,
		.idle_ms = idle_ms(e, stats->last_seen_ns),
		.source = stats->source,
		.payload_type = stats->payload_type,
		.codec = stats->codec,
		.kind = stats->kind,
		.far_mos_x10 = stats->far_mos_x10,
		.is_rtp = stats->is_rtp,
		.learned = stats->learned,
		.srtp_suite = stats->srtp_suite,
	};
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* What is no sum is the worst, or the first section's, whose codec it is. */
static void add(struct ipc_media_quality *to, const struct ipc_media_quality *from)
{
	to->rx_pkts += from->rx_pkts;
	to->rx_bytes += from->rx_bytes;
	to->dropped_pkts += from->dropped_pkts;
	to->rtcp_pkts += from->rtcp_pkts;
	to->expected_pkts += from->expected_pkts;
	to->lost_pkts += from->lost_pkts;
	to->loss_runs += from->loss_runs;
	to->loss_run_max = larger(to->loss_run_max, from->loss_run_max);
	to->out_of_order_pkts += from->out_of_order_pkts;
	to->duplicate_pkts += from->duplicate_pkts;
	to->restarts += from->restarts;
	to->jitter_us = larger(to->jitter_us, from->jitter_us);
	to->jitter_max_us = larger(to->jitter_max_us, from->jitter_max_us);
	to->dtmf_events += from->dtmf_events;
	to->policed_pkts += from->policed_pkts;
	to->delay_us = larger(to->delay_us, from->delay_us);
	to->far_reports += from->far_reports;
	to->far_lost_pkts += from->far_lost_pkts;
	to->far_jitter_us = larger(to->far_jitter_us, from->far_jitter_us);
	to->rtt_us = larger(to->rtt_us, from->rtt_us);
	to->rtt_max_us = larger(to->rtt_max_us, from->rtt_max_us);
	to->idle_ms = to->idle_ms < from->idle_ms ? to->idle_ms : from->idle_ms;
	to->is_rtp |= from->is_rtp;
	if (to->srtp_suite == SECURE_NONE)
		to->srtp_suite = from->srtp_suite;
}

void call_quality(const struct engine *e, const struct sip_call *call, struct call_quality *quality)
{
	struct stream_stats stats;

	memset(quality, 0, sizeof(*quality));
	for (unsigned i = 0; i < call->npairs; i++) {
		struct ipc_stream_quality *stream = &quality->streams[quality->nstreams];

		if (call->pair[i] == HANDLE_NONE)
			continue;
		for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
			stream_pair_stats(e->media, call->pair[i], side, &stats);
			one_side(e, &stats, &stream->from[side]);
			if (quality->nstreams == 0)
				quality->sum[side] = stream->from[side];
			else
				add(&quality->sum[side], &stream->from[side]);
		}
		quality->nstreams++;
	}
	if (quality->nstreams == 1)
		quality->nstreams = 0;
}

/* ---- what the operator is told ---- */

#define TELL_POLICED_MS	  1000u	 /* between two lines */
#define TELL_STRANGERS_MS 60000u
#define STRANGERS_MIN	  50u	 /* packets: fewer are somebody's old call */

static void tell(struct engine *e, struct span text)
{
	const struct ipc_notice notice = {
		.level = IPC_NOTICE_WARN,
		.text_len = (uint16_t)text.len,
	};
	struct cursor *out = out_start(e);

	put_bytes(out, &notice, sizeof(notice));
	put_span(out, text);
	out_report(e, IPC_NOTICE, out_finish(e));
}

static void put_handle(struct cursor *out, uint64_t handle)
{
	static const char hex[] = "0123456789abcdef";
	int shift = 60;

	while (shift > 0 && !(handle >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put_char(out, hex[handle >> shift & 15]);
}

static void tell_policed(struct engine *e)
{
	struct sip_call *call;
	uint64_t owner;

	while (stream_next_policed(e->media, &owner)) {
		char buf[128];
		struct cursor text = cursor_on(buf, sizeof(buf));

		call = call_get(e, owner);
		if (call == NULL || call->flags & CALL_POLICED)
			continue;
		call->flags |= CALL_POLICED;
		if (e->now_ns < e->policed_told_ns + TELL_POLICED_MS * NS_PER_MS ||
		    !e->link_up || !out_has_room(e))
			continue;
		e->policed_told_ns = e->now_ns;
		put_lit(&text, "a call sends more media than was negotiated, what is too much is "
			       "dropped: call ");
		put_u64(&text, e->conf.worker);
		put_char(&text, '-');
		put_handle(&text, call->self);
		tell(e, cursor_span(&text));
	}
}

/* One line for a spray over the ports, however long it goes on. */
static void tell_strangers(struct engine *e)
{
	struct net_endpoint source;
	uint64_t pkts = stream_strangers(e->media, &source);
	char buf[192];
	struct cursor text = cursor_on(buf, sizeof(buf));

	e->strangers_told_ns = e->now_ns;
	if (!e->link_up || !out_has_room(e)) {
		e->strangers_told = pkts;
		return;
	}
	put_lit(&text, "media from strangers is dropped: ");
	put_u64(&text, pkts - e->strangers_told);
	put_lit(&text, " packets of no call or of a wrong source, the last one from ");
	put_endpoint(&text, &source);
	tell(e, cursor_span(&text));
	e->strangers_told = pkts;
}

static bool strangers_are_due(const struct engine *e)
{
	struct net_endpoint source;

	return stream_strangers(e->media, &source) >= e->strangers_told + STRANGERS_MIN &&
	       (e->strangers_told_ns == 0 ||
		e->now_ns >= e->strangers_told_ns + TELL_STRANGERS_MS * NS_PER_MS);
}

bool quality_has_news(const struct engine *e)
{
	return stream_has_policed(e->media) || strangers_are_due(e);
}

void quality_tell(struct engine *e)
{
	if (stream_has_policed(e->media))
		tell_policed(e);
	if (strangers_are_due(e))
		tell_strangers(e);
}
