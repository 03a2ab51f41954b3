/* SPDX-License-Identifier: BSD-3-Clause */
/* The lines of a message's head (RFC 3261 section 7.3). Bytes that are not plain text are looked
 * for 64 at a time and kept as a bit each; lines are then cut from bit to bit, so that the length
 * of a line costs nothing. Both processes, any thread. */
#include "common/sip/block.h"
#include "common/sip/chars.h"
#include "common/sip/hdr_table.h"
#include "common/sip/parse.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))

/* The text, and what was found wrong with it. */
struct scan {
	const char *end;
	bool control;		/* a control character stands where it may not */
	char last[BLOCK_BYTES]; /* the last block, filled up */
};

/* Goes from run to run of bytes that are not plain: in nearly every message these are the line
 * ends. Lives in registers. */
struct walker {
	const char *block; /* 64 bytes of text */
	uint64_t starts;   /* where runs begin in it that are still to be visited */
	uint64_t in_run;   /* 1: the block's last byte was not plain */
};

/* The buffer must not be read past its end: its last bytes, filled up with blanks. */
static NOINLINE const char *last_block(struct scan *s, const char *block)
{
	memset(s->last, ' ', sizeof(s->last));
	return memcpy(s->last, block, (size_t)(s->end - block));
}

static ALWAYS_INLINE void block_enter(struct walker *w, struct scan *s)
{
	bool whole = s->end - w->block >= BLOCK_BYTES;
	uint64_t bits = block_classify(whole ? w->block : last_block(s, w->block));

	w->starts = bits & ~(bits << 1 | w->in_run);
	w->in_run = bits >> (BLOCK_BYTES - 1);
}

/* The next run, or the end. */
static ALWAYS_INLINE const char *next_run(struct walker *w, struct scan *s)
{
	const char *at;

	while (!w->starts) {
		w->block += BLOCK_BYTES;
		if (w->block >= s->end)
			return s->end;
		block_enter(w, s);
	}
	at = w->block + __builtin_ctzll(w->starts);
	w->starts &= w->starts - 1;
	return at;
}

/* Look at the run that begins at p: the CR that ends the line, or NULL where the line goes on
 * behind it. HTAB and a fold are white space, UTF-8 is text, and a quoted pair may hold anything
 * but CR and LF (section 25.1). */
static NOINLINE const char *run_look(struct scan *s, const char *p, bool *folded)
{
	for (; p < s->end && !is_plain(*p); p++) {
		if (*p == '\t' || (uint8_t)*p >= 0x80)
			continue;
		if (*p == '\r' && s->end - p == 1)
			return NULL;
		if (*p == '\r' && p[1] == '\n') {
			if (s->end - p == 2 || (p[2] != ' ' && p[2] != '\t'))
				return p;
			*folded = true;
			p++;
		} else if (*p == '\r' || *p == '\n' || p[-1] != '\\') {
			s->control = true;
		}
	}
	return NULL;
}

static ALWAYS_INLINE bool is_dark(char c)
{
	return (uint8_t)c > ' ';
}

/* The CR that ends the line that is read, folds passed over. NULL when the bytes run out. */
static ALWAYS_INLINE const char *line_end(struct walker *w, struct scan *s, bool *folded)
{
	for (;;) {
		const char *at = next_run(w, s);

		if (s->end - at > 2 && at[0] == '\r' && at[1] == '\n' && is_dark(at[2]))
			return at;
		if (at == s->end)
			return NULL;
		at = run_look(s, at, folded);
		if (at)
			return at;
	}
}

/* A header's name as it was recognised. */
struct name {
	uint32_t len;
	uint32_t colon; /* from the line's beginning on */
	uint32_t id;
};
#define NAME_NONE ((struct name){0, 0, SIP_HDR_OTHER})

/* Any name: unknown, or followed by white space, or at the very end of the buffer. */
static NOINLINE struct name name_scan(const char *p, const char *end)
{
	const char *name_end = skip_class(p, end, end, CHAR_TOKEN), *colon = name_end;

	while (colon < end && (*colon == ' ' || *colon == '\t'))
		colon++;
	if (colon == end || *colon != ':')
		return NAME_NONE;
	return (struct name){
		.len = (uint32_t)(name_end - p),
		.colon = (uint32_t)(colon - p),
		.id = sip_hdr_id_from(span_between(p, name_end)),
	};
}

#if CHARS_SIMD
/* A bit for each of 16 bytes that is equal to the name's in lower case: setting that bit folds
 * nothing onto a letter but its capital, and onto '-' only CR (see names_check). */
static ALWAYS_INLINE unsigned same_mask(const char *p, const uint8_t *key)
{
	__m128i lower = _mm_or_si128(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi8(0x20));
	__m128i same = _mm_cmpeq_epi8(lower, _mm_loadu_si128((const __m128i *)key));

	return (unsigned)_mm_movemask_epi8(same);
}

static ALWAYS_INLINE unsigned colon_mask(const char *p)
{
	return char_mask(_mm_loadu_si128((const __m128i *)p), ':');
}

/* The only header that a name of `len` bytes at p can be; two bytes before p can be read. */
static ALWAYS_INLINE uint32_t candidate_find(const char *p, uint32_t len)
{
	uint32_t head2 = hdr_load2(p), tail4 = hdr_load4(p + len - 4);

	return hdr_table.slots[hdr_slot(hdr_table.multiplier, head2, tail4, len)];
}

/* A known name of 16 to 31 bytes with its colon right behind it: 32 bytes can be read at p. */
static NOINLINE struct name name_recognise_long(const char *p)
{
	uint32_t len = 16 + (uint32_t)__builtin_ctz(colon_mask(p + 16) | 0x10000);
	uint32_t id = candidate_find(p, len), same;

	same = same_mask(p, hdr_table.keys[id].bytes) |
	       same_mask(p + 16, hdr_table.keys[id].bytes + 16) << 16;
	if (len == 32 || (uint32_t)__builtin_ctz(~same) != len)
		return NAME_NONE;
	return (struct name){len, len, id};
}

/* A known name with its colon right behind it, which is nearly every one, in a line that is not the
 * first. It is read beyond the line's end; but no name holds a CR, so what is found lies before
 * it. */
static ALWAYS_INLINE struct name name_recognise(const char *p, const char *limit)
{
	unsigned colons;
	uint32_t len, id;

	if (limit - p < 16)
		return NAME_NONE;
	colons = colon_mask(p);
	if (!colons)
		return limit - p < 32 ? NAME_NONE : name_recognise_long(p);
	len = (uint32_t)__builtin_ctz(colons);
	if (len < 2)
		return len ? (struct name){1, 1, hdr_table.compact[(uint8_t)*p]} : NAME_NONE;
	id = candidate_find(p, len);
	/* Behind the name the text has a colon and the key has a zero. */
	if ((uint32_t)__builtin_ctz(~same_mask(p, hdr_table.keys[id].bytes)) != len)
		return NAME_NONE;
	return (struct name){len, len, id};
}
#else
static struct name name_recognise(const char *p, const char *limit)
{
	(void)p;
	(void)limit;
	return NAME_NONE;
}
#endif

/* Less the white space around it; most values have one SP before and nothing behind. */
static ALWAYS_INLINE struct span value_trim(const char *from, const char *to)
{
	if (to - from >= 2 && *from == ' ' && is_dark(from[1]) && is_dark(to[-1]))
		return span_between(from + 1, to);
	while (from < to && char_is(*from, CHAR_LWS))
		from++;
	while (to > from && char_is(to[-1], CHAR_LWS))
		to--;
	return span_between(from, to);
}

/* message-header = field-name HCOLON field-value, of [from, to). False for what is none. */
static ALWAYS_INLINE bool line_parse(struct sip_hdr *hdr, const char *buf, const char *from,
				     const char *to, const char *limit, bool folded)
{
	struct name name = name_recognise(from, limit);
	struct span value;

	if (name.id == SIP_HDR_OTHER) {
		name = name_scan(from, to);
		if (name.len == 0)
			return false;
	}
	value = value_trim(from + name.colon + 1, to);
	hdr->name = (struct sip_slice){(uint16_t)(from - buf), (uint16_t)name.len};
	hdr->value = (struct sip_slice){(uint16_t)(value.ptr - buf), (uint16_t)value.len};
	hdr->id = (uint8_t)name.id;
	hdr->folded = folded;
	return true;
}

/* Chain the lines of each name, from the last one back: then nobody needs to know where a chain
 * ends. */
static void hdrs_chain(struct sip_msg *msg)
{
	for (unsigned n = msg->nhdrs; n-- > 0;) {
		struct sip_hdr *hdr = &msg->hdrs[n];

		hdr->next = hdr->id == SIP_HDR_OTHER ? SIP_HDR_NONE : msg->first[hdr->id];
		msg->first[hdr->id] = (uint16_t)n;
	}
}

/* A message with a control character out of place is refused, but may be answered: not out of a
 * line whose name only seemed to be a header's. */
static NOINLINE void names_check(struct sip_msg *msg)
{
	unsigned kept = 0;

	for (unsigned n = 0; n < msg->nhdrs; n++) {
		struct span name = sip_span(msg, msg->hdrs[n].name);

		if (memchr(name.ptr, '\r', name.len))
			fault(msg, 400, "Malformed Header Line");
		else
			msg->hdrs[kept++] = msg->hdrs[n];
	}
	msg->nhdrs = (uint16_t)kept;
}

/* The header lines from `from` on. */
static enum walk hdrs_walk(struct sip_msg *msg, struct scan *s, struct walker w, const char *from,
			   const char **end)
{
	struct sip_hdr *hdr = msg->hdrs, *hdrs_end = msg->hdrs + SIP_HDRS_MAX;
	const char *const buf = msg->buf, *const limit = s->end;
	enum walk result = WALK_TRUNCATED;
	const char *to;

	for (; from < limit; from = to + 2) {
		bool folded = false;

		to = NULL;
		if (!is_plain(*from)) {
			if (limit - from >= 2 && from[0] == '\r' && from[1] == '\n') {
				*end = from + 2;
				result = WALK_END;
				break;
			}
			/* The run belongs to the line end before it and would not be visited. */
			to = run_look(s, from, &folded);
		}
		if (!to)
			to = line_end(&w, s, &folded);
		if (!to)
			break;
		if (hdr == hdrs_end) {
			result = WALK_TOO_MANY;
			break;
		}
		if (line_parse(hdr, buf, from, to, limit, folded))
			hdr++;
		else
			fault(msg, 400, "Malformed Header Line");
	}
	msg->nhdrs = (uint16_t)(hdr - msg->hdrs);
	if (s->control)
		names_check(msg);
	hdrs_chain(msg);
	return result;
}

enum walk lines_walk(struct sip_msg *msg, uint32_t from_off, uint32_t len, struct lines *lines)
{
	const char *from = msg->buf + from_off, *end = msg->buf + len, *to;
	struct walker w = {.block = from};
	bool folded = false;
	enum walk result;
	struct scan s;

	s.end = end;
	s.control = false;
	block_enter(&w, &s);
	to = is_plain(*from) ? line_end(&w, &s, &folded) : from;
	if (!to) {
		result = WALK_TRUNCATED;
	} else if (!start_line_parse(msg, span_between(from, to), end)) {
		result = WALK_NO_SIP;
	} else {
		if (folded)
			fault(msg, 400, "Folded Start Line");
		result = hdrs_walk(msg, &s, w, to + 2, &end);
	}
	lines->end = (uint32_t)(end - msg->buf);
	lines->control = s.control;
	return result;
}
