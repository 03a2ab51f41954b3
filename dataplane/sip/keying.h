/* SPDX-License-Identifier: BSD-3-Clause */
/* SRTP keys negotiated in session descriptions (SDES, RFC 4568; best effort, RFC 8643), of each leg
 * by itself: limen terminates them, no key crosses. Private to dataplane/sip: body.c calls this
 * while it rewrites a description. One worker thread; libc only. */
#pragma once

#include "dataplane/sip/core.h"

/* The peer of `from` offers `sdp`, which goes on to `to`. Sections that the policy of either side
 * refuses get port 0; what is offered waits for keying_commit. 0; -EPROTO: nothing is left of it,
 * and nothing was changed (488); -ENOMEM. */
int keying_offered(struct engine *e, struct sip_leg *from, const struct sip_leg *to,
		   struct sdp *sdp);

/* The peer of `from` answers limen's offer: its keys are the leg's from here on. 0; -EPROTO: it
 * does not fit the offer, and nothing was changed. */
int keying_answered(struct engine *e, struct sip_leg *from, const struct sdp *sdp);

/* The peer's offer counts: it was the first one, or is being answered. */
void keying_commit(struct engine *e, struct sip_leg *leg);
/* It was refused, or its answer did not come. */
void keying_forget(struct engine *e, struct sip_leg *leg);

/* Put the leg's keys in force on the call's streams. 0; -ENOMEM: some stream could not be made
 * SRTP, and is as it was. */
int keying_apply(struct engine *e, const struct sip_call *call, const struct sip_leg *leg);

/* What is to be written of the sections' transports and keys: limen's offer to `to` (`old`: a bit
 * for each section that there was before), or its answer. 0, or -ENOMEM. */
int keying_put_offer(struct engine *e, const struct sip_call *call, const struct sip_leg *from,
		     struct sip_leg *to, const struct sdp *sdp, unsigned old,
		     struct sdp_rewrite *rewrite);
void keying_put_answer(struct engine *e, const struct sip_leg *to, struct sdp_rewrite *rewrite);

/* A section is over. */
void keying_drop(struct engine *e, struct sip_leg *leg, unsigned section);
