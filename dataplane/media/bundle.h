/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles (RFC 8843): several m= sections of one side on one port of limen's, told apart packet by
 * packet. Private to dataplane/media; one worker thread; libc only. */
#pragma once

#include "dataplane/media/stream.h"

#define BUNDLE_SSRCS 24u

/* A side's bundle, in the slab "media_bundle". Sections are numbered as the engine has them. */
struct stream_bundle {
	uint64_t carrier;  /* handle of the pair whose port takes and gives all packets */
	uint32_t pair[STREAM_BUNDLE_MAX]; /* by section: 0, or 1 + index of the pair's record */
	uint32_t ssrc[BUNDLE_SSRCS];      /* of whom is known where they belong */
	uint8_t ssrc_section[BUNDLE_SSRCS];
	uint8_t nssrcs;
	uint8_t next_ssrc; /* to be forgotten when there is no room */
	uint8_t side;
	uint8_t tag;	   /* section named first in the group */
	uint8_t mid_ext;   /* id of the header extension with the mid (RFC 8843 section 15); 0 */
	uint8_t mid_len[STREAM_BUNDLE_MAX];
	uint8_t pad[3];
	char mid[STREAM_BUNDLE_MAX][STREAM_MID_MAX];
};
_Static_assert(sizeof(struct stream_bundle) % 8 == 0, "slab record");

/* The stream of the section that a packet belongs to which came from `source` by the port of one of
 * a bundle (RFC 8843 section 9.2). NULL: of none that is known, or from a wrong source; `*known`
 * says which. `header`: `look` bytes of RTP, as many as can be read and 12 at least. */
struct stream_hot *bundle_find(struct media *media, uint64_t now_ns, struct stream_hot *in,
			       enum stream_side side, const struct net_endpoint *source,
			       const uint8_t *header, uint32_t look, bool *known);
/* The same of RTCP, which is valid. */
struct stream_hot *bundle_find_rtcp(struct media *media, uint64_t now_ns, struct stream_hot *in,
				    enum stream_side side, const struct net_endpoint *source,
				    const uint8_t *pkt, uint32_t len);

/* Out of the side's bundle, if the pair is in one: it has a port of its own again. */
void bundle_leave(struct media *media, struct stream_pair *pair, enum stream_side side);

/* Bundles of an arena that was taken over: what does not fit is taken apart. After the pairs. */
void bundle_restore(struct media *media);
