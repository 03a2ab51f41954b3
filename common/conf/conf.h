/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration, read from YAML against a schema: one immutable tree. Both processes read the
 * same file; the dataplane uses machine, ports and realms, the control plane all of it. Links
 * libcyaml and libyaml; any thread, not at the same time. */
#pragma once

#include "common/base/cursor.h"
#include "common/conf/conf_rules.h"
#include "common/conf/conf_tls.h"
#include "common/net/addr.h"
#include "common/rtp/secure.h"
#include "common/sip/failover.h"

/* Sockets in run_dir: the dataplane's for the control plane, the control plane's for limenctl. */
#define CONF_DATAPLANE_SOCKET "dataplane.sock"
#define CONF_ADMIN_SOCKET     "limenctl.sock"
#define CONF_RUN_DIR_DEFAULT  "/run/limen"

/* Users whom the processes become where the machine has them and the config names no others. */
#define CONF_USER_DEFAULT         "limen"
#define CONF_DATAPLANE_USER_DEFAULT "limen-dataplane"

#define CONF_WORKERS_MAX 64u
#define CONF_PORTS_MAX   16u
#define CONF_REALMS_MAX  64u
#define CONF_ADDRS_MAX   2u /* of a realm: one IPv4, one IPv6 */
#define CONF_PEERS_MAX   8u
#define CONF_EMERGENCY_MAX 32u
#define CONF_DNS_SERVERS_MAX 4u
#define CONF_TABLES_MAX  64u
#define CONF_ROUTE_TO_MAX 8u /* trunks of one route */
#define CONF_HOURS_MAX   8u
#define CONF_AGENTS_BYTES_MAX 2048u /* of screening.scanner_agents together */
#define CONF_SOURCES_MAX 65536u /* of all trunks, and blocked ones */

struct conf_machine {
	unsigned main_cpu;
	unsigned nworkers;
	unsigned workers[CONF_WORKERS_MAX]; /* cpu of each worker */
	char *hugepages;       /* "auto", "require", "never" */
	unsigned memory_mb;    /* for packets and DPDK */
	unsigned idle_sleep_us; /* a worker that found nothing to do sleeps this long; 0: never */
	unsigned max_calls;    /* concurrent, per worker: sizes the arena */
	char *state_dir;       /* arenas */
	char *run_dir;         /* sockets */
	unsigned mbufs;        /* per worker */
	char *user, *dataplane_user; /* "": see CONF_USER_DEFAULT */
	char *sandbox;         /* "enforce", "log", "off" */
	bool core_dumps;
};

struct conf_port {
	char *name;
	char *device;    /* DPDK device string: "net_af_xdp0,iface=eth1", "0000:03:00.0", ... */
	unsigned queues; /* for receiving, one for each of the first workers; for sending every
			    worker has its own */
	unsigned mtu;    /* bytes of IP packet */
};

struct conf_addr {
	struct net_prefix prefix;      /* limen's address with the subnet's length */
	bool has_gateway;
	struct net_addr gateway;
};

struct conf_realm {
	char *name;
	unsigned port; /* index into ports */
	unsigned naddrs;
	struct conf_addr addrs[CONF_ADDRS_MAX];
	uint16_t sip_port;
	uint16_t media_port_low;  /* even */
	uint16_t media_port_high; /* odd, inclusive */
	uint8_t dscp_sip, dscp_media; /* 0..63 */
	char *kernel_device; /* "" : no TCP and SCTP in this realm */
	unsigned kernel_new_per_s, kernel_pkts_per_s; /* of one source */
	uint16_t tls_port; /* 0: none */
	int tls;	   /* index; -1: none */
	uint16_t tcp_port; /* 0: no TCP */
	unsigned nstream_addrs;
	struct net_endpoint stream_addrs[CONF_ADDRS_MAX]; /* without port; none: `addrs` */
};

/* What becomes of a 3xx that a trunk's peers send, and of a REFER. */
enum conf_redirect { CONF_REDIRECT_REFUSE = 0, CONF_REDIRECT_FOLLOW, CONF_REDIRECT_PASS };
enum conf_srtp_mode {
	CONF_SRTP_FORBID = 0,
	CONF_SRTP_ALLOW,
	CONF_SRTP_REQUIRE,
	CONF_SRTP_BEST_EFFORT
};
enum conf_refer { CONF_REFER_REFUSE = 0, CONF_REFER_PASS, CONF_REFER_LOCAL };

/* What a peer is besides an address. */
struct conf_peer {
	char *host; /* in lower case, without a dot at its end; NULL: it is an address */
	uint16_t priority, weight;
	uint8_t transport; /* enum net_transport */
	bool transport_given; /* else a name's NAPTR and SRV may say another */
};

/* Where a trunk's number rules apply. */
enum conf_rules {
	CONF_CALLED_IN, /* to what comes from it */
	CONF_CALLING_IN,
	CONF_CALLED_OUT, /* to what goes to it */
	CONF_CALLING_OUT,
	CONF_RULES,
};

/* The key source_class. */
enum conf_class { CONF_CLASS_AUTO = 0, CONF_CLASS_TRUSTED, CONF_CLASS_KNOWN, CONF_CLASS_UNKNOWN };

/* Of a trunk; 0: no limit. */
struct conf_limits {
	unsigned calls_max, calls_in_max, calls_out_max;
	unsigned calls_in_per_s, calls_out_per_s, messages_per_s, registrations_per_s;
	unsigned subscriptions_max;
	unsigned user_calls_max, user_calls_per_s;
	unsigned rate_burst_ms;
};

struct conf_trunk {
	char *name;
	unsigned realm; /* index */
	unsigned npeers;
	struct net_endpoint peers[CONF_PEERS_MAX]; /* of a name: no family, port 0 for none */
	struct conf_peer peer_of[CONF_PEERS_MAX];
	bool sources_follow;        /* `sources` were not given: names' addresses count too */
	uint32_t failover[SIP_FAILOVER_WORDS]; /* bits: sip_failover_bit */
	unsigned failover_timeout_ms; /* 0: timer B */
	unsigned nsources;
	struct net_prefix *sources; /* who may send as this trunk; else the peers' addresses */
	unsigned ntls_names;
	char **tls_names;	    /* in lower case */
	bool media_learn;           /* media_source: learn (behind NAT) or pin */
	unsigned answer_max_s;      /* timer C */
	unsigned duration_max_s;    /* 0: unlimited */
	unsigned media_timeout_s;   /* 0: never */
	unsigned media_side_timeout_s; /* 0: never */
	bool media_police;	    /* its media is held to what was negotiated */
	bool ssrc_hide;
	uint16_t media_police_headroom; /* percent */
	uint16_t media_police_burst_ms;
	unsigned pass_count;        /* headers passed beyond the safe set */
	char **pass;
	unsigned hide_count;        /* headers that cross with their URIs hidden */
	char **hide;
	unsigned drop_count;        /* headers taken out of the safe set */
	char **drop;
	uint32_t methods;           /* begun outside of a dialog: a bit for each enum sip_method */
	uint8_t redirect;           /* enum conf_redirect */
	uint8_t refer;              /* enum conf_refer */
	uint16_t session_expires_s; /* 0: no session timer */
	uint16_t min_se_s;
	uint8_t srtp;               /* enum conf_srtp_mode */
	uint8_t srtp_suites[SECURE_SUITES_MAX]; /* enum secure_suite, the preferred first; then 0 */
	bool msrp;
	bool trusted;               /* of the trust domain (RFC 3325) */
	struct conf_trunk_rules rules;
	unsigned options_interval_s; /* between OPTIONS probes of a peer; 0: never */
	unsigned options_down_after; /* probes in a row */
	unsigned options_up_after;
	bool challenges_pass;       /* its challenges cross, and the answers come back */
	bool auth_digest;           /* limen asks for user and password */
	bool auth_identity;
	char *auth_realm;
	unsigned register_min_expires_s; /* 0: none is too short */
	unsigned register_expires_s, register_nat_expires_s; /* 0: no limit */
	bool outbound;	    /* its users' flows are kept (RFC 5626) */
	bool register_path; /* REGISTERs to it carry a Path, and tell of flows */
	char *account_user; /* "" : limen does not register there */
	char *account_domain, *account_auth_user;
	unsigned account_expires_s;
	bool users_registered; /* calls go to where the user registered, not to the peers */
	int number_rules[CONF_RULES]; /* sets of number rules, by enum conf_rules; -1: none */
	char *country_code;         /* of numbers as it writes them; "": not known */
	char *national_prefix;      /* "" : none */
	char *international_prefix;
	uint8_t source_class;       /* enum conf_class */
	struct conf_limits limits;
	unsigned registrations_out_per_s; /* 0: no limit */
};

/* Minutes of the day; behind `to` it is over. Past midnight where `to` is not behind `from`. */
struct conf_hours {
	uint16_t from, to;
};

enum conf_order { CONF_BY_COST = 0, CONF_BY_QUALITY };

/* Conditions, all of which must hold, then what is done: to trunks, to a table's trunks, or refused
 * or redirected with `status`. */
struct conf_route {
	int from;		/* index of the trunk the call came by, -1: any */
	int realm;		/* of that trunk, -1: any */
	char *prefix;		/* of the called user part, "" : any; so are all texts here */
	char *user;		/* the whole of it */
	char *calling_prefix;
	char *pattern;
	char *pattern_of;	/* "called", "calling", or a header's name */
	char *domain;
	char *header;
	char *header_value;
	uint32_t methods;	/* a bit for each enum sip_method; 0: any */
	uint8_t days;		/* a bit for each from Monday on; 0: any */
	uint8_t nhours;		/* 0: any */
	struct conf_hours hours[CONF_HOURS_MAX];
	char *time_zone;
	uint8_t percent;
	bool emergency;
	uint8_t order;		/* enum conf_order */
	int to;			/* index of trunk; -1: none */
	unsigned nfailover;
	unsigned failover[CONF_ROUTE_TO_MAX - 1];
	unsigned nweights;	/* 0: in order; else of `to` and each of failover */
	uint16_t weights[CONF_ROUTE_TO_MAX];
	int table;		/* index; -1: none */
	unsigned status;	/* 0: none */
	char *reason;
	unsigned cause;	/* 0: none */
	unsigned redirect_count;
	char **redirect;
};

struct conf_table {
	char *name;
	char *file;
	char *sqlite_table; /* "" : the file is CSV */
};

enum conf_convert {
	CONF_CONVERT_NONE = 0,
	CONF_TO_E164,
	CONF_TO_NATIONAL,
	CONF_TO_INTERNATIONAL,
};

struct conf_number_rule {
	char *set;
	char *prefix;	/* "" : any */
	char *pattern;	/* "" : any */
	uint8_t convert; /* enum conf_convert */
	uint8_t strip;
	bool next;	/* after it applied the set goes on */
	char *add;
	char *replace;	/* what the pattern found; NULL: it stays */
};

/* The rules of one name. */
struct conf_rule_set {
	char *name;
	unsigned nrules;
	unsigned *rules; /* indexes, in order */
};

struct conf_registrar {
	char *file; /* "" : bindings are kept in memory only */
	unsigned bindings_max;
	bool absorb;
	unsigned core_expires_s;
	unsigned outage_expires_s, outage_keep_s;
	unsigned flow_timer_s; /* 0: not told */
};

#define CONF_AUTH_ALGORITHMS_MAX 3u

struct conf_auth {
	char *users_file; /* "" : there are none */
	char *users_table; /* of a SQLite file; "": it is CSV */
	bool integrity;	   /* auth-int is offered too */
	char *credentials_file; /* "" : limen has none */
	unsigned algorithms_count;
	char *algorithms[CONF_AUTH_ALGORITHMS_MAX]; /* the preferred one first */
	unsigned nonce_s;
};

struct conf_srtp {
	char *engine;      /* "auto", "cryptodev", "libsrtp2" */
	unsigned sessions; /* keys that each worker's part of the device holds */
};

/* Whose deeds are counted. */
enum conf_learn { CONF_LEARN_NOBODY = 0, CONF_LEARN_UNKNOWN, CONF_LEARN_KNOWN };

struct conf_screening {
	uint8_t learn; /* enum conf_learn */
	unsigned nnever, nblocked;
	struct net_prefix *never, *blocked;
	unsigned ncalled, ncalling, nagents;
	char **called, **calling; /* beginnings of user parts */
	char **agents;		  /* parts of a User-Agent, in lower case */
	char *file;		  /* "" : none; what it says is in the lists */
	unsigned trusted_packets_per_s, known_packets_per_s, unknown_packets_per_s,
		unknown_total_packets_per_s;
	unsigned trusted_requests_per_s, known_requests_per_s, unknown_requests_per_s;
	unsigned burst_ms, window_s;
	unsigned auth_failures_max, refused_users_max, refused_max, malformed_max, options_max;
	unsigned block_s, block_unproven_s;
};

struct conf_overload {
	unsigned busy_percent_max; /* of a worker's cycles */
	unsigned retry_after_s;
};

struct conf_emergency {
	unsigned count;
	char *services[CONF_EMERGENCY_MAX]; /* users and urn:service: names */
	bool over_limits;
	bool of_unknown;
};

struct conf_connections {
	unsigned total_max, source_max, known_source_max;
	unsigned first_message_s, message_s, idle_s; /* idle_s 0: never */
	unsigned connect_timeout_ms, keepalive_s;    /* keepalive_s 0: never */
	unsigned message_bytes_max, output_kb_max;
	bool alias;
};

struct conf_dns {
	unsigned nservers;
	struct net_endpoint servers[CONF_DNS_SERVERS_MAX];
	unsigned timeout_ms, tries;
	unsigned ttl_min_s, ttl_max_s, negative_ttl_max_s;
};

struct conf_log {
	char *level;  /* "debug", "info", "warn", "error" */
	char *format; /* "text", "json" */
	char *file;   /* "" : stderr */
};

struct conf_cdr {
	char *file; /* "" : none are written (and a call's record is acknowledged at once) */
	unsigned rotate_mb, rotate_s; /* 0: never by that */
	unsigned keep;                /* files put aside; 0: all */
};

struct conf {
	char *path;
	struct conf_machine machine;
	unsigned nports;
	struct conf_port *ports;
	unsigned nrealms;
	struct conf_realm *realms;
	unsigned ntrunks;
	struct conf_trunk *trunks;
	unsigned nroutes;
	struct conf_route *routes; /* the first that matches decides */
	unsigned nheader_rules;
	struct conf_header_rule *header_rules;
	unsigned nanswer_rules;
	struct conf_answer_rule *answer_rules;
	unsigned ntopologies;
	struct conf_topology *topologies;
	unsigned ntables;
	struct conf_table *tables;
	unsigned nnumber_rules;
	struct conf_number_rule *number_rules;
	unsigned nrule_sets;
	struct conf_rule_set *rule_sets;
	unsigned ncertificates;
	struct conf_certificate *certificates;
	unsigned ntls;
	struct conf_tls *tls;
	struct conf_registrar registrar;
	struct conf_auth auth;
	struct conf_srtp srtp;
	struct conf_screening screening;
	struct conf_overload overload;
	struct conf_emergency emergency;
	struct conf_connections connections;
	struct conf_dns dns;
	struct conf_log log;
	struct conf_cdr cdr;
	void *keep; /* conf's own: what the parser allocated */
};

/* What is wrong with a file, for a person. */
struct conf_error {
	unsigned line;   /* 1-based; 0: the file as a whole */
	char key[160];   /* "trunks[1].peers[0]" */
	char reason[240]; /* "not an address: \"10.99.1\"" */
};

/* Read and check a file. On success *conf is owned by the caller (conf_free). On failure -errno
 * with up to `max` errors in errors[] and their number in *nerrors: as many faults as can be told
 * in one go. */
int conf_load(const char *path, struct conf **conf, struct conf_error *errors, unsigned max,
	      unsigned *nerrors);
void conf_free(struct conf *conf);

/* For a program's start: NULL with a line on stderr for each of the first errors. */
struct conf *conf_load_or_tell(const char *path);

/* The line of a key's value, for faults that are found after the load, in files that the config
 * names: it is looked up in the file again. 0: it is not there any more. */
unsigned conf_line_of(const struct conf *conf, const char *key);

/* "FILE:LINE: KEY: REASON" */
void conf_put_error(struct cursor *out, const char *path, const struct conf_error *error);

/* limen's own endpoint in a realm over a transport, for a family. False: it is not spoken there. */
bool conf_realm_endpoint(const struct conf_realm *realm, enum net_transport transport,
			 uint8_t family, struct net_endpoint *endpoint);

/* Hash over what both processes must agree on: realms with their ports and addresses. */
uint64_t conf_realms_hash(const struct conf *conf);

/* Whether going over from one configuration to the other needs a restart; `key` gets the path of
 * the first key that does. */
bool conf_needs_restart(const struct conf *was, const struct conf *now, struct cursor *key);

/* The reference of all keys (type, unit, default, range, effect on reload), as Markdown, from the
 * schema itself. */
void conf_put_reference(struct cursor *out);
