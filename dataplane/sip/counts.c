/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared counters of the limits. Any worker's thread; the main thread reads. */
#include "dataplane/sip/counts.h"

#include "common/base/hash.h"

#include <assert.h>
#include <stdlib.h>

#define NS_PER_S    1000000000ull
#define INDEX_SLOTS (2 * COUNTS_TRUNKS_MAX)
#define PENDING     UINT32_MAX /* a number that is being made */
#define SET_USERS   8u	       /* a cache line of words */
#define COUNT_BITS  24u
#define COUNT_MASK  ((UINT64_C(1) << COUNT_BITS) - 1)
#define TRIES	    4u

/* A user's word holds 40 bits of his key and the number of his calls. A word without calls whose
 * bucket is full says nothing any more: another user may have it. */
struct counts {
	_Atomic uint64_t index[INDEX_SLOTS]; /* id << 32 | number; 0: free */
	_Atomic uint32_t ntrunks;
	uint32_t set_mask;
	_Atomic uint64_t *users;   /* words, in sets */
	_Atomic uint64_t *full_ns; /* bucket of each */
	/* workers that find room for one more at the same time may each take it */
	struct counts_trunk trunks[COUNTS_TRUNKS_MAX + IPC_WORKERS_MAX];
};

struct counts *counts_new(uint32_t users)
{
	struct counts *counts = calloc(1, sizeof(*counts));
	uint32_t sets = 8;

	if (counts == NULL)
		return NULL;
	while (sets * SET_USERS / 4 < users && sets < 1u << 24)
		sets *= 2;
	counts->set_mask = sets - 1;
	counts->users = calloc((size_t)sets * SET_USERS, sizeof(*counts->users));
	counts->full_ns = calloc((size_t)sets * SET_USERS, sizeof(*counts->full_ns));
	if (counts->users == NULL || counts->full_ns == NULL) {
		counts_free(counts);
		return NULL;
	}
	return counts;
}

void counts_free(struct counts *counts)
{
	if (counts == NULL)
		return;
	free((void *)counts->users);
	free((void *)counts->full_ns);
	free(counts);
}

/* ---- trunks ---- */

static uint32_t index_start(uint32_t id)
{
	return (uint32_t)hash_fast(0, span_of(&id, sizeof(id))) % INDEX_SLOTS;
}

uint32_t counts_trunk_find(const struct counts *counts, uint32_t id)
{
	uint32_t at = index_start(id);

	for (uint32_t i = 0; i < INDEX_SLOTS; i++, at = (at + 1) % INDEX_SLOTS) {
		uint64_t word = atomic_load(&counts->index[at]);

		if (word == 0)
			return 0;
		if (word >> 32 == id)
			return (uint32_t)word == PENDING ? 0 : (uint32_t)word;
	}
	return 0;
}

/* The place in the index is this worker's: the number goes there. */
static uint32_t make_number(struct counts *counts, uint32_t at, uint32_t id, const char *name)
{
	uint32_t number = atomic_fetch_add(&counts->ntrunks, 1) + 1;
	struct counts_trunk *trunk = &counts->trunks[number - 1];

	trunk->id = id;
	strncpy(trunk->name, name, sizeof(trunk->name) - 1);
	atomic_store(&trunk->is_named, 1);
	atomic_store(&counts->index[at], (uint64_t)id << 32 | number);
	return number;
}

uint32_t counts_trunk_number(struct counts *counts, uint32_t id, const char *name)
{
	uint32_t at = index_start(id);

	for (uint32_t i = 0; i < INDEX_SLOTS;) {
		uint64_t word = atomic_load(&counts->index[at]);

		if (word >> 32 == id && (uint32_t)word != PENDING)
			return (uint32_t)word;
		if (word == 0) {
			if (atomic_load(&counts->ntrunks) >= COUNTS_TRUNKS_MAX)
				return 0;
			atomic_compare_exchange_strong(&counts->index[at], &word,
						       (uint64_t)id << 32 | PENDING);
			if (word == 0)
				return make_number(counts, at, id, name);
			continue; /* another worker was first: look again */
		}
		if ((uint32_t)word == PENDING)
			continue; /* a few stores of another worker away */
		at = (at + 1) % INDEX_SLOTS;
		i++;
	}
	return 0;
}

struct counts_trunk *counts_trunk(struct counts *counts, uint32_t number)
{
	return number && number <= counts_trunks(counts) ? &counts->trunks[number - 1] : NULL;
}

uint32_t counts_trunks(const struct counts *counts)
{
	return atomic_load(&counts->ntrunks);
}

static unsigned shift_of(enum counts_dir dir)
{
	return dir == COUNTS_IN ? 0 : 32;
}

bool counts_call_begin(struct counts_trunk *trunk, enum counts_dir dir, uint32_t max,
		       uint32_t max_all)
{
	uint64_t was = atomic_load_explicit(&trunk->calls, memory_order_relaxed);

	do {
		uint64_t all = (was & UINT32_MAX) + (was >> 32);

		if ((max && (uint32_t)(was >> shift_of(dir)) >= max) || (max_all && all >= max_all))
			return false;
	} while (!atomic_compare_exchange_weak(&trunk->calls, &was,
					       was + (UINT64_C(1) << shift_of(dir))));
	return true;
}

void counts_call_end(struct counts_trunk *trunk, enum counts_dir dir)
{
	uint64_t was = atomic_fetch_sub(&trunk->calls, UINT64_C(1) << shift_of(dir));

	assert((uint32_t)(was >> shift_of(dir)) != 0);
	(void)was;
}

uint32_t counts_calls(const struct counts_trunk *trunk, enum counts_dir dir)
{
	return (uint32_t)(atomic_load_explicit(&trunk->calls, memory_order_relaxed) >>
			  shift_of(dir));
}

static bool add_below(_Atomic uint32_t *counter, uint32_t by, uint32_t max)
{
	uint32_t was = atomic_load_explicit(counter, memory_order_relaxed);

	do {
		if (max && (was >= max || by > max - was))
			return false;
	} while (!atomic_compare_exchange_weak(counter, &was, was + by));
	return true;
}

bool counts_subscription_begin(struct counts_trunk *trunk, uint32_t max)
{
	return add_below(&trunk->subscriptions, 1, max);
}

void counts_subscription_end(struct counts_trunk *trunk)
{
	atomic_fetch_sub(&trunk->subscriptions, 1);
}

bool counts_kbps_add(struct counts_trunk *trunk, uint32_t kbps, uint32_t max)
{
	return add_below(&trunk->kbps, kbps, max);
}

void counts_kbps_sub(struct counts_trunk *trunk, uint32_t kbps)
{
	atomic_fetch_sub(&trunk->kbps, kbps);
}

void counts_refuse(struct counts_trunk *trunk, enum counts_refused why)
{
	atomic_fetch_add_explicit(&trunk->refused[why], 1, memory_order_relaxed);
}

bool counts_take(_Atomic uint64_t *full_ns, uint64_t now_ns, uint32_t per_s, uint32_t burst)
{
	uint64_t was = atomic_load_explicit(full_ns, memory_order_relaxed), cost, full;

	if (per_s == 0)
		return true;
	cost = NS_PER_S / per_s;
	do {
		full = (was > now_ns ? was : now_ns) + cost;
		if (full - now_ns > cost * (burst ? burst : 1))
			return false;
	} while (!atomic_compare_exchange_weak(full_ns, &was, full));
	return true;
}

void counts_give(_Atomic uint64_t *full_ns, uint32_t per_s)
{
	if (per_s)
		atomic_fetch_sub(full_ns, NS_PER_S / per_s);
}

/* ---- users ---- */

static uint64_t tag_of(uint64_t key)
{
	return (key | UINT64_C(1) << 63) & ~COUNT_MASK;
}

static bool has_tag(uint64_t word, uint64_t tag)
{
	return (word & ~COUNT_MASK) == tag;
}

/* The word of a tag in its set, those with calls first; SET_USERS: there is none. */
static uint32_t find_tag(const struct counts *counts, uint32_t set, uint64_t tag)
{
	uint32_t found = SET_USERS;

	for (uint32_t i = 0; i < SET_USERS; i++) {
		uint64_t word = atomic_load(&counts->users[set + i]);

		if (has_tag(word, tag) && (word & COUNT_MASK))
			return i;
		if (has_tag(word, tag) && found == SET_USERS)
			found = i;
	}
	return found;
}

static bool add_call(struct counts *counts, uint32_t at, uint64_t tag, uint32_t max, bool *full)
{
	uint64_t word = atomic_load(&counts->users[at]);

	do {
		if (!has_tag(word, tag))
			return false;
		*full = (max && (word & COUNT_MASK) >= max) || (word & COUNT_MASK) == COUNT_MASK;
		if (*full)
			return false;
	} while (!atomic_compare_exchange_weak(&counts->users[at], &word, word + 1));
	return true;
}

/* A free word becomes the tag's, with one call. Where another worker has made one for the same tag
 * meanwhile, both take theirs back and look again: of two the later one sees the other. */
static bool claim(struct counts *counts, uint32_t set, uint64_t tag, uint64_t now_ns, uint32_t *at,
		  bool *room)
{
	*room = false;
	for (uint32_t i = 0; i < SET_USERS; i++) {
		uint64_t word = atomic_load(&counts->users[set + i]), mine = tag | 1;

		if ((word & COUNT_MASK) || atomic_load(&counts->full_ns[set + i]) > now_ns)
			continue;
		*room = true;
		if (!atomic_compare_exchange_strong(&counts->users[set + i], &word, mine))
			continue;
		for (uint32_t j = 0; j < SET_USERS; j++) {
			if (j == i || !has_tag(atomic_load(&counts->users[set + j]), tag))
				continue;
			if (!atomic_compare_exchange_strong(&counts->users[set + i], &mine, 0))
				atomic_fetch_sub(&counts->users[set + i], 1);
			return false;
		}
		*at = set + i;
		return true;
	}
	return false;
}

enum counts_user_answer counts_user_begin(struct counts *counts, uint64_t key, uint64_t now_ns,
					  uint32_t max, uint32_t per_s, uint32_t burst,
					  uint32_t *held)
{
	uint32_t set = ((uint32_t)key & counts->set_mask) * SET_USERS, at = 0;
	uint64_t tag = tag_of(key);
	bool got = false, room = true;

	*held = 0;
	for (unsigned i = 0; i < TRIES && !got && room; i++) {
		bool full = false;

		at = find_tag(counts, set, tag);
		if (at < SET_USERS) {
			at += set;
			got = add_call(counts, at, tag, max, &full);
			if (full)
				return COUNTS_USER_FULL;
		} else {
			got = claim(counts, set, tag, now_ns, &at, &room);
		}
	}
	if (!got)
		return COUNTS_USER_NO_ROOM;
	if (!counts_take(&counts->full_ns[at], now_ns, per_s, burst)) {
		counts_user_end(counts, at + 1);
		return COUNTS_USER_FULL;
	}
	*held = at + 1;
	return COUNTS_USER_TAKEN;
}

void counts_user_end(struct counts *counts, uint32_t held)
{
	if (held)
		atomic_fetch_sub(&counts->users[held - 1], 1);
}

uint64_t counts_users(const struct counts *counts)
{
	uint64_t n = 0;

	for (size_t i = 0; i < ((size_t)counts->set_mask + 1) * SET_USERS; i++)
		n += atomic_load(&counts->users[i]) & COUNT_MASK;
	return n;
}
