/* SPDX-License-Identifier: BSD-3-Clause */
/* The decision on a request outside a dialog: admit, method, called party, route, in this order.
 * limen-controlplane, any thread. */
#include "controlplane/policy/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/hash.h"
#include "controlplane/policy/admit.h"
#include "controlplane/policy/explain.h"
#include "controlplane/policy/route.h"

struct policy {
	const struct conf *conf;
	struct admit *admit;
	struct routes *routes;
	unsigned *names; /* trunk plus 1, by name; 0: free */
	uint32_t names_mask;
};

static const struct {
	const char *name;
	const char *why;
	unsigned status;
} outcomes[POLICY_OUTCOMES_END] = {
#define X(sym, name_, status_, why_) {name_, why_, status_},
	POLICY_OUTCOMES(X)
#undef X
};

static uint32_t name_slot(const struct policy *policy, struct span name)
{
	uint32_t at = (uint32_t)hash_fast(0, name);

	for (at &= policy->names_mask; policy->names[at]; at = (at + 1) & policy->names_mask) {
		if (span_eq(span_str(policy->conf->trunks[policy->names[at] - 1].name), name))
			break;
	}
	return at;
}

static int index_names(struct policy *policy)
{
	policy->names_mask = 1;
	while (policy->names_mask < policy->conf->ntrunks * 2)
		policy->names_mask = policy->names_mask * 2 + 1;
	policy->names = calloc((size_t)policy->names_mask + 1, sizeof(*policy->names));
	if (!policy->names)
		return -ENOMEM;
	for (unsigned t = 0; t < policy->conf->ntrunks; t++)
		policy->names[name_slot(policy, span_str(policy->conf->trunks[t].name))] = t + 1;
	return 0;
}

struct policy *policy_new(const struct conf *conf)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->conf = conf;
	policy->admit = admit_new(conf);
	policy->routes = routes_new(conf);
	if (!policy->admit || !policy->routes || index_names(policy)) {
		policy_free(policy);
		return NULL;
	}
	return policy;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	admit_free(policy->admit);
	routes_free(policy->routes);
	free(policy->names);
	free(policy);
}

static void end(struct policy_decision *decision, enum policy_outcome outcome)
{
	decision->outcome = outcome;
	decision->status = outcomes[outcome].status;
}

static void route(const struct policy *policy, const struct policy_request *request,
		  struct policy_decision *d)
{
	const struct conf_route *found;

	d->route = routes_find(policy->routes, (unsigned)d->from, party_user(&d->called),
			       request->explain);
	if (d->route < 0) {
		end(d, POLICY_NO_ROUTE);
		return;
	}
	found = &policy->conf->routes[d->route];
	if (found->to < 0) {
		end(d, POLICY_ROUTE_REFUSES);
		d->status = found->status;
		return;
	}
	d->to = found->to;
	end(d, POLICY_ACCEPTED);
}

/* Whom it is for: a REGISTER's Request-URI names a domain only, its To the user (RFC 3261 section
 * 10.2). */
static struct span called_uri(const struct policy_request *request)
{
	const struct sip_msg *msg = request->msg;

	if (request->called.len)
		return request->called;
	return sip_span(msg, msg->method == SIP_METHOD_REGISTER ? msg->to_uri : msg->ruri);
}

static void decide(const struct policy *policy, const struct policy_request *request,
		   struct policy_decision *d)
{
	const struct sip_msg *msg = request->msg;

	d->from = d->to = d->route = -1;
	d->source_bits = 0;
	d->called_known = false;
	d->from = admit_trunk(policy->admit, request->realm, request->source->family,
			      &request->source->addr, &d->source_bits, request->explain);
	if (d->from < 0) {
		end(d, POLICY_UNKNOWN_SOURCE);
		return;
	}
	explain_step(request->explain, "method", "trunk %s %s begin %.*s",
		     policy->conf->trunks[d->from].name,
		     policy->conf->trunks[d->from].methods >> msg->method & 1 ? "may" : "may not",
		     SPAN_FMT(sip_span(msg, msg->method_name)));
	/* no trunk lists SIP_METHOD_OTHER: its bit is never set */
	if (!(policy->conf->trunks[d->from].methods >> msg->method & 1)) {
		end(d, POLICY_METHOD);
		return;
	}
	switch (party_from_uri(called_uri(request), &d->called)) {
	case 0:
		d->called_known = true;
		explain_step(request->explain, "called", "\"%.*s\"", SPAN_FMT(party_user(&d->called)));
		route(policy, request, d);
		return;
	case -EPROTONOSUPPORT: /* RFC 3261 sections 10.3 and 8.2.2.1 */
		end(d, msg->method == SIP_METHOD_REGISTER ? POLICY_NOT_A_USER : POLICY_SCHEME);
		return;
	case -ENAMETOOLONG:
		end(d, POLICY_URI_LENGTH);
		return;
	default:
		end(d, POLICY_URI);
		return;
	}
}

void policy_decide(const struct policy *policy, const struct policy_request *request,
		   struct policy_decision *d)
{
	decide(policy, request, d);
	if (d->status)
		explain_step(request->explain, "policy", "refused with %u: %s", d->status,
			     policy_outcome_why(d->outcome));
}

int policy_trunk(const struct policy *policy, struct span name)
{
	return (int)policy->names[name_slot(policy, name)] - 1;
}

int policy_set_names(struct policy *policy, const struct admit_name *names, size_t n)
{
	return admit_set_names(policy->admit, names, n);
}

void policy_refuse(struct policy_decision *decision, enum policy_outcome outcome)
{
	end(decision, outcome);
}

const char *policy_outcome_name(enum policy_outcome outcome)
{
	return outcomes[outcome].name;
}

const char *policy_outcome_why(enum policy_outcome outcome)
{
	return outcomes[outcome].why;
}
