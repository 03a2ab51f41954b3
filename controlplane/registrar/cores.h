/* SPDX-License-Identifier: BSD-3-Clause */
/* What the registrars behind limen can take: REGISTERs towards each are held to a rate, one that
 * does not answer is asked now and then only, and who has to wait is told for how long, so that
 * they do not all come back at once (the avalanche after an outage; RFC 3261 section 20.33). A
 * function of its inputs: time and random numbers come in. Private to controlplane/registrar.
 * limen-controlplane, loop thread. */
#pragma once

#include "common/base/span.h"

struct cores;
struct core; /* one of them; it lives as long as the cores */

/* NULL when there is no memory. */
struct cores *cores_new(void);
void cores_free(struct cores *cores);

/* The one behind that trunk, known from now on. NULL when there is no memory. */
struct core *cores_get(struct cores *cores, struct span trunk);

/* What it may be sent, as the config of now has it. */
struct core_rate {
	unsigned per_s;	   /* 1 at least */
	unsigned burst_ms; /* what the rate brings in this time may come at once */
	bool down;	   /* none of its peers answers OPTIONS */
};

/* Whom half of what may come at once is kept for: who has been challenged already, and whom the
 * registrar is about to forget. */
enum core_urgency { CORE_ORDINARY, CORE_URGENT };

/* Whether it takes one more REGISTER now, which then counts as sent (not in a rehearsal). */
bool core_takes(struct core *core, const struct core_rate *rate, enum core_urgency urgency,
		bool rehearsal, uint64_t now_ns);

/* One of those ended: `status` 0: nothing came. `retry_after_s` of a 503, 0: it has none. */
void core_answered(struct core *core, unsigned status, uint32_t retry_after_s, uint64_t now_ns);

/* When somebody who was not taken may come again, in seconds: each a little later than the one
 * before. */
uint32_t core_retry_s(struct core *core, const struct core_rate *rate, uint32_t random,
		      uint64_t now_ns);

/* The trunk. */
struct span core_name(const struct core *core);

/* It does not answer now. */
bool core_is_away(const struct core *core);

/* How often it came back: what it had granted before it may have forgotten. */
uint32_t core_returns(const struct core *core);

/* One, for the operator. The name lives as long as the cores. */
struct core_view {
	struct span trunk;
	unsigned per_s; /* as of its last REGISTER */
	bool away;
	uint64_t sent, held, outages;
};
/* Walk them: *at starts at 0. False at the end. */
bool cores_next(const struct cores *cores, uint32_t *at, struct core_view *view);
