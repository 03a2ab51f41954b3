/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a file become a table: each is checked, then all are sorted, and offers that many
 * prefixes have alike are kept once. Any thread. */
#include "controlplane/policy/ptable_build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/hash.h"

#define QUOTE(text)    (int)((text).len < 40 ? (text).len : 40), (text).ptr
#define NAME_MAX_CHARS 63u
#define TRUNKS_MAX     65535u

struct ptable_build {
	const char *unit;
	struct prefix_entry *keys; /* value: index of the row's offer */
	struct ptable_offer *offers;
	size_t n, room;
	struct ptable_words trunks, adds;
};

/* ---- words ---- */

static void words_free(struct ptable_words *words)
{
	free(words->bytes);
	free(words->words);
	free(words->slots);
	*words = (struct ptable_words){0};
}

static const char *word_text(const struct ptable_words *words, uint32_t number)
{
	return words->bytes + words->words[number].at;
}

static uint32_t word_slot(const struct ptable_words *words, struct span text)
{
	uint32_t at = (uint32_t)hash_fast(0, text) & words->mask;

	while (words->slots[at] && !span_eq(span_str(word_text(words, words->slots[at] - 1)), text))
		at = (at + 1) & words->mask;
	return at;
}

static bool words_grow(struct ptable_words *words, size_t bytes)
{
	uint32_t mask = words->mask ? words->mask * 2 + 1 : 255;

	if (words->len + bytes > words->room) {
		size_t room = (words->room + bytes) * 2;
		char *more = realloc(words->bytes, room);

		if (!more)
			return false;
		words->bytes = more;
		words->room = room;
	}
	if (words->n == words->words_room) {
		uint32_t room = words->words_room ? words->words_room * 2 : 64;
		struct ptable_word *more = realloc(words->words, room * sizeof(*more));

		if (!more)
			return false;
		words->words = more;
		words->words_room = room;
	}
	if (words->n * 2 < words->mask)
		return true;
	free(words->slots);
	words->slots = calloc((size_t)mask + 1, sizeof(*words->slots));
	words->mask = mask;
	for (uint32_t i = 0; words->slots && i < words->n; i++)
		words->slots[word_slot(words, span_str(word_text(words, i)))] = i + 1;
	return words->slots != NULL;
}

static int words_put(struct ptable_words *words, struct span text, unsigned line, uint32_t *number)
{
	uint32_t at = words->mask ? word_slot(words, text) : 0;

	if (words->mask && words->slots[at]) {
		*number = words->slots[at] - 1;
		return 0;
	}
	if (!words_grow(words, text.len + 1))
		return -ENOMEM;
	at = word_slot(words, text);
	words->words[words->n] = (struct ptable_word){(uint32_t)words->len, line};
	memcpy(words->bytes + words->len, text.ptr, text.len);
	words->bytes[words->len + text.len] = '\0';
	words->len += text.len + 1;
	*number = words->n;
	words->slots[at] = ++words->n;
	return 0;
}

/* ---- rows ---- */

/* A number with up to six decimals, in millionths. */
static bool read_cost(struct span text, uint32_t *cost_micro)
{
	uint64_t whole = 0, part = 0, unit = 1000000;
	size_t i = 0;

	for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && whole < 10000; i++)
		whole = whole * 10 + (uint64_t)(text.ptr[i] - '0');
	if (!i)
		return false;
	if (i < text.len && text.ptr[i] == '.') {
		size_t from = ++i;

		for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && unit > 1; i++) {
			unit /= 10;
			part += (uint64_t)(text.ptr[i] - '0') * unit;
		}
		if (i == from)
			return false;
	}
	whole = whole * 1000000 + part;
	*cost_micro = (uint32_t)whole;
	return i == text.len && whole <= UINT32_MAX;
}

static bool read_small(struct span text, unsigned most, uint8_t *value)
{
	unsigned v = 0;

	if (!text.len || text.len > 3)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		v = v * 10 + (unsigned)(text.ptr[i] - '0');
	}
	*value = (uint8_t)v;
	return v <= most;
}

static bool is_name(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      c == '_' || c == '-' || c == '.'))
			return false;
	}
	return text.len && text.len <= NAME_MAX_CHARS;
}

static bool is_add(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!text.ptr[i] || !strchr("0123456789*#+", text.ptr[i]))
			return false;
	}
	return text.len <= PTABLE_ADD_MAX;
}

/* What is wrong with a row, or NULL. */
static const char *read_line(const struct ptable_line *line, uint64_t *key,
			     struct ptable_offer *offer, struct span *what)
{
	*what = line->prefix;
	if (!prefix_key_read(line->prefix, key))
		return line->prefix.len > PREFIX_LEN_MAX
			       ? "the prefix has more than 17 digits"
			       : "not a prefix: only digits, * and #, and a + in front, make one";
	*what = line->trunk;
	if (!is_name(line->trunk))
		return "not the name of a trunk";
	*what = line->cost;
	if (line->cost.len && !read_cost(line->cost, &offer->cost_micro))
		return "not a cost: a number from 0 to 4294 with at most six decimals";
	*what = line->quality;
	if (line->quality.len && !read_small(line->quality, PTABLE_QUALITY_MAX, &offer->quality))
		return "not a quality: a whole number from 0 to 100";
	*what = line->strip;
	if (line->strip.len && !read_small(line->strip, PTABLE_STRIP_MAX, &offer->strip))
		return "not a number of digits to strip, from 0 to 31";
	*what = line->add;
	return is_add(line->add) ? NULL : "not digits to put before a number, 31 at most";
}

static bool rows_grow(struct ptable_build *build)
{
	size_t room = build->room ? build->room * 2 : 4096;
	struct prefix_entry *keys;
	struct ptable_offer *offers;

	if (build->n < build->room)
		return true;
	keys = realloc(build->keys, room * sizeof(*keys));
	if (keys)
		build->keys = keys;
	offers = realloc(build->offers, room * sizeof(*offers));
	if (offers)
		build->offers = offers;
	if (!keys || !offers)
		return false;
	build->room = room;
	return true;
}

static int no_memory(char why[PTABLE_WHY_BYTES])
{
	snprintf(why, PTABLE_WHY_BYTES, "out of memory");
	return -ENOMEM;
}

struct ptable_build *ptable_build_new(const char *unit)
{
	struct ptable_build *build = calloc(1, sizeof(*build));

	if (build)
		build->unit = unit;
	return build;
}

void ptable_build_free(struct ptable_build *build)
{
	if (!build)
		return;
	words_free(&build->trunks);
	words_free(&build->adds);
	free(build->keys);
	free(build->offers);
	free(build);
}

int ptable_build_add(struct ptable_build *build, const struct ptable_line *line,
		     char why[PTABLE_WHY_BYTES])
{
	struct ptable_offer offer = {0};
	struct prefix_entry key = {.line = line->line, .value = (uint32_t)build->n};
	struct span what;
	const char *wrong = read_line(line, &key.key, &offer, &what);
	uint32_t trunk;

	if (wrong) {
		snprintf(why, PTABLE_WHY_BYTES, "%s %u: %s: \"%.*s\"", build->unit, line->line,
			 wrong, QUOTE(what));
		return -EINVAL;
	}
	if (build->n == PTABLE_ROWS_MAX) {
		snprintf(why, PTABLE_WHY_BYTES, "%s %u: one too many: a table has at most %u",
			 build->unit, line->line, PTABLE_ROWS_MAX);
		return -EINVAL;
	}
	if (words_put(&build->trunks, line->trunk, line->line, &trunk) ||
	    words_put(&build->adds, line->add.len ? line->add : SPAN(""), line->line, &offer.add) ||
	    !rows_grow(build))
		return no_memory(why);
	if (trunk >= TRUNKS_MAX) {
		snprintf(why, PTABLE_WHY_BYTES, "%s %u: more than %u trunks", build->unit,
			 line->line, TRUNKS_MAX);
		return -EINVAL;
	}
	offer.trunk = (uint16_t)trunk;
	build->keys[build->n] = key;
	build->offers[build->n++] = offer;
	return 0;
}

/* ---- the whole ---- */

/* By prefix; of one prefix by cost, quality, and the file's order. */
static int in_order(const void *left, const void *right, void *arg)
{
	const struct prefix_entry *a = left, *b = right;
	const struct ptable_offer *offers = arg, *x = &offers[a->value], *y = &offers[b->value];

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (x->cost_micro != y->cost_micro)
		return x->cost_micro < y->cost_micro ? -1 : 1;
	if (x->quality != y->quality)
		return x->quality > y->quality ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

/* Groups of offers written so far, each once. */
struct groups {
	struct ptable_offer *offers;
	size_t n, room;
	uint32_t *slots; /* index of the first offer plus 1 */
	uint32_t mask;
	unsigned used;
};

static bool same_group(const struct ptable_offer *a, const struct ptable_offer *b, size_t n)
{
	return !memcmp(a, b, n * sizeof(*a));
}

static uint32_t group_slot(const struct groups *groups, const struct ptable_offer *offers, size_t n)
{
	uint32_t at = (uint32_t)hash_fast(n, span_of((const char *)offers, n * sizeof(*offers)));

	for (at &= groups->mask; groups->slots[at]; at = (at + 1) & groups->mask) {
		size_t there = groups->slots[at] - 1;

		if (there + n <= groups->n && same_group(&groups->offers[there], offers, n))
			break;
	}
	return at;
}

static uint32_t group_put(struct groups *groups, const struct ptable_offer *offers, size_t n)
{
	uint32_t at = group_slot(groups, offers, n);

	if (!groups->slots[at]) {
		groups->slots[at] = (uint32_t)groups->n + 1;
		memcpy(&groups->offers[groups->n], offers, n * sizeof(*offers));
		groups->n += n;
	}
	return groups->slots[at] - 1;
}

/* The rows of one prefix, in order: what is wrong, or their group. */
static int take_prefix(struct ptable_build *build, const struct prefix_entry *keys, size_t n,
		       struct groups *groups, uint32_t *value, char why[PTABLE_WHY_BYTES])
{
	struct ptable_offer offers[PTABLE_OFFERS_MAX];

	if (n > PTABLE_OFFERS_MAX) {
		snprintf(why, PTABLE_WHY_BYTES, "%s %u: one prefix has more than %u rows",
			 build->unit, keys[PTABLE_OFFERS_MAX].line, PTABLE_OFFERS_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		offers[i] = build->offers[keys[i].value];
		offers[i].last = i + 1 == n;
		for (size_t j = 0; j < i; j++) {
			unsigned a = keys[i].line, b = keys[j].line;

			if (offers[i].trunk != offers[j].trunk)
				continue;
			snprintf(why, PTABLE_WHY_BYTES,
				 "%s %u: the same prefix and trunk as in %s %u", build->unit,
				 a > b ? a : b, build->unit, a > b ? b : a);
			return -EINVAL;
		}
	}
	*value = group_put(groups, offers, n);
	return 0;
}

static int take_prefixes(struct ptable_build *build, struct groups *groups, size_t *nkeys,
			 char why[PTABLE_WHY_BYTES])
{
	struct prefix_entry *keys = build->keys;
	size_t out = 0, to;

	for (size_t from = 0; from < build->n; from = to) {
		uint32_t value;
		int err;

		for (to = from + 1; to < build->n && keys[to].key == keys[from].key; to++)
			;
		err = take_prefix(build, &keys[from], to - from, groups, &value, why);
		if (err)
			return err;
		keys[out] = keys[from];
		keys[out++].value = value;
	}
	*nkeys = out;
	return 0;
}

static void fit(struct groups *groups)
{
	struct ptable_offer *less =
		realloc(groups->offers, (groups->n ? groups->n : 1) * sizeof(*less));

	if (less)
		groups->offers = less;
}

int ptable_build_finish(struct ptable_build *build, struct ptable *table,
			char why[PTABLE_WHY_BYTES])
{
	struct groups groups = {.mask = 1023};
	size_t nkeys = 0;
	int err;

	if (!build->n) {
		snprintf(why, PTABLE_WHY_BYTES, "has no rows");
		return -EINVAL;
	}
	while (groups.mask < build->n * 2)
		groups.mask = groups.mask * 2 + 1;
	groups.offers = malloc(build->n * sizeof(*groups.offers));
	groups.slots = calloc((size_t)groups.mask + 1, sizeof(*groups.slots));
	if (groups.offers && groups.slots) {
		qsort_r(build->keys, build->n, sizeof(*build->keys), in_order, build->offers);
		err = take_prefixes(build, &groups, &nkeys, why);
	} else {
		err = no_memory(why);
	}
	free(groups.slots);
	if (err) {
		free(groups.offers);
		return err;
	}
	fit(&groups);
	table->offers = groups.offers;
	table->noffers = groups.n;
	table->stats.prefixes = nkeys;
	table->stats.offers = build->n;
	table->index = prefix_index_new(build->keys, nkeys);
	table->trunks = build->trunks;
	table->adds = build->adds;
	build->trunks = build->adds = (struct ptable_words){0};
	return table->index ? 0 : no_memory(why);
}
