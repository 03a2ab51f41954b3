/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of a worker thread. Steady state: no allocation, no lock, no system call but those of
 * the ports' drivers and the sleep of an idle worker on a small machine. */
#include "dataplane/worker/worker.h"

#include "dataplane/media/media_stage.h"
#include "dataplane/sip/sip_stage.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>
#include <sys/prctl.h>
#include <time.h>

/* Empty turns before the worker sleeps: the next packet of a burst is mostly not far behind. */
#define IDLE_TURNS 32u

/* Frames of main: its questions to neighbours, and packets whose neighbour is found. */
static unsigned send_frames(struct worker *worker)
{
	struct rte_mbuf *frames[HANDOFF_BURST];
	unsigned n = rte_ring_sc_dequeue_burst(worker->conf.neigh->frames, (void **)frames,
					       HANDOFF_BURST, NULL);

	for (unsigned i = 0; i < n; i++)
		tx_frame(worker->tx, frames[i], frames[i]->port);
	return n;
}

/* Where it arrives, and so before it costs another worker anything. */
static void screen(struct worker *worker, unsigned from)
{
	struct vector *sip = &worker->walk.to[STAGE_SIP];

	if (sip->n > from)
		sip->n = sip_stage_screen(worker->sip, sip->pkts, from, sip->n, worker->now_ns);
}

/* Whole datagrams join the others of this turn. */
static void reassemble(struct worker *worker)
{
	struct vector *frags = &worker->walk.to[STAGE_FRAG];
	unsigned before = worker->walk.to[STAGE_SIP].n;

	for (unsigned i = 0; i < frags->n; i++) {
		struct rte_mbuf *m =
			reassembly_take(worker->reassembly, frags->pkts[i], worker->now_ns);

		if (m)
			classify_datagram(&worker->classify, m, &worker->walk);
	}
	frags->n = 0;
	screen(worker, before);
}

/* To each packet its owner: a fragment's first, for only the whole datagram says more. What others
 * send comes behind the sorting, for they have sorted it. */
static unsigned exchange(struct worker *worker)
{
	struct handoff *handoff = worker->handoff;
	struct walk *walk = &worker->walk;
	unsigned taken;

	handoff_sort(handoff, &walk->to[STAGE_FRAG], STAGE_FRAG);
	handoff_sort(handoff, &walk->to[STAGE_MEDIA], STAGE_MEDIA);
	handoff_sort(handoff, &walk->to[STAGE_SIP], STAGE_SIP);
	taken = handoff_take(handoff, walk);
	if (walk->to[STAGE_FRAG].n) {
		reassemble(worker);
		handoff_sort(handoff, &walk->to[STAGE_MEDIA], STAGE_MEDIA);
		handoff_sort(handoff, &walk->to[STAGE_SIP], STAGE_SIP);
	}
	handoff_flush(handoff);
	return taken;
}

static void run_stages(struct worker *worker)
{
	struct walk *walk = &worker->walk;
	struct vector *media = &walk->to[STAGE_MEDIA], *sip = &walk->to[STAGE_SIP];
	struct vector *local = &walk->to[STAGE_LOCAL], *punt = &walk->to[STAGE_PUNT],
		      *owner = &walk->to[STAGE_OWNER], *out = &walk->to[STAGE_TX];

	if (media->n)
		media_stage(worker->media, worker->tx, &worker->drops, media->pkts, media->n,
			    worker->now_ns);
	if (sip->n)
		sip_stage_run(worker->sip, sip->pkts, sip->n, worker->now_ns);
	if (owner->n)
		sip_stage_owner(worker->sip, owner->pkts, owner->n, worker->now_ns);
	if (local->n)
		local_stage(&worker->local, worker->tx, local->pkts, local->n, worker->now_ns);
	if (punt->n)
		punt_stage(&worker->punt, punt->pkts, punt->n, worker->now_ns);
	for (unsigned i = 0; i < out->n; i++)
		tx_frame(worker->tx, out->pkts[i], out->pkts[i]->port);
	media->n = sip->n = owner->n = local->n = punt->n = out->n = 0;
}

/* A burst of a queue: what is plainly known goes on at once, the rest is sorted. */
static unsigned receive_burst(struct worker *worker, const struct media_lane *lane, unsigned q)
{
	unsigned n = rx_stage(&worker->rx, q, worker->pkts), left;
	uint8_t port = worker->rx.queues[q].port;

	if (!n)
		return 0;
	left = media_lane(lane, port, worker->pkts, n, worker->now_ns,
			  &worker->rx.count[port].bytes);
	if (left) {
		rx_mark(&worker->rx, q, worker->pkts, left);
		classify(&worker->classify, worker->pkts, left, &worker->walk);
	}
	worker->sent += tx_flush_bursts(worker->tx);
	return n;
}

static unsigned receive(struct worker *worker)
{
	const struct media_lane lane = {
		.media = worker->media,
		.tx = worker->tx,
		.realms = worker->conf.realms,
		.ports = worker->conf.ports,
	};
	unsigned total = 0;

	worker->turn_full = false;
	for (unsigned q = 0; q < worker->rx.n; q++) {
		unsigned n = RX_BURST;

		for (unsigned i = 0; i < RX_BURSTS && n == RX_BURST; i++) {
			n = receive_burst(worker, &lane, q);
			total += n;
		}
		worker->turn_full |= n == RX_BURST;
	}
	return total;
}

bool worker_turn(struct worker *worker, uint64_t now_ns)
{
	unsigned n, frames, sent;
	bool found;

	worker->now_ns = now_ns;
	worker->sent = 0;
	n = receive(worker);
	screen(worker, 0);
	if (worker->handoff)
		n += exchange(worker);
	else if (worker->walk.to[STAGE_FRAG].n)
		reassemble(worker);
	if (n)
		run_stages(worker);
	frames = send_frames(worker);
	found = sip_stage_turn(worker->sip, now_ns);
	if (worker->handoff)
		handoff_flush(worker->handoff); /* what engines say to each other */
	reassembly_expire(worker->reassembly, now_ns);
	sent = worker->sent + tx_flush(worker->tx);
	rte_rcu_qsbr_quiescent(worker->conf.quiet, worker->conf.index);
	worker->stats.turns++;
	worker->stats.pkts += n;
	worker->turn_pkts = n;
	worker->stats.sent_pkts += sent;
	return found || n || frames || sent;
}

/* Nothing found for a while, and no timer soon: leave the CPU to others. */
static void idle(struct worker *worker)
{
	struct timespec sleep = {.tv_nsec = (long)worker->idle_sleep_ns};

	if (++worker->idle_turns == IDLE_TURNS)
		tx_reap(worker->tx);
	if (worker->idle_turns < IDLE_TURNS || !worker->idle_sleep_ns) {
		rte_pause();
		return;
	}
	if (sip_stage_next_ns(worker->sip) < worker->now_ns + worker->idle_sleep_ns)
		return;
	worker->stats.sleeps++;
	nanosleep(&sleep, NULL);
}

/* A packet is not longer in limen than the turn that received and sent it. */
static void note_delay(struct worker *worker, uint64_t cycles)
{
	__extension__ uint64_t ns =
		(uint64_t)((unsigned __int128)cycles * worker->ns_per_cycle_q32 >> 32);
	unsigned bits = ns ? 64u - (unsigned)__builtin_clzll(ns) : 0;

	worker->stats.delay_pkts[bits < WORKER_DELAYS ? bits : WORKER_DELAYS - 1] +=
		worker->turn_pkts;
	media_set_delay(worker->media, ns);
}

static void account(struct worker *worker, bool found)
{
	uint64_t tsc = rte_rdtsc(), cycles = tsc - worker->turn_tsc;

	if (worker->turn_pkts)
		note_delay(worker, cycles);
	if (found)
		worker->stats.busy_cycles += cycles;
	else
		worker->stats.idle_cycles += cycles;
	worker->turn_tsc = tsc;
	if (load_turn(&worker->load, worker->now_ns, cycles, found, worker->turn_full))
		engine_load(worker->engine, worker->load.permille);
}

int worker_run(void *arg)
{
	struct worker *worker = arg;

	/* Else the kernel lengthens each sleep by 50 us. */
	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	rte_rcu_qsbr_thread_online(worker->conf.quiet, worker->conf.index);
	worker->turn_tsc = rte_rdtsc();
	worker->ns_per_cycle_q32 = (1000000000ull << 32) / rte_get_tsc_hz();
	while (!atomic_load_explicit(&worker->stop, memory_order_relaxed)) {
		uint64_t now_ns = tsc_ns(worker->conf.clock, worker->turn_tsc);
		/* A turn's end is the next one's beginning; a line that was bent meanwhile may lie
		 * a little lower. */
		bool found = worker_turn(worker, now_ns > worker->now_ns ? now_ns : worker->now_ns);

		if (found)
			worker->idle_turns = 0;
		else
			idle(worker);
		account(worker, found);
	}
	rte_rcu_qsbr_thread_offline(worker->conf.quiet, worker->conf.index);
	return 0;
}
