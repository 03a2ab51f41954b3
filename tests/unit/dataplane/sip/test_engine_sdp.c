/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine and session descriptions with more in them than audio: what is relayed, what is
 * refused in its place, and what ends the call. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define FROM_A "v=0\r\no=a 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n"
#define FROM_B "v=0\r\no=b 7 7 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\n"
#define AUDIO  "m=audio 4000 RTP/AVP 0\r\n"
#define VIDEO  "m=video 4002 RTP/AVP 96\r\n"
#define MSRP   "m=message 7654 TCP/MSRP *\r\na=path:msrp://10.0.1.2:7654/x;tcp\r\n"

static struct world *w;
static char invite[8192];

static void setup(void)
{
	w = world_new();
}

TestSuite(engine_sdp, .init = setup);

static void offer(const char *sdp)
{
	strcpy(invite, world_invite(w, "up", sdp));
}

/* The answer's 200 as A gets it. */
static const char *answer(const char *sdp)
{
	world_answer(w, B, invite, 200, "bob-tag", NULL, sdp);
	return world_out(w, A, 0);
}

static void hang_up(const char *ok)
{
	char copy[8192];

	strcpy(copy, ok);
	world_request(w, A, "ACK", 1, "ack", copy, "alice-tag", NULL, NULL);
	world_request(w, A, "BYE", 9, "bye", copy, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* A whole line; 0 stands for any port above 0. */
static bool has_media(const char *text, const char *type, const char *rest, bool active)
{
	char found[64] = "", wanted[64];
	unsigned port = 0;
	const char *at;

	snprintf(wanted, sizeof(wanted), "m=%s ", type);
	at = strstr(text, wanted);
	return at && sscanf(at + strlen(wanted), "%u %63[^\r]", &port, found) == 2 &&
	       strcmp(found, rest) == 0 && (port != 0) == active;
}

/* limen does not do DTLS: such sections are refused in their place, and an offer of nothing else
 * with 488. Keys of either kind do not cross. */
Test(engine_sdp, dtls_is_refused)
{
	static const char secured[] =
		"m=video 4002 UDP/TLS/RTP/SAVPF 96\r\na=fingerprint:sha-1 AB:CD\r\n"
		"a=setup:actpass\r\nm=image 4004 UDP/TLS/UDPTL t38\r\n";
	char sdp[1024];
	const char *ok;

	snprintf(sdp, sizeof(sdp), "%s" AUDIO "%s", FROM_A, secured);
	offer(sdp);
	cr_expect(has_media(invite, "audio", "RTP/AVP 0", true));
	cr_expect(has_media(invite, "video", "UDP/TLS/RTP/SAVPF 96", false));
	cr_expect(has_media(invite, "image", "UDP/TLS/UDPTL t38", false));
	cr_expect(!world_has(invite, "fingerprint") && !world_has(invite, "setup"));
	ok = answer(FROM_B AUDIO "m=video 0 RTP/AVP 96\r\nm=image 0 udptl t38\r\n");
	cr_expect(has_media(ok, "audio", "RTP/AVP 0", true));
	hang_up(ok);
}

Test(engine_sdp, msrp_is_refused_in_its_place_unless_both_sides_may)
{
	for (unsigned flags = 0; flags < 4; flags++) {
		if (flags)
			w = world_new();
		w->side_a.flags = flags & 1 ? IPC_POLICY_MSRP : 0;
		w->side_b.flags = flags & 2 ? IPC_POLICY_MSRP : 0;
		offer(FROM_A AUDIO MSRP);
		cr_expect(has_media(invite, "audio", "RTP/AVP 0", true));
		cr_expect(has_media(invite, "message", "TCP/MSRP *", flags == 3));
		cr_expect_eq(world_has(invite,
				       "\r\nm=message 7654 TCP/MSRP *\r\nc=IN IP4 10.0.1.2\r\n"
				       "a=path:msrp://10.0.1.2:7654/x;tcp\r\n"),
			     flags == 3);
		cr_expect_eq(world_has(invite, "10.0.1.2"), flags == 3, "%s", invite);
		hang_up(answer(FROM_B AUDIO "m=message 0 TCP/MSRP *\r\n"));
	}
}

Test(engine_sdp, an_answer_with_too_few_or_too_many_sections)
{
	const char *ok;

	offer(FROM_A AUDIO VIDEO);
	ok = answer(FROM_B AUDIO);
	cr_expect(has_media(ok, "audio", "RTP/AVP 0", true));
	cr_expect(has_media(ok, "video", "RTP/AVP 31", false));
	hang_up(ok);
	setup();
	offer(FROM_A AUDIO);
	ok = answer(FROM_B AUDIO VIDEO);
	cr_expect(has_media(ok, "audio", "RTP/AVP 0", true) && !world_has(ok, "m=video"));
	hang_up(ok);
}

/* Types out of order are no answer: the call ends on both sides (RFC 3261 section 13.2.2.4). */
Test(engine_sdp, an_answer_in_another_order)
{
	offer(FROM_A AUDIO VIDEO);
	world_answer(w, B, invite, 200, "bob-tag", NULL, FROM_B VIDEO AUDIO);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	cr_expect(world_has(world_out(w, B, 0), "ACK ") && world_has(world_out(w, B, 1), "BYE "));
	world_answer(w, B, world_out(w, B, 1), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine_sdp, more_sections_than_are_relayed_and_than_are_read)
{
	char sdp[2048] = FROM_A;
	unsigned refused = 0;

	for (unsigned i = 0; i < 10; i++)
		strcat(sdp, AUDIO);
	offer(sdp);
	for (const char *at = invite; (at = strstr(at, "m=audio ")) != NULL; at++)
		refused += strncmp(at, "m=audio 0 ", 10) == 0;
	cr_expect_eq(refused, 2);
	hang_up(answer(FROM_B AUDIO));
	setup();
	for (unsigned i = 0; i < 10; i++)
		strcat(sdp, AUDIO);
	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKmany\n"
		 "From: <sip:alice@10.0.1.2>;tag=a\nTo: <sip:bob@10.0.1.1>\nCall-ID: many\n"
		 "CSeq: 1 INVITE\nContact: <sip:alice@10.0.1.2>\nContent-Type: application/sdp\n",
		 sdp);
	{
		const struct world_report *ask = world_find(w, IPC_ASK);
		uint64_t id;

		cr_assert(ask);
		memcpy(&id, ask->frame, sizeof(id));
		world_verdict(w, id, 0, 1);
	}
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 488 "));
	world_end(w);
}

/* A description that cannot be read: nobody relies on one in a plain 183, so the ringing passes;
 * one that must be acknowledged ends the call. */
Test(engine_sdp, a_bad_description_in_a_provisional_response)
{
	offer(FROM_A AUDIO);
	world_answer(w, B, invite, 183, "bob-tag", NULL, "v=1\r\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 183 ") &&
		  world_has(world_out(w, A, 0), "Content-Length: 0\r\n"));
	world_answer(w, B, invite, 183, "bob-tag", "Require: 100rel\nRSeq: 5\n", "v=1\r\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	cr_expect(world_has(world_out(w, B, 0), "CANCEL "));
	world_answer(w, B, invite, 487, "bob-tag", NULL, NULL);
	world_end(w);
}

/* A section taken away and brought back, by either side; and one after another. */
Test(engine_sdp, sections_come_and_go)
{
	char up[8192], got[8192];

	offer(FROM_A AUDIO);
	strcpy(up, answer(FROM_B AUDIO));
	world_request(w, A, "ACK", 1, "ack", up, "alice-tag", NULL, NULL);
	world_request(w, B, "UPDATE", 1, "u1", invite, "bob-tag", NULL, FROM_B AUDIO VIDEO);
	strcpy(got, world_out(w, A, 0));
	cr_expect(has_media(got, "audio", "RTP/AVP 0", true) &&
		  has_media(got, "video", "RTP/AVP 96", true));
	world_answer(w, A, got, 200, NULL, NULL, FROM_A AUDIO VIDEO);
	cr_expect(has_media(world_out(w, B, 0), "video", "RTP/AVP 96", true));
	world_request(w, A, "UPDATE", 2, "u2", up, "alice-tag", NULL,
		      FROM_A AUDIO "m=video 0 RTP/AVP 96\r\n");
	strcpy(got, world_out(w, B, 0));
	cr_expect(has_media(got, "video", "RTP/AVP 96", false));
	world_answer(w, B, got, 200, NULL, NULL, FROM_B AUDIO);
	cr_expect(has_media(world_out(w, A, 0), "video", "RTP/AVP 31", false));
	world_request(w, A, "BYE", 3, "bye", up, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}
