/* SPDX-License-Identifier: BSD-3-Clause */
/* What limen answers as a machine on the link, and what it tells main of neighbours. */
#include "../stage_world.h"

#include "dataplane/io/neigh_frame.h"
#include "dataplane/local/local.h"

#include <criterion/criterion.h>
#include <rte_icmp.h>
#include <rte_ring_elem.h>

#define NODE6 "ff02::1:ff00:1" /* solicited-node group of fd99:1::1 */

static struct world world;
static struct local local;
static struct frame frame, reply;

static void setup(void)
{
	world_open(&world, 1, 1500);
	local = (struct local){
		.realms = &world.realms,
		.ports = &world.ports,
		.neigh = neigh_worker(world.neigh, 0),
		.drops = &world.drops,
	};
}

static void teardown(void)
{
	world_close(&world);
}

TestSuite(local, .init = setup, .fini = teardown);

/* Through classify and the stage; false when classify dropped it. */
static bool run(unsigned port)
{
	struct rte_mbuf *m;

	if (world_classify(&world, port, &frame, &m) != STAGE_LOCAL)
		return false;
	local_stage(&local, world.tx, &m, 1, world.now_ns);
	tx_flush(world.tx);
	return true;
}

static bool answered(void)
{
	cr_assert(run(0));
	return world_sent(&world, 0, 0, &reply);
}

static void dropped_at(enum drop_reason reason, int line)
{
	uint64_t before = world.drops.count[reason];

	run(0);
	cr_expect_eq(world.drops.count[reason], before + 1, "line %d", line);
	cr_expect_not(world_sent(&world, 0, 0, &reply), "line %d", line);
}
#define dropped(reason) dropped_at(DROP_##reason, __LINE__)

static bool heard(struct neigh_heard *what)
{
	return rte_ring_dequeue_elem(local.neigh->heard, what, sizeof(*what)) == 0;
}

static bool mac_is(const void *at, const uint8_t mac[6])
{
	return memcmp(at, mac, 6) == 0;
}

/* --- ARP --- */

Test(local, arp_request_for_us_is_answered)
{
	const struct rte_arp_hdr *arp = (const struct rte_arp_hdr *)(reply.bytes + 14);
	struct neigh_heard what;
	uint8_t family;
	struct net_addr ours = address("10.99.1.1", &family),
			theirs = address("10.99.1.2", &family);

	frame_arp(&frame, RTE_ARP_OP_REQUEST, peer_mac, "10.99.1.2", NULL, "10.99.1.1");
	cr_assert(answered());
	cr_expect_eq(reply.len, 42);
	cr_expect(mac_is(reply.bytes, peer_mac) && mac_is(reply.bytes + 6, limen_mac[0]));
	cr_expect_eq(arp->arp_opcode, rte_cpu_to_be_16(RTE_ARP_OP_REPLY));
	cr_expect(mac_is(&arp->arp_data.arp_sha, limen_mac[0]) &&
		  mac_is(&arp->arp_data.arp_tha, peer_mac));
	cr_expect_eq(memcmp(&arp->arp_data.arp_sip, ours.ip, 4), 0);
	cr_expect_eq(memcmp(&arp->arp_data.arp_tip, theirs.ip, 4), 0);
	cr_expect_not(heard(&what), "strangers are not told to main");
	/* A unicast probe, and one of duplicate address detection. */
	memcpy(frame.bytes, limen_mac[0], 6);
	cr_expect(answered());
	frame_arp(&frame, RTE_ARP_OP_REQUEST, peer_mac, "0.0.0.0", NULL, "10.99.1.1");
	cr_expect(answered());
	cr_expect_eq(local.arp_answered, 3);
}

Test(local, arp_of_neighbours_we_know_goes_to_main)
{
	struct neigh_heard what;

	world_meet(&world, 0, "10.99.1.2", peer_mac);
	frame_arp(&frame, RTE_ARP_OP_REQUEST, other_mac, "10.99.1.2", NULL, "10.99.1.1");
	cr_expect(answered());
	cr_assert(heard(&what));
	cr_expect_eq(what.kind, NEIGH_HEARD_ASK);
	cr_expect(what.has_mac && mac_is(what.mac, other_mac) && what.realm == 0);
	frame_arp(&frame, RTE_ARP_OP_REPLY, peer_mac, "10.99.1.2", limen_mac[0], "10.99.1.1");
	cr_expect_not(answered());
	cr_assert(heard(&what));
	cr_expect_eq(what.kind, NEIGH_HEARD_ANSWER);
	/* Announcement: for its own address. */
	frame_arp(&frame, RTE_ARP_OP_REQUEST, other_mac, "10.99.1.2", NULL, "10.99.1.2");
	cr_expect_not(answered());
	cr_assert(heard(&what));
	cr_expect_eq(what.kind, NEIGH_HEARD_ANSWER);
	cr_expect_eq(world_drops(&world.drops), 0);
	/* Announcement of a stranger: nothing. */
	frame_arp(&frame, RTE_ARP_OP_REQUEST, other_mac, "10.99.1.9", NULL, "10.99.1.9");
	cr_expect_not(answered());
	cr_expect_not(heard(&what));
}

Test(local, arp_claim_to_our_address)
{
	struct neigh_heard what;

	frame_arp(&frame, RTE_ARP_OP_REQUEST, other_mac, "10.99.1.1", NULL, "10.99.1.1");
	dropped(IP_SRC);
	cr_assert(heard(&what));
	cr_expect_eq(what.kind, NEIGH_HEARD_CONFLICT);
	cr_expect_eq(what.realm, 0);
	frame_arp(&frame, RTE_ARP_OP_REQUEST, limen_mac[0], "10.99.1.1", NULL,
		  "10.99.1.1"); /* our own, come round */
	dropped(IP_SRC);
	cr_expect_not(heard(&what));
}

Test(local, arp_refused)
{
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(frame.bytes + 14);

	frame_arp(&frame, RTE_ARP_OP_REQUEST, peer_mac, "10.99.1.2", NULL, "10.99.1.7");
	dropped(IP_DST);
	for (unsigned i = 0; i < 7; i++) {
		frame_arp(&frame, RTE_ARP_OP_REQUEST, peer_mac, "10.99.1.2", NULL, "10.99.1.1");
		if (i == 0)
			arp->arp_hardware = rte_cpu_to_be_16(6);
		else if (i == 1)
			arp->arp_protocol = rte_cpu_to_be_16(0x86dd);
		else if (i == 2)
			arp->arp_hlen = 8;
		else if (i == 3)
			arp->arp_plen = 16;
		else if (i == 4)
			arp->arp_opcode = rte_cpu_to_be_16(3);
		else if (i == 5)
			arp->arp_data.arp_sha.addr_bytes[0] |= 1;
		else
			frame.len = 41;
		dropped(ARP_INVALID);
	}
	memset(&arp->arp_data.arp_sha, 0, 6);
	frame.len = 60;
	dropped(ARP_INVALID);
}

/* --- neighbour discovery --- */

static void is_advert(const char *to, uint32_t flags)
{
	const struct nd_frame *got = (const struct nd_frame *)reply.bytes;
	uint8_t family;
	struct net_addr ours = address("fd99:1::1", &family), dst = address(to, &family);

	cr_assert_eq(reply.len, sizeof(*got));
	cr_expect(mac_is(reply.bytes + 6, limen_mac[0]));
	cr_expect_eq(got->ip.hop_limits, 255);
	cr_expect_eq(memcmp(got->ip.src_addr, ours.ip, 16), 0);
	cr_expect_eq(memcmp(got->ip.dst_addr, dst.ip, 16), 0);
	cr_expect_eq(got->nd.type, ND_ADVERT);
	cr_expect_eq(got->nd.flags, rte_cpu_to_be_32(flags));
	cr_expect_eq(memcmp(got->nd.target, ours.ip, 16), 0);
	cr_expect_eq(got->option.type, ND_OPT_TARGET_MAC);
	cr_expect_eq(got->option.len, 1);
	cr_expect(mac_is(got->option.mac, limen_mac[0]));
}

Test(local, solicitation_for_us_is_answered)
{
	static const uint8_t all_nodes_mac[] = {0x33, 0x33, 0, 0, 0, 1};
	struct neigh_heard what;

	frame_nd(&frame, ND_SOLICIT, 0, "fd99:1::2", NODE6, "fd99:1::1", ND_OPT_SOURCE_MAC,
		 other_mac);
	cr_assert(answered());
	is_advert("fd99:1::2", ND_ADVERT_SOLICITED | ND_ADVERT_OVERRIDE);
	cr_expect(mac_is(reply.bytes, other_mac), "to the MAC it names");
	cr_expect_not(heard(&what));
	/* Unicast probe, without an option: to the MAC it came from; from a link-local address. */
	frame_nd(&frame, ND_SOLICIT, 0, "fe80::2", "fd99:1::1", "fd99:1::1", 0, NULL);
	cr_assert(answered());
	is_advert("fe80::2", ND_ADVERT_SOLICITED | ND_ADVERT_OVERRIDE);
	cr_expect(mac_is(reply.bytes, peer_mac));
	/* Duplicate address detection: everybody shall hear. */
	frame_nd(&frame, ND_SOLICIT, 0, "::", NODE6, "fd99:1::1", 0, NULL);
	cr_assert(answered());
	is_advert("ff02::1", ND_ADVERT_OVERRIDE);
	cr_expect(mac_is(reply.bytes, all_nodes_mac));
	cr_expect_eq(local.nd_answered, 3);
}

Test(local, discovery_of_neighbours_we_know_goes_to_main)
{
	struct neigh_heard what;

	world_meet(&world, 0, "fd99:1::2", peer_mac);
	frame_nd(&frame, ND_SOLICIT, 0, "fd99:1::2", NODE6, "fd99:1::1", ND_OPT_SOURCE_MAC,
		 other_mac);
	cr_expect(answered());
	cr_assert(heard(&what));
	cr_expect_eq(what.kind, NEIGH_HEARD_ASK);
	cr_expect(what.has_mac && mac_is(what.mac, other_mac));
	frame_nd(&frame, ND_ADVERT, ND_ADVERT_SOLICITED, "fd99:1::2", "fd99:1::1", "fd99:1::2", 0,
		 NULL);
	cr_expect_not(answered());
	cr_assert(heard(&what));
	cr_expect_eq(what.kind, NEIGH_HEARD_ANSWER);
	cr_expect(!what.has_mac && what.keep);
	/* To all nodes: in whichever realm of the port it is known. */
	frame_nd(&frame, ND_ADVERT, ND_ADVERT_OVERRIDE, "fd99:1::2", "ff02::1", "fd99:1::2",
		 ND_OPT_TARGET_MAC, other_mac);
	cr_expect_not(answered());
	cr_assert(heard(&what));
	cr_expect(what.has_mac && !what.keep && what.realm == 0);
	frame_nd(&frame, ND_ADVERT, 0, "fd99:1::9", "ff02::1", "fd99:1::9", ND_OPT_TARGET_MAC,
		 other_mac);
	cr_expect_not(answered());
	cr_expect_not(heard(&what), "a stranger's");
	cr_expect_eq(world_drops(&world.drops), 0);
	/* A claim to our address. */
	frame_nd(&frame, ND_ADVERT, ND_ADVERT_OVERRIDE, "fd99:1::1", "ff02::1", "fd99:1::1",
		 ND_OPT_TARGET_MAC, other_mac);
	cr_expect_not(answered());
	cr_assert(heard(&what));
	cr_expect_eq(what.kind, NEIGH_HEARD_CONFLICT);
}

Test(local, discovery_refused)
{
	struct nd_frame *nd = (struct nd_frame *)frame.bytes;

	for (unsigned i = 0; i < 9; i++) {
		frame_nd(&frame, ND_SOLICIT, 0, "fd99:1::2", NODE6, "fd99:1::1", ND_OPT_SOURCE_MAC,
			 peer_mac);
		if (i == 0)
			nd->ip.hop_limits = 254;
		else if (i == 1)
			nd->nd.code = 1;
		else if (i == 2)
			nd->option.len = 0;
		else if (i == 3)
			nd->option.len = 2;
		else if (i == 4)
			nd->option.mac[0] |= 1;
		else if (i == 5)
			frame_nd(&frame, ND_SOLICIT, 0, "::", NODE6, "fd99:1::1", ND_OPT_SOURCE_MAC,
				 peer_mac);
		else if (i == 6)
			frame_nd(&frame, ND_SOLICIT, 0, "fd99:1::2", "ff02::1:ff00:2", "fd99:1::1",
				 0, NULL);
		else if (i == 7)
			frame_nd(&frame, ND_ADVERT, ND_ADVERT_SOLICITED, "fd99:1::2", "ff02::1",
				 "fd99:1::2", 0, NULL);
		else
			nd->nd.target[0] = 0xff;
		frame_seal(&frame);
		dropped(ARP_INVALID);
	}
	frame_nd(&frame, ND_SOLICIT, 0, "fd99:1::2", NODE6, "fd99:1::1", ND_OPT_SOURCE_MAC,
		 peer_mac);
	nd->nd.csum ^= 1;
	dropped(ARP_INVALID);
	frame_nd(&frame, ND_SOLICIT, 0, "fd99:1::2", NODE6, "fd99:1:ff::1", 0,
		 NULL); /* same group, not us */
	dropped(IP_DST);
	/* Half a message. */
	frame_ip(&frame, "fd99:1::2", "fd99:1::1", IPPROTO_ICMPV6, "\207\0\0\0\0\0\0\0\0\0", 10);
	frame_ip6(&frame)->hop_limits = 255;
	dropped(ARP_INVALID);
	frame_ip(&frame, "fd99:1::2", "fd99:1::1", IPPROTO_ICMPV6, "\207\0\0\0", 4);
	dropped(TRUNCATED);
}

/* --- echo --- */

static void echo4(void)
{
	frame_ip(&frame, "10.99.1.2", "10.99.1.1", IPPROTO_ICMP, "\10\0\0\0\1\2\3\4payload", 15);
}

static void echo6(void)
{
	frame_ip(&frame, "fd99:1::2", "fd99:1::1", IPPROTO_ICMPV6, "\200\0\0\0\1\2\3\4payload", 15);
}

Test(local, echo_is_answered)
{
	echo4();
	frame.len = 60; /* padded */
	cr_assert(answered());
	cr_expect_eq(reply.len, 14 + 20 + 15);
	cr_expect(mac_is(reply.bytes, peer_mac) && mac_is(reply.bytes + 6, limen_mac[0]));
	cr_expect_eq(frame_ip4(&reply)->src_addr, frame_ip4(&frame)->dst_addr);
	cr_expect_eq(frame_ip4(&reply)->dst_addr, frame_ip4(&frame)->src_addr);
	cr_expect_eq(frame_ip4(&reply)->time_to_live, 64);
	cr_expect_eq(reply.bytes[34], 0, "echo reply");
	cr_expect_eq(memcmp(reply.bytes + 38, "\1\2\3\4payload", 11), 0);
	echo6();
	cr_assert(answered());
	cr_expect_eq(reply.len, 14 + 40 + 15);
	cr_expect_eq(reply.bytes[54], 129);
	cr_expect_eq(memcmp(frame_ip6(&reply)->src_addr, frame_ip6(&frame)->dst_addr, 16), 0);
	cr_expect_eq(memcmp(frame_ip6(&reply)->dst_addr, frame_ip6(&frame)->src_addr, 16), 0);
	cr_expect_eq(frame_ip6(&reply)->hop_limits, 64);
	cr_expect_eq(memcmp(reply.bytes + 58, "\1\2\3\4payload", 11), 0);
	cr_expect_eq(local.echo_answered, 2);
}

Test(local, echo_has_a_limit)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LOCAL_ECHO_BURST; i++) {
		if (i % 2)
			echo4();
		else
			echo6();
		n += answered();
	}
	cr_expect_eq(n, LOCAL_ECHO_BURST);
	echo4();
	dropped(ICMP_RATE);
	echo6();
	dropped(ICMP_RATE);
	world.now_ns += 1000000000 / LOCAL_ECHO_PER_S;
	echo4();
	cr_expect(answered());
	dropped(ICMP_RATE);
	world.now_ns += 60000000000; /* the bucket does not grow beyond its size */
	for (n = 0; n < LOCAL_ECHO_BURST; n++)
		cr_assert(answered());
	dropped(ICMP_RATE);
}

Test(local, icmp_refused)
{
	for (unsigned i = 0; i < 5; i++) {
		echo4();
		if (i == 0)
			frame.bytes[34] = 13; /* timestamp */
		else if (i == 1)
			frame.bytes[35] = 1;
		else if (i == 2)
			frame.bytes[34] = 0; /* a reply to nothing */
		else if (i == 3)
			frame_ip(&frame, "10.99.1.2", "10.99.1.1", IPPROTO_ICMP, "\10\0\0\0", 4);
		if (i != 4)
			frame_seal(&frame);
		else
			frame.bytes[40] ^= 1;
		dropped(ICMP_TYPE);
	}
	echo6();
	frame.bytes[54] = 134; /* router advertisement */
	frame_seal(&frame);
	dropped(ICMP_TYPE);
	echo6();
	frame.bytes[60] ^= 1;
	dropped(ICMP_TYPE);
	/* To a group: we are no sounding board. */
	frame_ip(&frame, "fd99:1::2", "ff02::1", IPPROTO_ICMPV6, "\200\0\0\0\1\2\3\4", 8);
	frame.bytes[0] = frame.bytes[1] = 0x33;
	dropped(ICMP_TYPE);
}
