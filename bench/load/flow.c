/* SPDX-License-Identifier: BSD-3-Clause */
/* Templates, round robin and accounting. The loop's thread. */
#include "bench/load/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define FETCH_AHEAD 8u

/* Zeroed, on huge pages where the kernel gives some: on plain ones 100,000 flows cost three times what 1,000 do, by TLB
 * misses alone. */
static void *big_alloc(size_t bytes)
{
	const size_t page = 2u << 20;
	size_t room = (bytes + page - 1) & ~(page - 1);
	void *memory = aligned_alloc(page, room);

	if (!memory)
		return NULL;
	(void)madvise(memory, room, MADV_HUGEPAGE);
	memset(memory, 0, room);
	return memory;
}

int flows_init(struct flows *flows, struct ports *ports, const struct options *o, uint32_t max, uint32_t magic)
{
	*flows = (struct flows){
		.ports = ports,
		.max = max,
		.payload = o->payload,
		.payload_type = o->payload_type,
		.magic = magic,
		.ts_step = (uint32_t)(o->ptime_s * 8000 + 0.5),
	};
	flows->tx = big_alloc(sizeof(*flows->tx) * (size_t)max);
	flows->rx = big_alloc(sizeof(*flows->rx) * (size_t)max);
	if (!flows->tx || !flows->rx)
		return -ENOMEM;
	for (uint32_t i = 0; i < max; i++)
		flows->tx[i].at = FLOW_NONE;
	for (unsigned p = 0; p < ports->n; p++) {
		flows->list[p].flows = big_alloc(sizeof(uint32_t) * (size_t)max);
		if (!flows->list[p].flows)
			return -ENOMEM;
	}
	return 0;
}

void flows_fini(struct flows *flows)
{
	for (unsigned p = 0; p < PORTS_MAX; p++)
		free(flows->list[p].flows);
	free(flows->tx);
	free(flows->rx);
}

/* The stamp's magic is never that of the record's earlier uses. */
static uint32_t magic_of(const struct flows *flows, uint32_t generation)
{
	return flows->magic ^ generation * 2654435761u;
}

void flow_open(struct flows *flows, uint32_t flow, uint8_t port, const struct wire_way *way, uint32_t generation,
	       uint16_t comes_to)
{
	struct flow_stamp stamp = {.magic = magic_of(flows, generation), .flow = flow};
	struct flow_tx *tx = &flows->tx[flow];
	uint32_t len = FLOW_RTP_BYTES + flows->payload, head = wire_head_bytes(way->src.family);
	uint8_t whole[WIRE_HEAD_MAX + FLOW_RTP_BYTES + 1500];
	uint8_t *rtp = whole + head;
	uint64_t sum;

	flow_stop(flows, flow);
	memset(whole, FILL_BYTE, sizeof(whole));
	wire_put_udp(whole, way, len);
	memset(rtp, 0, FLOW_RTP_BYTES);
	rtp[0] = 0x80;
	rtp[1] = flows->payload_type;
	memcpy(rtp + 8, &stamp.magic, 4);
	rtp[11] ^= (uint8_t)flow; /* an SSRC is as good as any other, but flows have their own */
	memcpy(rtp + FLOW_RTP_BYTES, &stamp, sizeof(stamp));
	sum = wire_pseudo(way->src.family, &way->src.addr, &way->dst.addr, 17, len + WIRE_UDP_BYTES) +
	      wire_sum(rtp - WIRE_UDP_BYTES, len + WIRE_UDP_BYTES);
	memcpy(tx->head, whole, FLOW_HEAD_MAX);
	tx->sum = wire_fold(sum);
	tx->seq = 0;
	tx->bytes = (uint16_t)(head + len);
	tx->udp_off = (uint8_t)(head - WIRE_UDP_BYTES);
	tx->port = port;
	flows->rx[flow] = (struct flow_rx){.magic = stamp.magic, .port = comes_to};
}

void flow_start(struct flows *flows, uint32_t flow)
{
	struct flow_tx *tx = &flows->tx[flow];
	struct flow_list *list = &flows->list[tx->port];

	if (tx->at != FLOW_NONE)
		return;
	tx->at = list->n;
	list->flows[list->n++] = flow;
	flows->nsending++;
}

void flow_stop(struct flows *flows, uint32_t flow)
{
	struct flow_tx *tx = &flows->tx[flow];
	struct flow_list *list = &flows->list[tx->port];

	if (tx->at == FLOW_NONE)
		return;
	list->flows[tx->at] = list->flows[--list->n];
	flows->tx[list->flows[tx->at]].at = tx->at;
	tx->at = FLOW_NONE;
	flows->nsending--;
}

static inline void put_packet(const struct flows *flows, struct flow_tx *tx, uint8_t *at, uint64_t now_tsc)
{
	uint8_t *rtp = at + tx->udp_off + WIRE_UDP_BYTES;
	uint32_t seq = tx->seq++, timestamp = rte_cpu_to_be_32(seq * flows->ts_step);
	uint16_t rtp_seq = rte_cpu_to_be_16((uint16_t)seq), csum;
	uint64_t sum;

	memcpy(at, tx->head, FLOW_HEAD_MAX);
	memcpy(rtp + 2, &rtp_seq, 2);
	memcpy(rtp + 4, &timestamp, 4);
	memcpy(rtp + FLOW_RTP_BYTES + offsetof(struct flow_stamp, sent_tsc), &now_tsc, 8);
	memcpy(rtp + FLOW_RTP_BYTES + offsetof(struct flow_stamp, seq), &seq, 4);
	sum = (uint64_t)tx->sum + rtp_seq + timestamp + (now_tsc & 0xffffffff) + (now_tsc >> 32) + seq;
	csum = (uint16_t)~wire_fold(sum);
	csum = csum ? csum : 0xffff;
	memcpy(rtp - 2, &csum, 2);
}

uint32_t flows_send(struct flows *flows, uint8_t port, uint32_t n, uint64_t now_tsc)
{
	struct flow_list *list = &flows->list[port];
	struct port *out = &flows->ports->port[port];

	n = RTE_MIN(n, port_room(out));
	if (!list->n || !n || rte_pktmbuf_alloc_bulk(flows->ports->tx_pool, out->queue + out->n, n))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = out->queue[out->n++];
		struct flow_tx *tx;

		if (list->next >= list->n)
			list->next = 0;
		tx = &flows->tx[list->flows[list->next++]];
		if (list->next + FETCH_AHEAD < list->n) {
			const struct flow_tx *soon = &flows->tx[list->flows[list->next + FETCH_AHEAD]];

			rte_prefetch0(soon);
			rte_prefetch0((const uint8_t *)soon + 64);
		}
		put_packet(flows, tx, rte_pktmbuf_mtod(m, uint8_t *), now_tsc);
		m->data_len = tx->bytes;
		m->pkt_len = tx->bytes;
	}
	flows->count.sent += n;
	return n;
}

bool flows_receive(struct flows *flows, const uint8_t *payload, uint32_t len, uint16_t dst_port, uint64_t now_tsc)
{
	struct flow_stamp stamp;
	struct flow_rx *rx;

	if (len < FLOW_RTP_BYTES + sizeof(stamp))
		return false;
	memcpy(&stamp, payload + FLOW_RTP_BYTES, sizeof(stamp));
	if (stamp.flow >= flows->max)
		return false;
	rx = &flows->rx[stamp.flow];
	if (unlikely(stamp.magic != rx->magic || !rx->magic)) {
		flows->count.stray++;
		return false;
	}
	flows->count.received++;
	if (unlikely(rx->port && rx->port != dst_port))
		flows->count.misled++;
	switch (seq_track_add(&rx->track, stamp.seq)) {
	case SEQ_IN_ORDER:
		flows->count.unique++;
		break;
	case SEQ_REORDERED:
		flows->count.unique++;
		flows->count.reordered++;
		break;
	case SEQ_DUPLICATE:
		flows->count.duplicate++;
		break;
	}
	histogram_add(&flows->latency, now_tsc - stamp.sent_tsc);
	return true;
}
