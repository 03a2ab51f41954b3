/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports of RTCP read, and sources by other numbers. */
#include "common/rtp/rtcp.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* SR of 0x01020304 with two report blocks, then RR of 0x0a0b0c0d with none, SDES, and XR with
 * reference time, an unknown block, DLRR of two, and VoIP metrics. */
static const uint8_t compound[] = {
	0x82, 200, 0, 18, 1, 2, 3, 4,
	0xaa, 0xaa, 0x11, 0x22, 0x33, 0x44, 0xbb, 0xbb, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3,
	5, 6, 7, 8, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 9, 0, 0, 0, 80,
	0x55, 0x66, 0x77, 0x88, 0, 1, 0, 0,
	9, 9, 9, 9, 0, 0, 1, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x80, 201, 0, 1, 10, 11, 12, 13,
	0x81, 202, 0, 2, 1, 2, 3, 4, 0, 0, 0, 0,
	0x80, 207, 0, 22, 1, 2, 3, 4,
	4, 0, 0, 2, 0, 0, 0x99, 0x88, 0x77, 0x66, 0, 0,
	200, 0, 0, 1, 5, 5, 5, 5,
	5, 0, 0, 6, 5, 6, 7, 8, 1, 1, 1, 1, 0, 0, 0, 5, 6, 6, 6, 6, 2, 2, 2, 2, 0, 0, 0, 6,
	7, 0, 0, 8, 5, 6, 7, 8, 26, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	80, 127, 41, 38, 0, 0, 0, 0, 0, 0, 0, 0,
};

Test(rtcp_read, everything_it_says)
{
	struct rtcp_walk walk = {.pkt = compound, .len = sizeof(compound)};
	struct rtcp_item item;

	cr_assert(rtcp_is_compound(compound, sizeof(compound)));
	cr_assert(rtcp_next(&walk, &item));
	cr_expect(item.kind == RTCP_ITEM_SENT && item.from == 0x01020304 &&
		  item.mark == 0x11223344);
	cr_assert(rtcp_next(&walk, &item));
	cr_expect(item.kind == RTCP_ITEM_REPORT && item.from == 0x01020304 &&
		  item.ssrc == 0x05060708 && item.fraction_lost == 64 && item.lost == -2 &&
		  item.seq_max == 0x10009 && item.jitter == 80 && item.mark == 0x55667788 &&
		  item.delay == 65536);
	cr_assert(rtcp_next(&walk, &item));
	cr_expect(item.kind == RTCP_ITEM_REPORT && item.ssrc == 0x09090909 && item.lost == 256 &&
		  item.mark == 0);
	cr_assert(rtcp_next(&walk, &item));
	cr_expect(item.kind == RTCP_ITEM_ASKED && item.mark == 0x99887766);
	cr_assert(rtcp_next(&walk, &item));
	cr_expect(item.kind == RTCP_ITEM_ANSWERED && item.ssrc == 0x05060708 &&
		  item.mark == 0x01010101 && item.delay == 5);
	cr_assert(rtcp_next(&walk, &item));
	cr_expect(item.kind == RTCP_ITEM_ANSWERED && item.ssrc == 0x06060606);
	cr_assert(rtcp_next(&walk, &item));
	cr_expect(item.kind == RTCP_ITEM_VOIP && item.ssrc == 0x05060708 &&
		  item.fraction_lost == 26 && item.mos_lq_x10 == 41 && item.mos_cq_x10 == 38);
	cr_expect_not(rtcp_next(&walk, &item));
}

/* Cut anywhere, each byte behind the end out of reach. */
Test(rtcp_read, cut_anywhere)
{
	for (uint32_t len = 0; len < sizeof(compound); len++) {
		uint8_t *pkt = malloc(len ? len : 1);
		struct rtcp_walk walk = {.pkt = pkt, .len = len};
		struct rtcp_item item;
		unsigned n = 0;

		memcpy(pkt, compound, len);
		while (rtcp_next(&walk, &item))
			n++;
		cr_expect_lt(n, 7);
		free(pkt);
	}
}

Test(rtcp_mask, own_and_others)
{
	uint8_t pkt[sizeof(compound)];

	memcpy(pkt, compound, sizeof(pkt));
	cr_assert(rtcp_mask_ssrcs(pkt, sizeof(pkt), 0x10101010, 0x20202020));
	/* Sender of SR, RR, SDES chunk, XR: the first. Report blocks, DLRR, VoIP: the second. */
	static const struct {
		unsigned at;
		uint8_t first;
	} changed[] = {{4, 0x11}, {28, 0x25}, {52, 0x29}, {80, 0x1a}, {88, 0x11}, {100, 0x11},
		       {116 + 4, 0x25}, {124 + 4, 0x25}, {136 + 4, 0x26}, {148 + 8, 0x25}};
	uint8_t undone[sizeof(compound)];

	for (unsigned i = 0; i < sizeof(changed) / sizeof(changed[0]); i++)
		cr_expect_eq(pkt[changed[i].at], changed[i].first, "at %u: %02x", changed[i].at,
			     pkt[changed[i].at]);
	memcpy(undone, pkt, sizeof(undone));
	cr_assert(rtcp_mask_ssrcs(undone, sizeof(undone), 0x10101010, 0x20202020));
	cr_expect_arr_eq(undone, compound, sizeof(compound));
	cr_expect_not(rtcp_mask_ssrcs(pkt, sizeof(pkt), 0, 0));
	pkt[3]++;
	cr_expect_not(rtcp_mask_ssrcs(pkt, sizeof(pkt), 1, 1), "no compound, so it stays");
}

/* BYE of two sources; PLI; FIR, whose media source is 0 and stands in its entry; NACK. */
Test(rtcp_mask, bye_and_feedback)
{
	uint8_t pkt[] = {
		0x82, 203, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8,
		0x81, 206, 0, 2, 1, 2, 3, 4, 9, 9, 9, 9,
		0x84, 206, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0, 9, 9, 9, 9, 1, 0, 0, 0,
		0x81, 205, 0, 3, 1, 2, 3, 4, 9, 9, 9, 9, 0, 77, 0, 0,
	};

	cr_assert(rtcp_mask_ssrcs(pkt, sizeof(pkt), 0x10000000, 0x20000000));
	cr_expect(pkt[4] == 0x11 && pkt[8] == 0x15);
	cr_expect(pkt[16] == 0x11 && pkt[20] == 0x29);
	cr_expect(pkt[28] == 0x11 && pkt[32] == 0 && pkt[36] == 0x29 && pkt[40] == 1);
	cr_expect(pkt[48] == 0x11 && pkt[52] == 0x29 && pkt[56] == 0 && pkt[57] == 77);
}
