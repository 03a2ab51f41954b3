/* SPDX-License-Identifier: BSD-3-Clause */
/* Nonces that nothing has to be remembered of until they are used: time, a number and a keyed hash
 * over both and over whom they were given to. What is remembered is which counts (nc) of a nonce
 * were seen. limen-controlplane, loop thread. */
#pragma once

#include "common/base/cursor.h"
#include "common/net/addr.h"

#define NONCE_CHARS 32u

struct nonces;

enum nonce_state {
	NONCE_GOOD = 0,
	NONCE_STALE,  /* not limen's, not this source's, or too old: another one is due */
	NONCE_REPLAY, /* that count was used before, by another request */
};

/* NULL when there is no memory. */
struct nonces *nonces_new(void);
void nonces_free(struct nonces *nonces);

void put_nonce(struct cursor *out, struct nonces *nonces, const struct net_endpoint *source,
	       uint32_t now_s);

/* Use one count of a nonce. `request` tells requests apart: the same one again (its answer was
 * lost) is no replay. */
enum nonce_state nonce_use(struct nonces *nonces, struct span nonce,
			   const struct net_endpoint *source, uint32_t count, uint64_t request,
			   uint32_t now_s, uint32_t good_s);
