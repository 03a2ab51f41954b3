/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash index against a plain list of pairs. */
#include "dataplane/store/hindex.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "dataplane/store/arena.h"
#include "../../../rng.h"

enum { CAPACITY = 500 };

struct pair {
	uint64_t hash;
	uint64_t handle;
};

static unsigned candidates(const struct hindex *index, uint64_t hash, uint64_t *handles,
			   unsigned max)
{
	uint32_t at = 0;
	unsigned n = 0;
	uint64_t handle;

	while ((handle = hindex_next(index, hash, &at)) != HANDLE_NONE) {
		cr_assert_lt(n, max);
		handles[n++] = handle;
	}
	return n;
}

static void check_all(const struct hindex *index, const struct pair *pairs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t handles[CAPACITY];
		unsigned got = candidates(index, pairs[i].hash, handles, CAPACITY);
		unsigned want = 0, found = 0;

		for (unsigned k = 0; k < n; k++)
			want += pairs[k].hash == pairs[i].hash;
		for (unsigned k = 0; k < got; k++)
			found += handles[k] == pairs[i].handle;
		cr_assert_eq(got, want);
		cr_assert_eq(found, 1);
	}
}

/* `spread` bounds how many hashes there are: small means long runs and many equal hashes. */
static void run(uint64_t seed, uint64_t spread, unsigned steps)
{
	struct hindex index;
	static struct pair pairs[CAPACITY];
	struct rng rng = {.state = seed};
	uint64_t serial = 1;
	unsigned n = 0;

	cr_assert_eq(hindex_init(&index, CAPACITY), 0);
	for (unsigned step = 0; step < steps; step++) {
		if (rng_below(&rng, 100) < ((step / 3000) % 2 ? 35u : 65u)) {
			struct pair pair = {rng_below(&rng, spread) * 0x9e3779b9u, serial++};

			if (n == CAPACITY) {
				cr_assert_not(hindex_add(&index, pair.hash, pair.handle));
				continue;
			}
			cr_assert(hindex_add(&index, pair.hash, pair.handle));
			pairs[n++] = pair;
		} else if (n) {
			unsigned at = (unsigned)rng_below(&rng, n);

			/* Neither another's handle nor another's hash takes an entry away. */
			hindex_del(&index, pairs[at].hash, serial);
			hindex_del(&index, ~pairs[at].hash, pairs[at].handle);
			cr_assert_eq(index.used, n);
			hindex_del(&index, pairs[at].hash, pairs[at].handle);
			pairs[at] = pairs[--n];
		}
		cr_assert_eq(index.used, n);
		if (step % 4000 == 0)
			check_all(&index, pairs, n);
	}
	while (n) {
		n--;
		hindex_del(&index, pairs[n].hash, pairs[n].handle);
		if (n % 50 == 0)
			check_all(&index, pairs, n);
	}
	for (uint64_t hash = 0; hash < spread && hash < 1000; hash++) {
		uint64_t none[1];

		cr_assert_eq(candidates(&index, hash * 0x9e3779b9u, none, 0), 0);
	}
	hindex_fini(&index);
}

Test(hindex, agrees_with_a_list_of_random_hashes)
{
	run(1, UINT64_MAX, 60000);
}
Test(hindex, agrees_with_a_list_of_few_hashes)
{
	run(2, 40, 40000);
}
Test(hindex, agrees_with_a_list_of_two_hashes)
{
	run(3, 2, 20000);
}

/* Hashes that all fall on the table's last slots: runs go round its end, and so do the gaps. */
Test(hindex, runs_go_round_the_end)
{
	enum { N = 64 };
	struct hindex index;
	struct pair pairs[N];
	struct rng rng = {.state = 8};

	cr_assert_eq(hindex_init(&index, N), 0);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned n = 0;

		/* The multiplier is odd, so high bits can be chosen by trial. */
		while (n < N) {
			uint64_t hash = rng_next(&rng);
			uint32_t home = (uint32_t)(hash * 0x9e3779b97f4a7c15ull >> 32) & index.mask;

			if (home < index.mask - 3)
				continue;
			pairs[n] = (struct pair){hash, n + 1};
			cr_assert(hindex_add(&index, pairs[n].hash, pairs[n].handle));
			n++;
		}
		cr_assert_not(hindex_add(&index, 1, 1));
		while (n) {
			unsigned at = (unsigned)rng_below(&rng, n);

			hindex_del(&index, pairs[at].hash, pairs[at].handle);
			pairs[at] = pairs[--n];
			if (round % 100 == 0)
				check_all(&index, pairs, n);
		}
		cr_assert_eq(index.used, 0);
	}
	hindex_fini(&index);
}

Test(hindex, sizes)
{
	struct hindex index;
	uint32_t at = 0;

	cr_assert_eq(hindex_init(&index, 0), 0);
	cr_assert_not(hindex_add(&index, 1, 1));
	cr_assert_eq(hindex_next(&index, 1, &at), HANDLE_NONE);
	hindex_fini(&index);
	cr_assert_eq(hindex_init(&index, 1), 0);
	cr_assert(hindex_add(&index, 1, 1));
	cr_assert_not(hindex_add(&index, 1, 2));
	hindex_fini(&index);
	cr_assert_eq(hindex_init(&index, UINT32_MAX), -ENOMEM);
	/* Two megabytes and more come as huge pages, zeroed like the small ones. */
	cr_assert_eq(hindex_init(&index, 100000), 0);
	for (uint64_t hash = 0; hash < 100000; hash++) {
		at = 0;
		cr_assert_eq(hindex_next(&index, hash, &at), HANDLE_NONE);
		cr_assert(hindex_add(&index, hash, hash + 1));
	}
	for (uint64_t hash = 0; hash < 100000; hash++) {
		at = 0;
		cr_assert_eq(hindex_next(&index, hash, &at), hash + 1);
	}
	hindex_fini(&index);
}
