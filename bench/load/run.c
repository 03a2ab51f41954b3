/* SPDX-License-Identifier: BSD-3-Clause */
/* What limen-load does one after the other: calls up, phases, calls down. One thread. */
#include "bench/load/load.h"

#include <rte_cycles.h>
#include <time.h>

#define HANG_UPS_A_TURN 4u

static double since(const struct load *load, uint64_t tsc)
{
	return (double)(rte_rdtsc() - tsc) / load->tsc_hz;
}

static void turn_for(struct load *load, double seconds, const char *doing)
{
	uint64_t start = rte_rdtsc(), end = start + (uint64_t)(seconds * load->tsc_hz);

	while (!load_stop && rte_rdtsc() < end) {
		load_turn(load);
		report_progress(load, doing);
	}
}

/* Until nothing has come for `drain_s`, or everything has. */
static void drain(struct load *load)
{
	const struct flow_count *count = &load->flows.count;
	uint64_t last = rte_rdtsc(), received = count->received;

	while (!load_stop && count->unique < count->sent && since(load, last) < load->options.drain_s) {
		load_turn(load);
		report_progress(load, "drain");
		if (count->received == received)
			continue;
		received = count->received;
		last = rte_rdtsc();
	}
}

static double cpu_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- phases --- */

static void start_media(struct load *load, const struct rate *rate, double pps)
{
	load->media_now = rate->kind == RATE_SHARE ? RATE_PPS : rate->kind;
	/* A loop that was away for longer than 1 ms does not make up for it: that would be a burst no sender makes. */
	pacer_start(&load->media_pacer, rte_rdtsc(), (uint64_t)load->tsc_hz, pps, pps / 1000 + load->options.burst);
}

static double target_pps(const struct load *load, const struct rate *rate)
{
	const struct phase_result *first = &load->phases[0];

	switch (rate->kind) {
	case RATE_PPS: return rate->value;
	case RATE_SHARE: return rate->value * (double)first->received / first->seconds;
	case RATE_PTIME: return load->flows.nsending / load->options.ptime_s;
	default: return 0;
	}
}

/* The first half second or tenth, whichever is less, is not counted: ports and caches get going. */
static void run_phase(struct load *load, unsigned index)
{
	const struct phase_plan *plan = &load->options.phases[index];
	struct phase_result *result = &load->phases[index];
	struct flow_count *count = &load->flows.count, at_start;
	double warm_s = plan->seconds / 10 < 0.5 ? plan->seconds / 10 : 0.5;
	uint64_t start;

	result->rate = plan->rate.text;
	result->target_pps = target_pps(load, &plan->rate);
	start_media(load, &plan->rate, result->target_pps);
	at_start = *count;
	turn_for(load, warm_s, plan->rate.text);
	memset(&load->flows.latency, 0, sizeof(load->flows.latency));
	load->media_pacer.forgone = 0;
	result->sent = count->sent;
	result->received = count->received;
	start = rte_rdtsc();
	turn_for(load, plan->seconds, plan->rate.text);
	result->seconds = since(load, start);
	result->sent = count->sent - result->sent;
	result->received = count->received - result->received;
	result->forgone = load->media_pacer.forgone;
	load->media_now = RATE_NONE;
	drain(load);
	result->latency = load->flows.latency;
	/* Of the warm-up too: a packet lost there is lost. */
	result->all_sent = count->sent - at_start.sent;
	result->lost = result->all_sent - (count->unique - at_start.unique);
	result->reordered = count->reordered - at_start.reordered;
	result->duplicate = count->duplicate - at_start.duplicate;
	result->misled = count->misled - at_start.misled;
	load->nphases = index + 1;
}

/* --- flows that nobody set up --- */

/* Of RFC 2544's benchmark networks (and RFC 5180's for IPv6): a network a port, an address for every 20,000 flows. */
static struct net_endpoint raw_endpoint(const struct options *o, unsigned port, uint32_t n)
{
	struct net_endpoint end = {.family = o->raw_family, .port = (uint16_t)(20000 + 2 * (n % 20000))};
	const uint8_t prefix6[6] = {0x20, 0x01, 0x00, 0x02};

	if (o->raw_family == NET_IP6) {
		memcpy(end.addr.ip, prefix6, sizeof(prefix6));
		end.addr.ip[7] = (uint8_t)port;
		end.addr.ip[14] = (uint8_t)(n / 20000 >> 8);
		end.addr.ip[15] = (uint8_t)(1 + n / 20000);
	} else {
		end.addr.ip[0] = 198;
		end.addr.ip[1] = 18;
		end.addr.ip[2] = (uint8_t)port;
		end.addr.ip[3] = (uint8_t)(1 + n / 20000);
	}
	return end;
}

static void open_raw_flows(struct load *load)
{
	const struct options *o = &load->options;

	for (uint32_t i = 0; i < o->raw_flows; i++) {
		unsigned port = i % load->ports.n, to = (port + 1) % load->ports.n;
		struct wire_way way = {.dscp = WIRE_DSCP_MEDIA,
				       .src = raw_endpoint(o, port, i / load->ports.n),
				       .dst = raw_endpoint(o, to, i / load->ports.n)};

		memcpy(way.src_mac, load->ports.port[port].mac, 6);
		memcpy(way.dst_mac, o->raw_mac, 6);
		flow_open(&load->flows, i, (uint8_t)port, &way, 1, 0);
		flow_start(&load->flows, i);
	}
}

/* --- calls --- */

static void begin(struct load *load)
{
	/* What the far side kept us from doing is made up for over at most 10 ms. */
	pacer_start(&load->call_pacer, rte_rdtsc(), (uint64_t)load->tsc_hz, load->options.cps, load->options.cps / 100 + 1);
	load->begins_calls = true;
}

static bool are_all_up(const struct load *load)
{
	const struct call_count *count = &load->calls.count;

	return load->calls.nup + count->failed >= load->calls.max;
}

/* All calls up, at most `give_up_s` after the last should have begun. */
static void bring_up(struct load *load)
{
	uint64_t start = rte_rdtsc();
	double wait_s = load->options.calls / load->options.cps + load->options.give_up_s;
	double cpu = cpu_s();

	begin(load);
	while (!load_stop && !are_all_up(load) && since(load, start) < wait_s) {
		load_turn(load);
		/* A call that failed is not tried again: it shall be seen. */
		if (load->calls.count.attempted >= load->calls.max)
			load->begins_calls = false;
		report_progress(load, "calls up");
	}
	load->begins_calls = false;
	load->call_seconds = since(load, start);
	load->call_cpu_s = cpu_s() - cpu;
}

static bool calls_are_left(const struct load *load)
{
	const struct call_count *count = &load->calls.count;

	return load->calls.nfree < load->calls.max || count->callee_ended < count->callee_acked;
}

static void wait_for_ends(struct load *load)
{
	uint64_t start = rte_rdtsc();

	while (!load_stop && calls_are_left(load) && since(load, start) < load->options.give_up_s + 1) {
		load_turn(load);
		report_progress(load, "calls down");
	}
}

static void hang_up(struct load *load)
{
	uint32_t next = 0;
	uint64_t start = rte_rdtsc();

	/* At the pace they came. */
	pacer_start(&load->call_pacer, start, (uint64_t)load->tsc_hz, load->options.cps, HANG_UPS_A_TURN * 8);
	for (bool more = true; more && !load_stop;) {
		uint32_t due = pacer_due(&load->call_pacer, rte_rdtsc());

		due = due > HANG_UPS_A_TURN ? HANG_UPS_A_TURN : due;
		more = calls_hang_up(&load->calls, &next, due);
		pacer_take(&load->call_pacer, due);
		load_turn(load);
		report_progress(load, "calls down");
	}
	wait_for_ends(load);
}

static void run_calls(struct load *load)
{
	uint64_t start = rte_rdtsc();
	double cpu = cpu_s();

	if (load->options.media.kind != RATE_NONE)
		start_media(load, &load->options.media, load->options.media.value);
	begin(load);
	turn_for(load, load->options.duration_s, "calls");
	load->begins_calls = false;
	load->call_seconds = since(load, start);
	load->call_cpu_s = cpu_s() - cpu;
	start = rte_rdtsc();
	while (!load_stop && calls_are_left(load) &&
	       since(load, start) < load->options.hold_s + load->options.ring_s + load->options.give_up_s + 1) {
		load_turn(load);
		report_progress(load, "calls down");
	}
	if (load->options.media.kind != RATE_NONE)
		drain(load);
}

/* --- users --- */

static void wait_for_answers(struct load *load)
{
	uint64_t start = rte_rdtsc();

	while (!load_stop && load->users.waiting && since(load, start) < load->options.give_up_s + 1) {
		load_turn(load);
		report_progress(load, "users");
	}
}

static void register_all(struct load *load)
{
	struct users *users = &load->users;
	uint64_t start = rte_rdtsc();

	pacer_start(&load->call_pacer, start, (uint64_t)load->tsc_hz, load->options.cps, load->options.cps / 100 + 1);
	while (!load_stop && users->next < users->n) {
		for (uint32_t due = pacer_due(&load->call_pacer, rte_rdtsc()); due && users_register(users); due--)
			pacer_take(&load->call_pacer, 1);
		load_turn(load);
		report_progress(load, "register");
	}
	wait_for_answers(load);
	load->call_seconds = since(load, start);
}

static void refresh(struct load *load)
{
	double rate = load->options.refresh_per_s, cpu = cpu_s();
	uint64_t start = rte_rdtsc();

	/* A loop that was away makes up for a tenth of a second at most; what is beyond that is told. */
	pacer_start(&load->call_pacer, start, (uint64_t)load->tsc_hz, rate, rate / 10 + 1);
	while (!load_stop && since(load, start) < load->options.duration_s) {
		for (uint32_t due = pacer_due(&load->call_pacer, rte_rdtsc()); due; due--) {
			users_refresh(&load->users);
			pacer_take(&load->call_pacer, 1);
		}
		load_turn(load);
		report_progress(load, "refresh");
	}
	load->refresh_seconds = since(load, start);
	load->refresh_forgone = load->call_pacer.forgone;
	load->call_cpu_s = cpu_s() - cpu;
	wait_for_answers(load);
}

void load_run(struct load *load)
{
	if (load->has_users) {
		register_all(load);
		refresh(load);
		return;
	}
	if (load->options.raw_flows)
		open_raw_flows(load);
	else if (load->options.nphases)
		bring_up(load);
	else
		run_calls(load);
	for (unsigned i = 0; i < load->options.nphases && !load_stop; i++)
		run_phase(load, i);
	if (load->options.nphases && !load->options.raw_flows)
		hang_up(load);
}
