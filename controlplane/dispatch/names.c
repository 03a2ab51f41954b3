/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of peers: looked up for the generation in force, and what they lead to told to whoever goes
 * by it. limen-controlplane, loop thread. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/log/json.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/policy/admit.h"

/* Whose requests count as whose: trunks without `sources` follow their names. */
static int tell_sources(struct generation *generation)
{
	struct admit_name *names = NULL, *more;
	size_t n = 0, room = 0;
	unsigned at = 0, trunk;
	struct net_endpoint addr;
	int err;

	while (peer_sets_next_source(generation->peers, &at, &trunk, &addr)) {
		if (n == room) {
			room = room ? room * 2 : 64;
			more = realloc(names, room * sizeof(*names));
			if (!more) {
				free(names);
				return -ENOMEM;
			}
			names = more;
		}
		names[n++] = (struct admit_name){.realm = generation->conf->trunks[trunk].realm,
						 .trunk = trunk,
						 .family = addr.family,
						 .addr = addr.addr};
	}
	err = n || peer_sets_have_names(generation->peers)
		      ? policy_set_names(generation->policy, names, n)
		      : 0;
	free(names);
	return err;
}

int names_configure(struct dispatch *dispatch, struct generation *generation)
{
	if (!peer_sets_have_names(generation->peers)) {
		dns_begin_round(dispatch->dns); /* nobody asks any more */
		dns_end_round(dispatch->dns);
		return 0;
	}
	(void)peer_sets_resolve(generation->peers, dispatch->dns);
	return tell_sources(generation);
}

/* Some name leads elsewhere. Without memory the next change tries again. */
static void on_changed(void *arg)
{
	struct dispatch *dispatch = arg;
	struct generation *generation = dispatch->generation;

	if (!peer_sets_resolve(generation->peers, dispatch->dns))
		return;
	if (tell_sources(generation) || probes_configure(dispatch, generation))
		LOG(ERROR, "dns", "no memory for the addresses of names");
	else
		LOG(INFO, "dns", "peers are at other addresses now");
}

static const struct dns_events events = {.changed = on_changed};

int names_start(struct dispatch *dispatch)
{
	const struct conf *conf = dispatch->generation->conf;
	int err;

	dispatch->dns = dns_new(dispatch->base, &events, dispatch);
	if (!dispatch->dns)
		return -ENOMEM;
	err = dns_configure(dispatch->dns, &conf->dns);
	if (err)
		LOG(ERROR, "dns", "no resolver can be made", LOG_ERR(err));
	return err ? err : names_configure(dispatch, dispatch->generation);
}

void names_stop(struct dispatch *dispatch)
{
	dns_free(dispatch->dns);
	dispatch->dns = NULL;
}

static void put_record(struct cursor *out, enum dns_type type, const struct dns_record *record)
{
	const struct net_endpoint at = {.addr = record->addr,
					.family = type == DNS_A ? NET_IP4 : NET_IP6};
	char text[DNS_NAME_MAX + 64];
	struct cursor c = cursor_on(text, sizeof(text));

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		put_addr(&c, at.family, &at.addr);
		break;
	case DNS_SRV:
		put_u64(&c, record->priority);
		put_char(&c, ' ');
		put_u64(&c, record->weight);
		put_char(&c, ' ');
		put_u64(&c, record->port);
		put_char(&c, ' ');
		put_span(&c, span_str(record->target[0] ? record->target : "."));
		break;
	case DNS_NAPTR:
		put_u64(&c, record->priority);
		put_char(&c, ' ');
		put_u64(&c, record->weight);
		put_char(&c, ' ');
		put_span(&c, span_str(record->service));
		put_char(&c, ' ');
		put_span(&c, span_str(record->target));
		break;
	}
	put_json_str(out, cursor_span(&c));
}

void names_list(struct dispatch *dispatch, uint64_t client)
{
	struct dns_row row;
	unsigned at = 0;

	while (dns_next(dispatch->dns, &at, &row)) {
		char text[16384];
		struct cursor out = cursor_on(text, sizeof(text));
		int64_t left = (int64_t)(row.expires_ns - row.now_ns);

		put_char(&out, '{');
		put_json_text(&out, "name", span_str(row.name));
		put_json_text(&out, "type", span_str(dns_type_name(row.type)));
		put_json_text(&out, "state", span_str(dns_state_name(row.state)));
		put_json_u64(&out, "ttl_s",
			     row.expires_ns && left > 0 ? (uint64_t)left / CLOCK_NS_PER_S : 0);
		put_json_key(&out, "records");
		put_char(&out, '[');
		for (unsigned i = 0; row.answer && i < row.answer->n; i++) {
			if (i)
				put_char(&out, ',');
			put_record(&out, row.type, &row.answer->records[i]);
		}
		put_lit(&out, "]}");
		if (!out.full)
			admin_row(dispatch->admin, client, cursor_span(&out));
	}
	admin_done(dispatch->admin, client);
}
