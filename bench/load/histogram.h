/* SPDX-License-Identifier: BSD-3-Clause */
/* Times in a histogram of logarithmic buckets, each cut into 64: a value is known to 1.6 % of itself, whatever its size.
 * limen-load's loop; libc only. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6u
#define HISTOGRAM_SUB      (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_BUCKETS  ((64u - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

/* A zeroed one is ready. */
struct histogram {
	uint64_t count;
	uint64_t max;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
	unsigned top;

	if (value < HISTOGRAM_SUB)
		return (unsigned)value;
	top = 63u - (unsigned)__builtin_clzll(value);
	return (top - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB +
	       (unsigned)(value >> (top - HISTOGRAM_SUB_BITS) & (HISTOGRAM_SUB - 1));
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->count++;
	if (value > h->max)
		h->max = value;
	h->bucket[histogram_bucket(value)]++;
}

/* The largest value that falls into a bucket. */
uint64_t histogram_bucket_top(unsigned bucket);

/* The smallest value that at least `share` (0..1) of those added do not exceed, rounded up to its bucket's end but never past
 * the largest added. 0 where there are none. */
uint64_t histogram_quantile(const struct histogram *h, double share);
