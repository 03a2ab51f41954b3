/* SPDX-License-Identifier: BSD-3-Clause */
/* Which records came before: the dataplane sends a record again after every reconnect until it is
 * acknowledged. Remembers the last SEEN_MIN at least. limen-controlplane, loop thread. */
#pragma once

#include "controlplane/cdr/record.h"

#define SEEN_MIN 65536u

struct seen;

struct seen *seen_new(void); /* NULL when there is no memory */
void seen_free(struct seen *seen);

/* The number a record was added with, or 0. */
uint64_t seen_find(const struct seen *seen, const struct cdr_id *id);

/* Add one that was not there; number > 0. */
void seen_add(struct seen *seen, const struct cdr_id *id, uint64_t number);
