/* SPDX-License-Identifier: BSD-3-Clause */
/* A binary heap of events. */
#include "events.h"

#include <assert.h>
#include <stdlib.h>

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->serial < b->serial;
}

void events_add(struct events *events, uint64_t at_ns, enum event_kind kind, uint32_t who,
		void *data)
{
	struct event event = {at_ns, events->serial++, kind, who, data};
	uint32_t at = events->n++;

	if (events->n > events->room) {
		events->room = events->room ? 2 * events->room : 1024;
		events->heap = realloc(events->heap, events->room * sizeof(*events->heap));
		if (!events->heap)
			abort();
	}
	while (at && is_before(&event, &events->heap[(at - 1) / 2])) {
		events->heap[at] = events->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	events->heap[at] = event;
}

uint64_t events_next_ns(const struct events *events)
{
	return events->n ? events->heap[0].at_ns : UINT64_MAX;
}

struct event events_take(struct events *events)
{
	struct event first = events->heap[0], last;
	uint32_t at = 0, child;

	assert(events->n);
	last = events->heap[--events->n];
	while ((child = 2 * at + 1) < events->n) {
		if (child + 1 < events->n &&
		    is_before(&events->heap[child + 1], &events->heap[child]))
			child++;
		if (!is_before(&events->heap[child], &last))
			break;
		events->heap[at] = events->heap[child];
		at = child;
	}
	events->heap[at] = last;
	return first;
}

void events_free(struct events *events)
{
	for (uint32_t i = 0; i < events->n; i++)
		free(events->heap[i].data);
	free(events->heap);
	*events = (struct events){0};
}
