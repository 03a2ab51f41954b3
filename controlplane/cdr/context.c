/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's note on a call: "1 TRUNK TRUNK REALM REALM CALLER CALLED". Names are words
 * already; of the users all but printable ASCII is escaped as %XX. limen-controlplane, any
 * thread. */
#include "controlplane/cdr/context.h"

#include <errno.h>

#define VERSION '1'

static const char hex[] = "0123456789ABCDEF";

static void put_escaped(struct cursor *out, struct span user)
{
	size_t len = user.len < CDR_NUMBER_BYTES_MAX ? user.len : CDR_NUMBER_BYTES_MAX;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)user.ptr[i];

		if (c > ' ' && c < 0x7f && c != '%') {
			put_char(out, (char)c);
		} else {
			put_char(out, '%');
			put_char(out, hex[c >> 4]);
			put_char(out, hex[c & 15]);
		}
	}
}

void put_cdr_context(struct cursor *out, const struct cdr_context *context)
{
	const struct span names[4] = {context->trunk[0], context->trunk[1], context->realm[0],
				      context->realm[1]};

	put_char(out, VERSION);
	for (unsigned i = 0; i < 4; i++) {
		put_char(out, ' ');
		put_span(out, names[i]);
	}
	put_char(out, ' ');
	put_escaped(out, context->caller);
	put_char(out, ' ');
	put_escaped(out, context->called);
}

static int hex_digit(char c)
{
	const char *at = c ? strchr(hex, c) : NULL;

	return at ? (int)(at - hex) : -1;
}

static int unescape(struct span text, char out[CDR_NUMBER_BYTES_MAX], struct span *user)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '%') {
			int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (len == CDR_NUMBER_BYTES_MAX)
			return -EINVAL;
		out[len++] = c;
	}
	*user = span_of(out, len);
	return 0;
}

int cdr_context_read(struct span text, struct cdr_context *context, struct cdr_users *users)
{
	struct span fields[7];
	unsigned n = 0;
	const char *at = text.ptr, *end = text.ptr + text.len;

	while (n < 7) {
		const char *blank = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
		const char *stop = blank ? blank : end;

		fields[n++] = span_of(at, (size_t)(stop - at));
		if (!blank)
			break;
		at = blank + 1;
	}
	if (n != 7 || fields[6].ptr + fields[6].len != end || fields[0].len != 1 ||
	    fields[0].ptr[0] != VERSION)
		return -EINVAL;
	context->trunk[0] = fields[1];
	context->trunk[1] = fields[2];
	context->realm[0] = fields[3];
	context->realm[1] = fields[4];
	if (unescape(fields[5], users->bytes[0], &context->caller))
		return -EINVAL;
	return unescape(fields[6], users->bytes[1], &context->called);
}
