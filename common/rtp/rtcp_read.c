/* SPDX-License-Identifier: BSD-3-Clause */
/* Reports of RTCP read (RFC 3550 section 6.4, RFC 3611 sections 4.4, 4.5, 4.7). Both processes, any
 * thread. */
#include "common/rtp/rtcp.h"

#define REPORT_BYTES	24u
#define SENDER_BYTES	28u /* of an SR in front of its reports */
#define RECEIVER_BYTES	8u
#define DLRR_BYTES	12u
#define VOIP_BYTES	36u
enum { XR_REFERENCE = 4, XR_DLRR = 5, XR_VOIP = 7 };

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t packet_bytes(const uint8_t *pkt)
{
	return 4u * ((uint32_t)(pkt[2] << 8 | pkt[3]) + 1);
}

static void report_read(struct rtcp_item *item, const uint8_t *block)
{
	uint32_t lost = get32(block + 4) & 0xffffff;

	item->kind = RTCP_ITEM_REPORT;
	item->ssrc = get32(block);
	item->fraction_lost = block[4];
	item->lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost;
	item->seq_max = get32(block + 8);
	item->jitter = get32(block + 12);
	item->mark = get32(block + 16);
	item->delay = get32(block + 20);
}

/* The sender's own part first, then block by block. */
static bool report_next(struct rtcp_walk *walk, const uint8_t *pkt, uint32_t bytes,
			struct rtcp_item *item)
{
	bool sends = pkt[1] == RTCP_SR;
	uint32_t head = sends ? SENDER_BYTES : RECEIVER_BYTES;
	uint32_t reports = pkt[0] & 0x1fu;

	if (walk->block == 0) {
		walk->block = head;
		if (bytes < head)
			return false;
		item->from = item->ssrc = get32(pkt + 4);
		if (sends) {
			item->kind = RTCP_ITEM_SENT;
			item->mark = get32(pkt + 8) << 16 | get32(pkt + 12) >> 16;
			return true;
		}
	}
	if (walk->block >= head + REPORT_BYTES * reports || bytes < REPORT_BYTES ||
	    walk->block > bytes - REPORT_BYTES)
		return false;
	item->from = get32(pkt + 4);
	report_read(item, pkt + walk->block);
	walk->block += REPORT_BYTES;
	return true;
}

static void voip_read(struct rtcp_item *item, const uint8_t *block)
{
	item->kind = RTCP_ITEM_VOIP;
	item->ssrc = get32(block + 4);
	item->fraction_lost = block[8];
	item->mos_lq_x10 = block[26];
	item->mos_cq_x10 = block[27];
}

/* One block of an XR packet; false: it has nothing (more) that is of interest. */
static bool block_next(struct rtcp_walk *walk, const uint8_t *block, uint32_t bytes,
		       struct rtcp_item *item)
{
	bool first = walk->inner == 0;

	switch (block[0]) {
	case XR_REFERENCE:
		walk->inner = bytes;
		if (!first || bytes < 12)
			return false;
		item->kind = RTCP_ITEM_ASKED;
		item->ssrc = item->from;
		item->mark = get32(block + 4) << 16 | get32(block + 8) >> 16;
		return true;
	case XR_DLRR:
		if (first)
			walk->inner = 4;
		if (walk->inner + DLRR_BYTES > bytes)
			return false;
		item->kind = RTCP_ITEM_ANSWERED;
		item->ssrc = get32(block + walk->inner);
		item->mark = get32(block + walk->inner + 4);
		item->delay = get32(block + walk->inner + 8);
		walk->inner += DLRR_BYTES;
		return true;
	case XR_VOIP:
		walk->inner = bytes;
		if (!first || bytes < VOIP_BYTES)
			return false;
		voip_read(item, block);
		return true;
	default:
		return false;
	}
}

static bool extended_next(struct rtcp_walk *walk, const uint8_t *pkt, uint32_t bytes,
			  struct rtcp_item *item)
{
	if (walk->block == 0)
		walk->block = RECEIVER_BYTES;
	while (walk->block + 4 <= bytes) {
		const uint8_t *block = pkt + walk->block;
		uint32_t block_bytes = packet_bytes(block);

		if (block_bytes > bytes - walk->block)
			return false;
		item->from = get32(pkt + 4);
		if (block_next(walk, block, block_bytes, item))
			return true;
		walk->block += block_bytes;
		walk->inner = 0;
	}
	return false;
}

bool rtcp_next(struct rtcp_walk *walk, struct rtcp_item *item)
{
	while (walk->at < walk->len) {
		const uint8_t *pkt = walk->pkt + walk->at;
		uint32_t left = walk->len - walk->at, bytes;
		bool more = false;

		if (left < 4 || pkt[0] >> 6 != 2)
			return false;
		bytes = packet_bytes(pkt);
		if (bytes > left)
			return false;
		*item = (struct rtcp_item){0};
		if (pkt[1] == RTCP_SR || pkt[1] == RTCP_RR)
			more = report_next(walk, pkt, bytes, item);
		else if (pkt[1] == RTCP_XR && bytes >= RECEIVER_BYTES)
			more = extended_next(walk, pkt, bytes, item);
		if (more)
			return true;
		walk->at += bytes;
		walk->block = walk->inner = 0;
	}
	return false;
}
