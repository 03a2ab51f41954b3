/* SPDX-License-Identifier: BSD-3-Clause */
/* A hash table of links that lie in what they name: nothing is allocated for an entry. Grows by
 * itself. Private to controlplane/transport. limen-controlplane, loop thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link {
	struct link *next;
	uint64_t hash;
	bool linked;
};

struct links {
	struct link **heads; /* owned */
	size_t size; /* power of two */
	size_t n;
};

/* 0, or -ENOMEM. */
int links_init(struct links *table);
void links_free(struct links *table);

/* The newest of equal hashes is found first. */
void links_put(struct links *table, struct link *link, uint64_t hash);
/* Nothing where it is not in the table. */
void links_drop(struct links *table, struct link *link);

/* The first link of that hash, and the next after one of them: whether it is the one that is looked
 * for, the caller sees. */
struct link *links_first(const struct links *table, uint64_t hash);
struct link *links_next(const struct link *link);
