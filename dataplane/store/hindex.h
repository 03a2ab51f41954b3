/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash index from a 64-bit key hash to handles, for keys that peers choose (branches, Call-IDs):
 * open addressing, no allocation after start. Lies outside the arena and is rebuilt from its
 * records. One worker thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct hindex {
	struct hindex_slot *slots;
	uint32_t mask;
	uint32_t used;
	uint32_t limit;
};

/* Room for `capacity` entries at a load of at most one half. 0, or -ENOMEM. */
int hindex_init(struct hindex *index, uint32_t capacity);
void hindex_fini(struct hindex *index);

/* Several entries may have the same hash. False when full. */
bool hindex_add(struct hindex *index, uint64_t hash, uint64_t handle);

/* Remove the entry with that hash and handle, if it is there. */
void hindex_del(struct hindex *index, uint64_t hash, uint64_t handle);

/* Candidates for a hash, one call each: *at starts at 0. HANDLE_NONE ends. The caller compares the
 * record's real key. */
uint64_t hindex_next(const struct hindex *index, uint64_t hash, uint32_t *at);
