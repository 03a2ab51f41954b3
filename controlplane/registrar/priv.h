/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the registrar share. Private to controlplane/registrar. limen-controlplane,
 * loop thread. */
#pragma once

#include "controlplane/registrar/cores.h"
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
	struct cores *cores;
	struct dirty dirty;
	struct store *store; /* NULL: nothing is kept on disk */
	char *path;          /* owned; "": as above */
	unsigned bindings_max;
	bool absorb;
	uint32_t core_expires_s, outage_expires_s, outage_keep_s;
	uint32_t flow_timer_s; /* 0: not told */
	struct event *expiry, *retry;
	bool told_failure;
	struct registrar_stats stats;
	registrar_bound *bound; /* NULL: nobody wants to know */
	void *bound_arg;
};

/* Whether a REGISTER is nothing but refreshes, by who was authenticated for these very contacts,
 * and from where that came. */
struct refresh {
	bool is;
	uint32_t asked_s; /* the briefest that is asked for */
	/* of all its contacts the least: until when the registrar keeps them, and as of when */
	uint64_t core_s;
	uint32_t returns;
};

/* outage.c. Whether the registrar may be sent it now. */
bool outage_takes(struct registrar *registrar, const struct registration *registration,
		  struct core *core, const struct refresh *refresh);
/* If not: whether limen answers it itself, for to->told_max_s, or with to->retry_after_s. */
bool outage_keeps(struct registrar *registrar, const struct registration *registration,
		  struct core *core, const struct refresh *refresh, struct registering *to);
/* Its users are there yet for so many seconds, while the registrar is asked or when they try again,
 * though what they were told is over; not for longer than outage_keep_s beyond its grant. */
void outage_bridge(struct registrar *registrar, const struct pending *pending, uint32_t seconds);
/* One that was sent ended. */
void outage_answered(struct registrar *registrar, const struct pending *pending, uint16_t status,
		     const struct sip_msg *answer);

/* registrar.c */
uint64_t registrar_now_s(void);
/* What changed goes to the file, as soon as that is idle. */
void registrar_flush(struct registrar *registrar);
/* Set the timer to what is due first. */
void registrar_arm(struct registrar *registrar);
void registrar_drop(struct registrar *registrar, uint32_t number);
