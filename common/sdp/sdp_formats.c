/* SPDX-License-Identifier: BSD-3-Clause */
/* a=rtpmap, a=ptime and b= of an m= section. Both processes, any thread. */
#include "common/sdp/sdp_formats.h"

#include "common/sdp/sdp.h"
#include "common/sdp/sdp_line.h"

#define CLOCK_HZ_MIN 1000u
#define CLOCK_HZ_MAX 1000000u
#define PTIME_MAX_MS 1000u
#define RTP_BYTES    12u

/* Of formats whose bit rate nobody knows. */
#define AUDIO_BPS 512000u
#define VIDEO_BPS 8000000u
#define OTHER_BPS 1000000u

static uint32_t number(struct span text, uint32_t max)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
		value = value * 10 + (unsigned)(text.ptr[i] - '0');
		if (value > max)
			return max;
	}
	return (uint32_t)value;
}

/* -1 for what is no payload type. */
static int type_number(struct span word)
{
	if (word.len == 0 || word.len > 3 || word.ptr[0] < '0' || word.ptr[0] > '9')
		return -1;
	return (int)number(word, 128) < 128 ? (int)number(word, 128) : -1;
}

static uint8_t kind_of(struct span type)
{
	for (unsigned i = 1; i < SDP_KINDS; i++)
		if (span_ieq(type, span_str(sdp_kind_name(i))))
			return (uint8_t)i;
	return SDP_KIND_OTHER;
}

const char *sdp_kind_name(unsigned kind)
{
	static const char *const names[SDP_KINDS] = {
		[SDP_KIND_OTHER] = "other", [SDP_KIND_AUDIO] = "audio", [SDP_KIND_VIDEO] = "video",
		[SDP_KIND_IMAGE] = "image", [SDP_KIND_TEXT] = "text",
	};

	return names[kind < SDP_KINDS ? kind : SDP_KIND_OTHER];
}

/* Types of the m= line, static ones with what they mean; a dynamic one waits for its a=rtpmap. */
static void read_types(const struct sdp_media *media, struct sdp_formats *formats)
{
	struct span rest = media->formats, word;

	while ((word = sdp_word_next(&rest)).len && formats->ntypes < SDP_TYPES_MAX) {
		int type = type_number(word);
		struct codec_format *entry = &formats->types[formats->ntypes];

		if (type < 0)
			continue;
		*entry = codec_format_static((uint8_t)type);
		if (entry->codec == CODEC_UNKNOWN && formats->kind == SDP_KIND_VIDEO)
			entry->clock_hz = 90000;
		formats->ntypes++;
	}
}

/* "96 opus/48000/2" */
static void read_rtpmap(struct span value, struct sdp_formats *formats)
{
	int type = type_number(sdp_word_next(&value));
	struct span parts[3] = {SPAN_NONE, SPAN_NONE, SPAN_NONE};
	uint32_t clock_hz, channels;
	struct codec_format *entry;

	_Static_assert(CLOCK_HZ_MAX < 1u << 20, "fits struct codec_format");
	value = span_trim(value);
	for (unsigned i = 0; i < 3 && value.len; i++) {
		const char *slash = memchr(value.ptr, '/', value.len);
		size_t len = slash ? (size_t)(slash - value.ptr) : value.len;

		parts[i] = span_of(value.ptr, len);
		len += slash != NULL;
		value = span_of(value.ptr + len, value.len - len);
	}
	clock_hz = number(parts[1], CLOCK_HZ_MAX + 1);
	channels = number(parts[2], 8);
	if (type < 0 || clock_hz < CLOCK_HZ_MIN || clock_hz > CLOCK_HZ_MAX)
		return;
	for (unsigned i = 0; i < formats->ntypes; i++) {
		entry = &formats->types[i];
		if (entry->payload_type != type)
			continue;
		entry->codec = (uint8_t)codec_of(parts[0]);
		entry->clock_hz = clock_hz;
		entry->channels = (uint8_t)(channels ? channels : 1);
	}
}

/* TIAS counts no headers, and is the better one where both are there. */
static void read_bandwidth(struct span value, struct sdp_formats *formats)
{
	const char *colon = value.len ? memchr(value.ptr, ':', value.len) : NULL;
	struct span name, amount;

	if (!colon)
		return;
	name = span_of(value.ptr, (size_t)(colon - value.ptr));
	amount = span_of(colon + 1, value.len - name.len - 1);
	if (span_ieq(name, SPAN("TIAS"))) {
		formats->bandwidth_bps = number(amount, UINT32_MAX);
		formats->with_headers = 0;
	} else if (span_ieq(name, SPAN("AS")) &&
		   (formats->bandwidth_bps == 0 || formats->with_headers)) {
		formats->bandwidth_bps = 1000 * number(amount, UINT32_MAX / 1000);
		formats->with_headers = 1;
	}
}

static void read_lines(struct span rest, struct sdp_formats *formats)
{
	struct sdp_line line;

	while (sdp_line_next(&rest, &line)) {
		struct sdp_attr attr;

		if (line.type == 'b')
			read_bandwidth(span_trim(line.value), formats);
		if (line.type != 'a')
			continue;
		attr = sdp_attr_of(line.value);
		if (span_ieq(attr.name, SPAN("rtpmap")))
			read_rtpmap(attr.value, formats);
		else if (span_ieq(attr.name, SPAN("ptime")))
			formats->ptime_ms =
				(uint16_t)number(span_trim(attr.value), PTIME_MAX_MS);
	}
}

static bool starts_with(struct span text, struct span prefix)
{
	return text.len >= prefix.len && strncasecmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

static enum sdp_proto proto_of(struct span proto)
{
	if (starts_with(proto, SPAN("RTP/S")))
		return SDP_PROTO_SRTP;
	if (starts_with(proto, SPAN("RTP/")))
		return SDP_PROTO_RTP;
	if (starts_with(proto, SPAN("UDP/TLS/RTP/")))
		return SDP_PROTO_DTLS;
	if (span_ieq(proto, SPAN("udptl")) || span_ieq(proto, SPAN("UDP/TLS/UDPTL")))
		return SDP_PROTO_UDPTL;
	return SDP_PROTO_OTHER;
}

void sdp_formats_read(const struct sdp *sdp, const struct sdp_media *media,
		      struct sdp_formats *formats)
{
	struct sdp_formats session = {0};

	*formats = (struct sdp_formats){
		.kind = kind_of(media->type),
		.proto = (uint8_t)proto_of(media->proto),
	};
	read_types(media, formats);
	read_lines(media->lines, formats);
	if (formats->bandwidth_bps)
		return;
	read_lines(sdp->session, &session);
	formats->bandwidth_bps = session.bandwidth_bps;
	formats->with_headers = session.with_headers;
}

const struct codec_format *sdp_formats_type(const struct sdp_formats *formats, uint8_t payload_type)
{
	for (unsigned i = 0; i < formats->ntypes; i++)
		if (formats->types[i].payload_type == payload_type)
			return &formats->types[i];
	return NULL;
}

/* Of one format, without headers. Speech of a sampling rate that the table does not have takes that
 * much more. */
static uint64_t type_rate(const struct codec_format *type)
{
	const struct codec_info *info = codec_info(type->codec);
	uint64_t rate = (uint64_t)info->bit_rate * (type->channels ? type->channels : 1);

	if (type->codec == CODEC_L16)
		rate = 16ull * type->clock_hz * type->channels;
	else if (info->kind == CODEC_KIND_SPEECH && type->clock_hz > info->clock_hz)
		rate = rate * type->clock_hz / info->clock_hz;
	return rate;
}

static uint64_t default_rate(uint8_t kind)
{
	return kind == SDP_KIND_VIDEO ? VIDEO_BPS : kind == SDP_KIND_AUDIO ? AUDIO_BPS : OTHER_BPS;
}

uint64_t sdp_formats_rate(const struct sdp_formats *formats, unsigned ip_bytes)
{
	/* Packets shorter than what the peer asked for are its sender's right; 10 ms are the least
	 * that endpoints use. */
	unsigned ptime_ms = formats->ptime_ms && formats->ptime_ms < 10 ? formats->ptime_ms : 10;
	uint64_t headers = 8000ull * (ip_bytes + RTP_BYTES) / ptime_ms, most = 0, payload;

	if (formats->bandwidth_bps && formats->with_headers)
		return formats->bandwidth_bps;
	if (formats->bandwidth_bps) {
		payload = formats->bandwidth_bps;
	} else {
		for (unsigned i = 0; i < formats->ntypes; i++) {
			uint64_t rate = type_rate(&formats->types[i]);

			if (rate == 0 && codec_info(formats->types[i].codec)->kind !=
						 CODEC_KIND_REPAIR)
				rate = default_rate(formats->kind);
			most = rate > most ? rate : most;
		}
		payload = most ? most : default_rate(formats->kind);
		for (unsigned i = 0; i < formats->ntypes; i++)
			if (formats->types[i].codec == CODEC_RED)
				payload += most; /* RFC 2198: one generation of it again */
	}
	/* A video packet is 800 bytes and more. */
	if (formats->kind == SDP_KIND_VIDEO)
		headers = payload / (8 * 800) * 8 * (ip_bytes + RTP_BYTES);
	return payload + headers;
}
