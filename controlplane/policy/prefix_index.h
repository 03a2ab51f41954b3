/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest match over number prefixes: a hash table that holds the prefixes of all lengths, a cache
 * line a bucket. A look-up asks for the buckets of all lengths at once, so that their misses
 * overlap: with cold caches that is half the time of a packed trie, whose steps wait for each other
 * (bench/micro/bench_routes). Immutable; any thread. */
#pragma once

#include "common/base/span.h"

#define PREFIX_LEN_MAX 17u /* what fits into a key */
#define PREFIX_NONE    UINT32_MAX

/* A prefix as a number of base 13 without zeros: 0-9, '*' and '#' are 1 to 12; 0 is the empty
 * prefix, which begins everything. */
struct prefix_entry {
	uint64_t key;
	uint32_t value;
	uint32_t line; /* the caller's own */
};

struct prefix_index;

/* The key of a prefix without its '+'. False where it is too long or has another character. */
bool prefix_key_read(struct span prefix, uint64_t *key);

/* From entries of different keys, in any order. NULL when there is no memory. */
struct prefix_index *prefix_index_new(const struct prefix_entry *entries, size_t n);
void prefix_index_free(struct prefix_index *index);

/* The value of the longest prefix that the number begins with, its length in *len; or PREFIX_NONE.
 * A '+' at the number's start counts for nothing; whatever is no digit, '*' or '#' ends it. */
uint32_t prefix_index_find(const struct prefix_index *index, struct span number, unsigned *len);

size_t prefix_index_bytes(const struct prefix_index *index);
