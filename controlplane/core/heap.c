/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in the order of their deadlines. limen-controlplane, one thread. */
#include "controlplane/core/heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void heap_free(struct heap *heap)
{
	free(heap->nodes);
	free(heap->places);
	*heap = (struct heap){0};
}

static int reserve(struct heap *heap, uint32_t item)
{
	if (item >= heap->nplaces) {
		uint32_t n = heap->nplaces ? heap->nplaces : 64;
		uint32_t *places;

		while (n <= item)
			n *= 2;
		places = realloc(heap->places, n * sizeof(*places));
		if (!places)
			return -ENOMEM;
		memset(places + heap->nplaces, 0, (n - heap->nplaces) * sizeof(*places));
		heap->places = places;
		heap->nplaces = n;
	}
	if (heap->n == heap->room) {
		uint32_t room = heap->room ? heap->room * 2 : 64;
		struct heap_node *nodes = realloc(heap->nodes, room * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		heap->nodes = nodes;
		heap->room = room;
	}
	return 0;
}

static void put(struct heap *heap, uint32_t at, struct heap_node node)
{
	heap->nodes[at] = node;
	heap->places[node.item] = at + 1;
}

static void sift(struct heap *heap, uint32_t at, struct heap_node node)
{
	while (at && heap->nodes[(at - 1) / 2].deadline > node.deadline) {
		put(heap, at, heap->nodes[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n &&
		    heap->nodes[child + 1].deadline < heap->nodes[child].deadline)
			child++;
		if (heap->nodes[child].deadline >= node.deadline)
			break;
		put(heap, at, heap->nodes[child]);
		at = child;
	}
	put(heap, at, node);
}

int heap_set(struct heap *heap, uint32_t item, uint64_t deadline)
{
	const struct heap_node node = {deadline, item};
	int err;

	if (item < heap->nplaces && heap->places[item]) {
		sift(heap, heap->places[item] - 1, node);
		return 0;
	}
	err = reserve(heap, item);
	if (!err)
		sift(heap, heap->n++, node);
	return err;
}

void heap_remove(struct heap *heap, uint32_t item)
{
	struct heap_node last;
	uint32_t at;

	if (item >= heap->nplaces || !heap->places[item])
		return;
	at = heap->places[item] - 1;
	heap->places[item] = 0;
	last = heap->nodes[--heap->n];
	if (at < heap->n)
		sift(heap, at, last);
}
