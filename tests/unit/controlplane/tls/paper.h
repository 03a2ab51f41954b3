/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates, lists and OCSP responses made while a test runs, in a directory of its own. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/base/span.h"

struct paper {
	const char *subject; /* CN; NULL: none */
	const char *san;     /* as OpenSSL's config writes it: "DNS:a.example,URI:sip:b.example" */
	const char *usage;   /* extendedKeyUsage: "clientAuth"; NULL: no extension */
	const char *feature; /* tlsfeature: "status_request" */
	bool ca;
	int rsa_bits;  /* 0: ECDSA, P-256 */
	int from_days; /* of now; 0 and 0: a day ago to 90 days ahead */
	int to_days;
};

struct signer {
	X509 *certificate;
	EVP_PKEY *key;
};

/* Signed by `by`, or by itself where that is NULL. Owned by the caller (signer_free). */
struct signer paper_make(const struct paper *paper, const struct signer *by);
void signer_free(struct signer *signer);

/* DIR/NAME, in one of eight buffers. */
const char *paper_path(const char *name);
/* Files in DIR; the chain is the certificate and then `above`, perhaps NULL. */
void paper_write_chain(const char *name, const struct signer *signer, const struct signer *above);
void paper_write_key(const char *name, const EVP_PKEY *key, int mode);
void paper_write_text(const char *name, const char *text);
/* Revocation list of the authority; `revoked` may be NULL. */
void paper_write_crl(const char *name, const struct signer *ca, const X509 *revoked, int to_days);
/* Good, or revoked; until so many hours from now. */
void paper_write_ocsp(const char *name, const struct signer *ca, const X509 *about, bool revoked,
		      int to_hours);

/* A directory before the tests of a suite, and away with it. */
void paper_setup(void);
void paper_teardown(void);
