/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings on disk, so that a restart of the control plane forgets nobody: one SQLite file in WAL
 * mode. The loop fills a batch; a thread of its own writes it in one transaction, and tells. A disk
 * that is full or slow never holds up the loop: what changed stays noted where it is. */
#pragma once

#include "controlplane/registrar/bindings.h"

struct store;
struct event_base;

struct store_events {
	/* Reading at open: one binding; its texts live until this returns. */
	void (*loaded)(void *arg, const struct binding *binding);
	/* The batch was written: another can be filled. Or it was not: store_go tries it again. */
	void (*written)(void *arg, bool good);
};

/* Open or make the file, drop what expired, tell what is in it. *key: the key its tokens were made
 * with; where the file has none, the one given goes in. `events` is borrowed. 0; -EINVAL for a file
 * that is no such store; or -errno. */
int store_open(struct store **store, struct event_base *base, const char *path, uint64_t now_s,
	       struct hash_key key[2], const struct store_events *events, void *arg);
/* Writes what is being written, and ends the thread. */
void store_close(struct store *store);

/* Whether the thread is idle and a batch can be filled: put and drop, then go. False from put and
 * drop: no more fit this time. */
bool store_idle(const struct store *store);
bool store_put(struct store *store, const struct binding *binding);
bool store_drop(struct store *store, const struct binding_id *id);
void store_go(struct store *store);

/* Until what is being written is; for the end. Whether it was. */
bool store_wait(struct store *store);

struct store_stats {
	uint64_t batches, rows, failures;
};
void store_stats(struct store *store, struct store_stats *stats);
