/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions of the dataplane: answered at once, counted, and the decision told in the log.
 * limen-controlplane, loop thread. */
#include "common/base/clock.h"
#include "controlplane/dispatch/internal.h"

static const char *kind_name(const struct ipc_ask *ask)
{
	static const char *const names[IPC_ASK_KINDS] = {"request", "redirection", "transfer"};

	return names[ask->kind];
}

static const char *trunk_name(const struct dispatch *dispatch, int trunk)
{
	return trunk < 0 ? "" : dispatch->generation->conf->trunks[trunk].name;
}

/* At info, but not more of each kind than an operator can read: a flood of them must not become a
 * flood of lines. */
static void log_refusal(struct dispatch *dispatch, const struct ipc_ask *ask,
			const struct ask_answer *answer)
{
	const struct policy_decision *d = &answer->decision;
	uint64_t held;

	if (!log_limit_pass(&dispatch->refusals[d->outcome], clock_mono_ns(), &held))
		return;
	LOG(INFO, "policy", "refused", LOG_U64("status", answer->status),
	    LOG_STR("why", answer->why), LOG_STR("kind", kind_name(ask)),
	    LOG_STR("realm", dispatch->generation->conf->realms[ask->realm].name),
	    LOG_ENDPOINT("source", &ask->source), LOG_STR("trunk", trunk_name(dispatch, d->from)),
	    LOG_SPAN("called", d->called_known ? party_user(&d->called) : SPAN_NONE),
	    LOG_I64("route", d->route), LOG_U64("held_back", held));
}

static void log_acceptance(const struct dispatch *dispatch, const struct ipc_ask *ask,
			   const struct ask_answer *answer)
{
	const struct policy_decision *d = &answer->decision;

	LOG(DEBUG, "policy", "accepted", LOG_STR("kind", kind_name(ask)),
	    LOG_STR("realm", dispatch->generation->conf->realms[ask->realm].name),
	    LOG_ENDPOINT("source", &ask->source), LOG_STR("trunk", trunk_name(dispatch, d->from)),
	    LOG_U64("source_bits", d->source_bits), LOG_SPAN("called", party_user(&d->called)),
	    LOG_I64("route", d->route), LOG_STR("to", trunk_name(dispatch, d->to)));
}

static void account(struct dispatch *dispatch, const struct ipc_ask *ask,
		    const struct ask_answer *answer)
{
	uint64_t held;

	dispatch->counters.asks++;
	if (answer->unreadable) {
		dispatch->counters.unreadable++;
		if (log_limit_pass(&dispatch->unreadable_limit, clock_mono_ns(), &held))
			LOG(WARN, "policy", answer->why, LOG_ENDPOINT("source", &ask->source),
			    LOG_U64("held_back", held));
		return;
	}
	dispatch->counters.outcomes[answer->decision.outcome]++;
	if (answer->status >= 300)
		log_refusal(dispatch, ask, answer);
	else
		log_acceptance(dispatch, ask, answer);
}

void dispatch_ask(struct dispatch *dispatch, unsigned ring, const struct ipc_ask *ask)
{
	struct cursor out = cursor_on(dispatch->verdict, sizeof(dispatch->verdict));
	struct ask_answer answer;
	struct span frame;

	ask_decide(dispatch->generation, cp_link_ring_worker(ring), ask, &out, &answer);
	frame = cursor_span(&out);
	/* without room in the ring the caller hears 503 from the dataplane, as without a control
	 * plane */
	if (cp_link_send(dispatch->link, ring, IPC_VERDICT, &frame, 1))
		dispatch->counters.verdicts_unsent++;
	account(dispatch, ask, &answer);
}
