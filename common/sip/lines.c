/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of a message's head (RFC 3261 section 7.3). Control characters are looked for 64 bytes at a time and kept as
 * a bit each; lines are then cut from bit to bit, so that the length of a line costs nothing. Both processes, any thread. */
#include "common/sip/chars.h"
#include "common/sip/hdr_table.h"
#include "common/sip/parse.h"

#define BLOCK_BYTES 64u
#define NO_OFFSET   UINT32_MAX

/* Where the search for CRs stands. */
struct scan {
	const char *buf;
	uint32_t len;
	uint32_t block;   /* offset of the current block */
	uint32_t control; /* offset of the first control character out of place, or NO_OFFSET */
	bool after_cr;    /* the byte before the current block is a CR */
	uint64_t cr;      /* CRs of the current block that are still to be taken */
};

struct block_bits {
	uint64_t cr;
	uint64_t control; /* CR too, and DEL */
};

static struct block_bits block_classify(const char *p)
{
	struct block_bits bits = {0};

#if CHARS_SIMD
	for (unsigned i = 0; i < BLOCK_BYTES; i += 16) {
		__m128i text = _mm_loadu_si128((const __m128i *)(p + i));
		__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(text, _mm_set1_epi8(0x1f)), text);
		__m128i del = _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f));
		__m128i cr = _mm_cmpeq_epi8(text, _mm_set1_epi8('\r'));

		bits.control |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(low, del)) << i;
		bits.cr |= (uint64_t)(unsigned)_mm_movemask_epi8(cr) << i;
	}
#else
	for (unsigned i = 0; i < BLOCK_BYTES; i++) {
		bits.control |= (uint64_t)((uint8_t)p[i] < ' ' || p[i] == 0x7f) << i;
		bits.cr |= (uint64_t)(p[i] == '\r') << i;
	}
#endif
	return bits;
}

/* HTAB is white space, and a quoted pair may hold anything but CR and LF (section 25.1). */
static void odd_look(struct scan *s, uint64_t odd)
{
	for (; odd; odd &= odd - 1) {
		uint32_t at = s->block + (uint32_t)__builtin_ctzll(odd);

		if (s->buf[at] == '\t' || (s->buf[at] != '\n' && at > 0 && s->buf[at - 1] == '\\'))
			continue;
		if (s->control == NO_OFFSET)
			s->control = at;
		return;
	}
}

static void block_load(struct scan *s)
{
	const char *p = s->buf + s->block;
	uint32_t left = s->len - s->block;
	struct block_bits bits;
	uint64_t odd;

	if (left >= BLOCK_BYTES) {
		bits = block_classify(p);
	} else {
		char last[BLOCK_BYTES];

		memset(last, ' ', sizeof(last));
		memcpy(last, p, left);
		bits = block_classify(last);
	}
	s->cr = bits.cr;
	/* What follows a CR is looked at when the line is cut there. */
	odd = bits.control & ~bits.cr & ~(bits.cr << 1 | s->after_cr);
	s->after_cr = bits.cr >> (BLOCK_BYTES - 1);
	if (odd)
		odd_look(s, odd);
}

static inline uint32_t next_cr(struct scan *s)
{
	uint32_t at;

	while (!s->cr) {
		if (s->len - s->block <= BLOCK_BYTES)
			return NO_OFFSET;
		s->block += BLOCK_BYTES;
		block_load(s);
	}
	at = s->block + (uint32_t)__builtin_ctzll(s->cr);
	s->cr &= s->cr - 1;
	return at;
}

/* The CR that ends the line at `from`, folds passed over. NO_OFFSET when the bytes run out. */
static inline uint32_t line_end(struct scan *s, uint32_t from, bool *folded)
{
	*folded = false;
	for (;;) {
		uint32_t at = next_cr(s);

		if (at == NO_OFFSET || at + 1 >= s->len)
			return NO_OFFSET;
		if (s->buf[at + 1] != '\n') {
			if (at < s->control)
				s->control = at;
			continue;
		}
		if (at == from || at + 2 >= s->len || (s->buf[at + 2] != ' ' && s->buf[at + 2] != '\t'))
			return at;
		*folded = true;
	}
}

/* A header's name as it was recognised. */
struct name {
	uint32_t len;
	uint32_t colon; /* from the line's beginning on */
	unsigned id;
};

/* Any name: longer than a key, followed by white space, unknown, or at the very end of the buffer. False for none. */
static bool name_scan(const char *p, uint32_t len, struct name *name)
{
	const char *end = p + len, *name_end = skip_class(p, end, end, CHAR_TOKEN), *colon = name_end;

	while (colon < end && (*colon == ' ' || *colon == '\t'))
		colon++;
	if (name_end == p || colon == end || *colon != ':')
		return false;
	name->len = (uint32_t)(name_end - p);
	name->colon = (uint32_t)(colon - p);
	name->id = sip_hdr_id_from(span_between(p, name_end));
	return true;
}

#if CHARS_SIMD
/* A known name of up to 15 bytes with its colon right behind it, which is nearly every one: no branch depends on its length. */
static inline bool name_recognise(const char *p, struct name *name)
{
	static const uint8_t window[32] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};
	__m128i text = _mm_loadu_si128((const __m128i *)p);
	unsigned colons = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8(':'))) | 0x10000;
	unsigned len = (unsigned)__builtin_ctz(colons);
	__m128i keep = _mm_loadu_si128((const __m128i *)(window + 16 - len));
	__m128i lower = _mm_and_si128(_mm_or_si128(text, _mm_set1_epi8(0x20)), keep);
	struct hdr_key key = {
		.lo = (uint64_t)_mm_cvtsi128_si64(lower),
		.hi = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(lower, lower)),
		.len = len,
	};

	*name = (struct name){len, len, hdr_key_find(&key)};
	/* Setting that bit folds nothing onto a letter but its capital, and onto '-' only CR, which ends a line. */
	return name->id != SIP_HDR_OTHER && len < 16;
}
#endif

static inline bool is_lws(char c)
{
	return char_is(c, CHAR_LWS);
}

/* message-header = field-name HCOLON field-value, of buf [from, to). */
static inline void line_parse(struct sip_msg *msg, const struct scan *s, uint32_t from, uint32_t to, bool folded,
			      uint16_t last[SIP_HDR_IDS_END])
{
	struct sip_hdr *hdr = &msg->hdrs[msg->nhdrs];
	struct name name;
	uint32_t value;

#if CHARS_SIMD
	if (s->len - from < 16 || !name_recognise(s->buf + from, &name) || from + name.colon >= to)
#endif
		if (!name_scan(s->buf + from, to - from, &name)) {
			fault(msg, 400, "Malformed Header Line");
			return;
		}
	for (value = from + name.colon + 1; value < to && is_lws(s->buf[value]);)
		value++;
	while (to > value && is_lws(s->buf[to - 1]))
		to--;
	*hdr = (struct sip_hdr){
		.name = {(uint16_t)from, (uint16_t)name.len},
		.value = {(uint16_t)value, (uint16_t)(to - value)},
		.next = SIP_HDR_NONE,
		.id = (uint8_t)name.id,
		.folded = folded,
	};
	if (msg->first[name.id] == SIP_HDR_NONE)
		msg->first[name.id] = msg->nhdrs;
	else if (name.id != SIP_HDR_OTHER)
		msg->hdrs[last[name.id]].next = msg->nhdrs;
	last[name.id] = msg->nhdrs++;
}

static enum walk walk(struct sip_msg *msg, struct scan *s, uint32_t from, uint32_t *end)
{
	uint16_t last[SIP_HDR_IDS_END]; /* read only where msg->first says that it was written */
	uint32_t to;
	bool folded;

	*end = s->len;
	to = line_end(s, from, &folded);
	if (to == NO_OFFSET)
		return WALK_TRUNCATED;
	if (!start_line_parse(msg, span_of(s->buf + from, to - from), s->buf + s->len))
		return WALK_NO_SIP;
	if (folded)
		fault(msg, 400, "Folded Start Line");
	for (;;) {
		from = to + 2;
		to = line_end(s, from, &folded);
		if (to == NO_OFFSET)
			return WALK_TRUNCATED;
		if (to == from)
			break;
		if (msg->nhdrs == SIP_HDRS_MAX)
			return WALK_TOO_MANY;
		line_parse(msg, s, from, to, folded, last);
	}
	*end = to + 2;
	return WALK_END;
}

enum walk lines_walk(struct sip_msg *msg, uint32_t from, uint32_t len, struct lines *lines)
{
	struct scan s = {.buf = msg->buf, .len = len, .block = from, .control = NO_OFFSET};
	enum walk result;

	block_load(&s);
	result = walk(msg, &s, from, &lines->end);
	lines->control = s.control < lines->end;
	return result;
}
