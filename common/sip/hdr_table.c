/* SPDX-License-Identifier: BSD-3-Clause */
/* Header names and their numbers. Both processes, any thread. */
#include "common/sip/hdr_table.h"

#include <stdlib.h>

static const struct {
	struct span name;
	char compact;
} names[SIP_HDR_IDS_END] = {
#define X(sym, text, letter) [SIP_HDR_##sym] = {{text, sizeof(text) - 1}, letter},
	SIP_HDRS(X)
#undef X
};

struct hdr_table hdr_table;

static struct hdr_key key_make(struct span name)
{
	uint8_t bytes[HDR_KEY_BYTES] = {0};
	struct hdr_key key = {.len = (uint32_t)name.len};

	for (size_t i = 0; i < name.len && i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20 : name.ptr[i]);
	memcpy(&key.lo, bytes, sizeof(key.lo));
	memcpy(&key.hi, bytes + sizeof(key.lo), sizeof(key.hi));
	return key;
}

static bool slots_fill(unsigned nentries)
{
	memset(hdr_table.slots, 0, sizeof(hdr_table.slots));
	for (unsigned i = 1; i < nentries; i++) {
		uint8_t *slot = &hdr_table.slots[hdr_slot(hdr_table.multiplier, &hdr_table.entries[i].key)];

		if (*slot)
			return false;
		*slot = (uint8_t)i;
	}
	return true;
}

/* About one multiplier in fifty will do. */
__attribute__((constructor)) static void hdr_table_fill(void)
{
	unsigned n = 1;

	for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
		hdr_table.entries[n++] = (struct hdr_entry){key_make(names[id].name), id};
		if (names[id].compact)
			hdr_table.entries[n++] = (struct hdr_entry){key_make(span_of(&names[id].compact, 1)), id};
	}
	hdr_table.multiplier = UINT64_C(0x9e3779b97f4a7c15);
	for (unsigned tries = 0; !slots_fill(n); tries++) {
		if (tries == 1000000)
			abort(); /* two names that only differ behind their 16th byte: the key must grow */
		hdr_table.multiplier = hdr_table.multiplier * UINT64_C(6364136223846793005) + 1442695040888963407u;
	}
}
_Static_assert(2 * SIP_HDR_IDS_END <= HDR_ENTRIES_MAX, "a name and a compact form each");

enum sip_hdr_id sip_hdr_id_from(struct span name)
{
	struct hdr_key key = key_make(name);
	unsigned id = hdr_key_find(&key);

	return name.len <= HDR_KEY_BYTES || span_ieq(name, names[id].name) ? (enum sip_hdr_id)id : SIP_HDR_OTHER;
}

const char *sip_hdr_name(enum sip_hdr_id id)
{
	return id > SIP_HDR_OTHER && id < SIP_HDR_IDS_END ? names[id].name.ptr : "";
}
