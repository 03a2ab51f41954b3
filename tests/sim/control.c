/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane as the worker sees it: answers questions at once, late, twice or never,
 * acknowledges records, dies and comes back knowing nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "common/sip/edit_plan.h"
#include "ua.h"

enum control_kind {
	CONTROL_VERDICT,
	CONTROL_ACK,
	CONTROL_LIST,
	CONTROL_HANGUP,
	CONTROL_LINK_DOWN,
	CONTROL_LINK_UP,
};

struct control_event {
	uint8_t kind;
	uint32_t epoch; /* of the link it belongs to: what was under way when the link went is gone
			 */
	uint32_t call;	/* VERDICT */
	uint8_t worker; /* index of the worker it is for */
	uint64_t id;	/* ask id, call handle, cursor */
};

static bool chance(struct sim *sim, uint32_t thousandths)
{
	return rng_below(&sim->control_rng, 1000) < thousandths;
}

static unsigned worker_index(const struct sim *sim)
{
	return sim->at ? (unsigned)(sim->at - sim->workers) : 0;
}

/* For the worker whose input is in work. */
static void schedule(struct sim *sim, uint64_t at_ns, enum control_kind kind, uint32_t call,
		     uint64_t id)
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
}

void control_start(struct sim *sim)
{
	uint64_t last = sim->ncalls ? sim->calls[sim->ncalls - 1].start_ns : sim->now_ns;
	uint64_t span = last - sim->now_ns + 20 * SECOND;
	uint64_t at = sim->now_ns;

	schedule(sim, at, CONTROL_LINK_UP, 0, 0);
	if (sim->profile.control_fails) {
		for (unsigned i = 1 + (unsigned)rng_below(&sim->control_rng, 4); i--;) {
			at += rng_below(&sim->control_rng, span);
			schedule(sim, at, CONTROL_LINK_DOWN, 0, 0);
			at += 50 * MS + rng_below(&sim->control_rng, 8 * SECOND);
			schedule(sim, at, CONTROL_LINK_UP, 0, 0);
		}
	}
	if (sim->profile.operator_acts)
		for (unsigned i = 0; i < 10; i++) {
			sim->at = &sim->workers[i % sim->nworkers];
			schedule(sim, sim->now_ns + rng_below(&sim->control_rng, span),
				 CONTROL_LIST, 0, 0);
		}
}

/* ---- to the engine ---- */

/* What is remembered of a question or a call, by the id that its worker gave it. */
static uint64_t key_of(const struct sim *sim, char what, uint64_t id)
{
	return map_key(what, span_of(&id, sizeof(id)), SPAN_NONE, sim->at->number);
}

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
	if (after.verdicts != before.verdicts &&
	    map_find(&sim->control_map, key_of(sim, 'i', event->id)))
		sim->calls[event->call].accepted++;
}

static void add_rule(struct cursor *out, enum edit_action action, enum sip_hdr_id hdr,
		     const char *name, const char *value)
{
	for (unsigned direction = 0; direction < EDIT_DIRECTIONS; direction++)
		if (edit_plan_rule(out, direction, action, hdr, span_str(name), span_str(value)))
			abort();
}

/* Either nothing passes but what is named, or everything but what is named. */
static void put_plan(const struct sim *sim, struct cursor *out)
{
	static const uint8_t safe[] = {
		SIP_HDR_ACCEPT,
		SIP_HDR_ALLOW,
		SIP_HDR_CONTENT_TYPE,
		SIP_HDR_CONTENT_DISPOSITION,
		SIP_HDR_DATE,
		SIP_HDR_EXPIRES,
		SIP_HDR_PRIORITY,
		SIP_HDR_PRIVACY,
		SIP_HDR_REQUIRE,
		SIP_HDR_RETRY_AFTER,
		SIP_HDR_SUBJECT,
		SIP_HDR_SUPPORTED,
		SIP_HDR_UNSUPPORTED,
	};
	static const uint8_t unsafe[] = {SIP_HDR_SERVER, SIP_HDR_P_ASSERTED_IDENTITY,
					 SIP_HDR_WARNING};
	bool open = sim->profile.open_plan;

	edit_plan_start(out, open ? EDIT_PASS : EDIT_DROP, open ? EDIT_PASS : EDIT_DROP);
	for (size_t i = 0; i < sizeof(safe) && !open; i++)
		add_rule(out, EDIT_PASS, safe[i], NULL, NULL);
	for (size_t i = 0; i < sizeof(unsafe) && open; i++)
		add_rule(out, EDIT_DROP, unsafe[i], NULL, NULL);
	if (open)
		add_rule(out, EDIT_DROP, SIP_HDR_OTHER, "X-Trail", NULL);
	add_rule(out, EDIT_REPLACE, SIP_HDR_USER_AGENT, NULL, "limen");
	add_rule(out, EDIT_SET, SIP_HDR_OTHER, "X-Border", "crossed");
	if (edit_plan_finish(out) || edit_plan_check(cursor_span(out)))
		abort();
}

/* Behind a NAT a source has to be learned. */
static uint8_t source_policy(struct sim *sim, const struct ua *ua)
{
	return ua->manner.nat || chance(sim, 500) ? SOURCE_LEARN : SOURCE_PIN;
}

static void put_sim_target(struct sim *sim, struct cursor *out, uint32_t call, unsigned slot)
{
	const struct ua *ua = &sim->uas[call * SIM_SLOTS + slot];
	struct ipc_target head = {
		.peer = ua->self,
		.realm = SIDE_B,
		.transport = NET_UDP,
		.side.source_policy = source_policy(sim, ua),
	};
	char at[64], ruri[128], from[128], to[128];
	struct cursor text = cursor_on(at, sizeof(at) - 1);
	char own[64];
	struct cursor limen = cursor_on(own, sizeof(own) - 1);

	put_endpoint(&text, &ua->self);
	at[text.len] = 0;
	put_endpoint(&limen, &ua->limen);
	own[limen.len] = 0;
	snprintf(ruri, sizeof(ruri), "sip:called%u@%s", call, at);
	snprintf(from, sizeof(from), "\"Caller %u\" <sip:caller%u@%s>", call, call, own);
	snprintf(to, sizeof(to), "<sip:called%u@%s>", call, at);
	ipc_put_target(out, &head, span_str(ruri), span_str(from), span_str(to),
		       SPAN_NONE);
}

/* Calls that nobody may end by himself must have an end from above. A BYE that overtakes its own
 * 2xx is one such: limen does not know the dialog yet. */
static bool needs_limit(const struct sim *sim, uint32_t call)
{
	for (unsigned slot = 1; slot < SIM_SLOTS; slot++)
		if (sim->uas[call * SIM_SLOTS + slot].manner.early_bye)
			return true;
	return sim->calls[call].lame || !sim->profile.fair || sim->profile.corrupt ||
	       sim->profile.scarce;
}

static void send_verdict(struct sim *sim, const struct control_event *event)
{
	static const uint16_t refusals[] = {403, 404, 405, 480, 486, 503, 603};
	_Alignas(8) static char frame[16384];
	char plan_text[EDIT_PLAN_BYTES_MAX], context_text[32];
	struct cursor out = cursor_on(frame, sizeof(frame)),
		      plan = cursor_on(plan_text, sizeof(plan_text));
	struct ipc_verdict head = {.ask_id = event->id};
	struct span context;

	snprintf(context_text, sizeof(context_text), "call %u", event->call);
	context = span_str(context_text);
	if (chance(sim, 80)) {
		head.status = refusals[rng_below(&sim->control_rng,
						 sizeof(refusals) / sizeof(refusals[0]))];
		head.retry_after_s = chance(sim, 300) ? 9 : 0;
		ipc_put_verdict(&out, &head, SPAN_NONE, SPAN_NONE, context);
		send_counted_verdict(sim, event, frame, out.len);
		return;
	}
	put_plan(sim, &plan);
	head.ntargets = (uint8_t)(chance(sim, 700) ? 1 : 2 + rng_below(&sim->control_rng, 2));
	head.side.source_policy = source_policy(sim, &sim->uas[event->call * SIM_SLOTS]);
	head.answer_max_s = 5 + (uint32_t)rng_below(&sim->control_rng, 120);
	head.duration_max_s = needs_limit(sim, event->call) || chance(sim, 300)
				      ? 1 + (uint32_t)rng_below(&sim->control_rng, 90)
				      : 0;
	head.media_timeout_s =
		chance(sim, 100) ? 5 + (uint32_t)rng_below(&sim->control_rng, 20) : 0;
	sim->calls[event->call].media_timeout_ns = head.media_timeout_s * SECOND;
	ipc_put_verdict(&out, &head, SPAN_NONE, cursor_span(&plan), context);
	for (unsigned slot = 1; slot <= head.ntargets; slot++)
		put_sim_target(sim, &out, event->call, slot);
	if (out.full)
		abort();
	send_counted_verdict(sim, event, frame, out.len);
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

void control_event(struct sim *sim, struct control_event *event)
{
	struct ipc_call_end_ack ack = {.call = event->id};
	struct ipc_hangup hangup = {.call = event->id};
	struct ipc_list_ask list = {.list_id = 7,
				    .max = 1 + (uint32_t)rng_below(&sim->control_rng, 100),
				    .cursor = event->id};

	switch (event->kind) {
	case CONTROL_LINK_UP:
	case CONTROL_LINK_DOWN:
		link_set(sim, event->kind == CONTROL_LINK_UP);
		return;
	default:
		break;
	}
	sim->at = &sim->workers[event->worker];
	if (!sim->link_up || (event->kind != CONTROL_LIST && event->epoch != sim->link_epoch))
		return;
	switch (event->kind) {
	case CONTROL_VERDICT:
		send_verdict(sim, event);
		break;
	case CONTROL_ACK:
		/* The engine may not send this record again. */
		*map_at(&sim->control_map, key_of(sim, 'k', event->id)) = 1;
		send_frame(sim, IPC_CALL_END_ACK, &ack, sizeof(ack));
		break;
	case CONTROL_LIST:
		send_frame(sim, IPC_CALLS_ASK, &list, sizeof(list));
		break;
	default:
		send_frame(sim, IPC_HANGUP, &hangup, sizeof(hangup));
		break;
	}
}

/* ---- from the engine ---- */

static uint64_t verdict_delay_ns(struct sim *sim)
{
	if (chance(sim, 400))
		return 0;
	if (!sim->profile.control_fails || chance(sim, 700))
		return rng_below(&sim->control_rng, 30 * MS);
	return rng_below(&sim->control_rng, 6 * SECOND);
}

static void on_ask(struct sim *sim, const struct ipc_ask *ask)
{
	static struct sip_msg msg;
	struct span text = ipc_ask_msg(ask);
	struct ua *ua = sim_ua_at(sim, &ask->source);
	struct sim_call *call;
	uint64_t *known;

	if (!ua || ask->realm != ua->side || ask->transport != NET_UDP) {
		sim_violation(sim, ua ? ua->call : SIM_NO_CALL,
			      "a question names the wrong source");
		return;
	}
	if (sip_parse(&msg, text.ptr, text.len, SIP_DATAGRAM) != SIP_PARSE_OK || !msg.is_request ||
	    msg.to_tag.len) {
		sim_violation(sim, ua->call, "a question without a request outside a dialog");
		return;
	}
	call = &sim->calls[ua->call];
	known = map_at(&sim->control_map, key_of(sim, 'q', ask->ask_id));
	if (*known && *known == sim->link_epoch) {
		sim_violation(sim, ua->call, "the same question twice");
		return;
	}
	if (!*known) {
		call->asks++;
		sim->totals->asks++;
	}
	*known = sim->link_epoch;
	call->was_asked = true;
	if (call->asks > call->invites_in) {
		sim_violation(sim, ua->call,
			      "%u questions for %u requests: a retransmission became a call",
			      call->asks, call->invites_in);
		return;
	}
	if (msg.method == SIP_METHOD_INVITE)
		*map_at(&sim->control_map, key_of(sim, 'i', ask->ask_id)) = 1;
	if (sim->profile.control_fails && chance(sim, 60))
		return; /* never */
	schedule(sim, sim->now_ns + verdict_delay_ns(sim), CONTROL_VERDICT, ua->call, ask->ask_id);
	if (chance(sim, 20))
		schedule(sim, sim->now_ns + verdict_delay_ns(sim), CONTROL_VERDICT, ua->call,
			 ask->ask_id);
}

/* The number in "call 17". */
static uint32_t call_of_context(struct span context)
{
	uint64_t number;

	if (context.len <= 5 ||
	    sip_number_parse(span_of(context.ptr + 5, context.len - 5), UINT32_MAX, &number))
		return SIM_NO_CALL;
	return (uint32_t)number;
}

/* What the record says of media, where the endpoints had this one call. */
static void check_media(struct sim *sim, const struct ipc_call_end *end, uint32_t number)
{
	const struct sim_call *call = &sim->calls[number];

	if (call->accepted != 1 || call->tainted || call->ends != 1)
		return;
	for (unsigned side = 0; side < 2; side++)
		if (end->media[side].rx_pkts != call->relayed[side])
			sim_violation(sim, number, "%lu media packets from %c, the record says %lu",
				      call->relayed[side], side ? 'B' : 'A',
				      end->media[side].rx_pkts);
	if (end->ended_by == IPC_BY_MEDIA_TIMEOUT &&
	    call->media_ns + call->media_timeout_ns > sim->now_ns + SECOND)
		sim_violation(sim, number, "ended for want of media, which there was");
}

static void on_call_end(struct sim *sim, const struct ipc_call_end *end)
{
	struct span context = ipc_call_end_context(end);
	struct ua *ua = sim_ua_at(sim, &end->peer[SIDE_A]);
	uint64_t *seen = map_at(&sim->control_map, key_of(sim, 'e', end->call));
	struct sim_call *call;
	char want[32];

	/* A re-INVITE that lost its To tag by corruption is a call from side B. */
	if (!ua || (ua->slot && !sim->calls[ua->call].tainted)) {
		char at[64] = "";
		struct cursor out = cursor_on(at, sizeof(at) - 1);

		put_endpoint(&out, &end->peer[SIDE_A]);
		sim_violation(sim, call_of_context(context), "a record names a caller at %s", at);
		return;
	}
	snprintf(want, sizeof(want), "call %u", ua->call);
	call = &sim->calls[ua->call];
	if (!span_eq(context, span_str(want)) || end->worker != sim->at->number) {
		sim_violation(sim, ua->call, "a record gives another context back");
		return;
	}
	if (map_find(&sim->control_map, key_of(sim, 'k', end->call)) ||
	    *seen == sim->link_epoch) {
		sim_violation(sim, ua->call, "the same record twice");
		return;
	}
	if (!*seen) {
		call->ends++;
		call->status_told = end->status;
		call->answered_told = end->answered_ns != 0;
		sim->totals->records++;
		sim->totals->ended_by[end->ended_by]++;
		sim->totals->status_class[end->status / 100 % 8]++;
	}
	*seen = sim->link_epoch;
	check_media(sim, end, ua->call);
	if (call->ends == call->accepted)
		rtp_after_end(sim, ua->call);
	if (end->ended_ns < end->started_ns ||
	    (end->answered_ns && end->answered_ns < end->started_ns) ||
	    end->ended_ns > sim->now_ns + 1700000000ull * SECOND || end->status < 200)
		sim_violation(sim, ua->call, "a record's times or status make no sense");
	if (!call->tainted &&
	    !span_eq(ipc_call_end_call_id(end, SIDE_A), span_str(ua->sess[0].call_id)))
		sim_violation(sim, ua->call, "a record with another Call-ID");
	schedule(sim,
		 sim->now_ns + (sim->profile.control_fails
					? rng_below(&sim->control_rng, 3 * SECOND)
					: 0),
		 CONTROL_ACK, ua->call, end->call);
}

void control_report(struct sim *sim, const struct engine_action *action)
{
	_Alignas(8) static char frame[IPC_FRAME_MAX];
	uint32_t len = (uint32_t)action->bytes.len;

	if (!sim->link_up || (sim->profile.control_fails && chance(sim, 50))) {
		sim->totals->reports_blocked++;
		engine_report_blocked(sim->at->engine, action);
		return;
	}
	if (len > sizeof(frame)) {
		sim_violation(sim, SIM_NO_CALL, "a report larger than a frame");
		return;
	}
	memcpy(frame, action->bytes.ptr, len);
	if (ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, action->type, frame, len)) {
		sim_violation(sim, SIM_NO_CALL, "a bad %s",
			      ipc_msg_name(action->type) ? ipc_msg_name(action->type) : "report");
		return;
	}
	switch (action->type) {
	case IPC_ASK:
		on_ask(sim, (const struct ipc_ask *)frame);
		break;
	case IPC_CALL_END:
		on_call_end(sim, (const struct ipc_call_end *)frame);
		break;
	case IPC_CALL_ROW:
		if (chance(sim, 30))
			schedule(sim, sim->now_ns, CONTROL_HANGUP, 0,
				 ((const struct ipc_call_row *)frame)->call);
		break;
	case IPC_LIST_END:
		if (((const struct ipc_list_end *)frame)->cursor)
			schedule(sim, sim->now_ns, CONTROL_LIST, 0,
				 ((const struct ipc_list_end *)frame)->cursor);
		break;
	default:
		break;
	}
}
