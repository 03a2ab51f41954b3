/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP source descriptions overwritten. Both processes, any thread. */
#include "common/rtp/rtcp.h"

enum { RTCP_SDES = 202, RTCP_BYE = 203 };
enum { SDES_END = 0, SDES_PRIV = 8 };

static uint32_t packet_bytes(const uint8_t *pkt)
{
	return 4u * ((uint32_t)(pkt[2] << 8 | pkt[3]) + 1);
}

/* Section A.2, over the whole datagram: what SRTCP has encrypted does not pass for it. */
static bool is_compound(const uint8_t *pkt, uint32_t len)
{
	if (len == 0)
		return false;
	while (len) {
		uint32_t bytes;

		if (len < 4 || pkt[0] >> 6 != 2 || pkt[1] < 192 || pkt[1] > 223)
			return false;
		bytes = packet_bytes(pkt);
		if (bytes > len)
			return false;
		pkt += bytes;
		len -= bytes;
	}
	return true;
}

/* Letters made from a hash of the text: 4 bits each, a new word of hash for each 16. */
static void text_replace(uint8_t *text, uint32_t len, const struct hash_key *key)
{
	static const char letters[16] = "abcdefghijklmnop";
	uint64_t hash = hash_sip(key, span_of(text, len));

	for (uint32_t i = 0; i < len; i++) {
		if (i && i % 16 == 0)
			hash = hash_sip(key, span_of(&hash, sizeof(hash)));
		text[i] = (uint8_t)letters[hash >> (4 * (i % 16)) & 15];
	}
}

/* One chunk of section 6.5: ssrc, items, a zero and padding to the next 32 bits. The bytes it
 * takes; 0 when it is malformed. */
static uint32_t chunk_hide(uint8_t *chunk, uint32_t len, const struct hash_key *key, bool *changed)
{
	uint32_t at = 4;

	while (at < len && chunk[at] != SDES_END) {
		uint32_t item_len;

		if (len - at < 2)
			return 0;
		item_len = chunk[at + 1];
		if (item_len > len - at - 2)
			return 0;
		if (item_len) {
			/* The length of PRIV's prefix stays; prefix and value go. */
			uint32_t keep = chunk[at] == SDES_PRIV ? 1 : 0;

			text_replace(chunk + at + 2 + keep, item_len - keep, key);
			*changed = true;
		}
		at += 2 + item_len;
	}
	if (at >= len)
		return 0;
	return (at | 3) + 1;
}

static bool sdes_hide(uint8_t *pkt, uint32_t len, const struct hash_key *key)
{
	uint32_t at = 4;
	bool changed = false;

	for (unsigned chunks = pkt[0] & 0x1f; chunks && len - at >= 8; chunks--) {
		uint32_t took = chunk_hide(pkt + at, len - at, key, &changed);

		if (took == 0 || took > len - at)
			break;
		at += took;
	}
	return changed;
}

static bool bye_hide(uint8_t *pkt, uint32_t len, const struct hash_key *key)
{
	uint32_t at = 4 + 4u * (pkt[0] & 0x1f);

	if (at >= len || pkt[at] == 0 || pkt[at] > len - at - 1)
		return false;
	text_replace(pkt + at + 1, pkt[at], key);
	return true;
}

bool rtcp_hide_names(uint8_t *pkt, uint32_t len, const struct hash_key *key)
{
	bool changed = false;

	if (!is_compound(pkt, len))
		return false;
	while (len) {
		uint32_t bytes = packet_bytes(pkt);

		if (pkt[1] == RTCP_SDES)
			changed |= sdes_hide(pkt, bytes, key);
		else if (pkt[1] == RTCP_BYE)
			changed |= bye_hide(pkt, bytes, key);
		pkt += bytes;
		len -= bytes;
	}
	return changed;
}
