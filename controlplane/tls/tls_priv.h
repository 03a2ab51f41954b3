/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of controlplane/tls share. limen-controlplane. */
#pragma once

#include <stdatomic.h>

#include "common/net/addr.h"
#include "controlplane/tls/tls_certificate.h"
#include "controlplane/tls/tls_sessions.h"
#include "controlplane/tls/tls_stats.h"
#include "controlplane/tls/tls_store.h"
#include "controlplane/tls/tls_tickets.h"

struct tls;

#define TLS_ALPN "\x05sip/2" /* RFC 7301's registry; as it is sent, with its length */

/* Certificates that a server shows for the same names: one of each kind of key at most. */
struct tls_group {
	const struct tls_certificate *of[TLS_KEY_KINDS]; /* borrowed; NULL: none */
	SSL_CTX *server;
};

struct tls_served {
	const char *name; /* borrowed of the certificate; may begin with "*." */
	unsigned group;
};

struct tls_profile {
	struct tls_store *store;
	char *name;
	uint8_t verify_client; /* enum conf_verify_client */
	bool verify_peer, tickets, crls;
	unsigned crls_stale; /* lists that have run out */
	uint64_t ticket_rotate_ns;
	unsigned expiry_alarm_days;
	struct tls_tickets *keys; /* held */
	unsigned ngroups;
	struct tls_group *groups; /* owned; the first one where no name is asked for */
	unsigned nserved;
	struct tls_served *served; /* owned, sorted */
	SSL_CTX *client;
	X509_STORE *roots;	      /* what clients' certificates are held against */
	STACK_OF(X509_NAME) *ca_names; /* of them, told to clients */
	char *keylog_path;	      /* "" : none */
	int keylog_fd;		      /* -1: none */
};

struct tls_store {
	atomic_uint holders;
	unsigned ncertificates;
	struct tls_certificate *certificates; /* owned */
	unsigned nprofiles;
	struct tls_profile *profiles; /* owned */
	unsigned nrealms;
	int *profile_of; /* owned; by realm, -1: none */
	struct tls_sessions *sessions; /* of the loop thread */
};

/* One connection, as OpenSSL's callbacks find it: SSL_get_app_data. */
struct tls_conn {
	struct tls *tls;	 /* borrowed */
	struct tls_store *store; /* held */
	const struct tls_profile *profile;
	struct net_endpoint peer;
	unsigned realm;
	bool accepted, done;
	int16_t failure; /* enum tls_failure, where limen itself found it; -1: not yet */
	char server_name[TLS_NAME_BYTES_MAX + 1]; /* opened: whom it should be */
};

/* tls_context.c. 0, or -errno with the key and what is wrong with it. `conf` is only looked at. */
struct tls_context_fault {
	const char *key;
	char why[TLS_WHY_BYTES + 100];
};
int tls_profile_make(struct tls_profile *profile, const struct conf_tls *conf,
		     struct tls_context_fault *fault);
void tls_profile_free(struct tls_profile *profile);

/* tls_trust.c: what peers' certificates are held against. */
int tls_trust_load(struct tls_profile *profile, const struct conf_tls *conf,
		   struct tls_context_fault *fault);
int tls_context_refuse(struct tls_context_fault *fault, const char *key, int err, const char *fmt,
		       ...) __attribute__((format(printf, 4, 5)));

/* tls_policy.c: versions, ciphers and groups. */
int tls_policy_set(SSL_CTX *ctx, const struct conf_tls *conf, struct tls_context_fault *fault);

/* tls_verify.c */
/* Whether the certificate may be a SIP server's or client's: no extended key usage, or serverAuth,
 * clientAuth, sipDomain (RFC 5924) or any among it. */
bool tls_certificate_usable(X509 *certificate);
/* OpenSSL's callback of a client: the server's OCSP response, which a certificate may demand
 * (RFC 7633). */
int tls_verify_staple(SSL *ssl, void *arg);

/* tls_callbacks.c: what OpenSSL asks in a handshake. */
void tls_callbacks_server(SSL_CTX *ctx, const struct tls_profile *profile);
void tls_callbacks_client(SSL_CTX *ctx, const struct tls_profile *profile);
