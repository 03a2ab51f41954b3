/* SPDX-License-Identifier: BSD-3-Clause */
/* Patterns of the config (PCRE2), compiled to machine code. What one may cost is bounded: a pattern
 * that tries its way through all there is gives up. Not by two threads at the same time. */
#pragma once

#include "common/base/cursor.h"

#define PATTERN_SUBJECT_MAX 2048u /* longer texts are looked at up to here */
#define PATTERN_CAPTURES    10u	  /* $0 to $9 */

struct pattern;

/* NULL with the reason in `why`: for a person, with the place. */
struct pattern *pattern_new(struct span text, char *why, size_t why_bytes);
void pattern_free(struct pattern *pattern);

/* How many captures it has, $0 not counted. */
unsigned pattern_captures(const struct pattern *pattern);

enum pattern_found { PATTERN_ABSENT = 0, PATTERN_FOUND, PATTERN_GAVE_UP };

/* Look for it. `found` may be NULL: what it and its captures stand for in the subject, as long as
 * that lives; those that took no part are empty. */
enum pattern_found pattern_find(const struct pattern *pattern, struct span subject,
				struct span found[PATTERN_CAPTURES]);
