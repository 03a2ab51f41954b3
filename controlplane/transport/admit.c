/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may have one more connection. limen-controlplane, loop thread. */
#include <stdlib.h>

#include "controlplane/transport/transport_priv.h"

/* An IPv6 host has a whole /64 to come from. */
static struct net_addr source_addr(const struct net_endpoint *peer)
{
	struct net_addr addr = peer->addr;

	if (peer->family == NET_IP6)
		memset(addr.ip + 8, 0, 8);
	return addr;
}

static struct source *find(struct transport *transport, uint64_t hash, const struct net_addr *addr,
			   const struct conn_info *info)
{
	struct link *link = links_first(&transport->sources, hash);

	for (; link; link = links_next(link)) {
		struct source *source = (struct source *)(void *)link;

		if (source->family == info->peer.family && source->realm == info->realm &&
		    net_addr_eq(&source->addr, addr))
			return source;
	}
	return NULL;
}
_Static_assert(offsetof(struct source, link) == 0, "a link is its source");

static struct source *find_or_make(struct transport *transport, const struct conn_info *info)
{
	const struct net_addr addr = source_addr(&info->peer);
	struct hash_sip h = hash_sip_start(&transport->key);
	struct source *source;
	uint64_t hash;

	hash_sip_add(&h, &addr, sizeof(addr));
	hash_sip_add(&h, &info->realm, sizeof(info->realm));
	hash = hash_sip_end(&h);
	source = find(transport, hash, &addr, info);
	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->addr = addr;
	source->family = info->peer.family;
	source->realm = info->realm;
	links_put(&transport->sources, &source->link, hash);
	return source;
}

bool source_admit(struct transport *transport, const struct conn_info *info, bool known,
		  struct source **out)
{
	const struct transport_limits *limits = &transport->limits;
	struct source *source;

	*out = NULL;
	if (transport->nconns >= limits->total_max ||
	    (!known && transport->strangers >= limits->total_max - limits->total_max / 4)) {
		transport->stats.over_total++;
		return false;
	}
	source = find_or_make(transport, info);
	if (!source || source->conns >= (known ? limits->known_source_max : limits->source_max)) {
		transport->stats.over_source++;
		return false;
	}
	source->conns++;
	*out = source;
	return true;
}

void source_release(struct transport *transport, struct source *source)
{
	if (!source || --source->conns)
		return;
	links_drop(&transport->sources, &source->link);
	free(source);
}
