/* SPDX-License-Identifier: BSD-3-Clause */
/* Bundles as limen agrees on them. limen never asks for one: it offers a port for each section, but
 * takes the bundle that a peer offers, and keeps it in what it offers to that peer later. The other
 * side hears nothing of it. One worker thread; libc only. */
#include "dataplane/sip/bundling.h"

#include <errno.h>

_Static_assert(CALL_MEDIA_MAX <= STREAM_BUNDLE_MAX, "each section has its place");

void bundling_read_offer(struct sdp *offer)
{
	unsigned tag, members = sdp_bundle_members(offer, CALL_MEDIA_MAX, &tag);

	if (members)
		sdp_bundle_share(offer, members, tag);
}

/* One address for all, RTP and RTCP. */
static void put_together(struct sdp *sdp, unsigned members, unsigned tag)
{
	for (unsigned i = 0; i < sdp->nmedia && i < CALL_MEDIA_MAX; i++) {
		if (!(members >> i & 1))
			continue;
		sdp->media[i].rtcp_mux = true;
		sdp->media[i].rtp = sdp->media[tag].rtp;
		sdp->media[i].rtcp = sdp->media[tag].rtp;
	}
}

static void pairs_of(const struct sip_call *call, struct stream_bundle_conf *conf)
{
	for (unsigned i = 0; i < STREAM_BUNDLE_MAX; i++)
		conf->pair[i] = i < call->npairs ? call->pair[i] : HANDLE_NONE;
}

int bundling_agree(struct engine *e, const struct sip_call *call, const struct sip_leg *leg,
		   struct sdp *offer, const struct sdp *answer)
{
	struct stream_bundle_conf conf = {0};
	unsigned tag, members = sdp_bundle_members(offer, CALL_MEDIA_MAX, &tag);
	int error;

	pairs_of(call, &conf);
	for (unsigned i = 0; i < CALL_MEDIA_MAX; i++) {
		if (!(members >> i & 1))
			continue;
		if (i >= answer->nmedia || answer->media[i].port == 0 || conf.pair[i] == HANDLE_NONE) {
			members &= ~(1u << i);
			continue;
		}
		conf.mid[i] = offer->media[i].mid;
		if (!conf.mid_ext)
			conf.mid_ext = offer->media[i].mid_ext;
	}
	conf.members = (uint8_t)members;
	conf.tag = members ? (uint8_t)sdp_bundle_first(offer, members) : 0;
	error = stream_bundle_set(e->media, leg->side, &conf);
	if (error == 0 && members)
		put_together(offer, members, conf.tag);
	return error;
}

/* The leg's bundle; false: it has none. */
static bool bundle_of(const struct engine *e, const struct sip_call *call, const struct sip_leg *leg,
		      struct stream_bundle_conf *conf)
{
	conf->members = 0;
	for (unsigned i = 0; i < call->npairs; i++)
		if (call->pair[i] != HANDLE_NONE &&
		    stream_bundle_get(e->media, call->pair[i], leg->side, conf))
			return true;
	return false;
}

void bundling_answered(const struct engine *e, const struct sip_call *call,
		       const struct sip_leg *leg, struct sdp *answer)
{
	struct stream_bundle_conf conf;
	unsigned members = 0;

	if (!bundle_of(e, call, leg, &conf))
		return;
	for (unsigned i = 0; i < answer->nmedia && i < CALL_MEDIA_MAX; i++)
		if (conf.members >> i & 1 && answer->media[i].port)
			members |= 1u << i;
	if (members)
		put_together(answer, members,
			     members >> conf.tag & 1 ? conf.tag : sdp_bundle_first(answer, members));
}

void bundling_put(const struct engine *e, const struct sip_call *call, const struct sip_leg *to,
		  const struct sdp *sdp, struct sdp_rewrite *rewrite)
{
	struct stream_bundle_conf conf;

	(void)bundle_of(e, call, to, &conf);
	for (unsigned i = 0; i < rewrite->nanchors && i < call->npairs; i++) {
		struct sdp_anchor *anchor = &rewrite->anchors[i];

		if (anchor->rtp.family == NET_NONE || sdp->media[i].port == 0)
			continue;
		stream_pair_local(e->media, call->pair[i], to->side, &anchor->rtp, &anchor->rtcp);
		if (!(conf.members >> i & 1))
			continue;
		anchor->mid = conf.mid[i];
		anchor->mid_ext = conf.mid_ext;
		if (rewrite->bundle == 0 || i == conf.tag)
			rewrite->bundle_tag = (uint16_t)i;
		rewrite->bundle |= (uint16_t)(1u << i);
	}
}
