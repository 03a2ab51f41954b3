/* SPDX-License-Identifier: BSD-3-Clause */
/* Nonces, and the counts seen of them: a table of fixed size. Where it has to forget a nonce that
 * is good yet, all that are as old and not in it count as stale from then on: what was forgotten
 * cannot be played again. limen-controlplane, loop thread. */
#include "controlplane/auth/nonce.h"

#include <stdlib.h>
#include <sys/random.h>

#include "common/base/hash.h"
#include "controlplane/auth/digest.h"

#define SETS      32768u
#define WAYS      4u
#define WINDOW    64u
/* Counts may skip: requests that were lost, or went to another server. But not to the end. */
#define SKIP_MAX  1024u

struct used {
	uint64_t id;     /* 0: free */
	uint64_t window; /* bit n: count high - n was seen */
	uint64_t last;   /* the request that `high` was seen in */
	uint32_t high;
	uint32_t issued_s;
};

struct nonces {
	struct hash_key key;
	uint32_t number;
	uint32_t floor_s; /* what was issued before and is not here is forgotten */
	struct used used[SETS][WAYS];
};

struct nonces *nonces_new(void)
{
	struct nonces *n = calloc(1, sizeof(*n));

	if (n && (getrandom(&n->key, sizeof(n->key), 0) != sizeof(n->key) ||
		  getrandom(&n->number, sizeof(n->number), 0) != sizeof(n->number))) {
		free(n);
		return NULL;
	}
	return n;
}

void nonces_free(struct nonces *nonces)
{
	free(nonces);
}

/* Its port may change with each request where a NAT is in between; its address does not. */
static uint64_t mac_of(const struct nonces *n, uint32_t issued_s, uint32_t number,
		       const struct net_endpoint *source)
{
	struct hash_sip h = hash_sip_start(&n->key);

	hash_sip_add(&h, &issued_s, sizeof(issued_s));
	hash_sip_add(&h, &number, sizeof(number));
	hash_sip_add(&h, &source->family, sizeof(source->family));
	hash_sip_add(&h, &source->addr, sizeof(source->addr));
	return hash_sip_end(&h);
}

struct nonce_bytes {
	uint32_t issued_s, number;
	uint64_t mac;
};

_Static_assert(sizeof(struct nonce_bytes) * 2 == NONCE_CHARS, "a nonce is its bytes as digits");

void put_nonce(struct cursor *out, struct nonces *n, const struct net_endpoint *source,
	       uint32_t now_s)
{
	struct nonce_bytes nonce = {now_s, ++n->number, 0};

	nonce.mac = mac_of(n, nonce.issued_s, nonce.number, source);
	put_hex(out, (const unsigned char *)&nonce, sizeof(nonce));
}

static struct used *take_slot(struct nonces *n, uint64_t id, uint32_t issued_s, uint32_t oldest_s)
{
	struct used *set = n->used[hash_mix(id, UINT64_C(0x9e3779b97f4a7c15)) % SETS];
	struct used *oldest = &set[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
		if (!set[i].id || (oldest->id && set[i].issued_s < oldest->issued_s))
			oldest = &set[i];
	}
	if (n->floor_s && issued_s <= n->floor_s)
		return NULL;
	if (oldest->id && oldest->issued_s >= oldest_s && oldest->issued_s > n->floor_s)
		n->floor_s = oldest->issued_s;
	if (n->floor_s && issued_s <= n->floor_s)
		return NULL;
	*oldest = (struct used){.id = id, .issued_s = issued_s};
	return oldest;
}

static enum nonce_state use_count(struct used *u, uint32_t count, uint64_t request)
{
	if (count > u->high) {
		uint32_t by = count - u->high;

		if (by > SKIP_MAX)
			return NONCE_STALE;
		u->window = by >= WINDOW ? 0 : u->window << by;
		u->window |= 1;
		u->high = count;
		u->last = request;
		return NONCE_GOOD;
	}
	if (count == u->high && u->last == request)
		return NONCE_GOOD;
	if (u->high - count >= WINDOW || u->window >> (u->high - count) & 1)
		return NONCE_REPLAY;
	u->window |= UINT64_C(1) << (u->high - count);
	return NONCE_GOOD;
}

enum nonce_state nonce_use(struct nonces *n, struct span text, const struct net_endpoint *source,
			   uint32_t count, uint64_t request, uint32_t now_s, uint32_t good_s)
{
	struct nonce_bytes nonce;
	uint32_t oldest_s = now_s > good_s ? now_s - good_s : 0;
	struct used *used;

	if (!read_hex(text, (unsigned char *)&nonce, sizeof(nonce)) ||
	    nonce.mac != mac_of(n, nonce.issued_s, nonce.number, source) ||
	    nonce.issued_s > now_s || nonce.issued_s < oldest_s || count == 0)
		return NONCE_STALE;
	used = take_slot(n, (uint64_t)nonce.issued_s << 32 | nonce.number, nonce.issued_s,
			 oldest_s);
	return used ? use_count(used, count, request) : NONCE_STALE;
}
