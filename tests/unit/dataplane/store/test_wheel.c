/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel against a plain list of deadlines, under random operations and jumps of time. */
#include "dataplane/store/wheel.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../../rng.h"

#define MS WHEEL_TICK_NS

struct model {
	struct wheel *wheel;
	uint64_t now_ns;
	uint32_t n;
	uint64_t *deadline_ns; /* UINT64_MAX: not armed */
	uint32_t armed;
	uint64_t fired;
	struct rng rng;
};

static void model_start(struct model *m, uint32_t n, uint64_t now_ns, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	m->wheel = wheel_new(n, now_ns);
	cr_assert_not_null(m->wheel);
	m->now_ns = now_ns;
	m->n = n;
	m->deadline_ns = malloc(n * sizeof(*m->deadline_ns));
	memset(m->deadline_ns, 0xff, n * sizeof(*m->deadline_ns));
	m->rng.state = seed;
}

static void model_end(struct model *m)
{
	wheel_free(m->wheel);
	free(m->deadline_ns);
}

/* A span of time with every order of magnitude as likely. */
static uint64_t random_span_ns(struct rng *rng, unsigned max_bits)
{
	unsigned bits = (unsigned)rng_below(rng, max_bits + 1);

	return rng_next(rng) & ((1ull << bits) - 1);
}

static void model_set(struct model *m, uint32_t timer, uint64_t deadline_ns)
{
	wheel_set(m->wheel, timer, deadline_ns);
	if (m->deadline_ns[timer] == UINT64_MAX)
		m->armed++;
	m->deadline_ns[timer] = deadline_ns;
}

static void model_cancel(struct model *m, uint32_t timer)
{
	wheel_cancel(m->wheel, timer);
	if (m->deadline_ns[timer] != UINT64_MAX)
		m->armed--;
	m->deadline_ns[timer] = UINT64_MAX;
}

/* Everything that is due comes out once, nothing early. */
static void model_expire(struct model *m, uint32_t max)
{
	uint32_t timers[64];
	uint32_t got;

	do {
		got = wheel_expire(m->wheel, m->now_ns, timers, max);
		cr_assert_leq(got, max);
		for (uint32_t i = 0; i < got; i++) {
			uint64_t deadline_ns = m->deadline_ns[timers[i]];

			cr_assert_neq(deadline_ns, UINT64_MAX, "timer %u fired but was not armed",
				      timers[i]);
			cr_assert_leq(deadline_ns, m->now_ns, "timer %u fired early", timers[i]);
			cr_assert_not(wheel_is_set(m->wheel, timers[i]));
			m->deadline_ns[timers[i]] = UINT64_MAX;
			m->armed--;
			m->fired++;
		}
	} while (got == max);
	cr_assert_eq(wheel_armed(m->wheel), m->armed);
}

static uint64_t model_first_ns(const struct model *m)
{
	uint64_t first = UINT64_MAX;

	for (uint32_t i = 0; i < m->n; i++)
		if (m->deadline_ns[i] < first)
			first = m->deadline_ns[i];
	return first;
}

/* Nothing may be left that was due a tick ago, and the wheel must not sleep past the next
 * deadline's tick. */
static void model_check(struct model *m)
{
	uint64_t first = model_first_ns(m);
	uint64_t next = wheel_next_ns(m->wheel);

	if (first == UINT64_MAX) {
		cr_assert_eq(next, UINT64_MAX);
		return;
	}
	cr_assert_gt(first / MS + (first % MS != 0), m->now_ns / MS, "late: due %lu now %lu", first,
		     m->now_ns);
	cr_assert_leq(next, (first / MS + (first % MS != 0)) * MS);
}

static void model_run(uint32_t n, uint64_t start_ns, uint64_t seed, unsigned steps,
		      unsigned max_bits)
{
	struct model m;

	model_start(&m, n, start_ns, seed);
	for (unsigned step = 0; step < steps; step++) {
		for (unsigned i = (unsigned)rng_below(&m.rng, 8); i--;) {
			uint32_t timer = (uint32_t)rng_below(&m.rng, n);

			if (rng_below(&m.rng, 4) == 0)
				model_cancel(&m, timer);
			else if (rng_below(&m.rng, 16) == 0)
				model_set(&m, timer, rng_below(&m.rng, m.now_ns + 1));
			else
				model_set(&m, timer, m.now_ns + random_span_ns(&m.rng, max_bits));
		}
		switch (rng_below(&m.rng, 3)) {
		case 0:
			m.now_ns += random_span_ns(&m.rng, max_bits);
			break;
		case 1:
			m.now_ns += rng_below(&m.rng, 3 * MS);
			break;
		default:
			if (wheel_next_ns(m.wheel) != UINT64_MAX &&
			    wheel_next_ns(m.wheel) > m.now_ns)
				m.now_ns = wheel_next_ns(m.wheel);
			break;
		}
		model_expire(&m, 1 + (uint32_t)rng_below(&m.rng, 8));
		model_check(&m);
	}
	cr_assert_gt(m.fired, 0);
	model_end(&m);
}

Test(wheel, agrees_with_a_list_near)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		model_run(64, seed * 977 * MS, seed, 10000, 32);
}

Test(wheel, agrees_with_a_list_far)
{
	/* 2^53 ns are 104 days: beyond the horizon too. */
	for (uint64_t seed = 1; seed <= 20; seed++)
		model_run(64, 0, seed, 10000, 53);
}

Test(wheel, agrees_with_a_list_from_any_start)
{
	struct rng rng = {.state = 5};

	for (uint64_t seed = 1; seed <= 40; seed++)
		model_run(32, rng_next(&rng) >> 2, seed, 2000, 45);
}

Test(wheel, gives_ticks_in_order)
{
	enum { N = 5000 };
	static uint64_t deadline_ns[N];
	struct wheel *wheel = wheel_new(N, 0);
	struct rng rng = {.state = 3};
	uint64_t last_tick = 0;
	uint32_t timers[7], got, total = 0;

	for (uint32_t i = 0; i < N; i++) {
		deadline_ns[i] = 1 + random_span_ns(&rng, 44);
		wheel_set(wheel, i, deadline_ns[i]);
	}
	do {
		got = wheel_expire(wheel, 1ull << 45, timers, 7);
		for (uint32_t i = 0; i < got; i++) {
			uint64_t tick = (deadline_ns[timers[i]] + MS - 1) / MS;

			cr_assert_geq(tick, last_tick);
			last_tick = tick;
		}
		total += got;
	} while (got == 7);
	cr_assert_eq(total, N);
	cr_assert_eq(wheel_next_ns(wheel), UINT64_MAX);
	wheel_free(wheel);
}

Test(wheel, first_set_first_out_within_a_tick)
{
	struct wheel *wheel = wheel_new(10, 0);
	uint32_t timers[10];

	for (uint32_t i = 0; i < 10; i++)
		wheel_set(wheel, 9 - i, 40 * MS);
	cr_assert_eq(wheel_expire(wheel, 40 * MS - 1, timers, 10), 0);
	cr_assert_eq(wheel_expire(wheel, 40 * MS, timers, 4), 4);
	cr_assert_eq(wheel_expire(wheel, 40 * MS, timers + 4, 6), 6);
	for (uint32_t i = 0; i < 10; i++)
		cr_assert_eq(timers[i], 9 - i);
	wheel_free(wheel);
}

Test(wheel, past_deadline_fires_at_once_and_moving_works)
{
	struct wheel *wheel = wheel_new(2, 5000 * MS);
	uint32_t timers[2];

	wheel_set(wheel, 0, 0);
	cr_assert_eq(wheel_expire(wheel, 5000 * MS, timers, 2), 1);
	wheel_set(wheel, 0, 0);
	cr_assert_eq(wheel_expire(wheel, 5000 * MS, timers, 2), 1);
	wheel_set(wheel, 1, 6000 * MS);
	wheel_set(wheel, 1, 7000 * MS);
	cr_assert_eq(wheel_expire(wheel, 6500 * MS, timers, 2), 0);
	wheel_set(wheel, 1, 6600 * MS);
	cr_assert_eq(wheel_expire(wheel, 6600 * MS, timers, 2), 1);
	cr_assert_eq(timers[0], 1);
	wheel_set(wheel, 0, UINT64_MAX);
	cr_assert(wheel_is_set(wheel, 0));
	cr_assert_eq(wheel_expire(wheel, 1ull << 62, timers, 2), 0);
	wheel_cancel(wheel, 0);
	wheel_cancel(wheel, 0);
	cr_assert_eq(wheel_armed(wheel), 0);
	cr_assert_eq(wheel_next_ns(wheel), UINT64_MAX);
	wheel_free(wheel);
}

/* Following wheel_next_ns alone must reach every deadline in few steps, however far. */
Test(wheel, jumps_over_idle_time)
{
	struct wheel *wheel = wheel_new(1, 0);
	struct rng rng = {.state = 11};
	uint64_t now_ns = 0;

	for (unsigned round = 0; round < 2000; round++) {
		uint64_t deadline_ns = now_ns + random_span_ns(&rng, 50);
		unsigned steps = 0;
		uint32_t timer;

		wheel_set(wheel, 0, deadline_ns);
		for (;;) {
			uint64_t next_ns = wheel_next_ns(wheel);

			cr_assert(steps == 0 || next_ns > now_ns, "time stands still");
			if (next_ns > now_ns)
				now_ns = next_ns;
			steps++;
			if (wheel_expire(wheel, now_ns, &timer, 1))
				break;
		}
		cr_assert_leq(steps, 10);
		cr_assert_geq(now_ns, deadline_ns);
		cr_assert_lt(now_ns, deadline_ns + MS + (deadline_ns > now_ns));
	}
	wheel_free(wheel);
}

/* Millions of operations on many timers, the way a worker uses them: set, mostly cancelled, a few
 * fire. */
Test(wheel, many_timers)
{
	enum { N = 100000 };
	struct model m;

	model_start(&m, N, 12345 * MS, 99);
	for (unsigned round = 0; round < 400; round++) {
		for (unsigned i = 0; i < 8000; i++) {
			uint32_t timer = (uint32_t)rng_below(&m.rng, N);

			if (rng_below(&m.rng, 2))
				model_set(&m, timer,
					  m.now_ns + (500 + rng_below(&m.rng, 32000)) * MS);
			else
				model_cancel(&m, timer);
		}
		m.now_ns += rng_below(&m.rng, 200 * MS);
		model_expire(&m, 64);
		if (round % 50 == 0)
			model_check(&m);
	}
	model_check(&m);
	cr_assert_gt(m.fired, 1000);
	model_end(&m);
}
