/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of TCP and SCTP a source may send towards the kernel: packets, and attempts to connect.
 * Fixed memory: who has not been heard for longest is forgotten for a new one, and all attempts
 * together have a limit of their own, so that invented sources gain nothing. An IPv6 source is its
 * /64. One worker thread; libc only. */
#pragma once

#include "common/base/hash.h"
#include "common/net/addr.h"

#define PUNT_SETS      1024u
#define PUNT_WAYS      4u
#define PUNT_NEW_PER_S 10000u /* of all sources of a worker */

/* Each bucket is the time at which it will be empty again; it holds what a second may bring. */
struct punt_source {
	uint64_t key; /* 0: free */
	uint64_t pkts_ns;
	uint64_t new_ns;
	uint64_t pad;
};

struct punt_limit {
	struct hash_key hash;
	uint64_t new_ns;
	struct punt_source sources[PUNT_SETS][PUNT_WAYS];
};

/* One packet of a source in a realm; `is_new`: it begins a connection. Whether it may pass. */
bool punt_limit_pass(struct punt_limit *limit, uint64_t now_ns, uint8_t realm, uint8_t family,
		     const struct net_addr *source, bool is_new, uint32_t new_per_s,
		     uint32_t pkts_per_s);
