/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage for what limen answers as a machine on the link: ARP, neighbour discovery, echo. Each
 * worker has its own. */
#pragma once

struct neigh_worker;
struct ports;
struct realms;
struct tx;

#include "dataplane/io/drop.h"

/* Echo requests answered in a second, and at once after a pause, by one worker. */
#define LOCAL_ECHO_PER_S 1000u
#define LOCAL_ECHO_BURST 200u

struct local {
	const struct realms *realms; /* borrowed, as all here */
	const struct ports *ports;
	struct neigh_worker *neigh;
	struct drops *drops;
	uint64_t echo_credit_ns; /* a bucket filled by time; 0: start */
	/* Counters, read by main. */
	uint64_t arp_answered;
	uint64_t nd_answered;
	uint64_t echo_answered;
};

/* Takes the packets: answers them, tells main what they say of neighbours, or drops them. */
void local_stage(struct local *local, struct tx *tx, struct rte_mbuf **pkts, unsigned n,
		 uint64_t now_ns);
