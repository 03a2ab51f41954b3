/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's inside: its state and the functions its files offer each other. Nothing outside
 * dataplane/sip includes this. Floors, top to bottom: engine (inputs), answer, redirect,
 * subscription and ending (how a call goes on and stops), b2bua and standalone (how it begins),
 * dialog (requests inside one), call (its record), txn (RFC 3261 section 17), leg, build (text),
 * body (session descriptions), out (actions). */
#pragma once

#include "common/base/cursor.h"
#include "common/base/hash.h"
#include "common/sdp/codecs.h"
#include "common/sip/answer_map.h"
#include "common/sip/edit_plan.h"
#include "common/sip/header_rules.h"
#include "common/sip/replaces.h"
#include "dataplane/sip/cookie.h"
#include "dataplane/sip/counts.h"
#include "dataplane/sip/engine.h"
#include "dataplane/sip/guard.h"
#include "dataplane/sip/records.h"
#include "dataplane/store/blob.h"
#include "dataplane/store/hindex.h"
#include "dataplane/store/wheel.h"

/* RFC 3261 table 4. */
#define T1_MS        500u
#define T2_MS        4000u
#define T4_MS        5000u
#define TIMEOUT_MS   (64u * T1_MS) /* B, F, H, J, L, M; and D over UDP */
#define TIMER_C_MS   180000u       /* section 16.6 */
#define NS_PER_MS    1000000ull
#define NS_PER_S     1000000000ull
/* A parked request waits so long for its verdict: a control plane that restarts is back in 2 s. */
#define ASK_MAX_MS   4000u
#define TRYING_MS  3500u /* timer E is at T2 then (RFC 4320 section 4.1) */
#define REPORT_AGAIN_MS 200u /* a record that the ring would not take is offered again */

#define ENGINE_ACTIONS_MAX 64u
#define ENGINE_OUT_BYTES   (512u * 1024u)
/* No single input makes more than this; engine_tick stops while there is room for one. */
#define ENGINE_ACTIONS_RESERVE 16u
#define COLLECT_MAX            64u  /* calls that may end in one input */
#define OWN_MAX                16u  /* messages of one input to this worker's own calls */
#define RECORD_TEXT_MAX	       80u  /* what a record has of a peer's other texts */
#define RECORD_CALL_ID_MAX     255u /* a longer Call-ID is cut in records and rows */
#define REDIRECTS_MAX          5u   /* of one call: a loop of redirections ends */

#define OVERLOAD_REFUSED 8192u

/* overload.c */
struct overload {
	uint32_t busy_max; /* permille */
	uint32_t share;	   /* of what begins anew that is admitted: SHARE_ALL is all of it */
	uint32_t above;	   /* windows above the limit less those below, while all is admitted */
	uint32_t retry_after_s;
	uint64_t refused_ns; /* the last refusal */
	uint64_t refused[OVERLOAD_REFUSED]; /* keys of the last ones, each where its hash puts it */
	uint32_t emergency_len;
	char emergency[IPC_EMERGENCY_MAX]; /* users and services, a line each */
};

/* limits.c */
#define LIMITS_REFUSED 1024u

struct limits {
	struct counts *counts; /* the engine's own where conf has none */
	unsigned bank;	       /* of the limits in force; the other is being told */
	uint32_t version[2];
	struct trunk_limits *banks[2]; /* owned, by number of the trunk */
	/* transactions that were refused lately */
	struct refused {
		uint64_t key, until_ns;
	} refused[LIMITS_REFUSED];
};

struct engine {
	struct engine_conf conf;
	struct cookie_keys keys;
	struct hash_key index_key;
	struct hash_key random_key;
	uint64_t random_count;
	uint8_t secret[32]; /* of SRTP's keys: another one after each that is drawn */
	uint64_t now_ns; /* of the input in work */
	bool link_up;

	struct slab *calls, *legs, *txns, *probes;
	struct blobs blobs;
	struct media *media;
	struct hindex index; /* server transactions by key and merge_key */
	struct wheel *wheel; /* timers: call i is i, transaction i is max_calls + i */
	uint32_t txn_timers; /* number of the first transaction timer */
	unsigned nself;
	struct net_endpoint *self; /* limen's own in all realms, each address once */

	struct overload overload;
	struct guard guard;
	struct limits limits;

	unsigned ncollect;
	uint64_t collect[COLLECT_MAX]; /* calls to be freed at the end of the input */

	unsigned nown;
	struct span own[OWN_MAX]; /* messages between owners that are this worker's own, in `out` */

	unsigned nsettle;
	uint64_t settle[COLLECT_MAX]; /* calls of transfers that ended in this input */

	/* Of the message in work, as far as it ends a call: for its record. */
	struct span reason[2]; /* by the side that it came from */
	struct span agent_b;   /* of a refusal */

	unsigned nactions;
	struct engine_action actions[ENGINE_ACTIONS_MAX];
	struct cursor out; /* bytes of the actions */
	struct engine_stats stats;
	uint64_t policed_told_ns;   /* of quality.c */
	uint64_t strangers_told_ns; /* 0: never */
	uint64_t strangers_told;    /* packets */

	const struct engine_source *source; /* of the message in work */
	struct sip_msg msg;                 /* the message in work */
	struct sip_msg again;               /* a stored message parsed again */
	struct sdp sdp;   /* the description in work */
	struct sdp offer; /* one that was put aside */
	struct sdp_codecs codecs[SDP_MEDIA_MAX]; /* what stays of the sections in work */
	uint16_t chosen; /* sections that `codecs` says something of: a bit each */
	struct cursor text; /* the text that is open (out_start) */
	int relay_error;    /* why the last response could not be relayed */
	bool holds_keys;    /* some lie in `body` or `out`: to be cleared */
	uint32_t body_used; /* of it, then */
	char body[SIP_MSG_BYTES_MAX + 8192u];
};

/* ---- out.c: actions ---- */

/* Start a text in the output; finish it as an action. While one is open no other may be started. */
struct cursor *out_start(struct engine *e);
/* The open text; SPAN_NONE (and nothing kept) when it did not fit. */
struct span out_finish(struct engine *e);
/* What is no SIP message. */
void out_send_bytes(struct engine *e, uint8_t realm, uint8_t transport,
		    const struct net_endpoint *dst, uint64_t flow, uint64_t token,
		    struct span bytes);
void out_send(struct engine *e, uint8_t realm, uint8_t transport, const struct net_endpoint *dst,
	      struct span bytes);
/* The same of a message that goes by a connection: `flow` and `token` of struct ipc_sip_out. */
void out_send_flow(struct engine *e, uint8_t realm, uint8_t transport,
		   const struct net_endpoint *dst, uint64_t flow, uint64_t token,
		   struct span bytes);
void out_report(struct engine *e, uint16_t type, struct span bytes);
/* A message to a call's owner: to another worker as an action, to this one at the input's end. */
void out_owner(struct engine *e, unsigned worker, struct span bytes);
bool out_has_room(const struct engine *e);
uint64_t engine_random(struct engine *e);
/* Where limen is reached in a realm over a transport; NULL: it is not. */
const struct net_endpoint *engine_local(const struct engine *e, uint8_t realm, uint8_t transport,
					uint8_t family);
/* The same as a leg's peer sees it. */
const struct net_endpoint *leg_local(const struct engine *e, const struct sip_leg *leg);

/* ---- leg.c ---- */
struct sip_leg *leg_new(struct engine *e, struct sip_call *call, uint8_t side);
struct sip_leg *leg_get(const struct engine *e, uint64_t handle);
/* What its trunk may do, but for the session timer (session_set_policy). */
void leg_set_policy(struct sip_leg *leg, const struct ipc_side_policy *policy);
/* With all that it holds; out of its call's chain already. */
void leg_free(struct engine *e, struct sip_leg *leg);
struct span leg_text(const struct engine *e, const struct sip_leg *leg, enum leg_text which);
/* Replace some texts (ptr NULL: leave as it is). False when there is no memory: the leg is as
 * before. */
bool leg_set_texts(struct engine *e, struct sip_leg *leg, const struct span texts[LEG_TEXTS]);
/* What who sent a message says of himself, as much as a record has. */
struct span leg_agent_of(const struct sip_msg *msg);
/* A leg of `call` towards the same peer: the texts, where it is and what its trunk may do are the
 * same. NULL without memory; a leg that was made goes with the call. */
struct sip_leg *leg_twin(struct engine *e, struct sip_call *call, const struct sip_leg *leg,
			 uint8_t side);
/* Take target, tag and routes from a request (UAS, section 12.1.1) or a response (UAC,
 * section 12.1.2). */
bool leg_learn_request(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
bool leg_learn_response(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
/* Record-Route as the Route value to send: in order for a UAS, reversed for a UAC
 * (sections 12.1.1, 12.1.2). */
void leg_put_routes(struct cursor *out, const struct sip_msg *msg, bool reversed);
/* Target refresh (section 12.2): the Contact of a re-INVITE or UPDATE, or of its 2xx. */
bool leg_refresh_target(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
/* Where a request in the dialog goes (sections 8.1.2, 12.2.1.1). */
struct net_endpoint leg_next_hop(const struct engine *e, const struct sip_leg *leg);

/* ---- build.c: text ---- */

/* What is sent of a body. */
struct body {
	struct span bytes;
	struct span head; /* whole header lines that describe it in place of the message's own;
			     empty: those still hold */
};

struct build_request {
	struct sip_leg *leg;       /* to whom */
	enum sip_method method;
	struct span method_name;   /* where method is OTHER */
	uint32_t cseq;
	uint64_t txn;              /* handle for the branch */
	struct span branch; /* CANCEL and the ACK of a refusal: the INVITE's branch instead */
	const struct sip_msg *src; /* what it is made from; NULL: limen's own */
	struct span plan;          /* edit plan for src, empty without */
	struct body body;
	struct span contact;       /* value; empty: limen's own where the method has one */
	struct span extra;         /* whole header lines */
	int max_forwards;
	bool initial;              /* outside of a dialog: what began it all */
};
void build_request(struct engine *e, struct cursor *out, const struct build_request *req);

struct build_response {
	const struct sip_txn *txn; /* server transaction */
	uint16_t status;
	struct sip_leg *leg;       /* for the Contact; NULL: none */
	const struct sip_msg *src; /* response of the far side; NULL: limen's own */
	uint32_t rseq;             /* of a reliable provisional response; 0: none */
	struct span phrase;        /* empty: the usual one */
	struct span reason;        /* value of a Reason header in place of src's; may be empty */
	struct span plan;
	struct body body;
	struct span extra;         /* whole header lines */
};
void build_response(struct engine *e, struct cursor *out, const struct build_response *res);

/* The lines every response repeats, from a request that came from `source`; *tag_at as in
 * sip_txn.head_tag. */
void build_response_head(struct cursor *out, const struct sip_msg *msg,
			 const struct engine_source *source, uint16_t *tag_at);

/* Answer the request in work without keeping anything (sections 8.2.7, 8.2.6): the tag is `leg`'s,
 * or a hash. */
void build_stateless(struct engine *e, const struct sip_msg *msg, uint16_t status,
		     struct span extra, const struct sip_leg *leg);

/* Where the response to a request goes (section 18.2.2, RFC 3581). */
struct net_endpoint response_destination(const struct sip_msg *msg,
					 const struct engine_source *source);

/* ACK of a refusal and CANCEL, from the INVITE as it was sent (sections 17.1.1.3, 9.1): same
 * branch, route, URI. */
void build_from_invite(struct cursor *out, enum sip_method method, const struct sip_msg *invite,
		       struct span to, struct span extra);

/* "Unsupported: ..." with what the request requires and limen cannot do; false when there is
 * nothing. */
bool dialog_unsupported(struct cursor *out, const struct sip_msg *msg);
/* ACK and BYE for a 2xx whose leg is gone, from the answer alone; `branch` goes into the cookie. */
void build_from_answer(struct engine *e, struct cursor *out, enum sip_method method,
		       const struct sip_txn *txn, const struct sip_msg *answer, uint32_t cseq,
		       uint64_t branch);

/* limen's address for a leg's peer, as a URI without brackets: "sip:USER@HOST". */
void build_own_uri(struct cursor *out, const struct engine *e, const struct sip_leg *leg,
		   struct span user);

/* limen's Allow line: inside a dialog, and of all that it takes. */
struct span build_allow(void);
struct span build_allow_all(void);
/* Whether an option tag (Require, Supported) works across limen. */
bool option_is_known(struct span token);
/* A request that was refused, from what was sent: with these credentials in place of all others, or
 * (NULL) with the leg's session headers of now. */
void build_again(struct engine *e, struct cursor *out, const struct sip_msg *sent,
		 const struct sip_leg *leg, const struct sip_txn *txn,
		 const struct span *credentials);

/* Text of another message in one line: a fold is one space (section 7.3.1). */
void put_unfolded(struct cursor *out, struct span text);
/* "Via: ...;branch=", to be gone on with. */
void put_via(struct cursor *out, const struct engine *e, uint8_t realm, uint8_t transport,
	     uint8_t family);
/* "Name: value" of another message's header, unfolded. */
void put_header(struct cursor *out, struct span name, struct span value, bool folded);
/* The same hidden, for a reader towards whom limen is `self`; no line when nothing is left. */
void put_hidden_header(struct cursor *out, const struct engine *e, const struct net_endpoint *self,
		       const struct sip_msg *src, const struct sip_hdr *hdr);

/* ---- body_kind.c: what messages carry ---- */
enum body_kind {
	BODY_NONE = 0, /* nothing, or nothing that goes on */
	BODY_SDP,      /* a session description, alone or among other parts */
	BODY_PLAIN,    /* anything else that can be relayed */
	BODY_REFUSED,  /* of a kind that limen cannot hide, and that must not be left out: 415 */
};
enum body_kind body_kind(const struct sip_msg *msg);
/* The session description in it; empty where there is none. */
struct span body_sdp(const struct sip_msg *msg);
/* Accept and Accept-Encoding lines for a 415. */
struct span body_accept(void);

/* The body of `from`'s message for `to`, which lies in the engine until the next call, or in the
 * message. A session description is rewritten, opening stream pairs as needed; where the method
 * offers or answers nothing (OPTIONS) it tells what its sender can do: it goes on with ports 0 (RFC
 * 3264 section 9) and no stream hears of it. 0; -ENOTSUP: 415; -EOVERFLOW: 488; -EINVAL (why is
 * set) for a bad body; -E2BIG, -ENOSPC, -ENOMEM without room or ports. */
int body_relay(struct engine *e, struct sip_call *call, struct sip_leg *from, struct sip_leg *to,
	       const struct sip_msg *msg, bool answer, struct body *result, const char **why);
/* The status for such an error. */
uint16_t body_error_status(int error);

/* ---- body.c: session descriptions ---- */
/* `text`: the description in msg. */
int body_put_sdp(struct engine *e, struct cursor *out, struct sip_call *call, struct sip_leg *from,
		 struct sip_leg *to, const struct sip_msg *msg, struct span text, bool answer,
		 const char **why);
int body_put_capabilities(struct engine *e, struct cursor *out, const struct sip_call *call,
			  const struct sip_leg *to, struct span text, const char **why);
/* The offer that a leg made inside the dialog was refused. */
void body_forget_offer(struct engine *e, struct sip_leg *leg);
/* The call is over, and with it what describes its media and holds keys. */
void body_forget_all(struct engine *e, struct sip_leg *leg);

/* A description that answers limen's own offer: where it differs from the one before, or none is
 * in force, its addresses and keys are put in force. False: it is none to what limen offered. */
bool body_take_answer(struct engine *e, struct sip_leg *leg, struct span text);

/* ---- keying.c: SRTP keys (RFC 4568), what legs need of it; the rest is in keying.h ---- */
void keying_set_policy(struct sip_leg *leg, const struct ipc_side_policy *policy);
/* A fork begins with what its leg has. False without memory. */
bool keying_copy(struct engine *e, struct sip_leg *to, const struct sip_leg *from);
void keying_move(struct engine *e, struct sip_leg *to, struct sip_leg *from);
void keying_free(struct engine *e, struct sip_leg *leg);
/* Whether a refusal may be of SRTP that limen offered and could have left out. */
bool keying_may_do_without(const struct sip_leg *leg, uint16_t status);

/* ---- codecs.c: codec policy ---- */
/* Choose among the formats of the description in work, on its way to a leg; sections of which
 * nothing is left lose their port. 0; -EOVERFLOW (488) for an offer without anything to talk by
 * left; -EINVAL (why is set) for such an answer. */
int codecs_choose(struct engine *e, const struct sip_call *call, const struct sip_leg *to,
		  bool answer, const char **why);
/* Have what was chosen written. */
void codecs_mark(const struct engine *e, struct sdp_rewrite *rewrite);

/* ---- answers.c: codes that become others ---- */
/* What a status that came from one leg's peer, or (NULL) is limen's own, is for the other's. */
struct answer answer_told(const struct engine *e, const struct sip_leg *from,
			  const struct sip_leg *to, uint16_t status);

/* What a timer or a response means for a transaction. */
enum txn_event {
	TXN_EVENT_NONE = 0,    /* absorbed */
	TXN_EVENT_PROVISIONAL, /* client: tell the user */
	TXN_EVENT_SUCCESS,
	TXN_EVENT_FAILURE,
	TXN_EVENT_TIMEOUT, /* client: no answer; the transaction is gone after the user was told */
	TXN_EVENT_NO_ACK,  /* server INVITE: the 2xx was never acknowledged */
	TXN_EVENT_STRAY,   /* client INVITE, Accepted: another 2xx */
	TXN_EVENT_TRYING,  /* server, other than INVITE: 100 is due */
};
/* engine.c. A client transaction has an answer, or will have none: told to whom it belongs. */
void engine_client_event(struct engine *e, struct sip_txn *txn, enum txn_event event,
			 const struct sip_msg *msg);

/* ---- session.c: session timers of each leg (RFC 4028) ---- */
void session_set_policy(struct sip_leg *leg, const struct ipc_side_policy *policy);
/* A fork begins with what its leg knows. */
void session_copy(struct engine *e, struct sip_leg *to, const struct sip_leg *from);
void session_free(struct engine *e, struct sip_leg *leg);
/* What an INVITE or UPDATE of the peer says, kept for its answer. */
void session_learn_request(struct sip_leg *leg, const struct sip_msg *msg);
/* The status that refuses that request, with its header line: 420, 422; or 0. */
uint16_t session_refusal(const struct sip_leg *leg, struct cursor *line);
/* The lines of limen's own INVITE or UPDATE, and of its answer to one. */
void session_put_interval(struct cursor *out, const struct sip_leg *leg);
void session_put_request(struct cursor *out, const struct sip_leg *leg, enum sip_method method);
void session_put_response(struct cursor *out, const struct sip_leg *leg, enum sip_method method,
			  uint16_t status);
/* A 2xx to an INVITE or UPDATE went to the peer (section 9), or came from it (section 7.2). */
void session_sent_2xx(struct engine *e, struct sip_leg *leg);
void session_got_2xx(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
/* An UPDATE that only refreshes is answered here. False: it is to be relayed. */
bool session_answer_update(struct engine *e, struct sip_leg *leg, struct sip_txn *server,
			   const struct sip_msg *msg);
/* A request was refused with 422: sent once more with the interval that the peer takes
 * (section 7.4). False: it stays refused. */
bool session_retry(struct engine *e, struct sip_txn *txn, const struct sip_msg *msg);
/* Whether whoever asked for it still waits for this request's answer. */
bool session_is_wanted(const struct engine *e, const struct sip_call *call,
		       const struct sip_leg *leg, const struct sip_txn *txn);
/* limen's own refresh has an answer, or none (TIMEOUT, msg NULL). */
bool session_is_refresh(const struct engine *e, const struct sip_txn *txn);
void session_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		       const struct sip_msg *msg);
/* The leg's time has come. False: its session is over. */
/* An INVITE that has no final answer, or whose 2xx has no ACK yet. */
bool session_invite_is_open(const struct engine *e, uint64_t handle);
/* How long to wait after a 491 (RFC 3261 section 14.1). */
uint64_t session_glare_ms(struct engine *e, const struct sip_leg *leg);
/* The peer has another description of limen now, if any was kept. */
void session_replace_sdp(struct engine *e, struct sip_leg *leg, struct span text);
bool session_on_timer(struct engine *e, struct sip_leg *leg);
/* A description goes to a leg: an offer, or the answer to the other's. */
void session_keep_sdp(struct engine *e, struct sip_leg *from, struct sip_leg *to, struct span text,
		      bool answer);
/* The offer that went to a leg was refused. */
void session_forget_offer(struct engine *e, struct sip_leg *leg);

/* ---- txn.c: RFC 3261 section 17 ---- */
struct sip_txn *txn_get(const struct engine *e, uint64_t handle);
/* A server transaction for the request in work; NULL without memory. Its response head is kept. */
struct sip_txn *txn_server_new(struct engine *e, const struct sip_msg *msg, struct sip_call *call,
			       struct sip_leg *leg);
/* Find by the request in work (section 17.2.3). */
uint64_t txn_request_key(const struct engine *e, const struct sip_msg *msg, enum sip_method method);
uint64_t txn_merge_key(const struct engine *e, const struct sip_msg *msg);
struct sip_txn *txn_find(const struct engine *e, uint64_t key);
bool txn_is_merged(const struct engine *e, uint64_t merge_key);
void txn_index_merge(struct engine *e, struct sip_txn *txn, uint64_t merge_key);
/* A client transaction, not yet sent. Without leg (and then without call) its realm and transport
 * are the caller's to set. */
struct sip_txn *txn_client_new(struct engine *e, enum sip_method method, struct sip_call *call,
			       struct sip_leg *leg);
/* Send its request for the first time and start its timers; takes a copy. False without memory: the
 * transaction is gone. */
bool txn_client_send(struct engine *e, struct sip_txn *txn, struct span bytes);
/* Send a response and go to the state it asks for. False without memory (the response went out all
 * the same). */
bool txn_respond(struct engine *e, struct sip_txn *txn, uint16_t status, struct span bytes);
/* Its request could not be sent: over at the next tick, with 503 (section 8.1.3.1). */
void txn_unsent(struct engine *e, struct sip_txn *txn);
void txn_resend(struct engine *e, struct sip_txn *txn);
/* A server transaction other than INVITE waits for the far side as long as its client does:
 * TXN_EVENT_TRYING says when to tell that it is in work. */
void txn_await(struct engine *e, struct sip_txn *txn);
/* No final answer can come in time for the client of a server transaction other than INVITE: none
 * is sent, and repetitions are absorbed for a while (RFC 4320 section 4.2). */
void txn_abandon(struct engine *e, struct sip_txn *txn);
/* A server transaction other than INVITE that was answered: a repetition will be as good as new. */
void txn_forget(struct engine *e, struct sip_txn *txn);
/* A server INVITE transaction got its ACK. */
void txn_acked(struct engine *e, struct sip_txn *txn);
/* The ACK for a 2xx went out: kept for retransmissions of the 2xx. */
void txn_keep_ack(struct engine *e, struct sip_txn *txn, struct span bytes);
/* A client INVITE that rings is over in 64*T1 at the latest: it was cancelled (section 9.1), or its
 * dialog ended. */
void txn_bound(struct engine *e, struct sip_txn *txn);
/* It ends then. */
void txn_set_timeout(struct engine *e, struct sip_txn *txn, uint64_t timeout_ns);
/* A client transaction that was parked in its last state lingers there from now on. */
void txn_linger_on(struct engine *e, struct sip_txn *txn);
/* Its request will not be sent again. */
void txn_drop_msg(struct engine *e, struct sip_txn *txn);
/* The ACK kept, once more; nothing where there is none yet. */
void txn_resend_ack(struct engine *e, struct sip_txn *txn);
/* It no longer needs the call. */
void txn_release(struct engine *e, struct sip_txn *txn);
void txn_free(struct engine *e, struct sip_txn *txn);

enum txn_event txn_on_response(struct engine *e, struct sip_txn *txn, const struct sip_msg *msg);
enum txn_event txn_on_timer(struct engine *e, struct sip_txn *txn);

/* ---- call.c: life and end ---- */
/* `flags`: enum call_flag, what kind it is. */
struct sip_call *call_new(struct engine *e, uint16_t flags);
struct sip_call *call_get(const struct engine *e, uint64_t handle);
struct span call_plan(const struct engine *e, const struct sip_call *call);
const struct ipc_verdict *call_verdict(const struct engine *e, const struct sip_call *call);
/* The leg on whose account the call is made: side A, or who refers. */
struct sip_leg *call_asker(const struct engine *e, const struct sip_call *call);
/* Whether the control plane has been asked, and has not answered. */
bool call_awaits_verdict(const struct sip_call *call);
/* The target in work, of a call whose verdict has come; head NULL when there is none. */
struct ipc_target_view call_target(const struct engine *e, const struct sip_call *call);
void call_set_timer(struct engine *e, struct sip_call *call, uint64_t deadline_ns);
/* Over: streams closed, record made and sent. What has to be said to the legs is b2bua's
 * business. */
void call_finish(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by);
/* Free it when nothing needs it any more, at the end of the input (call_collect). */
void call_maybe_free(struct engine *e, struct sip_call *call);
void call_collect(struct engine *e);
void call_ask(struct engine *e, struct sip_call *call);
/* Nothing will be asked or sent to a target again. */
void call_drop_request(struct engine *e, struct sip_call *call);
/* What a side says of why it ends: for the record that is made in this input. */
void call_note_reason(struct engine *e, unsigned side, const struct sip_msg *msg);
/* The target tried last has failed, and another one will be tried. */
void call_note_failed(struct sip_call *call, uint16_t status);
void call_report(struct engine *e, struct sip_call *call);
/* The report is not needed any more. */
void call_drop_report(struct engine *e, struct sip_call *call);
void call_row(struct engine *e, const struct sip_call *call, uint32_t list_id);

/* ---- quality.c ---- */
struct call_quality {
	struct ipc_media_quality sum[2];
	uint16_t nstreams; /* 0: the sums are the only section's, or there is none */
	struct ipc_stream_quality streams[CALL_MEDIA_MAX];
};
void call_quality(const struct engine *e, const struct sip_call *call, struct call_quality *quality);
/* Something of the media that the operator should know, once for each call or spray and not too
 * often: cheap enough for each turn. */
bool quality_has_news(const struct engine *e);
void quality_tell(struct engine *e);

/* ---- b2bua.c: a request outside a dialog, up to its targets ---- */
/* `key`: its transaction's. */
enum engine_fate b2bua_start(struct engine *e, const struct sip_msg *msg, uint64_t key);
void b2bua_verdict(struct engine *e, struct sip_call *call, struct span frame);
/* Try targets until one can be sent to. `status`: what to answer when none is left. */
void b2bua_try_next(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by);
/* Whether the target tried last leaves it to the next one after that answer, or none (408). */
bool b2bua_may_try_another(const struct engine *e, const struct sip_call *call, uint16_t status);
/* A target has answered something: no longer has it to be quick. */
void b2bua_heard(struct engine *e, struct sip_call *call, struct sip_leg *leg);
/* Refuse (or otherwise answer for good) the call towards side A, if that was not answered, and end
 * it. */
void b2bua_refuse(struct engine *e, struct sip_call *call, uint16_t status, struct span extra,
		  enum ipc_ended_by by);

/* ---- replaces.c (RFC 3891), and messages between owners ---- */
/* A message of another worker or of this one, not checked yet. */
void owner_take(struct engine *e, struct span bytes);
/* Why a request is refused for its Replaces; 0 when there is nothing wrong. */
uint16_t replaces_refuses(const struct sip_msg *msg);
/* Where the request has Replaces: ask whose dialog it names. The call waits for the answer
 * (CALL_FINDING). */
void replaces_ask(struct engine *e, struct sip_call *call, const struct sip_msg *msg);
void replaces_ask_again(struct engine *e, struct sip_call *call);
/* When a call that asks has to be looked at again. */
uint64_t replaces_deadline(const struct engine *e, const struct sip_call *call);
/* Whether the name can be one of a leg of limen's, any worker's: the handle in its tag. */
bool replaces_is_ours(const struct engine *e, const struct sip_replaces *name, uint64_t *leg_tag);
/* The name of a leg in `realm` as the realm `told_in` may see it, good there in a Replaces: the
 * Replaces value. False where `name` names no leg of limen's. Stateless; the leg may be any
 * worker's. */
bool replaces_hide(struct engine *e, const struct sip_replaces *name, uint8_t realm,
		   uint8_t told_in, struct cursor *out);

/* ---- refer.c (RFC 3515) ---- */
struct refer_to {
	struct sip_uri uri;
	bool has_method; /* ;method=INVITE; others are refused */
	bool has_replaces;
	struct sip_replaces replaces; /* in replaces_text */
	char replaces_text[1536];
};
/* Read a REFER's Refer-To. 0, or the status to refuse it with. */
uint16_t refer_read(const struct sip_msg *msg, struct refer_to *to);
/* A REFER's Refer-To line for the peer of `to_leg`: limen's own address in place of the other, the
 * dialog named hidden. 0, or the status to refuse it with. Also outside a dialog. */
uint16_t refer_put_to(struct engine *e, struct cursor *out, const struct sip_msg *msg,
		      uint8_t from_realm, const struct sip_leg *to_leg);
/* "Event: refer" with the REFER's CSeq, 0 for none. */
void refer_put_event(struct cursor *out, uint32_t id);
/* A status that refuses a REFER or NOTIFY inside a dialog, or 0. */
uint16_t refer_refuses(const struct engine *e, const struct sip_leg *leg,
		       const struct sip_msg *msg);
/* Relay one that was not refused, or carry it out. */
void refer_request(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		   struct sip_txn *server, const struct sip_msg *msg);

/* ---- transfer.c: a REFER that limen carries out ---- */
/* Why not, or 0. */
uint16_t transfer_refuses(const struct engine *e, const struct sip_leg *leg,
			  const struct sip_msg *msg);
/* Answers `server`. */
void transfer_start(struct engine *e, struct sip_call *first, struct sip_leg *leg,
		    struct sip_txn *server, const struct sip_msg *msg);
/* The target rings: who refers is told. */
void transfer_rings(struct engine *e, struct sip_call *call, uint16_t status);
void transfer_is_done(struct engine *e, struct sip_call *call);
/* limen ends a dialog that hears of a transfer: the end of that is told first, since a NOTIFY that
 * overtook the BYE would make it old (RFC 3261 section 12.2.2). */
void transfer_before_bye(struct engine *e, const struct sip_leg *leg);
/* A NOTIFY to this leg was refused, or not answered. */
void transfer_on_notified(struct engine *e, const struct sip_leg *leg);
void transfer_unlink(struct engine *e, struct sip_call *call);
/* Calls of transfers that ended in this input: what becomes of the other one. */
void transfer_settle(struct engine *e);
/* Whether BYE on this leg leaves its call to the transfer it asked for (RFC 5589). */
bool transfer_keeps(struct engine *e, const struct sip_call *call, const struct sip_leg *leg);

/* ---- transfer_join.c: the target has answered ---- */
/* Its answer goes to the transferee as an offer. False when it cannot: the call is to be ended. */
bool transfer_answered(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		       const struct sip_msg *msg);
/* Of a transfer's answered call. False: it took too long. */
bool transfer_on_timer(struct engine *e, struct sip_call *call);
/* Whether the transferee has an offer that it has not refused. */
bool transfer_was_offered(const struct engine *e, const struct sip_call *call);
/* The re-INVITE to the transferee. */
bool transfer_is_offer(const struct engine *e, const struct sip_txn *txn);
void transfer_on_offer(struct engine *e, struct sip_txn *txn, enum txn_event event,
		       const struct sip_msg *msg);

/* ---- answer.c: the target's answers to it; msg NULL: none came (TIMEOUT) ---- */
void b2bua_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		     const struct sip_msg *msg);

/* ---- redirect.c: a 3xx of a target, which is final for it ---- */
/* What its side's policy makes of it: the call goes on or ends. False for one that is refused. */
bool redirect_take(struct engine *e, struct sip_call *call, struct sip_leg *leg,
		   const struct sip_msg *msg);

/* ---- challenge.c: a peer asks who limen itself is ---- */
/* A request was refused with 401 or 407: parked, and the control plane asked. False where that is
 * of no use: it stays refused. */
bool challenge_ask(struct engine *e, struct sip_txn *txn, const struct sip_msg *answer);
/* What the control plane answers: sent again, or refused after all. */
void challenge_take(struct engine *e, const struct ipc_credentials *credentials);
/* Refused after all: the transaction's event is told now. */
void challenge_give_up(struct engine *e, struct sip_txn *txn);
/* Credentials of an INVITE, which its ACK repeats. */
struct span challenge_lines(const struct engine *e, const struct sip_txn *invite);

/* ---- standalone.c: requests outside a dialog other than INVITE ---- */
/* A status that refuses it whatever policy says, or 0. */
uint16_t standalone_refusal(const struct sip_msg *msg);
/* Contact and added lines of the request parsed again, towards a target's leg; `text` is room for
 * them. 0, or the status to refuse it with. */
uint16_t standalone_prepare(struct engine *e, struct sip_leg *leg,
			    const struct ipc_target_view *target, struct cursor *text,
			    struct build_request *req);
/* A far Call-ID that stays the same for a user's registrations (section 10.2). */
uint64_t standalone_call_id_seed(struct engine *e, const struct sip_msg *msg, unsigned count);
/* Until when a target may take: the targets that are left share the time that the client waits. */
uint64_t standalone_deadline(const struct engine *e, const struct sip_call *call);
/* Relay a positive answer. False when it could not be built. */
bool standalone_relay(struct engine *e, struct sip_call *call, struct sip_txn *server,
		      struct sip_leg *from, const struct sip_msg *msg);
/* The final answer goes to the control plane where the verdict asks for it; msg NULL: none came. */
void standalone_tell(struct engine *e, struct sip_call *call, uint16_t status,
		     const struct sip_msg *msg);
/* The timer of a call whose answer was told: it got through, is told again, or given up. */
void standalone_told(struct engine *e, struct sip_call *call);

/* ---- subscription.c: dialogs of SUBSCRIBE and REFER (RFC 6665, RFC 3515) ---- */
bool subscription_begins(const struct sip_msg *msg);
/* Whether a NOTIFY may tell this leg who its peer is: before the answer, by any fork. */
bool subscription_awaits(const struct engine *e, const struct sip_leg *leg,
			 const struct sip_msg *msg);
/* Its first request was accepted. */
void subscription_answered(struct engine *e, struct sip_call *call, struct sip_leg *leg,
			   struct sip_txn *server, const struct sip_msg *msg);
/* Its first request is not answered in time: true where a NOTIFY has made the dialog all the
 * same. */
bool subscription_goes_on(struct engine *e, struct sip_call *call);
void subscription_request(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
void subscription_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
			    const struct sip_msg *msg);
void subscription_on_timer(struct engine *e, struct sip_call *call);

/* ---- fork.c ---- */
/* The fork of a leg B, or the leg itself, that has this remote tag; NULL when there is none. */
struct sip_leg *fork_find(const struct engine *e, const struct sip_leg *leg,
			  struct span remote_tag);
/* A fork of a leg B, with its leg A, from the first response under a new To tag. NULL for one too
 * many, or without memory. */
struct sip_leg *fork_new(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);

/* What sip_txn.lost_fork holds for an answer. */
uint64_t fork_tag_hash(const struct engine *e, const struct sip_msg *msg);
/* A 2xx came for a call that is gone: the winner's is acknowledged again, another fork's
 * acknowledged and ended. */
void fork_late_answer(struct engine *e, struct sip_txn *invite, const struct sip_msg *msg);

/* ---- overload.c ---- */
void overload_init(struct engine *e);
void overload_settings(struct engine *e, const struct ipc_settings *settings);
bool overload_is_emergency(const struct engine *e, const struct sip_msg *msg);
/* Refuse a request that would begin something, if the worker is too busy. `key`: its
 * transaction's. */
bool overload_refuses(struct engine *e, const struct sip_msg *msg, uint64_t key);

/* ---- limits.c: of trunks and users ---- */
int limits_init(struct engine *e); /* 0, or -ENOMEM */
void limits_fini(struct engine *e);
/* A table is told from here on; some trunks of it, how many they were; it is in force. */
void limits_tell(struct engine *e);
uint32_t limits_trunks(struct engine *e, const struct ipc_trunks *trunks);
void limits_switch(struct engine *e);
/* Whether a transaction was refused for a limit a moment ago; it is from here on. */
bool limits_refused_before(struct engine *e, uint64_t key);
void limits_remember(struct engine *e, uint64_t key);
/* The line that goes with a refusal for a limit. */
struct span limits_retry(const struct engine *e, struct cursor *line);
/* A request that begins something, of a trunk: *number is what a call's record has of it, or gives
 * back. False: too many. */
bool limits_admit(struct engine *e, const struct sip_msg *msg, uint32_t trunk_id, bool emergency,
		  uint32_t *number);
void limits_give_back(struct engine *e, const struct sip_msg *msg, uint32_t number);
/* What policy says of the call; a target is to be tried. 0, or the status of one too many. */
uint16_t limits_verdict(struct engine *e, struct sip_call *call, const struct ipc_verdict *verdict);
uint16_t limits_target(struct engine *e, struct sip_call *call, uint32_t trunk_id);
/* The call has ended: all that it held. */
void limits_end(struct engine *e, struct sip_call *call);

/* ---- screen.c: who sends ---- */
void screen_frame(struct engine *e, uint16_t type, const void *frame);
void screen_list(struct engine *e, const struct ipc_list_ask *ask);
/* The sender of the message in work did that. */
void screen_note(struct engine *e, enum ipc_deed deed);
/* A call or request was refused with this; `challenge`: what came with 401 or 407. */
void screen_refused(struct engine *e, const struct sip_call *call, uint16_t status,
		    struct span challenge);
struct span screen_challenge(const struct sip_msg *msg);
/* An emergency call of somebody who may make one past limits. */
bool screen_is_emergency(struct engine *e, const struct sip_msg *msg);
/* The request in work begins something and is not worth an answer. */
bool screen_drops(struct engine *e, const struct sip_msg *msg, bool emergency);
/* Refuse it for a limit of its sender or his trunk; else *number is held of that. `key`: its
 * transaction's. */
bool screen_refuses(struct engine *e, const struct sip_msg *msg, uint64_t key, bool emergency,
		    uint32_t *number);

/* ---- probe.c: OPTIONS for the control plane ---- */
void probe_start(struct engine *e, const struct ipc_probe *ask);
bool probe_is(const struct engine *e, const struct sip_txn *txn);
void probe_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		     const struct sip_msg *msg);
/* The control plane that asked is gone. */
void probe_forget_all(struct engine *e);

/* ---- reason.c: Reason lines (RFC 3326), whole ---- */
struct span reason_of_end(enum ipc_ended_by by);
/* Of a dialog that another one of the call has won over. */
struct span reason_of_loser(const struct sip_call *call);
/* What a plan lets cross of a message's, for that leg. */
struct span reason_passed(struct cursor *out, const struct engine *e, const struct sip_msg *msg,
			  struct span plan, const struct sip_leg *to);

/* ---- ending.c ---- */
void b2bua_bye(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
/* CANCEL of side A's INVITE, or of a re-INVITE of either side; `msg` says so, perhaps with a
 * reason. */
void b2bua_cancel(struct engine *e, struct sip_txn *invite, const struct sip_msg *msg);
/* Give up on an INVITE that limen sent and that has no final answer (section 9.1). */
void b2bua_cancel_leg(struct engine *e, struct sip_leg *leg, struct span reason);
/* The same by timer C. False when no CANCEL could be sent. */
bool b2bua_give_up(struct engine *e, struct sip_txn *invite);
/* Refuse a call that waits for a verdict or for the dialog to be replaced. */
void b2bua_stop_asking(struct engine *e, struct sip_call *call, uint16_t status);
/* A 2xx of limen's was never acknowledged. */
void b2bua_no_ack(struct engine *e, struct sip_txn *txn);
/* End a call from limen's side: each leg is told in the way its state asks for. */
void b2bua_end(struct engine *e, struct sip_call *call, uint16_t status, enum ipc_ended_by by);
void b2bua_call_timer(struct engine *e, struct sip_call *call);
/* A call that waited for a transfer goes on: its silence is counted from here. */
void b2bua_resume(struct engine *e, struct sip_call *call);
/* Set the timer of an answered call to the earliest of its deadlines. */
void b2bua_arm(struct engine *e, struct sip_call *call);

/* ---- dialog.c: requests inside a dialog, and their answers ---- */
/* A server transaction for a request in its order; NULL when it was answered already: out of order,
 * no memory. */
struct sip_txn *dialog_accept(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
/* 420 for what the request requires and limen cannot do; false when there is nothing. */
bool dialog_refuses_options(struct engine *e, struct sip_txn *server, const struct sip_msg *msg);
/* Any but ACK and BYE. */
void dialog_request(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
/* A client transaction that relays a request inside a dialog has an answer (or none: TIMEOUT, msg
 * NULL). */
void dialog_on_client(struct engine *e, struct sip_txn *txn, enum txn_event event,
		      const struct sip_msg *msg);
/* 100, with what the request wants to know of the time (section 8.2.6.1). */
void dialog_trying(struct engine *e, struct sip_txn *txn, const struct sip_msg *msg);
/* limen's own answer on a server transaction, as the leg's user agent. */
void dialog_answer(struct engine *e, struct sip_txn *txn, uint16_t status, struct span extra);
/* Refuse a request with what goes with the status: Allow, Accept, Retry-After. */
void dialog_refuse(struct engine *e, struct sip_txn *server, uint16_t status);
/* Send a request of one leg to the other; refused where that cannot be done. */
void dialog_relay_request(struct engine *e, struct sip_call *call, struct sip_leg *leg,
			  struct sip_leg *peer, struct sip_txn *server, const struct sip_msg *msg);
/* No answer came, or 408: the client is told while it waits. Who sent no INVITE is not told so
 * (RFC 4320), and after its time not told at all. */
void dialog_no_answer(struct engine *e, struct sip_txn *server, uint16_t status);
/* The status that a refusal has for the other side: a challenge that may not cross is of no use
 * there, and 403; a request other than INVITE is not answered 408 (RFC 4320). */
uint16_t dialog_told_status(struct engine *e, const struct sip_call *call,
			    const struct sip_txn *server, const struct sip_leg *from,
			    const struct sip_msg *msg);
/* Relay a response to a server transaction. False when it could not be built. */
bool dialog_relay_response(struct engine *e, struct sip_call *call, struct sip_txn *server,
			   struct sip_leg *from, uint16_t status, const struct sip_msg *msg);
/* The status for it, then. */
uint16_t dialog_relay_failure(const struct engine *e);
/* The same with header lines that limen adds. */
bool dialog_relay_with(struct engine *e, struct sip_call *call, struct sip_txn *server,
		       struct sip_leg *from, uint16_t status, const struct sip_msg *msg,
		       struct span extra);
void dialog_ack(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg);
/* The call is over: re-INVITEs still open are refused (section 15.1.2) and not waited for. */
void dialog_end_pending(struct engine *e, struct sip_call *call);
/* Send BYE on a leg, or note that it has to wait for the ACK. */
void dialog_bye(struct engine *e, struct sip_leg *leg, const struct sip_msg *src);
/* limen's own, with the reason that is given and not the call's. */
void dialog_bye_because(struct engine *e, struct sip_leg *leg, struct span reason);
/* Acknowledge the 2xx of a fork that lost. */
void dialog_ack_fork(struct engine *e, struct sip_leg *fork, struct sip_txn *invite);
/* Acknowledge the 2xx that leg B sent, with what A's ACK carried (src) or bare. */
void dialog_send_ack(struct engine *e, struct sip_leg *leg, const struct sip_msg *src,
		     const struct body *body);
