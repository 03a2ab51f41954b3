/* SPDX-License-Identifier: BSD-3-Clause */
/* Cookies: handle and MAC as 26 characters of base32hex. The handle is masked with a hash of the
 * MAC, the MAC is over kind and handle, so every bit depends on the keys. */
#include "dataplane/sip/cookie.h"

static const char alphabet[32] = "0123456789abcdefghijklmnopqrstuv";

static uint64_t cookie_mac(const struct cookie_keys *keys, enum cookie_kind kind, uint64_t handle)
{
	uint64_t words[2] = {(uint64_t)kind, handle};

	if (kind == COOKIE_TXN || kind == COOKIE_LEG)
		words[0] |= (uint64_t)keys->worker << 32;
	return hash_sip(&keys->mac, span_of(words, sizeof(words)));
}

static uint64_t cookie_mask(const struct cookie_keys *keys, uint64_t mac)
{
	return hash_sip(&keys->hide, span_of(&mac, sizeof(mac)));
}

/* 26 characters of five bits, the lowest first: 12 of the low word, one across, 13 of the high one. */
#define LOW_CHARS 12u

void cookie_put_random(struct cursor *out, uint64_t hi, uint64_t lo)
{
	char text[COOKIE_CHARS];

	for (unsigned i = 0; i < LOW_CHARS; i++)
		text[i] = alphabet[lo >> (5 * i) & 31];
	text[LOW_CHARS] = alphabet[(lo >> 60 | hi << 4) & 31];
	hi >>= 1;
	for (unsigned i = 0; i < COOKIE_CHARS - LOW_CHARS - 1; i++)
		text[LOW_CHARS + 1 + i] = alphabet[hi >> (5 * i) & 31];
	put_bytes(out, text, sizeof(text));
}

void cookie_put(struct cursor *out, const struct cookie_keys *keys, enum cookie_kind kind,
		uint64_t handle)
{
	uint64_t mac = cookie_mac(keys, kind, handle);

	cookie_put_random(out, handle ^ cookie_mask(keys, mac), mac);
}

/* One more than the value of a cookie character, 0 for any other. Tokens compare without case
 * (RFC 3261 section 7.3.1): a peer may change it. */
static const uint8_t digits[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5,
	['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
#define LETTER(lower, upper, value) [lower] = value + 1, [upper] = value + 1
	LETTER('a', 'A', 10), LETTER('b', 'B', 11), LETTER('c', 'C', 12), LETTER('d', 'D', 13),
	LETTER('e', 'E', 14), LETTER('f', 'F', 15), LETTER('g', 'G', 16), LETTER('h', 'H', 17),
	LETTER('i', 'I', 18), LETTER('j', 'J', 19), LETTER('k', 'K', 20), LETTER('l', 'L', 21),
	LETTER('m', 'M', 22), LETTER('n', 'N', 23), LETTER('o', 'O', 24), LETTER('p', 'P', 25),
	LETTER('q', 'Q', 26), LETTER('r', 'R', 27), LETTER('s', 'S', 28), LETTER('t', 'T', 29),
	LETTER('u', 'U', 30), LETTER('v', 'V', 31),
#undef LETTER
};

#define DIGITS 32u

/* DIGITS or more: it is none. */
static uint64_t digit_at(struct span text, unsigned i)
{
	return (uint8_t)(digits[(uint8_t)text.ptr[i]] - 1);
}

enum cookie_answer cookie_read(const struct cookie_keys *keys, enum cookie_kind kind,
			       struct span text, uint64_t *handle)
{
	uint64_t hi = 0, lo = 0, all = 0, digit, masked;

	if (text.len != COOKIE_CHARS)
		return COOKIE_FOREIGN;
	for (unsigned i = 0; i < LOW_CHARS; i++) {
		digit = digit_at(text, i);
		all |= digit;
		lo |= digit << (5 * i);
	}
	digit = digit_at(text, LOW_CHARS);
	all |= digit;
	lo |= digit << 60;
	hi = digit >> 4 & 1;
	for (unsigned i = 0; i < COOKIE_CHARS - LOW_CHARS - 1; i++) {
		digit = digit_at(text, LOW_CHARS + 1 + i);
		all |= digit;
		hi |= digit << (1 + 5 * i);
	}
	/* They hold 130 bits: the last may use only three. */
	if (all >= DIGITS || digit > 7)
		return COOKIE_FOREIGN;
	masked = hi ^ cookie_mask(keys, lo);
	if (cookie_mac(keys, kind, masked) != lo)
		return COOKIE_FORGED;
	*handle = masked;
	return COOKIE_GOOD;
}
