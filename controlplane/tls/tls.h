/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP over TLS: the layer that controlplane/transport makes its connections with. limen-controlplane,
 * loop thread. */
#pragma once

#include "controlplane/tls/tls_names.h"
#include "controlplane/tls/tls_stats.h"
#include "controlplane/tls/tls_store.h"
#include "controlplane/transport/transport.h"

struct tls;

/* What only the config knows of those that limen connects to. */
struct tls_hooks {
	/* The name that the server there is configured by, "" where it has only an address: told to
	 * it (SNI). */
	void (*server_name)(void *arg, const struct conn_info *server,
			    char name[TLS_NAME_BYTES_MAX + 1]);
	/* Whether one who has proved to have these names is that server (RFC 5922 section 7.3). */
	bool (*is_server)(void *arg, const struct conn_info *server,
			  const struct tls_names *names);
};

/* `hooks` is borrowed. NULL: no memory. */
struct tls *tls_new(const struct tls_hooks *hooks, void *arg);
/* After the transport's connections. */
void tls_free(struct tls *tls);
/* From now on connections are made with this store; it is held. */
void tls_use(struct tls *tls, struct tls_store *store);
/* With the tls as its argument. */
const struct transport_layer *tls_layer(void);
void tls_stats(const struct tls *tls, struct tls_stats *stats);
