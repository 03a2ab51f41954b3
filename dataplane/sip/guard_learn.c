/* SPDX-License-Identifier: BSD-3-Clause */
/* What sources do: failed authentications, refusals, messages that are none. Who does more of it in
 * a window than there may be is reported, and the control plane decides. Whoever sends by UDP may
 * write any source address he likes, so only who answers to what limen sent is proven to be there;
 * sources that a trunk names are not even counted, unless the config says so. One worker thread;
 * libc only. */
#include "dataplane/sip/guard.h"

#include "common/base/hash.h"

#define NS_PER_S   1000000000ull
#define USERS_BITS 128u

struct place {
	uint64_t hi;
	uint8_t realm, family;
};

/* An IPv4 address, or the /64 of an IPv6 one. */
static struct place place_of(uint8_t realm, const struct net_endpoint *peer)
{
	struct place place = {.realm = realm, .family = peer->family};

	memcpy(&place.hi, peer->addr.ip, sizeof(place.hi));
	return place;
}

/* The record of a source; where there is none, the place of the one that was silent longest. */
static struct guard_deeds *deeds_of(struct guard *guard, uint64_t now_ns, struct place place,
				    bool make)
{
	uint64_t hash = hash_fast(guard->seed ^ place.realm ^ (uint64_t)place.family << 8,
				  span_of(&place.hi, sizeof(place.hi)));
	struct guard_deeds *set = &guard->deeds[hash % GUARD_DEEDS_SETS * GUARD_WAYS],
			   *oldest = set;
	uint32_t now_s = (uint32_t)(now_ns / NS_PER_S);

	for (unsigned way = 0; way < GUARD_WAYS; way++) {
		struct guard_deeds *deeds = &set[way];

		if (deeds->family == place.family && deeds->hi == place.hi &&
		    deeds->realm == place.realm) {
			oldest = deeds;
			make = make && now_s - deeds->window_s >= guard->screen.window_s;
			if (!make)
				return deeds;
			break;
		}
		if (deeds->seen_ns < oldest->seen_ns)
			oldest = deeds;
	}
	if (!make)
		return NULL;
	/* a new window: what it was challenged with stays true */
	*oldest = (struct guard_deeds){
		.hi = place.hi,
		.realm = place.realm,
		.family = place.family,
		.nonce = oldest->hi == place.hi && oldest->family == place.family ? oldest->nonce
										  : 0,
		.window_s = now_s,
		.seen_ns = now_ns,
	};
	return oldest;
}

/* How many bits of the bitmap so many different users set, on the average. */
static unsigned bits_of(unsigned users)
{
	uint64_t bits = 0; /* in 1/65536 */

	for (unsigned i = 0; i < users && i < 1024; i++)
		bits += 65536 - bits / USERS_BITS;
	return (unsigned)(bits >> 16);
}

static unsigned count_user(struct guard_deeds *deeds, uint64_t user)
{
	deeds->users[user / 64 % 2] |= UINT64_C(1) << user % 64;
	return (unsigned)__builtin_popcountll(deeds->users[0]) +
	       (unsigned)__builtin_popcountll(deeds->users[1]);
}

static bool is_too_much(const struct ipc_screen *screen, const struct guard_deeds *deeds,
			enum ipc_deed deed)
{
	const uint16_t most[IPC_DEEDS] = {
		[IPC_DEED_AUTH] = screen->auth_failures_max,
		[IPC_DEED_USERS] = (uint16_t)bits_of(screen->users_max),
		[IPC_DEED_REFUSED] = screen->refused_max,
		[IPC_DEED_MALFORMED] = screen->malformed_max,
		[IPC_DEED_OPTIONS] = screen->options_max,
		[IPC_DEED_AGENT] = 1,
	};

	return most[deed] && deeds->count[deed] >= most[deed];
}

bool guard_counts(const struct guard *guard, const struct guard_source *source)
{
	if (source->class == IPC_CLASS_UNKNOWN)
		return guard->screen.learn >= IPC_LEARN_UNKNOWN;
	return source->class == IPC_CLASS_KNOWN && guard->screen.learn >= IPC_LEARN_KNOWN;
}

bool guard_deed(struct guard *guard, uint64_t now_ns, uint8_t realm,
		const struct net_endpoint *peer, enum ipc_deed deed, uint64_t user, bool proven,
		struct ipc_suspect *suspect)
{
	const struct guard_source *source;
	struct guard_deeds *deeds;

	if (!guard->has_table || guard->screen.learn == IPC_LEARN_NOBODY)
		return false;
	source = guard_source(guard, now_ns, realm, peer);
	if (!guard_counts(guard, source))
		return false;
	deeds = deeds_of(guard, now_ns, place_of(realm, peer), true);
	deeds->seen_ns = now_ns;
	deeds->proven |= proven;
	if (deeds->count[deed] < UINT16_MAX)
		deeds->count[deed]++;
	if (deed == IPC_DEED_REFUSED)
		deeds->count[IPC_DEED_USERS] = (uint16_t)count_user(deeds, user);
	if (deed == IPC_DEED_REFUSED && is_too_much(&guard->screen, deeds, IPC_DEED_USERS))
		deed = IPC_DEED_USERS;
	if (deeds->told || !is_too_much(&guard->screen, deeds, deed))
		return false;
	deeds->told = 1;
	guard->stats.suspects++;
	*suspect = (struct ipc_suspect){
		.source = *peer,
		.realm = realm,
		.deed = (uint8_t)deed,
		.proven = deeds->proven,
		.class = source->class,
		.count = deeds->count[deed],
	};
	return true;
}

void guard_challenged(struct guard *guard, uint64_t now_ns, uint8_t realm,
		      const struct net_endpoint *peer, uint32_t nonce)
{
	if (guard->has_table && guard_counts(guard, guard_source(guard, now_ns, realm, peer)))
		deeds_of(guard, now_ns, place_of(realm, peer), true)->nonce = nonce;
}

bool guard_was_challenged(struct guard *guard, uint64_t now_ns, uint8_t realm,
			  const struct net_endpoint *peer, uint32_t nonce)
{
	const struct guard_deeds *deeds =
		guard->has_table ? deeds_of(guard, now_ns, place_of(realm, peer), false) : NULL;

	return deeds && nonce && deeds->nonce == nonce;
}

static char lower(char ch)
{
	return ch >= 'A' && ch <= 'Z' ? (char)(ch + ('a' - 'A')) : ch;
}

static bool has_part(struct span text, struct span part)
{
	for (size_t at = 0; at + part.len <= text.len; at++) {
		size_t i = 0;

		while (i < part.len && lower(text.ptr[at + i]) == part.ptr[i])
			i++;
		if (i == part.len)
			return true;
	}
	return false;
}

bool guard_is_scanner(const struct guard *guard, struct span agent)
{
	struct span rest = span_of(guard->agents, guard->screen.agents_len);

	if (agent.len > 256)
		agent.len = 256;
	while (agent.len && rest.len) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len, skip = len + (end != NULL);

		if (has_part(agent, span_of(rest.ptr, len)))
			return true;
		rest = span_of(rest.ptr + skip, rest.len - skip);
	}
	return false;
}
