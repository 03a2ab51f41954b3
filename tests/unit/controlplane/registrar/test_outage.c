/* SPDX-License-Identifier: BSD-3-Clause */
/* A registrar that takes no more, or is away: its users are kept, others are told when to come
 * again, and afterwards it hears of all of them anew. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log/log.h"
#include "controlplane/registrar/registrar.h"

struct test {
	struct event_base *base;
	struct registrar *registrar;
	struct conf_registrar conf;
	uint64_t last_ask;
	unsigned cseq, per_s, told_max_s;
	const char *headers;
	bool rehearsal, down;
};

static struct registering last;

static struct test start(bool absorb)
{
	struct test t = {.conf = {.file = "",
				  .bindings_max = 1000,
				  .absorb = absorb,
				  .core_expires_s = 3600,
				  .outage_expires_s = 90,
				  .outage_keep_s = 1000},
			 .per_s = 1,
			 .headers = ""};

	cr_assert_eq(log_open("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, "/dev/null"), 0);
	t.base = event_base_new();
	cr_assert_eq(registrar_new(&t.registrar, t.base, &t.conf), 0);
	return t;
}

static void stop(struct test *t)
{
	registrar_free(t->registrar);
	event_base_free(t->base);
}

static struct registrar_stats stats_of(const struct test *t)
{
	struct registrar_stats stats;

	registrar_stats(t->registrar, &stats);
	return stats;
}

static enum registrar_outcome come(struct test *t, const char *user, const char *contact)
{
	static char text[2048];
	static struct sip_msg msg;
	struct net_endpoint from;
	const struct registration registration = {.id = {++t->last_ask, 0},
						  .trunk = SPAN("access"),
						  .user = span_str(user),
						  .msg = &msg,
						  .source = &from,
						  .rehearsal = t->rehearsal,
						  .expires_s = t->told_max_s,
						  .core = SPAN("core"),
						  .core_per_s = t->per_s,
						  .core_burst_ms = 1,
						  .core_down = t->down};

	cr_assert_eq(net_endpoint_parse(SPAN("10.99.1.2"), 5060, &from), 0);
	snprintf(text, sizeof(text),
		 "REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
		 "<sip:1@x>;tag=1\r\nTo: <sip:1@x>\r\nCall-ID: %s\r\nCSeq: %u REGISTER\r\n"
		 "Contact: <sip:%s>;expires=600\r\n%sContent-Length: 0\r\n\r\n",
		 user, ++t->cseq, contact, t->headers);
	cr_assert_eq(sip_parse(&msg, text, strlen(text), SIP_DATAGRAM), SIP_PARSE_OK);
	return registrar_begin(t->registrar, &registration, &last);
}

static void answer(struct test *t, unsigned status, const char *headers)
{
	static char text[2048];
	static struct sip_msg msg;
	struct registration_id id = {t->last_ask, 0};

	snprintf(text, sizeof(text),
		 "SIP/2.0 %u X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:1@x>;tag=1\r\n"
		 "To: <sip:1@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n%s"
		 "Content-Length: 0\r\n\r\n",
		 status, headers);
	cr_assert_eq(sip_parse(&msg, text, strlen(text), SIP_DATAGRAM), SIP_PARSE_OK);
	registrar_end(t->registrar, &id, (uint16_t)status, &msg);
}

static void grant(struct test *t, unsigned expires)
{
	char headers[256];

	snprintf(headers, sizeof(headers), "Contact: <sip:%.*s@10.99.2.1:5060>;expires=%u\r\n",
		 (int)REGISTRAR_TOKEN_CHARS, last.contacts[0].token, expires);
	answer(t, 200, headers);
}

static void silence(struct test *t)
{
	registrar_end(t->registrar, &(struct registration_id){t->last_ask, 0}, 408, NULL);
}

static struct binding binding_of(const struct test *t, const char *user)
{
	struct binding found[REGISTER_CONTACTS_MAX];

	cr_assert_eq(registrar_find_user(t->registrar, SPAN("access"), span_str(user), found), 1,
		     "%s is lost", user);
	return found[0];
}

static unsigned told_s(void)
{
	const char *at = strstr(last.headers, ";expires=");

	cr_assert_not_null(at);
	return (unsigned)atoi(at + 9);
}

/* Three fail, and the fourth finds out. */
static void go_away(struct test *t)
{
	unsigned per_s = t->per_s;

	t->per_s = 1000000;
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(come(t, "new", "new@10.99.1.9"), REGISTRAR_TOKEN);
		silence(t);
	}
	t->per_s = per_s;
	cr_assert_eq(come(t, "new", "new@10.99.1.9"), REGISTRAR_TOKEN, "the trial");
}

Test(outage, above_the_rate_users_are_kept_and_others_wait)
{
	struct test t = start(false);
	struct binding before, after;

	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	grant(&t, 600);
	before = binding_of(&t, "kim");
	t.headers = "Authorization: Digest username=\"tom\"\r\n";
	cr_assert_eq(come(&t, "tom", "tom@10.99.1.2"), REGISTRAR_TOKEN);
	answer(&t, 403, "");
	/* nothing more goes on now */
	cr_expect_eq(come(&t, "tom", "tom@10.99.1.2"), REGISTRAR_BUSY);
	cr_expect(last.retry_after_s >= 1 && last.retry_after_s < 10, "%u", last.retry_after_s);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT);
	cr_expect(told_s() >= 60 && told_s() <= 90, "%s", last.headers);
	after = binding_of(&t, "kim");
	cr_expect_eq(after.core_s, before.core_s, "the registrar's own time goes on");
	cr_expect(after.kept);
	cr_expect_eq(come(&t, "kim", "kim@10.99.1.7"), REGISTRAR_BUSY, "another contact");
	t.rehearsal = true;
	cr_expect_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT);
	cr_expect_eq(come(&t, "tom", "tom@10.99.1.2"), REGISTRAR_BUSY);
	cr_expect_eq(stats_of(&t).kept, 1);
	cr_expect_eq(stats_of(&t).busy, 2);
	cr_expect_eq(stats_of(&t).absorbed, 0);
	stop(&t);
}

Test(outage, no_rate_is_no_limit)
{
	struct test t = start(false);

	t.per_s = 0;
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
		silence(&t);
	}
	stop(&t);
}

Test(outage, a_user_is_kept_while_the_registrar_is_away)
{
	struct test t = start(false);
	struct registrar_core core;
	struct binding b;
	uint32_t at = 0;

	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	grant(&t, 10);
	go_away(&t);
	cr_assert(registrar_next_core(t.registrar, &at, &core));
	cr_expect(core.away);
	cr_expect_eq(core.outages, 1);
	b = binding_of(&t, "kim");
	cr_expect_eq(b.expires_s, b.core_s);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT);
	b = binding_of(&t, "kim");
	cr_expect_gt(b.expires_s, b.core_s, "beyond what was granted");
	cr_assert_eq(come(&t, "tom", "tom@10.99.1.2"), REGISTRAR_BUSY);
	cr_expect_geq(last.retry_after_s, 10);
	stop(&t);
}

Test(outage, nobody_is_kept_for_ever)
{
	struct test t = start(false);
	struct binding b;

	t.conf.outage_keep_s = 20;
	cr_assert_eq(registrar_configure(t.registrar, &t.conf), 0);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	grant(&t, 10);
	go_away(&t);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT);
	cr_expect_leq(told_s(), 30);
	b = binding_of(&t, "kim");
	cr_expect_leq(b.expires_s, b.core_s + 20);
	t.conf.outage_keep_s = 0;
	cr_assert_eq(registrar_configure(t.registrar, &t.conf), 0);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT, "it may keep him yet");
	cr_expect_leq(told_s(), 10);
	stop(&t);
}

Test(outage, whoever_could_not_be_asked_about_is_there_yet)
{
	struct test t = start(true);
	struct binding b;

	t.told_max_s = 30; /* as behind NAT */
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	grant(&t, 50);
	b = binding_of(&t, "kim");
	cr_expect_eq(b.expires_s + 20, b.core_s);
	t.per_s = 1000000;
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN, "30 s more outlive it");
	b = binding_of(&t, "kim");
	cr_expect_gt(b.expires_s, b.core_s, "on its way he is kept");
	silence(&t);
	b = binding_of(&t, "kim");
	cr_expect_geq(b.expires_s, b.core_s + 30);
	/* until it says no: then no longer than it had said */
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	answer(&t, 401, "");
	b = binding_of(&t, "kim");
	cr_expect_gt(b.expires_s, b.core_s);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	answer(&t, 403, "");
	b = binding_of(&t, "kim");
	cr_expect_eq(b.expires_s, b.core_s);
	/* not for what somebody else sends */
	cr_assert_eq(come(&t, "tom", "tom@10.99.1.2"), REGISTRAR_TOKEN);
	silence(&t);
	cr_expect_eq(stats_of(&t).bindings, 1);
	stop(&t);
}

Test(outage, a_registrar_that_is_back_hears_of_all_anew)
{
	struct test t = start(true);

	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	grant(&t, 3600);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_ABSORBED);
	go_away(&t);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_ABSORBED,
		     "what it granted is good for long");
	t.last_ask--; /* the trial, which the next one came behind */
	answer(&t, 401, "");
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT,
		     "it may have forgotten him, and is not asked more than its rate");
	t.per_s = 1000000;
	while (come(&t, "kim", "kim@10.99.1.2") == REGISTRAR_KEPT)
		;
	grant(&t, 3600);
	cr_expect_not(binding_of(&t, "kim").kept);
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_ABSORBED);
	stop(&t);
}

Test(outage, a_503_is_a_wish_to_be_left_alone)
{
	struct test t = start(false);

	t.per_s = 1000000;
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	grant(&t, 600);
	cr_assert_eq(come(&t, "tom", "tom@10.99.1.2"), REGISTRAR_TOKEN);
	answer(&t, 503, "Retry-After: 40 (we are ill);duration=9\r\n");
	cr_expect_eq(come(&t, "tom", "tom@10.99.1.2"), REGISTRAR_BUSY);
	cr_expect(last.retry_after_s >= 40 && last.retry_after_s <= 60, "%u", last.retry_after_s);
	cr_expect_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT);
	stop(&t);
}

Test(outage, probes_tell_that_it_is_down)
{
	struct test t = start(false);

	t.per_s = 1000000;
	cr_assert_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	grant(&t, 600);
	t.down = true;
	for (int i = 0; i < 10; i++)
		cr_expect_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_KEPT);
	t.down = false;
	cr_expect_eq(come(&t, "kim", "kim@10.99.1.2"), REGISTRAR_TOKEN);
	stop(&t);
}
