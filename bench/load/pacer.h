/* SPDX-License-Identifier: BSD-3-Clause */
/* How many events are due now, at a steady rate. Time is in ticks of whatever clock the caller reads. limen-load's loop; libc
 * only. */
#pragma once

#include <stdint.h>

struct pacer {
	uint64_t last;      /* time up to which events were granted */
	uint64_t ticks_hz;  /* ticks in a second */
	double rate;        /* events a second */
	double due;         /* granted and not taken, with its fraction */
	double burst;       /* at most so many: what is behind that is given up */
	uint64_t forgone;   /* given up: the caller was away too long */
};

/* From `now` on. A caller that stays away longer than `burst` events last does not make up for the rest. */
void pacer_start(struct pacer *pacer, uint64_t now, uint64_t ticks_hz, double rate, double burst);

/* Another rate from now on; what is due stays due. */
void pacer_set_rate(struct pacer *pacer, uint64_t now, double rate);

/* Whole events due now; the caller says with pacer_take how many it did. */
uint32_t pacer_due(struct pacer *pacer, uint64_t now);

static inline void pacer_take(struct pacer *pacer, uint32_t events)
{
	pacer->due -= events;
}
