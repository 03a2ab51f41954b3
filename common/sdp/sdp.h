/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions (RFC 8866) as offer/answer (RFC 3264) needs them: parsed without copy into
 * slices, and rewritten for the other side of the border. Both processes, any thread; spans die
 * with the text. */
#pragma once

#include "common/base/cursor.h"
#include "common/net/addr.h"
#include "common/rtp/secure.h"

#define SDP_MEDIA_MAX 16u
#define SDP_BYTES_MAX 32768u

enum sdp_direction {
	SDP_SENDRECV = 0,
	SDP_SENDONLY,
	SDP_RECVONLY,
	SDP_INACTIVE,
};

/* One m= section. */
struct sdp_media {
	struct span type;    /* "audio", "video", "image", ... */
	struct span proto;   /* "RTP/AVP", "RTP/SAVP", "udptl", ... */
	struct span formats; /* what follows the proto, as it came */
	struct span lines;   /* all lines of the section, the m= line too */
	struct span mid;     /* a=mid (RFC 5888); may be empty */
	/* Where the peer wants media: c= (media's or session's) and port. Family NET_NONE for an
	 * address that is no literal unicast one, 0.0.0.0 and :: included. */
	struct net_endpoint rtp;
	/* a=rtcp (RFC 3605), or rtp's port + 1; rtp itself with rtcp-mux. */
	struct net_endpoint rtcp;
	/* The same as if rtcp-mux were not there: for when the other side declines it. */
	struct net_endpoint rtcp_apart;
	uint16_t port;       /* of the m= line: 0 means refused or disabled */
	uint16_t nports;     /* of "port/n"; 1 where none is given */
	uint8_t direction;   /* enum sdp_direction, media's or session's */
	bool rtcp_mux;
	bool hold_by_zero;   /* c= with 0.0.0.0 or :: (RFC 2543 hold) */
	bool has_connection; /* a c= of its own */
	bool bundle_only;    /* RFC 8843: offered without a port, to be had in the bundle alone */
	uint8_t mid_ext;     /* a=extmap: id of the header extension with the mid; 0: none */
};

struct sdp {
	struct span text;
	struct span origin;  /* value of o= */
	struct span session; /* the session-level lines */
	struct span connection; /* value of the session's c=; may be empty */
	struct span bundle;     /* mids of the first a=group:BUNDLE (RFC 8843); may be empty */
	bool names_hosts;    /* o=, a c= or an a=rtcp has a host name in it, no address */
	uint16_t nmedia;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/* 0; -EINVAL for text that is not a session description (why is set to a short static reason);
 * -E2BIG for more than SDP_MEDIA_MAX sections or SDP_BYTES_MAX bytes. */
int sdp_parse(struct sdp *sdp, struct span text, const char **why);

struct sdp_codecs;
/* What a transport says of encryption. */
enum sdp_security {
	SDP_SECURITY_OTHER = 0, /* it is not RTP */
	SDP_SECURITY_PLAIN,     /* RTP/AVP, RTP/AVPF, and RTP of any profile but those below */
	SDP_SECURITY_SDES,      /* RTP/SAVP, RTP/SAVPF (RFC 4568) */
	SDP_SECURITY_DTLS,      /* UDP/TLS/... (RFC 5764, RFC 7345) */
};
enum sdp_security sdp_security(struct span proto);

/* SRTP keys to be written (RFC 4568): a line for each suite. */
struct sdp_keys {
	uint32_t tag[SECURE_SUITES_MAX];
	uint8_t nsuites; /* 0: no line */
	uint8_t suites[SECURE_SUITES_MAX];
	uint8_t pad;
	uint8_t secret[SECURE_SECRET_BYTES]; /* what secure_key_make makes them of */
};

/* Sections that limen can take as one bundle: of the group, with RTP and RTCP on one port, in the
 * clear, active, and all else that its parts need. A bit for each, of the first `max`; `*tag` is the
 * one named first. 0: no bundle. */
unsigned sdp_bundle_members(const struct sdp *sdp, unsigned max, unsigned *tag);
/* The section, of those in `among`, that is named first in the group; the lowest where none is. */
unsigned sdp_bundle_first(const struct sdp *sdp, unsigned among);
/* Sections of these that say bundle-only are where the one named first is. */
void sdp_bundle_share(struct sdp *sdp, unsigned members, unsigned tag);

/* What limen offers in place of the peer's addresses in one m= section. */
struct sdp_anchor {
	struct net_endpoint rtp;  /* family NET_NONE: write the section with port 0 */
	struct net_endpoint rtcp; /* a=rtcp unless it is rtp's port + 1 or rtcp-mux stays */
	uint32_t ssrc_mask; /* numbers in a=ssrc and a=ssrc-group are XORed with it */
	struct span mid;  /* of a section in limen's bundle: written as its a=mid; else empty */
	uint8_t mid_ext;  /* of such a one: id of the header extension with it; 0: none */
	bool as_is; /* the section keeps the peer's own address and all of its attributes */
	const struct sdp_codecs *codecs; /* what stays of its formats (common/sdp/codecs.h); NULL:
					    all, as they came */
	uint8_t security; /* enum sdp_security of the transport to be written; OTHER: as it came */
	struct sdp_keys keys;
};

struct sdp_rewrite {
	uint64_t session_id;      /* limen's own o= */
	uint64_t session_version;
	struct net_endpoint self; /* address of o= and of the session's c= */
	uint16_t nanchors;        /* = sdp->nmedia */
	uint16_t bundle;	  /* sections of limen's bundle, a bit for each */
	uint16_t bundle_tag;	  /* the one to be named first */
	struct sdp_anchor anchors[SDP_MEDIA_MAX];
};

/* The section's direction with a hold by 0.0.0.0 taken in (RFC 3264 section 8.4: such a peer sends
 * at most). */
enum sdp_direction sdp_media_direction(const struct sdp_media *media);

/* Make an answer one to an offer of that many sections (RFC 3264 section 6), whose types are given:
 * sections that it lacks are added as refused, those that were offered without a port have none,
 * more than were offered are left out. 0, or -EINVAL where the types do not match in their order:
 * that is no answer to this offer. */
#define SDP_TYPE_BITS 4u
uint64_t sdp_types(const struct sdp *sdp);
int sdp_fit_answer(struct sdp *sdp, unsigned offered, uint64_t types);

/* Write the description for the other side: own o= (username "-"), c= and ports by the anchors, s=
 * "-". Dropped: i=, u=, e=, p=, k=, ICE (a=candidate, a=remote-candidates, a=end-of-candidates,
 * a=ice-*), a=rtcp (written anew where it is needed), other ways of naming addresses, persons and
 * products (a=source-filter, a=altc, a=identity, a=tool, ...: the list is in sdp_put.c), and any
 * other line that holds an IP address or a host name of o=, c= or a=rtcp. a=ssrc's cname is
 * replaced. Keys never cross, nor what asks for some (a=crypto, a=key-mgmt, a=fingerprint,
 * capabilities of RFC 5939): limen's own are written. The
 * peer's bundles are taken apart (a=group:BUNDLE, a=bundle-only); limen's own are written. A hold by 0.0.0.0 is written as limen's address with a direction. All else is kept in
 * order. A section whose port is 0, or whose anchor has family NET_NONE, is written with port 0.
 * The cursor's `full` tells that it did not fit. */
void sdp_put(struct cursor *out, const struct sdp *sdp, const struct sdp_rewrite *rewrite);
