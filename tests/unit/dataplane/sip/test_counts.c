/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters that workers share: exact under any order of threads, back at nothing in the end. */
#include "dataplane/sip/counts.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#define S UINT64_C(1000000000)

Test(counts, a_trunk_keeps_its_number)
{
	struct counts *counts = counts_new(10);
	uint32_t one = counts_trunk_number(counts, 77, "one"),
		 two = counts_trunk_number(counts, 78, "two");

	cr_assert_neq(one, 0);
	cr_assert_neq(one, two);
	cr_expect_eq(counts_trunk_number(counts, 77, "one"), one);
	cr_expect_eq(counts_trunk_find(counts, 78), two);
	cr_expect_eq(counts_trunk_find(counts, 79), 0);
	cr_expect_str_eq(counts_trunk(counts, two)->name, "two");
	cr_expect_null(counts_trunk(counts, 0));
	cr_expect_null(counts_trunk(counts, 3));
	counts_free(counts);
}

Test(counts, the_table_of_trunks_has_an_end)
{
	struct counts *counts = counts_new(10);

	for (uint32_t id = 1; id <= COUNTS_TRUNKS_MAX; id++)
		cr_assert_eq(counts_trunk_number(counts, id, "t"), id);
	cr_expect_eq(counts_trunk_number(counts, COUNTS_TRUNKS_MAX + 1, "t"), 0);
	cr_expect_eq(counts_trunk_find(counts, COUNTS_TRUNKS_MAX), COUNTS_TRUNKS_MAX);
	counts_free(counts);
}

Test(counts, calls_of_each_direction_and_of_both)
{
	struct counts *counts = counts_new(10);
	struct counts_trunk *t = counts_trunk(counts, counts_trunk_number(counts, 1, "t"));

	cr_assert(counts_call_begin(t, COUNTS_IN, 2, 3));
	cr_assert(counts_call_begin(t, COUNTS_IN, 2, 3));
	cr_expect_not(counts_call_begin(t, COUNTS_IN, 2, 3));
	cr_assert(counts_call_begin(t, COUNTS_OUT, 2, 3));
	cr_expect_not(counts_call_begin(t, COUNTS_OUT, 2, 3), "three of both");
	cr_expect(counts_call_begin(t, COUNTS_OUT, 0, 0), "no limit");
	cr_expect_eq(counts_calls(t, COUNTS_IN), 2);
	cr_expect_eq(counts_calls(t, COUNTS_OUT), 2);
	counts_call_end(t, COUNTS_IN);
	counts_call_end(t, COUNTS_IN);
	counts_call_end(t, COUNTS_OUT);
	counts_call_end(t, COUNTS_OUT);
	cr_expect_eq(counts_calls(t, COUNTS_IN) + counts_calls(t, COUNTS_OUT), 0);
	counts_free(counts);
}

Test(counts, a_bucket_gives_its_rate_and_its_burst)
{
	_Atomic uint64_t bucket = 0;
	unsigned taken = 0;

	/* twenty at once, ten a second from then on: as many in 100 s */
	for (uint64_t ms = 0; ms < 100000; ms++)
		taken += counts_take(&bucket, 5 * S + ms * 1000000, 10, 20);
	cr_expect(taken >= 1019 && taken <= 1020, "%u", taken);
	cr_expect(counts_take(&bucket, 0, 0, 0), "no limit");
}

Test(counts, users_have_as_many_calls_as_they_may)
{
	struct counts *counts = counts_new(100);
	uint32_t held[3], more;

	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(counts_user_begin(counts, 42, S, 3, 0, 1, &held[i]),
			     COUNTS_USER_TAKEN);
		cr_assert(held[i]);
	}
	cr_expect_eq(counts_user_begin(counts, 42, S, 3, 0, 1, &more), COUNTS_USER_FULL);
	cr_expect_eq(more, 0);
	cr_assert_eq(counts_user_begin(counts, 43, S, 3, 0, 1, &more), COUNTS_USER_TAKEN);
	counts_user_end(counts, held[0]);
	cr_expect_eq(counts_user_begin(counts, 42, S, 3, 0, 1, &held[0]), COUNTS_USER_TAKEN);
	for (unsigned i = 0; i < 3; i++)
		counts_user_end(counts, held[i]);
	counts_user_end(counts, more);
	counts_user_end(counts, 0);
	cr_expect_eq(counts_users(counts), 0);
	counts_free(counts);
}

/* A user without calls keeps his place while his bucket says something. */
Test(counts, the_rate_of_a_user_outlives_his_calls)
{
	struct counts *counts = counts_new(100);
	uint32_t held;

	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(counts_user_begin(counts, 42, S, 0, 2, 2, &held), COUNTS_USER_TAKEN);
		counts_user_end(counts, held);
	}
	cr_expect_eq(counts_user_begin(counts, 42, S, 0, 2, 2, &held), COUNTS_USER_FULL);
	cr_expect_eq(counts_user_begin(counts, 42, S + S / 2, 0, 2, 2, &held), COUNTS_USER_TAKEN);
	counts_user_end(counts, held);
	cr_expect_eq(counts_users(counts), 0);
	counts_free(counts);
}

Test(counts, too_many_users_of_one_place_are_told_from_a_full_one)
{
	struct counts *counts = counts_new(8);
	unsigned no_room = 0;
	uint32_t held;

	for (uint64_t user = 1; user <= 1000; user++)
		no_room += counts_user_begin(counts, user << 32, S, 1, 0, 1, &held) ==
			   COUNTS_USER_NO_ROOM;
	cr_expect(no_room > 900, "%u", no_room);
	counts_free(counts);
}

/* Workers that begin and end calls of the same few trunks and users at random. */
#define THREADS 4u
#define ROUNDS	100000u
#define MAX	7u

static struct counts *shared;
static _Atomic uint32_t beyond;

static void *play(void *arg)
{
	uint64_t x = (uint64_t)(uintptr_t)arg * UINT64_C(0x9e3779b97f4a7c15) + 1;
	struct {
		uint32_t trunk, user;
	} call[8] = {0};

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned at;

		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		at = x >> 40 & 7;
		if (call[at].trunk) {
			counts_call_end(counts_trunk(shared, call[at].trunk), COUNTS_IN);
			counts_user_end(shared, call[at].user);
			call[at].trunk = call[at].user = 0;
			continue;
		}
		call[at].trunk = counts_trunk_number(shared, 1 + (x >> 50) % 3, "t");
		if (!counts_call_begin(counts_trunk(shared, call[at].trunk), COUNTS_IN, MAX, 0)) {
			call[at].trunk = 0;
			continue;
		}
		if (counts_calls(counts_trunk(shared, call[at].trunk), COUNTS_IN) > MAX)
			atomic_fetch_add(&beyond, 1);
		if (counts_user_begin(shared, (1 + (x >> 45) % 5) << 8, S + i, 3, 0, 1,
				      &call[at].user) != COUNTS_USER_TAKEN) {
			counts_call_end(counts_trunk(shared, call[at].trunk), COUNTS_IN);
			call[at].trunk = 0;
		}
	}
	for (unsigned at = 0; at < 8; at++) {
		if (!call[at].trunk)
			continue;
		counts_call_end(counts_trunk(shared, call[at].trunk), COUNTS_IN);
		counts_user_end(shared, call[at].user);
	}
	return NULL;
}

Test(counts, threads_never_go_beyond_and_leave_nothing)
{
	pthread_t threads[THREADS];

	shared = counts_new(64);
	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, play, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_expect_eq(atomic_load(&beyond), 0);
	cr_expect_eq(counts_trunks(shared), 3);
	for (uint32_t n = 1; n <= 3; n++)
		cr_expect_eq(counts_calls(counts_trunk(shared, n), COUNTS_IN), 0);
	cr_expect_eq(counts_users(shared), 0);
	counts_free(shared);
}
