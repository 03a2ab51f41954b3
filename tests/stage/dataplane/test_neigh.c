/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbour state machine: time is given in, the link is the test's. */
#include "../stage_world.h"

#include "dataplane/io/neigh_frame.h"

#include <criterion/criterion.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring_elem.h>

#define SECOND 1000000000ull

static struct world world;
static struct frame frame;

static void setup(void)
{
	world_open(&world, 1, 1500);
	cr_assert_eq(rte_rcu_qsbr_thread_register(world.quiet, 0), 0);
	rte_rcu_qsbr_thread_online(world.quiet, 0);
}

static void teardown(void)
{
	world_close(&world);
}

TestSuite(neigh, .init = setup, .fini = teardown);

/* One packet for that destination; `tag` is its payload. */
static void send_tagged(struct tx_flow *flow, const char *dst, char tag)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.pools[0]);
	struct net_endpoint to = endpoint(dst);

	if (!net_endpoint_eq(&flow->dst, &to))
		flow->neigh = 0;
	flow->family = to.family;
	flow->src = endpoint(to.family == NET_IP6 ? "[fd99:1::1]:5060" : "10.99.1.1:5060");
	flow->dst = to;
	*rte_pktmbuf_append(m, 1) = tag;
	tx_udp(world.tx, m, flow, TX_SUM_UNKNOWN);
	tx_flush(world.tx);
	rte_rcu_qsbr_quiescent(world.quiet, 0);
}

static void answer(const char *ip, const uint8_t *mac, enum neigh_heard_kind kind, bool keep)
{
	struct neigh_heard heard = {.kind = (uint8_t)kind, .has_mac = mac != NULL, .keep = keep};

	heard.ip = address(ip, &heard.family);
	if (mac)
		memcpy(heard.mac, mac, 6);
	cr_assert_eq(
		rte_ring_enqueue_elem(neigh_worker(world.neigh, 0)->heard, &heard, sizeof(heard)),
		0);
}

static void pass(double seconds)
{
	for (unsigned i = 0; i < seconds * 10; i++) {
		rte_rcu_qsbr_quiescent(world.quiet, 0);
		world_main(&world, SECOND / 10);
	}
}

/* The next frame sent is an ARP question for `ip`, to that MAC (NULL: all). */
static void asks_at(const char *ip, const uint8_t *to, int line)
{
	static const uint8_t all[] = {255, 255, 255, 255, 255, 255};
	const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(frame.bytes + 14);
	uint8_t family;
	struct net_addr target = address(ip, &family);

	cr_assert(world_sent(&world, 0, 0, &frame), "line %d: nothing is asked", line);
	cr_expect_eq(memcmp(frame.bytes, to ? to : all, 6), 0, "line %d", line);
	cr_expect_eq(memcmp(frame.bytes + 6, limen_mac[0], 6), 0, "line %d", line);
	cr_assert_eq(frame.bytes[12] << 8 | frame.bytes[13], RTE_ETHER_TYPE_ARP, "line %d", line);
	cr_expect_eq(arp->arp_opcode, rte_cpu_to_be_16(RTE_ARP_OP_REQUEST), "line %d", line);
	cr_expect_eq(memcmp(&arp->arp_data.arp_tip, target.ip, 4), 0, "line %d", line);
	cr_expect_eq(memcmp(&arp->arp_data.arp_sha, limen_mac[0], 6), 0, "line %d", line);
}
#define asks(ip, to) asks_at(ip, to, __LINE__)

/* The next frame sent is the tagged packet, to that MAC. */
static void goes_at(char tag, const uint8_t *mac, int line)
{
	cr_assert(world_sent(&world, 0, 0, &frame), "line %d: nothing is sent", line);
	cr_expect_eq(memcmp(frame.bytes, mac, 6), 0, "line %d: wrong MAC", line);
	cr_expect_eq(frame.bytes[frame.len - 1], tag, "line %d: %c", line,
		     frame.bytes[frame.len - 1]);
}
#define goes(tag, mac) goes_at(tag, mac, __LINE__)

static void nothing_at(int line)
{
	cr_expect_not(world_sent(&world, 0, 0, &frame), "line %d: a frame of %u bytes", line,
		      frame.len);
}
#define nothing() nothing_at(__LINE__)

static struct neigh_stats stats(void)
{
	struct neigh_stats s;

	neigh_stats(world.neigh, &s);
	return s;
}

Test(neigh, packets_wait_for_the_answer_in_order)
{
	struct tx_flow flow = {0};

	send_tagged(&flow, "10.99.1.2:5070", 'a');
	send_tagged(&flow, "10.99.1.2:5070", 'b');
	nothing();
	world_main(&world, 0);
	asks("10.99.1.2", NULL);
	nothing();
	cr_expect_eq(stats().parked, 2);
	cr_expect(neigh_is_busy(world.neigh));
	send_tagged(&flow, "10.99.1.2:5070", 'c');
	answer("10.99.1.2", peer_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	goes('a', peer_mac);
	goes('b', peer_mac);
	goes('c', peer_mac); /* met its neighbour on the way to main */
	send_tagged(&flow, "10.99.1.2:5070", 'd');
	goes('d', peer_mac);
	cr_expect_neq(flow.neigh, 0);
	cr_expect_eq(stats().parked, 0);
	cr_expect_eq(stats().resolved, 1);
	cr_expect_eq(world_drops(&world.drops) + world_drops(&world.main_drops), 0);
	cr_expect_not(neigh_is_busy(world.neigh));
}

Test(neigh, asks_three_times_and_gives_up)
{
	struct tx_flow flow = {0};

	send_tagged(&flow, "10.99.1.2:5070", 'a');
	for (unsigned i = 0; i < 3; i++) {
		world_main(&world, i ? SECOND : 0);
		asks("10.99.1.2", NULL);
		world_main(&world, SECOND / 2 - 1);
		nothing();
		world.now_ns -= SECOND / 2 - 1;
	}
	world_main(&world, SECOND);
	nothing();
	cr_expect_eq(world.main_drops.count[DROP_NEIGH_FAILED], 1);
	cr_expect_eq(stats().failed, 1);
	cr_expect_eq(stats().unreachable, 1);
	send_tagged(&flow, "10.99.1.2:5070", 'b');
	cr_expect_eq(world.drops.count[DROP_NEIGH_FAILED], 1, "dropped at once");
	/* A packet that met it is reason to ask again, after a pause; the next one waits for the
	 * answer. */
	pass(1.3);
	asks("10.99.1.2", NULL);
	send_tagged(&flow, "10.99.1.2:5070", 'c');
	world_main(&world, 0);
	answer("10.99.1.2", peer_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	goes('c', peer_mac);
	send_tagged(&flow, "10.99.1.2:5070", 'd');
	goes('d', peer_mac);
}

Test(neigh, a_failed_one_that_nobody_needs_is_forgotten)
{
	struct tx_flow flow = {0};

	send_tagged(&flow, "10.99.1.2:5070", 'a');
	pass(5);
	while (world_sent(&world, 0, 0, &frame))
		;
	cr_expect_eq(stats().unreachable, 1);
	pass(40);
	nothing();
	cr_expect_eq(stats().unreachable, 0);
	/* And begins anew. */
	send_tagged(&flow, "10.99.1.2:5070", 'b');
	world_main(&world, 0);
	asks("10.99.1.2", NULL);
}

Test(neigh, in_use_it_is_probed_and_stays)
{
	struct tx_flow flow = {0};

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	for (unsigned i = 0; i < 29; i++) {
		send_tagged(&flow, "10.99.1.2:5070", 'a');
		goes('a', peer_mac);
		pass(1);
	}
	nothing();
	for (unsigned i = 0; i < 3 && !stats().probes; i++) {
		send_tagged(&flow, "10.99.1.2:5070", 'a');
		goes('a', peer_mac);
		pass(1);
	}
	asks("10.99.1.2", peer_mac);
	send_tagged(&flow, "10.99.1.2:5070", 'b'); /* meanwhile packets go on */
	goes('b', peer_mac);
	answer("10.99.1.2", peer_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	cr_expect_eq(stats().reachable, 1);
	pass(10);
	nothing();
}

Test(neigh, unused_it_goes_stale_and_is_forgotten)
{
	struct tx_flow flow = {0};

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	pass(33);
	nothing();
	cr_expect_eq(stats().stale, 1);
	send_tagged(&flow, "10.99.1.2:5070",
		    'a'); /* stale is good enough to send, and a reason to probe */
	goes('a', peer_mac);
	pass(0.3);
	asks("10.99.1.2", peer_mac);
	answer("10.99.1.2", NULL, NEIGH_HEARD_ANSWER,
	       true); /* an advertisement without its MAC confirms */
	world_main(&world, 0);
	cr_expect_eq(stats().reachable, 1);
	pass(700);
	nothing();
	cr_expect_eq(stats().reachable + stats().stale, 0);
	send_tagged(&flow, "10.99.1.2:5070", 'b'); /* the flow's note of it is worth nothing now */
	nothing();
	world_main(&world, 0);
	asks("10.99.1.2", NULL);
}

Test(neigh, a_probe_without_answer_asks_everybody)
{
	struct tx_flow flow = {0};

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	pass(33);
	send_tagged(&flow, "10.99.1.2:5070", 'a');
	goes('a', peer_mac);
	pass(0.3);
	asks("10.99.1.2", peer_mac);
	pass(2.1);
	asks("10.99.1.2", peer_mac);
	asks("10.99.1.2", peer_mac);
	nothing();
	pass(1);
	asks("10.99.1.2", NULL);
	send_tagged(&flow, "10.99.1.2:5070", 'b'); /* now they wait */
	nothing();
	world_main(&world, 0);
	answer("10.99.1.2", other_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	goes('b', other_mac);
}

Test(neigh, strangers_are_not_learned)
{
	struct tx_flow flow = {0};

	answer("10.99.1.2", other_mac, NEIGH_HEARD_ANSWER, false);
	answer("10.99.1.2", other_mac, NEIGH_HEARD_ASK, false);
	world_main(&world, 0);
	cr_expect_eq(stats().unasked, 2);
	cr_expect_eq(stats().reachable + stats().stale + stats().incomplete, 0);
	send_tagged(&flow, "10.99.1.2:5070", 'a');
	world_main(&world, 0);
	asks("10.99.1.2", NULL);
}

Test(neigh, another_mac_is_asked_about_not_believed)
{
	struct tx_flow flow = {0};

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	answer("10.99.1.2", other_mac, NEIGH_HEARD_ANSWER,
	       true); /* does not even claim to override */
	world_main(&world, 0);
	nothing();
	answer("10.99.1.2", other_mac, NEIGH_HEARD_ANSWER,
	       false); /* gratuitous: a fail-over, or an attack */
	world_main(&world, 0);
	asks("10.99.1.2", NULL);
	answer("10.99.1.2", other_mac, NEIGH_HEARD_ANSWER, true); /* nor is that an answer */
	world_main(&world, 0);
	send_tagged(&flow, "10.99.1.2:5070", 'a');
	goes('a', peer_mac);
	answer("10.99.1.2", peer_mac, NEIGH_HEARD_ANSWER, false); /* the true owner is there */
	world_main(&world, 0);
	send_tagged(&flow, "10.99.1.2:5070", 'b');
	goes('b', peer_mac);
	cr_expect_eq(stats().moved, 0);
	answer("10.99.1.2", other_mac, NEIGH_HEARD_ASK, false);
	world_main(&world, 0);
	asks("10.99.1.2", NULL);
	answer("10.99.1.2", other_mac, NEIGH_HEARD_ANSWER, false); /* the true owner is gone */
	world_main(&world, 0);
	send_tagged(&flow, "10.99.1.2:5070", 'c');
	goes('c', other_mac);
	cr_expect_eq(stats().moved, 1);
}

Test(neigh, its_own_question_tells_its_mac)
{
	struct tx_flow flow = {0};

	send_tagged(&flow, "10.99.1.2:5070", 'a');
	world_main(&world, 0);
	asks("10.99.1.2", NULL);
	answer("10.99.1.2", peer_mac, NEIGH_HEARD_ASK, false);
	world_main(&world, 0);
	goes('a', peer_mac);
	cr_expect_eq(stats().stale, 1, "to be confirmed");
	pass(1.2);
	nothing(); /* not before it is used again */
	send_tagged(&flow, "10.99.1.2:5070", 'b');
	goes('b', peer_mac);
	pass(1.2);
	asks("10.99.1.2", peer_mac);
}

Test(neigh, a_failed_one_that_comes_back_is_used)
{
	struct tx_flow flow = {0};

	send_tagged(&flow, "10.99.1.2:5070", 'a');
	pass(5);
	while (world_sent(&world, 0, 0, &frame))
		;
	answer("10.99.1.2", peer_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	send_tagged(&flow, "10.99.1.2:5070", 'b');
	goes('b', peer_mac);
}

Test(neigh, far_destinations_go_by_the_gateway)
{
	struct tx_flow far = {0}, farther = {0}, none = {.realm = 1};

	send_tagged(&far, "192.0.2.7:5070", 'a');
	world_main(&world, 0);
	asks("10.99.1.254", NULL);
	send_tagged(&farther, "203.0.113.7:5070", 'b');
	answer("10.99.1.254", other_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	goes('a', other_mac);
	goes('b', other_mac);
	send_tagged(&none, "192.0.2.7:5070", 'c'); /* realm 1 has none */
	cr_expect_eq(world.drops.count[DROP_NO_ROUTE], 1);
	send_tagged(&far, "224.0.0.5:5070", 'd');
	send_tagged(&far, "10.99.1.255:5070", 'd');
	send_tagged(&far, "255.255.255.255:5070", 'd');
	send_tagged(&far, "0.0.0.0:5070", 'd');
	send_tagged(&far, "[ff02::1]:5070", 'd');
	cr_expect_eq(world.drops.count[DROP_NO_ROUTE], 6, "neither groups nor everybody");
}

Test(neigh, discovery_asks_the_group_then_the_neighbour)
{
	const struct nd_frame *nd = (const struct nd_frame *)frame.bytes;
	static const uint8_t group_mac[] = {0x33, 0x33, 0xff, 0x22, 0x33, 0x44};
	struct tx_flow flow = {0};
	uint8_t family;
	struct net_addr group = address("ff02::1:ff22:3344", &family),
			ours = address("fd99:1::1", &family),
			target = address("fd99:1::1122:3344", &family);

	send_tagged(&flow, "[fd99:1::1122:3344]:5070", 'a');
	world_main(&world, 0);
	cr_assert(world_sent(&world, 0, 0, &frame));
	cr_assert_eq(frame.len, sizeof(*nd));
	cr_expect_eq(memcmp(frame.bytes, group_mac, 6), 0);
	cr_expect_eq(memcmp(nd->ip.dst_addr, group.ip, 16), 0);
	cr_expect_eq(memcmp(nd->ip.src_addr, ours.ip, 16), 0);
	cr_expect_eq(memcmp(nd->nd.target, target.ip, 16), 0);
	cr_expect_eq(nd->nd.type, ND_SOLICIT);
	cr_expect_eq(nd->ip.hop_limits, 255);
	cr_expect_eq(nd->option.type, ND_OPT_SOURCE_MAC);
	cr_expect_eq(memcmp(nd->option.mac, limen_mac[0], 6), 0);
	answer("fd99:1::1122:3344", NULL, NEIGH_HEARD_ANSWER,
	       false); /* without its MAC: no answer to that question */
	world_main(&world, 0);
	nothing();
	answer("fd99:1::1122:3344", peer_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	goes('a', peer_mac);
	pass(33);
	send_tagged(&flow, "[fd99:1::1122:3344]:5070", 'b');
	goes('b', peer_mac);
	pass(1.2);
	cr_assert(world_sent(&world, 0, 0, &frame));
	cr_expect_eq(memcmp(frame.bytes, peer_mac, 6), 0);
	cr_expect_eq(memcmp(nd->ip.dst_addr, target.ip, 16), 0, "unicast probe");
}

Test(neigh, queues_and_table_are_bounded)
{
	struct tx_flow flow = {0};

	for (unsigned i = 0; i < 80; i++) {
		send_tagged(&flow, "10.99.1.2:5070", 'a');
		if (i % 20 == 19) {
			world_main(&world, 0);
			world_main(&world, 0);
		}
	}
	cr_expect_eq(stats().parked, 64);
	cr_expect_eq(world.main_drops.count[DROP_NEIGH_FULL], 16);
	answer("10.99.1.2", peer_mac, NEIGH_HEARD_ANSWER, false);
	world_main(&world, 0);
	cr_expect_eq(stats().parked, 0);
}

/* Made-up destinations of a whole subnet: bounded, and a neighbour known before is not hurt. */
Test(neigh, a_flood_of_destinations)
{
	struct tx_flow flow = {0}, good = {0};
	char dst[64];

	world_meet(&world, 0, "fd99:1::2", peer_mac);
	for (unsigned i = 0; i < 6000; i++) {
		snprintf(dst, sizeof(dst), "[fd99:1::%x:%x]:5070", 1 + i % 100, 1 + i);
		send_tagged(&flow, dst, 'x');
		world_main(&world, 0);
		while (world_sent(&world, 0, 0, &frame))
			;
	}
	cr_expect_eq(stats().incomplete, 4096);
	cr_expect_eq(world.main_drops.count[DROP_NEIGH_FULL], 6000 - WORLD_PARK_MAX,
		     "table, and packets parked");
	send_tagged(&good, "[fd99:1::2]:5070", 'g');
	goes('g', peer_mac);
	pass(45);
	while (world_sent(&world, 0, 0, &frame))
		;
	cr_expect_eq(stats().incomplete + stats().unreachable, 0, "%u %u", stats().incomplete,
		     stats().unreachable);
	send_tagged(&flow, "[fd99:1::9:9]:5070", 'n');
	world_main(&world, 0);
	cr_expect(world_sent(&world, 0, 0, &frame), "room again");
}

/* An entry is not given to another neighbour while a worker may still look at it. */
Test(neigh, entries_rest_until_the_workers_have_passed)
{
	struct tx_flow flow = {0}, second = {0};
	uint32_t first;

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	send_tagged(&flow, "10.99.1.2:5070", 'a');
	first = flow.neigh;
	while (stats().reachable + stats().stale) /* the worker is silent */
		world_main(&world, SECOND / 10);
	while (world_sent(&world, 0, 0, &frame))
		;
	world_meet(&world, 0, "10.99.1.3", other_mac);
	send_tagged(&second, "10.99.1.3:5070", 'b');
	goes('b', other_mac);
	cr_expect_neq(second.neigh & 0xffff, first & 0xffff, "another entry while the first rests");
	world_main(&world, 0);
	second.neigh = 0;
	world_meet(&world, 0, "10.99.1.4", other_mac); /* by now the worker has passed */
	send_tagged(&second, "10.99.1.4:5070", 'c');
	goes('c', other_mac);
	cr_expect_eq(second.neigh & 0xffff, first & 0xffff, "the entry again");
	cr_expect_neq(second.neigh, first, "in another generation");
	flow.neigh = first; /* a note of the first neighbour does not lead to the new one */
	send_tagged(&flow, "10.99.1.2:5070", 'd');
	nothing();
}

Test(neigh, announcements)
{
	const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(frame.bytes + 14);
	const struct nd_frame *nd = (const struct nd_frame *)frame.bytes;
	unsigned n[2] = {0};

	neigh_announce(world.neigh);
	world_main(&world, 0);
	for (unsigned port = 0; port < 2; port++) {
		while (world_sent(&world, port, 0, &frame)) {
			cr_expect_eq(memcmp(frame.bytes + 6, limen_mac[port], 6), 0);
			if (frame.bytes[12] == 0x86) {
				cr_expect_eq(nd->nd.type, ND_ADVERT);
				cr_expect_eq(nd->nd.flags, rte_cpu_to_be_32(ND_ADVERT_OVERRIDE));
				cr_expect_eq(memcmp(nd->nd.target, nd->ip.src_addr, 16), 0);
				n[1]++;
			} else {
				cr_expect_eq(arp->arp_data.arp_sip, arp->arp_data.arp_tip);
				n[0]++;
			}
		}
	}
	cr_expect_eq(n[0], 2);
	cr_expect_eq(n[1], 2);
}

Test(neigh, conflicts_are_told_once)
{
	struct neigh_heard claim;

	answer("10.99.1.1", other_mac, NEIGH_HEARD_CONFLICT, false);
	world_main(&world, 0);
	cr_assert(neigh_next_conflict(world.neigh, &claim));
	cr_expect_eq(memcmp(claim.mac, other_mac, 6), 0);
	cr_expect_not(neigh_next_conflict(world.neigh, &claim));
	cr_expect_eq(stats().conflicts, 1);
}
