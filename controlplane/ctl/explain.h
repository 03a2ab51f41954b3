/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl explain: why a message would be accepted, routed, rewritten or refused, and what would
 * go out. limenctl. */
#pragma once

#include <stdbool.h>

struct explain_options {
	const char *socket; /* of the control plane whose config is in force */
	const char *config; /* or a config that is not; NULL: the socket's */
	const char *from;   /* trunk; NULL: none given */
	const char *source; /* ADDR[:PORT]; NULL: none given */
	const char *realm;  /* NULL: none given */
	const char *message; /* file; "-": standard input */
	bool json;
};

/* Exit status. */
int explain_message(const struct explain_options *options);
