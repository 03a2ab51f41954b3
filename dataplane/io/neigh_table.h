/* SPDX-License-Identifier: BSD-3-Clause */
/* Next hops by realm and IP address. The main thread alone writes the table (neigh.c); workers read
 * it without a lock. What changes while a worker may look is one atomic word, MAC and state
 * together, so a worker sees either the old or the new. An entry's address is written only before
 * it is linked, or after every worker has passed a quiet point. */
#pragma once

#include "common/base/hash.h"
#include "common/net/addr.h"

#include <assert.h>
#include <stdatomic.h>

#define NEIGH_MAX     16384u /* entries; an index plus one fits in 16 bits */
#define NEIGH_BUCKETS 32768u /* power of two */

/* What a worker does with a packet for that neighbour: the top two bits of the word. */
enum neigh_use {
	NEIGH_FREE = 0,	   /* no such neighbour: look it up again */
	NEIGH_WAIT,	   /* being resolved: to the main thread, which parks the packet */
	NEIGH_SEND,	   /* the word holds its MAC */
	NEIGH_UNREACHABLE, /* did not answer: drop */
};

/* A reference that a flow keeps: index plus one in the low 16 bits, the entry's generation in the
 * next 14. 0: none. */
#define NEIGH_GENERATIONS 0x3fffu

struct neigh_entry {
	_Atomic uint64_t word; /* main writes: MAC (48 bits, as in memory), generation (14), enum
				  neigh_use (2) */
	_Atomic uint32_t next; /* main writes: next entry of the bucket, index plus one, 0: last */
	_Atomic uint8_t used;  /* workers set it when they meet the entry, main clears it */
	uint8_t realm;
	uint8_t family;
	struct net_addr ip;
} __attribute__((aligned(64)));
static_assert(sizeof(struct neigh_entry) == 64, "one cache line for one neighbour");

struct neigh_table {
	uint64_t seed;
	_Atomic uint32_t buckets[NEIGH_BUCKETS]; /* main writes: first entry, index plus one */
	struct neigh_entry entries[NEIGH_MAX];
};

static inline uint64_t neigh_word(uint64_t mac, uint32_t generation, enum neigh_use use)
{
	return mac | (uint64_t)generation << 48 | (uint64_t)use << 62;
}

static inline enum neigh_use neigh_word_use(uint64_t word)
{
	return (enum neigh_use)(word >> 62);
}

static inline uint32_t neigh_word_generation(uint64_t word)
{
	return (uint32_t)(word >> 48) & NEIGH_GENERATIONS;
}

static inline uint64_t neigh_mac_load(const uint8_t mac[6])
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	return word;
}

static inline void neigh_mac_store(uint8_t mac[6], uint64_t word)
{
	memcpy(mac, &word, 6);
}

static inline uint32_t neigh_bucket(const struct neigh_table *table, uint8_t realm, uint8_t family,
				    const struct net_addr *ip)
{
	uint64_t seed = table->seed ^ (uint64_t)realm << 8 ^ family;

	return (uint32_t)hash_fast(seed, span_of(ip->ip, sizeof(ip->ip))) & (NEIGH_BUCKETS - 1);
}

/* The entry's index, or -1. Workers: good until the next quiet point. */
static inline int32_t neigh_table_find(const struct neigh_table *table, uint8_t realm,
				       uint8_t family, const struct net_addr *ip)
{
	uint32_t at = atomic_load_explicit(&table->buckets[neigh_bucket(table, realm, family, ip)],
					   memory_order_acquire);

	while (at) {
		const struct neigh_entry *entry = &table->entries[at - 1];

		if (entry->realm == realm && entry->family == family && net_addr_eq(&entry->ip, ip))
			return (int32_t)(at - 1);
		at = atomic_load_explicit(&entry->next, memory_order_acquire);
	}
	return -1;
}

static inline uint32_t neigh_ref(uint32_t index, uint64_t word)
{
	return (index + 1) | neigh_word_generation(word) << 16;
}

/* Workers: the word of an entry once met; NEIGH_FREE when the reference is stale or none. Marks the
 * entry as used. */
static inline uint64_t neigh_load(struct neigh_table *table, uint32_t ref)
{
	uint32_t index = (ref & 0xffff) - 1;
	struct neigh_entry *entry;
	uint64_t word;

	if (index >= NEIGH_MAX)
		return 0;
	entry = &table->entries[index];
	word = atomic_load_explicit(&entry->word, memory_order_acquire);
	if (neigh_word_generation(word) != ref >> 16)
		return 0;
	/* Written only when it changes, so that the line stays shared between the workers. */
	if (!atomic_load_explicit(&entry->used, memory_order_relaxed))
		atomic_store_explicit(&entry->used, 1, memory_order_relaxed);
	return word;
}
