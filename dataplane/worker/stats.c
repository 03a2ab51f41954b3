/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of counters. Main thread; the only place that allocates while running, and only for whoever
 * asks. */
#include "dataplane/worker/stats.h"

#include "common/priv/privileges.h"
#include "dataplane/io/kernel_socket.h"
#include "dataplane/sip/counts.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdlib.h>

static void add(struct stats *stats, const char *group, const char *object, const char *name,
		uint64_t value)
{
	struct stat_row *row;

	if (stats->n == stats->room) {
		unsigned room = stats->room ? 2 * stats->room : 512;
		struct stat_row *rows = realloc(stats->rows, room * sizeof(*rows));

		if (!rows) {
			stats->is_cut = true;
			return;
		}
		stats->rows = rows;
		stats->room = room;
	}
	row = &stats->rows[stats->n++];
	*row = (struct stat_row){.group = group, .name = name, .value = value};
	snprintf(row->object, sizeof(row->object), "%s", object);
}

/* Written by a worker while we read: one load, whole. */
static uint64_t peek(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void add_drops(struct stats *stats, const struct stats_source *source)
{
	for (unsigned reason = 0; reason < DROP_REASONS_END; reason++) {
		uint64_t sum = peek(&source->main_drops->count[reason]);

		for (unsigned w = 0; w < source->nworkers; w++)
			sum += peek(&source->workers[w]->drops.count[reason]);
		add(stats, "drops", drop_name((enum drop_reason)reason), "pkts", sum);
	}
}

/* What limen received and sent by its own count, and what the driver says was lost before or
 * behind. */
static void add_ports(struct stats *stats, const struct stats_source *source)
{
	for (unsigned i = 0; i < source->ports->n; i++) {
		const struct port *port = &source->ports->port[i];
		uint64_t rx_pkts = 0, rx_bytes = 0, tx_pkts = 0, tx_bytes = 0, queued = 0;
		struct rte_eth_stats driver = {0};
		struct rte_eth_link link = {0};

		for (unsigned w = 0; w < source->nworkers; w++) {
			const struct worker *worker = source->workers[w];
			struct tx_count sent = tx_count(worker->tx, i);

			rx_pkts += peek(&worker->rx.count[i].pkts);
			rx_bytes += peek(&worker->rx.count[i].bytes);
			tx_pkts += sent.pkts;
			tx_bytes += sent.bytes;
			queued += tx_queued(worker->tx, i);
		}
		(void)rte_eth_stats_get(port->id, &driver);
		(void)rte_eth_link_get_nowait(port->id, &link);
		add(stats, "port", port->name, "rx_pkts", rx_pkts);
		add(stats, "port", port->name, "rx_bytes", rx_bytes);
		add(stats, "port", port->name, "tx_pkts", tx_pkts);
		add(stats, "port", port->name, "tx_bytes", tx_bytes);
		add(stats, "port", port->name, "tx_queued", queued);
		add(stats, "port", port->name, "rx_missed",
		    driver.imissed + kernel_sockets_missed(i));
		add(stats, "port", port->name, "rx_errors", driver.ierrors);
		add(stats, "port", port->name, "rx_no_mbuf", driver.rx_nombuf);
		add(stats, "port", port->name, "tx_errors", driver.oerrors);
		add(stats, "port", port->name, "link_up", link.link_status);
		add(stats, "port", port->name, "queues", port->nrxq);
		add(stats, "port", port->name, "mtu", port->mtu);
	}
}

/* Packets by how long limen had them, from the turn that received them on: as far as there are any.
 * A bucket ends where its name says, and begins at half of that. */
static void add_delays(struct stats *stats, const char *object, const struct worker_stats *s)
{
	static const char *const names[WORKER_DELAYS] = {
		"le_0ns",     "le_1ns",	    "le_3ns",	   "le_7ns",	 "le_15ns",    "le_31ns",
		"le_63ns",    "le_127ns",   "le_255ns",	   "le_511ns",	 "le_1us",     "le_2us",
		"le_4us",     "le_8us",	    "le_16us",	   "le_33us",	 "le_66us",    "le_131us",
		"le_262us",   "le_524us",   "le_1049us",   "le_2097us",	 "le_4194us",  "le_8389us",
		"le_17ms",    "le_34ms",    "le_67ms",	   "le_134ms",	 "le_268ms",   "le_537ms",
		"le_1074ms",  "more",
	};

	for (unsigned i = 0; i < WORKER_DELAYS; i++) {
		uint64_t pkts = peek(&s->delay_pkts[i]);

		if (pkts)
			add(stats, "delay", object, names[i], pkts);
	}
}

static void add_workers(struct stats *stats, const struct stats_source *source)
{
	for (unsigned w = 0; w < source->nworkers; w++) {
		const struct worker *worker = source->workers[w];
		const struct worker_stats *s = &worker->stats;
		struct engine_stats engine;
		char object[24];

		engine_stats(worker->engine, &engine);
		snprintf(object, sizeof(object), "%u", w);
		add(stats, "worker", object, "cpu", worker->conf.conf->machine.workers[w]);
		add(stats, "worker", object, "turns", peek(&s->turns));
		add(stats, "worker", object, "pkts", peek(&s->pkts));
		add(stats, "worker", object, "sent_pkts", peek(&s->sent_pkts));
		add(stats, "worker", object, "busy_cycles", peek(&s->busy_cycles));
		add(stats, "worker", object, "idle_cycles", peek(&s->idle_cycles));
		add(stats, "worker", object, "sleeps", peek(&s->sleeps));
		add_delays(stats, object, s);
		add(stats, "worker", object, "busy_permille", engine.busy_permille);
		add(stats, "worker", object, "admit_permille", engine.admit_permille);
		add(stats, "worker", object, "handoff_sent",
		    worker->handoff ? peek(&worker->handoff->sent) : 0);
		add(stats, "worker", object, "handoff_taken",
		    worker->handoff ? peek(&worker->handoff->taken) : 0);
		add(stats, "worker", object, "arp_answered", peek(&worker->local.arp_answered));
		add(stats, "worker", object, "nd_answered", peek(&worker->local.nd_answered));
		add(stats, "worker", object, "echo_answered", peek(&worker->local.echo_answered));
	}
}

/* All workers' arenas are laid out alike: sums by slab. */
static void add_slabs(struct stats *stats, const struct stats_source *source)
{
	const struct worker *first = source->workers[0];

	for (unsigned i = 0; i < first->nslabs; i++) {
		uint64_t used = 0, peak = 0, capacity = 0;

		for (unsigned w = 0; w < source->nworkers; w++) {
			const struct slab *slab = &source->workers[w]->arena.slabs[i];

			used += slab_used(slab);
			peak += slab_peak(slab);
			capacity += slab->capacity;
		}
		add(stats, "slab", first->slab_defs[i].name, "used", used);
		add(stats, "slab", first->slab_defs[i].name, "peak", peak);
		add(stats, "slab", first->slab_defs[i].name, "capacity", capacity);
	}
}

static void add_pool(struct stats *stats, struct rte_mempool *pool)
{
	add(stats, "pool", pool->name, "used", rte_mempool_in_use_count(pool));
	add(stats, "pool", pool->name, "size", pool->size);
}

static void add_rings(struct stats *stats, const struct stats_source *source)
{
	uint64_t handoff = 0, asks = 0, heard = 0, frames = 0, fragments = 0, punt = 0;

	for (unsigned w = 0; w < source->nworkers; w++) {
		const struct neigh_worker *neigh = neigh_worker(source->neigh, w);

		for (unsigned to = 0; to < source->nworkers; to++)
			if (source->mesh->rings[w][to])
				handoff += rte_ring_count(source->mesh->rings[w][to]);
		asks += rte_ring_count(neigh->asks);
		heard += rte_ring_count(neigh->heard);
		frames += rte_ring_count(neigh->frames);
		if (source->workers[w]->punt.to_main)
			punt += rte_ring_count(source->workers[w]->punt.to_main);
		fragments += reassembly_held(source->workers[w]->reassembly);
	}
	add(stats, "ring", "handoff", "used", handoff);
	add(stats, "ring", "neigh_asks", "used", asks);
	add(stats, "ring", "neigh_heard", "used", heard);
	add(stats, "ring", "neigh_frames", "used", frames);
	add(stats, "ring", "reassembly", "used", fragments);
	add(stats, "ring", "punt", "used", punt);
}

static void add_neigh(struct stats *stats, struct neigh *neigh)
{
	struct neigh_stats s;

	neigh_stats(neigh, &s);
#define X(name) add(stats, "neigh", "", #name, s.name);
	NEIGH_COUNTERS(X)
#undef X
	add(stats, "neigh", "", "incomplete", s.incomplete);
	add(stats, "neigh", "", "reachable", s.reachable);
	add(stats, "neigh", "", "stale", s.stale);
	add(stats, "neigh", "", "probing", s.probing);
	add(stats, "neigh", "", "unreachable", s.unreachable);
	add(stats, "neigh", "", "parked", s.parked);
}

/* clang-format off */
#define SIP_COUNTERS(X)                                                                            \
	X(requests_in) X(responses_in) X(requests_out) X(responses_out) X(retransmits_in)          \
	X(retransmits_out) X(calls_started) X(calls_answered) X(calls_ended) X(calls_refused)      \
	X(asks) X(verdicts) X(verdicts_stale) X(txn_timeouts) X(reports_blocked) X(actions_lost)   \
	X(sends_failed) X(challenges_asked) X(challenges_answered) X(challenges_unanswered)        \
	X(overloads) X(ports_exhausted) X(records_lost) X(redirects_followed) X(redirects_passed)  \
	X(probes) X(probes_refused) X(overload_refused) X(emergencies_admitted) X(transfers)       \
	X(owner_sent) X(owner_taken) X(owner_bad)                                                  \
	X(standalone) X(standalone_failed) X(challenges_dropped) X(answers_lost)                   \
	X(codecs_emptied) X(codecs_refused)                                                        \
	X(srtp_refused) X(dtls_refused) X(srtp_answers_refused)                                     \
	X(limits_refused) X(limits_no_room) X(tables) X(tables_bad) X(sources_set)                 \
	X(sources_unset) X(sources_full) X(requests_unknown) X(requests_known) X(agents)           \
	X(suspects)                                                                                \
	X(stun_answered) X(subscriptions) X(subscriptions_expired)                                 \
	X(calls) X(legs) X(txns) X(records_unacked) X(timers)

#define MEDIA_COUNTERS(X)                                                                          \
	X(opened) X(closed) X(no_ports) X(no_memory) X(learned) X(learn_expired) X(pairs)          \
	X(ports_free)
/* clang-format on */

static void add_sip(struct stats *stats, const struct stats_source *source)
{
	struct {
#define X(name) uint64_t name;
		SIP_COUNTERS(X)
#undef X
	} sum = {0};

	for (unsigned w = 0; w < source->nworkers; w++) {
		struct engine_stats s;

		engine_stats(source->workers[w]->engine, &s);
#define X(name) sum.name += s.name;
		SIP_COUNTERS(X)
#undef X
	}
#define X(name) add(stats, "sip", "", #name, sum.name);
	SIP_COUNTERS(X)
#undef X
}

/* What each trunk has of its limits, of those that had anything of late or were ever refused. */
static void add_limits(struct stats *stats, struct counts *counts)
{
	static const char *const refused[COUNTS_REFUSED_END] = {
#define X(name) "refused_" #name,
		COUNTS_REFUSED(X)
#undef X
	};

	for (uint32_t n = 1; counts && n <= counts_trunks(counts); n++) {
		struct counts_trunk *trunk = counts_trunk(counts, n);

		if (trunk == NULL || !atomic_load(&trunk->is_named))
			continue;
		add(stats, "limits", trunk->name, "calls_in", counts_calls(trunk, COUNTS_IN));
		add(stats, "limits", trunk->name, "calls_out", counts_calls(trunk, COUNTS_OUT));
		add(stats, "limits", trunk->name, "subscriptions",
		    atomic_load(&trunk->subscriptions));
		for (unsigned i = 0; i < COUNTS_REFUSED_END; i++)
			add(stats, "limits", trunk->name, refused[i],
			    atomic_load(&trunk->refused[i]));
	}
}

static void add_media(struct stats *stats, const struct stats_source *source)
{
	struct {
#define X(name) uint64_t name;
		MEDIA_COUNTERS(X)
#undef X
	} sum = {0};

	for (unsigned w = 0; w < source->nworkers; w++) {
		struct media_stats s;

		media_stats(source->workers[w]->media, &s);
#define X(name) sum.name += s.name;
		MEDIA_COUNTERS(X)
#undef X
	}
#define X(name) add(stats, "media", "", #name, sum.name);
	MEDIA_COUNTERS(X)
#undef X
}

static void add_link(struct stats *stats, struct link *link)
{
	struct link_stats s;

	link_stats(link, &s);
	add(stats, "link", "", "sent", s.sent);
	add(stats, "link", "", "received", s.received);
	add(stats, "link", "", "rejected", s.rejected);
	add(stats, "link", "", "full", s.full);
	add(stats, "link", "", "connects", s.connects);
	add(stats, "link", "", "refused", s.refused);
	add(stats, "link", "", "resets", s.resets);
}

static void add_kernel(struct stats *stats, const struct stats_source *source)
{
	const struct realms *realms = source->workers[0]->conf.realms;

	for (unsigned i = 0; i < realms->n; i++) {
		struct kernel_stats s;

		if (!kernel_stats(source->kernel, i, &s))
			continue;
		add(stats, "kernel", realms->realm[i].name, "to_kernel_pkts", s.to_kernel_pkts);
		add(stats, "kernel", realms->realm[i].name, "from_kernel_pkts", s.from_kernel_pkts);
		add(stats, "kernel", realms->realm[i].name, "ignored_pkts", s.ignored_pkts);
	}
}

static void add_privileges(struct stats *stats, const struct privileges_state *left)
{
	if (!left)
		return;
	add(stats, "privileges", "", "uid", left->uid);
	add(stats, "privileges", "", "capabilities", left->capabilities);
	add(stats, "privileges", "", "no_new_privs", left->no_new_privs);
	add(stats, "privileges", "", "seccomp", left->seccomp);
}

int stats_collect(struct stats *stats, const struct stats_source *source)
{
	stats->n = 0;
	stats->is_cut = false;
	add_drops(stats, source);
	add_ports(stats, source);
	add_workers(stats, source);
	add_slabs(stats, source);
	for (unsigned w = 0; w < source->nworkers; w++)
		add_pool(stats, source->pools[w]);
	add_pool(stats, source->main_pool);
	add_rings(stats, source);
	add_neigh(stats, source->neigh);
	add_sip(stats, source);
	add_media(stats, source);
	add_limits(stats, source->counts);
	add_link(stats, source->link);
	add_kernel(stats, source);
	add_privileges(stats, source->privileges);
	return stats->is_cut ? -ENOMEM : 0;
}

void stats_fini(struct stats *stats)
{
	free(stats->rows);
	*stats = (struct stats){.rows = NULL};
}

void stats_answer_ask(struct stats_answer *answer, const struct ipc_list_ask *ask,
		      const struct stats_source *source)
{
	unsigned n;

	/* Rows that there is no memory for are missing; the rest is told. */
	(void)stats_collect(&answer->stats, source);
	n = answer->stats.n;
	answer->list_id = ask->list_id;
	answer->sent = 0;
	answer->at = ask->cursor < n ? (unsigned)ask->cursor : n;
	answer->end = n - answer->at > ask->max ? answer->at + ask->max : n;
	answer->is_open = true;
}

static int send_row(struct link *link, uint32_t list_id, const struct stat_row *row)
{
	struct ipc_stat_row head = {
		.list_id = list_id,
		.group_len = (uint8_t)strlen(row->group),
		.object_len = (uint8_t)strlen(row->object),
		.name_len = (uint8_t)strlen(row->name),
		.value = row->value,
	};
	struct span parts[] = {
		span_of(&head, sizeof(head)),
		span_str(row->group),
		span_str(row->object),
		span_str(row->name),
	};

	return link_main_send(link, IPC_STAT_ROW, parts, 4);
}

bool stats_answer_turn(struct stats_answer *answer, struct link *link)
{
	struct ipc_list_end end;
	struct span part = span_of(&end, sizeof(end));
	int err = 0;

	if (!answer->is_open)
		return false;
	while (answer->at < answer->end && !err) {
		err = send_row(link, answer->list_id, &answer->stats.rows[answer->at]);
		answer->at += !err;
		answer->sent += !err;
	}
	if (!err) {
		end = (struct ipc_list_end){
			.list_id = answer->list_id,
			.rows = answer->sent,
			.cursor = answer->at < answer->stats.n ? answer->at : 0,
		};
		err = link_main_send(link, IPC_STATS_END, &part, 1);
	}
	/* A full ring is tried again next turn; whoever asked and went needs no answer. */
	answer->is_open = err == -EAGAIN;
	return answer->is_open;
}
