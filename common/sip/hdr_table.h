/* SPDX-License-Identifier: BSD-3-Clause */
/* Header names to numbers by one multiplication and one comparison, whatever the name. Private to common/sip.
 * Both processes, any thread. */
#pragma once

#include "common/sip/sip_msg.h"

#define HDR_SLOT_BITS   10u
#define HDR_ENTRIES_MAX 256u
#define HDR_KEY_BYTES   16u

/* A name's first 16 bytes in lower case, zeros behind a shorter one, and its length. */
struct hdr_key {
	uint64_t lo, hi;
	uint32_t len;
};

struct hdr_entry {
	struct hdr_key key;
	uint32_t id; /* enum sip_hdr_id */
};

/* Filled before main and never written again. The multiplier is found then too, so that no two names share a slot and
 * a header added to SIP_HDRS needs nothing else. */
struct hdr_table {
	uint64_t multiplier;
	uint8_t slots[1u << HDR_SLOT_BITS]; /* index in entries; entry 0 is nobody's */
	struct hdr_entry entries[HDR_ENTRIES_MAX];
};
extern struct hdr_table hdr_table;

static inline unsigned hdr_slot(uint64_t multiplier, const struct hdr_key *key)
{
	return (unsigned)(((key->lo ^ (key->hi << 29 | key->hi >> 35)) + key->len) * multiplier >> (64 - HDR_SLOT_BITS));
}

/* SIP_HDR_OTHER for a stranger. Of a name longer than a key only its beginning and its length were compared. */
static inline unsigned hdr_key_find(const struct hdr_key *key)
{
	const struct hdr_entry *entry = &hdr_table.entries[hdr_table.slots[hdr_slot(hdr_table.multiplier, key)]];
	bool same = ((entry->key.lo ^ key->lo) | (entry->key.hi ^ key->hi) | (entry->key.len ^ key->len)) == 0;

	return same ? entry->id : SIP_HDR_OTHER;
}
