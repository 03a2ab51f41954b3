/* SPDX-License-Identifier: BSD-3-Clause */
/* What trunks' rules make of one call: header rules with their values filled in. Who is shown to
 * whom is call_identity.c's. limen-controlplane, loop thread. */
#include "controlplane/topology/call_rules.h"

#include <stdlib.h>

#include "common/conf/pattern.h"
#include "common/sip/answer_map.h"
#include "common/sip/edit_plan.h"
#include "common/sip/header_rules.h"
#include "controlplane/policy/explain.h"
#include "controlplane/topology/call_identity.h"

/* Of one trunk's list there are 16 at most, and limen's own lines. */
#define OWN_MAX	   CALL_IDENTITY_LINES
#define TEXTS_MAX  (HEADER_RULES_BYTES_MAX + 1024u)

_Static_assert(4 * CONF_HEADER_RULES_MAX + OWN_MAX <= HEADER_RULES_MAX + OWN_MAX,
	       "both trunks' rules, both ways, fit a plan");

struct rule_patterns {
	struct pattern *of[CONF_CONDITIONS_MAX]; /* NULL: the condition has none */
};

struct call_rules {
	const struct conf *conf;
	struct rule_patterns *patterns; /* by header rule */
	char plan[EDIT_PLAN_BYTES_MAX];
};

/* One call's rules while they are collected. */
struct collecting {
	struct call_rules *rules;
	const struct ruled_call *call;
	struct header_rule_text texts[HEADER_RULES_MAX + OWN_MAX];
	unsigned n;
	struct header_cond_text conds[HEADER_RULES_MAX + OWN_MAX][CONF_CONDITIONS_MAX];
	struct cursor values;
	char value_bytes[TEXTS_MAX];
};

struct call_rules *call_rules_new(const struct conf *conf)
{
	struct call_rules *rules = calloc(1, sizeof(*rules));
	char why[160];

	if (!rules)
		return NULL;
	rules->conf = conf;
	rules->patterns = calloc(conf->nheader_rules + 1, sizeof(*rules->patterns));
	for (unsigned i = 0; rules->patterns && i < conf->nheader_rules; i++) {
		const struct conf_header_rule *rule = &conf->header_rules[i];

		for (unsigned c = 0; c < rule->nconds; c++) {
			if (rule->conds[c].test != CONF_TEST_MATCHES)
				continue;
			rules->patterns[i].of[c] = pattern_new(span_str(rule->conds[c].value), why,
							       sizeof(why));
			if (!rules->patterns[i].of[c]) { /* the config was checked: no memory */
				call_rules_free(rules);
				return NULL;
			}
		}
	}
	if (!rules->patterns) {
		call_rules_free(rules);
		return NULL;
	}
	return rules;
}

void call_rules_free(struct call_rules *rules)
{
	if (!rules)
		return;
	for (unsigned i = 0; rules->patterns && i < rules->conf->nheader_rules; i++)
		for (unsigned c = 0; c < CONF_CONDITIONS_MAX; c++)
			pattern_free(rules->patterns[i].of[c]);
	free(rules->patterns);
	free(rules);
}

/* ---- values ---- */

static void put_user_text(struct cursor *out, enum value_place place, struct span uri)
{
	struct party party;

	if (party_from_uri(uri, &party))
		return;
	if (place == VALUE_URI)
		put_party_user(out, &party);
	else
		put_value_text(out, place, party_user(&party));
}

static void put_host_text(struct cursor *out, enum value_place place, struct span text)
{
	struct sip_uri uri;

	if (!sip_uri_parse(text, &uri) && uri.is_sip)
		put_value_text(out, place, uri.host);
}

static void put_display_text(struct cursor *out, enum value_place place, const struct sip_msg *msg)
{
	struct sip_name_addr from;
	char name[FAR_DISPLAY_BYTES_MAX];

	if (!sip_name_addr_parse(sip_hdr_value(msg, SIP_HDR_FROM), &from))
		put_value_text(out, place, span_of(name, far_display_read(from.display, name)));
}

static void put_source(struct cursor *out, const struct net_endpoint *source)
{
	put_addr(out, source->family, &source->addr);
}

static void put_variable(struct cursor *out, const struct collecting *c, enum conf_variable var,
			 enum value_place place)
{
	const struct ruled_call *call = c->call;
	const struct sip_msg *msg = call->msg;
	const struct conf *conf = c->rules->conf;

	switch (var) {
	case CONF_VAR_FROM_USER:
		put_user_text(out, place, sip_span(msg, msg->from_uri));
		break;
	case CONF_VAR_FROM_HOST:
		put_host_text(out, place, sip_span(msg, msg->from_uri));
		break;
	case CONF_VAR_FROM_DISPLAY:
		put_display_text(out, place, msg);
		break;
	case CONF_VAR_TO_USER:
		put_user_text(out, place, sip_span(msg, msg->to_uri));
		break;
	case CONF_VAR_TO_HOST:
		put_host_text(out, place, sip_span(msg, msg->to_uri));
		break;
	case CONF_VAR_RURI_USER:
		put_user_text(out, place, sip_span(msg, msg->ruri));
		break;
	case CONF_VAR_RURI_HOST:
		put_host_text(out, place, sip_span(msg, msg->ruri));
		break;
	case CONF_VAR_SOURCE_ADDR:
		put_source(out, call->source);
		break;
	case CONF_VAR_SOURCE_PORT:
		put_u64(out, call->source->port);
		break;
	case CONF_VAR_TRUNK:
		put_value_text(out, place, span_str(conf->trunks[call->from].name));
		break;
	case CONF_VAR_TRUNK_TO:
		put_value_text(out, place, span_str(conf->trunks[call->to].name));
		break;
	case CONF_VAR_METHOD:
		put_value_text(out, place, sip_span(msg, msg->method_name));
		break;
	case CONF_VAR_CALL_ID:
		put_value_text(out, place, sip_span(msg, msg->call_id));
		break;
	default:
		break;
	}
}

/* A rule's value for this call. Headers of the message itself are left to the worker. */
static struct span fill_in(struct collecting *c, const char *value,
			   const struct span captures[CONF_CAPTURES])
{
	struct span rest = span_str(value), before, name;
	enum value_place place = VALUE_PLAIN;
	uint32_t start = c->values.len;
	enum conf_variable var;
	bool bad;

	for (;;) {
		var = conf_variable_next(&rest, &before, &name, &bad);
		put_span(&c->values, before);
		if (var == CONF_VAR_NONE)
			break;
		place = value_place_after(place, before);
		if (var == CONF_VAR_CAPTURE) {
			put_value_text(&c->values, place, captures[name.ptr[0] - '0']);
		} else if (var == CONF_VAR_HEADER) {
			put_char(&c->values, HEADER_SLOT_OPEN);
			put_span(&c->values, name);
			put_char(&c->values, HEADER_SLOT_CLOSE);
		} else {
			put_variable(&c->values, c, var, place);
		}
	}
	return span_of(c->values.buf + start, c->values.len - start);
}

/* ---- conditions of the request that begins it all ---- */

static bool line_holds(const struct conf_condition *cond, const struct pattern *pattern,
		       struct span value, struct span captures[CONF_CAPTURES])
{
	struct span wanted = span_str(cond->value);

	switch (cond->test) {
	case CONF_TEST_EQUALS:
		return span_ieq(value, wanted);
	case CONF_TEST_BEGINS:
		return value.len >= wanted.len && span_ieq(span_of(value.ptr, wanted.len), wanted);
	case CONF_TEST_MATCHES:
		return pattern_find(pattern, value, captures) == PATTERN_FOUND;
	default:
		return true;
	}
}

static bool cond_holds(const struct conf_condition *cond, const struct pattern *pattern,
		       const struct sip_msg *msg, struct span captures[CONF_CAPTURES])
{
	struct span name = span_str(cond->header);
	enum sip_hdr_id id = sip_hdr_id_from(name);
	bool there = false;

	_Static_assert(CONF_CAPTURES == PATTERN_CAPTURES, "each capture has its variable");
	for (unsigned i = 0; i < msg->nhdrs; i++) {
		const struct sip_hdr *hdr = &msg->hdrs[i];

		if (hdr->id != id ||
		    (id == SIP_HDR_OTHER && !span_ieq(sip_span(msg, hdr->name), name)))
			continue;
		there = true;
		if (cond->test >= CONF_TEST_EQUALS &&
		    line_holds(cond, pattern, sip_span(msg, hdr->value), captures))
			return true;
	}
	return cond->test == CONF_TEST_PRESENT ? there : cond->test == CONF_TEST_ABSENT && !there;
}

static bool all_hold(struct collecting *c, unsigned number, struct span captures[CONF_CAPTURES])
{
	const struct conf_header_rule *rule = &c->rules->conf->header_rules[number];

	for (unsigned i = 0; i < rule->nconds; i++)
		if (!cond_holds(&rule->conds[i], c->rules->patterns[number].of[i], c->call->msg,
				captures))
			return false;
	return true;
}

/* ---- collecting ---- */

static unsigned scope_of(const struct conf_header_rule *rule, enum edit_direction direction)
{
	unsigned scope = 0;

	if (rule->on & CONF_ON_INITIAL)
		scope |= HEADER_ON_INITIAL;
	if (rule->on & CONF_ON_REQUESTS)
		scope |= HEADER_ON_INITIAL | HEADER_ON_LATER;
	if (rule->on & CONF_ON_RESPONSES)
		scope |= HEADER_ON_RESPONSE;
	/* what begins it goes one way only */
	return direction == EDIT_TO_A ? scope & ~(unsigned)HEADER_ON_INITIAL : scope;
}

/* Conditions that the worker tests on each message. */
static void copy_conditions(struct collecting *c, const struct conf_header_rule *rule,
			    struct header_rule_text *text)
{
	_Static_assert((int)CONF_TEST_PRESENT == HEADER_PRESENT &&
			       (int)CONF_TEST_ABSENT == HEADER_ABSENT &&
			       (int)CONF_TEST_EQUALS == HEADER_EQUALS &&
			       (int)CONF_TEST_BEGINS == HEADER_BEGINS,
		       "the config's words are the plan's");
	for (unsigned i = 0; i < rule->nconds; i++)
		c->conds[c->n][i] = (struct header_cond_text){
			(enum header_test)rule->conds[i].test, span_str(rule->conds[i].header),
			span_str(rule->conds[i].value)};
	text->conds = c->conds[c->n];
	text->nconds = rule->nconds;
}

static void collect_rule(struct collecting *c, unsigned number, enum edit_direction direction)
{
	static const char *const actions[] = {"added", "removed", "replaced", "set"};
	const struct conf_header_rule *rule = &c->rules->conf->header_rules[number];
	struct span captures[CONF_CAPTURES] = {{NULL, 0}};
	struct header_rule_text *text = &c->texts[c->n];
	bool decided = rule->on == CONF_ON_INITIAL;

	*text = (struct header_rule_text){.direction = (uint8_t)direction,
					  .action = (enum header_action)rule->action,
					  .scope = scope_of(rule, direction),
					  .methods = rule->methods,
					  .name = span_str(rule->header)};
	if (!text->scope)
		return;
	if (decided && !all_hold(c, number, captures)) {
		explain_step(c->call->explain, "header", "rule of set %s: not %s %s, as its "
			     "conditions do not hold", rule->set, rule->header,
			     actions[rule->action]);
		return;
	}
	text->value = fill_in(c, rule->value, captures);
	if (!decided)
		copy_conditions(c, rule, text);
	if (direction == EDIT_TO_B)
		explain_step(c->call->explain, "header", "rule of set %s: %s %s%s%.*s%s", rule->set,
			     rule->header, actions[rule->action], text->value.len ? ": " : "",
			     SPAN_FMT(text->value),
			     text->nconds ? ", in messages its conditions hold for" : "");
	c->n++;
}

static void collect_lists(struct collecting *c, const struct conf_trunk_rules *came,
			  const struct conf_trunk_rules *goes, enum edit_direction direction)
{
	for (unsigned i = 0; i < came->nheaders[CONF_IN]; i++)
		collect_rule(c, came->headers[CONF_IN][i], direction);
	for (unsigned i = 0; i < goes->nheaders[CONF_OUT]; i++)
		collect_rule(c, goes->headers[CONF_OUT][i], direction);
}

static bool are_there(const struct ruled_call *call, const struct conf_trunk_rules *from,
		      const struct conf_trunk_rules *to)
{
	return from->nheaders[CONF_IN] || from->nheaders[CONF_OUT] || to->nheaders[CONF_IN] ||
	       to->nheaders[CONF_OUT] || call_identity_writes(call, from, to);
}

struct span call_rules_plan(struct call_rules *rules, const struct ruled_call *call,
			    struct span plan)
{
	const struct conf_trunk_rules *from = &rules->conf->trunks[call->from].rules;
	const struct conf_trunk_rules *to = &rules->conf->trunks[call->to].rules;
	struct cursor out = cursor_on(rules->plan, sizeof(rules->plan));
	char part_bytes[HEADER_RULES_BYTES_MAX];
	struct cursor part = cursor_on(part_bytes, sizeof(part_bytes));
	struct collecting c;

	if (!are_there(call, from, to))
		return plan;
	c.rules = rules;
	c.call = call;
	c.n = 0;
	c.values = cursor_on(c.value_bytes, sizeof(c.value_bytes));
	c.n = call_identity_collect(rules->conf, call, c.texts, &c.values);
	collect_lists(&c, from, to, EDIT_TO_B);
	collect_lists(&c, to, from, EDIT_TO_A);
	if (!c.n)
		return plan;
	if (c.values.full || header_rules_put(&part, c.texts, c.n) ||
	    edit_plan_with_headers(&out, plan, cursor_span(&part)))
		return SPAN_NONE;
	return cursor_span(&out);
}

unsigned call_rules_status(const struct conf *conf, int from, unsigned status)
{
	const struct conf_trunk_rules *rules = from < 0 ? NULL : &conf->trunks[from].rules;

	if (!rules || !answer_is_mapped((uint16_t)status))
		return status;
	for (unsigned i = 0; i < rules->nanswers[CONF_OUT]; i++) {
		const struct conf_answer_rule *rule =
			&conf->answer_rules[rules->answers[CONF_OUT][i]];

		if (status >= rule->code && status <= rule->last)
			return rule->to;
	}
	return status;
}
