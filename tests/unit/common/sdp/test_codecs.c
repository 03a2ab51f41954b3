/* SPDX-License-Identifier: BSD-3-Clause */
/* Codec plans: what they leave of a section, and what goes with each format. */
#include "common/sdp/codecs.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "../../../guard.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 10.1.2.3\r\ns=-\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\n"
#define PHONE                                                                                      \
	"m=audio 4000 RTP/AVP 96 9 8 0 18 97 101 13\r\na=rtpmap:96 opus/48000/2\r\n"              \
	"a=fmtp:96 useinbandfec=1\r\na=rtpmap:97 telephone-event/48000\r\n"                       \
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=rtpmap:8 PCMA/8000\r\n"        \
	"a=ptime:20\r\n"

static char plan_bytes[CODEC_PLAN_BYTES_MAX];
static struct sdp sdp;
static struct sdp_codecs chosen;

struct lists {
	const char *of[CODEC_LISTS];
	uint8_t ptime_ms[2], maxptime_ms[2];
};

/* Lists of names with blanks between. */
static struct span plan_of(struct lists lists)
{
	static struct codec_name names[CODEC_LISTS][CODEC_LIST_MAX];
	struct cursor out = cursor_on(plan_bytes, sizeof(plan_bytes));
	struct codec_plan_text text = {.nnames = {0}};

	memcpy(text.ptime_ms, lists.ptime_ms, 2);
	memcpy(text.maxptime_ms, lists.maxptime_ms, 2);
	for (unsigned list = 0; list < CODEC_LISTS; list++) {
		const char *at = lists.of[list];

		text.names[list] = names[list];
		while (at && *at) {
			size_t len = strcspn(at, " ");

			cr_assert_eq(codec_name_read(span_of(at, len),
						     &names[list][text.nnames[list]++]),
				     0, "%s", at);
			at += len + (at[len] == ' ');
		}
	}
	cr_assert_eq(codec_plan_put(&out, &text), 0);
	return span_of(guard_behind(out.buf, out.len), out.len);
}

static const char *choose_in(struct lists lists, unsigned side, const char *media, bool answer)
{
	static char text[4096], formats[512];
	struct cursor out = cursor_on(formats, sizeof(formats) - 1);
	const char *why;

	snprintf(text, sizeof(text), HEAD "%s", media);
	cr_assert_eq(sdp_parse(&sdp, span_str(text), &why), 0);
	if (!sdp_codecs_choose(plan_of(lists), side, &sdp.media[0], answer, &chosen))
		return "as it came";
	put_sdp_formats(&out, &chosen);
	formats[out.len] = 0;
	return formats;
}

static const char *choose(struct lists lists, const char *media)
{
	return choose_in(lists, 1, media, false);
}

Test(codecs, both_trunks_must_allow_and_none_deny)
{
	cr_expect_str_eq(choose((struct lists){{NULL}}, PHONE), " 96 9 8 0 18 97 101 13");
	cr_expect_str_eq(choose((struct lists){{"pcma PCMU", NULL}}, PHONE), " 8 0 101 13");
	cr_expect_str_eq(choose((struct lists){{NULL, "opus PCMU"}}, PHONE), " 96 0 97 101 13");
	cr_expect_str_eq(choose((struct lists){{"PCMU PCMA", "PCMA G722"}}, PHONE), " 8 101 13");
	cr_expect_str_eq(choose((struct lists){{[CODEC_DENY] = "G729 opus"}}, PHONE),
			 " 9 8 0 101 13");
	cr_expect_str_eq(choose((struct lists){{"opus G722", NULL, "G722"}}, PHONE), " 96 97");
}

Test(codecs, rates_and_channels)
{
	cr_expect_str_eq(choose((struct lists){{"opus/48000/2"}}, PHONE), " 96 97");
	cr_expect_str_eq(choose((struct lists){{"opus/48000"}}, PHONE), " 96 97");
	cr_expect_str_eq(choose((struct lists){{"opus/48000/1"}}, PHONE), "");
	cr_expect_str_eq(choose((struct lists){{"opus/16000"}}, PHONE), "");
	cr_expect_str_eq(choose((struct lists){{"audio/*"}}, PHONE), " 96 9 8 0 18 97 101 13");
	cr_expect_str_eq(choose((struct lists){{"video/*"}}, PHONE), "");
}

Test(codecs, events_and_noise_go_with_the_last_codec_of_their_rate)
{
	cr_expect_str_eq(choose((struct lists){{[CODEC_DENY] = "opus"}}, PHONE),
			 " 9 8 0 18 101 13");
	cr_expect_str_eq(choose((struct lists){{[CODEC_DENY] = "telephone-event/48000 CN"}}, PHONE),
			 " 96 9 8 0 18 101");
	/* its sender has events at 8000 beside opus alone: that is not ours to judge */
	cr_expect_str_eq(choose((struct lists){{"opus"}},
				"m=audio 4000 RTP/AVP 96 101\r\na=rtpmap:96 opus/48000/2\r\n"
				"a=rtpmap:101 telephone-event/8000\r\n"),
			 " 96 101");
	cr_expect_str_eq(choose((struct lists){{"PCMA"}},
				"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"),
			 "");
}

Test(codecs, repair_goes_with_what_it_repairs)
{
	static const char video[] =
		"m=video 4000 RTP/AVP 99 96 97 98 100 120\r\na=rtpmap:96 VP8/90000\r\n"
		"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\n"
		"a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98;rtx-time=200\r\n"
		"a=rtpmap:100 ulpfec/90000\r\na=rtpmap:120 red/90000\r\n";
	static const char audio[] = "m=audio 4000 RTP/AVP 0 121 5\r\na=rtpmap:121 red/8000\r\n"
				    "a=fmtp:121 0/5\r\n";

	cr_expect_str_eq(choose((struct lists){{"VP8"}}, video), " 96 97 100 120");
	cr_expect_str_eq(choose((struct lists){{"H264"}}, video), " 99 98 100 120");
	cr_expect_str_eq(choose((struct lists){{"AV1"}}, video), "");
	cr_expect_str_eq(choose((struct lists){{"PCMU"}}, audio), " 0");
	cr_expect_str_eq(choose((struct lists){{"PCMU DVI4"}}, audio), " 0 121 5");
}

Test(codecs, the_order_is_of_who_reads_it)
{
	struct lists lists = {{[CODEC_ORDER_1] = "PCMU G729 PCMA", [CODEC_ORDER_0] = "opus"}};

	cr_expect_str_eq(choose_in(lists, 1, PHONE, false), " 0 18 8 96 9 97 101 13");
	cr_expect_str_eq(choose_in(lists, 0, PHONE, false), " 96 9 8 0 18 97 101 13");
	cr_expect_str_eq(choose_in((struct lists){{[CODEC_ORDER_1] = "audio/*"}}, 1, PHONE, true),
			 " 96 9 8 0 18 97 101 13");
}

Test(codecs, formats_without_a_name)
{
	static const char odd[] = "m=audio 4000 RTP/AVP 0 102\r\n";

	cr_expect_str_eq(choose((struct lists){{"PCMU"}}, odd), " 0");
	cr_expect_str_eq(choose_in((struct lists){{"PCMU"}}, 1, odd, true), " 0 102");
	cr_expect_str_eq(choose((struct lists){{[CODEC_DENY] = "PCMU"}}, odd), " 102");
	/* a static type may be given another meaning */
	cr_expect_str_eq(choose((struct lists){{"PCMU"}},
				"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 GSM/8000\r\n"),
			 "");
}

Test(codecs, sections_that_they_are_not_about)
{
	struct lists lists = {{"PCMU"}};

	cr_expect_str_eq(choose(lists, "m=image 4000 udptl t38\r\n"), "as it came");
	cr_expect_str_eq(choose(lists, "m=message 4000 TCP/MSRP *\r\n"), "as it came");
	cr_expect_str_eq(choose(lists, "m=audio 0 RTP/AVP 8\r\n"), "as it came");
	cr_expect_str_eq(choose(lists, "m=audio 4000 RTP/AVP x 8\r\n"), "as it came");
	cr_expect_str_eq(choose(lists, "m=audio 4000 RTP/AVP 128\r\n"), "as it came");
	cr_expect_str_eq(choose(lists, "m=audio 4000 UDP/TLS/RTP/SAVPF 8 0 0\r\n"), " 0");
}

Test(codecs, what_is_written)
{
	static const char media[] =
		"m=audio 4000 RTP/AVP 96 8 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 x\r\n"
		"a=rtcp-fb:96 nack\r\na=rtcp-fb:* ccm\r\na=rtpmap:101 telephone-event/8000\r\n"
		"a=fmtp:101 0-16\r\na=ptime:30\r\na=maxptime:60\r\na=sendrecv\r\n";
	static char out[4096];
	struct cursor c = cursor_on(out, sizeof(out) - 1);
	struct sdp_rewrite rewrite = {.session_id = 7, .session_version = 8, .nanchors = 1};

	cr_expect_str_eq(choose((struct lists){{"PCMA"}, {40, 20}, {80, 0}}, media), " 8 101");
	cr_assert_eq(net_endpoint_parse(SPAN("203.0.113.1"), 0, &rewrite.self), 0);
	rewrite.anchors[0] = (struct sdp_anchor){.rtp = rewrite.self, .codecs = &chosen};
	rewrite.anchors[0].rtp.port = 20000;
	sdp_put(&c, &sdp, &rewrite);
	out[c.len] = 0;
	cr_expect_str_eq(out, "v=0\r\no=- 7 8 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\n"
			      "t=0 0\r\nm=audio 20000 RTP/AVP 8 101\r\na=rtcp-fb:* ccm\r\n"
			      "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
			      "a=maxptime:60\r\na=sendrecv\r\na=ptime:20\r\n");
}

Test(codecs, names)
{
	static const char *const bad[] = {"", "/", "opus/", "opus//2", "opus/48000/", "a b",
					  "opus/0", "opus/48000/0", "opus/48000/17",
					  "opus/48000/2/1", "*", "fax/*", "opus/*", "opus/x",
					  "opus/10000000"};
	struct codec_name name;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(codec_name_read(span_str(bad[i]), &name), -EINVAL, "%s", bad[i]);
	cr_expect_eq(codec_name_read(SPAN("opus/48000/2"), &name), 0);
	cr_expect(name.rate == 48000 && name.channels == 2 && span_eq(name.name, SPAN("opus")));
	cr_expect_eq(codec_name_read(SPAN("Video/*"), &name), 0);
	cr_expect(name.type == CODEC_VIDEO && name.name.len == 0);
}

Test(codecs, changed_and_cut_plans_do_no_harm)
{
	struct span plan = plan_of((struct lists){{"PCMA video/*", "opus/48000/2", "G729", "PCMU"}});
	size_t len = plan.len;
	char whole[256];
	const char *why;

	cr_assert(len <= sizeof(whole));
	memcpy(whole, plan.ptr, len);
	cr_assert_eq(sdp_parse(&sdp, SPAN(HEAD PHONE), &why), 0);
	for (size_t cut = 1; cut < len; cut++)
		cr_expect_eq(codec_plan_check(span_of(guard_behind(whole, cut), cut)), -EINVAL);
	for (size_t at = 0; at < len; at++) {
		char was = whole[at];

		for (unsigned value = 0; value < 256; value++) {
			whole[at] = (char)value;
			plan = span_of(guard_behind(whole, len), len);
			if (codec_plan_check(plan) == 0)
				sdp_codecs_choose(plan, 0, &sdp.media[0], false, &chosen);
		}
		whole[at] = was;
	}
}
