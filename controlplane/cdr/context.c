/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's note on a call: "3 TRUNK TRUNK REALM REALM CALLER CALLED REDIRECTED
 * TRANSFERRED CALLING-ROUTED CALLED-ROUTED", or versions 2 and 1, each without the last two, which
 * calls may have that began before an upgrade. Names are words already; of the users all but printable ASCII is escaped as %XX.
 * limen-controlplane, any thread. */
#include "controlplane/cdr/context.h"

#include <errno.h>

#define FIELDS_1 7u
#define FIELDS_2 9u
#define FIELDS_3 11u
/* What a user may take of the note, so that six of them, and four names, always fit. */
#define USER_TEXT_MAX 122u

static const char hex[] = "0123456789ABCDEF";

static void put_escaped(struct cursor *out, struct span user)
{
	size_t len = user.len < CDR_NUMBER_BYTES_MAX ? user.len : CDR_NUMBER_BYTES_MAX;
	uint32_t from = out->len;

	for (size_t i = 0; i < len && out->len - from + 3 <= USER_TEXT_MAX; i++) {
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

	put_char(out, '3');
	for (unsigned i = 0; i < 4; i++) {
		put_char(out, ' ');
		put_span(out, names[i]);
	}
	for (unsigned i = 0; i < CDR_USERS; i++) {
		put_char(out, ' ');
		put_escaped(out, context->users[i]);
	}
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
	struct span fields[FIELDS_3];
	unsigned n = 0, wanted;
	const char *at = text.ptr, *end = text.ptr + text.len;

	*context = (struct cdr_context){0};
	while (n < FIELDS_3) {
		const char *blank = at < end ? memchr(at, ' ', (size_t)(end - at)) : NULL;
		const char *stop = blank ? blank : end;

		fields[n++] = span_of(at, (size_t)(stop - at));
		if (!blank)
			break;
		at = blank + 1;
	}
	wanted = span_eq(fields[0], SPAN("1"))   ? FIELDS_1
		 : span_eq(fields[0], SPAN("2")) ? FIELDS_2
						 : FIELDS_3;
	if (n != wanted || fields[n - 1].ptr + fields[n - 1].len != end ||
	    (wanted == FIELDS_3 && !span_eq(fields[0], SPAN("3"))))
		return -EINVAL;
	context->trunk[0] = fields[1];
	context->trunk[1] = fields[2];
	context->realm[0] = fields[3];
	context->realm[1] = fields[4];
	for (unsigned i = 0; i + 5 < n; i++) {
		if (unescape(fields[5 + i], users->bytes[i], &context->users[i]))
			return -EINVAL;
	}
	return 0;
}
