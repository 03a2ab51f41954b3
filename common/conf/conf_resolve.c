/* SPDX-License-Identifier: BSD-3-Clause */
/* From the raw tree to struct conf: defaults, numbers, references. */
#include "common/conf/conf_resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/conf/conf_resolve_priv.h"
#include "common/conf/conf_value.h"
#include "common/sip/sip_msg.h"

struct conf_block {
	struct conf_block *next;
	max_align_t bytes[];
};

void *conf_pool_get(struct conf_pool *pool, size_t count, size_t bytes)
{
	struct conf_block *block;

	if (bytes && count > (SIZE_MAX - sizeof(*block)) / bytes)
		return NULL;
	block = calloc(1, sizeof(*block) + count * bytes);
	if (!block)
		return NULL;
	block->next = pool->blocks;
	pool->blocks = block;
	return block->bytes;
}

void conf_pool_free(struct conf_pool *pool)
{
	struct conf_block *block = pool->blocks, *next;

	for (; block; block = next) {
		next = block->next;
		free(block);
	}
	pool->blocks = NULL;
}

static void resolve_machine(struct resolve *r)
{
	static const struct raw_machine absent;
	const struct raw_machine *raw = r->raw->machine ? r->raw->machine : &absent;
	struct conf_machine *m = &r->conf->machine;

#define NUMBER(field) m->field = number(SECTION_machine, MACHINE_##field, raw->field)
#define STRING(field) m->field = text(r, SECTION_machine, MACHINE_##field, raw->field)
	NUMBER(main_cpu);
	STRING(hugepages);
	NUMBER(memory_mb);
	NUMBER(idle_sleep_us);
	NUMBER(max_calls);
	STRING(state_dir);
	STRING(run_dir);
	NUMBER(mbufs);
	STRING(user);
	STRING(dataplane_user);
	STRING(sandbox);
#undef NUMBER
#undef STRING
	m->core_dumps = yes(SECTION_machine, MACHINE_core_dumps, raw->core_dumps);
	for (unsigned i = 0; i < raw->workers_count && i < CONF_WORKERS_MAX; i++)
		m->workers[m->nworkers++] =
			number(SECTION_machine, MACHINE_workers, raw->workers[i]);
}

static void resolve_ports(struct resolve *r)
{
	unsigned n = r->raw->ports_count;
	struct conf_port *ports = get(r, n, sizeof(*ports));

	r->ports.sorted = get(r, n, sizeof(*r->ports.sorted));
	if (r->no_memory)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct raw_ports *raw = &r->raw->ports[i];

		ports[i].name = text(r, SECTION_ports, PORT_name, raw->name);
		ports[i].device = text(r, SECTION_ports, PORT_device, raw->device);
		ports[i].queues = number(SECTION_ports, PORT_queues, raw->queues);
		ports[i].mtu = number(SECTION_ports, PORT_mtu, raw->mtu);
		names_add(&r->ports, raw->name, i);
	}
	r->conf->ports = ports;
	r->conf->nports = n;
	names_close(r, &r->ports, SECTION_ports);
}

/* A gateway goes to the address of its family. */
static void resolve_gateways(struct resolve *r, const struct raw_realms *raw,
			     struct conf_realm *realm, unsigned index)
{
	char path[CONF_KEY_BYTES];

	for (unsigned i = 0; i < raw->gateways_count; i++) {
		struct net_addr gateway;
		uint8_t family;
		unsigned a;

		conf_path(path, "realms[%u].gateways[%u]", index, i);
		if (!conf_read_address(span_str(raw->gateways[i]), &family, &gateway))
			continue;
		for (a = 0; a < realm->naddrs && realm->addrs[a].prefix.family != family; a++)
			;
		if (a == realm->naddrs) {
			conf_fault_at(r->doc, path,
				      "the realm has no IPv%u address to reach it from", family);
		} else if (realm->addrs[a].has_gateway) {
			conf_fault_at(r->doc, path, "second IPv%u gateway; only one is possible",
				      family);
		} else {
			realm->addrs[a].has_gateway = true;
			realm->addrs[a].gateway = gateway;
		}
	}
}

static void resolve_realm(struct resolve *r, unsigned index)
{
	const struct raw_realms *raw = &r->raw->realms[index];
	struct conf_realm *realm = &r->conf->realms[index];
	char path[CONF_KEY_BYTES];
	int port;

	realm->name = text(r, SECTION_realms, REALM_name, raw->name);
	conf_path(path, "realms[%u].port", index);
	port = raw->port ? refer(r, &r->ports, SECTION_ports, raw->port, path) : -1;
	realm->port = port < 0 ? 0 : (unsigned)port;
	for (unsigned i = 0; i < raw->addresses_count && realm->naddrs < CONF_ADDRS_MAX; i++) {
		if (conf_read_interface(span_str(raw->addresses[i]),
					&realm->addrs[realm->naddrs].prefix))
			realm->naddrs++;
	}
	resolve_gateways(r, raw, realm, index);
	realm->sip_port = (uint16_t)number(SECTION_realms, REALM_sip_port, raw->sip_port);
	conf_read_port_range(span_str(raw->media_ports
					      ? raw->media_ports
					      : key_of(SECTION_realms, REALM_media_ports)->def),
			     &realm->media_port_low, &realm->media_port_high);
	realm->dscp_sip = (uint8_t)number(SECTION_realms, REALM_dscp_sip, raw->dscp_sip);
	realm->dscp_media = (uint8_t)number(SECTION_realms, REALM_dscp_media, raw->dscp_media);
	realm->kernel_device = text(r, SECTION_realms, REALM_kernel_device, raw->kernel_device);
	realm->kernel_new_per_s = (unsigned)number(SECTION_realms, REALM_kernel_new_per_s,
						   raw->kernel_new_per_s);
	realm->kernel_pkts_per_s = (unsigned)number(SECTION_realms, REALM_kernel_pkts_per_s,
						    raw->kernel_pkts_per_s);
	resolve_realm_tls(r, index);
	resolve_realm_streams(raw, realm);
}

static void resolve_realms(struct resolve *r)
{
	unsigned n = r->raw->realms_count;

	r->conf->realms = get(r, n, sizeof(*r->conf->realms));
	r->realms.sorted = get(r, n, sizeof(*r->realms.sorted));
	if (r->no_memory)
		return;
	r->conf->nrealms = n;
	for (unsigned i = 0; i < n; i++) {
		resolve_realm(r, i);
		names_add(&r->realms, r->raw->realms[i].name, i);
	}
	names_close(r, &r->realms, SECTION_realms);
}

/* The prefixes given, or the peers' addresses. */
static void resolve_sources(struct resolve *r, const struct raw_trunks *raw,
			    struct conf_trunk *trunk)
{
	unsigned room = raw->sources_count ? raw->sources_count : trunk->npeers;

	trunk->sources = get(r, room, sizeof(*trunk->sources));
	if (r->no_memory)
		return;
	for (unsigned i = 0; i < raw->sources_count; i++) {
		if (conf_read_prefix(span_str(raw->sources[i]), &trunk->sources[trunk->nsources]))
			trunk->nsources++;
	}
	trunk->sources_follow = !raw->sources_count;
	for (unsigned i = 0; !raw->sources_count && i < trunk->npeers; i++) {
		const struct net_endpoint *peer = &trunk->peers[i];
		unsigned at;

		if (peer->family == NET_NONE)
			continue;

		for (at = 0; at < trunk->nsources; at++) {
			if (trunk->sources[at].family == peer->family &&
			    net_addr_eq(&trunk->sources[at].addr, &peer->addr))
				break;
		}
		if (at == trunk->nsources)
			trunk->sources[trunk->nsources++] = (struct net_prefix){
				peer->addr, peer->family, peer->family == NET_IP4 ? 32 : 128};
	}
}

static void resolve_methods(const struct raw_trunks *raw, struct conf_trunk *trunk)
{
	if (!raw->methods_count)
		trunk->methods = 1u << sip_method_from(
					 span_str(key_of(SECTION_trunks, TRUNK_methods)->def));
	for (unsigned i = 0; i < raw->methods_count; i++) {
		enum sip_method method = sip_method_from(span_str(raw->methods[i]));

		if (method != SIP_METHOD_OTHER)
			trunk->methods |= 1u << method;
	}
}

static void resolve_srtp_suites(const struct raw_trunks *raw, struct conf_trunk *trunk)
{
	struct span rest = span_str(key_of(SECTION_trunks, TRUNK_srtp_suites)->def);
	unsigned n = 0;

	for (unsigned i = 0; i < raw->srtp_suites_count && n < SECURE_SUITES_MAX; i++)
		trunk->srtp_suites[n++] =
			(uint8_t)secure_suite_of(span_str(raw->srtp_suites[i]));
	while (!raw->srtp_suites_count && rest.len && n < SECURE_SUITES_MAX) {
		size_t len = strcspn(rest.ptr, "|");

		trunk->srtp_suites[n++] = (uint8_t)secure_suite_of(span_of(rest.ptr, len));
		len += rest.ptr[len] == '|';
		rest = span_of(rest.ptr + len, rest.len - len);
	}
}

/* How its peers are spoken to, and what they may do. */
static void resolve_manners(const struct raw_trunks *raw, struct conf_trunk *trunk)
{
#define CHOICE(field) choice(SECTION_trunks, TRUNK_##field, raw->field)
#define NUMBER(field) number(SECTION_trunks, TRUNK_##field, raw->field)
	resolve_methods(raw, trunk);
	trunk->media_learn = CHOICE(media_source) == 1;
	trunk->redirect = (uint8_t)CHOICE(redirect);
	trunk->refer = (uint8_t)CHOICE(refer);
	trunk->challenges_pass = CHOICE(challenges) == 1;
	trunk->register_min_expires_s = NUMBER(register_min_expires_s);
	trunk->register_expires_s = NUMBER(register_expires_s);
	trunk->register_nat_expires_s = NUMBER(register_nat_expires_s);
	trunk->outbound = yes(SECTION_trunks, TRUNK_outbound, raw->outbound);
	trunk->register_path = yes(SECTION_trunks, TRUNK_register_path, raw->register_path);
	trunk->account_expires_s = NUMBER(account_expires_s);
	trunk->users_registered = CHOICE(users) == 1;
	trunk->auth_digest = CHOICE(auth) == 1;
	trunk->auth_identity = yes(SECTION_trunks, TRUNK_auth_identity, raw->auth_identity);
	trunk->srtp = (uint8_t)CHOICE(srtp);
	resolve_srtp_suites(raw, trunk);
	trunk->msrp = yes(SECTION_trunks, TRUNK_msrp, raw->msrp);
	trunk->trusted = yes(SECTION_trunks, TRUNK_trusted, raw->trusted);
	trunk->session_expires_s = (uint16_t)NUMBER(session_expires_s);
	trunk->min_se_s = (uint16_t)NUMBER(min_se_s);
	trunk->options_interval_s = NUMBER(options_interval_s);
	trunk->options_down_after = NUMBER(options_down_after);
	trunk->options_up_after = NUMBER(options_up_after);
	trunk->answer_max_s = NUMBER(answer_max_s);
	trunk->duration_max_s = NUMBER(duration_max_s);
	trunk->media_timeout_s = NUMBER(media_timeout_s);
	trunk->media_side_timeout_s = NUMBER(media_side_timeout_s);
	trunk->media_police = yes(SECTION_trunks, TRUNK_media_police, raw->media_police);
	trunk->media_police_headroom = (uint16_t)NUMBER(media_police_headroom);
	trunk->media_police_burst_ms = (uint16_t)NUMBER(media_police_burst_ms);
	trunk->ssrc_hide = CHOICE(ssrc) == 1;
#undef CHOICE
#undef NUMBER
}

/* A name as it is looked up: in lower case, without a dot at its end. */
static char *host_name(struct resolve *r, struct span host)
{
	char *name = get(r, host.len + 1, 1);

	if (host.ptr[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; name && i < host.len; i++)
		name[i] = host.ptr[i] >= 'A' && host.ptr[i] <= 'Z' ? (char)(host.ptr[i] | 0x20)
								    : host.ptr[i];
	return name;
}

static void resolve_peers(struct resolve *r, const struct raw_trunks *raw,
			  struct conf_trunk *trunk)
{
	for (unsigned i = 0; i < raw->peers_count && trunk->npeers < CONF_PEERS_MAX; i++) {
		struct conf_peer *peer = &trunk->peer_of[trunk->npeers];
		struct conf_peer_text text;

		if (conf_read_peer(span_str(raw->peers[i]), &text))
			continue;
		peer->host = text.host.len ? host_name(r, text.host) : NULL;
		peer->priority = text.priority;
		peer->weight = text.weight;
		peer->transport = text.transport;
		peer->transport_given = text.transport_given;
		trunk->peers[trunk->npeers++] = text.addr;
	}
}

static void resolve_failover(const struct raw_trunks *raw, struct conf_trunk *trunk)
{
	const struct conf_key *key = key_of(SECTION_trunks, TRUNK_failover_codes);

	for (unsigned i = 0; i < raw->failover_codes_count; i++) {
		uint64_t code;
		int bit = conf_read_number(span_str(raw->failover_codes[i]), key->low, key->high,
					   &code)
				  ? sip_failover_bit((unsigned)code)
				  : -1;

		if (bit >= 0)
			trunk->failover[bit / 32] |= 1u << bit % 32;
	}
	trunk->failover_timeout_ms = number(SECTION_trunks, TRUNK_failover_timeout_ms,
					    raw->failover_timeout_ms);
}

static void resolve_limits(const struct raw_trunks *raw, struct conf_trunk *trunk)
{
#define NUMBER(field) trunk->limits.field = number(SECTION_trunks, TRUNK_##field, raw->field)
	trunk->source_class = (uint8_t)choice(SECTION_trunks, TRUNK_source_class,
					      raw->source_class);
	NUMBER(calls_max);
	NUMBER(calls_in_max);
	NUMBER(calls_out_max);
	NUMBER(calls_in_per_s);
	NUMBER(calls_out_per_s);
	NUMBER(messages_per_s);
	NUMBER(registrations_per_s);
	NUMBER(subscriptions_max);
	NUMBER(user_calls_max);
	NUMBER(user_calls_per_s);
	NUMBER(rate_burst_ms);
	trunk->registrations_out_per_s = number(SECTION_trunks, TRUNK_registrations_out_per_s,
						raw->registrations_out_per_s);
#undef NUMBER
}

static void resolve_trunk(struct resolve *r, unsigned index)
{
	const struct raw_trunks *raw = &r->raw->trunks[index];
	struct conf_trunk *trunk = &r->conf->trunks[index];
	char path[CONF_KEY_BYTES];
	int realm;

	trunk->name = text(r, SECTION_trunks, TRUNK_name, raw->name);
	conf_path(path, "trunks[%u].realm", index);
	realm = raw->realm ? refer(r, &r->realms, SECTION_realms, raw->realm, path) : -1;
	trunk->realm = realm < 0 ? 0 : (unsigned)realm;
	resolve_peers(r, raw, trunk);
	resolve_failover(raw, trunk);
	resolve_sources(r, raw, trunk);
	resolve_manners(raw, trunk);
	trunk->account_user = text(r, SECTION_trunks, TRUNK_account_user, raw->account_user);
	trunk->account_domain = text(r, SECTION_trunks, TRUNK_account_domain, raw->account_domain);
	trunk->account_auth_user =
		text(r, SECTION_trunks, TRUNK_account_auth_user, raw->account_auth_user);
	trunk->auth_realm = text(r, SECTION_trunks, TRUNK_auth_realm, raw->auth_realm);
	resolve_limits(raw, trunk);
	trunk->pass_count = raw->headers_pass_count;
	trunk->pass = raw->headers_pass;
	trunk->hide_count = raw->headers_hide_count;
	trunk->hide = raw->headers_hide;
	trunk->drop_count = raw->headers_drop_count;
	trunk->drop = raw->headers_drop;
	resolve_tls_names(r, index);
	resolve_trunk_numbers(r, index);
}

static void resolve_trunks(struct resolve *r)
{
	unsigned n = r->raw->trunks_count;

	r->conf->trunks = get(r, n, sizeof(*r->conf->trunks));
	r->trunks.sorted = get(r, n, sizeof(*r->trunks.sorted));
	if (r->no_memory)
		return;
	r->conf->ntrunks = n;
	for (unsigned i = 0; i < n; i++) {
		resolve_trunk(r, i);
		names_add(&r->trunks, r->raw->trunks[i].name, i);
	}
	names_close(r, &r->trunks, SECTION_trunks);
}

static void resolve_registrar(struct resolve *r)
{
	static const struct raw_registrar absent;
	const struct raw_registrar *raw = r->raw->registrar ? r->raw->registrar : &absent;
	struct conf_registrar *registrar = &r->conf->registrar;

	registrar->file = text(r, SECTION_registrar, REGISTRAR_file, raw->file);
	registrar->absorb = yes(SECTION_registrar, REGISTRAR_absorb, raw->absorb);
	registrar->flow_timer_s =
		number(SECTION_registrar, REGISTRAR_flow_timer_s, raw->flow_timer_s);
	registrar->core_expires_s =
		number(SECTION_registrar, REGISTRAR_core_expires_s, raw->core_expires_s);
	registrar->outage_expires_s =
		number(SECTION_registrar, REGISTRAR_outage_expires_s, raw->outage_expires_s);
	registrar->outage_keep_s =
		number(SECTION_registrar, REGISTRAR_outage_keep_s, raw->outage_keep_s);
	registrar->bindings_max =
		number(SECTION_registrar, REGISTRAR_bindings_max, raw->bindings_max);
}

static void resolve_auth(struct resolve *r)
{
	static const struct raw_auth absent;
	const struct raw_auth *raw = r->raw->auth ? r->raw->auth : &absent;
	struct conf_auth *auth = &r->conf->auth;
	char *def;

	auth->users_table = text(r, SECTION_auth, AUTH_users_table, raw->users_table);
	auth->integrity = yes(SECTION_auth, AUTH_integrity, raw->integrity);
	auth->users_file = text(r, SECTION_auth, AUTH_users_file, raw->users_file);
	auth->credentials_file =
		text(r, SECTION_auth, AUTH_credentials_file, raw->credentials_file);
	auth->nonce_s = number(SECTION_auth, AUTH_nonce_s, raw->nonce_s);
	for (unsigned i = 0; i < raw->algorithms_count && i < CONF_AUTH_ALGORITHMS_MAX; i++)
		auth->algorithms[auth->algorithms_count++] = raw->algorithms[i];
	def = auth->algorithms_count ? NULL : text(r, SECTION_auth, AUTH_algorithms, NULL);
	for (char *word = def ? strtok(def, "|") : NULL; word; word = strtok(NULL, "|"))
		auth->algorithms[auth->algorithms_count++] = word;
}

static void resolve_srtp(struct resolve *r)
{
	static const struct raw_srtp absent;
	const struct raw_srtp *raw = r->raw->srtp ? r->raw->srtp : &absent;

	r->conf->srtp.engine = text(r, SECTION_srtp, SRTP_engine, raw->engine);
	r->conf->srtp.sessions = number(SECTION_srtp, SRTP_sessions, raw->sessions);
}

static void resolve_overload(struct resolve *r)
{
	static const struct raw_overload absent;
	const struct raw_overload *raw = r->raw->overload ? r->raw->overload : &absent;
	struct conf_overload *overload = &r->conf->overload;

	overload->busy_percent_max =
		number(SECTION_overload, OVERLOAD_busy_percent_max, raw->busy_percent_max);
	overload->retry_after_s =
		number(SECTION_overload, OVERLOAD_retry_after_s, raw->retry_after_s);
}

static void resolve_screening(struct resolve *r)
{
	if (conf_resolve_screening(r->doc, r->raw->screening, &r->conf->screening, r->pool))
		r->no_memory = true;
}

static void resolve_emergency(struct resolve *r)
{
	static const struct raw_emergency absent;
	const struct raw_emergency *raw = r->raw->emergency ? r->raw->emergency : &absent;
	struct conf_emergency *emergency = &r->conf->emergency;
	char *def;

	for (unsigned i = 0; i < raw->services_count && i < CONF_EMERGENCY_MAX; i++)
		emergency->services[emergency->count++] = raw->services[i];
	emergency->over_limits = yes(SECTION_emergency, EMERGENCY_over_limits, raw->over_limits);
	emergency->of_unknown = yes(SECTION_emergency, EMERGENCY_of_unknown, raw->of_unknown);
	def = emergency->count ? NULL : text(r, SECTION_emergency, EMERGENCY_services, NULL);
	for (char *word = def ? strtok(def, "|") : NULL; word; word = strtok(NULL, "|"))
		emergency->services[emergency->count++] = word;
}

static void resolve_dns(struct resolve *r)
{
	static const struct raw_dns absent;
	const struct raw_dns *raw = r->raw->dns ? r->raw->dns : &absent;
	struct conf_dns *dns = &r->conf->dns;

	for (unsigned i = 0; i < raw->servers_count && dns->nservers < CONF_DNS_SERVERS_MAX; i++)
		dns->nservers += conf_read_server(span_str(raw->servers[i]),
						  &dns->servers[dns->nservers]);
	dns->timeout_ms = number(SECTION_dns, DNS_timeout_ms, raw->timeout_ms);
	dns->tries = number(SECTION_dns, DNS_tries, raw->tries);
	dns->ttl_min_s = number(SECTION_dns, DNS_ttl_min_s, raw->ttl_min_s);
	dns->ttl_max_s = number(SECTION_dns, DNS_ttl_max_s, raw->ttl_max_s);
	dns->negative_ttl_max_s = number(SECTION_dns, DNS_negative_ttl_max_s,
					 raw->negative_ttl_max_s);
}

static void resolve_outputs(struct resolve *r)
{
	static const struct raw_log no_log;
	static const struct raw_cdr no_cdr;
	const struct raw_log *log = r->raw->log ? r->raw->log : &no_log;
	const struct raw_cdr *cdr = r->raw->cdr ? r->raw->cdr : &no_cdr;

	r->conf->log.level = text(r, SECTION_log, LOG_level, log->level);
	r->conf->log.format = text(r, SECTION_log, LOG_format, log->format);
	r->conf->log.file = text(r, SECTION_log, LOG_file, log->file);
	r->conf->cdr.file = text(r, SECTION_cdr, CDR_file, cdr->file);
	r->conf->cdr.rotate_mb = number(SECTION_cdr, CDR_rotate_mb, cdr->rotate_mb);
	r->conf->cdr.rotate_s = number(SECTION_cdr, CDR_rotate_s, cdr->rotate_s);
	r->conf->cdr.keep = number(SECTION_cdr, CDR_keep, cdr->keep);
}

int conf_resolve(struct conf_doc *doc, const struct raw_conf *raw, struct conf *conf,
		 struct conf_pool *pool)
{
	static void (*const steps[])(struct resolve *) = {
		resolve_machine, resolve_ports,
		resolve_certificates, resolve_tls, resolve_realms,
		resolve_number_rules, resolve_trunks,  resolve_tables, resolve_routes,
		resolve_registrar, resolve_auth,
		resolve_srtp,    resolve_overload, resolve_screening,
		resolve_emergency, resolve_connections, resolve_dns,
		resolve_outputs,
	};
	struct resolve r = {.doc = doc, .raw = raw, .conf = conf, .pool = pool};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		steps[i](&r);
		if (r.no_memory)
			return -ENOMEM;
	}
	return conf_resolve_rules(doc, raw, conf, pool);
}
