/* SPDX-License-Identifier: BSD-3-Clause */
/* The client of the dataplane's socket: connect, take the hello, keep the rings, begin again.
 * limen-controlplane, loop thread. */
#include "controlplane/link/cp_link.h"

#include "common/ipc/fdpass.h"
#include "controlplane/link/cp_ring.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 2000u

struct cp_link {
	struct event_base *base; /* borrowed */
	struct cp_link_conf conf;
	struct sockaddr_un address;
	struct event *attempt;  /* timer: next attempt */
	struct event *end;      /* timer: the connection ends, outside of any callback */
	int end_err;            /* why: -EPROTO or -ECONNRESET */
	struct event *readable; /* of sock; NULL without one */
	int sock;               /* -1: none */
	unsigned backoff_ms;
	const char *told_reason; /* of the last failure, NULL after success */
	bool up;
	struct ipc_hello hello;
	unsigned nrings;       /* open ones */
	struct cp_ring *rings; /* owned */
	struct cp_ring_owner owner;
	struct cp_link_stats stats;
};

static void attempt_in(struct cp_link *link, unsigned ms)
{
	struct timeval delay = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(link->attempt, &delay);
}

static void close_rings(struct cp_link *link)
{
	for (unsigned i = 0; i < link->nrings; i++)
		cp_ring_close(&link->rings[i]);
	link->nrings = 0;
	free(link->rings);
	link->rings = NULL;
}

static void close_connection(struct cp_link *link)
{
	event_del(link->end);
	close_rings(link);
	if (link->readable) {
		event_free(link->readable);
		link->readable = NULL;
	}
	if (link->sock >= 0)
		close(link->sock);
	link->sock = -1;
	link->up = false;
}

/* The connection, or the attempt at one, is over: tell, and try again later. */
static void go_down(struct cp_link *link, const char *reason)
{
	bool was_up = link->up;

	close_connection(link);
	attempt_in(link, link->backoff_ms);
	link->backoff_ms =
		link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
	if (!was_up && reason == link->told_reason)
		return;
	link->told_reason = reason;
	link->conf.events->down(link->conf.arg, reason, was_up);
}

static const char gone[] = "the dataplane is gone";

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct cp_link *link = arg;

	if (link->end_err == -EPROTO)
		link->stats.resets++;
	go_down(link, link->end_err == -EPROTO ? "the dataplane broke a ring" : gone);
}

/* We may be inside a callback of the ring, which must outlive it: end the connection in the loop's
 * next turn. */
static void on_ring_failed(void *arg, unsigned index, int err)
{
	struct cp_link *link = arg;
	static const struct timeval at_once;

	link->end_err = err;
	event_add(link->end, &at_once);
}

static void on_frame(void *arg, unsigned index, uint16_t type, const void *frame, uint32_t len)
{
	struct cp_link *link = arg;
	enum ipc_ring_kind kind = index == CP_LINK_MAIN ? IPC_RING_MAIN : IPC_RING_WORKER;

	if (ipc_msg_check(IPC_SIDE_DATAPLANE, kind, type, frame, len)) {
		link->stats.rejected++;
		return;
	}
	link->stats.received++;
	link->conf.events->message(link->conf.arg, index, type, frame, len);
}

/* Take the descriptors of a hello: all of them are closed or owned by a ring afterwards. */
static int open_rings(struct cp_link *link, const int *fds)
{
	unsigned nrings = 1 + link->hello.nworkers;
	int err = 0;

	link->rings = calloc(nrings, sizeof(link->rings[0]));
	if (!link->rings)
		err = -ENOMEM;
	for (unsigned i = 0; i < nrings; i++) {
		int memfd = fds[HELLO_RING_FDS * i], doorbell = fds[HELLO_RING_FDS * i + 1];

		if (!err)
			err = cp_ring_open(&link->rings[i], &link->owner, i, link->hello.ring_bytes,
					   memfd, doorbell);
		if (!err)
			link->nrings++;
		else
			close(doorbell);
		close(memfd);
	}
	return err;
}

static void refuse(struct cp_link *link, const char *reason)
{
	link->stats.refused++;
	go_down(link, reason);
}

static void take_hello(struct cp_link *link)
{
	int fds[HELLO_FDS_MAX];
	int err = fdpass_receive_hello(link->sock, &link->hello, fds);

	switch (err) {
	case 0:
		break;
	case -EAGAIN:
		return;
	case -ECONNRESET:
		go_down(link, "the dataplane closed the connection before its hello");
		return;
	case -EPROTONOSUPPORT:
		refuse(link, "the dataplane speaks another version");
		return;
	default:
		refuse(link, "malformed hello");
		return;
	}
	if (link->hello.conf_hash != link->conf.conf_hash) {
		for (unsigned i = 0; i < HELLO_RING_FDS * (1 + link->hello.nworkers); i++)
			close(fds[i]);
		refuse(link, "the dataplane runs with other realms than this configuration");
		return;
	}
	err = open_rings(link, fds);
	if (err) {
		refuse(link, err == -EPROTO ? "the hello's descriptors are not sealed rings"
					    : "no memory for the rings");
		return;
	}
	link->up = true;
	link->backoff_ms = BACKOFF_MIN_MS;
	link->told_reason = NULL;
	link->stats.connects++;
	link->conf.events->up(link->conf.arg, &link->hello);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct cp_link *link = arg;
	char byte;
	ssize_t got;

	if (!link->up) {
		take_hello(link);
		return;
	}
	got = recv(link->sock, &byte, 1, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	/* Nothing follows the hello. */
	if (got > 0) {
		link->stats.resets++;
		go_down(link, "the dataplane spoke out of turn");
		return;
	}
	go_down(link, gone);
}

static const char *connect_failure(int err)
{
	switch (err) {
	case ENOENT:
		return "no dataplane: its socket does not exist";
	case ECONNREFUSED:
		return "no dataplane: nobody listens on its socket";
	case EAGAIN:
		return "the dataplane's queue of connections is full";
	case EACCES:
	case EPERM:
		return "no permission to connect to the dataplane's socket";
	default:
		return "cannot connect to the dataplane's socket";
	}
}

static void on_attempt(evutil_socket_t fd, short what, void *arg)
{
	struct cp_link *link = arg;

	link->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->sock < 0) {
		go_down(link, "no descriptor left for a socket");
		return;
	}
	if (connect(link->sock, (struct sockaddr *)&link->address, sizeof(link->address)) < 0) {
		go_down(link, connect_failure(errno));
		return;
	}
	if (fdpass_check_peer(link->sock, (uid_t)-1)) {
		refuse(link, "the socket belongs to another user than this process or root");
		return;
	}
	/* The hello comes when it is our turn: at once, or when another control plane has gone. */
	link->readable = event_new(link->base, link->sock, EV_READ | EV_PERSIST, on_readable, link);
	if (!link->readable || event_add(link->readable, NULL) < 0)
		go_down(link, "no memory for the connection");
}

int cp_link_new(struct cp_link **link, struct event_base *base, const struct cp_link_conf *conf)
{
	struct sockaddr_un address;
	struct cp_link *made;
	int err = fdpass_address(conf->path, &address);

	if (err)
		return err;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->base = base;
	made->conf = *conf;
	made->conf.path = NULL; /* the caller's; the address is our copy */
	made->address = address;
	made->sock = -1;
	made->backoff_ms = BACKOFF_MIN_MS;
	made->owner = (struct cp_ring_owner){
		.base = base,
		.handler = on_frame,
		.failed = on_ring_failed,
		.arg = made,
		.frame = aligned_alloc(64, IPC_FRAME_MAX),
	};
	made->attempt = event_new(base, -1, 0, on_attempt, made);
	made->end = event_new(base, -1, 0, on_end, made);
	if (!made->attempt || !made->end || !made->owner.frame) {
		cp_link_free(made);
		return -ENOMEM;
	}
	attempt_in(made, 0);
	*link = made;
	return 0;
}

void cp_link_free(struct cp_link *link)
{
	if (!link)
		return;
	if (link->end)
		close_connection(link);
	if (link->attempt)
		event_free(link->attempt);
	if (link->end)
		event_free(link->end);
	free(link->owner.frame);
	free(link);
}

int cp_link_send(struct cp_link *link, unsigned ring, uint16_t type, const struct span *parts,
		 unsigned nparts)
{
	int err;

	if (!link->up || ring >= link->nrings)
		return -ENOTCONN;
	err = cp_ring_send(&link->rings[ring], type, parts, nparts);
	if (err == 0)
		link->stats.sent++;
	else if (err == -EAGAIN)
		link->stats.full++;
	return err == -EPROTO ? -ENOTCONN : err;
}

const struct ipc_hello *cp_link_hello(const struct cp_link *link)
{
	return link->up ? &link->hello : NULL;
}

void cp_link_stats(const struct cp_link *link, struct cp_link_stats *stats)
{
	*stats = link->stats;
}
