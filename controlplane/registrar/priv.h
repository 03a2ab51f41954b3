/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the registrar share. Private to controlplane/registrar. limen-controlplane,
 * loop thread. */
#pragma once

#include "controlplane/registrar/dirty.h"
#include "controlplane/registrar/pending.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/registrar/store.h"

struct event;

struct registrar {
	struct event_base *base; /* borrowed */
	struct hash_key token_keys[2];
	struct bindings *bindings;
	struct pendings *pendings;
	struct dirty dirty;
	struct store *store; /* NULL: nothing is kept on disk */
	char *path;          /* owned; "": as above */
	unsigned bindings_max;
	bool absorb;
	uint32_t core_expires_s;
	struct event *expiry, *retry;
	bool told_failure;
	struct registrar_stats stats;
	registrar_bound *bound; /* NULL: nobody wants to know */
	void *bound_arg;
};

/* registrar.c */
uint64_t registrar_now_s(void);
/* What changed goes to the file, as soon as that is idle. */
void registrar_flush(struct registrar *registrar);
/* Set the timer to what is due first. */
void registrar_arm(struct registrar *registrar);
void registrar_drop(struct registrar *registrar, uint32_t number);
