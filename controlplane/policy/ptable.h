/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of prefixes from a file: for each prefix the trunks that take it, cheapest first.
 * Immutable once loaded and shared by generations of the config: trunks are known by name here, and
 * each generation looks them up for itself. Any thread. */
#pragma once

#include "common/base/span.h"

#define PTABLE_ROWS_MAX	   4000000u
#define PTABLE_OFFERS_MAX  64u /* of one prefix */
#define PTABLE_QUALITY_MAX 100u
#define PTABLE_STRIP_MAX   31u
#define PTABLE_ADD_MAX	   31u
#define PTABLE_WHY_BYTES   240u

/* One trunk that takes a prefix. */
struct ptable_offer {
	uint32_t cost_micro; /* millionths of whatever unit the file is in */
	uint32_t add;	     /* text put before the number: ptable_add */
	uint16_t trunk;	     /* number of the name: ptable_trunk */
	uint8_t quality;     /* 0..PTABLE_QUALITY_MAX, higher is better */
	uint8_t strip;	     /* characters taken off the number's start */
	uint8_t last;	     /* of its prefix */
	uint8_t pad[3];
};
_Static_assert(sizeof(struct ptable_offer) == 16, "a million of them");

struct ptable;

/* Read a CSV file (prefix,trunk[,cost[,quality[,strip[,add]]]]), or the table of that name of a
 * SQLite file with columns of these names. 0; or -errno with the reason in `why`, with the file and
 * line for a row that cannot be: then nothing of the file is taken. */
int ptable_load(const char *path, const char *sqlite_table, struct ptable **table,
		char why[PTABLE_WHY_BYTES]);
/* One more owner; each frees. */
struct ptable *ptable_ref(struct ptable *table);
void ptable_free(struct ptable *table);

/* Whether the file is as it was when this was loaded from it. */
bool ptable_is_current(const struct ptable *table, const char *path, const char *sqlite_table);

/* The offers for the longest prefix that the number begins with, cheapest first and of equal cost
 * the best first, up to the one marked last; *len gets its length, without '+'. NULL: none. */
const struct ptable_offer *ptable_find(const struct ptable *table, struct span number,
				       unsigned *len);
struct span ptable_add(const struct ptable *table, const struct ptable_offer *offer);

/* The trunks that the file names, from 0 on: NULL behind the last. `line` is where it is named
 * first. */
const char *ptable_trunk(const struct ptable *table, unsigned number, unsigned *line);

struct ptable_stats {
	size_t prefixes, offers; /* in the file */
	size_t bytes;		 /* in memory */
	uint64_t load_ns;
};
void ptable_stats(const struct ptable *table, struct ptable_stats *stats);
