/* SPDX-License-Identifier: BSD-3-Clause */
/* The headers every message must have (RFC 3261 section 8.1.1): looked at all of them whatever is
 * wrong with one, for the reply must carry five of them back (section 8.2.6.2). Both processes, any
 * thread. */
#include "common/sip/chars.h"
#include "common/sip/name_addr.h"
#include "common/sip/parse.h"
#include "common/sip/via.h"

#define CSEQ_MAX ((UINT64_C(1) << 31) - 1) /* section 8.1.1.5 */

/* Each of these answers whether a reply could carry the header back. */

static bool via_take(struct sip_msg *msg, const char *limit)
{
	struct via_scan scan;
	const char *end;

	if (msg->first[SIP_HDR_VIA] == SIP_HDR_NONE) {
		fault(msg, 400, "Missing Via");
		return false;
	}
	if (via_scan(sip_hdr_value(msg, SIP_HDR_VIA), limit, &scan, &end))
		fault(msg, 400, "Malformed Via");
	msg->via_host = slice_of(msg, scan.via.host);
	msg->via_port = scan.via.port;
	msg->via_branch = slice_of(msg, scan.branch);
	msg->via_transport = scan.transport;
	msg->via_rport = scan.rport;
	return scan.usable;
}

static bool from_take(struct sip_msg *msg, const char *limit)
{
	struct sip_name_addr addr;
	struct span value, tag;

	if (!single_value_take(msg, SIP_HDR_FROM, "Missing From", "Multiple From", &value))
		return false;
	if (name_addr_scan(value, limit, &addr, &tag) || addr.star)
		fault(msg, 400, "Malformed From");
	msg->from_uri = slice_of(msg, addr.uri);
	msg->from_tag = slice_of(msg, tag);
	return value.len > 0;
}

static bool to_take(struct sip_msg *msg, const char *limit)
{
	struct sip_name_addr addr;
	struct span value, tag;

	if (!single_value_take(msg, SIP_HDR_TO, "Missing To", "Multiple To", &value))
		return false;
	if (name_addr_scan(value, limit, &addr, &tag) || addr.star)
		fault(msg, 400, "Malformed To");
	msg->to_uri = slice_of(msg, addr.uri);
	msg->to_tag = slice_of(msg, tag);
	return value.len > 0;
}

static bool call_id_take(struct sip_msg *msg, const char *limit)
{
	struct span value;
	const char *end;

	if (!single_value_take(msg, SIP_HDR_CALL_ID, "Missing Call-ID", "Multiple Call-ID", &value))
		return false;
	end = value.ptr + value.len;
	if (value.len == 0 || skip_class(value.ptr, end, limit, CHAR_WORD) != end) {
		fault(msg, 400, "Malformed Call-ID");
		return false;
	}
	msg->call_id = slice_of(msg, value);
	return true;
}

static bool cseq_take(struct sip_msg *msg, const char *limit)
{
	struct span value, method;
	const char *p, *end, *digits_end;
	uint64_t number;

	if (!single_value_take(msg, SIP_HDR_CSEQ, "Missing CSeq", "Multiple CSeq", &value))
		return false;
	p = value.ptr;
	end = p + value.len;
	for (digits_end = p; digits_end < end && is_digit(*digits_end);)
		digits_end++;
	method = span_between(skip_lws(digits_end, end), end);
	if (digits_end == p || method.ptr == digits_end || method.len == 0 ||
	    skip_class(method.ptr, end, limit, CHAR_TOKEN) != end) {
		fault(msg, 400, "Malformed CSeq");
		return false;
	}
	if (sip_number_parse(span_between(p, digits_end), CSEQ_MAX, &number))
		fault(msg, 400, "CSeq Out Of Range");
	else
		msg->cseq = (uint32_t)number;
	msg->cseq_method = slice_of(msg, method);
	if (!msg->is_request)
		msg->method = (uint8_t)sip_method_from(method);
	else if (!span_eq(method, sip_span(msg, msg->method_name)))
		fault(msg, 400, "CSeq Method Mismatch");
	return true;
}

static void max_forwards_take(struct sip_msg *msg)
{
	struct span value;
	uint64_t number;

	/* None is RFC 2543's way. */
	if (!single_value_take(msg, SIP_HDR_MAX_FORWARDS, NULL, "Multiple Max-Forwards", &value))
		return;
	if (sip_number_parse(value, 255, &number))
		fault(msg, 400, "Malformed Max-Forwards");
	else
		msg->max_forwards = (int16_t)number;
}

/* Nothing that ends a line, unless a fold, nor any other control character. */
static bool is_clean(struct span value)
{
	for (const char *p = value.ptr, *end = value.ptr + value.len; p < end; p++) {
		if ((uint8_t)*p >= ' ' || *p == '\t')
			continue;
		if (end - p < 3 || p[0] != '\r' || p[1] != '\n' || (p[2] != ' ' && p[2] != '\t'))
			return false;
		p++;
	}
	return true;
}

bool mandatory_are_clean(const struct sip_msg *msg)
{
	static const enum sip_hdr_id echoed[] = {SIP_HDR_VIA, SIP_HDR_FROM, SIP_HDR_TO,
						 SIP_HDR_CALL_ID, SIP_HDR_CSEQ};

	for (unsigned i = 0; i < sizeof(echoed) / sizeof(echoed[0]); i++)
		for (uint16_t at = msg->first[echoed[i]]; at != SIP_HDR_NONE;
		     at = msg->hdrs[at].next)
			if (!is_clean(sip_span(msg, msg->hdrs[at].value)))
				return false;
	return true;
}

void mandatory_take(struct sip_msg *msg, const char *limit)
{
	bool answerable = via_take(msg, limit);

	answerable &= from_take(msg, limit);
	answerable &= to_take(msg, limit);
	answerable &= call_id_take(msg, limit);
	answerable &= cseq_take(msg, limit);
	max_forwards_take(msg);
	/* An ACK is never answered (section 17.1.1.3), nor is a response. */
	msg->answerable = answerable && msg->is_request && msg->method != SIP_METHOD_ACK;
}
