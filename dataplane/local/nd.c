/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery (RFC 4861): solicitations for our addresses are answered here and now; what
 * is said of neighbours goes to main. Each worker. */
#include "dataplane/local/local_priv.h"

/* A message taken apart. */
struct nd_view {
	const struct rte_ether_hdr *eth;
	const struct rte_ipv6_hdr *ip;
	const struct nd_msg *nd;
	const uint8_t *mac; /* the option with the sender's (solicit) or the target's (advert) MAC;
			       NULL: none */
	struct net_addr src, dst, target;
};

/* Sections 7.1.1 and 7.1.2. The checksum has been checked. */
static bool nd_is_good(struct rte_mbuf *m, uint32_t len, struct nd_view *v)
{
	const struct pkt *pkt = pkt_of(m);
	const uint8_t *at, *end;
	uint8_t wanted;

	v->eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	v->ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, pkt->l3_off);
	v->nd = rte_pktmbuf_mtod_offset(m, const struct nd_msg *, pkt->l4_off);
	if (len < sizeof(*v->nd) || v->ip->hop_limits != 255 || v->nd->code != 0)
		return false;
	memcpy(v->src.ip, v->ip->src_addr, 16);
	memcpy(v->dst.ip, v->ip->dst_addr, 16);
	memcpy(v->target.ip, v->nd->target, 16);
	v->mac = NULL;
	wanted = v->nd->type == ND_SOLICIT ? ND_OPT_SOURCE_MAC : ND_OPT_TARGET_MAC;
	at = (const uint8_t *)v->nd + sizeof(*v->nd);
	end = (const uint8_t *)v->nd + len;
	while (at < end) {
		if (end - at < 8 || at[1] == 0 || at[1] * 8 > end - at)
			return false;
		if (at[0] == wanted && at[1] == 1)
			v->mac = at + 2;
		at += at[1] * 8;
	}
	if (v->mac && (v->mac[0] & 1))
		return false;
	return !addr_is_multicast(NET_IP6, &v->target) && !addr_is_multicast(NET_IP6, &v->src);
}

static void answer(struct local *local, struct tx *tx, uint8_t port, const struct nd_view *v)
{
	static const struct net_addr all_nodes = {{0xff, 0x02, [15] = 0x01}};
	bool is_probe = addr_is_unspecified(
		&v->src); /* duplicate address detection: everybody shall hear (section 7.2.4) */
	const struct net_addr *dst = is_probe ? &all_nodes : &v->src;
	const uint8_t *our_mac = local->ports->port[port].mac;
	struct rte_mbuf *m = tx_alloc(tx);
	struct nd_frame *frame;

	if (!m)
		return;
	frame = pkt_extend(m, sizeof(*frame));
	if (is_probe)
		nd_multicast_mac(&frame->eth.dst_addr, all_nodes.ip);
	else
		memcpy(frame->eth.dst_addr.addr_bytes,
		       v->mac ? v->mac : v->eth->src_addr.addr_bytes, 6);
	memcpy(frame->eth.src_addr.addr_bytes, our_mac, 6);
	frame->nd = (struct nd_msg){
		.type = ND_ADVERT,
		.flags =
			rte_cpu_to_be_32(ND_ADVERT_OVERRIDE | (is_probe ? 0 : ND_ADVERT_SOLICITED)),
	};
	memcpy(frame->nd.target, v->target.ip, 16);
	frame->option = (struct nd_mac_option){.type = ND_OPT_TARGET_MAC, .len = 1};
	memcpy(frame->option.mac, our_mac, 6);
	nd_frame_finish(frame, v->target.ip, dst->ip);
	local->nd_answered++;
	tx_frame(tx, m, port);
}

static void take_solicit(struct local *local, struct tx *tx, struct rte_mbuf *m,
			 const struct nd_view *v)
{
	struct neigh_heard heard = {.ip = v->src,
				    .family = NET_IP6,
				    .kind = NEIGH_HEARD_ASK,
				    .has_mac = v->mac != NULL};
	uint8_t port = pkt_of(m)->port;
	uint8_t group[16];

	heard.realm = realm_find(local->realms, port, NET_IP6, &v->target);
	nd_solicited_node(group, v->target.ip);
	if (heard.realm == REALM_NONE) {
		pkt_drop(local->drops, m, DROP_IP_DST);
		return;
	}
	if ((addr_is_multicast(NET_IP6, &v->dst) && memcmp(group, v->dst.ip, 16) != 0) ||
	    (addr_is_unspecified(&v->src) && (v->mac || !addr_is_multicast(NET_IP6, &v->dst)))) {
		pkt_drop(local->drops, m, DROP_ARP_INVALID);
		return;
	}
	if (v->mac)
		memcpy(heard.mac, v->mac, 6);
	local_heard(local, port, &heard);
	answer(local, tx, port, v);
	rte_pktmbuf_free(m);
}

static void take_advert(struct local *local, struct rte_mbuf *m, const struct nd_view *v)
{
	uint32_t flags = rte_be_to_cpu_32(v->nd->flags);
	struct neigh_heard heard = {
		.ip = v->target,
		.realm = pkt_of(m)->realm, /* none where it was sent to all nodes */
		.family = NET_IP6,
		.kind = NEIGH_HEARD_ANSWER,
		.has_mac = v->mac != NULL,
		.keep = !(flags & ND_ADVERT_OVERRIDE),
	};
	uint8_t port = pkt_of(m)->port;
	uint8_t own = realm_find(local->realms, port, NET_IP6, &v->target);

	if (addr_is_multicast(NET_IP6, &v->dst) && (flags & ND_ADVERT_SOLICITED)) {
		pkt_drop(local->drops, m, DROP_ARP_INVALID);
		return;
	}
	if (v->mac)
		memcpy(heard.mac, v->mac, 6);
	if (own == REALM_NONE) {
		local_heard(local, port, &heard);
	} else if (v->mac && memcmp(v->mac, local->ports->port[port].mac, 6) != 0) {
		heard.realm = own;
		local_conflict(local, &heard);
	}
	rte_pktmbuf_free(m);
}

void local_nd(struct local *local, struct tx *tx, struct rte_mbuf *m, uint32_t icmp_len)
{
	struct nd_view v;

	if (!nd_is_good(m, icmp_len, &v))
		pkt_drop(local->drops, m, DROP_ARP_INVALID);
	else if (v.nd->type == ND_SOLICIT)
		take_solicit(local, tx, m, &v);
	else
		take_advert(local, m, &v);
}
