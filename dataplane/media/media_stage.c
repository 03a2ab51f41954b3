/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP relayed in passes over the vector: find the table's entry, find the stream, then
 * check, count, rewrite and send, each pass fetching ahead for the next. Worker threads; no
 * allocation, lock, system call or log. */
#include "dataplane/media/media_stage.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "common/rtp/rtcp.h"
#include "dataplane/io/frame4.h"
#include "dataplane/media/bundle.h"
#include "dataplane/media/media_relay.h"
#include "dataplane/media/srtp.h"

/* Packets looked up at a time: enough to hide a miss to memory behind the others, few enough that
 * what was fetched is still there. */
#define VECTOR_MAX 32u

/* Bytes that rtp_header_is_valid and the statistics may look at: 12, 15 CSRCs, and the extension's
 * head. */
#define RTP_LOOK_BYTES 76u

/* The send stage keeps its note of the next hop in the stream's record (see stream.h). */
#define SAME_FIELD(field)                                                                          \
	_Static_assert(offsetof(struct stream_out, field) == offsetof(struct tx_flow, field) &&    \
			       sizeof(((struct stream_out *)0)->field) ==                          \
				       sizeof(((struct tx_flow *)0)->field),                       \
		       #field " is where the send stage looks for it")
SAME_FIELD(realm);
SAME_FIELD(family);
SAME_FIELD(dscp);
SAME_FIELD(neigh);
SAME_FIELD(src);
SAME_FIELD(dst);
_Static_assert(sizeof(struct stream_out) == sizeof(struct tx_flow), "one layout");

/* The sum of the payload, from the checksum that came with it: whatever was added to it for the
 * headers is taken away again. A payload damaged on its way keeps a checksum that tells. */
static uint32_t payload_sum(const struct pkt *p)
{
	uint32_t len = p->payload_len + 8u;
	uint64_t headers;

	if (unlikely(p->udp_csum == 0))
		return TX_SUM_UNKNOWN;
	headers = csum_pseudo(p->family, p->src.ip, p->dst.ip, IPPROTO_UDP, len);
	headers += rte_cpu_to_be_16(p->src_port) + rte_cpu_to_be_16(p->dst_port) +
		   rte_cpu_to_be_16((uint16_t)len);
	return csum_fold((uint16_t)~p->udp_csum + (uint64_t)(uint16_t)~csum_fold(headers));
}

/* RFC 5761 section 4: on a shared port the second byte tells RTCP from RTP. */
static bool looks_like_rtcp(const uint8_t *payload)
{
	return payload[1] >= 192 && payload[1] <= 223;
}

static bool rtcp_source_is_good(const struct media_turn *turn, struct stream_hot *in,
				enum stream_side side, const struct net_endpoint *source)
{
	return latch_packet(turn->media, turn->now_ns, stream_pair_of(in, side), side,
			    !(in->flags & STREAM_MUX), source);
}

/* Whether RTCP came from where it may, and is authentic where the side has keys: only then does
 * it decide where a peer is. Where nothing is to be decided a look at the source is the cheaper
 * one. */
static bool rtcp_is_good(const struct media_turn *turn, struct rte_mbuf *m, struct stream_hot *in,
			 enum stream_side side)
{
	const struct stream_side_cold *mine = &stream_cold(turn->media, in)->side[side];
	struct net_endpoint source = pkt_source(pkt_of(m));
	bool learns = in->flags & STREAM_LEARN || mine->flags & COLD_RTCP_LEARN;
	bool first = !mine->secure || !learns;

	if (first && !rtcp_source_is_good(turn, in, side, &source)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_SOURCE);
		return false;
	}
	if (mine->secure && !rtcp_open(turn, m, in, side))
		return false;
	if (!first && !rtcp_source_is_good(turn, in, side, &source)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_SOURCE);
		return false;
	}
	return true;
}

static __rte_noinline void relay_rtcp(const struct media_turn *turn, struct rte_mbuf *m,
				      struct stream_hot *in, enum stream_side side)
{
	struct stream_pair_cold *cold = stream_cold(turn->media, in);
	struct pkt *p = pkt_of(m);
	struct stream_out *out;
	uint8_t *payload;
	uint32_t sum;
	bool masked;

	if (rte_pktmbuf_linearize(m)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	payload = rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload_off);
	if (!rtcp_is_valid(payload, p->payload_len)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	if (!rtcp_is_good(turn, m, in, side))
		return;
	if (!police_pass(turn->media, turn->now_ns, in, side, p->payload_len)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_POLICED);
		return;
	}
	in->last_seen_ns = turn->now_ns;
	out = in->flags & STREAM_FAR_MUX ? &in->out : &cold->side[!side].rtcp_out;
	if (!(in->flags & STREAM_FAR_KNOWN) || out->dst.family == NET_NONE) {
		stream_drop(turn, m, in, side, DROP_MEDIA_NO_PEER);
		return;
	}
	quality_rtcp(turn->media, turn->now_ns, stream_pair_of(in, side), side, payload,
		     p->payload_len);
	masked = rtcp_mask_ssrcs(payload, p->payload_len, cold->side[side].ssrc_mask,
				 cold->side[!side].ssrc_mask);
	if (rtcp_hide_names(payload, p->payload_len, &turn->media->seed) || masked ||
	    in->flags & STREAM_SECURE)
		sum = TX_SUM_UNKNOWN;
	else
		sum = payload_sum(p);
	(void)strip(m, p); /* one segment now */
	if (cold->side[!side].secure && !rtcp_seal(turn, m, in, !side))
		return;
	tx_udp(turn->tx, m, out_flow(out), sum);
}

/* The UDP checksum of a packet that leaves with other addresses and ports: the difference of the
 * headers is added to what came (RFC 1624), so a payload damaged on its way keeps a checksum that
 * tells. Both are IPv4. */
static inline uint16_t relayed_csum4(const struct pkt *p, const struct stream_out *out)
{
	uint64_t sum = (uint16_t)~p->udp_csum;

	sum += UINT32_MAX - csum_words(p->src.ip, 4);
	sum += UINT32_MAX - csum_words(p->dst.ip, 4);
	sum += csum_words(out->src.addr.ip, 4) + csum_words(out->dst.addr.ip, 4);
	sum += 2 * 0xffffu - rte_cpu_to_be_16(p->src_port) - rte_cpu_to_be_16(p->dst_port);
	sum += rte_cpu_to_be_16(out->src.port) + rte_cpu_to_be_16(out->dst.port);
	return csum_udp_field(sum);
}

/* From now on packets that look like this one need no more than a look. Its port is that of arrival,
 * but for what came by another worker, which has no lane. */
static __rte_noinline void settle(const struct media_turn *turn, const struct pkt *p,
				  struct stream_hot *in)
{
	struct stream_lane *lane = stream_lane(turn->media, in);
	const struct net_endpoint *src = &in->out.src, *dst = &in->out.dst;
	uint64_t sum;

	if (!tx_lane_make(turn->tx, out_flow(&in->out), &lane->out))
		return;
	lane->addrs = csum_words(p->src.ip, 4) | csum_words(p->dst.ip, 4) << 32;
	lane->ports = rte_cpu_to_be_16(p->src_port) | (uint32_t)rte_cpu_to_be_16(p->dst_port)
							      << 16;
	sum = csum_words(src->addr.ip, 4) + csum_words(dst->addr.ip, 4) +
	      rte_cpu_to_be_16(src->port) + rte_cpu_to_be_16(dst->port);
	lane->csum_step = csum_fold(
		sum + (uint16_t)~csum_fold(csum_words(&lane->addrs, 8) + lane->ports));
	lane->key = stream_lane_key(p->port);
}

/* A packet of a settled call between two peers on IPv4, as nearly all are: its headers are written
 * over. False: it is not of that kind, and nothing was done. */
static inline bool relay_plain(const struct media_turn *turn, struct rte_mbuf *m, struct pkt *p,
			       const uint8_t *header, struct stream_hot *in, enum stream_side side)
{
	if ((in->flags & (STREAM_RELAYS | STREAM_LONG_WAY)) != STREAM_RELAYS ||
	    in->out.family != NET_IP4 || p->payload_off != FRAME4_PAYLOAD || p->udp_csum == 0 ||
	    m->nb_segs != 1 || !RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1 ||
	    !is_from_source(in, p) || !rtp_header_is_plain(header, p->payload_len))
		return false;
	in->last_seen_ns = turn->now_ns;
	account(turn, in, side, header, p->payload_len);
	if (unlikely(!police_pass(turn->media, turn->now_ns, in, side, p->payload_len))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_POLICED);
		return true;
	}
	in->rx_pkts++;
	in->rx_bytes += p->payload_len;
	if (unlikely(!stream_lane(turn->media, in)->key))
		settle(turn, p, in);
	tx_relay4(turn->tx, m, out_flow(&in->out), p->payload_len, relayed_csum4(p, &in->out));
	return true;
}

/* Neither RTP nor RTCP, and yet the stream's: T.38, or DTLS that sets up keys. */
static bool is_datagram(const struct stream_hot *in, const uint8_t *payload)
{
	return in->flags & STREAM_RAW ||
	       (in->flags & STREAM_DTLS && payload[0] >= 20 && payload[0] <= 63);
}

/* Whether the sources of its header can be written over; it is brought into one piece where it is
 * not. */
static bool is_writable(struct rte_mbuf *m, const struct pkt *p)
{
	return rte_pktmbuf_linearize(m) == 0 && RTE_MBUF_DIRECT(m) &&
	       rte_mbuf_refcnt_read(m) == 1 &&
	       p->payload_len >= 12 + 4u * (*rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload_off) &
					    0x0f);
}

/* A packet that is relayed, headers gone; the sum of its payload. */
static uint32_t mask_sources(const struct media_turn *turn, struct rte_mbuf *m,
			     const struct stream_hot *in, enum stream_side side, uint32_t sum)
{
	if (likely(!(in->flags & STREAM_MASKED)))
		return sum;
	return rtp_mask(rte_pktmbuf_mtod(m, uint8_t *),
			stream_cold(turn->media, in)->side[side].ssrc_mask, sum);
}

static void relay_rtp(const struct media_turn *turn, struct rte_mbuf *m, const uint8_t *header,
		      struct stream_hot *in, enum stream_side side)
{
	bool datagram = is_datagram(in, header);
	struct pkt *p = pkt_of(m);
	uint32_t sum;
	bool settled = likely(!(in->flags & STREAM_LEARN)) && is_from_source(in, p);

	if (unlikely(!settled && !(in->flags & STREAM_LEARN))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_SOURCE);
		return;
	}
	if (unlikely(!datagram && !rtp_header_is_valid(header, p->payload_len))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	if (unlikely(!settled)) {
		struct net_endpoint source = pkt_source(p);

		if (!latch_packet(turn->media, turn->now_ns, stream_pair_of(in, side), side, false,
				  &source)) {
			stream_drop(turn, m, in, side, DROP_MEDIA_SOURCE);
			return;
		}
	}
	/* Counted before the direction is looked at: what a held call's peer sends is no loss
	 * afterwards, and shows that it lives. */
	in->last_seen_ns = turn->now_ns;
	if (!datagram)
		account(turn, in, side, header, RTE_MIN((uint32_t)p->payload_len, RTP_LOOK_BYTES));
	if (unlikely((in->flags & STREAM_RELAYS) != STREAM_RELAYS)) {
		stream_drop(turn, m, in, side, held_reason(in->flags));
		return;
	}
	if (unlikely(!police_pass(turn->media, turn->now_ns, in, side, p->payload_len))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_POLICED);
		return;
	}
	if (unlikely(in->flags & STREAM_MASKED && !datagram && !is_writable(m, p))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	if (unlikely(!strip(m, p))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	in->rx_pkts++;
	in->rx_bytes += p->payload_len;
	sum = payload_sum(p);
	if (!datagram)
		sum = mask_sources(turn, m, in, side, sum);
	tx_udp(turn->tx, m, out_flow(&in->out), sum);
}

/* The stream of a packet that came by the port of a bundle; NULL: dropped. */
static __rte_noinline struct stream_hot *find_section(const struct media_turn *turn,
						      struct rte_mbuf *m, struct stream_hot *in,
						      enum stream_side side)
{
	const struct pkt *p = pkt_of(m);
	const struct net_endpoint source = pkt_source(p);
	uint32_t look = RTE_MIN((uint32_t)p->payload_len, RTP_LOOK_BYTES);
	enum drop_reason reason = DROP_MEDIA_INVALID;
	struct stream_hot *found = NULL;
	uint8_t copy[RTP_LOOK_BYTES];
	const uint8_t *header;
	bool known;

	if (p->dst_port & 1)
		return in;
	header = rte_pktmbuf_read(m, p->payload_off, look, copy);
	if (!header)
		look = 0;
	if (look >= 12 && looks_like_rtcp(header)) {
		found = bundle_find_rtcp(turn->media, turn->now_ns, in, side, &source, header, look);
		reason = DROP_MEDIA_SOURCE;
	} else if (look >= 12 && rtp_header_is_valid(header, p->payload_len)) {
		found = bundle_find(turn->media, turn->now_ns, in, side, &source, header, look,
				    &known);
		reason = known ? DROP_MEDIA_SECTION : DROP_MEDIA_SOURCE;
	}
	if (!found)
		stream_drop(turn, m, in, side, reason);
	return found;
}

/* A packet whose stream was found. False: it is RTP of a pair with keys, for the caller to put
 * aside. */
static bool relay(const struct media_turn *turn, struct rte_mbuf *m, struct stream_hot *in,
		  enum stream_side side)
{
	const struct pkt *p = pkt_of(m);
	const uint8_t *header = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->payload_off);
	uint32_t look = RTE_MIN((uint32_t)p->payload_len, RTP_LOOK_BYTES);
	uint8_t copy[RTP_LOOK_BYTES];

	/* A datagram that came in fragments may break anywhere behind its headers. */
	if (unlikely(m->data_len < p->payload_off + look)) {
		header = rte_pktmbuf_read(m, p->payload_off, look, copy);
		if (!header) {
			stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
			return true;
		}
	}
	if (likely(!(p->dst_port & 1)) && likely(relay_plain(turn, m, pkt_of(m), header, in, side)))
		return true;
	if (unlikely(look < 2))
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
	else if (unlikely(p->dst_port & 1) ||
		 unlikely(in->flags & STREAM_MUX && looks_like_rtcp(header)))
		relay_rtcp(turn, m, in, side);
	else if (in->flags & STREAM_SECURE)
		return false;
	else
		relay_rtp(turn, m, header, in, side);
	return true;
}

static void media_vector(const struct media_turn *turn, struct rte_mbuf **pkts, unsigned n)
{
	static const uint32_t none;
	const struct media *media = turn->media;
	struct stream_hot *streams = (struct stream_hot *)(void *)media->hot->records;
	const uint32_t *entries[VECTOR_MAX];
	uint32_t found[VECTOR_MAX];
	struct secured_pkt aside[VECTOR_MAX];
	unsigned naside = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct pkt *p = pkt_of(pkts[i]);
		const struct media_slot *slot = &media->slots[media_slot_of(p->realm, p->family)];
		uint32_t at = (uint32_t)p->dst_port - slot->first_port;

		entries[i] = likely(at < slot->nports) ? &slot->streams[at / 2] : &none;
		rte_prefetch0(entries[i]);
		rte_prefetch0(rte_pktmbuf_mtod_offset(pkts[i], void *, p->payload_off));
	}
	for (unsigned i = 0; i < n; i++) {
		found[i] = *entries[i];
		if (likely(found[i])) {
			rte_prefetch0(&streams[found[i] - 1]);
			rte_prefetch0(&streams[found[i] - 1].rtp);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		struct stream_hot *in = &streams[found[i] - 1];
		enum stream_side side = (found[i] - 1) & 1;

		if (unlikely(!found[i])) {
			stranger_note(turn->media, pkt_of(pkts[i]));
			pkt_drop(turn->drops, pkts[i], DROP_MEDIA_NO_STREAM);
			continue;
		}
		if (unlikely(in->flags & STREAM_BUNDLED)) {
			in = find_section(turn, pkts[i], in, side);
			if (!in)
				continue;
		}
		if (unlikely(!relay(turn, pkts[i], in, side)))
			aside[naside++] = (struct secured_pkt){pkts[i], in, side};
	}
	if (naside)
		relay_secured(turn, aside, naside);
}

/* Keys that SIP has taken away meanwhile: their places may have new ones already. */
static __rte_noinline void forget_keys(struct media *media)
{
	for (uint32_t i = 0; i < media->nforgotten; i++) {
		uint32_t index = media->forgotten[i];

		media->is_forgotten[index] = false;
		if (media->engine) {
			secure_forget(media->engine, 2 * index);
			secure_forget(media->engine, 2 * index + 1);
		}
	}
	media->nforgotten = 0;
}

void media_stage(struct media *media, struct tx *tx, struct drops *drops, struct rte_mbuf **pkts,
		 unsigned n, uint64_t now_ns)
{
	const struct media_turn turn = media_turn(media, tx, drops, now_ns);

	if (unlikely(media->nforgotten))
		forget_keys(media);
	for (unsigned at = 0; at < n; at += VECTOR_MAX)
		media_vector(&turn, pkts + at, RTE_MIN(n - at, VECTOR_MAX));
}
