/* SPDX-License-Identifier: BSD-3-Clause */
/* What became of handshakes. limen-controlplane, loop thread. */
#pragma once

#include <stdint.h>

/* X(symbol, counter's name, for a person) */
#define TLS_FAILURES(X)                                                                            \
	X(NOT_TLS, not_tls, "what the peer sends is not TLS")                                      \
	X(VERSION, version, "no version of TLS that both speak")                                   \
	X(CIPHER, cipher, "no cipher, group or signature that both know")                          \
	X(PROTOCOL, protocol, "the peer wants another protocol than SIP (ALPN)")                   \
	X(NO_CERTIFICATE, no_certificate, "the peer shows no certificate")                         \
	X(UNTRUSTED, untrusted, "the peer's certificate leads to none of the trusted roots")       \
	X(EXPIRED, expired, "the peer's certificate is expired, or not valid yet")                 \
	X(REVOKED, revoked, "the peer's certificate is revoked")                                   \
	X(NO_CRL, no_crl, "no revocation list in crl_file covers the peer's certificate now")      \
	X(PURPOSE, purpose, "the peer's certificate is not for TLS")                               \
	X(NAME, name, "the peer's certificate has another name")                                   \
	X(STAPLE, staple, "the peer's certificate must come with an OCSP response, and has no "    \
			  "good one")                                                              \
	X(ALERT, alert, "the peer refuses")                                                        \
	X(CLOSED, closed, "the peer closed the connection")                                        \
	X(LATE, late, "not done in time")                                                          \
	X(OTHER, other, "it failed")

enum tls_failure {
#define X(sym, name, text) TLS_##sym,
	TLS_FAILURES(X)
#undef X
	TLS_FAILURES_END,
};

struct tls_stats {
	uint64_t accepted, opened; /* handshakes that were done */
	uint64_t resumed;	   /* of both */
	uint64_t tls_1_2, tls_1_3;
	uint64_t clients_verified;
	uint64_t failed[TLS_FAILURES_END];
};

const char *tls_failure_name(enum tls_failure failure);
const char *tls_failure_text(enum tls_failure failure);
