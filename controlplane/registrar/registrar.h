/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations that pass through limen: the registrar gets a contact of limen's with a token in
 * place of the user's own, and what it answers makes a binding, by which requests to the token find
 * the user (RFC 3261 section 10). limen-controlplane, loop thread. */
#pragma once

#include "common/conf/conf.h"
#include "common/sip/sip_msg.h"
#include "controlplane/registrar/bindings.h"

struct registrar;
struct event_base;

#define REGISTRAR_TOKEN_CHARS 27u
#define REGISTRAR_INSTANCE_CHARS 45u /* "urn:uuid:" and a UUID */
#define REGISTER_CONTACTS_MAX 8u /* of one REGISTER, and of a call to a user */

/* Reads what the file has. 0, or -errno after a log line that says what is wrong. */
int registrar_new(struct registrar **registrar, struct event_base *base,
		  const struct conf_registrar *conf);
void registrar_free(struct registrar *registrar);

/* Go over to another config; another file gets all that is known. 0, or -errno: then all stays as
 * it was. */
int registrar_configure(struct registrar *registrar, const struct conf_registrar *conf);

/* Who is to hear of each binding that is made or refreshed. */
typedef void registrar_bound(void *arg, const struct binding *binding);
void registrar_on_bound(struct registrar *registrar, registrar_bound *bound, void *arg);

/* What tells a REGISTER from others on their way: ask ids are a worker's own. */
struct registration_id {
	uint64_t ask_id;
	unsigned worker;
};

/* A REGISTER that was admitted. */
struct registration {
	struct registration_id id;
	struct span trunk; /* name: whence it comes */
	struct span user;  /* of the address of record */
	const struct sip_msg *msg;
	const struct net_endpoint *source;
	uint64_t flow; /* connection that it came by, 0: datagrams */
	uint8_t transport;
	bool outbound; /* flows are kept for who asks for it (RFC 5626) */
	bool rehearsal; /* nothing is begun: only told what would be */
	/* the trunk's: the briefest that is taken; the longest that a user is told, and one whose
	 * contact is not where it registers from; 0: no limit */
	unsigned min_expires_s, expires_s, nat_expires_s;
	/* the registrar's trunk, and what it may be sent (core_per_s 0: no limit) */
	struct span core;
	unsigned core_per_s, core_burst_ms;
	bool core_down; /* none of its peers answers OPTIONS */
};

enum registrar_outcome {
	REGISTRAR_TOKEN =
		0,	     /* send tokens in place of the user's contacts, and tell the answer */
	REGISTRAR_STAR,	     /* all contacts go: tell the answer */
	REGISTRAR_QUERY,     /* nothing to remember */
	REGISTRAR_ABSORBED,  /* a refresh that limen answers: 200 with `headers` */
	REGISTRAR_KEPT,	     /* the same, as the registrar takes no more now */
	REGISTRAR_BUSY,	     /* it takes no more, and limen cannot answer: 503 with retry_after_s */
	REGISTRAR_CONTACT,   /* a Contact that cannot be called, or twice: 400 */
	REGISTRAR_MANY,	     /* more Contacts than limen takes: 403 */
	REGISTRAR_BRIEF,     /* for too short a time: 423 with min_expires_s */
	REGISTRAR_HOP,	     /* a flow is asked for, but a proxy lies between: 439 */
	REGISTRAR_OVERTAKEN, /* its CSeq is older than what is known: 500 */
	REGISTRAR_FULL,	     /* 503 */
};

/* What is made of a REGISTER. */
struct registering_contact {
	char token[REGISTRAR_TOKEN_CHARS];
	char instance[REGISTRAR_INSTANCE_CHARS]; /* where `has_instance`: in place of the user's */
	bool has_instance;
	bool outbound;
	uint32_t reg_id; /* where `outbound` */
	bool has_expires, has_q;
	uint16_t q; /* in thousandths */
	uint32_t expires_s;
};

struct registering {
	unsigned n;
	struct registering_contact contacts[REGISTER_CONTACTS_MAX]; /* for the registrar */
	uint32_t told_max_s; /* the user is not told longer; 0: as granted */
	bool gruu; /* the user wants one, and the registrar can tell the contacts apart */
	uint32_t retry_after_s; /* BUSY */
	/* Contact lines of a positive answer: ABSORBED and KEPT: all; else what the user has registered
	 * besides */
	uint32_t headers_len;
	char headers[4096];
};

/* Remember it until its answer comes, or answer it: where a user refreshes from the same address
 * what the registrar has granted it for long enough, under the same Call-ID (absorption). */
enum registrar_outcome registrar_begin(struct registrar *registrar,
				       const struct registration *registration,
				       struct registering *registering);

/* The Contact values for the registrar: tokens at limen's address, with expires and q, in the order
 * of the user's; with limen's name of the instance where the user wants a GRUU, and with that and
 * reg-id where the registrar shall know of flows. */
void put_registrar_contact(struct cursor *out, const struct registering *registering,
			   const struct net_endpoint *limen, bool flows);
/* The Path value by which requests come back to limen (RFC 3327), for the first contact; `ob` where
 * it is a flow. Nothing where there is no contact. */
void put_registrar_path(struct cursor *out, const struct registering *registering,
			const struct net_endpoint *limen);

/* The registrar's final answer; `answer` NULL: none came. */
void registrar_end(struct registrar *registrar, const struct registration_id *id, uint16_t status,
		   const struct sip_msg *answer);

/* Whether a user part has the form of a token; then the binding it stands for, if there is one. Its
 * texts live until the next change. */
bool registrar_is_token(struct span user);
/* Whether a token stands for a flow: its binding gone, the answer is 430 (RFC 5626 section 5.3). */
bool registrar_is_flow(struct span user);
bool registrar_find(const struct registrar *registrar, struct span token, struct binding *binding);

/* Where a user of a trunk is, the contact with the highest q first. The texts live until the next
 * change. */
unsigned registrar_find_user(const struct registrar *registrar, struct span trunk,
			     struct span user, struct binding found[REGISTER_CONTACTS_MAX]);

/* Walk the bindings: *at starts at 0. False at the end. */
bool registrar_next(const struct registrar *registrar, uint32_t *at, struct binding *binding);

struct registrar_stats {
	uint64_t bindings, pending;
	uint64_t begun, full;              /* REGISTERs taken, and refused for want of room */
	uint64_t absorbed;                 /* answered by limen */
	uint64_t kept, busy; /* while the registrar took no more: answered by limen, and 503 */
	uint64_t made, refreshed, removed; /* bindings, by answers */
	uint64_t expired, failed, unknown; /* answers: no 2xx; to nothing that is remembered */
	uint64_t batches, rows, failures;  /* of the file */
};
void registrar_stats(struct registrar *registrar, struct registrar_stats *stats);

/* A registrar whose rate is held. */
struct registrar_core {
	struct span trunk;
	unsigned per_s; /* as of its last REGISTER */
	bool away;	/* it does not answer */
	uint64_t sent, held, outages;
};
/* Walk them: *at starts at 0. False at the end. */
bool registrar_next_core(const struct registrar *registrar, uint32_t *at,
			 struct registrar_core *core);
