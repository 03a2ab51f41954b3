/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is it: from realm and source address to trunk. One hash table holds the prefixes of all
 * realms; a look-up tries, from the longest on, the prefix lengths that the realm has at all.
 * limen-controlplane, any thread. */
#include "controlplane/policy/admit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cursor.h"
#include "common/base/hash.h"
#include "controlplane/policy/explain.h"

struct source {
	struct net_prefix prefix; /* host bits clear */
	uint16_t realm;
	unsigned trunk; /* plus 1; 0: free slot */
};

/* Prefix lengths of one family in one realm, longest first. */
struct lengths {
	uint8_t bits[129];
	unsigned n;
};

/* A name that a trunk's peers prove to have. */
struct proof {
	const char *name; /* borrowed of the config */
	unsigned realm, trunk;
};

struct admit {
	struct source *slots;
	uint32_t mask;
	struct lengths (*lengths)[2]; /* by realm; [0] IPv4, [1] IPv6 */
	unsigned nrealms;
	const struct conf *conf;
	struct admit_name *names; /* sorted */
	size_t nnames;
	struct proof *proofs; /* owned, sorted */
	size_t nproofs;
};

static struct net_addr masked(const struct net_addr *addr, unsigned bits)
{
	struct net_addr out = {0};

	memcpy(out.ip, addr->ip, bits / 8);
	if (bits % 8)
		out.ip[bits / 8] = addr->ip[bits / 8] & (uint8_t)(0xff00u >> bits % 8);
	return out;
}

static uint32_t slot_of(const struct admit *admit, unsigned realm, const struct net_prefix *prefix)
{
	uint64_t seed = (uint64_t)realm << 16 | (uint64_t)prefix->family << 8 | prefix->bits;
	uint32_t at = (uint32_t)hash_fast(seed, span_of(prefix->addr.ip, sizeof(prefix->addr.ip)));

	for (at &= admit->mask; admit->slots[at].trunk; at = (at + 1) & admit->mask) {
		const struct source *source = &admit->slots[at];

		if (source->realm == realm && source->prefix.family == prefix->family &&
		    source->prefix.bits == prefix->bits &&
		    net_addr_eq(&source->prefix.addr, &prefix->addr))
			break;
	}
	return at;
}

static struct lengths *lengths_of(const struct admit *admit, unsigned realm, uint8_t family)
{
	return &admit->lengths[realm][family == NET_IP6];
}

/* Keep the list sorted, longest first, each length once. */
static void lengths_add(struct lengths *lengths, uint8_t bits)
{
	unsigned at = 0;

	while (at < lengths->n && lengths->bits[at] > bits)
		at++;
	if (at < lengths->n && lengths->bits[at] == bits)
		return;
	memmove(&lengths->bits[at + 1], &lengths->bits[at], lengths->n - at);
	lengths->bits[at] = bits;
	lengths->n++;
}

static int by_proof(const void *left, const void *right)
{
	const struct proof *a = left, *b = right;

	return a->realm != b->realm ? (a->realm < b->realm ? -1 : 1) : strcmp(a->name, b->name);
}

static int list_proofs(struct admit *admit)
{
	const struct conf *conf = admit->conf;
	size_t n = 0;

	for (unsigned t = 0; t < conf->ntrunks; t++)
		n += conf->trunks[t].ntls_names;
	admit->proofs = calloc(n + 1, sizeof(*admit->proofs));
	if (!admit->proofs)
		return -ENOMEM;
	for (unsigned t = 0; t < conf->ntrunks; t++) {
		const struct conf_trunk *trunk = &conf->trunks[t];

		for (unsigned i = 0; i < trunk->ntls_names; i++)
			admit->proofs[admit->nproofs++] =
				(struct proof){trunk->tls_names[i], trunk->realm, t};
	}
	qsort(admit->proofs, admit->nproofs, sizeof(*admit->proofs), by_proof);
	return 0;
}

int admit_proved(const struct admit *admit, unsigned realm, struct span names,
		 struct explain *explain)
{
	while (names.len) {
		const char *end = memchr(names.ptr, '\0', names.len);
		const struct proof key = {.name = names.ptr, .realm = realm};
		const struct proof *found;

		if (!end)
			break;
		found = admit->nproofs ? bsearch(&key, admit->proofs, admit->nproofs, sizeof(key),
						 by_proof)
				       : NULL;
		if (found) {
			explain_step(explain, "source", "by TLS it is %s, a name of trunk %s",
				     found->name, admit->conf->trunks[found->trunk].name);
			return (int)found->trunk;
		}
		names = span_of(end + 1, names.len - (size_t)(end - names.ptr) - 1);
	}
	return -1;
}

struct admit *admit_new(const struct conf *conf)
{
	struct admit *admit = calloc(1, sizeof(*admit));
	size_t nsources = 0;

	if (!admit)
		return NULL;
	for (unsigned t = 0; t < conf->ntrunks; t++)
		nsources += conf->trunks[t].nsources;
	admit->mask = 1;
	while (admit->mask < nsources * 2)
		admit->mask = admit->mask * 2 + 1;
	admit->nrealms = conf->nrealms;
	admit->conf = conf;
	admit->slots = calloc((size_t)admit->mask + 1, sizeof(*admit->slots));
	admit->lengths = calloc(conf->nrealms, sizeof(*admit->lengths));
	if (!admit->slots || !admit->lengths || list_proofs(admit)) {
		admit_free(admit);
		return NULL;
	}
	for (unsigned t = 0; t < conf->ntrunks; t++) {
		const struct conf_trunk *trunk = &conf->trunks[t];

		for (unsigned s = 0; s < trunk->nsources; s++) {
			const struct net_prefix *prefix = &trunk->sources[s];

			admit->slots[slot_of(admit, trunk->realm, prefix)] =
				(struct source){*prefix, (uint16_t)trunk->realm, t + 1};
			lengths_add(lengths_of(admit, trunk->realm, prefix->family), prefix->bits);
		}
	}
	return admit;
}

void admit_free(struct admit *admit)
{
	if (!admit)
		return;
	free(admit->slots);
	free(admit->lengths);
	free(admit->names);
	free(admit->proofs);
	free(admit);
}

static void tell(const struct admit *admit, unsigned realm, uint8_t family,
		 const struct net_addr *addr, const struct net_prefix *found, int trunk,
		 struct explain *explain)
{
	char source[64], network[72];
	struct cursor out = cursor_on(source, sizeof(source));

	put_addr(&out, family, addr);
	put_char(&out, '\0');
	if (!found) {
		explain_step(explain, "source", "no trunk of realm %s names %s",
			     admit->conf->realms[realm].name, source);
		return;
	}
	out = cursor_on(network, sizeof(network));
	put_addr(&out, found->family, &found->addr);
	put_char(&out, '/');
	put_u64(&out, found->bits);
	put_char(&out, '\0');
	explain_step(explain, "source", "%s in realm %s is in %s of trunk %s", source,
		     admit->conf->realms[realm].name, network, admit->conf->trunks[trunk].name);
}

static int by_address(const void *left, const void *right)
{
	const struct admit_name *a = left, *b = right;

	if (a->realm != b->realm)
		return a->realm < b->realm ? -1 : 1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

static int by_address_and_trunk(const void *left, const void *right)
{
	int order = by_address(left, right);
	unsigned a = ((const struct admit_name *)left)->trunk,
		 b = ((const struct admit_name *)right)->trunk;

	return order ? order : (a > b) - (a < b);
}

int admit_set_names(struct admit *admit, const struct admit_name *names, size_t n)
{
	struct admit_name *sorted = malloc((n + 1) * sizeof(*sorted));
	size_t kept = 0;

	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, names, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_address_and_trunk);
	for (size_t i = 0; i < n; i++) {
		if (!kept || by_address(&sorted[kept - 1], &sorted[i]) != 0)
			sorted[kept++] = sorted[i];
	}
	free(admit->names);
	admit->names = sorted;
	admit->nnames = kept;
	return 0;
}

/* -1: no trunk's name has it. */
static int find_name(const struct admit *admit, unsigned realm, uint8_t family,
		     const struct net_addr *addr)
{
	const struct admit_name key = {.realm = realm, .family = family, .addr = *addr};
	const struct admit_name *found =
		admit->nnames ? bsearch(&key, admit->names, admit->nnames, sizeof(key), by_address)
			      : NULL;

	return found ? (int)found->trunk : -1;
}

int admit_trunk(const struct admit *admit, unsigned realm, uint8_t family,
		const struct net_addr *addr, unsigned *bits, struct explain *explain)
{
	const uint8_t width = family == NET_IP4 ? 32 : 128;
	const struct lengths *lengths;
	int named;

	if (realm >= admit->nrealms || (family != NET_IP4 && family != NET_IP6))
		return -1;
	lengths = lengths_of(admit, realm, family);
	named = find_name(admit, realm, family, addr);
	for (unsigned i = 0; i < lengths->n; i++) {
		struct net_prefix prefix = {masked(addr, lengths->bits[i]), family,
					    lengths->bits[i]};
		unsigned trunk;

		if (named >= 0 && lengths->bits[i] < width)
			break;
		trunk = admit->slots[slot_of(admit, realm, &prefix)].trunk;
		if (trunk) {
			*bits = prefix.bits;
			if (explain)
				tell(admit, realm, family, addr, &prefix, (int)trunk - 1, explain);
			return (int)trunk - 1;
		}
	}
	if (named >= 0) {
		const struct net_prefix whole = {*addr, family, width};

		*bits = width;
		if (explain)
			tell(admit, realm, family, addr, &whole, named, explain);
		return named;
	}
	if (explain)
		tell(admit, realm, family, addr, NULL, -1, explain);
	return -1;
}
