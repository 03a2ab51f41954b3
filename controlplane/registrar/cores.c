/* SPDX-License-Identifier: BSD-3-Clause */
/* What the registrars behind limen can take. limen-controlplane, loop thread. */
#include "controlplane/registrar/cores.h"

#include <stdlib.h>

#include "common/base/clock.h"

#define BUCKETS 256u
/* So many REGISTERs without any answer for so long: it is away. Their transactions end much later
 * (timer F, 32 s), and by then each of its users would have waited for one. */
#define SILENT_MIN 3u
#define SILENT_NS  (5 * CLOCK_NS_PER_S)
/* One that is away is tried this often. */
#define TRIAL_NS (5 * CLOCK_NS_PER_S)
/* Without a Retry-After of its own. */
#define REFUSED_NS (1 * CLOCK_NS_PER_S)
#define HOLD_S_MAX 300u
#define AWAY_S	   10u	 /* at least, until somebody may come again */
#define RETRY_S_MAX 1800u /* at most */

struct core {
	struct core *next; /* in its chain */
	struct core *after; /* in the order they became known */
	unsigned per_s;
	uint64_t credit_ns, credited_ns; /* what may be sent, as time at the rate; as of when */
	uint64_t slot_ns;		 /* until when those who wait have been told to wait */
	uint64_t hold_until_ns;
	uint64_t silent_since_ns, trial_ns;
	unsigned silent; /* sent since the last answer */
	unsigned failed; /* ended without one */
	bool away, challenges;
	uint32_t returns;
	uint64_t sent, held, outages;
	size_t len;
	char trunk[];
};

struct cores {
	struct core *buckets[BUCKETS];
	struct core *first, *last;
};

struct cores *cores_new(void)
{
	return calloc(1, sizeof(struct cores));
}

void cores_free(struct cores *cores)
{
	for (struct core *core = cores ? cores->first : NULL, *after; core; core = after) {
		after = core->after;
		free(core);
	}
	free(cores);
}

struct core *cores_get(struct cores *cores, struct span trunk)
{
	struct core **at, *core;
	unsigned hash = 0;

	for (size_t i = 0; i < trunk.len; i++)
		hash = hash * 31 + (uint8_t)trunk.ptr[i];
	at = &cores->buckets[hash % BUCKETS];
	for (core = *at; core; core = core->next) {
		if (span_eq(span_of(core->trunk, core->len), trunk))
			return core;
	}
	core = calloc(1, sizeof(*core) + trunk.len + 1);
	if (!core)
		return NULL;
	core->len = trunk.len;
	memcpy(core->trunk, trunk.ptr, trunk.len);
	core->next = *at;
	*at = core;
	if (cores->last)
		cores->last->after = core;
	else
		cores->first = core;
	cores->last = core;
	return core;
}

static uint64_t interval_ns(const struct core_rate *rate)
{
	return CLOCK_NS_PER_S / rate->per_s;
}

static uint64_t burst_ns(const struct core_rate *rate)
{
	uint64_t burst = (uint64_t)rate->burst_ms * CLOCK_NS_PER_MS, least = 2 * interval_ns(rate);

	/* one, and the one that answers its challenge */
	return burst < least ? least : burst;
}

static void credit(struct core *core, const struct core_rate *rate, uint64_t now)
{
	uint64_t most = burst_ns(rate), since = now - core->credited_ns;

	core->per_s = rate->per_s;
	core->credit_ns = since > most - (core->credit_ns < most ? core->credit_ns : most)
				  ? most
				  : core->credit_ns + since;
	core->credited_ns = now;
}

static void leave(struct core *core)
{
	core->away = true;
	core->outages++;
}

static bool is_silent(const struct core *core, uint64_t now)
{
	return core->failed >= SILENT_MIN ||
	       (core->silent >= SILENT_MIN && now - core->silent_since_ns >= SILENT_NS);
}

/* One at a time finds out whether it is back. */
static bool tries(const struct core *core, const struct core_rate *rate, uint64_t now)
{
	return !rate->down && now - core->trial_ns >= TRIAL_NS;
}

bool core_takes(struct core *core, const struct core_rate *rate, enum core_urgency urgency,
		bool rehearsal, uint64_t now_ns)
{
	uint64_t need = interval_ns(rate);
	bool takes;

	credit(core, rate, now_ns);
	if (!core->away && (rate->down || is_silent(core, now_ns)))
		leave(core);
	if (urgency == CORE_ORDINARY)
		need += burst_ns(rate) / 2;
	takes = core->away ? tries(core, rate, now_ns)
			   : now_ns >= core->hold_until_ns && core->credit_ns >= need;
	if (rehearsal)
		return takes;
	if (!takes) {
		core->held++;
		return false;
	}
	if (core->away)
		core->trial_ns = now_ns;
	core->credit_ns -= core->credit_ns < interval_ns(rate) ? core->credit_ns
							       : interval_ns(rate);
	if (!core->silent++)
		core->silent_since_ns = now_ns;
	core->sent++;
	return true;
}

void core_answered(struct core *core, unsigned status, uint32_t retry_after_s, uint64_t now_ns)
{
	uint64_t hold_ns = REFUSED_NS;

	if (!status) {
		core->failed++;
		return;
	}
	core->silent = core->failed = 0;
	if (status == 503) {
		if (retry_after_s)
			hold_ns = (retry_after_s < HOLD_S_MAX ? retry_after_s : HOLD_S_MAX) *
				  CLOCK_NS_PER_S;
		if (now_ns + hold_ns > core->hold_until_ns)
			core->hold_until_ns = now_ns + hold_ns;
		return;
	}
	if (status == 401 || status == 407)
		core->challenges = true;
	if (!core->away)
		return;
	/* it begins slowly: what has gathered meanwhile is not sent at once */
	core->away = false;
	core->returns++;
	core->credit_ns = 0;
	core->credited_ns = now_ns;
}

uint32_t core_retry_s(struct core *core, const struct core_rate *rate, uint32_t random,
		      uint64_t now_ns)
{
	/* with a challenge each of them comes twice */
	uint64_t step = interval_ns(rate) * (core->challenges ? 2 : 1), from = now_ns, wait_s;

	if (core->away)
		from += AWAY_S * CLOCK_NS_PER_S;
	if (core->hold_until_ns > from)
		from = core->hold_until_ns;
	if (core->slot_ns < from)
		core->slot_ns = from;
	core->slot_ns += step;
	if (core->slot_ns > now_ns + RETRY_S_MAX * CLOCK_NS_PER_S) {
		core->slot_ns -= step;
		return RETRY_S_MAX / 2 + random % (RETRY_S_MAX / 2);
	}
	wait_s = (core->slot_ns - now_ns) / CLOCK_NS_PER_S + 1;
	return (uint32_t)(wait_s + random % (wait_s / 4 + 2));
}

struct span core_name(const struct core *core)
{
	return span_of(core->trunk, core->len);
}

bool core_is_away(const struct core *core)
{
	return core->away;
}

uint32_t core_returns(const struct core *core)
{
	return core->returns;
}

bool cores_next(const struct cores *cores, uint32_t *at, struct core_view *view)
{
	const struct core *core = cores->first;

	for (uint32_t i = 0; core && i < *at; i++)
		core = core->after;
	if (!core)
		return false;
	(*at)++;
	*view = (struct core_view){.trunk = span_of(core->trunk, core->len),
				   .per_s = core->per_s,
				   .away = core->away,
				   .sent = core->sent,
				   .held = core->held,
				   .outages = core->outages};
	return true;
}
