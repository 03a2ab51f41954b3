/* SPDX-License-Identifier: BSD-3-Clause */
/* A SIP message taken apart in one pass: start line, header lines, then the headers every message
 * needs and the end of the body (RFC 3261 section 7). Both processes, any thread. */
#include "common/sip/parse.h"

static void msg_clear(struct sip_msg *msg, const char *buf)
{
	memset(msg, 0, offsetof(struct sip_msg, first));
	memset(msg->first, 0xff, sizeof(msg->first));
	msg->buf = buf;
	msg->max_forwards = -1;
	msg->via_transport = NET_TRANSPORTS;
}

/* Empty lines before a message are passed over in streams as section 7.5 asks, and in datagrams
 * because they are seen there too; so are the zeros some phones keep their NAT open with. */
static size_t skip_keepalive(const char *buf, size_t len, enum sip_framing framing)
{
	size_t at = 0;

	while (at < len &&
	       (buf[at] == '\r' || buf[at] == '\n' || (framing == SIP_DATAGRAM && buf[at] == '\0')))
		at++;
	return at;
}

/* What Content-Length says of the body (sections 18.3 and 20.14), where it can be believed. */
static bool body_length(struct sip_msg *msg, size_t left, enum sip_framing framing,
			uint64_t *length)
{
	const char *missing = framing == SIP_STREAM ? "Missing Content-Length" : NULL;
	struct span value;

	*length = left;
	if (!single_value_take(msg, SIP_HDR_CONTENT_LENGTH, missing, "Multiple Content-Length",
			       &value))
		return framing == SIP_DATAGRAM;
	if (sip_number_parse(value, UINT32_MAX, length)) {
		fault(msg, 400, "Malformed Content-Length");
		return false;
	}
	return msg->hdrs[msg->first[SIP_HDR_CONTENT_LENGTH]].next == SIP_HDR_NONE;
}

/* The body behind the head of `head` bytes. A message with a fault has its end found too: a stream
 * can go on behind it. */
static enum sip_parse_result body_take(struct sip_msg *msg, size_t head, size_t len,
				       enum sip_framing framing)
{
	uint64_t length;

	if (!body_length(msg, len - head, framing, &length))
		return SIP_PARSE_INVALID;
	if (framing == SIP_DATAGRAM && length > len - head) {
		fault(msg, 400, "Content-Length Beyond Datagram");
		return SIP_PARSE_INVALID;
	}
	if (head + length > SIP_MSG_BYTES_MAX) {
		fault(msg, 513, "Message Too Large");
		return SIP_PARSE_INVALID;
	}
	if (length > len - head)
		return SIP_PARSE_INCOMPLETE;
	msg->content_length = (uint32_t)length;
	msg->body = (struct sip_slice){(uint16_t)head, (uint16_t)length};
	msg->len = (uint32_t)(head + length);
	return msg->why ? SIP_PARSE_INVALID : SIP_PARSE_OK;
}

/* A message whose end is not known: all of a datagram, and of a stream there is no telling. */
static enum sip_parse_result invalid(struct sip_msg *msg, size_t len, enum sip_framing framing)
{
	if (!msg->len && framing == SIP_DATAGRAM)
		msg->len = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
	return SIP_PARSE_INVALID;
}

enum sip_parse_result sip_parse(struct sip_msg *msg, const char *buf, size_t len,
				enum sip_framing framing)
{
	size_t looked_at = len < SIP_MSG_BYTES_MAX ? len : SIP_MSG_BYTES_MAX;
	size_t from = skip_keepalive(buf, looked_at, framing);
	enum sip_parse_result result;
	struct lines lines;
	enum walk walk;

	msg_clear(msg, buf);
	if (from == looked_at) {
		msg->len = (uint32_t)looked_at;
		return SIP_PARSE_KEEPALIVE;
	}
	walk = lines_walk(msg, (uint32_t)from, (uint32_t)looked_at, &lines);
	/* More bytes may mend a head that has no end yet, but no control character, and not the
	 * size. */
	if (walk == WALK_TRUNCATED && framing == SIP_STREAM && looked_at == len && !lines.control)
		return SIP_PARSE_INCOMPLETE;
	if (walk == WALK_NO_SIP) {
		fault(msg, 400, "Not A SIP Message");
		return invalid(msg, len, framing);
	}
	if (walk == WALK_TOO_MANY)
		fault(msg, 513, "Too Many Headers");
	if (lines.control)
		fault(msg, 400, "Control Character In Header");
	if (walk == WALK_TRUNCATED)
		fault(msg, looked_at < len ? 513 : 400,
		      looked_at < len ? "Message Too Large" : "Headers Without End");
	mandatory_take(msg, buf + looked_at);
	if (lines.control)
		msg->answerable &= mandatory_are_clean(msg);
	if (walk != WALK_END)
		return invalid(msg, len, framing);
	result = body_take(msg, lines.end, len, framing);
	return result == SIP_PARSE_INVALID ? invalid(msg, len, framing) : result;
}
