/* SPDX-License-Identifier: BSD-3-Clause */
/* What a codec plan leaves of the formats of one m= section (RFC 3264, RFC 8866 section 5.14). Both
 * processes, any thread. */
#pragma once

#include "common/sdp/codec_plan.h"
#include "common/sdp/sdp.h"

struct sdp_line;

struct sdp_codecs {
	uint64_t kept[2];     /* payload types, a bit each */
	uint8_t n;	      /* 0: nothing is left */
	uint8_t formats[128]; /* in the order to be written */
	uint8_t ptime_ms;     /* to be written; 0: as it came */
	uint8_t maxptime_ms;
	bool companions_only; /* events, comfort noise and repair, with nothing to accompany */
};

/* Choose from a section that is written for `side`. Events (RFC 4733) and comfort noise go where no
 * codec of their clock rate stays; repair (RFC 2198, RFC 4588) where what it repairs goes; allow
 * lists need not name them. `answer`: a format that has no rtpmap counts as one that was offered
 * with it. False for a section that codec plans are not about: not RTP, or with formats that are no
 * payload types; *out is not written then. */
bool sdp_codecs_choose(struct span plan, unsigned side, const struct sdp_media *media, bool answer,
		       struct sdp_codecs *out);

/* Whether a line of the section stays: not one that is about a format that went, or that is written
 * anew. */
bool sdp_codecs_keep(const struct sdp_codecs *codecs, const struct sdp_line *line);
/* " 8 0 101", and the lines that are written anew. */
void put_sdp_formats(struct cursor *out, const struct sdp_codecs *codecs);
void put_sdp_ptime(struct cursor *out, const struct sdp_codecs *codecs);
