/* SPDX-License-Identifier: BSD-3-Clause */
/* The YAML file as libyaml's document, whose marks give the lines, and the list of faults found so
 * far. Private to common/conf. */
#pragma once

#include <yaml.h>

#include "common/conf/conf.h"

#define CONF_FILE_BYTES_MAX (64u * 1024u * 1024u)

struct conf_doc {
	char *text; /* the file */
	size_t len;
	yaml_document_t yaml;
	bool parsed;
	struct conf_error *errors; /* borrowed from the caller of conf_load */
	unsigned max;
	unsigned nerrors; /* kept: at most max */
	bool faulty;      /* something was wrong, kept or not */
};

/* Read and parse. 0, or -errno with the fault noted: -EINVAL for what is not one YAML mapping. */
int conf_doc_open(struct conf_doc *doc, const char *path);
void conf_doc_close(struct conf_doc *doc);

/* Room for a key's path. */
#define CONF_KEY_BYTES sizeof(((struct conf_error *)0)->key)
/* Write one, cut where it is too long. */
void conf_path(char out[CONF_KEY_BYTES], const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Note a fault. Of two at one line and key the first stays. */
void conf_fault(struct conf_doc *doc, unsigned line, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The same, with the line of the value at `key`, or of the innermost mapping or list around it. */
void conf_fault_at(struct conf_doc *doc, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The line of "trunks[1].peers[0]", or of what it lies in as far as the document goes; 0: none. */
unsigned conf_doc_line(const struct conf_doc *doc, const char *key);

/* Whether a fault was noted at that key, inside it, or at what it lies in. */
bool conf_doc_faulty_at(const struct conf_doc *doc, const char *key);

/* The node with that number in a pair or list, its line, its text. */
static inline yaml_node_t *conf_doc_node(const struct conf_doc *doc, int node)
{
	return yaml_document_get_node((yaml_document_t *)(uintptr_t)&doc->yaml, node);
}

static inline unsigned conf_node_line(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

static inline struct span conf_node_text(const yaml_node_t *node)
{
	return span_of(node->data.scalar.value, node->data.scalar.length);
}

/* The value of a mapping's key, or NULL. */
yaml_node_t *conf_doc_get(const struct conf_doc *doc, const yaml_node_t *mapping, struct span key);
