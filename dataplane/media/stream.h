/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream records and the table that finds them: what the parts of dataplane/media share. Private to
 * dataplane/media; owned by one worker thread; libc only. */
#pragma once

#include "common/rtp/rtp.h"
#include "common/rtp/secure.h"
#include "common/sdp/sdp_formats.h"
#include "dataplane/media/media.h"
#include "dataplane/media/ports.h"
#include "dataplane/tx/lane.h"

/* How a direction's packets leave. The fields of struct tx_flow (dataplane/tx/tx.h, which needs
 * DPDK), so that the send stage keeps its note of the next hop right here; media_stage.c asserts
 * that they are. */
struct stream_out {
	uint8_t realm;
	uint8_t family;
	uint8_t dscp;
	uint8_t pad;
	uint32_t neigh; /* the send stage's; 0 after each change of dst */
	struct net_endpoint src;
	struct net_endpoint dst;
};

/* "The sender" is the peer whose packets arrive by this stream, "the far peer" where they go. */
enum stream_flag {
	STREAM_MAY_SEND = 1 << 0,     /* the sender's direction allows RTP */
	STREAM_FAR_RECEIVES = 1 << 1, /* so does the far peer's */
	STREAM_FAR_KNOWN = 1 << 2,    /* out.dst is set */
	STREAM_MUX = 1 << 3,          /* the sender multiplexes RTCP on its RTP port (RFC 5761) */
	STREAM_FAR_MUX = 1 << 4,      /* the far peer does */
	STREAM_LEARN = 1 << 5,        /* the source is to be decided: each packet goes by latch.c */
	STREAM_LEARNED = 1 << 6,      /* the source in force was learned */
	STREAM_SECURE = 1 << 7,       /* one of the two sides is SRTP: by the long way */
	STREAM_MASKED = 1 << 8,       /* the sender's SSRCs are hidden: each packet is changed */
	STREAM_RAW = 1 << 9,          /* no RTP: T.38's UDPTL is relayed as it comes */
	STREAM_DTLS = 1 << 10,        /* DTLS comes among the RTP (RFC 7983) */
	STREAM_BUNDLED = 1 << 11,     /* by this port come other sections as well: bundle.h */
};
/* What the short way cannot do. */
#define STREAM_LONG_WAY                                                                            \
	(STREAM_LEARN | STREAM_SECURE | STREAM_MASKED | STREAM_RAW | STREAM_BUNDLED)
#define STREAM_RELAYS (STREAM_MAY_SEND | STREAM_FAR_RECEIVES | STREAM_FAR_KNOWN)

/* One direction, what each of its packets touches. Where it goes and may come from lies in the
 * first line, what is counted in the second: the first is only read while a call is settled. */
struct stream_hot {
	struct stream_out out;    /* RTP to the far peer */
	struct net_addr source;   /* in force: where the sender's RTP must come from */
	struct rtp_rx_stats rtp;
	uint32_t credit_bytes;    /* that may still come before police.c looks at the clock */
	uint64_t rx_pkts;
	uint64_t rx_bytes;
	uint64_t last_seen_ns;
	uint16_t source_port;     /* 0: no source is known */
	uint16_t flags;           /* enum stream_flag */
	uint32_t cold;            /* index of the pair's cold record */
};
_Static_assert(sizeof(struct stream_hot) == 128, "two cache lines");
_Static_assert(offsetof(struct stream_hot, rtp) == 64, "what is written begins the second line");

/* What a packet of a settled stream looks like, and what becomes of it: noted when one has gone the
 * long way through classify, media and tx, which found nothing amiss; what comes after it and looks
 * the same goes by lane.c. Not in the arena: a new process settles its streams again. */
struct stream_lane {
	struct tx_lane out;
	uint64_t addrs; /* as they come, memory order */
	uint32_t ports;
	uint16_t csum_step; /* from the UDP checksum that comes to the one that is sent */
	uint16_t key;	    /* stream_lane_key; 0: closed, the rest is void */
};
_Static_assert(sizeof(struct stream_lane) == 64, "a cache line");

/* A pair's record in the slab "media_hot": the handle that SIP holds names it. Indexed by the side
 * that packets come from. */
struct stream_pair {
	struct stream_hot from[2];
};

/* RTP and RTCP come from one address: the source in force of whichever was decided last. */
enum stream_cold_flag {
	COLD_RTCP_LEARN = 1 << 0,   /* the RTCP source is still to be decided */
	COLD_RTCP_LEARNED = 1 << 1, /* the RTCP source in force was learned */
	COLD_RTP_DECIDED = 1 << 2,  /* the last decision since the last SDP was on RTP */
	COLD_RTCP_DECIDED = 1 << 3, /* it was on RTCP */
};

/* A time that went by in RTCP: what comes back of it tells how long the round took. */
struct stream_mark {
	uint32_t at_us; /* turns round after 71 minutes */
	uint32_t mark; /* 0: none */
};
#define STREAM_MARKS 4u

/* What a side's RTCP says of the other side's stream, as its peer hears it, and of the way to that
 * peer. */
struct stream_reports {
	struct stream_mark marks[STREAM_MARKS]; /* that its peer sent, the last ones */
	uint32_t nreports;
	uint32_t ssrc;		/* that the last report was about */
	uint32_t lost_pkts;	/* of that ssrc */
	uint32_t lost_before;	/* of earlier ones */
	uint32_t jitter_us;
	uint32_t jitter_max_us;
	uint32_t rtt_us;	/* between limen and the peer; 0: not known */
	uint32_t rtt_max_us;
	uint8_t mos_lq_x10;	/* XR VoIP metrics; 0: none came */
	uint8_t mos_cq_x10;
	uint8_t next_mark;
	uint8_t pad;
};

/* How much may come from a side. */
struct stream_police {
	uint64_t refilled_ns;
	uint32_t bytes_per_s;	/* 0: as much as it likes */
	uint32_t burst_bytes;
	uint32_t policed_pkts;	/* dropped */
	uint16_t headroom_percent;
	uint16_t burst_ms;	/* 0: nothing is policed */
};

/* One side of a pair, what few packets touch. */
struct stream_side_cold {
	struct stream_out rtcp_out;       /* RTCP to this side's peer, unless it multiplexes */
	struct net_endpoint rtp_sdp;      /* where the peer's SDP wants RTP */
	struct net_endpoint rtcp_sdp;
	/* In force, for a peer that does not multiplex; family NET_NONE: none is known. */
	struct net_endpoint rtcp_source;
	uint32_t secure;                  /* 0, or 1 + index of the side's keys: the side is SRTP */
	uint32_t bundle;                  /* 0, or 1 + index of the side's bundle */
	uint32_t pad2;
	uint64_t remote_set_ns;           /* time of the last SDP */
	uint64_t learn_until_ns;
	struct rtp_rx_rare rare;	  /* of what the peer sends */
	struct stream_reports reports;
	struct stream_police police;
	struct sdp_formats formats;	  /* of the peer's SDP */
	uint64_t delay_sum_ns;		  /* limen's own, at the peer's RTCP */
	uint32_t rtcp_pkts;
	uint32_t dropped_pkts;		  /* at most UINT32_MAX */
	uint32_t ssrc_mask;		  /* the peer's SSRCs are XORed with it; 0: shown */
	uint16_t port_pair;               /* of the slot's pool */
	uint8_t flags;                    /* enum stream_cold_flag */
	uint8_t pad;
};

/* A pair's record in the slab "media_cold". */
struct stream_pair_cold {
	uint64_t pair; /* handle of the hot record */
	uint64_t owner; /* the engine's call */
	uint64_t since_ns; /* silence counts from here: opening, or takeover of the arena */
	struct stream_side_cold side[2];
};
_Static_assert(sizeof(struct stream_pair_cold) <= 824, "most of what a call takes of the arena");

/* The keys of a side that is SRTP, in the slab "media_secure". */
struct stream_secure {
	uint64_t pair; /* handle of the hot record */
	uint64_t side;
	struct secure_dir rx; /* what its peer sends */
	struct secure_dir tx; /* what is sent to it */
};

/* One local address: realm and family. */
struct media_slot {
	/* By port pair: 0, or 1 + 2 * index of the pair's record + side that packets come from.
	 * NULL: the realm has no such address. */
	uint32_t *streams;
	uint32_t nports;     /* of this worker, twice the number of pairs */
	uint16_t first_port; /* even */
	uint8_t dscp;
	uint8_t family;
	struct net_addr addr;
	struct port_pool ports;
};

#define MEDIA_POLICED_MAX 16u

struct media {
	struct slab *hot;  /* struct stream_pair; borrowed from the arena, as is cold */
	struct slab *cold; /* struct stream_pair_cold */
	struct slab *secure; /* struct stream_secure */
	struct slab *bundles; /* struct stream_bundle */
	/* Owner; numbered as in media_slot.streams, so the first is void. */
	struct stream_lane *lanes;
	struct secure_engine *engine; /* borrowed; NULL: none, nothing of SRTP is relayed */
	uint64_t secure_epoch;
	/* Indexes of keys that were freed: the engine is told to forget them before it meets the
	 * next packet. */
	uint32_t *forgotten;
	bool *is_forgotten; /* by index: it is among them */
	uint32_t nforgotten;
	unsigned nslots;
	struct media_slot *slots; /* owner; 2 * realm + (1 for IPv6) */
	uint64_t port_reuse_ns;
	uint64_t learn_ns;
	uint32_t delay_ns; /* limen's own, of the burst before */
	struct hash_key seed;
	/* Pairs of which the engine has not heard that something of them was policed. */
	uint64_t policed[MEDIA_POLICED_MAX];
	unsigned npoliced;
	uint64_t strangers; /* packets of no call, or of a wrong source */
	struct net_endpoint stranger; /* where the last one came from */
	struct media_stats stats;
};

static inline unsigned media_slot_of(uint8_t realm, uint8_t family)
{
	return 2u * realm + (family == NET_IP6);
}

/* Number of the slot of a side's local address. */
static inline unsigned stream_slot(const struct stream_side_cold *side)
{
	return media_slot_of(side->rtcp_out.realm, side->rtcp_out.family);
}

static inline struct stream_pair_cold *stream_cold(const struct media *media,
						   const struct stream_hot *from)
{
	return slab_at(media->cold, from->cold);
}

static inline struct stream_lane *stream_lane(const struct media *media,
					      const struct stream_hot *from)
{
	return &media->lanes[1 + (from - (const struct stream_hot *)media->hot->records)];
}

/* Of a lane that packets use which come by that port. */
static inline uint16_t stream_lane_key(uint8_t port)
{
	return (uint16_t)(port + 1);
}

/* For each change of a stream: its next packet goes the long way. */
static inline void stream_unsettle(const struct media *media, const struct stream_hot *from)
{
	stream_lane(media, from)->key = 0;
}

/* A side's keys; NULL: it is not SRTP. */
static inline struct stream_secure *stream_secure(const struct media *media,
						  const struct stream_side_cold *side)
{
	return side->secure ? slab_at(media->secure, side->secure - 1) : NULL;
}

/* What the engine calls the two directions of a side's keys. */
static inline uint32_t stream_secure_rx(const struct stream_side_cold *side)
{
	return 2 * (side->secure - 1) + 1;
}
static inline uint32_t stream_secure_tx(const struct stream_side_cold *side)
{
	return 2 * (side->secure - 1);
}

/* A side's own RTP port; RTCP's is the next. */
static inline uint16_t stream_local_port(const struct media_slot *slot, uint32_t port_pair)
{
	return (uint16_t)(slot->first_port + 2 * port_pair);
}

/* The address as an endpoint of limen's. */
static inline struct net_endpoint media_slot_endpoint(const struct media_slot *slot, uint16_t port)
{
	return (struct net_endpoint){.addr = slot->addr, .port = port, .family = slot->family};
}

/* Send to an address from now on; the next hop of another one is of no use. */
static inline void stream_out_to(struct stream_out *out, const struct net_endpoint *dst)
{
	if (net_endpoint_eq(&out->dst, dst))
		return;
	out->dst = *dst;
	out->neigh = 0;
}
