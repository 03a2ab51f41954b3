/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners: bound when their device and address are there, watched for the device to become
 * another, and so many connections a turn of the loop. limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "controlplane/transport/transport_priv.h"

#define BACKLOG	       512
#define ACCEPTS_A_TURN 32u /* of one listener: a storm of connections must not stop the loop */

static void unbind(struct listener *listener)
{
	if (listener->event)
		event_free(listener->event);
	listener->event = NULL;
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}

static void drop_listener(struct listener *listener)
{
	unbind(listener);
	TAILQ_REMOVE(&listener->transport->listeners, listener, all);
	free(listener);
}

/* One that connected. */
static void take_in(struct listener *listener, evutil_socket_t fd,
		    const struct sockaddr_storage *name)
{
	struct transport *transport = listener->transport;
	struct conn_info info = {.local = listener->place.local,
				 .realm = listener->place.realm,
				 .transport = listener->place.transport,
				 .accepted = true};
	enum conn_welcome welcome = CONN_REFUSED;
	struct source *source;
	struct conn *conn;

	if (socket_endpoint(name, &info.peer))
		welcome = transport->events->welcome(transport->arg, info.realm, &info.peer);
	if (welcome == CONN_REFUSED) {
		transport->stats.blocked++;
		socket_abort(fd);
		return;
	}
	info.known = welcome == CONN_KNOWN;
	if (!source_admit(transport, &info, info.known, &source)) {
		socket_abort(fd);
		return;
	}
	conn = conn_new(transport, &info);
	if (!conn) {
		source_release(transport, source);
		socket_abort(fd);
		return;
	}
	conn->source = source;
	transport->stats.accepted++;
	socket_tune(fd);
	conn_begin(conn, fd, NULL);
}

/* What can come of accept() beside a connection; true: go on. */
static bool accept_failed(struct listener *listener, int err)
{
	struct transport *transport = listener->transport;

	switch (err) {
	case EAGAIN:
		return false;
	case EINTR:
	case ECONNABORTED: /* gone again before its turn came */
		return true;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		/* the connection stays in the backlog: without a rest the loop would spin on it */
		transport->stats.no_descriptors++;
		listener->resting = true;
		event_del(listener->event);
		return false;
	default: /* errors of the connection itself (accept(2)) */
		transport->stats.accept_failed++;
		return true;
	}
}

static void on_accept(evutil_socket_t listening, short what, void *arg)
{
	struct listener *listener = arg;

	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage name;
		socklen_t len = sizeof(name);
		int fd = accept4(listening, (struct sockaddr *)&name, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			take_in(listener, fd, &name);
		else if (!accept_failed(listener, errno))
			return;
	}
}

static void complain(struct listener *listener, int err)
{
	if (listener->complained)
		return;
	listener->complained = true;
	listener->transport->stats.listen_failed++;
	LOG(WARN, "transport", "cannot listen yet; tried again each second",
	    LOG_ENDPOINT("local", &listener->place.local),
	    LOG_STR("transport", net_transport_param(listener->place.transport)),
	    LOG_STR("device", listener->device), LOG_ERR(err));
}

/* Not one of a layer that listens by itself, nor where nobody speaks it. */
static bool is_ours(const struct listener *listener)
{
	const struct transport_layer *layer =
		listener->transport->layers[listener->place.transport].layer;

	return layer ? !layer->connect : listener->place.transport == NET_TCP;
}

static void bind_listener(struct listener *listener)
{
	struct transport *transport = listener->transport;
	int fd;

	if (!is_ours(listener))
		return;
	fd = socket_at(&listener->place, listener->place.local.port);
	if (fd >= 0 && listen(fd, BACKLOG)) {
		int err = errno;

		close(fd);
		fd = -err;
	}
	if (fd < 0) {
		complain(listener, fd);
		return;
	}
	listener->device_index = *listener->device ? if_nametoindex(listener->device) : 0;
	listener->fd = fd;
	listener->event =
		event_new(transport->base, fd, EV_READ | EV_PERSIST, on_accept, listener);
	if (!listener->event || event_add(listener->event, NULL)) {
		unbind(listener);
		complain(listener, -ENOMEM);
		return;
	}
	listener->complained = false;
	LOG(INFO, "transport", "listening", LOG_ENDPOINT("local", &listener->place.local),
	    LOG_STR("transport", net_transport_param(listener->place.transport)),
	    LOG_STR("device", listener->device));
}

/* A socket keeps the number of its device: one that was made anew under the same name is another
 * one, and the socket deaf. */
static bool device_changed(const struct listener *listener)
{
	return *listener->device && if_nametoindex(listener->device) != listener->device_index;
}

void transport_look_for_devices(struct transport *transport)
{
	listeners_tick(transport);
}

/* Each second. */
void listeners_tick(struct transport *transport)
{
	struct listener *listener;

	TAILQ_FOREACH(listener, &transport->listeners, all) {
		if (listener->resting) {
			listener->resting = false;
			event_add(listener->event, NULL);
		}
		if (listener->fd >= 0 && device_changed(listener))
			unbind(listener);
		if (listener->fd < 0)
			bind_listener(listener);
	}
}

void listeners_free(struct transport *transport)
{
	struct listener *listener;

	while ((listener = TAILQ_FIRST(&transport->listeners)))
		drop_listener(listener);
}

static struct listener *find(struct transport *transport, const struct transport_place *place)
{
	struct listener *listener;

	TAILQ_FOREACH(listener, &transport->listeners, all) {
		if (listener->place.realm == place->realm &&
		    listener->place.transport == place->transport &&
		    net_endpoint_eq(&listener->place.local, &place->local) &&
		    !strcmp(listener->device, place->device ? place->device : ""))
			return listener;
	}
	return NULL;
}

static struct listener *make(struct transport *transport, const struct transport_place *place)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return NULL;
	listener->transport = transport;
	listener->fd = -1;
	listener->place = *place;
	snprintf(listener->device, sizeof(listener->device), "%s",
		 place->device ? place->device : "");
	listener->place.device = listener->device;
	TAILQ_INSERT_TAIL(&transport->listeners, listener, all);
	return listener;
}

int transport_set_places(struct transport *transport, const struct transport_place *places,
			 unsigned n)
{
	struct listener *listener, *next;
	int err = n > TRANSPORT_PLACES_MAX ? -E2BIG : 0;

	if (err)
		return err;
	TAILQ_FOREACH(listener, &transport->listeners, all)
		listener->wanted = false;
	for (unsigned i = 0; i < n; i++) {
		listener = find(transport, &places[i]);
		if (!listener)
			listener = make(transport, &places[i]);
		if (!listener)
			err = -ENOMEM;
		else
			listener->wanted = true;
	}
	for (listener = TAILQ_FIRST(&transport->listeners); listener; listener = next) {
		next = TAILQ_NEXT(listener, all);
		if (!listener->wanted && !err)
			drop_listener(listener);
	}
	TAILQ_FOREACH(listener, &transport->listeners, all) {
		if (listener->fd < 0)
			bind_listener(listener);
	}
	if (n && !event_pending(transport->tick, EV_TIMEOUT, NULL))
		event_add(transport->tick, &(struct timeval){.tv_usec = TICK_MS * 1000});
	return err;
}

const struct transport_place *listener_place(const struct transport *transport, unsigned realm,
					     unsigned which, uint8_t family)
{
	const struct listener *listener;

	TAILQ_FOREACH(listener, &transport->listeners, all) {
		if (listener->place.realm == realm && listener->place.transport == which &&
		    listener->place.local.family == family)
			return &listener->place;
	}
	return NULL;
}

bool transport_next_deaf(const struct transport *transport, unsigned *at,
			 struct net_endpoint *local)
{
	const struct listener *listener;
	unsigned n = 0;

	TAILQ_FOREACH(listener, &transport->listeners, all) {
		if (n++ < *at || listener->fd >= 0 || !is_ours(listener))
			continue;
		*at = n;
		*local = listener->place.local;
		return true;
	}
	return false;
}
