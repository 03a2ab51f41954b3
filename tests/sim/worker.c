/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers of the dataplane, made as it makes them: each has its arena, its media and its
 * engine, and gets the messages whose Call-ID is its own. Their timers run as late as the seed
 * allows. */
#include <stdio.h>
#include <stdlib.h>

#include "ua.h"

#define BOOT_UNIX_NS (1700000000ull * SECOND)
/* Timers that run again and again without time going on. */
#define TURNS_MAX 100000u

/* ---- making ---- */

static struct net_endpoint endpoint_of(const char *text)
{
	struct net_endpoint endpoint;

	if (net_endpoint_parse(span_str(text), SIM_SIP_PORT, &endpoint))
		abort();
	return endpoint;
}

static void make_realms(struct sim *sim)
{
	sim->realms[SIDE_A] = (struct engine_realm){.sip4 = endpoint_of("192.0.2.1"),
						    .sip6 = endpoint_of("[2001:db8:1::1]:5060")};
	sim->realms[SIDE_B] = (struct engine_realm){.sip4 = endpoint_of("198.51.100.1"),
						    .sip6 = endpoint_of("[2001:db8:2::1]:5060")};
	for (unsigned side = 0; side < 2; side++) {
		sim->realms[side].stream4[NET_TCP] = sim->realms[side].sip4;
		sim->realms[side].stream6[NET_TCP] = sim->realms[side].sip6;
	}
}

static struct media *make_media(struct sim *sim, struct sim_worker *worker, uint32_t max_pairs,
				unsigned first_slab)
{
	struct media_realm realms[2];

	for (unsigned side = 0; side < 2; side++)
		realms[side] = (struct media_realm){
			.ip4 = sim->realms[side].sip4.addr,
			.ip6 = sim->realms[side].sip6.addr,
			.has_ip4 = true,
			.has_ip6 = true,
			.port_low = SIM_MEDIA_LOW,
			.port_high = SIM_MEDIA_HIGH,
		};
	return media_new(&(struct media_conf){.worker = worker->number,
					      .nworkers = sim->profile.nworkers,
					      .nrealms = 2,
					      .realms = realms,
					      .max_pairs = max_pairs,
					      .seed = {{sim->seed, 1}}},
			 &worker->arena, first_slab, sim->now_ns);
}

static void worker_start(struct sim *sim, struct sim_worker *worker, uint32_t max_calls)
{
	struct arena_slab_def defs[ARENA_SLABS_MAX];
	unsigned nengine = engine_slab_defs(defs, 0, max_calls);
	struct media_stats stats;
	const char *why;

	worker->next_ns = NEVER;
	sim->nslabs = media_slab_defs(defs, nengine, 4 * max_calls);
	if (arena_open(&worker->arena, NULL, defs, sim->nslabs, false, false, &why)) {
		fprintf(stderr, "sim: arena: %s\n", why);
		abort();
	}
	worker->media = make_media(sim, worker, 4 * max_calls, nengine);
	if (!worker->media)
		abort();
	media_stats(worker->media, &stats);
	worker->ports_free = stats.ports_free;
	worker->engine = engine_new(&(struct engine_conf){.worker = worker->number,
							  .nworkers = sim->profile.nworkers,
							  .nrealms = 2,
							  .realms = sim->realms,
							  .max_calls = max_calls,
							  .seed = {sim->seed, 2 + worker->number},
							  .secret = {(uint8_t)sim->seed, (uint8_t)worker->number, 1},
							  .shared_seed = {sim->seed, 2},
							  .boot_unix_ns = BOOT_UNIX_NS,
							  .counts = sim->counts},
				    &worker->arena, 0, worker->media, sim->now_ns);
	if (!worker->engine)
		abort();
}

void workers_start(struct sim *sim)
{
	const struct profile *p = &sim->profile;
	uint32_t max_calls =
		p->scarce ? 1 + (uint32_t)rng_below(&sim->script_rng, 6) : sim->ncalls + 64;

	make_realms(sim);
	sim->counts = counts_new(2 * SIM_WORKERS_MAX * max_calls);
	if (!sim->counts)
		abort();
	sim->nworkers = p->nworkers <= SIM_WORKERS_MAX ? p->nworkers : 1;
	for (unsigned i = 0; i < sim->nworkers; i++) {
		sim->workers[i].number = worker_runs_all(sim) ? i : p->worker;
		worker_start(sim, &sim->workers[i], max_calls);
	}
}

void workers_free(struct sim *sim)
{
	for (unsigned i = 0; i < sim->nworkers; i++) {
		engine_free(sim->workers[i].engine);
		media_free(sim->workers[i].media);
		arena_close(&sim->workers[i].arena);
	}
	counts_free(sim->counts);
}

/* Nothing is admitted beyond a limit. An emergency call is, and a call that a transfer goes on with
 * was admitted before. */
static void check_limits(struct sim *sim)
{
	const struct profile *p = &sim->profile;
	struct counts_trunk *to = counts_trunk(sim->counts, counts_trunk_find(sim->counts, 2)),
			    *from = counts_trunk(sim->counts, counts_trunk_find(sim->counts, 1));
	struct engine_stats stats;

	engine_stats(sim->at->engine, &stats);
	sim->transfers |= stats.transfers != 0;
	if (to && p->calls_out_max && counts_calls(to, COUNTS_OUT) > p->calls_out_max + 1)
		sim_violation(sim, SIM_NO_CALL, "%u calls to a trunk of %u",
			      counts_calls(to, COUNTS_OUT), p->calls_out_max);
	if (from && p->calls_in_max && !sim->transfers &&
	    counts_calls(from, COUNTS_IN) > p->calls_in_max + 1)
		sim_violation(sim, SIM_NO_CALL, "%u calls from a trunk of %u",
			      counts_calls(from, COUNTS_IN), p->calls_in_max);
}

bool worker_runs_all(const struct sim *sim)
{
	return sim->profile.nworkers <= SIM_WORKERS_MAX;
}

struct sim_worker *worker_numbered(struct sim *sim, unsigned number)
{
	for (unsigned i = 0; i < sim->nworkers; i++)
		if (sim->workers[i].number == number)
			return &sim->workers[i];
	return NULL;
}

/* ---- inputs and what comes of them ---- */

void worker_begin(struct sim *sim, struct sim_worker *worker)
{
	sim->at = worker;
}

/* To another worker, a little later, or much; one in a hundred finds the ring full. */
static void hand_over(struct sim *sim, const struct engine_action *action)
{
	uint64_t late_ns = rng_below(&sim->net_rng, rng_below(&sim->net_rng, 20) ? MS : 3 * SECOND);
	struct packet *packet;

	if (action->worker == sim->at->number || action->worker >= sim->profile.nworkers)
		sim_violation(sim, SIM_NO_CALL, "worker %u has a message for worker %u",
			      sim->at->number, action->worker);
	if (!worker_numbered(sim, action->worker) || rng_below(&sim->net_rng, 100) == 0)
		return;
	packet = malloc(sizeof(*packet) + action->bytes.len);
	if (!packet)
		abort();
	*packet = (struct packet){.len = (uint32_t)action->bytes.len};
	memcpy(packet->bytes, action->bytes.ptr, action->bytes.len);
	events_add(&sim->events, sim->now_ns + late_ns, EVENT_OWNER, action->worker, packet);
	sim->totals->handed_over++;
}

void worker_owner(struct sim *sim, uint32_t number, struct span bytes)
{
	worker_begin(sim, worker_numbered(sim, number));
	engine_owner_message(sim->at->engine, sim->now_ns, bytes);
	worker_finish(sim);
}

void worker_finish(struct sim *sim)
{
	const struct engine_action *actions;
	unsigned n = engine_actions(sim->at->engine, &actions);

	for (unsigned i = 0; i < n && !sim->failed; i++) {
		const struct engine_action *action = &actions[i];
		struct ua *to;

		if (action->kind == ACTION_REPORT) {
			control_report(sim, action);
			continue;
		}
		if (action->kind == ACTION_OWNER) {
			hand_over(sim, action);
			continue;
		}
		/* Corruption may send a message where nobody is. */
		to = sim_ua_at(sim, &action->dst);
		if (!to)
			continue;
		if (sim_is_strict(sim, to->call) &&
		    ((action->transport != NET_UDP) != to->tcp ||
		     (action->flow && !net_flow_is(sim, action->flow, to))))
			sim_violation(sim, to->call, "a message by another's transport or connection");
		check_out(sim, action, to);
		if (action->transport != NET_UDP && !sim->link_up) {
			engine_send_blocked(sim->at->engine, action);
			continue;
		}
		sim->totals->to_uas++;
		sim->totals->fingerprint =
			hash_fast(sim->totals->fingerprint ^ sim->now_ns, action->bytes);
		net_to_ua(sim, to, action);
	}
	if (sim->profile.limited)
		check_limits(sim);
}

/* The one that a datagram belongs to; what has no Call-ID stays where it came in. */
static struct sim_worker *owner_of(struct sim *sim, struct span bytes)
{
	struct sim_worker *owner = NULL;
	struct span call_id;

	if (sip_find_call_id(bytes.ptr, bytes.len, &call_id))
		owner = worker_numbered(sim, sip_owner(call_id, sim->profile.nworkers));
	return owner ? owner : &sim->workers[0];
}

void worker_packet(struct sim *sim, uint32_t from, const struct packet *packet)
{
	struct ua *ua = &sim->uas[from];
	struct engine_source source = {.peer = packet->src,
				       .local = packet->dst,
				       .realm = packet->realm,
				       .transport = ua->tcp ? NET_TCP : NET_UDP,
				       .flow = net_flow(sim, ua)};
	struct span bytes = span_of(packet->bytes, packet->len);

	if (!net_endpoint_eq(&packet->dst, &ua->limen)) {
		if (sim_is_strict(sim, ua->call))
			sim_violation(sim, ua->call, "endpoint %u was made to send somewhere else",
				      ua->slot);
		return;
	}
	if (ua->tcp && !sim->link_up)
		return; /* the connections were the control plane's */
	sim->totals->to_engine++;
	sim->is_repeat = check_in(sim, ua, bytes, packet->corrupt);
	worker_begin(sim, owner_of(sim, bytes));
	if (engine_screen(sim->at->engine, sim->now_ns, source.realm, &source.peer) != GUARD_PASS)
		sim_violation(sim, ua->call, "a known endpoint may not send");
	engine_message(sim->at->engine, sim->now_ns, &source, bytes);
	worker_finish(sim);
	sim->is_repeat = false;
}

void worker_timers(struct sim *sim, struct sim_worker *worker)
{
	unsigned turns = 0;
	bool more;

	do {
		worker_begin(sim, worker);
		more = engine_tick(worker->engine, sim->now_ns);
		worker_finish(sim);
		if (++turns > TURNS_MAX)
			sim_violation(sim, SIM_NO_CALL, "engine_tick never finishes");
	} while (more && !sim->failed);
}

/* When a worker gets round to its timers: at once, or as late as the seed allows. */
static uint64_t worker_due_ns(struct sim *sim, struct sim_worker *worker)
{
	uint64_t next = engine_next_ns(worker->engine);

	if (next == NEVER)
		return NEVER;
	if (next != worker->next_ns) {
		worker->next_ns = next;
		worker->due_ns = next + rng_below(&sim->net_rng, sim->profile.stall_ms * MS + 1);
	}
	return worker->due_ns > sim->now_ns ? worker->due_ns : sim->now_ns;
}

uint64_t workers_due_ns(struct sim *sim, struct sim_worker **first)
{
	uint64_t due = NEVER;

	*first = &sim->workers[0];
	for (unsigned i = 0; i < sim->nworkers; i++) {
		uint64_t at = worker_due_ns(sim, &sim->workers[i]);

		if (at < due) {
			due = at;
			*first = &sim->workers[i];
		}
	}
	return due;
}
