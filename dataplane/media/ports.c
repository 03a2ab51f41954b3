/* SPDX-License-Identifier: BSD-3-Clause */
/* Port pairs in rest order: a ring, so taking and giving are a few instructions each. One worker
 * thread; libc only. */
#include "dataplane/media/ports.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/hash.h"

int port_pool_init(struct port_pool *pool, uint32_t npairs, const struct hash_key *seed)
{
	pool->ring = calloc(npairs ? npairs : 1, sizeof(*pool->ring));
	if (!pool->ring)
		return -ENOMEM;
	pool->npairs = npairs;
	pool->head = 0;
	pool->count = npairs;
	for (uint32_t i = 0; i < npairs; i++)
		pool->ring[i].pair = i;
	/* Fisher and Yates. Reducing 32 random bits to a range of ports by multiplication has a
	 * bias of 2^-17 at most. */
	for (uint32_t i = npairs; i > 1; i--) {
		uint64_t random = hash_sip(seed, span_of(&i, sizeof(i)));
		uint32_t j = (uint32_t)(((random >> 32) * i) >> 32);
		uint32_t pair = pool->ring[j].pair;

		pool->ring[j].pair = pool->ring[i - 1].pair;
		pool->ring[i - 1].pair = pair;
	}
	return 0;
}

void port_pool_fini(struct port_pool *pool)
{
	free(pool->ring);
	pool->ring = NULL;
}

int port_pool_take(struct port_pool *pool, uint64_t now_ns, uint32_t *pair)
{
	const struct port_rest *first = &pool->ring[pool->head];

	if (pool->count == 0 || first->ready_ns > now_ns)
		return -ENOSPC;
	*pair = first->pair;
	pool->head = pool->head + 1 == pool->npairs ? 0 : pool->head + 1;
	pool->count--;
	return 0;
}

void port_pool_give(struct port_pool *pool, uint32_t pair, uint64_t ready_ns)
{
	uint32_t at = pool->head + pool->count;

	assert(pool->count < pool->npairs && pair < pool->npairs);
	pool->ring[at < pool->npairs ? at : at - pool->npairs] =
		(struct port_rest){.ready_ns = ready_ns, .pair = pair};
	pool->count++;
}

void port_pool_withhold(struct port_pool *pool, const uint32_t *used)
{
	uint32_t count = pool->count;

	for (uint32_t i = 0; i < count; i++) {
		struct port_rest rest = pool->ring[pool->head];

		pool->head = pool->head + 1 == pool->npairs ? 0 : pool->head + 1;
		pool->count--;
		if (!used[rest.pair])
			port_pool_give(pool, rest.pair, rest.ready_ns);
	}
}
