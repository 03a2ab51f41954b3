/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of a text that need a look, as a bit each, 64 at a time. Private to common/sip. Both
 * processes, any thread. */
#pragma once

#include "common/sip/chars.h"

#define BLOCK_BYTES 64

/* Printable ASCII. Control characters need a look because they end lines or have no place in them;
 * UTF-8 does not, but sorting it out here would cost every message two more instructions for each
 * 16 bytes. */
static inline bool is_plain(char c)
{
	return (uint8_t)(c - ' ') < 0x7f - ' ';
}

/* A bit for each of the 64 bytes at p that is not plain. */
static inline uint64_t block_classify(const char *p)
{
	uint64_t bits = 0;

#if CHARS_SIMD
#pragma GCC unroll 4
	for (unsigned i = 0; i < BLOCK_BYTES; i += 16) {
		/* One more than DEL, and than any byte from 128 on, is negative or zero. */
		__m128i next =
			_mm_add_epi8(_mm_loadu_si128((const __m128i *)(p + i)), _mm_set1_epi8(1));
		__m128i odd = _mm_cmplt_epi8(next, _mm_set1_epi8(' ' + 1));

		bits |= (uint64_t)(unsigned)_mm_movemask_epi8(odd) << i;
	}
#else
	for (unsigned i = 0; i < BLOCK_BYTES; i++)
		bits |= (uint64_t)!is_plain(p[i]) << i;
#endif
	return bits;
}
