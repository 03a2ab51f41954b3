/* SPDX-License-Identifier: BSD-3-Clause */
/* Patterns of the config, by PCRE2. */
#include "common/conf/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

/* Some ten microseconds of compiled code; a pattern that means something takes a few steps. */
#define STEPS_MAX 5000u
#define HEAP_KIB_MAX 64u

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	uint32_t captures;
};

static struct pattern *compile(struct span text, char *why, size_t why_bytes)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));
	PCRE2_UCHAR reason[120];
	PCRE2_SIZE at;
	int err;

	if (!pattern)
		return NULL;
	/* \C could split what a user of another alphabet wrote; numbers are bytes here anyway */
	pattern->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, PCRE2_NEVER_BACKSLASH_C, &err,
				      &at, NULL);
	if (!pattern->code) {
		pcre2_get_error_message(err, reason, sizeof(reason));
		snprintf(why, why_bytes, "%s at character %zu", (const char *)reason, at + 1);
		return pattern;
	}
	/* without it the interpreter does the same, slower: not a fault */
	(void)pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE);
	pattern->data = pcre2_match_data_create(PATTERN_CAPTURES, NULL);
	pattern->limits = pcre2_match_context_create(NULL);
	if (pattern->limits) {
		pcre2_set_match_limit(pattern->limits, STEPS_MAX);
		pcre2_set_depth_limit(pattern->limits, STEPS_MAX);
		pcre2_set_heap_limit(pattern->limits, HEAP_KIB_MAX);
	}
	(void)pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &pattern->captures);
	return pattern;
}

struct pattern *pattern_new(struct span text, char *why, size_t why_bytes)
{
	struct pattern *pattern;

	snprintf(why, why_bytes, "out of memory");
	pattern = compile(text, why, why_bytes);
	if (pattern && pattern->code && pattern->data && pattern->limits)
		return pattern;
	pattern_free(pattern);
	return NULL;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(pattern->code);
	pcre2_match_data_free(pattern->data);
	pcre2_match_context_free(pattern->limits);
	free(pattern);
}

unsigned pattern_captures(const struct pattern *pattern)
{
	return pattern->captures;
}

enum pattern_found pattern_find(const struct pattern *pattern, struct span subject,
				struct span found[PATTERN_CAPTURES])
{
	size_t len = subject.len < PATTERN_SUBJECT_MAX ? subject.len : PATTERN_SUBJECT_MAX;
	int n = pcre2_match(pattern->code, (PCRE2_SPTR)(subject.ptr ? subject.ptr : ""), len, 0, 0,
			    pattern->data, pattern->limits);
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(pattern->data);

	if (n == PCRE2_ERROR_NOMATCH)
		return PATTERN_ABSENT;
	if (n < 0)
		return PATTERN_GAVE_UP;
	/* 0: more captures than are kept */
	if (!n)
		n = PATTERN_CAPTURES;
	for (int i = 0; found && i < (int)PATTERN_CAPTURES; i++) {
		bool is = i < n && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];

		found[i] = is ? span_of(subject.ptr + at[2 * i], at[2 * i + 1] - at[2 * i])
			      : SPAN_NONE;
	}
	return PATTERN_FOUND;
}
