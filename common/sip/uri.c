/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP and SIPS URIs taken apart (RFC 3261 section 19.1). Both processes, any thread. */
#include "common/sip/uri.h"
#include "common/sip/host.h"

/* What one look over the text behind the scheme tells. */
struct survey {
	const char *at;	   /* the first '@', or NULL */
	const char *colon; /* the first ':', or NULL */
	bool escaped;	   /* there is a '%' */
	bool refused;	   /* a character that no URI may have, or '@' twice */
};

static void survey_byte(struct survey *s, const char *p)
{
	s->escaped |= *p == '%';
	s->refused |= !char_is(*p, CHAR_URI) || (*p == '@' && s->at);
	if (*p == '@')
		s->at = p;
	if (*p == ':' && !s->colon)
		s->colon = p;
}

#if CHARS_SIMD
/* The 16 bytes at p, as far as `asked` has a bit for them. */
static inline void survey_block(struct survey *s, const char *p, unsigned asked)
{
	__m128i text = _mm_loadu_si128((const __m128i *)p);
	unsigned at = char_mask(text, '@') & asked, colon = char_mask(text, ':') & asked;

	s->escaped |= (char_mask(text, '%') & asked) != 0;
	s->refused |= (class_out_mask(text, CHAR_URI) & asked) != 0;
	if (at) {
		s->refused |= s->at || (at & (at - 1));
		s->at = p + __builtin_ctz(at);
	}
	if (colon && !s->colon)
		s->colon = p + __builtin_ctz(colon);
}
#endif

/* Of [p, end); what lies between begin and p, and between end and limit, may be read. */
static struct survey survey_make(const char *begin, const char *p, const char *end,
				 const char *limit)
{
	struct survey s = {0};

#if CHARS_SIMD
	for (; end - p >= 16; p += 16)
		survey_block(&s, p, 0xffff);
	if (p < end && limit - p >= 16) {
		survey_block(&s, p, (1u << (end - p)) - 1);
		return s;
	}
	if (p < end && end - begin >= 16) {
		survey_block(&s, end - 16, 0xffffu << (16 - (end - p)) & 0xffff);
		return s;
	}
#else
	(void)begin;
	(void)limit;
#endif
	for (; p < end; p++)
		survey_byte(&s, p);
	return s;
}

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

/* No part but userinfo may hold '@', and userinfo may hold ';' and '?' (RFC 4475 section
 * 3.1.1.9). */
static int parse_sip(const struct survey *survey, const char *limit, struct sip_uri *out)
{
	const char *p = out->opaque.ptr, *end = p + out->opaque.len, *from;

	if (survey->at) {
		bool password = survey->colon && survey->colon < survey->at;

		out->user = span_between(p, password ? survey->colon : survey->at);
		if (password)
			out->password = span_between(survey->colon + 1, survey->at);
		if (out->user.len == 0)
			return -EINVAL;
		p = survey->at + 1;
	}
	p = host_port_scan(p, end, limit, &out->host, &out->port);
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
	return p == end ? 0 : -EINVAL;
}

int uri_scan(struct span text, const char *limit, struct sip_uri *out)
{
	const char *p = text.ptr, *end;
	struct survey survey;

	*out = (struct sip_uri){0};
	if (text.len == 0)
		return -EINVAL;
	end = p + text.len;
	p = scheme_skip(p, end);
	if (!p || p == end)
		return -EINVAL;
	out->scheme = span_between(text.ptr, p - 1);
	out->opaque = span_between(p, end);
	survey = survey_make(text.ptr, p, end, limit);
	if (survey.escaped && !escapes_ok(out->opaque))
		return -EINVAL;
	out->is_sips = out->scheme.len == 4 && span_ieq(out->scheme, SPAN("sips"));
	out->is_sip = out->is_sips || (out->scheme.len == 3 && span_ieq(out->scheme, SPAN("sip")));
	/* In a URI of another scheme '@' may mean anything. */
	if (!out->is_sip)
		return skip_class(p, end, limit, CHAR_URI) == end ? 0 : -EINVAL;
	return survey.refused ? -EINVAL : parse_sip(&survey, limit, out);
}

int sip_uri_parse(struct span text, struct sip_uri *out)
{
	return uri_scan(text, text.len ? text.ptr + text.len : text.ptr, out);
}
