/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of conf_resolve share: the work in hand, and how a key's value is read. Private to
 * common/conf. */
#pragma once

#include <stdlib.h>

#include "common/conf/conf_resolve.h"
#include "common/conf/conf_value.h"

/* The names of one section, sorted. */
struct names {
	struct named {
		const char *name;
		unsigned index;
	} *sorted;
	unsigned n;
};

struct resolve {
	struct conf_doc *doc;
	const struct raw_conf *raw;
	struct conf *conf;
	struct conf_pool *pool;
	struct names ports, realms, trunks, tables, rule_sets, certificates, tls;
	bool no_memory;
};

static inline void *get(struct resolve *r, size_t count, size_t bytes)
{
	void *got = conf_pool_get(r->pool, count ? count : 1, bytes);

	if (!got)
		r->no_memory = true;
	return got;
}

static inline const struct conf_key *key_of(enum conf_section_number section, unsigned key)
{
	return &conf_sections[section].keys[key];
}

/* The text given, or a copy of the default. */
static inline char *text(struct resolve *r, enum conf_section_number section, unsigned key, char *given)
{
	const char *def = key_of(section, key)->def;
	char *copy;

	if (given)
		return given;
	if (!def)
		def = "";
	copy = get(r, strlen(def) + 1, 1);
	return copy ? memcpy(copy, def, strlen(def)) : NULL;
}

static inline unsigned number(enum conf_section_number section, unsigned key, const char *given)
{
	const struct conf_key *k = key_of(section, key);
	uint64_t value;

	if (given)
		return conf_read_number(span_str(given), k->low, k->high, &value) ? (unsigned)value
										  : 0;
	return k->def && conf_read_number(span_str(k->def), 0, UINT32_MAX, &value) ? (unsigned)value
										   : 0;
}

static inline bool yes(enum conf_section_number section, unsigned key, const char *given)
{
	bool value;

	return conf_read_bool(span_str(given ? given : key_of(section, key)->def), &value) && value;
}

/* The place of the word among the key's choices; 0 for one that was refused. */
static inline unsigned choice(enum conf_section_number section, unsigned key, const char *given)
{
	const struct conf_key *k = key_of(section, key);
	struct span word = span_str(given ? given : k->def);
	const char *at = k->unit;

	for (unsigned place = 0;; place++) {
		size_t len = strcspn(at, "|");

		if (span_eq(span_of(at, len), word))
			return place;
		if (!at[len])
			return 0;
		at += len + 1;
	}
}

static inline int by_name(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Sort the names taken so far and note those given twice. */
static inline void names_close(struct resolve *r, struct names *names, enum conf_section_number section)
{
	char path[CONF_KEY_BYTES];

	if (!names->n)
		return;
	qsort(names->sorted, names->n, sizeof(names->sorted[0]), by_name);
	for (unsigned i = 1; i < names->n; i++) {
		const struct named *name = &names->sorted[i];

		if (strcmp(names->sorted[i - 1].name, name->name) != 0)
			continue;
		conf_path(path, "%s[%u].name", conf_sections[section].name, name->index);
		conf_fault_at(r->doc, path, "\"%.63s\" is already the name of %s[%u]", name->name,
			      conf_sections[section].name, names->sorted[i - 1].index);
	}
}

static inline void names_add(struct names *names, const char *name, unsigned index)
{
	if (name && *name)
		names->sorted[names->n++] = (struct named){name, index};
}

/* The index a name stands for, or -1 after noting the fault. */
static inline int refer(struct resolve *r, const struct names *names, enum conf_section_number section,
		 const char *name, const char *path)
{
	unsigned low = 0, high = names->n;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;

		if (strcmp(names->sorted[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < names->n && strcmp(names->sorted[low].name, name) == 0)
		return (int)names->sorted[low].index;
	if (conf_doc_faulty_at(r->doc, path))
		return -1;
	if (section == SECTION_number_rules)
		conf_fault_at(r->doc, path, "no such set of number rules: \"%.63s\"", name);
	else if (section == SECTION_tls)
		conf_fault_at(r->doc, path, "no such `tls`: \"%.63s\"", name);
	else
		conf_fault_at(r->doc, path, "no such %.*s: \"%.63s\"",
			      (int)strlen(conf_sections[section].name) - 1,
			      conf_sections[section].name, name);
	return -1;
}

/* conf_resolve_tls.c. resolve_certificates comes before resolve_tls, and that before realms, which
 * name them. */
void resolve_certificates(struct resolve *r);
void resolve_tls(struct resolve *r);
void resolve_realm_tls(struct resolve *r, unsigned index);
void resolve_tls_names(struct resolve *r, unsigned index);

/* conf_streams.c */
void resolve_realm_streams(const struct raw_realms *raw, struct conf_realm *realm);
void resolve_connections(struct resolve *r);

/* conf_resolve_routes.c. resolve_number_rules comes before trunks, which name its sets. */
void resolve_number_rules(struct resolve *r);
void resolve_trunk_numbers(struct resolve *r, unsigned index);
void resolve_tables(struct resolve *r);
void resolve_routes(struct resolve *r);
