/* SPDX-License-Identifier: BSD-3-Clause */
/* One seed from beginning to end: the engine is made as a worker makes it, and events are run in
 * order until nothing is left. */
#include <stdio.h>
#include <stdlib.h>

#include "ua.h"

/* A world that does not come to rest by then never will. */
#define WORLD_NS_MAX	(48 * 3600 * SECOND)
#define WORLD_STEPS_MAX 20000000ull
/* Timers that run again and again without time going on. */
#define STANDSTILL_MAX 100000u

/* ---- words ---- */

void sim_violation(struct sim *sim, uint32_t call, const char *format, ...)
{
	va_list args;

	if (sim->failed)
		return;
	sim->failed = true;
	sim->failed_call = call;
	va_start(args, format);
	vsnprintf(sim->violation, sizeof(sim->violation), format, args);
	va_end(args);
	sim_trace(sim, call, "VIOLATION: %s", sim->violation);
}

static bool is_traced(const struct sim *sim, uint32_t call)
{
	return sim->trace &&
	       (sim->trace_call == SIM_NO_CALL || call == SIM_NO_CALL || call == sim->trace_call);
}

static void trace_start(const struct sim *sim, uint32_t call)
{
	printf("%12.6f ", (double)sim->now_ns / 1e9);
	if (call == SIM_NO_CALL)
		printf("       ");
	else
		printf("call %-2u", call);
}

void sim_trace(const struct sim *sim, uint32_t call, const char *format, ...)
{
	va_list args;

	if (!is_traced(sim, call))
		return;
	trace_start(sim, call);
	printf("  ** ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void sim_trace_message(const struct sim *sim, uint32_t call, const char *from, const char *to,
		       struct span bytes, const char *note)
{
	static struct sip_msg msg;
	const char *end;
	int len;

	if (!is_traced(sim, call))
		return;
	trace_start(sim, call);
	end = bytes.len ? memchr(bytes.ptr, '\r', bytes.len) : NULL;
	len = end ? (int)(end - bytes.ptr) : (int)bytes.len;
	printf("  %5s -> %-5s  %-48.*s", from, to, len > 70 ? 70 : len, bytes.ptr);
	if (sip_parse(&msg, bytes.ptr, bytes.len, SIP_DATAGRAM) == SIP_PARSE_OK)
		printf(" %u %.*s%s", msg.cseq, SPAN_FMT(sip_span(&msg, msg.cseq_method)),
		       msg.body.len ? " +body" : "");
	printf(" %s\n", note);
}

void sim_trace_text(const struct sim *sim, uint32_t call, struct span bytes)
{
	if (!is_traced(sim, call))
		return;
	printf("        | ");
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char ch = (unsigned char)bytes.ptr[i];

		if (ch == '\n')
			printf("\n        | ");
		else if (ch == '\r')
			continue;
		else if (ch < ' ' || ch > '~')
			printf("\\x%02x", ch);
		else
			putchar(ch);
	}
	putchar('\n');
}

/* ---- places ---- */

struct ua *sim_ua_at(struct sim *sim, const struct net_endpoint *at)
{
	const uint8_t *ip = at->addr.ip;
	uint32_t call, slot;
	bool side_b;

	if (at->family == NET_IP4) {
		side_b = ip[1] == 77;
		call = (uint32_t)ip[2] << 8 | ip[3];
	} else {
		side_b = ip[5] == 0x77;
		call = (uint32_t)ip[13] << 16 | (uint32_t)ip[14] << 8 | ip[15];
	}
	slot = side_b ? 1 + (at->port - SIM_SIP_PORT) / 1000u : 0;
	if (call >= sim->ncalls || slot >= SIM_SLOTS ||
	    !net_endpoint_eq(&sim->uas[call * SIM_SLOTS + slot].self, at))
		return NULL;
	return &sim->uas[call * SIM_SLOTS + slot];
}

uint32_t sim_ua_number(const struct sim *sim, const struct ua *ua)
{
	return (uint32_t)(ua - sim->uas);
}

const struct net_endpoint *sim_limen(const struct sim *sim, unsigned side, uint8_t family)
{
	return family == NET_IP6 ? &sim->realms[side].sip6 : &sim->realms[side].sip4;
}

/* ---- setting up ---- */

static struct rng rng_of(uint64_t seed, uint64_t purpose)
{
	struct rng rng = {.state = seed * 0x100000001b3ull + purpose};

	rng_next(&rng);
	return rng;
}

static void world_start(struct sim *sim)
{
	uint64_t at;

	sim->script_rng = rng_of(sim->seed, 1);
	sim->net_rng = rng_of(sim->seed, 2);
	sim->ua_rng = rng_of(sim->seed, 3);
	sim->control_rng = rng_of(sim->seed, 4);
	sim->now_ns = 1000 * SECOND + rng_below(&sim->script_rng, 1000000 * SECOND);
	script_profile(sim);
	workers_start(sim);
	sim->calls = calloc(sim->ncalls, sizeof(*sim->calls));
	sim->uas = calloc((size_t)sim->ncalls * SIM_SLOTS, sizeof(*sim->uas));
	if (!sim->calls || !sim->uas)
		abort();
	at = sim->now_ns + 10 * MS;
	for (uint32_t i = 0; i < sim->ncalls; i++) {
		sim->calls[i].start_ns = at;
		at += rng_below(&sim->script_rng, 2 * sim->profile.gap_ms * MS);
		script_call(sim, i);
	}
	control_start(sim);
}

/* ---- running ---- */

static void run_event(struct sim *sim, struct event *event)
{
	struct packet *packet = event->data;

	switch (event->kind) {
	case EVENT_TO_ENGINE:
		worker_packet(sim, event->who, packet);
		break;
	case EVENT_TO_UA:
		ua_receive(sim, &sim->uas[event->who], span_of(packet->bytes, packet->len));
		break;
	case EVENT_OWNER:
		worker_owner(sim, event->who, span_of(packet->bytes, packet->len));
		break;
	case EVENT_UA_TIMER:
		ua_timer(sim, &sim->uas[event->who]);
		break;
	default:
		control_event(sim, event->data);
		break;
	}
	free(event->data);
}

static void world_run(struct sim *sim)
{
	uint64_t start = sim->now_ns, last = 0;
	unsigned standstill = 0;

	for (uint64_t step = 0; !sim->failed; step++) {
		struct sim_worker *worker;
		uint64_t due = workers_due_ns(sim, &worker), next = events_next_ns(&sim->events);

		if (due == NEVER && next == NEVER)
			break;
		if (due <= next) {
			standstill = due == last ? standstill + 1 : 0;
			last = sim->now_ns = due;
			worker_timers(sim, worker);
		} else {
			struct event event = events_take(&sim->events);

			sim->now_ns = event.at_ns;
			run_event(sim, &event);
		}
		if (standstill > STANDSTILL_MAX)
			sim_violation(sim, SIM_NO_CALL,
				      "time stands still: the engine's next time never comes");
		if (step > WORLD_STEPS_MAX || sim->now_ns - start > WORLD_NS_MAX)
			sim_violation(sim, SIM_NO_CALL, "the world does not come to rest");
	}
	sim->totals->virtual_ns += sim->now_ns - start;
}

static void add_engine_totals(struct sim *sim, const struct engine *engine)
{
	struct engine_stats stats;

	engine_stats(engine, &stats);
	sim->totals->answered += stats.calls_answered;
	sim->totals->refused += stats.calls_refused;
	sim->totals->retransmits_in += stats.retransmits_in;
	sim->totals->retransmits_out += stats.retransmits_out;
	sim->totals->verdicts_stale += stats.verdicts_stale;
	sim->totals->txn_timeouts += stats.txn_timeouts;
	sim->totals->overload_refused += stats.overload_refused;
}

static void add_totals(struct sim *sim)
{
	sim->totals->seeds++;
	sim->totals->calls += sim->ncalls;
	for (unsigned i = 0; i < sim->nworkers; i++)
		add_engine_totals(sim, sim->workers[i].engine);
}

static void world_end(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->ncalls * SIM_SLOTS; i++)
		ua_free(&sim->uas[i]);
	workers_free(sim);
	events_free(&sim->events);
	map_free(&sim->losses);
	map_free(&sim->seen);
	map_free(&sim->unacked);
	map_free(&sim->control_map);
	free(sim->calls);
	free(sim->uas);
}

bool sim_run(struct sim *sim)
{
	world_start(sim);
	world_run(sim);
	if (!sim->failed)
		check_end(sim);
	add_totals(sim);
	world_end(sim);
	return !sim->failed;
}
