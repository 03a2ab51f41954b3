/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may send how much, compiled from one config into the form that workers hold: sources with
 * their class, trunks with their limits; and the beginnings of users that are blocked.
 * limen-controlplane, any thread. */
#pragma once

#include "common/base/hash.h"
#include "common/conf/conf.h"
#include "common/ipc/ipc_msg.h"

struct screen {
	const struct conf *conf;
	struct ipc_screen head; /* generation, and how many there are below */
	struct ipc_source *sources;
	struct ipc_trunk *trunks;
	char agents[IPC_AGENTS_MAX];
	struct screen_numbers {
		const char **slots; /* beginnings; NULL: free */
		uint32_t mask;
		uint64_t lengths; /* a bit for each that occurs */
	} called, calling;
};

/* conf outlives it. NULL when there is no memory. */
struct screen *screen_new(const struct conf *conf);
void screen_free(struct screen *screen);

/* The blocked beginning that a user has, or NULL. */
const char *screen_find(const struct screen_numbers *numbers, struct span user);

/* Whether screening.never_blocked names the source. */
bool screen_never(const struct screen *screen, uint8_t family, const struct net_addr *addr);

/* What workers know a trunk by: the same in all generations. Never 0. */
static inline uint32_t screen_trunk_id(const char *name)
{
	uint32_t id = (uint32_t)hash_fast(0, span_str(name));

	return id ? id : 1;
}

/* What a user's calls are counted under. Never 0 but for nobody. */
static inline uint64_t screen_user_key(const char *trunk, struct span user)
{
	return user.len ? hash_fast(hash_fast(1, span_str(trunk)), user) | 1 : 0;
}
