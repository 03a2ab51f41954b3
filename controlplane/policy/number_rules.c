/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers rewritten by rules. limen-controlplane, not by two threads at the same time. */
#include "controlplane/policy/number_rules.h"

#include <stdlib.h>

#include "common/conf/pattern.h"
#include "controlplane/policy/explain.h"

struct number_rules {
	const struct conf *conf;
	struct pattern **patterns; /* by rule; NULL: none */
};

/* A number in the making. */
struct draft {
	char text[PARTY_USER_MAX];
	struct cursor out;
};

struct number_rules *number_rules_new(const struct conf *conf)
{
	struct number_rules *rules = calloc(1, sizeof(*rules));
	char why[160];

	if (!rules)
		return NULL;
	rules->conf = conf;
	rules->patterns = calloc(conf->nnumber_rules + 1, sizeof(*rules->patterns));
	for (unsigned i = 0; rules->patterns && i < conf->nnumber_rules; i++) {
		struct span text = span_str(conf->number_rules[i].pattern);

		if (!text.len)
			continue;
		rules->patterns[i] = pattern_new(text, why, sizeof(why));
		if (!rules->patterns[i]) {
			number_rules_free(rules);
			return NULL;
		}
	}
	if (rules->patterns)
		return rules;
	number_rules_free(rules);
	return NULL;
}

void number_rules_free(struct number_rules *rules)
{
	if (!rules)
		return;
	for (unsigned i = 0; rules->patterns && i < rules->conf->nnumber_rules; i++)
		pattern_free(rules->patterns[i]);
	free(rules->patterns);
	free(rules);
}

static bool begins(struct span text, struct span prefix)
{
	return text.len >= prefix.len && !memcmp(text.ptr, prefix.ptr, prefix.len);
}

static struct span behind(struct span text, size_t n)
{
	return span_of(text.ptr + n, text.len - n);
}

static bool all_digits(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	}
	return text.len > 0;
}

/* ---- to and from E.164 ---- */

static void put_e164(struct cursor *out, const struct conf_trunk *trunk, struct span number)
{
	struct span international = span_str(trunk->international_prefix),
		    national = span_str(trunk->national_prefix);

	if (!all_digits(number)) {
		put_span(out, number);
	} else if (international.len && begins(number, international) &&
		   number.len > international.len) {
		put_char(out, '+');
		put_span(out, behind(number, international.len));
	} else if (begins(number, national) && number.len > national.len) {
		put_char(out, '+');
		put_span(out, span_str(trunk->country_code));
		put_span(out, behind(number, national.len));
	} else {
		put_span(out, number);
	}
}

/* `short_form`: a number of the trunk's own country without its code. */
static void put_dialled(struct cursor *out, const struct conf_trunk *trunk, struct span number,
			bool short_form)
{
	struct span code = span_str(trunk->country_code), digits;

	if (number.len < 2 || number.ptr[0] != '+' || !all_digits(behind(number, 1))) {
		put_span(out, number);
		return;
	}
	digits = behind(number, 1);
	if (short_form && begins(digits, code) && digits.len > code.len) {
		put_span(out, span_str(trunk->national_prefix));
		put_span(out, behind(digits, code.len));
	} else {
		put_span(out, span_str(trunk->international_prefix));
		put_span(out, digits);
	}
}

static void put_converted(struct cursor *out, const struct conf_trunk *trunk,
			  enum conf_convert convert, struct span number)
{
	switch (convert) {
	case CONF_TO_E164:
		put_e164(out, trunk, number);
		return;
	case CONF_TO_NATIONAL:
		put_dialled(out, trunk, number, true);
		return;
	case CONF_TO_INTERNATIONAL:
		put_dialled(out, trunk, number, false);
		return;
	case CONF_CONVERT_NONE:
		break;
	}
	put_span(out, number);
}

/* ---- one rule ---- */

static void put_replaced(struct cursor *out, struct span number, const char *replace,
			 const struct span found[PATTERN_CAPTURES])
{
	size_t from = (size_t)(found[0].ptr - number.ptr), to = from + found[0].len;

	put_span(out, span_of(number.ptr, from));
	for (const char *c = replace; *c; c++) {
		if (*c != '$')
			put_char(out, *c);
		else if (*++c == '$')
			put_char(out, '$');
		else
			put_span(out, found[*c - '0']);
	}
	put_span(out, behind(number, to));
}

static bool matches(const struct number_rules *rules, unsigned index, struct span number,
		    struct span found[PATTERN_CAPTURES])
{
	const struct conf_number_rule *rule = &rules->conf->number_rules[index];

	return begins(number, span_str(rule->prefix)) &&
	       (!rules->patterns[index] ||
		pattern_find(rules->patterns[index], number, found) == PATTERN_FOUND);
}

/* The number by this rule: replaced, stripped, converted, with what is added. False where that is
 * none. */
static bool rewrite(const struct conf_trunk *trunk, const struct conf_number_rule *rule,
		    struct span number, const struct span found[PATTERN_CAPTURES],
		    struct draft *result)
{
	char text[PARTY_USER_MAX];
	struct cursor replaced = cursor_on(text, sizeof(text));
	size_t strip;

	result->out = cursor_on(result->text, sizeof(result->text));
	/* without a `$0` that is somewhere the pattern found nothing at all: at the start then */
	if (rule->replace && found[0].ptr)
		put_replaced(&replaced, number, rule->replace, found);
	else
		put_span(&replaced, number);
	number = cursor_span(&replaced);
	strip = rule->strip < number.len ? rule->strip : number.len;
	put_span(&result->out, span_str(rule->add));
	put_converted(&result->out, trunk, (enum conf_convert)rule->convert,
		      behind(number, strip));
	return !replaced.full && !result->out.full && result->out.len;
}

/* ---- parties ---- */

/* Parameters stand behind the first ';' of a telephone number. */
static struct span number_of(const struct party *party)
{
	const char *at = party->len ? memchr(party->user, ';', party->len) : NULL;

	return span_of(party->user, at ? (size_t)(at - party->user) : party->len);
}

/* False where it would be too long. */
static bool set_number(struct party *party, struct span number)
{
	struct span was = number_of(party);
	size_t rest = party->len - was.len;

	if (number.len + rest > PARTY_USER_MAX)
		return false;
	memmove(party->user + number.len, party->user + was.len, rest);
	memcpy(party->user, number.ptr, number.len);
	party->len = (uint8_t)(number.len + rest);
	return true;
}

bool number_rules_apply(const struct number_rules *rules, const struct conf_trunk *trunk,
			enum conf_rules which, struct party *party, struct explain *explain)
{
	static const char *const names[CONF_RULES] = {"called, from", "calling, from", "called, to",
						      "calling, to"};
	const struct conf *conf = rules->conf;
	const struct conf_rule_set *set;
	bool changed = false;

	if (trunk->number_rules[which] < 0 || party->service || party->anonymous || !party->len)
		return false;
	set = &conf->rule_sets[trunk->number_rules[which]];
	for (unsigned i = 0; i < set->nrules; i++) {
		const struct conf_number_rule *rule = &conf->number_rules[set->rules[i]];
		struct span found[PATTERN_CAPTURES] = {{0}}, number = number_of(party);
		struct draft draft;

		if (!matches(rules, set->rules[i], number, found) ||
		    !rewrite(trunk, rule, number, found, &draft))
			continue;
		explain_step(explain, "number",
			     "%s %s: number_rules[%u] of \"%s\" makes \"%.*s\" of \"%.*s\"",
			     names[which], trunk->name, set->rules[i], set->name,
			     (int)draft.out.len, draft.text, SPAN_FMT(number));
		if (!set_number(party, span_of(draft.text, draft.out.len)))
			continue;
		changed = true;
		if (!rule->next)
			break;
	}
	return changed;
}

void number_restart(struct party *party, unsigned strip, struct span add)
{
	struct span number = number_of(party);
	struct draft draft = {.out = cursor_on(draft.text, sizeof(draft.text))};
	size_t off = strip && number.len && number.ptr[0] == '+' ? strip + 1 : strip;

	if (!strip && !add.len)
		return;
	put_span(&draft.out, add);
	put_span(&draft.out, behind(number, off < number.len ? off : number.len));
	if (!draft.out.full && draft.out.len)
		(void)set_number(party, span_of(draft.text, draft.out.len));
}
