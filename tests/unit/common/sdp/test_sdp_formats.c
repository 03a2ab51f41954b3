/* SPDX-License-Identifier: BSD-3-Clause */
/* Payload formats and rates of an m= section. */
#include "common/sdp/sdp_formats.h"

#include "common/sdp/sdp.h"

#include <criterion/criterion.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"

static struct sdp_formats formats_of(const char *text)
{
	static struct sdp sdp;
	struct sdp_formats formats;
	const char *why;

	cr_assert_eq(sdp_parse(&sdp, span_str(text), &why), 0, "%s", why);
	sdp_formats_read(&sdp, &sdp.media[0], &formats);
	return formats;
}

Test(sdp_formats, types)
{
	struct sdp_formats f = formats_of(HEAD "m=audio 4000 RTP/AVP 0 96 101 18 13\r\n"
					       "a=rtpmap:96 opus/48000/2\r\n"
					       "a=rtpmap:101 telephone-event/48000\r\n"
					       "a=rtpmap:99 PCMU/8000\r\na=ptime:30\r\n");

	cr_assert_eq(f.ntypes, 5);
	cr_expect_eq(f.kind, SDP_KIND_AUDIO);
	cr_expect_eq(f.proto, SDP_PROTO_RTP);
	cr_expect_eq(f.ptime_ms, 30);
	cr_expect_eq(sdp_formats_type(&f, 0)->codec, CODEC_PCMU);
	cr_expect_eq(sdp_formats_type(&f, 96)->codec, CODEC_OPUS);
	cr_expect_eq(sdp_formats_type(&f, 96)->clock_hz, 48000);
	cr_expect_eq(sdp_formats_type(&f, 96)->channels, 2);
	cr_expect_eq(sdp_formats_type(&f, 101)->codec, CODEC_TELEPHONE_EVENT);
	cr_expect_eq(sdp_formats_type(&f, 18)->codec, CODEC_G729);
	cr_expect_eq(sdp_formats_type(&f, 13)->codec, CODEC_COMFORT_NOISE);
	cr_expect_null(sdp_formats_type(&f, 99), "it is not on the m= line");
}

Test(sdp_formats, odd_text)
{
	struct sdp_formats f = formats_of(
		HEAD "m=video 4000 RTP/SAVPF 128 x 31 97 98\r\na=rtpmap:97\r\n"
		     "a=rtpmap:98 H264/99999999999\r\na=rtpmap:300 VP8/90000\r\na=rtpmap: \r\n"
		     "a=ptime:99999999\r\nb=AS\r\nb=AS:99999999999\r\n");

	cr_expect_eq(f.ntypes, 3);
	cr_expect_eq(f.proto, SDP_PROTO_SRTP);
	cr_expect_eq(sdp_formats_type(&f, 98)->clock_hz, 90000);
	cr_expect_eq(sdp_formats_type(&f, 98)->codec, CODEC_UNKNOWN);
	cr_expect_eq(f.ptime_ms, 1000);
	f = formats_of(HEAD "m=audio 4000 RTP/AVP 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\r\n");
	cr_expect_eq(f.ntypes, SDP_TYPES_MAX);
	f = formats_of(HEAD "m=image 4000 udptl t38\r\n");
	cr_expect(f.ntypes == 0 && f.kind == SDP_KIND_IMAGE && f.proto == SDP_PROTO_UDPTL);
	cr_expect_eq(formats_of(HEAD "m=audio 4 UDP/TLS/RTP/SAVPF 0\r\n").proto, SDP_PROTO_DTLS);
}

/* 64 kbit/s, and 100 packets a second of 40 bytes of headers: 32 kbit/s. */
Test(sdp_formats, rates)
{
	struct sdp_formats f = formats_of(HEAD "m=audio 4000 RTP/AVP 18 0 101\r\n"
					       "a=rtpmap:101 telephone-event/8000\r\n");

	cr_expect_eq(sdp_formats_rate(&f, 28), 96000);
	f = formats_of(HEAD "m=audio 4000 RTP/AVP 18\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 8000 + 32000);
	f = formats_of(HEAD "m=audio 4000 RTP/AVP 0\r\na=ptime:5\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 64000 + 64000);
	f = formats_of(HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 L16/16000/2\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 512000 + 32000);
	f = formats_of(HEAD "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 x-own/8000\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 512000 + 32000);
	f = formats_of(HEAD "m=audio 4000 RTP/AVP 0\r\nb=AS:80\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 80000, "its headers are in it (RFC 8866)");
	f = formats_of(HEAD "m=audio 4000 RTP/AVP 0\r\nb=TIAS:64000\r\nb=AS:999\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 96000, "TIAS goes before, without headers");
	f = formats_of(HEAD "m=video 4000 RTP/AVP 96\r\nb=AS:2000\r\na=rtpmap:96 H264/90000\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 2000000);
	f = formats_of(HEAD "m=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 8000000 + 400000);
	f = formats_of("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nb=AS:300\r\n"
		       "t=0 0\r\nm=video 4000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n");
	cr_expect_eq(sdp_formats_rate(&f, 28), 300000, "the session's");
}
