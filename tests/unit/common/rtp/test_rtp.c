/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP headers and reception statistics, by worked examples. */
#include "common/rtp/rtp.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct example {
	const char *what;
	uint8_t bytes[32];
	uint32_t len;
	bool header, whole;
};

static const struct example rtp_examples[] = {
	{"fixed header alone", {0x80, 0}, 12, true, true},
	{"one byte short", {0x80, 0}, 11, false, false},
	{"nothing", {0}, 0, false, false},
	{"version 1", {0x40, 0}, 12, false, false},
	{"version 3", {0xc0, 0}, 12, false, false},
	{"two csrcs", {0x82, 0}, 20, true, true},
	{"two csrcs, one byte short", {0x82, 0}, 19, false, false},
	{"empty extension", {0x90, 0, [15] = 0}, 16, true, true},
	{"extension without its head", {0x90, 0}, 15, false, false},
	{"extension of two words", {0x90, 0, [15] = 2}, 24, true, true},
	{"extension one byte short", {0x90, 0, [15] = 2}, 23, false, false},
	{"extension longer than any packet", {0x90, 0, [14] = 0xff, [15] = 0xff}, 32, false, false},
	{"csrc and extension", {0x91, 0, [19] = 1}, 24, true, true},
	{"padding of all the payload", {0xa0, 0, [15] = 4}, 16, true, true},
	{"padding beyond the payload", {0xa0, 0, [15] = 5}, 16, true, false},
	{"padding of nothing", {0xa0, 0, [15] = 0}, 16, true, false},
	{"padding without payload", {0xa0, 0, [11] = 1}, 12, true, false},
	{"sender report's type", {0x80, 200}, 12, false, false},
	{"type 72", {0x80, 72}, 12, false, false},
	{"type 76 with marker", {0x80, 204}, 12, false, false},
	{"type 77", {0x80, 77}, 12, true, true},
	{"type 71", {0x80, 71}, 12, true, true},
};

/* The bytes end where the allocation ends, so that the sanitizer sees a read beyond. */
static bool check(bool (*is_valid)(const uint8_t *, uint32_t), const struct example *e)
{
	uint8_t *copy = malloc(e->len ? e->len : 1);
	bool valid;

	memcpy(copy, e->bytes, e->len);
	valid = is_valid(copy, e->len);
	free(copy);
	return valid;
}

Test(rtp, validity)
{
	for (size_t i = 0; i < sizeof(rtp_examples) / sizeof(rtp_examples[0]); i++) {
		const struct example *e = &rtp_examples[i];

		cr_assert_eq(check(rtp_header_is_valid, e), e->header, "%s", e->what);
		cr_assert_eq(check(rtp_is_valid, e), e->whole, "%s", e->what);
	}
}

static const struct example rtcp_examples[] = {
	{"empty receiver report", {0x80, 201, 0, 1}, 8, .whole = true},
	{"sender report", {0x80, 200, 0, 6}, 28, .whole = true},
	{"transport feedback, reduced size", {0x81, 205, 0, 2}, 12, .whole = true},
	{"lowest type", {0x80, 192, 0, 1}, 8, .whole = true},
	{"highest type", {0x80, 223, 0, 1}, 8, .whole = true},
	{"below the types", {0x80, 191, 0, 1}, 8, .whole = false},
	{"above the types", {0x80, 224, 0, 1}, 8, .whole = false},
	{"audio", {0x80, 0, 0, 1}, 32, .whole = false},
	{"version 1", {0x40, 201, 0, 1}, 8, .whole = false},
	{"longer than the packet", {0x80, 201, 0, 2}, 8, .whole = false},
	{"far longer", {0x80, 201, 0xff, 0xff}, 32, .whole = false},
	{"head only", {0x80, 201, 0, 0}, 4, .whole = false},
};

Test(rtp, rtcp_validity)
{
	for (size_t i = 0; i < sizeof(rtcp_examples) / sizeof(rtcp_examples[0]); i++)
		cr_assert_eq(check(rtcp_is_valid, &rtcp_examples[i]), rtcp_examples[i].whole, "%s",
			     rtcp_examples[i].what);
}

Test(rtp, fields)
{
	static const uint8_t pkt[12] = {0x80, 0xe0 | 8, 0x12, 0x34, 0x89, 0xab,
					0xcd, 0xef,	0xfe, 0xdc, 0xba, 0x98};

	cr_assert_eq(rtp_seq(pkt), 0x1234);
	cr_assert_eq(rtp_timestamp(pkt), 0x89abcdef);
	cr_assert_eq(rtp_ssrc(pkt), 0xfedcba98);
	cr_assert_eq(rtp_payload_type(pkt), 0x68);
}

Test(rtp, clocks)
{
	cr_assert_eq(rtp_clock_hz(0), 8000);
	cr_assert_eq(rtp_clock_hz(9), 8000,
		     "G.722's clock is 8000 for history's sake (RFC 3551 section 4.5.2)");
	cr_assert_eq(rtp_clock_hz(6), 16000);
	cr_assert_eq(rtp_clock_hz(11), 44100);
	cr_assert_eq(rtp_clock_hz(34), 90000);
	cr_assert_eq(rtp_clock_hz(16), 11025);
	cr_assert_eq(rtp_clock_hz(17), 22050);
	cr_assert_eq(rtp_clock_hz(111), 8000);
	for (unsigned type = 0; type < 256; type++)
		cr_assert_eq(rtp_clock_is_8k((uint8_t)type), rtp_clock_hz((uint8_t)type) == 8000,
			     "%u", type);
}

/* Differences are what counts; the start is anywhere, and the end of 32 bits too. */
Test(rtp, arrival)
{
	static const uint32_t clocks[] = {8000, 11025, 22050, 44100, 90000};
	const uint64_t day_ns = 86400000000000ull;

	for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		cr_assert_leq(clocks[i] - rtp_arrival(1000000000u, clocks[i]), 1);
		for (uint64_t now_ns = 0; now_ns < 1000 * day_ns;
		     now_ns += 7 * day_ns + 12345678u) {
			uint32_t step = rtp_arrival(now_ns + 20000000u, clocks[i]) -
					rtp_arrival(now_ns, clocks[i]);

			cr_assert(step >= clocks[i] / 50 - 1 && step <= clocks[i] / 50 + 1,
				  "%u Hz at %lu: %u", clocks[i], now_ns, step);
		}
	}
}

/* A packet of ssrc, seq and timestamp, type 0, accounted at `arrival`. */
static void account(struct rtp_rx_stats *stats, uint32_t ssrc, uint16_t seq, uint32_t timestamp,
		    uint32_t arrival)
{
	uint8_t pkt[12] = {0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq};

	for (unsigned i = 0; i < 4; i++) {
		pkt[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
		pkt[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	}
	rtp_rx_account(stats, pkt, arrival);
}

/* The n-th packet of a steady sender of 160 samples each. */
static void account_seq(struct rtp_rx_stats *stats, uint16_t seq)
{
	account(stats, 1, seq, seq * 160u, seq * 160u);
}

Test(rtp_rx, nothing_received)
{
	struct rtp_rx_stats stats = {0};

	cr_assert_eq(rtp_rx_lost(&stats), 0);
}

Test(rtp_rx, in_order)
{
	struct rtp_rx_stats stats = {0};

	for (uint16_t seq = 100; seq < 200; seq++)
		account_seq(&stats, seq);
	cr_assert_eq(stats.pkts, 100);
	cr_assert_eq(stats.seq_max - stats.seq_first, 99);
	cr_assert_eq(rtp_rx_lost(&stats), 0);
	cr_assert_eq(stats.out_of_order, 0);
	cr_assert_eq(stats.jitter_q4, 0);
}

/* Section A.3: expected is the highest minus the first plus one. */
Test(rtp_rx, loss)
{
	struct rtp_rx_stats stats = {0};

	account_seq(&stats, 10);
	account_seq(&stats, 11);
	account_seq(&stats, 14);
	account_seq(&stats, 20);
	cr_assert_eq(rtp_rx_lost(&stats), 7);
	cr_assert_eq(stats.out_of_order, 0);
}

Test(rtp_rx, wrap)
{
	struct rtp_rx_stats stats = {0};

	for (uint32_t n = 0; n < 3 * 65536; n++)
		if (n % 1000 != 999)
			account_seq(&stats, (uint16_t)(65000 + n));
	cr_assert_eq(rtp_rx_lost(&stats), 196);
	cr_assert_eq(stats.pkts, 3 * 65536 - 196);
	cr_assert_eq(stats.seq_max - stats.seq_first, 3 * 65536 - 1);
}

Test(rtp_rx, reordered_is_not_lost)
{
	struct rtp_rx_stats stats = {0};
	static const uint16_t order[] = {1, 2, 4, 3, 5, 7, 8, 6, 9};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		account_seq(&stats, order[i]);
	cr_assert_eq(rtp_rx_lost(&stats), 0);
	cr_assert_eq(stats.out_of_order, 2);
	cr_assert_eq(stats.pkts, 9);
}

Test(rtp_rx, reordered_across_the_wrap)
{
	struct rtp_rx_stats stats = {0};
	static const uint16_t order[] = {65534, 0, 65535, 1};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		account_seq(&stats, order[i]);
	cr_assert_eq(rtp_rx_lost(&stats), 0);
	cr_assert_eq(stats.out_of_order, 1);
}

/* The very first packet overtook two others: they were expected too. */
Test(rtp_rx, overtaken_by_the_first)
{
	struct rtp_rx_stats stats = {0};

	account_seq(&stats, 1);
	account_seq(&stats, 65535);
	account_seq(&stats, 0);
	account_seq(&stats, 2);
	cr_assert_eq(rtp_rx_lost(&stats), 0);
	cr_assert_eq(stats.pkts, 4);
	cr_assert_eq(stats.out_of_order, 2);
}

/* Section 6.4.1: duplicates count as received, so loss can come out below zero; ours stops
 * there. */
Test(rtp_rx, duplicates)
{
	struct rtp_rx_stats stats = {0};

	for (uint16_t seq = 1; seq <= 5; seq++) {
		account_seq(&stats, seq);
		account_seq(&stats, seq);
	}
	cr_assert_eq(stats.pkts, 10);
	cr_assert_eq(rtp_rx_lost(&stats), 0);
	cr_assert_eq(stats.out_of_order, 0);
}

Test(rtp_rx, late_duplicate_counts_as_reordered)
{
	struct rtp_rx_stats stats = {0};

	account_seq(&stats, 1);
	account_seq(&stats, 2);
	account_seq(&stats, 1);
	cr_assert_eq(stats.out_of_order, 1);
	cr_assert_eq(rtp_rx_lost(&stats), 0);
}

Test(rtp_rx, new_ssrc_keeps_what_was_lost)
{
	struct rtp_rx_stats stats = {0};

	account(&stats, 7, 100, 0, 0);
	account(&stats, 7, 104, 640, 640);
	cr_assert_eq(rtp_rx_lost(&stats), 3);
	account(&stats, 8, 5, 90000, 800);
	cr_assert_eq(stats.ssrc, 8);
	cr_assert_eq(stats.pkts, 1);
	cr_assert_eq(rtp_rx_lost(&stats), 3);
	account(&stats, 8, 7, 90320, 1120);
	cr_assert_eq(rtp_rx_lost(&stats), 4);
}

/* A jump of MAX_DROPOUT (section A.1) or more is a sender that began anew: nothing is made up of
 * it. */
Test(rtp_rx, restart_is_not_loss)
{
	struct rtp_rx_stats stats = {0};

	account_seq(&stats, 1000);
	account_seq(&stats, 1002);
	account_seq(&stats, 1002 + 3000);
	cr_assert_eq(rtp_rx_lost(&stats), 1);
	account_seq(&stats, 1002 + 3001);
	cr_assert_eq(rtp_rx_lost(&stats), 1);
	account_seq(&stats, 30);
	cr_assert_eq(rtp_rx_lost(&stats), 1);
	cr_assert_eq(stats.out_of_order, 0);
}

Test(rtp_rx, longest_loss_that_counts)
{
	struct rtp_rx_stats stats = {0};

	account_seq(&stats, 1000);
	account_seq(&stats, 1000 + 2999);
	cr_assert_eq(rtp_rx_lost(&stats), 2998);
}

/* Section A.8 by hand: packets sent 160 apart, arriving at 0, 160, 400, 480, 640: D = 0, 80, 80, 0.
 * J = J + (D - J) / 16 in sixteenths: 0, 80, 80 + 80 - (80 + 8) / 16 = 155, 155 - (155 + 8) / 16 =
 * 145. */
Test(rtp_rx, jitter)
{
	struct rtp_rx_stats stats = {0};
	static const uint32_t arrivals[] = {0, 160, 400, 480, 640};
	static const uint32_t jitters[] = {0, 0, 80, 155, 145};

	for (unsigned i = 0; i < 5; i++) {
		account(&stats, 1, (uint16_t)i, 5000 + 160 * i, arrivals[i]);
		cr_assert_eq(stats.jitter_q4, jitters[i], "after %u: %u", i, stats.jitter_q4);
	}
}

/* A steady D settles at a jitter of that size. */
Test(rtp_rx, jitter_settles)
{
	struct rtp_rx_stats stats = {0};

	for (unsigned i = 0; i < 1000; i++)
		account(&stats, 1, (uint16_t)i, 160 * i, 160 * i + (i % 2 ? 40 : 0));
	cr_assert_eq((stats.jitter_q4 + 8) / 16, 40);
}

/* Both clocks wrap at 2^32, and arrival may start anywhere. */
Test(rtp_rx, jitter_across_wraps)
{
	struct rtp_rx_stats stats = {0};

	for (unsigned i = 0; i < 100; i++)
		account(&stats, 1, (uint16_t)i, 0xffffff00u + 160 * i, 0xfffffff0u + 160 * i);
	cr_assert_eq(stats.jitter_q4, 0);
}

Test(rtp_rx, a_step_of_the_senders_clock_is_not_jitter)
{
	struct rtp_rx_stats stats = {0};

	account(&stats, 1, 1, 0, 0);
	account(&stats, 1, 2, 0x80000000u, 160);
	account(&stats, 1, 3, 0x800000a0u, 320);
	cr_assert_eq(stats.jitter_q4, 0);
}

/* Comfort noise between audio: the first packet of another type starts the transit anew. */
Test(rtp_rx, another_payload_type_is_not_jitter)
{
	struct rtp_rx_stats stats = {0};
	uint8_t pkt[12] = {0x80, 0, 0, 1};

	rtp_rx_account(&stats, pkt, 0);
	pkt[1] = 34;
	pkt[3] = 2;
	rtp_rx_account(&stats, pkt, 1800);
	cr_assert_eq(stats.payload_type, 34);
	cr_assert_eq(stats.jitter_q4, 0);
	pkt[3] = 3;
	rtp_rx_account(&stats, pkt, 1816);
	cr_assert_eq(stats.jitter_q4, 16);
}

Test(rtp_rx, out_of_order_saturates)
{
	struct rtp_rx_stats stats = {0};

	account_seq(&stats, 500);
	for (unsigned i = 0; i < 70000; i++)
		account_seq(&stats, 499);
	cr_assert_eq(stats.out_of_order, UINT16_MAX);
}
