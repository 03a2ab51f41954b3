/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine and what messages say of their senders: headers hidden by plan, bodies of every
 * kind. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;

static void setup(void)
{
	w = world_new();
}

TestSuite(engine_bodies, .init = setup);

/* A header that the plan hides: users cross, hosts become limen's towards the reader; a header of
 * which nothing is left is not there. */
Test(engine_bodies, headers_are_hidden_by_plan)
{
	struct world_call call;

	world_call_up(w, &call);
	world_request(w, A, "INFO", 2, "info", call.ok_a, "alice-tag",
		      "P-Asserted-Identity: \"A\" <sip:+4930@pbx.example.com:5080;user=phone>\n"
		      "P-Asserted-Identity: tel:+4930\nCall-Info: <http://pbx.example.com/a.png>\n",
		      NULL);
	cr_expect(world_has(world_out(w, B, 0),
			    "\r\nP-Asserted-Identity: \"A\" <sip:+4930@10.0.2.1;user=phone>\r\n"
			    "P-Asserted-Identity: tel:+4930\r\n"));
	cr_expect(!world_has(world_out(w, B, 0), "Call-Info"));
	world_answer(w, B, world_out(w, B, 0), 200, NULL,
		     "p-asserted-identity: <sip:bob@10.0.2.2>\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "\r\nP-Asserted-Identity: <sip:bob@10.0.1.1>\r\n"));
	world_request(w, B, "BYE", 1, "bye", call.invite_b, "bob-tag", NULL, NULL);
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* ---- bodies of other kinds, in a call that is up ---- */

static struct world_call call;

static void with_call(void)
{
	setup();
	world_call_up(w, &call);
}

static void hang_up(void)
{
	world_request(w, B, "BYE", 1, "bye", call.invite_b, "bob-tag", NULL, NULL);
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* A's INFO with that body; what B gets, or A in its place. `head`: its Content-Type and what else
 * it says. */
static const char *info(unsigned cseq, const char *head, const char *body)
{
	char branch[16];

	snprintf(branch, sizeof(branch), "info%u", cseq);
	world_request(w, A, "INFO", cseq, branch, call.ok_a, "alice-tag", head, body);
	return world_out_count(w, B) ? world_out(w, B, 0) : world_out(w, A, 0);
}

TestSuite(engine_body, .init = with_call);

Test(engine_body, each_kind_as_it_may)
{
	static const struct {
		const char *type, *body, *wanted;
	} cases[] = {
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n",
		 "Content-Length: 24\r\n\r\nSignal=5\r\nDuration=160\r\n"},
		{"text/plain;charset=utf-8", "call me at 10.0.1.2", "\r\n\r\ncall me at 10.0.1.2"},
		{"application/simple-message-summary",
		 "Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\n"
		 "Voice-Message: 2/8 (0/2)\r\n",
		 "\r\n\r\nMessages-Waiting: yes\r\nMessage-Account: sip:alice@10.0.2.1\r\n"
		 "Voice-Message: 2/8 (0/2)\r\n"},
		{"message/sipfrag;version=2.0",
		 "SIP/2.0 486 Busy at pbx.example.com\r\nContact: <sip:b@10.0.1.2>\r\n",
		 "\r\n\r\nSIP/2.0 486 Busy Here\r\n"},
		{"Message/CPIM",
		 "From: Bob <im:bob@pc.example.com>\r\nDateTime: 2000-12-13T13:40:00-08:00\r\n\r\n"
		 "Content-Type: text/plain\r\n\r\nmy own bob@pc.example.com",
		 "\r\n\r\nFrom: Bob <im:bob@10.0.2.1>\r\nDateTime: "
		 "2000-12-13T13:40:00-08:00\r\n\r\n"
		 "Content-Type: text/plain\r\n\r\nmy own bob@pc.example.com"},
		{"message/cpim",
		 "From: <im:b@h>\r\n\r\nContent-Type: application/pidf+xml\r\n\r\n"
		 "<a b=\"sip:b@10.0.1.2\"/>",
		 "From: <im:b@10.0.2.1>\r\n\r\nContent-Type: application/pidf+xml\r\n\r\n"
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<a b=\"sip:b@10.0.2.1\"/>"},
		{"message/cpim", "From: <im:b@h>\r\n\r\nseen at 10.0.1.2",
		 "\r\n\r\nseen at 0.0.0.0"},
		{"message/cpim", "From: <im:b@h>\n\r10.0.1.2\r\n\r\n\r\nhello 10.0.1.2",
		 "\r\n\r\nFrom: <im:b@10.0.2.1>\n\r0.0.0.0\r\n\r\n\r\nhello 10.0.1.2"},
		{"message/cpim",
		 "From: <im:b@h>\r\n\r\nContent-Type: application/sdp\r\n\r\nc=IN IP4 10.0.1.2",
		 "SIP/2.0 415 "},
		{"message/cpim",
		 "From: <im:b@h>\r\n\r\nContent-Type: text/plain\r\n"
		 "Content-Transfer-Encoding: base64\r\n\r\nMTAuMC4xLjI=",
		 "SIP/2.0 415 "},
		{"application/pidf+xml",
		 "<?xml version=\"1.0\"?><presence entity=\"pres:a@pc.example.com\"/>",
		 "\r\n\r\n<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		 "<presence entity=\"pres:a@10.0.2.1\"/>"},
		{"application/pidf+xml", "<presence", "SIP/2.0 400 "},
		{"application/pidf+xml;charset=utf-7", "<a>+ADE-0.0.1.2</a>", "SIP/2.0 415 "},
		{"application/pidf+xml;charset=\"UTF-8\"", "<a/>", "\r\n<a/>"},
		{"application/isup", "\x01", "SIP/2.0 415 "},
		{"application/isup\nContent-Disposition: signal;handling=optional", "\x01",
		 "Content-Length: 0\r\n"},
		{"message/sipfrag", "From: <sip:alice@10.0.1.2>\r\n", "SIP/2.0 415 "},
		{"text/plain\nContent-Encoding: gzip", "x", "SIP/2.0 415 "},
		{"text/plain\nContent-Encoding: identity", "as is", "\r\n\r\nas is"},
		{"multipart/mixed", "--x\r\n\r\ny", "SIP/2.0 415 "},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char head[256];
		const char *got;

		snprintf(head, sizeof(head), "Content-Type: %s\n", cases[i].type);
		got = info(2 + i, head, cases[i].body);
		cr_expect(world_has(got, cases[i].wanted), "%s\n%s", cases[i].type, got);
		if (world_has(got, "SIP/2.0 415 "))
			cr_expect(world_has(got, "Accept: application/sdp, ") &&
				  world_has(got, "multipart/mixed") &&
				  world_has(got, "Accept-Encoding: identity\r\n"));
		if (world_has(got, "INFO "))
			world_answer(w, B, got, 200, NULL, NULL, NULL);
	}
	hang_up();
}

/* Parts each by their kind, the ones that may be missing left out, limen's own boundary, and the
 * names of parts changed wherever they stand. */
Test(engine_body, parts)
{
	char got[8192], boundary[64];

	strcpy(got,
	       info(2,
		    "Content-Type: multipart/related;type=\"application/rlmi+xml\";"
		    "start=\"<root@pc.example.com>\";boundary=\"a b\"\n",
		    "preamble of pc.example.com\r\n--a b\r\nContent-Type: application/rlmi+xml\r\n"
		    "Content-ID: <root@pc.example.com>\r\n\r\n"
		    "<list uri=\"sip:l@pc.example.com\"><instance "
		    "cid=\"one@pc.example.com\"/></list>"
		    "\r\n--a b\r\nContent-ID: <one@pc.example.com>\r\n"
		    "Content-Type: application/pidf+xml\r\n\r\n<presence "
		    "entity=\"sip:x@10.0.1.2\"/>"
		    "\r\n--a b\r\nContent-Type: application/x-secret\r\n"
		    "Content-Disposition: render; handling=optional\r\n\r\n10.0.1.2"
		    "\r\n--a b--\r\nepilogue of pc.example.com"));
	cr_expect(world_has(got, "INFO "));
	cr_expect(!world_has(got, "pc.example.com") && !world_has(got, "10.0.1.2") &&
			  !world_has(got, "a b") && !world_has(got, "x-secret"),
		  "%s", got);
	cr_assert_eq(sscanf(strstr(got, ";boundary="), ";boundary=%16[0-9a-f];", boundary), 1);
	cr_expect(world_has(got, ";type=\"application/rlmi+xml\";start=\"<"));
	cr_expect(world_has(got, "<list uri=\"sip:l@10.0.2.1\"><instance cid=\""));
	cr_expect(world_has(got, "<presence entity=\"sip:x@10.0.2.1\"/>"));
	/* Each Content-ID is what start and cid say. */
	{
		char id[64], wanted[128];

		cr_assert_eq(sscanf(strstr(got, "start=\"<"), "start=\"<%16[0-9a-f]>", id), 1);
		snprintf(wanted, sizeof(wanted), "Content-ID: <%s>\r\n", id);
		cr_expect(world_has(got, wanted));
		cr_assert_eq(sscanf(strstr(got, " cid=\""), " cid=\"%16[0-9a-f]\"", id), 1);
		snprintf(wanted, sizeof(wanted), "Content-ID: <%s>\r\n", id);
		cr_expect(world_has(got, wanted));
		snprintf(wanted, sizeof(wanted), "\r\n--%s--\r\n", boundary);
		cr_expect(world_has(got, wanted));
	}
	world_answer(w, B, got, 200, NULL, NULL, NULL);
	hang_up();
}

/* One part left of several: it is the body. */
Test(engine_body, a_part_that_is_left_alone)
{
	const char *got =
		info(2, "Content-Type: multipart/mixed;boundary=x\n",
		     "--x\r\nContent-Type: application/dtmf-relay;a=b\r\n\r\nSignal=1\r\n"
		     "--x\r\nContent-Type: application/isup\r\n"
		     "Content-Disposition: signal;handling=optional\r\n\r\n\x01\r\n--x--\r\n");

	cr_expect(world_has(got, "Content-Type: application/dtmf-relay;a=b\r\n"
				 "Content-Length: 8\r\n\r\nSignal=1"),
		  "%s", got);
	cr_expect(!world_has(got, "multipart"));
	world_answer(w, B, got, 200, NULL, NULL, NULL);
	got = info(3, "Content-Type: multipart/mixed;boundary=x\n",
		   "--x\r\nContent-Type: application/isup\r\n\r\n\x01\r\n--x--\r\n");
	cr_expect(world_has(got, "SIP/2.0 415 "));
	got = info(4, "Content-Type: multipart/mixed;boundary=x\n",
		   "--x\r\nContent-Type: multipart/alternative;boundary=y\r\n\r\n"
		   "--y\r\n\r\nwords\r\n--y\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n--y--\r\n"
		   "--x--\r\n");
	cr_expect(world_has(got, "Content-Type: multipart/alternative;boundary="), "%s", got);
	cr_expect(world_has(got, "Content-Type: text/plain\r\n\r\nwords\r\n--"), "%s", got);
	cr_expect(!world_has(got, "PNG"));
	world_answer(w, B, got, 200, NULL, NULL, NULL);
	got = info(5, "Content-Type: multipart/mixed;boundary=x\n",
		   "--x\r\nContent-Type: multipart/mixed;boundary=y\r\n\r\n--y\r\n"
		   "Content-Type: multipart/mixed;boundary=z\r\n\r\n--z\r\n\r\ndeep\r\n--z--\r\n"
		   "--y--\r\n--x--\r\n");
	cr_expect(world_has(got, "SIP/2.0 415 "), "%s", got);
	hang_up();
}

/* A response is never refused for what it carries: hidden, or without. */
Test(engine_body, in_answers)
{
	static const struct {
		const char *head, *body, *wanted, *not ;
	} cases[] = {
		{"Content-Type: text/plain\n", "no", "\r\n\r\nno", "@"},
		{"Content-Type: application/isup\n", "\x01", "Content-Length: 0\r\n", "isup"},
		{"Content-Type: application/reginfo+xml\n", "<a", "Content-Length: 0\r\n",
		 "reginfo"},
		{"Content-Type: application/reginfo+xml\n", "<a b=\"sip:x@10.0.2.2\"/>",
		 "<a b=\"sip:x@10.0.1.1\"/>", "10.0.2.2"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = info(2 + i, NULL, NULL);

		world_answer(w, B, got, 488, NULL, cases[i].head, cases[i].body);
		got = world_out(w, A, 0);
		cr_expect(world_has(got, "SIP/2.0 488 ") && world_has(got, cases[i].wanted) &&
				  !world_has(strstr(got, "Content-"), cases[i].not ),
			  "case %u\n%s", i, got);
	}
	hang_up();
}

/* A description among other parts steers media like one alone. */
Test(engine_bodies, a_description_among_parts)
{
	char body[1024], invite[8192];
	const struct world_report *ask;
	uint64_t id;

	snprintf(body, sizeof(body),
		 "--x\r\nContent-Type: application/pidf+xml\r\n\r\n<a b=\"sip:x@10.0.1.2\"/>\r\n"
		 "--x\r\nContent-Type: application/sdp\r\n\r\n%s\r\n--x--\r\n",
		 SDP_A);
	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKm\n"
		 "From: <sip:alice@10.0.1.2>;tag=a\nTo: <sip:bob@10.0.1.1>\nCall-ID: m\nCSeq: 1 "
		 "INVITE\n"
		 "Contact: <sip:alice@10.0.1.2>\nContent-Type: multipart/mixed; boundary=x\n",
		 body);
	ask = world_find(w, IPC_ASK);
	cr_assert(ask);
	memcpy(&id, ask->frame, sizeof(id));
	world_verdict(w, id, 0, 1);
	strcpy(invite, world_out(w, B, 0));
	cr_expect(world_has(invite, "<a b=\"sip:x@10.0.2.1\"/>"), "%s", invite);
	cr_expect(world_has(invite, "c=IN IP4 10.0.2.1\r\n") && !world_has(invite, "10.0.1.2"));
	world_answer(w, B, invite, 200, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 ") &&
		  world_has(world_out(w, A, 0), "c=IN IP4 10.0.1.1\r\n"));
	world_request(w, A, "ACK", 1, "mack", world_out(w, A, 0), "a", NULL, NULL);
	/* The description was an offer and is answered: another one may come. */
	world_request(w, B, "UPDATE", 1, "upd", invite, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, A, 0), "UPDATE "));
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, SDP_A);
	world_request(w, B, "BYE", 2, "bye", invite, "bob-tag", NULL, NULL);
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_end(w);
}
