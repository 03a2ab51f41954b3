/* SPDX-License-Identifier: BSD-3-Clause */
/* The media stage fed with packets made by hand: what is relayed and how, and every reason to
 * drop. */
#include "dataplane/media/media_stage.h"

#include <criterion/criterion.h>

#include "dataplane/io/csum.h"
#include "media_world.h"

/* A pair with both peers pinned: A at 10.99.1.2:4000, B at 10.99.2.2:6000, or fd99:N::2. */
struct call {
	uint64_t pair;
	struct net_endpoint peer[2], peer_rtcp[2];   /* A's and B's */
	struct net_endpoint local[2], local_rtcp[2]; /* limen's towards them */
};

static struct stream_remote remote_of(const struct call *c, enum stream_side side)
{
	return (struct stream_remote){
		.rtp = c->peer[side],
		.rtcp = c->peer_rtcp[side],
		.source = SOURCE_PIN,
		.may_send = true,
		.may_receive = true,
	};
}

static void remote_set(struct world *w, const struct call *c, enum stream_side side,
		       const struct stream_remote *remote)
{
	stream_pair_remote(w->media, w->now_ns, c->pair, side, remote);
}

static struct call call_open(struct world *w, uint8_t family_a, uint8_t family_b)
{
	struct call c = {
		.peer = {endpoint(family_a == NET_IP4 ? "10.99.1.2:4000" : "[fd99:1::2]:4000"),
			 endpoint(family_b == NET_IP4 ? "10.99.2.2:6000" : "[fd99:2::2]:6000")},
	};

	cr_assert_eq(stream_pair_open(w->media, w->now_ns, (struct stream_local){0, family_a},
				      (struct stream_local){1, family_b}, &c.pair),
		     0);
	for (unsigned side = 0; side < 2; side++) {
		struct stream_remote remote;

		c.peer_rtcp[side] = c.peer[side];
		c.peer_rtcp[side].port++;
		stream_pair_local(w->media, c.pair, side, &c.local[side], &c.local_rtcp[side]);
		remote = remote_of(&c, side);
		remote_set(w, &c, side, &remote);
	}
	return c;
}

static struct stream_stats stats_of(const struct world *w, const struct call *c,
				    enum stream_side side)
{
	struct stream_stats stats;

	stream_pair_stats(w->media, c->pair, side, &stats);
	return stats;
}

/* 20 ms of G.711 with this sequence number. */
static const uint8_t *rtp_payload(uint16_t seq)
{
	static uint8_t bytes[172];
	uint32_t timestamp = seq * 160u;

	memset(bytes, 0xd5, sizeof(bytes));
	bytes[0] = 0x80;
	bytes[1] = 8;
	bytes[2] = (uint8_t)(seq >> 8);
	bytes[3] = (uint8_t)seq;
	for (unsigned i = 0; i < 4; i++) {
		bytes[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
		bytes[8 + i] = (uint8_t)(0xa0 + i);
	}
	return bytes;
}

static struct draft rtp_from(const struct call *c, enum stream_side side, uint16_t seq)
{
	return (struct draft){
		.src = c->peer[side],
		.dst = c->local[side],
		.realm = (uint8_t)side,
		.payload = rtp_payload(seq),
		.len = 172,
	};
}

/* A receiver report and a source description whose CNAME is "alice@10.0.0.1". */
static const uint8_t report[] = {
	0x80, 201, 0,	1,   1,	  2,   3,   4,	 0x81, 202, 0,	 6,   1,   2,	3, 4, 1, 14,
	'a',  'l', 'i', 'c', 'e', '@', '1', '0', '.',  '0', '.', '0', '.', '1', 0, 0, 0, 0,
};
/* One without names. */
static const uint8_t bare_report[] = {0x80, 201, 0, 1, 1, 2, 3, 4};

static struct draft rtcp_from(const struct call *c, enum stream_side side, const uint8_t *bytes,
			      uint16_t len)
{
	return (struct draft){
		.src = c->peer_rtcp[side],
		.dst = c->local_rtcp[side],
		.realm = (uint8_t)side,
		.payload = bytes,
		.len = len,
	};
}

/* Ones' complement numbers have two zeros. */
static bool sum_is_right(const struct sent *sent)
{
	uint16_t want = rte_raw_cksum(sent->payload, sent->len);

	return sent->sum <= 0xffff && sent->sum % 0xffff == want % 0xffff;
}

static bool went(const struct sent *sent, const struct net_endpoint *from,
		 const struct net_endpoint *to)
{
	return sent->flow.family == to->family && net_endpoint_eq(&sent->flow.src, from) &&
	       net_endpoint_eq(&sent->flow.dst, to);
}

static struct world world;

static void setup(void)
{
	world_open(&world);
}

static void teardown(void)
{
	world_close(&world);
}

TestSuite(media_stage, .init = setup, .fini = teardown);

Test(media_stage, relays_both_ways_in_each_family)
{
	static const uint8_t families[4][2] = {
		{NET_IP4, NET_IP4}, {NET_IP6, NET_IP6}, {NET_IP4, NET_IP6}, {NET_IP6, NET_IP4}};

	for (unsigned i = 0; i < 4; i++) {
		struct call c = call_open(&world, families[i][0], families[i][1]);

		for (unsigned side = 0; side < 2; side++) {
			struct draft d = rtp_from(&c, side, 7);
			const struct sent *sent;

			world_feed(&world, &d);
			sent = world_last(&world);
			cr_assert(went(sent, &c.local[!side], &c.peer[!side]));
			cr_assert_eq(sent->flow.realm, !side);
			cr_assert_eq(sent->flow.dscp, side == SIDE_A ? 0 : 46);
			cr_assert_eq(sent->len, 172);
			cr_assert_arr_eq(sent->payload, rtp_payload(7), 172);
			cr_assert(sum_is_right(sent));
		}
		stream_pair_close(world.media, world.now_ns, c.pair);
	}
	cr_assert_eq(world.tx.nsent, 8);
	cr_assert_eq(world_dropped_all(&world), 0);
}

Test(media_stage, counts)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct stream_stats a, b;

	for (uint16_t seq = 0; seq < 100; seq++) {
		struct draft d = rtp_from(&c, SIDE_A, seq);

		/* Every tenth is lost, the last five came 5 ms late. */
		world.now_ns += 20000000 + (seq == 95 ? 5000000 : 0);
		if (seq % 10 != 5)
			world_feed(&world, &d);
	}
	a = stats_of(&world, &c, SIDE_A);
	b = stats_of(&world, &c, SIDE_B);
	cr_assert_eq(a.rx_pkts, 90);
	cr_assert_eq(a.rx_bytes, 90 * 172);
	cr_assert_eq(a.lost_pkts, 10);
	cr_assert_eq(a.out_of_order_pkts, 0);
	cr_assert_eq(a.payload_type, 8);
	cr_assert_eq(a.last_seen_ns, world.now_ns);
	cr_assert_eq(a.dropped_pkts, 0);
	/* One step of 5 ms: 5 / 16 ms, less what three packets took off again. */
	cr_assert(a.jitter_us >= 240 && a.jitter_us <= 313, "%u", a.jitter_us);
	cr_assert_eq(b.rx_pkts, 0);
	cr_assert_eq(b.last_seen_ns, 0);
	cr_assert_eq(stream_pair_last_seen_ns(world.media, c.pair), world.now_ns);
	cr_assert_eq(world.tx.nsent, 90);
}

Test(media_stage, next_hop_is_kept_until_the_destination_changes)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtp_from(&c, SIDE_A, 1);
	struct stream_remote remote;

	world_feed(&world, &d);
	cr_assert_eq(world_last(&world)->flow.neigh, 0);
	world_feed(&world, &d);
	cr_assert_eq(world_last(&world)->flow.neigh, 4711);
	c.peer[SIDE_B] = endpoint("10.99.2.3:6000");
	remote = remote_of(&c, SIDE_B);
	remote_set(&world, &c, SIDE_B, &remote);
	world_feed(&world, &d);
	cr_assert(went(world_last(&world), &c.local[SIDE_B], &c.peer[SIDE_B]));
	cr_assert_eq(world_last(&world)->flow.neigh, 0);
}

/* The hint against the sum itself, over lengths and contents, the all-zero payload and the odd ones
 * included. */
Test(media_stage, payload_sum_is_right)
{
	struct call c4 = call_open(&world, NET_IP4, NET_IP6),
		    c6 = call_open(&world, NET_IP6, NET_IP4);
	static uint8_t bytes[1400];
	uint32_t state = 1;

	for (unsigned run = 0; run < 3000; run++) {
		const struct call *c = run & 1 ? &c4 : &c6;
		enum stream_side side = run >> 1 & 1;
		struct draft d = rtp_from(c, side, (uint16_t)run);

		for (unsigned i = 12; i < sizeof(bytes); i++) {
			state = state * 1664525u + 1013904223u;
			bytes[i] = run % 5 == 0 ? 0 : run % 5 == 1 ? 0xff : (uint8_t)(state >> 24);
		}
		memcpy(bytes, rtp_payload((uint16_t)run), 12);
		d.payload = bytes;
		d.len = (uint16_t)(12 + state % (sizeof(bytes) - 12));
		world.tx.nsent = 0;
		world_feed(&world, &d);
		cr_assert(sum_is_right(world_last(&world)), "run %u: %x", run,
			  world_last(&world)->sum);
	}
}

Test(media_stage, payload_sum_is_unknown_without_a_checksum)
{
	struct call c = call_open(&world, NET_IP4, NET_IP6);
	struct draft d = rtp_from(&c, SIDE_A, 1);

	d.no_csum = true;
	world_feed(&world, &d);
	cr_assert_eq(world_last(&world)->sum, TX_SUM_UNKNOWN);
	cr_assert_eq(world_last(&world)->len, 172);
}

/* What was damaged on the way must not be made good by a fresh checksum. */
Test(media_stage, damage_stays_visible)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtp_from(&c, SIDE_A, 1);
	struct rte_mbuf *m = world_packet(&world, &d);

	*rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->payload_off + 100) ^= 1;
	media_stage(world.media, &world.tx, &world.drops, &m, 1, world.now_ns);
	cr_assert_not(sum_is_right(world_last(&world)));
}

Test(media_stage, trailer_is_left_behind)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtp_from(&c, SIDE_A, 1);

	d.len = 14;
	d.trailer = 4;
	world_feed(&world, &d);
	cr_assert_eq(world_last(&world)->len, 14);
	cr_assert(sum_is_right(world_last(&world)));
}

Test(media_stage, segments)
{
	static const uint16_t cuts[] = {1, 2, 11, 12, 13, 80, 171};
	struct call c = call_open(&world, NET_IP6, NET_IP4);

	for (unsigned i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct draft d = rtp_from(&c, SIDE_A, (uint16_t)i);

		d.first_seg = cuts[i];
		d.trailer = cuts[i] % 2 ? 0 : 1;
		world_feed(&world, &d);
		cr_assert_eq(world_last(&world)->len, 172);
		cr_assert_arr_eq(world_last(&world)->payload, rtp_payload((uint16_t)i), 172);
		cr_assert(sum_is_right(world_last(&world)));
	}
	cr_assert_eq(world.tx.nsent, sizeof(cuts) / sizeof(cuts[0]));
	/* RTCP is put together, since its names are rewritten. */
	for (uint16_t cut = 1; cut < sizeof(report); cut++) {
		struct draft d = rtcp_from(&c, SIDE_A, report, sizeof(report));

		d.first_seg = cut;
		world_feed(&world, &d);
		cr_assert_eq(world_last(&world)->len, sizeof(report));
		cr_assert_arr_eq(world_last(&world)->payload, report, 18);
		cr_assert_not(memmem(world_last(&world)->payload, sizeof(report), "alice", 5));
	}
	cr_assert_eq(world_dropped_all(&world), 0);
}

Test(media_stage, no_stream)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtp_from(&c, SIDE_A, 1);

	for (unsigned port = 1; port <= UINT16_MAX; port += 2) {
		uint16_t even = (uint16_t)(port & ~1u);

		d.dst.port = even == c.local[SIDE_A].port ? 10200 : even;
		world_feed(&world, &d);
	}
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_NO_STREAM), 32768);
	/* The other family's, the other realm's. */
	d.dst.port = c.local[SIDE_A].port;
	d.realm = 1;
	world_feed(&world, &d);
	d.realm = 0;
	d.src = endpoint("[fd99:1::2]:4000");
	d.dst.family = NET_IP6;
	d.dst.addr = endpoint("fd99:1::1").addr;
	world_feed(&world, &d);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_NO_STREAM), 32770);
	cr_assert_eq(world.tx.nsent, 0);
	cr_assert_eq(stats_of(&world, &c, SIDE_A).dropped_pkts, 0);
}

Test(media_stage, late_media_after_the_call)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtp_from(&c, SIDE_A, 1),
		     r = rtcp_from(&c, SIDE_B, bare_report, sizeof(bare_report));

	world_feed(&world, &d);
	stream_pair_close(world.media, world.now_ns, c.pair);
	world_feed(&world, &d);
	world_feed(&world, &r);
	cr_assert_eq(world.tx.nsent, 1);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_NO_STREAM), 2);
}

Test(media_stage, wrong_source)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtp_from(&c, SIDE_A, 1),
		     r = rtcp_from(&c, SIDE_A, bare_report, sizeof(bare_report));

	d.src = endpoint("10.99.1.66:4000");
	world_feed(&world, &d);
	d.src = endpoint("10.99.1.2:4002");
	world_feed(&world, &d);
	/* The far side's peer has no business at this side's port. */
	d.src = c.peer[SIDE_B];
	world_feed(&world, &d);
	/* Whether it is RTP at all is not even looked at. */
	d.src = endpoint("10.99.1.66:4000");
	d.payload = (const uint8_t *)"spray";
	d.len = 5;
	world_feed(&world, &d);
	r.src = endpoint("10.99.1.66:4001");
	world_feed(&world, &r);
	r.src = c.peer[SIDE_A];
	world_feed(&world, &r);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_SOURCE), 6);
	cr_assert_eq(world_dropped_all(&world), 6);
	cr_assert_eq(world.tx.nsent, 0);
	cr_assert_eq(stats_of(&world, &c, SIDE_A).dropped_pkts, 6);
	cr_assert_eq(stats_of(&world, &c, SIDE_A).last_seen_ns, 0);
	cr_assert_eq(stats_of(&world, &c, SIDE_A).rx_pkts, 0);
}

Test(media_stage, neither_rtp_nor_rtcp)
{
	static const struct {
		uint8_t bytes[16];
		uint16_t len;
	} bad[] = {
		{{0}, 0},
		{{0x80}, 1},
		{{0x80, 0}, 2},
		{{0x80, 0}, 11},
		{{0x40, 0}, 16},
		{{0}, 16},
		{{0x8f, 0}, 16},
		{{0x90, 0, [15] = 9}, 16},
		{{0x80, 200, 0, 1}, 8},
		{{0x80, 201, 0, 1}, 16},
	};
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	unsigned n = sizeof(bad) / sizeof(bad[0]);

	for (unsigned i = 0; i < n; i++) {
		struct draft d = rtp_from(&c, SIDE_A, 1);

		d.payload = bad[i].bytes;
		d.len = bad[i].len;
		world_feed(&world, &d);
		cr_assert_eq(world_dropped(&world, DROP_MEDIA_INVALID), i + 1, "case %u", i);
	}
	for (unsigned i = 0; i < n - 2; i++) {
		struct draft d = rtcp_from(&c, SIDE_B, bad[i].bytes, bad[i].len);

		world_feed(&world, &d);
		cr_assert_eq(world_dropped(&world, DROP_MEDIA_INVALID), n + i + 1, "case %u", i);
	}
	cr_assert_eq(world.tx.nsent, 0);
	cr_assert_eq(stats_of(&world, &c, SIDE_A).dropped_pkts, n);
	cr_assert_eq(stats_of(&world, &c, SIDE_B).dropped_pkts, n - 2);
}

Test(media_stage, against_the_direction)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct stream_remote a = remote_of(&c, SIDE_A);
	struct draft from_a = rtp_from(&c, SIDE_A, 1), from_b = rtp_from(&c, SIDE_B, 1);
	struct draft rtcp_a = rtcp_from(&c, SIDE_A, bare_report, sizeof(bare_report));
	struct draft rtcp_b = rtcp_from(&c, SIDE_B, bare_report, sizeof(bare_report));

	/* A said sendonly. */
	a.may_receive = false;
	remote_set(&world, &c, SIDE_A, &a);
	world_feed(&world, &from_a);
	cr_assert_eq(world.tx.nsent, 1);
	world_feed(&world, &from_b);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_HOLD), 1);
	/* A said inactive. RTCP goes on (RFC 3264 section 5.1). */
	a.may_send = false;
	remote_set(&world, &c, SIDE_A, &a);
	world_feed(&world, &from_a);
	world_feed(&world, &from_b);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_HOLD), 3);
	cr_assert_eq(world.tx.nsent, 1);
	world_feed(&world, &rtcp_a);
	world_feed(&world, &rtcp_b);
	cr_assert_eq(world.tx.nsent, 3);
	/* Held media is a sign of life all the same, and no loss when it goes on. */
	cr_assert_eq(stats_of(&world, &c, SIDE_B).last_seen_ns, world.now_ns);
	cr_assert_eq(stats_of(&world, &c, SIDE_B).rx_pkts, 0);
	cr_assert_eq(stats_of(&world, &c, SIDE_B).dropped_pkts, 2);
	a.may_send = a.may_receive = true;
	remote_set(&world, &c, SIDE_A, &a);
	from_b = rtp_from(&c, SIDE_B, 2);
	world_feed(&world, &from_b);
	cr_assert_eq(world.tx.nsent, 4);
	cr_assert_eq(stats_of(&world, &c, SIDE_B).lost_pkts, 0);
}

Test(media_stage, far_side_not_known)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct stream_remote hold = remote_of(&c, SIDE_B), a = remote_of(&c, SIDE_A);
	struct draft d = rtp_from(&c, SIDE_A, 1), r = rtcp_from(&c, SIDE_A, report, sizeof(report));
	struct call early = {.peer = {c.peer[SIDE_A], c.peer[SIDE_B]}};

	/* B is on hold by c=0.0.0.0. */
	hold.rtp = hold.rtcp = (struct net_endpoint){0};
	remote_set(&world, &c, SIDE_B, &hold);
	world_feed(&world, &d);
	world_feed(&world, &r);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_NO_PEER), 2);
	/* B has not answered yet. */
	cr_assert_eq(stream_pair_open(world.media, world.now_ns, (struct stream_local){0, NET_IP4},
				      (struct stream_local){1, NET_IP4}, &early.pair),
		     0);
	stream_pair_local(world.media, early.pair, SIDE_A, &d.dst, &r.dst);
	remote_set(&world, &early, SIDE_A, &a);
	world_feed(&world, &d);
	world_feed(&world, &r);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_NO_PEER), 4);
	cr_assert_eq(world.tx.nsent, 0);
	cr_assert_eq(stats_of(&world, &early, SIDE_A).rtcp_pkts, 0);
	/* Before its own SDP, A is nobody either. */
	stream_pair_local(world.media, early.pair, SIDE_B, &d.dst, &r.dst);
	d.realm = r.realm = 1;
	d.src = c.peer[SIDE_B];
	world_feed(&world, &d);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_SOURCE), 1);
}

Test(media_stage, learns_the_first_valid_packet)
{
	struct call c = call_open(&world, NET_IP4, NET_IP6);
	struct stream_remote a = remote_of(&c, SIDE_A);
	struct draft d = rtp_from(&c, SIDE_A, 1), back = rtp_from(&c, SIDE_B, 1);
	struct net_endpoint nat = endpoint("10.99.1.254:61000"),
			    nat_rtcp = endpoint("10.99.1.254:61007");
	struct draft r = rtcp_from(&c, SIDE_A, report, sizeof(report)),
		     r_back = rtcp_from(&c, SIDE_B, report, sizeof(report));

	a.rtp = endpoint("192.168.1.10:4000");
	a.rtcp = endpoint("192.168.1.10:4001");
	a.source = SOURCE_LEARN;
	remote_set(&world, &c, SIDE_A, &a);
	/* A scanner's probe is not RTP and decides nothing. */
	d.src = endpoint("10.99.1.66:1234");
	d.payload = (const uint8_t *)"\x00\x01\x00\x00probe-probe";
	d.len = 15;
	world_feed(&world, &d);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_INVALID), 1);
	/* The peer. */
	d.src = nat;
	d.payload = rtp_payload(1);
	d.len = 172;
	world_feed(&world, &d);
	cr_assert(went(world_last(&world), &c.local[SIDE_B], &c.peer[SIDE_B]));
	cr_assert(stats_of(&world, &c, SIDE_A).learned);
	world_feed(&world, &back);
	cr_assert(went(world_last(&world), &c.local[SIDE_A], &nat));
	/* Its RTCP, from another port of the same NAT. */
	r.src = nat_rtcp;
	world_feed(&world, &r);
	world_feed(&world, &r_back);
	cr_assert(went(world_last(&world), &c.local_rtcp[SIDE_A], &nat_rtcp));
	/* Injection: too late. */
	d.src = endpoint("10.99.1.66:1234");
	world_feed(&world, &d);
	r.src = endpoint("10.99.1.66:1235");
	world_feed(&world, &r);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_SOURCE), 2);
	cr_assert_eq(world.tx.nsent, 4);
}

Test(media_stage, rtcp_by_its_own_ports)
{
	struct call c = call_open(&world, NET_IP4, NET_IP6);

	for (unsigned side = 0; side < 2; side++) {
		struct draft d = rtcp_from(&c, side, report, sizeof(report));
		const struct sent *sent;

		world.now_ns += 1000;
		world_feed(&world, &d);
		sent = world_last(&world);
		cr_assert(went(sent, &c.local_rtcp[!side], &c.peer_rtcp[!side]));
		cr_assert_eq(sent->flow.realm, !side);
		cr_assert_eq(sent->sum, TX_SUM_UNKNOWN, "the names in it were replaced");
		cr_assert_not(memmem(sent->payload, sent->len, "alice", 5));
		cr_assert_not(memmem(sent->payload, sent->len, "10.0.0.1", 8));
		cr_assert_eq(stats_of(&world, &c, side).rtcp_pkts, 1);
		cr_assert_eq(stats_of(&world, &c, side).rx_pkts, 0);
		cr_assert_eq(stats_of(&world, &c, side).last_seen_ns, world.now_ns);
		/* Its next hop is noted apart from RTP's. */
		world_feed(&world, &d);
		cr_assert_eq(world_last(&world)->flow.neigh, 4711);
	}
}

Test(media_stage, rtcp_without_names_keeps_its_sum)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtcp_from(&c, SIDE_A, bare_report, sizeof(bare_report));

	world_feed(&world, &d);
	cr_assert(sum_is_right(world_last(&world)));
}

/* Each side multiplexes or does not (RFC 5761): four ways across. */
Test(media_stage, rtcp_mux)
{
	for (unsigned ways = 0; ways < 4; ways++) {
		struct call c = call_open(&world, NET_IP4, NET_IP4);
		bool mux[2] = {ways & 1, ways & 2};

		for (unsigned side = 0; side < 2; side++) {
			struct stream_remote remote = remote_of(&c, side);

			remote.rtcp_mux = mux[side];
			if (mux[side])
				remote.rtcp = remote.rtp;
			remote_set(&world, &c, side, &remote);
		}
		for (unsigned side = 0; side < 2; side++) {
			struct draft rtp = rtp_from(&c, side, 1),
				     rtcp = rtcp_from(&c, side, bare_report, sizeof(bare_report));

			if (mux[side]) {
				rtcp.src = c.peer[side];
				rtcp.dst = c.local[side];
			}
			world_feed(&world, &rtp);
			cr_assert(went(world_last(&world), &c.local[!side], &c.peer[!side]));
			world_feed(&world, &rtcp);
			if (mux[!side])
				cr_assert(
					went(world_last(&world), &c.local[!side], &c.peer[!side]));
			else
				cr_assert(went(world_last(&world), &c.local_rtcp[!side],
					       &c.peer_rtcp[!side]));
			cr_assert_eq(stats_of(&world, &c, side).rtcp_pkts, 1);
			cr_assert_eq(stats_of(&world, &c, side).rx_pkts, 1);
		}
		cr_assert_eq(world_dropped_all(&world), 0);
		stream_pair_close(world.media, world.now_ns, c.pair);
	}
}

/* Payload type 64 with the marker looks like an RTCP type, and is RTP where nobody multiplexes. */
Test(media_stage, rtp_that_looks_like_rtcp)
{
	struct call c = call_open(&world, NET_IP4, NET_IP4);
	struct draft d = rtp_from(&c, SIDE_A, 1);
	uint8_t bytes[172];

	memcpy(bytes, d.payload, sizeof(bytes));
	bytes[1] = 192;
	d.payload = bytes;
	world_feed(&world, &d);
	cr_assert_eq(stats_of(&world, &c, SIDE_A).rx_pkts, 1);
	cr_assert_eq(stats_of(&world, &c, SIDE_A).payload_type, 64);
}

/* A long vector of many calls, good and bad mixed: each packet has its own fate, and a call's order
 * stays. */
Test(media_stage, long_vector)
{
	enum { CALLS = 20, PKTS = 300 };
	struct call calls[CALLS];
	struct rte_mbuf *pkts[PKTS];
	uint16_t next_seq[CALLS] = {0}, want_seq[CALLS] = {0};
	unsigned bad = 0;

	for (unsigned i = 0; i < CALLS; i++) {
		calls[i] = call_open(&world, i % 2 ? NET_IP4 : NET_IP6, i % 3 ? NET_IP4 : NET_IP6);
	}
	for (unsigned i = 0; i < PKTS; i++) {
		unsigned at = i * 7 % CALLS;
		struct draft d = rtp_from(&calls[at], SIDE_A, next_seq[at]);

		if (i % 11 == 3) {
			d.src.port = 9;
			bad++;
		} else if (i % 11 == 4) {
			d.dst.port = 9;
			bad++;
		} else {
			next_seq[at]++;
		}
		pkts[i] = world_packet(&world, &d);
	}
	media_stage(world.media, &world.tx, &world.drops, pkts, PKTS, world.now_ns);
	cr_assert_eq(world.tx.nsent, PKTS - bad);
	cr_assert_eq(world_dropped(&world, DROP_MEDIA_SOURCE) +
			     world_dropped(&world, DROP_MEDIA_NO_STREAM),
		     bad);
	for (unsigned i = 0; i < world.tx.nsent; i++) {
		const struct sent *sent = &world.tx.sent[i];
		unsigned at = 0;

		while (at < CALLS && !net_endpoint_eq(&sent->flow.src, &calls[at].local[SIDE_B]))
			at++;
		cr_assert_lt(at, CALLS);
		cr_assert_eq((uint16_t)(sent->payload[2] << 8 | sent->payload[3]), want_seq[at]);
		want_seq[at]++;
	}
	cr_assert_arr_eq(next_seq, want_seq, sizeof(next_seq));
}

Test(media_stage, empty_vector)
{
	media_stage(world.media, &world.tx, &world.drops, NULL, 0, world.now_ns);
	cr_assert_eq(world.tx.nsent, 0);
}

Test(media_stage, only_what_is_plain_has_its_headers_written_over)
{
	struct call c4, c6;
	struct draft d;
	uint8_t odd[172];

	c4 = call_open(&world, NET_IP4, NET_IP4);
	c6 = call_open(&world, NET_IP4, NET_IP6);
	for (unsigned type = 0; type < 256; type++) {
		unsigned before = world.tx.nsent, relayed = world.tx.nrelayed;
		bool none = (type & 0x7f) >= 72 && (type & 0x7f) <= 76;

		memcpy(odd, rtp_payload((uint16_t)type), sizeof(odd));
		odd[1] = (uint8_t)type;
		d = rtp_from(&c4, SIDE_A, 0);
		d.payload = odd;
		world_feed(&world, &d);
		cr_expect_eq(world.tx.nsent, before + !none, "%u", type);
		cr_expect_eq(world.tx.nrelayed, relayed + ((type & 0x60) != 0x40), "%u", type);
	}
	world.tx.nrelayed = world.tx.nsent = 0;
	d = rtp_from(&c6, SIDE_A, 1);
	world_feed(&world, &d);
	d = rtp_from(&c6, SIDE_B, 1);
	world_feed(&world, &d);
	d = rtp_from(&c4, SIDE_A, 300);
	d.no_csum = true;
	world_feed(&world, &d);
	d.no_csum = false;
	d.first_seg = 100;
	world_feed(&world, &d);
	cr_expect_eq(world.tx.nsent, 4);
	cr_expect_eq(world.tx.nrelayed, 0);
}
