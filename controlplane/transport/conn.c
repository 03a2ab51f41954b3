/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection: from the socket to messages. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "controlplane/transport/transport_priv.h"

bool conn_is_dead(const struct conn *conn)
{
	return conn->state == CONN_DEAD;
}

uint32_t conn_output(const struct conn *conn)
{
	size_t bytes = conn->early ? evbuffer_get_length(conn->early) : 0;

	if (conn->bev)
		bytes += evbuffer_get_length(bufferevent_get_output(conn->bev));
	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

void conn_info_get(const struct conn *conn, struct conn_info *info)
{
	*info = conn->info;
}

int conn_set_names(struct conn *conn, struct span names)
{
	char *copy = names.len ? malloc(names.len) : NULL;

	if (names.len && !copy)
		return -ENOMEM;
	if (copy)
		memcpy(copy, names.ptr, names.len);
	free(conn->names);
	conn->names = copy;
	conn->names_len = names.len;
	return 0;
}

struct conn *conn_new(struct transport *transport, const struct conn_info *info)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->transport = transport;
	conn->info = *info;
	conn->info.flow = ++transport->last_id;
	conn->fd = -1;
	conn->key.conn = conn->alias.conn = conn;
	conn->layer = transport->layers[info->transport].layer;
	conn->layer_arg = transport->layers[info->transport].arg;
	conn->opened_ns = conn->in_ns = conn->out_ns = clock_mono_ns();
	conn->key.peer = info->peer;
	links_put(&transport->by_id, &conn->by_id,
		  hash_mix(conn->info.flow, UINT64_C(0x9e3779b97f4a7c15)));
	links_put(&transport->by_peer, &conn->key.link,
		  peer_hash(transport, info->realm, info->transport, &info->peer));
	TAILQ_INSERT_TAIL(&transport->conns, conn, all);
	transport->nconns++;
	transport->strangers += info->accepted && !info->known;
	if (!event_pending(transport->tick, EV_TIMEOUT, NULL))
		event_add(transport->tick, &(struct timeval){.tv_usec = TICK_MS * 1000});
	return conn;
}

static void leave_queues(struct conn *conn)
{
	struct transport *transport = conn->transport;

	if (conn->in_opening)
		TAILQ_REMOVE(&transport->opening, conn, queue);
	if (conn->in_stalled)
		TAILQ_REMOVE(&transport->stalled, conn, queue);
	conn->in_opening = conn->in_stalled = false;
}

void conn_close(struct conn *conn, uint64_t *counter, enum conn_failure failure)
{
	static const struct timeval at_once;
	struct transport *transport = conn->transport;

	if (conn->state == CONN_DEAD)
		return;
	if (counter)
		++*counter;
	sent_fail(conn, failure); /* looks at the socket */
	conn->state = CONN_DEAD;
	leave_queues(conn);
	links_drop(&transport->by_id, &conn->by_id);
	links_drop(&transport->by_peer, &conn->key.link);
	links_drop(&transport->by_peer, &conn->alias.link);
	if (transport->sweep_at == conn)
		transport->sweep_at = TAILQ_NEXT(conn, all);
	TAILQ_REMOVE(&transport->conns, conn, all);
	transport->nconns--;
	transport->strangers -= conn->info.accepted && !conn->info.known;
	source_release(transport, conn->source);
	if (conn->bev && conn->layer && conn->layer->closing)
		conn->layer->closing(conn->layer_arg, conn, conn->bev);
	if (conn->connecting)
		event_free(conn->connecting);
	if (conn->fd >= 0)
		close(conn->fd);
	if (conn->bev)
		bufferevent_free(conn->bev);
	if (conn->early)
		evbuffer_free(conn->early);
	conn->bev = NULL;
	/* who called may still look at it: it is freed in the loop's next turn */
	TAILQ_INSERT_TAIL(&transport->dead, conn, all);
	event_add(transport->bury, &at_once);
}

void conn_say_farewell(struct conn *conn)
{
	if (conn->state == CONN_FAREWELL)
		return;
	leave_queues(conn);
	conn->state = CONN_FAREWELL;
	conn->farewell_ns = clock_mono_ns() + FAREWELL_NS;
	links_drop(&conn->transport->by_peer, &conn->key.link);
	links_drop(&conn->transport->by_peer, &conn->alias.link);
	bufferevent_trigger(conn->bev, EV_WRITE, BEV_TRIG_DEFER_CALLBACKS);
}

/* The stream cannot go on: say so where that can be said, and close once that is out. */
static void broken(struct conn *conn)
{
	struct transport *transport = conn->transport;
	const struct sip_msg *msg = &transport->msg;
	char text[4096];
	struct cursor out = cursor_on(text, sizeof(text));
	uint64_t held;

	if (msg->status == 513)
		transport->stats.too_large++;
	else
		transport->stats.broken++;
	if (log_limit_pass(&transport->lines, clock_mono_ns(), &held))
		LOG(WARN, "transport", "a peer's stream cannot be read",
		    LOG_ENDPOINT("peer", &conn->info.peer),
		    LOG_STR("transport", net_transport_param(conn->info.transport)),
		    LOG_STR("why", msg->why), LOG_U64("held_back", held));
	if (reject_put(&out, msg, &conn->info.peer,
		       hash_mix(conn->info.flow, transport->key.k[0])))
		bufferevent_write(conn->bev, out.buf, out.len);
	conn_say_farewell(conn);
	transport->events->misbehaved(transport->arg, &conn->info, msg->why);
}

static void stall(struct conn *conn)
{
	static const struct timeval soon = {.tv_usec = 5000};
	struct transport *transport = conn->transport;

	if (conn->in_stalled)
		return;
	conn->in_stalled = true;
	TAILQ_INSERT_TAIL(&transport->stalled, conn, queue);
	transport->stats.stalls++;
	if (!transport->resuming && !event_pending(transport->retry, EV_TIMEOUT, NULL))
		event_add(transport->retry, &soon);
}

static void on_crlf(struct conn *conn)
{
	if (!conn->pinged_ns)
		return;
	conn->pinged_ns = 0;
	conn->answers_pings = true;
	conn->framing.half_ping = false;
	conn->transport->stats.pongs++;
}

/* False: it is not to be looked at further. */
static bool take_one(struct conn *conn, enum framing_result result)
{
	struct transport *transport = conn->transport;

	switch (result) {
	case FRAMING_MORE:
		return false;
	case FRAMING_PING:
		transport->stats.pings++;
		conn_give(conn, SPAN("\r\n"), NULL);
		return !conn_is_dead(conn);
	case FRAMING_CRLF:
		on_crlf(conn);
		return true;
	case FRAMING_BROKEN:
		broken(conn);
		return false;
	case FRAMING_MESSAGE:
		break;
	}
	conn_offer_alias(conn, &transport->msg);
	if (transport->events->message(transport->arg, &conn->info, &transport->msg)) {
		stall(conn);
		return false;
	}
	conn->rx_messages++;
	transport->stats.rx_messages++;
	return !conn_is_dead(conn);
}

/* All that is whole. */
void conn_take(struct conn *conn)
{
	struct transport *transport = conn->transport;
	uint32_t max = transport->limits.message_bytes_max, used = 0;
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t len = evbuffer_get_length(input), at = 0;
	const char *bytes = (const char *)evbuffer_pullup(input, -1);
	bool more = len != 0;

	while (more && at < len) {
		enum framing_result result;

		if (conn_output(conn) > OUTPUT_PAUSE) {
			conn->paused = true;
			break;
		}
		result = framing_next(&conn->framing, bytes + at, len - at, max, &transport->msg,
				      &used);
		more = take_one(conn, result);
		if (conn_is_dead(conn) || conn->state == CONN_FAREWELL)
			break;
		if (!conn->in_stalled)
			at += used;
	}
	if (conn_is_dead(conn))
		return;
	evbuffer_drain(input, conn->state == CONN_FAREWELL ? len : at);
	if (!framing_begun(&conn->framing))
		conn->begun_ns = 0;
	else if (!conn->begun_ns)
		conn->begun_ns = conn->in_ns;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;
	struct evbuffer *input = bufferevent_get_input(bev);

	if (conn->state == CONN_FAREWELL) {
		evbuffer_drain(input, evbuffer_get_length(input));
		return;
	}
	conn->in_ns = clock_mono_ns();
	if (conn->state == CONN_READY && !conn->in_stalled && !conn->paused)
		conn_take(conn);
}

/* Its output has gone down to OUTPUT_RESUME, or is out. */
static void on_write(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	conn->out_ns = clock_mono_ns();
	if (conn->state == CONN_FAREWELL) {
		if (conn->lingers || conn_output(conn))
			return;
		/* closed at once, what the peer still sends would cost it the answer (a reset) */
		conn->lingers = true;
		if (bufferevent_getfd(bev) >= 0)
			shutdown(bufferevent_getfd(bev), SHUT_WR);
		return;
	}
	if (!conn->paused)
		return;
	conn->paused = false;
	if (!conn->in_stalled)
		conn_take(conn);
}

static void on_ready(struct conn *conn)
{
	const char *why = "refused";

	if (conn->layer && conn->layer->ready &&
	    !conn->layer->ready(conn->layer_arg, conn, conn->bev, &why)) {
		LOG(INFO, "transport", "a peer is not who it should be",
		    LOG_ENDPOINT("peer", &conn->info.peer), LOG_STR("why", why));
		conn_close(conn, &conn->transport->stats.handshake_failed, CONN_UNREACHED);
		return;
	}
	leave_queues(conn);
	conn->state = CONN_READY;
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	if (conn->early) {
		bufferevent_write_buffer(conn->bev, conn->early);
		evbuffer_free(conn->early);
		conn->early = NULL;
	}
	conn_take(conn);
}

static uint64_t *ending(struct conn *conn, short what)
{
	struct transport_stats *stats = &conn->transport->stats;

	if (conn->state == CONN_FAREWELL)
		return NULL;
	if (conn->state == CONN_HANDSHAKE)
		return &stats->handshake_failed;
	return what & BEV_EVENT_EOF ? &stats->peer_closed : &stats->reset;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *conn = arg;

	if (what & BEV_EVENT_CONNECTED) {
		if (conn->state == CONN_HANDSHAKE)
			on_ready(conn);
		return;
	}
	/* what it sent before it closed is a message like any other */
	if (conn->in_stalled && what & BEV_EVENT_EOF) {
		conn->ended = true;
		return;
	}
	conn_close(conn, ending(conn, what),
		   conn->state == CONN_HANDSHAKE ? CONN_UNREACHED : CONN_LOST);
}

static void count_bytes(struct evbuffer *buffer, const struct evbuffer_cb_info *change, void *arg)
{
	struct conn *conn = arg;

	conn->rx_bytes += change->n_added;
	conn->transport->stats.rx_bytes += change->n_added;
}

static void count_sent(struct evbuffer *buffer, const struct evbuffer_cb_info *change, void *arg)
{
	struct conn *conn = arg;

	conn->tx_bytes += change->n_deleted;
	conn->transport->stats.tx_bytes += change->n_deleted;
}

static struct bufferevent *make_bev(struct conn *conn, evutil_socket_t fd)
{
	struct bufferevent *bev;

	if (conn->layer)
		return conn->layer->open(conn->layer_arg, conn->transport->base, fd, conn);
	bev = bufferevent_socket_new(conn->transport->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!bev)
		close(fd);
	return bev;
}

void conn_begin(struct conn *conn, evutil_socket_t fd, struct bufferevent *bev)
{
	struct transport *transport = conn->transport;
	bool plain = !conn->layer;

	conn->bev = bev ? bev : make_bev(conn, fd);
	if (!conn->bev || !evbuffer_add_cb(bufferevent_get_input(conn->bev), count_bytes, conn) ||
	    !evbuffer_add_cb(bufferevent_get_output(conn->bev), count_sent, conn)) {
		conn_close(conn, &transport->stats.handshake_failed, CONN_UNREACHED);
		return;
	}
	bufferevent_setcb(conn->bev, on_read, on_write, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0,
				 transport->limits.message_bytes_max + READ_SLACK);
	bufferevent_setwatermark(conn->bev, EV_WRITE, OUTPUT_RESUME, 0);
	if (plain || (bev && conn->info.accepted)) {
		on_ready(conn);
		return;
	}
	conn->state = CONN_HANDSHAKE;
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

bool transport_adopt(struct transport *transport, const struct conn_info *info,
		     struct bufferevent *bev)
{
	enum conn_welcome welcome =
		transport->events->welcome(transport->arg, info->realm, &info->peer);
	struct conn_info its = *info;
	struct source *source = NULL;
	struct conn *conn = NULL;

	its.accepted = true;
	its.known = welcome == CONN_KNOWN;
	if (welcome == CONN_REFUSED)
		transport->stats.blocked++;
	else if (source_admit(transport, &its, its.known, &source))
		conn = conn_new(transport, &its);
	if (!conn) {
		source_release(transport, source);
		bufferevent_free(bev);
		return false;
	}
	conn->source = source;
	transport->stats.accepted++;
	conn_begin(conn, -1, bev);
	return true;
}
