/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl's socket: several clients, one request a line, answered by lines. What a request means
 * is the handler's business. limen-controlplane, loop thread.
 *
 * A request is a JSON object with the member "command". The answer is any number of objects, one a
 * line, and a last one that has the member "done" or "error". */
#pragma once

#include "common/base/cursor.h"

#define ADMIN_CLIENTS_MAX       16u
#define ADMIN_REQUEST_BYTES_MAX (160u * 1024u) /* a frame of 72 KiB as hex */

struct admin_server;
struct event_base;

/* Clients are known by number; a number is never used again, so an answer for one that has gone
 * falls flat. */
struct admin_events {
	/* One request of a client that has no other open: answer it with admin_row and, in the end,
	 * admin_done or admin_fail. */
	void (*request)(void *arg, uint64_t client, struct span line);
	/* The client has taken all that was written for it. */
	void (*drained)(void *arg, uint64_t client);
	/* The client went, with its request open or not. Not told by admin_server_free. */
	void (*gone)(void *arg, uint64_t client);
};

/* Listen at `path`, 0660. A socket that a crash left is taken over. `events` is borrowed. 0;
 * -EADDRINUSE where another control plane answers; or -errno. */
int admin_server_new(struct admin_server **server, struct event_base *base, const char *path,
		     const struct admin_events *events, void *arg);
void admin_server_free(struct admin_server *server); /* and removes the socket */

/* One line of the answer, without its newline. */
void admin_row(struct admin_server *server, uint64_t client, struct span object);
/* End of the answer. */
void admin_done(struct admin_server *server, uint64_t client);
void admin_fail(struct admin_server *server, uint64_t client, const char *why);
/* The same with lines of detail: {"error":why,"details":[...]}, details already JSON. */
void admin_fail_with(struct admin_server *server, uint64_t client, const char *why,
		     struct span details);

/* Bytes that the client has not taken yet: who produces much asks, and goes on once `drained`
 * tells. */
size_t admin_backlog(const struct admin_server *server, uint64_t client);
