/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots, timers and what both roles share. The loop's thread. */
#include "bench/load/users.h"

#include "common/sdp/sdp.h"

#include <errno.h>
#include <stdlib.h>

int calls_init(struct calls *calls, const struct options *options, struct ports *ports, struct hops *hops, struct flows *flows,
	       uint64_t now_ms, uint32_t session)
{
	memset(calls, 0, sizeof(*calls));
	calls->options = options;
	calls->ports = ports;
	calls->hops = hops;
	calls->flows = flows;
	calls->max = options->calls;
	calls->session = session;
	calls->now_ms = now_ms;
	calls->stays_up = options->nphases > 0;
	calls->call = calloc(calls->max, sizeof(*calls->call));
	calls->free_slots = calloc(calls->max, sizeof(*calls->free_slots));
	if (!calls->call || !calls->free_slots || timers_init(&calls->timers, 2 * calls->max, now_ms))
		return -ENOMEM;
	calls->nfree = calls->max;
	for (uint32_t i = 0; i < calls->max; i++) {
		calls->free_slots[i] = i;
		calls->call[i].path = (uint8_t)(i % options->npaths);
	}
	return 0;
}

void calls_fini(struct calls *calls)
{
	for (uint32_t i = 0; calls->call && i < calls->max; i++) {
		free(calls->call[i].text[0]);
		free(calls->call[i].text[1]);
	}
	free(calls->call);
	free(calls->free_slots);
	timers_fini(&calls->timers);
}

void call_forget(struct call *call, enum call_role role)
{
	free(call->text[role]);
	call->text[role] = NULL;
	call->text_len[role] = 0;
}

void call_keep(struct call *call, enum call_role role, struct span text)
{
	call_forget(call, role);
	call->text[role] = malloc(text.len);
	if (!call->text[role])
		return;
	memcpy(call->text[role], text.ptr, text.len);
	call->text_len[role] = (uint16_t)text.len;
}

void call_release(struct calls *calls, uint32_t slot)
{
	uint32_t at = calls->free_head + calls->nfree++;

	calls->free_slots[at < calls->max ? at : at - calls->max] = slot;
}

static bool read_digits(struct span *text, uint32_t *value)
{
	size_t n = 0;

	for (*value = 0; n < text->len && n < 9 && text->ptr[n] >= '0' && text->ptr[n] <= '9'; n++)
		*value = *value * 10 + (uint32_t)(text->ptr[n] - '0');
	*text = span_of(text->ptr + n, text->len - n);
	return n > 0;
}

bool call_find(struct calls *calls, struct span text, uint32_t *slot)
{
	uint32_t generation;

	if (!read_digits(&text, slot) || !text.len || *text.ptr != '.')
		return false;
	text = span_of(text.ptr + 1, text.len - 1);
	return read_digits(&text, &generation) && *slot < calls->max && calls->call[*slot].generation == generation;
}

uint16_t call_rtp_port(const struct calls *calls, uint32_t slot)
{
	const struct options *o = calls->options;
	uint32_t pairs = (o->rtp_high - o->rtp_low + 1u) / 2;

	return (uint16_t)(o->rtp_low + 2 * (slot / o->npaths % pairs));
}

void call_open_flow(struct calls *calls, uint32_t slot, enum call_role role, struct span sdp_text)
{
	const struct options *o = calls->options;
	const struct call *call = &calls->call[slot];
	unsigned index = role == ROLE_CALLER ? o->paths[call->path].local : call->local;
	const struct local *local = &o->locals[index];
	struct wire_way way = {.dscp = WIRE_DSCP_MEDIA};
	const uint8_t *mac;
	static struct sdp sdp;
	const char *why;

	if (sdp_parse(&sdp, sdp_text, &why) || sdp.nmedia == 0 || sdp.media[0].rtp.family != local->prefix.family)
		return;
	way.src = (struct net_endpoint){
		.addr = local->prefix.addr, .port = call_rtp_port(calls, slot), .family = local->prefix.family};
	way.dst = sdp.media[0].rtp;
	/* The SIP element's own address nearly always, so known by now. */
	mac = hops_find(calls->hops, index, &way.dst.addr, calls->now_ms);
	if (!mac)
		return;
	memcpy(way.src_mac, calls->ports->port[local->port].mac, 6);
	memcpy(way.dst_mac, mac, 6);
	flow_open(calls->flows, call_flow(slot, role), local->port, &way, 2 * call->generation + 1 + role,
		  call_rtp_port(calls, slot));
}

void calls_turn(struct calls *calls)
{
	uint32_t timer;

	while ((timer = timers_next(&calls->timers, calls->now_ms)) != TIMERS_NONE) {
		if (timer % 2 == ROLE_CALLER)
			caller_timer(calls, timer / 2);
		else
			callee_timer(calls, timer / 2);
	}
}

void calls_receive(struct calls *calls, const struct wire_udp *udp)
{
	struct sip_msg *msg = &calls->msg;
	uint32_t slot;

	switch (sip_parse(msg, (const char *)udp->payload, udp->len, SIP_DATAGRAM)) {
	case SIP_PARSE_OK:
		break;
	case SIP_PARSE_KEEPALIVE:
		return;
	default:
		calls->count.invalid++;
		return;
	}
	calls->count.received++;
	if (msg->is_request)
		callee_request(calls, udp);
	else if (calls->users && users_response(calls->users))
		return;
	else if (call_find(calls, sip_span(msg, msg->call_id), &slot))
		caller_response(calls, slot);
	else
		calls->count.unexpected++;
}
