/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and endpoints as limen keeps and compares them: no pointers, no holes, so that they can
 * lie in arenas and cross the process boundary as they are. Both processes, any thread. */
#pragma once

#include "common/base/cursor.h"

enum net_family {
	NET_NONE = 0, /* no address */
	NET_IP4 = 4,
	NET_IP6 = 6,
};

enum net_transport {
	NET_UDP = 0,
	NET_TCP,
	NET_TLS,
	NET_SCTP,
	NET_WS,
	NET_WSS,
	NET_TRANSPORTS,
};

/* An IP address in network order; IPv4 uses the first 4 bytes of `ip`, the rest is zero. */
struct net_addr {
	uint8_t ip[16];
};

/* An address with a port. Unused bytes are zero, so endpoints compare with memcmp. */
struct net_endpoint {
	struct net_addr addr;
	uint16_t port; /* host order */
	uint8_t family; /* enum net_family */
	uint8_t pad;
};
_Static_assert(sizeof(struct net_endpoint) == 20, "crosses the process boundary as it is");

struct net_prefix {
	struct net_addr addr;
	uint8_t family; /* enum net_family */
	uint8_t bits;   /* 0..32 or 0..128 */
};

static inline bool net_endpoint_eq(const struct net_endpoint *a, const struct net_endpoint *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline bool net_addr_eq(const struct net_addr *a, const struct net_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Parse "10.0.0.1" or "fd00::1" (no brackets, no zone). 0, or -EINVAL. */
int net_addr_parse(struct span text, struct net_addr *addr, uint8_t *family);

/* Parse "10.0.0.1", "10.0.0.1:5060", "[fd00::1]:5060", "fd00::1"; the port is `default_port` where
 * none is given. 0, or -EINVAL. */
int net_endpoint_parse(struct span text, uint16_t default_port, struct net_endpoint *endpoint);

/* Parse "10.0.0.0/8", "fd00::/64" or a bare address (then all bits). Host bits are kept in `addr`
 * as given (an interface's address with its prefix length). 0, or -EINVAL. */
int net_prefix_parse(struct span text, struct net_prefix *prefix);

/* An address that one host can have: not unspecified, loopback, multicast, broadcast, class E or
 * IPv4-mapped. */
bool net_addr_is_host(uint8_t family, const struct net_addr *addr);

bool net_prefix_has(const struct net_prefix *prefix, uint8_t family, const struct net_addr *addr);

/* Append the address as RFC 5952 text; `put_addr_sip` puts IPv6 in brackets (RFC 3261
 * IPv6reference). */
void put_addr(struct cursor *c, uint8_t family, const struct net_addr *addr);
void put_addr_sip(struct cursor *c, uint8_t family, const struct net_addr *addr);

/* Append "10.0.0.1:5060" or "[fd00::1]:5060". */
void put_endpoint(struct cursor *c, const struct net_endpoint *endpoint);

/* "UDP", "TCP", ... as in a Via; NULL past the last. `net_transport_param` is the lower-case URI
 * parameter. `net_transport_from` answers -EINVAL for a word it does not know. */
const char *net_transport_name(enum net_transport transport);
const char *net_transport_param(enum net_transport transport);
int net_transport_from(struct span text);
