/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTERs on their way: an array with chains by id, like bindings. limen-controlplane, loop
 * thread. */
#include "controlplane/registrar/pending.h"

#include <errno.h>
#include <stdlib.h>

#include "controlplane/core/heap.h"

#define BUCKETS 4096u

struct slot {
	struct pending pending;
	char *texts;   /* owned; NULL: free */
	uint32_t next; /* plus 1: in its chain, or of the free ones */
};

struct pendings {
	struct slot *slots;
	uint32_t end, room, count, first_free;
	uint32_t buckets[BUCKETS];
	struct heap deadlines;
};

struct pendings *pendings_new(void)
{
	return calloc(1, sizeof(struct pendings));
}

void pendings_free(struct pendings *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->end; i++)
		free(p->slots[i].texts);
	free(p->slots);
	heap_free(&p->deadlines);
	free(p);
}

static uint32_t *bucket_of(const struct pendings *p, const struct registration_id *id)
{
	uint64_t hash = hash_mix(id->ask_id + id->worker, UINT64_C(0x9e3779b97f4a7c15));

	return (uint32_t *)(uintptr_t)&p->buckets[hash % BUCKETS];
}

static bool is_id(const struct registration_id *a, const struct registration_id *b)
{
	return a->ask_id == b->ask_id && a->worker == b->worker;
}

/* The link that leads to it, or to 0. */
static uint32_t *link_to(const struct pendings *p, const struct registration_id *id)
{
	uint32_t *at = bucket_of(p, id);

	while (*at && !is_id(&p->slots[*at - 1].pending.id, id))
		at = &p->slots[*at - 1].next;
	return at;
}

static int take_slot(struct pendings *p, uint32_t *number)
{
	if (p->first_free) {
		*number = p->first_free - 1;
		return 0;
	}
	if (p->end == p->room) {
		uint32_t room = p->room ? p->room * 2 : 64;
		struct slot *slots = realloc(p->slots, room * sizeof(*slots));

		if (!slots)
			return -ENOMEM;
		p->slots = slots;
		p->room = room;
	}
	*number = p->end;
	return 0;
}

static struct span move(char **at, struct span text)
{
	struct span kept = span_of(*at, text.len);

	if (text.len)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return kept;
}

int pendings_add(struct pendings *p, const struct pending *pending, uint64_t deadline_s)
{
	size_t bytes = pending->trunk.len + pending->user.len + 1;
	uint32_t number, *bucket;
	struct slot *slot;
	char *texts, *at;
	int err;

	for (unsigned i = 0; i < pending->n; i++)
		bytes += pending->contacts[i].uri.len;
	texts = at = malloc(bytes);
	pendings_remove(p, &pending->id);
	err = texts ? take_slot(p, &number) : -ENOMEM;
	if (!err)
		err = heap_set(&p->deadlines, number, deadline_s);
	if (err) {
		free(texts);
		return err;
	}
	slot = &p->slots[number];
	if (number == p->end)
		p->end++;
	else
		p->first_free = slot->next;
	slot->pending = *pending;
	slot->texts = texts;
	slot->pending.trunk = move(&at, pending->trunk);
	slot->pending.user = move(&at, pending->user);
	for (unsigned i = 0; i < pending->n; i++)
		slot->pending.contacts[i].uri = move(&at, pending->contacts[i].uri);
	bucket = bucket_of(p, &pending->id);
	slot->next = *bucket;
	*bucket = number + 1;
	p->count++;
	return 0;
}

bool pendings_find(const struct pendings *p, const struct registration_id *id,
		   struct pending *pending)
{
	uint32_t at = *link_to(p, id);

	if (at)
		*pending = p->slots[at - 1].pending;
	return at != 0;
}

void pendings_remove(struct pendings *p, const struct registration_id *id)
{
	uint32_t *link = link_to(p, id), number = *link;
	struct slot *slot;

	if (!number)
		return;
	slot = &p->slots[number - 1];
	*link = slot->next;
	heap_remove(&p->deadlines, number - 1);
	free(slot->texts);
	slot->texts = NULL;
	slot->next = p->first_free;
	p->first_free = number;
	p->count--;
}

bool pendings_first(const struct pendings *p, struct registration_id *id, uint64_t *deadline_s)
{
	uint32_t number;

	if (!heap_first(&p->deadlines, &number, deadline_s))
		return false;
	*id = p->slots[number].pending.id;
	return true;
}

uint32_t pendings_count(const struct pendings *p)
{
	return p->count;
}
