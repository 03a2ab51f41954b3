/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a peer's packets must come from, and from when on. Learning is bounded: one decision for
 * each SDP, within a window, RTP and RTCP from one address; an attacker who comes later than the
 * peer's first packet gets nothing. One worker thread. */
#include "dataplane/media/latch.h"

#define COLD_DECIDED (COLD_RTP_DECIDED | COLD_RTCP_DECIDED)

static struct net_endpoint source_endpoint(const struct stream_hot *in, uint8_t family)
{
	return (struct net_endpoint){.addr = in->source, .port = in->source_port, .family = family};
}

static void source_set(struct stream_hot *in, const struct net_endpoint *source)
{
	in->source = source->addr;
	in->source_port = source->port;
}

/* An endpoint that packets can be sent to from an address of that family, or none. */
static struct net_endpoint usable(const struct net_endpoint *endpoint, uint8_t family)
{
	if (endpoint->family != family || endpoint->port == 0)
		return (struct net_endpoint){0};
	return *endpoint;
}

/* Send RTP and RTCP where the peer's own come from if that was learned, else where its SDP wants
 * them. */
static void aim(const struct media *media, struct stream_pair *pair,
		struct stream_side_cold *cold, enum stream_side side)
{
	const struct stream_hot *in = &pair->from[side];
	struct stream_out *out = &pair->from[!side].out;
	struct net_endpoint rtcp = cold->rtcp_sdp;

	stream_unsettle(media, &pair->from[!side]);
	if (in->flags & STREAM_LEARNED) {
		struct net_endpoint learned = source_endpoint(in, out->family);

		stream_out_to(out, &learned);
		/* Until its RTCP shows its own address: the next port is the best guess (RFC 3550
		 * section 11). */
		learned.port = (uint16_t)(learned.port + 1);
		rtcp = learned.port ? learned : (struct net_endpoint){0};
	} else {
		stream_out_to(out, &cold->rtp_sdp);
	}
	if (cold->flags & COLD_RTCP_LEARNED)
		rtcp = cold->rtcp_source;
	stream_out_to(&cold->rtcp_out, &rtcp);
}

static void pin(struct stream_hot *in, struct stream_side_cold *cold,
		const struct net_endpoint *rtp, const struct net_endpoint *rtcp)
{
	in->flags &= (uint16_t) ~(STREAM_LEARN | STREAM_LEARNED);
	cold->flags &= (uint8_t) ~(COLD_RTCP_LEARN | COLD_RTCP_LEARNED | COLD_DECIDED);
	/* A hold by 0.0.0.0 says only where nothing is wanted: the peer still sends from where it
	 * did. */
	if (rtp->family != NET_NONE)
		source_set(in, rtp);
	if (rtcp->family != NET_NONE)
		cold->rtcp_source = *rtcp;
}

static void learn(struct stream_hot *in, struct stream_side_cold *cold,
		  const struct net_endpoint *rtp, const struct net_endpoint *rtcp, bool mux)
{
	bool rtp_new = rtp->family != NET_NONE && !net_endpoint_eq(rtp, &cold->rtp_sdp);
	bool rtcp_new = rtcp->family != NET_NONE && !net_endpoint_eq(rtcp, &cold->rtcp_sdp);

	in->flags |= STREAM_LEARN;
	cold->flags &= (uint8_t) ~(COLD_RTCP_LEARN | COLD_DECIDED);
	if (!mux)
		cold->flags |= COLD_RTCP_LEARN;
	/* What was learned under another address is no longer where to send, yet it stays in force
	 * until the window has its decision: the peer may go on from there until the exchange is
	 * over. */
	if (rtp_new)
		in->flags &= (uint16_t)~STREAM_LEARNED;
	if (rtp_new || rtcp_new)
		cold->flags &= (uint8_t)~COLD_RTCP_LEARNED;
	if (in->source_port == 0 && rtp->family != NET_NONE)
		source_set(in, rtp);
	if (cold->rtcp_source.family == NET_NONE)
		cold->rtcp_source = *rtcp;
}

void latch_remote(struct media *media, uint64_t now_ns, struct stream_pair *pair,
		  enum stream_side side, const struct stream_remote *remote)
{
	struct stream_hot *in = &pair->from[side];
	struct stream_pair_cold *cold = stream_cold(media, in);
	struct stream_side_cold *mine = &cold->side[side], *other = &cold->side[!side];
	uint8_t family = pair->from[!side].out.family;
	struct net_endpoint rtp = usable(&remote->rtp, family);
	struct net_endpoint rtcp = usable(remote->rtcp_mux ? &remote->rtp : &remote->rtcp, family);

	if (remote->source == SOURCE_LEARN)
		learn(in, mine, &rtp, &rtcp, remote->rtcp_mux);
	else
		pin(in, mine, &rtp, &rtcp);
	/* Kept through a hold, so that the same SDP after it is not a new one. */
	if (rtp.family != NET_NONE)
		mine->rtp_sdp = rtp;
	if (rtcp.family != NET_NONE)
		mine->rtcp_sdp = rtcp;
	mine->remote_set_ns = now_ns;
	mine->learn_until_ns = now_ns + media->learn_ns;
	/* The far side may have waited for just this before it sends. */
	other->learn_until_ns = now_ns + media->learn_ns;
	aim(media, pair, mine, side);
}

static void decide(struct media *media, struct stream_pair *pair, struct stream_side_cold *cold,
		   enum stream_side side, const struct net_endpoint *source)
{
	struct stream_hot *in = &pair->from[side];

	source_set(in, source);
	in->flags &= (uint16_t) ~(STREAM_LEARN | STREAM_LEARNED);
	if (!net_endpoint_eq(source, &cold->rtp_sdp)) {
		in->flags |= STREAM_LEARNED;
		media->stats.learned++;
	}
	cold->flags &= (uint8_t)~COLD_DECIDED;
	cold->flags |= COLD_RTP_DECIDED;
	aim(media, pair, cold, side);
}

static void decide_rtcp(struct media *media, struct stream_pair *pair,
			struct stream_side_cold *cold, enum stream_side side,
			const struct net_endpoint *source)
{
	cold->rtcp_source = *source;
	cold->flags &= (uint8_t) ~(COLD_RTCP_LEARN | COLD_RTCP_LEARNED | COLD_DECIDED);
	cold->flags |= COLD_RTCP_DECIDED;
	if (!net_endpoint_eq(source, &cold->rtcp_sdp)) {
		cold->flags |= COLD_RTCP_LEARNED;
		media->stats.learned++;
	}
	aim(media, pair, cold, side);
}

/* What a packet means while its stream's source is open. */
enum latch_verdict {
	LATCH_REFUSE,
	LATCH_ACCEPT, /* and leave the question open */
	LATCH_DECIDE, /* this is the source */
	LATCH_EXPIRED,
};

/* Whether the other of RTP and RTCP was decided for another address. */
static bool is_elsewhere(const struct stream_hot *in, const struct stream_side_cold *cold,
			 const struct net_addr *addr)
{
	if (cold->flags & COLD_RTP_DECIDED)
		return !net_addr_eq(addr, &in->source);
	return cold->flags & COLD_RTCP_DECIDED && !net_addr_eq(addr, &cold->rtcp_source.addr);
}

static enum latch_verdict latch_judge(const struct stream_hot *in,
				      const struct stream_side_cold *cold, uint64_t now_ns,
				      const struct net_endpoint *source,
				      const struct net_endpoint *sdp,
				      const struct net_endpoint *in_force)
{
	if (net_endpoint_eq(source, sdp))
		return LATCH_DECIDE;
	/* A source learned under an earlier SDP: packets that were under way do not decide, a peer
	 * that still sends later does. */
	if (net_endpoint_eq(source, in_force))
		return now_ns >= cold->remote_set_ns + MEDIA_SETTLE_NS ? LATCH_DECIDE
								       : LATCH_ACCEPT;
	if (now_ns >= cold->learn_until_ns)
		return LATCH_EXPIRED;
	if (is_elsewhere(in, cold, &source->addr))
		return LATCH_REFUSE;
	return LATCH_DECIDE;
}

static bool latch_rtcp(struct media *media, uint64_t now_ns, struct stream_pair *pair,
		       struct stream_side_cold *cold, enum stream_side side,
		       const struct net_endpoint *source)
{
	if (!(cold->flags & COLD_RTCP_LEARN))
		return net_endpoint_eq(source, &cold->rtcp_source);
	switch (latch_judge(&pair->from[side], cold, now_ns, source, &cold->rtcp_sdp,
			    &cold->rtcp_source)) {
	case LATCH_DECIDE:
		decide_rtcp(media, pair, cold, side, source);
		return true;
	case LATCH_ACCEPT:
		return true;
	case LATCH_EXPIRED:
		cold->flags &= (uint8_t)~COLD_RTCP_LEARN;
		media->stats.learn_expired++;
		return false;
	case LATCH_REFUSE:
		break;
	}
	return false;
}

bool latch_packet(struct media *media, uint64_t now_ns, struct stream_pair *pair,
		  enum stream_side side, bool rtcp, const struct net_endpoint *source)
{
	struct stream_hot *in = &pair->from[side];
	struct stream_side_cold *cold = &stream_cold(media, in)->side[side];
	struct net_endpoint in_force = source_endpoint(in, source->family);

	if (rtcp)
		return latch_rtcp(media, now_ns, pair, cold, side, source);
	if (!(in->flags & STREAM_LEARN))
		return net_endpoint_eq(source, &in_force);
	switch (latch_judge(in, cold, now_ns, source, &cold->rtp_sdp, &in_force)) {
	case LATCH_DECIDE:
		decide(media, pair, cold, side, source);
		return true;
	case LATCH_ACCEPT:
		return true;
	case LATCH_EXPIRED:
		in->flags &= (uint16_t)~STREAM_LEARN;
		media->stats.learn_expired++;
		return false;
	case LATCH_REFUSE:
		break;
	}
	return false;
}

void latch_follow(struct media *media, struct stream_pair *pair, enum stream_side side,
		  const struct stream_pair *leader)
{
	const struct stream_hot *from = &leader->from[side];
	struct stream_hot *in = &pair->from[side];

	in->source = from->source;
	in->source_port = from->source_port;
	in->flags &= (uint16_t) ~(STREAM_LEARN | STREAM_LEARNED);
	in->flags |= from->flags & STREAM_LEARNED;
	stream_unsettle(media, in);
	aim(media, pair, &stream_cold(media, in)->side[side], side);
}
