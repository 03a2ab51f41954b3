/* SPDX-License-Identifier: BSD-3-Clause */
/* The line from cycles to nanoseconds, and how it is held to the kernel's clock. Main thread. */
#include "dataplane/io/tsc.h"

#define NS_PER_S     1000000000ull
#define BEND_MAX_PPB 500000
#define CATCH_UP_S   4 /* an error found now is gone after so long */
#define MEASURE_MIN_NS                                                                             \
	(2 * NS_PER_S) /* a shorter one says less of the rate than the nominal figure */

static void set_line(struct tsc_clock *clock, struct tsc_line line)
{
	uint32_t seq = atomic_load_explicit(&clock->seq, memory_order_relaxed);

	atomic_store_explicit(&clock->seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	clock->line = line;
	atomic_store_explicit(&clock->seq, seq + 2, memory_order_release);
}

void tsc_start(struct tsc_clock *clock, uint64_t tsc, uint64_t mono_ns, uint64_t hz)
{
	atomic_init(&clock->seq, 0);
	clock->zero_ns = mono_ns;
	clock->nominal = (NS_PER_S << 32) / hz;
	clock->since_tsc = tsc;
	clock->since_ns = mono_ns;
	clock->line = (struct tsc_line){.tsc = tsc, .ns = 0, .mult = clock->nominal};
}

void tsc_adjust(struct tsc_clock *clock, uint64_t tsc, uint64_t mono_ns)
{
	struct tsc_line line = {
		.tsc = tsc, .ns = tsc_line_ns(&clock->line, tsc), .mult = clock->nominal};
	int64_t behind = (int64_t)(mono_ns - clock->zero_ns - line.ns), bend;

	if (tsc <= clock->since_tsc || tsc < clock->line.tsc)
		return;
	if (behind > (int64_t)NS_PER_S) { /* cycles were not counted for a while */
		line.ns += (uint64_t)behind;
		behind = 0;
		clock->since_tsc = tsc;
		clock->since_ns = mono_ns;
	}
	if (mono_ns - clock->since_ns > MEASURE_MIN_NS) {
		__extension__ unsigned __int128 elapsed =
			(unsigned __int128)(mono_ns - clock->since_ns) << 32;

		line.mult = (uint64_t)(elapsed / (tsc - clock->since_tsc));
	}
	bend = behind / CATCH_UP_S; /* ns a second: parts in a billion */
	bend = bend > BEND_MAX_PPB ? BEND_MAX_PPB : bend < -BEND_MAX_PPB ? -BEND_MAX_PPB : bend;
	line.mult += (uint64_t)((int64_t)line.mult * bend / (int64_t)NS_PER_S);
	set_line(clock, line);
}
