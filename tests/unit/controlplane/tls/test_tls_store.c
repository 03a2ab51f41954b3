/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates from files: which is shown for which name, and files that are refused. */
#include "controlplane/tls/tls_store.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../conf_text.h"
#include "handshake.h"
#include "paper.h"

TestSuite(tls_store, .init = paper_setup, .fini = paper_teardown);

#define REALMS                                                                                     \
	CONF_HEAD "realms: [{name: ra, port: pa, addresses: [10.99.1.1/24], tls: t}]\n"

/* What stands behind `realms`; %s are paths. */
static struct conf *conf_with(const char *text)
{
	char all[8192];

	snprintf(all, sizeof(all), REALMS "%s", text);
	return conf_from_text(all);
}

static struct signer make_in_file(const char *name, const struct paper *paper,
				  const struct signer *ca)
{
	struct signer made = paper_make(paper, ca);
	char file[64];

	snprintf(file, sizeof(file), "%s.pem", name);
	paper_write_chain(file, &made, ca);
	snprintf(file, sizeof(file), "%s.key", name);
	paper_write_key(file, made.key, 0600);
	return made;
}

static const char *certificate_line(const char *name)
{
	static char text[512];
	char chain[64], key[64];

	snprintf(chain, sizeof(chain), "%s.pem", name);
	snprintf(key, sizeof(key), "%s.key", name);
	snprintf(text, sizeof(text), "  - {name: %s, chain: %s, key: %s}\n", name,
		 paper_path(chain), paper_path(key));
	return text;
}

static struct tls_store *load_ok(struct conf *conf, const struct tls_store *before)
{
	struct conf_error errors[8];
	struct tls_store *store;
	unsigned n = 0;
	int err = tls_store_load(conf, before, &store, errors, 8, &n);

	cr_assert_eq(err, 0, "%s: %s", n ? errors[0].key : "", n ? errors[0].reason : "");
	return store;
}

static void expect_shown(struct tls_store *store, const char *asked, const char *wanted, int kind)
{
	struct side server = side_server(store), client = side_client(store, asked);
	X509 *leaf;
	char name[128];

	SSL_set_verify(client.ssl, SSL_VERIFY_NONE, NULL);
	if (kind == EVP_PKEY_RSA)
		SSL_set1_sigalgs_list(client.ssl, "RSA-PSS+SHA256:RSA+SHA256");
	cr_assert(handshake(&server, &client), "%s", asked);
	leaf = SSL_get0_peer_certificate(client.ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, name, sizeof(name));
	cr_expect_str_eq(name, wanted, "for %s", asked);
	cr_expect_eq(EVP_PKEY_get_base_id(X509_get0_pubkey(leaf)), kind, "for %s", asked);
	side_free(&server);
	side_free(&client);
}

Test(tls_store, a_certificate_for_each_name_and_kind_of_key)
{
	const struct paper papers[] = {
		{.subject = "a", .san = "DNS:a.example,DNS:both.example"},
		{.subject = "a-rsa", .san = "DNS:a.example", .rsa_bits = 2048},
		{.subject = "b", .san = "URI:sip:b.example,DNS:sip.b.example"},
		{.subject = "wild", .san = "DNS:*.c.example", .rsa_bits = 2048},
		{.subject = "late", .san = "DNS:both.example,DNS:x.c.example"},
	};
	char text[4096] = "certificates:\n";
	struct tls_store *store;
	struct conf *conf;

	for (unsigned i = 0; i < 5; i++) {
		char name[2] = {(char)('p' + (int)i), '\0'};
		struct signer made = make_in_file(name, &papers[i], NULL);

		strcat(text, certificate_line(name));
		signer_free(&made);
	}
	strcat(text, "tls: [{name: t, certificates: [p, q, r, s, t], verify_peer: no}]\n");
	conf = conf_with(text);
	store = load_ok(conf, NULL);
	expect_shown(store, "", "a", EVP_PKEY_EC);
	expect_shown(store, "", "a-rsa", EVP_PKEY_RSA);
	expect_shown(store, "A.Example.", "a", EVP_PKEY_EC);
	expect_shown(store, "a.example", "a-rsa", EVP_PKEY_RSA);
	expect_shown(store, "b.example", "b", EVP_PKEY_EC);
	expect_shown(store, "sip.b.example", "b", EVP_PKEY_EC);
	expect_shown(store, "y.c.example", "wild", EVP_PKEY_RSA);
	expect_shown(store, "x.c.example", "late", EVP_PKEY_EC);
	expect_shown(store, "both.example", "a", EVP_PKEY_EC);
	expect_shown(store, "nobody.example", "a", EVP_PKEY_EC);
	expect_shown(store, "z.y.c.example", "a", EVP_PKEY_EC);
	tls_store_drop(store);
	conf_free(conf);
}

/* ---- files that are refused ---- */

static void expect_refused(const char *text, const char *key, const char *reason)
{
	struct conf *conf = conf_with(text);
	struct conf_error errors[8];
	struct tls_store *store;
	unsigned n = 0;

	cr_assert_lt(tls_store_load(conf, NULL, &store, errors, 8, &n), 0, "%s", reason);
	cr_expect_null(store);
	cr_assert_eq(n, 1, "%u for: %s", n, reason);
	cr_expect_str_eq(errors[0].key, key);
	cr_expect_not_null(strstr(errors[0].reason, reason), "%s: %s, wanted %s", errors[0].key,
			   errors[0].reason, reason);
	conf_free(conf);
}

static void expect_certificate_refused(const char *key, const char *reason)
{
	char text[1024];

	snprintf(text, sizeof(text), "certificates:\n%stls: [{name: t, certificates: [c]}]\n",
		 certificate_line("c"));
	expect_refused(text, key, reason);
}

#define CHAIN "certificates[0].chain"
#define KEY   "certificates[0].key"
#define OCSP  "certificates[0].ocsp_file"

Test(tls_store, chains_that_are_refused)
{
	const struct paper ca_paper = {.subject = "ca", .ca = true}, paper = {.subject = "c"};
	struct signer ca = paper_make(&ca_paper, NULL), made = make_in_file("c", &paper, &ca);

	unlink(paper_path("c.pem"));
	expect_certificate_refused(CHAIN, "No such file or directory");
	paper_write_text("c.pem", "");
	expect_certificate_refused(CHAIN, "empty");
	paper_write_text("c.pem", "hello\n");
	expect_certificate_refused(CHAIN, "no certificate (PEM) in it");
	paper_write_text("c.pem",
			 "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	expect_certificate_refused(CHAIN, "no certificate (PEM) in it");
	paper_write_chain("c.pem", &ca, &made);
	expect_certificate_refused(CHAIN, "certificate 2 of it did not sign certificate 1");
	unlink(paper_path("c.pem"));
	cr_assert_eq(mkdir(paper_path("c.pem"), 0700), 0);
	expect_certificate_refused(CHAIN, "not a file");
	rmdir(paper_path("c.pem"));
	cr_assert_eq(mkfifo(paper_path("c.pem"), 0600), 0);
	expect_certificate_refused(CHAIN, "not a file");
	unlink(paper_path("c.pem"));
	paper_write_chain("c.pem", &ca, NULL);
	paper_write_key("c.key", ca.key, 0600);
	expect_certificate_refused(CHAIN, "an authority's");
	signer_free(&made);
	signer_free(&ca);
}

Test(tls_store, keys_that_are_refused)
{
	const struct paper paper = {.subject = "c"}, weak = {.subject = "c", .rsa_bits = 1024};
	struct signer made = make_in_file("c", &paper, NULL), other = paper_make(&paper, NULL);
	FILE *file;

	paper_write_key("c.key", made.key, 0644);
	expect_certificate_refused(KEY, "mode 0644");
	paper_write_key("c.key", made.key, 0640);
	expect_certificate_refused(KEY, "mode 0640");
	paper_write_key("c.key", other.key, 0600);
	expect_certificate_refused(KEY, "not the key of the first certificate");
	paper_write_text("c.key", "-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n");
	expect_certificate_refused(KEY, "no private key (PEM) in it");
	file = fopen(paper_path("c.key"), "w");
	PEM_write_PrivateKey(file, made.key, EVP_aes_128_cbc(), (unsigned char *)"secret", 6,
			     NULL, NULL);
	fclose(file);
	expect_certificate_refused(KEY, "passphrase");
	signer_free(&made);
	made = make_in_file("c", &weak, NULL);
	expect_certificate_refused(KEY, "too short: 1024 bits of RSA");
	signer_free(&made);
	signer_free(&other);
}

static void expect_ocsp_refused(const char *reason)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "certificates: [{name: c, chain: %s, key: %s, ocsp_file: %s}]\n"
		 "tls: [{name: t, certificates: [c]}]\n",
		 paper_path("c.pem"), paper_path("c.key"), paper_path("c.ocsp"));
	expect_refused(text, OCSP, reason);
}

Test(tls_store, ocsp_responses_that_are_refused)
{
	const struct paper ca_paper = {.subject = "ca", .ca = true}, paper = {.subject = "c"};
	struct signer ca = paper_make(&ca_paper, NULL);
	struct signer made = make_in_file("c", &paper, &ca), other = paper_make(&paper, &ca);

	expect_ocsp_refused("No such file");
	paper_write_text("c.ocsp", "x");
	expect_ocsp_refused("not an OCSP response");
	paper_write_ocsp("c.ocsp", &ca, other.certificate, false, 24);
	expect_ocsp_refused("about another certificate");
	paper_write_ocsp("c.ocsp", &ca, made.certificate, true, 24);
	expect_ocsp_refused("revoked");
	paper_write_ocsp("c.ocsp", &ca, made.certificate, false, 24);
	paper_write_chain("c.pem", &made, NULL);
	expect_ocsp_refused("lacks the certificate of who signed");
	signer_free(&made);
	signer_free(&other);
	signer_free(&ca);
}

static void expect_key_refused(const char *more, const char *key, const char *reason)
{
	char text[1024], path[64];

	snprintf(text, sizeof(text), "tls: [{name: t, %s}]\n", more);
	snprintf(path, sizeof(path), "tls[0].%s", key);
	expect_refused(text, path, reason);
}

Test(tls_store, words_that_are_refused)
{
	expect_key_refused("ciphers: \"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES129\"", "ciphers",
			   "not known: \"ECDHE-RSA-AES129\"");
	expect_key_refused("ciphers: \"ALL:!ALL\"", "ciphers", "no cipher is left");
	expect_key_refused("ciphers: \"HIGH:eNULL@SECLEVEL=0\"", "ciphers",
			   "encrypts nothing, or proves nothing");
	expect_key_refused("ciphersuites: \"TLS_AES_128_GCM_SHA257\"", "ciphersuites",
			   "not known: \"TLS_AES_128_GCM_SHA257\"");
	expect_key_refused("curves: \"X25519:P-257\"", "curves", "not known: \"P-257\"");
}

Test(tls_store, trust_that_is_refused)
{
	char text[256];

	expect_key_refused("ca_file: /nonexistent/ca.pem", "ca_file", "No such file");
	paper_write_text("ca.pem", "nothing");
	snprintf(text, sizeof(text), "ca_file: %s", paper_path("ca.pem"));
	expect_key_refused(text, "ca_file", "no certificate (PEM) in it");
	snprintf(text, sizeof(text), "crl_file: %s", paper_path("ca.pem"));
	expect_key_refused(text, "crl_file", "no revocation list (PEM) in it");
	expect_key_refused("keylog_file: /nonexistent/keys", "keylog_file", "No such file");
}

/* The line is that of the key in the config. */
Test(tls_store, the_fault_has_its_line)
{
	struct conf_error error;
	struct tls_store *store;
	struct conf *conf;
	unsigned n;

	paper_write_text("limen.yaml",
			 REALMS "tls:\n  - name: t\n    tickets: yes\n    curves: X448:Y\n");
	cr_assert_eq(conf_load(paper_path("limen.yaml"), &conf, &error, 1, &n), 0, "%s: %s",
		     error.key, error.reason);
	cr_assert_lt(tls_store_load(conf, NULL, &store, &error, 1, &n), 0);
	cr_expect_str_eq(error.key, "tls[0].curves");
	cr_expect_eq(error.line, 7, "%u", error.line);
	conf_free(conf);
}

Test(tls_store, what_has_run_out_is_loaded_and_known)
{
	const struct paper ca_paper = {.subject = "ca", .ca = true},
			   old = {.subject = "c", .from_days = -20, .to_days = -1};
	struct signer ca = paper_make(&ca_paper, NULL), made = make_in_file("c", &old, &ca);
	const struct tls_certificate *certificate;
	struct tls_store *store;
	struct conf *conf;
	char text[1024];

	paper_write_ocsp("c.ocsp", &ca, made.certificate, false, -1);
	snprintf(text, sizeof(text),
		 "certificates: [{name: c, chain: %s, key: %s, ocsp_file: %s}]\n"
		 "tls: [{name: t, certificates: [c], expiry_alarm_days: 7}]\n",
		 paper_path("c.pem"), paper_path("c.key"), paper_path("c.ocsp"));
	conf = conf_with(text);
	store = load_ok(conf, NULL);
	tls_store_warn(store);
	certificate = tls_store_certificate(store, 0);
	cr_expect_lt(certificate->not_after_s, (int64_t)time(NULL));
	cr_expect_not(tls_certificate_ocsp_good(certificate, (int64_t)time(NULL)));
	cr_expect_str_eq(certificate->subject, "CN=c");
	cr_expect_str_eq(certificate->issuer, "CN=ca");
	cr_expect_eq(certificate->kind, TLS_KEY_ECDSA);
	cr_expect_eq(certificate->bits, 256);
	cr_expect_eq(tls_store_alarm_days(store, 0), 7);
	cr_expect_null(tls_store_certificate(store, 1));
	tls_store_drop(store);
	conf_free(conf);
	signer_free(&made);
	signer_free(&ca);
}
