/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of messages as a body (message/sipfrag, RFC 3420), as NOTIFY of a REFER carries them.
 * Both processes, any thread. */
#pragma once

#include "common/base/cursor.h"

/* The fragment reduced to its status line, with the standard's own phrase: all that RFC 3515
 * section 2.4.5 asks for, and nothing of the network it came from. False where it does not begin
 * with one. */
bool sipfrag_hide(struct cursor *out, struct span fragment);

/* A status line as a fragment. */
void sipfrag_put(struct cursor *out, uint16_t status);
