/* SPDX-License-Identifier: BSD-3-Clause */
/* A bounded writer: text is appended to a caller's buffer; what does not fit sets `full` and is
 * left out whole, so one check at the end is enough. Never allocates. Both processes, any
 * thread. */
#pragma once

#include "common/base/span.h"

struct cursor {
	char *buf;     /* borrowed */
	uint32_t len;  /* bytes written */
	uint32_t cap;  /* bytes that fit */
	bool full;     /* something did not fit: the text is not to be used */
};

static inline struct cursor cursor_on(char *buf, uint32_t cap)
{
	return (struct cursor){.buf = buf, .cap = cap};
}

static inline struct span cursor_span(const struct cursor *c)
{
	return span_of(c->buf, c->len);
}

static inline void put_bytes(struct cursor *c, const void *ptr, size_t len)
{
	if (c->full || len > c->cap - c->len) {
		c->full = true;
		return;
	}
	if (len)
		memcpy(c->buf + c->len, ptr, len);
	c->len += (uint32_t)len;
}

static inline void put_span(struct cursor *c, struct span s)
{
	put_bytes(c, s.ptr, s.len);
}

/* Appends a string literal. */
#define put_lit(c, lit) put_bytes((c), "" lit, sizeof(lit) - 1)

static inline void put_char(struct cursor *c, char ch)
{
	put_bytes(c, &ch, 1);
}

static inline void put_u64(struct cursor *c, uint64_t v)
{
	char digits[20];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	put_bytes(c, digits + at, sizeof(digits) - at);
}
