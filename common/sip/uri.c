/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP and SIPS URIs taken apart (RFC 3261 section 19.1). Both processes, any thread. */
#include "common/sip/chars.h"
#include "common/sip/host.h"
#include "common/sip/sip_msg.h"

/* Every '%' begins an escape of two hex digits. */
static bool escapes_ok(struct span text)
{
	const char *p = text.ptr, *end = text.ptr + text.len;

	while (p < end && (p = memchr(p, '%', (size_t)(end - p)))) {
		if (end - p < 3 || !is_hex_digit(p[1]) || !is_hex_digit(p[2]))
			return false;
		p += 3;
	}
	return true;
}

/* userinfo, without its '@'. */
static int parse_userinfo(struct span info, struct sip_uri *out)
{
	const char *colon;

	if (info.len == 0)
		return -EINVAL;
	colon = memchr(info.ptr, ':', info.len);
	out->user = info;
	if (colon) {
		out->user.len = (size_t)(colon - info.ptr);
		out->password = span_between(colon + 1, info.ptr + info.len);
	}
	return out->user.len ? 0 : -EINVAL;
}

static int parse_sip(struct sip_uri *out)
{
	const char *p = out->opaque.ptr, *end = p + out->opaque.len;
	/* No part but userinfo may hold '@', and userinfo may hold ';' and '?' (RFC 4475 section 3.1.1.9). */
	const char *at = memchr(p, '@', out->opaque.len), *from;

	if (at) {
		if (parse_userinfo(span_between(p, at), out))
			return -EINVAL;
		p = at + 1;
	}
	p = host_port_scan(p, end, &out->host, &out->port);
	if (!p)
		return -EINVAL;
	if (p < end && *p == ';') {
		from = p;
		p = memchr(p, '?', (size_t)(end - p));
		if (!p)
			p = end;
		out->params = span_between(from, p);
	}
	if (p < end && *p == '?') {
		out->headers = span_between(p + 1, end);
		p = end;
	}
	return p == end && !memchr(out->host.ptr, '@', (size_t)(end - out->host.ptr)) ? 0 : -EINVAL;
}

int sip_uri_parse(struct span text, struct sip_uri *out)
{
	const char *p = text.ptr, *end;

	*out = (struct sip_uri){0};
	if (text.len == 0)
		return -EINVAL;
	end = p + text.len;
	while (p < end && (is_alpha(*p) || (p > text.ptr && (is_digit(*p) || *p == '+' || *p == '-' || *p == '.'))))
		p++;
	if (p == text.ptr || p == end || *p != ':')
		return -EINVAL;
	out->scheme = span_between(text.ptr, p);
	out->opaque = span_between(p + 1, end);
	if (out->opaque.len == 0 || skip_class(p, end, CHAR_URI) != end || !escapes_ok(out->opaque))
		return -EINVAL;
	out->is_sips = span_ieq(out->scheme, SPAN("sips"));
	out->is_sip = out->is_sips || span_ieq(out->scheme, SPAN("sip"));
	return out->is_sip ? parse_sip(out) : 0;
}
