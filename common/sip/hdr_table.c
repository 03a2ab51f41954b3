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

#define X(sym, text, letter)                                                                       \
	_Static_assert(sizeof(text) - 1 <= HDR_NAME_MAX, "hdr_key holds every name: " text);
SIP_HDRS(X)
#undef X
struct hdr_table hdr_table;

static uint8_t lower(char c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static union hdr_key key_make(struct span name)
{
	union hdr_key key = {0};

	for (size_t i = 0; i < name.len; i++)
		key.bytes[i] = lower(name.ptr[i]);
	return key;
}

static unsigned slot_of(const union hdr_key *key, uint32_t len)
{
	char line[2 + HDR_NAME_MAX] = "\r\n";

	memcpy(line + 2, key->bytes, len);
	return hdr_slot(hdr_table.multiplier, hdr_load2(line + 2), hdr_load4(line + len - 2), len);
}

static bool slots_fill(void)
{
	memset(hdr_table.slots, 0, sizeof(hdr_table.slots));
	for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
		uint8_t *slot = &hdr_table.slots[slot_of(&hdr_table.keys[id], hdr_table.lens[id])];

		if (*slot)
			return false;
		*slot = (uint8_t)id;
	}
	return true;
}

/* About one multiplier in twenty will do. */
__attribute__((constructor)) static void hdr_table_fill(void)
{
	for (unsigned id = 1; id < SIP_HDR_IDS_END; id++) {
		hdr_table.keys[id] = key_make(names[id].name);
		hdr_table.lens[id] = (uint8_t)names[id].name.len;
		if (names[id].compact) {
			hdr_table.compact[(uint8_t)names[id].compact] = (uint8_t)id;
			hdr_table.compact[(uint8_t)names[id].compact & ~0x20] = (uint8_t)id;
		}
	}
	hdr_table.multiplier = 0x9e3779b1;
	for (unsigned tries = 0; !slots_fill(); tries++) {
		if (tries == 1000000)
			abort(); /* two names look the same to hdr_slot */
		hdr_table.multiplier = hdr_table.multiplier * 747796405u + 2891336453u;
	}
}

enum sip_hdr_id sip_hdr_id_from(struct span name)
{
	union hdr_key key;
	unsigned id;

	if (name.len == 0 || name.len > HDR_NAME_MAX)
		return SIP_HDR_OTHER;
	if (name.len == 1)
		return (enum sip_hdr_id)hdr_table.compact[(uint8_t)name.ptr[0]];
	key = key_make(name);
	id = hdr_table.slots[slot_of(&key, (uint32_t)name.len)];
	if (memcmp(&hdr_table.keys[id], &key, sizeof(key)) != 0)
		return SIP_HDR_OTHER;
	return (enum sip_hdr_id)id;
}

const char *sip_hdr_name(enum sip_hdr_id id)
{
	return id > SIP_HDR_OTHER && id < SIP_HDR_IDS_END ? names[id].name.ptr : "";
}
