/* SPDX-License-Identifier: BSD-3-Clause */
/* Codec plans: what two trunks' config says of codecs. A part of the edit plan
 * (EDIT_PART_CODECS), written by the control plane, checked and followed by the dataplane. Sides
 * are numbered as calls' are: 0 called, 1 was called. Both processes, any thread. */
#pragma once

#include "common/base/cursor.h"

#define CODEC_LIST_MAX       32u /* names of one list */
#define CODEC_PLAN_BYTES_MAX 4080u
#define CODEC_NAME_MAX       32u

enum codec_type { CODEC_ANY_TYPE = 0, CODEC_AUDIO, CODEC_VIDEO, CODEC_TEXT, CODEC_TYPES };

/* What a list names: an encoding in any case, at a clock rate, with so many channels. */
struct codec_name {
	struct span name;  /* empty: all of that type */
	uint32_t rate;	   /* 0: any */
	uint8_t channels;  /* 0: any */
	uint8_t type;	   /* enum codec_type */
};

/* "opus", "opus/48000", "opus/48000/2", "audio/" followed by a star: all audio. 0, or -EINVAL. */
int codec_name_read(struct span text, struct codec_name *name);
/* Whether an encoding in a section of that type ("audio") is meant. */
bool codec_name_means(const struct codec_name *name, struct span type, struct span encoding,
		      uint32_t rate, unsigned channels);

enum codec_list {
	CODEC_ALLOW_0 = 0, /* side 0's trunk takes these only; empty: all */
	CODEC_ALLOW_1,
	CODEC_DENY,    /* neither side gets these */
	CODEC_ORDER_0, /* in what side 0 is sent these come first */
	CODEC_ORDER_1,
	CODEC_LISTS,
};

/* The part: this head, the items of all lists in their order, their texts. */
struct codec_plan_head {
	uint8_t nitems[CODEC_LISTS];
	uint8_t ptime_ms[2]; /* a=ptime in what that side is sent; 0: as it came */
	uint8_t maxptime_ms[2];
	uint8_t pad[3];
};
_Static_assert(sizeof(struct codec_plan_head) == 12, "crosses the process boundary as it is");

struct codec_item {
	uint32_t rate;
	uint16_t text_off; /* from the part's first byte on */
	uint8_t name_len;
	uint8_t channels;
	uint8_t type; /* enum codec_type */
	uint8_t pad[3];
};
_Static_assert(sizeof(struct codec_item) == 12, "crosses the process boundary as it is");

struct codec_plan_text {
	const struct codec_name *names[CODEC_LISTS];
	unsigned nnames[CODEC_LISTS];
	uint8_t ptime_ms[2];
	uint8_t maxptime_ms[2];
};
/* The whole part. 0; -EINVAL for what codec_plan_check would refuse; -ENOSPC. */
int codec_plan_put(struct cursor *out, const struct codec_plan_text *text);
/* Bytes of the other process: 0, or -EINVAL. */
int codec_plan_check(struct span part);

/* Of a checked plan that is not empty. */
struct codec_plan_head codec_plan_head(struct span part);
/* The place in a list of the first name that means it; -1: none does. */
int codec_plan_find(struct span part, enum codec_list list, struct span type, struct span encoding,
		    uint32_t rate, unsigned channels);
