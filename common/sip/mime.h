/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of several parts (RFC 2046 section 5.1, RFC 5621), read without copy. Both processes, any
 * thread; spans die with the text. */
#pragma once

#include "common/base/span.h"

/* One part of a multipart body. */
struct mime_part {
	struct span type;	 /* Content-Type's value; empty: text/plain */
	struct span disposition; /* Content-Disposition's */
	struct span id;		 /* Content-ID, without its brackets */
	bool encoded; /* by Content-Transfer-Encoding or Content-Encoding: not to be read */
	struct span body;
};

struct mime_parts {
	struct span boundary;
	struct span rest; /* behind the delimiter of the next part */
	bool last;	  /* there is none */
};

/* "type/subtype" of a Content-Type value, without its parameters. */
struct span mime_type(struct span content_type);

/* A parameter of a Content-Type or Content-Disposition value, without quotes. False where it is not
 * there. */
bool mime_param(struct span value, struct span name, struct span *param);

/* Whether a Content-Disposition says that the body may be left out (RFC 3261 section 20.11). */
bool mime_is_optional(struct span disposition);

/* Whether a Content-Encoding says anything. */
bool mime_is_encoded(struct span content_encoding);

/* Begin to read a body of that Content-Type. 0, or -EINVAL without a boundary or its delimiter. */
int mime_parts_open(struct mime_parts *parts, struct span content_type, struct span body);
/* 1; 0 at the end; -EINVAL for a part whose head is no head. A body that ends without the closing
 * delimiter ends its last part. */
int mime_parts_next(struct mime_parts *parts, struct mime_part *part);

/* A whole text as one part: its head up to the empty line, and what is behind. 0, or -EINVAL. */
int mime_part_read(struct mime_part *part, struct span text);
