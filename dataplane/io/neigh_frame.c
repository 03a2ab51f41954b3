/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of ARP and neighbour discovery that limen sends of its own accord. Main thread. */
#include "dataplane/io/neigh_frame.h"

#include "dataplane/io/csum.h"

void nd_solicited_node(uint8_t group[16], const uint8_t target[16])
{
	static const uint8_t prefix[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff};

	memcpy(group, prefix, sizeof(prefix));
	memcpy(group + 13, target + 13, 3);
}

void nd_multicast_mac(struct rte_ether_addr *mac, const uint8_t group[16])
{
	mac->addr_bytes[0] = 0x33;
	mac->addr_bytes[1] = 0x33;
	memcpy(mac->addr_bytes + 2, group + 12, 4);
}

void nd_frame_finish(struct nd_frame *frame, const uint8_t src[16], const uint8_t dst[16])
{
	unsigned len = sizeof(frame->nd) + sizeof(frame->option);

	frame->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6);
	frame->ip.vtc_flow = rte_cpu_to_be_32(6u << 28);
	frame->ip.payload_len = rte_cpu_to_be_16((uint16_t)len);
	frame->ip.proto = IPPROTO_ICMPV6;
	frame->ip.hop_limits =
		255; /* the receiver's proof that it came from the link (RFC 4861 section 7.1) */
	memcpy(frame->ip.src_addr, src, 16);
	memcpy(frame->ip.dst_addr, dst, 16);
	frame->nd.csum = 0;
	frame->nd.csum = (uint16_t)~csum_fold(csum_words(&frame->nd, len) +
					      csum_pseudo(NET_IP6, src, dst, IPPROTO_ICMPV6, len));
}

static void arp_question(struct rte_mbuf *m, const uint8_t our_mac[6], const struct net_addr *from,
			 const struct net_addr *target, const uint8_t to[6])
{
	struct arp_frame *frame = pkt_extend(m, sizeof(*frame));

	memset(frame, 0, sizeof(*frame));
	if (to)
		memcpy(frame->eth.dst_addr.addr_bytes, to, 6);
	else
		memset(frame->eth.dst_addr.addr_bytes, 0xff, 6);
	memcpy(frame->eth.src_addr.addr_bytes, our_mac, 6);
	frame->eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP);
	frame->arp.arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	frame->arp.arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	frame->arp.arp_hlen = RTE_ETHER_ADDR_LEN;
	frame->arp.arp_plen = 4;
	frame->arp.arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	memcpy(frame->arp.arp_data.arp_sha.addr_bytes, our_mac, 6);
	memcpy(&frame->arp.arp_data.arp_sip, from->ip, 4);
	memcpy(&frame->arp.arp_data.arp_tip, target->ip, 4);
}

static struct nd_frame *nd_start(struct rte_mbuf *m, const uint8_t our_mac[6], uint8_t type,
				 uint8_t option, const struct net_addr *target)
{
	struct nd_frame *frame = pkt_extend(m, sizeof(*frame));

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->eth.src_addr.addr_bytes, our_mac, 6);
	frame->nd.type = type;
	memcpy(frame->nd.target, target->ip, 16);
	frame->option = (struct nd_mac_option){.type = option, .len = 1};
	memcpy(frame->option.mac, our_mac, 6);
	return frame;
}

void neigh_frame_solicit(struct rte_mbuf *m, const uint8_t our_mac[6], const struct realm_addr *own,
			 uint8_t family, const struct net_addr *target, const uint8_t to[6])
{
	struct nd_frame *frame;
	uint8_t dst[16];

	if (family == NET_IP4) {
		arp_question(m, our_mac, &own->addr, target, to);
		return;
	}
	frame = nd_start(m, our_mac, ND_SOLICIT, ND_OPT_SOURCE_MAC, target);
	if (to) {
		memcpy(dst, target->ip, sizeof(dst));
		memcpy(frame->eth.dst_addr.addr_bytes, to, 6);
	} else {
		nd_solicited_node(dst, target->ip);
		nd_multicast_mac(&frame->eth.dst_addr, dst);
	}
	nd_frame_finish(frame, own->addr.ip, dst);
}

void neigh_frame_announce(struct rte_mbuf *m, const uint8_t our_mac[6],
			  const struct realm_addr *own, uint8_t family)
{
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 0x01};
	struct nd_frame *frame;

	if (family == NET_IP4) {
		/* An announcement is a request for one's own address (RFC 5227 section 3). */
		arp_question(m, our_mac, &own->addr, &own->addr, NULL);
		return;
	}
	frame = nd_start(m, our_mac, ND_ADVERT, ND_OPT_TARGET_MAC, &own->addr);
	frame->nd.flags = rte_cpu_to_be_32(ND_ADVERT_OVERRIDE);
	nd_multicast_mac(&frame->eth.dst_addr, all_nodes);
	nd_frame_finish(frame, own->addr.ip, all_nodes);
}
