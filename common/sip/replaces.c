/* SPDX-License-Identifier: BSD-3-Clause */
/* Replaces, and the escapes of URI headers that may carry it. Both processes, any thread. */
#include "common/sip/replaces.h"

#include <errno.h>

#include "common/sip/param.h"

static bool is_all(struct span text, enum char_class class)
{
	const char *end = text.ptr + text.len;

	return text.len && skip_class(text.ptr, end, end, class) == end;
}

/* A tag that may be there once. */
static int take_tag(struct span *tag, struct span value)
{
	if (tag->len || !is_all(value, CHAR_TOKEN))
		return -EINVAL;
	*tag = value;
	return 0;
}

int sip_replaces_parse(struct span text, struct sip_replaces *out)
{
	const char *p, *end = text.ptr + text.len;
	struct param param;
	int got = 1;

	memset(out, 0, sizeof(*out));
	p = text.len ? memchr(text.ptr, ';', text.len) : NULL;
	if (p == NULL)
		return -EINVAL;
	out->call_id = span_trim(span_between(text.ptr, p));
	if (!is_all(out->call_id, CHAR_WORD))
		return -EINVAL;
	while (got == 1) {
		got = param_next(&p, end, end, &param);
		if (got != 1)
			break;
		if (span_ieq(param.name, SPAN("to-tag")))
			got = take_tag(&out->to_tag, param.value) ? -EINVAL : 1;
		else if (span_ieq(param.name, SPAN("from-tag")))
			got = take_tag(&out->from_tag, param.value) ? -EINVAL : 1;
		else if (span_ieq(param.name, SPAN("early-only")))
			out->early_only = true;
	}
	return got < 0 || p != end || out->to_tag.len == 0 || out->from_tag.len == 0 ? -EINVAL : 0;
}

void sip_replaces_put(struct cursor *out, const struct sip_replaces *replaces)
{
	put_span(out, replaces->call_id);
	put_lit(out, ";to-tag=");
	put_span(out, replaces->to_tag);
	put_lit(out, ";from-tag=");
	put_span(out, replaces->from_tag);
	if (replaces->early_only)
		put_lit(out, ";early-only");
}

bool sip_uri_header_next(struct span *rest, struct span *name, struct span *value)
{
	const char *end, *amp, *equal;

	if (rest->len == 0)
		return false;
	end = rest->ptr + rest->len;
	amp = memchr(rest->ptr, '&', rest->len);
	*name = span_between(rest->ptr, amp ? amp : end);
	*value = SPAN_NONE;
	equal = name->len ? memchr(name->ptr, '=', name->len) : NULL;
	if (equal) {
		*value = span_between(equal + 1, name->ptr + name->len);
		name->len = (size_t)(equal - name->ptr);
	}
	*rest = amp ? span_between(amp + 1, end) : SPAN_NONE;
	return true;
}

void sip_put_unescaped(struct cursor *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '%' && text.len - i > 2 && is_hex_digit(text.ptr[i + 1]) &&
		    is_hex_digit(text.ptr[i + 2])) {
			put_char(out, (char)(hex_value(text.ptr[i + 1]) << 4 |
					     hex_value(text.ptr[i + 2])));
			i += 2;
		} else {
			put_char(out, text.ptr[i]);
		}
	}
}

void sip_put_escaped(struct cursor *out, struct span text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (is_alpha(c) || is_digit(c) || (c && strchr("-_.!~*'()", c))) {
			put_char(out, c);
		} else {
			put_char(out, '%');
			put_char(out, hex[(uint8_t)c >> 4]);
			put_char(out, hex[(uint8_t)c & 15]);
		}
	}
}
