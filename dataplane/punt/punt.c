/* SPDX-License-Identifier: BSD-3-Clause */
/* What the kernel shall have, as far as the source may send it. Each worker. */
#include "dataplane/punt/punt.h"

#include "dataplane/io/realm.h"

#include <netinet/in.h>
#include <rte_ring.h>
#include <rte_tcp.h>

#define SCTP_HEAD_BYTES 12u
#define SCTP_INIT	1 /* type of the first chunk */

/* Whether it begins a connection; -1: too short to tell. */
static int begins(const struct rte_mbuf *m, const struct pkt *pkt)
{
	const uint8_t *at = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);
	unsigned len = rte_pktmbuf_data_len(m);

	if (pkt->proto == IPPROTO_SCTP)
		return len < pkt->l4_off + SCTP_HEAD_BYTES + 4 ? -1
							       : at[SCTP_HEAD_BYTES] == SCTP_INIT;
	if (len < pkt->l4_off + sizeof(struct rte_tcp_hdr))
		return -1;
	return (((const struct rte_tcp_hdr *)at)->tcp_flags &
		(RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG;
}

static void punt_one(struct punt *punt, struct rte_mbuf *m, uint64_t now_ns)
{
	const struct pkt *pkt = pkt_of(m);
	const struct realm *realm = &punt->realms->realm[pkt->realm];
	int is_new;

	if (!realm->has_kernel) {
		pkt_drop(punt->drops, m, DROP_PUNT_UNWIRED);
		return;
	}
	is_new = begins(m, pkt);
	if (is_new < 0)
		pkt_drop(punt->drops, m, DROP_TRUNCATED);
	else if (!punt_limit_pass(&punt->limit, now_ns, pkt->realm, pkt->family, &pkt->src,
				  is_new != 0, realm->kernel_new_per_s, realm->kernel_pkts_per_s))
		pkt_drop(punt->drops, m, is_new ? DROP_PUNT_NEW_RATE : DROP_PUNT_RATE);
	else if (rte_ring_sp_enqueue(punt->to_main, m) != 0)
		pkt_drop(punt->drops, m, DROP_MAIN_FULL);
}

void punt_stage(struct punt *punt, struct rte_mbuf **pkts, unsigned n, uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++)
		punt_one(punt, pkts[i], now_ns);
}
