/* SPDX-License-Identifier: BSD-3-Clause */
/* The decision on a request outside a dialog: admit, method, called party, route, in this order.
 * limen-controlplane, any thread. */
#include "controlplane/policy/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/sip/uri.h"
#include "controlplane/policy/admit.h"
#include "controlplane/policy/explain.h"
#include "controlplane/policy/number_rules.h"
#include "controlplane/policy/route.h"
#include "controlplane/policy/screen.h"

struct policy {
	const struct conf *conf;
	struct admit *admit;
	struct routes *routes;
	struct number_rules *rules;
	struct screen *screen;
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

struct policy *policy_new(const struct conf *conf, const struct tables *tables)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return NULL;
	policy->conf = conf;
	policy->admit = admit_new(conf);
	policy->routes = routes_new(conf, tables);
	policy->rules = number_rules_new(conf);
	policy->screen = screen_new(conf);
	if (!policy->admit || !policy->routes || !policy->rules || !policy->screen ||
	    index_names(policy)) {
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
	number_rules_free(policy->rules);
	screen_free(policy->screen);
	free(policy->names);
	free(policy);
}

static void end(struct policy_decision *decision, enum policy_outcome outcome)
{
	decision->outcome = outcome;
	decision->status = outcomes[outcome].status;
}

bool policy_is_emergency(const struct conf *conf, struct span user)
{
	for (unsigned i = 0; i < conf->emergency.count; i++) {
		struct span service = span_str(conf->emergency.services[i]);
		bool urn = service.len > 4 && !memcmp(service.ptr, "urn:", 4);

		if (user.len < service.len ||
		    !span_ieq(span_of(user.ptr, service.len), service))
			continue;
		if (user.len == service.len || user.ptr[service.len] == ';' ||
		    (urn && user.ptr[service.len] == '.'))
			return true;
	}
	return false;
}

/* Who calls, for routes: the identity that a trusted trunk asserts (RFC 3325), else From's. */
static void read_calling(const struct conf_trunk *trunk, const struct sip_msg *msg,
			 struct party *calling)
{
	struct span asserted = trunk->trusted ? sip_hdr_value(msg, SIP_HDR_P_ASSERTED_IDENTITY)
					      : SPAN_NONE;
	struct sip_name_addr first;
	struct span value;

	if (asserted.len && sip_list_next(&asserted, &value) &&
	    !sip_name_addr_parse(value, &first) && !party_from_uri(first.uri, calling) &&
	    calling->len)
		return;
	if (party_from_uri(sip_span(msg, msg->from_uri), calling))
		*calling = (struct party){.anonymous = true};
}

/* Numbers as routes see them. Emergency numbers are nobody's to rewrite, nor are users that stand
 * for something else; a REGISTER has no numbers. */
static void normalise(const struct policy *policy, const struct policy_request *request,
		      struct policy_decision *d)
{
	const struct conf_trunk *from = &policy->conf->trunks[d->from];

	d->asked = d->called;
	read_calling(from, request->msg, &d->calling);
	d->emergency = policy_is_emergency(policy->conf, party_user(&d->called));
	if (request->msg->method == SIP_METHOD_REGISTER)
		return;
	number_rules_apply(policy->rules, from, CONF_CALLING_IN, &d->calling, request->explain);
	if (d->emergency || (request->keeps && request->keeps(party_user(&d->called))))
		return;
	if (number_rules_apply(policy->rules, from, CONF_CALLED_IN, &d->called, request->explain))
		d->emergency = policy_is_emergency(policy->conf, party_user(&d->called));
}

static int64_t now_s(const struct policy_request *request)
{
	return request->now_s ? request->now_s : (int64_t)(clock_real_ns() / CLOCK_NS_PER_S);
}

bool policy_knows(const struct policy *policy, unsigned realm, uint8_t family,
		  const struct net_addr *addr)
{
	unsigned bits;
	int trunk = admit_trunk(policy->admit, realm, family, addr, &bits, NULL);

	return trunk >= 0 && policy->conf->trunks[trunk].source_class != CONF_CLASS_UNKNOWN;
}

const struct screen *policy_screen(const struct policy *policy)
{
	return policy->screen;
}

/* Whom limen lets nobody call, and who may call nobody. */
static bool is_blocked(const struct policy *policy, const struct policy_request *request,
		       struct policy_decision *d)
{
	struct sip_uri from;
	const char *found = screen_find(&policy->screen->called, party_user(&d->called));

	if (found) {
		explain_step(request->explain, "screening",
			     "users that begin with \"%s\" may not be called (screening)", found);
		end(d, POLICY_BLOCKED_CALLED);
		return true;
	}
	if (!policy->screen->calling.lengths ||
	    sip_uri_parse(sip_span(request->msg, request->msg->from_uri), &from) != 0)
		return false;
	found = screen_find(&policy->screen->calling, from.is_sip ? from.user : from.opaque);
	if (found) {
		explain_step(request->explain, "screening",
			     "users that begin with \"%s\" may not call (screening)", found);
		end(d, POLICY_BLOCKED_CALLING);
	}
	return found != NULL;
}

static void explain_limits(const struct policy *policy, const struct policy_request *request,
			   const struct policy_decision *d)
{
	const struct conf_limits *in = &policy->conf->trunks[d->from].limits;

	if (!in->calls_max && !in->calls_in_max && !in->calls_out_max && !in->calls_in_per_s)
		return;
	explain_step(request->explain, "limits",
		     "trunk %s: at most %u calls, %u from it, %u to it at a time, %u/s new from it "
		     "(0: no limit); what it has now: limenctl show limits",
		     policy->conf->trunks[d->from].name, in->calls_max, in->calls_in_max,
		     in->calls_out_max, in->calls_in_per_s);
}

static void route(const struct policy *policy, const struct policy_request *request,
		  struct policy_decision *d)
{
	const struct route_call call = {
		.from = (unsigned)d->from,
		.called = party_user(&d->called),
		.calling = party_user(&d->calling),
		.msg = request->msg,
		.emergency = d->emergency,
		.now_s = now_s(request),
		.chance = hash_fast(0, sip_hdr_value(request->msg, SIP_HDR_CALL_ID)),
	};
	struct route_found found;
	const struct conf_route *decides;

	if (d->emergency)
		explain_step(request->explain, "called", "an emergency call");
	routes_find(policy->routes, &call, &found, request->explain);
	d->route = found.route;
	d->gave_up = found.gave_up;
	if (d->route < 0) {
		end(d, POLICY_NO_ROUTE);
		return;
	}
	decides = &policy->conf->routes[d->route];
	if (!found.nways) {
		end(d, decides->redirect_count ? POLICY_ROUTE_REDIRECTS : POLICY_ROUTE_REFUSES);
		d->status = decides->status;
		return;
	}
	d->nways = found.nways;
	memcpy(d->ways, found.ways, found.nways * sizeof(found.ways[0]));
	d->to = (int)d->ways[0].trunk;
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

/* RFC 3261 section 26.2.2: a sips: URI promises that each hop is TLS. */
static bool asks_for_tls(const struct policy_request *request)
{
	const struct sip_msg *msg = request->msg;
	struct span text = request->called.len ? request->called : sip_span(msg, msg->ruri);
	struct sip_uri uri;

	return sip_uri_parse(text, &uri) == 0 && uri.is_sips;
}

static void decide(const struct policy *policy, const struct policy_request *request,
		   struct policy_decision *d)
{
	const struct sip_msg *msg = request->msg;

	d->from = d->to = d->route = -1;
	d->source_bits = 0;
	d->called_known = d->emergency = d->gave_up = false;
	d->nways = 0;
	d->from = admit_proved(policy->admit, request->realm, request->proved, request->explain);
	if (d->from >= 0)
		d->source_bits = request->source->family == NET_IP4 ? 32 : 128;
	else
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
	if (asks_for_tls(request) && request->transport != NET_TLS) {
		end(d, POLICY_SIPS_PLAIN);
		return;
	}
	switch (party_from_uri(called_uri(request), &d->called)) {
	case 0:
		d->called_known = true;
		d->called.secure = asks_for_tls(request);
		explain_step(request->explain, "called", "\"%.*s\"", SPAN_FMT(party_user(&d->called)));
		explain_limits(policy, request, d);
		if (is_blocked(policy, request, d))
			return;
		normalise(policy, request, d);
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

const struct number_rules *policy_number_rules(const struct policy *policy)
{
	return policy->rules;
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
