/* SPDX-License-Identifier: BSD-3-Clause */
/* Open addressing, linear probing, nothing is ever removed. */
#include "map.h"

#include <stdlib.h>

static uint32_t map_slot(const struct map *map, uint64_t key)
{
	uint32_t at = (uint32_t)key & (map->room - 1);

	while (map->slots[at].key && map->slots[at].key != key)
		at = (at + 1) & (map->room - 1);
	return at;
}

static void map_grow(struct map *map)
{
	struct map old = *map;

	map->room = old.room ? 2 * old.room : 1024;
	map->slots = calloc(map->room, sizeof(*map->slots));
	if (!map->slots)
		abort();
	for (uint32_t i = 0; i < old.room; i++)
		if (old.slots[i].key)
			map->slots[map_slot(map, old.slots[i].key)] = old.slots[i];
	free(old.slots);
}

uint64_t *map_at(struct map *map, uint64_t key)
{
	uint32_t at;

	if (2 * map->n >= map->room)
		map_grow(map);
	at = map_slot(map, key);
	if (!map->slots[at].key) {
		map->slots[at].key = key;
		map->n++;
	}
	return &map->slots[at].value;
}

uint64_t *map_find(const struct map *map, uint64_t key)
{
	uint32_t at;

	if (!map->n)
		return NULL;
	at = map_slot(map, key);
	return map->slots[at].key ? &map->slots[at].value : NULL;
}

void map_free(struct map *map)
{
	free(map->slots);
	*map = (struct map){0};
}
