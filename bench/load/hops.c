/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826) and the part of neighbour discovery (RFC 4861) that a host cannot do without. The loop's thread. */
#include "bench/load/hops.h"

#include "bench/load/wire.h"

#include <netinet/in.h>

#define ASK_AGAIN_MS 1000u
#define ARP_BYTES    (WIRE_ETH_BYTES + 28u)
#define ND_BYTES     (WIRE_ETH_BYTES + 40u + 32u) /* with one link-layer address option */
#define ND_SOLICIT   135
#define ND_ADVERT    136

static uint8_t *new_frame(const struct hops *hops, struct rte_mbuf **m, uint16_t bytes)
{
	*m = rte_pktmbuf_alloc(hops->ports->tx_pool);
	return *m ? (uint8_t *)rte_pktmbuf_append(*m, bytes) : NULL;
}

static void put_arp(const struct hops *hops, uint8_t port, uint16_t op, const uint8_t *src_ip, const uint8_t *dst_mac,
		    const uint8_t *dst_ip)
{
	static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, nobody[6];
	struct port *out = &hops->ports->port[port];
	struct rte_mbuf *m;
	uint8_t *at = new_frame(hops, &m, ARP_BYTES);

	if (!at)
		return;
	memcpy(at, dst_mac ? dst_mac : everyone, 6);
	memcpy(at + 6, out->mac, 6);
	wire_put16(at + 12, WIRE_ETH_ARP);
	memcpy(at + 14, "\0\1\10\0\6\4", 6); /* Ethernet, IPv4, their lengths */
	wire_put16(at + 20, op);
	memcpy(at + 22, out->mac, 6);
	memcpy(at + 28, src_ip, 4);
	memcpy(at + 32, dst_mac ? dst_mac : nobody, 6);
	memcpy(at + 38, dst_ip, 4);
	(void)port_put(out, m);
}

/* `dst` and `dst_mac`: where it goes; `target`: whose address it is about. */
static void put_nd(const struct hops *hops, uint8_t port, uint8_t type, const struct net_addr *src, const struct net_addr *dst,
		   const uint8_t *dst_mac, const struct net_addr *target)
{
	struct port *out = &hops->ports->port[port];
	struct rte_mbuf *m;
	uint8_t *at = new_frame(hops, &m, ND_BYTES), *icmp;
	uint16_t csum;

	if (!at)
		return;
	memset(at, 0, ND_BYTES);
	memcpy(at, dst_mac, 6);
	memcpy(at + 6, out->mac, 6);
	wire_put16(at + 12, WIRE_ETH_IP6);
	at[14] = 0x60;
	wire_put16(at + 18, 32);
	at[20] = IPPROTO_ICMPV6;
	at[21] = 255;
	memcpy(at + 22, src->ip, 16);
	memcpy(at + 38, dst->ip, 16);
	icmp = at + 54;
	icmp[0] = type;
	icmp[4] = type == ND_ADVERT ? 0x60 : 0; /* solicited, override */
	memcpy(icmp + 8, target->ip, 16);
	icmp[24] = type == ND_ADVERT ? 2 : 1; /* target's or source's link-layer address */
	icmp[25] = 1;
	memcpy(icmp + 26, out->mac, 6);
	csum = (uint16_t)~wire_fold(wire_sum(icmp, 32) + wire_pseudo(NET_IP6, src, dst, IPPROTO_ICMPV6, 32));
	memcpy(icmp + 2, &csum, sizeof(csum));
	(void)port_put(out, m);
}

static void ask(const struct hops *hops, const struct hop *hop)
{
	const struct local *local = &hops->options->locals[hop->local];
	struct net_addr group = {{0xff, 2, [11] = 1, [12] = 0xff, hop->addr.ip[13], hop->addr.ip[14], hop->addr.ip[15]}};
	const uint8_t group_mac[6] = {0x33, 0x33, 0xff, hop->addr.ip[13], hop->addr.ip[14], hop->addr.ip[15]};

	if (hop->family == NET_IP4)
		put_arp(hops, hop->port, 1, local->prefix.addr.ip, NULL, hop->addr.ip);
	else
		put_nd(hops, hop->port, ND_SOLICIT, &local->prefix.addr, &group, group_mac, &hop->addr);
}

static struct hop *look_up(struct hops *hops, uint8_t port, uint8_t family, const struct net_addr *addr)
{
	for (unsigned i = 0; i < hops->n; i++)
		if (hops->hop[i].port == port && hops->hop[i].family == family && net_addr_eq(&hops->hop[i].addr, addr))
			return &hops->hop[i];
	return NULL;
}

const uint8_t *hops_find(struct hops *hops, unsigned index, const struct net_addr *addr, uint64_t now_ms)
{
	const struct local *local = &hops->options->locals[index];
	uint8_t family = local->prefix.family;
	struct hop *hop;

	if (local->gateway.family != NET_NONE && !net_prefix_has(&local->prefix, family, addr))
		addr = &local->gateway.addr;
	hop = look_up(hops, local->port, family, addr);
	if (!hop) {
		if (hops->n == HOPS_MAX)
			return NULL;
		hop = &hops->hop[hops->n++];
		*hop = (struct hop){.addr = *addr, .family = family, .port = local->port, .local = (uint8_t)index};
	}
	if (hop->is_known)
		return hop->mac;
	if (!hop->asked_ms || now_ms >= hop->asked_ms + ASK_AGAIN_MS) {
		hop->asked_ms = now_ms ? now_ms : 1;
		ask(hops, hop);
	}
	return NULL;
}

/* Who it asks for (an index, or -1: not us) becomes a neighbour if it was none: an answer to it is likely soon (RFC 826). */
static void learn(struct hops *hops, uint8_t port, uint8_t family, const struct net_addr *addr, const uint8_t *mac, int asked)
{
	struct hop *hop = look_up(hops, port, family, addr);

	if (!hop && asked >= 0 && hops->n < HOPS_MAX) {
		hop = &hops->hop[hops->n++];
		*hop = (struct hop){.addr = *addr, .family = family, .port = port, .local = (uint8_t)asked};
	}
	if (!hop)
		return;
	memcpy(hop->mac, mac, 6);
	hop->is_known = true;
}

/* Index of our address, or -1. */
static int find_local(const struct hops *hops, uint8_t port, uint8_t family, const struct net_addr *addr)
{
	for (unsigned i = 0; i < hops->options->nlocals; i++) {
		const struct local *local = &hops->options->locals[i];

		if (local->port == port && local->prefix.family == family && net_addr_eq(&local->prefix.addr, addr))
			return (int)i;
	}
	return -1;
}

static void take_arp(struct hops *hops, uint8_t port, const uint8_t *frame, uint32_t bytes)
{
	struct net_addr src = {{0}}, dst = {{0}};
	int asked;

	if (bytes < ARP_BYTES || memcmp(frame + 14, "\0\1\10\0\6\4", 6) != 0)
		return;
	memcpy(src.ip, frame + 28, 4);
	memcpy(dst.ip, frame + 38, 4);
	asked = wire_get16(frame + 20) == 1 ? find_local(hops, port, NET_IP4, &dst) : -1;
	learn(hops, port, NET_IP4, &src, frame + 22, asked);
	if (asked >= 0)
		put_arp(hops, port, 2, dst.ip, frame + 22, src.ip);
}

/* The link-layer address option of that type, or what the frame came from. */
static const uint8_t *nd_mac(const uint8_t *frame, const uint8_t *icmp, uint32_t len, uint8_t type)
{
	return len >= 32 && icmp[24] == type && icmp[25] == 1 ? icmp + 26 : frame + 6;
}

static bool take_icmp6(struct hops *hops, uint8_t port, const uint8_t *frame, uint32_t bytes)
{
	const uint8_t *icmp = frame + 54;
	struct net_addr src, target;
	uint32_t len = bytes - 54;
	int asked;

	if (bytes < 54 + 24 || frame[20] != IPPROTO_ICMPV6)
		return bytes >= 54 && frame[20] == IPPROTO_ICMPV6;
	memcpy(src.ip, frame + 22, 16);
	memcpy(target.ip, icmp + 8, 16);
	if (icmp[0] == ND_ADVERT)
		learn(hops, port, NET_IP6, &target, nd_mac(frame, icmp, len, 2), -1);
	/* One that asks without an address of its own looks for duplicates (RFC 4862); ours are its operator's to keep apart. */
	asked = icmp[0] == ND_SOLICIT && !net_addr_eq(&src, &(struct net_addr){{0}}) ? find_local(hops, port, NET_IP6, &target) : -1;
	if (asked >= 0) {
		const uint8_t *mac = nd_mac(frame, icmp, len, 1);

		learn(hops, port, NET_IP6, &src, mac, asked);
		put_nd(hops, port, ND_ADVERT, &target, &src, mac, &target);
	}
	return true;
}

bool hops_frame(struct hops *hops, uint8_t port, const uint8_t *frame, uint32_t bytes)
{
	uint16_t type;

	if (bytes < WIRE_ETH_BYTES)
		return false;
	type = wire_get16(frame + 12);
	if (type == WIRE_ETH_ARP) {
		take_arp(hops, port, frame, bytes);
		return true;
	}
	return type == WIRE_ETH_IP6 && take_icmp6(hops, port, frame, bytes);
}
