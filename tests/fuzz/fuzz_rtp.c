/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as RTP and RTCP: the checks read nothing behind the end, statistics stay sane, and
 * hiding names changes only texts. */
#include <stdio.h>
#include <stdlib.h>

#include "common/rtp/rtcp.h"
#include "common/rtp/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The input as a sequence of 12-byte headers of one stream. */
static void check_stats(const uint8_t *data, size_t size)
{
	struct rtp_rx_stats stats = {0};
	struct rtp_rx_rare rare = {0};
	uint32_t lost_before = 0, n = 0;

	for (; size >= 12; data += 12, size -= 12, n++) {
		const uint64_t now_ns = n * 20000000ull;

		if (!rtp_rx_account_next(&stats, data, rtp_arrival(now_ns, stats.clock_hz)))
			rtp_rx_account(&stats, &rare, data, (uint32_t)(size < 16 ? size : 16),
				       now_ns, NULL, NULL);
		CHECK(stats.started && stats.clock_hz);
		CHECK(stats.pkts >= 1 && stats.pkts <= n + 1);
		CHECK(stats.seq_max >= rare.seq_first);
		CHECK(rare.lost_before >= lost_before);
		CHECK(rtp_rx_lost(&stats, &rare) >= rare.lost_before);
		CHECK(rtp_rx_lost(&stats, &rare) <= rtp_rx_expected(&stats, &rare));
		/* Each step forward may lose less than a dropout's worth. */
		CHECK(rtp_rx_lost(&stats, &rare) <= (n + 1) * 3000u);
		/* Each packet is one of these, or a jump's first. */
		CHECK((uint64_t)rare.reordered_pkts + rare.duplicate_pkts + rare.restarts <= n);
		CHECK(rare.loss_runs <= n + 1);
		lost_before = rare.lost_before;
	}
}

/* Length, versions, types and lengths of the packets of a compound are what they were. */
static void check_hidden(const uint8_t *data, size_t size)
{
	static const struct hash_key key = {{1, 2}};
	uint8_t *pkt = malloc(size ? size : 1);
	bool changed;

	CHECK(pkt);
	memcpy(pkt, data, size);
	changed = rtcp_hide_names(pkt, (uint32_t)size, &key);
	if (!changed)
		CHECK(memcmp(pkt, data, size) == 0);
	for (size_t at = 0; changed && at < size;
	     at += 4u * ((size_t)(data[at + 2] << 8 | data[at + 3]) + 1)) {
		bool texts = data[at + 1] == 202 || data[at + 1] == 203;

		CHECK(memcmp(pkt + at, data + at, 4) == 0);
		for (size_t i = 0; i < 4u * ((size_t)(data[at + 2] << 8 | data[at + 3]) + 1); i++)
			CHECK(texts ? pkt[at + i] == data[at + i] ||
					      (pkt[at + i] >= 'a' && pkt[at + i] <= 'p')
				    : pkt[at + i] == data[at + i]);
	}
	free(pkt);
}

/* Reports are read inside the packet; what is masked twice is what it was. */
static void check_reports(const uint8_t *data, size_t size)
{
	struct rtcp_walk walk = {.pkt = data, .len = (uint32_t)size};
	uint8_t *pkt = malloc(size ? size : 1);
	struct rtcp_item item;
	uint32_t n = 0;

	CHECK(pkt);
	while (rtcp_next(&walk, &item)) {
		CHECK(item.kind <= RTCP_ITEM_VOIP);
		CHECK(item.lost >= -0x800000 && item.lost < 0x800000);
		CHECK(++n <= size / 8);
	}
	memcpy(pkt, data, size);
	if (rtcp_mask_ssrcs(pkt, (uint32_t)size, 0x01020304, 0x50607080))
		CHECK(rtcp_mask_ssrcs(pkt, (uint32_t)size, 0x01020304, 0x50607080));
	CHECK(memcmp(pkt, data, size) == 0);
	free(pkt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > UINT16_MAX)
		return 0;
	if (rtp_is_valid(data, (uint32_t)size)) {
		CHECK(rtp_header_is_valid(data, (uint32_t)size));
		CHECK(size >= 12);
	}
	if (rtcp_is_valid(data, (uint32_t)size))
		CHECK(size >= 8 && !(rtp_header_is_valid(data, (uint32_t)size) && data[1] >= 200 &&
				     data[1] <= 204));
	check_stats(data, size);
	check_hidden(data, size);
	check_reports(data, size);
	return 0;
}
