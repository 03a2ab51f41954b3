/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash table. limen-controlplane, loop thread. */
#include "controlplane/transport/links.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_FIRST 256u

int links_init(struct links *table)
{
	table->heads = calloc(SIZE_FIRST, sizeof(*table->heads));
	table->size = table->heads ? SIZE_FIRST : 0;
	table->n = 0;
	return table->heads ? 0 : -ENOMEM;
}

void links_free(struct links *table)
{
	free(table->heads);
	*table = (struct links){0};
}

static void hang(struct links *table, struct link *link)
{
	struct link **head = &table->heads[link->hash & (table->size - 1)];

	link->next = *head;
	*head = link;
}

/* Without memory the chains only become longer. Chains are turned round twice by the move of their
 * links, so that the newest of equals stays the first: once here, once by hang(). */
static void grow(struct links *table)
{
	struct links old = *table;

	table->heads = calloc(2 * old.size, sizeof(*table->heads));
	if (!table->heads) {
		*table = old;
		return;
	}
	table->size = 2 * old.size;
	for (size_t i = 0; i < old.size; i++) {
		struct link *turned = NULL, *link, *next;

		for (link = old.heads[i]; link; link = next) {
			next = link->next;
			link->next = turned;
			turned = link;
		}
		for (link = turned; link; link = next) {
			next = link->next;
			hang(table, link);
		}
	}
	free(old.heads);
}

void links_put(struct links *table, struct link *link, uint64_t hash)
{
	if (table->n >= table->size)
		grow(table);
	link->hash = hash;
	link->linked = true;
	hang(table, link);
	table->n++;
}

void links_drop(struct links *table, struct link *link)
{
	struct link **at;

	if (!link->linked)
		return;
	at = &table->heads[link->hash & (table->size - 1)];
	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	link->linked = false;
	table->n--;
}

static struct link *from(struct link *link, uint64_t hash)
{
	while (link && link->hash != hash)
		link = link->next;
	return link;
}

struct link *links_first(const struct links *table, uint64_t hash)
{
	return from(table->heads[hash & (table->size - 1)], hash);
}

struct link *links_next(const struct link *link)
{
	return from(link->next, link->hash);
}
