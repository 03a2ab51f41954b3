/* SPDX-License-Identifier: BSD-3-Clause */
/* Redirections: refused, passed hidden, followed; and what may happen while limen asks again. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;
static char invite[8192];

static void setup(void)
{
	w = world_new();
}

TestSuite(redirect, .init = setup);

static void start(enum ipc_redirect policy)
{
	w->side_b.redirect = policy;
	strcpy(invite, world_invite(w, "up", SDP_A));
}

/* world_answer puts <sip:bob@10.0.2.2:5062> first. */
static void redirect(unsigned status, const char *more)
{
	world_answer(w, B, invite, status, "bob-tag", more, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2 "));
}

static const struct ipc_ask *asked(void)
{
	cr_assert(world_find(w, IPC_ASK));
	return (const struct ipc_ask *)world_find(w, IPC_ASK)->frame;
}

static void expect_end(unsigned status, enum ipc_ended_by by)
{
	const struct world_report *end = world_find(w, IPC_CALL_END);

	cr_assert(end);
	cr_expect_eq(((const struct ipc_call_end *)end->frame)->status, status);
	cr_expect_eq(((const struct ipc_call_end *)end->frame)->ended_by, by);
}

/* Ask again, be allowed, and take the INVITE of the new target. */
static void follow_once(void)
{
	redirect(302, NULL);
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(invite, world_out(w, B, 0));
	cr_assert(world_has(invite, "INVITE "));
}

static void cancel_a(void)
{
	world_in(w, A,
		 "CANCEL sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKup;rport\nFrom: \"Alice\" "
		 "<sip:alice@10.0.1.2>;tag=alice-tag\nTo: <sip:bob@10.0.1.1>\nCall-ID: "
		 "call-up@10.0.1.2\nCSeq: 1 CANCEL\n",
		 NULL);
}

Test(redirect, refused_where_policy_does_not_want_it)
{
	start(IPC_REDIRECT_REFUSE);
	redirect(302, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	cr_expect(!world_has(world_out(w, A, 0), "Contact"));
	cr_expect_eq(world_out_count(w, B), 1, "a redirection is final for all targets");
	expect_end(480, IPC_BY_CALLEE);
	world_end(w);
}

Test(redirect, passed_with_the_addresses_hidden)
{
	struct engine_stats stats;
	const char *text;

	start(IPC_REDIRECT_PASS);
	redirect(301, "Contact: \"Carol C\" "
		      "<sip:carol:pw@10.0.2.7;x=y?a=b>;q=0.5;expires=60;x=10.0.2.7,\n"
		      " <sips:dave@10.0.2.7>, <tel:+123>, <sip:10.0.2.8>\n"
		      "Contact: sip:eve@10.0.2.9;q=\"10.0.2.9\"\nServer: 10.0.2.2\n");
	text = world_out(w, A, 0);
	cr_expect(world_has(text, "SIP/2.0 301 Moved Permanently\r\n"));
	cr_expect(world_has(text, "Contact: <sip:bob@10.0.1.1:5060>\r\n"), "%s", text);
	cr_expect(world_has(text, "Contact: <sip:carol@10.0.1.1:5060>;q=0.5;expires=60\r\n"), "%s",
		  text);
	cr_expect(world_has(text, "Contact: <sip:eve@10.0.1.1:5060>\r\n"), "%s", text);
	cr_expect(!world_has(text, "10.0.2."), "%s", text);
	cr_expect(!world_has(text, "dave"));
	cr_expect(!world_has(text, "+123"));
	expect_end(301, IPC_BY_CALLEE);
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.redirects_passed, 1);
	world_end(w);
}

Test(redirect, nothing_left_to_pass_is_a_refusal)
{
	start(IPC_REDIRECT_PASS);
	w->answer_contact = "Contact: <tel:+1>, <sips:bob@10.0.2.2>\n";
	redirect(302, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	cr_expect(!world_has(world_out(w, A, 0), "Contact"));
	world_end(w);
}

Test(redirect, nowhere_to_follow_to_is_a_refusal)
{
	start(IPC_REDIRECT_FOLLOW);
	w->answer_contact = "";
	redirect(302, NULL);
	cr_expect(!world_find(w, IPC_ASK));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	world_end(w);
}

Test(redirect, followed_by_asking_again)
{
	const struct ipc_ask *ask;
	struct engine_stats stats;
	char ok[8192];

	start(IPC_REDIRECT_FOLLOW);
	world_answer(w, B, invite, 180, "bob-tag", NULL, NULL);
	redirect(302, "Contact: <sip:carol@10.0.2.7>;q=0.5,\n <sip:dave@10.0.2.8>\n");
	cr_expect_eq(world_out_count(w, A), 0, "the caller waits");
	ask = asked();
	cr_expect_eq(ask->kind, IPC_ASK_REDIRECT);
	cr_expect_eq(ask->redirects, 0);
	cr_expect(span_eq(ipc_ask_context(ask), SPAN("context")));
	cr_expect(span_eq(ipc_ask_contacts(ask),
			  SPAN("<sip:bob@10.0.2.2:5062>,<sip:carol@10.0.2.7>;q=0.5,"
			       "<sip:dave@10.0.2.8>")),
		  "%.*s", SPAN_FMT(ipc_ask_contacts(ask)));
	cr_expect(strncmp(ipc_ask_msg(ask).ptr, "INVITE sip:bob@10.0.1.1 SIP/2.0\r\n", 33) == 0);
	w->context = "second";
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(invite, world_out(w, B, 0));
	cr_expect(world_has(invite, "INVITE sip:bob@10.0.2.2 "));
	world_answer(w, B, invite, 200, "carol-tag", NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	cr_expect(world_has(ok, "SIP/2.0 200 "));
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
	world_request(w, A, "BYE", 2, "bye", ok, "alice-tag", NULL, NULL);
	cr_expect(span_eq(ipc_call_end_context((const struct ipc_call_end *)world_find(
						       w, IPC_CALL_END)
						       ->frame),
			  SPAN("second")),
		  "the verdict that led there is the record's");
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.redirects_followed, 1);
	world_end(w);
}

Test(redirect, a_loop_of_redirections_ends)
{
	start(IPC_REDIRECT_FOLLOW);
	for (unsigned i = 0; i < 5; i++) {
		redirect(302, NULL);
		cr_expect_eq(asked()->redirects, i);
		world_verdict(w, world_ask_id(w), 0, 1);
		strcpy(invite, world_out(w, B, 0));
	}
	redirect(302, NULL);
	cr_expect(!world_find(w, IPC_ASK));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	expect_end(480, IPC_BY_CALLEE);
	world_end(w);
}

Test(redirect, caller_gives_up_while_asking)
{
	start(IPC_REDIRECT_FOLLOW);
	redirect(302, NULL);
	cancel_a();
	cr_expect(world_find(w, IPC_ASK_GONE));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 487 "));
	cr_expect_eq(world_out_count(w, B), 0);
	expect_end(487, IPC_BY_CALLER);
	world_end(w);
}

Test(redirect, verdict_that_refuses)
{
	uint64_t id;

	start(IPC_REDIRECT_FOLLOW);
	redirect(302, NULL);
	id = world_ask_id(w);
	w->context = "";
	world_verdict(w, id, 404, 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 404 "));
	expect_end(404, IPC_BY_POLICY);
	cr_expect(span_eq(ipc_call_end_context((const struct ipc_call_end *)world_find(
						       w, IPC_CALL_END)
						       ->frame),
			  SPAN("context")),
		  "the call that was allowed once keeps its note");
	world_end(w);
}

Test(redirect, asked_again_after_the_control_plane_is_back)
{
	start(IPC_REDIRECT_FOLLOW);
	engine_link(w->engine, w->now_ns, false);
	redirect(302, NULL);
	cr_expect(!world_find(w, IPC_ASK));
	world_sleep(w, 1000);
	engine_link(w->engine, w->now_ns, true);
	world_sleep(w, 10);
	cr_expect_eq(asked()->kind, IPC_ASK_REDIRECT);
	cr_expect_gt(asked()->contacts_len, 0);
	/* The ring is full: once more. */
	world_blocked(w, IPC_ASK);
	world_sleep(w, 300);
	cr_expect_eq(asked()->kind, IPC_ASK_REDIRECT);
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect(world_has(world_out(w, B, 0), "INVITE "));
	world_end(w);
}

Test(redirect, no_verdict_comes)
{
	start(IPC_REDIRECT_FOLLOW);
	redirect(302, NULL);
	world_sleep(w, 4500);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	expect_end(503, IPC_BY_LIMEN);
	world_end(w);
}

Test(redirect, repeated_answer_of_the_target_left_behind)
{
	char first[8192];

	start(IPC_REDIRECT_FOLLOW);
	strcpy(first, invite);
	follow_once();
	world_answer(w, B, first, 302, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	cr_expect(!world_find(w, IPC_ASK));
	/* The new target fails over to nobody: its own answer counts. */
	world_answer(w, B, invite, 486, "carol-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 486 "));
	world_end(w);
}

Test(redirect, all_targets_of_the_new_verdict_are_tried)
{
	start(IPC_REDIRECT_FOLLOW);
	redirect(302, NULL);
	world_verdict(w, world_ask_id(w), 0, 2);
	strcpy(invite, world_out(w, B, 0));
	world_answer(w, B, invite, 503, "x", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 1), "INVITE "));
	cr_expect_eq(w->sent[1].dst.port, 5061);
	world_answer(w, B, world_out(w, B, 1), 404, "y", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 404 "));
	world_end(w);
}
