/* SPDX-License-Identifier: BSD-3-Clause */
/* How a slab lies in its arena: shared by arena.c (which lays it out and takes it over) and slab.c
 * (which hands out records). Private to store/; owned by the worker that owns the arena. */
#pragma once

#include "dataplane/store/arena.h"

#define SLAB_INDEX_NONE UINT32_MAX

/* In the mapping, a cache line for each slab. */
struct slab_head {
	uint32_t free_head; /* last freed record, SLAB_INDEX_NONE: none */
	uint32_t used;
	uint32_t peak;
	uint32_t bound; /* records at and past it were never used and are on no list */
	uint8_t pad[48];
};
_Static_assert(sizeof(struct slab_head) == 64,
	       "slabs of one worker do not share a line with each other");

/* Rebuild free list and counts from the generations alone: what a process that died left in them is
 * not to be trusted. Live records stay as they are. */
void slab_rebuild(struct slab *slab);

/* Tell ASan which records are dead (no effect without it), and take that back before the mapping
 * goes. */
void slab_poison_dead(struct slab *slab);
void slab_unpoison(struct slab *slab);
