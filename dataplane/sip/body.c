/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions: rewritten for the other side, they steer the call's stream pairs (RFC
 * 3264). One worker thread; libc only. */
#include "dataplane/sip/bundling.h"
#include "dataplane/sip/keying.h"

#include <errno.h>

static bool starts_with(struct span text, struct span prefix)
{
	return text.len >= prefix.len && strncasecmp(text.ptr, prefix.ptr, prefix.len) == 0;
}

/* Whether a section's transport is one that the media stage relays: RTP in any profile but those
 * with DTLS, and T.38. */
static bool proto_is_relayed(struct span proto)
{
	enum sdp_security security = sdp_security(proto);

	return security == SDP_SECURITY_PLAIN || security == SDP_SECURITY_SDES ||
	       span_ieq(proto, SPAN("udptl"));
}

/* Whether both sides' policy lets sections over TCP (MSRP) pass with their address. */
static bool tcp_may_pass(const struct engine *e, const struct sip_call *call)
{
	const struct ipc_verdict *verdict = call_verdict(e, call);
	struct ipc_target_view target;
	uint32_t at = 0;

	if (verdict == NULL || !(verdict->side.flags & IPC_POLICY_MSRP))
		return false;
	for (unsigned i = 1; ipc_verdict_next_target(verdict, &at, &target); i++) {
		if (i == call->target)
			return target.head->side.flags & IPC_POLICY_MSRP;
	}
	return false;
}

static bool section_is_relayed(const struct sdp_media *media, unsigned i)
{
	return i < CALL_MEDIA_MAX && media->port != 0 && proto_is_relayed(media->proto);
}

/* Of a transfer, who stands in for the transferee: what the target answers is offered to that
 * one. */
static bool is_stand_in(const struct sip_call *call, const struct sip_leg *leg)
{
	return call->flags & CALL_OWN_INVITE && leg->self == call->leg[SIDE_A] &&
	       leg->state == LEG_OVER;
}

/* Put a description's addresses in force for its leg. `answer`: what the other side made of it,
 * NULL where that is not known: RTCP is multiplexed only where both say so (RFC 5761
 * section 5.1.1). The transferee hears nothing of a target that he has not been offered yet. */
static void apply_remotes(struct engine *e, struct sip_call *call, struct sip_leg *from,
			  const struct sdp *sdp, const struct sdp *answer)
{
	for (unsigned i = 0; i < sdp->nmedia && i < call->npairs; i++) {
		const struct sdp_media *media = &sdp->media[i];
		bool refused = media->rtcp_mux && answer && i < answer->nmedia &&
			       !answer->media[i].rtcp_mux &&
			       !stream_is_bundled(e->media, call->pair[i], from->side);
		struct sdp_formats formats;
		struct stream_remote remote = {
			.source = from->source_policy,
			.hide_ssrc = from->media_flags & IPC_POLICY_HIDE_SSRC,
			.police_burst_ms = from->police_burst_ms,
			.police_headroom_percent = from->police_headroom_percent,
			.rtcp_mux = media->rtcp_mux && !refused,
			.may_send = media->direction == SDP_SENDRECV ||
				    media->direction == SDP_SENDONLY,
			.may_receive = (media->direction == SDP_SENDRECV ||
					media->direction == SDP_RECVONLY) &&
				       !is_stand_in(call, from),
		};

		if (call->pair[i] == HANDLE_NONE)
			continue;
		if (media->port) {
			sdp_formats_read(sdp, media, &formats);
			remote.formats = &formats;
		}
		if (section_is_relayed(media, i) && !media->hold_by_zero) {
			remote.rtp = media->rtp;
			remote.rtcp = refused ? media->rtcp_apart : media->rtcp;
		} else {
			remote.may_receive = false;
		}
		stream_pair_remote(e->media, e->now_ns, call->pair[i], from->side, &remote);
	}
	from->flags |= LEG_MEDIA_SET;
	/* What was held may count as silent again. */
	if (call->state == CALL_ANSWERED)
		b2bua_arm(e, call);
}

/* What the peer said of its media is kept where its partner may hand it on. */
static void keep_description(struct engine *e, struct sip_leg *leg, struct span text)
{
	const struct sip_leg *peer = leg_get(e, leg->peer);

	if (peer == NULL || peer->refer != IPC_REFER_LOCAL)
		return;
	blob_free(&e->blobs, leg->description);
	leg->description = blob_copy(&e->blobs, text);
}

static void drop_offer(struct engine *e, struct sip_leg *leg)
{
	blob_free(&e->blobs, leg->offer);
	leg->offer = HANDLE_NONE;
}

/* An offer inside the dialog counts from its answer on (RFC 3264 section 8): apply what was put
 * aside. */
static int apply_pending_offer(struct engine *e, struct sip_call *call, struct sip_leg *leg)
{
	struct span text = blob_span(&e->blobs, leg->offer);
	const char *why;
	int error = 0;

	if (leg->offer == HANDLE_NONE)
		return 0;
	if (sdp_parse(&e->offer, text, &why) == 0) {
		bundling_read_offer(&e->offer);
		error = bundling_agree(e, call, leg, &e->offer, &e->sdp);
		apply_remotes(e, call, leg, &e->offer, &e->sdp);
	}
	keep_description(e, leg, text);
	drop_offer(e, leg);
	return error;
}

void body_forget_offer(struct engine *e, struct sip_leg *leg)
{
	struct sip_leg *peer = leg_get(e, leg->peer);

	drop_offer(e, leg);
	keying_forget(e, leg);
	if (peer)
		session_forget_offer(e, peer);
}

void body_forget_all(struct engine *e, struct sip_leg *leg)
{
	drop_offer(e, leg);
	keying_free(e, leg);
	session_free(e, leg);
	blob_free(&e->blobs, leg->description);
	leg->description = HANDLE_NONE;
}

bool body_take_answer(struct engine *e, struct sip_leg *leg, struct span text)
{
	struct sip_call *call = call_get(e, leg->call);
	struct sip_leg *peer = leg_get(e, leg->peer);
	bool again = leg->flags & LEG_MEDIA_SET;
	const char *why;

	if (call == NULL || peer == NULL ||
	    (again && hash_sip(&e->index_key, text) == peer->sdp_hash))
		return true;
	if (sdp_parse(&e->sdp, text, &why))
		return again;
	if (keying_answered(e, leg, &e->sdp) || keying_apply(e, call, leg))
		return false;
	bundling_answered(e, call, leg, &e->sdp);
	apply_remotes(e, call, leg, &e->sdp, NULL);
	return true;
}

/* The pair of section i, opened now if it has none. */
static int section_pair(struct engine *e, struct sip_call *call, struct sip_leg *from,
			struct sip_leg *to, unsigned i)
{
	struct stream_local ends[2];
	int error;

	if (call->pair[i] != HANDLE_NONE)
		return 0;
	ends[from->side] = (struct stream_local){from->realm, from->next_hop.family};
	ends[to->side] = (struct stream_local){to->realm, to->next_hop.family};
	error = stream_pair_open(e->media, e->now_ns, ends[SIDE_A], ends[SIDE_B], &call->pair[i]);
	if (error) {
		call->pair[i] = HANDLE_NONE;
		return error;
	}
	stream_pair_own(e->media, call->pair[i], call->self);
	if (call->npairs <= i)
		call->npairs = (uint8_t)(i + 1);
	return 0;
}

static int make_anchors(struct engine *e, struct sip_call *call, struct sip_leg *from,
			struct sip_leg *to, bool answer, struct sdp_rewrite *rewrite)
{
	const struct sdp *sdp = &e->sdp;

	rewrite->nanchors = sdp->nmedia;
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		struct sdp_anchor *anchor = &rewrite->anchors[i];
		int error;

		memset(anchor, 0, sizeof(*anchor));
		if (!section_is_relayed(&sdp->media[i], i)) {
			/* A section that was answered with port 0 is over (RFC 3264 section 6). */
			anchor->as_is = sdp->media[i].port &&
					starts_with(sdp->media[i].proto, SPAN("TCP")) &&
					tcp_may_pass(e, call);
			if (answer && i < call->npairs && call->pair[i] != HANDLE_NONE) {
				stream_pair_close(e->media, e->now_ns, call->pair[i]);
				call->pair[i] = HANDLE_NONE;
				keying_drop(e, from, i);
				keying_drop(e, to, i);
			}
			continue;
		}
		error = section_pair(e, call, from, to, i);
		if (error)
			return error;
		stream_pair_local(e->media, call->pair[i], to->side, &anchor->rtp, &anchor->rtcp);
		if (from->media_flags & IPC_POLICY_HIDE_SSRC &&
		    starts_with(sdp->media[i].proto, SPAN("RTP/AVP")))
			anchor->ssrc_mask =
				stream_pair_ssrc_mask(e->media, call->pair[i], from->side);
	}
	return 0;
}

/* Keys before addresses: nothing is sent with the wrong ones. */
static int take_answer(struct engine *e, struct sip_call *call, struct sip_leg *from,
		       struct sip_leg *to)
{
	int error;

	keying_commit(e, to);
	error = keying_apply(e, call, to);
	if (error == 0)
		error = keying_apply(e, call, from);
	if (error)
		return error;
	error = apply_pending_offer(e, call, to);
	bundling_answered(e, call, from, &e->sdp);
	apply_remotes(e, call, from, &e->sdp, NULL);
	return error;
}

static bool offers_mux(const struct sdp *sdp)
{
	for (unsigned i = 0; i < sdp->nmedia; i++) {
		if (sdp->media[i].rtcp_mux)
			return true;
	}
	return false;
}

/* The first offer counts at once, for early media; what its answer may change, and every later
 * offer, waits for the answer. */
static int take_offer(struct engine *e, struct sip_call *call, struct sip_leg *from,
		      const struct sip_msg *msg, struct span text)
{
	bool first = !(from->flags & LEG_MEDIA_SET);
	int error;

	if (first) {
		keying_commit(e, from);
		error = keying_apply(e, call, from);
		if (error)
			return error;
		apply_remotes(e, call, from, &e->sdp, NULL);
		keep_description(e, from, text);
	}
	drop_offer(e, from);
	if (first && !offers_mux(&e->sdp))
		return 0;
	from->offer = blob_copy(&e->blobs, text);
	from->offer_cseq = msg->cseq;
	if (msg->is_request)
		from->flags &= (uint8_t)~LEG_OFFER_RESPONDS;
	else
		from->flags |= LEG_OFFER_RESPONDS;
	return from->offer == HANDLE_NONE ? -ENOMEM : 0;
}

/* 0; -EOVERFLOW for more sections than limen reads; -EINVAL. */
static int parse(struct engine *e, struct span text, const char **why)
{
	int error;

	*why = "Bad Session Description";
	error = sdp_parse(&e->sdp, text, why);
	return error == -E2BIG ? -EOVERFLOW : error;
}

/* Sections that have a stream, a bit each. */
static unsigned open_sections(const struct sip_call *call)
{
	unsigned open = 0;

	for (unsigned i = 0; i < call->npairs; i++)
		open |= (call->pair[i] != HANDLE_NONE ? 1u : 0u) << i;
	return open;
}

/* What the description means for its sender's keys. */
static int judge_keys(struct engine *e, struct sip_leg *from, const struct sip_leg *to, bool answer,
		      const char **why)
{
	*why = "Not Acceptable Here";
	return answer ? keying_answered(e, from, &e->sdp) : keying_offered(e, from, to, &e->sdp);
}

static int take_description(struct engine *e, struct sip_call *call, struct sip_leg *from,
			    struct sip_leg *to, const struct sip_msg *msg, struct span text,
			    bool answer, struct sdp_rewrite *rewrite)
{
	unsigned open = to->flags & LEG_MEDIA_SET ? open_sections(call) : 0;
	int error = make_anchors(e, call, from, to, answer, rewrite);

	if (error)
		return error;
	error = answer ? take_answer(e, call, from, to) : take_offer(e, call, from, msg, text);
	if (error)
		return error;
	rewrite->bundle = 0;
	bundling_put(e, call, to, &e->sdp, rewrite);
	if (!answer || is_stand_in(call, to))
		return keying_put_offer(e, call, from, to, &e->sdp, open, rewrite);
	keying_put_answer(e, to, rewrite);
	return 0;
}

int body_put_sdp(struct engine *e, struct cursor *out, struct sip_call *call, struct sip_leg *from,
		 struct sip_leg *to, const struct sip_msg *msg, struct span text, bool answer,
		 const char **why)
{
	const struct net_endpoint *self = leg_local(e, to);
	struct sdp_rewrite rewrite;
	uint32_t before = out->len;
	uint64_t hash;
	int error;

	error = parse(e, text, why);
	if (error || self == NULL)
		return error ? error : -EINVAL;
	if (!answer) {
		bundling_read_offer(&e->sdp);
		error = judge_keys(e, from, to, false, why);
		if (error)
			return error;
		call->offered = (uint8_t)e->sdp.nmedia;
		call->offered_types = sdp_types(&e->sdp);
	} else if (call->offered &&
		   sdp_fit_answer(&e->sdp, call->offered, call->offered_types)) {
		*why = "Answer Without Its Offer";
		return -EINVAL;
	}
	error = codecs_choose(e, call, to, answer, why);
	if (error == 0 && answer)
		error = judge_keys(e, from, to, true, why);
	if (error == 0)
		error = take_description(e, call, from, to, msg, text, answer, &rewrite);
	if (error) {
		if (!answer)
			keying_forget(e, from);
		return error;
	}
	codecs_mark(e, &rewrite);
	/* The version rises when the description changes, and only then (RFC 3264 section 8). */
	hash = hash_sip(&e->index_key, text);
	if (hash != to->sdp_hash) {
		to->sdp_hash = hash;
		to->sdp_version++;
	}
	rewrite.session_id = hash_sip(&e->random_key, span_of(&to->tag, sizeof(to->tag))) >> 2;
	rewrite.session_version = to->sdp_version;
	rewrite.self = *self;
	sdp_put(out, &e->sdp, &rewrite);
	if (e->holds_keys)
		explicit_bzero(rewrite.anchors, sizeof(rewrite.anchors));
	if (answer)
		keep_description(e, from, text);
	if (!out->full)
		session_keep_sdp(e, from, to, span_of(out->buf + before, out->len - before),
				 answer);
	return 0;
}

int body_put_capabilities(struct engine *e, struct cursor *out, const struct sip_call *call,
			  const struct sip_leg *to, struct span text, const char **why)
{
	const struct net_endpoint *self = leg_local(e, to);
	struct sdp_rewrite rewrite;
	int error;

	error = parse(e, text, why);
	if (error || self == NULL)
		return error ? error : -EINVAL;
	/* what is left out entirely leaves no section, only codecs that are not to be had */
	(void)codecs_choose(e, call, to, false, why);
	memset(&rewrite, 0, sizeof(rewrite));
	rewrite.nanchors = e->sdp.nmedia; /* all without a port */
	codecs_mark(e, &rewrite);
	rewrite.session_id = engine_random(e) >> 2;
	rewrite.session_version = 1;
	rewrite.self = *self;
	sdp_put(out, &e->sdp, &rewrite);
	return 0;
}
