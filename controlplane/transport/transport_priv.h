/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of controlplane/transport share. limen-controlplane, loop thread. */
#pragma once

#include <event2/util.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/log/log.h"
#include "controlplane/transport/framing.h"
#include "controlplane/transport/links.h"
#include "controlplane/transport/transport.h"

struct evbuffer;
struct event;

#define TICK_MS	      100u
#define OUTPUT_PAUSE  65536u /* a peer that leaves so much untaken is not listened to */
#define OUTPUT_RESUME 16384u
#define READ_SLACK    16384u /* bytes read beyond one message */
#define FAREWELL_NS   (2 * CLOCK_NS_PER_S)

enum conn_state {
	CONN_CONNECTING, /* TCP is being connected: an fd and an event, no bufferevent */
	CONN_HANDSHAKE,	 /* the layer's */
	CONN_READY,
	CONN_FAREWELL, /* what is to be said last goes out; what comes is thrown away */
	CONN_DEAD,     /* in no table; freed in the loop's next turn */
};

/* Who connects, for the limit of each. */
struct source {
	struct link link;
	struct net_addr addr; /* of IPv6 the first 64 bits */
	uint8_t family, realm;
	uint32_t conns;
};

/* Where a connection leads. */
struct conn_key {
	struct link link;
	struct conn *conn;
	struct net_endpoint peer;
};

/* A message that was given, while it is not certain that the peer has it. */
struct sent {
	uint64_t end; /* bytes given up to its end */
	struct conn_token token;
};

struct conn {
	TAILQ_ENTRY(conn) all;	 /* by id; of the dead: those to be freed */
	TAILQ_ENTRY(conn) queue; /* opening or stalled */
	struct link by_id;
	struct conn_key key, alias;
	struct transport *transport; /* borrowed */
	struct source *source;	     /* accepted ones */
	struct conn_info info;
	uint8_t state; /* enum conn_state */
	bool in_opening, in_stalled;
	bool ended;   /* the peer closed while messages wait to be taken */
	bool paused;  /* its output must go out first */
	bool answers_pings;
	bool lingers; /* shut down for writing */
	uint8_t via_looks; /* requests that were looked at for `alias` */
	const struct transport_layer *layer;
	void *layer_arg;
	struct bufferevent *bev; /* owned; NULL while CONNECTING */
	struct event *connecting; /* owned; while CONNECTING */
	evutil_socket_t fd;	 /* owned while CONNECTING */
	struct evbuffer *early;	 /* owned: given before it was ready */
	struct framing framing;
	struct sent *sent; /* owned, a ring */
	uint32_t sent_first, sent_n, sent_room;
	uint64_t given_bytes;
	uint64_t opened_ns, in_ns, out_ns;
	uint64_t begun_ns;    /* the message that is not whole; 0: there is none */
	uint64_t farewell_ns;
	uint64_t pinged_ns;   /* own ping without answer; 0: none */
	uint64_t rx_bytes, tx_bytes, rx_messages, tx_messages;
	char *names; /* owned */
	size_t names_len;
};
TAILQ_HEAD(conn_list, conn);

struct listener {
	TAILQ_ENTRY(listener) all;
	struct transport *transport;
	struct transport_place place; /* `device` points to its own */
	char device[32];
	unsigned device_index; /* at bind time */
	evutil_socket_t fd;    /* -1: not bound */
	struct event *event;   /* owned */
	bool resting;	       /* out of descriptors */
	bool wanted, complained;
};
TAILQ_HEAD(listener_list, listener);

struct transport {
	struct event_base *base;
	const struct transport_events *events;
	void *arg;
	struct transport_limits limits;
	struct {
		const struct transport_layer *layer;
		void *arg;
	} layers[NET_TRANSPORTS];
	struct hash_key key;
	struct links by_id, by_peer, sources;
	struct conn_list conns, opening, stalled, dead;
	struct listener_list listeners;
	struct conn *sweep_at;
	uint64_t last_id;
	uint32_t nconns, strangers;
	struct event *tick, *bury, *retry;
	unsigned ticks;
	bool resuming; /* retry is looked after */
	struct transport_stats stats;
	struct log_limit lines;
	struct sip_msg msg;    /* came in, being looked at */
	struct sip_msg answer; /* going out, of which the Via is wanted */
};

/* sockets.c */
socklen_t socket_name(const struct net_endpoint *endpoint, struct sockaddr_storage *name);
bool socket_endpoint(const struct sockaddr_storage *name, struct net_endpoint *endpoint);
/* A TCP socket for a place, bound to its device and to its address with that port. The fd, or
 * -errno. */
int socket_at(const struct transport_place *place, uint16_t port);
void socket_tune(evutil_socket_t fd);
/* Bytes that the peer's kernel has not acknowledged. */
uint32_t socket_unacked(evutil_socket_t fd);
/* Close so that nothing of it stays. */
void socket_abort(evutil_socket_t fd);

/* listen.c */
void listeners_tick(struct transport *transport);
void listeners_free(struct transport *transport);
const struct transport_place *listener_place(const struct transport *transport, unsigned realm,
					     unsigned which, uint8_t family);

/* admit.c: who may have one more connection. */
bool source_admit(struct transport *transport, const struct conn_info *info, bool known,
		  struct source **source);
void source_release(struct transport *transport, struct source *source);

/* conn.c */
struct conn *conn_new(struct transport *transport, const struct conn_info *info);
/* Over a connected socket, or with a bufferevent of its layer's. The conn is closed where it
 * fails. */
void conn_begin(struct conn *conn, evutil_socket_t fd, struct bufferevent *bev);
void conn_take(struct conn *conn);
/* Its tokens are told of with `failure`. */
void conn_close(struct conn *conn, uint64_t *counter, enum conn_failure failure);
/* Once its output is out. */
void conn_say_farewell(struct conn *conn);
bool conn_is_dead(const struct conn *conn);
uint32_t conn_output(const struct conn *conn);

/* sweep.c: what is due, each TICK_MS. */
void sweep(struct transport *transport, uint64_t now_ns);

/* sent.c */
/* Bytes for the peer. False: it has been closed, since it takes nothing. */
bool conn_give(struct conn *conn, struct span bytes, const struct conn_token *token);
void sent_forget_acked(struct conn *conn);
/* Tell of those that the peer may not have. */
void sent_fail(struct conn *conn, enum conn_failure failure);
void token_fail(struct transport *transport, const struct conn_token *token,
		enum conn_failure failure);

/* send.c */
uint64_t peer_hash(const struct transport *transport, unsigned realm, unsigned which,
		   const struct net_endpoint *peer);
struct conn *conn_of_flow(const struct transport *transport, uint64_t flow);
void conn_offer_alias(struct conn *conn, const struct sip_msg *msg);
void conn_connected(evutil_socket_t fd, short what, void *arg);

/* reject.c: the answer to a message with which the stream ends (RFC 3261 sections 18.3, 21.5.7).
 * False: it cannot be answered. */
bool reject_put(struct cursor *out, const struct sip_msg *msg, const struct net_endpoint *peer,
		uint64_t tag);
