/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's records in the worker's arena: call, leg, transaction. They refer to each other by
 * handle and to their texts by blob; deadlines are in the records, so that timers can be rebuilt
 * from them. One worker thread; libc only. */
#pragma once

#include "common/net/addr.h"
#include "common/rtp/secure.h"
#include "common/sdp/sdp.h"
#include "common/sip/sip_msg.h"

/* m= sections of a call that are relayed; those behind are refused (port 0). */
#define CALL_MEDIA_MAX 8u
#define NEVER_NS       UINT64_MAX

enum call_state {
	CALL_ASKING = 0, /* parked until the verdict comes */
	CALL_TRYING,     /* sent to a target */
	CALL_EARLY,      /* a target has answered 101..199 */
	CALL_ANSWERED,
	CALL_ENDED,      /* over: transactions finish, the record waits for its acknowledgement */
};

enum call_flag {
	CALL_REPORT_DUE = 1 << 0,  /* the record has to be sent (again) */
	CALL_COLLECTED = 1 << 1,   /* on the list of calls to be freed */
	CALL_DIALOG = 1 << 2,      /* began with INVITE; otherwise one request and its answer */
	CALL_ASK_DUE = 1 << 3,     /* ASKING: the control plane has to be asked (again) */
	CALL_FINDING = 1 << 4,     /* ASKING: the dialog to be replaced is not known yet */
	CALL_TELLS_ANSWER = 1 << 5, /* the report is the final answer, not a record */
	CALL_SUBSCRIPTION = 1 << 6, /* began with SUBSCRIBE or REFER */
	CALL_SUBSCRIBED = 1 << 7,   /* and is a dialog */
	CALL_TERMINATED = 1 << 8,   /* its last NOTIFY has come */
	CALL_OWN_INVITE = 1 << 9,   /* of a transfer: no transaction waits for its answer */
	CALL_UNTOLD = 1 << 10,	    /* of a transfer: who refers wants no NOTIFY */
	CALL_SRTP_REFUSED = 1 << 11, /* the target in work refused SRTP: it is asked without */
	CALL_POLICED = 1 << 12,	    /* that its media was policed has been told */
	CALL_EMERGENCY = 1 << 15,   /* goes past limits */
};

/* One call: side A asked, side B was asked. */
struct sip_call {
	uint64_t self;
	uint64_t leg[2];       /* SIDE_A, SIDE_B: the target tried last */
	uint64_t first_leg;    /* all of its legs, chained by `next` */
	uint64_t invite;       /* txn: the server transaction that began it */
	uint64_t request;      /* blob: that request as it came, until it is answered */
	uint64_t contacts;     /* blob, ASKING: where a redirection says to go, joined by commas */
	uint64_t verdict;      /* blob: the verdict's frame */
	uint64_t report;       /* blob: the record's frame, from the end on */
	uint64_t replaces;     /* blob: the Replaces line for the target, until it has answered */
	uint64_t transfer;     /* while a transfer is under way: the other call of it */
	uint64_t referrer; /* of a transfer's call: the leg that sent REFER, of the first call */
	uint64_t pair[CALL_MEDIA_MAX]; /* stream pair of each m= section */
	uint64_t offered_types; /* of the last offer: sdp_types */
	uint64_t started_ns, ringing_ns, answered_ns, ended_ns; /* monotonic; 0: never */
	uint64_t deadline_ns;  /* of the call's own timer; its meaning follows from the state */
	union {
		uint64_t ask_until_ns; /* ASKING: without a verdict by then the call is refused */
		uint64_t lives_until_ns; /* SUBSCRIPTION: without a refresh it is over by then;
					    0: nothing was said yet */
	};
	uint32_t active;       /* transactions that still need the call's legs */
	uint16_t status;       /* final status towards A */
	uint16_t flags;        /* enum call_flag */
	uint8_t state;         /* enum call_state */
	uint8_t ended_by;      /* enum ipc_ended_by */
	uint8_t npairs;
	uint8_t target;        /* targets tried so far */
	uint8_t nforks;
	uint8_t redirects;     /* followed so far */
	uint8_t replaces_realm; /* of the dialog named in `replaces`: told nowhere else */
	uint32_t replaces_trunk; /* and to no other trunk */
	uint8_t offered;        /* m= sections of the last offer, which its answer must have too */
	uint16_t told;         /* of a transfer: status told last by NOTIFY */
	uint16_t outcome;      /* of a transfer: the status that it failed with, 0: its own */
	uint16_t far_status;   /* final, of the target tried last; 0: none yet */
	uint8_t attempts;      /* targets that it was sent to */
	uint8_t nfailed;
	uint16_t failed[8];    /* their statuses, but the last one's (IPC_FAILED_MAX) */
	uint32_t trunk_number[2]; /* what it holds of each side's trunk and user (counts.h); 0: */
	uint32_t user_held[2];	  /* nothing */
};
_Static_assert(sizeof(struct sip_call) % 8 == 0, "slab record");

enum leg_state {
	LEG_NEW = 0,
	LEG_EARLY,     /* early dialog */
	LEG_CONFIRMED,
	LEG_OVER,      /* BYE sent or received, or never came to a dialog */
};

enum leg_flag {
	LEG_REMOTE_CSEQ = 1 << 0, /* remote_cseq holds a value */
	LEG_BYE_WAITS =
		1 << 1, /* BYE goes out once the 2xx is acknowledged (RFC 3261 section 15) */
	LEG_MEDIA_SET = 1 << 2, /* its peer's media addresses are in force */
	LEG_RSEQ = 1 << 3,	/* limen asked, and the peer has rung reliably: `rseq` is set */
	LEG_REFERRED = 1 << 4,	/* a REFER went there: NOTIFYs of it may come */
	LEG_HAS_REFERRED = 1 << 5, /* one that limen carried out came from there */
	LEG_OFFER_RESPONDS = 1 << 6, /* `offer` came in a response */
	LEG_HEARD = 1 << 7,	     /* the target has answered something */
};

/* Texts of a leg, all in one blob. */
enum leg_text {
	LEG_CALL_ID = 0,
	LEG_REMOTE_TAG,
	LEG_TARGET,     /* the peer's Contact URI: Request-URI of what is sent in the dialog */
	LEG_LOCAL,      /* limen's From or To value, without tag */
	LEG_REMOTE,     /* the peer's, without tag */
	LEG_ROUTES,     /* Route value, in the order to be sent, joined with commas */
	LEG_RURI,       /* B: Request-URI of the first request */
	LEG_AGENT,      /* what the peer says of itself: for the record alone */
	LEG_TEXTS,
};

enum session_flag {
	SESSION_PEER_KNOWS = 1 << 0, /* the peer listed `timer` in what it sent last */
	SESSION_REQUIRED = 1 << 1,   /* and its request requires it */
	SESSION_WANTS_UAC = 1 << 2,  /* its request names itself as refresher */
	SESSION_WANTS_UAS = 1 << 3,  /* or limen */
	SESSION_LIMEN = 1 << 4,	     /* limen refreshes */
	SESSION_UPDATE = 1 << 5,     /* the peer allows UPDATE */
	SESSION_TRIED = 1 << 6,	     /* a refresh was refused: the next one is the last */
	SESSION_RAISED = 1 << 7,     /* a request went again after a 422 */
};

/* The session timer of a leg (RFC 4028): limen is a user agent on each. */
struct leg_session {
	uint64_t due_ns;     /* refresh, or give up: NEVER_NS without a timer */
	uint64_t ends_ns; /* without refresh by then the call ends; NEVER_NS: the peer knows of no
			     timer, and limen asks for signs of life only */
	uint64_t refresh;    /* txn: limen's own refresh that is not answered yet */
	uint64_t sdp;	     /* blob: the description the peer has of limen, for a re-INVITE that
				changes nothing; only where limen refreshes */
	uint64_t sdp_next;   /* blob: the one offered to it, in force once it answers */
	uint32_t interval_s; /* in force; 0: none */
	uint32_t asked_s;    /* Session-Expires of the peer's request in work; 0: none */
	uint32_t floor_s;    /* the largest Min-SE that the peer has shown */
	uint16_t policy_s;   /* what limen asks for; 0: no timer on this leg */
	uint16_t min_se_s;   /* the least it takes */
	uint8_t flags;	     /* enum session_flag */
	uint8_t pad[7];
};

enum leg_keys_flag {
	KEYS_OURS = 1 << 0,	   /* limen has a secret of its own */
	KEYS_SAVP = 1 << 1,	   /* agreed as RTP/SAVP; else with lines beside RTP/AVP */
	KEYS_NEXT = 1 << 2,	   /* an offer of the peer waits for its answer */
	KEYS_NEXT_SECRET = 1 << 3, /* which brings a new secret of limen's */
};

/* SRTP keys of one m= section of a leg (RFC 4568). limen's own come from one secret, whichever
 * suite is agreed on. */
struct leg_keys {
	struct secure_key rx; /* of the peer, in force; SECURE_NONE: the section is plain */
	struct secure_key next_rx; /* of its offer that waits */
	uint8_t secret[SECURE_SECRET_BYTES]; /* limen's, in force or in what it offered */
	uint8_t next_secret[SECURE_SECRET_BYTES];
	uint32_t tag, next_tag; /* of the peer's line */
	uint8_t flags; /* enum leg_keys_flag */
	uint8_t pad[7];
};
_Static_assert(sizeof(struct leg_keys) % 8 == 0, "several in a blob");

/* One side of a call as limen speaks it: a dialog, or on its way to be one. */
struct sip_leg {
	uint64_t self;
	uint64_t call;
	uint64_t peer;   /* leg on the other side */
	uint64_t next;   /* of the call's legs */
	uint64_t tag;    /* handle in limen's tag: its own, or of the leg it is a fork of */
	uint64_t texts;  /* blob */
	struct sip_slice text[LEG_TEXTS];
	uint64_t invite_server; /* txn: the last INVITE received */
	uint64_t invite_client; /* txn: the last INVITE sent */
	uint64_t offer; /* blob: the peer's offer inside the dialog, in force once it is answered */
	uint64_t description; /* blob: what the peer said of its media last, where its partner may
				 hand it on; of a transfer's stand-in: what is offered next */
	uint64_t keys;	/* blob: struct leg_keys of the first m= sections; none where all are plain */
	uint64_t sdp_hash;      /* of what was last sent as session description */
	uint32_t sdp_version;
	uint32_t local_cseq;    /* last used */
	uint32_t remote_cseq;   /* highest received */
	uint32_t invite_cseq;   /* of the INVITE that limen sent last: RAck speaks of it */
	uint32_t rseq; /* of the INVITE in work (RFC 3262): the peer asked: last one limen sent;
			  limen asked: what is added to the peer's */
	uint32_t offer_cseq; /* of the message that `offer` came in */
	struct leg_session session;
	uint32_t refer_sent; /* CSeq of the REFER that limen relayed to it last */
	uint32_t refer_cseq; /* and what that was on the other leg; of one that limen carries out:
				its own, 0: the first needs no id */
	struct net_endpoint next_hop; /* where the peer sends from, or was sent to */
	uint64_t flow; /* the connection it was heard by last; 0 over UDP, or not yet */
	uint8_t realm;
	uint8_t transport;      /* enum net_transport */
	uint8_t side;           /* enum stream_side */
	uint8_t state;          /* enum leg_state */
	uint8_t flags;          /* enum leg_flag */
	uint8_t source_policy;  /* enum stream_source */
	uint8_t refer;          /* enum ipc_refer */
	uint8_t srtp;           /* enum ipc_srtp */
	uint32_t trunk;         /* ipc_side_policy's, as are the next two */
	uint16_t police_burst_ms;
	uint16_t police_headroom_percent;
	uint8_t srtp_suites[SECURE_SUITES_MAX]; /* enum secure_suite, the preferred first */
	/* Of the offer made last, by whichever side; a bit for each section: */
	uint8_t savp;  /* it was RTP/SAVP */
	uint8_t lines; /* limen made it, with crypto lines */
	uint8_t media_flags; /* enum ipc_policy_flag */
	uint8_t sips;  /* called by a sips: URI: limen's Contact there is one too (RFC 3261
			  sections 8.1.1.8, 12.1.1) */
	uint8_t pad[6];
};
_Static_assert(sizeof(struct sip_leg) % 8 == 0, "slab record");

enum txn_kind {
	TXN_SERVER_INVITE = 0,
	TXN_SERVER,
	TXN_CLIENT_INVITE,
	TXN_CLIENT,
};

/* RFC 3261 section 17 with RFC 6026. */
enum txn_state {
	TXN_TRYING = 0, /* client INVITE: "Calling" */
	TXN_PROCEEDING,
	TXN_ACCEPTED,   /* INVITE, 2xx: timers L, M */
	TXN_COMPLETED,  /* timers D, G and H, J, K */
	TXN_CONFIRMED,  /* server INVITE, timer I */
};

enum txn_flag {
	TXN_HOLDS_CALL = 1 << 0, /* counted in the call's `active` */
	TXN_CANCEL_WANTED =
		1 << 1, /* client INVITE: CANCEL goes out with the first provisional response */
	TXN_ACKED =
		1 << 2, /* INVITE: the 2xx was acknowledged by (server) or to (client) the peer */
	TXN_HAS_TO_TAG = 1 << 3,    /* server: the request's To had a tag */
	TXN_INDEXED = 1 << 4,	    /* server: in the index by key */
	TXN_MERGE_INDEXED = 1 << 5, /* server: in the index by merge_key */
	TXN_HAS_OFFER = 1 << 6,	    /* server: the request carried a session description */
	TXN_TIMER_C =
		1
		<< 7, /* client INVITE inside a dialog: no call timer bounds it, so timer C does */
};

struct sip_txn {
	uint64_t self;
	uint64_t call;
	uint64_t leg;
	uint64_t peer; /* the transaction on the other side that this one is relayed to or from */
	union {
		uint64_t key;    /* server: keyed hash of what identifies it (section 17.2.3) */
		uint64_t cancel; /* client INVITE: its CANCEL, of the same branch (section 9.1) */
		uint64_t probe;  /* client OPTIONS without call: what it is for */
	};
	union {
		uint64_t merge_key; /* server: hash of From tag, Call-ID, CSeq (section 8.2.2.2) */
		uint64_t lost_fork; /* client INVITE: hash of the To tag that was ended last */
	};
	union {
		uint64_t head;   /* blob, server: the lines that every response repeats */
		uint64_t reason; /* blob, client INVITE: Reason line of the CANCEL that waits */
		uint64_t challenge; /* blob, client: parked, the response; sent with credentials,
				       their lines (INVITE) */
	};
	uint64_t msg;       /* blob: the message last sent, for retransmission */
	uint64_t ack;       /* blob, client INVITE: the ACK sent */
	uint64_t retransmit_ns;
	uint64_t timeout_ns;
	struct net_endpoint dst; /* where its messages go */
	uint32_t interval_ms;    /* of retransmission */
	uint32_t cseq;
	uint16_t head_tag;       /* server: offset in head where ";tag=" belongs, 0: To has one */
	uint16_t status;         /* server: last sent; client: last received */
	uint8_t kind;            /* enum txn_kind */
	uint8_t state;           /* enum txn_state */
	uint8_t flags;           /* enum txn_flag */
	uint8_t method;          /* enum sip_method */
	uint8_t realm;
	uint8_t transport;       /* enum net_transport */
	uint8_t rounds : 4;      /* client: so often sent with credentials */
	uint8_t parked : 1;      /* client: challenged, its credentials are asked for */
	uint8_t answered;        /* client: enum ipc_challenge_answered */
};
_Static_assert(sizeof(struct sip_txn) % 8 == 0 && sizeof(struct sip_txn) <= 160, "millions linger");

/* An OPTIONS or REGISTER that the control plane asked for and that has no answer yet. */
struct sip_probe {
	uint64_t probe_id; /* the asker's */
	uint64_t sent_ns;
	uint64_t forgotten; /* 1: who asked is gone */
};
_Static_assert(sizeof(struct sip_probe) % 8 == 0, "slab record");
