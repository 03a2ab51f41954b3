/* SPDX-License-Identifier: BSD-3-Clause */
/* Counter rows turned into a grid. limenctl. */
#include "controlplane/ctl/pivot.h"

#include <stdlib.h>

static unsigned word_at(const struct words *words, struct span word)
{
	unsigned at = 0;

	while (at < words->n && !span_eq(words->words[at], word))
		at++;
	return at;
}

static struct span text_of(const struct row *row, struct span member)
{
	const struct json_node *node = json_get(row->nodes, member);

	return node ? node->text : SPAN_NONE;
}

static bool gather(struct words *words, const struct answer *answer, struct span member)
{
	words->words = malloc((answer->nrows + 1) * sizeof(*words->words));
	for (size_t i = 0; words->words && i < answer->nrows; i++) {
		struct span word = text_of(&answer->rows[i], member);

		if (word_at(words, word) == words->n)
			words->words[words->n++] = word;
	}
	return words->words != NULL;
}

bool pivot_init(struct pivot *pivot, const struct answer *answer)
{
	*pivot = (struct pivot){0};
	if (!gather(&pivot->objects, answer, SPAN("object")) ||
	    !gather(&pivot->names, answer, SPAN("name")))
		return false;
	pivot->values =
		calloc((size_t)pivot->objects.n * pivot->names.n + 1, sizeof(*pivot->values));
	if (!pivot->values)
		return false;
	for (size_t i = 0; i < answer->nrows; i++) {
		const struct row *row = &answer->rows[i];
		unsigned object = word_at(&pivot->objects, text_of(row, SPAN("object")));
		unsigned name = word_at(&pivot->names, text_of(row, SPAN("name")));

		pivot->values[(size_t)object * pivot->names.n + name] +=
			json_u64(json_get(row->nodes, SPAN("value")));
	}
	return true;
}

void pivot_free(struct pivot *pivot)
{
	free(pivot->objects.words);
	free(pivot->names.words);
	free(pivot->values);
	*pivot = (struct pivot){0};
}

uint64_t pivot_value(const struct pivot *pivot, unsigned object, unsigned name)
{
	return pivot->values[(size_t)object * pivot->names.n + name];
}

uint64_t pivot_total(const struct pivot *pivot, unsigned object)
{
	uint64_t total = 0;

	for (unsigned name = 0; name < pivot->names.n; name++)
		total += pivot_value(pivot, object, name);
	return total;
}
