/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP flows: each packet is its flow's template with sequence number, time and checksum put in, and what comes back is told
 * by the stamp in its payload. The loop's thread. */
#pragma once

#include "bench/load/histogram.h"
#include "bench/load/port.h"
#include "bench/load/seq_track.h"
#include "bench/load/wire.h"

#include <rte_prefetch.h>

#define FLOW_HEAD_MAX 96u /* headers of all layers, and the stamp */
#define FLOW_NONE     UINT32_MAX
#define FLOW_RTP_BYTES 12u

/* Behind the RTP header. In the machine's own order: only we read it. */
struct flow_stamp {
	uint32_t magic; /* this run's, this use of the flow's record */
	uint32_t flow;
	uint64_t sent_tsc;
	uint32_t seq;
} __attribute__((packed));
_Static_assert(sizeof(struct flow_stamp) == 20, "the payload of G.729 at 20 ms holds it");

/* What sending touches: two cache lines. */
struct flow_tx {
	uint8_t head[FLOW_HEAD_MAX];
	uint32_t seq;
	uint32_t sum;       /* of all that the checksum covers and that stays the same */
	uint32_t at;        /* where it stands in its port's list, or FLOW_NONE: not sending */
	uint16_t bytes;     /* of the frame */
	uint8_t udp_off;
	uint8_t port;
	uint8_t pad[16];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct flow_tx) == 128, "two cache lines");

/* What receiving touches. */
struct flow_rx {
	struct seq_track track;
	uint32_t magic;
	uint16_t port;      /* UDP port it is to come to; 0: any */
	uint16_t pad;
	uint64_t pad2;
};
_Static_assert(sizeof(struct flow_rx) == 32, "two in a cache line");

/* Flows of one port that send now, sent round robin. */
struct flow_list {
	uint32_t *flows; /* owner */
	uint32_t n;
	uint32_t next;
};

struct flow_count {
	uint64_t sent;       /* put into the ports' queues */
	uint64_t received;   /* of live flows, duplicates too */
	uint64_t unique;
	uint64_t reordered;
	uint64_t duplicate;
	uint64_t stray;      /* of flows that ended, or of another run */
	uint64_t misled;     /* came to another port than the flow's */
};

struct flows {
	struct ports *ports;
	uint32_t max;
	uint32_t payload;    /* RTP's, bytes */
	uint8_t payload_type;
	uint32_t magic;      /* of this run */
	uint32_t ts_step;    /* RTP timestamp units of a packet */
	struct flow_tx *tx;  /* owner, as below */
	struct flow_rx *rx;
	struct flow_list list[PORTS_MAX];
	uint32_t nsending;
	struct flow_count count;
	struct histogram latency; /* in ticks of the TSC */
};

/* 0, or -ENOMEM. */
int flows_init(struct flows *flows, struct ports *ports, const struct options *options, uint32_t max, uint32_t magic);
void flows_fini(struct flows *flows);

/* A flow begins anew, not sending yet: from way->src to way->dst out of this port. `generation` tells the record's uses
 * apart; what it sends is to come to UDP port `comes_to` (0: any). */
void flow_open(struct flows *flows, uint32_t flow, uint8_t port, const struct wire_way *way, uint32_t generation,
	       uint16_t comes_to);
void flow_start(struct flows *flows, uint32_t flow);
void flow_stop(struct flows *flows, uint32_t flow);

/* Put up to n packets of the port's flows into its queue; how many. */
uint32_t flows_send(struct flows *flows, uint8_t port, uint32_t n, uint64_t now_tsc);

/* Have the record of such a payload's flow fetched. */
static inline void flows_fetch(const struct flows *flows, const uint8_t *payload, uint32_t len)
{
	uint32_t flow;

	if (len < FLOW_RTP_BYTES + sizeof(struct flow_stamp))
		return;
	memcpy(&flow, payload + FLOW_RTP_BYTES + offsetof(struct flow_stamp, flow), sizeof(flow));
	if (flow < flows->max)
		rte_prefetch0(&flows->rx[flow]);
}

/* A UDP datagram's payload that may be ours: whether it was. */
bool flows_receive(struct flows *flows, const uint8_t *payload, uint32_t len, uint16_t dst_port, uint64_t now_tsc);
