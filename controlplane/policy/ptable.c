/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of prefixes from a file: loading, sharing, look-ups. Any thread. */
#include "controlplane/policy/ptable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "controlplane/policy/ptable_build.h"

static void words_end(struct ptable_words *words)
{
	free(words->bytes);
	free(words->words);
	free(words->slots);
}

/* What tells one state of the file from another; a SQLite file's last changes may still be in its
 * log. */
static int read_stamp(const char *path, struct ptable_stamp *stamp)
{
	char log[4096];
	struct stat st;

	if (stat(path, &st))
		return -errno;
	*stamp = (struct ptable_stamp){
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_ns =
			(uint64_t)st.st_mtim.tv_sec * CLOCK_NS_PER_S + (uint64_t)st.st_mtim.tv_nsec,
	};
	snprintf(log, sizeof(log), "%s-wal", path);
	if (stat(log, &st) == 0) {
		stamp->log_size = (uint64_t)st.st_size;
		stamp->log_mtime_ns =
			(uint64_t)st.st_mtim.tv_sec * CLOCK_NS_PER_S + (uint64_t)st.st_mtim.tv_nsec;
	}
	return 0;
}

static int fill(struct ptable *table, char why[PTABLE_WHY_BYTES])
{
	bool sqlite = *table->sqlite_table;
	struct ptable_build *build = ptable_build_new(sqlite ? "row" : "line");
	int err;

	if (!build) {
		snprintf(why, PTABLE_WHY_BYTES, "out of memory");
		return -ENOMEM;
	}
	err = sqlite ? ptable_read_sqlite(table->path, table->sqlite_table, build, why)
		     : ptable_read_csv(table->path, build, why);
	if (!err)
		err = ptable_build_finish(build, table, why);
	ptable_build_free(build);
	return err;
}

static struct ptable *ptable_new(const char *path, const char *sqlite_table)
{
	struct ptable *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->refs = 1;
	table->path = strdup(path);
	table->sqlite_table = strdup(sqlite_table);
	if (table->path && table->sqlite_table)
		return table;
	ptable_free(table);
	return NULL;
}

int ptable_load(const char *path, const char *sqlite_table, struct ptable **out,
		char why[PTABLE_WHY_BYTES])
{
	struct ptable *table = ptable_new(path, sqlite_table);
	uint64_t began = clock_mono_ns();
	int err;

	*out = NULL;
	if (!table) {
		snprintf(why, PTABLE_WHY_BYTES, "out of memory");
		return -ENOMEM;
	}
	/* before it is read: what changes meanwhile shows the next time */
	err = read_stamp(path, &table->stamp);
	if (err)
		snprintf(why, PTABLE_WHY_BYTES, "cannot be read: %s", strerror(-err));
	else
		err = fill(table, why);
	if (err) {
		ptable_free(table);
		return err;
	}
	table->stats.load_ns = clock_mono_ns() - began;
	*out = table;
	return 0;
}

struct ptable *ptable_ref(struct ptable *table)
{
	__atomic_add_fetch(&table->refs, 1, __ATOMIC_RELAXED);
	return table;
}

void ptable_free(struct ptable *table)
{
	if (!table || __atomic_sub_fetch(&table->refs, 1, __ATOMIC_ACQ_REL))
		return;
	prefix_index_free(table->index);
	words_end(&table->trunks);
	words_end(&table->adds);
	free(table->offers);
	free(table->path);
	free(table->sqlite_table);
	free(table);
}

bool ptable_is_current(const struct ptable *table, const char *path, const char *sqlite_table)
{
	struct ptable_stamp now;

	return strcmp(table->path, path) == 0 && strcmp(table->sqlite_table, sqlite_table) == 0 &&
	       !read_stamp(path, &now) && !memcmp(&now, &table->stamp, sizeof(now));
}

const struct ptable_offer *ptable_find(const struct ptable *table, struct span number,
				       unsigned *len)
{
	uint32_t at = prefix_index_find(table->index, number, len);

	return at == PREFIX_NONE ? NULL : &table->offers[at];
}

struct span ptable_add(const struct ptable *table, const struct ptable_offer *offer)
{
	return span_str(table->adds.bytes + table->adds.words[offer->add].at);
}

const char *ptable_trunk(const struct ptable *table, unsigned number, unsigned *line)
{
	if (number >= table->trunks.n)
		return NULL;
	*line = table->trunks.words[number].line;
	return table->trunks.bytes + table->trunks.words[number].at;
}

static size_t words_bytes(const struct ptable_words *words)
{
	return words->room + words->words_room * sizeof(*words->words) +
	       ((size_t)words->mask + 1) * sizeof(*words->slots);
}

void ptable_stats(const struct ptable *table, struct ptable_stats *stats)
{
	*stats = table->stats;
	stats->bytes = sizeof(*table) + prefix_index_bytes(table->index) +
		       table->noffers * sizeof(*table->offers) + words_bytes(&table->trunks) +
		       words_bytes(&table->adds);
}
