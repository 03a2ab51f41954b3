/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers that ask limen itself who it is: the request goes again with its credentials, inside and
 * outside of dialogs, or has failed as it would have. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world *w;
static char invite[8192];

static void setup(void)
{
	w = world_new();
	w->side_b.flags = w->side_a.flags = IPC_POLICY_ACCOUNT;
	w->side_b.trunk = 77;
}

TestSuite(challenge, .init = setup);

#define CHALLENGE_407 "Proxy-Authenticate: Digest realm=\"carrier\",nonce=\"n1\"\n"
#define CHALLENGE_401 "WWW-Authenticate: Digest realm=\"carrier\",nonce=\"n2\"\n"
#define CREDENTIALS   "Proxy-Authorization: Digest username=\"limen\"\r\n"

static void start(void)
{
	strcpy(invite, world_invite(w, "up", SDP_A));
}

static const struct ipc_challenge *asked(void)
{
	const struct world_report *report = world_find(w, IPC_CHALLENGE);

	cr_assert(report, "nothing is asked");
	cr_expect_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_CHALLENGE,
				   report->frame, report->len),
		     0);
	return (const struct ipc_challenge *)(const void *)report->frame;
}

static void credentials(uint64_t id, const char *lines)
{
	struct {
		struct ipc_credentials head;
		char text[1000];
	} frame = {.head = {.id = id, .headers_len = (uint16_t)strlen(lines)}};
	uint32_t len = (uint32_t)(sizeof(frame.head) + strlen(lines));

	memcpy(&frame.head + 1, lines, strlen(lines));
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_CREDENTIALS, &frame,
				   len),
		     0);
	world_frame(w, IPC_CREDENTIALS, &frame, len);
}

static unsigned cseq_of(const char *text)
{
	char buf[64];

	return (unsigned)atoi(world_header(text, "CSeq", buf, sizeof(buf)));
}

static struct engine_stats stats_of(void)
{
	struct engine_stats stats;

	engine_stats(w->engine, &stats);
	return stats;
}

Test(challenge, an_invite_goes_again_with_credentials)
{
	const struct ipc_challenge *c;
	char again[8192], was[256], is[256];
	unsigned cseq;

	start();
	cseq = cseq_of(invite);
	world_answer(w, B, invite, 407, "proxy-tag", CHALLENGE_407, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2 "));
	cr_expect_eq(world_out_count(w, A), 0, "the caller knows of nothing");
	c = asked();
	cr_expect_eq(c->trunk, 77);
	cr_expect_eq(c->answered, 0);
	cr_expect(span_eq(ipc_challenge_method(c), SPAN("INVITE")));
	cr_expect(span_eq(ipc_challenge_uri(c), SPAN("sip:bob@10.0.2.2")));
	cr_expect(world_has(ipc_challenge_answer(c).ptr, "nonce=\"n1\""));
	credentials(c->id, CREDENTIALS);
	strcpy(again, world_out(w, B, 0));
	cr_expect(world_has(again, "INVITE sip:bob@10.0.2.2 "));
	cr_expect(world_has(again, "\r\n" CREDENTIALS), "%s", again);
	cr_expect_eq(cseq_of(again), cseq + 1);
	cr_expect_str_eq(world_header(again, "Call-ID", is, sizeof(is)),
			 world_header(invite, "Call-ID", was, sizeof(was)));
	cr_expect_str_eq(world_header(again, "From", is, sizeof(is)),
			 world_header(invite, "From", was, sizeof(was)));
	cr_expect_str_neq(world_header(again, "Via", is, sizeof(is)),
			  world_header(invite, "Via", was, sizeof(was)));
	cr_expect(strstr(again, "v=0") && !strcmp(strstr(again, "v=0"), strstr(invite, "v=0")),
		  "the same offer");
	/* late copies of the refusal are acknowledged, no more */
	world_answer(w, B, invite, 407, "proxy-tag", CHALLENGE_407, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	cr_expect(!world_find(w, IPC_CHALLENGE));
	world_answer(w, B, again, 200, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_request(w, A, "ACK", 1, "ack", world_out(w, A, 0), "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	cr_expect(world_has(world_out(w, B, 0), CREDENTIALS), "RFC 3261 section 22.1");
	cr_expect_eq(cseq_of(world_out(w, B, 0)), cseq + 1);
	cr_expect_eq(stats_of().challenges_answered, 1);
	world_end(w);
}

Test(challenge, a_proxy_then_the_server)
{
	char second[8192], third[8192];

	start();
	world_answer(w, B, invite, 407, "t1", CHALLENGE_407, NULL);
	credentials(asked()->id, CREDENTIALS);
	strcpy(second, world_out(w, B, 0));
	world_answer(w, B, second, 401, "t2", CHALLENGE_401, NULL);
	cr_expect_eq(asked()->answered, IPC_ANSWERED_407);
	credentials(asked()->id, "Authorization: Digest username=\"limen\"\r\n");
	strcpy(third, world_out(w, B, 0));
	cr_expect(world_has(third, "\r\nAuthorization: Digest username=\"limen\"\r\n"));
	cr_expect(world_has(third, "\r\n" CREDENTIALS), "the proxy wants its own yet");
	/* the nonce is over */
	world_answer(w, B, third, 401, "t2", CHALLENGE_401, NULL);
	cr_expect_eq(asked()->answered, IPC_ANSWERED);
	credentials(asked()->id, "Authorization: Digest username=\"new\"\r\n");
	strcpy(second, world_out(w, B, 0));
	cr_expect(!world_has(second, "\r\nAuthorization: Digest username=\"limen\"\r\n"));
	cr_expect(world_has(second, "\r\nAuthorization: Digest username=\"new\"\r\n"));
	/* no end of it */
	world_answer(w, B, second, 401, "t2", CHALLENGE_401, NULL);
	cr_expect(!world_find(w, IPC_CHALLENGE));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	world_end(w);
}

Test(challenge, without_credentials_it_has_failed)
{
	start();
	world_answer(w, B, invite, 401, "bob-tag", CHALLENGE_401, NULL);
	credentials(asked()->id, "");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	cr_expect(world_find(w, IPC_CALL_END));
	cr_expect_eq(stats_of().challenges_unanswered, 1);
	world_end(w);
}

Test(challenge, without_an_answer_it_has_failed_after_a_while)
{
	uint64_t id;

	start();
	world_answer(w, B, invite, 401, "bob-tag", CHALLENGE_401, NULL);
	id = asked()->id;
	world_sleep(w, 3000);
	cr_expect_eq(world_out_count(w, A), 0);
	world_sleep(w, 1100);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	credentials(id, CREDENTIALS);
	cr_expect_eq(w->nsent, 0, "too late");
	world_end(w);
}

Test(challenge, a_full_ring_is_no_wait)
{
	start();
	world_answer(w, B, invite, 401, "bob-tag", CHALLENGE_401, NULL);
	(void)asked();
	world_blocked(w, IPC_CHALLENGE);
	world_sleep(w, 20);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	world_end(w);
}

Test(challenge, without_an_account_or_a_control_plane_nobody_is_asked)
{
	w->side_b.flags = 0;
	start();
	world_answer(w, B, invite, 407, "bob-tag", CHALLENGE_407, NULL);
	cr_expect(!world_find(w, IPC_CHALLENGE));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	w->side_b.flags = IPC_POLICY_ACCOUNT;
	strcpy(invite, world_invite(w, "second", SDP_A));
	engine_link(w->engine, w->now_ns, false);
	world_answer(w, B, invite, 407, "bob-tag", CHALLENGE_407, NULL);
	cr_expect(!world_find(w, IPC_CHALLENGE));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	engine_link(w->engine, w->now_ns, true);
	world_end(w);
}

Test(challenge, a_caller_who_gives_up_meanwhile)
{
	uint64_t id;

	start();
	world_answer(w, B, invite, 407, "bob-tag", CHALLENGE_407, NULL);
	id = asked()->id;
	world_in(w, A,
		 "CANCEL sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKup;rport\nFrom: \"Alice\" "
		 "<sip:alice@10.0.1.2>;tag=alice-tag\nTo: <sip:bob@10.0.1.1>\nCall-ID: "
		 "call-up@10.0.1.2\nCSeq: 1 CANCEL\n",
		 NULL);
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 487 "));
	credentials(id, CREDENTIALS);
	cr_expect_eq(world_out_count(w, B), 0, "nobody wants it any more");
	world_end(w);
}

Test(challenge, an_invite_that_was_sent_again_can_be_cancelled)
{
	char again[8192], via[256], branch[256];

	start();
	world_answer(w, B, invite, 407, "bob-tag", CHALLENGE_407, NULL);
	credentials(asked()->id, CREDENTIALS);
	strcpy(again, world_out(w, B, 0));
	world_in(w, A,
		 "CANCEL sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKup;rport\nFrom: \"Alice\" "
		 "<sip:alice@10.0.1.2>;tag=alice-tag\nTo: <sip:bob@10.0.1.1>\nCall-ID: "
		 "call-up@10.0.1.2\nCSeq: 1 CANCEL\nReason: SIP;cause=200\n",
		 NULL);
	world_answer(w, B, again, 100, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "CANCEL "));
	cr_expect_str_eq(world_header(world_out(w, B, 0), "Via", via, sizeof(via)),
			 world_header(again, "Via", branch, sizeof(branch)));
	cr_expect_eq(cseq_of(world_out(w, B, 0)), cseq_of(again));
	world_answer(w, B, again, 487, "bob-tag", NULL, NULL);
	world_end(w);
}

Test(challenge, requests_inside_the_dialog)
{
	struct world_call call;
	char request[8192], again[8192];

	world_call_up(w, &call);
	world_request(w, A, "INVITE", 2, "re", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2:5060>\n", SDP_A);
	strcpy(request, world_out(w, B, 0));
	cr_assert(world_has(request, "INVITE "));
	world_answer(w, B, request, 407, "bob-tag", CHALLENGE_407, NULL);
	credentials(asked()->id, CREDENTIALS);
	strcpy(again, world_out(w, B, 0));
	cr_expect(world_has(again, CREDENTIALS));
	cr_expect_eq(cseq_of(again), cseq_of(request) + 1);
	world_answer(w, B, again, 200, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_request(w, A, "ACK", 2, "reack", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), CREDENTIALS));
	world_request(w, A, "INFO", 3, "info", call.ok_a, "alice-tag", NULL, NULL);
	strcpy(request, world_out(w, B, 0));
	world_answer(w, B, request, 401, "bob-tag", CHALLENGE_401, NULL);
	credentials(asked()->id, "");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "), "as it was");
	/* BYE: the call is over, and it goes again all the same */
	world_request(w, A, "BYE", 4, "bye", call.ok_a, "alice-tag", NULL, NULL);
	strcpy(request, world_out(w, B, 0));
	cr_assert(world_has(request, "BYE "));
	cr_expect(world_find(w, IPC_CALL_END));
	world_answer(w, B, request, 401, "bob-tag", CHALLENGE_401, NULL);
	credentials(asked()->id, "Authorization: Digest username=\"limen\"\r\n");
	strcpy(again, world_out(w, B, 0));
	cr_expect(world_has(again, "BYE "));
	cr_expect_eq(cseq_of(again), cseq_of(request) + 1);
	world_answer(w, B, again, 200, "bob-tag", NULL, NULL);
	world_end(w);
}

Test(challenge, the_next_target_is_not_told_them)
{
	start();
	world_answer(w, B, invite, 407, "t1", CHALLENGE_407, NULL);
	credentials(asked()->id, CREDENTIALS);
	strcpy(invite, world_out(w, B, 0));
	world_answer(w, B, invite, 503, "t1", NULL, NULL);
	cr_assert(world_has(world_out(w, B, 1), "INVITE "));
	cr_expect(!world_has(world_out(w, B, 1), "Authorization"));
	strcpy(invite, world_out(w, B, 1));
	world_answer(w, B, invite, 486, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 486 "));
	world_end(w);
}

Test(challenge, who_brings_his_own_credentials_is_not_answered_for)
{
	static const uint8_t pass[] = {SIP_HDR_AUTHORIZATION, SIP_HDR_WWW_AUTHENTICATE, 0};

	w->pass = pass;
	world_in(w, A,
		 "MESSAGE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKm;rport\nFrom: <sip:alice@10.0.1.2>;tag=alice-tag\n"
		 "To: <sip:bob@10.0.1.1>\nCall-ID: m@10.0.1.2\nCSeq: 1 MESSAGE\nMax-Forwards: 70\n"
		 "Authorization: Digest username=\"alice\"\n",
		 NULL);
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(invite, world_out(w, B, 0));
	cr_assert(world_has(invite, "Authorization: Digest username=\"alice\""));
	world_answer(w, B, invite, 401, "bob-tag", CHALLENGE_401, NULL);
	cr_expect(!world_find(w, IPC_CHALLENGE));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 401 "));
	world_end(w);
}

Test(challenge, a_message_goes_again_with_credentials)
{
	world_in(w, A,
		 "MESSAGE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKm;rport\nFrom: <sip:alice@10.0.1.2>;tag=alice-tag\n"
		 "To: <sip:bob@10.0.1.1>\nCall-ID: m@10.0.1.2\nCSeq: 1 MESSAGE\nMax-Forwards: 70\n"
		 "Content-Type: text/plain\n",
		 "hello");
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(invite, world_out(w, B, 0));
	world_answer(w, B, invite, 407, "bob-tag", CHALLENGE_407, NULL);
	credentials(asked()->id, CREDENTIALS);
	strcpy(invite, world_out(w, B, 0));
	cr_expect(world_has(invite, CREDENTIALS));
	cr_expect(world_has(invite, "\r\n\r\nhello"));
	world_answer(w, B, invite, 200, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_end(w);
}
