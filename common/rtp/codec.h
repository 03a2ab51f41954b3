/* SPDX-License-Identifier: BSD-3-Clause */
/* What limen knows of the payload formats that SDP names (RFC 3551, RFC 8866 section 6.6): clock
 * rate, bit rate, packet time, and how speech suffers under them (ITU-T G.113). Both processes, any
 * thread. */
#pragma once

#include "common/base/span.h"

/* What a payload is to those who count it. */
enum codec_kind {
	CODEC_KIND_OTHER = 0,
	CODEC_KIND_SPEECH,
	CODEC_KIND_VIDEO,
	CODEC_KIND_NOISE, /* comfort noise: comes and goes between speech */
	CODEC_KIND_EVENT, /* telephone-event (RFC 4733) */
	CODEC_KIND_REPAIR, /* red, rtx, fec: carries another format */
};

enum codec {
	CODEC_UNKNOWN = 0,
	CODEC_PCMU,
	CODEC_PCMA,
	CODEC_G722,
	CODEC_G7221,
	CODEC_G723,
	CODEC_G726_16,
	CODEC_G726_24,
	CODEC_G726_32,
	CODEC_G726_40,
	CODEC_G728,
	CODEC_G729,
	CODEC_GSM,
	CODEC_GSM_EFR,
	CODEC_GSM_HR,
	CODEC_ILBC,
	CODEC_AMR,
	CODEC_AMR_WB,
	CODEC_EVS,
	CODEC_OPUS,
	CODEC_SPEEX,
	CODEC_DVI4,
	CODEC_L16,
	CODEC_LPC,
	CODEC_CLEARMODE,
	CODEC_COMFORT_NOISE,
	CODEC_TELEPHONE_EVENT,
	CODEC_RED,
	CODEC_RTX,
	CODEC_ULPFEC,
	CODEC_H261,
	CODEC_H263,
	CODEC_H264,
	CODEC_H265,
	CODEC_VP8,
	CODEC_VP9,
	CODEC_AV1,
	CODEC_JPEG,
	CODEC_MPV,
	CODEC_T140,
	CODEC_T38, /* not RTP: the format of "m=image ... udptl t38" */
	CODECS,
};

struct codec_info {
	const char *name;	/* encoding name of a=rtpmap, as IANA registered it */
	uint32_t clock_hz;	/* of its RTP timestamps, where no a=rtpmap says another */
	uint32_t bit_rate;	/* the most that one channel's payload takes, bit/s; 0: nobody
				   knows */
	uint16_t frame_us;	/* one frame, with what the coder looks ahead; 0: not speech */
	uint8_t kind;		/* enum codec_kind */
	/* G.113 appendix I: equipment impairment and robustness against random loss, with the
	 * codec's own concealment. bpl_x10 0: there is no figure for it. */
	uint8_t ie;
	uint16_t bpl_x10;
};

/* Never NULL: CODEC_UNKNOWN's for what is none. */
const struct codec_info *codec_info(unsigned codec);
/* By the encoding name, in any case; CODEC_UNKNOWN for one that is not in the table. */
enum codec codec_of(struct span name);
/* Of a static payload type (RFC 3551 section 6). */
enum codec codec_of_type(uint8_t payload_type);

/* What a payload type of a stream means. Packed without a bit to spare: each call holds many. */
struct __attribute__((packed)) codec_format {
	uint8_t payload_type;
	uint8_t codec;		/* enum codec */
	uint32_t channels : 4;
	uint32_t clock_hz : 20; /* never 0 */
};
_Static_assert(sizeof(struct codec_format) == 5, "compared with memcmp");
/* The same of a static type; what is none of them is taken for audio with 8000 Hz. */
struct codec_format codec_format_static(uint8_t payload_type);
