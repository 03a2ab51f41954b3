/* SPDX-License-Identifier: BSD-3-Clause */
/* Via (RFC 3261 section 20.42, ;rport of RFC 3581). White space may stand around every slash, colon, semicolon and
 * equals sign (RFC 4475 section 3.1.1.1). Both processes, any thread. */
#include "common/sip/via.h"
#include "common/sip/host.h"
#include "common/sip/param.h"

/* protocol-name SLASH protocol-version SLASH: behind it, or NULL. Other versions are told by *version_ok. */
static const char *protocol_scan(const char *p, const char *end, bool *version_ok)
{
	const char *from = p;
	struct span name, version;

	p = skip_class(p, end, CHAR_TOKEN);
	name = span_between(from, p);
	p = skip_lws(p, end);
	if (p == end || *p != '/')
		return NULL;
	from = p = skip_lws(p + 1, end);
	p = skip_class(p, end, CHAR_TOKEN);
	version = span_between(from, p);
	p = skip_lws(p, end);
	if (p == end || *p != '/' || version.len == 0 || !span_ieq(name, SPAN("SIP")))
		return NULL;
	*version_ok = span_eq(version, SPAN("2.0"));
	return skip_lws(p + 1, end);
}

/* sent-by, white space around its colon allowed: behind it, or NULL. */
static const char *sent_by_scan(const char *p, const char *end, struct sip_via *via)
{
	const char *at;

	p = host_scan(p, end, &via->host);
	if (!p)
		return NULL;
	at = skip_lws(p, end);
	if (at == end || *at != ':')
		return p;
	return port_scan(skip_lws(at + 1, end), end, &via->port);
}

static int params_scan(const char **p, const char *end, struct via_scan *out)
{
	bool branch_seen = false, rport_seen = false;
	const char *from = skip_lws(*p, end);
	struct param param;
	int got;

	*p = from;
	while ((got = param_next(p, end, &param)) > 0) {
		if (param.name.len == 6 && span_ieq(param.name, SPAN("branch"))) {
			if (branch_seen || param.value.len == 0)
				return -EINVAL;
			branch_seen = true;
			out->branch = param.value;
		} else if (param.name.len == 5 && span_ieq(param.name, SPAN("rport"))) {
			if (rport_seen)
				return -EINVAL;
			rport_seen = true;
			out->rport = param.value.len == 0;
		}
	}
	if (got < 0)
		return got;
	out->via.params = span_trim(span_between(from, *p));
	return 0;
}

int via_scan(struct span text, struct via_scan *out, const char **end)
{
	const char *p = text.ptr, *limit, *from;
	bool version_ok = false;

	*out = (struct via_scan){0};
	if (text.len == 0)
		return -EINVAL;
	limit = p + text.len;
	p = protocol_scan(skip_lws(p, limit), limit, &version_ok);
	if (!p)
		return -EINVAL;
	from = p;
	p = skip_class(p, limit, CHAR_TOKEN);
	out->via.transport = span_between(from, p);
	from = p;
	p = skip_lws(p, limit);
	if (out->via.transport.len == 0 || p == from)
		return -EINVAL;
	p = sent_by_scan(p, limit, &out->via);
	if (!p)
		return -EINVAL;
	out->usable = true;
	if (params_scan(&p, limit, out))
		return -EINVAL;
	*end = p;
	return version_ok && (p == limit || *p == ',') ? 0 : -EINVAL;
}

int sip_via_parse(struct span text, struct sip_via *out)
{
	struct via_scan scan;
	const char *end;

	if (via_scan(text, &scan, &end) || end != text.ptr + text.len)
		return -EINVAL;
	*out = scan.via;
	return 0;
}
