/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers do without asking: told to each when it is connected, and after a reload.
 * limen-controlplane, loop thread. */
#include <errno.h>
#include <event2/event.h>

#include "controlplane/dispatch/internal.h"

#define RETRY_MS 50

static void put_services(struct cursor *out, const struct conf_emergency *emergency)
{
	for (unsigned i = 0; i < emergency->count; i++) {
		if (i)
			put_char(out, '\n');
		put_span(out, span_str(emergency->services[i]));
	}
}

static int send_to(struct dispatch *dispatch, unsigned worker)
{
	const struct conf *conf = dispatch->generation->conf;
	char services[IPC_EMERGENCY_MAX];
	struct cursor out = cursor_on(services, sizeof(services));
	struct ipc_settings head = {
		.busy_permille_max = (uint16_t)(conf->overload.busy_percent_max * 10),
		.retry_after_s = conf->overload.retry_after_s,
	};
	struct span parts[2];

	put_services(&out, &conf->emergency);
	head.emergency_len = (uint16_t)out.len;
	parts[0] = span_of(&head, sizeof(head));
	parts[1] = cursor_span(&out);
	return cp_link_send(dispatch->link, cp_link_worker_ring(worker), IPC_SETTINGS, parts, 2);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	settings_send(arg);
}

int settings_start(struct dispatch *dispatch)
{
	dispatch->settings_retry = evtimer_new(dispatch->base, on_retry, dispatch);
	return dispatch->settings_retry ? 0 : -ENOMEM;
}

void settings_stop(struct dispatch *dispatch)
{
	if (dispatch->settings_retry)
		event_free(dispatch->settings_retry);
	dispatch->settings_retry = NULL;
}

void settings_send(struct dispatch *dispatch)
{
	const struct timeval soon = {.tv_usec = RETRY_MS * 1000};
	const struct ipc_hello *hello = cp_link_hello(dispatch->link);
	bool again = false;

	/* the same settings twice are one: after a full ring all are told again */
	for (unsigned worker = 0; hello && worker < hello->nworkers; worker++)
		again |= send_to(dispatch, worker) == -EAGAIN;
	if (again)
		event_add(dispatch->settings_retry, &soon);
}
