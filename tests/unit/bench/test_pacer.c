/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-load's pacing: the rate that was asked for, however often it is asked, and no bursts after
 * an absence. */
#include "bench/load/pacer.h"

#include "../../rng.h"

#include <criterion/criterion.h>

#define HZ 2600000000u

Test(pacer, the_rate_is_kept_however_unevenly_it_is_asked)
{
	static const double rates[] = {0.5, 3, 1000, 33333.3, 14880952};
	struct rng rng = {.state = 3};

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct pacer pacer;
		uint64_t now = 12345, end = now + 10ull * HZ, done = 0;

		pacer_start(&pacer, now, HZ, rates[i], rates[i] / 100 + 1);
		while (now < end) {
			uint32_t due = pacer_due(&pacer, now);

			pacer_take(&pacer, due);
			done += due;
			now += 1 +
			       rng_below(
				       &rng,
				       HZ / 200); /* 2.5 ms on average, less than the burst lasts */
		}
		cr_assert_eq(pacer.forgone, 0);
		cr_assert_float_eq((double)done, rates[i] * 10, rates[i] * 0.005 + 1, "%f: %lu",
				   rates[i], done);
	}
}

Test(pacer, nothing_is_due_at_once_and_what_is_not_taken_stays_due)
{
	struct pacer pacer;

	pacer_start(&pacer, 0, 1000, 10, 100);
	cr_assert_eq(pacer_due(&pacer, 0), 0);
	cr_assert_eq(pacer_due(&pacer, 99), 0);
	cr_assert_eq(pacer_due(&pacer, 100), 1);
	cr_assert_eq(pacer_due(&pacer, 550), 5);
	pacer_take(&pacer, 2);
	cr_assert_eq(pacer_due(&pacer, 550), 3);
	cr_assert_eq(pacer_due(&pacer, 540), 3); /* a clock that was read earlier changes nothing */
	cr_assert_eq(pacer_due(&pacer, 600), 4); /* the half of before is not lost */
}

Test(pacer, an_absence_is_made_up_for_by_one_burst_at_most)
{
	struct pacer pacer;

	pacer_start(&pacer, 0, 1000, 1000, 8);
	cr_assert_eq(pacer_due(&pacer, 1000), 8);
	cr_assert_eq(pacer.forgone, 992);
	pacer_take(&pacer, 8);
	cr_assert_eq(pacer_due(&pacer, 1003), 3);
	cr_assert_eq(pacer.forgone, 992);
}

Test(pacer, another_rate_counts_from_its_change_on)
{
	struct pacer pacer;

	pacer_start(&pacer, 0, 1000, 10, 100);
	pacer_set_rate(&pacer, 1000, 100);
	cr_assert_eq(pacer_due(&pacer, 1000), 10);
	cr_assert_eq(pacer_due(&pacer, 1100), 20);
}
