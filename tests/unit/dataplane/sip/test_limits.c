/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of trunks and users, and screening, as the engine's peers and control plane see them. That
 * nothing stays counted, world_end checks each time. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct ipc_source network(const char *text, unsigned realm, unsigned class, uint32_t trunk)
{
	struct net_prefix prefix;
	struct ipc_source source = {.realm = (uint8_t)realm, .class = (uint8_t)class,
				    .trunk = trunk};

	cr_assert_eq(net_prefix_parse(span_str(text), &prefix), 0);
	source.addr = prefix.addr;
	source.family = prefix.family;
	source.bits = prefix.bits;
	return source;
}

static void frame(struct world *w, uint16_t type, const void *bytes, size_t len)
{
	_Alignas(8) char copy[4096];

	memcpy(copy, bytes, len);
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, type, copy,
				   (uint32_t)len),
		     0);
	world_frame(w, type, copy, (uint32_t)len);
}

struct table {
	struct ipc_screen screen;
	struct ipc_limits limits[3]; /* of trunks 1 (A's), 2 and 3 (B's) */
	unsigned class;		     /* of A */
	bool is_short;		     /* the last piece does not come */
};

static struct table table(void)
{
	return (struct table){
		.screen = {.burst_ms = 1000,
			   .window_s = 60,
			   .auth_failures_max = 3,
			   .learn = IPC_LEARN_UNKNOWN},
		.limits = {{.burst_ms = 1000}, {.burst_ms = 1000}, {.burst_ms = 1000}},
		.class = IPC_CLASS_KNOWN,
	};
}

static void tell(struct world *w, const struct table *t)
{
	static uint32_t generation;
	struct {
		struct ipc_screen head;
		char agents[16];
	} screen = {t->screen, "friendly-scanner"};
	struct {
		struct ipc_trunks head;
		struct ipc_trunk trunks[3];
	} trunks = {.head = {.count = 3}};
	struct {
		struct ipc_sources head;
		struct ipc_source sources[2];
	} sources = {.head = {.count = 2},
		     .sources = {network("10.0.1.0/24", 0, t->class, 1),
				 network("10.0.2.0/24", 1, IPC_CLASS_KNOWN, 2)}};
	struct ipc_screen_end end = {.generation = ++generation};

	screen.head.generation = trunks.head.generation = sources.head.generation = generation;
	screen.head.ntrunks = 3;
	screen.head.nsources = 2;
	screen.head.agents_len = 16;
	for (unsigned i = 0; i < 3; i++)
		trunks.trunks[i] = (struct ipc_trunk){
			.id = i + 1, .limits = t->limits[i], .name = {'t', (char)('1' + i)}};
	frame(w, IPC_SCREEN, &screen, sizeof(screen));
	frame(w, IPC_SCREEN_TRUNKS, &trunks, sizeof(trunks));
	if (!t->is_short)
		frame(w, IPC_SCREEN_SOURCES, &sources, sizeof(sources));
	frame(w, IPC_SCREEN_END, &end, sizeof(end));
}

static struct world *limited(const struct table *t)
{
	struct ipc_settings settings = {.busy_permille_max = 950, .retry_after_s = 17};
	struct world *w = world_new();

	frame(w, IPC_SETTINGS, &settings, sizeof(settings));
	w->side_a.trunk = 1;
	w->side_b.trunk = 2;
	tell(w, t);
	return w;
}

/* A Binding request from A: what became of it. */
static enum engine_fate keep_alive(struct world *w)
{
	static const char request[] =
		"\0\x01\0\0\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";
	struct engine_source source = {.realm = 0, .transport = NET_UDP};

	cr_assert_eq(net_endpoint_parse(SPAN("10.0.1.2:40000"), 0, &source.peer), 0);
	cr_assert_eq(net_endpoint_parse(SPAN("10.0.1.1:5060"), 0, &source.local), 0);
	return engine_message(w->engine, w->now_ns, &source, span_of(request, 20));
}

/* A request of A's; true when it was asked about. */
static bool ask_with(struct world *w, const char *method, const char *ruri, unsigned number,
		     const char *extra)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bK%u%s\n"
		 "Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=a%u\nTo: <%s>\n"
		 "Call-ID: %u@10.0.1.2\nCSeq: 1 %s\nContact: <sip:alice@10.0.1.2>\n%s",
		 method, ruri, number, method, number, ruri, number, method, extra);
	world_in(w, A, text, NULL);
	return world_find(w, IPC_ASK) != NULL;
}

static bool ask(struct world *w, const char *method, unsigned number)
{
	return ask_with(w, method, "sip:bob@10.0.1.1", number, "Event: presence\n");
}

static void expect_503(struct world *w)
{
	cr_assert_eq(world_out_count(w, A), 1);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	cr_expect(world_has(world_out(w, A, 0), "Retry-After: 17\r\n"));
	cr_expect_null(world_find(w, IPC_ASK));
}

Test(limits, calls_of_a_trunk_at_a_time)
{
	struct table t = table();
	struct world *w;
	uint64_t first;

	t.limits[0].calls_in_max = 2;
	w = limited(&t);
	cr_assert(ask(w, "INVITE", 1));
	first = world_ask_id(w);
	cr_assert(ask(w, "INVITE", 2));
	cr_expect_not(ask(w, "INVITE", 3));
	expect_503(w);
	cr_expect(ask(w, "MESSAGE", 9), "is no call");
	world_verdict(w, world_ask_id(w), 403, 0);
	world_verdict(w, first, 403, 0);
	cr_expect_not(ask(w, "INVITE", 3), "its sender was told, and is gone");
	expect_503(w);
	cr_expect(ask(w, "INVITE", 4), "there is room again");
	cr_expect_not(ask(w, "INVITE", 5));
	world_end(w);
}

/* No verdict, a refused one, one that was accepted and never answered: all end. */
Test(limits, whatever_becomes_of_a_call_it_is_not_counted_for_ever)
{
	struct table t = table();
	struct world_call call;
	struct world *w;

	t.limits[0].calls_in_max = 1;
	t.limits[1].calls_out_max = 1;
	t.limits[0].user_calls_max = 1;
	w = limited(&t);
	w->user[A] = 77;
	cr_assert(ask(w, "INVITE", 1));
	world_sleep(w, 40000);
	cr_assert(ask(w, "INVITE", 2));
	world_verdict(w, world_ask_id(w), 0, 1);
	world_sleep(w, 120000);
	world_call_up(w, &call);
	cr_expect_not(ask(w, "INVITE", 3));
	world_request(w, B, "BYE", 1, "bye", call.invite_b, "bob-tag", NULL, NULL);
	cr_expect(ask(w, "INVITE", 4));
	world_end(w);
}

Test(limits, a_full_trunk_is_passed_over_for_the_next)
{
	struct table t = table();
	struct world *w;

	t.limits[1].calls_out_max = 1;
	w = limited(&t);
	w->last_trunk = 3;
	for (unsigned i = 1; i <= 3; i++) {
		cr_assert(ask(w, "INVITE", i));
		world_verdict(w, world_ask_id(w), 0, 2);
		cr_assert_eq(world_out_count(w, B), 1);
		cr_expect_eq(w->sent[0].dst.port, i == 1 ? 5060 : 5061);
	}
	w->last_trunk = 0;
	cr_assert(ask(w, "INVITE", 4));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect_eq(world_out_count(w, B), 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	world_end(w);
}

Test(limits, both_directions_of_a_trunk_together)
{
	struct table t = table();
	struct world *w;

	t.limits[0].calls_max = 2;
	w = limited(&t);
	w->side_b.trunk = 1; /* the call comes back to where it was from */
	cr_assert(ask(w, "INVITE", 1));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect_eq(world_out_count(w, B), 1);
	cr_expect_not(ask(w, "INVITE", 2));
	world_end(w);
}

Test(limits, new_calls_in_a_second)
{
	struct table t = table();
	struct world *w;
	unsigned asked = 0;

	t.limits[0].calls_in_per_s = 4;
	t.limits[0].burst_ms = 500;
	w = limited(&t);
	for (unsigned i = 0; i < 100; i++) {
		if (ask(w, "INVITE", i)) {
			asked++;
			world_verdict(w, world_ask_id(w), 404, 0);
		}
		world_sleep(w, 20);
	}
	cr_expect(asked >= 9 && asked <= 10, "%u in two seconds", asked);
	world_end(w);
}

Test(limits, requests_are_counted_by_their_kind)
{
	struct table t = table();
	struct world *w;

	t.limits[0].messages_per_s = 2;
	t.limits[0].registrations_per_s = 1;
	t.limits[0].subscriptions_max = 1;
	w = limited(&t);
	cr_expect(ask(w, "REGISTER", 1));
	cr_expect_not(ask(w, "REGISTER", 2));
	expect_503(w);
	cr_expect(ask(w, "SUBSCRIBE", 3));
	cr_expect_not(ask(w, "SUBSCRIBE", 4), "one at a time");
	expect_503(w);
	cr_expect_not(ask(w, "MESSAGE", 5), "two a second");
	cr_expect(ask(w, "INVITE", 6));
	world_sleep(w, 1000);
	cr_expect(ask(w, "MESSAGE", 7));
	world_end(w);
}

Test(limits, a_user_has_his_own)
{
	struct table t = table();
	struct world *w;

	t.limits[0].user_calls_max = 1;
	t.limits[1].user_calls_max = 1;
	w = limited(&t);
	w->user[A] = 100;
	cr_assert(ask(w, "INVITE", 1));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_assert_eq(world_out_count(w, B), 1);
	cr_assert(ask(w, "INVITE", 2));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	w->user[A] = 101;
	w->user[B] = 500;
	cr_assert(ask(w, "INVITE", 3));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_assert_eq(world_out_count(w, B), 1);
	w->user[A] = 102;
	cr_assert(ask(w, "INVITE", 4));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 486 "));
	world_end(w);
}

Test(limits, a_table_that_did_not_come_whole_limits_nothing)
{
	struct table t = table();
	struct world *w;

	t.limits[0].calls_in_max = 1;
	t.is_short = true;
	w = limited(&t);
	cr_expect(ask(w, "INVITE", 1));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect(ask(w, "INVITE", 2));
	t.is_short = false;
	tell(w, &t);
	cr_expect_not(ask(w, "INVITE", 3), "those are counted that began before");
	world_end(w);
}

/* ---- emergencies ---- */

static const char services[] = "112";

static void emergencies(struct world *w)
{
	struct {
		struct ipc_settings head;
		char services[4];
	} settings = {.head = {.busy_permille_max = 500, .emergency_len = 3, .retry_after_s = 17}};

	memcpy(settings.services, services, 3);
	frame(w, IPC_SETTINGS, &settings, sizeof(settings.head) + 3);
}

Test(limits, an_emergency_goes_past_them)
{
	struct table t = table();
	struct world *w;

	t.limits[0].calls_in_max = 1;
	t.limits[1].calls_out_max = 1;
	w = limited(&t);
	emergencies(w);
	cr_assert(ask(w, "INVITE", 1));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_assert_eq(world_out_count(w, B), 1);
	cr_expect_not(ask(w, "INVITE", 2));
	cr_assert(ask_with(w, "INVITE", "sip:112@10.0.1.1", 3, ""));
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect_eq(world_out_count(w, B), 1);
	t.screen.emergency_limits = 1;
	tell(w, &t);
	cr_expect_not(ask_with(w, "INVITE", "sip:112@10.0.1.1", 4, ""));
	world_end(w);
}

Test(limits, a_stranger_has_no_emergency)
{
	struct table t = table();
	struct world *w;

	t.class = IPC_CLASS_UNKNOWN;
	w = limited(&t);
	emergencies(w);
	for (unsigned i = 0; i < 1000; i++)
		engine_load(w->engine, 1500);
	cr_expect_not(ask_with(w, "INVITE", "sip:112@10.0.1.1", 1, ""));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	t.screen.emergency_unknown = 1;
	tell(w, &t);
	cr_expect(ask_with(w, "INVITE", "sip:112@10.0.1.1", 2, ""));
	t.screen.emergency_unknown = 0;
	t.class = IPC_CLASS_KNOWN;
	tell(w, &t);
	cr_expect(ask_with(w, "INVITE", "sip:112@10.0.1.1", 3, ""));
	world_end(w);
}

/* ---- screening ---- */

static const struct ipc_suspect *suspect(const struct world *w)
{
	const struct world_report *report = world_find(w, IPC_SUSPECT);

	if (!report)
		return NULL;
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_SUSPECT, report->frame,
				   report->len),
		     0);
	return (const void *)report->frame;
}

Test(screening, a_scanner_gets_no_answer)
{
	struct table t = table();
	struct world *w;

	t.class = IPC_CLASS_UNKNOWN;
	w = limited(&t);
	cr_expect_not(ask_with(w, "OPTIONS", "sip:100@10.0.1.1", 1,
			       "User-Agent: Friendly-Scanner 2.0\n"));
	cr_expect_eq(w->fate, FATE_SCREENED);
	cr_expect_eq(world_out_count(w, A), 0);
	cr_assert(suspect(w));
	cr_expect_eq(suspect(w)->deed, IPC_DEED_AGENT);
	t.class = IPC_CLASS_KNOWN;
	tell(w, &t);
	cr_expect(ask_with(w, "INVITE", "sip:100@10.0.1.1", 2,
			   "User-Agent: friendly-scanner\n"));
	world_end(w);
}

Test(screening, a_stranger_may_begin_so_much_and_no_more)
{
	struct table t = table();
	struct world *w;

	t.class = IPC_CLASS_UNKNOWN;
	t.screen.classes[IPC_CLASS_UNKNOWN].requests_per_s = 2;
	w = limited(&t);
	cr_expect(ask(w, "INVITE", 1));
	cr_expect(ask(w, "INVITE", 2));
	cr_expect_not(ask(w, "INVITE", 3));
	cr_expect_eq(w->fate, FATE_SCREENED);
	cr_expect_eq(world_out_count(w, A), 0);
	t.class = IPC_CLASS_KNOWN;
	t.screen.classes[IPC_CLASS_KNOWN].requests_per_s = 2;
	tell(w, &t);
	world_sleep(w, 2000);
	cr_expect(ask(w, "INVITE", 4));
	cr_expect(ask(w, "INVITE", 5));
	cr_expect_not(ask(w, "INVITE", 6));
	expect_503(w);
	world_end(w);
}

/* A challenge, and an answer to it that is refused: only he who got the one can send the other. */
static void fail(struct world *w, unsigned number, const char *nonce, const char *answered)
{
	static const uint8_t pass[] = {SIP_HDR_WWW_AUTHENTICATE, SIP_HDR_AUTHORIZATION, 0};
	char extra[256];

	snprintf(extra, sizeof(extra), "Authorization: Digest username=\"a\", nonce=\"%s\", x=1\n",
		 answered);
	cr_assert(ask_with(w, "REGISTER", "sip:10.0.1.1", number, *answered ? extra : ""));
	w->pass = pass;
	world_verdict(w, world_ask_id(w), 0, 1);
	snprintf(extra, sizeof(extra), "WWW-Authenticate: Digest realm=\"x\", nonce=\"%s\"\n", nonce);
	world_answer(w, B, world_out(w, B, 0), 401, "reg", extra, NULL);
}

Test(screening, failed_authentications_are_counted)
{
	struct table t = table();
	struct world *w;

	t.class = IPC_CLASS_UNKNOWN;
	w = limited(&t);
	fail(w, 1, "n1", "");
	cr_expect_null(suspect(w));
	fail(w, 2, "n2", "n1");
	fail(w, 3, "n3", "n2");
	cr_expect_null(suspect(w));
	fail(w, 4, "n4", "n3");
	cr_assert(suspect(w));
	cr_expect_eq(suspect(w)->deed, IPC_DEED_AUTH);
	cr_expect_eq(suspect(w)->count, 3);
	cr_expect_eq(suspect(w)->proven, 1);
	world_end(w);
}

Test(screening, credentials_for_no_challenge_prove_nothing)
{
	struct table t = table();
	struct world *w;

	t.class = IPC_CLASS_UNKNOWN;
	w = limited(&t);
	for (unsigned i = 1; i <= 3; i++)
		fail(w, i, "secret", "guessed");
	cr_assert(suspect(w));
	cr_expect_eq(suspect(w)->proven, 0);
	world_end(w);
}

Test(screening, what_is_set_is_listed)
{
	struct table t = table();
	struct world *w = limited(&t);
	struct ipc_list_ask list = {.list_id = 5, .max = 10};
	const struct ipc_source_row *row;

	for (unsigned i = 0; i < 3; i++) {
		struct ipc_source_set set = {.source = network("10.9.0.0/24", IPC_REALM_ANY,
							       IPC_CLASS_BLOCKED, 0),
					     .seconds = 100};

		set.source.addr.ip[2] = (uint8_t)i;
		frame(w, IPC_SOURCE_SET, &set, sizeof(set));
	}
	frame(w, IPC_SOURCES_ASK, &list, sizeof(list));
	cr_assert_eq(w->nreports, 4);
	row = (const void *)w->reports[0].frame;
	cr_expect_eq(w->reports[0].type, IPC_SOURCE_ROW);
	cr_expect_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_SOURCE_ROW,
				   w->reports[0].frame, w->reports[0].len),
		     0);
	cr_expect_eq(row->source.class, IPC_CLASS_BLOCKED);
	cr_expect_eq(row->source.bits, 24);
	cr_expect(row->seconds >= 99 && row->seconds <= 101);
	world_end(w);
}

/* RFC 5626 section 4.4.2; a stranger's address may be forged, and the answer is longer. */
Test(limits, stun_is_answered_but_not_to_strangers)
{
	struct table t = table();
	struct world *w = limited(&t);
	const struct engine_action *actions;
	struct engine_stats stats;

	cr_expect_eq(keep_alive(w), FATE_TAKEN);
	cr_assert_eq(engine_actions(w->engine, &actions), 1);
	cr_expect_eq(actions[0].kind, ACTION_SEND);
	cr_expect_eq(actions[0].dst.port, 40000);
	cr_assert_eq(actions[0].bytes.len, 32);
	cr_expect_arr_eq(actions[0].bytes.ptr, "\x01\x01\0\x0c", 4);
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.stun_answered, 1);
	cr_expect_eq(stats.requests_out + stats.responses_out, 0);
	t.class = IPC_CLASS_UNKNOWN;
	tell(w, &t);
	cr_expect_eq(keep_alive(w), FATE_KEEPALIVE);
	cr_expect_eq(engine_actions(w->engine, &actions), 0);
	world_end(w);
}
