/* SPDX-License-Identifier: BSD-3-Clause */
/* One generation of the config with all that is compiled from it. Reload makes a new one beside the
 * old and swaps them in one step. limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"
#include "controlplane/peers/peers.h"
#include "controlplane/policy/policy.h"
#include "controlplane/registrar/registrar.h"
#include "controlplane/topology/call_rules.h"
#include "controlplane/topology/plan.h"

struct auth;
struct tls_store;
struct transport;

struct generation {
	struct conf *conf; /* owned */
	struct policy *policy;
	struct tables *tables; /* owned */
	struct tls_store *tls; /* held; NULL: no TLS */
	struct plans *plans;
	struct call_rules *rules;
	struct registrar *registrar; /* borrowed: it outlives generations */
	struct auth *auth;           /* the same; NULL: no credentials are right */
	struct transport *transport; /* the same; NULL: there are no connections */
	struct peer_sets *peers; /* owned: where the trunks' peers are */
	uint8_t *peers_down; /* owned; by trunk: a bit for each of its set that does not answer */
};

/* Takes the conf over and its tables, whatever comes of it. `registrar` may be NULL: then a REGISTER is refused as
 * where there is no room. NULL when there is no memory. */
struct generation *generation_with(struct conf *conf, struct registrar *registrar,
				   struct tables *tables);
/* The same, with the tables loaded here: NULL where one of them cannot be, too. */
struct generation *generation_new(struct conf *conf, struct registrar *registrar);
void generation_free(struct generation *generation);
