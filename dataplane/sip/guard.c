/* SPDX-License-Identifier: BSD-3-Clause */
/* Classes of sources and their buckets. A source that was seen costs one hash, one look at the tags
 * of its set and one cache line; one that was not, a look-up of its prefix more. One worker thread;
 * libc only. */
#include "dataplane/sip/guard.h"

#include "common/base/hash.h"

#include <errno.h>
#include <stdlib.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define PROVEN_S  3600u /* a dialog is heard of this often, by its session timer at the latest */

static int cache_init(struct guard_cache *cache)
{
	cache->sets = calloc(GUARD_SETS, sizeof(*cache->sets));
	cache->sources = aligned_alloc(64, (size_t)GUARD_SETS * GUARD_WAYS *
						   sizeof(*cache->sources));
	if (cache->sources)
		memset(cache->sources, 0,
		       (size_t)GUARD_SETS * GUARD_WAYS * sizeof(*cache->sources));
	return cache->sets && cache->sources ? 0 : -ENOMEM;
}

int guard_init(struct guard *guard, uint64_t seed)
{
	guard->seed = seed;
	guard->version = 1;
	guard->screen.burst_ms = 1000;
	guard->screen.window_s = 60;
	guard->deeds = calloc((size_t)GUARD_DEEDS_SETS * GUARD_WAYS, sizeof(*guard->deeds));
	if (guard->deeds == NULL || cache_init(&guard->known) || cache_init(&guard->unknown) ||
	    prefixes_init(&guard->tables[0], IPC_SOURCES_TABLE_MAX, seed) ||
	    prefixes_init(&guard->tables[1], IPC_SOURCES_TABLE_MAX, seed) ||
	    prefixes_init(&guard->dynamic, GUARD_DYNAMIC_MAX, seed)) {
		guard_fini(guard);
		return -ENOMEM;
	}
	return 0;
}

void guard_fini(struct guard *guard)
{
	free(guard->known.sets);
	free(guard->known.sources);
	free(guard->unknown.sets);
	free(guard->unknown.sources);
	free(guard->deeds);
	prefixes_fini(&guard->tables[0]);
	prefixes_fini(&guard->tables[1]);
	prefixes_fini(&guard->dynamic);
}

/* ---- the tables ---- */

static uint64_t interval_ns(uint32_t per_s)
{
	return per_s ? NS_PER_S / per_s : 0;
}

/* What was found out of sources before is looked up anew. */
static void tables_changed(struct guard *guard)
{
	guard->version++;
	guard->splits_64 = prefixes_split_64(&guard->tables[guard->bank]) ||
			   prefixes_split_64(&guard->dynamic);
}

void guard_screen(struct guard *guard, const struct ipc_screen *screen)
{
	struct span agents = ipc_screen_agents(screen);

	guard->next = *screen;
	memcpy(guard->next_agents, agents.ptr, agents.len);
	guard->is_telling = true;
	guard->told_trunks = 0;
	prefixes_clear(&guard->tables[!guard->bank]);
}

bool guard_telling(const struct guard *guard, uint32_t generation)
{
	return guard->is_telling && guard->next.generation == generation;
}

void guard_sources(struct guard *guard, const struct ipc_sources *sources)
{
	if (!guard_telling(guard, sources->generation))
		return;
	for (uint32_t i = 0; i < sources->count; i++)
		if (!prefixes_put(&guard->tables[!guard->bank], ipc_sources_at(sources, i),
				  GUARD_FOREVER))
			guard->is_telling = false;
}

bool guard_screen_end(struct guard *guard, const struct ipc_screen_end *end)
{
	if (!guard_telling(guard, end->generation) ||
	    guard->tables[!guard->bank].n != guard->next.nsources ||
	    guard->told_trunks != guard->next.ntrunks) {
		guard->is_telling = false;
		guard->stats.tables_bad++;
		return false;
	}
	guard->is_telling = false;
	guard->bank = !guard->bank;
	guard->screen = guard->next;
	memcpy(guard->agents, guard->next_agents, guard->next.agents_len);
	for (unsigned class = 0; class < IPC_CLASSES; class++) {
		guard->pkts_ns[class] = interval_ns(guard->screen.classes[class].pkts_per_s);
		guard->requests_ns[class] =
			interval_ns(guard->screen.classes[class].requests_per_s);
	}
	guard->all_ns = interval_ns(guard->screen.unknown_pkts_per_s);
	guard->burst_ns = guard->screen.burst_ms * NS_PER_MS;
	guard->has_table = true;
	guard->stats.tables++;
	tables_changed(guard);
	return true;
}

void guard_set(struct guard *guard, const struct ipc_source_set *set, uint64_t now_ns)
{
	uint64_t until_s = now_ns / NS_PER_S + set->seconds;

	if (set->source.class == IPC_CLASS_UNKNOWN) {
		if (!prefixes_remove(&guard->dynamic, &set->source))
			return;
		guard->stats.sources_unset++;
	} else if (prefixes_put(&guard->dynamic, &set->source,
				until_s < GUARD_FOREVER ? (uint32_t)until_s : GUARD_FOREVER - 1)) {
		guard->stats.sources_set++;
	} else {
		guard->stats.sources_full++;
		return;
	}
	tables_changed(guard);
}

/* ---- sources ---- */

struct key {
	uint64_t hi, lo;
	uint8_t realm, family;
};

static struct key key_of(uint8_t realm, const struct net_endpoint *peer)
{
	struct key key = {.realm = realm, .family = peer->family};

	if (peer->family == NET_IP6) {
		key.hi = hash_load64(peer->addr.ip);
		key.lo = hash_load64(peer->addr.ip + 8);
	} else {
		uint32_t ip4;

		memcpy(&ip4, peer->addr.ip, sizeof(ip4));
		key.hi = ip4;
	}
	return key;
}

static uint64_t hash_of(const struct guard *guard, const struct key *key)
{
	uint64_t h = hash_mix(key->hi ^ guard->seed,
			      UINT64_C(0xd6e8feb86659fd93) ^ (uint64_t)key->realm << 8 ^
				      key->family);

	return hash_mix(h ^ key->lo, UINT64_C(0xe7037ed1a0b428db));
}

static uint32_t tag_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

static struct guard_source *find(struct guard_cache *cache, uint64_t hash, const struct key *key,
				 uint64_t now_ns)
{
	uint32_t set = hash % GUARD_SETS, tag = tag_of(hash);

	for (unsigned way = 0; way < GUARD_WAYS; way++) {
		struct guard_source *source = &cache->sources[set * GUARD_WAYS + way];

		if (cache->sets[set].tag[way] == tag && source->hi == key->hi &&
		    source->lo == key->lo && source->realm == key->realm &&
		    source->family == key->family) {
			cache->sets[set].seen_ms[way] = (uint32_t)(now_ns / NS_PER_MS);
			return source;
		}
	}
	return NULL;
}

/* A place for it: free, or of the one that was silent longest. */
static struct guard_source *take(struct guard_cache *cache, uint64_t hash, const struct key *key,
				 uint64_t now_ns)
{
	uint32_t set = hash % GUARD_SETS, now_ms = (uint32_t)(now_ns / NS_PER_MS), oldest = 0;
	struct guard_set *tags = &cache->sets[set];
	struct guard_source *source;
	unsigned way = 0;

	for (unsigned i = 0; i < GUARD_WAYS; i++) {
		uint32_t age = tags->tag[i] ? now_ms - tags->seen_ms[i] : UINT32_MAX;

		if (age >= oldest) {
			oldest = age;
			way = i;
		}
	}
	tags->tag[way] = tag_of(hash);
	tags->seen_ms[way] = now_ms;
	source = &cache->sources[set * GUARD_WAYS + way];
	*source = (struct guard_source){
		.hi = key->hi, .lo = key->lo, .realm = key->realm, .family = key->family};
	return source;
}

static void forget(struct guard_cache *cache, const struct guard_source *source)
{
	size_t at = (size_t)(source - cache->sources);

	cache->sets[at / GUARD_WAYS].tag[at % GUARD_WAYS] = 0;
}

/* What the tables say of an address. */
struct answer {
	uint32_t trunk, until_s;
	uint8_t class;
	bool is_long; /* of IPv6: by a prefix longer than /64 */
};

/* Of the table's prefixes the longest decides; what was set besides blocks whomever it names, and
 * makes known who was unknown. */
static struct answer look_up(const struct guard *guard, uint8_t realm,
			     const struct net_endpoint *peer, uint32_t now_s)
{
	const struct prefix_entry *told = prefixes_find(&guard->tables[guard->bank], realm,
							peer->family, &peer->addr, now_s),
				  *set = prefixes_find(&guard->dynamic, realm, peer->family,
						       &peer->addr, now_s);
	struct answer answer = {.until_s = GUARD_FOREVER};

	if (told) {
		answer.class = told->source.class;
		answer.trunk = told->source.trunk;
		answer.is_long = told->source.bits > 64;
	}
	if (set) {
		answer.until_s = set->until_s;
		answer.is_long |= set->source.bits > 64;
		if (set->source.class == IPC_CLASS_BLOCKED ||
		    answer.class == IPC_CLASS_UNKNOWN)
			answer.class = set->source.class;
	}
	return answer;
}

/* Its class has to be found anew. `was`: what is remembered of it, in either cache. */
static struct guard_source *classify(struct guard *guard, struct guard_source *was,
				     struct key key, uint8_t realm,
				     const struct net_endpoint *peer, uint64_t now_ns)
{
	uint32_t now_s = (uint32_t)(now_ns / NS_PER_S);
	struct answer answer = look_up(guard, realm, peer, now_s);
	struct guard_source kept = was ? *was : (struct guard_source){0}, *source;
	struct guard_cache *cache = &guard->known;
	uint64_t hash;

	if (answer.class == IPC_CLASS_UNKNOWN && kept.proven_until_s > now_s) {
		answer.class = IPC_CLASS_KNOWN;
		if (kept.proven_until_s < answer.until_s)
			answer.until_s = kept.proven_until_s;
		answer.is_long |= kept.lo != 0;
	}
	if (answer.class == IPC_CLASS_UNKNOWN || answer.class == IPC_CLASS_BLOCKED)
		cache = &guard->unknown;
	if (!answer.is_long)
		key.lo = 0;
	hash = hash_of(guard, &key);
	source = find(cache, hash, &key, now_ns);
	if (was && source != was) {
		bool in_known = was >= guard->known.sources &&
				was < guard->known.sources + (size_t)GUARD_SETS * GUARD_WAYS;

		if (was->lo == key.lo)
			forget(in_known ? &guard->known : &guard->unknown, was);
		else
			kept = (struct guard_source){0}; /* its /64's, which others are in too */
	}
	if (source == NULL) {
		source = take(cache, hash, &key, now_ns);
		source->pkts_full_ns = kept.pkts_full_ns;
		source->requests_full_ns = kept.requests_full_ns;
		source->proven_until_s = kept.proven_until_s;
	}
	source->version = guard->version;
	source->class = answer.class;
	source->trunk = answer.trunk;
	source->until_s = answer.until_s;
	return source;
}

static struct guard_source *find_either(struct guard *guard, const struct key *key,
					uint64_t now_ns)
{
	uint64_t hash = hash_of(guard, key);
	struct guard_source *source = find(&guard->known, hash, key, now_ns);

	return source ? source : find(&guard->unknown, hash, key, now_ns);
}

static inline bool is_current(const struct guard *guard, const struct guard_source *source,
			      uint64_t now_ns)
{
	return source && source->version == guard->version &&
	       (source->until_s == GUARD_FOREVER || now_ns / NS_PER_S < source->until_s);
}

/* In a /64 with longer prefixes what is known of the /64 is not known of the address. */
static struct guard_source *source_of(struct guard *guard, uint64_t now_ns, uint8_t realm,
				      const struct net_endpoint *peer)
{
	struct key key = key_of(realm, peer), whole = key;
	struct guard_source *source;

	if (!guard->splits_64 && key.lo) {
		key.lo = 0;
		source = find_either(guard, &key, now_ns);
		if (is_current(guard, source, now_ns))
			return source;
		key = whole;
	} else if (key.lo == 0) {
		source = find_either(guard, &key, now_ns);
		if (is_current(guard, source, now_ns))
			return source;
		return classify(guard, source, key, realm, peer, now_ns);
	}
	source = find_either(guard, &key, now_ns);
	if (is_current(guard, source, now_ns))
		return source;
	if (source == NULL) {
		whole.lo = 0;
		source = find_either(guard, &whole, now_ns);
	}
	return classify(guard, source, key, realm, peer, now_ns);
}

/* A bucket of what `burst` brings, one more taken from it; interval 0: bottomless. */
static inline bool bucket_take(uint64_t *full_ns, uint64_t now_ns, uint64_t interval,
			       uint64_t burst)
{
	uint64_t full = (*full_ns > now_ns ? *full_ns : now_ns) + interval;

	if (interval == 0)
		return true;
	if (full - now_ns > (burst > interval ? burst : interval))
		return false;
	*full_ns = full;
	return true;
}

enum guard_fate guard_packet(struct guard *guard, uint64_t now_ns, uint8_t realm,
			     const struct net_endpoint *peer)
{
	struct guard_source *source;

	if (!guard->has_table)
		return GUARD_PASS;
	source = source_of(guard, now_ns, realm, peer);
	if (source->class == IPC_CLASS_BLOCKED)
		return GUARD_BLOCKED;
	if (!bucket_take(&source->pkts_full_ns, now_ns, guard->pkts_ns[source->class],
			 guard->burst_ns))
		return GUARD_RATE_UNKNOWN + source->class;
	if (source->class == IPC_CLASS_UNKNOWN &&
	    !bucket_take(&guard->all_full_ns, now_ns, guard->all_ns, guard->burst_ns))
		return GUARD_RATE_ALL;
	return GUARD_PASS;
}

const struct guard_source *guard_source(struct guard *guard, uint64_t now_ns, uint8_t realm,
					const struct net_endpoint *peer)
{
	static const struct guard_source anybody = {.class = IPC_CLASS_KNOWN};

	return guard->has_table ? source_of(guard, now_ns, realm, peer) : &anybody;
}

bool guard_request(struct guard *guard, uint64_t now_ns, uint8_t realm,
		   const struct net_endpoint *peer)
{
	struct guard_source *source;

	if (!guard->has_table)
		return true;
	source = source_of(guard, now_ns, realm, peer);
	if (source->class >= IPC_CLASSES ||
	    bucket_take(&source->requests_full_ns, now_ns, guard->requests_ns[source->class],
			guard->burst_ns))
		return true;
	if (source->class == IPC_CLASS_UNKNOWN)
		guard->stats.requests_unknown++;
	else
		guard->stats.requests_known++;
	return false;
}

void guard_prove(struct guard *guard, uint64_t now_ns, uint8_t realm,
		 const struct net_endpoint *peer)
{
	struct guard_source *source;
	bool is_proven;

	if (!guard->has_table || peer->family == NET_NONE)
		return;
	source = source_of(guard, now_ns, realm, peer);
	is_proven = source->proven_until_s != 0;
	if (source->class == IPC_CLASS_UNKNOWN || is_proven)
		source->proven_until_s = (uint32_t)(now_ns / NS_PER_S) + PROVEN_S;
	if (source->class == IPC_CLASS_UNKNOWN)
		classify(guard, source, key_of(realm, peer), realm, peer, now_ns);
	else if (is_proven && source->until_s != GUARD_FOREVER)
		source->version = 0; /* its class is good for longer now */
}
