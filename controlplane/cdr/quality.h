/* SPDX-License-Identifier: BSD-3-Clause */
/* A side's media quality as JSON, with the opinion score that follows from it. limen-controlplane,
 * any thread. */
#pragma once

#include "common/base/cursor.h"
#include "common/ipc/ipc_msg.h"

/* How a listener is likely to rate speech that one side sent, by the E-model (ITU-T G.107 with its
 * defaults, G.113 for the codec), 1..4.5; 0: it is no speech, nothing came, or the codec has no
 * figures. `back`: what the other side sent; its round trip is the rest of the way. `far`: with the
 * loss that the other side's peer reports, instead of what limen saw.
 *
 * Delay, one way: a packet of 20 ms, the coder's frame, a playout buffer of twice the jitter, and
 * half of both round trips. */
double quality_mos(const struct ipc_media_quality *quality, const struct ipc_media_quality *back,
		   bool far);

/* Both sides of one or more sections: an array of two objects. */
void put_media_pair(struct cursor *out, const struct ipc_media_quality media[2]);

/* One side's. */
void put_media_quality(struct cursor *out, const struct ipc_media_quality *quality,
		       const struct ipc_media_quality *back);

/* "streams": an array with such a pair for each section; nothing for none. */
void put_media_streams(struct cursor *out, const struct ipc_stream_quality *streams, unsigned n);
