/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong now and wants somebody: limenctl show alarms. Each is worked out when it is asked
 * for; the log told of it when it began. limen-controlplane, loop thread. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/tls/tls_store.h"

struct teller {
	struct dispatch *dispatch;
	uint64_t client;
};

__attribute__((format(printf, 4, 5))) static void tell(const struct teller *to, const char *alarm,
						       uint64_t since_ns, const char *fmt, ...)
{
	char text[512], row[2048];
	struct cursor out = cursor_on(row, sizeof(row));
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	put_char(&out, '{');
	put_json_text(&out, "alarm", span_str(alarm));
	put_json_time(&out, "since", since_ns);
	put_json_text(&out, "text", span_str(text));
	put_char(&out, '}');
	if (!out.full)
		admin_row(to->dispatch->admin, to->client, cursor_span(&out));
}

static void tell_records(const struct teller *to)
{
	struct cdr_stats cdr;

	cdr_writer_stats(to->dispatch->cdr, &cdr);
	if (cdr.failing)
		tell(to, "cdr", cdr.failing_since_ns,
		     "records cannot be written: %s; %llu wait here, %llu in the dataplane had no "
		     "room",
		     strerror(cdr.failing), (unsigned long long)cdr.waiting,
		     (unsigned long long)cdr.refused);
	if (cdr.rotation_failing)
		tell(to, "cdr_rotation", 0, "the record file cannot be put aside: %s; it grows on",
		     strerror(cdr.rotation_failing));
}

static void tell_names(const struct teller *to)
{
	struct dns_row row;
	unsigned at = 0;

	while (dns_next(to->dispatch->dns, &at, &row)) {
		if (row.state == DNS_STALE || row.state == DNS_FAILED)
			tell(to, "dns", 0, "%s %s cannot be looked up; %s", row.name,
			     dns_type_name(row.type),
			     row.state == DNS_STALE ? "what was known stays in use"
						    : "nothing is known of it");
	}
}

static void tell_trunks(const struct teller *to)
{
	const struct generation *gen = to->dispatch->generation;

	for (unsigned t = 0; t < gen->conf->ntrunks; t++) {
		uint64_t since = 0;
		struct peer_set set;
		unsigned down = 0;

		peer_set_get(gen->peers, t, &set);
		for (unsigned p = 0; p < set.n; p++) {
			struct health_peer peer = health_peer(to->dispatch->health, t, p);

			down += peer.state == HEALTH_DOWN;
			if (peer.state == HEALTH_DOWN && peer.since_ns > since)
				since = peer.since_ns;
		}
		if (!set.n)
			tell(to, "trunk", 0, "trunk %s has no peer: its names have no address",
			     gen->conf->trunks[t].name);
		else if (down == set.n)
			tell(to, "trunk", since, "trunk %s: none of its %u peers answers OPTIONS",
			     gen->conf->trunks[t].name, set.n);
	}
}

static void tell_streams(const struct teller *to)
{
	const struct conf_connections *conf = &to->dispatch->generation->conf->connections;
	struct transport_stats streams;
	struct net_endpoint local;
	uint64_t unsent;
	unsigned at = 0;

	streams_stats(to->dispatch, &streams, &unsent);
	if (streams.connections >= conf->total_max - conf->total_max / 10)
		tell(to, "connections", 0, "%llu connections of %u that there may be",
		     (unsigned long long)streams.connections, conf->total_max);
	while (transport_next_deaf(to->dispatch->generation->transport, &at, &local)) {
		char text[80];
		struct cursor c = cursor_on(text, sizeof(text));

		put_endpoint(&c, &local);
		tell(to, "listener", 0, "nobody can connect to %.*s: its device or address is not "
		     "there, or another program has the port", SPAN_FMT(cursor_span(&c)));
	}
}

static void tell_registrars(const struct teller *to)
{
	const struct generation *gen = to->dispatch->generation;
	struct registrar_core core;
	uint32_t at = 0;

	while (registrar_next_core(to->dispatch->registrar, &at, &core)) {
		int trunk = policy_trunk(gen->policy, core.trunk);

		/* one that the config no longer holds to a rate is not watched either */
		if (core.away && trunk >= 0 && gen->conf->trunks[trunk].registrations_out_per_s)
			tell(to, "registrar", 0,
			     "trunk %.*s does not answer REGISTER; its users are kept meanwhile",
			     SPAN_FMT(core.trunk));
	}
}

static void tell_certificates(const struct teller *to)
{
	const struct tls_store *store = to->dispatch->generation->tls;
	const struct tls_certificate *c;
	int64_t now_s = (int64_t)time(NULL);
	const char *tls, *keylog;

	for (unsigned i = 0; (c = tls_store_certificate(store, i)); i++) {
		enum certificate_state state = certificate_state(store, i, now_s);

		if (state == CERTIFICATE_EXPIRED)
			tell(to, "certificate", (uint64_t)c->not_after_s * CLOCK_NS_PER_S,
			     "certificate %s has expired (%s)", c->name, c->chain_path);
		else if (state == CERTIFICATE_NOT_YET)
			tell(to, "certificate", 0, "certificate %s is not valid yet (%s)", c->name,
			     c->chain_path);
		else if (state == CERTIFICATE_EXPIRES)
			tell(to, "certificate", 0, "certificate %s expires in %lld days (%s)",
			     c->name, (long long)((c->not_after_s - now_s) / 86400),
			     c->chain_path);
		if (c->ocsp && !tls_certificate_ocsp_good(c, now_s))
			tell(to, "ocsp", (uint64_t)c->ocsp_until_s * CLOCK_NS_PER_S,
			     "the OCSP response about certificate %s has run out and is not sent",
			     c->name);
	}
	for (unsigned i = 0; (keylog = tls_store_keylog(store, i, &tls)); i++) {
		if (*keylog)
			tell(to, "keylog", 0,
			     "tls %s writes its secrets to %s: whoever reads that reads all", tls,
			     keylog);
	}
}

void alarms_list(struct dispatch *dispatch, uint64_t client)
{
	const struct teller to = {dispatch, client};

	if (!cp_link_hello(dispatch->link))
		tell(&to, "dataplane", 0, "the dataplane is not connected: %s",
		     dispatch->link_reason);
	tell_records(&to);
	tell_names(&to);
	tell_trunks(&to);
	tell_registrars(&to);
	tell_streams(&to);
	tell_certificates(&to);
	if (log_lost())
		tell(&to, "log", 0, "%llu lines of the log were lost",
		     (unsigned long long)log_lost());
	admin_done(dispatch->admin, client);
}
