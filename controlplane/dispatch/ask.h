/* SPDX-License-Identifier: BSD-3-Clause */
/* A question of the dataplane becomes a verdict: the request is read, policy decides, topology
 * writes what the far side will see. No state but the
 * registrar's, no I/O but the log.
 * limen-controlplane, loop thread. */
#pragma once

#include "common/ipc/ipc_msg.h"
#include "controlplane/dispatch/generation.h"

struct explain;

/* How an ask was answered, for the log and the counters. */
struct ask_answer {
	bool unreadable;       /* the request does not parse: the rest but status is not set */
	unsigned status;       /* 0: accepted */
	const char *why;       /* static */
	struct policy_decision decision;
};

/* Write the verdict's frame into `out` (IPC_FRAME_MAX bytes are always enough). `ask` has been
 * checked. */
void ask_decide(const struct generation *generation, unsigned worker, const struct ipc_ask *ask,
		struct cursor *out, struct ask_answer *answer);

/* The same as a rehearsal: told why, and nothing is left of it, not in the registrar either. The
 * verdict is the one that would be given now. */
void ask_explain(const struct generation *generation, const struct ipc_ask *ask,
		 struct explain *explain, struct cursor *out, struct ask_answer *answer);
