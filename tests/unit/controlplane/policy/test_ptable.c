/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of prefixes: the index against a plain search, files of both kinds, and every row
 * that is refused. */
#include "controlplane/policy/ptable.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "controlplane/policy/prefix_index.h"

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

enum { MANY = 3000 };
static char prefixes[MANY][40];

static uint32_t plain_find(unsigned n, const char *number, unsigned *len)
{
	uint32_t best = PREFIX_NONE;

	*len = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t l = strlen(prefixes[i]);

		if (!strncmp(prefixes[i], number, l) && (best == PREFIX_NONE || l > *len)) {
			best = i;
			*len = (unsigned)l;
		}
	}
	return best;
}

/* Few symbols, so that prefixes lie within each other; each once. */
static unsigned make_prefixes(uint32_t *state, unsigned want, unsigned longest, bool with_empty)
{
	static const char alphabet[] = "01*9#";
	unsigned n = 0;

	if (with_empty)
		prefixes[n++][0] = '\0';
	for (unsigned tries = 0; n < want && tries < 10 * want; tries++) {
		unsigned len = 1 + next_random(state) % longest, i;

		for (i = 0; i < len; i++)
			prefixes[n][i] = alphabet[next_random(state) % 5];
		prefixes[n][len] = '\0';
		for (i = 0; i < n && strcmp(prefixes[i], prefixes[n]); i++)
			;
		n += i == n;
	}
	return n;
}

static void hold_against_plain(uint32_t seed, unsigned want, unsigned longest, bool with_empty)
{
	static struct prefix_entry keys[MANY];
	uint32_t state = seed;
	unsigned n = make_prefixes(&state, want, longest, with_empty), found = 0;
	struct prefix_index *index;

	for (unsigned i = 0; i < n; i++) {
		cr_assert(prefix_key_read(span_str(prefixes[i]), &keys[i].key));
		keys[i].value = i;
	}
	index = prefix_index_new(keys, n);
	cr_assert_not_null(index);
	for (unsigned i = 0; i < 4000; i++) {
		unsigned len = next_random(&state) % (longest + 4), got_len, want_len;
		char number[64];
		uint32_t got, wanted;

		for (unsigned d = 0; d < len; d++)
			number[d] = "01*9#5"[next_random(&state) % 6];
		number[len] = '\0';
		got = prefix_index_find(index, span_str(number), &got_len);
		wanted = plain_find(n, number, &want_len);
		cr_assert_eq(got, wanted, "%s: %u, not %u", number, got, wanted);
		cr_assert_eq(got_len, want_len);
		found += got != PREFIX_NONE;
	}
	cr_expect_gt(found, n > 1 ? 100 : 0);
	prefix_index_free(index);
}

Test(prefix_index, finds_what_a_plain_search_finds)
{
	for (uint32_t seed = 1; seed <= 12; seed++) {
		hold_against_plain(seed, 40 * seed, 3 + seed % 6, seed % 2);
		hold_against_plain(seed, 300, PREFIX_LEN_MAX, false);
	}
	hold_against_plain(5, MANY, 7, true);
	hold_against_plain(5, 1, 1, true);
}

Test(prefix_index, the_longest_prefix_and_the_plus)
{
	static const char longest[] = "01234567890123456";
	struct prefix_entry key = {.value = 9};
	struct prefix_index *index;
	uint64_t bits;
	char longer[40];
	unsigned len;

	cr_assert(prefix_key_read(span_str(longest), &key.key));
	index = prefix_index_new(&key, 1);
	snprintf(longer, sizeof(longer), "+%s77", longest);
	cr_expect_eq(prefix_index_find(index, span_str(longer), &len), 9);
	cr_expect_eq(len, 17);
	cr_expect_eq(prefix_index_find(index, span_of(longer, 17), &len), PREFIX_NONE);
	cr_expect_eq(prefix_index_find(index, SPAN_NONE, &len), PREFIX_NONE);
	cr_expect_eq(prefix_index_find(index, SPAN("urn:service:sos"), &len), PREFIX_NONE);
	cr_expect_eq(prefix_index_find(index, SPAN("\xff\x80 0"), &len), PREFIX_NONE);
	prefix_index_free(index);
	snprintf(longer, sizeof(longer), "%s7", longest);
	cr_expect_not(prefix_key_read(span_str(longer), &bits));
	cr_expect_not(prefix_key_read(SPAN("49a"), &bits));
	cr_expect_not(prefix_key_read(SPAN("4+9"), &bits));
	index = prefix_index_new(&key, 0);
	cr_expect_eq(prefix_index_find(index, span_str(longest), &len), PREFIX_NONE);
	prefix_index_free(index);
}

static char *file_of(const char *text)
{
	char *path = strdup("/tmp/limen-table-XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void remove_file(char *path)
{
	unlink(path);
	free(path);
}

static struct ptable *load(const char *text)
{
	char *path = file_of(text), why[PTABLE_WHY_BYTES] = "";
	struct ptable *table;

	cr_assert_eq(ptable_load(path, "", &table, why), 0, "%s", why);
	remove_file(path);
	return table;
}

/* "NAME:COST:QUALITY:STRIP:ADD ..." for a number. */
static const char *offers(const struct ptable *table, const char *number)
{
	static char text[512];
	unsigned len, line, at = 0;
	const struct ptable_offer *offer = ptable_find(table, span_str(number), &len);

	text[0] = '\0';
	for (bool last = !offer; !last; offer++) {
		struct span add = ptable_add(table, offer);

		last = offer->last;
		at += (unsigned)snprintf(text + at, sizeof(text) - at, "%s%s:%u:%u:%u:%.*s",
					 at ? " " : "", ptable_trunk(table, offer->trunk, &line),
					 offer->cost_micro, offer->quality, offer->strip,
					 SPAN_FMT(add));
	}
	return text;
}

Test(table, rows_are_as_written)
{
	struct ptable *table = load("\xef\xbb\xbfPrefix,Trunk,cost\r\n"
				   "49,dear,0.5,90\r\n"
				   "49,cheap,0.123456\r\n"
				   "\r\n"
				   "49,good,0.5,95,2,00\r\n"
				   " +4930 ,\"near\",4294.967295,100,31,+*#\n"
				   "*31#,star\n"
				   ",rest,1,,,");
	struct ptable_stats stats;
	unsigned line;

	cr_expect_str_eq(offers(table, "+49891"),
			 "cheap:123456:0:0: good:500000:95:2:00 dear:500000:90:0:");
	cr_expect_str_eq(offers(table, "4930123"), "near:4294967295:100:31:+*#");
	cr_expect_str_eq(offers(table, "*31#0"), "star:0:0:0:");
	cr_expect_str_eq(offers(table, "1"), "rest:1000000:0:0:");
	cr_expect_str_eq(offers(table, "urn:service:sos"), "rest:1000000:0:0:");
	ptable_stats(table, &stats);
	cr_expect_eq(stats.prefixes, 4);
	cr_expect_eq(stats.offers, 6);
	cr_expect_str_eq(ptable_trunk(table, 0, &line), "dear");
	cr_expect_eq(line, 2);
	cr_expect_str_eq(ptable_trunk(table, 3, &line), "near");
	cr_expect_eq(line, 6);
	cr_expect_null(ptable_trunk(table, 6, &line));
	ptable_free(ptable_ref(table));
	ptable_free(table);
}

Test(table, wrong_rows_refuse_the_whole)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "has no rows"},
		{"prefix,trunk\n", "has no rows"},
		{"49\n", "line 1: no trunk: a row is prefix,trunk[,cost[,quality[,strip[,add]]]]"},
		{"49,t\n4a,t\n", "line 2: not a prefix: only digits, * and #, and a + in front, make "
				 "one: \"4a\""},
		{"49,t\n\n012345678901234567,t\n",
		 "line 3: the prefix has more than 17 digits: \"012345678901234567\""},
		{"49,\n", "line 1: not the name of a trunk: \"\""},
		{"49,a b\n", "line 1: not the name of a trunk: \"a b\""},
		{"49,t,-1\n", "line 1: not a cost: a number from 0 to 4294 with at most six decimals: "
			      "\"-1\""},
		{"49,t,4294.967296\n", "line 1: not a cost: a number from 0 to 4294 with at most six "
				       "decimals: \"4294.967296\""},
		{"49,t,0.1234567\n", "line 1: not a cost: a number from 0 to 4294 with at most six "
				     "decimals: \"0.1234567\""},
		{"49,t,1.\n", "line 1: not a cost: a number from 0 to 4294 with at most six "
			      "decimals: \"1.\""},
		{"49,t,.5\n", "line 1: not a cost: a number from 0 to 4294 with at most six "
			      "decimals: \".5\""},
		{"49,t,1,101\n", "line 1: not a quality: a whole number from 0 to 100: \"101\""},
		{"49,t,1,9,32\n",
		 "line 1: not a number of digits to strip, from 0 to 31: \"32\""},
		{"49,t,1,9,0,a\n",
		 "line 1: not digits to put before a number, 31 at most: \"a\""},
		{"49,t,1,9,0,0,x\n",
		 "line 1: more than six fields: prefix,trunk,cost,quality,strip,add"},
		{"\"49,t\n", "line 1: a quote that is not closed before the next comma"},
		{"\"49\"x,t\n", "line 1: a quote that is not closed before the next comma"},
		{"49,t,1\n+49,u\n49,t,2\n", "line 3: the same prefix and trunk as in line 1"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = file_of(cases[i].text), why[PTABLE_WHY_BYTES] = "";
		struct ptable *table;

		cr_expect_neq(ptable_load(path, "", &table, why), 0, "%s", cases[i].text);
		cr_expect_null(table);
		cr_expect_str_eq(why, cases[i].why, "%s: %s", cases[i].text, why);
		remove_file(path);
	}
}

Test(table, files_that_cannot_be_read)
{
	char why[PTABLE_WHY_BYTES];
	struct ptable *table;

	cr_expect_neq(ptable_load("/nonexistent/t.csv", "", &table, why), 0);
	cr_expect_str_eq(why, "cannot be read: No such file or directory");
	cr_expect_neq(ptable_load("/tmp", "", &table, why), 0);
	cr_expect_str_eq(why, "cannot be read: not a regular file");
	cr_expect_neq(ptable_load("/dev/zero", "", &table, why), 0);
}

Test(table, too_many_rows_of_one_prefix)
{
	char text[2048] = "", *path, why[PTABLE_WHY_BYTES];
	struct ptable *table;

	for (unsigned i = 0; i <= PTABLE_OFFERS_MAX; i++)
		sprintf(text + strlen(text), "49,t%u\n", i);
	path = file_of(text);
	cr_expect_neq(ptable_load(path, "", &table, why), 0);
	cr_expect_str_eq(why, "line 65: one prefix has more than 64 rows");
	remove_file(path);
}

static char *sqlite_of(const char *sql)
{
	char *path = file_of("");
	sqlite3 *db;

	unlink(path);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return path;
}

Test(table, rows_of_a_sqlite_file)
{
	char *path = sqlite_of("CREATE TABLE rates (note TEXT, trunk TEXT, prefix, COST REAL, "
			       "quality INTEGER);"
			       "INSERT INTO rates VALUES ('x', 'a', '4930', 0.25, 7);"
			       "INSERT INTO rates VALUES (NULL, 'b', 4930, 0.125, NULL);"
			       "CREATE TABLE bad (prefix TEXT, trunk TEXT);"
			       "INSERT INTO bad VALUES ('1', 'a'), ('x', 'a');"
			       "CREATE TABLE other (number TEXT, trunk TEXT)");
	char why[PTABLE_WHY_BYTES];
	struct ptable *table;

	cr_assert_eq(ptable_load(path, "rates", &table, why), 0, "%s", why);
	cr_expect_str_eq(offers(table, "49301"), "b:125000:0:0: a:250000:7:0:");
	ptable_free(table);
	cr_expect_neq(ptable_load(path, "bad", &table, why), 0);
	cr_expect_str_eq(why, "row 2: not a prefix: only digits, * and #, and a + in front, make "
			      "one: \"x\"");
	cr_expect_neq(ptable_load(path, "other", &table, why), 0);
	cr_expect_str_eq(why, "has no column \"prefix\"");
	cr_expect_neq(ptable_load(path, "none", &table, why), 0);
	cr_expect_str_eq(why, "cannot be read: no such table: none");
	remove_file(path);
	path = file_of("this is no database, but longer than the head of one would be\n");
	cr_expect_neq(ptable_load(path, "rates", &table, why), 0);
	cr_expect_str_eq(why, "cannot be read: file is not a database");
	remove_file(path);
}

Test(table, a_file_that_changed_is_not_current)
{
	char *path = file_of("49,t\n"), why[PTABLE_WHY_BYTES];
	struct ptable *table;
	FILE *file;

	cr_assert_eq(ptable_load(path, "", &table, why), 0);
	cr_expect(ptable_is_current(table, path, ""));
	cr_expect_not(ptable_is_current(table, path, "rates"));
	cr_expect_not(ptable_is_current(table, "/tmp/other", ""));
	file = fopen(path, "a");
	fputs("48,t\n", file);
	fclose(file);
	cr_expect_not(ptable_is_current(table, path, ""));
	ptable_free(table);
	remove_file(path);
}
