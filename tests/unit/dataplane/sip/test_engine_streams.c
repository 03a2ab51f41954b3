/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine and transports with connections: whose words go by which, and what becomes of those
 * that go by none. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;
static struct world_call call;

static void setup(void)
{
	w = world_new();
	w->transport[A] = w->transport[B] = NET_TCP;
	w->flow[A] = 11;
	w->flow[B] = 22;
}

TestSuite(engine_streams, .init = setup);

static const struct world_sent *sent_to(int side, unsigned i)
{
	for (unsigned at = 0; at < w->nsent; at++)
		if (w->sent[at].realm == side && i-- == 0)
			return &w->sent[at];
	cr_assert(false, "no such message");
	return NULL;
}

static void fail(uint64_t token)
{
	struct ipc_sip_fail frame = {.token = token, .reason = IPC_FAIL_REFUSED};

	world_frame(w, IPC_SIP_FAIL, &frame, sizeof(frame));
	world_sleep(w, 1);
}

static void hang_up(void)
{
	char bye[8192];

	world_request(w, A, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	strcpy(bye, world_out(w, B, 0));
	world_answer(w, B, bye, 200, "bob-tag", NULL, NULL);
	world_end(w);
}

Test(engine_streams, a_call_names_its_transport)
{
	const struct world_sent *invite;

	strcpy(call.invite_b, world_invite(w, "up", SDP_A));
	invite = sent_to(B, 0);
	cr_expect_eq(invite->transport, NET_TCP);
	cr_expect_eq(invite->flow, 0, "nothing came from there yet");
	cr_expect_neq(invite->token, 0);
	cr_expect(world_has(invite->text, "Via: SIP/2.0/TCP 10.0.2.1:5060;alias;branch="));
	cr_expect(world_has(invite->text, "@10.0.2.1:5060;transport=tcp>"));
	world_sleep(w, 5000);
	cr_expect_eq(w->nsent, 0, "what TCP carries is not repeated");
	world_answer(w, B, call.invite_b, 200, "bob-tag", NULL, SDP_B);
	strcpy(call.ok_a, world_out(w, A, 0));
	cr_expect(world_has(call.ok_a, "@10.0.1.1:5070;transport=tcp>"), "its own port");
	cr_expect_eq(sent_to(A, 0)->token, 0, "nobody waits for a response's fate");
	world_request(w, A, "ACK", 1, "upack", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect_eq(sent_to(B, 0)->flow, 22, "the ACK goes by what the answer came by");
	hang_up();
}

Test(engine_streams, the_asker_is_told_with_its_connection)
{
	const struct ipc_ask *ask;

	w->flow[A] = 0x1122334455667788;
	world_in(w, A,
		 "OPTIONS sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKopt\n"
		 "From: <sip:alice@10.0.1.2>;tag=a\nTo: <sip:bob@10.0.1.1>\nCall-ID: opt\nCSeq: 1 "
		 "OPTIONS\n",
		 NULL);
	ask = (const void *)world_find(w, IPC_ASK)->frame;
	cr_expect_eq(ask->flow, 0x1122334455667788);
	cr_expect_eq(ask->transport, NET_TCP);
	world_verdict(w, ask->ask_id, 404, 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 404 "));
	world_end(w);
}

Test(engine_streams, a_target_that_names_a_connection)
{
	w->flow_b = 0x9900000007;
	world_invite(w, "up", SDP_A);
	cr_expect_eq(sent_to(B, 0)->flow, 0x9900000007);
	fail(sent_to(B, 0)->token); /* both targets */
	fail(sent_to(B, 0)->token);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	world_request(w, A, "ACK", 1, "up", world_out(w, A, 0), "alice-tag", NULL, NULL);
	world_end(w);
}

Test(engine_streams, a_target_that_cannot_be_reached_is_left_for_the_next)
{
	uint64_t token;

	w->failover[SIP_FAILOVER_WORDS - 1] = w->failover[0] = UINT32_MAX;
	world_invite(w, "up", SDP_A);
	token = sent_to(B, 0)->token;
	fail(token);
	strcpy(call.invite_b, world_out(w, B, 0));
	cr_expect_eq(sent_to(B, 0)->dst.port, 5061, "the second target");
	fail(token);
	cr_expect_eq(w->nsent, 0, "a token is good once");
	world_answer(w, B, call.invite_b, 200, "bob-tag", NULL, SDP_B);
	strcpy(call.ok_a, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "upack", call.ok_a, "alice-tag", NULL, NULL);
	hang_up();
}

/* RFC 5057: a request that did not get through ends no dialog. */
Test(engine_streams, a_call_outlives_its_connections)
{
	char options[8192];

	world_call_up(w, &call);
	w->flow[A] = 12; /* the peer has connected again */
	world_request(w, A, "OPTIONS", 2, "opt", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect_eq(sent_to(B, 0)->flow, 22);
	fail(sent_to(B, 0)->token);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	w->flow[B] = 23;
	world_request(w, B, "OPTIONS", 7, "opt2", call.invite_b, "bob-tag", NULL, NULL);
	strcpy(options, world_out(w, A, 0));
	cr_expect_eq(sent_to(A, 0)->flow, 12, "by the new one");
	world_answer(w, A, options, 200, "alice-tag", NULL, NULL);
	world_request(w, A, "BYE", 3, "bye", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect_eq(sent_to(B, 0)->flow, 23);
	strcpy(options, world_out(w, B, 0));
	world_answer(w, B, options, 200, "bob-tag", NULL, NULL);
	world_end(w);
}

/* What came by UDP in a dialog over TCP is answered there, and changes nothing. */
Test(engine_streams, another_transport_inside_a_dialog)
{
	world_call_up(w, &call);
	w->transport[A] = NET_UDP;
	w->flow[A] = 0;
	world_request(w, A, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	strcpy(call.invite_b, world_out(w, B, 0));
	cr_expect_eq(sent_to(B, 0)->transport, NET_TCP);
	world_answer(w, B, call.invite_b, 200, "bob-tag", NULL, NULL);
	for (unsigned i = 0; i < w->nsent; i++)
		cr_expect_neq(w->sent[i].realm == A && w->sent[i].transport == NET_TCP, true);
	world_end(w);
}

Test(engine_streams, a_realm_without_the_transport)
{
	struct ipc_probe probe = {.probe_id = 5, .realm = 0, .transport = NET_TLS,
				  .peer = {.addr = {{10, 0, 1, 2}}, .port = 5061, .family = NET_IP4},
				  .ruri_len = 9, .from_len = 9, .to_len = 9};
	struct {
		struct ipc_probe head;
		char text[32];
	} frame = {.head = probe};
	const struct ipc_probe_end *end;

	memcpy(frame.text, "sip:a@b.c<sip:a@b>sip:a@b.c", 27);
	world_frame(w, IPC_PROBE, &frame, sizeof(probe) + 27);
	end = (const void *)world_find(w, IPC_PROBE_END)->frame;
	cr_expect_eq(end->status, 503);
	w->transport[B] = NET_SCTP;
	world_in(w, A,
		 "MESSAGE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKmsg\n"
		 "From: <sip:alice@10.0.1.2>;tag=a\nTo: <sip:bob@10.0.1.1>\nCall-ID: msg\nCSeq: 1 "
		 "MESSAGE\n",
		 NULL);
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	world_end(w);
}

Test(engine_streams, a_full_ring_is_a_message_that_did_not_go_out)
{
	struct engine_action blocked = {.kind = ACTION_SEND, .transport = NET_TCP};

	world_invite(w, "up", SDP_A);
	for (unsigned target = 0; target < 2; target++) {
		blocked.token = sent_to(B, 0)->token;
		engine_send_blocked(w->engine, &blocked);
		world_sleep(w, 1);
	}
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	world_request(w, A, "ACK", 1, "up", world_out(w, A, 0), "alice-tag", NULL, NULL);
	world_end(w);
}
