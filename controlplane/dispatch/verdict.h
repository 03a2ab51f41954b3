/* SPDX-License-Identifier: BSD-3-Clause */
/* Verdicts written: what was decided becomes the frame that the dataplane reads. Private to
 * controlplane/dispatch. limen-controlplane, loop thread. */
#pragma once

#include "common/ipc/ipc_msg.h"
#include "controlplane/dispatch/generation.h"
#include "controlplane/topology/far_side.h"

struct explain;
struct shown;

/* One way that a request may go. */
struct way {
	const struct party *called; /* whom it is for there; borrowed */
	int to;                     /* trunk */
	struct net_endpoint peer;   /* there alone; of no family: the trunk's peers */
	uint8_t transport;	    /* of that peer: enum net_transport */
	uint64_t flow;		    /* the connection to try first; 0: none */
	struct span ruri;           /* the Request-URI as it is; empty: `called` at the peer */
	const struct shown *shown;  /* From, To and the edit plan there; borrowed */
};

#define WAYS_MAX IPC_TARGETS_MAX

/* All that an acceptance is made of. */
struct acceptance {
	const struct generation *gen;
	const struct ipc_ask *ask;
	int from;                   /* trunk */
	const struct way *ways;     /* in order: at least one, at most WAYS_MAX */
	unsigned nways;
	uint64_t caller_key; /* of the limits of users */
	struct span plan, context;  /* the plan of the first way */
	const struct registering *registering; /* a REGISTER; NULL: another request */
	bool tells;                 /* the final answer is wanted */
	uint64_t key;               /* of this call: which of equal peers it tries first */
	struct explain *explain;    /* may be NULL */
};

/* How many targets it has: none where the names of the trunks' peers have no address now. */
unsigned acceptance_targets(const struct acceptance *acceptance);

/* Each writes one frame; IPC_FRAME_MAX bytes are always enough. */
void put_acceptance(struct cursor *out, const struct acceptance *acceptance);
void put_refusal(struct cursor *out, const struct ipc_ask *ask, unsigned status,
		 struct span context);
/* An answer other than a bare refusal: `reason`, `headers` and `flags` as in struct ipc_verdict. */
void put_reply(struct cursor *out, const struct ipc_ask *ask, unsigned status, unsigned flags,
	       struct span reason, struct span headers, struct span context);

/* A refusal that says when to come again. */
void put_retry(struct cursor *out, const struct ipc_ask *ask, unsigned status,
	       uint32_t retry_after_s);

/* Whether limen has an account there: then it answers challenges of its requests. */
bool trunk_has_account(const struct conf_trunk *trunk);

/* The transport that a URI names (RFC 3261 section 19.1.1): enum net_transport; NET_TRANSPORTS for
 * one that limen does not know. */
uint8_t uri_transport(const struct sip_uri *uri);

/* limen's own address in a realm; of no family where it has none of that family, or does not speak
 * that transport there. */
struct net_endpoint limen_at(const struct conf_realm *realm, enum net_transport transport,
			     uint8_t family);
