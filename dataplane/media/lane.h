/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of nearly all packets: RTP of settled streams, relayed in one go right behind the receive
 * stage. Worker threads. */
#pragma once

struct media;
struct ports;
struct realms;
struct tx;

#include "dataplane/io/pkt.h"

#define LANE_PKTS_MAX 64u

struct media_lane {
	struct media *media; /* borrowed, as all here */
	struct tx *tx;
	const struct realms *realms;
	const struct ports *ports;
};

/* Relay what can be of n packets, at most LANE_PKTS_MAX, that a port has just received: RTP over
 * IPv4 that matches the lane of its stream. Takes those; the others are left in pkts, in order, for
 * classify. Returns how many they are. The bytes of all n are added to *bytes. */
unsigned media_lane(const struct media_lane *lane, uint8_t port, struct rte_mbuf **pkts, unsigned n,
		    uint64_t now_ns, uint64_t *bytes);
