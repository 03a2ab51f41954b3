/* SPDX-License-Identifier: BSD-3-Clause */
/* Request line and status line (RFC 3261 sections 7.1 and 7.2). Both processes, any thread. */
#include "common/sip/chars.h"
#include "common/sip/parse.h"
#include "common/sip/uri.h"

#define VERSION_BYTES 7 /* "SIP/2.0" */

/* "SIP/", in any case of its letters: 4 bytes. */
static bool is_version(const char *p)
{
	return (p[0] & ~0x20) == 'S' && (p[1] & ~0x20) == 'I' && (p[2] & ~0x20) == 'P' &&
	       p[3] == '/';
}

/* "SIP/2.0": 7 bytes. */
static bool is_version_2(const char *p)
{
	return is_version(p) && p[4] == '2' && p[5] == '.' && p[6] == '0';
}

/* A request line that is not as it should be: is it one at all, and what is wrong with it? */
static bool request_line_explain(struct sip_msg *msg, const char *p, const char *end)
{
	const char *version = end;

	while (version > p && char_is(version[-1], CHAR_LWS))
		version--;
	end = version;
	while (version > p && !char_is(version[-1], CHAR_LWS))
		version--;
	if (end - version < 4 || !is_version(version))
		return false;
	msg->is_request = true;
	if (end - version != VERSION_BYTES || !is_version_2(version))
		fault(msg, 505, "Version Not Supported");
	else
		fault(msg, 400, "Malformed Request Line");
	return true;
}

/* Request-Line = Method SP Request-URI SP SIP-Version: nothing more and no other white space. */
static bool request_line_parse(struct sip_msg *msg, struct span line, const char *limit)
{
	const char *p = line.ptr, *end = line.ptr + line.len, *method_end, *version;
	struct sip_uri parts;
	struct span uri;

	method_end = skip_class(p, end, limit, CHAR_TOKEN);
	if (method_end == p || method_end == end || !char_is(*method_end, CHAR_LWS))
		return false;
	msg->method_name = slice_of(msg, span_between(p, method_end));
	msg->method = (uint8_t)sip_method_from(span_between(p, method_end));

	version = end - VERSION_BYTES;
	if (version - method_end < 3 || *method_end != ' ' || version[-1] != ' ' ||
	    !is_version_2(version))
		return request_line_explain(msg, method_end, end);
	uri = span_between(method_end + 1, version - 1);
	/* Headers have no place in a Request-URI (section 19.1.1): they could bring a Route in (RFC
	 * 4475 section 3.1.2.11). */
	if (uri_scan(uri, limit, &parts) || parts.headers.ptr) {
		if (skip_class(uri.ptr, uri.ptr + uri.len, limit, CHAR_URI) != uri.ptr + uri.len)
			return request_line_explain(msg, method_end, end);
		fault(msg, 400, "Malformed Request-URI");
	}
	msg->is_request = true;
	msg->ruri = slice_of(msg, uri);
	return true;
}

/* Status-Line = SIP-Version SP Status-Code SP Reason-Phrase. A missing SP before an empty phrase is
 * forgiven. */
static bool status_line_parse(struct sip_msg *msg, struct span line)
{
	const char *p = line.ptr;

	if (line.len < 11 || !is_version_2(p) || p[7] != ' ')
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

bool start_line_parse(struct sip_msg *msg, struct span line, const char *limit)
{
	/* '/' is in no token: a method cannot begin like this. */
	if (line.len >= 4 && is_version(line.ptr))
		return status_line_parse(msg, line);
	return request_line_parse(msg, line, limit);
}
