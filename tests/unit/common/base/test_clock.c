/* SPDX-License-Identifier: BSD-3-Clause */
/* The clocks tell nanoseconds and go forward. */
#include "common/base/clock.h"

#include <criterion/criterion.h>

Test(clock, monotonic_clock_never_goes_back)
{
	uint64_t last = clock_mono_ns();

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t now = clock_mono_ns();

		cr_assert_geq(now, last);
		last = now;
	}
}

Test(clock, real_clock_tells_unix_time_in_nanoseconds)
{
	uint64_t before_s = (uint64_t)time(NULL), now_ns = clock_real_ns(),
		 after_s = (uint64_t)time(NULL);

	/* time() may be read from a coarser clock that lags by a tick. */
	cr_expect_geq(now_ns / CLOCK_NS_PER_S + 1, before_s);
	cr_expect_leq(now_ns / CLOCK_NS_PER_S, after_s + 1);
}
