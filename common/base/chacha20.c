/* SPDX-License-Identifier: BSD-3-Clause */
/* ChaCha20's block function, one block at a time. Both processes, any thread. */
#include "common/base/chacha20.h"

#include <assert.h>
#include <string.h>

static uint32_t rotl(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void quarter_round(uint32_t s[16], unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b];
	s[d] = rotl(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotl(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotl(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotl(s[b] ^ s[c], 7);
}

static uint32_t read_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void chacha20_block(uint8_t out[CHACHA20_BLOCK_BYTES], const uint8_t key[CHACHA20_KEY_BYTES],
		    uint32_t counter, const uint8_t nonce[12])
{
	uint32_t begin[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, s[16];

	for (unsigned i = 0; i < 8; i++)
		begin[4 + i] = read_le32(key + 4 * i);
	begin[12] = counter;
	for (unsigned i = 0; i < 3; i++)
		begin[13 + i] = read_le32(nonce + 4 * i);
	memcpy(s, begin, sizeof(s));
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 4; i++)
			quarter_round(s, i, 4 + i, 8 + i, 12 + i);
		for (unsigned i = 0; i < 4; i++)
			quarter_round(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (unsigned i = 0; i < 16; i++) {
		uint32_t word = s[i] + begin[i];

		for (unsigned byte = 0; byte < 4; byte++)
			out[4 * i + byte] = (uint8_t)(word >> 8 * byte);
	}
	explicit_bzero(begin, sizeof(begin));
	explicit_bzero(s, sizeof(s));
}

void chacha20_draw(uint8_t state[CHACHA20_KEY_BYTES], uint8_t *out, size_t n)
{
	static const uint8_t nonce[12];
	uint8_t block[CHACHA20_BLOCK_BYTES];

	assert(n <= CHACHA20_BLOCK_BYTES - CHACHA20_KEY_BYTES);
	chacha20_block(block, state, 0, nonce);
	memcpy(state, block, CHACHA20_KEY_BYTES);
	memcpy(out, block + CHACHA20_KEY_BYTES, n);
	explicit_bzero(block, sizeof(block));
}
