/* SPDX-License-Identifier: BSD-3-Clause */
/* A control plane that does nothing but keep the link: it answers what the workers say with a
 * HANGUP each, and asks the main thread for counters. Killed by the test. Arguments: path of the
 * socket, conf_hash. */
#include "controlplane/link/cp_link.h"
#include "check.h"

#include <event2/event.h>

static struct cp_link *client;

static void on_up(void *arg, const struct ipc_hello *hello)
{
	struct ipc_list_ask ask = {.list_id = 1};
	struct span part = span_of(&ask, sizeof(ask));

	CHECK_EQ(cp_link_send(client, CP_LINK_MAIN, IPC_STATS_ASK, &part, 1), 0);
}

static void on_down(void *arg, const char *reason, bool was_up)
{
	fprintf(stderr, "  control peer: %s\n", reason);
}

static void on_message(void *arg, unsigned ring, uint16_t type, const void *frame, uint32_t len)
{
	struct ipc_hangup hangup = {.call = len};
	struct span part = span_of(&hangup, sizeof(hangup));
	int err;

	if (ring == CP_LINK_MAIN)
		return;
	err = cp_link_send(client, ring, IPC_HANGUP, &part, 1);
	CHECK(err == 0 || err == -EAGAIN || err == -ENOTCONN);
}

int main(int argc, char **argv)
{
	static const struct cp_link_events events = {on_up, on_down, on_message};
	struct event_base *base = event_base_new();
	struct cp_link_conf conf = {.events = &events};

	CHECK(argc == 3 && base);
	conf.path = argv[1];
	conf.conf_hash = strtoull(argv[2], NULL, 10);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK_EQ(cp_link_new(&client, base, &conf), 0);
	event_base_dispatch(base);
	return 1;
}
