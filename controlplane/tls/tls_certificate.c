/* SPDX-License-Identifier: BSD-3-Clause */
/* One of limen's certificates: chain, key, and the OCSP response about it. limen-controlplane, any
 * thread. */
#include "controlplane/tls/tls_certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHAIN_MAX    8
#define RSA_BITS_MIN 2048u
#define EC_BITS_MIN  224u

__attribute__((format(printf, 5, 6))) static int refuse(struct tls_fault *fault, const char *key,
							const char *path, int err, const char *fmt,
							...)
{
	va_list args;

	fault->key = key;
	fault->path = path;
	va_start(args, fmt);
	vsnprintf(fault->why, sizeof(fault->why), fmt, args);
	va_end(args);
	return -err;
}

int64_t tls_time_s(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : 0;
}

const char *tls_key_kind_name(enum tls_key_kind kind)
{
	static const char *const names[TLS_KEY_KINDS] = {"RSA", "ECDSA", "EdDSA"};

	return names[kind];
}

/* A passphrase cannot be asked for. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	bool *asked = arg;

	*asked = true;
	return -1;
}

static int read_chain(struct tls_certificate *c, const char *path, struct tls_fault *fault)
{
	struct tls_file file;
	char why[TLS_WHY_BYTES];
	int err = tls_file_read(path, false, &file, why);
	BIO *bio;
	X509 *x;

	if (err)
		return refuse(fault, "chain", path, -err, "%s", why);
	bio = BIO_new_mem_buf(file.bytes, (int)file.len);
	c->leaf = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
	c->chain = sk_X509_new_null();
	while (c->leaf && c->chain && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (!sk_X509_push(c->chain, x)) {
			X509_free(x);
			break;
		}
	}
	BIO_free(bio);
	tls_file_free(&file);
	if (!c->leaf)
		return refuse(fault, "chain", path, EINVAL, "no certificate (PEM) in it: %s",
			      tls_openssl_reason());
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return refuse(fault, "chain", path, EINVAL,
			      "certificate %d of it cannot be read: %s",
			      sk_X509_num(c->chain) + 2, tls_openssl_reason());
	ERR_clear_error();
	if (sk_X509_num(c->chain) > CHAIN_MAX)
		return refuse(fault, "chain", path, EINVAL, "%d certificates; at most %d are",
			      sk_X509_num(c->chain) + 1, CHAIN_MAX + 1);
	return 0;
}

/* Each is signed by the one behind it, as TLS wants them. */
static int check_chain(struct tls_certificate *c, const char *path, struct tls_fault *fault)
{
	X509 *below = c->leaf;

	for (int i = 0; i < sk_X509_num(c->chain); i++) {
		X509 *above = sk_X509_value(c->chain, i);

		if (X509_check_issued(above, below) != X509_V_OK)
			return refuse(fault, "chain", path, EINVAL,
				      "certificate %d of it did not sign certificate %d: the "
				      "certificate itself comes first, then what signed it, and so on",
				      i + 2, i + 1);
		below = above;
	}
	if (X509_check_ca(c->leaf))
		return refuse(fault, "chain", path, EINVAL,
			      "its first certificate is an authority's, not a server's");
	return 0;
}

static int check_key(struct tls_certificate *c, const char *path, struct tls_fault *fault)
{
	int type = EVP_PKEY_get_base_id(c->key);

	c->bits = (unsigned)EVP_PKEY_get_bits(c->key);
	if (type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS)
		c->kind = TLS_KEY_RSA;
	else if (type == EVP_PKEY_EC)
		c->kind = TLS_KEY_ECDSA;
	else if (type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448)
		c->kind = TLS_KEY_EDDSA;
	else
		return refuse(fault, "key", path, EINVAL,
			      "neither an RSA key nor one of an elliptic curve");
	if (c->bits < (c->kind == TLS_KEY_RSA ? RSA_BITS_MIN : EC_BITS_MIN))
		return refuse(fault, "key", path, EINVAL, "too short: %u bits of %s, at least %u",
			      c->bits, tls_key_kind_name(c->kind),
			      c->kind == TLS_KEY_RSA ? RSA_BITS_MIN : EC_BITS_MIN);
	if (X509_check_private_key(c->leaf, c->key) != 1) {
		ERR_clear_error();
		return refuse(fault, "key", path, EINVAL,
			      "not the key of the first certificate in %.100s", c->chain_path);
	}
	return 0;
}

static int read_key(struct tls_certificate *c, const char *path, struct tls_fault *fault)
{
	struct tls_file file;
	bool asked = false;
	char why[TLS_WHY_BYTES];
	int err = tls_file_read(path, true, &file, why);
	BIO *bio;

	if (err)
		return refuse(fault, "key", path, -err, "%s", why);
	bio = BIO_new_mem_buf(file.bytes, (int)file.len);
	c->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked) : NULL;
	BIO_free(bio);
	tls_file_free(&file);
	if (!c->key && asked) {
		ERR_clear_error();
		return refuse(fault, "key", path, EINVAL,
			      "it needs a passphrase, which nobody is there to enter");
	}
	if (!c->key)
		return refuse(fault, "key", path, EINVAL, "no private key (PEM) in it: %s",
			      tls_openssl_reason());
	return check_key(c, path, fault);
}

/* Who signed the leaf, as far as the chain has it: OCSP names certificates by both. */
static OCSP_CERTID *id_of(const struct tls_certificate *c)
{
	X509 *issuer = sk_X509_num(c->chain) ? sk_X509_value(c->chain, 0) : NULL;

	if (!issuer && X509_check_issued(c->leaf, c->leaf) == X509_V_OK)
		issuer = c->leaf;
	return issuer ? OCSP_cert_to_id(NULL, c->leaf, issuer) : NULL;
}

/* Of this certificate, with a status that helps it. */
static int check_ocsp(struct tls_certificate *c, OCSP_BASICRESP *basic, const char *path,
		      struct tls_fault *fault)
{
	ASN1_GENERALIZEDTIME *revoked, *this_update, *next_update;
	OCSP_CERTID *id = id_of(c);
	int status, reason, found;

	if (!id)
		return refuse(fault, "ocsp_file", path, EINVAL,
			      "%.100s lacks the certificate of who signed its first one, which "
			      "OCSP needs",
			      c->chain_path);
	found = OCSP_resp_find_status(basic, id, &status, &reason, &revoked, &this_update,
				      &next_update);
	OCSP_CERTID_free(id);
	if (!found)
		return refuse(fault, "ocsp_file", path, EINVAL, "about another certificate");
	if (status != V_OCSP_CERTSTATUS_GOOD)
		return refuse(fault, "ocsp_file", path, EINVAL, "it says that the certificate is %s",
			      OCSP_cert_status_str(status));
	c->ocsp_until_s = next_update ? tls_time_s(next_update) : 0;
	return 0;
}

static int read_ocsp(struct tls_certificate *c, const char *path, struct tls_fault *fault)
{
	struct tls_file file;
	char why[TLS_WHY_BYTES];
	int err = tls_file_read(path, false, &file, why);
	const unsigned char *at;
	OCSP_RESPONSE *response;
	OCSP_BASICRESP *basic;

	if (err)
		return refuse(fault, "ocsp_file", path, -err, "%s", why);
	at = (const unsigned char *)file.bytes;
	response = d2i_OCSP_RESPONSE(NULL, &at, (long)file.len);
	basic = response ? OCSP_response_get1_basic(response) : NULL;
	ERR_clear_error();
	if (!basic)
		err = refuse(fault, "ocsp_file", path, EINVAL, "not an OCSP response (DER)%s%s",
			     response ? ": it says " : "",
			     response ? OCSP_response_status_str(OCSP_response_status(response))
				      : "");
	else
		err = check_ocsp(c, basic, path, fault);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	c->ocsp = err ? NULL : OPENSSL_memdup(file.bytes, file.len);
	c->ocsp_len = c->ocsp ? file.len : 0;
	tls_file_free(&file);
	return err;
}

static char *name_text(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *data = NULL;
	long len;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &data);
		text = calloc(1, (len > 0 ? (size_t)len : 0) + 1);
		if (text && len > 0)
			memcpy(text, data, (size_t)len);
	}
	BIO_free(bio);
	return text;
}

static int describe(struct tls_certificate *c)
{
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(c->leaf), NULL);
	char *hex = serial ? BN_bn2hex(serial) : NULL;

	snprintf(c->serial, sizeof(c->serial), "%s", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(serial);
	c->not_before_s = tls_time_s(X509_get0_notBefore(c->leaf));
	c->not_after_s = tls_time_s(X509_get0_notAfter(c->leaf));
	c->names = tls_names_served(c->leaf);
	c->subject = name_text(X509_get_subject_name(c->leaf));
	c->issuer = name_text(X509_get_issuer_name(c->leaf));
	return c->names && c->subject && c->issuer ? 0 : -ENOMEM;
}

int tls_certificate_load(const struct conf_certificate *conf, struct tls_certificate *certificate,
			 struct tls_fault *fault)
{
	int err;

	*certificate = (struct tls_certificate){.name = strdup(conf->name),
						.chain_path = strdup(conf->chain)};
	ERR_clear_error();
	if (!certificate->name || !certificate->chain_path)
		err = refuse(fault, "chain", conf->chain, ENOMEM, "out of memory");
	else
		err = read_chain(certificate, conf->chain, fault);
	if (!err)
		err = check_chain(certificate, conf->chain, fault);
	if (!err)
		err = read_key(certificate, conf->key, fault);
	if (!err && *conf->ocsp_file)
		err = read_ocsp(certificate, conf->ocsp_file, fault);
	if (!err && describe(certificate))
		err = refuse(fault, "chain", conf->chain, ENOMEM, "out of memory");
	if (err)
		tls_certificate_free(certificate);
	return err;
}

void tls_certificate_free(struct tls_certificate *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	EVP_PKEY_free(c->key);
	OPENSSL_free(c->ocsp);
	free(c->name);
	free(c->chain_path);
	free(c->names);
	free(c->subject);
	free(c->issuer);
	*c = (struct tls_certificate){0};
}

bool tls_certificate_ocsp_good(const struct tls_certificate *certificate, int64_t now_s)
{
	return certificate->ocsp && (!certificate->ocsp_until_s ||
				     now_s < certificate->ocsp_until_s);
}
