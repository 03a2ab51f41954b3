/* SPDX-License-Identifier: BSD-3-Clause */
/* limen-rehearse as a child process, spoken to over two pipes. limenctl. */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include "common/base/span.h"
#include "common/ipc/rehearsal.h"

struct rehearsal {
	pid_t pid;
	int to;	    /* its input */
	FILE *from; /* its output */
};

/* Start it for a config. False, with the reason on stderr. */
bool rehearsal_start(struct rehearsal *rehearsal, const char *config);

bool rehearsal_give(struct rehearsal *rehearsal, const struct rehearsal_head *head,
		    struct span bytes);

/* The next part; `bytes` has room for REHEARSAL_BYTES_MAX, aligned to 8. False: it ended before
 * REHEARSAL_END, and has said why on stderr. */
bool rehearsal_next(struct rehearsal *rehearsal, struct rehearsal_head *head, char *bytes);

void rehearsal_end(struct rehearsal *rehearsal);
