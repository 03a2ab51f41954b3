/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's media on anonymous memory with two realms, for the tests of dataplane/media. */
#pragma once

#include "dataplane/media/media.h"

#include <criterion/criterion.h>

/* Realm 0 has both families and ports 10000-10019; realm 1 IPv4 alone and 20000-20007. */
struct media_fixture {
	struct arena arena;
	struct media *media;
	struct media_realm realms[2];
	struct media_conf conf;
};

static inline struct net_endpoint endpoint(const char *text)
{
	struct net_endpoint at;

	cr_assert_eq(net_endpoint_parse(span_str(text), 0, &at), 0, "%s", text);
	return at;
}

static inline void fixture_conf(struct media_fixture *f, uint32_t max_pairs)
{
	memset(f, 0, sizeof(*f));
	f->realms[0] = (struct media_realm){
		.ip4 = endpoint("10.99.1.1").addr,
		.ip6 = endpoint("[fd99:1::1]:1").addr,
		.has_ip4 = true,
		.has_ip6 = true,
		.dscp = 46,
		.port_low = 10000,
		.port_high = 10019,
	};
	f->realms[1] = (struct media_realm){
		.ip4 = endpoint("10.99.2.1").addr,
		.has_ip4 = true,
		.dscp = 8,
		.port_low = 20000,
		.port_high = 20007,
	};
	f->conf = (struct media_conf){
		.nworkers = 1,
		.nrealms = 2,
		.realms = f->realms,
		.max_pairs = max_pairs,
		.seed = {{3, 4}},
	};
}

/* On `path`, or on anonymous memory. */
static inline void fixture_open_at(struct media_fixture *f, const char *path, bool cold)
{
	struct arena_slab_def defs[ARENA_SLABS_MAX] = {{"before", 8, 4, 1}};
	unsigned ndefs = media_slab_defs(defs, 1, f->conf.max_pairs);
	const char *why;

	cr_assert_eq(arena_open(&f->arena, path, defs, ndefs, cold, false, &why), 0, "%s", why);
	f->media = media_new(&f->conf, &f->arena, 1, 0);
	cr_assert_not_null(f->media);
}

static inline void fixture_open(struct media_fixture *f, uint32_t max_pairs)
{
	fixture_conf(f, max_pairs);
	fixture_open_at(f, NULL, true);
}

static inline void fixture_close(struct media_fixture *f)
{
	media_free(f->media);
	arena_close(&f->arena);
}

static inline struct media_stats fixture_stats(const struct media_fixture *f)
{
	struct media_stats stats;

	media_stats(f->media, &stats);
	return stats;
}

/* A peer that sends and receives at `rtp`, RTCP one port above. */
static inline struct stream_remote remote_at(const char *rtp, enum stream_source source)
{
	struct stream_remote remote = {
		.rtp = endpoint(rtp),
		.rtcp = endpoint(rtp),
		.source = (uint8_t)source,
		.may_send = true,
		.may_receive = true,
	};

	remote.rtcp.port++;
	return remote;
}

static const struct stream_local realm0_ip4 = {0, NET_IP4};
static const struct stream_local realm0_ip6 = {0, NET_IP6};
static const struct stream_local realm1_ip4 = {1, NET_IP4};
