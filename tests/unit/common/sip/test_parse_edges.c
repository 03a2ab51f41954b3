/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages cut at every byte, laid at every offset and against unreadable pages: "incomplete" and
 * "invalid" are different answers, and no answer depends on where a message lies or on what is
 * behind it. */
#include "common/sip/sip_msg.h"

#include <criterion/criterion.h>

#include "guarded.h"
#include "../../../sip_check.h"

/* Good ones, with Content-Length. */
static const char *const messages[] = {
	"INVITE sip:+35316990141@198.51.100.20:5060;user=phone SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK-7f1c-2c9a1d40-5a3eb;rport\r\n"
	"Max-Forwards: 69\r\n"
	"From: \"Nora Byrne\" <sip:+35319604477@203.0.113.10;user=phone>;tag=4c1ef0a7-9d2\r\n"
	"To: <sip:+35316990141@198.51.100.20;user=phone>\r\n"
	"Call-ID: 6b1d0e55c2f84a7f93a8@203.0.113.10\r\n"
	"CSeq: 47201 INVITE\r\n"
	"Contact: <sip:+35319604477@203.0.113.10:5060;transport=udp>\r\n"
	"P-Asserted-Identity: <sip:+35319604477@example.net;user=phone>\r\n"
	"Content-Type: application/sdp\r\n"
	"Content-Length: 34\r\n"
	"\r\n"
	"v=0\r\no=- 1 1 IN IP4 203.0.113.57\r\n",

	"SIP/2.0 200 OK\r\n"
	"v: SIP/2.0/UDP [2001:db8::9:1]:5060;branch=z9hG4bK91ab,SIP/2.0/TCP 198.51.100.20\r\n"
	"f: sip:+35316990141@198.51.100.20;tag=as5f2b91c0\r\n"
	"t: \"N \\\"B\\\\\" <sip:+35319604477@203.0.113.10>;x=\"y;z\";tag=4c1ef0a7-9d2\r\n"
	"i: 6b1d0e55c2f84a7f93a8\r\n"
	"CSeq: 102 BYE\r\n"
	"l: 0\r\n"
	"\r\n",

	"\r\n"
	"MESSAGE sips:carol@chicago.example;a=b SIP/2.0\r\n"
	"VIA\t:\r\n SIP / 2.0\r\n\t/ WSS c.example : 443 ; x ; branch\t=\tz9 \r\n"
	"To :\r\n \r\n <sip:carol@chicago.example>\r\n"
	"X: \xc3\xa9\t\xe6\x9d\xb1\r\n\t\"\\\a\"\r\n"
	"From: Zo\xc3\xab B <sip:z@h> ; tag=1\r\n"
	"Call-ID: f1\t\r\n"
	"CSeq: 0042\r\n MESSAGE\r\n"
	"A-Header-Whose-Name-Is-Longer-Than-Any-Known-Name: v\r\n"
	"Content-Length\r\n"
	"Content-Length : 5\r\n"
	"\r\n"
	"\0\r\n\r\n",
};

static size_t message_len(unsigned i)
{
	/* The last one has a NUL in its body. */
	return i == 2 ? strlen(messages[i]) + 5 : strlen(messages[i]);
}

static struct sip_msg msg;

static enum sip_parse_result parse(const char *at, size_t len, enum sip_framing framing)
{
	enum sip_parse_result result = sip_parse(&msg, at, len, framing);
	const char *wrong = sip_check(&msg, len, framing, result);

	cr_assert_null(wrong, "%zu bytes: %s", len, wrong);
	return result;
}

/* The third has one line that is no header. */
static bool is_good(unsigned i)
{
	return i != 2;
}

Test(parse_edges, a_stream_is_incomplete_until_its_last_byte)
{
	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t len = message_len(i);

		for (size_t cut = 1; cut < len; cut++) {
			enum sip_parse_result result =
				parse(guard_behind(messages[i], cut), cut, SIP_STREAM);
			bool text_yet = messages[i][0] != '\r' || cut > 2;

			cr_assert_eq(result, text_yet ? SIP_PARSE_INCOMPLETE : SIP_PARSE_KEEPALIVE,
				     "message %u, %zu bytes: %d %s", i, cut, result, msg.why);
		}
		cr_expect_eq(parse(guard_behind(messages[i], len), len, SIP_STREAM),
			     is_good(i) ? SIP_PARSE_OK : SIP_PARSE_INVALID);
		cr_expect_eq(msg.len, len);
	}
}

Test(parse_edges, a_datagram_cut_short_is_invalid)
{
	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t len = message_len(i);

		for (size_t cut = 0; cut < len; cut++) {
			enum sip_parse_result result =
				parse(guard_behind(messages[i], cut), cut, SIP_DATAGRAM);
			bool text_yet = cut > (messages[i][0] == '\r' ? 2 : 0);

			cr_assert_eq(result, text_yet ? SIP_PARSE_INVALID : SIP_PARSE_KEEPALIVE,
				     "message %u, %zu bytes: %d", i, cut, result);
		}
		cr_expect_eq(parse(guard_behind(messages[i], len), len, SIP_DATAGRAM),
			     is_good(i) ? SIP_PARSE_OK : SIP_PARSE_INVALID);
	}
}

Test(parse_edges, a_message_may_begin_where_memory_begins)
{
	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		for (size_t cut = 0; cut <= message_len(i); cut++) {
			parse(guard_before(messages[i], cut), cut, SIP_STREAM);
			parse(guard_before(messages[i], cut), cut, SIP_DATAGRAM);
		}
	}
}

/* Every first byte there is, right behind an unreadable page. */
Test(parse_edges, any_first_byte)
{
	char text[80];

	memcpy(text, messages[0], sizeof(text));
	for (unsigned c = 0; c < 256; c++) {
		text[0] = (char)c;
		parse(guard_before(text, sizeof(text)), sizeof(text), SIP_DATAGRAM);
		parse(guard_before(text, sizeof(text)), sizeof(text), SIP_STREAM);
		parse(guard_before(text, 1), 1, SIP_STREAM);
		parse(guard_before(text, 1), 1, SIP_DATAGRAM);
	}
}

Test(parse_edges, one_byte_changed_anywhere)
{
	static const char bytes[] = {'\0', '\n', '\r', '\t', ' ',    '"',    '<', '>',
				     ':',  ';',	 ',',  '\\', '\x7f', '\xff', 'x'};
	char text[1024];

	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t len = message_len(i);

		for (size_t at = 0; at < len; at++) {
			for (unsigned b = 0; b < sizeof(bytes); b++) {
				memcpy(text, messages[i], len);
				text[at] = bytes[b];
				parse(guard_behind(text, len), len, SIP_DATAGRAM);
				parse(guard_behind(text, len), len, SIP_STREAM);
			}
		}
	}
}

Test(parse_edges, one_byte_left_out_or_doubled_anywhere)
{
	char text[1024];

	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t len = message_len(i);

		for (size_t at = 0; at < len; at++) {
			memcpy(text, messages[i], at);
			memcpy(text + at, messages[i] + at + 1, len - at - 1);
			parse(guard_behind(text, len - 1), len - 1, SIP_DATAGRAM);
			parse(guard_behind(text, len - 1), len - 1, SIP_STREAM);
			memcpy(text, messages[i], at + 1);
			memcpy(text + at + 1, messages[i] + at, len - at);
			parse(guard_behind(text, len + 1), len + 1, SIP_DATAGRAM);
			parse(guard_behind(text, len + 1), len + 1, SIP_STREAM);
		}
	}
}

/* At every offset within two blocks, with anything behind. */
Test(parse_edges, where_a_message_lies_and_what_follows_makes_no_difference)
{
	static struct sip_msg reference;
	char text[2048];

	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t len = message_len(i);
		enum sip_parse_result expected =
			sip_parse(&reference, messages[i], len, SIP_STREAM);

		for (size_t offset = 0; offset < 128; offset++) {
			for (size_t behind = 0; behind < 3; behind++) {
				char *at = text + offset;

				memcpy(at, messages[i], len);
				memcpy(at + len, "\r\xff", behind);
				cr_assert_eq(parse(at, len + behind, SIP_STREAM), expected);
				cr_assert_eq(msg.nhdrs, reference.nhdrs);
				cr_assert_eq(memcmp(msg.hdrs, reference.hdrs,
						    msg.nhdrs * sizeof(msg.hdrs[0])),
					     0);
				cr_assert_eq(memcmp(&msg.len, &reference.len,
						    offsetof(struct sip_msg, answerable) -
							    offsetof(struct sip_msg, len)),
					     0);
			}
		}
	}
}
