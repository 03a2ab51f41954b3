/* SPDX-License-Identifier: BSD-3-Clause */
/* Character classes of RFC 3261 section 25.1 and the scanners over them that the files of this
 * folder share: 16 bytes a step where the processor has SSSE3, one a step elsewhere. Private to
 * common/sip. Both processes, any thread. */
#pragma once

#include "common/base/span.h"

#include <errno.h>

#if defined(__SSSE3__) && !defined(LIMEN_NO_SIMD)
#define CHARS_SIMD 1
#include <tmmintrin.h>
#else
#define CHARS_SIMD 0
#endif

enum char_class {
	CHAR_TOKEN = 0, /* token */
	CHAR_LWS,	/* SP, HTAB, and CR LF of a fold */
	CHAR_HOST,	/* hostname, IPv4address; '_' too, which the world uses */
	CHAR_IP6,	/* inside the brackets of an IPv6reference */
	CHAR_URI,	/* visible ASCII but <, > and " */
	CHAR_VALUE,	/* gen-value that is not quoted: token, host and what the world adds */
	CHAR_DISPLAY,	/* ASCII of a display-name that is not quoted */
	CHAR_WORD, /* Call-ID: visible ASCII; wider than word, for a Call-ID is only compared */
	CHAR_CLASSES,
};

/* Bit 1 << class of each character. */
extern const uint8_t sip_chars[256];
/* The same for vectors: bit r of byte n tells of character r * 16 + n. No class has a character
 * from 128 on. */
extern const uint8_t sip_chars_rows[CHAR_CLASSES][16];

static inline bool char_is(char c, enum char_class class)
{
	return sip_chars[(uint8_t)c] >> class & 1;
}

#if CHARS_SIMD
/* A bit for each byte of text that is this character. */
static inline unsigned char_mask(__m128i text, char c)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8(c)));
}

/* A bit for each byte of text that is not of the class. */
static inline unsigned class_out_mask(__m128i text, enum char_class class)
{
	const __m128i rows = _mm_loadu_si128((const __m128i *)sip_chars_rows[class]);
	const __m128i row_bit = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
	__m128i row = _mm_and_si128(_mm_srli_epi16(text, 4), _mm_set1_epi8(15));
	__m128i in = _mm_and_si128(_mm_shuffle_epi8(rows, text), _mm_shuffle_epi8(row_bit, row));

	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(in, _mm_setzero_si128()));
}
#endif

/* The first byte from p on that is not of the class, at most end. Bytes in [end, limit) may be read
 * and mean nothing: a scan that has room behind it needs no careful last steps. */
static inline const char *skip_class(const char *p, const char *end, const char *limit,
				     enum char_class class)
{
#if CHARS_SIMD
	const char *from = p;

	while (limit - p >= 16) {
		unsigned out = class_out_mask(_mm_loadu_si128((const __m128i *)p), class);

		if (out) {
			p += __builtin_ctz(out);
			return p < end ? p : end;
		}
		p += 16;
		if (p >= end)
			return end;
	}
	/* The last bytes again with some that are known already. */
	if (end - from >= 16) {
		unsigned out = class_out_mask(_mm_loadu_si128((const __m128i *)(end - 16)), class);

		return out ? end - 16 + __builtin_ctz(out) : end;
	}
#else
	(void)limit;
#endif
	while (p < end && char_is(*p, class))
		p++;
	return p;
}

/* White space is mostly absent or one character: no vectors. */
static inline const char *skip_lws(const char *p, const char *end)
{
	while (p < end && char_is(*p, CHAR_LWS))
		p++;
	return p;
}

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static inline bool is_hex_digit(char c)
{
	return is_digit(c) || (unsigned char)((c | 0x20) - 'a') < 6;
}

/* Of a hex digit. */
static inline unsigned hex_value(char c)
{
	return is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

static inline bool is_alpha(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

static inline struct span span_between(const char *from, const char *to)
{
	return span_of(from, (size_t)(to - from));
}

/* p stands on an opening quote: just behind the closing one, or NULL. A backslash takes the next
 * byte along. */
static inline const char *skip_quoted(const char *p, const char *end, const char *limit)
{
	p++;
#if CHARS_SIMD
	while (limit - p >= 16) {
		__m128i text = _mm_loadu_si128((const __m128i *)p);
		__m128i quote = _mm_cmpeq_epi8(text, _mm_set1_epi8('"'));
		__m128i escape = _mm_cmpeq_epi8(text, _mm_set1_epi8('\\'));
		unsigned stop = (unsigned)_mm_movemask_epi8(_mm_or_si128(quote, escape));

		if (stop) {
			p += __builtin_ctz(stop);
			break;
		}
		p += 16;
		if (p >= end)
			return NULL;
	}
#else
	(void)limit;
#endif
	for (; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}
