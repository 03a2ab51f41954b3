/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams larger than the port's MTU leave in fragments (RFC 791 section 2.3, RFC 8200
 * section 4.5): SIP messages that did not fit. Copies; media does not come this way. Each worker
 * for itself. */
#include "dataplane/tx/tx_priv.h"

/* 65,535 bytes at the smallest MTU that the config allows (1,280, IPv6) are 54. */
#define FRAGMENTS_MAX 64u

#define IP4_MORE_FRAGMENTS 0x2000u

struct fragment_ext {
	uint8_t next_header;
	uint8_t reserved;
	rte_be16_t offset; /* in bytes, a multiple of 8; the last bit says that more follow */
	uint32_t id;
} __attribute__((packed));

/* The datagram's UDP header, over all fragments. */
static struct rte_udp_hdr udp_header(const struct rte_mbuf *m, const struct tx_flow *flow,
				     uint32_t payload_sum)
{
	uint32_t payload_len = rte_pktmbuf_pkt_len(m);
	uint16_t len = (uint16_t)(payload_len + sizeof(struct rte_udp_hdr));
	struct rte_udp_hdr udp = {
		.src_port = rte_cpu_to_be_16(flow->src.port),
		.dst_port = rte_cpu_to_be_16(flow->dst.port),
		.dgram_len = rte_cpu_to_be_16(len),
	};
	uint64_t sum =
		csum_pseudo(flow->family, flow->src.addr.ip, flow->dst.addr.ip, IPPROTO_UDP, len);

	if (payload_sum == TX_SUM_UNKNOWN)
		payload_sum = csum_fold(csum_pkt(m, 0, payload_len));
	udp.dgram_cksum = csum_udp_field(sum + csum_words(&udp, sizeof(udp)) + payload_sum);
	return udp;
}

/* Bytes [off, off + len) of UDP header and payload together. */
static void copy_part(uint8_t *to, const struct rte_udp_hdr *udp, const struct rte_mbuf *m,
		      uint32_t off, uint32_t len)
{
	const void *from;

	if (off == 0) { /* the first fragment is larger than the header: nothing is cut in it */
		memcpy(to, udp, sizeof(*udp));
		to += sizeof(*udp);
		len -= sizeof(*udp);
	} else {
		off -= sizeof(*udp);
	}
	from = rte_pktmbuf_read(m, off, len, to);
	if (from != to)
		memcpy(to, from, len);
}

static void put_headers(struct tx *tx, const struct tx_port *port, uint8_t *at,
			const struct tx_flow *flow, uint32_t off, uint32_t len, bool more,
			uint32_t id)
{
	at = tx_put_eth(port, at, flow->family);
	if (flow->family == NET_IP6) {
		struct fragment_ext *ext =
			(struct fragment_ext *)(at + sizeof(struct rte_ipv6_hdr));

		tx_put_ip6((struct rte_ipv6_hdr *)at, flow, (uint16_t)(sizeof(*ext) + len),
			   IPPROTO_FRAGMENT);
		*ext = (struct fragment_ext){
			.next_header = IPPROTO_UDP,
			.offset = rte_cpu_to_be_16((uint16_t)(off | more)),
			.id = id,
		};
	} else {
		tx_put_ip4(at, flow, (uint16_t)(sizeof(struct rte_ipv4_hdr) + len), (uint16_t)id,
			   (uint16_t)(off / 8 | (more ? IP4_MORE_FRAGMENTS : 0)), false);
	}
}

void tx_fragments(struct tx *tx, struct rte_mbuf *m, const struct tx_flow *flow,
		  const struct tx_hop *hop, uint8_t port_index, uint32_t payload_sum)
{
	const struct tx_port *port = &tx->ports[port_index];
	unsigned ip_bytes = tx_ip_bytes(flow->family) +
			    (flow->family == NET_IP6 ? sizeof(struct fragment_ext) : 0);
	uint32_t total = rte_pktmbuf_pkt_len(m) + sizeof(struct rte_udp_hdr);
	uint32_t each = (port->mtu - ip_bytes) & ~7u;
	uint32_t n = (total + each - 1) / each;
	struct rte_mbuf *frags[FRAGMENTS_MAX];
	struct rte_udp_hdr udp;
	uint32_t id;

	/* The length fields have 16 bits, and IPv4's counts the header. */
	if (total + (flow->family == NET_IP6 ? 0 : ip_bytes) > UINT16_MAX || n > FRAGMENTS_MAX ||
	    sizeof(struct rte_ether_hdr) + ip_bytes + each + RTE_PKTMBUF_HEADROOM >
		    rte_pktmbuf_data_room_size(tx->conf.pool)) {
		pkt_drop(tx->conf.drops, m, DROP_TX_SIZE);
		return;
	}
	/* All or none: half a datagram is of no use to anybody. */
	if (rte_pktmbuf_alloc_bulk(tx->conf.pool, frags, n) != 0) {
		pkt_drop(tx->conf.drops, m, DROP_NO_MBUF);
		return;
	}
	udp = udp_header(m, flow, payload_sum);
	/* IPv4: a counter, each worker's own residue, so that two datagrams to one peer never share
	 * an id within 65,536. IPv6: not to be guessed (RFC 7739). */
	if (flow->family == NET_IP6)
		id = (uint32_t)(tx_random(tx) >> 32);
	else
		id = rte_cpu_to_be_16(
			(uint16_t)(tx->frag_id4++ * tx->conf.nworkers + tx->conf.worker));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t off = i * each, len = i + 1 < n ? each : total - off;
		uint8_t *at = pkt_extend(frags[i],
					 (uint16_t)(sizeof(struct rte_ether_hdr) + ip_bytes + len));

		put_headers(tx, port, at, flow, off, len, i + 1 < n, id);
		copy_part(at + sizeof(struct rte_ether_hdr) + ip_bytes, &udp, m, off, len);
		tx_to_hop(tx, frags[i], flow, hop, port_index);
	}
	rte_pktmbuf_free(m);
}
