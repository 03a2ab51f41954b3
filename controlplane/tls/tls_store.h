/* SPDX-License-Identifier: BSD-3-Clause */
/* All certificates of a config with the ways they are used: OpenSSL's contexts, ready to make
 * connections. Immutable, and kept alive by the connections that were made with it, so that a
 * reload drops none. limen-controlplane, any thread. */
#pragma once

#include "common/conf/conf.h"
#include "controlplane/tls/tls_certificate.h"

struct tls_store;

/* Before the first store: keys lie in locked memory that no core dump has. */
void tls_library_start(void);

/* Read all files that the config names. Keys of tickets are taken over from the store before, which
 * may be NULL and is borrowed. 0; or -errno with what is wrong in errors[]. */
int tls_store_load(const struct conf *conf, const struct tls_store *before,
		   struct tls_store **out, struct conf_error *errors, unsigned max,
		   unsigned *nerrors);
struct tls_store *tls_store_hold(struct tls_store *store);
void tls_store_drop(struct tls_store *store);

/* Log what is not wrong, but wants somebody: certificates and responses that have run out, a key
 * log. */
void tls_store_warn(const struct tls_store *store);

/* In the config's order; NULL behind the last one. */
const struct tls_certificate *tls_store_certificate(const struct tls_store *store, unsigned index);
/* How many days before its end the certificate is to be told of; the most of those that use it. */
unsigned tls_store_alarm_days(const struct tls_store *store, unsigned certificate);
/* Calls use() for each `tls` that shows the certificate. */
void tls_store_users(const struct tls_store *store, unsigned certificate,
		     void (*use)(void *arg, const char *tls), void *arg);
/* The file secrets are written to by the `tls` of that index, "" for none; NULL behind the last
 * one. */
const char *tls_store_keylog(const struct tls_store *store, unsigned index, const char **tls);
