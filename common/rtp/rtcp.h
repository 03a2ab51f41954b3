/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP compound packets (RFC 3550 section 6.1) read, and changed on their way across the border.
 * Both processes, any thread. */
#pragma once

#include "common/base/hash.h"

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
	RTCP_RTPFB = 205, /* RFC 4585 */
	RTCP_PSFB = 206,
	RTCP_XR = 207, /* RFC 3611 */
};

/* Hide who sends: the text of each source description item (RFC 3550 section 6.5: CNAME is
 * user@host, TOOL names a product, ...) is overwritten in place. Equal texts get equal replacements
 * under one key, so that a receiver still knows which sources belong together; lengths stay. Text
 * of BYE's reason (section 6.6) likewise. A packet that is not a well-formed compound, such as an
 * encrypted one, is left alone. Whether anything was changed. */
bool rtcp_hide_names(uint8_t *pkt, uint32_t len, const struct hash_key *key);

/* Other numbers for the sources of both sides: each that the sender of the packet goes by is XORed
 * with `own`, each that it speaks of (its reports, feedback) with `about`, so that the same again
 * gives the packet back. 0 changes nothing. SDES and BYE list sources of the sender. What is not a
 * well-formed compound is left alone; whether anything was changed. */
bool rtcp_mask_ssrcs(uint8_t *pkt, uint32_t len, uint32_t own, uint32_t about);

enum rtcp_item_kind {
	RTCP_ITEM_SENT = 0, /* SR: `mark` is the middle of its NTP time */
	RTCP_ITEM_REPORT,   /* report block of SR or RR, about `ssrc` */
	RTCP_ITEM_ASKED,    /* XR receiver reference time: `mark` likewise */
	RTCP_ITEM_ANSWERED, /* XR DLRR sub-block to `ssrc`: mark and delay */
	RTCP_ITEM_VOIP,	    /* XR VoIP metrics about `ssrc` */
};

/* What a packet says, one piece at a time. */
struct rtcp_item {
	uint8_t kind; /* enum rtcp_item_kind */
	uint8_t fraction_lost; /* REPORT, of 256; VOIP likewise */
	uint8_t mos_lq_x10;    /* VOIP: listening quality, 10 to 50; 0 or 127: not told */
	uint8_t mos_cq_x10;    /* VOIP: with the delay taken in */
	uint32_t from;	       /* who says it */
	uint32_t ssrc;	       /* of whom; SENT, ASKED: the same */
	uint32_t mark;	       /* LSR, LRR or the time's own; 0: none was received yet */
	uint32_t delay;	       /* since then, in 1/65536 s */
	int32_t lost;	       /* REPORT: cumulative, may be below 0 */
	uint32_t seq_max;      /* REPORT: extended */
	uint32_t jitter;       /* REPORT: in timestamp units */
};

/* A walk over a compound; a zeroed one but for pkt and len begins. What is malformed ends it. */
struct rtcp_walk {
	const uint8_t *pkt;
	uint32_t len;
	uint32_t at;	/* of the packet in work */
	uint32_t block; /* in it; 0: it was not looked into yet */
	uint32_t inner; /* in the block; 0: likewise */
};
bool rtcp_next(struct rtcp_walk *walk, struct rtcp_item *item);

/* Section A.2, over the whole datagram: what SRTCP has encrypted does not pass for it. */
bool rtcp_is_compound(const uint8_t *pkt, uint32_t len);
