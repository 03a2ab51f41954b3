/* SPDX-License-Identifier: BSD-3-Clause */
/* What limen-load is asked to do, from its command line. Read-only once it runs; libc only. */
#pragma once

#include "common/net/addr.h"

#define PORTS_MAX  8u
#define LOCALS_MAX 32u
#define PATHS_MAX  32u
#define PHASES_MAX 16u
#define EAL_MAX    16u

/* One of our own addresses. */
struct local {
	uint8_t port;             /* index */
	struct net_prefix prefix; /* address with its subnet's length */
	struct net_endpoint gateway; /* family NET_NONE: none */
};

/* Calls go from a local address to a SIP address. */
struct path {
	struct net_endpoint from; /* SIP, and the address of its media */
	struct net_endpoint to;
	uint8_t local;            /* index of `from` */
};

enum rate_kind {
	RATE_NONE = 0, /* no media */
	RATE_FLAT,     /* as fast as the ports take it */
	RATE_PTIME,    /* each flow one packet a ptime */
	RATE_PPS,      /* so many packets a second over all flows */
	RATE_SHARE,    /* so much of what the first phase got through */
};

struct rate {
	enum rate_kind kind;
	double value; /* pps, or a share of 1 */
	char text[24];
};

struct phase_plan {
	struct rate rate;
	double seconds;
};

struct options {
	const char *ports[PORTS_MAX];
	unsigned nports;
	struct local locals[LOCALS_MAX];
	unsigned nlocals;
	struct path paths[PATHS_MAX];
	unsigned npaths;
	const char *eal[EAL_MAX];
	unsigned neal;
	unsigned cpu;
	unsigned mbufs;
	bool no_huge;

	uint32_t calls;      /* concurrent, at most */
	double cps;          /* begun a second */
	double hold_s;
	double ring_s;
	double duration_s;
	double linger_s;     /* at the end: ports stay open so long, or until the peers go */
	double drain_s;      /* between a flow's last packet and its reckoning */
	double give_up_s;    /* a request unanswered so long has failed */
	uint16_t sip_port;
	uint16_t rtp_low, rtp_high; /* ports of our media */
	const char *user;    /* the called user part begins with it */

	uint32_t users;      /* that register; 0: calls */
	double refresh_per_s; /* once all are */
	uint32_t expires_s;
	uint32_t session;    /* in Call-IDs; 0: made up */

	uint32_t raw_flows;  /* set up by nobody, from each port to the next */
	uint8_t raw_mac[6];
	uint8_t raw_family;

	struct rate media;   /* of calls, without phases */
	struct phase_plan phases[PHASES_MAX];
	unsigned nphases;
	uint32_t payload;    /* RTP payload, bytes */
	uint8_t payload_type;
	double ptime_s;
	unsigned burst;

	unsigned idle_us;
	double progress_s;
	const char *json;    /* NULL: none; "-": standard output */
	bool quiet;
};

/* Less than 0: go on; else exit with it. Errors are told on stderr. */
int options_read(struct options *options, int argc, char **argv);
