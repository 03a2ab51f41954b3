/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs inside a larger buffer. Private to common/sip. Both processes, any thread. */
#pragma once

#include "common/sip/chars.h"
#include "common/sip/sip_msg.h"

/* sip_uri_parse of [text, text + len), with room to read up to limit. */
int uri_scan(struct span text, const char *limit, struct sip_uri *out);

/* Behind the scheme's colon, or NULL where text does not begin with a scheme. */
static inline const char *scheme_skip(const char *p, const char *end)
{
	const char *from = p;

	/* "sip:", in any case of its letters */
	if (end - p > 4 && (p[0] & ~0x20) == 'S' && (p[1] & ~0x20) == 'I' &&
	    (p[2] & ~0x20) == 'P' && p[3] == ':')
		return p + 4;
	while (p < end && (is_alpha(*p) ||
			   (p > from && (is_digit(*p) || *p == '+' || *p == '-' || *p == '.'))))
		p++;
	return p > from && p < end && *p == ':' ? p + 1 : NULL;
}
