/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys that session tickets are sealed with (RFC 5077, RFC 8446 section 4.6.1): rotated, and the
 * same after a reload. limen-controlplane: the loop thread seals and opens; any thread may hold
 * one. */
#pragma once

#include <openssl/evp.h>
#include <stdint.h>

struct tls_tickets;

/* With one holder. NULL: no memory. */
struct tls_tickets *tls_tickets_new(void);
struct tls_tickets *tls_tickets_hold(struct tls_tickets *tickets);
void tls_tickets_drop(struct tls_tickets *tickets);

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb, with its results. A ticket of the key before this one
 * is opened and sealed anew; older ones are not known. `now_ns` is of CLOCK_MONOTONIC. */
int tls_tickets_seal(struct tls_tickets *tickets, uint64_t now_ns, uint64_t rotate_ns,
		     unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac);
int tls_tickets_open(struct tls_tickets *tickets, uint64_t now_ns, uint64_t rotate_ns,
		     const unsigned char name[16], const unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac);
