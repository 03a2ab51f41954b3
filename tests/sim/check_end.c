/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold when nothing is left to happen: no record, stream or port is in use, each call had
 * its one record, and its endpoints agree. */
#include "ua.h"

/* A call whose record never came. */
static uint32_t unended_call(const struct sim *sim)
{
	for (uint32_t i = 0; i < sim->ncalls; i++)
		if (sim->calls[i].was_asked && !sim->calls[i].ends &&
		    sim->uas[i * SIM_SLOTS].manner.what == WHAT_INVITE)
			return i;
	return SIM_NO_CALL;
}

static void check_worker_left(struct sim *sim, const struct sim_worker *worker)
{
	struct media_stats media;
	struct engine_stats stats;

	engine_stats(worker->engine, &stats);
	media_stats(worker->media, &media);
	if (stats.calls || stats.legs || stats.txns || stats.timers || stats.records_unacked)
		sim_violation(
			sim, unended_call(sim),
			"left behind: %u calls, %u legs, %u transactions, %u timers, %u records",
			stats.calls, stats.legs, stats.txns, stats.timers, stats.records_unacked);
	if (media.pairs)
		sim_violation(sim, SIM_NO_CALL, "left behind: %u stream pairs", media.pairs);
	if (media.ports_free != worker->ports_free)
		sim_violation(sim, SIM_NO_CALL, "%u port pairs of %u are left", media.ports_free,
			      worker->ports_free);
	for (unsigned i = 0; i < sim->nslabs; i++)
		if (slab_used(&worker->arena.slabs[i]))
			sim_violation(sim, SIM_NO_CALL, "left behind: %u records of slab %u",
				      slab_used(&worker->arena.slabs[i]), i);
	if (engine_limits_held(worker->engine))
		sim_violation(sim, SIM_NO_CALL, "left behind: %lu calls that limits count",
			      engine_limits_held(worker->engine));
	if (stats.calls_started != stats.calls_ended)
		sim_violation(sim, SIM_NO_CALL, "%lu calls began, %lu ended", stats.calls_started,
			      stats.calls_ended);
	if (stats.actions_lost && !sim->failed)
		sim_violation(sim, SIM_NO_CALL, "%lu actions were lost", stats.actions_lost);
}

static void check_acks(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->unacked.room; i++) {
		uint64_t value = sim->unacked.slots[i].value;

		if (sim->unacked.slots[i].key && value && sim_is_strict(sim, (uint32_t)(value - 1)))
			sim_violation(sim, (uint32_t)(value - 1), "a 2xx was never acknowledged");
	}
}

static void check_call(struct sim *sim, uint32_t number)
{
	const struct sim_call *call = &sim->calls[number];
	const struct ua *uas = &sim->uas[number * SIM_SLOTS];

	if (call->ends != call->accepted && !sim->profile.scarce)
		sim_violation(sim, number, "%u records of %u calls", call->ends, call->accepted);
	if (!sim_is_strict(sim, number))
		return;
	for (unsigned slot = 0; slot < SIM_SLOTS; slot++) {
		const struct ua *ua = &uas[slot];

		if (ua->gone)
			continue;
		for (unsigned i = 0; i < UA_SESSIONS; i++) {
			const struct sess *sess = &ua->sess[i];

			if (sess->records == 1 && sess->status_told != sess->status_sent &&
			    !(sess->answered_told && sess->status_sent == 200) &&
			    !((sim->profile.busy || sim->profile.limited) &&
			      sess->status_sent == 503))
				sim_violation(sim, number,
					      "the record says %u, the caller was told %u",
					      sess->status_told, sess->status_sent);
			if (ua->sess[i].state == SESS_UP)
				sim_violation(sim, number,
					      "endpoint %u still thinks that the call is up", slot);
			if (ua->sess[i].state == SESS_EARLY && slot == 0)
				sim_violation(sim, number, "the caller never got an answer");
		}
	}
}

void check_end(struct sim *sim)
{
	for (unsigned i = 0; i < sim->nworkers; i++)
		check_worker_left(sim, &sim->workers[i]);
	check_acks(sim);
	for (uint32_t i = 0; i < sim->ncalls && !sim->failed; i++)
		check_call(sim, i);
}
