/* SPDX-License-Identifier: BSD-3-Clause */
/* Who a certificate says that somebody is: SIP domains by RFC 5922. limen-controlplane, any
 * thread. */
#pragma once

#include <openssl/x509.h>

#include "common/base/span.h"

#define TLS_NAMES_MAX	   64u
#define TLS_NAME_BYTES_MAX 253u

/* Names in lower case, addresses as RFC 5952 writes them, without brackets; no name twice. */
struct tls_names {
	unsigned n;
	char list[][TLS_NAME_BYTES_MAX + 1];
};

/* The identities of RFC 5922 section 7.1: hosts of `sip:` URIs without a user in subjectAltName;
 * where there are none, its DNS names; the CN only of a certificate without subjectAltName. IP
 * addresses of subjectAltName count beside them, for peers that have no name. Wildcards, and names
 * that are none, are left out (section 7.2). Owned by the caller (free); NULL: no memory. */
struct tls_names *tls_names_of(const X509 *certificate);

/* The names that a server is asked for by SNI: all of the above together, wildcards too. */
struct tls_names *tls_names_served(const X509 *certificate);

/* In any case, with or without a dot at the end; whole names only (RFC 5922 section 7.2). */
bool tls_names_have(const struct tls_names *names, struct span host);
