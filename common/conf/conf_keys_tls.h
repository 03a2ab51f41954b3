/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of TLS: certificates and who uses them how. As conf_keys.h, which includes it. Private to
 * common/conf. */
#pragma once

#define CONF_SECTIONS_TLS(X)                                                                       \
	X(certificates, MAPS, CERTIFICATE, false, CONF_CERTIFICATES_MAX,                           \
	  "Certificates with their keys, for TLS. All files are read again on reload; calls and "  \
	  "connections go on.")                                                                    \
	X(tls, MAPS, TLS, false, CONF_TLS_MAX,                                                     \
	  "Ways to speak TLS. A realm names one, for connections to it and from it.")

#define CONF_KEYS_CERTIFICATE(X)                                                                   \
	X(ONE, NAME, name, 0, "", NULL, 1, 63, RELOAD,                                             \
	  "The certificate's name, for `tls`, logs and `limenctl show certificates`.")             \
	X(ONE, PATH, chain, 0, "", NULL, 1, 200, RELOAD,                                           \
	  "PEM file: the certificate, then those between it and the root.")                        \
	X(ONE, PATH, key, 0, "", NULL, 1, 200, RELOAD,                                             \
	  "PEM file of its private key, RSA of 2048 bits at least or ECDSA, without a "            \
	  "passphrase. Refused where more than its owner may read it.")                            \
	X(ONE, PATH, ocsp_file, 0, "", "", 1, 200, RELOAD,                                         \
	  "OCSP response (DER) about it, sent with it where it is asked for and still good. A "    \
	  "file that is missing, or about another certificate, is refused; one that has "          \
	  "run out is warned about.")

#define CONF_KEYS_TLS(X)                                                                           \
	X(ONE, NAME, name, 0, "", NULL, 1, 63, RELOAD, "Its name, for realms.")                    \
	X(LIST, REF_CERTIFICATE, certificates, CONF_TLS_CERTIFICATES_MAX, "", "", 1, 63, RELOAD,   \
	  "What limen shows of itself. Where the peer asks for a name (SNI), those that have it; " \
	  "else the first one, with those of its names that have another type of key. Needed "     \
	  "where a realm listens for TLS.")                                                        \
	X(ONE, PATH, ca_file, 0, "", "", 1, 200, RELOAD,                                           \
	  "PEM file of the roots that peers' certificates are held against. Without it: those "    \
	  "of the system for servers, and no client can be verified.")                             \
	X(ONE, PATH, crl_file, 0, "", "", 1, 200, RELOAD,                                          \
	  "PEM file of revocation lists. With it, each certificate of a peer's chain needs a "     \
	  "list of its issuer that is not out of date.")                                           \
	X(ONE, WORD, verify_client, 0, "none|optional|require", "none", 1, 16, RELOAD,             \
	  "Whether those who connect are asked for a certificate: not at all; one that is shown "  \
	  "must be good; nobody comes in without.")                                                \
	X(ONE, BOOL, verify_peer, 0, "", "yes", 2, 8, RELOAD,                                      \
	  "Whether those whom limen connects to must show a good certificate with the right "      \
	  "name (RFC 5922). `no` is for tests: anybody may then pose as the peer.")                \
	X(ONE, WORD, min_version, 0, "1.2|1.3", "1.2", 1, 8, RELOAD, "The oldest TLS spoken.")     \
	X(ONE, TEXT, ciphers, 0, "",                                                               \
	  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                             \
	  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                             \
	  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",                             \
	  1, 1000, RELOAD, "Ciphers of TLS 1.2, as OpenSSL writes them, the preferred one first.") \
	X(ONE, TEXT, ciphersuites, 0, "",                                                          \
	  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256", 1, 1000,   \
	  RELOAD, "Cipher suites of TLS 1.3, the preferred one first.")                            \
	X(ONE, TEXT, curves, 0, "", "X25519:P-256:P-384", 1, 200, RELOAD,                          \
	  "Groups for the key exchange, the preferred one first.")                                 \
	X(ONE, BOOL, tickets, 0, "", "yes", 2, 8, RELOAD,                                          \
	  "Whether sessions can be resumed: both sides save the certificates. A change of "        \
	  "ca_file, crl_file or verify_client ends those there were.")                             \
	X(ONE, UINT, ticket_rotate_s, 0, "s", "28800", 60, 172800, RELOAD,                         \
	  "The key that tickets are sealed with is changed so often; a ticket is good for one "    \
	  "to two such times. Keys outlive a reload, not a restart.")                              \
	X(ONE, UINT, expiry_alarm_days, 0, "days", "30", 0, 3650, RELOAD,                          \
	  "An alarm is raised so long before one of the certificates expires; 0: only when it "    \
	  "has.")                                                                                  \
	X(ONE, PATH, keylog_file, 0, "", "", 1, 200, RELOAD,                                       \
	  "For debugging only: the secrets of every connection are appended to this file, and "    \
	  "whoever has it reads all that was said. Warned about, with an alarm, while it is set.")
