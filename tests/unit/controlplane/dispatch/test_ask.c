/* SPDX-License-Identifier: BSD-3-Clause */
/* From a question to a verdict: what the far side would see. */
#include <stdio.h>

#include "ask_rig.h"
#include "common/sip/edit_plan.h"
#include "controlplane/cdr/context.h"

Test(ask, a_verdict_names_targets_in_order)
{
	struct asked *asked = start(CONF_TWO_SIDES);
	struct ipc_target_view view;

	ask(asked, 0, "10.99.1.2",
	    INVITE("sip:2001@10.99.1.1", "\"Alice\" <sip:1001@10.99.1.2:5062>",
		   "<sip:2001@10.99.1.1>", ""));
	cr_expect_eq(asked->answer.status, 0);
	cr_expect_eq(asked->verdict->status, 0);
	cr_expect_eq(asked->verdict->ntargets, 2);
	cr_expect_eq(asked->verdict->side.source_policy, IPC_SOURCE_PIN);
	cr_expect_eq(asked->verdict->answer_max_s, 180);
	cr_expect_eq(asked->verdict->duration_max_s, 0);
	cr_expect_eq(asked->verdict->media_timeout_s, 60);
	view = target(asked, 0);
	cr_expect_eq(view.head->realm, 1);
	cr_expect_eq(view.head->transport, NET_UDP);
	cr_expect_eq(view.head->peer.family, NET_IP4);
	cr_expect_eq(view.head->peer.port, 5080);
	expect_span(view.ruri, "sip:2001@10.99.2.2:5080");
	expect_span(view.from, "\"Alice\" <sip:1001@10.99.2.1>");
	expect_span(view.to, "<sip:2001@10.99.2.2>");
	view = target(asked, 1);
	expect_span(view.ruri, "sip:2001@[fd99:2::2]:5060");
	expect_span(view.from, "\"Alice\" <sip:1001@[fd99:2::1]>");
	expect_span(view.to, "<sip:2001@[fd99:2::2]>");
	stop(asked);
}

Test(ask, peers_of_the_callers_family_come_first)
{
	struct asked *asked = start(CONF_TWO_SIDES);

	ask(asked, 0, "[fd99:1::2]:5060", INVITE("sip:2001@x", "<sip:1001@x>", "<sip:2001@x>", ""));
	expect_span(target(asked, 0).ruri, "sip:2001@[fd99:2::2]:5060");
	expect_span(target(asked, 1).ruri, "sip:2001@10.99.2.2:5080");
	stop(asked);
}

Test(ask, limits_are_the_shorter_of_both_trunks)
{
	struct asked *asked =
		start(CONF_HEAD "realms:\n"
				"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"
				"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"
				"trunks:\n"
				"  - {name: a, realm: ra, peers: [10.99.1.2], duration_max_s: 0, "
				"media_timeout_s: 30, answer_max_s: 10, media_source: learn}\n"
				"  - {name: b, realm: rb, peers: [10.99.2.2], duration_max_s: "
				"7200, media_timeout_s: 20, answer_max_s: 20}\n"
				"routes:\n  - {from: a, to: b}\n");

	ask(asked, 0, "10.99.1.2", INVITE("sip:2@x", "<sip:1@x>", "<sip:2@x>", ""));
	cr_expect_eq(asked->verdict->duration_max_s, 7200);
	cr_expect_eq(asked->verdict->media_timeout_s, 20);
	cr_expect_eq(asked->verdict->answer_max_s, 20, "the called trunk's");
	cr_expect_eq(asked->verdict->side.source_policy, IPC_SOURCE_LEARN);
	cr_expect_eq(target(asked, 0).head->side.source_policy, IPC_SOURCE_PIN);
	stop(asked);
}

Test(ask, each_sides_policy_is_its_trunks)
{
	struct asked *asked = start(CONF_MANNERS(
		", redirect: follow, refer: local, session_expires_s: 600, min_se_s: 120, msrp: "
		"yes",
		", redirect: pass, refer: pass, session_expires_s: 0, msrp: yes, media_source: "
		"learn"));
	const struct ipc_side_policy *side;

	ask(asked, 0, "10.99.1.2", INVITE("sip:2@x", "<sip:1@x>", "<sip:2@x>", ""));
	side = &asked->verdict->side;
	cr_expect_eq(side->session_s, 600);
	cr_expect_eq(side->min_se_s, 120);
	cr_expect_eq(side->redirect, IPC_REDIRECT_FOLLOW);
	cr_expect_eq(side->refer, IPC_REFER_LOCAL);
	cr_expect_eq(side->source_policy, IPC_SOURCE_PIN);
	cr_expect_eq(side->flags, IPC_POLICY_MSRP);
	side = &target(asked, 0).head->side;
	cr_expect_eq(side->session_s, 0);
	cr_expect_eq(side->min_se_s, 90);
	cr_expect_eq(side->redirect, IPC_REDIRECT_PASS);
	cr_expect_eq(side->refer, IPC_REFER_PASS);
	cr_expect_eq(side->source_policy, IPC_SOURCE_LEARN);
	cr_expect_eq(side->flags, IPC_POLICY_MSRP);
	stop(asked);
}

Test(ask, msrp_takes_both_trunks)
{
	struct asked *asked = start(CONF_MANNERS(", msrp: yes", ", msrp: no"));

	ask(asked, 0, "10.99.1.2", INVITE("sip:2@x", "<sip:1@x>", "<sip:2@x>", ""));
	cr_expect_eq(asked->verdict->side.flags, 0);
	cr_expect_eq(target(asked, 0).head->side.flags, 0);
	stop(asked);
}

Test(ask, a_register_names_the_far_domain_and_its_user)
{
	struct asked *asked = start(CONF_MANNERS(", methods: [REGISTER]", ""));

	ask(asked, 0, "10.99.1.2",
	    "REGISTER sip:10.99.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
	    "From: <sip:kim@10.99.1.1>;tag=1\r\nTo: <sip:kim@10.99.1.1>\r\nCall-ID: 1\r\n"
	    "CSeq: 1 REGISTER\r\nContact: <sip:kim@10.99.1.2>\r\nContent-Length: 0\r\n\r\n");
	cr_expect_eq(asked->verdict->status, 0);
	expect_span(target(asked, 0).ruri, "sip:10.99.2.2:5060");
	expect_span(target(asked, 0).from, "<sip:kim@10.99.2.2>");
	expect_span(target(asked, 0).to, "<sip:kim@10.99.2.2>");
	stop(asked);
}

static void expect_users(const struct asked *asked, const char *called, const char *redirected_to,
			 const char *transferred_by)
{
	struct cdr_context context;
	struct cdr_users users;

	cr_assert_eq(cdr_context_read(ipc_verdict_context(asked->verdict), &context, &users), 0);
	expect_span(context.users[CDR_CALLED], called);
	expect_span(context.users[CDR_REDIRECTED_TO], redirected_to);
	expect_span(context.users[CDR_TRANSFERRED_BY], transferred_by);
}

#define REGISTER(user, contact)                                                                    \
	"REGISTER sip:10.99.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"                 \
	"From: <sip:" user "@10.99.1.1>;tag=1\r\nTo: <sip:" user "@10.99.1.1>\r\nCall-ID: 1\r\n"   \
	"CSeq: 1 REGISTER\r\n" contact "Content-Length: 0\r\n\r\n"

/* The registrar's answer, which keeps the contact that it was shown. */
static void registrar_grants(struct asked *asked, struct span contact)
{
	static struct sip_msg msg;
	char text[1024];
	int len = snprintf(text, sizeof(text),
			   "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
			   "<sip:1@x>;tag=1\r\nTo: <sip:1@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 "
			   "REGISTER\r\nContact: %.*s\r\nExpires: 60\r\nContent-Length: 0\r\n\r\n",
			   SPAN_FMT(contact));

	cr_assert_eq(sip_parse(&msg, text, (size_t)len, SIP_DATAGRAM), SIP_PARSE_OK);
	registrar_end(asked->registrar, &(struct registration_id){77, 1}, 200, &msg);
}

#define ACCESS CONF_MANNERS(", sources: [10.99.1.0/24], methods: [REGISTER, INVITE]", "")

Test(ask, a_registered_user_is_called_where_he_is)
{
	struct asked *asked = start(ACCESS);
	char contact[128], message[512], token[REGISTRAR_TOKEN_CHARS];
	struct ipc_target_view view;

	ask(asked, 0, "10.99.1.77:40123",
	    REGISTER("kim", "Contact: <sip:kim@192.168.7.7:5062;line=x>;expires=300\r\n"));
	cr_assert_eq(asked->verdict->status, 0);
	cr_expect_eq(asked->verdict->flags, IPC_TELL_ANSWER);
	view = target(asked, 0);
	cr_assert_gt(view.contact.len, 5 + sizeof(token));
	memcpy(token, view.contact.ptr + 5, sizeof(token));
	snprintf(contact, sizeof(contact), "<sip:%.*s@10.99.2.1:5060>;expires=300",
		 (int)sizeof(token), token);
	expect_span(view.contact, contact);
	registrar_grants(asked, view.contact);
	snprintf(message, sizeof(message),
		 "INVITE sip:%.*s@10.99.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		 "From: <sip:9@x>;tag=1\r\nTo: <sip:kim@10.99.2.2>\r\nCall-ID: 1\r\n"
		 "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		 (int)sizeof(token), token);
	ask(asked, 1, "10.99.2.2", message);
	cr_assert_eq(asked->verdict->status, 0);
	cr_assert_eq(asked->verdict->ntargets, 1);
	cr_expect_eq(asked->answer.decision.to, 0);
	view = target(asked, 0);
	expect_span(view.ruri, "sip:kim@192.168.7.7:5062;line=x");
	cr_expect_eq(view.head->peer.port, 40123, "where he registered from");
	cr_expect_eq(view.head->peer.addr.ip[3], 77);
	cr_expect_eq(view.contact.len, 0);
	expect_span(view.to, "<sip:kim@10.99.1.77>");
	expect_users(asked, "kim", "", "");
	stop(asked);
}

Test(ask, a_token_of_nobody_goes_nowhere)
{
	struct asked *asked = start(ACCESS);

	ask(asked, 1, "10.99.2.2",
	    INVITE("sip:uaaaaaaaaaaaaaaaaaaaaaaaaaa@x", "<sip:9@x>", "<sip:9@x>", ""));
	cr_expect_eq(asked->verdict->status, 404);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_NO_BINDING);
	ask(asked, 1, "10.99.2.77",
	    INVITE("sip:uaaaaaaaaaaaaaaaaaaaaaaaaaa@x", "<sip:9@x>", "<sip:9@x>", ""));
	cr_expect_eq(asked->verdict->status, 403, "admission comes first");
	stop(asked);
}

#define FLOWS                                                                                      \
	CONF_MANNERS(", sources: [10.99.1.0/24], methods: [REGISTER, INVITE]",                     \
		     ", register_path: yes")
#define PHONE ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""

static struct span plan_sets(struct asked *asked, enum sip_hdr_id id)
{
	struct span plan = ipc_verdict_plan(asked->verdict), name, value;
	uint32_t at = 0;

	while (edit_plan_next_set(plan, EDIT_TO_B, &at, &name, &value)) {
		if (span_ieq(name, span_str(sip_hdr_name(id))))
			return value;
	}
	return SPAN_NONE;
}

Test(ask, a_flow_has_a_path_and_fails_when_it_is_gone)
{
	struct asked *asked = start(FLOWS);
	char token[REGISTRAR_TOKEN_CHARS], message[768], path[128];
	struct ipc_target_view view;

	ask(asked, 0, "10.99.1.77:40123",
	    REGISTER("kim", "Supported: outbound, path, gruu\r\nContact: "
			    "<sip:kim@192.168.7.7>;reg-id=1" PHONE ";expires=300\r\n"));
	cr_assert_eq(asked->verdict->status, 0);
	expect_span(ipc_verdict_headers(asked->verdict), "Require: outbound\r\n");
	view = target(asked, 0);
	memcpy(token, view.contact.ptr + 5, sizeof(token));
	snprintf(path, sizeof(path), "<sip:%.*s@10.99.2.1:5060;lr;ob>", (int)sizeof(token), token);
	expect_span(plan_sets(asked, SIP_HDR_PATH), path);
	expect_span(plan_sets(asked, SIP_HDR_SUPPORTED), "path, outbound, gruu");
	registrar_grants(asked, span_of(view.contact.ptr, 5 + sizeof(token) + 16));
	/* by the Path, whatever the Request-URI */
	snprintf(message, sizeof(message),
		 "INVITE sip:kim@10.99.2.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
		 "Route: %s\r\nFrom: <sip:9@x>;tag=1\r\nTo: <sip:kim@10.99.2.2>\r\nCall-ID: 1\r\n"
		 "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		 path);
	ask(asked, 1, "10.99.2.2", message);
	cr_assert_eq(asked->verdict->status, 0);
	expect_span(target(asked, 0).ruri, "sip:kim@192.168.7.7");
	cr_expect_eq(target(asked, 0).head->peer.port, 40123);
	ask(asked, 1, "10.99.2.2",
	    INVITE("sip:faaaaaaaaaaaaaaaaaaaaaaaaaa@x", "<sip:9@x>", "<sip:9@x>", ""));
	cr_expect_eq(asked->verdict->status, 430);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_FLOW_FAILED);
	ask(asked, 0, "10.99.1.77:40123",
	    REGISTER("kim", "Via: SIP/2.0/UDP p;branch=z9hG4bK9\r\nSupported: outbound\r\nContact: "
			    "<sip:kim@192.168.7.7>;reg-id=1" PHONE "\r\n"));
	cr_expect_eq(asked->verdict->status, 439);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_FIRST_HOP);
	ask(asked, 0, "10.99.1.77:40123", REGISTER("kim", "Contact: <sip:kim@192.168.7.7>\r\n"));
	cr_expect_eq(asked->verdict->status, 0);
	expect_span(plan_sets(asked, SIP_HDR_SUPPORTED), "path");
	stop(asked);
}

/* RFC 5627: one of a user's phones, as the registrar named it. */
Test(ask, a_gruu_keeps_its_name_on_the_far_side)
{
	struct asked *asked = start(ACCESS);

	ask(asked, 0, "10.99.1.7",
	    INVITE("sip:kim@10.99.1.1;gr=urn:uuid:f81d4fae;transport=udp", "<sip:9@x;gr=mine>",
		   "<sip:kim@10.99.1.1;gr=urn:uuid:f81d4fae>", ""));
	cr_assert_eq(asked->verdict->status, 0);
	expect_span(target(asked, 0).ruri, "sip:kim@10.99.2.2:5060;gr=urn:uuid:f81d4fae");
	expect_span(target(asked, 0).to, "<sip:kim@10.99.2.2>");
	expect_span(target(asked, 0).from, "<sip:9@10.99.2.1>");
	ask(asked, 0, "10.99.1.7",
	    INVITE("sip:tgruu.7hs@10.99.1.1;gr", "<sip:9@x>", "<sip:9@x>", ""));
	expect_span(target(asked, 0).ruri, "sip:tgruu.7hs@10.99.2.2:5060;gr");
	stop(asked);
}

Test(ask, registers_that_cannot_be_passed_on)
{
	struct asked *asked = start(ACCESS);

	ask(asked, 0, "10.99.1.7", REGISTER("kim", "Contact: <mailto:kim@x>\r\n"));
	cr_expect_eq(asked->verdict->status, 400);
	ask(asked, 0, "10.99.1.7", REGISTER("kim", ""));
	cr_expect_eq(asked->verdict->status, 0, "it only asks");
	cr_expect_eq(asked->verdict->flags, 0);
	cr_expect_eq(target(asked, 0).contact.len, 0);
	ask(asked, 0, "10.99.1.7", REGISTER("kim", "Contact: *\r\nExpires: 0\r\n"));
	cr_expect_eq(asked->verdict->flags, IPC_TELL_ANSWER);
	cr_expect_eq(target(asked, 0).contact.len, 0);
	ask(asked, 0, "10.99.1.7", REGISTER("u1", "Contact: <sip:u1@h>\r\n"));
	registrar_grants(asked, target(asked, 0).contact);
	ask(asked, 0, "10.99.1.7", REGISTER("u2", "Contact: <sip:u2@h>\r\n"));
	registrar_grants(asked, target(asked, 0).contact);
	ask(asked, 0, "10.99.1.7", REGISTER("u3", "Contact: <sip:u3@h>\r\n"));
	cr_expect_eq(asked->verdict->status, 503);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_BINDINGS_FULL);
	stop(asked);
}

Test(ask, a_caller_who_asks_for_privacy_is_anonymous_outside)
{
	static const struct {
		const char *privacy;
		bool anonymous, crosses; /* outside; the header */
	} cases[] = {
		{"", false, false},
		{"Privacy: id\r\n", true, false},
		{"Privacy: header;user;critical\r\n", true, false},
		{"Privacy: session\r\nPrivacy: ID\r\n", true, false},
		{"Privacy: session;critical\r\n", false, false},
		{"Privacy: history\r\n", false, false},
		{"Privacy: none\r\n", false, true},
		{"Privacy: id;none\r\n", false, true},
		{"Privacy: unheard-of\r\n", true, false},
	};

	for (int trusted = 0; trusted < 2; trusted++) {
		struct asked *asked =
			start(trusted ? CONF_MANNERS(", trusted: yes", ", trusted: yes")
				      : CONF_MANNERS(", trusted: yes", ""));

		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			char message[1024];
			struct span value;
			struct cdr_context context;
			struct cdr_users users;

			snprintf(message, sizeof(message),
				 INVITE("sip:2@x", "\"Kim\" <sip:1@x>", "<sip:2@x>", "%s"),
				 cases[i].privacy);
			ask(asked, 0, "10.99.1.2", message);
			cr_assert_eq(asked->verdict->status, 0);
			expect_span(target(asked, 0).from,
				    cases[i].anonymous && !trusted
					    ? "\"Anonymous\" <sip:anonymous@anonymous.invalid>"
					    : "\"Kim\" <sip:1@10.99.2.1>");
			cr_expect_eq(edit_plan_action(ipc_verdict_plan(asked->verdict), EDIT_TO_B,
						      SIP_HDR_PRIVACY, SPAN_NONE, &value),
				     trusted || cases[i].crosses ? EDIT_PASS : EDIT_DROP, "%s",
				     cases[i].privacy);
			cr_assert_eq(cdr_context_read(ipc_verdict_context(asked->verdict), &context,
						      &users),
				     0);
			expect_span(context.users[CDR_CALLER], "1");
		}
		stop(asked);
	}
}

Test(ask, a_refusal_has_the_status_and_a_note)
{
	struct asked *asked = start(CONF_TWO_SIDES);
	struct cdr_context context;
	struct cdr_users users;

	ask(asked, 0, "10.99.1.2", INVITE("sip:9001@x", "<sip:1001@x>", "<sip:9001@x>", ""));
	cr_expect_eq(asked->verdict->status, 603);
	cr_expect_eq(asked->verdict->ntargets, 0);
	cr_assert_eq(cdr_context_read(ipc_verdict_context(asked->verdict), &context, &users), 0);
	expect_span(context.trunk[0], "a");
	expect_span(context.trunk[1], "");
	expect_span(context.users[CDR_CALLED], "9001");
	ask(asked, 0, "172.16.0.1", INVITE("sip:2001@x", "<sip:1001@x>", "<sip:2001@x>", ""));
	cr_expect_eq(asked->verdict->status, 403);
	ask(asked, 1, "10.99.2.2", INVITE("sip:2001@x", "<sip:1001@x>", "<sip:2001@x>", ""));
	cr_expect_eq(asked->verdict->status, 404);
	ask(asked, 0, "10.99.1.2", INVITE("sips:2001@x", "<sip:1001@x>", "<sip:2001@x>", ""));
	cr_expect_eq(asked->verdict->status, 416);
	stop(asked);
}

Test(ask, what_is_no_request_is_refused)
{
	struct asked *asked = start(CONF_TWO_SIDES);

	ask(asked, 0, "10.99.1.2", "not SIP at all");
	cr_expect(asked->answer.unreadable);
	cr_expect_eq(asked->verdict->status, 400);
	ask(asked, 0, "10.99.1.2",
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:1@x>;tag=1\r\nTo: "
	    "<sip:2@x>;tag=2\r\n"
	    "Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	cr_expect(asked->answer.unreadable);
	ask(asked, 9, "10.99.1.2", INVITE("sip:2001@x", "<sip:1001@x>", "<sip:2001@x>", ""));
	cr_expect(asked->answer.unreadable);
	stop(asked);
}

Test(ask, callers_of_every_kind)
{
	static const struct {
		const char *from, *wanted;
	} cases[] = {
		{"<sip:1001@10.99.1.2>", "<sip:1001@10.99.2.1>"},
		{"sip:1001@10.99.1.2", "<sip:1001@10.99.2.1>"},
		{"Alice Smith <sip:1001@10.99.1.2>", "\"Alice Smith\" <sip:1001@10.99.2.1>"},
		{"\"A \\\"B\\\" C\\\\\" <sip:1001@h>",
		 "\"A \\\"B\\\" C\\\\\" <sip:1001@10.99.2.1>"},
		{"\"A,<x>;\" <sip:1001@h>", "\"A,<x>;\" <sip:1001@10.99.2.1>"},
		{"\"\" <sip:1001@h>", "<sip:1001@10.99.2.1>"},
		{"\"Folded\r\n  name\" <sip:1001@h>", "\"Folded name\" <sip:1001@10.99.2.1>"},
		{"\"Anonymous\" <sip:anonymous@anonymous.invalid>",
		 "\"Anonymous\" <sip:anonymous@anonymous.invalid>"},
		{"<tel:+49-30-1>", "<sip:+49301@10.99.2.1;user=phone>"},
		{"<sip:+49301;phone-context=net-a.example@h;user=phone>",
		 "<sip:+49301@10.99.2.1;user=phone>"},
		{"<sip:gateway.net-a.example>", "<sip:10.99.2.1>"},
		{"\"Kim\" <sips:1001@h>", "\"Kim\" <sip:1001@10.99.2.1>"},
		{"<mailto:alice@net-a.example>", "<sip:anonymous@anonymous.invalid>"},
		{"\"gr\xc3\xbc\xc3\x9f\" <sip:1@h>", "\"gr\xc3\xbc\xc3\x9f\" <sip:1@10.99.2.1>"},
	};
	struct asked *asked = start(CONF_TWO_SIDES);
	char message[2048];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(message, sizeof(message),
			 "INVITE sip:2001@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
			 "%s;tag=1\r\nTo: <sip:2@x>\r\n"
			 "Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
			 cases[i].from);
		ask(asked, 0, "10.99.1.2", message);
		expect_span(target(asked, 0).from, cases[i].wanted);
	}
	stop(asked);
}

Test(ask, a_long_display_name_is_cut_at_a_character)
{
	struct asked *asked = start(CONF_TWO_SIDES);
	char message[2048], name[512] = "";
	struct span from;

	for (unsigned i = 0; i < 100; i++)
		strcat(name, "\xe2\x82\xac");
	snprintf(message, sizeof(message),
		 "INVITE sip:2001@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \"%s\" "
		 "<sip:1@h>;tag=1\r\nTo: <sip:2@x>\r\n"
		 "Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		 name);
	ask(asked, 0, "10.99.1.2", message);
	from = target(asked, 0).from;
	cr_expect_eq(from.len, 1 + 42 * 3 + strlen("\" <sip:1@10.99.2.1>"));
	cr_expect_eq(memcmp(from.ptr + 1 + 41 * 3, "\xe2\x82\xac\" <", 6), 0);
	stop(asked);
}

Test(ask, a_to_that_cannot_be_read_becomes_the_called_party)
{
	struct asked *asked = start(CONF_TWO_SIDES);

	ask(asked, 0, "10.99.1.2",
	    INVITE("sip:2001@x", "<sip:1@x>", "\"Bob\" <mailto:bob@x>", ""));
	expect_span(target(asked, 0).to, "<sip:2001@10.99.2.2>");
	ask(asked, 0, "10.99.1.2",
	    INVITE("tel:+4930", "<sip:1@x>", "\"Bob at 10.99.1.2\" <tel:+49-30>", ""));
	expect_span(target(asked, 0).to, "<sip:+4930@10.99.2.2;user=phone>");
	expect_span(target(asked, 0).ruri, "sip:+4930@10.99.2.2:5080;user=phone");
	stop(asked);
}

/* Ask, be redirected to the contacts. */
static void redirect(struct asked *asked, uint8_t redirects, const char *contacts)
{
	const char *message = INVITE("sip:2001@x", "<sip:1001@x>", "<sip:2001@x>", "");
	struct further further = {IPC_ASK_REDIRECT, redirects, SPAN_NONE, contacts};
	static char note[IPC_CONTEXT_MAX];

	ask(asked, 0, "10.99.1.2", message);
	further.context = ipc_verdict_context(asked->verdict);
	memcpy(note, further.context.ptr, further.context.len);
	further.context.ptr = note;
	ask_further(asked, 0, "10.99.1.2", message, &further);
}

/* Three sides: users 2.. are b's, 3.. are c's, 9.. nobody may call. */
#define THREE_SIDES(more_c)                                                                        \
	CONF_HEAD                                                                                  \
	"realms:\n  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                           \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n  - {name: a, realm: ra, peers: [10.99.1.2]}\n"                                  \
	"  - {name: b, realm: rb, peers: [10.99.2.2], sources: [10.99.2.0/25], answer_max_s: "     \
	"10}\n"                                                                                    \
	"  - {name: c, realm: rb, peers: [10.99.2.200], answer_max_s: 20" more_c "}\n"             \
	"routes:\n  - {from: a, prefix: \"2\", to: b}\n  - {from: a, prefix: \"3\", to: c}\n"      \
	"  - {prefix: \"9\", status: 403}\n"

Test(ask, a_redirection_is_routed_as_the_caller_would)
{
	struct asked *asked = start(THREE_SIDES(""));

	redirect(asked, 0,
		 "<sip:2002@other>;q=0.2, \"Best\" <sip:3003@other;x=y>;q=0.9;expires=1, "
		 "<sip:9009@x>, <mailto:m@x>;q=1.0, sip:2004@z;q=0.25, broken <, *");
	cr_expect_eq(asked->verdict->status, 0);
	cr_assert_eq(asked->verdict->ntargets, 3);
	expect_span(target(asked, 0).ruri, "sip:3003@10.99.2.200:5060");
	expect_span(target(asked, 0).to, "<sip:2001@10.99.2.200>");
	expect_span(target(asked, 1).ruri, "sip:2004@10.99.2.2:5060");
	expect_span(target(asked, 2).ruri, "sip:2002@10.99.2.2:5060");
	cr_expect_eq(asked->verdict->answer_max_s, 20, "the longest of the ways");
	expect_users(asked, "2001", "3003", "");
	stop(asked);
}

/* A way that needs another edit plan than the first brings its own. */
Test(ask, ways_of_a_redirection_have_their_plans)
{
	struct asked *asked = start(THREE_SIDES(", challenges: pass"));

	redirect(asked, 0, "<sip:3003@x>;q=0.5, <sip:2002@x>;q=0.6, <sip:2003@x>;q=0.4");
	cr_assert_eq(asked->verdict->ntargets, 3);
	expect_span(target(asked, 0).ruri, "sip:2002@10.99.2.2:5060");
	cr_expect_eq(target(asked, 0).plan.len, 0);
	expect_span(target(asked, 1).ruri, "sip:3003@10.99.2.200:5060");
	cr_expect_eq(edit_plan_check(target(asked, 1).plan), 0);
	cr_expect_not(span_eq(target(asked, 1).plan, ipc_verdict_plan(asked->verdict)));
	expect_span(target(asked, 2).ruri, "sip:2003@10.99.2.2:5060");
	cr_expect_eq(target(asked, 2).plan.len, 0);
	stop(asked);
}

Test(ask, a_contact_at_an_address_of_its_trunk_is_called_there)
{
	struct asked *asked = start(THREE_SIDES(""));

	redirect(asked, 0, "<sip:2001@10.99.2.2:5099>, <sip:2002@10.99.2.7>");
	cr_assert_eq(asked->verdict->ntargets, 2);
	expect_span(target(asked, 0).ruri, "sip:2001@10.99.2.2:5099");
	cr_expect_eq(target(asked, 0).head->peer.port, 5099);
	expect_span(target(asked, 1).ruri, "sip:2002@10.99.2.7:5060");
	redirect(asked, 0, "<sip:2002@172.16.0.1>, <sip:2003@[fd99::7]>, <sip:2004@10.99.2.200>");
	cr_assert_eq(asked->verdict->ntargets, 3);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(target(asked, i).head->peer.addr.ip[3], 2, "only the trunk's peers");
	stop(asked);
}

Test(ask, redirections_end)
{
	struct asked *asked = start(THREE_SIDES(""));

	redirect(asked, 0, "<sip:2001@elsewhere>");
	cr_expect_eq(asked->verdict->status, 482);
	expect_users(asked, "2001", "", "");
	redirect(asked, 4, "<sip:2002@x>");
	cr_expect_eq(asked->verdict->status, 0);
	redirect(asked, 5, "<sip:2002@x>");
	cr_expect_eq(asked->verdict->status, 482);
	redirect(asked, 0, "<sip:9009@x>, <sip:1@x>");
	cr_expect_eq(asked->verdict->status, 480);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_REDIRECT_NOWHERE);
	redirect(asked, 0, "garbage <");
	cr_expect_eq(asked->verdict->status, 480);
	stop(asked);
}

/* More contacts than a verdict can name targets. */
Test(ask, a_long_redirection_is_cut)
{
	struct asked *asked = start(THREE_SIDES(""));
	char contacts[2048] = "";

	for (unsigned i = 0; i < 30; i++)
		snprintf(contacts + strlen(contacts), sizeof(contacts) - strlen(contacts),
			 "%s<sip:21%u@x>;q=0.%03u", i ? "," : "", i, 500 - i);
	redirect(asked, 0, contacts);
	cr_expect_eq(asked->verdict->ntargets, IPC_TARGETS_MAX);
	expect_span(target(asked, 7).ruri, "sip:217@10.99.2.2:5060");
	stop(asked);
}

Test(ask, a_transfer_tells_who_transferred)
{
	const struct further transfer = {IPC_ASK_TRANSFER, 0, SPAN_NONE, ""};
	struct asked *asked = start(THREE_SIDES(""));

	ask_further(asked, 0, "10.99.1.2",
		    INVITE("sip:3003@x", "<sip:1001@x>", "<sip:3003@x>",
			   "Referred-By: \"R\" <sip:1005@secret>;cid=x\r\n"),
		    &transfer);
	cr_expect_eq(asked->verdict->status, 0);
	expect_span(target(asked, 0).ruri, "sip:3003@10.99.2.200:5060");
	expect_users(asked, "3003", "", "1005");
	ask_further(asked, 0, "10.99.1.2",
		    INVITE("sip:3003@x", "<sip:1001@x>", "<sip:3003@x>", ""), &transfer);
	expect_users(asked, "3003", "", "1001");
	ask_further(asked, 1, "10.99.1.2",
		    INVITE("sip:3003@x", "<sip:1001@x>", "<sip:3003@x>", ""), &transfer);
	cr_expect_eq(asked->verdict->status, 403, "no trunk of that realm has the referrer");
	stop(asked);
}

Test(ask, a_service_keeps_its_name)
{
	struct asked *asked =
		start(CONF_HEAD "realms:\n"
				"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"
				"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"
				"trunks:\n"
				"  - {name: a, realm: ra, peers: [10.99.1.2]}\n"
				"  - {name: b, realm: rb, peers: [10.99.2.2]}\n"
				"routes:\n  - {prefix: \"urn:service:sos\", to: b}\n");

	ask(asked, 0, "10.99.1.2",
	    INVITE("urn:service:SOS.fire", "<sip:1@x>", "<urn:service:sos.fire>", ""));
	cr_expect_eq(asked->verdict->status, 0);
	expect_span(target(asked, 0).ruri, "urn:service:sos.fire");
	expect_span(target(asked, 0).to, "<urn:service:sos.fire>");
	ask(asked, 0, "10.99.1.2", INVITE("urn:service:counseling", "<sip:1@x>", "<sip:2@x>", ""));
	cr_expect_eq(asked->verdict->status, 404);
	ask(asked, 0, "10.99.1.2", INVITE("urn:uuid:1-2", "<sip:1@x>", "<sip:2@x>", ""));
	cr_expect_eq(asked->verdict->status, 416);
	ask(asked, 0, "10.99.1.2", INVITE("urn:service:s%6fs", "<sip:1@x>", "<sip:2@x>", ""));
	cr_expect_eq(asked->verdict->status, 400);
	stop(asked);
}

/* The note a verdict carries always fits, whatever the parties. */
Test(ask, the_longest_parties_still_make_a_verdict)
{
	struct asked *asked = start(CONF_TWO_SIDES);
	char message[8192], user[PARTY_USER_MAX * 3 + 1] = "";

	for (unsigned i = 0; i < PARTY_USER_MAX; i++)
		strcat(user, "%ff");
	snprintf(message, sizeof(message),
		 "INVITE sip:%s@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: "
		 "<sip:%s@x>;tag=1\r\nTo: <sip:%s@x>\r\n"
		 "Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		 user, user, user);
	ask(asked, 0, "10.99.1.2", message);
	cr_expect_eq(asked->verdict->status, 0);
	cr_expect_leq(asked->verdict->context_len, IPC_CONTEXT_MAX);
	stop(asked);
}

#define NUMBERED(routes)                                                                           \
	CONF_HEAD                                                                                  \
	"realms:\n"                                                                                \
	"  - {name: ra, port: pa, addresses: [10.99.1.1/24]}\n"                                    \
	"  - {name: rb, port: pb, addresses: [10.99.2.1/24]}\n"                                    \
	"trunks:\n"                                                                                \
	"  - {name: a, realm: ra, peers: [10.99.1.2], country_code: \"49\", called_in_rules: in, "  \
	"calling_in_rules: in}\n"                                                                  \
	"  - {name: b, realm: rb, peers: [10.99.2.2], country_code: \"43\", called_out_rules: out,"\
	" calling_out_rules: out}\n"                                                               \
	"  - {name: c, realm: rb, peers: [10.99.2.3, 10.99.2.4], challenges: pass}\n"              \
	"number_rules:\n  - {set: in, convert: e164}\n  - {set: out, convert: national}\n"        \
	"routes:\n" routes

Test(ask, numbers_are_written_as_each_trunk_wants_them)
{
	struct asked *asked = start(NUMBERED("  - {to: b, failover: [c]}\n"));
	struct cdr_context context;
	struct cdr_users users;

	ask(asked, 0, "10.99.1.2",
	    INVITE("sip:004312@10.99.1.1", "<sip:0301@10.99.1.2>", "<sip:004312@10.99.1.1>", ""));
	cr_expect_eq(asked->answer.status, 0);
	cr_assert_eq(asked->verdict->ntargets, 3);
	expect_span(target(asked, 0).ruri, "sip:012@10.99.2.2:5060");
	expect_span(target(asked, 0).from, "<sip:0049301@10.99.2.1>");
	expect_span(target(asked, 0).to, "<sip:012@10.99.2.2>");
	expect_span(target(asked, 1).ruri, "sip:+4312@10.99.2.3:5060");
	expect_span(target(asked, 1).from, "<sip:+49301@10.99.2.1>");
	expect_span(target(asked, 1).to, "<sip:+4312@10.99.2.3>");
	cr_expect_eq(target(asked, 0).plan.len, 0);
	cr_expect_gt(target(asked, 1).plan.len, 0, "it passes challenges, the other does not");
	expect_span(target(asked, 2).ruri, "sip:+4312@10.99.2.4:5060");
	cr_assert_eq(cdr_context_read(ipc_verdict_context(asked->verdict), &context, &users), 0);
	expect_span(context.users[CDR_CALLER], "0301");
	expect_span(context.users[CDR_CALLED], "004312");
	expect_span(context.users[CDR_CALLING_ROUTED], "+49301");
	expect_span(context.users[CDR_CALLED_ROUTED], "+4312");
	/* a To that names somebody else goes through the rules by itself */
	ask(asked, 0, "10.99.1.2",
	    INVITE("sip:004312@10.99.1.1", "<sip:0301@10.99.1.2>", "<sip:0043@10.99.1.1>", ""));
	expect_span(target(asked, 0).to, "<sip:0043@10.99.2.2>");
	expect_span(target(asked, 1).to, "<sip:+43@10.99.2.3>");
	stop(asked);
}

Test(ask, a_caller_is_anonymous_towards_each_trunk_that_is_not_trusted)
{
	struct asked *asked = start(NUMBERED("  - {to: b, failover: [c]}\n"));

	asked->generation->conf->trunks[2].trusted = true;
	ask(asked, 0, "10.99.1.2",
	    INVITE("sip:1@10.99.1.1", "Me <sip:0301@10.99.1.2>", "<sip:1@10.99.1.1>",
		   "Privacy: id\r\n"));
	expect_span(target(asked, 0).from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	expect_span(target(asked, 1).from, "\"Me\" <sip:+49301@10.99.2.1>");
	stop(asked);
}

Test(ask, a_route_refuses_with_its_reason_and_cause)
{
	struct asked *asked = start(NUMBERED("  - {status: 603, reason: Not Today, cause: 21}\n"));

	ask(asked, 0, "10.99.1.2",
	    INVITE("sip:1@10.99.1.1", "<sip:0301@10.99.1.2>", "<sip:1@10.99.1.1>", ""));
	cr_expect_eq(asked->verdict->status, 603);
	expect_span(ipc_verdict_reason(asked->verdict), "Not Today");
	expect_span(ipc_verdict_headers(asked->verdict), "Reason: Q.850;cause=21\r\n");
	stop(asked);
}

Test(ask, a_route_redirects_to_its_contacts)
{
	struct asked *asked = start(NUMBERED(
		"  - {redirect: [\"sip:*@192.0.2.9;user=phone\", \"sip:desk@192.0.2.10\"]}\n"));

	ask(asked, 0, "10.99.1.2",
	    INVITE("sip:0%3012%3e@10.99.1.1", "<sip:0301@10.99.1.2>", "<sip:1@10.99.1.1>", ""));
	cr_expect_eq(asked->verdict->status, 302);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_ROUTE_REDIRECTS);
	expect_span(ipc_verdict_headers(asked->verdict),
		    "Contact: <sip:0012%3E@192.0.2.9;user=phone>\r\nContact: "
		    "<sip:desk@192.0.2.10>\r\n");
	stop(asked);
}

/* RFC 3261 section 26.2.2: each hop of a sips: URI is TLS, or there is no call. */
Test(ask, sips_goes_by_tls_or_not_at_all)
{
	static const struct further by_tls = {.contacts = "", .transport = NET_TLS};
	struct asked *asked = start(
		CONF_HEAD
		"realms:\n"
		"  - {name: ra, port: pa, addresses: [10.99.1.1/24], kernel_device: da, tls_port: 5061, "
		"tls: t}\n"
		"  - {name: rb, port: pb, addresses: [10.99.2.1/24], kernel_device: db, tls_port: 5061, "
		"tls: t}\n"
		"trunks:\n"
		"  - {name: a, realm: ra, peers: [10.99.1.2]}\n"
		"  - {name: both, realm: rb, peers: [10.99.2.2, \"10.99.2.3;transport=tls\"]}\n"
		"  - {name: plain, realm: rb, peers: [10.99.2.4]}\n"
		"routes:\n"
		"  - {from: a, prefix: \"3\", to: both}\n"
		"  - {from: a, prefix: \"4\", to: plain}\n"
		"certificates: [{name: c, chain: /c, key: /k}]\n"
		"tls: [{name: t, certificates: [c]}]\n");

	ask_further(asked, 0, "10.99.1.2",
		    INVITE("sips:3001@x", "<sips:1001@x>", "<sips:3001@x>", ""), &by_tls);
	cr_assert_eq(asked->verdict->status, 0);
	cr_assert_eq(asked->verdict->ntargets, 1, "the one that is TLS");
	cr_expect_eq(target(asked, 0).head->transport, NET_TLS);
	expect_span(target(asked, 0).ruri, "sips:3001@10.99.2.3:5061");
	expect_span(target(asked, 0).to, "<sips:3001@10.99.2.3>");
	expect_span(target(asked, 0).from, "<sip:1001@10.99.2.1>");
	ask_further(asked, 0, "10.99.1.2",
		    INVITE("sips:4001@x", "<sip:1001@x>", "<sip:4001@x>", ""), &by_tls);
	cr_expect_eq(asked->verdict->status, 480);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_SIPS_NOWHERE);
	ask(asked, 0, "10.99.1.2", INVITE("sips:3001@x", "<sip:1001@x>", "<sip:3001@x>", ""));
	cr_expect_eq(asked->verdict->status, 416);
	cr_expect_eq(asked->answer.decision.outcome, POLICY_SIPS_PLAIN);
	/* sip: by TLS goes where it goes */
	ask_further(asked, 0, "10.99.1.2",
		    INVITE("sip:3001@x", "<sip:1001@x>", "<sip:3001@x>", ""), &by_tls);
	cr_assert_eq(asked->verdict->ntargets, 2);
	expect_span(target(asked, 1).ruri, "sip:3001@10.99.2.3:5061;transport=tls");
	stop(asked);
}
