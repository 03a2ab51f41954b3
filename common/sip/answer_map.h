/* SPDX-License-Identifier: BSD-3-Clause */
/* Answer map: which codes of responses become which others. A part of the edit plan
 * (EDIT_PART_ANSWERS), written by the control plane, checked and followed by the dataplane. Both
 * processes, any thread. */
#pragma once

#include "common/base/cursor.h"

#define ANSWER_RULES_MAX     64u
#define ANSWER_MAP_BYTES_MAX 4080u

/* When a rule is looked up: as an answer comes from a side, or as it goes to one. */
enum answer_way { ANSWER_CAME = 0, ANSWER_GOES, ANSWER_WAYS };

/* The part: rules one behind the other, then their texts. */
struct answer_rule {
	uint16_t low, high; /* codes, both in it */
	uint16_t to;
	uint8_t way;	    /* enum answer_way */
	uint8_t side;	    /* which side it came from or goes to: 0 called, 1 was called */
	uint8_t phrase_len; /* 0: the usual one */
	uint8_t reason_len; /* value of a Reason header; 0: none is added */
	uint16_t text_off;  /* phrase, then reason, from the part's first byte on */
};
_Static_assert(sizeof(struct answer_rule) == 12, "crosses the process boundary as it is");

/* What a code becomes. */
struct answer {
	uint16_t status;
	struct span phrase; /* empty: the usual one */
	struct span reason; /* value of a Reason header; may be empty */
};

/* Codes that rules can be about: ringing (180 to 189), and refusals but those by which SIP itself
 * works (challenges, what a request needs or may not have, dialogs that are not there, requests
 * that crossed). Redirections are a trunk's `redirect`. */
bool answer_is_mapped(uint16_t status);
/* Whether a code may become another: ringing stays ringing, a refusal a refusal. */
bool answer_may_become(uint16_t from, uint16_t to);

struct answer_rule_text {
	struct answer_rule head; /* without lengths and offset */
	struct span phrase, reason;
};
/* The whole part. 0; -EINVAL for what answer_map_check would refuse; -ENOSPC. */
int answer_map_put(struct cursor *out, const struct answer_rule_text *rules, unsigned n);
/* Bytes of the other process: 0, or -EINVAL. */
int answer_map_check(struct span part);
/* The first rule of that way and side that has the code decides; without one it stays. */
struct answer answer_map_find(struct span part, enum answer_way way, unsigned side,
			      uint16_t status);
