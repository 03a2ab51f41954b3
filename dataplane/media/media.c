/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's media at start and end: slabs, slices of the port ranges, and the table rebuilt from
 * the records of an arena that was taken over. One worker thread; libc only. */
#include "dataplane/media/media.h"

#include <stdlib.h>

#include "dataplane/media/bundle.h"
#include "dataplane/media/stream.h"
#include "dataplane/store/pages.h"

enum media_slab { MEDIA_SLAB_HOT, MEDIA_SLAB_COLD, MEDIA_SLAB_SECURE, MEDIA_SLAB_BUNDLE, MEDIA_SLABS };

/* Pairs of a range that worker number `worker` begins with: the smallest n with n * nworkers /
 * npairs = worker. */
static uint32_t slice_begin(uint32_t npairs, unsigned nworkers, unsigned worker)
{
	return (uint32_t)(((uint64_t)npairs * worker + nworkers - 1) / nworkers);
}

static uint32_t range_pairs(uint16_t low, uint16_t high)
{
	return high > low ? ((uint32_t)high - low + 1) / 2 : 0;
}

unsigned media_port_owner(uint16_t low, uint16_t high, unsigned nworkers, uint16_t port)
{
	uint32_t npairs = range_pairs(low, high);
	uint32_t pair = (uint32_t)(port - low) / 2;

	if (port < low || pair >= npairs)
		return nworkers;
	return (unsigned)((uint64_t)pair * nworkers / npairs);
}

unsigned media_slab_defs(struct arena_slab_def *defs, unsigned ndefs, uint32_t max_pairs)
{
	defs[ndefs + MEDIA_SLAB_HOT] = (struct arena_slab_def){
		.name = "media_hot",
		.record_bytes = sizeof(struct stream_pair),
		.capacity = max_pairs,
		.version = 2,
	};
	defs[ndefs + MEDIA_SLAB_COLD] = (struct arena_slab_def){
		.name = "media_cold",
		.record_bytes = sizeof(struct stream_pair_cold),
		.capacity = max_pairs,
		.version = 5,
	};
	/* All pairs with one side of SRTP, or half of them with two: most calls have one pair, and
	 * there are two for each. */
	defs[ndefs + MEDIA_SLAB_SECURE] = (struct arena_slab_def){
		.name = "media_secure",
		.record_bytes = sizeof(struct stream_secure),
		.capacity = max_pairs,
		.version = 1,
	};
	/* Two sections and more: every second call could have one. */
	defs[ndefs + MEDIA_SLAB_BUNDLE] = (struct arena_slab_def){
		.name = "media_bundle",
		.record_bytes = sizeof(struct stream_bundle),
		.capacity = max_pairs / 4 + 1,
		.version = 1,
	};
	return ndefs + MEDIA_SLABS;
}

/* 0, or -1: no memory, or a range that is not one. */
static int slot_init(struct media_slot *slot, const struct media_conf *conf,
		     const struct media_realm *realm, uint8_t family)
{
	bool has = family == NET_IP4 ? realm->has_ip4 : realm->has_ip6;
	uint32_t npairs = range_pairs(realm->port_low, realm->port_high);
	uint32_t begin = slice_begin(npairs, conf->nworkers, conf->worker);
	uint32_t end = slice_begin(npairs, conf->nworkers, conf->worker + 1);
	struct hash_key seed = conf->seed;

	slot->family = family;
	if (!has)
		return 0;
	if (realm->port_low % 2 || realm->port_high % 2 == 0 || npairs == 0 || realm->port_low == 0)
		return -1;
	slot->dscp = realm->dscp;
	slot->addr = family == NET_IP4 ? realm->ip4 : realm->ip6;
	slot->first_port = (uint16_t)(realm->port_low + 2 * begin);
	slot->nports = 2 * (end - begin);
	slot->streams = calloc(end - begin + 1, sizeof(*slot->streams));
	seed.k[0] += (uint64_t)(realm - conf->realms) << 8 | family;
	if (!slot->streams || port_pool_init(&slot->ports, end - begin, &seed))
		return -1;
	return 0;
}

/* Whether a record of the arena fits the slots there are now. */
static bool side_fits(const struct media *media, const struct stream_pair *pair,
		      const struct stream_pair_cold *cold, unsigned side)
{
	const struct stream_side_cold *mine = &cold->side[side];
	const struct media_slot *slot;
	struct net_endpoint local;

	if (stream_slot(mine) >= media->nslots)
		return false;
	slot = &media->slots[stream_slot(mine)];
	if (mine->port_pair >= slot->nports / 2 || slot->streams[mine->port_pair])
		return false;
	/* Of a bundle all have one port: bundle_restore looks at it. */
	local = media_slot_endpoint(slot, mine->bundle ? pair->from[!side].out.src.port
						       : stream_local_port(slot, mine->port_pair));
	return net_endpoint_eq(&local, &pair->from[!side].out.src);
}

/* Whether a side that is SRTP has its keys. */
static bool secure_fits(const struct media *media, const struct stream_pair_cold *cold,
			unsigned side)
{
	uint32_t at = cold->side[side].secure;
	const struct stream_secure *secure;

	if (at == 0)
		return true;
	if (at > media->secure->capacity || slab_handle_at(media->secure, at - 1) == HANDLE_NONE)
		return false;
	secure = slab_at(media->secure, at - 1);
	return secure->pair == cold->pair && secure->side == side &&
	       secure_suite_info(secure->rx.key.suite) && secure_suite_info(secure->tx.key.suite);
}

static bool pair_restore(struct media *media, uint32_t index, uint64_t handle, uint64_t now_ns)
{
	struct stream_pair *pair = slab_at(media->hot, index);
	struct stream_pair_cold *cold;

	if (pair->from[0].cold != pair->from[1].cold ||
	    pair->from[0].cold >= media->cold->capacity ||
	    slab_handle_at(media->cold, pair->from[0].cold) == HANDLE_NONE)
		return false;
	cold = stream_cold(media, &pair->from[0]);
	if (cold->pair != handle || !side_fits(media, pair, cold, 0) ||
	    !side_fits(media, pair, cold, 1))
		return false;
	if (!secure_fits(media, cold, 0) || !secure_fits(media, cold, 1))
		return false;
	cold->since_ns = now_ns;
	for (unsigned side = 0; side < 2; side++) {
		const struct stream_side_cold *mine = &cold->side[side];

		media->slots[stream_slot(mine)].streams[mine->port_pair] =
			1 + 2 * index + side;
		/* The send stage's notes died with its process. */
		pair->from[side].out.neigh = 0;
		cold->side[side].rtcp_out.neigh = 0;
	}
	return true;
}

/* Keys whose pair is gone are, and no key set from now on is taken for an old one. */
static void restore_secure(struct media *media)
{
	for (uint32_t i = 0; i < slab_bound(media->secure); i++) {
		uint64_t handle = slab_handle_at(media->secure, i);
		struct stream_secure *secure = slab_at(media->secure, i);
		const struct stream_pair *pair;

		if (handle == HANDLE_NONE)
			continue;
		pair = slab_get(media->hot, secure->pair);
		if (!pair || secure->side > 1 ||
		    stream_cold(media, &pair->from[0])->side[secure->side].secure != i + 1) {
			explicit_bzero(secure, sizeof(*secure));
			slab_free(media->secure, handle);
			continue;
		}
		secure->rx.epoch = ++media->secure_epoch;
		secure->tx.epoch = ++media->secure_epoch;
	}
}

/* Table and ports from the records; what does not fit, or was half written, is freed. */
static void restore(struct media *media, uint64_t now_ns)
{
	for (uint32_t i = 0; i < slab_bound(media->hot); i++) {
		uint64_t handle = slab_handle_at(media->hot, i);

		if (handle != HANDLE_NONE && !pair_restore(media, i, handle, now_ns))
			slab_free(media->hot, handle);
	}
	for (uint32_t i = 0; i < slab_bound(media->cold); i++) {
		uint64_t handle = slab_handle_at(media->cold, i);
		const struct stream_pair_cold *cold = slab_at(media->cold, i);
		const struct stream_pair *pair;

		if (handle == HANDLE_NONE)
			continue;
		pair = slab_get(media->hot, cold->pair);
		if (!pair || pair->from[0].cold != i)
			slab_free(media->cold, handle);
	}
	restore_secure(media);
	bundle_restore(media);
	for (unsigned i = 0; i < media->nslots; i++)
		if (media->slots[i].streams)
			port_pool_withhold(&media->slots[i].ports, media->slots[i].streams);
}

struct media *media_new(const struct media_conf *conf, struct arena *arena, unsigned first_slab,
			uint64_t now_ns)
{
	struct media *media;

	if (conf->nworkers == 0 || conf->worker >= conf->nworkers ||
	    conf->nrealms > UINT8_MAX + 1u || first_slab + MEDIA_SLABS > arena->nslabs)
		return NULL;
	media = calloc(1, sizeof(*media));
	if (!media)
		return NULL;
	media->hot = &arena->slabs[first_slab + MEDIA_SLAB_HOT];
	media->cold = &arena->slabs[first_slab + MEDIA_SLAB_COLD];
	media->secure = &arena->slabs[first_slab + MEDIA_SLAB_SECURE];
	media->bundles = &arena->slabs[first_slab + MEDIA_SLAB_BUNDLE];
	media->port_reuse_ns = conf->port_reuse_ns ? conf->port_reuse_ns : MEDIA_PORT_REUSE_NS;
	media->learn_ns = conf->learn_ns ? conf->learn_ns : MEDIA_LEARN_NS;
	media->seed = conf->seed;
	media->lanes = pages_alloc((1 + 2 * (size_t)media->hot->capacity) * sizeof(*media->lanes));
	media->slots = calloc(2 * (size_t)conf->nrealms + 1, sizeof(*media->slots));
	media->forgotten = calloc(media->secure->capacity, sizeof(*media->forgotten));
	media->is_forgotten = calloc(media->secure->capacity, sizeof(*media->is_forgotten));
	if (!media->lanes || !media->slots || !media->forgotten || !media->is_forgotten)
		goto fail;
	media->nslots = 2 * conf->nrealms;
	for (unsigned i = 0; i < media->nslots; i++)
		if (slot_init(&media->slots[i], conf, &conf->realms[i / 2],
			      i % 2 ? NET_IP6 : NET_IP4))
			goto fail;
	restore(media, now_ns);
	return media;
fail:
	media_free(media);
	return NULL;
}

void media_free(struct media *media)
{
	if (!media)
		return;
	for (unsigned i = 0; i < media->nslots; i++) {
		free(media->slots[i].streams);
		port_pool_fini(&media->slots[i].ports);
	}
	pages_free(media->lanes);
	free(media->slots);
	free(media->forgotten);
	free(media->is_forgotten);
	free(media);
}

uint32_t media_secure_dirs(const struct media *media)
{
	return 2 * media->secure->capacity;
}

void media_set_engine(struct media *media, struct secure_engine *engine)
{
	media->engine = engine;
}

void media_set_delay(struct media *media, uint64_t ns)
{
	media->delay_ns = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

void media_stats(const struct media *media, struct media_stats *stats)
{
	*stats = media->stats;
	stats->pairs = slab_used(media->hot);
	stats->ports_free = 0;
	for (unsigned i = 0; i < media->nslots; i++)
		stats->ports_free += media->slots[i].ports.count;
}
