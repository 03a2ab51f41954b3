/* SPDX-License-Identifier: BSD-3-Clause */
/* Cycles of the SIP engine for a whole basic call: 14 messages on two legs, session descriptions
 * rewritten, the verdict a ready answer, the record made and acknowledged, timers run. Only the
 * engine's inputs are inside the clock.
 *
 *   bench_call [ROUNDS] [limits] [rules]
 *                              cycles of a call; with limits and rates of trunks and users in
 *                              force that none of the calls exceeds, with rules for headers in the plan
 *   bench_call memory [CALLS]  bytes of arena that an answered call holds once its transactions are
 *                              gone, by kind of record; fails above 4 KiB */
#include "common/sip/edit_plan.h"
#include "common/sip/header_rules.h"
#include "dataplane/media/media.h"
#include "dataplane/sip/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

enum step {
	STEP_INVITE,
	STEP_VERDICT,
	STEP_TRYING,
	STEP_RINGING,
	STEP_OK,
	STEP_ACK,
	STEP_BYE,
	STEP_BYE_OK,
	STEP_RECORD,
	STEP_TIME,
	STEPS
};
static const char *const step_names[STEPS] = {
	"INVITE from A", "verdict",    "100 from B", "180 from B",	    "200 from B",
	"ACK from A",	 "BYE from A", "200 from B", "record acknowledged", "timers"};

/* Virtual time between two calls: 5,000 calls/s, so that transactions linger as they would. */
#define CALL_NS 200000ull
#define SDP(who, ip, port)                                                                         \
	"v=0\r\no=" who " 2890844526 2890844526 IN IP4 " ip "\r\ns=-\r\nc=IN IP4 " ip "\r\nt=0 0\r\nm=audio " port \
	" RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n" \
	"a=ptime:20\r\na=sendrecv\r\n"

struct bench {
	struct engine *engine;
	struct media *media;
	uint64_t now_ns;
	unsigned lane; /* pair of realms of the call in work */
	uint64_t cycles[STEPS];
	struct sip_msg invite_b, ok_a, bye_b;
	char kept[3][4096];
	_Alignas(8) char report[4096];
};

static const struct net_endpoint peer[2] = {
	{.addr = {{10, 0, 1, 2}}, .port = 5060, .family = NET_IP4},
	{.addr = {{10, 0, 2, 2}}, .port = 5060, .family = NET_IP4}};
/* As many pairs of realms as 100,000 calls need ports. */
#define LANES 4u
static const struct engine_realm limen[2] = {
	{.sip4 = {.addr = {{10, 0, 1, 1}}, .port = 5060, .family = NET_IP4}},
	{.sip4 = {.addr = {{10, 0, 2, 1}}, .port = 5060, .family = NET_IP4}}};
static const struct media_realm media_realms_of[2] = {
	{.ip4 = {{10, 0, 1, 1}}, .has_ip4 = true, .port_low = 10000, .port_high = 65535},
	{.ip4 = {{10, 0, 2, 1}}, .has_ip4 = true, .port_low = 10000, .port_high = 65535}};
static struct engine_realm realms[2 * LANES];
static struct media_realm media_realms[2 * LANES];
static struct arena_slab_def defs[ARENA_SLABS_MAX];
/* Memory is measured with all that a call may hold: session timers by re-INVITE, a long plan. */
static bool timers;
static bool has_limits, has_rules;

static void die(const char *what)
{
	fprintf(stderr, "bench_call: %s\n", what);
	exit(1);
}

/* Copy and parse the i-th message sent in the last step. */
static void keep(struct bench *b, unsigned i, char *buf, struct sip_msg *msg, const char *start)
{
	const struct engine_action *actions;
	unsigned n = engine_actions(b->engine, &actions), seen = 0;

	for (unsigned at = 0; at < n; at++) {
		if (actions[at].kind != ACTION_SEND || seen++ != i)
			continue;
		if (actions[at].bytes.len >= 4096 ||
		    strncmp(actions[at].bytes.ptr, start, strlen(start)))
			die("limen sent something else");
		memcpy(buf, actions[at].bytes.ptr, actions[at].bytes.len);
		if (sip_parse(msg, buf, actions[at].bytes.len, SIP_DATAGRAM) != SIP_PARSE_OK)
			die("limen sent what cannot be parsed");
		return;
	}
	die("limen sent nothing");
}

static uint64_t keep_report(struct bench *b, uint16_t type)
{
	const struct engine_action *actions;
	unsigned n = engine_actions(b->engine, &actions);
	uint64_t id;

	for (unsigned at = 0; at < n; at++) {
		if (actions[at].kind == ACTION_REPORT && actions[at].type == type) {
			memcpy(&id, actions[at].bytes.ptr, sizeof(id));
			return id;
		}
	}
	die("limen reported nothing");
	return 0;
}

static void message(struct bench *b, enum step step, unsigned side, const char *text, int len)
{
	struct engine_source source = {
		.peer = peer[side],
		.local = limen[side].sip4,
		.realm = (uint8_t)(2 * b->lane + side)};
	uint64_t start = __rdtsc();

	if (has_limits &&
	    engine_screen(b->engine, b->now_ns, source.realm, &source.peer) != GUARD_PASS)
		die("the guard lets a call's message not pass");
	engine_message(b->engine, b->now_ns, &source, span_of(text, (size_t)len));
	b->cycles[step] += __rdtsc() - start;
}

static void frame(struct bench *b, enum step step, uint16_t type, const void *bytes, uint32_t len)
{
	uint64_t start = __rdtsc();

	engine_frame(b->engine, b->now_ns, type, bytes, len);
	b->cycles[step] += __rdtsc() - start;
}

/* Six rules, as a trunk may have them: one put in, two taken out, three on a condition. */
static void attach_rules(struct cursor *plan)
{
	const struct header_cond_text conds[] = {
		{HEADER_BEGINS, SPAN("From"), SPAN("<sip:+49")},
		{HEADER_PRESENT, SPAN("P-Asserted-Identity"), SPAN("")},
	};
	const struct header_rule_text rules[] = {
		{EDIT_TO_B, HEADER_ADD, HEADER_ON_INITIAL, 0, SPAN("X-Carrier"),
		 SPAN("limen"), NULL, 0},
		{EDIT_TO_B, HEADER_REMOVE, HEADER_ON_INITIAL, 0, SPAN("X-Internal"),
		 SPAN(""), NULL, 0},
		{EDIT_TO_A, HEADER_REMOVE, HEADER_SCOPES, 0, SPAN("Server"), SPAN(""),
		 NULL, 0},
		{EDIT_TO_B, HEADER_REPLACE, HEADER_ON_INITIAL, 0, SPAN("Subject"),
		 SPAN("call"), conds, 1},
		{EDIT_TO_B, HEADER_ADD, HEADER_ON_INITIAL, 0, SPAN("X-Asserted"),
		 SPAN("yes"), &conds[1], 1},
		{EDIT_TO_A, HEADER_ADD, HEADER_SCOPES, 0, SPAN("X-Via"), SPAN("edge"),
		 conds, 2},
	};
	char text[1024];
	struct cursor part = cursor_on(text, sizeof(text));

	if (header_rules_put(&part, rules, sizeof(rules) / sizeof(rules[0])) ||
	    edit_plan_attach(plan, EDIT_PART_HEADERS, cursor_span(&part)) ||
	    edit_plan_check(cursor_span(plan)))
		die("the rules are wrong");
}

static struct span verdict(uint64_t ask_id, unsigned lane)
{
	static _Alignas(8) char bufs[LANES][4096];
	static uint32_t lens[LANES];
	char *buf = bufs[lane];

	if (lens[lane] == 0) {
		char plan_buf[1024];
		struct cursor plan = cursor_on(plan_buf, sizeof(plan_buf)),
			      out = cursor_on(buf, sizeof(bufs[lane]));
		struct ipc_side_policy side = {.session_s = timers ? 1800 : 0,
					       .min_se_s = timers ? 90 : 0,
					       .trunk = has_limits ? 1 : 0};
		struct ipc_verdict head = {
			.ntargets = 1, .side = side, .answer_max_s = 180, .media_timeout_s = 60};
		struct ipc_target target = {.peer = peer[1],
					    .side = side,
					    .realm = (uint8_t)(2 * lane + 1)};
		static const enum sip_hdr_id pass[] = {
			SIP_HDR_CONTENT_TYPE, SIP_HDR_SUPPORTED, SIP_HDR_ALLOW,
			SIP_HDR_ACCEPT,	      SIP_HDR_REASON,	 SIP_HDR_REQUIRE,
			SIP_HDR_SUBJECT,      SIP_HDR_PRIVACY,	 SIP_HDR_EXPIRES,
			SIP_HDR_EVENT,	      SIP_HDR_DATE,	 SIP_HDR_PRIORITY};
		/* As config makes them: the safe set of controlplane/topology is as long. */
		static const enum sip_hdr_id more[] = {
			SIP_HDR_ACCEPT_ENCODING,  SIP_HDR_ACCEPT_LANGUAGE,
			SIP_HDR_CONTENT_LANGUAGE, SIP_HDR_CONTENT_DISPOSITION,
			SIP_HDR_CONTENT_ENCODING, SIP_HDR_MIME_VERSION,
			SIP_HDR_MIN_EXPIRES,	  SIP_HDR_RETRY_AFTER,
			SIP_HDR_P_EARLY_MEDIA,	  SIP_HDR_SUBSCRIPTION_STATE,
			SIP_HDR_UNSUPPORTED,	  SIP_HDR_P_ASSERTED_IDENTITY};

		if (has_limits) {
			head.user[0] = 7;
			head.user[1] = 8;
			target.side.trunk = 2;
		}
		edit_plan_start(&plan, EDIT_DROP, EDIT_DROP);
		for (unsigned d = 0; d < 2; d++) {
			for (unsigned i = 0; i < sizeof(pass) / sizeof(pass[0]); i++)
				edit_plan_rule(&plan, d, EDIT_PASS, pass[i], SPAN_NONE, SPAN_NONE);
			for (unsigned i = 0; i < sizeof(more) / sizeof(more[0]) && timers; i++)
				edit_plan_rule(&plan, d, EDIT_PASS, more[i], SPAN_NONE, SPAN_NONE);
			if (timers)
				edit_plan_rule(&plan, d, EDIT_PASS, SIP_HDR_OTHER,
					       SPAN("X-Correlation-ID"), SPAN_NONE);
		}
		edit_plan_finish(&plan);
		if (has_rules)
			attach_rules(&plan);
		ipc_put_verdict(
			&out, &head, SPAN_NONE, cursor_span(&plan),
			SPAN("{\"trunk_in\":\"a\",\"trunk_out\":\"b\",\"caller\":\"alice\"}"));
		ipc_put_target(&out, &target, SPAN("sip:+4930123456@10.0.2.2:5060"),
			       SPAN("\"Alice\" <sip:+4930654321@10.0.2.1>"),
			       SPAN("<sip:+4930123456@10.0.2.2>"), SPAN_NONE);
		lens[lane] = out.len;
	}
	memcpy(buf, &ask_id, sizeof(ask_id));
	return span_of(buf, lens[lane]);
}

#define F(m, s) SPAN_FMT(sip_span(&(m), (m).s))
static struct span hdr(const struct sip_msg *m, enum sip_hdr_id id)
{
	return sip_hdr_value(m, id);
}

static void answer(struct bench *b, enum step step, const struct sip_msg *to, unsigned status,
		   const char *tag, const char *body)
{
	char text[4096];
	int len = snprintf(text, sizeof(text),
			   "SIP/2.0 %u X\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s%s\r\nCall-ID: "
			   "%.*s\r\nCSeq: %.*s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
			   status, SPAN_FMT(hdr(to, SIP_HDR_VIA)), SPAN_FMT(hdr(to, SIP_HDR_FROM)),
			   SPAN_FMT(hdr(to, SIP_HDR_TO)), tag, SPAN_FMT(hdr(to, SIP_HDR_CALL_ID)),
			   SPAN_FMT(hdr(to, SIP_HDR_CSEQ)),
			   status > 100 ? "Contact: <sip:bob@10.0.2.2:5060>\r\nServer: "
					  "Gateway/4.2\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n"
					: "",
			   *body ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);

	message(b, step, 1, text, len);
}

static void in_dialog(struct bench *b, enum step step, const char *method, unsigned cseq,
		      unsigned long n)
{
	char text[4096];
	int len = snprintf(
		text, sizeof(text),
		"%s sip:x@10.0.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"10.0.1.2:5060;branch=z9hG4bK-%s-%lu\r\nMax-Forwards: 70\r\nFrom: %.*s\r\nTo: "
		"%.*s\r\nCall-ID: %.*s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
		method, method, n, SPAN_FMT(hdr(&b->ok_a, SIP_HDR_FROM)),
		SPAN_FMT(hdr(&b->ok_a, SIP_HDR_TO)), SPAN_FMT(hdr(&b->ok_a, SIP_HDR_CALL_ID)), cseq,
		method);

	message(b, step, 0, text, len);
}

static void call_up(struct bench *b, unsigned long n)
{
	static const char offer[] = SDP("alice", "10.0.1.2", "49170"),
			  reply[] = SDP("bob", "10.0.2.2", "3456");
	char text[4096];
	struct span v;
	int len = snprintf(
		text, sizeof(text),
		"INVITE sip:+4930123456@10.0.1.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"10.0.1.2:5060;branch=z9hG4bK-524287-1---%lu;rport\r\n"
		"Max-Forwards: 70\r\nContact: <sip:+4930654321@10.0.1.2:5060>\r\nTo: "
		"<sip:+4930123456@10.0.1.1>\r\nFrom: \"Alice\" "
		"<sip:+4930654321@10.0.1.1>;tag=%lx\r\nCall-ID: "
		"%lu-ZjQ4ODk1NmY3ZDYzMTI@10.0.1.2\r\nCSeq: 1 INVITE\r\nAllow: INVITE, ACK, "
		"CANCEL, BYE, OPTIONS, INFO, UPDATE\r\nContent-Type: application/sdp\r\nSupported: "
		"replaces, timer\r\nUser-Agent: "
		"Some-Phone/4.2.1\r\nContent-Length: %zu\r\n\r\n%s",
		n, n * 2654435761u, n, sizeof(offer) - 1, offer);

	message(b, STEP_INVITE, 0, text, len);
	v = verdict(keep_report(b, IPC_ASK), b->lane);
	frame(b, STEP_VERDICT, IPC_VERDICT, v.ptr, (uint32_t)v.len);
	keep(b, 0, b->kept[0], &b->invite_b, "INVITE");
	answer(b, STEP_TRYING, &b->invite_b, 100, "", "");
	answer(b, STEP_RINGING, &b->invite_b, 180, ";tag=5f3c", "");
	answer(b, STEP_OK, &b->invite_b, 200, ";tag=5f3c", reply);
	keep(b, 0, b->kept[1], &b->ok_a, "SIP/2.0 200");
	in_dialog(b, STEP_ACK, "ACK", 1, n);
}

static void call_down(struct bench *b, unsigned long n)
{
	struct ipc_call_end_ack ack;

	in_dialog(b, STEP_BYE, "BYE", 2, n);
	ack.call = keep_report(b, IPC_CALL_END);
	keep(b, 1, b->kept[2], &b->bye_b, "BYE");
	answer(b, STEP_BYE_OK, &b->bye_b, 200, "", "");
	frame(b, STEP_RECORD, IPC_CALL_END_ACK, &ack, sizeof(ack));
}

static void pass_time(struct bench *b, uint64_t ns)
{
	b->now_ns += ns;
	if (engine_next_ns(b->engine) <= b->now_ns) {
		uint64_t start = __rdtsc();

		while (engine_tick(b->engine, b->now_ns))
			;
		b->cycles[STEP_TIME] += __rdtsc() - start;
	}
}

static void one_call(struct bench *b, unsigned long n)
{
	call_up(b, n);
	call_down(b, n);
	pass_time(b, CALL_NS);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void start(struct bench *b, struct arena *arena, uint32_t max_calls, uint32_t max_pairs)
{
	static struct engine_conf conf = {
		.nworkers = 1, .nrealms = 2 * LANES, .realms = realms, .seed = {1, 2}};
	static struct media_conf media_conf = {.nworkers = 1,
					       .nrealms = 2 * LANES,
					       .realms = media_realms,
					       .port_reuse_ns = 1000000000};
	unsigned n, first;
	const char *why;

	for (unsigned i = 0; i < 2 * LANES; i++) {
		realms[i] = limen[i % 2];
		media_realms[i] = media_realms_of[i % 2];
	}
	conf.max_calls = max_calls;
	media_conf.max_pairs = max_pairs;
	first = engine_slab_defs(defs, 0, conf.max_calls);
	n = media_slab_defs(defs, first, media_conf.max_pairs);
	if (arena_open(arena, NULL, defs, n, true, true, &why))
		die("cannot start");
	b->now_ns = 1000000000;
	b->media = media_new(&media_conf, arena, first, b->now_ns);
	b->engine = b->media ? engine_new(&conf, arena, 0, b->media, b->now_ns) : NULL;
	if (b->engine == NULL)
		die("no memory");
	engine_link(b->engine, b->now_ns, true);
}

/* Limits of two trunks and their users, and rates: far above what these calls are. */
static void tell_limits(struct bench *b)
{
	static const struct ipc_limits limits = {
		.calls_max = 1000000,
		.calls_in_max = 1000000,
		.calls_out_max = 1000000,
		.calls_in_per_s = 1000000,
		.calls_out_per_s = 1000000,
		.burst_ms = 1000,
		.kbps_max = 4000000,
		.user_calls_max = 1000000,
		.user_calls_per_s = 1000000,
	};
	const struct ipc_screen screen = {
		.generation = 1,
		.ntrunks = 2,
		.nsources = 2,
		.classes = {{10, 3}, {1000000, 1000000}, {0, 0}},
		.burst_ms = 1000,
		.window_s = 60,
		.learn = IPC_LEARN_UNKNOWN,
	};
	struct {
		struct ipc_trunks head;
		struct ipc_trunk trunks[2];
	} trunks = {.head = {.generation = 1, .count = 2}};
	struct {
		struct ipc_sources head;
		struct ipc_source sources[2];
	} sources = {.head = {.generation = 1, .count = 2}};
	const struct ipc_screen_end end = {.generation = 1};

	for (unsigned i = 0; i < 2; i++) {
		trunks.trunks[i] = (struct ipc_trunk){
			.id = i + 1, .limits = limits, .name = {'t', (char)('1' + i)}};
		sources.sources[i] = (struct ipc_source){.addr = {{10, 0, (uint8_t)(i + 1), 0}},
							 .family = NET_IP4,
							 .bits = 24,
							 .realm = IPC_REALM_ANY,
							 .class = IPC_CLASS_KNOWN,
							 .trunk = i + 1};
	}
	engine_frame(b->engine, b->now_ns, IPC_SCREEN, &screen, sizeof(screen));
	engine_frame(b->engine, b->now_ns, IPC_SCREEN_TRUNKS, &trunks, sizeof(trunks));
	engine_frame(b->engine, b->now_ns, IPC_SCREEN_SOURCES, &sources, sizeof(sources));
	engine_frame(b->engine, b->now_ns, IPC_SCREEN_END, &end, sizeof(end));
}

static void stop(struct bench *b, struct arena *arena)
{
	engine_free(b->engine);
	media_free(b->media);
	arena_close(arena);
	free(b);
}

/* ---- memory ---- */

#define CALL_BYTES_MAX 4096u

static int memory(struct bench *b, unsigned long calls)
{
	static struct arena arena;
	uint32_t idle[ARENA_SLABS_MAX];
	double sum = 0;

	timers = true;
	start(b, &arena, (uint32_t)calls, (uint32_t)calls);
	for (unsigned i = 0; i < arena.nslabs; i++)
		idle[i] = slab_used(&arena.slabs[i]);
	for (unsigned long n = 0; n < calls; n++) {
		b->lane = n % LANES;
		call_up(b, n);
		pass_time(b, 20000000000ull / calls);
	}
	for (unsigned i = 0; i < 33; i++) /* timers L and M */
		pass_time(b, 1000000000);
	printf("%lu answered calls, a call:\n", calls);
	for (unsigned i = 0; i < arena.nslabs; i++) {
		const struct slab *slab = &arena.slabs[i];
		double records = (double)(slab_used(slab) - idle[i]) / (double)calls,
		       bytes = records * (slab->record_bytes + sizeof(*slab->generations) +
					   sizeof(*slab->next_free));

		if (records > 0)
			printf("%-22s %8.2f records of %5u bytes: %7.0f bytes\n", defs[i].name,
			       records, slab->record_bytes, bytes);
		sum += bytes;
	}
	printf("%-22s %44.0f bytes\n", "arena a call", sum);
	stop(b, &arena);
	return sum > CALL_BYTES_MAX;
}

/* ---- cycles ---- */

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 9;
	/* 40 s of virtual time to warm up: timers of 32 s run at their full rate. */
	const unsigned long calls = 20000, warm = 200000;
	struct bench *b = calloc(1, sizeof(*b));
	static struct arena arena;
	double totals[64];
	uint64_t last[STEPS];

	if (b && argc > 1 && strcmp(argv[1], "memory") == 0) {
		long n = argc > 2 ? atol(argv[2]) : 100000;

		if (n <= 0 || n > 100000)
			die("1 to 100000 calls");
		return memory(b, (unsigned long)n);
	}
	if (rounds == 0 || rounds > 64 || b == NULL)
		die("1 to 64 rounds");
	for (int i = 2; i < argc; i++) {
		has_limits |= !strcmp(argv[i], "limits");
		has_rules |= !strcmp(argv[i], "rules");
	}
	start(b, &arena, 120000, 8192);
	if (has_limits)
		tell_limits(b);
	for (unsigned long i = 0; i < warm; i++)
		one_call(b, i);
	for (unsigned r = 0; r < rounds; r++) {
		memset(b->cycles, 0, sizeof(b->cycles));
		for (unsigned long i = 0; i < calls; i++)
			one_call(b, warm + r * calls + i);
		totals[r] = 0;
		for (unsigned s = 0; s < STEPS; s++) {
			totals[r] += (double)b->cycles[s] / (double)calls;
			last[s] = b->cycles[s] / calls;
		}
	}
	qsort(totals, rounds, sizeof(totals[0]), by_value);
	for (unsigned s = 0; s < STEPS; s++)
		printf("%-22s %8lu cycles\n", step_names[s], (unsigned long)last[s]);
	printf("%-22s %8.0f cycles (median of %u rounds; min %.0f, max %.0f)\n", "whole call",
	       totals[rounds / 2], rounds, totals[0], totals[rounds - 1]);
	stop(b, &arena);
	return 0;
}
