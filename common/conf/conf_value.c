/* SPDX-License-Identifier: BSD-3-Clause */
/* One value: its text checked against its key's type and range, and read. */
#include "common/conf/conf_value.h"

#include <stdarg.h>
#include <stdio.h>

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

/* An address one host can have: not unspecified, loopback, multicast, broadcast, class E or
 * IPv4-mapped. */
static bool is_unicast(uint8_t family, const struct net_addr *addr)
{
	static const struct net_addr none;
	static const struct net_addr loop6 = {.ip = {[15] = 1}};
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (net_addr_eq(addr, &none))
		return false;
	if (family == NET_IP4)
		return addr->ip[0] != 0 && addr->ip[0] != 127 && addr->ip[0] < 224;
	return addr->ip[0] != 0xff && !net_addr_eq(addr, &loop6) &&
	       memcmp(addr->ip, mapped, sizeof(mapped)) != 0;
}

bool conf_read_address(struct span text, uint8_t *family, struct net_addr *addr)
{
	return net_addr_parse(text, addr, family) == 0 && is_unicast(*family, addr);
}

bool conf_read_interface(struct span text, struct net_prefix *interface)
{
	struct net_prefix net;
	unsigned width, host_bits;

	if (!memchr(text.ptr, '/', text.len) || net_prefix_parse(text, interface) ||
	    !is_unicast(interface->family, &interface->addr))
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
	       is_unicast(endpoint->family, &endpoint->addr);
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
	return is_unicast(family, &addr) ||
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
	return is_unicast(endpoint.family, &endpoint.addr) ||
	       refuse(v, "not the address of a host: \"%.*s\"", QUOTE(text));
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
	if (key->type != CONF_UINT && key->type != CONF_WORD && key->type != CONF_BOOL &&
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
	case CONF_PORT_RANGE:
		return ok_port_range(text, &v);
	case CONF_HEADER:
		return ok_header(text, &v);
	case CONF_USER:
		return ok_user(text, &v);
	case CONF_SERVICE:
		return ok_service(text, &v);
	case CONF_TEXT:
	case CONF_REF_PORT:
	case CONF_REF_REALM:
	case CONF_REF_TRUNK:
		break;
	}
	return true;
}
