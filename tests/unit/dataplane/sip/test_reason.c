/* SPDX-License-Identifier: BSD-3-Clause */
/* Small courtesies: Reason of CANCEL and BYE (RFC 3326), Timestamp of 100 (RFC 3261
 * section 8.2.6.1), Max-Breadth (RFC 5393), Max-Forwards (RFC 7332). */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HEAD(branch, method)                                                                       \
	method " sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bK" branch   \
	       "\nFrom: <sip:alice@10.0.1.2>;tag=alice-tag\nTo: <sip:bob@10.0.1.1>\n"              \
	       "Call-ID: reason@10.0.1.2\nCSeq: 1 " method "\n"

static void invite(struct world *w, const char *extra)
{
	const struct world_report *ask;
	char text[2048];
	uint64_t id;

	snprintf(text, sizeof(text),
		 HEAD("one", "INVITE") "Contact: <sip:alice@10.0.1.2>\n%s"
				       "Content-Type: application/sdp\n",
		 extra);
	world_in(w, A, text, SDP_A);
	ask = world_find(w, IPC_ASK);
	if (ask == NULL)
		return;
	memcpy(&id, ask->frame, sizeof(id));
	world_verdict(w, id, 0, 1);
}

Test(reason, of_a_cancel_goes_on)
{
	struct world *w = world_new();
	char invite_b[8192];

	invite(w, "Max-Forwards: 70\n");
	strcpy(invite_b, world_out(w, B, 0));
	world_answer(w, B, invite_b, 180, "bob-tag", NULL, NULL);
	world_in(w, A,
		 HEAD("one", "CANCEL") "Max-Forwards: 70\nReason: SIP;cause=200;text=\"Call "
				       "completed elsewhere\"\nReason: Q.850;cause=16\n",
		 NULL);
	cr_assert(world_has(world_out(w, B, 0), "CANCEL "));
	cr_expect(world_has(world_out(w, B, 0),
			    "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
	cr_expect(world_has(world_out(w, B, 0), "Reason: Q.850;cause=16\r\n"));
	world_answer(w, B, invite_b, 487, "bob-tag", NULL, NULL);
	world_end(w);
}

/* Where the plan hides it, addresses in its text do not go on. */
Test(reason, of_a_cancel_goes_on_hidden)
{
	struct world *w = world_new();
	char invite_b[8192];

	w->hides_reason = true;
	invite(w, "Max-Forwards: 70\n");
	strcpy(invite_b, world_out(w, B, 0));
	world_answer(w, B, invite_b, 180, "bob-tag", NULL, NULL);
	world_in(w, A,
		 HEAD("one", "CANCEL") "Max-Forwards: 70\n"
				       "Reason: Q.850;cause=16;text=\"of 10.0.1.2\"\n",
		 NULL);
	cr_expect(world_has(world_out(w, B, 0), "Reason: Q.850;cause=16;text=\"of 0.0.0.0\"\r\n"));
	world_answer(w, B, invite_b, 487, "bob-tag", NULL, NULL);
	world_end(w);
}

Test(reason, of_a_cancel_waits_with_it)
{
	struct world *w = world_new();
	char invite_b[8192];

	invite(w, "Max-Forwards: 70\n");
	strcpy(invite_b, world_out(w, B, 0));
	world_in(w, A, HEAD("one", "CANCEL") "Max-Forwards: 70\nReason: Q.850;cause=16\n", NULL);
	cr_expect_eq(world_out_count(w, B), 0);
	world_answer(w, B, invite_b, 180, "bob-tag", NULL, NULL);
	cr_assert(world_has(world_out(w, B, 0), "CANCEL "));
	cr_expect(world_has(world_out(w, B, 0), "Reason: Q.850;cause=16\r\n"));
	world_answer(w, B, invite_b, 487, "bob-tag", NULL, NULL);
	world_end(w);
}

Test(reason, of_what_limen_ends)
{
	static const char line[] = "\r\nReason: SIP;cause=480;text=\"Ended by operator\"\r\n";
	struct world *w = world_new();
	struct ipc_hangup hangup = {0};
	struct world_call call;
	const struct engine_action *actions;
	unsigned n, byes = 0;

	world_call_up(w, &call);
	hangup.call = w->last_ask;
	engine_frame(w->engine, w->now_ns, IPC_HANGUP, &hangup, sizeof(hangup));
	n = engine_actions(w->engine, &actions);
	for (unsigned i = 0; i < n; i++) {
		if (actions[i].kind != ACTION_SEND)
			continue;
		byes++;
		cr_expect(
			memmem(actions[i].bytes.ptr, actions[i].bytes.len, line, sizeof(line) - 1));
	}
	cr_expect_eq(byes, 2);
	world_end(w);
}

Test(reason, of_silence)
{
	struct world *w = world_new();
	struct world_call call;

	world_call_up(w, &call);
	world_sleep(w, 31000);
	cr_expect(world_has(world_out(w, A, 0),
			    "\r\nReason: SIP;cause=408;text=\"Media timeout\"\r\n"));
	cr_expect(world_has(world_out(w, B, 0),
			    "\r\nReason: SIP;cause=408;text=\"Media timeout\"\r\n"));
	world_end(w);
}

Test(reason, of_a_fork_that_lost)
{
	struct world *w = world_new();
	char invite_b[8192], ok[8192];

	invite(w, "Max-Forwards: 70\n");
	strcpy(invite_b, world_out(w, B, 0));
	world_answer(w, B, invite_b, 200, "won", NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, invite_b, 200, "lost", NULL, SDP_B);
	cr_assert_eq(world_out_count(w, B), 2);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	cr_expect(world_has(world_out(w, B, 1), "BYE "));
	cr_expect(world_has(world_out(w, B, 1),
			    "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
	world_request(w, A, "BYE", 2, "bye", ok, "alice-tag", NULL, NULL);
	/* A peer ended it: limen has nothing to add. */
	cr_expect_not(world_has(world_out(w, B, 0), "Reason"));
	world_end(w);
}

Test(trying, repeats_the_time)
{
	struct world *w = world_new();

	world_in(w, A, HEAD("one", "INVITE") "Max-Forwards: 70\nTimestamp: 54.25 (0.5)\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	cr_expect(world_has(world_out(w, A, 0), "Timestamp: 54.25\r\n"));
	world_end(w);
}

Test(trying, but_not_what_is_no_time)
{
	struct world *w = world_new();

	world_in(w, A, HEAD("one", "INVITE") "Max-Forwards: 70\nTimestamp: noon\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	cr_expect_not(world_has(world_out(w, A, 0), "Timestamp"));
	world_end(w);
}

Test(breadth, goes_on_as_it_came)
{
	struct world *w = world_new();

	invite(w, "Max-Forwards: 10\nMax-Breadth: 7\n");
	cr_expect(world_has(world_out(w, B, 0), "Max-Breadth: 7\r\n"));
	cr_expect(world_has(world_out(w, B, 0), "Max-Forwards: 9\r\n"));
	world_answer(w, B, world_out(w, B, 0), 486, "bob-tag", NULL, NULL);
	world_end(w);
}

Test(breadth, used_up)
{
	struct world *w = world_new();

	invite(w, "Max-Forwards: 10\nMax-Breadth: 0\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 440 Max-Breadth Exceeded\r\n"));
	cr_expect(world_find(w, IPC_ASK) == NULL);
	world_end(w);
}

Test(forwards, used_up)
{
	struct world *w = world_new();

	invite(w, "Max-Forwards: 0\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 483 "));
	world_end(w);
}
