/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a trunk's peers are: the addresses of its config, and those that its names have now (RFC
 * 3263). The only thing of a generation that changes within it, by the loop thread alone and by
 * whole sets: whoever reads a set takes a copy. limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"
#include "controlplane/dns/resolver.h"

#define PEER_SET_MAX CONF_PEERS_MAX /* what of a name's addresses is beyond is left out */

struct peer_addr {
	struct net_endpoint addr;
	uint32_t priority; /* lowest first */
	uint32_t weight;   /* share of the calls among equals; 0: in order, behind those */
	uint8_t item;	   /* index in the trunk's peers */
	uint8_t transport; /* enum net_transport */
};

struct peer_set {
	unsigned n;
	struct peer_addr list[PEER_SET_MAX]; /* by priority, then in the order of the config */
};

struct peer_sets;

/* conf outlives the sets. NULL when there is no memory. */
struct peer_sets *peer_sets_new(const struct conf *conf);
void peer_sets_free(struct peer_sets *sets);

/* The trunk's peers now; none: its names have no addresses (yet). */
void peer_set_get(const struct peer_sets *sets, unsigned trunk, struct peer_set *set);

/* Whether some trunk has names at all. */
bool peer_sets_have_names(const struct peer_sets *sets);

/* Look all names up again in `dns`. True when some set has changed by it. */
bool peer_sets_resolve(struct peer_sets *sets, struct dns *dns);

/* Addresses of trunks whose sources follow their names, one a call: *at starts at 0. False at the
 * end. */
bool peer_sets_next_source(const struct peer_sets *sets, unsigned *at, unsigned *trunk,
			   struct net_endpoint *addr);

/* The order in which a call tries them: by priority; among equals those of the caller's address
 * family before the others; then drawn by weight, always alike for the same `key`. Returns their
 * number; order[] has indexes of set->list. */
unsigned peer_set_order(const struct peer_set *set, uint8_t usable, uint8_t family, uint64_t key,
			uint8_t order[PEER_SET_MAX]);
