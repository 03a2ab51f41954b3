/* SPDX-License-Identifier: BSD-3-Clause */
/* Counter rows (object, name, value) turned into a grid. limenctl. */
#pragma once

#include "controlplane/ctl/client.h"

/* Words in the order they came; they point into the answer. */
struct words {
	struct span *words; /* owned */
	unsigned n;
};

struct pivot {
	struct words objects, names;
	uint64_t *values; /* owned: names.n to an object */
};

/* False when there was no memory (pivot_free all the same). */
bool pivot_init(struct pivot *pivot, const struct answer *answer);
void pivot_free(struct pivot *pivot);

/* 0 where there is none. */
uint64_t pivot_value(const struct pivot *pivot, unsigned object, unsigned name);
/* Over all names. */
uint64_t pivot_total(const struct pivot *pivot, unsigned object);
