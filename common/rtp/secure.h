/* SPDX-License-Identifier: BSD-3-Clause */
/* What SRTP (RFC 3711) keeps of a key and its sources, whatever does the arithmetic: suites, packet
 * index, replay window. No pointers, so that it can lie in an arena. Both processes, any thread. */
#pragma once

#include "common/base/span.h"

/* The suites of SDES: RFC 4568 section 6.2, RFC 6188, RFC 7714 section 14. In the order in which
 * limen prefers them. */
enum secure_suite {
	SECURE_NONE = 0,
	SECURE_AEAD_AES_256_GCM,
	SECURE_AEAD_AES_128_GCM,
	SECURE_AES_256_CM_HMAC_SHA1_80,
	SECURE_AES_256_CM_HMAC_SHA1_32,
	SECURE_AES_CM_128_HMAC_SHA1_80,
	SECURE_AES_CM_128_HMAC_SHA1_32,
	SECURE_SUITES,
};

#define SECURE_SUITES_MAX 6u /* all that there are */
_Static_assert(SECURE_SUITES_MAX == SECURE_SUITES - 1, "a list of all of them");

#define SECURE_KEY_MAX	32u
#define SECURE_SALT_MAX 14u
#define SECURE_TAG_MAX	16u

struct secure_suite_info {
	const char *name;
	uint8_t key_bytes;
	uint8_t salt_bytes;
	uint8_t tag_bytes; /* behind an RTP packet; RTCP's may be longer */
	bool aead;
};

/* NULL for what is no suite. */
const struct secure_suite_info *secure_suite_info(unsigned suite);
/* SECURE_NONE for a name that is none. */
enum secure_suite secure_suite_of(struct span name);

/* Master key and master salt of one direction. */
struct secure_key {
	uint8_t suite; /* enum secure_suite; SECURE_NONE: the direction is not secured */
	uint8_t pad;
	uint8_t salt[SECURE_SALT_MAX];
	uint8_t key[SECURE_KEY_MAX];
};
_Static_assert(sizeof(struct secure_key) == 48, "no holes");

static inline bool secure_key_eq(const struct secure_key *a, const struct secure_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* What is known of one SSRC under a key: the highest packet index so far (RFC 3711 section 3.3.1:
 * roll-over counter << 16 | sequence number) and which of the 128 up to it were seen. */
struct secure_source {
	uint64_t index;
	uint64_t seen[2]; /* bit n of both together: index - n */
	uint32_t ssrc;
	uint32_t used; /* 0: free */
};
#define SECURE_WINDOW 128u

/* The key of one suite that a secret stands for. */
#define SECURE_SECRET_BYTES 32u
void secure_key_make(struct secure_key *key, enum secure_suite suite,
		     const uint8_t secret[SECURE_SECRET_BYTES]);

/* Sources that one key may have. It is a bound, not a cache: what was forgotten could be replayed,
 * and a sender that forgets encrypts two packets with one key stream. */
#define SECURE_SOURCES 8u

/* One direction under one key. */
struct secure_dir {
	struct secure_key key;
	uint64_t epoch; /* another with each key: what was made from the last one is void */
	struct secure_source sources[SECURE_SOURCES];
};

/* NULL: not seen yet. */
struct secure_source *secure_source_find(struct secure_dir *dir, uint32_t ssrc);
/* Whether another one has room. */
bool secure_source_fits(const struct secure_dir *dir);

/* The index that a sequence number most likely means (section 3.3.1, appendix A); source NULL: the
 * first packet of its SSRC. */
uint64_t secure_index_guess(const struct secure_source *source, uint16_t seq);

/* Section 3.3.2: whether a packet with that index may still come. Ask again right before it is
 * noted: others may have been noted meanwhile. */
bool secure_index_is_fresh(const struct secure_source *source, uint64_t index);

/* Note an index, once the packet is authentic. The source is made when it is new. False: no room
 * for another source, or not fresh. */
bool secure_index_note(struct secure_dir *dir, uint32_t ssrc, uint64_t index);
