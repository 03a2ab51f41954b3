/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a decision came out as it did: the steps that led to it, told in order to an operator who
 * asks (limenctl explain). limen-controlplane and limenctl, any thread.
 *
 * Whatever takes part in a decision takes a `struct explain *`. In live traffic it is NULL and
 * costs a branch. Where there is one, the decision is a rehearsal: nothing is taken, counted or
 * kept, be it a token of a bucket, a binding or a counter. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define EXPLAIN_STEPS_MAX 256u
#define EXPLAIN_BYTES_MAX 32768u /* of all steps' texts, each with its NUL */
#define EXPLAIN_TEXT_MAX  1024u  /* of one step: what is longer is cut */

struct explain {
	struct explain_step {
		const char *what; /* static: "source", "method", "route", "number", "header", ... */
		uint32_t text;    /* where in texts[] */
	} steps[EXPLAIN_STEPS_MAX];
	unsigned n;
	unsigned left_out; /* steps for which there was no room */
	size_t len;        /* of texts[] */
	char texts[EXPLAIN_BYTES_MAX];
};

/* One step: what it is about, and what was found or done, in one line. Control characters in what
 * a message brought become '?'. Its arguments are evaluated only where somebody wants to know. */
#define explain_step(teller, what, ...)                                                            \
	do {                                                                                       \
		struct explain *explain_to_ = (teller);                                            \
		if (__builtin_expect(explain_to_ != NULL, 0))                                      \
			explain_add(explain_to_, (what), __VA_ARGS__);                             \
	} while (0)

void explain_start(struct explain *explain);
void explain_add(struct explain *explain, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The text of a step; it lives as long as the explain. */
static inline const char *explain_text(const struct explain *explain, unsigned step)
{
	return explain->texts + explain->steps[step].text;
}
