/* SPDX-License-Identifier: BSD-3-Clause */
/* An engine between two hand-made peers and a hand-made control plane, in virtual time. Side A
 * is 10.0.1.2, side B 10.0.2.2; limen is 10.0.1.1 and 10.0.2.1. For the engine's unit tests. */
#pragma once

#include "common/sip/edit_plan.h"
#include "dataplane/media/media.h"
#include "dataplane/sip/engine.h"
#include "../../../engine_rig.h"

#define WORLD_SENT_MAX 64u
#define WORLD_OWNER_MAX 16u

struct world_sent {
	char text[8192]; /* terminated */
	struct net_endpoint dst;
	uint64_t flow, token; /* not over UDP */
	uint8_t realm;
	uint8_t transport;
};

struct world_report {
	uint16_t type;
	uint32_t len;
	_Alignas(8) char frame[16384];
};

/* What the engine said to another worker. */
struct world_owner_msg {
	unsigned worker;
	uint32_t len;
	_Alignas(8) char bytes[2048];
};

struct world {
	struct engine_rig rig;
	struct media *media;   /* the rig's */
	struct engine *engine; /* the rig's */
	uint64_t now_ns;
	struct ipc_side_policy side_a; /* A's, in verdicts */
	uint64_t last_ask;	       /* of world_invite: the call's handle too */
	bool no_limits;		       /* verdicts without the longest duration and silence */
	enum engine_fate fate;
	/* What world_verdict says of its targets; NULL, 0: nothing. */
	struct ipc_side_policy side_b;
	uint32_t last_trunk; /* of the last target; 0: side_b's */
	uint64_t user[2];    /* keys of the users */
	const char *contact, *context;
	const char *answer_contact; /* the line in place of world_answer's own Contact */
	uint8_t verdict_flags;
	uint32_t answer_max_s; /* 0: 60 */
	uint16_t failover_ms;
	uint8_t transport[2]; /* enum net_transport, by side */
	uint64_t flow[2];     /* what its messages come by */
	uint64_t flow_b;      /* what verdicts name */
	uint32_t failover[SIP_FAILOVER_WORDS];
	bool hides_reason;   /* its plan hides Reason; it passes elsewhere */
	struct span parts[EDIT_PARTS]; /* of its plan */
	const uint8_t *pass; /* enum sip_hdr_id, 0 at the end: headers that its plan lets pass */
	unsigned nsent, nreports, nowner; /* of the last step */
	struct world_sent sent[WORLD_SENT_MAX];
	struct world_report reports[WORLD_SENT_MAX];
	struct world_owner_msg owner[WORLD_OWNER_MAX];
};

enum { A = 0, B = 1 };

#define SDP_A                                                                                      \
	"v=0\r\no=alice 1 1 IN IP4 10.0.1.2\r\ns=-\r\nc=IN IP4 10.0.1.2\r\nt=0 0\r\nm=audio 4000 " \
	"RTP/AVP 0\r\n"
#define SDP_B                                                                                      \
	"v=0\r\no=bob 7 7 IN IP4 10.0.2.2\r\ns=-\r\nc=IN IP4 10.0.2.2\r\nt=0 0\r\nm=audio 6000 "   \
	"RTP/AVP 0\r\n"

struct world *world_new(void);
/* The same as another of its three workers: whose a message is, is not asked here. */
struct world *world_new_worker(unsigned worker);
/* Lets all timers run out, checks that no record, stream or timer is left, and frees. */
void world_end(struct world *w);

/* A message from a side, headers as given ("\n" stands for CRLF); Content-Length and body are
 * added. */
void world_in(struct world *w, int side, const char *head, const char *body);
/* The message at index i that went to a side in the last step; fails the test if there is none. */
const char *world_out(struct world *w, int side, unsigned i);
unsigned world_out_count(const struct world *w, int side);
/* Answer a request that limen sent. */
void world_answer(struct world *w, int side, const char *request, unsigned status, const char *tag,
		  const char *extra, const char *body);
/* A request inside the dialog, as the peer that got or sent `from_limen` (any message of limen in
 * that dialog). */
void world_request(struct world *w, int side, const char *method, unsigned cseq, const char *branch,
		   const char *from_limen, const char *my_tag, const char *extra, const char *body);
void world_verdict(struct world *w, uint64_t ask_id, unsigned status, unsigned ntargets);
/* A message between owners comes in. */
void world_owner(struct world *w, const void *bytes, size_t len);
void world_sleep(struct world *w, uint64_t ms);
/* A frame of the control plane, already checked. */
void world_frame(struct world *w, uint16_t type, const void *frame, uint32_t len);
/* The ring was full for that report of the last step. */
void world_blocked(struct world *w, uint16_t type);
/* The id in the last step's ASK; fails the test if there is none. */
uint64_t world_ask_id(const struct world *w);
/* The last step's report of that type, or NULL. */
const struct world_report *world_find(const struct world *w, uint16_t type);

/* INVITE of side A up to the message that limen sent to B. */
const char *world_invite(struct world *w, const char *branch, const char *body);
/* A call answered and acknowledged; copies of the INVITE that B got and the 200 that A got. */
struct world_call {
	char invite_b[8192];
	char ok_a[8192];
};
void world_call_up(struct world *w, struct world_call *call);

/* A header's value in a text, copied to buf; fails the test if it is missing. */
char *world_header(const char *text, const char *name, char *buf, size_t cap);
bool world_has(const char *text, const char *what);
