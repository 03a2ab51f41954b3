/* SPDX-License-Identifier: BSD-3-Clause */
/* What a registrar is sent: at its rate, nothing but trials while it is away, and who waits comes
 * back spread. */
#include "controlplane/registrar/cores.h"

#include <criterion/criterion.h>

#include "common/base/clock.h"

#define S CLOCK_NS_PER_S
#define T0 (1000 * S)

static const struct core_rate ten = {.per_s = 10, .burst_ms = 1000};

struct test {
	struct cores *cores;
	struct core *core;
	uint64_t now;
};

static struct test start(void)
{
	struct test t = {.cores = cores_new(), .now = T0};

	cr_assert_not_null(t.cores);
	t.core = cores_get(t.cores, SPAN("core"));
	cr_assert_not_null(t.core);
	return t;
}

/* How many of so many are taken, evenly over that time; each is answered at once where it is. */
static unsigned offer(struct test *t, unsigned n, uint64_t over_ns, enum core_urgency urgency,
		      unsigned status)
{
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++, t->now += over_ns / n) {
		if (!core_takes(t->core, &ten, urgency, false, t->now))
			continue;
		taken++;
		if (status)
			core_answered(t->core, status, 0, t->now);
	}
	return taken;
}

Test(cores, the_rate_is_held)
{
	struct test t = start();

	cr_expect_eq(offer(&t, 100, 0, CORE_URGENT, 200), 10, "what a second brings at once");
	cr_expect_eq(offer(&t, 1000, 10 * S, CORE_URGENT, 200), 99);
	t.now += 60 * S;
	cr_expect_eq(offer(&t, 100, 0, CORE_URGENT, 200), 10, "nothing more is saved up");
	cores_free(t.cores);
}

Test(cores, a_slow_rate_lets_a_challenge_be_answered)
{
	const struct core_rate slow = {.per_s = 1, .burst_ms = 1};
	struct test t = start();

	cr_expect(core_takes(t.core, &slow, CORE_ORDINARY, false, t.now));
	core_answered(t.core, 401, 0, t.now);
	cr_expect_not(core_takes(t.core, &slow, CORE_ORDINARY, false, t.now));
	cr_expect(core_takes(t.core, &slow, CORE_URGENT, false, t.now));
	cr_expect_not(core_takes(t.core, &slow, CORE_URGENT, false, t.now));
	cores_free(t.cores);
}

Test(cores, the_urgent_have_half_for_themselves)
{
	struct test t = start();

	cr_expect_eq(offer(&t, 100, 0, CORE_ORDINARY, 200), 5);
	cr_expect_eq(offer(&t, 100, 0, CORE_URGENT, 200), 5);
	cores_free(t.cores);
}

Test(cores, a_rehearsal_takes_nothing)
{
	struct test t = start();

	for (int i = 0; i < 100; i++)
		cr_expect(core_takes(t.core, &ten, CORE_URGENT, true, t.now));
	cr_expect_eq(offer(&t, 100, 0, CORE_URGENT, 200), 10);
	cores_free(t.cores);
}

Test(cores, silence_is_noticed_and_tried)
{
	struct test t = start();

	cr_expect_eq(offer(&t, 3, 3 * S, CORE_URGENT, 0), 3);
	cr_expect_not(core_is_away(t.core));
	t.now += 2 * S;
	cr_expect_eq(offer(&t, 100, 20 * S, CORE_URGENT, 0), 4, "one in five seconds");
	cr_expect(core_is_away(t.core));
	cr_expect_eq(core_returns(t.core), 0);
	/* one of them is answered: it is back, and begins slowly */
	core_answered(t.core, 401, 0, t.now);
	cr_expect_not(core_is_away(t.core));
	cr_expect_eq(core_returns(t.core), 1);
	cr_expect_eq(offer(&t, 100, 0, CORE_URGENT, 200), 0);
	cr_expect_eq(offer(&t, 100, 10 * S, CORE_URGENT, 200), 99, "ten a second but the first");
	cores_free(t.cores);
}

Test(cores, failures_are_noticed_too)
{
	struct test t = start();

	cr_expect_eq(offer(&t, 2, 0, CORE_URGENT, 0), 2);
	core_answered(t.core, 0, 0, t.now);
	core_answered(t.core, 0, 0, t.now);
	cr_expect(core_takes(t.core, &ten, CORE_URGENT, false, t.now));
	core_answered(t.core, 200, 0, t.now);
	core_answered(t.core, 0, 0, t.now);
	cr_expect(core_takes(t.core, &ten, CORE_URGENT, false, t.now), "an answer between");
	core_answered(t.core, 0, 0, t.now);
	core_answered(t.core, 0, 0, t.now);
	cr_expect(core_takes(t.core, &ten, CORE_URGENT, false, t.now), "the trial");
	cr_expect(core_is_away(t.core));
	cr_expect_not(core_takes(t.core, &ten, CORE_URGENT, false, t.now));
	cores_free(t.cores);
}

Test(cores, probes_say_that_it_is_down)
{
	const struct core_rate down = {.per_s = 10, .burst_ms = 1000, .down = true};
	struct test t = start();

	cr_expect_not(core_takes(t.core, &down, CORE_URGENT, false, t.now));
	cr_expect(core_is_away(t.core));
	t.now += 60 * S;
	cr_expect_not(core_takes(t.core, &down, CORE_URGENT, false, t.now), "no trial needed");
	cr_expect(core_takes(t.core, &ten, CORE_URGENT, false, t.now), "they say that it is up");
	core_answered(t.core, 200, 0, t.now);
	cr_expect_not(core_is_away(t.core));
	cores_free(t.cores);
}

Test(cores, a_503_is_believed)
{
	struct test t = start();

	cr_expect_eq(offer(&t, 1, 0, CORE_URGENT, 0), 1);
	core_answered(t.core, 503, 7, t.now);
	cr_expect_eq(offer(&t, 70, 7 * S - 70, CORE_URGENT, 200), 0);
	t.now += 70;
	cr_expect_eq(offer(&t, 1, 0, CORE_URGENT, 0), 1);
	core_answered(t.core, 503, 4000000000u, t.now);
	t.now += 300 * S - 1;
	cr_expect_eq(offer(&t, 1, 0, CORE_URGENT, 0), 0);
	t.now += 1;
	cr_expect_eq(offer(&t, 1, 0, CORE_URGENT, 0), 1, "but not for ever");
	core_answered(t.core, 503, 0, t.now);
	cr_expect_eq(offer(&t, 1, 0, CORE_URGENT, 0), 0);
	t.now += S;
	cr_expect_eq(offer(&t, 1, 0, CORE_URGENT, 0), 1);
	cr_expect_not(core_is_away(t.core), "it answers");
	cores_free(t.cores);
}

/* Those who are refused at once come back at about the rate, whatever the random numbers. */
Test(cores, who_waits_comes_back_spread)
{
	static unsigned came[2000];
	struct test t = start();
	unsigned most = 0, longest = 0;

	for (unsigned i = 0; i < 3000; i++) {
		uint32_t wait = core_retry_s(t.core, &ten, i * 2654435761u, t.now);

		cr_assert(wait >= 1 && wait <= 1800);
		came[wait]++;
		if (wait > longest)
			longest = wait;
	}
	for (unsigned s = 0; s < 2000; s++)
		most = came[s] > most ? came[s] : most;
	cr_expect(most <= 20, "%u in one second", most);
	cr_expect(longest >= 300 && longest <= 380, "%u", longest);
	/* where each comes twice, in twice the time */
	core_answered(t.core, 401, 0, t.now);
	t.now += 301 * S;
	for (unsigned i = 0; i < 3000; i++)
		longest = core_retry_s(t.core, &ten, 0, t.now);
	cr_expect_eq(longest, 601);
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t wait = core_retry_s(t.core, &ten, i * 2654435761u, t.now);

		cr_assert(wait <= 1800 + 1800 / 4 + 1);
	}
	cores_free(t.cores);
}

Test(cores, each_for_itself_and_told)
{
	struct test t = start();
	struct core *other = cores_get(t.cores, SPAN("other"));
	struct core_view view;
	uint32_t at = 0;

	cr_assert_neq(other, t.core);
	cr_expect_eq(cores_get(t.cores, SPAN("core")), t.core);
	(void)offer(&t, 12, 0, CORE_URGENT, 200);
	cr_expect(core_takes(other, &ten, CORE_ORDINARY, false, t.now));
	cr_assert(cores_next(t.cores, &at, &view));
	cr_expect(span_eq(view.trunk, SPAN("core")));
	cr_expect_eq(view.sent, 10);
	cr_expect_eq(view.held, 2);
	cr_expect_eq(view.per_s, 10);
	cr_assert(cores_next(t.cores, &at, &view));
	cr_expect(span_eq(view.trunk, SPAN("other")));
	cr_expect_not(cores_next(t.cores, &at, &view));
	cores_free(t.cores);
}
