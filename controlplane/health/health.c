/* SPDX-License-Identifier: BSD-3-Clause */
/* Which peers of which trunks answer. Watched peers lie in one array, a trunk's side by side; a
 * heap has them by the time of their next probe. limen-controlplane, loop thread. */
#include "controlplane/health/health.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "controlplane/core/heap.h"

/* A worker gives a probe up after timer F, 32 s, and says so. Later it has forgotten it. */
#define PROBE_LOST_NS (40 * CLOCK_NS_PER_S)

_Static_assert(PEER_SET_MAX <= 8, "a byte has a bit for each peer of a trunk");

struct watched {
	struct health_peer peer;
	uint8_t good, bad; /* in a row */
	uint32_t serial;   /* of the probe that is out; 0: none is */
	uint64_t due_ns;
	uint64_t sent_ns;
};

struct health {
	const struct conf *conf;
	struct watched *watched;
	uint32_t n;
	uint32_t *first; /* by trunk: number of its first watched peer plus 1; 0: not probed */
	uint8_t *npeers; /* by trunk: how many follow it */
	struct heap due;
	uint32_t last_serial;
	unsigned turn;
	struct health_stats stats;
};

struct health *health_new(void)
{
	return calloc(1, sizeof(struct health));
}

static void drop_tables(struct health *health)
{
	free(health->watched);
	free(health->first);
	free(health->npeers);
	heap_free(&health->due);
}

void health_free(struct health *health)
{
	if (!health)
		return;
	drop_tables(health);
	free(health);
}

static uint64_t interval_ns(const struct health *health, const struct watched *watched)
{
	return health->conf->trunks[watched->peer.trunk].options_interval_s * CLOCK_NS_PER_S;
}

/* Watched peers of the config before, found by trunk name and endpoint. */
struct memory {
	const struct health *was;
	uint32_t *slots; /* number plus 1 */
	uint32_t mask;
};

static uint32_t slot_of(const struct memory *memory, const struct conf_trunk *trunk,
			const struct net_endpoint *peer, uint8_t transport)
{
	uint64_t seed = hash_fast(transport, span_of(peer, sizeof(*peer)));
	uint32_t at = (uint32_t)hash_fast(seed, span_str(trunk->name));

	for (at &= memory->mask; memory->slots[at]; at = (at + 1) & memory->mask) {
		const struct health_peer *old = &memory->was->watched[memory->slots[at] - 1].peer;
		const struct conf_trunk *old_trunk = &memory->was->conf->trunks[old->trunk];

		if (strcmp(old_trunk->name, trunk->name) == 0 &&
		    old->transport == transport && net_endpoint_eq(&old->addr, peer))
			break;
	}
	return at;
}

static int memory_open(struct memory *memory, const struct health *was)
{
	memory->was = was;
	memory->mask = 1;
	while (memory->mask < was->n * 2)
		memory->mask = memory->mask * 2 + 1;
	memory->slots = calloc((size_t)memory->mask + 1, sizeof(*memory->slots));
	if (!memory->slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < was->n; i++) {
		const struct health_peer *peer = &was->watched[i].peer;
		const struct conf_trunk *trunk = &was->conf->trunks[peer->trunk];

		memory->slots[slot_of(memory, trunk, &peer->addr, peer->transport)] = i + 1;
	}
	return 0;
}

/* When a peer is first asked: those that begin together must not be asked together for ever. */
static uint64_t first_due(const struct health *health, uint32_t number, uint64_t now_ns,
			  uint64_t spread)
{
	uint64_t random = hash_mix(spread + number, UINT64_C(0x9e3779b97f4a7c15));

	return now_ns + random % interval_ns(health, &health->watched[number]);
}

static int set_due(struct health *health, uint32_t number, uint64_t due_ns)
{
	health->watched[number].due_ns = due_ns;
	return heap_set(&health->due, number, due_ns);
}

/* Peers that are known keep their turn: names that change often must not keep others from being
 * asked. */
static int watch(struct health *now, const struct memory *memory, unsigned trunk,
		 const struct peer_set *set, unsigned peer, uint64_t now_ns, uint64_t spread)
{
	const struct conf_trunk *conf = &now->conf->trunks[trunk];
	uint32_t number = now->n++;
	uint32_t old = memory->slots[slot_of(memory, conf, &set->list[peer].addr,
					     set->list[peer].transport)];
	uint64_t due_ns;
	struct watched *watched = &now->watched[number];

	if (old)
		*watched = memory->was->watched[old - 1];
	else
		watched->peer = (struct health_peer){.state = HEALTH_UNKNOWN,
						     .since_ns = clock_real_ns()};
	watched->serial = 0; /* numbers changed: what is out would hit another peer */
	watched->peer.trunk = trunk;
	watched->peer.peer = peer;
	watched->peer.addr = set->list[peer].addr;
	watched->peer.transport = set->list[peer].transport;
	due_ns = first_due(now, number, now_ns, spread);
	if (old && watched->due_ns > now_ns && watched->due_ns < due_ns)
		due_ns = watched->due_ns;
	return set_due(now, number, due_ns);
}

int health_configure(struct health *health, const struct conf *conf,
		     const struct peer_sets *sets, uint64_t now_ns, uint64_t spread)
{
	struct health now = *health;
	struct memory memory;
	size_t room = 1;
	int err = memory_open(&memory, health);

	now.conf = conf;
	now.n = 0;
	now.due = (struct heap){0};
	for (unsigned t = 0; t < conf->ntrunks; t++)
		room += conf->trunks[t].options_interval_s ? PEER_SET_MAX : 0;
	now.watched = calloc(room, sizeof(*now.watched));
	now.first = calloc(conf->ntrunks + 1, sizeof(*now.first));
	now.npeers = calloc(conf->ntrunks + 1, sizeof(*now.npeers));
	if (!now.watched || !now.first || !now.npeers)
		err = -ENOMEM;
	for (unsigned t = 0; t < conf->ntrunks && !err; t++) {
		struct peer_set set;

		if (!conf->trunks[t].options_interval_s)
			continue;
		peer_set_get(sets, t, &set);
		now.first[t] = now.n + 1;
		now.npeers[t] = (uint8_t)set.n;
		for (unsigned p = 0; p < set.n && !err; p++)
			err = watch(&now, &memory, t, &set, p, now_ns, spread);
	}
	free(memory.slots);
	drop_tables(err ? &now : health);
	if (!err)
		*health = now;
	return err;
}

void health_spread(struct health *health, uint64_t now_ns, uint64_t spread)
{
	for (uint32_t i = 0; i < health->n; i++)
		(void)set_due(health, i, first_due(health, i, now_ns, spread));
}

bool health_due(const struct health *health, uint64_t *due_ns)
{
	uint32_t number;

	return heap_first(&health->due, &number, due_ns);
}

bool health_next(struct health *health, uint64_t now_ns, struct health_probe *probe)
{
	uint64_t due_ns;
	uint32_t number;

	while (heap_first(&health->due, &number, &due_ns) && due_ns <= now_ns) {
		struct watched *watched = &health->watched[number];

		(void)set_due(health, number, now_ns + interval_ns(health, watched));
		/* the answer to the last is awaited yet */
		if (watched->serial && now_ns - watched->sent_ns < PROBE_LOST_NS)
			continue;
		if (!++health->last_serial)
			health->last_serial = 1;
		watched->serial = health->last_serial;
		watched->sent_ns = now_ns;
		health->stats.sent++;
		*probe = (struct health_probe){.id = (uint64_t)watched->serial << 32 | number,
					       .trunk = watched->peer.trunk,
					       .peer = watched->peer.peer,
					       .addr = watched->peer.addr,
					       .transport = watched->peer.transport,
					       .turn = health->turn++};
		return true;
	}
	return false;
}

void health_unsent(struct health *health, const struct health_probe *probe, uint64_t again_ns)
{
	uint32_t number = (uint32_t)probe->id;

	health->stats.sent--;
	health->watched[number].serial = 0;
	(void)set_due(health, number, again_ns);
}

/* What a final answer says of a peer: one that refuses OPTIONS is there all the same. 408: none
 * came; 503: the peer wants no calls, or the request could not leave. */
static bool is_good(uint16_t status)
{
	return status != 408 && status != 503;
}

static bool judge(const struct health *health, struct watched *watched, uint64_t unix_ns)
{
	const struct conf_trunk *trunk = &health->conf->trunks[watched->peer.trunk];
	uint8_t state = watched->peer.state;

	if (watched->good >= trunk->options_up_after)
		state = HEALTH_UP;
	else if (watched->bad >= trunk->options_down_after)
		state = HEALTH_DOWN;
	if (state == watched->peer.state)
		return false;
	watched->peer.state = state;
	watched->peer.since_ns = unix_ns;
	return true;
}

struct health_result health_end(struct health *health, uint64_t id, uint16_t status,
				uint32_t rtt_us, uint64_t unix_ns)
{
	uint32_t number = (uint32_t)id;
	struct health_result result = {0};
	struct watched *watched;

	if (number >= health->n || !(id >> 32) ||
	    health->watched[number].serial != (uint32_t)(id >> 32)) {
		health->stats.late++;
		return result;
	}
	watched = &health->watched[number];
	watched->serial = 0;
	watched->peer.status = status;
	if (is_good(status)) {
		health->stats.answered++;
		watched->peer.rtt_us = rtt_us;
		watched->bad = 0;
		watched->good += watched->good < UINT8_MAX;
	} else {
		health->stats.unanswered++;
		watched->good = 0;
		watched->bad += watched->bad < UINT8_MAX;
	}
	result.known = true;
	result.changed = judge(health, watched, unix_ns);
	health->stats.changes += result.changed;
	result.peer = watched->peer;
	return result;
}

void health_forget(struct health *health, uint64_t unix_ns)
{
	for (uint32_t i = 0; i < health->n; i++) {
		struct watched *watched = &health->watched[i];

		watched->serial = 0;
		watched->good = watched->bad = 0;
		if (watched->peer.state == HEALTH_UNKNOWN)
			continue;
		watched->peer.state = HEALTH_UNKNOWN;
		watched->peer.since_ns = unix_ns;
	}
}

uint8_t health_down(const struct health *health, unsigned trunk)
{
	uint32_t first = health->first ? health->first[trunk] : 0;
	uint8_t down = 0;

	for (unsigned p = 0; first && p < health->npeers[trunk]; p++) {
		if (health->watched[first - 1 + p].peer.state == HEALTH_DOWN)
			down |= (uint8_t)(1u << p);
	}
	return down;
}

struct health_peer health_peer(const struct health *health, unsigned trunk, unsigned peer)
{
	uint32_t first = health->first ? health->first[trunk] : 0;

	if (!first || peer >= health->npeers[trunk])
		return (struct health_peer){.trunk = trunk, .peer = peer};
	return health->watched[first - 1 + peer].peer;
}

void health_stats(const struct health *health, struct health_stats *stats)
{
	*stats = health->stats;
}

const char *health_state_name(enum health_state state)
{
	static const char *const names[HEALTH_STATES] = {"unprobed", "unknown", "up", "down"};

	return names[state];
}
