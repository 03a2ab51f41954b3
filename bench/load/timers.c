/* SPDX-License-Identifier: BSD-3-Clause */
/* A hashed wheel (Varghese, Lauck 1987) of doubly linked lists. limen-load's loop; libc only. */
#include "bench/load/timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int timers_init(struct timers *timers, uint32_t ntimers, uint64_t now_ms)
{
	timers->links = calloc(ntimers ? ntimers : 1, sizeof(*timers->links));
	timers->ntimers = ntimers;
	timers->now_ms = now_ms;
	memset(timers->slots, 0xff, sizeof(timers->slots));
	return timers->links ? 0 : -ENOMEM;
}

void timers_fini(struct timers *timers)
{
	free(timers->links);
	timers->links = NULL;
}

static uint32_t *slot_of(struct timers *timers, uint64_t due_ms)
{
	return &timers->slots[due_ms % TIMERS_SLOTS];
}

void timers_stop(struct timers *timers, uint32_t timer)
{
	struct timer_link *link = &timers->links[timer];

	if (!link->due_ms)
		return;
	if (link->prev == TIMERS_NONE)
		*slot_of(timers, link->due_ms) = link->next;
	else
		timers->links[link->prev].next = link->next;
	if (link->next != TIMERS_NONE)
		timers->links[link->next].prev = link->prev;
	link->due_ms = 0;
}

void timers_set(struct timers *timers, uint32_t timer, uint64_t due_ms)
{
	struct timer_link *link = &timers->links[timer];
	uint32_t *slot;

	timers_stop(timers, timer);
	/* The slot of now_ms may have been passed already. */
	link->due_ms = due_ms > timers->now_ms ? due_ms : timers->now_ms + 1;
	slot = slot_of(timers, link->due_ms);
	link->prev = TIMERS_NONE;
	link->next = *slot;
	if (link->next != TIMERS_NONE)
		timers->links[link->next].prev = timer;
	*slot = timer;
}

uint32_t timers_next(struct timers *timers, uint64_t now_ms)
{
	while (timers->now_ms < now_ms) {
		uint64_t ms = timers->now_ms + 1;

		for (uint32_t at = *slot_of(timers, ms); at != TIMERS_NONE; at = timers->links[at].next) {
			if (timers->links[at].due_ms > ms)
				continue; /* in a later turn of the wheel */
			timers_stop(timers, at);
			return at;
		}
		timers->now_ms = ms;
	}
	return TIMERS_NONE;
}
