/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of a plan that depend on the two trunks alone: response codes and codecs.
 * limen-controlplane, loop thread. */
#include "controlplane/topology/plan_parts.h"

#include <errno.h>

#include "common/base/hash.h"
#include "common/sdp/codec_plan.h"
#include "common/sip/answer_map.h"
#include "common/sip/edit_plan.h"
#include "controlplane/policy/explain.h"

_Static_assert(CONF_CODECS_MAX <= CODEC_LIST_MAX && 4 * CONF_ANSWER_RULES_MAX <= ANSWER_RULES_MAX,
	       "what the config allows fits a plan");

/* ---- response codes ---- */

static unsigned add_answers(const struct conf *conf, unsigned trunk, enum conf_way which,
			    unsigned side, struct answer_rule_text *rules, unsigned n)
{
	const struct conf_trunk_rules *from = &conf->trunks[trunk].rules;

	for (unsigned i = 0; i < from->nanswers[which]; i++) {
		const struct conf_answer_rule *rule = &conf->answer_rules[from->answers[which][i]];

		rules[n++] = (struct answer_rule_text){
			.head = {.low = (uint16_t)rule->code,
				 .high = (uint16_t)rule->last,
				 .to = (uint16_t)rule->to,
				 .way = which == CONF_IN ? ANSWER_CAME : ANSWER_GOES,
				 .side = (uint8_t)side},
			.phrase = span_str(rule->phrase),
			.reason = span_str(rule->reason),
		};
	}
	return n;
}

static int put_answers(struct cursor *plan, const struct conf *conf, unsigned from, unsigned to)
{
	struct answer_rule_text rules[ANSWER_RULES_MAX];
	char bytes[ANSWER_MAP_BYTES_MAX];
	struct cursor part = cursor_on(bytes, sizeof(bytes));
	unsigned n = 0;

	n = add_answers(conf, to, CONF_IN, 1, rules, n);
	n = add_answers(conf, from, CONF_OUT, 0, rules, n);
	n = add_answers(conf, from, CONF_IN, 0, rules, n);
	n = add_answers(conf, to, CONF_OUT, 1, rules, n);
	if (!n)
		return 0;
	if (answer_map_put(&part, rules, n))
		return -ENOSPC;
	return edit_plan_attach(plan, EDIT_PART_ANSWERS, cursor_span(&part));
}

/* ---- codecs ---- */

struct codec_lists {
	struct codec_name names[CODEC_LISTS][2 * CODEC_LIST_MAX];
	struct codec_plan_text text;
};

static void add_codecs(struct codec_lists *lists, enum codec_list list,
		       const struct conf_trunk_rules *rules, enum conf_codecs which)
{
	unsigned *n = &lists->text.nnames[list];

	for (unsigned i = 0; i < rules->ncodecs[which]; i++)
		if (!codec_name_read(span_str(rules->codecs[which][i]), &lists->names[list][*n]))
			++*n;
}

static bool has_codec_rules(const struct conf_trunk_rules *rules)
{
	return rules->ncodecs[CONF_CODECS_ALLOW] || rules->ncodecs[CONF_CODECS_DENY] ||
	       rules->ncodecs[CONF_CODECS_ORDER] || rules->ptime_ms || rules->maxptime_ms;
}

static int put_codecs(struct cursor *plan, const struct conf *conf, unsigned from, unsigned to)
{
	const struct conf_trunk_rules *a = &conf->trunks[from].rules, *b = &conf->trunks[to].rules;
	struct codec_lists lists;
	char bytes[CODEC_PLAN_BYTES_MAX];
	struct cursor part = cursor_on(bytes, sizeof(bytes));

	if (!has_codec_rules(a) && !has_codec_rules(b))
		return 0;
	lists.text = (struct codec_plan_text){.ptime_ms = {a->ptime_ms, b->ptime_ms},
					      .maxptime_ms = {a->maxptime_ms, b->maxptime_ms}};
	for (unsigned list = 0; list < CODEC_LISTS; list++)
		lists.text.names[list] = lists.names[list];
	add_codecs(&lists, CODEC_ALLOW_0, a, CONF_CODECS_ALLOW);
	add_codecs(&lists, CODEC_ALLOW_1, b, CONF_CODECS_ALLOW);
	add_codecs(&lists, CODEC_DENY, a, CONF_CODECS_DENY);
	add_codecs(&lists, CODEC_DENY, b, CONF_CODECS_DENY);
	add_codecs(&lists, CODEC_ORDER_0, a, CONF_CODECS_ORDER);
	add_codecs(&lists, CODEC_ORDER_1, b, CONF_CODECS_ORDER);
	if (codec_plan_put(&part, &lists.text))
		return -ENOSPC;
	return edit_plan_attach(plan, EDIT_PART_CODECS, cursor_span(&part));
}

int put_plan_parts(struct cursor *plan, const struct conf *conf, unsigned from, unsigned to)
{
	int err = put_answers(plan, conf, from, to);

	return err ? err : put_codecs(plan, conf, from, to);
}

static void explain_codecs(const struct conf_trunk *trunk, struct explain *explain)
{
	static const char *const words[CONF_CODEC_LISTS] = {"allows", "denies", "puts first"};
	char text[512];

	for (unsigned list = 0; list < CONF_CODEC_LISTS; list++) {
		struct cursor c = cursor_on(text, sizeof(text));

		for (unsigned i = 0; i < trunk->rules.ncodecs[list]; i++) {
			put_span(&c, i ? SPAN(", ") : SPAN_NONE);
			put_span(&c, span_str(trunk->rules.codecs[list][i]));
		}
		if (c.len)
			explain_step(explain, "codecs", "trunk %s %s %.*s", trunk->name,
				     words[list], SPAN_FMT(cursor_span(&c)));
	}
	if (trunk->rules.ptime_ms || trunk->rules.maxptime_ms)
		explain_step(explain, "codecs", "trunk %s is told ptime %u, maxptime %u (0: as it "
			     "came)", trunk->name, trunk->rules.ptime_ms, trunk->rules.maxptime_ms);
}

void plan_parts_explain(const struct conf_trunk *from, const struct conf_trunk *to,
			struct explain *explain)
{
	explain_codecs(from, explain);
	explain_codecs(to, explain);
	if (to->rules.nanswers[CONF_IN] || from->rules.nanswers[CONF_OUT])
		explain_step(explain, "answers",
			     "%u rules for codes of %s, %u rules for codes to %s",
			     to->rules.nanswers[CONF_IN], to->name,
			     from->rules.nanswers[CONF_OUT], from->name);
}

/* ---- which trunks have the same ---- */

static bool same_numbers(const unsigned *a, unsigned na, const unsigned *b, unsigned nb)
{
	return na == nb && (na == 0 || memcmp(a, b, na * sizeof(*a)) == 0);
}

static bool same_texts(char *const *a, unsigned na, char *const *b, unsigned nb)
{
	if (na != nb)
		return false;
	for (unsigned i = 0; i < na; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool plan_rules_same(const struct conf_trunk_rules *a, const struct conf_trunk_rules *b)
{
	for (unsigned way = 0; way < CONF_WAYS; way++)
		if (!same_numbers(a->headers[way], a->nheaders[way], b->headers[way],
				  b->nheaders[way]) ||
		    !same_numbers(a->answers[way], a->nanswers[way], b->answers[way],
				  b->nanswers[way]))
			return false;
	for (unsigned list = 0; list < CONF_CODEC_LISTS; list++)
		if (!same_texts(a->codecs[list], a->ncodecs[list], b->codecs[list],
				b->ncodecs[list]))
			return false;
	return a->topology == b->topology && a->asserted == b->asserted &&
	       a->privacy == b->privacy && a->remote_party == b->remote_party &&
	       a->ptime_ms == b->ptime_ms && a->maxptime_ms == b->maxptime_ms &&
	       !strcmp(a->asserted_number, b->asserted_number) &&
	       !strcmp(a->from_number, b->from_number);
}

uint64_t plan_rules_hash(const struct conf_trunk_rules *rules)
{
	uint64_t hash = hash_fast((uint64_t)(rules->topology + 1), span_str(rules->asserted_number));

	hash = hash_fast(hash, span_str(rules->from_number));
	for (unsigned way = 0; way < CONF_WAYS; way++) {
		hash = hash_mix(hash, rules->nheaders[way] ? rules->headers[way][0] + 1 : 0);
		hash = hash_mix(hash ^ way,
				rules->nanswers[way] ? rules->answers[way][0] + 1 : 0);
	}
	for (unsigned list = 0; list < CONF_CODEC_LISTS; list++)
		for (unsigned i = 0; i < rules->ncodecs[list]; i++)
			hash = hash_fast(hash + list, span_str(rules->codecs[list][i]));
	return hash + rules->asserted + 4u * rules->privacy + 16u * rules->remote_party +
	       32u * rules->ptime_ms;
}
