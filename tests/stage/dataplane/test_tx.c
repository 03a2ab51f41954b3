/* SPDX-License-Identifier: BSD-3-Clause */
/* The last stage: headers and checksums, however the payload lies, and ports that do not take
 * packets. */
#include "../stage_world.h"

#include "dataplane/io/csum.h"

#include <criterion/criterion.h>

static struct world world;
static struct frame frame;
static struct tx_flow flow;
static char text[1600];

static void setup(void)
{
	world_open(&world, 1, 1500);
	world_meet(&world, 0, "10.99.1.2", peer_mac);
	world_meet(&world, 0, "fd99:1::2", peer_mac);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + (i >> 5));
}

static void teardown(void)
{
	world_close(&world);
}

TestSuite(tx, .init = setup, .fini = teardown);

/* The same world, with a port that can do more. */
static void remake_tx(bool chains, bool csum)
{
	world.ports.port[0].tx_chains = chains;
	world.ports.port[0].tx_ip4_csum = world.ports.port[0].tx_udp_csum = csum;
	tx_free(world.tx);
	world.tx = tx_new(&(struct tx_conf){
		.nworkers = 1,
		.ports = &world.ports,
		.realms = &world.realms,
		.neigh = neigh_worker(world.neigh, 0),
		.pool = world.pools[0],
		.drops = &world.drops,
		.seed = 1,
	});
}

static void set_flow(bool ip6)
{
	flow = (struct tx_flow){
		.realm = 0,
		.family = ip6 ? NET_IP6 : NET_IP4,
		.dscp = 46,
		.src = endpoint(ip6 ? "[fd99:1::1]:20000" : "10.99.1.1:20000"),
		.dst = endpoint(ip6 ? "[fd99:1::2]:4000" : "10.99.1.2:4000"),
	};
}

static struct rte_mbuf *payload(uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.pools[0]);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), text, len);
	return m;
}

static struct rte_mbuf *chained(uint32_t first, uint32_t second)
{
	struct rte_mbuf *m = payload(first), *tail = rte_pktmbuf_alloc(world.pools[0]);

	memcpy(rte_pktmbuf_append(tail, (uint16_t)second), text + first, second);
	cr_assert_eq(rte_pktmbuf_chain(m, tail), 0);
	return m;
}

static void send_it(struct rte_mbuf *m, uint32_t sum)
{
	tx_udp(world.tx, m, &flow, sum);
	tx_flush(world.tx);
}

/* The frame sent is text[0, len) as that flow; world_sent has checked its checksums. */
static void is_sent_at(uint32_t len, int line)
{
	bool ip6 = flow.family == NET_IP6;
	unsigned head = ip6 ? 62 : 42;
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(frame.bytes + head - 8);

	cr_assert(world_sent(&world, 0, 0, &frame), "line %d: nothing sent", line);
	cr_assert_eq(frame.len, head + len, "line %d: %u bytes", line, frame.len);
	cr_expect_eq(memcmp(frame.bytes + head, text, len), 0, "line %d", line);
	cr_expect_eq(memcmp(frame.bytes, peer_mac, 6), 0, "line %d", line);
	cr_expect_eq(memcmp(frame.bytes + 6, limen_mac[0], 6), 0, "line %d", line);
	cr_expect_eq(udp->src_port, rte_cpu_to_be_16(20000), "line %d", line);
	cr_expect_eq(udp->dst_port, rte_cpu_to_be_16(4000), "line %d", line);
	cr_expect_eq(udp->dgram_len, rte_cpu_to_be_16((uint16_t)(8 + len)), "line %d", line);
	if (ip6) {
		cr_expect_eq(frame_ip6(&frame)->vtc_flow, rte_cpu_to_be_32(6u << 28 | 46u << 22),
			     "line %d", line);
		cr_expect_eq(frame_ip6(&frame)->hop_limits, 64, "line %d", line);
		cr_expect_eq(frame_ip6(&frame)->proto, IPPROTO_UDP, "line %d", line);
		cr_expect_eq(memcmp(frame_ip6(&frame)->src_addr, flow.src.addr.ip, 16), 0,
			     "line %d", line);
		cr_expect_eq(memcmp(frame_ip6(&frame)->dst_addr, flow.dst.addr.ip, 16), 0,
			     "line %d", line);
	} else {
		cr_expect_eq(frame_ip4(&frame)->version_ihl, 0x45, "line %d", line);
		cr_expect_eq(frame_ip4(&frame)->type_of_service, 46 << 2, "line %d", line);
		cr_expect_eq(frame_ip4(&frame)->fragment_offset, 0, "line %d", line);
		cr_expect_eq(frame_ip4(&frame)->time_to_live, 64, "line %d", line);
		cr_expect_eq(memcmp(&frame_ip4(&frame)->src_addr, flow.src.addr.ip, 4), 0,
			     "line %d", line);
		cr_expect_eq(memcmp(&frame_ip4(&frame)->dst_addr, flow.dst.addr.ip, 4), 0,
			     "line %d", line);
	}
	cr_expect_not(world_sent(&world, 0, 0, &frame), "line %d", line);
}
#define is_sent(len) is_sent_at(len, __LINE__)

Test(tx, headers_before_the_payload)
{
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		set_flow(ip6);
		for (uint32_t len = 0; len < 200; len += 1 + len / 20) {
			send_it(payload(len), TX_SUM_UNKNOWN);
			is_sent(len);
			send_it(payload(len), rte_raw_cksum(text, len));
			is_sent(len);
		}
	}
	cr_expect_eq(world_drops(&world.drops), 0);
}

Test(tx, a_known_sum_is_used)
{
	uint16_t wrong = (uint16_t)(rte_raw_cksum(text, 100) ^ 0x5a5a);
	const struct rte_udp_hdr *udp;
	struct rte_mbuf *m;

	set_flow(false);
	tx_udp(world.tx, payload(100), &flow, wrong);
	tx_flush(world.tx);
	cr_assert_eq(rte_ring_dequeue(world.sent[0][0], (void **)&m), 0);
	udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, 34);
	cr_expect_neq(rte_raw_cksum(udp, 108), 0);
	cr_expect_neq(csum_fold(rte_raw_cksum(udp, 108) +
				csum_pseudo(NET_IP4, flow.src.addr.ip, flow.dst.addr.ip, 17, 108)),
		      0xffff, "a payload that was damaged on its way stays so");
	rte_pktmbuf_free(m);
}

/* A checksum that comes to nothing is sent as all ones: zero means there is none. */
Test(tx, no_checksum_is_ever_zero)
{
	set_flow(false);
	for (unsigned v = 0; v < 65536; v += 1) {
		struct rte_mbuf *m = payload(2);
		uint16_t sum;

		memcpy(rte_pktmbuf_mtod(m, void *), &(uint16_t){(uint16_t)v}, 2);
		sum = rte_raw_cksum(rte_pktmbuf_mtod(m, void *), 2);
		tx_udp(world.tx, m, &flow, sum);
		tx_flush(world.tx);
		cr_assert(world_sent(&world, 0, 0, &frame)); /* checks that the field is not 0 */
		cr_assert_neq(((struct rte_udp_hdr *)(frame.bytes + 34))->dgram_cksum, 0,
			      "payload %x", v);
	}
}

Test(tx, without_headroom)
{
	for (unsigned chains = 0; chains < 2; chains++) {
		remake_tx(chains, false);
		for (unsigned ip6 = 0; ip6 < 2; ip6++) {
			struct rte_mbuf *m = payload(500);

			set_flow(ip6);
			memmove((char *)m->buf_addr + 10, text, 500);
			m->data_off = 10;
			send_it(m, TX_SUM_UNKNOWN);
			is_sent(500);
		}
	}
}

Test(tx, chained_payloads)
{
	for (unsigned chains = 0; chains < 2; chains++) {
		remake_tx(chains, false);
		for (unsigned ip6 = 0; ip6 < 2; ip6++) {
			set_flow(ip6);
			send_it(chained(33, 401), TX_SUM_UNKNOWN);
			is_sent(434);
			send_it(chained(1, 1), TX_SUM_UNKNOWN);
			is_sent(2);
		}
	}
}

Test(tx, a_packet_that_others_hold_is_not_written_to)
{
	for (unsigned chains = 0; chains < 2; chains++) {
		struct rte_mbuf *m = payload(100);

		remake_tx(chains, false);
		set_flow(false);
		memset((char *)m->buf_addr, 0x77, RTE_PKTMBUF_HEADROOM);
		rte_mbuf_refcnt_update(m, 1);
		send_it(m, TX_SUM_UNKNOWN);
		is_sent(100);
		for (unsigned i = 0; i < RTE_PKTMBUF_HEADROOM; i++)
			cr_assert_eq(((char *)m->buf_addr)[i], 0x77);
		rte_pktmbuf_free(m);
	}
}

Test(tx, the_port_fills_in_checksums_where_it_can)
{
	struct rte_mbuf *m;

	remake_tx(true, true);
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		const struct rte_udp_hdr *udp;

		set_flow(ip6);
		send_it(payload(100), TX_SUM_UNKNOWN);
		cr_assert_eq(rte_ring_dequeue(world.sent[0][0], (void **)&m), 0);
		udp = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, ip6 ? 54 : 34);
		cr_expect_eq(m->l2_len, 14);
		cr_expect_eq(m->l3_len, ip6 ? 40 : 20);
		cr_expect_eq(m->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_UDP_CKSUM);
		cr_expect_eq(m->ol_flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6),
			     ip6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4);
		cr_expect_eq(!!(m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM), !ip6);
		cr_expect_eq(udp->dgram_cksum,
			     ip6 ? rte_ipv6_phdr_cksum(
					   rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, 14),
					   m->ol_flags)
				 : rte_ipv4_phdr_cksum(
					   rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14),
					   m->ol_flags),
			     "pseudo header");
		rte_pktmbuf_free(m);
	}
	/* What the receiving port said of the packet is not said to the sending one. */
	m = payload(10);
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_RSS_HASH;
	send_it(m, rte_raw_cksum(text, 10));
	cr_assert_eq(rte_ring_dequeue(world.sent[0][0], (void **)&m), 0);
	cr_expect_eq(m->ol_flags, RTE_MBUF_F_TX_IPV6);
	rte_pktmbuf_free(m);
}

Test(tx, ip_identifications_do_not_repeat_soon)
{
	static uint8_t seen[65536];
	unsigned twice = 0;

	set_flow(false);
	for (unsigned i = 0; i < 1000; i++) {
		send_it(payload(10), TX_SUM_UNKNOWN);
		is_sent(10);
		twice += seen[rte_be_to_cpu_16(frame_ip4(&frame)->packet_id)]++;
	}
	cr_expect_lt(twice, 60, "%u of 1000", twice);
}

Test(tx, a_port_that_stalls_loses_nothing_until_the_queue_is_full)
{
	const struct tx_count before = tx_count(world.tx, 0);
	struct rte_mbuf *m;
	unsigned n = 0, taken = 0;

	set_flow(false);
	/* The ring behind the port takes 1,023, the queue before it 256. */
	for (unsigned i = 0; i < 1400; i++) {
		tx_udp(world.tx, payload(10), &flow, TX_SUM_UNKNOWN);
		n += tx_flush(world.tx);
	}
	cr_expect_eq(n, 1023);
	cr_expect_eq(tx_queued(world.tx, 0), 256);
	cr_expect_eq(world.drops.count[DROP_TX_FULL], 1400 - 1023 - 256);
	while (rte_ring_dequeue(world.sent[0][0], (void **)&m) == 0) {
		rte_pktmbuf_free(m);
		taken++;
	}
	cr_expect_eq(taken, 1023);
	cr_expect_eq(tx_flush(world.tx), 256, "what waited goes");
	cr_expect_eq(tx_count(world.tx, 0).pkts, before.pkts + 1023 + 256);
	cr_expect_eq(tx_count(world.tx, 0).bytes, before.bytes + (1023 + 256) * 52);
	cr_expect_eq(tx_queued(world.tx, 0), 0);
}

Test(tx, a_port_that_takes_nothing_for_long_does_not_keep_packets)
{
	set_flow(false);
	for (unsigned i = 0; i < 1100; i++)
		tx_udp(world.tx, payload(10), &flow, TX_SUM_UNKNOWN);
	for (unsigned i = 0; i < 20000 && tx_queued(world.tx, 0); i++)
		tx_flush(world.tx);
	cr_expect_eq(tx_queued(world.tx, 0), 0);
	cr_expect_eq(world.drops.count[DROP_TX_FULL], 1100 - 1023);
}

Test(tx, main_is_too_busy)
{
	struct rte_mbuf *m = NULL;

	set_flow(false);
	flow.dst = endpoint("10.99.1.9:4000");
	for (unsigned i = 0; i < 600; i++)
		tx_udp(world.tx, payload(10), &flow, TX_SUM_UNKNOWN);
	cr_expect_eq(world.drops.count[DROP_MAIN_FULL], 600 - (NEIGH_RING_PKTS - 1));
	cr_assert_eq(rte_ring_dequeue(neigh_worker(world.neigh, 0)->asks, (void **)&m), 0);
	cr_expect_eq(pkt_of(m)->realm, 0);
	cr_expect_eq(pkt_of(m)->family, NET_IP4);
	cr_expect_eq(pkt_of(m)->dst.ip[3], 9);
	cr_expect_eq(m->port, 0);
	rte_pktmbuf_free(m);
}

Test(tx, no_packets_left)
{
	struct rte_mbuf *hoard[WORLD_MBUFS], *m = payload(100);
	unsigned n = 0;

	while (n < WORLD_MBUFS && (hoard[n] = rte_pktmbuf_alloc(world.pools[0])))
		n++;
	cr_expect_null(tx_alloc(world.tx));
	cr_expect_eq(world.drops.count[DROP_NO_MBUF], 1);
	set_flow(false);
	m->data_off = 0; /* needs another packet for its headers */
	send_it(m, TX_SUM_UNKNOWN);
	cr_expect_eq(world.drops.count[DROP_NO_MBUF], 2);
	while (n)
		rte_pktmbuf_free(hoard[--n]);
}

Test(tx, checksum_parts)
{
	/* Sums over any cut equal the sum over the whole. */
	for (unsigned len = 0; len < 100; len++) {
		cr_assert_eq(csum_fold(csum_bytes(text, len)), rte_raw_cksum(text, len), "%u bytes",
			     len);
		for (unsigned cut = 0; cut < len; cut += 3) {
			struct rte_mbuf *m = chained(cut, len - cut);

			cr_assert_eq(csum_fold(csum_pkt(m, 0, len)), rte_raw_cksum(text, len),
				     "%u of %u", cut, len);
			if (len > 7)
				cr_assert_eq(csum_fold(csum_pkt(m, 7, len - 7)),
					     rte_raw_cksum(text + 7, len - 7));
			rte_pktmbuf_free(m);
		}
	}
}

/* text[0, len) as a frame that has just come from elsewhere, padded by `more` bytes. */
static struct rte_mbuf *arrived(uint32_t len, unsigned more)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.pools[0]);
	char *at = rte_pktmbuf_append(m, (uint16_t)(42 + len + more));

	memset(at, 0xa5, 42 + len + more);
	memcpy(at + 42, text, len);
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	return m;
}

/* What the UDP checksum of that flow is to be; `wrong` is added to the payload's sum. */
static uint16_t csum_of(uint32_t len, uint16_t wrong)
{
	uint32_t udp_len = len + 8;

	return csum_udp_field(csum_pseudo(NET_IP4, flow.src.addr.ip, flow.dst.addr.ip, IPPROTO_UDP,
					  udp_len) +
			      rte_cpu_to_be_16(flow.src.port) + rte_cpu_to_be_16(flow.dst.port) +
			      rte_cpu_to_be_16((uint16_t)udp_len) + csum_bytes(text, len) + wrong);
}

Test(tx, a_frame_is_relayed_with_its_headers_written_over)
{
	set_flow(false);
	for (uint32_t len = 0; len < 1473; len += 1 + len / 20) {
		tx_relay4(world.tx, arrived(len, len % 7), &flow, (uint16_t)len, csum_of(len, 0));
		tx_flush(world.tx);
		is_sent(len);
	}
	cr_expect_eq(world_drops(&world.drops), 0);
}

static struct rte_mbuf *relayed(uint16_t csum)
{
	struct rte_mbuf *m = NULL;

	tx_relay4(world.tx, arrived(100, 0), &flow, 100, csum);
	tx_flush(world.tx);
	cr_assert_eq(rte_ring_sc_dequeue(world.sent[0][0], (void **)&m), 0);
	return m;
}

Test(tx, a_relayed_frame_keeps_a_wrong_checksum_wrong)
{
	uint16_t csum;
	struct rte_mbuf *m;

	set_flow(false);
	csum = csum_of(100, 0x1234);
	m = relayed(csum);
	cr_expect_eq(memcmp(rte_pktmbuf_mtod_offset(m, void *, 40), &csum, 2), 0);
	rte_pktmbuf_free(m);
}

Test(tx, a_relayed_frame_leaves_the_header_s_checksum_to_a_port_that_sums)
{
	static const uint8_t none[2];
	struct rte_mbuf *m;

	remake_tx(false, true);
	set_flow(false);
	m = relayed(csum_of(100, 0));
	cr_expect_eq(m->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM);
	cr_expect_eq(m->l2_len, 14);
	cr_expect_eq(m->l3_len, 20);
	cr_expect_eq(memcmp(rte_pktmbuf_mtod_offset(m, void *, 24), none, 2), 0);
	rte_pktmbuf_free(m);
}

Test(tx, a_relayed_frame_waits_for_its_neighbour_and_needs_a_route)
{
	struct rte_mbuf *m;

	set_flow(false);
	flow.dst = endpoint("10.99.1.77:4000");
	tx_relay4(world.tx, arrived(100, 0), &flow, 100, csum_of(100, 0));
	tx_flush(world.tx);
	cr_expect_not(world_sent(&world, 0, 0, &frame));
	cr_assert_eq(rte_ring_sc_dequeue(neigh_worker(world.neigh, 0)->asks, (void **)&m), 0);
	cr_expect_eq(rte_pktmbuf_pkt_len(m), 142);
	cr_expect_eq(memcmp(rte_pktmbuf_mtod_offset(m, void *, 30), flow.dst.addr.ip, 4), 0);
	cr_expect(net_addr_eq(&pkt_of(m)->dst, &flow.dst.addr));
	rte_pktmbuf_free(m);
	flow.realm = 1; /* no gateway there */
	flow.neigh = 0;
	flow.dst = endpoint("203.0.113.1:4000");
	tx_relay4(world.tx, arrived(100, 0), &flow, 100, csum_of(100, 0));
	cr_expect_eq(world.drops.count[DROP_NO_ROUTE], 1);
}

Test(tx, a_frame_larger_than_the_next_port_takes_is_relayed_in_fragments)
{
	unsigned n = 0;

	world.ports.port[0].mtu = 1280;
	remake_tx(false, false);
	set_flow(false);
	tx_relay4(world.tx, arrived(1400, 0), &flow, 1400, csum_of(1400, 0));
	tx_flush(world.tx);
	while (world_sent(&world, 0, 0, &frame)) {
		const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(frame.bytes + 34);

		if (n++ == 0)
			cr_expect_eq(udp->dgram_cksum, csum_of(1400, 0));
	}
	cr_expect_eq(n, 2);
}
