/* SPDX-License-Identifier: BSD-3-Clause */
/* Media of pairs that are SRTP on one side or both: a vector is opened together, then checked,
 * counted and turned round packet by packet, then sealed together. Worker threads; no allocation,
 * lock, system call or log but where libsrtp2 sets up a key. */
#include "dataplane/media/media_relay.h"
#include "dataplane/media/srtp.h"

#define VECTOR_MAX 32u

static enum drop_reason reason_of(enum secure_result result)
{
	switch (result) {
	case SECURE_INVALID:
		return DROP_MEDIA_INVALID;
	case SECURE_REPLAYED:
		return DROP_SRTP_REPLAYED;
	case SECURE_FORGED:
		return DROP_SRTP_FORGED;
	case SECURE_CROWDED:
		return DROP_SRTP_SOURCES;
	default:
		return DROP_SRTP_ENGINE;
	}
}

static const struct stream_side_cold *side_of(const struct media_turn *turn,
					      const struct stream_hot *in, enum stream_side side)
{
	return &stream_cold(turn->media, in)->side[side];
}

/* What can be said before any arithmetic: a source that is settled, a header, bytes that may be
 * written to. */
static bool is_worth_opening(const struct media_turn *turn, const struct secured_pkt *pkt)
{
	struct pkt *p = pkt_of(pkt->m);
	enum drop_reason reason;

	if (!(pkt->in->flags & STREAM_LEARN) && !is_from_source(pkt->in, p))
		reason = DROP_MEDIA_SOURCE;
	else if (rte_pktmbuf_linearize(pkt->m) || !RTE_MBUF_DIRECT(pkt->m) ||
		 rte_mbuf_refcnt_read(pkt->m) != 1 ||
		 !rtp_header_is_valid(
			 rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, p->payload_off),
			 p->payload_len))
		reason = DROP_MEDIA_INVALID;
	else
		return true;
	stream_drop(turn, pkt->m, pkt->in, pkt->side, reason);
	return false;
}

/* The packets that came by a side with keys, opened; what fails is dropped. Those that are left. */
static unsigned open_vector(const struct media_turn *turn, struct secured_pkt *pkts, unsigned n)
{
	struct secure_job jobs[VECTOR_MAX];
	unsigned njobs = 0, left = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct stream_side_cold *mine = side_of(turn, pkts[i].in, pkts[i].side);
		struct pkt *p = pkt_of(pkts[i].m);

		if (!mine->secure)
			continue;
		jobs[njobs++] = (struct secure_job){
			.m = pkts[i].m,
			.dir = &stream_secure(turn->media, mine)->rx,
			.id = stream_secure_rx(mine),
			.off = p->payload_off,
			.len = p->payload_len,
		};
	}
	secure_unprotect(turn->media->engine, jobs, njobs);
	njobs = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct secure_job *job = &jobs[njobs];

		if (side_of(turn, pkts[i].in, pkts[i].side)->secure) {
			njobs++;
			if (job->result != SECURE_OK) {
				stream_drop(turn, pkts[i].m, pkts[i].in, pkts[i].side,
					    reason_of(job->result));
				continue;
			}
			pkt_of(pkts[i].m)->payload_len = job->len;
		}
		pkts[left++] = pkts[i];
	}
	return left;
}

/* As relay_rtp in the stage, for a packet that is authentic where it has to be: only such a one
 * decides where a peer is. The packet is then the payload alone. */
static bool turn_round(const struct media_turn *turn, const struct secured_pkt *pkt)
{
	struct stream_hot *in = pkt->in;
	struct pkt *p = pkt_of(pkt->m);
	struct net_endpoint source = pkt_source(p);

	if (in->flags & STREAM_LEARN &&
	    !latch_packet(turn->media, turn->now_ns, stream_pair_of(in, pkt->side), pkt->side,
			  false, &source)) {
		stream_drop(turn, pkt->m, in, pkt->side, DROP_MEDIA_SOURCE);
		return false;
	}
	in->last_seen_ns = turn->now_ns;
	account(turn, in, pkt->side, rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, p->payload_off),
		p->payload_len);
	if ((in->flags & STREAM_RELAYS) != STREAM_RELAYS) {
		stream_drop(turn, pkt->m, in, pkt->side, held_reason(in->flags));
		return false;
	}
	if (!police_pass(turn->media, turn->now_ns, in, pkt->side, p->payload_len)) {
		stream_drop(turn, pkt->m, in, pkt->side, DROP_MEDIA_POLICED);
		return false;
	}
	(void)strip(pkt->m, p); /* one segment */
	if (in->flags & STREAM_MASKED)
		(void)rtp_mask(rte_pktmbuf_mtod(pkt->m, uint8_t *),
			       side_of(turn, in, pkt->side)->ssrc_mask, TX_SUM_UNKNOWN);
	if (rte_pktmbuf_tailroom(pkt->m) < SECURE_ROOM) {
		stream_drop(turn, pkt->m, in, pkt->side, DROP_TX_SIZE);
		return false;
	}
	in->rx_pkts++;
	in->rx_bytes += p->payload_len;
	return true;
}

/* Sealed where the far side has keys, and sent. */
static void send_vector(const struct media_turn *turn, const struct secured_pkt *pkts, unsigned n)
{
	struct secure_job jobs[VECTOR_MAX];
	unsigned njobs = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct stream_side_cold *far = side_of(turn, pkts[i].in, !pkts[i].side);

		if (!far->secure)
			continue;
		jobs[njobs++] = (struct secure_job){
			.m = pkts[i].m,
			.dir = &stream_secure(turn->media, far)->tx,
			.id = stream_secure_tx(far),
			.len = rte_pktmbuf_data_len(pkts[i].m),
		};
	}
	secure_protect(turn->media->engine, jobs, njobs);
	njobs = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i].m;

		if (side_of(turn, pkts[i].in, !pkts[i].side)->secure) {
			const struct secure_job *job = &jobs[njobs++];

			if (job->result != SECURE_OK) {
				stream_drop(turn, m, pkts[i].in, pkts[i].side,
					    reason_of(job->result));
				continue;
			}
			m->data_len = job->len;
			m->pkt_len = job->len;
		}
		tx_udp(turn->tx, m, out_flow(&pkts[i].in->out), TX_SUM_UNKNOWN);
	}
}

void relay_secured(const struct media_turn *turn, const struct secured_pkt *pkts, unsigned n)
{
	struct secured_pkt good[VECTOR_MAX];
	unsigned ngood = 0, left = 0;

	for (unsigned i = 0; i < n; i++) {
		if (unlikely(!turn->media->engine))
			stream_drop(turn, pkts[i].m, pkts[i].in, pkts[i].side, DROP_SRTP_ENGINE);
		else if (is_worth_opening(turn, &pkts[i]))
			good[ngood++] = pkts[i];
	}
	ngood = open_vector(turn, good, ngood);
	for (unsigned i = 0; i < ngood; i++)
		if (turn_round(turn, &good[i]))
			good[left++] = good[i];
	send_vector(turn, good, left);
}

/* --- RTCP --- */

bool rtcp_open(const struct media_turn *turn, struct rte_mbuf *m, struct stream_hot *in,
	       enum stream_side side)
{
	const struct stream_side_cold *mine = side_of(turn, in, side);
	struct pkt *p = pkt_of(m);
	enum secure_result result = SECURE_FAULT;
	uint32_t len = p->payload_len;

	if (turn->media->engine)
		result = secure_rtcp_unprotect(
			turn->media->engine, &stream_secure(turn->media, mine)->rx,
			stream_secure_rx(mine),
			rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload_off), &len);
	if (result != SECURE_OK) {
		stream_drop(turn, m, in, side, reason_of(result));
		return false;
	}
	p->payload_len = (uint16_t)len;
	return true;
}

bool rtcp_seal(const struct media_turn *turn, struct rte_mbuf *m, const struct stream_hot *in,
	       enum stream_side to)
{
	const struct stream_side_cold *far = side_of(turn, in, to);
	enum secure_result result = SECURE_FAULT;
	uint32_t len = rte_pktmbuf_data_len(m);

	if (rte_pktmbuf_tailroom(m) < SECURE_ROOM) {
		stream_drop(turn, m, in, !to, DROP_TX_SIZE);
		return false;
	}
	if (turn->media->engine)
		result = secure_rtcp_protect(turn->media->engine,
					     &stream_secure(turn->media, far)->tx,
					     stream_secure_tx(far), rte_pktmbuf_mtod(m, uint8_t *),
					     &len);
	if (result != SECURE_OK) {
		stream_drop(turn, m, in, !to, reason_of(result));
		return false;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	return true;
}
