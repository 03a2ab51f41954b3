/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks that need to see two keys at once: what overlaps, contradicts, cannot be reached or never
 * comes true. */
#include "common/conf/conf_cross.h"

#include <errno.h>
#include <stdio.h>

#include "common/conf/conf_value.h"

bool conf_cross_faulty(const struct conf_cross *x, char key[CONF_KEY_BYTES], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(key, CONF_KEY_BYTES, fmt, args);
	va_end(args);
	return conf_doc_faulty_at(x->doc, key);
}

static void check_machine(const struct conf_cross *x)
{
	const struct conf_machine *m = &x->conf->machine;
	char key[CONF_KEY_BYTES];

	if (conf_cross_faulty(x, key, "machine.workers"))
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

static void check_ports(const struct conf_cross *x)
{
	const struct conf *conf = x->conf;
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < conf->nports; i++) {
		const char *device = conf->ports[i].device;
		size_t len = strcspn(device, ",");

		for (unsigned j = 0; j < i && *device; j++) {
			if (strcspn(conf->ports[j].device, ",") != len ||
			    memcmp(conf->ports[j].device, device, len) != 0 ||
			    conf_cross_faulty(x, key, "ports[%u].device", i))
				continue;
			conf_fault_at(x->doc, key, "device \"%.*s\" is already ports[%u]'s",
				      (int)len, device, j);
		}
		if (!conf_doc_faulty_at(x->doc, "machine.workers") &&
		    !conf_cross_faulty(x, key, "ports[%u].queues", i) &&
		    conf->ports[i].queues > conf->machine.nworkers)
			conf_fault_at(
				x->doc, key,
				"%u queues for %u worker%s: each queue needs a worker of its own",
				conf->ports[i].queues, conf->machine.nworkers,
				conf->machine.nworkers == 1 ? "" : "s");
	}
}

static void check_addresses(const struct conf_cross *x, unsigned index)
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

static void check_kernel_device(const struct conf_cross *x, unsigned index)
{
	const char *device = x->conf->realms[index].kernel_device;
	char key[CONF_KEY_BYTES];

	if (!*device || conf_cross_faulty(x, key, "realms[%u].kernel_device", index))
		return;
	for (unsigned i = 0; i < index; i++) {
		if (strcmp(x->conf->realms[i].kernel_device, device) == 0)
			conf_fault_at(x->doc, key, "\"%s\" is already realms[%u]'s", device, i);
	}
}

static void check_gateways(const struct conf_cross *x, unsigned index)
{
	const struct raw_realms *raw = &x->raw->realms[index];
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < raw->gateways_count; i++) {
		struct net_addr gateway;
		uint8_t family;

		if (conf_cross_faulty(x, key, "realms[%u].gateways[%u]", index, i) ||
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

static void check_realm_ports(const struct conf_cross *x, unsigned index)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	unsigned nports = realm->media_port_high - realm->media_port_low + 1u;
	char key[CONF_KEY_BYTES];

	if (conf_cross_faulty(x, key, "realms[%u].media_ports", index))
		return;
	if (!conf_doc_faulty_at(x->doc, "machine.workers") &&
	    nports / 4 < x->conf->machine.nworkers)
		conf_fault_at(x->doc, key, "%u ports for %u workers: each needs 4 at least", nports,
			      x->conf->machine.nworkers);
	if (!conf_cross_faulty(x, key, "realms[%u].sip_port", index) &&
	    realm->sip_port >= realm->media_port_low && realm->sip_port <= realm->media_port_high)
		conf_fault_at(x->doc, key, "%u lies within media_ports %u-%u", realm->sip_port,
			      realm->media_port_low, realm->media_port_high);
}

static void check_realms(const struct conf_cross *x)
{
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < x->conf->nrealms; i++) {
		if (!conf_cross_faulty(x, key, "realms[%u].addresses", i)) {
			check_addresses(x, i);
			check_gateways(x, i);
		}
		check_realm_ports(x, i);
		check_kernel_device(x, i);
	}
}

/* No algorithm twice. */
static void check_algorithms(const struct conf_cross *x)
{
	const struct conf_auth *auth = &x->conf->auth;
	char key[CONF_KEY_BYTES];

	for (unsigned i = 1; i < auth->algorithms_count; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (strcmp(auth->algorithms[i], auth->algorithms[j]) == 0 &&
			    !conf_cross_faulty(x, key, "auth.algorithms[%u]", i))
				conf_fault_at(x->doc, key, "the same as algorithms[%u]", j);
		}
	}
}

static void check_dns(const struct conf_cross *x)
{
	const struct conf_dns *dns = &x->conf->dns;

	if (dns->ttl_max_s < dns->ttl_min_s &&
	    !conf_doc_faulty_at(x->doc, "dns.ttl_min_s") &&
	    !conf_doc_faulty_at(x->doc, "dns.ttl_max_s"))
		conf_fault_at(x->doc, x->raw->dns->ttl_max_s ? "dns.ttl_max_s" : "dns.ttl_min_s",
			      "ttl_max_s, %u, is shorter than ttl_min_s, %u", dns->ttl_max_s,
			      dns->ttl_min_s);
}

static void check_outputs(const struct conf_cross *x)
{
	const struct conf *conf = x->conf;

	if (*conf->cdr.file && strcmp(conf->cdr.file, conf->log.file) == 0)
		conf_fault_at(x->doc, "cdr.file", "the same file as log.file");
	if (!*conf->registrar.file)
		return;
	if (strcmp(conf->registrar.file, conf->log.file) == 0)
		conf_fault_at(x->doc, "registrar.file", "the same file as log.file");
	else if (strcmp(conf->registrar.file, conf->cdr.file) == 0)
		conf_fault_at(x->doc, "registrar.file", "the same file as cdr.file");
}

/* Workers hold all sources in a table of one size. */
static void check_source_count(const struct conf_cross *x)
{
	size_t n = x->conf->screening.nblocked;

	for (unsigned i = 0; i < x->conf->ntrunks; i++)
		n += x->conf->trunks[i].nsources + x->conf->trunks[i].npeers;
	if (n > CONF_SOURCES_MAX)
		conf_fault_at(x->doc, "trunks",
			      "%zu sources and peers, with screening.blocked_sources; at most %u "
			      "are possible",
			      n, CONF_SOURCES_MAX);
}

int conf_cross_check(struct conf_doc *doc, const struct raw_conf *raw, const struct conf *conf)
{
	const struct conf_cross x = {doc, raw, conf};
	int err;

	check_machine(&x);
	check_ports(&x);
	check_realms(&x);
	/* trunks point into realms: without any there is nothing to hold them against */
	if (conf->nrealms) {
		err = conf_cross_trunks(&x);
		if (err)
			return err;
	}
	err = conf_cross_tls(&x);
	if (err)
		return err;
	conf_cross_streams(&x);
	check_algorithms(&x);
	check_dns(&x);
	check_outputs(&x);
	check_source_count(&x);
	conf_cross_number_rules(&x);
	return conf_cross_routes(&x);
}
