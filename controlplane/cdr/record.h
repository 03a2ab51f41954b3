/* SPDX-License-Identifier: BSD-3-Clause */
/* A call's record as a JSON line. limen-controlplane, any thread. */
#pragma once

#include "common/base/cursor.h"
#include "common/ipc/ipc_msg.h"

/* Whatever passes ipc_msg_check fits, each byte escaped; Call-IDs are cut. */
#define CDR_RECORD_BYTES_MAX 65536u

/* What tells one call from every other, whatever restarts between: a handle alone is used again. */
struct cdr_id {
	uint64_t started_ns;
	uint64_t call; /* handle */
	uint64_t worker;
};

/* "STARTED-WORKER-HANDLE", in hex without leading zeros: the name of a call in records and for
 * limenctl. */
void put_cdr_id(struct cursor *out, const struct cdr_id *id);
/* Also takes "WORKER-HANDLE": started_ns is 0 then. 0, or -EINVAL. */
int cdr_id_read(struct span text, struct cdr_id *id);

/* The record and its newline. `far`: name of the trunk that its target is of, and of its realm;
 * empty: those of the note, where the call began. */
struct cdr_far {
	struct span trunk, realm;
};
void put_cdr_record(struct cursor *out, const struct ipc_call_end *end,
		    const struct cdr_far *far);

/* What records and limenctl's rows share besides media (quality.h): the members that the control plane's note gives: trunks, realms, caller, called, and
 * redirected_to and transferred_by where the call was. */
void put_context_members(struct cursor *out, struct span context, const struct cdr_far *far);
