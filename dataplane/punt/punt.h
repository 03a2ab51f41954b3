/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage for what a stream transport carries (TCP, TLS, SCTP): the kernel's and the control plane's
 * business. Counted and dropped in this version. Each worker. */
#pragma once

#include "dataplane/io/drop.h"

/* Takes the packets. */
void punt_stage(struct drops *drops, struct rte_mbuf **pkts, unsigned n);
