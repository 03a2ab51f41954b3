/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine and peers that no RFC foresaw: what the fuzzer found, one test for each. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;

static void setup(void)
{
	w = world_new();
}

TestSuite(engine_odd, .init = setup);

/* RFC 2543 peers send 180 without To tag; limen's has one, so that A may say BYE to it. */
Test(engine_odd, bye_after_ringing_without_a_tag_gives_up)
{
	char invite[8192], ringing[8192];

	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 180, NULL, NULL, NULL);
	strcpy(ringing, world_out(w, A, 0));
	world_request(w, A, "BYE", 2, "bye", ringing, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 487 "));
	cr_expect(world_has(world_out(w, B, 0), "CANCEL "));
	world_answer(w, B, invite, 487, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	world_end(w);
}

/* An answer that cannot be relayed is still an answer: the asker hears of it. */
Test(engine_odd, options_answered_with_a_bad_description)
{
	const struct world_report *ask;
	char options[8192];
	uint64_t id;

	world_in(w, A,
		 "OPTIONS sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKopt\n"
		 "From: <sip:alice@10.0.1.2>;tag=a\nTo: <sip:bob@10.0.1.1>\nCall-ID: opt\nCSeq: 1 "
		 "OPTIONS\n",
		 NULL);
	ask = world_find(w, IPC_ASK);
	cr_assert(ask);
	memcpy(&id, ask->frame, sizeof(id));
	world_verdict(w, id, 0, 1);
	strcpy(options, world_out(w, B, 0));
	world_answer(w, B, options, 200, "bob-tag", NULL, "this describes nothing");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	world_end(w);
}

static void refused_at_once(const char *method, const char *uri, const char *status)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bK%s\nFrom: "
		 "<sip:alice@10.0.1.2>;tag=a\n"
		 "To: <sip:bob@10.0.1.1>\nCall-ID: once\nCSeq: 1 %s\n",
		 method, uri, method, method);
	world_in(w, A, text, NULL);
	cr_expect(world_has(world_out(w, A, 0), status), "%s %s", method, uri);
	cr_expect(world_find(w, IPC_ASK) == NULL, "%s %s", method, uri);
}

/* No verdict could make a call of them. */
Test(engine_odd, what_is_of_a_dialog_or_of_no_known_scheme)
{
	refused_at_once("BYE", "sip:bob@10.0.1.1", "SIP/2.0 481 ");
	refused_at_once("PRACK", "sip:bob@10.0.1.1", "SIP/2.0 481 ");
	refused_at_once("UPDATE", "sip:bob@10.0.1.1", "SIP/2.0 481 ");
	refused_at_once("INFO", "sip:bob@10.0.1.1", "SIP/2.0 481 ");
	refused_at_once("INVITE", "http://10.0.1.1", "SIP/2.0 416 ");
	refused_at_once("OPTIONS", "soap.beep://10.0.1.1", "SIP/2.0 416 ");
	world_end(w);
}

/* Genuine tags and branches are good only on the network that they were told to. */
Test(engine_odd, cookies_that_come_from_the_other_side)
{
	struct world_call call;

	strcpy(call.invite_b, world_invite(w, "up", SDP_A));
	world_answer(w, A, call.invite_b, 200, "bob-tag", NULL, SDP_B);
	cr_expect_eq(w->fate, FATE_NO_DIALOG);
	cr_expect_eq(w->nsent, 0);
	world_answer(w, B, call.invite_b, 200, "bob-tag", NULL, SDP_B);
	strcpy(call.ok_a, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "upack", call.ok_a, "alice-tag", NULL, NULL);
	world_request(w, B, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	cr_expect_eq(world_out_count(w, B), 1);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	world_request(w, A, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* Out of memory, a final answer goes out once, and what came before it never again. */
Test(engine_odd, final_answer_that_cannot_be_kept)
{
	static struct {
		struct slab *slab;
		uint64_t record;
	} taken[4096];
	const struct world_report *ask;
	unsigned ntaken = 0;
	uint64_t id;

	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKfull\n"
		 "From: <sip:alice@10.0.1.2>;tag=a\nTo: <sip:bob@10.0.1.1>\nCall-ID: full\nCSeq: 1 "
		 "INVITE\n",
		 NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	ask = world_find(w, IPC_ASK);
	cr_assert(ask);
	memcpy(&id, ask->frame, sizeof(id));
	for (unsigned i = 3; i < w->rig.nslabs; i++) { /* the blobs */
		struct slab *slab = &w->rig.arena.slabs[i];

		while (ntaken < 4096 && slab_take(slab, &taken[ntaken].record))
			taken[ntaken++].slab = slab;
	}
	world_verdict(w, id, 403, 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	world_sleep(w, 5000);
	cr_expect_eq(world_out_count(w, A), 0);
	while (ntaken) {
		ntaken--;
		slab_free(taken[ntaken].slab, taken[ntaken].record);
	}
	world_end(w);
}

/* A re-INVITE that was cancelled and is accepted all the same: both sides hear that, or they would
 * not have the same session (found by the simulator). */
Test(engine_odd, cancelled_reinvite_that_is_accepted)
{
	struct world_call call;
	char re[8192];

	world_call_up(w, &call);
	world_request(w, A, "INVITE", 2, "re", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2>\n", SDP_A);
	strcpy(re, world_out(w, B, 0));
	world_request(w, A, "CANCEL", 2, "re", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 1);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_answer(w, B, re, 200, NULL, NULL, SDP_B);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 0), "CSeq: 2 INVITE"));
	world_request(w, A, "ACK", 2, "reack", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	world_request(w, A, "BYE", 3, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* A re-INVITE of one side while the other's offer by UPDATE waits for its answer: two offers would
 * cross (found by the simulator). */
Test(engine_odd, reinvite_meets_an_update_that_is_open)
{
	struct world_call call;
	char update[8192];

	world_call_up(w, &call);
	world_request(w, B, "UPDATE", 5, "up", call.invite_b, "bob-tag",
		      "Contact: <sip:bob@10.0.2.2>\n", SDP_B);
	strcpy(update, world_out(w, A, 0));
	world_request(w, A, "INVITE", 2, "re", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2>\n", SDP_A);
	cr_expect_eq(world_out_count(w, B), 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 491 "));
	world_request(w, A, "ACK", 2, "re", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, A, update, 200, NULL, NULL, SDP_A);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	world_request(w, A, "BYE", 3, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* Neither Contact nor From is an address: what limen sends goes where the call came from (found by
 * the simulator). */
Test(engine_odd, caller_without_an_address)
{
	const struct world_report *ask;
	char invite[8192], ok[8192];
	uint64_t id;

	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKlost\nFrom: <sip:alice@10.0.1.2:506I>;tag=a\nTo: "
		 "<sip:bob@10.0.1.1>\nCall-ID: lost\nCSeq: 1 INVITE\nContact: "
		 "<sip:alice@10.0.1.2:506x>\nContent-Type: application/sdp\n",
		 SDP_A);
	ask = world_find(w, IPC_ASK);
	cr_assert(ask);
	memcpy(&id, ask->frame, sizeof(id));
	world_verdict(w, id, 0, 1);
	strcpy(invite, world_out(w, B, 0));
	world_answer(w, B, invite, 200, "bob-tag", NULL, SDP_B);
	strcpy(ok, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "lostack", ok, "a", NULL, NULL);
	world_request(w, B, "BYE", 5, "bye", invite, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "BYE sip:10.0.1.2:5060 SIP/2.0"));
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}
