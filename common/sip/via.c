/* SPDX-License-Identifier: BSD-3-Clause */
/* Via (RFC 3261 section 20.42, ;rport of RFC 3581). White space may stand around every slash,
 * colon, semicolon and equals sign (RFC 4475 section 3.1.1.1), but hardly ever does: the usual
 * spelling is tried first. Both processes, any thread. */
#include "common/sip/via.h"
#include "common/sip/host.h"
#include "common/sip/param.h"

/* protocol-name SLASH protocol-version SLASH: behind it, or NULL. Other versions are told by
 * *version_ok. */
static const char *protocol_scan(const char *p, const char *end, bool *version_ok)
{
	const char *from = p;
	struct span name, version;

	p = skip_class(p, end, end, CHAR_TOKEN);
	name = span_between(from, p);
	p = skip_lws(p, end);
	if (p == end || *p != '/')
		return NULL;
	from = p = skip_lws(p + 1, end);
	p = skip_class(p, end, end, CHAR_TOKEN);
	version = span_between(from, p);
	p = skip_lws(p, end);
	if (p == end || *p != '/' || version.len == 0 || !span_ieq(name, SPAN("SIP")))
		return NULL;
	*version_ok = span_eq(version, SPAN("2.0"));
	return skip_lws(p + 1, end);
}

/* sent-protocol LWS: behind it, or NULL. */
static const char *sent_protocol_scan(const char *p, const char *end, struct via_scan *out,
				      bool *version_ok)
{
	const char *from;
	int transport;

	if (end - p >= 12 && memcmp(p, "SIP/2.0/", 8) == 0) {
		*version_ok = true;
		if (memcmp(p + 8, "UDP ", 4) == 0) {
			out->via.transport = span_of(p + 8, 3);
			out->transport = NET_UDP;
			return skip_lws(p + 12, end);
		}
		p = skip_lws(p + 8, end);
	} else {
		p = protocol_scan(p, end, version_ok);
		if (!p)
			return NULL;
	}
	from = p;
	p = skip_class(p, end, end, CHAR_TOKEN);
	out->via.transport = span_between(from, p);
	transport = net_transport_from(out->via.transport);
	out->transport = transport < 0 ? NET_TRANSPORTS : (uint8_t)transport;
	from = p;
	p = skip_lws(p, end);
	return out->via.transport.len && p > from ? p : NULL;
}

/* sent-by, white space around its colon allowed: behind it, or NULL. */
static const char *sent_by_scan(const char *p, const char *end, const char *limit,
				struct sip_via *via)
{
	const char *at;

	p = host_scan(p, end, limit, &via->host);
	if (!p)
		return NULL;
	at = skip_lws(p, end);
	if (at == end || *at != ':')
		return p;
	return port_scan(skip_lws(at + 1, end), end, &via->port);
}

/* What was seen of a Via's parameters: none may come twice (section 7.3.1). */
struct seen {
	bool branch;
	bool rport;
};

static int param_take(const struct param *param, struct via_scan *out, struct seen *seen)
{
	if (param->name.len == 6 && span_ieq(param->name, SPAN("branch"))) {
		if (seen->branch || param->value.len == 0)
			return -EINVAL;
		seen->branch = true;
		out->branch = param->value;
	} else if (param->name.len == 5 && span_ieq(param->name, SPAN("rport"))) {
		if (seen->rport)
			return -EINVAL;
		seen->rport = true;
		out->rport = param->value.len == 0;
	}
	return 0;
}

static int params_scan(const char **p, const char *end, const char *limit, struct via_scan *out)
{
	const char *from = skip_lws(*p, end);
	struct seen seen = {0};
	struct param param;
	int got;

	*p = from;
	if (end - from > 8 && memcmp(from, ";branch=", 8) == 0 && char_is(from[8], CHAR_VALUE)) {
		*p = param_value_scan(from + 8, end, limit, &out->branch);
		seen.branch = true;
	}
	while ((got = param_next(p, end, limit, &param)) > 0)
		if (param_take(&param, out, &seen))
			return -EINVAL;
	if (got < 0)
		return got;
	out->via.params = span_trim(span_between(from, *p));
	return 0;
}

int via_scan(struct span text, const char *limit, struct via_scan *out, const char **end)
{
	const char *p = text.ptr, *text_end;
	bool version_ok = false;

	*out = (struct via_scan){.transport = NET_TRANSPORTS};
	if (text.len == 0)
		return -EINVAL;
	text_end = p + text.len;
	p = sent_protocol_scan(skip_lws(p, text_end), text_end, out, &version_ok);
	if (!p)
		return -EINVAL;
	p = sent_by_scan(p, text_end, limit, &out->via);
	if (!p)
		return -EINVAL;
	out->usable = true;
	if (params_scan(&p, text_end, limit, out))
		return -EINVAL;
	*end = p;
	return version_ok && (p == text_end || *p == ',') ? 0 : -EINVAL;
}

int sip_via_parse(struct span text, struct sip_via *out)
{
	struct via_scan scan;
	const char *end;

	if (text.len == 0 || via_scan(text, text.ptr + text.len, &scan, &end) ||
	    end != text.ptr + text.len)
		return -EINVAL;
	*out = scan.via;
	return 0;
}
