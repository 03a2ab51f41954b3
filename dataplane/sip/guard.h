/* SPDX-License-Identifier: BSD-3-Clause */
/* Who sends, before what he sends is read: each source has a class (trusted, known, unknown,
 * blocked) by the control plane's table, and buckets of its own by that class. Memory is fixed:
 * unknown sources push out unknown ones alone. IPv6 sources that nothing longer names count by
 * their /64. One worker thread; libc only. */
#pragma once

#include "common/ipc/ipc_msg.h"
#include "dataplane/sip/prefixes.h"

#define GUARD_SETS	  4096u /* of GUARD_WAYS sources: known ones, and as many unknown */
#define GUARD_WAYS	  4u
#define GUARD_DYNAMIC_MAX 131072u /* sources besides the table */
#define GUARD_DEEDS_SETS  1024u
#define GUARD_FOREVER	  UINT32_MAX

/* What becomes of a message of a source. */
enum guard_fate {
	GUARD_PASS = 0,
	GUARD_BLOCKED,
	GUARD_RATE_UNKNOWN, /* more than a source of its class may send */
	GUARD_RATE_KNOWN,
	GUARD_RATE_TRUSTED,
	GUARD_RATE_ALL, /* more than all unknown sources together may send */
	GUARD_FATES,
};

/* A source that was seen. A cache line. */
struct guard_source {
	uint64_t hi, lo;	 /* its address; of an IPv6 /64 `lo` is 0 */
	uint32_t version;	 /* of the tables that its class is from */
	uint8_t realm, family;
	uint8_t class; /* enum ipc_class, or IPC_CLASS_BLOCKED */
	uint8_t pad;
	uint32_t until_s;	 /* the class is good before */
	uint32_t trunk;		 /* id of the trunk it belongs to, 0: none */
	uint32_t proven_until_s; /* it has a dialog with limen, or limen sends to it */
	uint32_t pad2;
	uint64_t pkts_full_ns;	 /* when its buckets are full again */
	uint64_t requests_full_ns;
	uint64_t pad3;
};
_Static_assert(sizeof(struct guard_source) == 64, "a cache line");

/* Which sources share a place: one look at this tells which of them it may be. */
struct guard_set {
	uint32_t tag[GUARD_WAYS]; /* of its hash; 0: free */
	uint32_t seen_ms[GUARD_WAYS];
};

struct guard_cache {
	struct guard_set *sets;	      /* owned: GUARD_SETS */
	struct guard_source *sources; /* owned: GUARD_SETS * GUARD_WAYS */
};

struct guard_stats {
	uint64_t tables, tables_bad;		  /* of the control plane, put in force and not */
	uint64_t sources_set, sources_unset, sources_full;
	uint64_t requests_unknown, requests_known; /* refused over the class's requests_per_s */
	uint64_t agents;			  /* dropped for their User-Agent */
	uint64_t suspects;			  /* reported */
};

/* What one source has done in this window. A cache line. */
struct guard_deeds {
	uint64_t hi;
	uint32_t nonce; /* hash of the nonce it was challenged with last; 0: none */
	uint32_t window_s; /* began then; 0 with hi 0: free */
	uint16_t count[IPC_DEEDS];
	uint8_t realm, family, proven, told;
	uint64_t users[2]; /* a bit for each hash of a called user */
	uint64_t seen_ns;
};
_Static_assert(sizeof(struct guard_deeds) <= 64, "a cache line");

struct guard {
	/* what is in force */
	struct ipc_screen screen;
	char agents[IPC_AGENTS_MAX];
	uint64_t pkts_ns[IPC_CLASSES]; /* between packets; 0: no limit */
	uint64_t requests_ns[IPC_CLASSES];
	uint64_t all_ns, burst_ns;
	bool has_table; /* without one nobody is unknown */
	bool splits_64;
	uint32_t version;
	unsigned bank; /* of `tables` */
	struct prefixes tables[2]; /* the control plane's: in force, and being told */
	struct prefixes dynamic;   /* set besides */

	uint64_t seed;
	uint64_t all_full_ns; /* bucket of all unknown sources */
	struct guard_cache known, unknown;
	struct guard_deeds *deeds; /* owned: GUARD_DEEDS_SETS * GUARD_WAYS */

	/* what is being told */
	struct ipc_screen next;
	char next_agents[IPC_AGENTS_MAX];
	bool is_telling;
	uint32_t told_trunks;
	struct guard_stats stats;
};

/* 0, or -ENOMEM. */
int guard_init(struct guard *guard, uint64_t seed);
void guard_fini(struct guard *guard);

/* The tables: begin, fill, put in force. False from the end where not all has come: what was in
 * force stays. */
void guard_screen(struct guard *guard, const struct ipc_screen *screen);
void guard_sources(struct guard *guard, const struct ipc_sources *sources);
bool guard_telling(const struct guard *guard, uint32_t generation);
bool guard_screen_end(struct guard *guard, const struct ipc_screen_end *end);
void guard_set(struct guard *guard, const struct ipc_source_set *set, uint64_t now_ns);

/* A message from there: does it pass? */
enum guard_fate guard_packet(struct guard *guard, uint64_t now_ns, uint8_t realm,
			     const struct net_endpoint *peer);
/* Class and trunk of a source, without counting anything. Never NULL; good until the next call. */
const struct guard_source *guard_source(struct guard *guard, uint64_t now_ns, uint8_t realm,
					const struct net_endpoint *peer);
/* One that begins something more from there. False: too many. */
bool guard_request(struct guard *guard, uint64_t now_ns, uint8_t realm,
		   const struct net_endpoint *peer);
/* It has a dialog, or limen itself sends there: for a while it is not unknown. */
void guard_prove(struct guard *guard, uint64_t now_ns, uint8_t realm,
		 const struct net_endpoint *peer);

/* ---- guard_learn.c ---- */
/* What a source did. `user`: hash of the called user, of REFUSED; `proven`: it is where it says.
 * True when that is more than there may be: *suspect says of whom, once in a window. */
bool guard_deed(struct guard *guard, uint64_t now_ns, uint8_t realm,
		const struct net_endpoint *peer, enum ipc_deed deed, uint64_t user, bool proven,
		struct ipc_suspect *suspect);
/* Whether what a source of this class does is counted. */
bool guard_counts(const struct guard *guard, const struct guard_source *source);
/* It was challenged, with a nonce of this hash. */
void guard_challenged(struct guard *guard, uint64_t now_ns, uint8_t realm,
		      const struct net_endpoint *peer, uint32_t nonce);
bool guard_was_challenged(struct guard *guard, uint64_t now_ns, uint8_t realm,
			  const struct net_endpoint *peer, uint32_t nonce);
/* Whether a User-Agent is a scanner's. */
bool guard_is_scanner(const struct guard *guard, struct span agent);
