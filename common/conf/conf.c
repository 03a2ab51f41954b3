/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading a configuration: document, checks, libcyaml's tree, struct conf. Both processes, while
 * starting and on reload. */
#include "common/conf/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/conf/conf_check.h"
#include "common/conf/conf_compare.h"
#include "common/conf/conf_doc.h"
#include "common/conf/conf_resolve.h"
#include "common/conf/conf_schema.h"

/* What struct conf keeps: the raw tree, whose strings it shares, and the rest. */
struct conf_keep {
	struct raw_conf *raw;
	struct conf_pool pool;
};

/* libcyaml's last words before it gave up. */
struct cyaml_words {
	char text[160];
	unsigned line;
};

static void keep_words(cyaml_log_t level, void *arg, const char *fmt, va_list args)
{
	struct cyaml_words *words = arg;
	char text[sizeof(words->text)];
	const char *line;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	line = strstr(text, "line: ");
	if (line && !words->line)
		words->line = (unsigned)strtoul(line + 6, NULL, 10);
	if (!words->text[0])
		memcpy(words->text, text, sizeof(text));
}

/* The raw tree. The checks have said all they can before; what libcyaml refuses beyond is its own
 * to word. */
static int load_raw(struct conf_doc *doc, struct raw_conf **raw)
{
	struct cyaml_words words = {0};
	const cyaml_config_t config = {
		.log_fn = keep_words,
		.log_ctx = &words,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_NO_ALIAS | (doc->faulty ? CYAML_CFG_IGNORE_UNKNOWN_KEYS : 0),
	};
	cyaml_err_t err = cyaml_load_data((const uint8_t *)doc->text, doc->len, &config,
					  &conf_cyaml_schema, (cyaml_data_t **)raw, NULL);

	if (err == CYAML_OK)
		return 0;
	*raw = NULL;
	if (err == CYAML_ERR_OOM)
		return -ENOMEM;
	if (!doc->faulty)
		conf_fault(doc, words.line, "", "%s (%s)", words.text, cyaml_strerror(err));
	return -EINVAL;
}

static void free_raw(struct raw_conf *raw)
{
	const cyaml_config_t config = {.log_level = CYAML_LOG_ERROR, .mem_fn = cyaml_mem};

	if (raw)
		cyaml_free(&config, &conf_cyaml_schema, raw, 0);
}

void conf_free(struct conf *conf)
{
	struct conf_keep *keep;

	if (!conf)
		return;
	keep = conf->keep;
	if (keep) {
		free_raw(keep->raw);
		conf_pool_free(&keep->pool);
		free(keep);
	}
	free(conf->path);
	free(conf);
}

static struct conf *conf_new(const char *path)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->path = strdup(path);
	conf->keep = calloc(1, sizeof(struct conf_keep));
	if (conf->path && conf->keep)
		return conf;
	conf_free(conf);
	return NULL;
}

static int by_line(const void *left, const void *right)
{
	const struct conf_error *a = left, *b = right;

	return a->line != b->line ? (a->line < b->line ? -1 : 1) : strcmp(a->key, b->key);
}

static int load(struct conf_doc *doc, struct conf *conf)
{
	struct conf_keep *keep = conf->keep;
	int err = conf_doc_open(doc, conf->path);

	if (err)
		return err;
	conf_check(doc);
	err = load_raw(doc, &keep->raw);
	if (err)
		return err;
	err = conf_resolve(doc, keep->raw, conf, &keep->pool);
	if (!err)
		err = conf_cross_check(doc, keep->raw, conf);
	if (!err && doc->faulty)
		err = -EINVAL;
	return err;
}

int conf_load(const char *path, struct conf **conf, struct conf_error *errors, unsigned max,
	      unsigned *nerrors)
{
	struct conf_doc doc = {.errors = errors, .max = max};
	struct conf *new = conf_new(path);
	int err;

	*conf = NULL;
	*nerrors = 0;
	if (!new)
		return -ENOMEM;
	err = load(&doc, new);
	conf_doc_close(&doc);
	if (err == -ENOMEM)
		conf_fault(&doc, 0, "", "out of memory");
	*nerrors = doc.nerrors;
	if (doc.nerrors > 1)
		qsort(errors, doc.nerrors, sizeof(*errors), by_line);
	if (err) {
		conf_free(new);
		return err;
	}
	*conf = new;
	return 0;
}

unsigned conf_line_of(const struct conf *conf, const char *key)
{
	struct conf_error error;
	struct conf_doc doc = {.errors = &error, .max = 1};
	unsigned line = conf_doc_open(&doc, conf->path) ? 0 : conf_doc_line(&doc, key);

	conf_doc_close(&doc);
	return line;
}

void conf_put_error(struct cursor *out, const char *path, const struct conf_error *error)
{
	put_span(out, span_str(path));
	if (error->line) {
		put_char(out, ':');
		put_u64(out, error->line);
	}
	put_lit(out, ": ");
	if (error->key[0]) {
		put_span(out, span_str(error->key));
		put_lit(out, ": ");
	}
	put_span(out, span_str(error->reason));
}

bool conf_needs_restart(const struct conf *was, const struct conf *now, struct cursor *key)
{
	const struct conf_keep *left = was->keep, *right = now->keep;

	return conf_raw_needs_restart(left->raw, right->raw, key);
}

static void mix(uint64_t *hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ at[i]) * 0x100000001b3ull; /* FNV-1a */
}

struct conf *conf_load_or_tell(const char *path)
{
	struct conf_error errors[16];
	struct conf *conf;
	unsigned nerrors = 0;

	if (conf_load(path, &conf, errors, sizeof(errors) / sizeof(errors[0]), &nerrors) == 0)
		return conf;
	for (unsigned i = 0; i < nerrors; i++) {
		char line[640];
		struct cursor out = cursor_on(line, sizeof(line));

		conf_put_error(&out, path, &errors[i]);
		fprintf(stderr, "%.*s\n", SPAN_FMT(cursor_span(&out)));
	}
	return NULL;
}

uint64_t conf_realms_hash(const struct conf *conf)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (unsigned i = 0; i < conf->nrealms; i++) {
		const struct conf_realm *realm = &conf->realms[i];
		const char *port = conf->ports[realm->port].name;

		mix(&hash, realm->name, strlen(realm->name) + 1);
		mix(&hash, port, strlen(port) + 1);
		mix(&hash, &realm->naddrs, sizeof(realm->naddrs));
		for (unsigned a = 0; a < realm->naddrs; a++)
			mix(&hash, &realm->addrs[a].prefix, sizeof(realm->addrs[a].prefix));
		mix(&hash, &realm->sip_port, sizeof(realm->sip_port));
		mix(&hash, &realm->media_port_low, sizeof(realm->media_port_low));
		mix(&hash, &realm->media_port_high, sizeof(realm->media_port_high));
		mix(&hash, realm->kernel_device, strlen(realm->kernel_device) + 1);
		mix(&hash, &realm->tcp_port, sizeof(realm->tcp_port));
		mix(&hash, &realm->tls_port, sizeof(realm->tls_port));
		mix(&hash, realm->stream_addrs,
		    realm->nstream_addrs * sizeof(realm->stream_addrs[0]));
	}
	return hash;
}
