/* SPDX-License-Identifier: BSD-3-Clause */
/* From a name to addresses (RFC 3263 section 4): NAPTR, SRV, A and AAAA, as far as the DNS has told
 * by now. limen speaks UDP to its trunks. Private to controlplane/peers. limen-controlplane, loop
 * thread. */
#pragma once

#include "controlplane/peers/peers.h"

struct located {
	struct net_endpoint addr;
	uint16_t priority;
	uint32_t weight;
};

/* `port` 0: none was given, so that SRV decides. `families`: a bit for each (1 << NET_IP4).
 * Returns how many were found, at most `max`. */
unsigned locate(struct dns *dns, const char *name, uint16_t port, unsigned families,
		struct located *found, unsigned max);
