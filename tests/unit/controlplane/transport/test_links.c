/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of links: what was put in is found, the newest of equals first, through all growth. */
#include "controlplane/transport/links.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define N 5000u

Test(links, found_until_dropped)
{
	struct link *links = calloc(N, sizeof(*links));
	struct links table;

	cr_assert_eq(links_init(&table), 0);
	for (unsigned i = 0; i < N; i++)
		links_put(&table, &links[i], i % (N / 2) * 0x9e3779b97f4a7c15);
	cr_assert_eq(table.n, N);
	for (unsigned i = 0; i < N / 2; i++) {
		struct link *link = links_first(&table, i * 0x9e3779b97f4a7c15);

		cr_assert_eq(link, &links[i + N / 2], "the newest of %u", i);
		link = links_next(link);
		cr_assert_eq(link, &links[i]);
		cr_assert_null(links_next(link));
	}
	for (unsigned i = 0; i < N; i += 2)
		links_drop(&table, &links[i]);
	links_drop(&table, &links[0]); /* again: nothing happens */
	cr_assert_eq(table.n, N / 2);
	for (unsigned i = 0; i < N; i++) {
		struct link *link = links_first(&table, links[i].hash);

		while (link && link != &links[i])
			link = links_next(link);
		cr_assert_eq(link != NULL, i % 2 == 1);
	}
	links_free(&table);
	free(links);
}
