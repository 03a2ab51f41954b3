/* SPDX-License-Identifier: BSD-3-Clause */
/* A token bucket with fractions. limen-load's loop; libc only. */
#include "bench/load/pacer.h"

void pacer_start(struct pacer *pacer, uint64_t now, uint64_t ticks_hz, double rate, double burst)
{
	*pacer = (struct pacer){.last = now, .ticks_hz = ticks_hz, .rate = rate, .burst = burst};
}

static void advance(struct pacer *pacer, uint64_t now)
{
	if (now <= pacer->last)
		return;
	pacer->due += (double)(now - pacer->last) * pacer->rate / (double)pacer->ticks_hz;
	pacer->last = now;
	if (pacer->due > pacer->burst) {
		pacer->forgone += (uint64_t)(pacer->due - pacer->burst);
		pacer->due = pacer->burst;
	}
}

void pacer_set_rate(struct pacer *pacer, uint64_t now, double rate)
{
	advance(pacer, now);
	pacer->rate = rate;
}

uint32_t pacer_due(struct pacer *pacer, uint64_t now)
{
	advance(pacer, now);
	return pacer->due >= 1 ? (uint32_t)pacer->due : 0;
}
