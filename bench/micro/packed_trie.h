/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest match over number prefixes: a packed trie of one symbol a step. A node is two bit sets
 * (which symbols lead on, which end a prefix) and where its children and values begin, so that a
 * step reads one node and nothing else. Not what limen uses, but what it is held against. */
#pragma once

#include "common/base/span.h"

#define PACKED_LEN_MAX 31u
#define PACKED_NONE    UINT32_MAX

/* A prefix as one number, for sorting and packing: four bits a symbol, the first one highest, 0
 * where it has ended; so a prefix sorts right before all that begin with it. */
__extension__ typedef unsigned __int128 packed_bits;

struct packed_key {
	packed_bits bits;
	uint32_t value;
	uint32_t line; /* the caller's own */
};

struct packed_trie;

/* The key of a prefix without its '+'. False where it is too long or has another character. The
 * empty one is good: it begins everything. */
bool packed_key_read(struct span prefix, packed_bits *bits);

/* From keys in ascending order, each prefix once. NULL when there is no memory. */
struct packed_trie *packed_trie_new(const struct packed_key *keys, size_t n);
void packed_trie_free(struct packed_trie *trie);

/* The value of the longest prefix that the number begins with, its length in *len; or
 * PACKED_NONE. A '+' at the number's start counts for nothing; whatever is no symbol ends it. */
uint32_t packed_trie_find(const struct packed_trie *trie, struct span number, unsigned *len);

size_t packed_trie_bytes(const struct packed_trie *trie);
