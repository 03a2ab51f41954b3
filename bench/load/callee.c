/* SPDX-License-Identifier: BSD-3-Clause */
/* The callee: 180, 200, and whatever else comes as a request (RFC 3261 sections 8.2, 13.3, 15.1.2). The loop's thread. */
#include "bench/load/sip_out.h"
#include "bench/load/users.h"

#define NAME_DIGITS 12u /* slot and generation in the called user part */

static void respond(struct calls *calls, unsigned local, const struct net_endpoint *peer, uint16_t status, struct span tag)
{
	struct sip_out out = sip_out_begin(calls, peer->family);

	sip_put_response(calls, &out.text, status, tag, NULL, NULL);
	(void)sip_out_send(calls, &out, local, peer);
}

static struct net_endpoint own_endpoint(const struct calls *calls, unsigned local, uint16_t port)
{
	const struct net_prefix *prefix = &calls->options->locals[local].prefix;

	return (struct net_endpoint){.addr = prefix->addr, .port = port, .family = prefix->family};
}

/* The slot that the called user part names; false: none that is calling now. */
static bool find_called(struct calls *calls, uint32_t *slot)
{
	struct sip_uri uri;
	uint64_t number;

	if (sip_uri_parse(sip_span(&calls->msg, calls->msg.ruri), &uri) || uri.user.len < NAME_DIGITS ||
	    sip_number_parse(span_of(uri.user.ptr + uri.user.len - NAME_DIGITS, NAME_DIGITS), UINT64_MAX, &number))
		return false;
	*slot = (uint32_t)(number / CALL_GENERATIONS);
	return *slot < calls->max && calls->call[*slot].generation == number % CALL_GENERATIONS &&
	       calls->call[*slot].caller != CALLER_FREE;
}

static struct span make_tag(struct calls *calls, uint32_t slot, char buf[40])
{
	struct cursor c = cursor_on(buf, 40);

	put_u64(&c, slot);
	put_char(&c, '.');
	put_u64(&c, calls->call[slot].generation);
	put_lit(&c, ".s");
	return cursor_span(&c);
}

static void send_answer(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];

	sip_out_text(calls, span_of(call->text[ROLE_CALLEE], call->text_len[ROLE_CALLEE]), call->local, &call->peer);
}

static void answer(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];

	call->callee = CALLEE_ANSWERED;
	call->retry_ms[ROLE_CALLEE] = CALL_T1_MS;
	call->began_ms[ROLE_CALLEE] = calls->now_ms;
	calls->count.callee_answered++;
	call_timer(calls, slot, ROLE_CALLEE, CALL_T1_MS);
	send_answer(calls, slot);
}

static void take_invite(struct calls *calls, const struct wire_udp *udp, unsigned local)
{
	char tag_buf[40], text[2048];
	struct cursor c = cursor_on(text, sizeof(text));
	struct net_endpoint contact = own_endpoint(calls, local, calls->options->sip_port), rtp;
	uint32_t slot;
	struct span tag;
	struct call *call;

	if (calls->msg.to_tag.len || !find_called(calls, &slot)) {
		calls->count.unexpected++;
		respond(calls, local, &udp->src, calls->msg.to_tag.len ? 488 : 404, SPAN("none"));
		return;
	}
	call = &calls->call[slot];
	tag = make_tag(calls, slot, tag_buf);
	if (call->callee != CALLEE_NONE) {
		if (call->callee == CALLEE_ANSWERED)
			send_answer(calls, slot);
		else
			respond(calls, local, &udp->src, 180, tag);
		return;
	}
	calls->count.callee_invited++;
	call->callee = CALLEE_RINGING;
	call->local = (uint8_t)local;
	call->peer = udp->src;
	if (calls->options->media.kind != RATE_NONE || calls->stays_up)
		call_open_flow(calls, slot, ROLE_CALLEE, sip_span(&calls->msg, calls->msg.body));
	respond(calls, local, &udp->src, 180, tag);
	rtp = own_endpoint(calls, local, call_rtp_port(calls, slot));
	sip_put_response(calls, &c, 200, tag, &contact, &rtp);
	call_keep(call, ROLE_CALLEE, c.full ? SPAN_NONE : cursor_span(&c));
	if (calls->options->ring_s > 0)
		call_timer(calls, slot, ROLE_CALLEE, (uint64_t)(calls->options->ring_s * 1000));
	else
		answer(calls, slot);
}

static void take_ack(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];

	if (call->callee != CALLEE_ANSWERED)
		return;
	call->callee = CALLEE_UP;
	calls->count.callee_acked++;
	call_forget(call, ROLE_CALLEE);
	if (call->caller != CALLER_FREE)
		timers_stop(&calls->timers, 2 * slot + ROLE_CALLEE);
	if (call->caller == CALLER_UP && calls->flows->rx[call_flow(slot, ROLE_CALLEE)].magic)
		flow_start(calls->flows, call_flow(slot, ROLE_CALLEE));
}

static void callee_gone(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];

	if (call->callee == CALLEE_GONE || call->callee == CALLEE_NONE)
		return;
	call->callee = CALLEE_GONE;
	calls->count.callee_ended++;
	call_forget(call, ROLE_CALLEE);
	timers_stop(&calls->timers, 2 * slot + ROLE_CALLEE);
	flow_stop(calls->flows, call_flow(slot, ROLE_CALLEE));
	/* The other side hangs up on both: the caller's own BYE may be under way, or not even meant. */
	if (call->caller == CALLER_UP)
		calls->count.unexpected++;
	if (call->caller == CALLER_FREE)
		call_release(calls, slot);
}

static void take_bye(struct calls *calls, const struct wire_udp *udp, unsigned local)
{
	struct span tag = sip_span(&calls->msg, calls->msg.to_tag);
	uint32_t slot;

	/* A BYE of an earlier use of the slot is answered like any other. */
	respond(calls, local, &udp->src, 200, SPAN_NONE);
	if (!call_find(calls, tag, &slot))
		return;
	if (tag.ptr[tag.len - 1] == 'c')
		caller_bye(calls, slot);
	else
		callee_gone(calls, slot);
}

static void take_register(struct calls *calls, const struct wire_udp *udp, unsigned local)
{
	struct sip_out out = sip_out_begin(calls, udp->src.family);

	if (calls->users)
		calls->users->count.at_registrar++;
	sip_put_registered(calls, &out.text);
	(void)sip_out_send(calls, &out, local, &udp->src);
}

void callee_request(struct calls *calls, const struct wire_udp *udp)
{
	const struct options *o = calls->options;
	uint32_t slot;
	unsigned local = 0;

	while (local < o->nlocals && (o->locals[local].prefix.family != udp->dst.family ||
				      !net_addr_eq(&o->locals[local].prefix.addr, &udp->dst.addr)))
		local++;
	if (local == o->nlocals)
		return;
	switch (calls->msg.method) {
	case SIP_METHOD_INVITE:
		take_invite(calls, udp, local);
		break;
	case SIP_METHOD_ACK:
		if (call_find(calls, sip_span(&calls->msg, calls->msg.to_tag), &slot))
			take_ack(calls, slot);
		break;
	case SIP_METHOD_BYE:
		take_bye(calls, udp, local);
		break;
	case SIP_METHOD_CANCEL: /* the INVITE itself is answered with 200 or not at all: the caller of ours never cancels */
	case SIP_METHOD_OPTIONS:
		respond(calls, local, &udp->src, 200, SPAN("load"));
		break;
	case SIP_METHOD_REGISTER:
		take_register(calls, udp, local);
		break;
	default:
		calls->count.unexpected++;
		respond(calls, local, &udp->src, 405, SPAN("load"));
	}
}

void callee_timer(struct calls *calls, uint32_t slot)
{
	struct call *call = &calls->call[slot];

	if (call->caller == CALLER_FREE && call->callee != CALLEE_GONE) {
		call->callee = CALLEE_GONE;
		call_forget(call, ROLE_CALLEE);
		calls->count.callee_unfinished++;
		call_release(calls, slot);
		return;
	}
	if (call->callee == CALLEE_RINGING) {
		answer(calls, slot);
		return;
	}
	if (call->callee != CALLEE_ANSWERED || calls->now_ms >= call->began_ms[ROLE_CALLEE] + 64 * CALL_T1_MS)
		return;
	/* RFC 3261 section 13.3.1.4: 200 again until ACK comes. */
	call->retry_ms[ROLE_CALLEE] = (uint16_t)RTE_MIN(2u * call->retry_ms[ROLE_CALLEE], CALL_T2_MS);
	call_timer(calls, slot, ROLE_CALLEE, call->retry_ms[ROLE_CALLEE]);
	calls->count.retransmitted++;
	send_answer(calls, slot);
}
