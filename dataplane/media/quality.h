/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of a stream's quality besides its own packets: reports of RTCP that pass, and what
 * limen itself adds. Private to dataplane/media; libc only. One worker thread. */
#pragma once

#include "dataplane/media/stream.h"

/* What a payload type of the stream from `side` means: as the far peer's SDP says, who receives it
 * (RFC 3264 section 5.1), else as the sender's own does, else as a static one. An rtp_type_of: arg
 * is the struct quality_side. */
struct quality_side {
	const struct stream_pair_cold *cold;
	enum stream_side side;
};
struct codec_format quality_type_of(const void *arg, uint8_t payload_type);

/* Account a packet that is not the next one of its stream. */
void quality_account(struct media *media, uint64_t now_ns, struct stream_hot *in,
		     enum stream_side side, const uint8_t *pkt, uint32_t len);

/* RTCP in the clear that came from `side` and is on its way to the other. */
void quality_rtcp(struct media *media, uint64_t now_ns, struct stream_pair *pair,
		  enum stream_side side, const uint8_t *pkt, uint32_t len);
