/* SPDX-License-Identifier: BSD-3-Clause */
/* The E-model (ITU-T G.107) with its default parameters: what a listener is likely to think of a
 * speech stream, from its codec, loss and delay. Both processes, any thread; not for the hot
 * path. */
#pragma once

/* What is known of a stream of speech. */
struct emodel_in {
	double ie;	  /* equipment impairment of the codec */
	double bpl;	  /* its robustness against random loss; above 0 */
	double lost;	  /* share of the packets that were lost, 0..1 */
	double burst;	  /* BurstR: 1 for random loss, more where it comes in runs */
	double delay_ms;  /* mouth to ear, one way */
};

/* The rating R, 0..100: Ro - Is = 93.2 of the default parameters, without the impairments by delay
 * (Id, G.107 section 7.4, with the default echo losses) and by codec and loss (Ie,eff, section
 * 7.5). */
double emodel_rating(const struct emodel_in *in);

/* Mean opinion score of a rating, 1..4.5 (G.107 annex B). */
double emodel_mos(double rating);

/* BurstR of a stream that lost that many packets, in that many runs, of the expected ones: the mean
 * length of its runs by that of random loss at the same rate, 1 / (1 - lost); never below 1. */
double emodel_burst(unsigned long lost, unsigned long runs, unsigned long expected);
