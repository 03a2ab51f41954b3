/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP of settled streams in one go: the packet looks as the one did that went through classify,
 * media and tx and settled the stream, so the headers that one left with are written over its own.
 * Two passes: find the lane and fetch it, then compare, count, write, send. What is left for the
 * long way keeps its order; a stream's packets go one way or the other as a whole, but for what no
 * sender does in the midst of a stream. Worker threads; no allocation, lock, system call or log. */
#include "dataplane/media/lane.h"

#include "dataplane/io/csum.h"
#include "dataplane/io/frame4.h"
#include "dataplane/io/port.h"
#include "dataplane/media/media_relay.h"
#include "dataplane/tx/tx_lane.h"

#include <rte_prefetch.h>

/* How far ahead frames are fetched. */
#define FETCH_AHEAD 8u

/* What is the same for all packets of a call of media_lane. */
struct lane_turn {
	struct media_turn media;
	struct stream_hot *streams; /* the one before the first: numbers count from 1 */
	uint64_t mac;		    /* of the port */
	struct tx_lanes tx;
	uint16_t key;
};

/* By the address and port that it goes to: the lane's number, 0 for none. Only a hint, for it is
 * read before anything is known of the frame: the comparison with the lane decides. */
static inline uint32_t lane_find(const struct media_slot *slot, const uint8_t *frame)
{
	uint32_t at = (uint32_t)rte_be_to_cpu_16(load16(frame + FRAME4_UDP + 2)) - slot->first_port;

	return likely(at < slot->nports) && likely(!(at & 1)) ? slot->streams[at / 2] : 0;
}

/* The address that packets go to is mostly that of the one before. */
static __rte_noinline const struct media_slot *slot_find(const struct media_lane *lane,
							 uint8_t port, uint32_t dst)
{
	static const struct media_slot none;
	uint8_t realm = realm_find4(lane->realms, port, dst);

	return realm == REALM_NONE ? &none : &lane->media->slots[media_slot_of(realm, NET_IP4)];
}

/* Not of a payload type that may be RTCP's. */
static bool is_rtp(const uint8_t *header, unsigned len)
{
	return rtp_header_is_plain(header, len) ||
	       (len >= 12 && (header[1] & 0x60) != 0x40 && rtp_header_is_valid(header, len));
}

/* The header's first 8 bytes as a number: version, padding, extension and count of sources; marker
 * and payload type; sequence number; timestamp. What is the same in the next packet of a source: */
#define HEAD_SAME 0xdf7fffffu
#define HEAD_V2	  0x80000000u

/* As account, in a few instructions for the packet that nearly always comes: without extension, of
 * the same source and payload type, the next one. False: it is another one, and nothing was
 * done. */
static inline bool account_next(const struct media_turn *turn, struct rtp_rx_stats *rtp,
				const uint8_t *header)
{
	uint64_t head = rte_be_to_cpu_64(load64(header));
	uint32_t type = rtp->payload_type;
	uint32_t want = HEAD_V2 | type << 16 | (uint16_t)(rtp->seq_max + 1);
	uint32_t transit = turn->arrival_8k - (uint32_t)head, d;
	int32_t step = (int32_t)(transit - rtp->transit);

	d = step < 0 ? 0u - (uint32_t)step : (uint32_t)step;
	if (unlikely((head >> 32 & HEAD_SAME) != want) || unlikely(rtp_ssrc(header) != rtp->ssrc) ||
	    unlikely(!rtp->started) || unlikely(d >= RTP_TRANSIT_STEP_MAX) ||
	    unlikely(rtp->clock_hz != 8000))
		return false;
	rtp->seq_max++;
	rtp->pkts++;
	rtp->transit = transit;
	rtp->jitter_q4 += d - ((rtp->jitter_q4 + 8) >> 4);
	return true;
}

/* Ethernet's padding off. */
static inline bool cut(struct rte_mbuf *m, unsigned bytes)
{
	if (likely(m->data_len == bytes))
		return true;
	if (m->data_len < bytes)
		return false;
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
	return true;
}

static inline bool lane_relay(struct lane_turn *turn, struct rte_mbuf *m, uint32_t number)
{
	struct stream_lane *lane = &turn->media.media->lanes[number];
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *header = frame + FRAME4_PAYLOAD;
	uint64_t middle, sum;
	struct stream_hot *in;
	unsigned total, len;
	uint16_t csum;

	middle = load64(frame + 16);
	/* Whose it is. */
	if (unlikely(lane->key != turn->key) ||
	    unlikely(load64(frame + FRAME4_SRC) != lane->addrs) ||
	    unlikely(load32(frame + FRAME4_UDP) != lane->ports))
		return false;
	/* What frame4_is_plain asks. */
	if (unlikely(load32((const uint8_t *)&m->refcnt) != (1u | 1u << 16)) ||
	    unlikely(m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL |
				    RTE_MBUF_F_RX_IP_CKSUM_BAD)) ||
	    unlikely((load64(frame) ^ turn->mac) << 16) ||
	    unlikely((load32(frame + 12) & FRAME4_TYPE_MASK) != FRAME4_TYPE) ||
	    unlikely((middle >> 32 & FRAME4_PROTO_MASK) != FRAME4_PROTO))
		return false;
	total = rte_be_to_cpu_16((uint16_t)middle);
	sum = (middle & UINT32_MAX) + (middle >> 32) + load16(frame + FRAME4_IP) +
	      load16(frame + 24) + csum_words(&lane->addrs, 8);
	if (unlikely(sum % 0xffff) || unlikely(!cut(m, FRAME4_IP + total)) ||
	    unlikely(total - (unsigned)sizeof(struct rte_ipv4_hdr) !=
		     rte_be_to_cpu_16(load16(frame + FRAME4_UDP + 4))))
		return false;
	len = total - (unsigned)(FRAME4_PAYLOAD - FRAME4_IP);
	csum = load16(frame + FRAME4_UDP + 6);
	in = &turn->streams[number];
	if (unlikely(total < FRAME4_PAYLOAD - FRAME4_IP + 12) || unlikely(csum == 0))
		return false;
	/* Where it may be too much the stage decides. */
	if (unlikely(in->credit_bytes < len + POLICE_HEADER_BYTES))
		return false;
	if (unlikely(!account_next(&turn->media, &in->rtp, header))) {
		if (!is_rtp(header, len))
			return false;
		account(&turn->media, in, (number - 1) & 1, header, len);
	}
	in->credit_bytes -= len + POLICE_HEADER_BYTES;
	in->last_seen_ns = turn->media.now_ns;
	in->rx_pkts++;
	in->rx_bytes += len;
	csum = csum_udp_step(csum, lane->csum_step);
	if (likely(tx_lane_is_good(&turn->tx, &lane->out, total))) {
		tx_lane_send(&turn->tx, m, frame, &lane->out, total, (uint16_t)middle, csum);
	} else {
		lane->key = 0;
		tx_relay4(turn->media.tx, m, out_flow(&in->out), (uint16_t)len, csum);
	}
	return true;
}

unsigned media_lane(const struct media_lane *lane, uint8_t port, struct rte_mbuf **pkts, unsigned n,
		    uint64_t now_ns, uint64_t *bytes)
{
	struct lane_turn turn = {
		.media = media_turn(lane->media, lane->tx, NULL, now_ns),
		.streams = (struct stream_hot *)(void *)lane->media->hot->records - 1,
		.mac = neigh_mac_load(lane->ports->port[port].mac),
		.tx = tx_lanes(lane->tx),
		.key = stream_lane_key(port),
	};
	const struct media_slot *slot = NULL;
	uint32_t found[LANE_PKTS_MAX], dst = 0;
	uint64_t total = 0;
	unsigned left = 0;

	for (unsigned i = 0; i < n && i < FETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkts[i], const uint8_t *);

		if (i + FETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + FETCH_AHEAD], void *));
		if (unlikely(load32(frame + FRAME4_DST) != dst) || unlikely(!slot)) {
			dst = load32(frame + FRAME4_DST);
			slot = slot_find(lane, port, dst);
		}
		found[i] = lane_find(slot, frame);
		rte_prefetch0(&lane->media->lanes[found[i]]);
		rte_prefetch0(&turn.streams[found[i]].rtp);
	}
	for (unsigned i = 0; i < n; i++) {
		total += rte_pktmbuf_pkt_len(pkts[i]);
		if (unlikely(!lane_relay(&turn, pkts[i], found[i])))
			pkts[left++] = pkts[i];
	}
	*bytes += total;
	return left;
}
