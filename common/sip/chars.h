/* SPDX-License-Identifier: BSD-3-Clause */
/* Character classes of RFC 3261 section 25.1 and the small scanners over them that the files of this folder share.
 * Private to common/sip. Both processes, any thread. */
#pragma once

#include "common/base/span.h"

#include <errno.h>

enum {
	CHAR_TOKEN = 1,    /* token */
	CHAR_LWS = 2,      /* SP, HTAB, and CR LF of a fold */
	CHAR_HOST = 4,     /* hostname, IPv4address; '_' too, which the world uses */
	CHAR_IP6 = 8,      /* inside the brackets of an IPv6reference */
	CHAR_URI = 16,     /* visible ASCII but <, > and " */
	CHAR_VALUE = 32,   /* gen-value that is not quoted: token, host and what the world adds */
	CHAR_DISPLAY = 64, /* display-name that is not quoted */
	CHAR_WORD = 128,   /* Call-ID: visible ASCII; wider than word, a Call-ID is only compared */
};

extern const uint8_t sip_chars[256];

static inline bool char_is(char c, unsigned classes)
{
	return sip_chars[(uint8_t)c] & classes;
}

/* The first byte from p on that is of none of the classes; end where there is none. */
static inline const char *skip_class(const char *p, const char *end, unsigned classes)
{
	while (p < end && char_is(*p, classes))
		p++;
	return p;
}

static inline const char *skip_lws(const char *p, const char *end)
{
	return skip_class(p, end, CHAR_LWS);
}

static inline bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static inline bool is_hex_digit(char c)
{
	return is_digit(c) || (unsigned char)((c | 0x20) - 'a') < 6;
}

static inline bool is_alpha(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

static inline struct span span_between(const char *from, const char *to)
{
	return span_of(from, (size_t)(to - from));
}

/* p stands on an opening quote: just behind the closing one, or NULL. A backslash takes the next byte along. */
static inline const char *skip_quoted(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if (*p == '\\')
			p++;
	}
	return NULL;
}
