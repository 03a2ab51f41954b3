/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses from text and to text. Written out rather than left to inet_pton and inet_ntop, which
 * want terminated strings and print by sprintf: the engine writes addresses into every message.
 * Both processes, any thread. */
#include "common/net/addr.h"

#include <errno.h>

/* Decimal digits at *at, at most `max`, no leading zero (10.0.0.010 means different things to
 * different hosts). */
static int parse_decimal(struct span text, size_t *at, unsigned max, unsigned *value)
{
	size_t i = *at;
	unsigned v = 0;

	while (i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9') {
		v = v * 10 + (unsigned)(text.ptr[i++] - '0');
		if (v > max)
			return -EINVAL;
	}
	if (i == *at || (i - *at > 1 && text.ptr[*at] == '0'))
		return -EINVAL;
	*at = i;
	*value = v;
	return 0;
}

static int parse_ip4(struct span text, uint8_t ip[4])
{
	size_t at = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned octet;

		if (i && (at >= text.len || text.ptr[at++] != '.'))
			return -EINVAL;
		if (parse_decimal(text, &at, 255, &octet))
			return -EINVAL;
		ip[i] = (uint8_t)octet;
	}
	return at == text.len ? 0 : -EINVAL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 4291 section 2.2, all three forms. */
static int parse_ip6(struct span text, uint8_t ip[16])
{
	size_t at = 0;
	int gap = -1;	    /* where :: stands, in bytes of ip */
	unsigned bytes = 0; /* of ip, written */

	if (text.len < 2)
		return -EINVAL;
	if (text.ptr[0] == ':') {
		if (text.ptr[1] != ':')
			return -EINVAL;
		gap = 0;
		at = 2;
	}
	while (at < text.len) {
		size_t group = at;
		unsigned v = 0;
		int digit;

		if (bytes == 16)
			return -EINVAL;
		while (at < text.len && (digit = hex_digit(text.ptr[at])) >= 0 && at - group < 4) {
			v = v << 4 | (unsigned)digit;
			at++;
		}
		if (at == group)
			return -EINVAL;
		if (at < text.len && text.ptr[at] == '.') {
			if (bytes > 12 ||
			    parse_ip4(span_of(text.ptr + group, text.len - group), ip + bytes))
				return -EINVAL;
			bytes += 4;
			break;
		}
		ip[bytes++] = (uint8_t)(v >> 8);
		ip[bytes++] = (uint8_t)v;
		if (at == text.len)
			break;
		if (text.ptr[at++] != ':' || at == text.len)
			return -EINVAL;
		if (text.ptr[at] == ':') {
			if (gap >= 0)
				return -EINVAL;
			gap = (int)bytes;
			at++;
		}
	}
	if (gap < 0)
		return bytes == 16 ? 0 : -EINVAL;
	if (bytes == 16)
		return -EINVAL; /* :: stands for at least one group */
	memmove(ip + 16 - (bytes - (unsigned)gap), ip + gap, bytes - (unsigned)gap);
	memset(ip + gap, 0, 16 - bytes);
	return 0;
}

int net_addr_parse(struct span text, struct net_addr *addr, uint8_t *family)
{
	struct net_addr parsed = {0};

	if (text.len && memchr(text.ptr, ':', text.len)) {
		if (parse_ip6(text, parsed.ip))
			return -EINVAL;
		*family = NET_IP6;
	} else {
		if (parse_ip4(text, parsed.ip))
			return -EINVAL;
		*family = NET_IP4;
	}
	*addr = parsed;
	return 0;
}

/* The address and what stands behind it: "" or ":port". */
static int split_endpoint(struct span text, struct span *addr, struct span *port)
{
	const char *colon;

	*port = SPAN_NONE;
	if (text.len && text.ptr[0] == '[') {
		const char *close = memchr(text.ptr, ']', text.len);

		if (!close)
			return -EINVAL;
		*addr = span_of(text.ptr + 1, (size_t)(close - text.ptr) - 1);
		*port = span_of(close + 1, text.len - addr->len - 2);
		return memchr(addr->ptr, ':', addr->len) ? 0 : -EINVAL;
	}
	*addr = text;
	colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
	if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon - text.ptr) - 1)) {
		addr->len = (size_t)(colon - text.ptr);
		*port = span_of(colon, text.len - addr->len);
	}
	return 0;
}

int net_endpoint_parse(struct span text, uint16_t default_port, struct net_endpoint *endpoint)
{
	struct net_endpoint parsed = {.port = default_port};
	struct span addr, port;

	if (split_endpoint(text, &addr, &port))
		return -EINVAL;
	if (net_addr_parse(addr, &parsed.addr, &parsed.family))
		return -EINVAL;
	if (port.len) {
		size_t at = 1;
		unsigned number;

		if (port.ptr[0] != ':' || parse_decimal(port, &at, 65535, &number) ||
		    at != port.len || !number)
			return -EINVAL;
		parsed.port = (uint16_t)number;
	}
	*endpoint = parsed;
	return 0;
}

int net_prefix_parse(struct span text, struct net_prefix *prefix)
{
	const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
	struct net_prefix parsed = {0};
	unsigned bits_max, bits;

	if (net_addr_parse(span_of(text.ptr, slash ? (size_t)(slash - text.ptr) : text.len),
			   &parsed.addr, &parsed.family))
		return -EINVAL;
	bits_max = parsed.family == NET_IP4 ? 32 : 128;
	bits = bits_max;
	if (slash) {
		size_t at = (size_t)(slash - text.ptr) + 1;

		if (parse_decimal(text, &at, bits_max, &bits) || at != text.len)
			return -EINVAL;
	}
	parsed.bits = (uint8_t)bits;
	*prefix = parsed;
	return 0;
}

bool net_prefix_has(const struct net_prefix *prefix, uint8_t family, const struct net_addr *addr)
{
	unsigned whole = prefix->bits / 8, rest = prefix->bits % 8;

	if (family == NET_NONE || prefix->family != family ||
	    prefix->bits > (family == NET_IP4 ? 32 : 128))
		return false;
	if (memcmp(prefix->addr.ip, addr->ip, whole) != 0)
		return false;
	return rest == 0 || (uint8_t)(prefix->addr.ip[whole] ^ addr->ip[whole]) >> (8 - rest) == 0;
}

static void put_hex16(struct cursor *c, unsigned v)
{
	static const char digits[] = "0123456789abcdef";
	char text[4];
	unsigned at = sizeof(text);

	do {
		text[--at] = digits[v & 15];
		v >>= 4;
	} while (v);
	put_bytes(c, text + at, sizeof(text) - at);
}

static void put_ip4(struct cursor *c, const uint8_t ip[4])
{
	char text[15];
	unsigned at = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned v = ip[i];

		if (i)
			text[at++] = '.';
		if (v >= 100)
			text[at++] = (char)('0' + v / 100);
		if (v >= 10)
			text[at++] = (char)('0' + v / 10 % 10);
		text[at++] = (char)('0' + v % 10);
	}
	put_bytes(c, text, at);
}

static void put_ip6(struct cursor *c, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned group[8], gap = 8, gap_len = 1;

	if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
		put_lit(c, "::ffff:");
		put_ip4(c, ip + 12);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		group[i] = (unsigned)ip[2 * i] << 8 | ip[2 * i + 1];
	/* RFC 5952 section 4.2: the longest run of zeros, the first of equals, and never a single
	 * one. */
	for (unsigned i = 0, run = 0; i < 8; i++) {
		run = group[i] ? 0 : run + 1;
		if (run > gap_len) {
			gap = i + 1 - run;
			gap_len = run;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == gap) {
			put_lit(c, "::");
			i += gap_len - 1;
			continue;
		}
		if (i && i != gap + gap_len)
			put_char(c, ':');
		put_hex16(c, group[i]);
	}
}

void put_addr(struct cursor *c, uint8_t family, const struct net_addr *addr)
{
	switch (family) {
	case NET_IP4:
		put_ip4(c, addr->ip);
		break;
	case NET_IP6:
		put_ip6(c, addr->ip);
		break;
	default:
		put_char(c, '-');
	}
}

void put_addr_sip(struct cursor *c, uint8_t family, const struct net_addr *addr)
{
	if (family == NET_IP6)
		put_char(c, '[');
	put_addr(c, family, addr);
	if (family == NET_IP6)
		put_char(c, ']');
}

void put_endpoint(struct cursor *c, const struct net_endpoint *endpoint)
{
	put_addr_sip(c, endpoint->family, &endpoint->addr);
	put_char(c, ':');
	put_u64(c, endpoint->port);
}

static const struct {
	const char *via;
	const char *param;
} transports[NET_TRANSPORTS] = {
	[NET_UDP] = {"UDP", "udp"},    [NET_TCP] = {"TCP", "tcp"}, [NET_TLS] = {"TLS", "tls"},
	[NET_SCTP] = {"SCTP", "sctp"}, [NET_WS] = {"WS", "ws"},	   [NET_WSS] = {"WSS", "wss"},
};

const char *net_transport_name(enum net_transport transport)
{
	return transport < NET_TRANSPORTS ? transports[transport].via : NULL;
}

const char *net_transport_param(enum net_transport transport)
{
	return transport < NET_TRANSPORTS ? transports[transport].param : NULL;
}

int net_transport_from(struct span text)
{
	for (int i = 0; i < NET_TRANSPORTS; i++)
		if (span_ieq(text, span_str(transports[i].via)))
			return i;
	return -EINVAL;
}

bool net_addr_is_host(uint8_t family, const struct net_addr *addr)
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
