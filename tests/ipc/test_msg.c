/* SPDX-License-Identifier: BSD-3-Clause */
/* ipc_msg_check: takes what the writers make, refuses every message that is cut short, of the wrong
 * direction, or out of range; and after it the accessors never leave the frame, whatever bits were
 * flipped. */
#include "common/base/cursor.h"
#include "check.h"
#include "walk_msg.h"

#define FRAME_MAX 4096u

struct sample {
	uint16_t type;
	enum ipc_side sender;
	enum ipc_ring_kind ring;
	uint32_t len;
	_Alignas(8) char frame[FRAME_MAX];
};

static const struct net_endpoint ep4 = {.addr.ip = {10, 0, 0, 1}, .port = 5060, .family = NET_IP4};
static const struct net_endpoint ep6 = {
	.addr.ip = {0xfd, [15] = 1}, .port = 5060, .family = NET_IP6};

/* Checked where nothing lies behind the frame that may be read. */
static int check_at(const struct sample *s, enum ipc_side sender, enum ipc_ring_kind ring,
		    uint16_t type, uint32_t len)
{
	char *exact = malloc(len ? len : 1);
	int err;

	CHECK(exact);
	memcpy(exact, s->frame, len);
	err = ipc_msg_check(sender, ring, type, exact, len);
	CHECK(err == 0 || err == -EPROTO);
	if (err == 0)
		walk_msg(type, exact, len);
	free(exact);
	return err;
}

static int check_sample(const struct sample *s)
{
	return check_at(s, s->sender, s->ring, s->type, s->len);
}

/* A message of a worker's ring. */
static void begin(struct sample *s, uint16_t type, enum ipc_side sender)
{
	*s = (struct sample){.type = type, .sender = sender, .ring = IPC_RING_WORKER};
}

static void put(struct sample *s, const void *bytes, size_t len)
{
	CHECK(s->len + len <= FRAME_MAX);
	memcpy(s->frame + s->len, bytes, len);
	s->len += (uint32_t)len;
}

static struct ipc_verdict *verdict_of(struct sample *s)
{
	return (struct ipc_verdict *)s->frame;
}

static struct span sample_plan(void)
{
	static char bytes[512];
	struct cursor out = cursor_on(bytes, sizeof(bytes));

	edit_plan_start(&out, EDIT_DROP, EDIT_DROP);
	CHECK_EQ(edit_plan_rule(&out, EDIT_TO_B, EDIT_PASS, SIP_HDR_SUBJECT, SPAN_NONE, SPAN_NONE),
		 0);
	CHECK_EQ(edit_plan_rule(&out, EDIT_TO_A, EDIT_SET, SIP_HDR_OTHER, SPAN("X-Seen"),
				SPAN("yes")),
		 0);
	CHECK_EQ(edit_plan_finish(&out), 0);
	return cursor_span(&out);
}

static void make_accept(struct sample *s, unsigned ntargets)
{
	struct ipc_verdict head = {.ask_id = 7, .ntargets = (uint8_t)ntargets, .answer_max_s = 180};
	struct ipc_target target = {.peer = ep4, .realm = 1, .transport = NET_UDP};
	struct cursor out = cursor_on(s->frame, FRAME_MAX);

	begin(s, IPC_VERDICT, IPC_SIDE_CONTROLPLANE);
	ipc_put_verdict(&out, &head, SPAN_NONE, sample_plan(), SPAN("trunk=b"));
	for (unsigned i = 0; i < ntargets; i++) {
		target.peer = i % 2 ? ep6 : ep4;
		target.side.source_policy = IPC_SOURCE_LEARN;
		ipc_put_target(&out, &target, SPAN("sip:bob@10.0.0.1"), SPAN("\"A\" <sip:a@x>"),
			       i % 2 ? SPAN("<sip:bob@y>") : SPAN("<sip:bob@yz>"),
			       i % 2 ? SPAN_NONE : SPAN("<sip:token@z>"));
	}
	CHECK(!out.full);
	s->len = out.len;
}

static void make_refuse(struct sample *s)
{
	struct ipc_verdict head = {.ask_id = 7, .status = 503, .retry_after_s = 5};
	struct cursor out = cursor_on(s->frame, FRAME_MAX);

	begin(s, IPC_VERDICT, IPC_SIDE_CONTROLPLANE);
	ipc_put_verdict(&out, &head, SPAN("Trunk\tfull \xc3\xa9"), SPAN_NONE, SPAN("x"));
	CHECK(!out.full);
	s->len = out.len;
}

static void make_reply(struct sample *s)
{
	struct ipc_verdict head = {.ask_id = 7, .status = 200, .flags = IPC_FORGET};
	struct cursor out = cursor_on(s->frame, FRAME_MAX);

	begin(s, IPC_VERDICT, IPC_SIDE_CONTROLPLANE);
	ipc_put_reply(&out, &head, SPAN_NONE, SPAN("x"),
		      SPAN("Contact: <sip:a@b>;expires=60\r\nDate:\r\nx!y: \t\xc3\xa9\r\n"));
	CHECK(!out.full);
	s->len = out.len;
}

static void make_ask(struct sample *s)
{
	struct ipc_ask ask = {.ask_id = 7,
			      .source = ep4,
			      .local = ep6,
			      .realm = 63,
			      .transport = NET_WSS,
			      .msg_len = 9};

	begin(s, IPC_ASK, IPC_SIDE_DATAPLANE);
	put(s, &ask, sizeof(ask));
	put(s, "INVITE \0\n", 9);
}

static void make_redirect_ask(struct sample *s)
{
	struct ipc_ask ask = {.ask_id = 7,
			      .source = ep4,
			      .local = ep6,
			      .transport = NET_UDP,
			      .kind = IPC_ASK_REDIRECT,
			      .context_len = 7,
			      .contacts_len = 9,
			      .msg_len = 7};

	begin(s, IPC_ASK, IPC_SIDE_DATAPLANE);
	put(s, &ask, sizeof(ask));
	put(s, "INVITE trunk=b<sip:a@b>", 23);
}

static void make_answer(struct sample *s)
{
	struct ipc_answer answer = {.call = 7, .status = 200, .context_len = 7, .msg_len = 7};

	begin(s, IPC_ANSWER, IPC_SIDE_DATAPLANE);
	put(s, &answer, sizeof(answer));
	put(s, "SIP/2.0trunk=b", 14);
}

static void make_probe(struct sample *s)
{
	struct ipc_probe probe = {
		.probe_id = 7, .peer = ep4, .realm = 1, .ruri_len = 7, .from_len = 9, .to_len = 5};

	begin(s, IPC_PROBE, IPC_SIDE_CONTROLPLANE);
	put(s, &probe, sizeof(probe));
	put(s, "sip:a@b<sip:c@d>sip:e", 21);
}

static void make_probe_end(struct sample *s)
{
	struct ipc_probe_end end = {.probe_id = 7, .status = 200, .rtt_us = 300};

	begin(s, IPC_PROBE_END, IPC_SIDE_DATAPLANE);
	put(s, &end, sizeof(end));
}

static void make_settings(struct sample *s)
{
	struct ipc_settings settings = {
		.busy_permille_max = 900, .emergency_len = 7, .retry_after_s = 5};

	begin(s, IPC_SETTINGS, IPC_SIDE_CONTROLPLANE);
	put(s, &settings, sizeof(settings));
	put(s, "112\n110", 7);
}

static void make_sip_in(struct sample *s)
{
	struct ipc_sip_in in = {.flow = 7, .peer = ep4, .local = ep4, .transport = NET_TLS, .msg_len = 7};

	begin(s, IPC_SIP_IN, IPC_SIDE_CONTROLPLANE);
	put(s, &in, sizeof(in));
	put(s, "SIP/2.0", 7);
}

static void make_sip_out(struct sample *s)
{
	struct ipc_sip_out out = {.token = 7, .local = ep4, .peer = ep4, .transport = NET_TCP, .msg_len = 7};

	begin(s, IPC_SIP_OUT, IPC_SIDE_DATAPLANE);
	put(s, &out, sizeof(out));
	put(s, "SIP/2.0", 7);
}

static void make_sip_fail(struct sample *s)
{
	struct ipc_sip_fail fail = {.token = 7, .reason = IPC_FAIL_LOST};

	begin(s, IPC_SIP_FAIL, IPC_SIDE_CONTROLPLANE);
	put(s, &fail, sizeof(fail));
}

static void make_challenge(struct sample *s)
{
	struct ipc_challenge challenge = {
		.id = 7, .answer_len = 7, .method_len = 3, .uri_len = 5, .answered = IPC_ANSWERED_401};

	begin(s, IPC_CHALLENGE, IPC_SIDE_DATAPLANE);
	put(s, &challenge, sizeof(challenge));
	put(s, "BYEsip:xSIP/2.0", 15);
}

#define LINES "Authorization: Digest a=\"b\"\r\nProxy-Authorization: x\r\n"
static void make_credentials(struct sample *s)
{
	struct ipc_credentials credentials = {.id = 7, .headers_len = sizeof(LINES) - 1};

	begin(s, IPC_CREDENTIALS, IPC_SIDE_CONTROLPLANE);
	put(s, &credentials, sizeof(credentials));
	put(s, LINES, sizeof(LINES) - 1);
}

static void make_call_end(struct sample *s)
{
	struct ipc_call_end end = {.call = 1,
				   .peer = {ep4},
				   .status = 200,
				   .ended_by = IPC_BY_LIMEN,
				   .worker = 63,
				   .call_id_len = {5, 3},
				   .context_len = 7};

	begin(s, IPC_CALL_END, IPC_SIDE_DATAPLANE);
	put(s, &end, sizeof(end));
	put(s, "a@b.cxyz{ctx: }", 15);
}

static void make_call_row(struct sample *s)
{
	struct ipc_call_row row = {.call = 1,
				   .peer = {ep4, ep6},
				   .state = IPC_CALL_ENDING,
				   .call_id_len = {5, 3},
				   .context_len = 7};

	begin(s, IPC_CALL_ROW, IPC_SIDE_DATAPLANE);
	put(s, &row, sizeof(row));
	put(s, "a@b.cxyz{ctx: }", 15);
}

static void make_stat_row(struct sample *s)
{
	struct ipc_stat_row row = {.list_id = 1, .group_len = 4, .object_len = 3, .name_len = 2};

	*s = (struct sample){
		.type = IPC_STAT_ROW, .sender = IPC_SIDE_DATAPLANE, .ring = IPC_RING_MAIN};
	put(s, &row, sizeof(row));
	put(s, "portwanrx", 9);
}

static void make_notice(struct sample *s)
{
	struct ipc_notice notice = {.level = IPC_NOTICE_ERROR, .text_len = 5};

	begin(s, IPC_NOTICE, IPC_SIDE_DATAPLANE);
	put(s, &notice, sizeof(notice));
	put(s, "hello", 5);
}

static void make_screen(struct sample *s)
{
	struct ipc_screen screen = {.classes = {{10, 2}, {0, 0}, {0, 0}},
				    .burst_ms = 1000,
				    .window_s = 60,
				    .agents_len = 9,
				    .learn = IPC_LEARN_KNOWN};

	begin(s, IPC_SCREEN, IPC_SIDE_CONTROLPLANE);
	put(s, &screen, sizeof(screen));
	put(s, "scan\nner ", 9);
}

static void make_trunks(struct sample *s)
{
	struct ipc_trunks head = {.count = 2};
	struct ipc_trunk trunk = {.id = 1, .limits.burst_ms = 1, .name = "carrier"};

	*s = (struct sample){.type = IPC_SCREEN_TRUNKS,
			     .sender = IPC_SIDE_CONTROLPLANE,
			     .ring = IPC_RING_WORKER};
	put(s, &head, sizeof(head));
	put(s, &trunk, sizeof(trunk));
	put(s, &trunk, sizeof(trunk));
}

static const struct ipc_source source4 = {.addr.ip = {10, 0, 0, 0},
					  .family = NET_IP4,
					  .bits = 12,
					  .realm = IPC_REALM_ANY,
					  .class = IPC_CLASS_BLOCKED};
static const struct ipc_source source6 = {.addr.ip = {0xfd, 1}, .family = NET_IP6, .bits = 16};

static void make_sources(struct sample *s)
{
	struct ipc_sources head = {.count = 2};

	*s = (struct sample){.type = IPC_SCREEN_SOURCES,
			     .sender = IPC_SIDE_CONTROLPLANE,
			     .ring = IPC_RING_WORKER};
	put(s, &head, sizeof(head));
	put(s, &source4, sizeof(source4));
	put(s, &source6, sizeof(source6));
}

static void make_source_set(struct sample *s)
{
	struct ipc_source_set set = {.source = source4, .seconds = 5};

	begin(s, IPC_SOURCE_SET, IPC_SIDE_CONTROLPLANE);
	put(s, &set, sizeof(set));
}

static void make_source_row(struct sample *s)
{
	struct ipc_source_row row = {.list_id = 1, .seconds = 5, .source = source6};

	begin(s, IPC_SOURCE_ROW, IPC_SIDE_DATAPLANE);
	put(s, &row, sizeof(row));
}

static void make_suspect(struct sample *s)
{
	struct ipc_suspect suspect = {.source = ep4, .deed = IPC_DEED_AGENT, .proven = 1};

	begin(s, IPC_SUSPECT, IPC_SIDE_DATAPLANE);
	put(s, &suspect, sizeof(suspect));
}

static void make_accept_one(struct sample *s)
{
	make_accept(s, 1);
}

static void make_accept_most(struct sample *s)
{
	make_accept(s, IPC_TARGETS_MAX);
}

typedef void maker(struct sample *s);
static maker *const makers[] = {make_accept_one, make_accept_most, make_refuse,   make_reply,
				make_ask,
				make_call_end,   make_call_row,    make_stat_row, make_notice,
				make_redirect_ask, make_answer, make_probe, make_probe_end,
				make_settings,	   make_sip_in, make_sip_out, make_sip_fail,
				make_challenge, make_credentials,
				make_screen, make_trunks, make_sources,
				make_source_set,   make_source_row, make_suspect};
#define MAKERS (sizeof(makers) / sizeof(makers[0]))

/* Messages of numbers alone. */
static const struct sample fixed[] = {
	{IPC_ASK_GONE, IPC_SIDE_DATAPLANE, IPC_RING_WORKER, 8},
	{IPC_CALL_END_ACK, IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, 8},
	{IPC_HANGUP, IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, 8},
	{IPC_CALLS_ASK, IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, 16},
	{IPC_SCREEN_END, IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, 4},
	{IPC_SOURCES_ASK, IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, 16},
	{IPC_LIST_END, IPC_SIDE_DATAPLANE, IPC_RING_WORKER, 16},
	{IPC_STATS_ASK, IPC_SIDE_CONTROLPLANE, IPC_RING_MAIN, 16},
	{IPC_STATS_END, IPC_SIDE_DATAPLANE, IPC_RING_MAIN, 16},
};
#define SAMPLES (MAKERS + sizeof(fixed) / sizeof(fixed[0]))

static void make(struct sample *s, size_t i)
{
	if (i < MAKERS)
		makers[i](s);
	else
		*s = fixed[i - MAKERS];
}

static void test_good(void)
{
	struct sample s;
	unsigned types = 0;

	for (unsigned i = 0; i < SAMPLES; i++) {
		make(&s, i);
		CHECK_EQ(check_sample(&s), 0);
		types |= 1u << s.type;
	}
	/* Every message of the language has a sample. */
#define X(sym, number, type, sender, ring) CHECK(types & 1u << (number));
	IPC_MSGS(X)
#undef X
}

/* Types have the numbers from 1 on, without a gap. */
#define X(sym, number, type, sender, ring) +1
enum { TYPES = 0 IPC_MSGS(X) };
#undef X

static void test_wrong_way(void)
{
	struct sample s;

	for (unsigned i = 0; i < SAMPLES; i++) {
		make(&s, i);
		for (unsigned sender = 0; sender < 2; sender++)
			for (unsigned ring = 0; ring < 2; ring++)
				CHECK_EQ(check_at(&s, sender, ring, s.type, s.len),
					 sender == s.sender && ring == s.ring ? 0 : -EPROTO);
		/* As a message of no type. */
		for (unsigned type = TYPES + 1; type <= UINT16_MAX; type++)
			CHECK_EQ(check_at(&s, s.sender, s.ring, (uint16_t)type, s.len), -EPROTO);
		CHECK_EQ(check_at(&s, s.sender, s.ring, IPC_NONE, s.len), -EPROTO);
	}
}

static void test_every_length(void)
{
	struct sample s;

	for (unsigned i = 0; i < SAMPLES; i++) {
		make(&s, i);
		for (uint32_t len = 0; len < s.len + 64 && len <= FRAME_MAX; len++)
			CHECK_EQ(check_at(&s, s.sender, s.ring, s.type, len),
				 len == s.len ? 0 : -EPROTO);
	}
}

/* Every single bit, then many at once: refused, or safe to look at (check_at looks). */
static void test_flips(void)
{
	struct rng rng = {3};
	struct sample s;

	for (unsigned i = 0; i < SAMPLES; i++) {
		make(&s, i);
		for (uint32_t bit = 0; bit < 8 * s.len; bit++) {
			s.frame[bit / 8] ^= (char)(1 << bit % 8);
			check_sample(&s);
			s.frame[bit / 8] ^= (char)(1 << bit % 8);
		}
	}
	for (unsigned round = 0; round < 200000; round++) {
		make(&s, rng_next(&rng) % SAMPLES);
		for (uint64_t n = rng_next(&rng) % 8; n; n--)
			s.frame[rng_next(&rng) % (rng_next(&rng) % 2 ? s.len : 64)] =
				(char)rng_next(&rng);
		check_at(&s, s.sender, s.ring, s.type,
			 rng_next(&rng) % 2 ? s.len : (uint32_t)(rng_next(&rng) % (s.len + 8)));
	}
}

static void test_parts(void)
{
	struct ipc_target_view target;
	struct sample s;
	uint32_t at = 0;

	make_accept(&s, 2);
	CHECK(span_eq(ipc_verdict_plan(verdict_of(&s)), sample_plan()));
	CHECK((uintptr_t)ipc_verdict_plan(verdict_of(&s)).ptr % 4 == 0);
	CHECK(span_eq(ipc_verdict_context(verdict_of(&s)), SPAN("trunk=b")));
	CHECK(ipc_verdict_next_target(verdict_of(&s), &at, &target));
	CHECK(net_endpoint_eq(&target.head->peer, &ep4) &&
	      span_eq(target.to, SPAN("<sip:bob@yz>")));
	CHECK(ipc_verdict_next_target(verdict_of(&s), &at, &target));
	CHECK(net_endpoint_eq(&target.head->peer, &ep6) && span_eq(target.to, SPAN("<sip:bob@y>")));
	CHECK(span_eq(target.ruri, SPAN("sip:bob@10.0.0.1")) &&
	      span_eq(target.from, SPAN("\"A\" <sip:a@x>")));
	CHECK(!ipc_verdict_next_target(verdict_of(&s), &at, &target));
	CHECK(!ipc_verdict_next_target(verdict_of(&s), &at, &target));

	make_refuse(&s);
	CHECK(span_eq(ipc_verdict_reason(verdict_of(&s)), SPAN("Trunk\tfull \xc3\xa9")));
	make_reply(&s);
	CHECK(ipc_verdict_headers(verdict_of(&s)).len == 48);
	CHECK(memcmp(ipc_verdict_headers(verdict_of(&s)).ptr, "Contact: <", 10) == 0);
	make_ask(&s);
	CHECK(span_eq(ipc_ask_msg((void *)s.frame), SPAN("INVITE \0\n")));
	make_call_end(&s);
	CHECK(span_eq(ipc_call_end_call_id((void *)s.frame, 0), SPAN("a@b.c")));
	CHECK(span_eq(ipc_call_end_call_id((void *)s.frame, 1), SPAN("xyz")));
	CHECK(span_eq(ipc_call_end_context((void *)s.frame), SPAN("{ctx: }")));
	make_call_row(&s);
	CHECK(span_eq(ipc_call_row_call_id((void *)s.frame, 0), SPAN("a@b.c")));
	CHECK(span_eq(ipc_call_row_call_id((void *)s.frame, 1), SPAN("xyz")));
	CHECK(span_eq(ipc_call_row_context((void *)s.frame), SPAN("{ctx: }")));
	make_stat_row(&s);
	CHECK(span_eq(ipc_stat_group((void *)s.frame), SPAN("port")));
	CHECK(span_eq(ipc_stat_object((void *)s.frame), SPAN("wan")));
	CHECK(span_eq(ipc_stat_name((void *)s.frame), SPAN("rx")));
	make_notice(&s);
	CHECK(span_eq(ipc_notice_text((void *)s.frame), SPAN("hello")));
	make_redirect_ask(&s);
	CHECK(span_eq(ipc_ask_msg((void *)s.frame), SPAN("INVITE ")));
	CHECK(span_eq(ipc_ask_context((void *)s.frame), SPAN("trunk=b")));
	CHECK(span_eq(ipc_ask_contacts((void *)s.frame), SPAN("<sip:a@b>")));
	make_answer(&s);
	CHECK(span_eq(ipc_answer_msg((void *)s.frame), SPAN("SIP/2.0")));
	CHECK(span_eq(ipc_answer_context((void *)s.frame), SPAN("trunk=b")));
	make_probe(&s);
	CHECK(span_eq(ipc_probe_ruri((void *)s.frame), SPAN("sip:a@b")));
	CHECK(span_eq(ipc_probe_from((void *)s.frame), SPAN("<sip:c@d>")));
	CHECK(span_eq(ipc_probe_to((void *)s.frame), SPAN("sip:e")));
	make_settings(&s);
	CHECK(span_eq(ipc_settings_emergency((void *)s.frame), SPAN("112\n110")));
}

/* Set one field of a good sample to a bad value: refused. */
#define BAD(maker, type, field, value)                                                             \
	do {                                                                                       \
		maker;                                                                             \
		CHECK_EQ(check_sample(&s), 0);                                                     \
		((struct type *)s.frame)->field = (value);                                         \
		CHECK_EQ(check_sample(&s), -EPROTO);                                               \
	} while (0)

static void test_ranges(void)
{
	struct sample s;

	BAD(make_ask(&s), ipc_ask, realm, IPC_REALMS_MAX);
	BAD(make_ask(&s), ipc_ask, transport, NET_TRANSPORTS);
	BAD(make_ask(&s), ipc_ask, source.family, NET_NONE);
	BAD(make_ask(&s), ipc_ask, source.family, 5);
	BAD(make_ask(&s), ipc_ask, source.pad, 1);
	BAD(make_ask(&s), ipc_ask, source.addr.ip[4], 1);
	BAD(make_ask(&s), ipc_ask, local.family, 255);
	BAD(make_ask(&s), ipc_ask, msg_len, UINT32_MAX);
	BAD(make_accept(&s, 1), ipc_verdict, status, 299);
	BAD(make_accept(&s, 1), ipc_verdict, status, 700);
	BAD(make_accept(&s, 1), ipc_verdict, status, 503);
	BAD(make_accept(&s, 1), ipc_verdict, ntargets, 0);
	BAD(make_accept(&s, 1), ipc_verdict, ntargets, 2);
	BAD(make_accept(&s, 1), ipc_verdict, side.source_policy, IPC_SOURCES);
	BAD(make_accept(&s, 1), ipc_verdict, context_len, IPC_CONTEXT_MAX + 1);
	BAD(make_accept(&s, 1), ipc_verdict, plan_len, 0);
	BAD(make_refuse(&s), ipc_verdict, ntargets, 1);
	BAD(make_refuse(&s), ipc_verdict, status, 199);
	BAD(make_refuse(&s), ipc_verdict, flags, IPC_TELL_ANSWER);
	BAD(make_accept(&s, 1), ipc_verdict, flags, IPC_FORGET);
	BAD(make_reply(&s), ipc_verdict, status, 700);
	BAD(make_reply(&s), ipc_verdict, headers_len, 4);
	BAD(make_reply(&s), ipc_verdict, headers_len, IPC_HEADERS_MAX + 1);
	BAD(make_refuse(&s), ipc_verdict, status, 0);
	BAD(make_call_end(&s), ipc_call_end, ended_by, IPC_ENDED_BYS);
	BAD(make_call_end(&s), ipc_call_end, status, 700);
	BAD(make_call_end(&s), ipc_call_end, worker, IPC_WORKERS_MAX);
	BAD(make_call_end(&s), ipc_call_end, realm[1], IPC_REALMS_MAX);
	BAD(make_call_end(&s), ipc_call_end, peer[0].family, NET_NONE);
	BAD(make_call_end(&s), ipc_call_end, peer[1].family, 7);
	BAD(make_call_end(&s), ipc_call_end, media[1].source.family, 7);
	BAD(make_call_row(&s), ipc_call_row, state, IPC_CALL_STATES);
	BAD(make_call_row(&s), ipc_call_row, worker, IPC_WORKERS_MAX);
	BAD(make_stat_row(&s), ipc_stat_row, group_len, 0);
	BAD(make_stat_row(&s), ipc_stat_row, name_len, 255);
	BAD(make_ask(&s), ipc_ask, kind, IPC_ASK_KINDS);
	BAD(make_ask(&s), ipc_ask, kind, IPC_ASK_REDIRECT);
	BAD(make_redirect_ask(&s), ipc_ask, kind, IPC_ASK_NEW);
	BAD(make_redirect_ask(&s), ipc_ask, contacts_len, 8);
	BAD(make_accept(&s, 1), ipc_verdict, side.redirect, IPC_REDIRECTS);
	BAD(make_accept(&s, 1), ipc_verdict, side.refer, IPC_REFERS);
	BAD(make_accept(&s, 1), ipc_verdict, side.flags, 0x80);
	BAD(make_accept(&s, 1), ipc_verdict, side.srtp, IPC_SRTPS);
	BAD(make_accept(&s, 1), ipc_verdict, side.srtp, IPC_SRTP_REQUIRE); /* without a suite */
	BAD(make_accept(&s, 1), ipc_verdict, side.srtp_suites[0], SECURE_SUITES);
	BAD(make_accept(&s, 1), ipc_verdict, side.srtp_suites[1], SECURE_AEAD_AES_128_GCM);
	BAD(make_call_end(&s), ipc_call_end, media[0].srtp_suite, SECURE_SUITES);
	BAD(make_call_row(&s), ipc_call_row, media[1].srtp_suite, 255);
	BAD(make_accept(&s, 1), ipc_verdict, side.session_s, 80);
	BAD(make_accept(&s, 1), ipc_verdict, flags, 0x80);
	BAD(make_answer(&s), ipc_answer, status, 100);
	BAD(make_answer(&s), ipc_answer, msg_len, UINT32_MAX);
	BAD(make_probe(&s), ipc_probe, realm, IPC_REALMS_MAX);
	BAD(make_probe(&s), ipc_probe, peer.port, 0);
	BAD(make_probe(&s), ipc_probe, to_len, 0);
	BAD(make_probe(&s), ipc_probe, kind, IPC_PROBE_KINDS);
	BAD(make_probe(&s), ipc_probe, kind, IPC_PROBE_REGISTER);
	BAD(make_probe(&s), ipc_probe, cseq, 1);
	BAD(make_probe(&s), ipc_probe, headers_len, 1);
	BAD(make_probe_end(&s), ipc_probe_end, msg_len, 1);
	BAD(make_probe_end(&s), ipc_probe_end, status, 0);
	BAD(make_settings(&s), ipc_settings, busy_permille_max, 0);
	BAD(make_sip_in(&s), ipc_sip_in, flow, 0);
	BAD(make_sip_in(&s), ipc_sip_in, transport, NET_UDP);
	BAD(make_sip_in(&s), ipc_sip_in, peer.port, 0);
	BAD(make_sip_in(&s), ipc_sip_in, local.family, NET_IP6);
	BAD(make_sip_in(&s), ipc_sip_in, msg_len, 6);
	BAD(make_sip_out(&s), ipc_sip_out, transport, NET_TRANSPORTS);
	BAD(make_sip_out(&s), ipc_sip_out, realm, IPC_REALMS_MAX);
	BAD(make_sip_out(&s), ipc_sip_out, msg_len, 8);
	BAD(make_sip_fail(&s), ipc_sip_fail, token, 0);
	BAD(make_sip_fail(&s), ipc_sip_fail, reason, IPC_FAILS);
	BAD(make_challenge(&s), ipc_challenge, answer_len, 0);
	BAD(make_challenge(&s), ipc_challenge, answer_len, UINT32_MAX);
	BAD(make_challenge(&s), ipc_challenge, method_len, 0);
	BAD(make_challenge(&s), ipc_challenge, uri_len, 6);
	BAD(make_challenge(&s), ipc_challenge, answered, 4);
	BAD(make_credentials(&s), ipc_credentials, headers_len, sizeof(LINES) - 2);
	BAD(make_settings(&s), ipc_settings, busy_permille_max, 1001);
	BAD(make_screen(&s), ipc_screen, burst_ms, 0);
	BAD(make_screen(&s), ipc_screen, window_s, 0);
	BAD(make_screen(&s), ipc_screen, learn, IPC_LEARNS);
	BAD(make_screen(&s), ipc_screen, emergency_unknown, 2);
	BAD(make_screen(&s), ipc_screen, nsources, IPC_SOURCES_TABLE_MAX + 1);
	BAD(make_screen(&s), ipc_screen, ntrunks, IPC_TRUNKS_TABLE_MAX + 1);
	BAD(make_screen(&s), ipc_screen, unknown_pkts_per_s, IPC_RATE_MAX + 1);
	BAD(make_screen(&s), ipc_screen, agents_len, 8);
	BAD(make_trunks(&s), ipc_trunks, count, 0);
	BAD(make_trunks(&s), ipc_trunks, count, 3);
	BAD(make_trunks(&s), ipc_trunks, count, IPC_TRUNKS_AT_ONCE + 1);
	BAD(make_sources(&s), ipc_sources, count, 0);
	BAD(make_sources(&s), ipc_sources, count, UINT32_MAX);
	BAD(make_source_set(&s), ipc_source_set, seconds, 0);
	BAD(make_source_set(&s), ipc_source_set, seconds, IPC_SOURCE_SECONDS_MAX + 1);
	BAD(make_source_set(&s), ipc_source_set, source.bits, 33);
	BAD(make_source_set(&s), ipc_source_set, source.bits, 4);
	BAD(make_source_set(&s), ipc_source_set, source.family, 5);
	BAD(make_source_set(&s), ipc_source_set, source.realm, IPC_REALMS_MAX);
	BAD(make_source_set(&s), ipc_source_set, source.class, IPC_CLASS_TRUSTED);
	BAD(make_source_set(&s), ipc_source_set, source.trunk, 1);
	BAD(make_suspect(&s), ipc_suspect, deed, IPC_DEEDS);
	BAD(make_suspect(&s), ipc_suspect, realm, IPC_REALMS_MAX);
	BAD(make_suspect(&s), ipc_suspect, class, IPC_CLASSES);
	BAD(make_suspect(&s), ipc_suspect, source.family, NET_NONE);
	BAD(make_notice(&s), ipc_notice, level, IPC_NOTICE_LEVELS);
}

/* Put a byte where some text begins: refused. */
static void bad_byte(struct sample *s, struct span text, size_t at, char byte)
{
	char *where = s->frame + (text.ptr - s->frame) + at;
	char old = *where;

	CHECK(text.len > at);
	CHECK_EQ(check_sample(s), 0);
	*where = byte;
	CHECK_EQ(check_sample(s), -EPROTO);
	*where = old;
}

static void test_text(void)
{
	static const char never[] = {'\r', '\n', '\0', '\033', '\177'};
	struct ipc_target_view target;
	struct sample s;

	for (size_t i = 0; i < sizeof(never); i++) {
		uint32_t at = 0;

		make_accept(&s, 1);
		CHECK(ipc_verdict_next_target(verdict_of(&s), &at, &target));
		bad_byte(&s, target.ruri, target.ruri.len - 1, never[i]);
		bad_byte(&s, target.from, 0, never[i]);
		bad_byte(&s, target.to, target.to.len - 1, never[i]);
		bad_byte(&s, target.ruri, 3, ' ');
		bad_byte(&s, target.ruri, 3, '\t');
		bad_byte(&s, ipc_verdict_context(verdict_of(&s)), 0, never[i]);
		bad_byte(&s, ipc_verdict_context(verdict_of(&s)), 0, '\t');
		make_refuse(&s);
		bad_byte(&s, ipc_verdict_reason(verdict_of(&s)), 2, never[i]);
		make_call_end(&s);
		bad_byte(&s, ipc_call_end_call_id((void *)s.frame, 0), 0, never[i]);
		bad_byte(&s, ipc_call_end_call_id((void *)s.frame, 1), 2, never[i]);
		bad_byte(&s, ipc_call_end_context((void *)s.frame), 6, never[i]);
		make_call_row(&s);
		bad_byte(&s, ipc_call_row_call_id((void *)s.frame, 1), 0, never[i]);
		make_stat_row(&s);
		bad_byte(&s, ipc_stat_object((void *)s.frame), 0, never[i]);
		make_notice(&s);
		bad_byte(&s, ipc_notice_text((void *)s.frame), 4, never[i]);
		bad_byte(&s, ipc_notice_text((void *)s.frame), 4, '\200');
	}
}

/* Header lines of an answer are whole lines of allowed headers, and nothing else. */
static void test_header_lines(void)
{
	static const char *const bad[] = {
		"Contact: <sip:a@b>",           "Contact: <sip:a@b>\n",
		"Contact: <sip:a@b>\r",         "Contact <sip:a@b>\r\n",
		"\r\n",                         "Date: x\r\n\r\n",
		"Date: x\r\n folded\r\n",      "Date: x\r\nFrom: <sip:a@b>\r\n",
		": x\r\n",                      "Da te: x\r\n",
		"Content-Length: 0\r\n",        "content-length: 0\r\n",
		"l: 0\r\n",                     "Via: SIP/2.0/UDP a\r\n",
		"v: SIP/2.0/UDP a\r\n",         "CSeq: 1 INVITE\r\n",
		"Call-ID: x\r\n",               "Record-Route: <sip:a>\r\n",
		"Date: x\ry\r\n",               "Date: x\ny\r\n",
		"Date: \033[2J\r\n",            "Date : x\r\n",
	};
	struct ipc_verdict head = {.ask_id = 7, .status = 401};
	struct sample s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct cursor out = cursor_on(s.frame, FRAME_MAX);

		ipc_put_reply(&out, &head, SPAN_NONE, SPAN_NONE, span_str(bad[i]));
		CHECK_EQ(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT, s.frame,
				       out.len),
			 -EPROTO);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct cursor out = cursor_on(s.frame, FRAME_MAX);

		head = (struct ipc_verdict){.ask_id = 7, .ntargets = 1, .register_max_s = 60};
		ipc_put_acceptance(&out, &head, sample_plan(), SPAN("x"),
				   i ? SPAN("Contact: <sip:a@b>\r\n") : SPAN("Contact: <sip:a@b>"));
		ipc_put_target(&out, &(struct ipc_target){.peer = ep4}, SPAN("sip:a@b"),
			       SPAN("<sip:a@b>"), SPAN("<sip:a@b>"), SPAN_NONE);
		CHECK_EQ(ipc_msg_check(IPC_SIDE_CONTROLPLANE, IPC_RING_WORKER, IPC_VERDICT, s.frame,
				       out.len),
			 i ? 0 : -EPROTO);
	}
	make_reply(&s);
	bad_byte(&s, ipc_verdict_headers(verdict_of(&s)), 9, '\0');
	bad_byte(&s, ipc_verdict_headers(verdict_of(&s)), 7, ' ');
}

/* The plan of a verdict is checked as a plan. */
static void test_plan(void)
{
	struct sample s;

	make_accept(&s, 1);
	for (uint32_t i = 0; i < sizeof(uint32_t); i++)
		bad_byte(&s, ipc_verdict_plan(verdict_of(&s)), i, '!');
}

/* The writers refuse what no length can tell. */
static void test_put_limits(void)
{
	static char huge[1 << 17], buf[1 << 18];
	struct cursor out = cursor_on(buf, sizeof(buf));
	struct ipc_verdict verdict = {0};
	struct ipc_target target = {0};

	ipc_put_verdict(&out, &verdict, span_of(huge, 65536), SPAN_NONE, SPAN_NONE);
	CHECK(out.full);
	out = cursor_on(buf, sizeof(buf));
	ipc_put_target(&out, &target, SPAN("x"), span_of(huge, 65536), SPAN("x"),
		       SPAN_NONE);
	CHECK(out.full);
	out = cursor_on(buf, 60);
	ipc_put_verdict(&out, &verdict, SPAN_NONE, SPAN_NONE, SPAN("this does not fit any more"));
	CHECK(out.full);
}

static void test_names(void)
{
	CHECK(strcmp(ipc_msg_name(IPC_VERDICT), "VERDICT") == 0);
	CHECK(strcmp(ipc_msg_name(0), "unknown") == 0 &&
	      strcmp(ipc_msg_name(TYPES + 1), "unknown") == 0);
	CHECK(strcmp(ipc_msg_name(UINT16_MAX), "unknown") == 0);
	for (unsigned by = 0; by < IPC_ENDED_BYS; by++)
		CHECK(strcmp(ipc_ended_by_name(by), "unknown") != 0);
	CHECK(strcmp(ipc_ended_by_name(IPC_ENDED_BYS), "unknown") == 0);
	for (unsigned state = 0; state < IPC_CALL_STATES; state++)
		CHECK(strcmp(ipc_call_state_name(state), "unknown") != 0);
	CHECK(strcmp(ipc_call_state_name(IPC_CALL_STATES), "unknown") == 0);
}

int main(void)
{
	RUN(test_good);
	RUN(test_wrong_way);
	RUN(test_every_length);
	RUN(test_flips);
	RUN(test_parts);
	RUN(test_ranges);
	RUN(test_text);
	RUN(test_header_lines);
	RUN(test_plan);
	RUN(test_put_limits);
	RUN(test_names);
	return 0;
}
