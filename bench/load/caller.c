/* SPDX-License-Identifier: BSD-3-Clause */
/* The caller: INVITE, ACK, hold, BYE (RFC 3261 sections 13.2, 15.1, 17.1). The loop's thread. */
#include "bench/load/sip_out.h"

static const struct path *path_of(const struct calls *calls, uint32_t slot)
{
	return &calls->options->paths[calls->call[slot].path];
}

static uint64_t ms(double seconds)
{
	return (uint64_t)(seconds * 1000);
}

static bool send_invite(struct calls *calls, uint32_t slot)
{
	const struct path *path = path_of(calls, slot);
	struct sip_out out = sip_out_begin(calls, path->to.family);

	sip_put_invite(calls, &out.text, slot);
	return sip_out_send(calls, &out, path->local, &path->to);
}

/* The caller is through, whatever the call came to. The slot stays the call's until the callee is too. */
static void finish(struct calls *calls, uint32_t slot, uint64_t *counter)
{
	struct call *call = &calls->call[slot];

	(*counter)++;
	if (counter != &calls->count.completed)
		calls->count.failed++;
	if (call->caller >= CALLER_UP)
		calls->nup--;
	for (enum call_role role = ROLE_CALLER; role <= ROLE_CALLEE; role++)
		flow_stop(calls->flows, call_flow(slot, role));
	timers_stop(&calls->timers, 2 * slot + ROLE_CALLER);
	call_forget(call, ROLE_CALLER);
	call->caller = CALLER_FREE;
	if (call->callee == CALLEE_NONE || call->callee == CALLEE_GONE)
		call_release(calls, slot);
	else
		call_timer(calls, slot, ROLE_CALLEE, ms(calls->options->give_up_s));
}

bool calls_begin(struct calls *calls)
{
	uint32_t slot;
	struct call *call;

	if (!calls->nfree)
		return false;
	slot = calls->free_slots[calls->free_head];
	call = &calls->call[slot];
	if (!hops_find(calls->hops, path_of(calls, slot)->local, &path_of(calls, slot)->to.addr, calls->now_ms))
		return false;
	call->callee = CALLEE_NONE;
	call->generation = (call->generation + 1) % CALL_GENERATIONS;
	call->caller = CALLER_INVITED;
	call->retry_ms[ROLE_CALLER] = CALL_T1_MS;
	call->began_ms[ROLE_CALLER] = calls->now_ms;
	call->began_tsc = calls->now_tsc;
	calls->free_head = calls->free_head + 1 == calls->max ? 0 : calls->free_head + 1;
	calls->nfree--;
	calls->count.attempted++;
	call_timer(calls, slot, ROLE_CALLER, CALL_T1_MS);
	(void)send_invite(calls, slot);
	return true;
}

static void send_in_dialog(struct calls *calls, uint32_t slot, enum sip_method method)
{
	const struct path *path = path_of(calls, slot);
	struct sip_out out = sip_out_begin(calls, path->to.family);

	sip_put_in_dialog(calls, &out.text, slot, method);
	(void)sip_out_send(calls, &out, path->local, &path->to);
}

static void leave(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];
	const struct path *path = path_of(calls, slot);

	call->caller = CALLER_LEAVING;
	call->retry_ms[ROLE_CALLER] = CALL_T1_MS;
	call->began_ms[ROLE_CALLER] = calls->now_ms;
	call_timer(calls, slot, ROLE_CALLER, CALL_T1_MS);
	sip_out_text(calls, span_of(call->text[ROLE_CALLER], call->text_len[ROLE_CALLER]), path->local, &path->to);
}

/* No more media; BYE once what is under way has come. */
static void drain(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];

	if (calls->options->media.kind == RATE_NONE) {
		leave(calls, slot);
		return;
	}
	for (enum call_role role = ROLE_CALLER; role <= ROLE_CALLEE; role++)
		flow_stop(calls->flows, call_flow(slot, role));
	call->caller = CALLER_DRAINING;
	call_timer(calls, slot, ROLE_CALLER, ms(calls->options->drain_s));
}

static void keep_bye(struct calls *calls, uint32_t slot)
{
	char text[2048];
	struct cursor c = cursor_on(text, sizeof(text));

	sip_put_in_dialog(calls, &c, slot, SIP_METHOD_BYE);
	call_keep(&calls->call[slot], ROLE_CALLER, c.full ? SPAN_NONE : cursor_span(&c));
}

static void answered(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];

	send_in_dialog(calls, slot, SIP_METHOD_ACK);
	if (call->caller > CALLER_RINGING)
		return; /* the answer came again */
	calls->count.answered++;
	calls->nup++;
	histogram_add(&calls->setup, calls->now_tsc - call->began_tsc);
	keep_bye(calls, slot);
	call->caller = CALLER_UP;
	if (calls->options->media.kind != RATE_NONE || calls->stays_up) {
		call_open_flow(calls, slot, ROLE_CALLER, sip_span(&calls->msg, calls->msg.body));
		if (calls->flows->rx[call_flow(slot, ROLE_CALLER)].magic)
			flow_start(calls->flows, call_flow(slot, ROLE_CALLER));
	}
	if (calls->stays_up)
		timers_stop(&calls->timers, 2 * slot + ROLE_CALLER);
	else if (calls->options->hold_s > 0)
		call_timer(calls, slot, ROLE_CALLER, ms(calls->options->hold_s));
	else
		drain(calls, slot);
}

static void refused(struct calls *calls, uint32_t slot)
{
	const struct path *path = path_of(calls, slot);
	struct sip_out out = sip_out_begin(calls, path->to.family);

	sip_put_ack_failure(calls, &out.text, slot);
	(void)sip_out_send(calls, &out, path->local, &path->to);
	if (calls->call[slot].caller > CALLER_RINGING || calls->call[slot].caller == CALLER_FREE)
		return;
	calls->count.status[calls->msg.status]++;
	finish(calls, slot, &calls->count.refused);
}

void caller_response(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];
	const struct sip_msg *msg = &calls->msg;

	if (msg->method == SIP_METHOD_INVITE) {
		if (msg->status >= 300)
			refused(calls, slot);
		else if (call->caller == CALLER_FREE)
			calls->count.unexpected++;
		else if (msg->status >= 200)
			answered(calls, slot);
		else if (call->caller == CALLER_INVITED)
			call->caller = CALLER_RINGING;
	} else if (msg->method == SIP_METHOD_BYE && call->caller == CALLER_LEAVING && msg->status >= 200) {
		if (msg->status >= 300)
			calls->count.status[msg->status]++;
		finish(calls, slot, msg->status < 300 ? &calls->count.completed : &calls->count.refused);
	}
}

void caller_bye(struct calls *calls, uint32_t slot)
{
	if (calls->call[slot].caller >= CALLER_UP)
		finish(calls, slot, &calls->count.ended_by_peer);
}

static void retransmit(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];
	const struct path *path = path_of(calls, slot);
	uint16_t next = (uint16_t)(2 * call->retry_ms[ROLE_CALLER]);

	/* INVITE goes on doubling (timer A), others stop at T2 (timer E). */
	call->retry_ms[ROLE_CALLER] = call->caller == CALLER_LEAVING && next > CALL_T2_MS ? CALL_T2_MS : next;
	call_timer(calls, slot, ROLE_CALLER, call->retry_ms[ROLE_CALLER]);
	if (call->caller == CALLER_RINGING)
		return; /* a provisional answer stops it; only the time that is left counts */
	calls->count.retransmitted++;
	if (call->caller == CALLER_INVITED)
		(void)send_invite(calls, slot);
	else
		sip_out_text(calls, span_of(call->text[ROLE_CALLER], call->text_len[ROLE_CALLER]), path->local, &path->to);
}

void caller_timer(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];
	double wait_s = calls->options->give_up_s + (call->caller == CALLER_RINGING ? calls->options->ring_s : 0);

	switch ((enum caller_state)call->caller) {
	case CALLER_FREE:
		break;
	case CALLER_UP:
		drain(calls, slot);
		break;
	case CALLER_DRAINING:
		leave(calls, slot);
		break;
	case CALLER_INVITED:
	case CALLER_RINGING:
	case CALLER_LEAVING:
		if (calls->now_ms >= call->began_ms[ROLE_CALLER] + ms(wait_s))
			finish(calls, slot, &calls->count.timeout);
		else
			retransmit(calls, slot);
		break;
	}
}

bool calls_hang_up(struct calls *calls, uint32_t *next, uint32_t n)
{
	for (; n && *next < calls->max; (*next)++) {
		if (calls->call[*next].caller != CALLER_UP)
			continue;
		drain(calls, *next);
		n--;
	}
	return *next < calls->max;
}
