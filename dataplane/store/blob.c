/* SPDX-License-Identifier: BSD-3-Clause */
/* Blobs: variable-sized bytes in slabs of size classes. Owned by one worker thread. */
#include "dataplane/store/blob.h"

#include <assert.h>
#include <string.h>

#define BLOB_CLASS_SHIFT 28u
#define BLOB_INDEX_MASK	 ((1u << BLOB_CLASS_SHIFT) - 1)
#define BLOB_VERSION	 1u

/* At the start of each record; the bytes follow. */
struct blob_head {
	uint32_t len;
	uint32_t pad;
};
_Static_assert(sizeof(struct blob_head) == 8, "a payload and its head fill whole cache lines");
#define X(bytes)                                                                                   \
	_Static_assert(((bytes) + sizeof(struct blob_head)) % 64 == 0, "whole cache lines");
BLOB_CLASSES(X)
#undef X
_Static_assert(BLOB_CLASSES_END <= 1u << (32 - BLOB_CLASS_SHIFT), "the class fits the handle");

static const uint32_t class_bytes[BLOB_CLASSES_END] = {
#define X(bytes) [BLOB_##bytes] = (bytes),
	BLOB_CLASSES(X)
#undef X
};

static const char *const class_names[BLOB_CLASSES_END] = {
#define X(bytes) [BLOB_##bytes] = "blob-" #bytes,
	BLOB_CLASSES(X)
#undef X
};

static unsigned class_of(uint64_t handle)
{
	return handle_index(handle) >> BLOB_CLASS_SHIFT;
}

static uint64_t slab_handle_of(uint64_t handle)
{
	return handle & ~((uint64_t)UINT32_MAX & ~(uint64_t)BLOB_INDEX_MASK);
}

unsigned blob_slab_defs(struct arena_slab_def *defs, unsigned ndefs,
			const uint32_t capacity[BLOB_CLASSES_END])
{
	for (unsigned cls = 0; cls < BLOB_CLASSES_END; cls++) {
		assert(ndefs < ARENA_SLABS_MAX);
		assert(capacity[cls] <= BLOB_INDEX_MASK);
		defs[ndefs++] = (struct arena_slab_def){
			.name = class_names[cls],
			.record_bytes = class_bytes[cls] + (uint32_t)sizeof(struct blob_head),
			.capacity = capacity[cls],
			.version = BLOB_VERSION,
		};
	}
	return ndefs;
}

void blobs_init(struct blobs *blobs, struct arena *arena, unsigned first)
{
	assert(first + BLOB_CLASSES_END <= arena->nslabs);
	for (unsigned cls = 0; cls < BLOB_CLASSES_END; cls++) {
		blobs->classes[cls] = &arena->slabs[first + cls];
		assert(blobs->classes[cls]->record_bytes ==
		       class_bytes[cls] + sizeof(struct blob_head));
	}
}

uint64_t blob_alloc(struct blobs *blobs, uint32_t len, char **bytes)
{
	for (unsigned cls = 0; cls < BLOB_CLASSES_END; cls++) {
		struct blob_head *head;
		uint64_t handle;

		if (len > class_bytes[cls])
			continue;
		head = slab_take(blobs->classes[cls], &handle);
		if (!head)
			continue;
		head->len = len;
		head->pad = 0;
		*bytes = (char *)(head + 1);
		return handle | (uint64_t)cls << BLOB_CLASS_SHIFT;
	}
	*bytes = NULL;
	return HANDLE_NONE;
}

uint64_t blob_copy(struct blobs *blobs, struct span text)
{
	uint64_t handle;
	char *bytes;

	if (text.len > class_bytes[BLOB_CLASSES_END - 1])
		return HANDLE_NONE;
	handle = blob_alloc(blobs, (uint32_t)text.len, &bytes);
	if (handle != HANDLE_NONE && text.len)
		memcpy(bytes, text.ptr, text.len);
	return handle;
}

struct span blob_span(const struct blobs *blobs, uint64_t handle)
{
	unsigned cls = class_of(handle);
	const struct blob_head *head;

	if (cls >= BLOB_CLASSES_END)
		return SPAN_NONE;
	head = slab_get(blobs->classes[cls], slab_handle_of(handle));
	/* The length may come from a file that an earlier process left. */
	if (!head || head->len > class_bytes[cls])
		return SPAN_NONE;
	return span_of(head + 1, head->len);
}

void blob_free(struct blobs *blobs, uint64_t handle)
{
	struct span text;

	if (handle == HANDLE_NONE)
		return;
	assert(class_of(handle) < BLOB_CLASSES_END);
	text = blob_span(blobs, handle);
	explicit_bzero((char *)(uintptr_t)text.ptr, text.len);
	slab_free(blobs->classes[class_of(handle)], slab_handle_of(handle));
}
