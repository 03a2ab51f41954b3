/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts for the parsers, each with an unreadable page behind it. Tests only. */
#pragma once

#include "common/base/span.h"

#include "../../../guard.h"

/* Good until the next call. */
static inline struct span guarded(const char *text)
{
	return span_of(guard_behind(text, strlen(text)), strlen(text));
}

/* For messages of failed expectations; NULL is what a span is compared with when it must be
 * empty. */
static inline bool span_is(struct span s, const char *text)
{
	return text ? span_eq(s, span_str(text)) : s.len == 0;
}
