/* SPDX-License-Identifier: BSD-3-Clause */
/* One worker's call state: a file-backed mapping that holds typed slabs of fixed-size records. No
 * pointer lies inside; records name each other by handle. Owned by one worker thread; libc only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_SLABS_MAX 32u
#define HANDLE_NONE	0ull

/* A handle is index and generation of a record: index in the low 32 bits, generation in the
 * high 32. A live record's generation is odd, so HANDLE_NONE never names one; a freed record's
 * handle never comes true again within 2^31 reuses. */
static inline uint32_t handle_index(uint64_t handle)
{
	return (uint32_t)handle;
}
static inline uint32_t handle_generation(uint64_t handle)
{
	return (uint32_t)(handle >> 32);
}

struct arena_slab_def {
	const char *name;      /* static */
	uint32_t record_bytes; /* multiple of 8 */
	uint32_t capacity;     /* records */
	uint32_t version;      /* raise it when the record's fields change meaning: it goes into the
				  layout hash */
};

struct slab {
	uint8_t *records; /* into the mapping */
	uint32_t *generations;
	uint32_t *next_free;
	struct slab_head *head; /* into the mapping: free list, counts */
	uint32_t record_bytes;
	uint32_t capacity;
};

struct arena {
	void *base;
	size_t bytes;
	int fd;
	bool attached; /* the file held a clean or dirty arena of this layout and was taken over */
	unsigned nslabs;
	struct slab slabs[ARENA_SLABS_MAX];
};

/* Map `path` (created 0600; on hugetlbfs or tmpfs) with these slabs; path NULL maps anonymous
 * memory (tests, simulator). An existing file of another layout, damaged or `cold` is started
 * afresh. The pages are touched now, so that no packet pays for a page fault, when `touch` is set.
 * 0, or -errno; `why` (NULL is let pass) gets a short static text for the log: what went wrong, or
 * how the arena began ("new", "attached, clean", "layout changed", ...). */
int arena_open(struct arena *arena, const char *path, const struct arena_slab_def *defs,
	       unsigned ndefs, bool cold, bool touch, const char **why);

/* Mark clean, unmap and close. The file stays. */
void arena_close(struct arena *arena);

/* A zeroed record, or NULL when the slab is full; *handle names it. */
void *slab_alloc(struct slab *slab, uint64_t *handle);

/* As slab_alloc, but the record holds what it held: for records whose owner writes all that it
 * reads. */
void *slab_take(struct slab *slab, uint64_t *handle);

/* The record, or NULL for a handle that is not (or no longer) alive. Handles from outside are safe
 * to look up. */
static inline void *slab_get(const struct slab *slab, uint64_t handle)
{
	uint32_t index = handle_index(handle);

	if (index >= slab->capacity || slab->generations[index] != handle_generation(handle) ||
	    !(handle_generation(handle) & 1))
		return NULL;
	return slab->records + (size_t)index * slab->record_bytes;
}

/* Record by index, alive or not; the caller knows. */
static inline void *slab_at(const struct slab *slab, uint32_t index)
{
	return slab->records + (size_t)index * slab->record_bytes;
}

/* The live handle at an index, or HANDLE_NONE: for walks over all records. */
static inline uint64_t slab_handle_at(const struct slab *slab, uint32_t index)
{
	uint32_t generation = slab->generations[index];

	return generation & 1 ? (uint64_t)generation << 32 | index : HANDLE_NONE;
}

/* Free a live record. A handle that is not alive is our own bug (asserted). */
void slab_free(struct slab *slab, uint64_t handle);

uint32_t slab_used(const struct slab *slab);
/* Highest number of records in use so far. */
uint32_t slab_peak(const struct slab *slab);
/* One past the highest index ever used: the bound for walks. */
uint32_t slab_bound(const struct slab *slab);
