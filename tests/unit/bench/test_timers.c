/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-load's timer wheel against a plain list. */
#include "bench/load/timers.h"

#include "../../rng.h"

#include <criterion/criterion.h>
#include <string.h>

#define TIMERS 200u

Test(timers, each_fires_once_at_its_time)
{
	static struct timers timers;

	cr_assert_eq(timers_init(&timers, 3, 1000), 0);
	timers_set(&timers, 0, 1005);
	timers_set(&timers, 1, 1005);
	timers_set(&timers, 2, 900); /* past: with the next millisecond */
	cr_assert_eq(timers_next(&timers, 1000), TIMERS_NONE);
	cr_assert_eq(timers_next(&timers, 1001), 2);
	cr_assert_eq(timers_next(&timers, 1004), TIMERS_NONE);
	timers_stop(&timers, 1);
	timers_stop(&timers, 1);
	cr_assert_eq(timers_next(&timers, 5000), 0);
	cr_assert_eq(timers_next(&timers, 5000), TIMERS_NONE);
	timers_fini(&timers);
}

Test(timers, beyond_a_turn_of_the_wheel)
{
	static struct timers timers;

	cr_assert_eq(timers_init(&timers, 2, 0), 0);
	timers_set(&timers, 0, 3 * TIMERS_SLOTS + 7);
	timers_set(&timers, 1, 7);
	cr_assert_eq(timers_next(&timers, 3 * TIMERS_SLOTS + 6), 1);
	cr_assert_eq(timers_next(&timers, 3 * TIMERS_SLOTS + 6), TIMERS_NONE);
	cr_assert_eq(timers_next(&timers, 3 * TIMERS_SLOTS + 7), 0);
	timers_fini(&timers);
}

Test(timers, agree_with_a_list)
{
	static struct timers timers;
	uint64_t due[TIMERS] = {0}, now = 1;
	struct rng rng = {.state = 5};
	unsigned fired = 0;

	cr_assert_eq(timers_init(&timers, TIMERS, now), 0);
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t timer = (uint32_t)rng_below(&rng, TIMERS);

		if (rng_below(&rng, 4) == 0) {
			timers_stop(&timers, timer);
			due[timer] = 0;
		} else {
			due[timer] = now + 1 + rng_below(&rng, rng_below(&rng, 8) ? 2000 : 40000);
			timers_set(&timers, timer, due[timer]);
		}
		now += rng_below(&rng, 20);
		while ((timer = timers_next(&timers, now)) != TIMERS_NONE) {
			cr_assert(due[timer] && due[timer] <= now, "timer %u", timer);
			due[timer] = 0;
			fired++;
		}
		for (unsigned i = 0; i < TIMERS; i++)
			cr_assert(!due[i] || due[i] > now, "timer %u did not fire", i);
	}
	cr_assert_gt(fired, 1000);
	timers_fini(&timers);
}
