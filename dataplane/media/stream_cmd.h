/* SPDX-License-Identifier: BSD-3-Clause */
/* What SIP asks of media: open, steer and close the stream pair of one m= section of a call. A pair
 * is two streams back to back: what arrives at side A's local port leaves from side B's, and the
 * other way round. State lies in the worker's arena; nothing here touches a packet. Owned by one
 * worker thread; libc only, so that the engine runs the same under a fuzzer and in the
 * simulator. */
#pragma once

#include "common/net/addr.h"
#include "common/rtp/rtp.h"
#include "common/rtp/secure.h"
#include "common/sdp/sdp_formats.h"
#include "dataplane/store/arena.h"

struct media; /* one worker's streams and port pools */

enum stream_side { SIDE_A = 0, SIDE_B = 1 };

/* How the source of a side's packets is fixed. */
enum stream_source {
	SOURCE_PIN = 0, /* the SDP's address and port, nothing else */
	SOURCE_LEARN, /* behind NAT: the first valid packet's address, once for each new SDP of that
			 peer */
};

/* Which of limen's addresses a side uses. */
struct stream_local {
	uint8_t realm;
	uint8_t family; /* enum net_family */
};

/* Where a side's peer wants its media, from its SDP. */
struct stream_remote {
	struct net_endpoint rtp;  /* family NET_NONE: nothing is sent there (hold, refused) */
	struct net_endpoint rtcp;
	uint8_t source;           /* enum stream_source */
	bool rtcp_mux;
	bool may_send;            /* the peer may send RTP: else its RTP is dropped; RTCP goes on */
	bool may_receive;         /* RTP is sent to the peer */
	bool hide_ssrc;		  /* the other side sees its SSRCs by other numbers */
	uint16_t police_burst_ms; /* what it sends is held to what was negotiated, with that burst;
				     0: it is not */
	uint16_t police_headroom_percent; /* above it */
	const struct sdp_formats *formats; /* what its SDP says of its payload types; NULL: as
					      before. Copied */
};

/* What one side's peer sent, from its first packet on. */
struct stream_stats {
	uint64_t rx_pkts;       /* accepted and relayed to the other side */
	uint64_t rx_bytes;      /* UDP payload */
	uint64_t rtcp_pkts;
	uint64_t dropped_pkts;	/* arrived for this side but not relayed: wrong source, not RTP, on
				   hold, policed */
	uint64_t last_seen_ns;  /* 0: never */
	/* By RTP's sequence numbers, over all ssrcs (RFC 3550 A.3). */
	uint32_t expected_pkts;
	uint32_t lost_pkts;
	uint32_t out_of_order_pkts; /* came behind a later one */
	uint32_t duplicate_pkts;    /* came again: not among the expected */
	uint32_t loss_runs;
	uint32_t loss_run_max;
	uint32_t restarts; /* other ssrcs, and sequences that began anew */
	uint32_t jitter_us;
	uint32_t jitter_max_us;
	uint32_t events; /* telephone-events (RFC 4733) */
	uint32_t policed_pkts; /* dropped: more than was negotiated */
	uint32_t delay_us;     /* limen's own, on average; 0: not measured */
	/* By RTCP: how the far peer hears it, and the way between this side's peer and limen. */
	uint32_t far_reports; /* 0: none came, and the next two say nothing */
	uint32_t far_lost_pkts;
	uint32_t far_jitter_us;
	uint32_t rtt_us; /* 0: not known */
	uint32_t rtt_max_us;
	uint8_t far_mos_x10; /* listening quality, XR VoIP metrics; 0: none came */
	uint8_t kind;	     /* enum sdp_kind */
	uint8_t codec;	     /* enum codec of `payload_type` */
	uint8_t payload_type; /* of speech or video, last seen */
	bool is_rtp;	      /* any RTP came */
	bool learned;           /* the source was learned, not taken from SDP */
	uint8_t srtp_suite;     /* enum secure_suite */
	struct net_endpoint source; /* in force */
};

/* Open a pair with an even RTP port and the odd RTCP port above it on each side, out of this
 * worker's slice. 0; -ENOSPC when a realm's ports are used up; -ENOMEM when the stream slab is;
 * -EAFNOSUPPORT when the realm has no address of that family. */
int stream_pair_open(struct media *media, uint64_t now_ns, struct stream_local a,
		     struct stream_local b, uint64_t *pair);

/* limen's own endpoints on a side. */
void stream_pair_local(const struct media *media, uint64_t pair, enum stream_side side,
		       struct net_endpoint *rtp, struct net_endpoint *rtcp);

/* Set or change what is known of a side's peer (each new offer or answer). */
void stream_pair_remote(struct media *media, uint64_t now_ns, uint64_t pair, enum stream_side side,
			const struct stream_remote *remote);

/* Make a side SRTP (RFC 3711), or plain again with NULL for both. `rx`: what its peer encrypts
 * with; `tx`: what limen does towards it. Keys are copied. A direction whose key is the one it has
 * goes on where it is; another key begins anew (RFC 3264 offers with new keys, RFC 4568
 * section 7.1.4). From then on nothing of that side is relayed that is not authentic. 0; -ENOMEM
 * when the keys' slab is full; -EINVAL for keys that are none. */
int stream_pair_secure(struct media *media, uint64_t pair, enum stream_side side,
		       const struct secure_key *rx, const struct secure_key *tx);

/* The peer of a side is one that another pair has known under the same key: its packets are counted
 * from there on, roll-over counters and all. Nothing where the key is another one. */
void stream_pair_go_on(struct media *media, uint64_t pair, enum stream_side side, uint64_t before,
		       enum stream_side side_before);

/* Sections of one side that share a port (RFC 8843). */
#define STREAM_BUNDLE_MAX 8u
#define STREAM_MID_MAX	  16u
struct stream_bundle_conf {
	uint64_t pair[STREAM_BUNDLE_MAX]; /* of all sections; HANDLE_NONE where there is none */
	struct span mid[STREAM_BUNDLE_MAX]; /* at most STREAM_MID_MAX */
	uint8_t members; /* a bit for each section */
	uint8_t tag;	 /* the one named first in the group */
	uint8_t mid_ext; /* id of the header extension that carries the mid; 0: there is none */
};

/* Bundle a side's sections, or change its bundle, or with no members take it apart: what comes by
 * any of their ports is told apart packet by packet, what goes to that peer leaves by one port,
 * which stays the same as long as the bundle lives. 0; -ENOMEM; -EINVAL for sections that are on
 * different addresses. */
int stream_bundle_set(struct media *media, enum stream_side side,
		      const struct stream_bundle_conf *conf);
bool stream_is_bundled(const struct media *media, uint64_t pair, enum stream_side side);
/* The bundle that a pair is in on that side; false: none. The mids live until the next change. */
bool stream_bundle_get(const struct media *media, uint64_t pair, enum stream_side side,
		       struct stream_bundle_conf *conf);

/* Latest time an accepted packet (RTP or RTCP) came from either side, or a side's SDP; the time of
 * opening where none came. */
uint64_t stream_pair_last_seen_ns(const struct media *media, uint64_t pair);

/* The same of one side alone. */
uint64_t stream_side_last_seen_ns(const struct media *media, uint64_t pair, enum stream_side side);
/* Whether both sides may send and receive: else it is held, or a one-way one, and silence of a side
 * says nothing. */
bool stream_pair_is_both_ways(const struct media *media, uint64_t pair);

/* What the SSRCs of `side`'s peer are XORed with for the other side while hide_ssrc is said of it.
 * The same for the pair's life, never 0. */
uint32_t stream_pair_ssrc_mask(const struct media *media, uint64_t pair, enum stream_side side);

/* The owner of a pair, whatever that is to the caller; 0 at first. */
void stream_pair_own(struct media *media, uint64_t pair, uint64_t owner);

/* Owners of pairs of which packets were dropped because they were more than what was negotiated,
 * once for each side. False: there are none (any more). */
bool stream_has_policed(const struct media *media);
bool stream_next_policed(struct media *media, uint64_t *owner);

/* Packets so far for media ports that were of no call, or from a source that its call does not
 * know, and where the last one came from. */
uint64_t stream_strangers(const struct media *media, struct net_endpoint *source);

void stream_pair_stats(const struct media *media, uint64_t pair, enum stream_side side,
		       struct stream_stats *stats);

/* Stop relaying at once; the ports return to the pool after a delay, so that late packets hit
 * nobody else. */
void stream_pair_close(struct media *media, uint64_t now_ns, uint64_t pair);

uint32_t stream_pairs_open(const struct media *media);
