/* SPDX-License-Identifier: BSD-3-Clause */
/* A pool of port pairs, first in first out with a rest between two uses. Lies outside the arena.
 * One worker thread; libc only. */
#pragma once

#include <stdint.h>

struct hash_key;

struct port_rest {
	uint64_t ready_ns; /* not before */
	uint32_t pair;
};

struct port_pool {
	struct port_rest *ring;
	uint32_t npairs; /* of the pool, and room in the ring */
	uint32_t head;   /* the one that rested longest */
	uint32_t count;
};

/* Pairs 0..npairs-1, all ready, in an order that `seed` decides: the next port cannot be told from
 * the last. 0, or -ENOMEM. */
int port_pool_init(struct port_pool *pool, uint32_t npairs, const struct hash_key *seed);
void port_pool_fini(struct port_pool *pool);

/* 0, or -ENOSPC when none is ready. */
int port_pool_take(struct port_pool *pool, uint64_t now_ns, uint32_t *pair);

/* Give a taken pair back, not to be used before ready_ns. */
void port_pool_give(struct port_pool *pool, uint32_t pair, uint64_t ready_ns);

/* Take out all pairs for which used[pair] is not 0. */
void port_pool_withhold(struct port_pool *pool, const uint32_t *used);
