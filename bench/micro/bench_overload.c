/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker carries when more is offered than it can: the engine and the meter of its load
 * behind a receive queue, in virtual time, with callers that send again. What an input costs is
 * given, so that every run is the same: a refusal with its ACK a tenth of a call. What the two cost
 * in cycles here is told at the end.
 *
 *   bench_overload    calls that get through at multiples of what the worker carries, with and
 *                     without the refusals; fails where they lose more than a tenth */
#include "common/sip/edit_plan.h"
#include "dataplane/media/media.h"
#include "dataplane/sip/engine.h"
#include "dataplane/store/wheel.h"
#include "dataplane/worker/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <x86intrin.h>

#define SECOND	     1000000000ull
#define SECONDS	     30u
#define SETTLED	     10u /* from then on it counts */
#define CALLS_MAX    300000u
#define QUEUE	     1024u
#define BURST	     64u
#define HOLD_NS	     (2 * SECOND)
#define T1_NS	     (SECOND / 2)
#define GIVE_UP_NS   (32 * SECOND)
/* Of the 5 that limen gets in a call, INVITE counts twice: the verdict comes with it. A worker 10
 * times slower than real ones. */
#define MESSAGE_NS   50000ull
#define REFUSAL_NS   (MESSAGE_NS * 4 / 10)
#define REFUSED_NS   (MESSAGE_NS * 2 / 10) /* its ACK */
#define TURN_NS	     200ull
#define CARRIES	     (SECOND / (6 * MESSAGE_NS)) /* calls/s */

enum state { UNBORN, CALLING, UP, LEAVING, DONE, LOST };

struct call {
	uint64_t began_ns;
	uint32_t interval_ms;
	uint8_t state;
	char to[120]; /* limen's To value of the answer */
};

struct packet {
	uint8_t side;
	uint16_t len;
	char text[1200];
};

struct bench {
	struct arena arena;
	struct media *media;
	struct engine *engine;
	struct wheel *wheel; /* a timer for each call */
	struct load_meter load;
	bool meters;
	uint64_t now_ns, spent_ns;
	unsigned head, n;
	struct packet queue[QUEUE];
	struct call calls[CALLS_MAX];
	uint64_t done, refused, lost, dropped; /* done: while it counts */
	uint64_t cycles, cycles_refusing;      /* of messages; verdicts are in the first too */
};

static const struct net_endpoint peer[2] = {
	{.addr = {{10, 0, 1, 2}}, .port = 5060, .family = NET_IP4},
	{.addr = {{10, 0, 2, 2}}, .port = 5060, .family = NET_IP4}};
static const struct engine_realm realms[2] = {
	{.sip4 = {.addr = {{10, 0, 1, 1}}, .port = 5060, .family = NET_IP4}},
	{.sip4 = {.addr = {{10, 0, 2, 1}}, .port = 5060, .family = NET_IP4}}};
static const struct media_realm media_realms[2] = {
	{.ip4 = {{10, 0, 1, 1}}, .has_ip4 = true, .port_low = 10000, .port_high = 65535},
	{.ip4 = {{10, 0, 2, 1}}, .has_ip4 = true, .port_low = 10000, .port_high = 65535}};

static void die(const char *what)
{
	fprintf(stderr, "bench_overload: %s\n", what);
	exit(1);
}

/* To limen's receive queue, which drops what does not fit. */
static void arrive(struct bench *b, unsigned side, const char *text, int len)
{
	struct packet *packet = &b->queue[(b->head + b->n) % QUEUE];

	if (len < 0 || (size_t)len >= sizeof(packet->text))
		die("a message is too long");
	if (b->n == QUEUE) {
		b->dropped++;
		return;
	}
	b->n++;
	packet->side = (uint8_t)side;
	packet->len = (uint16_t)len;
	memcpy(packet->text, text, (size_t)len);
}

/* ---- callers ---- */

static void caller_sends(struct bench *b, unsigned long n, const char *method, unsigned cseq,
			 const char *branch)
{
	struct call *call = &b->calls[n];
	char text[1200];
	int len = snprintf(text, sizeof(text),
			   "%s sip:bob@10.0.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
			   "10.0.1.2:5060;branch=z9hG4bK-%s-%lu\r\nMax-Forwards: 70\r\nFrom: "
			   "<sip:alice@10.0.1.2>;tag=%lx\r\nTo: %s\r\nCall-ID: %lu@x\r\nCSeq: %u "
			   "%s\r\nContact: <sip:alice@10.0.1.2>\r\nContent-Length: 0\r\n\r\n",
			   method, branch, n, n + 7, call->to, n, cseq, method);

	arrive(b, 0, text, len);
}

static void caller_sends_again(struct bench *b, unsigned long n)
{
	struct call *call = &b->calls[n];

	if (b->now_ns - call->began_ns > GIVE_UP_NS) {
		b->lost++;
		call->state = LOST;
		return;
	}
	if (call->state == CALLING)
		caller_sends(b, n, "INVITE", 1, "i");
	else
		caller_sends(b, n, "BYE", 2, "b");
	wheel_set(b->wheel, (uint32_t)n, b->now_ns + call->interval_ms * 1000000ull);
	call->interval_ms *= 2;
}

static void caller_begins(struct bench *b, unsigned long n)
{
	struct call *call = &b->calls[n];

	*call = (struct call){.began_ns = b->now_ns, .interval_ms = 500, .state = CALLING};
	snprintf(call->to, sizeof(call->to), "<sip:bob@10.0.1.1>");
	caller_sends_again(b, n);
}

static void caller_timer(struct bench *b, unsigned long n)
{
	struct call *call = &b->calls[n];

	if (call->state == UP) {
		call->state = LEAVING;
		call->began_ns = b->now_ns;
		call->interval_ms = 500;
	}
	if (call->state == CALLING || call->state == LEAVING)
		caller_sends_again(b, n);
}

static void caller_hears(struct bench *b, const struct sip_msg *msg)
{
	unsigned long n = strtoul(sip_span(msg, msg->call_id).ptr, NULL, 10);
	struct span to = sip_hdr_value(msg, SIP_HDR_TO);
	struct call *call = &b->calls[n];

	if (msg->is_request || n >= CALLS_MAX || msg->status < 200)
		return;
	if (msg->method == SIP_METHOD_BYE) {
		if (call->state != LEAVING)
			return;
		call->state = DONE;
		wheel_cancel(b->wheel, (uint32_t)n);
		b->done += b->now_ns >= SETTLED * SECOND;
		return;
	}
	if (msg->method != SIP_METHOD_INVITE || to.len >= sizeof(call->to))
		return;
	memcpy(call->to, to.ptr, to.len);
	call->to[to.len] = 0;
	caller_sends(b, n, "ACK", 1, msg->status < 300 ? "a" : "i");
	if (call->state != CALLING)
		return;
	b->refused += msg->status >= 300;
	call->state = msg->status < 300 ? UP : LOST;
	if (call->state == UP)
		wheel_set(b->wheel, (uint32_t)n, b->now_ns + HOLD_NS);
	else
		wheel_cancel(b->wheel, (uint32_t)n);
}

/* ---- callees: they answer whatever comes, at once ---- */

static void callee_hears(struct bench *b, const struct sip_msg *msg)
{
	char text[1200];
	int len;

	if (!msg->is_request || msg->method == SIP_METHOD_ACK)
		return;
	len = snprintf(text, sizeof(text),
		       "SIP/2.0 200 OK\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s%s\r\nCall-ID: "
		       "%.*s\r\nCSeq: %.*s\r\nContact: <sip:bob@10.0.2.2>\r\nContent-Length: "
		       "0\r\n\r\n",
		       SPAN_FMT(sip_hdr_value(msg, SIP_HDR_VIA)),
		       SPAN_FMT(sip_hdr_value(msg, SIP_HDR_FROM)),
		       SPAN_FMT(sip_hdr_value(msg, SIP_HDR_TO)), msg->to_tag.len ? "" : ";tag=b",
		       SPAN_FMT(sip_hdr_value(msg, SIP_HDR_CALL_ID)),
		       SPAN_FMT(sip_hdr_value(msg, SIP_HDR_CSEQ)));
	arrive(b, 1, text, len);
}

/* ---- limen ---- */

static void answer_ask(struct bench *b, uint64_t ask_id)
{
	static _Alignas(8) char frame[2048];
	char plan_text[256];
	struct cursor out = cursor_on(frame, sizeof(frame)),
		      plan = cursor_on(plan_text, sizeof(plan_text));
	struct ipc_verdict head = {.ask_id = ask_id, .ntargets = 1, .answer_max_s = 180};
	struct ipc_target target = {.peer = peer[1], .realm = 1};
	uint64_t start;

	edit_plan_start(&plan, EDIT_DROP, EDIT_DROP);
	if (edit_plan_finish(&plan))
		die("no plan");
	ipc_put_verdict(&out, &head, SPAN_NONE, cursor_span(&plan), SPAN_NONE);
	ipc_put_target(&out, &target, SPAN("sip:bob@10.0.2.2"), SPAN("<sip:alice@10.0.2.1>"),
		       SPAN("<sip:bob@10.0.2.2>"), SPAN_NONE);
	start = __rdtsc();
	engine_frame(b->engine, b->now_ns, IPC_VERDICT, frame, out.len);
	b->cycles += __rdtsc() - start;
}

/* What the last input made. Verdicts come at once, and their actions here too. */
static void deliver(struct bench *b)
{
	static struct sip_msg msg;
	const struct engine_action *actions;
	unsigned n = engine_actions(b->engine, &actions);
	uint64_t ask_id = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct engine_action *a = &actions[i];

		if (a->kind == ACTION_REPORT && a->type == IPC_ASK)
			memcpy(&ask_id, a->bytes.ptr, sizeof(ask_id));
		if (a->kind != ACTION_SEND ||
		    sip_parse(&msg, a->bytes.ptr, a->bytes.len, SIP_DATAGRAM) != SIP_PARSE_OK)
			continue;
		if (a->realm == 0)
			caller_hears(b, &msg);
		else
			callee_hears(b, &msg);
	}
	if (ask_id) {
		answer_ask(b, ask_id);
		deliver(b);
	}
}

/* One message in. A refusal is told by what it left: nothing but an answer. */
static void take(struct bench *b)
{
	enum engine_fate fate;
	uint64_t start;
	const struct packet *packet = &b->queue[b->head];
	struct engine_source source = {.peer = peer[packet->side],
				       .local = realms[packet->side].sip4,
				       .realm = packet->side};
	struct engine_stats before, after;
	char text[sizeof(packet->text)];
	size_t len = packet->len;

	memcpy(text, packet->text, len);
	b->head = (b->head + 1) % QUEUE;
	b->n--;
	engine_stats(b->engine, &before);
	start = __rdtsc();
	fate = engine_message(b->engine, b->now_ns, &source, span_of(text, len));
	start = __rdtsc() - start;
	engine_stats(b->engine, &after);
	if (fate != FATE_TAKEN || after.overload_refused > before.overload_refused)
		b->cycles_refusing += start;
	else
		b->cycles += start;
	deliver(b);
	b->spent_ns += fate != FATE_TAKEN				 ? REFUSED_NS
		       : after.overload_refused > before.overload_refused ? REFUSAL_NS
		       : after.calls_started > before.calls_started	 ? MESSAGE_NS * 2
									 : MESSAGE_NS;
}

static void turn_over(struct bench *b, uint64_t ns, bool found, bool full)
{
	b->now_ns += ns;
	if (load_turn(&b->load, b->now_ns, ns, found, full) && b->meters)
		engine_load(b->engine, b->load.permille);
}

static void turn(struct bench *b, uint64_t until_ns)
{
	unsigned n = b->n < BURST ? b->n : BURST;
	uint64_t next = engine_next_ns(b->engine);
	bool timers = next <= b->now_ns;

	b->spent_ns = TURN_NS;
	for (unsigned i = 0; i < n; i++)
		take(b);
	while (timers) {
		timers = engine_tick(b->engine, b->now_ns);
		deliver(b);
	}
	if (n) {
		turn_over(b, b->spent_ns, true, n == BURST);
		return;
	}
	turn_over(b, TURN_NS, false, false);
	if (next < until_ns)
		until_ns = next;
	if (until_ns > b->now_ns)
		turn_over(b, until_ns - b->now_ns, false, false);
}

/* Calls a second that got through to their end. */
static double run(double offered, bool meters)
{
	struct engine_conf conf = {
		.nworkers = 1, .nrealms = 2, .realms = realms, .max_calls = 60000, .seed = {1, 2}};
	struct media_conf media = {
		.nworkers = 1, .nrealms = 2, .realms = media_realms, .max_pairs = 16};
	static struct arena_slab_def defs[ARENA_SLABS_MAX];
	struct bench *b = calloc(1, sizeof(*b));
	unsigned first = engine_slab_defs(defs, 0, conf.max_calls), n;
	uint64_t step = (uint64_t)((double)SECOND / (offered * CARRIES)), next = SECOND;
	unsigned long born = 0;
	const char *why;
	uint32_t due;

	n = media_slab_defs(defs, first, media.max_pairs);
	if (b == NULL || arena_open(&b->arena, NULL, defs, n, true, false, &why))
		die("no memory");
	b->meters = meters;
	b->media = media_new(&media, &b->arena, first, 0);
	b->engine = engine_new(&conf, &b->arena, 0, b->media, 0);
	b->wheel = wheel_new(CALLS_MAX, 0);
	if (b->engine == NULL || b->wheel == NULL)
		die("no memory");
	engine_link(b->engine, 0, true);
	while (b->now_ns < SECONDS * SECOND) {
		for (; next <= b->now_ns && born < CALLS_MAX; next += step)
			caller_begins(b, born++);
		while (wheel_expire(b->wheel, b->now_ns, &due, 1))
			caller_timer(b, due);
		turn(b, wheel_next_ns(b->wheel) < next ? wheel_next_ns(b->wheel) : next);
	}
	printf("%8.2f %8s %9.0f %9.0f %9lu %9lu %9lu\n", offered, meters ? "yes" : "no",
	       offered * CARRIES, (double)b->done / (SECONDS - SETTLED), b->refused, b->lost,
	       b->dropped);
	if (b->refused)
		printf("%8s a call costs %.0f cycles, a refusal with its ACK %.0f\n", "",
		       (double)b->cycles / (double)(born - b->refused),
		       (double)b->cycles_refusing / (double)b->refused);
	offered = (double)b->done / (SECONDS - SETTLED);
	wheel_free(b->wheel);
	engine_free(b->engine);
	media_free(b->media);
	arena_close(&b->arena);
	free(b);
	return offered;
}

int main(void)
{
	static const double multiples[] = {0.5, 0.9, 1.0, 1.5, 2.0, 3.0};
	double most = 0;
	int failed = 0;

	printf("%8s %8s %9s %9s %9s %9s %9s\n", "offered", "refuses", "calls/s", "done/s", "refused",
	       "lost", "dropped");
	for (unsigned i = 0; i < sizeof(multiples) / sizeof(multiples[0]); i++) {
		double done = run(multiples[i], true);

		if (done > most)
			most = done;
		/* What refusing costs is the worker's too: a tenth of a call each. */
		if (multiples[i] <= 2 && done < 0.9 * (most - (multiples[i] > 1) * CARRIES *
							    (multiples[i] - 1) / 10))
			failed = 1;
	}
	run(1.5, false);
	return failed;
}
