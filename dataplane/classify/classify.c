/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet, IPv4, IPv6 and UDP headers: checked, noted in struct pkt, and the packet sorted to its
 * stage. Each worker. */
#include "dataplane/classify/classify.h"

#include "dataplane/classify/reassembly.h"
#include "dataplane/io/frame4.h"
#include "dataplane/io/port.h"


#define PREFETCH_AHEAD 4u

#define IP4_MORE_FRAGMENTS 0x2000u
#define IP4_OFFSET_MASK	   0x1fffu
#define IP4_OPT_END	   0
#define IP4_OPT_NOP	   1
#define IP4_OPT_LSRR	   0x83 /* source routes: RFC 7126 sections 4.3 and 4.4 */
#define IP4_OPT_SSRR	   0x89

/* A first fragment holds the UDP header and the RTP header whole. No sender cuts shorter: the
 * smallest MTU of IPv4 is 68. */
#define FIRST_FRAGMENT_MIN 20u
#define IP6_EXTENSIONS_MAX 8u
/* Ethernet, IPv4 with all its options, UDP; IPv6 extensions are measured as they come. */
#define HEADERS_MAX (14u + 60u + 8u)

/* An IP packet on its way through the checks; `end` is one past its last byte by its header. */
struct view {
	struct rte_mbuf *m;
	struct pkt *pkt;
	const uint8_t *data;
	uint32_t end;
};

/* Which stage, or why not: an enum drop_reason is told as a negative number less one. */
#define DROP(reason) (-1 - (int)DROP_##reason)

static inline bool source_is_bad4(const struct classify *c, const struct pkt *pkt)
{
	const struct realm_addr *own = &c->realms->realm[pkt->realm].ip4;
	uint8_t first = pkt->src.ip[0];

	/* This network, loopback, multicast and reserved (RFC 6890), the subnet's broadcast,
	 * ourselves. */
	if (first == 0 || first == 127 || first >= 224 || net_addr_eq(&pkt->src, &own->broadcast))
		return true;
	return realm_may_be_own(c->realms, NET_IP4, &pkt->src) &&
	       realm_is_own(c->realms, NET_IP4, &pkt->src);
}

static bool source_is_bad6(const struct classify *c, const struct pkt *pkt)
{
	static const uint8_t zeroes[15];
	const uint8_t *ip = pkt->src.ip;

	/* Multicast; unspecified and loopback; IPv4-mapped. */
	if (ip[0] == 0xff || (memcmp(ip, zeroes, 15) == 0 && ip[15] <= 1) ||
	    (memcmp(ip, zeroes, 10) == 0 && ip[10] == 0xff && ip[11] == 0xff))
		return true;
	return realm_may_be_own(c->realms, NET_IP6, &pkt->src) &&
	       realm_is_own(c->realms, NET_IP6, &pkt->src);
}

/* --- UDP --- */

static bool udp_checksum_is_good(const struct view *v, const struct rte_udp_hdr *udp,
				 uint16_t udp_len)
{
	uint64_t flags = v->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	const struct pkt *pkt = v->pkt;
	uint64_t sum;

	if (flags == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	if (udp->dgram_cksum == 0)
		/* RFC 768: none; not so in IPv6 (RFC 8200 section 8.1). */
		return pkt->family == NET_IP4;
	sum = csum_pkt(v->m, pkt->l4_off, udp_len);
	return csum_fold(sum + csum_pseudo(pkt->family, pkt->src.ip, pkt->dst.ip, IPPROTO_UDP,
					   udp_len)) == 0xffff;
}

static int classify_udp(const struct classify *c, const struct view *v)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(v->data + v->pkt->l4_off);
	const struct realm *realm = &c->realms->realm[v->pkt->realm];
	struct pkt *pkt = v->pkt;
	uint16_t udp_len;

	if (v->end < pkt->l4_off + sizeof(*udp) ||
	    rte_pktmbuf_data_len(v->m) < pkt->l4_off + sizeof(*udp))
		return DROP(TRUNCATED);
	udp_len = rte_be_to_cpu_16(udp->dgram_len);
	if (udp_len < sizeof(*udp) || pkt->l4_off + udp_len > v->end)
		return DROP(TRUNCATED);
	pkt->src_port = rte_be_to_cpu_16(udp->src_port);
	pkt->dst_port = rte_be_to_cpu_16(udp->dst_port);
	pkt->udp_csum = udp->dgram_cksum;
	pkt->payload_off = (uint16_t)(pkt->l4_off + sizeof(*udp));
	pkt->payload_len = (uint16_t)(udp_len - sizeof(*udp));
	if (pkt->dst_port >= realm->media_port_low && pkt->dst_port <= realm->media_port_high) {
		/* Its checksum goes through: what is wrong with it stays wrong, and the receiver
		 * sees it. */
		if (pkt->family == NET_IP6 && udp->dgram_cksum == 0)
			return DROP(UDP_CSUM);
		return STAGE_MEDIA;
	}
	if (pkt->dst_port != realm->sip_port)
		return DROP(UDP_PORT);
	return udp_checksum_is_good(v, udp, udp_len) ? STAGE_SIP : DROP(UDP_CSUM);
}

static int classify_proto(const struct classify *c, const struct view *v, uint8_t proto)
{
	switch (proto) {
	case IPPROTO_UDP:
		return classify_udp(c, v);
	case IPPROTO_TCP:
	case IPPROTO_SCTP:
		v->pkt->proto = proto;
		return STAGE_PUNT;
	case IPPROTO_ICMP:
		return v->pkt->family == NET_IP4 ? STAGE_LOCAL : DROP(IP_PROTO);
	case IPPROTO_ICMPV6:
		return v->pkt->family == NET_IP6 ? STAGE_LOCAL : DROP(IP_PROTO);
	default:
		return DROP(IP_PROTO);
	}
}

/* --- fragments --- */

static int classify_fragment(const struct view *v, uint8_t proto, uint32_t id, uint32_t offset,
			     bool more)
{
	struct fragment *fragment = fragment_of(v->m);
	struct pkt *pkt = v->pkt;
	uint32_t len = v->end - pkt->l4_off;

	if (proto != IPPROTO_UDP || len == 0 || offset + len > UINT16_MAX || (more && len % 8) ||
	    (offset == 0 && len < FIRST_FRAGMENT_MIN))
		return DROP(FRAGMENT);
	fragment->id = id;
	pkt->payload_off = pkt->l4_off;
	pkt->payload_len = (uint16_t)len;
	pkt->frag_offset = (uint16_t)offset;
	pkt->frag_more = more;
	return STAGE_FRAG;
}

/* --- IPv4 --- */

/* No source routes, nothing that does not add up; other options are let pass unread. */
static bool options_are_good(const uint8_t *at, const uint8_t *end)
{
	while (at < end && *at != IP4_OPT_END) {
		if (*at == IP4_OPT_NOP) {
			at++;
			continue;
		}
		if (*at == IP4_OPT_LSRR || *at == IP4_OPT_SSRR || end - at < 2 || at[1] < 2 ||
		    at[1] > end - at)
			return false;
		at += at[1];
	}
	return true;
}

static bool ip4_header_is_good(const struct rte_mbuf *m, const struct rte_ipv4_hdr *ip,
			       unsigned bytes)
{
	uint64_t flags = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;

	if (flags == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return false;
	if (flags != RTE_MBUF_F_RX_IP_CKSUM_GOOD && csum_fold(csum_words(ip, bytes)) != 0xffff)
		return false;
	return bytes == sizeof(*ip) ||
	       options_are_good((const uint8_t *)ip + sizeof(*ip), (const uint8_t *)ip + bytes);
}

/* Written in the width in which it will be read: a load wider than the store before it waits for it
 * (32 of 180 cycles a packet here). */
static inline void put_ip4(struct net_addr *addr, rte_be32_t ip)
{
	const uint64_t halves[2] = {ip, 0};

	memcpy(addr->ip, halves, sizeof(halves));
}

static int classify_ip4(const struct classify *c, struct view *v)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(v->data + v->pkt->l3_off);
	struct pkt *pkt = v->pkt;
	unsigned bytes, total, fragment;

	if (v->end < pkt->l3_off + sizeof(*ip))
		return DROP(TRUNCATED);
	bytes = (ip->version_ihl & 0xfu) * 4;
	if (ip->version_ihl >> 4 != 4 || bytes < sizeof(*ip))
		return DROP(IP_HEADER);
	total = rte_be_to_cpu_16(ip->total_length);
	if (pkt->l3_off + total > v->end || total < bytes)
		return DROP(TRUNCATED);
	v->end = pkt->l3_off + total; /* behind it lies Ethernet's padding */
	if (pkt->l3_off + bytes > rte_pktmbuf_data_len(v->m))
		return DROP(TRUNCATED);
	if (!ip4_header_is_good(v->m, ip, bytes))
		return DROP(IP_HEADER);
	pkt->family = NET_IP4;
	pkt->tos = ip->type_of_service;
	pkt->l4_off = (uint16_t)(pkt->l3_off + bytes);
	put_ip4(&pkt->src, ip->src_addr);
	put_ip4(&pkt->dst, ip->dst_addr);
	pkt->realm = realm_find(c->realms, pkt->port, NET_IP4, &pkt->dst);
	if (pkt->realm == REALM_NONE)
		return DROP(IP_DST);
	if (source_is_bad4(c, pkt))
		return DROP(IP_SRC);
	fragment = rte_be_to_cpu_16(ip->fragment_offset);
	if (unlikely(fragment & (IP4_MORE_FRAGMENTS | IP4_OFFSET_MASK)))
		return classify_fragment(v, ip->next_proto_id, ip->packet_id,
					 (fragment & IP4_OFFSET_MASK) * 8,
					 fragment & IP4_MORE_FRAGMENTS);
	return classify_proto(c, v, ip->next_proto_id);
}

/* --- IPv6 --- */

/* What stands behind the extension headers (RFC 8200 section 4): 0 with *at moved there; a stage
 * plus one where that is settled; or why not. */
static int walk_extensions(struct view *v, uint8_t *proto, uint32_t *at)
{
	for (unsigned n = 0; n < IP6_EXTENSIONS_MAX; n++) {
		const uint8_t *ext = v->data + *at;
		uint32_t left =
			v->end < rte_pktmbuf_data_len(v->m) ? v->end : rte_pktmbuf_data_len(v->m);

		if (*proto != IPPROTO_HOPOPTS && *proto != IPPROTO_DSTOPTS &&
		    *proto != IPPROTO_ROUTING && *proto != IPPROTO_FRAGMENT)
			return 0;
		if (*at + 8 > left)
			return DROP(TRUNCATED);
		left -= *at;
		if (*proto == IPPROTO_FRAGMENT) {
			unsigned field = (unsigned)(ext[2] << 8 | ext[3]);
			uint32_t id;

			memcpy(&id, ext + 4, sizeof(id));
			*proto = ext[0];
			*at += 8;
			v->pkt->l4_off = (uint16_t)*at;
			if (field & 0xfff9) {
				int stage =
					classify_fragment(v, *proto, id, field & 0xfff8, field & 1);

				return stage < 0 ? stage : 1 + stage;
			}
			continue; /* an atomic fragment is whole (RFC 6946) */
		}
		/* A routing header with segments left asks us to forward; we are the last stop or
		 * none. */
		if (*proto == IPPROTO_ROUTING && ext[3] != 0)
			return DROP(IP_HEADER);
		if ((ext[1] + 1u) * 8 > left)
			return DROP(TRUNCATED);
		*proto = ext[0];
		*at += (ext[1] + 1u) * 8;
	}
	return DROP(IP_HEADER);
}

/* Neighbour discovery and the like come by multicast; nothing else that concerns us does. */
static int classify_multicast6(const struct view *v, const struct rte_ipv6_hdr *ip)
{
	return ip->proto == IPPROTO_ICMPV6 ? STAGE_LOCAL : DROP(IP_DST);
}

static int classify_ip6(const struct classify *c, struct view *v)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(v->data + v->pkt->l3_off);
	struct pkt *pkt = v->pkt;
	uint32_t at = pkt->l3_off + sizeof(*ip), total;
	uint8_t proto;

	if (v->end < at)
		return DROP(TRUNCATED);
	if ((v->data[pkt->l3_off] & 0xf0) != 0x60)
		return DROP(IP_HEADER);
	total = rte_be_to_cpu_16(ip->payload_len);
	if (at + total > v->end)
		return DROP(TRUNCATED);
	v->end = at + total;
	pkt->family = NET_IP6;
	pkt->tos = (uint8_t)(rte_be_to_cpu_32(ip->vtc_flow) >> 20);
	pkt->l4_off = (uint16_t)at;
	memcpy(pkt->src.ip, ip->src_addr, 16);
	memcpy(pkt->dst.ip, ip->dst_addr, 16);
	if (addr_is_multicast(NET_IP6, &pkt->dst)) {
		pkt->realm = REALM_NONE;
		return classify_multicast6(v, ip);
	}
	pkt->realm = realm_find(c->realms, pkt->port, NET_IP6, &pkt->dst);
	if (pkt->realm == REALM_NONE)
		return DROP(IP_DST);
	/* The unspecified address is good for one thing, duplicate address detection, and that
	 * comes by multicast. */
	if (source_is_bad6(c, pkt))
		return DROP(IP_SRC);
	proto = ip->proto;
	if (unlikely(proto != IPPROTO_UDP)) {
		int err = walk_extensions(v, &proto, &at);

		if (err)
			return err > 0 ? err - 1 : err;
		pkt->l4_off = (uint16_t)at;
	}
	return classify_proto(c, v, proto);
}

/* --- Ethernet --- */

static int classify_frame(const struct classify *c, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	struct view v = {.m = m,
			 .pkt = pkt_of(m),
			 .data = (const uint8_t *)eth,
			 .end = rte_pktmbuf_pkt_len(m)};
	uint16_t type;

	/* Headers are read in the first segment: a driver that scatters fills it before it begins
	 * the next. */
	if (rte_pktmbuf_data_len(m) < sizeof(*eth) ||
	    (m->nb_segs > 1 && rte_pktmbuf_data_len(m) < HEADERS_MAX))
		return DROP(TRUNCATED);
	v.pkt->port = (uint8_t)m->port;
	v.pkt->l3_off = sizeof(*eth);
	type = eth->ether_type;
	if (likely(memcmp(&eth->dst_addr, c->ports->port[m->port].mac, 6) == 0)) {
		if (likely(type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)))
			return classify_ip4(c, &v);
		if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
			return classify_ip6(c, &v);
		return type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP) ? STAGE_LOCAL : DROP(ETH_TYPE);
	}
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP) &&
	    rte_is_broadcast_ether_addr(&eth->dst_addr))
		return STAGE_LOCAL;
	if (type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6) &&
	    rte_is_multicast_ether_addr(&eth->dst_addr)) {
		int stage = classify_ip6(c, &v);

		/* IP to an address of ours in a frame to a group is nobody's honest packet. */
		return stage >= 0 && v.pkt->realm != REALM_NONE ? DROP(ETH_DST) : stage;
	}
	return DROP(ETH_DST);
}

/* --- the plain case --- */

/* Nearly every packet is IPv4 without options, in one piece, for a media port: all that the long
 * way checks, in one go. False: not such a packet, or not a sound one; the long way tells. */
static inline bool classify_plain_media(const struct classify *c, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t src_port, dst_port;
	const struct realm *realm;
	struct pkt *pkt = pkt_of(m);
	uint8_t realm_index;

	if (unlikely(rte_pktmbuf_data_len(m) < FRAME4_PAYLOAD))
		return false;
	if (unlikely(!frame4_is_plain(m, frame)) ||
	    unlikely(memcmp(frame, c->ports->port[m->port].mac, 6) != 0))
		return false;
	realm_index = realm_find4(c->realms, (uint8_t)m->port, load32(frame + FRAME4_DST));
	if (unlikely(realm_index == REALM_NONE))
		return false;
	realm = &c->realms->realm[realm_index];
	src_port = rte_be_to_cpu_16(load16(frame + FRAME4_UDP));
	dst_port = rte_be_to_cpu_16(load16(frame + FRAME4_UDP + 2));
	if (dst_port < realm->media_port_low || dst_port > realm->media_port_high)
		return false;
	pkt->realm = realm_index;
	put_ip4(&pkt->src, load32(frame + FRAME4_SRC));
	if (unlikely(source_is_bad4(c, pkt)))
		return false;
	put_ip4(&pkt->dst, load32(frame + FRAME4_DST));
	pkt->port = (uint8_t)m->port;
	pkt->family = NET_IP4;
	pkt->tos = frame[FRAME4_IP + 1];
	pkt->l3_off = FRAME4_IP;
	pkt->l4_off = FRAME4_UDP;
	pkt->payload_off = FRAME4_PAYLOAD;
	pkt->payload_len = (uint16_t)(frame4_total(frame) - (FRAME4_PAYLOAD - FRAME4_IP));
	pkt->src_port = src_port;
	pkt->dst_port = dst_port;
	memcpy(&pkt->udp_csum, frame + FRAME4_UDP + 6, sizeof(pkt->udp_csum));
	pkt->stage = STAGE_MEDIA;
	return true;
}

static inline void sort(const struct classify *c, struct rte_mbuf *m, int stage, struct walk *walk)
{
	if (likely(stage >= 0)) {
		pkt_of(m)->stage = (uint8_t)stage;
		vector_add(walk, (enum pkt_stage)stage, m);
	} else {
		pkt_drop(c->drops, m, (enum drop_reason)(-1 - stage));
	}
}

void classify(const struct classify *c, struct rte_mbuf **pkts, unsigned n, struct walk *walk)
{
	for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
		rte_prefetch0(pkt_of(pkts[i]));
	}
	for (unsigned i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n) {
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + PREFETCH_AHEAD], void *));
			rte_prefetch0(pkt_of(pkts[i + PREFETCH_AHEAD]));
		}
		if (likely(classify_plain_media(c, pkts[i])))
			vector_add(walk, STAGE_MEDIA, pkts[i]);
		else
			sort(c, pkts[i], classify_frame(c, pkts[i]), walk);
	}
}

void classify_datagram(const struct classify *c, struct rte_mbuf *m, struct walk *walk)
{
	struct pkt *pkt = pkt_of(m);
	struct view v = {
		.m = m,
		.pkt = pkt,
		.data = rte_pktmbuf_mtod(m, const uint8_t *),
		.end = (uint32_t)pkt->payload_off + pkt->payload_len,
	};

	pkt->l4_off = pkt->payload_off;
	sort(c, m, classify_udp(c, &v), walk);
}
