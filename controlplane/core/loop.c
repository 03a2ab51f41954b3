/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's event loop and its signals. limen-controlplane, main thread. */
#include "controlplane/core/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "common/log/log.h"

enum { ON_TERM, ON_INT, ON_HUP, SIGNALS };

struct loop {
	const struct loop_events *events;
	void *arg;
	struct event_base *base;
	struct event *signals[SIGNALS];
};

static void on_end(evutil_socket_t signal, short what, void *arg)
{
	struct loop *loop = arg;

	LOG(INFO, "core", "stopping", LOG_STR("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
	event_base_loopbreak(loop->base);
}

static void on_hangup(evutil_socket_t signal, short what, void *arg)
{
	struct loop *loop = arg;

	loop->events->reload(loop->arg);
}

static void on_libevent(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		LOG(WARN, "core", "libevent complains", LOG_STR("text", text));
}

static bool watch(struct loop *loop, unsigned at, int signal, event_callback_fn callback)
{
	loop->signals[at] = evsignal_new(loop->base, signal, callback, loop);
	return loop->signals[at] && event_add(loop->signals[at], NULL) == 0;
}

struct loop *loop_new(const struct loop_events *events, void *arg)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->events = events;
	loop->arg = arg;
	event_set_log_callback(on_libevent);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file at its limit is as a full disk: records wait */
	loop->base = event_base_new();
	if (!loop->base || !watch(loop, ON_TERM, SIGTERM, on_end) ||
	    !watch(loop, ON_INT, SIGINT, on_end) || !watch(loop, ON_HUP, SIGHUP, on_hangup)) {
		loop_free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (unsigned i = 0; i < SIGNALS; i++) {
		if (loop->signals[i])
			event_free(loop->signals[i]);
	}
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

int loop_run(struct loop *loop)
{
	return event_base_dispatch(loop->base) < 0 ? -EIO : 0;
}
