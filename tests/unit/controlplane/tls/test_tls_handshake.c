/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes with limen's contexts, in memory: who comes in, what is resumed, what is stapled. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>

#include "../conf_text.h"
#include "common/base/clock.h"
#include "handshake.h"
#include "paper.h"

static struct signer ca, stranger, limen;

static void setup(void)
{
	const struct paper ca_paper = {.subject = "ca", .ca = true},
			   stranger_paper = {.subject = "stranger", .ca = true},
			   limen_paper = {.subject = "limen", .san = "DNS:limen.example"};

	paper_setup();
	ca = paper_make(&ca_paper, NULL);
	stranger = paper_make(&stranger_paper, NULL);
	limen = paper_make(&limen_paper, &ca);
	paper_write_chain("ca.pem", &ca, NULL);
	paper_write_chain("stranger.pem", &stranger, NULL);
	paper_write_chain("limen.pem", &limen, &ca);
	paper_write_key("limen.key", limen.key, 0600);
	paper_write_crl("none.crl", &ca, NULL, 1);
	paper_write_ocsp("limen.ocsp", &ca, limen.certificate, false, 24);
}

static void teardown(void)
{
	signer_free(&ca);
	signer_free(&stranger);
	signer_free(&limen);
	paper_teardown();
}

TestSuite(tls_handshake, .init = setup, .fini = teardown);

/* `more` are keys of the one `tls`. */
static struct tls_store *store_of(const char *more, const char *of_certificate,
				  const struct tls_store *before)
{
	struct conf_error error = {0};
	struct tls_store *store;
	struct conf *conf;
	char text[4096];
	unsigned n;
	int err;

	snprintf(text, sizeof(text),
		 CONF_HEAD "realms: [{name: ra, port: pa, addresses: [10.99.1.1/24], tls: t}]\n"
			   "certificates: [{name: c, chain: %s, key: %s%s}]\n"
			   "tls: [{name: t, certificates: [c], ca_file: %s%s}]\n",
		 paper_path("limen.pem"), paper_path("limen.key"), of_certificate,
		 paper_path("ca.pem"), more);
	conf = conf_from_text(text);
	err = tls_store_load(conf, before, &store, &error, 1, &n);
	cr_assert_eq(err, 0, "%s: %s", error.key, error.reason);
	conf_free(conf); /* a store is good without it */
	return store;
}

/* A client with that certificate (NULL: none), who trusts nobody and everybody. */
static SSL_CTX *stranger_ctx(const struct signer *with)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (with) {
		cr_assert_eq(SSL_CTX_use_certificate(ctx, with->certificate), 1);
		cr_assert_eq(SSL_CTX_use_PrivateKey(ctx, with->key), 1);
	}
	return ctx;
}

/* limen's side of it: 0, or the verification's result, or -1 for another failure. */
static long try_client(struct tls_store *store, const struct signer *with)
{
	SSL_CTX *ctx = stranger_ctx(with);
	struct side server = side_server(store), client = side_of(ctx, false);
	bool done;
	long result;

	done = handshake(&server, &client);
	result = server.result == 1 && done ? 0 : SSL_get_verify_result(server.ssl);
	if (!done && !result)
		result = -1;
	side_free(&server);
	side_free(&client);
	SSL_CTX_free(ctx);
	return result;
}

Test(tls_handshake, who_comes_in_without_verification)
{
	struct tls_store *store = store_of("", "", NULL);
	const struct paper paper = {.subject = "peer"};
	struct signer peer = paper_make(&paper, &stranger);

	cr_expect_eq(try_client(store, NULL), 0);
	cr_expect_eq(try_client(store, &peer), 0);
	signer_free(&peer);
	tls_store_drop(store);
}

Test(tls_handshake, who_comes_in_where_certificates_are_required_or_optional)
{
	const struct paper good_paper = {.subject = "peer", .usage = "serverAuth"},
			   old_paper = {.subject = "peer", .from_days = -9, .to_days = -1},
			   new_paper = {.subject = "peer", .from_days = 1, .to_days = 9};
	struct tls_store *required = store_of(", verify_client: require", "", NULL),
			 *optional = store_of(", verify_client: optional", "", NULL);
	struct signer good = paper_make(&good_paper, &ca), wrong = paper_make(&good_paper, &stranger),
		      own = paper_make(&good_paper, NULL), old = paper_make(&old_paper, &ca),
		      young = paper_make(&new_paper, &ca);
	struct tls_store *stores[] = {required, optional};

	/* a SIP server's certificate is good for a client: it is both */
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(try_client(stores[i], &good), 0);
		cr_expect_eq(try_client(stores[i], &wrong),
			     X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
		cr_expect_eq(try_client(stores[i], &own), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
		cr_expect_eq(try_client(stores[i], &old), X509_V_ERR_CERT_HAS_EXPIRED);
		cr_expect_eq(try_client(stores[i], &young), X509_V_ERR_CERT_NOT_YET_VALID);
	}
	cr_expect_eq(try_client(required, NULL), -1);
	cr_expect_eq(try_client(optional, NULL), 0);
	signer_free(&good);
	signer_free(&wrong);
	signer_free(&own);
	signer_free(&old);
	signer_free(&young);
	tls_store_drop(required);
	tls_store_drop(optional);
}

Test(tls_handshake, revoked_certificates_and_lists_that_are_missing)
{
	const struct paper paper = {.subject = "peer"};
	struct signer good = paper_make(&paper, &ca), bad = paper_make(&paper, &ca);
	struct tls_store *store;
	char more[512];

	paper_write_crl("ca.crl", &ca, bad.certificate, 1);
	snprintf(more, sizeof(more), ", verify_client: require, crl_file: %s",
		 paper_path("ca.crl"));
	store = store_of(more, "", NULL);
	cr_expect_eq(try_client(store, &good), 0);
	cr_expect_eq(try_client(store, &bad), X509_V_ERR_CERT_REVOKED);
	tls_store_drop(store);

	paper_write_crl("ca.crl", &ca, bad.certificate, -1);
	store = store_of(more, "", NULL);
	cr_expect_eq(store->profiles[0].crls_stale, 1);
	cr_expect_eq(try_client(store, &good), X509_V_ERR_CRL_HAS_EXPIRED);
	tls_store_drop(store);

	paper_write_crl("ca.crl", &stranger, NULL, 1);
	store = store_of(more, "", NULL);
	cr_expect_eq(try_client(store, &good), X509_V_ERR_UNABLE_TO_GET_CRL);
	tls_store_drop(store);
	signer_free(&good);
	signer_free(&bad);
}

Test(tls_handshake, what_a_certificate_is_for)
{
	static const struct {
		const char *usage;
		bool usable;
	} cases[] = {
		{NULL, true},		   {"serverAuth", true},
		{"clientAuth", true},	   {"emailProtection", false},
		{"codeSigning,1.3.6.1.5.5.7.3.20", true}, {"anyExtendedKeyUsage", true},
	};

	for (unsigned i = 0; i < 6; i++) {
		const struct paper paper = {.subject = "x", .usage = cases[i].usage};
		struct signer made = paper_make(&paper, NULL);

		cr_expect_eq(tls_certificate_usable(made.certificate), cases[i].usable, "%s",
			     cases[i].usage);
		signer_free(&made);
	}
}

/* ---- versions ---- */

static int version_with(struct tls_store *store, int most)
{
	SSL_CTX *ctx = stranger_ctx(NULL);
	struct side server = side_server(store), client;
	int version = 0;

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, most);
	client = side_of(ctx, false);
	if (handshake(&server, &client))
		version = SSL_version(server.ssl);
	side_free(&server);
	side_free(&client);
	SSL_CTX_free(ctx);
	return version;
}

Test(tls_handshake, versions)
{
	struct tls_store *usual = store_of("", "", NULL),
			 *only = store_of(", min_version: \"1.3\"", "", NULL);

	cr_expect_eq(version_with(usual, TLS1_3_VERSION), TLS1_3_VERSION);
	cr_expect_eq(version_with(usual, TLS1_2_VERSION), TLS1_2_VERSION);
	cr_expect_eq(version_with(usual, TLS1_1_VERSION), 0);
	cr_expect_eq(version_with(only, TLS1_3_VERSION), TLS1_3_VERSION);
	cr_expect_eq(version_with(only, TLS1_2_VERSION), 0);
	tls_store_drop(usual);
	tls_store_drop(only);
}

/* ---- ALPN ---- */

static bool alpn(struct tls_store *store, const char *offered)
{
	SSL_CTX *ctx = stranger_ctx(NULL);
	struct side server = side_server(store), client;
	bool done;

	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)offered, (unsigned)strlen(offered));
	client = side_of(ctx, false);
	done = handshake(&server, &client);
	cr_expect(done || server.conn.failure == TLS_PROTOCOL);
	side_free(&server);
	side_free(&client);
	SSL_CTX_free(ctx);
	return done;
}

Test(tls_handshake, those_who_want_another_protocol_are_refused)
{
	struct tls_store *store = store_of("", "", NULL);

	cr_expect(alpn(store, "\x05sip/2"));
	cr_expect(alpn(store, "\x02h2\x05sip/2"));
	cr_expect_not(alpn(store, "\x02h2\x08http/1.1"));
	tls_store_drop(store);
}

/* ---- resumption ---- */

static bool resumed(struct tls_store *server_store, struct tls_store *client_store)
{
	struct side server = side_server(server_store),
		    client = side_client(client_store, "limen.example");
	bool was;

	cr_assert(handshake(&server, &client), "%s",
		  X509_verify_cert_error_string(SSL_get_verify_result(client.ssl)));
	was = SSL_session_reused(server.ssl);
	cr_expect_eq(was, SSL_session_reused(client.ssl));
	SSL_shutdown(client.ssl);
	side_free(&server);
	side_free(&client);
	return was;
}

static void expect_resumption(int version)
{
	struct tls_store *client = store_of("", "", NULL), *first = store_of("", "", NULL),
			 *second = store_of("", "", first),
			 *other = store_of(", verify_client: optional", "", second);

	SSL_CTX_set_max_proto_version(client->profiles[0].client, version);
	cr_expect_not(resumed(first, client));
	cr_expect(resumed(first, client));
	cr_expect(resumed(second, client), "the keys outlive a reload");
	cr_expect_not(resumed(other, client), "who was not asked then is asked now");
	tls_store_drop(client);
	tls_store_drop(first);
	tls_store_drop(second);
	tls_store_drop(other);
}

Test(tls_handshake, sessions_are_resumed_also_after_a_reload)
{
	expect_resumption(TLS1_3_VERSION);
	expect_resumption(TLS1_2_VERSION);
}

Test(tls_handshake, sessions_end_with_a_new_revocation_list)
{
	struct tls_store *client = store_of("", "", NULL), *server;
	char more[512];

	snprintf(more, sizeof(more), ", verify_client: require, crl_file: %s",
		 paper_path("ca.crl"));
	paper_write_crl("ca.crl", &ca, NULL, 1);
	server = store_of(more, "", NULL);
	cr_expect_not(resumed(server, client));
	cr_expect(resumed(server, client));
	paper_write_crl("ca.crl", &ca, stranger.certificate, 1);
	tls_store_drop(client);
	client = store_of("", "", NULL);
	cr_expect_not(resumed(server, client));
	{
		struct tls_store *after = store_of(more, "", server);

		cr_expect_not(resumed(after, client));
		tls_store_drop(after);
	}
	tls_store_drop(client);
	tls_store_drop(server);
}

Test(tls_handshake, no_tickets_where_they_are_switched_off)
{
	struct tls_store *client = store_of("", "", NULL),
			 *server = store_of(", tickets: no", "", NULL);

	cr_expect_not(resumed(server, client));
	cr_expect_not(resumed(server, client));
	tls_store_drop(client);
	tls_store_drop(server);
}

/* ---- keys of tickets ---- */

struct seal {
	unsigned char name[16], iv[16];
};

static int seal_at(struct tls_tickets *tickets, uint64_t now_ns, struct seal *seal)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	int result = tls_tickets_seal(tickets, now_ns, 100, seal->name, seal->iv, cipher, mac);

	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	EVP_CIPHER_CTX_free(cipher);
	return result;
}

static int open_at(struct tls_tickets *tickets, uint64_t now_ns, const struct seal *seal)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	int result = tls_tickets_open(tickets, now_ns, 100, seal->name, seal->iv, cipher, mac);

	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	EVP_CIPHER_CTX_free(cipher);
	return result;
}

Test(tls_handshake, keys_of_tickets_are_rotated)
{
	struct tls_tickets *tickets = tls_tickets_new();
	struct seal first, second, third;

	cr_assert_eq(seal_at(tickets, 1000, &first), 1);
	cr_expect_eq(open_at(tickets, 1050, &first), 1);
	cr_expect_eq(open_at(tickets, 1101, &first), 2, "opened, and sealed anew");
	cr_assert_eq(seal_at(tickets, 1102, &second), 1);
	cr_expect_neq(memcmp(first.name, second.name, 16), 0);
	cr_expect_eq(open_at(tickets, 1150, &first), 2);
	cr_assert_eq(seal_at(tickets, 1210, &third), 1);
	cr_expect_eq(open_at(tickets, 1210, &first), 0, "two keys ago");
	cr_expect_eq(open_at(tickets, 1210, &second), 2);
	cr_expect_eq(open_at(tickets, 9000, &third), 0, "long unused");
	tls_tickets_drop(tickets);
}

/* ---- staples ---- */

static long staple_of(struct tls_store *store)
{
	SSL_CTX *ctx = stranger_ctx(NULL);
	struct side server = side_server(store), client;
	const unsigned char *bytes;
	long len;

	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	client = side_of(ctx, false);
	cr_assert(handshake(&server, &client));
	len = SSL_get_tlsext_status_ocsp_resp(client.ssl, &bytes);
	side_free(&server);
	side_free(&client);
	SSL_CTX_free(ctx);
	return len;
}

Test(tls_handshake, a_response_is_stapled_while_it_is_good)
{
	struct tls_store *store;
	char more[300];

	snprintf(more, sizeof(more), ", ocsp_file: %s", paper_path("limen.ocsp"));
	store = store_of("", more, NULL);
	cr_expect_gt(staple_of(store), 100);
	store->certificates[0].ocsp_until_s = 1;
	cr_expect_eq(staple_of(store), -1);
	tls_store_drop(store);
	store = store_of("", "", NULL);
	cr_expect_eq(staple_of(store), -1);
	tls_store_drop(store);
}

static struct tls_certificate peer_ocsp;

static int give_staple(SSL *ssl, void *arg)
{
	if (!peer_ocsp.ocsp)
		return SSL_TLSEXT_ERR_NOACK;
	SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(peer_ocsp.ocsp, peer_ocsp.ocsp_len),
					(long)peer_ocsp.ocsp_len);
	return SSL_TLSEXT_ERR_OK;
}

/* limen connects to a server; -1: done, else why it failed. */
static int as_client(struct tls_store *store, const struct signer *peer)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct side server, client = side_client(store, "");
	int failure;

	cr_assert_eq(SSL_CTX_use_certificate(ctx, peer->certificate), 1);
	cr_assert_eq(SSL_CTX_use_PrivateKey(ctx, peer->key), 1);
	SSL_CTX_set_tlsext_status_cb(ctx, give_staple);
	server = side_of(ctx, true);
	failure = handshake(&server, &client) ? -1
		  : client.conn.failure >= 0  ? client.conn.failure
					      : TLS_OTHER;
	side_free(&server);
	side_free(&client);
	SSL_CTX_free(ctx);
	return failure;
}

static void put_staple(const struct signer *by, const X509 *about, bool revoked, int to_hours)
{
	struct tls_file file;
	char why[TLS_WHY_BYTES];

	paper_write_ocsp("peer.ocsp", by, about, revoked, to_hours);
	cr_assert_eq(tls_file_read(paper_path("peer.ocsp"), false, &file, why), 0);
	OPENSSL_free(peer_ocsp.ocsp);
	peer_ocsp.ocsp = OPENSSL_memdup(file.bytes, file.len);
	peer_ocsp.ocsp_len = file.len;
	tls_file_free(&file);
}

Test(tls_handshake, staples_of_servers_that_limen_connects_to)
{
	const struct paper plain_paper = {.subject = "peer"},
			   must_paper = {.subject = "peer", .feature = "status_request"};
	struct signer plain = paper_make(&plain_paper, &ca), must = paper_make(&must_paper, &ca);
	struct tls_store *store = store_of("", "", NULL);

	cr_expect_eq(as_client(store, &plain), -1);
	cr_expect_eq(as_client(store, &must), TLS_STAPLE);
	put_staple(&ca, must.certificate, false, 24);
	cr_expect_eq(as_client(store, &must), -1);
	put_staple(&ca, must.certificate, true, 24);
	cr_expect_eq(as_client(store, &must), TLS_REVOKED);
	put_staple(&ca, must.certificate, false, -2);
	cr_expect_eq(as_client(store, &must), TLS_STAPLE, "run out");
	put_staple(&ca, plain.certificate, false, 24);
	cr_expect_eq(as_client(store, &must), TLS_STAPLE, "about another one");
	put_staple(&stranger, must.certificate, false, 24);
	cr_expect_eq(as_client(store, &must), TLS_STAPLE, "signed by a stranger");
	put_staple(&ca, plain.certificate, true, 24);
	cr_expect_eq(as_client(store, &plain), TLS_REVOKED, "whether it was asked for or not");
	put_staple(&stranger, plain.certificate, true, 24);
	cr_expect_eq(as_client(store, &plain), -1, "a stranger's word means nothing");
	OPENSSL_free(peer_ocsp.ocsp);
	peer_ocsp.ocsp = NULL;
	signer_free(&plain);
	signer_free(&must);
	tls_store_drop(store);
}

Test(tls_handshake, servers_that_limen_does_not_trust)
{
	const struct paper paper = {.subject = "peer"};
	struct signer wrong = paper_make(&paper, &stranger);
	struct tls_store *store = store_of("", "", NULL),
			 *careless = store_of(", verify_peer: no", "", NULL);

	cr_expect_neq(as_client(store, &wrong), -1);
	cr_expect_eq(as_client(careless, &wrong), -1);
	signer_free(&wrong);
	tls_store_drop(store);
	tls_store_drop(careless);
}
