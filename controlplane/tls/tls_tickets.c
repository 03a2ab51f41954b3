/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of session tickets: two at a time. limen-controlplane, loop thread. */
#include "controlplane/tls/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 16
#define IV_BYTES   16

struct key {
	unsigned char name[NAME_BYTES];
	unsigned char cipher[32];
	unsigned char mac[32];
	uint64_t born_ns; /* 0: there is none */
};

struct tls_tickets {
	atomic_uint holders;
	struct key *keys; /* owned, in OpenSSL's locked memory: the one in use, the one before */
	EVP_CIPHER *aes;  /* fetched once: by name at each ticket it would cost more than the work */
};

struct tls_tickets *tls_tickets_new(void)
{
	struct tls_tickets *tickets = calloc(1, sizeof(*tickets));

	if (!tickets)
		return NULL;
	atomic_init(&tickets->holders, 1);
	tickets->keys = OPENSSL_secure_zalloc(2 * sizeof(*tickets->keys));
	tickets->aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (tickets->keys && tickets->aes)
		return tickets;
	tls_tickets_drop(tickets);
	return NULL;
}

struct tls_tickets *tls_tickets_hold(struct tls_tickets *tickets)
{
	atomic_fetch_add_explicit(&tickets->holders, 1, memory_order_relaxed);
	return tickets;
}

void tls_tickets_drop(struct tls_tickets *tickets)
{
	if (!tickets ||
	    atomic_fetch_sub_explicit(&tickets->holders, 1, memory_order_acq_rel) != 1)
		return;
	OPENSSL_secure_clear_free(tickets->keys, 2 * sizeof(*tickets->keys));
	EVP_CIPHER_free(tickets->aes);
	free(tickets);
}

/* False: the random source fails, and no ticket is given. */
static bool rotate(struct tls_tickets *tickets, uint64_t now_ns, uint64_t rotate_ns)
{
	struct key *now = &tickets->keys[0], *before = &tickets->keys[1];
	uint64_t age_ns = now->born_ns ? now_ns - now->born_ns : 0;
	struct key fresh;

	if (now->born_ns && age_ns < rotate_ns)
		return true;
	if (RAND_bytes(fresh.name, sizeof(fresh.name)) != 1 ||
	    RAND_priv_bytes(fresh.cipher, sizeof(fresh.cipher)) != 1 ||
	    RAND_priv_bytes(fresh.mac, sizeof(fresh.mac)) != 1)
		return false;
	fresh.born_ns = now_ns;
	/* unused for two times its life: what it sealed is over */
	if (now->born_ns && age_ns < 2 * rotate_ns)
		*before = *now;
	else
		OPENSSL_cleanse(before, sizeof(*before));
	*now = fresh;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return true;
}

static bool set_mac(EVP_MAC_CTX *mac, struct key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int tls_tickets_seal(struct tls_tickets *tickets, uint64_t now_ns, uint64_t rotate_ns,
		     unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac)
{
	struct key *key = &tickets->keys[0];

	if (!rotate(tickets, now_ns, rotate_ns) || RAND_bytes(iv, IV_BYTES) != 1)
		return 0;
	memcpy(name, key->name, NAME_BYTES);
	if (EVP_EncryptInit_ex(cipher, tickets->aes, NULL, key->cipher, iv) != 1 ||
	    !set_mac(mac, key))
		return -1;
	return 1;
}

int tls_tickets_open(struct tls_tickets *tickets, uint64_t now_ns, uint64_t rotate_ns,
		     const unsigned char name[16], const unsigned char *iv, EVP_CIPHER_CTX *cipher,
		     EVP_MAC_CTX *mac)
{
	if (!rotate(tickets, now_ns, rotate_ns))
		return 0;
	for (int i = 0; i < 2; i++) {
		struct key *key = &tickets->keys[i];

		if (!key->born_ns || CRYPTO_memcmp(key->name, name, NAME_BYTES) != 0)
			continue;
		if (EVP_DecryptInit_ex(cipher, tickets->aes, NULL, key->cipher, iv) != 1 ||
		    !set_mac(mac, key))
			return -1;
		return i ? 2 : 1;
	}
	return 0;
}
