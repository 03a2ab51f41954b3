/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit plans by pair of trunks, kept once they were made. limen-controlplane, loop thread. */
#include "controlplane/topology/plan.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "common/sip/edit_plan.h"
#include "controlplane/topology/plan_draft.h"
#include "controlplane/topology/plan_parts.h"

#define KEPT_MAX 1024u /* plans */
#define SLOTS    (2 * KEPT_MAX)

struct kept {
	uint64_t pair; /* numbers of both trunks' rules, plus 1 each, and the variant */
	char *bytes;   /* owned */
	uint32_t len;
};

struct plans {
	const struct conf *conf;
	unsigned *rules; /* by trunk: the first trunk with the same rules for headers */
	struct kept slots[SLOTS];
	unsigned nkept;
	char scratch[EDIT_PLAN_BYTES_MAX];
};

static bool same_list(char *const *a, unsigned na, char *const *b, unsigned nb)
{
	if (na != nb)
		return false;
	for (unsigned i = 0; i < na; i++) {
		if (!plan_list_has(b, nb, span_str(a[i])))
			return false;
	}
	return true;
}

static bool same_rules(const struct conf_trunk *a, const struct conf_trunk *b)
{
	return a->challenges_pass == b->challenges_pass && a->trusted == b->trusted &&
	       plan_rules_same(&a->rules, &b->rules) &&
	       same_list(a->hide, a->hide_count, b->hide, b->hide_count) &&
	       same_list(a->pass, a->pass_count, b->pass, b->pass_count) &&
	       same_list(a->drop, a->drop_count, b->drop, b->drop_count);
}

/* Of a list, whatever its order. */
static uint64_t hash_list(uint64_t seed, char *const *list, unsigned n)
{
	uint64_t sum = n;

	for (unsigned i = 0; i < n; i++) {
		char lower[64];
		size_t len = 0;

		for (const char *c = list[i]; *c && len < sizeof(lower); c++)
			lower[len++] = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
		sum += hash_fast(seed, span_of(lower, len));
	}
	return sum;
}

static uint64_t hash_rules(const struct conf_trunk *trunk)
{
	return hash_list(1, trunk->pass, trunk->pass_count) +
	       hash_list(2, trunk->drop, trunk->drop_count) +
	       hash_list(3, trunk->hide, trunk->hide_count) + trunk->challenges_pass +
	       2u * trunk->trusted + plan_rules_hash(&trunk->rules);
}

/* Number each trunk's rules by the first trunk that has the same. */
static int number_rules(struct plans *plans)
{
	const struct conf *conf = plans->conf;
	uint32_t mask = 1;
	unsigned *seen; /* trunk + 1 */

	while (mask < conf->ntrunks * 2)
		mask = mask * 2 + 1;
	seen = calloc((size_t)mask + 1, sizeof(*seen));
	if (!seen)
		return -1;
	for (unsigned i = 0; i < conf->ntrunks; i++) {
		uint32_t at = (uint32_t)hash_rules(&conf->trunks[i]) & mask;

		while (seen[at] && !same_rules(&conf->trunks[seen[at] - 1], &conf->trunks[i]))
			at = (at + 1) & mask;
		if (!seen[at])
			seen[at] = i + 1;
		plans->rules[i] = seen[at] - 1;
	}
	free(seen);
	return 0;
}

struct plans *plans_new(const struct conf *conf)
{
	struct plans *plans = calloc(1, sizeof(*plans));

	if (!plans)
		return NULL;
	plans->conf = conf;
	plans->rules = calloc(conf->ntrunks + 1, sizeof(*plans->rules));
	if (!plans->rules || number_rules(plans)) {
		plans_free(plans);
		return NULL;
	}
	return plans;
}

void plans_free(struct plans *plans)
{
	if (!plans)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		free(plans->slots[i].bytes);
	free(plans->rules);
	free(plans);
}

struct span plans_get(struct plans *plans, unsigned from, unsigned to, unsigned variant)
{
	uint64_t pair = (uint64_t)(plans->rules[from] + 1) << 32 |
			(uint64_t)(plans->rules[to] + 1) << 8 | variant;
	uint32_t at = (uint32_t)hash_mix(pair, UINT64_C(0x9e3779b97f4a7c15)) % SLOTS;
	struct cursor out = cursor_on(plans->scratch, sizeof(plans->scratch));
	char *copy;

	for (; plans->slots[at].pair; at = (at + 1) % SLOTS) {
		if (plans->slots[at].pair == pair)
			return span_of(plans->slots[at].bytes, plans->slots[at].len);
	}
	if (put_plan(&out, plans->conf, from, to, variant, NULL, NULL) ||
	    put_plan_parts(&out, plans->conf, from, to))
		return SPAN_NONE;
	copy = plans->nkept < KEPT_MAX ? malloc(out.len) : NULL;
	if (copy) {
		memcpy(copy, out.buf, out.len);
		plans->slots[at] = (struct kept){pair, copy, out.len};
		plans->nkept++;
		return span_of(copy, out.len);
	}
	return cursor_span(&out);
}

struct span plans_get_register(struct plans *plans, unsigned from, unsigned to, unsigned variant,
			       const struct plan_register *says)
{
	struct cursor out = cursor_on(plans->scratch, sizeof(plans->scratch));

	if (put_plan(&out, plans->conf, from, to, variant, says, NULL) ||
	    put_plan_parts(&out, plans->conf, from, to))
		return SPAN_NONE;
	return cursor_span(&out);
}

void plans_explain(const struct plans *plans, unsigned from, unsigned to, unsigned variant,
		   struct explain *explain)
{
	char scratch[EDIT_PLAN_BYTES_MAX];
	struct cursor out = cursor_on(scratch, sizeof(scratch));

	(void)put_plan(&out, plans->conf, from, to, variant, NULL, explain);
	(void)put_plan_parts(&out, plans->conf, from, to);
	plan_parts_explain(&plans->conf->trunks[from], &plans->conf->trunks[to], explain);
}

bool plans_same(const struct plans *plans, unsigned from, unsigned to, unsigned other)
{
	return plans->rules[to] == plans->rules[other];
}
