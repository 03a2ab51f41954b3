/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP's packet index through wraps, loss and reordering, and the replay window, held against a
 * plain model. */
#include "common/rtp/secure.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "../../../rng.h"

Test(secure, suites_by_name)
{
	for (unsigned i = 1; i < SECURE_SUITES; i++)
		cr_expect_eq(secure_suite_of(span_str(secure_suite_info(i)->name)), i);
	cr_expect_eq(secure_suite_of(SPAN("F8_128_HMAC_SHA1_80")), SECURE_NONE);
	cr_expect_eq(secure_suite_of(SPAN_NONE), SECURE_NONE);
	cr_expect_null(secure_suite_info(SECURE_NONE));
	cr_expect_null(secure_suite_info(SECURE_SUITES));
}

Test(secure, the_index_follows_the_sender_through_wraps)
{
	struct secure_dir dir = {0};
	struct rng rng = {.state = 3};
	uint64_t sent = 0;

	for (unsigned n = 0; n < 200000; n++) {
		uint64_t index;

		sent += 1 + rng_below(&rng, rng_below(&rng, 50) ? 20 : 30000);
		/* Some come late, though not by more than what lies between sequence numbers. */
		index = sent - (rng_below(&rng, 4) ? 0 : rng_below(&rng, sent < 100 ? sent : 100));
		cr_assert_eq(secure_index_guess(secure_source_find(&dir, 7), (uint16_t)index),
			     n ? index : (uint16_t)index, "packet %u", n);
		secure_index_note(&dir, 7, index);
	}
	cr_expect_gt(sent >> 16, 100);
}

Test(secure, each_index_once_and_none_from_behind_the_window)
{
	struct secure_dir dir = {0};
	struct rng rng = {.state = 4};
	uint64_t highest = 0;
	bool *seen = calloc(1 << 20, sizeof(*seen));

	cr_assert(seen);
	for (unsigned n = 0; n < 300000; n++) {
		uint64_t index = highest + rng_below(&rng, 5);
		bool fresh;

		if (rng_below(&rng, 2))
			index = highest - rng_below(&rng, highest < 200 ? highest + 1 : 200);
		if (rng_below(&rng, 1000) == 0)
			index = highest + rng_below(&rng, 300);
		fresh = !seen[index] && index + SECURE_WINDOW > highest;
		cr_assert_eq(secure_index_is_fresh(secure_source_find(&dir, 1), index), fresh);
		cr_assert_eq(secure_index_note(&dir, 1, index), fresh, "%u", n);
		if (fresh)
			seen[index] = true;
		if (fresh && index > highest)
			highest = index;
		if (highest + 400 > 1 << 20)
			break;
	}
	cr_expect_gt(highest, 10000);
	free(seen);
}

Test(secure, sources_are_apart_and_bounded)
{
	struct secure_dir dir = {0};

	for (uint32_t i = 0; i < SECURE_SOURCES; i++) {
		cr_expect(secure_source_fits(&dir));
		cr_expect(secure_index_note(&dir, 100 + i, 5));
		cr_expect_not(secure_index_note(&dir, 100 + i, 5));
	}
	cr_expect_not(secure_source_fits(&dir));
	cr_expect_not(secure_index_note(&dir, 99, 5));
	cr_expect_null(secure_source_find(&dir, 99));
	for (uint32_t i = 0; i < SECURE_SOURCES; i++)
		cr_expect(secure_index_note(&dir, 100 + i, 6));
}
