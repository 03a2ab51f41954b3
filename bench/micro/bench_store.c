/* SPDX-License-Identifier: BSD-3-Clause */
/* What the store's operations cost: slabs, the timer wheel with a million timers, the hash index
 * with a million entries. Prints the median of several rounds in nanoseconds and, where there is a
 * time stamp counter, in its cycles. */
#include <stdio.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "common/base/clock.h"
#include "dataplane/store/arena.h"
#include "dataplane/store/blob.h"
#include "dataplane/store/hindex.h"
#include "dataplane/store/wheel.h"
#include "../../tests/rng.h"

#define ROUNDS 7u
#define OPS    (1u << 20)
#define MANY   1000000u
#define MS     WHEEL_TICK_NS

static struct rng rng = {.state = 1};

static uint32_t random_below(uint32_t bound)
{
	return (uint32_t)rng_below(&rng, bound);
}

struct stamp {
	uint64_t ns;
	uint64_t cycles;
};

static struct stamp stamp_now(void)
{
	struct stamp stamp = {.ns = clock_mono_ns()};

#if defined(__x86_64__)
	stamp.cycles = __rdtsc();
#endif
	return stamp;
}

struct series {
	const char *name;
	unsigned n;
	double ns[ROUNDS];
	double cycles[ROUNDS];
};

static void series_add(struct series *series, struct stamp start, double ops)
{
	struct stamp end = stamp_now();

	series->ns[series->n] = (double)(end.ns - start.ns) / ops;
	series->cycles[series->n] = (double)(end.cycles - start.cycles) / ops;
	series->n++;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void series_print(struct series *series)
{
	qsort(series->ns, series->n, sizeof(double), compare);
	qsort(series->cycles, series->n, sizeof(double), compare);
	printf("%-44s %9.1f ns %9.0f cycles\n", series->name, series->ns[series->n / 2],
	       series->cycles[series->n / 2]);
}

static void die(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(1);
}

static void bench_slab_warm(struct slab *slab, const char *name)
{
	struct series series = {.name = name};

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct stamp start = stamp_now();

		for (unsigned i = 0; i < OPS; i++) {
			uint64_t handle;

			if (!slab_alloc(slab, &handle))
				die("slab is full");
			slab_free(slab, handle);
		}
		series_add(&series, start, OPS);
	}
	series_print(&series);
}

/* Free a random record and take a new one: with many records every one is a cache miss. */
static void bench_slab_random(struct slab *slab, const char *name)
{
	struct series series = {.name = name};
	uint64_t *handles = calloc(slab->capacity, sizeof(*handles));

	if (!handles)
		die("no memory");
	for (uint32_t i = 0; i < slab->capacity; i++)
		slab_alloc(slab, &handles[i]);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct stamp start = stamp_now();

		for (unsigned i = 0; i < OPS; i++) {
			uint32_t at = random_below(slab->capacity);

			slab_free(slab, handles[at]);
			slab_alloc(slab, &handles[at]);
		}
		series_add(&series, start, OPS);
	}
	for (uint32_t i = 0; i < slab->capacity; i++)
		slab_free(slab, handles[i]);
	free(handles);
	series_print(&series);
}

static void bench_slab_get(struct slab *slab, const char *name)
{
	struct series series = {.name = name};
	uint64_t *handles = calloc(slab->capacity, sizeof(*handles));
	uint64_t sum = 0;

	if (!handles)
		die("no memory");
	for (uint32_t i = 0; i < slab->capacity; i++)
		slab_alloc(slab, &handles[i]);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct stamp start = stamp_now();

		for (unsigned i = 0; i < OPS; i++)
			sum += *(uint64_t *)slab_get(slab, handles[random_below(slab->capacity)]);
		series_add(&series, start, OPS);
	}
	if (sum)
		die("a record is not zero");
	for (uint32_t i = 0; i < slab->capacity; i++)
		slab_free(slab, handles[i]);
	free(handles);
	series_print(&series);
}

static void bench_slabs(void)
{
	uint32_t blob_capacity[BLOB_CLASSES_END] = {1000, 1000, 1000, 1000, 1000};
	struct arena_slab_def defs[ARENA_SLABS_MAX] = {
		{"line", 64, MANY, 1}, {"call", 512, 100000, 1}, {"message", 1024, 1000, 1}};
	struct series series = {.name = "blob alloc + free, 941 bytes"};
	struct blobs blobs;
	struct arena arena;
	const char *why;

	if (arena_open(&arena, NULL, defs, blob_slab_defs(defs, 3, blob_capacity), false, true,
		       &why))
		die(why);
	bench_slab_warm(&arena.slabs[0], "slab alloc + free, 64 bytes, warm");
	bench_slab_warm(&arena.slabs[1], "slab alloc + free, 512 bytes, warm");
	bench_slab_warm(&arena.slabs[2], "slab alloc + free, 1024 bytes, warm");
	bench_slab_random(&arena.slabs[1], "slab free + alloc, 512 bytes, 100k random");
	bench_slab_random(&arena.slabs[0], "slab free + alloc, 64 bytes, 1M random");
	bench_slab_get(&arena.slabs[0], "slab get and read, 64 bytes, 1M random");
	blobs_init(&blobs, &arena, 3);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct stamp start = stamp_now();

		for (unsigned i = 0; i < OPS; i++) {
			char *bytes;

			blob_free(&blobs, blob_alloc(&blobs, 941, &bytes));
		}
		series_add(&series, start, OPS);
	}
	series_print(&series);
	arena_close(&arena);
}

static void bench_wheel_move(uint32_t ntimers, const char *name)
{
	struct series series = {.name = name};
	struct wheel *wheel = wheel_new(ntimers, 0);

	if (!wheel)
		die("no memory");
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct stamp start = stamp_now();

		for (unsigned i = 0; i < OPS; i++)
			wheel_set(wheel, random_below(ntimers), (500 + random_below(31500)) * MS);
		series_add(&series, start, OPS);
	}
	series_print(&series);
	wheel_free(wheel);
}

/* A worker with a million timers between 0.5 and 32 s, each set again when it fires. */
static void bench_wheel_turns(uint32_t ntimers)
{
	struct series turn = {.name = "wheel expire + set again, 1M armed"};
	struct series worst = {.name = "wheel longest turn in 10,000 of 1 ms, 1M"};
	struct wheel *wheel = wheel_new(ntimers, 0);
	uint64_t now_ns = 0;

	if (!wheel)
		die("no memory");
	for (uint32_t i = 0; i < ntimers; i++)
		wheel_set(wheel, i, (500 + random_below(31500)) * MS);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t fired = 0, longest_ns = 0, longest_cycles = 0;
		struct stamp start = stamp_now();

		for (unsigned ms = 0; ms < 10000; ms++) {
			struct stamp before = stamp_now();
			struct stamp after;
			uint32_t timers[256];
			uint32_t got;

			now_ns += MS;
			do {
				got = wheel_expire(wheel, now_ns, timers, 256);
				for (uint32_t i = 0; i < got; i++)
					wheel_set(wheel, timers[i],
						  now_ns + (500 + random_below(31500)) * MS);
				fired += got;
			} while (got == 256);
			after = stamp_now();
			if (after.cycles - before.cycles > longest_cycles)
				longest_cycles = after.cycles - before.cycles;
			if (after.ns - before.ns > longest_ns)
				longest_ns = after.ns - before.ns;
		}
		series_add(&turn, start, (double)(fired ? fired : 1));
		worst.ns[worst.n] = (double)longest_ns;
		worst.cycles[worst.n++] = (double)longest_cycles;
	}
	series_print(&turn);
	series_print(&worst);
	wheel_free(wheel);
}

static void bench_wheel_idle(void)
{
	struct series poll = {.name = "wheel expire, nothing due, 1M armed"};
	struct series next = {.name = "wheel next, 1M armed"};
	struct wheel *wheel = wheel_new(MANY, 0);
	uint64_t sum = 0;
	uint32_t timer;

	if (!wheel)
		die("no memory");
	for (uint32_t i = 0; i < MANY; i++)
		wheel_set(wheel, i, (500 + random_below(3600000)) * MS);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct stamp start = stamp_now();

		for (unsigned i = 0; i < OPS; i++)
			sum += wheel_expire(wheel, i & 0xffff, &timer, 1);
		series_add(&poll, start, OPS);
		start = stamp_now();
		for (unsigned i = 0; i < OPS; i++)
			sum += wheel_next_ns(wheel) == 0;
		series_add(&next, start, OPS);
	}
	if (sum)
		die("a timer fired early");
	series_print(&poll);
	series_print(&next);
	wheel_free(wheel);
}

static void bench_hindex(uint32_t entries, const char *find_name, const char *miss_name,
			 const char *change_name)
{
	struct series find = {.name = find_name}, miss = {.name = miss_name},
		      change = {.name = change_name};
	uint64_t *hashes = calloc(entries, sizeof(*hashes));
	struct hindex index;
	uint64_t sum = 0;

	if (!hashes || hindex_init(&index, entries))
		die("no memory");
	for (uint32_t i = 0; i < entries; i++) {
		hashes[i] = rng_next(&rng);
		hindex_add(&index, hashes[i], i + 1);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct stamp start = stamp_now();

		for (unsigned i = 0; i < OPS; i++) {
			uint32_t at = 0;

			sum += hindex_next(&index, hashes[random_below(entries)], &at) ==
			       HANDLE_NONE;
		}
		series_add(&find, start, OPS);
		start = stamp_now();
		for (unsigned i = 0; i < OPS; i++) {
			uint32_t at = 0;

			sum += hindex_next(&index, rng_next(&rng), &at) != HANDLE_NONE;
		}
		series_add(&miss, start, OPS);
		start = stamp_now();
		for (unsigned i = 0; i < OPS; i++) {
			uint32_t at = random_below(entries);

			hindex_del(&index, hashes[at], at + 1);
			hashes[at] = rng_next(&rng);
			hindex_add(&index, hashes[at], at + 1);
		}
		series_add(&change, start, OPS);
	}
	if (sum)
		die("an entry was lost");
	series_print(&find);
	series_print(&miss);
	series_print(&change);
	hindex_fini(&index);
	free(hashes);
}

int main(void)
{
	bench_slabs();
	bench_wheel_move(1000, "wheel set (move), 1k armed");
	bench_wheel_move(MANY, "wheel set (move), 1M armed");
	bench_wheel_turns(MANY);
	bench_wheel_idle();
	bench_hindex(1000, "hindex find, 1k", "hindex miss, 1k", "hindex del + add, 1k");
	bench_hindex(MANY, "hindex find, 1M random", "hindex miss, 1M random",
		     "hindex del + add, 1M random");
	return 0;
}
