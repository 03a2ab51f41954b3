/* SPDX-License-Identifier: BSD-3-Clause */
/* What the file does not have yet: numbers of bindings to write, each once however often it
 * changed, and ids to take out. Private to controlplane/registrar. limen-controlplane, loop
 * thread. */
#pragma once

#include "controlplane/registrar/store.h"

/* Zero is an empty one. */
struct dirty {
	uint32_t *numbers; /* owned: to write, the oldest first from `from` on */
	uint32_t from, n, room;
	uint8_t *marks;    /* owned; by number: it is in numbers */
	uint32_t nmarks;
	struct binding_id *gone; /* owned */
	uint32_t ngone, gone_room;
};

void dirty_free(struct dirty *dirty);
void dirty_clear(struct dirty *dirty);

static inline bool dirty_any(const struct dirty *dirty)
{
	return dirty->from < dirty->n || dirty->ngone;
}

/* 0, or -ENOMEM. */
int dirty_put(struct dirty *dirty, uint32_t number);
/* One that finds no memory is forgotten: the file's row goes when its time is up. */
void dirty_drop(struct dirty *dirty, const struct binding_id *id);

/* As much as fits a batch; what does not stays. An idle store only. */
void dirty_write(struct dirty *dirty, const struct bindings *bindings, struct store *store);
