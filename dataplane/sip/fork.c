/* SPDX-License-Identifier: BSD-3-Clause */
/* Forks: a request that a proxy of the far side sent to several places is answered under several To
 * tags (RFC 3261 section 12.1). Each gets a leg of its own on side B, and one on side A with a tag
 * of its own, so that the caller sees the dialogs apart. One worker thread; libc only. */
#include "dataplane/sip/core.h"

#define FORKS_MAX 8u /* of one request; what more of them say is not relayed */

struct sip_leg *fork_find(const struct engine *e, const struct sip_leg *leg, struct span remote_tag)
{
	const struct sip_call *call = call_get(e, leg->call);
	struct sip_leg *fork;

	if (call == NULL)
		return NULL;
	for (uint64_t at = call->first_leg; (fork = leg_get(e, at)) != NULL; at = fork->next) {
		if (fork->tag == leg->tag &&
		    span_ieq(leg_text(e, fork, LEG_REMOTE_TAG), remote_tag))
			return fork;
	}
	return NULL;
}

/* Another leg of the INVITE that made this one. */
static struct sip_leg *leg_copy(struct engine *e, struct sip_call *call, const struct sip_leg *leg)
{
	struct sip_leg *copy = leg_twin(e, call, leg, leg->side);

	if (copy == NULL)
		return NULL;
	/* Only the INVITE that made the dialogs is common to them: A sent it to limen, limen to
	 * B. */
	if (leg->side == SIDE_A)
		copy->invite_server = call->invite;
	else
		copy->invite_client = leg->invite_client;
	copy->invite_cseq = leg->invite_cseq;
	copy->local_cseq = leg->local_cseq;
	copy->remote_cseq = leg->remote_cseq;
	session_copy(e, copy, leg);
	copy->flags = leg->flags & (LEG_REMOTE_CSEQ | LEG_MEDIA_SET);
	return keying_copy(e, copy, leg) ? copy : NULL;
}

struct sip_leg *fork_new(struct engine *e, struct sip_leg *leg, const struct sip_msg *msg)
{
	struct sip_call *call = call_get(e, leg->call);
	struct sip_leg *a = leg_get(e, leg->peer), *fork, *fork_a;

	if (call == NULL || a == NULL || call->nforks >= FORKS_MAX)
		return NULL;
	fork = leg_copy(e, call, leg);
	if (fork == NULL)
		return NULL; /* a leg that was made goes with the call */
	/* Of a transfer nobody sees the dialogs apart. */
	fork_a = call->flags & CALL_OWN_INVITE ? a : leg_copy(e, call, a);
	if (fork_a == NULL)
		return NULL;
	call->nforks++;
	fork->tag = leg->tag;
	fork->sdp_version = leg->sdp_version;
	fork->sdp_hash = leg->sdp_hash;
	fork->flags &= (uint8_t)~(LEG_REMOTE_CSEQ | LEG_MEDIA_SET);
	fork->peer = fork_a->self;
	if (fork_a != a)
		fork_a->peer = fork->self;
	return leg_learn_response(e, fork, msg) ? fork : NULL;
}

uint64_t fork_tag_hash(const struct engine *e, const struct sip_msg *msg)
{
	return hash_sip(&e->index_key, sip_span(msg, msg->to_tag));
}

/* Far above what the leg may have used while there was one. */
#define LATE_CSEQ_STEP 256u

void fork_late_answer(struct engine *e, struct sip_txn *invite, const struct sip_msg *msg)
{
	struct span ack = blob_span(&e->blobs, invite->ack);
	const struct sip_msg *acked = &e->again;
	struct sip_txn *bye;
	struct cursor *out;

	/* The ACK kept tells what the leg knew. */
	if (ack.len == 0 || sip_parse(&e->again, ack.ptr, ack.len, SIP_DATAGRAM) != SIP_PARSE_OK ||
	    !span_eq(sip_span(acked, acked->call_id), sip_span(msg, msg->call_id)) ||
	    !span_ieq(sip_span(acked, acked->from_tag), sip_span(msg, msg->from_tag)))
		return;
	if (span_ieq(sip_span(acked, acked->to_tag), sip_span(msg, msg->to_tag))) {
		txn_resend_ack(e, invite);
		return;
	}
	out = out_start(e);
	build_from_answer(e, out, SIP_METHOD_ACK, invite, msg, msg->cseq, engine_random(e));
	out_send(e, invite->realm, invite->transport, &invite->dst, out_finish(e));
	if (invite->lost_fork == fork_tag_hash(e, msg))
		return;
	bye = txn_client_new(e, SIP_METHOD_BYE, NULL, NULL);
	if (bye == NULL)
		return;
	invite->lost_fork = fork_tag_hash(e, msg);
	bye->realm = invite->realm;
	bye->transport = invite->transport;
	bye->dst = invite->dst;
	bye->cseq = msg->cseq + LATE_CSEQ_STEP;
	out = out_start(e);
	build_from_answer(e, out, SIP_METHOD_BYE, bye, msg, bye->cseq, bye->self);
	txn_client_send(e, bye, out_finish(e));
}
