/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker owns a message: the same for whoever asks, in either process. Pure; any thread. */
#pragma once

#include "common/base/span.h"

/* By its Call-ID: 0..nworkers-1. */
unsigned sip_owner(struct span call_id, unsigned nworkers);

/* The Call-ID of a message, found without a parse: for the choice of the owner. False when there is
 * none. */
bool sip_find_call_id(const char *buf, size_t len, struct span *call_id);
