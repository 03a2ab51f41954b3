/* SPDX-License-Identifier: BSD-3-Clause */
/* Transports with connections: from the raw tree, and what of it contradicts. */
#include "common/conf/conf_cross.h"
#include "common/conf/conf_resolve_priv.h"

void resolve_realm_streams(const struct raw_realms *raw, struct conf_realm *realm)
{
	realm->tcp_port = (uint16_t)number(SECTION_realms, REALM_tcp_port, raw->tcp_port);
	for (unsigned i = 0; i < raw->stream_addresses_count; i++) {
		struct net_endpoint *addr = &realm->stream_addrs[realm->nstream_addrs];

		if (realm->nstream_addrs < CONF_ADDRS_MAX &&
		    conf_read_address(span_str(raw->stream_addresses[i]), &addr->family,
				      &addr->addr))
			realm->nstream_addrs++;
	}
}

void resolve_connections(struct resolve *r)
{
	static const struct raw_connections absent;
	const struct raw_connections *raw = r->raw->connections ? r->raw->connections : &absent;
	struct conf_connections *c = &r->conf->connections;

#define NUMBER(field) c->field = number(SECTION_connections, CONNECTIONS_##field, raw->field)
	NUMBER(total_max);
	NUMBER(source_max);
	NUMBER(known_source_max);
	NUMBER(first_message_s);
	NUMBER(message_s);
	NUMBER(idle_s);
	NUMBER(connect_timeout_ms);
	NUMBER(keepalive_s);
	NUMBER(message_bytes_max);
	NUMBER(output_kb_max);
#undef NUMBER
	c->alias = yes(SECTION_connections, CONNECTIONS_alias, raw->alias);
}

static uint16_t port_of(const struct conf_realm *realm, enum net_transport transport)
{
	switch (transport) {
	case NET_UDP:
		return realm->sip_port;
	case NET_TCP:
		return realm->tcp_port;
	case NET_TLS:
		return realm->tls_port;
	default:
		return 0;
	}
}

bool conf_realm_endpoint(const struct conf_realm *realm, enum net_transport transport,
			 uint8_t family, struct net_endpoint *endpoint)
{
	uint16_t port = port_of(realm, transport);

	*endpoint = (struct net_endpoint){0};
	if (!port || family == NET_NONE)
		return false;
	for (unsigned a = 0; transport != NET_UDP && a < realm->nstream_addrs; a++) {
		if (realm->stream_addrs[a].family == family)
			*endpoint = realm->stream_addrs[a];
	}
	for (unsigned a = 0; (transport == NET_UDP || !realm->nstream_addrs) && a < realm->naddrs;
	     a++) {
		const struct net_prefix *prefix = &realm->addrs[a].prefix;

		if (prefix->family == family)
			*endpoint = (struct net_endpoint){.addr = prefix->addr, .family = family};
	}
	endpoint->port = endpoint->family == family ? port : 0;
	return endpoint->family == family;
}

/* ---- what contradicts ---- */

static void check_stream_addresses(const struct conf_cross *x, unsigned index)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES];

	for (unsigned a = 0; a < realm->nstream_addrs; a++) {
		const struct net_endpoint *addr = &realm->stream_addrs[a];

		if (conf_cross_faulty(x, key, "realms[%u].stream_addresses[%u]", index, a))
			continue;
		if (a && addr->family == realm->stream_addrs[0].family)
			conf_fault_at(x->doc, key,
				      "second IPv%u address; a realm has one of each family",
				      addr->family);
		for (unsigned i = 0; i < x->conf->nrealms; i++) {
			const struct conf_realm *other = &x->conf->realms[i];

			for (unsigned b = 0; b < other->naddrs; b++) {
				if (other->addrs[b].prefix.family == addr->family &&
				    net_addr_eq(&other->addrs[b].prefix.addr, &addr->addr))
					conf_fault_at(x->doc, key,
						      "%s is in the addresses of realms[%u]: the "
						      "kernel has it by kernel_device",
						      conf_show_addr(addr->family, &addr->addr), i);
			}
			for (unsigned b = 0; i < index && b < other->nstream_addrs; b++) {
				if (other->stream_addrs[b].family == addr->family &&
				    net_addr_eq(&other->stream_addrs[b].addr, &addr->addr))
					conf_fault_at(x->doc, key,
						      "%s is already an address of realms[%u]",
						      conf_show_addr(addr->family, &addr->addr), i);
			}
		}
	}
}

/* Media of a family needs a port of limen's in it. */
static void check_stream_families(const struct conf_cross *x, unsigned index)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES];

	for (unsigned a = 0; a < realm->nstream_addrs; a++) {
		uint8_t family = realm->stream_addrs[a].family;
		bool found = false;

		for (unsigned b = 0; b < realm->naddrs; b++)
			found |= realm->addrs[b].prefix.family == family;
		if (!found && !conf_cross_faulty(x, key, "realms[%u].addresses", index) &&
		    !conf_cross_faulty(x, key, "realms[%u].stream_addresses[%u]", index, a))
			conf_fault_at(x->doc, key,
				      "IPv%u, but the realm has no IPv%u address for media",
				      family, family);
	}
}

static void check_stream_port(const struct conf_cross *x, unsigned index, const char *name,
			      uint16_t port)
{
	const struct conf_realm *realm = &x->conf->realms[index];
	char key[CONF_KEY_BYTES];

	if (conf_cross_faulty(x, key, "realms[%u].%s", index, name) || !port)
		return;
	if (!*realm->kernel_device && !x->raw->realms[index].stream_addresses_count)
		conf_fault_at(x->doc, key, "connections are the kernel's: the realm needs "
			      "kernel_device, or stream_addresses");
}

/* Whom limen can speak to. */
static void check_peer_transports(const struct conf_cross *x, unsigned index)
{
	const struct conf_trunk *trunk = &x->conf->trunks[index];
	const struct conf_realm *realm = &x->conf->realms[trunk->realm];
	char key[CONF_KEY_BYTES];

	for (unsigned i = 0; i < trunk->npeers; i++) {
		enum net_transport transport = trunk->peer_of[i].transport;
		struct net_endpoint own;

		if (transport == NET_UDP ||
		    conf_cross_faulty(x, key, "trunks[%u].peers[%u]", index, i))
			continue;
		if (!port_of(realm, transport))
			conf_fault_at(x->doc, key, "realm \"%s\" has no %s_port", realm->name,
				      net_transport_param(transport));
		else if (!trunk->peer_of[i].host &&
			 !conf_realm_endpoint(realm, transport, trunk->peers[i].family, &own))
			conf_fault_at(x->doc, key,
				      "IPv%u, but realm \"%s\" has no IPv%u address in "
				      "stream_addresses",
				      trunk->peers[i].family, realm->name, trunk->peers[i].family);
	}
}

void conf_cross_streams(const struct conf_cross *x)
{
	const struct conf_connections *c = &x->conf->connections;

	for (unsigned i = 0; i < x->conf->nrealms; i++) {
		check_stream_addresses(x, i);
		check_stream_families(x, i);
		check_stream_port(x, i, "tcp_port", x->conf->realms[i].tcp_port);
		check_stream_port(x, i, "tls_port", x->conf->realms[i].tls_port);
	}
	for (unsigned i = 0; x->conf->nrealms && i < x->conf->ntrunks; i++)
		check_peer_transports(x, i);
	if (c->keepalive_s && c->idle_s && c->keepalive_s >= c->idle_s &&
	    !conf_doc_faulty_at(x->doc, "connections.keepalive_s") &&
	    !conf_doc_faulty_at(x->doc, "connections.idle_s"))
		conf_fault_at(x->doc, "connections.keepalive_s",
			      "not shorter than idle_s, %u: what it keeps alive is closed before",
			      c->idle_s);
}
