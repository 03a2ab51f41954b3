/* SPDX-License-Identifier: BSD-3-Clause */
/* host [":" port], as in a URI and in a Via's sent-by (RFC 3261 section 25.1). Private to
 * common/sip. Both processes, any thread. */
#pragma once

#include "common/sip/chars.h"

/* The host at p: behind it, or NULL. An IPv6 reference is taken with its brackets and not checked
 * further: the wrong ABNF of RFC 3261 put wrong ones into the world (RFC 5118 section 4.10). */
static inline const char *host_scan(const char *p, const char *end, const char *limit,
				    struct span *host)
{
	const char *from = p;

	if (p < end && *p == '[') {
		p = skip_class(p + 1, end, limit, CHAR_IP6);
		if (p == end || *p != ']' || p == from + 1)
			return NULL;
		p++;
	} else {
		p = skip_class(p, end, limit, CHAR_HOST);
		if (p == from)
			return NULL;
	}
	*host = span_between(from, p);
	return p;
}

/* Digits at p as a port, 1..65535: behind them, or NULL. */
static inline const char *port_scan(const char *p, const char *end, uint16_t *port)
{
	uint32_t v = 0;

	for (; p < end && is_digit(*p); p++) {
		v = v * 10 + (uint32_t)(*p - '0');
		if (v > 65535)
			return NULL;
	}
	*port = (uint16_t)v;
	return v ? p : NULL;
}

/* host [":" port] without white space; port 0 where none is given. */
static inline const char *host_port_scan(const char *p, const char *end, const char *limit,
					 struct span *host, uint16_t *port)
{
	*port = 0;
	p = host_scan(p, end, limit, host);
	if (p && p < end && *p == ':')
		p = port_scan(p + 1, end, port);
	return p;
}
