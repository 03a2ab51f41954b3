/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-load's histogram: buckets that leave nothing out, quantiles against a sorted list. */
#include "bench/load/histogram.h"

#include "../../rng.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define VALUES 5000u

Test(histogram, every_value_lies_in_a_bucket_that_ends_where_the_next_begins)
{
	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
		uint64_t top = histogram_bucket_top(i);

		cr_assert_eq(histogram_bucket(top), i, "top of %u", i);
		cr_assert_eq(histogram_bucket(top + 1), i + 1, "behind %u", i);
	}
	cr_assert_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
	cr_assert_eq(histogram_bucket_top(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}

Test(histogram, an_empty_one_answers_zero)
{
	static struct histogram h;

	cr_assert_eq(histogram_quantile(&h, 0.5), 0);
	cr_assert_eq(histogram_quantile(&h, 1), 0);
}

Test(histogram, small_values_are_exact)
{
	static struct histogram h;

	for (uint64_t v = 1; v <= 10; v++)
		histogram_add(&h, v);
	cr_assert_eq(histogram_quantile(&h, 0), 1);
	cr_assert_eq(histogram_quantile(&h, 0.5), 5);
	cr_assert_eq(histogram_quantile(&h, 0.51), 6);
	cr_assert_eq(histogram_quantile(&h, 0.9), 9);
	cr_assert_eq(histogram_quantile(&h, 0.99), 10);
	cr_assert_eq(histogram_quantile(&h, 1), 10);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

Test(histogram, quantiles_are_those_of_the_sorted_list_within_a_bucket)
{
	static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};
	static struct histogram h;
	static uint64_t values[VALUES];
	struct rng rng = {.state = 7};

	/* Times as they come: most near, a few far. */
	for (unsigned i = 0; i < VALUES; i++) {
		values[i] = rng_below(&rng, UINT64_C(1) << (4 + rng_below(&rng, 30)));
		histogram_add(&h, values[i]);
	}
	qsort(values, VALUES, sizeof(values[0]), by_value);
	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		double at = shares[i] * VALUES;
		unsigned rank = (unsigned)at + ((double)(unsigned)at < at);
		uint64_t exact = values[rank ? rank - 1 : 0],
			 got = histogram_quantile(&h, shares[i]);

		cr_assert_geq(got, exact, "%f", shares[i]);
		cr_assert_leq(got, exact + exact / HISTOGRAM_SUB, "%f: %lu for %lu", shares[i], got,
			      exact);
	}
	cr_assert_eq(h.max, values[VALUES - 1]);
	cr_assert_eq(h.count, VALUES);
}
