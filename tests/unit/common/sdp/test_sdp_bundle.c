/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles in session descriptions (RFC 8843): which sections are of one, and how limen's are
 * written. */
#include "common/sdp/sdp.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define HEAD	     "v=0\r\no=a 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n"
#define GROUP(mids)  "a=group:BUNDLE " mids "\r\n"
#define AUDIO(port)  "m=audio " port " RTP/AVP 0\r\n"
#define VIDEO(port)  "m=video " port " RTP/AVP 96\r\n"
#define MUX	     "a=rtcp-mux\r\n"
#define MID(mid)     "a=mid:" mid "\r\n"
#define BOTH(group)  HEAD GROUP(group) AUDIO("4000") MUX MID("x") VIDEO("4002") MUX MID("y")

static struct sdp sdp;

static unsigned members_of(const char *text, unsigned *tag)
{
	const char *why;

	cr_assert_eq(sdp_parse(&sdp, span_str(text), &why), 0, "%s", why);
	return sdp_bundle_members(&sdp, 8, tag);
}

Test(sdp_bundle, members)
{
	static const struct {
		const char *text;
		unsigned members, tag;
	} cases[] = {
		{BOTH("x y"), 3, 0},
		{BOTH("y x"), 3, 1},
		{BOTH("x"), 1, 0},
		{BOTH("z y"), 2, 1},
		{BOTH("z"), 0, 0},
		{HEAD AUDIO("4000") MUX MID("x"), 0, 0},
		/* without rtcp-mux, without a name, refused, in a secured profile */
		{HEAD GROUP("x y") AUDIO("4000") MID("x") VIDEO("4002") MUX MID("y"), 2, 1},
		{HEAD GROUP("x y") AUDIO("4000") MUX VIDEO("4002") MUX MID("y"), 2, 1},
		{HEAD GROUP("x y") AUDIO("4000") MUX MID("x") VIDEO("0") MUX MID("y"), 1, 0},
		{HEAD GROUP("x y") AUDIO("4000") MUX MID("x") "m=video 4002 RTP/SAVP 96\r\n" MUX MID("y"), 1, 0},
		/* in the bundle alone; that alone is nowhere */
		{HEAD GROUP("x y") AUDIO("4000") MUX MID("x") VIDEO("0") MUX MID("y") "a=bundle-only\r\n", 3, 0},
		{HEAD GROUP("y x") AUDIO("4000") MUX MID("x") VIDEO("0") MUX MID("y") "a=bundle-only\r\n", 3, 0},
		{HEAD GROUP("y") VIDEO("0") MUX MID("y") "a=bundle-only\r\n", 0, 0},
		/* two sections of one name: neither; a name too long */
		{HEAD GROUP("x") AUDIO("4000") MUX MID("x") VIDEO("4002") MUX MID("x"), 0, 0},
		{HEAD GROUP("abcdefghijklmnopq") AUDIO("4000") MUX MID("abcdefghijklmnopq"), 0, 0},
		/* other groups are no bundles; of several the first counts */
		{HEAD "a=group:LS x y\r\n" AUDIO("4000") MUX MID("x") VIDEO("4002") MUX MID("y"), 0, 0},
		{HEAD GROUP("x") GROUP("y") AUDIO("4000") MUX MID("x") VIDEO("4002") MUX MID("y"), 1, 0},
		{HEAD "a=group:BUNDLE\r\n" AUDIO("4000") MUX MID("x"), 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned tag, members = members_of(cases[i].text, &tag);

		cr_expect_eq(members, cases[i].members, "case %zu: %x", i, members);
		if (members)
			cr_expect_eq(tag, cases[i].tag, "case %zu: %u", i, tag);
	}
}

Test(sdp_bundle, sections_without_a_port_are_where_the_first_is)
{
	unsigned tag, members = members_of(HEAD GROUP("x y") AUDIO("4000") MUX MID("x") VIDEO("0") MUX
						   MID("y") "a=bundle-only\r\n",
					   &tag);

	sdp_bundle_share(&sdp, members, tag);
	cr_expect_eq(sdp.media[1].port, 4000);
	cr_expect(net_endpoint_eq(&sdp.media[1].rtp, &sdp.media[0].rtp));
	cr_expect(net_endpoint_eq(&sdp.media[1].rtcp, &sdp.media[0].rtp));
}

Test(sdp_bundle, the_extension_with_the_mid)
{
	static const struct {
		const char *line;
		unsigned id;
	} cases[] = {
		{"a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", 3},
		{"a=extmap:14/sendrecv urn:ietf:params:rtp-hdrext:sdes:mid\r\n", 14},
		{"a=extmap:255 URN:ietf:params:rtp-hdrext:sdes:MID\r\n", 255},
		{"a=extmap:256 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", 0},
		{"a=extmap:x urn:ietf:params:rtp-hdrext:sdes:mid\r\n", 0},
		{"a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n", 0},
		{"a=extmap:3\r\n", 0},
		{"a=extmap\r\n", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		unsigned tag;

		snprintf(text, sizeof(text), HEAD AUDIO("4000") "%s", cases[i].line);
		members_of(text, &tag);
		cr_expect_eq(sdp.media[0].mid_ext, cases[i].id, "%s", cases[i].line);
	}
}

/* The other side's answer knows nothing of mids: limen's says what the offerer has to hear. */
Test(sdp_bundle, written)
{
	char buf[2048];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct sdp_rewrite rewrite = {.session_id = 5, .session_version = 1, .nanchors = 3};
	const char *why;

	cr_assert_eq(sdp_parse(&sdp,
			       SPAN(HEAD AUDIO("6000") VIDEO("6002")
					    "a=mid:other\r\na=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" MUX
						    "m=audio 6004 RTP/AVP 8\r\na=mid:alone\r\n"),
			       &why),
		     0);
	cr_assert_eq(net_endpoint_parse(SPAN("10.0.1.1:9000"), 0, &rewrite.self), 0);
	for (unsigned i = 0; i < 3; i++) {
		rewrite.anchors[i].rtp = rewrite.anchors[i].rtcp = rewrite.self;
		rewrite.anchors[i].rtcp.port++;
		rewrite.anchors[i].mid_ext = 3;
	}
	rewrite.anchors[0].mid = SPAN("x");
	rewrite.anchors[1].mid = SPAN("y");
	rewrite.bundle = 3;
	rewrite.bundle_tag = 1;
	sdp_put(&out, &sdp, &rewrite);
	put_char(&out, 0);
	cr_expect(strstr(buf, "t=0 0\r\na=group:BUNDLE y x\r\nm=audio 9000 RTP/AVP 0\r\na=mid:x\r\na=rtcp-mux\r\n"
			      "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\nm=video 9000 RTP/AVP 96\r\n"
			      "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=rtcp-mux\r\na=mid:y\r\n"
			      "m=audio 9000 RTP/AVP 8\r\na=mid:alone\r\n"),
		  "%s", buf);
}
