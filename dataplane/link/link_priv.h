/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside the link: one connection's rings, one thread's end, and how they change hands.
 * limen-dataplane. */
#pragma once

#include "common/ipc/ring.h"
#include "dataplane/link/link.h"

#include <stdatomic.h>

/* The dataplane's side of one ring pair. Made and freed by the main thread; between, used by the
 * thread of its end alone. */
struct link_ring {
	struct ring_writer out;
	struct ring_reader in;
	void *map;           /* owned */
	int doorbell;        /* owned */
	_Atomic bool broken; /* set by the end's thread, read by main: the connection has to go */
	uint64_t epoch;
};

/* One connection of a control plane. */
struct link_conn {
	int sock; /* owned; -1 once retired */
	unsigned nrings;
	uint32_t ring_bytes;
	struct link_ring rings[]; /* main, then the workers */
};

/* Make rings and doorbells and send them with the hello. `sock` becomes the connection's on
 * success. 0, or -errno. */
int link_conn_open(struct link_conn **conn, int sock, const struct ipc_hello *hello,
		   uint64_t epoch);
void link_conn_free(struct link_conn *conn);

/* Whether the peer is still there and has kept to the protocol: 0, -ECONNRESET, or -EPROTO. */
int link_conn_check(const struct link_conn *conn);

/* Listen. The socket in *listener, and in *lock the descriptor whose lock says that the path is
 * ours as long as it is open. 0, -EADDRINUSE when a live dataplane (or anything else that answers)
 * has the path, or -errno. */
int link_listen(const char *path, int *listener, int *lock);

/* One thread's end: a worker's, or the main thread's own. */
#define LINK_LINE 64
struct worker_link {
	/* Written by main, read by the end's thread: the ring it shall use, NULL for none. */
	_Alignas(LINK_LINE) _Atomic(struct link_ring *) offered;
	/* Written by the end's thread, read by main: the ring it uses. Main frees a ring that
	 * nobody uses or is offered. */
	_Alignas(LINK_LINE) _Atomic(struct link_ring *) taken;
	_Atomic uint64_t sent, received, rejected, full; /* read by any thread */
	/* The end's thread's alone. */
	_Alignas(LINK_LINE) struct link_ring *ring; /* = taken */
	char *frame; /* owned by the link: what is read is copied here before it is checked */
	enum ipc_ring_kind kind;
};

/* Counters have one writer: no locked instruction is needed to add. */
static inline void link_count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}
