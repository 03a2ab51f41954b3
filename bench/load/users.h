/* SPDX-License-Identifier: BSD-3-Clause */
/* Users of limen-load: each registers, then refreshes at a pace; the registrar behind the element under test is limen-load
 * too. The loop's thread. */
#pragma once

#include "bench/load/calls.h"

enum user_state { USER_NEW = 0, USER_ASKED, USER_REGISTERED, USER_FAILED };

struct user {
	uint64_t asked_tsc;
	uint64_t asked_ms;
	uint32_t cseq;
	uint16_t retry_ms;  /* until the next retransmission */
	uint8_t state;      /* enum user_state */
	bool was_registered;
};

/* X(name): counters. */
#define USER_COUNTERS(X)                                                                                                       \
	X(registered)         /* users that have been */                                                                       \
	X(refreshed)          /* refreshes answered with 200 */                                                                \
	X(failed)             /* any of: refused, timeout */                                                                   \
	X(refused) X(timeout)                                                                                                  \
	X(retransmitted)                                                                                                       \
	X(at_registrar)       /* REGISTERs that came out on the other side */                                                  \
	X(late)               /* not begun when due: the user had none answered yet */

struct user_count {
#define X(name) uint64_t name;
	USER_COUNTERS(X)
#undef X
	uint32_t status[700]; /* final answers other than 2xx, by code */
};

struct users {
	struct calls *calls; /* borrowed: messages, ports, time */
	uint32_t n;
	struct user *user;   /* owner */
	struct timers timers;
	uint32_t next;       /* whose turn it is */
	uint32_t waiting;    /* REGISTERs not answered yet */
	struct user_count count;
	struct histogram latency[2]; /* REGISTER to 200: the first ones, refreshes; ticks of the TSC */
};

/* 0, or -ENOMEM. */
int users_init(struct users *users, struct calls *calls, uint64_t now_ms);
void users_fini(struct users *users);

/* The next user registers for the first time; false: all have been asked to, or the next hop is not known yet. */
bool users_register(struct users *users);
/* The next user that can refreshes. */
void users_refresh(struct users *users);

/* Timers due. */
void users_turn(struct users *users);

/* The answer in calls->msg; false: it is none to a user. */
bool users_response(struct users *users);
