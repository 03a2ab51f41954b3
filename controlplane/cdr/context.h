/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's note on a call: it goes out with the verdict, rests with the call in the
 * dataplane, and comes back with the call's record. So a control plane that was started meanwhile
 * knows what the record needs. One line of text. Any thread. */
#pragma once

#include "common/base/cursor.h"

#define CDR_NUMBER_BYTES_MAX 120u /* longer ones are cut */

/* The users of a call, any bytes. */
enum cdr_user {
	CDR_CALLER,
	CDR_CALLED,         /* as the caller asked */
	CDR_REDIRECTED_TO,  /* by a 3xx that limen followed; empty: none */
	CDR_TRANSFERRED_BY, /* whose REFER limen carried out; empty: none */
	CDR_CALLING_ROUTED, /* by the number rules of the trunk it came by, or asserted by it;
				empty: CALLER */
	CDR_CALLED_ROUTED,  /* likewise; empty: CALLED */
	CDR_USERS,
};

struct cdr_context {
	struct span trunk[2]; /* names: the call's from and to; empty: none */
	struct span realm[2]; /* names */
	struct span users[CDR_USERS];
};

/* At most 1000 bytes. */
void put_cdr_context(struct cursor *out, const struct cdr_context *context);

/* Read one. The users' spans are into `users`. 0, or -EINVAL for text that is none. */
struct cdr_users {
	char bytes[CDR_USERS][CDR_NUMBER_BYTES_MAX];
};
int cdr_context_read(struct span text, struct cdr_context *context, struct cdr_users *users);
