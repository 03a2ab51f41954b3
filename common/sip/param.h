/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters: *(SEMI name [EQUAL value]) as they follow a name-addr, a Via or a URI (RFC 3261 section 25.1).
 * Private to common/sip. Both processes, any thread. */
#pragma once

#include "common/sip/chars.h"

struct param {
	struct span name;
	struct span value; /* as it came, with its quotes; empty for a flag */
};

/* Take one parameter at *p. 1: taken, *p behind it and behind white space; 0: *p stands, behind white space, on
 * something other than ';' or at the end; -EINVAL. */
static inline int param_next(const char **p, const char *end, struct param *out)
{
	const char *at = skip_lws(*p, end), *from;

	if (at == end || *at != ';') {
		*p = at;
		return 0;
	}
	from = at = skip_lws(at + 1, end);
	at = skip_class(at, end, CHAR_TOKEN);
	/* URI parameters may be named with a few more characters than a token has. */
	while (at < end && *at != '=' && char_is(*at, CHAR_VALUE))
		at++;
	if (at == from)
		return -EINVAL;
	out->name = span_between(from, at);
	out->value = SPAN_NONE;
	at = skip_lws(at, end);
	if (at < end && *at == '=') {
		from = at = skip_lws(at + 1, end);
		if (at < end && *at == '"') {
			at = skip_quoted(at, end);
			if (!at)
				return -EINVAL;
		} else {
			at = skip_class(at, end, CHAR_VALUE);
			if (at == from)
				return -EINVAL;
		}
		out->value = span_between(from, at);
		at = skip_lws(at, end);
	}
	*p = at;
	return 1;
}
