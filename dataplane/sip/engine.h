/* SPDX-License-Identifier: BSD-3-Clause */
/* The SIP engine of one worker: a back-to-back user agent (RFC 5853, RFC 7092) that reads no clock,
 * no random source and no socket. Input is the time and an event; output is the list of actions the
 * caller carries out. The state lies in the worker's arena. The same code runs in a worker, under a
 * fuzzer and in the simulator. One thread; libc only. */
#pragma once

#include "common/ipc/ipc_msg.h"
#include "common/sip/owner.h"
#include "common/sip/sip_msg.h"
#include "dataplane/media/stream_cmd.h"
#include "dataplane/sip/guard.h"
#include "dataplane/store/arena.h"

struct counts;
struct engine;

/* limen's own endpoints in a realm, by family. */
struct engine_realm {
	struct net_endpoint sip4; /* over UDP; family NET_NONE: none */
	struct net_endpoint sip6;
	/* Over the others, by enum net_transport; NET_NONE: it is not spoken there. */
	struct net_endpoint stream4[NET_TRANSPORTS];
	struct net_endpoint stream6[NET_TRANSPORTS];
	uint8_t dscp_sip;
};

struct engine_conf {
	unsigned worker;   /* this worker's number */
	unsigned nworkers; /* far legs' Call-IDs are chosen so that sip_owner() gives `worker` */
	unsigned nrealms;
	const struct engine_realm *realms; /* borrowed for the engine's life */
	uint32_t max_calls;
	uint64_t seed[2];      /* of everything random: from the kernel in a worker, fixed in the
				  simulator */
	uint64_t shared_seed[2]; /* of the cookies' keys: the same in all workers of one boot, so
				    that each can read the others' cookies */
	uint8_t secret[32]; /* of SRTP's keys: as the seed, but of their full strength */
	uint64_t boot_unix_ns; /* UNIX time at now_ns = 0 */
	struct counts *counts; /* of all workers' limits, borrowed; NULL: this one's alone */
};

enum engine_action_kind {
	ACTION_SEND,   /* bytes to a peer */
	ACTION_REPORT, /* a frame for the control plane: type and bytes */
	ACTION_OWNER,  /* bytes for another worker's engine_owner_message; may be lost */
};

struct engine_action {
	uint8_t kind;       /* enum engine_action_kind */
	uint8_t realm;      /* SEND */
	uint8_t transport;  /* SEND: enum net_transport */
	uint8_t worker;     /* OWNER: never this one */
	uint16_t type;      /* REPORT: enum ipc_msg_type */
	struct net_endpoint src; /* SEND: limen's */
	struct net_endpoint dst; /* SEND */
	uint64_t flow;  /* SEND, not over UDP: struct ipc_sip_out's, as is the next */
	uint64_t token;
	struct span bytes;  /* good until the next input */
};

/* Why a message went nowhere; the caller counts it. */
enum engine_fate {
	FATE_TAKEN = 0,
	FATE_PARSE,
	FATE_KEEPALIVE,
	FATE_NO_DIALOG,
	FATE_FORGED,
	FATE_SCREENED, /* of a scanner, or more than a stranger may begin */
};

struct engine_source {
	struct net_endpoint peer;
	struct net_endpoint local;
	uint8_t realm;
	uint8_t transport; /* enum net_transport */
	uint64_t flow;	   /* the connection; 0 over UDP */
};

struct engine_stats {
	uint64_t requests_in, responses_in, requests_out, responses_out, retransmits_in,
		retransmits_out;
	uint64_t calls_started, calls_answered, calls_ended, calls_refused;
	uint64_t asks, verdicts, verdicts_stale, txn_timeouts, reports_blocked, actions_lost,
		records_lost, overloads, ports_exhausted, redirects_followed, redirects_passed,
		probes, probes_refused, overload_refused, emergencies_admitted, transfers,
		owner_sent, owner_taken, owner_bad,
		standalone, standalone_failed, challenges_dropped, answers_lost,
		codecs_emptied, /* m= sections of whose codecs policy left none */
		codecs_refused;
	/* Offers that SRTP's policy refused in part or all, those with DTLS, and answers that did
	 * not fit what was offered. */
	uint64_t srtp_refused, dtls_refused, srtp_answers_refused;
	uint64_t stun_answered; /* keep-alives */
	uint64_t subscriptions_expired; /* that nobody ended */
	uint64_t limits_refused, limits_no_room; /* of trunks and users; that could not be counted */
	uint64_t tables, tables_bad, sources_set, sources_unset, sources_full, requests_unknown,
		requests_known, agents, suspects; /* guard.h */
	uint64_t sends_failed; /* messages that no connection took */
	/* Challenges of requests of limen's own: those that its account's credentials were asked
	 * for, and what became of them. */
	uint64_t challenges_asked, challenges_answered, challenges_unanswered;
	uint32_t calls, legs, txns, records_unacked, subscriptions, timers;
	uint32_t busy_permille, admit_permille; /* as the last engine_load left them */
};

/* Slabs the engine keeps in an arena for that many calls: appended to defs, the new count
 * returned. */
unsigned engine_slab_defs(struct arena_slab_def *defs, unsigned ndefs, uint32_t max_calls);

/* An engine on an opened arena whose engine slabs begin at `first`, and on the worker's media. NULL
 * when there is no memory. */
struct engine *engine_new(const struct engine_conf *conf, struct arena *arena, unsigned first,
			  struct media *media, uint64_t now_ns);
void engine_free(struct engine *engine);

/* Whether a message of that source is to be read at all: before anything else, once. */
enum guard_fate engine_screen(struct engine *engine, uint64_t now_ns, uint8_t realm,
			      const struct net_endpoint *peer);

/* Inputs. Each forgets the actions of the one before. now_ns is monotonic. */
enum engine_fate engine_message(struct engine *engine, uint64_t now_ns,
				const struct engine_source *source, struct span bytes);
void engine_frame(struct engine *engine, uint64_t now_ns, uint16_t type, const void *frame,
		  uint32_t len); /* checked */
void engine_link(struct engine *engine, uint64_t now_ns,
		 bool up); /* the control plane came or went */
/* What another worker's engine said by ACTION_OWNER; checked here, dropped and counted when it is
 * none of that. */
void engine_owner_message(struct engine *engine, uint64_t now_ns, struct span bytes);
/* How busy the worker is, each 10 ms or so: permille of its cycles, above 1000 when work waits. It
 * decides which share of new requests is refused (IPC_SETTINGS has the limit). No actions. */
void engine_load(struct engine *engine, uint32_t busy_permille);
/* Run timers that are due. Call again while it answers true (the action list was full). */
bool engine_tick(struct engine *engine, uint64_t now_ns);

/* Output of the last input. A report that could not be delivered goes back by
 * engine_report_blocked. */
unsigned engine_actions(const struct engine *engine, const struct engine_action **actions);
void engine_report_blocked(struct engine *engine, const struct engine_action *action);
/* Nor could a SEND that goes by the control plane. */
void engine_send_blocked(struct engine *engine, const struct engine_action *action);

/* Whether engine_tick has something to tell that no timer stands for: of the media. */
bool engine_has_news(struct engine *engine, uint64_t now_ns);

/* Earliest time engine_tick has something to do; UINT64_MAX: nothing. */
uint64_t engine_next_ns(const struct engine *engine);

/* All that calls hold of limits, of all workers that share the counters: for tests; slow. */
uint64_t engine_limits_held(const struct engine *engine);
void engine_stats(const struct engine *engine, struct engine_stats *stats);
