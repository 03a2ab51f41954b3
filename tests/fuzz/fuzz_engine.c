/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIP engine under any sequence of events: messages of two peers, good and broken; verdicts;
 * time; a control plane that comes and goes. The input is a byte that says how much memory there
 * is, and a list of events, each a byte that says what, and the bytes that it takes. FUZZ_TRACE=1
 * prints the messages. */
#include <stdio.h>
#include <stdlib.h>

#include "../engine_rig.h"
#include "../sip_check.h"
#include "common/sip/edit_plan.h"
#include "engine_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MS_NS	    1000000ull
#define EVENTS_MAX  200u
#define MAX_CALLS   12u
#define IDS	    16u /* more than MAX_CALLS: records that come at once */
#define ACTIONS_MAX 64u /* of one input */
#define MESSAGE_MAX 16u /* of one message: what the engine keeps room for */
#define HANG_TICKS  100000u
#define HOARD_MAX   4096u

struct world {
	struct engine_rig rig;
	uint64_t now_ns;
	struct peer peer[2];
	uint64_t ask[IDS], record[IDS]; /* told last, as the numbers count on */
	unsigned nasks, nrecords;
	char owner[2048]; /* what it said to another worker last */
	size_t owner_len;
	unsigned blocked; /* reports that the ring will not take */
	unsigned nhoarded;
	struct hoarded {
		struct slab *slab;
		uint64_t record;
	} hoarded[HOARD_MAX]; /* records that the engine cannot have */
	bool tainted; /* bytes were changed: what was hidden may stand where policy lets it pass */
	bool in_bad;  /* the message in work does not parse */
	bool trace;
};

static const struct engine_realm realms[2] = {
	{.sip4 = {.addr = {{10, 0, 1, 1}}, .port = 5060, .family = NET_IP4},
	 .sip6 = {.addr = {{0xfd, 0, 0, 1, [15] = 1}}, .port = 5060, .family = NET_IP6},
	 .stream4[NET_TCP] = {.addr = {{10, 0, 1, 1}}, .port = 5060, .family = NET_IP4},
	 .stream6[NET_TCP] = {.addr = {{0xfd, 0, 0, 1, [15] = 1}}, .port = 5060, .family = NET_IP6}},
	{.sip4 = {.addr = {{10, 0, 2, 1}}, .port = 5060, .family = NET_IP4},
	 .sip6 = {.addr = {{0xfd, 0, 0, 2, [15] = 1}}, .port = 5060, .family = NET_IP6},
	 .stream4[NET_TCP] = {.addr = {{10, 0, 2, 1}}, .port = 5060, .family = NET_IP4},
	 .stream6[NET_TCP] = {.addr = {{0xfd, 0, 0, 2, [15] = 1}}, .port = 5060, .family = NET_IP6}},
};
static const struct media_realm media_realms[2] = {
	{.ip4 = {{10, 0, 1, 1}},
	 .ip6 = {{0xfd, 0, 0, 1, [15] = 1}},
	 .has_ip4 = true,
	 .has_ip6 = true,
	 .port_low = 20000,
	 .port_high = 20039},
	{.ip4 = {{10, 0, 2, 1}},
	 .ip6 = {{0xfd, 0, 0, 2, [15] = 1}},
	 .has_ip4 = true,
	 .has_ip6 = true,
	 .port_low = 20000,
	 .port_high = 20039},
};

static struct world world;
static struct sip_msg out_msg;

static void fail(const char *what, struct span text)
{
	fflush(stdout);
	fprintf(stderr, "%s\n%.*s\n", what, SPAN_FMT(text));
	abort();
}

static void trace(const char *what, unsigned side, struct span text)
{
	if (world.trace)
		printf("---- %8.3f %s %c\n%.*s\n", (double)world.now_ns / 1e9, what, 'A' + side,
		       SPAN_FMT(text));
}

static struct net_endpoint peer_at(unsigned side, unsigned bits)
{
	struct net_endpoint at = {.addr = {{10, 0, (uint8_t)(side + 1), 2}}, .family = NET_IP4};

	if (bits & 4)
		at = (struct net_endpoint){.addr = {{0xfd, 0, 0, (uint8_t)(side + 1), [15] = 2}},
					   .family = NET_IP6};
	at.port = bits & 1 ? 5070 : 5060;
	return at;
}

/* ---- what comes out ---- */

/* A mark, but not in limen's own keys, which are random text. */
static bool has_mark(struct span text, const char *mark)
{
	while (text.len) {
		const char *key = memmem(text.ptr, text.len, "inline:", 7), *end;
		size_t plain = key ? (size_t)(key - text.ptr) : text.len;

		if (memmem(text.ptr, plain, mark, strlen(mark)))
			return true;
		if (key == NULL)
			return false;
		text = span_of(key, text.len - plain);
		end = memchr(text.ptr, '\n', text.len);
		if (end == NULL)
			return false;
		text = span_of(end, text.len - (size_t)(end - text.ptr));
	}
	return false;
}

static void check_hidden(unsigned realm, struct span text)
{
	if (memmem(text.ptr, text.len, PEER_KEY, sizeof(PEER_KEY) - 1))
		fail("a message holds a peer's key", text);
	if (world.tainted)
		return;
	for (unsigned i = 0; i < 3; i++)
		if (has_mark(text, peer_marks[!realm][i]))
			fail("a message shows something of the other side", text);
}

static void check_sent(const struct engine_action *action)
{
	struct span text = action->bytes;
	const char *wrong;

	if (action->realm > 1 || action->transport >= NET_TRANSPORTS ||
	    action->dst.family != action->src.family)
		fail("a message that goes nowhere", text);
	trace("to", action->realm, text);
	check_hidden(action->realm, text);
	if (sip_parse(&out_msg, text.ptr, text.len, SIP_DATAGRAM) != SIP_PARSE_OK) {
		/* Who sends what cannot be read is answered with his own words. */
		if (world.in_bad && text.len > 8 && memcmp(text.ptr, "SIP/2.0 ", 8) == 0)
			return;
		fail(out_msg.why ? out_msg.why : "no message", text);
	}
	wrong = sip_check(&out_msg, text.len, SIP_DATAGRAM, SIP_PARSE_OK);
	if (wrong)
		fail(wrong, text);
	if (out_msg.len != text.len || out_msg.first[SIP_HDR_CONTENT_LENGTH] == SIP_HDR_NONE)
		fail("bytes behind the message, or no Content-Length", text);
	if (out_msg.is_request && out_msg.hdrs[out_msg.first[SIP_HDR_VIA]].next != SIP_HDR_NONE)
		fail("a request with a Via that is not limen's", text);
	if (action->transport == NET_UDP && (action->flow || action->token))
		fail("a datagram that names a connection", text);
	if (action->token && world.blocked) {
		world.blocked--;
		engine_send_blocked(world.rig.engine, action);
		return;
	}
	peer_note(&world.peer[action->realm].heard, text);
}

static void check_report(const struct engine_action *action)
{
	_Alignas(8) static char frame[SIP_MSG_BYTES_MAX + 4096];
	uint64_t id;

	if (action->bytes.len > sizeof(frame) || action->bytes.len < sizeof(id))
		fail("a report of a wrong length", SPAN_NONE);
	memcpy(frame, action->bytes.ptr, action->bytes.len);
	if (ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, action->type, frame,
			  (uint32_t)action->bytes.len))
		fail("a report that the control plane would refuse", SPAN_NONE);
	if (world.blocked) {
		world.blocked--;
		engine_report_blocked(world.rig.engine, action);
		return;
	}
	memcpy(&id, frame, sizeof(id));
	if (action->type == IPC_ASK)
		world.ask[world.nasks++ % IDS] = id;
	else if (action->type == IPC_CALL_END)
		world.record[world.nrecords++ % IDS] = id;
}

static void check_owner(const struct engine_action *action)
{
	if (action->worker == 1 || action->worker >= 3 ||
	    action->bytes.len > sizeof(world.owner))
		fail("a message between owners that goes nowhere", SPAN_NONE);
	world.owner_len = action->bytes.len;
	memcpy(world.owner, action->bytes.ptr, action->bytes.len);
}

static unsigned take_actions(unsigned most)
{
	const struct engine_action *actions;
	unsigned n = engine_actions(world.rig.engine, &actions);

	if (n > most)
		fail("more actions than there may be", SPAN_NONE);
	for (unsigned i = 0; i < n; i++) {
		if (actions[i].kind == ACTION_SEND)
			check_sent(&actions[i]);
		else if (actions[i].kind == ACTION_OWNER)
			check_owner(&actions[i]);
		else
			check_report(&actions[i]);
	}
	world.in_bad = false;
	return n;
}

/* ---- what goes in ---- */

static void deliver(unsigned side, unsigned from, struct span text)
{
	struct engine_source source = {.peer = peer_at(side, from),
				       .realm = (uint8_t)side,
				       .transport = from & 2 ? NET_TCP : NET_UDP,
				       .flow = from & 2 ? 1 + from + 8 * side : 0};
	/* Of its own size, so that a byte too many is found. */
	char *copy = malloc(text.len ? text.len : 1);
	enum engine_fate fate;
	unsigned n;

	if (copy == NULL)
		abort();
	memcpy(copy, text.ptr, text.len);
	source.local = from & 4 ? realms[side].sip6 : realms[side].sip4;
	world.in_bad = sip_parse(&out_msg, copy, text.len, SIP_DATAGRAM) == SIP_PARSE_INVALID;
	trace(world.in_bad ? "bad from" : "from", side, text);
	fate = engine_message(world.rig.engine, world.now_ns, &source, span_of(copy, text.len));
	free(copy);
	n = take_actions(MESSAGE_MAX);
	if (fate != FATE_TAKEN && n)
		fail("dropped and answered", text);
}

typedef void maker(const struct peer *peer, struct fuzz_bytes *in, struct cursor *out);

static void say(unsigned what, struct fuzz_bytes *in)
{
	static maker *const makers[] = {peer_put_new, peer_put_response, peer_put_inside,
					peer_put_follow};
	static char text[PEER_OUT_BYTES];
	struct cursor out = cursor_on(text, sizeof(text));
	unsigned side = what >> 4 & 1, from = what >> 5;
	struct peer *peer = &world.peer[side];

	makers[what & 3](peer, in, &out);
	if (out.len == 0)
		return;
	if (what & 4) {
		peer_mutate(in, &out);
		world.tainted = true;
	}
	peer_note(&peer->said, cursor_span(&out));
	deliver(side, from, cursor_span(&out));
}

static void say_again(unsigned what, struct fuzz_bytes *in)
{
	static char text[PEER_OUT_BYTES];
	struct cursor out = cursor_on(text, sizeof(text));

	peer_put_note(&world.peer[what >> 4 & 1].said, in, &out);
	if (out.len)
		deliver(what >> 4 & 1, what >> 5, cursor_span(&out));
}

/* limen's own words back to it, from where it sent them or from the other side. */
static void reflect(unsigned what, struct fuzz_bytes *in)
{
	static char text[PEER_OUT_BYTES];
	struct cursor out = cursor_on(text, sizeof(text));
	unsigned side = what >> 4 & 1, how = fuzz_take(in);

	peer_put_note(&world.peer[how & 1 ? !side : side].heard, in, &out);
	if (out.len == 0)
		return;
	world.tainted = true;
	if (how & 2)
		peer_mutate(in, &out);
	deliver(side, what >> 5, cursor_span(&out));
}

static void raw(unsigned what, struct fuzz_bytes *in)
{
	size_t len = fuzz_take16(in);

	len = len < in->left ? len : in->left;
	world.tainted = true;
	deliver(what >> 4 & 1, what >> 5, span_of(in->at, len));
	in->at += len;
	in->left -= len;
}

static void frame_in(uint16_t type, const void *frame, uint32_t len)
{
	if (ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, type, frame, len))
		return;
	engine_frame(world.rig.engine, world.now_ns, type, frame, len);
	take_actions(type == IPC_CALLS_ASK ? ACTIONS_MAX : MESSAGE_MAX);
}

/* Returns the byte that it takes, for it has bits to spare. */
static unsigned put_plan(struct fuzz_bytes *in, struct cursor *plan)
{
	static const uint8_t safe[] = {
		SIP_HDR_CONTENT_TYPE, SIP_HDR_SUBJECT, SIP_HDR_SUPPORTED,
		SIP_HDR_REQUIRE,      SIP_HDR_ALLOW,   SIP_HDR_RETRY_AFTER};
	static const uint8_t unsafe[] = {SIP_HDR_SERVER, SIP_HDR_P_ASSERTED_IDENTITY,
					 SIP_HDR_ORGANIZATION};
	unsigned bits = fuzz_take(in);
	bool open = bits & 1;

	edit_plan_start(plan, open ? EDIT_PASS : EDIT_DROP, open ? EDIT_PASS : EDIT_DROP);
	for (unsigned d = 0; d < EDIT_DIRECTIONS; d++) {
		for (size_t i = 0; i < sizeof(safe) && bits & 2; i++)
			edit_plan_rule(plan, d, EDIT_PASS, safe[i], SPAN_NONE, SPAN_NONE);
		for (size_t i = 0; i < sizeof(unsafe); i++)
			edit_plan_rule(plan, d, EDIT_DROP, unsafe[i], SPAN_NONE, SPAN_NONE);
		edit_plan_rule(plan, d, EDIT_DROP, SIP_HDR_OTHER, SPAN("X-Secret"), SPAN_NONE);
		edit_plan_rule(plan, d, EDIT_REPLACE, SIP_HDR_USER_AGENT, SPAN_NONE, SPAN("limen"));
		if (bits & 4)
			edit_plan_rule(plan, d, EDIT_SET, SIP_HDR_OTHER, SPAN("X-Border"),
				       SPAN("crossed"));
	}
	if (edit_plan_finish(plan))
		abort();
	return bits;
}

/* Half of the sides as most trunks are; the others in each way. */
static void put_srtp(struct ipc_side_policy *side, unsigned bits)
{
	side->srtp = bits & 1 ? (uint8_t)(bits >> 1) % IPC_SRTPS : IPC_SRTP_ALLOW;
	for (unsigned i = 0; i < SECURE_SUITES_MAX; i++)
		side->srtp_suites[i] = (uint8_t)(1 + (i + 4) % SECURE_SUITES_MAX);
}

static void put_target(struct fuzz_bytes *in, struct cursor *out, uint16_t session_s)
{
	unsigned bits = fuzz_take(in), realm = bits & 1 ? 0 : 1;
	char contact[64];
	struct ipc_target target = {.peer = peer_at(realm, bits >> 1),
				    .realm = (uint8_t)(bits & 16 ? 7 : realm)};
	char ruri[64], from[64], to[64];

	target.side.session_s = session_s;
	target.side.min_se_s = session_s ? 90 : 0;
	put_srtp(&target.side, bits >> 1);
	target.transport = bits & 4 ? NET_TCP : NET_UDP;
	target.side.source_policy = bits & 32 ? IPC_SOURCE_LEARN : IPC_SOURCE_PIN;
	target.side.refer = (uint8_t)((bits >> 5) % IPC_REFERS);
	target.side.redirect = (bits >> 6) % IPC_REDIRECTS;
	if (target.side.redirect == IPC_REDIRECT_PASS)
		world.tainted = true; /* users in Contacts pass */
	snprintf(ruri, sizeof(ruri), "sip:bob@10.0.%u.2", realm + 1);
	snprintf(from, sizeof(from), "\"Al\" <sip:alice@10.0.%u.1>", realm + 1);
	snprintf(to, sizeof(to), "<sip:bob@10.0.%u.2>", realm + 1);
	snprintf(contact, sizeof(contact), "<sip:token@10.0.%u.1:5060>;expires=60", realm + 1);
	ipc_put_target(out, &target, span_str(ruri), span_str(from), span_str(to),
		       bits & 64 ? span_str(contact) : SPAN_NONE);
}

static uint64_t id_pick(const uint64_t ids[IDS], unsigned n, unsigned ago)
{
	return n ? ids[(n - 1 - ago % (n < IDS ? n : IDS)) % IDS] : 0;
}

static void verdict(struct fuzz_bytes *in)
{
	static const uint16_t answers[] = {200, 302, 403, 405, 401, 503, 603, 699};
	static const uint16_t answer_max_s[] = {60, 60, 1, 180}, duration_max_s[] = {0, 600, 1, 30},
			      media_timeout_s[] = {0, 30, 5, 0};
	_Alignas(8) static char frame[16384];
	static char plan_text[EDIT_PLAN_BYTES_MAX];
	struct cursor out = cursor_on(frame, sizeof(frame)),
		      plan = cursor_on(plan_text, sizeof(plan_text));
	unsigned which = fuzz_take(in), times = fuzz_take(in), ntargets = 1 + (which >> 4 & 3),
		 bits;
	struct ipc_verdict head = {.ask_id = id_pick(world.ask, world.nasks, which),
				   .flags = which & 8 ? IPC_TELL_ANSWER : 0,
				   .side.source_policy = times >> 6 & 1};

	if (which & 128)
		head.status = answers[times & 7];
	if (head.status)
		head.flags = which & 16 ? IPC_FORGET : 0;
	head.retry_after_s = which & 64 ? 9 : 0;
	head.ntargets = (uint8_t)(head.status ? 0 : ntargets);
	head.answer_max_s = answer_max_s[times & 3];
	head.duration_max_s = duration_max_s[times >> 2 & 3];
	head.media_timeout_s = media_timeout_s[times >> 4 & 3];
	bits = put_plan(in, &plan);
	head.side.refer = (uint8_t)((bits >> 6) % IPC_REFERS);
	put_srtp(&head.side, bits >> 2);
	head.side.session_s = bits & 8 ? bits & 16 ? 90 : 240 : 0;
	head.side.min_se_s = head.side.session_s ? 100 : 0;
	if (head.side.session_s && head.side.session_s < head.side.min_se_s)
		head.side.session_s = head.side.min_se_s;
	if (head.status)
		ipc_put_reply(&out, &head, SPAN_NONE, times & 128 ? SPAN_NONE : SPAN("context"),
			      which & 32 ? SPAN("Contact: <sip:token@users.invalid>;expires=60\r\n")
					 : SPAN_NONE);
	else
		ipc_put_verdict(&out, &head, SPAN_NONE, cursor_span(&plan),
				times & 128 ? SPAN_NONE : SPAN("context"));
	for (unsigned i = 0; i < head.ntargets; i++)
		put_target(in, &out, head.side.session_s);
	frame_in(IPC_VERDICT, frame, out.len);
}

/* `at_rest`: only answered calls may still be there. */
static void hang_up_all(uint64_t cursor, bool at_rest)
{
	struct ipc_list_ask ask = {.list_id = 3, .max = 100, .cursor = cursor};
	uint64_t calls[ACTIONS_MAX];
	const struct engine_action *actions;
	unsigned n, ncalls = 0;

	engine_frame(world.rig.engine, world.now_ns, IPC_CALLS_ASK, &ask, sizeof(ask));
	n = engine_actions(world.rig.engine, &actions);
	for (unsigned i = 0; i < n; i++) {
		struct ipc_call_row row;

		if (actions[i].type != IPC_CALL_ROW)
			continue;
		memcpy(&row, actions[i].bytes.ptr, sizeof(row));
		if (at_rest && row.state != IPC_CALL_ANSWERED)
			fail("a call that neither is answered nor ends", SPAN_NONE);
		calls[ncalls++] = row.call;
	}
	take_actions(ACTIONS_MAX);
	for (unsigned i = 0; i < ncalls; i++)
		frame_in(IPC_HANGUP, &calls[i], sizeof(calls[i]));
}

/* What was said to another worker comes back as it was: this one owns that call too; or changed, as
 * an answer or as nonsense. */
static void owner_message(struct fuzz_bytes *in)
{
	unsigned changes = fuzz_take(in) & 7;
	char *copy = malloc(world.owner_len ? world.owner_len : 1);
	size_t len = world.owner_len;

	if (copy == NULL)
		abort();
	memcpy(copy, world.owner, len);
	for (unsigned i = 0; i < changes && len; i++) {
		unsigned at = fuzz_take(in);

		if (at == 255)
			len /= 2;
		else
			copy[at % len] = (char)fuzz_take(in);
		world.tainted = true;
	}
	engine_owner_message(world.rig.engine, world.now_ns, span_of(copy, len));
	free(copy);
	take_actions(MESSAGE_MAX);
}

static void some_frame(struct fuzz_bytes *in)
{
	unsigned which = fuzz_take(in);
	struct ipc_call_end_ack ack = {.call = id_pick(world.record, world.nrecords, which)};
	struct ipc_list_ask list = {.list_id = 7, .max = which & 15, .cursor = which >> 4};
	unsigned kind = fuzz_take(in);

	if (kind >= 224) {
		owner_message(in);
		return;
	}
	switch (kind & 3) {
	case 0:
		frame_in(IPC_CALL_END_ACK, &ack, sizeof(ack));
		break;
	case 1:
		frame_in(IPC_CALLS_ASK, &list, sizeof(list));
		break;
	case 2:
		ack.call = id_pick(world.ask, world.nasks, which);
		frame_in(IPC_HANGUP, &ack, sizeof(ack));
		break;
	default:
		hang_up_all(which, false);
		break;
	}
}

static void ack_records(unsigned from)
{
	for (unsigned i = from; i < world.nrecords; i++) {
		struct ipc_call_end_ack ack = {.call = world.record[i % IDS]};

		frame_in(IPC_CALL_END_ACK, &ack, sizeof(ack));
	}
}

/* Timers one by one when they are due, or all of them late. */
static void sleep_ms(uint64_t ms, bool late, bool ack)
{
	uint64_t until = world.now_ns + ms * MS_NS;
	unsigned ticks = 0;

	if (late)
		world.now_ns = until;
	while (engine_next_ns(world.rig.engine) <= until) {
		unsigned records = world.nrecords;
		bool more;

		if (ticks++ > HANG_TICKS)
			fail("timers that never stop", SPAN_NONE);
		if (engine_next_ns(world.rig.engine) > world.now_ns)
			world.now_ns = engine_next_ns(world.rig.engine);
		do {
			more = engine_tick(world.rig.engine, world.now_ns);
			take_actions(ACTIONS_MAX);
		} while (more);
		if (ack)
			ack_records(records);
		if (engine_next_ns(world.rig.engine) <= world.now_ns && world.now_ns < until)
			world.now_ns += MS_NS;
	}
	world.now_ns = until;
}

static void some_time(struct fuzz_bytes *in)
{
	static const uint32_t steps_ms[] = {1,	   100,	  500,	 1000,	2000,  4000,  5000,
					    10000, 31000, 32000, 33000, 60000, 181000};
	unsigned bits = fuzz_take(in);

	sleep_ms(steps_ms[(bits & 15) % 13], bits & 16, bits & 32);
}

static void link_set(bool up)
{
	engine_link(world.rig.engine, world.now_ns, up);
	take_actions(0);
}

static void give_back(void)
{
	while (world.nhoarded) {
		struct hoarded *h = &world.hoarded[--world.nhoarded];

		slab_free(h->slab, h->record);
	}
}

/* Leave the engine a few records of some kind, or give all back. Not of calls: it looks at each of
 * those by itself. */
static void hoard(struct fuzz_bytes *in)
{
	unsigned which = fuzz_take(in), leave = which >> 5 & 3, first = 1 + (which & 15);
	unsigned last = which & 16 ? world.rig.nslabs - 1 : first;

	if (which & 128)
		give_back();
	for (unsigned i = first; i <= last && i < world.rig.nslabs; i++) {
		struct slab *slab = &world.rig.arena.slabs[i];

		while (slab_used(slab) + leave < slab->capacity && world.nhoarded < HOARD_MAX) {
			struct hoarded *h = &world.hoarded[world.nhoarded];

			h->slab = slab;
			if (slab_take(slab, &h->record) == NULL)
				break;
			world.nhoarded++;
		}
	}
}

static void event(struct fuzz_bytes *in)
{
	unsigned what = fuzz_take(in);

	switch (what & 15) {
	case 8:
		say_again(what, in);
		break;
	case 9:
		reflect(what, in);
		break;
	case 10:
		raw(what, in);
		break;
	case 11:
		verdict(in);
		break;
	case 12:
		some_time(in);
		break;
	case 13:
		some_frame(in);
		break;
	case 14:
		link_set(what & 16);
		break;
	case 15:
		if (what & 128)
			hoard(in);
		else
			world.blocked = what >> 4;
		break;
	default:
		say(what, in);
		break;
	}
}

/* Whatever happened: what is not answered ends by itself, four targets that ring for three minutes
 * each at the latest; and once all are told to hang up, ten minutes later nothing may be left. */
static void end(void)
{
	const char *left;
	unsigned records;

	world.blocked = 0;
	give_back();
	link_set(false);
	link_set(true);
	for (unsigned s = 0; s < 1000; s += 20)
		sleep_ms(20000, false, true);
	records = world.nrecords;
	hang_up_all(0, true);
	ack_records(records);
	for (unsigned s = 0; s < 600; s += 20)
		sleep_ms(20000, false, true);
	/* Subscriptions last as long as their peers said, two weeks at the most. */
	for (unsigned day = 0; day < 16 && engine_next_ns(world.rig.engine) != UINT64_MAX; day++)
		sleep_ms(86400000, false, true);
	left = engine_rig_left(&world.rig);
	if (left)
		fail(left, SPAN_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_conf conf = {.nworkers = 3,
				   .worker = 1,
				   .nrealms = 2,
				   .realms = realms,
				   .max_calls = MAX_CALLS,
				   .seed = {1, 2}};
	struct media_conf media = {
		.nworkers = 1, .nrealms = 2, .realms = media_realms, .max_pairs = MAX_CALLS};
	struct fuzz_bytes in = {data, size};
	unsigned sizes = fuzz_take(&in);
	const char *why;

	if (sizes & 1)
		conf.max_calls = 1 + (sizes >> 1 & 3);
	if (sizes & 8)
		media.max_pairs = 1 + (sizes >> 4 & 3);

	world.now_ns = 1000000000;
	world.nasks = world.nrecords = world.blocked = 0;
	world.owner_len = 0;
	world.tainted = world.in_bad = false;
	world.trace = getenv("FUZZ_TRACE") != NULL;
	for (unsigned side = 0; side < 2; side++) {
		world.peer[side].side = side;
		world.peer[side].heard.n = world.peer[side].said.n = 0;
	}
	if (!engine_rig_open(&world.rig, &conf, &media, world.now_ns, &why))
		fail(why, SPAN_NONE);
	link_set(true);
	for (unsigned i = 0; i < EVENTS_MAX && in.left; i++)
		event(&in);
	end();
	engine_rig_close(&world.rig);
	return 0;
}
