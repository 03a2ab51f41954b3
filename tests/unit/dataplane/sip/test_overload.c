/* SPDX-License-Identifier: BSD-3-Clause */
/* Overload: what is refused while the worker is too busy, what is not, and that the share settles. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static void settings(struct world *w, unsigned busy_max, const char *emergency)
{
	_Alignas(8) char frame[512];
	struct cursor out = cursor_on(frame, sizeof(frame));
	struct ipc_settings head = {.busy_permille_max = (uint16_t)busy_max,
				    .emergency_len = (uint16_t)strlen(emergency),
				    .retry_after_s = 17};

	put_bytes(&out, &head, sizeof(head));
	put_span(&out, span_str(emergency));
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_SETTINGS, frame,
				   out.len),
		     0);
	world_frame(w, IPC_SETTINGS, frame, out.len);
}

static void busy(struct world *w, unsigned permille, unsigned windows)
{
	while (windows--)
		engine_load(w->engine, permille);
}

/* A request of A's; true when it was taken in. */
static bool send_request(struct world *w, const char *method, const char *ruri,
			 unsigned number)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bK%u%s\n"
		 "Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=a%u\nTo: <%s>\n"
		 "Call-ID: %u@10.0.1.2\nCSeq: 1 %s\nContact: <sip:alice@10.0.1.2>\n"
		 "Priority: emergency\n",
		 method, ruri, number, method, number, ruri, number, method);
	world_in(w, A, text, NULL);
	return world_find(w, IPC_ASK) != NULL;
}

/* The same; false when it was refused for overload. */
static bool ask(struct world *w, const char *method, const char *ruri, unsigned number)
{
	if (send_request(w, method, ruri, number))
		return true;
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	return false;
}

static void refuse(struct world *w)
{
	world_verdict(w, world_ask_id(w), 403, 0);
}

Test(overload, nothing_is_refused_up_to_the_limit)
{
	struct world *w = world_new();

	busy(w, 950, 1000);
	for (unsigned i = 0; i < 50; i++) {
		cr_assert(ask(w, "INVITE", "sip:bob@10.0.1.1", i));
		refuse(w);
		world_sleep(w, 40000);
	}
	world_end(w);
}

Test(overload, nothing_is_refused_without_a_limit)
{
	struct world *w = world_new();

	settings(w, 1000, "");
	busy(w, 2000, 1000);
	for (unsigned i = 0; i < 50; i++) {
		cr_assert(ask(w, "INVITE", "sip:bob@10.0.1.1", i));
		refuse(w);
		world_sleep(w, 40000);
	}
	world_end(w);
}

Test(overload, what_begins_is_refused_without_a_record)
{
	struct world *w = world_new();
	struct engine_stats stats;

	settings(w, 800, "");
	busy(w, 2000, 1000);
	/* One of 256 is always let in, or it would never be known that there is room again. */
	for (unsigned i = 0; i < 20; i++) {
		if (ask(w, "INVITE", "sip:bob@10.0.1.1", i)) {
			refuse(w);
			continue;
		}
		cr_expect(world_has(world_out(w, A, 0), "Retry-After: 17\r\n"));
		cr_expect_eq(w->nsent, 1);
	}
	cr_expect_not(ask(w, "MESSAGE", "sip:bob@10.0.1.1", 101));
	/* What needs no record is answered as ever. */
	cr_expect_not(send_request(w, "OPTIONS", "sip:10.0.1.1", 102));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	engine_stats(w->engine, &stats);
	cr_expect(stats.overload_refused >= 19, "%lu", stats.overload_refused);
	cr_expect_eq(stats.overload_refused + stats.calls_started, 21);
	cr_expect_eq(stats.busy_permille, 2000);
	cr_expect(stats.admit_permille < 5);
	world_end(w);
}

Test(overload, not_what_goes_on)
{
	struct world *w = world_new();
	struct world_call call;

	world_call_up(w, &call);
	busy(w, 2000, 1000);
	world_request(w, A, "INFO", 2, "info", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "INFO "));
	world_answer(w, B, world_out(w, B, 0), 200, "bob-tag", NULL, NULL);
	world_request(w, B, "BYE", 9, "bye", call.invite_b, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	world_end(w);
}

Test(overload, nor_an_emergency)
{
	static const char *const calls[] = {"sip:112@10.0.1.1", "sip:112;phone-context=x@10.0.1.1",
					    "tel:112", "tel:112;phone-context=+49",
					    "urn:service:sos", "urn:service:sos.fire",
					    "sips:911@10.0.1.1"};
	static const char *const others[] = {"sip:1123@10.0.1.1", "sip:11@10.0.1.1",
					     "urn:service:sosimple", "urn:service:counseling",
					     "sip:10.0.1.1", "sip:bob@112", "tel:+112"};
	struct world *w = world_new();
	struct engine_stats stats;
	unsigned taken = 0;

	settings(w, 900, "911\n112\nurn:service:sos");
	busy(w, 2000, 1000);
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		cr_expect(ask(w, "INVITE", calls[i], i), "%s", calls[i]);
		refuse(w);
	}
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.emergencies_admitted, sizeof(calls) / sizeof(calls[0]));
	cr_expect_eq(stats.overload_refused, 0);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!ask(w, "INVITE", others[i], 100 + i))
			continue;
		taken++;
		refuse(w);
	}
	cr_expect(taken <= 1, "%u", taken);
	cr_expect_not(ask(w, "MESSAGE", "sip:112@10.0.1.1", 200), "only calls are");
	world_end(w);
}

Test(overload, a_refused_request_that_comes_again_is_refused_again)
{
	struct world *w = world_new();
	bool refused[40] = {0};
	struct engine_stats stats;
	unsigned n = 0;

	busy(w, 1000, 102); /* a quarter of a second, then down to about half */
	for (unsigned i = 0; i < 40; i++) {
		if (ask(w, "INVITE", "sip:bob@10.0.1.1", i)) {
			refuse(w);
			continue;
		}
		refused[i] = true;
		n++;
		cr_expect_not(ask(w, "INVITE", "sip:bob@10.0.1.1", i));
	}
	cr_expect(n > 8 && n < 32, "%u", n);
	busy(w, 0, 1000);
	engine_stats(w->engine, &stats);
	cr_assert_eq(stats.admit_permille, 1000);
	for (unsigned i = 0; i < 40; i++) {
		if (refused[i])
			cr_expect_not(ask(w, "INVITE", "sip:bob@10.0.1.1", i), "late copy of %u",
				      i);
	}
	cr_expect(ask(w, "INVITE", "sip:bob@10.0.1.1", 1000), "another one is taken");
	refuse(w);
	world_end(w);
}

Test(overload, a_pause_of_the_host_is_none)
{
	struct world *w = world_new();
	struct engine_stats stats;

	/* A worker that stood still is full until it has caught up. */
	for (unsigned i = 0; i < 100; i++) {
		busy(w, 1700, 20);
		busy(w, 800, 30);
		engine_stats(w->engine, &stats);
		cr_assert_eq(stats.admit_permille, 1000);
	}
	busy(w, 1700, 25);
	engine_stats(w->engine, &stats);
	cr_assert_eq(stats.admit_permille, 1000);
	busy(w, 1700, 2);
	engine_stats(w->engine, &stats);
	cr_expect_lt(stats.admit_permille, 1000, "and a load that stays is one");
	world_end(w);
}

/* A worker whose load is what it admitted: of calls offered at some multiple of what it carries,
 * each costing at once and some windows later, each refusal costing a fifteenth. */
static void settles(unsigned offered_permille, unsigned *low, unsigned *high)
{
	struct world *w = world_new();
	double later[20] = {0}, load = 0;
	struct engine_stats stats;

	*low = 2000;
	*high = 0;
	for (unsigned t = 0; t < 3000; t++) {
		double admitted, refusals, now;

		engine_stats(w->engine, &stats);
		admitted = offered_permille * stats.admit_permille / 1000.0;
		refusals = (offered_permille - admitted) / 15;
		now = 0.4 * admitted + 0.6 * later[t % 20] + refusals;
		later[t % 20] = admitted;
		load = (load + (now > 1000 ? 1500 : now)) / 2;
		engine_load(w->engine, (uint32_t)load);
		if (t < 1000)
			continue;
		if (load < *low)
			*low = (unsigned)load;
		if (load > *high)
			*high = (unsigned)load;
	}
	world_end(w);
}

Test(overload, the_share_settles_at_the_limit)
{
	static const unsigned offered[] = {1000, 1500, 3000, 8000};
	unsigned low, high;

	for (unsigned i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
		settles(offered[i], &low, &high);
		cr_expect(low >= 940 && high <= 960, "offered %u: busy from %u to %u", offered[i],
			  low, high);
	}
	settles(500, &low, &high);
	cr_expect(low >= 499 && high <= 500, "nothing is refused: %u to %u", low, high);
}

Test(overload, when_it_is_over_all_are_taken_again)
{
	struct world *w = world_new();
	struct engine_stats stats;
	unsigned windows = 0;

	busy(w, 2000, 1000);
	do {
		engine_load(w->engine, 100);
		engine_stats(w->engine, &stats);
	} while (stats.admit_permille < 1000 && ++windows < 1000);
	cr_expect(windows < 300, "%u windows of 10 ms", windows);
	cr_expect(ask(w, "INVITE", "sip:bob@10.0.1.1", 1));
	refuse(w);
	world_end(w);
}
