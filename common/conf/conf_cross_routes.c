/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks that need to see two keys at once, of routes and number rules: actions that contradict each
 * other, conditions without the key they need, routes that nothing reaches. */
#include <errno.h>
#include <stdlib.h>

#include "common/conf/conf_cross.h"
#include "common/conf/conf_value.h"
#include "common/conf/pattern.h"

/* Which route first took a (from, prefix): a table that each route looks itself up in. */
struct taken {
	unsigned *slots; /* route + 1, 0: free */
	uint32_t mask;
};

static uint32_t taken_slot(const struct taken *taken, const struct conf_cross *x, int from,
			   const char *prefix, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ (uint32_t)from;
	uint32_t at;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)prefix[i]) * 0x100000001b3ull;
	for (at = (uint32_t)(hash ^ hash >> 32) & taken->mask; taken->slots[at];
	     at = (at + 1) & taken->mask) {
		const struct conf_route *route = &x->conf->routes[taken->slots[at] - 1];

		if (route->from == from && strlen(route->prefix) == len &&
		    !memcmp(route->prefix, prefix, len))
			break;
	}
	return at;
}

/* The first earlier route that takes all this one would, plus 1; or 0. */
static unsigned covered_by(const struct taken *taken, const struct conf_cross *x,
			   const struct conf_route *route)
{
	unsigned first = 0;

	for (size_t len = 0; len <= strlen(route->prefix); len++) {
		int froms[2] = {-1, route->from};

		for (unsigned f = 0; f < 2; f++) {
			unsigned by =
				taken->slots[taken_slot(taken, x, froms[f], route->prefix, len)];

			if (by && (!first || by < first))
				first = by;
		}
	}
	return first;
}

/* Whether the route takes all calls from its trunk to its prefix. */
static bool is_plain(const struct conf_route *route)
{
	return route->realm < 0 && !*route->user && !*route->calling_prefix && !*route->pattern &&
	       !*route->domain && !*route->header && !route->methods && !route->days &&
	       !route->nhours && route->percent == 100 && !route->emergency && route->table < 0;
}

static bool given(const char *text)
{
	return text && *text;
}

/* Exactly one thing is done. False after a fault. */
static bool check_action(const struct conf_cross *x, unsigned index)
{
	static const char *const names[] = {"to", "table", "redirect", "status"};
	const struct raw_routes *raw = &x->raw->routes[index];
	const bool has[] = {given(raw->to), given(raw->table), raw->redirect_count > 0,
			    raw->status && !raw->redirect_count};
	char key[CONF_KEY_BYTES];
	int first = -1;

	if (conf_cross_faulty(x, key, "routes[%u]", index))
		return false;
	for (int i = 0; i < 4; i++) {
		if (!has[i])
			continue;
		if (first >= 0) {
			conf_fault_at(x->doc, key, "has both `%s` and `%s`: only one can be",
				      names[first], names[i]);
			return false;
		}
		first = i;
	}
	if (first < 0)
		conf_fault_at(x->doc, key, "has neither `to` nor `table`, `redirect` or `status`");
	return first >= 0;
}

/* A key that means nothing without another one. */
static void check_needs(const struct conf_cross *x, unsigned index, const char *name, bool is,
			const char *needs, bool there)
{
	char key[CONF_KEY_BYTES];

	if (is && !there && !conf_cross_faulty(x, key, "routes[%u].%s", index, name))
		conf_fault_at(x->doc, key, "without `%s`, which it belongs to", needs);
}

static void check_status(const struct conf_cross *x, unsigned index)
{
	const struct conf_route *route = &x->conf->routes[index];
	char key[CONF_KEY_BYTES];
	bool redirects = route->redirect_count > 0;

	if (!route->status || conf_cross_faulty(x, key, "routes[%u].status", index))
		return;
	if (redirects && route->status >= 400)
		conf_fault_at(x->doc, key, "%u is no redirection: with `redirect` it is 3xx",
			      route->status);
	else if (!redirects && route->status < 400)
		conf_fault_at(x->doc, key, "%u redirects: it needs `redirect`", route->status);
}

static void check_trunks(const struct conf_cross *x, unsigned index)
{
	const struct conf_route *route = &x->conf->routes[index];
	const struct raw_routes *raw = &x->raw->routes[index];
	char key[CONF_KEY_BYTES];
	unsigned sum = 0;

	for (unsigned i = 0; i < raw->failover_count; i++) {
		if (conf_cross_faulty(x, key, "routes[%u].failover[%u]", index, i))
			continue;
		if (given(raw->to) && !strcmp(raw->failover[i], raw->to))
			conf_fault_at(x->doc, key, "the same as `to`");
		for (unsigned j = 0; j < i; j++) {
			if (!strcmp(raw->failover[i], raw->failover[j]))
				conf_fault_at(x->doc, key, "the same as failover[%u]", j);
		}
	}
	if (!raw->weights_count || !given(raw->to) ||
	    conf_cross_faulty(x, key, "routes[%u].weights", index))
		return;
	if (raw->weights_count != raw->failover_count + 1) {
		conf_fault_at(x->doc, key, "%u weights for %u trunks", raw->weights_count,
			      raw->failover_count + 1);
		return;
	}
	for (unsigned i = 0; i < route->nweights; i++)
		sum += route->weights[i];
	if (!sum)
		conf_fault_at(x->doc, key, "all are 0: nobody would be chosen");
}

static void check_route(const struct conf_cross *x, unsigned index)
{
	const struct conf_route *route = &x->conf->routes[index];
	const struct raw_routes *raw = &x->raw->routes[index];
	char key[CONF_KEY_BYTES];

	check_status(x, index);
	check_trunks(x, index);
	check_needs(x, index, "failover", raw->failover_count, "to", given(raw->to));
	check_needs(x, index, "weights", raw->weights_count, "to", given(raw->to));
	check_needs(x, index, "order", raw->order != NULL, "table", given(raw->table));
	check_needs(x, index, "reason", given(raw->reason), "status", route->status);
	check_needs(x, index, "cause", raw->cause != NULL, "status", route->status);
	check_needs(x, index, "pattern_of", raw->pattern_of != NULL, "pattern",
		    given(raw->pattern));
	check_needs(x, index, "header_value", given(raw->header_value), "header",
		    given(raw->header));
	check_needs(x, index, "time_zone", raw->time_zone != NULL, "days` or `hours",
		    raw->days_count || raw->hours_count);
	if (given(raw->user) && given(raw->prefix) &&
	    strncmp(raw->user, raw->prefix, strlen(raw->prefix)) != 0 &&
	    !conf_cross_faulty(x, key, "routes[%u].user", index))
		conf_fault_at(x->doc, key, "does not begin with the route's `prefix`");
}

int conf_cross_routes(const struct conf_cross *x)
{
	struct taken taken = {.mask = 1};
	char key[CONF_KEY_BYTES];

	while (taken.mask < x->conf->nroutes * 2)
		taken.mask = taken.mask * 2 + 1;
	taken.slots = calloc((size_t)taken.mask + 1, sizeof(*taken.slots));
	if (!taken.slots)
		return -ENOMEM;
	for (unsigned i = 0; i < x->conf->nroutes; i++) {
		const struct conf_route *route = &x->conf->routes[i];
		unsigned by;

		if (!check_action(x, i))
			continue;
		check_route(x, i);
		conf_path(key, "routes[%u]", i);
		by = route->emergency || conf_doc_faulty_at(x->doc, key)
			     ? 0
			     : covered_by(&taken, x, route);
		if (by)
			conf_fault_at(x->doc, key,
				      "never reached: routes[%u] takes all of its calls", by - 1);
		else if (is_plain(route))
			taken.slots[taken_slot(&taken, x, route->from, route->prefix,
					       strlen(route->prefix))] = i + 1;
	}
	free(taken.slots);
	return 0;
}

/* ---- number rules ---- */

/* The highest capture that a replacement names, or -1 for a `$` that stands for nothing. */
static int highest_capture(const char *text)
{
	int highest = 0;

	for (; *text; text++) {
		if (*text != '$')
			continue;
		text++;
		if (*text == '$')
			continue;
		if (*text < '0' || *text > '9')
			return -1;
		if (*text - '0' > highest)
			highest = *text - '0';
	}
	return highest;
}

static void check_replace(const struct conf_cross *x, unsigned index)
{
	const struct raw_number_rules *raw = &x->raw->number_rules[index];
	struct pattern *pattern;
	char key[CONF_KEY_BYTES], why[160];
	int highest;

	if (!raw->replace || conf_cross_faulty(x, key, "number_rules[%u].replace", index))
		return;
	if (!given(raw->pattern)) {
		conf_fault_at(x->doc, key, "without `pattern`, which it belongs to");
		return;
	}
	highest = highest_capture(raw->replace);
	if (highest < 0) {
		conf_fault_at(x->doc, key, "a `$` without a digit: a dollar is written `$$`");
		return;
	}
	pattern = pattern_new(span_str(raw->pattern), why, sizeof(why));
	if (pattern && highest > (int)pattern_captures(pattern))
		conf_fault_at(x->doc, key, "$%d, but the pattern has %u capture%s", highest,
			      pattern_captures(pattern),
			      pattern_captures(pattern) == 1 ? "" : "s");
	pattern_free(pattern);
}

void conf_cross_number_rules(const struct conf_cross *x)
{
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < x->conf->nnumber_rules; i++) {
		const struct conf_number_rule *rule = &x->conf->number_rules[i];

		check_replace(x, i);
		if (!conf_cross_faulty(x, key, "number_rules[%u]", i) && !rule->convert &&
		    !rule->strip && !*rule->add && !rule->replace && rule->next)
			conf_fault_at(x->doc, key,
				      "changes nothing: give it `convert`, `strip`, `add` or "
				      "`replace`, or let it `stop`");
	}
	for (unsigned i = 0; i < x->conf->ntrunks; i++) {
		const struct conf_trunk *trunk = &x->conf->trunks[i];

		for (unsigned d = 0; d < CONF_RULES && !*trunk->country_code; d++) {
			const struct conf_rule_set *set =
				trunk->number_rules[d] < 0 ? NULL : &x->conf->rule_sets[trunk->number_rules[d]];
			bool converts = false;

			for (unsigned n = 0; set && n < set->nrules; n++)
				converts |= x->conf->number_rules[set->rules[n]].convert != 0;
			if (converts && !conf_cross_faulty(x, key, "trunks[%u].country_code", i)) {
				conf_fault_at(x->doc, key,
					      "missing: number rules \"%s\" convert by it",
					      set->name);
				break;
			}
		}
	}
}
