/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP over connections: listeners, connections by libevent's bufferevents, messages in and out of
 * them, reuse, limits. It knows neither the dataplane nor the config: dispatch tells it where to
 * listen and takes what comes. A layer makes the bytes' way other than plain TCP (TLS, SCTP).
 * limen-controlplane, loop thread. */
#pragma once

#include "common/net/addr.h"
#include "common/sip/sip_msg.h"

struct bufferevent;
struct conn;
struct cursor;
struct event_base;
struct transport;

/* What is known of a connection; copied on request. */
struct conn_info {
	uint64_t flow; /* its id: never reused, not by a later process either, never 0 */
	struct net_endpoint peer, local;
	uint8_t realm;	   /* index in the config */
	uint8_t transport; /* enum net_transport */
	bool accepted;	   /* by us, else opened by us */
	bool known;	   /* accepted: CONN_KNOWN */
};

/* Who may connect. */
enum conn_welcome { CONN_REFUSED = 0, CONN_UNKNOWN, CONN_KNOWN };

/* Why what was given with a token did not go out. */
enum conn_failure {
	CONN_NO_WAY,	/* the realm has no such transport, or no address of that family */
	CONN_UNREACHED, /* could not connect, or its layer could not */
	CONN_LATE,	/* nor in time */
	CONN_LOST,	/* the connection ended before the peer had it */
	CONN_FULL,	/* the peer does not take what is sent to it, or there are too many */
	CONN_FAILURES
};
const char *conn_failure_name(enum conn_failure failure);

/* What a sender gave, to be told by it when it could not be sent. */
struct conn_token {
	uint64_t token; /* 0: nobody waits */
	unsigned ring;	/* whose: the dispatcher's word, not looked at */
};

struct transport_events {
	/* A message, whole; msg->why tells what is wrong with it. 0, or -EAGAIN: it is offered
	 * again, and nothing is read from that peer until it is taken. The connection must not be
	 * closed in it. */
	int (*message)(void *arg, const struct conn_info *from, const struct sip_msg *msg);
	void (*failed)(void *arg, const struct conn_token *token, enum conn_failure failure);
	/* Called for each that connects, before anything is read. */
	enum conn_welcome (*welcome)(void *arg, unsigned realm, const struct net_endpoint *peer);
	/* A connection of that peer ended because of what it sent: `why` is static text. */
	void (*misbehaved)(void *arg, const struct conn_info *peer, const char *why);
};

/* A way of bytes that is not plain TCP. All of it is called on the loop thread. */
struct transport_layer {
	/* The bufferevent over a TCP socket that is connected: the fd is its own from then on
	 * (BEV_OPT_CLOSE_ON_FREE), also when NULL comes back. It tells by BEV_EVENT_CONNECTED that
	 * it is ready, and by BEV_EVENT_ERROR that it will not be. The transport sets its
	 * callbacks. conn_info_get tells whom it is for. */
	struct bufferevent *(*open)(void *arg, struct event_base *base, int fd, struct conn *conn);
	/* Instead of `open` and TCP's sockets, for what has its own: a bufferevent that will be
	 * connected to conn's peer. Such a layer listens by itself and gives what it accepts to
	 * transport_adopt. NULL for what goes over TCP. */
	struct bufferevent *(*connect)(void *arg, struct event_base *base, struct conn *conn);
	/* It is ready: to look at what the peer has proved (conn_set_names). False: it is to be
	 * closed, *why (static text) says why. May be NULL. */
	bool (*ready)(void *arg, struct conn *conn, struct bufferevent *bev, const char **why);
	/* What limenctl shows of it: JSON keys (put_json_...). May be NULL. */
	void (*show)(void *arg, const struct conn *conn, struct bufferevent *bev,
		     struct cursor *out);
	/* Before the bufferevent is freed. May be NULL. */
	void (*closing)(void *arg, struct conn *conn, struct bufferevent *bev);
};

/* A listener, and where connections of its realm and transport are opened from. */
struct transport_place {
	struct net_endpoint local;
	const char *device; /* sockets are bound to it; NULL or "": to none. Copied */
	uint8_t realm;
	uint8_t transport;
};

#define TRANSPORT_PLACES_MAX 1024u

/* Bounds; may change at any time. 0 of a time: none. */
struct transport_limits {
	uint32_t total_max;	   /* connections; strangers get three quarters of them */
	uint32_t source_max;	   /* of one source: an IPv4 address, an IPv6 /64 */
	uint32_t known_source_max; /* the same of one that is CONN_KNOWN */
	uint32_t first_message_ms; /* accepted, and nothing whole came: closed */
	uint32_t message_ms;	   /* a message begun and not whole */
	uint32_t idle_ms;	   /* nothing came and nothing went */
	uint32_t connect_ms;	   /* opened and not ready */
	uint32_t keepalive_ms;	   /* own pings over connections opened by us */
	uint32_t pong_ms;	   /* a ping without answer (RFC 5626 section 4.4.1: 10 s) */
	uint32_t message_bytes_max;
	uint32_t output_bytes_max; /* what a peer has not taken yet */
	bool alias;		   /* connections that a known peer offers (RFC 5923) are used */
};

/* events is borrowed. 0, or -ENOMEM. */
int transport_new(struct transport **transport, struct event_base *base,
		  const struct transport_limits *limits, const struct transport_events *events,
		  void *arg);
/* Closes all. Tokens are not told of. */
void transport_free(struct transport *transport);

void transport_set_limits(struct transport *transport, const struct transport_limits *limits);

/* A layer for a transport; before the first place with it. `layer` is borrowed. Without one NET_TCP
 * is plain, the others are not spoken. */
void transport_set_layer(struct transport *transport, enum net_transport which,
			 const struct transport_layer *layer, void *arg);

/* Where to listen from now on. Listeners that are wanted no more are closed, connections stay. A
 * socket that cannot be bound now (its device may come later) is tried again each second. 0,
 * -E2BIG, or -ENOMEM. */
int transport_set_places(struct transport *transport, const struct transport_place *places,
			 unsigned n);

/* Devices may have come or changed: look now, not only at the second's end. */
void transport_look_for_devices(struct transport *transport);

/* One message to a peer. */
struct transport_send {
	struct net_endpoint peer;
	uint64_t flow; /* the connection that is meant; 0: none in particular */
	struct conn_token token;
	uint8_t realm, transport;
	struct span message;
};
/* Over the flow, else over a connection to the peer, else over a new one. A response whose flow is
 * gone goes to the peer's address at the port of its top Via (RFC 3261 section 18.2.2). What cannot
 * be sent is told by `failed`, perhaps at once. */
void transport_send(struct transport *transport, const struct transport_send *send);

/* Room for messages again: connections that wait for it go on. */
void transport_resume(struct transport *transport);

/* Whether the flow stands. `info` may be NULL. */
bool transport_flow(const struct transport *transport, uint64_t flow, struct conn_info *info);
/* The names that the peer of a flow has proved to have, one behind the other with a NUL behind
 * each; empty: none. Lives until the loop's next turn. */
struct span transport_flow_names(const struct transport *transport, uint64_t flow);

/* Close one; false: there is none. */
bool transport_close(struct transport *transport, uint64_t flow);
/* Close those of a source that is blocked now. Returns how many. */
unsigned transport_close_source(struct transport *transport, const struct net_prefix *source,
				unsigned realm, bool any_realm);

/* For layers. */
void conn_info_get(const struct conn *conn, struct conn_info *info);
/* 0, or -ENOMEM. */
int conn_set_names(struct conn *conn, struct span names);
/* A connection that a layer has accepted by itself (no socket): as if a listener had. False: it was
 * refused, and the bufferevent is freed. */
bool transport_adopt(struct transport *transport, const struct conn_info *info,
		     struct bufferevent *bev);

/* For a list: calls row() for each from *at on until it returns false; *at is 0 at first. False:
 * there are no more. */
struct conn_row {
	struct conn_info info;
	const char *state;
	uint64_t age_ns, idle_ns;
	uint64_t rx_bytes, tx_bytes, rx_messages, tx_messages;
	uint64_t waiting_bytes;
	struct span names;
	const struct transport_layer *layer; /* NULL: none */
	void *layer_arg;
	const struct conn *conn;
	struct bufferevent *bev;
};
bool transport_next(const struct transport *transport, uint64_t *at, struct conn_row *row);

/* The places at which nobody listens though somebody should: *at starts at 0. False at the end. */
bool transport_next_deaf(const struct transport *transport, unsigned *at,
			 struct net_endpoint *local);

/* X(name): counters, of all since the start. */
#define TRANSPORT_COUNTERS(X)                                                                      \
	X(accepted) X(opened) X(open_failed) X(reused) X(aliases)                                  \
	X(rx_messages) X(rx_bytes) X(tx_messages) X(tx_bytes)                                      \
	X(pings) X(pongs) X(own_pings)                                                             \
	X(over_total) X(over_source) X(blocked) X(no_descriptors) X(accept_failed)                 \
	X(handshake_failed) X(first_message_late) X(message_late) X(idle) X(pong_late)             \
	X(broken) X(too_large) X(output_full) X(peer_closed) X(reset) X(operator_closed)           \
	X(stalls) X(no_way) X(tokens_failed) X(listen_failed)

struct transport_stats {
#define X(name) uint64_t name;
	TRANSPORT_COUNTERS(X)
#undef X
	uint64_t connections, known, strangers, listeners, sources;
};
void transport_stats(const struct transport *transport, struct transport_stats *stats);
