/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles (RFC 8843) by offer and answer: taken from who offers one, kept over the call's life, and
 * nothing of it towards the other side. */
#include "dataplane/media/stream.h"
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define V_A   "v=0\r\no=a 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n"
#define V_B   "v=0\r\no=b 7 7 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\n"
#define GROUP "a=group:BUNDLE s v\r\n"
#define EXT   "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0\r\na=mid:s\r\na=rtcp-mux\r\n" EXT
#define VIDEO "m=video 4002 RTP/AVP 96\r\na=mid:v\r\na=rtcp-mux\r\n" EXT
#define ONLY  "m=video 0 RTP/AVP 96\r\na=mid:v\r\na=rtcp-mux\r\na=bundle-only\r\n" EXT
#define PLAIN "m=audio 6000 RTP/AVP 0\r\nm=video 6002 RTP/AVP 96\r\n"

static struct world *w;
static char invite[8192], ok[8192];

static void setup(void)
{
	w = world_new();
}

TestSuite(engine_bundle, .init = setup);

/* The port of a section; a=mid where it has one. */
static unsigned port_of(const char *text, const char *type)
{
	char wanted[32];
	const char *at;
	unsigned port = 0;

	snprintf(wanted, sizeof(wanted), "\r\nm=%s ", type);
	at = strstr(text, wanted);
	cr_assert(at && sscanf(at + strlen(wanted), "%u", &port) == 1, "%s", text);
	return port;
}

static void call_up(const char *offer, const char *answer)
{
	strcpy(invite, world_invite(w, "up", offer));
	world_answer(w, B, invite, 200, "bob-tag", NULL, answer);
	strcpy(ok, world_out(w, A, 0));
	cr_assert(world_has(ok, "SIP/2.0 200 "), "%s", ok);
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
}

static void hang_up(void)
{
	world_request(w, A, "BYE", 90, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	cr_expect_eq(slab_used(w->media->bundles), 0);
	world_end(w);
}

/* What B is offered: a port for each, and nothing of a group. */
static void far_is_apart(const char *text)
{
	cr_expect(!world_has(text, "BUNDLE") && !world_has(text, "bundle-only"), "%s", text);
	cr_expect_neq(port_of(text, "audio"), port_of(text, "video"));
	cr_expect_neq(port_of(text, "video"), 0);
}

static void near_is_bundled(const char *text)
{
	cr_expect(world_has(text, "\r\na=group:BUNDLE s v\r\n"), "%s", text);
	cr_expect_eq(port_of(text, "audio"), port_of(text, "video"), "%s", text);
	cr_expect(world_has(text, "a=mid:s\r\n") && world_has(text, "a=mid:v\r\n"));
	cr_expect(world_has(text, "a=rtcp-mux\r\n") && world_has(text, EXT));
}

/* Where limen sends what it gets from B for section n, in the order of opening. */
static const struct stream_hot *towards_a(unsigned n)
{
	const struct stream_pair *pair = slab_at(w->media->hot, n);

	return &pair->from[SIDE_B];
}

static bool is_at(const struct net_endpoint *at, const char *wanted)
{
	struct net_endpoint want;

	return net_endpoint_parse(span_str(wanted), 0, &want) == 0 && net_endpoint_eq(at, &want);
}

Test(engine_bundle, is_taken_and_the_far_side_hears_nothing_of_it)
{
	call_up(V_A GROUP AUDIO VIDEO, V_B PLAIN);
	far_is_apart(invite);
	near_is_bundled(ok);
	for (unsigned n = 0; n < 2; n++) {
		cr_expect(is_at(&towards_a(n)->out.dst, "10.0.1.2:4000"), "all to the bundle's address");
		cr_expect(towards_a(n)->flags & STREAM_FAR_MUX);
	}
	hang_up();
}

Test(engine_bundle, what_is_offered_in_it_alone_is_offered_to_the_far_side)
{
	call_up(V_A GROUP AUDIO ONLY, V_B PLAIN);
	far_is_apart(invite);
	near_is_bundled(ok);
	hang_up();
}

Test(engine_bundle, a_section_that_is_refused_is_not_of_it)
{
	call_up(V_A GROUP AUDIO VIDEO, V_B "m=audio 6000 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n");
	cr_expect(world_has(ok, "\r\na=group:BUNDLE s\r\n"), "%s", ok);
	cr_expect_eq(port_of(ok, "video"), 0);
	cr_expect_neq(port_of(ok, "audio"), 0);
	hang_up();
	setup(); /* the one whose address counts: the next one's does */
	call_up(V_A GROUP AUDIO VIDEO, V_B "m=audio 0 RTP/AVP 0\r\nm=video 6002 RTP/AVP 96\r\n");
	cr_expect(world_has(ok, "\r\na=group:BUNDLE v\r\n"), "%s", ok);
	cr_expect(is_at(&towards_a(1)->out.dst, "10.0.1.2:4002"));
	hang_up();
}

Test(engine_bundle, without_rtcp_mux_or_with_keys_there_is_none)
{
	call_up(V_A GROUP "m=audio 4000 RTP/AVP 0\r\na=mid:s\r\nm=video 4002 RTP/AVP 96\r\na=mid:v\r\n",
		V_B PLAIN);
	cr_expect(!world_has(ok, "BUNDLE"));
	cr_expect_neq(port_of(ok, "audio"), port_of(ok, "video"));
	hang_up();
}

/* B's re-INVITE: A's bundle stays, under A's names, on the same port. */
Test(engine_bundle, is_kept_in_what_is_offered_later)
{
	unsigned port;
	char again[8192];

	call_up(V_A GROUP AUDIO VIDEO, V_B PLAIN);
	port = port_of(ok, "audio");
	world_request(w, B, "INVITE", 1, "re-b", invite, "bob-tag", "Contact: <sip:bob@10.0.2.2:5062>\n",
		      "v=0\r\no=b 7 8 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\n" PLAIN
		      "a=sendonly\r\n");
	strcpy(again, world_out(w, A, 0));
	near_is_bundled(again);
	cr_expect_eq(port_of(again, "video"), port);
	world_answer(w, A, again, 200, NULL, NULL,
		     "v=0\r\no=a 1 2 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n" GROUP
		     "m=audio 4008 RTP/AVP 0\r\na=mid:s\r\na=rtcp-mux\r\n"
		     "m=video 4008 RTP/AVP 96\r\na=mid:v\r\na=rtcp-mux\r\na=recvonly\r\n");
	far_is_apart(world_out(w, B, 0));
	cr_expect(is_at(&towards_a(1)->out.dst, "10.0.1.2:4008"), "A has moved");
	world_request(w, B, "ACK", 1, "ack-b", invite, "bob-tag", NULL, NULL);
	hang_up();
}

/* A's re-INVITE without the group takes it apart; with it it comes back. */
Test(engine_bundle, its_owner_may_end_it)
{
	static const char *const offers[] = {
		"v=0\r\no=a 1 2 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n" AUDIO VIDEO,
		"v=0\r\no=a 1 3 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n" GROUP AUDIO VIDEO,
	};

	call_up(V_A GROUP AUDIO VIDEO, V_B PLAIN);
	for (unsigned i = 0; i < 2; i++) {
		char branch[16], request[8192], answer[8192];

		snprintf(branch, sizeof(branch), "re%u", i);
		world_request(w, A, "INVITE", 2 + i, branch, ok, "alice-tag", "Contact: <sip:alice@10.0.1.2>\n",
			      offers[i]);
		strcpy(request, world_out(w, B, 0));
		world_answer(w, B, request, 200, NULL, NULL, V_B PLAIN);
		strcpy(answer, world_out(w, A, 0));
		if (i) {
			near_is_bundled(answer);
		} else {
			cr_expect(!world_has(answer, "BUNDLE"), "%s", answer);
			cr_expect_neq(port_of(answer, "audio"), port_of(answer, "video"));
			cr_expect(is_at(&towards_a(1)->out.dst, "10.0.1.2:4002"));
		}
		snprintf(branch, sizeof(branch), "reack%u", i);
		world_request(w, A, "ACK", 2 + i, branch, ok, "alice-tag", NULL, NULL);
	}
	hang_up();
}

/* The callee's: its offer is in the answer to an INVITE without one. */
Test(engine_bundle, of_a_callee_that_offers_late)
{
	char ack[8192];

	strcpy(invite, world_invite(w, "up", NULL));
	world_answer(w, B, invite, 200, "bob-tag", NULL, V_B GROUP AUDIO VIDEO);
	strcpy(ok, world_out(w, A, 0));
	far_is_apart(ok);
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, V_A PLAIN);
	strcpy(ack, world_out(w, B, 0));
	near_is_bundled(ack);
	hang_up();
}
