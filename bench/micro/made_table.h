/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of prefixes as carriers have them, made up: a few countries, area codes, and below them
 * number ranges of five to nine digits; the same one each time. */
#pragma once

#include <stdint.h>

/* Write `nprefixes` rows to the CSV file, spread over trunks t0, t1, ... */
void made_table_write(const char *path, unsigned nprefixes, unsigned ntrunks);

/* A number as it is called: most begin with a prefix of the table, some with a country that it has,
 * some with neither. At least 24 bytes. Returns its length. */
unsigned made_number(uint64_t *state, char *number);
