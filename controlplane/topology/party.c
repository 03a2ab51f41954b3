/* SPDX-License-Identifier: BSD-3-Clause */
/* A party: the user a URI names, apart from the host that knows it. limen-controlplane, any
 * thread. */
#include "controlplane/topology/party.h"

#include <errno.h>

#include "common/sip/sip_msg.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int add(struct party *party, char c)
{
	if (party->len == PARTY_USER_MAX)
		return -ENAMETOOLONG;
	party->user[party->len++] = c;
	return 0;
}

/* The character at text[*at], which may be an escape; *at moves to its last byte. -1 for a broken
 * one. */
static int unescape(struct span text, size_t *at)
{
	int high, low;

	if (text.ptr[*at] != '%')
		return (uint8_t)text.ptr[*at];
	if (text.len - *at < 3)
		return -1;
	high = hex_value(text.ptr[*at + 1]);
	low = hex_value(text.ptr[*at + 2]);
	*at += 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int add_unescaped(struct party *party, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		int c = unescape(text, &i), err;

		if (c < 0)
			return -EINVAL;
		err = add(party, (char)c);
		if (err)
			return err;
	}
	return 0;
}

/* Parameters of a telephone number that say nothing of who routed it. phone-context, tgrp,
 * trunk-context, rn-context and cic-context name domains and trunk groups; others are unknown. */
static bool crosses(struct span name)
{
	static const char *const safe[] = {"npdi", "rn", "cic", "isub", "ext", "postd"};

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
		if (span_ieq(name, span_str(safe[i])))
			return true;
	}
	return false;
}

/* params: from the first ';' on. */
static int add_number_params(struct party *party, struct span params)
{
	while (params.len) {
		const char *from = params.ptr, *end = params.ptr + params.len;
		const char *stop = memchr(from + 1, ';', params.len - 1);
		struct span param, name;
		const char *equals;
		int err;

		if (!stop)
			stop = end;
		param = span_of(from, (size_t)(stop - from));
		name = span_of(from + 1, param.len - 1);
		equals = memchr(name.ptr, '=', name.len);
		if (equals)
			name.len = (size_t)(equals - name.ptr);
		if (crosses(name)) {
			err = add_unescaped(party, param);
			if (err)
				return err;
		}
		params = span_of(stop, (size_t)(end - stop));
	}
	return 0;
}

/* RFC 3966: a number's digits, without the separators that are for the eye. */
static int add_number(struct party *party, struct span number)
{
	bool global = number.len && number.ptr[0] == '+';
	int err;

	for (size_t i = 0; i < number.len; i++) {
		size_t from = i;
		char c = (char)unescape(number, &i);

		if (c == '-' || c == '.' || c == '(' || c == ')')
			continue;
		if (!is_digit(c) && !(c == '+' && from == 0) &&
		    (global || (hex_value(c) < 0 && c != '*' && c != '#')))
			return -EINVAL;
		err = add(party, c);
		if (err)
			return err;
	}
	return party->len > (global ? 1 : 0) ? 0 : -EINVAL;
}

/* The parts before and behind the first ';'. */
static struct span split_params(struct span *text)
{
	const char *at = text->len ? memchr(text->ptr, ';', text->len) : NULL;
	struct span params = SPAN_NONE;

	if (at) {
		params = span_of(at, (size_t)(text->ptr + text->len - at));
		text->len -= params.len;
	}
	return params;
}

static int from_tel(struct span opaque, struct party *party)
{
	struct span number = opaque, params = split_params(&number);
	int err;

	party->phone = true;
	err = add_number(party, number);
	return err ? err : add_number_params(party, params);
}

static int from_sip(const struct sip_uri *uri, struct party *party)
{
	struct span user = uri->user, params = SPAN_NONE, value;
	int err;

	if (user.len && (user.ptr[0] == '+' || is_digit(user.ptr[0])))
		params = split_params(&user);
	party->phone =
		sip_param_find(uri->params, SPAN("user"), &value) && span_ieq(value, SPAN("phone"));
	party->anonymous = span_ieq(uri->host, SPAN("anonymous.invalid"));
	party->has_gr = user.len && sip_param_find(uri->params, SPAN("gr"), &party->gr);
	err = add_unescaped(party, user);
	return err ? err : add_number_params(party, params);
}

/* RFC 5031: the name of a service is the same everywhere. Lower case, as it is compared without
 * case. */
static int from_service(struct span text, struct party *party)
{
	static const struct span service = {"service:", 8};

	if (text.len <= service.len || !span_ieq(span_of(text.ptr, service.len), service))
		return -EPROTONOSUPPORT;
	memcpy(party->user, "urn:", 4);
	party->len = 4;
	party->service = true;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		int err;

		if (!is_alnum(c) && c != '-' && c != '.' && !(c == ':' && i == service.len - 1))
			return -EINVAL;
		err = add(party, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
		if (err)
			return err;
	}
	return 0;
}

int party_from_uri(struct span text, struct party *party)
{
	struct sip_uri uri;

	party->len = 0;
	party->phone = party->anonymous = party->service = party->secure = false;
	party->has_gr = false;
	party->gr = SPAN_NONE;
	if (sip_uri_parse(text, &uri))
		return -EINVAL;
	if (uri.is_sip)
		return from_sip(&uri, party);
	if (span_ieq(uri.scheme, SPAN("tel")))
		return from_tel(uri.opaque, party);
	return span_ieq(uri.scheme, SPAN("urn")) ? from_service(uri.opaque, party)
						 : -EPROTONOSUPPORT;
}

/* unreserved and user-unreserved of RFC 3261 section 25.1. */
static bool is_user_char(char c)
{
	return is_alnum(c) || (c && strchr("-_.!~*'()&=+$,;?/", c));
}

void party_make_anonymous(struct party *party)
{
	*party = (struct party){.user = "anonymous", .len = 9, .anonymous = true};
}

static void put_user(struct cursor *out, struct span user)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < user.len; i++) {
		uint8_t c = (uint8_t)user.ptr[i];

		if (is_user_char((char)c)) {
			put_char(out, (char)c);
		} else {
			put_char(out, '%');
			put_char(out, hex[c >> 4]);
			put_char(out, hex[c & 15]);
		}
	}
}

void put_party_user(struct cursor *out, const struct party *party)
{
	put_user(out, party_user(party));
}

/* sip:USER@ or sips:USER@, and all that is behind the host. */
static void put_front(struct cursor *out, const struct party *party)
{
	put_span(out, party->secure ? SPAN("sips:") : SPAN("sip:"));
	if (!party->len)
		return;
	put_user(out, party_user(party));
	put_char(out, '@');
}

static void put_behind(struct cursor *out, const struct party *party, uint8_t transport)
{
	if (party->phone && party->len)
		put_lit(out, ";user=phone");
	if (transport != NET_UDP && transport < NET_TRANSPORTS &&
	    !(party->secure && transport == NET_TLS)) {
		put_lit(out, ";transport=");
		put_span(out, span_str(net_transport_param((enum net_transport)transport)));
	}
}

void put_party_uri(struct cursor *out, const struct party *party, const struct net_endpoint *host,
		   uint8_t transport)
{
	if (party->service) {
		put_span(out, party_user(party));
		return;
	}
	put_front(out, party);
	if (host)
		put_addr_sip(out, host->family, &host->addr);
	else
		put_lit(out, "anonymous.invalid");
	if (host && host->port) {
		put_char(out, ':');
		put_u64(out, host->port);
	}
	put_behind(out, party, transport);
}

void put_party_at(struct cursor *out, const struct party *party, struct span name,
		  const struct net_endpoint *host, uint8_t transport)
{
	if (!name.len || party->service) {
		put_party_uri(out, party, host, transport);
		return;
	}
	put_front(out, party);
	put_span(out, name);
	put_behind(out, party, transport);
}
