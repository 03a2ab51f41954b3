/* SPDX-License-Identifier: BSD-3-Clause */
/* A turn of limen-load's loop. One thread. */
#include "bench/load/load.h"

#include <rte_cycles.h>
#include <time.h>

#define RX_ROUNDS   4u /* bursts taken from a port in a turn */
#define FETCH_AHEAD 8u

/* The UDP payload of an RTP packet as it nearly always comes: no options, one piece. NULL: look closer. */
static inline const uint8_t *quick_udp(const uint8_t *frame, uint32_t bytes, uint16_t *port, uint32_t *len)
{
	uint32_t udp;

	if (bytes < WIRE_HEAD_MAX)
		return NULL;
	if (frame[12] == 0x08 && frame[13] == 0 && frame[14] == 0x45 && frame[23] == 17 && !(frame[20] & 0x3f) && !frame[21])
		udp = WIRE_ETH_BYTES + 20;
	else if (frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == 17)
		udp = WIRE_ETH_BYTES + 40;
	else
		return NULL;
	*port = wire_get16(frame + udp + 2);
	*len = wire_get16(frame + udp + 4);
	if (*len < WIRE_UDP_BYTES || udp + *len > bytes)
		return NULL;
	*len -= WIRE_UDP_BYTES;
	return frame + udp + WIRE_UDP_BYTES;
}

static void take_other(struct load *load, uint8_t port, const uint8_t *frame, uint32_t bytes)
{
	struct wire_udp udp;

	if (hops_frame(&load->hops, port, frame, bytes) || !load->has_calls)
		return;
	if (wire_read_udp(frame, bytes, &udp) && udp.dst.port == load->options.sip_port)
		calls_receive(&load->calls, &udp);
}

/* Both lines that hold headers and stamp: the peer's core wrote them last. */
static inline void fetch_frame(const struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, const uint8_t *));
	rte_prefetch0(rte_pktmbuf_mtod(m, const uint8_t *) + 64);
}

/* Passes over the burst: frames, then flows, then the reckoning, so that 100,000 flows' misses lie side by side. */
static uint32_t receive(struct load *load, uint8_t index, uint64_t now_tsc)
{
	struct rte_mbuf *pkts[PORT_RX_MAX];
	const uint8_t *payloads[PORT_RX_MAX];
	uint32_t lens[PORT_RX_MAX];
	uint16_t dsts[PORT_RX_MAX];
	struct port *port = &load->ports.port[index];
	uint32_t n = rte_eth_rx_burst(port->id, 0, pkts, PORT_RX_MAX);

	for (uint32_t i = 0; i < n && i < FETCH_AHEAD; i++)
		fetch_frame(pkts[i]);
	for (uint32_t i = 0; i < n; i++) {
		if (i + FETCH_AHEAD < n)
			fetch_frame(pkts[i + FETCH_AHEAD]);
		payloads[i] = quick_udp(rte_pktmbuf_mtod(pkts[i], const uint8_t *), rte_pktmbuf_data_len(pkts[i]), &dsts[i],
					&lens[i]);
		if (likely(payloads[i] && dsts[i] != load->options.sip_port))
			flows_fetch(&load->flows, payloads[i], lens[i]);
	}
	for (uint32_t i = 0; i < n; i++) {
		if (likely(payloads[i] && dsts[i] != load->options.sip_port))
			(void)flows_receive(&load->flows, payloads[i], lens[i], dsts[i], now_tsc);
		else
			take_other(load, index, rte_pktmbuf_mtod(pkts[i], const uint8_t *), rte_pktmbuf_data_len(pkts[i]));
	}
	port->rx_pkts += n;
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

/* What is due of the media, half of it on each of two ports. */
static uint32_t send_media(struct load *load, uint64_t now_tsc)
{
	struct flows *flows = &load->flows;
	uint32_t due = UINT32_MAX, sent = 0;

	if (load->media_now == RATE_NONE || !flows->nsending)
		return 0;
	if (load->media_now == RATE_PTIME)
		pacer_set_rate(&load->media_pacer, now_tsc, flows->nsending / load->options.ptime_s);
	if (load->media_now != RATE_FLAT)
		due = pacer_due(&load->media_pacer, now_tsc);
	for (unsigned p = 0; p < load->ports.n && due; p++) {
		const struct port *port = &load->ports.port[p];
		/* By the port's share of the flows, so that each flow has the same rate; a packet's fraction goes to the last. */
		uint32_t want = due == UINT32_MAX || p + 1 == load->ports.n
					? due
					: (uint32_t)(((uint64_t)due * flows->list[p].n + flows->nsending - 1) / flows->nsending);
		uint32_t room = load->options.burst > port->n ? load->options.burst - port->n : 0, n;

		n = flows_send(flows, (uint8_t)p, RTE_MIN(RTE_MIN(want, due), room), now_tsc);
		sent += n;
	}
	if (load->media_now != RATE_FLAT)
		pacer_take(&load->media_pacer, sent);
	return sent;
}

static uint32_t begin_calls(struct load *load, uint64_t now_tsc)
{
	uint32_t due = pacer_due(&load->call_pacer, now_tsc), n = 0;

	while (n < due && n < 32 && calls_begin(&load->calls))
		n++;
	pacer_take(&load->call_pacer, n);
	return n;
}

void load_turn(struct load *load)
{
	uint64_t now_tsc = rte_rdtsc();
	uint32_t found = 0;

	load->turns++;
	if (load->has_calls) {
		load->calls.now_tsc = now_tsc;
		load->calls.now_ms = 1 + (uint64_t)((double)(now_tsc - load->start_tsc) * 1000 / load->tsc_hz);
	}
	for (unsigned p = 0; p < load->ports.n; p++) {
		uint32_t n = 0;

		for (unsigned round = 0; round < RX_ROUNDS; round++) {
			uint32_t got = receive(load, (uint8_t)p, now_tsc);

			n += got;
			if (got < PORT_RX_MAX)
				break;
			now_tsc = rte_rdtsc();
		}
		found += n;
	}
	if (load->has_calls)
		calls_turn(&load->calls);
	if (load->has_users)
		users_turn(&load->users);
	if (load->begins_calls)
		found += begin_calls(load, now_tsc);
	found += send_media(load, now_tsc);
	for (unsigned p = 0; p < load->ports.n; p++)
		found += port_flush(&load->ports.port[p]);
	if (!found && load->options.idle_us) {
		const struct timespec nap = {.tv_nsec = (long)load->options.idle_us * 1000};

		load->idle_turns++;
		nanosleep(&nap, NULL);
	}
}
