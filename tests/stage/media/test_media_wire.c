/* SPDX-License-Identifier: BSD-3-Clause */
/* Media from frame to frame: classify, media and tx together, over ports made of rings. What leaves
 * has right checksums although the payload was never added up, across families and through
 * fragments. */
#include "../../rng.h"
#include "../stage_world.h"

#include "dataplane/classify/reassembly.h"
#include "dataplane/media/media_stage.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world world;
static struct arena arena;
static struct media *media;
static struct reassembly *reassembly;
static struct frame in, out;
static uint8_t payload[8192];

static void setup(void)
{
	struct media_realm realms[WORLD_PORTS];
	struct media_conf conf = {
		.nworkers = 1, .nrealms = WORLD_PORTS, .realms = realms, .max_pairs = 32};
	struct arena_slab_def defs[ARENA_SLABS_MAX];
	struct rng rng = {1};
	const char *why;

	world_open(&world, 1, 1500);
	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		const struct conf_realm *realm = &world.conf_realms[i];

		realms[i] = (struct media_realm){
			.ip4 = realm->addrs[0].prefix.addr,
			.ip6 = realm->addrs[1].prefix.addr,
			.has_ip4 = true,
			.has_ip6 = true,
			.dscp = realm->dscp_media,
			.port_low = realm->media_port_low,
			.port_high = realm->media_port_high,
		};
	}
	cr_assert_eq(
		arena_open(&arena, NULL, defs, media_slab_defs(defs, 0, 32), true, false, &why), 0);
	media = media_new(&conf, &arena, 0, world.now_ns);
	cr_assert_not_null(media);
	reassembly = reassembly_new(&(struct reassembly_conf){
		.datagrams = 4,
		.pkts = 100,
		.timeout_ns = 1000000000,
		.pool = world.pools[0],
		.drops = &world.drops,
		.seed = {{1, 2}},
	});
	cr_assert_not_null(reassembly);
	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)rng_next(&rng);
	memcpy(payload, (const uint8_t[]){0x80, 8, 0, 1}, 4);
	world_meet(&world, 0, "10.99.1.2", peer_mac);
	world_meet(&world, 0, "fd99:1::2", peer_mac);
	world_meet(&world, 1, "10.99.2.2", peer_mac);
	world_meet(&world, 1, "fd99:2::2", peer_mac);
}

static void teardown(void)
{
	reassembly_free(reassembly);
	media_free(media);
	arena_close(&arena);
	world_close(&world);
}

TestSuite(media_wire, .init = setup, .fini = teardown);

/* The peer's and limen's endpoints of a side, as text. */
struct ends {
	char peer[2][64], local[2][64];
};

static void put_text(char *text, size_t size, const struct net_endpoint *at)
{
	struct cursor c = cursor_on(text, (uint32_t)size - 1);

	put_endpoint(&c, at);
	text[c.len] = '\0';
}

static uint64_t call_open(uint8_t family_a, uint8_t family_b, struct ends *ends)
{
	const uint8_t families[2] = {family_a, family_b};
	uint64_t pair;

	cr_assert_eq(stream_pair_open(media, world.now_ns, (struct stream_local){0, family_a},
				      (struct stream_local){1, family_b}, &pair),
		     0);
	for (unsigned side = 0; side < 2; side++) {
		struct stream_remote remote = {.may_send = true, .may_receive = true};
		struct net_endpoint rtp, rtcp;

		snprintf(ends->peer[side], sizeof(ends->peer[side]),
			 families[side] == NET_IP4 ? "10.99.%u.2:4000" : "[fd99:%u::2]:4000",
			 side + 1);
		remote.rtp = remote.rtcp = endpoint(ends->peer[side]);
		remote.rtcp.port++;
		stream_pair_remote(media, world.now_ns, pair, side, &remote);
		stream_pair_local(media, pair, side, &rtp, &rtcp);
		put_text(ends->local[side], sizeof(ends->local[side]), &rtp);
	}
	return pair;
}

/* What arrived is for media: relay it, and have it sent. */
static void relay(struct rte_mbuf *m)
{
	media_stage(media, world.tx, &world.drops, &m, 1, world.now_ns);
	tx_flush(world.tx);
	cr_assert_eq(world_drops(&world.drops), 0);
}

/* Feed one datagram, whole. */
static void feed(const struct ends *ends, unsigned side, uint32_t len, bool no_csum)
{
	struct rte_mbuf *m;

	frame_udp(&in, ends->peer[side], ends->local[side], payload, len);
	if (no_csum)
		*(rte_be16_t *)(void *)(in.bytes + 14 + 20 + 6) = 0;
	cr_assert_eq(world_classify(&world, side, &in, &m), STAGE_MEDIA);
	relay(m);
}

/* The frame is what a frame from one endpoint to the other would be, but for addresses of the link,
 * IP's identification and hop count. */
static void is_frame(const struct frame *f, const char *from, const char *to, uint32_t len)
{
	static struct frame want;
	bool ip6 = from[0] == '[';
	uint32_t l4 = ip6 ? 54 : 34;

	frame_udp(&want, from, to, payload, len);
	cr_assert_eq(f->len, want.len < 60 ? f->len : want.len);
	cr_assert_arr_eq(f->bytes, peer_mac, 6);
	cr_assert_arr_eq(f->bytes + 12, want.bytes + 12, 2);
	/* Addresses, then the whole UDP datagram with its checksum. */
	cr_assert_arr_eq(f->bytes + l4 - (ip6 ? 32 : 8), want.bytes + l4 - (ip6 ? 32 : 8),
			 ip6 ? 32 : 8);
	cr_assert_arr_eq(f->bytes + l4, want.bytes + l4, 8 + len);
	if (ip6)
		cr_assert_eq((f->bytes[14] << 8 | f->bytes[15]) >> 6 & 0x3f, 46, "DSCP");
	else
		cr_assert_eq(f->bytes[15] >> 2, 46, "DSCP");
}

static const uint8_t families[4][2] = {
	{NET_IP4, NET_IP4}, {NET_IP6, NET_IP6}, {NET_IP4, NET_IP6}, {NET_IP6, NET_IP4}};

Test(media_wire, whole_datagrams_of_all_lengths)
{
	for (unsigned i = 0; i < 4; i++) {
		struct ends ends;
		uint64_t pair = call_open(families[i][0], families[i][1], &ends);

		for (uint32_t len = 12; len <= 1400; len += len < 80 ? 1 : 33) {
			for (unsigned side = 0; side < 2; side++) {
				feed(&ends, side, len, false);
				cr_assert(world_sent(&world, !side, 0, &out));
				is_frame(&out, ends.local[!side], ends.peer[!side], len);
				cr_assert_not(world_sent(&world, side, 0, &out),
					      "nothing goes back");
			}
		}
		stream_pair_close(media, world.now_ns, pair);
	}
}

Test(media_wire, no_checksum_in_becomes_one_out)
{
	struct ends ends;

	call_open(NET_IP4, NET_IP6, &ends);
	for (uint32_t len = 12; len <= 200; len++) {
		feed(&ends, SIDE_A, len, true);
		cr_assert(world_sent(&world, 1, 0, &out));
		is_frame(&out, ends.local[SIDE_B], ends.peer[SIDE_B], len);
	}
}

Test(media_wire, all_zero_and_all_one_payloads)
{
	struct ends ends;

	call_open(NET_IP6, NET_IP4, &ends);
	for (unsigned fill = 0; fill < 2; fill++) {
		memset(payload + 12, fill ? 0xff : 0, sizeof(payload) - 12);
		for (uint32_t len = 12; len <= 100; len++) {
			for (unsigned side = 0; side < 2; side++) {
				feed(&ends, side, len, false);
				cr_assert(world_sent(&world, !side, 0, &out));
				is_frame(&out, ends.local[!side], ends.peer[!side], len);
			}
		}
	}
}

/* The UDP datagram of the IPv4 fragments that a port sent, put together by their offsets. */
static uint32_t gather_ip4(unsigned port, uint8_t *datagram, uint32_t size)
{
	uint32_t got = 0, whole = 0;

	while (world_sent(&world, port, 0, &out)) {
		const struct rte_ipv4_hdr *ip = frame_ip4(&out);
		uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);
		uint32_t off = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8u;
		uint32_t len = rte_be_to_cpu_16(ip->total_length) - 20u;

		cr_assert_leq(off + len, size);
		memcpy(datagram + off, out.bytes + 34, len);
		got += len;
		if (!(field & RTE_IPV4_HDR_MF_FLAG))
			whole = off + len;
	}
	cr_assert_eq(got, whole, "no hole and no overlap");
	return whole;
}

/* Larger than the link's MTU on the way in and on the way out: video, or IPv4 turned IPv6. */
Test(media_wire, fragments)
{
	static uint8_t datagram[sizeof(payload) + 8];
	static const uint32_t lens[] = {1473, 1480, 2000, 3001, 8000};

	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		static struct frame whole;
		struct rte_mbuf *m = NULL, *done = NULL;
		struct ends ends;
		uint64_t pair = call_open(i % 2 ? NET_IP6 : NET_IP4, NET_IP4, &ends);
		uint32_t l4_len = 8 + lens[i];

		frame_udp(&whole, ends.peer[SIDE_A], ends.local[SIDE_A], payload, lens[i]);
		for (uint32_t off = 0; off < l4_len; off += 1400) {
			uint32_t len = RTE_MIN(l4_len - off, 1400u);

			cr_assert_null(done);
			frame_fragment(&in, &whole, off, len, off + len < l4_len, 77 + i);
			cr_assert_eq(world_classify(&world, 0, &in, &m), STAGE_FRAG);
			done = reassembly_take(reassembly, m, world.now_ns);
		}
		cr_assert_not_null(done);
		classify_datagram(&world.classify, done, &world.walk);
		cr_assert_eq(world.walk.to[STAGE_MEDIA].n, 1);
		world.walk.to[STAGE_MEDIA].n = 0;
		relay(done);
		cr_assert_eq(gather_ip4(1, datagram, sizeof(datagram)), l4_len);
		frame_udp(&whole, ends.local[SIDE_B], ends.peer[SIDE_B], payload, lens[i]);
		cr_assert_arr_eq(datagram, whole.bytes + 34, l4_len,
				 "ports, length, checksum and payload");
		stream_pair_close(media, world.now_ns, pair);
	}
}
