/* SPDX-License-Identifier: BSD-3-Clause */
/* What peers' certificates are held against: roots and revocation lists. limen-controlplane, any
 * thread. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>

#include "controlplane/tls/tls_priv.h"

int tls_context_refuse(struct tls_context_fault *fault, const char *key, int err, const char *fmt,
		       ...)
{
	va_list args;

	fault->key = key;
	va_start(args, fmt);
	vsnprintf(fault->why, sizeof(fault->why), fmt, args);
	va_end(args);
	return -err;
}

static BIO *open_file(const char *key, const char *path, struct tls_file *file,
		      struct tls_context_fault *fault, int *err)
{
	char why[TLS_WHY_BYTES];
	BIO *bio;

	*err = tls_file_read(path, false, file, why);
	if (*err) {
		tls_context_refuse(fault, key, -*err, "%.90s: %s", path, why);
		return NULL;
	}
	bio = BIO_new_mem_buf(file->bytes, (int)file->len);
	if (!bio) {
		*err = tls_context_refuse(fault, key, ENOMEM, "out of memory");
		tls_file_free(file);
	}
	return bio;
}

/* At the end of what a PEM file holds: whether it ended as it should. */
static int check_end(const char *key, const char *path, unsigned n, const char *what,
		     struct tls_context_fault *fault)
{
	unsigned long newest = ERR_peek_last_error();

	if (n && ERR_GET_LIB(newest) == ERR_LIB_PEM &&
	    ERR_GET_REASON(newest) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return 0;
	}
	if (!n) {
		ERR_clear_error();
		return tls_context_refuse(fault, key, EINVAL, "%.90s: no %s (PEM) in it", path,
					  what);
	}
	return tls_context_refuse(fault, key, EINVAL, "%.90s: %s %u of it cannot be read: %s", path,
				  what, n + 1, tls_openssl_reason());
}

static int add_root(struct tls_profile *profile, X509 *root)
{
	X509_NAME *name = X509_NAME_dup(X509_get_subject_name(root));

	if (!name || X509_STORE_add_cert(profile->roots, root) != 1 ||
	    !sk_X509_NAME_push(profile->ca_names, name)) {
		X509_NAME_free(name);
		return -ENOMEM;
	}
	return 0;
}

static int load_roots(struct tls_profile *profile, const char *path,
		      struct tls_context_fault *fault)
{
	struct tls_file file;
	unsigned n = 0;
	int err;
	BIO *bio = open_file("ca_file", path, &file, fault, &err);
	X509 *root;

	if (!bio)
		return err;
	while (!err && (root = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		n++;
		if (add_root(profile, root))
			err = tls_context_refuse(fault, "ca_file", ENOMEM, "out of memory");
		X509_free(root);
	}
	BIO_free(bio);
	tls_file_free(&file);
	return err ? err : check_end("ca_file", path, n, "certificate", fault);
}

static int load_crls(struct tls_profile *profile, const char *path,
		     struct tls_context_fault *fault)
{
	struct tls_file file;
	unsigned n = 0;
	int err;
	BIO *bio = open_file("crl_file", path, &file, fault, &err);
	X509_CRL *crl;

	if (!bio)
		return err;
	while (!err && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		n++;
		if (X509_STORE_add_crl(profile->roots, crl) != 1)
			err = tls_context_refuse(fault, "crl_file", ENOMEM, "out of memory");
		else if (X509_CRL_get0_nextUpdate(crl) &&
			 X509_cmp_current_time(X509_CRL_get0_nextUpdate(crl)) < 0)
			profile->crls_stale++;
		X509_CRL_free(crl);
	}
	BIO_free(bio);
	tls_file_free(&file);
	if (!err)
		err = check_end("crl_file", path, n, "revocation list", fault);
	profile->crls = true;
	X509_STORE_set_flags(profile->roots, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return err;
}

int tls_trust_load(struct tls_profile *profile, const struct conf_tls *conf,
		   struct tls_context_fault *fault)
{
	int err = 0;

	profile->roots = X509_STORE_new();
	profile->ca_names = sk_X509_NAME_new_null();
	if (!profile->roots || !profile->ca_names)
		return tls_context_refuse(fault, "ca_file", ENOMEM, "out of memory");
	/* what it may be used for is looked at by tls_certificate_usable: a SIP peer is server and
	 * client with one certificate */
	X509_VERIFY_PARAM_set_purpose(X509_STORE_get0_param(profile->roots), X509_PURPOSE_ANY);
	if (*conf->ca_file)
		err = load_roots(profile, conf->ca_file, fault);
	else if (conf->verify_peer && X509_STORE_set_default_paths(profile->roots) != 1)
		err = tls_context_refuse(fault, "ca_file", EINVAL,
					 "not given, and the system's roots cannot be read: %s",
					 tls_openssl_reason());
	if (!err && *conf->crl_file)
		err = load_crls(profile, conf->crl_file, fault);
	return err;
}
