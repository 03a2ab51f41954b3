/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP relayed in passes over the vector: find the table's entry, find the stream, then
 * check, count, rewrite and send, each pass fetching ahead for the next. Worker threads; no
 * allocation, lock, system call or log. */
#include "dataplane/media/media_stage.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "common/rtp/rtcp.h"
#include "dataplane/io/csum.h"
#include "dataplane/media/latch.h"
#include "dataplane/media/stream.h"

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

/* Where the payload begins behind Ethernet, IPv4 without options and UDP; nothing else is so
 * short. */
#define PLAIN_PAYLOAD_OFF 42u

/* What is the same for all packets of a call of the stage. */
struct media_turn {
	struct media *media;
	struct tx *tx;
	struct drops *drops;
	uint64_t now_ns;
	uint32_t arrival_8k; /* now in units of the clock that nearly all payload types have */
};

static struct tx_flow *out_flow(struct stream_out *out)
{
	return (struct tx_flow *)out;
}

/* The pair that a stream is half of. */
static struct stream_pair *stream_pair_of(struct stream_hot *in, enum stream_side side)
{
	return (struct stream_pair *)(void *)(in - side);
}

/* Dropped, and counted for the call as well: these are what an operator looks for when somebody
 * hears nothing. */
static __rte_noinline void stream_drop(const struct media_turn *turn, struct rte_mbuf *m,
				       const struct stream_hot *in, enum stream_side side,
				       enum drop_reason reason)
{
	stream_cold(turn->media, in)->side[side].dropped_pkts++;
	pkt_drop(turn->drops, m, reason);
}

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

/* Leave only the UDP payload. False when the packet's segments do not allow it. */
static bool strip(struct rte_mbuf *m, const struct pkt *p)
{
	uint32_t extra;

	if (likely(m->nb_segs == 1)) {
		m->data_off += p->payload_off;
		m->data_len = p->payload_len;
		m->pkt_len = p->payload_len;
		return true;
	}
	extra = m->pkt_len - p->payload_off - p->payload_len;
	return rte_pktmbuf_trim(m, (uint16_t)extra) == 0 && rte_pktmbuf_adj(m, p->payload_off);
}

static struct net_endpoint pkt_source(const struct pkt *p)
{
	return (struct net_endpoint){.addr = p->src, .port = p->src_port, .family = p->family};
}

static bool is_from_source(const struct stream_hot *in, const struct pkt *p)
{
	uint64_t have[2], want[2];

	memcpy(have, p->src.ip, sizeof(have));
	memcpy(want, in->source.ip, sizeof(want));
	return ((have[0] ^ want[0]) | (have[1] ^ want[1]) |
		(uint64_t)(p->src_port ^ in->source_port)) == 0;
}

/* RFC 5761 section 4: on a shared port the second byte tells RTCP from RTP. */
static bool looks_like_rtcp(const uint8_t *payload)
{
	return payload[1] >= 192 && payload[1] <= 223;
}

static __rte_noinline void relay_rtcp(const struct media_turn *turn, struct rte_mbuf *m,
				      struct stream_hot *in, enum stream_side side)
{
	struct stream_pair_cold *cold = stream_cold(turn->media, in);
	struct net_endpoint source = pkt_source(pkt_of(m));
	struct pkt *p = pkt_of(m);
	struct stream_out *out;
	uint8_t *payload;
	uint32_t sum;

	if (rte_pktmbuf_linearize(m)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	payload = rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload_off);
	if (!rtcp_is_valid(payload, p->payload_len)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	if (!latch_packet(turn->media, turn->now_ns, stream_pair_of(in, side), side,
			  !(in->flags & STREAM_MUX), &source)) {
		stream_drop(turn, m, in, side, DROP_MEDIA_SOURCE);
		return;
	}
	in->last_seen_ns = turn->now_ns;
	out = in->flags & STREAM_FAR_MUX ? &in->out : &cold->side[!side].rtcp_out;
	if (!(in->flags & STREAM_FAR_KNOWN) || out->dst.family == NET_NONE) {
		stream_drop(turn, m, in, side, DROP_MEDIA_NO_PEER);
		return;
	}
	cold->side[side].rtcp_pkts++;
	sum = rtcp_hide_names(payload, p->payload_len, &turn->media->seed) ? TX_SUM_UNKNOWN
									   : payload_sum(p);
	(void)strip(m, p); /* one segment now */
	tx_udp(turn->tx, m, out_flow(out), sum);
}

/* Why a packet from the right source goes nowhere. */
static enum drop_reason held_reason(uint8_t flags)
{
	if (!(flags & STREAM_MAY_SEND))
		return DROP_MEDIA_HOLD;
	return flags & STREAM_FAR_KNOWN ? DROP_MEDIA_HOLD : DROP_MEDIA_NO_PEER;
}

static inline void account(const struct media_turn *turn, struct stream_hot *in,
			   const uint8_t *header)
{
	uint32_t arrival = turn->arrival_8k;
	uint8_t type = rtp_payload_type(header);

	if (unlikely(!rtp_clock_is_8k(type)))
		arrival = rtp_arrival(turn->now_ns, rtp_clock_hz(type));
	rtp_rx_account_inline(&in->rtp, header, arrival);
}

/* RTP without CSRCs and extension, of a payload type that is none of RTCP's (64 to 95, RFC 5761
 * section 4): no more to be checked of its header. */
static inline bool rtp_header_is_plain(const uint8_t *header, uint16_t len)
{
	return len >= 12 && (header[0] & 0xdf) == 0x80 && (header[1] & 0x60) != 0x40;
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

/* A packet of a settled call between two peers on IPv4, as nearly all are: its headers are written
 * over. False: it is not of that kind, and nothing was done. */
static inline bool relay_plain(const struct media_turn *turn, struct rte_mbuf *m, struct pkt *p,
			       const uint8_t *header, struct stream_hot *in)
{
	if ((in->flags & (STREAM_RELAYS | STREAM_LEARN)) != STREAM_RELAYS ||
	    in->out.family != NET_IP4 || p->payload_off != PLAIN_PAYLOAD_OFF || p->udp_csum == 0 ||
	    m->nb_segs != 1 || !RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1 ||
	    !is_from_source(in, p) || !rtp_header_is_plain(header, p->payload_len))
		return false;
	in->last_seen_ns = turn->now_ns;
	account(turn, in, header);
	in->rx_pkts++;
	in->rx_bytes += p->payload_len;
	tx_relay4(turn->tx, m, out_flow(&in->out), p->payload_len, relayed_csum4(p, &in->out));
	return true;
}

static void relay_rtp(const struct media_turn *turn, struct rte_mbuf *m, const uint8_t *header,
		      struct stream_hot *in, enum stream_side side)
{
	struct pkt *p = pkt_of(m);
	bool settled = likely(!(in->flags & STREAM_LEARN)) && is_from_source(in, p);

	if (unlikely(!settled && !(in->flags & STREAM_LEARN))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_SOURCE);
		return;
	}
	if (unlikely(!rtp_header_is_valid(header, p->payload_len))) {
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
	account(turn, in, header);
	if (unlikely((in->flags & STREAM_RELAYS) != STREAM_RELAYS)) {
		stream_drop(turn, m, in, side, held_reason(in->flags));
		return;
	}
	if (unlikely(!strip(m, p))) {
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
		return;
	}
	in->rx_pkts++;
	in->rx_bytes += p->payload_len;
	tx_udp(turn->tx, m, out_flow(&in->out), payload_sum(p));
}

/* A packet whose stream was found. */
static void relay(const struct media_turn *turn, struct rte_mbuf *m, struct stream_hot *in,
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
			return;
		}
	}
	if (likely(!(p->dst_port & 1)) && likely(relay_plain(turn, m, pkt_of(m), header, in)))
		return;
	if (unlikely(look < 2))
		stream_drop(turn, m, in, side, DROP_MEDIA_INVALID);
	else if (unlikely(p->dst_port & 1) ||
		 unlikely(in->flags & STREAM_MUX && looks_like_rtcp(header)))
		relay_rtcp(turn, m, in, side);
	else
		relay_rtp(turn, m, header, in, side);
}

static void media_vector(const struct media_turn *turn, struct rte_mbuf **pkts, unsigned n)
{
	static const uint32_t none;
	const struct media *media = turn->media;
	struct stream_hot *streams = (struct stream_hot *)(void *)media->hot->records;
	const uint32_t *entries[VECTOR_MAX];
	uint32_t found[VECTOR_MAX];

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
		if (unlikely(!found[i]))
			pkt_drop(turn->drops, pkts[i], DROP_MEDIA_NO_STREAM);
		else
			relay(turn, pkts[i], &streams[found[i] - 1], (found[i] - 1) & 1);
	}
}

void media_stage(struct media *media, struct tx *tx, struct drops *drops, struct rte_mbuf **pkts,
		 unsigned n, uint64_t now_ns)
{
	const struct media_turn turn = {
		.media = media,
		.tx = tx,
		.drops = drops,
		.now_ns = now_ns,
		.arrival_8k = rtp_arrival(now_ns, 8000),
	};

	for (unsigned at = 0; at < n; at += VECTOR_MAX)
		media_vector(&turn, pkts + at, RTE_MIN(n - at, VECTOR_MAX));
}
