/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker knows of a packet: lies in the mbuf's private area, filled by classify, read by the
 * stages. A packet has one owner at a time; a stage passes it on, parks it, or drops it with a
 * reason. */
#pragma once

#include "common/net/addr.h"

#include <rte_mbuf.h>

/* Which stage a packet is for. */
enum pkt_stage {
	STAGE_MEDIA = 0,
	STAGE_SIP,
	STAGE_LOCAL,
	STAGE_PUNT,
	STAGE_FRAG,
	STAGE_OWNER, /* no packet of the wire: bytes from another worker's engine */
	STAGE_TX, /* a frame for the port in mbuf's port, from a worker without a queue there */
	STAGES_END,
};

/* The headers lie in the first segment. A datagram that came in fragments may be a chain; then its
 * first segment holds at least the UDP header and 12 bytes of payload. */
struct pkt {
	uint8_t realm;	 /* where it arrived */
	uint8_t port;	 /* where it arrived: index into the config's ports */
	uint8_t family;	 /* enum net_family */
	uint8_t tos;	 /* IPv4 TOS or IPv6 traffic class */
	uint16_t l3_off; /* bytes from the start of data */
	uint16_t l4_off;
	uint16_t payload_off; /* of the UDP payload; of a fragment: of its part of the datagram */
	uint16_t payload_len;
	union {
		struct {
			uint16_t src_port, dst_port; /* host order */
		};
		struct {
			uint16_t frag_offset; /* of a fragment: where in the datagram it belongs */
			uint16_t frag_more;   /* and whether it is not the last */
		};
	};
	uint16_t udp_csum; /* as received, network order; 0: none */
	uint8_t stage;	   /* enum pkt_stage: on its way to its owner */
	uint8_t proto;	   /* for STAGE_PUNT: IPPROTO_TCP or IPPROTO_SCTP */
	struct net_addr src, dst;
};
_Static_assert(sizeof(struct pkt) <= 64, "one cache line behind the mbuf");

#define PKT_PRIV_BYTES 64u

static inline struct pkt *pkt_of(struct rte_mbuf *m)
{
	return (struct pkt *)rte_mbuf_to_priv(m);
}

/* Make an empty packet `len` bytes long, not more than its tailroom: where they begin. */
static inline void *pkt_extend(struct rte_mbuf *m, uint16_t len)
{
	m->data_len = len;
	m->pkt_len = len;
	return rte_pktmbuf_mtod(m, void *);
}
