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
	uint32_t lost_before = 0, n = 0;

	for (; size >= 12; data += 12, size -= 12, n++) {
		rtp_rx_account(&stats, data, n * 160);
		CHECK(stats.started);
		CHECK(stats.ssrc == rtp_ssrc(data));
		CHECK(stats.pkts >= 1 && stats.pkts <= n + 1);
		CHECK(stats.seq_max >= stats.seq_first);
		CHECK(stats.lost_before >= lost_before);
		CHECK(rtp_rx_lost(&stats) >= stats.lost_before);
		/* Each step forward may lose less than a dropout's worth. */
		CHECK(rtp_rx_lost(&stats) <= (n + 1) * 3000u);
		lost_before = stats.lost_before;
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
	return 0;
}
