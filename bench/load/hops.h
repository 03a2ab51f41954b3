/* SPDX-License-Identifier: BSD-3-Clause */
/* The few neighbours of limen-load: asked for by ARP and neighbour discovery, and answered when they ask. The loop's thread. */
#pragma once

#include "bench/load/port.h"

#define HOPS_MAX 64u

struct hop {
	struct net_addr addr;
	uint8_t family;
	uint8_t port;
	uint8_t mac[6];
	uint8_t local;     /* asks are sent from this address */
	bool is_known;
	uint64_t asked_ms; /* 0: never */
};

struct hops {
	const struct options *options;
	struct ports *ports;
	unsigned n;
	struct hop hop[HOPS_MAX];
};

/* The MAC address for what a local address sends to `addr`; NULL: not known yet, and asked for (at most once a second). */
const uint8_t *hops_find(struct hops *hops, unsigned local, const struct net_addr *addr, uint64_t now_ms);

/* An ARP or ICMPv6 frame: answered, learned from, or of no concern. False: it is neither. */
bool hops_frame(struct hops *hops, uint8_t port, const uint8_t *frame, uint32_t bytes);
