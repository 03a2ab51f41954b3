/* SPDX-License-Identifier: BSD-3-Clause */
/* The stage itself: which of its parts a packet is for. Each worker. */
#include "dataplane/local/local_priv.h"

#include "dataplane/io/csum.h"

#include <rte_ring_elem.h>

static void push(struct local *local, const struct neigh_heard *heard)
{
	if (rte_ring_sp_enqueue_elem(local->neigh->heard, (void *)(uintptr_t)heard,
				     sizeof(*heard)) != 0)
		drop_count(local->drops, DROP_MAIN_FULL);
}

void local_heard(struct local *local, uint8_t port, const struct neigh_heard *heard)
{
	struct neigh_heard told = *heard;

	for (unsigned i = 0; i < local->realms->n; i++) {
		const struct realm *realm = &local->realms->realm[i];

		if (realm->port != port || (heard->realm != REALM_NONE && heard->realm != i) ||
		    !realm_on_link(realm, heard->family, &heard->ip) ||
		    neigh_table_find(local->neigh->table, (uint8_t)i, heard->family, &heard->ip) <
			    0)
			continue;
		told.realm = (uint8_t)i;
		push(local, &told);
	}
}

void local_conflict(struct local *local, const struct neigh_heard *claim)
{
	struct neigh_heard told = *claim;

	told.kind = NEIGH_HEARD_CONFLICT;
	push(local, &told);
}

static void take_icmp6(struct local *local, struct tx *tx, struct rte_mbuf *m, uint64_t now_ns)
{
	const struct pkt *pkt = pkt_of(m);
	const struct rte_ipv6_hdr *ip =
		rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, pkt->l3_off);
	uint32_t end = pkt->l3_off + sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);
	uint32_t len = end - pkt->l4_off;
	bool is_nd;

	if (end < pkt->l4_off + 8u || end > rte_pktmbuf_data_len(m)) {
		pkt_drop(local->drops, m, DROP_TRUNCATED);
		return;
	}
	is_nd = icmp[0] == ND_SOLICIT || icmp[0] == ND_ADVERT;
	if (csum_fold(csum_bytes(icmp, len) + csum_pseudo(NET_IP6, ip->src_addr, ip->dst_addr,
							  IPPROTO_ICMPV6, len)) != 0xffff)
		pkt_drop(local->drops, m, is_nd ? DROP_ARP_INVALID : DROP_ICMP_TYPE);
	else if (is_nd)
		local_nd(local, tx, m, len);
	else
		local_echo6(local, tx, m, len, now_ns);
}

void local_stage(struct local *local, struct tx *tx, struct rte_mbuf **pkts, unsigned n,
		 uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

		if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP))
			local_arp(local, tx, m);
		else if (pkt_of(m)->family == NET_IP6)
			take_icmp6(local, tx, m, now_ns);
		else
			local_echo4(local, tx, m, now_ns);
	}
}
