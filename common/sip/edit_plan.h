/* SPDX-License-Identifier: BSD-3-Clause */
/* The edit plan: how a message is rebuilt for the other leg. The control plane's topology writes
 * it, the dataplane's engine follows it; it travels in a verdict as bytes and rests in the arena as
 * the same bytes. Both processes, any thread.
 *
 * limen itself writes Via, From, To, Call-ID, CSeq, Contact, Max-Forwards, Route, Content-Length,
 * RAck, RSeq, Replaces, Refer-To, Session-Expires, Min-SE and Max-Breadth; Record-Route,
 * Proxy-Require, Timestamp and Target-Dialog never cross. For every other header the first rule of
 * its direction that names it decides; a header that no rule names gets the direction's default. */
#pragma once

#include "common/base/cursor.h"
#include "common/sip/sip_msg.h"

#define EDIT_BASE_BYTES_MAX 4080u  /* head, rules and their texts */
#define EDIT_PLAN_BYTES_MAX 20400u /* with all parts */

/* What limen writes itself on each leg, or what is of one hop alone: no rule may name it, or a plan
 * could double it. The one list of them: config, plans and the engine go by it. */
bool edit_plan_reserves(enum sip_hdr_id hdr);

/* Which leg a message goes to: A is the one that called. */
enum edit_direction { EDIT_TO_B = 0, EDIT_TO_A = 1, EDIT_DIRECTIONS };

enum edit_action {
	EDIT_DROP = 0, /* left out */
	EDIT_PASS,     /* copied as it is */
	EDIT_REPLACE,  /* one line with the rule's value in place of all of that name, only if there
			  was one */
	EDIT_SET,      /* one line with the rule's value, whether there was one or not */
	EDIT_HIDE,     /* copied with its URIs behind limen's address towards that leg and without
			  other addresses: hide_header. Without a value */
	EDIT_ACTIONS,
};

/* What a plan says beside its rules: parts behind the texts, in this order; most plans have none. */
enum edit_part {
	EDIT_PART_HEADERS = 0, /* common/sip/header_rules.h */
	EDIT_PART_ANSWERS,     /* common/sip/answer_map.h */
	EDIT_PART_CODECS,      /* common/sdp/codec_plan.h */
	EDIT_PARTS,
};

/* The plan's rules stand behind the head, the texts behind the rules. The first rule of each known
 * name is found by counting bits: those of EDIT_TO_B in order of their ids, then those of
 * EDIT_TO_A, then all other rules as they were given. */
struct edit_plan_head {
	uint32_t magic; /* EDIT_PLAN_MAGIC */
	uint16_t bytes; /* of the whole plan */
	uint16_t nrules;
	uint8_t other[EDIT_DIRECTIONS]; /* EDIT_DROP or EDIT_PASS for headers that no rule names */
	uint16_t nindexed[EDIT_DIRECTIONS]; /* bits set in named[] */
	uint16_t pad;
	uint64_t named[EDIT_DIRECTIONS][2]; /* bit sets of enum sip_hdr_id */
	uint16_t part_bytes[EDIT_PARTS];    /* 0: there is none */
	uint16_t pad2;
};
#define EDIT_PLAN_MAGIC 0x4c504c33u /* "LPL3" */
_Static_assert(sizeof(struct edit_plan_head) == 56, "crosses the process boundary as it is");
_Static_assert(SIP_HDR_IDS_END <= 128, "edit_plan_head's bit sets");

struct edit_rule {
	uint8_t direction;  /* enum edit_direction */
	uint8_t action;	    /* enum edit_action */
	uint8_t hdr;	    /* enum sip_hdr_id; SIP_HDR_OTHER: by name */
	uint8_t name_len;   /* only with SIP_HDR_OTHER */
	uint16_t value_len; /* only with REPLACE and SET */
	uint16_t text_off;  /* of the name, then the value, from the plan's first byte on */
};
_Static_assert(sizeof(struct edit_rule) == 8, "crosses the process boundary as it is");

/* Build on an empty cursor: start, add rules, finish. */
void edit_plan_start(struct cursor *out, enum edit_action other_to_b, enum edit_action other_to_a);
/* `name` is used where hdr is SIP_HDR_OTHER (the name of a known header means that header). Names
 * must be tokens, values hold no CR, LF or NUL and come only with REPLACE and SET, and no rule may
 * name what limen writes itself or what never crosses: else -EINVAL. */
int edit_plan_rule(struct cursor *out, enum edit_direction direction, enum edit_action action,
		   enum sip_hdr_id hdr, struct span name, struct span value);
/* Fill in the head. 0, or -ENOSPC when it did not fit. */
int edit_plan_finish(struct cursor *out);

/* Add a part to a finished plan, in the order of enum edit_part. 0, or -ENOSPC. */
int edit_plan_attach(struct cursor *out, enum edit_part part, struct span bytes);
/* A finished plan, perhaps with other parts, and header rules of its own. `plan` has none. 0, or
 * -ENOSPC. */
int edit_plan_with_headers(struct cursor *out, struct span plan, struct span headers);
/* A part of a checked plan; empty where there is none. */
struct span edit_plan_part(struct span plan, enum edit_part part);

/* Check bytes that came from the other process: lengths, ranges, tokens, no CR, LF or NUL; header
 * rules and answer map too. The codecs are the caller's to check. 0, or -EINVAL. */
int edit_plan_check(struct span plan);

/* What to do with one header line of a checked plan: the action, and for REPLACE its value. */
enum edit_action edit_plan_action(struct span plan, enum edit_direction direction,
				  enum sip_hdr_id hdr, struct span name, struct span *value);

/* Walk a direction's SET rules: *at starts at 0. False at the end. */
bool edit_plan_next_set(struct span plan, enum edit_direction direction, uint32_t *at,
			struct span *name, struct span *value);
