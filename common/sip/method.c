/* SPDX-License-Identifier: BSD-3-Clause */
/* Method names and their numbers. Both processes, any thread. */
#include "common/sip/sip_msg.h"

static const struct span names[SIP_METHODS_END] = {
#define X(m) [SIP_METHOD_##m] = {#m, sizeof(#m) - 1},
	SIP_METHODS(X)
#undef X
};

/* First letter and length tell the methods apart; the factor was found by trying. */
#define SLOT(first, len) (((first) + 11 * (len)) & 31)

static const uint8_t slots[32] = {
	[SLOT('I', 6)] = SIP_METHOD_INVITE,  [SLOT('A', 3)] = SIP_METHOD_ACK,
	[SLOT('B', 3)] = SIP_METHOD_BYE,     [SLOT('C', 6)] = SIP_METHOD_CANCEL,
	[SLOT('O', 7)] = SIP_METHOD_OPTIONS, [SLOT('R', 8)] = SIP_METHOD_REGISTER,
	[SLOT('P', 5)] = SIP_METHOD_PRACK,   [SLOT('U', 6)] = SIP_METHOD_UPDATE,
	[SLOT('I', 4)] = SIP_METHOD_INFO,    [SLOT('R', 5)] = SIP_METHOD_REFER,
	[SLOT('N', 6)] = SIP_METHOD_NOTIFY,  [SLOT('S', 9)] = SIP_METHOD_SUBSCRIBE,
	[SLOT('P', 7)] = SIP_METHOD_PUBLISH, [SLOT('M', 7)] = SIP_METHOD_MESSAGE,
};

enum sip_method sip_method_from(struct span token)
{
	unsigned method;

	if (token.len == 0)
		return SIP_METHOD_OTHER;
	method = slots[SLOT((uint8_t)token.ptr[0], token.len)];
	return span_eq(token, names[method]) ? (enum sip_method)method : SIP_METHOD_OTHER;
}

const char *sip_method_name(enum sip_method method)
{
	return method > SIP_METHOD_OTHER && method < SIP_METHODS_END ? names[method].ptr : "OTHER";
}
