/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a decision came out as it did: the steps that led to it. limen-controlplane and limenctl, any
 * thread. */
#include "controlplane/policy/explain.h"

#include <stdarg.h>
#include <stdio.h>

void explain_start(struct explain *explain)
{
	explain->n = explain->left_out = 0;
	explain->len = 0;
}

void explain_add(struct explain *explain, const char *what, const char *fmt, ...)
{
	size_t room = sizeof(explain->texts) - explain->len, len;
	char *text = explain->texts + explain->len;
	va_list args;
	int n;

	if (explain->n == EXPLAIN_STEPS_MAX || room < EXPLAIN_TEXT_MAX) {
		explain->left_out++;
		return;
	}
	va_start(args, fmt);
	n = vsnprintf(text, EXPLAIN_TEXT_MAX, fmt, args);
	va_end(args);
	if (n < 0) {
		explain->left_out++;
		return;
	}
	len = (size_t)n < EXPLAIN_TEXT_MAX ? (size_t)n : EXPLAIN_TEXT_MAX - 1;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	}
	explain->steps[explain->n++] =
		(struct explain_step){.what = what, .text = (uint32_t)explain->len};
	explain->len += len + 1;
}
