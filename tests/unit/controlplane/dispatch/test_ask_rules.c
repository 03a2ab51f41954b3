/* SPDX-License-Identifier: BSD-3-Clause */
/* From a question to a verdict, under trunks' rules: headers, identities, topology profiles, codes
 * and codecs. The plan is held against the request it was made for, as the worker would. */
#include "controlplane/dispatch/ask.h"
#include "controlplane/policy/explain.h"

#include <stdio.h>

#include "../conf_text.h"
#include "common/sdp/codecs.h"
#include "common/sip/answer_map.h"
#include "common/sip/edit_plan.h"
#include "common/sip/header_rules.h"

static struct generation *generation;
static char frame[IPC_FRAME_MAX] __attribute__((aligned(8)));
static const struct ipc_verdict *verdict = (const void *)frame;
static struct ask_answer answer;
static struct sip_msg msg;
static struct explain explain;

static void config(const char *more_a, const char *more_b, const char *sections)
{
	char text[8192];

	snprintf(text, sizeof(text),
		 CONF_HEAD "realms:\n"
			   "  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"
			   "  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"
			   "trunks:\n"
			   "  - {name: a, realm: ra, peers: [10.99.1.2]%s}\n"
			   "  - {name: b, realm: rb, peers: [10.99.2.2]%s}\n"
			   "routes:\n  - {from: a, prefix: \"900\", status: 603}\n"
			   "  - {from: a, to: b}\n  - {from: b, to: a}\n%s",
		 more_a, more_b, sections);
	generation = generation_new(conf_from_text(text), NULL);
	cr_assert_not_null(generation);
}

static void ask_to(const char *user, const char *from, const char *more)
{
	static char bytes[8192] __attribute__((aligned(8))), rehearsed[IPC_FRAME_MAX];
	static char text[4096];
	struct cursor in = cursor_on(bytes, sizeof(bytes)), out = cursor_on(frame, sizeof(frame));
	struct cursor again = cursor_on(rehearsed, sizeof(rehearsed));
	struct ask_answer told;
	int len = snprintf(text, sizeof(text),
			   "INVITE sip:%s@limen.example SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP 10.99.1.2:5060;branch=z9hG4bKsecret\r\nFrom: %s;tag=t\r\n"
			   "To: <sip:%s@to.example>\r\nCall-ID: id@10.99.1.2\r\nCSeq: 1 INVITE\r\n"
			   "Contact: <sip:secret@10.99.1.2>\r\nMax-Forwards: 70\r\n%s"
			   "Content-Length: 0\r\n\r\n",
			   user, from, user, more);
	struct ipc_ask head = {.ask_id = 77, .msg_len = (uint32_t)len};

	cr_assert_eq(net_endpoint_parse(SPAN("10.99.1.2"), 5060, &head.source), 0);
	head.local = head.source;
	put_bytes(&in, &head, sizeof(head));
	put_bytes(&in, text, (size_t)len);
	cr_assert_eq(sip_parse(&msg, text, (size_t)len, SIP_DATAGRAM), SIP_PARSE_OK);
	ask_decide(generation, 0, (const void *)bytes, &out, &answer);
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT, frame,
				   out.len),
		     0);
	explain_start(&explain);
	ask_explain(generation, (const void *)bytes, &explain, &again, &told);
	cr_expect(span_eq(cursor_span(&out), cursor_span(&again)), "the rehearsal differs");
}

static void ask(const char *from, const char *more) { ask_to("2001", from, more); }

static struct span part(enum edit_part which)
{
	return edit_plan_part(ipc_verdict_plan(verdict), which);
}

/* The lines that rules make of the request. */
static const char *lines(void)
{
	static char text[16384];
	struct cursor out = cursor_on(text, sizeof(text) - 1);
	struct span rules = part(EDIT_PART_HEADERS);
	uint64_t active = header_rules_active(rules, EDIT_TO_B, HEADER_ON_INITIAL, &msg);

	header_rules_put_lines(&out, rules, active, &msg);
	cr_assert_not(out.full);
	text[out.len] = 0;
	return text;
}

static bool explained(const char *what, const char *text)
{
	for (unsigned i = 0; i < explain.n; i++)
		if (!strcmp(explain.steps[i].what, what) &&
		    strstr(explain_text(&explain, i), text))
			return true;
	return false;
}

static struct ipc_target_view target(void)
{
	struct ipc_target_view view = {0};
	uint32_t at = 0;

	cr_assert(ipc_verdict_next_target(verdict, &at, &view));
	return view;
}

static void expect_span(struct span got, const char *wanted)
{
	cr_expect(span_eq(got, span_str(wanted)), "%.*s, not %s", SPAN_FMT(got), wanted);
}

static void end(void) { generation_free(generation); }

TestSuite(ask_rules, .fini = end);

#define ALICE "\"Alice\" <sip:1001@10.99.1.2:5062>"

Test(ask_rules, without_rules_the_plan_has_no_parts)
{
	config("", "", "");
	ask(ALICE, "");
	for (unsigned i = 0; i < EDIT_PARTS; i++)
		cr_expect_eq(part(i).len, 0);
}

Test(ask_rules, rules_of_both_trunks_in_their_order)
{
	config(", header_rules_in: [x]", ", header_rules_out: [y, z]",
	       "header_rules:\n"
	       "  - {set: z, action: add, header: X-Last, value: z}\n"
	       "  - {set: x, action: add, header: X-First, value: \"x\", on: [initial]}\n"
	       "  - {set: y, action: replace, header: X-First, value: y}\n"
	       "  - {set: x, action: remove, header: Subject, on: [responses]}\n"
	       "  - {set: other, action: add, header: X-Other, value: o}\n");
	ask(ALICE, "Subject: s\r\n");
	cr_expect_str_eq(lines(), "X-First: y\r\nX-Last: z\r\n");
	cr_expect(explained("header", "rule of set y: X-First replaced: y"));
}

Test(ask_rules, variables)
{
	config("", ", header_rules_out: [v]",
	       "header_rules:\n"
	       "  - {set: v, action: set, header: X-A, value: \"${from.user} ${from.host} "
	       "${from.display} ${to.user} ${to.host} ${ruri.user} ${ruri.host}\"}\n"
	       "  - {set: v, action: set, header: X-B, value: \"${source.addr}:${source.port} "
	       "${trunk} ${trunk.to} ${method} ${call_id}\"}\n"
	       "  - {set: v, action: set, header: X-C, value: \"<${header:Subject}> "
	       "\\\"${header:X-No}\\\" $ {x} ${header:subject}\"}\n");
	ask(ALICE, "Subject: a b\r\n");
	cr_expect_str_eq(lines(),
			 "X-A: 1001 10.99.1.2 Alice 2001 to.example 2001 limen.example\r\n"
			 "X-B: 10.99.1.2:5060 a b INVITE id@10.99.1.2\r\n"
			 "X-C: <a%20b> \"\" $ {x} a b\r\n");
}

/* What a caller writes ends neither a line, nor quotes, nor brackets. */
Test(ask_rules, values_smuggle_nothing)
{
	config("", ", header_rules_out: [v]",
	       "header_rules:\n"
	       "  - {set: v, action: set, header: X-A, value: \"<sip:${from.user}@x>\", on: "
	       "[initial]}\n"
	       "  - {set: v, action: set, header: X-B, value: \"\\\"${from.display}\\\" "
	       "\\\"${header:Subject}\\\"\", on: [initial]}\n"
	       "  - {set: v, action: set, header: X-C, value: \"${from.user}\", on: [initial]}\n");
	ask("\"a\\\"b\\\\c\" <sip:%0d%0aVia%3a%20x%3e%22@10.99.1.2>", "Subject: e\"f\r\n g\r\n");
	cr_expect_str_eq(lines(), "X-A: <sip:%0D%0AVia%3A%20x%3E%22@x>\r\n"
				  "X-B: \"a\\\"b\\\\c\" \"e\\\"f   g\"\r\n"
				  "X-C:   Via: x>\"\r\n");
}

Test(ask_rules, patterns_and_their_captures)
{
	config(", header_rules_in: [p]", "",
	       "header_rules:\n"
	       "  - {set: p, action: set, header: X-A, value: \"${2}-${1}-${0}-${9}\", on: "
	       "[initial], when: [\"Subject present\", \"Subject matches ^(\\\\d+) (\\\\w+)\"]}\n"
	       "  - {set: p, action: set, header: X-B, value: b, on: [initial], when: [\"X-No "
	       "matches .\"]}\n"
	       "  - {set: p, action: set, header: X-C, value: c, on: [initial], when: [\"Subject "
	       "begins 12\", \"X-No absent\"]}\n");
	ask(ALICE, "Subject: 12 ab c\r\n");
	cr_expect_str_eq(lines(), "X-A: ab-12-12 ab-\r\nX-C: c\r\n");
	cr_expect(explained("header", "rule of set p: not X-B set"));
	ask(ALICE, "Subject: ab\r\n");
	cr_expect_eq(part(EDIT_PART_HEADERS).len, 0);
}

Test(ask_rules, conditions_go_to_the_worker_where_later_messages_matter)
{
	config(", header_rules_in: [p]", "",
	       "header_rules:\n"
	       "  - {set: p, action: set, header: X-A, value: a, when: [\"Subject equals X y\"]}\n");
	ask(ALICE, "Subject: other\r\n");
	cr_expect_str_eq(lines(), "");
	cr_expect_gt(part(EDIT_PART_HEADERS).len, 0);
	ask(ALICE, "Subject: x Y\r\n");
	cr_expect_str_eq(lines(), "X-A: a\r\n");
}

Test(ask_rules, the_caller_is_whom_a_trusted_trunk_asserts)
{
	config(", trusted: yes, caller: asserted", "", "");
	ask("<sip:anon@10.99.1.2>",
	    "P-Asserted-Identity: <mailto:x@y>, \"Bob\" <sip:+491@10.99.1.9>\r\n");
	expect_span(target().from, "\"Bob\" <sip:+491@10.99.2.1>");
	cr_expect(explained("identity", "the caller is +491, of P-Asserted-Identity"));
	ask(ALICE, "");
	expect_span(target().from, "\"Alice\" <sip:1001@10.99.2.1>");
}

Test(ask_rules, limen_asserts_the_caller)
{
	config("", ", asserted_identity: from, from_number: \"4930\", remote_party_id: yes", "");
	ask(ALICE, "P-Asserted-Identity: <sip:liar@10.99.1.2>\r\n");
	cr_expect_str_eq(lines(), "P-Asserted-Identity: \"Alice\" <sip:1001@10.99.2.1>\r\n"
				  "Remote-Party-ID: \"Alice\" <sip:1001@10.99.2.1>;party=calling;"
				  "screen=yes;privacy=off\r\n");
	expect_span(target().from, "\"Alice\" <sip:4930@10.99.2.1>");
	ask(ALICE, "Privacy: id\r\n");
	cr_expect_str_eq(lines(), "");
	expect_span(target().from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
}

Test(ask_rules, limen_asserts_a_number_to_a_trusted_trunk)
{
	config("", ", trusted: yes, asserted_identity: number, asserted_number: \"+4930\", "
		   "privacy: always", "");
	ask(ALICE, "");
	cr_expect_str_eq(lines(), "P-Asserted-Identity: <sip:+4930@10.99.2.1>\r\nPrivacy: id\r\n");
	expect_span(target().from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
}

Test(ask_rules, an_emergency_service_hears_who_calls)
{
	config("", ", privacy: never", "");
	ask(ALICE, "Privacy: id\r\n");
	expect_span(target().from, "\"Alice\" <sip:1001@10.99.2.1>");
	cr_expect(header_rules_take(part(EDIT_PART_HEADERS), 1, SIP_HDR_PRIVACY, SPAN_NONE));
}

Test(ask_rules, hosts_by_profile)
{
	config("", ", topology: p, trusted: yes, asserted_identity: from",
	       "topology_profiles:\n"
	       "  - {name: p, ruri_host: r.example, from_host: f.example, to_host: t.example, "
	       "identity_host: i.example, display_names: drop}\n");
	ask(ALICE, "");
	expect_span(target().ruri, "sip:2001@r.example");
	expect_span(target().from, "<sip:1001@f.example>");
	expect_span(target().to, "<sip:2001@t.example>");
	cr_expect_str_eq(lines(), "P-Asserted-Identity: <sip:1001@i.example>\r\n");
}

Test(ask_rules, hosts_are_kept_where_both_profiles_keep_them)
{
	static const char profiles[] =
		"topology_profiles:\n  - {name: k, ruri_host: keep, from_host: keep, to_host: keep, "
		"products: keep}\n  - {name: h}\n";
	struct span value;

	config(", topology: k", ", topology: k", profiles);
	ask(ALICE, "");
	expect_span(target().ruri, "sip:2001@limen.example");
	expect_span(target().from, "\"Alice\" <sip:1001@10.99.1.2>");
	expect_span(target().to, "<sip:2001@to.example>");
	cr_expect_eq(edit_plan_action(ipc_verdict_plan(verdict), EDIT_TO_A, SIP_HDR_SERVER,
				      SPAN_NONE, &value), EDIT_PASS);
	end();
	config(", topology: h", ", topology: k", profiles);
	ask(ALICE, "");
	expect_span(target().ruri, "sip:2001@10.99.2.2:5060");
	expect_span(target().from, "\"Alice\" <sip:1001@10.99.2.1>");
	expect_span(target().to, "<sip:2001@10.99.2.2>");
	cr_expect_eq(edit_plan_action(ipc_verdict_plan(verdict), EDIT_TO_A, SIP_HDR_SERVER,
				      SPAN_NONE, &value), EDIT_DROP);
}

Test(ask_rules, codes_of_both_trunks)
{
	config(", answer_rules_out: [o]", ", answer_rules_in: [i]",
	       "answer_rules:\n  - {set: i, code: 500, last: 599, to: 486, phrase: Not Now}\n"
	       "  - {set: o, code: 603, to: 480}\n");
	ask(ALICE, "");
	cr_expect_eq(answer_map_find(part(EDIT_PART_ANSWERS), ANSWER_CAME, 1, 503).status, 486);
	cr_expect_eq(answer_map_find(part(EDIT_PART_ANSWERS), ANSWER_GOES, 0, 603).status, 480);
	cr_expect_eq(answer_map_find(part(EDIT_PART_ANSWERS), ANSWER_CAME, 0, 503).status, 503);
	ask_to("900", ALICE, ""); /* a route refuses it with 603 */
	cr_expect_eq(verdict->status, 480);
	cr_expect_eq(answer.status, 480);
	cr_expect(explained("answers", "603 becomes 480"));
}

Test(ask_rules, codecs_of_both_trunks)
{
	struct codec_plan_head head;

	config(", codecs_allow: [PCMA, opus/48000/2], ptime_ms: 30",
	       ", codecs_deny: [G729], codecs_order: [PCMA], maxptime_ms: 40", "");
	ask(ALICE, "");
	head = codec_plan_head(part(EDIT_PART_CODECS));
	cr_expect_eq(head.nitems[CODEC_ALLOW_0], 2);
	cr_expect_eq(head.nitems[CODEC_ALLOW_1], 0);
	cr_expect_eq(head.nitems[CODEC_DENY], 1);
	cr_expect_eq(head.nitems[CODEC_ORDER_1], 1);
	cr_expect(head.ptime_ms[0] == 30 && head.ptime_ms[1] == 0 && head.maxptime_ms[1] == 40);
	cr_expect(explained("codecs", "trunk b denies G729"));
}

/* As many rules as a config can have, with values as long as can be: a verdict, or a refusal. */
Test(ask_rules, the_longest_rules_still_make_a_verdict)
{
	static char sections[65536], subject[1200];
	size_t len = (size_t)snprintf(sections, sizeof(sections), "header_rules:\n");

	for (unsigned i = 0; i < 16; i++)
		len += (size_t)snprintf(sections + len, sizeof(sections) - len,
					"  - {set: s, action: add, header: X-%u, value: \"%s\"}\n", i,
					"${from.user} ${from.user} ${from.user} ${from.user}");
	config(", header_rules_in: [s]", ", header_rules_out: [s]", sections);
	snprintf(subject, sizeof(subject), "<sip:%0250d@10.99.1.2>", 1);
	ask(subject, "");
	cr_expect_eq(answer.status, 500);
	cr_expect_str_eq(answer.why, "no room for an edit plan");
	ask(ALICE, "");
	cr_expect_eq(answer.status, 0);
}
