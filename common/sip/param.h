/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters: *(SEMI name [EQUAL value]) as they follow a name-addr, a Via or a URI (RFC 3261
 * section 25.1). Private to common/sip. Both processes, any thread. */
#pragma once

#include "common/sip/chars.h"

struct param {
	struct span name;
	struct span value; /* as it came, with its quotes; empty for a flag */
};

/* Take one parameter at *p. 1: taken, *p behind it and behind white space; 0: *p stands, behind
 * white space, on something other than ';' or at the end; -EINVAL. */
int param_next(const char **p, const char *end, const char *limit, struct param *out);

/* The value of a parameter that is no quoted string, as most are, at p: behind it. */
static inline const char *param_value_scan(const char *p, const char *end, const char *limit,
					   struct span *value)
{
	const char *to = skip_class(p, end, limit, CHAR_VALUE);

	*value = span_between(p, to);
	return to;
}
