/* SPDX-License-Identifier: BSD-3-Clause */
/* What sip_parse fills in of good messages (RFC 3261 section 7, with the oddities of RFC 4475
 * section 3.1.1). */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>

#include "guarded.h"
#include "../../../sip_check.h"

static struct sip_msg msg;

static enum sip_parse_result parse(const char *text, size_t len, enum sip_framing framing)
{
	enum sip_parse_result result = sip_parse(&msg, guard_behind(text, len), len, framing);
	const char *wrong = sip_check(&msg, len, framing, result);

	cr_expect_null(wrong, "%s", wrong);
	return result;
}

static void parse_good(const char *text, size_t len)
{
	cr_assert_eq(parse(text, len, SIP_STREAM), SIP_PARSE_OK, "as a stream: %s", msg.why);
	cr_assert_eq(parse(text, len, SIP_DATAGRAM), SIP_PARSE_OK, "as a datagram: %s", msg.why);
}

#define PARSE_GOOD(text) parse_good((text), sizeof(text) - 1)
#define EXPECT(slice, text)                                                                        \
	cr_expect(span_is(sip_span(&msg, (slice)), (text)), "\"%.*s\"",                            \
		  SPAN_FMT(sip_span(&msg, (slice))))

Test(parse, a_request)
{
	PARSE_GOOD("INVITE sip:bob@biloxi.example:5070;user=phone SIP/2.0\r\n"
		   "Via: SIP/2.0/TCP pc33.atlanta.example:5066;branch=z9hG4bK776asdhds;rport\r\n"
		   "Via: SIP/2.0/UDP far.example;branch=z9hG4bKother\r\n"
		   "Max-Forwards: 70\r\n"
		   "To: Bob <sip:bob@biloxi.example>\r\n"
		   "From: \"Alice\" <sip:alice@atlanta.example;x=y>;tag=1928301774;z\r\n"
		   "Call-ID: a84b4c76e66710@pc33.atlanta.example\r\n"
		   "CSeq: 314159 INVITE\r\n"
		   "Contact: <sip:alice@pc33.atlanta.example>\r\n"
		   "X-Token: first\r\n"
		   "Content-Type: text/plain\r\n"
		   "X-Token: second\r\n"
		   "Content-Length: 4\r\n"
		   "\r\n"
		   "body");
	cr_expect(msg.is_request);
	cr_expect_eq(msg.method, SIP_METHOD_INVITE);
	EXPECT(msg.method_name, "INVITE");
	EXPECT(msg.ruri, "sip:bob@biloxi.example:5070;user=phone");
	EXPECT(msg.call_id, "a84b4c76e66710@pc33.atlanta.example");
	EXPECT(msg.from_uri, "sip:alice@atlanta.example;x=y");
	EXPECT(msg.from_tag, "1928301774");
	EXPECT(msg.to_uri, "sip:bob@biloxi.example");
	cr_expect_eq(msg.to_tag.len, 0);
	EXPECT(msg.cseq_method, "INVITE");
	cr_expect_eq(msg.cseq, 314159);
	cr_expect_eq(msg.max_forwards, 70);
	EXPECT(msg.via_host, "pc33.atlanta.example");
	EXPECT(msg.via_branch, "z9hG4bK776asdhds");
	cr_expect_eq(msg.via_port, 5066);
	cr_expect_eq(msg.via_transport, NET_TCP);
	cr_expect(msg.via_rport);
	EXPECT(msg.body, "body");
	cr_expect_eq(msg.content_length, 4);
	cr_expect(msg.answerable);
	cr_expect_eq(msg.reason.len, 0);

	cr_expect_eq(msg.nhdrs, 12);
	cr_expect_eq(msg.first[SIP_HDR_VIA], 0);
	cr_expect_eq(msg.hdrs[0].next, 1);
	cr_expect_eq(msg.hdrs[1].next, SIP_HDR_NONE);
	EXPECT(msg.hdrs[8].name, "X-Token");
	EXPECT(msg.hdrs[8].value, "first");
	EXPECT(msg.hdrs[10].value, "second");
	cr_expect_eq(msg.first[SIP_HDR_ROUTE], SIP_HDR_NONE);
}

Test(parse, a_response)
{
	PARSE_GOOD(
		"SIP/2.0 183 Session  Progress\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1:5060;rport=5062;received=192.0.2.9;branch=z9hG4bKa\r\n"
		"From: sip:a@h;tag=f\r\n"
		"To: sip:b@h;tag=t\r\n"
		"Call-ID: 1\r\n"
		"CSeq: 7 PRACK\r\n"
		"Content-Length: 0\r\n"
		"\r\n");
	cr_expect_not(msg.is_request);
	cr_expect_not(msg.answerable);
	cr_expect_eq(msg.status, 183);
	cr_expect_eq(msg.method, SIP_METHOD_PRACK);
	EXPECT(msg.reason, "Session  Progress");
	EXPECT(msg.from_uri, "sip:a@h");
	EXPECT(msg.from_tag, "f");
	EXPECT(msg.to_uri, "sip:b@h");
	EXPECT(msg.to_tag, "t");
	cr_expect_eq(msg.cseq, 7);
	cr_expect_eq(msg.max_forwards, -1);
	cr_expect_eq(msg.via_port, 5060);
	cr_expect_not(msg.via_rport, "it has a value already");
	EXPECT(msg.via_branch, "z9hG4bKa");
	cr_expect_eq(msg.method_name.len, 0);
	cr_expect_eq(msg.ruri.len, 0);
	cr_expect_eq(msg.body.len, 0);
}

Test(parse, compact_forms_folds_and_white_space)
{
	PARSE_GOOD("mEtHoD tel:+1;x SIP/2.0\r\n"
		   "T :\r\n  \"J \\\\\\\"\"       <sip:b@h>\r\n  ;\r\n  tag = 98asjd8\r\n"
		   "f\t:caller<sip:a@h>\r\n ;\ttag\t=\t1\r\n"
		   "MaX-fOrWaRdS: 0068\r\n"
		   "I:x@y  \t \r\n"
		   "l   : 0000\r\n"
		   "cseq: 0009\r\n  mEtHoD\r\n"
		   "v  : SIP  /   2.0\r\n /UDP\r\n    [2001:db8::1] : 5061;branch\r\n = "
		   "390skdjuw,SIP/2.0/TCP x\r\n"
		   "s :\r\n"
		   "\r\n");
	cr_expect_eq(msg.method, SIP_METHOD_OTHER);
	EXPECT(msg.method_name, "mEtHoD");
	EXPECT(msg.to_uri, "sip:b@h");
	EXPECT(msg.to_tag, "98asjd8");
	EXPECT(msg.from_uri, "sip:a@h");
	EXPECT(msg.from_tag, "1");
	cr_expect_eq(msg.max_forwards, 68);
	EXPECT(msg.call_id, "x@y");
	cr_expect_eq(msg.content_length, 0);
	cr_expect_eq(msg.cseq, 9);
	EXPECT(msg.cseq_method, "mEtHoD");
	EXPECT(msg.via_host, "[2001:db8::1]");
	cr_expect_eq(msg.via_port, 5061);
	EXPECT(msg.via_branch, "390skdjuw");
	cr_expect_eq(msg.hdrs[msg.first[SIP_HDR_TO]].folded, 1);
	cr_expect_eq(msg.hdrs[msg.first[SIP_HDR_CALL_ID]].folded, 0);
	EXPECT(msg.hdrs[msg.first[SIP_HDR_TO]].name, "T");
	cr_expect_neq(msg.first[SIP_HDR_SUBJECT], SIP_HDR_NONE);
	cr_expect_eq(msg.hdrs[msg.first[SIP_HDR_SUBJECT]].value.len, 0);
}

/* A valid request around one header line. */
static void parse_with(const char *line, size_t len)
{
	char text[4096];
	int n = snprintf(text, sizeof(text),
			 "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: "
			 "<sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
			 "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n");

	memcpy(text + n, line, len);
	memcpy(text + n + len, "\r\n\r\n", 4);
	parse_good(text, (size_t)n + len + 4);
}

#define PARSE_WITH(line) parse_with((line), sizeof(line) - 1)

Test(parse, text_that_is_not_ascii)
{
	PARSE_WITH("Subject: na\xc3\xafve \xe6\x9d\xb1\xe4\xba\xac");
	EXPECT(msg.hdrs[6].value, "na\xc3\xafve \xe6\x9d\xb1\xe4\xba\xac");
	PARSE_WITH("extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb");
	EXPECT(msg.hdrs[6].name, "extensionHeader-!.%*+_`'~");
	EXPECT(msg.hdrs[6].value, "\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb");
	PARSE_WITH("Subject:\xff\xfe\x80");
	EXPECT(msg.hdrs[6].value, "\xff\xfe\x80");
}

Test(parse, quoted_pairs_may_hold_what_text_may_not)
{
	PARSE_WITH("Subject: \"BEL:\\\a NUL:\\\0 DEL:\\\x7f\"");
	cr_expect_eq(msg.hdrs[6].value.len, sizeof("\"BEL:\\\a NUL:\\\0 DEL:\\\x7f\"") - 1);
	cr_expect_eq(msg.hdrs[6].folded, 0);
}

Test(parse, tabs_are_white_space)
{
	PARSE_WITH("Subject:\ta\tb\t");
	EXPECT(msg.hdrs[6].value, "a\tb");
	PARSE_WITH("Subject: a\t\r\n\tb");
	EXPECT(msg.hdrs[6].value, "a\t\r\n\tb");
	cr_expect_eq(msg.hdrs[6].folded, 1);
	PARSE_WITH("Subject: a\r\n \r\n\t\r\n b");
	EXPECT(msg.hdrs[6].value, "a\r\n \r\n\t\r\n b");
}

Test(parse, names_of_every_length)
{
	char line[512];

	for (unsigned len = 1; len < 400; len++) {
		int n;

		memset(line, 'q', len);
		n = (int)len + snprintf(line + len, sizeof(line) - len, ": value %u", len);
		parse_with(line, (size_t)n);
		cr_assert_eq(msg.hdrs[6].name.len, len);
		cr_assert_eq(msg.hdrs[6].id, SIP_HDR_OTHER);
		cr_assert_eq(msg.hdrs[6].value.len, (size_t)n - len - 2);
	}
}

static const char *const names[] = {
#define X(sym, name, compact) name,
	SIP_HDRS(X)
#undef X
};

/* A line of it in the middle of a message, as its last line, and with white space before the
 * colon. */
Test(parse, every_known_name_is_recognised_wherever_it_stands)
{
	static const char *const ends[] = {": v\r\nX: y", ":v", " \t: v", ":"};
	char line[128];

	for (unsigned id = SIP_HDR_CONTENT_TYPE; id < SIP_HDR_IDS_END; id++) {
		for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
			int n = snprintf(line, sizeof(line), "%s%s", names[id - 1], ends[i]);

			parse_with(line, (size_t)n);
			cr_assert_eq(msg.hdrs[6].id, id, "%s", line);
			cr_assert_eq(msg.first[id], 6, "%s", line);
		}
	}
}

Test(parse, a_name_that_begins_or_ends_like_a_known_one_is_a_stranger)
{
	PARSE_WITH("Alloww: x");
	cr_expect_eq(msg.hdrs[6].id, SIP_HDR_OTHER);
	PARSE_WITH("Allo: x");
	cr_expect_eq(msg.hdrs[6].id, SIP_HDR_OTHER);
	PARSE_WITH("P-Charging-Function-Addresse: x");
	cr_expect_eq(msg.hdrs[6].id, SIP_HDR_OTHER);
	PARSE_WITH("Content-Languages: x");
	cr_expect_eq(msg.hdrs[6].id, SIP_HDR_OTHER);
	PARSE_WITH("Content_Type: x");
	cr_expect_eq(msg.hdrs[6].id, SIP_HDR_OTHER);
}

Test(parse, request_uris_the_parser_leaves_to_others)
{
	PARSE_GOOD("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0\r\nVia: SIP/2.0/UDP "
		   "h\r\nFrom: <sip:a@h>;tag=1\r\n"
		   "To: isbn:2983792873\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: "
		   "0\r\n\r\n");
	EXPECT(msg.ruri, "nobodyKnowsThisScheme:totallyopaquecontent");
	EXPECT(msg.to_uri, "isbn:2983792873");
}

Test(parse, versions_are_case_insensitive)
{
	PARSE_GOOD("OPTIONS sip:h sip/2.0\r\nVia: sIP/2.0/uDP h\r\nFrom: <sip:a@h>;TAG=1\r\nTo: "
		   "<sip:b@h>\r\nCall-ID: 1\r\n"
		   "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	cr_expect_eq(msg.via_transport, NET_UDP);
	EXPECT(msg.from_tag, "1");
	PARSE_GOOD("Sip/2.0 200 OK\r\nVia: SIP/2.0/UDP h;BRANCH=B;RPORT\r\nFrom: "
		   "<sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n"
		   "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	EXPECT(msg.via_branch, "B");
	cr_expect(msg.via_rport);
}

Test(parse, reason_phrases)
{
	static const struct {
		const char *line, *reason;
		unsigned status;
	} cases[] = {
		{"SIP/2.0 100 Trying", "Trying", 100},
		{"SIP/2.0 100 ", NULL, 100},
		{"SIP/2.0 699", NULL, 699},
		{"SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", "= 2**3 * 5**2 \xd0\xbd\xd0\xbe",
		 200},
		{"SIP/2.0 486 Busy\tHere", "Busy\tHere", 486},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		int n = snprintf(text, sizeof(text),
				 "%s\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>;tag=1\r\nTo: "
				 "<sip:b@h>;tag=2\r\nCall-ID: 1\r\n"
				 "CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
				 cases[i].line);

		parse_good(text, (size_t)n);
		cr_expect_eq(msg.status, cases[i].status);
		EXPECT(msg.reason, cases[i].reason);
	}
}

Test(parse, transports_of_the_top_via)
{
	static const struct {
		const char *name;
		int transport;
	} cases[] = {{"UDP", NET_UDP},
		     {"TCP", NET_TCP},
		     {"TLS", NET_TLS},
		     {"SCTP", NET_SCTP},
		     {"WS", NET_WS},
		     {"WSS", NET_WSS},
		     {"wss", NET_WSS},
		     {"TLS-SCTP", NET_TRANSPORTS},
		     {"UNKNOWN", NET_TRANSPORTS}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		int n = snprintf(text, sizeof(text),
				 "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/%s h\r\nFrom: "
				 "<sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n"
				 "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
				 cases[i].name);

		parse_good(text, (size_t)n);
		cr_expect_eq(msg.via_transport, cases[i].transport, "%s", cases[i].name);
	}
}

Test(parse, numbers_at_their_ends)
{
	PARSE_GOOD("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h:65535\r\nFrom: "
		   "<sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n"
		   "CSeq: 2147483647 OPTIONS\r\nMax-Forwards: 255\r\nContent-Length: "
		   "00000000000000000000000000\r\n\r\n");
	cr_expect_eq(msg.cseq, INT32_MAX);
	cr_expect_eq(msg.max_forwards, 255);
	cr_expect_eq(msg.via_port, 65535);
}

Test(parse, an_ack_is_good_but_never_answered)
{
	PARSE_GOOD("ACK sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>;tag=1\r\nTo: "
		   "<sip:b@h>\r\nCall-ID: 1\r\n"
		   "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n");
	cr_expect_not(msg.answerable);
}

static const char head[] = "MESSAGE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: "
			   "<sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n"
			   "CSeq: 1 MESSAGE\r\n";

Test(parse, without_content_length_a_datagram_is_body_to_its_end)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s\r\nall of this", head);

	cr_assert_eq(parse(text, (size_t)n, SIP_DATAGRAM), SIP_PARSE_OK);
	EXPECT(msg.body, "all of this");
	cr_expect_eq(msg.content_length, 11);
	cr_expect_eq(msg.len, (unsigned)n);
}

Test(parse, what_follows_the_body_is_not_looked_at)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%sContent-Length: 3\r\n\r\nabc", head);

	memcpy(text + n, "\0\n\r\xff INVITE", 12);
	parse_good(text, (size_t)n + 12);
	EXPECT(msg.body, "abc");
	cr_expect_eq(msg.len, (unsigned)n);
}

Test(parse, bodies_hold_any_bytes)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%sContent-Length: 256\r\n\r\n", head);

	for (unsigned i = 0; i < 256; i++)
		text[n + (int)i] = (char)i;
	parse_good(text, (size_t)n + 256);
	cr_expect_eq(memcmp(sip_span(&msg, msg.body).ptr, text + n, 256), 0);
}

Test(parse, empty_lines_before_a_message_belong_to_it)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "\r\n\r\n%sContent-Length: 0\r\n\r\n", head);

	parse_good(text, (size_t)n);
	EXPECT(msg.method_name, "MESSAGE");
	cr_expect_eq(msg.len, (unsigned)n);
}

Test(parse, keepalives)
{
	static const char *const texts[] = {"", "\r\n", "\r\n\r\n", "\r", "\n", "\r\n\r\n\r\n"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t len = strlen(texts[i]);

		cr_expect_eq(parse(texts[i], len, SIP_STREAM), SIP_PARSE_KEEPALIVE);
		cr_expect_eq(msg.len, len, "what a stream can forget");
		cr_expect_eq(parse(texts[i], len, SIP_DATAGRAM), SIP_PARSE_KEEPALIVE);
	}
	cr_expect_eq(parse("\0\0\0\0", 4, SIP_DATAGRAM), SIP_PARSE_KEEPALIVE);
	cr_expect_eq(parse("\0\0\0\0", 4, SIP_STREAM), SIP_PARSE_INVALID);
}
