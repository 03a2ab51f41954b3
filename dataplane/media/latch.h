/* SPDX-License-Identifier: BSD-3-Clause */
/* The source of a side's packets while it is not settled: pinned to the SDP, or learned once (RFC
 * 7362 section 4, RFC 4961). The slow path of the source check. Private to dataplane/media; libc
 * only. */
#pragma once

#include "dataplane/media/stream.h"

/* A new SDP of the peer of `side`: fix its source, or open the window in which it is learned. */
void latch_remote(struct media *media, uint64_t now_ns, struct stream_pair *pair,
		  enum stream_side side, const struct stream_remote *remote);

/* A valid packet whose source is not simply the one in force: whether it is accepted, with what
 * that changes. `rtcp`: RTCP of a peer that does not multiplex. */
bool latch_packet(struct media *media, uint64_t now_ns, struct stream_pair *pair,
		  enum stream_side side, bool rtcp, const struct net_endpoint *source);

/* The peer is where that of another pair is: sections of one bundle. */
void latch_follow(struct media *media, struct stream_pair *pair, enum stream_side side,
		  const struct stream_pair *leader);
