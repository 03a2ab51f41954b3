/* SPDX-License-Identifier: BSD-3-Clause */
/* A 3xx that limen follows: its Contacts become ways (RFC 3261 section 8.1.3.4).
 * limen-controlplane, loop thread. */
#include "controlplane/dispatch/redirect.h"

#include "common/log/log.h"
#include "controlplane/dispatch/shown.h"

#define SIP_PORT  5060
#define SIPS_PORT 5061

struct contact {
	struct span uri;
	unsigned q; /* in thousandths */
};

/* "0.7" as 700: RFC 3261 section 25.1, qvalue. What is none counts as 1. */
static unsigned read_q(struct span params)
{
	struct span text;
	unsigned q = 0, unit = 100;

	if (!sip_param_find(params, SPAN("q"), &text) || !text.len || text.ptr[0] != '0')
		return 1000;
	for (size_t i = 2; i < text.len && unit; i++, unit /= 10) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return 1000;
		q += (unsigned)(text.ptr[i] - '0') * unit;
	}
	return q;
}

/* In the order of their q; equal ones stay in the order given. */
static unsigned read_contacts(struct span text, struct contact contacts[REDIRECT_CONTACTS_MAX])
{
	struct span value;
	unsigned n = 0;

	while (n < REDIRECT_CONTACTS_MAX && sip_list_next(&text, &value)) {
		struct sip_name_addr addr;
		struct contact contact;
		unsigned at = n;

		if (sip_name_addr_parse(value, &addr) || addr.star)
			continue;
		contact = (struct contact){addr.uri, read_q(addr.params)};
		for (; at && contacts[at - 1].q < contact.q; at--)
			contacts[at] = contacts[at - 1];
		contacts[at] = contact;
		n++;
	}
	return n;
}

/* The address that a contact names, where that address is one of the trunk's own. */
static struct net_endpoint named_peer(const struct conf *conf, const struct conf_trunk *trunk,
				      struct span text, uint8_t *transport)
{
	const struct net_endpoint none = {0};
	struct net_endpoint peer = {0};
	struct sip_uri uri;
	struct span host;

	if (sip_uri_parse(text, &uri) || !uri.is_sip)
		return none;
	host = uri.host;
	if (host.len > 2 && host.ptr[0] == '[')
		host = span_of(host.ptr + 1, host.len - 2);
	*transport = uri_transport(&uri);
	if (net_addr_parse(host, &peer.addr, &peer.family) ||
	    limen_at(&conf->realms[trunk->realm], *transport, peer.family).family == NET_NONE)
		return none;
	peer.port = uri.port ? uri.port : *transport == NET_TLS ? SIPS_PORT : SIP_PORT;
	for (unsigned i = 0; i < trunk->nsources; i++) {
		if (net_prefix_has(&trunk->sources[i], peer.family, &peer.addr))
			return peer;
	}
	return none;
}

static bool was_called(const struct cdr_context *before, const struct party *party)
{
	return span_eq(before->users[CDR_CALLED], party_user(party)) ||
	       span_eq(before->users[CDR_REDIRECTED_TO], party_user(party));
}

/* One contact: another way, or the reason why not in *decision. */
static void take(const struct generation *gen, const struct policy_request *asked,
		 const struct contact *contact, const struct cdr_context *before,
		 struct redirection *r, struct policy_decision *decision)
{
	struct policy_decision *d = &r->decisions[r->nways];
	struct policy_request request = *asked;
	struct net_endpoint peer = {0};
	uint8_t transport = NET_UDP;

	request.called = contact->uri;
	policy_decide(gen->policy, &request, d);
	if (!d->status) {
		peer = named_peer(gen->conf, &gen->conf->trunks[d->to], contact->uri,
				  &transport);
		if (peer.family == NET_NONE && was_called(before, &d->called))
			policy_refuse(d, POLICY_REDIRECT_LOOP);
	}
	LOG(DEBUG, "policy", "a Contact of a redirection", LOG_SPAN("contact", contact->uri),
	    LOG_U64("q", contact->q), LOG_STR("why", policy_outcome_why(d->outcome)),
	    LOG_I64("route", d->route));
	if (d->status) {
		if (!r->nways)
			*decision = *d;
		return;
	}
	if (peer.family == NET_NONE)
		show_called(gen, d, &d->ways[0], &d->called, asked->explain);
	r->ways[r->nways++] = (struct way){
		.called = &d->called, .to = d->to, .peer = peer, .transport = transport};
}

void redirect_decide(const struct generation *gen, const struct policy_request *request,
		     struct span text, unsigned redirects, const struct cdr_context *before,
		     struct redirection *r, struct policy_decision *decision)
{
	struct contact contacts[REDIRECT_CONTACTS_MAX];

	r->nways = 0;
	r->ncontacts = read_contacts(text, contacts);
	policy_decide(gen->policy, request, decision);
	if (decision->from < 0)
		return;
	policy_refuse(decision, redirects >= REDIRECTS_MAX ? POLICY_REDIRECT_LOOP
							   : POLICY_REDIRECT_NOWHERE);
	if (redirects >= REDIRECTS_MAX)
		return;
	for (unsigned i = 0; i < r->ncontacts && r->nways < WAYS_MAX; i++)
		take(gen, request, &contacts[i], before, r, decision);
	if (r->nways)
		*decision = r->decisions[0];
	else if (decision->outcome != POLICY_REDIRECT_LOOP)
		policy_refuse(decision, POLICY_REDIRECT_NOWHERE);
}
