/* SPDX-License-Identifier: BSD-3-Clause */
/* Buckets by source. One worker thread; libc only. */
#include "dataplane/punt/limit.h"

#define SECOND_NS 1000000000ull

static bool bucket_has(uint64_t empty_ns, uint64_t now_ns)
{
	return empty_ns < now_ns + SECOND_NS;
}

static uint64_t bucket_fill(uint64_t empty_ns, uint64_t now_ns, uint32_t per_s)
{
	return (empty_ns > now_ns ? empty_ns : now_ns) + (SECOND_NS + per_s - 1) / per_s;
}

static uint64_t source_key(const struct punt_limit *limit, uint8_t realm, uint8_t family,
			   const struct net_addr *source)
{
	struct {
		uint8_t ip[8];
		uint8_t family, realm;
		uint8_t pad[6];
	} who = {.family = family, .realm = realm};

	memcpy(who.ip, source->ip, family == NET_IP6 ? 8 : 4);
	return hash_sip(&limit->hash, span_of(&who, sizeof(who))) | 1;
}

/* The source's own slot, or the one of its set that was not heard for longest. */
static struct punt_source *source_of(struct punt_limit *limit, uint64_t key)
{
	struct punt_source *set = limit->sources[(key >> 32) % PUNT_SETS], *oldest = set;

	for (unsigned i = 0; i < PUNT_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].pkts_ns < oldest->pkts_ns)
			oldest = &set[i];
	}
	*oldest = (struct punt_source){.key = key};
	return oldest;
}

bool punt_limit_pass(struct punt_limit *limit, uint64_t now_ns, uint8_t realm, uint8_t family,
		     const struct net_addr *addr, bool is_new, uint32_t new_per_s,
		     uint32_t pkts_per_s)
{
	struct punt_source *source = source_of(limit, source_key(limit, realm, family, addr));

	if (!bucket_has(source->pkts_ns, now_ns) ||
	    (is_new && (!bucket_has(source->new_ns, now_ns) || !bucket_has(limit->new_ns, now_ns))))
		return false;
	source->pkts_ns = bucket_fill(source->pkts_ns, now_ns, pkts_per_s);
	if (is_new) {
		source->new_ns = bucket_fill(source->new_ns, now_ns, new_per_s);
		limit->new_ns = bucket_fill(limit->new_ns, now_ns, PUNT_NEW_PER_S);
	}
	return true;
}
