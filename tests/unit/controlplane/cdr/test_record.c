/* SPDX-License-Identifier: BSD-3-Clause */
/* Records, the note that comes back with them, and the names of calls. */
#include "controlplane/cdr/record.h"

#include "common/rtp/codec.h"
#include "common/sdp/sdp_formats.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>

#include "controlplane/admin/json_read.h"
#include "controlplane/cdr/context.h"

static void expect_context(const struct cdr_context *in, struct span text)
{
	char buf[2048];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct cdr_context back;
	struct cdr_users users;

	put_cdr_context(&out, in);
	cr_expect(span_eq(cursor_span(&out), text), "%.*s", SPAN_FMT(cursor_span(&out)));
	cr_assert_eq(cdr_context_read(cursor_span(&out), &back, &users), 0);
	for (unsigned side = 0; side < 2; side++) {
		cr_expect(span_eq(back.trunk[side], in->trunk[side]));
		cr_expect(span_eq(back.realm[side], in->realm[side]));
	}
	for (unsigned user = 0; user < CDR_USERS; user++)
		cr_expect(span_eq(back.users[user], in->users[user]));
}

Test(context, comes_back_as_it_went)
{
	const struct cdr_context plain = {
		{SPAN("a"), SPAN("b")}, {SPAN("ra"), SPAN("rb")}, {SPAN("+4930"), SPAN("2001")}};
	const struct cdr_context odd = {
		{SPAN("a"), SPAN("")}, {SPAN("ra"), SPAN("")}, {SPAN(""), SPAN("a b%\n\xff")}};
	const struct cdr_context moved = {
		{SPAN("a"), SPAN("b")}, {SPAN("ra"), SPAN("rb")},
		{SPAN("1"), SPAN("2"), SPAN("3"), SPAN("4"), SPAN("5"), SPAN("6")}};

	expect_context(&plain, SPAN("3 a b ra rb +4930 2001    "));
	expect_context(&odd, SPAN("3 a  ra   a%20b%25%0A%FF    "));
	expect_context(&moved, SPAN("3 a b ra rb 1 2 3 4 5 6"));
}

/* A call that began before an upgrade ends after it. */
Test(context, the_versions_before_are_read)
{
	struct cdr_context back;
	struct cdr_users users;

	cr_assert_eq(cdr_context_read(SPAN("1 a b ra rb +4930 2001"), &back, &users), 0);
	cr_expect(span_eq(back.trunk[1], SPAN("b")));
	cr_expect(span_eq(back.users[CDR_CALLED], SPAN("2001")));
	cr_expect_eq(back.users[CDR_REDIRECTED_TO].len, 0);
	cr_expect_eq(back.users[CDR_TRANSFERRED_BY].len, 0);
	cr_assert_eq(cdr_context_read(SPAN("2 a b ra rb 1 2 3 4"), &back, &users), 0);
	cr_expect(span_eq(back.users[CDR_TRANSFERRED_BY], SPAN("4")));
	cr_expect_eq(back.users[CDR_CALLED_ROUTED].len, 0);
}

Test(context, users_are_cut)
{
	char user[400], name[IPC_NAME_MAX], buf[2048];
	struct cdr_context in = {0}, back;
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct cdr_users users;

	memset(user, 'u', sizeof(user));
	in.users[CDR_CALLER] = span_of(user, sizeof(user));
	put_cdr_context(&out, &in);
	cr_assert_eq(cdr_context_read(cursor_span(&out), &back, &users), 0);
	cr_expect_eq(back.users[CDR_CALLER].len, CDR_NUMBER_BYTES_MAX);
	memset(user, 0xfe, sizeof(user));
	memset(name, 'n', sizeof(name));
	for (unsigned i = 0; i < CDR_USERS; i++)
		in.users[i] = span_of(user, sizeof(user));
	for (unsigned i = 0; i < 2; i++)
		in.trunk[i] = in.realm[i] = span_of(name, sizeof(name));
	out.len = 0;
	put_cdr_context(&out, &in);
	cr_expect_leq(out.len, 1000);
	cr_assert_eq(cdr_context_read(cursor_span(&out), &back, &users), 0);
	cr_expect_eq(back.users[CDR_CALLED_ROUTED].len, 40);
}

Test(context, what_is_none_is_refused)
{
	static const char *const bad[] = {"",
					  "1",
					  "1 a b ra rb 1",
					  "2 a b ra rb 1 2",
					  "2 a b ra rb 1 2 3",
					  "2 a b ra rb 1 2 3 4 5",
					  "3 a b ra rb 1 2 3 4",
					  "1 a b ra rb 1 2 3",
					  "1 a b ra rb 1 %2",
					  "1 a b ra rb 1 %zz",
					  "11 a b ra rb 1 2"};
	struct cdr_context context;
	struct cdr_users users;
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(cdr_context_read(span_str(bad[i]), &context, &users), -EINVAL, "%s",
			     bad[i]);
	memset(text, 'x', sizeof(text));
	memcpy(text, "1 a b ra rb ", 12);
	text[254] = ' ';
	cr_expect_eq(cdr_context_read(span_of(text, sizeof(text)), &context, &users), -EINVAL,
		     "a user longer than any written");
}

Test(cdr_id, is_read_as_written)
{
	const struct cdr_id id = {UINT64_C(0x17f0c3a2b4d5e6f7), UINT64_C(0x100000005), 3};
	struct cdr_id back;
	char buf[64];
	struct cursor out = cursor_on(buf, sizeof(buf));

	put_cdr_id(&out, &id);
	cr_expect(span_eq(cursor_span(&out), SPAN("17f0c3a2b4d5e6f7-3-100000005")));
	cr_assert_eq(cdr_id_read(cursor_span(&out), &back), 0);
	cr_expect(back.started_ns == id.started_ns && back.call == id.call &&
		  back.worker == id.worker);
	cr_assert_eq(cdr_id_read(SPAN("3-100000005"), &back), 0);
	cr_expect(back.started_ns == 0 && back.call == id.call && back.worker == 3);
	static const char *const bad[] = {"", "-", "1", "1-", "-1", "1-2-3-4", "1-x", "40-1",
					  "0-10000000000000000", "1--2", "0x1-2", "1-2 "};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(cdr_id_read(span_str(bad[i]), &back), -EINVAL, "%s", bad[i]);
}

struct frame {
	struct ipc_call_end end;
	char text[4096];
};

static void add_texts(struct frame *frame, const char *call_id_a, const char *call_id_b,
		      const char *context)
{
	struct cursor out = cursor_on(frame->text, sizeof(frame->text));

	put_span(&out, span_str(call_id_a));
	put_span(&out, span_str(call_id_b));
	put_span(&out, span_str(context));
	cr_assert_not(out.full);
	frame->end.call_id_len[0] = (uint16_t)strlen(call_id_a);
	frame->end.call_id_len[1] = (uint16_t)strlen(call_id_b);
	frame->end.context_len = (uint16_t)strlen(context);
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_CALL_END, &frame->end,
				   (uint32_t)(sizeof(frame->end) + out.len)), 0);
}

static const struct ipc_call_end answered = {
	.call = 0x100000005,
	.started_ns = UINT64_C(1709208000123000000),
	.ringing_ns = UINT64_C(1709208001000000000),
	.answered_ns = UINT64_C(1709208003500000000),
	.ended_ns = UINT64_C(1709208063750000000),
	.peer = {{.addr = {{10, 99, 1, 2}}, .port = 5060, .family = NET_IP4},
		 {.addr = {{10, 99, 2, 2}}, .port = 5080, .family = NET_IP4}},
	.media = {{.rx_pkts = 3000,
		   .rx_bytes = 516000,
		   .expected_pkts = 3002,
		   .lost_pkts = 2,
		   .loss_runs = 1,
		   .loss_run_max = 2,
		   .duplicate_pkts = 7,
		   .dtmf_events = 4,
		   .jitter_us = 1234,
		   .jitter_max_us = 2500,
		   .rtt_us = 40000,
		   .rtt_max_us = 41001,
		   .far_reports = 3,
		   .far_lost_pkts = 150,
		   .far_jitter_us = 3000,
		   .far_mos_x10 = 41,
		   .delay_us = 12,
		   .idle_ms = 20,
		   .is_rtp = 1,
		   .kind = SDP_KIND_AUDIO,
		   .codec = CODEC_PCMA,
		   .rtcp_pkts = 12,
		   .payload_type = 8,
		   .srtp_suite = SECURE_AES_CM_128_HMAC_SHA1_80,
		   .source = {.addr = {{10, 99, 1, 2}}, .port = 6000, .family = NET_IP4}},
		  {.rx_pkts = 2999,
		   .out_of_order_pkts = 4,
		   .dropped_pkts = 1,
		   .jitter_us = 9,
		   .idle_ms = UINT32_MAX,
		   .learned = 1}},
	.status = 200,
	.ended_by = IPC_BY_CALLEE,
	.worker = 1,
};

static const struct cdr_far no_far;

Test(record, of_an_answered_call)
{
	struct frame frame = {.end = answered};
	char buf[CDR_RECORD_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));

	add_texts(&frame, "abc@10.99.1.2", "def", "1 a b ra rb +4930 20%2201");
	put_cdr_record(&out, &frame.end, &no_far);
	cr_expect(span_eq(cursor_span(&out),
			  SPAN("{\"call\":\"17b8539ece9654c0-1-100000005\",\"started\":\"2024-02-"
			       "29T12:00:00.123Z\","
			       "\"ringing\":\"2024-02-29T12:00:01.000Z\",\"answered\":\"2024-02-"
			       "29T12:00:03.500Z\","
			       "\"ended\":\"2024-02-29T12:01:03.750Z\",\"duration_ms\":60250,\"pdd_ms\":877,"
			       "\"trunks\":[\"a\",\"b\"],"
			       "\"realms\":[\"ra\",\"rb\"],\"caller\":\"+4930\",\"called\":"
			       "\"20\\\"01\","
			       "\"call_ids\":[\"abc@10.99.1.2\",\"def\"],"
			       "\"tags\":[[\"\",\"\"],[\"\",\"\"]],\"agents\":[\"\",\"\"],\"peers\":[\"10.99.1.2:"
			       "5060\",\"10.99.2.2:5080\"],"
			       "\"status\":200,\"ended_by\":\"callee\",\"attempts\":0,\"failed\":[],"
			       "\"far_status\":null,\"reasons\":[\"\",\"\"],"
			       "\"causes\":[null,null],\"media\":["
			       "{\"kind\":\"audio\",\"codec\":\"PCMA\",\"payload_type\":8,"
			       "\"rx_pkts\":3000,\"rx_bytes\":516000,\"expected_pkts\":3002,"
			       "\"lost_pkts\":2,\"loss_runs\":1,\"loss_run_max_pkts\":2,"
			       "\"out_of_order_pkts\":0,\"duplicate_pkts\":7,\"restarts\":0,"
			       "\"dropped_pkts\":0,\"policed_pkts\":0,\"rtcp_pkts\":12,"
			       "\"dtmf_events\":4,\"jitter_ms\":1.234,\"jitter_max_ms\":2.500,"
			       "\"rtt_ms\":40.000,\"rtt_max_ms\":41.001,\"far_lost_pkts\":150,"
			       "\"far_jitter_ms\":3.000,\"mos\":4.38,\"far_mos\":3.87,"
			       "\"far_mos_reported\":4.10,\"delay_ms\":0.012,\"idle_ms\":20.000,"
			       "\"source\":\"10.99.1.2:6000\",\"source_learned\":false,"
			       "\"srtp\":\"AES_CM_128_HMAC_SHA1_80\"},"
			       "{\"kind\":\"other\",\"codec\":\"unknown\",\"payload_type\":0,"
			       "\"rx_pkts\":2999,\"rx_bytes\":0,\"expected_pkts\":0,"
			       "\"lost_pkts\":0,\"loss_runs\":0,\"loss_run_max_pkts\":0,"
			       "\"out_of_order_pkts\":4,\"duplicate_pkts\":0,\"restarts\":0,"
			       "\"dropped_pkts\":1,\"policed_pkts\":0,\"rtcp_pkts\":0,"
			       "\"dtmf_events\":0,\"jitter_ms\":null,\"jitter_max_ms\":null,"
			       "\"rtt_ms\":null,\"rtt_max_ms\":null,\"far_lost_pkts\":null,"
			       "\"far_jitter_ms\":null,\"mos\":null,\"far_mos\":null,"
			       "\"far_mos_reported\":null,\"delay_ms\":null,\"idle_ms\":null,"
			       "\"source\":null,\"source_learned\":true,\"srtp\":null}]}\n")),
		  "%.*s", SPAN_FMT(cursor_span(&out)));
}

Test(record, of_a_call_that_came_to_nothing)
{
	struct frame frame = {.end = answered};
	char buf[CDR_RECORD_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct json_node nodes[256];

	frame.end.ringing_ns = frame.end.answered_ns = 0;
	frame.end.peer[1] = (struct net_endpoint){0};
	frame.end.status = 404;
	frame.end.ended_by = IPC_BY_POLICY;
	add_texts(&frame, "abc", "", "");
	put_cdr_record(&out, &frame.end, &no_far);
	cr_assert_gt(json_read(cursor_span(&out), nodes, 256), 0);
	cr_expect_eq(json_get(nodes, SPAN("answered"))->kind, JSON_NULL);
	cr_expect_eq(json_u64(json_get(nodes, SPAN("duration_ms"))), 0);
	cr_expect_eq(json_u64(json_get(nodes, SPAN("status"))), 404);
	cr_expect(span_eq(json_get(nodes, SPAN("ended_by"))->text, SPAN("policy")));
	cr_expect(span_eq(json_get(nodes, SPAN("trunks"))->text, SPAN("[\"\",\"\"]")),
		  "no note: no names, but a record");
	cr_expect(span_eq(json_get(nodes, SPAN("peers"))->text, SPAN("[\"10.99.1.2:5060\",null]")));
}

/* A clock that was set back during the call gives no duration of half a million years. */
Test(record, clocks_may_step)
{
	struct frame frame = {.end = answered};
	char buf[CDR_RECORD_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct json_node nodes[256];

	frame.end.ended_ns = frame.end.answered_ns - 1;
	add_texts(&frame, "abc", "def", "");
	put_cdr_record(&out, &frame.end, &no_far);
	cr_assert_gt(json_read(cursor_span(&out), nodes, 256), 0);
	cr_expect_eq(json_u64(json_get(nodes, SPAN("duration_ms"))), 0);
}

/* The worst that passes the check: everything escaped at six characters a byte. */
Test(record, always_fits)
{
	static struct {
		struct ipc_call_end end;
		struct ipc_stream_quality streams[IPC_STREAMS_MAX];
		char text[60000 + 8 * 255 + IPC_CONTEXT_MAX];
	} frame;
	static char buf[CDR_RECORD_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct net_endpoint longest = {.port = UINT16_MAX, .family = NET_IP6};

	memset(longest.addr.ip, 0x2a, sizeof(longest.addr.ip));
	frame.end = answered;
	for (unsigned side = 0; side < 2; side++) {
		frame.end.call_id_len[side] = 30000;
		memset(&frame.end.media[side], 0xff, sizeof(frame.end.media[side]));
		frame.end.media[side].source = longest;
		frame.end.media[side].srtp_suite = SECURE_AES_256_CM_HMAC_SHA1_80;
	}
	frame.end.nstreams = IPC_STREAMS_MAX;
	memset(frame.streams, 0xff, sizeof(frame.streams));
	for (unsigned i = 0; i < 2 * IPC_STREAMS_MAX; i++)
		frame.streams[i / 2].from[i % 2] = frame.end.media[0];
	frame.end.context_len = IPC_CONTEXT_MAX;
	memset(frame.text, 0xff, sizeof(frame.text));
	memset(frame.end.tag_len, 255, sizeof(frame.end.tag_len));
	memset(frame.end.agent_len, 255, sizeof(frame.end.agent_len));
	memset(frame.end.reason_len, 255, sizeof(frame.end.reason_len));
	for (unsigned i = 0; i < IPC_FAILED_MAX; i++)
		frame.end.failed[i] = 699;
	memcpy(frame.text + 62040, "1 ", 2);
	for (unsigned i = 1; i < 6; i++)
		frame.text[62040 + 2 + i * 150] = ' ';
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_CALL_END, &frame.end,
				   (uint32_t)(sizeof(frame.end) + sizeof(frame.streams) +
					      62040 + IPC_CONTEXT_MAX)), 0);
	put_cdr_record(&out, &frame.end, &no_far);
	cr_expect_not(out.full);
	cr_expect_eq(buf[out.len - 1], '\n');
}

/* Two sections: their sums, and each by itself. */
Test(record, of_two_streams)
{
	struct {
		struct ipc_call_end end;
		struct ipc_stream_quality streams[2];
		char text[64];
	} frame = {.end = answered};
	char buf[CDR_RECORD_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));
	static struct json_node nodes[1024];
	const struct json_node *streams, *second;

	frame.end.nstreams = 2;
	frame.streams[0].from[0] = answered.media[0];
	frame.streams[1].from[0] =
		(struct ipc_media_quality){.rx_pkts = 17, .kind = SDP_KIND_VIDEO, .codec = CODEC_H264};
	memcpy(frame.text, "abcdef", 6);
	frame.end.call_id_len[0] = frame.end.call_id_len[1] = 3;
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_CALL_END, &frame.end,
				   sizeof(frame.end) + sizeof(frame.streams) + 6), 0);
	put_cdr_record(&out, &frame.end, &no_far);
	cr_assert_gt(json_read(cursor_span(&out), nodes, 1024), 0);
	cr_expect(span_eq(json_get(nodes, SPAN("call_ids"))->text, SPAN("[\"abc\",\"def\"]")));
	streams = json_get(nodes, SPAN("streams"));
	second = json_next(streams, json_next(streams, NULL));
	cr_assert(second);
	second = json_next(second, NULL);
	cr_expect_eq(json_u64(json_get(second, SPAN("rx_pkts"))), 17);
	cr_expect(span_eq(json_get(second, SPAN("codec"))->text, SPAN("H264")) ||
		  span_eq(json_get(second, SPAN("codec"))->text, SPAN("\"H264\"")));
	cr_expect_null(json_next(streams, json_next(streams, json_next(streams, NULL))));
}

/* A call that was tried at three places, the last of another trunk than the note names. */
Test(record, of_what_was_tried)
{
	struct frame frame = {.end = answered};
	char buf[CDR_RECORD_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));
	const struct cdr_far far = {SPAN("third"), SPAN("rc")};
	static struct json_node nodes[1024];
	const char *texts = "t1t22t333t4444phone/1switchSIP;cause=200;text=\"x\","
			    " q.850 ;cause=16;text=\"y\"Q.850;cause=128";

	frame.end.attempts = 3;
	frame.end.failed[0] = 503;
	frame.end.failed[1] = 408;
	frame.end.far_status = 200;
	frame.end.call_id_len[0] = frame.end.call_id_len[1] = 0;
	for (unsigned i = 0; i < 4; i++)
		frame.end.tag_len[i / 2][i % 2] = (uint8_t)(2 + i);
	frame.end.agent_len[0] = 7;
	frame.end.agent_len[1] = 6;
	frame.end.reason_len[0] = (uint8_t)(strlen(texts) - 27 - 15);
	frame.end.reason_len[1] = 15;
	memcpy(frame.text, texts, strlen(texts));
	memcpy(frame.text + strlen(texts), "1 a b ra rb 1 2", 15);
	frame.end.context_len = 15;
	cr_assert_eq(ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_CALL_END, &frame.end,
				   (uint32_t)(sizeof(frame.end) + strlen(texts) + 15)),
		     0);
	put_cdr_record(&out, &frame.end, &far);
	cr_assert_gt(json_read(cursor_span(&out), nodes, 1024), 0);
	cr_expect(span_eq(json_get(nodes, SPAN("trunks"))->text, SPAN("[\"a\",\"third\"]")));
	cr_expect(span_eq(json_get(nodes, SPAN("realms"))->text, SPAN("[\"ra\",\"rc\"]")));
	cr_expect_eq(json_u64(json_get(nodes, SPAN("attempts"))), 3);
	cr_expect(span_eq(json_get(nodes, SPAN("failed"))->text, SPAN("[503,408]")));
	cr_expect_eq(json_u64(json_get(nodes, SPAN("far_status"))), 200);
	cr_expect(span_eq(json_get(nodes, SPAN("causes"))->text, SPAN("[16,null]")));
	cr_expect(span_eq(json_get(nodes, SPAN("tags"))->text,
			  SPAN("[[\"t1\",\"t22\"],[\"t333\",\"t4444\"]]")));
	cr_expect(span_eq(json_get(nodes, SPAN("agents"))->text,
			  SPAN("[\"phone/1\",\"switch\"]")));
}
