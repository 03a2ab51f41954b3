/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826, RFC 5227): requests for our addresses are answered here and now; what is said of
 * neighbours goes to main. Each worker. */
#include "dataplane/local/local_priv.h"

static bool arp_is_good(const struct rte_mbuf *m)
{
	const struct arp_frame *frame = rte_pktmbuf_mtod(m, const struct arp_frame *);

	return rte_pktmbuf_data_len(m) >= sizeof(*frame) &&
	       frame->arp.arp_hardware == rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) &&
	       frame->arp.arp_protocol == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) &&
	       frame->arp.arp_hlen == RTE_ETHER_ADDR_LEN && frame->arp.arp_plen == 4 &&
	       (frame->arp.arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST) ||
		frame->arp.arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REPLY)) &&
	       rte_is_valid_assigned_ether_addr(&frame->arp.arp_data.arp_sha);
}

static void answer(struct local *local, struct tx *tx, struct rte_mbuf *m)
{
	struct arp_frame *frame = rte_pktmbuf_mtod(m, struct arp_frame *);
	uint8_t port = pkt_of(m)->port;
	rte_be32_t ours = frame->arp.arp_data.arp_tip;

	if (rte_pktmbuf_data_len(m) > sizeof(*frame))
		rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_data_len(m) - sizeof(*frame)));
	frame->arp.arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	frame->arp.arp_data.arp_tha = frame->arp.arp_data.arp_sha;
	frame->arp.arp_data.arp_tip = frame->arp.arp_data.arp_sip;
	memcpy(frame->arp.arp_data.arp_sha.addr_bytes, local->ports->port[port].mac, 6);
	frame->arp.arp_data.arp_sip = ours;
	frame->eth.dst_addr = frame->arp.arp_data.arp_tha;
	frame->eth.src_addr = frame->arp.arp_data.arp_sha;
	m->ol_flags = 0;
	local->arp_answered++;
	tx_frame(tx, m, port);
}

void local_arp(struct local *local, struct tx *tx, struct rte_mbuf *m)
{
	const struct arp_frame *frame = rte_pktmbuf_mtod(m, const struct arp_frame *);
	struct neigh_heard heard = {.family = NET_IP4, .kind = NEIGH_HEARD_ANSWER, .has_mac = true};
	struct net_addr target = {{0}};
	uint8_t port = pkt_of(m)->port;
	bool is_request;
	uint8_t realm;

	if (m->nb_segs > 1 || !arp_is_good(m)) {
		pkt_drop(local->drops, m, DROP_ARP_INVALID);
		return;
	}
	is_request = frame->arp.arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	memcpy(target.ip, &frame->arp.arp_data.arp_tip, 4);
	memcpy(heard.ip.ip, &frame->arp.arp_data.arp_sip, 4);
	memcpy(heard.mac, frame->arp.arp_data.arp_sha.addr_bytes, 6);
	realm = realm_find(local->realms, port, NET_IP4, &heard.ip);
	if (realm != REALM_NONE) {
		/* From an address of ours. Our own announcement, or somebody else's claim? */
		heard.realm = realm;
		if (memcmp(heard.mac, local->ports->port[port].mac, 6) != 0)
			local_conflict(local, &heard);
		pkt_drop(local->drops, m, DROP_IP_SRC);
		return;
	}
	heard.realm = realm_find(local->realms, port, NET_IP4, &target);
	if (heard.realm == REALM_NONE && !net_addr_eq(&target, &heard.ip)) {
		pkt_drop(local->drops, m,
			 DROP_IP_DST); /* for another machine, and no announcement */
		return;
	}
	if (is_request && heard.realm != REALM_NONE)
		heard.kind = NEIGH_HEARD_ASK;
	local_heard(local, port, &heard);
	if (heard.kind == NEIGH_HEARD_ASK)
		answer(local, tx, m);
	else
		rte_pktmbuf_free(m);
}
