/* SPDX-License-Identifier: BSD-3-Clause */
/* Quality, policing, hidden sources, T.38 and DTLS: the media stage fed with packets made by
 * hand. */
#include "dataplane/media/media_stage.h"

#include <criterion/criterion.h>

#include "dataplane/io/csum.h"
#include "media_world.h"

static struct world world;
static uint64_t pair;
static struct net_endpoint peer[2], local[2], local_rtcp[2];
static struct sdp_formats formats;

static struct stream_remote remote_of(enum stream_side side)
{
	struct net_endpoint rtcp = peer[side];

	rtcp.port++;
	return (struct stream_remote){
		.rtp = peer[side], .rtcp = rtcp, .may_send = true, .may_receive = true,
		.formats = &formats,
	};
}

static void set(enum stream_side side, const struct stream_remote *remote)
{
	stream_pair_remote(world.media, world.now_ns, pair, side, remote);
}

static void call_open(enum sdp_proto proto)
{
	world_open(&world);
	peer[0] = endpoint("10.99.1.2:4000");
	peer[1] = endpoint("10.99.2.2:6000");
	formats = (struct sdp_formats){
		.kind = SDP_KIND_AUDIO,
		.proto = (uint8_t)proto,
		.ntypes = 2,
		.types = {{0, CODEC_PCMU, 1, 8000}, {101, CODEC_TELEPHONE_EVENT, 1, 8000}},
	};
	cr_assert_eq(stream_pair_open(world.media, world.now_ns, (struct stream_local){0, NET_IP4},
				      (struct stream_local){1, NET_IP4}, &pair), 0);
	for (unsigned side = 0; side < 2; side++) {
		struct stream_remote remote = remote_of(side);

		stream_pair_local(world.media, pair, side, &local[side], &local_rtcp[side]);
		set(side, &remote);
	}
}

static void call_close(void)
{
	stream_pair_close(world.media, world.now_ns, pair);
	world_close(&world);
}

static struct stream_stats stats_of(enum stream_side side)
{
	struct stream_stats stats;

	stream_pair_stats(world.media, pair, side, &stats);
	return stats;
}

static bool feed(enum stream_side side, bool rtcp, const uint8_t *bytes, uint16_t len)
{
	struct draft d = {.src = peer[side], .dst = rtcp ? local_rtcp[side] : local[side],
			  .realm = (uint8_t)side, .payload = bytes, .len = len};
	unsigned before = world.tx.nsent;

	d.src.port = (uint16_t)(d.src.port + rtcp);
	world_feed(&world, &d);
	if (world.tx.nsent == before)
		return false;
	world.tx.nsent = 0;
	return true;
}

static bool feed_rtp(enum stream_side side, uint8_t type, uint16_t seq, uint32_t timestamp)
{
	uint8_t pkt[172] = {0x80, type, (uint8_t)(seq >> 8), (uint8_t)seq};

	for (unsigned i = 0; i < 4; i++) {
		pkt[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
		pkt[8 + i] = (uint8_t)(0xa0 + i);
	}
	return feed(side, false, pkt, sizeof(pkt));
}

/* Lost, late, double, and keys pressed, on both ways of the stage. */
Test(media_quality, counts)
{
	static const uint16_t order[] = {1, 2, 3, 7, 5, 5, 8, 9, 9, 10};
	struct stream_stats a;

	call_open(SDP_PROTO_RTP);
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		world.now_ns += 20000000;
		cr_assert(feed_rtp(SIDE_A, 0, order[i], order[i] * 160u), "%u", i);
	}
	for (uint16_t seq = 11; seq < 19; seq++)
		cr_assert(feed_rtp(SIDE_A, 101, seq, seq < 15 ? 5000 : 6000));
	a = stats_of(SIDE_A);
	cr_expect_eq(a.rx_pkts, 18);
	cr_expect_eq(a.expected_pkts, 18);
	cr_expect_eq(a.lost_pkts, 2);
	cr_expect_eq(a.out_of_order_pkts, 1);
	cr_expect_eq(a.duplicate_pkts, 2);
	cr_expect_eq(a.events, 2);
	cr_expect_eq(a.payload_type, 0);
	cr_expect_eq(a.codec, CODEC_PCMU);
	cr_expect_eq(a.kind, SDP_KIND_AUDIO);
	cr_expect(a.is_rtp && !stats_of(SIDE_B).is_rtp);
	call_close();
}

/* A's SR goes by; B answers it 50 ms later and says that it kept it for 30 ms: 20 ms between limen
 * and B. What B reports is about what A sends. */
Test(media_quality, round_trip_and_far_end)
{
	uint8_t sr[28] = {0x80, 200, 0, 6, 0xa0, 0xa1, 0xa2, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t rr[32] = {0x81, 201, 0, 7, 9, 9, 9, 9, 0xa0, 0xa1, 0xa2, 0xa3, 25, 0, 0, 12,
			  0, 0, 0, 9, 0, 0, 0, 80, 3, 4, 5, 6};
	uint32_t kept = 65536 * 30 / 1000;
	struct stream_stats a, b;

	call_open(SDP_PROTO_RTP);
	cr_assert(feed_rtp(SIDE_A, 0, 1, 160));
	cr_assert(feed(SIDE_A, true, sr, sizeof(sr)));
	world.now_ns += 50000000;
	for (unsigned i = 0; i < 4; i++)
		rr[28 + i] = (uint8_t)(kept >> (24 - 8 * i));
	cr_assert(feed(SIDE_B, true, rr, sizeof(rr)));
	a = stats_of(SIDE_A);
	b = stats_of(SIDE_B);
	cr_expect(b.rtt_us >= 19900 && b.rtt_us <= 20100, "%u us", b.rtt_us);
	cr_expect_eq(a.rtt_us, 0, "of A nothing is known");
	cr_expect_eq(a.far_reports, 1);
	cr_expect_eq(a.far_lost_pkts, 12);
	cr_expect_eq(a.far_jitter_us, 10000);
	cr_expect_eq(b.far_reports, 0);
	rr[11]++; /* of another source, and with a time that nobody sent */
	rr[24]++;
	cr_assert(feed(SIDE_B, true, rr, sizeof(rr)));
	cr_expect_eq(stats_of(SIDE_A).far_reports, 1);
	cr_expect_eq(stats_of(SIDE_B).rtt_us, b.rtt_us);
	call_close();
}

/* PCMU in packets of 10 ms is 12,000 bytes/s, with 50 % above it 18,000, and 65,535 at once. */
Test(media_quality, policed)
{
	struct stream_remote remote;
	unsigned passed = 0;
	uint64_t owner;

	call_open(SDP_PROTO_RTP);
	remote = remote_of(SIDE_A);
	remote.police_burst_ms = 1000;
	remote.police_headroom_percent = 50;
	set(SIDE_A, &remote);
	stream_pair_own(world.media, pair, 77);
	for (unsigned i = 0; i < 1000; i++) /* 200 bytes each, at once */
		passed += feed_rtp(SIDE_A, 0, (uint16_t)i, i * 160);
	cr_expect_eq(passed, 65535 / 200);
	cr_expect_eq(world_dropped(&world, DROP_MEDIA_POLICED), 1000 - passed);
	cr_expect_eq(stats_of(SIDE_A).policed_pkts, 1000 - passed);
	cr_expect_eq(stats_of(SIDE_A).lost_pkts, 0, "they came");
	cr_expect(stream_next_policed(world.media, &owner) && owner == 77);
	cr_expect_not(stream_next_policed(world.media, &owner));
	world.now_ns += 1000000000;
	passed = 0;
	for (unsigned i = 0; i < 1000; i++)
		passed += feed_rtp(SIDE_A, 0, (uint16_t)(1000 + i), i * 160);
	cr_expect(passed >= 89 && passed <= 91, "%u in a second", passed);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert(feed_rtp(SIDE_B, 0, (uint16_t)i, i * 160), "the other side is not");
	call_close();
}

/* 50 packets a second for two minutes pass any limit that was negotiated. */
Test(media_quality, what_was_negotiated_passes)
{
	struct stream_remote remote;

	call_open(SDP_PROTO_RTP);
	remote = remote_of(SIDE_A);
	remote.police_burst_ms = 100;
	set(SIDE_A, &remote);
	for (unsigned i = 0; i < 6000; i++, world.now_ns += 20000000)
		cr_assert(feed_rtp(SIDE_A, 0, (uint16_t)i, i * 160));
	call_close();
}

Test(media_quality, hidden_sources)
{
	static const uint8_t rr[32] = {0x81, 201, 0, 7, 0xa0, 0xa1, 0xa2, 0xa3, 5, 5, 5, 5};
	uint32_t mask, seen;
	struct stream_remote remote;
	const struct sent *sent;

	call_open(SDP_PROTO_RTP);
	remote = remote_of(SIDE_A);
	remote.hide_ssrc = true;
	set(SIDE_A, &remote);
	mask = stream_pair_ssrc_mask(world.media, pair, SIDE_A);
	cr_assert_neq(mask, 0);
	cr_assert(feed_rtp(SIDE_A, 0, 1, 160));
	sent = &world.tx.sent[0];
	seen = rtp_ssrc(sent->payload);
	cr_expect_eq(seen, 0xa0a1a2a3 ^ mask);
	cr_expect_eq(sent->sum % 0xffff, rte_raw_cksum(sent->payload, sent->len) % 0xffff);
	cr_assert(feed(SIDE_A, true, rr, sizeof(rr)));
	cr_expect_eq(rtp_timestamp(sent->payload), 0xa0a1a2a3 ^ mask, "the sender of the report");
	cr_expect_eq(rtp_ssrc(sent->payload), 0x05050505, "B's is shown");
	cr_assert(feed_rtp(SIDE_B, 0, 1, 160));
	cr_expect_eq(rtp_ssrc(sent->payload), 0xa0a1a2a3);
	remote.formats = &(struct sdp_formats){.kind = SDP_KIND_AUDIO, .proto = SDP_PROTO_DTLS};
	set(SIDE_A, &remote);
	cr_assert(feed_rtp(SIDE_A, 0, 2, 320));
	cr_expect_eq(rtp_ssrc(sent->payload), 0xa0a1a2a3, "what is not limen's to change");
	call_close();
}

/* UDPTL begins with a sequence number of its own, DTLS with 20 to 63 (RFC 7983). */
static const uint8_t udptl[] = {0, 1, 5, 0, 0, 0, 0}, hello[] = {22, 254, 253, 0, 0};

Test(media_quality, fax)
{
	call_open(SDP_PROTO_UDPTL);
	cr_expect(feed(SIDE_A, false, udptl, sizeof(udptl)));
	cr_expect_eq(world.tx.sent[0].len, sizeof(udptl));
	cr_expect_not(stats_of(SIDE_A).is_rtp);
	call_close();
}

Test(media_quality, handshakes)
{
	call_open(SDP_PROTO_DTLS);
	cr_expect(feed(SIDE_B, false, hello, sizeof(hello)));
	cr_expect_not(feed(SIDE_B, false, udptl, sizeof(udptl)));
	cr_expect(feed_rtp(SIDE_B, 0, 1, 160));
	call_close();
}

Test(media_quality, neither_where_only_rtp_was_negotiated)
{
	call_open(SDP_PROTO_RTP);
	cr_expect_not(feed(SIDE_A, false, udptl, sizeof(udptl)));
	cr_expect_not(feed(SIDE_A, false, hello, sizeof(hello)));
	cr_expect_eq(world_dropped(&world, DROP_MEDIA_INVALID), 2);
	call_close();
}
