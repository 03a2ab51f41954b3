/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of limen-load, both roles of each: a slot is named in the user part that is called, so that the callee finds the
 * caller's slot whatever the element between them hides. The loop's thread. */
#pragma once

#include "bench/load/flow.h"
#include "bench/load/hops.h"
#include "bench/load/timers.h"
#include "common/sip/sip_msg.h"

#define CALL_GENERATIONS 100000u /* 5 digits of the called user part; the slot has 7 */
#define CALL_T1_MS       500u    /* RFC 3261 section 17.1.1.1 */
#define CALL_T2_MS       4000u

enum caller_state { CALLER_FREE = 0, CALLER_INVITED, CALLER_RINGING, CALLER_UP, CALLER_DRAINING, CALLER_LEAVING };
enum callee_state { CALLEE_NONE = 0, CALLEE_RINGING, CALLEE_ANSWERED, CALLEE_UP, CALLEE_GONE };

struct call {
	uint32_t generation;
	uint8_t caller;          /* enum caller_state */
	uint8_t callee;          /* enum callee_state */
	uint8_t path;            /* the caller's */
	uint8_t local;           /* the callee's address */
	uint16_t retry_ms[2];    /* until the next retransmission, by role */
	uint16_t text_len[2];
	char *text[2];           /* owner: the caller's BYE, the callee's 200 */
	uint64_t began_ms[2];    /* what is waited for, by role */
	uint64_t began_tsc;
	struct net_endpoint peer; /* where the callee's INVITE came from */
};

/* X(name): counters. */
#define CALL_COUNTERS(X)                                                                                                       \
	X(attempted) X(answered) X(completed)                                                                                  \
	X(failed)             /* any of: refused, timeout, ended_by_peer */                                                    \
	X(refused)            /* a final answer other than 2xx */                                                              \
	X(timeout)            /* no answer to INVITE or BYE */                                                                 \
	X(ended_by_peer)      /* BYE that we did not ask for */                                                                \
	X(callee_invited) X(callee_answered) X(callee_acked) X(callee_ended)                                                   \
	X(callee_unfinished)  /* the caller is through, the callee saw no BYE */                                               \
	X(retransmitted)      /* messages of ours sent again */                                                                \
	X(sent) X(received)   /* SIP messages */                                                                               \
	X(unexpected)         /* messages that belong to no call */                                                            \
	X(invalid)            /* messages that are none */

struct call_count {
#define X(name) uint64_t name;
	CALL_COUNTERS(X)
#undef X
	uint32_t status[700]; /* final answers other than 2xx, by code */
};

struct users;

struct calls {
	const struct options *options;
	struct ports *ports;
	struct hops *hops;
	struct flows *flows;
	uint32_t max;
	uint32_t session;       /* of this run: in Call-IDs */
	struct call *call;      /* owner, as below */
	uint32_t *free_slots;   /* a ring, so that a slot rests as long as can be */
	uint32_t free_head, nfree;
	struct timers timers;   /* 2 * slot + role */
	uint32_t nup;           /* answered and not ended */
	bool stays_up;          /* calls are held until calls_hang_up_all */
	uint64_t now_ms, now_tsc;
	struct call_count count;
	struct histogram setup; /* INVITE to 200, ticks of the TSC */
	struct users *users;    /* borrowed; NULL: nobody registers */
	struct sip_msg msg;     /* the one being handled */
};

enum call_role { ROLE_CALLER = 0, ROLE_CALLEE = 1 };

/* 0, or -ENOMEM. */
int calls_init(struct calls *calls, const struct options *options, struct ports *ports, struct hops *hops, struct flows *flows,
	       uint64_t now_ms, uint32_t session);
void calls_fini(struct calls *calls);

/* Begin one; false: no slot is free, or the next hop is not known yet. */
bool calls_begin(struct calls *calls);

/* Timers due. */
void calls_turn(struct calls *calls);

/* A datagram for our SIP port. */
void calls_receive(struct calls *calls, const struct wire_udp *udp);

/* End `n` more of those that are held, from *next on; false: there are no more. */
bool calls_hang_up(struct calls *calls, uint32_t *next, uint32_t n);

/* --- between caller.c and callee.c --- */

/* "slot.generation" at the start of a Call-ID or a tag of ours; false: it is none, or the slot is in other use now. */
bool call_find(struct calls *calls, struct span text, uint32_t *slot);

void caller_response(struct calls *calls, uint32_t slot);
void caller_bye(struct calls *calls, uint32_t slot);
void caller_timer(struct calls *calls, uint32_t slot);
void callee_request(struct calls *calls, const struct wire_udp *udp);
void callee_timer(struct calls *calls, uint32_t slot);

/* Both flows of a call begin, or end. */
void call_open_flow(struct calls *calls, uint32_t slot, enum call_role role, struct span sdp);
uint16_t call_rtp_port(const struct calls *calls, uint32_t slot);

static inline uint32_t call_flow(uint32_t slot, enum call_role role)
{
	return 2 * slot + role;
}

static inline void call_timer(struct calls *calls, uint32_t slot, enum call_role role, uint64_t in_ms)
{
	timers_set(&calls->timers, 2 * slot + role, calls->now_ms + in_ms);
}

/* The slot may be called again: neither role has anything left to do in it. */
void call_release(struct calls *calls, uint32_t slot);

/* Keep a text to send it again; replaces the role's earlier one. */
void call_keep(struct call *call, enum call_role role, struct span text);
void call_forget(struct call *call, enum call_role role);
