/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls with keys: what peers say, what the streams have. For the tests of SRTP in the engine. */
#pragma once

#include "common/sdp/crypto.h"
#include "dataplane/media/stream.h"
#include "world.h"

#define USUAL SECURE_AES_CM_128_HMAC_SHA1_80

extern struct world *w;
extern char invite[8192], ok[8192]; /* what B and A heard last of each */
extern struct secure_key key_a, key_b; /* of secure_call */

void srtp_setup(void);
void set_policy(struct ipc_side_policy *side, enum ipc_srtp mode);
struct secure_key key_of(enum secure_suite suite, uint8_t seed);
const char *sdp_of(int side, const char *proto, unsigned tag, const struct secure_key *key,
			  const char *more);
const char *body_of(const char *text);
bool line_of(const char *text, unsigned n, struct sdp_crypto *line);
unsigned lines_of(const char *text);
struct sdp_crypto line_with(const char *text, enum secure_suite suite);
const struct secure_key *key_with(const char *text, enum secure_suite suite);
const struct stream_pair *the_pair(void);
struct stream_secure *keys_of(int side);
void expect_keys(int side, const struct secure_key *rx, const struct secure_key *tx);
void offer(const char *sdp);
void answer(const char *sdp);
void ack(void);
void hang_up(void);
void secure_call(void);
