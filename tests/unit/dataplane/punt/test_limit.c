/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of TCP and SCTP a source may send towards the kernel. */
#include "dataplane/punt/limit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define SECOND 1000000000ull

static struct punt_limit *limit;
static uint64_t now;

static void setup(void)
{
	limit = calloc(1, sizeof(*limit));
	limit->hash = (struct hash_key){{1, 2}};
	now = SECOND;
}

static void teardown(void)
{
	free(limit);
}

TestSuite(punt_limit, .init = setup, .fini = teardown);

static struct net_addr ip4(uint32_t n)
{
	return (struct net_addr){{10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

/* Of n packets at once from 10.x. */
static unsigned passed(uint32_t source, unsigned n, bool is_new)
{
	struct net_addr addr = ip4(source);
	unsigned count = 0;

	while (n--)
		count += punt_limit_pass(limit, now, 0, NET_IP4, &addr, is_new, 10, 100);
	return count;
}

Test(punt_limit, a_second_s_worth_at_once_then_the_rate)
{
	cr_expect_eq(passed(1, 1000, false), 100);
	now += SECOND / 10;
	cr_expect_eq(passed(1, 1000, false), 10);
	now += 100 * SECOND;
	cr_expect_eq(passed(1, 1000, false), 100, "what was not used is not saved up");
}

Test(punt_limit, attempts_are_fewer_and_leave_what_is_connected_alone)
{
	cr_expect_eq(passed(1, 50, true), 10);
	cr_expect_eq(passed(1, 50, false), 50);
	now += SECOND;
	cr_expect_eq(passed(1, 50, true), 10);
}

Test(punt_limit, each_source_has_its_own)
{
	struct net_addr addr = ip4(1);

	cr_expect_eq(passed(1, 1000, false), 100);
	cr_expect_eq(passed(2, 1000, false), 100);
	cr_expect(punt_limit_pass(limit, now, 1, NET_IP4, &addr, false, 10, 100),
		  "another realm's of that address is another");
}

Test(punt_limit, an_ipv6_source_is_its_64)
{
	struct net_addr one = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1}},
			neighbour = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 2}},
			other = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 1}};

	for (unsigned i = 0; i < 100; i++)
		cr_assert(punt_limit_pass(limit, now, 0, NET_IP6, &one, false, 10, 100));
	cr_expect_not(punt_limit_pass(limit, now, 0, NET_IP6, &neighbour, false, 10, 100));
	cr_expect(punt_limit_pass(limit, now, 0, NET_IP6, &other, false, 10, 100));
}

Test(punt_limit, invented_sources_gain_nothing)
{
	unsigned attempts = 0;

	/* A million sources in a second, an attempt each. */
	for (uint32_t i = 0; i < 1000000; i++) {
		now += 1000;
		attempts += passed(i, 1, true);
	}
	cr_expect(attempts >= PUNT_NEW_PER_S && attempts <= 2 * PUNT_NEW_PER_S + 1, "%u",
		  attempts);
	cr_expect_eq(passed(0xfffffe, 50, false), 50, "who is connected goes on");
}
