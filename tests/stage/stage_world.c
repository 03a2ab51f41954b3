/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL, ports of rings and frames made by hand. Headers are built and checked with rte_net's own
 * functions, not with those under test. */
#include "stage_world.h"

#include <criterion/criterion.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_icmp.h>
#include <rte_rcu_qsbr.h>

const uint8_t limen_mac[WORLD_PORTS][6] = {{2, 0, 0, 0, 1, 1}, {2, 0, 0, 0, 2, 1}};
const uint8_t peer_mac[6] = {2, 0, 0, 0, 1, 2};
const uint8_t other_mac[6] = {2, 0, 0, 0, 1, 3};

struct net_endpoint endpoint(const char *text)
{
	struct net_endpoint at;

	cr_assert_eq(net_endpoint_parse(span_str(text), 0, &at), 0, "%s", text);
	return at;
}

struct net_addr address(const char *text, uint8_t *family)
{
	struct net_addr addr;

	cr_assert_eq(net_addr_parse(span_str(text), &addr, family), 0, "%s", text);
	return addr;
}

/* --- the machine --- */

static void open_eal(void)
{
	static char *args[] = {"stage", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
			       "-m",	"96",	     "--lcores", "0",		"--log-level",
			       "error"};

	cr_assert_geq(rte_eal_init(sizeof(args) / sizeof(args[0]), args), 0);
}

static struct rte_ring *ring(const char *what, unsigned port, unsigned queue)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s-%u-%u", what, port, queue);
	r = rte_ring_create(name, 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	cr_assert_not_null(r);
	return r;
}

static void open_port(struct world *w, unsigned i, unsigned mtu)
{
	const struct rte_eth_conf none = {0};
	struct port *port = &w->ports.port[i];
	char name[24];
	int id;

	for (unsigned q = 0; q < w->nworkers; q++) {
		w->rx[i][q] = ring("rx", i, q);
		w->sent[i][q] = ring("sent", i, q);
	}
	snprintf(name, sizeof(name), "port%u", i);
	id = rte_eth_from_rings(name, w->rx[i], w->nworkers, w->sent[i], w->nworkers, 0);
	cr_assert_geq(id, 0);
	cr_assert_eq(rte_eth_dev_configure((uint16_t)id, (uint16_t)w->nworkers,
					   (uint16_t)w->nworkers, &none),
		     0);
	for (uint16_t q = 0; q < w->nworkers; q++) {
		cr_assert_eq(rte_eth_rx_queue_setup((uint16_t)id, q, 512, SOCKET_ID_ANY, NULL,
						    w->pools[q]),
			     0);
		cr_assert_eq(rte_eth_tx_queue_setup((uint16_t)id, q, 512, SOCKET_ID_ANY, NULL), 0);
	}
	cr_assert_eq(rte_eth_dev_start((uint16_t)id), 0);
	port->id = (uint16_t)id;
	port->nrxq = port->ntxq = (uint16_t)w->nworkers;
	port->mtu = (uint16_t)mtu;
	snprintf(port->name, sizeof(port->name), "%s", name);
	memcpy(port->mac, limen_mac[i], 6);
	memcpy(w->neigh_ports[i].mac, limen_mac[i], 6);
	w->ports.n = i + 1;
}

static void set_realm(struct conf_realm *realm, unsigned port, const char *ip4, const char *ip6)
{
	realm->port = port;
	realm->naddrs = 2;
	realm->sip_port = 5060;
	realm->media_port_low = 20000;
	realm->media_port_high = 20199;
	realm->dscp_sip = 24;
	realm->dscp_media = 46;
	cr_assert_eq(net_prefix_parse(span_str(ip4), &realm->addrs[0].prefix), 0);
	cr_assert_eq(net_prefix_parse(span_str(ip6), &realm->addrs[1].prefix), 0);
}

static void set_conf(struct world *w, unsigned mtu)
{
	static char *names[] = {"a", "b"};
	uint8_t family;

	w->conf = (struct conf){.nports = WORLD_PORTS,
				.ports = w->conf_ports,
				.nrealms = WORLD_PORTS,
				.realms = w->conf_realms};
	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		w->conf_ports[i] = (struct conf_port){
			.name = names[i], .device = "net_ring", .queues = w->nworkers, .mtu = mtu};
		w->conf_realms[i].name = names[i];
	}
	set_realm(&w->conf_realms[0], 0, "10.99.1.1/24", "fd99:1::1/64");
	set_realm(&w->conf_realms[1], 1, "10.99.2.1/24", "fd99:2::1/64");
	for (unsigned a = 0; a < 2; a++) {
		w->conf_realms[0].addrs[a].has_gateway = true;
		w->conf_realms[0].addrs[a].gateway =
			address(a ? "fd99:1::fe" : "10.99.1.254", &family);
	}
	w->conf.machine = (struct conf_machine){
		.nworkers = w->nworkers, .mbufs = WORLD_MBUFS, .max_calls = 32};
}

void world_open(struct world *w, unsigned nworkers, unsigned mtu)
{
	struct fault fault = {.text = ""};

	memset(w, 0, sizeof(*w));
	w->nworkers = nworkers;
	w->now_ns = 1000000000;
	open_eal();
	set_conf(w, mtu);
	cr_assert_eq(realms_init(&w->realms, &w->conf, &fault), 0, "%s", fault.text);
	for (unsigned i = 0; i < nworkers; i++) {
		char name[16];

		snprintf(name, sizeof(name), "pool%u", i);
		w->pools[i] = rte_pktmbuf_pool_create(
			name, WORLD_MBUFS, 0, PKT_PRIV_BYTES,
			RTE_PKTMBUF_HEADROOM + (mtu > 2000 ? FRAME_MAX : 2048), SOCKET_ID_ANY);
		cr_assert_not_null(w->pools[i]);
	}
	w->main_pool = rte_pktmbuf_pool_create("main", 255, 0, PKT_PRIV_BYTES,
					       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	for (unsigned i = 0; i < WORLD_PORTS; i++)
		open_port(w, i, mtu);
	w->quiet = aligned_alloc(64, rte_rcu_qsbr_get_memsize(nworkers));
	cr_assert_eq(rte_rcu_qsbr_init(w->quiet, nworkers), 0);
	w->neigh = neigh_new(&(struct neigh_conf){
		.realms = &w->realms,
		.ports = w->neigh_ports,
		.nworkers = nworkers,
		.pool = w->main_pool,
		.park_max = WORLD_PARK_MAX,
		.drops = &w->main_drops,
		.quiet = w->quiet,
		.seed = 42,
	});
	cr_assert_not_null(w->neigh);
	w->classify =
		(struct classify){.realms = &w->realms, .ports = &w->ports, .drops = &w->drops};
	w->tx = tx_new(&(struct tx_conf){
		.nworkers = nworkers,
		.ports = &w->ports,
		.realms = &w->realms,
		.neigh = neigh_worker(w->neigh, 0),
		.pool = w->pools[0],
		.drops = &w->drops,
		.seed = UINT64_C(43) << 32 | 43,
	});
	cr_assert_not_null(w->tx);
}

static void empty(struct rte_ring *r)
{
	struct rte_mbuf *m;

	while (r && rte_ring_dequeue(r, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

void world_close(struct world *w)
{
	for (unsigned s = 0; s < STAGES_END; s++)
		for (unsigned i = 0; i < w->walk.to[s].n; i++)
			rte_pktmbuf_free(w->walk.to[s].pkts[i]);
	tx_free(w->tx);
	neigh_free(w->neigh);
	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		for (unsigned q = 0; q < w->nworkers; q++) {
			empty(w->rx[i][q]);
			empty(w->sent[i][q]);
		}
		(void)rte_eth_dev_stop(w->ports.port[i].id);
		(void)rte_eth_dev_close(w->ports.port[i].id);
	}
	for (unsigned i = 0; i < w->nworkers; i++)
		cr_expect_eq(rte_mempool_avail_count(w->pools[i]), WORLD_MBUFS,
			     "a packet of pool %u was lost: %u", i,
			     rte_mempool_avail_count(w->pools[i]));
	cr_expect_eq(rte_mempool_avail_count(w->main_pool), 255, "a packet of main's was lost");
	free(w->quiet);
	rte_eal_cleanup();
}

unsigned world_drops(const struct drops *drops)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < DROP_REASONS_END; i++)
		sum += (unsigned)drops->count[i];
	return sum;
}

/* --- frames --- */

static void put_eth(struct frame *f, uint16_t type, bool port1)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)f->bytes;

	memcpy(eth->dst_addr.addr_bytes, limen_mac[port1], 6);
	memcpy(eth->src_addr.addr_bytes, peer_mac, 6);
	eth->ether_type = rte_cpu_to_be_16(type);
}

static bool is_realm_b(const struct net_endpoint *to)
{
	return to->family == NET_IP6 ? to->addr.ip[3] == 2 : to->addr.ip[2] == 2;
}

void frame_ip(struct frame *f, const char *a, const char *b, uint8_t proto, const void *payload,
	      uint32_t len)
{
	struct net_endpoint from = endpoint(a), to = endpoint(b);

	memset(f, 0, sizeof(*f));
	if (from.family == NET_IP4) {
		struct rte_ipv4_hdr *ip = frame_ip4(f);

		put_eth(f, RTE_ETHER_TYPE_IPV4, is_realm_b(&to));
		ip->version_ihl = 0x45;
		ip->total_length = rte_cpu_to_be_16((uint16_t)(20 + len));
		ip->packet_id = rte_cpu_to_be_16(7);
		ip->time_to_live = 63;
		ip->next_proto_id = proto;
		memcpy(&ip->src_addr, from.addr.ip, 4);
		memcpy(&ip->dst_addr, to.addr.ip, 4);
		memcpy(ip + 1, payload, len);
		f->len = 14 + 20 + len;
	} else {
		struct rte_ipv6_hdr *ip = frame_ip6(f);

		put_eth(f, RTE_ETHER_TYPE_IPV6, is_realm_b(&to));
		ip->vtc_flow = rte_cpu_to_be_32(6u << 28);
		ip->payload_len = rte_cpu_to_be_16((uint16_t)len);
		ip->proto = proto;
		ip->hop_limits = 63;
		memcpy(ip->src_addr, from.addr.ip, 16);
		memcpy(ip->dst_addr, to.addr.ip, 16);
		memcpy(ip + 1, payload, len);
		f->len = 14 + 40 + len;
	}
	frame_seal(f);
}

void frame_udp(struct frame *f, const char *a, const char *b, const void *payload, uint32_t len)
{
	struct net_endpoint from = endpoint(a), to = endpoint(b);
	static uint8_t udp[FRAME_MAX];
	struct rte_udp_hdr *head = (struct rte_udp_hdr *)udp;

	cr_assert_leq(len + 70, sizeof(udp));
	*head = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(from.port),
		.dst_port = rte_cpu_to_be_16(to.port),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(8 + len)),
	};
	memcpy(udp + 8, payload, len);
	frame_ip(f, a, b, IPPROTO_UDP, udp, 8 + len);
}

static void seal4(struct rte_ipv4_hdr *ip)
{
	uint8_t *l4 = (uint8_t *)ip + (ip->version_ihl & 15) * 4;
	int len = rte_be_to_cpu_16(ip->total_length) - (int)(l4 - (uint8_t *)ip);

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (len < 8 || len > FRAME_MAX - 74)
		return; /* nothing that the frame holds */
	if (ip->next_proto_id == IPPROTO_UDP) {
		((struct rte_udp_hdr *)l4)->dgram_cksum = 0;
		((struct rte_udp_hdr *)l4)->dgram_cksum = rte_ipv4_udptcp_cksum(ip, l4);
	} else if (ip->next_proto_id == IPPROTO_ICMP) {
		((struct rte_icmp_hdr *)l4)->icmp_cksum = 0;
		((struct rte_icmp_hdr *)l4)->icmp_cksum = (uint16_t)~rte_raw_cksum(l4, len);
	}
}

static void seal6(struct rte_ipv6_hdr *ip)
{
	uint8_t *l4 = (uint8_t *)(ip + 1);

	if (rte_be_to_cpu_16(ip->payload_len) > FRAME_MAX - 54)
		return;
	if (ip->proto == IPPROTO_UDP) {
		((struct rte_udp_hdr *)l4)->dgram_cksum = 0;
		((struct rte_udp_hdr *)l4)->dgram_cksum = rte_ipv6_udptcp_cksum(ip, l4);
	} else if (ip->proto == IPPROTO_ICMPV6) {
		((struct rte_icmp_hdr *)l4)->icmp_cksum = 0;
		((struct rte_icmp_hdr *)l4)->icmp_cksum = rte_ipv6_udptcp_cksum(ip, l4);
	}
}

void frame_seal(struct frame *f)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)f->bytes;

	if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		seal4(frame_ip4(f));
	else if (eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6))
		seal6(frame_ip6(f));
}

void frame_fragment(struct frame *f, const struct frame *whole, uint32_t off, uint32_t len,
		    bool more, uint32_t id)
{
	bool is_ip4 = whole->bytes[12] == 0x08;
	uint32_t head = is_ip4 ? 34 : 54;

	memset(f, 0, sizeof(*f));
	memcpy(f->bytes, whole->bytes, head);
	if (is_ip4) {
		struct rte_ipv4_hdr *ip = frame_ip4(f);

		ip->total_length = rte_cpu_to_be_16((uint16_t)(20 + len));
		ip->packet_id = (uint16_t)id;
		ip->fragment_offset = rte_cpu_to_be_16((uint16_t)(off / 8 | (more ? 0x2000 : 0)));
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		struct rte_ipv6_hdr *ip = frame_ip6(f);
		uint8_t *ext = f->bytes + head;
		uint16_t field = rte_cpu_to_be_16((uint16_t)(off | more));

		ext[0] = ip->proto;
		memcpy(ext + 2, &field, 2);
		memcpy(ext + 4, &id, 4);
		ip->proto = IPPROTO_FRAGMENT;
		ip->payload_len = rte_cpu_to_be_16((uint16_t)(8 + len));
	}
	f->len = head + (is_ip4 ? 0 : 8);
	cr_assert_leq(f->len + len, FRAME_MAX);
	memcpy(f->bytes + f->len, whole->bytes + head + off, len);
	f->len += len;
}

void frame_arp(struct frame *f, uint16_t op, const uint8_t sha[6], const char *spa,
	       const uint8_t tha[6], const char *tpa)
{
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(f->bytes + 14);
	struct net_addr from, to;
	uint8_t family;

	from = address(spa, &family);
	to = address(tpa, &family);
	memset(f, 0, sizeof(*f));
	put_eth(f, RTE_ETHER_TYPE_ARP, false);
	memcpy(f->bytes + 6, sha, 6);
	if (op == RTE_ARP_OP_REQUEST)
		memset(f->bytes, 0xff, 6);
	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = 6;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(op);
	memcpy(&arp->arp_data.arp_sha, sha, 6);
	memcpy(&arp->arp_data.arp_sip, from.ip, 4);
	if (tha)
		memcpy(&arp->arp_data.arp_tha, tha, 6);
	memcpy(&arp->arp_data.arp_tip, to.ip, 4);
	f->len = 60; /* padded, as on a real wire */
}

void frame_nd(struct frame *f, uint8_t type, uint32_t flags, const char *src, const char *dst,
	      const char *target, uint8_t option, const uint8_t mac[6])
{
	uint8_t body[32] = {type}, family;
	uint32_t be = rte_cpu_to_be_32(flags);
	struct net_addr addr = address(target, &family), to;
	uint32_t len = option ? 32 : 24;

	memcpy(body + 4, &be, 4);
	memcpy(body + 8, addr.ip, 16);
	if (option) {
		body[24] = option;
		body[25] = 1;
		memcpy(body + 26, mac, 6);
	}
	frame_ip(f, src, dst, IPPROTO_ICMPV6, body, len);
	frame_ip6(f)->hop_limits = 255;
	to = address(dst, &family);
	if (to.ip[0] == 0xff) {
		f->bytes[0] = f->bytes[1] = 0x33;
		memcpy(f->bytes + 2, to.ip + 12, 4);
	} else {
		memcpy(f->bytes, limen_mac[0], 6);
	}
	frame_seal(f);
}

/* --- packets --- */

static struct rte_mbuf *pkt_from(struct rte_mempool *pool, const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	char *at;

	cr_assert_not_null(m);
	at = rte_pktmbuf_append(m, (uint16_t)f->len);
	cr_assert_not_null(at, "%u bytes", f->len);
	memcpy(at, f->bytes, f->len);
	return m;
}

struct rte_mbuf *world_pkt(struct world *w, unsigned port, const struct frame *f)
{
	struct rte_mbuf *m = pkt_from(w->pools[0], f);

	m->port = (uint16_t)port;
	return m;
}

int world_classify(struct world *w, unsigned port, const struct frame *f, struct rte_mbuf **out)
{
	struct rte_mbuf *m = world_pkt(w, port, f);
	struct drops before = w->drops;

	classify(&w->classify, &m, 1, &w->walk);
	*out = NULL;
	for (int s = 0; s < STAGES_END; s++) {
		if (!w->walk.to[s].n)
			continue;
		*out = w->walk.to[s].pkts[0];
		w->walk.to[s].n = 0;
		cr_assert_eq(memcmp(&before, &w->drops, sizeof(before)), 0,
			     "passed on and dropped");
		return s;
	}
	cr_assert_eq(world_drops(&w->drops), world_drops(&before) + 1, "a packet has one end");
	for (int r = 0; r < DROP_REASONS_END; r++)
		if (w->drops.count[r] != before.count[r])
			return -1 - r;
	return -1000;
}

void world_receive(struct world *w, unsigned port, unsigned queue, const struct frame *f)
{
	cr_assert_eq(rte_ring_enqueue(w->rx[port][queue], pkt_from(w->pools[queue], f)), 0);
}

/* The same frame, sealed by us. */
static void check_seal(const struct frame *f)
{
	static struct frame sealed;

	sealed = *f;
	frame_seal(&sealed);
	cr_expect_eq(memcmp(&sealed, f, offsetof(struct frame, bytes) + f->len), 0, "checksums");
}

static void check_sums(const struct frame *f)
{
	const struct rte_ipv4_hdr *ip4 = (const struct rte_ipv4_hdr *)(f->bytes + 14);
	const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)(f->bytes + 14);

	if (f->bytes[12] == 0x08 && f->bytes[13] == 0x00) {
		cr_expect_eq(rte_raw_cksum(ip4, 20), 0xffff, "IPv4 header checksum");
		cr_expect_eq(rte_be_to_cpu_16(ip4->total_length), f->len - 14);
		if (!(ip4->fragment_offset & rte_cpu_to_be_16(0x3fff)))
			check_seal(f);
	} else if (f->bytes[12] == 0x86) {
		cr_expect_eq(rte_be_to_cpu_16(ip6->payload_len), f->len - 54);
		check_seal(f);
	}
}

bool world_sent(struct world *w, unsigned port, unsigned queue, struct frame *f)
{
	struct rte_mbuf *m;
	const void *bytes;

	if (rte_ring_dequeue(w->sent[port][queue], (void **)&m) != 0)
		return false;
	memset(f, 0, sizeof(*f));
	f->len = rte_pktmbuf_pkt_len(m);
	cr_assert_leq(f->len, FRAME_MAX);
	bytes = rte_pktmbuf_read(m, 0, f->len, f->bytes);
	if (bytes != f->bytes)
		memcpy(f->bytes, bytes, f->len);
	rte_pktmbuf_free(m);
	check_sums(f);
	return true;
}

/* --- neighbours --- */

void world_main(struct world *w, uint64_t ns)
{
	w->now_ns += ns;
	neigh_turn(w->neigh, w->now_ns);
	for (unsigned i = 0; i < w->nworkers; i++) {
		struct rte_mbuf *m;

		while (rte_ring_dequeue(neigh_worker(w->neigh, i)->frames, (void **)&m) == 0)
			tx_frame(w->tx, m, m->port);
	}
	tx_flush(w->tx);
}

void world_meet(struct world *w, uint8_t realm, const char *ip, const uint8_t mac[6])
{
	struct neigh_worker *end = neigh_worker(w->neigh, 0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->pools[0]);
	struct neigh_heard heard = {.realm = realm, .kind = NEIGH_HEARD_ANSWER, .has_mac = true};
	struct frame f;

	heard.ip = address(ip, &heard.family);
	memcpy(heard.mac, mac, 6);
	rte_pktmbuf_append(m, 60);
	pkt_of(m)->realm = realm;
	pkt_of(m)->family = heard.family;
	pkt_of(m)->dst = heard.ip;
	m->port = w->realms.realm[realm].port;
	cr_assert_eq(rte_ring_enqueue(end->asks, m), 0);
	world_main(w, 0);
	cr_assert_eq(rte_ring_enqueue_elem(end->heard, &heard, sizeof(heard)), 0);
	world_main(w, 0);
	while (world_sent(w, w->realms.realm[realm].port, 0, &f))
		;
}
