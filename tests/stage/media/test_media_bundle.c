/* SPDX-License-Identifier: BSD-3-Clause */
/* A bundle on one side, a port for each section on the other, through the media stage: both ways,
 * RTP and RTCP, plain and with keys on the far side. */
#include "dataplane/media/srtp.h"

#include <criterion/criterion.h>

#include "media_world.h"

static struct world world;
static struct secure_engine *limens, *peers;
static uint64_t pair[2];
static struct net_endpoint bundle_at, far_at[2], port_a, port_b[2];
static uint8_t packet[200];

static void remote_set(unsigned section, enum stream_side side, struct net_endpoint at, bool mux)
{
	struct sdp_formats formats = {.proto = SDP_PROTO_RTP, .ntypes = 1};
	struct stream_remote remote = {
		.rtp = at, .rtcp = at, .rtcp_mux = mux, .may_send = true, .may_receive = true};

	remote.rtcp.port += !mux;
	formats.types[0] = (struct codec_format){.payload_type = section ? 96 : 8, .clock_hz = 8000};
	remote.formats = &formats;
	stream_pair_remote(world.media, world.now_ns, pair[section], side, &remote);
}

static void setup(void)
{
	struct secure_engine_conf engine = {.choice = SECURE_LIBSRTP2};
	struct stream_bundle_conf conf = {.members = 3, .mid_ext = 2};
	struct net_endpoint rtcp;

	world_open(&world);
	engine.pool = world.pool;
	engine.ndirs = media_secure_dirs(world.media);
	limens = secure_engine_new(&engine);
	peers = secure_engine_new(&engine);
	media_set_engine(world.media, limens);
	bundle_at = endpoint("10.99.1.2:4000");
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++)
		conf.pair[i] = HANDLE_NONE;
	for (unsigned i = 0; i < 2; i++) {
		far_at[i] = endpoint(i ? "10.99.2.2:6002" : "10.99.2.2:6000");
		cr_assert_eq(stream_pair_open(world.media, 0, (struct stream_local){0, NET_IP4},
					      (struct stream_local){1, NET_IP4}, &pair[i]),
			     0);
		conf.pair[i] = pair[i];
		conf.mid[i] = i ? SPAN("v") : SPAN("s");
		stream_pair_local(world.media, pair[i], SIDE_B, &port_b[i], &rtcp);
	}
	cr_assert_eq(stream_bundle_set(world.media, SIDE_A, &conf), 0);
	stream_pair_local(world.media, pair[1], SIDE_A, &port_a, &rtcp);
	for (unsigned i = 0; i < 2; i++) {
		remote_set(i, SIDE_A, bundle_at, true);
		remote_set(i, SIDE_B, far_at[i], false);
	}
}

static void teardown(void)
{
	for (unsigned i = 0; i < 2; i++)
		stream_pair_close(world.media, world.now_ns, pair[i]);
	secure_engine_free(limens);
	secure_engine_free(peers);
	world_close(&world);
}

TestSuite(media_bundle, .init = setup, .fini = teardown, .timeout = 60);

static void make_rtp(uint8_t type, uint16_t seq, uint8_t ssrc)
{
	memset(packet, 0xd5, sizeof(packet));
	memset(packet, 0, 12);
	packet[0] = 0x80;
	packet[1] = type;
	packet[2] = (uint8_t)(seq >> 8);
	packet[3] = (uint8_t)seq;
	packet[11] = ssrc;
}

static void feed(struct net_endpoint src, struct net_endpoint dst, uint8_t realm, uint16_t len)
{
	struct draft d = {.src = src, .dst = dst, .realm = realm, .payload = packet, .len = len};

	world_feed(&world, &d);
}

/* The packet that was fed has arrived there, from there, unchanged. */
static void arrived(struct net_endpoint dst, struct net_endpoint src, uint16_t len)
{
	const struct sent *got = world_last(&world);

	cr_expect(net_endpoint_eq(&got->flow.dst, &dst) && net_endpoint_eq(&got->flow.src, &src));
	cr_expect_eq(got->len, len);
	cr_expect_eq(memcmp(got->payload, packet, len), 0);
}

Test(media_bundle, both_ways)
{
	for (uint16_t seq = 0; seq < 50; seq++) {
		unsigned section = seq % 3 == 0;

		make_rtp(section ? 96 : 8, seq, (uint8_t)(10 + section));
		feed(bundle_at, port_a, 0, 172);
		arrived(far_at[section], port_b[section], 172);
		make_rtp(section ? 96 : 8, seq, (uint8_t)(20 + section));
		feed(far_at[section], port_b[section], 1, 172);
		arrived(bundle_at, port_a, 172);
	}
	cr_expect_eq(world_dropped_all(&world), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct stream_stats stats[2];

		for (unsigned side = 0; side < 2; side++)
			stream_pair_stats(world.media, pair[i], side, &stats[side]);
		cr_expect_eq(stats[0].rx_pkts, i ? 17 : 33);
		cr_expect_eq(stats[1].rx_pkts, i ? 17 : 33);
		cr_expect_eq(stats[0].restarts, 0, "each section has its own source");
	}
}

Test(media_bundle, what_is_of_no_section_is_dropped_and_counted)
{
	make_rtp(77 - 32, 1, 5);
	feed(bundle_at, port_a, 0, 172);
	cr_expect_eq(world_dropped(&world, DROP_MEDIA_SECTION), 1);
	make_rtp(8, 1, 5);
	feed(endpoint("10.99.1.9:4000"), port_a, 0, 172);
	cr_expect_eq(world_dropped(&world, DROP_MEDIA_SOURCE), 1);
	feed(bundle_at, port_a, 0, 11);
	cr_expect_eq(world_dropped(&world, DROP_MEDIA_INVALID), 1);
	feed(bundle_at, port_a, 0, 0);
	cr_expect_eq(world_dropped(&world, DROP_MEDIA_INVALID), 2);
	cr_expect_eq(world.tx.nsent, 0);
}

Test(media_bundle, rtcp_goes_to_its_section_and_comes_back_by_the_one_port)
{
	struct net_endpoint rtcp_b = port_b[1], far_rtcp = far_at[1];

	rtcp_b.port++;
	far_rtcp.port++;
	make_rtp(96, 1, 11);
	feed(bundle_at, port_a, 0, 172);
	memset(packet, 0, sizeof(packet));
	packet[0] = 0x80;
	packet[1] = 200;
	packet[3] = 6;
	packet[7] = 11;
	feed(bundle_at, port_a, 0, 28);
	arrived(far_rtcp, rtcp_b, 28);
	packet[7] = 21;
	feed(far_rtcp, rtcp_b, 1, 28);
	arrived(bundle_at, port_a, 28);
	cr_expect_eq(world_dropped_all(&world), 0);
}

/* The far side's sections have keys, each its own; the bundle has none. */
Test(media_bundle, towards_a_far_side_with_keys)
{
	struct secure_key key[2][2] = {0};

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned way = 0; way < 2; way++) {
			key[i][way].suite = SECURE_AES_CM_128_HMAC_SHA1_80;
			memset(key[i][way].key, (int)(1 + 2 * i + way), 16);
		}
		cr_assert_eq(stream_pair_secure(world.media, pair[i], SIDE_B, &key[i][0], &key[i][1]), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct secure_dir dir = {.key = key[i][1], .epoch = 1 + i};
		struct rte_mbuf *m = rte_pktmbuf_alloc(world.pool);
		struct secure_job job = {.m = m, .dir = &dir, .id = i};

		make_rtp(i ? 96 : 8, 7, (uint8_t)(30 + i));
		feed(bundle_at, port_a, 0, 172);
		cr_expect(net_endpoint_eq(&world_last(&world)->flow.dst, &far_at[i]));
		cr_assert_eq(world_last(&world)->len, 182);
		job.len = 182;
		memcpy(rte_pktmbuf_append(m, 182), world_last(&world)->payload, 182);
		secure_unprotect(peers, &job, 1);
		cr_expect_eq(job.result, SECURE_OK, "section %u under its own key", i);
		cr_expect_eq(memcmp(rte_pktmbuf_mtod(m, void *), packet, 172), 0);
		rte_pktmbuf_free(m);
	}
	cr_expect_eq(world_dropped_all(&world), 0);
}
