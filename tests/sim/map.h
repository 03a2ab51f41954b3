/* SPDX-License-Identifier: BSD-3-Clause */
/* A growing map from 64-bit keys (hashes of texts) to 64-bit values, for what the checks
 * remember. */
#pragma once

#include "common/base/hash.h"

struct map {
	struct map_slot {
		uint64_t key; /* 0: empty */
		uint64_t value;
	} * slots;
	uint32_t n, room;
};

/* The value of a key, made 0 where it is new. Good until the next map_at. */
uint64_t *map_at(struct map *map, uint64_t key);
/* NULL where it is not there. */
uint64_t *map_find(const struct map *map, uint64_t key);
void map_free(struct map *map);

/* A key of up to three texts and a number, told apart by `what`. */
static inline uint64_t map_key(char what, struct span a, struct span b, uint64_t number)
{
	uint64_t key = hash_fast(hash_fast((uint64_t)what << 56, a), b);

	key = hash_mix(key ^ number, UINT64_C(0xd6e8feb86659fd93));
	return key ? key : 1;
}
