/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-load as a whole: what its loop turns, what its reports read. One thread. */
#pragma once

#include "bench/load/calls.h"
#include "bench/load/pacer.h"
#include "bench/load/users.h"

#include <signal.h>

/* What one phase came to. */
struct phase_result {
	const char *rate;        /* as it was asked for */
	double target_pps;       /* 0: flat out */
	double seconds;          /* of sending */
	uint64_t sent, received; /* while sending */
	uint64_t lost;           /* after the wait for what was under way */
	uint64_t all_sent;
	uint64_t reordered, duplicate, misled;
	uint64_t forgone;        /* not offered: the loop came too late */
	struct histogram latency;
};

struct load {
	struct options options;
	struct ports ports;
	struct hops hops;
	struct flows flows;
	struct calls calls;
	bool has_calls;
	struct users users;
	bool has_users;

	double tsc_hz;
	uint64_t start_tsc;
	uint64_t idle_turns, turns;

	enum rate_kind media_now; /* RATE_NONE: nothing is sent */
	struct pacer media_pacer;
	struct pacer call_pacer;
	bool begins_calls;
	double call_seconds;      /* how long calls were begun */
	double refresh_seconds;   /* how long users refreshed, */
	uint64_t refresh_forgone; /* what was not asked meanwhile: the loop came too late, */
	double call_cpu_s;        /* and what this process took of its CPU meanwhile */

	struct phase_result *phases; /* owner; options.nphases */
	unsigned nphases;            /* done */

	/* progress */
	uint64_t shown_tsc;
	struct flow_count shown_flow;
	struct call_count shown_call;
};

extern volatile sig_atomic_t load_stop;

/* One turn: receive, timers, calls, media, send. */
void load_turn(struct load *load);

/* Calls and phases as the options say. */
void load_run(struct load *load);

/* Progress: a line when it is time. */
void report_progress(struct load *load, const char *doing);
void report_table(const struct load *load);
/* 0, or -errno. */
int report_json(const struct load *load);
