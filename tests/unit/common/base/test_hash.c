/* SPDX-License-Identifier: BSD-3-Clause */
/* SipHash against the vectors of its authors' reference program, and against itself in pieces. */
#include "common/base/hash.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "../../../rng.h"

/* SipHash-2-4 of the bytes 0, 1, 2 ... under the key 0, 1, 2 ... 15, by length. */
static const uint64_t vectors[] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
	0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
	0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
	0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
};

static struct hash_key vector_key(void)
{
	struct hash_key key;

	for (unsigned i = 0; i < sizeof(key); i++)
		((uint8_t *)&key)[i] = (uint8_t)i;
	return key;
}

Test(hash, siphash_has_the_published_values)
{
	struct hash_key key = vector_key();
	char text[16];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	for (unsigned len = 0; len < sizeof(vectors) / sizeof(vectors[0]); len++)
		cr_expect_eq(hash_sip(&key, span_of(text, len)), vectors[len], "length %u", len);
	cr_expect_eq(hash_sip(&key, SPAN_NONE), vectors[0]);
}

Test(hash, siphash_of_pieces_is_that_of_the_whole)
{
	struct rng rng = {1};
	char text[100];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)rng_next(&rng);
	for (unsigned round = 0; round < 2000; round++) {
		struct hash_key key = {{rng_next(&rng), rng_next(&rng)}};
		struct hash_sip h = hash_sip_start(&key);
		size_t len = rng_below(&rng, sizeof(text) + 1), at = 0;

		while (at < len) {
			size_t piece = rng_below(&rng, len - at + 1);

			hash_sip_add(&h, text + at, piece);
			at += piece;
		}
		cr_assert_eq(hash_sip_end(&h), hash_sip(&key, span_of(text, len)));
	}
}

Test(hash, siphash_depends_on_every_bit_of_key_and_text)
{
	struct hash_key key = vector_key();
	char text[24] = "every bit";
	uint64_t plain = hash_sip(&key, span_of(text, sizeof(text)));

	for (unsigned bit = 0; bit < 8 * sizeof(text); bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		cr_expect_neq(hash_sip(&key, span_of(text, sizeof(text))), plain);
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (unsigned bit = 0; bit < 128; bit++) {
		key.k[bit / 64] ^= UINT64_C(1) << bit % 64;
		cr_expect_neq(hash_sip(&key, span_of(text, sizeof(text))), plain);
		key.k[bit / 64] ^= UINT64_C(1) << bit % 64;
	}
}

/* Keys as tables see them: the low bits must spread them. The bounds are more than ten standard
 * deviations wide. */
Test(hash, fast_hash_spreads_short_keys)
{
	enum { BUCKETS = 256, KEYS = 64 * 1024 };
	unsigned load[BUCKETS] = {0};

	for (unsigned i = 0; i < KEYS; i++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "%u@h", i);

		load[hash_fast(7, span_of(text, (size_t)len)) % BUCKETS]++;
	}
	for (unsigned i = 0; i < BUCKETS; i++) {
		cr_expect_gt(load[i], KEYS / BUCKETS / 3);
		cr_expect_lt(load[i], KEYS / BUCKETS * 5 / 3);
	}
}

Test(hash, fast_hash_tells_seeds_lengths_and_zeros_apart)
{
	static const char zeros[32];

	cr_expect_neq(hash_fast(1, SPAN("a")), hash_fast(2, SPAN("a")));
	for (unsigned len = 1; len <= sizeof(zeros); len++)
		cr_expect_neq(hash_fast(1, span_of(zeros, len)),
			      hash_fast(1, span_of(zeros, len - 1)));
	cr_expect_eq(hash_fast(1, SPAN_NONE), hash_fast(1, SPAN("")));
}
