/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's event loop and its signals. limen-controlplane, main thread. */
#pragma once

struct event_base;
struct loop;

struct loop_events {
	/* SIGHUP. */
	void (*reload)(void *arg);
};

/* SIGTERM and SIGINT end the loop; SIGPIPE and SIGXFSZ are ignored. `events` is borrowed. NULL when
 * it cannot be made. */
struct loop *loop_new(const struct loop_events *events, void *arg);
void loop_free(struct loop *loop);

struct event_base *loop_base(struct loop *loop);

/* Until a signal ends it. 0, or -EIO when the loop itself fails. */
int loop_run(struct loop *loop);
