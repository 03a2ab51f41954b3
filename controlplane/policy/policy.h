/* SPDX-License-Identifier: BSD-3-Clause */
/* The decision on a request outside a dialog: who sent it, may it be sent, where does it go.
 * Compiled from one config into an immutable generation. limen-controlplane, any thread. */
#pragma once

#include "common/conf/conf.h"
#include "common/sip/sip_msg.h"
#include "controlplane/policy/route.h"
#include "controlplane/topology/party.h"

struct admit_name;
struct explain;
struct policy;
struct number_rules;
struct screen;

/* conf outlives the policy, and so do its tables (NULL where it has none). NULL when there is no
 * memory. */
struct policy *policy_new(const struct conf *conf, const struct tables *tables);
void policy_free(struct policy *policy);
/* Whether the source is one of a trunk whose sources are no strangers. */
bool policy_knows(const struct policy *policy, unsigned realm, uint8_t family,
		  const struct net_addr *addr);
/* What its workers hold of it; it lives as long as the policy. */
const struct screen *policy_screen(const struct policy *policy);

/* What is asked about. */
struct policy_request {
	const struct sip_msg *msg;
	unsigned realm;
	const struct net_endpoint *source;
	uint8_t transport; /* enum net_transport that it came by */
	struct span proved; /* names that the peer has proved to have by TLS, a NUL behind each */
	struct span called; /* URI of whom it is for instead of the message's; may be empty */
	bool (*keeps)(struct span user); /* which users number rules leave alone; NULL: none */
	int64_t now_s; /* UNIX time that routes go by; 0: now */
	struct explain *explain; /* told why; NULL in live traffic */
};

/* X(symbol, name for counters, SIP status, why: for the log). How a decision came out. */
#define POLICY_OUTCOMES(X)                                                                         \
	X(ACCEPTED, "accepted", 0, "accepted")                                                     \
	X(UNKNOWN_SOURCE, "unknown_source", 403, "no trunk names this source")                     \
	X(METHOD, "method", 405, "this trunk's peers may not begin that")                          \
	X(BLOCKED_CALLED, "blocked_called", 403, "the called user is blocked")                     \
	X(BLOCKED_CALLING, "blocked_calling", 403, "the calling user is blocked")                  \
	X(NOT_A_USER, "not_a_user", 404, "the To of a REGISTER names no user that there could be")  \
	X(SCHEME, "uri_scheme", 416, "the called URI is neither sip:, tel: nor urn:service:")      \
	X(SIPS_PLAIN, "sips_plain", 416, "the called URI is sips:, but it did not come by TLS")        \
	X(SIPS_NOWHERE, "sips_nowhere", 480,                                                       \
	  "the called URI is sips:, and no peer that it could go to is reached by TLS")            \
	X(URI, "uri_invalid", 400, "the called URI cannot be read")                                \
	X(URI_LENGTH, "uri_length", 414, "the user of the called URI is too long")                 \
	X(NO_ROUTE, "no_route", 404, "no route takes this call")                                   \
	X(ROUTE_REFUSES, "route_refuses", 0, "a route refuses it")                                 \
	X(NO_PEER, "no_peer", 503, "no name of the trunk's peers has an address now")              \
	X(ROUTE_REDIRECTS, "route_redirects", 0, "a route redirects it")                           \
	X(NO_BINDING, "no_binding", 404, "nobody is registered by that token any more")            \
	X(FLOW_FAILED, "flow_failed", 430, "the flow that a token stands for is gone")             \
	X(FIRST_HOP, "first_hop", 439, "a flow is asked for, but a proxy is nearer to the user")   \
	X(CONTACT, "contact", 400, "a REGISTER's Contact that cannot be called")                   \
	X(CONTACTS_MANY, "contacts_many", 403, "a REGISTER with too many Contacts")                \
	X(EXPIRES_BRIEF, "expires_brief", 423, "a REGISTER for too short a time")                  \
	X(OVERTAKEN, "overtaken", 500, "a REGISTER that a later one has overtaken")                \
	X(ABSORBED, "absorbed", 200, "a refresh that limen answers itself")                        \
	X(KEPT, "kept", 200, "a refresh that limen answers, as the registrar takes no more")       \
	X(CORE_BUSY, "core_busy", 503, "the registrar takes no more REGISTERs now")                \
	X(NOT_REGISTERED, "not_registered", 480, "the called user is not registered")              \
	X(BINDINGS_FULL, "bindings_full", 503, "no room for another binding")                      \
	X(AUTH_CHALLENGED, "auth_challenged", 401, "challenged: it has no credentials of ours")    \
	X(AUTH_STALE, "auth_stale", 401, "challenged again: right, but the nonce is over")         \
	X(AUTH_FAILED, "auth_failed", 401, "its credentials are wrong")                            \
	X(AUTH_IDENTITY, "auth_identity", 403, "another user than the one that was authenticated") \
	X(REDIRECT_NOWHERE, "redirect_nowhere", 480,                                               \
	  "no Contact of the redirection can be called")                                           \
	X(REDIRECT_LOOP, "redirect_loop", 482, "the redirection leads back, or one too many")

enum policy_outcome {
#define X(sym, name, status, why) POLICY_##sym,
	POLICY_OUTCOMES(X)
#undef X
	POLICY_OUTCOMES_END,
};

/* The decision with all that led to it, so that it can be explained. */
struct policy_decision {
	enum policy_outcome outcome;
	unsigned status;       /* 0: accepted; else refuse with this */
	int from;              /* trunk, -1: unknown */
	unsigned source_bits;  /* length of the source prefix that decided */
	struct party called;   /* where `called_known`; by the trunk's number rules */
	struct party asked;    /* where `called_known`: as the caller wrote it */
	struct party calling;  /* whom routes go by, by the number rules; where `called_known` */
	bool called_known;
	bool emergency;
	bool gave_up;          /* a pattern took too many steps, and counted as not found */
	int route;             /* -1: none */
	int to;                /* trunk, -1: none: that of the first way */
	unsigned nways;        /* accepted: trunks in the order they are to be tried */
	struct route_way ways[CONF_ROUTE_TO_MAX];
};

void policy_decide(const struct policy *policy, const struct policy_request *request,
		   struct policy_decision *decision);

/* The number rules of the generation, for what goes out. */
const struct number_rules *policy_number_rules(const struct policy *policy);

/* Whether the config's emergency services have this user, or a service above it. */
bool policy_is_emergency(const struct conf *conf, struct span user);

/* The index of the trunk with that name, -1: there is none. */
int policy_trunk(const struct policy *policy, struct span name);

/* As admit_set_names. */
int policy_set_names(struct policy *policy, const struct admit_name *names, size_t n);

/* Turn a decision into a refusal. */
void policy_refuse(struct policy_decision *decision, enum policy_outcome outcome);

const char *policy_outcome_name(enum policy_outcome outcome); /* "no_route" */
const char *policy_outcome_why(enum policy_outcome outcome);
