/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two ways through the media stage share: plain (media_stage.c) and SRTP (media_secure.c).
 * Private to dataplane/media. Worker threads. */
#pragma once

#include "dataplane/io/csum.h"
#include "dataplane/media/latch.h"
#include "dataplane/media/police.h"
#include "dataplane/media/quality.h"
#include "dataplane/media/stream.h"
#include "dataplane/tx/tx.h"

#include <rte_branch_prediction.h>

/* What is the same for all packets of a call of the stage. */
struct media_turn {
	struct media *media;
	struct tx *tx;
	struct drops *drops;
	uint64_t now_ns;
	uint32_t arrival_8k; /* now in units of the clock that nearly all payload types have */
};

static inline struct media_turn media_turn(struct media *media, struct tx *tx, struct drops *drops,
					   uint64_t now_ns)
{
	return (struct media_turn){
		.media = media,
		.tx = tx,
		.drops = drops,
		.now_ns = now_ns,
		.arrival_8k = rtp_arrival(now_ns, 8000),
	};
}

static inline struct tx_flow *out_flow(struct stream_out *out)
{
	return (struct tx_flow *)out;
}

/* The pair that a stream is half of. */
static inline struct stream_pair *stream_pair_of(struct stream_hot *in, enum stream_side side)
{
	return (struct stream_pair *)(void *)(in - side);
}

/* Who sends what no call wants. */
static inline void stranger_note(struct media *media, const struct pkt *p)
{
	media->strangers++;
	media->stranger = (struct net_endpoint){
		.addr = p->src, .port = p->src_port, .family = p->family};
}

/* Dropped, and counted for the call as well: these are what an operator looks for when somebody
 * hears nothing. */
static inline void stream_drop(const struct media_turn *turn, struct rte_mbuf *m,
			       const struct stream_hot *in, enum stream_side side,
			       enum drop_reason reason)
{
	uint32_t *dropped = &stream_cold(turn->media, in)->side[side].dropped_pkts;

	*dropped += *dropped < UINT32_MAX;
	if (reason == DROP_MEDIA_SOURCE)
		stranger_note(turn->media, pkt_of(m));
	pkt_drop(turn->drops, m, reason);
}

/* Leave only the UDP payload. False when the packet's segments do not allow it. */
static inline bool strip(struct rte_mbuf *m, const struct pkt *p)
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

static inline struct net_endpoint pkt_source(const struct pkt *p)
{
	return (struct net_endpoint){.addr = p->src, .port = p->src_port, .family = p->family};
}

static inline bool is_from_source(const struct stream_hot *in, const struct pkt *p)
{
	uint64_t have[2], want[2];

	memcpy(have, p->src.ip, sizeof(have));
	memcpy(want, in->source.ip, sizeof(want));
	return ((have[0] ^ want[0]) | (have[1] ^ want[1]) |
		(uint64_t)(p->src_port ^ in->source_port)) == 0;
}

/* Why a packet from the right source goes nowhere. */
static inline enum drop_reason held_reason(uint16_t flags)
{
	if (!(flags & STREAM_MAY_SEND))
		return DROP_MEDIA_HOLD;
	return flags & STREAM_FAR_KNOWN ? DROP_MEDIA_HOLD : DROP_MEDIA_NO_PEER;
}

/* `look`: bytes of the packet that lie at `header`. */
static inline void account(const struct media_turn *turn, struct stream_hot *in,
			   enum stream_side side, const uint8_t *header, uint32_t look)
{
	uint32_t arrival = turn->arrival_8k;

	if (unlikely(in->rtp.clock_hz != 8000))
		arrival = rtp_arrival(turn->now_ns, in->rtp.clock_hz);
	if (unlikely(!rtp_rx_account_next(&in->rtp, header, arrival)))
		quality_account(turn->media, turn->now_ns, in, side, header, look);
}

/* Other numbers for the packet's sources, of which `header` holds at least the fixed part and the
 * CSRCs. What the sum of the payload is then, of `sum` before. */
static inline uint32_t rtp_mask(uint8_t *header, uint32_t mask, uint32_t sum)
{
	uint32_t bytes = 4 + 4u * (header[0] & 0x0f);
	uint16_t before = csum_fold(csum_words(header + 8, bytes));
	const uint8_t key[4] = {(uint8_t)(mask >> 24), (uint8_t)(mask >> 16),
				(uint8_t)(mask >> 8), (uint8_t)mask};

	for (uint32_t i = 0; i < bytes; i++)
		header[8 + i] ^= key[i & 3];
	if (sum == TX_SUM_UNKNOWN)
		return sum;
	return csum_fold(sum + (uint64_t)(uint16_t)~before + csum_words(header + 8, bytes));
}

/* RTP without CSRCs and extension, of a payload type that is none of RTCP's (64 to 95, RFC 5761
 * section 4): no more to be checked of its header. */
static inline bool rtp_header_is_plain(const uint8_t *header, unsigned len)
{
	return len >= 12 && (header[0] & 0xdf) == 0x80 && (header[1] & 0x60) != 0x40;
}

/* A packet that waits for the others of its vector, which are SRTP too. */
struct secured_pkt {
	struct rte_mbuf *m;
	struct stream_hot *in;
	enum stream_side side; /* that it came from */
};

/* RTP of pairs that are SRTP on one side or both, in the order in which it came; n is at most 32.
 * Takes the packets. */
void relay_secured(const struct media_turn *turn, const struct secured_pkt *pkts, unsigned n);

/* RTCP that lies whole in the first segment and came by a side with keys, opened in place; false:
 * dropped. */
bool rtcp_open(const struct media_turn *turn, struct rte_mbuf *m, struct stream_hot *in,
	       enum stream_side side);
/* RTCP on its way to that side's peer, its data the payload alone, sealed where the side has keys;
 * false: dropped. */
bool rtcp_seal(const struct media_turn *turn, struct rte_mbuf *m, const struct stream_hot *in,
	       enum stream_side to);
