/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans are shared by trunks that pass the same, and the longest lists that the config allows still
 * make one. */
#include "controlplane/topology/plan.h"

#include <stdio.h>

#include "../conf_text.h"
#include "common/sip/edit_plan.h"

#define REALMS                                                                                     \
	CONF_HEAD                                                                                  \
	"realms:\n  - {name: ra, port: pa, addresses: [10.0.0.1/8]}\n"                             \
	"trunks:\n"

Test(plan, trunks_that_pass_the_same_share_a_plan)
{
	struct conf *conf = conf_from_text(
		REALMS
		"  - {name: t0, realm: ra, peers: [10.1.0.2]}\n"
		"  - {name: t1, realm: ra, peers: [10.1.0.3]}\n"
		"  - {name: t2, realm: ra, peers: [10.1.0.4], headers_pass: [X-A, X-B]}\n"
		"  - {name: t3, realm: ra, peers: [10.1.0.5], headers_pass: [x-b, x-a]}\n"
		"  - {name: t4, realm: ra, peers: [10.1.0.6], headers_pass: [X-A]}\n");
	struct plans *plans = plans_new(conf);
	struct span none = plans_get(plans, 0, 1, 0), value;

	cr_assert_eq(edit_plan_check(none), 0);
	cr_expect_eq(plans_get(plans, 1, 0, 0).ptr, none.ptr);
	cr_expect_eq(plans_get(plans, 0, 0, 0).ptr, none.ptr);
	cr_expect_eq(plans_get(plans, 2, 3, 0).ptr, plans_get(plans, 3, 2, 0).ptr,
		     "the order of a list is nothing");
	cr_expect_neq(plans_get(plans, 2, 4, 0).ptr, plans_get(plans, 2, 3, 0).ptr);
	cr_expect_eq(edit_plan_action(plans_get(plans, 2, 3, 0), EDIT_TO_B, SIP_HDR_OTHER,
				      SPAN("X-B"), &value),
		     EDIT_PASS);
	cr_expect_eq(edit_plan_action(plans_get(plans, 2, 4, 0), EDIT_TO_B, SIP_HDR_OTHER,
				      SPAN("X-B"), &value),
		     EDIT_DROP);
	cr_expect_eq(edit_plan_action(plans_get(plans, 2, 4, 0), EDIT_TO_A, SIP_HDR_OTHER,
				      SPAN("x-a"), &value),
		     EDIT_PASS);
	plans_free(plans);
	conf_free(conf);
}

static void expect_action(struct span plan, enum edit_direction direction, enum sip_hdr_id id,
			  enum edit_action wanted)
{
	struct span value;

	cr_expect_eq(edit_plan_action(plan, direction, id, SPAN_NONE, &value), wanted, "%s %s",
		     sip_hdr_name(id), direction == EDIT_TO_B ? "to B" : "to A");
}

/* Words of a standard's vocabulary cross; what may stand beside them is looked at. */
Test(plan, safe_headers_with_words_of_anyones_cross_hidden)
{
	static const enum sip_hdr_id hidden[] = {SIP_HDR_EVENT, SIP_HDR_REASON,
						 SIP_HDR_RETRY_AFTER, SIP_HDR_SUBSCRIPTION_STATE};
	struct conf *conf = conf_from_text(CONF_MANNERS("", ""));
	struct plans *plans = plans_new(conf);

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		expect_action(plans_get(plans, 0, 1, 0), EDIT_TO_A, hidden[i], EDIT_HIDE);
		expect_action(plans_get(plans, 0, 1, 0), EDIT_TO_B, hidden[i], EDIT_HIDE);
	}
	plans_free(plans);
	conf_free(conf);
}

/* Who challenges is on trunk 1; trunk 0 only asks. */
Test(plan, challenges_cross_one_way_and_answers_the_other)
{
	struct conf *conf = conf_from_text(CONF_MANNERS("", ", challenges: pass"));
	struct plans *plans = plans_new(conf);
	struct span plan = plans_get(plans, 0, 1, 0);

	expect_action(plan, EDIT_TO_A, SIP_HDR_WWW_AUTHENTICATE, EDIT_PASS);
	expect_action(plan, EDIT_TO_A, SIP_HDR_PROXY_AUTHENTICATE, EDIT_PASS);
	expect_action(plan, EDIT_TO_A, SIP_HDR_AUTHENTICATION_INFO, EDIT_PASS);
	expect_action(plan, EDIT_TO_B, SIP_HDR_AUTHORIZATION, EDIT_PASS);
	expect_action(plan, EDIT_TO_B, SIP_HDR_PROXY_AUTHORIZATION, EDIT_PASS);
	expect_action(plan, EDIT_TO_B, SIP_HDR_WWW_AUTHENTICATE, EDIT_DROP);
	expect_action(plan, EDIT_TO_A, SIP_HDR_AUTHORIZATION, EDIT_DROP);
	plan = plans_get(plans, 1, 0, 0);
	expect_action(plan, EDIT_TO_B, SIP_HDR_WWW_AUTHENTICATE, EDIT_PASS);
	expect_action(plan, EDIT_TO_A, SIP_HDR_AUTHORIZATION, EDIT_PASS);
	expect_action(plan, EDIT_TO_A, SIP_HDR_WWW_AUTHENTICATE, EDIT_DROP);
	plans_free(plans);
	conf_free(conf);
}

Test(plan, what_a_trunk_drops_crosses_neither_way)
{
	struct conf *conf =
		conf_from_text(CONF_MANNERS(", headers_drop: [Reason, recv-info]",
					    ", headers_pass: [X-A], headers_drop: [Priority]"));
	struct plans *plans = plans_new(conf);

	for (int turn = 0; turn < 2; turn++) {
		struct span plan = plans_get(plans, turn, !turn, 0), value;

		cr_assert_eq(edit_plan_check(plan), 0);
		for (int d = 0; d < EDIT_DIRECTIONS; d++) {
			expect_action(plan, (enum edit_direction)d, SIP_HDR_REASON, EDIT_DROP);
			expect_action(plan, (enum edit_direction)d, SIP_HDR_PRIORITY, EDIT_DROP);
			expect_action(plan, (enum edit_direction)d, SIP_HDR_DATE, EDIT_PASS);
			cr_expect_eq(edit_plan_action(plan, (enum edit_direction)d, SIP_HDR_OTHER,
						      SPAN("Recv-Info"), &value),
				     EDIT_DROP);
		}
	}
	plans_free(plans);
	conf_free(conf);
}

/* Both let Diversion cross, one hides it. */
Test(plan, one_trunk_is_enough_to_hide)
{
	struct conf *conf = conf_from_text(
		CONF_MANNERS(", headers_pass: [Diversion, X-A, Subject], headers_hide: [X-B]",
			     ", headers_hide: [diversion, x-a, X-B, History-Info]"));
	struct plans *plans = plans_new(conf);

	for (int turn = 0; turn < 2; turn++) {
		struct span plan = plans_get(plans, turn, !turn, 0), value;

		cr_assert_eq(edit_plan_check(plan), 0);
		for (int d = 0; d < EDIT_DIRECTIONS; d++) {
			expect_action(plan, (enum edit_direction)d, SIP_HDR_DIVERSION, EDIT_HIDE);
			expect_action(plan, (enum edit_direction)d, SIP_HDR_SUBJECT, EDIT_DROP);
			expect_action(plan, (enum edit_direction)d, SIP_HDR_HISTORY_INFO,
				      EDIT_DROP);
			cr_expect_eq(edit_plan_action(plan, (enum edit_direction)d, SIP_HDR_OTHER,
						      SPAN("X-A"), &value),
				     EDIT_HIDE);
			cr_expect_eq(edit_plan_action(plan, (enum edit_direction)d, SIP_HDR_OTHER,
						      SPAN("X-B"), &value),
				     EDIT_HIDE);
		}
	}
	plans_free(plans);
	conf_free(conf);
}

Test(plan, identities_stay_within_the_trust_domain)
{
	static const char *const trusts[] = {", trusted: no", ", trusted: yes"};

	for (int a = 0; a < 2; a++) {
		for (int b = 0; b < 2; b++) {
			char text[2048];
			struct conf *conf;
			struct plans *plans;
			struct span plan;
			bool both = a && b;

			snprintf(text, sizeof(text), CONF_MANNERS("%s", "%s"), trusts[a],
				 trusts[b]);
			conf = conf_from_text(text);
			plans = plans_new(conf);
			plan = plans_get(plans, 0, 1, 0);
			cr_assert_eq(edit_plan_check(plan), 0);
			for (int d = 0; d < EDIT_DIRECTIONS; d++) {
				enum edit_direction way = (enum edit_direction)d;
				bool inside = way == EDIT_TO_B ? b : a;

				expect_action(plan, way, SIP_HDR_P_ASSERTED_IDENTITY,
					      both ? EDIT_HIDE : EDIT_DROP);
				expect_action(plan, way, SIP_HDR_P_CHARGING_VECTOR,
					      both ? EDIT_HIDE : EDIT_DROP);
				expect_action(plan, way, SIP_HDR_P_PREFERRED_IDENTITY,
					      inside ? EDIT_HIDE : EDIT_DROP);
				expect_action(plan, way, SIP_HDR_PRIVACY,
					      inside ? EDIT_PASS : EDIT_DROP);
			}
			expect_action(plans_get(plans, 0, 1, PLAN_OPEN), EDIT_TO_B, SIP_HDR_PRIVACY,
				      EDIT_PASS);
			plans_free(plans);
			conf_free(conf);
		}
	}
}

/* What the lists let cross does not, where the caller asks for privacy and the far side is outside
 * the trust domain. */
Test(plan, privacy_is_stronger_than_lists)
{
	static const char *const trusts[] = {"no", "yes"};

	for (int trusted = 0; trusted < 2; trusted++) {
		char text[2048];
		struct conf *conf;
		struct plans *plans;
		struct span plan;

		snprintf(
			text, sizeof(text),
			CONF_MANNERS(", trusted: yes, headers_pass: [P-Asserted-Identity, Subject, "
				     "Diversion, History-Info]",
				     ", trusted: %s, headers_pass: [P-Asserted-Identity, Subject, "
				     "Diversion, History-Info]"),
			trusts[trusted]);
		conf = conf_from_text(text);
		plans = plans_new(conf);
		plan = plans_get(plans, 0, 1, 0);
		expect_action(plan, EDIT_TO_B, SIP_HDR_P_ASSERTED_IDENTITY, EDIT_PASS);
		plan = plans_get(plans, 0, 1, PLAN_PRIVATE);
		expect_action(plan, EDIT_TO_B, SIP_HDR_P_ASSERTED_IDENTITY,
			      trusted ? EDIT_PASS : EDIT_DROP);
		expect_action(plan, EDIT_TO_B, SIP_HDR_SUBJECT, trusted ? EDIT_PASS : EDIT_DROP);
		expect_action(plan, EDIT_TO_A, SIP_HDR_SUBJECT, EDIT_PASS);
		expect_action(plan, EDIT_TO_B, SIP_HDR_DIVERSION, EDIT_PASS);
		expect_action(plan, EDIT_TO_B, SIP_HDR_HISTORY_INFO, EDIT_PASS);
		plan = plans_get(plans, 0, 1, PLAN_PRIVATE_HISTORY);
		expect_action(plan, EDIT_TO_B, SIP_HDR_HISTORY_INFO,
			      trusted ? EDIT_PASS : EDIT_DROP);
		plans_free(plans);
		conf_free(conf);
	}
}

Test(plan, entity_tags_cross_with_publish_only)
{
	struct conf *conf = conf_from_text(CONF_MANNERS("", ""));
	struct plans *plans = plans_new(conf);
	struct span plan = plans_get(plans, 0, 1, PLAN_PUBLISH);

	expect_action(plan, EDIT_TO_A, SIP_HDR_SIP_ETAG, EDIT_PASS);
	expect_action(plan, EDIT_TO_B, SIP_HDR_SIP_IF_MATCH, EDIT_PASS);
	expect_action(plan, EDIT_TO_B, SIP_HDR_SIP_ETAG, EDIT_DROP);
	plan = plans_get(plans, 0, 1, 0);
	expect_action(plan, EDIT_TO_A, SIP_HDR_SIP_ETAG, EDIT_DROP);
	expect_action(plan, EDIT_TO_B, SIP_HDR_SIP_IF_MATCH, EDIT_DROP);
	plans_free(plans);
	conf_free(conf);
}

Test(plan, the_longest_lists_fit)
{
	char text[8192] = REALMS, list[4096] = "";
	struct conf *conf;
	struct plans *plans;
	struct span plan;

	for (unsigned i = 0; i < 32; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%sX-%038u",
			 i ? ", " : "", i);
	for (unsigned i = 0; i < 2; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "  - {name: t%u, realm: ra, peers: [10.1.0.%u], headers_pass: [%s]}\n", i,
			 i + 2, list);
	conf = conf_from_text(text);
	plans = plans_new(conf);
	plan = plans_get(plans, 0, 1, 0);
	cr_assert_gt(plan.len, 32 * 40 * 2);
	cr_expect_eq(edit_plan_check(plan), 0);
	plans_free(plans);
	conf_free(conf);
}

/* More pairs than are kept: each still gets its own plan. */
Test(plan, more_plans_than_are_kept)
{
	enum { TRUNKS = 60 };
	static char text[16384] = REALMS;
	struct conf *conf;
	struct plans *plans;

	for (unsigned i = 0; i < TRUNKS; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "  - {name: t%u, realm: ra, peers: [10.1.0.%u], headers_pass: [X-All, "
			 "X-%u]}\n",
			 i, i + 2, i / 2);
	conf = conf_from_text(text);
	plans = plans_new(conf);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned from = 0; from < TRUNKS; from++) {
			for (unsigned to = 0; to < TRUNKS; to++) {
				struct span plan = plans_get(plans, from, to, 0), value;
				char name[8];

				snprintf(name, sizeof(name), "X-%u", from / 2);
				cr_assert_eq(edit_plan_check(plan), 0);
				cr_expect_eq(edit_plan_action(plan, EDIT_TO_B, SIP_HDR_OTHER,
							      span_str(name), &value),
					     from / 2 == to / 2 ? EDIT_PASS : EDIT_DROP);
			}
		}
	}
	plans_free(plans);
	conf_free(conf);
}
