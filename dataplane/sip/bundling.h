/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles (RFC 8843) as limen agrees on them: on one leg, whatever the other one does. Private to
 * dataplane/sip; one worker thread; libc only. */
#pragma once

#include "dataplane/sip/core.h"

/* Sections that an offer has in its bundle alone are where its first one is. */
void bundling_read_offer(struct sdp *offer);

/* The leg's offer has its answer: its sections that are in a bundle are now, others no more; the
 * description says where they are. 0; -ENOMEM. */
int bundling_agree(struct engine *e, const struct sip_call *call, const struct sip_leg *leg,
		   struct sdp *offer, const struct sdp *answer);

/* The leg answers what limen offered: the sections of its bundle are where its first one is. */
void bundling_answered(const struct engine *e, const struct sip_call *call,
		       const struct sip_leg *leg, struct sdp *answer);

/* Into what is written for the leg: limen's ports, which the answer may have changed, and the leg's
 * bundle with the names that it knows. */
void bundling_put(const struct engine *e, const struct sip_call *call, const struct sip_leg *to,
		  const struct sdp *sdp, struct sdp_rewrite *rewrite);
