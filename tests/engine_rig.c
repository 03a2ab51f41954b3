/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine on memory of its own. Tests and fuzzers; one thread. */
#include "engine_rig.h"

bool engine_rig_open(struct engine_rig *rig, const struct engine_conf *conf,
		     const struct media_conf *media, uint64_t now_ns, const char **why)
{
	struct arena_slab_def defs[ARENA_SLABS_MAX];
	unsigned n = engine_slab_defs(defs, 0, conf->max_calls), media_first = n;

	n = media_slab_defs(defs, n, media->max_pairs);
	if (arena_open(&rig->arena, NULL, defs, n, true, false, why))
		return false;
	*why = "no memory";
	rig->nslabs = media_first;
	rig->media = media_new(media, &rig->arena, media_first, now_ns);
	rig->engine = rig->media ? engine_new(conf, &rig->arena, 0, rig->media, now_ns) : NULL;
	if (rig->engine == NULL) {
		engine_rig_close(rig);
		return false;
	}
	for (unsigned i = 0; i < rig->arena.nslabs; i++)
		rig->idle[i] = slab_used(&rig->arena.slabs[i]);
	return true;
}

const char *engine_rig_left(const struct engine_rig *rig)
{
	struct engine_stats stats;

	engine_stats(rig->engine, &stats);
	if (stats.calls)
		return "calls are left";
	if (stats.legs)
		return "legs are left";
	if (stats.txns)
		return "transactions are left";
	if (stats.timers)
		return "timers are left";
	if (stats.records_unacked)
		return "records are left";
	if (stats.actions_lost)
		return "actions were lost";
	if (engine_limits_held(rig->engine))
		return "calls are counted that there are not";
	if (stream_pairs_open(rig->media))
		return "streams are left";
	for (unsigned i = 0; i < rig->arena.nslabs; i++) {
		if (slab_used(&rig->arena.slabs[i]) != rig->idle[i])
			return "records of some slab are left";
	}
	return NULL;
}

void engine_rig_close(struct engine_rig *rig)
{
	engine_free(rig->engine);
	if (rig->media)
		media_free(rig->media);
	arena_close(&rig->arena);
}
