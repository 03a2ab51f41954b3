/* SPDX-License-Identifier: BSD-3-Clause */
/* What each trunk of a call is shown of its parties. limen-controlplane, loop thread. */
#include "controlplane/dispatch/shown.h"

#include "controlplane/dispatch/verdict.h"
#include "controlplane/policy/explain.h"
#include "controlplane/policy/number_rules.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/topology/privacy.h"

void show_called(const struct generation *gen, const struct policy_decision *d,
		 const struct route_way *way, struct party *called, struct explain *explain)
{
	if (d->emergency)
		return;
	if (!called->service)
		number_restart(called, way->strip, way->add);
	number_rules_apply(policy_number_rules(gen->policy), &gen->conf->trunks[way->trunk],
			   CONF_CALLED_OUT, called, explain);
}

/* From by the rules of both trunks. */
static void show_from(const struct generation *gen, const struct ruled_call *call,
		      struct party *from)
{
	const struct number_rules *rules = policy_number_rules(gen->policy);
	const struct conf_trunk *trunks = gen->conf->trunks;

	/* told when the decision was made */
	number_rules_apply(rules, &trunks[call->from], CONF_CALLING_IN, from, NULL);
	number_rules_apply(rules, &trunks[call->to], CONF_CALLING_OUT, from, call->explain);
}

/* A To that names whom the caller asked for follows the called number; one that names somebody else
 * (a call that was forwarded) goes through the rules by itself. One that cannot be read is written
 * as the Request-URI's party. */
static void show_to(const struct generation *gen, const struct ruled_call *call,
		    const struct policy_decision *d, const struct way *way, struct party *to)
{
	const struct number_rules *rules = policy_number_rules(gen->policy);
	const struct conf_trunk *trunks = gen->conf->trunks;

	if (party_from_uri(sip_span(call->msg, call->msg->to_uri), to)) {
		*to = *way->called;
		return;
	}
	if (call->msg->method == SIP_METHOD_REGISTER || d->emergency || !d->nways)
		return;
	if (span_eq(party_user(to), party_user(&d->asked))) {
		bool phone = to->phone;

		*to = *way->called;
		to->phone |= phone;
		return;
	}
	number_rules_apply(rules, &trunks[call->from], CONF_CALLED_IN, to, NULL);
	number_rules_apply(rules, &trunks[call->to], CONF_CALLED_OUT, to, NULL);
}

/* The variant of the edit plan; a caller who asks for privacy is anonymous outside the trust
 * domain. */
static unsigned show_privacy(const struct generation *gen, struct shown *shown)
{
	struct ruled_call *call = &shown->call;
	const struct sip_msg *msg = call->msg;
	const struct conf_trunk *to = &gen->conf->trunks[call->to];
	unsigned variant = msg->method == SIP_METHOD_PUBLISH ? PLAN_PUBLISH : 0;
	bool always = to->rules.privacy == CONF_PRIVACY_ALWAYS;
	struct privacy privacy;

	if (to->rules.privacy == CONF_PRIVACY_NEVER ||
	    (msg->first[SIP_HDR_PRIVACY] == SIP_HDR_NONE && !always))
		return variant;
	privacy = privacy_read(msg);
	if (always)
		privacy = (struct privacy){.caller = true, .history = privacy.history};
	call->anonymous = privacy.caller && !to->trusted;
	call->private = privacy.caller && to->trusted;
	if (privacy.caller && (!to->trusted || always) && msg->method != SIP_METHOD_REGISTER) {
		party_make_anonymous(&shown->parties.from);
		shown->parties.display = SPAN("Anonymous");
		explain_step(call->explain, "identity",
			     "the caller is anonymous towards trunk %s: %s", to->name,
			     always ? "privacy: always" : "he asks for it");
	}
	return variant | (privacy.caller ? PLAN_PRIVATE : 0) |
	       (privacy.history ? PLAN_PRIVATE_HISTORY : 0) | (privacy.none ? PLAN_OPEN : 0);
}

/* Of the address that limen shows there. */
static uint8_t family_towards(const struct generation *gen, unsigned trunk)
{
	struct peer_set set;

	peer_set_get(gen->peers, trunk, &set);
	return set.n ? set.list[0].addr.family
		     : gen->conf->realms[gen->conf->trunks[trunk].realm].addrs[0].prefix.family;
}

void show_parties(const struct generation *gen, const struct policy_decision *d,
		  const struct far_parties *parties, struct way *way, struct shown *shown)
{
	const struct conf_trunk *to = &gen->conf->trunks[way->to];
	struct ruled_call *call = &shown->call;

	way->shown = shown;
	shown->registering = NULL;
	call->to = (unsigned)way->to;
	shown->limen = limen_at(&gen->conf->realms[to->realm], NET_UDP,
				family_towards(gen, call->to));
	call->limen = &shown->limen;
	shown->as_is = *parties;
	shown->as_is.called = way->called;
	if (!parties->registers)
		show_from(gen, call, &shown->as_is.from);
	show_to(gen, call, d, way, &shown->as_is.to);
	call->parties = &shown->as_is;
	shown->parties = shown->as_is;
	shown->variant = show_privacy(gen, shown);
	call_rules_show(gen->conf, call, &shown->parties);
}

/* A REGISTER tells the registrar what limen, not the user, can do: by which Path requests come back,
 * and whether its Contacts name instances for GRUUs. */
static struct span register_plan(const struct generation *gen, const struct shown *shown)
{
	const struct registering *registering = shown->registering;
	bool path = gen->conf->trunks[shown->call.to].register_path && registering->n;
	char text[160], options[32];
	struct cursor value = cursor_on(text, sizeof(text)), c = cursor_on(options, sizeof(options));
	struct plan_register says;

	if (!path && !registering->gruu)
		return plans_get(gen->plans, shown->call.from, shown->call.to, shown->variant);
	if (path) {
		put_registrar_path(&value, registering, &shown->limen);
		put_lit(&c, "path");
		if (registering->contacts[0].outbound)
			put_lit(&c, ", outbound");
	}
	if (registering->gruu)
		put_span(&c, c.len ? SPAN(", gruu") : SPAN("gruu"));
	says = (struct plan_register){cursor_span(&value), cursor_span(&c)};
	return plans_get_register(gen->plans, shown->call.from, shown->call.to, shown->variant,
				  &says);
}

struct span show_plan(const struct generation *gen, const struct shown *shown)
{
	struct span plan = shown->registering ? register_plan(gen, shown)
					      : plans_get(gen->plans, shown->call.from,
							  shown->call.to, shown->variant);

	return plan.len ? call_rules_plan(gen->rules, &shown->call, plan) : plan;
}
