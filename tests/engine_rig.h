/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine on memory of its own, with the media it steers, and the question whether it is as empty
 * as it was at first. For tests and fuzzers; one thread. */
#pragma once

#include "dataplane/media/media.h"
#include "dataplane/sip/engine.h"

struct engine_rig {
	struct arena arena;
	struct media *media;
	struct engine *engine;
	unsigned nslabs;		/* the engine's, which are the first */
	uint32_t idle[ARENA_SLABS_MAX]; /* records in use before anything happened */
};

/* False, with the reason in *why, when there is no memory. */
bool engine_rig_open(struct engine_rig *rig, const struct engine_conf *conf,
		     const struct media_conf *media, uint64_t now_ns, const char **why);

/* What is left of calls that are all over, or NULL: nothing. */
const char *engine_rig_left(const struct engine_rig *rig);

void engine_rig_close(struct engine_rig *rig);
