/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers, next hop and the ports' queues. Each worker has its own. */
#include "dataplane/tx/tx_priv.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_ring.h>
#include <stdlib.h>

/* Headers of a frame of IPv4 without options and UDP. */
#define IP4_UDP_BYTES (sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define HEAD4	      (sizeof(struct rte_ether_hdr) + IP4_UDP_BYTES)

/* --- queues --- */

static void empty_queue(struct tx *tx, struct tx_port *port)
{
	for (uint32_t i = 0; i < port->n; i++) {
		if (!port->carrier)
			port->count.bytes -= rte_pktmbuf_pkt_len(port->queue[i]);
		pkt_drop(tx->conf.drops, port->queue[i], DROP_TX_FULL);
	}
	port->n = 0;
}

unsigned tx_flush_port(struct tx *tx, struct tx_port *port)
{
	unsigned sent;

	if (port->carrier) { /* counted where it leaves */
		sent = rte_ring_sp_enqueue_burst(port->carrier, (void **)port->queue, port->n,
						 NULL);
	} else {
		sent = rte_eth_tx_burst(port->id, (uint16_t)tx->conf.worker, port->queue,
					(uint16_t)port->n);
		port->count.pkts += sent;
	}
	port->n -= sent;
	if (!port->n) {
		port->stalled = 0;
		return sent;
	}
	/* What the port did not take goes with the next turn. */
	memmove(port->queue, port->queue + sent, port->n * sizeof(port->queue[0]));
	port->stalled = sent ? 0 : port->stalled + 1;
	if (port->stalled > TX_STALL_TURNS) {
		empty_queue(tx, port);
		port->stalled = 0;
	}
	return sent;
}

unsigned tx_flush(struct tx *tx)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < tx->nports; i++)
		if (tx->ports[i].n)
			sent += tx_flush_port(tx, &tx->ports[i]);
	return sent;
}

unsigned tx_flush_bursts(struct tx *tx)
{
	unsigned sent = 0;

	for (unsigned i = 0; i < tx->nports; i++)
		if (tx->ports[i].n >= TX_BURST_PKTS)
			sent += tx_flush_port(tx, &tx->ports[i]);
	return sent;
}

void tx_reap(struct tx *tx)
{
	struct rte_mbuf *none = NULL;

	for (unsigned i = 0; i < tx->nports; i++) {
		const struct tx_port *port = &tx->ports[i];
		uint16_t queue = (uint16_t)tx->conf.worker;

		if (!port->carrier && rte_eth_tx_done_cleanup(port->id, queue, 0) == -ENOTSUP)
			(void)rte_eth_tx_burst(port->id, queue, &none, 0);
	}
}

void tx_frame(struct tx *tx, struct rte_mbuf *m, uint16_t index)
{
	tx_put_in_queue(tx, m, index);
}

struct rte_mbuf *tx_alloc(struct tx *tx)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(tx->conf.pool);

	if (!m)
		drop_count(tx->conf.drops, DROP_NO_MBUF);
	return m;
}

/* --- next hop --- */

/* The flow does not know its neighbour yet, or knew one that is gone. False: no route. */
static __attribute__((noinline)) bool look_up_hop(struct tx *tx, struct tx_flow *flow,
						  struct tx_hop *hop)
{
	struct neigh_table *table = tx->conf.neigh->table;
	int32_t index;

	if (!realm_next_hop(&tx->conf.realms->realm[flow->realm], flow->family, &flow->dst.addr,
			    &hop->ip))
		return false;
	hop->word = neigh_word(0, 0, NEIGH_WAIT);
	index = neigh_table_find(table, flow->realm, flow->family, &hop->ip);
	if (index >= 0) {
		flow->neigh =
			neigh_ref((uint32_t)index, atomic_load_explicit(&table->entries[index].word,
									memory_order_acquire));
		hop->word = neigh_load(table, flow->neigh);
	}
	return true;
}

static inline bool find_hop(struct tx *tx, struct tx_flow *flow, struct tx_hop *hop)
{
	hop->word = neigh_load(tx->conf.neigh->table, flow->neigh);
	if (likely(neigh_word_use(hop->word) == NEIGH_SEND))
		return true;
	return look_up_hop(tx, flow, hop);
}

static __attribute__((noinline)) void without_mac(struct tx *tx, struct rte_mbuf *m,
						  const struct tx_flow *flow,
						  const struct tx_hop *hop, uint8_t port)
{
	struct pkt *pkt = pkt_of(m);

	if (neigh_word_use(hop->word) == NEIGH_UNREACHABLE) {
		pkt_drop(tx->conf.drops, m, DROP_NEIGH_FAILED);
		return;
	}
	pkt->realm = flow->realm;
	pkt->family = flow->family;
	pkt->dst = hop->ip;
	m->port = port;
	if (rte_ring_sp_enqueue(tx->conf.neigh->asks, m) != 0)
		pkt_drop(tx->conf.drops, m, DROP_MAIN_FULL);
}

void tx_to_hop(struct tx *tx, struct rte_mbuf *m, const struct tx_flow *flow,
	       const struct tx_hop *hop, uint8_t port)
{
	if (likely(neigh_word_use(hop->word) == NEIGH_SEND)) {
		neigh_mac_store(rte_pktmbuf_mtod(m, uint8_t *), hop->word);
		tx_frame(tx, m, port);
	} else {
		without_mac(tx, m, flow, hop, port);
	}
}

/* --- headers --- */

/* Copy the packet into one segment of our pool, with `head` bytes before it. Takes m; NULL when
 * there is no packet. */
static struct rte_mbuf *copy_flat(struct tx *tx, struct rte_mbuf *m, unsigned head)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);
	struct rte_mbuf *flat = tx_alloc(tx);
	char *to = NULL;
	const char *from;

	if (flat && head + len <= rte_pktmbuf_tailroom(flat))
		to = pkt_extend(flat, (uint16_t)(head + len));
	if (!to) {
		if (flat)
			drop_count(tx->conf.drops, DROP_TX_SIZE);
		rte_pktmbuf_free(flat);
		rte_pktmbuf_free(m);
		return NULL;
	}
	from = rte_pktmbuf_read(m, 0, len, to + head);
	if (from != to + head)
		memcpy(to + head, from, len);
	rte_pktmbuf_free(m);
	return flat;
}

/* Room for `head` bytes of headers before the payload: the same packet, or one that begins with
 * them. NULL: dropped. */
static inline struct rte_mbuf *make_room(struct tx *tx, const struct tx_port *port,
					 struct rte_mbuf *m, unsigned head)
{
	bool is_whole = m->nb_segs == 1 || port->chains;
	struct rte_mbuf *first;

	if (likely(is_whole && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 &&
		   rte_pktmbuf_headroom(m) >= head)) {
		rte_pktmbuf_prepend(m, (uint16_t)head);
		return m;
	}
	if (!port->chains)
		return copy_flat(tx, m, head);
	first = tx_alloc(tx);
	if (!first) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	(void)pkt_extend(first, (uint16_t)head);
	if (rte_pktmbuf_chain(first, m) != 0) {
		rte_pktmbuf_free(first);
		pkt_drop(tx->conf.drops, m, DROP_TX_SIZE);
		return NULL;
	}
	return first;
}

static inline void put_udp(const struct tx_port *port, struct rte_mbuf *m, uint8_t *at,
			   const struct tx_flow *flow, uint16_t len, uint32_t payload_sum,
			   unsigned head)
{
	uint64_t sum =
		csum_pseudo(flow->family, flow->src.addr.ip, flow->dst.addr.ip, IPPROTO_UDP, len);
	uint32_t ports =
		rte_cpu_to_be_16(flow->src.port) | (uint32_t)rte_cpu_to_be_16(flow->dst.port) << 16;
	uint16_t be_len = rte_cpu_to_be_16(len), csum;

	if (payload_sum == TX_SUM_UNKNOWN && port->udp_csum) {
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
		csum = csum_fold(sum); /* the port goes on from the pseudo header */
	} else {
		if (payload_sum == TX_SUM_UNKNOWN)
			payload_sum = csum_fold(csum_pkt(m, head, rte_pktmbuf_pkt_len(m) - head));
		csum = csum_udp_field(sum + ports + be_len + payload_sum);
	}
	tx_put_word(at, ports);
	tx_put_word(at + 4, be_len | (uint32_t)csum << 16);
}

void tx_udp(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint32_t payload_sum)
{
	uint8_t port_index = tx->port_of_realm[flow->realm];
	const struct tx_port *port = &tx->ports[port_index];
	unsigned ip_bytes = tx_ip_bytes(flow->family);
	unsigned head = sizeof(struct rte_ether_hdr) + ip_bytes + sizeof(struct rte_udp_hdr);
	uint32_t udp_len = rte_pktmbuf_pkt_len(m) + sizeof(struct rte_udp_hdr);
	struct tx_hop hop;
	uint8_t *at;

	if (unlikely(!find_hop(tx, flow, &hop))) {
		pkt_drop(tx->conf.drops, m, DROP_NO_ROUTE);
		return;
	}
	if (unlikely(ip_bytes + udp_len > port->mtu)) {
		tx_fragments(tx, m, flow, &hop, port_index, payload_sum);
		return;
	}
	m = make_room(tx, port, m, head);
	if (unlikely(!m))
		return;
	m->ol_flags &= RTE_MBUF_F_INDIRECT |
		       RTE_MBUF_F_EXTERNAL; /* what the receiving port said is over */
	m->l2_len = sizeof(struct rte_ether_hdr);
	m->l3_len = ip_bytes;
	at = tx_put_eth(port, rte_pktmbuf_mtod(m, uint8_t *), flow->family);
	if (flow->family == NET_IP6) {
		tx_put_ip6((struct rte_ipv6_hdr *)at, flow, (uint16_t)udp_len, IPPROTO_UDP);
		m->ol_flags |= RTE_MBUF_F_TX_IPV6;
	} else {
		/* DF is off: a router on the way may have to fragment, so the identification must
		 * not repeat soon. */
		tx_put_ip4(at, flow, (uint16_t)(ip_bytes + udp_len),
			   (uint16_t)(tx_random(tx) >> 48), 0, port->ip4_csum);
		m->ol_flags |= port->ip4_csum ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
					      : RTE_MBUF_F_TX_IPV4;
	}
	put_udp(port, m, at + ip_bytes, flow, (uint16_t)udp_len, payload_sum, head);
	tx_to_hop(tx, m, flow, &hop, port_index);
}

/* A datagram that a port with a smaller MTU takes on: by the long way, in fragments. What its
 * checksum says of the payload goes along. */
static __attribute__((noinline)) void relay_large(struct tx *tx, struct rte_mbuf *m,
						  struct tx_flow *flow, uint16_t len,
						  uint16_t udp_csum)
{
	uint32_t udp_len = len + (uint32_t)sizeof(struct rte_udp_hdr);
	uint64_t headers = csum_pseudo(NET_IP4, flow->src.addr.ip, flow->dst.addr.ip, IPPROTO_UDP,
				       udp_len) +
			   rte_cpu_to_be_16(flow->src.port) + rte_cpu_to_be_16(flow->dst.port) +
			   rte_cpu_to_be_16((uint16_t)udp_len);

	m->data_off = (uint16_t)(m->data_off + HEAD4);
	m->data_len = len;
	m->pkt_len = len;
	tx_udp(tx, m, flow,
	       csum_fold((uint16_t)~udp_csum + (uint64_t)(uint16_t)~csum_fold(headers)));
}

void tx_relay4(struct tx *tx, struct rte_mbuf *m, struct tx_flow *flow, uint16_t len,
	       uint16_t udp_csum)
{
	uint8_t port_index = tx->port_of_realm[flow->realm];
	const struct tx_port *port = &tx->ports[port_index];
	uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t total = rte_cpu_to_be_16((uint16_t)(len + IP4_UDP_BYTES));
	uint64_t lengths, sum, src, dst, ports;
	struct tx_hop hop;

	if (unlikely(len + IP4_UDP_BYTES > port->mtu)) {
		relay_large(tx, m, flow, len, udp_csum);
		return;
	}
	if (unlikely(!find_hop(tx, flow, &hop))) {
		pkt_drop(tx->conf.drops, m, DROP_NO_ROUTE);
		return;
	}
	src = csum_words(flow->src.addr.ip, 4);
	dst = csum_words(flow->dst.addr.ip, 4);
	ports = rte_cpu_to_be_16(flow->src.port) | (uint32_t)rte_cpu_to_be_16(flow->dst.port) << 16;
	/* Total length, identification (random: see tx_udp), no fragment, TTL, protocol. */
	lengths = total | (tx_random(tx) >> 48) << 16 | (uint64_t)TX_TTL << 48 |
		  (uint64_t)IPPROTO_UDP << 56;
	sum = (lengths & UINT32_MAX) + (lengths >> 32) + src + dst +
	      (0x45u | (uint32_t)flow->dscp << 10);
	sum = port->ip4_csum ? 0 : (uint16_t)~csum_fold(sum);
	tx_put_long(at, port->frame4[0] | (hop.word & TX_MAC_MASK));
	tx_put_long(at + 8, port->frame4[1] | (uint64_t)flow->dscp << 58);
	tx_put_long(at + 16, lengths);
	tx_put_long(at + 24, sum | src << 16 | dst << 48);
	tx_put_long(at + 32, dst >> 16 | ports << 16 |
				     (uint64_t)rte_cpu_to_be_16(
					     (uint16_t)(len + sizeof(struct rte_udp_hdr)))
					     << 48);
	memcpy(at + 40, &udp_csum, sizeof(udp_csum));
	m->data_len = (uint16_t)(len + HEAD4);
	m->pkt_len = len + (uint32_t)HEAD4;
	m->ol_flags = port->ip4_csum ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
				     : RTE_MBUF_F_TX_IPV4;
	m->tx_offload = rte_mbuf_tx_offload(sizeof(struct rte_ether_hdr),
					    sizeof(struct rte_ipv4_hdr), 0, 0, 0, 0, 0);
	if (likely(neigh_word_use(hop.word) == NEIGH_SEND))
		tx_put_in_queue(tx, m, port_index);
	else
		without_mac(tx, m, flow, &hop, port_index);
}

/* --- birth and death --- */

/* Source MAC, EtherType and the first byte of IPv4. */
static void frame4_init(struct tx_port *port)
{
	uint8_t first[16] = {0};

	memcpy(first + RTE_ETHER_ADDR_LEN, port->mac, RTE_ETHER_ADDR_LEN);
	first[12] = RTE_ETHER_TYPE_IPV4 >> 8;
	first[14] = RTE_IPV4_VHL_DEF;
	memcpy(port->frame4, first, sizeof(first));
}

struct tx *tx_new(const struct tx_conf *conf)
{
	struct tx *tx = aligned_alloc(64, sizeof(*tx));

	if (!tx)
		return NULL;
	memset(tx, 0, sizeof(*tx));
	tx->conf = *conf;
	tx->nports = conf->ports->n;
	tx->random = conf->seed | 1;
	tx->frag_id4 = (uint16_t)(conf->seed >> 32);
	for (unsigned i = 0; i < conf->realms->n; i++)
		tx->port_of_realm[i] = conf->realms->realm[i].port;
	for (unsigned i = 0; i < tx->nports; i++) {
		const struct port *port = &conf->ports->port[i];

		tx->ports[i].id = port->id;
		tx->ports[i].mtu = port->mtu;
		tx->ports[i].ip4_csum = port->tx_ip4_csum;
		tx->ports[i].udp_csum = port->tx_udp_csum;
		tx->ports[i].chains = port->tx_chains;
		tx->ports[i].carrier = conf->carriers ? conf->carriers[i] : NULL;
		memcpy(tx->ports[i].mac, port->mac, 6);
		frame4_init(&tx->ports[i]);
		tx->ports[i].lane_flags = port->tx_ip4_csum
						  ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
						  : RTE_MBUF_F_TX_IPV4;
		tx->ports[i].lane_room = tx->ports[i].carrier ? 0 : TX_QUEUE_PKTS;
	}
	return tx;
}

void tx_free(struct tx *tx)
{
	if (!tx)
		return;
	for (unsigned i = 0; i < tx->nports; i++)
		empty_queue(tx, &tx->ports[i]);
	free(tx);
}

struct tx_count tx_count(const struct tx *tx, unsigned port)
{
	return tx->ports[port].count;
}

unsigned tx_queued(const struct tx *tx, unsigned port)
{
	return tx->ports[port].n;
}
