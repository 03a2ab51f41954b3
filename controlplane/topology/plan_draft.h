/* SPDX-License-Identifier: BSD-3-Clause */
/* One edit plan, from what two trunks say of headers. Private to controlplane/topology.
 * limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"

struct explain;
struct plan_register;

/* Whether a list of header names has this one, in any case. */
bool plan_list_has(char *const *list, unsigned n, struct span name);

/* Write the plan for a request from one trunk to another (indexes). 0; -ENOSPC when it does not
 * fit. `says` and `explain` may be NULL. */
int put_plan(struct cursor *out, const struct conf *conf, unsigned from, unsigned to,
	     unsigned variant, const struct plan_register *says, struct explain *explain);
