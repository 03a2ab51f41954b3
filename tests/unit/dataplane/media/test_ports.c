/* SPDX-License-Identifier: BSD-3-Clause */
/* Port pools: each pair once, in rest order; and the slices of the workers. */
#include "dataplane/media/ports.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "common/base/hash.h"
#include "dataplane/media/media.h"

static const struct hash_key seed = {{5, 6}};

Test(ports, each_pair_once)
{
	struct port_pool pool;
	bool seen[100] = {false};
	uint32_t pair, in_order = 0;

	cr_assert_eq(port_pool_init(&pool, 100, &seed), 0);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert_eq(port_pool_take(&pool, 0, &pair), 0);
		cr_assert_lt(pair, 100);
		cr_assert_not(seen[pair]);
		seen[pair] = true;
		in_order += pair == i;
	}
	cr_assert_eq(port_pool_take(&pool, UINT64_MAX, &pair), -ENOSPC);
	cr_assert_lt(in_order, 10, "the order is not to be guessed");
	port_pool_fini(&pool);
}

Test(ports, another_seed_another_order)
{
	static const struct hash_key other = {{5, 7}};
	struct port_pool a, b;
	uint32_t pa, pb, same = 0;

	cr_assert_eq(port_pool_init(&a, 1000, &seed), 0);
	cr_assert_eq(port_pool_init(&b, 1000, &other), 0);
	for (unsigned i = 0; i < 1000; i++) {
		port_pool_take(&a, 0, &pa);
		port_pool_take(&b, 0, &pb);
		same += pa == pb;
	}
	cr_assert_lt(same, 20);
	port_pool_fini(&a);
	port_pool_fini(&b);
}

Test(ports, rest)
{
	struct port_pool pool;
	uint32_t first, second, pair;

	cr_assert_eq(port_pool_init(&pool, 2, &seed), 0);
	cr_assert_eq(port_pool_take(&pool, 0, &first), 0);
	cr_assert_eq(port_pool_take(&pool, 0, &second), 0);
	port_pool_give(&pool, second, 100);
	port_pool_give(&pool, first, 200);
	cr_assert_eq(port_pool_take(&pool, 99, &pair), -ENOSPC);
	cr_assert_eq(port_pool_take(&pool, 100, &pair), 0);
	cr_assert_eq(pair, second, "the one that rested longest");
	cr_assert_eq(port_pool_take(&pool, 199, &pair), -ENOSPC);
	cr_assert_eq(port_pool_take(&pool, 200, &pair), 0);
	cr_assert_eq(pair, first);
	port_pool_fini(&pool);
}

Test(ports, longest_rest_first_round_and_round)
{
	struct port_pool pool;
	uint32_t order[7], pair;

	cr_assert_eq(port_pool_init(&pool, 7, &seed), 0);
	for (unsigned i = 0; i < 1000; i++) {
		cr_assert_eq(port_pool_take(&pool, i, &pair), 0);
		if (i >= 7)
			cr_assert_eq(pair, order[i % 7]);
		order[i % 7] = pair;
		port_pool_give(&pool, pair, i);
	}
	port_pool_fini(&pool);
}

Test(ports, empty)
{
	struct port_pool pool;
	uint32_t pair;

	cr_assert_eq(port_pool_init(&pool, 0, &seed), 0);
	cr_assert_eq(port_pool_take(&pool, 0, &pair), -ENOSPC);
	port_pool_fini(&pool);
}

Test(ports, withhold)
{
	struct port_pool pool;
	uint32_t used[10] = {[3] = 1, [7] = 9}, pair, n = 0;

	cr_assert_eq(port_pool_init(&pool, 10, &seed), 0);
	port_pool_withhold(&pool, used);
	while (port_pool_take(&pool, 0, &pair) == 0) {
		cr_assert(pair != 3 && pair != 7);
		n++;
	}
	cr_assert_eq(n, 8);
	port_pool_give(&pool, 3, 0);
	cr_assert_eq(port_pool_take(&pool, 0, &pair), 0);
	cr_assert_eq(pair, 3);
	port_pool_fini(&pool);
}

/* Every port of the range has one owner, RTP and RTCP the same; slices are runs, in order, and even
 * give or take a pair. */
Test(ports, owners)
{
	static const struct {
		uint16_t low, high;
		unsigned nworkers;
	} cases[] = {{10000, 19999, 1}, {10000, 19999, 2}, {10000, 19999, 3}, {10000, 19999, 64},
		     {2, 65535, 7},	{1024, 1025, 4},   {40000, 40007, 3}, {40000, 40009, 8}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned nworkers = cases[i].nworkers, last = 0, count[64] = {0};
		uint32_t npairs = ((uint32_t)cases[i].high - cases[i].low + 1) / 2;

		for (uint32_t port = cases[i].low; port <= cases[i].high; port++) {
			unsigned owner = media_port_owner(cases[i].low, cases[i].high, nworkers,
							  (uint16_t)port);

			cr_assert_lt(owner, nworkers);
			cr_assert_geq(owner, last);
			last = owner;
			count[owner]++;
			cr_assert_eq(owner, media_port_owner(cases[i].low, cases[i].high, nworkers,
							     (uint16_t)(port ^ 1)));
		}
		for (unsigned w = 0; w < nworkers; w++) {
			cr_assert_geq(count[w] / 2, npairs / nworkers);
			cr_assert_leq(count[w] / 2, npairs / nworkers + 1);
		}
		cr_assert_eq(media_port_owner(cases[i].low, cases[i].high, nworkers,
					      (uint16_t)(cases[i].low - 1)),
			     nworkers);
		cr_assert_eq(media_port_owner(cases[i].low, cases[i].high, nworkers, 0), nworkers);
		if (cases[i].high < UINT16_MAX)
			cr_assert_eq(media_port_owner(cases[i].low, cases[i].high, nworkers,
						      (uint16_t)(cases[i].high + 1)),
				     nworkers);
	}
}
