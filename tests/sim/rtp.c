/* SPDX-License-Identifier: BSD-3-Clause */
/* Media: endpoints of a share of the calls send a packet now and then, and it goes by the same
 * stream table and source rules as a worker's. What limen relays, where to, and what it must not,
 * is judged on the spot: a media packet takes no time. */
#include "common/sdp/sdp.h"
#include "dataplane/media/latch.h"
#include "dataplane/media/quality.h"
#include "ua.h"

#define NAT_SHIFT 20000u /* a NAT makes the source port another one by so much */
#define RTP_BYTES 172u

enum rtp_fate { RTP_RELAYED, RTP_HELD, RTP_NO_STREAM, RTP_WRONG_SOURCE };
static const char *const fate_names[] = {"relayed", "held", "without a stream",
					 "from the wrong source"};

/* ---- places ---- */

uint16_t rtp_port(const struct ua *ua, const struct sess *sess, unsigned section)
{
	return (uint16_t)(6000 + 64 * ua->slot + 8 * ua_sess_number(ua, sess) + 2 * section);
}

/* Where an endpoint's packets come from, as limen sees it. */
static struct net_endpoint source_of(const struct ua *ua, const struct sess *sess)
{
	struct net_endpoint at = ua->self;

	at.port = (uint16_t)(rtp_port(ua, sess, 0) + (ua->manner.nat ? NAT_SHIFT : 0));
	return at;
}

/* The session of a call whose media lives there, by its description or behind its NAT. */
static struct sess *session_at(struct sim *sim, uint32_t call, const struct net_endpoint *at,
			       struct ua **whose)
{
	for (unsigned slot = 0; slot < SIM_SLOTS; slot++) {
		struct ua *ua = &sim->uas[call * SIM_SLOTS + slot];

		if (!net_addr_eq(&ua->self.addr, &at->addr))
			continue;
		for (unsigned i = 0; i < UA_SESSIONS; i++) {
			unsigned port = rtp_port(ua, &ua->sess[i], 0);

			if (ua->sess[i].state == SESS_FREE ||
			    (at->port != port && at->port != port + NAT_SHIFT))
				continue;
			*whose = ua;
			return &ua->sess[i];
		}
	}
	return NULL;
}

/* ---- limen's relay: dataplane/media/media_stage.c, without packets ---- */

/* A stream found: where its packets come in. */
struct found {
	struct sim_worker *worker;
	struct stream_pair *pair;
	unsigned side;
};

static bool find_stream(struct sim *sim, unsigned realm, const struct net_endpoint *local,
			struct found *found)
{
	for (unsigned i = 0; i < sim->nworkers; i++) {
		struct media *media = sim->workers[i].media;
		const struct media_slot *slot =
			&media->slots[media_slot_of((uint8_t)realm, local->family)];
		uint32_t at = (uint32_t)local->port - slot->first_port;
		uint32_t entry = slot->streams && at < slot->nports ? slot->streams[at / 2] : 0;

		if (!entry)
			continue;
		*found = (struct found){&sim->workers[i], slab_at(media->hot, (entry - 1) / 2),
					(entry - 1) & 1};
		return true;
	}
	return false;
}

static enum rtp_fate relay(struct sim *sim, const struct found *found,
			   const struct net_endpoint *source, uint16_t seq)
{
	const uint8_t header[12] = {0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq};
	struct stream_hot *in = &found->pair->from[found->side];
	struct stream_side_cold *cold = &stream_cold(found->worker->media, in)->side[found->side];

	if (!latch_packet(found->worker->media, sim->now_ns, found->pair, found->side, false,
			  source)) {
		cold->dropped_pkts++;
		return RTP_WRONG_SOURCE;
	}
	in->last_seen_ns = sim->now_ns;
	quality_account(found->worker->media, sim->now_ns, in, found->side, header,
			sizeof(header));
	if ((in->flags & STREAM_RELAYS) != STREAM_RELAYS) {
		cold->dropped_pkts++;
		return RTP_HELD;
	}
	in->rx_pkts++;
	in->rx_bytes += RTP_BYTES;
	return RTP_RELAYED;
}

/* ---- what an endpoint learns of limen's media ---- */

void rtp_take_place(struct sim *sim, const struct ua *ua, struct sess *sess, struct span text)
{
	static struct sdp sdp;
	const char *why;

	if (sim->calls[ua->call].rtp && !sdp_parse(&sdp, text, &why) && sdp.nmedia &&
	    sdp.media[0].port)
		sess->media = (struct net_endpoint){.addr = ua->limen.addr,
						    .port = sdp.media[0].port,
						    .family = ua->limen.family};
}

void rtp_take_sdp(struct sim *sim, struct ua *ua, const struct sip_msg *msg)
{
	/* An offer in a dialog may be refused, and then nothing has changed: see ua_respond_as. */
	bool may_refuse =
		msg->is_request && msg->method != SIP_METHOD_ACK && msg->to_tag.len != 0;

	if (!msg->body.len ||
	    !span_ieq(sip_hdr_value(msg, SIP_HDR_CONTENT_TYPE), SPAN("application/sdp")))
		return;
	for (unsigned i = 0; i < UA_SESSIONS; i++) {
		struct sess *sess = &ua->sess[i];

		if (sess->state == SESS_FREE ||
		    !span_eq(sip_span(msg, msg->call_id), span_str(sess->call_id)))
			continue;
		sess->told = true;
		if (!may_refuse)
			rtp_take_place(sim, ua, sess, sip_span(msg, msg->body));
	}
}

/* ---- judgement ---- */

static bool sends(enum ua_direction direction)
{
	return direction == DIR_SENDRECV || direction == DIR_SENDONLY || direction == DIR_ZERO;
}

static bool receives(enum ua_direction direction)
{
	return direction == DIR_SENDRECV || direction == DIR_RECVONLY;
}

/* Nothing is under way in the session that could change its media. */
static bool is_settled(const struct ua *ua, const struct sess *sess)
{
	for (unsigned i = 0; i < UA_TXNS; i++) {
		const struct ua_txn *txn = &ua->txn[i];

		if (txn->kind == UT_FREE || txn->sess != ua_sess_number(ua, sess))
			continue;
		if (txn->state <= US_PROCEEDING ||
		    (txn->kind == UT_SERVER_INVITE && txn->state == US_ACCEPTED && !txn->acked))
			return false;
	}
	return sess->state == SESS_UP && sess->described;
}

/* The only other session of a call that is up, when both are settled; NULL when what they agreed on
 * cannot be told from outside. */
static struct sess *settled_peer(struct sim *sim, const struct ua *ua, const struct sess *sess)
{
	struct sess *peer = NULL;

	if (!is_settled(ua, sess))
		return NULL;
	for (unsigned slot = 0; slot < SIM_SLOTS; slot++) {
		struct ua *other = &sim->uas[ua->call * SIM_SLOTS + slot];

		for (unsigned i = 0; i < UA_SESSIONS; i++) {
			if (other->sess[i].state != SESS_UP || &other->sess[i] == sess)
				continue;
			if (peer || other->gone || !is_settled(other, &other->sess[i]))
				return NULL;
			peer = &other->sess[i];
		}
	}
	return peer;
}

/* limen sends nothing of a call to anybody else. */
static void check_target(struct sim *sim, const struct ua *ua, const struct stream_out *out)
{
	struct ua *to;

	if (sim->calls[ua->call].tainted)
		return;
	if (!session_at(sim, ua->call, &out->dst, &to))
		sim_violation(sim, ua->call, "media of endpoint %u goes to a stranger", ua->slot);
	else if (out->realm != to->side || !net_addr_eq(&out->src.addr, &to->limen.addr) ||
		 out->src.port < SIM_MEDIA_LOW || out->src.port > SIM_MEDIA_HIGH)
		sim_violation(sim, ua->call, "media comes from an address that is not limen's");
}

/* Somebody else at a port whose source is settled. */
static void try_stranger(struct sim *sim, const struct ua *ua, const struct found *found,
			 const struct net_endpoint *source)
{
	struct net_endpoint stranger = *source;

	if (found->pair->from[found->side].flags & STREAM_LEARN)
		return;
	stranger.port = (uint16_t)(stranger.port + 1);
	if (relay(sim, found, &stranger, 1) != RTP_WRONG_SOURCE)
		sim_violation(sim, ua->call, "a stranger's media is relayed");
	sim->totals->rtp_refused++;
}

/* Where limen carries a transfer out, the target may be settled before the transferee has heard of
 * it, whose media is still the first call's: NULL, and till then it gets nothing of the target. */
static const struct sess *joined_peer(struct sim *sim, const struct ua *ua,
				      const struct sess *peer, const struct found *found,
				      enum rtp_fate fate)
{
	struct found back;
	struct ua *to;

	if (session_at(sim, ua->call, &found->pair->from[found->side].out.dst, &to) != peer)
		return NULL;
	if (find_stream(sim, to->side, &peer->media, &back) && back.pair == found->pair)
		return peer;
	if (fate == RTP_RELAYED)
		sim_violation(sim, ua->call,
			      "media of endpoint %u is relayed before its peer was offered it",
			      ua->slot);
	return NULL;
}

void rtp_send(struct sim *sim, struct ua *ua, struct sess *sess)
{
	struct sim_call *call = &sim->calls[ua->call];
	struct net_endpoint source = source_of(ua, sess);
	enum rtp_fate fate = RTP_NO_STREAM;
	const struct sess *peer;
	struct found found;

	if (sess->media.family == NET_NONE)
		return;
	if (find_stream(sim, ua->side, &sess->media, &found))
		fate = relay(sim, &found, &source, ++sess->rtp_seq);
	sim_trace(sim, ua->call, "media of endpoint %u is %s", ua->slot, fate_names[fate]);
	if (fate == RTP_RELAYED || fate == RTP_HELD)
		call->media_ns = sim->now_ns;
	if (fate == RTP_RELAYED) {
		call->relayed[ua->side]++;
		sim->totals->rtp_relayed++;
		check_target(sim, ua, &found.pair->from[found.side].out);
		try_stranger(sim, ua, &found, &source);
	}
	peer = sim_is_strict(sim, ua->call) && !call->lame && !call->ending
		       ? settled_peer(sim, ua, sess)
		       : NULL;
	if (peer && fate != RTP_NO_STREAM && call->transferred)
		peer = joined_peer(sim, ua, peer, &found, fate);
	if (peer && (fate == RTP_RELAYED) != (sends(sess->direction) && receives(peer->direction)))
		sim_violation(sim, ua->call, "media of endpoint %u is %s (directions %u and %u)",
			      ua->slot, fate_names[fate], sess->direction, peer->direction);
	sim->totals->rtp_judged += peer != NULL;
	if (peer && fate == RTP_RELAYED)
		srtp_check(sim, ua, sess,
			   stream_secure(found.worker->media,
					 &stream_cold(found.worker->media,
						      &found.pair->from[found.side])
						  ->side[found.side]));
}

void rtp_after_end(struct sim *sim, uint32_t call)
{
	for (unsigned slot = 0; slot < SIM_SLOTS; slot++) {
		struct ua *ua = &sim->uas[call * SIM_SLOTS + slot];
		struct found found;

		for (unsigned i = 0; i < UA_SESSIONS; i++)
			if (ua->sess[i].state != SESS_FREE &&
			    ua->sess[i].media.family != NET_NONE &&
			    find_stream(sim, ua->side, &ua->sess[i].media, &found))
				sim_violation(sim, call,
					      "the call is over, its stream is still there");
	}
}
