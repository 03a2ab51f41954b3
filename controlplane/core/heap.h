/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in the order of their deadlines: a binary heap in which each number's place is known, so
 * that a deadline can be moved. limen-controlplane, one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct heap_node {
	uint64_t deadline;
	uint32_t item;
};

/* Zero is an empty one. */
struct heap {
	struct heap_node *nodes; /* owned */
	uint32_t *places;        /* owned; by item: its node plus 1, 0: none */
	uint32_t n, room, nplaces;
};

void heap_free(struct heap *heap);

/* Put an item in, or move it. Items are small numbers: memory goes with the largest. 0, or -ENOMEM:
 * then the heap is as it was. Moving cannot fail. */
int heap_set(struct heap *heap, uint32_t item, uint64_t deadline);

/* Nothing happens to one that is not in. */
void heap_remove(struct heap *heap, uint32_t item);

static inline bool heap_first(const struct heap *heap, uint32_t *item, uint64_t *deadline)
{
	if (!heap->n)
		return false;
	*item = heap->nodes[0].item;
	*deadline = heap->nodes[0].deadline;
	return true;
}
