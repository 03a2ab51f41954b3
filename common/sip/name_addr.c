/* SPDX-License-Identifier: BSD-3-Clause */
/* name-addr and addr-spec with header parameters (RFC 3261 section 20.10). Both processes, any
 * thread. */
#include "common/sip/name_addr.h"
#include "common/sip/param.h"
#include "common/sip/uri.h"

/* The text being read, and how far. */
struct reader {
	const char *p;
	const char *end;
	const char *limit;
};

/* "scheme:" and something behind it. */
static bool scheme_ok(struct span uri)
{
	const char *opaque = uri.len ? scheme_skip(uri.ptr, uri.ptr + uri.len) : NULL;

	return opaque && opaque < uri.ptr + uri.len;
}

/* The part in <>: the reader stands on '<'. */
static int bracketed_scan(struct reader *r, struct sip_name_addr *out)
{
	const char *from = r->p + 1, *to = skip_class(from, r->end, r->limit, CHAR_URI);

	if (to == r->end || *to != '>')
		return -EINVAL;
	out->uri = span_between(from, to);
	r->p = to + 1;
	return scheme_ok(out->uri) ? 0 : -EINVAL;
}

/* Without <> a URI ends at the first ';', which begins the header's parameters, and cannot hold ','
 * or '?'. */
static int bare_scan(struct reader *r, struct sip_name_addr *out)
{
	out->uri = span_between(r->p, skip_class(r->p, r->end, r->limit, CHAR_VALUE));
	r->p += out->uri.len;
	return scheme_ok(out->uri) && !memchr(out->uri.ptr, '?', out->uri.len) ? 0 : -EINVAL;
}

/* display-name, as far as there is one: the reader stands on '<' or on an addr-spec behind it. */
static int display_scan(struct reader *r, struct sip_name_addr *out)
{
	const char *from = r->p;

	if (*from == '"') {
		r->p = skip_quoted(from, r->end, r->limit);
		if (!r->p)
			return -EINVAL;
		out->display = span_between(from, r->p);
		r->p = skip_lws(r->p, r->end);
		return r->p < r->end && *r->p == '<' ? 0 : -EINVAL;
	}
	/* UTF-8 without quotes is no display-name by the book, but there is no second way to read
	 * it. */
	do
		r->p = skip_class(r->p, r->end, r->limit, CHAR_DISPLAY);
	while (r->p < r->end && (uint8_t)*r->p >= 0x80 && r->p++);
	if (r->p < r->end && *r->p == '<')
		out->display = span_trim(span_between(from, r->p));
	else
		r->p = from;
	return 0;
}

/* RFC 3261 section 7.3.1: no parameter twice. */
static int tag_take(const struct param *param, struct span *tag)
{
	if (tag->len || param->value.len == 0 || param->value.ptr[0] == '"')
		return -EINVAL;
	*tag = param->value;
	return 0;
}

static int params_scan(struct reader *r, struct sip_name_addr *out, struct span *tag)
{
	const char *from = skip_lws(r->p, r->end);
	struct param param;
	int got;

	if (from == r->end)
		return 0;
	r->p = from;
	if (tag && r->end - from > 5 && memcmp(from, ";tag=", 5) == 0 &&
	    char_is(from[5], CHAR_VALUE))
		r->p = param_value_scan(from + 5, r->end, r->limit, tag);
	while ((got = param_next(&r->p, r->end, r->limit, &param)) > 0)
		if (tag && param.name.len == 3 && span_ieq(param.name, SPAN("tag")) &&
		    tag_take(&param, tag))
			return -EINVAL;
	if (got < 0 || r->p != r->end)
		return -EINVAL;
	out->params = span_between(from, r->end);
	return 0;
}

int name_addr_scan(struct span text, const char *limit, struct sip_name_addr *out, struct span *tag)
{
	struct reader r;
	int error;

	*out = (struct sip_name_addr){0};
	if (tag)
		*tag = SPAN_NONE;
	text = span_trim(text);
	if (text.len == 0)
		return -EINVAL;
	if (text.len == 1 && text.ptr[0] == '*') {
		out->star = true;
		return 0;
	}
	r = (struct reader){text.ptr, text.ptr + text.len, limit};
	if (*r.p != '<') {
		error = display_scan(&r, out);
		if (error)
			return error;
	}
	error = *r.p == '<' ? bracketed_scan(&r, out) : bare_scan(&r, out);
	return error ? error : params_scan(&r, out, tag);
}

int sip_name_addr_parse(struct span text, struct sip_name_addr *out)
{
	return name_addr_scan(text, text.len ? text.ptr + text.len : text.ptr, out, NULL);
}
