/* SPDX-License-Identifier: BSD-3-Clause */
/* STUN (RFC 8489): Binding requests answered. libc only. */
#include "common/net/stun.h"

#define HEAD_BYTES   20u
#define COOKIE	     0x2112a442u
#define UNKNOWN_MAX  8u

enum {
	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101,
	BINDING_ERROR = 0x0111,
};

enum {
	ATTR_USERNAME = 0x0006,
	ATTR_MESSAGE_INTEGRITY = 0x0008,
	ATTR_ERROR_CODE = 0x0009,
	ATTR_UNKNOWN_ATTRIBUTES = 0x000a,
	ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	ATTR_OPTIONAL = 0x8000, /* from here on they need not be understood */
};

static unsigned get16(const char *at)
{
	return (unsigned)(uint8_t)at[0] << 8 | (uint8_t)at[1];
}

static uint32_t get32(const char *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(struct cursor *out, unsigned value)
{
	put_char(out, (char)(value >> 8));
	put_char(out, (char)value);
}

bool stun_is_message(struct span datagram)
{
	return datagram.len >= HEAD_BYTES && ((uint8_t)datagram.ptr[0] & 0xc0) == 0 &&
	       get32(datagram.ptr + 4) == COOKIE && get16(datagram.ptr + 2) % 4 == 0 &&
	       get16(datagram.ptr + 2) == datagram.len - HEAD_BYTES;
}

/* Credentials of a keep-alive are none that limen gave: it goes without (section 9.1.3 asks for
 * them only where the usage does). */
static bool is_understood(unsigned type)
{
	return type >= ATTR_OPTIONAL || type == ATTR_USERNAME || type == ATTR_MESSAGE_INTEGRITY;
}

/* The attributes that would have to be understood. False for broken ones. */
static bool read_unknown(struct span request, unsigned unknown[UNKNOWN_MAX], unsigned *n)
{
	size_t at = HEAD_BYTES;

	*n = 0;
	while (at < request.len) {
		unsigned type, len;

		if (request.len - at < 4)
			return false;
		type = get16(request.ptr + at);
		len = (get16(request.ptr + at + 2) + 3) & ~3u;
		if (len > request.len - at - 4)
			return false;
		if (!is_understood(type) && *n < UNKNOWN_MAX)
			unknown[(*n)++] = type;
		at += 4 + len;
	}
	return true;
}

static void put_head(struct cursor *out, unsigned type, unsigned len, struct span request)
{
	put16(out, type);
	put16(out, len);
	put_bytes(out, request.ptr + 4, HEAD_BYTES - 4); /* cookie and transaction id */
}

/* Section 14.2: port and address, each with the cookie and, of IPv6, the transaction id over it. */
static void put_mapped(struct cursor *out, struct span request, const struct net_endpoint *from)
{
	bool is_ip4 = from->family == NET_IP4;
	unsigned bytes = is_ip4 ? 4 : 16;

	put_head(out, BINDING_SUCCESS, 8 + bytes, request);
	put16(out, ATTR_XOR_MAPPED_ADDRESS);
	put16(out, 4 + bytes);
	put16(out, is_ip4 ? 1 : 2);
	put16(out, from->port ^ (COOKIE >> 16));
	for (unsigned i = 0; i < bytes; i++)
		put_char(out, (char)(from->addr.ip[i] ^ (uint8_t)request.ptr[4 + i]));
}

/* Section 14.8 and 14.9. */
static void put_unknown(struct cursor *out, struct span request, const unsigned *unknown,
			unsigned n)
{
	static const char reason[] = "Unknown Attribute";
	unsigned reason_len = sizeof(reason) - 1, padded = (reason_len + 3) & ~3u,
		 list_padded = (2 * n + 3) & ~3u;

	put_head(out, BINDING_ERROR, 4 + 4 + padded + 4 + list_padded, request);
	put16(out, ATTR_ERROR_CODE);
	put16(out, 4 + reason_len);
	put16(out, 0);
	put16(out, 4 << 8 | 20);
	put_bytes(out, reason, reason_len);
	for (unsigned i = reason_len; i < padded; i++)
		put_char(out, '\0');
	put16(out, ATTR_UNKNOWN_ATTRIBUTES);
	put16(out, 2 * n);
	for (unsigned i = 0; i < n; i++)
		put16(out, unknown[i]);
	if (n % 2)
		put16(out, 0);
}

bool put_stun_answer(struct cursor *out, struct span request, const struct net_endpoint *from)
{
	unsigned unknown[UNKNOWN_MAX], n;

	if (!stun_is_message(request) || get16(request.ptr) != BINDING_REQUEST ||
	    (from->family != NET_IP4 && from->family != NET_IP6) ||
	    !read_unknown(request, unknown, &n))
		return false;
	if (n)
		put_unknown(out, request, unknown, n);
	else
		put_mapped(out, request, from);
	return !out->full;
}
