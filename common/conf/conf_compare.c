/* SPDX-License-Identifier: BSD-3-Clause */
/* What changed between two configurations, as far as the schema says that it matters. Control
 * plane, on reload. */
#include "common/conf/conf_compare.h"

#include "common/conf/conf_schema.h"

static const char *member(const void *raw, size_t offset)
{
	return *(char *const *)(const void *)((const char *)raw + offset);
}

static bool same_one(const struct conf_key *key, const void *a, const void *b)
{
	const char *def = key->def ? key->def : "";
	const char *left = a ? member(a, key->offset) : NULL,
		   *right = b ? member(b, key->offset) : NULL;

	return strcmp(left ? left : def, right ? right : def) == 0;
}

static uint32_t list_of(const struct conf_key *key, const void *raw, char *const **items)
{
	if (!raw)
		return 0;
	*items = *(char **const *)(const void *)((const char *)raw + key->offset);
	return *(const uint32_t *)(const void *)((const char *)raw + key->count_offset);
}

static bool same_list(const struct conf_key *key, const void *a, const void *b)
{
	char *const *left = NULL, *const *right = NULL;
	uint32_t n = list_of(key, a, &left);

	if (n != list_of(key, b, &right))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(left[i], right[i]) != 0)
			return false;
	}
	return true;
}

static uint32_t items_of(const struct conf_section *section, const struct raw_conf *raw,
			 const char **items)
{
	*items = *(const char *const *)(const void *)((const char *)raw + section->offset);
	if (!section->many)
		return 1;
	return *(const uint32_t *)(const void *)((const char *)raw + section->count_offset);
}

static void put_path(struct cursor *out, const struct conf_section *section, uint32_t item,
		     const char *key)
{
	put_span(out, span_str(section->name));
	if (section->many) {
		put_char(out, '[');
		put_u64(out, item);
		put_char(out, ']');
	}
	if (key) {
		put_char(out, '.');
		put_span(out, span_str(key));
	}
}

static bool differs(const struct conf_section *section, const void *a, const void *b, uint32_t item,
		    struct cursor *path)
{
	for (unsigned k = 0; k < section->nkeys; k++) {
		const struct conf_key *key = &section->keys[k];

		if (key->effect != CONF_RESTART ||
		    (key->shape == CONF_LIST ? same_list(key, a, b) : same_one(key, a, b)))
			continue;
		put_path(path, section, item, key->name);
		return true;
	}
	return false;
}

static bool shapes_machine(const struct conf_section *section)
{
	for (unsigned k = 0; k < section->nkeys; k++) {
		if (section->keys[k].effect == CONF_RESTART)
			return true;
	}
	return false;
}

bool conf_raw_needs_restart(const struct raw_conf *was, const struct raw_conf *now,
			    struct cursor *path)
{
	for (unsigned s = 0; s < CONF_SECTIONS_END; s++) {
		const struct conf_section *section = &conf_sections[s];
		const char *left, *right;
		uint32_t nleft = items_of(section, was, &left),
			 nright = items_of(section, now, &right);

		if (!shapes_machine(section))
			continue;
		for (uint32_t i = 0; i < nleft && i < nright; i++) {
			if (differs(section, left ? left + i * section->raw_bytes : NULL,
				    right ? right + i * section->raw_bytes : NULL, i, path))
				return true;
		}
		if (nleft != nright) {
			put_path(path, section, nleft < nright ? nleft : nright, NULL);
			return true;
		}
	}
	return false;
}
