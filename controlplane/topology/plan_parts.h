/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of a plan that depend on the two trunks alone: response codes and codecs. Private to
 * controlplane/topology. limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"

/* Attach them to a finished plan. 0; -ENOSPC when they do not fit. */
int put_plan_parts(struct cursor *plan, const struct conf *conf, unsigned from, unsigned to);

/* Tell of them. */
struct explain;
void plan_parts_explain(const struct conf_trunk *from, const struct conf_trunk *to,
			struct explain *explain);

/* Whether two trunks' rules come to the same plans, and a hash that is the same then. */
bool plan_rules_same(const struct conf_trunk_rules *a, const struct conf_trunk_rules *b);
uint64_t plan_rules_hash(const struct conf_trunk_rules *rules);
