/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to: the first route of the config that takes a call. An immutable table of one generation,
 * so that the number of routes costs nothing. limen-controlplane, any thread. */
#pragma once

#include "common/conf/conf.h"

struct explain;
struct routes;

/* conf outlives the table. NULL when there is no memory. */
struct routes *routes_new(const struct conf *conf);
void routes_free(struct routes *routes);

/* The index of the first route for a call that came by trunk `from` to this user part; -1: none. `explain`
 * may be NULL. */
int routes_find(const struct routes *routes, unsigned from, struct span user,
		struct explain *explain);
