/* SPDX-License-Identifier: BSD-3-Clause */
/* ChaCha20 against the vectors of RFC 8439, and keys drawn from one state. */
#include "common/base/chacha20.h"

#include <criterion/criterion.h>
#include <string.h>

/* Section 2.3.2. */
Test(chacha20, block_has_the_published_value)
{
	static const uint8_t nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a};
	static const uint8_t wanted[64] = {
		0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
		0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
		0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
		0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
		0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
	};
	uint8_t key[32], out[64];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	chacha20_block(out, key, 1, nonce);
	cr_expect_arr_eq(out, wanted, sizeof(wanted));
}

/* Appendix A.1, test vectors 1 and 2. */
Test(chacha20, blocks_of_a_key_of_zeros)
{
	static const uint8_t zero[32], first[8] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90},
			     second[8] = {0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a};
	uint8_t out[64];

	chacha20_block(out, zero, 0, zero);
	cr_expect_arr_eq(out, first, sizeof(first));
	chacha20_block(out, zero, 1, zero);
	cr_expect_arr_eq(out, second, sizeof(second));
}

/* No two are the same, and the state that is left is no help towards those before. */
Test(chacha20, draws_differ)
{
	uint8_t state[32] = {1}, again[32] = {1}, drawn[64][32], block[64], twin[32];

	for (unsigned i = 0; i < 64; i++) {
		chacha20_draw(state, drawn[i], 32);
		for (unsigned j = 0; j < i; j++)
			cr_expect(memcmp(drawn[i], drawn[j], 32) != 0);
		cr_expect(memcmp(drawn[i], state, 32) != 0);
	}
	chacha20_block(block, state, 0, (const uint8_t[12]){0});
	for (unsigned i = 0; i < 64; i++)
		cr_expect(memcmp(block, drawn[i], 32) != 0 && memcmp(block + 32, drawn[i], 32) != 0);
	chacha20_draw(again, twin, 32);
	cr_expect_arr_eq(twin, drawn[0], 32, "the same state, the same keys");
}
