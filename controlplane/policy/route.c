/* SPDX-License-Identifier: BSD-3-Clause */
/* Where to: the first route of the config that takes a call. A hash table holds the routes by trunk
 * and prefix, those of one key chained in order; a look-up tries the beginnings of the user part
 * that some route has the length of, for the trunk and for any, and goes through what it finds from
 * the lowest number on, until all conditions of one hold. limen-controlplane, not by two threads at
 * the same time. */
#include "controlplane/policy/route.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "controlplane/policy/condition.h"
#include "controlplane/policy/explain.h"

#define PREFIX_LEN_TRIED 63u
#define HEADS_MAX	 (2 * (PREFIX_LEN_TRIED + 2))

enum key_kind { KEY_PREFIX, KEY_USER };

struct routes {
	const struct conf *conf;
	const struct tables *tables; /* borrowed; may be NULL */
	struct conditions *conditions;
	unsigned *slots; /* route plus 1, the first of its key; 0: free */
	unsigned *next;	 /* by route: the next of its key, plus 1 */
	unsigned *emergency; /* routes, in order */
	unsigned nemergency;
	uint32_t mask;
	uint64_t lengths; /* bit n: some prefix is n characters long */
	bool users;	  /* some route has a whole user */
};

static enum key_kind kind_of(const struct conf_route *route)
{
	return *route->user ? KEY_USER : KEY_PREFIX;
}

static struct span key_of(const struct conf_route *route)
{
	return span_str(*route->user ? route->user : route->prefix);
}

static uint32_t slot_of(const struct routes *routes, int from, enum key_kind kind, struct span key)
{
	uint32_t at = (uint32_t)hash_fast((uint64_t)(unsigned)from << 1 | kind, key);

	for (at &= routes->mask; routes->slots[at]; at = (at + 1) & routes->mask) {
		const struct conf_route *route = &routes->conf->routes[routes->slots[at] - 1];

		if (route->from == from && kind_of(route) == kind && span_eq(key_of(route), key))
			break;
	}
	return at;
}

/* From the last to the first, so that each goes before the others of its key. */
static void index_routes(struct routes *routes)
{
	const struct conf *conf = routes->conf;

	for (unsigned i = conf->nroutes; i-- > 0;) {
		const struct conf_route *route = &conf->routes[i];
		uint32_t at;

		if (route->emergency)
			continue;
		at = slot_of(routes, route->from, kind_of(route), key_of(route));
		routes->next[i] = routes->slots[at];
		routes->slots[at] = i + 1;
		if (*route->user)
			routes->users = true;
		else
			routes->lengths |= UINT64_C(1) << strlen(route->prefix);
	}
	for (unsigned i = 0; i < conf->nroutes; i++) {
		if (conf->routes[i].emergency)
			routes->emergency[routes->nemergency++] = i;
	}
}

struct routes *routes_new(const struct conf *conf, const struct tables *tables)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->conf = conf;
	routes->tables = tables;
	routes->mask = 1;
	while (routes->mask < conf->nroutes * 2)
		routes->mask = routes->mask * 2 + 1;
	routes->slots = calloc((size_t)routes->mask + 1, sizeof(*routes->slots));
	routes->next = calloc(conf->nroutes + 1, sizeof(*routes->next));
	routes->emergency = calloc(conf->nroutes + 1, sizeof(*routes->emergency));
	routes->conditions = conditions_new(conf);
	if (!routes->slots || !routes->next || !routes->emergency || !routes->conditions) {
		routes_free(routes);
		return NULL;
	}
	index_routes(routes);
	return routes;
}

void routes_free(struct routes *routes)
{
	if (!routes)
		return;
	conditions_free(routes->conditions);
	free(routes->slots);
	free(routes->next);
	free(routes->emergency);
	free(routes);
}

/* ---- the ways of a route ---- */

static uint64_t next_chance(uint64_t chance)
{
	return hash_mix(chance ^ UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93));
}

/* By weight: one after the other is drawn, until all are. Those of weight 0 come last. */
static void draw(const struct conf_route *route, uint64_t chance, struct route_found *found)
{
	unsigned left[CONF_ROUTE_TO_MAX], weights[CONF_ROUTE_TO_MAX], n = found->nways, sum = 0;
	struct route_way ways[CONF_ROUTE_TO_MAX];

	memcpy(ways, found->ways, n * sizeof(ways[0]));
	for (unsigned i = 0; i < n; i++) {
		left[i] = i;
		weights[i] = route->weights[i];
		sum += weights[i];
	}
	for (unsigned taken = 0; n; taken++) {
		unsigned at = 0;

		if (sum) {
			unsigned draw = (unsigned)((chance >> 16) % sum);

			while (draw >= weights[at])
				draw -= weights[at++];
		}
		found->ways[taken] = ways[left[at]];
		sum -= weights[at];
		n--;
		memmove(&left[at], &left[at + 1], (n - at) * sizeof(left[0]));
		memmove(&weights[at], &weights[at + 1], (n - at) * sizeof(weights[0]));
		chance = next_chance(chance);
	}
}

static void ways_of_trunks(const struct conf_route *route, uint64_t chance,
			   struct route_found *found)
{
	found->ways[0] = (struct route_way){.trunk = (unsigned)route->to};
	for (unsigned i = 0; i < route->nfailover; i++)
		found->ways[i + 1] = (struct route_way){.trunk = route->failover[i]};
	found->nways = route->nfailover + 1;
	if (route->nweights == found->nways)
		draw(route, chance, found);
}

static bool is_before(const struct route_way *a, const struct route_way *b, uint8_t order)
{
	if (order == CONF_BY_QUALITY && a->quality != b->quality)
		return a->quality > b->quality;
	return a->cost_micro < b->cost_micro;
}

/* The best offers in their order, never the trunk that the call came by. False: there is none. */
static bool ways_of_table(const struct routes *routes, const struct conf_route *route,
			  const struct route_call *call, struct route_found *found)
{
	const struct bound_table *bound =
		routes->tables ? &routes->tables->list[route->table] : NULL;
	const struct ptable_offer *offer;
	unsigned len;

	found->nways = 0;
	offer = bound ? ptable_find(bound->table, call->called, &len) : NULL;
	for (bool last = !offer; !last; offer++) {
		struct route_way way = {
			.trunk = bound->trunks[offer->trunk],
			.cost_micro = offer->cost_micro,
			.quality = offer->quality,
			.strip = offer->strip,
			.add = ptable_add(bound->table, offer),
		};
		unsigned at = found->nways;

		last = offer->last;
		if (way.trunk == call->from)
			continue;
		while (at && is_before(&way, &found->ways[at - 1], route->order))
			at--;
		if (at == CONF_ROUTE_TO_MAX)
			continue;
		if (found->nways < CONF_ROUTE_TO_MAX)
			found->nways++;
		memmove(&found->ways[at + 1], &found->ways[at],
			(found->nways - at - 1) * sizeof(way));
		found->ways[at] = way;
	}
	return found->nways > 0;
}

static void tell_table(const struct routes *routes, unsigned index, const struct route_call *call,
		       const struct route_found *found, struct explain *explain)
{
	const struct conf *conf = routes->conf;
	const char *table = conf->tables[conf->routes[index].table].name;
	const struct bound_table *bound = &routes->tables->list[conf->routes[index].table];
	unsigned len = 0;
	const struct ptable_offer *offer = ptable_find(bound->table, call->called, &len);

	if (!offer)
		explain_step(explain, "route", "routes[%u]: table %s has no prefix of \"%.*s\"",
			     index, table, SPAN_FMT(call->called));
	else if (!found->nways)
		explain_step(explain, "route",
			     "routes[%u]: table %s leads only to the trunk that the call came by",
			     index, table);
	for (unsigned i = 0; i < found->nways; i++) {
		const struct route_way *way = &found->ways[i];

		explain_step(explain, "route",
			     "table %s, prefix of %u digits: trunk %s, cost %u.%06u, quality %u, "
			     "strips %u, adds \"%.*s\"",
			     table, len, conf->trunks[way->trunk].name, way->cost_micro / 1000000,
			     way->cost_micro % 1000000, way->quality, way->strip,
			     SPAN_FMT(way->add));
	}
}

/* Whether this route takes the call, and how. */
static bool takes(const struct routes *routes, unsigned index, const struct route_call *call,
		  struct route_found *found, struct explain *explain)
{
	const struct conf_route *route = &routes->conf->routes[index];

	if (!conditions_hold(routes->conditions, index, call, &found->gave_up, explain))
		return false;
	found->nways = 0;
	if (route->table >= 0) {
		bool any = ways_of_table(routes, route, call, found);

		if (explain && routes->tables)
			tell_table(routes, index, call, found, explain);
		if (!any)
			return false;
	} else if (route->to >= 0) {
		ways_of_trunks(route, next_chance(call->chance + index), found);
	}
	found->route = (int)index;
	return true;
}

/* ---- look-up ---- */

/* The first routes, plus 1, of all keys that the call has. */
static unsigned gather(const struct routes *routes, const struct route_call *call,
		       unsigned heads[HEADS_MAX])
{
	size_t longest = call->called.len < PREFIX_LEN_TRIED ? call->called.len : PREFIX_LEN_TRIED;
	uint64_t lengths = longest < 63 ? routes->lengths & ((UINT64_C(2) << longest) - 1)
					: routes->lengths;
	unsigned n = 0;

	for (; lengths; lengths &= lengths - 1) {
		struct span key = span_of(call->called.ptr, (size_t)__builtin_ctzll(lengths));

		for (int any = 0; any < 2; any++) {
			int from = any ? -1 : (int)call->from;
			unsigned head = routes->slots[slot_of(routes, from, KEY_PREFIX, key)];

			if (head)
				heads[n++] = head;
		}
	}
	for (int any = 0; routes->users && any < 2; any++) {
		int from = any ? -1 : (int)call->from;
		unsigned head = routes->slots[slot_of(routes, from, KEY_USER, call->called)];

		if (head)
			heads[n++] = head;
	}
	return n;
}

static void tell_found(const struct routes *routes, const struct route_call *call,
		       const struct route_found *found, struct explain *explain)
{
	const struct conf *conf = routes->conf;
	const struct conf_route *route = found->route < 0 ? NULL : &conf->routes[found->route];

	if (!route) {
		explain_step(explain, "route", "no route from trunk %s takes \"%.*s\"",
			     conf->trunks[call->from].name, SPAN_FMT(call->called));
		return;
	}
	if (!found->nways)
		explain_step(explain, "route", "routes[%d] (from %s, prefix \"%s\") %s with %u",
			     found->route,
			     route->from < 0 ? "any" : conf->trunks[route->from].name,
			     route->prefix, route->status < 400 ? "redirects" : "refuses",
			     route->status);
	for (unsigned i = 0; i < found->nways; i++)
		explain_step(explain, "route", "routes[%d] (from %s, prefix \"%s\") %s %s",
			     found->route,
			     route->from < 0 ? "any" : conf->trunks[route->from].name,
			     route->prefix, i ? "then tries" : "leads to",
			     conf->trunks[found->ways[i].trunk].name);
}

static bool find(const struct routes *routes, const struct route_call *call,
		 struct route_found *found, struct explain *explain)
{
	unsigned heads[HEADS_MAX], n;

	for (unsigned i = 0; call->emergency && i < routes->nemergency; i++) {
		if (takes(routes, routes->emergency[i], call, found, explain))
			return true;
	}
	n = gather(routes, call, heads);
	while (n) {
		unsigned first = 0, route;

		for (unsigned i = 1; i < n; i++)
			first = heads[i] < heads[first] ? i : first;
		route = heads[first] - 1;
		if (takes(routes, route, call, found, explain))
			return true;
		heads[first] = routes->next[route];
		if (!heads[first])
			heads[first] = heads[--n];
	}
	return false;
}

void routes_find(const struct routes *routes, const struct route_call *call,
		 struct route_found *found, struct explain *explain)
{
	found->route = -1;
	found->nways = 0;
	found->gave_up = false;
	if (!find(routes, call, found, explain)) {
		found->route = -1;
		found->nways = 0;
	}
	if (explain)
		tell_found(routes, call, found, explain);
}
