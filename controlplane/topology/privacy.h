/* SPDX-License-Identifier: BSD-3-Clause */
/* What a request asks of a privacy service. limen-controlplane, any thread. */
#pragma once

#include "common/sip/sip_msg.h"

struct privacy {
	bool caller;  /* id, user, header, or a word that nobody knows: who calls is not told */
	bool history; /* nor where the call has been */
	bool none;    /* nothing is asked for, expressly */
};

/* RFC 3323 section 4.2, with id (RFC 3325) and history (RFC 7044). `none` makes the rest mean
 * nothing. */
struct privacy privacy_read(const struct sip_msg *msg);
