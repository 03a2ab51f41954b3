/* SPDX-License-Identifier: BSD-3-Clause */
/* The network between endpoints and limen: it delays, loses, repeats, reorders and corrupts, each
 * by the seed's measure. */
#include <stdlib.h>

#include "ua.h"

/* RFC 3261's T4 is how long a message may stay in the network: nothing that arrives later has to be
 * known again. */
#define NET_DELAY_MAX (4500 * MS)
/* A fair network loses no message more often than this: eleven tries of a request, or seven of an
 * INVITE, get an answer through both ways. */
#define NET_LOSSES_MAX 2u

static bool chance(struct sim *sim, uint32_t thousandths)
{
	return thousandths && rng_below(&sim->net_rng, 1000) < thousandths;
}

static uint64_t delay_ns(struct sim *sim)
{
	const struct profile *p = &sim->profile;
	uint64_t delay = p->delay_ms * MS + rng_below(&sim->net_rng, p->jitter_ms * MS + 1);

	if (chance(sim, p->reorder))
		delay += rng_below(&sim->net_rng, 2000 * MS);
	return delay < NET_DELAY_MAX ? delay : NET_DELAY_MAX;
}

/* Whether this copy may still be lost or spoilt. */
static bool may_lose(struct sim *sim, const struct net_endpoint *to, struct span bytes)
{
	uint64_t *losses;

	if (!sim->profile.fair)
		return true;
	losses = map_at(&sim->losses, map_key('L', bytes, span_of(to, sizeof(*to)), 0));
	if (*losses >= NET_LOSSES_MAX)
		return false;
	++*losses;
	return true;
}

static struct packet *packet_new(const struct net_endpoint *src, const struct net_endpoint *dst,
				 struct span bytes)
{
	/* Room to grow when it is corrupted. */
	struct packet *packet = malloc(sizeof(*packet) + bytes.len + 64);

	if (!packet)
		abort();
	*packet = (struct packet){.src = *src, .dst = *dst, .len = (uint32_t)bytes.len};
	memcpy(packet->bytes, bytes.ptr, bytes.len);
	return packet;
}

static void corrupt(struct sim *sim, struct packet *packet)
{
	struct rng *rng = &sim->net_rng;
	uint32_t at = packet->len ? (uint32_t)rng_below(rng, packet->len) : 0;

	packet->corrupt = true;
	sim->totals->corrupted++;
	switch (rng_below(rng, 6)) {
	case 0: /* some bytes are others */
		for (unsigned i = 1 + (unsigned)rng_below(rng, 3); i-- && packet->len;)
			packet->bytes[rng_below(rng, packet->len)] = (char)rng_next(rng);
		break;
	case 1: /* one bit */
		if (packet->len)
			packet->bytes[at] = (char)(packet->bytes[at] ^ (1 << rng_below(rng, 8)));
		break;
	case 2: /* the end is missing */
		packet->len = at;
		break;
	case 3: /* a piece is there twice */
		if (packet->len > 32 && at < packet->len - 32) {
			memmove(packet->bytes + at + 32, packet->bytes + at, packet->len - at);
			packet->len += 32;
		}
		break;
	case 4: /* noise at the end */
		for (unsigned i = 0; i < 40; i++)
			packet->bytes[packet->len++] = (char)rng_next(rng);
		break;
	default: /* a digit is another: still a message, but saying something else */
		for (unsigned i = 0; i < 200 && packet->len; i++) {
			at = (uint32_t)rng_below(rng, packet->len);
			if (packet->bytes[at] >= '0' && packet->bytes[at] <= '9') {
				packet->bytes[at] = (char)('0' + rng_below(rng, 10));
				break;
			}
		}
		break;
	}
}

/* Send copies on their way, as many as the network makes of one. */
static void net_send(struct sim *sim, uint32_t call, struct packet *packet, enum event_kind kind,
		     uint32_t who, const char *from, const char *to)
{
	struct span bytes = span_of(packet->bytes, packet->len);
	const char *note = "";

	if (chance(sim, sim->profile.loss) && may_lose(sim, &packet->dst, bytes)) {
		sim->totals->lost++;
		sim_trace_message(sim, call, from, to, bytes, "lost");
		free(packet);
		return;
	}
	if (chance(sim, sim->profile.duplicate)) {
		struct packet *twin = packet_new(&packet->src, &packet->dst, bytes);

		twin->realm = packet->realm;
		sim->totals->duplicated++;
		note = "twice";
		events_add(&sim->events, sim->now_ns + delay_ns(sim), kind, who, twin);
	}
	if (chance(sim, sim->profile.corrupt) && may_lose(sim, &packet->dst, bytes)) {
		corrupt(sim, packet);
		sim->calls[call].tainted = true;
		note = "corrupted";
	}
	sim_trace_message(sim, call, from, to, bytes, note);
	if (packet->corrupt)
		sim_trace_text(sim, call, span_of(packet->bytes, packet->len));
	events_add(&sim->events, sim->now_ns + delay_ns(sim), kind, who, packet);
}

/* ---- connections ---- */

#define FLOW_SHIFT 20u

uint64_t net_flow(const struct sim *sim, const struct ua *ua)
{
	return ua->tcp ? (uint64_t)(sim_ua_number(sim, ua) + 1) << FLOW_SHIFT | ua->connections : 0;
}

bool net_flow_is(const struct sim *sim, uint64_t flow, const struct ua *ua)
{
	return flow >> FLOW_SHIFT == sim_ua_number(sim, ua) + 1u;
}

/* Nothing is lost, spoilt or overtaken, but a connection may break with what it should take. False:
 * it did. */
static bool stream_send(struct sim *sim, struct ua *ua, struct packet *packet,
			enum event_kind kind, const char *from, const char *to)
{
	uint64_t *last = &ua->stream_ns[kind == EVENT_TO_UA],
		 at = sim->now_ns + sim->profile.delay_ms * MS +
		      rng_below(&sim->net_rng, sim->profile.jitter_ms * MS + 1);
	bool broken = chance(sim, sim->profile.breaks);

	sim->totals->by_tcp++;
	sim_trace_message(sim, ua->call, from, to, span_of(packet->bytes, packet->len),
			  broken ? "the connection breaks" : "");
	if (broken) {
		sim->totals->broken++;
		ua->connections++;
		free(packet);
		return false;
	}
	*last = at > *last ? at : *last + 1;
	events_add(&sim->events, *last, kind, sim_ua_number(sim, ua), packet);
	return true;
}

static const char *const names[SIM_SLOTS] = {"A", "B1", "B2", "B3"};

void net_to_engine(struct sim *sim, const struct ua *from, const struct net_endpoint *dst,
		   struct span bytes)
{
	struct packet *packet = packet_new(&from->self, dst, bytes);

	packet->realm = from->side;
	if (from->tcp) {
		stream_send(sim, &sim->uas[sim_ua_number(sim, from)], packet, EVENT_TO_ENGINE,
			    names[from->slot], "limen");
		return;
	}
	net_send(sim, from->call, packet, EVENT_TO_ENGINE, sim_ua_number(sim, from),
		 names[from->slot], "limen");
}

void net_to_ua(struct sim *sim, struct ua *to, const struct engine_action *action)
{
	struct packet *packet = packet_new(&action->src, &to->self, action->bytes);

	if (action->transport == NET_UDP)
		net_send(sim, to->call, packet, EVENT_TO_UA, sim_ua_number(sim, to), "limen",
			 names[to->slot]);
	else if (!stream_send(sim, to, packet, EVENT_TO_UA, "limen", names[to->slot]) &&
		 action->token)
		control_send_fails(sim, sim->now_ns + delay_ns(sim), action->token);
}
