/* SPDX-License-Identifier: BSD-3-Clause */
/* The two clocks as nanoseconds: one for intervals and deadlines, one for time stamps. Only the
 * edges of a process read them; engines are told the time. Both processes, any thread. */
#pragma once

#include <stdint.h>
#include <time.h>

#define CLOCK_NS_PER_S	UINT64_C(1000000000)
#define CLOCK_NS_PER_MS UINT64_C(1000000)

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec ts;

	/* Cannot fail for a clock that exists, and these two always do. */
	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Never steps back, not slewed by anyone; means nothing outside this boot. */
static inline uint64_t clock_mono_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* UNIX time; may jump. */
static inline uint64_t clock_real_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}
