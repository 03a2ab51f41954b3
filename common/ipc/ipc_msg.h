/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole language between limen-dataplane and limen-controlplane. Every message is one frame of
 * a ring: a fixed struct, then the variable parts in the order the struct lists their lengths. Host
 * byte order (one machine). The reader copies a frame out of shared memory, then checks it with
 * ipc_msg_check before it looks at anything else.
 *
 * Rings: one pair for each worker, one pair (`main`) for the dataplane's main thread. */
#pragma once

#include "common/base/span.h"
#include "common/ipc/ipc_challenge.h"
#include "common/ipc/ipc_screen.h"
#include "common/ipc/ipc_stream.h"
#include "common/net/addr.h"
#include "common/rtp/secure.h"
#include "common/sip/failover.h"

#define IPC_VERSION       4u
#define IPC_FRAME_MAX     (72u * 1024u) /* a 64 KiB SIP message and its head */
#define IPC_TARGETS_MAX   8u
#define IPC_HEADERS_MAX   4096u /* of an answer that the control plane gives by its verdict */
#define IPC_CONTEXT_MAX   1024u /* the control plane's note on a call, given back in its record */
#define IPC_WORKERS_MAX   64u
#define IPC_REALMS_MAX    64u

/* X(symbol, number, fixed struct, sender: D dataplane or C control plane, ring: W worker or M
 * main) */
#define IPC_MSGS(X)                                                                                \
	/* A request outside a dialog: what shall be done? */                                      \
	X(ASK, 1, ipc_ask, D, W)                                                                   \
	/* The answer. Unknown or stale ask ids are dropped and counted. */                        \
	X(VERDICT, 2, ipc_verdict, C, W)                                                           \
	/* The caller gave up before the verdict came: no answer is needed. */                     \
	X(ASK_GONE, 3, ipc_ask_gone, D, W)                                                         \
	/* A call has ended: its record. Sent again after each reconnect until acknowledged. */    \
	X(CALL_END, 4, ipc_call_end, D, W)                                                         \
	/* The record is on disk. */                                                               \
	X(CALL_END_ACK, 5, ipc_call_end_ack, C, W)                                                 \
	/* End a call (operator). */                                                               \
	X(HANGUP, 6, ipc_hangup, C, W)                                                             \
	/* List calls from a cursor on; answered by CALL_ROWs and one LIST_END. */                 \
	X(CALLS_ASK, 7, ipc_list_ask, C, W)                                                        \
	X(CALL_ROW, 8, ipc_call_row, D, W)                                                         \
	X(LIST_END, 9, ipc_list_end, D, W)                                                         \
	/* Counters of the dataplane: a row for each, then LIST_END. */                            \
	X(STATS_ASK, 10, ipc_list_ask, C, M)                                                       \
	X(STAT_ROW, 11, ipc_stat_row, D, M)                                                        \
	X(STATS_END, 12, ipc_list_end, D, M)                                                       \
	/* Something an operator should know (rate-limited by the sender): one log line. */        \
	X(NOTICE, 13, ipc_notice, D, W)                                                            \
	/* The final answer of a request outside a dialog whose verdict has IPC_TELL_ANSWER. */    \
	X(ANSWER, 14, ipc_answer, D, W)                                                            \
	/* Send OPTIONS or REGISTER to a peer; answered by one PROBE_END. */                                   \
	X(PROBE, 15, ipc_probe, C, W)                                                              \
	X(PROBE_END, 16, ipc_probe_end, D, W)                                                      \
	/* What a worker does without asking: sent on each connection and reload. */               \
	X(SETTINGS, 17, ipc_settings, C, W)                                                        \
	/* Who may send how much: SCREEN begins a table, SCREEN_TRUNKS and SCREEN_SOURCES fill     \
	 * it, SCREEN_END puts it in force in one step, if all of it has come. On each connection  \
	 * and reload. */                                                                         \
	X(SCREEN, 18, ipc_screen, C, W)                                                            \
	X(SCREEN_TRUNKS, 19, ipc_trunks, C, W)                                                     \
	X(SCREEN_SOURCES, 20, ipc_sources, C, W)                                                   \
	X(SCREEN_END, 21, ipc_screen_end, C, W)                                                    \
	/* One source besides the table: blocked, or known, for a while. */                        \
	X(SOURCE_SET, 22, ipc_source_set, C, W)                                                    \
	/* A source does what scanners do: the control plane may have it blocked. */               \
	X(SUSPECT, 23, ipc_suspect, D, W)                                                          \
	/* List what SOURCE_SET has set; answered by SOURCE_ROWs and one LIST_END. */              \
	X(SOURCES_ASK, 24, ipc_list_ask, C, W)                                                     \
	X(SOURCE_ROW, 25, ipc_source_row, D, W)                                                    \
	/* SIP by connections, which are the control plane's: in, out, and what did not go out. */ \
	X(SIP_IN, 26, ipc_sip_in, C, W)                                                            \
	X(SIP_OUT, 27, ipc_sip_out, D, W)                                                          \
	X(SIP_FAIL, 28, ipc_sip_fail, C, W)                                                        \
	/* A peer asks who limen is; what limen answers. */                                        \
	X(CHALLENGE, 29, ipc_challenge, D, W)                                                      \
	X(CREDENTIALS, 30, ipc_credentials, C, W)

enum ipc_msg_type {
	IPC_NONE = 0,
#define X(sym, number, type, sender, ring) IPC_##sym = number,
	IPC_MSGS(X)
#undef X
};

/* First and only message on the UNIX socket, dataplane to control plane, with two descriptors for
 * each ring pair by SCM_RIGHTS (main first, then the workers in order): the memfd of both
 * directions, and the control plane's end of the doorbell of both directions (common/ipc/ring.h,
 * doorbell.h). */
struct ipc_hello {
	uint32_t version;     /* IPC_VERSION */
	uint32_t nworkers;
	uint64_t conf_hash; /* of the realms of its config (conf_realms_hash): others are refused */
	uint64_t boot_id;     /* of this dataplane start: ask ids and handles are good within one */
	uint32_t ring_bytes;  /* data bytes of each direction of each ring, power of two */
	uint32_t pid;
};

/* Why the control plane is asked. */
enum ipc_ask_kind {
	IPC_ASK_NEW = 0,  /* a request came */
	IPC_ASK_REDIRECT, /* its target answered 3xx: `contacts` says where else (RFC 3261
			     section 8.1.3.4) */
	IPC_ASK_TRANSFER, /* a REFER that limen carries out: the message is the INVITE that the
			     referring side would have sent itself (RFC 3515) */
	IPC_ASK_KINDS
};

struct ipc_ask {
	uint64_t ask_id;
	uint64_t flow; /* the connection it came by, 0: none */
	struct net_endpoint source; /* the sender as seen on the wire */
	struct net_endpoint local;  /* where it arrived */
	uint8_t realm;              /* index in the config */
	uint8_t transport;          /* enum net_transport */
	uint8_t kind;               /* enum ipc_ask_kind */
	uint8_t redirects;          /* REDIRECT: how many this call has followed before */
	uint16_t context_len;       /* REDIRECT: of the verdict so far */
	uint16_t contacts_len;      /* REDIRECT */
	uint32_t msg_len;           /* the request, whole */
	/* message, context, contacts: Contact values, joined with commas */
};

/* How the source of a side's media is fixed: the numbers of the dataplane's enum stream_source. */
enum ipc_source_policy { IPC_SOURCE_PIN = 0, IPC_SOURCE_LEARN, IPC_SOURCES };

/* What becomes of a 3xx that a side sends. */
enum ipc_redirect {
	IPC_REDIRECT_REFUSE = 0, /* 480 */
	IPC_REDIRECT_FOLLOW,     /* policy is asked again, with IPC_ASK_REDIRECT */
	IPC_REDIRECT_PASS,       /* to the other side, with limen's addresses in the Contacts */
	IPC_REDIRECTS
};

/* What becomes of a REFER that a side sends. */
enum ipc_refer {
	IPC_REFER_REFUSE = 0, /* 403 */
	IPC_REFER_PASS,       /* to the other side, which comes back with the call */
	IPC_REFER_LOCAL,      /* limen calls the new party itself */
	IPC_REFERS
};

/* SRTP with a side. */
enum ipc_srtp {
	IPC_SRTP_FORBID = 0,  /* neither offered nor taken */
	IPC_SRTP_ALLOW,	      /* taken; offered where the other side has it */
	IPC_SRTP_REQUIRE,     /* nothing else is offered or taken */
	IPC_SRTP_BEST_EFFORT, /* offered beside plain RTP (RFC 8643); either is taken */
	IPC_SRTPS
};

enum ipc_policy_flag {
	IPC_POLICY_MSRP = 1 << 0, /* m= sections over TCP pass with their address (MSRP) */
	IPC_POLICY_HIDE_SSRC = 1 << 1, /* the other side sees its SSRCs by other numbers */
	IPC_POLICY_ACCOUNT = 1 << 2, /* its challenges of limen's requests are CHALLENGEs */
};
#define IPC_POLICY_FLAGS (IPC_POLICY_MSRP | IPC_POLICY_HIDE_SSRC | IPC_POLICY_ACCOUNT)

/* How limen speaks to one side of a call. */
struct ipc_side_policy {
	uint16_t session_s;    /* session interval that limen asks for (RFC 4028); 0: no session
				  timer on this side */
	uint16_t min_se_s;     /* the shortest it takes: below, 422; at least 90 with a timer */
	uint8_t source_policy; /* enum ipc_source_policy of the side's media */
	uint8_t redirect;      /* enum ipc_redirect */
	uint8_t refer;         /* enum ipc_refer */
	uint8_t flags;         /* enum ipc_policy_flag */
	uint32_t trunk;        /* the same for all of one trunk, in any generation: a dialog with it
				  is named (Replaces) to no other */
	uint8_t srtp;          /* enum ipc_srtp */
	uint8_t pad;
	uint8_t srtp_suites[SECURE_SUITES_MAX]; /* enum secure_suite, the preferred first, each
						   once; then 0 */
	uint16_t police_burst_ms; /* its media is held to what was negotiated, with that burst; 0:
				     it is not */
	uint16_t police_headroom_percent;
};

/* One place to send the request to. */
struct ipc_target {
	struct net_endpoint peer;
	struct ipc_side_policy side;
	uint8_t realm;
	uint8_t transport;
	uint16_t ruri_len;    /* Request-URI for the far side */
	uint16_t from_len;    /* From value without tag, for the far side */
	uint16_t to_len;      /* To value without tag, for the far side */
	uint16_t contact_len; /* Contact value for the request; 0: limen's own for the leg */
	uint16_t failover_ms; /* without any answer to an INVITE by then the next target is tried;
				 0: timer B */
	uint32_t failover[SIP_FAILOVER_WORDS]; /* after which answers: sip_failover_after */
	uint16_t plan_len; /* edit plan with this target; 0: the verdict's */
	uint16_t pad;
	uint32_t flow[2]; /* halves of the number of a connection to try first; 0: none */
	/* plan, ruri, from, to, contact (padded to 4 together) */
};

enum ipc_verdict_flag {
	IPC_TELL_ANSWER = 1 << 0, /* the final answer is reported (ANSWER): REGISTER */
	IPC_FORGET = 1 << 1,      /* answered, other than INVITE: the same question would be
				     answered the same, so a repeated request may ask again and
				     nothing is kept for it (RFC 3261 section 8.2.7) */
};
#define IPC_VERDICT_FLAGS (IPC_TELL_ANSWER | IPC_FORGET)

struct ipc_verdict {
	uint64_t ask_id;
	uint16_t status;          /* 0: accepted; else answered with this code (200..699; 2xx only
				     what makes no dialog: others are refused with 500) */
	uint8_t ntargets;         /* accepted: 1..IPC_TARGETS_MAX, tried in order */
	uint8_t flags;            /* enum ipc_verdict_flag */
	struct ipc_side_policy side;     /* the caller's */
	uint32_t retry_after_s;   /* answered: 0 for no header */
	uint32_t answer_max_s;    /* without final answer by then the target has failed (timer C) */
	uint32_t duration_max_s;  /* of an answered call, 0: unlimited */
	uint32_t media_timeout_s; /* silence of both sides that ends the call, 0: never */
	uint32_t register_max_s;  /* accepted REGISTER: its user is told this at the most, 0: what the
				     registrar grants */
	uint32_t side_timeout_s;  /* silence of one side that should send, 0: never */
	uint32_t pad;
	uint16_t reason_len;      /* answered: reason phrase, 0 for the usual one */
	uint16_t plan_len;        /* accepted: edit plan */
	uint16_t context_len;
	uint16_t headers_len;     /* answered: whole lines of the answer (Contact, Expires,
				     WWW-Authenticate), each with CRLF; at most IPC_HEADERS_MAX.
				     None of those that limen writes itself. Accepted REGISTER: of
				     a positive answer, besides what crosses */
	uint64_t user[2]; /* key of the calling and of the called user for limits, 0: none */
	/* reason, plan, context, headers (each padded to 4), then for each target: struct
	 * ipc_target with its parts */
};

struct ipc_ask_gone {
	uint64_t ask_id;
};

struct ipc_answer {
	uint64_t call;        /* the ask_id of its question */
	uint16_t status;      /* final */
	uint16_t context_len; /* the verdict's */
	uint32_t msg_len;     /* the response as it came; 0: none came in time (408) */
	/* message, context */
};

/* What a probe sends. */
enum ipc_probe_kind {
	IPC_PROBE_OPTIONS = 0, /* is the peer there? */
	IPC_PROBE_REGISTER,    /* register with it; the answer comes back whole */
	IPC_PROBE_KINDS
};

struct ipc_probe {
	uint64_t probe_id;
	uint64_t call_id_seed; /* REGISTER: the same for all of a registration by one worker */
	struct net_endpoint peer;
	uint8_t realm;
	uint8_t transport;
	uint16_t ruri_len; /* Request-URI */
	uint16_t from_len; /* From value without tag */
	uint16_t to_len;   /* To value */
	uint16_t headers_len; /* whole lines besides, as in a verdict */
	uint8_t kind;         /* enum ipc_probe_kind */
	uint8_t pad;
	uint32_t cseq;        /* REGISTER: 1 at least */
	uint32_t pad2;
	/* ruri, from, to, headers */
};

struct ipc_probe_end {
	uint64_t probe_id;
	uint16_t status; /* final; 408: no answer, 503: could not be sent */
	uint16_t pad;
	uint32_t rtt_us; /* of the request that was answered, first sending to answer; 0: none */
	uint32_t msg_len; /* REGISTER: the answer as it came; 0: none did */
	uint32_t pad2;
	/* message */
};

#define IPC_EMERGENCY_MAX 2048u

struct ipc_settings {
	uint16_t busy_permille_max; /* of a worker's cycles: above, new calls are refused (503);
				       1..1000, 1000: never */
	uint16_t emergency_len;     /* users and urn: services of emergency calls, a line each */
	uint32_t retry_after_s;     /* in those refusals */
	/* emergency */
};

/* Quality of what one side sent. */
struct ipc_media_quality {
	uint64_t rx_pkts;
	uint64_t rx_bytes;
	uint64_t dropped_pkts;
	uint32_t rtcp_pkts;
	/* By RTP's own numbers (RFC 3550), as limen received it. */
	uint32_t expected_pkts;
	uint32_t lost_pkts;
	uint32_t loss_runs;
	uint32_t loss_run_max;
	uint32_t out_of_order_pkts;
	uint32_t duplicate_pkts;
	uint32_t restarts; /* other SSRCs, and sequences that began anew */
	uint32_t jitter_us;
	uint32_t jitter_max_us;
	uint32_t dtmf_events; /* RFC 4733 */
	uint32_t policed_pkts;
	uint32_t delay_us; /* limen's own; 0: not measured */
	/* By RTCP: as the other side's peer receives it, and the way to this side's peer and back. */
	uint32_t far_reports; /* 0: none, and the next two say nothing */
	uint32_t far_lost_pkts;
	uint32_t far_jitter_us;
	uint32_t rtt_us; /* 0: not known */
	uint32_t rtt_max_us;
	uint32_t idle_ms; /* since the last packet; UINT32_MAX: there was none */
	struct net_endpoint source; /* media source in force */
	uint8_t payload_type;
	uint8_t codec;	      /* enum codec (common/rtp/codec.h) */
	uint8_t kind;	      /* enum sdp_kind (common/sdp/sdp_formats.h) */
	uint8_t far_mos_x10;  /* what the other side's peer says of it (RFC 3611); 0: nothing */
	uint8_t is_rtp;	      /* any RTP came: else there is no jitter and the like */
	uint8_t learned;
	uint8_t srtp_suite; /* enum secure_suite, of the first section that has one */
	uint8_t pad;
};
_Static_assert(sizeof(struct ipc_media_quality) == 128, "no holes");

/* One m= section of a call that has more than one. */
#define IPC_STREAMS_MAX 8u
struct ipc_stream_quality {
	struct ipc_media_quality from[2]; /* received from A, from B */
};

enum ipc_ended_by {
	IPC_BY_CALLER = 0,  /* BYE or CANCEL of side A */
	IPC_BY_CALLEE,      /* BYE of side B, or its final refusal */
	IPC_BY_POLICY,      /* refused, maximum duration */
	IPC_BY_OPERATOR,
	IPC_BY_MEDIA_TIMEOUT,
	IPC_BY_SIP_TIMEOUT, /* a transaction timed out */
	IPC_BY_LIMEN,       /* out of ports or memory, internal */
	IPC_BY_SESSION_TIMEOUT, /* the session was not refreshed (RFC 4028) */
	IPC_BY_TRANSFER, /* one side handed the other on: that goes on in a call of its own */
	IPC_ENDED_BYS
};

#define IPC_FAILED_MAX 8u

struct ipc_call_end {
	uint64_t call;              /* handle */
	uint64_t started_ns;        /* UNIX time; INVITE received */
	uint64_t ringing_ns;        /* 0: never */
	uint64_t answered_ns;       /* 0: never */
	uint64_t ended_ns;
	struct net_endpoint peer[2];        /* signalling peers of A and B */
	struct ipc_media_quality
		media[2];	    /* received from A, from B: summed over all m= sections */
	uint16_t status;            /* final status of the INVITE towards A */
	uint8_t ended_by;           /* enum ipc_ended_by */
	uint8_t worker;
	uint8_t realm[2];
	uint16_t call_id_len[2];    /* A's and B's Call-ID */
	uint16_t context_len;
	uint16_t nstreams;          /* 0: the call had one m= section or none */
	uint16_t far_status;        /* final status of the target tried last; 0: none came */
	uint16_t failed[IPC_FAILED_MAX]; /* of the targets before it, in order: 408 of one that did
					    not answer; 0 behind the last */
	uint32_t trunk;             /* of the target tried last: ipc_side_policy's; 0: none */
	uint8_t attempts;           /* targets that the INVITE was sent to */
	uint8_t pad[3];
	uint8_t tag_len[2][2];      /* of A's and B's leg: limen's tag, the peer's */
	uint8_t agent_len[2];       /* what A and B say of themselves (User-Agent, Server) */
	uint8_t reason_len[2];      /* the Reason (RFC 3326) with which A or B ended it */
	/* streams, call-id A, call-id B, tags, agents, reasons, context */
};

struct ipc_call_end_ack {
	uint64_t call;
};

struct ipc_hangup {
	uint64_t call;
};

struct ipc_list_ask {
	uint32_t list_id; /* comes back in the answers */
	uint32_t max;     /* rows at the most */
	uint64_t cursor;  /* 0, or LIST_END's */
};

struct ipc_list_end {
	uint32_t list_id;
	uint32_t rows;
	uint64_t cursor;  /* 0: all told */
};

enum ipc_call_state {
	IPC_CALL_ASKING = 0,
	IPC_CALL_TRYING,
	IPC_CALL_EARLY,
	IPC_CALL_ANSWERED,
	IPC_CALL_ENDING,
	IPC_CALL_STATES
};

struct ipc_call_row {
	uint32_t list_id;
	uint8_t state; /* enum ipc_call_state */
	uint8_t worker;
	uint8_t realm[2];
	uint64_t call; /* handle */
	uint64_t started_ns;
	uint64_t answered_ns;
	struct net_endpoint peer[2];
	struct ipc_media_quality media[2];
	uint16_t call_id_len[2];
	uint16_t context_len;
	uint16_t nstreams; /* as in CALL_END */
	uint32_t trunk;    /* likewise */
	uint32_t pad;
	/* streams, call-id A, call-id B, context */
};

/* Groups are "drops", "port", "worker", "slab", "pool", "ring", "neigh", "sip", "media", "link",
 * "kernel". */
struct ipc_stat_row {
	uint32_t list_id;
	uint8_t group_len;
	uint8_t object_len; /* e.g. the port's or worker's name; may be empty */
	uint8_t name_len;
	uint8_t pad;
	uint64_t value;
	/* group, object, name */
};

enum ipc_notice_level { IPC_NOTICE_INFO = 0, IPC_NOTICE_WARN, IPC_NOTICE_ERROR, IPC_NOTICE_LEVELS };

struct ipc_notice {
	uint8_t level;
	uint8_t pad;
	uint16_t text_len;
	/* text: printable ASCII */
};

/* Check a frame that was copied out of a ring: known type, right sender and ring, every length
 * inside the frame, every enum in range, text printable where it will be logged. `frame` is aligned
 * to 8. 0, or -EPROTO. After 0 the accessors below are safe. */
enum ipc_side { IPC_SIDE_DATAPLANE, IPC_SIDE_CONTROLPLANE };
enum ipc_ring_kind { IPC_RING_MAIN, IPC_RING_WORKER };
int ipc_msg_check(enum ipc_side sender, enum ipc_ring_kind ring, uint16_t type, const void *frame,
		  uint32_t len);

/* Parts of checked frames; they live as long as the frame. */
struct span ipc_ask_msg(const struct ipc_ask *ask);
struct span ipc_ask_context(const struct ipc_ask *ask);
struct span ipc_ask_contacts(const struct ipc_ask *ask);
struct span ipc_answer_msg(const struct ipc_answer *answer);
struct span ipc_answer_context(const struct ipc_answer *answer);
struct span ipc_probe_ruri(const struct ipc_probe *probe);
struct span ipc_probe_from(const struct ipc_probe *probe);
struct span ipc_probe_to(const struct ipc_probe *probe);
struct span ipc_probe_headers(const struct ipc_probe *probe);
struct span ipc_probe_end_msg(const struct ipc_probe_end *end);
struct span ipc_settings_emergency(const struct ipc_settings *settings);
struct span ipc_verdict_reason(const struct ipc_verdict *verdict);
struct span ipc_verdict_plan(const struct ipc_verdict *verdict);
struct span ipc_verdict_context(const struct ipc_verdict *verdict);
struct span ipc_verdict_headers(const struct ipc_verdict *verdict);

struct ipc_target_view {
	const struct ipc_target *head;
	struct span plan, ruri, from, to, contact;
};
/* Walk the targets: *at starts at 0. False at the end. */
bool ipc_verdict_next_target(const struct ipc_verdict *verdict, uint32_t *at,
			     struct ipc_target_view *target);

struct span ipc_call_end_call_id(const struct ipc_call_end *end, unsigned side);
/* Of a side: limen's own tag (0) and its peer's (1). */
struct span ipc_call_end_tag(const struct ipc_call_end *end, unsigned side, unsigned which);
struct span ipc_call_end_agent(const struct ipc_call_end *end, unsigned side);
struct span ipc_call_end_reason(const struct ipc_call_end *end, unsigned side);
struct span ipc_call_end_context(const struct ipc_call_end *end);
const struct ipc_stream_quality *ipc_call_end_streams(const struct ipc_call_end *end);
const struct ipc_stream_quality *ipc_call_row_streams(const struct ipc_call_row *row);
struct span ipc_call_row_call_id(const struct ipc_call_row *row, unsigned side);
struct span ipc_call_row_context(const struct ipc_call_row *row);
struct span ipc_stat_group(const struct ipc_stat_row *row);
struct span ipc_stat_object(const struct ipc_stat_row *row);
struct span ipc_stat_name(const struct ipc_stat_row *row);
struct span ipc_notice_text(const struct ipc_notice *notice);

/* Write a verdict into an empty cursor (the lengths in `head` are filled in here; ntargets is the
 * caller's), then its targets one by one. Text that no length can tell sets the cursor's `full`.
 * For the control plane's writer and the tests. */
struct cursor;
void ipc_put_verdict(struct cursor *out, const struct ipc_verdict *head, struct span reason,
		     struct span plan, struct span context);
/* An acceptance with `headers`. */
void ipc_put_acceptance(struct cursor *out, const struct ipc_verdict *head, struct span plan,
			struct span context, struct span headers);
/* A verdict that is an answer: head->status says which; `headers` as in struct ipc_verdict. */
void ipc_put_reply(struct cursor *out, const struct ipc_verdict *head, struct span reason,
		   struct span context, struct span headers);
void ipc_put_target(struct cursor *out, const struct ipc_target *head, struct span ruri,
		    struct span from, struct span to, struct span contact);
/* The same, of a target with a plan of its own. */
void ipc_put_target_plan(struct cursor *out, const struct ipc_target *head, struct span plan,
			 struct span ruri, struct span from, struct span to, struct span contact);

const char *ipc_msg_name(uint16_t type);
const char *ipc_ended_by_name(enum ipc_ended_by by);   /* "caller", "media-timeout", ... */
const char *ipc_call_state_name(enum ipc_call_state state);
