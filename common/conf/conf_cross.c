/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks that need to see two keys at once: what overlaps, contradicts, cannot be reached or never
 * comes true. */
#include "common/conf/conf_resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/conf/conf_value.h"

struct cross {
	struct conf_doc *doc;
	const struct raw_conf *raw;
	const struct conf *conf;
};

/* Write a key's path; whether a fault was noted there before. */
__attribute__((format(printf, 3, 4))) static bool
faulty(const struct cross *x, char key[CONF_KEY_BYTES], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(key, CONF_KEY_BYTES, fmt, args);
	va_end(args);
	return conf_doc_faulty_at(x->doc, key);
}

static void check_machine(const struct cross *x)
{
	const struct conf_machine *m = &x->conf->machine;
	char key[CONF_KEY_BYTES];

	if (faulty(x, key, "machine.workers"))
		return;
	for (unsigned i = 0; i < m->nworkers; i++) {
		conf_path(key, "machine.workers[%u]", i);
		if (m->workers[i] == m->main_cpu && m->idle_sleep_us == 0 &&
		    !conf_doc_faulty_at(x->doc, "machine.main_cpu"))
			conf_fault_at(x->doc, key,
				      "CPU %u is main_cpu: a worker that never sleeps "
				      "(idle_sleep_us: 0) needs its own",
				      m->workers[i]);
		for (unsigned j = 0; j < i; j++) {
			if (m->workers[i] == m->workers[j])
				conf_fault_at(x->doc, key, "CPU %u is already worker %u's",
					      m->workers[i], j);
		}
	}
}

static void check_ports(const struct cross *x)
{
	const struct conf *conf = x->conf;
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < conf->nports; i++) {
		const char *device = conf->ports[i].device;
		size_t len = strcspn(device, ",");

		for (unsigned j = 0; j < i && *device; j++) {
			if (strcspn(conf->ports[j].device, ",") != len ||
			    memcmp(conf->ports[j].device, device, len) != 0 ||
			    faulty(x, key, "ports[%u].device", i))
				continue;
			conf_fault_at(x->doc, key, "device \"%.*s\" is already ports[%u]'s",
				      (int)len, device, j);
		}
		if (!conf_doc_faulty_at(x->doc, "machine.workers") &&
		    !faulty(x, key, "ports[%u].queues", i) &&
		    conf->ports[i].queues > conf->machine.nworkers)
			conf_fault_at(
				x->doc, key,
				"%u queues for %u worker%s: each queue needs a worker of its own",
				conf->ports[i].queues, conf->machine.nworkers,
				conf->machine.nworkers == 1 ? "" : "s");
	}
}

static void check_addresses(const struct cross *x, unsigned index)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES];

	for (unsigned a = 0; a < realm->naddrs; a++) {
		const struct net_prefix *prefix = &realm->addrs[a].prefix;

		conf_path(key, "realms[%u].addresses[%u]", index, a);
		if (a && prefix->family == realm->addrs[0].prefix.family) {
			conf_fault_at(x->doc, key,
				      "second IPv%u address; a realm has one of each family",
				      prefix->family);
			continue;
		}
		for (unsigned i = 0; i < index; i++) {
			const struct conf_realm *other = &x->conf->realms[i];

			for (unsigned b = 0; b < other->naddrs; b++) {
				if (other->addrs[b].prefix.family == prefix->family &&
				    net_addr_eq(&other->addrs[b].prefix.addr, &prefix->addr))
					conf_fault_at(x->doc, key,
						      "%s is already an address of realms[%u]",
						      conf_show_addr(prefix->family, &prefix->addr),
						      i);
			}
		}
	}
}

static void check_gateways(const struct cross *x, unsigned index)
{
	const struct raw_realms *raw = &x->raw->realms[index];
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < raw->gateways_count; i++) {
		struct net_addr gateway;
		uint8_t family;

		if (faulty(x, key, "realms[%u].gateways[%u]", index, i) ||
		    !conf_read_address(span_str(raw->gateways[i]), &family, &gateway))
			continue;
		for (unsigned a = 0; a < realm->naddrs; a++) {
			const struct net_prefix *prefix = &realm->addrs[a].prefix;
			struct net_prefix net = conf_network_of(prefix);

			if (prefix->family != family)
				continue;
			if (net_addr_eq(&prefix->addr, &gateway))
				conf_fault_at(x->doc, key, "%s is limen's own address",
					      conf_show_addr(family, &gateway));
			else if (!net_prefix_has(&net, family, &gateway))
				conf_fault_at(x->doc, key, "outside the realm's subnet %s",
					      conf_show_prefix(&net));
		}
	}
}

static void check_realm_ports(const struct cross *x, unsigned index)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	unsigned nports = realm->media_port_high - realm->media_port_low + 1u;
	char key[CONF_KEY_BYTES];

	if (faulty(x, key, "realms[%u].media_ports", index))
		return;
	if (!conf_doc_faulty_at(x->doc, "machine.workers") &&
	    nports / 4 < x->conf->machine.nworkers)
		conf_fault_at(x->doc, key, "%u ports for %u workers: each needs 4 at least", nports,
			      x->conf->machine.nworkers);
	if (!faulty(x, key, "realms[%u].sip_port", index) &&
	    realm->sip_port >= realm->media_port_low && realm->sip_port <= realm->media_port_high)
		conf_fault_at(x->doc, key, "%u lies within media_ports %u-%u", realm->sip_port,
			      realm->media_port_low, realm->media_port_high);
}

static void check_realms(const struct cross *x)
{
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < x->conf->nrealms; i++) {
		if (!faulty(x, key, "realms[%u].addresses", i)) {
			check_addresses(x, i);
			check_gateways(x, i);
		}
		check_realm_ports(x, i);
	}
}

static const struct conf_addr *realm_addr(const struct conf_realm *realm, uint8_t family)
{
	for (unsigned a = 0; a < realm->naddrs; a++) {
		if (realm->addrs[a].prefix.family == family)
			return &realm->addrs[a];
	}
	return NULL;
}

static void check_peers(const struct cross *x, unsigned index)
{
	const struct conf_trunk *trunk = &x->conf->trunks[index];
	const struct conf_realm *realm = &x->conf->realms[trunk->realm];
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < trunk->npeers; i++) {
		const struct net_endpoint *peer = &trunk->peers[i];
		const struct conf_addr *addr = realm_addr(realm, peer->family);
		struct net_prefix net;

		conf_path(key, "trunks[%u].peers[%u]", index, i);
		for (unsigned j = 0; j < i; j++) {
			if (net_endpoint_eq(&trunk->peers[j], peer))
				conf_fault_at(x->doc, key, "the same as peers[%u]", j);
		}
		if (!addr) {
			conf_fault_at(x->doc, key, "IPv%u, but realm \"%s\" has no IPv%u address",
				      peer->family, realm->name, peer->family);
			continue;
		}
		net = conf_network_of(&addr->prefix);
		if (net_addr_eq(&addr->prefix.addr, &peer->addr))
			conf_fault_at(x->doc, key, "%s is limen's own address",
				      conf_show_addr(peer->family, &peer->addr));
		else if (!addr->has_gateway && !net_prefix_has(&net, peer->family, &peer->addr))
			conf_fault_at(
				x->doc, key,
				"outside the subnet %s of realm \"%s\", which has no IPv%u gateway",
				conf_show_prefix(&net), realm->name, peer->family);
	}
}

static void check_trunks(const struct cross *x)
{
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < x->conf->ntrunks; i++) {
		const struct conf_trunk *trunk = &x->conf->trunks[i];
		bool realm_known = !faulty(x, key, "trunks[%u].realm", i);

		if (realm_known)
			realm_known = !faulty(x, key, "realms[%u].addresses", trunk->realm) &&
				      !faulty(x, key, "realms[%u].gateways", trunk->realm);
		if (realm_known && !faulty(x, key, "trunks[%u].peers", i))
			check_peers(x, i);
		for (unsigned s = 0;
		     realm_known && s < trunk->nsources && x->raw->trunks[i].sources_count; s++) {
			uint8_t family = trunk->sources[s].family;

			if (faulty(x, key, "trunks[%u].sources", i))
				break;
			conf_path(key, "trunks[%u].sources[%u]", i, s);
			if (!realm_addr(&x->conf->realms[trunk->realm], family))
				conf_fault_at(x->doc, key,
					      "IPv%u, but realm \"%s\" has no IPv%u address",
					      family, x->conf->realms[trunk->realm].name, family);
		}
		for (unsigned p = 1; p < trunk->pass_count; p++) {
			for (unsigned q = 0; q < p; q++) {
				if (!span_ieq(span_str(trunk->pass[p]), span_str(trunk->pass[q])) ||
				    faulty(x, key, "trunks[%u].headers_pass[%u]", i, p))
					continue;
				conf_fault_at(x->doc, key, "the same as headers_pass[%u]", q);
			}
		}
	}
}

/* A source of a trunk, sortable so that equal ones meet. */
struct source {
	unsigned realm, trunk, at;
	struct net_prefix prefix;
};

static int by_source(const void *left, const void *right)
{
	const struct source *a = left, *b = right;
	int order;

	if (a->realm != b->realm)
		return a->realm < b->realm ? -1 : 1;
	order = memcmp(&a->prefix, &b->prefix, sizeof(a->prefix));
	if (order)
		return order;
	if (a->trunk != b->trunk)
		return a->trunk < b->trunk ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* One network of one realm can be one trunk's only. */
static int check_sources(const struct cross *x)
{
	struct source *all;
	size_t n = 0, room = 1;
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < x->conf->ntrunks; i++)
		room += x->conf->trunks[i].nsources;
	all = malloc(room * sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (unsigned i = 0; i < x->conf->ntrunks; i++) {
		const struct conf_trunk *trunk = &x->conf->trunks[i];

		if (faulty(x, key, "trunks[%u].realm", i) ||
		    faulty(x, key, "trunks[%u].sources", i))
			continue;
		if (!x->raw->trunks[i].sources_count && faulty(x, key, "trunks[%u].peers", i))
			continue;
		for (unsigned s = 0; s < trunk->nsources; s++)
			all[n++] = (struct source){trunk->realm, i, s, trunk->sources[s]};
	}
	qsort(all, n, sizeof(*all), by_source);
	for (size_t i = 1; i < n; i++) {
		const struct source *was = &all[i - 1], *is = &all[i];
		bool given = x->raw->trunks[is->trunk].sources_count;

		if (was->realm != is->realm ||
		    memcmp(&was->prefix, &is->prefix, sizeof(is->prefix)) != 0)
			continue;
		if (given)
			conf_path(key, "trunks[%u].sources[%u]", is->trunk, is->at);
		else
			conf_path(key, "trunks[%u].peers", is->trunk);
		if (was->trunk == is->trunk)
			conf_fault_at(x->doc, key, "the same as sources[%u]", was->at);
		else
			conf_fault_at(x->doc, key,
				      "%s is already a source of trunks[%u]; requests from it "
				      "could be either's",
				      conf_show_prefix(&is->prefix), was->trunk);
	}
	free(all);
	return 0;
}

/* Which route first took a (from, prefix): a table that each route looks itself up in. */
struct taken {
	unsigned *slots; /* route + 1, 0: free */
	uint32_t mask;
};

static uint32_t taken_slot(const struct taken *taken, const struct cross *x, int from,
			   const char *prefix, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ (uint32_t)from;
	uint32_t at;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)prefix[i]) * 0x100000001b3ull;
	for (at = (uint32_t)(hash ^ hash >> 32) & taken->mask; taken->slots[at];
	     at = (at + 1) & taken->mask) {
		const struct conf_route *route = &x->conf->routes[taken->slots[at] - 1];

		if (route->from == from && strlen(route->prefix) == len &&
		    !memcmp(route->prefix, prefix, len))
			break;
	}
	return at;
}

/* The first earlier route that takes all this one would, plus 1; or 0. */
static unsigned covered_by(const struct taken *taken, const struct cross *x,
			   const struct conf_route *route)
{
	unsigned first = 0;

	for (size_t len = 0; len <= strlen(route->prefix); len++) {
		int froms[2] = {-1, route->from};

		for (unsigned f = 0; f < 2; f++) {
			unsigned by =
				taken->slots[taken_slot(taken, x, froms[f], route->prefix, len)];

			if (by && (!first || by < first))
				first = by;
		}
	}
	return first;
}

static int check_routes(const struct cross *x)
{
	struct taken taken = {.mask = 1};
	char key[CONF_KEY_BYTES];

	while (taken.mask < x->conf->nroutes * 2)
		taken.mask = taken.mask * 2 + 1;
	taken.slots = calloc((size_t)taken.mask + 1, sizeof(*taken.slots));
	if (!taken.slots)
		return -ENOMEM;
	for (unsigned i = 0; i < x->conf->nroutes; i++) {
		const struct conf_route *route = &x->conf->routes[i];
		const struct raw_routes *raw = &x->raw->routes[i];
		bool to = raw->to && *raw->to;
		unsigned by;

		if (faulty(x, key, "routes[%u]", i))
			continue;
		if (to == (raw->status != NULL)) {
			conf_fault_at(x->doc, key,
				      to ? "has both `to` and `status`: only one can be"
					 : "has neither `to` nor `status`");
			continue;
		}
		by = covered_by(&taken, x, route);
		if (by)
			conf_fault_at(x->doc, key,
				      "never reached: routes[%u] takes all of its calls", by - 1);
		else
			taken.slots[taken_slot(&taken, x, route->from, route->prefix,
					       strlen(route->prefix))] = i + 1;
	}
	free(taken.slots);
	return 0;
}

static void check_outputs(const struct cross *x)
{
	const struct conf *conf = x->conf;

	if (*conf->cdr.file && strcmp(conf->cdr.file, conf->log.file) == 0)
		conf_fault_at(x->doc, "cdr.file", "the same file as log.file");
}

int conf_cross_check(struct conf_doc *doc, const struct raw_conf *raw, const struct conf *conf)
{
	const struct cross x = {doc, raw, conf};
	int err;

	check_machine(&x);
	check_ports(&x);
	check_realms(&x);
	/* trunks point into realms: without any there is nothing to hold them against */
	if (conf->nrealms) {
		check_trunks(&x);
		err = check_sources(&x);
		if (err)
			return err;
	}
	check_outputs(&x);
	return check_routes(&x);
}
