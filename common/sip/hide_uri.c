/* SPDX-License-Identifier: BSD-3-Clause */
/* One URI hidden from the other side: what of it speaks of the user stays. Both processes, any
 * thread. */
#include "common/sip/hide_priv.h"
#include "common/sip/host.h"

/* Longer ones are text: looking for each one's end stays cheap. */
#define URI_BYTES_MAX 1024

const char *hide_uri_run(const char *p, const char *end)
{
	const char *to =
		skip_class(p, end - p > URI_BYTES_MAX ? p + URI_BYTES_MAX : end, end, CHAR_URI);
	const char *escape = memchr(p, '\\', (size_t)(to - p));

	return escape ? escape : to;
}

struct span hide_host_at(const char *p, const char *end)
{
	struct span host = SPAN_NONE;

	host_scan(p, end, end, &host);
	return host;
}

/* A piece of a host name that is escaped, not ASCII, or by the book: its bytes, or 0. */
static size_t host_piece(const char *p, const char *end)
{
	if (p == end)
		return 0;
	if (*p == '%' && end - p >= 3 && is_hex_digit(p[1]) && is_hex_digit(p[2])) {
		uint8_t c = (uint8_t)(hex_value(p[1]) << 4 | hex_value(p[2]));

		return c >= 0x80 || char_is((char)c, CHAR_HOST) ? 3 : 0;
	}
	return (uint8_t)*p >= 0x80 || char_is(*p, CHAR_HOST);
}

bool hide_host_begins(const char *p, const char *end)
{
	return host_piece(p, end) || hide_host_at(p, end).len;
}

const char *hide_host_end(const char *p, const char *end)
{
	const char *behind;
	uint16_t port;

	p += hide_host_at(p, end).len;
	for (size_t more; (more = host_piece(p, end)) != 0;)
		p += more;
	behind = p < end && *p == ':' ? port_scan(p + 1, end, &port) : NULL;
	return behind ? behind : p;
}

enum hide_scheme hide_scheme_at(const char *p, const char *end, const char **opaque)
{
	static const struct {
		struct span name;
		enum hide_scheme scheme;
	} known[] = {
		{{"sip", 3}, SCHEME_AT},  {{"sips", 4}, SCHEME_AT}, {{"im", 2}, SCHEME_AT},
		{{"pres", 4}, SCHEME_AT}, {{"xmpp", 4}, SCHEME_AT}, {{"mailto", 6}, SCHEME_AT},
		{{"tel", 3}, SCHEME_TEL}, {{"fax", 3}, SCHEME_TEL}, {{"modem", 5}, SCHEME_TEL},
		{{"cid", 3}, SCHEME_CID}, {{"mid", 3}, SCHEME_CID},
	};
	const char *colon = p;
	struct span name;

	while (colon < end && (is_alpha(*colon) || is_digit(*colon) || *colon == '+' ||
			       *colon == '-' || *colon == '.'))
		colon++;
	if (colon == p || end - colon < 2 || *colon != ':' || !is_alpha(*p))
		return SCHEME_NONE;
	*opaque = colon + 1;
	if (end - colon > 2 && colon[1] == '/' && colon[2] == '/')
		return SCHEME_URL;
	name = span_between(p, colon);
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_ieq(name, known[i].name))
			return hide_is_uri_char(colon[1]) && colon[1] != ':' ? known[i].scheme
									     : SCHEME_NONE;
	return SCHEME_NONE;
}

static void put_self(struct cursor *out, const struct hide *hide)
{
	put_addr_sip(out, hide->self.family, &hide->self.addr);
	if (hide->self.port && hide->self.port != 5060) {
		put_char(out, ':');
		put_u64(out, hide->self.port);
	}
}

/* The host at p is limen's now: behind it. */
static const char *put_host(struct cursor *out, const struct hide *hide, const char *p,
			    const char *end)
{
	if (span_ieq(hide_host_at(p, end), HIDE_NOBODY))
		put_span(out, HIDE_NOBODY);
	else
		put_self(out, hide);
	return hide_host_end(p, end);
}

/* ";name=value" without the ';': behind it. */
static const char *uri_param_end(const char *p, const char *end)
{
	while (p < end && hide_is_uri_char(*p) && *p != ';' && *p != '?' && *p != ',')
		p++;
	return p;
}

/* Parameters of a SIP URI: user=phone alone says something about the user. */
static const char *put_sip_params(struct cursor *out, const char *p, const char *end)
{
	bool phone = false;

	while (p < end && *p == ';') {
		const char *from = p + 1;

		p = uri_param_end(from, end);
		if (!phone && span_ieq(span_between(from, p), SPAN("user=phone"))) {
			put_lit(out, ";user=phone");
			phone = true;
		}
	}
	return p;
}

static bool starts_with(struct span text, struct span prefix)
{
	return text.len >= prefix.len && strncasecmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

/* "?a=b&c=d": Reason and Privacy of History-Info (RFC 7044 section 5) stay. */
static const char *put_sip_headers(struct cursor *out, const struct hide *hide,
				   const struct hide_names *names, const char *p, const char *end,
				   bool history)
{
	char mark = '?';

	while (p < end && (*p == '?' || *p == '&')) {
		const char *from = p + 1;
		struct span header;

		p = from;
		while (p < end && hide_is_uri_char(*p) && *p != '&' && *p != ',')
			p++;
		header = span_between(from, p);
		if (!history || !(starts_with(header, SPAN("Reason=")) ||
				  starts_with(header, SPAN("Privacy="))))
			continue;
		put_char(out, mark);
		hide_plain(out, hide, names, header);
		mark = '&';
	}
	return p;
}

static bool param_is(struct span param, struct span name)
{
	return starts_with(param, name) && (param.len == name.len || param.ptr[name.len] == '=');
}

void hide_tel_param(struct cursor *out, const struct hide *hide, const struct hide_names *names,
		    struct span param)
{
	static const struct span contexts[] = {
		{"phone-context", 13}, {"rn-context", 10}, {"cic-context", 11}};

	if (param_is(param, SPAN("tgrp")) || param_is(param, SPAN("trunk-context")))
		return;
	put_char(out, ';');
	for (unsigned i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
		struct span name = contexts[i];

		if (!param_is(param, name) || param.len < name.len + 2 ||
		    param.ptr[name.len + 1] == '+')
			continue;
		/* An address would be no domain by the book. */
		put_span(out, span_of(param.ptr, name.len + 1));
		put_span(out, HIDE_NOBODY);
		return;
	}
	hide_plain(out, hide, names, param);
}

/* A number with its parameters, of tel: and of a SIP URI's user (RFC 3261 section 19.1.6). */
static const char *put_tel(struct cursor *out, const struct hide *hide,
			   const struct hide_names *names, const char *p, const char *end)
{
	const char *from = p;

	while (p < end && hide_is_uri_char(*p) && *p != ';' && *p != ',' && *p != '?')
		p++;
	hide_plain(out, hide, names, span_between(from, p));
	while (p < end && *p == ';') {
		from = p + 1;
		p = uri_param_end(from, end);
		hide_tel_param(out, hide, names, span_between(from, p));
	}
	return p;
}

/* The user of a SIP URI, without its password. */
static void put_user(struct cursor *out, const struct hide *hide, const struct hide_names *names,
		     struct span user)
{
	const char *colon = memchr(user.ptr, ':', user.len), *end = user.ptr + user.len, *p;

	if (colon)
		end = colon;
	p = put_tel(out, hide, names, user.ptr, end);
	hide_plain(out, hide, names, span_between(p, end));
}

const char *hide_uri_at(struct cursor *out, const struct hide *hide, const struct hide_names *names,
			enum hide_scheme scheme, const char *p, const char *opaque, const char *end,
			unsigned flags)
{
	const char *run = flags & HIDE_WHOLE ? end : hide_uri_run(opaque, end), *at;

	if (scheme == SCHEME_URL)
		return run;
	put_span(out, span_between(p, opaque));
	if (scheme == SCHEME_TEL)
		return put_tel(out, hide, names, opaque, end);
	if (scheme == SCHEME_CID) {
		hide_token(out, hide, span_between(opaque, run));
		return run;
	}
	at = memchr(opaque, '@', (size_t)(run - opaque));
	if (at) {
		if (at > opaque) {
			put_user(out, hide, names, span_between(opaque, at));
			put_char(out, '@');
		}
		opaque = at + 1;
	}
	p = put_host(out, hide, opaque, end);
	p = put_sip_params(out, p, run);
	return put_sip_headers(out, hide, names, p, run, flags & HIDE_HISTORY);
}

bool hide_uri(struct cursor *out, const struct hide *hide, struct span uri)
{
	const char *opaque, *end = uri.ptr + uri.len;
	enum hide_scheme scheme = hide_scheme_at(uri.ptr, end, &opaque);
	struct hide_names names = {.n = 0};

	if (scheme == SCHEME_URL)
		return false;
	hide_names_add(&names, uri);
	if (scheme == SCHEME_NONE)
		hide_text(out, hide, &names, uri);
	else
		hide_uri_at(out, hide, &names, scheme, uri.ptr, opaque, end, HIDE_WHOLE);
	return true;
}
