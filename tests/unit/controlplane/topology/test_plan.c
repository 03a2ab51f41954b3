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
	struct span none = plans_get(plans, 0, 1), value;

	cr_assert_eq(edit_plan_check(none), 0);
	cr_expect_eq(plans_get(plans, 1, 0).ptr, none.ptr);
	cr_expect_eq(plans_get(plans, 0, 0).ptr, none.ptr);
	cr_expect_eq(plans_get(plans, 2, 3).ptr, plans_get(plans, 3, 2).ptr,
		     "the order of a list is nothing");
	cr_expect_neq(plans_get(plans, 2, 4).ptr, plans_get(plans, 2, 3).ptr);
	cr_expect_eq(edit_plan_action(plans_get(plans, 2, 3), EDIT_TO_B, SIP_HDR_OTHER, SPAN("X-B"),
				      &value),
		     EDIT_PASS);
	cr_expect_eq(edit_plan_action(plans_get(plans, 2, 4), EDIT_TO_B, SIP_HDR_OTHER, SPAN("X-B"),
				      &value),
		     EDIT_DROP);
	cr_expect_eq(edit_plan_action(plans_get(plans, 2, 4), EDIT_TO_A, SIP_HDR_OTHER, SPAN("x-a"),
				      &value),
		     EDIT_PASS);
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
	plan = plans_get(plans, 0, 1);
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
				struct span plan = plans_get(plans, from, to), value;
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
