/* SPDX-License-Identifier: BSD-3-Clause */
/* One value: its text checked against its key's type and range, and read. */
#include "common/conf/conf_value.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/zone.h"
#include "common/conf/pattern.h"
#include "common/sip/edit_plan.h"

/* As much of a wrong value as a reason shows. */
#define QUOTE(text) (int)((text).len < 60 ? (text).len : 60), (text).ptr

struct verdict {
	char *why;
	size_t bytes;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct verdict *v, const char *fmt,
							 ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(v->why, v->bytes, fmt, args);
	va_end(args);
	return false;
}

static const char *show(const struct cursor *text)
{
	static _Thread_local char ring[8][64];
	static _Thread_local unsigned at;
	char *out = ring[at++ % 8];

	snprintf(out, sizeof(ring[0]), "%.*s", (int)text->len, text->buf);
	return out;
}

const char *conf_show_addr(uint8_t family, const struct net_addr *addr)
{
	char buf[64];
	struct cursor c = cursor_on(buf, sizeof(buf));

	put_addr(&c, family, addr);
	return show(&c);
}

const char *conf_show_prefix(const struct net_prefix *prefix)
{
	char buf[64];
	struct cursor c = cursor_on(buf, sizeof(buf));

	put_addr(&c, prefix->family, &prefix->addr);
	put_char(&c, '/');
	put_u64(&c, prefix->bits);
	return show(&c);
}

bool conf_read_number(struct span text, uint64_t low, uint64_t high, uint64_t *value)
{
	uint64_t v = 0;

	if (!text.len || text.len > 19)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	*value = v;
	return v >= low && v <= high;
}

bool conf_read_bool(struct span text, bool *value)
{
	*value = span_eq(text, SPAN("yes")) || span_eq(text, SPAN("true"));
	return *value || span_eq(text, SPAN("no")) || span_eq(text, SPAN("false"));
}

struct net_prefix conf_network_of(const struct net_prefix *prefix)
{
	struct net_prefix net = *prefix;

	for (unsigned bit = net.bits; bit < 128; bit++)
		net.addr.ip[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	return net;
}

bool conf_read_address(struct span text, uint8_t *family, struct net_addr *addr)
{
	return net_addr_parse(text, addr, family) == 0 && net_addr_is_host(*family, addr);
}

bool conf_read_interface(struct span text, struct net_prefix *interface)
{
	struct net_prefix net;
	unsigned width, host_bits;

	if (!memchr(text.ptr, '/', text.len) || net_prefix_parse(text, interface) ||
	    !net_addr_is_host(interface->family, &interface->addr))
		return false;
	width = interface->family == NET_IP4 ? 32 : 128;
	if (!interface->bits)
		return false;
	host_bits = width - interface->bits;
	net = conf_network_of(interface);
	if (host_bits > 1 && net_addr_eq(&net.addr, &interface->addr))
		return false;
	if (interface->family == NET_IP4 && host_bits > 1) {
		for (unsigned bit = interface->bits; bit < 32; bit++)
			net.addr.ip[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
		if (net_addr_eq(&net.addr, &interface->addr))
			return false;
	}
	return true;
}

bool conf_read_prefix(struct span text, struct net_prefix *prefix)
{
	struct net_prefix net;

	if (net_prefix_parse(text, prefix))
		return false;
	net = conf_network_of(prefix);
	return net_addr_eq(&net.addr, &prefix->addr);
}

bool conf_read_endpoint(struct span text, struct net_endpoint *endpoint)
{
	return net_endpoint_parse(text, CONF_SIP_PORT, endpoint) == 0 &&
	       net_addr_is_host(endpoint->family, &endpoint->addr);
}

bool conf_read_server(struct span text, struct net_endpoint *endpoint)
{
	static const struct net_addr none;

	return net_endpoint_parse(text, 53, endpoint) == 0 &&
	       !net_addr_eq(&endpoint->addr, &none);
}

/* A host name as RFC 1123 has it, with a letter in its last label: else it is meant as an
 * address. */
static bool is_host_name(struct span text)
{
	size_t label = 0;
	bool letter = false;

	if (text.len && text.ptr[text.len - 1] == '.')
		text.len--;
	if (!text.len || text.len > 230)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
			letter = false;
			continue;
		}
		letter |= (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_')
			return false;
		if (++label > 63)
			return false;
	}
	return label && letter;
}

#define PARAM_TRANSPORT 2u /* behind the numbers, in `given` */

static const char *read_peer_transport(struct span word, struct conf_peer_text *peer,
				       unsigned *given)
{
	static const char *const words[] = {
		[NET_UDP] = "udp", [NET_TCP] = "tcp", [NET_TLS] = "tls", [NET_SCTP] = "sctp"};

	if (*given >> PARAM_TRANSPORT & 1)
		return "the same parameter twice";
	*given |= 1u << PARAM_TRANSPORT;
	peer->transport_given = true;
	for (unsigned t = 0; t < sizeof(words) / sizeof(words[0]); t++) {
		if (span_ieq(word, span_str(words[t]))) {
			peer->transport = (uint8_t)t;
			return NULL;
		}
	}
	return "a transport is udp, tcp, tls or sctp";
}

static const char *read_peer_param(struct span param, struct conf_peer_text *peer, unsigned *given)
{
	static const struct span names[] = {{"priority=", 9}, {"weight=", 7}};
	static const struct span transport = {"transport=", 10};

	if (param.len > transport.len && !memcmp(param.ptr, transport.ptr, transport.len))
		return read_peer_transport(
			span_of(param.ptr + transport.len, param.len - transport.len), peer, given);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t value;

		if (param.len < names[i].len || memcmp(param.ptr, names[i].ptr, names[i].len))
			continue;
		if (*given >> i & 1)
			return "the same parameter twice";
		*given |= 1u << i;
		if (!conf_read_number(
			    span_of(param.ptr + names[i].len, param.len - names[i].len), 0, 65535,
			    &value))
			return i ? "a weight is a number from 0 to 65535"
				 : "a priority is a number from 0 to 65535";
		*(i ? &peer->weight : &peer->priority) = (uint16_t)value;
		return NULL;
	}
	return "there is ;transport=, ;priority=N and ;weight=N behind a peer, and nothing else";
}

static const char *read_peer_host(struct span text, struct conf_peer_text *peer)
{
	const char *colon = memchr(text.ptr, ':', text.len);
	uint64_t port = 0;

	if (net_endpoint_parse(text, 0, &peer->addr) == 0)
		return net_addr_is_host(peer->addr.family, &peer->addr.addr)
			       ? NULL
			       : "not the address of a host";
	peer->addr = (struct net_endpoint){0};
	peer->host = text;
	if (colon) {
		peer->host.len = (size_t)(colon - text.ptr);
		if (!conf_read_number(span_of(colon + 1, text.len - peer->host.len - 1), 1, 65535,
				      &port))
			return "neither an address nor a host name, with a port perhaps";
	}
	peer->addr.port = (uint16_t)port;
	return is_host_name(peer->host)
		       ? NULL
		       : "neither an address nor a host name, with a port perhaps";
}

const char *conf_read_peer(struct span text, struct conf_peer_text *peer)
{
	const char *semicolon = memchr(text.ptr, ';', text.len);
	struct span rest = SPAN_NONE;
	unsigned given = 0;
	const char *why;

	memset(peer, 0, sizeof(*peer));
	if (semicolon) {
		rest = span_of(semicolon, (size_t)(text.ptr + text.len - semicolon));
		text.len -= rest.len;
	}
	why = read_peer_host(span_trim(text), peer);
	while (!why && rest.len) {
		const char *from = rest.ptr + 1, *end = rest.ptr + rest.len;
		const char *stop = memchr(from, ';', (size_t)(end - from));

		if (!stop)
			stop = end;
		why = read_peer_param(span_trim(span_of(from, (size_t)(stop - from))), peer,
				      &given);
		rest = span_of(stop, (size_t)(end - stop));
	}
	if (peer->addr.family != NET_NONE && !peer->addr.port)
		peer->addr.port = peer->transport == NET_TLS ? CONF_SIPS_PORT : CONF_SIP_PORT;
	return why;
}

bool conf_read_port_range(struct span text, uint16_t *low, uint16_t *high)
{
	const char *dash = memchr(text.ptr, '-', text.len);
	uint64_t from, to;

	if (!dash)
		return false;
	if (!conf_read_number(span_trim(span_of(text.ptr, (size_t)(dash - text.ptr))), 1024, 65535,
			      &from) ||
	    !conf_read_number(
		    span_trim(span_of(dash + 1, (size_t)(text.ptr + text.len - dash - 1))), 1024,
		    65535, &to) ||
	    from % 2 || !(to % 2) || from > to)
		return false;
	*low = (uint16_t)from;
	*high = (uint16_t)to;
	return true;
}

static bool ok_uint(const struct conf_key *key, struct span text, const struct verdict *v)
{
	uint64_t value;

	if (conf_read_number(text, 0, UINT64_MAX, &value)) {
		if (value >= key->low && value <= key->high)
			return true;
		return refuse(v, "out of range: %.*s; must be from %llu to %llu", QUOTE(text),
			      (unsigned long long)key->low, (unsigned long long)key->high);
	}
	return refuse(v, "not a whole number: \"%.*s\"; must be from %llu to %llu", QUOTE(text),
		      (unsigned long long)key->low, (unsigned long long)key->high);
}

static bool ok_word(const struct conf_key *key, struct span text, const struct verdict *v)
{
	const char *at = key->unit;

	for (;;) {
		size_t len = strcspn(at, "|");

		if (span_eq(span_of(at, len), text))
			return true;
		if (!at[len])
			break;
		at += len + 1;
	}
	return refuse(v, "not one of %s: \"%.*s\"", key->unit, QUOTE(text));
}

static bool ok_bool(struct span text, const struct verdict *v)
{
	bool value;

	return conf_read_bool(text, &value) ||
	       refuse(v, "neither yes nor no: \"%.*s\"", QUOTE(text));
}

static bool all_of(struct span text, const char *also)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c && strchr(also, c))))
			return false;
	}
	return text.len > 0;
}

static bool ok_path(struct span text, const struct verdict *v)
{
	if (text.ptr[0] != '/')
		return refuse(v, "not an absolute path: \"%.*s\"", QUOTE(text));
	return true;
}

static bool ok_address(struct span text, const struct verdict *v)
{
	struct net_addr addr;
	uint8_t family;

	if (net_addr_parse(text, &addr, &family))
		return refuse(v, "not an IP address: \"%.*s\"", QUOTE(text));
	return net_addr_is_host(family, &addr) ||
	       refuse(v, "not the address of a host: \"%.*s\"", QUOTE(text));
}

static bool ok_interface(struct span text, const struct verdict *v)
{
	struct net_prefix prefix;

	if (!memchr(text.ptr, '/', text.len))
		return refuse(v, "no subnet length: \"%.*s\"; write it as in 192.0.2.1/24",
			      QUOTE(text));
	if (net_prefix_parse(text, &prefix))
		return refuse(v, "not an address with a subnet length: \"%.*s\"", QUOTE(text));
	return conf_read_interface(text, &prefix) ||
	       refuse(v, "not the address of a host in its subnet: \"%.*s\"", QUOTE(text));
}

static bool ok_prefix(struct span text, const struct verdict *v)
{
	struct net_prefix prefix, net;

	if (net_prefix_parse(text, &prefix))
		return refuse(v, "not a network: \"%.*s\"; write it as in 192.0.2.0/24",
			      QUOTE(text));
	net = conf_network_of(&prefix);
	return net_addr_eq(&net.addr, &prefix.addr) ||
	       refuse(v, "bits set behind the prefix length: \"%.*s\"; the network is %s",
		      QUOTE(text), conf_show_prefix(&net));
}

static bool ok_endpoint(struct span text, const struct verdict *v)
{
	struct net_endpoint endpoint;

	if (net_endpoint_parse(text, CONF_SIP_PORT, &endpoint))
		return refuse(v,
			      "not an address: \"%.*s\"; write it as in 192.0.2.1:5060 or "
			      "\"[2001:db8::1]:5060\"",
			      QUOTE(text));
	return net_addr_is_host(endpoint.family, &endpoint.addr) ||
	       refuse(v, "not the address of a host: \"%.*s\"", QUOTE(text));
}

static bool ok_peer(struct span text, const struct verdict *v)
{
	struct conf_peer_text peer;
	const char *why = conf_read_peer(text, &peer);

	return !why || refuse(v, "%s: \"%.*s\"", why, QUOTE(text));
}

static bool ok_server(struct span text, const struct verdict *v)
{
	struct net_endpoint server;

	return conf_read_server(text, &server) ||
	       refuse(v, "not an address: \"%.*s\"; write it as in 192.0.2.53 or "
			 "\"[2001:db8::53]:53\"", QUOTE(text));
}

static bool ok_code(const struct conf_key *key, struct span text, const struct verdict *v)
{
	uint64_t code;

	if (!conf_read_number(text, key->low, key->high, &code))
		return refuse(v, "not a SIP status from %llu to %llu: \"%.*s\"",
			      (unsigned long long)key->low, (unsigned long long)key->high,
			      QUOTE(text));
	return sip_failover_bit((unsigned)code) >= 0 ||
	       refuse(v, "another peer would not do better after %.*s", QUOTE(text));
}

static bool ok_port_range(struct span text, const struct verdict *v)
{
	uint16_t low, high;

	return conf_read_port_range(text, &low, &high) ||
	       refuse(v,
		      "not a range of media ports: \"%.*s\"; write it as in 20000-59999: "
		      "from an even port, 1024 at least, to an odd one, 65535 at most",
		      QUOTE(text));
}

#define USER_CHARS "-_.!~*'()&=+$,;?/#%" /* user of RFC 3261 section 25.1, unescaped */

static bool ok_user(struct span text, const struct verdict *v)
{
	static const struct span urn = {"urn:service:", 12};

	if (text.len >= urn.len && !memcmp(text.ptr, urn.ptr, urn.len))
		text = span_of(text.ptr + urn.len, text.len - urn.len);
	return !text.len || all_of(text, USER_CHARS) ||
	       refuse(v, "not the start of a user part: \"%.*s\"", QUOTE(text));
}

/* RFC 5031 section 3: a service's name is labels of letters, digits and hyphens, with dots. */
static bool ok_service(struct span text, const struct verdict *v)
{
	static const struct span urn = {"urn:service:", 12};
	bool is_urn = text.len >= urn.len && !memcmp(text.ptr, urn.ptr, urn.len);

	if (is_urn ? all_of(span_of(text.ptr + urn.len, text.len - urn.len), "-.")
		   : all_of(text, USER_CHARS))
		return true;
	return refuse(v, "neither a user nor a urn:service: \"%.*s\"", QUOTE(text));
}

static bool ok_header(struct span text, const struct verdict *v)
{
	if (!all_of(text, "-.!%*_+`'~")) /* token of RFC 3261 section 25.1 */
		return refuse(v, "not a header name: \"%.*s\"", QUOTE(text));
	return !edit_plan_reserves(sip_hdr_id_from(text)) ||
	       refuse(v, "limen writes this header itself: \"%.*s\"", QUOTE(text));
}

static bool ok_digits(const struct conf_key *key, struct span text, const struct verdict *v)
{
	if (!key->low && span_eq(text, SPAN("none")))
		return true;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return refuse(v, "not only digits: \"%.*s\"", QUOTE(text));
	}
	return true;
}

static bool ok_field(struct span text, const struct verdict *v)
{
	return all_of(text, "-.!%*_+`'~") ||
	       refuse(v, "not a header name: \"%.*s\"", QUOTE(text));
}

static bool ok_pattern(struct span text, const struct verdict *v)
{
	char why[160];
	struct pattern *pattern = pattern_new(text, why, sizeof(why));

	if (!pattern)
		return refuse(v, "not a pattern: %s: \"%.*s\"", why, QUOTE(text));
	pattern_free(pattern);
	return true;
}

static bool read_minute(struct span text, uint16_t *minute)
{
	uint64_t hour, rest;

	if (text.len != 5 || text.ptr[2] != ':' ||
	    !conf_read_number(span_of(text.ptr, 2), 0, 24, &hour) ||
	    !conf_read_number(span_of(text.ptr + 3, 2), 0, 59, &rest))
		return false;
	*minute = (uint16_t)(hour * 60 + rest);
	return *minute <= 24 * 60;
}

bool conf_read_hours(struct span text, struct conf_hours *hours)
{
	return text.len == 11 && text.ptr[5] == '-' &&
	       read_minute(span_of(text.ptr, 5), &hours->from) &&
	       read_minute(span_of(text.ptr + 6, 5), &hours->to) && hours->from < 24 * 60 &&
	       hours->from != hours->to;
}

static bool ok_hours(struct span text, const struct verdict *v)
{
	struct conf_hours hours;

	return conf_read_hours(text, &hours) ||
	       refuse(v, "not a time of the day: \"%.*s\"; write it as in \"08:00-18:30\"",
		      QUOTE(text));
}

static bool ok_zone(struct span text, const struct verdict *v)
{
	char name[ZONE_NAME_MAX + 1];
	struct zone *zone;

	snprintf(name, sizeof(name), "%.*s", (int)text.len, text.ptr);
	if (zone_load(name, &zone))
		return refuse(v, "no such time zone: \"%.*s\"; write it as in Europe/Berlin",
			      QUOTE(text));
	zone_free(zone);
	return true;
}

/* A sip: URI without headers, which a Contact of an answer has not; its user may be `*`. */
static bool ok_contact_uri(struct span text, const struct verdict *v)
{
	struct sip_uri uri;

	if (!sip_uri_parse(text, &uri) && uri.is_sip && uri.host.len &&
	    !memchr(text.ptr, '<', text.len) && !memchr(text.ptr, '>', text.len) &&
	    !memchr(text.ptr, '?', text.len) && !memchr(text.ptr, ' ', text.len))
		return true;
	return refuse(v, "not a sip: URI: \"%.*s\"; write it as in sip:*@192.0.2.1:5060",
		      QUOTE(text));
}

bool conf_value_ok(const struct conf_key *key, struct span text, char *why, size_t why_bytes)
{
	const struct verdict v = {why, why_bytes};

	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return refuse(&v, "has a control character");
	}
	if (!text.len)
		return (key->def && !*key->def && key->shape == CONF_ONE) ||
		       refuse(&v, "has no value");
	if (key->type != CONF_UINT && key->type != CONF_CODE && key->type != CONF_WORD && key->type != CONF_BOOL &&
	    text.len > key->high)
		return refuse(&v, "too long: %zu characters, at most %llu", text.len,
			      (unsigned long long)key->high);
	switch ((enum conf_type)key->type) {
	case CONF_UINT:
		return ok_uint(key, text, &v);
	case CONF_WORD:
		return ok_word(key, text, &v);
	case CONF_BOOL:
		return ok_bool(text, &v);
	case CONF_NAME:
		return all_of(text, "_-.") ||
		       refuse(&v, "not a name: \"%.*s\"; only letters, digits and _ - . make one",
			      QUOTE(text));
	case CONF_PATH:
		return ok_path(text, &v);
	case CONF_ADDRESS:
		return ok_address(text, &v);
	case CONF_INTERFACE:
		return ok_interface(text, &v);
	case CONF_PREFIX:
		return ok_prefix(text, &v);
	case CONF_ENDPOINT:
		return ok_endpoint(text, &v);
	case CONF_PEER:
		return ok_peer(text, &v);
	case CONF_SERVER:
		return ok_server(text, &v);
	case CONF_CODE:
		return ok_code(key, text, &v);
	case CONF_PORT_RANGE:
		return ok_port_range(text, &v);
	case CONF_HEADER:
		return ok_header(text, &v);
	case CONF_USER:
		return ok_user(text, &v);
	case CONF_SERVICE:
		return ok_service(text, &v);
	case CONF_DIGITS:
		return ok_digits(key, text, &v);
	case CONF_HOST:
		return all_of(text, "-.:[]") ||
		       refuse(&v, "not a host: \"%.*s\"", QUOTE(text));
	case CONF_FIELD:
		return ok_field(text, &v);
	case CONF_PATTERN:
		return ok_pattern(text, &v);
	case CONF_HOURS:
		return ok_hours(text, &v);
	case CONF_ZONE:
		return ok_zone(text, &v);
	case CONF_CONTACT_URI:
		return ok_contact_uri(text, &v);
	case CONF_TEXT:
	case CONF_REF_PORT:
	case CONF_REF_REALM:
	case CONF_REF_TRUNK:
	case CONF_REF_TABLE:
	case CONF_REF_RULES:
	case CONF_REF_CERTIFICATE:
	case CONF_REF_TLS:
		break;
	}
	return true;
}
