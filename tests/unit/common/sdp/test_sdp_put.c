/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions written for the other side: what is said, what is hidden, and that it reads
 * as what was meant. */
#include "common/sdp/sdp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define ORIGIN "v=0\r\no=alice 2890844526 2890844527 IN IP4 10.1.2.3\r\n"

static struct net_endpoint endpoint(const char *text)
{
	struct net_endpoint at;

	cr_assert_eq(net_endpoint_parse(span_str(text), 0, &at), 0, "%s", text);
	return at;
}

/* limen is 203.0.113.1; section i is anchored at port 20000 + 2 i. */
static struct sdp_rewrite rewrite_for(const struct sdp *sdp)
{
	struct sdp_rewrite rewrite = {
		.session_id = 77,
		.session_version = 78,
		.self = endpoint("203.0.113.1"),
		.nanchors = sdp->nmedia,
	};

	for (unsigned i = 0; i < sdp->nmedia; i++) {
		rewrite.anchors[i].rtp = rewrite.anchors[i].rtcp = rewrite.self;
		rewrite.anchors[i].rtp.port = (uint16_t)(20000 + 2 * i);
		rewrite.anchors[i].rtcp.port = (uint16_t)(20001 + 2 * i);
	}
	return rewrite;
}

static void parse(struct sdp *sdp, struct span text)
{
	const char *why;
	int rc = sdp_parse(sdp, text, &why);

	cr_assert_eq(rc, 0, "%s in: %.*s", why, SPAN_FMT(text));
}

static const char *put(const char *text, const struct sdp_rewrite *rewrite)
{
	static char out[8192];
	struct cursor c = cursor_on(out, sizeof(out) - 1);
	struct sdp_rewrite usual;
	struct sdp sdp;

	parse(&sdp, span_str(text));
	usual = rewrite_for(&sdp);
	sdp_put(&c, &sdp, rewrite ? rewrite : &usual);
	cr_assert_not(c.full);
	out[c.len] = '\0';
	return out;
}

Test(sdp_put, audio_offer)
{
	cr_assert_str_eq(
		put(ORIGIN
		    "s=Alice's "
		    "phone\r\ni=hers\r\nu=http://alice.example.com\r\ne=alice@example.com\r\n"
		    "p=+44 1\r\nc=IN IP4 10.1.2.3\r\nb=AS:64\r\nt=0 0\r\na=tool:phone 1.0\r\n"
		    "a=ptime:20\r\nm=audio 49170 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\n"
		    "a=fmtp:101 0-16\r\na=sendrecv\r\n",
		    NULL),
		"v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 "
		"203.0.113.1\r\nb=AS:64\r\nt=0 0\r\n"
		"a=ptime:20\r\nm=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=fmtp:101 "
		"0-16\r\n"
		"a=sendrecv\r\n");
}

Test(sdp_put, time_is_added_where_it_lacks)
{
	cr_assert_str_eq(put(ORIGIN "c=IN IP4 10.1.2.3\r\na=ptime:20\r\n", NULL),
			 "v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 "
			 "203.0.113.1\r\nt=0 0\r\na=ptime:20\r\n");
	cr_assert_str_eq(
		put("v=0\r\no=- 1 1 IN IP4 10.1.2.3\r\n", NULL),
		"v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n");
}

Test(sdp_put, other_family_and_apart_rtcp)
{
	static const char text[] =
		ORIGIN "s=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"
		       "a=rtcp:6000 IN IP4 10.1.2.4\r\na=ptime:20\r\n";
	struct sdp_rewrite rewrite;
	struct sdp sdp;

	parse(&sdp, span_str(text));
	rewrite = rewrite_for(&sdp);
	rewrite.anchors[0].rtp = endpoint("[2001:db8::1]:30000");
	rewrite.anchors[0].rtcp = endpoint("[2001:db8::1]:30001");
	cr_assert_str_eq(
		put(text, &rewrite),
		"v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		"m=audio 30000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\na=ptime:20\r\n");
	rewrite.anchors[0].rtcp = endpoint("[2001:db8::1]:40000");
	cr_assert(strstr(put(text, &rewrite), "a=rtcp:40000\r\n"));
	rewrite.anchors[0].rtcp = endpoint("[2001:db8::2]:30001");
	cr_assert(strstr(put(text, &rewrite), "a=rtcp:30001 IN IP6 2001:db8::2\r\n"));
}

Test(sdp_put, rtcp_mux_needs_no_rtcp_line)
{
	static const char text[] = ORIGIN "c=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 5000 RTP/AVP "
					  "0\r\na=rtcp:5000\r\na=rtcp-mux\r\n";
	const char *out = put(text, NULL);

	cr_assert(strstr(out, "a=rtcp-mux\r\n"));
	cr_assert_not(strstr(out, "a=rtcp:"));
}

Test(sdp_put, refused_sections_stay_refused)
{
	static const char text[] = ORIGIN
		"c=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"
		"m=message 7394 TCP/MSRP *\r\na=path:msrp://10.1.2.3:7394/2s93i9;tcp\r\n"
		"m=text 0 RTP/AVP\r\n";
	struct sdp_rewrite rewrite;
	struct sdp sdp;

	parse(&sdp, span_str(text));
	rewrite = rewrite_for(&sdp);
	rewrite.anchors[2].rtp = rewrite.anchors[2].rtcp = (struct net_endpoint){0};
	cr_assert_str_eq(
		put(text, &rewrite),
		"v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		"m=audio 20000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\nm=message 0 TCP/MSRP "
		"*\r\nm=text 0 RTP/AVP\r\n");
}

Test(sdp_put, hold_by_zero_becomes_a_direction)
{
	const char *out =
		put(ORIGIN "c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=sendrecv\r\n",
		    NULL);

	cr_assert(strstr(out, "m=audio 20000 RTP/AVP 0\r\na=sendonly\r\n"), "%s", out);
	cr_assert_not(strstr(out, "0.0.0.0"));
	cr_assert_not(strstr(out, "sendrecv"));
	out = put(ORIGIN "c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=recvonly\r\n",
		  NULL);
	cr_assert(strstr(out, "m=audio 20000 RTP/AVP 0\r\na=inactive\r\n"), "%s", out);
}

/* Lines that must not come out again, whatever stands around them. */
static const char *const telling[] = {
	"a=candidate:1 1 UDP 2130706431 10.1.2.3 8998 typ host",
	"a=remote-candidates:1 10.1.2.3 8998",
	"a=end-of-candidates",
	"a=ice-ufrag:8hhY",
	"a=ice-pwd:asd88fgpdd777uzjYhagZg",
	"a=ice-lite",
	"a=ICE-options:trickle",
	"a=rtcp:5001 IN IP4 10.1.2.3",
	"a=source-filter: incl IN IP4 * 10.1.2.3",
	"a=tool:Phone/1.0",
	"a=Tool:Phone/1.0",
	"a=altc:1 IP6 2001:db8::1 45678",
	"a=visited-realm:1 home.example.com IN IP4 10.1.2.3 5000",
	"a=omr-m-cksum:0",
	"a=path:msrp://phone.example.com:7394/2s93i9;tcp",
	"a=control:rtsp://phone.example.com/audio",
	"a=identity:eyJpZHAiOnsiZG9tYWluIjoi",
	"a=T38VendorInfo:0 0 37",
	"a=nortpproxy:yes",
	/* Keys, and what leads to some. */
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20",
	"a=Crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
	"a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyO",
	"a=zrtp-hash:1.10 fe30efd02423cb054e50efd0248742ac7a52c8f91bc2df881ae642c371ba46df",
	"a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz",
	"a=tcap:1 RTP/SAVP",
	"a=pcfg:1 t=1 a=1",
	"a=cpar: a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubG",
	"a=fingerprint:sha-256 "
	"4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3A:4B:65:2E:7D:46:3F:54:42:CD:"
	"54:F1",
	"a=setup:actpass",
	"a=tls-id:abc3de65cddef001be82",
	"a=X-nat:10.1.2.3",
	"a=X-nat:x10.1.2.3x",
	"a=X-nat:fe80::10",
	"a=X-nat:2001:db8:0:0:0:0:0:1",
	"a=X-nat:[2001:DB8:0:0:0:0:0:1]:99",
	"a=X-name:PC.Example.COM",
	"a=X-name:sip:x@pc.example.com;y",
	"a=rtcp-xr:voip-metrics=10.1.2.3",
	"k=uri:http://pc.example.com/key",
	"i=alice's desk",
	"z=10.1.2.3",
	"x=10.1.2.3",
};

Test(sdp_put, telling_lines_are_dropped_at_either_level)
{
	for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
		char text[512];
		const char *out;

		snprintf(text, sizeof(text),
			 "v=0\r\no=alice 1 1 IN IP4 pc.example.com\r\nc=IN IP4 10.1.2.3\r\nt=0 "
			 "0\r\n%s\r\n"
			 "m=audio 5000 RTP/AVP 0\r\n%s\r\na=ptime:20\r\n",
			 telling[i], telling[i]);
		out = put(text, NULL);
		cr_assert_str_eq(out,
				 "v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 "
				 "203.0.113.1\r\nt=0 0\r\n"
				 "m=audio 20000 RTP/AVP 0\r\na=ptime:20\r\n",
				 "%s", telling[i]);
	}
}

static const char *const kept[] = {
	"a=rtpmap:97 iLBC/8000",
	"a=fmtp:96 "
	"profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==",
	"a=extmap:1 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	"a=group:LS audio video",
	"a=mid:audio",
	"a=rtcp-fb:96 nack pli",
	"a=rtcp-rsize",
	"a=ssrc:3735928559 label:x",
	"a=maxptime:40",
	"a=X-version:1.2.3",
	"a=curr:qos e2e none",
	"a=recvonly",
	"a=rtcp-xr:voip-metrics",
	"a=X-time:12:30:59",
	"a=cpar: a=T38FaxVersion:0",
	"b=TIAS:64000",
	"x=unknown",
};

Test(sdp_put, all_else_is_kept_at_either_level)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		char text[1024], want[1024];

		snprintf(text, sizeof(text),
			 "v=0\r\no=alice 1 1 IN IP4 pc.example.com\r\nc=IN IP4 10.1.2.3\r\nt=0 "
			 "0\r\n%s\r\n"
			 "m=audio 5000 RTP/AVP 0\r\n%s\r\na=ptime:20\r\n",
			 kept[i], kept[i]);
		snprintf(want, sizeof(want),
			 "v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 "
			 "203.0.113.1\r\nt=0 0\r\n%s\r\n"
			 "m=audio 20000 RTP/AVP 0\r\n%s\r\na=ptime:20\r\n",
			 kept[i], kept[i]);
		cr_assert_str_eq(put(text, NULL), want);
	}
}

/* A peer may call its host what it likes; that must not cost the call its direction or its codecs'
 * numbers. */
Test(sdp_put, silly_host_names)
{
	const char *out =
		put("v=0\r\no=101 101 101 IN IP4 0\r\nc=IN IP4 sendonly\r\nt=0 0\r\nm=audio 5000 "
		    "RTP/AVP 0 101\r\n"
		    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n",
		    NULL);

	cr_assert(strstr(out, "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 "
			      "telephone-event/8000\r\na=sendonly\r\n"),
		  "%s", out);
}

Test(sdp_put, cname_is_replaced)
{
	const char *out = put(ORIGIN "c=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 5000 RTP/AVP "
				     "0\r\na=ssrc:11 cname:alice@10.1.2.3\r\n"
				     "a=ssrc:12 CNAME:alice@pc\r\na=ssrc:12 label:x\r\n",
			      NULL);

	cr_assert(strstr(out, "a=ssrc:11 cname:77\r\na=ssrc:12 cname:77\r\na=ssrc:12 label:x\r\n"),
		  "%s", out);
}

Test(sdp_put, every_short_buffer_is_told)
{
	static const char text[] =
		ORIGIN "c=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\na=ptime:20\r\n";
	size_t whole = strlen(put(text, NULL));

	for (uint32_t cap = 0; cap < whole; cap++) {
		char *buf = malloc(cap ? cap : 1);
		struct cursor c = cursor_on(buf, cap);
		struct sdp_rewrite rewrite;
		struct sdp sdp;

		parse(&sdp, span_str(text));
		rewrite = rewrite_for(&sdp);
		sdp_put(&c, &sdp, &rewrite);
		cr_assert(c.full, "%u of %zu", cap, whole);
		free(buf);
	}
}

/* Property: whatever is accepted comes out as a description with the same meaning, at limen's
 * addresses, and with nothing of the sender's. The generator is a fixed sequence, so a failure
 * repeats. */
static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(random_state >> 8) * n >> 24);
}

static const char *const some_c[] = {"", "c=IN IP4 10.66.7.8\r\n", "c=IN IP6 2001:db8:66::8\r\n",
				     "c=IN IP4 0.0.0.0\r\n", "c=IN IP4 mallory.example.net\r\n"};
static const char *const some_m[] = {"m=audio 5000 RTP/AVP 0 8", "m=video 6000/2 RTP/SAVPF 96",
				     "m=image 7000 udptl t38", "m=audio 0 RTP/AVP 0",
				     "m=application 9 UDP/BFCP *"};
static const char *const some_a[] = {
	"a=sendonly",
	"a=recvonly",
	"a=inactive",
	"a=sendrecv",
	"a=rtcp-mux",
	"a=rtcp:9001",
	"a=rtcp:9001 IN IP4 10.66.7.8",
	"a=candidate:1 1 UDP 1 10.66.7.8 8998 typ host",
	"a=rtpmap:0 PCMU/8000",
	"a=ssrc:1 cname:mallory@10.66.7.8",
	"a=X-at:mallory.example.net",
	"a=X-at:2001:db8:66::8",
	"i=mallory",
	"b=AS:64",
	"k=clear:mallory",
};

#define PICK(list) list[random_below(sizeof(list) / sizeof((list)[0]))]

static void random_description(char *text, size_t size)
{
	unsigned nmedia = random_below(5);
	size_t len;

	len = (size_t)snprintf(text, size,
			       "v=0\r\no=mallory 66666666 66666667 IN IP4 "
			       "mallory.example.net\r\ns=mallory's\r\n%s",
			       some_c[1 + random_below(4)]);
	for (unsigned i = random_below(4); i > 0; i--)
		len += (size_t)snprintf(text + len, size - len, "%s\r\n", PICK(some_a));
	while (nmedia-- > 0) {
		len += (size_t)snprintf(text + len, size - len, "%s\r\n%s", PICK(some_m),
					PICK(some_c));
		for (unsigned i = random_below(6); i > 0; i--)
			len += (size_t)snprintf(text + len, size - len, "%s\r\n", PICK(some_a));
	}
	cr_assert_lt(len, size);
}

static void assert_same_meaning(const struct sdp *in, const struct sdp *out,
				const struct sdp_rewrite *rewrite, const char *text)
{
	cr_assert_eq(in->nmedia, out->nmedia, "%s", text);
	for (unsigned i = 0; i < in->nmedia; i++) {
		const struct sdp_media *a = &in->media[i], *b = &out->media[i];
		const struct sdp_anchor *anchor = &rewrite->anchors[i];
		bool active = a->port && anchor->rtp.family != NET_NONE;

		cr_assert(span_eq(a->type, b->type) && span_eq(a->proto, b->proto) &&
				  span_eq(a->formats, b->formats),
			  "%s", text);
		cr_assert_eq(a->rtcp_mux, b->rtcp_mux, "%s", text);
		cr_assert_eq(sdp_media_direction(a), sdp_media_direction(b), "%s", text);
		cr_assert_not(b->hold_by_zero);
		cr_assert_eq(b->port, active ? anchor->rtp.port : 0, "%s", text);
		if (!active)
			continue;
		cr_assert(net_endpoint_eq(&b->rtp, &anchor->rtp), "%s", text);
		cr_assert(net_endpoint_eq(&b->rtcp, a->rtcp_mux ? &anchor->rtp : &anchor->rtcp),
			  "%s", text);
	}
}

Test(sdp_put, property_same_meaning_and_nothing_told)
{
	static const char *const secrets[] = {"mallory",   "66666666",	  "66666667",
					      "10.66.7.8", "2001:db8:66", "0.0.0.0"};

	for (unsigned run = 0; run < 20000; run++) {
		char text[4096], buf[8192], again[8192];
		struct cursor c = cursor_on(buf, sizeof(buf) - 1),
			      d = cursor_on(again, sizeof(again));
		struct sdp in, out;
		struct sdp_rewrite rewrite;

		random_state = run * 2654435761u + 1;
		random_description(text, sizeof(text));
		parse(&in, span_str(text));
		rewrite = rewrite_for(&in);
		for (unsigned i = 0; i < in.nmedia; i++) {
			switch (random_below(4)) {
			case 0:
				rewrite.anchors[i].rtp = rewrite.anchors[i].rtcp =
					(struct net_endpoint){0};
				break;
			case 1:
				rewrite.anchors[i].rtp = endpoint("[2001:db8:1::1]:30000");
				rewrite.anchors[i].rtcp = endpoint("[2001:db8:1::1]:30001");
				break;
			case 2:
				rewrite.anchors[i].rtcp = endpoint("203.0.113.2:40000");
				break;
			default:
				break;
			}
		}
		sdp_put(&c, &in, &rewrite);
		cr_assert_not(c.full);
		buf[c.len] = '\0';
		parse(&out, cursor_span(&c));
		assert_same_meaning(&in, &out, &rewrite, text);
		for (unsigned i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
			cr_assert_not(strstr(buf, secrets[i]), "%s in:\n%s", secrets[i], buf);
		/* Hiding twice changes nothing more. */
		sdp_put(&d, &out, &rewrite);
		cr_assert(span_eq(cursor_span(&c), cursor_span(&d)), "%s\n->\n%s\n->\n%.*s", text,
			  buf, SPAN_FMT(cursor_span(&d)));
	}
}

/* limen has a port for each section: what says otherwise would be a lie (RFC 8843 section 7). */
Test(sdp_put, bundles_are_taken_apart)
{
	cr_assert_str_eq(
		put(ORIGIN "s=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=group: "
			   "bundle 1\r\n"
			   "m=audio 5000 RTP/SAVPF 0\r\na=mid:0\r\na=setup:actpass\r\n"
			   "m=video 0 RTP/SAVPF 96\r\na=mid:1\r\na=bundle-only\r\n",
		    NULL),
		"v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n"
		"m=audio 20000 RTP/SAVPF 0\r\na=mid:0\r\n"
		"m=video 0 RTP/SAVPF 96\r\na=mid:1\r\n");
}

#define MSRP                                                                                       \
	"m=message 7654 TCP/MSRP *\r\na=accept-types:text/plain\r\n"                               \
	"a=path:msrp://atlanta.example.com:7654/jshA7weztas;tcp\r\n"

/* A section that policy lets pass keeps its address, wherever that stands, and what belongs to
 * it. */
Test(sdp_put, a_section_as_it_is)
{
	static const char text[] = ORIGIN "s=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n"
					  "m=audio 5000 RTP/AVP 0\r\n" MSRP;
	static const char own[] = ORIGIN "s=-\r\nt=0 0\r\nm=message 7654 TCP/MSRP *\r\n"
					 "i=mine\r\nc=IN IP6 2001:db8::9\r\n";
	struct sdp_rewrite rewrite;
	struct sdp sdp;

	parse(&sdp, span_str(text));
	rewrite = rewrite_for(&sdp);
	rewrite.anchors[1] = (struct sdp_anchor){.as_is = true};
	cr_assert_str_eq(put(text, &rewrite),
			 "v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\n"
			 "t=0 0\r\nm=audio 20000 RTP/AVP 0\r\nm=message 7654 TCP/MSRP *\r\n"
			 "c=IN IP4 10.1.2.3\r\na=accept-types:text/plain\r\n"
			 "a=path:msrp://atlanta.example.com:7654/jshA7weztas;tcp\r\n");
	rewrite.nanchors = 1;
	rewrite.anchors[0] = rewrite.anchors[1];
	cr_assert_str_eq(put(own, &rewrite),
			 "v=0\r\no=- 77 78 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\n"
			 "t=0 0\r\nm=message 7654 TCP/MSRP *\r\nc=IN IP6 2001:db8::9\r\n");
}

/* An answer has a section for each one that was offered, of its type and in its place. */
Test(sdp_put, an_answer_made_to_fit)
{
	static const char offer[] =
		ORIGIN "s=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n"
		       "m=audio 5000 RTP/AVP 0\r\nm=video 5002 RTP/AVP 96\r\n"
		       "m=image 5004 udptl t38\r\nm=x-odd 5006 RTP/AVP 0\r\n" MSRP
		       "m=application 9 TCP/BFCP *\r\nm=text 5008 RTP/AVP 98\r\n";
	struct sdp offered, answer;
	struct sdp_rewrite rewrite;
	char out[4096];
	struct cursor c = cursor_on(out, sizeof(out) - 1);

	parse(&offered, span_str(offer));
	cr_assert_eq(offered.nmedia, 7);
	parse(&answer,
	      SPAN(ORIGIN "s=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=Audio 6000 RTP/AVP 0\r\n"));
	cr_assert_eq(sdp_fit_answer(&answer, 7, sdp_types(&offered)), 0);
	rewrite = rewrite_for(&answer);
	sdp_put(&c, &answer, &rewrite);
	out[c.len] = 0;
	cr_assert_str_eq(strstr(out, "m="),
			 "m=Audio 20000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"
			 "m=image 0 udptl t38\r\nm=x-none 0 RTP/AVP 0\r\n"
			 "m=message 0 TCP/MSRP *\r\nm=application 0 TCP/BFCP *\r\n"
			 "m=text 0 RTP/AVP 98\r\n");
	answer = offered;
	cr_assert_eq(sdp_fit_answer(&answer, 2, sdp_types(&offered)), 0);
	cr_assert_eq(answer.nmedia, 2);
	parse(&answer,
	      SPAN(ORIGIN "s=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=video 6000 RTP/AVP 96\r\n"
			  "m=audio 6002 RTP/AVP 0\r\n"));
	cr_assert_eq(sdp_fit_answer(&answer, 2, sdp_types(&offered)), -22);
}
