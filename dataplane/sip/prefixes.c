/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefixes in one hash table with open addressing. What was removed keeps its place until the next
 * prefix takes it, or the table is cleared of all of them. */
#include "dataplane/sip/prefixes.h"

#include "common/base/hash.h"

#include <errno.h>
#include <stdlib.h>

int prefixes_init(struct prefixes *p, uint32_t max, uint64_t seed)
{
	*p = (struct prefixes){.max = max, .seed = seed, .mask = 1};
	while (p->mask < max * 2)
		p->mask = p->mask * 2 + 1;
	p->slots = calloc((size_t)p->mask + 1, sizeof(*p->slots));
	return p->slots ? 0 : -ENOMEM;
}

void prefixes_fini(struct prefixes *p)
{
	free(p->slots);
	p->slots = NULL;
}

void prefixes_clear(struct prefixes *p)
{
	if (p->n || p->dead)
		memset(p->slots, 0, ((size_t)p->mask + 1) * sizeof(*p->slots));
	p->n = p->dead = 0;
	memset(p->lengths, 0, sizeof(p->lengths));
	memset(p->used, 0, sizeof(p->used));
}

static struct net_addr masked(const struct net_addr *addr, unsigned bits)
{
	struct net_addr out = {0};

	memcpy(out.ip, addr->ip, bits / 8);
	if (bits % 8)
		out.ip[bits / 8] = addr->ip[bits / 8] & (uint8_t)(0xff00u >> bits % 8);
	return out;
}

static bool same_prefix(const struct ipc_source *a, const struct ipc_source *b)
{
	return a->family == b->family && a->bits == b->bits && a->realm == b->realm &&
	       net_addr_eq(&a->addr, &b->addr);
}

static uint32_t start_of(const struct prefixes *p, const struct ipc_source *source)
{
	uint64_t seed = p->seed ^ (uint64_t)source->realm << 16 ^ (uint64_t)source->family << 8 ^
			source->bits;

	return (uint32_t)hash_fast(seed, span_of(source->addr.ip, sizeof(source->addr.ip))) &
	       p->mask;
}

/* Where it is; or a free slot, or the first that a removed one left. */
static struct prefix_entry *slot_of(const struct prefixes *p, const struct ipc_source *source,
				    bool for_new)
{
	struct prefix_entry *left = NULL;
	uint32_t at = start_of(p, source);

	for (;; at = (at + 1) & p->mask) {
		struct prefix_entry *entry = &p->slots[at];

		if (entry->source.family == NET_NONE && !entry->is_dead)
			return for_new && left ? left : entry;
		if (entry->is_dead && !left)
			left = entry;
		if (!entry->is_dead && same_prefix(&entry->source, source))
			return entry;
	}
}

static void count_length(struct prefixes *p, const struct ipc_source *source, int by)
{
	unsigned v6 = source->family == NET_IP6, any = source->realm == IPC_REALM_ANY;
	uint32_t *n = &p->lengths[v6][any][source->bits];

	*n += (uint32_t)by;
	if (*n)
		p->used[v6][any][source->bits / 64] |= UINT64_C(1) << source->bits % 64;
	else
		p->used[v6][any][source->bits / 64] &= ~(UINT64_C(1) << source->bits % 64);
}

bool prefixes_put(struct prefixes *p, const struct ipc_source *source, uint32_t until_s)
{
	struct prefix_entry *entry = slot_of(p, source, true);

	if (entry->source.family == NET_NONE || entry->is_dead) {
		/* some slots are always free, so that each search ends */
		if (p->n >= p->max || (!entry->is_dead && p->n + p->dead >= p->mask - p->mask / 8))
			return false;
		p->dead -= entry->is_dead;
		p->n++;
		count_length(p, source, 1);
	}
	*entry = (struct prefix_entry){.source = *source, .until_s = until_s};
	return true;
}

/* The removed ones are forgotten once there is nothing else. */
bool prefixes_remove(struct prefixes *p, const struct ipc_source *source)
{
	struct prefix_entry *entry = slot_of(p, source, false);
	uint32_t next;

	if (entry->source.family == NET_NONE)
		return false;
	count_length(p, source, -1);
	p->n--;
	next = ((uint32_t)(entry - p->slots) + 1) & p->mask;
	if (p->slots[next].source.family == NET_NONE && !p->slots[next].is_dead) {
		memset(entry, 0, sizeof(*entry)); /* nobody's way leads over it */
	} else {
		*entry = (struct prefix_entry){.is_dead = 1};
		p->dead++;
	}
	if (p->n == 0)
		prefixes_clear(p);
	return true;
}

static const struct prefix_entry *find_length(const struct prefixes *p, struct ipc_source *key,
					      const struct net_addr *addr, unsigned bits,
					      uint32_t now_s)
{
	const struct prefix_entry *entry;

	key->bits = (uint8_t)bits;
	key->addr = masked(addr, bits);
	entry = slot_of(p, key, false);
	return entry->source.family != NET_NONE && now_s < entry->until_s ? entry : NULL;
}

/* Of one length that of the realm goes before that of any. */
const struct prefix_entry *prefixes_find(const struct prefixes *p, uint8_t realm, uint8_t family,
					 const struct net_addr *addr, uint32_t now_s)
{
	const uint64_t(*used)[3] = p->used[family == NET_IP6];
	struct ipc_source key = {.family = family};

	for (int word = 2; word >= 0; word--) {
		uint64_t left = used[0][word] | used[1][word];

		while (left) {
			unsigned bit = 63u - (unsigned)__builtin_clzll(left),
				 bits = (unsigned)word * 64 + bit;

			left &= ~(UINT64_C(1) << bit);
			for (unsigned any = 0; any < 2; any++) {
				const struct prefix_entry *entry;

				if (!(used[any][word] >> bit & 1))
					continue;
				key.realm = any ? IPC_REALM_ANY : realm;
				entry = find_length(p, &key, addr, bits, now_s);
				if (entry)
					return entry;
			}
		}
	}
	return NULL;
}

bool prefixes_split_64(const struct prefixes *p)
{
	const uint64_t(*used)[3] = p->used[1];

	return ((used[0][1] | used[1][1]) & ~UINT64_C(1)) || used[0][2] || used[1][2];
}
