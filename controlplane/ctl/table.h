/* SPDX-License-Identifier: BSD-3-Clause */
/* Aligned columns for people. limenctl. */
#pragma once

#include <stdio.h>

#include "common/base/span.h"

#define TABLE_COLUMNS_MAX 24u /* a column for each port, and some */

struct table {
	unsigned ncolumns;
	bool right[TABLE_COLUMNS_MAX]; /* numbers */
	char **cells; /* owned, ncolumns to a row; the first row is the heads */
	size_t ncells, room;
	bool no_memory;
};

/* Heads first: a head that begins with '>' stands for a column of numbers. */
void table_head(struct table *table, const char *head);
/* Then the cells, row by row. What would act on a terminal is shown as '?'. An empty cell is shown
 * as "-". */
void table_text(struct table *table, struct span text);
void table_u64(struct table *table, uint64_t value);

/* Two blanks between columns. False when there was no memory for all of it. */
bool table_print(const struct table *table, FILE *out);
void table_free(struct table *table);
