/* SPDX-License-Identifier: BSD-3-Clause */
/* The dataplane's end of the rings to the control plane. The main thread owns the UNIX socket and
 * makes the rings; each worker owns its ends of its pair. The control plane comes and goes: a
 * worker notices by `link_epoch`. */
#pragma once

#include <sys/types.h>

#include "common/ipc/ipc_msg.h"

struct link;        /* the server: main thread */
struct worker_link; /* one worker's end */

/* Listen on `path` (0660), for one control plane at a time; a new connection replaces the old one
 * once that is gone. nworkers worker links are made. conf_hash as in ipc_hello. ring_bytes:
 * ring_bytes_valid() of common/ipc/ring.h. 0; -EADDRINUSE when a live dataplane listens there;
 * -EEXIST when the path is no socket; or -errno. */
int link_open(struct link **link, const char *path, unsigned nworkers, uint64_t conf_hash,
	      uint32_t ring_bytes);
/* Let a control plane of that user connect, too, and his group reach the socket, which becomes
 * `owner`'s. As long as this process may. 0 or -errno. */
int link_admit(struct link *link, uid_t owner, uid_t control, gid_t group);
/* After the workers have stopped. */
void link_close(struct link *link);

/* Main thread, each turn: accept, notice the end of a connection. Never blocks. */
void link_poll(struct link *link);

/* Main thread, when it has nothing else to do: sleep until there is something for link_poll or
 * link_main_receive, or for timeout_ms (-1: no limit). May return early. */
void link_wait(struct link *link, int timeout_ms);

/* link_wait ends, too, when this descriptor is readable; -1: none. Borrowed. */
void link_watch(struct link *link, int fd);

struct worker_link *link_worker(struct link *link, unsigned worker);

/* Handler for a checked message of the peer; `frame` lives until it returns. */
typedef void link_handler(void *arg, uint16_t type, const void *frame, uint32_t len);

/* Main thread's own ring pair. As for workers below. */
unsigned link_main_receive(struct link *link, link_handler *handler, void *arg, unsigned max);
int link_main_send(struct link *link, uint16_t type, const struct span *parts, unsigned nparts);

/* Worker: 0 while no control plane is connected; else a number that changes with each connection.
 * Call once a turn before receive: this is also the worker's quiet point for the old rings. */
uint64_t link_epoch(struct worker_link *worker);

/* Worker: take up to max messages. Bad ones are counted and skipped. Returns how many were
 * handled. */
unsigned link_receive(struct worker_link *worker, link_handler *handler, void *arg, unsigned max);

/* Worker: send one message made of parts. 0; -ENOTCONN without a control plane; -EAGAIN when the
 * ring is full. No system call unless the reader sleeps. */
int link_send(struct worker_link *worker, uint16_t type, const struct span *parts, unsigned nparts);

/* Counters for show stats: any thread may read. */
struct link_stats {
	uint64_t sent, received, rejected, full, connects;
	uint64_t refused; /* connections: user may not, or want of memory or descriptors */
	uint64_t resets;  /* connections ended for a broken ring or protocol violation */
};
void link_stats(const struct link *link, struct link_stats *stats);
