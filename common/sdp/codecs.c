/* SPDX-License-Identifier: BSD-3-Clause */
/* Formats of one m= section under a codec plan: allowed, in order, and what goes with each. Both
 * processes, any thread. */
#include "common/sdp/codecs.h"

#include "common/sdp/sdp_line.h"

#define PAYLOAD_TYPES 128u

/* What a payload type is for. */
enum role {
	ROLE_CODEC = 0,
	ROLE_BY_RATE,	/* accompanies the codecs of its clock rate */
	ROLE_BY_FORMAT, /* accompanies the formats that its fmtp names */
	ROLE_BY_ANY,	/* accompanies whatever there is */
};

struct payload {
	struct span name; /* empty: not known */
	struct span fmtp;
	uint32_t rate;
	uint8_t channels;
	uint8_t role; /* enum role */
};

struct section {
	struct span plan;
	struct span type;
	unsigned side;
	bool answer;
	unsigned n;
	uint8_t formats[PAYLOAD_TYPES]; /* as they came */
	uint64_t listed[2];
	struct payload payloads[PAYLOAD_TYPES];
};

/* RFC 3551 section 6. */
static const struct static_payload {
	uint8_t number;
	uint8_t channels;
	uint32_t rate;
	struct span name;
} statics[] = {
	{0, 1, 8000, {"PCMU", 4}},   {3, 1, 8000, {"GSM", 3}},	  {4, 1, 8000, {"G723", 4}},
	{5, 1, 8000, {"DVI4", 4}},   {6, 1, 16000, {"DVI4", 4}},  {7, 1, 8000, {"LPC", 3}},
	{8, 1, 8000, {"PCMA", 4}},   {9, 1, 8000, {"G722", 4}},	  {10, 2, 44100, {"L16", 3}},
	{11, 1, 44100, {"L16", 3}},  {12, 1, 8000, {"QCELP", 5}}, {13, 1, 8000, {"CN", 2}},
	{14, 1, 90000, {"MPA", 3}},  {15, 1, 8000, {"G728", 4}},  {16, 1, 11025, {"DVI4", 4}},
	{17, 1, 22050, {"DVI4", 4}}, {18, 1, 8000, {"G729", 4}},  {25, 1, 90000, {"CelB", 4}},
	{26, 1, 90000, {"JPEG", 4}}, {28, 1, 90000, {"nv", 2}},	  {31, 1, 90000, {"H261", 4}},
	{32, 1, 90000, {"MPV", 3}},  {33, 1, 90000, {"MP2T", 4}}, {34, 1, 90000, {"H263", 4}},
};

static bool has_bit(const uint64_t set[2], unsigned number)
{
	return set[number / 64] >> number % 64 & 1;
}

static void set_bit(uint64_t set[2], unsigned number)
{
	set[number / 64] |= UINT64_C(1) << number % 64;
}

/* A number with nothing behind it; -1 for any other text. */
static int64_t number_of(struct span text)
{
	int64_t number = 0;

	if (text.len == 0 || text.len > 9)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		number = number * 10 + (text.ptr[i] - '0');
	}
	return number;
}

static int payload_type(struct span text)
{
	int64_t number = number_of(text);

	return number < PAYLOAD_TYPES ? (int)number : -1;
}

static struct span cut(struct span *rest, char at)
{
	const char *found = rest->len ? memchr(rest->ptr, at, rest->len) : NULL;
	struct span word = *rest;

	if (found) {
		word.len = (size_t)(found - rest->ptr);
		*rest = span_of(found + 1, rest->len - word.len - 1);
	} else {
		*rest = SPAN_NONE;
	}
	return word;
}

/* ---- reading ---- */

static bool read_formats(struct section *s, struct span formats)
{
	struct span word;

	while ((word = sdp_word_next(&formats)).len) {
		int number = payload_type(word);

		if (number < 0)
			return false;
		if (has_bit(s->listed, (unsigned)number))
			continue;
		set_bit(s->listed, (unsigned)number);
		s->formats[s->n++] = (uint8_t)number;
		s->payloads[number] = (struct payload){.channels = 1};
	}
	return s->n > 0;
}

/* "96 opus/48000/2" */
static void read_rtpmap(struct section *s, struct span value)
{
	int number = payload_type(sdp_word_next(&value)), channels;
	struct span map = sdp_word_next(&value);
	int64_t rate;

	if (number < 0 || !has_bit(s->listed, (unsigned)number) || s->payloads[number].name.len)
		return;
	s->payloads[number].name = cut(&map, '/');
	rate = number_of(cut(&map, '/'));
	s->payloads[number].rate = rate < 0 ? 0 : (uint32_t)rate;
	channels = payload_type(map);
	s->payloads[number].channels = channels > 0 ? (uint8_t)channels : 1;
}

static void read_attributes(struct section *s, struct span lines)
{
	struct sdp_line line;

	while (sdp_line_next(&lines, &line)) {
		struct sdp_attr attr;
		int number;

		if (line.type != 'a')
			continue;
		attr = sdp_attr_of(line.value);
		if (span_ieq(attr.name, SPAN("rtpmap"))) {
			read_rtpmap(s, attr.value);
		} else if (span_ieq(attr.name, SPAN("fmtp"))) {
			number = payload_type(sdp_word_next(&attr.value));
			if (number >= 0 && has_bit(s->listed, (unsigned)number))
				s->payloads[number].fmtp = span_trim(attr.value);
		}
	}
}

static void read_statics(struct section *s)
{
	for (size_t i = 0; i < sizeof(statics) / sizeof(statics[0]); i++) {
		const struct static_payload *is = &statics[i];
		struct payload *payload = &s->payloads[is->number];

		if (!has_bit(s->listed, is->number) || payload->name.len)
			continue;
		payload->name = is->name;
		payload->rate = is->rate;
		payload->channels = is->channels;
	}
}

static enum role role_of(struct span name)
{
	static const struct {
		struct span name;
		enum role role;
	} roles[] = {
		{{"telephone-event", 15}, ROLE_BY_RATE}, {{"tone", 4}, ROLE_BY_RATE},
		{{"CN", 2}, ROLE_BY_RATE},		 {{"red", 3}, ROLE_BY_FORMAT},
		{{"rtx", 3}, ROLE_BY_FORMAT},		 {{"ulpfec", 6}, ROLE_BY_ANY},
		{{"flexfec", 7}, ROLE_BY_ANY},		 {{"flexfec-03", 10}, ROLE_BY_ANY},
		{{"parityfec", 9}, ROLE_BY_ANY},
	};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (span_ieq(roles[i].name, name))
			return roles[i].role;
	return ROLE_CODEC;
}

static bool section_read(struct section *s, const struct sdp_media *media)
{
	s->n = 0;
	s->listed[0] = s->listed[1] = 0;
	s->type = media->type;
	if (!read_formats(s, media->formats))
		return false;
	read_attributes(s, media->lines);
	read_statics(s);
	for (unsigned i = 0; i < s->n; i++)
		s->payloads[s->formats[i]].role =
			(uint8_t)role_of(s->payloads[s->formats[i]].name);
	return true;
}

/* ---- choosing ---- */

static int find(const struct section *s, enum codec_list list, const struct payload *payload)
{
	return codec_plan_find(s->plan, list, s->type, payload->name, payload->rate,
			       payload->channels);
}

static bool is_allowed(const struct section *s, const struct codec_plan_head *head,
		       const struct payload *payload)
{
	if (payload->name.len == 0 && s->answer)
		return true;
	if (find(s, CODEC_DENY, payload) >= 0)
		return false;
	if (payload->role != ROLE_CODEC)
		return true;
	return (!head->nitems[CODEC_ALLOW_0] || find(s, CODEC_ALLOW_0, payload) >= 0) &&
	       (!head->nitems[CODEC_ALLOW_1] || find(s, CODEC_ALLOW_1, payload) >= 0);
}

/* Whether a codec with that clock rate is among those that came, or those that stay. */
static bool has_rate(const struct section *s, const uint64_t set[2], uint32_t rate)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct payload *payload = &s->payloads[s->formats[i]];

		if (payload->role == ROLE_CODEC && has_bit(set, s->formats[i]) &&
		    payload->rate == rate)
			return true;
	}
	return false;
}

/* Formats named in an fmtp: "0/5/100" (RFC 2198), "apt=96;..." (RFC 4588). */
static bool named_formats_stay(const struct sdp_codecs *out, struct span fmtp)
{
	bool is_apt = fmtp.len > 4 && strncasecmp(fmtp.ptr, "apt=", 4) == 0;
	struct span rest = is_apt ? span_of(fmtp.ptr + 4, fmtp.len - 4) : fmtp;

	if (is_apt) {
		int number = payload_type(span_trim(cut(&rest, ';')));

		return number >= 0 && has_bit(out->kept, (unsigned)number);
	}
	while (rest.len) {
		int number = payload_type(span_trim(cut(&rest, '/')));

		if (number >= 0 && !has_bit(out->kept, (unsigned)number))
			return false;
	}
	return true;
}

static bool companion_stays(const struct section *s, const struct sdp_codecs *out,
			    const struct payload *payload)
{
	switch (payload->role) {
	case ROLE_BY_RATE:
		/* one of a clock rate that no codec had was the sender's own way of doing it */
		return has_rate(s, out->kept, payload->rate) ||
		       !has_rate(s, s->listed, payload->rate);
	case ROLE_BY_FORMAT:
		return named_formats_stay(out, payload->fmtp);
	default:
		return true;
	}
}

static void keep_codecs(const struct section *s, const struct codec_plan_head *head,
			struct sdp_codecs *out, unsigned *came)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct payload *payload = &s->payloads[s->formats[i]];

		if (payload->role != ROLE_CODEC)
			continue;
		++*came;
		if (!is_allowed(s, head, payload))
			continue;
		set_bit(out->kept, s->formats[i]);
		out->n++;
	}
}

/* rtx of red, in whatever order they are listed: twice is enough. */
static void keep_companions(const struct section *s, const struct codec_plan_head *head,
			    struct sdp_codecs *out)
{
	for (unsigned i = 0; i < 2 * s->n; i++) {
		uint8_t format = s->formats[i % s->n];
		const struct payload *payload = &s->payloads[format];

		if (payload->role == ROLE_CODEC || has_bit(out->kept, format) ||
		    !is_allowed(s, head, payload) || !companion_stays(s, out, payload))
			continue;
		set_bit(out->kept, format);
		out->n++;
	}
}

/* Those that an order names come first, in its order; then all others as they came. */
static void put_in_order(const struct section *s, const struct codec_plan_head *head,
			 struct sdp_codecs *out)
{
	enum codec_list list = s->side ? CODEC_ORDER_1 : CODEC_ORDER_0;
	int places[PAYLOAD_TYPES];
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++) {
		const struct payload *payload = &s->payloads[s->formats[i]];

		places[i] = payload->role == ROLE_CODEC ? find(s, list, payload) : -1;
	}
	for (int place = 0; place < head->nitems[list]; place++) {
		for (unsigned i = 0; i < s->n; i++)
			if (places[i] == place && has_bit(out->kept, s->formats[i]))
				out->formats[n++] = s->formats[i];
	}
	for (unsigned i = 0; i < s->n; i++)
		if (places[i] < 0 && has_bit(out->kept, s->formats[i]))
			out->formats[n++] = s->formats[i];
}

static bool is_rtp(struct span proto)
{
	for (size_t i = 0; i + 4 <= proto.len; i++)
		if (strncasecmp(proto.ptr + i, "RTP/", 4) == 0)
			return true;
	return false;
}

bool sdp_codecs_choose(struct span plan, unsigned side, const struct sdp_media *media, bool answer,
		       struct sdp_codecs *out)
{
	struct codec_plan_head head;
	struct section s;
	unsigned came = 0;

	if (plan.len == 0 || media->port == 0 || !is_rtp(media->proto))
		return false;
	head = codec_plan_head(plan);
	s.plan = plan;
	s.side = side;
	s.answer = answer;
	if (!section_read(&s, media))
		return false;
	out->n = 0;
	out->kept[0] = out->kept[1] = 0;
	keep_codecs(&s, &head, out, &came);
	out->companions_only = came == 0;
	if (out->n || came == 0)
		keep_companions(&s, &head, out);
	put_in_order(&s, &head, out);
	out->ptime_ms = span_ieq(s.type, SPAN("audio")) ? head.ptime_ms[side] : 0;
	out->maxptime_ms = span_ieq(s.type, SPAN("audio")) ? head.maxptime_ms[side] : 0;
	return true;
}

/* ---- writing ---- */

bool sdp_codecs_keep(const struct sdp_codecs *codecs, const struct sdp_line *line)
{
	static const struct span of_formats[] = {
		{"rtpmap", 6}, {"fmtp", 4}, {"rtcp-fb", 7}, {"imageattr", 9}, {"framesize", 9},
		{"depend", 6}};
	struct sdp_attr attr;

	if (line->type != 'a')
		return true;
	attr = sdp_attr_of(line->value);
	if ((codecs->ptime_ms && span_ieq(attr.name, SPAN("ptime"))) ||
	    (codecs->maxptime_ms && span_ieq(attr.name, SPAN("maxptime"))))
		return false;
	for (size_t i = 0; i < sizeof(of_formats) / sizeof(of_formats[0]); i++) {
		int number;

		if (!span_ieq(attr.name, of_formats[i]))
			continue;
		number = payload_type(sdp_word_next(&attr.value));
		return number < 0 || has_bit(codecs->kept, (unsigned)number);
	}
	return true;
}

void put_sdp_formats(struct cursor *out, const struct sdp_codecs *codecs)
{
	for (unsigned i = 0; i < codecs->n; i++) {
		put_char(out, ' ');
		put_u64(out, codecs->formats[i]);
	}
}

static void put_time(struct cursor *out, struct span name, unsigned ms)
{
	if (ms == 0)
		return;
	put_lit(out, "a=");
	put_span(out, name);
	put_char(out, ':');
	put_u64(out, ms);
	put_lit(out, "\r\n");
}

void put_sdp_ptime(struct cursor *out, const struct sdp_codecs *codecs)
{
	put_time(out, SPAN("ptime"), codecs->ptime_ms);
	put_time(out, SPAN("maxptime"), codecs->maxptime_ms);
}
