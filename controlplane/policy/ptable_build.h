/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a file become a table. Private to the table's files. Any thread. */
#pragma once

#include "controlplane/policy/prefix_index.h"
#include "controlplane/policy/ptable.h"

/* Texts, each kept once, by number. */
struct ptable_words {
	char *bytes; /* each ends with NUL */
	size_t len, room;
	struct ptable_word {
		uint32_t at;
		uint32_t line; /* of its first use */
	} * words;
	uint32_t n, words_room;
	uint32_t *slots; /* number plus 1; 0: free */
	uint32_t mask;
};

struct ptable_stamp {
	uint64_t dev, ino, size, mtime_ns, log_size, log_mtime_ns;
};

struct ptable {
	uint32_t refs;
	char *path, *sqlite_table;
	struct ptable_stamp stamp;
	struct prefix_index *index;
	struct ptable_offer *offers;
	size_t noffers;
	struct ptable_words trunks, adds;
	struct ptable_stats stats;
};

/* What the readers hand over: empty where the file says nothing. */
struct ptable_line {
	unsigned line;
	struct span prefix, trunk, cost, quality, strip, add;
};

struct ptable_build;

/* `unit` is what the file's rows are called: "line" or "row". */
struct ptable_build *ptable_build_new(const char *unit);
void ptable_build_free(struct ptable_build *build);
/* 0; or -EINVAL or -ENOMEM with the reason in `why`, without the file's name. */
int ptable_build_add(struct ptable_build *build, const struct ptable_line *line,
		     char why[PTABLE_WHY_BYTES]);
/* All rows are there: fill the table's index, offers and words. */
int ptable_build_finish(struct ptable_build *build, struct ptable *table,
			char why[PTABLE_WHY_BYTES]);

/* The readers: each adds all rows. */
int ptable_read_csv(const char *path, struct ptable_build *build, char why[PTABLE_WHY_BYTES]);
int ptable_read_sqlite(const char *path, const char *sqlite_table, struct ptable_build *build,
		       char why[PTABLE_WHY_BYTES]);
