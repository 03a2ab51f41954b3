/* SPDX-License-Identifier: BSD-3-Clause */
/* From a name to addresses (RFC 3263 section 4): NAPTR, SRV, A and AAAA, as far as the DNS has told
 * by now. Private to controlplane/peers. limen-controlplane, loop
 * thread. */
#pragma once

#include "controlplane/peers/peers.h"

struct located {
	struct net_endpoint addr;
	uint16_t priority;
	uint32_t weight;
	uint8_t transport; /* enum net_transport */
};

/* What is asked for. */
struct locate_name {
	const char *name;
	uint16_t port;		 /* 0: none was given, so that SRV decides */
	uint8_t transport;	 /* enum net_transport */
	bool transport_given;	 /* else NAPTR, or which SRV there are, may choose another one */
	unsigned families[NET_TRANSPORTS]; /* that limen speaks, a bit for each (1 << NET_IP4) */
};

/* Returns how many were found, at most `max`. */
unsigned locate(struct dns *dns, const struct locate_name *name, struct located *found,
		unsigned max);
