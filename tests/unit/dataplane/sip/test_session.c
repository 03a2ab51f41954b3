/* SPDX-License-Identifier: BSD-3-Clause */
/* Session timers of each leg (RFC 4028): asked for, granted, refused, refreshed by either, over. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define KNOWS  "Supported: timer\n"
#define UPDATES "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\n"

static struct world *start(unsigned a_s, unsigned b_s)
{
	struct world *w = world_new();

	w->side_a = (struct ipc_side_policy){.session_s = (uint16_t)a_s, .min_se_s = 120};
	w->side_b = (struct ipc_side_policy){.session_s = (uint16_t)b_s, .min_se_s = 120};
	return w;
}

/* An INVITE of A with these headers, and the verdict. */
static void invite(struct world *w, const char *extra)
{
	const struct world_report *ask;
	char text[2048];
	uint64_t id;

	snprintf(text, sizeof(text),
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKfirst\nMax-Forwards: 70\n"
		 "From: <sip:alice@10.0.1.2>;tag=alice-tag\nTo: <sip:bob@10.0.1.1>\n"
		 "Call-ID: session@10.0.1.2\nCSeq: 1 INVITE\nContact: <sip:alice@10.0.1.2>\n%s"
		 "Content-Type: application/sdp\n",
		 extra);
	world_in(w, A, text, SDP_A);
	ask = world_find(w, IPC_ASK);
	cr_assert(ask);
	memcpy(&id, ask->frame, sizeof(id));
	world_verdict(w, id, 0, 1);
}

/* A call that is up: what A's INVITE and B's 200 say besides. */
static void call_up(struct world *w, struct world_call *call, const char *a, const char *b)
{
	invite(w, a);
	strcpy(call->invite_b, world_out(w, B, 0));
	world_answer(w, B, call->invite_b, 200, "bob-tag", b, SDP_B);
	strcpy(call->ok_a, world_out(w, A, 0));
	cr_assert(world_has(call->ok_a, "SIP/2.0 200 "));
	world_request(w, A, "ACK", 1, "ack", call->ok_a, "alice-tag", NULL, NULL);
}

static void hang_up(struct world *w, const struct world_call *call)
{
	world_request(w, A, "BYE", 50, "bye", call->ok_a, "alice-tag", NULL, NULL);
	world_end(w);
}

/* Sleep until limen says something to a side: after how many seconds. */
static unsigned sleep_until_out(struct world *w, int side, unsigned s)
{
	for (unsigned i = 1; i <= s; i++) {
		world_sleep(w, 1000);
		if (world_out_count(w, side))
			return i;
	}
	cr_assert(false, "nothing to side %d in %u s", side, s);
	return 0;
}

static unsigned ended_by(const struct world *w)
{
	const struct world_report *end = world_find(w, IPC_CALL_END);

	cr_assert(end);
	return ((const struct ipc_call_end *)end->frame)->ended_by;
}

Test(session, without_policy_there_is_none)
{
	struct world *w = start(0, 0);
	struct world_call call;

	call_up(w, &call, KNOWS "Session-Expires: 1800\nMin-SE: 90\n",
		"Session-Expires: 1800;refresher=uas\n");
	cr_expect_not(world_has(call.invite_b, "Session-Expires"));
	cr_expect_not(world_has(call.invite_b, "timer"));
	cr_expect_not(world_has(call.invite_b, "Min-SE"));
	cr_expect_not(world_has(call.ok_a, "Session-Expires"));
	cr_expect_not(world_has(call.ok_a, "timer"));
	hang_up(w, &call);
}

Test(session, without_policy_a_timer_cannot_be_required)
{
	struct world *w = start(0, 1800);

	invite(w, KNOWS "Require: timer\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 420 "));
	cr_expect(world_has(world_out(w, A, 0), "Unsupported: timer\r\n"));
	cr_expect_eq(world_out_count(w, B), 0);
	world_end(w);
}

Test(session, each_leg_has_its_own)
{
	struct world *w = start(600, 300);
	struct world_call call;
	char buf[128];

	call_up(w, &call, KNOWS "Session-Expires: 1800\nMin-SE: 90\n",
		KNOWS "Session-Expires: 240;refresher=uas\n");
	cr_expect_str_eq(world_header(call.invite_b, "Session-Expires", buf, sizeof(buf)), "300");
	cr_expect_str_eq(world_header(call.invite_b, "Min-SE", buf, sizeof(buf)), "120");
	cr_expect(world_has(call.invite_b, "Supported: timer\r\n"));
	/* Shortened to what limen wants; who asked refreshes. */
	cr_expect_str_eq(world_header(call.ok_a, "Session-Expires", buf, sizeof(buf)),
			 "600;refresher=uac");
	cr_expect(world_has(call.ok_a, "Require: timer\r\n"));
	hang_up(w, &call);
}

Test(session, the_peers_min_se_bounds_what_is_granted)
{
	struct world *w = start(300, 0);
	struct world_call call;
	char buf[128];

	call_up(w, &call, KNOWS "x: 1800;refresher=uas\nMin-SE: 900\n", NULL);
	cr_expect_str_eq(world_header(call.ok_a, "Session-Expires", buf, sizeof(buf)),
			 "900;refresher=uas");
	hang_up(w, &call);
}

Test(session, a_proxy_that_asked_for_a_peer_that_cannot_is_told_who_refreshes)
{
	struct world *w = start(600, 0);
	struct world_call call;
	char buf[128];

	/* Below limen's least, and yet no 422: the peer could not ask again. */
	call_up(w, &call, "Session-Expires: 100\n", NULL);
	cr_expect_str_eq(world_header(call.ok_a, "Session-Expires", buf, sizeof(buf)),
			 "100;refresher=uas");
	cr_expect_not(world_has(call.ok_a, "Require"));
	hang_up(w, &call);
}

Test(session, an_interval_too_small_is_refused_before_any_target_is_tried)
{
	struct world *w = start(600, 600);

	invite(w, KNOWS "Session-Expires: 100\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 422 "));
	cr_expect(world_has(world_out(w, A, 0), "Min-SE: 120\r\n"));
	cr_expect_eq(world_out_count(w, B), 0);
	world_end(w);
}

Test(session, inside_the_dialog_too)
{
	struct world *w = start(600, 600);
	struct world_call call;

	call_up(w, &call, KNOWS, KNOWS "Session-Expires: 600;refresher=uas\n");
	world_request(w, A, "INVITE", 2, "re", call.ok_a, "alice-tag",
		      KNOWS "Session-Expires: 90\nContact: <sip:alice@10.0.1.2>\n", SDP_A);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 422 "));
	cr_expect(world_has(world_out(w, A, 0), "Min-SE: 120\r\n"));
	cr_expect_eq(world_out_count(w, B), 0);
	world_request(w, A, "ACK", 2, "re", call.ok_a, "alice-tag", NULL, NULL);
	hang_up(w, &call);
}

Test(session, a_target_that_wants_more_is_asked_once_more)
{
	struct world *w = start(0, 300);
	char first[8192], id[2][256], cseq[2][64], via[2][512], buf[256];

	invite(w, "Subject: kept\n");
	strcpy(first, world_out(w, B, 0));
	world_answer(w, B, first, 422, "x", "Min-SE: 1200\n", NULL);
	cr_assert_eq(world_out_count(w, B), 2);
	cr_assert_eq(world_out_count(w, A), 0);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	strcpy(first, world_out(w, B, 1));
	cr_expect_str_eq(world_header(first, "Session-Expires", buf, sizeof(buf)), "1200");
	cr_expect_str_eq(world_header(first, "Min-SE", buf, sizeof(buf)), "1200");
	cr_expect(world_has(first, "Subject: kept\r\n"));
	cr_expect(world_has(first, "m=audio "));
	cr_expect_not(world_has(first, "tag=x"));
	world_header(world_out(w, B, 0), "Call-ID", id[0], sizeof(id[0]));
	world_header(first, "Call-ID", id[1], sizeof(id[1]));
	cr_expect_str_eq(id[0], id[1]);
	world_header(world_out(w, B, 0), "Via", via[0], sizeof(via[0]));
	world_header(first, "Via", via[1], sizeof(via[1]));
	cr_expect_str_neq(via[0], via[1]);
	world_header(world_out(w, B, 0), "CSeq", cseq[0], sizeof(cseq[0]));
	world_header(first, "CSeq", cseq[1], sizeof(cseq[1]));
	cr_expect_eq(atoi(cseq[1]), atoi(cseq[0]) + 1);
	/* It goes on like any call. */
	world_answer(w, B, first, 200, "bob-tag", NULL, SDP_B);
	cr_assert(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	strcpy(first, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "ack", first, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	world_request(w, A, "BYE", 2, "bye", first, "alice-tag", NULL, NULL);
	world_end(w);
}

Test(session, but_not_a_third_time)
{
	struct world *w = start(0, 300);

	invite(w, "");
	world_answer(w, B, world_out(w, B, 0), 422, "x", "Min-SE: 1200\n", NULL);
	world_answer(w, B, world_out(w, B, 1), 422, "x", "Min-SE: 2400\n", NULL);
	cr_assert_eq(world_out_count(w, B), 1); /* ACK */
	/* The interval is nothing of A's. */
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	world_end(w);
}

Test(session, a_422_that_asks_for_nothing_new_is_a_failure)
{
	struct world *w = start(0, 300);

	invite(w, "");
	world_answer(w, B, world_out(w, B, 0), 422, "x", "Min-SE: 90\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	world_end(w);
}

Test(session, a_relayed_reinvite_that_is_refused_with_422_goes_again)
{
	struct world *w = start(600, 600);
	struct world_call call;
	char again[8192], buf[128];

	call_up(w, &call, KNOWS, KNOWS "Session-Expires: 600;refresher=uas\n");
	world_request(w, A, "INVITE", 2, "re", call.ok_a, "alice-tag",
		      KNOWS "Contact: <sip:alice@10.0.1.2>\n", SDP_A);
	cr_expect_str_eq(world_header(world_out(w, B, 0), "Session-Expires", buf, sizeof(buf)),
			 "600;refresher=uas");
	world_answer(w, B, world_out(w, B, 0), 422, "bob-tag", "Min-SE: 900\n", NULL);
	strcpy(again, world_out(w, B, 1));
	cr_expect(world_has(again, "INVITE sip:bob@10.0.2.2:5062 "));
	cr_expect_str_eq(world_header(again, "Session-Expires", buf, sizeof(buf)),
			 "900;refresher=uas");
	world_answer(w, B, again, 200, "bob-tag", KNOWS "Session-Expires: 900;refresher=uas\n",
		     SDP_B);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 0), "Session-Expires: 600;refresher=uac\r\n"));
	world_request(w, A, "ACK", 2, "reack", call.ok_a, "alice-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	hang_up(w, &call);
}

/* ---- refreshes ---- */

Test(session, limen_refreshes_by_update_where_the_peer_allows_it)
{
	struct world *w = start(0, 120);
	struct world_call call;
	char update[8192], buf[128];

	w->no_limits = true;
	call_up(w, &call, "", KNOWS UPDATES "Session-Expires: 120;refresher=uac\n");
	cr_expect_eq(sleep_until_out(w, B, 100), 60);
	strcpy(update, world_out(w, B, 0));
	cr_expect(world_has(update, "UPDATE sip:bob@10.0.2.2:5062 "));
	cr_expect(world_has(update, "Content-Length: 0\r\n"));
	cr_expect_str_eq(world_header(update, "Session-Expires", buf, sizeof(buf)),
			 "120;refresher=uac");
	cr_expect_eq(world_out_count(w, A), 0);
	world_answer(w, B, update, 200, "bob-tag", KNOWS "Session-Expires: 120;refresher=uac\n",
		     NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	/* And again half an interval later. */
	cr_expect_eq(sleep_until_out(w, B, 100), 60);
	cr_expect(world_has(world_out(w, B, 0), "UPDATE "));
	world_answer(w, B, world_out(w, B, 0), 200, "bob-tag",
		     KNOWS "Session-Expires: 120;refresher=uas\n", NULL);
	/* Now it is the peer's turn: 120 s less 32. */
	cr_expect_eq(sleep_until_out(w, B, 100), 88);
	cr_expect(world_has(world_out(w, B, 0), "BYE "));
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	cr_expect_eq(ended_by(w), IPC_BY_SESSION_TIMEOUT);
	world_end(w);
}

/* What a side's first description and a later one have in common: all but the head. */
static const char *body_of(const char *text)
{
	return strstr(text, "\r\n\r\n") + 4;
}

Test(session, else_by_reinvite_with_the_description_it_has)
{
	struct world *w = start(120, 120);
	struct world_call call;
	char re[8192];

	w->no_limits = true;
	call_up(w, &call, "", ""); /* neither knows of timers */
	cr_expect_eq(sleep_until_out(w, B, 100), 60);
	strcpy(re, world_out(w, B, 0));
	cr_expect(world_has(re, "INVITE sip:bob@10.0.2.2:5062 "));
	cr_expect_str_eq(body_of(re), body_of(call.invite_b));
	world_answer(w, B, re, 200, "bob-tag", NULL, SDP_B);
	cr_assert_eq(world_out_count(w, B), 1);
	cr_expect(world_has(world_out(w, B, 0), "ACK sip:bob@10.0.2.2:5062 "));
	cr_expect_eq(world_out_count(w, A), 0);
	hang_up(w, &call);
}

Test(session, towards_the_caller_too)
{
	struct world *w = start(120, 0);
	struct world_call call;
	char re[8192], text[2048], via[512], to[256], from[256], id[128], cseq[64];

	w->no_limits = true;
	call_up(w, &call, "", "");
	cr_expect_eq(sleep_until_out(w, A, 100), 60);
	strcpy(re, world_out(w, A, 0));
	cr_expect(world_has(re, "INVITE sip:alice@10.0.1.2 "));
	cr_expect_str_eq(body_of(re), body_of(call.ok_a));
	snprintf(text, sizeof(text),
		 "SIP/2.0 200 OK\nVia: %s\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %s\n"
		 "Contact: <sip:alice@10.0.1.2>\nContent-Type: application/sdp\n",
		 world_header(re, "Via", via, sizeof(via)),
		 world_header(re, "From", from, sizeof(from)),
		 world_header(re, "To", to, sizeof(to)),
		 world_header(re, "Call-ID", id, sizeof(id)),
		 world_header(re, "CSeq", cseq, sizeof(cseq)));
	world_in(w, A, text, SDP_A);
	cr_expect(world_has(world_out(w, A, 0), "ACK sip:alice@10.0.1.2 "));
	cr_expect_eq(world_out_count(w, B), 0);
	hang_up(w, &call);
}

Test(session, a_refresh_that_is_not_answered_ends_the_call)
{
	struct world *w = start(0, 120);
	struct world_call call;

	w->no_limits = true;
	call_up(w, &call, "", UPDATES);
	sleep_until_out(w, B, 100);
	for (unsigned i = 0; i < 40 && world_find(w, IPC_CALL_END) == NULL; i++)
		world_sleep(w, 1000);
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	cr_expect_eq(ended_by(w), IPC_BY_SESSION_TIMEOUT);
	world_end(w);
}

Test(session, nor_one_whose_dialog_the_peer_has_lost)
{
	struct world *w = start(0, 120);
	struct world_call call;

	w->no_limits = true;
	call_up(w, &call, "", UPDATES);
	sleep_until_out(w, B, 100);
	world_answer(w, B, world_out(w, B, 0), 481, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	cr_expect(world_has(world_out(w, B, 0), "BYE "));
	cr_expect_eq(ended_by(w), IPC_BY_SESSION_TIMEOUT);
	world_end(w);
}

Test(session, another_refusal_is_tried_again_once)
{
	struct world *w = start(0, 120);
	struct world_call call;

	w->no_limits = true;
	call_up(w, &call, "", KNOWS UPDATES "Session-Expires: 120;refresher=uac\n");
	cr_expect_eq(sleep_until_out(w, B, 100), 60);
	world_answer(w, B, world_out(w, B, 0), 500, "bob-tag", NULL, NULL);
	cr_expect_eq(sleep_until_out(w, B, 100), 5);
	cr_expect(world_has(world_out(w, B, 0), "UPDATE "));
	world_answer(w, B, world_out(w, B, 0), 500, "bob-tag", NULL, NULL);
	/* 120 s less 32, of which 65 are gone. */
	cr_expect_eq(sleep_until_out(w, B, 100), 23);
	cr_expect(world_has(world_out(w, B, 0), "BYE "));
	cr_expect_eq(ended_by(w), IPC_BY_SESSION_TIMEOUT);
	world_end(w);
}

Test(session, but_ends_nothing_where_the_peer_counts_no_interval)
{
	struct world *w = start(0, 120);
	struct world_call call;

	w->no_limits = true;
	call_up(w, &call, "", UPDATES);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(sleep_until_out(w, B, 100), 60);
		world_answer(w, B, world_out(w, B, 0), 500, "bob-tag", NULL, NULL);
		cr_expect_eq(sleep_until_out(w, B, 100), 5);
		world_answer(w, B, world_out(w, B, 0), 500, "bob-tag", NULL, NULL);
	}
	hang_up(w, &call);
}

/* Some list UPDATE in Allow and know nothing of it: then by re-INVITE. */
Test(session, an_update_that_is_not_known_becomes_a_reinvite)
{
	static const unsigned statuses[] = {405, 501};

	for (unsigned i = 0; i < 2; i++) {
		struct world *w = start(0, 120);
		struct world_call call;
		char re[8192];

		w->no_limits = true;
		call_up(w, &call, "", KNOWS UPDATES "Session-Expires: 120;refresher=uac\n");
		cr_expect_eq(sleep_until_out(w, B, 100), 60);
		cr_expect(world_has(world_out(w, B, 0), "UPDATE "));
		world_answer(w, B, world_out(w, B, 0), statuses[i], "bob-tag", NULL, NULL);
		cr_expect_eq(sleep_until_out(w, B, 100), 5);
		strcpy(re, world_out(w, B, 0));
		cr_expect(world_has(re, "INVITE sip:bob@10.0.2.2:5062 "));
		cr_expect_str_eq(body_of(re), body_of(call.invite_b));
		world_answer(w, B, re, 200, "bob-tag",
			     KNOWS "Session-Expires: 120;refresher=uac\n", SDP_B);
		cr_expect(world_has(world_out(w, B, 0), "ACK "));
		cr_expect_eq(world_out_count(w, A), 0);
		/* And so from then on. */
		cr_expect_eq(sleep_until_out(w, B, 100), 60);
		cr_expect(world_has(world_out(w, B, 0), "INVITE "));
		world_answer(w, B, world_out(w, B, 0), 200, "bob-tag",
			     KNOWS "Session-Expires: 120;refresher=uac\n", SDP_B);
		hang_up(w, &call);
	}
}

Test(session, glare_makes_the_refresh_wait)
{
	struct world *w = start(0, 120);
	struct world_call call;
	unsigned waited;

	w->no_limits = true;
	call_up(w, &call, "", "");
	sleep_until_out(w, B, 100);
	world_answer(w, B, world_out(w, B, 0), 491, "bob-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, B), 1); /* ACK */
	waited = sleep_until_out(w, B, 10);
	cr_expect(waited >= 3 && waited <= 4, "%u s", waited); /* the Call-ID is limen's */
	cr_expect(world_has(world_out(w, B, 0), "INVITE "));
	world_answer(w, B, world_out(w, B, 0), 200, "bob-tag", NULL, SDP_B);
	hang_up(w, &call);
}

Test(session, a_refresh_in_flight_is_glare_for_both_sides)
{
	struct world *w = start(0, 120);
	struct world_call call;
	char re[8192];

	w->no_limits = true;
	call_up(w, &call, "", "");
	sleep_until_out(w, B, 100);
	strcpy(re, world_out(w, B, 0));
	world_request(w, A, "INVITE", 2, "glare-a", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2>\n", SDP_A);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 491 "));
	cr_expect_eq(world_out_count(w, B), 0);
	world_request(w, A, "ACK", 2, "glare-a", call.ok_a, "alice-tag", NULL, NULL);
	world_request(w, B, "INVITE", 2, "glare-b", re, "bob-tag",
		      "Contact: <sip:bob@10.0.2.2:5062>\n", SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 491 "));
	world_request(w, B, "ACK", 2, "glare-b", re, "bob-tag", NULL, NULL);
	/* It offers a description: by UPDATE none may cross it either (RFC 3311 section 5.2). */
	world_request(w, A, "UPDATE", 3, "glare-c", call.ok_a, "alice-tag", NULL, SDP_A);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 491 "));
	world_request(w, B, "UPDATE", 3, "glare-d", re, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 491 "));
	world_answer(w, B, re, 200, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	hang_up(w, &call);
}

Test(session, a_refresh_waits_for_a_reinvite_that_is_relayed)
{
	struct world *w = start(0, 120);
	struct world_call call;
	char re[8192];

	w->no_limits = true;
	call_up(w, &call, "", UPDATES);
	world_sleep(w, 58000);
	world_request(w, A, "INVITE", 2, "re", call.ok_a, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2>\n", SDP_A);
	strcpy(re, world_out(w, B, 0));
	world_answer(w, B, re, 100, NULL, NULL, NULL);
	world_sleep(w, 10000);
	cr_expect_eq(world_out_count(w, B), 0);
	world_answer(w, B, re, 200, "bob-tag", UPDATES, SDP_B);
	world_request(w, A, "ACK", 2, "reack", call.ok_a, "alice-tag", NULL, NULL);
	/* The re-INVITE was the refresh. */
	cr_expect_eq(sleep_until_out(w, B, 100), 60);
	cr_expect(world_has(world_out(w, B, 0), "UPDATE "));
	world_answer(w, B, world_out(w, B, 0), 200, "bob-tag", NULL, NULL);
	hang_up(w, &call);
}

Test(session, the_peers_refresh_is_limens_to_answer)
{
	struct world *w = start(120, 0);
	struct world_call call;

	w->no_limits = true;
	call_up(w, &call, KNOWS "Session-Expires: 120;refresher=uac\n", NULL);
	for (unsigned i = 0; i < 3; i++) {
		char branch[16];

		snprintf(branch, sizeof(branch), "up%u", i);
		world_sleep(w, 80000);
		cr_assert_eq(world_out_count(w, A), 0);
		world_request(w, A, "UPDATE", 2 + i, branch, call.ok_a, "alice-tag",
			      KNOWS "Session-Expires: 120;refresher=uac\n"
				    "Contact: <sip:alice@10.0.1.2>\n",
			      NULL);
		cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
		cr_expect(world_has(world_out(w, A, 0), "Session-Expires: 120;refresher=uac\r\n"));
		cr_expect_eq(world_out_count(w, B), 0);
	}
	cr_expect_eq(sleep_until_out(w, A, 100), 88);
	cr_expect(world_has(world_out(w, A, 0), "BYE "));
	cr_expect(world_has(world_out(w, B, 0), "BYE "));
	cr_expect_eq(ended_by(w), IPC_BY_SESSION_TIMEOUT);
	world_end(w);
}

Test(session, an_update_with_a_description_is_relayed)
{
	struct world *w = start(120, 240);
	struct world_call call;
	char update[8192], buf[128];

	call_up(w, &call, KNOWS "Session-Expires: 120;refresher=uac\n",
		KNOWS "Session-Expires: 240;refresher=uac\n");
	world_request(w, A, "UPDATE", 2, "up", call.ok_a, "alice-tag",
		      KNOWS "Session-Expires: 120;refresher=uas\nContact: <sip:alice@10.0.1.2>\n",
		      SDP_A);
	strcpy(update, world_out(w, B, 0));
	cr_expect_str_eq(world_header(update, "Session-Expires", buf, sizeof(buf)),
			 "240;refresher=uac");
	world_answer(w, B, update, 200, "bob-tag", KNOWS "Session-Expires: 200;refresher=uac\n",
		     SDP_B);
	cr_expect_str_eq(
		world_header(world_out(w, A, 0), "Session-Expires", buf, sizeof(buf)),
		"120;refresher=uas");
	hang_up(w, &call);
}
