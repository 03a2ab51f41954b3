/* SPDX-License-Identifier: BSD-3-Clause */
/* Reason headers (RFC 3326) of BYE and CANCEL: what limen knows of an end that it makes, and what
 * of a peer's CANCEL goes on. One worker thread; libc only. */
#include "dataplane/sip/core.h"

struct span reason_of_end(enum ipc_ended_by by)
{
	switch (by) {
	case IPC_BY_POLICY:
		return SPAN("Reason: SIP;cause=480;text=\"Maximum duration\"\r\n");
	case IPC_BY_OPERATOR:
		return SPAN("Reason: SIP;cause=480;text=\"Ended by operator\"\r\n");
	case IPC_BY_MEDIA_TIMEOUT:
		return SPAN("Reason: SIP;cause=408;text=\"Media timeout\"\r\n");
	case IPC_BY_SIP_TIMEOUT:
		return SPAN("Reason: SIP;cause=408;text=\"Request timeout\"\r\n");
	case IPC_BY_SESSION_TIMEOUT:
		return SPAN("Reason: SIP;cause=408;text=\"Session expired\"\r\n");
	case IPC_BY_LIMEN:
		return SPAN("Reason: SIP;cause=500\r\n");
	default:
		return SPAN_NONE; /* a peer ended it, and said why or did not */
	}
}

struct span reason_of_loser(const struct sip_call *call)
{
	return call->answered_ns ? SPAN("Reason: SIP;cause=200;text=\"Call completed "
					"elsewhere\"\r\n")
				 : SPAN_NONE;
}

struct span reason_passed(struct cursor *out, const struct engine *e, const struct sip_msg *msg,
			  struct span plan, const struct sip_leg *to)
{
	const struct net_endpoint *self = leg_local(e, to);
	struct span value;
	enum edit_action action =
		edit_plan_action(plan, to->side == SIDE_B ? EDIT_TO_B : EDIT_TO_A, SIP_HDR_REASON,
				 SPAN("Reason"), &value);

	for (unsigned i = 0; i < msg->nhdrs; i++) {
		const struct sip_hdr *hdr = &msg->hdrs[i];

		if (hdr->id != SIP_HDR_REASON)
			continue;
		if (action == EDIT_PASS)
			put_header(out, SPAN("Reason"), sip_span(msg, hdr->value), hdr->folded);
		else if (action == EDIT_HIDE && self)
			put_hidden_header(out, e, self, msg, hdr);
		else if (action == EDIT_REPLACE && msg->first[SIP_HDR_REASON] == i)
			put_header(out, SPAN("Reason"), value, false);
	}
	return out->full ? SPAN_NONE : cursor_span(out);
}
