/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP source descriptions overwritten. Both processes, any thread. */
#include "common/rtp/rtcp.h"

enum { SDES_END = 0, SDES_PRIV = 8 };

static uint32_t packet_bytes(const uint8_t *pkt)
{
	return 4u * ((uint32_t)(pkt[2] << 8 | pkt[3]) + 1);
}

bool rtcp_is_compound(const uint8_t *pkt, uint32_t len)
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

	if (!rtcp_is_compound(pkt, len))
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

/* --- sources by other numbers --- */

static void mask32(uint8_t *at, uint32_t mask)
{
	at[0] ^= (uint8_t)(mask >> 24);
	at[1] ^= (uint8_t)(mask >> 16);
	at[2] ^= (uint8_t)(mask >> 8);
	at[3] ^= (uint8_t)mask;
}

/* Every `stride` bytes from `at` on, `n` of them as far as there is room. */
static void mask_each(uint8_t *pkt, uint32_t bytes, uint32_t at, uint32_t stride, unsigned n,
		      uint32_t mask)
{
	for (; n && bytes >= 4 && at <= bytes - 4; n--, at += stride)
		mask32(pkt + at, mask);
}

/* The chunks of an SDES: each begins with a source. */
static void sdes_mask(uint8_t *pkt, uint32_t bytes, uint32_t mask)
{
	uint32_t at = 4;

	for (unsigned chunks = pkt[0] & 0x1f; chunks && bytes - at >= 8; chunks--) {
		mask32(pkt + at, mask);
		at += 4;
		while (at < bytes && pkt[at] != SDES_END)
			at += bytes - at >= 2 ? 2u + pkt[at + 1] : 1u;
		at = (at | 3) + 1;
		if (at > bytes)
			return;
	}
}

/* Blocks of RFC 3611 that begin with a source; a DLRR has one in each sub-block. */
static void xr_mask(uint8_t *pkt, uint32_t bytes, uint32_t about)
{
	uint32_t at = 8;

	while (bytes >= 4 && at <= bytes - 4) {
		uint32_t block_bytes = packet_bytes(pkt + at);

		if (block_bytes > bytes - at)
			return;
		if (pkt[at] == 5)
			mask_each(pkt + at, block_bytes, 4, 12, block_bytes / 12, about);
		else if (pkt[at] != 4) /* receiver reference time: none */
			mask_each(pkt + at, block_bytes, 4, 4, 1, about);
		at += block_bytes;
	}
}

/* 0 stands for no source, and stays; so does what would become 0. */
static void mask_unless_none(uint8_t *at, uint32_t mask)
{
	uint8_t none[4] = {0};

	if (!memcmp(at, none, 4))
		return;
	mask32(at, mask);
	if (!memcmp(at, none, 4))
		mask32(at, mask);
}

/* Feedback speaks of a source in its head, and in each entry where that is 0 (RFC 5104: FIR,
 * TMMBR, TMMBN, TSTR, TSTN). */
static void feedback_mask(uint8_t *pkt, uint32_t bytes, uint32_t about)
{
	uint8_t format = pkt[0] & 0x1f;
	bool entries = pkt[1] == RTCP_RTPFB ? format == 3 || format == 4
					    : format >= 4 && format <= 7;

	if (bytes < 12)
		return;
	mask_unless_none(pkt + 8, about);
	if (entries)
		mask_each(pkt, bytes, 12, 8, bytes / 8, about);
	/* REMB, an application's own: a count, a rate of 24 bits, and sources. */
	if (pkt[1] == RTCP_PSFB && format == 15 && bytes >= 20 && !memcmp(pkt + 12, "REMB", 4))
		mask_each(pkt, bytes, 20, 4, pkt[16], about);
}

bool rtcp_mask_ssrcs(uint8_t *pkt, uint32_t len, uint32_t own, uint32_t about)
{
	if ((own | about) == 0 || !rtcp_is_compound(pkt, len))
		return false;
	while (len) {
		uint32_t bytes = packet_bytes(pkt);
		unsigned count = pkt[0] & 0x1f;

		if (pkt[1] == RTCP_SDES)
			sdes_mask(pkt, bytes, own);
		else if (pkt[1] == RTCP_BYE)
			mask_each(pkt, bytes, 4, 4, count, own);
		else
			mask_each(pkt, bytes, 4, 4, 1, own);
		if (pkt[1] == RTCP_SR)
			mask_each(pkt, bytes, 28, 24, count, about);
		else if (pkt[1] == RTCP_RR)
			mask_each(pkt, bytes, 8, 24, count, about);
		else if (pkt[1] == RTCP_XR)
			xr_mask(pkt, bytes, about);
		else if (pkt[1] == RTCP_RTPFB || pkt[1] == RTCP_PSFB)
			feedback_mask(pkt, bytes, about);
		pkt += bytes;
		len -= bytes;
	}
	return true;
}
