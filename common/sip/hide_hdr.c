/* SPDX-License-Identifier: BSD-3-Clause */
/* Header values hidden from the other side, each header by what belongs in it. Both processes, any
 * thread. */
#include "common/sip/hide_priv.h"
#include "common/sip/param.h"

/* One line in work. */
struct line {
	struct cursor *out;
	const struct hide *hide;
	enum sip_hdr_id id;
	struct hide_names names;
};

/* Nothing but addresses of the other side, or of use only to whom it was made for: routes and
 * servers, ids of dialogs, digests that cover the URI. */
static bool is_unspeakable(enum sip_hdr_id id)
{
	switch (id) {
	case SIP_HDR_VIA:
	case SIP_HDR_ROUTE:
	case SIP_HDR_RECORD_ROUTE:
	case SIP_HDR_PATH:
	case SIP_HDR_SERVICE_ROUTE:
	case SIP_HDR_P_CHARGING_FUNCTION_ADDRESSES:
	case SIP_HDR_P_VISITED_NETWORK_ID:
	case SIP_HDR_CALL_ID:
	case SIP_HDR_REPLACES:
	case SIP_HDR_JOIN:
	case SIP_HDR_TARGET_DIALOG:
	case SIP_HDR_IN_REPLY_TO:
	case SIP_HDR_AUTHORIZATION:
	case SIP_HDR_PROXY_AUTHORIZATION:
	case SIP_HDR_WWW_AUTHENTICATE:
	case SIP_HDR_PROXY_AUTHENTICATE:
	case SIP_HDR_AUTHENTICATION_INFO:
		return true;
	default:
		return false;
	}
}

static bool is_one_of(struct span name, const struct span *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (span_ieq(name, list[i]))
			return true;
	return false;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Parameters of the URI's own that stand behind it without brackets, where they are the header's by
 * the book (RFC 3261 section 20). */
static bool is_strayed(struct span name)
{
	static const struct span names[] = {{"transport", 9}, {"maddr", 5},	 {"ttl", 3},
					    {"lr", 2},	      {"comp", 4},	 {"gr", 2},
					    {"ob", 2},	      {"sigcomp-id", 10}};

	return is_one_of(name, names, COUNT(names));
}

/* Numbers with dots in them that are no addresses (RFC 7044 section 5). */
static bool is_index(const struct line *line, const struct param *param)
{
	static const struct span names[] = {{"index", 5}, {"rc", 2}, {"mp", 2}, {"np", 2}};

	if (line->id != SIP_HDR_HISTORY_INFO || !is_one_of(param->name, names, COUNT(names)))
		return false;
	for (size_t i = 0; i < param->value.len; i++)
		if (!is_digit(param->value.ptr[i]) && param->value.ptr[i] != '.')
			return false;
	return true;
}

static struct span unquoted(struct span value)
{
	if (value.len >= 2 && value.ptr[0] == '"')
		return span_of(value.ptr + 1, value.len - 2);
	return value;
}

/* What names a body part, or a dialog in Event (RFC 4235 section 3.2). */
static bool is_identifier(const struct line *line, struct span name)
{
	static const struct span names[] = {{"call-id", 7}, {"from-tag", 8}, {"to-tag", 6}};

	return span_ieq(name, SPAN("cid")) ||
	       (line->id == SIP_HDR_EVENT && is_one_of(name, names, COUNT(names)));
}

/* ";name=value"; nothing when there is nothing left of either. */
static void put_param(struct line *line, const struct param *param)
{
	struct cursor *out = line->out;
	uint32_t before = out->len, name_at, value_at;

	put_char(out, ';');
	name_at = out->len;
	hide_text(out, line->hide, &line->names, param->name);
	if (out->len == name_at) {
		out->len = before;
		return;
	}
	if (param->value.len == 0)
		return;
	put_char(out, '=');
	value_at = out->len;
	if (is_index(line, param)) {
		put_span(out, param->value);
	} else if (is_identifier(line, param->name)) {
		put_char(out, '"');
		hide_token(out, line->hide, unquoted(param->value));
		put_char(out, '"');
	} else {
		hide_text(out, line->hide, &line->names, param->value);
	}
	if (out->len == value_at)
		out->len = before;
}

static void put_params(struct line *line, struct span params, enum hide_scheme scheme, bool bare)
{
	const char *p = params.ptr, *end;
	struct param param;

	if (params.len == 0)
		return;
	end = p + params.len;
	while (param_next(&p, end, end, &param) > 0) {
		if (bare && scheme == SCHEME_AT && is_strayed(param.name))
			continue;
		if (bare && scheme == SCHEME_TEL)
			hide_tel_param(line->out, line->hide, &line->names,
				       param.value.len
					       ? span_between(param.name.ptr,
							      param.value.ptr + param.value.len)
					       : param.name);
		else
			put_param(line, &param);
	}
}

/* A value of a known form: display name, URI, parameters. */
static void put_name_addr(struct line *line, const struct sip_name_addr *addr, bool bare)
{
	const char *end = addr->uri.ptr + addr->uri.len, *opaque;
	enum hide_scheme scheme = hide_scheme_at(addr->uri.ptr, end, &opaque);

	if (scheme == SCHEME_URL)
		return;
	if (addr->display.len) {
		hide_text(line->out, line->hide, &line->names, addr->display);
		put_char(line->out, ' ');
	}
	if (!bare)
		put_char(line->out, '<');
	if (scheme == SCHEME_NONE)
		hide_text(line->out, line->hide, &line->names, addr->uri);
	else
		hide_uri_at(line->out, line->hide, &line->names, scheme, addr->uri.ptr, opaque, end,
			    HIDE_WHOLE | (line->id == SIP_HDR_HISTORY_INFO ? HIDE_HISTORY : 0));
	if (!bare)
		put_char(line->out, '>');
	put_params(line, addr->params, scheme, bare);
}

/* "399 proxy.example.com:5060 "text"" (RFC 3261 section 20.43). */
static void put_warning(struct line *line, struct span value)
{
	const char *p = value.ptr, *end = p + value.len, *agent, *behind;

	while (p < end && is_digit(*p))
		p++;
	agent = skip_lws(p, end);
	for (behind = agent; behind < end && !char_is(*behind, CHAR_LWS);)
		behind++;
	put_span(line->out, span_between(value.ptr, p));
	if (agent < behind) {
		put_char(line->out, ' ');
		put_addr_sip(line->out, line->hide->self.family, &line->hide->self.addr);
	}
	hide_text(line->out, line->hide, &line->names, span_between(behind, end));
}

/* "package;name=value" (RFC 6665 section 8.2.1). */
static void put_event(struct line *line, struct span value)
{
	const char *end = value.ptr + value.len, *p = skip_class(value.ptr, end, end, CHAR_TOKEN);

	hide_text(line->out, line->hide, &line->names, span_between(value.ptr, p));
	put_params(line, span_between(p, end), SCHEME_NONE, false);
}

static void put_value(struct line *line, struct span value)
{
	struct sip_name_addr addr;

	if (line->id == SIP_HDR_WARNING)
		put_warning(line, value);
	else if (line->id == SIP_HDR_EVENT)
		put_event(line, value);
	else if (sip_name_addr_parse(value, &addr) == 0 && !addr.star)
		put_name_addr(line, &addr, addr.uri.ptr == value.ptr || addr.uri.ptr[-1] != '<');
	else
		hide_text(line->out, line->hide, &line->names, value);
}

/* "icid-value=...;icid-generated-at=...;orig-ioi=...;term-ioi=..." (RFC 7315 section 5.6): the
 * charging id alone is of both sides; the rest names networks and hosts. */
static void put_charging_vector(struct line *line, struct span value)
{
	const char *p = value.ptr, *end = p + value.len, *from;
	struct param param;

	for (;;) {
		p = from = skip_lws(p, end);
		p = skip_class(p, end, end, CHAR_TOKEN);
		param.name = span_between(from, p);
		p = skip_lws(p, end);
		if (p == end || *p != '=')
			return;
		p = from = skip_lws(p + 1, end);
		p = p < end && *p == '"' ? skip_quoted(p, end, end)
					 : skip_class(p, end, end, CHAR_VALUE);
		if (!p || p == from)
			return;
		if (span_ieq(param.name, SPAN("icid-value")))
			break;
		p = skip_lws(p, end);
		if (p == end || *p++ != ';')
			return;
	}
	put_lit(line->out, "icid-value=");
	hide_text(line->out, line->hide, &line->names, span_between(from, p));
}

static void put_values(struct line *line, struct span value)
{
	struct cursor *out = line->out;
	struct span rest = value, one;
	uint32_t start = out->len;

	while (sip_list_next(&rest, &one)) {
		uint32_t before = out->len, at;

		if (before > start)
			put_lit(out, ", ");
		at = out->len;
		put_value(line, one);
		if (out->len == at)
			out->len = before;
	}
}

bool hide_header(struct cursor *out, const struct hide *hide, enum sip_hdr_id id, struct span value)
{
	struct line line = {.out = out, .hide = hide, .id = id};
	uint32_t start = out->len;

	if (is_unspeakable(id) || value.len == 0)
		return false;
	hide_names_add(&line.names, value);
	if (id == SIP_HDR_P_CHARGING_VECTOR)
		put_charging_vector(&line, value);
	else
		put_values(&line, value);
	for (uint32_t at = start; at < out->len; at++)
		if (out->buf[at] == '\r' || out->buf[at] == '\n')
			out->buf[at] = ' ';
	return out->len > start || out->full;
}
