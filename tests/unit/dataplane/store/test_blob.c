/* SPDX-License-Identifier: BSD-3-Clause */
/* Blobs: sizes at the edges of classes, larger classes standing in, random use against copies kept
 * apart. */
#include "dataplane/store/blob.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../../../rng.h"

static const uint32_t class_bytes[] = {
#define X(bytes) bytes,
	BLOB_CLASSES(X)
#undef X
};

struct fixture {
	struct arena arena;
	struct blobs blobs;
};

static void start(struct fixture *f, uint32_t each)
{
	struct arena_slab_def defs[ARENA_SLABS_MAX] = {{"before", 8, 4, 1}};
	uint32_t capacity[BLOB_CLASSES_END];
	unsigned ndefs;

	for (unsigned i = 0; i < BLOB_CLASSES_END; i++)
		capacity[i] = each;
	ndefs = blob_slab_defs(defs, 1, capacity);
	cr_assert_eq(ndefs, 1 + BLOB_CLASSES_END);
	cr_assert_eq(arena_open(&f->arena, NULL, defs, ndefs, false, false, NULL), 0);
	blobs_init(&f->blobs, &f->arena, 1);
}

static unsigned used(const struct fixture *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < BLOB_CLASSES_END; i++)
		n += slab_used(f->blobs.classes[i]);
	return n;
}

Test(blob, every_length_at_the_edges)
{
	struct fixture f;

	start(&f, 2);
	for (unsigned i = 0; i < BLOB_CLASSES_END; i++) {
		for (int edge = -1; edge <= 1; edge++) {
			uint32_t len = class_bytes[i] + (uint32_t)edge;
			char *bytes;
			uint64_t handle = blob_alloc(&f.blobs, len, &bytes);
			struct span span;

			if (len > 65528) {
				cr_assert_eq(handle, HANDLE_NONE);
				cr_assert_null(bytes);
				continue;
			}
			cr_assert_neq(handle, HANDLE_NONE);
			cr_assert_eq(slab_used(f.blobs.classes[edge > 0 ? i + 1 : i]), 1,
				     "wrong class for %u", len);
			memset(bytes, 'x', len);
			span = blob_span(&f.blobs, handle);
			cr_assert_eq(span.ptr, bytes);
			cr_assert_eq(span.len, len);
			blob_free(&f.blobs, handle);
			cr_assert_null(blob_span(&f.blobs, handle).ptr);
		}
	}
	cr_assert_eq(used(&f), 0);
	arena_close(&f.arena);
}

Test(blob, nothing_is_something)
{
	struct fixture f;
	uint64_t handle;

	start(&f, 1);
	handle = blob_copy(&f.blobs, SPAN_NONE);
	cr_assert_neq(handle, HANDLE_NONE);
	cr_assert_not_null(blob_span(&f.blobs, handle).ptr);
	cr_assert_eq(blob_span(&f.blobs, handle).len, 0);
	blob_free(&f.blobs, handle);
	blob_free(&f.blobs, HANDLE_NONE);
	cr_assert_null(blob_span(&f.blobs, HANDLE_NONE).ptr);
	arena_close(&f.arena);
}

Test(blob, larger_classes_stand_in)
{
	struct fixture f;
	uint64_t handles[3 * BLOB_CLASSES_END];
	unsigned n = 0;

	start(&f, 3);
	while (n < 3 * BLOB_CLASSES_END) {
		char text[8] = {(char)('a' + n)};

		handles[n] = blob_copy(&f.blobs, span_of(text, 1));
		cr_assert_neq(handles[n], HANDLE_NONE);
		n++;
	}
	cr_assert_eq(blob_copy(&f.blobs, SPAN("z")), HANDLE_NONE);
	while (n--) {
		struct span span = blob_span(&f.blobs, handles[n]);

		cr_assert_eq(span.len, 1);
		cr_assert_eq(span.ptr[0], (char)('a' + n));
		blob_free(&f.blobs, handles[n]);
	}
	cr_assert_eq(used(&f), 0);
	arena_close(&f.arena);
}

Test(blob, handles_from_outside_are_safe)
{
	struct fixture f;
	struct rng rng = {.state = 4};
	uint64_t live;

	start(&f, 4);
	live = blob_copy(&f.blobs, SPAN("alive"));
	for (unsigned i = 0; i < 1000000; i++) {
		uint64_t handle = rng_next(&rng);

		if (i & 1)
			handle = (uint64_t)(handle & 3) << 32 | (handle >> 32 & 0xf0000007u);
		if (handle != live)
			cr_assert_null(blob_span(&f.blobs, handle).ptr);
	}
	/* A length that a damaged file might hold. */
	((uint32_t *)(void *)(uintptr_t)blob_span(&f.blobs, live).ptr)[-2] = 121;
	cr_assert_null(blob_span(&f.blobs, live).ptr);
	arena_close(&f.arena);
}

struct kept {
	uint64_t handle;
	uint32_t len;
	char *copy;
};

Test(blob, agrees_with_copies)
{
	enum { KEPT = 120 };
	struct fixture f;
	static struct kept kept[KEPT];
	static char text[65528];
	struct rng rng = {.state = 77};
	unsigned n = 0, refused = 0;

	start(&f, 12);
	for (unsigned step = 0; step < 60000; step++) {
		if (n < KEPT && rng_below(&rng, 2)) {
			uint32_t len =
				(uint32_t)rng_below(&rng, 1 + (65528u >> rng_below(&rng, 12)));
			uint64_t handle;

			memset(text, (int)rng_below(&rng, 256), len);
			handle = blob_copy(&f.blobs, span_of(text, len));
			if (handle == HANDLE_NONE) {
				refused++;
				continue;
			}
			kept[n] = (struct kept){handle, len, malloc(len + 1)};
			memcpy(kept[n++].copy, text, len);
		} else if (n) {
			unsigned at = (unsigned)rng_below(&rng, n);
			struct span span = blob_span(&f.blobs, kept[at].handle);

			cr_assert_not_null(span.ptr);
			cr_assert_eq(span.len, kept[at].len);
			cr_assert_eq(memcmp(span.ptr, kept[at].copy, span.len), 0);
			blob_free(&f.blobs, kept[at].handle);
			free(kept[at].copy);
			kept[at] = kept[--n];
		}
		cr_assert_eq(used(&f), n);
	}
	cr_assert_lt(refused, 30000);
	while (n)
		free(kept[--n].copy);
	arena_close(&f.arena);
}
