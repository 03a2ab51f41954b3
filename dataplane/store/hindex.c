/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash index: linear probing over 16-byte slots, deletion by shifting back, so that no tombstones
 * gather however long the process lives. Owned by one worker thread. */
#include "dataplane/store/hindex.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "dataplane/store/arena.h"
#include "dataplane/store/pages.h"

struct hindex_slot {
	uint64_t hash;
	uint64_t handle; /* HANDLE_NONE: empty */
};

/* Callers' hashes need not be good in their low bits. */
static inline uint32_t slot_home(const struct hindex *index, uint64_t hash)
{
	return (uint32_t)(hash * 0x9e3779b97f4a7c15ull >> 32) & index->mask;
}

int hindex_init(struct hindex *index, uint32_t capacity)
{
	uint64_t nslots = 2;

	memset(index, 0, sizeof(*index));
	if (capacity > 1u << 30)
		return -ENOMEM;
	while (nslots < 2 * (uint64_t)capacity)
		nslots *= 2;
	index->slots = pages_alloc(nslots * sizeof(struct hindex_slot));
	if (!index->slots)
		return -ENOMEM;
	index->mask = (uint32_t)(nslots - 1);
	index->limit = capacity;
	return 0;
}

void hindex_fini(struct hindex *index)
{
	pages_free(index->slots);
	memset(index, 0, sizeof(*index));
}

bool hindex_add(struct hindex *index, uint64_t hash, uint64_t handle)
{
	uint32_t at;

	assert(handle != HANDLE_NONE);
	if (index->used >= index->limit)
		return false;
	at = slot_home(index, hash);
	while (index->slots[at].handle != HANDLE_NONE)
		at = (at + 1) & index->mask;
	index->slots[at] = (struct hindex_slot){.hash = hash, .handle = handle};
	index->used++;
	return true;
}

/* Close the gap: every entry behind it moves up unless it would then lie before its home. */
static void slot_close_gap(struct hindex *index, uint32_t gap)
{
	for (uint32_t at = (gap + 1) & index->mask; index->slots[at].handle != HANDLE_NONE;
	     at = (at + 1) & index->mask) {
		uint32_t home = slot_home(index, index->slots[at].hash);

		if (((at - home) & index->mask) < ((at - gap) & index->mask))
			continue;
		index->slots[gap] = index->slots[at];
		gap = at;
	}
	index->slots[gap].handle = HANDLE_NONE;
}

void hindex_del(struct hindex *index, uint64_t hash, uint64_t handle)
{
	uint32_t at = slot_home(index, hash);

	/* An empty slot is always met: at most half are used. */
	for (; index->slots[at].handle != HANDLE_NONE; at = (at + 1) & index->mask) {
		if (index->slots[at].hash != hash || index->slots[at].handle != handle)
			continue;
		slot_close_gap(index, at);
		index->used--;
		return;
	}
}

uint64_t hindex_next(const struct hindex *index, uint64_t hash, uint32_t *at)
{
	uint32_t home = slot_home(index, hash);

	for (;;) {
		const struct hindex_slot *slot = &index->slots[(home + *at) & index->mask];

		if (slot->handle == HANDLE_NONE)
			return HANDLE_NONE;
		++*at;
		if (slot->hash == hash)
			return slot->handle;
	}
}
