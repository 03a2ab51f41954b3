/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions read: what media, where to, which way, and what is refused. */
#include "common/sdp/sdp.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD "v=0\r\no=alice 2890844526 2890844527 IN IP4 host.atlanta.example.com\r\ns=-\r\n"

/* The text ends flush at the end of its allocation, so that the sanitizer sees a read beyond. The
 * slices of *sdp lie in *copy, which the caller frees. */
static int parse(struct sdp *sdp, const char *text, char **copy)
{
	size_t len = strlen(text);
	const char *why;
	int rc;

	*copy = malloc(len ? len : 1);
	cr_assert(*copy);
	memcpy(*copy, text, len);
	rc = sdp_parse(sdp, span_of(*copy, len), &why);
	cr_assert((rc == 0) == (why[0] == '\0'), "a reason for %d: \"%s\"", rc, why);
	return rc;
}

static int parse_only(const char *text)
{
	struct sdp sdp;
	char *copy;
	int rc = parse(&sdp, text, &copy);

	free(copy);
	return rc;
}

static bool endpoint_is(const struct net_endpoint *at, const char *text)
{
	struct net_endpoint want;

	cr_assert_eq(net_endpoint_parse(span_str(text), 0, &want), 0);
	return net_endpoint_eq(at, &want);
}

static bool span_is(struct span s, const char *text)
{
	return span_eq(s, span_str(text));
}

Test(sdp, audio_offer)
{
	struct sdp sdp;
	char *copy;

	cr_assert_eq(parse(&sdp,
			   HEAD "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8 97\r\n"
				"a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n",
			   &copy),
		     0);
	cr_assert_eq(sdp.nmedia, 1);
	cr_assert(
		span_is(sdp.origin, "alice 2890844526 2890844527 IN IP4 host.atlanta.example.com"));
	cr_assert(span_is(sdp.media[0].type, "audio"));
	cr_assert(span_is(sdp.media[0].proto, "RTP/AVP"));
	cr_assert(span_is(sdp.media[0].formats, "0 8 97"));
	cr_assert(
		span_is(sdp.media[0].lines,
			"m=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"));
	cr_assert(span_is(sdp.session, HEAD "c=IN IP4 192.0.2.1\r\nt=0 0\r\n"));
	cr_assert_eq(sdp.media[0].port, 49170);
	cr_assert_eq(sdp.media[0].nports, 1);
	cr_assert(endpoint_is(&sdp.media[0].rtp, "192.0.2.1:49170"));
	cr_assert(endpoint_is(&sdp.media[0].rtcp, "192.0.2.1:49171"));
	cr_assert_eq(sdp.media[0].direction, SDP_SENDRECV);
	cr_assert_not(sdp.media[0].rtcp_mux);
	cr_assert_not(sdp.media[0].hold_by_zero);
	free(copy);
}

Test(sdp, line_ends_and_last_line)
{
	cr_assert_eq(parse_only("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 "
				"0\nm=audio 4000 RTP/AVP 0"),
		     0);
	cr_assert_eq(parse_only("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n\r\nt=0 0\r\n\r\n"), 0);
	cr_assert_eq(parse_only("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r"), 0);
}

Test(sdp, several_sections_each_with_its_own)
{
	struct sdp sdp;
	char *copy;

	cr_assert_eq(parse(&sdp,
			   HEAD "c=IN IP6 2001:db8::1\r\nt=0 0\r\na=recvonly\r\n"
				"m=audio 5000 RTP/AVP 0\r\n"
				"m=video 5002/2 RTP/SAVPF 96\r\nc=IN IP4 "
				"192.0.2.9\r\na=sendonly\r\na=rtcp-mux\r\n"
				"m=image 5006 udptl t38\r\na=inactive\r\n"
				"m=application 0 TCP/MSRP *\r\n",
			   &copy),
		     0);
	cr_assert_eq(sdp.nmedia, 4);
	cr_assert(endpoint_is(&sdp.media[0].rtp, "[2001:db8::1]:5000"));
	cr_assert(endpoint_is(&sdp.media[0].rtcp, "[2001:db8::1]:5001"));
	cr_assert_eq(sdp.media[0].direction, SDP_RECVONLY);
	cr_assert(endpoint_is(&sdp.media[1].rtp, "192.0.2.9:5002"));
	cr_assert(endpoint_is(&sdp.media[1].rtcp, "192.0.2.9:5002"), "rtcp-mux");
	cr_assert(endpoint_is(&sdp.media[1].rtcp_apart, "192.0.2.9:5003"));
	cr_assert_eq(sdp.media[1].nports, 2);
	cr_assert_eq(sdp.media[1].direction, SDP_SENDONLY);
	cr_assert(sdp.media[1].rtcp_mux);
	cr_assert(span_is(sdp.media[2].type, "image"));
	cr_assert(span_is(sdp.media[2].proto, "udptl"));
	cr_assert_eq(sdp.media[2].direction, SDP_INACTIVE);
	cr_assert_eq(sdp.media[3].port, 0);
	cr_assert_eq(sdp.media[3].rtp.port, 0);
	cr_assert_eq(sdp.media[3].rtcp.family, NET_NONE);
	free(copy);
}

static const struct rtcp_case {
	const char *attr;
	const char *rtcp; /* NULL: none */
} rtcp_cases[] = {
	{"", "192.0.2.1:5001"},
	{"a=rtcp:53020\r\n", "192.0.2.1:53020"},
	{"a=rtcp:53020 IN IP4 192.0.2.7\r\n", "192.0.2.7:53020"},
	{"a=rtcp:53020 IN IP6 2001:db8::7\r\n", "[2001:db8::7]:53020"},
	{"a=rtcp:53020 IN IP4 pc.example.com\r\n", NULL},
	{"a=rtcp:0\r\n", "192.0.2.1:5001"},
	{"a=rtcp:65536\r\n", "192.0.2.1:5001"},
	{"a=rtcp:x\r\n", "192.0.2.1:5001"},
	{"a=rtcp\r\n", "192.0.2.1:5001"},
	{"a=rtcp:53020 IN IP4\r\n", "192.0.2.1:5001"},
};

Test(sdp, rtcp_address)
{
	for (size_t i = 0; i < sizeof(rtcp_cases) / sizeof(rtcp_cases[0]); i++) {
		const struct rtcp_case *c = &rtcp_cases[i];
		struct sdp sdp;
		char text[512], *copy;

		snprintf(text, sizeof(text),
			 HEAD "c=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 0\r\n%s", c->attr);
		cr_assert_eq(parse(&sdp, text, &copy), 0);
		if (c->rtcp)
			cr_assert(endpoint_is(&sdp.media[0].rtcp, c->rtcp), "%s", c->attr);
		else
			cr_assert_eq(sdp.media[0].rtcp.family, NET_NONE, "%s", c->attr);
		free(copy);
	}
}

/* RFC 8035: a=rtcp of an offer that multiplexes names the one port; apart from it there is the
 * next. */
Test(sdp, rtcp_mux_declined)
{
	struct sdp sdp;
	char *copy;

	cr_assert_eq(
		parse(&sdp,
		      HEAD
		      "c=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP "
		      "0\r\na=rtcp-mux\r\na=rtcp:5000\r\n"
		      "m=audio 6000 RTP/AVP 0\r\na=rtcp-mux\r\na=rtcp:7000 IN IP4 192.0.2.2\r\n",
		      &copy),
		0);
	cr_assert(endpoint_is(&sdp.media[0].rtcp, "192.0.2.1:5000"));
	cr_assert(endpoint_is(&sdp.media[0].rtcp_apart, "192.0.2.1:5001"));
	cr_assert(endpoint_is(&sdp.media[1].rtcp, "192.0.2.1:6000"));
	cr_assert(endpoint_is(&sdp.media[1].rtcp_apart, "192.0.2.2:7000"));
	free(copy);
}

Test(sdp, host_names_are_noticed_wherever_they_stand)
{
	static const struct {
		const char *text;
		bool names;
	} cases[] = {
		{"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP "
		 "0\r\na=rtcp:2\r\n",
		 false},
		{"v=0\r\no=- 1 1 IN IP4 pc\r\nc=IN IP4 192.0.2.1\r\n", true},
		{"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 pc\r\n", true},
		{"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 pc\r\n", true},
		{"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 pc/127\r\n",
		 true},
		{"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n"
		 "a=rtcp:2 IN IP4 pc\r\n",
		 true},
		{"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 1 RTP/AVP 0\r\n"
		 "a=rtcp:2 IN IP4 pc\r\na=rtcp:2\r\n",
		 true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sdp sdp;
		char *copy;

		cr_assert_eq(parse(&sdp, cases[i].text, &copy), 0);
		cr_assert_eq(sdp.names_hosts, cases[i].names, "%zu", i);
		free(copy);
	}
}

Test(sdp, no_port_above_the_last)
{
	struct sdp sdp;
	char *copy;

	cr_assert_eq(parse(&sdp, HEAD "c=IN IP4 192.0.2.1\r\nm=audio 65535 RTP/AVP 0\r\n", &copy),
		     0);
	cr_assert(endpoint_is(&sdp.media[0].rtp, "192.0.2.1:65535"));
	cr_assert_eq(sdp.media[0].rtcp.family, NET_NONE);
	cr_assert_eq(sdp.media[0].rtcp.port, 0);
	free(copy);
}

static const struct hold_case {
	const char *c;
	const char *attr;
	bool zero;
	enum sdp_direction direction, effective;
} hold_cases[] = {
	{"IN IP4 192.0.2.1", "", false, SDP_SENDRECV, SDP_SENDRECV},
	{"IN IP4 192.0.2.1", "a=sendonly\r\n", false, SDP_SENDONLY, SDP_SENDONLY},
	{"IN IP4 0.0.0.0", "", true, SDP_SENDRECV, SDP_SENDONLY},
	{"IN IP4 0.0.0.0", "a=sendonly\r\n", true, SDP_SENDONLY, SDP_SENDONLY},
	{"IN IP4 0.0.0.0", "a=recvonly\r\n", true, SDP_RECVONLY, SDP_INACTIVE},
	{"IN IP4 0.0.0.0", "a=inactive\r\n", true, SDP_INACTIVE, SDP_INACTIVE},
	{"IN IP6 ::", "a=sendrecv\r\n", true, SDP_SENDRECV, SDP_SENDONLY},
	/* The last word counts. */
	{"IN IP4 192.0.2.1", "a=sendonly\r\na=inactive\r\n", false, SDP_INACTIVE, SDP_INACTIVE},
	/* No direction at all. */
	{"IN IP4 192.0.2.1", "a=inactive:1\r\na=recvonlyx\r\n", false, SDP_SENDRECV, SDP_SENDRECV},
};

Test(sdp, hold)
{
	for (size_t i = 0; i < sizeof(hold_cases) / sizeof(hold_cases[0]); i++) {
		const struct hold_case *c = &hold_cases[i];
		struct sdp sdp;
		char text[512], *copy;

		snprintf(text, sizeof(text), HEAD "c=%s\r\nm=audio 5000 RTP/AVP 0\r\n%s", c->c,
			 c->attr);
		cr_assert_eq(parse(&sdp, text, &copy), 0);
		cr_assert_eq(sdp.media[0].hold_by_zero, c->zero, "%s %s", c->c, c->attr);
		cr_assert_eq(sdp.media[0].direction, c->direction, "%s %s", c->c, c->attr);
		cr_assert_eq(sdp_media_direction(&sdp.media[0]), c->effective, "%s %s", c->c,
			     c->attr);
		cr_assert_eq(sdp.media[0].rtp.family == NET_NONE, c->zero, "%s %s", c->c, c->attr);
		free(copy);
	}
}

Test(sdp, addresses_that_media_cannot_be_sent_to)
{
	static const char *const lines[] = {
		"IN IP4 pc.example.com", "IN IP4 224.2.1.1/127", "IN IP6 ff15::101",
		"IN IP6 192.0.2.1",	 "IN IP4 2001:db8::1",	 "ATM NSAP 47.0091",
		"IN IP4 300.1.1.1",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sdp sdp;
		char text[512], *copy;

		snprintf(text, sizeof(text), HEAD "c=%s\r\nm=audio 5000 RTP/AVP 0\r\n", lines[i]);
		cr_assert_eq(parse(&sdp, text, &copy), 0, "%s", lines[i]);
		cr_assert_eq(sdp.media[0].rtp.family, NET_NONE, "%s", lines[i]);
		cr_assert_eq(sdp.media[0].rtcp.family, NET_NONE, "%s", lines[i]);
		cr_assert_not(sdp.media[0].hold_by_zero, "%s", lines[i]);
		free(copy);
	}
}

Test(sdp, not_a_description)
{
	static const char *const texts[] = {
		"",
		"\r\n",
		"v",
		"v=0\r\n",
		"v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
		"o=- 1 1 IN IP4 192.0.2.1\r\nv=0\r\n",
		"v=0\r\no=- 1 1 IN IP4\r\n",
		"v=0\r\ns=-\r\n",
		"m=audio 5000 RTP/AVP 0\r\n",
		HEAD "hello\r\n",
		HEAD " a=x\r\n",
		HEAD "A=x\r\n",
		HEAD "a=x\ry\r\n",
		HEAD "c=IN IP4\r\n",
		HEAD "m=audio 5000 RTP/AVP 0\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio 5000\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio 65536 RTP/AVP 0\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio -1 RTP/AVP 0\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio 5000/ RTP/AVP 0\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio 5000/0 RTP/AVP 0\r\n",
		HEAD "c=IN IP4 192.0.2.1\r\nm=audio 5000 RTP/AVP 0\r\nc=IN\r\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_eq(parse_only(texts[i]), -EINVAL, "%zu: %s", i, texts[i]);
}

Test(sdp, nul_inside)
{
	static const char text[] = HEAD "a=x\0y\r\n";
	struct sdp sdp;
	const char *why;

	cr_assert_eq(sdp_parse(&sdp, span_of(text, sizeof(text) - 1), &why), -EINVAL);
}

Test(sdp, refused_section_may_lack_formats_and_address)
{
	struct sdp sdp;
	char *copy;

	cr_assert_eq(parse(&sdp, HEAD "m=video 0 RTP/AVP\r\n", &copy), 0);
	cr_assert_eq(sdp.nmedia, 1);
	cr_assert_eq(sdp.media[0].formats.len, 0);
	free(copy);
}

Test(sdp, too_much)
{
	char text[SDP_BYTES_MAX + 64];
	size_t head = strlen(HEAD), len;
	struct sdp sdp;
	const char *why;

	memcpy(text, HEAD, head);
	len = head;
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		len += (size_t)sprintf(text + len, "m=audio 0 RTP/AVP 0\r\n");
	cr_assert_eq(sdp_parse(&sdp, span_of(text, len), &why), 0);
	cr_assert_eq(sdp.nmedia, SDP_MEDIA_MAX);
	len += (size_t)sprintf(text + len, "m=audio 0 RTP/AVP 0\r\n");
	cr_assert_eq(sdp_parse(&sdp, span_of(text, len), &why), -E2BIG);

	memset(text + head, 'x', sizeof(text) - head);
	memcpy(text + head, "a=", 2);
	cr_assert_eq(sdp_parse(&sdp, span_of(text, SDP_BYTES_MAX), &why), 0);
	cr_assert_eq(sdp_parse(&sdp, span_of(text, SDP_BYTES_MAX + 1), &why), -E2BIG);
}

/* Every prefix of a good description is judged without a look behind its end. */
Test(sdp, cut_anywhere)
{
	static const char text[] =
		HEAD "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 49170/1 RTP/AVP 0 8\r\n"
		     "c=IN IP6 2001:db8::1\r\na=rtcp:5003 IN IP4 192.0.2.3\r\na=rtcp-mux\r\n";

	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = malloc(len ? len : 1);
		struct sdp sdp;
		const char *why;
		int rc;

		memcpy(cut, text, len);
		rc = sdp_parse(&sdp, span_of(cut, len), &why);
		cr_assert(rc == 0 || rc == -EINVAL);
		free(cut);
	}
}
