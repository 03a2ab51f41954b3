/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl explain: what would become of a message, without anything of it happening.
 * limen-controlplane loop thread, limenctl. */
#include "controlplane/dispatch/rehearse.h"

#include <errno.h>
#include <stdio.h>

#include "controlplane/dispatch/verdict.h"
#include "controlplane/policy/policy.h"

#define SIP_PORT 5060

static int find_realm(const struct conf *conf, struct span name)
{
	for (unsigned i = 0; i < conf->nrealms; i++) {
		if (span_eq(span_str(conf->realms[i].name), name))
			return (int)i;
	}
	return -1;
}

static bool is_source(const struct conf_trunk *trunk, const struct net_endpoint *peer)
{
	for (unsigned i = 0; i < trunk->nsources; i++) {
		if (net_prefix_has(&trunk->sources[i], peer->family, &peer->addr))
			return true;
	}
	return false;
}

/* Some address that is the trunk's: a peer's, or the first of a network. */
static bool address_of(const struct generation *gen, const struct conf_trunk *trunk,
		       struct net_endpoint *source)
{
	for (unsigned i = 0; i < trunk->npeers; i++) {
		if (is_source(trunk, &trunk->peers[i])) {
			*source = trunk->peers[i];
			return true;
		}
	}
	*source = (struct net_endpoint){.port = SIP_PORT};
	for (unsigned i = 0; i < trunk->nsources; i++) {
		const struct net_prefix *prefix = &trunk->sources[i];
		unsigned last = prefix->family == NET_IP4 ? 3 : 15;

		source->family = prefix->family;
		source->addr = prefix->addr;
		if (prefix->bits < (last + 1) * 8)
			source->addr.ip[last] |= 1;
		if (limen_at(&gen->conf->realms[trunk->realm], NET_UDP, prefix->family).family != NET_NONE)
			return true;
	}
	return false;
}

/* The one realm in which the address is some trunk's. */
static int realm_of(const struct generation *gen, const struct net_endpoint *source)
{
	int found = -1;

	for (unsigned i = 0; i < gen->conf->ntrunks; i++) {
		const struct conf_trunk *trunk = &gen->conf->trunks[i];

		if (!is_source(trunk, source))
			continue;
		if (found >= 0 && found != (int)trunk->realm)
			return -1;
		found = (int)trunk->realm;
	}
	return found;
}

static bool refuse(char *why, size_t bytes, const char *what, struct span name)
{
	snprintf(why, bytes, "%s%s%.*s", what, name.len ? ": " : "", SPAN_FMT(name));
	return false;
}

bool rehearse_sender(const struct generation *gen, struct span trunk, struct span source,
		     struct span realm, struct rehearsed_sender *sender, char *why,
		     size_t why_bytes)
{
	const struct conf *conf = gen->conf;
	int index = -1, in = -1;

	if (!trunk.len && !source.len)
		return refuse(why, why_bytes, "neither --from nor --source is given", SPAN_NONE);
	if (source.len && net_endpoint_parse(source, SIP_PORT, &sender->source))
		return refuse(why, why_bytes, "not an address[:port]", source);
	if (trunk.len) {
		index = policy_trunk(gen->policy, trunk);
		if (index < 0)
			return refuse(why, why_bytes, "no such trunk", trunk);
		in = (int)conf->trunks[index].realm;
		if (!source.len && !address_of(gen, &conf->trunks[index], &sender->source))
			return refuse(why, why_bytes,
				      "the trunk has no address now: name one with --source",
				      trunk);
	}
	if (realm.len) {
		in = find_realm(conf, realm);
		if (in < 0)
			return refuse(why, why_bytes, "no such realm", realm);
	}
	if (in < 0)
		in = conf->nrealms == 1 ? 0 : realm_of(gen, &sender->source);
	if (in < 0)
		return refuse(why, why_bytes,
			      "no realm, or more than one, knows that source: name one with "
			      "--realm",
			      source);
	if (limen_at(&conf->realms[in], NET_UDP, sender->source.family).family == NET_NONE)
		return refuse(why, why_bytes, "limen has no address of that family in realm",
			      span_str(conf->realms[in].name));
	sender->realm = (unsigned)in;
	return true;
}

int rehearse_ask(const struct generation *gen, const void *frame, uint32_t len,
		 struct rehearsed *r)
{
	struct cursor out = cursor_on(r->verdict, sizeof(r->verdict));

	if (ipc_msg_check(IPC_SIDE_DATAPLANE, IPC_RING_WORKER, IPC_ASK, frame, len))
		return -EPROTO;
	explain_start(&r->explain);
	ask_explain(gen, frame, &r->explain, &out, &r->answer);
	r->verdict_len = out.len;
	return 0;
}

void put_hex_bytes(struct cursor *out, struct span bytes)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.len; i++) {
		put_char(out, hex[(uint8_t)bytes.ptr[i] >> 4]);
		put_char(out, hex[(uint8_t)bytes.ptr[i] & 15]);
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_read(struct span text, char *out, size_t cap)
{
	if (text.len % 2 || text.len / 2 > cap)
		return -1;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = digit(text.ptr[i]), low = digit(text.ptr[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i / 2] = (char)(high << 4 | low);
	}
	return (int)(text.len / 2);
}
