/* SPDX-License-Identifier: BSD-3-Clause */
/* From a question to a verdict: that nothing of the near side is in what the far side would see. */
#include <stdio.h>

#include "ask_rig.h"
#include "common/sip/edit_plan.h"
#include "common/sip/hide.h"

/* What one side says of itself, header by header; SECRET marks what the other side must never
 * see. */
static const char revealing[] =
	"INVITE sip:2001;tgrp=SECRET;phone-context=SECRET@10.99.1.1 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP SECRET.example:5060;branch=z9hG4bKSECRET\r\n"
	"From: \"Alice\" <sip:1001:SECRET@SECRET.example;x=SECRET>;tag=SECRET\r\n"
	"To: \"SECRET\" <sip:2001@SECRET.example;x=SECRET>\r\n"
	"Call-ID: SECRET@SECRET\r\nCSeq: 1 INVITE\r\nContact: <sip:SECRET@SECRET>\r\nMax-Forwards: "
	"70\r\n"
	"Route: <sip:SECRET;lr>\r\nRecord-Route: <sip:SECRET;lr>\r\nUser-Agent: SECRET\r\nServer: "
	"SECRET\r\n"
	"Organization: SECRET\r\nSubject: SECRET\r\nWarning: 399 SECRET \"SECRET\"\r\nAlert-Info: "
	"<http://SECRET>\r\n"
	"Call-Info: <http://SECRET>\r\nError-Info: <http://SECRET>\r\nIn-Reply-To: "
	"SECRET\r\nReply-To: <sip:SECRET>\r\n"
	"Allow-Events: presence\r\nAuthentication-Info: nextnonce=\"SECRET\"\r\n"
	"Authorization: Digest username=\"SECRET\"\r\nProxy-Authorization: Digest "
	"username=\"SECRET\"\r\n"
	"WWW-Authenticate: Digest realm=\"SECRET\"\r\nProxy-Authenticate: Digest "
	"realm=\"SECRET\"\r\n"
	"Diversion: <sip:SECRET@SECRET>\r\nHistory-Info: <sip:SECRET@SECRET>;index=1\r\nJoin: "
	"SECRET\r\n"
	"Replaces: SECRET;to-tag=SECRET;from-tag=SECRET\r\nTarget-Dialog: SECRET\r\nMax-Breadth: "
	"60\r\nPath: <sip:SECRET>\r\n"
	"Service-Route: <sip:SECRET>\r\nProxy-Require: SECRET\r\nP-Asserted-Identity: "
	"<sip:1001@SECRET>\r\n"
	"P-Preferred-Identity: <sip:SECRET>\r\nP-Access-Network-Info: SECRET\r\nP-Charging-Vector: "
	"icid-value=SECRET\r\n"
	"P-Charging-Function-Addresses: ccf=SECRET\r\nP-Associated-URI: "
	"<sip:SECRET>\r\nP-Called-Party-ID: <sip:SECRET>\r\n"
	"P-Visited-Network-ID: SECRET\r\nRefer-To: <sip:SECRET>\r\nReferred-By: <sip:SECRET>\r\n"
	"Remote-Party-ID: <sip:SECRET>\r\nSession-ID: SECRET\r\nSIP-ETag: SECRET\r\nSIP-If-Match: "
	"SECRET\r\nTimestamp: 1\r\n"
	"X-Asterisk-HangupCause: SECRET\r\nGeolocation: <http://SECRET>\r\nIdentity: "
	"SECRET\r\nUser-to-User: SECRET\r\n"
	"P-Unheard-Of: SECRET\r\nContent-ID: <SECRET>\r\nAccept-Contact: SECRET\r\nX-Next: "
	"SECRET\r\n"
	"Accept: application/sdp\r\nAccept-Language: de\r\nAllow: INVITE, ACK\r\nContent-Type: "
	"application/sdp\r\n"
	"Content-Disposition: session\r\nDate: Thu, 29 Feb 2024 12:00:00 GMT\r\nExpires: "
	"60\r\nMin-SE: 90\r\n"
	"P-Early-Media: supported\r\nPriority: normal\r\nPrivacy: id\r\nReason: "
	"Q.850;cause=16\r\nRequire: 100rel\r\n"
	"Retry-After: 5 (10.99.1.2)\r\nRSeq: 1\r\nSession-Expires: 1800\r\nSupported: "
	"timer\r\nUnsupported: "
	"foo\r\n"
	"Recv-Info: x\r\nContent-Length: 0\r\n\r\n";

/* Headers the engine writes itself on each leg: a plan has no say. */
static bool engine_writes(uint8_t id)
{
	return id == SIP_HDR_VIA || id == SIP_HDR_FROM || id == SIP_HDR_TO ||
	       id == SIP_HDR_CALL_ID || id == SIP_HDR_CSEQ || id == SIP_HDR_CONTACT ||
	       id == SIP_HDR_MAX_FORWARDS || id == SIP_HDR_ROUTE || id == SIP_HDR_RECORD_ROUTE ||
	       id == SIP_HDR_CONTENT_LENGTH || id == SIP_HDR_RACK;
}

/* Write the headers that a plan lets cross, as the engine would. */
static void put_crossing(struct cursor *out, struct span plan, enum edit_direction direction,
			 const struct sip_msg *msg)
{
	const struct hide hide = {.self = {.addr = {{10, 99, 2, 1}}, .family = NET_IP4}};

	for (unsigned i = 0; i < msg->nhdrs; i++) {
		struct span name = sip_span(msg, msg->hdrs[i].name), value;

		if (engine_writes(msg->hdrs[i].id))
			continue;
		switch (edit_plan_action(plan, direction, msg->hdrs[i].id, name, &value)) {
		case EDIT_PASS:
			put_span(out, name);
			put_lit(out, ": ");
			put_span(out, sip_span(msg, msg->hdrs[i].value));
			put_lit(out, "\r\n");
			break;
		case EDIT_HIDE:
			put_span(out, name);
			put_lit(out, ": ");
			hide_header(out, &hide, msg->hdrs[i].id, sip_span(msg, msg->hdrs[i].value));
			put_lit(out, "\r\n");
			break;
		default:
			break;
		}
	}
}

/* All that the verdict would make the far side see of the revealing message. */
static struct span seen(const struct asked *asked, enum edit_direction direction, char *buf,
			uint32_t cap)
{
	struct cursor out = cursor_on(buf, cap);
	struct ipc_target_view view;
	struct sip_msg msg;
	uint32_t at = 0;

	cr_assert_eq(sip_parse(&msg, revealing, sizeof(revealing) - 1, SIP_DATAGRAM), SIP_PARSE_OK,
		     "%s", msg.why);
	while (direction == EDIT_TO_B && ipc_verdict_next_target(asked->verdict, &at, &view)) {
		put_span(&out, view.ruri);
		put_char(&out, '\n');
		put_span(&out, view.from);
		put_char(&out, '\n');
		put_span(&out, view.to);
		put_char(&out, '\n');
	}
	put_crossing(&out, ipc_verdict_plan(asked->verdict), direction, &msg);
	cr_assert_not(out.full);
	return cursor_span(&out);
}

static bool holds(struct span text, const char *word)
{
	return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

Test(ask_hiding, nothing_of_one_side_reaches_the_other)
{
	static const char *const own[] = {"10.99.1.",	    "fd99:1:",	   "SECRET",
					  "SECRET.example", "Max-Breadth", "Timestamp",
					  "Session-Expires", "Min-SE"};
	static const char *const needed[] = {
		"Accept:", "Allow:", "Content-Type:", "Date:", "Expires:",
		"Priority:", "Reason:", "Require:", "Retry-After:",
		"Supported:", "Unsupported:", "P-Early-Media:", "Recv-Info:"};
	struct asked *asked = start(CONF_TWO_SIDES);
	char buf[32768];

	ask(asked, 0, "10.99.1.2", revealing);
	cr_assert_eq(asked->verdict->status, 0);
	for (int direction = 0; direction < EDIT_DIRECTIONS; direction++) {
		struct span text = seen(asked, (enum edit_direction)direction, buf, sizeof(buf));

		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
			cr_expect_not(holds(text, own[i]), "%s in\n%.*s", own[i], SPAN_FMT(text));
		for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
			cr_expect(holds(text, needed[i]), "%s does not cross", needed[i]);
	}
	stop(asked);
}

Test(ask_hiding, only_what_both_trunks_pass_crosses_besides)
{
	struct asked *asked =
		start(CONF_HEAD "realms:\n"
				"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"
				"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"
				"trunks:\n"
				"  - {name: a, realm: ra, peers: [10.99.1.2], headers_pass: "
				"[p-asserted-identity, Diversion, X-Next, Supported]}\n"
				"  - {name: b, realm: rb, peers: [10.99.2.2], headers_pass: "
				"[Subject, x-next, P-Asserted-Identity]}\n"
				"routes:\n  - {from: a, to: b}\n");
	char buf[32768];

	ask(asked, 0, "10.99.1.2", revealing);
	cr_assert_eq(asked->verdict->status, 0);
	for (int direction = 0; direction < EDIT_DIRECTIONS; direction++) {
		struct span text = seen(asked, (enum edit_direction)direction, buf, sizeof(buf));

		/* the message asks for privacy, and b is outside the trust domain */
		cr_expect_eq(holds(text, "P-Asserted-Identity: <sip:1001@SECRET>"),
			     direction == EDIT_TO_A);
		cr_expect(holds(text, "X-Next: SECRET"));
		cr_expect_not(holds(text, "Diversion"));
		cr_expect_not(holds(text, "Subject"));
		cr_expect(holds(text, "Supported"));
	}
	stop(asked);
}
