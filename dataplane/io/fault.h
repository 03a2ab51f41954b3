/* SPDX-License-Identifier: BSD-3-Clause */
/* Why the process cannot start, as one line for a person: which config key, what is wrong, what to
 * do. Main thread. */
#pragma once

#include <stdarg.h>
#include <stdio.h>

struct fault {
	char text[512];
};

/* Write the line (cut where it is too long) and hand back `err`, so that a caller can return it at
 * once. */
__attribute__((format(printf, 3, 4))) static inline int fault_set(struct fault *fault, int err,
								  const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
	return err;
}
