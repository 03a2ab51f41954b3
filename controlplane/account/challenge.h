/* SPDX-License-Identifier: BSD-3-Clause */
/* A challenge of limen itself (RFC 3261 section 22, RFC 7616, RFC 8760), and what it is answered
 * with. limen-controlplane, loop thread. */
#pragma once

#include "common/sip/sip_msg.h"
#include "controlplane/auth/digest.h"

struct users;

#define CHALLENGE_TEXT_MAX 256u

struct challenge {
	bool known, proxy, qop, has_opaque;
	uint8_t algorithm; /* enum digest_algorithm */
	uint32_t nc;	   /* how often its nonce was used */
	char realm[CHALLENGE_TEXT_MAX], nonce[CHALLENGE_TEXT_MAX], opaque[CHALLENGE_TEXT_MAX];
	unsigned char ha1[DIGEST_BYTES_MAX];
};

/* The challenge of a 401 or 407 that there are credentials of that user for: one with a SHA before
 * one with MD5, and of several the first, as the server prefers it (RFC 8760 section 2.4). Its
 * quoted texts go back as they came. False, and *challenge as it was, where there is none. */
bool challenge_read(struct challenge *challenge, const struct sip_msg *answer, struct span user,
		    const struct users *credentials, bool *stale);

/* Its Authorization or Proxy-Authorization line; counts the use of the nonce. `once`: never the
 * same twice. */
void put_challenge_answer(struct cursor *out, struct challenge *challenge, struct span user,
			  struct span method, struct span uri, uint64_t once);
