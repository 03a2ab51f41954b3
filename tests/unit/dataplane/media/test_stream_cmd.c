/* SPDX-License-Identifier: BSD-3-Clause */
/* Pairs opened, steered and closed: ports, exhaustion, addresses, and what an arena that was taken
 * over brings back. */
#include "dataplane/media/stream_cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/media/stream.h"
#include "media_fixture.h"

static uint64_t open_pair(struct media_fixture *f, uint64_t now_ns, struct stream_local a,
			  struct stream_local b)
{
	uint64_t pair = HANDLE_NONE;

	cr_assert_eq(stream_pair_open(f->media, now_ns, a, b, &pair), 0);
	cr_assert_neq(pair, HANDLE_NONE);
	return pair;
}

static uint32_t table_entry(const struct media_fixture *f, struct stream_local local, uint16_t port)
{
	const struct media_slot *slot = &f->media->slots[media_slot_of(local.realm, local.family)];

	return slot->streams[(port - slot->first_port) / 2];
}

Test(stream_cmd, local_endpoints)
{
	struct media_fixture f;
	struct net_endpoint rtp, rtcp, b_rtp, b_rtcp;
	uint64_t pair;

	fixture_open(&f, 4);
	pair = open_pair(&f, 0, realm0_ip6, realm1_ip4);
	stream_pair_local(f.media, pair, SIDE_A, &rtp, &rtcp);
	cr_assert_eq(rtp.family, NET_IP6);
	cr_assert(net_addr_eq(&rtp.addr, &f.realms[0].ip6));
	cr_assert(rtp.port >= 10000 && rtp.port <= 10018 && rtp.port % 2 == 0);
	cr_assert_eq(rtcp.port, rtp.port + 1);
	cr_assert(net_addr_eq(&rtcp.addr, &rtp.addr));
	stream_pair_local(f.media, pair, SIDE_B, &b_rtp, &b_rtcp);
	cr_assert_eq(b_rtp.family, NET_IP4);
	cr_assert(net_addr_eq(&b_rtp.addr, &f.realms[1].ip4));
	cr_assert(b_rtp.port >= 20000 && b_rtp.port <= 20006 && b_rtp.port % 2 == 0);
	cr_assert_eq(b_rtcp.port, b_rtp.port + 1);
	/* Both directions are found by their ports. */
	cr_assert_eq(table_entry(&f, realm0_ip6, rtp.port), 1 + 2 * handle_index(pair) + SIDE_A);
	cr_assert_eq(table_entry(&f, realm1_ip4, b_rtp.port), 1 + 2 * handle_index(pair) + SIDE_B);
	fixture_close(&f);
}

Test(stream_cmd, leaves_as_the_far_realm_asks)
{
	struct media_fixture f;
	const struct stream_pair *pair;
	uint64_t handle;

	fixture_open(&f, 4);
	handle = open_pair(&f, 0, realm0_ip4, realm1_ip4);
	pair = slab_get(f.media->hot, handle);
	cr_assert_eq(pair->from[SIDE_A].out.realm, 1);
	cr_assert_eq(pair->from[SIDE_A].out.dscp, 8);
	cr_assert_eq(pair->from[SIDE_B].out.realm, 0);
	cr_assert_eq(pair->from[SIDE_B].out.dscp, 46);
	fixture_close(&f);
}

Test(stream_cmd, no_such_address)
{
	static const struct stream_local bad[] = {
		{1, NET_IP6}, {2, NET_IP4}, {255, NET_IP6}, {0, NET_NONE}, {0, 5}};
	struct media_fixture f;
	uint64_t pair;

	fixture_open(&f, 4);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(stream_pair_open(f.media, 0, bad[i], realm0_ip4, &pair),
			     -EAFNOSUPPORT);
		cr_assert_eq(stream_pair_open(f.media, 0, realm0_ip4, bad[i], &pair),
			     -EAFNOSUPPORT);
		cr_assert_eq(pair, HANDLE_NONE);
	}
	cr_assert_eq(stream_pairs_open(f.media), 0);
	cr_assert_eq(fixture_stats(&f).ports_free, 24);
	fixture_close(&f);
}

/* Realm 1 has four pairs of ports. What was taken of realm 0 for the call that fails is given
 * back. */
Test(stream_cmd, ports_used_up)
{
	struct media_fixture f;
	uint64_t pairs[4], pair;

	fixture_open(&f, 100);
	for (unsigned i = 0; i < 4; i++)
		pairs[i] = open_pair(&f, 0, realm0_ip4, realm1_ip4);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(stream_pair_open(f.media, 0, realm0_ip4, realm1_ip4, &pair), -ENOSPC);
		cr_assert_eq(stream_pair_open(f.media, 0, realm1_ip4, realm0_ip4, &pair), -ENOSPC);
	}
	cr_assert_eq(fixture_stats(&f).no_ports, 200);
	cr_assert_eq(fixture_stats(&f).ports_free, 24 - 8);
	cr_assert_eq(stream_pairs_open(f.media), 4);
	/* A port rests before it is used again. */
	stream_pair_close(f.media, 1000, pairs[2]);
	cr_assert_eq(stream_pair_open(f.media, 1000 + MEDIA_PORT_REUSE_NS - 1, realm0_ip4,
				      realm1_ip4, &pair),
		     -ENOSPC);
	cr_assert_eq(stream_pair_open(f.media, 1000 + MEDIA_PORT_REUSE_NS, realm0_ip4, realm1_ip4,
				      &pair),
		     0);
	fixture_close(&f);
}

Test(stream_cmd, slab_used_up)
{
	struct media_fixture f;
	uint64_t first, pair;

	fixture_open(&f, 2);
	first = open_pair(&f, 0, realm0_ip4, realm0_ip4);
	open_pair(&f, 0, realm0_ip4, realm0_ip4);
	for (unsigned i = 0; i < 50; i++)
		cr_assert_eq(stream_pair_open(f.media, 0, realm0_ip4, realm0_ip4, &pair), -ENOMEM);
	cr_assert_eq(pair, HANDLE_NONE);
	cr_assert_eq(fixture_stats(&f).no_memory, 50);
	cr_assert_eq(fixture_stats(&f).ports_free, 24 - 4);
	stream_pair_close(f.media, 0, first);
	open_pair(&f, 0, realm0_ip4, realm0_ip4);
	fixture_close(&f);
}

Test(stream_cmd, closed_means_gone)
{
	struct media_fixture f;
	struct net_endpoint rtp, rtcp;
	struct stream_stats stats;
	struct stream_remote remote = remote_at("10.99.1.2:4000", SOURCE_PIN);
	uint64_t pair;

	fixture_open(&f, 4);
	pair = open_pair(&f, 0, realm0_ip4, realm1_ip4);
	stream_pair_local(f.media, pair, SIDE_A, &rtp, &rtcp);
	stream_pair_close(f.media, 0, pair);
	cr_assert_eq(stream_pairs_open(f.media), 0);
	cr_assert_eq(slab_used(f.media->cold), 0);
	cr_assert_eq(table_entry(&f, realm0_ip4, rtp.port), 0);
	/* A handle that is not alive is safe everywhere. */
	stream_pair_close(f.media, 0, pair);
	stream_pair_remote(f.media, 0, pair, SIDE_A, &remote);
	stream_pair_stats(f.media, pair, SIDE_A, &stats);
	cr_assert_eq(stats.source.family, NET_NONE);
	stream_pair_local(f.media, pair, SIDE_A, &rtp, &rtcp);
	cr_assert_eq(rtp.family, NET_NONE);
	cr_assert_eq(stream_pair_last_seen_ns(f.media, pair), 0);
	stream_pair_close(f.media, 0, HANDLE_NONE);
	cr_assert_eq(fixture_stats(&f).closed, 1);
	fixture_close(&f);
}

Test(stream_cmd, last_seen)
{
	struct media_fixture f;
	struct stream_pair *pair;
	uint64_t handle;

	fixture_open(&f, 4);
	handle = open_pair(&f, 500, realm0_ip4, realm1_ip4);
	cr_assert_eq(stream_pair_last_seen_ns(f.media, handle), 500);
	pair = slab_get(f.media->hot, handle);
	pair->from[SIDE_B].last_seen_ns = 700;
	cr_assert_eq(stream_pair_last_seen_ns(f.media, handle), 700);
	pair->from[SIDE_A].last_seen_ns = 900;
	cr_assert_eq(stream_pair_last_seen_ns(f.media, handle), 900);
	fixture_close(&f);
}

Test(stream_cmd, jitter_in_microseconds)
{
	struct media_fixture f;
	struct stream_pair *pair;
	struct stream_stats stats;
	uint64_t handle;

	fixture_open(&f, 4);
	handle = open_pair(&f, 0, realm0_ip4, realm1_ip4);
	pair = slab_get(f.media->hot, handle);
	pair->from[SIDE_A].rtp =
		(struct rtp_rx_stats){.started = 1, .jitter_q4 = 16 * 40, .clock_hz = 8000};
	pair->from[SIDE_B].rtp =
		(struct rtp_rx_stats){.started = 1, .jitter_q4 = UINT32_MAX, .clock_hz = 90000};
	stream_pair_stats(f.media, handle, SIDE_A, &stats);
	cr_assert_eq(stats.jitter_us, 5000);
	stream_pair_stats(f.media, handle, SIDE_B, &stats);
	cr_assert_eq(stats.jitter_us, (uint64_t)UINT32_MAX * 1000000 / 16 / 90000);
	fixture_close(&f);
}

Test(stream_cmd, workers_do_not_share_ports)
{
	struct media_fixture f[3];
	bool taken[65536] = {false};

	for (unsigned w = 0; w < 3; w++) {
		uint64_t pair;
		unsigned n = 0;

		fixture_conf(&f[w], 100);
		f[w].conf.worker = w;
		f[w].conf.nworkers = 3;
		fixture_open_at(&f[w], NULL, true);
		while (stream_pair_open(f[w].media, 0, realm0_ip4, realm0_ip6, &pair) == 0) {
			struct net_endpoint rtp, rtcp;

			stream_pair_local(f[w].media, pair, SIDE_A, &rtp, &rtcp);
			cr_assert_not(taken[rtp.port]);
			taken[rtp.port] = true;
			cr_assert_eq(media_port_owner(10000, 10019, 3, rtp.port), w);
			cr_assert_eq(media_port_owner(10000, 10019, 3, rtcp.port), w);
			n++;
		}
		cr_assert(n == 3 || n == 4);
	}
	for (unsigned port = 10000; port < 10020; port += 2)
		cr_assert(taken[port]);
	for (unsigned w = 0; w < 3; w++)
		fixture_close(&f[w]);
}

Test(stream_cmd, more_workers_than_ports)
{
	struct media_fixture f;
	uint64_t pair;

	fixture_conf(&f, 4);
	f.conf.worker = 0;
	f.conf.nworkers = 8; /* realm 1 has four pairs */
	fixture_open_at(&f, NULL, true);
	cr_assert_eq(stream_pair_open(f.media, 0, realm0_ip4, realm1_ip4, &pair), 0);
	fixture_close(&f);
	fixture_conf(&f, 4);
	f.conf.worker = 1;
	f.conf.nworkers = 8;
	fixture_open_at(&f, NULL, true);
	cr_assert_eq(stream_pair_open(f.media, 0, realm0_ip4, realm1_ip4, &pair), -ENOSPC);
	fixture_close(&f);
}

Test(stream_cmd, configurations_that_are_none)
{
	static const uint16_t ranges[][2] = {
		{10001, 10019}, {10000, 10018}, {10000, 9999}, {0, 101}};
	struct media_fixture f;
	struct arena_slab_def defs[4];
	const char *why;

	fixture_conf(&f, 4);
	cr_assert_eq(
		arena_open(&f.arena, NULL, defs, media_slab_defs(defs, 0, 4), true, false, &why),
		0);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		f.realms[1].port_low = ranges[i][0];
		f.realms[1].port_high = ranges[i][1];
		cr_assert_null(media_new(&f.conf, &f.arena, 0, 0), "%u-%u", ranges[i][0],
			       ranges[i][1]);
	}
	f.realms[1].port_low = 20000;
	f.realms[1].port_high = 20001;
	f.conf.worker = 1;
	cr_assert_null(media_new(&f.conf, &f.arena, 0, 0));
	f.conf.worker = 0;
	cr_assert_null(media_new(&f.conf, &f.arena, 1, 0), "slabs that the arena does not have");
	arena_close(&f.arena);
}

static void file_path(char *path, size_t size)
{
	snprintf(path, size, "/dev/shm/limen-test-media-%d", (int)getpid());
}

Test(stream_cmd, streams_outlive_their_process)
{
	struct media_fixture f;
	struct net_endpoint before[2], after[2], rtcp;
	struct stream_remote remote = remote_at("10.99.1.2:4000", SOURCE_PIN);
	struct stream_stats stats;
	uint64_t kept, closed, other;
	char path[64];

	file_path(path, sizeof(path));
	fixture_conf(&f, 10);
	fixture_open_at(&f, path, true);
	closed = open_pair(&f, 0, realm0_ip4, realm1_ip4);
	kept = open_pair(&f, 0, realm0_ip6, realm1_ip4);
	stream_pair_close(f.media, 0, closed);
	remote.rtp = endpoint("[fd99:1::2]:4000");
	stream_pair_remote(f.media, 0, kept, SIDE_A, &remote);
	((struct stream_pair *)slab_get(f.media->hot, kept))->from[SIDE_B].out.neigh = 77;
	stream_pair_local(f.media, kept, SIDE_A, &before[0], &rtcp);
	stream_pair_local(f.media, kept, SIDE_B, &before[1], &rtcp);
	fixture_close(&f);

	fixture_open_at(&f, path, false);
	cr_assert(f.arena.attached);
	cr_assert_eq(stream_pairs_open(f.media), 1);
	stream_pair_local(f.media, kept, SIDE_A, &after[0], &rtcp);
	stream_pair_local(f.media, kept, SIDE_B, &after[1], &rtcp);
	cr_assert(net_endpoint_eq(&before[0], &after[0]) && net_endpoint_eq(&before[1], &after[1]));
	cr_assert_eq(table_entry(&f, realm0_ip6, after[0].port),
		     1 + 2 * handle_index(kept) + SIDE_A);
	stream_pair_stats(f.media, kept, SIDE_A, &stats);
	cr_assert(net_endpoint_eq(&stats.source, &remote.rtp));
	cr_assert_eq(((struct stream_pair *)slab_get(f.media->hot, kept))->from[SIDE_B].out.neigh,
		     0, "the send stage's note died with it");
	/* Its ports are nobody else's. */
	for (unsigned i = 0; i < 3; i++) {
		other = open_pair(&f, UINT64_MAX / 2, realm0_ip4, realm1_ip4);
		stream_pair_local(f.media, other, SIDE_B, &after[0], &rtcp);
		cr_assert_neq(after[0].port, before[1].port);
	}
	cr_assert_eq(stream_pair_open(f.media, UINT64_MAX / 2, realm0_ip4, realm1_ip4, &other),
		     -ENOSPC);
	fixture_close(&f);
	unlink(path);
}

Test(stream_cmd, what_does_not_fit_any_more_is_freed)
{
	struct media_fixture f;
	struct stream_pair *half;
	uint64_t moved, broken, orphan;
	char path[64];

	file_path(path, sizeof(path));
	fixture_conf(&f, 10);
	fixture_open_at(&f, path, true);
	moved = open_pair(&f, 0, realm0_ip4, realm1_ip4);
	broken = open_pair(&f, 0, realm0_ip6, realm0_ip6);
	half = slab_get(f.media->hot, broken);
	half->from[1].cold = 9; /* as if written by half */
	cr_assert_not_null(slab_alloc(f.media->cold, &orphan));
	fixture_close(&f);

	f.realms[1].ip4 = endpoint("10.99.2.9").addr;
	fixture_open_at(&f, path, false);
	cr_assert_null(slab_get(f.media->hot, moved));
	cr_assert_null(slab_get(f.media->hot, broken));
	cr_assert_eq(stream_pairs_open(f.media), 0);
	cr_assert_eq(slab_used(f.media->cold), 0);
	cr_assert_eq(fixture_stats(&f).ports_free, 24);
	fixture_close(&f);
	unlink(path);
}

/* Any sequence of opens and closes leaves as many ports and records as there were. */
Test(stream_cmd, nothing_leaks)
{
	struct media_fixture f;
	uint64_t pairs[16] = {HANDLE_NONE};
	uint32_t state = 1;
	uint64_t now_ns = 0;

	fixture_open(&f, 12);
	for (unsigned step = 0; step < 50000; step++) {
		static const struct stream_local locals[] = {
			{0, NET_IP4}, {0, NET_IP6}, {1, NET_IP4}, {1, NET_IP6}};
		unsigned at;

		state = state * 1664525u + 1013904223u;
		at = state >> 28;
		now_ns += (uint64_t)(state >> 12 & 0xfffff) << 8;
		if (pairs[at] != HANDLE_NONE) {
			stream_pair_close(f.media, now_ns, pairs[at]);
			pairs[at] = HANDLE_NONE;
		} else {
			stream_pair_open(f.media, now_ns, locals[state >> 10 & 3],
					 locals[state >> 8 & 3], &pairs[at]);
		}
	}
	for (unsigned i = 0; i < 16; i++)
		stream_pair_close(f.media, now_ns, pairs[i]);
	cr_assert_eq(stream_pairs_open(f.media), 0);
	cr_assert_eq(slab_used(f.media->cold), 0);
	cr_assert_eq(fixture_stats(&f).ports_free, 24);
	cr_assert_eq(fixture_stats(&f).opened, fixture_stats(&f).closed);
	cr_assert_gt(fixture_stats(&f).opened, 1000);
	for (unsigned slot = 0; slot < f.media->nslots; slot++)
		for (unsigned i = 0; i < f.media->slots[slot].nports / 2; i++)
			cr_assert_eq(f.media->slots[slot].streams[i], 0);
	fixture_close(&f);
}
