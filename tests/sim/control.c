/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane as the worker sees it: answers questions at once, late, twice or never,
 * acknowledges records, dies and comes back knowing nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "control.h"

bool control_chance(struct sim *sim, uint32_t thousandths)
{
	return rng_below(&sim->control_rng, 1000) < thousandths;
}

static unsigned worker_index(const struct sim *sim)
{
	return sim->at ? (unsigned)(sim->at - sim->workers) : 0;
}

struct control_event *control_schedule(struct sim *sim, uint64_t at_ns, enum control_kind kind,
				       uint32_t call, uint64_t id)
{
	struct control_event *event = malloc(sizeof(*event));

	if (!event)
		abort();
	*event = (struct control_event){.kind = (uint8_t)kind,
					.epoch = sim->link_epoch,
					.call = call,
					.worker = (uint8_t)worker_index(sim),
					.id = id};
	events_add(&sim->events, at_ns, EVENT_CONTROL, 0, event);
	return event;
}

static void plan_probes(struct sim *sim, uint64_t span)
{
	for (unsigned i = 0; i < 8; i++) {
		sim->at = &sim->workers[i % sim->nworkers];
		control_schedule(sim, sim->now_ns + rng_below(&sim->control_rng, span),
				 CONTROL_PROBE, (uint32_t)rng_below(&sim->control_rng, sim->ncalls),
				 1 + i);
	}
}

/* Some seconds in which the worker says that it has too much to do. */
static void plan_load(struct sim *sim, uint64_t span)
{
	const unsigned windows = 200, calm = 20; /* of 10 ms, as a worker's */
	uint64_t at = sim->now_ns + rng_below(&sim->control_rng, span);

	for (unsigned i = 0; i < windows; i++, at += 10 * MS) {
		for (unsigned w = 0; w < sim->nworkers; w++) {
			sim->at = &sim->workers[w];
			control_schedule(sim, at, CONTROL_LOAD, 0,
					 i < windows - calm
						 ? 700 + rng_below(&sim->control_rng, 1000)
						 : 0);
		}
	}
}

void control_start(struct sim *sim)
{
	uint64_t last = sim->ncalls ? sim->calls[sim->ncalls - 1].start_ns : sim->now_ns;
	uint64_t span = last - sim->now_ns + 20 * SECOND;
	uint64_t at = sim->now_ns;

	control_schedule(sim, at, CONTROL_LINK_UP, 0, 0);
	if (control_chance(sim, 300))
		plan_probes(sim, span);
	if (sim->profile.busy)
		plan_load(sim, span);
	if (sim->profile.control_fails) {
		for (unsigned i = 1 + (unsigned)rng_below(&sim->control_rng, 4); i--;) {
			at += rng_below(&sim->control_rng, span);
			control_schedule(sim, at, CONTROL_LINK_DOWN, 0, 0);
			at += 50 * MS + rng_below(&sim->control_rng, 8 * SECOND);
			control_schedule(sim, at, CONTROL_LINK_UP, 0, 0);
		}
	}
	if (sim->profile.operator_acts)
		for (unsigned i = 0; i < 10; i++) {
			sim->at = &sim->workers[i % sim->nworkers];
			control_schedule(sim, sim->now_ns + rng_below(&sim->control_rng, span),
					 CONTROL_LIST, 0, 0);
		}
}

/* ---- to the engine ---- */

static void send_frame(struct sim *sim, uint16_t type, const void *frame, uint32_t len)
{
	if (ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, type, frame, len)) {
		sim_violation(sim, SIM_NO_CALL, "the simulator made a bad %s", ipc_msg_name(type));
		return;
	}
	worker_begin(sim, sim->at);
	engine_frame(sim->at->engine, sim->now_ns, type, frame, len);
	worker_finish(sim);
}

static void send_counted_verdict(struct sim *sim, const struct control_event *event,
				 const char *frame, uint32_t len)
{
	struct engine_stats before, after;

	engine_stats(sim->at->engine, &before);
	send_frame(sim, IPC_VERDICT, frame, len);
	engine_stats(sim->at->engine, &after);
	/* One that comes twice may be taken for that on a redirection; the call is the same. */
	if (after.verdicts != before.verdicts && event->ask != IPC_ASK_REDIRECT &&
	    map_find(&sim->control_map, control_key(sim, 'i', event->id)) &&
	    !(*map_at(&sim->control_map, control_key(sim, 'v', event->id)))++)
		sim->calls[event->call].accepted++;
}

static void send_verdict(struct sim *sim, const struct control_event *event)
{
	_Alignas(8) static char frame[16384];
	struct cursor out = cursor_on(frame, sizeof(frame));
	struct sim_call *call = &sim->calls[event->call];
	const struct verdict_on on = {
		.call = event->call,
		.ask_id = event->id,
		.from = event->from,
		.ask = event->ask,
		.slots = event->slots,
	};
	uint32_t before = call->accepted, media_timeout_s = verdict_make(sim, &on, &out);

	send_counted_verdict(sim, event, frame, out.len);
	/* A verdict that came twice counts once. */
	if (call->accepted != before)
		call->media_timeout_ns = media_timeout_s * SECOND;
}

static void link_set(struct sim *sim, bool up)
{
	if (sim->link_up == up)
		return;
	sim_trace(sim, SIM_NO_CALL, "control plane %s", up ? "is there" : "has gone");
	sim->link_up = up;
	sim->link_epoch++;
	sim->totals->links_lost += !up;
	for (unsigned i = 0; i < sim->nworkers; i++) {
		worker_begin(sim, &sim->workers[i]);
		engine_link(sim->at->engine, sim->now_ns, up);
		worker_finish(sim);
	}
}

/* Sent on each connection. */
static void send_settings(struct sim *sim)
{
	static const char emergency[] = "urn:service:sos\ncalled7"; /* SIM_EMERGENCY_CALL */
	_Alignas(8) char frame[128];
	struct cursor out = cursor_on(frame, sizeof(frame));
	struct ipc_settings head = {.busy_permille_max = 800,
				    .emergency_len = sizeof(emergency) - 1,
				    .retry_after_s = SIM_RETRY_AFTER_S};

	put_bytes(&out, &head, sizeof(head));
	put_bytes(&out, emergency, sizeof(emergency) - 1);
	send_frame(sim, IPC_SETTINGS, frame, out.len);
}

/* The same table each time: what was begun before goes on. */
static void send_limits(struct sim *sim)
{
	_Alignas(8) char frame[1024];
	_Alignas(8) struct ipc_screen screen = {
		.generation = ++sim->generation,
		.nsources = 4,
		.ntrunks = 2,
		.classes = {{50, 5}, {0, 0}, {0, 0}},
		.burst_ms = 1000,
		.window_s = 60,
		.users_max = 20,
		.malformed_max = 5,
		.learn = IPC_LEARN_KNOWN,
	};
	_Alignas(8) struct ipc_screen_end end = {.generation = screen.generation};
	struct ipc_trunks head = {.generation = screen.generation, .count = 2};
	struct ipc_sources of = {.generation = screen.generation, .count = 4};
	struct cursor out = cursor_on(frame, sizeof(frame));

	send_frame(sim, IPC_SCREEN, &screen, sizeof(screen));
	put_bytes(&out, &head, sizeof(head));
	for (uint32_t id = 1; id <= 2; id++) {
		struct ipc_trunk trunk = {.id = id, .name = {'t', (char)('0' + id)}};

		trunk.limits.burst_ms = 1000;
		trunk.limits.calls_in_max = id == 1 ? sim->profile.calls_in_max : 0;
		trunk.limits.calls_out_max = id == 2 ? sim->profile.calls_out_max : 0;
		trunk.limits.subscriptions_max = 3;
		trunk.limits.messages_per_s = 5;
		trunk.limits.calls_in_per_s = 20;
		trunk.limits.user_calls_max = 4;
		put_bytes(&out, &trunk, sizeof(trunk));
	}
	send_frame(sim, IPC_SCREEN_TRUNKS, frame, out.len);
	out = cursor_on(frame, sizeof(frame));
	put_bytes(&out, &of, sizeof(of));
	for (uint32_t id = 1; id <= 2; id++)
		for (unsigned i = 0; i < 2; i++) {
			struct ipc_source source = {.family = i ? NET_IP6 : NET_IP4,
						    .realm = (uint8_t)(id - 1),
						    .class = IPC_CLASS_KNOWN,
						    .trunk = id};

			put_bytes(&out, &source, sizeof(source));
		}
	send_frame(sim, IPC_SCREEN_SOURCES, frame, out.len);
	send_frame(sim, IPC_SCREEN_END, &end, sizeof(end));
}

/* Is this endpoint there? */
static void send_probe(struct sim *sim, const struct control_event *event)
{
	_Alignas(8) char frame[512];
	struct cursor out = cursor_on(frame, sizeof(frame));
	const struct ua *ua =
		&sim->uas[event->call * SIM_SLOTS + rng_below(&sim->control_rng, SIM_SLOTS)];
	struct ipc_probe head = {
		.probe_id = event->id, .peer = ua->self, .realm = ua->side,
		.transport = ua->tcp ? NET_TCP : NET_UDP};
	char uri[96], from[96];
	struct cursor to = cursor_on(uri, sizeof(uri)), by = cursor_on(from, sizeof(from));

	put_lit(&to, "sip:");
	put_endpoint(&to, &ua->self);
	put_lit(&by, "<sip:");
	put_endpoint(&by, &ua->limen);
	put_lit(&by, ">");
	head.ruri_len = (uint16_t)to.len;
	head.from_len = (uint16_t)by.len;
	head.to_len = (uint16_t)(to.len + 2);
	put_bytes(&out, &head, sizeof(head));
	put_span(&out, cursor_span(&to));
	put_span(&out, cursor_span(&by));
	put_char(&out, '<');
	put_span(&out, cursor_span(&to));
	put_char(&out, '>');
	sim->totals->probes++;
	*map_at(&sim->control_map, control_key(sim, 'p', event->id)) = sim->link_epoch;
	send_frame(sim, IPC_PROBE, frame, out.len);
}

static void send_credentials(struct sim *sim, const struct control_event *event)
{
	_Alignas(8) char frame[sizeof(struct ipc_credentials) + sizeof(event->lines)];
	struct ipc_credentials head = {.id = event->id,
				       .headers_len = (uint16_t)strlen(event->lines)};
	struct cursor out = cursor_on(frame, sizeof(frame));

	put_bytes(&out, &head, sizeof(head));
	put_span(&out, span_str(event->lines));
	send_frame(sim, IPC_CREDENTIALS, frame, out.len);
}

void control_send_fails(struct sim *sim, uint64_t at_ns, uint64_t token)
{
	control_schedule(sim, at_ns, CONTROL_SEND_FAILS, 0, token);
}

void control_event(struct sim *sim, struct control_event *event)
{
	struct ipc_call_end_ack ack = {.call = event->id};
	struct ipc_hangup hangup = {.call = event->id};
	struct ipc_sip_fail fail = {.token = event->id, .reason = IPC_FAIL_LOST};
	struct ipc_list_ask list = {.list_id = 7,
				    .max = 1 + (uint32_t)rng_below(&sim->control_rng, 100),
				    .cursor = event->id};

	switch (event->kind) {
	case CONTROL_LINK_UP:
	case CONTROL_LINK_DOWN:
		link_set(sim, event->kind == CONTROL_LINK_UP);
		for (unsigned i = 0; i < sim->nworkers && sim->link_up; i++) {
			sim->at = &sim->workers[i];
			if (sim->profile.busy || sim->profile.limited)
				send_settings(sim);
			if (sim->profile.limited)
				send_limits(sim);
		}
		return;
	case CONTROL_LOAD:
		sim->at = &sim->workers[event->worker];
		engine_load(sim->at->engine, (uint32_t)event->id);
		return;
	default:
		break;
	}
	sim->at = &sim->workers[event->worker];
	if (!sim->link_up || (event->kind != CONTROL_LIST && event->kind != CONTROL_PROBE &&
			      event->epoch != sim->link_epoch))
		return;
	switch (event->kind) {
	case CONTROL_VERDICT:
		send_verdict(sim, event);
		break;
	case CONTROL_ACK:
		/* The engine may not send this record again. */
		*map_at(&sim->control_map, control_key(sim, 'k', event->id)) = 1;
		send_frame(sim, IPC_CALL_END_ACK, &ack, sizeof(ack));
		break;
	case CONTROL_PROBE:
		send_probe(sim, event);
		break;
	case CONTROL_SEND_FAILS:
		send_frame(sim, IPC_SIP_FAIL, &fail, sizeof(fail));
		break;
	case CONTROL_CREDENTIALS:
		send_credentials(sim, event);
		break;
	case CONTROL_LIST:
		send_frame(sim, IPC_CALLS_ASK, &list, sizeof(list));
		break;
	default:
		send_frame(sim, IPC_HANGUP, &hangup, sizeof(hangup));
		break;
	}
}
