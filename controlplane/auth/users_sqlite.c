/* SPDX-License-Identifier: BSD-3-Clause */
/* Users from a table of a SQLite file, by the names of its columns. limen-controlplane, the thread
 * that loads. */
#include "controlplane/auth/users_sqlite.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/auth/users.h"

#define TEXT_BYTES_MAX (1u << 30)
#define BUSY_MS	       5000
#define COLUMNS	       4

struct lines {
	char *text;
	size_t len, room;
};

static int refuse(struct users_error *error, sqlite3 *db)
{
	snprintf(error->text, sizeof(error->text), "cannot be read: %s", sqlite3_errmsg(db));
	error->reason = error->text;
	return -EINVAL;
}

static int add(struct lines *lines, struct span field, char behind)
{
	if (lines->room - lines->len < field.len + 1) {
		size_t room = 2 * lines->room + field.len + 4096;
		char *text = room <= TEXT_BYTES_MAX ? malloc(room) : NULL;

		if (!text)
			return -ENOMEM;
		if (lines->len)
			memcpy(text, lines->text, lines->len);
		if (lines->text)
			explicit_bzero(lines->text, lines->len);
		free(lines->text);
		lines->text = text;
		lines->room = room;
	}
	if (field.len)
		memcpy(lines->text + lines->len, field.ptr, field.len);
	lines->len += field.len;
	lines->text[lines->len++] = behind;
	return 0;
}

/* What a line could not hold is in no file of users either. */
static bool fits_line(struct span field, bool first)
{
	for (size_t i = 0; i < field.len; i++) {
		if (field.ptr[i] == ',' || field.ptr[i] == '\n' || field.ptr[i] == '\0')
			return false;
	}
	return span_eq(span_trim(field), field) && !(first && field.len && field.ptr[0] == '#');
}

static int read_row(struct lines *lines, sqlite3_stmt *rows, struct users_error *error)
{
	for (int c = 0; c < COLUMNS; c++) {
		const char *text = (const char *)sqlite3_column_text(rows, c);
		struct span field =
			text ? span_of(text, (size_t)sqlite3_column_bytes(rows, c)) : SPAN_NONE;

		if (!fits_line(field, c == 0)) {
			error->reason = "a field with a comma, an end of line or blanks around it";
			return -EINVAL;
		}
		if (add(lines, field, c == COLUMNS - 1 ? '\n' : ','))
			return -ENOMEM;
	}
	return 0;
}

int users_read_sqlite(const char *path, const char *table, char **text, size_t *len,
		      struct users_error *error)
{
	struct lines lines = {0};
	sqlite3_stmt *rows = NULL;
	sqlite3 *db = NULL;
	char query[160];
	int err = 0, step = SQLITE_DONE;

	/* the name is letters, digits and _ - . (conf): nothing to escape */
	snprintf(query, sizeof(query), "SELECT user, realm, algorithm, ha1 FROM \"%s\"", table);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(db, BUSY_MS) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, query, -1, &rows, NULL) != SQLITE_OK)
		err = refuse(error, db);
	for (unsigned n = 1; !err && (step = sqlite3_step(rows)) == SQLITE_ROW; n++) {
		error->line = n;
		err = read_row(&lines, rows, error);
	}
	if (!err && step != SQLITE_DONE) {
		error->line = 0;
		err = refuse(error, db);
	}
	sqlite3_finalize(rows);
	sqlite3_close(db);
	*text = lines.text;
	*len = lines.len;
	return err;
}
