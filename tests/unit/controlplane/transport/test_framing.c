/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages out of a stream, in whatever pieces it comes. */
#include "controlplane/transport/framing.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 65535u

#define HEAD(method, n)                                                                            \
	method " sip:bob@10.0.0.1;transport=tcp SIP/2.0\r\n"                                       \
	"Via: SIP/2.0/TCP 10.0.0.2:5060;branch=z9hG4bK" n ";alias\r\n"                             \
	"Max-Forwards: 70\r\n"                                                                     \
	"From: <sip:alice@10.0.0.2>;tag=" n "\r\n"                                                 \
	"To: <sip:bob@10.0.0.1>\r\n"                                                               \
	"Call-ID: call-" n "\r\n"                                                                  \
	"CSeq: 1 " method "\r\n"
#define BARE(method, n)	      HEAD(method, n) "Content-Length: 0\r\n\r\n"
#define WITH(method, n, l, b) HEAD(method, n) "l : " l "\r\n\r\n" b

/* What came out, as one line for each thing. */
struct seen {
	char text[4096];
	size_t len;
	bool broken;
	unsigned status;
	bool answerable;
};

static void note(struct seen *seen, enum framing_result result, const struct sip_msg *msg)
{
	static const char *const words[] = {"more", "message", "ping", "crlf", "broken"};

	seen->len += (size_t)snprintf(seen->text + seen->len, sizeof(seen->text) - seen->len,
				      "%s", words[result]);
	if (result == FRAMING_MESSAGE)
		seen->len += (size_t)snprintf(seen->text + seen->len,
					      sizeof(seen->text) - seen->len, " %.*s %u%s",
					      SPAN_FMT(sip_span(msg, msg->call_id)), msg->body.len,
					      msg->why ? " faulty" : "");
	seen->len += (size_t)snprintf(seen->text + seen->len, sizeof(seen->text) - seen->len, "\n");
}

/* Feed it in pieces of the size that next() tells; each piece of input lies flush at the end of an
 * allocation of its own, so that a read beyond it is seen (ASan). */
static struct seen feed(const char *text, size_t len, uint32_t max, size_t first, size_t rest)
{
	static struct sip_msg msg;
	struct framing framing = {0};
	struct seen seen = {0};
	size_t have = 0, start = 0;

	while (have < len && !seen.broken) {
		size_t step = have ? rest : first;

		have += step < len - have ? step : len - have;
		for (;;) {
			char *copy = malloc(have - start + !(have - start));
			enum framing_result result;
			uint32_t used;

			memcpy(copy, text + start, have - start);
			result = framing_next(&framing, copy, have - start, max, &msg, &used);
			cr_assert_leq(used, have - start);
			start += used;
			if (result != FRAMING_MORE)
				note(&seen, result, &msg);
			seen.broken = result == FRAMING_BROKEN;
			if (seen.broken) {
				seen.status = msg.status;
				seen.answerable = msg.answerable;
			}
			free(copy);
			if (result == FRAMING_MORE || seen.broken)
				break;
		}
	}
	return seen;
}

static void same_in_all_pieces(const char *text, size_t len, uint32_t max, const char *wanted)
{
	struct seen seen = feed(text, len, max, len, len);

	cr_assert_str_eq(seen.text, wanted, "%s", seen.text);
	for (size_t at = 1; at < len; at++) {
		seen = feed(text, len, max, at, len);
		cr_assert_str_eq(seen.text, wanted, "split at %zu: %s", at, seen.text);
	}
	for (size_t size = 1; size < 5; size++) {
		seen = feed(text, len, max, size, size);
		cr_assert_str_eq(seen.text, wanted, "pieces of %zu: %s", size, seen.text);
	}
}

#define SAME(text, wanted) same_in_all_pieces(text, sizeof(text) - 1, MAX, wanted)

Test(framing, messages_at_every_split)
{
	SAME(BARE("OPTIONS", "1"), "message call-1 0\n");
	SAME(WITH("MESSAGE", "1", "5", "hello"), "message call-1 5\n");
	SAME(BARE("OPTIONS", "1") WITH("MESSAGE", "2", "5", "hello") BARE("BYE", "3"),
	     "message call-1 0\nmessage call-2 5\nmessage call-3 0\n");
	SAME(WITH("MESSAGE", "1", "4", "\r\n\r\n") BARE("BYE", "2"),
	     "message call-1 4\nmessage call-2 0\n");
}

Test(framing, a_body_that_looks_like_a_message)
{
	SAME(HEAD("MESSAGE", "1") "Content-Length: 9\r\n\r\nBYE a b\r\n" BARE("BYE", "2"),
	     "message call-1 9\nmessage call-2 0\n");
}

Test(framing, pings_and_pongs)
{
	SAME("\r\n\r\n", "crlf\nping\n");
	SAME("\r\n\r\n" BARE("OPTIONS", "1") "\r\n\r\n",
	     "crlf\nping\nmessage call-1 0\ncrlf\nping\n");
	SAME("\r\n" BARE("OPTIONS", "1") "\r\n", "crlf\nmessage call-1 0\ncrlf\n");
	/* half of one is none, nor is what has a message in between */
	SAME("\n\r\r\n", "crlf\n");
}

Test(framing, a_faulty_message_whose_end_is_known_does_not_end_the_stream)
{
	SAME("OPTIONS sip:bob@10.0.0.1 SIP/2.0\r\n"
	     "Via: SIP/2.0/TCP 10.0.0.2;branch=z9hG4bK1\r\n"
	     "From: <sip:alice@10.0.0.2>;tag=1\r\nTo: <sip:bob@10.0.0.1>\r\n"
	     "Call-ID: call-1\r\nCSeq: 1 INVITE\r\nContent-Length: 3\r\n\r\nabc" BARE("BYE", "2"),
	     "message call-1 3 faulty\nmessage call-2 0\n");
}

static void breaks(const char *text, size_t len, uint32_t max, unsigned status, bool answerable)
{
	for (size_t size = 1; size <= len; size += size < 4 ? 1 : len) {
		struct seen seen = feed(text, len, max, size, size);

		cr_assert(seen.broken, "pieces of %zu: %s", size, seen.text);
		cr_assert_eq(seen.status, status, "pieces of %zu: %u", size, seen.status);
		cr_assert_eq(seen.answerable, answerable, "pieces of %zu", size);
	}
}
#define BREAKS(text, max, status, answerable)                                                      \
	breaks(text, sizeof(text) - 1, max, status, answerable)

Test(framing, without_a_length_nobody_knows_the_end)
{
	BREAKS(HEAD("OPTIONS", "1") "\r\n", MAX, 400, true);
	BREAKS(HEAD("OPTIONS", "1") "Content-Length: x\r\n\r\n", MAX, 400, true);
	BREAKS(HEAD("OPTIONS", "1") "Content-Length: -1\r\n\r\n", MAX, 400, true);
	BREAKS(HEAD("OPTIONS", "1") "Content-Length: 1\r\nContent-Length: 2\r\n\r\n12", MAX, 400,
	       true);
	BREAKS(HEAD("ACK", "1") "\r\n", MAX, 400, false);
}

Test(framing, too_large)
{
	BREAKS(HEAD("MESSAGE", "1") "Content-Length: 2000\r\n\r\n", 1024, 513, true);
	BREAKS(HEAD("MESSAGE", "1") "Content-Length: 70000\r\n\r\n", MAX, 513, true);
	BREAKS(HEAD("MESSAGE", "1") "Content-Length: 99999999999\r\n\r\n", MAX, 400, true);
}

Test(framing, endless_head)
{
	size_t len = 200000, at;
	char *text = malloc(len);
	struct seen seen;

	at = (size_t)snprintf(text, len, "%s", HEAD("OPTIONS", "1"));
	while (at + 32 < len)
		at += (size_t)snprintf(text + at, len - at, "X-Nonsense: 1234567890\r\n");
	seen = feed(text, at, 16384, 700, 700);
	cr_assert(seen.broken);
	cr_assert_eq(seen.status, 513);
	cr_assert(seen.answerable);
	seen = feed(text, at, MAX, 700, 700);
	cr_assert(seen.broken);
	cr_assert_eq(seen.status, 513);
	cr_assert(seen.answerable);
	/* one line without an end */
	memset(text, 'A', len);
	seen = feed(text, len, 16384, 1000, 1000);
	cr_assert(seen.broken);
	free(text);
}

Test(framing, other_protocols_end_soon)
{
	static const char tls[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" "abcdefgh";
	static const char http[] = "GET / HTTP/1.1\r\nHost: 10.0.0.1\r\nUser-Agent: x\r\n\r\n";
	struct seen seen = feed(tls, sizeof(tls) - 1, MAX, 1, 1);

	cr_assert(seen.broken);
	seen = feed(http, sizeof(http) - 1, MAX, 1, 1);
	cr_assert(seen.broken);
	cr_assert_not(seen.answerable);
}

Test(framing, what_was_begun_is_known)
{
	static struct sip_msg msg;
	struct framing framing = {0};
	uint32_t used;

	cr_assert_eq(framing_next(&framing, "\r\n\r", 3, MAX, &msg, &used), FRAMING_CRLF);
	cr_assert_eq(used, 2);
	cr_assert_eq(framing_next(&framing, "\r", 1, MAX, &msg, &used), FRAMING_MORE);
	cr_assert_not(framing_begun(&framing), "half a ping is no message");
	cr_assert_eq(framing_next(&framing, "I", 1, MAX, &msg, &used), FRAMING_MORE);
	cr_assert(framing_begun(&framing));
}
