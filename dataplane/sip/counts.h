/* SPDX-License-Identifier: BSD-3-Clause */
/* What limits count, for all workers together: calls, subscriptions and rates of each trunk, calls
 * and rate of each user. The only state that workers share while they run: atomic counters that are
 * touched once when a call begins and once when it ends, never by a packet inside one, so that a
 * limit is exact however the calls fall on the workers and a control plane that comes back has
 * nothing to rebuild. No lock, no allocation after the start; libc only. */
#pragma once

#include "common/base/span.h"
#include "common/ipc/ipc_msg.h"

#include <stdatomic.h>

#define COUNTS_TRUNKS_MAX 65536u

enum counts_dir { COUNTS_IN = 0, COUNTS_OUT };

/* X(name): what was refused of a trunk, and why. */
#define COUNTS_REFUSED(X)                                                                          \
	X(calls)         /* as many as may be at a time */                                         \
	X(calls_rate)    /* more in a second than may begin */                                     \
	X(messages)                                                                                \
	X(registrations)                                                                           \
	X(subscriptions)                                                                           \
	X(bandwidth)                                                                               \
	X(users)         /* the limits of one user */

enum counts_refused {
#define X(name) COUNTS_REFUSED_##name,
	COUNTS_REFUSED(X)
#undef X
	COUNTS_REFUSED_END,
};

enum counts_rate { COUNTS_RATE_IN = 0, COUNTS_RATE_OUT, COUNTS_RATE_MESSAGES, COUNTS_RATE_REGISTERS,
		   COUNTS_RATES };

/* A trunk, under the same number for all workers and generations. */
struct counts_trunk {
	_Atomic uint64_t calls; /* COUNTS_IN in the low half, COUNTS_OUT in the high */
	_Atomic uint32_t subscriptions;
	_Atomic uint32_t kbps;
	_Atomic uint64_t full_ns[COUNTS_RATES]; /* when the bucket is full again */
	_Atomic uint64_t refused[COUNTS_REFUSED_END];
	_Atomic uint32_t is_named; /* the name may be read */
	uint32_t id;
	char name[IPC_NAME_MAX + 1];
};

struct counts;

/* For `users` users with calls at the same time. NULL without memory. */
struct counts *counts_new(uint32_t users);
void counts_free(struct counts *counts);

/* The number of a trunk, made where there is none yet; 0: the table is full. `id` is not 0. */
uint32_t counts_trunk_number(struct counts *counts, uint32_t id, const char *name);
/* The number of a trunk that was made, else 0. */
uint32_t counts_trunk_find(const struct counts *counts, uint32_t id);
struct counts_trunk *counts_trunk(struct counts *counts, uint32_t number);
/* Numbers are 1 to this. */
uint32_t counts_trunks(const struct counts *counts);

/* One call more. False where that is more than `max` of this direction or `max_all` of both
 * (0: no limit). */
bool counts_call_begin(struct counts_trunk *trunk, enum counts_dir dir, uint32_t max,
		       uint32_t max_all);
void counts_call_end(struct counts_trunk *trunk, enum counts_dir dir);
uint32_t counts_calls(const struct counts_trunk *trunk, enum counts_dir dir);
bool counts_subscription_begin(struct counts_trunk *trunk, uint32_t max);
void counts_subscription_end(struct counts_trunk *trunk);
bool counts_kbps_add(struct counts_trunk *trunk, uint32_t kbps, uint32_t max);
void counts_kbps_sub(struct counts_trunk *trunk, uint32_t kbps);
void counts_refuse(struct counts_trunk *trunk, enum counts_refused why);

/* One of `per_s` events, `burst` of which may come at once (a token bucket, as the time at which it
 * is full again). False: there is none left. per_s 0: no limit. */
bool counts_take(_Atomic uint64_t *full_ns, uint64_t now_ns, uint32_t per_s, uint32_t burst);
/* Give one back that was taken for nothing. */
void counts_give(_Atomic uint64_t *full_ns, uint32_t per_s);

enum counts_user_answer { COUNTS_USER_TAKEN = 0, COUNTS_USER_FULL, COUNTS_USER_NO_ROOM };

/* One call more of the user with this key: *held gives it back. NO_ROOM: more users at a time than
 * there were to be; nothing is held. */
enum counts_user_answer counts_user_begin(struct counts *counts, uint64_t key, uint64_t now_ns,
					  uint32_t max, uint32_t per_s, uint32_t burst,
					  uint32_t *held);
void counts_user_end(struct counts *counts, uint32_t held);
/* Calls of all users: for tests. */
uint64_t counts_users(const struct counts *counts);
