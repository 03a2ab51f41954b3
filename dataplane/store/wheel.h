/* SPDX-License-Identifier: BSD-3-Clause */
/* Timer wheel: timers are numbers 0..n-1 chosen by the owner (one per record), 1 ms ticks, all
 * operations O(1). Lies outside the arena and is rebuilt from the records' own deadlines. One
 * worker thread; reads no clock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_TICK_NS 1000000ull

struct wheel;

/* NULL when there is no memory. `now_ns` is any monotonic time. */
struct wheel *wheel_new(uint32_t ntimers, uint64_t now_ns);
void wheel_free(struct wheel *wheel);

/* Arm, or move, a timer. A deadline in the past fires at the next wheel_expire. */
void wheel_set(struct wheel *wheel, uint32_t timer, uint64_t deadline_ns);
void wheel_cancel(struct wheel *wheel, uint32_t timer);
bool wheel_is_set(const struct wheel *wheel, uint32_t timer);

/* Collect up to max timers that are due by now_ns (never early, at most one tick late), disarmed.
 * Returns how many; call again while it returns max. Timers come out in order of their ticks. */
uint32_t wheel_expire(struct wheel *wheel, uint64_t now_ns, uint32_t *timers, uint32_t max);

/* When wheel_expire next has something to do: never later than the tick of the next deadline,
 * earlier only where far timers are to be moved nearer (wheel_expire may then give nothing, and the
 * answer grows). UINT64_MAX when nothing is armed. */
uint64_t wheel_next_ns(const struct wheel *wheel);

uint32_t wheel_armed(const struct wheel *wheel);
