/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sides of a TLS connection in memory. */
#pragma once

#include "controlplane/tls/tls_priv.h"

struct side {
	struct tls_conn conn; /* for limen's callbacks */
	SSL *ssl;
	int result; /* of SSL_do_handshake; 1: done */
	unsigned long error;
};

/* Of limen, by the store's first `tls`. */
struct side side_server(struct tls_store *store);
struct side side_client(struct tls_store *store, const char *server_name);
/* Of anybody: the context is the caller's. */
struct side side_of(SSL_CTX *ctx, bool server);
void side_free(struct side *side);

/* True: both are done. */
bool handshake(struct side *server, struct side *client);
/* What a side wrote is read by the other, so that what comes after a handshake comes too. */
void exchange(struct side *from, struct side *to);
