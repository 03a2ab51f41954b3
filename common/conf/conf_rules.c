/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of the configuration, from the raw tree and checked: headers, response codes, topology
 * profiles. What trunks say of them is conf_rules_trunk.c's. */
#include "common/conf/conf_rules_priv.h"

#include <errno.h>

#include "common/conf/conf_value.h"
#include "common/conf/pattern.h"
#include "common/sip/answer_map.h"
#include "common/sip/header_rules.h"

static const char *const variable_names[] = {
#define X(sym, name) name,
	CONF_VARIABLES(X)
#undef X
};

char *conf_rules_text(char *given)
{
	static char none[] = "";

	return given ? given : none;
}

unsigned conf_rules_number(const char *given)
{
	uint64_t value;

	return given && conf_read_number(span_str(given), 0, UINT32_MAX, &value) ? (unsigned)value
										 : 0;
}

unsigned conf_rules_choice(const struct conf_key *key, const char *given)
{
	const char *at = key->unit, *word = given ? given : key->def;

	for (unsigned place = 0; word; place++) {
		size_t len = strcspn(at, "|");

		if (strlen(word) == len && !memcmp(at, word, len))
			return place;
		if (!at[len])
			break;
		at += len + 1;
	}
	return 0;
}

/* ---- values ---- */

static enum conf_variable variable_of(struct span *name)
{
	static const struct span header = {"header:", 7};

	for (unsigned i = 0; i < sizeof(variable_names) / sizeof(variable_names[0]); i++)
		if (span_eq(*name, span_str(variable_names[i])))
			return (enum conf_variable)i;
	if (name->len == 1 && name->ptr[0] >= '0' && name->ptr[0] <= '9')
		return CONF_VAR_CAPTURE;
	if (name->len <= header.len || memcmp(name->ptr, header.ptr, header.len) != 0)
		return CONF_VAR_NONE;
	*name = span_of(name->ptr + header.len, name->len - header.len);
	return CONF_VAR_HEADER;
}

enum conf_variable conf_variable_next(struct span *rest, struct span *before, struct span *name,
				      bool *bad)
{
	const char *end = rest->ptr + rest->len;

	*bad = false;
	for (const char *at = rest->ptr; at && at + 1 < end; at++) {
		const char *close;
		enum conf_variable variable;

		if (at[0] != '$' || at[1] != '{')
			continue;
		close = memchr(at, '}', (size_t)(end - at));
		*name = span_of(at + 2, (size_t)((close ? close : end) - at) - 2);
		*before = span_of(rest->ptr, (size_t)(at - rest->ptr));
		variable = close ? variable_of(name) : CONF_VAR_NONE;
		if (variable == CONF_VAR_NONE) {
			*bad = true;
			return CONF_VAR_NONE;
		}
		*rest = span_of(close + 1, (size_t)(end - close) - 1);
		return variable;
	}
	*before = *rest;
	*rest = SPAN_NONE;
	return CONF_VAR_NONE;
}

static bool header_is_named(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c && strchr("-.!%*_+`'~", c))))
			return false;
	}
	return name.len > 0 && name.len <= 40;
}

static bool has_pattern(const struct conf_header_rule *rule)
{
	for (unsigned i = 0; i < rule->nconds; i++)
		if (rule->conds[i].test == CONF_TEST_MATCHES)
			return true;
	return false;
}

static void check_value(struct conf_doc *doc, const struct conf_header_rule *rule, unsigned index)
{
	struct span rest = span_str(rule->value), before, name;
	enum conf_variable variable;
	char key[CONF_KEY_BYTES];
	bool bad;

	conf_path(key, "header_rules[%u].value", index);
	if (conf_doc_faulty_at(doc, key))
		return;
	if ((rule->action == CONF_HEADER_REMOVE) != (rule->value[0] == '\0')) {
		conf_path(key, "header_rules[%u]", index);
		conf_fault_at(doc, key,
			      rule->value[0] ? "a line that is removed has no value"
					     : "has no value for the line");
		return;
	}
	while ((variable = conf_variable_next(&rest, &before, &name, &bad)) != CONF_VAR_NONE) {
		if (variable == CONF_VAR_HEADER && !header_is_named(name))
			conf_fault_at(doc, key, "not a header name: \"%.*s\"", SPAN_FMT(name));
		if (variable == CONF_VAR_CAPTURE && !has_pattern(rule))
			conf_fault_at(doc, key,
				      "${%.*s} is what a pattern found: no condition has one",
				      SPAN_FMT(name));
	}
	if (bad)
		conf_fault_at(doc, key, "no such variable: \"${%.*s}\"",
			      (int)(name.len < 40 ? name.len : 40), name.ptr);
}

/* ---- conditions ---- */

static char *word_end(char *at)
{
	return at + strcspn(at, " ");
}

/* "NAME test VALUE", cut in place. NULL, or what is wrong. */
static const char *condition_read(char *text, struct conf_condition *cond)
{
	static const struct {
		const char *word;
		bool value;
	} tests[] = {
#define X(sym, word, value) {word, value},
		CONF_TESTS(X)
#undef X
	};
	char *end = word_end(text), *word = *end ? end + 1 : end;
	size_t len = strcspn(word, " ");

	if (!header_is_named(span_of(text, (size_t)(end - text))))
		return "does not begin with the name of a header";
	for (unsigned i = 0; i < CONF_TESTS_END; i++) {
		const char *behind = word + len;

		if (strlen(tests[i].word) != len || memcmp(word, tests[i].word, len) != 0)
			continue;
		if ((*behind != '\0') != tests[i].value || (tests[i].value && !behind[1]))
			return tests[i].value ? "has nothing to compare with"
					      : "has more than the test needs";
		*end = '\0';
		cond->header = text;
		cond->test = (uint8_t)i;
		cond->value = tests[i].value ? word + len + 1 : NULL;
		return NULL;
	}
	return "has no test: NAME present, absent, equals VALUE, begins VALUE or matches PATTERN";
}

static void check_pattern(struct conf_doc *doc, const struct conf_header_rule *rule,
			  const struct conf_condition *cond, const char *key)
{
	char why[160];
	struct pattern *pattern = pattern_new(span_str(cond->value), why, sizeof(why));

	if (!pattern)
		conf_fault_at(doc, key, "not a pattern: %s", why);
	else if (rule->on != CONF_ON_INITIAL)
		conf_fault_at(doc, key,
			      "a pattern is matched with the request that begins a call alone: it "
			      "needs `on: [initial]`");
	pattern_free(pattern);
}

static void read_conditions(struct conf_doc *doc, const struct raw_header_rules *raw,
			    struct conf_header_rule *rule, unsigned index)
{
	for (unsigned i = 0; i < raw->when_count && rule->nconds < CONF_CONDITIONS_MAX; i++) {
		struct conf_condition *cond = &rule->conds[rule->nconds];
		char key[CONF_KEY_BYTES];
		const char *wrong;

		conf_path(key, "header_rules[%u].when[%u]", index, i);
		if (conf_doc_faulty_at(doc, key))
			continue;
		wrong = condition_read(raw->when[i], cond);
		if (wrong) {
			conf_fault_at(doc, key, "%s: \"%.60s\"", wrong, raw->when[i]);
			continue;
		}
		rule->nconds++;
		if (cond->test == CONF_TEST_MATCHES)
			check_pattern(doc, rule, cond, key);
	}
}

/* ---- header rules ---- */

static void read_methods(const struct raw_header_rules *raw, struct conf_header_rule *rule)
{
	for (unsigned i = 0; i < raw->methods_count; i++) {
		enum sip_method method = sip_method_from(span_str(raw->methods[i]));

		if (method != SIP_METHOD_OTHER)
			rule->methods |= 1u << method;
	}
	for (unsigned i = 0; i < raw->on_count; i++)
		rule->on |= (uint8_t)(1u << conf_rules_choice(
					      &conf_sections[SECTION_header_rules]
						       .keys[HEADER_RULE_on],
					      raw->on[i]));
	if (!raw->on_count)
		rule->on = CONF_ON_REQUESTS | CONF_ON_RESPONSES;
}

static void check_header(struct conf_doc *doc, const struct conf_header_rule *rule, unsigned index)
{
	static const char *const verbs[] = {"added", "removed", "replaced", "set"};
	enum sip_hdr_id id = sip_hdr_id_from(span_str(rule->header));
	char key[CONF_KEY_BYTES];

	_Static_assert((int)CONF_HEADER_ADD == HEADER_ADD && (int)CONF_HEADER_SET == HEADER_SET &&
			       (int)CONF_HEADER_REMOVE == HEADER_REMOVE &&
			       (int)CONF_HEADER_REPLACE == HEADER_REPLACE,
		       "the config's words are the plan's");
	conf_path(key, "header_rules[%u].header", index);
	if (conf_doc_faulty_at(doc, key) || !rule->header[0])
		return;
	if (!header_rule_may(id, (enum header_action)rule->action))
		conf_fault_at(doc, key, "messages mean something else when it is %s: \"%.40s\"",
			      verbs[rule->action], rule->header);
}

static int resolve_header_rules(const struct rules_in *in)
{
	unsigned n = in->raw->header_rules_count;
	struct conf_header_rule *rules = conf_pool_get(in->pool, n + 1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		const struct raw_header_rules *raw = &in->raw->header_rules[i];

		rules[i].set = conf_rules_text(raw->set);
		rules[i].header = conf_rules_text(raw->header);
		rules[i].value = conf_rules_text(raw->value);
		rules[i].action = (uint8_t)conf_rules_choice(
			&conf_sections[SECTION_header_rules].keys[HEADER_RULE_action], raw->action);
		read_methods(raw, &rules[i]);
		read_conditions(in->doc, raw, &rules[i], i);
		check_header(in->doc, &rules[i], i);
		check_value(in->doc, &rules[i], i);
	}
	in->conf->header_rules = rules;
	in->conf->nheader_rules = n;
	return 0;
}

/* ---- response codes ---- */

static void check_answer_rule(struct conf_doc *doc, const struct conf_answer_rule *rule,
			      unsigned index)
{
	char key[CONF_KEY_BYTES];

	conf_path(key, "answer_rules[%u]", index);
	if (conf_doc_faulty_at(doc, key))
		return;
	if (rule->last < rule->code) {
		conf_path(key, "answer_rules[%u].last", index);
		conf_fault_at(doc, key, "%u is before %u, the first code", rule->last, rule->code);
	} else if (!answer_is_mapped((uint16_t)rule->to)) {
		conf_path(key, "answer_rules[%u].to", index);
		conf_fault_at(doc, key, "nothing can become %u: it has a meaning of its own in SIP",
			      rule->to);
	} else if (rule->code == rule->last && !answer_is_mapped((uint16_t)rule->code)) {
		conf_path(key, "answer_rules[%u].code", index);
		conf_fault_at(doc, key, "%u never changes: SIP itself works by it", rule->code);
	} else if ((rule->code < 400) != (rule->last < 400) ||
		   (rule->code < 400) != (rule->to < 400) ||
		   (rule->code < 400 && rule->last > 189)) {
		conf_fault_at(doc, key,
			      "ringing (180 to 189) stays ringing, a refusal (400 to 699) a refusal");
	}
}

static int resolve_answer_rules(const struct rules_in *in)
{
	unsigned n = in->raw->answer_rules_count;
	struct conf_answer_rule *rules = conf_pool_get(in->pool, n + 1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		const struct raw_answer_rules *raw = &in->raw->answer_rules[i];

		rules[i].set = conf_rules_text(raw->set);
		rules[i].code = conf_rules_number(raw->code);
		rules[i].last = raw->last ? conf_rules_number(raw->last) : rules[i].code;
		rules[i].to = conf_rules_number(raw->to);
		rules[i].phrase = conf_rules_text(raw->phrase);
		rules[i].reason = conf_rules_text(raw->reason);
		check_answer_rule(in->doc, &rules[i], i);
	}
	in->conf->answer_rules = rules;
	in->conf->nanswer_rules = n;
	return 0;
}

/* ---- topology profiles ---- */

/* RFC 3261 section 25.1: hostname, in ASCII. */
static bool is_host(const char *name)
{
	bool begins = true;

	for (; *name; name++) {
		bool alnum = (*name >= '0' && *name <= '9') || (*name >= 'a' && *name <= 'z') ||
			     (*name >= 'A' && *name <= 'Z');

		if (!alnum && (begins || (*name != '-' && *name != '.')))
			return false;
		begins = *name == '.';
	}
	return !begins;
}

static struct conf_host read_host(struct conf_doc *doc, char *given, const char *own,
				  const char *key)
{
	struct conf_host host = {.kind = CONF_HOST_NAMED, .name = given};

	if (!given || !strcmp(given, own))
		host.kind = CONF_HOST_OWN;
	else if (!strcmp(given, "keep"))
		host.kind = CONF_HOST_KEEP;
	else if (!is_host(given) && !conf_doc_faulty_at(doc, key))
		conf_fault_at(doc, key, "neither %s, keep nor a host name: \"%.60s\"", own, given);
	return host;
}

static void check_twins(const struct rules_in *in, unsigned index)
{
	const struct conf_topology *topologies = in->conf->topologies;
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < index; i++) {
		if (!topologies[index].name[0] ||
		    strcmp(topologies[i].name, topologies[index].name) != 0)
			continue;
		conf_path(key, "topology_profiles[%u].name", index);
		conf_fault_at(in->doc, key, "\"%.63s\" is already the name of topology_profiles[%u]",
			      topologies[index].name, i);
		return;
	}
}

static int resolve_topologies(const struct rules_in *in)
{
	unsigned n = in->raw->topology_profiles_count;
	struct conf_topology *topologies = conf_pool_get(in->pool, n + 1, sizeof(*topologies));
	char key[CONF_KEY_BYTES];

	if (!topologies)
		return -ENOMEM;
	in->conf->topologies = topologies;
	in->conf->ntopologies = n;
	for (unsigned i = 0; i < n; i++) {
		const struct raw_topology_profiles *raw = &in->raw->topology_profiles[i];
		const struct conf_key *keys = conf_sections[SECTION_topology_profiles].keys;
		struct conf_topology *t = &topologies[i];

		t->name = conf_rules_text(raw->name);
#define HOST(field, own)                                                                           \
	conf_path(key, "topology_profiles[%u]." #field "_host", i);                               \
	t->field = read_host(in->doc, raw->field##_host, own, key)
		HOST(ruri, "peer");
		HOST(from, "limen");
		HOST(to, "peer");
		HOST(identity, "limen");
#undef HOST
		t->display_drop = conf_rules_choice(&keys[TOPOLOGY_PROFILE_display_names],
						    raw->display_names) == 1;
		t->products_keep =
			conf_rules_choice(&keys[TOPOLOGY_PROFILE_products], raw->products) == 1;
		check_twins(in, i);
	}
	return 0;
}

int conf_resolve_rules(struct conf_doc *doc, const struct raw_conf *raw, struct conf *conf,
		       struct conf_pool *pool)
{
	const struct rules_in in = {.doc = doc, .raw = raw, .conf = conf, .pool = pool};

	if (resolve_header_rules(&in) || resolve_answer_rules(&in) || resolve_topologies(&in))
		return -ENOMEM;
	return conf_resolve_trunk_rules(&in);
}
