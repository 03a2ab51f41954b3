/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest match over number prefixes, packed level by level: the children of a node lie side by
 * side, and so do its values. */
#include "bench/micro/packed_trie.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_BYTES  (UINT64_C(2) << 20)
#define JUMP_DIGITS 4u
#define JUMPS	    10000u
#define NO_NODE	    UINT32_MAX

struct node {
	uint16_t children; /* a bit for each symbol */
	uint16_t values;
	uint32_t first_child;
	uint32_t first_value;
};
_Static_assert(sizeof(struct node) == 12, "a table of a million prefixes has half as many of them");

/* Where the first digits of a number lead: steps that need not be taken one by one. */
struct jump {
	uint32_t node;	/* NO_NODE: no further */
	uint32_t value; /* of the longest prefix so far */
	uint32_t len;
};

struct packed_trie {
	struct jump *jumps; /* by the first JUMP_DIGITS digits; NULL while packing */
	struct node *nodes;
	uint32_t *values;
	uint32_t nnodes, nvalues;
	uint32_t root; /* value of the empty prefix, or PACKED_NONE */
};

static const uint8_t symbols[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4,  ['4'] = 5,	 ['5'] = 6,
	['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10, ['*'] = 11, ['#'] = 12,
};

static struct span without_plus(struct span number)
{
	return number.len && number.ptr[0] == '+' ? span_of(number.ptr + 1, number.len - 1)
						  : number;
}

bool packed_key_read(struct span prefix, packed_bits *bits)
{
	*bits = 0;
	prefix = without_plus(prefix);
	if (prefix.len > PACKED_LEN_MAX)
		return false;
	for (size_t i = 0; i < prefix.len; i++) {
		uint8_t symbol = symbols[(uint8_t)prefix.ptr[i]];

		if (!symbol)
			return false;
		*bits |= (packed_bits)symbol << (124 - 4 * i);
	}
	return true;
}

/* The symbol at that depth, 0 where the prefix has ended. */
static inline unsigned symbol_at(const struct packed_key *key, unsigned depth)
{
	return (unsigned)(key->bits >> (124 - 4 * depth)) & 15;
}

/* The keys below one node. */
struct range {
	size_t from, to;
};

/* A level in the making: the ranges of its nodes, and of those of the next. */
struct packing {
	const struct packed_key *keys;
	struct packed_trie *trie;
	struct range *ranges, *next;
	size_t nranges, nnext;
	size_t nodes_room, ranges_room, next_room;
};

static bool grow(void *array, size_t *room, size_t want, size_t bytes)
{
	void **at = array, *new;
	size_t more = *room ? *room : 1024;

	if (want <= *room)
		return true;
	while (more < want)
		more += more / 2;
	new = realloc(*at, more * bytes);
	if (!new)
		return false;
	*at = new;
	*room = more;
	return true;
}

/* One node from the keys that go on at this depth: the first key of each symbol may end there, all
 * others of it lie below a child. */
static bool pack_node(struct packing *p, struct range range, unsigned depth)
{
	struct packed_trie *trie = p->trie;
	struct node node = {.first_value = trie->nvalues,
			    .first_child = trie->nnodes + (uint32_t)(p->nranges + p->nnext)};

	while (range.from < range.to) {
		unsigned symbol = symbol_at(&p->keys[range.from], depth);
		size_t to = range.from, from = range.from;

		while (to < range.to && symbol_at(&p->keys[to], depth) == symbol)
			to++;
		if (!symbol_at(&p->keys[from], depth + 1)) {
			node.values |= (uint16_t)(1u << symbol);
			trie->values[trie->nvalues++] = p->keys[from++].value;
		}
		if (from < to) {
			if (!grow(&p->next, &p->next_room, p->nnext + 1, sizeof(*p->next)))
				return false;
			node.children |= (uint16_t)(1u << symbol);
			p->next[p->nnext++] = (struct range){from, to};
		}
		range.from = to;
	}
	trie->nodes[trie->nnodes++] = node;
	p->nranges--;
	return true;
}

static bool pack_level(struct packing *p, unsigned depth)
{
	size_t n = p->nranges;

	if (!grow(&p->trie->nodes, &p->nodes_room, p->trie->nnodes + n, sizeof(struct node)))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!pack_node(p, p->ranges[i], depth))
			return false;
	}
	return true;
}

static bool pack(struct packing *p, size_t n)
{
	struct packed_trie *trie = p->trie;
	struct range all = {0, n};

	trie->root = PACKED_NONE;
	if (n && !p->keys[0].bits) {
		trie->root = p->keys[0].value;
		all.from = 1;
	}
	trie->values = malloc((n ? n : 1) * sizeof(*trie->values));
	if (!trie->values || !grow(&p->ranges, &p->ranges_room, 1, sizeof(*p->ranges)))
		return false;
	p->ranges[0] = all;
	p->nranges = 1;
	for (unsigned depth = 0; p->nranges; depth++) {
		struct range *swap = p->ranges;
		size_t room = p->ranges_room;

		if (!pack_level(p, depth))
			return false;
		p->ranges = p->next;
		p->ranges_room = p->next_room;
		p->nranges = p->nnext;
		p->next = swap;
		p->next_room = room;
		p->nnext = 0;
	}
	return true;
}

/* In huge pages where the kernel has some to give: a look-up is a few far apart reads, and those
 * that miss the TLB cost twice. */
static bool settle_nodes(struct packed_trie *trie)
{
	size_t bytes = trie->nnodes * sizeof(*trie->nodes);
	size_t room = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
	struct node *nodes =
		bytes < HUGE_BYTES / 2 ? malloc(bytes) : aligned_alloc(HUGE_BYTES, room);

	if (!nodes)
		return false;
	if (bytes >= HUGE_BYTES / 2)
		(void)madvise(nodes, room, MADV_HUGEPAGE);
	memcpy(nodes, trie->nodes, bytes);
	free(trie->nodes);
	trie->nodes = nodes;
	return true;
}

struct walk {
	const struct node *node; /* NULL: no further */
	uint32_t at;		 /* of the value; PACKED_NONE: none yet */
	uint32_t len;
};

static inline uint32_t rank(uint16_t set, unsigned symbol)
{
	return (uint32_t)__builtin_popcount(set & ((1u << symbol) - 1));
}

static inline void step(const struct packed_trie *trie, struct walk *walk, unsigned symbol,
			size_t i)
{
	const struct node *node = walk->node;

	/* symbol 0 has no bit in either set */
	if (node->values >> symbol & 1) {
		walk->at = node->first_value + rank(node->values, symbol);
		walk->len = (uint32_t)i + 1;
	}
	walk->node = node->children >> symbol & 1
			     ? &trie->nodes[node->first_child + rank(node->children, symbol)]
			     : NULL;
}

static bool make_jumps(struct packed_trie *trie)
{
	trie->jumps = malloc(JUMPS * sizeof(*trie->jumps));
	for (unsigned n = 0; trie->jumps && n < JUMPS; n++) {
		const unsigned digits[JUMP_DIGITS] = {n / 1000, n / 100 % 10, n / 10 % 10, n % 10};
		struct walk walk = {trie->nodes, PACKED_NONE, 0};

		for (unsigned i = 0; walk.node && i < JUMP_DIGITS; i++)
			step(trie, &walk, digits[i] + 1, i);
		trie->jumps[n] = (struct jump){
			walk.node ? (uint32_t)(walk.node - trie->nodes) : NO_NODE,
			walk.at == PACKED_NONE ? trie->root : trie->values[walk.at], walk.len};
	}
	return trie->jumps != NULL;
}

struct packed_trie *packed_trie_new(const struct packed_key *keys, size_t n)
{
	struct packed_trie *trie = calloc(1, sizeof(*trie));
	struct packing p = {.keys = keys, .trie = trie};
	bool good = trie && pack(&p, n) && settle_nodes(trie) && make_jumps(trie);

	free(p.ranges);
	free(p.next);
	if (!good) {
		packed_trie_free(trie);
		return NULL;
	}
	return trie;
}

void packed_trie_free(struct packed_trie *trie)
{
	if (!trie)
		return;
	free(trie->jumps);
	free(trie->nodes);
	free(trie->values);
	free(trie);
}

/* The number's first digits as the index of a jump; JUMPS where they are not all digits. */
static inline unsigned jump_of(struct span number)
{
	unsigned n = 0;

	if (number.len < JUMP_DIGITS)
		return JUMPS;
	for (unsigned i = 0; i < JUMP_DIGITS; i++) {
		unsigned digit = (uint8_t)(number.ptr[i] - '0');

		if (digit > 9)
			return JUMPS;
		n = n * 10 + digit;
	}
	return n;
}

uint32_t packed_trie_find(const struct packed_trie *trie, struct span number, unsigned *len)
{
	struct walk walk = {trie->nodes, PACKED_NONE, 0};
	uint32_t value = trie->root;
	size_t i = 0;
	unsigned n;

	number = without_plus(number);
	n = jump_of(number);
	if (n < JUMPS) {
		const struct jump *jump = &trie->jumps[n];

		walk.node = jump->node == NO_NODE ? NULL : &trie->nodes[jump->node];
		walk.len = jump->len;
		value = jump->value;
		i = JUMP_DIGITS;
	}
	for (; walk.node && i < number.len; i++)
		step(trie, &walk, symbols[(uint8_t)number.ptr[i]], i);
	*len = walk.len;
	return walk.at == PACKED_NONE ? value : trie->values[walk.at];
}

size_t packed_trie_bytes(const struct packed_trie *trie)
{
	return sizeof(*trie) + JUMPS * sizeof(*trie->jumps) + trie->nnodes * sizeof(*trie->nodes) +
	       trie->nvalues * sizeof(*trie->values);
}
