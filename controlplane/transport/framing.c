/* SPDX-License-Identifier: BSD-3-Clause */
/* Where messages begin and end in a stream. limen-controlplane, any thread. */
#include "controlplane/transport/framing.h"

#define NOT_SIP "Not A SIP Message" /* as the parse says it of a first line */

static void refuse(struct sip_msg *msg, uint16_t status, const char *why)
{
	msg->status = status;
	msg->why = why;
	msg->len = 0;
}

/* Empty lines between messages. True: there is something to tell of. */
static bool between(struct framing *framing, const char *buf, size_t len, uint32_t *used,
		    enum framing_result *result)
{
	size_t at = 0;

	while (at < len && (buf[at] == '\r' || buf[at] == '\n')) {
		if (buf[at] == '\r' && at + 1 == len)
			break; /* its LF is on the way */
		if (buf[at] == '\n' || buf[at + 1] != '\n') {
			at++; /* half a line end alone is nothing */
			continue;
		}
		*used = (uint32_t)at + 2;
		*result = framing->half_ping ? FRAMING_PING : FRAMING_CRLF;
		framing->half_ping = !framing->half_ping;
		return true;
	}
	*used = (uint32_t)at;
	*result = FRAMING_MORE;
	return at == len || buf[at] == '\r';
}

/* Behind the empty line that ends the head; 0: it is not there yet. */
static size_t head_end(const struct framing *framing, const char *buf, size_t len)
{
	size_t from = framing->looked > 3 ? framing->looked - 3 : 0;
	const char *end = memmem(buf + from, len - from, "\r\n\r\n", 4);

	return end ? (size_t)(end - buf) + 4 : 0;
}

/* Whether the first line is whole: a fold would go on with it, so the byte behind it counts. What
 * lies before `looked` was seen before. */
static bool has_line(const char *buf, size_t len, size_t looked)
{
	const char *at = buf + (looked > 2 ? looked - 2 : 0), *end = buf + len;

	while ((at = memmem(at, (size_t)(end - at), "\r\n", 2)) && at + 2 < end) {
		if (at[2] != ' ' && at[2] != '\t')
			return true;
		at += 2;
	}
	return false;
}

/* A method or a version: a token (RFC 3261 section 25.1). */
static bool begins_like_sip(char c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-.!%*_+`'~", c));
}

/* A head without end. Another protocol shows by its first byte, or when its first line is whole;
 * all else is looked at once the end is there: so what becomes of a stream does not hang on the
 * pieces it comes in, and one byte at a time costs no more than all at once. */
static enum framing_result begun(struct framing *framing, const char *buf, size_t len, uint32_t max,
				 struct sip_msg *msg)
{
	uint32_t looked = framing->looked;
	bool too_large = len > max;

	framing->looked = (uint32_t)len;
	if (!framing->is_sip && has_line(buf, len, looked)) {
		framing->is_sip = true;
		if (sip_parse(msg, buf, len, SIP_STREAM) == SIP_PARSE_INVALID &&
		    !strcmp(msg->why, NOT_SIP))
			return FRAMING_BROKEN;
	}
	if (!too_large)
		return FRAMING_MORE;
	/* read as if this were all of it: who sent it can perhaps be answered */
	(void)sip_parse(msg, buf, len, SIP_DATAGRAM);
	refuse(msg, 513, "Message Too Large");
	return FRAMING_BROKEN;
}

/* The head is there, the body is not. */
static enum framing_result wait_for_body(struct framing *framing, size_t head, uint32_t max,
					 struct sip_msg *msg)
{
	uint64_t length = 0;

	/* the parse has seen that it is a number */
	(void)sip_number_parse(sip_hdr_value(msg, SIP_HDR_CONTENT_LENGTH), UINT32_MAX, &length);
	if (head + length > max) {
		refuse(msg, 513, "Message Too Large");
		return FRAMING_BROKEN;
	}
	framing->need = (uint32_t)(head + length);
	return FRAMING_MORE;
}

static enum framing_result take(struct framing *framing, const char *buf, size_t len, uint32_t max,
				struct sip_msg *msg, uint32_t *used)
{
	size_t head = framing->need ? 1 : head_end(framing, buf, len);
	enum sip_parse_result parsed;

	if (!begins_like_sip(buf[0])) {
		msg->is_request = msg->answerable = false;
		refuse(msg, 400, NOT_SIP);
		return FRAMING_BROKEN;
	}
	if (!head)
		return begun(framing, buf, len, max, msg);
	if (len < framing->need)
		return FRAMING_MORE;
	parsed = sip_parse(msg, buf, len, SIP_STREAM);
	if (parsed == SIP_PARSE_INCOMPLETE)
		return wait_for_body(framing, head, max, msg);
	if (!msg->len)
		return FRAMING_BROKEN;
	if (msg->len > max) {
		refuse(msg, 513, "Message Too Large");
		return FRAMING_BROKEN;
	}
	*used = msg->len;
	*framing = (struct framing){0};
	return FRAMING_MESSAGE;
}

enum framing_result framing_next(struct framing *framing, const char *buf, size_t len, uint32_t max,
				 struct sip_msg *msg, uint32_t *used)
{
	enum framing_result result;
	uint32_t before = 0;

	*used = 0;
	if (!len)
		return FRAMING_MORE;
	if (!framing_begun(framing) && between(framing, buf, len, &before, &result)) {
		*used = before;
		return result;
	}
	framing->half_ping = false;
	result = take(framing, buf + before, len - before, max, msg, used);
	*used += before;
	return result;
}
