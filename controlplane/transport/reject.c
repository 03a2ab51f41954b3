/* SPDX-License-Identifier: BSD-3-Clause */
/* The answer to a message with which a stream ends, since nobody knows where the next one begins:
 * the engine, which answers all others, could not read it. limen-controlplane, loop thread. */
#include "controlplane/transport/transport_priv.h"

static void put_hdr(struct cursor *out, const struct sip_msg *msg, enum sip_hdr_id id)
{
	put_span(out, span_str(sip_hdr_name(id)));
	put_lit(out, ": ");
	put_span(out, sip_hdr_value(msg, id));
}

static void put_tag(struct cursor *out, uint64_t tag)
{
	static const char digits[] = "0123456789abcdef";

	put_lit(out, ";tag=");
	for (int shift = 60; shift >= 0; shift -= 4)
		put_char(out, digits[tag >> shift & 15]);
}

/* Vias as they came, the first with the address it came from (RFC 3261 section 18.2.1). */
static void put_vias(struct cursor *out, const struct sip_msg *msg,
		     const struct net_endpoint *peer)
{
	struct sip_values values = sip_values(msg, SIP_HDR_VIA);
	struct span value;
	bool first = true;

	while (sip_values_next(&values, &value)) {
		put_lit(out, "Via: ");
		put_span(out, value);
		if (first) {
			put_lit(out, ";received=");
			put_addr(out, peer->family, &peer->addr);
		}
		put_lit(out, "\r\n");
		first = false;
	}
}

bool reject_put(struct cursor *out, const struct sip_msg *msg, const struct net_endpoint *peer,
		uint64_t tag)
{
	if (!msg->is_request || !msg->answerable)
		return false;
	put_lit(out, "SIP/2.0 ");
	put_u64(out, msg->status);
	put_char(out, ' ');
	put_span(out, span_str(msg->why));
	put_lit(out, "\r\n");
	put_vias(out, msg, peer);
	put_hdr(out, msg, SIP_HDR_FROM);
	put_lit(out, "\r\n");
	put_hdr(out, msg, SIP_HDR_TO);
	if (!msg->to_tag.len)
		put_tag(out, tag);
	put_lit(out, "\r\n");
	put_hdr(out, msg, SIP_HDR_CALL_ID);
	put_lit(out, "\r\n");
	put_hdr(out, msg, SIP_HDR_CSEQ);
	put_lit(out, "\r\nContent-Length: 0\r\n\r\n");
	return !out->full;
}
