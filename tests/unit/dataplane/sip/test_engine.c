/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine, flow by flow: each test ends with world_end, which asserts that nothing is left
 * behind. */
#include "world.h"

#include "dataplane/media/stream.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;

static void setup(void)
{
	w = world_new();
}

/* world_end stands in each test's body: what fails in a teardown fails nothing. */
TestSuite(engine, .init = setup);

/* No text of side A but what policy passed may reach side B. */
static void expect_hidden_from_b(const char *text)
{
	static const char *const secrets[] = {"10.0.1.",   "alice-tag", "call-up@", "SecretPhone",
					      "z9hG4bKup", "o=alice",	"gruu",	    "5061"};

	for (unsigned i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		cr_expect(!world_has(text, secrets[i]), "side B sees \"%s\" in:\n%s", secrets[i],
			  text);
}

static void expect_hidden_from_a(const char *text)
{
	static const char *const secrets[] = {"10.0.2.", "bob-tag", "o=bob", "5062"};

	for (unsigned i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		cr_expect(!world_has(text, secrets[i]), "side A sees \"%s\" in:\n%s", secrets[i],
			  text);
}

Test(engine, basic_call_and_bye_of_caller)
{
	struct world_call call;
	const struct world_report *end;

	world_call_up(w, &call);
	expect_hidden_from_b(call.invite_b);
	expect_hidden_from_a(call.ok_a);
	cr_expect(world_has(call.invite_b, "Subject: lunch"));
	cr_expect(world_has(call.invite_b, "Supported: 100rel\r\n"));
	cr_expect(world_has(call.invite_b, "c=IN IP4 10.0.2.1"));
	cr_expect(world_has(call.ok_a, "c=IN IP4 10.0.1.1"));
	cr_expect_eq(stream_pairs_open(w->media), 1);
	world_request(w, A, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, B, 0), "BYE sip:bob@10.0.2.2:5062 "));
	end = world_find(w, IPC_CALL_END);
	cr_assert(end);
	cr_expect_eq(((const struct ipc_call_end *)end->frame)->ended_by, IPC_BY_CALLER);
	cr_expect_eq(((const struct ipc_call_end *)end->frame)->status, 200);
	cr_expect_eq(stream_pairs_open(w->media), 0);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, bye_of_callee)
{
	struct world_call call;

	world_call_up(w, &call);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 0), "BYE sip:alice@10.0.1.2:5061 "));
	expect_hidden_from_a(world_out(w, A, 0));
	cr_expect_eq(((const struct ipc_call_end *)world_find(w, IPC_CALL_END)->frame)->ended_by,
		     IPC_BY_CALLEE);
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, retransmitted_invite_changes_nothing)
{
	const char *text = "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
			   "10.0.1.2;branch=z9hG4bKr\nMax-Forwards: 70\n"
			   "From: <sip:alice@10.0.1.2>;tag=t\nTo: <sip:bob@10.0.1.1>\nCall-ID: "
			   "r\nCSeq: 1 INVITE\nContact: <sip:a@10.0.1.2>\n";
	struct engine_stats stats;

	world_in(w, A, text, NULL);
	cr_expect(world_find(w, IPC_ASK));
	world_in(w, A, text, NULL);
	cr_expect(!world_find(w, IPC_ASK));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.calls, 1);
	/* No verdict comes: refused when the wait is over. */
	world_sleep(w, 5000);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	world_end(w);
}

Test(engine, merged_request_is_refused)
{
	const char *first = "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
			    "10.0.1.2;branch=z9hG4bK1\nFrom: <sip:a@h>;tag=t\nTo: <sip:bob@h>\n"
			    "Call-ID: m\nCSeq: 1 INVITE\nContact: <sip:a@10.0.1.2>\n";
	const char *second = "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
			     "10.0.1.2;branch=z9hG4bK2\nFrom: <sip:a@h>;tag=t\nTo: <sip:bob@h>\n"
			     "Call-ID: m\nCSeq: 1 INVITE\nContact: <sip:a@10.0.1.2>\n";

	world_in(w, A, first, NULL);
	world_in(w, A, second, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 482 "));
	world_end(w);
}

Test(engine, lost_200_is_sent_again_until_the_ack)
{
	struct world_call call;
	unsigned again = 0;

	strcpy(call.invite_b, world_invite(w, "up", SDP_A));
	world_answer(w, B, call.invite_b, 200, "bob-tag", NULL, SDP_B);
	strcpy(call.ok_a, world_out(w, A, 0));
	/* B repeats its own 200 meanwhile: there is no ACK to send yet. */
	world_answer(w, B, call.invite_b, 200, "bob-tag", NULL, SDP_B);
	cr_expect_eq(w->nsent, 0);
	for (int i = 0; i < 3; i++) {
		world_sleep(w, 500u << i);
		again += world_out_count(w, A);
		cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	}
	cr_expect_eq(again, 3);
	world_request(w, A, "ACK", 1, "late", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, B), 1);
	/* The ACK got lost towards B: its 200 brings it again. */
	world_answer(w, B, call.invite_b, 200, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	world_sleep(w, 10000);
	cr_expect_eq(w->nsent, 0);
	world_request(w, A, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, never_acknowledged_call_ends_on_both_sides)
{
	char invite[8192];
	bool bye[2] = {false, false};

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 200, "bob-tag", NULL, SDP_B);
	world_sleep(w, 33000);
	for (unsigned i = 0; i < w->nsent; i++)
		bye[w->sent[i].realm] |= strncmp(w->sent[i].text, "BYE ", 4) == 0;
	cr_expect(bye[A] && bye[B]);
	cr_expect(world_find(w, IPC_CALL_END));
	world_end(w);
}

Test(engine, cancel_while_asking)
{
	const char *text = "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
			   "10.0.1.2;branch=z9hG4bKc\nFrom: <sip:a@h>;tag=t\nTo: <sip:bob@h>\n"
			   "Call-ID: c\nCSeq: 1 INVITE\nContact: <sip:a@10.0.1.2>\n";
	const char *cancel = "CANCEL sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
			     "10.0.1.2;branch=z9hG4bKc\nFrom: <sip:a@h>;tag=t\nTo: <sip:bob@h>\n"
			     "Call-ID: c\nCSeq: 1 CANCEL\n";

	world_in(w, A, text, NULL);
	world_in(w, A, cancel, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 487 "));
	cr_expect(world_find(w, IPC_ASK_GONE));
	world_end(w);
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

Test(engine, cancel_before_any_answer_waits_for_a_provisional)
{
	char invite[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	cancel_a();
	cr_expect_eq(world_out_count(w, B), 0);
	world_answer(w, B, invite, 100, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "CANCEL sip:bob@10.0.2.2 "));
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_answer(w, B, invite, 487, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2 "));
	world_end(w);
}

Test(engine, cancel_crosses_the_answer)
{
	char invite[8192], cancel[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 180, "bob-tag", NULL, NULL);
	cancel_a();
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 487 "));
	strcpy(cancel, world_out(w, B, 0));
	world_answer(w, B, invite, 200, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2:5062 "));
	cr_expect(world_has(world_out(w, B, 1), "BYE sip:bob@10.0.2.2:5062 "));
	world_answer(w, B, world_out(w, B, 1), 200, NULL, NULL, NULL);
	world_answer(w, B, cancel, 200, "bob-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	world_end(w);
}

Test(engine, refusal_goes_back_with_its_code_and_is_acknowledged)
{
	char invite[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 486, "bob-tag", "Server: Secret/2\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 486 Busy Here\r\n"));
	cr_expect(!world_has(world_out(w, A, 0), "Secret"));
	cr_expect(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2 "));
	/* B did not get the ACK. */
	world_answer(w, B, invite, 486, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2 "));
	cr_expect_eq(world_out_count(w, A), 0);
	world_end(w);
}

Test(engine, next_target_after_a_server_failure)
{
	char invite[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 503, "bob-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	cr_expect_eq(world_out_count(w, B), 2);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	cr_expect(world_has(world_out(w, B, 1), "INVITE "));
	cr_expect_eq(w->sent[1].dst.port, 5061);
	strcpy(invite, world_out(w, B, 1));
	world_answer(w, B, invite, 404, "bob2", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 404 "));
	world_end(w);
}

static void fail_over_after(unsigned status)
{
	int bit = sip_failover_bit(status);

	cr_assert_geq(bit, 0);
	w->failover[bit / 32] |= 1u << bit % 32;
}

Test(engine, next_target_after_the_answers_that_are_chosen)
{
	char invite[8192];

	fail_over_after(486);
	fail_over_after(603);
	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 486, "bob-tag", NULL, NULL);
	cr_assert(world_has(world_out(w, B, 1), "INVITE "), "486 is one of them");
	strcpy(invite, world_out(w, B, 1));
	world_answer(w, B, invite, 603, "bob2", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 603 "), "none is left");
	world_end(w);
}

Test(engine, not_after_other_answers)
{
	char invite[8192];

	fail_over_after(486);
	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 503, "bob-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, B), 1, "the ACK alone");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	world_end(w);
}

Test(engine, a_silent_target_is_left_soon)
{
	w->failover_ms = 1200;
	world_invite(w, "up", SDP_A);
	world_sleep(w, 1150);
	cr_expect_eq(world_out_count(w, B), 1, "sent again at 500 ms");
	world_sleep(w, 100);
	cr_assert_eq(world_out_count(w, B), 1);
	cr_expect(world_has(world_out(w, B, 0), "INVITE "), "CANCEL waits for an answer");
	cr_expect_eq(w->sent[0].dst.port, 5061);
	/* the last target has all the time there is */
	world_sleep(w, 31000);
	cr_expect_eq(world_out_count(w, A), 0);
	world_sleep(w, 1500);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 408 "));
	world_end(w);
}

Test(engine, a_target_that_says_trying_may_take_its_time)
{
	char invite[8192];

	w->failover_ms = 1200;
	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 100, NULL, NULL, NULL);
	world_sleep(w, 30000);
	cr_expect_eq(world_out_count(w, B), 0);
	world_answer(w, B, invite, 180, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 180 "));
	world_sleep(w, 31000);
	cr_expect(world_has(world_out(w, B, 0), "CANCEL "), "timer C");
	world_end(w);
}

Test(engine, silent_targets_time_out)
{
	world_invite(w, "up", SDP_A);
	world_sleep(w, 31900);
	cr_expect_eq(world_out_count(w, B), 6, "timer A: 0.5 1.5 3.5 7.5 15.5 31.5 s");
	world_sleep(w, 32500);
	cr_expect_gt(world_out_count(w, B), 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 408 "));
	cr_expect_eq(((const struct ipc_call_end *)world_find(w, IPC_CALL_END)->frame)->ended_by,
		     IPC_BY_SIP_TIMEOUT);
	world_end(w);
}

Test(engine, ringing_for_too_long_is_cancelled)
{
	char invite[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 180, "bob-tag", NULL, NULL);
	world_sleep(w, 60500);
	cr_expect(world_has(world_out(w, B, 0), "CANCEL "));
	cr_expect(world_has(world_out(w, B, 1), "INVITE "), "the next target is tried");
	world_end(w);
}

Test(engine, verdict_that_refuses)
{
	const struct world_report *ask;
	uint64_t id;

	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2;branch=z9hG4bKx\nFrom: <sip:a@h>;tag=t\nTo: <sip:bob@h>\nCall-ID: x\n"
		 "CSeq: 1 INVITE\nContact: <sip:a@10.0.1.2>\n",
		 NULL);
	ask = world_find(w, IPC_ASK);
	memcpy(&id, ask->frame, sizeof(id));
	world_verdict(w, id, 403, 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	cr_expect(world_find(w, IPC_CALL_END));
	world_verdict(w, id, 0, 1);
	cr_expect_eq(w->nsent, 0, "a second verdict is stale");
	world_end(w);
}

Test(engine, forged_and_foreign_tags)
{
	struct world_call call;
	char forged[8192], *tag;

	world_call_up(w, &call);
	strcpy(forged, call.ok_a);
	tag = strstr(strstr(forged, "To: "), ";tag=") + 5;
	tag[3] = tag[3] == 'a' ? 'b' : 'a';
	world_request(w, A, "BYE", 2, "f1", forged, "alice-tag", NULL, NULL);
	cr_expect_eq(w->fate, FATE_FORGED);
	cr_expect_eq(w->nsent, 0);
	world_request(w, A, "BYE", 2, "f2", call.ok_a, "mallory", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	cr_expect_eq(stream_pairs_open(w->media), 1);
	world_request(w, A, "BYE", 2, "f3", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, forged_response_is_dropped)
{
	char invite[8192], *branch;

	strcpy(invite, world_invite(w, "up", SDP_A));
	branch = strstr(invite, "z9hG4bK") + 9;
	*branch = *branch == 'a' ? 'b' : 'a';
	world_answer(w, B, invite, 200, "bob-tag", NULL, SDP_B);
	cr_expect_eq(w->fate, FATE_FORGED);
	cr_expect_eq(w->nsent, 0);
	world_end(w);
}

Test(engine, reinvite_is_relayed_with_its_answer)
{
	struct world_call call;
	char re[8192], ok[8192];

	world_call_up(w, &call);
	world_request(w, A, "INVITE", 2, "re", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2:5063>\n",
		      "v=0\r\no=alice 1 2 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 "
		      "0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	strcpy(re, world_out(w, B, 0));
	cr_expect(world_has(re, "a=sendonly") && world_has(re, "INVITE sip:bob@10.0.2.2:5062 "));
	expect_hidden_from_b(re);
	/* Glare from the other side meanwhile. */
	world_request(w, B, "INVITE", 5, "glare", call.invite_b, "bob-tag",
		      "Contact: <sip:bob@10.0.2.2:5062>\n", SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 491 "));
	world_request(w, B, "ACK", 5, "glare", call.invite_b, "bob-tag", NULL, NULL);
	world_answer(w, B, re, 200, NULL, NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	cr_expect(world_has(ok, "SIP/2.0 200 "));
	world_request(w, A, "ACK", 2, "reack", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	world_request(w, B, "BYE", 6, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "BYE sip:alice@10.0.1.2:5063 "),
		  "the target was refreshed");
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, prack_names_the_invite_of_its_leg)
{
	char invite[8192], ringing[8192], cseq[64], rack[64], want[80];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 183, "bob-tag", "RSeq: 71\nRequire: 100rel\n", SDP_B);
	strcpy(ringing, world_out(w, A, 0));
	cr_expect(world_has(ringing, "RSeq: 71\r\n") && world_has(ringing, "c=IN IP4 10.0.1.1"));
	world_request(w, A, "PRACK", 2, "prack", ringing, "alice-tag", "RAck: 71 1 INVITE\n", NULL);
	world_header(world_out(w, B, 0), "RAck", rack, sizeof(rack));
	world_header(invite, "CSeq", cseq, sizeof(cseq));
	snprintf(want, sizeof(want), "71 %s", cseq);
	cr_expect_str_eq(rack, want);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_answer(w, B, invite, 603, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 603 "));
	world_end(w);
}

Test(engine, late_offer)
{
	char invite[8192], ok[8192];

	strcpy(invite, world_invite(w, "up", NULL));
	world_answer(w, B, invite, 200, "bob-tag", NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	cr_expect(world_has(ok, "m=audio 20"));
	world_request(w, A, "ACK", 1, "upack", ok, "alice-tag", NULL, SDP_A);
	cr_expect(world_has(world_out(w, B, 0), "c=IN IP4 10.0.2.1"));
	expect_hidden_from_b(world_out(w, B, 0));
	world_request(w, A, "BYE", 2, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, second_answer_of_a_fork_is_ended)
{
	struct world_call call;

	world_call_up(w, &call);
	world_answer(w, B, call.invite_b, 200, "other-fork", NULL, SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "ACK ") &&
		  world_has(world_out(w, B, 0), "tag=other-fork"));
	cr_expect(world_has(world_out(w, B, 1), "BYE ") &&
		  world_has(world_out(w, B, 1), "tag=other-fork"));
	world_answer(w, B, world_out(w, B, 1), 200, NULL, NULL, NULL);
	world_answer(w, B, call.invite_b, 200, "other-fork", NULL, SDP_B);
	cr_expect_eq(world_out_count(w, B), 1, "only its ACK again");
	world_request(w, A, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, bye_waits_for_the_ack)
{
	char invite[8192], ok[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 200, "bob-tag", NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	world_request(w, B, "BYE", 1, "quick", invite, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	cr_expect_eq(world_out_count(w, A), 0);
	world_request(w, A, "ACK", 1, "upack", ok, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, media_timeout_and_longest_duration)
{
	struct world_call call;

	world_call_up(w, &call);
	world_sleep(w, 29000);
	cr_expect_eq(w->nsent, 0);
	world_sleep(w, 2000);
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	cr_expect(world_has(world_out(w, B, 0), "BYE "));
	cr_expect_eq(((const struct ipc_call_end *)world_find(w, IPC_CALL_END)->frame)->ended_by,
		     IPC_BY_MEDIA_TIMEOUT);
	world_end(w);
}

Test(engine, operator_hangs_up)
{
	struct world_call call;
	struct ipc_hangup hangup;
	const struct engine_action *actions;
	struct ipc_list_ask ask = {.list_id = 9, .max = 10};
	unsigned n;

	world_call_up(w, &call);
	engine_frame(w->engine, w->now_ns, IPC_CALLS_ASK, &ask, sizeof(ask));
	n = engine_actions(w->engine, &actions);
	cr_assert_eq(n, 2);
	cr_expect_eq(actions[0].type, IPC_CALL_ROW);
	cr_expect_eq(actions[1].type, IPC_LIST_END);
	memcpy(&hangup.call, actions[0].bytes.ptr + offsetof(struct ipc_call_row, call),
	       sizeof(hangup.call));
	engine_frame(w->engine, w->now_ns, IPC_HANGUP, &hangup, sizeof(hangup));
	n = engine_actions(w->engine, &actions);
	cr_expect_eq(n, 3, "two BYEs and the record");
	world_end(w);
}

Test(engine, options_to_limen_needs_no_control_plane)
{
	engine_link(w->engine, w->now_ns, false);
	world_in(w, A,
		 "OPTIONS sip:10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5066;branch=z9hG4bKo\nFrom: <sip:a@h>;tag=t\nTo: <sip:10.0.1.1>\n"
		 "Call-ID: o\nCSeq: 1 OPTIONS\n",
		 NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 OK") &&
		  world_has(world_out(w, A, 0), "Allow: INVITE"));
	cr_expect_eq(w->sent[0].dst.port, 5066, "the Via's port, without rport");
	world_end(w);
}

Test(engine, control_plane_that_comes_late_is_asked)
{
	engine_link(w->engine, w->now_ns, false);
	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2;branch=z9hG4bKl\nFrom: <sip:a@h>;tag=t\nTo: <sip:bob@h>\n"
		 "Call-ID: l\nCSeq: 1 INVITE\nContact: <sip:a@10.0.1.2>\n",
		 NULL);
	cr_expect(!world_find(w, IPC_ASK));
	engine_link(w->engine, w->now_ns, true);
	world_sleep(w, 100);
	cr_expect(world_find(w, IPC_ASK));
	world_sleep(w, 1000);
	cr_expect(!world_find(w, IPC_ASK), "once");
	world_end(w);
}

Test(engine, what_needs_no_policy_is_refused_at_once)
{
	static const struct { const char *head; const char *body; const char *want;
	} cases[] = {
		{"INVITE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2;branch=z9hG4bKq1\nMax-Forwards: 0\nFrom: <sip:a@h>;tag=t\nTo: "
		 "<sip:b@h>\nCall-ID: "
		 "q1\nCSeq: 1 INVITE\n",
		 NULL, "SIP/2.0 483 "},
		{"INVITE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2;branch=z9hG4bKq2\nRequire: "
		 "flux\nFrom: <sip:a@h>;tag=t\nTo: <sip:b@h>\nCall-ID: "
		 "q2\nCSeq: 1 INVITE\n",
		 NULL, "Unsupported: flux"},
		{"INVITE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2;branch=z9hG4bKq3\nContent-Type: application/isup\nFrom: "
		 "<sip:a@h>;tag=t\nTo: "
		 "<sip:b@h>\nCall-ID: q3\nCSeq: 1 INVITE\n",
		 "<p>", "SIP/2.0 415 "},
		{"BYE sip:b@h SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2;branch=z9hG4bKq4\nFrom: "
		 "<sip:a@h>;tag=t\nTo: <sip:b@h>;tag=nobody\nCall-ID: "
		 "q4\nCSeq: 1 BYE\n",
		 NULL, "SIP/2.0 481 "},
		{"CANCEL sip:b@h SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2;branch=z9hG4bKq5\nFrom: "
		 "<sip:a@h>;tag=t\nTo: <sip:b@h>\nCall-ID: q5\nCSeq: 1 "
		 "CANCEL\n",
		 NULL, "SIP/2.0 481 "},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world_in(w, A, cases[i].head, cases[i].body);
		cr_expect(world_has(world_out(w, A, 0), cases[i].want), "case %u:\n%s", i,
			  world_out(w, A, 0));
		cr_expect_eq(w->nreports, 0);
	}
	world_end(w);
}

static void tag_of_to(const char *text, char *tag, size_t cap)
{
	char to[512];

	snprintf(tag, cap, "%s", strstr(world_header(text, "To", to, sizeof(to)), ";tag=") + 5);
}

Test(engine, each_fork_has_a_dialog_of_its_own)
{
	char invite[8192], ringing[2][8192], ok[8192], tags[3][64];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 180, "fork-1", NULL, NULL);
	strcpy(ringing[0], world_out(w, A, 0));
	world_answer(w, B, invite, 183, "fork-2", "RSeq: 5\n", SDP_B);
	strcpy(ringing[1], world_out(w, A, 0));
	tag_of_to(ringing[0], tags[0], sizeof(tags[0]));
	tag_of_to(ringing[1], tags[1], sizeof(tags[1]));
	cr_expect_str_neq(tags[0], tags[1]);
	/* A request in the second early dialog goes to the second fork. */
	world_request(w, A, "PRACK", 2, "prack", ringing[1], "alice-tag", "RAck: 5 1 INVITE\n",
		      NULL);
	cr_expect(world_has(world_out(w, B, 0), "tag=fork-2"));
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	/* The first fork wins. */
	world_answer(w, B, invite, 200, "fork-1", NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	tag_of_to(ok, tags[2], sizeof(tags[2]));
	cr_expect_str_eq(tags[0], tags[2]);
	world_request(w, A, "ACK", 1, "upack", ok, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK ") &&
		  world_has(world_out(w, B, 0), "tag=fork-1"));
	world_request(w, A, "INFO", 3, "lost", ringing[1], "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "), "the other early dialog is over");
	world_request(w, B, "BYE", 9, "bbye", invite, "fork-1", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, second_fork_wins_and_the_first_answers_too)
{
	char invite[8192], ok[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 180, "fork-1", NULL, NULL);
	world_answer(w, B, invite, 200, "fork-2", NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	world_answer(w, B, invite, 200, "fork-1", NULL, SDP_B);
	cr_expect_eq(world_out_count(w, A), 0);
	cr_expect(world_has(world_out(w, B, 0), "ACK ") &&
		  world_has(world_out(w, B, 0), "tag=fork-1"));
	cr_expect(world_has(world_out(w, B, 1), "BYE ") &&
		  world_has(world_out(w, B, 1), "tag=fork-1"));
	world_answer(w, B, world_out(w, B, 1), 200, NULL, NULL, NULL);
	world_request(w, A, "ACK", 1, "upack", ok, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "tag=fork-2"));
	world_answer(w, B, invite, 200, "fork-2", NULL, SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "ACK ") &&
		  world_has(world_out(w, B, 0), "tag=fork-2"));
	world_request(w, B, "BYE", 1, "bbye", invite, "fork-2", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, endless_forks_are_bounded)
{
	char invite[8192], tag[16];
	unsigned relayed = 0;

	strcpy(invite, world_invite(w, "up", SDP_A));
	for (int i = 0; i < 40; i++) {
		snprintf(tag, sizeof(tag), "fork-%d", i);
		world_answer(w, B, invite, 180, tag, NULL, NULL);
		relayed += world_out_count(w, A);
	}
	cr_expect_eq(relayed, 9);
	cancel_a();
	world_answer(w, B, invite, 487, "fork-0", NULL, NULL);
	world_end(w);
}

/* Whether the one pair open takes RTCP on A's RTP port. */
static bool a_multiplexes(void)
{
	const struct slab *pairs = w->media->hot;

	for (uint32_t i = 0; i < slab_bound(pairs); i++) {
		if (slab_handle_at(pairs, i) != HANDLE_NONE)
			return ((struct stream_pair *)slab_at(pairs, i))->from[SIDE_A].flags &
			       STREAM_MUX;
	}
	cr_assert_fail("no pair is open");
	return false;
}

/* Offer of rtcp-mux from A: both sides multiplex only if B takes it. */
static void mux_call(bool taken)
{
	char invite[8192], ok[8192];

	strcpy(invite, world_invite(w, "up", SDP_A "a=rtcp-mux\r\n"));
	world_answer(w, B, invite, 200, "bob-tag", NULL, taken ? SDP_B "a=rtcp-mux\r\n" : SDP_B);
	strcpy(ok, world_out(w, A, 0));
	cr_expect_eq(world_has(ok, "a=rtcp-mux"), taken);
	cr_expect_eq(a_multiplexes(), taken);
	world_request(w, A, "ACK", 1, "upack", ok, "alice-tag", NULL, NULL);
	world_request(w, A, "BYE", 2, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine, rtcp_mux_that_is_taken)
{
	mux_call(true);
}

Test(engine, rtcp_mux_that_is_not_taken)
{
	mux_call(false);
}
