/* SPDX-License-Identifier: BSD-3-Clause */
/* name-addr and addr-spec with header parameters (RFC 3261 section 20.10). Both processes, any thread. */
#include "common/sip/name_addr.h"
#include "common/sip/param.h"

/* "scheme:" and something behind it; all of it characters a URI may have. */
static bool uri_ok(struct span uri)
{
	const char *end = uri.ptr + uri.len;
	const char *colon = uri.len ? memchr(uri.ptr, ':', uri.len) : NULL;

	return colon && colon > uri.ptr && colon + 1 < end && is_alpha(uri.ptr[0]) &&
	       skip_class(uri.ptr, colon, CHAR_TOKEN) == colon && skip_class(colon, end, CHAR_URI) == end;
}

/* The part in <>: *p stands on '<'. */
static int bracketed_scan(const char **p, const char *end, struct sip_name_addr *out)
{
	const char *close = memchr(*p, '>', (size_t)(end - *p));

	if (!close)
		return -EINVAL;
	out->uri = span_between(*p + 1, close);
	*p = close + 1;
	return uri_ok(out->uri) ? 0 : -EINVAL;
}

/* Without <> a URI ends at the first ';', which begins the header's parameters, and cannot hold ',' or '?'. */
static int bare_scan(const char **p, const char *end, struct sip_name_addr *out)
{
	const char *from = *p;

	while (*p < end && char_is(**p, CHAR_URI) && **p != ';' && **p != ',' && **p != '?')
		(*p)++;
	out->uri = span_between(from, *p);
	return uri_ok(out->uri) ? 0 : -EINVAL;
}

static int params_scan(const char *p, const char *end, struct sip_name_addr *out, struct span *tag)
{
	const char *from = skip_lws(p, end);
	bool tag_seen = false;
	struct param param;
	int got;

	p = from;
	while ((got = param_next(&p, end, &param)) > 0) {
		if (!tag || param.name.len != 3 || !span_ieq(param.name, SPAN("tag")))
			continue;
		/* RFC 3261 section 7.3.1: no parameter twice. */
		if (tag_seen || param.value.len == 0 || param.value.ptr[0] == '"')
			return -EINVAL;
		tag_seen = true;
		*tag = param.value;
	}
	if (got < 0 || p != end)
		return -EINVAL;
	out->params = span_between(from, end);
	return 0;
}

int name_addr_scan(struct span text, struct sip_name_addr *out, struct span *tag)
{
	const char *p, *end;
	int error;

	*out = (struct sip_name_addr){0};
	if (tag)
		*tag = SPAN_NONE;
	text = span_trim(text);
	if (text.len == 0)
		return -EINVAL;
	if (span_eq(text, SPAN("*"))) {
		out->star = true;
		return 0;
	}
	p = text.ptr;
	end = p + text.len;
	if (p < end && *p == '"') {
		p = skip_quoted(p, end);
		if (!p)
			return -EINVAL;
		out->display = span_between(text.ptr, p);
		p = skip_lws(p, end);
		if (p == end || *p != '<')
			return -EINVAL;
	} else {
		p = skip_class(p, end, CHAR_DISPLAY);
		if (p < end && *p == '<')
			out->display = span_trim(span_between(text.ptr, p));
		else
			p = text.ptr;
	}
	error = p < end && *p == '<' ? bracketed_scan(&p, end, out) : bare_scan(&p, end, out);
	return error ? error : params_scan(p, end, out, tag);
}

int sip_name_addr_parse(struct span text, struct sip_name_addr *out)
{
	return name_addr_scan(text, out, NULL);
}
