/* SPDX-License-Identifier: BSD-3-Clause */
/* Realms as the workers read them: built from the config, looked up by address. Built by the main
 * thread. */
#include "dataplane/io/realm.h"

#include <errno.h>

static int add_own(struct realms *realms, const struct conf *conf, unsigned index, uint8_t family,
		   const struct net_addr *addr, struct fault *fault)
{
	uint8_t port = realms->realm[index].port;
	uint8_t other = realm_find(realms, port, family, addr);
	unsigned at;

	if (other != REALM_NONE)
		return fault_set(fault, -EINVAL,
				 "realms[%u].addresses: realm %s has this address on port %s "
				 "already; give each realm of a "
				 "port its own",
				 index, realms->realm[other].name, conf->ports[port].name);
	for (at = realm_slot_of(port, addr); realms->slots[at].family != NET_NONE;
	     at = (at + 1) & (REALM_SLOTS - 1))
		;
	realms->slots[at] = (struct realm_slot){
		.addr = *addr, .family = family, .port = port, .realm = (uint8_t)index};
	realms->ends[addr->ip[family == NET_IP6 ? 15 : 3]] = true;
	return 0;
}

static void take_addr(struct realm_addr *to, const struct conf_addr *from)
{
	*to = (struct realm_addr){
		.addr = from->prefix.addr,
		.gateway = from->gateway,
		.bits = from->prefix.bits,
		.is_set = true,
		.has_gateway = from->has_gateway,
	};
	if (from->prefix.family == NET_IP4 && to->bits < 31) {
		to->broadcast = to->addr;
		for (unsigned bit = to->bits; bit < 32; bit++)
			to->broadcast.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
}

int realms_init(struct realms *realms, const struct conf *conf, struct fault *fault)
{
	memset(realms, 0, sizeof(*realms));
	realms->n = conf->nrealms;
	for (unsigned i = 0; i < conf->nrealms; i++) {
		const struct conf_realm *from = &conf->realms[i];
		struct realm *realm = &realms->realm[i];

		snprintf(realm->name, sizeof(realm->name), "%s", from->name);
		realm->port = (uint8_t)from->port;
		realm->dscp_sip = from->dscp_sip;
		realm->dscp_media = from->dscp_media;
		realm->sip_port = from->sip_port;
		realm->media_port_low = from->media_port_low;
		realm->media_port_high = from->media_port_high;
		realm->has_kernel = from->kernel_device && *from->kernel_device;
		realm->kernel_new_per_s = from->kernel_new_per_s;
		realm->kernel_pkts_per_s = from->kernel_pkts_per_s;
		for (unsigned a = 0; a < from->naddrs; a++) {
			const struct conf_addr *addr = &from->addrs[a];
			uint8_t family = addr->prefix.family;
			int err = add_own(realms, conf, i, family, &addr->prefix.addr, fault);

			if (err)
				return err;
			take_addr(family == NET_IP6 ? &realm->ip6 : &realm->ip4, addr);
		}
	}
	return 0;
}

bool realm_is_own(const struct realms *realms, uint8_t family, const struct net_addr *addr)
{
	if (!realm_may_be_own(realms, family, addr))
		return false;
	for (unsigned i = 0; i < realms->n; i++) {
		const struct realm_addr *own = realm_addr_of(&realms->realm[i], family);

		if (own->is_set && net_addr_eq(&own->addr, addr))
			return true;
	}
	return false;
}

static bool in_subnet(const struct realm_addr *own, uint8_t family, const struct net_addr *addr)
{
	struct net_prefix subnet = {.addr = own->addr, .family = family, .bits = own->bits};

	return net_prefix_has(&subnet, family, addr);
}

bool realm_next_hop(const struct realm *realm, uint8_t family, const struct net_addr *dst,
		    struct net_addr *hop)
{
	const struct realm_addr *own = realm_addr_of(realm, family);

	if (!own->is_set || addr_is_multicast(family, dst) || addr_is_unspecified(dst) ||
	    (family == NET_IP4 && (net_addr_eq(dst, &own->broadcast) || dst->ip[0] >= 0xf0)))
		return false;
	if (in_subnet(own, family, dst) || (family == NET_IP6 && addr_is_link_local6(dst))) {
		*hop = *dst;
		return true;
	}
	*hop = own->gateway;
	return own->has_gateway;
}

bool realm_on_link(const struct realm *realm, uint8_t family, const struct net_addr *addr)
{
	const struct realm_addr *own = realm_addr_of(realm, family);

	if (!own->is_set || addr_is_multicast(family, addr) || addr_is_unspecified(addr))
		return false;
	return in_subnet(own, family, addr) || (family == NET_IP6 && addr_is_link_local6(addr)) ||
	       (own->has_gateway && net_addr_eq(&own->gateway, addr));
}
