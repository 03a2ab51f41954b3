/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of sip_parse, a file each. Private to common/sip. Both processes, any thread. */
#pragma once

#include "common/sip/sip_msg.h"

/* What ended the walk over the lines. */
enum walk {
	WALK_END,	/* the empty line behind the headers */
	WALK_TRUNCATED, /* the bytes ran out first */
	WALK_TOO_MANY,	/* more lines than SIP_HDRS_MAX */
	WALK_NO_SIP,	/* the first line is no SIP message's */
};

/* Start line and header lines of buf from `from` up to `len`, at most SIP_MSG_BYTES_MAX. `end` is
 * behind the empty line, or `len`; `control` tells of a control character that cannot stand where
 * it stands. */
struct lines {
	uint32_t end;
	bool control;
};
enum walk lines_walk(struct sip_msg *msg, uint32_t from, uint32_t len, struct lines *lines);

/* The first line, without its CRLF. False for one that is no SIP message's, or a status line to
 * discard. */
bool start_line_parse(struct sip_msg *msg, struct span line, const char *limit);

/* Via, From, To, Call-ID, CSeq and Max-Forwards, into the message. */
void mandatory_take(struct sip_msg *msg, const char *limit);

/* Whether the headers that a reply carries back are free of the control characters that the message
 * was refused for. */
bool mandatory_are_clean(const struct sip_msg *msg);

/* The first fault found is the one told. */
static inline void fault(struct sip_msg *msg, uint16_t status, const char *why)
{
	if (!msg->why) {
		msg->status = status;
		msg->why = why;
	}
}

static inline struct sip_slice slice_of(const struct sip_msg *msg, struct span s)
{
	return s.len ? (struct sip_slice){(uint16_t)(s.ptr - msg->buf), (uint16_t)s.len}
		     : (struct sip_slice){0};
}

/* The header's value where there is one; faults for none (unless `missing` is NULL) and for more
 * than one line. */
static inline bool single_value_take(struct sip_msg *msg, enum sip_hdr_id id, const char *missing,
				     const char *twice, struct span *value)
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
