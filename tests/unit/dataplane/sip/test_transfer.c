/* SPDX-License-Identifier: BSD-3-Clause */
/* REFER that limen carries out itself. Alice (side A) has a call with Bob (side B); one of them
 * hands the other on to Carol, who is on side B. */
#include "world.h"
#include "dataplane/media/stream.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world *w;
static struct world_call call;
static char carol[8192], offer[8192]; /* the INVITE to Carol, the re-INVITE to the transferee */

static void setup(void)
{
	w = world_new();
	w->side_a.refer = IPC_REFER_LOCAL;
	w->side_b.refer = IPC_REFER_LOCAL;
	world_call_up(w, &call);
}

TestSuite(engine_transfer, .init = setup);

#define SDP_CAROL                                                                                  \
	"v=0\r\no=carol 3 3 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\nm=audio 7000 " \
	"RTP/AVP 0\r\n"

/* The message to a side that begins so; NULL when there is none. */
static const char *out(int side, const char *start)
{
	for (unsigned i = 0; i < w->nsent; i++) {
		if (w->sent[i].realm == side &&
		    strncmp(w->sent[i].text, start, strlen(start)) == 0)
			return w->sent[i].text;
	}
	return NULL;
}

static const char *must(int side, const char *start)
{
	const char *text = out(side, start);

	cr_assert(text, "limen did not send %s to side %d", start, side);
	return text;
}

static void expect_notify(int side, const char *status, const char *state)
{
	const char *text = must(side, "NOTIFY ");

	cr_expect(world_has(text, status), "%s in\n%s", status, text);
	cr_expect(world_has(text, state), "%s in\n%s", state, text);
	cr_expect(world_has(text, "\r\nContent-Type: message/sipfrag;version=2.0\r\n"));
	cr_expect(world_has(text, "\r\nContact: <sip:"));
}

static void expect_end(enum ipc_ended_by by)
{
	const struct world_report *end = world_find(w, IPC_CALL_END);

	cr_assert(end);
	cr_expect_eq(((const struct ipc_call_end *)end->frame)->ended_by, by, "%u",
		     ((const struct ipc_call_end *)end->frame)->ended_by);
}

#define TO_CAROL "Refer-To: <sip:carol@10.0.1.1?Subject=x>\n"
#define ACTIVE	 "\r\nSubscription-State: active;expires=300\r\n"
#define OVER	 "\r\nSubscription-State: terminated;reason=noresource\r\n"

static uint64_t ask;

/* Alice refers; policy has been asked. */
static void refer(unsigned cseq, const char *lines)
{
	char branch[16];
	const struct world_report *report;

	snprintf(branch, sizeof(branch), "ref%u", cseq);
	world_request(w, A, "REFER", cseq, branch, call.ok_a, "alice-tag", lines, NULL);
	cr_expect(world_has(must(A, "SIP/2.0 202 "), "\r\nContact: <sip:"));
	cr_expect_eq(world_out_count(w, B), 0);
	report = world_find(w, IPC_ASK);
	cr_assert(report);
	ask = world_ask_id(w);
	cr_expect_eq(((const struct ipc_ask *)report->frame)->kind, IPC_ASK_TRANSFER);
	cr_expect_eq(((const struct ipc_ask *)report->frame)->realm, A);
}

static void verdict(void)
{
	world_verdict(w, ask, 0, 1);
	strcpy(carol, must(B, "INVITE "));
}

/* Alice refers, Carol is called. */
static void refer_to_carol(void)
{
	refer(2, TO_CAROL);
	expect_notify(A, "SIP/2.0 100 Trying\r\n", ACTIVE);
	verdict();
}

static void carol_answers(void)
{
	world_answer(w, B, carol, 200, "carol-tag", NULL, SDP_CAROL);
	must(B, "ACK ");
	strcpy(offer, must(B, "INVITE "));
}

static void hang_up_first(unsigned cseq)
{
	world_request(w, A, "BYE", cseq, "bye", call.ok_a, "alice-tag", NULL, NULL);
	expect_end(IPC_BY_CALLER);
	world_answer(w, B, must(B, "BYE "), 200, NULL, NULL, NULL);
}

Test(engine_transfer, blind_by_the_caller)
{
	const struct ipc_call_end *end;
	const struct world_report *report;
	char value[256];
	struct engine_stats stats;

	refer(2, TO_CAROL "Referred-By: <sip:alice@10.0.1.2>\n");
	cr_expect(world_has(world_find(w, IPC_ASK)->frame + sizeof(struct ipc_ask),
			    "INVITE sip:carol@10.0.1.1 SIP/2.0\r\n"));
	cr_expect(world_has(world_find(w, IPC_ASK)->frame + sizeof(struct ipc_ask),
			    "\r\nReferred-By: <sip:alice@10.0.1.2>\r\n"));
	cr_expect(world_has(must(A, "NOTIFY "), "\r\nEvent: refer\r\n"));
	world_answer(w, A, must(A, "NOTIFY "), 200, NULL, NULL, NULL);
	/* While it rings there are the pairs of both calls. */
	world_verdict(w, ask, 0, 1);
	strcpy(carol, must(B, "INVITE "));
	cr_expect(world_has(carol, "c=IN IP4 10.0.2.1"));
	cr_expect(!world_has(carol, "10.0.1.") && !world_has(carol, "alice-tag"));
	cr_expect_eq(stream_pairs_open(w->media), 2);
	world_answer(w, B, carol, 180, "carol-tag", NULL, NULL);
	expect_notify(A, "SIP/2.0 180 Ringing\r\n", ACTIVE);
	world_answer(w, A, must(A, "NOTIFY "), 200, NULL, NULL, NULL);
	/* The same once more is not told twice. */
	world_answer(w, B, carol, 180, "carol-tag", NULL, NULL);
	cr_expect_eq(w->nsent, 0);

	carol_answers();
	cr_expect(world_has(offer, "INVITE sip:bob@10.0.2.2:5062 SIP/2.0\r\n"));
	cr_expect(world_has(offer, world_header(call.invite_b, "Call-ID", value, sizeof(value))));
	cr_expect(world_has(offer, "c=IN IP4 10.0.2.1"));
	cr_expect(world_has(offer, ";tag=bob-tag\r\n"));
	cr_expect(!world_has(offer, "carol"));
	/* The same session's next version (RFC 3264 section 8). */
	{
		unsigned long id[2], version[2];

		cr_assert_eq(sscanf(strstr(call.invite_b, "\r\no=") + 4, "%*s %lu %lu", &id[0],
				    &version[0]),
			     2);
		cr_assert_eq(
			sscanf(strstr(offer, "\r\no=") + 4, "%*s %lu %lu", &id[1], &version[1]), 2);
		cr_expect_eq(id[0], id[1]);
		cr_expect_eq(version[1], version[0] + 1);
	}

	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	must(B, "ACK ");
	expect_notify(A, "SIP/2.0 200 OK\r\n", OVER);
	must(A, "BYE ");
	report = world_find(w, IPC_CALL_END);
	cr_assert(report);
	end = (const struct ipc_call_end *)report->frame;
	cr_expect_eq(end->ended_by, IPC_BY_TRANSFER);
	cr_expect_str_eq(ipc_ended_by_name(end->ended_by), "transfer");
	cr_expect_eq(end->status, 200);
	cr_expect_eq(stream_pairs_open(w->media), 1);
	{
		char notify[8192], bye[8192];

		strcpy(notify, must(A, "NOTIFY "));
		strcpy(bye, must(A, "BYE "));
		world_answer(w, A, notify, 200, NULL, NULL, NULL);
		world_answer(w, A, bye, 200, NULL, NULL, NULL);
	}
	/* Bob's 200 is repeated: acknowledged again. */
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	must(B, "ACK ");

	/* The new call is one like any other. */
	world_request(w, B, "INFO", 1, "info", call.invite_b, "bob-tag", NULL, NULL);
	world_answer(w, B, must(B, "INFO sip:bob@10.0.2.2:5062"), 200, NULL, NULL, NULL);
	must(B, "SIP/2.0 200 ");
	world_request(w, B, "BYE", 1, "cbye", carol, "carol-tag", NULL, NULL);
	expect_end(IPC_BY_CALLEE);
	world_answer(w, B, must(B, "BYE sip:bob@10.0.2.2:5062"), 200, NULL, NULL, NULL);
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.transfers, 1);
	cr_expect_eq(stats.calls_answered, 2);
	world_end(w);
}

/* The stream pair that was opened last: the new call's, while there are two. */
static const struct stream_pair *new_pair(void)
{
	const struct stream_pair *pair = NULL;

	for (uint32_t i = 0; i < slab_bound(w->media->hot); i++)
		if (slab_handle_at(w->media->hot, i) != HANDLE_NONE)
			pair = slab_at(w->media->hot, i);
	cr_assert(pair, "no stream is open");
	return pair;
}

static bool relays(int side)
{
	return (new_pair()->from[side].flags & STREAM_RELAYS) == STREAM_RELAYS;
}

/* Bob, who may be on hold, hears nothing of Carol before he has taken limen's offer (found by the
 * simulator). In the new call he is side A. */
Test(engine_transfer, transferee_hears_nothing_before_he_agrees)
{
	static const char *const answers[] = {SDP_B, SDP_B "a=sendrecv\r\n", SDP_B "a=sendonly\r\n",
					      SDP_B "a=recvonly\r\n", SDP_B "a=inactive\r\n"};
	static const bool sends[] = {true, true, true, false, false},
			  hears[] = {true, true, false, true, false};

	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (i) {
			w = world_new();
			w->side_a.refer = w->side_b.refer = IPC_REFER_LOCAL;
			world_call_up(w, &call);
		}
		refer_to_carol();
		world_answer(w, B, carol, 183, "carol-tag", NULL, SDP_CAROL);
		cr_expect_eq(stream_pairs_open(w->media), 2);
		cr_expect(!relays(B), "ringing");
		carol_answers();
		cr_expect(!relays(B), "answered");
		world_answer(w, B, offer, 200, NULL, NULL, answers[i]);
		expect_end(IPC_BY_TRANSFER);
		cr_expect_eq(stream_pairs_open(w->media), 1);
		cr_expect_eq(relays(A), sends[i], "answer %u", i);
		cr_expect_eq(relays(B), hears[i], "answer %u", i);
		cr_expect_eq(new_pair()->from[B].out.dst.port, 6000);
		world_request(w, B, "BYE", 1, "cbye", carol, "carol-tag", NULL, NULL);
		world_answer(w, B, must(B, "BYE "), 200, NULL, NULL, NULL);
		world_end(w);
	}
}

Test(engine_transfer, transferee_answers_with_what_nobody_can_read)
{
	refer_to_carol();
	carol_answers();
	world_answer(w, B, offer, 200, NULL, NULL, "v=0\r\nm=audio\r\n");
	cr_expect(world_has(must(B, "BYE "), ";tag="));
	expect_end(IPC_BY_TRANSFER);
	cr_expect_eq(stream_pairs_open(w->media), 0);
	world_end(w);
}

Test(engine_transfer, blind_by_the_callee)
{
	world_request(w, B, "REFER", 1, "bref", call.invite_b, "bob-tag",
		      "Refer-To: <sip:carol@10.0.2.1>\n", NULL);
	must(B, "SIP/2.0 202 ");
	expect_notify(B, "SIP/2.0 100 Trying\r\n", ACTIVE);
	ask = world_ask_id(w);
	world_verdict(w, ask, 0, 1);
	strcpy(carol, must(B, "INVITE "));
	world_answer(w, B, carol, 200, "carol-tag", NULL, SDP_CAROL);
	must(B, "ACK ");
	strcpy(offer, must(A, "INVITE sip:alice@10.0.1.2:5061 "));
	cr_expect(world_has(offer, "c=IN IP4 10.0.1.1") && !world_has(offer, "10.0.2."));
	world_answer(w, A, offer, 200, NULL, NULL, SDP_A);
	must(A, "ACK ");
	expect_notify(B, "SIP/2.0 200 OK\r\n", OVER);
	must(B, "BYE ");
	expect_end(IPC_BY_TRANSFER);
	/* Alice is the caller of the new call too, with the tags that she knows. */
	world_request(w, A, "BYE", 2, "abye", call.ok_a, "alice-tag", NULL, NULL);
	must(A, "SIP/2.0 200 ");
	cr_expect(world_has(must(B, "BYE "), ";tag=carol-tag\r\n"));
	expect_end(IPC_BY_CALLER);
	world_end(w);
}

Test(engine_transfer, target_refuses)
{
	refer_to_carol();
	world_answer(w, B, carol, 486, "carol-tag", NULL, NULL);
	must(B, "ACK ");
	expect_notify(A, "SIP/2.0 486 Busy Here\r\n", OVER);
	cr_expect_eq(stream_pairs_open(w->media), 1);
	expect_end(IPC_BY_CALLEE);
	/* A second one is told with its CSeq. */
	refer(3, TO_CAROL);
	cr_expect(world_has(must(A, "NOTIFY "), "\r\nEvent: refer;id=3\r\n"));
	world_verdict(w, ask, 404, 0);
	expect_notify(A, "SIP/2.0 404 Not Found\r\n", OVER);
	hang_up_first(4);
	world_end(w);
}

Test(engine_transfer, nobody_answers_for_policy)
{
	bool told = false;

	refer(2, TO_CAROL);
	for (unsigned i = 0; i < 50 && !told; i++) {
		world_sleep(w, 100);
		told = out(A, "NOTIFY ") && world_has(out(A, "NOTIFY "), "SIP/2.0 503 ");
	}
	cr_expect(told);
	hang_up_first(3);
	world_end(w);
}

Test(engine_transfer, transferee_refuses)
{
	refer_to_carol();
	carol_answers();
	world_answer(w, B, offer, 488, NULL, NULL, NULL);
	expect_notify(A, "SIP/2.0 488 Not Acceptable Here\r\n", OVER);
	cr_expect(world_has(must(B, "BYE "), ";tag=carol-tag\r\n"));
	expect_end(IPC_BY_TRANSFER);
	cr_expect_eq(stream_pairs_open(w->media), 1);
	hang_up_first(3);
	world_end(w);
}

Test(engine_transfer, glare_with_the_transferee)
{
	char again[8192];

	refer_to_carol();
	carol_answers();
	world_answer(w, B, offer, 491, NULL, NULL, NULL);
	must(B, "ACK ");
	cr_expect(out(A, "NOTIFY ") == NULL);
	world_sleep(w, 4100);
	strcpy(again, must(B, "INVITE sip:bob@10.0.2.2:5062"));
	cr_expect(strcmp(again, offer) != 0);
	world_answer(w, B, again, 200, NULL, NULL, SDP_B);
	expect_notify(A, "SIP/2.0 200 OK\r\n", OVER);
	expect_end(IPC_BY_TRANSFER);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "BYE ");
	world_end(w);
}

/* Alice's offer by UPDATE would be the second that Bob has to answer (found by the simulator). */
Test(engine_transfer, update_meets_the_offer)
{
	refer_to_carol();
	carol_answers();
	world_request(w, A, "UPDATE", 3, "aup", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2>\n", SDP_A);
	must(A, "SIP/2.0 491 ");
	cr_expect(out(B, "UPDATE ") == NULL);
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	expect_end(IPC_BY_TRANSFER);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "BYE ");
	world_end(w);
}

/* Bob's own re-INVITE is on its way when Carol answers: the offer waits for it. */
Test(engine_transfer, offer_waits_for_what_is_open)
{
	char relayed[8192], ok[8192];

	refer_to_carol();
	world_request(w, B, "INVITE", 1, "bre", call.invite_b, "bob-tag",
		      "Contact: <sip:bob@10.0.2.2:5062>\n", SDP_B);
	strcpy(relayed, must(A, "INVITE "));
	world_answer(w, B, carol, 200, "carol-tag", NULL, SDP_CAROL);
	must(B, "ACK ");
	cr_expect(out(B, "INVITE ") == NULL);
	world_answer(w, A, relayed, 200, NULL, NULL, SDP_A);
	strcpy(ok, must(B, "SIP/2.0 200 "));
	world_request(w, B, "ACK", 1, "bra", ok, "bob-tag", NULL, NULL);
	must(A, "ACK ");
	world_sleep(w, 600);
	strcpy(offer, must(B, "INVITE "));
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	expect_end(IPC_BY_TRANSFER);
	world_request(w, B, "BYE", 2, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "BYE ");
	world_end(w);
}

/* The usual manner: who has referred hangs up at once. */
Test(engine_transfer, referrer_hangs_up_first)
{
	refer_to_carol();
	world_request(w, A, "BYE", 3, "bye", call.ok_a, "alice-tag", NULL, NULL);
	must(A, "SIP/2.0 200 ");
	cr_expect_eq(world_out_count(w, B), 0);
	cr_expect(world_find(w, IPC_CALL_END) == NULL);
	/* Bob wants something meanwhile: later. */
	world_request(w, B, "INVITE", 1, "bre", call.invite_b, "bob-tag",
		      "Contact: <sip:bob@10.0.2.2:5062>\n", SDP_B);
	must(B, "SIP/2.0 491 ");
	world_request(w, B, "ACK", 1, "bre", call.invite_b, "bob-tag", NULL, NULL);
	carol_answers();
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	cr_expect(out(A, "BYE ") == NULL);
	expect_notify(A, "SIP/2.0 200 OK\r\n", OVER);
	world_answer(w, A, must(A, "NOTIFY "), 481, NULL, NULL, NULL);
	world_request(w, B, "BYE", 2, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "BYE ");
	world_end(w);
}

Test(engine_transfer, referrer_hangs_up_and_the_target_refuses)
{
	refer_to_carol();
	world_request(w, A, "BYE", 3, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, carol, 603, "carol-tag", NULL, NULL);
	expect_notify(A, "SIP/2.0 603 Decline\r\n", OVER);
	cr_expect(world_has(must(B, "BYE "), ";tag=bob-tag\r\n"));
	cr_expect_eq(stream_pairs_open(w->media), 0);
	world_end(w);
}

Test(engine_transfer, transferee_hangs_up_while_it_rings)
{
	refer_to_carol();
	world_answer(w, B, carol, 180, "carol-tag", NULL, NULL);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "SIP/2.0 200 ");
	must(B, "CANCEL ");
	must(A, "BYE ");
	expect_notify(A, "SIP/2.0 487 Request Terminated\r\n", OVER);
	expect_end(IPC_BY_CALLEE);
	world_answer(w, B, carol, 487, "carol-tag", NULL, NULL);
	world_end(w);
}

/* CANCEL and 200 cross: Carol's dialog is ended. */
Test(engine_transfer, transferee_hangs_up_as_the_target_answers)
{
	refer_to_carol();
	world_answer(w, B, carol, 180, "carol-tag", NULL, NULL);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "CANCEL ");
	world_answer(w, B, carol, 200, "carol-tag", NULL, SDP_CAROL);
	must(B, "ACK ");
	cr_expect(world_has(must(B, "BYE "), ";tag=carol-tag\r\n"));
	world_end(w);
}

Test(engine_transfer, transferee_hangs_up_with_the_offer_open)
{
	refer_to_carol();
	carol_answers();
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	cr_expect(world_has(must(B, "BYE "), ";tag=carol-tag\r\n"));
	must(A, "BYE ");
	cr_expect_eq(stream_pairs_open(w->media), 0);
	world_answer(w, B, offer, 487, NULL, NULL, NULL);
	world_end(w);
}

Test(engine_transfer, target_hangs_up_with_the_offer_open)
{
	refer_to_carol();
	carol_answers();
	world_request(w, B, "BYE", 1, "cbye", carol, "carol-tag", NULL, NULL);
	must(B, "SIP/2.0 200 ");
	expect_notify(A, "SIP/2.0 487 Request Terminated\r\n", OVER);
	/* Bob may have gone over to a session that is no more. */
	must(A, "BYE ");
	cr_expect(world_has(must(B, "BYE "), ";tag=bob-tag\r\n"));
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	must(B, "ACK ");
	cr_expect_eq(stream_pairs_open(w->media), 0);
	world_end(w);
}

Test(engine_transfer, target_asks_too_early)
{
	refer_to_carol();
	carol_answers();
	world_request(w, B, "INVITE", 1, "cre", carol, "carol-tag",
		      "Contact: <sip:carol@10.0.2.2:5062>\n", SDP_CAROL);
	must(B, "SIP/2.0 491 ");
	world_request(w, B, "INFO", 2, "cinfo", carol, "carol-tag", NULL, NULL);
	must(B, "SIP/2.0 500 ");
	world_request(w, A, "INVITE", 3, "are", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2:5061>\n", SDP_A);
	must(A, "SIP/2.0 491 ");
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	expect_end(IPC_BY_TRANSFER);
	world_request(w, B, "BYE", 3, "cbye", carol, "carol-tag", NULL, NULL);
	must(B, "BYE ");
	world_end(w);
}

Test(engine_transfer, transferee_never_answers)
{
	bool told = false, bye[2] = {false, false};

	refer_to_carol();
	carol_answers();
	for (unsigned i = 0; i < 40; i++) {
		world_sleep(w, 1000);
		told |= out(A, "NOTIFY ") && world_has(out(A, "NOTIFY "), "terminated");
		bye[A] |= out(A, "BYE ") != NULL;
		bye[B] |= out(B, "BYE ") != NULL;
	}
	cr_expect(told && bye[A] && bye[B]);
	world_end(w);
}

Test(engine_transfer, second_refer_meanwhile)
{
	refer_to_carol();
	world_request(w, A, "REFER", 3, "ref3", call.ok_a, "alice-tag", TO_CAROL, NULL);
	must(A, "SIP/2.0 491 ");
	world_request(w, B, "REFER", 1, "bref", call.invite_b, "bob-tag", TO_CAROL, NULL);
	must(B, "SIP/2.0 491 ");
	world_answer(w, B, carol, 486, "carol-tag", NULL, NULL);
	hang_up_first(4);
	world_end(w);
}

Test(engine_transfer, without_a_subscription)
{
	refer(2, TO_CAROL "Refer-Sub: false\nSupported: norefersub\n");
	cr_expect(world_has(must(A, "SIP/2.0 202 "), "\r\nRefer-Sub: false\r\n"));
	cr_expect(out(A, "NOTIFY ") == NULL);
	verdict();
	world_answer(w, B, carol, 180, "carol-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	carol_answers();
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	cr_expect(out(A, "NOTIFY ") == NULL);
	must(A, "BYE ");
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "BYE ");
	world_end(w);
}

Test(engine_transfer, unwanted_notify_is_the_last)
{
	refer_to_carol();
	world_sleep(w, 600);
	world_answer(w, A, must(A, "NOTIFY "), 481, NULL, NULL, NULL);
	world_answer(w, B, carol, 180, "carol-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	world_answer(w, B, carol, 486, "carol-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	hang_up_first(3);
	world_end(w);
}

Test(engine_transfer, operator_ends_either_call)
{
	struct ipc_hangup hangup = {.call = 0};
	struct ipc_list_ask list = {.list_id = 1, .max = 10};
	uint64_t first = 0;

	refer_to_carol();
	hangup.call = ask;
	world_frame(w, IPC_HANGUP, &hangup, sizeof(hangup));
	expect_notify(A, "SIP/2.0 480 ", OVER);
	world_answer(w, B, carol, 100, NULL, NULL, NULL);
	must(B, "CANCEL ");
	world_answer(w, B, carol, 487, "carol-tag", NULL, NULL);
	refer(3, TO_CAROL);
	verdict();
	world_frame(w, IPC_CALLS_ASK, &list, sizeof(list));
	for (unsigned i = 0; i < w->nreports; i++) {
		struct ipc_call_row row;

		if (w->reports[i].type != IPC_CALL_ROW)
			continue;
		memcpy(&row, w->reports[i].frame, sizeof(row));
		if (row.call != ask)
			first = row.call;
	}
	cr_assert_neq(first, 0);
	hangup.call = first;
	world_frame(w, IPC_HANGUP, &hangup, sizeof(hangup));
	must(A, "BYE ");
	must(B, "BYE ");
	world_answer(w, B, carol, 180, "carol-tag", NULL, NULL);
	must(B, "CANCEL ");
	world_answer(w, B, carol, 487, "carol-tag", NULL, NULL);
	world_end(w);
}

/* What was said on hold is not said of the new session. */
Test(engine_transfer, transferee_on_hold)
{
	char held[8192], ok[8192];

	world_request(w, A, "INVITE", 2, "hold", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2:5061>\n", SDP_A "a=sendonly\r\n");
	strcpy(held, must(B, "INVITE "));
	world_answer(w, B, held, 200, NULL, NULL, SDP_B "a=recvonly\r\n");
	strcpy(ok, must(A, "SIP/2.0 200 "));
	world_request(w, A, "ACK", 2, "hack", ok, "alice-tag", NULL, NULL);
	refer(3, TO_CAROL);
	verdict();
	cr_expect(!world_has(carol, "recvonly") && !world_has(carol, "sendonly"));
	world_answer(w, B, carol, 488, "carol-tag", NULL, NULL);
	hang_up_first(4);
	world_end(w);
}

/* Alice talks to Carol too, and brings both together. */
Test(engine_transfer, attended)
{
	char invite[8192], ok[8192], text[2048], tag[64], id[128], expected[512];

	snprintf(text, sizeof(text),
		 "INVITE sip:carol@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKd\n"
		 "Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=alice-two\nTo: "
		 "<sip:carol@10.0.1.1>\nCall-ID: eight@10.0.1.2\nCSeq: 1 INVITE\nContact: "
		 "<sip:alice@10.0.1.2:5061>\nContent-Type: application/sdp\n");
	world_in(w, A, text, SDP_A);
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(invite, must(B, "INVITE "));
	world_answer(w, B, invite, 200, "carol-one", NULL, SDP_CAROL);
	strcpy(ok, must(A, "SIP/2.0 200 "));
	world_request(w, A, "ACK", 1, "dack", ok, "alice-two", NULL, NULL);
	world_header(ok, "To", text, sizeof(text));
	snprintf(tag, sizeof(tag), "%s", strstr(text, ";tag=") + 5);
	snprintf(text, sizeof(text),
		 "Refer-To: "
		 "<sip:carol@10.0.1.1?Replaces=eight%%4010.0.1.2%%3Bto-tag%%3D%s%%3Bfrom-tag"
		 "%%3Dalice-two>\n",
		 tag);
	refer(2, text);
	if (w->nowner) { /* Alice's Call-ID is another worker's */
		struct world_owner_msg question = w->owner[0];

		world_owner(w, question.bytes, question.len);
	}
	verdict();
	snprintf(expected, sizeof(expected), "\r\nReplaces: %s;to-tag=carol-one;from-tag=",
		 world_header(invite, "Call-ID", id, sizeof(id)));
	cr_expect(world_has(carol, expected), "%s", carol);
	carol_answers();
	/* Carol ends the dialog that was replaced. */
	world_request(w, B, "BYE", 1, "cbye", invite, "carol-one", NULL, NULL);
	must(A, "BYE ");
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	expect_notify(A, "SIP/2.0 200 OK\r\n", OVER);
	expect_end(IPC_BY_TRANSFER);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	must(B, "BYE ");
	world_end(w);
}

Test(engine_transfer, attended_with_a_dialog_that_is_gone)
{
	char text[512], tag[64];

	world_header(call.ok_a, "To", text, sizeof(text));
	snprintf(tag, sizeof(tag), "%s", strstr(text, ";tag=") + 5);
	snprintf(text, sizeof(text),
		 "Refer-To: <sip:carol@10.0.1.1?Replaces=gone%%40c%%3Bto-tag%%3D%s%%3Bfrom-tag"
		 "%%3Dalice-two>\n",
		 tag);
	refer(2, text);
	cr_expect(world_find(w, IPC_ASK_GONE));
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 100 Trying\r\n"));
	cr_expect(world_has(world_out(w, A, 2), "SIP/2.0 481 "));
	cr_expect(world_has(world_out(w, A, 2), OVER));
	hang_up_first(3);
	world_end(w);
}

/* Two of Carol's devices ring under tags of their own; the second answers, then the first. */
Test(engine_transfer, forks_of_the_target)
{
	refer_to_carol();
	world_answer(w, B, carol, 180, "carol-one", NULL, NULL);
	world_answer(w, B, carol, 180, "carol-two", NULL, NULL);
	world_answer(w, B, carol, 200, "carol-two", NULL, SDP_CAROL);
	strcpy(offer, must(B, "INVITE "));
	world_answer(w, B, carol, 200, "carol-one", NULL, SDP_CAROL);
	must(B, "ACK ");
	cr_expect(world_has(must(B, "BYE "), ";tag=carol-one\r\n"));
	world_answer(w, B, must(B, "BYE "), 200, NULL, NULL, NULL);
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	expect_end(IPC_BY_TRANSFER);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	cr_expect(world_has(must(B, "BYE "), ";tag=carol-two\r\n"));
	world_end(w);
}

/* The one who was handed on is handed on again. */
Test(engine_transfer, once_more)
{
	char dave[8192];

	refer_to_carol();
	carol_answers();
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	world_request(w, B, "REFER", 1, "cref", carol, "carol-tag",
		      "Refer-To: <sip:dave@10.0.2.1>\n", NULL);
	must(B, "SIP/2.0 202 ");
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(dave, must(B, "INVITE "));
	world_answer(w, B, dave, 200, "dave-tag", NULL, SDP_CAROL);
	strcpy(offer, must(B, "INVITE "));
	cr_expect(world_has(offer, ";tag=bob-tag\r\n"));
	world_answer(w, B, offer, 200, NULL, NULL, SDP_B);
	cr_expect(world_has(must(B, "BYE "), ";tag=carol-tag\r\n"));
	expect_end(IPC_BY_TRANSFER);
	world_request(w, B, "BYE", 1, "bbye", call.invite_b, "bob-tag", NULL, NULL);
	cr_expect(world_has(must(B, "BYE "), ";tag=dave-tag\r\n"));
	world_end(w);
}
