/* SPDX-License-Identifier: BSD-3-Clause */
/* Monotonic time in nanoseconds from the CPU's cycle counter: no system call. The main thread holds
 * it to CLOCK_MONOTONIC, so that it neither drifts off UNIX time by the crystal's error nor ever
 * steps back. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct tsc_line {
	uint64_t tsc;  /* where the line begins */
	uint64_t ns;   /* time there */
	uint64_t mult; /* ns for each cycle, times 2^32 */
};

struct tsc_clock {
	/* main writes, workers read */
	_Atomic uint32_t seq; /* odd while the line is being changed */
	struct tsc_line line;
	/* main's own */
	uint64_t zero_ns;   /* CLOCK_MONOTONIC at time 0 */
	uint64_t nominal;   /* mult, as the kernel tells the counter's rate */
	uint64_t since_tsc; /* the rate is measured from here: cycles, */
	uint64_t since_ns;  /* and CLOCK_MONOTONIC */
} __attribute__((aligned(64)));

static inline uint64_t tsc_line_ns(const struct tsc_line *line, uint64_t tsc)
{
	__extension__ unsigned __int128 product = (unsigned __int128)(tsc - line->tsc) * line->mult;

	/* Cores' counters may differ by a few cycles just after a change. */
	return tsc < line->tsc ? line->ns : line->ns + (uint64_t)(product >> 32);
}

/* Any thread. */
static inline uint64_t tsc_ns(const struct tsc_clock *clock, uint64_t tsc)
{
	struct tsc_line line;
	uint32_t seq;

	do {
		seq = atomic_load_explicit(&clock->seq, memory_order_acquire);
		line = clock->line;
		atomic_thread_fence(memory_order_acquire);
	} while ((seq & 1) || seq != atomic_load_explicit(&clock->seq, memory_order_relaxed));
	return tsc_line_ns(&line, tsc);
}

/* Begin: time is 0 at `tsc`, which is mono_ns of CLOCK_MONOTONIC. */
void tsc_start(struct tsc_clock *clock, uint64_t tsc, uint64_t mono_ns, uint64_t hz);

/* Main, about once a second: tsc and CLOCK_MONOTONIC read together. Bends the line towards it, by
 * 500 ppm at the most; where it has fallen back by more than a second (the machine slept) it jumps
 * ahead. */
void tsc_adjust(struct tsc_clock *clock, uint64_t tsc, uint64_t mono_ns);
