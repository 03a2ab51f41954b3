/* SPDX-License-Identifier: BSD-3-Clause */
/* Big zeroed memory for tables made once at start. Any thread; never called on a packet's way. */
#include "dataplane/store/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES  (2u << 20)
#define CACHE_BYTES 64u

static size_t pages_round(size_t bytes)
{
	size_t align = bytes >= HUGE_BYTES ? HUGE_BYTES : CACHE_BYTES;

	return (bytes + align - 1) & ~(align - 1);
}

void *pages_alloc(size_t bytes)
{
	void *ptr;

	if (bytes == 0)
		bytes = 1;
	if (bytes > SIZE_MAX - HUGE_BYTES)
		return NULL;
	bytes = pages_round(bytes);
	ptr = aligned_alloc(bytes >= HUGE_BYTES ? HUGE_BYTES : CACHE_BYTES, bytes);
	if (!ptr)
		return NULL;
	/* Asked before the first touch; refused by kernels without huge pages, which is no
	 * error. */
	if (bytes >= HUGE_BYTES)
		(void)madvise(ptr, bytes, MADV_HUGEPAGE);
	memset(ptr, 0, bytes);
	return ptr;
}

void pages_free(void *ptr)
{
	free(ptr);
}
