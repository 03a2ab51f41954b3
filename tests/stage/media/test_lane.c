/* SPDX-License-Identifier: BSD-3-Clause */
/* The short way of settled streams beside the long one: what media_lane takes must leave, count and
 * be dropped as if it had gone through classify, media and tx. */
#include "../../rng.h"
#include "../stage_world.h"

#include "dataplane/media/lane.h"
#include "dataplane/media/media_stage.h"
#include "dataplane/media/stream.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world world;
static struct arena arena;
static struct media *media;
static struct media_lane lane;
static uint64_t pair;
static char local[64];
static struct frame in;
static uint8_t payload[1500];

static uint64_t bytes; /* that were received */

static const char peer[] = "10.99.1.2:4000";

static void setup(void)
{
	struct media_realm realms[WORLD_PORTS];
	struct media_conf conf = {
		.nworkers = 1, .nrealms = WORLD_PORTS, .realms = realms, .max_pairs = 4};
	struct arena_slab_def defs[ARENA_SLABS_MAX];
	const char *why;

	world_open(&world, 1, 1500);
	for (unsigned i = 0; i < WORLD_PORTS; i++)
		realms[i] = (struct media_realm){
			.ip4 = world.conf_realms[i].addrs[0].prefix.addr,
			.has_ip4 = true,
			.dscp = 46,
			.port_low = world.conf_realms[i].media_port_low,
			.port_high = world.conf_realms[i].media_port_high,
		};
	cr_assert_eq(arena_open(&arena, NULL, defs, media_slab_defs(defs, 0, 4), true, false, &why),
		     0);
	media = media_new(&conf, &arena, 0, world.now_ns);
	cr_assert_not_null(media);
	lane = (struct media_lane){media, world.tx, &world.realms, &world.ports};
	memcpy(payload, (const uint8_t[]){0x80, 8, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4}, 12);
	for (unsigned i = 12; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	world_meet(&world, 0, "10.99.1.2", peer_mac);
	world_meet(&world, 1, "10.99.2.2", peer_mac);
}

static void teardown(void)
{
	media_free(media);
	arena_close(&arena);
	world_close(&world);
}

TestSuite(lane, .init = setup, .fini = teardown);

static void set_remote(enum stream_side side, const char *at, bool may_send)
{
	struct stream_remote remote = {.may_send = may_send, .may_receive = true};

	remote.rtp = remote.rtcp = endpoint(at);
	remote.rtcp.port++;
	stream_pair_remote(media, world.now_ns, pair, side, &remote);
}

static void call_open(void)
{
	struct net_endpoint rtp, rtcp;
	struct cursor c = cursor_on(local, sizeof(local) - 1);

	cr_assert_eq(stream_pair_open(media, world.now_ns, (struct stream_local){0, NET_IP4},
				      (struct stream_local){1, NET_IP4}, &pair),
		     0);
	set_remote(SIDE_A, peer, true);
	set_remote(SIDE_B, "10.99.2.2:4000", true);
	stream_pair_local(media, pair, SIDE_A, &rtp, &rtcp);
	put_endpoint(&c, &rtp);
	local[c.len] = '\0';
}

static struct stream_hot *hot(void)
{
	return &((struct stream_pair *)slab_get(media->hot, pair))->from[SIDE_A];
}

static void next_packet(uint32_t len)
{
	payload[3]++;
	frame_udp(&in, peer, local, payload, len);
}

/* What came of a packet. */
struct outcome {
	bool is_short; /* media_lane took it */
	struct drops drops;
	struct stream_hot hot;
	unsigned nsent, nasked;
	struct frame sent[4];
};

static void collect(struct outcome *o, struct rte_ring *ring, unsigned *n)
{
	struct rte_mbuf *m;

	while (rte_ring_sc_dequeue(ring, (void **)&m) == 0) {
		struct frame *f = &o->sent[o->nsent + o->nasked];

		cr_assert_lt(o->nsent + o->nasked, 4);
		f->len = rte_pktmbuf_pkt_len(m);
		memcpy(f->bytes, rte_pktmbuf_read(m, 0, f->len, f->bytes), f->len);
		memset(f->bytes + 18, 0, 2); /* identification and what follows from it */
		memset(f->bytes + 24, 0, 2);
		rte_pktmbuf_free(m);
		(*n)++;
	}
}

static void run(struct outcome *o, bool may_be_short)
{
	struct rte_mbuf *m = world_pkt(&world, 0, &in);
	struct vector *to = &world.walk.to[STAGE_MEDIA];

	memset(o, 0, sizeof(*o));
	memset(&world.drops, 0, sizeof(world.drops));
	o->is_short = may_be_short && media_lane(&lane, 0, &m, 1, world.now_ns, &bytes) == 0;
	if (!o->is_short) {
		classify(&world.classify, &m, 1, &world.walk);
		if (to->n)
			media_stage(media, world.tx, &world.drops, to->pkts, to->n, world.now_ns);
		to->n = 0;
		for (unsigned s = 0; s < STAGES_END; s++) /* whatever else it was */
			while (world.walk.to[s].n)
				pkt_drop(&world.drops, world.walk.to[s].pkts[--world.walk.to[s].n],
					 DROP_MEDIA_NO_STREAM);
	}
	tx_flush(world.tx);
	collect(o, world.sent[1][0], &o->nsent);
	collect(o, neigh_worker(world.neigh, 0)->asks, &o->nasked);
	o->drops = world.drops;
	o->hot = *hot();
	o->hot.out.neigh = 0;
}

/* Both ways, from the same state. Returns whether the short one was taken. */
static bool both(const char *what)
{
	static struct outcome a, b;
	struct stream_hot before = *hot();
	struct stream_lane settled = *stream_lane(media, hot());
	struct stream_pair_cold *cold = stream_cold(media, hot()), rare = *cold;

	run(&a, true);
	*hot() = before;
	*cold = rare;
	stream_unsettle(media, hot());
	run(&b, false);
	*stream_lane(media, hot()) = settled;
	cr_assert_eq(a.nsent, b.nsent, "%s: %u frames against %u", what, a.nsent, b.nsent);
	cr_assert_eq(a.nasked, b.nasked, "%s", what);
	for (unsigned i = 0; i < a.nsent + a.nasked; i++) {
		cr_assert_eq(a.sent[i].len, b.sent[i].len, "%s", what);
		cr_assert_arr_eq(a.sent[i].bytes, b.sent[i].bytes, a.sent[i].len, "%s", what);
	}
	cr_assert_arr_eq(&a.drops, &b.drops, sizeof(a.drops), "%s", what);
	cr_assert_arr_eq(&a.hot, &b.hot, sizeof(a.hot), "%s", what);
	return a.is_short;
}

static void settle(void)
{
	static struct outcome o;

	/* The first may have to find the next hop, the second settles. */
	for (unsigned i = 0; i < 2 && !stream_lane(media, hot())->key; i++) {
		next_packet(172);
		run(&o, true);
		cr_assert_eq(o.nsent, 1);
		cr_assert_not(o.is_short);
	}
	cr_assert_neq(stream_lane(media, hot())->key, 0);
}

Test(lane, packets_of_all_lengths_leave_the_same)
{
	call_open();
	settle();
	for (uint32_t len = 12; len <= 1472; len += len < 80 ? 1 : 33) {
		next_packet(len);
		cr_expect(both("length"));
	}
}

Test(lane, a_frame_s_padding_is_left_behind)
{
	call_open();
	settle();
	next_packet(12);
	memset(in.bytes + in.len, 0xee, 30);
	in.len += 30;
	cr_expect(both("padding"));
}

Test(lane, checksums_near_zero_and_none)
{
	call_open();
	settle();
	for (unsigned i = 0; i < 0x10000; i += i < 16 || i > 0xffe0 ? 1 : 251) {
		next_packet(40);
		in.bytes[40] = (uint8_t)(i >> 8);
		in.bytes[41] = (uint8_t)i;
		cr_expect_eq(both("checksum"), i != 0);
	}
}

Test(lane, extensions_and_sources_go_along_rtcp_and_odd_ports_do_not)
{
	call_open();
	settle();
	next_packet(100);
	in.bytes[42] = 0x92; /* two CSRCs, and an extension of the payload's making */
	in.bytes[42 + 22] = 0;
	in.bytes[42 + 23] = 3;
	frame_seal(&in);
	cr_expect(both("extension"));
	in.bytes[42 + 23] = 200;
	frame_seal(&in);
	cr_expect_not(both("extension that is cut off"));
	next_packet(100);
	in.bytes[43] = 200;
	cr_expect_not(both("RTCP on the same port"));
	next_packet(100);
	in.bytes[37]++;
	cr_expect_not(both("RTCP's port"));
}

/* Any byte of the headers another one, with checksums that are right for it or not. */
Test(lane, whatever_is_wrong_is_wrong_either_way)
{
	struct rng rng = {3};
	unsigned taken = 0;

	call_open();
	settle();
	for (unsigned i = 0; i < 20000; i++) {
		char what[64];
		unsigned n = 1 + (unsigned)rng_next(&rng) % 2;

		next_packet(12 + (uint32_t)rng_next(&rng) % 60);
		snprintf(what, sizeof(what), "round %u", i);
		while (n--) {
			uint8_t *at = &in.bytes[rng_next(&rng) % 60];

			if (at >= in.bytes + in.len)
				continue;
			*at = rng_next(&rng) & 1 ? (uint8_t)rng_next(&rng)
						 : (uint8_t)(*at ^ 1u << rng_next(&rng) % 8);
		}
		if (rng_next(&rng) % 4 == 0)
			in.len -= (uint32_t)rng_next(&rng) % 20;
		else if (rng_next(&rng) % 2 == 0 && in.bytes[12] == 8 && in.bytes[14] == 0x45 &&
			 in.bytes[23] == IPPROTO_UDP)
			frame_ip4(&in)->hdr_checksum = 0,
			frame_ip4(&in)->hdr_checksum = rte_ipv4_cksum(frame_ip4(&in));
		taken += both(what);
	}
	cr_expect_gt(taken, 2000, "the comparison was of something");
}

Test(lane, any_change_of_the_stream_ends_it)
{
	static struct outcome o;

	call_open();
	settle();
	set_remote(SIDE_B, "10.99.2.2:4444", true); /* to elsewhere */
	next_packet(100);
	run(&o, true);
	cr_expect_not(o.is_short);
	cr_expect_eq(o.nsent, 1);
	cr_expect_eq(o.sent[0].bytes[36] << 8 | o.sent[0].bytes[37], 4444);
	set_remote(SIDE_A, peer, false); /* on hold */
	next_packet(100);
	run(&o, true);
	cr_expect_eq(o.drops.count[DROP_MEDIA_HOLD], 1);
	set_remote(SIDE_A, "10.99.1.2:4002", true); /* from elsewhere */
	next_packet(100);
	run(&o, true);
	cr_expect_eq(o.drops.count[DROP_MEDIA_SOURCE], 1);
	set_remote(SIDE_A, peer, true);
	settle();
	stream_pair_close(media, world.now_ns, pair);
	cr_expect_eq(media->lanes[1].key, 0);
	cr_expect_eq(media->lanes[2].key, 0);
}

Test(lane, a_neighbour_that_moves_is_followed)
{
	static struct outcome o;
	struct neigh_entry *entry;

	call_open();
	settle();
	next_packet(100);
	entry = neigh_worker(world.neigh, 0)->table->entries;
	entry += stream_lane(media, hot())->out.hop_index;
	entry->word = neigh_word(neigh_mac_load(other_mac), neigh_word_generation(entry->word),
				 NEIGH_SEND);
	run(&o, true);
	cr_expect(o.is_short);
	cr_expect_eq(o.nsent, 1);
	cr_expect_arr_eq(o.sent[0].bytes, other_mac, 6);
	cr_expect_eq(stream_lane(media, hot())->key, 0, "to be settled again");
	settle();
	next_packet(100);
	cr_expect(both("moved"));
}

Test(lane, frames_too_large_for_the_next_port_go_in_fragments)
{
	call_open();
	settle();
	stream_lane(media, hot())->out.mtu = 1000;
	next_packet(1200);
	cr_expect(both("as large as the port takes after all"));
	cr_expect_eq(stream_lane(media, hot())->out.mtu, 1000);
}

/* The burst's rest keeps its order. */
Test(lane, what_is_left_is_in_order)
{
	struct rte_mbuf *pkts[LANE_PKTS_MAX];
	uint32_t lens[LANE_PKTS_MAX / 2];

	call_open();
	settle();
	for (unsigned i = 0; i < LANE_PKTS_MAX; i++) {
		next_packet(100 + i);
		if (i % 2) {
			in.bytes[43] = 200;
			lens[i / 2] = in.len;
		}
		pkts[i] = world_pkt(&world, 0, &in);
	}
	cr_assert_eq(media_lane(&lane, 0, pkts, LANE_PKTS_MAX, world.now_ns, &bytes),
		     LANE_PKTS_MAX / 2);
	for (unsigned i = 0; i < LANE_PKTS_MAX / 2; i++) {
		cr_expect_eq(rte_pktmbuf_pkt_len(pkts[i]), lens[i]);
		rte_pktmbuf_free(pkts[i]);
	}
	tx_flush(world.tx);
	for (unsigned i = 0; i < LANE_PKTS_MAX / 2; i++)
		cr_expect(world_sent(&world, 1, 0, &in));
	cr_expect_not(world_sent(&world, 1, 0, &in));
}
