/* SPDX-License-Identifier: BSD-3-Clause */
/* Timers known by a number, in a wheel of milliseconds: setting, moving and stopping one are a few instructions each.
 * limen-load's loop; libc only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMERS_SLOTS 16384u /* ms that the wheel holds; what is due later is looked at once a turn of it */
#define TIMERS_NONE  UINT32_MAX

struct timer_link {
	uint64_t due_ms; /* 0: not set */
	uint32_t next, prev;
};

struct timers {
	struct timer_link *links; /* owner; by number */
	uint32_t ntimers;
	uint64_t now_ms;
	uint32_t slots[TIMERS_SLOTS];
};

/* 0, or -ENOMEM. */
int timers_init(struct timers *timers, uint32_t ntimers, uint64_t now_ms);
void timers_fini(struct timers *timers);

/* A timer that is set is moved. Times in the past are due with the next millisecond. */
void timers_set(struct timers *timers, uint32_t timer, uint64_t due_ms);
void timers_stop(struct timers *timers, uint32_t timer);

/* The next timer due by now, stopped; TIMERS_NONE: none, and the wheel stands at now_ms. */
uint32_t timers_next(struct timers *timers, uint64_t now_ms);
