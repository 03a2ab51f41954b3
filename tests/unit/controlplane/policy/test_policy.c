/* SPDX-License-Identifier: BSD-3-Clause */
/* Decisions: who may, what for, where to. */
#include "controlplane/policy/policy.h"

#include <stdio.h>

#include "../conf_text.h"

struct asked {
	struct conf *conf;
	struct policy *policy;
	struct policy_decision decision;
};

static void decide_to(struct asked *asked, unsigned realm, const char *source, const char *method,
		      const char *ruri, const char *to)
{
	static char text[2048];
	static struct sip_msg msg;
	struct net_endpoint from;
	const struct policy_request request = {.msg = &msg, .realm = realm, .source = &from};
	int len = snprintf(text, sizeof(text),
			   "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.99.1.2;branch=z9hG4bK1\r\nFrom: "
			   "<sip:1@x>;tag=1\r\n"
			   "To: <%s>\r\nCall-ID: 1\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
			   method, ruri, to, method);

	cr_assert_eq(net_endpoint_parse(span_str(source), 5060, &from), 0);
	cr_assert_eq(sip_parse(&msg, text, (size_t)len, SIP_DATAGRAM), SIP_PARSE_OK, "%s", msg.why);
	policy_decide(asked->policy, &request, &asked->decision);
}

static void decide(struct asked *asked, unsigned realm, const char *source, const char *method,
		   const char *ruri)
{
	decide_to(asked, realm, source, method, ruri, "sip:2@y");
}

static struct asked start(const char *text)
{
	struct asked asked = {.conf = conf_from_text(text)};

	asked.policy = policy_new(asked.conf, NULL);
	cr_assert_not_null(asked.policy);
	return asked;
}

static void stop(struct asked *asked)
{
	policy_free(asked->policy);
	conf_free(asked->conf);
}

Test(policy, a_call_finds_its_way)
{
	struct asked asked = start(CONF_TWO_SIDES);
	const struct policy_decision *d = &asked.decision;

	decide(&asked, 0, "10.99.1.77", "INVITE", "sip:2001@limen");
	cr_expect_eq(d->outcome, POLICY_ACCEPTED);
	cr_expect_eq(d->status, 0);
	cr_expect_eq(d->from, 0);
	cr_expect_eq(d->source_bits, 24);
	cr_expect_eq(d->route, 1);
	cr_expect_eq(d->to, 1);
	cr_expect(d->called_known && span_eq(party_user(&d->called), SPAN("2001")));
	decide(&asked, 0, "fd99:1::99", "INVITE", "tel:+49-30-123");
	cr_expect_eq(d->outcome, POLICY_ACCEPTED);
	cr_expect(span_eq(party_user(&d->called), SPAN("+4930123")) && d->called.phone);
	decide(&asked, 1, "10.99.2.2", "INVITE", "sip:1@limen");
	cr_expect_eq(d->to, 0);
	stop(&asked);
}

Test(policy, a_trunk_begins_what_its_methods_name)
{
	static const char *const methods[] = {"INVITE", "MESSAGE", "SUBSCRIBE", "PUBLISH",
					      "REGISTER", "OPTIONS", "NOTIFY", "REFER"};
	struct asked asked =
		start(CONF_MANNERS(", methods: [MESSAGE, REGISTER]",
				   ", methods: [INVITE, MESSAGE, SUBSCRIBE, PUBLISH, REGISTER, "
				   "OPTIONS, NOTIFY, REFER]"));

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		bool listed = i == 1 || i == 4;

		decide(&asked, 0, "10.99.1.2", methods[i], "sip:2@x");
		cr_expect_eq(asked.decision.status, listed ? 0 : 405, "%s", methods[i]);
		decide(&asked, 1, "10.99.2.2", methods[i], "sip:2@x");
		cr_expect_eq(asked.decision.status, 0, "%s", methods[i]);
	}
	decide(&asked, 1, "10.99.2.2", "FROBNICATE", "sip:2@x");
	cr_expect_eq(asked.decision.outcome, POLICY_METHOD);
	decide(&asked, 1, "10.99.2.2", "INFO", "sip:2@x");
	cr_expect_eq(asked.decision.outcome, POLICY_METHOD);
	stop(&asked);
}

Test(policy, a_register_is_for_the_user_in_its_to)
{
	struct asked asked = start(CONF_MANNERS(", methods: [REGISTER]", ""));

	decide(&asked, 0, "10.99.1.2", "REGISTER", "sip:limen.example");
	cr_expect_eq(asked.decision.outcome, POLICY_ACCEPTED);
	cr_expect(span_eq(party_user(&asked.decision.called), SPAN("2")));
	/* 416 is of Request-URIs. */
	decide_to(&asked, 0, "10.99.1.2", "REGISTER", "sip:limen.example", "isbn:2983792873");
	cr_expect_eq(asked.decision.outcome, POLICY_NOT_A_USER);
	cr_expect_eq(asked.decision.status, 404);
	stop(&asked);
}

Test(policy, refusals_say_what_is_wrong)
{
	static const struct {
		unsigned realm;
		const char *source, *method, *ruri;
		enum policy_outcome outcome;
		unsigned status;
	} cases[] = {
		{0, "10.99.3.1", "INVITE", "sip:2001@x", POLICY_UNKNOWN_SOURCE, 403},
		{1, "10.99.1.2", "INVITE", "sip:2001@x", POLICY_UNKNOWN_SOURCE, 403},
		{1, "10.99.2.3", "INVITE", "sip:1@x", POLICY_UNKNOWN_SOURCE, 403},
		{0, "10.99.3.1", "REGISTER", "sip:x", POLICY_UNKNOWN_SOURCE, 403},
		{0, "10.99.1.2", "REGISTER", "sip:x", POLICY_METHOD, 405},
		{0, "10.99.1.2", "MESSAGE", "sip:2001@x", POLICY_METHOD, 405},
		{0, "10.99.1.2", "FROBNICATE", "sip:2001@x", POLICY_METHOD, 405},
		{0, "10.99.1.2", "INVITE", "sips:2001@x", POLICY_SIPS_PLAIN, 416},
		{0, "10.99.1.2", "INVITE", "mailto:x@y", POLICY_SCHEME, 416},
		{0, "10.99.1.2", "INVITE", "im:x@y", POLICY_SCHEME, 416},
		{0, "10.99.1.2", "INVITE", "tel:call-me", POLICY_URI, 400},
		{0, "10.99.1.2", "INVITE", "tel:+", POLICY_URI, 400},
		{0, "10.99.1.2", "INVITE", "sip:9001@x", POLICY_ROUTE_REFUSES, 603},
		{1, "10.99.2.2", "INVITE", "sip:2001@x", POLICY_NO_ROUTE, 404},
		{1, "10.99.2.2", "INVITE", "sip:x", POLICY_NO_ROUTE, 404},
	};
	struct asked asked = start(CONF_TWO_SIDES);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		decide(&asked, cases[i].realm, cases[i].source, cases[i].method, cases[i].ruri);
		cr_expect_eq(asked.decision.outcome, cases[i].outcome, "%s %s from %s: %s",
			     cases[i].method, cases[i].ruri, cases[i].source,
			     policy_outcome_why(asked.decision.outcome));
		cr_expect_eq(asked.decision.status, cases[i].status);
		cr_expect_eq(asked.decision.to, -1);
	}
	stop(&asked);
}

Test(policy, a_user_too_long_is_told)
{
	struct asked asked = start(CONF_TWO_SIDES);
	char ruri[400] = "sip:", *end = ruri + 4;

	memset(end, '1', PARTY_USER_MAX + 1);
	strcpy(end + PARTY_USER_MAX + 1, "@x");
	decide(&asked, 0, "10.99.1.2", "INVITE", ruri);
	cr_expect_eq(asked.decision.outcome, POLICY_URI_LENGTH);
	cr_expect_eq(asked.decision.status, 414);
	strcpy(end + PARTY_USER_MAX, "@x");
	decide(&asked, 0, "10.99.1.2", "INVITE", ruri);
	cr_expect_eq(asked.decision.outcome, POLICY_ACCEPTED);
	stop(&asked);
}

/* No route may be a part of a prefix that is written with escapes. */
Test(policy, prefixes_match_what_the_escapes_stand_for)
{
	struct asked asked = start(CONF_TWO_SIDES);

	decide(&asked, 0, "10.99.1.2", "INVITE", "sip:%39%300@x");
	cr_expect_eq(asked.decision.outcome, POLICY_ROUTE_REFUSES);
	stop(&asked);
}
