/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream transports are not wired in this version: named and counted. Each worker. */
#include "dataplane/punt/punt.h"

void punt_stage(struct drops *drops, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pkt_drop(drops, pkts[i], DROP_PUNT_UNWIRED);
}
