/* SPDX-License-Identifier: BSD-3-Clause */
/* limenctl's socket: several clients, one request a line, answered by lines. limen-controlplane,
 * loop thread. */
#include "controlplane/admin/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log/json.h"
#include "common/log/log.h"

#define IDLE_S 60 /* a client that neither asks nor reads for so long is closed */

struct client {
	struct admin_server *server;
	struct bufferevent *stream; /* NULL: free */
	uint64_t number;
	bool open; /* a request is being answered */
};

struct admin_server {
	const struct admin_events *events;
	void *arg;
	struct evconnlistener *listener;
	struct sockaddr_un address;
	uint64_t last_number;
	struct client clients[ADMIN_CLIENTS_MAX];
};

static struct client *find(const struct admin_server *server, uint64_t number)
{
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		const struct client *client = &server->clients[i];

		if (client->stream && client->number == number)
			return (struct client *)(uintptr_t)client;
	}
	return NULL;
}

static void drop(struct client *client)
{
	struct admin_server *server = client->server;
	uint64_t number = client->number;

	bufferevent_free(client->stream);
	*client = (struct client){.server = server};
	server->events->gone(server->arg, number);
}

static void put_line(struct client *client, struct span line)
{
	struct evbuffer *out = bufferevent_get_output(client->stream);

	evbuffer_add(out, line.ptr, line.len);
	evbuffer_add(out, "\n", 1);
}

/* Hand over the next whole line, if there is one and no other is being answered. */
static void next_request(struct client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->stream);
	struct admin_server *server = client->server;
	uint64_t number = client->number;
	size_t len;
	char *line;

	while (!client->open) {
		line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
		if (!line) {
			if (evbuffer_get_length(in) > ADMIN_REQUEST_BYTES_MAX)
				drop(client);
			return;
		}
		if (len > ADMIN_REQUEST_BYTES_MAX) {
			free(line);
			drop(client);
			return;
		}
		client->open = true;
		server->events->request(server->arg, number, span_of(line, len));
		free(line);
		if (find(server, number) != client)
			return;
	}
}

static void on_read(struct bufferevent *stream, void *arg)
{
	next_request(arg);
}

static void on_drained(struct bufferevent *stream, void *arg)
{
	struct client *client = arg;

	client->server->events->drained(client->server->arg, client->number);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
	drop(arg);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
		      int len, void *arg)
{
	static const char full[] = "{\"error\":\"too many clients\"}\n";
	const struct timeval idle = {.tv_sec = IDLE_S};
	struct admin_server *server = arg;
	struct client *client = NULL;

	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX && !client; i++) {
		if (!server->clients[i].stream)
			client = &server->clients[i];
	}
	if (client)
		client->stream = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
							BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->stream) {
		(void)!write(fd, full, sizeof(full) - 1);
		close(fd);
		return;
	}
	client->number = ++server->last_number;
	bufferevent_setcb(client->stream, on_read, on_drained, on_event, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, 2 * ADMIN_REQUEST_BYTES_MAX);
	bufferevent_set_timeouts(client->stream, &idle, &idle);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

/* Whether somebody answers at the address. */
static bool is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool alive =
		fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return alive;
}

static int listen_at(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	mode_t was;

	if (fd < 0)
		return -errno;
	if (is_alive(address)) {
		close(fd);
		return -EADDRINUSE;
	}
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		err = -errno;
	was = umask(0117);
	if (!err && bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		err = -errno;
	umask(was);
	if (!err && listen(fd, ADMIN_CLIENTS_MAX) < 0)
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

int admin_server_new(struct admin_server **out, struct event_base *base, const char *path,
		     const struct admin_events *events, void *arg)
{
	struct admin_server *server = calloc(1, sizeof(*server));
	int fd;

	*out = NULL;
	if (!server)
		return -ENOMEM;
	server->events = events;
	server->arg = arg;
	server->address.sun_family = AF_UNIX;
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++)
		server->clients[i].server = server;
	if (strlen(path) >= sizeof(server->address.sun_path)) {
		free(server);
		return -ENAMETOOLONG;
	}
	strcpy(server->address.sun_path, path);
	fd = listen_at(&server->address);
	if (fd < 0) {
		free(server);
		return fd;
	}
	server->listener = evconnlistener_new(base, on_accept, server,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!server->listener) {
		close(fd);
		unlink(path);
		free(server);
		return -ENOMEM;
	}
	*out = server;
	return 0;
}

void admin_server_free(struct admin_server *server)
{
	if (!server)
		return;
	for (unsigned i = 0; i < ADMIN_CLIENTS_MAX; i++) {
		if (server->clients[i].stream)
			bufferevent_free(server->clients[i].stream);
	}
	evconnlistener_free(server->listener);
	unlink(server->address.sun_path);
	free(server);
}

void admin_row(struct admin_server *server, uint64_t number, struct span object)
{
	struct client *client = find(server, number);

	if (client)
		put_line(client, object);
}

static void end(struct admin_server *server, uint64_t number, struct span last)
{
	struct client *client = find(server, number);

	if (!client)
		return;
	put_line(client, last);
	client->open = false;
	/* the next request may lie in the buffer already; not from within the handler of this
	 * one */
	bufferevent_trigger(client->stream, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}

void admin_done(struct admin_server *server, uint64_t number)
{
	end(server, number, SPAN("{\"done\":true}"));
}

void admin_fail_with(struct admin_server *server, uint64_t number, const char *why,
		     struct span details)
{
	char text[8192];
	struct cursor out = cursor_on(text, sizeof(text));

	put_char(&out, '{');
	put_json_text(&out, "error", span_str(why));
	if (details.len) {
		put_json_key(&out, "details");
		put_span(&out, details);
	}
	put_char(&out, '}');
	end(server, number, out.full ? SPAN("{\"error\":\"too much to say\"}") : cursor_span(&out));
}

void admin_fail(struct admin_server *server, uint64_t number, const char *why)
{
	admin_fail_with(server, number, why, SPAN_NONE);
}

size_t admin_backlog(const struct admin_server *server, uint64_t number)
{
	const struct client *client = find(server, number);

	return client ? evbuffer_get_length(bufferevent_get_output(client->stream)) : 0;
}
