/* SPDX-License-Identifier: BSD-3-Clause */
/* Header names and their numbers. Both processes, any thread. */
#include "common/sip/sip_msg.h"

static const struct {
	struct span name;
	char compact;
} hdrs[SIP_HDR_IDS_END] = {
#define X(sym, text, letter) [SIP_HDR_##sym] = {{text, sizeof(text) - 1}, letter},
	SIP_HDRS(X)
#undef X
};

enum sip_hdr_id sip_hdr_id_from(struct span name)
{
	for (int id = 1; id < SIP_HDR_IDS_END; id++) {
		if (name.len == 1 && hdrs[id].compact && (name.ptr[0] | 0x20) == hdrs[id].compact)
			return (enum sip_hdr_id)id;
		if (span_ieq(name, hdrs[id].name))
			return (enum sip_hdr_id)id;
	}
	return SIP_HDR_OTHER;
}

const char *sip_hdr_name(enum sip_hdr_id id)
{
	return id > SIP_HDR_OTHER && id < SIP_HDR_IDS_END ? hdrs[id].name.ptr : "";
}
