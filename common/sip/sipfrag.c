/* SPDX-License-Identifier: BSD-3-Clause */
/* message/sipfrag. Both processes, any thread. */
#include "common/sip/sipfrag.h"

#include "common/sip/sip_msg.h"

void sipfrag_put(struct cursor *out, uint16_t status)
{
	put_lit(out, "SIP/2.0 ");
	put_u64(out, status);
	put_char(out, ' ');
	put_span(out, span_str(sip_reason_phrase(status)));
	put_lit(out, "\r\n");
}

bool sipfrag_hide(struct cursor *out, struct span fragment)
{
	struct span code;
	uint64_t status;

	if (fragment.len < 11 || strncasecmp(fragment.ptr, "SIP/2.0 ", 8) != 0)
		return false;
	code = span_of(fragment.ptr + 8, 3);
	if (fragment.len > 11 && memchr(" \r\n", fragment.ptr[11], 3) == NULL)
		return false;
	if (sip_number_parse(code, 699, &status) || status < 100)
		return false;
	sipfrag_put(out, (uint16_t)status);
	return !out->full;
}
