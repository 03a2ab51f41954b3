/* SPDX-License-Identifier: BSD-3-Clause */
/* From the raw tree to struct conf: routes, tables, number rules. */
#include "common/conf/conf_resolve_priv.h"
#include "common/sip/sip_msg.h"

static int refer_maybe(struct resolve *r, const struct names *names,
		       enum conf_section_number section, const char *name, const char *path)
{
	return name && *name ? refer(r, names, section, name, path) : -1;
}

/* ---- number rules ---- */

static void resolve_rule(struct resolve *r, unsigned index)
{
	const struct raw_number_rules *raw = &r->raw->number_rules[index];
	struct conf_number_rule *rule = &r->conf->number_rules[index];

#define TEXT(field) rule->field = text(r, SECTION_number_rules, NUMBER_RULE_##field, raw->field)
	TEXT(set);
	TEXT(prefix);
	TEXT(pattern);
	TEXT(add);
#undef TEXT
	rule->replace = raw->replace;
	rule->convert =
		(uint8_t)choice(SECTION_number_rules, NUMBER_RULE_convert, raw->convert);
	rule->strip = (uint8_t)number(SECTION_number_rules, NUMBER_RULE_strip, raw->strip);
	rule->next = choice(SECTION_number_rules, NUMBER_RULE_then, raw->then) == 1;
}

/* Rules by their set's name, each set's in the file's order: a run of `named` is a set. */
static void gather_sets(struct resolve *r, const struct named *named, unsigned n)
{
	struct conf *conf = r->conf;
	unsigned *rules = get(r, n, sizeof(*rules));

	conf->rule_sets = get(r, n, sizeof(*conf->rule_sets));
	r->rule_sets.sorted = get(r, n, sizeof(*r->rule_sets.sorted));
	if (r->no_memory)
		return;
	for (unsigned i = 0; i < n; i++) {
		struct conf_rule_set *set;

		rules[i] = named[i].index;
		if (!i || strcmp(named[i].name, named[i - 1].name) != 0) {
			set = &conf->rule_sets[conf->nrule_sets];
			set->name = conf->number_rules[named[i].index].set;
			set->rules = &rules[i];
			names_add(&r->rule_sets, set->name, conf->nrule_sets++);
		}
		conf->rule_sets[conf->nrule_sets - 1].nrules++;
	}
}

void resolve_number_rules(struct resolve *r)
{
	unsigned n = r->raw->number_rules_count;
	struct names all = {.sorted = get(r, n, sizeof(*all.sorted))};

	r->conf->number_rules = get(r, n, sizeof(*r->conf->number_rules));
	if (r->no_memory)
		return;
	r->conf->nnumber_rules = n;
	for (unsigned i = 0; i < n; i++) {
		resolve_rule(r, i);
		names_add(&all, r->raw->number_rules[i].set, i);
	}
	if (all.n)
		qsort(all.sorted, all.n, sizeof(all.sorted[0]), by_name);
	gather_sets(r, all.sorted, all.n);
}

void resolve_trunk_numbers(struct resolve *r, unsigned index)
{
	const struct raw_trunks *raw = &r->raw->trunks[index];
	struct conf_trunk *trunk = &r->conf->trunks[index];
	const struct {
		const char *key, *name;
	} sets[CONF_RULES] = {
		[CONF_CALLED_IN] = {"called_in_rules", raw->called_in_rules},
		[CONF_CALLING_IN] = {"calling_in_rules", raw->calling_in_rules},
		[CONF_CALLED_OUT] = {"called_out_rules", raw->called_out_rules},
		[CONF_CALLING_OUT] = {"calling_out_rules", raw->calling_out_rules},
	};
	char path[CONF_KEY_BYTES];

	for (unsigned i = 0; i < CONF_RULES; i++) {
		conf_path(path, "trunks[%u].%s", index, sets[i].key);
		trunk->number_rules[i] = refer_maybe(r, &r->rule_sets, SECTION_number_rules, sets[i].name,
					      path);
	}
	trunk->country_code = text(r, SECTION_trunks, TRUNK_country_code, raw->country_code);
	trunk->international_prefix =
		text(r, SECTION_trunks, TRUNK_international_prefix, raw->international_prefix);
	trunk->national_prefix =
		text(r, SECTION_trunks, TRUNK_national_prefix, raw->national_prefix);
	if (trunk->national_prefix && strcmp(trunk->national_prefix, "none") == 0)
		trunk->national_prefix = get(r, 1, 1);
}

/* ---- tables ---- */

void resolve_tables(struct resolve *r)
{
	unsigned n = r->raw->tables_count;
	struct conf_table *tables = get(r, n, sizeof(*tables));

	r->tables.sorted = get(r, n, sizeof(*r->tables.sorted));
	if (r->no_memory)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct raw_tables *raw = &r->raw->tables[i];

		tables[i].name = text(r, SECTION_tables, TABLE_name, raw->name);
		tables[i].file = text(r, SECTION_tables, TABLE_file, raw->file);
		tables[i].sqlite_table =
			text(r, SECTION_tables, TABLE_sqlite_table, raw->sqlite_table);
		names_add(&r->tables, raw->name, i);
	}
	names_close(r, &r->tables, SECTION_tables);
	r->conf->tables = tables;
	r->conf->ntables = n;
}

/* ---- routes ---- */

static void resolve_conditions(struct resolve *r, const struct raw_routes *raw,
			       struct conf_route *route, unsigned index)
{
	char path[CONF_KEY_BYTES];

#define TEXT(field) route->field = text(r, SECTION_routes, ROUTE_##field, raw->field)
	TEXT(prefix);
	TEXT(user);
	TEXT(calling_prefix);
	TEXT(pattern);
	TEXT(pattern_of);
	TEXT(domain);
	TEXT(header);
	TEXT(header_value);
	TEXT(time_zone);
#undef TEXT
	conf_path(path, "routes[%u].from", index);
	route->from = refer_maybe(r, &r->trunks, SECTION_trunks, raw->from, path);
	conf_path(path, "routes[%u].realm", index);
	route->realm = refer_maybe(r, &r->realms, SECTION_realms, raw->realm, path);
	for (unsigned i = 0; i < raw->methods_count; i++) {
		enum sip_method method = sip_method_from(span_str(raw->methods[i]));

		if (method != SIP_METHOD_OTHER)
			route->methods |= 1u << method;
	}
	for (unsigned i = 0; i < raw->days_count; i++)
		route->days |= (uint8_t)(1u << choice(SECTION_routes, ROUTE_days, raw->days[i]));
	for (unsigned i = 0; i < raw->hours_count && route->nhours < CONF_HOURS_MAX; i++)
		route->nhours +=
			conf_read_hours(span_str(raw->hours[i]), &route->hours[route->nhours]);
	route->percent = (uint8_t)number(SECTION_routes, ROUTE_percent, raw->percent);
	route->emergency = yes(SECTION_routes, ROUTE_emergency, raw->emergency);
}

static void resolve_action(struct resolve *r, const struct raw_routes *raw,
			   struct conf_route *route, unsigned index)
{
	char path[CONF_KEY_BYTES];

	conf_path(path, "routes[%u].to", index);
	route->to = refer_maybe(r, &r->trunks, SECTION_trunks, raw->to, path);
	for (unsigned i = 0; i < raw->failover_count && i < CONF_ROUTE_TO_MAX - 1; i++) {
		int to;

		conf_path(path, "routes[%u].failover[%u]", index, i);
		to = refer_maybe(r, &r->trunks, SECTION_trunks, raw->failover[i], path);
		if (to >= 0)
			route->failover[route->nfailover++] = (unsigned)to;
	}
	for (unsigned i = 0; i < raw->weights_count && i < CONF_ROUTE_TO_MAX; i++)
		route->weights[route->nweights++] =
			(uint16_t)number(SECTION_routes, ROUTE_weights, raw->weights[i]);
	conf_path(path, "routes[%u].table", index);
	route->table = refer_maybe(r, &r->tables, SECTION_tables, raw->table, path);
	route->order = (uint8_t)choice(SECTION_routes, ROUTE_order, raw->order);
	route->status = number(SECTION_routes, ROUTE_status, raw->status);
	route->reason = text(r, SECTION_routes, ROUTE_reason, raw->reason);
	route->cause = number(SECTION_routes, ROUTE_cause, raw->cause);
	route->redirect_count = raw->redirect_count;
	route->redirect = raw->redirect;
	if (route->redirect_count && !raw->status)
		route->status = 302;
}

void resolve_routes(struct resolve *r)
{
	unsigned n = r->raw->routes_count;
	struct conf_route *routes = get(r, n, sizeof(*routes));

	if (r->no_memory)
		return;
	for (unsigned i = 0; i < n; i++) {
		resolve_conditions(r, &r->raw->routes[i], &routes[i], i);
		resolve_action(r, &r->raw->routes[i], &routes[i], i);
	}
	r->conf->routes = routes;
	r->conf->nroutes = n;
}
