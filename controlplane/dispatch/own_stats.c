/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's own counters, as rows like the dataplane's. limen-controlplane, loop
 * thread. */
#include <stdio.h>

#include "common/log/json.h"
#include "controlplane/account/account.h"
#include "controlplane/auth/auth.h"
#include "common/priv/privileges.h"
#include "controlplane/core/privileges.h"
#include "controlplane/dispatch/internal.h"
#include "controlplane/tls/tls.h"

static void put_row(struct dispatch *dispatch, uint64_t client, const char *object,
		    const char *name, uint64_t value)
{
	char text[256];
	struct cursor out = cursor_on(text, sizeof(text));

	put_char(&out, '{');
	put_json_text(&out, "group", SPAN("control"));
	put_json_text(&out, "object", span_str(object));
	put_json_text(&out, "name", span_str(name));
	put_json_u64(&out, "value", value);
	put_char(&out, '}');
	admin_row(dispatch->admin, client, cursor_span(&out));
}

/* The registrars whose rate is held. */
static void put_cores(struct dispatch *dispatch, uint64_t client)
{
	struct registrar_core core;
	uint32_t at = 0;

	while (registrar_next_core(dispatch->registrar, &at, &core)) {
		char object[80];

		snprintf(object, sizeof(object), "registrar %.*s", SPAN_FMT(core.trunk));
		put_row(dispatch, client, object, "per_s_max", core.per_s);
		put_row(dispatch, client, object, "sent", core.sent);
		put_row(dispatch, client, object, "held", core.held);
		put_row(dispatch, client, object, "outages", core.outages);
		put_row(dispatch, client, object, "away", core.away);
	}
}

static void put_tls(struct dispatch *dispatch, uint64_t client)
{
	struct tls_stats s;

	tls_stats(dispatch->tls, &s);
#define ROW(name) put_row(dispatch, client, "tls", #name, s.name)
	ROW(accepted);
	ROW(opened);
	ROW(resumed);
	ROW(tls_1_2);
	ROW(tls_1_3);
	ROW(clients_verified);
#undef ROW
	for (int i = 0; i < TLS_FAILURES_END; i++) {
		char name[48];

		snprintf(name, sizeof(name), "failed_%s", tls_failure_name((enum tls_failure)i));
		put_row(dispatch, client, "tls", name, s.failed[i]);
	}
}

static void put_certificates(struct dispatch *dispatch, uint64_t client)
{
	static const char *const names[CERTIFICATE_STATES] = {"good", "expire_soon", "expired",
							      "not_valid_yet"};
	unsigned by_state[CERTIFICATE_STATES];
	int64_t soonest_s;

	certificates_count(dispatch, by_state, &soonest_s);
	for (int i = 0; i < CERTIFICATE_STATES; i++)
		put_row(dispatch, client, "certificates", names[i], by_state[i]);
	if (soonest_s >= 0)
		put_row(dispatch, client, "certificates", "first_expires_s", (uint64_t)soonest_s);
}

#define ROW(object, name, value) put_row(dispatch, client, object, name, value)

static void put_users(struct dispatch *dispatch, uint64_t client)
{
	struct registrar_stats users;

	registrar_stats(dispatch->registrar, &users);
	ROW("registrar", "bindings", users.bindings);
	ROW("registrar", "pending", users.pending);
	ROW("registrar", "absorbed", users.absorbed);
	ROW("registrar", "kept", users.kept);
	ROW("registrar", "core_busy", users.busy);
	ROW("registrar", "begun", users.begun);
	ROW("registrar", "full", users.full);
	ROW("registrar", "made", users.made);
	ROW("registrar", "refreshed", users.refreshed);
	ROW("registrar", "removed", users.removed);
	ROW("registrar", "expired", users.expired);
	ROW("registrar", "failed", users.failed);
	ROW("registrar", "unknown", users.unknown);
	ROW("registrar", "file_batches", users.batches);
	ROW("registrar", "file_rows", users.rows);
	ROW("registrar", "file_failures", users.failures);
}

void own_stats(struct dispatch *dispatch, uint64_t client)
{
	const struct counters *c = &dispatch->counters;
	struct cp_link_stats link;
	struct cdr_stats cdr;
	struct health_stats health;
	struct auth_stats auth;
	struct account_stats accounts;
	struct dns_stats dns;
	struct screening_stats screening;
	struct transport_stats streams;
	uint64_t unsent;
	const struct privileges_state *privileges = cp_privileges();

	cp_link_stats(dispatch->link, &link);
	cdr_writer_stats(dispatch->cdr, &cdr);
	health_stats(dispatch->health, &health);
	auth_stats(dispatch->auth, &auth);
	accounts_stats(dispatch->accounts, &accounts);
	dns_stats(dispatch->dns, &dns);
	screening_stats(dispatch, &screening);
	streams_stats(dispatch, &streams, &unsent);
	ROW("policy", "asks", c->asks);
	ROW("policy", "asks_gone", c->asks_gone);
	ROW("policy", "unreadable", c->unreadable);
	ROW("policy", "verdicts_unsent", c->verdicts_unsent);
	for (int i = 0; i < POLICY_OUTCOMES_END; i++)
		ROW("policy", policy_outcome_name((enum policy_outcome)i), c->outcomes[i]);
	ROW("config", "reloads", c->reloads);
	ROW("config", "reloads_refused", c->reloads_refused);
	ROW("probes", "sent", health.sent);
	ROW("probes", "answered", health.answered);
	ROW("probes", "unanswered", health.unanswered);
	ROW("probes", "late", health.late);
	ROW("probes", "changes", health.changes);
	put_users(dispatch, client);
	ROW("accounts", "sent", accounts.sent);
	ROW("accounts", "registered", accounts.registered);
	ROW("accounts", "challenged", accounts.challenged);
	ROW("accounts", "failed", accounts.failed);
	ROW("accounts", "no_credentials", accounts.no_credentials);
	ROW("accounts", "answered", accounts.answered);
	ROW("auth", "users", auth.users);
	ROW("auth", "challenges", auth.challenges);
	ROW("auth", "good", auth.good);
	ROW("auth", "stale", auth.stale);
	ROW("auth", "wrong", auth.wrong);
	ROW("auth", "replayed", auth.replayed);
	ROW("auth", "loads", auth.loads);
	ROW("auth", "load_failures", auth.load_failures);
	ROW("dns", "queries", dns.queries);
	ROW("dns", "answered", dns.answered);
	ROW("dns", "negative", dns.negative);
	ROW("dns", "failed", dns.failed);
	ROW("dns", "malformed", dns.malformed);
	ROW("dns", "changed", dns.changed);
	ROW("dns", "names", dns.names);
	ROW("dns", "stale", dns.stale);
	ROW("screening", "blocks", screening.blocks);
	ROW("screening", "learned", screening.learned);
	ROW("screening", "expired", screening.expired);
	ROW("screening", "spared", screening.spared);
	ROW("screening", "full", screening.full);
	ROW("screening", "found", screening.found);
	ROW("streams", "connections", streams.connections);
	ROW("streams", "known", streams.known);
	ROW("streams", "strangers", streams.strangers);
	ROW("streams", "listeners", streams.listeners);
	ROW("streams", "sources", streams.sources);
#define X(name) ROW("streams", #name, streams.name);
	TRANSPORT_COUNTERS(X)
#undef X
	ROW("streams", "unsent", unsent);
	ROW("cdr", "records", c->records);
	ROW("cdr", "records_misplaced", c->records_misplaced);
	ROW("cdr", "repeated", cdr.repeated);
	ROW("cdr", "written", cdr.written);
	ROW("cdr", "waiting", cdr.waiting);
	ROW("cdr", "waiting_bytes", cdr.waiting_bytes);
	ROW("cdr", "refused", cdr.refused);
	ROW("cdr", "syncs", cdr.syncs);
	ROW("cdr", "failures", cdr.failures);
	ROW("cdr", "failing", cdr.failing != 0);
	ROW("cdr", "rotations", cdr.rotations);
	ROW("cdr", "rotate_failures", cdr.rotate_failures);
	ROW("cdr", "acks_unsent", c->acks_unsent);
	ROW("link", "sent", link.sent);
	ROW("link", "received", link.received);
	ROW("link", "rejected", link.rejected);
	ROW("link", "full", link.full);
	ROW("link", "connects", link.connects);
	ROW("link", "resets", link.resets);
	ROW("link", "refused", link.refused);
	put_certificates(dispatch, client);
	put_tls(dispatch, client);
	ROW("privileges", "uid", privileges->uid);
	ROW("privileges", "capabilities", privileges->capabilities);
	ROW("privileges", "no_new_privs", privileges->no_new_privs);
	ROW("privileges", "seccomp", privileges->seccomp);
	ROW("log", "notices", c->notices);
	ROW("log", "lost", log_lost());
	put_cores(dispatch, client);
}
#undef ROW
