/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of an explanation: in order, bounded, fit for a terminal. */
#include <criterion/criterion.h>
#include <string.h>

#include "controlplane/policy/explain.h"

static struct explain explain;

Test(explain, steps_are_kept_in_order)
{
	explain_start(&explain);
	explain_step(&explain, "source", "from %s", "carrier");
	explain_step(&explain, "route", "routes[%u]", 7u);
	cr_assert_eq(explain.n, 2);
	cr_expect_str_eq(explain.steps[0].what, "source");
	cr_expect_str_eq(explain_text(&explain, 0), "from carrier");
	cr_expect_str_eq(explain_text(&explain, 1), "routes[7]");
	explain_start(&explain);
	cr_expect_eq(explain.n, 0);
}

static int evaluated;

static int touch(void)
{
	return ++evaluated;
}

Test(explain, nobody_asks)
{
	explain_step(NULL, "source", "%d", touch());
	cr_expect_eq(evaluated, 0);
}

Test(explain, what_a_message_brought_is_made_harmless)
{
	explain_start(&explain);
	explain_step(&explain, "called", "%.*s", 6, "a\x1b[2\r\n");
	cr_expect_str_eq(explain_text(&explain, 0), "a?[2??");
}

Test(explain, what_does_not_fit_is_cut_or_counted)
{
	static char longer[2 * EXPLAIN_TEXT_MAX];

	memset(longer, 'x', sizeof(longer) - 1);
	explain_start(&explain);
	for (unsigned i = 0; i < 2 * EXPLAIN_STEPS_MAX; i++)
		explain_step(&explain, "header", "%s", longer);
	cr_expect_eq(strlen(explain_text(&explain, 0)), EXPLAIN_TEXT_MAX - 1);
	cr_expect_eq(explain.n, EXPLAIN_BYTES_MAX / EXPLAIN_TEXT_MAX);
	cr_expect_eq(explain.n + explain.left_out, 2 * EXPLAIN_STEPS_MAX);
	explain_start(&explain);
	for (unsigned i = 0; i < 2 * EXPLAIN_STEPS_MAX; i++)
		explain_step(&explain, "header", "%u", i);
	cr_expect_eq(explain.n, EXPLAIN_STEPS_MAX);
	cr_expect_eq(explain.left_out, EXPLAIN_STEPS_MAX);
	cr_expect_str_eq(explain_text(&explain, EXPLAIN_STEPS_MAX - 1), "255");
}
