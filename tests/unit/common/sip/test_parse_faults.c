/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages with one fault each: the code it is answered with, and whether it can be answered (RFC
 * 3261 sections 7, 8.1.1, 8.2, 16.3, 18.3, 20; the kinds of fault are those of RFC 4475
 * sections 3.1.2 and 3.3). */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "guarded.h"
#include "../../../sip_check.h"

enum answer { ANSWER, SILENCE };

/* A request is built from these lines; a case replaces, repeats or leaves out one. */
#define LINE "OPTIONS sip:user@example.org SIP/2.0"
#define VIA  "Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKx"
#define FROM "From: <sip:a@example.org>;tag=1"
#define TO   "To: <sip:b@example.org>"
#define ID   "Call-ID: 1@example.org"
#define CSEQ "CSeq: 8 OPTIONS"
#define LEN  "Content-Length: 0"
#define CRLF "\r\n"
#define REST FROM CRLF TO CRLF ID CRLF
#define MSG(line, via, from, to, id, cseq, more)                                                   \
	line CRLF via CRLF from CRLF to CRLF id CRLF cseq CRLF more CRLF CRLF
#define WITH_LINE(line) MSG(line, VIA, FROM, TO, ID, CSEQ, LEN)
#define WITH_VIA(via)	MSG(LINE, via, FROM, TO, ID, CSEQ, LEN)
#define WITH_FROM(from) MSG(LINE, VIA, from, TO, ID, CSEQ, LEN)
#define WITH_TO(to)	MSG(LINE, VIA, FROM, to, ID, CSEQ, LEN)
#define WITH_ID(id)	MSG(LINE, VIA, FROM, TO, id, CSEQ, LEN)
#define WITH_CSEQ(cseq) MSG(LINE, VIA, FROM, TO, ID, cseq, LEN)
#define WITH_LEN(len)	MSG(LINE, VIA, FROM, TO, ID, CSEQ, len)
#define WITH(more)	MSG(LINE, VIA, FROM, TO, ID, CSEQ, LEN CRLF more)

struct fault_case {
	const char *what;
	struct span text;
	unsigned status;
	enum answer answer;
};

#define CASE(what, text, status, answer)                                                           \
	{                                                                                          \
		what, {"" text, sizeof(text) - 1}, status, answer                                  \
	}

static const struct fault_case cases[] = {
	/* start line */
	CASE("two spaces before the URI", WITH_LINE("OPTIONS  sip:h SIP/2.0"), 400, ANSWER),
	CASE("two spaces behind the URI", WITH_LINE("OPTIONS sip:h  SIP/2.0"), 400, ANSWER),
	CASE("trailing space", WITH_LINE("OPTIONS sip:h SIP/2.0 "), 400, ANSWER),
	CASE("tab for a space", WITH_LINE("OPTIONS\tsip:h SIP/2.0"), 400, ANSWER),
	CASE("space in the URI", WITH_LINE("OPTIONS sip:h; lr SIP/2.0"), 400, ANSWER),
	CASE("URI in angle brackets", WITH_LINE("OPTIONS <sip:h> SIP/2.0"), 400, ANSWER),
	CASE("no URI", WITH_LINE("OPTIONS SIP/2.0"), 400, ANSWER),
	CASE("empty URI", WITH_LINE("OPTIONS  SIP/2.0"), 400, ANSWER),
	CASE("URI without scheme", WITH_LINE("OPTIONS user@h SIP/2.0"), 400, ANSWER),
	CASE("URI with headers", WITH_LINE("OPTIONS sip:h?Route=%3Csip:x%3E SIP/2.0"), 400, ANSWER),
	CASE("URI with an empty header part", WITH_LINE("OPTIONS sip:h? SIP/2.0"), 400, ANSWER),
	CASE("URI with a bare IPv6 address", WITH_LINE("OPTIONS sip:2001:db8::10 SIP/2.0"), 400,
	     ANSWER),
	CASE("URI with a bad port", WITH_LINE("OPTIONS sip:h:70000 SIP/2.0"), 400, ANSWER),
	CASE("URI with a bad escape", WITH_LINE("OPTIONS sip:a%zz@h SIP/2.0"), 400, ANSWER),
	CASE("URI with UTF-8", WITH_LINE("OPTIONS sip:\xc3\xa9@h SIP/2.0"), 400, ANSWER),
	CASE("folded", WITH_LINE("OPTIONS sip:h SIP/2.0\r\n x"), 400, SILENCE),
	CASE("folded with white space only", WITH_LINE("OPTIONS sip:h SIP/2.0\r\n "), 400, ANSWER),
	CASE("another version", WITH_LINE("OPTIONS sip:h SIP/7.0"), 505, ANSWER),
	CASE("a longer version", WITH_LINE("OPTIONS sip:h SIP/2.00"), 505, ANSWER),
	CASE("half a version", WITH_LINE("OPTIONS sip:h SIP/2"), 505, ANSWER),
	CASE("another version all over",
	     MSG("OPTIONS sip:h SIP/7.0", "Via: SIP/7.0/UDP h", FROM, TO, ID, CSEQ, LEN), 505,
	     ANSWER),
	CASE("another protocol", WITH_LINE("OPTIONS / HTTP/1.1"), 400, SILENCE),
	CASE("no version", WITH_LINE("OPTIONS sip:h"), 400, SILENCE),
	CASE("no method", WITH_LINE(" sip:h SIP/2.0"), 400, SILENCE),
	CASE("a method that is no token", WITH_LINE("OPT(IONS sip:h SIP/2.0"), 400, SILENCE),
	CASE("one word", WITH_LINE("OPTIONS"), 400, SILENCE),
	CASE("garbage", WITH_LINE("\x16\x03\x01 garbage"), 400, SILENCE),
	/* status line */
	CASE("code too small", WITH_LINE("SIP/2.0 099 x"), 400, SILENCE),
	CASE("code too large", WITH_LINE("SIP/2.0 700 x"), 400, SILENCE),
	CASE("code with four digits", WITH_LINE("SIP/2.0 2000 x"), 400, SILENCE),
	CASE("code that wraps around", WITH_LINE("SIP/2.0 4294967301 x"), 400, SILENCE),
	CASE("code with two digits", WITH_LINE("SIP/2.0 20 x"), 400, SILENCE),
	CASE("code without digits", WITH_LINE("SIP/2.0 2xx x"), 400, SILENCE),
	CASE("response of another version", WITH_LINE("SIP/3.0 200 OK"), 400, SILENCE),
	CASE("response with a tab", WITH_LINE("SIP/2.0\t200 OK"), 400, SILENCE),
	CASE("response with a bad CSeq",
	     MSG("SIP/2.0 200 OK", VIA, FROM, TO, ID, "CSeq: 9292394834772304023312 OPTIONS", LEN),
	     400, SILENCE),
	CASE("response without Via", MSG("SIP/2.0 200 OK", "X: y", FROM, TO, ID, CSEQ, LEN), 400,
	     SILENCE),
	/* lines */
	CASE("line without colon", WITH("no header"), 400, ANSWER),
	CASE("line without name", WITH(": x"), 400, ANSWER),
	CASE("name that is no token", WITH("a(b): x"), 400, ANSWER),
	CASE("name with a space", WITH("a b: x"), 400, ANSWER),
	CASE("name with UTF-8", WITH("\xc3\xa9: x"), 400, ANSWER),
	CASE("name with UTF-8 at a line's begin", WITH("\xc3\xa9\r\nX: y"), 400, ANSWER),
	CASE("fold before the colon", WITH("Subject\r\n : x"), 400, ANSWER),
	CASE("lone LF in a value", WITH("Subject: a\nX: b"), 400, ANSWER),
	CASE("lone CR in a value", WITH("Subject: a\rX: b"), 400, ANSWER),
	CASE("CR CR LF", WITH("Subject: a\r"), 400, ANSWER),
	CASE("CR at a line's begin", WITH("\rSubject: a"), 400, ANSWER),
	CASE("NUL in a value", WITH("Subject: a\0b"), 400, ANSWER),
	CASE("NUL at a line's begin", WITH("\0Subject: a"), 400, ANSWER),
	CASE("NUL behind a tab", WITH("Subject: a\t\0b"), 400, ANSWER),
	CASE("NUL behind UTF-8", WITH("Subject: \xc3\xa9\0b"), 400, ANSWER),
	CASE("DEL in a value", WITH("Subject: a\x7f"), 400, ANSWER),
	CASE("ESC in a value", WITH("Subject: \x1b[31m"), 400, ANSWER),
	CASE("vertical tab before a name", WITH("\vSubject: a"), 400, ANSWER),
	CASE("a CR that looks like a hyphen", WITH("Record\rRoute: <sip:x>"), 400, ANSWER),
	CASE("lone LF in what an answer carries back", WITH_FROM(FROM "\nX: y"), 400, SILENCE),
	CASE("lone CR in what an answer carries back", WITH_VIA(VIA "\rX: y"), 400, SILENCE),
	CASE("NUL in what an answer carries back", WITH_TO("To: \"\0\" <sip:b@h>"), 400, SILENCE),
	CASE("lone LF in the second Via", WITH_VIA(VIA CRLF VIA "\n"), 400, ANSWER),
	CASE("lone LF within the second Via", WITH_VIA(VIA CRLF VIA "\n;x"), 400, SILENCE),
	CASE("NUL elsewhere, folds in what an answer carries back",
	     WITH_TO(TO "\r\n\t;x" CRLF "X: \0"), 400, ANSWER),
	/* Via */
	CASE("no Via", WITH_VIA("X: y"), 400, SILENCE),
	CASE("empty Via", WITH_VIA("Via:"), 400, SILENCE),
	CASE("Via of another version", WITH_VIA("Via: SIP/3.0/UDP h"), 400, ANSWER),
	CASE("Via of another protocol", WITH_VIA("Via: HTTP/2.0/UDP h"), 400, SILENCE),
	CASE("Via without host", WITH_VIA("Via: SIP/2.0/UDP ;branch=z9hG4bKx"), 400, SILENCE),
	CASE("Via with port 0", WITH_VIA("Via: SIP/2.0/UDP h:0"), 400, SILENCE),
	CASE("Via with empty parameters", WITH_VIA("Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), 400,
	     ANSWER),
	CASE("Via with two branches", WITH_VIA("Via: SIP/2.0/UDP h;branch=a;branch=b"), 400,
	     ANSWER),
	CASE("Via with text behind", WITH_VIA("Via: SIP/2.0/UDP h x"), 400, ANSWER),
	/* From, To */
	CASE("no From", WITH_FROM("X: y"), 400, SILENCE),
	CASE("empty From", WITH_FROM("From:"), 400, SILENCE),
	CASE("two Froms", WITH_FROM(FROM CRLF "f: <sip:c@h>;tag=2"), 400, ANSWER),
	CASE("From with two tags", WITH_FROM("From: <sip:a@h>;tag=1;tag=2"), 400, ANSWER),
	CASE("From with an empty tag", WITH_FROM("From: <sip:a@h>;tag="), 400, ANSWER),
	CASE("From with a tag but no value", WITH_FROM("From: <sip:a@h>;tag"), 400, ANSWER),
	CASE("From with a quoted tag", WITH_FROM("From: <sip:a@h>;tag=\"1\""), 400, ANSWER),
	CASE("From is a star", WITH_FROM("From: *"), 400, ANSWER),
	CASE("comma in an unquoted display name", WITH_FROM("From: Bell, A <sip:a@h>;tag=1"), 400,
	     ANSWER),
	CASE("no To", WITH_TO("X: y"), 400, SILENCE),
	CASE("two Tos", WITH_TO(TO CRLF "To: <sip:c@h>"), 400, ANSWER),
	CASE("To with an open quote", WITH_TO("To: \"Mr. J. User <sip:j@h>"), 400, ANSWER),
	CASE("To with an open bracket", WITH_TO("To: <sip:j@h"), 400, ANSWER),
	CASE("To with spaces in the brackets", WITH_TO("To: \"T\" < sip:t@h >"), 400, ANSWER),
	CASE("To without scheme", WITH_TO("To: <t@h>"), 400, ANSWER),
	CASE("To with headers and no brackets", WITH_TO("To: sip:t@h?Route=x"), 400, ANSWER),
	/* Call-ID */
	CASE("no Call-ID", WITH_ID("X: y"), 400, SILENCE),
	CASE("empty Call-ID", WITH_ID("Call-ID:"), 400, SILENCE),
	CASE("two Call-IDs", WITH_ID(ID CRLF "i: 2"), 400, ANSWER),
	CASE("Call-ID with a space", WITH_ID("Call-ID: a b"), 400, SILENCE),
	CASE("folded Call-ID", WITH_ID("Call-ID: a\r\n b"), 400, SILENCE),
	CASE("Call-ID with UTF-8", WITH_ID("Call-ID: \xc3\xa9"), 400, SILENCE),
	/* CSeq */
	CASE("no CSeq", WITH_CSEQ("X: y"), 400, SILENCE),
	CASE("empty CSeq", WITH_CSEQ("CSeq:"), 400, SILENCE),
	CASE("two CSeqs", WITH_CSEQ(CSEQ CRLF "CSeq: 9 OPTIONS"), 400, ANSWER),
	CASE("CSeq of 2^31", WITH_CSEQ("CSeq: 2147483648 OPTIONS"), 400, ANSWER),
	CASE("CSeq that wraps around", WITH_CSEQ("CSeq: 36893488147419103232 OPTIONS"), 400,
	     ANSWER),
	CASE("CSeq of another method", WITH_CSEQ("CSeq: 8 INVITE"), 400, ANSWER),
	CASE("CSeq in another case", WITH_CSEQ("CSeq: 8 options"), 400, ANSWER),
	CASE("CSeq of a longer method", WITH_CSEQ("CSeq: 8 OPTIONSX"), 400, ANSWER),
	CASE("CSeq without method", WITH_CSEQ("CSeq: 8"), 400, SILENCE),
	CASE("CSeq without space", WITH_CSEQ("CSeq: 8OPTIONS"), 400, SILENCE),
	CASE("CSeq without number", WITH_CSEQ("CSeq: OPTIONS"), 400, SILENCE),
	CASE("negative CSeq", WITH_CSEQ("CSeq: -8 OPTIONS"), 400, SILENCE),
	CASE("CSeq with text behind", WITH_CSEQ("CSeq: 8 OPTIONS x"), 400, SILENCE),
	CASE("unknown methods that differ",
	     MSG("NEWMETHOD sip:h SIP/2.0", VIA, FROM, TO, ID, "CSeq: 8 INVITE", LEN), 400, ANSWER),
	/* Max-Forwards */
	CASE("Max-Forwards of 256", WITH("Max-Forwards: 256"), 400, ANSWER),
	CASE("negative Max-Forwards", WITH("Max-Forwards: -1"), 400, ANSWER),
	CASE("empty Max-Forwards", WITH("Max-Forwards:"), 400, ANSWER),
	CASE("two Max-Forwards", WITH("Max-Forwards: 7\r\nMax-Forwards: 7"), 400, ANSWER),
	/* Content-Length */
	CASE("negative Content-Length", WITH_LEN("Content-Length: -999"), 400, ANSWER),
	CASE("Content-Length that is none", WITH_LEN("Content-Length: x"), 400, ANSWER),
	CASE("empty Content-Length", WITH_LEN("Content-Length:"), 400, ANSWER),
	CASE("two Content-Lengths", WITH_LEN("Content-Length: 0\r\nl: 1"), 400, ANSWER),
	CASE("two equal Content-Lengths", WITH_LEN("Content-Length: 0\r\nl: 0"), 400, ANSWER),
	CASE("Content-Length that wraps around", WITH_LEN("Content-Length: 18446744073709551616"),
	     400, ANSWER),
	/* what is never answered */
	CASE("an ACK", MSG("ACK sip:h SIP/2.0", VIA, FROM, TO, ID, CSEQ, LEN), 400, SILENCE),
	CASE("an ACK of another version",
	     MSG("ACK sip:h SIP/3.0", VIA, FROM, TO, ID, "CSeq: 8 ACK", LEN), 505, SILENCE),
};

static struct sip_msg msg;

static void expect_fault(const struct fault_case *c, enum sip_framing framing)
{
	enum sip_parse_result result =
		sip_parse(&msg, guard_behind(c->text.ptr, c->text.len), c->text.len, framing);
	const char *wrong = sip_check(&msg, c->text.len, framing, result),
		   *how = framing == SIP_STREAM ? "stream" : "datagram";

	cr_expect_null(wrong, "%s (%s): %s", c->what, how, wrong);
	cr_expect_eq(result, SIP_PARSE_INVALID, "%s (%s): %d", c->what, how, result);
	if (result != SIP_PARSE_INVALID)
		return;
	cr_expect_eq(msg.status, c->status, "%s (%s): %u %s", c->what, how, msg.status, msg.why);
	cr_expect_eq(msg.answerable, c->answer == ANSWER, "%s (%s): %s", c->what, how, msg.why);
}

Test(parse_faults, in_datagrams_and_streams)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_fault(&cases[i], SIP_DATAGRAM);
		expect_fault(&cases[i], SIP_STREAM);
	}
}

/* The same message without any fault: or the cases above prove nothing. */
Test(parse_faults, none_in_what_they_are_made_of)
{
	static const char text[] = MSG(LINE, VIA, FROM, TO, ID, CSEQ, LEN);

	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_STREAM), SIP_PARSE_OK, "%s",
		     msg.why);
	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_DATAGRAM), SIP_PARSE_OK, "%s",
		     msg.why);
}

Test(parse_faults, a_body_shorter_than_it_says)
{
	static const char text[] =
		MSG(LINE, VIA, FROM, TO, ID, CSEQ, "Content-Length: 10") "123456789";

	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_DATAGRAM), SIP_PARSE_INVALID);
	cr_expect_eq(msg.status, 400);
	cr_expect(msg.answerable);
	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_STREAM), SIP_PARSE_INCOMPLETE);
}

Test(parse_faults, a_stream_must_tell_lengths)
{
	static const char text[] = MSG(LINE, VIA, FROM, TO, ID, CSEQ, "X: y");

	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_DATAGRAM), SIP_PARSE_OK);
	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_STREAM), SIP_PARSE_INVALID);
	cr_expect_eq(msg.status, 400);
	cr_expect(msg.answerable);
	cr_expect_eq(msg.len, 0, "where the next message begins is not known");
}

Test(parse_faults, a_stream_goes_on_behind_a_refused_message_whose_end_is_known)
{
	static const char text[] =
		MSG(LINE, VIA, FROM, "X: y", ID, CSEQ, "Content-Length: 3") "abcOPTIONS";
	size_t whole = sizeof(text) - 1 - strlen("OPTIONS");

	cr_expect_eq(sip_parse(&msg, text, whole - 1, SIP_STREAM), SIP_PARSE_INCOMPLETE);
	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_STREAM), SIP_PARSE_INVALID);
	cr_expect_str_eq(msg.why, "Missing To");
	cr_expect_eq(msg.len, whole);
}

Test(parse_faults, a_head_without_end)
{
	static const char text[] = LINE CRLF VIA CRLF REST CSEQ CRLF LEN CRLF;

	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_DATAGRAM), SIP_PARSE_INVALID);
	cr_expect_eq(msg.status, 400);
	cr_expect(msg.answerable, "all that an answer needs is there");
	cr_expect_eq(sip_parse(&msg, text, sizeof(text) - 1, SIP_STREAM), SIP_PARSE_INCOMPLETE);
}

Test(parse_faults, a_stream_that_can_never_become_sip)
{
	static const char *const texts[] = {"\x16\x03\x01", "GET / HTTP/1.1\r\n",
					    "INVITE sip:h SIP/2.0\nVia: x", "SIP/2.0 999 x\r\n",
					    "INVITE sip:h SIP/2.0\r\nX: \001"};

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_expect_eq(sip_parse(&msg, texts[i], strlen(texts[i]), SIP_STREAM),
			     SIP_PARSE_INVALID, "%s", texts[i]);
		cr_expect_not(msg.answerable);
		cr_expect_eq(msg.len, 0);
	}
}

/* Codes above the parser's own: what is only too much. */

static size_t many_headers(char *text, size_t size, unsigned count)
{
	size_t n = (size_t)snprintf(text, size, "%s", LINE CRLF VIA CRLF REST CSEQ CRLF LEN CRLF);

	for (unsigned i = 6; i < count; i++)
		n += (size_t)snprintf(text + n, size - n, "X-%u: y\r\n", i);
	return n + (size_t)snprintf(text + n, size - n, "\r\n");
}

Test(parse_faults, too_many_headers)
{
	static char text[16384];
	size_t len = many_headers(text, sizeof(text), SIP_HDRS_MAX);

	cr_expect_eq(sip_parse(&msg, text, len, SIP_STREAM), SIP_PARSE_OK, "%s", msg.why);
	cr_expect_eq(msg.nhdrs, SIP_HDRS_MAX);
	len = many_headers(text, sizeof(text), SIP_HDRS_MAX + 1);
	for (enum sip_framing framing = SIP_DATAGRAM; framing <= SIP_STREAM; framing++) {
		cr_expect_eq(sip_parse(&msg, text, len, framing), SIP_PARSE_INVALID);
		cr_expect_eq(msg.status, 513);
		cr_expect(msg.answerable);
		cr_expect_eq(msg.nhdrs, SIP_HDRS_MAX);
		cr_expect_null(sip_check(&msg, len, framing, SIP_PARSE_INVALID));
	}
}

/* A message of that many bytes in all, its body filled up. */
static size_t sized_message(char *text, size_t size)
{
	size_t head = strlen(LINE CRLF VIA CRLF REST CSEQ CRLF "Content-Length: 12345" CRLF CRLF);

	snprintf(text, size + 1, "%s%05zu%s",
		 LINE CRLF VIA CRLF REST CSEQ CRLF "Content-Length: ", size - head, CRLF CRLF);
	memset(text + head, 'b', size - head);
	return size;
}

Test(parse_faults, a_message_as_large_as_can_be_and_one_byte_larger)
{
	static char text[2 * SIP_MSG_BYTES_MAX];
	size_t len = sized_message(text, SIP_MSG_BYTES_MAX);

	for (enum sip_framing framing = SIP_DATAGRAM; framing <= SIP_STREAM; framing++) {
		cr_expect_eq(sip_parse(&msg, guard_behind(text, len), len, framing), SIP_PARSE_OK,
			     "%s", msg.why);
		cr_expect_eq(msg.len, SIP_MSG_BYTES_MAX);
		cr_expect_null(sip_check(&msg, len, framing, SIP_PARSE_OK));
	}
	/* A stream may hold more behind it. */
	cr_expect_eq(sip_parse(&msg, text, sizeof(text), SIP_STREAM), SIP_PARSE_OK);
	len = sized_message(text, SIP_MSG_BYTES_MAX + 1);
	for (enum sip_framing framing = SIP_DATAGRAM; framing <= SIP_STREAM; framing++) {
		cr_expect_eq(sip_parse(&msg, guard_behind(text, len), len, framing),
			     SIP_PARSE_INVALID);
		cr_expect_eq(msg.status, 513);
		cr_expect(msg.answerable);
	}
	/* No need to wait for all of it. */
	cr_expect_eq(sip_parse(&msg, text, 1000, SIP_STREAM), SIP_PARSE_INVALID);
	cr_expect_eq(msg.status, 513);
}

Test(parse_faults, a_head_that_does_not_end_within_a_message)
{
	static char text[SIP_MSG_BYTES_MAX + 100];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s",
				    LINE CRLF VIA CRLF REST CSEQ CRLF LEN CRLF "Subject: ");

	memset(text + n, 'x', sizeof(text) - n);
	cr_expect_eq(sip_parse(&msg, text, SIP_MSG_BYTES_MAX, SIP_STREAM), SIP_PARSE_INCOMPLETE);
	cr_expect_eq(sip_parse(&msg, text, SIP_MSG_BYTES_MAX + 1, SIP_STREAM), SIP_PARSE_INVALID);
	cr_expect_eq(msg.status, 513);
	cr_expect(msg.answerable);
	memset(text, 'A', sizeof(text));
	cr_expect_eq(sip_parse(&msg, text, sizeof(text), SIP_STREAM), SIP_PARSE_INVALID);
	cr_expect_not(msg.answerable);
	memset(text, '\n', sizeof(text));
	cr_expect_eq(sip_parse(&msg, text, sizeof(text), SIP_STREAM), SIP_PARSE_KEEPALIVE);
	cr_expect_eq(msg.len, SIP_MSG_BYTES_MAX, "what a stream can forget");
}
