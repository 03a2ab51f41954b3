/* SPDX-License-Identifier: BSD-3-Clause */
/* Slabs against a plain list of what must be alive. */
#include "dataplane/store/arena.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../../rng.h"

enum { CAPACITY = 300, RECORD_BYTES = 48 };

static const struct arena_slab_def defs[] = {
	{"first", RECORD_BYTES, CAPACITY, 1},
	{"empty", 8, 0, 1},
	{"other", 8, 3, 1},
};

static void open_anonymous(struct arena *arena)
{
	const char *why;

	cr_assert_eq(arena_open(arena, NULL, defs, 3, false, true, &why), 0, "%s", why);
	cr_assert_not(arena->attached);
	cr_assert_eq(arena->nslabs, 3);
}

struct live {
	uint64_t handle;
	uint64_t mark;
};

static void check_all(struct slab *slab, const struct live *live, unsigned nlive)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < nlive; i++) {
		uint64_t *record = slab_get(slab, live[i].handle);

		cr_assert_not_null(record);
		for (unsigned word = 0; word < RECORD_BYTES / 8; word++)
			cr_assert_eq(record[word], live[i].mark);
		cr_assert_eq(slab_handle_at(slab, handle_index(live[i].handle)), live[i].handle);
	}
	for (uint32_t index = 0; index < slab_bound(slab); index++)
		seen += slab_handle_at(slab, index) != HANDLE_NONE;
	cr_assert_eq(seen, nlive);
	cr_assert_eq(slab_used(slab), nlive);
}

Test(slab, agrees_with_a_list)
{
	struct arena arena;
	struct slab *slab = &arena.slabs[0];
	static struct live live[CAPACITY];
	static uint64_t dead[4096];
	unsigned nlive = 0, ndead = 0, peak = 0;
	struct rng rng = {.state = 42};

	open_anonymous(&arena);
	for (unsigned step = 0; step < 400000; step++) {
		/* Swings between nearly empty and full. */
		bool grow = rng_below(&rng, 100) < ((step / 2000) % 2 ? 70 : 30);

		if (grow) {
			uint64_t handle;
			uint64_t *record = slab_alloc(slab, &handle);

			if (nlive == CAPACITY) {
				cr_assert_null(record);
				cr_assert_eq(handle, HANDLE_NONE);
				continue;
			}
			cr_assert_not_null(record);
			cr_assert_eq(handle_generation(handle) & 1, 1);
			for (unsigned word = 0; word < RECORD_BYTES / 8; word++)
				cr_assert_eq(record[word], 0, "not zeroed");
			live[nlive].handle = handle;
			live[nlive].mark = rng_next(&rng) | 1;
			for (unsigned word = 0; word < RECORD_BYTES / 8; word++)
				record[word] = live[nlive].mark;
			nlive++;
			peak = nlive > peak ? nlive : peak;
		} else if (nlive) {
			unsigned at = (unsigned)rng_below(&rng, nlive);

			slab_free(slab, live[at].handle);
			dead[ndead++ % 4096] = live[at].handle;
			live[at] = live[--nlive];
		}
		if (ndead) {
			uint64_t stale = dead[rng_below(&rng, ndead < 4096 ? ndead : 4096)];

			cr_assert_null(slab_get(slab, stale), "a freed handle came true");
		}
		cr_assert_null(slab_get(slab, rng_next(&rng) | 1ull << 31), "index out of range");
		if (step % 5000 == 0)
			check_all(slab, live, nlive);
	}
	check_all(slab, live, nlive);
	cr_assert_eq(slab_peak(slab), peak);
	cr_assert_eq(peak, CAPACITY);
	cr_assert_leq(slab_bound(slab), CAPACITY);
	arena_close(&arena);
}

Test(slab, no_handle_names_the_unused)
{
	struct arena arena;
	uint64_t handle;

	open_anonymous(&arena);
	cr_assert_null(slab_get(&arena.slabs[0], HANDLE_NONE));
	for (uint32_t index = 0; index < CAPACITY; index++)
		cr_assert_eq(slab_handle_at(&arena.slabs[0], index), HANDLE_NONE);
	cr_assert_null(slab_get(&arena.slabs[0], UINT64_MAX));
	cr_assert_null(slab_get(&arena.slabs[0], 1ull << 32));
	cr_assert_eq(slab_bound(&arena.slabs[0]), 0);

	cr_assert_null(slab_alloc(&arena.slabs[1], &handle));
	cr_assert_null(slab_take(&arena.slabs[1], &handle));
	cr_assert_eq(handle, HANDLE_NONE);
	cr_assert_null(slab_get(&arena.slabs[1], 1ull << 32));
	arena_close(&arena);
}

Test(slab, last_freed_is_first_taken_with_a_new_handle)
{
	struct arena arena;
	struct slab *slab = &arena.slabs[2];
	uint64_t a, b, c, again;

	open_anonymous(&arena);
	cr_assert_not_null(slab_alloc(slab, &a));
	cr_assert_not_null(slab_alloc(slab, &b));
	cr_assert_not_null(slab_alloc(slab, &c));
	slab_free(slab, a);
	slab_free(slab, b);
	*(uint64_t *)slab_get(slab, c) = 7;
	cr_assert_not_null(slab_take(slab, &again));
	cr_assert_eq(handle_index(again), handle_index(b));
	cr_assert_neq(again, b);
	cr_assert_null(slab_get(slab, b));
	cr_assert_eq(*(uint64_t *)slab_get(slab, c), 7);
	arena_close(&arena);
}

Test(slab, generation_comes_round)
{
	struct arena arena;
	struct slab *slab = &arena.slabs[2];
	uint64_t handle, after;

	open_anonymous(&arena);
	cr_assert_not_null(slab_alloc(slab, &handle));
	slab_free(slab, handle);
	slab->generations[handle_index(handle)] = UINT32_MAX - 1;
	cr_assert_not_null(slab_alloc(slab, &handle));
	cr_assert_eq(handle_generation(handle), UINT32_MAX);
	slab_free(slab, handle);
	cr_assert_null(slab_get(slab, handle));
	cr_assert_not_null(slab_alloc(slab, &after));
	cr_assert_eq(handle_generation(after), 1);
	cr_assert_not_null(slab_get(slab, after));
	arena_close(&arena);
}

Test(slab, freeing_twice_is_caught, .signal = SIGABRT)
{
	struct arena arena;
	uint64_t handle;

	open_anonymous(&arena);
	cr_assert_not_null(slab_alloc(&arena.slabs[2], &handle));
	slab_free(&arena.slabs[2], handle);
	slab_free(&arena.slabs[2], handle);
}

Test(slab, slabs_lie_on_lines_of_their_own)
{
	struct arena arena;

	open_anonymous(&arena);
	for (unsigned i = 0; i < arena.nslabs; i++) {
		cr_assert_eq((uintptr_t)arena.slabs[i].records % 64, 0);
		cr_assert_eq((uintptr_t)arena.slabs[i].head % 64, 0);
		cr_assert_eq((uintptr_t)arena.slabs[i].next_free % 64, 0);
	}
	arena_close(&arena);
}
