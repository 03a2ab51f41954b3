/* SPDX-License-Identifier: BSD-3-Clause */
/* Quantiles read from a histogram. Where reports are made; libc only. */
#include "bench/load/histogram.h"

uint64_t histogram_bucket_top(unsigned bucket)
{
	unsigned octave = bucket / HISTOGRAM_SUB;
	uint64_t first;

	if (octave == 0)
		return bucket;
	first = (uint64_t)(HISTOGRAM_SUB + bucket % HISTOGRAM_SUB) << (octave - 1);
	return first + ((UINT64_C(1) << (octave - 1)) - 1);
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
	uint64_t seen = 0, want;

	if (!h->count)
		return 0;
	if (share >= 1)
		return h->max;
	want = (uint64_t)(share * (double)h->count);
	/* Rounded up: one in ten of 11 values are two. */
	if ((double)want < share * (double)h->count)
		want++;
	want = want ? want : 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= want) {
			uint64_t top = histogram_bucket_top(i);

			return top < h->max ? top : h->max;
		}
	}
	return h->max;
}
