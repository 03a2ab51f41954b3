/* SPDX-License-Identifier: BSD-3-Clause */
/* A set of address prefixes, each with a class, in memory of a fixed size: a look-up tries, from
 * the longest on, the lengths that occur at all. One worker thread; libc only. */
#pragma once

#include "common/ipc/ipc_msg.h"

struct prefix_entry {
	struct ipc_source source; /* family NET_NONE: free */
	uint32_t until_s;	  /* good before; UINT32_MAX: always */
	uint32_t is_dead;	  /* was removed; its place is still on the way to others */
};

struct prefixes {
	struct prefix_entry *slots; /* owned */
	uint32_t mask;
	uint32_t n, dead; /* in force, removed */
	uint32_t max;
	uint64_t seed;
	/* prefixes of each length, by family and whether they are of any realm */
	uint32_t lengths[2][2][129];
	uint64_t used[2][2][3]; /* a bit for each length that occurs */
};

/* Room for `max` prefixes. 0, or -ENOMEM. */
int prefixes_init(struct prefixes *p, uint32_t max, uint64_t seed);
void prefixes_fini(struct prefixes *p);
void prefixes_clear(struct prefixes *p);

/* Put one in, or in the place of the same before. False: there is no room. Host bits are 0. */
bool prefixes_put(struct prefixes *p, const struct ipc_source *source, uint32_t until_s);
/* False: it was not there. */
bool prefixes_remove(struct prefixes *p, const struct ipc_source *source);

/* The longest prefix with that address, in that realm or in any, good at `now_s`; NULL: none. */
const struct prefix_entry *prefixes_find(const struct prefixes *p, uint8_t realm, uint8_t family,
					 const struct net_addr *addr, uint32_t now_s);
/* Whether there are prefixes longer than /64 of IPv6: then a /64 may hold several classes. */
bool prefixes_split_64(const struct prefixes *p);
