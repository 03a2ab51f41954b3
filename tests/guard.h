/* SPDX-License-Identifier: BSD-3-Clause */
/* Input with an unreadable page right behind its last byte, or right before its first: whoever
 * reads one byte too many dies. Tests only; one thread. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTES_MAX (512u * 1024u)

/* Writable memory of GUARD_BYTES_MAX bytes between two unreadable pages. */
static inline char *guard_area(void)
{
	static char *area;

	if (!area) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		char *map = mmap(NULL, GUARD_BYTES_MAX + 2 * page, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (map == MAP_FAILED ||
		    mprotect(map + page, GUARD_BYTES_MAX, PROT_READ | PROT_WRITE)) {
			perror("guard_area");
			abort();
		}
		area = map + page;
	}
	return area;
}

/* A copy that ends where readable memory ends. Good until the next call. */
static inline char *guard_behind(const void *bytes, size_t len)
{
	char *at = guard_area() + GUARD_BYTES_MAX - len;

	if (len > GUARD_BYTES_MAX)
		abort();
	return len ? memcpy(at, bytes, len) : at;
}

/* A copy that begins where readable memory begins. Good until the next call. */
static inline char *guard_before(const void *bytes, size_t len)
{
	if (len > GUARD_BYTES_MAX)
		abort();
	return len ? memcpy(guard_area(), bytes, len) : guard_area();
}
