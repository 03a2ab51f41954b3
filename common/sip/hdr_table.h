/* SPDX-License-Identifier: BSD-3-Clause */
/* Header names to numbers by one multiplication and one comparison, whatever the name. Private to
 * common/sip. Both processes, any thread. */
#pragma once

#include "common/sip/sip_msg.h"

#define HDR_SLOT_BITS 10u
#define HDR_NAME_MAX  32u

/* A name in lower case, zeros behind it. */
union hdr_key {
	uint8_t bytes[HDR_NAME_MAX];
	uint64_t words[HDR_NAME_MAX / 8];
};

/* Filled before main and never written again. The multiplier is found then too, so that no two
 * names share a slot and a header added to SIP_HDRS needs nothing else. */
struct hdr_table {
	uint32_t multiplier;
	uint8_t slots[1u << HDR_SLOT_BITS]; /* the only enum sip_hdr_id it can be, or OTHER */
	uint8_t compact[256];		    /* the same for a name of one letter, of either case */
	uint8_t lens[SIP_HDR_IDS_END];
	union hdr_key keys[SIP_HDR_IDS_END];
};
extern struct hdr_table hdr_table;

/* Of a name of 2 bytes or more: its first two bytes and its last four tell all names apart. A
 * shorter one counts as if CR LF stood before it, as they do before a line. */
static inline unsigned hdr_slot(uint32_t multiplier, uint32_t head2, uint32_t tail4, uint32_t len)
{
	return (((tail4 | 0x20202020) ^ (head2 | 0x2020) << 13) + len) * multiplier >>
	       (32 - HDR_SLOT_BITS);
}

static inline uint32_t hdr_load2(const char *p)
{
	uint16_t bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return bytes;
}

static inline uint32_t hdr_load4(const char *p)
{
	uint32_t bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return bytes;
}
