/* SPDX-License-Identifier: BSD-3-Clause */
/* A borrowed run of bytes: pointer and length, no terminator, no ownership. It dies with its
 * buffer. Used by both processes, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *ptr;
	size_t len;
};

/* A span of a string literal. */
#define SPAN(lit) ((struct span){"" lit, sizeof(lit) - 1})
#define SPAN_NONE ((struct span){NULL, 0})
/* For printf("%.*s", SPAN_FMT(s)). */
#define SPAN_FMT(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct span span_of(const void *ptr, size_t len)
{
	return (struct span){ptr, len};
}

static inline struct span span_str(const char *str)
{
	return (struct span){str, str ? strlen(str) : 0};
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII case-insensitive comparison, as RFC 3261 section 7.3.1 asks of names and tokens. */
static inline bool span_ieq(struct span a, struct span b)
{
	/* Most names of one length differ in the first byte already, by more than its case. */
	return a.len == b.len && (a.len == 0 || (((a.ptr[0] ^ b.ptr[0]) & ~0x20) == 0 &&
						 strncasecmp(a.ptr, b.ptr, a.len) == 0));
}

/* The span without leading and trailing SP, HTAB, CR and LF. */
static inline struct span span_trim(struct span s)
{
	while (s.len &&
	       (s.ptr[0] == ' ' || s.ptr[0] == '\t' || s.ptr[0] == '\r' || s.ptr[0] == '\n'))
		s.ptr++, s.len--;
	while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t' ||
			 s.ptr[s.len - 1] == '\r' || s.ptr[s.len - 1] == '\n'))
		s.len--;
	return s;
}
