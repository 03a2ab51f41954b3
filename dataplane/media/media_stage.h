/* SPDX-License-Identifier: BSD-3-Clause */
/* The media stage: packets for limen's media ports are relayed to the other side of their call.
 * Worker threads. */
#pragma once

#include "dataplane/media/media.h"
#include "dataplane/tx/tx.h"

/* Take n packets that classify found to be UDP for a media port of this worker's (realm, family and
 * ports in struct pkt are good, the headers lie in the first segment). Each leaves by tx_udp or is
 * dropped with one of the media-* reasons. Any n; best with 16 and more at a time. now_ns is
 * monotonic. */
void media_stage(struct media *media, struct tx *tx, struct drops *drops, struct rte_mbuf **pkts,
		 unsigned n, uint64_t now_ns);
