/* SPDX-License-Identifier: BSD-3-Clause */
/* limen authenticates by digest who sends a request (RFC 3261 section 22, RFC 8760): challenges,
 * and credentials held against the table of users. The table is read by a thread of its own, and
 * taken when it is whole. limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"
#include "common/sip/sip_msg.h"
#include "controlplane/auth/digest.h"

struct auth;
struct users;
struct event_base;

/* Whom a failed authentication is told. */
struct auth_events {
	/* `source` sent credentials that are wrong. */
	void (*failed)(void *arg, unsigned realm, const struct net_endpoint *source);
};

/* Reads the users; without a file that can be used there is nobody, which is told in the log. 0, or
 * -ENOMEM. `events` (borrowed) may be NULL. */
int auth_new(struct auth **auth, struct event_base *base, const struct conf_auth *conf,
	     const struct auth_events *events, void *arg);
void auth_free(struct auth *auth);

/* Go over to another config. The file is read anew, behind the loop; one that is wrong is told in
 * the log, and the users known stay. 0, or -errno: then all stays as it was. */
int auth_configure(struct auth *auth, const struct conf_auth *conf);

/* What limen answers others' challenges with; NULL: nothing. Until the next turn of the loop. */
const struct users *auth_credentials(const struct auth *auth);

enum auth_result {
	AUTH_GOOD = 0,
	AUTH_MISSING, /* no credentials for this realm: to be challenged */
	AUTH_STALE,   /* right, but with a nonce that is over: to be challenged with stale */
	AUTH_WRONG,   /* no such user, wrong password: to be challenged, and counted */
	AUTH_REPLAY,  /* right, and used before by another request: as wrong */
};

/* Who sent it, by its credentials for `realm`. */
enum auth_result auth_check(struct auth *auth, const struct sip_msg *msg, struct span realm,
			    unsigned realm_index, const struct net_endpoint *source,
			    char user[DIGEST_USER_MAX], size_t *user_len);

/* The challenge's lines: one for each algorithm, the preferred one first (RFC 8760 section 2.3). A
 * REGISTER's are WWW-Authenticate (401), others' Proxy-Authenticate (407). */
void put_auth_challenge(struct cursor *out, struct auth *auth, const struct sip_msg *msg,
			struct span realm, const struct net_endpoint *source, bool stale);
uint16_t auth_challenge_status(const struct sip_msg *msg);

struct auth_stats {
	uint64_t users; /* rows */
	uint64_t challenges, good, stale, wrong, replayed;
	uint64_t loads, load_failures;
};
void auth_stats(const struct auth *auth, struct auth_stats *stats);
