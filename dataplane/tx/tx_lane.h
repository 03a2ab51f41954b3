/* SPDX-License-Identifier: BSD-3-Clause */
/* The send stage of a settled flow, inline: what media's lane (dataplane/media/lane.c) ends in.
 * Each worker for itself. */
#pragma once

#include "dataplane/tx/tx_priv.h"

/* What is the same for all packets of a burst. */
struct tx_lanes {
	struct tx *tx;
	struct neigh_table *neigh;
	uint64_t id;
};

static inline struct tx_lanes tx_lanes(struct tx *tx)
{
	return (struct tx_lanes){.tx = tx, .neigh = tx->conf.neigh->table, .id = tx_random(tx)};
}

/* Identification: at random from burst to burst, and in steps that come back late within one. DF is
 * off, so it must not repeat soon (RFC 6864). */
static inline uint16_t tx_lane_id(struct tx_lanes *lanes)
{
	lanes->id += UINT64_C(0x9e3779b97f4a7c15);
	return (uint16_t)(lanes->id >> 48);
}

/* Whether the next hop is still the one of the lane, and the datagram fits; `total` is IPv4's total
 * length. Otherwise: tx_relay4. */
static inline bool tx_lane_is_good(const struct tx_lanes *lanes, const struct tx_lane *lane,
				   unsigned total)
{
	struct neigh_entry *entry = &lanes->neigh->entries[lane->hop_index];

	if (unlikely(atomic_load_explicit(&entry->word, memory_order_acquire) != lane->hop) ||
	    unlikely(total > lane->mtu))
		return false;
	/* As neigh_load does. */
	if (unlikely(!atomic_load_explicit(&entry->used, memory_order_relaxed)))
		atomic_store_explicit(&entry->used, 1, memory_order_relaxed);
	return true;
}

/* As tx_relay4, where the lane is good and both lengths, which stay, are those of the frame; m
 * holds nothing behind it. `total` in host order, `be_total` as on the wire. */
static inline void tx_lane_send(struct tx_lanes *lanes, struct rte_mbuf *m, uint8_t *frame,
				const struct tx_lane *lane, unsigned total, uint16_t be_total,
				uint16_t udp_csum)
{
	struct tx_port *port = &lanes->tx->ports[lane->port];
	uint32_t id = tx_lane_id(lanes), sum = lane->ip_sum + be_total + id, at = port->n;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (uint16_t)~(sum + (sum >> 16));
	m->ol_flags = port->lane_flags;
	if (unlikely(port->ip4_csum)) {
		sum = 0;
		m->tx_offload = rte_mbuf_tx_offload(sizeof(struct rte_ether_hdr),
						    sizeof(struct rte_ipv4_hdr), 0, 0, 0, 0, 0);
	}
	memcpy(frame, lane->head, sizeof(lane->head));
	/* Identification, no fragment, TTL, protocol, checksum. */
	tx_put_long(frame + 18, id | (uint64_t)TX_TTL << 32 | (uint64_t)IPPROTO_UDP << 40 |
					(uint64_t)sum << 48);
	tx_put_long(frame + 26, lane->addrs);
	tx_put_word(frame + 34, lane->ports);
	memcpy(frame + 40, &udp_csum, sizeof(udp_csum));
	if (unlikely(at >= port->lane_room)) {
		tx_put_in_queue(lanes->tx, m, lane->port);
		return;
	}
	port->count.bytes += total + sizeof(struct rte_ether_hdr);
	port->queue[at] = m;
	port->n = at + 1;
}
