/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest authentication: the RFC's own examples, nonces that are used up, users of a file, and
 * credentials that are nearly right. */
#include "controlplane/auth/auth.h"

#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdio.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "controlplane/auth/nonce.h"
#include "controlplane/auth/users.h"

static const struct net_endpoint here = {.addr.ip = {10, 0, 0, 9}, .port = 5062, .family = NET_IP4};
static const struct net_endpoint there = {.addr.ip = {10, 0, 0, 8}, .port = 5062, .family = NET_IP4};

static void expect_response(enum digest_algorithm algorithm, const char *wanted)
{
	const struct digest_request request = {
		.algorithm = algorithm,
		.method = SPAN("GET"),
		.uri = SPAN("/dir/index.html"),
		.nonce = SPAN("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
		.qop = SPAN("auth"),
		.nc = SPAN("00000001"),
		.cnonce = SPAN("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
	};
	unsigned char ha1[DIGEST_BYTES_MAX];
	char text[DIGEST_HEX_MAX];
	unsigned len;

	cr_assert(digest_ha1(algorithm, SPAN("Mufasa"), SPAN("http-auth@example.org"),
			     SPAN("Circle of Life"), ha1));
	cr_assert(digest_response(&request, ha1, text, &len));
	cr_expect(span_eq(span_of(text, len), span_str(wanted)), "%.*s", (int)len, text);
}

Test(auth, responses_of_rfc_7616_section_3_9_1)
{
	expect_response(DIGEST_MD5, "8ca523f5e9506fed4657c9700eebdbec");
	expect_response(DIGEST_SHA256,
			"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

Test(auth, sha_512_256_of_abc)
{
	const struct span abc = SPAN("abc");
	unsigned char hash[DIGEST_BYTES_MAX], wanted[DIGEST_BYTES_MAX];

	cr_assert(read_hex(
		SPAN("53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"), wanted,
		sizeof(wanted)));
	cr_assert(digest_hash(DIGEST_SHA512_256, &abc, 1, hash));
	cr_expect_eq(memcmp(hash, wanted, sizeof(hash)), 0);
}

Test(auth, lines_that_are_credentials_and_lines_that_are_none)
{
	static const char *const bad[] = {
		"",
		"Digest",
		"Basic realm=\"x\", nonce=\"y\"",
		"Digestive realm=\"x\", nonce=\"y\"",
		"Digest realm=\"x\"",
		"Digest nonce=\"y\"",
		"Digest realm=\"x\", nonce=\"y\", realm=\"z\"",
		"Digest realm=\"x\", nonce=\"y\", uri",
	};
	struct digest_params p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_neq(digest_parse(span_str(bad[i]), &p), 0, "%s", bad[i]);
	cr_assert_eq(digest_parse(SPAN("digest username=\"a \\\"b\\\", c\" ,realm = \"x,y\",nonce="
				       "\"n\",QOP=auth, nc=00000001,\r\n response=\"r\""),
				  &p),
		     0);
	cr_expect(span_eq(p.user, SPAN("a \"b\", c")));
	cr_expect(span_eq(p.realm, SPAN("x,y")));
	cr_expect(span_eq(p.qop, SPAN("auth")));
	cr_expect(span_eq(p.response, SPAN("r")));
	cr_expect(digest_offers(SPAN("auth-int, auth"), SPAN("auth")));
	cr_expect(!digest_offers(SPAN("auth-int"), SPAN("auth")));
}

/* ---- nonces ---- */

static char nonce_text[NONCE_CHARS];

static struct span new_nonce(struct nonces *nonces, uint32_t now_s)
{
	struct cursor out = cursor_on(nonce_text, sizeof(nonce_text));

	put_nonce(&out, nonces, &here, now_s);
	cr_assert_eq(out.len, NONCE_CHARS);
	return cursor_span(&out);
}

Test(auth, a_nonce_is_good_for_its_source_and_time_and_each_count_once)
{
	struct nonces *n = nonces_new();
	struct span nonce = new_nonce(n, 1000);

	cr_expect_eq(nonce_use(n, nonce, &here, 1, 1, 1000, 300), NONCE_GOOD);
	cr_expect_eq(nonce_use(n, nonce, &here, 1, 1, 1001, 300), NONCE_GOOD, "sent again");
	cr_expect_eq(nonce_use(n, nonce, &here, 1, 2, 1001, 300), NONCE_REPLAY);
	cr_expect_eq(nonce_use(n, nonce, &here, 5, 3, 1001, 300), NONCE_GOOD, "some were lost");
	cr_expect_eq(nonce_use(n, nonce, &here, 3, 4, 1001, 300), NONCE_GOOD, "came late");
	cr_expect_eq(nonce_use(n, nonce, &here, 3, 5, 1001, 300), NONCE_REPLAY);
	cr_expect_eq(nonce_use(n, nonce, &here, 0, 5, 1001, 300), NONCE_STALE);
	cr_expect_eq(nonce_use(n, nonce, &here, 100000, 5, 1001, 300), NONCE_STALE);
	cr_expect_eq(nonce_use(n, nonce, &here, 200, 6, 1001, 300), NONCE_GOOD);
	cr_expect_eq(nonce_use(n, nonce, &here, 100, 7, 1001, 300), NONCE_REPLAY, "too late");
	cr_expect_eq(nonce_use(n, nonce, &there, 300, 8, 1001, 300), NONCE_STALE);
	cr_expect_eq(nonce_use(n, nonce, &here, 300, 8, 1300, 300), NONCE_GOOD);
	cr_expect_eq(nonce_use(n, nonce, &here, 301, 9, 1301, 300), NONCE_STALE, "old");
	cr_expect_eq(nonce_use(n, nonce, &here, 301, 9, 999, 300), NONCE_STALE, "of the future");
	nonce_text[20] ^= 1;
	cr_expect_eq(nonce_use(n, nonce, &here, 301, 9, 1001, 300), NONCE_STALE, "changed");
	cr_expect_eq(nonce_use(n, SPAN("00"), &here, 1, 9, 1001, 300), NONCE_STALE);
	nonces_free(n);
}

Test(auth, what_was_forgotten_cannot_be_played_again)
{
	struct nonces *n = nonces_new();
	char first[NONCE_CHARS];
	unsigned replayed = 0;

	memcpy(first, new_nonce(n, 1000).ptr, sizeof(first));
	cr_expect_eq(nonce_use(n, span_of(first, sizeof(first)), &here, 1, 1, 1000, 300),
		     NONCE_GOOD);
	for (unsigned i = 0; i < 600000; i++) {
		uint32_t now_s = 1001 + i / 6000;

		(void)nonce_use(n, new_nonce(n, now_s), &here, 1, i, now_s, 300);
		if (i % 1000 == 0 && nonce_use(n, span_of(first, sizeof(first)), &here, 1, 2, now_s,
					       300) == NONCE_GOOD)
			replayed++;
	}
	cr_expect_eq(replayed, 0);
	nonces_free(n);
}

/* ---- users of a file ---- */

static char path[] = "/tmp/limen-users-XXXXXX";

static void write_users(const char *text)
{
	static bool made;
	FILE *file;

	if (!made) {
		int fd = mkstemp(path);

		made = true;
		cr_assert_geq(fd, 0);
		close(fd);
	}
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

/* H(kim:lab:secret), and of somebody else with the same password. */
static const char *kim_lines(void)
{
	static char text[1024];
	struct cursor out = cursor_on(text, sizeof(text) - 1);

	put_lit(&out, "# users of the lab\r\n\n");
	for (unsigned i = 0; i < DIGEST_ALGORITHMS_END; i++) {
		unsigned char ha1[DIGEST_BYTES_MAX];

		cr_assert(digest_ha1((enum digest_algorithm)i, SPAN("kim"), SPAN("lab"),
				     SPAN("secret"), ha1));
		put_lit(&out, "kim,lab,");
		put_span(&out, span_str(digest_name((enum digest_algorithm)i)));
		put_char(&out, ',');
		put_hex(&out, ha1, digest_bytes((enum digest_algorithm)i));
		put_lit(&out, "\r\n");
	}
	text[out.len] = '\0';
	return text;
}

Test(auth, wrong_files_are_refused_with_their_line)
{
	static const struct {
		const char *text;
		unsigned line;
	} wrong[] = {
		{"kim,lab,MD5,00112233445566778899aabbccddeeff\nkim,lab,MD5,0011\n", 2},
		{"kim,lab,MD5,00112233445566778899aabbccddeeff,more\n", 1},
		{"\n\n,lab,MD5,00112233445566778899aabbccddeeff\n", 3},
		{"kim,,MD5,00112233445566778899aabbccddeeff\n", 1},
		{"kim,lab,SHA-1,00112233445566778899aabbccddeeff\n", 1},
		{"kim,lab,,00112233445566778899aabbccddeeff\n", 1},
		{"kim,lab,SHA-256,00112233445566778899aabbccddeeff\n", 1},
		{"kim\n", 1},
		{"kim,lab,MD5,00112233445566778899aabbccddeeff\n"
		 "kim,lab,MD5,00112233445566778899aabbccddeeff\n",
		 0},
	};
	struct users_error error;
	struct users *users;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_users(wrong[i].text);
		cr_expect_eq(users_load(&users, path, &error), -EINVAL, "%zu", i);
		cr_expect_eq(error.line, wrong[i].line, "%zu: line %u", i, error.line);
		cr_expect_null(users);
	}
	unlink(path);
	cr_expect_eq(users_load(&users, path, &error), -ENOENT);
}

Test(auth, users_are_found_by_realm_and_algorithm)
{
	struct users_error error;
	struct users *users;

	write_users(kim_lines());
	cr_assert_eq(users_load(&users, path, &error), 0, "line %u: %s", error.line, error.reason);
	cr_expect_eq(users_count(users), 3);
	cr_expect_not_null(users_find(users, SPAN("kim"), SPAN("lab"), DIGEST_MD5));
	cr_expect_null(users_find(users, SPAN("kim"), SPAN("other"), DIGEST_MD5));
	cr_expect_null(users_find(users, SPAN("kiml"), SPAN("ab"), DIGEST_MD5));
	users_free(users);
	unlink(path);
}

/* ---- requests ---- */

struct world {
	struct event_base *base;
	struct auth *auth;
	unsigned failed;
};

static void count_failed(void *arg, unsigned realm, const struct net_endpoint *source)
{
	struct world *w = arg;

	cr_expect_eq(realm, 3);
	cr_expect_neq(source->family, NET_NONE);
	w->failed++;
}

static const struct auth_events events = {.failed = count_failed};

static struct world start_with(bool integrity)
{
	const struct conf_auth conf = {.users_file = path,
				       .users_table = (char[]){""},
				       .credentials_file = (char[]){""},
				       .algorithms_count = 2,
				       .algorithms = {(char[]){"SHA-256"}, (char[]){"MD5"}},
				       .nonce_s = 300,
				       .integrity = integrity};
	static struct world w;

	write_users(kim_lines());
	w = (struct world){.base = event_base_new()};
	cr_assert_eq(auth_new(&w.auth, w.base, &conf, &events, &w), 0);
	return w;
}

static struct world start(void)
{
	return start_with(false);
}

static void stop(struct world *w)
{
	auth_free(w->auth);
	event_base_free(w->base);
	unlink(path);
}

/* What a request's credentials are made of; NULL and 0: the right ones. */
struct credentials {
	const char *user, *password, *uri, *realm, *nonce, *qop, *response;
	const char *algorithm;
	unsigned nc;
};

static enum auth_result request(struct world *w, const char *nonce, const struct credentials *c,
			     const struct net_endpoint *source)
{
	static char text[2048];
	static struct sip_msg msg;
	const char *name = c->algorithm ? c->algorithm : "SHA-256";
	struct digest_request digest = {
		.method = SPAN("REGISTER"),
		.uri = span_str(c->uri ? c->uri : "sip:10.0.0.1"),
		.nonce = span_str(c->nonce ? c->nonce : nonce),
		.qop = span_str(c->qop ? c->qop : "auth"),
		.cnonce = SPAN("c0"),
	};
	unsigned char ha1[DIGEST_BYTES_MAX];
	char response[DIGEST_HEX_MAX], nc[9], user[DIGEST_USER_MAX];
	unsigned len;
	size_t user_len;
	int n;

	snprintf(nc, sizeof(nc), "%08x", c->nc ? c->nc : 1);
	digest.nc = span_str(nc);
	if (!digest_from_name(span_str(name), &digest.algorithm))
		digest.algorithm = DIGEST_MD5;
	cr_assert(digest_ha1(digest.algorithm, span_str(c->user ? c->user : "kim"), SPAN("lab"),
			     span_str(c->password ? c->password : "secret"), ha1));
	cr_assert(digest_response(&digest, ha1, response, &len));
	n = snprintf(text, sizeof(text),
		     "REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%u\r\n"
		     "From: <sip:kim@10.0.0.1>;tag=1\r\nTo: <sip:kim@10.0.0.1>\r\nCall-ID: 1\r\n"
		     "CSeq: 1 REGISTER\r\nAuthorization: Digest username=\"%s\", realm=\"%s\", "
		     "nonce=\"%s\", uri=\"%.*s\", response=\"%.*s\", algorithm=%s, cnonce=\"c0\", "
		     "qop=%s, nc=%s\r\nContent-Length: 0\r\n\r\n",
		     c->nc, c->user ? c->user : "kim", c->realm ? c->realm : "lab",
		     c->nonce ? c->nonce : nonce, SPAN_FMT(digest.uri),
		     c->response ? (int)strlen(c->response) : (int)len,
		     c->response ? c->response : response, name, c->qop ? c->qop : "auth", nc);
	cr_assert_eq(sip_parse(&msg, text, (size_t)n, SIP_DATAGRAM), SIP_PARSE_OK);
	return auth_check(w->auth, &msg, SPAN("lab"), 3, source, user, &user_len);
}

/* The nonce of a challenge to a REGISTER without credentials. */
static const char *challenged(struct world *w)
{
	static char lines[1024], nonce[NONCE_CHARS + 1];
	static const char text[] =
		"REGISTER sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK0\r\n"
		"From: <sip:kim@10.0.0.1>;tag=1\r\nTo: <sip:kim@10.0.0.1>\r\nCall-ID: 1\r\n"
		"CSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n";
	struct cursor out = cursor_on(lines, sizeof(lines) - 1);
	static struct sip_msg msg;
	char user[DIGEST_USER_MAX];
	const char *at;
	size_t len;

	cr_assert_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_DATAGRAM), SIP_PARSE_OK);
	cr_expect_eq(auth_check(w->auth, &msg, SPAN("lab"), 3, &here, user, &len), AUTH_MISSING);
	put_auth_challenge(&out, w->auth, &msg, SPAN("lab"), &here, false);
	cr_assert(!out.full);
	lines[out.len] = '\0';
	cr_expect(strncmp(lines, "WWW-Authenticate: Digest realm=\"lab\", nonce=\"", 45) == 0);
	at = strstr(lines, "algorithm=SHA-256\r\nWWW-Authenticate: ");
	cr_expect_not_null(at, "the preferred one first: %s", lines);
	cr_expect_not_null(strstr(lines, "algorithm=MD5\r\n"));
	cr_expect_null(strstr(lines, "stale"));
	memcpy(nonce, lines + 45, NONCE_CHARS);
	return nonce;
}

Test(auth, the_right_password_and_what_is_nearly_right)
{
	static const struct {
		struct credentials c;
		enum auth_result wanted;
		const char *what;
	} cases[] = {
		{{.nc = 1}, AUTH_GOOD, "right"},
		{{.nc = 2, .algorithm = "MD5"}, AUTH_GOOD, "the other algorithm"},
		{{.nc = 2, .algorithm = "SHA-512-256"}, AUTH_WRONG, "one that is not offered"},
		{{.nc = 1, .algorithm = "MD5"}, AUTH_REPLAY, "a count twice"},
		{{.nc = 3, .password = "Secret"}, AUTH_WRONG, "another password"},
		{{.nc = 3, .user = "tom"}, AUTH_WRONG, "somebody unknown"},
		{{.nc = 3, .realm = "other"}, AUTH_MISSING, "for another realm"},
		{{.nc = 3, .uri = "sip:10.0.0.2"}, AUTH_WRONG, "for another host"},
		{{.nc = 3, .uri = "sip:10.0.0.1;x=y"}, AUTH_GOOD, "parameters on the way"},
		{{.nc = 4, .qop = "auth-int"}, AUTH_WRONG, "another qop"},
		{{.nc = 4, .response = "0123"}, AUTH_WRONG, "a short response"},
		{{.nc = 4, .response = ""}, AUTH_WRONG, "no response"},
		{{.nc = 4, .nonce = "00112233445566778899aabbccddeeff"}, AUTH_STALE,
		 "right, with a nonce that is not limen's"},
		{{.nc = 4, .nonce = "00112233445566778899aabbccddeeff", .password = "x"},
		 AUTH_WRONG, "wrong, with such a nonce"},
	};
	struct world w = start();
	const char *nonce = challenged(&w);
	struct auth_stats stats;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(request(&w, nonce, &cases[i].c, &here), cases[i].wanted, "%s",
			     cases[i].what);
	cr_expect_eq(request(&w, nonce, &(struct credentials){.nc = 9}, &there), AUTH_STALE,
		     "somebody else's nonce");
	auth_stats(w.auth, &stats);
	cr_expect_eq(stats.good, 3);
	cr_expect_eq(stats.wrong, 8);
	cr_expect_eq(stats.replayed, 1);
	cr_expect_eq(stats.stale, 2);
	cr_expect_eq(stats.users, 3);
	stop(&w);
}

/* RFC 7616 section 3.4.3: the digest is over the body too. */
Test(auth, credentials_over_the_body)
{
	struct world w = start_with(true);
	const struct digest_request with = {.method = SPAN("MESSAGE"),
					    .uri = SPAN("sip:b"),
					    .nonce = SPAN("n"),
					    .qop = SPAN("auth-int"),
					    .nc = SPAN("00000001"),
					    .cnonce = SPAN("c"),
					    .body = SPAN("hello")};
	struct digest_request other = with;
	const char *nonce = challenged(&w);
	char one[DIGEST_HEX_MAX], two[DIGEST_HEX_MAX], lines[512];
	struct cursor out = cursor_on(lines, sizeof(lines) - 1);
	unsigned char ha1[DIGEST_BYTES_MAX];
	struct sip_msg msg = {.method = SIP_METHOD_REGISTER};
	unsigned len;

	/* H(kim:lab:secret), H(MESSAGE:sip:b:H(hello)), by another implementation */
	cr_assert(digest_ha1(DIGEST_MD5, SPAN("kim"), SPAN("lab"), SPAN("secret"), ha1));
	cr_assert(digest_response(&with, ha1, one, &len));
	cr_expect_arr_eq(one, "0c9a1d28258999cacf91d001f3be5716", 32);
	other.body = SPAN("hellO");
	cr_assert(digest_response(&other, ha1, two, &len));
	cr_expect_arr_neq(one, two, len);
	cr_expect_eq(request(&w, nonce, &(struct credentials){.nc = 1, .qop = "auth-int"}, &here),
		     AUTH_GOOD);
	cr_expect_eq(request(&w, nonce, &(struct credentials){.nc = 2}, &here), AUTH_GOOD);
	cr_expect_eq(request(&w, nonce, &(struct credentials){.nc = 3, .qop = "auth-x"}, &here),
		     AUTH_WRONG);
	put_auth_challenge(&out, w.auth, &msg, SPAN("lab"), &here, false);
	lines[out.len] = '\0';
	cr_expect_not_null(strstr(lines, "qop=\"auth,auth-int\""), "%s", lines);
	stop(&w);
}

static void sqlite_users(const char *sql)
{
	sqlite3 *db;

	write_users("");
	unlink(path);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(auth, users_in_a_table_of_sqlite)
{
	static const struct {
		const char *sql;
		unsigned line;
	} wrong[] = {
		{"CREATE TABLE users(user, realm, ha1)", 0},
		{"CREATE TABLE other(user, realm, algorithm, ha1)", 0},
		{"CREATE TABLE users(user, realm, algorithm, ha1);"
		 "INSERT INTO users VALUES('kim','lab','MD5','00112233445566778899aabbccddeeff'),"
		 "('to,m','lab','MD5','00112233445566778899aabbccddeeff')", 2},
		{"CREATE TABLE users(user, realm, algorithm, ha1);"
		 "INSERT INTO users VALUES('# kim','lab','MD5','00112233445566778899aabbccddeeff')", 1},
		{"CREATE TABLE users(user, realm, algorithm, ha1);"
		 "INSERT INTO users VALUES('kim','lab','MD5',NULL)", 1},
		{"CREATE TABLE users(user, realm, algorithm, ha1);"
		 "INSERT INTO users VALUES('kim','lab','MD5','0011')", 1},
	};
	struct users_error error;
	struct users *users;

	sqlite_users("CREATE TABLE users(ha1, name, user, realm, algorithm);"
		     "INSERT INTO users VALUES('00112233445566778899aabbccddeeff','Kim','kim','lab',"
		     "'MD5'),('00112233445566778899aabbccddeeff','Tom','tom','lab','MD5')");
	cr_assert_eq(users_load_sqlite(&users, path, "users", &error), 0, "%s", error.reason);
	cr_expect_eq(users_count(users), 2);
	cr_expect_not_null(users_find(users, SPAN("tom"), SPAN("lab"), DIGEST_MD5));
	cr_expect_null(users_find(users, SPAN("Tom"), SPAN("lab"), DIGEST_MD5));
	users_free(users);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		sqlite_users(wrong[i].sql);
		cr_expect_eq(users_load_sqlite(&users, path, "users", &error), -EINVAL, "%zu", i);
		cr_expect_eq(error.line, wrong[i].line, "%zu: line %u: %s", i, error.line,
			     error.reason);
		cr_expect_null(users);
	}
	unlink(path);
	cr_expect_eq(users_load_sqlite(&users, path, "users", &error), -EINVAL);
	write_users("no database, but text of some length; no database, but text of some length");
	cr_expect_eq(users_load_sqlite(&users, path, "users", &error), -EINVAL);
	unlink(path);
}

Test(auth, a_file_is_read_again_behind_the_loop)
{
	struct world w = start();
	const char *nonce = challenged(&w);
	const struct conf_auth conf = {.users_file = path,
				       .users_table = (char[]){""},
				       .credentials_file = (char[]){""},
				       .algorithms_count = 1,
				       .algorithms = {(char[]){"MD5"}},
				       .nonce_s = 300};
	struct auth_stats stats = {0};

	write_users("nonsense\n");
	cr_assert_eq(auth_configure(w.auth, &conf), 0);
	for (unsigned i = 0; i < 100 && !stats.load_failures; i++) {
		event_base_loop(w.base, EVLOOP_ONCE);
		auth_stats(w.auth, &stats);
	}
	cr_expect_eq(stats.load_failures, 1);
	cr_expect_eq(request(&w, nonce, &(struct credentials){.algorithm = "MD5"}, &here), AUTH_GOOD,
		     "who was known is known yet");
	write_users("# nobody\n");
	cr_assert_eq(auth_configure(w.auth, &conf), 0);
	for (unsigned i = 0; i < 100 && stats.loads < 2; i++) {
		event_base_loop(w.base, EVLOOP_ONCE);
		auth_stats(w.auth, &stats);
	}
	cr_expect_eq(request(&w, nonce, &(struct credentials){.algorithm = "MD5", .nc = 2}, &here),
		     AUTH_WRONG);
	stop(&w);
}
