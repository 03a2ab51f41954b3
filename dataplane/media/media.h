/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's streams and port pools: made at start, asked through stream_cmd.h by SIP, walked by
 * media_stage. Owned by one worker thread; libc only. */
#pragma once

#include "common/base/hash.h"
#include "dataplane/media/stream_cmd.h"

/* A port pair rests this long after its stream was closed: a peer that missed the BYE still sends
 * meanwhile. */
#define MEDIA_PORT_REUSE_NS 5000000000ull
/* A source can be learned this long after the later of the two sides' SDPs: as long as a call may
 * ring (RFC 3261 timer C). */
#define MEDIA_LEARN_NS 180000000000ull
/* A source that was in force before a new SDP and still sends this long after it is the one that
 * stays. */
#define MEDIA_SETTLE_NS 1000000000ull

/* limen's addresses for media in a realm. */
struct media_realm {
	struct net_addr ip4, ip6;
	bool has_ip4, has_ip6;
	uint8_t dscp;             /* of packets that leave by this realm */
	uint16_t port_low;        /* even */
	uint16_t port_high;       /* odd, inclusive */
};

struct media_conf {
	unsigned worker;
	unsigned nworkers;
	unsigned nrealms; /* at most 256 */
	const struct media_realm *realms; /* borrowed during media_new only */
	uint32_t max_pairs;
	uint64_t port_reuse_ns; /* 0: MEDIA_PORT_REUSE_NS */
	uint64_t learn_ns;      /* 0: MEDIA_LEARN_NS */
	struct hash_key seed;   /* order of ports, names in RTCP: from the kernel in a worker */
};

/* The worker that owns a port of a realm's range, 0..nworkers-1; nworkers for a port outside it.
 * Each worker has one run of even-odd pairs, all of the same length give or take one. Pure; any
 * thread. */
unsigned media_port_owner(uint16_t low, uint16_t high, unsigned nworkers, uint16_t port);

/* Slabs that media keeps in an arena: appended to defs, the new count returned. */
unsigned media_slab_defs(struct arena_slab_def *defs, unsigned ndefs, uint32_t max_pairs);

/* Streams on an opened arena whose media slabs begin at `first_slab`. Pairs alive in an arena that
 * was taken over relay again, with their ports; those that the configuration has no address for any
 * more are freed. NULL when there is no memory, or the configuration is not one (port ranges). */
struct media *media_new(const struct media_conf *conf, struct arena *arena, unsigned first_slab,
			uint64_t now_ns);
void media_free(struct media *media);

/* Directions of SRTP that a worker's streams may have keys for: the engine's `ndirs`. */
uint32_t media_secure_dirs(const struct media *media);
/* Who does SRTP (dataplane/media/srtp.h); borrowed. Without one nothing of SRTP is relayed. */
struct secure_engine;
/* How long the packets of the burst before were in limen. */
void media_set_delay(struct media *media, uint64_t ns);
void media_set_engine(struct media *media, struct secure_engine *engine);

/* Counters over all streams since the start. */
struct media_stats {
	uint64_t opened;
	uint64_t closed;
	uint64_t no_ports;       /* opens refused: a realm's ports were used up */
	uint64_t no_memory; /* opens refused: the slab was full, of streams or of SRTP's keys */
	uint64_t learned;        /* sources taken from a packet */
	uint64_t learn_expired;  /* windows that closed with nothing learned: at the packet after */
	uint32_t pairs;          /* open now */
	uint32_t ports_free;     /* pairs of ports at rest or free, over all realms */
};
void media_stats(const struct media *media, struct media_stats *stats);
