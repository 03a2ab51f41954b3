/* SPDX-License-Identifier: BSD-3-Clause */
/* Which connection a message goes over: the one that is meant, one to that peer (RFC 3261 section
 * 18.1.1, RFC 5923), or a new one. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <unistd.h>

#include "controlplane/transport/transport_priv.h"

#define ALIAS_LOOKS 8u /* requests of a connection in which an alias is looked for */
#define SIP_PORT    5060
#define SIPS_PORT   5061

#define CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

uint64_t peer_hash(const struct transport *transport, unsigned realm, unsigned which,
		   const struct net_endpoint *peer)
{
	const uint8_t kind[2] = {(uint8_t)realm, (uint8_t)which};
	struct hash_sip h = hash_sip_start(&transport->key);

	hash_sip_add(&h, peer, sizeof(*peer));
	hash_sip_add(&h, kind, sizeof(kind));
	return hash_sip_end(&h);
}

struct conn *conn_of_flow(const struct transport *transport, uint64_t flow)
{
	struct link *link = links_first(&transport->by_id,
					      hash_mix(flow, UINT64_C(0x9e3779b97f4a7c15)));

	for (; link; link = links_next(link)) {
		struct conn *conn = CONTAINER(link, struct conn, by_id);

		if (conn->info.flow == flow)
			return conn;
	}
	return NULL;
}

static struct conn *conn_to(const struct transport *transport, const struct transport_send *send)
{
	struct link *link =
		links_first(&transport->by_peer,
			    peer_hash(transport, send->realm, send->transport, &send->peer));

	for (; link; link = links_next(link)) {
		struct conn_key *key = CONTAINER(link, struct conn_key, link);

		if (key->conn->info.realm == send->realm &&
		    key->conn->info.transport == send->transport &&
		    net_endpoint_eq(&key->peer, &send->peer))
			return key->conn;
	}
	return NULL;
}

static uint16_t default_port(unsigned transport)
{
	return transport == NET_TLS || transport == NET_WSS ? SIPS_PORT : SIP_PORT;
}

/* RFC 5923: a peer that says `alias` may be called back over its connection, at the port it names.
 * Its address is not taken from what it says: nobody can draw another's calls to himself. */
void conn_offer_alias(struct conn *conn, const struct sip_msg *msg)
{
	struct transport *transport = conn->transport;
	struct sip_values values = sip_values(msg, SIP_HDR_VIA);
	struct span first, value;
	struct sip_via via;

	if (!conn->info.accepted || !conn->info.known || !transport->limits.alias ||
	    !msg->is_request || conn->via_looks >= ALIAS_LOOKS)
		return;
	conn->via_looks++;
	if (!sip_values_next(&values, &first) || sip_via_parse(first, &via) ||
	    !sip_param_find(via.params, SPAN("alias"), &value))
		return;
	conn->via_looks = ALIAS_LOOKS;
	conn->alias.peer = conn->info.peer;
	conn->alias.peer.port = via.port ? via.port : default_port(conn->info.transport);
	links_put(&transport->by_peer, &conn->alias.link,
		  peer_hash(transport, conn->info.realm, conn->info.transport, &conn->alias.peer));
	transport->stats.aliases++;
}

/* ---- a new one ---- */

void conn_connected(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;
	struct sockaddr_storage name;
	socklen_t len = sizeof(int), name_len = sizeof(name);
	int err = 0;

	event_free(conn->connecting);
	conn->connecting = NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (err) {
		conn_close(conn, &conn->transport->stats.open_failed, CONN_UNREACHED);
		return;
	}
	if (!getsockname(fd, (struct sockaddr *)&name, &name_len))
		(void)socket_endpoint(&name, &conn->info.local);
	conn->fd = -1; /* the bufferevent's now */
	conn_begin(conn, fd, NULL);
}

/* The connection fails by itself, later, so that there is one way only in which that is told. */
static int begin_connect(struct conn *conn, const struct transport_place *place)
{
	struct transport *transport = conn->transport;
	struct sockaddr_storage name;
	socklen_t len = socket_name(&conn->info.peer, &name);
	int fd = socket_at(place, 0);

	if (fd < 0)
		return fd;
	conn->fd = fd;
	socket_tune(fd);
	if (connect(fd, (const struct sockaddr *)&name, len) && errno != EINPROGRESS)
		return -errno;
	conn->connecting = event_new(transport->base, fd, EV_WRITE, conn_connected, conn);
	return conn->connecting && !event_add(conn->connecting, NULL) ? 0 : -ENOMEM;
}

static int begin_layer(struct conn *conn)
{
	struct bufferevent *bev =
		conn->layer->connect(conn->layer_arg, conn->transport->base, conn);

	if (!bev)
		return -ENOMEM;
	conn_begin(conn, -1, bev);
	return 0;
}

static struct conn *open_new(struct transport *transport, const struct transport_send *send,
			     enum conn_failure *failure)
{
	const struct transport_place *place =
		listener_place(transport, send->realm, send->transport, send->peer.family);
	struct conn_info info = {.peer = send->peer,
				 .realm = send->realm,
				 .transport = send->transport,
				 .known = true};
	struct conn *conn = NULL;
	int err;

	*failure = CONN_NO_WAY;
	if (!place || !send->peer.port) {
		transport->stats.no_way++;
		return NULL;
	}
	*failure = CONN_FULL;
	if (transport->nconns >= transport->limits.total_max) {
		transport->stats.over_total++;
		return NULL;
	}
	info.local = place->local;
	conn = conn_new(transport, &info);
	if (!conn)
		return NULL;
	transport->stats.opened++;
	conn->in_opening = true;
	TAILQ_INSERT_TAIL(&transport->opening, conn, queue);
	err = conn->layer && conn->layer->connect ? begin_layer(conn) : begin_connect(conn, place);
	if (!err && !conn_is_dead(conn))
		return conn;
	*failure = CONN_UNREACHED;
	transport->stats.no_descriptors += err == -EMFILE || err == -ENFILE;
	conn_close(conn, &transport->stats.open_failed, CONN_UNREACHED);
	return NULL;
}

/* ---- the choice ---- */

/* RFC 3261 section 18.2.2: to the source's address, at the port of the sent-by. */
static void go_back(struct transport *transport, struct transport_send *send)
{
	if (send->message.len < 8 || memcmp(send->message.ptr, "SIP/2.0 ", 8) != 0)
		return;
	(void)sip_parse(&transport->answer, send->message.ptr, send->message.len, SIP_DATAGRAM);
	send->peer.port = transport->answer.via_port ? transport->answer.via_port
						     : default_port(send->transport);
}

void transport_send(struct transport *transport, const struct transport_send *given)
{
	struct transport_send send = *given;
	enum conn_failure failure = CONN_NO_WAY;
	struct conn *conn = send.flow ? conn_of_flow(transport, send.flow) : NULL;

	if (conn && (conn->info.realm != send.realm || conn->info.transport != send.transport))
		conn = NULL;
	if (!conn)
		conn = conn_to(transport, &send);
	if (!conn) {
		go_back(transport, &send);
		conn = conn_to(transport, &send);
	}
	if (conn)
		transport->stats.reused++;
	else
		conn = open_new(transport, &send, &failure);
	if (!conn) {
		token_fail(transport, &send.token, failure);
		return;
	}
	/* one that says farewell takes nothing more, but what answers its last message */
	if (conn->state == CONN_FAREWELL && conn->lingers) {
		token_fail(transport, &send.token, CONN_LOST);
		return;
	}
	if (!conn_give(conn, send.message, &send.token)) {
		token_fail(transport, &send.token, CONN_FULL);
		return;
	}
	conn->tx_messages++;
	transport->stats.tx_messages++;
}
