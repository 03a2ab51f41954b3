/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers rewritten by rules: what comes from a trunk, what goes to one. Part of one generation.
 * limen-controlplane, not by two threads at the same time. */
#pragma once

#include "common/conf/conf.h"
#include "controlplane/topology/party.h"

struct explain;
struct number_rules;

/* conf outlives the rules. NULL when there is no memory. */
struct number_rules *number_rules_new(const struct conf *conf);
void number_rules_free(struct number_rules *rules);

/* Rewrite the party's number by the trunk's set for that direction, if it names one. Parameters
 * behind the number stay. A service's name, an anonymous party and a user without a name are no
 * numbers. A rule that would leave nothing, or more than a party holds, does not apply. Whether
 * anything changed. */
bool number_rules_apply(const struct number_rules *rules, const struct conf_trunk *trunk,
			enum conf_rules which, struct party *party, struct explain *explain);

/* Take `strip` characters off the number's start, then put `add` before it: as a table's row says.
 * A '+' goes along with the first digit that is stripped. */
void number_restart(struct party *party, unsigned strip, struct span add);
