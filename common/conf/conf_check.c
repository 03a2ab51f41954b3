/* SPDX-License-Identifier: BSD-3-Clause */
/* The document held against the schema: unknown and missing keys, shapes, types, ranges. */
#include "common/conf/conf_check.h"

#include <stdio.h>

#include "common/conf/conf_schema.h"
#include "common/conf/conf_value.h"

#define NEAR_MAX  24u /* longest word compared for "did you mean" */

/* Levenshtein distance; large for long words. */
static unsigned distance(struct span a, struct span b)
{
	unsigned row[NEAR_MAX + 1];

	if (a.len > NEAR_MAX || b.len > NEAR_MAX)
		return NEAR_MAX;
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned corner = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned best = corner + (a.ptr[i - 1] != b.ptr[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b.len];
}

struct nearest {
	struct span word;
	const char *name;
	unsigned distance;
};

static void consider(struct nearest *nearest, const char *name)
{
	unsigned d = distance(nearest->word, span_str(name));

	if (d < nearest->distance) {
		nearest->distance = d;
		nearest->name = name;
	}
}

static void fault_unknown(struct conf_doc *doc, unsigned line, const char *path, const char *what,
			  const struct nearest *nearest)
{
	if (nearest->name)
		conf_fault(doc, line, path, "unknown %s; did you mean \"%s\"?", what,
			   nearest->name);
	else
		conf_fault(doc, line, path, "unknown %s", what);
}

/* "machine" + "mtu" = "machine.mtu". A key that is not a word is shown as far as it is
 * printable. */
static void join(char out[CONF_KEY_BYTES], const char *path, struct span name)
{
	size_t n = (size_t)snprintf(out, CONF_KEY_BYTES, "%s%s%.*s", path, *path ? "." : "",
				    (int)(name.len < 64 ? name.len : 64), name.ptr ? name.ptr : "");

	for (size_t i = 0; i < n && i < CONF_KEY_BYTES - 1; i++) {
		if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
			out[i] = '?';
	}
}

static bool is_null(const yaml_node_t *node)
{
	struct span text;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	text = conf_node_text(node);
	return !text.len || span_eq(text, SPAN("~")) || span_ieq(text, SPAN("null"));
}

/* A key's name, or NULL after a fault: not a scalar, or given before in the same mapping. */
static const yaml_node_t *pair_name(struct conf_doc *doc, const char *path,
				    const yaml_node_t *mapping, const yaml_node_pair_t *pair)
{
	const yaml_node_t *name = conf_doc_node(doc, pair->key);
	char key[CONF_KEY_BYTES];

	if (name->type != YAML_SCALAR_NODE) {
		conf_fault(doc, conf_node_line(name), path, "a key must be a word");
		return NULL;
	}
	for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *other = conf_doc_node(doc, p->key);

		if (other->type == YAML_SCALAR_NODE &&
		    span_eq(conf_node_text(other), conf_node_text(name))) {
			join(key, path, conf_node_text(name));
			conf_fault(doc, conf_node_line(name), key, "given twice; first in line %u",
				   conf_node_line(other));
			return NULL;
		}
	}
	return name;
}

static void check_scalar(struct conf_doc *doc, const char *path, const struct conf_key *key,
			 const yaml_node_t *node)
{
	char why[sizeof(((struct conf_error *)0)->reason)];

	if (node->type == YAML_SEQUENCE_NODE)
		conf_fault(doc, conf_node_line(node), path,
			   "must be one value, is a list (text that begins with [ needs quotes)");
	else if (node->type == YAML_MAPPING_NODE)
		conf_fault(doc, conf_node_line(node), path,
			   "must be one value, is a mapping (text with [ or \": \" in it needs "
			   "quotes)");
	else if (is_null(node))
		conf_fault(doc, conf_node_line(node), path, "has no value");
	else if (!conf_value_ok(key, conf_node_text(node), why, sizeof(why)))
		conf_fault(doc, conf_node_line(node), path, "%s", why);
}

static void check_list(struct conf_doc *doc, const char *path, const struct conf_key *key,
		       const yaml_node_t *node)
{
	const yaml_node_item_t *first, *item;
	char item_path[CONF_KEY_BYTES];

	if (node->type != YAML_SEQUENCE_NODE) {
		conf_fault(doc, conf_node_line(node), path,
			   is_null(node) ? "has no value" : "must be a list, as in [x, y]");
		return;
	}
	first = node->data.sequence.items.start;
	if (first == node->data.sequence.items.top && (!key->def || *key->def))
		conf_fault(doc, conf_node_line(node), path, "must not be empty");
	for (item = first; item < node->data.sequence.items.top; item++) {
		const yaml_node_t *value = conf_doc_node(doc, *item);

		conf_path(item_path, "%s[%zu]", path, (size_t)(item - first));
		if ((size_t)(item - first) == key->items_max) {
			conf_fault(doc, conf_node_line(value), item_path,
				   "one too many: at most %u are allowed", key->items_max);
			break;
		}
		check_scalar(doc, item_path, key, value);
	}
}

static const struct conf_key *find_key(const struct conf_section *section, struct span name)
{
	for (unsigned i = 0; i < section->nkeys; i++) {
		if (span_eq(span_str(section->keys[i].name), name))
			return &section->keys[i];
	}
	return NULL;
}

static void check_mapping(struct conf_doc *doc, const char *path,
			  const struct conf_section *section, const yaml_node_t *node)
{
	const yaml_node_pair_t *pair;
	char key_path[CONF_KEY_BYTES];

	if (node->type != YAML_MAPPING_NODE) {
		conf_fault(doc, conf_node_line(node), path, "must be a mapping of keys to values");
		return;
	}
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = pair_name(doc, path, node, pair);
		const struct conf_key *key;

		if (!name)
			continue;
		join(key_path, path, conf_node_text(name));
		key = find_key(section, conf_node_text(name));
		if (!key) {
			struct nearest nearest = {conf_node_text(name), NULL, 3};

			for (unsigned i = 0; i < section->nkeys; i++)
				consider(&nearest, section->keys[i].name);
			fault_unknown(doc, conf_node_line(name), key_path, "key", &nearest);
		} else if (key->shape == CONF_LIST) {
			check_list(doc, key_path, key, conf_doc_node(doc, pair->value));
		} else {
			check_scalar(doc, key_path, key, conf_doc_node(doc, pair->value));
		}
	}
	for (unsigned i = 0; i < section->nkeys; i++) {
		struct span name = span_str(section->keys[i].name);

		if (section->keys[i].def || conf_doc_get(doc, node, name))
			continue;
		join(key_path, path, name);
		conf_fault(doc, conf_node_line(node), key_path, "missing");
	}
}

static void check_section(struct conf_doc *doc, const struct conf_section *section,
			  const yaml_node_t *node)
{
	const yaml_node_item_t *first, *item;
	char path[CONF_KEY_BYTES];

	if (is_null(node)) {
		conf_fault(doc, conf_node_line(node), section->name, "has nothing in it");
		return;
	}
	if (!section->many) {
		check_mapping(doc, section->name, section, node);
		return;
	}
	if (node->type != YAML_SEQUENCE_NODE) {
		conf_fault(doc, conf_node_line(node), section->name,
			   "must be a list: each item begins with \"- \"");
		return;
	}
	first = node->data.sequence.items.start;
	if (first == node->data.sequence.items.top && section->required)
		conf_fault(doc, conf_node_line(node), section->name, "must not be empty");
	for (item = first; item < node->data.sequence.items.top; item++) {
		const yaml_node_t *value = conf_doc_node(doc, *item);

		conf_path(path, "%s[%zu]", section->name, (size_t)(item - first));
		if ((size_t)(item - first) == section->items_max) {
			conf_fault(doc, conf_node_line(value), path,
				   "one too many: at most %u are allowed", section->items_max);
			break;
		}
		check_mapping(doc, path, section, value);
	}
}

void conf_check(struct conf_doc *doc)
{
	const yaml_node_t *root = yaml_document_get_root_node(&doc->yaml);
	const yaml_node_pair_t *pair;

	for (pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = pair_name(doc, "", root, pair);
		struct nearest nearest;
		char path[CONF_KEY_BYTES];
		unsigned i;

		if (!name)
			continue;
		nearest = (struct nearest){conf_node_text(name), NULL, 3};
		for (i = 0; i < CONF_SECTIONS_END; i++) {
			if (span_eq(span_str(conf_sections[i].name), nearest.word))
				break;
			consider(&nearest, conf_sections[i].name);
		}
		if (i < CONF_SECTIONS_END) {
			check_section(doc, &conf_sections[i], conf_doc_node(doc, pair->value));
			continue;
		}
		join(path, "", nearest.word);
		fault_unknown(doc, conf_node_line(name), path, "section", &nearest);
	}
	for (unsigned i = 0; i < CONF_SECTIONS_END; i++) {
		if (conf_sections[i].required &&
		    !conf_doc_get(doc, root, span_str(conf_sections[i].name)))
			conf_fault(doc, conf_node_line(root), conf_sections[i].name, "missing");
	}
}
