/* SPDX-License-Identifier: BSD-3-Clause */
/* Classify: every way out has its packet. */
#include "../stage_world.h"

#include "../../rng.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define A4     "10.99.1.2:5070"
#define LIMEN4 "10.99.1.1:5060"
#define A6     "[fd99:1::2]:5070"
#define LIMEN6 "[fd99:1::1]:5060"

static struct world world;
static struct frame frame;

static void setup(void)
{
	world_open(&world, 1, 1500);
}

static void teardown(void)
{
	world_close(&world);
}

TestSuite(classify, .init = setup, .fini = teardown);

static void is_stage_at(unsigned port, int stage, int line)
{
	struct rte_mbuf *m;
	int got = world_classify(&world, port, &frame, &m);

	cr_expect_eq(got, stage, "line %d: stage %d, not %d (%s)", line, got, stage,
		     got < 0 && got > -1000 ? drop_name((enum drop_reason)(-1 - got)) : "a stage");
	rte_pktmbuf_free(m);
}
#define is_stage(stage) is_stage_at(0, stage, __LINE__)
#define is_drop(reason) is_stage_at(0, -1 - DROP_##reason, __LINE__)

static void sip4(void)
{
	frame_udp(&frame, A4, LIMEN4, "OPTIONS sip:x SIP/2.0\r\n\r\n", 25);
}

static void sip6(void)
{
	frame_udp(&frame, A6, LIMEN6, "OPTIONS sip:x SIP/2.0\r\n\r\n", 25);
}

Test(classify, notes_all_of_a_udp_packet)
{
	struct rte_mbuf *m;
	uint8_t family;
	struct net_addr src = address("10.99.1.2", &family), dst = address("10.99.1.1", &family);

	sip4();
	frame_ip4(&frame)->type_of_service = 0x60;
	frame_seal(&frame);
	cr_assert_eq(world_classify(&world, 0, &frame, &m), STAGE_SIP);
	cr_expect_eq(pkt_of(m)->realm, 0);
	cr_expect_eq(pkt_of(m)->port, 0);
	cr_expect_eq(pkt_of(m)->family, NET_IP4);
	cr_expect_eq(pkt_of(m)->tos, 0x60);
	cr_expect_eq(pkt_of(m)->l3_off, 14);
	cr_expect_eq(pkt_of(m)->l4_off, 34);
	cr_expect_eq(pkt_of(m)->payload_off, 42);
	cr_expect_eq(pkt_of(m)->payload_len, 25);
	cr_expect_eq(pkt_of(m)->src_port, 5070);
	cr_expect_eq(pkt_of(m)->dst_port, 5060);
	cr_expect_eq(pkt_of(m)->stage, STAGE_SIP);
	cr_expect(net_addr_eq(&pkt_of(m)->src, &src) && net_addr_eq(&pkt_of(m)->dst, &dst));
	rte_pktmbuf_free(m);
	frame_udp(&frame, "[fd99:2::2]:7", "[fd99:2::1]:20001", "12345", 5);
	frame_ip6(&frame)->vtc_flow = rte_cpu_to_be_32(6u << 28 | 0xb8u << 20 | 0x12345);
	cr_assert_eq(world_classify(&world, 1, &frame, &m), STAGE_MEDIA);
	cr_expect_eq(pkt_of(m)->realm, 1);
	cr_expect_eq(pkt_of(m)->port, 1);
	cr_expect_eq(pkt_of(m)->family, NET_IP6);
	cr_expect_eq(pkt_of(m)->tos, 0xb8);
	cr_expect_eq(pkt_of(m)->payload_off, 62);
	cr_expect_eq(pkt_of(m)->payload_len, 5);
	cr_expect_neq(pkt_of(m)->udp_csum, 0);
	rte_pktmbuf_free(m);
}

Test(classify, chooses_the_stage_by_port_and_protocol)
{
	sip4();
	is_stage(STAGE_SIP);
	sip6();
	is_stage(STAGE_SIP);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const media[] = {"10.99.1.1:20000", "10.99.1.1:20199",
						    "[fd99:1::1]:20000", "[fd99:1::1]:20199"};

		frame_udp(&frame, i < 2 ? A4 : A6, media[i], "x", 1);
		is_stage(STAGE_MEDIA);
	}
	for (unsigned i = 0; i < 3; i++) {
		static const char *const none[] = {"10.99.1.1:19999", "10.99.1.1:20200",
						   "10.99.1.1:53"};

		frame_udp(&frame, A4, none[i], "x", 1);
		is_drop(UDP_PORT);
	}
	frame_ip(&frame, A4, LIMEN4, IPPROTO_TCP, "12345678901234567890", 20);
	is_stage(STAGE_PUNT);
	frame_ip(&frame, A6, LIMEN6, IPPROTO_SCTP, "123456789012", 12);
	is_stage(STAGE_PUNT);
	frame_ip(&frame, A4, LIMEN4, IPPROTO_ICMP, "\10\0\0\0\0\0\0\0", 8);
	is_stage(STAGE_LOCAL);
	frame_ip(&frame, A6, LIMEN6, IPPROTO_ICMPV6, "\200\0\0\0\0\0\0\0", 8);
	is_stage(STAGE_LOCAL);
	frame_ip(&frame, A4, LIMEN4, IPPROTO_ICMPV6, "\200\0\0\0\0\0\0\0", 8);
	is_drop(IP_PROTO);
	frame_ip(&frame, A6, LIMEN6, IPPROTO_ICMP, "\10\0\0\0\0\0\0\0", 8);
	is_drop(IP_PROTO);
	frame_ip(&frame, A4, LIMEN4, 47, "1234", 4);
	is_drop(IP_PROTO);
	frame_arp(&frame, RTE_ARP_OP_REQUEST, peer_mac, "10.99.1.2", NULL, "10.99.1.1");
	is_stage(STAGE_LOCAL);
}

Test(classify, ethernet)
{
	sip4();
	frame.bytes[5] ^= 1;
	is_drop(ETH_DST);
	sip4();
	memset(frame.bytes, 0xff, 6);
	is_drop(ETH_DST);
	sip6();
	frame.bytes[0] = frame.bytes[1] = 0x33;
	is_drop(ETH_DST);
	sip4();
	frame.bytes[12] = 0x81; /* VLAN */
	frame.bytes[13] = 0x00;
	is_drop(ETH_TYPE);
	sip4();
	frame.len = 13;
	is_drop(TRUNCATED);
}

Test(classify, ip4_header)
{
	for (unsigned len = 14; len < 14 + 20 + 8; len++) {
		sip4();
		frame.len = len;
		is_drop(TRUNCATED);
	}
	sip4();
	frame.len--;
	is_drop(TRUNCATED);
	sip4();
	frame_ip4(&frame)->version_ihl = 0x55;
	frame_seal(&frame);
	is_drop(IP_HEADER);
	sip4();
	frame_ip4(&frame)->version_ihl = 0x44;
	is_drop(IP_HEADER);
	sip4();
	frame_ip4(&frame)->hdr_checksum ^= 0x0101;
	is_drop(IP_HEADER);
	sip4();
	frame_ip4(&frame)->total_length = rte_cpu_to_be_16(19);
	is_drop(TRUNCATED);
	sip4(); /* room for fewer bytes than its header claims */
	frame_ip4(&frame)->version_ihl = 0x4f;
	frame_ip4(&frame)->total_length = rte_cpu_to_be_16(56);
	is_drop(TRUNCATED);
	sip4();
	frame.len += 6; /* padding is not the packet's */
	is_stage(STAGE_SIP);
}

/* Options before a UDP packet, sealed. */
static void with_options(const char *options, unsigned len)
{
	static struct frame plain;

	sip4();
	plain = frame;
	memcpy(frame.bytes + 34, options, len);
	memcpy(frame.bytes + 34 + len, plain.bytes + 34, plain.len - 34);
	frame.len += len;
	frame_ip4(&frame)->version_ihl = (uint8_t)(0x45 + len / 4);
	frame_ip4(&frame)->total_length = rte_cpu_to_be_16((uint16_t)(frame.len - 14));
	frame_ip4(&frame)->hdr_checksum = 0;
	frame_ip4(&frame)->hdr_checksum = rte_ipv4_cksum(frame_ip4(&frame));
}

Test(classify, ip4_options)
{
	with_options("\x94\x04\0\0", 4); /* router alert */
	is_stage(STAGE_SIP);
	with_options("\1\1\1\0", 4);
	is_stage(STAGE_SIP);
	with_options("\x83\x07\4\1\2\3\4\0", 8); /* loose source route */
	is_drop(IP_HEADER);
	with_options("\1\x89\x07\4\1\2\3\4", 8); /* strict */
	is_drop(IP_HEADER);
	with_options("\x07\x00\0\0", 4); /* a length of nothing */
	is_drop(IP_HEADER);
	with_options("\x07\x05\0\0", 4); /* past the end */
	is_drop(IP_HEADER);
	with_options("\1\1\1\7", 4); /* no room for a length */
	is_drop(IP_HEADER);
}

Test(classify, addresses)
{
	static const char *const bad4[] = {"0.0.0.0",	  "0.1.2.3",   "127.0.0.1",
					   "224.0.0.1",	  "240.0.0.1", "255.255.255.255",
					   "10.99.1.255", "10.99.1.1", "10.99.2.1"};
	static const char *const bad6[] = {"[::]:1",	    "[::1]:1",
					   "[ff02::1]:1",   "[::ffff:10.99.1.2]:1",
					   "[fd99:1::1]:1", "[fd99:2::1]:1"};

	for (unsigned i = 0; i < sizeof(bad4) / sizeof(bad4[0]); i++) {
		frame_udp(&frame, bad4[i], LIMEN4, "x", 1);
		is_drop(IP_SRC);
	}
	for (unsigned i = 0; i < sizeof(bad6) / sizeof(bad6[0]); i++) {
		frame_udp(&frame, bad6[i], LIMEN6, "x", 1);
		is_drop(IP_SRC);
	}
	frame_udp(&frame, "192.0.2.1:7", LIMEN4, "x",
		  1); /* from far away is no fault; nor is an ending like ours */
	is_stage(STAGE_SIP);
	frame_udp(&frame, "[fe80::1]:7", LIMEN6, "x", 1);
	is_stage(STAGE_SIP);
	frame_udp(&frame, A4, "10.99.1.3:5060", "x", 1);
	is_drop(IP_DST);
	frame_udp(&frame, A4, "10.99.1.255:5060", "x", 1);
	is_drop(IP_DST);
	frame_udp(&frame, A6, "[fd99:1::3]:5060", "x", 1);
	is_drop(IP_DST);
	frame_udp(&frame, "10.99.2.2:1", "10.99.2.1:5060", "x",
		  1); /* limen's, but on the other port */
	memcpy(frame.bytes, limen_mac[0], 6);
	is_drop(IP_DST);
}

Test(classify, udp)
{
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame.bytes + 34);
	struct rte_udp_hdr *udp6 = (struct rte_udp_hdr *)(frame.bytes + 54);

	sip4();
	udp->dgram_cksum ^= 1;
	is_drop(UDP_CSUM);
	sip4();
	frame.bytes[50] ^= 0x20;
	is_drop(UDP_CSUM);
	sip4();
	udp->dgram_cksum = 0;
	is_stage(STAGE_SIP);
	sip6();
	udp6->dgram_cksum ^= 1;
	is_drop(UDP_CSUM);
	sip6();
	udp6->dgram_cksum = 0;
	is_drop(UDP_CSUM);
	frame_udp(&frame, A6, "[fd99:1::1]:20000", "x", 1);
	udp6->dgram_cksum = 0;
	is_drop(UDP_CSUM);
	frame_udp(&frame, A4, "10.99.1.1:20000", "x",
		  1); /* a damaged payload goes through with a checksum that tells */
	frame.bytes[42] ^= 1;
	is_stage(STAGE_MEDIA);
	sip4();
	udp->dgram_len = rte_cpu_to_be_16(7);
	is_drop(TRUNCATED);
	sip4();
	udp->dgram_len = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(udp->dgram_len) + 1));
	is_drop(TRUNCATED);
	frame_udp(&frame, A4, LIMEN4, "", 0);
	is_stage(STAGE_SIP);
}

/* The IPv6 packet with these extension headers before UDP. */
static void with_extensions(uint8_t first, const uint8_t *ext, unsigned len)
{
	static struct frame plain;

	sip6();
	plain = frame;
	memcpy(frame.bytes + 54, ext, len);
	memcpy(frame.bytes + 54 + len, plain.bytes + 54, plain.len - 54);
	frame.len += len;
	frame_ip6(&frame)->proto = first;
	frame_ip6(&frame)->payload_len = rte_cpu_to_be_16((uint16_t)(frame.len - 54));
}

Test(classify, ip6_header)
{
	for (unsigned len = 14; len < 14 + 40 + 8; len++) {
		sip6();
		frame.len = len;
		is_drop(TRUNCATED);
	}
	sip6();
	frame.bytes[14] = 0x50;
	is_drop(IP_HEADER);
	sip6();
	frame.len--;
	is_drop(TRUNCATED);
	sip6();
	frame.len += 9;
	is_stage(STAGE_SIP);
}

Test(classify, ip6_extensions)
{
	uint8_t options[] = {IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0};
	uint8_t two[] = {IPPROTO_DSTOPTS,
			 0,
			 1,
			 4,
			 0,
			 0,
			 0,
			 0,
			 IPPROTO_UDP,
			 1,
			 1,
			 12,
			 0,
			 0,
			 0,
			 0,
			 0,
			 0,
			 0,
			 0,
			 0,
			 0,
			 0,
			 0};
	uint8_t routing[] = {IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 0};
	uint8_t atomic[] = {IPPROTO_UDP, 0, 0, 0, 1, 2, 3, 4};
	uint8_t many[9 * 8] = {0};

	with_extensions(IPPROTO_HOPOPTS, options, sizeof(options));
	is_stage(STAGE_SIP);
	with_extensions(IPPROTO_HOPOPTS, two, sizeof(two));
	is_stage(STAGE_SIP);
	with_extensions(IPPROTO_ROUTING, routing, sizeof(routing));
	is_stage(STAGE_SIP);
	routing[3] = 1;
	with_extensions(IPPROTO_ROUTING, routing, sizeof(routing));
	is_drop(IP_HEADER);
	with_extensions(IPPROTO_FRAGMENT, atomic, sizeof(atomic)); /* RFC 6946 */
	is_stage(STAGE_SIP);
	options[1] = 200; /* longer than the packet */
	with_extensions(IPPROTO_DSTOPTS, options, sizeof(options));
	is_drop(TRUNCATED);
	for (unsigned i = 0; i < 9; i++)
		many[8 * i] = i < 8 ? IPPROTO_DSTOPTS : IPPROTO_UDP;
	with_extensions(IPPROTO_DSTOPTS, many, sizeof(many));
	is_drop(IP_HEADER);
	options[0] = 59; /* no next header */
	options[1] = 0;
	with_extensions(IPPROTO_DSTOPTS, options, sizeof(options));
	is_drop(IP_PROTO);
	sip6();
	frame_ip6(&frame)->proto = IPPROTO_HOPOPTS;
	frame_ip6(&frame)->payload_len = rte_cpu_to_be_16(7);
	frame.len = 54 + 7;
	is_drop(TRUNCATED);
}

Test(classify, fragments)
{
	static struct frame whole;
	char text[400];

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 2; i++) {
		frame_udp(&whole, i ? A6 : A4, i ? LIMEN6 : LIMEN4, text, sizeof(text));
		frame_fragment(&frame, &whole, 0, 200, true, 9);
		is_stage(STAGE_FRAG);
		frame_fragment(&frame, &whole, 200, 208, false, 9);
		is_stage(STAGE_FRAG);
		frame_fragment(&frame, &whole, 0, 201, true, 9); /* not a multiple of 8 */
		is_drop(FRAGMENT);
		frame_fragment(&frame, &whole, 0, 16, true, 9); /* headers cut apart */
		is_drop(FRAGMENT);
		frame_fragment(&frame, &whole, 208, 0, false, 9);
		is_drop(FRAGMENT);
		frame_ip(&whole, i ? A6 : A4, i ? LIMEN6 : LIMEN4,
			 i ? IPPROTO_ICMPV6 : IPPROTO_ICMP, text, sizeof(text));
		frame_fragment(&frame, &whole, 0, 200, true, 9);
		is_drop(FRAGMENT);
	}
	frame_udp(&whole, A4, LIMEN4, text, sizeof(text));
	frame_fragment(&frame, &whole, 0, 200, false, 9);
	frame_ip4(&frame)->fragment_offset = rte_cpu_to_be_16(0x1fff); /* ends past 65,535 */
	frame_ip4(&frame)->hdr_checksum = 0;
	frame_ip4(&frame)->hdr_checksum = rte_ipv4_cksum(frame_ip4(&frame));
	is_drop(FRAGMENT);
}

Test(classify, ip6_multicast_is_for_neighbour_discovery)
{
	frame_nd(&frame, 135, 0, "fd99:1::2", "ff02::1:ff00:1", "fd99:1::1", 1, peer_mac);
	is_stage(STAGE_LOCAL);
	frame_udp(&frame, A6, "[ff02::1]:5060", "x", 1);
	frame.bytes[0] = frame.bytes[1] = 0x33;
	is_drop(IP_DST);
}

Test(classify, headers_are_not_sought_behind_the_first_segment)
{
	struct rte_mbuf *m, *tail;

	sip4();
	m = world_pkt(&world, 0, &frame);
	tail = rte_pktmbuf_alloc(world.pools[0]);
	memcpy(rte_pktmbuf_append(tail, (uint16_t)(frame.len - 30)), frame.bytes + 30,
	       frame.len - 30);
	rte_pktmbuf_trim(m, (uint16_t)(frame.len - 30));
	cr_assert_eq(rte_pktmbuf_chain(m, tail), 0);
	classify(&world.classify, &m, 1, &world.walk);
	cr_expect_eq(world.drops.count[DROP_TRUNCATED], 1);
}

Test(classify, hardware_flags)
{
	struct rte_mbuf *m;

	sip4();
	frame_ip4(&frame)->hdr_checksum ^= 1;
	m = world_pkt(&world, 0, &frame);
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	classify(&world.classify, &m, 1, &world.walk);
	cr_expect_eq(world.walk.to[STAGE_SIP].n, 1, "the port has checked it");
	sip4();
	m = world_pkt(&world, 0, &frame);
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_BAD;
	classify(&world.classify, &m, 1, &world.walk);
	cr_expect_eq(world.drops.count[DROP_IP_HEADER], 1);
}

/* Whatever a sound frame is turned into by a few wrong bytes, it has exactly one end. */
Test(classify, damaged_frames)
{
	uint64_t state = 1;
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 20000; i++) {
		if (i % 2)
			sip4();
		else
			sip6();
		for (unsigned n = 0; n < 1 + i % 3; n++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			frame.bytes[12 + (state >> 33) % 60] = (uint8_t)(state >> 55);
		}
		if (i % 5 == 0)
			frame.len = 1 + (state >> 40) % frame.len;
		cr_assert_geq(world_classify(&world, 0, &frame, &m), -1 - DROP_REASONS_END);
		rte_pktmbuf_free(m);
	}
}

/* The frame cut in two behind the longest headers: that is never plain, so the long way judges. */
static int classify_cut(const struct frame *f, struct rte_mbuf **out)
{
	const unsigned at = 90;
	struct rte_mbuf *m = world_pkt(&world, 0, f), *tail = rte_pktmbuf_alloc(world.pools[0]);
	struct drops before = world.drops;

	memcpy(rte_pktmbuf_append(tail, (uint16_t)(f->len - at)), f->bytes + at, f->len - at);
	cr_assert_eq(rte_pktmbuf_trim(m, (uint16_t)(f->len - at)), 0);
	cr_assert_eq(rte_pktmbuf_chain(m, tail), 0);
	classify(&world.classify, &m, 1, &world.walk);
	for (int i = 0; i < STAGES_END; i++)
		if (world.walk.to[i].n) {
			world.walk.to[i].n = 0;
			*out = m;
			return i;
		}
	*out = NULL;
	for (int i = 0; i < DROP_REASONS_END; i++)
		if (world.drops.count[i] != before.count[i])
			return -1 - i;
	return -1000;
}

static void is_same_pkt(const struct pkt *a, const struct pkt *b, unsigned n)
{
	cr_assert(a->realm == b->realm && a->port == b->port && a->family == b->family &&
			  a->tos == b->tos && a->l3_off == b->l3_off && a->l4_off == b->l4_off &&
			  a->payload_off == b->payload_off && a->payload_len == b->payload_len &&
			  a->src_port == b->src_port && a->dst_port == b->dst_port &&
			  a->udp_csum == b->udp_csum && a->stage == b->stage &&
			  net_addr_eq(&a->src, &b->src) && net_addr_eq(&a->dst, &b->dst),
		  "packet %u", n);
}

Test(classify, a_plain_packet_is_judged_as_by_the_long_way)
{
	static const char *const sources[] = {A4,	    "10.99.1.1:4000", "10.99.1.255:9",
					      "127.0.0.1:9", "224.0.0.1:9",    "203.0.113.9:1024"};
	static const char *const locals[] = {"10.99.1.1:20000", "10.99.1.1:20199", "10.99.1.1:5060",
					     "10.99.1.1:20200", "10.99.1.9:20000"};
	struct rng rng = {.state = 12};
	uint8_t payload[172] = {0x80, 8};
	unsigned media = 0;

	for (unsigned n = 0; n < 40000; n++) {
		struct rte_mbuf *whole, *cut;
		int stage;

		frame_udp(&frame, rng_below(&rng, 4) ? A4 : sources[rng_below(&rng, 6)],
			  rng_below(&rng, 4) ? "10.99.1.1:20002" : locals[rng_below(&rng, 5)],
			  payload, 100 + (uint32_t)rng_below(&rng, 72));
		for (uint64_t flips = rng_below(&rng, 4); flips; flips--)
			frame.bytes[rng_below(&rng, 43)] ^= (uint8_t)(1u << rng_below(&rng, 8));
		if (rng_below(&rng, 2))
			frame_seal(&frame);
		stage = world_classify(&world, 0, &frame, &whole);
		cr_assert_eq(stage, classify_cut(&frame, &cut), "packet %u: %d", n, stage);
		if (stage == STAGE_MEDIA)
			is_same_pkt(pkt_of(whole), pkt_of(cut), n);
		media += stage == STAGE_MEDIA;
		rte_pktmbuf_free(whole);
		rte_pktmbuf_free(cut);
	}
	cr_expect(media > 8000 && media < 36000, "%u", media);
}
