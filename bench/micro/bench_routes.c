/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of prefixes: how long one of a million takes to load, what it holds, and what a look-up
 * costs, with the caches warm from the look-ups before and with cold ones, as between calls. Beside
 * it the other way to do it: a trie, packed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "bench/micro/made_table.h"
#include "bench/micro/packed_trie.h"
#include "common/base/clock.h"
#include "controlplane/policy/ptable.h"

#define PREFIXES  1000000u
#define NUMBERS	  200000u
#define COLD	  4000u
#define SWEEP_ALL (64u << 20) /* bytes, more than all caches hold */
#define SWEEP_OWN (2u << 20)  /* more than a core's own, as a verdict's other work leaves them */

static unsigned cold_rounds = COLD;
static struct called {
	char text[24];
	unsigned len;
} * numbers;

static void die(const char *what)
{
	fprintf(stderr, "bench_routes: %s\n", what);
	exit(1);
}

/* ---- the yardstick ---- */

static int by_bits(const void *left, const void *right)
{
	const struct packed_key *a = left, *b = right;

	return a->bits < b->bits ? -1 : a->bits > b->bits;
}

static struct packed_trie *packed_from(const char *path)
{
	struct packed_key *keys = calloc(PREFIXES, sizeof(*keys));
	FILE *file = fopen(path, "r");
	struct packed_trie *trie;
	char line[128];
	size_t n = 0;

	if (!file || !keys)
		die("out of memory");
	while (n < PREFIXES && fgets(line, sizeof(line), file)) {
		size_t len = strcspn(line, ",");

		if (line[0] < '0' || line[0] > '9')
			continue;
		keys[n].value = (uint32_t)len;
		if (!packed_key_read(span_of(line, len), &keys[n++].bits))
			die("a wrong prefix");
	}
	fclose(file);
	qsort(keys, n, sizeof(*keys), by_bits);
	trie = packed_trie_new(keys, n);
	free(keys);
	if (!trie)
		die("out of memory");
	return trie;
}

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t cycles_now(void)
{
#if defined(__x86_64__)
	unsigned cpu;

	return __rdtscp(&cpu);
#else
	return 0;
#endif
}

static unsigned table_len(const void *arg, const struct called *called)
{
	unsigned len;
	const struct ptable_offer *offer =
		ptable_find(arg, span_of(called->text, called->len), &len);

	return offer && offer->cost_micro != UINT32_MAX ? len : 0;
}

static unsigned packed_len(const void *arg, const struct called *called)
{
	unsigned len;

	(void)packed_trie_find(arg, span_of(called->text, called->len), &len);
	return len;
}

typedef unsigned find_fn(const void *arg, const struct called *called);

static void sweep(unsigned len)
{
	static char *bytes;

	if (!bytes)
		bytes = malloc(SWEEP_ALL);
	for (size_t i = 0; bytes && i < len; i += 64)
		((volatile char *)bytes)[i]++;
}

/* What is measured is the table: number and code are warm, as they are where a call is decided. */
static void measure_cold(const char *name, const char *what, find_fn *find, const void *arg,
			 const void *warm, unsigned bytes)
{
	static uint64_t cycles[COLD], ns[COLD];
	unsigned n = bytes > SWEEP_OWN ? cold_rounds / 4 : cold_rounds, found = 0;

	for (unsigned i = 0; i < n; i++) {
		struct called called = numbers[NUMBERS - 1 - i];
		uint64_t from, from_ns;

		sweep(bytes);
		found += find(warm, &called);
		from_ns = clock_mono_ns();
		from = cycles_now();
		found += find(arg, &called);
		cycles[i] = cycles_now() - from;
		ns[i] = clock_mono_ns() - from_ns;
	}
	qsort(cycles, n, sizeof(*cycles), compare);
	qsort(ns, n, sizeof(*ns), compare);
	printf("%-6s look-up, %s: median %5llu ns, %6llu cycles, 99 %% %6llu cycles%s\n", name,
	       what, (unsigned long long)ns[n / 2], (unsigned long long)cycles[n / 2],
	       (unsigned long long)cycles[n / 100 * 99], found ? "" : " (nothing found)");
}

static void measure(const char *name, find_fn *find, const void *arg, const void *warm)
{
	static uint64_t cycles[NUMBERS];
	uint64_t from_ns = clock_mono_ns();
	unsigned found = 0;

	for (unsigned i = 0; i < NUMBERS; i++)
		found += find(arg, &numbers[i]) != 0;
	from_ns = clock_mono_ns() - from_ns;
	for (unsigned i = 0; i < NUMBERS; i++) {
		uint64_t from = cycles_now();

		found += find(arg, &numbers[i]) != 0;
		cycles[i] = cycles_now() - from;
	}
	qsort(cycles, NUMBERS, sizeof(*cycles), compare);
	printf("%-6s look-up, one after the other: mean %5.0f ns, median %5llu cycles, 99 %% "
	       "%6llu; "
	       "found %.0f %%\n",
	       name, (double)from_ns / NUMBERS, (unsigned long long)cycles[NUMBERS / 2],
	       (unsigned long long)cycles[NUMBERS / 100 * 99], 50.0 * found / NUMBERS);
	measure_cold(name, "own caches cold", find, arg, warm, SWEEP_OWN);
	measure_cold(name, "all caches cold", find, arg, warm, SWEEP_ALL);
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
	char path[] = "/tmp/limen-table-XXXXXX", why[PTABLE_WHY_BYTES];
	int fd = mkstemp(path);
	uint64_t state = 7, from_ns;
	struct ptable_stats stats;
	struct packed_trie *packed, *few;
	struct ptable *table, *small;
	unsigned differ = 0;

	if (fd < 0)
		die("no temporary file");
	close(fd);
	if (quick)
		cold_rounds /= 20;
	made_table_write(path, 50, 1);
	if (ptable_load(path, "", &small, why))
		die(why);
	few = packed_from(path);
	made_table_write(path, PREFIXES, 100);
	from_ns = clock_mono_ns();
	if (ptable_load(path, "", &table, why))
		die(why);
	from_ns = clock_mono_ns() - from_ns;
	ptable_stats(table, &stats);
	printf("table of %zu prefixes: loaded in %.0f ms, %.1f MB\n", stats.prefixes,
	       (double)from_ns / 1e6, (double)stats.bytes / 1e6);
	packed = packed_from(path);
	unlink(path);
	printf("trie of the same: %.1f MB, without what the prefixes lead to\n",
	       (double)packed_trie_bytes(packed) / 1e6);
	numbers = calloc(NUMBERS, sizeof(*numbers));
	if (!numbers)
		die("out of memory");
	for (unsigned i = 0; i < NUMBERS; i++)
		numbers[i].len = made_number(&state, numbers[i].text);
	for (unsigned i = 0; i < NUMBERS; i++)
		differ += table_len(table, &numbers[i]) != packed_len(packed, &numbers[i]);
	if (differ)
		die("the two do not find the same");
	measure("table", table_len, table, small);
	measure("trie", packed_len, packed, few);
	ptable_free(table);
	ptable_free(small);
	packed_trie_free(packed);
	packed_trie_free(few);
	free(numbers);
	return 0;
}
