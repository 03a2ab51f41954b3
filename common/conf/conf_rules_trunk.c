/* SPDX-License-Identifier: BSD-3-Clause */
/* What trunks say of rules: sets by their names, identities, codecs. From the raw tree, and
 * checked. */
#include "common/conf/conf_rules_priv.h"

#include <errno.h>

#include "common/sdp/codec_plan.h"

/* Sets are looked up by a walk: there are few, and each trunk names few. */
static const char *header_set(const struct conf *conf, unsigned rule)
{
	return conf->header_rules[rule].set;
}

static const char *answer_set(const struct conf *conf, unsigned rule)
{
	return conf->answer_rules[rule].set;
}

/* One list of sets of a trunk. */
struct set_list {
	const char *(*set_of)(const struct conf *conf, unsigned rule);
	unsigned nrules; /* of all sets */
	unsigned most;
	const char *section;
	const char *key;
	char *const *names;
	unsigned nnames;
};

static unsigned count_rules(const struct rules_in *in, const struct set_list *list, unsigned at)
{
	unsigned n = 0;

	for (unsigned rule = 0; rule < list->nrules; rule++)
		n += !strcmp(list->set_of(in->conf, rule), list->names[at]);
	return n;
}

/* How many rules the list comes to; what is wrong is noted. */
static unsigned check_sets(const struct rules_in *in, const struct set_list *list, unsigned trunk)
{
	char key[CONF_KEY_BYTES];
	unsigned n = 0;

	for (unsigned i = 0; i < list->nnames; i++) {
		unsigned rules = count_rules(in, list, i);

		conf_path(key, "trunks[%u].%s[%u]", trunk, list->key, i);
		if (conf_doc_faulty_at(in->doc, key))
			continue;
		if (!rules)
			conf_fault_at(in->doc, key, "no rule of %s belongs to a set \"%.63s\"",
				      list->section, list->names[i]);
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(list->names[i], list->names[j]))
				conf_fault_at(in->doc, key, "the same as %s[%u]", list->key, j);
		n += rules;
	}
	if (n > list->most) {
		conf_path(key, "trunks[%u].%s", trunk, list->key);
		conf_fault_at(in->doc, key, "%u rules; at most %u are allowed", n, list->most);
	}
	return n < list->most ? n : list->most;
}

static int resolve_sets(const struct rules_in *in, const struct set_list *list, unsigned trunk,
			unsigned *count, unsigned **indexes)
{
	unsigned room = list->nnames ? check_sets(in, list, trunk) : 0;

	*count = 0;
	*indexes = NULL;
	if (!room)
		return 0;
	*indexes = conf_pool_get(in->pool, room, sizeof(**indexes));
	if (!*indexes)
		return -ENOMEM;
	for (unsigned i = 0; i < list->nnames; i++)
		for (unsigned rule = 0; rule < list->nrules && *count < room; rule++)
			if (!strcmp(list->set_of(in->conf, rule), list->names[i]))
				(*indexes)[(*count)++] = rule;
	return 0;
}

static int resolve_all_sets(const struct rules_in *in, unsigned trunk)
{
	const struct raw_trunks *raw = &in->raw->trunks[trunk];
	struct conf_trunk_rules *rules = &in->conf->trunks[trunk].rules;
	const struct set_list headers[CONF_WAYS] = {
		{header_set, in->conf->nheader_rules, CONF_HEADER_RULES_MAX, "header_rules",
		 "header_rules_in", raw->header_rules_in, raw->header_rules_in_count},
		{header_set, in->conf->nheader_rules, CONF_HEADER_RULES_MAX, "header_rules",
		 "header_rules_out", raw->header_rules_out, raw->header_rules_out_count}};
	const struct set_list answers[CONF_WAYS] = {
		{answer_set, in->conf->nanswer_rules, CONF_ANSWER_RULES_MAX, "answer_rules",
		 "answer_rules_in", raw->answer_rules_in, raw->answer_rules_in_count},
		{answer_set, in->conf->nanswer_rules, CONF_ANSWER_RULES_MAX, "answer_rules",
		 "answer_rules_out", raw->answer_rules_out, raw->answer_rules_out_count}};

	for (unsigned way = 0; way < CONF_WAYS; way++) {
		if (resolve_sets(in, &headers[way], trunk, &rules->nheaders[way],
				 &rules->headers[way]) ||
		    resolve_sets(in, &answers[way], trunk, &rules->nanswers[way],
				 &rules->answers[way]))
			return -ENOMEM;
	}
	return 0;
}

/* A plan holds 16 conditions for each list of each trunk. */
static void check_conditions(const struct rules_in *in, unsigned trunk)
{
	static const char *const keys[CONF_WAYS] = {"header_rules_in", "header_rules_out"};
	const struct conf_trunk_rules *rules = &in->conf->trunks[trunk].rules;
	char key[CONF_KEY_BYTES];

	for (unsigned way = 0; way < CONF_WAYS; way++) {
		unsigned n = 0;

		for (unsigned i = 0; i < rules->nheaders[way]; i++) {
			const struct conf_header_rule *rule =
				&in->conf->header_rules[rules->headers[way][i]];

			/* the others are decided before a plan is made */
			n += rule->on == CONF_ON_INITIAL ? 0 : rule->nconds;
		}
		conf_path(key, "trunks[%u].%s", trunk, keys[way]);
		if (n > 16)
			conf_fault_at(in->doc, key,
				      "%u conditions of rules that are not `on: [initial]`; at "
				      "most 16 are allowed",
				      n);
	}
}

static void resolve_topology(const struct rules_in *in, unsigned trunk)
{
	const char *name = in->raw->trunks[trunk].topology;
	struct conf_trunk_rules *rules = &in->conf->trunks[trunk].rules;
	char key[CONF_KEY_BYTES];

	rules->topology = -1;
	if (!name || !*name)
		return;
	for (unsigned i = 0; i < in->conf->ntopologies; i++)
		if (!strcmp(in->conf->topologies[i].name, name))
			rules->topology = (int)i;
	conf_path(key, "trunks[%u].topology", trunk);
	if (rules->topology < 0 && !conf_doc_faulty_at(in->doc, key))
		conf_fault_at(in->doc, key, "no such topology profile: \"%.63s\"", name);
}

static void resolve_identity(const struct rules_in *in, unsigned trunk)
{
	const struct raw_trunks *raw = &in->raw->trunks[trunk];
	struct conf_trunk_rules *rules = &in->conf->trunks[trunk].rules;
	const struct conf_key *keys = conf_sections[SECTION_trunks].keys;
	char key[CONF_KEY_BYTES];

	rules->caller = (uint8_t)conf_rules_choice(&keys[TRUNK_caller], raw->caller);
	rules->asserted =
		(uint8_t)conf_rules_choice(&keys[TRUNK_asserted_identity], raw->asserted_identity);
	rules->privacy = (uint8_t)conf_rules_choice(&keys[TRUNK_privacy], raw->privacy);
	rules->remote_party = raw->remote_party_id && (!strcmp(raw->remote_party_id, "yes") ||
						       !strcmp(raw->remote_party_id, "true"));
	rules->asserted_number = conf_rules_text(raw->asserted_number);
	rules->from_number = conf_rules_text(raw->from_number);
	conf_path(key, "trunks[%u].asserted_number", trunk);
	if (!conf_doc_faulty_at(in->doc, key) &&
	    (rules->asserted == CONF_ASSERTED_NUMBER) != (rules->asserted_number[0] != '\0'))
		conf_fault_at(in->doc, key,
			      rules->asserted_number[0]
				      ? "goes with `asserted_identity: number` alone"
				      : "missing: asserted_identity is `number`");
	conf_path(key, "trunks[%u].caller", trunk);
	if (rules->caller == CONF_CALLER_ASSERTED && !in->conf->trunks[trunk].trusted &&
	    !conf_doc_faulty_at(in->doc, key))
		conf_fault_at(in->doc, key,
			      "what a trunk asserts that is not `trusted` is not believed (RFC "
			      "3325)");
}

/* ---- codecs ---- */

static int find_codec(char *const *list, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (span_ieq(span_str(list[i]), span_str(name)))
			return (int)i;
	return -1;
}

static void check_codecs(const struct rules_in *in, unsigned trunk, enum conf_codecs which,
			 const char *list_name)
{
	const struct conf_trunk_rules *rules = &in->conf->trunks[trunk].rules;
	char *const *list = rules->codecs[which];
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < rules->ncodecs[which]; i++) {
		struct codec_name name;
		int twin = find_codec(list, i, list[i]);

		conf_path(key, "trunks[%u].%s[%u]", trunk, list_name, i);
		if (conf_doc_faulty_at(in->doc, key))
			continue;
		if (codec_name_read(span_str(list[i]), &name))
			conf_fault_at(in->doc, key,
				      "not a codec: \"%.40s\"; write it as in PCMA, opus/48000/2 "
				      "or video/*",
				      list[i]);
		else if (twin >= 0)
			conf_fault_at(in->doc, key, "the same as %s[%d]", list_name, twin);
		else if (which != CONF_CODECS_DENY &&
			 find_codec(rules->codecs[CONF_CODECS_DENY],
				    rules->ncodecs[CONF_CODECS_DENY], list[i]) >= 0)
			conf_fault_at(in->doc, key, "codecs_deny names it too");
	}
}

static void resolve_codecs(const struct rules_in *in, unsigned trunk)
{
	const struct raw_trunks *raw = &in->raw->trunks[trunk];
	struct conf_trunk_rules *rules = &in->conf->trunks[trunk].rules;
	char key[CONF_KEY_BYTES];

#define LIST(which, name)                                                                          \
	rules->ncodecs[which] =                                                                    \
		raw->name##_count < CONF_CODECS_MAX ? raw->name##_count : CONF_CODECS_MAX;        \
	rules->codecs[which] = raw->name
	LIST(CONF_CODECS_ALLOW, codecs_allow);
	LIST(CONF_CODECS_DENY, codecs_deny);
	LIST(CONF_CODECS_ORDER, codecs_order);
#undef LIST
	check_codecs(in, trunk, CONF_CODECS_ALLOW, "codecs_allow");
	check_codecs(in, trunk, CONF_CODECS_DENY, "codecs_deny");
	check_codecs(in, trunk, CONF_CODECS_ORDER, "codecs_order");
	rules->ptime_ms = (uint8_t)conf_rules_number(raw->ptime_ms);
	rules->maxptime_ms = (uint8_t)conf_rules_number(raw->maxptime_ms);
	conf_path(key, "trunks[%u].maxptime_ms", trunk);
	if (rules->maxptime_ms && rules->maxptime_ms < rules->ptime_ms &&
	    !conf_doc_faulty_at(in->doc, key))
		conf_fault_at(in->doc, key, "less than ptime_ms, which is %u", rules->ptime_ms);
}

int conf_resolve_trunk_rules(const struct rules_in *in)
{
	for (unsigned trunk = 0; trunk < in->conf->ntrunks; trunk++) {
		if (resolve_all_sets(in, trunk))
			return -ENOMEM;
		check_conditions(in, trunk);
		resolve_topology(in, trunk);
		resolve_identity(in, trunk);
		resolve_codecs(in, trunk);
	}
	return 0;
}
