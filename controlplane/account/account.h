/* SPDX-License-Identifier: BSD-3-Clause */
/* limen's accounts with carriers: a REGISTER with digest to a trunk's peers, refreshed before it is
 * over, with back-off and the next peer where one fails (RFC 3261 section 10.2, RFC 5626 section
 * 4.5). A function of its inputs: time, answers and random numbers come in, requests and changes go
 * out. limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"
#include "common/sip/sip_msg.h"

struct accounts;
struct users;

enum account_state {
	ACCOUNT_TRYING = 0, /* nothing is known yet */
	ACCOUNT_REGISTERED,
	ACCOUNT_FAILED, /* it will be tried again */
	ACCOUNT_STATES
};

/* One account, as it is. The texts live until the next change. */
struct account_view {
	unsigned trunk, peer; /* indexes in the config */
	uint8_t state;	      /* enum account_state */
	uint16_t status;      /* of the last answer; 408: none came; 0: none is known */
	uint32_t cseq;
	uint64_t since_ns, expires_ns; /* UNIX time; expires_ns where it is registered */
};

struct account_stats {
	uint64_t sent, registered, challenged, failed, no_credentials, late;
	uint64_t answered; /* challenges of other requests */
};

struct accounts *accounts_new(void);
void accounts_free(struct accounts *accounts);

/* Go over to a config that outlives this or the next call. Accounts of the same trunk and user are
 * kept. 0, or -ENOMEM: then it is as it was. */
int accounts_configure(struct accounts *accounts, const struct conf *conf, uint64_t now_ns,
		       uint64_t random);

/* The dataplane is there, or went away: what is on its way will not be answered. */
void accounts_link(struct accounts *accounts, bool up, uint64_t now_ns, uint64_t random);

bool accounts_due(const struct accounts *accounts, uint64_t *due_ns);

/* The next request to send now; false: none is due. It counts as sent. */
struct account_request {
	uint64_t id, seed; /* the seed is the account's: for its Call-ID and its worker */
	unsigned account, trunk, peer;
	uint32_t cseq;
};
bool accounts_next(struct accounts *accounts, uint64_t now_ns, struct account_request *request);
/* Header lines of that request: Contact, Expires, Authorization. */
void put_account_headers(struct cursor *out, struct accounts *accounts,
			 const struct account_request *request, const struct net_endpoint *limen,
			 const struct net_endpoint *peer);
/* The domain that it registers in: Request-URI, From and To. */
void put_account_domain(struct cursor *out, const struct conf_trunk *trunk,
			const struct net_endpoint *peer);
void accounts_unsent(struct accounts *accounts, const struct account_request *request,
		     uint64_t again_ns);

/* A request ended; `answer` NULL: none came. True where its account's state is another since; *view
 * tells it then. `credentials` may be NULL. */
bool accounts_end(struct accounts *accounts, uint64_t id, uint16_t status,
		  const struct sip_msg *answer, const struct users *credentials, uint64_t now_ns,
		  uint64_t unix_ns, uint64_t random, struct account_view *view);

/* A request of limen's to a trunk's peer was challenged. */
struct account_challenge {
	const struct conf_trunk *trunk;
	struct span method, uri;
	const struct sip_msg *answer; /* 401 or 407 */
	bool again; /* the same kind of challenge was answered before, for this request */
	uint64_t random;
};
/* The line that answers it; false where there are no credentials for it, or no others. */
bool put_account_credentials(struct cursor *out, struct accounts *accounts,
			     const struct account_challenge *asked,
			     const struct users *credentials);

unsigned accounts_count(const struct accounts *accounts);
struct account_view accounts_view(const struct accounts *accounts, unsigned account);
void accounts_stats(const struct accounts *accounts, struct account_stats *stats);
const char *account_state_name(enum account_state state); /* "trying", "registered", "failed" */
