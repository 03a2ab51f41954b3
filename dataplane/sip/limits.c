/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of trunks and users, where calls begin and end: what a call holds of them is written in
 * its record and given back once, when it ends. The counters are those of all workers; the limits
 * are this worker's copy of the control plane's table. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#include <errno.h>
#include <stdlib.h>

#define NO_LIMITS_BURST_MS 1000u

/* Limits that are not of this version are of a trunk that is gone. */
struct trunk_limits {
	uint32_t version;
	struct ipc_limits limits;
};

int limits_init(struct engine *e)
{
	struct limits *l = &e->limits;

	l->counts = e->conf.counts ? e->conf.counts : counts_new(2 * e->conf.max_calls);
	for (unsigned bank = 0; bank < 2; bank++)
		l->banks[bank] = calloc(COUNTS_TRUNKS_MAX + IPC_WORKERS_MAX,
					sizeof(*l->banks[bank]));
	return l->counts && l->banks[0] && l->banks[1] ? 0 : -ENOMEM;
}

void limits_fini(struct engine *e)
{
	free(e->limits.banks[0]);
	free(e->limits.banks[1]);
	if (e->conf.counts == NULL)
		counts_free(e->limits.counts);
}

/* ---- the table ---- */

void limits_tell(struct engine *e)
{
	e->limits.version[!e->limits.bank]++;
}

uint32_t limits_trunks(struct engine *e, const struct ipc_trunks *trunks)
{
	struct limits *l = &e->limits;
	unsigned bank = !l->bank;

	for (uint32_t i = 0; i < trunks->count; i++) {
		const struct ipc_trunk *trunk = ipc_trunks_at(trunks, i);
		uint32_t number = counts_trunk_number(l->counts, trunk->id, trunk->name);

		if (number == 0) {
			e->stats.limits_no_room++;
			continue;
		}
		l->banks[bank][number - 1] = (struct trunk_limits){
			.version = l->version[bank],
			.limits = trunk->limits,
		};
	}
	return trunks->count;
}

void limits_switch(struct engine *e)
{
	e->limits.bank = !e->limits.bank;
}

/* Of a trunk without limits, and of one that is gone, all are 0. */
static const struct ipc_limits *limits_of(const struct engine *e, uint32_t number)
{
	static const struct ipc_limits none = {.burst_ms = NO_LIMITS_BURST_MS};
	const struct limits *l = &e->limits;
	const struct trunk_limits *trunk = number ? &l->banks[l->bank][number - 1] : NULL;

	return trunk && trunk->version && trunk->version == l->version[l->bank] ? &trunk->limits
										: &none;
}

static uint32_t burst(const struct ipc_limits *limits, uint32_t per_s)
{
	uint64_t n = (uint64_t)per_s * limits->burst_ms / 1000;

	return n ? (uint32_t)n : 1;
}

static bool take(struct engine *e, struct counts_trunk *trunk, enum counts_rate rate,
		 const struct ipc_limits *limits, uint32_t per_s)
{
	return counts_take(&trunk->full_ns[rate], e->now_ns, per_s, burst(limits, per_s));
}

/* ---- a request comes ---- */

/* What was refused is refused again when it comes again: its sender has stopped. */
bool limits_refused_before(struct engine *e, uint64_t key)
{
	const struct refused *was = &e->limits.refused[key % LIMITS_REFUSED];

	return was->key == key && was->until_ns > e->now_ns;
}

void limits_remember(struct engine *e, uint64_t key)
{
	e->limits.refused[key % LIMITS_REFUSED] =
		(struct refused){key, e->now_ns + TIMEOUT_MS * NS_PER_MS};
}

static bool call_comes(struct engine *e, struct counts_trunk *trunk,
		       const struct ipc_limits *limits, enum counts_refused *why)
{
	*why = COUNTS_REFUSED_calls;
	if (!counts_call_begin(trunk, COUNTS_IN, limits->calls_in_max, limits->calls_max))
		return false;
	if (take(e, trunk, COUNTS_RATE_IN, limits, limits->calls_in_per_s))
		return true;
	*why = COUNTS_REFUSED_calls_rate;
	counts_call_end(trunk, COUNTS_IN);
	return false;
}

static bool other_comes(struct engine *e, struct counts_trunk *trunk,
			const struct ipc_limits *limits, const struct sip_msg *msg,
			enum counts_refused *why)
{
	if (msg->method == SIP_METHOD_REGISTER) {
		*why = COUNTS_REFUSED_registrations;
		return take(e, trunk, COUNTS_RATE_REGISTERS, limits, limits->registrations_per_s);
	}
	*why = COUNTS_REFUSED_messages;
	if (!take(e, trunk, COUNTS_RATE_MESSAGES, limits, limits->messages_per_s))
		return false;
	*why = COUNTS_REFUSED_subscriptions;
	return !subscription_begins(msg) ||
	       counts_subscription_begin(trunk, limits->subscriptions_max);
}

struct span limits_retry(const struct engine *e, struct cursor *line)
{
	line->len = 0;
	put_lit(line, "Retry-After: ");
	put_u64(line, e->overload.retry_after_s);
	put_lit(line, "\r\n");
	return e->overload.retry_after_s && !line->full ? cursor_span(line) : SPAN_NONE;
}

bool limits_admit(struct engine *e, const struct sip_msg *msg, uint32_t trunk_id, bool emergency,
		  uint32_t *number)
{
	static const struct ipc_limits none = {.burst_ms = NO_LIMITS_BURST_MS};
	struct counts_trunk *trunk;
	const struct ipc_limits *limits;
	enum counts_refused why;

	*number = counts_trunk_find(e->limits.counts, trunk_id);
	trunk = counts_trunk(e->limits.counts, *number);
	if (trunk == NULL)
		return true;
	limits = emergency ? &none : limits_of(e, *number);
	if (msg->method == SIP_METHOD_INVITE ? call_comes(e, trunk, limits, &why)
					     : other_comes(e, trunk, limits, msg, &why))
		return true;
	counts_refuse(trunk, why);
	e->stats.limits_refused++;
	return false;
}

/* What a call or subscription holds of side A's trunk. */
static void give_back(struct engine *e, uint16_t flags, uint32_t number, enum counts_dir dir)
{
	struct counts_trunk *trunk = counts_trunk(e->limits.counts, number);

	if (trunk && (flags & CALL_DIALOG))
		counts_call_end(trunk, dir);
	else if (trunk && (flags & CALL_SUBSCRIPTION) && dir == COUNTS_IN)
		counts_subscription_end(trunk);
}

void limits_give_back(struct engine *e, const struct sip_msg *msg, uint32_t number)
{
	give_back(e,
		  msg->method == SIP_METHOD_INVITE ? CALL_DIALOG
		  : subscription_begins(msg)	   ? CALL_SUBSCRIPTION
						   : 0,
		  number, COUNTS_IN);
}

/* ---- the verdict ---- */

/* Whose call it is in truth: the verdict knows better than the table of sources, and a transfer's
 * call is begun by nobody's request. It goes on whatever the limit: it was admitted before. */
static void set_trunk(struct engine *e, struct sip_call *call, uint32_t id)
{
	uint32_t number = counts_trunk_find(e->limits.counts, id);
	struct counts_trunk *trunk = counts_trunk(e->limits.counts, number);

	if (number == call->trunk_number[SIDE_A])
		return;
	give_back(e, call->flags, call->trunk_number[SIDE_A], COUNTS_IN);
	call->trunk_number[SIDE_A] = number;
	if (trunk && (call->flags & CALL_DIALOG))
		(void)counts_call_begin(trunk, COUNTS_IN, 0, 0);
	else if (trunk && (call->flags & CALL_SUBSCRIPTION))
		(void)counts_subscription_begin(trunk, 0);
}

/* 0, or the status of a user who has as many calls as he may. */
static uint16_t begin_user(struct engine *e, struct sip_call *call, unsigned side, uint64_t key,
			   uint32_t number)
{
	const struct ipc_limits *l = limits_of(e, number);
	struct counts_trunk *trunk = counts_trunk(e->limits.counts, number);

	if (key == 0 || call->user_held[side] || (l->user_calls_max == 0 && l->user_calls_per_s == 0) ||
	    (call->flags & CALL_EMERGENCY))
		return 0;
	switch (counts_user_begin(e->limits.counts, key, e->now_ns, l->user_calls_max,
				  l->user_calls_per_s, burst(l, l->user_calls_per_s),
				  &call->user_held[side])) {
	case COUNTS_USER_TAKEN:
		return 0;
	case COUNTS_USER_NO_ROOM:
		e->stats.limits_no_room++;
		return 0;
	default:
		counts_refuse(trunk, COUNTS_REFUSED_users);
		e->stats.limits_refused++;
		return side == SIDE_A ? 480 : 486;
	}
}

uint16_t limits_verdict(struct engine *e, struct sip_call *call, const struct ipc_verdict *verdict)
{
	const struct sip_leg *a = leg_get(e, call->leg[SIDE_A]);

	set_trunk(e, call, call->flags & CALL_OWN_INVITE && a ? a->trunk : verdict->side.trunk);
	if (!(call->flags & CALL_DIALOG) || (call->flags & CALL_OWN_INVITE))
		return 0;
	return begin_user(e, call, SIDE_A, verdict->user[SIDE_A], call->trunk_number[SIDE_A]);
}

/* ---- a target ---- */

uint16_t limits_target(struct engine *e, struct sip_call *call, uint32_t trunk_id)
{
	static const struct ipc_limits none = {.burst_ms = NO_LIMITS_BURST_MS};
	const struct ipc_verdict *verdict = call_verdict(e, call);
	uint32_t number = counts_trunk_find(e->limits.counts, trunk_id);
	struct counts_trunk *trunk = counts_trunk(e->limits.counts, number);
	const struct ipc_limits *limits = call->flags & CALL_EMERGENCY ? &none
								       : limits_of(e, number);
	uint16_t status;

	if (!(call->flags & CALL_DIALOG))
		return 0;
	if (number != call->trunk_number[SIDE_B]) {
		give_back(e, call->flags, call->trunk_number[SIDE_B], COUNTS_OUT);
		call->trunk_number[SIDE_B] = 0;
		if (trunk && !counts_call_begin(trunk, COUNTS_OUT, limits->calls_out_max,
						limits->calls_max)) {
			counts_refuse(trunk, COUNTS_REFUSED_calls);
			e->stats.limits_refused++;
			return 503;
		}
		call->trunk_number[SIDE_B] = number;
		if (trunk && !take(e, trunk, COUNTS_RATE_OUT, limits, limits->calls_out_per_s)) {
			give_back(e, call->flags, number, COUNTS_OUT);
			call->trunk_number[SIDE_B] = 0;
			counts_refuse(trunk, COUNTS_REFUSED_calls_rate);
			e->stats.limits_refused++;
			return 503;
		}
	}
	status = begin_user(e, call, SIDE_B, verdict ? verdict->user[SIDE_B] : 0, number);
	return status;
}

uint64_t engine_limits_held(const struct engine *engine)
{
	struct counts *counts = engine->limits.counts;
	uint64_t held = counts_users(counts);

	for (uint32_t n = 1; n <= counts_trunks(counts); n++) {
		struct counts_trunk *trunk = counts_trunk(counts, n);

		held += counts_calls(trunk, COUNTS_IN) + counts_calls(trunk, COUNTS_OUT) +
			atomic_load(&trunk->subscriptions);
	}
	return held;
}

void limits_end(struct engine *e, struct sip_call *call)
{
	for (unsigned side = SIDE_A; side <= SIDE_B; side++) {
		give_back(e, call->flags, call->trunk_number[side],
			  side == SIDE_A ? COUNTS_IN : COUNTS_OUT);
		counts_user_end(e->limits.counts, call->user_held[side]);
		call->trunk_number[side] = 0;
		call->user_held[side] = 0;
	}
}
