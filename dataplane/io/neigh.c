/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbour state machine: resolve, confirm, age, forget. Main thread only; workers see its
 * results in the table. */
#include "dataplane/io/neigh_state.h"

#include "dataplane/io/neigh_frame.h"

#include <rte_ring.h>
#include <rte_ring_elem.h>

#define BURST 32u

/* --- lists of entries, linked by index --- */

static void list_add(struct neigh *neigh, struct neigh_list *list, uint32_t index)
{
	struct neigh_cold *cold = &neigh->cold[index];

	cold->next = NEIGH_NONE;
	cold->prev = list->tail;
	if (list->tail == NEIGH_NONE)
		list->head = index;
	else
		neigh->cold[list->tail].next = index;
	list->tail = index;
	list->n++;
}

static void list_del(struct neigh *neigh, struct neigh_list *list, uint32_t index)
{
	struct neigh_cold *cold = &neigh->cold[index];

	if (cold->prev == NEIGH_NONE)
		list->head = cold->next;
	else
		neigh->cold[cold->prev].next = cold->next;
	if (cold->next == NEIGH_NONE)
		list->tail = cold->prev;
	else
		neigh->cold[cold->next].prev = cold->prev;
	list->n--;
}

/* --- the shared table --- */

static void set_word(struct neigh *neigh, uint32_t index, uint64_t mac, enum neigh_use use)
{
	struct neigh_entry *entry = &neigh->table->entries[index];
	uint64_t word = atomic_load_explicit(&entry->word, memory_order_relaxed);

	atomic_store_explicit(&entry->word, neigh_word(mac, neigh_word_generation(word), use),
			      memory_order_release);
}

static uint64_t entry_mac(const struct neigh *neigh, uint32_t index)
{
	return atomic_load_explicit(&neigh->table->entries[index].word, memory_order_relaxed) &
	       0xffffffffffffull;
}

static void link_entry(struct neigh *neigh, uint32_t index)
{
	struct neigh_entry *entry = &neigh->table->entries[index];
	_Atomic uint32_t *bucket = &neigh->table->buckets[neigh_bucket(neigh->table, entry->realm,
								       entry->family, &entry->ip)];

	atomic_store_explicit(&entry->next, atomic_load_explicit(bucket, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(bucket, index + 1, memory_order_release);
}

static void unlink_entry(struct neigh *neigh, uint32_t index)
{
	struct neigh_entry *entry = &neigh->table->entries[index];
	_Atomic uint32_t *at = &neigh->table->buckets[neigh_bucket(neigh->table, entry->realm,
								   entry->family, &entry->ip)];
	uint64_t word = atomic_load_explicit(&entry->word, memory_order_relaxed);

	while (atomic_load_explicit(at, memory_order_relaxed) != index + 1)
		at = &neigh->table->entries[atomic_load_explicit(at, memory_order_relaxed) - 1]
			      .next;
	/* The entry's own link stays: a worker that stands on it walks on. */
	atomic_store_explicit(at, atomic_load_explicit(&entry->next, memory_order_relaxed),
			      memory_order_release);
	/* A new generation: every flow that remembers this entry looks it up again. */
	atomic_store_explicit(
		&entry->word,
		neigh_word(0, (neigh_word_generation(word) + 1) & NEIGH_GENERATIONS, NEIGH_FREE),
		memory_order_release);
}

/* --- states --- */

static bool state_awaits(uint8_t state)
{
	return state == STATE_INCOMPLETE || state == STATE_PROBE || state == STATE_VERIFY;
}

static bool state_is_pending(uint8_t state)
{
	return state == STATE_INCOMPLETE || state == STATE_FAILED;
}

static void set_state(struct neigh *neigh, uint32_t index, enum neigh_state state, uint64_t now_ns)
{
	struct neigh_cold *cold = &neigh->cold[index];

	if (state_awaits(cold->state) && !state_awaits(state))
		list_del(neigh, &neigh->awaited, index);
	else if (!state_awaits(cold->state) && state_awaits(state))
		list_add(neigh, &neigh->awaited, index);
	neigh->pending -= state_is_pending(cold->state);
	neigh->pending += state_is_pending(state);
	cold->state = state;
	cold->tries = 0;
	cold->confirmed_ns = now_ns;
}

void neigh_drop_parked(struct neigh *neigh, uint32_t index, enum drop_reason reason)
{
	struct neigh_cold *cold = &neigh->cold[index];

	while (cold->head) {
		struct rte_mbuf *m = cold->head;

		cold->head = ((struct neigh_parked *)rte_mbuf_to_priv(m))->next;
		pkt_drop(neigh->conf.drops, m, reason);
	}
	cold->tail = NULL;
	neigh->parked -= cold->parked;
	cold->parked = 0;
}

static void hand_to_worker(struct neigh *neigh, unsigned worker, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(neigh->workers[worker].frames, m) != 0)
		pkt_drop(neigh->conf.drops, m, DROP_MAIN_FULL);
}

void neigh_send(struct neigh *neigh, struct rte_mbuf *m, uint8_t port)
{
	m->port = port;
	hand_to_worker(neigh, 0, m);
}

/* A parked packet becomes a frame: its destination MAC is all that was missing. */
static void complete_frame(struct neigh *neigh, struct rte_mbuf *m, unsigned worker, uint64_t mac)
{
	neigh_mac_store(rte_pktmbuf_mtod(m, uint8_t *), mac);
	hand_to_worker(neigh, worker, m);
}

static void send_parked(struct neigh *neigh, uint32_t index, uint64_t mac)
{
	struct neigh_cold *cold = &neigh->cold[index];

	while (cold->head) {
		struct rte_mbuf *m = cold->head;
		struct neigh_parked *parked = rte_mbuf_to_priv(m);

		cold->head = parked->next;
		complete_frame(neigh, m, parked->worker, mac);
	}
	cold->tail = NULL;
	neigh->parked -= cold->parked;
	cold->parked = 0;
}

static void send_question(struct neigh *neigh, uint32_t index, uint64_t now_ns)
{
	const struct neigh_entry *entry = &neigh->table->entries[index];
	const struct realm *realm = &neigh->conf.realms->realm[entry->realm];
	struct neigh_cold *cold = &neigh->cold[index];
	struct rte_mbuf *m = rte_pktmbuf_alloc(neigh->conf.pool);
	bool unicast = cold->state == STATE_PROBE;
	uint8_t mac[6];

	cold->tries++;
	cold->due_ns = now_ns + NEIGH_RETRANS_NS;
	if (!m) {
		drop_count(neigh->conf.drops, DROP_NO_MBUF);
		return;
	}
	neigh_mac_store(mac, entry_mac(neigh, index));
	neigh_frame_solicit(m, neigh->conf.ports[realm->port].mac,
			    realm_addr_of(realm, entry->family), entry->family, &entry->ip,
			    unicast ? mac : NULL);
	if (unicast)
		neigh->stats.probes++;
	else
		neigh->stats.solicits++;
	neigh_send(neigh, m, realm->port);
}

static void start_asking(struct neigh *neigh, uint32_t index, enum neigh_state state,
			 uint64_t now_ns)
{
	set_state(neigh, index, state, now_ns);
	send_question(neigh, index, now_ns);
}

static void give_up(struct neigh *neigh, uint32_t index, uint64_t now_ns)
{
	neigh->stats.failed++;
	set_word(neigh, index, 0, NEIGH_UNREACHABLE);
	set_state(neigh, index, STATE_FAILED, now_ns);
	neigh_drop_parked(neigh, index, DROP_NEIGH_FAILED);
	/* Only what meets it from now on is a reason to ask again. */
	atomic_store_explicit(&neigh->table->entries[index].used, 0, memory_order_relaxed);
}

static void learn(struct neigh *neigh, uint32_t index, uint64_t mac, enum neigh_state state,
		  uint64_t now_ns)
{
	uint8_t old = neigh->cold[index].state;

	if (state_is_pending(old))
		neigh->stats.resolved++;
	else if (mac != entry_mac(neigh, index))
		neigh->stats.moved++;
	set_word(neigh, index, mac, NEIGH_SEND);
	set_state(neigh, index, state, now_ns);
	send_parked(neigh, index, mac);
}

/* --- entries come and go --- */

static int32_t new_entry(struct neigh *neigh, uint8_t realm, uint8_t family,
			 const struct net_addr *ip, uint64_t now_ns)
{
	struct neigh_entry *entry;
	uint32_t index;

	if (neigh->pending >= NEIGH_PENDING_MAX)
		return -1;
	if (neigh->free.n) {
		index = neigh->free.head;
		list_del(neigh, &neigh->free, index);
	} else if (neigh->bound < NEIGH_MAX) {
		index = neigh->bound++;
	} else {
		return -1;
	}
	entry = &neigh->table->entries[index];
	entry->realm = realm;
	entry->family = family;
	entry->ip = *ip;
	neigh->cold[index] = (struct neigh_cold){.state = STATE_FREE, .used_ns = now_ns};
	set_word(neigh, index, 0, NEIGH_WAIT);
	link_entry(neigh, index);
	return (int32_t)index;
}

static void forget(struct neigh *neigh, uint32_t index, uint64_t now_ns)
{
	neigh_drop_parked(neigh, index, DROP_NEIGH_FAILED);
	set_state(neigh, index, STATE_LIMBO, now_ns);
	unlink_entry(neigh, index);
	neigh->cold[index].token = rte_rcu_qsbr_start(neigh->conf.quiet);
	list_add(neigh, &neigh->limbo, index);
}

static void empty_limbo(struct neigh *neigh)
{
	while (neigh->limbo.n) {
		uint32_t index = neigh->limbo.head;

		if (!rte_rcu_qsbr_check(neigh->conf.quiet, neigh->cold[index].token, false))
			return;
		list_del(neigh, &neigh->limbo, index);
		neigh->cold[index].state = STATE_FREE;
		list_add(neigh, &neigh->free, index);
	}
}

/* --- packets that wait --- */

static void park(struct neigh *neigh, uint32_t index, struct rte_mbuf *m, unsigned worker)
{
	struct neigh_cold *cold = &neigh->cold[index];
	struct neigh_parked *parked = rte_mbuf_to_priv(m);

	if (cold->parked >= NEIGH_PARK_EACH || neigh->parked >= neigh->conf.park_max) {
		pkt_drop(neigh->conf.drops, m, DROP_NEIGH_FULL);
		return;
	}
	*parked = (struct neigh_parked){.worker = worker};
	if (cold->tail)
		((struct neigh_parked *)rte_mbuf_to_priv(cold->tail))->next = m;
	else
		cold->head = m;
	cold->tail = m;
	cold->parked++;
	neigh->parked++;
}

static void take_ask(struct neigh *neigh, struct rte_mbuf *m, unsigned worker, uint64_t now_ns)
{
	const struct pkt *pkt = pkt_of(m);
	uint8_t realm = pkt->realm, family = pkt->family;
	struct net_addr ip = pkt->dst;
	int32_t index = neigh_table_find(neigh->table, realm, family, &ip);

	if (index < 0) {
		index = new_entry(neigh, realm, family, &ip, now_ns);
		if (index < 0) {
			pkt_drop(neigh->conf.drops, m, DROP_NEIGH_FULL);
			return;
		}
		start_asking(neigh, (uint32_t)index, STATE_INCOMPLETE, now_ns);
	}
	switch (neigh->cold[index].state) {
	case STATE_INCOMPLETE:
		park(neigh, (uint32_t)index, m, worker);
		break;
	case STATE_FAILED:
		pkt_drop(neigh->conf.drops, m, DROP_NEIGH_FAILED);
		break;
	default: /* resolved while the packet was on its way here */
		complete_frame(neigh, m, worker, entry_mac(neigh, (uint32_t)index));
		break;
	}
}

void neigh_forward(struct neigh *neigh, struct rte_mbuf *m, uint64_t now_ns)
{
	const struct pkt *pkt = pkt_of(m);
	int32_t index = neigh_table_find(neigh->table, pkt->realm, pkt->family, &pkt->dst);

	if (index >= 0)
		atomic_store_explicit(&neigh->table->entries[index].used, 1, memory_order_relaxed);
	take_ask(neigh, m, 0, now_ns);
}

/* --- what was heard --- */

static void take_answer(struct neigh *neigh, uint32_t index, const struct neigh_heard *heard,
			uint64_t now_ns)
{
	uint64_t known = entry_mac(neigh, index),
		 mac = heard->has_mac ? neigh_mac_load(heard->mac) : known;

	switch (neigh->cold[index].state) {
	case STATE_INCOMPLETE:
		/* An advertisement without a MAC says nothing here (RFC 4861 section 7.2.5). */
		if (heard->has_mac)
			learn(neigh, index, mac, STATE_REACHABLE, now_ns);
		break;
	case STATE_FAILED:
		/* It is back. Nobody asked, so it is confirmed when used. */
		if (heard->has_mac)
			learn(neigh, index, mac, STATE_STALE, now_ns);
		break;
	case STATE_PROBE:
	case STATE_VERIFY:
		if (mac == known || !heard->keep)
			learn(neigh, index, mac, STATE_REACHABLE, now_ns);
		break;
	case STATE_REACHABLE:
	case STATE_STALE:
		/* Nobody asked. Another MAC is not believed, but a reason to ask everybody. */
		if (mac != known && !heard->keep)
			start_asking(neigh, index, STATE_VERIFY, now_ns);
		break;
	default:
		break;
	}
}

static void take_heard(struct neigh *neigh, const struct neigh_heard *heard, uint64_t now_ns)
{
	int32_t index;

	if (heard->kind == NEIGH_HEARD_CONFLICT) {
		neigh->stats.conflicts++;
		if (neigh->nconflicts < NEIGH_CONFLICTS)
			neigh->conflicts[neigh->nconflicts++] = *heard;
		return;
	}
	index = neigh_table_find(neigh->table, heard->realm, heard->family, &heard->ip);
	if (index < 0) {
		neigh->stats.unasked++;
		return;
	}
	if (heard->kind == NEIGH_HEARD_ANSWER) {
		take_answer(neigh, (uint32_t)index, heard, now_ns);
		return;
	}
	/* It asked for us and so told its own MAC: good enough to begin with, and confirmed when
	 * used (section 7.2.3). */
	if (!heard->has_mac)
		return;
	if (state_is_pending(neigh->cold[index].state))
		learn(neigh, (uint32_t)index, neigh_mac_load(heard->mac), STATE_STALE, now_ns);
	else if (neigh_mac_load(heard->mac) != entry_mac(neigh, (uint32_t)index) &&
		 !state_awaits(neigh->cold[index].state))
		start_asking(neigh, (uint32_t)index, STATE_VERIFY, now_ns);
}

/* --- time --- */

static void run_awaited(struct neigh *neigh, uint64_t now_ns)
{
	uint32_t next;

	for (uint32_t index = neigh->awaited.head; index != NEIGH_NONE; index = next) {
		struct neigh_cold *cold = &neigh->cold[index];

		next = cold->next;
		if (cold->due_ns > now_ns)
			continue;
		if (cold->tries < NEIGH_TRIES) {
			send_question(neigh, index, now_ns);
		} else if (cold->state == STATE_INCOMPLETE) {
			give_up(neigh, index, now_ns);
		} else {
			/* The MAC we have does not answer: ask everybody, and let packets wait. */
			set_word(neigh, index, 0, NEIGH_WAIT);
			start_asking(neigh, index, STATE_INCOMPLETE, now_ns);
		}
	}
}

static void age_entry(struct neigh *neigh, uint32_t index, uint64_t now_ns)
{
	struct neigh_cold *cold = &neigh->cold[index];
	_Atomic uint8_t *mark = &neigh->table->entries[index].used;
	bool used;

	if (cold->state == STATE_FREE || cold->state == STATE_LIMBO || state_awaits(cold->state))
		return;
	used = atomic_load_explicit(mark, memory_order_relaxed);
	if (used) {
		cold->used_ns = now_ns;
		atomic_store_explicit(mark, 0, memory_order_relaxed);
	}
	switch (cold->state) {
	case STATE_REACHABLE:
		if (now_ns - cold->confirmed_ns >= NEIGH_REACHABLE_NS)
			set_state(neigh, index, used ? STATE_PROBE : STATE_STALE, now_ns);
		break;
	case STATE_STALE:
		if (used)
			set_state(neigh, index, STATE_PROBE, now_ns);
		else if (now_ns - cold->used_ns >= NEIGH_UNUSED_NS)
			forget(neigh, index, now_ns);
		break;
	case STATE_FAILED:
		if (cold->used_ns > cold->confirmed_ns &&
		    now_ns - cold->confirmed_ns >= NEIGH_FAILED_NS) {
			set_word(neigh, index, 0, NEIGH_WAIT);
			start_asking(neigh, index, STATE_INCOMPLETE, now_ns);
		} else if (now_ns - cold->used_ns >= NEIGH_GONE_NS) {
			forget(neigh, index, now_ns);
		}
		break;
	default:
		break;
	}
	if (cold->state == STATE_PROBE)
		send_question(neigh, index, now_ns);
}

/* The whole table once a second, in ten pieces. */
static void age(struct neigh *neigh, uint64_t now_ns)
{
	uint32_t piece = neigh->bound / 10 + 1;

	if (now_ns - neigh->scan_ns < NEIGH_RETRANS_NS / 10)
		return;
	neigh->scan_ns = now_ns;
	for (uint32_t i = 0; i < piece && neigh->bound; i++) {
		neigh->scan = neigh->scan + 1 < neigh->bound ? neigh->scan + 1 : 0;
		age_entry(neigh, neigh->scan, now_ns);
	}
}

bool neigh_turn(struct neigh *neigh, uint64_t now_ns)
{
	bool busy = false;

	for (unsigned w = 0; w < neigh->conf.nworkers; w++) {
		struct neigh_heard heard[BURST];
		struct rte_mbuf *asks[BURST];
		unsigned n;

		/* First what was heard: it may be what the packets wait for. */
		n = rte_ring_sc_dequeue_burst_elem(neigh->workers[w].heard, heard, sizeof(heard[0]),
						   BURST, NULL);
		for (unsigned i = 0; i < n; i++)
			take_heard(neigh, &heard[i], now_ns);
		busy |= n != 0;
		n = rte_ring_sc_dequeue_burst(neigh->workers[w].asks, (void **)asks, BURST, NULL);
		for (unsigned i = 0; i < n; i++)
			take_ask(neigh, asks[i], w, now_ns);
		busy |= n != 0;
	}
	run_awaited(neigh, now_ns);
	age(neigh, now_ns);
	empty_limbo(neigh);
	return busy;
}
