/* SPDX-License-Identifier: BSD-3-Clause */
/* A side sends no more than what was negotiated: a token bucket that looks at the clock only when
 * its credit is used up. Private to dataplane/media; libc only. One worker thread. */
#pragma once

#include "dataplane/media/stream.h"

/* The rate anew, after another SDP of either side. */
void police_update(const struct media *media, uint64_t now_ns, struct stream_pair *pair);

/* The credit does not cover this packet. True: now it does, and is spent. */
bool police_refill(struct media *media, uint64_t now_ns, struct stream_hot *in,
		   enum stream_side side, uint32_t bytes);

/* IPv4 and UDP headers; what more IPv6's take is in the rate. */
#define POLICE_HEADER_BYTES 28u

/* A packet of that much payload; false: it is more than may come, and counted. */
static inline bool police_pass(struct media *media, uint64_t now_ns, struct stream_hot *in,
			       enum stream_side side, uint32_t payload_bytes)
{
	uint32_t bytes = payload_bytes + POLICE_HEADER_BYTES;

	if (in->credit_bytes >= bytes) {
		in->credit_bytes -= bytes;
		return true;
	}
	return police_refill(media, now_ns, in, side, bytes);
}
