/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest match over number prefixes, by hash. Any thread. */
#include "controlplane/policy/prefix_index.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "common/base/hash.h"

#define BASE	   13u
#define BUCKET	   5u
#define HUGE_BYTES (UINT64_C(2) << 20)

struct bucket {
	uint64_t keys[BUCKET]; /* 0: free, and so are all behind it */
	uint32_t values[BUCKET];
	uint32_t pad;
};
_Static_assert(sizeof(struct bucket) == 64, "one cache line");

struct prefix_index {
	struct bucket *buckets;
	uint32_t mask;
	uint32_t lengths; /* bit n: some prefix has n symbols, 0 left out */
	uint32_t empty;	  /* value of the empty prefix */
};

static const uint8_t symbols[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4,  ['4'] = 5,	 ['5'] = 6,
	['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10, ['*'] = 11, ['#'] = 12,
};

static struct span without_plus(struct span number)
{
	return number.len && number.ptr[0] == '+' ? span_of(number.ptr + 1, number.len - 1)
						  : number;
}

bool prefix_key_read(struct span prefix, uint64_t *key)
{
	*key = 0;
	prefix = without_plus(prefix);
	if (prefix.len > PREFIX_LEN_MAX)
		return false;
	for (size_t i = 0; i < prefix.len; i++) {
		uint8_t symbol = symbols[(uint8_t)prefix.ptr[i]];

		if (!symbol)
			return false;
		*key = *key * BASE + symbol;
	}
	return true;
}

static inline uint32_t bucket_of(const struct prefix_index *index, uint64_t key)
{
	return (uint32_t)hash_mix(key, UINT64_C(0x9e3779b97f4a7c15)) & index->mask;
}

static void put(struct prefix_index *index, const struct prefix_entry *entry)
{
	unsigned len = 0;

	for (uint64_t key = entry->key; key; len++)
		key = (key - 1) / BASE;
	if (!len) {
		index->empty = entry->value;
		return;
	}
	index->lengths |= 1u << len;
	for (uint32_t at = bucket_of(index, entry->key);; at = (at + 1) & index->mask) {
		struct bucket *bucket = &index->buckets[at];

		for (unsigned i = 0; i < BUCKET; i++) {
			if (bucket->keys[i])
				continue;
			bucket->keys[i] = entry->key;
			bucket->values[i] = entry->value;
			return;
		}
	}
}

/* Four of five places taken at most. In huge pages where the kernel has some to give: what misses
 * the cache misses the TLB too. */
static struct bucket *make_buckets(struct prefix_index *index, size_t n)
{
	size_t bytes, align = sizeof(struct bucket);
	struct bucket *buckets;

	while ((size_t)(index->mask + 1) * (BUCKET - 1) < n)
		index->mask = index->mask * 2 + 1;
	bytes = ((size_t)index->mask + 1) * sizeof(*buckets);
	if (bytes >= HUGE_BYTES)
		align = HUGE_BYTES;
	buckets = aligned_alloc(align, bytes);
	if (!buckets)
		return NULL;
	if (bytes >= HUGE_BYTES)
		(void)madvise(buckets, bytes, MADV_HUGEPAGE);
	memset(buckets, 0, bytes);
	return buckets;
}

struct prefix_index *prefix_index_new(const struct prefix_entry *entries, size_t n)
{
	struct prefix_index *index = calloc(1, sizeof(*index));

	if (!index)
		return NULL;
	index->empty = PREFIX_NONE;
	index->buckets = make_buckets(index, n);
	if (!index->buckets) {
		free(index);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		put(index, &entries[i]);
	return index;
}

void prefix_index_free(struct prefix_index *index)
{
	if (!index)
		return;
	free(index->buckets);
	free(index);
}

/* A beginning of the number that may be in the table. */
struct probe {
	uint64_t key;
	uint32_t at; /* bucket */
	uint32_t len;
};

static bool find(const struct prefix_index *index, const struct probe *probe, uint32_t *value)
{
	for (uint32_t at = probe->at;; at = (at + 1) & index->mask) {
		const struct bucket *bucket = &index->buckets[at];

		for (unsigned i = 0; i < BUCKET; i++) {
			if (bucket->keys[i] == probe->key) {
				*value = bucket->values[i];
				return true;
			}
		}
		if (!bucket->keys[BUCKET - 1])
			return false;
	}
}

uint32_t prefix_index_find(const struct prefix_index *index, struct span number, unsigned *len)
{
	struct probe probes[PREFIX_LEN_MAX];
	uint32_t value = index->empty;
	unsigned n = 0;
	uint64_t key = 0;

	number = without_plus(number);
	for (unsigned i = 0; i < number.len && i < PREFIX_LEN_MAX; i++) {
		uint8_t symbol = symbols[(uint8_t)number.ptr[i]];

		if (!symbol)
			break;
		key = key * BASE + symbol;
		if (!(index->lengths >> (i + 1) & 1))
			continue;
		probes[n] = (struct probe){key, bucket_of(index, key), i + 1};
		__builtin_prefetch(&index->buckets[probes[n++].at]);
	}
	*len = 0;
	while (n--) {
		if (find(index, &probes[n], &value)) {
			*len = probes[n].len;
			break;
		}
	}
	return value;
}

size_t prefix_index_bytes(const struct prefix_index *index)
{
	return sizeof(*index) + ((size_t)index->mask + 1) * sizeof(*index->buckets);
}
