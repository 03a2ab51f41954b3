/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine reports, and whether it may: one question for each request, one record for each
 * call, one end for each probe. */
#include <stdio.h>
#include <stdlib.h>

#include "control.h"

static uint64_t verdict_delay_ns(struct sim *sim)
{
	if (control_chance(sim, 400))
		return 0;
	if (!sim->profile.control_fails || control_chance(sim, 700))
		return rng_below(&sim->control_rng, 30 * MS);
	return rng_below(&sim->control_rng, 6 * SECOND);
}

/* The call goes on where its target says: the places of the call that the contacts name. */
static void on_redirect(struct sim *sim, const struct ipc_ask *ask, uint32_t number)
{
	uint64_t *known = map_at(&sim->control_map,
				 map_key('d', span_of(&ask->ask_id, sizeof(ask->ask_id)), SPAN_NONE,
					 sim->at->number | (uint64_t)(ask->redirects + 1) << 16));
	struct span contacts = ipc_ask_contacts(ask);
	struct control_event *event;
	unsigned slots = 0;
	char want[64];

	snprintf(want, sizeof(want), "call %u", number);
	if (*known && *known == sim->link_epoch)
		sim_violation(sim, number, "the same redirection twice");
	if (!contacts.len || !span_eq(ipc_ask_context(ask), span_str(want)) ||
	    !map_find(&sim->control_map, control_key(sim, 'q', ask->ask_id)))
		sim_violation(sim, number, "a redirection of a call that was not asked about");
	sim->totals->redirects += !*known;
	*known = sim->link_epoch;
	for (unsigned slot = 1; slot < SIM_SLOTS; slot++) {
		struct cursor text = cursor_on(want, sizeof(want) - 1);

		put_endpoint(&text, &sim->uas[number * SIM_SLOTS + slot].self);
		if (memmem(contacts.ptr, contacts.len, want, text.len))
			slots |= 1u << slot;
	}
	if (sim->profile.control_fails && control_chance(sim, 60))
		return; /* never */
	event = control_schedule(sim, sim->now_ns + verdict_delay_ns(sim), CONTROL_VERDICT, number,
				 ask->ask_id);
	event->ask = IPC_ASK_REDIRECT;
	event->slots = (uint8_t)slots;
}

/* The place that a transfer goes to: "slot2-17". 0 for any. */
static uint8_t slot_called(const struct sip_msg *msg)
{
	struct sip_uri uri;
	unsigned slot;

	if (sip_uri_parse(sip_span(msg, msg->ruri), &uri) || uri.user.len < 5 ||
	    memcmp(uri.user.ptr, "slot", 4) != 0)
		return 0;
	slot = (unsigned)(uri.user.ptr[4] - '0');
	return slot && slot < SIM_SLOTS ? (uint8_t)(1u << slot) : 0;
}

static void on_ask(struct sim *sim, const struct ipc_ask *ask)
{
	static struct sip_msg msg;
	struct span text = ipc_ask_msg(ask);
	struct ua *ua = sim_ua_at(sim, &ask->source);
	struct sim_call *call;
	uint64_t *known;

	if (!ua || ask->realm != ua->side || ask->transport != (ua->tcp ? NET_TCP : NET_UDP)) {
		sim_violation(sim, ua ? ua->call : SIM_NO_CALL,
			      "a question names the wrong source");
		return;
	}
	if (sip_parse(&msg, text.ptr, text.len, SIP_DATAGRAM) != SIP_PARSE_OK || !msg.is_request ||
	    msg.to_tag.len) {
		sim_violation(sim, ua->call, "a question without a request outside a dialog");
		return;
	}
	if (ask->kind == IPC_ASK_REDIRECT) {
		on_redirect(sim, ask, ua->call);
		return;
	}
	call = &sim->calls[ua->call];
	known = map_at(&sim->control_map, control_key(sim, 'q', ask->ask_id));
	if (*known && *known == sim->link_epoch) {
		sim_violation(sim, ua->call, "the same question twice");
		return;
	}
	if (!*known) {
		call->asks++;
		call->invites_in += ask->kind == IPC_ASK_TRANSFER; /* that none of them sent */
		sim->totals->asks++;
		sim->totals->transfers_asked += ask->kind == IPC_ASK_TRANSFER;
	}
	if (ask->kind == IPC_ASK_TRANSFER)
		*map_at(&sim->control_map, control_key(sim, 't', ask->ask_id)) = 1;
	*known = sim->link_epoch;
	call->was_asked = true;
	if (call->asks > call->invites_in) {
		sim_violation(sim, ua->call,
			      "%u questions for %u requests: a retransmission became a call",
			      call->asks, call->invites_in);
		return;
	}
	if (msg.method == SIP_METHOD_INVITE)
		*map_at(&sim->control_map, control_key(sim, 'i', ask->ask_id)) = 1;
	if (sim->profile.control_fails && control_chance(sim, 60))
		return; /* never */
	for (unsigned times = control_chance(sim, 20) ? 2 : 1; times--;) {
		struct control_event *event =
			control_schedule(sim, sim->now_ns + verdict_delay_ns(sim), CONTROL_VERDICT,
					 ua->call, ask->ask_id);

		event->ask = ask->kind;
		event->from = ua->slot;
		event->slots = slot_called(&msg);
	}
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

	if (call->asks != 1 || call->accepted != 1 || call->tainted || call->ends != 1)
		return;
	for (unsigned side = 0; side < 2; side++)
		if (end->media[side].rx_pkts != call->relayed[side])
			sim_violation(sim, number, "%lu media packets from %c, the record says %lu",
				      call->relayed[side], side ? 'B' : 'A',
				      end->media[side].rx_pkts);
	if (end->ended_by == IPC_BY_SESSION_TIMEOUT && sim_is_strict(sim, number) && !call->lame &&
	    !call->lazy && !call->hung_up)
		sim_violation(sim, number, "ended for want of a refresh, which there was");
	if (end->ended_by == IPC_BY_MEDIA_TIMEOUT &&
	    call->media_ns + call->media_timeout_ns > sim->now_ns + SECOND)
		sim_violation(sim, number, "ended for want of media, which there was");
}

static struct sess *caller_session(struct ua *ua, struct span call_id)
{
	for (unsigned i = 0; i < UA_SESSIONS; i++)
		if (ua->sess[i].caller && span_eq(call_id, span_str(ua->sess[i].call_id)))
			return &ua->sess[i];
	return NULL;
}

static void on_call_end(struct sim *sim, const struct ipc_call_end *end)
{
	struct span context = ipc_call_end_context(end);
	struct ua *ua = sim_ua_at(sim, &end->peer[SIDE_A]);
	uint64_t *seen = map_at(&sim->control_map, control_key(sim, 'e', end->call));
	struct sim_call *call;
	struct sess *sess;
	char want[32];

	sess = ua ? caller_session(ua, ipc_call_end_call_id(end, SIDE_A)) : NULL;
	/* A re-INVITE that lost its To tag by corruption is a call from whoever sent it. */
	if (!ua || (!sess && !sim->calls[ua->call].tainted &&
		    !map_find(&sim->control_map, control_key(sim, 't', end->call)))) {
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
	if (map_find(&sim->control_map, control_key(sim, 'k', end->call)) ||
	    *seen == sim->link_epoch) {
		sim_violation(sim, ua->call, "the same record twice");
		return;
	}
	if (!*seen) {
		call->ends++;
		if (sess) {
			sess->records++;
			sess->status_told = end->status;
			sess->answered_told = end->answered_ns != 0;
		}
		sim->totals->records++;
		sim->totals->ended_by[end->ended_by]++;
		sim->totals->status_class[end->status / 100 % 8]++;
	}
	*seen = sim->link_epoch;
	check_media(sim, end, ua->call);
	if (call->asks == 1 && call->ends == call->accepted && !call->tainted)
		rtp_after_end(sim, ua->call);
	if (end->ended_ns < end->started_ns ||
	    (end->answered_ns && end->answered_ns < end->started_ns) ||
	    end->ended_ns > sim->now_ns + 1700000000ull * SECOND || end->status < 200)
		sim_violation(sim, ua->call, "a record's times or status make no sense");
	control_schedule(sim,
			 sim->now_ns + (sim->profile.control_fails
						? rng_below(&sim->control_rng, 3 * SECOND)
						: 0),
			 CONTROL_ACK, ua->call, end->call);
}

/* Each once, and only to whoever asked. */
static void on_probe_end(struct sim *sim, const struct ipc_probe_end *end)
{
	uint64_t *asked = map_at(&sim->control_map, control_key(sim, 'p', end->probe_id));

	if (*asked != sim->link_epoch || end->status < 200 || end->status > 699 ||
	    (end->status == 408 && end->rtt_us))
		sim_violation(sim, SIM_NO_CALL, "probe %lu ends with %u, out of place",
			      end->probe_id, end->status);
	*asked = 0;
	sim->totals->probe_ends++;
}

static void on_challenge(struct sim *sim, const struct ipc_challenge *challenge)
{
	static struct sip_msg msg;
	struct span answer = ipc_challenge_answer(challenge);
	struct control_event *event;

	if (sip_parse(&msg, answer.ptr, answer.len, SIP_DATAGRAM) != SIP_PARSE_OK ||
	    msg.is_request || (msg.status != 401 && msg.status != 407)) {
		sim_violation(sim, SIM_NO_CALL, "a challenge that is none");
		return;
	}
	if (sim->profile.control_fails && control_chance(sim, 60))
		return; /* never */
	event = control_schedule(sim, sim->now_ns + verdict_delay_ns(sim), CONTROL_CREDENTIALS, 0,
				 challenge->id);
	if (!sim->profile.control_fails || control_chance(sim, 900))
		event->lines[alone_credentials(&msg, ipc_challenge_uri(challenge), event->lines,
					       sizeof(event->lines))] = 0;
	sim->totals->asked_limen++;
}

void control_report(struct sim *sim, const struct engine_action *action)
{
	_Alignas(8) static char frame[IPC_FRAME_MAX];
	uint32_t len = (uint32_t)action->bytes.len;

	if (!sim->link_up || (sim->profile.control_fails && control_chance(sim, 50))) {
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
	case IPC_CHALLENGE:
		on_challenge(sim, (const struct ipc_challenge *)frame);
		break;
	case IPC_PROBE_END:
		on_probe_end(sim, (const struct ipc_probe_end *)frame);
		break;
	case IPC_CALL_ROW:
		if (control_chance(sim, 30))
			control_schedule(sim, sim->now_ns, CONTROL_HANGUP, 0,
					 ((const struct ipc_call_row *)frame)->call);
		break;
	case IPC_LIST_END:
		if (((const struct ipc_list_end *)frame)->cursor)
			control_schedule(sim, sim->now_ns, CONTROL_LIST, 0,
					 ((const struct ipc_list_end *)frame)->cursor);
		break;
	default:
		break;
	}
}
