/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTERs on their way: what a good answer will make of them. An unanswered one changes nothing:
 * a forged REGISTER must not lead a user's calls away. Private to controlplane/registrar.
 * limen-controlplane, loop thread. */
#pragma once

#include "controlplane/registrar/registrar.h"

struct pending {
	struct registration_id id;
	bool star;              /* all of the user's bindings go */
	struct binding binding; /* but for its times; for `star` only trunk and user */
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
