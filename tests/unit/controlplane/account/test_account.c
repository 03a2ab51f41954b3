/* SPDX-License-Identifier: BSD-3-Clause */
/* limen's accounts with carriers: challenged, refreshed, refused, moved to the next peer. */
#include "controlplane/account/account.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "controlplane/auth/users.h"

#define S CLOCK_NS_PER_S

static const struct net_endpoint limen = {.addr.ip = {10, 0, 0, 1}, .port = 5060, .family = NET_IP4};

struct test {
	struct conf conf;
	struct conf_trunk trunk;
	struct accounts *accounts;
	struct users *users;
	struct account_request request;
	struct account_view view;
	uint64_t now_ns;
	char headers[2048];
};

static struct users *make_users(void)
{
	char path[] = "/tmp/limen-account-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct users_error error;
	struct users *users;

	for (unsigned i = 0; i < 2; i++) {
		unsigned char ha1[DIGEST_BYTES_MAX];
		char text[DIGEST_HEX_MAX + 1] = "";
		struct cursor out = cursor_on(text, DIGEST_HEX_MAX);

		cr_assert(digest_ha1((enum digest_algorithm)i, SPAN("acc"), SPAN("carrier"),
				     SPAN("pw"), ha1));
		put_hex(&out, ha1, digest_bytes((enum digest_algorithm)i));
		fprintf(file, "acc,carrier,%s,%s\n", digest_name((enum digest_algorithm)i), text);
	}
	fclose(file);
	cr_assert_eq(users_load(&users, path, &error), 0);
	unlink(path);
	return users;
}

static char name[] = "carrier", user[] = "acc", domain[] = "carrier.example", nothing[] = "";

static void start(struct test *t)
{
	*t = (struct test){.now_ns = 1000 * S};
	t->trunk = (struct conf_trunk){
		.name = name,
		.npeers = 2,
		.peers = {{.addr.ip = {10, 0, 1, 1}, .port = 5060, .family = NET_IP4},
			  {.addr.ip = {10, 0, 1, 2}, .port = 5060, .family = NET_IP4}},
		.account_user = user,
		.account_domain = domain,
		.account_auth_user = nothing,
		.account_expires_s = 600,
	};
	t->conf.ntrunks = 1;
	t->conf.trunks = &t->trunk;
	t->users = make_users();
	t->accounts = accounts_new();
	cr_assert_eq(accounts_configure(t->accounts, &t->conf, t->now_ns, 4711), 0);
	accounts_link(t->accounts, true, t->now_ns, 4711);
}

static void stop(struct test *t)
{
	accounts_free(t->accounts);
	users_free(t->users);
}

/* Sleep until the next request is due, and take it. How many seconds that was. */
static uint64_t next(struct test *t)
{
	uint64_t due_ns, from_ns = t->now_ns;
	struct cursor out = cursor_on(t->headers, sizeof(t->headers) - 1);

	cr_assert(accounts_due(t->accounts, &due_ns));
	if (due_ns > t->now_ns) {
		t->now_ns = due_ns - 1;
		cr_assert_not(accounts_next(t->accounts, t->now_ns, &t->request), "too early");
		t->now_ns = due_ns;
	}
	cr_assert(accounts_next(t->accounts, t->now_ns, &t->request));
	cr_expect_not(accounts_due(t->accounts, &due_ns), "one at a time");
	put_account_headers(&out, t->accounts, &t->request, &limen, &t->trunk.peers[0]);
	cr_assert_not(out.full);
	t->headers[out.len] = '\0';
	return (t->now_ns - from_ns) / S;
}

static bool answer(struct test *t, unsigned status, const char *lines)
{
	static struct sip_msg msg;
	char text[2048];
	int len = snprintf(text, sizeof(text),
			   "SIP/2.0 %u X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
			   "<sip:acc@x>;tag=1\r\nTo: <sip:acc@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 "
			   "REGISTER\r\n%sContent-Length: 0\r\n\r\n",
			   status, lines);

	cr_assert_eq(sip_parse(&msg, text, (size_t)len, SIP_DATAGRAM), SIP_PARSE_OK);
	return accounts_end(t->accounts, t->request.id, (uint16_t)status,
			    status == 408 ? NULL : &msg, t->users, t->now_ns, t->now_ns, 50,
			    &t->view);
}

#define CHALLENGE(more)                                                                            \
	"WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", algorithm=SHA-512-256, "        \
	"qop=\"auth\"\r\nWWW-Authenticate: Digest realm=\"carrier\", nonce=\"n2\", opaque=\"o\", " \
	"algorithm=SHA-256, qop=\"auth-int,auth\"" more "\r\n"

Test(account, is_challenged_registered_and_refreshed_with_the_same_nonce)
{
	struct test t;
	uint64_t wait;

	start(&t);
	cr_expect_leq(next(&t), 2);
	cr_expect_eq(t.request.cseq, 1);
	cr_expect_str_eq(t.headers,
			 "Contact: <sip:acc@10.0.0.1:5060>;expires=600\r\nExpires: 600\r\n");
	cr_expect_not(answer(&t, 401, CHALLENGE("")));
	cr_expect_eq(next(&t), 0);
	cr_expect_eq(t.request.cseq, 2);
	cr_expect_not_null(strstr(t.headers, "\r\nAuthorization: Digest username=\"acc\", "
					     "realm=\"carrier\", nonce=\"n2\", "
					     "uri=\"sip:carrier.example\", response=\""),
			   "%s", t.headers);
	cr_expect_not_null(strstr(t.headers, "algorithm=SHA-256, opaque=\"o\", qop=auth, "
					     "nc=00000001, cnonce=\""));
	cr_expect(answer(&t, 200,
			 "Contact: <sip:other@h>;expires=7, <sip:acc@10.0.0.1:5060>;expires=100\r\n"));
	cr_expect_eq(t.view.state, ACCOUNT_REGISTERED);
	cr_expect_eq(t.view.expires_ns, t.now_ns + 100 * S);
	wait = next(&t);
	cr_expect(wait >= 75 && wait <= 85, "%lu", wait);
	cr_expect_not_null(strstr(t.headers, "nonce=\"n2\""));
	cr_expect_not_null(strstr(t.headers, "nc=00000002"));
	cr_expect_not(answer(&t, 401, CHALLENGE(", stale=true")));
	next(&t);
	cr_expect_not_null(strstr(t.headers, "nc=00000001"));
	cr_expect_not(answer(&t, 200, "Expires: 300\r\n"), "it was registered before");
	cr_expect_eq(t.view.expires_ns, t.now_ns + 300 * S);
	stop(&t);
}

Test(account, wrong_credentials_are_not_tried_again_and_again)
{
	struct test t;

	start(&t);
	next(&t);
	answer(&t, 401, CHALLENGE(""));
	next(&t);
	cr_expect(answer(&t, 401, CHALLENGE("")), "the same once more: the password is wrong");
	cr_expect_eq(t.view.state, ACCOUNT_FAILED);
	for (unsigned i = 0, least = 15; i < 9; i++, least = least * 2 > 900 ? 900 : least * 2) {
		uint64_t wait = next(&t);

		cr_expect(wait >= least && wait <= 2 * least, "%u: %lu", i, wait);
		cr_expect_null(strstr(t.headers, "Authorization"));
		answer(&t, 403, "");
	}
	next(&t);
	answer(&t, 401, "WWW-Authenticate: Digest realm=\"unknown\", nonce=\"n\"\r\n");
	next(&t);
	cr_expect_null(strstr(t.headers, "Authorization"), "for that realm there are none");
	stop(&t);
}

Test(account, a_peer_that_is_silent_gives_way_to_the_next)
{
	struct account_view view;
	struct test t;

	start(&t);
	next(&t);
	cr_expect_eq(t.request.peer, 0);
	answer(&t, 408, "");
	cr_expect_eq(next(&t), 0);
	cr_expect_eq(t.request.peer, 1);
	answer(&t, 200, "Expires: 100\r\n");
	view = accounts_view(t.accounts, 0);
	cr_expect_eq(view.peer, 1);
	next(&t);
	cr_expect_eq(t.request.peer, 1);
	cr_expect_not(answer(&t, 503, "Retry-After: 7\r\n"), "it is registered as yet");
	cr_expect_eq(next(&t), 0);
	cr_expect_eq(t.request.peer, 0);
	answer(&t, 503, "Retry-After: 400\r\n");
	cr_expect_geq(next(&t), 400);
	cr_expect(answer(&t, 408, ""), "and now its time is up");
	cr_expect_eq(t.view.state, ACCOUNT_FAILED);
	stop(&t);
}

Test(account, asks_for_longer_where_it_has_to)
{
	struct test t;

	start(&t);
	next(&t);
	answer(&t, 423, "Min-Expires: 1800\r\n");
	cr_expect_eq(next(&t), 0);
	cr_expect_not_null(strstr(t.headers, "expires=1800\r\nExpires: 1800\r\n"));
	answer(&t, 423, "Min-Expires: 1800\r\n");
	cr_expect_gt(next(&t), 0, "that is no answer");
	stop(&t);
}

Test(account, outlives_reload_and_dataplane)
{
	struct account_request old;
	struct test t;
	uint64_t due;

	start(&t);
	next(&t);
	answer(&t, 200, "Expires: 100\r\n");
	cr_assert_eq(accounts_configure(t.accounts, &t.conf, t.now_ns, 1), 0);
	cr_expect_eq(accounts_view(t.accounts, 0).state, ACCOUNT_REGISTERED);
	next(&t);
	old = t.request;
	accounts_link(t.accounts, false, t.now_ns, 2);
	cr_expect_not(accounts_due(t.accounts, &due));
	accounts_link(t.accounts, true, t.now_ns, 2);
	cr_expect_leq(next(&t), 2);
	cr_expect_eq(t.request.seed, old.seed);
	cr_expect_eq(t.request.cseq, old.cseq + 1);
	cr_expect_not(accounts_end(t.accounts, old.id, 403, NULL, NULL, t.now_ns, t.now_ns, 1,
				   &t.view),
		      "an answer of before");
	t.trunk.account_user[0] = '\0';
	cr_assert_eq(accounts_configure(t.accounts, &t.conf, t.now_ns, 1), 0);
	cr_expect_eq(accounts_count(t.accounts), 0);
	cr_expect_not(answer(&t, 200, ""));
	stop(&t);
}
