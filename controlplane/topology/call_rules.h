/* SPDX-License-Identifier: BSD-3-Clause */
/* What trunks' rules make of one call: header rules with their values filled in, identities that
 * limen writes. Compiled from one config into an immutable generation. limen-controlplane, loop
 * thread. */
#pragma once

#include "common/conf/conf.h"
#include "common/net/addr.h"
#include "controlplane/topology/far_side.h"

struct call_rules;
struct explain;
struct sip_msg;

/* conf outlives them. NULL when there is no memory. */
struct call_rules *call_rules_new(const struct conf *conf);
void call_rules_free(struct call_rules *rules);

/* The request that begins it all, on its way from one trunk to another (indexes). */
struct ruled_call {
	const struct sip_msg *msg;
	const struct net_endpoint *source;
	unsigned from, to;
	bool anonymous; /* who calls is not told there */
	bool private;	/* it is told, and that it is not to be told on */
	const struct far_parties *parties; /* the caller as he is */
	const struct net_endpoint *limen;  /* limen's address there */
	struct explain *explain;	   /* may be NULL */
};

/* The plan with what the rules add for this call: `plan` itself where they add nothing, else bytes
 * that live until the next call. SPAN_NONE where it does not fit. */
struct span call_rules_plan(struct call_rules *rules, const struct ruled_call *call,
			    struct span plan);

/* Who calls, as the trunk's `caller` wants it read; what From says stays where it finds nobody. */
void call_rules_read_caller(const struct conf_trunk *from, const struct sip_msg *msg,
			    struct far_parties *parties, struct explain *explain);

/* Whom and what the far side is shown: hosts by the topology profile, number and display name. */
void call_rules_show(const struct conf *conf, const struct ruled_call *call,
		     struct far_parties *parties);

/* What a refusal of limen's own becomes towards a trunk; -1: no trunk. */
unsigned call_rules_status(const struct conf *conf, int from, unsigned status);
