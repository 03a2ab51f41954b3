/* SPDX-License-Identifier: BSD-3-Clause */
/* What SIP asks of media, carried out on the stream records. One worker thread; libc only. */
#include "dataplane/media/stream_cmd.h"

#include <errno.h>

#include "dataplane/media/bundle.h"
#include "dataplane/media/latch.h"
#include "dataplane/media/police.h"
#include "dataplane/media/quality.h"

/* The slot with an address for `local`, or NULL. */
static struct media_slot *local_slot(const struct media *media, struct stream_local local)
{
	unsigned slot = media_slot_of(local.realm, local.family);

	if ((local.family != NET_IP4 && local.family != NET_IP6) || slot >= media->nslots ||
	    !media->slots[slot].streams)
		return NULL;
	return &media->slots[slot];
}

/* Ports for both sides, or for none. */
static int ports_take(struct media *media, uint64_t now_ns, struct media_slot *const slots[2],
		      uint32_t pairs[2])
{
	if (port_pool_take(&slots[0]->ports, now_ns, &pairs[0]))
		goto none;
	if (port_pool_take(&slots[1]->ports, now_ns, &pairs[1])) {
		port_pool_give(&slots[0]->ports, pairs[0], now_ns); /* nobody has seen it */
		goto none;
	}
	return 0;
none:
	media->stats.no_ports++;
	return -ENOSPC;
}

/* limen's address and port on a side: what packets to its peer come from. */
static void side_place(struct media *media, struct stream_pair *pair, struct stream_pair_cold *cold,
		       enum stream_side side, struct media_slot *slot, uint32_t port_pair)
{
	uint16_t port = stream_local_port(slot, port_pair);
	struct stream_out out = {
		.realm = (uint8_t)((slot - media->slots) / 2),
		.family = slot->family,
		.dscp = slot->dscp,
		.src = media_slot_endpoint(slot, port),
	};

	/* All ones is an address that no packet comes from: nobody matches before there is an
	 * SDP. */
	memset(&pair->from[side].source, 0xff, sizeof(pair->from[side].source));
	pair->from[!side].out = out;
	out.src.port = (uint16_t)(port + 1);
	cold->side[side].rtcp_out = out;
	cold->side[side].port_pair = (uint16_t)port_pair;
}

int stream_pair_open(struct media *media, uint64_t now_ns, struct stream_local a,
		     struct stream_local b, uint64_t *handle)
{
	struct media_slot *slots[2] = {local_slot(media, a), local_slot(media, b)};
	struct stream_pair_cold *cold;
	struct stream_pair *pair;
	uint64_t cold_handle;
	uint32_t ports[2];
	int rc;

	*handle = HANDLE_NONE;
	if (!slots[SIDE_A] || !slots[SIDE_B])
		return -EAFNOSUPPORT;
	rc = ports_take(media, now_ns, slots, ports);
	if (rc)
		return rc;
	pair = slab_alloc(media->hot, handle);
	cold = pair ? slab_alloc(media->cold, &cold_handle) : NULL;
	if (!cold) {
		for (unsigned side = 0; side < 2; side++)
			port_pool_give(&slots[side]->ports, ports[side], now_ns);
		if (pair)
			slab_free(media->hot, *handle);
		*handle = HANDLE_NONE;
		media->stats.no_memory++;
		return -ENOMEM;
	}
	cold->pair = *handle;
	cold->since_ns = now_ns;
	for (unsigned side = 0; side < 2; side++) {
		pair->from[side].cold = handle_index(cold_handle);
		side_place(media, pair, cold, side, slots[side], ports[side]);
		slots[side]->streams[ports[side]] = 1 + 2 * handle_index(*handle) + side;
	}
	media->stats.opened++;
	return 0;
}

void stream_pair_local(const struct media *media, uint64_t handle, enum stream_side side,
		       struct net_endpoint *rtp, struct net_endpoint *rtcp)
{
	const struct stream_pair *pair = slab_get(media->hot, handle);

	*rtp = *rtcp = (struct net_endpoint){0};
	if (!pair)
		return;
	*rtp = pair->from[!side].out.src;
	*rtcp = stream_cold(media, &pair->from[side])->side[side].rtcp_out.src;
}

static void flag_set(uint16_t *flags, uint16_t flag, bool on)
{
	*flags = on ? *flags | flag : *flags & (uint16_t)~flag;
}

/* Payload types, and by what packets that are none of RTP's are told. The section's transport is
 * the same on both sides; before the answer only one of them has said it. */
static void formats_set(struct stream_pair *pair, struct stream_pair_cold *cold,
			enum stream_side side, const struct sdp_formats *formats)
{
	if (memcmp(&cold->side[side].formats, formats, sizeof(*formats)) == 0)
		return;
	cold->side[side].formats = *formats;
	for (unsigned i = 0; i < 2; i++) {
		flag_set(&pair->from[i].flags, STREAM_RAW, formats->proto == SDP_PROTO_UDPTL);
		flag_set(&pair->from[i].flags, STREAM_DTLS, formats->proto == SDP_PROTO_DTLS);
		/* The clock of a type may be another one now. */
		pair->from[i].rtp.payload_type |= RTP_TYPE_STALE;
	}
}

uint32_t stream_pair_ssrc_mask(const struct media *media, uint64_t handle, enum stream_side side)
{
	const uint64_t what[2] = {handle, side};

	return (uint32_t)hash_sip(&media->seed, span_of(what, sizeof(what))) | 1u;
}

/* What limen cannot open it cannot change: SSRCs under keys that only the peers have stay. The mask
 * lies in the record, for the next process has another seed. */
static void mask_set(const struct media *media, struct stream_pair *pair, struct stream_pair_cold *cold,
		     enum stream_side side, bool hide)
{
	struct stream_side_cold *mine = &cold->side[side];
	bool readable = mine->formats.proto == SDP_PROTO_RTP || mine->secure;

	if (!hide || !readable) {
		mine->ssrc_mask = 0;
	} else if (mine->ssrc_mask == 0) {
		mine->ssrc_mask = stream_pair_ssrc_mask(media, cold->pair, side);
	}
	flag_set(&pair->from[side].flags, STREAM_MASKED, mine->ssrc_mask != 0);
}

void stream_pair_remote(struct media *media, uint64_t now_ns, uint64_t handle,
			enum stream_side side, const struct stream_remote *remote)
{
	struct stream_pair *pair = slab_get(media->hot, handle);
	struct stream_pair_cold *cold;
	struct stream_hot *in, *to;

	if (!pair)
		return;
	in = &pair->from[side];
	to = &pair->from[!side];
	cold = stream_cold(media, in);
	stream_unsettle(media, in);
	stream_unsettle(media, to);
	flag_set(&in->flags, STREAM_MAY_SEND, remote->may_send);
	flag_set(&in->flags, STREAM_MUX, remote->rtcp_mux);
	flag_set(&to->flags, STREAM_FAR_MUX, remote->rtcp_mux);
	flag_set(&to->flags, STREAM_FAR_RECEIVES, remote->may_receive);
	flag_set(&to->flags, STREAM_FAR_KNOWN,
		 remote->rtp.family == to->out.family && remote->rtp.port != 0);
	latch_remote(media, now_ns, pair, side, remote);
	if (remote->formats)
		formats_set(pair, cold, side, remote->formats);
	mask_set(media, pair, cold, side, remote->hide_ssrc);
	cold->side[side].police.burst_ms = remote->police_burst_ms;
	cold->side[side].police.headroom_percent = remote->police_headroom_percent;
	police_update(media, now_ns, pair);
}

void stream_pair_own(struct media *media, uint64_t handle, uint64_t owner)
{
	const struct stream_pair *pair = slab_get(media->hot, handle);

	if (pair)
		stream_cold(media, &pair->from[SIDE_A])->owner = owner;
}

bool stream_has_policed(const struct media *media)
{
	return media->npoliced != 0;
}

bool stream_next_policed(struct media *media, uint64_t *owner)
{
	const struct stream_pair *pair;

	if (media->npoliced == 0)
		return false;
	pair = slab_get(media->hot, media->policed[--media->npoliced]);
	*owner = pair ? stream_cold(media, &pair->from[SIDE_A])->owner : HANDLE_NONE;
	return true;
}

uint64_t stream_strangers(const struct media *media, struct net_endpoint *source)
{
	*source = media->stranger;
	return media->strangers;
}

/* --- SRTP --- */

static void dir_set(struct media *media, struct secure_dir *dir, const struct secure_key *key)
{
	if (dir->epoch && secure_key_eq(&dir->key, key))
		return;
	explicit_bzero(dir, sizeof(*dir));
	dir->key = *key;
	dir->epoch = ++media->secure_epoch;
}

/* Both directions go the way that looks at keys as soon as one side has some. */
static void secure_mark(const struct media *media, struct stream_pair *pair,
			const struct stream_pair_cold *cold)
{
	bool is_secure = cold->side[SIDE_A].secure || cold->side[SIDE_B].secure;

	for (unsigned side = 0; side < 2; side++) {
		flag_set(&pair->from[side].flags, STREAM_SECURE, is_secure);
		stream_unsettle(media, &pair->from[side]);
	}
}

static void secure_drop(struct media *media, struct stream_side_cold *side)
{
	uint32_t index = side->secure - 1;

	if (!side->secure)
		return;
	explicit_bzero(slab_at(media->secure, index), sizeof(struct stream_secure));
	slab_free(media->secure, slab_handle_at(media->secure, index));
	/* Freed twice before the engine was told: once is enough. */
	if (!media->is_forgotten[index])
		media->forgotten[media->nforgotten++] = index;
	media->is_forgotten[index] = true;
	side->secure = 0;
}

int stream_pair_secure(struct media *media, uint64_t handle, enum stream_side side,
		       const struct secure_key *rx, const struct secure_key *tx)
{
	struct stream_pair *pair = slab_get(media->hot, handle);
	struct stream_pair_cold *cold;
	struct stream_side_cold *mine;
	struct stream_secure *secure;
	uint64_t made;

	if (!pair)
		return -EINVAL;
	cold = stream_cold(media, &pair->from[side]);
	mine = &cold->side[side];
	if (!rx && !tx) {
		secure_drop(media, mine);
		secure_mark(media, pair, cold);
		return 0;
	}
	if (!rx || !tx || !secure_suite_info(rx->suite) || !secure_suite_info(tx->suite))
		return -EINVAL;
	secure = stream_secure(media, mine);
	if (!secure) {
		secure = slab_alloc(media->secure, &made);
		if (!secure) {
			media->stats.no_memory++;
			return -ENOMEM;
		}
		secure->pair = handle;
		secure->side = side;
		mine->secure = 1 + handle_index(made);
	}
	dir_set(media, &secure->rx, rx);
	dir_set(media, &secure->tx, tx);
	secure_mark(media, pair, cold);
	return 0;
}

static struct stream_secure *secure_of(struct media *media, uint64_t handle, enum stream_side side)
{
	const struct stream_pair *pair = slab_get(media->hot, handle);

	return pair ? stream_secure(media, &stream_cold(media, &pair->from[side])->side[side])
		    : NULL;
}

void stream_pair_go_on(struct media *media, uint64_t handle, enum stream_side side, uint64_t before,
		       enum stream_side side_before)
{
	const struct stream_secure *old = secure_of(media, before, side_before);
	struct stream_secure *now = secure_of(media, handle, side);

	if (!old || !now || !secure_key_eq(&old->rx.key, &now->rx.key))
		return;
	memcpy(now->rx.sources, old->rx.sources, sizeof(now->rx.sources));
	now->rx.epoch = ++media->secure_epoch;
}

uint64_t stream_side_last_seen_ns(const struct media *media, uint64_t handle, enum stream_side side)
{
	const struct stream_pair *pair = slab_get(media->hot, handle);
	const struct stream_pair_cold *cold;
	uint64_t seen;

	if (!pair)
		return 0;
	cold = stream_cold(media, &pair->from[SIDE_A]);
	seen = cold->since_ns;
	if (pair->from[side].last_seen_ns > seen)
		seen = pair->from[side].last_seen_ns;
	/* Whoever was held till then has had no reason to send. */
	for (unsigned i = 0; i < 2; i++)
		if (cold->side[i].remote_set_ns > seen)
			seen = cold->side[i].remote_set_ns;
	return seen;
}

uint64_t stream_pair_last_seen_ns(const struct media *media, uint64_t handle)
{
	uint64_t a = stream_side_last_seen_ns(media, handle, SIDE_A),
		 b = stream_side_last_seen_ns(media, handle, SIDE_B);

	return a > b ? a : b;
}

bool stream_pair_is_both_ways(const struct media *media, uint64_t handle)
{
	const uint16_t both = STREAM_MAY_SEND | STREAM_FAR_RECEIVES | STREAM_FAR_KNOWN;
	const struct stream_pair *pair = slab_get(media->hot, handle);

	return pair && (pair->from[SIDE_A].flags & pair->from[SIDE_B].flags & both) == both;
}

/* What RTP's own numbers say. */
static void rtp_stats(const struct stream_hot *in, const struct stream_side_cold *cold,
		      struct stream_stats *stats)
{
	const struct rtp_rx_rare *rare = &cold->rare;
	uint32_t jitter_max_q4 = rare->jitter_max_q4;

	if (in->rtp.jitter_q4 > jitter_max_q4)
		jitter_max_q4 = in->rtp.jitter_q4;
	stats->expected_pkts = rtp_rx_expected(&in->rtp, rare);
	stats->lost_pkts = rtp_rx_lost(&in->rtp, rare);
	stats->out_of_order_pkts = rare->reordered_pkts;
	stats->duplicate_pkts = rare->duplicate_pkts;
	stats->loss_runs = rare->loss_runs;
	stats->loss_run_max = rare->loss_run_max;
	stats->restarts = rare->restarts;
	stats->jitter_us = rtp_rx_jitter_us(in->rtp.jitter_q4, in->rtp.clock_hz);
	stats->jitter_max_us = rtp_rx_jitter_us(jitter_max_q4, in->rtp.clock_hz);
	stats->events = rare->events;
	stats->is_rtp = in->rtp.started;
}

/* What RTCP said: each peer of the way to itself, and of what it hears of the other. */
static void rtcp_stats(const struct stream_side_cold *mine, const struct stream_side_cold *far,
		       struct stream_stats *stats)
{
	stats->far_reports = far->reports.nreports;
	stats->far_lost_pkts = far->reports.lost_before + far->reports.lost_pkts;
	stats->far_jitter_us = far->reports.jitter_us;
	stats->far_mos_x10 = far->reports.mos_lq_x10;
	stats->rtt_us = mine->reports.rtt_us;
	stats->rtt_max_us = mine->reports.rtt_max_us;
}

void stream_pair_stats(const struct media *media, uint64_t handle, enum stream_side side,
		       struct stream_stats *stats)
{
	const struct stream_pair *pair = slab_get(media->hot, handle);
	const struct stream_side_cold *cold, *far;
	struct quality_side of = {.side = side};
	const struct stream_hot *in;

	*stats = (struct stream_stats){0};
	if (!pair)
		return;
	in = &pair->from[side];
	of.cold = stream_cold(media, in);
	cold = &of.cold->side[side];
	far = &of.cold->side[!side];
	stats->rx_pkts = in->rx_pkts;
	stats->rx_bytes = in->rx_bytes;
	stats->rtcp_pkts = cold->rtcp_pkts;
	stats->dropped_pkts = cold->dropped_pkts;
	stats->last_seen_ns = in->last_seen_ns;
	rtp_stats(in, cold, stats);
	rtcp_stats(cold, far, stats);
	stats->policed_pkts = cold->police.policed_pkts;
	stats->delay_us = (uint32_t)((cold->rtcp_pkts ? cold->delay_sum_ns / cold->rtcp_pkts
						      : media->delay_ns) / 1000);
	stats->kind = cold->formats.kind ? cold->formats.kind : far->formats.kind;
	stats->payload_type = in->rtp.payload_type & (uint8_t)~RTP_TYPE_STALE;
	stats->codec = quality_type_of(&of, stats->payload_type).codec;
	stats->learned = in->flags & STREAM_LEARNED;
	if (cold->secure)
		stats->srtp_suite = stream_secure(media, cold)->rx.key.suite;
	if (in->source_port)
		stats->source = (struct net_endpoint){
			.addr = in->source,
			.port = in->source_port,
			.family = pair->from[!side].out.family,
		};
}

void stream_pair_close(struct media *media, uint64_t now_ns, uint64_t handle)
{
	struct stream_pair *pair = slab_get(media->hot, handle);
	struct stream_pair_cold *cold;

	if (!pair)
		return;
	cold = stream_cold(media, &pair->from[SIDE_A]);
	for (unsigned side = 0; side < 2; side++) {
		struct media_slot *slot = &media->slots[stream_slot(&cold->side[side])];
		uint32_t port_pair;

		bundle_leave(media, pair, side);
		port_pair = cold->side[side].port_pair;
		secure_drop(media, &cold->side[side]);
		stream_unsettle(media, &pair->from[side]);
		slot->streams[port_pair] = 0;
		port_pool_give(&slot->ports, port_pair, now_ns + media->port_reuse_ns);
	}
	slab_free(media->cold, slab_handle_at(media->cold, pair->from[SIDE_A].cold));
	slab_free(media->hot, handle);
	media->stats.closed++;
}

uint32_t stream_pairs_open(const struct media *media)
{
	return slab_used(media->hot);
}
