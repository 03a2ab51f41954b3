/* SPDX-License-Identifier: BSD-3-Clause */
/* A pair of single-producer single-consumer byte rings in one sealed memfd, one ring for each
 * direction between the processes. Each end has one thread. The peer is not trusted: an end keeps
 * its own position in private memory, reads of the shared words only the peer's, and checks what it
 * reads; a ring with impossible words is broken for good. */
#pragma once

#include "common/base/span.h"

#include <stdatomic.h>

/* Data bytes of one direction: a power of two within these. */
#define RING_BYTES_MIN (256u * 1024u)
#define RING_BYTES_MAX (64u * 1024u * 1024u)

enum ring_direction {
	RING_TO_CONTROLPLANE = 0,
	RING_TO_DATAPLANE,
	RING_DIRECTIONS,
};

/* A direction's words at the start of the memfd. Positions count bytes from the ring's first and
 * never wrap; each word has its line (and the line that the prefetcher fetches with it) alone. */
#define RING_WORD_ALIGN 128
struct ring_words {
	/* Writer's: bytes before it are written. */
	_Alignas(RING_WORD_ALIGN) _Atomic uint64_t head;
	/* Reader's: bytes before it may be written over. */
	_Alignas(RING_WORD_ALIGN) _Atomic uint64_t tail;
	/* Set by the reader before it sleeps, taken back by whoever ends the sleep. */
	_Alignas(RING_WORD_ALIGN) _Atomic uint32_t sleeping;
};
_Static_assert(sizeof(struct ring_words) == 3 * RING_WORD_ALIGN, "one word to a pair of lines");

struct ring_writer {
	struct ring_words *words; /* borrowed: the mapping */
	char *data;
	uint32_t bytes;
	bool broken;
	uint64_t head;      /* own position */
	uint64_t tail_seen; /* the reader's, as last read */
};

struct ring_reader {
	struct ring_words *words; /* borrowed: the mapping */
	const char *data;
	uint32_t bytes;
	bool broken;
	uint64_t tail;      /* own position */
	uint64_t head_seen; /* the writer's, as last read */
};

bool ring_bytes_valid(uint32_t ring_bytes);

/* Bytes of a memfd that holds both directions. */
size_t ring_memfd_bytes(uint32_t ring_bytes);

/* A memfd for two empty rings, sealed against any change of its size. The descriptor
 * (close-on-exec) is the caller's; or -errno. */
int ring_memfd_make(uint32_t ring_bytes);

/* Map a memfd that came from anywhere: -EPROTO unless it is a memfd of exactly the right size,
 * sealed so that no peer can cut it short under the mapping (which would be SIGBUS). `populate`:
 * take the page faults now. The mapping is the caller's (ring_unmap); the descriptor may go. */
int ring_map(int memfd, uint32_t ring_bytes, bool populate, void **map);
void ring_unmap(void *map, uint32_t ring_bytes);

/* An end of a fresh mapping's direction: once in the life of the memfd. */
void ring_writer_init(struct ring_writer *writer, void *map, uint32_t ring_bytes,
		      enum ring_direction direction);
void ring_reader_init(struct ring_reader *reader, void *map, uint32_t ring_bytes,
		      enum ring_direction direction);

/* Write one frame made of parts, whole or not at all. 0; -EAGAIN when it does not fit now;
 * -EMSGSIZE when it never will (more than IPC_FRAME_MAX); -EPROTO when the ring is broken. After 0
 * ask ring_writer_wakes. */
int ring_write(struct ring_writer *writer, uint16_t type, const struct span *parts,
	       unsigned nparts);

/* Whether the reader sleeps and has to be woken (doorbell_ring); true once for each sleep. */
bool ring_writer_wakes(struct ring_writer *writer);

/* Copy the next frame out to `frame` (IPC_FRAME_MAX bytes). 1 with its type and length; 0 when
 * there is none; -EPROTO when the ring is broken. What the frame says is still the peer's word:
 * ipc_msg_check. */
int ring_read(struct ring_reader *reader, void *frame, uint16_t *type, uint32_t *len);

/* Before sleeping on the doorbell: true when the ring is empty and the writer will ring from now
 * on; false when there is something to read. */
bool ring_reader_sleeps(struct ring_reader *reader);

/* After the sleep, whatever ended it. */
void ring_reader_woke(struct ring_reader *reader);
