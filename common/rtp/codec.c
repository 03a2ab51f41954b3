/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of payload formats. Both processes, any thread. */
#include "common/rtp/codec.h"

#include "common/rtp/rtp.h"

#define SPEECH CODEC_KIND_SPEECH
#define VIDEO  CODEC_KIND_VIDEO

/* Ie and Bpl: G.113 (2007) appendix I, tables I.1 and I.4; G.711 with the concealment of its
 * appendix I, G.729 as annex A, G.723.1 at 6.3 kbit/s, AMR at 12.2 kbit/s, which is GSM EFR. For the
 * others there is no pair of figures that one could cite. */
static const struct codec_info infos[CODECS] = {
	[CODEC_UNKNOWN] = {"unknown", 8000, 0, 0, CODEC_KIND_OTHER, 0, 0},
	[CODEC_PCMU] = {"PCMU", 8000, 64000, 125, SPEECH, 0, 251},
	[CODEC_PCMA] = {"PCMA", 8000, 64000, 125, SPEECH, 0, 251},
	[CODEC_G722] = {"G722", 8000, 64000, 1500, SPEECH, 0, 0},
	[CODEC_G7221] = {"G7221", 16000, 48000, 40000, SPEECH, 0, 0},
	[CODEC_G723] = {"G723", 8000, 6400, 37500, SPEECH, 15, 161},
	[CODEC_G726_16] = {"G726-16", 8000, 16000, 125, SPEECH, 0, 0},
	[CODEC_G726_24] = {"G726-24", 8000, 24000, 125, SPEECH, 0, 0},
	[CODEC_G726_32] = {"G726-32", 8000, 32000, 125, SPEECH, 0, 0},
	[CODEC_G726_40] = {"G726-40", 8000, 40000, 125, SPEECH, 0, 0},
	[CODEC_G728] = {"G728", 8000, 16000, 625, SPEECH, 0, 0},
	[CODEC_G729] = {"G729", 8000, 8000, 15000, SPEECH, 11, 190},
	[CODEC_GSM] = {"GSM", 8000, 13200, 20000, SPEECH, 0, 0},
	[CODEC_GSM_EFR] = {"GSM-EFR", 8000, 12400, 20000, SPEECH, 5, 100},
	[CODEC_GSM_HR] = {"GSM-HR-08", 8000, 6000, 24400, SPEECH, 0, 0},
	[CODEC_ILBC] = {"iLBC", 8000, 15200, 25000, SPEECH, 0, 0},
	[CODEC_AMR] = {"AMR", 8000, 13600, 25000, SPEECH, 5, 100},
	[CODEC_AMR_WB] = {"AMR-WB", 16000, 25600, 25000, SPEECH, 0, 0},
	[CODEC_EVS] = {"EVS", 16000, 128800, 32000, SPEECH, 0, 0},
	[CODEC_OPUS] = {"opus", 48000, 510000, 26500, SPEECH, 0, 0},
	[CODEC_SPEEX] = {"speex", 8000, 44200, 30000, SPEECH, 0, 0},
	[CODEC_DVI4] = {"DVI4", 8000, 88200, 125, SPEECH, 0, 0},
	[CODEC_L16] = {"L16", 44100, 768000, 125, SPEECH, 0, 0},
	[CODEC_LPC] = {"LPC", 8000, 5600, 20000, SPEECH, 0, 0},
	[CODEC_CLEARMODE] = {"CLEARMODE", 8000, 64000, 0, CODEC_KIND_OTHER, 0, 0},
	[CODEC_COMFORT_NOISE] = {"CN", 8000, 1000, 0, CODEC_KIND_NOISE, 0, 0},
	[CODEC_TELEPHONE_EVENT] = {"telephone-event", 8000, 1000, 0, CODEC_KIND_EVENT, 0, 0},
	[CODEC_RED] = {"red", 8000, 0, 0, CODEC_KIND_REPAIR, 0, 0},
	[CODEC_RTX] = {"rtx", 90000, 0, 0, CODEC_KIND_REPAIR, 0, 0},
	[CODEC_ULPFEC] = {"ulpfec", 90000, 0, 0, CODEC_KIND_REPAIR, 0, 0},
	[CODEC_H261] = {"H261", 90000, 2000000, 0, VIDEO, 0, 0},
	[CODEC_H263] = {"H263", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_H264] = {"H264", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_H265] = {"H265", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_VP8] = {"VP8", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_VP9] = {"VP9", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_AV1] = {"AV1", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_JPEG] = {"JPEG", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_MPV] = {"MPV", 90000, 0, 0, VIDEO, 0, 0},
	[CODEC_T140] = {"t140", 1000, 10000, 0, CODEC_KIND_OTHER, 0, 0},
	[CODEC_T38] = {"t38", 8000, 200000, 0, CODEC_KIND_OTHER, 0, 0},
};

static const struct {
	const char *name;
	enum codec codec;
} other_names[] = {
	{"H263-1998", CODEC_H263}, /* RFC 4629 */
	{"H263-2000", CODEC_H263},
	{"AAL2-G726-16", CODEC_G726_16}, /* RFC 3551 section 4.5.4: the bits packed the other way */
	{"AAL2-G726-24", CODEC_G726_24},
	{"AAL2-G726-32", CODEC_G726_32},
	{"AAL2-G726-40", CODEC_G726_40},
	{"G729A", CODEC_G729}, /* what peers write */
	{"G723.1", CODEC_G723},
	{"flexfec-03", CODEC_ULPFEC},
};

const struct codec_info *codec_info(unsigned codec)
{
	return &infos[codec < CODECS ? codec : CODEC_UNKNOWN];
}

enum codec codec_of(struct span name)
{
	for (unsigned i = CODEC_UNKNOWN + 1; i < CODECS; i++)
		if (span_ieq(name, span_str(infos[i].name)))
			return (enum codec)i;
	for (size_t i = 0; i < sizeof(other_names) / sizeof(other_names[0]); i++)
		if (span_ieq(name, span_str(other_names[i].name)))
			return other_names[i].codec;
	return CODEC_UNKNOWN;
}

enum codec codec_of_type(uint8_t payload_type)
{
	static const uint8_t types[] = {
		[0] = CODEC_PCMU,  [3] = CODEC_GSM,   [4] = CODEC_G723,
		[5] = CODEC_DVI4,  [6] = CODEC_DVI4,  [7] = CODEC_LPC,
		[8] = CODEC_PCMA,  [9] = CODEC_G722,  [10] = CODEC_L16,
		[11] = CODEC_L16,  [13] = CODEC_COMFORT_NOISE, [15] = CODEC_G728,
		[16] = CODEC_DVI4, [17] = CODEC_DVI4, [18] = CODEC_G729,
		[26] = CODEC_JPEG, [31] = CODEC_H261, [32] = CODEC_MPV,
		[34] = CODEC_H263,
	};

	return payload_type < sizeof(types) ? types[payload_type] : CODEC_UNKNOWN;
}

struct codec_format codec_format_static(uint8_t payload_type)
{
	return (struct codec_format){
		.payload_type = payload_type,
		.codec = codec_of_type(payload_type),
		.channels = payload_type == 10 ? 2 : 1,
		.clock_hz = rtp_clock_hz(payload_type),
	};
}
