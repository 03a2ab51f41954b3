/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside the link: the control plane's end of one ring pair, on the event loop. limen-controlplane,
 * loop thread. */
#pragma once

#include "common/ipc/ring.h"

struct event;
struct event_base;

/* What came out of a ring, still the peer's word; `frame` lives until the handler returns. */
typedef void cp_ring_handler(void *arg, unsigned index, uint16_t type, const void *frame,
			     uint32_t len);
/* The ring is broken (-EPROTO), or the other end of its doorbell gone (-ECONNRESET); called once.
 * The ring is not to be closed in it. */
typedef void cp_ring_failed(void *arg, unsigned index, int err);

struct cp_ring_owner {
	struct event_base *base;
	cp_ring_handler *handler;
	cp_ring_failed *failed;
	void *arg;
	void *frame; /* IPC_FRAME_MAX bytes, aligned to 8: shared by the rings of a link */
};

struct cp_ring {
	const struct cp_ring_owner *owner; /* borrowed */
	unsigned index;
	uint32_t bytes;
	bool failed;
	void *map;           /* owned */
	int doorbell;        /* owned */
	struct event *rung;  /* owned: doorbell readable */
	struct event *again; /* owned: read again after the loop had its turn, or at the next poll;
				not due: asleep */
	unsigned silent_polls; /* polls in a row that found nothing */
	struct ring_writer out;
	struct ring_reader in;
};

/* Map and watch a ring pair. The doorbell becomes the ring's on success; the memfd stays the
 * caller's. 0; -EPROTO for descriptors that are not a sealed ring and a doorbell; or -errno. */
int cp_ring_open(struct cp_ring *ring, const struct cp_ring_owner *owner, unsigned index,
		 uint32_t ring_bytes, int memfd, int doorbell);
void cp_ring_close(struct cp_ring *ring);

/* As ring_write, and wakes the reader. */
int cp_ring_send(struct cp_ring *ring, uint16_t type, const struct span *parts, unsigned nparts);
