/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets may come from: pinned, learned, learned anew, and what an intruder gets. */
#include "dataplane/media/latch.h"

#include "media_fixture.h"

#define S 1000000000ull

/* One pair between realm 0 (side A, the one under test) and realm 1. */
struct latch_fixture {
	struct media_fixture f;
	uint64_t handle;
	struct stream_pair *pair;
};

static void latch_open(struct latch_fixture *l)
{
	fixture_open(&l->f, 4);
	cr_assert_eq(stream_pair_open(l->f.media, 0, realm0_ip4, realm1_ip4, &l->handle), 0);
	l->pair = slab_get(l->f.media->hot, l->handle);
}

static void remote_set(struct latch_fixture *l, uint64_t now_ns, enum stream_side side,
		       const struct stream_remote *remote)
{
	stream_pair_remote(l->f.media, now_ns, l->handle, side, remote);
}

/* Whether media_stage would take an RTP packet: the fast check, else the latch. */
static bool rtp_from(struct latch_fixture *l, uint64_t now_ns, const char *from)
{
	struct net_endpoint source = endpoint(from);

	return latch_packet(l->f.media, now_ns, l->pair, SIDE_A, false, &source);
}

static bool rtcp_from(struct latch_fixture *l, uint64_t now_ns, const char *from)
{
	struct net_endpoint source = endpoint(from);

	return latch_packet(l->f.media, now_ns, l->pair, SIDE_A, true, &source);
}

/* Where RTP, and RTCP, for A's peer go. */
static bool rtp_goes_to(const struct latch_fixture *l, const char *to)
{
	struct net_endpoint want = endpoint(to);

	return net_endpoint_eq(&l->pair->from[SIDE_B].out.dst, &want);
}

static bool rtcp_goes_to(const struct latch_fixture *l, const char *to)
{
	const struct stream_pair_cold *cold = stream_cold(l->f.media, &l->pair->from[SIDE_A]);
	struct net_endpoint want = endpoint(to);

	return net_endpoint_eq(&cold->side[SIDE_A].rtcp_out.dst, &want);
}

static bool is_learned(const struct latch_fixture *l)
{
	struct stream_stats stats;

	stream_pair_stats(l->f.media, l->handle, SIDE_A, &stats);
	return stats.learned;
}

static bool source_is(const struct latch_fixture *l, const char *text)
{
	struct net_endpoint want = endpoint(text);
	struct stream_stats stats;

	stream_pair_stats(l->f.media, l->handle, SIDE_A, &stats);
	return net_endpoint_eq(&stats.source, &want);
}

Test(latch, nobody_before_the_sdp)
{
	struct latch_fixture l;

	latch_open(&l);
	cr_assert_not(rtp_from(&l, 1, "10.99.1.2:4000"));
	cr_assert_not(rtcp_from(&l, 1, "10.99.1.2:4001"));
	cr_assert_not(latch_packet(l.f.media, 1, l.pair, SIDE_A, false,
				   &(struct net_endpoint){.family = NET_IP4}));
	fixture_close(&l.f);
}

Test(latch, pinned)
{
	struct stream_remote remote = remote_at("10.99.1.2:4000", SOURCE_PIN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_goes_to(&l, "10.99.1.2:4000"));
	cr_assert(rtcp_goes_to(&l, "10.99.1.2:4001"));
	cr_assert(source_is(&l, "10.99.1.2:4000"));
	for (uint64_t now_ns = 0; now_ns < 400 * S; now_ns += 100 * S) {
		cr_assert(rtp_from(&l, now_ns, "10.99.1.2:4000"));
		cr_assert_not(rtp_from(&l, now_ns, "10.99.1.2:4002"));
		cr_assert_not(rtp_from(&l, now_ns, "10.99.1.3:4000"));
		cr_assert(rtcp_from(&l, now_ns, "10.99.1.2:4001"));
		cr_assert_not(rtcp_from(&l, now_ns, "10.99.1.2:4000"));
		cr_assert_not(rtcp_from(&l, now_ns, "10.99.1.3:4001"));
	}
	cr_assert_not(is_learned(&l));
	cr_assert_eq(fixture_stats(&l.f).learned, 0);
	fixture_close(&l.f);
}

Test(latch, pinned_with_rtcp_apart)
{
	struct stream_remote remote = remote_at("10.99.1.2:4000", SOURCE_PIN);
	struct latch_fixture l;

	remote.rtcp = endpoint("10.99.1.7:9000");
	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtcp_goes_to(&l, "10.99.1.7:9000"));
	cr_assert(rtcp_from(&l, 0, "10.99.1.7:9000"));
	cr_assert_not(rtcp_from(&l, 0, "10.99.1.2:4001"));
	fixture_close(&l.f);
}

Test(latch, pinned_moves_with_the_sdp)
{
	struct stream_remote remote = remote_at("10.99.1.2:4000", SOURCE_PIN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	l.pair->from[SIDE_B].out.neigh = 5;
	remote_set(&l, S, SIDE_A, &remote);
	cr_assert_eq(l.pair->from[SIDE_B].out.neigh, 5, "the same destination keeps its next hop");
	remote = remote_at("10.99.1.3:5000", SOURCE_PIN);
	remote_set(&l, S, SIDE_A, &remote);
	cr_assert_eq(l.pair->from[SIDE_B].out.neigh, 0);
	cr_assert(rtp_goes_to(&l, "10.99.1.3:5000"));
	cr_assert(rtp_from(&l, S, "10.99.1.3:5000"));
	cr_assert_not(rtp_from(&l, S, "10.99.1.2:4000"));
	fixture_close(&l.f);
}

/* c=0.0.0.0 says where nothing is wanted; the peer still sends, from where it did. */
Test(latch, hold_by_zero_keeps_the_source)
{
	struct stream_remote remote = remote_at("10.99.1.2:4000", SOURCE_PIN),
			     hold = {.source = SOURCE_PIN, .may_send = true};
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	remote_set(&l, S, SIDE_A, &hold);
	cr_assert_not(l.pair->from[SIDE_B].flags & STREAM_FAR_KNOWN);
	cr_assert(rtp_from(&l, S, "10.99.1.2:4000"));
	cr_assert(rtcp_from(&l, S, "10.99.1.2:4001"));
	remote_set(&l, 2 * S, SIDE_A, &remote);
	cr_assert(l.pair->from[SIDE_B].flags & STREAM_FAR_KNOWN);
	cr_assert(rtp_goes_to(&l, "10.99.1.2:4000"));
	fixture_close(&l.f);
}

/* An IPv6 address for a side that has IPv4, or a port of zero, is no place to send to. */
Test(latch, unusable_addresses)
{
	struct stream_remote remote = remote_at("[fd99:1::2]:4000", SOURCE_PIN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert_not(l.pair->from[SIDE_B].flags & STREAM_FAR_KNOWN);
	remote = remote_at("10.99.1.2:4000", SOURCE_PIN);
	remote.rtp.port = 0;
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert_not(l.pair->from[SIDE_B].flags & STREAM_FAR_KNOWN);
	cr_assert_not(latch_packet(l.f.media, 0, l.pair, SIDE_A, false, &remote.rtp));
	fixture_close(&l.f);
}

Test(latch, learned_once)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_goes_to(&l, "192.168.1.10:4000"), "until it shows itself");
	cr_assert(rtp_from(&l, 9 * S, "10.99.1.2:61000"));
	cr_assert(is_learned(&l));
	cr_assert(source_is(&l, "10.99.1.2:61000"));
	cr_assert(rtp_goes_to(&l, "10.99.1.2:61000"));
	cr_assert(rtcp_goes_to(&l, "10.99.1.2:61001"), "a guess until it shows itself too");
	cr_assert_eq(fixture_stats(&l.f).learned, 1);
	/* Once means once: another port, another host, even the SDP's own come too late. */
	cr_assert_not(rtp_from(&l, 9 * S, "10.99.1.2:61002"));
	cr_assert_not(rtp_from(&l, 9 * S, "10.99.1.66:61000"));
	cr_assert_not(rtp_from(&l, 9 * S, "192.168.1.10:4000"));
	cr_assert(rtp_from(&l, 900 * S, "10.99.1.2:61000"));
	fixture_close(&l.f);
}

Test(latch, a_peer_that_is_where_it_says)
{
	struct stream_remote remote = remote_at("10.99.1.2:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:4000"));
	cr_assert_not(is_learned(&l));
	cr_assert_not(rtp_from(&l, S, "10.99.1.66:4000"));
	cr_assert(rtcp_from(&l, S, "10.99.1.2:4001"));
	cr_assert_eq(fixture_stats(&l.f).learned, 0);
	fixture_close(&l.f);
}

/* Whichever comes first decides the address; the other has one port of it. */
Test(latch, rtcp_shares_the_address)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	cr_assert_not(rtcp_from(&l, S, "10.99.1.66:61001"));
	cr_assert(rtcp_from(&l, S, "10.99.1.2:50123"));
	cr_assert(rtcp_goes_to(&l, "10.99.1.2:50123"));
	cr_assert_not(rtcp_from(&l, S, "10.99.1.2:50124"));
	cr_assert(rtcp_from(&l, S, "10.99.1.2:50123"));
	cr_assert_eq(fixture_stats(&l.f).learned, 2);
	fixture_close(&l.f);
}

Test(latch, rtcp_first)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtcp_from(&l, S, "10.99.1.2:61001"));
	cr_assert(rtcp_goes_to(&l, "10.99.1.2:61001"));
	cr_assert_not(rtp_from(&l, S, "10.99.1.66:61000"));
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	cr_assert(rtcp_goes_to(&l, "10.99.1.2:61001"));
	fixture_close(&l.f);
}

Test(latch, multiplexed_rtcp_decides_for_both)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	remote.rtcp_mux = true;
	remote.rtcp = remote.rtp;
	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	cr_assert_not(rtcp_from(&l, S, "10.99.1.2:61001"), "there is no second port to learn");
	fixture_close(&l.f);
}

Test(latch, window_ends)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 5 * S, SIDE_A, &remote);
	cr_assert_not(rtp_from(&l, 5 * S + MEDIA_LEARN_NS, "10.99.1.2:61000"));
	cr_assert_not(rtcp_from(&l, 5 * S + MEDIA_LEARN_NS, "10.99.1.2:61001"));
	cr_assert_not(rtp_from(&l, 6 * S, "10.99.1.2:61000"), "closed is closed");
	cr_assert_eq(fixture_stats(&l.f).learn_expired, 2);
	cr_assert(rtp_from(&l, 500 * S, "192.168.1.10:4000"), "the SDP's own may come any time");
	fixture_close(&l.f);
}

/* A caller may wait for the callee's SDP before it sends at all. */
Test(latch, window_begins_with_the_later_sdp)
{
	struct stream_remote a = remote_at("192.168.1.10:4000", SOURCE_LEARN),
			     b = remote_at("10.99.2.2:6000", SOURCE_PIN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &a);
	remote_set(&l, MEDIA_LEARN_NS - S, SIDE_B, &b);
	cr_assert(rtp_from(&l, 2 * MEDIA_LEARN_NS - 2 * S, "10.99.1.2:61000"));
	fixture_close(&l.f);
}

Test(latch, shorter_window_by_configuration)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	fixture_conf(&l.f, 4);
	l.f.conf.learn_ns = 2 * S;
	fixture_open_at(&l.f, NULL, true);
	cr_assert_eq(stream_pair_open(l.f.media, 0, realm0_ip4, realm1_ip4, &l.handle), 0);
	l.pair = slab_get(l.f.media->hot, l.handle);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert_not(rtp_from(&l, 2 * S, "10.99.1.2:61000"));
	fixture_close(&l.f);
}

/* A session refresh: the same SDP again. The peer that goes on sending stays; an intruder has a
 * second at most, and not even that once the peer was heard after it. */
Test(latch, same_sdp_again)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	remote_set(&l, 100 * S, SIDE_A, &remote);
	cr_assert(rtp_goes_to(&l, "10.99.1.2:61000"), "media goes on");
	cr_assert(rtcp_goes_to(&l, "10.99.1.2:61001"));
	cr_assert(rtp_from(&l, 100 * S, "10.99.1.2:61000"));
	cr_assert(rtp_from(&l, 100 * S + MEDIA_SETTLE_NS, "10.99.1.2:61000"));
	cr_assert_not(rtp_from(&l, 101 * S, "10.99.1.66:1000"));
	cr_assert(is_learned(&l));
	cr_assert(rtp_goes_to(&l, "10.99.1.2:61000"));
	fixture_close(&l.f);
}

/* A peer that moved to another network says so by a new offer, with the same private address in
 * it. */
Test(latch, moves_behind_nat)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	cr_assert(rtcp_from(&l, S, "10.99.1.2:61001"));
	remote_set(&l, 100 * S, SIDE_A, &remote);
	cr_assert(rtp_from(&l, 100 * S, "10.99.1.2:61000"), "was under way");
	cr_assert(rtp_from(&l, 100 * S, "10.99.1.3:40000"));
	cr_assert(rtp_goes_to(&l, "10.99.1.3:40000"));
	cr_assert_not(rtp_from(&l, 100 * S, "10.99.1.2:61000"));
	cr_assert(rtcp_from(&l, 100 * S, "10.99.1.3:40001"));
	cr_assert(rtcp_goes_to(&l, "10.99.1.3:40001"));
	fixture_close(&l.f);
}

/* A new port in the SDP: media goes there at once, and what still comes from the old one is relayed
 * meanwhile. */
Test(latch, new_sdp_new_port)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	remote = remote_at("10.99.1.2:5000", SOURCE_LEARN);
	remote_set(&l, 100 * S, SIDE_A, &remote);
	cr_assert(rtp_goes_to(&l, "10.99.1.2:5000"));
	cr_assert(rtp_from(&l, 100 * S, "10.99.1.2:61000"));
	cr_assert(rtp_goes_to(&l, "10.99.1.2:5000"));
	cr_assert(rtp_from(&l, 100 * S, "10.99.1.2:5000"));
	cr_assert_not(is_learned(&l));
	cr_assert_not(rtp_from(&l, 101 * S, "10.99.1.2:61000"));
	fixture_close(&l.f);
}

/* ... and a NAT that keeps its mapping whatever the SDP says is noticed after a second. */
Test(latch, new_sdp_same_mapping)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	remote = remote_at("192.168.1.11:4000", SOURCE_LEARN);
	remote_set(&l, 100 * S, SIDE_A, &remote);
	cr_assert(rtp_from(&l, 100 * S + MEDIA_SETTLE_NS, "10.99.1.2:61000"));
	cr_assert(rtp_goes_to(&l, "10.99.1.2:61000"));
	cr_assert(is_learned(&l));
	fixture_close(&l.f);
}

Test(latch, hold_by_zero_behind_nat)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct stream_remote hold = {.source = SOURCE_LEARN, .may_send = true};
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	remote_set(&l, 100 * S, SIDE_A, &hold);
	cr_assert_not(l.pair->from[SIDE_B].flags & STREAM_FAR_KNOWN);
	remote_set(&l, 110 * S, SIDE_A, &remote);
	cr_assert(l.pair->from[SIDE_B].flags & STREAM_FAR_KNOWN);
	cr_assert(rtp_goes_to(&l, "10.99.1.2:61000"), "resumed where it was");
	fixture_close(&l.f);
}

Test(latch, learned_on_hold_from_the_start)
{
	struct stream_remote hold = {.source = SOURCE_LEARN, .may_send = true};
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &hold);
	cr_assert_not(is_learned(&l));
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	cr_assert_not(rtp_from(&l, S, "10.99.1.66:61000"));
	cr_assert(is_learned(&l));
	fixture_close(&l.f);
}

Test(latch, from_learning_to_pinned)
{
	struct stream_remote remote = remote_at("192.168.1.10:4000", SOURCE_LEARN);
	struct latch_fixture l;

	latch_open(&l);
	remote_set(&l, 0, SIDE_A, &remote);
	cr_assert(rtp_from(&l, S, "10.99.1.2:61000"));
	cr_assert(rtcp_from(&l, S, "10.99.1.2:61001"));
	remote = remote_at("10.99.1.2:4000", SOURCE_PIN);
	remote_set(&l, 2 * S, SIDE_A, &remote);
	cr_assert(rtp_goes_to(&l, "10.99.1.2:4000"));
	cr_assert(rtcp_goes_to(&l, "10.99.1.2:4001"));
	cr_assert_not(rtp_from(&l, 2 * S, "10.99.1.2:61000"));
	cr_assert_not(rtcp_from(&l, 2 * S, "10.99.1.2:61001"));
	cr_assert_not(is_learned(&l));
	fixture_close(&l.f);
}
