/* SPDX-License-Identifier: BSD-3-Clause */
/* A small seeded random source for tests (SplitMix64): the same seed gives the same test. */
#pragma once

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* 0 .. bound - 1 (bound not 0); the bias is far below what a test could notice. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	return (uint64_t)((unsigned __int128)rng_next(rng) * bound >> 64);
}
