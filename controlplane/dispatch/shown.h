/* SPDX-License-Identifier: BSD-3-Clause */
/* What each trunk of a call is shown of its parties: numbers as its rules and its table's row write
 * them, hosts by its profile, and nobody's name where the caller wants that. Private to
 * controlplane/dispatch. limen-controlplane, loop thread. */
#pragma once

#include "controlplane/dispatch/generation.h"
#include "controlplane/topology/call_rules.h"

struct way;

/* One way of a call. */
struct shown {
	struct ruled_call call;	    /* msg, source, from and explain are the caller's to fill in */
	struct far_parties as_is;   /* numbers as the trunk wants them, the caller as he is */
	struct far_parties parties; /* as they are shown */
	struct net_endpoint limen;
	unsigned variant; /* of the edit plan */
	const struct registering *registering; /* of a REGISTER whose plan tells of it; NULL */
};

/* The called number on that way, from the decision's. */
void show_called(const struct generation *gen, const struct policy_decision *decision,
		 const struct route_way *way, struct party *called, struct explain *explain);

/* Fill in `shown` for a way, which borrows it; `parties` is as the request has them. */
void show_parties(const struct generation *gen, const struct policy_decision *decision,
		  const struct far_parties *parties, struct way *way, struct shown *shown);

/* The edit plan of a way, good until the next is asked for; SPAN_NONE where there is no room. */
struct span show_plan(const struct generation *gen, const struct shown *shown);
