/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests outside a dialog other than INVITE: one request, one answer, in time or not at all. */
#include "world.h"

#include "dataplane/media/stream.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;
static char sent[8192]; /* what limen sent to B */
static unsigned branch;

static const uint8_t passes[] = {SIP_HDR_EXPIRES,
				 SIP_HDR_MIN_EXPIRES,
				 SIP_HDR_SIP_ETAG,
				 SIP_HDR_SIP_IF_MATCH,
				 SIP_HDR_EVENT,
				 SIP_HDR_WWW_AUTHENTICATE,
				 SIP_HDR_AUTHORIZATION,
				 SIP_HDR_PROXY_AUTHENTICATE,
				 SIP_HDR_PROXY_AUTHORIZATION,
				 0};

static void setup(void)
{
	w = world_new();
	w->pass = passes;
	branch = 0;
}

TestSuite(standalone, .init = setup);

/* A request of A outside a dialog; the same again with the same branch. */
static void request_as(unsigned number, const char *method, const char *ruri, const char *extra,
		       const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKs%u\n"
		 "Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=alice-tag\nTo: "
		 "<sip:bob@10.0.1.1>\nCall-ID: alone@10.0.1.2\nCSeq: %u %s\n%s",
		 method, ruri, number, number, method, extra ? extra : "");
	world_in(w, A, text, body);
}

static void request(const char *method, const char *extra, const char *body)
{
	request_as(++branch, method, "sip:bob@10.0.1.1", extra, body);
}

static void allow(unsigned ntargets)
{
	world_verdict(w, world_ask_id(w), 0, ntargets);
	strcpy(sent, world_out(w, B, 0));
}

static struct engine_stats stats_of(void)
{
	struct engine_stats stats;

	engine_stats(w->engine, &stats);
	return stats;
}

Test(standalone, message_and_its_answer)
{
	struct engine_stats stats;

	request("MESSAGE", "Content-Type: text/plain\nUser-Agent: SecretPhone\n", "hello");
	cr_expect_eq(w->nsent, 0, "no 100 yet (RFC 4320)");
	allow(1);
	cr_expect(world_has(sent, "MESSAGE sip:bob@10.0.2.2 SIP/2.0\r\n"));
	cr_expect(world_has(sent, "\r\nhello"));
	cr_expect(!world_has(sent, "Contact:"), "RFC 3428 section 4");
	cr_expect(!world_has(sent, "10.0.1."));
	cr_expect(!world_has(sent, "SecretPhone"));
	world_answer(w, B, sent, 202, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 202 Accepted\r\n"));
	cr_expect(!world_has(world_out(w, A, 0), "10.0.2."));
	cr_expect(!world_has(world_out(w, A, 0), "bob-tag"));
	cr_expect_eq(w->nreports, 0, "no record");
	stats = stats_of();
	cr_expect_eq(stats.standalone, 1);
	cr_expect_eq(stats.standalone_failed, 0);
	cr_expect_eq(stats.calls_started + stats.calls_ended + stats.calls_refused, 0);
	/* The answer was lost. */
	request_as(branch, "MESSAGE", "sip:bob@10.0.1.1", "Content-Type: text/plain\n", "hello");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 202 "));
	cr_expect_eq(world_out_count(w, B), 0);
	/* So was the request to B, and its answer comes twice. */
	world_answer(w, B, sent, 202, "bob-tag", NULL, NULL);
	cr_expect_eq(w->nsent, 0);
	world_end(w);
}

Test(standalone, lost_request_is_sent_again)
{
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_sleep(w, 1600);
	cr_expect_eq(world_out_count(w, B), 2, "timer E: 0.5 and 1.5 s");
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	world_sleep(w, 10000);
	cr_expect_eq(w->nsent, 0);
	world_end(w);
}

Test(standalone, trying_is_said_late_and_no_other_provisional)
{
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_answer(w, B, sent, 180, "bob-tag", NULL, NULL);
	cr_expect_eq(w->nsent, 0);
	world_sleep(w, 3400);
	cr_expect_eq(world_out_count(w, A), 0);
	world_sleep(w, 200);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 Trying\r\n"));
	request_as(branch, "MESSAGE", "sip:bob@10.0.1.1", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_end(w);
}

Test(standalone, silence_is_never_answered_408)
{
	request("MESSAGE", NULL, NULL);
	allow(1);
	for (unsigned s = 0; s < 40; s++) {
		world_sleep(w, 1000);
		for (unsigned i = 0; i < w->nsent; i++)
			cr_expect(w->sent[i].realm == B || world_has(w->sent[i].text, " 100 "));
	}
	cr_expect_eq(stats_of().standalone_failed, 1);
	world_end(w);
}

Test(standalone, late_request_is_absorbed_after_the_end)
{
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_sleep(w, 32100);
	request_as(branch, "MESSAGE", "sip:bob@10.0.1.1", NULL, NULL);
	cr_expect_eq(w->nsent + w->nreports, 0);
	/* B's answer comes too late for anybody. */
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect_eq(w->nsent, 0);
	world_end(w);
}

Test(standalone, answer_of_408_is_told_as_another)
{
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_answer(w, B, sent, 408, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	world_end(w);
}

Test(standalone, short_patience_of_policy_leaves_time_to_answer)
{
	w->answer_max_s = 5;
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_sleep(w, 4000);
	world_sleep(w, 1100);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	request_as(branch, "MESSAGE", "sip:bob@10.0.1.1", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 480 "));
	world_end(w);
}

Test(standalone, silent_target_leaves_time_for_the_next)
{
	char second[8192];

	request("MESSAGE", NULL, NULL);
	allow(2);
	world_sleep(w, 15800);
	for (unsigned i = 0; i < w->nsent; i++)
		cr_expect(w->sent[i].realm == A || w->sent[i].dst.port == 5060);
	world_sleep(w, 400);
	strcpy(second, world_out(w, B, 0));
	cr_expect_eq(w->sent[0].dst.port, 5061);
	world_answer(w, B, second, 200, "other", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect_eq(world_out_count(w, A), 0);
	world_end(w);
}

Test(standalone, next_target_after_a_server_failure)
{
	request("MESSAGE", NULL, NULL);
	allow(2);
	world_answer(w, B, sent, 503, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, B, 0), "MESSAGE "));
	strcpy(sent, world_out(w, B, 0));
	world_answer(w, B, sent, 404, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 404 "));
	cr_expect_eq(stats_of().standalone_failed, 1);
	world_end(w);
}

Test(standalone, redirection_is_followed)
{
	w->side_b.redirect = IPC_REDIRECT_FOLLOW;
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_answer(w, B, sent, 302, "bob-tag", NULL, NULL);
	cr_expect_eq(((const struct ipc_ask *)world_find(w, IPC_ASK)->frame)->kind,
		     IPC_ASK_REDIRECT);
	allow(1);
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_end(w);
}

Test(standalone, publish_with_its_etag)
{
	request("PUBLISH", "Event: presence\nExpires: 600\nSIP-If-Match: abc\n", NULL);
	allow(1);
	cr_expect(world_has(sent, "SIP-If-Match: abc\r\n"));
	cr_expect(world_has(sent, "Event: presence\r\n"));
	world_answer(w, B, sent, 200, "bob-tag", "SIP-ETag: def\nExpires: 500\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP-ETag: def\r\n"));
	cr_expect(world_has(world_out(w, A, 0), "Expires: 500\r\n"));
	world_end(w);
}

Test(standalone, options_to_a_user_tell_abilities_and_open_nothing)
{
	request("OPTIONS", "Contact: <sip:alice@10.0.1.2>\nAccept: application/sdp\n", NULL);
	allow(1);
	cr_expect(world_has(sent, "OPTIONS sip:bob@10.0.2.2 "));
	world_answer(w, B, sent, 200, "bob-tag", NULL, SDP_B);
	cr_expect(world_has(world_out(w, A, 0), "m=audio 0 RTP/AVP 0\r\n"));
	cr_expect(!world_has(world_out(w, A, 0), "10.0.2."));
	world_end(w);
}

Test(standalone, options_inside_a_call_leave_its_media_alone)
{
	struct world_call call;
	char options[8192];

	world_call_up(w, &call);
	world_request(w, A, "OPTIONS", 2, "o", call.ok_a, "alice-tag", NULL, NULL);
	strcpy(options, world_out(w, B, 0));
	world_answer(w, B, options, 200, NULL, NULL,
		     "v=0\r\no=b 1 1 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\n"
		     "m=audio 0 RTP/AVP 0\r\n");
	cr_expect(world_has(world_out(w, A, 0), "m=audio 0 RTP/AVP 0\r\n"));
	cr_expect_eq(stream_pairs_open(w->media), 1, "no answer: the pair stays");
	world_request(w, A, "BYE", 3, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
	world_end(w);
}

Test(standalone, options_to_limen_itself)
{
	const char *text;

	request_as(1, "OPTIONS", "sip:10.0.1.1", NULL, NULL);
	text = world_out(w, A, 0);
	cr_expect(world_has(text, "SIP/2.0 200 "));
	cr_expect(world_has(text, "MESSAGE, REFER, NOTIFY, SUBSCRIBE, PUBLISH, REGISTER\r\n"));
	cr_expect_eq(w->nreports, 0);
	world_end(w);
}

Test(standalone, method_nobody_knows_is_policys_matter)
{
	request("BREW", "X-Pot: 1\n", NULL);
	allow(1);
	cr_expect(world_has(sent, "BREW sip:bob@10.0.2.2 SIP/2.0\r\n"));
	cr_expect(world_has(sent, " BREW\r\n"));
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	request("BREW", NULL, NULL);
	world_verdict(w, world_ask_id(w), 405, 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 405 "));
	cr_expect(world_has(world_out(w, A, 0), "Allow: INVITE, ACK, "));
	world_end(w);
}

Test(standalone, what_needs_a_dialog_is_refused)
{
	static const char *const methods[] = {"INFO", "BYE", "UPDATE", "PRACK"};

	for (unsigned i = 0; i < 4; i++) {
		request(methods[i], NULL, NULL);
		cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
		cr_expect_eq(w->nreports, 0);
	}
	world_end(w);
}

Test(standalone, notify_nobody_asked_for)
{
	request("NOTIFY", "Event: message-summary\nContact: <sip:alice@10.0.1.2>\n", NULL);
	allow(1);
	cr_expect(world_has(sent, "NOTIFY sip:bob@10.0.2.2 "));
	cr_expect(world_has(sent, "Event: message-summary\r\n"));
	cr_expect(world_has(sent, "Contact: <sip:"));
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	world_end(w);
}

Test(standalone, old_peer_without_tag_or_branch)
{
	const char *text = "MESSAGE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2\n"
			   "From: <sip:alice@10.0.1.2>\nTo: <sip:bob@10.0.1.1>\nCall-ID: old\n"
			   "CSeq: 1 MESSAGE\n";

	world_in(w, A, text, NULL);
	allow(1);
	world_in(w, A, text, NULL);
	cr_expect_eq(w->nsent + w->nreports, 0, "the same request");
	world_answer(w, B, sent, 200, NULL, NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 "));
	cr_expect(world_has(world_out(w, A, 0), "To: <sip:bob@10.0.1.1>;tag="));
	world_end(w);
}

/* ---- challenges ---- */

Test(standalone, challenge_crosses_with_its_answer)
{
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_answer(w, B, sent, 401, "bob-tag",
		     "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 401 "));
	cr_expect(
		world_has(world_out(w, A, 0),
			  "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n"));
	request("MESSAGE", "Authorization: Digest username=\"a\", uri=\"sip:x\", response=\"0\"\n",
		NULL);
	allow(1);
	cr_expect(world_has(
		sent,
		"Authorization: Digest username=\"a\", uri=\"sip:x\", response=\"0\"\r\n"));
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect_eq(stats_of().challenges_dropped, 0);
	world_end(w);
}

Test(standalone, challenge_that_may_not_cross_is_a_refusal)
{
	w->pass = NULL;
	request("MESSAGE", NULL, NULL);
	allow(1);
	world_answer(w, B, sent, 407, "bob-tag", "Proxy-Authenticate: Digest realm=\"r\"\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	cr_expect(!world_has(world_out(w, A, 0), "Authenticate"));
	cr_expect_eq(stats_of().challenges_dropped, 1);
	world_end(w);
}

Test(standalone, challenge_of_an_invite_that_may_not_cross)
{
	w->pass = NULL;
	strcpy(sent, world_invite(w, "up", SDP_A));
	world_answer(w, B, sent, 401, "bob-tag", "WWW-Authenticate: Digest realm=\"r\"\n", NULL);
	cr_expect(world_has(world_out(w, B, 0), "ACK "));
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 403 "));
	world_end(w);
}

/* ---- REGISTER ---- */

#define OWN "<sip:token1@10.0.2.1:5060>"

static void registers(const char *contacts)
{
	char extra[1024];

	w->contact = OWN ";expires=300";
	w->verdict_flags = IPC_TELL_ANSWER;
	snprintf(extra, sizeof(extra), "Expires: 600\n%s", contacts);
	request_as(++branch, "REGISTER", "sip:10.0.1.1", extra, NULL);
	allow(1);
}

static const struct ipc_answer *told(void)
{
	cr_assert(world_find(w, IPC_ANSWER));
	return (const struct ipc_answer *)world_find(w, IPC_ANSWER)->frame;
}

Test(standalone, registration_by_a_contact_of_limens)
{
	const char *text;
	uint64_t id;

	registers("Contact: \"A\" <sip:alice@10.0.1.2:5061;ob>;q=0.5;expires=900;+x=\"y\"\n"
		  "Contact: <sip:gone@10.0.1.2>;expires=0\nPath: <sip:10.0.1.9;lr>\n");
	cr_expect(world_has(sent, "REGISTER sip:bob@10.0.2.2 "));
	cr_expect(world_has(sent, "Contact: " OWN ";expires=300\r\n"), "%s", sent);
	cr_expect(!world_has(sent, "alice@10.0.1.2:5061"));
	cr_expect(!world_has(sent, "Path"));
	w->answer_contact =
		"Contact: <sip:other@10.0.2.9>;expires=77, <sip:token1@10.0.2.1:5060>\n"
		"  ;expires=120\n";
	world_answer(w, B, sent, 200, "bob-tag", "Service-Route: <sip:10.0.2.7;lr>\n", NULL);
	text = world_out(w, A, 0);
	cr_expect(world_has(text, "SIP/2.0 200 "));
	cr_expect(world_has(
			  text,
			  "Contact: <sip:alice@10.0.1.2:5061;ob>;q=0.5;+x=\"y\";expires=120\r\n"),
		  "%s", text);
	cr_expect(!world_has(text, "gone"));
	cr_expect(!world_has(text, "10.0.2."));
	cr_expect(!world_has(text, "token1"));
	cr_expect(!world_has(text, "Service-Route"));
	id = told()->call;
	cr_expect_neq(id, 0);
	cr_expect_eq(told()->status, 200);
	cr_expect(span_eq(ipc_answer_context(told()), SPAN("context")));
	cr_expect(strncmp(ipc_answer_msg(told()).ptr, "SIP/2.0 200 ", 12) == 0);
	world_end(w);
}

/* RFC 5627: the user's GRUUs are at limen's address. */
Test(standalone, gruus_of_the_registrar_are_hidden)
{
	registers("Contact: <sip:alice@10.0.1.2:5061>;+sip.instance=\"<urn:uuid:1>\"\n");
	w->answer_contact =
		"Contact: <sip:token1@10.0.2.1:5060>;pub-gruu=\"sip:bob@10.0.2.2:5070;gr=urn:uuid:9\""
		";temp-gruu=\"sip:tgruu.x@core.example;gr\";expires=120\n";
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0),
			    "Contact: <sip:alice@10.0.1.2:5061>;+sip.instance=\"<urn:uuid:1>\""
			    ";pub-gruu=\"sip:bob@10.0.1.1;gr=urn:uuid:9\""
			    ";temp-gruu=\"sip:tgruu.x@10.0.1.1;gr\";expires=120\r\n"),
		  "%s", world_out(w, A, 0));
	registers("Contact: <sip:alice@10.0.1.2:5061>\n");
	w->answer_contact = "Contact: <sip:token1@10.0.2.1:5060>;pub-gruu=\"tel:1\";temp-gruu=sips:x@y"
			    ";expires=120\n";
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "Contact: <sip:alice@10.0.1.2:5061>;expires=120\r\n"),
		  "what is no SIP URI: %s", world_out(w, A, 0));
	world_end(w);
}

Test(standalone, registration_that_the_registrar_does_not_keep)
{
	registers("Contact: <sip:alice@10.0.1.2:5061>\n");
	w->answer_contact = "Contact: <sip:other@10.0.2.9>;expires=77\n";
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(!world_has(world_out(w, A, 0), "Contact"));
	world_end(w);
}

Test(standalone, expires_header_counts_where_the_contact_has_none)
{
	registers("Contact: sip:alice@10.0.1.2:5061\n");
	w->answer_contact = "Contact: <sip:token1@10.0.2.1:5060>\n";
	world_answer(w, B, sent, 200, "bob-tag", "Expires: 444\n", NULL);
	cr_expect(world_has(world_out(w, A, 0),
			    "Contact: <sip:alice@10.0.1.2:5061>;expires=444\r\n"));
	world_end(w);
}

Test(standalone, removal_of_all_contacts)
{
	w->contact = OWN;
	request_as(++branch, "REGISTER", "sip:10.0.1.1", "Contact: *\nExpires: 0\n", NULL);
	allow(1);
	cr_expect(world_has(sent, "Contact: *\r\n"));
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(!world_has(world_out(w, A, 0), "Contact"));
	request_as(++branch, "REGISTER", "sip:10.0.1.1", "Contact: *\nExpires: 60\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 400 "));
	request_as(++branch, "REGISTER", "sip:10.0.1.1",
		   "Contact: <sip:a@10.0.1.2>, *\nExpires: 0\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 400 "));
	world_end(w);
}

Test(standalone, question_what_is_registered)
{
	registers("");
	cr_expect(!world_has(sent, "Contact"));
	w->answer_contact = "Contact: " OWN ";expires=20\n";
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(!world_has(world_out(w, A, 0), "Contact"));
	world_end(w);
}

Test(standalone, too_brief_a_registration)
{
	registers("Contact: <sip:alice@10.0.1.2>\n");
	world_answer(w, B, sent, 423, "bob-tag", "Min-Expires: 1800\n", NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 423 "));
	cr_expect(world_has(world_out(w, A, 0), "Min-Expires: 1800\r\n"));
	cr_expect_eq(told()->status, 423);
	world_end(w);
}

Test(standalone, registrations_of_a_user_share_a_call_id_and_rise)
{
	char id[2][256];
	unsigned long cseq[2];

	for (unsigned i = 0; i < 2; i++) {
		registers("Contact: <sip:alice@10.0.1.2>\n");
		world_header(sent, "Call-ID", id[i], sizeof(id[i]));
		cseq[i] = strtoul(strstr(sent, "CSeq: ") + 6, NULL, 10);
		world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	}
	cr_expect_str_eq(id[0], id[1]);
	cr_expect_eq(cseq[1], cseq[0] + 1);
	cr_expect(!world_has(id[0], "alone"));
	world_end(w);
}

Test(standalone, answer_is_told_again_when_the_ring_was_full)
{
	registers("Contact: <sip:alice@10.0.1.2>\n");
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	told();
	world_blocked(w, IPC_ANSWER);
	world_sleep(w, 210);
	cr_expect_eq(told()->status, 200);
	world_sleep(w, 1000);
	cr_expect(!world_find(w, IPC_ANSWER), "it got through");
	cr_expect_eq(stats_of().calls, 0);
	cr_expect_eq(stats_of().answers_lost, 0);
	world_end(w);
}

Test(standalone, answer_waits_for_the_control_plane_for_a_while)
{
	struct ipc_call_end_ack ack;

	registers("Contact: <sip:alice@10.0.1.2>\n");
	engine_link(w->engine, w->now_ns, false);
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	cr_expect(!world_find(w, IPC_ANSWER));
	world_sleep(w, 1000);
	engine_link(w->engine, w->now_ns, true);
	world_sleep(w, 250);
	ack.call = told()->call;
	/* It is no record: nobody may acknowledge it away. */
	world_frame(w, IPC_CALL_END_ACK, &ack, sizeof(ack));
	cr_expect_eq(stats_of().records_unacked, 0);
	world_sleep(w, 300);
	cr_expect_eq(stats_of().calls, 0);
	registers("Contact: <sip:alice@10.0.1.2>\n");
	engine_link(w->engine, w->now_ns, false);
	world_answer(w, B, sent, 200, "bob-tag", NULL, NULL);
	world_sleep(w, 4500);
	cr_expect_eq(stats_of().answers_lost, 1);
	cr_expect_eq(stats_of().calls, 0);
	world_end(w);
}

Test(standalone, silence_of_the_registrar_is_told)
{
	bool heard = false;

	registers("Contact: <sip:alice@10.0.1.2>\n");
	world_sleep(w, 33000);
	for (unsigned i = 0; i < w->nreports; i++) {
		const struct ipc_answer *answer = (const struct ipc_answer *)w->reports[i].frame;

		if (w->reports[i].type != IPC_ANSWER)
			continue;
		heard = true;
		cr_expect_eq(answer->status, 408);
		cr_expect_eq(answer->msg_len, 0);
	}
	cr_expect(heard);
	world_end(w);
}

Test(standalone, each_request_in_a_call_is_answered_in_time_or_not_at_all)
{
	struct world_call call;

	world_call_up(w, &call);
	world_request(w, A, "INFO", 2, "i", call.ok_a, "alice-tag", NULL, NULL);
	world_sleep(w, 3600);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 100 "));
	/* Silence ends the call meanwhile. */
	for (unsigned s = 0; s < 40; s++) {
		world_sleep(w, 1000);
		for (unsigned i = 0; i < w->nsent; i++)
			cr_expect(!world_has(w->sent[i].text, " INFO\r\n") ||
				  w->sent[i].realm == B);
	}
	world_end(w);
}

/* ---- what the control plane answers itself ---- */

static void reply(uint64_t ask_id, uint16_t status, uint8_t flags, const char *headers)
{
	_Alignas(8) char frame[8192];
	struct cursor out = cursor_on(frame, sizeof(frame));
	struct ipc_verdict head = {.ask_id = ask_id, .status = status, .flags = flags};

	ipc_put_reply(&out, &head, SPAN_NONE, SPAN("note"), span_str(headers));
	cr_assert_eq(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT, frame,
				   out.len),
		     0);
	world_frame(w, IPC_VERDICT, frame, out.len);
}

Test(standalone, verdict_can_be_the_answer)
{
	request("REGISTER", "Contact: <sip:alice@10.0.1.2>\n", NULL);
	reply(world_ask_id(w), 200, 0, "Contact: <sip:alice@10.0.1.2>;expires=60\r\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 200 OK\r\n"));
	cr_expect(world_has(world_out(w, A, 0),
			    "\r\nContact: <sip:alice@10.0.1.2>;expires=60\r\nContent-Length: 0\r\n"));
	cr_expect_eq(w->nreports, 0, "who decided knows");
	request_as(branch, "REGISTER", "sip:bob@10.0.1.1", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), ";expires=60\r\n"));
	cr_expect_eq(world_find(w, IPC_ASK), NULL);
	cr_expect_eq(stats_of().standalone_failed, 0);
	world_end(w);
}

Test(standalone, answer_that_is_not_kept_is_asked_for_again)
{
	const char *challenge = "WWW-Authenticate: Digest realm=\"x\", nonce=\"1\"\r\n";

	request("REGISTER", "Contact: <sip:alice@10.0.1.2>\n", NULL);
	reply(world_ask_id(w), 401, IPC_FORGET, challenge);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 401 Unauthorized\r\n"));
	cr_expect(world_has(world_out(w, A, 0), challenge));
	world_sleep(w, 10);
	cr_expect_eq(stats_of().txns, 0);
	request_as(branch, "REGISTER", "sip:bob@10.0.1.1", NULL, NULL);
	cr_expect_neq(world_find(w, IPC_ASK), NULL);
	reply(world_ask_id(w), 401, IPC_FORGET, challenge);
	cr_expect(world_has(world_out(w, A, 0), challenge));
	world_end(w);
}

Test(standalone, longest_header_lines_go_out_whole)
{
	char lines[IPC_HEADERS_MAX + 1];

	memset(lines, 'x', sizeof(lines));
	memcpy(lines, "Reason: ", 8);
	strcpy(lines + IPC_HEADERS_MAX - 2, "\r\n");
	request("MESSAGE", NULL, NULL);
	reply(world_ask_id(w), 603, 0, lines);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 603 Decline\r\n"));
	cr_expect(world_has(world_out(w, A, 0), lines));
	world_end(w);
}

Test(standalone, no_dialog_is_made_by_an_answer)
{
	world_in(w, A,
		 "INVITE sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKi\n"
		 "Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=alice-tag\n"
		 "To: <sip:bob@10.0.1.1>\nCall-ID: call@10.0.1.2\nCSeq: 1 INVITE\n"
		 "Contact: <sip:alice@10.0.1.2>\nContent-Type: application/sdp\n",
		 SDP_A);
	reply(world_ask_id(w), 200, IPC_FORGET, "Contact: <sip:bob@10.0.1.9>\r\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	cr_expect(!world_has(world_out(w, A, 0), "10.0.1.9"));
	request("SUBSCRIBE", "Event: presence\nContact: <sip:alice@10.0.1.2>\n", NULL);
	reply(world_ask_id(w), 200, 0, "Expires: 60\r\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 500 "));
	world_end(w);
}

Test(standalone, invite_is_challenged_and_redirected_by_the_verdict)
{
	const char *const lines[] = {"Contact: <sip:carol@10.0.1.7>\r\n",
				     "Proxy-Authenticate: Digest realm=\"x\"\r\n"};

	for (unsigned i = 0; i < 2; i++) {
		char head[512];

		snprintf(head, sizeof(head),
			 "INVITE sip:bob@10.0.1.1 SIP/2.0\n"
			 "Via: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKc%u\n"
			 "Max-Forwards: 70\nFrom: <sip:alice@10.0.1.2>;tag=alice-tag\n"
			 "To: <sip:bob@10.0.1.1>\nCall-ID: call%u@10.0.1.2\nCSeq: 1 INVITE\n"
			 "Contact: <sip:alice@10.0.1.2>\nContent-Type: application/sdp\n",
			 i, i);
		world_in(w, A, head, SDP_A);
		reply(world_ask_id(w), i ? 407 : 302, 0, lines[i]);
		cr_expect(world_has(world_out(w, A, 0), i ? "SIP/2.0 407 " : "SIP/2.0 302 "));
		cr_expect(world_has(world_out(w, A, 0), lines[i]));
	}
	world_end(w);
}

Test(standalone, each_contact_hears_what_was_granted_for_its_own)
{
	w->contact = "<sip:t1@10.0.2.1:5060>;expires=600, <sip:t2@10.0.2.1:5060>, "
		     "<sip:t3@10.0.2.1:5060>";
	request("REGISTER",
		"Contact: <sip:desk@10.0.1.2>;q=0.5, <sip:lab@10.0.1.2>\nContact: "
		"<sip:car@10.0.1.2>\n",
		NULL);
	allow(1);
	cr_expect(world_has(sent, "\r\nContact: <sip:t1@10.0.2.1:5060>;expires=600, <sip:t2@"));
	w->answer_contact = "Contact: <sip:t3@10.0.2.1:5060>;expires=30, <sip:x@10.0.2.2>;expires=9,"
			    " <sip:t1@10.0.2.1:5060>;expires=20\n";
	world_answer(w, B, sent, 200, "r", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0),
			    "\r\nContact: <sip:desk@10.0.1.2>;q=0.5;expires=20\r\n"
			    "Contact: <sip:car@10.0.1.2>;expires=30\r\n"));
	cr_expect(!world_has(world_out(w, A, 0), "lab@"), "the registrar does not keep that one");
	cr_expect(!world_has(world_out(w, A, 0), "10.0.2."));
	world_end(w);
}
