/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP headers and reception statistics, by worked examples. */
#include "common/rtp/codec.h"
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

struct rx {
	struct rtp_rx_stats hot;
	struct rtp_rx_rare rare;
};

static uint32_t lost(const struct rx *rx)
{
	return rtp_rx_lost(&rx->hot, &rx->rare);
}

/* A header that comes at a time told in units of 8000 Hz: as the media stage does it. */
static void rx_take(struct rx *rx, const uint8_t *pkt, uint32_t arrival)
{
	const uint64_t now_ns = arrival * 125000ull + 62500;

	if (!rtp_rx_account_next(&rx->hot, pkt, rtp_arrival(now_ns, rx->hot.clock_hz)))
		rtp_rx_account(&rx->hot, &rx->rare, pkt, 12, now_ns, NULL, NULL);
}

/* A packet of ssrc, seq and timestamp, type 0, accounted at `arrival`. */
static void account(struct rx *stats, uint32_t ssrc, uint16_t seq, uint32_t timestamp,
		    uint32_t arrival)
{
	uint8_t pkt[12] = {0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq};

	for (unsigned i = 0; i < 4; i++) {
		pkt[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
		pkt[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
	}
	rx_take(stats, pkt, arrival);
}

/* The n-th packet of a steady sender of 160 samples each. */
static void account_seq(struct rx *stats, uint16_t seq)
{
	account(stats, 1, seq, seq * 160u, seq * 160u);
}

Test(rtp_rx, nothing_received)
{
	struct rx stats = {0};

	cr_assert_eq(lost(&stats), 0);
}

Test(rtp_rx, in_order)
{
	struct rx stats = {0};

	for (uint16_t seq = 100; seq < 200; seq++)
		account_seq(&stats, seq);
	cr_assert_eq(stats.hot.pkts, 100);
	cr_assert_eq(stats.hot.seq_max - stats.rare.seq_first, 99);
	cr_assert_eq(lost(&stats), 0);
	cr_assert_eq(stats.rare.reordered_pkts, 0);
	cr_assert_eq(stats.hot.jitter_q4, 0);
}

/* Section A.3: expected is the highest minus the first plus one. */
Test(rtp_rx, loss)
{
	struct rx stats = {0};

	account_seq(&stats, 10);
	account_seq(&stats, 11);
	account_seq(&stats, 14);
	account_seq(&stats, 20);
	cr_assert_eq(lost(&stats), 7);
	cr_assert_eq(stats.rare.reordered_pkts, 0);
}

Test(rtp_rx, wrap)
{
	struct rx stats = {0};

	for (uint32_t n = 0; n < 3 * 65536; n++)
		if (n % 1000 != 999)
			account_seq(&stats, (uint16_t)(65000 + n));
	cr_assert_eq(lost(&stats), 196);
	cr_assert_eq(stats.hot.pkts, 3 * 65536 - 196);
	cr_assert_eq(stats.hot.seq_max - stats.rare.seq_first, 3 * 65536 - 1);
}

Test(rtp_rx, reordered_is_not_lost)
{
	struct rx stats = {0};
	static const uint16_t order[] = {1, 2, 4, 3, 5, 7, 8, 6, 9};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		account_seq(&stats, order[i]);
	cr_assert_eq(lost(&stats), 0);
	cr_assert_eq(stats.rare.reordered_pkts, 2);
	cr_assert_eq(stats.hot.pkts, 9);
}

Test(rtp_rx, reordered_across_the_wrap)
{
	struct rx stats = {0};
	static const uint16_t order[] = {65534, 0, 65535, 1};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		account_seq(&stats, order[i]);
	cr_assert_eq(lost(&stats), 0);
	cr_assert_eq(stats.rare.reordered_pkts, 1);
}

/* The very first packet overtook two others: they were expected too. */
Test(rtp_rx, overtaken_by_the_first)
{
	struct rx stats = {0};

	account_seq(&stats, 1);
	account_seq(&stats, 65535);
	account_seq(&stats, 0);
	account_seq(&stats, 2);
	cr_assert_eq(lost(&stats), 0);
	cr_assert_eq(stats.hot.pkts, 4);
	cr_assert_eq(stats.rare.reordered_pkts, 2);
}

/* Section 6.4.1 lets duplicates hide losses; here they are counted by themselves. */
Test(rtp_rx, duplicates)
{
	struct rx stats = {0};

	for (uint16_t seq = 1; seq <= 5; seq++) {
		account_seq(&stats, seq);
		account_seq(&stats, seq);
	}
	account_seq(&stats, 7);
	cr_assert_eq(stats.hot.pkts, 6);
	cr_assert_eq(lost(&stats), 1);
	cr_assert_eq(stats.rare.reordered_pkts, 0);
	cr_assert_eq(stats.rare.duplicate_pkts, 5);
}

/* Late ones are told apart: what was missing was overtaken, all else came again. */
Test(rtp_rx, late_duplicates)
{
	struct rx stats = {0};
	static const uint16_t order[] = {1, 2, 1, 5, 3, 3, 2, 6, 7, 4, 4};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		account_seq(&stats, order[i]);
	cr_assert_eq(lost(&stats), 0);
	cr_assert_eq(stats.rare.reordered_pkts, 2);
	cr_assert_eq(stats.rare.duplicate_pkts, 4);
	cr_assert_eq(stats.rare.loss_runs, 0, "what was only late is no loss");
}

/* 3 missing, 1 missing, 60 missing; then the middle of the long one comes, and the single one. */
Test(rtp_rx, runs_of_loss)
{
	struct rx stats = {0};
	static const uint16_t order[] = {10, 14, 15, 17, 18, 79, 50, 16, 80};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		account_seq(&stats, order[i]);
	cr_assert_eq(lost(&stats), 3 + 59);
	cr_assert_eq(stats.rare.loss_runs, 3);
	cr_assert_eq(stats.rare.loss_run_max, 60);
	cr_assert_eq(rtp_rx_expected(&stats.hot, &stats.rare), 71);
}

/* The window of what is missing goes along lazily, over packets that all came. */
Test(rtp_rx, late_after_many)
{
	struct rx stats = {0};

	account_seq(&stats, 65500);
	account_seq(&stats, 65502);
	for (uint32_t seq = 65503; seq < 65600; seq++)
		account_seq(&stats, (uint16_t)seq);
	account_seq(&stats, 65501);
	cr_assert_eq(stats.rare.reordered_pkts, 1);
	cr_assert_eq(lost(&stats), 0);
	account_seq(&stats, 65501);
	cr_assert_eq(stats.rare.duplicate_pkts, 1);
}

/* Section A.1: one packet from elsewhere is nothing, two in a row are another beginning. */
Test(rtp_rx, a_single_jump_changes_nothing)
{
	struct rx stats = {0};

	account_seq(&stats, 1000);
	account_seq(&stats, 1001);
	account_seq(&stats, 30000);
	account_seq(&stats, 1002);
	account_seq(&stats, 40000);
	account_seq(&stats, 1003);
	cr_assert_eq(stats.hot.pkts, 4);
	cr_assert_eq(lost(&stats), 0);
	cr_assert_eq(stats.rare.restarts, 0);
	account_seq(&stats, 30002);
	account_seq(&stats, 30003);
	account_seq(&stats, 30005);
	cr_assert_eq(stats.rare.restarts, 1);
	cr_assert_eq(lost(&stats), 1);
	cr_assert_eq(rtp_rx_expected(&stats.hot, &stats.rare), 4 + 3);
}

Test(rtp_rx, new_ssrc_keeps_what_was_lost)
{
	struct rx stats = {0};

	account(&stats, 7, 100, 0, 0);
	account(&stats, 7, 104, 640, 640);
	cr_assert_eq(lost(&stats), 3);
	account(&stats, 8, 5, 90000, 800);
	cr_assert_eq(stats.hot.ssrc, 8);
	cr_assert_eq(stats.hot.pkts, 1);
	cr_assert_eq(lost(&stats), 3);
	account(&stats, 8, 7, 90320, 1120);
	cr_assert_eq(lost(&stats), 4);
}

/* A jump of MAX_DROPOUT (section A.1) or more is a sender that began anew: nothing is made up of
 * it. */
Test(rtp_rx, restart_is_not_loss)
{
	struct rx stats = {0};

	account_seq(&stats, 1000);
	account_seq(&stats, 1002);
	account_seq(&stats, 1002 + 3000);
	cr_assert_eq(lost(&stats), 1);
	account_seq(&stats, 1002 + 3001);
	cr_assert_eq(lost(&stats), 1);
	account_seq(&stats, 30);
	cr_assert_eq(lost(&stats), 1);
	cr_assert_eq(stats.rare.reordered_pkts, 0);
}

Test(rtp_rx, longest_loss_that_counts)
{
	struct rx stats = {0};

	account_seq(&stats, 1000);
	account_seq(&stats, 1000 + 2999);
	cr_assert_eq(lost(&stats), 2998);
}

/* Section A.8 by hand: packets sent 160 apart, arriving at 0, 160, 400, 480, 640: D = 0, 80, 80, 0.
 * J = J + (D - J) / 16 in sixteenths: 0, 80, 80 + 80 - (80 + 8) / 16 = 155, 155 - (155 + 8) / 16 =
 * 145. */
Test(rtp_rx, jitter)
{
	struct rx stats = {0};
	static const uint32_t arrivals[] = {0, 160, 400, 480, 640};
	static const uint32_t jitters[] = {0, 0, 80, 155, 145};

	for (unsigned i = 0; i < 5; i++) {
		account(&stats, 1, (uint16_t)i, 5000 + 160 * i, arrivals[i]);
		cr_assert_eq(stats.hot.jitter_q4, jitters[i], "after %u: %u", i, stats.hot.jitter_q4);
	}
}

/* A steady D settles at a jitter of that size. */
Test(rtp_rx, jitter_settles)
{
	struct rx stats = {0};

	for (unsigned i = 0; i < 1000; i++)
		account(&stats, 1, (uint16_t)i, 160 * i, 160 * i + (i % 2 ? 40 : 0));
	cr_assert_eq((stats.hot.jitter_q4 + 8) / 16, 40);
}

/* Both clocks wrap at 2^32, and arrival may start anywhere. */
Test(rtp_rx, jitter_across_wraps)
{
	struct rx stats = {0};

	for (unsigned i = 0; i < 100; i++)
		account(&stats, 1, (uint16_t)i, 0xffffff00u + 160 * i, 0xfffffff0u + 160 * i);
	cr_assert_eq(stats.hot.jitter_q4, 0);
}

Test(rtp_rx, a_step_of_the_senders_clock_is_not_jitter)
{
	struct rx stats = {0};

	account(&stats, 1, 1, 0, 0);
	account(&stats, 1, 2, 0x80000000u, 160);
	account(&stats, 1, 3, 0x800000a0u, 320);
	cr_assert_eq(stats.hot.jitter_q4, 0);
}

/* Comfort noise between audio: the first packet of another type starts the transit anew. */
Test(rtp_rx, another_payload_type_is_not_jitter)
{
	struct rx stats = {0};
	uint8_t pkt[12] = {0x80, 0, 0, 1};

	rx_take(&stats, pkt, 0);
	pkt[1] = 34;
	pkt[3] = 2;
	rx_take(&stats, pkt, 160);
	cr_assert_eq(stats.hot.payload_type, 34);
	cr_assert_eq(stats.hot.jitter_q4, 0);
	pkt[3] = 3;
	rx_take(&stats, pkt, 176);
	cr_assert_eq(stats.hot.jitter_q4, 180, "2 ms at 90000 Hz");
}

/* Types of a description: 96 opus, 97 H264, 101 telephone-event, 13 comfort noise. */
static struct codec_format type_of(const void *arg, uint8_t payload_type)
{
	static const struct codec_format types[] = {{96, CODEC_OPUS, 2, 48000},
						  {97, CODEC_H264, 1, 90000},
						  {101, CODEC_TELEPHONE_EVENT, 1, 8000}};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].payload_type == payload_type)
			return types[i];
	return codec_format_static(payload_type);
}

static void take_type(struct rx *rx, uint8_t type, uint16_t seq, uint32_t timestamp,
		      uint64_t now_ns, const uint8_t *payload, uint32_t payload_len)
{
	uint8_t pkt[32] = {0x80, type, (uint8_t)(seq >> 8), (uint8_t)seq};

	for (unsigned i = 0; i < 4; i++)
		pkt[4 + i] = (uint8_t)(timestamp >> (24 - 8 * i));
	if (payload)
		memcpy(pkt + 12, payload, payload_len);
	if (!rtp_rx_account_next(&rx->hot, pkt, rtp_arrival(now_ns, rx->hot.clock_hz)))
		rtp_rx_account(&rx->hot, &rx->rare, pkt, 12 + payload_len, now_ns, type_of, NULL);
}

/* 20 ms apart, each second one 1 ms late: a jitter of 1 ms by the clock of the type, 48 units. */
Test(rtp_rx, clock_of_a_dynamic_type)
{
	static const struct {
		uint8_t type;
		uint32_t clock_hz;
	} of[] = {{96, 48000}, {97, 90000}, {0, 8000}, {10, 44100}};

	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		struct rx stats = {0};

		for (uint32_t i = 0; i < 1000; i++)
			take_type(&stats, of[k].type, (uint16_t)i, i * (of[k].clock_hz / 50),
				  5000 + i * 20000000ull + (i % 2 ? 1000000 : 0), NULL, 0);
		cr_expect_eq(stats.hot.clock_hz, of[k].clock_hz);
		cr_expect_float_eq(
			(double)rtp_rx_jitter_us(stats.hot.jitter_q4, stats.hot.clock_hz), 1000.0,
			75.0, "type %u", of[k].type);
	}
}

/* What comes between speech has its place in the sequence, and no say in clock, type and jitter. */
Test(rtp_rx, events_and_noise_between_speech)
{
	static const uint8_t tone[4] = {5, 10, 0, 160}, last[4] = {5, 0x8a, 3, 32};
	struct rx stats = {0};
	uint16_t seq = 0;

	for (unsigned i = 0; i < 10; i++, seq++)
		take_type(&stats, 96, seq, i * 960, i * 20000000ull, NULL, 0);
	for (unsigned event = 0; event < 3; event++) {
		for (unsigned i = 0; i < 5; i++, seq++)
			take_type(&stats, 101, seq, 77000 + event * 4000,
				  (seq + 3) * 20000000ull, tone, 4);
		for (unsigned i = 0; i < 3; i++, seq++)
			take_type(&stats, 101, seq, 77000 + event * 4000,
				  (seq + 3) * 20000000ull, last, 4);
	}
	take_type(&stats, 13, seq, 99000, seq * 20000000ull, NULL, 0);
	seq++;
	take_type(&stats, 96, seq, seq * 960u, seq * 20000000ull, NULL, 0);
	cr_expect_eq(stats.rare.events, 3);
	cr_expect_eq(stats.hot.pkts, 10 + 24 + 2);
	cr_expect_eq(stats.hot.payload_type, 96);
	cr_expect_leq(stats.hot.jitter_q4, 2, "times are rounded to units");
	cr_expect_eq(lost(&stats), 0);
}

/* RFC 4733 section 2.5.1.3: what is longer than 0xffff goes on under another timestamp. */
Test(rtp_rx, a_long_event_is_one)
{
	static const uint8_t full[4] = {1, 10, 0xff, 0xff}, more[4] = {1, 10, 1, 0},
			     last[4] = {1, 0x8a, 2, 0};
	struct rx stats = {0};

	take_type(&stats, 101 | 0x80, 1, 1000, 0, more, 4);
	take_type(&stats, 101, 2, 1000, 0, full, 4);
	take_type(&stats, 101, 3, 1000 + 0xffff, 0, more, 4);
	take_type(&stats, 101, 4, 1000 + 0xffff, 0, last, 4);
	cr_expect_eq(stats.rare.events, 1);
	take_type(&stats, 101 | 0x80, 5, 90000, 0, more, 4);
	cr_expect_eq(stats.rare.events, 2);
	take_type(&stats, 101, 6, 95000, 0, NULL, 0);
	cr_expect_eq(stats.rare.events, 3, "encrypted from end to end: by the timestamp alone");
}

Test(rtp_rx, jitter_is_kept_in_time_when_the_clock_changes)
{
	struct rx stats = {0};
	uint32_t before;

	for (uint32_t i = 0; i < 500; i++)
		take_type(&stats, 0, (uint16_t)i, i * 160,
			  i * 20000000ull + (i % 2 ? 4000000 : 0), NULL, 0);
	before = rtp_rx_jitter_us(stats.hot.jitter_q4, 8000);
	take_type(&stats, 96, 500, 0, 500 * 20000000ull, NULL, 0);
	cr_expect_eq(stats.hot.clock_hz, 48000);
	cr_expect_float_eq((double)rtp_rx_jitter_us(stats.hot.jitter_q4, 48000), (double)before, 2.0);
}
