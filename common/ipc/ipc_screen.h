/* SPDX-License-Identifier: BSD-3-Clause */
/* Part of the language of ipc_msg.h: who may send how much. The tables of sources and trunks that
 * workers hold themselves against, and what they tell of those who look like scanners. Both
 * processes, any thread. */
#pragma once

#include "common/base/span.h"
#include "common/net/addr.h"

#define IPC_NAME_MAX 63u

/* What limen knows of a source before it reads its first byte. */
enum ipc_class {
	IPC_CLASS_UNKNOWN = 0, /* no trunk names it */
	IPC_CLASS_KNOWN,
	IPC_CLASS_TRUSTED,
	IPC_CLASSES,
	IPC_CLASS_BLOCKED = IPC_CLASSES,
};

/* Of each source of a class; 0: no limit. */
struct ipc_class_limits {
	uint32_t pkts_per_s;
	uint32_t requests_per_s; /* that begin something */
};

#define IPC_SOURCES_TABLE_MAX 65536u /* prefixes */
#define IPC_TRUNKS_TABLE_MAX  65536u
#define IPC_RATE_MAX	      1000000u /* a second, of anything */
#define IPC_AGENTS_MAX	      2048u

enum ipc_learn { IPC_LEARN_NOBODY = 0, IPC_LEARN_UNKNOWN, IPC_LEARN_KNOWN, IPC_LEARNS };

struct ipc_screen {
	uint32_t generation;
	uint32_t nsources; /* as many as SCREEN_END must find */
	uint32_t ntrunks;
	struct ipc_class_limits classes[IPC_CLASSES];
	uint32_t unknown_pkts_per_s; /* of all unknown sources together; 0: no limit */
	uint32_t burst_ms; /* of these rates: what this time brings may come at once; not 0 */
	/* In `window_s` from one source (an IPv6 /64) at the most; 0: as many as like. */
	uint32_t window_s;		/* not 0 */
	uint16_t auth_failures_max;	/* of authentication */
	uint16_t users_max;		/* different called users that were refused */
	uint16_t refused_max;		/* requests that were refused with 403, 404 or the like */
	uint16_t malformed_max;
	uint16_t options_max;		/* OPTIONS to limen itself */
	uint16_t agents_len;
	uint8_t learn;			/* enum ipc_learn: whose deeds are counted */
	uint8_t emergency_unknown;	/* calls of unknown sources may be emergencies */
	uint8_t emergency_limits;	/* emergencies are held to the limits of trunks and users */
	uint8_t pad;
	/* parts of a User-Agent of scanners, in lower case, a line each */
};

/* Limits of a trunk; 0: none. Rates are events a second. */
struct ipc_limits {
	uint32_t calls_max; /* at a time, both directions */
	uint32_t calls_in_max;
	uint32_t calls_out_max;
	uint32_t calls_in_per_s;
	uint32_t calls_out_per_s;
	uint32_t messages_per_s; /* MESSAGE and all other requests outside of calls */
	uint32_t registrations_per_s;
	uint32_t burst_ms; /* of the rates, as in SCREEN; not 0 */
	uint32_t subscriptions_max;
	uint32_t kbps_max; /* media of its calls, one way */
	uint32_t user_calls_max;
	uint32_t user_calls_per_s;
};

struct ipc_trunk {
	uint32_t id; /* ipc_side_policy.trunk; not 0 */
	struct ipc_limits limits;
	char name[IPC_NAME_MAX + 1]; /* ends with 0 */
};

#define IPC_TRUNKS_AT_ONCE 256u

struct ipc_trunks {
	uint32_t generation; /* of the SCREEN before */
	uint32_t count;	     /* 1..IPC_TRUNKS_AT_ONCE */
	/* struct ipc_trunk each */
};

#define IPC_REALM_ANY 0xffu

struct ipc_source {
	struct net_addr addr; /* host bits are 0 */
	uint8_t family;
	uint8_t bits;
	uint8_t realm;	/* or IPC_REALM_ANY */
	uint8_t class; /* enum ipc_class, or IPC_CLASS_BLOCKED */
	uint32_t trunk; /* id, 0: none */
};

#define IPC_SOURCES_AT_ONCE 512u

struct ipc_sources {
	uint32_t generation;
	uint32_t count; /* 1..IPC_SOURCES_AT_ONCE */
	/* struct ipc_source each */
};

struct ipc_screen_end {
	uint32_t generation;
};

#define IPC_SOURCE_SECONDS_MAX 31536000u

struct ipc_source_set {
	struct ipc_source source; /* KNOWN or BLOCKED; UNKNOWN: as if nothing had been set */
	uint32_t seconds;	  /* how long from now, not 0; UNKNOWN: 0 */
};

/* What a source is suspected for. */
enum ipc_deed {
	IPC_DEED_AUTH = 0,  /* failed authentications */
	IPC_DEED_USERS,	    /* many different called users refused */
	IPC_DEED_REFUSED,   /* many requests refused */
	IPC_DEED_MALFORMED, /* many messages that are none */
	IPC_DEED_OPTIONS,   /* a sweep of OPTIONS */
	IPC_DEED_AGENT,	    /* the User-Agent of a scanner */
	IPC_DEEDS,
};

struct ipc_suspect {
	struct net_endpoint source;
	uint8_t realm;
	uint8_t deed;	/* enum ipc_deed */
	uint8_t proven; /* it has shown that it is where it says: not spoofed */
	uint8_t class; /* enum ipc_class */
	uint32_t count;
};

struct ipc_source_row {
	uint32_t list_id;
	uint32_t seconds; /* that are left */
	struct ipc_source source;
};

bool ipc_screen_check(const struct ipc_screen *screen, uint32_t len);
bool ipc_trunks_check(const struct ipc_trunks *trunks, uint32_t len);
bool ipc_sources_check(const struct ipc_sources *sources, uint32_t len);
bool ipc_source_set_check(const struct ipc_source_set *set, uint32_t len);
bool ipc_suspect_check(const struct ipc_suspect *suspect, uint32_t len);
bool ipc_source_row_check(const struct ipc_source_row *row, uint32_t len);

/* Parts of checked frames. */
struct span ipc_screen_agents(const struct ipc_screen *screen);
const struct ipc_trunk *ipc_trunks_at(const struct ipc_trunks *trunks, uint32_t i);
const struct ipc_source *ipc_sources_at(const struct ipc_sources *sources, uint32_t i);

const char *ipc_deed_name(enum ipc_deed deed); /* "auth-failures", ... */
/* "unknown", "known", "trusted", "blocked". */
const char *ipc_class_name(unsigned class);
