/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is registered from where: bindings by token and by user, in memory, with their expiries in
 * order. limen-controlplane, loop thread. */
#pragma once

#include "common/base/hash.h"
#include "common/net/addr.h"

#define BINDING_CONTACT_MAX 512u

/* What a token says, unguessable. */
struct binding_id {
	uint64_t words[2];
};

static inline bool binding_id_eq(const struct binding_id *a, const struct binding_id *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

/* One binding. The texts live until the next change. */
struct binding {
	struct binding_id id;
	struct net_endpoint source; /* where the REGISTER came from: behind NAT the only way back */
	struct span trunk;          /* name: the user's */
	struct span user;           /* of the address of record */
	struct span contact;        /* the user's own URI */
	uint64_t expires_s;         /* UNIX time: what the user was told */
	uint64_t core_s;            /* until when the registrar keeps it; before expires_s only
				       while `kept` */
	uint64_t since_s;
	uint64_t call_id;           /* hash of the Call-ID of the last REGISTER, */
	uint32_t cseq;              /* and its CSeq */
	uint32_t reg_id;            /* which flow of the instance; 0: none was named */
	uint64_t instance;          /* keyed hash of who registers there (RFC 5626), 0: unknown */
	uint64_t flow;              /* connection that it came by, 0: datagrams; not kept in the file */
	uint8_t transport;          /* enum net_transport: what it registered by */
	uint16_t q;                 /* in thousandths */
	uint16_t flags;             /* enum binding_flag */
	uint32_t returns;           /* of its registrar, when that granted it (core_returns); not
				       in the file */
	bool kept;                  /* limen prolonged it while the registrar took no more; not in
				       the file */
};

enum binding_flag {
	BINDING_NAT = 1 << 0,  /* its contact is not where it registered from */
	BINDING_FLOW = 1 << 1, /* registered with instance and reg-id (RFC 5626) */
	BINDING_OUTBOUND = 1 << 2, /* and told that its flow is used */
	BINDING_GRUU = 1 << 3, /* the registrar gave it a GRUU: it hears of it with each answer */
};

struct bindings;

/* `key` mixes the table's hashes: users are chosen by anybody. NULL when there is no memory. */
struct bindings *bindings_new(const struct hash_key *key);
void bindings_free(struct bindings *bindings);

/* Put one in, or in place of the one with its id (which keeps its number and since_s). 0 with its
 * number, or -ENOMEM: then nothing changed. */
int bindings_put(struct bindings *bindings, const struct binding *binding, uint32_t *number);
/* The same user with the same contact was heard again. 0, or -ENOMEM: then nothing changed. */
int bindings_prolong(struct bindings *bindings, uint32_t number, uint64_t expires_s, uint32_t cseq,
		     bool kept);
void bindings_remove(struct bindings *bindings, uint32_t number);

bool bindings_find(const struct bindings *bindings, const struct binding_id *id, uint32_t *number);

/* The bindings of a user of a trunk: *at starts at 0. False at the end. Remove none but the one
 * last told. */
bool bindings_of_user(const struct bindings *bindings, struct span trunk, struct span user,
		      uint32_t *at, uint32_t *number);

/* False for a number that has none. */
bool bindings_get(const struct bindings *bindings, uint32_t number, struct binding *binding);

/* The one that expires first. */
bool bindings_first(const struct bindings *bindings, uint32_t *number, uint64_t *expires_s);

/* How many there are, and the end of their numbers: free ones lie between. */
uint32_t bindings_count(const struct bindings *bindings);
uint32_t bindings_end(const struct bindings *bindings);
