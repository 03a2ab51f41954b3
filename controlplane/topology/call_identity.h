/* SPDX-License-Identifier: BSD-3-Clause */
/* Identities that limen writes itself: lines of one call's plan. Private to controlplane/topology.
 * limen-controlplane, loop thread. */
#pragma once

#include "common/sip/header_rules.h"
#include "controlplane/topology/call_rules.h"

#define CALL_IDENTITY_LINES 3u /* P-Asserted-Identity, Remote-Party-ID, Privacy */

/* Whether there are any for that call. */
bool call_identity_writes(const struct ruled_call *call, const struct conf_trunk_rules *from,
			  const struct conf_trunk_rules *to);
/* The lines; their values go to `values`. Returns how many. */
unsigned call_identity_collect(const struct conf *conf, const struct ruled_call *call,
			       struct header_rule_text texts[CALL_IDENTITY_LINES],
			       struct cursor *values);
