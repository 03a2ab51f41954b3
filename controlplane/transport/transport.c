/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections as a whole: their life, limits, lists. limen-controlplane, loop thread. */
#include "controlplane/transport/transport.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>

#include "controlplane/transport/transport_priv.h"

#define LINES_A_MINUTE	 20u
#define RESUMED_A_TURN	 256u
#define RETRY_US	 10000

const char *conn_failure_name(enum conn_failure failure)
{
	static const char *const names[CONN_FAILURES] = {
		[CONN_NO_WAY] = "no-way",
		[CONN_UNREACHED] = "unreached",
		[CONN_LATE] = "late",
		[CONN_LOST] = "lost",
		[CONN_FULL] = "full",
	};

	return failure < CONN_FAILURES ? names[failure] : NULL;
}

static void bury(struct transport *transport)
{
	struct conn *conn;

	while ((conn = TAILQ_FIRST(&transport->dead))) {
		TAILQ_REMOVE(&transport->dead, conn, all);
		free(conn->names);
		free(conn);
	}
}

static void on_bury(evutil_socket_t fd, short what, void *arg)
{
	bury(arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval next = {.tv_usec = TICK_MS * 1000};
	struct transport *transport = arg;

	sweep(transport, clock_mono_ns());
	if (++transport->ticks % (1000 / TICK_MS) == 0)
		listeners_tick(transport);
	/* nobody is connected and nobody can connect: nothing will be due */
	if (transport->nconns || !TAILQ_EMPTY(&transport->listeners))
		event_add(transport->tick, &next);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	transport_resume(arg);
}

void transport_resume(struct transport *transport)
{
	static const struct timeval again = {.tv_usec = RETRY_US};
	unsigned n = RESUMED_A_TURN;
	struct conn *last = TAILQ_LAST(&transport->stalled, conn_list), *conn;

	/* each of those that wait now once: who stalls again goes behind the last */
	while (n-- && (conn = TAILQ_FIRST(&transport->stalled))) {
		bool was_last = conn == last;

		TAILQ_REMOVE(&transport->stalled, conn, queue);
		conn->in_stalled = false;
		transport->resuming = true;
		conn_take(conn);
		transport->resuming = false;
		if (!conn_is_dead(conn) && conn->ended && !conn->in_stalled)
			conn_close(conn, &transport->stats.peer_closed, CONN_LOST);
		if (was_last)
			break;
	}
	if (!TAILQ_EMPTY(&transport->stalled))
		event_add(transport->retry, &again);
}

static int start(struct transport *transport)
{
	struct event_base *base = transport->base;
	int err = links_init(&transport->by_id);

	if (!err)
		err = links_init(&transport->by_peer);
	if (!err)
		err = links_init(&transport->sources);
	transport->tick = evtimer_new(base, on_tick, transport);
	transport->bury = evtimer_new(base, on_bury, transport);
	transport->retry = evtimer_new(base, on_retry, transport);
	return err || !transport->tick || !transport->bury || !transport->retry ? -ENOMEM : 0;
}

int transport_new(struct transport **out, struct event_base *base,
		  const struct transport_limits *limits, const struct transport_events *events,
		  void *arg)
{
	struct transport *transport = calloc(1, sizeof(*transport));

	*out = transport;
	if (!transport)
		return -ENOMEM;
	transport->base = base;
	transport->events = events;
	transport->arg = arg;
	transport->limits = *limits;
	transport->lines = (struct log_limit){.window_ns = 60 * CLOCK_NS_PER_S,
					      .burst = LINES_A_MINUTE};
	/* the clock never stood there before, and a second has more ns than connections */
	transport->last_id = clock_real_ns();
	if (getrandom(&transport->key, sizeof(transport->key), 0) != sizeof(transport->key))
		transport->key.k[0] = transport->last_id;
	TAILQ_INIT(&transport->conns);
	TAILQ_INIT(&transport->opening);
	TAILQ_INIT(&transport->stalled);
	TAILQ_INIT(&transport->dead);
	TAILQ_INIT(&transport->listeners);
	if (!start(transport))
		return 0;
	transport_free(transport);
	*out = NULL;
	return -ENOMEM;
}

static void no_message_of_failure(void *arg, const struct conn_token *token,
				  enum conn_failure failure)
{
}

void transport_free(struct transport *transport)
{
	static const struct transport_events silent = {.failed = no_message_of_failure};
	struct conn *conn;

	if (!transport)
		return;
	transport->events = &silent;
	while ((conn = TAILQ_FIRST(&transport->conns)))
		conn_close(conn, NULL, CONN_LOST);
	listeners_free(transport);
	bury(transport);
	if (transport->tick)
		event_free(transport->tick);
	if (transport->bury)
		event_free(transport->bury);
	if (transport->retry)
		event_free(transport->retry);
	links_free(&transport->by_id);
	links_free(&transport->by_peer);
	links_free(&transport->sources);
	free(transport);
}

void transport_set_limits(struct transport *transport, const struct transport_limits *limits)
{
	struct conn *conn;

	transport->limits = *limits;
	TAILQ_FOREACH(conn, &transport->conns, all) {
		if (conn->bev)
			bufferevent_setwatermark(conn->bev, EV_READ, 0,
						 limits->message_bytes_max + READ_SLACK);
	}
}

void transport_set_layer(struct transport *transport, enum net_transport which,
			 const struct transport_layer *layer, void *arg)
{
	transport->layers[which].layer = layer;
	transport->layers[which].arg = arg;
}

bool transport_flow(const struct transport *transport, uint64_t flow, struct conn_info *info)
{
	const struct conn *conn = conn_of_flow(transport, flow);

	if (conn && info)
		*info = conn->info;
	return conn && conn->state == CONN_READY;
}

struct span transport_flow_names(const struct transport *transport, uint64_t flow)
{
	const struct conn *conn = conn_of_flow(transport, flow);

	return conn ? span_of(conn->names, conn->names_len) : SPAN_NONE;
}

bool transport_close(struct transport *transport, uint64_t flow)
{
	struct conn *conn = conn_of_flow(transport, flow);

	if (!conn)
		return false;
	conn_close(conn, &transport->stats.operator_closed, CONN_LOST);
	return true;
}

unsigned transport_close_source(struct transport *transport, const struct net_prefix *source,
				unsigned realm, bool any_realm)
{
	struct conn *conn, *next;
	unsigned n = 0;

	for (conn = TAILQ_FIRST(&transport->conns); conn; conn = next) {
		next = TAILQ_NEXT(conn, all);
		if ((!any_realm && conn->info.realm != realm) ||
		    !net_prefix_has(source, conn->info.peer.family, &conn->info.peer.addr))
			continue;
		conn_close(conn, &transport->stats.blocked, CONN_LOST);
		n++;
	}
	return n;
}

bool transport_next(const struct transport *transport, uint64_t *at, struct conn_row *row)
{
	static const char *const states[] = {
		[CONN_CONNECTING] = "connecting",
		[CONN_HANDSHAKE] = "handshake",
		[CONN_READY] = "ready",
		[CONN_FAREWELL] = "closing",
	};
	const struct conn *conn = *at ? conn_of_flow(transport, *at) : NULL;
	uint64_t now_ns = clock_mono_ns(), last_ns;

	if (conn)
		conn = TAILQ_NEXT(conn, all);
	else /* they lie by id */
		for (conn = TAILQ_FIRST(&transport->conns); conn && conn->info.flow <= *at;)
			conn = TAILQ_NEXT(conn, all);
	if (!conn)
		return false;
	*at = conn->info.flow;
	last_ns = conn->in_ns > conn->out_ns ? conn->in_ns : conn->out_ns;
	*row = (struct conn_row){
		.info = conn->info,
		.state = states[conn->state],
		.age_ns = now_ns - conn->opened_ns,
		.idle_ns = now_ns - last_ns,
		.rx_bytes = conn->rx_bytes,
		.tx_bytes = conn->tx_bytes,
		.rx_messages = conn->rx_messages,
		.tx_messages = conn->tx_messages,
		.waiting_bytes = conn_output(conn),
		.names = span_of(conn->names, conn->names_len),
		.layer = conn->layer,
		.layer_arg = conn->layer_arg,
		.conn = conn,
		.bev = conn->bev,
	};
	return true;
}

void transport_stats(const struct transport *transport, struct transport_stats *stats)
{
	const struct listener *listener;

	*stats = transport->stats;
	stats->connections = transport->nconns;
	stats->strangers = transport->strangers;
	stats->known = transport->nconns - transport->strangers;
	stats->sources = transport->sources.n;
	stats->listeners = 0;
	TAILQ_FOREACH(listener, &transport->listeners, all)
		stats->listeners += listener->fd >= 0;
}
