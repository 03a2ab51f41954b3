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

/* By what the peer has proved to be (TLS): names with a NUL behind each, in the config's lower case.
 * -1: no trunk of that realm has one of them. */
int admit_proved(const struct admit *admit, unsigned realm, struct span names,
		 struct explain *explain);

/* Addresses that the names of trunks' peers have now, in place of those told before: the one part
 * of the table that changes, by the loop thread. A prefix of the config that names the whole address
 * goes before; of two names for one address the first counts. 0, or -ENOMEM: then it is as
 * before. */
struct admit_name {
	unsigned realm, trunk;
	uint8_t family;
	struct net_addr addr;
};
int admit_set_names(struct admit *admit, const struct admit_name *names, size_t n);
