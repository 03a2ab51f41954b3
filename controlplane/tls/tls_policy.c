/* SPDX-License-Identifier: BSD-3-Clause */
/* What is offered and taken: versions, ciphers, groups. limen-controlplane, any thread. */
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

#include "controlplane/tls/tls_priv.h"

#define SECURITY_LEVEL 2 /* 112 bits: no RSA below 2048, no SHA-1 signatures */
#define TOKEN_MAX      100u

/* OpenSSL passes over words that it does not know: a slip of the pen would silently shorten the
 * list. Each is tried by itself. */
static int check_words(SSL_CTX *ctx, const char *list, const char *key,
		       int (*set)(SSL_CTX *ctx, const char *word),
		       struct tls_context_fault *fault)
{
	while (*list) {
		size_t len = strcspn(list, ":, ");
		char word[TOKEN_MAX];
		const char *name = word;

		if (len >= sizeof(word))
			return tls_context_refuse(fault, key, EINVAL, "not known: \"%.40s...\"",
						  list);
		memcpy(word, list, len);
		word[len] = '\0';
		name += strspn(name, "!-+");
		if (*name && *name != '@' && set(ctx, name) != 1) {
			ERR_clear_error();
			return tls_context_refuse(fault, key, EINVAL, "not known: \"%s\"", word);
		}
		list += len;
		list += strspn(list, ":, ");
	}
	return 0;
}

/* Whether a cipher that encrypts nothing or proves nothing came in by a word like ALL. */
static const char *worthless(const SSL_CTX *ctx)
{
	STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);

	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);

		if (SSL_CIPHER_get_cipher_nid(cipher) == NID_undef ||
		    SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null)
			return SSL_CIPHER_get_name(cipher);
	}
	return NULL;
}

static int set_groups(SSL_CTX *ctx, const char *list)
{
	return (int)SSL_CTX_set1_groups_list(ctx, list);
}

int tls_policy_set(SSL_CTX *ctx, const struct conf_tls *conf, struct tls_context_fault *fault)
{
	const char *bad;
	int err;

	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_min_proto_version(ctx, conf->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(ctx, 0);
	err = check_words(ctx, conf->ciphers, "ciphers", SSL_CTX_set_cipher_list, fault);
	if (!err)
		err = check_words(ctx, conf->ciphersuites, "ciphersuites",
				  SSL_CTX_set_ciphersuites, fault);
	if (!err)
		err = check_words(ctx, conf->curves, "curves", set_groups, fault);
	if (err)
		return err;
	if (SSL_CTX_set_cipher_list(ctx, conf->ciphers) != 1)
		return tls_context_refuse(fault, "ciphers", EINVAL, "no cipher is left: %s",
					  tls_openssl_reason());
	if (SSL_CTX_set_ciphersuites(ctx, conf->ciphersuites) != 1)
		return tls_context_refuse(fault, "ciphersuites", EINVAL, "%s",
					  tls_openssl_reason());
	if (set_groups(ctx, conf->curves) != 1)
		return tls_context_refuse(fault, "curves", EINVAL, "%s", tls_openssl_reason());
	bad = worthless(ctx);
	if (bad)
		return tls_context_refuse(fault, "ciphers", EINVAL,
					  "%s among them encrypts nothing, or proves nothing", bad);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_clear_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	/* an idle connection holds no buffers; nor are there ever two in one write */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_read_ahead(ctx, 0);
	return 0;
}
