/* SPDX-License-Identifier: BSD-3-Clause */
/* Second stage: what is this packet, is it sound, is it for us. Fills in struct pkt and sorts
 * packets into one vector for each stage behind it. Each worker has its own. */
#pragma once

struct realms;
struct ports;

#include "dataplane/io/drop.h"

#define VECTOR_MAX 2048u

struct vector {
	unsigned n;
	struct rte_mbuf *pkts[VECTOR_MAX];
};

/* A turn's packets by stage. */
struct walk {
	struct vector to[STAGES_END];
};

struct classify {
	const struct realms *realms; /* borrowed */
	const struct ports *ports;   /* borrowed */
	struct drops *drops;
};

/* Sort n packets, n not more than what is free in each vector. mbuf's port is the index of the port
 * they came by. Takes them. */
void classify(const struct classify *c, struct rte_mbuf **pkts, unsigned n, struct walk *walk);

/* A datagram put together from fragments: its pkt has realm, addresses and offsets; payload_off is
 * that of the UDP header, payload_len what lies from there on. Checks UDP, sorts it in. Takes m. */
void classify_datagram(const struct classify *c, struct rte_mbuf *m, struct walk *walk);

static inline void vector_add(struct walk *walk, enum pkt_stage stage, struct rte_mbuf *m)
{
	struct vector *to = &walk->to[stage];

	to->pkts[to->n++] = m;
}
