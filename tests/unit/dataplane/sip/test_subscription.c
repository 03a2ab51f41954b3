/* SPDX-License-Identifier: BSD-3-Clause */
/* Subscriptions: made by an answer or a NOTIFY, refreshed, terminated, and forgotten in the end. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;
static char sent[8192];	   /* what B got of the SUBSCRIBE */
static char ok[8192];	   /* what A got as its answer */
static char notified[8192]; /* a NOTIFY that A got */
static uint64_t asked;	    /* id of the question */

static const uint8_t passes[] = {SIP_HDR_EXPIRES, SIP_HDR_EVENT, SIP_HDR_SUBSCRIPTION_STATE,
				 SIP_HDR_WWW_AUTHENTICATE, 0};

static void setup(void)
{
	w = world_new();
	w->pass = passes;
}

TestSuite(subscription, .init = setup);

static void subscribe_as(const char *method, const char *branch, const char *extra,
			 unsigned ntargets)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "%s sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bK%s\nMax-Forwards: 70\n"
		 "From: <sip:alice@10.0.1.2>;tag=alice-tag\nTo: <sip:bob@10.0.1.1>\n"
		 "Call-ID: sub@10.0.1.2\nCSeq: 1 %s\nContact: <sip:alice@10.0.1.2:5061>\n%s",
		 method, branch, method, extra);
	world_in(w, A, text, NULL);
	asked = world_ask_id(w);
	world_verdict(w, asked, 0, ntargets);
	strcpy(sent, world_out(w, B, 0));
}

static void subscribe(const char *extra)
{
	subscribe_as("SUBSCRIBE", "sub", extra, 1);
}

static void accept(const char *extra)
{
	world_answer(w, B, sent, 200, "bob-tag", extra, NULL);
	strcpy(ok, world_out(w, A, 0));
}

static void notify_as(const char *tag, unsigned cseq, const char *state)
{
	char extra[512], branch[32];

	snprintf(extra, sizeof(extra),
		 "Event: presence\nSubscription-State: %s\nContact: <sip:bob@10.0.2.2:5062>\n",
		 state);
	snprintf(branch, sizeof(branch), "n%s%u", tag, cseq);
	world_request(w, B, "NOTIFY", cseq, branch, sent, tag, extra, NULL);
}

static void notify(unsigned cseq, const char *state)
{
	notify_as("bob-tag", cseq, state);
	if (world_out_count(w, A))
		strcpy(notified, world_out(w, A, 0));
}

static struct engine_stats stats_of(void)
{
	struct engine_stats stats;

	engine_stats(w->engine, &stats);
	return stats;
}

static void expect_gone(void)
{
	cr_expect_eq(stats_of().subscriptions, 0);
	world_sleep(w, 40000); /* transactions linger */
	cr_expect_eq(stats_of().calls, 0);
	cr_expect_eq(stats_of().legs, 0);
	world_end(w);
}

Test(subscription, made_by_its_answer_and_notified)
{
	char from[512];

	subscribe("Event: presence\nExpires: 600\n");
	cr_expect(world_has(sent, "SUBSCRIBE sip:bob@10.0.2.2 SIP/2.0\r\n"));
	cr_expect(world_has(sent, "Contact: <sip:"));
	cr_expect(world_has(sent, "Event: presence\r\n"));
	cr_expect(!world_has(sent, "10.0.1."));
	accept("Expires: 300\n");
	cr_expect(world_has(ok, "SIP/2.0 200 "));
	cr_expect(world_has(ok, "Expires: 300\r\n"));
	cr_expect(world_has(ok, "Contact: <sip:"));
	cr_expect(!world_has(ok, "10.0.2."));
	cr_expect_eq(stats_of().subscriptions, 1);
	notify(1, "active;expires=300");
	cr_expect(world_has(notified, "NOTIFY sip:alice@10.0.1.2:5061 SIP/2.0\r\n"));
	cr_expect(world_has(notified, "Subscription-State: active;expires=300\r\n"));
	cr_expect(world_has(notified, ";tag=alice-tag\r\n"));
	cr_expect(!world_has(notified, "10.0.2."));
	cr_expect(!world_has(notified, "bob-tag"));
	world_header(notified, "From", from, sizeof(from));
	cr_expect(world_has(ok, strstr(from, ";tag=")), "limen's tag is one and the same");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	/* No records, no rows, no hanging up. */
	cr_expect_eq(w->nreports, 0);
	world_sleep(w, 331000);
	cr_expect_eq(stats_of().subscriptions, 1);
	world_sleep(w, 2000);
	cr_expect_eq(stats_of().subscriptions_expired, 1);
	expect_gone();
}

Test(subscription, notify_before_the_answer_makes_it)
{
	char before[8192];

	subscribe("Event: presence\nExpires: 600\n");
	notify(1, "active;expires=600");
	cr_expect(world_has(notified, "NOTIFY sip:alice@10.0.1.2:5061 "));
	cr_expect_eq(stats_of().subscriptions, 1);
	strcpy(before, notified);
	accept("Expires: 600\n");
	cr_expect(world_has(ok, "SIP/2.0 200 "));
	cr_expect_eq(stats_of().subscriptions, 1, "once");
	world_answer(w, A, before, 200, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	notify(2, "terminated;reason=noresource");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	expect_gone();
}

Test(subscription, second_fork_is_refused)
{
	subscribe("Event: presence\nExpires: 600\n");
	notify(1, "active;expires=600");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	notify_as("other-tag", 1, "active;expires=600");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	cr_expect_eq(world_out_count(w, A), 0);
	/* The answer is the other fork's: who notified first stays. */
	world_answer(w, B, sent, 200, "other-tag", "Expires: 600\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	notify(2, "terminated");
	cr_expect(world_has(notified, "NOTIFY "));
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	expect_gone();
}

Test(subscription, refreshed)
{
	char refresh[8192];

	subscribe("Event: presence\nExpires: 60\n");
	accept("Expires: 60\n");
	world_sleep(w, 50000);
	world_request(w, A, "SUBSCRIBE", 2, "r", ok, "alice-tag",
		      "Event: presence\nExpires: 60\nContact: <sip:alice@10.0.1.2:5099>\n", NULL);
	strcpy(refresh, world_out(w, B, 0));
	cr_expect(world_has(refresh, "SUBSCRIBE sip:bob@10.0.2.2:5062 "));
	cr_expect(world_has(refresh, ";tag=bob-tag\r\n"));
	world_answer(w, B, refresh, 200, NULL, "Expires: 60\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_sleep(w, 80000);
	cr_expect_eq(stats_of().subscriptions, 1);
	notify(1, "active;expires=10");
	cr_expect(world_has(notified, "NOTIFY sip:alice@10.0.1.2:5099 "), "the target moved");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	world_sleep(w, 43000);
	expect_gone();
}

Test(subscription, ended_by_the_subscriber)
{
	char refresh[8192];

	subscribe("Event: presence\nExpires: 600\n");
	accept("Expires: 600\n");
	world_request(w, A, "SUBSCRIBE", 2, "u", ok, "alice-tag",
		      "Event: presence\nExpires: 0\n", NULL);
	strcpy(refresh, world_out(w, B, 0));
	world_answer(w, B, refresh, 200, NULL, "Expires: 0\n", NULL);
	cr_expect_eq(stats_of().subscriptions, 1, "its last NOTIFY is still to come");
	notify(1, "terminated;reason=timeout");
	cr_expect(world_has(notified, "Subscription-State: terminated;reason=timeout\r\n"));
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	expect_gone();
}

Test(subscription, last_notify_never_comes)
{
	char refresh[8192];

	subscribe("Event: presence\nExpires: 600\n");
	accept("Expires: 600\n");
	world_request(w, A, "SUBSCRIBE", 2, "u", ok, "alice-tag",
		      "Event: presence\nExpires: 0\n", NULL);
	strcpy(refresh, world_out(w, B, 0));
	world_answer(w, B, refresh, 200, NULL, "Expires: 0\n", NULL);
	world_sleep(w, 33000);
	expect_gone();
}

Test(subscription, fetch_whose_notify_overtakes_the_answer)
{
	subscribe("Event: presence\nExpires: 0\n");
	notify(1, "terminated;reason=timeout");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	accept("Expires: 0\n");
	cr_expect(world_has(ok, "SIP/2.0 200 "));
	world_sleep(w, 33000);
	expect_gone();
}

Test(subscription, subscriber_that_knows_of_nothing)
{
	subscribe("Event: presence\nExpires: 600\n");
	accept("Expires: 600\n");
	notify(1, "active;expires=600");
	world_answer(w, A, notified, 481, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	expect_gone();
}

Test(subscription, notifier_that_knows_of_nothing)
{
	char refresh[8192];

	subscribe("Event: presence\nExpires: 600\n");
	accept("Expires: 600\n");
	world_request(w, A, "SUBSCRIBE", 2, "u", ok, "alice-tag", "Event: presence\n", NULL);
	strcpy(refresh, world_out(w, B, 0));
	world_answer(w, B, refresh, 481, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	expect_gone();
}

Test(subscription, last_notify_is_challenged_and_comes_again)
{
	subscribe("Event: presence\nExpires: 600\n");
	accept("Expires: 600\n");
	notify(1, "terminated");
	world_answer(w, A, notified, 401, NULL, "WWW-Authenticate: Digest realm=\"a\"\n", NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 401 "));
	cr_expect_eq(stats_of().subscriptions, 1);
	world_sleep(w, 33000);
	expect_gone();
}

Test(subscription, refused)
{
	subscribe("Event: presence\n");
	world_answer(w, B, sent, 489, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 489 "));
	notify(1, "active");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	cr_expect_eq(stats_of().standalone_failed, 1);
	expect_gone();
}

Test(subscription, second_target)
{
	char first[8192];

	subscribe_as("SUBSCRIBE", "sub", "Event: presence\nExpires: 90\n", 2);
	strcpy(first, sent);
	world_answer(w, B, sent, 503, "bob-tag", NULL, NULL);
	strcpy(sent, world_out(w, B, 0));
	cr_expect_eq(w->sent[0].dst.port, 5061);
	accept("Expires: 90\n");
	strcpy(sent, first);
	notify(1, "active;expires=90");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "), "that target has refused");
	world_sleep(w, 123000);
	expect_gone();
}

Test(subscription, answer_that_never_comes_after_a_notify)
{
	subscribe_as("SUBSCRIBE", "sub", "Event: presence\nExpires: 600\n", 2);
	notify(1, "active;expires=100");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	for (unsigned s = 0; s < 40; s++) {
		world_sleep(w, 1000);
		for (unsigned i = 0; i < w->nsent; i++) {
			cr_expect(w->sent[i].realm == B || world_has(w->sent[i].text, " 100 "));
			cr_expect(w->sent[i].realm == A || w->sent[i].dst.port != 5061,
				  "no other target: one has begun to notify");
		}
	}
	cr_expect_eq(stats_of().subscriptions, 1);
	world_sleep(w, 60000);
	notify(2, "active;expires=100");
	cr_expect(world_has(notified, "NOTIFY "));
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	world_sleep(w, 133000);
	expect_gone();
}

Test(subscription, nobody_answers)
{
	subscribe("Event: presence\n");
	world_sleep(w, 33000);
	cr_expect_eq(stats_of().subscriptions, 0);
	expect_gone();
}

Test(subscription, what_does_not_belong_there)
{
	subscribe("Event: presence\nExpires: 600\n");
	accept("Expires: 600\n");
	world_request(w, A, "BYE", 2, "b", ok, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	world_request(w, A, "INFO", 3, "i", ok, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 405 "));
	world_request(w, A, "NOTIFY", 4, "n", ok, "alice-tag", "Event: presence\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	world_request(w, B, "SUBSCRIBE", 1, "s", sent, "bob-tag", "Event: presence\n", NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	world_request(w, A, "INVITE", 5, "v", ok, "alice-tag", NULL, SDP_A);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 405 "));
	cr_expect_eq(stats_of().subscriptions, 1);
	/* Not after its CSeq either. */
	notify(7, "active;expires=5");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	world_request(w, B, "NOTIFY", 6, "old", sent, "bob-tag", "Event: presence\n", NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 500 "));
	world_sleep(w, 40000);
	expect_gone();
}

Test(subscription, stranger_and_wrong_tags)
{
	subscribe("Event: presence\nExpires: 60\n");
	accept("Expires: 60\n");
	notify_as("mallory", 1, "terminated");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	/* From the other network, with the right tags. */
	world_request(w, A, "NOTIFY", 9, "x", sent, "bob-tag",
		      "Event: presence\nSubscription-State: terminated\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	cr_expect_eq(stats_of().subscriptions, 1);
	world_sleep(w, 95000);
	expect_gone();
}

Test(subscription, repeated_requests_change_nothing)
{
	subscribe("Event: presence\nExpires: 60\n");
	accept("Expires: 60\n");
	world_answer(w, B, sent, 200, "bob-tag", "Expires: 60\n", NULL);
	cr_expect_eq(w->nsent, 0);
	notify(1, "active;expires=60");
	notify(1, "active;expires=60");
	cr_expect_eq(w->nsent, 0, "in work");
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	notify(1, "active;expires=60");
	cr_expect_eq(world_out_count(w, A), 0);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	world_sleep(w, 95000);
	expect_gone();
}

Test(subscription, operator_neither_sees_nor_ends_it)
{
	struct ipc_list_ask list = {.list_id = 1, .max = 10};
	struct ipc_hangup hangup;

	subscribe_as("SUBSCRIBE", "sub", "Event: presence\nExpires: 60\n", 1);
	accept("Expires: 60\n");
	world_frame(w, IPC_CALLS_ASK, &list, sizeof(list));
	cr_expect(!world_find(w, IPC_CALL_ROW));
	hangup.call = asked;
	world_frame(w, IPC_HANGUP, &hangup, sizeof(hangup));
	cr_expect_eq(w->nsent, 0);
	cr_expect_eq(stats_of().subscriptions, 1);
	world_sleep(w, 95000);
	expect_gone();
}

Test(subscription, lives_through_the_control_planes_death)
{
	subscribe("Event: presence\nExpires: 60\n");
	accept("Expires: 60\n");
	engine_link(w->engine, w->now_ns, false);
	notify(1, "active;expires=60");
	cr_expect(world_has(notified, "NOTIFY "));
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	engine_link(w->engine, w->now_ns, true);
	world_sleep(w, 10);
	cr_expect_eq(w->nreports, 0);
	cr_expect_eq(stats_of().subscriptions, 1);
	world_sleep(w, 95000);
	expect_gone();
}

/* NOTIFY of a REFER's fate. */
static void tell(unsigned cseq, const char *state, const char *fragment)
{
	char extra[512], branch[32];

	snprintf(extra, sizeof(extra),
		 "Event: refer\nSubscription-State: %s\nContact: <sip:bob@10.0.2.2:5062>\n"
		 "Content-Type: message/sipfrag\n",
		 state);
	snprintf(branch, sizeof(branch), "t%u", cseq);
	world_request(w, B, "NOTIFY", cseq, branch, sent, "bob-tag", extra, fragment);
	strcpy(notified, world_out(w, A, 0));
}

Test(subscription, refer_without_one_place_to_go)
{
	world_in(w, A,
		 "REFER sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2;branch=z9hG4bKq\n"
		 "From: <sip:alice@10.0.1.2>;tag=t\nTo: <sip:bob@10.0.1.1>\nCall-ID: q\n"
		 "CSeq: 1 REFER\nContact: <sip:alice@10.0.1.2>\n",
		 NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 400 "));
	cr_expect_eq(w->nreports, 0);
	world_end(w);
}

Test(subscription, refer_outside_a_dialog)
{
	subscribe_as("REFER", "ref", "Refer-To: <sip:carol@10.0.1.1>\n", 1);
	cr_expect(world_has(sent, "REFER sip:bob@10.0.2.2 "));
	cr_expect(world_has(sent, "Refer-To: <sip:carol@10.0.2.1:5060>\r\n"), "%s", sent);
	cr_expect(world_has(sent, "Contact: <sip:"));
	world_answer(w, B, sent, 202, "bob-tag", NULL, NULL);
	strcpy(ok, world_out(w, A, 0));
	cr_expect(world_has(ok, "SIP/2.0 202 "));
	cr_expect_eq(stats_of().subscriptions, 1);
	tell(1, "active;expires=60", "SIP/2.0 100 Trying at 10.0.2.2\r\n");
	cr_expect(world_has(notified, "NOTIFY sip:alice@10.0.1.2:5061 "), "%s", notified);
	cr_expect(world_has(notified, "Event: refer\r\n"));
	cr_expect(world_has(notified, "\r\nSIP/2.0 100 Trying\r\n"), "%s", notified);
	cr_expect(!world_has(notified, "10.0.2."));
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	/* Not what it was about. */
	notify(2, "active;expires=60");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 489 "));
	world_request(w, A, "SUBSCRIBE", 2, "s", ok, "alice-tag", "Event: refer;id=1\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	tell(3, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n");
	cr_expect(world_has(notified, "Subscription-State: terminated;reason=noresource\r\n"));
	world_answer(w, A, notified, 200, NULL, NULL, NULL);
	expect_gone();
}

Test(subscription, refer_that_is_never_told_about)
{
	subscribe_as("REFER", "ref", "Refer-To: <sip:carol@10.0.1.1>\nRefer-Sub: false\n", 1);
	world_answer(w, B, sent, 200, "bob-tag", "Refer-Sub: false\n", NULL);
	world_sleep(w, 33000);
	expect_gone();
}

Test(subscription, longest_life)
{
	subscribe("Event: reg\nExpires: 4294967295\n");
	accept("Expires: 4294967295\n");
	for (unsigned day = 0; day < 14; day++)
		world_sleep(w, 86400000);
	cr_expect_eq(stats_of().subscriptions, 1);
	world_sleep(w, 33000);
	expect_gone();
}
