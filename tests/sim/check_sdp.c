/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold of session descriptions: limen's addresses alone, one offer at a time, an answer
 * to each and to nothing else (RFC 3264). */
#include "check.h"

#include "common/sdp/sdp.h"

static bool has_sdp(const struct sip_msg *msg)
{
	return msg->body.len &&
	       span_ieq(sip_hdr_value(msg, SIP_HDR_CONTENT_TYPE), SPAN("application/sdp"));
}

/* The offer of limen's that is open in a dialog, by hash of its branch; 0: none. */
static uint64_t *open_offer(struct sim *sim, const struct sip_msg *msg)
{
	return map_at(&sim->seen,
		      map_key('x', sip_span(msg, msg->call_id), sip_span(msg, msg->from_tag), 0));
}

/* The request that a response answers, by its branch: number of m= sections of its offer, plus 1;
 * 0: none. */
static uint64_t *offer_of(struct sim *sim, const struct sip_msg *msg)
{
	return map_at(&sim->seen,
		      map_key('o', sip_span(msg, msg->via_branch), SPAN_NONE, msg->method));
}

void check_sdp_offer(struct sim *sim, const struct sip_msg *msg)
{
	static struct sdp sdp;
	const char *why;

	if (has_sdp(msg) && sdp_parse(&sdp, sip_span(msg, msg->body), &why) == 0)
		*offer_of(sim, msg) = sdp.nmedia + 1u;
}

void check_sdp_response(struct sim *sim, const struct sip_msg *msg)
{
	uint64_t *open = open_offer(sim, msg);

	if (*open == hash_fast(1, sip_span(msg, msg->via_branch)) &&
	    (msg->status >= 200 || (has_sdp(msg) && sip_hdr_value(msg, SIP_HDR_RSEQ).len)))
		*open = 0;
}

/* limen never makes an offer before the one before it is answered (RFC 3264 section 4). */
static void check_offer(struct sim *sim, const struct ua *to, const struct sip_msg *msg)
{
	uint64_t *open = open_offer(sim, msg),
		 branch = hash_fast(1, sip_span(msg, msg->via_branch)), before = *open, *since;

	*open = branch;
	since = map_at(&sim->seen,
		       map_key('X', sip_span(msg, msg->call_id), sip_span(msg, msg->from_tag), 0));
	/* One that was never answered is over when its transaction is. */
	if (before && before != branch && sim->now_ns < *since + ALIVE_NS &&
	    sim_is_strict(sim, to->call))
		sim_violation(sim, to->call, "two offers of limen's are open in one dialog");
	if (before != branch)
		*since = sim->now_ns;
}

/* Offers are answered once, and only offers are answered (RFC 3264, RFC 3261 section 13.2.1). */
static void check_offer_answer(struct sim *sim, const struct ua *to, const struct sip_msg *msg,
			       unsigned nmedia)
{
	uint64_t *had_offer =
		map_at(&sim->seen, map_key('O', sip_span(msg, msg->call_id), SPAN_NONE, msg->cseq));
	uint64_t offer;

	if (msg->is_request) {
		if (msg->method == SIP_METHOD_INVITE)
			*had_offer = 1;
		if (msg->method != SIP_METHOD_ACK)
			check_offer(sim, to, msg);
		if (msg->method == SIP_METHOD_ACK && *had_offer)
			sim_violation(sim, to->call, "an ACK with an answer to no offer");
		return;
	}
	offer = *offer_of(sim, msg);
	if (msg->status >= 300 || (msg->method != SIP_METHOD_INVITE && !offer))
		sim_violation(sim, to->call, "a %u of %s with a session description", msg->status,
			      sip_method_name(msg->method));
	else if (offer && offer != nmedia + 1)
		sim_violation(sim, to->call, "an answer of %u sections to an offer of %u", nmedia,
			      (unsigned)offer - 1);
}

/* What a call's codec plan denies is offered and answered to nobody. Where bytes are spoilt it may
 * be another call's: of a Contact whose address became this endpoint's. */
static void check_codecs(struct sim *sim, const struct ua *to, const struct sdp_media *media)
{
	bool listed = media->formats.len && media->formats.ptr[0] == '0';

	for (size_t i = 1; i < media->formats.len; i++)
		listed |= media->formats.ptr[i] == '0' && media->formats.ptr[i - 1] == ' ';
	if (listed && span_eq(media->type, SPAN("audio")) && verdict_denies_pcmu(to->call) &&
	    !sim->profile.corrupt)
		sim_violation(sim, to->call, "a codec that the call's plan denies");
}

void check_sdp(struct sim *sim, const struct ua *to, const struct sip_msg *msg)
{
	static struct sdp sdp;
	const char *why;
	const struct net_endpoint *limen = sim_limen(sim, to->side, to->self.family);

	if (!has_sdp(msg))
		return;
	if (sdp_parse(&sdp, sip_span(msg, msg->body), &why)) {
		sim_violation(sim, to->call, "a session description that does not parse: %s", why);
		return;
	}
	for (unsigned i = 0; i < sdp.nmedia; i++) {
		const struct sdp_media *media = &sdp.media[i];

		if (media->port == 0)
			continue;
		check_codecs(sim, to, media);
		if (!net_addr_eq(&media->rtp.addr, &limen->addr) || media->port < SIM_MEDIA_LOW ||
		    media->port > SIM_MEDIA_HIGH || media->port % 2)
			sim_violation(sim, to->call,
				      "media is asked for at an address that is not limen's");
	}
	if (!sim->calls[to->call].tainted)
		check_offer_answer(sim, to, msg, sdp.nmedia);
}
