/* SPDX-License-Identifier: BSD-3-Clause */
/* The value of a Replaces header (RFC 3891 section 6.1), as a header of its own and as one inside
 * a URI. Both processes, any thread. */
#pragma once

#include "common/base/cursor.h"

/* Which dialog is to be replaced, as the user agent that is asked knows it. */
struct sip_replaces {
	struct span call_id;
	struct span to_tag;
	struct span from_tag;
	bool early_only;
};
#define SIP_REPLACES_NONE ((struct sip_replaces){.early_only = false})

/* 0, or -EINVAL: no Call-ID, a tag missing or there twice, or no tokens. */
int sip_replaces_parse(struct span text, struct sip_replaces *out);

/* The value, without a header name. */
void sip_replaces_put(struct cursor *out, const struct sip_replaces *replaces);

/* Walk the headers of a URI (RFC 3261 section 19.1.1: what stands behind '?'); name and value as
 * they came, escaped. False at the end. */
bool sip_uri_header_next(struct span *rest, struct span *name, struct span *value);

/* Text with its escapes undone, and with every character escaped that may not stand in a URI's
 * header. What is no escape is left as it is. */
void sip_put_unescaped(struct cursor *out, struct span text);
void sip_put_escaped(struct cursor *out, struct span text);
