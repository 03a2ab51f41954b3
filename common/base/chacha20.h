/* SPDX-License-Identifier: BSD-3-Clause */
/* The ChaCha20 block function (RFC 8439 section 2.3): what makes keys of one secret. Both
 * processes, any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHACHA20_KEY_BYTES   32u
#define CHACHA20_BLOCK_BYTES 64u

/* 64 bytes that nobody without the key can tell from random ones, others for each counter and
 * nonce. */
void chacha20_block(uint8_t out[CHACHA20_BLOCK_BYTES], const uint8_t key[CHACHA20_KEY_BYTES],
		    uint32_t counter, const uint8_t nonce[12]);

/* Random bytes from `state`, which is another one afterwards: who reads it later cannot tell what
 * was drawn before. `n` is at most 32. */
void chacha20_draw(uint8_t state[CHACHA20_KEY_BYTES], uint8_t *out, size_t n);
