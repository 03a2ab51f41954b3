/* SPDX-License-Identifier: BSD-3-Clause */
/* The conditions of routes, compiled. Part of one generation. limen-controlplane, not by two threads
 * at the same time (patterns). */
#pragma once

#include "controlplane/policy/route.h"

struct conditions;

/* conf outlives them. NULL when there is no memory, or a time zone of conf is gone. */
struct conditions *conditions_new(const struct conf *conf);
void conditions_free(struct conditions *conditions);

/* Whether all conditions of that route hold. *gave_up is set where a pattern took too many steps. */
bool conditions_hold(const struct conditions *conditions, unsigned route,
		     const struct route_call *call, bool *gave_up, struct explain *explain);
