/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may: users with what their passwords hash to, from a file. Passwords themselves are nowhere.
 * limen-controlplane; a table does not change once it is read, so any thread may look. */
#pragma once

#include "controlplane/auth/digest.h"

struct users;

/* What is wrong with a file, for a person. */
struct users_error {
	unsigned line; /* 0: the file as a whole */
	const char *reason;
	char text[160]; /* where the reason is made up */
};

/* Read "USER,REALM,ALGORITHM,HA1" lines, one for each algorithm of a user; HA1 is
 * H(user:realm:password) in hexadecimal digits. Empty lines and those that begin with '#' are left
 * out. 0; -EINVAL with *error; or -errno. */
int users_load(struct users **users, const char *path, struct users_error *error);
/* The same from the table of that name of a SQLite file, with columns user, realm, algorithm and
 * ha1; lines are its rows. */
int users_load_sqlite(struct users **users, const char *path, const char *table,
		      struct users_error *error);
void users_free(struct users *users);

/* The HA1 of a user for an algorithm: digest_bytes() of them; NULL when there is none. */
const unsigned char *users_find(const struct users *users, struct span user, struct span realm,
				enum digest_algorithm algorithm);
size_t users_count(const struct users *users); /* rows */
