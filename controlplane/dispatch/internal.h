/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of dispatch share. limen-controlplane, loop thread. */
#pragma once

#include "common/log/log.h"
#include "controlplane/admin/server.h"
#include "controlplane/cdr/record.h"
#include "controlplane/cdr/writer.h"
#include "controlplane/dispatch/ask.h"
#include "controlplane/dispatch/dispatch.h"
#include "controlplane/dispatch/generation.h"
#include "controlplane/health/health.h"
#include "controlplane/link/cp_link.h"
#include "controlplane/transport/transport.h"

#define RELOAD_ERRORS_MAX 32u

struct event;
struct tls;

struct counters {
	uint64_t asks, asks_gone, unreadable, verdicts_unsent;
	uint64_t outcomes[POLICY_OUTCOMES_END];
	uint64_t records, records_misplaced, acks_unsent;
	uint64_t notices;
	uint64_t reloads, reloads_refused;
};

/* An acknowledgement that waits for room in its ring. */
struct ack {
	unsigned ring;
	uint64_t call;
};

struct acks {
	struct ack *waiting; /* owned */
	size_t n, room;
	struct event *retry;
};

/* What one client of limenctl's socket waits for. */
enum listing_kind {
	LISTING_FREE = 0,
	LISTING_CALLS,
	LISTING_STATS,
	LISTING_HANGUP, /* look for the call first: only who sees it end knows that it was there */
	LISTING_CALL,	/* only this one */
};

struct listing {
	struct dispatch *dispatch;
	uint64_t client;
	uint32_t list_id;
	uint8_t kind;            /* enum listing_kind */
	bool asked;              /* an answer of the dataplane is awaited */
	unsigned worker;         /* CALLS, CALL, HANGUP: being asked */
	uint64_t cursor;
	char group[16];          /* STATS: only this one; "": all */
	struct cdr_id wanted;    /* HANGUP, CALL */
	struct event *deadline;
};

struct dispatch {
	struct event_base *base; /* borrowed */
	struct dns *dns;
	struct generation *generation;
	struct cdr_writer *cdr;
	struct admin_server *admin;
	struct cp_link *link;
	struct event *relink;    /* makes the link anew, outside of its callbacks */
	const char *link_reason; /* why it is down; static text */
	struct event *settings_retry;
	struct screening *screening; /* owned */
	struct streams *streams;     /* owned */
	struct tls *tls;	     /* owned */
	struct registrar *registrar;
	struct auth *auth;
	struct users_list {
		uint64_t client; /* 0: free */
		uint32_t at;
	} users_lists[ADMIN_CLIENTS_MAX];
	struct health *health;
	struct reloading *reloading; /* reload.c */
	struct event *probe_timer;
	struct accounts *accounts;
	struct trunk_id {
		uint32_t id; /* ipc_side_policy's `trunk` */
		unsigned trunk;
	} *trunk_ids; /* owned; sorted */
	unsigned ntrunk_ids;
	struct event *account_timer;
	struct event *certificate_timer;
	struct acks acks;
	struct listing listings[ADMIN_CLIENTS_MAX];
	uint32_t last_list_id;
	struct counters counters;
	struct log_limit refusals[POLICY_OUTCOMES_END], unreadable_limit, auth_limit;
	char verdict[IPC_FRAME_MAX] __attribute__((aligned(8)));
};

/* ask_in.c */
void dispatch_ask(struct dispatch *dispatch, unsigned ring, const struct ipc_ask *ask);

/* records.c */
int records_start(struct dispatch *dispatch);
void records_stop(struct dispatch *dispatch);
void records_link_down(struct dispatch *dispatch);
void dispatch_call_end(struct dispatch *dispatch, unsigned ring, const struct ipc_call_end *end);

/* listing.c */
int listings_start(struct dispatch *dispatch);
void listings_stop(struct dispatch *dispatch);
void listings_link_down(struct dispatch *dispatch);
/* Begin one for a client; the client is answered from then on. */
void listing_start(struct dispatch *dispatch, uint64_t client, enum listing_kind kind,
		   const char *group, const struct cdr_id *wanted);
void listing_drained(struct dispatch *dispatch, uint64_t client);
void listing_gone(struct dispatch *dispatch, uint64_t client);
void listing_call_row(struct dispatch *dispatch, unsigned ring, const struct ipc_call_row *row);
void listing_stat_row(struct dispatch *dispatch, const struct ipc_stat_row *row);
void listing_end(struct dispatch *dispatch, unsigned ring, const struct ipc_list_end *end);

/* own_stats.c: the control plane's own counters, as rows like the dataplane's. */
void own_stats(struct dispatch *dispatch, uint64_t client);

/* explaining.c: limenctl explain. */
struct json_node;
void explaining_answer(struct dispatch *dispatch, uint64_t client,
		       const struct json_node *request);

/* operator.c */
int operator_start(struct dispatch *dispatch);

/* probes.c */
int probes_start(struct dispatch *dispatch);
void probes_stop(struct dispatch *dispatch);
/* Go over to a generation, while the one before is there yet. 0, or -ENOMEM. */
int probes_configure(struct dispatch *dispatch, struct generation *generation);
void probes_link_up(struct dispatch *dispatch);
void probes_link_down(struct dispatch *dispatch);
void probes_list(struct dispatch *dispatch, uint64_t client);
void dispatch_probe_end(struct dispatch *dispatch, const struct ipc_probe_end *end);

/* accounts.c: where limen itself is registered. */
int accounts_start(struct dispatch *dispatch);
void accounts_stop(struct dispatch *dispatch);
/* Go over to a generation, while the one before is there yet. 0, or -ENOMEM. */
int accounts_reload(struct dispatch *dispatch, const struct generation *generation);
void accounts_link_change(struct dispatch *dispatch, bool up);
void accounts_list(struct dispatch *dispatch, uint64_t client);
void dispatch_account_end(struct dispatch *dispatch, const struct ipc_probe_end *end);

/* certificates.c: limen's own, for TLS. */
struct tls_store;
enum certificate_state {
	CERTIFICATE_GOOD,
	CERTIFICATE_EXPIRES, /* within the days that the config says */
	CERTIFICATE_EXPIRED,
	CERTIFICATE_NOT_YET,
	CERTIFICATE_STATES
};
enum certificate_state certificate_state(const struct tls_store *store, unsigned index,
					 int64_t now_s);
int certificates_start(struct dispatch *dispatch);
void certificates_stop(struct dispatch *dispatch);
void certificates_list(struct dispatch *dispatch, uint64_t client);
/* How many are in each state, and the seconds until the first of them expires; -1: there are
 * none. */
void certificates_count(const struct dispatch *dispatch, unsigned by_state[CERTIFICATE_STATES],
			int64_t *soonest_s);

/* trunk_ids.c: trunks by the numbers that the dataplane knows them by. 0, or -ENOMEM. */
int trunk_ids_configure(struct dispatch *dispatch, const struct conf *conf);
void trunk_ids_stop(struct dispatch *dispatch);
/* In the generation in force; NULL: it has none such. */
const struct conf_trunk *trunk_ids_find(const struct dispatch *dispatch, uint32_t id);
struct cdr_far trunk_ids_far(const struct dispatch *dispatch, uint32_t id);

/* challenges.c: peers that ask who limen is. */
void dispatch_challenge(struct dispatch *dispatch, unsigned ring,
			const struct ipc_challenge *challenge);

/* alarms.c */
void alarms_list(struct dispatch *dispatch, uint64_t client);

/* names.c: peers that are known by name. */
int names_start(struct dispatch *dispatch);
void names_stop(struct dispatch *dispatch);
/* Before a generation is asked anything: what its names lead to, as far as that is known. 0, or
 * -ENOMEM. */
int names_configure(struct dispatch *dispatch, struct generation *generation);
void names_list(struct dispatch *dispatch, uint64_t client);

/* users.c: who is registered. */
int users_start(struct dispatch *dispatch, const struct conf *conf);
void users_stop(struct dispatch *dispatch);
void users_list(struct dispatch *dispatch, uint64_t client);
void users_drained(struct dispatch *dispatch, uint64_t client);
void users_gone(struct dispatch *dispatch, uint64_t client);
void dispatch_answer(struct dispatch *dispatch, unsigned ring, const struct ipc_answer *answer);

/* settings.c */
int settings_start(struct dispatch *dispatch);
void settings_stop(struct dispatch *dispatch);
void settings_send(struct dispatch *dispatch);

/* screening.c */
struct screening_stats {
	uint64_t blocks, learned, expired;
	uint64_t spared; /* suspects that are a trunk's, or never blocked */
	uint64_t full;	 /* no room for one more */
	uint64_t found;	 /* that the dataplane held from a control plane before */
};
int screening_start(struct dispatch *dispatch);
void screening_stop(struct dispatch *dispatch);
void screening_stats(const struct dispatch *dispatch, struct screening_stats *stats);
void screening_link_up(struct dispatch *dispatch);
/* The whole table, of the generation in force. */
void screening_send(struct dispatch *dispatch);
void screening_suspect(struct dispatch *dispatch, const struct ipc_suspect *suspect);
void screening_source_row(struct dispatch *dispatch, const struct ipc_source_row *row);
/* True: the end of a list of its own. */
bool screening_list_end(struct dispatch *dispatch, const struct ipc_list_end *end);
/* A user has registered there. */
void screening_user(struct dispatch *dispatch, const struct binding *binding);
/* Host bits are 0. 0, or -ENOSPC. */
int screening_block(struct dispatch *dispatch, const struct net_prefix *prefix, uint32_t seconds);
/* All blocks within the prefix; how many they were. */
unsigned screening_unblock(struct dispatch *dispatch, const struct net_prefix *prefix);
void screening_list(struct dispatch *dispatch, uint64_t client);
void screening_drained(struct dispatch *dispatch, uint64_t client);
void screening_gone(struct dispatch *dispatch, uint64_t client);
/* What the config allows each trunk, as rows beside what it has. */
void screening_limits(struct dispatch *dispatch, uint64_t client);

/* Whether what was learned, or the operator, blocks it. */
bool screening_blocks(const struct dispatch *dispatch, unsigned realm,
		      const struct net_endpoint *source);

/* secure.c: TLS for them. */
int secure_start(struct dispatch *dispatch, struct transport *transport);
/* After the transport. */
void secure_stop(struct dispatch *dispatch);
void secure_configure(struct dispatch *dispatch, const struct generation *generation);

/* streams.c: SIP over connections. */
int streams_start(struct dispatch *dispatch);
void streams_stop(struct dispatch *dispatch);
/* Go over to a generation. 0, or -ENOMEM. */
int streams_configure(struct dispatch *dispatch, struct generation *generation);
void streams_out(struct dispatch *dispatch, unsigned ring, const struct ipc_sip_out *out);
void streams_link_up(struct dispatch *dispatch);
void streams_link_down(struct dispatch *dispatch);
/* That source is blocked now: its connections end. */
void streams_blocked(struct dispatch *dispatch, const struct ipc_source *source);
/* `unsent`: messages that no worker could be given. */
void streams_stats(const struct dispatch *dispatch, struct transport_stats *stats,
		   uint64_t *unsent);
void streams_list(struct dispatch *dispatch, uint64_t client);
void streams_drained(struct dispatch *dispatch, uint64_t client);
void streams_gone(struct dispatch *dispatch, uint64_t client);
/* False: there is no such connection. */
bool streams_close(struct dispatch *dispatch, uint64_t flow);

/* reload.c. What is wrong is in errors[], or in why where it is no fault of the file's. */
struct reload_result {
	struct conf_error errors[RELOAD_ERRORS_MAX];
	unsigned nerrors;
	char why[256];
};
/* Somebody who waits for a reload; told once. */
struct reload_waiter {
	void (*told)(struct dispatch *dispatch, const struct reload_waiter *waiter, int err,
		     const struct reload_result *result);
	uint64_t client;		   /* of limenctl's socket */
	void (*done)(void *arg, int err); /* of dispatch_reload */
	void *arg;
};
int reloads_start(struct dispatch *dispatch);
void reloads_stop(struct dispatch *dispatch);
/* Begin one; while another runs, one more after it. `waiter` may be NULL. */
void reload_begin(struct dispatch *dispatch, const struct reload_waiter *waiter);
