/* SPDX-License-Identifier: BSD-3-Clause */
/* The edit plan: how a message is rebuilt for the other leg. The control plane's topology writes it, the dataplane's
 * engine follows it; it travels in a verdict as bytes and rests in the arena as the same bytes. Both processes, any thread.
 *
 * limen itself always writes Via, From, To, Call-ID, CSeq, Contact, Max-Forwards, Route, Content-Length, and RAck;
 * Record-Route never crosses. For every other header the first rule of its direction that names it decides; a header that
 * no rule names gets the direction's default. */
#pragma once

#include "common/base/cursor.h"
#include "common/sip/sip_msg.h"

#define EDIT_PLAN_BYTES_MAX 4080u

/* Which leg a message goes to: A is the one that called. */
enum edit_direction { EDIT_TO_B = 0, EDIT_TO_A = 1, EDIT_DIRECTIONS };

enum edit_action {
	EDIT_DROP = 0, /* left out */
	EDIT_PASS,     /* copied as it is */
	EDIT_REPLACE,  /* one line with the rule's value in place of all of that name, only if there was one */
	EDIT_SET,      /* one line with the rule's value, whether there was one or not */
	EDIT_ACTIONS,
};

struct edit_plan_head {
	uint32_t magic; /* EDIT_PLAN_MAGIC */
	uint16_t bytes; /* head and rules */
	uint16_t nrules;
	uint8_t other[EDIT_DIRECTIONS]; /* EDIT_DROP or EDIT_PASS for headers that no rule names */
	uint8_t pad[6];
};
#define EDIT_PLAN_MAGIC 0x4c504c31u /* "LPL1" */

/* A rule; name and value follow it. The next begins at the next multiple of 4. */
struct edit_rule {
	uint8_t direction; /* enum edit_direction */
	uint8_t action;    /* enum edit_action */
	uint8_t hdr;       /* enum sip_hdr_id; SIP_HDR_OTHER: by name */
	uint8_t name_len;  /* only with SIP_HDR_OTHER */
	uint16_t value_len; /* only with REPLACE and SET */
	uint16_t pad;
};

/* Build: start, add rules, finish. */
void edit_plan_start(struct cursor *out, enum edit_action other_to_b, enum edit_action other_to_a);
/* `name` is used where hdr is SIP_HDR_OTHER. Names must be tokens and values hold no CR, LF or NUL: else -EINVAL. */
int edit_plan_rule(struct cursor *out, enum edit_direction direction, enum edit_action action, enum sip_hdr_id hdr,
		   struct span name, struct span value);
/* Fill in the head. 0, or -ENOSPC when it did not fit. */
int edit_plan_finish(struct cursor *out);

/* Check bytes that came from the other process: lengths, ranges, tokens, no CR, LF or NUL. 0, or -EINVAL. */
int edit_plan_check(struct span plan);

/* What to do with one header line of a checked plan: the action, and for REPLACE its value. */
enum edit_action edit_plan_action(struct span plan, enum edit_direction direction, enum sip_hdr_id hdr, struct span name,
				  struct span *value);

/* Walk a direction's SET rules: *at starts at 0. False at the end. */
bool edit_plan_next_set(struct span plan, enum edit_direction direction, uint32_t *at, struct span *name, struct span *value);
