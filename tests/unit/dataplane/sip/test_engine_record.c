/* SPDX-License-Identifier: BSD-3-Clause */
/* What a call's record says of the way it took: targets that failed, tags, agents, reasons. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;

static void setup(void)
{
	w = world_new();
	w->context = "note";
	w->side_b.trunk = 7;
	w->last_trunk = 8;
}

TestSuite(engine_record, .init = setup);

static const struct ipc_call_end *record(void)
{
	const struct world_report *end = world_find(w, IPC_CALL_END);

	cr_assert(end, "no record");
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_CALL_END, end->frame,
				   end->len),
		     0);
	return (const struct ipc_call_end *)(const void *)end->frame;
}

static void expect_text(struct span got, const char *wanted)
{
	cr_expect(span_eq(got, span_str(wanted)), "%.*s, not %s", SPAN_FMT(got), wanted);
}

Test(engine_record, of_a_call_that_failed_over)
{
	const struct ipc_call_end *end;
	char invite[8192], ok[8192], tag[64];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 503, "first", "Server: first/1\n", NULL);
	strcpy(invite, world_out(w, B, 1));
	world_answer(w, B, invite, 200, "bob-tag", "Server: second\t/2\n", SDP_B);
	strcpy(ok, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
	world_request(w, A, "BYE", 2, "bye", ok, "alice-tag", "Reason: Q.850;cause=16\n", NULL);
	end = record();
	cr_expect_eq(end->attempts, 2);
	cr_expect_eq(end->failed[0], 503);
	cr_expect_eq(end->failed[1], 0);
	cr_expect_eq(end->far_status, 200);
	cr_expect_eq(end->trunk, 8, "who answered");
	expect_text(ipc_call_end_tag(end, 0, 1), "alice-tag");
	expect_text(ipc_call_end_tag(end, 1, 1), "bob-tag");
	snprintf(tag, sizeof(tag), ";tag=%.*s", SPAN_FMT(ipc_call_end_tag(end, 0, 0)));
	cr_expect(world_has(ok, tag), "limen's own, as the caller sees it");
	snprintf(tag, sizeof(tag), ";tag=%.*s", SPAN_FMT(ipc_call_end_tag(end, 1, 0)));
	cr_expect(world_has(invite, tag));
	expect_text(ipc_call_end_agent(end, 1), "second /2");
	expect_text(ipc_call_end_reason(end, 0), "Q.850;cause=16");
	expect_text(ipc_call_end_reason(end, 1), "");
	world_end(w);
}

Test(engine_record, of_a_call_that_nobody_took)
{
	const struct ipc_call_end *end;
	char invite[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_sleep(w, 33000);
	strcpy(invite, world_out(w, B, world_out_count(w, B) - 1));
	cr_assert(world_has(invite, "INVITE "));
	world_answer(w, B, invite, 486, "bob-tag",
		     "Server: a-product-whose-name-is-longer-than-what-a-record-has-room-for-in-its-"
		     "line-of-text/2\nReason: Q.850;cause=17;text=\"busy\"\n",
		     NULL);
	end = record();
	cr_expect_eq(end->attempts, 2);
	cr_expect_eq(end->failed[0], 408, "the first did not answer");
	cr_expect_eq(end->far_status, 486);
	cr_expect_eq(ipc_call_end_agent(end, 1).len, 80);
	expect_text(ipc_call_end_reason(end, 1), "Q.850;cause=17;text=\"busy\"");
	world_end(w);
}

Test(engine_record, of_a_call_that_was_given_up)
{
	const struct ipc_call_end *end;

	world_invite(w, "up", SDP_A);
	world_in(w, A,
		 "CANCEL sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKup;rport\nFrom: \"Alice\" "
		 "<sip:alice@10.0.1.2>;tag=alice-tag\nTo: <sip:bob@10.0.1.1>\nCall-ID: "
		 "call-up@10.0.1.2\nCSeq: 1 CANCEL\nReason: SIP;cause=200\n",
		 NULL);
	end = record();
	cr_expect_eq(end->attempts, 1);
	cr_expect_eq(end->far_status, 0);
	expect_text(ipc_call_end_reason(end, 0), "SIP;cause=200");
	expect_text(ipc_call_end_tag(end, 1, 1), "");
	world_end(w);
}
