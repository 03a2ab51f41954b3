/* SPDX-License-Identifier: BSD-3-Clause */
/* Two hashes. SipHash-2-4 (Aumasson, Bernstein 2012) for whatever a peer may try to forge or to
 * flood: cookies, tags, tables keyed by what came from the network. hash_fast for keys that nobody
 * outside chooses. Both processes, any thread. */
#pragma once

#include "common/base/span.h"

/* 128 bits from the kernel's random source (fixed in the simulator). */
struct hash_key {
	uint64_t k[2];
};

/* An unfinished SipHash: start, add, end. Parts are hashed as if they were one piece: who adds
 * parts of variable length adds their lengths too. */
struct hash_sip {
	uint64_t v[4];
	uint64_t tail; /* bytes that do not fill a word yet */
	uint64_t len;  /* bytes added */
};

static inline uint64_t hash_load64(const void *ptr)
{
	uint64_t word;

	memcpy(&word, ptr, sizeof(word));
	return word; /* both processes run on one little-endian machine */
}

/* Up to 7 bytes as a little-endian word. */
static inline uint64_t hash_load_short(const char *ptr, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)(uint8_t)ptr[i] << (8 * i);
	return word;
}

static inline uint64_t hash_rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void hash_sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = hash_rotl(v[1], 13) ^ v[0];
	v[0] = hash_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = hash_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = hash_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = hash_rotl(v[1], 17) ^ v[2];
	v[2] = hash_rotl(v[2], 32);
}

static inline void hash_sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	hash_sip_round(v);
	hash_sip_round(v);
	v[0] ^= word;
}

static inline struct hash_sip hash_sip_start(const struct hash_key *key)
{
	return (struct hash_sip){
		.v = {key->k[0] ^ UINT64_C(0x736f6d6570736575),
		      key->k[1] ^ UINT64_C(0x646f72616e646f6d),
		      key->k[0] ^ UINT64_C(0x6c7967656e657261),
		      key->k[1] ^ UINT64_C(0x7465646279746573)},
	};
}

static inline void hash_sip_add(struct hash_sip *h, const void *bytes, size_t len)
{
	const char *p = bytes;
	size_t held = h->len & 7;

	h->len += len;
	if (held) {
		size_t take = 8 - held < len ? 8 - held : len;

		h->tail |= hash_load_short(p, take) << (8 * held);
		if (held + take < 8)
			return;
		hash_sip_word(h->v, h->tail);
		p += take;
		len -= take;
	}
	for (; len >= 8; p += 8, len -= 8)
		hash_sip_word(h->v, hash_load64(p));
	h->tail = hash_load_short(p, len);
}

static inline uint64_t hash_sip_end(struct hash_sip *h)
{
	hash_sip_word(h->v, h->tail | h->len << 56);
	h->v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		hash_sip_round(h->v);
	return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}

/* SipHash-2-4 of one span. */
static inline uint64_t hash_sip(const struct hash_key *key, struct span s)
{
	struct hash_sip h = hash_sip_start(key);

	hash_sip_add(&h, s.ptr, s.len);
	return hash_sip_end(&h);
}

/* Both halves of a 64 by 64 bit product, folded: the mixing step of hash_fast. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A few cycles for a short key; good low bits. No defence against chosen keys. */
static inline uint64_t hash_fast(uint64_t seed, struct span s)
{
	uint64_t h = seed ^ UINT64_C(0x9e3779b97f4a7c15) ^ s.len;
	const char *p = s.ptr;
	size_t len = s.len;

	for (; len >= 8; p += 8, len -= 8)
		h = hash_mix(h ^ hash_load64(p), UINT64_C(0xd6e8feb86659fd93));
	h = hash_mix(h ^ hash_load_short(p, len), UINT64_C(0xa0761d6478bd642f));
	return hash_mix(h, UINT64_C(0xe7037ed1a0b428db));
}
