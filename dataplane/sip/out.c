/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's output: a list of actions and the bytes they speak of, forgotten at the next input.
 * Also what is random and which of limen's addresses speaks in a realm. One worker thread; libc
 * only. */
#include "dataplane/sip/core.h"

struct cursor *out_start(struct engine *e)
{
	/* Frames are structs: each text begins where one may. */
	e->out.len = (e->out.len + 7u) & ~7u;
	e->text = cursor_on(e->out.buf + e->out.len, e->out.cap - e->out.len);
	return &e->text;
}

struct span out_finish(struct engine *e)
{
	if (e->text.full) {
		e->stats.actions_lost++; /* told to the operator: nothing may vanish uncounted */
		return SPAN_NONE;
	}
	e->out.len += e->text.len;
	return cursor_span(&e->text);
}

static struct engine_action *out_action(struct engine *e)
{
	struct engine_action *action;

	if (e->nactions == ENGINE_ACTIONS_MAX) {
		e->stats.actions_lost++;
		return NULL;
	}
	action = &e->actions[e->nactions++];
	memset(action, 0, sizeof(*action));
	return action;
}

void out_send_bytes(struct engine *e, uint8_t realm, uint8_t transport,
		    const struct net_endpoint *dst, uint64_t flow, uint64_t token,
		    struct span bytes)
{
	const struct net_endpoint *src = engine_local(e, realm, transport, dst->family);
	struct engine_action *action;

	if (bytes.len == 0 || src == NULL)
		return;
	action = out_action(e);
	if (action == NULL)
		return;
	action->kind = ACTION_SEND;
	action->realm = realm;
	action->transport = transport;
	action->src = *src;
	action->dst = *dst;
	if (transport != NET_UDP) {
		action->flow = flow;
		action->token = token;
	}
	action->bytes = bytes;
}

void out_send_flow(struct engine *e, uint8_t realm, uint8_t transport,
		   const struct net_endpoint *dst, uint64_t flow, uint64_t token,
		   struct span bytes)
{
	unsigned before = e->nactions;

	out_send_bytes(e, realm, transport, dst, flow, token, bytes);
	if (e->nactions == before)
		return;
	if (bytes.len > 8 && memcmp(bytes.ptr, "SIP/2.0 ", 8) == 0)
		e->stats.responses_out++;
	else
		e->stats.requests_out++;
}

void out_send(struct engine *e, uint8_t realm, uint8_t transport, const struct net_endpoint *dst,
	      struct span bytes)
{
	out_send_flow(e, realm, transport, dst, 0, 0, bytes);
}

void out_report(struct engine *e, uint16_t type, struct span bytes)
{
	struct engine_action *action = bytes.len ? out_action(e) : NULL;

	if (action == NULL)
		return;
	action->kind = ACTION_REPORT;
	action->type = type;
	action->bytes = bytes;
}

void out_owner(struct engine *e, unsigned worker, struct span bytes)
{
	struct engine_action *action;

	if (bytes.len == 0)
		return;
	e->stats.owner_sent++;
	if (worker == e->conf.worker) {
		if (e->nown < OWN_MAX)
			e->own[e->nown++] = bytes;
		else
			e->stats.actions_lost++;
		return;
	}
	action = out_action(e);
	if (action == NULL)
		return;
	action->kind = ACTION_OWNER;
	action->worker = (uint8_t)worker;
	action->bytes = bytes;
}

bool out_has_room(const struct engine *e)
{
	return e->nactions + ENGINE_ACTIONS_RESERVE <= ENGINE_ACTIONS_MAX &&
	       e->out.cap - e->out.len >= 3 * SIP_MSG_BYTES_MAX;
}

uint64_t engine_random(struct engine *e)
{
	uint64_t count = e->random_count++;

	return hash_sip(&e->random_key, span_of(&count, sizeof(count)));
}

const struct net_endpoint *engine_local(const struct engine *e, uint8_t realm, uint8_t transport,
					uint8_t family)
{
	const struct engine_realm *r;
	const struct net_endpoint *local;

	if (realm >= e->conf.nrealms)
		return NULL;
	r = &e->conf.realms[realm];
	if (transport == NET_UDP)
		local = family == NET_IP6 ? &r->sip6 : &r->sip4;
	else
		local = family == NET_IP6 ? &r->stream6[transport] : &r->stream4[transport];
	return local->family == family && family != NET_NONE ? local : NULL;
}

const struct net_endpoint *leg_local(const struct engine *e, const struct sip_leg *leg)
{
	return engine_local(e, leg->realm, leg->transport, leg->next_hop.family);
}
