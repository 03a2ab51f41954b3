/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files that check messages offer each other. */
#pragma once

#include "ua.h"

/* How long limen's INVITE is sure to be remembered: less than 64*T1. */
#define ALIVE_NS (31 * SECOND)

/* ---- check_sdp.c ---- */
/* A request or a response that goes in, a message that goes out. */
void check_sdp_offer(struct sim *sim, const struct sip_msg *msg);
void check_sdp_response(struct sim *sim, const struct sip_msg *msg);
void check_sdp(struct sim *sim, const struct ua *to, const struct sip_msg *msg);
