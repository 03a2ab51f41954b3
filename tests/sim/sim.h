/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator: the real engine among scripted endpoints, a bad network and a moody control plane,
 * all in virtual time and out of one seed. One seed is one world: it is made, run until nothing is
 * left to happen, checked, and taken down. */
#pragma once

#include <stdarg.h>

#include "../rng.h"
#include "common/base/cursor.h"
#include "common/ipc/ipc_msg.h"
#include "common/sip/sip_msg.h"
#include "dataplane/media/media.h"
#include "dataplane/sip/counts.h"
#include "dataplane/sip/engine.h"
#include "events.h"
#include "map.h"

#define MS     1000000ull
#define SECOND 1000000000ull
#define NEVER  UINT64_MAX
#define SIM_SLOTS                                                                                  \
	4u /* endpoints of a call: slot 0 calls, the others are the places it may be sent to */
#define SIM_NO_CALL	UINT32_MAX
#define SIM_SIP_PORT	5060u
#define SIM_MEDIA_LOW	20000u
#define SIM_MEDIA_HIGH	29999u
#define SIM_WORKERS_MAX 2u
/* What busy workers refuse with, and the call that they must not refuse. */
#define SIM_RETRY_AFTER_S  3u
#define SIM_EMERGENCY_CALL 7u

struct ua;

/* What the world of a seed is like. Probabilities are in thousandths. */
struct profile {
	uint32_t delay_ms, jitter_ms; /* one way */
	uint32_t loss, duplicate, reorder, corrupt;
	bool fair;   /* no message is lost more than twice: whoever retransmits gets through */
	bool scarce; /* fewer records than calls */
	bool control_fails; /* the control plane is late, silent, dead for a while, its ring full at
			       times */
	bool operator_acts; /* lists calls and hangs some up */
	bool busy;	    /* workers have too much to do for a while */
	bool limited;	    /* trunks and users have limits */
	bool open_plan;	    /* headers pass unless they are named */
	bool ip6;	    /* some endpoints speak IPv6 */
	bool tcp;	    /* some speak TCP: nothing is lost while the connection is there */
	uint32_t breaks;    /* connections, at a message */
	/* limited: calls at a time from side A and to side B */
	uint32_t calls_in_max, calls_out_max;
	uint32_t stall_ms;  /* the worker runs its timers up to this late */
	uint32_t gap_ms;    /* mean time between new calls */
	/* Workers of the dataplane; all of them run when there are no more than SIM_WORKERS_MAX,
	 * else only number `worker`, and all Call-IDs are such that lead there. */
	unsigned nworkers, worker;
};

/* One worker of the dataplane: its arena, its media, its engine. */
struct sim_worker {
	unsigned number;
	struct arena arena;
	struct media *media;
	struct engine *engine;
	uint64_t due_ns; /* when it gets round to the timer at next_ns */
	uint64_t next_ns;
	uint32_t ports_free; /* before the first call */
};

/* What is known of one call from outside. */
struct sim_call {
	uint64_t start_ns;
	bool tainted; /* a message of it was corrupted: what its endpoints understand of each other
			 is anyone's guess */
	bool lame; /* an endpoint of it vanishes or never acknowledges: the others may not hear all
		      that they should */
	bool deaf; /* an endpoint of it says nothing at all */
	bool cut;  /* connections of its endpoints break: what they lose nobody sends again */
	uint32_t invites_in; /* different requests outside a dialog that reached the engine */
	uint32_t asks;	     /* different questions about them */
	uint32_t accepted;   /* verdicts on INVITEs that the engine took: each makes a record */
	uint32_t ends;	     /* records */
	bool was_asked;
	bool transferred;	   /* somebody of it was referred elsewhere */
	bool ending;		   /* limen has said BYE */
	bool hung_up;		   /* an endpoint has */
	bool lazy;		   /* an endpoint does not refresh its session as it should */
	bool lasts;		   /* meant to go on for minutes */
	bool rtp;		   /* its endpoints send media */
	uint64_t media_ns;	   /* when limen last took a media packet of it */
	uint64_t media_timeout_ns; /* 0: none */
	uint64_t relayed[2];	   /* media packets, by the side they came from */
};

/* Counted over all seeds. */
struct totals {
	uint64_t seeds, calls, asks, records, answered, refused;
	uint64_t to_engine, to_uas, lost, duplicated, corrupted;
	uint64_t links_lost, reports_blocked, retransmits_in, retransmits_out, verdicts_stale,
		txn_timeouts;
	uint64_t ended_by[16];
	uint64_t status_class[8];
	uint64_t virtual_ns;
	uint64_t mid_dialog, cancels, pracks, forks;
	uint64_t handed_over;
	uint64_t by_tcp, broken; /* messages; connections */
	uint64_t overload_refused, probes, probe_ends, transfers_asked;
	uint64_t refers, referred, refer_notifies, transfers, replaced;
	uint64_t alone, subscriptions, notifies, challenges, verified, asked_limen;
	uint64_t timers, refreshes, too_short, redirects, followed;
	uint64_t rtp_relayed, rtp_judged, rtp_refused, srtp_judged;
	uint64_t fingerprint; /* of every message and its time: two runs of the same seeds agree in
				 it */
};

struct sim {
	uint64_t seed;
	uint32_t ncalls;
	bool trace;
	uint32_t trace_call; /* SIM_NO_CALL: all */
	struct profile profile;
	struct totals *totals;

	uint64_t now_ns;
	struct rng script_rng, net_rng, ua_rng, control_rng;
	struct events events;

	unsigned nslabs; /* of each arena */
	unsigned nworkers;
	struct sim_worker workers[SIM_WORKERS_MAX];
	struct sim_worker *at;	       /* whose input is in work */
	struct counts *counts; /* of all of them */
	uint32_t generation;   /* of the table of limits */
	bool transfers;	       /* some call was transferred */
	struct engine_realm realms[2]; /* A, B */

	struct sim_call *calls;
	struct ua *uas;		  /* SIM_SLOTS for each call */
	struct map losses;	  /* net: by message */
	struct map seen, unacked; /* check */
	struct map control_map;

	bool link_up;
	uint32_t link_epoch;
	uint64_t link_trouble_until_ns;

	bool is_repeat; /* the engine's input in work has been there before, byte for byte */

	bool failed;
	uint32_t failed_call;
	char violation[512];
};

/* ---- world.c ---- */

/* Run one seed. True: nothing to complain of. */
bool sim_run(struct sim *sim);
/* Something that must not be: the first one ends the run. */
void sim_violation(struct sim *sim, uint32_t call, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether what this call's endpoints say to each other has to be right: nothing was corrupted and
 * the network was fair. */
bool sim_is_strict(const struct sim *sim, uint32_t call);
void sim_trace(const struct sim *sim, uint32_t call, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void sim_trace_message(const struct sim *sim, uint32_t call, const char *from, const char *to,
		       struct span bytes, const char *note);
/* A message that is no longer what it was, whole. */
void sim_trace_text(const struct sim *sim, uint32_t call, struct span bytes);

/* The endpoint at an address, or NULL; and its number. */
struct ua *sim_ua_at(struct sim *sim, const struct net_endpoint *at);
uint32_t sim_ua_number(const struct sim *sim, const struct ua *ua);
/* limen's SIP endpoint on a side. */
const struct net_endpoint *sim_limen(const struct sim *sim, unsigned side, uint8_t family);

/* ---- worker.c ---- */
void workers_start(struct sim *sim);
void workers_free(struct sim *sim);
/* When the first of them has something to do: NEVER when none has. */
uint64_t workers_due_ns(struct sim *sim, struct sim_worker **first);
void worker_timers(struct sim *sim, struct sim_worker *worker);
struct packet;
/* What another worker's engine said arrives. */
void worker_owner(struct sim *sim, uint32_t number, struct span bytes);
void worker_packet(struct sim *sim, uint32_t from, const struct packet *packet);
/* Begin an input, and carry out what the engine wants after it. */
void worker_begin(struct sim *sim, struct sim_worker *worker);
void worker_finish(struct sim *sim);
/* The one with that number; NULL when it does not run. */
struct sim_worker *worker_numbered(struct sim *sim, unsigned number);
bool worker_runs_all(const struct sim *sim);

/* ---- net.c ---- */

struct packet {
	struct net_endpoint src, dst;
	uint32_t len;
	bool corrupt;
	uint8_t realm;
	char bytes[];
};

void net_to_engine(struct sim *sim, const struct ua *from, const struct net_endpoint *dst,
		   struct span bytes);
void net_to_ua(struct sim *sim, struct ua *to, const struct engine_action *action);
/* The number of the connection that an endpoint has now; and whose a number is. */
uint64_t net_flow(const struct sim *sim, const struct ua *ua);
bool net_flow_is(const struct sim *sim, uint64_t flow, const struct ua *ua);

/* ---- rtp.c ---- */
struct sess;
/* The port of an endpoint's own for an m= section. */
uint16_t rtp_port(const struct ua *ua, const struct sess *sess, unsigned section);
/* A message of limen's, which may say where it wants media; a description that is accepted. */
void rtp_take_sdp(struct sim *sim, struct ua *ua, const struct sip_msg *msg);
void rtp_take_place(struct sim *sim, const struct ua *ua, struct sess *sess, struct span text);
void rtp_send(struct sim *sim, struct ua *ua, struct sess *sess);
/* limen has just ended the last call of these endpoints. */
void rtp_after_end(struct sim *sim, uint32_t call);

/* ---- verdict.c ---- */
/* A question to be answered. */
struct verdict_on {
	uint32_t call;
	uint64_t ask_id;
	uint8_t from;  /* slot that asks */
	uint8_t ask;   /* enum ipc_ask_kind */
	uint8_t slots; /* REDIRECT: the places that the contacts name, a bit each */
};
/* Write a verdict; the media timeout that it sets, in seconds. */
/* Whether the plans of a call deny PCMU. */
bool verdict_denies_pcmu(uint32_t call);
uint32_t verdict_make(struct sim *sim, const struct verdict_on *on, struct cursor *out);

/* ---- control.c; control_report: report.c ---- */
struct control_event;
void control_start(struct sim *sim);
void control_event(struct sim *sim, struct control_event *event);
/* It will hear that what it was given for a connection did not go out. */
void control_send_fails(struct sim *sim, uint64_t at_ns, uint64_t token);
void control_report(struct sim *sim, const struct engine_action *action);

/* ---- check.c ---- */

/* Look at what goes into the engine and what comes out of it. check_in tells whether the very same
 * was there before. */
bool check_in(struct sim *sim, const struct ua *from, struct span bytes, bool corrupt);
void check_out(struct sim *sim, const struct engine_action *action, struct ua *to);
/* At the end of the world. */
void check_end(struct sim *sim);
