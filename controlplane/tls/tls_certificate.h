/* SPDX-License-Identifier: BSD-3-Clause */
/* One of limen's certificates, with its key and what is known of it. Immutable once loaded.
 * limen-controlplane, any thread. */
#pragma once

#include <openssl/ssl.h>

#include "common/conf/conf.h"
#include "controlplane/tls/tls_file.h"
#include "controlplane/tls/tls_names.h"

/* What kind of signature its key makes: a server shows the kind that the client understands. */
enum tls_key_kind { TLS_KEY_RSA, TLS_KEY_ECDSA, TLS_KEY_EDDSA, TLS_KEY_KINDS };

struct tls_certificate {
	char *name, *chain_path; /* as in the config */
	X509 *leaf;
	STACK_OF(X509) *chain; /* without the leaf */
	EVP_PKEY *key;
	struct tls_names *names; /* that it is shown for */
	enum tls_key_kind kind;
	unsigned bits;
	int64_t not_before_s, not_after_s; /* since 1970 */
	char serial[64];		   /* hexadecimal */
	char *subject, *issuer;		   /* RFC 2253 */
	unsigned char *ocsp;		   /* the response as it is sent; NULL: none */
	size_t ocsp_len;
	int64_t ocsp_until_s; /* nextUpdate; 0: it says none */
};

/* Which of the config's keys is wrong, and how. */
struct tls_fault {
	const char *key; /* "chain", "key", "ocsp_file" */
	const char *path;
	char why[TLS_WHY_BYTES];
};

/* 0, or -errno with the fault. */
int tls_certificate_load(const struct conf_certificate *conf, struct tls_certificate *certificate,
			 struct tls_fault *fault);
void tls_certificate_free(struct tls_certificate *certificate);

const char *tls_key_kind_name(enum tls_key_kind kind);

/* Whether its OCSP response may still be sent. */
bool tls_certificate_ocsp_good(const struct tls_certificate *certificate, int64_t now_s);

int64_t tls_time_s(const ASN1_TIME *time);
