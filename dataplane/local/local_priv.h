/* SPDX-License-Identifier: BSD-3-Clause */
/* Private to dataplane/local. */
#pragma once

#include "dataplane/io/neigh.h"
#include "dataplane/io/neigh_frame.h"
#include "dataplane/io/port.h"
#include "dataplane/local/local.h"
#include "dataplane/tx/tx.h"

/* Each takes m. */
void local_arp(struct local *local, struct tx *tx, struct rte_mbuf *m);
void local_nd(struct local *local, struct tx *tx, struct rte_mbuf *m, uint32_t icmp_len);
void local_echo4(struct local *local, struct tx *tx, struct rte_mbuf *m, uint64_t now_ns);
void local_echo6(struct local *local, struct tx *tx, struct rte_mbuf *m, uint32_t icmp_len,
		 uint64_t now_ns);

/* Tell main what was heard of a neighbour that the table holds; what strangers say of themselves is
 * not passed on. With realm REALM_NONE it may be in any realm of the port. */
void local_heard(struct local *local, uint8_t port, const struct neigh_heard *heard);

/* Tell main that somebody else uses an address of ours. */
void local_conflict(struct local *local, const struct neigh_heard *claim);
