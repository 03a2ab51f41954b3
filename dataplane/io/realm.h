/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers know of the realms: limen's own addresses, where each is served and who lies behind
 * it. Made once by the main thread before the workers start, read by all and changed by none. */
#pragma once

#include "common/conf/conf.h"
#include "dataplane/io/fault.h"

#define REALM_NONE 0xffu

/* limen's address of one family in a realm. */
struct realm_addr {
	struct net_addr addr;
	struct net_addr gateway;
	struct net_addr broadcast; /* IPv4: the subnet's, all zero for /31 and /32 */
	uint8_t bits;		   /* of the subnet */
	bool is_set;
	bool has_gateway;
};

struct realm {
	char name[64];
	uint8_t port; /* index into the config's ports */
	uint8_t dscp_sip, dscp_media;
	uint16_t sip_port;
	uint16_t media_port_low, media_port_high;
	struct realm_addr ip4, ip6;
	bool has_kernel; /* TCP and SCTP go to the kernel, within these limits for a source */
	uint32_t kernel_new_per_s, kernel_pkts_per_s;
};

#define REALM_SLOTS 512u /* power of two, at least twice the addresses there can be */

struct realm_slot {
	struct net_addr addr;
	uint8_t family; /* NET_NONE: free */
	uint8_t port;
	uint8_t realm;
};

struct realms {
	unsigned n;
	struct realm realm[CONF_REALMS_MAX];
	struct realm_slot slots[REALM_SLOTS]; /* own addresses, open addressing */
	/* By the last byte of the address: whether limen has an address that ends so. Answers "not
	 * ours" for most sources. */
	bool ends[256];
};

/* Take the realms over from the config. 0, or -EINVAL: two realms with one address on one port. */
int realms_init(struct realms *realms, const struct conf *conf, struct fault *fault);

static inline const struct realm_addr *realm_addr_of(const struct realm *realm, uint8_t family)
{
	return family == NET_IP6 ? &realm->ip6 : &realm->ip4;
}

static inline unsigned realm_slot_of(uint8_t port, const struct net_addr *addr)
{
	uint64_t half[2];

	memcpy(half, addr->ip, sizeof(half));
	half[0] = (half[0] ^ half[1] * 3 ^ port) * UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)(half[0] >> 40) & (REALM_SLOTS - 1);
}

/* The realm that has this address on this port, or REALM_NONE. */
static inline uint8_t realm_find(const struct realms *realms, uint8_t port, uint8_t family,
				 const struct net_addr *addr)
{
	for (unsigned at = realm_slot_of(port, addr);; at = (at + 1) & (REALM_SLOTS - 1)) {
		const struct realm_slot *slot = &realms->slots[at];

		if (slot->family == NET_NONE)
			return REALM_NONE;
		if (slot->port == port && slot->family == family && net_addr_eq(&slot->addr, addr))
			return slot->realm;
	}
}

/* The same for an IPv4 address in a register. */
static inline uint8_t realm_find4(const struct realms *realms, uint8_t port, uint32_t ip)
{
	const uint64_t halves[2] = {ip, 0};
	struct net_addr addr;

	memcpy(addr.ip, halves, sizeof(halves));
	for (unsigned at = realm_slot_of(port, &addr);; at = (at + 1) & (REALM_SLOTS - 1)) {
		const struct realm_slot *slot = &realms->slots[at];
		uint32_t own;

		if (slot->family == NET_NONE)
			return REALM_NONE;
		memcpy(&own, slot->addr.ip, sizeof(own));
		if (own == ip && slot->port == port && slot->family == NET_IP4)
			return slot->realm;
	}
}

/* Whether it is an address of limen itself, on whichever port. */
bool realm_is_own(const struct realms *realms, uint8_t family, const struct net_addr *addr);

/* Quick and mostly final: false means "not limen's". */
static inline bool realm_may_be_own(const struct realms *realms, uint8_t family,
				    const struct net_addr *addr)
{
	return realms->ends[addr->ip[family == NET_IP6 ? 15 : 3]];
}

/* Whom to send to for that destination: itself where it is on the link, else the gateway. False: no
 * route. */
bool realm_next_hop(const struct realm *realm, uint8_t family, const struct net_addr *dst,
		    struct net_addr *hop);

/* An address that can be on this realm's link: in the subnet, the gateway, or an IPv6 link-local
 * one. */
bool realm_on_link(const struct realm *realm, uint8_t family, const struct net_addr *addr);

static inline bool addr_is_multicast(uint8_t family, const struct net_addr *addr)
{
	return family == NET_IP6 ? addr->ip[0] == 0xff : (addr->ip[0] & 0xf0) == 0xe0;
}

static inline bool addr_is_link_local6(const struct net_addr *addr)
{
	return addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0x80;
}

static inline bool addr_is_unspecified(const struct net_addr *addr)
{
	static const struct net_addr none;

	return net_addr_eq(addr, &none);
}
