/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to: the first route of the config that takes a call. A hash table holds the routes by trunk
 * and prefix; a look-up tries the beginnings of the user part that some route has the length of,
 * for the trunk and for any, and takes the lowest number. limen-controlplane, any thread. */
#include "controlplane/policy/route.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "controlplane/policy/explain.h"

#define PREFIX_LEN_MAX 63u

struct routes {
	const struct conf *conf;
	unsigned *slots; /* route plus 1; 0: free */
	uint32_t mask;
	uint64_t lengths; /* bit n: some prefix is n characters long */
};

static uint32_t slot_of(const struct routes *routes, int from, struct span prefix)
{
	uint32_t at = (uint32_t)hash_fast((uint64_t)(unsigned)from, prefix);

	for (at &= routes->mask; routes->slots[at]; at = (at + 1) & routes->mask) {
		const struct conf_route *route = &routes->conf->routes[routes->slots[at] - 1];

		if (route->from == from && span_eq(span_str(route->prefix), prefix))
			break;
	}
	return at;
}

struct routes *routes_new(const struct conf *conf)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->conf = conf;
	routes->mask = 1;
	while (routes->mask < conf->nroutes * 2)
		routes->mask = routes->mask * 2 + 1;
	routes->slots = calloc((size_t)routes->mask + 1, sizeof(*routes->slots));
	if (!routes->slots) {
		routes_free(routes);
		return NULL;
	}
	for (unsigned i = 0; i < conf->nroutes; i++) {
		struct span prefix = span_str(conf->routes[i].prefix);
		uint32_t at = slot_of(routes, conf->routes[i].from, prefix);

		if (!routes->slots[at])
			routes->slots[at] = i + 1;
		routes->lengths |= UINT64_C(1) << prefix.len;
	}
	return routes;
}

void routes_free(struct routes *routes)
{
	if (!routes)
		return;
	free(routes->slots);
	free(routes);
}

static void tell(const struct routes *routes, unsigned from, struct span user, unsigned found,
		 struct explain *explain)
{
	const struct conf *conf = routes->conf;
	const struct conf_route *route = found ? &conf->routes[found - 1] : NULL;

	if (!route)
		explain_step(explain, "route", "no route from trunk %s takes \"%.*s\"",
			     conf->trunks[from].name, SPAN_FMT(user));
	else if (route->to < 0)
		explain_step(explain, "route", "routes[%u] (from %s, prefix \"%s\") refuses with %u",
			     found - 1, route->from < 0 ? "any" : conf->trunks[route->from].name,
			     route->prefix, route->status);
	else
		explain_step(explain, "route", "routes[%u] (from %s, prefix \"%s\") leads to %s",
			     found - 1, route->from < 0 ? "any" : conf->trunks[route->from].name,
			     route->prefix, conf->trunks[route->to].name);
}

int routes_find(const struct routes *routes, unsigned from, struct span user,
		struct explain *explain)
{
	size_t longest = user.len < PREFIX_LEN_MAX ? user.len : PREFIX_LEN_MAX;
	unsigned first = 0;

	for (size_t len = 0; len <= longest; len++) {
		if (!(routes->lengths >> len & 1))
			continue;
		for (int any = 0; any < 2; any++) {
			unsigned route = routes->slots[slot_of(routes, any ? -1 : (int)from,
							       span_of(user.ptr, len))];

			if (route && (!first || route < first))
				first = route;
		}
	}
	if (explain)
		tell(routes, from, user, first, explain);
	return (int)first - 1;
}
