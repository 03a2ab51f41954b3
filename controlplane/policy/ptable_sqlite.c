/* SPDX-License-Identifier: BSD-3-Clause */
/* A table's rows from a table of a SQLite file, by the names of its columns. Any thread. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>

#include "controlplane/policy/ptable_build.h"

enum { PREFIX, TRUNK, COST, QUALITY, STRIP, ADD, COLUMNS };

static const char *const columns[COLUMNS] = {"prefix", "trunk", "cost", "quality", "strip", "add"};

static int refuse(char why[PTABLE_WHY_BYTES], sqlite3 *db)
{
	snprintf(why, PTABLE_WHY_BYTES, "cannot be read: %s", sqlite3_errmsg(db));
	return -EINVAL;
}

/* Where each column is in the result, -1: nowhere. */
static int find_columns(sqlite3_stmt *rows, int at[COLUMNS], char why[PTABLE_WHY_BYTES])
{
	for (int c = 0; c < COLUMNS; c++) {
		at[c] = -1;
		for (int i = 0; i < sqlite3_column_count(rows); i++) {
			const char *name = sqlite3_column_name(rows, i);

			if (name && span_ieq(span_str(name), span_str(columns[c])))
				at[c] = i;
		}
	}
	for (int c = PREFIX; c <= TRUNK; c++) {
		if (at[c] >= 0)
			continue;
		snprintf(why, PTABLE_WHY_BYTES, "has no column \"%s\"", columns[c]);
		return -EINVAL;
	}
	return 0;
}

static struct span column(sqlite3_stmt *rows, int at)
{
	const char *text = at < 0 ? NULL : (const char *)sqlite3_column_text(rows, at);

	return text ? span_of(text, (size_t)sqlite3_column_bytes(rows, at)) : SPAN_NONE;
}

static int read_rows(sqlite3 *db, sqlite3_stmt *rows, struct ptable_build *build,
		     char why[PTABLE_WHY_BYTES])
{
	int at[COLUMNS], err = find_columns(rows, at, why), step = SQLITE_DONE;

	for (unsigned number = 1; !err && (step = sqlite3_step(rows)) == SQLITE_ROW; number++) {
		const struct ptable_line line = {
			.line = number,
			.prefix = column(rows, at[PREFIX]),
			.trunk = column(rows, at[TRUNK]),
			.cost = column(rows, at[COST]),
			.quality = column(rows, at[QUALITY]),
			.strip = column(rows, at[STRIP]),
			.add = column(rows, at[ADD]),
		};

		err = ptable_build_add(build, &line, why);
	}
	if (!err && step != SQLITE_DONE)
		err = refuse(why, db);
	return err;
}

int ptable_read_sqlite(const char *path, const char *sqlite_table, struct ptable_build *build,
		       char why[PTABLE_WHY_BYTES])
{
	sqlite3 *db = NULL;
	sqlite3_stmt *rows = NULL;
	char text[160];
	int err;

	/* the name is letters, digits and _ - . (conf): nothing to escape */
	snprintf(text, sizeof(text), "SELECT * FROM \"%s\"", sqlite_table);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, text, -1, &rows, NULL) != SQLITE_OK)
		err = refuse(why, db);
	else
		err = read_rows(db, rows, build, why);
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return err;
}
