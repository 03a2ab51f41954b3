/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts from the ports. Each worker. */
#include "dataplane/rx/rx.h"

#include "dataplane/io/port.h"

#include <rte_ethdev.h>

_Static_assert(RX_QUEUES_MAX == CONF_PORTS_MAX, "one queue of each port");

void rx_init(struct rx *rx, const struct ports *ports, unsigned worker)
{
	memset(rx, 0, sizeof(*rx));
	for (unsigned i = 0; i < ports->n; i++) {
		if (worker >= ports->port[i].nrxq)
			continue;
		rx->queues[rx->n++] = (struct rx_queue){
			.id = ports->port[i].id,
			.queue = (uint16_t)worker,
			.port = (uint8_t)i,
		};
	}
}

unsigned rx_stage(struct rx *rx, unsigned q, struct rte_mbuf **pkts)
{
	const struct rx_queue *from = &rx->queues[q];
	unsigned n = rte_eth_rx_burst(from->id, from->queue, pkts, RX_BURST);

	rx->count[from->port].pkts += n;
	return n;
}

void rx_mark(const struct rx *rx, unsigned q, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		pkts[i]->port = rx->queues[q].port;
}
