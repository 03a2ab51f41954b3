/* SPDX-License-Identifier: BSD-3-Clause */
/* Wakes the reader of a ring who said that it sleeps: one end of a stream socket pair in each
 * process, good for both directions. Any thread.
 *
 * It is not an eventfd because O_NONBLOCK of an eventfd belongs to the description that both
 * processes share: a hostile peer clears it, fills the counter, and the worker's next write blocks
 * for ever. Each end of a socket pair is a description of its own, and MSG_DONTWAIT belongs to the
 * call. */
#pragma once

#include <stdbool.h>

/* Two descriptors (close-on-exec, non-blocking), owned by the caller. 0, or -errno. */
int doorbell_pair(int ends[2]);

/* Whether a descriptor that came from the peer can be one: a UNIX stream socket. */
bool doorbell_is(int fd);

/* Wake the other end's reader. Never blocks; a full queue means that it has been rung already, a
 * closed one that nobody is there. */
void doorbell_ring(int fd);

/* Take the rings so far. 0, or -ECONNRESET when the other end is gone (the descriptor stays
 * readable: stop watching it). */
int doorbell_clear(int fd);
