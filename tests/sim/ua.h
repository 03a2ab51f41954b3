/* SPDX-License-Identifier: BSD-3-Clause */
/* A scripted endpoint: a user agent of RFC 3261 with its own transactions and dialogs, and manners
 * of its own. Split into transactions and reception (ua.c), the text of messages (ua_msg.c), what
 * it does in a call (ua_call.c) and its manners (script.c). */
#pragma once

#include "common/rtp/secure.h"
#include "sim.h"

#define UA_SESSIONS 5u
#define UA_TXNS	    24u
#define UA_ACTS	    12u
#define UA_DIALOGS  6u /* early dialogs of one INVITE that a caller tells apart */
#define UA_T1	    (500 * MS)
#define UA_T2	    (4000 * MS)
#define UA_T4	    (5000 * MS)
#define UA_TIMEOUT  (64 * UA_T1)

enum ua_act {
	ACT_NONE = 0,
	ACT_CALL, /* caller: send the INVITE */
	ACT_CANCEL,
	ACT_RING,  /* callee: send the next provisional answer */
	ACT_FINAL, /* callee: send the final answer */
	ACT_BYE,
	ACT_REINVITE,
	ACT_HOLD,
	ACT_UPDATE,
	ACT_INFO,
	ACT_OPTIONS,
	ACT_MESSAGE,
	ACT_ANSWER_REINVITE,
	ACT_FORK_RING,	/* callee: another fork rings */
	ACT_FORK_FINAL, /* callee: another fork answers too */
	ACT_CANCEL_REINVITE,
	ACT_RTP, /* a media packet */
	ACT_REFRESH,
	ACT_EXPIRED, /* the session timer has run out */
	/* Subscriptions. */
	ACT_SUBSCRIBE_AGAIN,
	ACT_UNSUBSCRIBE,
	ACT_EVENT_OVER,
	ACT_ACCEPT_EVENT,
	ACT_NOTIFY,
	ACT_NOTIFY_LAST,
	ACT_REFER, /* or the consultation before it */
};

/* What a description says of media, as its sender sees it. */
enum ua_direction {
	DIR_SENDRECV = 0,
	DIR_SENDONLY,
	DIR_RECVONLY,
	DIR_INACTIVE,
	DIR_ZERO, /* hold by c=0.0.0.0 (RFC 2543) */
};

enum ua_srtp {
	SRTP_NONE = 0, /* but for an offer of RTP/SAVP */
	SRTP_SAVP,
	SRTP_BESIDE, /* keys beside RTP/AVP (RFC 8643) */
};

enum ua_on_cancel {
	ON_CANCEL_487 = 0,
	ON_CANCEL_IGNORE, /* 200 to the CANCEL, but the call goes on as if nothing had been */
	ON_CANCEL_ANSWER, /* answers at that very moment */
};

enum ua_refers { REFERS_NOT = 0, REFERS_BLIND, REFERS_ATTENDED };

enum ua_moved { MOVED_AWAY = 0, MOVED_NEXT, MOVED_HERE, MOVED_ALL };

/* What a caller sends outside a dialog. */
enum ua_what {
	WHAT_INVITE = 0,
	WHAT_MESSAGE,
	WHAT_OPTIONS_THROUGH,
	WHAT_OPTIONS_LIMEN,
	WHAT_PUBLISH,
	WHAT_REGISTER,
	WHAT_SUBSCRIBE,
	WHATS
};

enum ua_event { EVENT_PRESENCE = 0, EVENT_DIALOG, EVENTS };

struct manner {
	/* both */
	uint32_t hangup_ms; /* after it is up; UINT32_MAX: leaves it to the other */
	uint32_t vanish_ms; /* after it first acts; UINT32_MAX: stays */
	uint8_t mid[3];	    /* enum ua_act, done while the call is up */
	uint32_t mid_ms[3];
	bool compact, fold, extra_via, record_route, no_rport, two_media;
	bool reject_reinvite;
	uint8_t hold;	    /* enum ua_direction of its holds */
	uint8_t srtp;	    /* enum ua_srtp */
	bool nat;	    /* its media comes from another port than its descriptions say */
	bool talks;	    /* sends media all the time */
	/* Session timer (RFC 4028). */
	bool timer;
	uint32_t se_s, min_se_s; /* what it asks for, and the least it takes; 0: says nothing */
	uint8_t refresher;	 /* 1: names the UAC, 2: the UAS */
	bool refresh_by_update, lazy;
	bool no_update; /* does not know UPDATE */
	/* Requests outside a dialog, and subscriptions. */
	uint16_t alone_status; /* callee: its answer to them */
	uint16_t challenge;    /* callee: 401 or 407 to who shows no credentials; 0: never */
	bool knows_limen;	    /* callee: limen has an account there */
	bool challenges_dialogs;    /* callee: inside dialogs, too */
	bool has_password;
	uint8_t event;		/* enum ua_event */
	uint32_t event_s;	/* how long a subscription is to last */
	uint32_t event_ends_ms; /* subscriber: ends it after so long; notifier: between NOTIFYs */
	bool notifies_early, accepts_202;
	uint8_t refers;	    /* enum ua_refers */
	uint8_t refer_slot; /* where to */
	uint32_t refer_ms;
	bool refuses_refer;
	bool bye_on_refer; /* hangs up as soon as the REFER is accepted */
	uint8_t moved;	/* enum ua_moved: where its 3xx says to go */
	bool follows;	/* caller: goes where a 3xx says */
	bool rude; /* says BYE and leaves the INVITE that waits for it unanswered */
	uint16_t bye_status;
	/* caller */
	uint8_t what; /* enum ua_what */
	bool never_ack, late_offer, rel100, cancel_reinvite;
	uint32_t cancel_ms;  /* UINT32_MAX: never gives up */
	bool cancel_on_ring; /* ... or at the first 18x */
	bool bye_not_cancel; /* gives up an early dialog by BYE */
	uint8_t max_forwards;
	/* callee */
	bool silent;
	bool no_trying; /* does not say 100 though its first answer takes long: limen may have given
			   up by then */
	uint8_t nrings;
	uint16_t ring_status[3];
	uint32_t ring_ms[3]; /* each after the one before */
	bool ring_sdp[3];
	bool ring_rel;
	uint16_t final_status; /* 0: never answers */
	uint32_t final_ms;
	bool no_sdp, early_bye, bad_sdp;
	uint8_t on_cancel; /* enum ua_on_cancel */
	bool fork_rings, fork_answers;
};

enum txn_kind_sim { UT_FREE = 0, UT_CLIENT_INVITE, UT_CLIENT, UT_SERVER_INVITE, UT_SERVER };
enum txn_state_sim { US_TRYING = 0, US_PROCEEDING, US_ACCEPTED, US_COMPLETED, US_CONFIRMED };

struct ua_txn {
	uint8_t kind, state, method;
	uint8_t sess; /* index; UA_SESSIONS: none */
	bool initial; /* INVITE that began the session */
	bool acked;
	bool has_offer; /* the request carried a session description */
	bool cancelled;
	bool refresh; /* of the session timer */
	uint8_t direction; /* enum ua_direction of the offer sent */
	uint32_t sdp_version; /* of the offer sent */
	uint16_t status;
	uint32_t cseq;
	char branch[96];
	struct net_endpoint dst;
	char *msg; /* last sent; owned */
	uint32_t msg_len;
	char *ack; /* client INVITE: ACK sent; owned */
	uint32_t ack_len;
	char *request; /* server: the request; owned */
	uint32_t request_len;
	uint64_t sent_ns, retransmit_ns, end_ns, interval_ns;
};

enum sess_state { SESS_FREE = 0, SESS_EARLY, SESS_UP, SESS_DOWN };

struct sess {
	uint8_t state;
	bool caller;
	bool cancel_wanted, bye_wanted, gave_up;
	bool answer_seen; /* the answer to the first offer came */
	bool offer_made;  /* the first offer was ours */
	uint8_t rings;
	uint8_t retries;  /* of re-INVITEs after 491 */
	uint8_t invite;	  /* txn that began it, UA_TXNS: gone */
	uint8_t reinvite; /* server txn of a re-INVITE to be answered */
	uint8_t nmedia;
	uint8_t direction;	   /* enum ua_direction agreed on */
	bool described;		   /* limen was told where media is wanted */
	bool told;		   /* and has told where it wants it */
	bool srtp_known;	   /* limen and it have agreed on the next three */
	bool secure;
	uint32_t key_version;
	struct secure_key limen_key;
	uint8_t rtp_count;
	uint16_t rtp_seq;
	struct net_endpoint media; /* limen's, for the first section; family NET_NONE: not told */
	uint32_t local_cseq, remote_cseq, sdp_version;
	uint32_t rseq;	  /* callee: of the last reliable provisional answer */
	bool rel_pending; /* ... which waits for PRACK */
	uint64_t rel_ns, rel_interval_ns, rel_end_ns;
	char *rel_msg;
	uint32_t rel_len;
	/* Caller: RSeq acknowledged in each early dialog (RFC 3262 section 4). */
	struct {
		uint64_t tag; /* hash of the To tag */
		uint32_t rseq;
	} prack[UA_DIALOGS];
	uint32_t se_s;	    /* session interval in force; 0: none */
	uint32_t se_want_s; /* asked for */
	uint32_t se_min_s;  /* learned of a 422 */
	uint64_t se_ends_ns;
	bool se_mine;	/* this endpoint refreshes */
	bool se_agreed; /* limen knows of the timer */
	uint8_t se_retries, bye_put_off, followed;
	uint8_t event;	  /* 0: none; else enum ua_event and 1 */
	bool event_over;  /* it was ended, and the last NOTIFY is to come */
	uint8_t rounds;	  /* of what is sent again and again */
	uint64_t event_ends_ns;
	char etag[32];
	char auth[512]; /* header line for requests that begin something */
	uint8_t auth_tries;
	bool consults;	   /* a call that is to be joined to another of the same endpoint */
	uint8_t refers_to; /* a call that was asked for by REFER: the session it came in, and 1 */
	uint8_t replaces;  /* takes the place of a session: its number, and 1 */
	char extra[400];   /* header line of its INVITE */
	uint8_t records;   /* as caller: that came of it, with its Call-ID */
	uint16_t status_sent, status_told; /* first final answer; by the record */
	bool answered_told;
	char call_id[128];
	char local_tag[64], remote_tag[64];
	char local_uri[128], remote_uri[128];
	char target[128]; /* remote target */
	bool routed;	  /* limen has to put our Record-Route into its Route */
	struct act {
		uint64_t at_ns;
		uint8_t what; /* enum ua_act */
	} acts[UA_ACTS];
};

struct ua {
	uint32_t call;
	uint8_t slot;
	uint8_t side;
	struct net_endpoint self;
	struct net_endpoint limen;
	bool tcp;	       /* else UDP */
	uint32_t connections;  /* it has made: names the one in use */
	uint64_t stream_ns[2]; /* when what was sent last arrives, to limen and from it */
	struct manner manner;
	bool gone;
	uint64_t vanish_ns;
	uint64_t timer_ns; /* of the event under way */
	uint32_t serial;
	char nonce[48]; /* of its last challenge */
	struct sess sess[UA_SESSIONS];
	struct ua_txn txn[UA_TXNS];
};

/* ---- ua_msg.c ---- */
struct ua_body {
	bool sdp;
	uint8_t direction;  /* enum ua_direction */
	struct span offer; /* limen's, that this answers; empty: it is an offer */
	bool refuse_second; /* answer: the second m= section with port 0 */
	unsigned nmedia;
	struct span text; /* instead of a description */
	const char *type;
};
void msg_request(struct cursor *out, const struct ua *ua, const struct sess *sess,
		 const struct ua_txn *txn, const char *uri, const struct ua_body *body,
		 const char *extra);
void msg_ack_refusal(struct cursor *out, const struct ua *ua, const struct ua_txn *txn,
		     const struct sip_msg *response);
void msg_cancel(struct cursor *out, const struct ua *ua, const struct ua_txn *invite);
void msg_response(struct cursor *out, const struct ua *ua, const struct sess *sess,
		  const struct sip_msg *request, uint16_t status, const char *tag,
		  const struct ua_body *body, const char *extra);
void msg_branch(struct sim *sim, struct ua *ua, char *branch, size_t room);

/* ---- ua_srtp.c ---- */
struct stream_secure;
void srtp_put_proto(struct cursor *out, const struct ua *ua, const struct ua_body *body,
		    unsigned section);
void srtp_put_lines(struct cursor *out, const struct ua *ua, const struct sess *sess,
		    const struct ua_body *body, unsigned section);
void srtp_offer_answered(struct sess *sess, uint32_t version, struct span answer);
void srtp_answers(const struct ua *ua, struct sess *sess, struct span offer);
void srtp_check(struct sim *sim, const struct ua *ua, const struct sess *sess,
		const struct stream_secure *keys);

/* ---- script.c ---- */
void script_profile(struct sim *sim);
void script_call(struct sim *sim, uint32_t call);
/* A session that calls a user at limen, with a Call-ID that leads to a worker that runs. */
void script_outgoing(struct sim *sim, struct ua *ua, struct sess *sess, const char *user);

/* ---- ua.c ---- */
void ua_receive(struct sim *sim, struct ua *ua, struct span bytes);
void ua_timer(struct sim *sim, struct ua *ua);
void ua_arm(struct sim *sim, struct ua *ua);
void ua_free(struct ua *ua);
bool ua_is_quiet(const struct ua *ua);
struct ua_txn *ua_txn_new(struct ua *ua, uint8_t kind, uint8_t method);
void ua_txn_free(struct ua_txn *txn);
void ua_txn_send(struct sim *sim, struct ua *ua, struct ua_txn *txn, struct span bytes);
void ua_txn_respond(struct sim *sim, struct ua *ua, struct ua_txn *txn, uint16_t status,
		    struct span bytes);
void ua_keep(char **kept, uint32_t *len, struct span bytes);
struct sess *ua_sess_of(struct ua *ua, const struct ua_txn *txn);
struct sess *ua_sess_new(struct sim *sim, struct ua *ua);
void ua_act_at(struct ua *ua, struct sess *sess, uint64_t at_ns, enum ua_act what);
void ua_acts_clear(struct sess *sess);
unsigned ua_sess_number(const struct ua *ua, const struct sess *sess);

/* ---- ua_send.c ---- */
void ua_copy(char *to, size_t room, struct span text);
bool ua_take_contact(struct sess *sess, const struct sip_msg *msg);
/* As the one asked (section 12.1.1). */
void ua_take_dialog(struct sess *sess, const struct sip_msg *msg);
/* In the session's dialog; NULL when the endpoint has too much going on. */
struct ua_txn *ua_send_request(struct sim *sim, struct ua *ua, struct sess *sess, uint8_t method,
			       const struct ua_body *body, const char *extra);
void ua_send_cancel(struct sim *sim, struct ua *ua, struct ua_txn *invite);
void ua_send_ack(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *invite,
		 const struct ua_body *body);
void ua_send_bye(struct sim *sim, struct ua *ua, struct sess *sess);
void ua_give_up(struct sim *sim, struct ua *ua, struct sess *sess);
/* Without BYE: all that was planned and waited for is off. */
void ua_end_session(struct ua *ua, struct sess *sess);
void ua_refuse_open(struct sim *sim, struct ua *ua, struct sess *sess);
bool ua_invite_is_open(const struct ua *ua, const struct sess *sess);
bool ua_offer_is_open(const struct ua *ua, const struct sess *sess);
/* The INVITE that began the session, while it waits for its answer; else NULL. */
struct ua_txn *ua_open_invite(struct ua *ua, const struct sess *sess);
/* The call is up: plan what is done in it. */
void ua_set_up(struct sim *sim, struct ua *ua, struct sess *sess);
struct ua_txn *ua_server_new(struct ua *ua, const struct sip_msg *msg, struct sess *sess);
void ua_respond(struct sim *sim, struct ua *ua, struct ua_txn *txn, uint16_t status);
void ua_respond_as(struct sim *sim, struct ua *ua, struct ua_txn *txn, struct sess *sess,
		   uint16_t status, const struct ua_body *body, const char *extra);
void ua_refuse(struct sim *sim, struct ua *ua, const struct sip_msg *msg, struct sess *sess,
	       uint16_t status);

/* How an endpoint answers the direction of an offer. */
enum ua_direction ua_answer_direction(struct span offer);
struct ua_body ua_answer_body(const struct sess *sess, const struct ua_txn *txn);

/* ---- ua_alone.c ---- */
uint8_t alone_method(const struct ua *ua);
struct ua_txn *alone_send(struct sim *sim, struct ua *ua, struct sess *sess);
void alone_on_response(struct sim *sim, struct ua *ua, struct sess *sess,
		       const struct sip_msg *msg);
void alone_answer(struct sim *sim, struct ua *ua, const struct sip_msg *msg);
/* True: the request was answered by a challenge. */
bool alone_challenges(struct sim *sim, struct ua *ua, struct sess *sess,
		      const struct sip_msg *msg);
size_t alone_credentials(const struct sip_msg *answer, struct span uri, char *line, size_t cap);
bool alone_take_challenge(struct sim *sim, struct ua *ua, struct sess *sess,
			  const struct sip_msg *msg);

/* ---- ua_event.c ---- */
uint32_t event_wish_s(const struct ua *ua);
struct ua_body event_body(const struct ua *ua, enum ua_event event, char *text, size_t room);
struct ua_txn *event_subscribe(struct sim *sim, struct ua *ua, struct sess *sess,
			       uint32_t expires_s);
void event_on_subscribed(struct sim *sim, struct ua *ua, struct sess *sess,
			 const struct sip_msg *msg);
void event_on_request(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg);
void event_on_notified(struct sim *sim, struct ua *ua, struct sess *sess, uint16_t status);
void event_act(struct sim *sim, struct ua *ua, struct sess *sess, enum ua_act what);

/* ---- ua_refer.c ---- */
void refer_act(struct sim *sim, struct ua *ua, struct sess *sess);
void refer_on_up(struct sim *sim, struct ua *ua, struct sess *sess);
void refer_on_response(struct sim *sim, struct ua *ua, struct sess *sess, uint16_t status);
void refer_on_notify(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		     const struct sip_msg *msg);
void refer_on_request(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn,
		      const struct sip_msg *msg);
void refer_on_final(struct sim *sim, struct ua *ua, struct sess *third, unsigned status);
uint16_t refer_replaces(struct sim *sim, struct ua *ua, const struct sip_msg *msg,
			struct sess **replaced);

/* ---- ua_timer.c ---- */
void timer_put_request(struct cursor *out, const struct ua *ua, const struct sess *sess,
		       uint8_t method);
void timer_put_2xx(struct sim *sim, struct cursor *out, struct ua *ua, struct sess *sess,
		   const struct sip_msg *request);
void timer_on_2xx(struct sim *sim, struct ua *ua, struct sess *sess, const struct ua_txn *txn,
		  const struct sip_msg *msg);
bool timer_on_422(struct sim *sim, struct ua *ua, struct sess *sess, const struct sip_msg *msg);
void timer_on_refusal(struct sim *sim, struct ua *ua, struct sess *sess, const struct ua_txn *txn,
		      const struct sip_msg *msg);
bool timer_is_too_short(const struct ua *ua, const struct sip_msg *msg);
void timer_refuse(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn);
void timer_refresh(struct sim *sim, struct ua *ua, struct sess *sess);
/* limen has to end the call. */
bool timer_is_neglected(const struct ua *ua, const struct sess *sess);
void timer_expired(struct sim *sim, struct ua *ua, struct sess *sess);

/* ---- ua_act.c ---- */
void ua_call_again(struct sim *sim, struct ua *ua, struct sess *sess);
void ua_answer_with(struct sim *sim, struct ua *ua, struct sess *sess, struct ua_txn *txn);

/* ---- ua_call.c; call_act: ua_act.c; call_on_response: ua_answer.c ---- */
void call_act(struct sim *sim, struct ua *ua, struct sess *sess, enum ua_act what);
void call_on_request(struct sim *sim, struct ua *ua, const struct sip_msg *msg);
void call_on_response(struct sim *sim, struct ua *ua, struct ua_txn *txn,
		      const struct sip_msg *msg);
void call_on_timeout(struct sim *sim, struct ua *ua, struct ua_txn *txn);
void call_on_ack(struct sim *sim, struct ua *ua, struct ua_txn *txn);
void call_on_rel_timeout(struct sim *sim, struct ua *ua, struct sess *sess);
