/* SPDX-License-Identifier: BSD-3-Clause */
/* Names looked up by c-ares in the event loop, and kept: a look-up answers at once with what is
 * known, and asks for what is not. What is in use is refreshed before it expires; what cannot be
 * refreshed stays as it was, however old, until the DNS is back. limen-controlplane, loop
 * thread. */
#pragma once

#include "common/conf/conf.h"
#include "controlplane/dns/answer.h"

struct dns;
struct event_base;

struct dns_events {
	/* Some answer is another now than it was, or there for the first time. */
	void (*changed)(void *arg);
};

/* `events` is borrowed. NULL when there is no memory. */
struct dns *dns_new(struct event_base *base, const struct dns_events *events, void *arg);
void dns_free(struct dns *dns);

/* Servers and bounds of a config, which is copied. 0, or -errno: then it is as before. Without
 * servers: resolv.conf's. */
int dns_configure(struct dns *dns, const struct conf_dns *conf);

enum dns_state {
	DNS_ASKING = 0, /* nothing is known yet */
	DNS_GOOD,
	DNS_NEGATIVE, /* there is no such name, or no record of that type */
	DNS_STALE,    /* good once, expired since: the DNS does not answer */
	DNS_FAILED,   /* nothing is known, and the DNS does not answer */
	DNS_STATES
};

/* What is known of a name (normal: dns_name_normal); asked for where nothing is. *answer lives
 * until the loop turns; it is NULL unless the state is GOOD or STALE. */
enum dns_state dns_find(struct dns *dns, const char *name, enum dns_type type,
			const struct dns_answer **answer);

/* Between these two the names in use are looked up again: those that nobody asked for in between
 * are forgotten. */
void dns_begin_round(struct dns *dns);
void dns_end_round(struct dns *dns);

/* Walk what is known: *at starts at 0. False at the end. */
struct dns_row {
	const char *name;
	enum dns_type type;
	enum dns_state state;
	const struct dns_answer *answer; /* NULL unless GOOD or STALE */
	uint64_t expires_ns, now_ns;	 /* monotonic */
};
bool dns_next(const struct dns *dns, unsigned *at, struct dns_row *row);

struct dns_stats {
	uint64_t queries, answered, negative, failed, malformed, changed;
	uint32_t names, stale;
};
void dns_stats(const struct dns *dns, struct dns_stats *stats);

const char *dns_state_name(enum dns_state state); /* "asking", "good", "negative", ... */
