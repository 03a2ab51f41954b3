/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments, in and out: put together in any order, refused when they contradict each other,
 * bounded; and what tx takes apart, reassembly puts together. */
#include "../../rng.h"
#include "../stage_world.h"

#include "dataplane/classify/reassembly.h"

#include <criterion/criterion.h>

#define SECOND 1000000000ull

static struct world world;
static struct reassembly *reassembly;
static struct frame whole, frame;
static uint8_t text[65535], got[65535];

static void setup(void)
{
	struct rng rng = {1};

	world_open(&world, 1, 1500);
	reassembly = reassembly_new(&(struct reassembly_conf){
		.datagrams = 4,
		.pkts = 100,
		.timeout_ns = SECOND,
		.pool = world.pools[0],
		.drops = &world.drops,
		.seed = {{1, 2}},
	});
	cr_assert_not_null(reassembly);
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)rng_next(&rng);
}

static void teardown(void)
{
	reassembly_free(reassembly);
	world_close(&world);
}

TestSuite(fragment, .init = setup, .fini = teardown);

static void make_whole(bool ip6, uint32_t len)
{
	frame_udp(&whole, ip6 ? "[fd99:1::2]:5070" : "10.99.1.2:5070",
		  ip6 ? "[fd99:1::1]:5060" : "10.99.1.1:5060", text, len);
}

/* Classified as a fragment and taken; the datagram when it is whole. */
static struct rte_mbuf *take(const struct frame *f)
{
	struct rte_mbuf *m;

	cr_assert_eq(world_classify(&world, 0, f, &m), STAGE_FRAG);
	return reassembly_take(reassembly, m, world.now_ns);
}

static struct rte_mbuf *give(uint32_t off, uint32_t len, bool more, uint32_t id)
{
	frame_fragment(&frame, &whole, off, len, more, id);
	return take(&frame);
}

/* The datagram is `len` bytes of `text` for SIP. Frees it. */
static void is_text(struct rte_mbuf *m, uint32_t len)
{
	const struct drops before = world.drops;
	const struct pkt *pkt;
	const void *bytes;

	cr_assert_not_null(m);
	classify_datagram(&world.classify, m, &world.walk);
	for (unsigned i = 0; i < DROP_REASONS_END; i++)
		cr_assert_eq(world.drops.count[i], before.count[i], "dropped: %s", drop_name(i));
	cr_assert_eq(world.walk.to[STAGE_SIP].n, 1);
	world.walk.to[STAGE_SIP].n = 0;
	pkt = pkt_of(m);
	cr_assert_eq(pkt->payload_len, len);
	cr_expect_eq(pkt->src_port, 5070);
	cr_expect_eq(pkt->dst_port, 5060);
	cr_expect_eq(pkt->realm, 0);
	bytes = rte_pktmbuf_read(m, pkt->payload_off, len, got);
	cr_assert_not_null(bytes);
	cr_expect_eq(memcmp(bytes, text, len), 0);
	rte_mbuf_sanity_check(m, 1);
	rte_pktmbuf_free(m);
}

Test(fragment, in_order_and_backwards)
{
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		make_whole(ip6, 1000);
		cr_expect_null(give(0, 400, true, 1));
		cr_expect_null(give(400, 400, true, 1));
		is_text(give(800, 208, false, 1), 1000);
		cr_expect_null(give(800, 208, false, 2));
		cr_expect_null(give(400, 400, true, 2));
		is_text(give(0, 400, true, 2), 1000);
		cr_expect_null(give(0, 400, true, 3));
		cr_expect_null(give(800, 208, false, 3));
		is_text(give(400, 400, true, 3), 1000);
	}
	cr_expect_eq(reassembly_held(reassembly), 0);
	cr_expect_eq(world_drops(&world.drops), 0);
}

Test(fragment, any_order_of_many)
{
	struct rng rng = {7};

	for (unsigned round = 0; round < 60; round++) {
		uint32_t parts[40], nparts = 0, len = 2000 + (uint32_t)rng_next(&rng) % 6000,
				    each = 200 + 8 * (rng_next(&rng) % 20);
		struct rte_mbuf *m = NULL;

		make_whole(round & 1, len);
		for (uint32_t off = 0; off < len + 8; off += each)
			parts[nparts++] = off;
		for (uint32_t i = nparts; i > 0; i--) {
			uint32_t at = (uint32_t)rng_next(&rng) % i, off = parts[at];
			bool more = off + each < len + 8;

			parts[at] = parts[i - 1];
			cr_assert_null(m);
			m = give(off, more ? each : len + 8 - off, more, round);
		}
		is_text(m, len);
	}
	cr_expect_eq(reassembly_held(reassembly), 0);
}

Test(fragment, ethernet_padding_is_no_part)
{
	make_whole(false, 60);
	cr_expect_null(give(0, 48, true, 1));
	frame_fragment(&frame, &whole, 48, 20, false, 1);
	frame.len = 60;
	is_text(take(&frame), 60);
}

Test(fragment, two_datagrams_do_not_mix)
{
	make_whole(false, 400);
	cr_expect_null(give(0, 200, true, 1));
	cr_expect_null(give(200, 208, false, 2));
	/* Same number, another sender. */
	frame_udp(&whole, "10.99.1.3:5070", "10.99.1.1:5060", text, 400);
	cr_expect_null(give(200, 208, false, 1));
	make_whole(false, 400);
	is_text(give(200, 208, false, 1), 400);
	is_text(give(0, 200, true, 2), 400);
	cr_expect_eq(reassembly_held(reassembly), 1);
}

Test(fragment, a_duplicate_is_dropped_alone)
{
	make_whole(true, 400);
	cr_expect_null(give(0, 200, true, 1));
	cr_expect_null(give(0, 200, true, 1));
	cr_expect_eq(world.drops.count[DROP_FRAGMENT], 1);
	is_text(give(200, 208, false, 1), 400);
}

/* RFC 5722: all of it goes, and what comes later too. */
static void spoils(uint32_t off, uint32_t len, bool more)
{
	uint64_t before = world.drops.count[DROP_FRAGMENT];
	static uint32_t id = 100;

	id++;
	cr_expect_null(give(200, 200, true, id));
	cr_expect_null(give(off, len, more, id));
	cr_expect_eq(world.drops.count[DROP_FRAGMENT], before + 2, "%u+%u", off, len);
	cr_expect_eq(reassembly_held(reassembly), 0);
	cr_expect_null(give(0, 200, true, id));
	cr_expect_null(give(400, 208, false, id));
	cr_expect_null(give(200, 200, true, id));
	cr_expect_eq(world.drops.count[DROP_FRAGMENT], before + 5);
}

Test(fragment, overlaps_and_contradictions)
{
	for (unsigned ip6 = 0; ip6 < 2; ip6++) {
		make_whole(ip6, 600);
		spoils(0, 208, true);
		spoils(392, 200, true);
		spoils(208, 80, true);
		spoils(192, 240, true);
		spoils(200, 208, true);
		spoils(200, 200, false);
		spoils(104, 40, false); /* an end before what there is */
	}
	make_whole(false, 600);
	cr_expect_null(give(400, 208, false, 1)); /* two ends */
	cr_expect_null(give(400, 200, false, 1));
	cr_expect_eq(reassembly_held(reassembly), 0);
	cr_expect_null(give(400, 40, false, 2)); /* past the end */
	cr_expect_null(give(440, 40, true, 2));
	cr_expect_eq(reassembly_held(reassembly), 0);
}

Test(fragment, waits_so_long_and_no_longer)
{
	make_whole(false, 400);
	cr_expect_null(give(0, 200, true, 1));
	world.now_ns += SECOND - 1;
	reassembly_expire(reassembly, world.now_ns);
	cr_expect_eq(reassembly_held(reassembly), 1);
	world.now_ns += 1;
	reassembly_expire(reassembly, world.now_ns);
	cr_expect_eq(reassembly_held(reassembly), 0);
	cr_expect_eq(world.drops.count[DROP_FRAGMENT], 1);
	cr_expect_null(give(200, 208, false, 1));
}

Test(fragment, the_table_is_bounded)
{
	make_whole(false, 800);
	for (uint32_t id = 0; id < 10; id++) /* room for 4: the oldest make way */
		cr_expect_null(give(0, 200, true, id));
	cr_expect_eq(reassembly_held(reassembly), 4);
	cr_expect_eq(world.drops.count[DROP_FRAGMENT], 6);
	cr_expect_null(give(200, 608, false, 5));
	is_text(give(200, 608, false, 9), 800);
	for (uint32_t i = 0; i < 200; i++) /* room for 100 packets */
		cr_expect_null(give(8 * (i + 3), 8, true, 20 + i / 60));
	cr_expect_leq(reassembly_held(reassembly), 100);
}

Test(fragment, one_packet_where_it_fits)
{
	struct rte_mbuf *m;

	make_whole(false, 1600);
	cr_expect_null(give(0, 1000, true, 1));
	m = give(1000, 608, false, 1);
	cr_assert_not_null(m);
	cr_expect_eq(m->nb_segs, 1);
	is_text(m, 1600);
	make_whole(false, 3000);
	cr_expect_null(give(0, 1504, true, 2));
	m = give(1504, 1504, false, 2);
	cr_assert_not_null(m);
	cr_expect_eq(m->nb_segs, 2);
	is_text(m, 3000);
}

Test(fragment, the_checksum_is_over_the_whole)
{
	struct rte_mbuf *m;

	make_whole(false, 3000);
	whole.bytes[2900] ^= 1;
	cr_expect_null(give(0, 1504, true, 1));
	m = give(1504, 1504, false, 1);
	cr_assert_not_null(m);
	classify_datagram(&world.classify, m, &world.walk);
	cr_expect_eq(world.drops.count[DROP_UDP_CSUM], 1);
	/* A UDP length that is not the datagram's. */
	make_whole(false, 800);
	whole.bytes[39] += 1;
	cr_expect_null(give(0, 400, true, 2));
	m = give(400, 408, false, 2);
	cr_assert_not_null(m);
	classify_datagram(&world.classify, m, &world.walk);
	cr_expect_eq(world.drops.count[DROP_TRUNCATED], 1);
}

Test(fragment, every_worker_names_the_same_owner)
{
	unsigned seen[4] = {0};

	make_whole(true, 1000);
	for (uint32_t id = 0; id < 400; id++) {
		unsigned owner[2];

		for (unsigned i = 0; i < 2; i++) {
			struct rte_mbuf *m;

			frame_fragment(&frame, &whole, i * 400, 400, true, id);
			cr_assert_eq(world_classify(&world, 0, &frame, &m), STAGE_FRAG);
			owner[i] = fragment_owner(fragment_of(m), 4);
			rte_pktmbuf_free(m);
		}
		cr_assert_eq(owner[0], owner[1]);
		cr_assert_lt(owner[0], 4);
		seen[owner[0]]++;
	}
	for (unsigned i = 0; i < 4; i++)
		cr_expect_gt(seen[i], 50, "worker %u of 4 owns %u of 400", i, seen[i]);
}

/* --- out --- */

static struct rte_mbuf *payload(uint32_t len, uint32_t each)
{
	struct rte_mbuf *head = NULL;

	for (uint32_t at = 0; at < len || !head; at += each) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(world.pools[0]);
		uint32_t part = len - at < each ? len - at : each;

		cr_assert_not_null(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)part), text + at, part);
		if (head)
			cr_assert_eq(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	return head;
}

static void send_text(bool ip6, uint32_t len, uint32_t each)
{
	struct tx_flow flow = {
		.realm = 0,
		.family = ip6 ? NET_IP6 : NET_IP4,
		.dscp = 24,
		.src = endpoint(ip6 ? "[fd99:1::1]:5060" : "10.99.1.1:5060"),
		.dst = endpoint(ip6 ? "[fd99:1::2]:5070" : "10.99.1.2:5070"),
	};

	tx_udp(world.tx, payload(len, each), &flow, TX_SUM_UNKNOWN);
	tx_flush(world.tx);
}

/* What was sent, received by a limen of the other side: addresses are swapped so that our classify
 * takes it. */
static void comes_back(bool ip6, uint32_t len, unsigned want_frames)
{
	struct rte_mbuf *m = NULL;
	unsigned n = 0;

	while (world_sent(&world, 0, 0, &frame)) {
		uint8_t ports[4];
		struct frame back = frame;
		unsigned head = ip6 ? 54 + (want_frames > 1 ? 8 : 0) : 34;

		cr_assert_null(m, "nothing comes behind the last");
		cr_expect_leq(frame.len, 1514);
		cr_expect_eq(memcmp(frame.bytes, peer_mac, 6), 0);
		memcpy(back.bytes, limen_mac[0], 6);
		if (ip6) {
			cr_expect_eq(frame.bytes[14], 0x66, "DSCP 24");
			cr_expect_eq(frame_ip6(&frame)->hop_limits, 64);
			memcpy(frame_ip6(&back)->src_addr, frame_ip6(&frame)->dst_addr, 16);
			memcpy(frame_ip6(&back)->dst_addr, frame_ip6(&frame)->src_addr, 16);
		} else {
			cr_expect_eq(frame_ip4(&frame)->type_of_service, 24 << 2);
			cr_expect_eq(frame_ip4(&frame)->time_to_live, 64);
			cr_expect_eq(frame_ip4(&frame)->fragment_offset & rte_cpu_to_be_16(0x4000),
				     0, "DF is off");
			frame_ip4(&back)->src_addr = frame_ip4(&frame)->dst_addr;
			frame_ip4(&back)->dst_addr = frame_ip4(&frame)->src_addr;
		}
		if (n++ == 0) {
			memcpy(ports, back.bytes + head, 4);
			memcpy(back.bytes + head, ports + 2, 2);
			memcpy(back.bytes + head + 2, ports, 2);
		}
		if (want_frames == 1) {
			cr_assert_eq(world_classify(&world, 0, &back, &m), STAGE_SIP);
			cr_expect_eq(pkt_of(m)->payload_len, len);
			rte_pktmbuf_free(m);
			return;
		}
		m = take(&back);
	}
	cr_expect_eq(n, want_frames, "%u bytes in %u frames", len, n);
	is_text(m, len);
}

Test(fragment, what_is_sent_in_parts_arrives_whole)
{
	world_meet(&world, 0, "10.99.1.2", peer_mac);
	world_meet(&world, 0, "fd99:1::2", peer_mac);
	/* The last that fits, the first that does not. 1480 and 1448 bytes a fragment. */
	send_text(false, 1472, 1472);
	comes_back(false, 1472, 1);
	send_text(false, 1473, 1473);
	comes_back(false, 1473, 2);
	send_text(true, 1452, 1452);
	comes_back(true, 1452, 1);
	send_text(true, 1453, 1453);
	comes_back(true, 1453, 2);
	/* Exact multiples, and odd segments. */
	send_text(false, 2 * 1480 - 8, 1600);
	comes_back(false, 2 * 1480 - 8, 2);
	send_text(true, 3 * 1448 - 8, 777);
	comes_back(true, 3 * 1448 - 8, 3);
	send_text(false, 9001, 333);
	comes_back(false, 9001, 7);
	/* The largest there are. */
	send_text(false, 65507, 2000);
	comes_back(false, 65507, 45);
	send_text(true, 65527, 1999);
	comes_back(true, 65527, 46);
	cr_expect_eq(world_drops(&world.drops), 0);
}

Test(fragment, what_is_too_large_is_dropped)
{
	world_meet(&world, 0, "10.99.1.2", peer_mac);
	send_text(false, 65508, 2000);
	cr_expect_eq(world.drops.count[DROP_TX_SIZE], 1);
	cr_expect_not(world_sent(&world, 0, 0, &frame));
}

Test(fragment, all_or_nothing_without_packets)
{
	struct rte_mbuf *m = payload(60000, 2000), *hoard[WORLD_MBUFS];
	struct tx_flow flow = {.family = NET_IP4,
			       .src = endpoint("10.99.1.1:5060"),
			       .dst = endpoint("10.99.1.2:5070")};
	unsigned n = 0;

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	while (n < WORLD_MBUFS && (hoard[n] = rte_pktmbuf_alloc(world.pools[0])))
		n++;
	for (unsigned i = 0; i < 20; i++)
		rte_pktmbuf_free(hoard[--n]);
	tx_udp(world.tx, m, &flow, TX_SUM_UNKNOWN);
	tx_flush(world.tx);
	cr_expect_eq(world.drops.count[DROP_NO_MBUF], 1);
	cr_expect_not(world_sent(&world, 0, 0, &frame));
	while (n)
		rte_pktmbuf_free(hoard[--n]);
}

Test(fragment, identifications_differ)
{
	uint16_t last = 0;

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	for (unsigned i = 0; i < 20; i++) {
		uint16_t id = 0;

		send_text(false, 2000, 2000);
		while (world_sent(&world, 0, 0, &frame)) {
			cr_expect(id == 0 || id == frame_ip4(&frame)->packet_id,
				  "one datagram, one number");
			id = frame_ip4(&frame)->packet_id;
		}
		cr_expect_neq(id, last);
		last = id;
	}
}
