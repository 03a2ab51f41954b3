/* SPDX-License-Identifier: BSD-3-Clause */
/* The section `screening`, with the file that it may name: one thing to block a line. Both
 * processes, while starting and on reload. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/conf/conf_resolve.h"
#include "common/conf/conf_value.h"

#define FILE_BYTES_MAX (4u * 1024u * 1024u)
#define FILE_LINES_MAX 60000u

/* What a line of the file may begin with, and the list it goes to. */
enum word { WORD_SOURCE, WORD_CALLED, WORD_CALLING, WORD_AGENT, WORDS };

static const struct {
	const char *word;
	unsigned key; /* whose values these are */
} words[WORDS] = {
	[WORD_SOURCE] = {"source", SCREENING_blocked_sources},
	[WORD_CALLED] = {"called", SCREENING_blocked_called},
	[WORD_CALLING] = {"calling", SCREENING_blocked_calling},
	[WORD_AGENT] = {"user-agent", SCREENING_scanner_agents},
};

struct lists {
	struct conf_doc *doc;
	struct conf_screening *screening;
	struct conf_pool *pool;
	struct span text; /* of the file */
	unsigned room[WORDS];
	bool no_memory;
};

static const struct conf_key *key_of(unsigned key)
{
	return &conf_sections[SECTION_screening].keys[key];
}

static unsigned number(unsigned key, const char *given)
{
	const struct conf_key *k = key_of(key);
	uint64_t value;

	return conf_read_number(span_str(given ? given : k->def), k->low, k->high, &value)
		       ? (unsigned)value
		       : 0;
}

static void resolve_numbers(const struct raw_screening *raw, struct conf_screening *s)
{
	const char *learn = raw->learn ? raw->learn : key_of(SCREENING_learn)->def;

	s->learn = strcmp(learn, "nobody") == 0	   ? CONF_LEARN_NOBODY
		   : strcmp(learn, "known") == 0 ? CONF_LEARN_KNOWN
						 : CONF_LEARN_UNKNOWN;
#define NUMBER(field) s->field = number(SCREENING_##field, raw->field)
	NUMBER(trusted_packets_per_s);
	NUMBER(known_packets_per_s);
	NUMBER(unknown_packets_per_s);
	NUMBER(unknown_total_packets_per_s);
	NUMBER(trusted_requests_per_s);
	NUMBER(known_requests_per_s);
	NUMBER(unknown_requests_per_s);
	NUMBER(burst_ms);
	NUMBER(window_s);
	NUMBER(auth_failures_max);
	NUMBER(refused_users_max);
	NUMBER(refused_max);
	NUMBER(malformed_max);
	NUMBER(options_max);
	NUMBER(block_s);
	NUMBER(block_unproven_s);
#undef NUMBER
}

/* ---- the file ---- */

static int read_file(struct lists *l, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text;
	size_t len;

	if (!file) {
		conf_fault_at(l->doc, "screening.file", "cannot be read: %s: %s", path,
			      strerror(errno));
		return 0;
	}
	text = conf_pool_get(l->pool, 1, FILE_BYTES_MAX + 2);
	len = text ? fread(text, 1, FILE_BYTES_MAX + 1, file) : 0;
	if (ferror(file))
		conf_fault_at(l->doc, "screening.file", "cannot be read: %s: %s", path,
			      strerror(errno));
	else if (len > FILE_BYTES_MAX)
		conf_fault_at(l->doc, "screening.file", "larger than 4 MiB: %s", path);
	else
		l->text = span_of(text, len);
	fclose(file);
	return text ? 0 : -ENOMEM;
}

static struct span next_line(struct span *rest)
{
	const char *end = memchr(rest->ptr, '\n', rest->len);
	size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
	struct span line = span_trim(span_of(rest->ptr, len));

	len += end != NULL;
	*rest = span_of(rest->ptr + len, rest->len - len);
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line.len && line.ptr[0] == '#' ? SPAN_NONE : line;
}

/* The word and what follows it; WORDS: no such word. */
static unsigned read_line(struct span line, struct span *value)
{
	for (unsigned w = 0; w < WORDS; w++) {
		size_t len = strlen(words[w].word);

		if (line.len > len && memcmp(line.ptr, words[w].word, len) == 0 &&
		    (line.ptr[len] == ' ' || line.ptr[len] == '\t')) {
			*value = span_trim(span_of(line.ptr + len, line.len - len));
			return w;
		}
	}
	return WORDS;
}

/* How many there are of each; faults are noted. */
static void count_lines(struct lists *l)
{
	struct span rest = l->text, line, value;
	char why[160];

	for (unsigned n = 1, used = 0; rest.len; n++) {
		unsigned w;

		line = next_line(&rest);
		if (line.len == 0)
			continue;
		w = read_line(line, &value);
		if (w == WORDS)
			conf_fault_at(l->doc, "screening.file",
				      "line %u: neither source, called, calling nor user-agent: "
				      "\"%.*s\"",
				      n, (int)(line.len < 40 ? line.len : 40), line.ptr);
		else if (!conf_value_ok(key_of(words[w].key), value, why, sizeof(why)))
			conf_fault_at(l->doc, "screening.file", "line %u: %s", n, why);
		else
			l->room[w]++;
		if (++used > FILE_LINES_MAX) {
			conf_fault_at(l->doc, "screening.file", "more than %u lines",
				      FILE_LINES_MAX);
			break;
		}
		if (l->doc->faulty && conf_doc_faulty_at(l->doc, "screening.file"))
			break;
	}
	if (conf_doc_faulty_at(l->doc, "screening.file"))
		l->text = SPAN_NONE;
}

/* ---- the lists ---- */

static char *copy(struct lists *l, struct span text, bool lower)
{
	char *out = conf_pool_get(l->pool, text.len + 1, 1);

	if (!out) {
		l->no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < text.len; i++)
		out[i] = lower ? (char)tolower((unsigned char)text.ptr[i]) : text.ptr[i];
	return out;
}

static void add(struct lists *l, unsigned w, struct span text)
{
	struct conf_screening *s = l->screening;

	switch (w) {
	case WORD_SOURCE:
		if (conf_read_prefix(text, &s->blocked[s->nblocked])) {
			s->blocked[s->nblocked] = conf_network_of(&s->blocked[s->nblocked]);
			s->nblocked++;
		}
		break;
	case WORD_CALLED:
		s->called[s->ncalled++] = copy(l, text, false);
		break;
	case WORD_CALLING:
		s->calling[s->ncalling++] = copy(l, text, false);
		break;
	default:
		s->agents[s->nagents++] = copy(l, text, true);
		break;
	}
}

static void add_defaults(struct lists *l, const char *def)
{
	while (*def) {
		size_t len = strcspn(def, "|");

		add(l, WORD_AGENT, span_of(def, len));
		def += len + (def[len] == '|');
	}
}

static bool get_lists(struct lists *l, const struct raw_screening *raw)
{
	struct conf_screening *s = l->screening;

	s->never = conf_pool_get(l->pool, raw->never_blocked_count + 1, sizeof(*s->never));
	s->blocked = conf_pool_get(l->pool, raw->blocked_sources_count + l->room[WORD_SOURCE] + 1,
				   sizeof(*s->blocked));
	s->called = conf_pool_get(l->pool, raw->blocked_called_count + l->room[WORD_CALLED] + 1,
				  sizeof(*s->called));
	s->calling = conf_pool_get(l->pool, raw->blocked_calling_count + l->room[WORD_CALLING] + 1,
				   sizeof(*s->calling));
	s->agents = conf_pool_get(l->pool, raw->scanner_agents_count + l->room[WORD_AGENT] + 32,
				  sizeof(*s->agents));
	return s->never && s->blocked && s->called && s->calling && s->agents;
}

static void fill_lists(struct lists *l, const struct raw_screening *raw)
{
	struct conf_screening *s = l->screening;
	struct span rest = l->text, line, value;

	for (unsigned i = 0; i < raw->never_blocked_count; i++)
		if (conf_read_prefix(span_str(raw->never_blocked[i]), &s->never[s->nnever])) {
			s->never[s->nnever] = conf_network_of(&s->never[s->nnever]);
			s->nnever++;
		}
	for (unsigned i = 0; i < raw->blocked_sources_count; i++)
		add(l, WORD_SOURCE, span_str(raw->blocked_sources[i]));
	for (unsigned i = 0; i < raw->blocked_called_count; i++)
		add(l, WORD_CALLED, span_str(raw->blocked_called[i]));
	for (unsigned i = 0; i < raw->blocked_calling_count; i++)
		add(l, WORD_CALLING, span_str(raw->blocked_calling[i]));
	for (unsigned i = 0; i < raw->scanner_agents_count; i++)
		add(l, WORD_AGENT, span_str(raw->scanner_agents[i]));
	if (!raw->scanner_agents_count)
		add_defaults(l, key_of(SCREENING_scanner_agents)->def);
	while (rest.len) {
		line = next_line(&rest);
		if (line.len)
			add(l, read_line(line, &value), value);
	}
}

/* A worker holds them all in so many bytes. */
static void check_agents(struct lists *l)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < l->screening->nagents; i++)
		bytes += strlen(l->screening->agents[i]) + 1;
	if (bytes > CONF_AGENTS_BYTES_MAX)
		conf_fault_at(l->doc, "screening.scanner_agents",
			      "%zu bytes in all; at most %u are possible", bytes,
			      CONF_AGENTS_BYTES_MAX);
}

int conf_resolve_screening(struct conf_doc *doc, const struct raw_screening *raw,
			   struct conf_screening *screening, struct conf_pool *pool)
{
	static const struct raw_screening absent;
	struct lists l = {.doc = doc, .screening = screening, .pool = pool};

	raw = raw ? raw : &absent;
	resolve_numbers(raw, screening);
	screening->file = copy(&l, span_str(raw->file ? raw->file : ""), false);
	if (l.no_memory)
		return -ENOMEM;
	if (*screening->file && !conf_doc_faulty_at(doc, "screening.file")) {
		if (read_file(&l, screening->file))
			return -ENOMEM;
		count_lines(&l);
	}
	if (!get_lists(&l, raw))
		return -ENOMEM;
	fill_lists(&l, raw);
	if (l.no_memory)
		return -ENOMEM;
	check_agents(&l);
	return 0;
}
