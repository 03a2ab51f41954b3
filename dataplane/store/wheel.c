/* SPDX-License-Identifier: BSD-3-Clause */
/* Timer wheel: eight levels of 1024 slots, each level's slots eight times as wide as those below it
 * (1 ms to 35 minutes, 24 days in all). Owned by one worker thread.
 *
 * A slot of a higher level is emptied into the levels below when time reaches its start. Steps of
 * eight, and not of 1024, keep a slot at most a 128th as wide as its distance: with a million
 * timers spread over 32 s some 2,000 move at once, tens of microseconds, where wide steps would
 * stop the worker's packets for milliseconds. */
#include "dataplane/store/wheel.h"

#include <assert.h>
#include <string.h>

#include "dataplane/store/pages.h"

#define WHEEL_LEVELS	8u
#define WHEEL_STEP_BITS 3u
#define WHEEL_SLOT_BITS 10u
#define WHEEL_SLOTS	(1u << WHEEL_SLOT_BITS)
#define WHEEL_WORDS	(WHEEL_SLOTS / 64)
#define WHEEL_NIL	UINT32_MAX
#define WHEEL_NOWHERE	UINT16_MAX /* a node's place: not armed */

/* One timer. The lists are circular, so that a slot's head gives its tail: first in, first out
 * within a tick. */
struct wheel_node {
	uint32_t next;
	uint32_t prev;
	uint64_t tick : 48;  /* 2^64 ns are fewer than 2^45 ticks */
	uint64_t place : 16; /* level * WHEEL_SLOTS + slot, or WHEEL_NOWHERE */
};
_Static_assert(sizeof(struct wheel_node) == 16, "four to a cache line");

struct wheel_level {
	uint64_t words[WHEEL_WORDS]; /* slots in use */
	uint32_t summary;	     /* words that are not 0 */
};

struct wheel {
	uint64_t cur;  /* everything before this tick has been given out, and no slot in use begins
			  before it */
	uint64_t next; /* nothing is to be done before this tick: at most the start of any slot in
			  use */
	uint32_t ntimers;
	uint32_t armed;
	uint32_t levels_used; /* bit for each level with a slot in use */
	struct wheel_level levels[WHEEL_LEVELS];
	uint32_t heads[WHEEL_LEVELS * WHEEL_SLOTS]; /* good where the slot's bit is set */
	struct wheel_node nodes[];
};

struct wheel *wheel_new(uint32_t ntimers, uint64_t now_ns)
{
	struct wheel *wheel =
		pages_alloc(sizeof(*wheel) + (size_t)ntimers * sizeof(struct wheel_node));

	if (!wheel)
		return NULL;
	wheel->cur = now_ns / WHEEL_TICK_NS;
	wheel->next = UINT64_MAX;
	wheel->ntimers = ntimers;
	for (uint32_t i = 0; i < ntimers; i++)
		wheel->nodes[i].place = WHEEL_NOWHERE;
	return wheel;
}

void wheel_free(struct wheel *wheel)
{
	pages_free(wheel);
}

static void place_mark(struct wheel *wheel, unsigned place)
{
	struct wheel_level *level = &wheel->levels[place / WHEEL_SLOTS];
	unsigned slot = place % WHEEL_SLOTS;

	level->words[slot / 64] |= 1ull << slot % 64;
	level->summary |= 1u << slot / 64;
	wheel->levels_used |= 1u << place / WHEEL_SLOTS;
}

static void place_clear(struct wheel *wheel, unsigned place)
{
	struct wheel_level *level = &wheel->levels[place / WHEEL_SLOTS];
	unsigned slot = place % WHEEL_SLOTS;

	level->words[slot / 64] &= ~(1ull << slot % 64);
	if (level->words[slot / 64])
		return;
	level->summary &= ~(1u << slot / 64);
	if (!level->summary)
		wheel->levels_used &= ~(1u << place / WHEEL_SLOTS);
}

static bool place_used(const struct wheel *wheel, unsigned place)
{
	unsigned slot = place % WHEEL_SLOTS;

	return wheel->levels[place / WHEEL_SLOTS].words[slot / 64] >> slot % 64 & 1;
}

/* First slot in use from `from` on, going round; the level has one. */
static unsigned level_first(const struct wheel_level *level, unsigned from)
{
	unsigned word = from / 64;
	uint64_t bits = level->words[word] & ~0ull << from % 64;
	uint32_t words;

	if (bits)
		return word * 64 + (unsigned)__builtin_ctzll(bits);
	words = word + 1 < WHEEL_WORDS ? level->summary & ~0u << (word + 1) : 0;
	if (!words)
		words = level->summary;
	word = (unsigned)__builtin_ctz(words);
	return word * 64 + (unsigned)__builtin_ctzll(level->words[word]);
}

/* The tick at which the first slot in use begins; UINT64_MAX: none. */
static uint64_t wheel_first_tick(const struct wheel *wheel)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t used = wheel->levels_used; used; used &= used - 1) {
		unsigned level = (unsigned)__builtin_ctz(used);
		unsigned shift = level * WHEEL_STEP_BITS;
		uint64_t base = wheel->cur >> shift;
		unsigned from = (unsigned)base % WHEEL_SLOTS;
		unsigned slot = level_first(&wheel->levels[level], from);
		uint64_t tick = (base + (slot - from) % WHEEL_SLOTS) << shift;

		if (tick < first)
			first = tick;
	}
	return first;
}

/* Where a timer lies by its tick; *start is when that slot is looked at. */
static unsigned wheel_place(const struct wheel *wheel, uint64_t tick, uint64_t *start)
{
	uint64_t delta = tick - wheel->cur;
	unsigned level = 0;
	unsigned shift;
	uint64_t number;

	if (delta >= WHEEL_SLOTS)
		level = (64 - WHEEL_SLOT_BITS - (unsigned)__builtin_clzll(delta) + WHEEL_STEP_BITS -
			 1) /
			WHEEL_STEP_BITS;
	if (level < WHEEL_LEVELS) {
		shift = level * WHEEL_STEP_BITS;
		/* A current tick inside its slot may push the last one out of reach. */
		if ((tick >> shift) - (wheel->cur >> shift) >= WHEEL_SLOTS)
			level++;
	}
	if (level < WHEEL_LEVELS) {
		shift = level * WHEEL_STEP_BITS;
		number = tick >> shift;
	} else {
		/* Beyond the horizon: waits in the farthest slot and is placed again from there. */
		level = WHEEL_LEVELS - 1;
		shift = level * WHEEL_STEP_BITS;
		number = (wheel->cur >> shift) + WHEEL_SLOTS - 1;
	}
	*start = number << shift;
	return level * WHEEL_SLOTS + (unsigned)number % WHEEL_SLOTS;
}

static void node_link(struct wheel *wheel, uint32_t timer, uint64_t tick)
{
	struct wheel_node *node = &wheel->nodes[timer];
	uint64_t start;
	unsigned place = wheel_place(wheel, tick, &start);

	node->tick = tick;
	node->place = (uint16_t)place;
	if (place_used(wheel, place)) {
		uint32_t head = wheel->heads[place];
		uint32_t tail = wheel->nodes[head].prev;

		node->next = head;
		node->prev = tail;
		wheel->nodes[tail].next = timer;
		wheel->nodes[head].prev = timer;
	} else {
		node->next = node->prev = timer;
		wheel->heads[place] = timer;
		place_mark(wheel, place);
	}
	if (start < wheel->next)
		wheel->next = start;
}

static void node_unlink(struct wheel *wheel, uint32_t timer)
{
	struct wheel_node *node = &wheel->nodes[timer];
	unsigned place = node->place;

	node->place = WHEEL_NOWHERE;
	if (node->next == timer) {
		place_clear(wheel, place);
		return;
	}
	wheel->nodes[node->prev].next = node->next;
	wheel->nodes[node->next].prev = node->prev;
	if (wheel->heads[place] == timer)
		wheel->heads[place] = node->next;
}

void wheel_set(struct wheel *wheel, uint32_t timer, uint64_t deadline_ns)
{
	/* Rounded up: a timer never fires early. */
	uint64_t tick = deadline_ns / WHEEL_TICK_NS + (deadline_ns % WHEEL_TICK_NS != 0);

	assert(timer < wheel->ntimers);
	if (tick < wheel->cur)
		tick = wheel->cur;
	if (wheel->nodes[timer].place != WHEEL_NOWHERE)
		node_unlink(wheel, timer);
	else
		wheel->armed++;
	node_link(wheel, timer, tick);
}

void wheel_cancel(struct wheel *wheel, uint32_t timer)
{
	assert(timer < wheel->ntimers);
	if (wheel->nodes[timer].place == WHEEL_NOWHERE)
		return;
	node_unlink(wheel, timer);
	wheel->armed--;
}

bool wheel_is_set(const struct wheel *wheel, uint32_t timer)
{
	assert(timer < wheel->ntimers);
	return wheel->nodes[timer].place != WHEEL_NOWHERE;
}

/* Empty the slots of higher levels that begin at the current tick into those below, the highest
 * first. */
static void wheel_cascade(struct wheel *wheel)
{
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		unsigned shift = level * WHEEL_STEP_BITS;
		unsigned place =
			level * WHEEL_SLOTS + (unsigned)(wheel->cur >> shift) % WHEEL_SLOTS;
		uint32_t timer, last;

		if (wheel->cur & ((1ull << shift) - 1) || !place_used(wheel, place))
			continue;
		timer = wheel->heads[place];
		last = wheel->nodes[timer].prev;
		place_clear(wheel, place);
		for (;;) {
			uint32_t next = wheel->nodes[timer].next;

			node_link(wheel, timer, wheel->nodes[timer].tick);
			if (timer == last)
				break;
			timer = next;
		}
	}
}

uint32_t wheel_expire(struct wheel *wheel, uint64_t now_ns, uint32_t *timers, uint32_t max)
{
	uint64_t now = now_ns / WHEEL_TICK_NS;
	uint32_t n = 0;

	while (now >= wheel->next) {
		unsigned place;

		wheel->next = wheel_first_tick(wheel);
		if (now < wheel->next)
			break;
		if (wheel->next > wheel->cur)
			wheel->cur = wheel->next;
		wheel_cascade(wheel);
		place = (unsigned)wheel->cur % WHEEL_SLOTS;
		while (n < max && place_used(wheel, place)) {
			uint32_t timer = wheel->heads[place];

			node_unlink(wheel, timer);
			wheel->armed--;
			timers[n++] = timer;
		}
		if (n == max)
			return n; /* `next` is still this tick: the next call goes on here */
		wheel->next = wheel_first_tick(wheel);
	}
	if (now > wheel->cur)
		wheel->cur = now;
	return n;
}

uint64_t wheel_next_ns(const struct wheel *wheel)
{
	uint64_t tick = wheel_first_tick(wheel);

	return tick == UINT64_MAX ? UINT64_MAX : tick * WHEEL_TICK_NS;
}

uint32_t wheel_armed(const struct wheel *wheel)
{
	return wheel->armed;
}
