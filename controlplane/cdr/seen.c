/* SPDX-License-Identifier: BSD-3-Clause */
/* Which records came before. Two tables take turns: the younger takes what is added until it is
 * full, then the older is forgotten as a whole. limen-controlplane, loop thread. */
#include "controlplane/cdr/seen.h"

#include <stdlib.h>

#include "common/base/hash.h"

#define SLOTS (2 * SEEN_MIN) /* at most half full */

struct entry {
	struct cdr_id id;
	uint64_t number; /* 0: free */
};

struct seen {
	struct entry *young, *old;
	uint32_t nyoung;
};

struct seen *seen_new(void)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	if (!seen)
		return NULL;
	seen->young = calloc(SLOTS, sizeof(*seen->young));
	seen->old = calloc(SLOTS, sizeof(*seen->old));
	if (!seen->young || !seen->old) {
		seen_free(seen);
		return NULL;
	}
	return seen;
}

void seen_free(struct seen *seen)
{
	if (!seen)
		return;
	free(seen->young);
	free(seen->old);
	free(seen);
}

static bool same(const struct cdr_id *a, const struct cdr_id *b)
{
	return a->started_ns == b->started_ns && a->call == b->call && a->worker == b->worker;
}

static struct entry *slot_of(struct entry *table, const struct cdr_id *id)
{
	uint64_t at = hash_fast(0, span_of(id, sizeof(*id)));

	for (at %= SLOTS; table[at].number && !same(&table[at].id, id); at = (at + 1) % SLOTS)
		;
	return &table[at];
}

uint64_t seen_find(const struct seen *seen, const struct cdr_id *id)
{
	uint64_t number = slot_of(seen->young, id)->number;

	return number ? number : slot_of(seen->old, id)->number;
}

void seen_add(struct seen *seen, const struct cdr_id *id, uint64_t number)
{
	if (seen->nyoung == SEEN_MIN) {
		struct entry *forgotten = seen->old;

		memset(forgotten, 0, SLOTS * sizeof(*forgotten));
		seen->old = seen->young;
		seen->young = forgotten;
		seen->nyoung = 0;
	}
	*slot_of(seen->young, id) = (struct entry){*id, number};
	seen->nyoung++;
}
