/* SPDX-License-Identifier: BSD-3-Clause */
/* Big zeroed memory for tables made once at start: huge pages where the kernel has them, so that a
 * random look-up costs one cache miss and not also a TLB miss. Any thread. */
#pragma once

#include <stddef.h>

/* Zeroed memory aligned to at least a cache line, or NULL. Freed with pages_free. */
void *pages_alloc(size_t bytes);
void pages_free(void *ptr);
