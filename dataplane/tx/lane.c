/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow's lane is made. Each worker for itself. */
#include "dataplane/tx/tx_priv.h"

#include "dataplane/tx/tx_lane.h"

bool tx_lane_make(struct tx *tx, const struct tx_flow *flow, struct tx_lane *lane)
{
	uint8_t index = tx->port_of_realm[flow->realm];
	const struct tx_port *port = &tx->ports[index];
	uint64_t hop = neigh_load(tx->conf.neigh->table, flow->neigh);
	uint64_t src = csum_words(flow->src.addr.ip, 4), dst = csum_words(flow->dst.addr.ip, 4);

	if (neigh_word_use(hop) != NEIGH_SEND)
		return false;
	*lane = (struct tx_lane){
		.head = {port->frame4[0] | (hop & TX_MAC_MASK),
			 port->frame4[1] | (uint64_t)flow->dscp << 58},
		.addrs = src | dst << 32,
		.ports = rte_cpu_to_be_16(flow->src.port) |
			 (uint32_t)rte_cpu_to_be_16(flow->dst.port) << 16,
		.hop_index = (flow->neigh & 0xffff) - 1,
		.hop = hop,
		.mtu = port->mtu,
		.port = index,
	};
	lane->ip_sum = csum_fold(src + dst + (0x45u | (uint32_t)flow->dscp << 10) +
						   (TX_TTL | (uint32_t)IPPROTO_UDP << 8));
	return true;
}
