/* SPDX-License-Identifier: BSD-3-Clause */
/* The conditions of routes. limen-controlplane, not by two threads at the same time. */
#include "controlplane/policy/condition.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "common/base/zone.h"
#include "common/conf/pattern.h"
#include "controlplane/policy/explain.h"

#define DAY_MINUTES 1440u

enum pattern_of { OF_CALLED, OF_CALLING, OF_HEADER };

/* What a route has beside its trunk and prefix. Few routes have any. */
struct condition {
	struct pattern *pattern;
	struct zone *zone; /* borrowed from zones[] */
	uint8_t of;	   /* enum pattern_of */
};

struct conditions {
	const struct conf *conf;
	struct condition **routes; /* by route; NULL: nothing to compile */
	struct zone **zones;	   /* owned, each name once */
	const char **names;
	unsigned nzones;
};

static struct zone *zone_of(struct conditions *conditions, const char *name)
{
	unsigned i;

	for (i = 0; i < conditions->nzones; i++) {
		if (!strcmp(conditions->names[i], name))
			return conditions->zones[i];
	}
	if (zone_load(name, &conditions->zones[i]))
		return NULL;
	conditions->names[i] = name;
	conditions->nzones++;
	return conditions->zones[i];
}

static bool compile(struct conditions *conditions, unsigned index)
{
	const struct conf_route *route = &conditions->conf->routes[index];
	bool timed = route->days || route->nhours;
	struct condition *condition;
	char why[160];

	if (!*route->pattern && !timed)
		return true;
	condition = conditions->routes[index] = calloc(1, sizeof(*condition));
	if (!condition)
		return false;
	if (*route->pattern) {
		condition->pattern = pattern_new(span_str(route->pattern), why, sizeof(why));
		condition->of = !strcmp(route->pattern_of, "called")	 ? OF_CALLED
				: !strcmp(route->pattern_of, "calling") ? OF_CALLING
									 : OF_HEADER;
	}
	if (timed)
		condition->zone = zone_of(conditions, route->time_zone);
	return (!*route->pattern || condition->pattern) && (!timed || condition->zone);
}

struct conditions *conditions_new(const struct conf *conf)
{
	struct conditions *conditions = calloc(1, sizeof(*conditions));
	bool good;

	if (!conditions)
		return NULL;
	conditions->conf = conf;
	conditions->routes = calloc(conf->nroutes + 1, sizeof(*conditions->routes));
	conditions->zones = calloc(conf->nroutes + 1, sizeof(*conditions->zones));
	conditions->names = calloc(conf->nroutes + 1, sizeof(*conditions->names));
	good = conditions->routes && conditions->zones && conditions->names;
	for (unsigned i = 0; good && i < conf->nroutes; i++)
		good = compile(conditions, i);
	if (good)
		return conditions;
	conditions_free(conditions);
	return NULL;
}

void conditions_free(struct conditions *conditions)
{
	if (!conditions)
		return;
	for (unsigned i = 0; conditions->routes && i < conditions->conf->nroutes; i++) {
		if (conditions->routes[i])
			pattern_free(conditions->routes[i]->pattern);
		free(conditions->routes[i]);
	}
	for (unsigned i = 0; conditions->zones && i < conditions->nzones; i++)
		zone_free(conditions->zones[i]);
	free(conditions->routes);
	free(conditions->zones);
	free(conditions->names);
	free(conditions);
}

/* ---- headers ---- */

/* The next line of a header by its name: *at begins at 0. */
static bool next_line(const struct sip_msg *msg, const char *name, unsigned *at, struct span *value)
{
	enum sip_hdr_id id = sip_hdr_id_from(span_str(name));

	while (*at < msg->nhdrs) {
		const struct sip_hdr *hdr = &msg->hdrs[(*at)++];

		if (id == SIP_HDR_OTHER ? hdr->id == SIP_HDR_OTHER &&
						  span_ieq(sip_span(msg, hdr->name), span_str(name))
					: hdr->id == id) {
			*value = sip_span(msg, hdr->value);
			return true;
		}
	}
	return false;
}

static bool has_header(const struct sip_msg *msg, const char *name, const char *wanted)
{
	struct span value;
	unsigned at = 0;

	while (next_line(msg, name, &at, &value)) {
		if (!*wanted || span_eq(span_trim(value), span_str(wanted)))
			return true;
	}
	return false;
}

/* ---- each condition ---- */

static bool begins(struct span text, struct span prefix)
{
	return !prefix.len ||
	       (text.len >= prefix.len && !memcmp(text.ptr, prefix.ptr, prefix.len));
}

static bool domain_is(const struct sip_msg *msg, struct span domain)
{
	struct sip_uri uri;

	return !sip_uri_parse(sip_span(msg, msg->ruri), &uri) && uri.is_sip &&
	       span_ieq(uri.host, domain);
}

static bool pattern_holds(const struct condition *condition, const struct conf_route *route,
			  const struct route_call *call, bool *gave_up)
{
	struct span value = condition->of == OF_CALLED ? call->called : call->calling;
	enum pattern_found found = PATTERN_ABSENT;
	unsigned at = 0;

	if (condition->of != OF_HEADER)
		found = pattern_find(condition->pattern, value, NULL);
	while (condition->of == OF_HEADER && found == PATTERN_ABSENT &&
	       next_line(call->msg, route->pattern_of, &at, &value))
		found = pattern_find(condition->pattern, value, NULL);
	*gave_up |= found == PATTERN_GAVE_UP;
	return found == PATTERN_FOUND;
}

/* On the day itself, or within hours that began the evening before. */
static bool within(const struct conf_route *route, struct zone_week now)
{
	unsigned days = route->days ? route->days : 0x7f, before = (now.day + 6) % 7;

	if (!route->nhours)
		return days >> now.day & 1;
	for (unsigned i = 0; i < route->nhours; i++) {
		const struct conf_hours *hours = &route->hours[i];
		bool past_midnight = hours->to <= hours->from;

		if (days >> now.day & 1 && now.minute >= hours->from &&
		    now.minute < (past_midnight ? DAY_MINUTES : hours->to))
			return true;
		if (past_midnight && days >> before & 1 && now.minute < hours->to)
			return true;
	}
	return false;
}

/* Calls are dealt out anew at each route: shares behind one another are of what is left. */
static bool share_has(unsigned percent, uint64_t chance, unsigned route)
{
	return percent >= 100 ||
	       (hash_mix(chance ^ route, UINT64_C(0x9e3779b97f4a7c15)) >> 32) % 100 < percent;
}

/* The first condition that does not hold, or NULL; cheap ones first. */
static const char *fails(const struct conditions *conditions, unsigned index,
			 const struct route_call *call, bool *gave_up)
{
	const struct conf_route *route = &conditions->conf->routes[index];
	const struct condition *condition = conditions->routes[index];

	if (route->from >= 0 && route->from != (int)call->from)
		return "from";
	if (route->realm >= 0 &&
	    route->realm != (int)conditions->conf->trunks[call->from].realm)
		return "realm";
	if (route->methods && !(route->methods >> call->msg->method & 1))
		return "methods";
	if (!begins(call->called, span_str(route->prefix)))
		return "prefix";
	if (*route->user && !span_eq(call->called, span_str(route->user)))
		return "user";
	if (!begins(call->calling, span_str(route->calling_prefix)))
		return "calling_prefix";
	if (*route->domain && !domain_is(call->msg, span_str(route->domain)))
		return "domain";
	if (*route->header && !has_header(call->msg, route->header, route->header_value))
		return "header";
	if (condition && condition->pattern &&
	    !pattern_holds(condition, route, call, gave_up))
		return *gave_up ? "pattern (it takes too many steps)" : "pattern";
	if (condition && condition->zone &&
	    !within(route, zone_week_at(condition->zone, call->now_s)))
		return "days or hours";
	return share_has(route->percent, call->chance, index) ? NULL : "percent";
}

bool conditions_hold(const struct conditions *conditions, unsigned route,
		     const struct route_call *call, bool *gave_up, struct explain *explain)
{
	const char *failed = fails(conditions, route, call, gave_up);

	if (failed)
		explain_step(explain, "route", "routes[%u] does not take it: %s", route, failed);
	return !failed;
}
