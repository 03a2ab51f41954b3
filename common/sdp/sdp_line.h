/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines, words and attributes of a session description: what the parser and the writer of
 * common/sdp share. Private to common/sdp. Both processes, any thread. */
#pragma once

#include "common/sdp/sdp.h"

struct sdp_line {
	char type;         /* 'a' of "a=..." */
	bool foul;         /* a NUL, or a CR that ends nothing, is inside */
	bool crlf;         /* CR and LF follow the text */
	struct span text;  /* the whole line without its end */
	struct span value; /* behind the '=' */
};

/* The next line that is not empty; lines end in CRLF, or LF alone (RFC 8866 section 5), the last
 * one perhaps in nothing. False at the end. */
bool sdp_line_next(struct span *rest, struct sdp_line *line);

/* The next word between blanks, empty at the end. */
struct span sdp_word_next(struct span *rest);

/* The host of "IN IP4 host", without "/ttl"; may be empty. */
struct span sdp_connection_host(struct span connection);

/* The address part of o=: "IN IP4 host". */
struct span sdp_origin_connection(struct span origin);

/* "name" or "name:value" of an a= line's value. */
struct sdp_attr {
	struct span name; /* without blanks around it */
	struct span value;
	bool has_value;
};
struct sdp_attr sdp_attr_of(struct span value);

/* enum sdp_direction, or -EINVAL for any other attribute. */
int sdp_direction_from(const struct sdp_attr *attr);

bool sdp_is_rtcp_mux(const struct sdp_attr *attr);

/* The mids of "group:BUNDLE mid ..." (RFC 8843 section 7); ptr NULL for any other attribute. */
struct span sdp_bundle_mids(const struct sdp_attr *attr);
/* Take what a section's attribute says of bundles, if it does. */
void sdp_bundle_line(struct sdp_media *media, const struct sdp_attr *attr);
/* Of an a= line: a=mid. */
bool sdp_is_mid(const struct sdp_line *line);
