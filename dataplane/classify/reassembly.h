/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of UDP datagrams put together (RFC 791, RFC 8200 section 4.5, RFC 5722): a bounded
 * table of each worker. Not by rte_ip_frag: as Debian builds it, a datagram may have 8 fragments,
 * which is 11,800 bytes, and a SIP message 65,535. */
#pragma once

struct rte_mempool;

#include "common/base/hash.h"
#include "dataplane/io/drop.h"

#include <assert.h>

struct reassembly;

struct reassembly_conf {
	uint32_t datagrams; /* at a time */
	uint32_t pkts;	    /* fragments held at a time, over all datagrams */
	uint64_t timeout_ns;
	struct rte_mempool *pool; /* borrowed: datagrams that fit one packet are copied into one */
	struct drops *drops;
	struct hash_key seed;
};

/* NULL when there is no memory. */
struct reassembly *reassembly_new(const struct reassembly_conf *conf);
void reassembly_free(struct reassembly *reassembly);

/* What classify notes of a fragment in its private area. */
struct fragment {
	struct pkt pkt;
	uint32_t id;	       /* as it came */
	struct rte_mbuf *next; /* reassembly's: the next of the datagram, by offset */
};
static_assert(sizeof(struct fragment) <= PKT_PRIV_BYTES, "lies in the private area");

static inline struct fragment *fragment_of(struct rte_mbuf *m)
{
	return (struct fragment *)rte_mbuf_to_priv(m);
}

/* Which worker puts this fragment's datagram together: the ports of a datagram are in its first
 * fragment only, so queues chosen by port part them. */
unsigned fragment_owner(const struct fragment *fragment, unsigned nworkers);

/* Take a fragment. The whole datagram when this was the last one missing, ready for
 * classify_datagram; else NULL. */
struct rte_mbuf *reassembly_take(struct reassembly *reassembly, struct rte_mbuf *m,
				 uint64_t now_ns);

/* Give up what timed out; each turn. */
void reassembly_expire(struct reassembly *reassembly, uint64_t now_ns);

uint32_t reassembly_held(const struct reassembly *reassembly);
