/* SPDX-License-Identifier: BSD-3-Clause */
/* Offers and answers over a call's life: which addresses are in force, late ones, several one after
 * another, held, refused, never answered (RFC 3264, RFC 3261 section 14, RFC 3262 section 5, RFC
 * 3311, RFC 6337). */
#include "dataplane/media/stream.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define V_A   "v=0\r\no=a 1 1 IN IP4 10.0.1.2\r\ns=-\r\n"
#define V_B   "v=0\r\no=b 7 7 IN IP4 10.0.2.2\r\ns=-\r\n"
#define C_A   "c=IN IP4 10.0.1.2\r\nt=0 0\r\n"
#define C_B   "c=IN IP4 10.0.2.2\r\nt=0 0\r\n"
#define AUDIO(port) "m=audio " #port " RTP/AVP 0\r\n"
#define VIDEO(port) "m=video " #port " RTP/AVP 96\r\n"
#define FAX(port)   "m=image " #port " udptl t38\r\n"
#define MUX	    "a=rtcp-mux\r\n"
#define CONTACT_A   "Contact: <sip:alice@10.0.1.2>\n"
#define CONTACT_B   "Contact: <sip:bob@10.0.2.2:5062>\n"
#define RELIABLE    "RSeq: 71\nRequire: 100rel\n"

static struct world *w;
static char invite[8192], ok[8192]; /* as B and A got them */
static char last[8192];		    /* what to_far or refused_by_limen has seen */
static unsigned a_cseq, b_cseq;

static void setup(void)
{
	w = world_new();
	a_cseq = 1;
	b_cseq = 0;
}

TestSuite(engine_offers, .init = setup);

static void answered(const char *body)
{
	world_answer(w, B, invite, 200, "bob-tag", NULL, body);
	strcpy(ok, world_out(w, A, 0));
	cr_assert(world_has(ok, "SIP/2.0 200 "), "%s", ok);
}

static void acked(const char *body)
{
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, body);
	cr_assert(world_has(world_out(w, B, 0), "ACK "));
}

static void call_up(const char *offer, const char *answer)
{
	strcpy(invite, world_invite(w, "up", offer));
	answered(answer);
	acked(NULL);
}

/* A request inside the dialog. */
static void ask(int side, const char *method, const char *body)
{
	unsigned cseq = side == A ? ++a_cseq : ++b_cseq;
	bool early = ok[0] == 0;
	char branch[32];

	snprintf(branch, sizeof(branch), "%s%u-%c", method, cseq, 'a' + side);
	cr_assert_not(early && side == A);
	world_request(w, side, method, cseq, branch, side == A ? ok : invite,
		      side == A ? "alice-tag" : "bob-tag", side == A ? CONTACT_A : CONTACT_B, body);
}

/* The same, which limen relays: what the other side gets. */
static const char *to_far(int side, const char *method, const char *body)
{
	ask(side, method, body);
	cr_assert_eq(world_out_count(w, !side), 1, "%s of %c did not cross", method, 'A' + side);
	return strcpy(last, world_out(w, !side, 0));
}

/* What limen makes of it itself; a final answer to an INVITE is acknowledged. */
static bool refused(int side, const char *method, const char *body, const char *status_line)
{
	char branch[32];
	bool same;

	ask(side, method, body);
	cr_assert(world_out_count(w, side));
	strcpy(last, world_out(w, side, world_out_count(w, side) - 1)); /* behind a 100 */
	same = world_out_count(w, !side) == 0 && world_has(last, status_line);
	snprintf(branch, sizeof(branch), "%s%u-%c", method, side == A ? a_cseq : b_cseq,
		 'a' + side);
	if (strcmp(method, "INVITE") == 0)
		world_request(w, side, "ACK", side == A ? a_cseq : b_cseq, branch,
			      side == A ? ok : invite, side == A ? "alice-tag" : "bob-tag", NULL,
			      NULL);
	return same;
}

/* The far side's answer; what the asker gets of it. */
static const char *reply(int side, const char *request, unsigned status, const char *body)
{
	char copy[8192];

	strcpy(copy, request);
	world_answer(w, side, copy, status, NULL, NULL, body);
	return world_out(w, !side, 0);
}

static void ack_again(int side, const char *body)
{
	char branch[32];
	unsigned cseq = side == A ? a_cseq : b_cseq;

	snprintf(branch, sizeof(branch), "ack%u-%c", cseq, 'a' + side);
	world_request(w, side, "ACK", cseq, branch, side == A ? ok : invite,
		      side == A ? "alice-tag" : "bob-tag", NULL, body);
}

/* An offer and its answer, by re-INVITE or UPDATE. */
static void negotiate(int side, const char *method, const char *offer, const char *answer)
{
	char request[8192];

	strcpy(request, to_far(side, method, offer));
	cr_assert(world_has(reply(!side, request, 200, answer), "SIP/2.0 200 "));
	if (strcmp(method, "INVITE") == 0)
		ack_again(side, NULL);
}

static void hang_up(void)
{
	to_far(A, "BYE", NULL);
	world_answer(w, B, last, 200, NULL, NULL, NULL);
	world_end(w);
}

/* ---- what is in force ---- */

/* The open pair at index n, in the order of opening. */
static const struct stream_pair *pair(unsigned n)
{
	const struct slab *pairs = w->media->hot;

	for (uint32_t i = 0; i < slab_bound(pairs); i++) {
		if (slab_handle_at(pairs, i) != HANDLE_NONE && n-- == 0)
			return slab_at(pairs, i);
	}
	cr_assert_fail("no such pair is open");
	return NULL;
}

static bool is_at(const struct net_endpoint *at, const char *wanted)
{
	char text[64];
	struct cursor out = cursor_on(text, sizeof(text));

	put_endpoint(&out, at);
	return span_eq(cursor_span(&out), span_str(wanted));
}

/* Where limen sends a side's RTP. */
static bool rtp_goes_to(unsigned n, int side, const char *wanted)
{
	const struct stream_hot *in = &pair(n)->from[!side];

	return in->flags & STREAM_FAR_KNOWN && is_at(&in->out.dst, wanted);
}

static bool rtcp_goes_to(unsigned n, int side, const char *wanted)
{
	const struct stream_pair_cold *cold = stream_cold(w->media, &pair(n)->from[0]);

	return is_at(&cold->side[side].rtcp_out.dst, wanted);
}

/* Whether RTP of one side is relayed to the other. */
static bool relays_from(unsigned n, int side)
{
	return (pair(n)->from[side].flags & STREAM_RELAYS) == STREAM_RELAYS;
}

/* ---- one description ---- */

/* Several c= lines and ports are for layers over multicast (RFC 8866 section 5.7): the first
 * counts, and nothing of the others crosses. */
Test(engine_offers, several_connections_ports_and_rtcp_elsewhere)
{
	call_up(V_A "t=0 0\r\nm=audio 4000/2 RTP/AVP 0\r\nc=IN IP4 10.0.1.3\r\n"
		    "c=IN IP4 10.0.1.4\r\na=rtcp:5001 IN IP4 10.0.1.5\r\n",
		V_B C_B AUDIO(6000) "a=rtcp:6007\r\n");
	cr_expect(!world_has(invite, "10.0.1.") && !world_has(invite, "/2 RTP") &&
			  !world_has(invite, "a=rtcp"),
		  "%s", invite);
	cr_expect(world_has(strstr(invite, "c=IN IP4 10.0.2.1\r\n") + 4, "m=audio "));
	cr_expect(!world_has(strstr(invite, "c=IN IP4 10.0.2.1\r\n") + 4, "c="));
	cr_expect(rtp_goes_to(0, A, "10.0.1.3:4000") && rtcp_goes_to(0, A, "10.0.1.5:5001"));
	cr_expect(rtp_goes_to(0, B, "10.0.2.2:6000") && rtcp_goes_to(0, B, "10.0.2.2:6007"));
	hang_up();
}

Test(engine_offers, no_connection_at_either_level)
{
	static const char without[] = V_A "t=0 0\r\n" AUDIO(4000);

	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKnoc\nFrom: <sip:alice@10.0.1.2>;tag=a\n"
		 "To: <sip:bob@10.0.1.1>\nCall-ID: noc\nCSeq: 1 INVITE\n" CONTACT_A
		 "Content-Type: application/sdp\n",
		 without);
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect_eq(world_out_count(w, B), 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 400 "));
	/* In a call: the request fails, the call does not. Only a section in use needs one. */
	call_up(SDP_A, V_B "t=0 0\r\n" AUDIO(6000) "c=IN IP4 10.0.2.2\r\n");
	cr_expect(refused(A, "INVITE", without, "SIP/2.0 400 "));
	cr_expect(refused(A, "UPDATE", without, "SIP/2.0 400 "));
	cr_expect(refused(B, "UPDATE", V_B "t=0 0\r\n" AUDIO(6000) VIDEO(0), "SIP/2.0 400 "));
	negotiate(B, "UPDATE", V_B "t=0 0\r\n" AUDIO(6000) "c=IN IP4 10.0.2.2\r\n" VIDEO(0),
		  V_A C_A AUDIO(4000) VIDEO(0));
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000") && relays_from(0, A) && relays_from(0, B));
	hang_up();
}

/* The caller cannot be asked to mend the callee's answer. */
Test(engine_offers, an_answer_without_connection_ends_the_call)
{
	strcpy(invite, world_invite(w, "up", SDP_A));
	world_answer(w, B, invite, 200, "bob-tag", NULL, V_B "t=0 0\r\n" AUDIO(6000));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	cr_expect(world_has(world_out(w, B, 0), "ACK ") && world_has(world_out(w, B, 1), "BYE "));
	world_end(w);
}

/* ---- late offers ---- */

Test(engine_offers, offer_in_200_and_answer_in_ack)
{
	strcpy(invite, world_invite(w, "up", NULL));
	cr_expect(world_has(invite, "Content-Length: 0\r\n"));
	answered(SDP_B MUX);
	acked(SDP_A);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000") && rtp_goes_to(0, B, "10.0.2.2:6000"));
	cr_expect(rtcp_goes_to(0, B, "10.0.2.2:6001"), "A does not multiplex");
	/* And again inside the dialog. */
	to_far(A, "INVITE", NULL);
	strcpy(last, reply(B, last, 200, V_B C_B AUDIO(6100)));
	cr_expect(rtp_goes_to(0, B, "10.0.2.2:6000"), "not in force before it is answered");
	ack_again(A, V_A C_A AUDIO(4100));
	cr_expect(world_has(world_out(w, B, 0), "m=audio 20"));
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4100") && rtp_goes_to(0, B, "10.0.2.2:6100"));
	hang_up();
}

/* A peer that forgets its answer: the offer is over, and the next one is not glare. */
Test(engine_offers, a_late_offer_that_is_never_answered)
{
	strcpy(invite, world_invite(w, "up", NULL));
	answered(SDP_B MUX);
	acked(NULL);
	negotiate(A, "INVITE", SDP_A, SDP_B);
	to_far(A, "INVITE", NULL);
	reply(B, last, 200, V_B C_B AUDIO(6100));
	/* Until the ACK, B's offer is open. */
	cr_expect(refused(B, "UPDATE", V_B C_B AUDIO(6200), "SIP/2.0 500 "));
	ack_again(A, NULL);
	negotiate(A, "UPDATE", V_A C_A AUDIO(4200), SDP_B);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4200") && rtp_goes_to(0, B, "10.0.2.2:6000"));
	hang_up();
}

/* Offer in a reliable 183, answer in PRACK; a 200 that says it all once more changes nothing. */
Test(engine_offers, offer_in_183_and_answer_in_prack)
{
	for (int repeated = 0; repeated < 2; repeated++) {
		if (repeated)
			setup();
		strcpy(invite, world_invite(w, "up", NULL));
		world_answer(w, B, invite, 183, "bob-tag", RELIABLE, SDP_B MUX);
		strcpy(ok, world_out(w, A, 0));
		cr_expect(world_has(ok, "m=audio 20") && world_has(ok, "RSeq: 71\r\n"));
		world_request(w, A, "PRACK", ++a_cseq, "prack", ok, "alice-tag",
			      "RAck: 71 1 INVITE\n", SDP_A);
		strcpy(last, world_out(w, B, 0));
		cr_expect(world_has(last, "PRACK ") && world_has(last, "m=audio 20"));
		cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000") && relays_from(0, B));
		cr_expect(rtcp_goes_to(0, B, "10.0.2.2:6001"), "A does not multiplex");
		reply(B, last, 200, NULL);
		answered(repeated ? SDP_B MUX : NULL);
		acked(NULL);
		negotiate(A, "INVITE", V_A C_A AUDIO(4100), SDP_B);
		cr_expect(rtp_goes_to(0, A, "10.0.1.2:4100"));
		hang_up();
	}
}

/* The reliable answer of a re-INVITE without offer, and then its refusal. */
Test(engine_offers, a_late_offer_whose_invite_fails)
{
	call_up(SDP_A, SDP_B);
	to_far(A, "INVITE", NULL);
	world_answer(w, B, last, 183, NULL, RELIABLE, V_B C_B AUDIO(6100));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 183 "));
	cr_expect(world_has(reply(B, last, 488, NULL), "SIP/2.0 488 "));
	negotiate(A, "UPDATE", V_A C_A AUDIO(4100), SDP_B);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4100") && rtp_goes_to(0, B, "10.0.2.2:6000"));
	hang_up();
}

/* ---- one after another ---- */

/* An early dialog whose first offer is answered, both sides' UPDATEs in it, and one that is still
 * open when the call is answered. */
Test(engine_offers, updates_before_the_call_is_answered)
{
	strcpy(invite, world_invite(w, "up", SDP_A MUX));
	/* Nothing is answered yet: RFC 3311 section 5.1. */
	world_answer(w, B, invite, 180, "bob-tag", NULL, NULL);
	strcpy(ok, world_out(w, A, 0));
	cr_expect(refused(A, "UPDATE", V_A C_A AUDIO(4100), "SIP/2.0 500 "));
	cr_expect(world_has(last, "Retry-After: "));
	cr_expect(refused(B, "UPDATE", V_B C_B AUDIO(6100), "SIP/2.0 491 "));
	world_answer(w, B, invite, 183, "bob-tag", RELIABLE, SDP_B);
	cr_expect(rtcp_goes_to(0, A, "10.0.1.2:4001"));
	world_request(w, A, "PRACK", ++a_cseq, "prack", ok, "alice-tag", "RAck: 71 1 INVITE\n",
		      NULL);
	strcpy(last, world_out(w, B, 0));
	reply(B, last, 200, NULL);
	negotiate(A, "UPDATE", V_A C_A AUDIO(4200), SDP_B);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4200"));
	negotiate(B, "UPDATE", V_B C_B AUDIO(6200), V_A C_A AUDIO(4200));
	cr_expect(rtp_goes_to(0, B, "10.0.2.2:6200"));
	{
		char update[8192];

		strcpy(update, to_far(A, "UPDATE", V_A C_A AUDIO(4300) VIDEO(4302)));
		/* B says its old answer once more: that is none to this offer. */
		answered(SDP_B);
		cr_expect(world_has(ok, "Content-Length: 0\r\n"));
		acked(NULL);
		cr_expect(rtp_goes_to(0, A, "10.0.1.2:4200"));
		cr_expect(world_has(reply(B, update, 200, V_B C_B AUDIO(6300) VIDEO(6302)),
				    "SIP/2.0 200 "));
	}
	cr_expect(rtp_goes_to(1, A, "10.0.1.2:4302") && rtp_goes_to(1, B, "10.0.2.2:6302"));
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4300") && rtp_goes_to(0, B, "10.0.2.2:6300"));
	hang_up();
}

Test(engine_offers, updates_after_it)
{
	char update[8192];

	call_up(SDP_A, SDP_B);
	strcpy(update, to_far(A, "UPDATE", V_A C_A AUDIO(4100)));
	/* While it is open: neither another of its own, nor one of the other side. */
	cr_expect(refused(A, "UPDATE", V_A C_A AUDIO(4200), "SIP/2.0 500 "));
	cr_expect(refused(B, "UPDATE", V_B C_B AUDIO(6200), "SIP/2.0 491 "));
	/* One that offers nothing passes. */
	to_far(A, "UPDATE", NULL);
	reply(B, last, 200, NULL);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000"));
	reply(B, update, 200, V_B C_B AUDIO(6100));
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4100") && rtp_goes_to(0, B, "10.0.2.2:6100"));
	negotiate(B, "UPDATE", V_B C_B AUDIO(6200), V_A C_A AUDIO(4200));
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4200") && rtp_goes_to(0, B, "10.0.2.2:6200"));
	hang_up();
}

/* Another request of the same side fails meanwhile: that is nothing of the offer's. */
Test(engine_offers, an_offer_outlives_another_requests_failure)
{
	char re[8192];

	call_up(SDP_A, SDP_B);
	ask(A, "INVITE", V_A C_A AUDIO(4100));
	strcpy(re, world_out(w, B, 0));
	to_far(A, "INFO", NULL);
	cr_expect(world_has(reply(B, last, 500, NULL), "SIP/2.0 500 "));
	cr_expect(refused(B, "UPDATE", V_B C_B AUDIO(6100), "SIP/2.0 491 "));
	reply(B, re, 200, SDP_B);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4100"));
	world_request(w, A, "ACK", 2, "re-ack", ok, "alice-tag", NULL, NULL);
	hang_up();
}

/* Refused, answered by what is no answer, or not answered at all: what was in force stays, and the
 * other side may offer at once. */
Test(engine_offers, offers_that_come_to_nothing)
{
	static const struct {
		unsigned status;
		const char *answer, *wanted;
	} cases[] = {
		{488, NULL, "SIP/2.0 488 "},
		{200, V_B C_B VIDEO(6000), "SIP/2.0 500 "},
		{200, "v=1\r\n", "SIP/2.0 500 "},
		{200, NULL, "SIP/2.0 200 "},
	};

	call_up(SDP_A, SDP_B);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int update = 0; update < 2; update++) {
			const char *got;

			to_far(A, update ? "UPDATE" : "INVITE",
			       V_A C_A "m=audio 4100 RTP/AVP 8\r\n" VIDEO(4102));
			got = reply(B, last, cases[i].status, cases[i].answer);
			cr_expect(world_has(got, cases[i].wanted), "case %u\n%s", i, got);
			if (!update)
				ack_again(A, NULL);
			cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000"), "case %u", i);
			negotiate(B, "UPDATE", SDP_B, SDP_A);
			world_sleep(w, 1000);
		}
	}
	cr_expect(relays_from(0, A) && relays_from(0, B));
	hang_up();
}

/* ---- hold ---- */

Test(engine_offers, holds_in_all_forms)
{
	static const struct {
		const char *offer, *answer, *told;
		bool from_a, from_b;
	} cases[] = {
		{V_A C_A AUDIO(4000) "a=sendonly\r\n", V_B C_B AUDIO(6000) "a=recvonly\r\n",
		 "a=sendonly\r\n", true, false},
		{V_A C_A AUDIO(4000) "a=inactive\r\n", V_B C_B AUDIO(6000) "a=inactive\r\n",
		 "a=inactive\r\n", false, false},
		{V_A C_A "a=inactive\r\n" AUDIO(4000), V_B C_B "a=inactive\r\n" AUDIO(6000),
		 "a=inactive\r\n", false, false},
		{V_A "c=IN IP4 0.0.0.0\r\nt=0 0\r\n" AUDIO(4000), V_B C_B AUDIO(6000),
		 "a=sendonly\r\n", true, false},
		{V_A "c=IN IP6 ::\r\nt=0 0\r\n" AUDIO(4000), V_B C_B AUDIO(6000), "a=sendonly\r\n",
		 true, false},
		{V_A C_A AUDIO(4000) "c=IN IP4 0.0.0.0\r\na=inactive\r\n", V_B C_B AUDIO(6000),
		 "a=inactive\r\n", false, false},
		/* Both hold. */
		{V_A "c=IN IP4 0.0.0.0\r\nt=0 0\r\n" AUDIO(4000),
		 V_B "c=IN IP4 0.0.0.0\r\nt=0 0\r\n" AUDIO(6000), "a=sendonly\r\n", false, false},
	};

	call_up(SDP_A, SDP_B);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		to_far(A, "UPDATE", cases[i].offer);
		cr_expect(world_has(last, cases[i].told) &&
				  world_has(last, "c=IN IP4 10.0.2.1\r\n") &&
				  !world_has(last, "0.0.0.0"),
			  "case %u\n%s", i, last);
		reply(B, last, 200, cases[i].answer);
		cr_expect_eq(relays_from(0, A), cases[i].from_a, "case %u", i);
		cr_expect_eq(relays_from(0, B), cases[i].from_b, "case %u", i);
		negotiate(A, "UPDATE", SDP_A, SDP_B);
		cr_expect(relays_from(0, A) && relays_from(0, B), "case %u", i);
	}
	hang_up();
}

/* ---- sections that come and go ---- */

Test(engine_offers, video_comes_and_goes_with_its_streams)
{
	call_up(SDP_A, SDP_B);
	negotiate(A, "INVITE", V_A C_A AUDIO(4000) VIDEO(4002), V_B C_B AUDIO(6000) VIDEO(6002));
	cr_expect_eq(stream_pairs_open(w->media), 2);
	cr_expect(rtp_goes_to(1, A, "10.0.1.2:4002") && rtp_goes_to(1, B, "10.0.2.2:6002"));
	to_far(B, "INVITE", V_B C_B AUDIO(6000) VIDEO(0));
	cr_expect_eq(stream_pairs_open(w->media), 2, "till it is answered");
	cr_expect(world_has(last, "m=video 0 RTP/AVP 96\r\n"));
	reply(A, last, 200, V_A C_A AUDIO(4000) VIDEO(0));
	ack_again(B, NULL);
	cr_expect_eq(stream_pairs_open(w->media), 1);
	/* A section keeps its place (RFC 3264 section 8). */
	negotiate(A, "UPDATE", V_A C_A AUDIO(4000) VIDEO(4004), V_B C_B AUDIO(6000) VIDEO(6004));
	cr_expect(rtp_goes_to(1, A, "10.0.1.2:4004") && rtp_goes_to(1, B, "10.0.2.2:6004"));
	hang_up();
}

/* Fax in the place of audio, and beside it. */
Test(engine_offers, fax_and_back)
{
	call_up(SDP_A, SDP_B);
	to_far(B, "INVITE", V_B C_B FAX(6010));
	cr_expect(world_has(last, "m=image 20") && world_has(last, " udptl t38\r\n"));
	cr_expect(world_has(reply(A, last, 200, V_A C_A FAX(4010)), "m=image 20"));
	ack_again(B, NULL);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4010") && rtp_goes_to(0, B, "10.0.2.2:6010"));
	cr_expect(relays_from(0, A) && relays_from(0, B));
	negotiate(B, "INVITE", SDP_B, SDP_A);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000") && rtp_goes_to(0, B, "10.0.2.2:6000"));
	negotiate(A, "INVITE", V_A C_A AUDIO(0) FAX(4020), V_B C_B AUDIO(0) FAX(6020));
	cr_expect_eq(stream_pairs_open(w->media), 1);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4020") && rtp_goes_to(0, B, "10.0.2.2:6020"));
	negotiate(A, "INVITE", V_A C_A AUDIO(4000) FAX(0), V_B C_B AUDIO(6000) FAX(0));
	cr_expect_eq(stream_pairs_open(w->media), 1);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000") && rtp_goes_to(0, B, "10.0.2.2:6000"));
	/* The far side will not: the call goes on as it was. */
	to_far(A, "INVITE", V_A C_A FAX(4010));
	cr_expect(world_has(reply(B, last, 488, NULL), "SIP/2.0 488 "));
	ack_again(A, NULL);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000") && relays_from(0, A) && relays_from(0, B));
	hang_up();
}

/* Everything refused, and offered again. */
Test(engine_offers, sections_without_a_port)
{
	call_up(V_A C_A AUDIO(4000) VIDEO(0), V_B C_B AUDIO(0) VIDEO(0));
	cr_expect(world_has(ok, "m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n"), "%s", ok);
	cr_expect_eq(stream_pairs_open(w->media), 0);
	/* An answer cannot bring up what was not offered (RFC 3264 section 6). */
	negotiate(A, "UPDATE", V_A C_A AUDIO(4000) VIDEO(0), V_B C_B AUDIO(6000) VIDEO(6002));
	cr_expect_eq(stream_pairs_open(w->media), 1);
	cr_expect(rtp_goes_to(0, A, "10.0.1.2:4000") && rtp_goes_to(0, B, "10.0.2.2:6000"));
	hang_up();
}
