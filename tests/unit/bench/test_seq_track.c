/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-load's reckoning of lost, reordered and duplicate packets, against a record of every
 * number. */
#include "bench/load/seq_track.h"

#include "../../rng.h"

#include <criterion/criterion.h>
#include <string.h>

#define SENT 20000u

Test(seq_track, all_in_order)
{
	struct seq_track track = {0};

	for (uint32_t seq = 0; seq < SENT; seq++)
		cr_assert_eq(seq_track_add(&track, seq), SEQ_IN_ORDER);
	cr_assert_eq(seq_track_lost(&track, SENT), 0);
}

Test(seq_track, what_is_missing_at_either_end_is_lost)
{
	struct seq_track track = {0};

	for (uint32_t seq = 3; seq < 10; seq++)
		seq_track_add(&track, seq);
	cr_assert_eq(seq_track_lost(&track, 12), 5);
	cr_assert_eq(seq_track_lost(&(struct seq_track){0}, 12), 12);
}

Test(seq_track, late_is_reordered_once_and_duplicate_from_then_on)
{
	struct seq_track track = {0};

	seq_track_add(&track, 0);
	cr_assert_eq(seq_track_add(&track, 2), SEQ_IN_ORDER);
	cr_assert_eq(seq_track_add(&track, 1), SEQ_REORDERED);
	cr_assert_eq(seq_track_add(&track, 1), SEQ_DUPLICATE);
	cr_assert_eq(seq_track_add(&track, 2), SEQ_DUPLICATE);
	cr_assert_eq(seq_track_add(&track, 0), SEQ_DUPLICATE);
	cr_assert_eq(seq_track_lost(&track, 3), 0);
}

Test(seq_track, at_the_windows_edge)
{
	struct seq_track track = {0};

	seq_track_add(&track, 0);
	seq_track_add(&track, SEQ_WINDOW - 1);
	cr_assert_eq(seq_track_add(&track, 0), SEQ_DUPLICATE); /* the oldest that is remembered */
	seq_track_add(&track, SEQ_WINDOW);
	cr_assert_eq(seq_track_add(&track, 0),
		     SEQ_REORDERED); /* forgotten: late, as far as anyone can tell */
	cr_assert_eq(seq_track_add(&track, 1), SEQ_REORDERED);
	cr_assert_eq(seq_track_add(&track, 1), SEQ_DUPLICATE);
}

Test(seq_track, a_jump_of_a_whole_window_forgets_all_before)
{
	for (uint32_t jump = SEQ_WINDOW - 1; jump <= SEQ_WINDOW + 1; jump++) {
		struct seq_track track = {0};

		seq_track_add(&track, 0);
		seq_track_add(&track, jump);
		cr_assert_eq(track.window & 1, 1);
		cr_assert_eq(seq_track_lost(&track, jump + 1), jump - 1);
		cr_assert_eq(seq_track_add(&track, jump - 1), SEQ_REORDERED, "%u", jump);
	}
}

Test(seq_track, through_the_wrap_of_32_bits)
{
	struct seq_track track = {.next = UINT32_MAX - 5};

	for (uint32_t i = 0; i < 20; i++)
		cr_assert_eq(seq_track_add(&track, UINT32_MAX - 5 + i), SEQ_IN_ORDER);
	cr_assert_eq(seq_track_add(&track, 0), SEQ_DUPLICATE);
}

/* A network that loses, doubles and shuffles within less than a window. */
Test(seq_track, agrees_with_a_full_record)
{
	static uint8_t came[SENT];
	uint32_t order[32], lost = 0, unique = 0, duplicate = 0, highest = 0, reordered = 0,
			    got[3] = {0};
	struct seq_track track = {0};
	struct rng rng = {.state = 11};

	for (uint32_t at = 0; at < SENT; at += 32) {
		uint32_t n = SENT - at < 32 ? SENT - at : 32;

		for (uint32_t i = 0; i < n; i++) {
			uint32_t j = (uint32_t)rng_below(&rng, i + 1);

			order[i] = order[j];
			order[j] = at + i;
		}
		for (uint32_t i = 0; i < n; i++) {
			for (uint64_t copies = rng_below(&rng, 10) ? 1 : rng_below(&rng, 3); copies;
			     copies--) {
				uint32_t seq = order[i];

				got[seq_track_add(&track, seq)]++;
				duplicate += came[seq];
				unique += !came[seq];
				reordered += !came[seq] && seq < highest;
				highest = seq >= highest ? seq + 1 : highest;
				came[seq] = 1;
			}
		}
	}
	for (uint32_t seq = 0; seq < SENT; seq++)
		lost += !came[seq];
	cr_assert_eq(got[SEQ_DUPLICATE], duplicate);
	cr_assert_eq(got[SEQ_REORDERED], reordered);
	cr_assert_eq(track.unique, unique);
	cr_assert_eq(seq_track_lost(&track, SENT), lost);
	cr_assert_gt(lost, 0);
	cr_assert_gt(duplicate, 0);
	cr_assert_gt(reordered, 0);
}
