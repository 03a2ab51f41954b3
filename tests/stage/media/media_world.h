/* SPDX-License-Identifier: BSD-3-Clause */
/* What the media stage needs around it: EAL without devices, a packet pool, one worker's media, and
 * a send stage that keeps what it is given. */
#pragma once

#include "dataplane/media/media_stage.h"

#include <rte_mempool.h>

#define SENT_MAX    512u
#define PAYLOAD_MAX 4096u

/* One packet as the send stage got it. */
struct sent {
	struct tx_flow flow; /* with what `neigh` held on arrival */
	uint32_t sum;
	uint32_t len;
	uint8_t payload[PAYLOAD_MAX];
};

/* In place of the real one. Marks each flow's next hop, as that does. */
struct tx {
	unsigned nsent;
	unsigned nrelayed; /* of these, by tx_relay4 */
	struct sent sent[SENT_MAX];
};

/* Realm 0 is 10.99.1.1 and fd99:1::1, realm 1 10.99.2.1 and fd99:2::1; ports 10000-10199 and
 * 20000-20199. */
struct world {
	struct rte_mempool *pool;
	struct arena arena;
	struct media *media;
	struct tx tx;
	struct drops drops;
	uint64_t now_ns;
};

/* What there is of a packet before it is one. */
struct draft {
	struct net_endpoint src, dst;
	uint8_t realm;
	const uint8_t *payload;
	uint16_t len;
	bool no_csum;	    /* IPv4: sent without a checksum */
	uint16_t trailer;   /* bytes behind the IP packet: Ethernet's padding */
	uint16_t first_seg; /* 0: one segment; else bytes of payload in the first, the rest in a
			       second */
};

struct net_endpoint endpoint(const char *text);

void world_open(struct world *w);
/* Everything is given back: asserts that the pool is full again. */
void world_close(struct world *w);

struct rte_mbuf *world_packet(struct world *w, const struct draft *draft);

/* One packet through the stage. */
void world_feed(struct world *w, const struct draft *draft);

/* Drops of one reason, since the start. */
uint64_t world_dropped(const struct world *w, enum drop_reason reason);
/* Of all reasons. */
uint64_t world_dropped_all(const struct world *w);

/* The packet sent last. */
const struct sent *world_last(const struct world *w);
