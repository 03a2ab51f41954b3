/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine under a plan with parts: header rules, codes that become others, codecs. */
#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/sdp/codec_plan.h"
#include "common/sip/answer_map.h"
#include "common/sip/header_rules.h"

#define FROM_A "v=0\r\no=a 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\n"
#define FROM_B "v=0\r\no=b 7 7 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\n"
#define AUDIO                                                                                      \
	"m=audio 4000 RTP/AVP 8 0 96 101\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 x=1\r\n"        \
	"a=rtpmap:101 telephone-event/8000\r\n"
#define VIDEO "m=video 4002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"

static struct world *w;
static char invite[8192];
static char bytes[EDIT_PARTS][4096];

static void setup(void)
{
	w = world_new();
}

TestSuite(engine_rules, .init = setup);

static void set_part(enum edit_part part, const struct cursor *c, int error)
{
	cr_assert_eq(error, 0);
	w->parts[part] = cursor_span(c);
}

static void headers(const struct header_rule_text *rules, unsigned n)
{
	struct cursor c = cursor_on(bytes[EDIT_PART_HEADERS], sizeof(bytes[0]));
	int error = header_rules_put(&c, rules, n);

	set_part(EDIT_PART_HEADERS, &c, error);
}

static void answers(const struct answer_rule_text *rules, unsigned n)
{
	struct cursor c = cursor_on(bytes[EDIT_PART_ANSWERS], sizeof(bytes[0]));
	int error = answer_map_put(&c, rules, n);

	set_part(EDIT_PART_ANSWERS, &c, error);
}

/* One list of one name each; NULL: none. */
static void codecs(const char *const lists[CODEC_LISTS])
{
	static struct codec_name names[CODEC_LISTS][8];
	struct codec_plan_text text = {.nnames = {0}};
	struct cursor c = cursor_on(bytes[EDIT_PART_CODECS], sizeof(bytes[0]));
	int error;

	for (unsigned list = 0; list < CODEC_LISTS; list++) {
		text.names[list] = names[list];
		for (const char *at = lists[list]; at && *at;) {
			size_t len = strcspn(at, " ");

			cr_assert_eq(codec_name_read(span_of(at, len),
						     &names[list][text.nnames[list]++]), 0);
			at += len + (at[len] == ' ');
		}
	}
	error = codec_plan_put(&c, &text);
	set_part(EDIT_PART_CODECS, &c, error);
}

static void offer(const char *sdp)
{
	strcpy(invite, world_invite(w, "up", sdp));
}

static void hang_up(const char *ok)
{
	char copy[8192];

	strcpy(copy, ok);
	world_request(w, A, "ACK", 1, "ack", copy, "alice-tag", NULL, NULL);
	world_request(w, A, "BYE", 9, "bye", copy, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

static void refused(void)
{
	world_request(w, A, "ACK", 1, "up", world_out(w, A, 0), "alice-tag", NULL, NULL);
	world_end(w);
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
		if ((at == text || at[-1] == '\n') && at[len] == '\r')
			return true;
	return false;
}

Test(engine_rules, header_rules_by_scope_and_direction)
{
	const struct header_rule_text rules[] = {
		{EDIT_TO_B, HEADER_ADD, HEADER_ON_INITIAL, 0, SPAN("X-Initial"), SPAN("1"), NULL, 0},
		{EDIT_TO_B, HEADER_SET, HEADER_ON_LATER, 1u << SIP_METHOD_BYE, SPAN("X-Bye"),
		 SPAN("2"), NULL, 0},
		{EDIT_TO_B, HEADER_REMOVE, HEADER_SCOPES, 0, SPAN("Subject"), SPAN_NONE, NULL, 0},
		{EDIT_TO_A, HEADER_ADD, HEADER_ON_RESPONSE, 0, SPAN("X-Answer"), SPAN("3"), NULL, 0},
	};
	char ok[8192], bye[8192];

	headers(rules, 4);
	offer(SDP_A);
	cr_expect(has_line(invite, "X-Initial: 1"));
	cr_expect_not(world_has(invite, "Subject:") || world_has(invite, "X-Bye") ||
		      world_has(invite, "X-Answer"));
	world_answer(w, B, invite, 200, "bob-tag", "Subject: kept\n", SDP_B);
	strcpy(ok, world_out(w, A, 0));
	cr_expect(has_line(ok, "X-Answer: 3") && has_line(ok, "Subject: kept"));
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
	cr_expect_not(world_has(world_out(w, B, 0), "X-Initial"));
	world_request(w, A, "BYE", 9, "bye", ok, "alice-tag", "Subject: gone\n", NULL);
	strcpy(bye, world_out(w, B, 0));
	cr_expect(has_line(bye, "X-Bye: 2"));
	cr_expect_not(world_has(bye, "X-Initial") || world_has(bye, "Subject:"));
	world_answer(w, B, bye, 200, NULL, NULL, NULL);
	world_end(w);
}

Test(engine_rules, a_refusal_is_told_as_both_maps_say)
{
	struct answer_rule_text rules[] = {
		{{486, 486, 480, ANSWER_CAME, 1, 0, 0, 0}, SPAN("Not Now"), SPAN_NONE},
		{{480, 480, 600, ANSWER_GOES, 0, 0, 0, 0}, SPAN_NONE, SPAN("Q.850;cause=17")},
	};

	answers(rules, 1);
	offer(SDP_A);
	world_answer(w, B, invite, 486, "bob-tag", "Reason: Q.850;cause=99\n", NULL);
	cr_expect(has_line(world_out(w, A, 0), "SIP/2.0 480 Not Now"));
	cr_expect(has_line(world_out(w, A, 0), "Reason: Q.850;cause=99"));
	refused();
	w = world_new();
	answers(rules, 2);
	offer(SDP_A);
	world_answer(w, B, invite, 486, "bob-tag", "Reason: Q.850;cause=99\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 600 "));
	cr_expect(has_line(world_out(w, A, 0), "Reason: Q.850;cause=17"));
	cr_expect_not(world_has(world_out(w, A, 0), "cause=99"));
	refused();
}

/* What is told is what the record has; what limen decides by is what came. */
Test(engine_rules, the_record_has_what_was_told)
{
	const struct answer_rule_text rule = {
		{603, 603, 480, ANSWER_CAME, 1, 0, 0, 0}, SPAN_NONE, SPAN_NONE};
	const struct ipc_call_end *end;

	answers(&rule, 1);
	offer(SDP_A);
	world_answer(w, B, invite, 603, "bob-tag", NULL, NULL);
	cr_assert_not_null(world_find(w, IPC_CALL_END));
	end = (const void *)world_find(w, IPC_CALL_END)->frame;
	cr_expect_eq(end->status, 480);
	refused();
}

Test(engine_rules, limens_own_refusals_are_mapped_where_they_go)
{
	const struct answer_rule_text rule = {
		{408, 408, 504, ANSWER_GOES, 0, 0, 0, 0}, SPAN("No One"), SPAN_NONE};
	bool told = false;

	answers(&rule, 1);
	offer(SDP_A);
	for (unsigned s = 0; s < 70 && !told; s++) {
		world_sleep(w, 1000);
		for (unsigned i = 0; i < world_out_count(w, A); i++)
			told |= has_line(world_out(w, A, i), "SIP/2.0 504 No One");
	}
	cr_expect(told);
	world_end(w);
}

Test(engine_rules, ringing_stays_ringing)
{
	const struct answer_rule_text rules[] = {
		{{183, 183, 180, ANSWER_CAME, 1, 0, 0, 0}, SPAN_NONE, SPAN_NONE},
		{{400, 699, 480, ANSWER_CAME, 1, 0, 0, 0}, SPAN_NONE, SPAN_NONE},
	};

	answers(rules, 2);
	offer(SDP_A);
	world_answer(w, B, invite, 183, "bob-tag", NULL, SDP_B);
	cr_expect(has_line(world_out(w, A, 0), "SIP/2.0 180 Ringing"));
	cr_expect(world_has(world_out(w, A, 0), "m=audio"));
	world_answer(w, B, invite, 407, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 ")); /* a challenge may not cross */
	refused();
}

Test(engine_rules, codecs_both_ways)
{
	const char *const lists[CODEC_LISTS] = {[CODEC_DENY] = "opus", [CODEC_ORDER_1] = "PCMU"};
	const char *ok;

	codecs(lists);
	offer(FROM_A AUDIO);
	cr_expect(world_has(invite, " RTP/AVP 0 8 101\r\n"));
	cr_expect_not(world_has(invite, "opus") || world_has(invite, "fmtp:96"));
	world_answer(w, B, invite, 200, "bob-tag", NULL, FROM_B AUDIO);
	ok = world_out(w, A, 0);
	cr_expect(world_has(ok, " RTP/AVP 8 0 101\r\n"));
	cr_expect_not(world_has(ok, "opus"));
	hang_up(ok);
}

Test(engine_rules, an_offer_without_a_codec_left_is_488)
{
	const char *const lists[CODEC_LISTS] = {[CODEC_ALLOW_1] = "G729"};
	struct engine_stats stats;

	codecs(lists);
	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKno\n"
		 "Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=alice-tag\n"
		 "To: <sip:bob@10.0.1.1>\nCall-ID: no@10.0.1.2\nCSeq: 1 INVITE\n"
		 "Contact: <sip:alice@10.0.1.2>\nContent-Type: application/sdp\n",
		 FROM_A AUDIO);
	world_verdict(w, world_ask_id(w), 0, 1);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 488 "));
	cr_expect_eq(world_out_count(w, B), 0);
	engine_stats(w->engine, &stats);
	cr_expect_eq(stats.codecs_refused, 1);
	cr_expect_eq(stats.codecs_emptied, 1);
	world_request(w, A, "ACK", 1, "no", world_out(w, A, 0), "alice-tag", NULL, NULL);
	world_sleep(w, 40000);
	world_end(w);
}

Test(engine_rules, a_section_without_a_codec_left_has_no_port)
{
	const char *const lists[CODEC_LISTS] = {[CODEC_ALLOW_0] = "PCMA"};
	const char *ok;

	codecs(lists);
	offer(FROM_A AUDIO VIDEO);
	cr_expect(world_has(invite, " RTP/AVP 8 101\r\n"));
	cr_expect(world_has(invite, "m=video 0 RTP/AVP 97\r\n"));
	world_answer(w, B, invite, 200, "bob-tag", NULL,
		     FROM_B "m=audio 6000 RTP/AVP 8\r\nm=video 0 RTP/AVP 97\r\n");
	ok = world_out(w, A, 0);
	cr_expect(world_has(ok, " RTP/AVP 8\r\n") && world_has(ok, "m=video 0 RTP/AVP 97\r\n"));
	hang_up(ok);
}

/* Who answers with what it was not offered: the call cannot be had. */
Test(engine_rules, an_answer_with_what_was_taken_out_ends_the_call)
{
	const char *const lists[CODEC_LISTS] = {[CODEC_DENY] = "PCMU"};

	codecs(lists);
	offer(FROM_A AUDIO);
	world_answer(w, B, invite, 200, "bob-tag", NULL, FROM_B "m=audio 6000 RTP/AVP 0\r\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	cr_expect(world_has(world_out(w, B, 0), "ACK ") && world_has(world_out(w, B, 1), "BYE "));
	world_answer(w, B, world_out(w, B, 1), 200, NULL, NULL, NULL);
	world_sleep(w, 40000);
	world_end(w);
}

Test(engine_rules, a_later_offer_is_refused_and_the_call_goes_on)
{
	const char *const lists[CODEC_LISTS] = {[CODEC_DENY] = "opus"};
	char ok[8192];

	codecs(lists);
	offer(FROM_A AUDIO);
	world_answer(w, B, invite, 200, "bob-tag", NULL, FROM_B "m=audio 6000 RTP/AVP 0\r\n");
	strcpy(ok, world_out(w, A, 0));
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", NULL, NULL);
	world_request(w, A, "INVITE", 2, "again", ok, "alice-tag",
		      "Contact: <sip:alice@10.0.1.2>\nContent-Type: application/sdp\n",
		      FROM_A "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n");
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 488 "));
	cr_expect_eq(world_out_count(w, B), 0);
	world_request(w, A, "ACK", 2, "again", ok, "alice-tag", NULL, NULL);
	world_request(w, A, "BYE", 9, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

/* The offer comes in the 200, the answer in the ACK. */
Test(engine_rules, a_late_offer_is_chosen_from_too)
{
	const char *const lists[CODEC_LISTS] = {[CODEC_DENY] = "opus", [CODEC_ORDER_0] = "PCMU"};
	char ok[8192];

	codecs(lists);
	offer(NULL);
	world_answer(w, B, invite, 200, "bob-tag", NULL, FROM_B AUDIO);
	strcpy(ok, world_out(w, A, 0));
	cr_expect(world_has(ok, " RTP/AVP 0 8 101\r\n"));
	world_request(w, A, "ACK", 1, "ack", ok, "alice-tag", "Content-Type: application/sdp\n",
		      FROM_A "m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n");
	cr_expect(world_has(world_out(w, B, 0), " RTP/AVP 0 101\r\n"));
	world_request(w, A, "BYE", 9, "bye", ok, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}
