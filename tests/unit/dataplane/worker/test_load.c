/* SPDX-License-Identifier: BSD-3-Clause */
/* The meter of a worker's load: turns of known cost in, permille out. */
#include "dataplane/worker/load.h"

#include <criterion/criterion.h>

/* One cycle is one nanosecond here. */
static void turns(struct load_meter *load, uint64_t *now_ns, unsigned n, uint64_t cycles,
		  bool found, bool full)
{
	while (n--) {
		*now_ns += cycles;
		load_turn(load, *now_ns, cycles, found, full);
	}
}

Test(load, an_idle_worker)
{
	struct load_meter load = {0};
	uint64_t now = 0;

	turns(&load, &now, 1000000, 100, false, false);
	cr_expect_eq(load.permille, 0);
}

Test(load, half_of_the_cycles)
{
	struct load_meter load = {0};
	uint64_t now = 0;

	for (unsigned i = 0; i < 20000; i++) {
		turns(&load, &now, 1, 5000, true, false);
		turns(&load, &now, 50, 100, false, false);
	}
	cr_expect(load.permille >= 485 && load.permille <= 495, "%u", load.permille);
}

Test(load, half_with_sleep_between)
{
	struct load_meter load = {0};
	uint64_t now = 0;

	for (unsigned i = 0; i < 4000; i++) {
		turns(&load, &now, 20, 5000, true, false);
		turns(&load, &now, 32, 100, false, false);
		turns(&load, &now, 1, 96800, false, false); /* nanosleep */
	}
	cr_expect(load.permille >= 485 && load.permille <= 500, "%u", load.permille);
}

Test(load, never_idle_but_with_shallow_bursts)
{
	struct load_meter load = {0};
	uint64_t now = 0;

	turns(&load, &now, 300000, 100, false, false); /* what an empty turn costs */
	turns(&load, &now, 300000, 200, true, false);
	cr_expect(load.permille >= 450 && load.permille <= 550, "%u", load.permille);
}

Test(load, full)
{
	struct load_meter load = {0};
	uint64_t now = 0;

	turns(&load, &now, 300000, 100, false, false);
	turns(&load, &now, 3000, 100000, true, false);
	cr_expect(load.permille >= 990 && load.permille <= 1000, "%u", load.permille);
}

Test(load, full_and_more_waiting)
{
	struct load_meter load = {0};
	uint64_t now = 0;

	turns(&load, &now, 300000, 100, false, false);
	for (unsigned i = 0; i < 3000; i++) {
		turns(&load, &now, 1, 100000, true, true);
		turns(&load, &now, 1, 100000, true, false);
	}
	cr_expect(load.permille >= 1450 && load.permille <= 1550, "%u", load.permille);
}

Test(load, full_bursts_behind_a_sleep_are_not_overload)
{
	struct load_meter load = {0};
	uint64_t now = 0;

	for (unsigned i = 0; i < 20000; i++) {
		turns(&load, &now, 1, 10000, true, true);
		turns(&load, &now, 32, 100, false, false);
		turns(&load, &now, 1, 50000, false, false);
	}
	cr_expect(load.permille >= 140 && load.permille <= 170, "%u", load.permille);
}

Test(load, follows_within_tens_of_milliseconds)
{
	struct load_meter load = {0};
	uint64_t now = 0, since;

	turns(&load, &now, 1000000, 100, false, false);
	since = now;
	while (load.permille < 900 && now - since < 1000000000)
		turns(&load, &now, 1, 5000, true, false);
	cr_expect(now - since <= 50000000, "%lu ns", now - since);
	since = now;
	while (load.permille > 100 && now - since < 1000000000)
		turns(&load, &now, 1, 100, false, false);
	cr_expect(now - since <= 50000000, "%lu ns", now - since);
}
