/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTERs on their way: what a good answer will make of them. An unanswered one changes nothing:
 * a forged REGISTER must not lead a user's calls away. Private to controlplane/registrar.
 * limen-controlplane, loop thread. */
#pragma once

#include "controlplane/registrar/registrar.h"

struct pending_contact {
	struct binding_id id;
	struct span uri;
	uint64_t instance;
	uint32_t reg_id;
	uint16_t q, flags;
};

struct core;

struct pending {
	struct registration_id id;
	struct core *core;	/* that it went to; NULL: its rate is not held */
	bool star;		/* all of the user's bindings go */
	uint8_t n;		/* contacts; 0 for `star` */
	uint32_t told_max_s;	/* the user is not told longer; 0: as granted */
	uint32_t cseq;
	uint64_t call_id;
	uint64_t flow;
	uint8_t transport;
	struct net_endpoint source;
	struct span trunk, user;
	struct pending_contact contacts[REGISTER_CONTACTS_MAX];
};

struct pendings;

struct pendings *pendings_new(void);
void pendings_free(struct pendings *pendings);

/* Copies it. One with the same id goes: the dataplane was started anew. 0, or -ENOMEM. */
int pendings_add(struct pendings *pendings, const struct pending *pending, uint64_t deadline_s);

/* Its texts live until the next change. */
bool pendings_find(const struct pendings *pendings, const struct registration_id *id,
		   struct pending *pending);
void pendings_remove(struct pendings *pendings, const struct registration_id *id);

/* The one whose time is up first. */
bool pendings_first(const struct pendings *pendings, struct registration_id *id,
		    uint64_t *deadline_s);
uint32_t pendings_count(const struct pendings *pendings);
