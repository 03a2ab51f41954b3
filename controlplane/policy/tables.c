/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables that a config names. limen-controlplane, any thread. */
#include "controlplane/policy/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct named {
	const char *name;
	unsigned trunk;
};

/* Where faults go, and the names of the config's trunks in order. */
struct loading {
	const struct conf *conf;
	struct named *names;
	struct conf_error *errors;
	unsigned max;
	unsigned nerrors;
};

static int by_name(const void *left, const void *right)
{
	const struct named *a = left, *b = right;

	return strcmp(a->name, b->name);
}

static struct named *sort_names(const struct conf *conf)
{
	struct named *names = calloc(conf->ntrunks + 1, sizeof(*names));

	for (unsigned t = 0; names && t < conf->ntrunks; t++)
		names[t] = (struct named){conf->trunks[t].name, t};
	if (names)
		qsort(names, conf->ntrunks, sizeof(*names), by_name);
	return names;
}

static void fault(struct loading *l, unsigned index, const char *reason)
{
	struct conf_error *error = &l->errors[l->nerrors];

	if (l->nerrors == l->max)
		return;
	l->nerrors++;
	*error = (struct conf_error){0};
	snprintf(error->key, sizeof(error->key), "tables[%u].file", index);
	snprintf(error->reason, sizeof(error->reason), "%.90s: %s", l->conf->tables[index].file,
		 reason);
}

static struct ptable *find_current(const struct tables *before, const struct conf_table *conf)
{
	for (unsigned i = 0; before && i < before->n; i++) {
		struct ptable *table = before->list[i].table;

		if (table && ptable_is_current(table, conf->file, conf->sqlite_table))
			return ptable_ref(table);
	}
	return NULL;
}

/* Each name of the table is a trunk of the config's. */
static int bind_table(struct loading *l, unsigned index, struct bound_table *bound)
{
	const char *name;
	unsigned n = 0, line;

	while (ptable_trunk(bound->table, n, &line))
		n++;
	bound->trunks = calloc(n + 1, sizeof(*bound->trunks));
	if (!bound->trunks) {
		fault(l, index, "out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; (name = ptable_trunk(bound->table, i, &line)); i++) {
		const struct named wanted = {name, 0};
		const struct named *found = bsearch(&wanted, l->names, l->conf->ntrunks,
						    sizeof(*l->names), by_name);
		char reason[160];

		if (found) {
			bound->trunks[i] = (uint16_t)found->trunk;
			continue;
		}
		snprintf(reason, sizeof(reason), "%s %u: no such trunk: \"%s\"",
			 *l->conf->tables[index].sqlite_table ? "row" : "line", line, name);
		fault(l, index, reason);
		return -EINVAL;
	}
	return 0;
}

static int load_one(struct loading *l, unsigned index, const struct tables *before,
		    struct bound_table *bound)
{
	const struct conf_table *conf = &l->conf->tables[index];
	char why[PTABLE_WHY_BYTES];
	int err = 0;

	bound->table = find_current(before, conf);
	if (!bound->table)
		err = ptable_load(conf->file, conf->sqlite_table, &bound->table, why);
	if (err) {
		fault(l, index, why);
		return err;
	}
	return bind_table(l, index, bound);
}

int tables_load(const struct conf *conf, const struct tables *before, struct tables **out,
		struct conf_error *errors, unsigned max, unsigned *nerrors)
{
	struct loading l = {.conf = conf, .errors = errors, .max = max};
	struct tables *tables = calloc(1, sizeof(*tables));
	int err = 0;

	*out = NULL;
	l.names = sort_names(conf);
	if (tables)
		tables->list = calloc(conf->ntables + 1, sizeof(*tables->list));
	if (!tables || !tables->list || !l.names)
		err = -ENOMEM;
	for (unsigned i = 0; tables && tables->list && l.names && i < conf->ntables; i++) {
		int one = load_one(&l, i, before, &tables->list[tables->n++]);

		if (!err)
			err = one;
	}
	free(l.names);
	*nerrors = l.nerrors;
	if (err) {
		tables_free(tables);
		return err;
	}
	*out = tables;
	return 0;
}

void tables_free(struct tables *tables)
{
	if (!tables)
		return;
	for (unsigned i = 0; i < tables->n; i++) {
		ptable_free(tables->list[i].table);
		free(tables->list[i].trunks);
	}
	free(tables->list);
	free(tables);
}
