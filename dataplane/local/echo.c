/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo (RFC 792, RFC 4443 section 4): answered to whoever asks one of our addresses, so many a
 * second. Each worker. */
#include "dataplane/local/local_priv.h"

#include "dataplane/io/csum.h"

#define ECHO6_REQUEST 128
#define ECHO6_REPLY   129
#define ECHO_TTL      64
#define ECHO_EACH_NS  (1000000000ull / LOCAL_ECHO_PER_S)

/* A bucket that fills with time: `echo_credit_ns` is the time up to which answers have been paid
 * for. */
static bool may_answer(struct local *local, uint64_t now_ns)
{
	uint64_t full = LOCAL_ECHO_BURST * ECHO_EACH_NS;

	if (local->echo_credit_ns + full < now_ns + ECHO_EACH_NS)
		local->echo_credit_ns = now_ns + ECHO_EACH_NS - full;
	if (local->echo_credit_ns > now_ns)
		return false;
	local->echo_credit_ns += ECHO_EACH_NS;
	return true;
}

/* Back to the frame it came in: no neighbour is looked up for a stranger's question. */
static void send_back(struct local *local, struct tx *tx, struct rte_mbuf *m, uint32_t end)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	uint8_t port = pkt_of(m)->port;

	eth->dst_addr = eth->src_addr;
	memcpy(eth->src_addr.addr_bytes, local->ports->port[port].mac, 6);
	if (rte_pktmbuf_data_len(m) > end)
		rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_data_len(m) - end));
	m->ol_flags = 0;
	local->echo_answered++;
	tx_frame(tx, m, port);
}

void local_echo4(struct local *local, struct tx *tx, struct rte_mbuf *m, uint64_t now_ns)
{
	const struct pkt *pkt = pkt_of(m);
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, pkt->l3_off);
	struct rte_icmp_hdr *icmp = rte_pktmbuf_mtod_offset(m, struct rte_icmp_hdr *, pkt->l4_off);
	uint32_t end = pkt->l3_off + rte_be_to_cpu_16(ip->total_length);
	uint32_t len = end - pkt->l4_off;
	rte_be32_t asker;

	/* In one segment, without IP options, and what it claims to be. */
	if (end < pkt->l4_off + sizeof(*icmp) || end > rte_pktmbuf_data_len(m) ||
	    (ip->version_ihl & 0xf) != 5 || icmp->icmp_type != RTE_IP_ICMP_ECHO_REQUEST ||
	    icmp->icmp_code != 0 || csum_fold(csum_bytes(icmp, len)) != 0xffff) {
		pkt_drop(local->drops, m, DROP_ICMP_TYPE);
		return;
	}
	if (!may_answer(local, now_ns)) {
		pkt_drop(local->drops, m, DROP_ICMP_RATE);
		return;
	}
	asker = ip->src_addr;
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = asker;
	ip->time_to_live = ECHO_TTL;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = csum_ip4_header(ip, sizeof(*ip));
	icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = (uint16_t)~csum_fold(csum_bytes(icmp, len));
	send_back(local, tx, m, end);
}

void local_echo6(struct local *local, struct tx *tx, struct rte_mbuf *m, uint32_t icmp_len,
		 uint64_t now_ns)
{
	const struct pkt *pkt = pkt_of(m);
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, pkt->l3_off);
	struct rte_icmp_hdr *icmp = rte_pktmbuf_mtod_offset(m, struct rte_icmp_hdr *, pkt->l4_off);
	uint8_t asker[16];

	if (icmp->icmp_type != ECHO6_REQUEST || icmp->icmp_code != 0 || pkt->realm == REALM_NONE ||
	    pkt->l4_off != pkt->l3_off + sizeof(*ip)) {
		pkt_drop(local->drops, m, DROP_ICMP_TYPE);
		return;
	}
	if (!may_answer(local, now_ns)) {
		pkt_drop(local->drops, m, DROP_ICMP_RATE);
		return;
	}
	memcpy(asker, ip->src_addr, 16);
	memcpy(ip->src_addr, ip->dst_addr, 16);
	memcpy(ip->dst_addr, asker, 16);
	ip->hop_limits = ECHO_TTL;
	icmp->icmp_type = ECHO6_REPLY;
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = (uint16_t)~csum_fold(
		csum_bytes(icmp, icmp_len) +
		csum_pseudo(NET_IP6, ip->src_addr, ip->dst_addr, IPPROTO_ICMPV6, icmp_len));
	send_back(local, tx, m, pkt->l4_off + icmp_len);
}
