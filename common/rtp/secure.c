/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP's packet index and replay window. Both processes, any thread. */
#include "common/rtp/secure.h"

#include "common/base/chacha20.h"

static const struct secure_suite_info suites[SECURE_SUITES] = {
	[SECURE_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 32, 12, 16, true},
	[SECURE_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 16, 12, 16, true},
	[SECURE_AES_256_CM_HMAC_SHA1_80] = {"AES_256_CM_HMAC_SHA1_80", 32, 14, 10, false},
	[SECURE_AES_256_CM_HMAC_SHA1_32] = {"AES_256_CM_HMAC_SHA1_32", 32, 14, 4, false},
	[SECURE_AES_CM_128_HMAC_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 16, 14, 10, false},
	[SECURE_AES_CM_128_HMAC_SHA1_32] = {"AES_CM_128_HMAC_SHA1_32", 16, 14, 4, false},
};

const struct secure_suite_info *secure_suite_info(unsigned suite)
{
	return suite == SECURE_NONE || suite >= SECURE_SUITES ? NULL : &suites[suite];
}

enum secure_suite secure_suite_of(struct span name)
{
	for (unsigned i = SECURE_NONE + 1; i < SECURE_SUITES; i++)
		if (span_ieq(name, span_str(suites[i].name)))
			return (enum secure_suite)i;
	return SECURE_NONE;
}

void secure_key_make(struct secure_key *key, enum secure_suite suite,
		     const uint8_t secret[SECURE_SECRET_BYTES])
{
	const struct secure_suite_info *info = secure_suite_info(suite);
	const uint8_t nonce[12] = {'s', 'd', 'e', 's', (uint8_t)suite};
	uint8_t block[CHACHA20_BLOCK_BYTES];

	memset(key, 0, sizeof(*key));
	if (!info)
		return;
	chacha20_block(block, secret, 0, nonce);
	key->suite = (uint8_t)suite;
	memcpy(key->key, block, info->key_bytes);
	memcpy(key->salt, block + SECURE_KEY_MAX, info->salt_bytes);
	explicit_bzero(block, sizeof(block));
}

struct secure_source *secure_source_find(struct secure_dir *dir, uint32_t ssrc)
{
	for (unsigned i = 0; i < SECURE_SOURCES && dir->sources[i].used; i++)
		if (dir->sources[i].ssrc == ssrc)
			return &dir->sources[i];
	return NULL;
}

bool secure_source_fits(const struct secure_dir *dir)
{
	return !dir->sources[SECURE_SOURCES - 1].used;
}

uint64_t secure_index_guess(const struct secure_source *source, uint16_t seq)
{
	const uint32_t half = 0x8000;
	uint64_t cycle;
	uint16_t last;

	/* Before the first half cycle is over there is no cycle below it. */
	if (!source || source->index <= half)
		return seq;
	cycle = source->index >> 16;
	last = (uint16_t)source->index;
	if (last < half)
		cycle -= seq > last + half;
	else
		cycle += last - half > seq;
	return cycle << 16 | seq;
}

bool secure_index_is_fresh(const struct secure_source *source, uint64_t index)
{
	uint64_t behind;

	if (!source || index > source->index)
		return true;
	behind = source->index - index;
	if (behind >= SECURE_WINDOW)
		return false;
	return !(source->seen[behind / 64] >> (behind % 64) & 1);
}

static void window_shift(struct secure_source *source, uint64_t by)
{
	if (by >= SECURE_WINDOW) {
		source->seen[0] = source->seen[1] = 0;
	} else if (by >= 64) {
		source->seen[1] = source->seen[0] << (by - 64);
		source->seen[0] = 0;
	} else if (by) {
		source->seen[1] = source->seen[1] << by | source->seen[0] >> (64 - by);
		source->seen[0] <<= by;
	}
}

static struct secure_source *source_make(struct secure_dir *dir, uint32_t ssrc)
{
	for (unsigned i = 0; i < SECURE_SOURCES; i++) {
		if (dir->sources[i].used)
			continue;
		dir->sources[i] = (struct secure_source){.ssrc = ssrc, .used = 1};
		return &dir->sources[i];
	}
	return NULL;
}

bool secure_index_note(struct secure_dir *dir, uint32_t ssrc, uint64_t index)
{
	struct secure_source *source = secure_source_find(dir, ssrc);
	uint64_t behind;

	if (!source)
		source = source_make(dir, ssrc);
	if (!source || !secure_index_is_fresh(source, index))
		return false;
	if (index > source->index) {
		window_shift(source, index - source->index);
		source->index = index;
	}
	behind = source->index - index;
	source->seen[behind / 64] |= 1ull << (behind % 64);
	return true;
}
