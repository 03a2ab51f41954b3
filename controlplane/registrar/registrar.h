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

/* Reads what the file has. 0, or -errno after a log line that says what is wrong. */
int registrar_new(struct registrar **registrar, struct event_base *base,
		  const struct conf_registrar *conf);
void registrar_free(struct registrar *registrar);

/* Go over to another config; another file gets all that is known. 0, or -errno: then all stays as
 * it was. */
int registrar_configure(struct registrar *registrar, const struct conf_registrar *conf);

/* What tells a REGISTER from others on their way: ask ids are a worker's own. */
struct registration_id {
	uint64_t ask_id;
	unsigned worker;
};

/* A REGISTER that will be passed on. */
struct registration {
	struct registration_id id;
	struct span trunk; /* name: whence it comes */
	struct span user;  /* of the address of record */
	const struct sip_msg *msg;
	const struct net_endpoint *source;
	bool rehearsal; /* nothing is begun: only told what would be */
};

enum registrar_outcome {
	REGISTRAR_TOKEN =
		0,	   /* send this token in place of the user's contact, and tell the answer */
	REGISTRAR_STAR,	   /* all contacts go: tell the answer */
	REGISTRAR_QUERY,   /* nothing to remember */
	REGISTRAR_CONTACT, /* a Contact that cannot be called: 400 */
	REGISTRAR_FULL,	   /* 503 */
};

/* Remember it until its answer comes. Of several Contacts the first counts. */
enum registrar_outcome registrar_begin(struct registrar *registrar,
				       const struct registration *registration,
				       char token[REGISTRAR_TOKEN_CHARS]);

/* The Contact value for the registrar: the token at limen's address, with the expires and the q
 * that the user's had. */
void put_registrar_contact(struct cursor *out, const char token[REGISTRAR_TOKEN_CHARS],
			   const struct net_endpoint *limen, const struct sip_msg *msg);

/* The registrar's final answer; `answer` NULL: none came. */
void registrar_end(struct registrar *registrar, const struct registration_id *id, uint16_t status,
		   const struct sip_msg *answer);

/* Whether a user part has the form of a token; then the binding it stands for, if there is one. Its
 * texts live until the next change. */
bool registrar_is_token(struct span user);
bool registrar_find(const struct registrar *registrar, struct span token, struct binding *binding);

/* Walk the bindings: *at starts at 0. False at the end. */
bool registrar_next(const struct registrar *registrar, uint32_t *at, struct binding *binding);

struct registrar_stats {
	uint64_t bindings, pending;
	uint64_t begun, full;              /* REGISTERs taken, and refused for want of room */
	uint64_t made, refreshed, removed; /* bindings, by answers */
	uint64_t expired, failed, unknown; /* answers: no 2xx; to nothing that is remembered */
	uint64_t batches, rows, failures;  /* of the file */
};
void registrar_stats(struct registrar *registrar, struct registrar_stats *stats);
