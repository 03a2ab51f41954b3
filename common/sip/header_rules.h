/* SPDX-License-Identifier: BSD-3-Clause */
/* Header rules: what trunks' config does to single headers on top of an edit plan. They are a part
 * of the plan (EDIT_PART_HEADERS), written by the control plane, checked and followed by the
 * dataplane. Both processes, any thread.
 *
 * Each rule is of one direction and of some messages; its conditions look at the message as it
 * came. Of the rules that hold, in their order: ADD puts a line beside what crosses; REMOVE takes
 * out all lines of a name, those that crossed and those that rules before it made; REPLACE does the
 * same and puts a line of its own where there was one to take out; SET puts it in any case. */
#pragma once

#include "common/base/cursor.h"
#include "common/sip/sip_msg.h"

#define HEADER_RULES_MAX       64u /* of a plan, both directions */
#define HEADER_CONDS_MAX       64u
#define HEADER_RULES_BYTES_MAX 8160u

enum header_action {
	HEADER_ADD = 0,
	HEADER_REMOVE,
	HEADER_REPLACE,
	HEADER_SET,
	HEADER_ACTIONS,
};

/* Which messages: a bit each. */
enum header_scope {
	HEADER_ON_INITIAL = 1 << 0,  /* the request that begins it all */
	HEADER_ON_LATER = 1 << 1,    /* requests inside the dialog */
	HEADER_ON_RESPONSE = 1 << 2, /* to either */
};
#define HEADER_SCOPES 7u

enum header_test {
	HEADER_PRESENT = 0,
	HEADER_ABSENT,
	HEADER_EQUALS, /* any line of the name has this value, in any case */
	HEADER_BEGINS, /* any line's value begins with it, in any case */
	HEADER_TESTS,
};

/* In a value these two enclose the name of a header of the message: its first line's value comes in
 * their place. */
#define HEADER_SLOT_OPEN  '\x01'
#define HEADER_SLOT_CLOSE '\x02'

/* The part: this head, the rules, the conditions, the texts. */
struct header_rules_head {
	uint16_t nrules;
	uint16_t nconds;
};

struct header_rule {
	uint8_t direction; /* enum edit_direction */
	uint8_t action;	   /* enum header_action */
	uint8_t scope;	   /* enum header_scope */
	uint8_t hdr;	   /* enum sip_hdr_id; SIP_HDR_OTHER: by name */
	uint8_t name_len;  /* only with SIP_HDR_OTHER */
	uint8_t nconds;	   /* all must hold; they lie behind those of the rule before */
	uint16_t first_cond;
	uint16_t value_len; /* not with REMOVE */
	uint16_t text_off;  /* of the name, then the value, from the part's first byte on */
	uint32_t methods;   /* a bit for each enum sip_method; 0: all */
};
_Static_assert(sizeof(struct header_rule) == 16, "crosses the process boundary as it is");

struct header_cond {
	uint8_t test; /* enum header_test */
	uint8_t hdr;
	uint8_t name_len; /* only with SIP_HDR_OTHER */
	uint8_t pad;
	uint16_t value_len; /* only with EQUALS and BEGINS */
	uint16_t text_off;
};
_Static_assert(sizeof(struct header_cond) == 8, "crosses the process boundary as it is");

/* Whether rules may do that to a header: not to what limen writes itself, what tells how the body
 * is to be read, or what a message means something else without. Of what names extensions lines
 * may be taken out, not put in. */
bool header_rule_may(enum sip_hdr_id hdr, enum header_action action);

/* ---- written ---- */

struct header_cond_text {
	enum header_test test;
	struct span name;  /* a token */
	struct span value; /* with EQUALS and BEGINS */
};

struct header_rule_text {
	uint8_t direction; /* enum edit_direction */
	enum header_action action;
	unsigned scope; /* enum header_scope */
	uint32_t methods;
	struct span name;
	struct span value; /* with slots */
	const struct header_cond_text *conds;
	unsigned nconds;
};

/* The whole part from its rules, in their order. 0; -EINVAL for what header_rules_check would
 * refuse; -ENOSPC. */
int header_rules_put(struct cursor *out, const struct header_rule_text *rules, unsigned n);

/* ---- followed ---- */

/* Bytes of the other process: 0, or -EINVAL. */
int header_rules_check(struct span part);

/* The rules that hold for a message: a bit each. `scope` is one bit of enum header_scope. */
uint64_t header_rules_active(struct span part, unsigned direction, unsigned scope,
			     const struct sip_msg *msg);
/* Whether one of them takes out the message's own lines of that name. */
bool header_rules_take(struct span part, uint64_t active, enum sip_hdr_id hdr, struct span name);
/* The lines that they make. */
void header_rules_put_lines(struct cursor *out, struct span part, uint64_t active,
			    const struct sip_msg *msg);

/* ---- texts ---- */

/* Where in a header value a variable stands: that decides what could break out of there. */
enum value_place {
	VALUE_PLAIN = 0, /* between words */
	VALUE_QUOTED,	 /* inside "..." */
	VALUE_URI,	 /* inside <...> */
};
/* The place behind `text`, which begins in `place`. */
enum value_place value_place_after(enum value_place place, struct span text);
/* Foreign text in a header value: one line, and it ends nothing that was begun before it. Control
 * characters become blanks; inside quotes, quotes and backslashes are escaped; inside brackets what
 * no URI holds is. */
void put_value_text(struct cursor *out, enum value_place place, struct span text);
