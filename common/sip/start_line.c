/* SPDX-License-Identifier: BSD-3-Clause */
/* Request line and status line (RFC 3261 sections 7.1 and 7.2). Both processes, any thread. */
#include "common/sip/chars.h"
#include "common/sip/parse.h"
#include "common/sip/uri.h"

#define VERSION_BYTES 7u /* "SIP/2.0" */

/* In any case of its letters, of 7 bytes. */
static bool version_is_2(const char *p)
{
	return memcmp(p, "SIP/2.0", VERSION_BYTES) == 0 || strncasecmp(p, "SIP/2.0", VERSION_BYTES) == 0;
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
	if (end - version < 4 || strncasecmp(version, "SIP/", 4) != 0)
		return false;
	msg->is_request = true;
	if (end - version != VERSION_BYTES || !version_is_2(version))
		fault(msg, 505, "Version Not Supported");
	else
		fault(msg, 400, "Malformed Request Line");
	return true;
}

/* Request-Line = Method SP Request-URI SP SIP-Version: nothing more and no other white space. */
static bool request_line_parse(struct sip_msg *msg, struct span line, const char *limit)
{
	const char *p = line.ptr, *end = line.ptr + line.len, *method_end, *uri_end;
	struct sip_uri uri;

	method_end = skip_class(p, end, limit, CHAR_TOKEN);
	if (method_end == p || method_end == end || !char_is(*method_end, CHAR_LWS))
		return false;
	msg->method_name = slice_of(msg, span_between(p, method_end));
	msg->method = (uint8_t)sip_method_from(span_between(p, method_end));

	uri_end = end - VERSION_BYTES - 1;
	if (*method_end != ' ' || uri_end <= method_end + 1 || *uri_end != ' ' || !version_is_2(uri_end + 1) ||
	    skip_class(method_end + 1, uri_end, limit, CHAR_URI) != uri_end)
		return request_line_explain(msg, method_end, end);
	msg->is_request = true;
	msg->ruri = slice_of(msg, span_between(method_end + 1, uri_end));
	/* Headers have no place in a Request-URI (section 19.1.1): they could bring a Route in (RFC 4475 section 3.1.2.11). */
	if (uri_scan(span_between(method_end + 1, uri_end), limit, &uri) || uri.headers.ptr)
		fault(msg, 400, "Malformed Request-URI");
	return true;
}

/* Status-Line = SIP-Version SP Status-Code SP Reason-Phrase. A missing SP before an empty phrase is forgiven. */
static bool status_line_parse(struct sip_msg *msg, struct span line)
{
	const char *p = line.ptr;

	if (line.len < 11 || !version_is_2(p) || p[7] != ' ')
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
	if (line.len >= 4 && strncasecmp(line.ptr, "SIP/", 4) == 0)
		return status_line_parse(msg, line);
	return request_line_parse(msg, line, limit);
}
