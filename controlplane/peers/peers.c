/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a trunk's peers are. limen-controlplane, loop thread. */
#include "controlplane/peers/peers.h"

#include <stdlib.h>

#include "common/base/hash.h"
#include "controlplane/peers/locate.h"

/* A trunk that has names, and what they lead to. */
struct named {
	unsigned trunk;
	struct peer_set set;
};

struct peer_sets {
	const struct conf *conf;
	struct named *named; /* in the order of the trunks */
	unsigned nnamed;
};

static bool has_names(const struct conf_trunk *trunk)
{
	for (unsigned i = 0; i < trunk->npeers; i++) {
		if (trunk->peer_of[i].host)
			return true;
	}
	return false;
}

static unsigned families_of(const struct conf_realm *realm, enum net_transport transport)
{
	static const uint8_t both[] = {NET_IP4, NET_IP6};
	struct net_endpoint own;
	unsigned families = 0;

	for (unsigned i = 0; i < 2; i++) {
		if (conf_realm_endpoint(realm, transport, both[i], &own))
			families |= 1u << both[i];
	}
	return families;
}

/* Behind those of the same or a lower priority, so that equals stay in their order. */
static void insert(struct peer_set *set, const struct peer_addr *peer)
{
	unsigned at = set->n;

	for (unsigned i = 0; i < set->n; i++) {
		if (net_endpoint_eq(&set->list[i].addr, &peer->addr) &&
		    set->list[i].transport == peer->transport)
			return;
	}
	if (at == PEER_SET_MAX) {
		if (set->list[--at].priority <= peer->priority)
			return;
		set->n--;
	}
	for (; at && set->list[at - 1].priority > peer->priority; at--)
		set->list[at] = set->list[at - 1];
	set->list[at] = *peer;
	set->n++;
}

/* Of a given name, in an order that does not hang on the order of an answer. */
static int by_address(const void *left, const void *right)
{
	const struct located *a = left, *b = right;

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if (a->transport != b->transport)
		return a->transport < b->transport ? -1 : 1;
	return memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static void insert_name(struct peer_set *set, const struct conf_trunk *trunk, unsigned item,
			struct dns *dns, const struct conf_realm *realm)
{
	const struct conf_peer *peer = &trunk->peer_of[item];
	struct located found[2 * DNS_RECORDS_MAX];
	struct locate_name name = {.name = peer->host,
				   .port = trunk->peers[item].port,
				   .transport = peer->transport,
				   .transport_given = peer->transport_given};
	unsigned n;

	for (unsigned t = 0; t < NET_TRANSPORTS; t++)
		name.families[t] = families_of(realm, (enum net_transport)t);
	n = locate(dns, &name, found, 2 * DNS_RECORDS_MAX);
	qsort(found, n, sizeof(found[0]), by_address);
	for (unsigned i = 0; i < n; i++) {
		const struct peer_addr it = {
			.addr = found[i].addr,
			/* the name's own priorities stand behind that of its item */
			.priority = (uint32_t)peer->priority << 16 | found[i].priority,
			.weight = peer->weight ? peer->weight * found[i].weight : found[i].weight,
			.item = (uint8_t)item,
			.transport = found[i].transport,
		};

		insert(set, &it);
	}
}

static void make_set(const struct conf *conf, unsigned index, struct dns *dns,
		     struct peer_set *set)
{
	const struct conf_trunk *trunk = &conf->trunks[index];

	memset(set, 0, sizeof(*set));
	for (unsigned i = 0; i < trunk->npeers; i++) {
		const struct conf_peer *peer = &trunk->peer_of[i];
		const struct peer_addr it = {.addr = trunk->peers[i],
					     .priority = (uint32_t)peer->priority << 16,
					     .weight = peer->weight,
					     .item = (uint8_t)i,
					     .transport = peer->transport};

		if (!peer->host)
			insert(set, &it);
		else if (dns)
			insert_name(set, trunk, i, dns, &conf->realms[trunk->realm]);
	}
}

struct peer_sets *peer_sets_new(const struct conf *conf)
{
	struct peer_sets *sets = calloc(1, sizeof(*sets));
	unsigned n = 0;

	if (!sets)
		return NULL;
	sets->conf = conf;
	for (unsigned t = 0; t < conf->ntrunks; t++)
		n += has_names(&conf->trunks[t]);
	sets->named = calloc(n + 1, sizeof(*sets->named));
	if (!sets->named) {
		free(sets);
		return NULL;
	}
	for (unsigned t = 0; t < conf->ntrunks; t++) {
		struct named *named = &sets->named[sets->nnamed];

		if (!has_names(&conf->trunks[t]))
			continue;
		named->trunk = t;
		make_set(conf, t, NULL, &named->set);
		sets->nnamed++;
	}
	return sets;
}

void peer_sets_free(struct peer_sets *sets)
{
	if (!sets)
		return;
	free(sets->named);
	free(sets);
}

static int by_trunk(const void *key, const void *item)
{
	unsigned trunk = *(const unsigned *)key, is = ((const struct named *)item)->trunk;

	return (trunk > is) - (trunk < is);
}

void peer_set_get(const struct peer_sets *sets, unsigned trunk, struct peer_set *set)
{
	const struct named *named = sets->nnamed ? bsearch(&trunk, sets->named, sets->nnamed,
							   sizeof(*named), by_trunk)
						 : NULL;

	if (named)
		*set = named->set;
	else
		make_set(sets->conf, trunk, NULL, set);
}

bool peer_sets_have_names(const struct peer_sets *sets)
{
	return sets->nnamed > 0;
}

bool peer_sets_resolve(struct peer_sets *sets, struct dns *dns)
{
	bool changed = false;

	dns_begin_round(dns);
	for (unsigned i = 0; i < sets->nnamed; i++) {
		struct named *named = &sets->named[i];
		struct peer_set set;

		make_set(sets->conf, named->trunk, dns, &set);
		if (memcmp(&set, &named->set, sizeof(set)) == 0)
			continue;
		named->set = set;
		changed = true;
	}
	dns_end_round(dns);
	return changed;
}

bool peer_sets_next_source(const struct peer_sets *sets, unsigned *at, unsigned *trunk,
			   struct net_endpoint *addr)
{
	for (; *at / PEER_SET_MAX < sets->nnamed; ++*at) {
		const struct named *named = &sets->named[*at / PEER_SET_MAX];
		const struct conf_trunk *conf = &sets->conf->trunks[named->trunk];
		unsigned i = *at % PEER_SET_MAX;

		if (!conf->sources_follow || i >= named->set.n)
			continue;
		*trunk = named->trunk;
		*addr = named->set.list[i].addr;
		++*at;
		return true;
	}
	return false;
}

/* Of the `n` candidates at `from`, move the one that is drawn to the front. Those without weight
 * come last, in order. */
static void draw(const struct peer_set *set, uint8_t *from, unsigned n, uint64_t random)
{
	uint64_t total = 0, at;
	unsigned drawn = 0;
	uint8_t taken;

	for (unsigned i = 0; i < n; i++)
		total += set->list[from[i]].weight;
	if (!total)
		return;
	at = random % total;
	while (at >= set->list[from[drawn]].weight)
		at -= set->list[from[drawn++]].weight;
	taken = from[drawn];
	memmove(from + 1, from, drawn);
	from[0] = taken;
}

/* Those alike stand together in `order`: shuffle them. */
static void draw_all(const struct peer_set *set, uint8_t *order, unsigned n, uint64_t key)
{
	for (unsigned i = 0; i + 1 < n; i++)
		draw(set, order + i, n - i, hash_mix(key + i, UINT64_C(0x9e3779b97f4a7c15)));
}

unsigned peer_set_order(const struct peer_set *set, uint8_t usable, uint8_t family, uint64_t key,
			uint8_t order[PEER_SET_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < set->n;) {
		uint32_t priority = set->list[i].priority;
		unsigned end = i;

		while (end < set->n && set->list[end].priority == priority)
			end++;
		for (int same = 1; same >= 0; same--) {
			unsigned from = n;

			for (unsigned p = i; p < end; p++) {
				if (usable >> p & 1 && (set->list[p].addr.family == family) == same)
					order[n++] = (uint8_t)p;
			}
			draw_all(set, order + from, n - from, key);
		}
		i = end;
	}
	return n;
}
