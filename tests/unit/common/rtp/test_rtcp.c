/* SPDX-License-Identifier: BSD-3-Clause */
/* What RTCP says of its sender is overwritten, and nothing else. */
#include "common/rtp/rtcp.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const struct hash_key key = {{1, 2}};

/* Receiver report, then a source description with CNAME "alice@10.0.0.1" and TOOL "phone", then BYE
 * with the reason "bye". */
static const uint8_t compound[] = {
	0x80, 201, 0,	1,   1,	   2,	3,   4,	  0x81, 202, 0,	  7,   1,   2,	 3,   4,   1,	14,
	'a',  'l', 'i', 'c', 'e',  '@', '1', '0', '.',	'0', '.', '0', '.', '1', 6,   5,   'p', 'h',
	'o',  'n', 'e', 0,   0x81, 203, 0,   2,	  1,	2,   3,	  4,   3,   'b', 'y', 'e',
};
enum { CNAME_AT = 18, CNAME_LEN = 14, TOOL_AT = 34, TOOL_LEN = 5, REASON_AT = 49, REASON_LEN = 3 };

static bool is_hidden_byte(size_t at)
{
	return (at >= CNAME_AT && at < CNAME_AT + CNAME_LEN) ||
	       (at >= TOOL_AT && at < TOOL_AT + TOOL_LEN) ||
	       (at >= REASON_AT && at < REASON_AT + REASON_LEN);
}

Test(rtcp, texts_are_overwritten_in_place)
{
	uint8_t pkt[sizeof(compound)];

	memcpy(pkt, compound, sizeof(pkt));
	cr_assert(rtcp_hide_names(pkt, sizeof(pkt), &key));
	for (size_t i = 0; i < sizeof(pkt); i++) {
		if (is_hidden_byte(i))
			cr_assert(pkt[i] >= 'a' && pkt[i] <= 'p', "byte %zu", i);
		else
			cr_assert_eq(pkt[i], compound[i], "byte %zu", i);
	}
	cr_assert(memcmp(pkt + CNAME_AT, compound + CNAME_AT, CNAME_LEN));
	cr_assert(memcmp(pkt + TOOL_AT, compound + TOOL_AT, TOOL_LEN));
}

/* Sources of one endpoint belong together by their CNAME (section 6.5.1): equal stays equal,
 * unequal unequal, and another key makes other names. */
Test(rtcp, names_still_tell_sources_apart)
{
	static const struct hash_key other_key = {{1, 3}};
	uint8_t a[sizeof(compound)], b[sizeof(compound)], c[sizeof(compound)];

	memcpy(a, compound, sizeof(a));
	memcpy(b, compound, sizeof(b));
	memcpy(c, compound, sizeof(c));
	rtcp_hide_names(a, sizeof(a), &key);
	rtcp_hide_names(b, sizeof(b), &key);
	cr_assert_arr_eq(a, b, sizeof(a));
	rtcp_hide_names(b, sizeof(b), &other_key);
	cr_assert(memcmp(a + CNAME_AT, b + CNAME_AT, CNAME_LEN));
	c[CNAME_AT]++;
	rtcp_hide_names(c, sizeof(c), &key);
	cr_assert(memcmp(a + CNAME_AT, c + CNAME_AT, CNAME_LEN));
}

Test(rtcp, long_text)
{
	uint8_t pkt[4 + 4 + 2 + 255 + 3] = {0x81, 202, 0, 66, [8] = 1, [9] = 255};
	unsigned distinct = 0;

	memset(pkt + 10, 'x', 255);
	cr_assert(rtcp_hide_names(pkt, sizeof(pkt), &key));
	for (unsigned i = 0; i < 255; i++)
		cr_assert(pkt[10 + i] >= 'a' && pkt[10 + i] <= 'p');
	for (unsigned i = 16; i < 255; i++)
		distinct += pkt[10 + i] != pkt[10 + i - 16];
	cr_assert_gt(distinct, 100, "not one word over and over");
	cr_assert_eq(pkt[265], 0);
}

Test(rtcp, private_item_keeps_its_prefix_length)
{
	uint8_t pkt[16] = {0x81, 202, 0, 3, 0, 0, 0, 1, 8, 5, 2, 'm', 'e', 'x', 'y', 0};

	cr_assert(rtcp_hide_names(pkt, sizeof(pkt), &key));
	cr_assert_eq(pkt[9], 5);
	cr_assert_eq(pkt[10], 2);
	cr_assert(memcmp(pkt + 11, "mexy", 4));
}

Test(rtcp, nothing_to_hide)
{
	uint8_t rr[8] = {0x80, 201, 0, 1};
	uint8_t bye[8] = {0x81, 203, 0, 1};
	uint8_t empty_sdes[4] = {0x80, 202, 0, 0};
	uint8_t sdes_without_items[12] = {0x81, 202, 0, 2, 0, 0, 0, 1};

	cr_assert_not(rtcp_hide_names(rr, sizeof(rr), &key));
	cr_assert_not(rtcp_hide_names(bye, sizeof(bye), &key));
	cr_assert_not(rtcp_hide_names(empty_sdes, sizeof(empty_sdes), &key));
	cr_assert_not(rtcp_hide_names(sdes_without_items, sizeof(sdes_without_items), &key));
	cr_assert_not(rtcp_hide_names(NULL, 0, &key));
}

/* What follows the first eight bytes of SRTCP is cipher text: it must not be touched. */
Test(rtcp, what_is_no_compound_is_left_alone)
{
	uint8_t pkt[sizeof(compound) + 14], before[sizeof(pkt)];

	memcpy(pkt, compound, sizeof(compound));
	memset(pkt + sizeof(compound), 0x5a, 14);
	memcpy(before, pkt, sizeof(pkt));
	cr_assert_not(rtcp_hide_names(pkt, sizeof(pkt), &key));
	cr_assert_arr_eq(pkt, before, sizeof(pkt));
}

/* Any bytes, any length: nothing outside the packet is touched (the sanitizer watches), and the
 * framing stays. */
Test(rtcp, any_bytes)
{
	uint32_t state = 1;

	for (unsigned run = 0; run < 200000; run++) {
		uint32_t len = 4 * (1 + run % 16);
		uint8_t *pkt = malloc(len);
		uint32_t at = 0;

		for (uint32_t i = 0; i < len; i++) {
			state = state * 1664525u + 1013904223u;
			pkt[i] = (uint8_t)(state >> 24) & (run & 1 ? 0xff : 0x0f);
		}
		while (at < len) {
			uint32_t words = pkt[at + 3] % ((len - at) / 4);

			pkt[at] = (uint8_t)(0x80 | (pkt[at] & 0x1f));
			pkt[at + 1] = run & 2 ? 202 : 203;
			pkt[at + 2] = 0;
			pkt[at + 3] = (uint8_t)words;
			at += 4 * (words + 1);
		}
		rtcp_hide_names(pkt, len, &key);
		for (at = 0; at < len; at += 4 * (pkt[at + 3] + 1u))
			cr_assert(pkt[at + 1] == 202 || pkt[at + 1] == 203);
		cr_assert_eq(at, len);
		free(pkt);
	}
}
