/* SPDX-License-Identifier: BSD-3-Clause */
/* A dataplane that does nothing but keep the link: one thread plays main and two workers, who talk
 * without end. Killed by the test. Arguments: path of the socket, conf_hash. */
#include "common/ipc/ring.h"
#include "dataplane/link/link.h"
#include "check.h"

#define WORKERS 2u

static void on_message(void *arg, uint16_t type, const void *frame, uint32_t len)
{
	(*(uint64_t *)arg)++;
}

int main(int argc, char **argv)
{
	struct ipc_ask_gone gone = {0};
	struct span part = span_of(&gone, sizeof(gone));
	uint64_t handled = 0;
	struct link *server;

	CHECK(argc == 3);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CHECK_EQ(link_open(&server, argv[1], WORKERS, strtoull(argv[2], NULL, 10), RING_BYTES_MIN),
		 0);
	for (;;) {
		link_poll(server);
		link_main_receive(server, on_message, &handled, 8);
		for (unsigned i = 0; i < WORKERS; i++) {
			link_epoch(link_worker(server, i));
			link_receive(link_worker(server, i), on_message, &handled, 8);
			link_send(link_worker(server, i), IPC_ASK_GONE, &part, 1);
		}
		gone.ask_id++;
		link_wait(server, 1);
	}
}
