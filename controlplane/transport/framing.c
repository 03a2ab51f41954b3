/* SPDX-License-Identifier: BSD-3-Clause */
/* Where messages begin and end in a stream. limen-controlplane, any thread. */
#include "controlplane/transport/framing.h"

#define TRY_FIRST 64u /* bytes: what is no SIP at all shows before that */

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
static size_t head_end(struct framing *framing, const char *buf, size_t len)
{
	size_t from = framing->looked > 3 ? framing->looked - 3 : 0;
	const char *end = memmem(buf + from, len - from, "\r\n\r\n", 4);

	framing->looked = (uint32_t)len;
	return end ? (size_t)(end - buf) + 4 : 0;
}

/* A head without end: whether it can become one. Looked at when it has doubled, so that one byte at
 * a time costs no more than all at once. */
static enum framing_result begun(struct framing *framing, const char *buf, size_t len, uint32_t max,
				 struct sip_msg *msg)
{
	if (len < framing->try_at && len <= max)
		return FRAMING_MORE;
	framing->try_at = (uint32_t)(len < TRY_FIRST ? TRY_FIRST : 2 * len);
	if (sip_parse(msg, buf, len, SIP_STREAM) == SIP_PARSE_INVALID)
		return FRAMING_BROKEN;
	if (len <= max)
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
