/* SPDX-License-Identifier: BSD-3-Clause */
/* The E-model against figures that are known from elsewhere. */
#include "common/rtp/emodel.h"

#include "common/rtp/codec.h"

#include <criterion/criterion.h>

static double rating(enum codec codec, double lost, double burst, double delay_ms)
{
	const struct codec_info *info = codec_info(codec);

	return emodel_rating(&(struct emodel_in){.ie = info->ie,
						 .bpl = info->bpl_x10 / 10.0,
						 .lost = lost,
						 .burst = burst,
						 .delay_ms = delay_ms});
}

/* G.107 section 7.7: all defaults give R = 93.2, a mean opinion score of 4.41. */
Test(emodel, all_defaults)
{
	cr_expect_float_eq(rating(CODEC_PCMU, 0, 1, 0), 93.2, 0.05);
	cr_expect_float_eq(emodel_mos(93.2), 4.41, 0.005);
}

/* G.107 annex B, the table of R against MOS. */
Test(emodel, scores_of_ratings)
{
	static const struct {
		double rating, mos;
	} known[] = {{90, 4.34}, {80, 4.03}, {70, 3.60}, {60, 3.10}, {50, 2.58}};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		cr_expect_float_eq(emodel_mos(known[i].rating), known[i].mos, 0.008, "R %.0f",
				   known[i].rating);
	cr_expect_eq(emodel_mos(-5), 1);
	cr_expect_eq(emodel_mos(0), 1);
	cr_expect_eq(emodel_mos(3), 1, "the cubic dips below 1 there");
	cr_expect_eq(emodel_mos(100), 4.5);
	cr_expect_eq(emodel_mos(120), 4.5);
}

/* By hand: Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl). 1 % of G.729A: 11 + 84 / 20 = 15.2;
 * 5 % of G.711: 95 * 5 / 30.1 = 15.78; the same in runs twice as long: 95 * 5 / 27.6 = 17.21. */
Test(emodel, codec_and_loss)
{
	cr_expect_float_eq(rating(CODEC_G729, 0, 1, 0), 93.2 - 11, 0.05);
	cr_expect_float_eq(rating(CODEC_G729, 0.01, 1, 0), 93.2 - 15.2, 0.05);
	cr_expect_float_eq(rating(CODEC_PCMA, 0.05, 1, 0), 93.2 - 15.78, 0.05);
	cr_expect_float_eq(rating(CODEC_PCMA, 0.05, 2, 0), 93.2 - 17.21, 0.05);
	cr_expect_float_eq(rating(CODEC_G723, 0, 1, 0), 93.2 - 15, 0.05);
	cr_expect_geq(rating(CODEC_PCMU, 1, 1, 0), 0);
}

/* With all other values at their defaults: Cole and Rosenbluth (2001) fitted the curve with
 * 0.024 Ta, and 0.11 (Ta - 177.3) more above 177.3 ms. */
Test(emodel, delay)
{
	static const double delays_ms[] = {0, 20, 50, 100, 150, 200, 250, 300};

	for (unsigned i = 0; i < sizeof(delays_ms) / sizeof(delays_ms[0]); i++) {
		double ms = delays_ms[i];
		double fitted = 93.2 - 0.024 * ms - (ms > 177.3 ? 0.11 * (ms - 177.3) : 0);

		cr_expect_float_eq(rating(CODEC_PCMU, 0, 1, ms), fitted, 0.35, "%.0f ms", ms);
	}
}

/* 100 of 10,000 lost one by one are random: mean run 1, expected 1 / 0.99. In runs of 5 they are 4.95
 * times that. */
Test(emodel, bursts)
{
	cr_expect_eq(emodel_burst(100, 100, 10000), 1);
	cr_expect_float_eq(emodel_burst(100, 20, 10000), 4.95, 1e-9);
	cr_expect_eq(emodel_burst(0, 0, 10000), 1);
	cr_expect_eq(emodel_burst(5, 0, 10), 1);
	cr_expect_eq(emodel_burst(10, 1, 10), 1);
}

Test(codec, names_and_types)
{
	cr_expect_eq(codec_of(SPAN("pcmu")), CODEC_PCMU);
	cr_expect_eq(codec_of(SPAN("OPUS")), CODEC_OPUS);
	cr_expect_eq(codec_of(SPAN("telephone-event")), CODEC_TELEPHONE_EVENT);
	cr_expect_eq(codec_of(SPAN("H263-1998")), CODEC_H263);
	cr_expect_eq(codec_of(SPAN("unknown")), CODEC_UNKNOWN);
	cr_expect_eq(codec_of(SPAN("x-own")), CODEC_UNKNOWN);
	cr_expect_eq(codec_of_type(18), CODEC_G729);
	cr_expect_eq(codec_of_type(34), CODEC_H263);
	cr_expect_eq(codec_of_type(96), CODEC_UNKNOWN);
	cr_expect_eq(codec_of_type(255), CODEC_UNKNOWN);
	cr_expect_eq(codec_format_static(6).clock_hz, 16000);
	for (unsigned i = 0; i < CODECS; i++) {
		cr_expect(codec_info(i)->name && codec_info(i)->clock_hz, "%u has no entry", i);
		if (i)
			cr_expect_eq(codec_of(span_str(codec_info(i)->name)), i);
	}
	cr_expect_eq(codec_info(CODECS), codec_info(CODEC_UNKNOWN));
}
