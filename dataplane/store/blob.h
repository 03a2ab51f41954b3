/* SPDX-License-Identifier: BSD-3-Clause */
/* Variable-sized bytes in an arena (message copies, names, SDP): slabs in size classes. Owned by
 * one worker thread; libc only. */
#pragma once

#include "common/base/span.h"
#include "dataplane/store/arena.h"

/* X(payload bytes): the classes. */
#define BLOB_CLASSES(X)                                                                            \
	X(120) X(248) X(504) X(760) X(1016) X(1528) X(2040) X(4088) X(8184) X(16376) X(65528)

enum blob_class {
#define X(bytes) BLOB_##bytes,
	BLOB_CLASSES(X)
#undef X
		BLOB_CLASSES_END,
};

struct blobs {
	struct slab *classes[BLOB_CLASSES_END]; /* into the arena */
};

/* Append the class slabs to defs: capacity[class] records each. Returns the new count of defs. */
unsigned blob_slab_defs(struct arena_slab_def *defs, unsigned ndefs,
			const uint32_t capacity[BLOB_CLASSES_END]);

/* Find the class slabs in an opened arena: they begin at slab `first`. */
void blobs_init(struct blobs *blobs, struct arena *arena, unsigned first);

/* Room for len bytes (0..65528), in the smallest class that has any; HANDLE_NONE when nothing is
 * left. A blob handle carries its class in the top bits of the index. */
uint64_t blob_alloc(struct blobs *blobs, uint32_t len, char **bytes);

/* A copy of the span. */
uint64_t blob_copy(struct blobs *blobs, struct span text);

/* The bytes with the length given at allocation; SPAN_NONE for a dead handle. Valid until
 * blob_free. */
struct span blob_span(const struct blobs *blobs, uint64_t handle);

/* Frees a live blob, whose bytes are cleared: descriptions hold keys. HANDLE_NONE is let pass. */
void blob_free(struct blobs *blobs, uint64_t handle);
