/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables that a config names, with their trunks looked up in it. Part of one generation; what a
 * file holds is shared with the generation before as long as the file is the same.
 * limen-controlplane, any thread. */
#pragma once

#include "common/conf/conf.h"
#include "controlplane/policy/ptable.h"

struct tables {
	unsigned n;
	struct bound_table {
		struct ptable *table;
		uint16_t *trunks; /* of conf, by the table's number for the name */
	} *list;		  /* as conf->tables */
};

/* Load what `before` (may be NULL) does not hold as it is now. Takes seconds for millions of rows:
 * not on the loop. 0; or -errno with what is wrong in errors[]. */
int tables_load(const struct conf *conf, const struct tables *before, struct tables **tables,
		struct conf_error *errors, unsigned max, unsigned *nerrors);
void tables_free(struct tables *tables);

