/* SPDX-License-Identifier: BSD-3-Clause */
/* A SIP message taken apart in one pass: start line, header lines, then the headers every message needs
 * (RFC 3261 section 7). Both processes, any thread. */
#include "common/sip/chars.h"
#include "common/sip/name_addr.h"
#include "common/sip/sip_msg.h"
#include "common/sip/via.h"

#define CSEQ_MAX ((UINT64_C(1) << 31) - 1) /* RFC 3261 section 8.1.1.5 */

/* What stopped the walk over the lines. */
enum walk {
	WALK_END,       /* the empty line behind the headers */
	WALK_TRUNCATED, /* the bytes ran out first */
	WALK_TOO_MANY,  /* more lines than SIP_HDRS_MAX */
};

/* The first fault found is the one told. */
static void fault(struct sip_msg *msg, uint16_t status, const char *why)
{
	if (!msg->why) {
		msg->status = status;
		msg->why = why;
	}
}

static struct sip_slice slice_of(const struct sip_msg *msg, struct span s)
{
	return s.len ? (struct sip_slice){(uint16_t)(s.ptr - msg->buf), (uint16_t)s.len} : (struct sip_slice){0};
}

static void msg_clear(struct sip_msg *msg, const char *buf)
{
	memset(msg, 0, offsetof(struct sip_msg, first));
	memset(msg->first, 0xff, sizeof(msg->first));
	msg->buf = buf;
	msg->max_forwards = -1;
	msg->via_transport = NET_TRANSPORTS;
}

/* The CR of the CRLF that ends the text at p, a fold (CRLF and white space) passed over. Only the text of quoted pairs
 * may hold other control characters (RFC 3261 section 25.1). NULL when the bytes run out. */
static const char *line_end(struct sip_msg *msg, const char *p, const char *end, bool *folded)
{
	const char *from = p;

	for (; p < end; p++) {
		if ((uint8_t)*p >= ' ' && *p != 0x7f)
			continue;
		if (*p == '\t' || (p > from && p[-1] == '\\' && *p != '\r' && *p != '\n'))
			continue;
		if (*p != '\r' || (p + 1 < end && p[1] != '\n')) {
			fault(msg, 400, "Control Character In Header");
			continue;
		}
		if (p + 1 == end)
			return NULL;
		if (p + 2 == end || (p[2] != ' ' && p[2] != '\t'))
			return p;
		*folded = true;
		p++;
	}
	return NULL;
}

static bool version_is_2(struct span s)
{
	return span_ieq(s, SPAN("SIP/2.0"));
}

/* Request-Line = Method SP Request-URI SP SIP-Version (section 7.1): nothing more and no other white space.
 * False for a line that is no SIP request at all. */
static bool request_line_parse(struct sip_msg *msg, struct span line)
{
	const char *p = line.ptr, *end = line.ptr + line.len, *uri, *version;
	struct sip_uri parsed;

	while (end > p && char_is(end[-1], CHAR_LWS))
		end--;
	p = skip_class(p, end, CHAR_TOKEN);
	if (p == line.ptr || p == end || !char_is(*p, CHAR_LWS))
		return false;
	for (version = end; version > p && !char_is(version[-1], CHAR_LWS);)
		version--;
	if (end - version < 4 || !span_ieq(span_of(version, 4), SPAN("SIP/")))
		return false;

	msg->is_request = true;
	msg->method_name = slice_of(msg, span_between(line.ptr, p));
	msg->method = (uint8_t)sip_method_from(span_between(line.ptr, p));
	if (!version_is_2(span_between(version, end)))
		fault(msg, 505, "Version Not Supported");
	uri = p + 1;
	p = skip_class(uri, end, CHAR_URI);
	if (p == uri || p + 1 != version || *p != ' ' || uri[-1] != ' ' || end != line.ptr + line.len) {
		fault(msg, 400, "Malformed Request Line");
		return true;
	}
	msg->ruri = slice_of(msg, span_between(uri, p));
	/* Headers have no place in a Request-URI (section 19.1.1): they could bring a Route in (RFC 4475 section 3.1.2.11). */
	if (sip_uri_parse(span_between(uri, p), &parsed) || parsed.headers.ptr)
		fault(msg, 400, "Malformed Request-URI");
	return true;
}

/* Status-Line = SIP-Version SP Status-Code SP Reason-Phrase (section 7.2). A missing SP before an empty
 * phrase is forgiven. False for a line to discard. */
static bool status_line_parse(struct sip_msg *msg, struct span line)
{
	const char *p = line.ptr;

	if (line.len < 11 || !version_is_2(span_of(p, 7)) || p[7] != ' ')
		return false;
	if (p[8] < '1' || p[8] > '6' || !is_digit(p[9]) || !is_digit(p[10]))
		return false;
	if (line.len > 11 && p[11] != ' ')
		return false;
	msg->status = (uint16_t)((p[8] - '0') * 100 + (p[9] - '0') * 10 + (p[10] - '0'));
	if (line.len > 12)
		msg->reason = slice_of(msg, span_trim(span_of(p + 12, line.len - 12)));
	return true;
}

static bool start_line_parse(struct sip_msg *msg, struct span line)
{
	if (line.len >= 4 && span_ieq(span_of(line.ptr, 4), SPAN("SIP/")))
		return status_line_parse(msg, line);
	return request_line_parse(msg, line);
}

/* One header line without its CRLF: message-header = field-name HCOLON field-value (section 7.3.1). */
static void line_parse(struct sip_msg *msg, struct span line, bool folded, uint16_t last[SIP_HDR_IDS_END])
{
	const char *end = line.ptr + line.len, *name_end = skip_class(line.ptr, end, CHAR_TOKEN);
	const char *colon = skip_class(name_end, end, CHAR_LWS);
	struct sip_hdr *hdr = &msg->hdrs[msg->nhdrs];
	struct span name = span_between(line.ptr, name_end), value;
	enum sip_hdr_id id;

	if (name.len == 0 || colon == end || *colon != ':') {
		fault(msg, 400, "Malformed Header Line");
		return;
	}
	id = sip_hdr_id_from(name);
	value = span_trim(span_between(colon + 1, end));
	*hdr = (struct sip_hdr){
		.name = slice_of(msg, name),
		.value = slice_of(msg, value),
		.next = SIP_HDR_NONE,
		.id = (uint8_t)id,
		.folded = folded,
	};
	if (value.len == 0)
		hdr->value.off = (uint16_t)(end - msg->buf);
	if (msg->first[id] == SIP_HDR_NONE)
		msg->first[id] = msg->nhdrs;
	else if (id != SIP_HDR_OTHER)
		msg->hdrs[last[id]].next = msg->nhdrs;
	last[id] = msg->nhdrs++;
}

static enum walk lines_walk(struct sip_msg *msg, const char **p, const char *end)
{
	uint16_t last[SIP_HDR_IDS_END];

	for (;;) {
		const char *from = *p, *to;
		bool folded = false;

		if (from == end)
			return WALK_TRUNCATED;
		to = line_end(msg, from, end, &folded);
		if (!to)
			return WALK_TRUNCATED;
		*p = to + 2;
		if (to == from)
			return WALK_END;
		if (msg->nhdrs == SIP_HDRS_MAX)
			return WALK_TOO_MANY;
		line_parse(msg, span_between(from, to), folded, last);
	}
}

/* The header's value, where there is exactly one line of it. */
static bool single_value(struct sip_msg *msg, enum sip_hdr_id id, const char *missing, const char *twice,
			 struct span *value)
{
	uint16_t at = msg->first[id];

	if (at == SIP_HDR_NONE) {
		*value = SPAN_NONE;
		if (missing)
			fault(msg, 400, missing);
		return false;
	}
	*value = sip_span(msg, msg->hdrs[at].value);
	if (msg->hdrs[at].next != SIP_HDR_NONE)
		fault(msg, 400, twice);
	return true;
}

/* Each of these answers whether a reply could carry the header back (RFC 3261 section 8.2.6.2). */

static bool via_take(struct sip_msg *msg)
{
	struct via_scan scan;
	const char *end;
	int transport;

	if (msg->first[SIP_HDR_VIA] == SIP_HDR_NONE) {
		fault(msg, 400, "Missing Via");
		return false;
	}
	if (via_scan(sip_hdr_value(msg, SIP_HDR_VIA), &scan, &end))
		fault(msg, 400, "Malformed Via");
	transport = net_transport_from(scan.via.transport);
	msg->via_host = slice_of(msg, scan.via.host);
	msg->via_port = scan.via.port;
	msg->via_branch = slice_of(msg, scan.branch);
	msg->via_transport = transport < 0 ? NET_TRANSPORTS : (uint8_t)transport;
	msg->via_rport = scan.rport;
	return scan.usable;
}

static bool from_take(struct sip_msg *msg)
{
	struct sip_name_addr addr;
	struct span value, tag;

	if (!single_value(msg, SIP_HDR_FROM, "Missing From", "Multiple From", &value))
		return false;
	if (name_addr_scan(value, &addr, &tag) || addr.star)
		fault(msg, 400, "Malformed From");
	msg->from_uri = slice_of(msg, addr.uri);
	msg->from_tag = slice_of(msg, tag);
	return value.len > 0;
}

static bool to_take(struct sip_msg *msg)
{
	struct sip_name_addr addr;
	struct span value, tag;

	if (!single_value(msg, SIP_HDR_TO, "Missing To", "Multiple To", &value))
		return false;
	if (name_addr_scan(value, &addr, &tag) || addr.star)
		fault(msg, 400, "Malformed To");
	msg->to_uri = slice_of(msg, addr.uri);
	msg->to_tag = slice_of(msg, tag);
	return value.len > 0;
}

static bool call_id_take(struct sip_msg *msg)
{
	struct span value;
	const char *end;

	if (!single_value(msg, SIP_HDR_CALL_ID, "Missing Call-ID", "Multiple Call-ID", &value))
		return false;
	end = value.ptr + value.len;
	if (value.len == 0 || skip_class(value.ptr, end, CHAR_WORD) != end) {
		fault(msg, 400, "Malformed Call-ID");
		return false;
	}
	msg->call_id = slice_of(msg, value);
	return true;
}

static bool cseq_take(struct sip_msg *msg)
{
	struct span value, method;
	const char *p, *end, *digits_end;
	uint64_t number;

	if (!single_value(msg, SIP_HDR_CSEQ, "Missing CSeq", "Multiple CSeq", &value))
		return false;
	p = value.ptr;
	end = p + value.len;
	for (digits_end = p; digits_end < end && is_digit(*digits_end);)
		digits_end++;
	method = span_between(skip_lws(digits_end, end), end);
	if (digits_end == p || method.ptr == digits_end || method.len == 0 ||
	    skip_class(method.ptr, end, CHAR_TOKEN) != end) {
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
	if (!single_value(msg, SIP_HDR_MAX_FORWARDS, NULL, "Multiple Max-Forwards", &value))
		return;
	if (sip_number_parse(value, 255, &number))
		fault(msg, 400, "Malformed Max-Forwards");
	else
		msg->max_forwards = (int16_t)number;
}

/* Where the body ends (sections 18.3 and 20.14). `body` is the offset of its first byte, `len` all bytes at hand. */
static enum sip_parse_result body_take(struct sip_msg *msg, size_t body, size_t len, enum sip_framing framing)
{
	bool known = false;
	struct span value;
	uint64_t number = 0;

	if (single_value(msg, SIP_HDR_CONTENT_LENGTH, framing == SIP_STREAM ? "Missing Content-Length" : NULL,
			 "Multiple Content-Length", &value)) {
		if (sip_number_parse(value, UINT32_MAX, &number))
			fault(msg, 400, "Malformed Content-Length");
		else
			known = msg->hdrs[msg->first[SIP_HDR_CONTENT_LENGTH]].next == SIP_HDR_NONE;
	} else if (framing == SIP_DATAGRAM) {
		number = len - body;
		known = true;
	}
	if (known && framing == SIP_DATAGRAM && number > len - body) {
		fault(msg, 400, "Content-Length Beyond Datagram");
		known = false;
	}
	if (known && body + number > SIP_MSG_BYTES_MAX) {
		fault(msg, 513, "Message Too Large");
		known = false;
	}
	if (!known)
		return SIP_PARSE_INVALID;
	if (number > len - body)
		return SIP_PARSE_INCOMPLETE;
	msg->content_length = (uint32_t)number;
	msg->body = (struct sip_slice){(uint16_t)body, (uint16_t)number};
	msg->len = (uint32_t)(body + number);
	return msg->why ? SIP_PARSE_INVALID : SIP_PARSE_OK;
}

/* The headers every message must have, good enough to be used; whatever is wrong, all are looked at for the reply's sake. */
static void mandatory_take(struct sip_msg *msg)
{
	bool answerable = via_take(msg);

	answerable &= from_take(msg);
	answerable &= to_take(msg);
	answerable &= call_id_take(msg);
	answerable &= cseq_take(msg);
	max_forwards_take(msg);
	/* An ACK is never answered (section 17.1.1.3), nor is a response. */
	msg->answerable = answerable && msg->is_request && msg->method != SIP_METHOD_ACK;
}

static enum sip_parse_result invalid_without_end(struct sip_msg *msg, size_t len, enum sip_framing framing)
{
	msg->len = framing == SIP_DATAGRAM ? (uint32_t)len : 0;
	return SIP_PARSE_INVALID;
}

enum sip_parse_result sip_parse(struct sip_msg *msg, const char *buf, size_t len, enum sip_framing framing)
{
	size_t scanned = len < SIP_MSG_BYTES_MAX ? len : SIP_MSG_BYTES_MAX;
	const char *end = buf + scanned, *p = buf, *to;
	enum sip_parse_result result;
	bool folded = false;
	enum walk walk;

	msg_clear(msg, buf);
	/* Section 7.5 asks it of streams; datagrams with an empty line first are seen too. */
	while (p < end && (*p == '\r' || *p == '\n' || (framing == SIP_DATAGRAM && *p == '\0')))
		p++;
	if (p == end && scanned == len) {
		msg->len = (uint32_t)len;
		return SIP_PARSE_KEEPALIVE;
	}
	to = line_end(msg, p, end, &folded);
	if (!to || !start_line_parse(msg, span_between(p, to))) {
		if (!to && framing == SIP_STREAM && scanned == len && !msg->why)
			return SIP_PARSE_INCOMPLETE;
		msg->why = NULL;
		fault(msg, 400, "Not A SIP Message");
		return invalid_without_end(msg, len, framing);
	}
	if (folded)
		fault(msg, 400, "Folded Start Line");
	p = to + 2;
	walk = lines_walk(msg, &p, end);
	if (walk == WALK_TRUNCATED && scanned == len && framing == SIP_STREAM && !msg->why)
		return SIP_PARSE_INCOMPLETE;
	if (walk == WALK_TOO_MANY)
		fault(msg, 513, "Too Many Headers");
	else if (walk == WALK_TRUNCATED && scanned < len)
		fault(msg, 513, "Message Too Large");
	else if (walk == WALK_TRUNCATED)
		fault(msg, 400, "Headers Without End");
	mandatory_take(msg);
	if (walk != WALK_END)
		return invalid_without_end(msg, len, framing);
	result = body_take(msg, (size_t)(p - buf), len, framing);
	if (result == SIP_PARSE_INVALID && !msg->len)
		return invalid_without_end(msg, len, framing);
	return result;
}
