/* SPDX-License-Identifier: BSD-3-Clause */
/* An INVITE with Replaces (RFC 3891): named by identifiers of the leg, sent on with those of the
 * leg behind it, whoever owns it. */
#include "world.h"

#include "dataplane/sip/owner_msg.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct world *w;
static struct world_call call;

static void setup(void)
{
	/* Alice's Call-ID is worker 1's. */
	w = world_new_worker(0);
}

TestSuite(engine_replaces, .init = setup);

static char *tag_of(const char *text, const char *name, char *buf, size_t cap)
{
	char value[512], *tag;

	world_header(text, name, value, sizeof(value));
	tag = strstr(value, ";tag=");
	cr_assert(tag);
	snprintf(buf, cap, "%s", tag + 5);
	return buf;
}

/* Carol, on side A, calls with this Replaces value and these lines. */
static void carol(const char *method, const char *lines)
{
	char text[2048];

	snprintf(
		text, sizeof(text),
		"%s sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bKcarol\n"
		"Max-Forwards: 70\nFrom: <sip:carol@10.0.1.2>;tag=carol-tag\nTo: "
		"<sip:bob@10.0.1.1>\nCall-ID: carol\nCSeq: 1 %s\nContact: <sip:carol@10.0.1.2>\n%s",
		method, method, lines);
	world_in(w, A, text, NULL);
}

static void carol_replaces(const char *call_id, const char *to_tag, const char *from_tag,
			   const char *more)
{
	char line[1024];

	snprintf(line, sizeof(line), "Require: replaces\nReplaces: %s;to-tag=%s;from-tag=%s%s\n",
		 call_id, to_tag, from_tag, more);
	carol("INVITE", line);
}

/* The question that went to another worker; this world answers for that one too. */
static struct world_owner_msg asked_elsewhere(void)
{
	cr_assert_eq(w->nowner, 1);
	cr_expect_eq(w->owner[0].worker, 1);
	return w->owner[0];
}

/* Of the call's leg A: that Call-ID is Alice's, and another worker would own it. */
static uint64_t carol_names_alices_leg(const char *more)
{
	char tag[64];

	carol_replaces("call-up@10.0.1.2", tag_of(call.ok_a, "To", tag, sizeof(tag)), "alice-tag",
		       more);
	return world_ask_id(w);
}

static void expect_mapped(const char *invite, bool early_only)
{
	char expected[512], id[128], tag[64];

	snprintf(expected, sizeof(expected), "Replaces: %s;to-tag=bob-tag;from-tag=%s%s\r\n",
		 world_header(call.invite_b, "Call-ID", id, sizeof(id)),
		 tag_of(call.invite_b, "From", tag, sizeof(tag)), early_only ? ";early-only" : "");
	cr_expect(world_has(invite, expected), "no %s in\n%s", expected, invite);
	cr_expect(!world_has(invite, "alice-tag"));
	cr_expect(!world_has(invite, "call-up@"));
}

static void hang_up(void)
{
	world_request(w, A, "BYE", 2, "bye", call.ok_a, "alice-tag", NULL, NULL);
	world_answer(w, B, world_out(w, B, 0), 200, NULL, NULL, NULL);
}

Test(engine_replaces, owner_answers_before_the_verdict)
{
	struct world_owner_msg question;
	uint64_t id;

	world_call_up(w, &call);
	id = carol_names_alices_leg("");
	question = asked_elsewhere();
	world_owner(w, question.bytes, question.len);
	/* Carol's worker is this one: the answer needs no way. */
	cr_expect_eq(w->nowner, 0);
	world_verdict(w, id, 0, 1);
	expect_mapped(world_out(w, B, 0), false);
	world_answer(w, B, world_out(w, B, 0), 486, "x", NULL, NULL);
	/* Asked twice, answered twice: the second changes nothing. */
	world_owner(w, question.bytes, question.len);
	cr_expect_eq(w->nsent, 0);
	hang_up();
	world_end(w);
}

Test(engine_replaces, verdict_before_the_owner_answers)
{
	struct world_owner_msg question;
	uint64_t id;

	world_call_up(w, &call);
	id = carol_names_alices_leg("");
	question = asked_elsewhere();
	world_verdict(w, id, 0, 1);
	cr_expect_eq(w->nsent, 0);
	/* A second verdict is nobody's. */
	world_verdict(w, id, 0, 1);
	cr_expect_eq(w->nsent, 0);
	world_owner(w, question.bytes, question.len);
	expect_mapped(world_out(w, B, 0), false);
	world_answer(w, B, world_out(w, B, 0), 481, "x", NULL, NULL);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	hang_up();
	world_end(w);
}

Test(engine_replaces, another_trunk_of_the_realm_is_told_nothing)
{
	struct world_owner_msg question;
	uint64_t id;

	w->side_b.trunk = 7;
	world_call_up(w, &call);
	id = carol_names_alices_leg("");
	question = asked_elsewhere();
	world_owner(w, question.bytes, question.len);
	w->side_b.trunk = 8;
	world_verdict(w, id, 0, 1);
	cr_expect_eq(world_out_count(w, B), 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	hang_up();
	world_end(w);
}

Test(engine_replaces, question_that_is_lost_is_asked_again)
{
	struct world_owner_msg question;
	uint64_t id;

	world_call_up(w, &call);
	id = carol_names_alices_leg("");
	world_verdict(w, id, 0, 1);
	world_sleep(w, 600);
	cr_expect(world_find(w, IPC_ASK) == NULL);
	question = asked_elsewhere();
	world_owner(w, question.bytes, question.len);
	expect_mapped(world_out(w, B, 0), false);
	world_answer(w, B, world_out(w, B, 0), 486, "x", NULL, NULL);
	hang_up();
	world_end(w);
}

Test(engine_replaces, owner_that_never_answers)
{
	uint64_t id;

	world_call_up(w, &call);
	id = carol_names_alices_leg("");
	world_verdict(w, id, 0, 1);
	for (int i = 0; i < 7; i++) {
		world_sleep(w, 500);
		cr_expect_eq(world_out_count(w, B), 0);
	}
	world_sleep(w, 1000);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 503 "));
	hang_up();
	world_end(w);
}

Test(engine_replaces, dialog_of_this_worker_without_a_message)
{
	char id[128], tag[64];
	uint64_t ask;

	/* Leg B's own Call-ID brings its messages to this worker: but carol is on another network,
	 * where nobody was told of that leg. */
	world_call_up(w, &call);
	carol_replaces(world_header(call.invite_b, "Call-ID", id, sizeof(id)),
		       tag_of(call.invite_b, "From", tag, sizeof(tag)), "bob-tag", "");
	cr_expect_eq(w->nowner, 0);
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 481 "));
	ask = world_ask_id(w);
	cr_expect(world_find(w, IPC_ASK_GONE));
	world_verdict(w, ask, 0, 1);
	cr_expect_eq(w->nsent, 0);
	hang_up();
	world_end(w);
}

Test(engine_replaces, cancelled_while_it_waits)
{
	struct world_owner_msg question;
	uint64_t id;

	world_call_up(w, &call);
	id = carol_names_alices_leg("");
	question = asked_elsewhere();
	world_in(w, A,
		 "CANCEL sip:bob@10.0.1.1 SIP/2.0\nVia: SIP/2.0/UDP "
		 "10.0.1.2:5060;branch=z9hG4bKcarol\nMax-Forwards: 70\nFrom: "
		 "<sip:carol@10.0.1.2>;tag=carol-tag\nTo: <sip:bob@10.0.1.1>\nCall-ID: "
		 "carol\nCSeq: 1 "
		 "CANCEL\n",
		 NULL);
	cr_expect(world_has(world_out(w, A, 1), "SIP/2.0 487 "));
	world_owner(w, question.bytes, question.len);
	world_verdict(w, id, 0, 1);
	cr_expect_eq(w->nsent, 0);
	hang_up();
	world_end(w);
}

static void expect_not_replaced(const char *call_id, const char *to_tag, const char *from_tag,
				const char *more, const char *status)
{
	unsigned at = 1;

	carol_replaces(call_id, to_tag, from_tag, more);
	if (w->nowner) {
		struct world_owner_msg question = w->owner[0];

		world_owner(w, question.bytes, question.len);
		at = 0;
	}
	cr_expect(world_has(world_out(w, A, at), status), "%s for %s;%s;%s%s", status, call_id,
		  to_tag, from_tag, more);
	/* The same transaction is not to be taken for a repetition. */
	world_sleep(w, 40000);
}

Test(engine_replaces, dialogs_that_are_none)
{
	char tag[64];

	world_call_up(w, &call);
	tag_of(call.ok_a, "To", tag, sizeof(tag));
	engine_link(w->engine, w->now_ns, false); /* no verdict interferes */
	expect_not_replaced("call-up@10.0.1.2", tag, "alice-tag", ";early-only", "SIP/2.0 486 ");
	/* The 30 s of silence that end a call are over. */
	expect_not_replaced("call-up@10.0.1.2", tag, "alice-tag", "", "SIP/2.0 481 ");
	engine_link(w->engine, w->now_ns, true);
	world_end(w);
}

Test(engine_replaces, names_that_do_not_fit)
{
	char tag[64], forged[64];

	world_call_up(w, &call);
	tag_of(call.ok_a, "To", tag, sizeof(tag));
	strcpy(forged, tag);
	forged[3] = forged[3] == 'a' ? 'b' : 'a';
	carol_replaces("call-up@10.0.1.2", forged, "alice-tag", "");
	world_owner(w, w->owner[0].bytes, w->owner[0].len);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	hang_up();
	world_end(w);
}

Test(engine_replaces, somebody_elses_tag)
{
	char tag[64];

	world_call_up(w, &call);
	carol_replaces("call-up@10.0.1.2", tag_of(call.ok_a, "To", tag, sizeof(tag)), "bob-tag",
		       "");
	world_owner(w, w->owner[0].bytes, w->owner[0].len);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	hang_up();
	world_end(w);
}

/* An early dialog may be replaced only where its user agent began it: limen did not begin leg A. */
Test(engine_replaces, early_dialog_of_the_callers_side)
{
	char tag[64];

	strcpy(call.invite_b, world_invite(w, "up", SDP_A));
	world_answer(w, B, call.invite_b, 180, "bob-tag", NULL, NULL);
	strcpy(call.ok_a, world_out(w, A, 0));
	carol_replaces("call-up@10.0.1.2", tag_of(call.ok_a, "To", tag, sizeof(tag)), "alice-tag",
		       ";early-only");
	world_owner(w, w->owner[0].bytes, w->owner[0].len);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	world_answer(w, B, call.invite_b, 486, "bob-tag", NULL, NULL);
	world_end(w);
}

Test(engine_replaces, bad_requests)
{
	static const char *const lines[] = {
		"Replaces: x\n", "Replaces: x;to-tag=1\n",
		"Replaces: x;to-tag=1;from-tag=2\nReplaces: y;to-tag=1;from-tag=2\n",
		"Replaces: x;to-tag=1;from-tag=2\nJoin: y;to-tag=1;from-tag=2\n"};
	char line[2048] = "Replaces: ";

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		carol("INVITE", lines[i]);
		cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 400 "), "%s", lines[i]);
		cr_expect(world_find(w, IPC_ASK) == NULL);
	}
	carol("MESSAGE", "Replaces: x;to-tag=1;from-tag=2\n");
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 400 "));
	memset(line + strlen(line), 'x', 1200);
	strcat(line, ";to-tag=1;from-tag=2\n");
	carol("INVITE", line);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	world_end(w);
}

static void expect_bad(const void *bytes, size_t len)
{
	struct engine_stats before, after;

	engine_stats(w->engine, &before);
	world_owner(w, bytes, len);
	engine_stats(w->engine, &after);
	cr_expect_eq(after.owner_bad, before.owner_bad + 1);
	cr_expect_eq(w->nsent + w->nreports + w->nowner, 0);
}

Test(engine_replaces, owner_messages_are_checked)
{
	struct world_owner_msg good;
	struct owner_msg head;
	char bytes[2048];

	world_call_up(w, &call);
	carol_names_alices_leg("");
	good = asked_elsewhere();
	for (uint32_t len = 0; len < good.len; len++)
		expect_bad(good.bytes, len);
	memcpy(bytes, good.bytes, good.len);
	bytes[good.len] = 'x';
	expect_bad(bytes, good.len + 1);
	for (size_t i = 0; i < 7; i++) {
		memcpy(bytes, good.bytes, good.len);
		memcpy(&head, bytes, sizeof(head));
		switch (i) {
		case 0:
			head.kind = 0;
			break;
		case 1:
			head.kind = OWNER_MSG_KINDS_END;
			break;
		case 2:
			head.worker = 3;
			break;
		case 3:
			head.status = 481;
			break;
		case 4:
			head.call_id_len++;
			break;
		case 5:
			head.early_only = 2;
			break;
		default:
			bytes[sizeof(head)] = '\n';
			break;
		}
		memcpy(bytes, &head, sizeof(head));
		expect_bad(bytes, good.len);
	}
	/* Answers nobody waits for. */
	memcpy(&head, good.bytes, sizeof(head));
	head.kind = OWNER_FOUND;
	head.call = 12345;
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), good.bytes + sizeof(head), good.len - sizeof(head));
	world_owner(w, bytes, good.len);
	cr_expect_eq(w->nsent + w->nreports + w->nowner, 0);
	world_sleep(w, 5000);
	hang_up();
	world_end(w);
}

/* One worker owns both calls: nothing has to go anywhere. */
Test(engine_replaces, both_calls_of_one_worker)
{
	char tag[64];

	world_end(w);
	w = world_new_worker(1);
	world_call_up(w, &call);
	carol_replaces("call-up@10.0.1.2", tag_of(call.ok_a, "To", tag, sizeof(tag)), "alice-tag",
		       "");
	cr_expect_eq(w->nowner, 0);
	world_verdict(w, world_ask_id(w), 0, 1);
	expect_mapped(world_out(w, B, 0), false);
	world_answer(w, B, world_out(w, B, 0), 486, "x", NULL, NULL);
	hang_up();
	world_end(w);
}

/* The name of a dialog is told nowhere but on its own network. */
Test(engine_replaces, target_on_another_network)
{
	struct world_owner_msg question, answer;
	struct owner_msg head;
	uint64_t id;

	world_call_up(w, &call);
	id = carol_names_alices_leg("");
	question = asked_elsewhere();
	/* What the owner would have answered, had the dialog been on side A's network. */
	memcpy(&head, question.bytes, sizeof(head));
	head.kind = OWNER_FOUND;
	head.realm = 0;
	answer = question;
	memcpy(answer.bytes, &head, sizeof(head));
	world_owner(w, answer.bytes, answer.len);
	world_verdict(w, id, 0, 2);
	cr_expect_eq(world_out_count(w, B), 0);
	cr_expect(world_has(world_out(w, A, 0), "SIP/2.0 481 "));
	hang_up();
	world_end(w);
}
