/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles: who belongs to which, which port is theirs, and how they last through a restart. One
 * worker thread; libc only. */
#include "dataplane/media/bundle.h"

#include <errno.h>

static struct stream_pair *pair_at(const struct media *media, uint32_t number)
{
	return slab_at(media->hot, number - 1);
}

static uint32_t pair_number(const struct media *media, const struct stream_pair *pair)
{
	return 1 + (uint32_t)(pair - (const struct stream_pair *)media->hot->records);
}

static struct stream_side_cold *side_of(const struct media *media, struct stream_pair *pair,
					enum stream_side side)
{
	return &stream_cold(media, &pair->from[side])->side[side];
}

static struct stream_bundle *bundle_of(const struct media *media, struct stream_pair *pair,
				       enum stream_side side)
{
	uint32_t at = side_of(media, pair, side)->bundle;

	return at ? slab_at(media->bundles, at - 1) : NULL;
}

/* The port that packets to the side's peer come from. */
static void source_port_set(const struct media *media, struct stream_pair *pair,
			    enum stream_side side, uint32_t port_pair)
{
	const struct media_slot *slot = &media->slots[stream_slot(side_of(media, pair, side))];

	pair->from[!side].out.src.port = stream_local_port(slot, port_pair);
	stream_unsettle(media, &pair->from[!side]);
	stream_unsettle(media, &pair->from[side]);
}

static unsigned section_of(const struct media *media, const struct stream_bundle *bundle,
			   const struct stream_pair *pair)
{
	unsigned i = 0;

	while (i < STREAM_BUNDLE_MAX && bundle->pair[i] != pair_number(media, pair))
		i++;
	return i;
}

static void bundle_free(struct media *media, struct stream_bundle *bundle)
{
	uint32_t index = (uint32_t)(bundle - (struct stream_bundle *)media->bundles->records);

	slab_free(media->bundles, slab_handle_at(media->bundles, index));
}

/* Apart from the others, at its own port. */
static void unlink_pair(struct media *media, struct stream_pair *pair, enum stream_side side)
{
	struct stream_side_cold *mine = side_of(media, pair, side);

	mine->bundle = 0;
	pair->from[side].flags &= (uint16_t)~STREAM_BUNDLED;
	source_port_set(media, pair, side, mine->port_pair);
}

/* The port that the peer knows stays with the bundle: they change ports. */
static void swap_ports(struct media *media, struct stream_pair *one, struct stream_pair *two,
		       enum stream_side side)
{
	struct stream_side_cold *a = side_of(media, one, side), *b = side_of(media, two, side);
	struct media_slot *slot = &media->slots[stream_slot(a)];
	uint16_t port_pair = a->port_pair;

	a->port_pair = b->port_pair;
	b->port_pair = port_pair;
	slot->streams[a->port_pair] = 2 * pair_number(media, one) - 1 + side;
	slot->streams[b->port_pair] = 2 * pair_number(media, two) - 1 + side;
	a->rtcp_out.src.port = (uint16_t)(stream_local_port(slot, a->port_pair) + 1);
	b->rtcp_out.src.port = (uint16_t)(stream_local_port(slot, b->port_pair) + 1);
}

static struct stream_pair *first_member(const struct media *media, const struct stream_bundle *bundle)
{
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++)
		if (bundle->pair[i])
			return pair_at(media, bundle->pair[i]);
	return NULL;
}

static void forget_ssrcs(struct stream_bundle *bundle, unsigned section)
{
	for (unsigned i = 0; i < bundle->nssrcs;) {
		if (bundle->ssrc_section[i] != section) {
			i++;
			continue;
		}
		bundle->nssrcs--;
		bundle->ssrc[i] = bundle->ssrc[bundle->nssrcs];
		bundle->ssrc_section[i] = bundle->ssrc_section[bundle->nssrcs];
	}
	bundle->next_ssrc = 0;
}

void bundle_leave(struct media *media, struct stream_pair *pair, enum stream_side side)
{
	struct stream_bundle *bundle = bundle_of(media, pair, side);
	struct stream_pair *heir;
	unsigned section;

	if (!bundle)
		return;
	section = section_of(media, bundle, pair);
	bundle->pair[section] = 0;
	forget_ssrcs(bundle, section);
	heir = first_member(media, bundle);
	if (!heir) {
		bundle_free(media, bundle);
	} else if (slab_get(media->hot, bundle->carrier) == pair) {
		swap_ports(media, pair, heir, side);
		bundle->carrier = stream_cold(media, &heir->from[side])->pair;
	}
	unlink_pair(media, pair, side);
}

/* --- what SIP asks --- */

static bool wants(const struct stream_bundle_conf *conf, unsigned section)
{
	return conf->members >> section & 1 && conf->pair[section] != HANDLE_NONE;
}

/* The bundle that one of the sections is in. */
static struct stream_bundle *find_bundle(const struct media *media, enum stream_side side,
					 const struct stream_bundle_conf *conf)
{
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++) {
		struct stream_pair *pair = slab_get(media->hot, conf->pair[i]);
		struct stream_bundle *bundle = pair ? bundle_of(media, pair, side) : NULL;

		if (bundle)
			return bundle;
	}
	return NULL;
}

static struct stream_bundle *make_bundle(struct media *media, enum stream_side side, uint64_t carrier)
{
	struct stream_bundle *bundle;
	uint64_t made;

	bundle = slab_alloc(media->bundles, &made);
	if (!bundle) {
		media->stats.no_memory++;
		return NULL;
	}
	bundle->carrier = carrier;
	bundle->side = (uint8_t)side;
	return bundle;
}

static void join(struct media *media, struct stream_bundle *bundle, unsigned section,
		 struct stream_pair *pair, enum stream_side side)
{
	struct stream_pair *carrier = slab_get(media->hot, bundle->carrier);
	struct stream_side_cold *mine = side_of(media, pair, side);

	if (mine->bundle && bundle_of(media, pair, side) != bundle)
		bundle_leave(media, pair, side);
	bundle->pair[section] = pair_number(media, pair);
	mine->bundle =
		1 + (uint32_t)(bundle - (struct stream_bundle *)media->bundles->records);
	pair->from[side].flags |= STREAM_BUNDLED;
	source_port_set(media, pair, side, side_of(media, carrier, side)->port_pair);
}

static bool one_slot(const struct media *media, enum stream_side side,
		     const struct stream_bundle_conf *conf)
{
	unsigned slot = UINT32_MAX;

	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++) {
		struct stream_pair *pair = wants(conf, i) ? slab_get(media->hot, conf->pair[i]) : NULL;

		if (wants(conf, i) && !pair)
			return false;
		if (pair && slot != UINT32_MAX && stream_slot(side_of(media, pair, side)) != slot)
			return false;
		if (pair)
			slot = stream_slot(side_of(media, pair, side));
	}
	return slot != UINT32_MAX;
}

static void take_apart(struct media *media, struct stream_bundle *bundle)
{
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++)
		if (bundle->pair[i])
			unlink_pair(media, pair_at(media, bundle->pair[i]), bundle->side);
	bundle_free(media, bundle);
}

int stream_bundle_set(struct media *media, enum stream_side side,
		      const struct stream_bundle_conf *conf)
{
	struct stream_bundle *bundle = find_bundle(media, side, conf);

	if (conf->members == 0) {
		if (bundle)
			take_apart(media, bundle);
		return 0;
	}
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++) {
		struct stream_pair *pair = slab_get(media->hot, conf->pair[i]);

		if (pair && !wants(conf, i))
			bundle_leave(media, pair, side);
	}
	if (conf->tag >= STREAM_BUNDLE_MAX || !wants(conf, conf->tag) || !one_slot(media, side, conf))
		return -EINVAL;
	if (!bundle || !first_member(media, bundle))
		bundle = make_bundle(media, side, conf->pair[conf->tag]);
	if (!bundle)
		return -ENOMEM;
	bundle->tag = conf->tag;
	bundle->mid_ext = conf->mid_ext;
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++) {
		if (!wants(conf, i))
			continue;
		bundle->mid_len[i] = (uint8_t)(conf->mid[i].len < STREAM_MID_MAX ? conf->mid[i].len
										 : STREAM_MID_MAX);
		memcpy(bundle->mid[i], conf->mid[i].ptr, bundle->mid_len[i]);
		join(media, bundle, i, slab_get(media->hot, conf->pair[i]), side);
	}
	return 0;
}

bool stream_is_bundled(const struct media *media, uint64_t handle, enum stream_side side)
{
	struct stream_pair *pair = slab_get(media->hot, handle);

	return pair && side_of(media, pair, side)->bundle;
}

bool stream_bundle_get(const struct media *media, uint64_t handle, enum stream_side side,
		       struct stream_bundle_conf *conf)
{
	struct stream_pair *pair = slab_get(media->hot, handle);
	const struct stream_bundle *bundle = pair ? bundle_of(media, pair, side) : NULL;

	memset(conf, 0, sizeof(*conf));
	if (!bundle)
		return false;
	conf->mid_ext = bundle->mid_ext;
	conf->tag = STREAM_BUNDLE_MAX;
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++) {
		conf->pair[i] = HANDLE_NONE;
		if (!bundle->pair[i])
			continue;
		conf->members |= (uint8_t)(1u << i);
		conf->pair[i] = stream_cold(media, &pair_at(media, bundle->pair[i])->from[0])->pair;
		conf->mid[i] = span_of(bundle->mid[i], bundle->mid_len[i]);
		if (conf->tag == STREAM_BUNDLE_MAX || i == bundle->tag)
			conf->tag = (uint8_t)i;
	}
	return true;
}

/* --- takeover of an arena --- */

static bool member_fits(const struct media *media, const struct stream_bundle *bundle,
			uint32_t index, uint32_t number, const struct net_endpoint *local)
{
	struct stream_pair *pair;

	if (number > media->hot->capacity || slab_handle_at(media->hot, number - 1) == HANDLE_NONE)
		return false;
	pair = pair_at(media, number);
	return side_of(media, pair, bundle->side)->bundle == index + 1 &&
	       net_endpoint_eq(&pair->from[!bundle->side].out.src, local);
}

static bool bundle_fits(const struct media *media, const struct stream_bundle *bundle, uint32_t index)
{
	struct stream_pair *carrier = slab_get(media->hot, bundle->carrier);
	const struct stream_side_cold *mine;
	const struct media_slot *slot;
	struct net_endpoint local;

	if (!carrier || bundle->side > 1 || bundle->tag >= STREAM_BUNDLE_MAX ||
	    bundle->nssrcs > BUNDLE_SSRCS || bundle->next_ssrc >= BUNDLE_SSRCS ||
	    section_of(media, bundle, carrier) == STREAM_BUNDLE_MAX)
		return false;
	mine = side_of(media, carrier, bundle->side);
	slot = &media->slots[stream_slot(mine)];
	local = media_slot_endpoint(slot, stream_local_port(slot, mine->port_pair));
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++)
		if (bundle->mid_len[i] > STREAM_MID_MAX ||
		    (bundle->pair[i] && !member_fits(media, bundle, index, bundle->pair[i], &local)))
			return false;
	for (unsigned i = 0; i < bundle->nssrcs; i++)
		if (bundle->ssrc_section[i] >= STREAM_BUNDLE_MAX)
			return false;
	return true;
}

/* Whether the record that the pair names is one, and names the pair. */
static bool link_fits(const struct media *media, struct stream_pair *pair, enum stream_side side)
{
	uint32_t at = side_of(media, pair, side)->bundle;
	const struct stream_bundle *bundle;

	if (at > media->bundles->capacity || slab_handle_at(media->bundles, at - 1) == HANDLE_NONE)
		return false;
	bundle = slab_at(media->bundles, at - 1);
	return bundle->side == side && section_of(media, bundle, pair) < STREAM_BUNDLE_MAX;
}

void bundle_restore(struct media *media)
{
	for (uint32_t i = 0; i < slab_bound(media->bundles); i++) {
		uint64_t handle = slab_handle_at(media->bundles, i);

		if (handle != HANDLE_NONE && !bundle_fits(media, slab_at(media->bundles, i), i))
			slab_free(media->bundles, handle);
	}
	for (uint32_t i = 0; i < slab_bound(media->hot); i++) {
		if (slab_handle_at(media->hot, i) == HANDLE_NONE)
			continue;
		for (unsigned side = 0; side < 2; side++) {
			struct stream_pair *pair = slab_at(media->hot, i);

			if (side_of(media, pair, side)->bundle == 0)
				pair->from[side].flags &= (uint16_t)~STREAM_BUNDLED;
			else if (!link_fits(media, pair, side))
				unlink_pair(media, pair, side);
		}
	}
}
