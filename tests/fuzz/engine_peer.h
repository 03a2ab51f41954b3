/* SPDX-License-Identifier: BSD-3-Clause */
/* The two peers of the engine's fuzzer: messages made out of the input's bytes and of what limen
 * said last, so that cookies, tags and branches are good. What must not cross limen is marked. One
 * thread. */
#pragma once

#include "common/base/cursor.h"

#define PEER_NOTES     8u
#define PEER_TEXT_MAX  8192u
#define PEER_OUT_BYTES 65535u

/* What is left of the input; at its end all bytes are 0. */
struct fuzz_bytes {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_take(struct fuzz_bytes *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static inline uint16_t fuzz_take16(struct fuzz_bytes *in)
{
	uint16_t high = fuzz_take(in);

	return (uint16_t)(high << 8 | fuzz_take(in));
}

struct peer_note {
	uint32_t len;
	char text[PEER_TEXT_MAX];
};

/* The last few messages, the newest at [(n - 1) % PEER_NOTES]. */
struct peer_notes {
	unsigned n;
	struct peer_note note[PEER_NOTES];
};

struct peer {
	unsigned side; /* 0: A, 10.0.1.2; 1: B, 10.0.2.2 */
	struct peer_notes heard, said;
};

/* What stands wherever a side's text must not reach the other, and how its network's addresses
 * begin. */
/* The SRTP key of every peer: limen's own are others. */
#define PEER_KEY "AQIDBAUGBwgJCgsMDQ4PEP79/Pv6+fj39vX08/Lx"

extern const char *const peer_marks[2][3];

void peer_note(struct peer_notes *notes, struct span text);

/* Each writes one message, or nothing where there is nothing to make it from. */
void peer_put_new(const struct peer *peer, struct fuzz_bytes *in,
		  struct cursor *out); /* outside a dialog */
void peer_put_inside(const struct peer *peer, struct fuzz_bytes *in,
		     struct cursor *out); /* inside one of limen's */
void peer_put_response(const struct peer *peer, struct fuzz_bytes *in,
		       struct cursor *out); /* to a request of limen's */
void peer_put_follow(const struct peer *peer, struct fuzz_bytes *in,
		     struct cursor *out); /* CANCEL, ACK of its own */
void peer_put_note(const struct peer_notes *notes, struct fuzz_bytes *in,
		   struct cursor *out); /* once more as it was */

/* Change a few bytes. */
void peer_mutate(struct fuzz_bytes *in, struct cursor *out);
