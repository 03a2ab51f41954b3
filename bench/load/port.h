/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK ports of limen-load: opened from their device strings, packets queued and sent in bursts. The loop's thread. */
#pragma once

#include "bench/load/options.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#define PORT_QUEUE   256u /* packets that wait for a port */
#define PORT_RX_MAX  64u
#define FILL_BYTE    0xd5 /* of what a payload has behind its stamp */

struct port {
	uint16_t id;
	uint8_t mac[6];
	bool is_started;
	uint32_t n;
	struct rte_mbuf *queue[PORT_QUEUE];
	uint64_t tx_pkts, tx_bytes, rx_pkts;
	uint64_t tx_refused; /* there was no room: what was not media and is sent again later */
};

struct ports {
	unsigned n;
	struct port port[PORTS_MAX];
	struct rte_mempool *tx_pool; /* buffers hold FILL_BYTE wherever nobody wrote */
	struct rte_mempool *rx_pool;
};

/* DPDK, pools, ports, and the links up (waits up to 30 s: the peer may still be starting). 0, or -errno; said on stderr. */
int ports_start(struct ports *ports, const struct options *options);
/* Wait until no port has a link any more, at most so long, without touching them: whoever polls the other ends is to go first. */
void ports_linger(const struct ports *ports, double seconds);
void ports_stop(struct ports *ports);

static inline uint32_t port_room(const struct port *port)
{
	return PORT_QUEUE - port->n;
}

/* Queue a packet; false (and the packet freed) where there is no room. */
static inline bool port_put(struct port *port, struct rte_mbuf *m)
{
	if (port->n == PORT_QUEUE) {
		rte_pktmbuf_free(m);
		port->tx_refused++;
		return false;
	}
	port->queue[port->n++] = m;
	return true;
}

/* Hand the queue to the port; how many it took. */
uint32_t port_flush(struct port *port);
