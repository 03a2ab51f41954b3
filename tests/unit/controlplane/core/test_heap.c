/* SPDX-License-Identifier: BSD-3-Clause */
/* Deadlines in order, against a plain search. */
#include "controlplane/core/heap.h"

#include <criterion/criterion.h>

#include "../../../rng.h"

#define ITEMS 500u

struct plain {
	bool in[ITEMS];
	uint64_t deadlines[ITEMS];
};

static bool plain_first(const struct plain *plain, uint64_t *deadline)
{
	bool any = false;

	for (unsigned i = 0; i < ITEMS; i++) {
		if (plain->in[i] && (!any || plain->deadlines[i] < *deadline)) {
			*deadline = plain->deadlines[i];
			any = true;
		}
	}
	return any;
}

static void expect_same(const struct heap *heap, const struct plain *plain)
{
	uint64_t wanted = 0, deadline = 0;
	uint32_t item = 0;
	bool any = plain_first(plain, &wanted);

	cr_assert_eq(heap_first(heap, &item, &deadline), any);
	if (!any)
		return;
	cr_assert_eq(deadline, wanted);
	cr_assert(plain->in[item] && plain->deadlines[item] == wanted);
}

Test(heap, keeps_the_order_whatever_is_done)
{
	struct heap heap = {0};
	struct plain plain = {0};
	struct rng rng = {7};

	expect_same(&heap, &plain);
	for (unsigned turn = 0; turn < 20000; turn++) {
		uint32_t item = (uint32_t)rng_below(&rng, ITEMS);

		if (rng_below(&rng, 3)) {
			plain.in[item] = true;
			plain.deadlines[item] = rng_below(&rng, 1000);
			cr_assert_eq(heap_set(&heap, item, plain.deadlines[item]), 0);
		} else {
			plain.in[item] = false;
			heap_remove(&heap, item);
		}
		expect_same(&heap, &plain);
	}
	heap_remove(&heap, 123456);
	expect_same(&heap, &plain);
	heap_free(&heap);
	heap_free(&heap);
}
