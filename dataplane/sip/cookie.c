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

void cookie_put_random(struct cursor *out, uint64_t hi, uint64_t lo)
{
	char text[COOKIE_CHARS];

	for (unsigned i = 0; i < COOKIE_CHARS; i++) {
		text[i] = alphabet[lo & 31];
		lo = lo >> 5 | hi << 59;
		hi >>= 5;
	}
	put_bytes(out, text, sizeof(text));
}

void cookie_put(struct cursor *out, const struct cookie_keys *keys, enum cookie_kind kind,
		uint64_t handle)
{
	uint64_t mac = cookie_mac(keys, kind, handle);

	cookie_put_random(out, handle ^ cookie_mask(keys, mac), mac);
}

/* Value of a cookie character, or -1. */
static int cookie_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'v')
		return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'V') /* tokens compare without case (RFC 3261 section 7.3.1): a peer
				       may change it */
		return ch - 'A' + 10;
	return -1;
}

enum cookie_answer cookie_read(const struct cookie_keys *keys, enum cookie_kind kind,
			       struct span text, uint64_t *handle)
{
	uint64_t hi = 0, lo = 0, masked;

	if (text.len != COOKIE_CHARS)
		return COOKIE_FOREIGN;
	for (unsigned i = COOKIE_CHARS; i-- > 0;) {
		int digit = cookie_digit(text.ptr[i]);

		/* 26 characters hold 130 bits: the last may use only three. */
		if (digit < 0 || (i == COOKIE_CHARS - 1 && digit > 7))
			return COOKIE_FOREIGN;
		hi = hi << 5 | lo >> 59;
		lo = lo << 5 | (uint64_t)digit;
	}
	masked = hi ^ cookie_mask(keys, lo);
	if (cookie_mac(keys, kind, masked) != lo)
		return COOKIE_FORGED;
	*handle = masked;
	return COOKIE_GOOD;
}
