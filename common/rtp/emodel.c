/* SPDX-License-Identifier: BSD-3-Clause */
/* The E-model's formulae, in the names of G.107 (06/2015). Both processes, any thread. */
#include "common/rtp/emodel.h"

#include <math.h>

/* Defaults of table 2, in dB: echo losses, and the loudness at the receiver. */
#define TELR 65.0
#define WEPL 110.0
#define RLR  2.0
/* What sections 7.1 to 7.3 make of all the other defaults: circuit, room and floor noise added up
 * (dBm0p), the rating of the signal above it, and what sidetone and loudness take of that. */
#define NO 61.18 /* below 0 */
#define RO 94.77
#define IS 1.41

/* Of the delay itself (equation 7-27): nothing up to 100 ms. */
static double pure_delay(double ms)
{
	double x;

	if (ms <= 100)
		return 0;
	x = log2(ms / 100);
	return 25 * (pow(1 + pow(x, 6), 1.0 / 6) - 3 * pow(1 + pow(x / 3, 6), 1.0 / 6) + 2);
}

/* The talker's echo (equations 7-19 to 7-23, for a sidetone as strong as the default). */
static double talker_echo(double ms)
{
	double terv, roe, re;

	if (ms < 1)
		return 0;
	terv = TELR - 40 * log10((1 + ms / 10) / (1 + ms / 150)) + 6 * exp(-0.3 * ms * ms);
	re = 80 + 2.5 * (terv - 14);
	roe = 1.5 * (NO + RLR);
	return ((roe - re) / 2 + sqrt((roe - re) * (roe - re) / 4 + 100) - 1) * (1 - exp(-ms));
}

/* The listener's echo (equations 7-25 and 7-26), of the whole round. */
static double listener_echo(double ms)
{
	double rle = 10.5 * (WEPL + 7) * pow(2 * ms + 1, -0.25);

	return (RO - rle) / 2 + sqrt((RO - rle) * (RO - rle) / 4 + 169);
}

double emodel_rating(const struct emodel_in *in)
{
	double ppl = 100 * in->lost, ie_eff, rating;

	/* Equation 7-29. */
	ie_eff = in->ie + (95 - in->ie) * ppl / (ppl / in->burst + in->bpl);
	rating = RO - IS - pure_delay(in->delay_ms) - talker_echo(in->delay_ms) -
		 listener_echo(in->delay_ms) - ie_eff;
	return rating < 0 ? 0 : rating > 100 ? 100 : rating;
}

double emodel_mos(double rating)
{
	double mos;

	if (rating <= 0)
		return 1;
	if (rating >= 100)
		return 4.5;
	/* The cubic dips below 1 at small ratings. */
	mos = 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6;
	return mos < 1 ? 1 : mos;
}

double emodel_burst(unsigned long lost, unsigned long runs, unsigned long expected)
{
	double burst;

	if (!lost || !runs || lost >= expected)
		return 1;
	burst = (double)lost / (double)runs * (1 - (double)lost / (double)expected);
	return burst < 1 ? 1 : burst;
}
