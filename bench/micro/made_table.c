/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of prefixes as carriers have them, made up. */
#include "bench/micro/made_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const countries[] = {"1",  "44", "49", "33",	 "39",	"34",  "48",  "420", "43",
					"41", "7",  "86", "91",	 "55",	"61",  "81",  "353", "351",
					"30", "46", "47", "358", "972", "971", "212", "234"};
#define NCOUNTRIES (sizeof(countries) / sizeof(countries[0]))

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Which number range: the same for a table's prefix and for numbers called, so that they meet. */
static unsigned put_range(uint64_t *state, char *out, unsigned digits)
{
	unsigned len = (unsigned)sprintf(out, "%s", countries[next_random(state) % NCOUNTRIES]);

	while (len < digits)
		out[len++] = (char)('0' + next_random(state) % 10);
	out[len] = '\0';
	return len;
}

/* Longer ones are more: ported numbers and ranges of small operators. */
static unsigned range_digits(uint64_t *state)
{
	static const uint8_t digits[16] = {5, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 9, 9, 9};

	return digits[next_random(state) % 16];
}

void made_table_write(const char *path, unsigned nprefixes, unsigned ntrunks)
{
	enum { SEEN = 1 << 22 };
	uint64_t *seen = calloc(SEEN, sizeof(*seen)), state = 88172645463325252ull;
	FILE *file = fopen(path, "w");

	if (!file || !seen)
		abort();
	fputs("prefix,trunk,cost,quality\n", file);
	for (unsigned n = 0; n < nprefixes;) {
		char prefix[24];
		uint64_t key, at;

		(void)put_range(&state, prefix, range_digits(&state));
		key = strtoull(prefix, NULL, 10);
		for (at = key * 0x9e3779b97f4a7c15ull >> 42; seen[at] && seen[at] != key;)
			at = (at + 1) % SEEN;
		if (seen[at])
			continue;
		seen[at] = key;
		fprintf(file, "%s,t%u,0.%04u,%u\n", prefix,
			(unsigned)(next_random(&state) % ntrunks),
			(unsigned)(next_random(&state) % 10000),
			(unsigned)(next_random(&state) % 101));
		n++;
	}
	free(seen);
	if (fclose(file))
		abort();
}

unsigned made_number(uint64_t *state, char *number)
{
	unsigned len = next_random(state) % 20 ? 0 : (unsigned)sprintf(number, "88");

	len += put_range(state, number + len, 11 + next_random(state) % 4);
	return len;
}
