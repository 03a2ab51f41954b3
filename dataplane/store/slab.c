/* SPDX-License-Identifier: BSD-3-Clause */
/* Slabs: fixed-size records by handle, last freed first taken, because its lines are still in the
 * cache. Owned by one worker thread. */
#include "dataplane/store/slab.h"

#include <assert.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLAB_ASAN 1
#endif
#endif

#ifdef SLAB_ASAN
#include <sanitizer/asan_interface.h>
#define poison(ptr, bytes)   __asan_poison_memory_region((ptr), (bytes))
#define unpoison(ptr, bytes) __asan_unpoison_memory_region((ptr), (bytes))
#else
#define poison(ptr, bytes)   ((void)(ptr), (void)(bytes))
#define unpoison(ptr, bytes) ((void)(ptr), (void)(bytes))
#endif

/* A process may die between any two stores. The mapping outlives it, so what counts is the order in
 * which stores reach memory as this thread sees it: the compiler is held to it, the processor keeps
 * it for its own thread. */
#define store_fence() __atomic_signal_fence(__ATOMIC_SEQ_CST)

void *slab_take(struct slab *slab, uint64_t *handle)
{
	struct slab_head *head = slab->head;
	uint32_t index = head->free_head;
	uint8_t *record;

	if (index != SLAB_INDEX_NONE) {
		head->free_head = slab->next_free[index];
	} else if (head->bound < slab->capacity) {
		index = head->bound++;
	} else {
		*handle = HANDLE_NONE;
		return NULL;
	}
	head->used++;
	if (head->used > head->peak)
		head->peak = head->used;
	record = slab->records + (size_t)index * slab->record_bytes;
	unpoison(record, slab->record_bytes);
	slab->generations[index]++;
	*handle = (uint64_t)slab->generations[index] << 32 | index;
	return record;
}

void *slab_alloc(struct slab *slab, uint64_t *handle)
{
	struct slab_head *head = slab->head;
	uint32_t index = head->free_head != SLAB_INDEX_NONE ? head->free_head : head->bound;

	/* Zeroed before it is alive: a record found after a crash is either of its present life or
	 * zero. */
	if (index < slab->capacity) {
		uint8_t *record = slab->records + (size_t)index * slab->record_bytes;

		unpoison(record, slab->record_bytes);
		memset(record, 0, slab->record_bytes);
		store_fence();
	}
	return slab_take(slab, handle);
}

void slab_free(struct slab *slab, uint64_t handle)
{
	struct slab_head *head = slab->head;
	uint32_t index = handle_index(handle);

	assert(slab_get(slab, handle));
	slab->generations[index]++;
	store_fence();
	slab->next_free[index] = head->free_head;
	head->free_head = index;
	head->used--;
	poison(slab->records + (size_t)index * slab->record_bytes, slab->record_bytes);
}

uint32_t slab_used(const struct slab *slab)
{
	return slab->head->used;
}

uint32_t slab_peak(const struct slab *slab)
{
	return slab->head->peak;
}

uint32_t slab_bound(const struct slab *slab)
{
	return slab->head->bound;
}

void slab_rebuild(struct slab *slab)
{
	struct slab_head *head = slab->head;
	uint32_t bound = slab->capacity;
	uint32_t peak = head->peak;

	/* A generation of 0 was never used (or has come round after 2^31 reuses, and may as well be
	 * new). */
	while (bound && slab->generations[bound - 1] == 0)
		bound--;
	head->free_head = SLAB_INDEX_NONE;
	head->used = 0;
	head->bound = bound;
	for (uint32_t index = bound; index--;) {
		if (slab->generations[index] & 1) {
			head->used++;
		} else {
			slab->next_free[index] = head->free_head;
			head->free_head = index;
		}
	}
	head->peak = peak >= head->used && peak <= bound ? peak : head->used;
}

void slab_poison_dead(struct slab *slab)
{
#ifdef SLAB_ASAN
	for (uint32_t index = 0; index < slab->head->bound; index++)
		if (!(slab->generations[index] & 1))
			poison(slab_at(slab, index), slab->record_bytes);
	poison(slab_at(slab, slab->head->bound),
	       (size_t)(slab->capacity - slab->head->bound) * slab->record_bytes);
#else
	(void)slab;
#endif
}

void slab_unpoison(struct slab *slab)
{
	unpoison(slab->records, (size_t)slab->capacity * slab->record_bytes);
}
