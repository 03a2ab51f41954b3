/* SPDX-License-Identifier: BSD-3-Clause */
/* The YAML file as libyaml's document, whose marks give the lines, and the list of faults found so
 * far. */
#include "common/conf/conf_doc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void fault_v(struct conf_doc *doc, unsigned line, const char *key, const char *fmt,
		    va_list args)
{
	struct conf_error *error;

	doc->faulty = true;
	for (unsigned i = 0; i < doc->nerrors; i++) {
		if (doc->errors[i].line == line && strcmp(doc->errors[i].key, key) == 0)
			return;
	}
	if (doc->nerrors == doc->max)
		return;
	error = &doc->errors[doc->nerrors++];
	error->line = line;
	snprintf(error->key, sizeof(error->key), "%s", key);
	vsnprintf(error->reason, sizeof(error->reason), fmt, args);
}

void conf_path(char out[CONF_KEY_BYTES], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out, CONF_KEY_BYTES, fmt, args);
	va_end(args);
}

void conf_fault(struct conf_doc *doc, unsigned line, const char *key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fault_v(doc, line, key, fmt, args);
	va_end(args);
}

yaml_node_t *conf_doc_get(const struct conf_doc *doc, const yaml_node_t *mapping, struct span key)
{
	const yaml_node_pair_t *pair;

	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *name = conf_doc_node(doc, pair->key);

		if (name->type == YAML_SCALAR_NODE && span_eq(conf_node_text(name), key))
			return conf_doc_node(doc, pair->value);
	}
	return NULL;
}

static yaml_node_t *item_at(const struct conf_doc *doc, const yaml_node_t *list, size_t index)
{
	if (list->type != YAML_SEQUENCE_NODE ||
	    index >= (size_t)(list->data.sequence.items.top - list->data.sequence.items.start))
		return NULL;
	return conf_doc_node(doc, list->data.sequence.items.start[index]);
}

/* Follows the path as far as the document goes. */
unsigned conf_doc_line(const struct conf_doc *doc, const char *key)
{
	const yaml_node_t *node, *next;
	const char *at = key;

	if (!doc->parsed)
		return 0;
	node = conf_doc_node(doc, 1);
	while (node && *at) {
		if (*at == '[') {
			char *end;

			next = item_at(doc, node, strtoul(at + 1, &end, 10));
			at = *end == ']' ? end + 1 : end;
		} else {
			size_t len = strcspn(at, ".[");

			next = conf_doc_get(doc, node, span_of(at, len));
			at += len;
		}
		if (!next)
			break;
		node = next;
		if (*at == '.')
			at++;
	}
	return node ? conf_node_line(node) : 0;
}

void conf_fault_at(struct conf_doc *doc, const char *key, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fault_v(doc, conf_doc_line(doc, key), key, fmt, args);
	va_end(args);
}

/* Whether `inner` is `outer` or lies inside it. */
static bool is_within(const char *inner, const char *outer)
{
	size_t len = strlen(outer);

	return len && strncmp(inner, outer, len) == 0 &&
	       (!inner[len] || inner[len] == '.' || inner[len] == '[');
}

bool conf_doc_faulty_at(const struct conf_doc *doc, const char *key)
{
	for (unsigned i = 0; i < doc->nerrors; i++) {
		if (is_within(doc->errors[i].key, key) || is_within(key, doc->errors[i].key))
			return true;
	}
	return false;
}

static int read_file(struct conf_doc *doc, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	struct stat st;
	ssize_t got;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err = -errno;
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
		goto out;
	}
	if (st.st_size > (off_t)CONF_FILE_BYTES_MAX) {
		err = -EFBIG;
		goto out;
	}
	doc->text = malloc((size_t)st.st_size + 1);
	if (!doc->text) {
		err = -ENOMEM;
		goto out;
	}
	while (doc->len < (size_t)st.st_size) {
		got = read(fd, doc->text + doc->len, (size_t)st.st_size - doc->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			err = -errno;
		if (got <= 0)
			break;
		doc->len += (size_t)got;
	}
out:
	if (fd >= 0)
		close(fd);
	if (err)
		conf_fault(doc, 0, "", "cannot be read: %s",
			   err == -EINVAL ? "not a regular file" : strerror(-err));
	return err;
}

static unsigned line_at_offset(const struct conf_doc *doc, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && i < doc->len; i++)
		line += doc->text[i] == '\n';
	return line;
}

static int yaml_fault(struct conf_doc *doc, const yaml_parser_t *parser)
{
	unsigned line = (unsigned)parser->problem_mark.line + 1;

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		line = line_at_offset(doc, parser->problem_offset);
	conf_fault(doc, line, "", "not YAML: %s%s%s",
		   parser->problem ? parser->problem : "unreadable", parser->context ? " " : "",
		   parser->context ? parser->context : "");
	return -EINVAL;
}

/* What libyaml's document no longer tells: aliases, and a second document. */
static int check_events(struct conf_doc *doc)
{
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned documents = 0;
	int err = 0;
	bool end = false;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)doc->text, doc->len);
	while (!end) {
		if (!yaml_parser_parse(&parser, &event)) {
			err = yaml_fault(doc, &parser);
			break;
		}
		if (event.type == YAML_ALIAS_EVENT) {
			conf_fault(doc, (unsigned)event.start_mark.line + 1, "",
				   "aliases (*%.60s) are not allowed: write the value out",
				   (const char *)event.data.alias.anchor);
			err = -EINVAL;
		} else if (event.type == YAML_DOCUMENT_START_EVENT && ++documents == 2) {
			conf_fault(doc, (unsigned)event.start_mark.line + 1, "",
				   "a second document begins here: the file must hold only one");
			err = -EINVAL;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return err;
}

static int load_document(struct conf_doc *doc)
{
	yaml_parser_t parser;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)doc->text, doc->len);
	if (yaml_parser_load(&parser, &doc->yaml))
		doc->parsed = true;
	else
		err = yaml_fault(doc, &parser);
	yaml_parser_delete(&parser);
	return err;
}

int conf_doc_open(struct conf_doc *doc, const char *path)
{
	const yaml_node_t *root;
	int err = read_file(doc, path);

	if (!err)
		err = check_events(doc);
	if (!err)
		err = load_document(doc);
	if (err)
		return err;
	root = yaml_document_get_root_node(&doc->yaml);
	if (!root) {
		conf_fault(doc, 1, "", "the file is empty");
		return -EINVAL;
	}
	if (root->type != YAML_MAPPING_NODE) {
		conf_fault(doc, conf_node_line(root), "",
			   "must be a mapping of sections (machine:, ports:, ...)");
		return -EINVAL;
	}
	return 0;
}

void conf_doc_close(struct conf_doc *doc)
{
	if (doc->parsed)
		yaml_document_delete(&doc->yaml);
	doc->parsed = false;
	free(doc->text);
	doc->text = NULL;
}
