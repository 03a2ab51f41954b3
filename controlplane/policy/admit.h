/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is it: from realm and source address to trunk, longest prefix first. An immutable table of
 * one generation of the config. limen-controlplane, any thread. */
#pragma once

#include "common/conf/conf.h"

struct admit;
struct explain;

/* conf outlives the table. NULL when there is no memory. */
struct admit *admit_new(const struct conf *conf);
void admit_free(struct admit *admit);

/* The trunk's index, or -1 for a source that no trunk of that realm names. *bits: length of the
 * prefix that decided. `explain` may be NULL. */
int admit_trunk(const struct admit *admit, unsigned realm, uint8_t family,
		const struct net_addr *addr, unsigned *bits, struct explain *explain);
