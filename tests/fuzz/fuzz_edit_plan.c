/* SPDX-License-Identifier: BSD-3-Clause */
/* Edit plans. The input is taken as a plan that came from a hostile process, and as instructions to
 * build one, whose answers are held against the list of its rules. */
#include "common/sdp/codecs.h"
#include "common/sip/answer_map.h"
#include "common/sip/edit_plan.h"
#include "common/sip/header_rules.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define RULES_MAX 600u

struct rule {
	enum edit_direction direction;
	enum edit_action action;
	enum sip_hdr_id hdr;
	struct span name;
	struct span value;
};

static void text_ok(struct span text, struct span plan)
{
	if (!text.len)
		return;
	CHECK(text.ptr >= plan.ptr && text.ptr + text.len <= plan.ptr + plan.len);
	for (size_t i = 0; i < text.len; i++)
		CHECK(text.ptr[i] != '\r' && text.ptr[i] != '\n' && text.ptr[i] != '\0');
}

/* What a plan's header rules make of a message is whole lines. */
static void headers_walk(struct span part)
{
	static const char text[] =
		"INVITE sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n"
		"From: <sip:alice@a>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
		"X-Token: \"a\r\n b\"\r\nX: <c>\r\nSubject: x\r\nX-Token: d\\\"\r\n"
		"Content-Length: 0\r\n\r\n";
	static struct sip_msg msg, again;
	static char buf[1u << 20];

	CHECK(sip_parse(&msg, text, sizeof(text) - 1, SIP_DATAGRAM) == SIP_PARSE_OK);
	for (unsigned i = 0; i < EDIT_DIRECTIONS * 3; i++) {
		struct cursor out = cursor_on(buf, sizeof(buf));
		uint64_t active = header_rules_active(part, i / 3, 1u << i % 3, &msg);
		struct span lines;

		(void)header_rules_take(part, active, SIP_HDR_SUBJECT, SPAN_NONE);
		put_bytes(&out, text, sizeof(text) - 3); /* without the empty line */
		header_rules_put_lines(&out, part, active, &msg);
		put_lit(&out, "\r\n");
		CHECK(!out.full);
		lines = cursor_span(&out);
		if (lines.len > SIP_MSG_BYTES_MAX)
			continue;
		CHECK(sip_parse(&again, lines.ptr, lines.len, SIP_DATAGRAM) == SIP_PARSE_OK);
		CHECK(again.nhdrs <= msg.nhdrs + (unsigned)__builtin_popcountll(active));
	}
}

static void answers_walk(struct span part)
{
	for (unsigned status = 100; status < 700; status++) {
		for (unsigned i = 0; i < 4; i++) {
			struct answer answer =
				answer_map_find(part, i & 1, i >> 1, (uint16_t)status);

			CHECK(answer.status == status ||
			      answer_may_become((uint16_t)status, answer.status));
			text_ok(answer.phrase, part);
			text_ok(answer.reason, part);
		}
	}
}

static void codecs_walk(struct span part)
{
	static const char text[] =
		"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
		"m=audio 4000 RTP/AVP 0 8 96 97 98 13 99\r\na=rtpmap:96 opus/48000/2\r\n"
		"a=rtpmap:97 telephone-event/48000\r\na=rtpmap:98 telephone-event/8000\r\n"
		"a=rtpmap:99 red/8000\r\na=fmtp:99 0/8\r\n"
		"m=video 4002 RTP/SAVPF 100 101 34\r\na=rtpmap:100 H264/90000\r\n"
		"a=rtpmap:101 rtx/90000\r\na=fmtp:101 apt=100\r\n";
	static struct sdp sdp;
	const char *why;

	if (part.len == 0)
		return;
	CHECK(sdp_parse(&sdp, span_of(text, sizeof(text) - 1), &why) == 0);
	for (unsigned i = 0; i < 8; i++) {
		struct sdp_codecs out;
		uint64_t seen[2] = {0, 0};

		CHECK(sdp_codecs_choose(part, i & 1, &sdp.media[i >> 1 & 1], i >> 2, &out));
		for (unsigned f = 0; f < out.n; f++)
			seen[out.formats[f] / 64] |= UINT64_C(1) << out.formats[f] % 64;
		CHECK(seen[0] == out.kept[0] && seen[1] == out.kept[1]);
		CHECK((unsigned)(__builtin_popcountll(seen[0]) + __builtin_popcountll(seen[1])) ==
		      out.n);
	}
}

/* Everything that can be asked of a plan that passed the check. */
static void plan_walk(struct span plan)
{
	static const struct span strangers[] = {
		{"X-Token", 7}, {"x", 1}, {"P-Nobody-Knows-This", 19}};
	struct span name, value;

	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++) {
		uint32_t at = 0;

		for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
			CHECK(edit_plan_action(plan, d, id, SPAN_NONE, &value) < EDIT_ACTIONS);
			text_ok(value, plan);
		}
		for (unsigned i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
			CHECK(edit_plan_action(plan, d, SIP_HDR_OTHER, strangers[i], &value) <
			      EDIT_ACTIONS);
			text_ok(value, plan);
		}
		while (edit_plan_next_set(plan, d, &at, &name, &value)) {
			CHECK(name.len);
			text_ok(value, plan);
		}
	}
}

/* Instructions: direction, action, header, length of the name, length of the value, then both. */
static unsigned rules_read(const uint8_t *data, size_t size, struct rule rules[RULES_MAX])
{
	unsigned n = 0;

	while (size >= 5 && n < RULES_MAX) {
		size_t name_len = data[3] % 32, value_len = data[4];

		if (size < 5 + name_len + value_len)
			break;
		rules[n++] = (struct rule){
			.direction = data[0] % EDIT_DIRECTIONS,
			.action = data[1] % EDIT_ACTIONS,
			.hdr = data[2] % SIP_HDR_IDS_END,
			.name = span_of(data + 5, name_len),
			.value = span_of(data + 5 + name_len, value_len),
		};
		data += 5 + name_len + value_len;
		size -= 5 + name_len + value_len;
	}
	return n;
}

/* What the first rule that names the header says. */
static enum edit_action expected(const struct rule *rules, unsigned n, const struct rule *asked,
				 struct span *value)
{
	*value = SPAN_NONE;
	for (unsigned i = 0; i < n; i++) {
		if (rules[i].direction != asked->direction || rules[i].hdr != asked->hdr)
			continue;
		if (asked->hdr == SIP_HDR_OTHER && !span_ieq(rules[i].name, asked->name))
			continue;
		*value = rules[i].value;
		return rules[i].action;
	}
	return asked->direction == EDIT_TO_B ? EDIT_DROP : EDIT_PASS;
}

static void plan_compare(struct span plan, const struct rule *rules, unsigned n)
{
	unsigned sets = 0, found = 0;
	struct span name, value, wanted;

	for (unsigned i = 0; i < n; i++) {
		enum edit_action action = expected(rules, n, &rules[i], &wanted);

		CHECK(edit_plan_action(plan, rules[i].direction, rules[i].hdr, rules[i].name,
				       &value) == action);
		CHECK(span_eq(value, wanted));
		sets += rules[i].action == EDIT_SET;
	}
	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++)
		for (uint32_t at = 0; edit_plan_next_set(plan, d, &at, &name, &value);)
			found++;
	CHECK(sets == found);
}

static void plan_build(const uint8_t *data, size_t size)
{
	static struct rule given[RULES_MAX], kept[RULES_MAX];
	static char buf[2 * EDIT_PLAN_BYTES_MAX];
	struct cursor out = cursor_on(buf, sizeof(buf));
	unsigned n = rules_read(data, size, given), nkept = 0;

	edit_plan_start(&out, EDIT_DROP, EDIT_PASS);
	for (unsigned i = 0; i < n; i++) {
		const struct rule *r = &given[i];

		if (edit_plan_rule(&out, r->direction, r->action, r->hdr, r->name, r->value))
			continue;
		kept[nkept] = *r;
		if (r->hdr == SIP_HDR_OTHER)
			kept[nkept].hdr = sip_hdr_id_from(r->name);
		nkept++;
	}
	if (edit_plan_finish(&out)) {
		CHECK(out.full || out.len > EDIT_BASE_BYTES_MAX);
		return;
	}
	CHECK(edit_plan_check(cursor_span(&out)) == 0);
	plan_walk(cursor_span(&out));
	plan_compare(cursor_span(&out), kept, nkept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span given = span_of(data, size);

	if (edit_plan_check(given) == 0) {
		plan_walk(given);
		headers_walk(edit_plan_part(given, EDIT_PART_HEADERS));
		answers_walk(edit_plan_part(given, EDIT_PART_ANSWERS));
		if (codec_plan_check(edit_plan_part(given, EDIT_PART_CODECS)) == 0)
			codecs_walk(edit_plan_part(given, EDIT_PART_CODECS));
	}
	/* parts by themselves, so that what comes before them need not be right */
	if (header_rules_check(given) == 0)
		headers_walk(given);
	if (answer_map_check(given) == 0)
		answers_walk(given);
	if (codec_plan_check(given) == 0)
		codecs_walk(given);
	plan_build(data, size);
	return 0;
}
