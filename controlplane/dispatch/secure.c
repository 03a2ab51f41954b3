/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS for the connections of dispatch: whom limen means to reach where it connects, by the trunks
 * that have their peers there. limen-controlplane, loop thread. */
#include <errno.h>
#include <stdio.h>

#include "controlplane/dispatch/internal.h"
#include "controlplane/tls/tls.h"

/* What a peer of a trunk must prove to be. */
struct meant {
	const struct conf_trunk *trunk;
	const char *host; /* NULL: an address */
};

/* The next trunk, from *at on, that has a peer there. */
static bool next_meant(const struct generation *gen, const struct conn_info *server, unsigned *at,
		       struct meant *meant)
{
	struct peer_set set;

	for (; *at < gen->conf->ntrunks; ++*at) {
		const struct conf_trunk *trunk = &gen->conf->trunks[*at];

		if (trunk->realm != server->realm)
			continue;
		peer_set_get(gen->peers, *at, &set);
		for (unsigned i = 0; i < set.n; i++) {
			if (set.list[i].transport != server->transport ||
			    !net_endpoint_eq(&set.list[i].addr, &server->peer))
				continue;
			*meant = (struct meant){trunk, trunk->peer_of[set.list[i].item].host};
			++*at;
			return true;
		}
	}
	return false;
}

static bool has_address(const struct tls_names *names, const struct net_endpoint *peer)
{
	char text[64];
	struct cursor out = cursor_on(text, sizeof(text));

	put_addr(&out, peer->family, &peer->addr);
	return tls_names_have(names, cursor_span(&out));
}

static bool is_meant(const struct meant *meant, const struct net_endpoint *peer,
		     const struct tls_names *names)
{
	for (unsigned i = 0; i < meant->trunk->ntls_names; i++) {
		if (tls_names_have(names, span_str(meant->trunk->tls_names[i])))
			return true;
	}
	if (meant->trunk->ntls_names)
		return false;
	return meant->host ? tls_names_have(names, span_str(meant->host))
			   : has_address(names, peer);
}

static void server_name(void *arg, const struct conn_info *server,
			char name[TLS_NAME_BYTES_MAX + 1])
{
	const struct dispatch *dispatch = arg;
	struct meant meant;
	unsigned at = 0;

	name[0] = '\0';
	if (!next_meant(dispatch->generation, server, &at, &meant))
		return;
	snprintf(name, TLS_NAME_BYTES_MAX + 1, "%s",
		 meant.host		  ? meant.host
		 : meant.trunk->ntls_names ? meant.trunk->tls_names[0]
					   : "");
}

/* All trunks with a peer there use the connection, so that it must be right for each of them. What
 * is no trunk's peer, as the contact of a user, must have its address in its certificate. */
static bool is_server(void *arg, const struct conn_info *server, const struct tls_names *names)
{
	const struct dispatch *dispatch = arg;
	struct meant meant;
	unsigned at = 0, n = 0;

	while (next_meant(dispatch->generation, server, &at, &meant)) {
		n++;
		if (!is_meant(&meant, &server->peer, names))
			return false;
	}
	return n || has_address(names, &server->peer);
}

static const struct tls_hooks hooks = {.server_name = server_name, .is_server = is_server};

int secure_start(struct dispatch *dispatch, struct transport *transport)
{
	dispatch->tls = tls_new(&hooks, dispatch);
	if (!dispatch->tls)
		return -ENOMEM;
	transport_set_layer(transport, NET_TLS, tls_layer(), dispatch->tls);
	return 0;
}

void secure_configure(struct dispatch *dispatch, const struct generation *generation)
{
	tls_use(dispatch->tls, generation->tls);
}

void secure_stop(struct dispatch *dispatch)
{
	tls_free(dispatch->tls);
	dispatch->tls = NULL;
}
