/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit plans by pair of trunks: which headers cross the border. A plan depends on nothing but
 * what both trunks say of headers, so that few plans serve many trunks. Part of one generation of
 * the config. limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"

struct explain;
struct plans;

/* conf outlives the plans. NULL when there is no memory. */
struct plans *plans_new(const struct conf *conf);
void plans_free(struct plans *plans);

/* What else a plan depends on: bits of its variant. */
enum plan_variant {
	PLAN_PUBLISH = 1 << 0,	       /* the request is a PUBLISH */
	PLAN_PRIVATE = 1 << 1,	       /* the caller asks for privacy (RFC 3323, RFC 3325) */
	PLAN_PRIVATE_HISTORY = 1 << 2, /* of where the call has been, too (RFC 7044) */
	PLAN_OPEN = 1 << 3,	       /* the caller asks for none */
	PLAN_VARIANTS = 1 << 4,
};

/* The plan for a request from one trunk to another (indexes); it lives as long as the plans, or,
 * once many are kept, until the next call. SPAN_NONE when the trunks pass more than a plan can
 * hold. */
struct span plans_get(struct plans *plans, unsigned from, unsigned to,
		      unsigned variant);

/* What a REGISTER says of itself in place of what the user said. */
struct plan_register {
	struct span path;      /* empty: no Path */
	struct span supported; /* option tags */
};
/* As plans_get, for a REGISTER; good until the next call. */
struct span plans_get_register(struct plans *plans, unsigned from, unsigned to, unsigned variant,
			       const struct plan_register *says);

/* Tell how that plan is made: drafted anew, as what is kept says no more why. */
void plans_explain(const struct plans *plans, unsigned from, unsigned to, unsigned variant,
		   struct explain *explain);

/* Whether requests from one trunk have the same plan to either. */
bool plans_same(const struct plans *plans, unsigned from, unsigned to, unsigned other);
