/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates, lists and OCSP responses made while a test runs. */
#include "paper.h"

#include <criterion/criterion.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DAY_S 86400

static char dir[64];
static long last_serial = 1000;

void paper_setup(void)
{
	strcpy(dir, "/tmp/limen-test-tls-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

void paper_teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_expect_eq(system(command), 0);
}

const char *paper_path(const char *name)
{
	static char paths[8][256];
	static unsigned at;
	char *path = paths[at++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	cr_assert_not_null(extension, "%s", value);
	cr_assert_eq(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

struct signer paper_make(const struct paper *paper, const struct signer *by)
{
	struct signer made = {.certificate = X509_new()};
	X509 *x = made.certificate;
	bool dated = paper->from_days || paper->to_days;

	made.key = paper->rsa_bits ? EVP_RSA_gen((unsigned)paper->rsa_bits) : EVP_EC_gen("P-256");
	cr_assert_not_null(made.key);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++last_serial);
	X509_gmtime_adj(X509_getm_notBefore(x), (dated ? paper->from_days : -1) * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(x), (dated ? paper->to_days : 90) * DAY_S);
	X509_set_pubkey(x, made.key);
	if (paper->subject)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
					   (const unsigned char *)paper->subject, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(by ? by->certificate : x));
	add_extension(x, by ? by->certificate : x, NID_basic_constraints,
		      paper->ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (paper->ca)
		add_extension(x, x, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
	add_extension(x, x, NID_subject_key_identifier, "hash");
	if (paper->san)
		add_extension(x, x, NID_subject_alt_name, paper->san);
	if (paper->usage)
		add_extension(x, x, NID_ext_key_usage, paper->usage);
	if (paper->feature)
		add_extension(x, x, NID_tlsfeature, paper->feature);
	cr_assert_gt(X509_sign(x, by ? by->key : made.key, EVP_sha256()), 0);
	return made;
}

void signer_free(struct signer *signer)
{
	X509_free(signer->certificate);
	EVP_PKEY_free(signer->key);
	*signer = (struct signer){0};
}

static FILE *create(const char *name)
{
	FILE *file = fopen(paper_path(name), "w");

	cr_assert_not_null(file);
	return file;
}

void paper_write_chain(const char *name, const struct signer *signer, const struct signer *above)
{
	FILE *file = create(name);

	PEM_write_X509(file, signer->certificate);
	if (above)
		PEM_write_X509(file, above->certificate);
	fclose(file);
}

void paper_write_key(const char *name, const EVP_PKEY *key, int mode)
{
	FILE *file = create(name);

	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	cr_assert_eq(chmod(paper_path(name), (mode_t)mode), 0);
}

void paper_write_text(const char *name, const char *text)
{
	FILE *file = create(name);

	fputs(text, file);
	fclose(file);
	chmod(paper_path(name), 0600);
}

void paper_write_crl(const char *name, const struct signer *ca, const X509 *revoked, int to_days)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = X509_gmtime_adj(NULL, -2 * DAY_S),
		  *to = X509_gmtime_adj(NULL, to_days * DAY_S);
	FILE *file = create(name);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	if (revoked) {
		X509_REVOKED *one = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(
			one, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(one, from);
		X509_CRL_add0_revoked(crl, one);
	}
	cr_assert_gt(X509_CRL_sign(crl, ca->key, EVP_sha256()), 0);
	PEM_write_X509_CRL(file, crl);
	fclose(file);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
}

void paper_write_ocsp(const char *name, const struct signer *ca, const X509 *about, bool revoked,
		      int to_hours)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(NULL, about, ca->certificate);
	ASN1_TIME *from = X509_gmtime_adj(NULL, -2 * DAY_S),
		  *to = X509_gmtime_adj(NULL, to_hours * 3600);
	FILE *file = create(name);
	OCSP_RESPONSE *response;
	unsigned char *der = NULL;
	int len;

	cr_assert_not_null(OCSP_basic_add1_status(
		basic, id, revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD,
		OCSP_REVOKED_STATUS_NOSTATUS, revoked ? from : NULL, from, to));
	cr_assert_eq(OCSP_basic_sign(basic, ca->certificate, ca->key, EVP_sha256(), NULL, 0), 1);
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	len = i2d_OCSP_RESPONSE(response, &der);
	cr_assert_gt(len, 0);
	cr_assert_eq(fwrite(der, 1, (size_t)len, file), (size_t)len);
	OPENSSL_free(der);
	fclose(file);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
}
