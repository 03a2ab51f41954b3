/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that limen, as a client, may resume: the newest of each server, those of TLS 1.3 used
 * once (RFC 8446 appendix C.4). limen-controlplane, loop thread. */
#pragma once

#include <openssl/ssl.h>

#include "common/net/addr.h"

#define TLS_SESSIONS_MAX 256u

struct tls_sessions;

/* NULL: no memory. */
struct tls_sessions *tls_sessions_new(void);
void tls_sessions_free(struct tls_sessions *sessions);

/* `name`, of the server as it is expected to be, "" for none: a session is only offered where the
 * same is expected. Takes the session over. */
void tls_sessions_put(struct tls_sessions *sessions, const struct net_endpoint *peer,
		      unsigned realm, const char *name, SSL_SESSION *session);
/* Owned by the caller; NULL: there is none. */
SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions, const struct net_endpoint *peer,
			       unsigned realm, const char *name);
