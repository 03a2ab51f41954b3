/* SPDX-License-Identifier: BSD-3-Clause */
/* What an m= section says of its payload formats: types, clocks, packet time and bandwidth. Both
 * processes, any thread. */
#pragma once

#include "common/rtp/codec.h"

struct sdp;
struct sdp_media;

#define SDP_TYPES_MAX 14u

enum sdp_kind {
	SDP_KIND_OTHER = 0,
	SDP_KIND_AUDIO,
	SDP_KIND_VIDEO,
	SDP_KIND_IMAGE, /* T.38 */
	SDP_KIND_TEXT,
	SDP_KINDS
};

/* By what the section's packets are told apart. */
enum sdp_proto {
	SDP_PROTO_OTHER = 0,
	SDP_PROTO_RTP,
	SDP_PROTO_SRTP,	 /* keys in SDP, or none that limen knows */
	SDP_PROTO_DTLS,	 /* SRTP with its keys by DTLS on the same port (RFC 5764) */
	SDP_PROTO_UDPTL, /* T.38, with DTLS or without (RFC 7345) */
};

/* No pointers: it lies in arenas. */
struct sdp_formats {
	uint32_t bandwidth_bps; /* b=TIAS (RFC 3890), else b=AS with the headers in it; 0: none */
	uint16_t ptime_ms;	/* a=ptime; 0: none */
	uint8_t with_headers;	/* bandwidth_bps is b=AS */
	uint8_t kind;		/* enum sdp_kind, by the section's type */
	uint8_t ntypes;		/* those behind the last that there is room for are left out */
	uint8_t proto;		/* enum sdp_proto */
	struct codec_format types[SDP_TYPES_MAX]; /* in the order of the m= line */
};
_Static_assert(sizeof(struct sdp_formats) == 80, "no padding: compared with memcmp");

void sdp_formats_read(const struct sdp *sdp, const struct sdp_media *media,
		      struct sdp_formats *formats);

/* NULL: the section does not list it. */
const struct codec_format *sdp_formats_type(const struct sdp_formats *formats, uint8_t payload_type);

/* The most that such a stream takes, in bits a second, IP and UDP headers in it: what its bandwidth
 * line allows, else what the hungriest of its formats takes. `ip_bytes`: of IP and UDP headers.
 * Never 0. */
uint64_t sdp_formats_rate(const struct sdp_formats *formats, unsigned ip_bytes);

const char *sdp_kind_name(unsigned kind); /* "audio", ... */
