/* SPDX-License-Identifier: BSD-3-Clause */
/* REFER that policy lets pass (RFC 3515), and its NOTIFYs: the new call comes back to limen, and
 * neither side learns of the other. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct world *w;
static struct world_call call;

static void setup(void)
{
	w = world_new();
	w->side_a.refer = IPC_REFER_PASS;
	w->side_b.refer = IPC_REFER_PASS;
	world_call_up(w, &call);
}

TestSuite(engine_refer, .init = setup);

/* What limen said last to a side. */
static char relayed[8192];

static void refer(unsigned cseq, const char *branch, const char *lines)
{
	world_request(w, A, "REFER", cseq, branch, call.ok_a, "alice-tag", lines, NULL);
}

static void refer_relayed(unsigned cseq, const char *branch, const char *lines)
{
	refer(cseq, branch, lines);
	cr_expect_eq(world_out_count(w, A), 0);
	strcpy(relayed, world_out(w, B, 0));
	cr_expect(world_has(relayed, "REFER sip:bob@10.0.2.2:5062 SIP/2.0\r\n"));
	cr_expect(world_has(relayed, "\r\nContact: <sip:"));
}

static void hang_up(unsigned cseq)
{
	world_request(w, A, "BYE", cseq, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

static void notify(unsigned cseq, const char *branch, const char *event, const char *state,
		   const char *body)
{
	char text[8192], limen[512], mine[512], id[256];

	world_header(relayed, "From", limen, sizeof(limen));
	world_header(relayed, "To", mine, sizeof(mine));
	world_header(relayed, "Call-ID", id, sizeof(id));
	snprintf(text, sizeof(text),
		 "NOTIFY sip:limen@10.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.2.2:5060;branch=z9hG4bK%s\n"
		 "Max-Forwards: 70\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %u NOTIFY\n%s%s%s",
		 branch, mine, limen, id, cseq, event, state,
		 body ? "Content-Type: message/sipfrag;version=2.0\n" : "");
	world_in(w, B, text, body);
}

Test(engine_refer, blind_transfer_is_relayed_and_told)
{
	const char *told;

	refer_relayed(2, "r1",
		      "Refer-To: \"Carol\" "
		      "<sip:carol@10.0.1.99:5070;transport=udp;method=INVITE?Subject=x>\n"
		      "Referred-By: <sip:alice@10.0.1.2>\n");
	cr_expect(world_has(relayed, "\r\nRefer-To: <sip:carol@10.0.2.1:5060;method=INVITE>\r\n"),
		  "%s", relayed);
	cr_expect(!world_has(relayed, "10.0.1."));
	world_answer(w, B, relayed, 202, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 202 Accepted\r\n"));
	cr_expect(world_has(world_out(w, A, 0), "\r\nContact: <sip:"));
	notify(1, "n1", "Event: refer\n", "Subscription-State: active;expires=60;x=10.0.2.2\n",
	       "SIP/2.0 100 Trying at 10.0.2.2\r\n");
	told = world_out(w, A, 0);
	cr_expect(world_has(told, "NOTIFY sip:alice@10.0.1.2:5061 SIP/2.0\r\n"));
	cr_expect(world_has(told, "\r\nEvent: refer\r\n"));
	cr_expect(world_has(told, "\r\nSubscription-State: active;expires=60\r\n"));
	cr_expect(world_has(told, "\r\n\r\nSIP/2.0 100 Trying\r\n"));
	cr_expect(world_has(told, "\r\nContent-Type: message/sipfrag;version=2.0\r\n"));
	cr_expect(!world_has(told, "10.0.2."));
	world_answer(w, A, told, 200, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 200 "));
	/* The id is the REFER's CSeq: in each dialog its own. */
	{
		char event[64], cseq[64];

		world_header(relayed, "CSeq", cseq, sizeof(cseq));
		snprintf(event, sizeof(event), "o: refer;id=%d\n", atoi(cseq));
		notify(2, "n2", event, "Subscription-State: terminated;reason=noresource\n",
		       "SIP/2.0 200 OK\r\n");
	}
	told = world_out(w, A, 0);
	cr_expect(world_has(told, "\r\nEvent: refer;id=2\r\n"));
	cr_expect(world_has(told, "\r\nSubscription-State: terminated;reason=noresource\r\n"));
	world_answer(w, A, told, 200, NULL, NULL, NULL);
	/* It is over. */
	notify(3, "n3", "Event: refer\n", "Subscription-State: active\n", "SIP/2.0 200 OK\r\n");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	hang_up(3);
}

Test(engine_refer, telephone_numbers)
{
	refer_relayed(2, "r1", "r: <tel:+49-30-123;phone-context=x>\n");
	cr_expect(world_has(relayed, "\r\nRefer-To: <sip:+49-30-123@10.0.2.1:5060;user=phone>\r\n"),
		  "%s", relayed);
	world_answer(w, B, relayed, 603, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 603 "));
	hang_up(3);
}

static void refused(const char *lines, const char *status)
{
	static unsigned cseq = 1;
	char branch[16];

	snprintf(branch, sizeof(branch), "x%u", ++cseq);
	refer(cseq, branch, lines);
	cr_expect(world_has(world_out(w, A, 0), status), "%s for %s:\n%s", status, lines,
		  world_out(w, A, 0));
	cr_expect_eq(world_out_count(w, B), 0, "%s", lines);
}

Test(engine_refer, what_is_refused)
{
	refused("", "SIP/2.0 400 ");
	refused("Refer-To: <sip:c@10.0.1.9>\nRefer-To: <sip:d@10.0.1.9>\n", "SIP/2.0 400 ");
	refused("Refer-To: <sip:c@10.0.1.9>, <sip:d@10.0.1.9>\n", "SIP/2.0 400 ");
	refused("Refer-To: *\n", "SIP/2.0 400 ");
	refused("Refer-To: <http://10.0.1.9/>\n", "SIP/2.0 416 ");
	refused("Refer-To: <sip:c@10.0.1.9;method=BYE>\n", "SIP/2.0 403 ");
	refused("Refer-To: <sip:10.0.1.9>\n", "SIP/2.0 404 ");
	refused("Refer-To: <sip:c@10.0.1.9?Replaces=x>\n", "SIP/2.0 400 ");
	refused("Refer-To: <sip:c@10.0.1.9?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>\n",
		"SIP/2.0 481 ");
	refused("Refer-To: <sip:c@10.0.1.9?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2&replaces=y>\n",
		"SIP/2.0 400 ");
	refused("Refer-To: <sip:c@10.0.1.9>\nRequire: tdialog\n", "SIP/2.0 420 ");
	hang_up(50);
}

Test(engine_refer, by_policy)
{
	world_request(w, A, "BYE", 2, "bye0", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
	w = world_new();
	w->side_a.refer = IPC_REFER_REFUSE;
	w->side_b.refer = IPC_REFER_PASS;
	world_call_up(w, &call);
	refused("Refer-To: <sip:c@10.0.1.9>\n", "SIP/2.0 403 ");
	/* The other side may. */
	world_request(w, B, "REFER", 1, "b1", call.invite_b, "bob-tag",
		      "Refer-To: <sip:c@10.0.2.9>\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "\r\nRefer-To: <sip:c@10.0.1.1:5060>\r\n"));
	world_answer(w, A, world_out(w, A, 0), 202, NULL, NULL, NULL);
	hang_up(50);
}

Test(engine_refer, notify_rules)
{
	static const char *const state = "Subscription-State: active;expires=60\n";

	refer_relayed(2, "r1", "Refer-To: <sip:carol@10.0.1.99>\n");
	notify(1, "n1", "", state, "SIP/2.0 100 Trying\r\n");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 400 "));
	notify(2, "n2", "Event: refer\n", "", "SIP/2.0 100 Trying\r\n");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 400 "));
	notify(3, "n3", "Event: presence\n", state, "SIP/2.0 100 Trying\r\n");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 489 "));
	cr_expect(world_has(world_out(w, B, 0), "\r\nAllow-Events: refer\r\n"));
	notify(4, "n4", "Event: refer;id=77\n", state, "SIP/2.0 100 Trying\r\n");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	notify(5, "n5", "Event: refer\n", state, "INVITE sip:x@y SIP/2.0\r\n");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 400 "));
	cr_expect_eq(world_out_count(w, A), 0);
	/* Without a body nothing is told but that it lives. */
	notify(6, "n6", "Event: refer\n", "Subscription-State: pending\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "\r\nSubscription-State: pending\r\n"));
	cr_expect(world_has(world_out(w, A, 0), "\r\nContent-Length: 0\r\n"));
	world_answer(w, A, world_out(w, A, 0), 200, NULL, NULL, NULL);
	world_answer(w, B, relayed, 202, NULL, NULL, NULL);
	hang_up(3);
}

Test(engine_refer, notify_without_a_refer)
{
	strcpy(relayed, call.invite_b);
	strstr(strstr(relayed, "\r\nTo: ") + 2, "\r\n")[0] = 0;
	strcat(relayed, ";tag=bob-tag");
	strcat(relayed, strstr(call.invite_b, "\r\nCall-ID:"));
	notify(1, "n1", "Event: refer\n", "Subscription-State: active\n", "SIP/2.0 100 Trying\r\n");
	cr_expect(world_has(world_out(w, B, 0), "SIP/2.0 481 "));
	hang_up(2);
}

/* Alice has a call with Bob and one with Dave, both on side B, and brings them together: Bob calls
 * limen with a name that only limen can read, and Dave gets that of his own dialog. */
Test(engine_refer, attended_transfer)
{
	char dave_invite[8192], dave_ok[8192], lines[1024], text[4096], tag[64], id[128], *to, *end;
	uint64_t ask;

	/* The call with Dave: the same flow with other names. */
	snprintf(
		text, sizeof(text),
		"INVITE sip:dave@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKd\n"
		"Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=alice-Two\nTo: "
		"<sip:dave@10.0.1.1>\nCall-ID: dave(1)@10.0.1.2\nCSeq: 1 INVITE\nContact: "
		"<sip:alice@10.0.1.2:5061>\nContent-Type: application/sdp\n");
	world_in(w, A, text, SDP_A);
	world_verdict(w, world_ask_id(w), 0, 1);
	strcpy(dave_invite, world_out(w, B, 0));
	world_answer(w, B, dave_invite, 200, "dave-tag", NULL, SDP_B);
	strcpy(dave_ok, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "dack", dave_ok, "alice-Two", NULL, NULL);

	world_header(dave_ok, "To", text, sizeof(text));
	snprintf(tag, sizeof(tag), "%s", strstr(text, ";tag=") + 5);
	snprintf(lines, sizeof(lines),
		 "Refer-To: "
		 "<sip:dave@10.0.1.1?Replaces=dave(1)%%4010.0.1.2%%3Bto-tag%%3D%s%%3Bfrom-tag"
		 "%%3Dalice-Two>\n",
		 tag);
	refer_relayed(2, "r1", lines);
	cr_expect(!world_has(relayed, "dave(1)") && !world_has(relayed, "alice-"));
	to = strstr(relayed, "\r\nRefer-To: <sip:dave@10.0.2.1:5060?Replaces=");
	cr_assert(to, "%s", relayed);
	to = strchr(to, '=') + 1;
	end = strchr(to, '>');
	world_answer(w, B, relayed, 202, NULL, NULL, NULL);

	/* Bob calls as he was told. */
	{
		char replaces[512];
		size_t n = 0;

		for (const char *p = to; p < end; p++) {
			unsigned c = (uint8_t)*p;

			if (*p == '%') {
				sscanf(p + 1, "%2x", &c);
				p += 2;
			}
			replaces[n++] = (char)c;
		}
		replaces[n] = 0;
		snprintf(text, sizeof(text),
			 "INVITE sip:dave@10.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP "
			 "10.0.2.2:5060;branch=z9hG4bKt\nMax-Forwards: 70\nFrom: "
			 "<sip:bob@10.0.2.2>;tag=bob-Three\nTo: <sip:dave@10.0.2.1>\nCall-ID: "
			 "bob-calls\nCSeq: 1 INVITE\nContact: <sip:bob@10.0.2.2>\nReplaces: %s\n"
			 "Content-Type: application/sdp\n",
			 replaces);
	}
	world_in(w, B, text, SDP_B);
	ask = world_ask_id(w);
	/* Dave's call is Alice's Call-ID's: another worker may own it. */
	if (w->nowner) {
		struct world_owner_msg question = w->owner[0];

		world_owner(w, question.bytes, question.len);
	}
	world_verdict(w, ask, 0, 1);
	snprintf(lines, sizeof(lines), "\r\nReplaces: %s;to-tag=dave-tag;from-tag=",
		 world_header(dave_invite, "Call-ID", id, sizeof(id)));
	cr_expect(world_has(world_out(w, B, 0), lines), "%s", world_out(w, B, 0));
	world_header(dave_invite, "From", text, sizeof(text));
	cr_expect(world_has(world_out(w, B, 0), strstr(text, ";tag=") + 5));
	world_answer(w, B, world_out(w, B, 0), 486, "dave-other", NULL, NULL);

	world_request(w, A, "BYE", 2, "dbye", dave_ok, "alice-Two", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	hang_up(3);
}

/* The name is good in the realm that it was told in, for the dialog it was made for: not elsewhere. */
Test(engine_refer, hidden_name_used_elsewhere)
{
	char lines[1024], tag[64], text[4096], replaces[512], *to;
	size_t n = 0;

	world_header(call.ok_a, "To", text, sizeof(text));
	snprintf(tag, sizeof(tag), "%s", strstr(text, ";tag=") + 5);
	snprintf(lines, sizeof(lines),
		 "Refer-To: "
		 "<sip:bob@10.0.1.1?Replaces=call-up%%4010.0.1.2%%3Bto-tag%%3D%s%%3Bfrom-tag"
		 "%%3Dalice-tag>\n",
		 tag);
	refer_relayed(2, "r1", lines);
	world_answer(w, B, relayed, 202, NULL, NULL, NULL);
	to = strstr(relayed, "?Replaces=") + 10;
	for (const char *p = to; *p != '>'; p++) {
		unsigned c = (uint8_t)*p;

		if (*p == '%') {
			sscanf(p + 1, "%2x", &c);
			p += 2;
		}
		replaces[n++] = (char)c;
	}
	replaces[n] = 0;
	for (int side = A; side <= B; side++) {
		snprintf(text, sizeof(text),
			 "INVITE sip:bob@10.0.%d.1 SIP/2.0\nVia: SIP/2.0/UDP "
			 "10.0.%d.2:5060;branch=z9hG4bKe%d\nMax-Forwards: 70\nFrom: "
			 "<sip:eve@10.0.%d.2>;tag=eve\nTo: <sip:bob@10.0.%d.1>\nCall-ID: "
			 "eve%d\nCSeq: 1 INVITE\nContact: <sip:eve@10.0.%d.2>\nReplaces: %s\n",
			 side + 1, side + 1, side, side + 1, side + 1, side, side + 1, replaces);
		world_in(w, side, text, NULL);
		if (side == A) {
			cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 481 "));
		} else {
			/* There it is found: the target is on the dialog's own network. */
			world_verdict(w, world_ask_id(w), 0, 1);
			cr_expect(world_has(world_out(w, B, 0), ";to-tag=bob-tag;"));
			world_answer(w, B, world_out(w, B, 0), 486, "x", NULL, NULL);
		}
	}
	hang_up(3);
}
