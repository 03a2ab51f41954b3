/* SPDX-License-Identifier: BSD-3-Clause */
/* Method names and their numbers. Both processes, any thread. */
#include "common/sip/sip_msg.h"

static const struct span names[SIP_METHODS_END] = {
#define X(m) [SIP_METHOD_##m] = {#m, sizeof(#m) - 1},
	SIP_METHODS(X)
#undef X
};

enum sip_method sip_method_from(struct span token)
{
	/* The first letters differ but for a few: hardly ever a second comparison. */
	for (int m = 1; m < SIP_METHODS_END; m++)
		if (token.len == names[m].len && token.ptr[0] == names[m].ptr[0] &&
		    memcmp(token.ptr, names[m].ptr, token.len) == 0)
			return (enum sip_method)m;
	return SIP_METHOD_OTHER;
}

const char *sip_method_name(enum sip_method method)
{
	return method > SIP_METHOD_OTHER && method < SIP_METHODS_END ? names[method].ptr : "OTHER";
}
