/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to: the first route of the config that takes a call. Part of one generation; the number of
 * routes costs nothing as long as few begin with the same prefix. limen-controlplane, not by two
 * threads at the same time (patterns). */
#pragma once

#include "common/conf/conf.h"
#include "common/sip/sip_msg.h"
#include "controlplane/policy/tables.h"

struct explain;
struct routes;

/* conf and tables (NULL: none) outlive the routes. NULL when there is no memory. */
struct routes *routes_new(const struct conf *conf, const struct tables *tables);
void routes_free(struct routes *routes);

/* What conditions look at. */
struct route_call {
	unsigned from; /* trunk */
	struct span called, calling;
	const struct sip_msg *msg;
	bool emergency;
	int64_t now_s;	/* UNIX time */
	uint64_t chance; /* the same for the same call, and nobody's choice */
};

/* One trunk to try. */
struct route_way {
	unsigned trunk;
	uint32_t cost_micro; /* of a table */
	uint8_t quality;
	uint8_t strip;	 /* of the called number, before `add` */
	struct span add; /* lives as long as the generation */
};

struct route_found {
	int route;	   /* -1: none */
	unsigned nways;	   /* 0: the route refuses or redirects */
	struct route_way ways[CONF_ROUTE_TO_MAX];
	bool gave_up;	   /* a pattern took too many steps on the way */
};

void routes_find(const struct routes *routes, const struct route_call *call,
		 struct route_found *found, struct explain *explain);
