/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP on one side of a call and on both, through the media stage: what crosses, what does not, and
 * when keys count. The peers are a third engine. */
#include "dataplane/media/srtp.h"

#include <criterion/criterion.h>

#include "media_world.h"

static struct world world;
static struct secure_engine *limens, *peers;
static uint64_t pair, epoch;
static struct net_endpoint peer[2], local[2], local_rtcp[2];
/* By side: what the peer sends with, and what is sent to it; `mine` are the peer's ends of both. */
static struct secure_key key[2][2];
static struct secure_dir mine[2][2];
enum { FROM_PEER, TO_PEER };

static struct stream_remote remote_of(unsigned side, enum stream_source source)
{
	struct stream_remote remote = {
		.rtp = peer[side], .source = source, .may_send = true, .may_receive = true};

	remote.rtcp = remote.rtp;
	remote.rtcp.port++;
	return remote;
}

static void setup(void)
{
	struct secure_engine_conf conf = {.choice = SECURE_LIBSRTP2};

	world_open(&world);
	conf.pool = world.pool;
	conf.ndirs = media_secure_dirs(world.media);
	limens = secure_engine_new(&conf);
	peers = secure_engine_new(&conf);
	cr_assert(limens && peers);
	media_set_engine(world.media, limens);
	peer[0] = endpoint("10.99.1.2:4000");
	peer[1] = endpoint("10.99.2.2:6000");
	cr_assert_eq(stream_pair_open(world.media, world.now_ns, (struct stream_local){0, NET_IP4},
				      (struct stream_local){1, NET_IP4}, &pair),
		     0);
	for (unsigned side = 0; side < 2; side++) {
		struct stream_remote remote = remote_of(side, SOURCE_PIN);

		stream_pair_local(world.media, pair, side, &local[side], &local_rtcp[side]);
		stream_pair_remote(world.media, world.now_ns, pair, side, &remote);
	}
}

static void teardown(void)
{
	stream_pair_close(world.media, world.now_ns, pair);
	secure_engine_free(limens);
	secure_engine_free(peers);
	world_close(&world);
}

TestSuite(media_secure, .init = setup, .fini = teardown, .timeout = 60);

/* New keys for a side, each of that suite. */
static void secure(unsigned side, unsigned suite)
{
	for (unsigned way = 0; way < 2; way++) {
		struct secure_key *k = &key[side][way];

		memset(k, 0, sizeof(*k));
		k->suite = (uint8_t)suite;
		memset(k->key, (int)(++epoch), secure_suite_info(suite)->key_bytes);
		memset(k->salt, 0x5a, secure_suite_info(suite)->salt_bytes);
		mine[side][way] = (struct secure_dir){.key = *k, .epoch = epoch};
	}
	cr_assert_eq(stream_pair_secure(world.media, pair, side, &key[side][FROM_PEER],
					&key[side][TO_PEER]),
		     0);
}

static uint8_t rtp[PAYLOAD_MAX];

static void rtp_make(uint16_t seq)
{
	memset(rtp, 0xd5, 172);
	rtp[0] = 0x80;
	rtp[1] = 8;
	rtp[2] = (uint8_t)(seq >> 8);
	rtp[3] = (uint8_t)seq;
	memset(rtp + 4, 7, 8);
}

/* The peer's own doing: seal or open bytes; the length then, 0 when they are not good. */
static uint16_t peer_run(unsigned side, unsigned way, uint8_t *bytes, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(world.pool);
	struct secure_job job = {
		.m = m, .dir = &mine[side][way], .id = 2 * side + way, .len = len};

	memcpy(rte_pktmbuf_append(m, len), bytes, len);
	if (way == FROM_PEER)
		secure_protect(peers, &job, 1);
	else
		secure_unprotect(peers, &job, 1);
	memcpy(bytes, rte_pktmbuf_mtod(m, void *), job.len);
	rte_pktmbuf_free(m);
	return job.result == SECURE_OK ? job.len : 0;
}

static void feed(unsigned side, uint16_t len)
{
	struct draft d = {.src = peer[side],
			  .dst = local[side],
			  .realm = (uint8_t)side,
			  .payload = rtp,
			  .len = len};

	world_feed(&world, &d);
}

/* One packet from that side arrives at the other as it was. */
static void crosses(unsigned from, bool from_secure, bool to_secure, uint16_t seq)
{
	unsigned before = world.tx.nsent;
	uint16_t len = 172;
	struct sent got;

	rtp_make(seq);
	if (from_secure)
		len = peer_run(from, FROM_PEER, rtp, len);
	cr_assert_gt(len, 0);
	feed(from, len);
	cr_assert_eq(world.tx.nsent, before + 1, "seq %u from %u", seq, from);
	got = *world_last(&world);
	cr_expect(net_endpoint_eq(&got.flow.dst, &peer[!from]));
	if (to_secure) {
		cr_expect_neq(memcmp(got.payload + 12, "\xd5\xd5\xd5\xd5", 4), 0, "in clear");
		cr_expect_eq(peer_run(!from, TO_PEER, got.payload, (uint16_t)got.len), 172);
	} else {
		cr_expect_eq(got.len, 172);
	}
	rtp_make(seq);
	cr_expect_arr_eq(got.payload, rtp, 172);
}

Test(media_secure, every_suite_towards_plain_and_back)
{
	for (unsigned suite = 1; suite < SECURE_SUITES; suite++) {
		secure(SIDE_B, suite);
		for (uint16_t seq = 65530; seq != 10; seq++) {
			crosses(SIDE_A, false, true, seq);
			crosses(SIDE_B, true, false, seq);
		}
	}
	cr_expect_eq(world_dropped_all(&world), 0);
}

Test(media_secure, between_two_suites)
{
	struct stream_stats stats;

	secure(SIDE_A, SECURE_AEAD_AES_128_GCM);
	secure(SIDE_B, SECURE_AES_CM_128_HMAC_SHA1_32);
	for (uint16_t seq = 1; seq < 50; seq++) {
		crosses(SIDE_A, true, true, seq);
		crosses(SIDE_B, true, true, seq);
	}
	stream_pair_stats(world.media, pair, SIDE_A, &stats);
	cr_expect_eq(stats.rx_pkts, 49);
	cr_expect_eq(stats.rx_bytes, 49 * 172, "of RTP, without tags");
	cr_expect_eq(stats.lost_pkts, 0);
}

Test(media_secure, what_is_not_authentic_goes_nowhere)
{
	uint16_t len;

	secure(SIDE_B, SECURE_AES_CM_128_HMAC_SHA1_80);
	rtp_make(1);
	feed(SIDE_B, 172); /* in clear */
	cr_expect_eq(world_dropped(&world, DROP_SRTP_FORGED), 1);
	rtp_make(2);
	len = peer_run(SIDE_B, FROM_PEER, rtp, 172);
	rtp[50] ^= 1;
	feed(SIDE_B, len);
	cr_expect_eq(world_dropped(&world, DROP_SRTP_FORGED), 2);
	rtp[50] ^= 1;
	feed(SIDE_B, len);
	cr_expect_eq(world.tx.nsent, 1);
	feed(SIDE_B, len);
	cr_expect_eq(world_dropped(&world, DROP_SRTP_REPLAYED), 1);
	peer[SIDE_B] = endpoint("10.99.2.3:6000");
	rtp_make(3);
	len = peer_run(SIDE_B, FROM_PEER, rtp, 172);
	feed(SIDE_B, len);
	cr_expect_eq(world_dropped(&world, DROP_MEDIA_SOURCE), 1);
	feed(SIDE_B, 11);
	cr_expect_eq(world.tx.nsent, 1);
}

Test(media_secure, only_an_authentic_packet_decides_where_a_peer_is)
{
	struct stream_remote remote = remote_of(SIDE_B, SOURCE_LEARN);
	struct stream_stats stats;

	secure(SIDE_B, SECURE_AEAD_AES_256_GCM);
	stream_pair_remote(world.media, world.now_ns, pair, SIDE_B, &remote);
	peer[SIDE_B] = endpoint("10.99.2.66:666"); /* somebody else, first */
	rtp_make(1);
	feed(SIDE_B, 172);
	cr_expect_eq(world_dropped(&world, DROP_SRTP_FORGED), 1);
	peer[SIDE_B] = endpoint("10.99.2.9:9000");
	crosses(SIDE_B, true, false, 1);
	crosses(SIDE_A, false, true, 1);
	stream_pair_stats(world.media, pair, SIDE_B, &stats);
	cr_expect(stats.learned);
	cr_expect(net_endpoint_eq(&stats.source, &peer[SIDE_B]));
}

Test(media_secure, keys_change_and_go)
{
	struct secure_key none = {0};

	secure(SIDE_B, SECURE_AES_256_CM_HMAC_SHA1_80);
	crosses(SIDE_A, false, true, 9);
	/* The same keys again: the same place in them. */
	cr_assert_eq(stream_pair_secure(world.media, pair, SIDE_B, &key[SIDE_B][FROM_PEER],
					&key[SIDE_B][TO_PEER]),
		     0);
	rtp_make(9);
	feed(SIDE_A, 172);
	cr_expect_eq(world_dropped(&world, DROP_SRTP_REPLAYED), 1, "never one number twice");
	secure(SIDE_B, SECURE_AES_256_CM_HMAC_SHA1_80);
	crosses(SIDE_A, false, true, 9);
	crosses(SIDE_B, true, false, 9);
	cr_expect_eq(stream_pair_secure(world.media, pair, SIDE_B, &key[SIDE_B][0], NULL), -EINVAL);
	cr_expect_eq(stream_pair_secure(world.media, pair, SIDE_B, &none, &none), -EINVAL);
	cr_assert_eq(stream_pair_secure(world.media, pair, SIDE_B, NULL, NULL), 0);
	crosses(SIDE_A, false, false, 10);
	crosses(SIDE_B, false, false, 10);
	/* What was freed has its place back. */
	for (unsigned n = 0; n < 100; n++) {
		secure(SIDE_A, 1 + n % (SECURE_SUITES - 1));
		crosses(SIDE_A, true, false, (uint16_t)(20 + n));
		cr_assert_eq(stream_pair_secure(world.media, pair, SIDE_A, NULL, NULL), 0);
	}
}

Test(media_secure, without_an_engine_nothing_crosses)
{
	secure(SIDE_B, SECURE_AES_CM_128_HMAC_SHA1_80);
	media_set_engine(world.media, NULL);
	rtp_make(1);
	feed(SIDE_A, 172);
	feed(SIDE_B, 172);
	cr_expect_eq(world_dropped(&world, DROP_SRTP_ENGINE), 2);
	cr_expect_eq(world.tx.nsent, 0);
}

Test(media_secure, rtcp_is_opened_hidden_and_sealed)
{
	static const uint8_t report[] = {
		0x80, 201, 0,	1,   1,	  2,   3,   4,	 0x81, 202, 0,	 6,   1,   2,  3, 4, 1, 14,
		'a',  'l', 'i', 'c', 'e', '@', '1', '0', '.',  '0', '.', '0', '.', '1', 0, 0, 0, 0,
	};
	struct draft d = {.dst = local_rtcp[SIDE_B], .realm = 1, .payload = rtp};
	uint32_t len = sizeof(report);
	struct sent got;

	secure(SIDE_A, SECURE_AEAD_AES_128_GCM);
	secure(SIDE_B, SECURE_AES_CM_128_HMAC_SHA1_32);
	memcpy(rtp, report, sizeof(report));
	cr_assert_eq(secure_rtcp_protect(peers, &mine[SIDE_B][FROM_PEER], 2, rtp, &len), SECURE_OK);
	d.src = peer[SIDE_B];
	d.src.port++;
	d.len = (uint16_t)len;
	world_feed(&world, &d);
	cr_assert_eq(world.tx.nsent, 1);
	got = *world_last(&world);
	len = got.len;
	cr_assert_eq(secure_rtcp_unprotect(peers, &mine[SIDE_A][TO_PEER], 1, got.payload, &len),
		     SECURE_OK);
	cr_expect_eq(len, sizeof(report));
	cr_expect_arr_eq(got.payload, report, 16);
	cr_expect_neq(memcmp(got.payload + 18, "alice@", 6), 0, "the name is hidden");
	world_feed(&world, &d);
	cr_expect_eq(world_dropped(&world, DROP_SRTP_REPLAYED), 1);
	rtp[20] ^= 1;
	rtp[len + 1] ^= 1;
	world_feed(&world, &d);
	cr_expect_eq(world.tx.nsent, 1);
}
