/* SPDX-License-Identifier: BSD-3-Clause */
/* Users from a table of a SQLite file. Private to controlplane/auth. limen-controlplane, the thread
 * that loads. */
#pragma once

#include <stddef.h>

struct users_error;

/* The rows as lines of a users file, one each: *text is the caller's to wipe and free. 0, or -errno
 * with *error; then there may be text too. */
int users_read_sqlite(const char *path, const char *table, char **text, size_t *len,
		      struct users_error *error);
