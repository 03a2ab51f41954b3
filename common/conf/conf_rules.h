/* SPDX-License-Identifier: BSD-3-Clause */
/* What the configuration says of headers, response codes, identities, topology and codecs. Part of
 * struct conf; both processes read it, the control plane goes by it. */
#pragma once

#include "common/base/span.h"

#define CONF_CONDITIONS_MAX   4u  /* of a header rule */
#define CONF_HEADER_RULES_MAX 16u /* of a trunk, one way */
#define CONF_ANSWER_RULES_MAX 16u
#define CONF_CODECS_MAX	      32u
#define CONF_CAPTURES	      10u /* ${0} to ${9} */

enum conf_header_action { CONF_HEADER_ADD = 0, CONF_HEADER_REMOVE, CONF_HEADER_REPLACE, CONF_HEADER_SET };

/* X(symbol, word, takes a value) */
#define CONF_TESTS(X)                                                                              \
	X(PRESENT, "present", false)                                                               \
	X(ABSENT, "absent", false)                                                                 \
	X(EQUALS, "equals", true)                                                                  \
	X(BEGINS, "begins", true)                                                                  \
	X(MATCHES, "matches", true)

enum conf_test {
#define X(sym, word, value) CONF_TEST_##sym,
	CONF_TESTS(X)
#undef X
	CONF_TESTS_END,
};

struct conf_condition {
	uint8_t test; /* enum conf_test */
	char *header;
	char *value; /* where the test takes one */
};

enum conf_on { CONF_ON_INITIAL = 1, CONF_ON_REQUESTS = 2, CONF_ON_RESPONSES = 4 };

struct conf_header_rule {
	char *set;
	char *header;
	char *value;
	uint32_t methods; /* a bit for each enum sip_method; 0: all */
	uint8_t action;	  /* enum conf_header_action */
	uint8_t on;	  /* enum conf_on */
	uint8_t nconds;
	struct conf_condition conds[CONF_CONDITIONS_MAX];
};

/* X(symbol, name): what "${name}" in a value stands for; of the request that began it all. */
#define CONF_VARIABLES(X)                                                                          \
	X(FROM_USER, "from.user")                                                                  \
	X(FROM_HOST, "from.host")                                                                  \
	X(FROM_DISPLAY, "from.display")                                                            \
	X(TO_USER, "to.user")                                                                      \
	X(TO_HOST, "to.host")                                                                      \
	X(RURI_USER, "ruri.user")                                                                  \
	X(RURI_HOST, "ruri.host")                                                                  \
	X(SOURCE_ADDR, "source.addr")                                                              \
	X(SOURCE_PORT, "source.port")                                                              \
	X(TRUNK, "trunk")                                                                          \
	X(TRUNK_TO, "trunk.to")                                                                    \
	X(METHOD, "method")                                                                        \
	X(CALL_ID, "call_id")

enum conf_variable {
#define X(sym, name) CONF_VAR_##sym,
	CONF_VARIABLES(X)
#undef X
	CONF_VAR_HEADER,  /* header:NAME, of the message itself */
	CONF_VAR_CAPTURE, /* 0 to 9 */
	CONF_VAR_NONE,
};

/* The next variable of a value: `before` and `name` (behind "header:", or a digit) are set.
 * CONF_VAR_NONE at the end, all of the rest is `before` then; *bad: there is a "${" that is none. */
enum conf_variable conf_variable_next(struct span *rest, struct span *before, struct span *name,
				      bool *bad);

struct conf_answer_rule {
	char *set;
	unsigned code, last; /* both in it */
	unsigned to;
	char *phrase; /* "" : the usual one */
	char *reason; /* "" : none */
};

enum conf_host_kind { CONF_HOST_OWN = 0, CONF_HOST_KEEP, CONF_HOST_NAMED };

/* Hosts in what a trunk's peers are shown. */
struct conf_host {
	uint8_t kind; /* enum conf_host_kind */
	char *name;
};

struct conf_topology {
	char *name;
	struct conf_host ruri, from, to, identity;
	bool display_drop;
	bool products_keep;
};

enum conf_caller { CONF_CALLER_FROM = 0, CONF_CALLER_ASSERTED, CONF_CALLER_PREFERRED };
enum conf_asserted { CONF_ASSERTED_PASS = 0, CONF_ASSERTED_DROP, CONF_ASSERTED_FROM, CONF_ASSERTED_NUMBER };
enum conf_privacy { CONF_PRIVACY_HONOUR = 0, CONF_PRIVACY_ALWAYS, CONF_PRIVACY_NEVER };

enum conf_way { CONF_IN = 0, CONF_OUT, CONF_WAYS }; /* what comes from a trunk, what goes to it */
enum conf_codecs { CONF_CODECS_ALLOW = 0, CONF_CODECS_DENY, CONF_CODECS_ORDER, CONF_CODEC_LISTS };

/* Of a trunk. */
struct conf_trunk_rules {
	unsigned nheaders[CONF_WAYS];
	unsigned *headers[CONF_WAYS]; /* indexes of header rules, in their order */
	unsigned nanswers[CONF_WAYS];
	unsigned *answers[CONF_WAYS];
	int topology;	   /* index; -1: all is hidden */
	uint8_t caller;	   /* enum conf_caller */
	uint8_t asserted;  /* enum conf_asserted */
	uint8_t privacy;   /* enum conf_privacy */
	bool remote_party; /* Remote-Party-ID is written */
	char *asserted_number;
	char *from_number; /* "" : the caller's */
	unsigned ncodecs[CONF_CODEC_LISTS];
	char **codecs[CONF_CODEC_LISTS];
	uint8_t ptime_ms, maxptime_ms; /* 0: as they come */
};
